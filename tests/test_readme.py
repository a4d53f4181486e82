"""Hold both READMEs to the code: tables of layers, rules and commands, links, code blocks and the help they promise.

When a table is out of step, the failure prints the one that belongs there: paste it over the old one.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer
from conftest import ROOT

from geosys.cli import app
from geosys.layers.readers import READERS
from geosys.layers.spec import read_catalogue
from geosys.rooms import read_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geosys.cases.rules import Rule

READMES = {"en": "README.md", "zh": "README.zh-CN.md"}
PAGES = [*READMES.values(), *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))]
MOST_QUICK_LINES = 10
LAUNCHER_WORDS = {"test"}  # what `geo` does itself; every other word is a command of geosys

HEADS = {
    "layers": {"en": ("layer", "Chinese", "English", "geometry"), "zh": ("图层", "中文名", "英文名", "几何")},
    "rules": {
        "en": ("rule", "Chinese", "English", "relation", "threshold", "severity", "certainty"),
        "zh": ("规则", "中文名", "英文名", "关系", "阈值", "严重程度", "确定性"),
    },
    "commands": {"en": ("command", "what it does", "example"), "zh": ("命令", "用途", "示例")},
}
GEOMETRIES = {"point": "点", "line": "线", "polygon": "面", "none": "无"}
RELATIONS = {
    "corridor": "在断面沿河廊道内",
    "upstream": "水流到达",
    "covered_by": "位于其内",
    "intersects": "重叠",
    "dwithin": "距离以内",
    "not_covered_by": "未被覆盖",
    "attribute": "属性",
}


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def palettes() -> dict[str, Any]:
    return tomllib.loads((ROOT / "maps" / "palettes.toml").read_text(encoding="utf-8"))


def word(table: str, key: str, language: str) -> str:
    """Return what the map calls a severity, certainty or outcome, without the remark after its comma or in brackets."""
    return re.split(r"[，,（(]", palettes()[table][key][language])[0].strip()


# --- the tables as they should be ---


def walk(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its name as one types it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from walk(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(walk(typer.main.get_command(app)))


def example_of(name: str) -> str:
    """Return the example that a command's help ends with."""
    found = re.findall(r"Example: (.+)", COMMANDS[name].help or "")
    assert len(found) == 1, f"geosys {name} --help has {len(found)} lines 'Example:', expected one"
    return found[0].strip()


def summary_of(name: str, language: str) -> str:
    """Return the first line of a command's help in one language: Chinese first, then English after a blank."""
    first = (COMMANDS[name].help or "").splitlines()[0]
    match = re.fullmatch(r"(.*?[^\x00-\x7f]) ([A-Z].*)", first)
    assert match, f"geosys {name} --help begins {first!r}, expected Chinese, a blank, English"
    return match[1] if language == "zh" else match[2]


def threshold_of(rule: Rule) -> str:
    """Return the figures of a rule: the distance, or the least area and share with their defaults."""
    if rule.relation == "dwithin":
        return f"≤ {rule.settings['distance_m']:g} m"
    if rule.relation in ("intersects", "not_covered_by"):
        share = rule.settings.get("min_share", 0.0)
        return f"≥ {rule.settings.get('min_area_m2', 1.0):g} m²" + (f", ≥ {share:.0%}" if share else "")
    if rule.relation == "corridor":
        up, down, aside = (rule.settings[key] for key in ("up_m", "down_m", "offset_m"))
        return f"↑ {up:g} m, ↓ {down:g} m, ± {aside:g} m"
    if "within_m" in rule.settings:
        return f"≤ {rule.settings['within_m']:g} m"
    return "—"


def rows_of(kind: str, language: str) -> list[tuple[str, ...]]:
    is_zh = language == "zh"
    if kind == "layers":
        return [
            (f"`{s.id}`", s.title.zh, s.title.en, GEOMETRIES[s.geometry] if is_zh else s.geometry)
            for s in read_catalogue().layers.values()
        ]
    if kind == "commands":
        return [(f"`{name}`", summary_of(name, language), f"`{example_of(name)}`") for name in COMMANDS]
    return [
        (
            f"`{r.id}`",
            r.title.zh,
            r.title.en,
            RELATIONS[r.relation] if is_zh else f"`{r.relation}`",
            threshold_of(r),
            word("severities", r.severity, language),
            word("certainties", r.certainty, language),
        )
        for r in read_content().book.rules.values()
    ]


def expected_table(kind: str, language: str) -> str:
    """Return a table of the README as the code wants it, ready to paste."""
    head = HEADS[kind][language]
    lines = [head, ("---",) * len(head), *rows_of(kind, language)]
    assert not any("|" in cell for line in lines for cell in line), "a bar in a cell would break the table"
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


# --- the READMEs as they are ---


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```[a-z]*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def tables(text: str) -> list[str]:
    return re.findall(r"(?:^\|.*\|$\n?)+", prose(text), re.MULTILINE)


def headings(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def first_cells(table: str) -> list[str]:
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


@pytest.mark.parametrize("language", READMES)
@pytest.mark.parametrize("kind", HEADS)
def test_a_table_equals_the_code(kind: str, language: str) -> None:
    expected = expected_table(kind, language)
    found = [table.rstrip("\n") for table in tables(text_of(READMES[language]))]
    assert expected in found, (
        f"{READMES[language]}: the table of {kind} is out of step. Paste this over it:\n\n{expected}"
    )


def test_both_languages_have_the_same_parts() -> None:
    english, chinese = (text_of(page) for page in READMES.values())
    assert headings(english) == headings(chinese)
    assert code_blocks(english) == code_blocks(chinese)
    assert code_blocks(english)
    assert len(tables(english)) == len(tables(chinese))
    for one, other in zip(tables(english), tables(chinese), strict=True):
        assert [re.findall(r"`[^`]+`", cell) for cell in first_cells(one)] == [
            re.findall(r"`[^`]+`", cell) for cell in first_cells(other)
        ]
    targets = [re.findall(r"\]\(([^)\s]+)\)", text) for text in (english, chinese)]
    assert targets[0][1:] == targets[1][1:], "the same links in the same order, after the one to the other language"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_exist(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(text_of(page)))
    missing = [link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()]
    assert not missing, f"{page} links to what is not there: {missing}"


@pytest.mark.parametrize("page", READMES.values())
def test_the_map_stands_at_the_top_and_is_small(page: str) -> None:
    assert "](docs/map.png)" in text_of(page)[:600]
    assert (ROOT / "docs" / "map.png").stat().st_size < 400_000


@pytest.mark.parametrize("page", READMES.values())
def test_the_quick_start_is_short_and_names_what_exists(page: str) -> None:
    lines = code_blocks(text_of(page))[0].splitlines()
    assert 0 < len(lines) <= MOST_QUICK_LINES
    assert lines[:2] == ["./geo demo", "./geo test"]
    delivered = (ROOT / "geosys" / "sample" / "deliveries.toml").read_text(encoding="utf-8")
    for line in lines:
        launcher, *words = shlex.split(line)
        assert launcher == "./geo", line
        assert words[0] in LAUNCHER_WORDS | set(COMMANDS), line
        for file in (part.rpartition("/")[2] for part in words if part.startswith("geosys-demo/inbox/")):
            assert f'"{file}"' in delivered, f"{line}: the demo has no delivery '{file}'"


@pytest.mark.parametrize("page", [*READMES.values(), "docs/deliveries.md"])
def test_every_kind_of_file_is_named(page: str) -> None:
    missing = [suffix for suffix in READERS if f"`{suffix}`" not in text_of(page)]
    assert not missing, f"{page} does not say that these are read: {missing}"


@pytest.mark.parametrize("language", READMES)
def test_every_outcome_is_explained_in_the_words_of_the_map(language: str) -> None:
    text = text_of(READMES[language])
    for outcome in palettes()["outcomes"]:
        assert f"| `{outcome}` | {word('outcomes', outcome, language)} |" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_issue_type_is_explained(language: str) -> None:
    text, catalogue = text_of("docs/deliveries.md"), read_catalogue()
    for name, kind in catalogue.issue_types.items():
        cells = (f"`{name}`", word("issue_severities", kind.severity, language), getattr(kind.title, language))
        line = f"| {' | '.join(cells)} |"
        assert line in text, f"docs/deliveries.md lacks the row:\n\n{line}"


# --- the help ---


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str) -> None:
    command = COMMANDS[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--workspace", "--json"} <= options
    assert summary_of(name, "zh")
    assert summary_of(name, "en").endswith(".")
    words = shlex.split(example_of(name))
    assert words[: 1 + len(name.split())] == ["geosys", *name.split()]
    command.make_context(name, words[1 + len(name.split()) :])  # raises when the example would not be understood

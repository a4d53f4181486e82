"""Load and check ``maps/palettes.toml``: colours, hatches and shapes of layers, classes, outcomes, statuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.content import read_toml, short_name
from geosys.maps.frames import CERTAINTIES, ISSUE_SEVERITIES, OUTCOMES, SEVERITIES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._faults import Faults

HATCHES = ("none", "forward", "backward", "cross", "horizontal", "vertical", "dots")
SHAPES = (
    "circle",
    "ring",
    "square",
    "frame",
    "triangle",
    "inverted",
    "diamond",
    "star",
    "cross",
    "pentagon",
    "hexagon",
)
MARKS = ("solid", "dot", "question", "none")
SEEN = ("present", "no_longer_found", "returned")
FALLBACK = "default"
_KINDS = {"by": str, "prefix": bool}
_TOP = {"opacity": 1, "width": 40, "size": 40}
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Swatch:
    """Hold the title and the look of one word: an outcome, a status, a severity, a class of a layer."""

    title: Text
    colour: str = "#666666"
    hatch: str = ""
    shape: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """Hold how a layer is drawn: colours, line (pixels), hatch, shape and, where it has classes, by which column.

    `prefix` lets a code without a class of its own take the class of the longest code it begins with.
    """

    colour: str = "#555555"
    fill: str = "#BBBBBB"
    opacity: float = 0.5
    width: float = 1.0
    dash: tuple[float, ...] = ()
    hatch: str = "none"
    shape: str = "circle"
    size: float = 5.0
    by: str = ""
    classes: str = ""
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Palettes:
    """Hold all of ``maps/palettes.toml``."""

    outcomes: Mapping[str, Swatch]
    statuses: Mapping[str, Swatch]
    severities: Mapping[str, Swatch]
    issue_severities: Mapping[str, Swatch]
    certainties: Mapping[str, Swatch]
    seen: Mapping[str, Swatch]
    classes: Mapping[str, Mapping[str, Swatch]]
    styles: Mapping[str, Style]

    def style(self, layer: str) -> Style:
        """Return the style of a layer, or the default where the content gives none."""
        return self.styles.get(layer, self.styles[FALLBACK])


# Each table of words: every word must be there, so that no outcome or status can be without colour and title.
_WORDS = {
    "outcomes": (OUTCOMES, ("colour", "mark")),
    "statuses": (STATUSES, ("colour", "shape")),
    "severities": (SEVERITIES, ("colour",)),
    "issue_severities": (ISSUE_SEVERITIES, ("colour",)),
    "certainties": (CERTAINTIES, ()),
    "seen": (SEEN, ()),
}


def load_palettes(path: Path, faults: Faults) -> Palettes | None:
    """Read the palettes; add what is wrong to `faults` and return None when a part is missing."""
    where, table, before = short_name(path), read_toml(path), len(faults.rows)
    faults.keys(where, table, (), (*_WORDS, "classes", "styles"))
    words = {
        name: _read_words(f"{where} [{name}", table.get(name, {}), wanted, needs, faults)
        for name, (wanted, needs) in _WORDS.items()
    }
    classes = {
        name: {
            code: read_swatch(f"{where} [classes.{name}] {code}", row, ("colour",), faults)
            for code, row in rows.items()
        }
        for name, rows in swatch_tables(where, table.get("classes", {}), faults).items()
    }
    styles = {
        name: read_style(f"{where} [styles.{name}]", row, classes, faults)
        for name, row in swatch_tables(where, table.get("styles", {}), faults).items()
    }
    if FALLBACK not in styles:
        faults.add(f"{where} [styles]", sorted(styles), f"also a style '{FALLBACK}'", f"Add [styles.{FALLBACK}].")
    return Palettes(**words, classes=classes, styles=styles) if len(faults.rows) == before else None


def swatch_tables(where: str, table: object, faults: Faults) -> dict[str, dict[str, Any]]:
    """Return those members of `table` that are tables; fault the others."""
    if not isinstance(table, dict):
        faults.add(where, table, "a table")
        return {}
    for name, row in table.items():
        faults.typed(f"{where} {name}", row, dict, "a table")
    return {name: row for name, row in table.items() if isinstance(row, dict)}


def _read_words(
    where: str, table: object, wanted: tuple[str, ...], needs: tuple[str, ...], faults: Faults
) -> dict[str, Swatch]:
    """Read a table of swatches, one for each wanted word."""
    rows = swatch_tables(f"{where}]", table, faults)
    faults.keys(f"{where}]", rows, (), wanted)
    return {word: read_swatch(f"{where}.{word}]", rows[word], needs, faults) for word in wanted if word in rows}


def read_swatch(where: str, row: object, needs: tuple[str, ...], faults: Faults) -> Swatch:
    """Read ``{ zh, en, colour, hatch, shape, mark }``."""
    if not faults.typed(where, row, dict, "a table with zh and en") or not isinstance(row, dict):
        return Swatch(Text("", ""))
    looks = {"colour": None, "hatch": HATCHES, "shape": SHAPES, "mark": MARKS}
    faults.keys(where, row, looks, ("zh", "en", *needs))
    title = faults.text(where, {key: row.get(key, "") for key in ("zh", "en")})
    given: dict[str, str] = {}
    for key, words in looks.items():
        if key in row:
            value = row[key]
            given[key] = _word(where, key, value, words, faults) if words else _colour(where, value, faults)
    return Swatch(title, **given)


def read_style(where: str, row: Mapping[str, Any], classes: Mapping[str, Any], faults: Faults) -> Style:
    """Read a layer's style; what it does not say is as `Style` has it."""
    faults.keys(where, row, Style.__dataclass_fields__)
    if ("by" in row) != ("classes" in row):
        faults.add(where, sorted(row), "'by' and 'classes' together", "Give both, or neither.")
    given: dict[str, Any] = {}
    for key, value in row.items():
        if key in {"colour", "fill"}:
            given[key] = _colour(f"{where} {key}", value, faults)
        elif key in {"hatch", "shape"}:
            given[key] = _word(where, key, value, HATCHES if key == "hatch" else SHAPES, faults)
        elif key in _TOP:
            given[key] = _number(f"{where} {key}", value, _TOP[key], faults)
        elif key == "dash" and faults.typed(f"{where} dash", value, list, "a list of pixels, as in [6, 3]"):
            given[key] = tuple(_number(f"{where} dash", n, 100, faults) for n in value)
        elif key == "classes":
            given[key] = faults.one_of(f"{where} classes", value, classes, "a table of [classes]")
        elif key in _KINDS and faults.typed(f"{where} {key}", value, _KINDS[key], "a column, or true or false"):
            given[key] = value
    return Style(**given)


def _number(where: str, value: object, top: int, faults: Faults) -> float:
    """Return a number from 0 to `top`; fault any other."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        faults.add(where, value, f"a number from 0 to {top}")
        return 0.0
    return float(value)


def _colour(where: str, value: object, faults: Faults) -> str:
    """Return a colour; fault what is not ``#RRGGBB``."""
    if not (isinstance(value, str) and _COLOUR.fullmatch(value)):
        faults.add(where, value, "a colour '#RRGGBB'")
        return "#000000"
    return value.upper()


def _word(where: str, key: str, value: object, words: tuple[str, ...], faults: Faults) -> str:
    """Return a word of a fixed list; fault any other."""
    return faults.one_of(f"{where} {key}", value, words, f"a {key}")

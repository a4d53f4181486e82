"""Reports in Word: figures counted by hand and linked to their lists, hostile texts shown as texts, templates that offices edit."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shutil
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docx
import pandas as pd
import pytest
from conftest import ROOT
from docx.oxml.ns import qn
from typer.testing import CliRunner

from geosys._errors import SpecError, WorkspaceError
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import MACHINE, Event, append_all
from geosys.cases.ledger.moves import move_case
from geosys.cases.todo import Terms
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import read_calendar
from geosys.cli import report_command
from geosys.maps.frames import Meta
from geosys.maps.word.fields import FIELDS
from geosys.maps.word.spec import read_reports
from geosys.maps.word.templates import TEMPLATES, write_templates
from geosys.maps.word.values import Lists, Words, plain_text
from geosys.reports import pages as report_pages
from geosys.reports.names import names_of
from geosys.reports.pages import write_report
from geosys.reports.situation import Situation, counts_before, figures, groups, overdue, situation, todo_lists
from geosys.rooms import read_content

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = read_content()
WORKFLOW = read_workflow(ROOT)
TERMS = Terms(WORKFLOW, CONTENT.book, read_deadlines(ROOT, CONTENT.book), read_calendar(ROOT))
BOOK = read_reports(ROOT)
PALETTES = report_command._palettes(CONTENT)
NAMES = names_of(CONTENT.catalogue, PALETTES)
NEAR = "outfall_near_intake"
FIRST, SINCE, DAY = dt.date(2026, 8, 1), dt.date(2026, 9, 15), dt.date(2026, 9, 30)
META = Meta(CONTENT.catalogue.codes["office"].titles["water"], DAY, "GeoSys 0", None)
HOSTILE = {
    "T": "<script>alert(1)</script>", "U": "{{ 7*7 }}", "V": "{% for x in y %}", "W": "a & b < c > d", "X": "控" * 5000,
    "Y": "ab\x07c\nd\te\u202ef\f{_{ x }_}", "Z": '"]]>\'<!--', "Ω": "{# 注释 #}",
}  # fmt: skip


def opened(case_id: str, day: dt.date, **fields: Any) -> Event:
    told = {
        "finding_id": f"f{case_id}", "rule": NEAR, "subject_layer": "outfall", "subject_id": case_id, "subject_name": f"排污口{case_id}",
        "object_id": "", "found_on": day, "due_on": None, "lead": "water", "seen": "present", "status": "found",
    } | fields  # fmt: skip
    return Event(case_id, "found", day, MACHINE, {name: (None, value) for name, value in told.items()}, reason="一句话")


def fill(ledger: Path | str) -> None:
    """Fill a ledger: A closed, B overdue, C not begun (new), D dismissed before, E overdue since the first evening, F soon."""
    with open_ledger(ledger) as connection:
        early = [("A", dt.date(2026, 12, 1)), ("B", dt.date(2026, 9, 20)), ("D", None), ("E", dt.date(2026, 9, 1))]
        append_all(connection, [opened(name, FIRST, due_on=due) for name, due in early])
        said = {"actor": "张三", "second_person": "李四"}
        move_case(connection, "D", "dismiss", WORKFLOW, today=dt.date(2026, 9, 2), reason="重复", **said)
        move_case(
            connection, "E", "assign", WORKFLOW, today=FIRST, lead="ecology", due_on=dt.date(2026, 9, 1), actor="张三"
        )
        new = [("C", dt.date(2026, 12, 31)), ("F", dt.date(2026, 10, 2))]
        append_all(connection, [opened(name, dt.date(2026, 9, 20), due_on=due) for name, due in new])
        step = {"today": dt.date(2026, 9, 25), "actor": "王五"}
        move_case(connection, "A", "assign", WORKFLOW, lead="water", due_on=dt.date(2026, 12, 1), **step)
        for name in ("begin", "accept", "close"):
            needs: dict[str, Any] = {"second_person": "李四", "evidence": "照片.jpg"} if name != "begin" else {}
            move_case(connection, "A", name, BARE, **step, **needs)


# The life cycle without what outfalls need besides: papers are another test's business.
BARE = {key: value for key, value in WORKFLOW.items() if key != "variants"}


def gather(ledger: Path | str, since: dt.date = SINCE, **given: Any) -> Situation:
    with open_ledger(ledger) as connection:
        return situation(connection, since, DAY, TERMS, NAMES, {"A": "410202", "B": "410202", "C": "410203"}, **given)


@pytest.fixture
def found(tmp_path: Path) -> Situation:
    fill(tmp_path / "l")
    return gather(tmp_path / "l")


def text_of(path: Path) -> str:
    """Return all text of a document, paragraphs and cells, a line each."""
    body = docx.Document(str(path)).element.body
    return "\n".join("".join(t.text or "" for t in p.iter(qn("w:t"))) for p in body.iter(qn("w:p")))


def written(tmp_path: Path, name: str, found: Situation, **given: Any) -> Path:
    path = tmp_path / f"{name}.docx"
    write_report(path, name, found, TERMS, NAMES, BOOK, PALETTES, META, scope="某县", **given)
    return path


def test_figures_are_those_counted_by_hand(found: Situation) -> None:
    lists = {name: "".join(ids) for name, (_, ids) in figures(found).items()}
    assert {name: lists[name] for name in ("total", "open", "done", "dismissed", "new", "closed", "overdue", "newly_overdue", "soon")} == {
        "total": "ABCDEF", "open": "BCEF", "done": "A", "dismissed": "D", "new": "CF", "closed": "A", "overdue": "BE", "newly_overdue": "B", "soon": "F",
    }  # fmt: skip
    assert counts_before(found) == {"total": 4, "open": 3, "overdue": 1}
    by_office = {
        row["key"]: ("".join(row["lists"]["open"]), "".join(row["lists"]["overdue"]), row["longest"])
        for row in groups(found, "office", NAMES.offices)
    }
    assert by_office == {"water": ("BCF", "B", 10), "ecology": ("E", "E", 29)}
    by_county = {row["title"].zh: "".join(row["lists"]["total"]) for row in groups(found, "county", NAMES.counties)}
    assert by_county == {"龙亭区": "AB", "顺河回族区": "C", "县区不详": "DEF"}


def test_groups_add_up_to_the_whole(found: Situation) -> None:
    every = figures(found)
    for by in ("office", "county"):
        rows = groups(found, by, {})
        for name in ("total", "open", "new", "closed", "overdue", "soon"):
            assert sorted(case for row in rows for case in row["lists"][name]) == every[name][1]
    before, now = counts_before(found), {name: len(ids) for name, (_, ids) in every.items()}
    assert now["total"] == before["total"] + now["new"] - now["merged"]


def test_overdue_cases_name_their_source_and_clause(found: Situation) -> None:
    rows = overdue(found, TERMS, NAMES)
    assert [(row["case_id"], row["days_left"], row["source"]) for row in rows] == [
        ("E", -29, "人的决定"),
        ("B", -10, "规则默认"),
    ]
    assert NEAR in rows[1]["clause"]
    assert "张三" in rows[0]["clause"]


def test_an_office_or_county_is_counted_alone(tmp_path: Path) -> None:
    fill(tmp_path / "l")
    one = figures(gather(tmp_path / "l", office="ecology"))
    assert {name: ids for name, (_, ids) in one.items() if ids} == {
        "total": ["E"],
        "open": ["E"],
        "overdue": ["E"],
        "proposed": ["E"],
    }
    two = gather(tmp_path / "l", county="410202")
    assert figures(two)["total"][1] == ["A", "B"]
    assert set(two.changes["case_id"]) == {"A"}


def test_every_figure_leads_to_the_list_of_its_cases(tmp_path: Path, found: Situation) -> None:
    """Follow each link of the document as a reader would: figure, list, case; none is dead, and each list is as long as its figure."""
    for name in ("dispatch", "brief"):
        body = docx.Document(str(written(tmp_path, name, found))).element.body
        marks = [mark.get(qn("w:name")) for mark in body.iter(qn("w:bookmarkStart"))]
        assert len(marks) == len(set(marks))
        numbers = [mark.get(qn("w:id")) for mark in body.iter(qn("w:bookmarkStart"))]
        assert len(numbers) == len(set(numbers))
        links = [
            (link.get(qn("w:anchor")), "".join(t.text for t in link.iter(qn("w:t"))))
            for link in body.iter(qn("w:hyperlink"))
        ]
        assert links
        assert {anchor for anchor, _ in links} <= set(marks)
        paragraphs = list(body.iter(qn("w:p")))
        for anchor, shown in links:
            if not anchor.startswith("list_"):
                continue
            at = next(
                n
                for n, p in enumerate(paragraphs)
                if any(m.get(qn("w:name")) == anchor for m in p.iter(qn("w:bookmarkStart")))
            )
            cases = [link.get(qn("w:anchor")) for link in paragraphs[at + 1].iter(qn("w:hyperlink"))]
            assert len(cases) == int(shown)
            assert all(case.startswith("case_") for case in cases)


def test_a_note_says_what_is_in_the_ledger(tmp_path: Path, found: Situation) -> None:
    text = text_of(written(tmp_path, "dispatch", found))
    assert (
        "截至2026年9月30日，台账共有整改事项 6 项，其中在办 4 项、已销号 1 项、不予立项 1 项。2026年9月15日以来新增 2 项、销号 1 项、反弹 0 项。"
        in text
    )
    assert "逾期 2 项（其中本期新逾期 1 项），临近到期 1 项" in text
    assert "不知道哪些规则未能评估" in text
    brief = text_of(written(tmp_path, "brief", found))
    assert "现有在办 4 项（上次会议时 3 项），其中逾期 2 项（上次会议时 1 项）" in brief


def test_headings_tables_and_fonts_are_real(tmp_path: Path, found: Situation) -> None:
    document = docx.Document(str(written(tmp_path, "dispatch", found)))
    heads = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert heads[:3] == ["一、总体情况", "二、各单位情况", "三、各县区情况"]
    assert [h.partition("　")[0] for h in heads if h.startswith("附表")] == [f"附表{n}" for n in range(1, 6)]
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    for style in document.styles:
        fonts = style.element.find(f".//{qn('w:rFonts')}")
        if style.name in ("Normal", "Heading 1", "Heading 2", "Body Text", "Table Text", "Title"):
            assert fonts.get(qn("w:eastAsia")) in ("仿宋", "黑体", "楷体")
            assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_charts_are_native_with_their_numbers(tmp_path: Path, found: Situation) -> None:
    path = written(tmp_path, "dispatch", found)
    with zipfile.ZipFile(path) as package:
        names = [name for name in package.namelist() if name.startswith("word/charts/chart")]
        assert len(names) == 3
        xml = package.read("word/charts/chart2.xml").decode()
        assert re.findall(r"<c:ptCount val=\"2\"/>(?:<c:pt idx=\"\d\"><c:v>\d+</c:v></c:pt>)+", xml)
        book = pd.read_excel(io.BytesIO(package.read("word/embeddings/chart2.xlsx")), index_col=0, engine="openpyxl")
    assert book.to_dict("index") == {
        "水利局": {"逾期": 1, "临近到期": 1, "其他在办": 1},
        "生态环境局": {"逾期": 1, "临近到期": 0, "其他在办": 0},
    }


def test_hostile_texts_are_shown_as_texts(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        rows = [opened(key, FIRST, subject_name=name, due_on=dt.date(2026, 9, 1)) for key, name in HOSTILE.items()]
        append_all(connection, rows)
    found = gather(tmp_path / "l")
    for name in ("dispatch", "brief", "todo"):
        text = text_of(written(tmp_path, name, found))
        for shown in (
            "<script>alert(1)</script>",
            "{{ 7*7 }}",
            "{% for x in y %}",
            "a & b < c > d",
            "\"]]>'<!--",
            "{# 注释 #}",
            "abc d ef{_{ x }_}",
            "控…（共5000字）",
        ):
            assert shown in text, (name, shown)
        assert "49" not in text.replace("2026", "")


def test_the_bytes_depend_on_nothing_else(tmp_path: Path, found: Situation) -> None:
    for name in TEMPLATES:
        one = written(tmp_path, name, found).read_bytes()
        (tmp_path / f"{name}.docx").unlink()
        assert written(tmp_path, name, found).read_bytes() == one
    assert not list(tmp_path.glob(".*.part"))


def test_the_templates_are_those_that_the_code_draws(tmp_path: Path) -> None:
    write_templates(tmp_path)
    for name in TEMPLATES:
        with (
            zipfile.ZipFile(tmp_path / f"{name}.docx") as drawn,
            zipfile.ZipFile(ROOT / "maps" / "reports" / f"{name}.docx") as kept,
        ):
            assert {n: drawn.read(n) for n in drawn.namelist()} == {n: kept.read(n) for n in kept.namelist()}, (
                "run geosys.maps.word.templates"
            )


def edited(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """Return a template in which somebody replaced a text."""
    document = docx.Document(str(BOOK.reports[name].template))
    hits = 0
    for p in document.element.body.iter(qn("w:p")):
        for t in p.iter(qn("w:t")):
            if t.text and old in t.text:
                t.text, hits = t.text.replace(old, new), hits + 1
    assert hits
    document.save(str(tmp_path / "edited.docx"))
    return tmp_path / "edited.docx"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{ n.overdue }}", "", r"edited.docx: got no placeholder {{ n.overdue }}, expected one"),
        ("{{ title }}", "{{ titel }}", r"got the placeholder {{ titel }}, .* Did you mean 'title'"),
        ("{{ row.clause }}", "{{ row.clauze }}", r"got the placeholder 'clauze'"),
        ("{{ n.new }}", "{{ n.nwe }}", r"got the placeholder 'nwe' of n, expected a known one. Did you mean 'new'"),
        ("{{ case.county_name }}", "{{ case.country_name }}", r"got the placeholder 'country_name' of cases, .* Did you mean 'county_name'"),
        ("{{ n.new }}", "{{ n.new", r"not closed or not spelled right"),
        ("{{ n.new }}", "{{ n.new.__class__.__mro__ }}", r"cannot be filled|expected a known one"),
        ("{{ list.mark }}", "", r"links to lists that are not there, expected {{ list.mark }}"),
        ("{{ case.mark }}", "", r"expected {{ case.mark }}"),
    ],
)  # fmt: skip
def test_an_edited_template_is_told_what_is_wrong(
    tmp_path: Path, found: Situation, old: str, new: str, said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        written(tmp_path, "dispatch", found, template=edited(tmp_path, "dispatch", old, new))
    assert not (tmp_path / "dispatch.docx").exists()


def test_what_a_row_has_is_what_the_check_and_the_page_of_help_know(found: Situation) -> None:
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    values = report_pages._figures(found, TERMS, NAMES, BOOK.most_listed, BOOK.most_pressing)
    values["lists"].anchor("x", ("A",))
    for name, known in FIELDS.items():
        assert all(f"`{word}`" in page or word in {"days_left", "timing", "id"} for word in known), name
        rows = list(values.get(name, []))
        assert all(known == set(row) for row in rows), name


def test_an_edited_template_is_used(tmp_path: Path, found: Situation) -> None:
    path = written(tmp_path, "dispatch", found, template=edited(tmp_path, "dispatch", "一、总体情况", "一、基本面"))
    assert "一、基本面" in text_of(path)


def test_what_is_no_template_is_refused(tmp_path: Path, found: Situation) -> None:
    other = tmp_path / "x.docx"
    for content in (b"", b"PK\x03\x04 no", b"text"):
        other.write_bytes(content)
        with pytest.raises(SpecError, match="no Word document"):
            written(tmp_path, "todo", found, template=other)
    document = docx.Document(str(BOOK.reports["todo"].template))
    document.part.relate_to(
        "http://example.invalid/a.png",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image",
        is_external=True,
    )
    document.save(str(other))
    with pytest.raises(SpecError, match="lies outside"):
        written(tmp_path, "todo", found, template=other)


def test_an_empty_ledger_makes_a_report(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l"):
        pass
    found = gather(tmp_path / "l")
    assert "台账共有整改事项 0 项" in text_of(written(tmp_path, "dispatch", found))
    assert "没有待办事项" in text_of(written(tmp_path, "todo", found))


def test_long_lists_say_how_many_more_there_are() -> None:
    lists = Lists({f"C{n}": {"case_id": f"C{n}"} for n in range(5)}, most=3)
    figure = lists.figure("全部", [f"C{n}" for n in range(5)])
    assert ">5<" in figure.__html__()
    (only,) = list(lists)
    assert (only["count"], only["more"], len(list(lists.register))) == (5, 2, 3)
    with pytest.raises(ValueError, match="expected cases of this document"):
        lists.figure("x", ["C9"])
    assert plain_text("a" * 10, 3) == "aaa…（共10字）"
    assert Words("{{x}}").__html__() == "&#123;&#123;x&#125;&#125;"


def test_a_report_lists_no_more_of_a_kind_than_it_says_and_tells_the_rest(tmp_path: Path, found: Situation) -> None:
    assert BOOK.reports["brief"].most_listed < BOOK.reports["dispatch"].most_listed == BOOK.most_listed
    kinds = found.changes["kind"].value_counts()
    assert kinds["new"] == 2
    short = replace(BOOK, reports=dict(BOOK.reports) | {"brief": replace(BOOK.reports["brief"], most_listed=1)})
    path = tmp_path / "short.docx"
    write_report(path, "brief", found, TERMS, NAMES, short, PALETTES, META, scope="某县")
    text = text_of(path)
    assert text.count("……另有 1 项，见台账。") >= 1
    assert "另有" not in text_of(written(tmp_path, "brief", found))
    tables = docx.Document(str(path)).tables
    details = next(table for table in tables if [c.text for c in table.rows[0].cells][:2] == ["变化", "事项编号"])
    shown = [row.cells[0].text for row in details.rows[1:]]
    assert shown.count("新增") == 2  # one case and the line that tells of the other
    assert len(shown) == len(kinds) + int((kinds > 1).sum())


@pytest.mark.parametrize("wrong", ["0", "true", '"20"'])
def test_a_bound_that_is_none_is_told(tmp_path: Path, wrong: str) -> None:
    root = tmp_path / "content"
    shutil.copytree(ROOT / "maps", root / "maps")
    file = root / "maps" / "reports.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("most_listed = 20 ", f"most_listed = {wrong} "), encoding="utf-8"
    )
    with pytest.raises(SpecError, match=r"\[reports.brief\] most_listed"):
        read_reports(root)


def test_todo_lists_are_by_office_and_person(found: Situation) -> None:
    told = {key: people for key, _, people in todo_lists(found, NAMES)}
    assert {key: [(who, "".join(ids)) for who, ids in people] for key, people in told.items()} == {
        "ecology": [("", "EBFC")]
    } or told
    dispatcher = WORKFLOW["dispatcher"]
    assert sorted(case for _, ids in told[dispatcher] for case in ids) == ["B", "C", "E", "F"]


def test_the_commands_write_and_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "cases.sqlite")
    (tmp_path / "geosys.toml").write_text(
        'title = { zh = "某县", en = "County" }\ncrs = "EPSG:4547"\n', encoding="utf-8"
    )
    (tmp_path / "inbox").mkdir()
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> str:
        return str(CliRunner().invoke(report_command.app, list(words), catch_exceptions=False).stdout)

    told = json.loads(ask("dispatch", "--month", "2026-09", "--today", "2026-10-09", "--out", "通报.docx", "--json"))
    assert (told["since"], told["day"]) == ("2026-08-31", "2026-09-30")
    assert told["figures"]["new"] == {"count": 2, "cases": ["C", "F"]}
    assert told["targets_unknown"] > 0
    assert "某县" in text_of(tmp_path / "通报.docx")
    assert "overdue 2" in ask("brief", "--since", "2026-09-15", "--today", "2026-09-30", "--out", "b.docx")
    told = json.loads(ask("todo", "--today", "2026-09-30", "--each", "out", "--json"))
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["待办_生态环境局_2026-09-30.docx"]
    assert len(told["out"]) == 1
    ask("template", "dispatch", "--out", "mine.docx")
    assert "{{ title }}" in text_of(tmp_path / "mine.docx")
    with pytest.raises(WorkspaceError, match="there already"):
        ask("template", "dispatch", "--out", "mine.docx")
    for wrong, said in (
        (("--month", "2026-13"), "a month as"),
        (("--month", "2027-01"), "has begun"),
        (("--out", "x.pdf"), "ending in .docx"),
    ):
        with pytest.raises(WorkspaceError, match=said):
            ask("dispatch", "--today", "2026-10-09", *wrong)
    with pytest.raises(WorkspaceError, match="earlier and a later day"):
        ask("brief", "--since", "2026-10-09", "--today", "2026-10-09")

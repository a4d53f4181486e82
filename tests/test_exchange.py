"""The ledger in Excel, both ways: nothing differs untouched, damage is named, changes become events, nothing is overwritten."""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
import typer
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from geosys._errors import ConflictError, DeliveryError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import MACHINE, Event, append, append_all, read_cases, read_events, verify
from geosys.cases.ledger.tables import FILES
from geosys.cases.workflow import read_workflow
from geosys.cli import exchange_command
from geosys.exchange.applying import Hand, Order, TakenIn, rehearse, take_in
from geosys.exchange.changes import Difference, difference
from geosys.exchange.export import Exported, Scope, Surroundings, export_ledger
from geosys.exchange.layout import Layout, Words, read_layout, words_of
from geosys.exchange.matching import Objects, Wanted, match_row
from geosys.exchange.questions import read_decisions, write_questions
from geosys.exchange.reading import read_returned
from geosys.exchange.surroundings import counties_of, files_of_cases, objects_of, placer
from geosys.exchange.taking_over import judge_rows, read_hand_ledger, take_over
from geosys.layers.spec import read_catalogue
from geosys.layers.store import make_current
from geosys.maps.frames import Meta
from geosys.workspace import init_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST, TODAY, DUE = dt.date(2026, 9, 1), dt.date(2026, 11, 22), dt.date(2026, 12, 20)
WORKFLOW = read_workflow(ROOT)
CATALOGUE = read_catalogue()
SEEN = {"present": "仍存在", "no_longer_found": "未再发现"}
WORDS: Words = words_of(WORKFLOW, CATALOGUE.codes["office"], CATALOGUE.codes, {"rule": {"r": "规则"}, "seen": SEEN})
LAYOUT: Layout = read_layout(ROOT, list(WORDS.titles["state"]), list(CATALOGUE.codes))
META = Meta(Text("甲县台账", "County A"), TODAY, "GeoSys 0")
HAND = Hand("张三", TODAY, "2026-11-22T08:00:00+08:00")
AT = {column.name: place for place, column in enumerate(LAYOUT.columns, 1)}
SHEET = LAYOUT.title.zh


def day(year: int, month: int, of_month: int) -> dt.datetime:
    return dt.datetime(year, month, of_month)  # noqa: DTZ001  a cell's date has no zone


def found(case_id: str, **fields: Any) -> Event:
    told = {
        "finding_id": f"f{case_id}", "rule": "r", "subject_layer": "s", "subject_id": f"S{case_id}", "subject_name": f"{case_id} 号排口",
        "object_id": "", "found_on": FIRST, "due_on": DUE, "lead": "ecology", "seen": "present", "status": "found",
    } | fields  # fmt: skip
    changes = {name: (None, value) for name, value in told.items() if value is not None}
    return Event(case_id, "found", FIRST, MACHINE, changes, reason=f"{case_id} 的问题")


def edit(case_id: str, field: str, was: Any, now: Any, on: dt.date = TODAY, actor: str = "李四") -> Event:
    return Event(case_id, "edit", on, actor, {field: (was, now)})


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a ledger of six cases: A to D found, E assigned with texts, F found by another office."""
    where = tmp_path / "cases.sqlite"
    with open_ledger(where) as connection:
        append_all(connection, [found(name) for name in "ABCD"])
        told = {
            "assigned_lead": "water",
            "assigned_due_on": DUE,
            "measures": "=HYPERLINK(1)\r\n第二行",
            "note": "-1",
            "person": "王五",
        }
        append_all(connection, [found("E", status="assigned", **told), found("F", lead="agriculture", due_on=None)])
    return where


def export(where: Path | str, path: Path, scope: Scope | None = None, around: Surroundings | None = None) -> Exported:
    with read_ledger(where) as connection:
        return export_ledger(
            connection, path, LAYOUT, WORDS, WORKFLOW, META, scope or Scope(), around or Surroundings()
        )


def differ(where: Path | str, path: Path, today: dt.date = TODAY) -> Difference:
    with read_ledger(where) as connection:
        return difference(connection, read_returned(path, LAYOUT), LAYOUT, WORDS, today)


def apply(where: Path | str, path: Path, hand: Hand = HAND, how: Callable[..., TakenIn] = take_in) -> TakenIn:
    with open_ledger(where) as connection:
        seen = difference(connection, read_returned(path, LAYOUT), LAYOUT, WORDS, hand.today)
        return how(connection, seen, LAYOUT, WORDS, Order(WORKFLOW), hand)


def changed(path: Path, **cells: Any) -> Path:
    """Fill cells of an exported sheet in, as `E_note`: case and column."""
    book = openpyxl.load_workbook(path)
    sheet = book[SHEET]
    row_of = {sheet.cell(row, 1).value: row for row in range(3, sheet.max_row + 1)}
    for name, value in cells.items():
        case_id, _, column = name.partition("_")
        sheet.cell(row_of[case_id], AT[column]).value = value
    book.save(path)
    return path


def reshaped(path: Path, change: Callable[[Any], None]) -> Path:
    book = openpyxl.load_workbook(path)
    change(book[SHEET])
    book.save(path)
    return path


def kinds(seen: Difference) -> list[str]:
    return [problem.kind for problem in seen.problems]


def case(where: Path | str, case_id: str) -> dict[str, Any]:
    with read_ledger(where) as connection:
        assert verify(connection) == []
        frame = read_cases(connection)
        return frame[frame["case_id"] == case_id].astype(object).where(frame.notna(), None).to_dict("records")[0]


def events(where: Path | str) -> list[dict[str, Any]]:
    with read_ledger(where) as connection:
        return read_events(connection).to_dict("records")


# --- the sheet ---


def test_an_untouched_sheet_differs_in_nothing_also_when_another_program_saved_it(
    ledger: Path | str, tmp_path: Path
) -> None:
    with open_ledger(ledger) as connection:
        append_all(connection, [found("A"), found("B", measures="=1+1", note="'引号", progress="_x0041_ 甲\r\n乙 ")])
    told = export(ledger, tmp_path / "t.xlsx")
    assert (told.rows, told.sequence) == (2, 2)
    for path in (tmp_path / "t.xlsx", reshaped(tmp_path / "t.xlsx", lambda _: None)):
        seen = differ(ledger, path)
        assert (seen.changes, seen.rows, seen.problems) == ((), (), ())
        assert seen.rows_read == 2


def test_equal_ledgers_give_equal_bytes(base: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.xlsx", tmp_path / "2.xlsx"
    export(base, one)
    export(base, two)
    assert one.read_bytes() == two.read_bytes()


def test_an_office_gets_its_cases_and_a_county_its_own(base: Path, tmp_path: Path) -> None:
    def keys(scope: Scope) -> set[str]:
        export(base, tmp_path / "t.xlsx", scope, Surroundings({"A": "410221", "B": "410222"}))
        sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")[SHEET]
        return {sheet.cell(row, 1).value for row in range(3, sheet.max_row + 1)} - {None}

    assert keys(Scope()) == set("ABCDEF")
    assert keys(Scope(office="ecology")) == set("ABCD")
    assert keys(Scope(office="water")) == {"E"}
    assert keys(Scope(county="410222")) == {"B"}
    assert export(base, tmp_path / "t.xlsx", Scope(county="410221"), Surroundings({"A": "410221"})).without_county == 5


def test_keys_are_locked_lists_offered_colours_set_pages_laid_out_photos_linked(base: Path, tmp_path: Path) -> None:
    photo = tmp_path / "evidence" / "a.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"x")
    export(base, tmp_path / "t.xlsx", around=Surroundings(files={"A": [("整改前.jpg", photo), ("整改后.jpg", photo)]}))
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    sheet = book[SHEET]
    assert sheet.protection.sheet
    for column in LAYOUT.columns:
        assert sheet.cell(3, AT[column.name]).protection.locked is column.locked, column.name
    assert not sheet.column_dimensions["W"].protection.locked  # free columns on the right
    lists = [rule for rule in sheet.data_validations.dataValidation if rule.type == "list"]
    words = [c.value for c in book["_lists"]["A"] if c.value]
    assert words == ["发现", "交办", "不予立项"]
    assert len(lists) == 4  # states of found and of assigned, offices, handling
    assert {name for name in book.sheetnames if book[name].sheet_state == "veryHidden"} == {"_lists", "_geosys"}
    assert len(sheet.conditional_formatting) == 3
    setup = sheet.page_setup
    assert (setup.orientation, setup.paperSize, setup.fitToHeight) == ("landscape", 8, 0)
    assert sheet.print_title_rows == "$1:$2"
    assert "&P" in sheet.oddFooter.right.text
    files = book["照片材料 Files"]
    links = [files.cell(row, 2).hyperlink.target for row in (3, 4)]
    assert {link.replace("\\", "/") for link in links} == {"evidence/a.jpg"}
    row = next(r for r in range(3, 9) if sheet.cell(r, 1).value == "A")
    assert sheet.cell(row, AT["files"]).hyperlink.location == "'照片材料 Files'!A3"


def test_texts_that_look_like_formulas_are_texts_with_a_quote_mark(base: Path, tmp_path: Path) -> None:
    export(base, tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")[SHEET]
    row = next(r for r in range(3, 9) if sheet.cell(r, 1).value == "E")
    for name in ("measures", "note"):
        cell = sheet.cell(row, AT[name])
        assert (cell.data_type, cell.quotePrefix) == ("s", True), name
    with zipfile.ZipFile(tmp_path / "t.xlsx") as packed:
        assert not re.search(rb"<f>", packed.read("xl/worksheets/sheet1.xml"))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=30), min_size=10, max_size=30))
def test_any_text_comes_back_as_it_was(tmp_path: Path, texts: list[str]) -> None:
    where = tmp_path / "any.sqlite"
    where.unlink(missing_ok=True)
    with open_ledger(where) as connection:
        texts = [text.encode("utf-8", "ignore").decode().replace("\x00", "") for text in texts]
        append_all(connection, [found(f"K{n}", note=text or None, subject_name=text) for n, text in enumerate(texts)])
    export(where, tmp_path / "any.xlsx")
    seen = differ(where, tmp_path / "any.xlsx")
    assert (seen.changes, seen.problems) == ((), ())


# --- taking changes in ---


def test_cells_become_events_that_say_where_they_were_read(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "台账.xlsx"
    export(base, path)
    changed(path, A_person="赵六", A_note=12, A_done_on=day(2026, 11, 20), E_progress="+已开工")
    seen = differ(base, path)
    assert [(c.case_id, c.field, c.in_ledger, c.in_sheet) for c in seen.changes] == [
        ("A", "person", None, "赵六"), ("A", "done_on", None, dt.date(2026, 11, 20)), ("A", "note", None, "12"),
        ("E", "progress", None, "+已开工"),
    ]  # fmt: skip
    assert seen.is_clean
    assert len(events(base)) == 6  # nothing was written by looking
    assert apply(base, path, how=rehearse).edited == 2
    assert len(events(base)) == 6
    taken = apply(base, path)
    assert (taken.edited, taken.moved, taken.difference.problems) == (2, 0, ())
    event = events(base)[6]
    assert (event["kind"], event["actor"], event["happened_on"], event["recorded_at"]) == (
        "import",
        "张三",
        TODAY,
        HAND.recorded_at,
    )
    assert event["changes"] == {
        "person": (None, "赵六"),
        "done_on": (None, dt.date(2026, 11, 20)),
        "note": (None, "12"),
    }
    assert (event["source"]["file"], event["source"]["row"], event["source"]["cells"]["person"]) == (
        "台账.xlsx",
        3,
        "N3",
    )
    assert case(base, "E")["progress"] == "+已开工"
    again = apply(base, path)
    assert (again.edited, again.moved, kinds(again.difference)) == (0, 0, [])


def test_states_move_by_the_workflow_with_what_the_row_gives(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    changed(
        path,
        A_status="交办",
        A_assigned_lead="水利",
        A_assigned_due_on=day(2026, 12, 30),
        A_person="赵六",
        A_progress="已发函",
    )
    changed(path, E_status="整改", B_status="不予立项", B_reason="界址误差", B_second_person="钱七", B_note="见函")
    taken = apply(base, path)
    assert (taken.moved, taken.edited, kinds(taken.difference)) == (3, 0, [])
    told = case(base, "A")
    assert [told[f] for f in ("status", "assigned_lead", "assigned_due_on", "person", "progress")] == [
        "assigned", "water", dt.date(2026, 12, 30), "赵六", "已发函",
    ]  # fmt: skip
    assert case(base, "E")["status"] == "rectifying"
    moves = {e["case_id"]: e for e in events(base) if e["move"]}
    assert {name: e["move"] for name, e in moves.items()} == {"A": "assign", "B": "dismiss", "E": "begin"}
    assert (moves["B"]["reason"], moves["B"]["second_person"], moves["B"]["actor"]) == ("界址误差", "钱七", "张三")
    assert moves["A"]["source"]["cells"]["status"] == f"K{moves['A']['source']['row']}"
    assert case(base, "B")["note"] == "见函"


@pytest.mark.parametrize(
    ("cells", "kind", "told"),
    [
        ({"A_status": "交办"}, "needs_lacking", "交办单位"),
        ({"A_status": "交办", "A_assigned_lead": "水利局"}, "needs_lacking", "交办时限"),
        ({"A_assigned_lead": "水利局", "A_reason": "x"}, "needs_lacking", "状态改为"),
        ({"B_status": "不予立项", "B_reason": "x"}, "needs_lacking", "复核人"),
        ({"B_status": "不予立项", "B_reason": "x", "B_second_person": "张三"}, "needs_lacking", "second person"),
        ({"E_assigned_due_on": day(2026, 12, 25)}, "needs_lacking", "本次理由"),
        (
            {"E_assigned_due_on": day(2027, 12, 25), "E_reason": "x", "E_second_person": "钱七"},
            "needs_lacking",
            "days",
        ),
        ({"E_assigned_lead": "农业农村局"}, "needs_lacking", "本次理由"),
        ({"A_status": "交班"}, "unknown_word", "不在清单"),
        ({"A_handling": "炸掉"}, "unknown_word", "依法取缔"),
        ({"A_note": "=1+1"}, "formula", "=1+1"),
        ({"A_done_on": "11.30"}, "unclear_date", "11.30"),
        ({"A_done_on": day(1900, 1, 5)}, "unclear_date", "1900"),
        ({"E_status": "（清空）"}, "cell_emptied", "不能清空"),
    ],
)
def test_what_is_not_enough_or_not_lawful_holds_its_row_back(
    base: Path, tmp_path: Path, cells: dict[str, Any], kind: str, told: str
) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    changed(path, **cells, C_note="照记")
    taken = apply(base, path)
    problems = [p for p in taken.difference.problems if p.reach == "held"]
    assert {p.kind for p in problems} == {kind}
    assert any(told in p.text.both() for p in problems)
    assert taken.edited == 1  # C
    assert [e["case_id"] for e in events(base)[6:]] == ["C"]


def test_an_extension_and_a_change_of_hands_go_by_the_workflow(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    changed(
        path,
        E_assigned_due_on=day(2026, 12, 30),
        E_assigned_lead="农业农村局",
        E_reason="汛期",
        E_second_person="钱七",
    )
    taken = apply(base, path)
    assert (taken.edited, kinds(taken.difference)) == (1, [])
    told = case(base, "E")
    assert (told["assigned_lead"], told["assigned_due_on"]) == ("agriculture", dt.date(2026, 12, 30))
    assert [e["kind"] for e in events(base)[6:]] == ["import", "edit", "extend"]
    assert events(base)[-1]["source"]["file"] == "t.xlsx"


def test_columns_of_an_office_are_kept_carried_on_and_changed(base: Path, tmp_path: Path) -> None:
    path, own = tmp_path / "t.xlsx", len(LAYOUT.columns) + 2
    export(base, path)

    def add(sheet: Any) -> None:
        sheet.cell(1, own).value = "联系电话"
        sheet.cell(3, own).value = 13800001111
        sheet.cell(4, own).value = "=A1"
        sheet.cell(4, own + 1).value = "没有表头"

    taken = apply(base, reshaped(path, add))
    assert kinds(taken.difference) == ["column_added", "column_added", "formula_kept"]
    assert taken.edited == 2
    assert events(base)[6]["source"]["extra"] == {"联系电话": "13800001111"}
    export(base, path)
    sheet = openpyxl.load_workbook(path)[SHEET]
    titles = [cell.value for cell in sheet[1]]
    assert titles[len(LAYOUT.columns) :][:2] == ["联系电话", "（无表头 Y）"]
    place = titles.index("联系电话") + 1
    assert [sheet.cell(row, place).value for row in (3, 4)] == ["13800001111", "=A1"]
    assert sheet.cell(4, place).data_type == "s"
    assert differ(base, path).problems == ()
    reshaped(path, lambda s: setattr(s.cell(3, place), "value", "010-1"))
    assert kinds(differ(base, path)) == []
    apply(base, path)
    export(base, path)
    assert openpyxl.load_workbook(path)[SHEET].cell(3, place).value == "010-1"
    reshaped(path, lambda s: setattr(s.cell(3, place), "value", None))
    assert kinds(differ(base, path)) == ["cell_emptied"]


def test_a_cell_is_emptied_on_purpose_by_a_word(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    apply(base, changed(path, E_person="（清空）"))
    assert case(base, "E")["person"] is None


# --- the ten kinds of damage: each named, none applied silently ---


def swap_rows(sheet: Any) -> None:
    one, two = ([c.value for c in sheet[row]] for row in (3, 5))
    for at, (first, second) in enumerate(zip(one, two, strict=True), 1):
        sheet.cell(3, at).value, sheet.cell(5, at).value = second, first


def set_cell(row: int, column: str, value: Any) -> Callable[[Any], None]:
    return lambda sheet: setattr(sheet.cell(row, AT[column]), "value", value)


def double_key(sheet: Any) -> None:
    for at in range(1, len(LAYOUT.columns) + 1):
        sheet.cell(9, at).value = sheet.cell(3, at).value
    sheet.cell(9, AT["note"]).value = "第二份"


DAMAGE: dict[str, tuple[Callable[[Any], None], list[str]]] = {
    "column renamed": (
        lambda s: (set_cell(1, "note", "说明")(s), set_cell(3, "note", "甲")(s)),
        ["column_renamed", "column_added"],
    ),
    "rows sorted": (swap_rows, ["rows_sorted"]),
    "key changed": (lambda s: (set_cell(3, "case_id", "X")(s), set_cell(3, "note", "甲")(s)), ["key_changed"]),
    "row deleted": (lambda s: s.delete_rows(3), ["row_deleted"]),
    "duplicate key": (double_key, ["duplicate_key", "duplicate_key"]),
    "state jumped": (set_cell(3, "status", "销号"), ["state_jumped"]),
    "cell emptied": (set_cell(8, "person", None), ["cell_emptied"]),
    "locked cell changed": (
        lambda s: (set_cell(3, "subject_name", "乙")(s), set_cell(3, "note", "甲")(s)),
        ["locked_changed"],
    ),
    "column doubled": (lambda s: (s.insert_cols(30), setattr(s.cell(1, 30), "value", "备注")), ["column_doubled"]),
    "key column renamed": (set_cell(1, "case_id", "号"), ["key_column"]),
    "locked column renamed": (set_cell(1, "problem", "备考"), ["locked_column", "column_added"]),
    "row added": (lambda s: (set_cell(9, "case_id", "NEW")(s), set_cell(9, "note", "甲")(s)), ["unknown_key"]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_not_applied(base: Path, tmp_path: Path, damage: str) -> None:
    path, (harm, named) = tmp_path / "t.xlsx", DAMAGE[damage]
    export(base, path)
    taken = apply(base, reshaped(path, harm))
    assert sorted(kinds(taken.difference)) == sorted(named)
    written = [e for e in events(base)[6:] if e["changes"]]
    assert written == []


def test_a_date_as_text_is_named_with_the_day_it_is_read_as(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    seen = differ(base, changed(path, A_done_on="2026年11月3日"))
    assert kinds(seen) == ["date_as_text"]
    assert "读作 2026-11-03" in seen.problems[0].text.zh
    assert seen.changes[0].in_sheet == dt.date(2026, 11, 3)


def test_a_cell_edited_twice_is_a_conflict_that_names_who_and_the_rest_goes_in(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    with open_ledger(base) as connection:
        append_all(
            connection,
            [edit("A", "note", None, "李四写的"), edit("B", "person", None, "孙八"), edit("C", "note", None, "一样")],
        )
    changed(path, A_note="张三写的", B_note="B 的备注", C_note="一样")
    taken = apply(base, path)
    assert kinds(taken.difference) == ["edited_twice"]
    assert "李四 2026-11-22 edit" in taken.difference.problems[0].text.zh
    assert (case(base, "A")["note"], case(base, "B")["note"], case(base, "B")["person"]) == (
        "李四写的",
        "B 的备注",
        "孙八",
    )
    assert taken.edited == 1


def test_an_older_sheet_after_a_newer_one_is_refused(base: Path, tmp_path: Path) -> None:
    older, newer = tmp_path / "1.xlsx", tmp_path / "2.xlsx"
    export(base, older)
    with open_ledger(base) as connection:
        append(connection, edit("D", "note", None, "其间"))
    export(base, newer)
    apply(base, changed(newer, A_note="新"))
    taken = apply(base, changed(older, B_note="旧"))
    assert kinds(taken.difference) == ["older_file"]
    assert (taken.edited, case(base, "B")["note"]) == (0, None)


def test_columns_sorted_apart_from_their_keys_are_noticed(base: Path, tmp_path: Path) -> None:
    with open_ledger(base) as connection:
        append_all(connection, [edit(name, "person", None, f"人{name}") for name in "ABCD"])
    path = tmp_path / "t.xlsx"
    export(base, path)
    people = {f"{name}_person": f"人{other}" for name, other in zip("ABCD", "BCDA", strict=True)}
    taken = apply(base, changed(path, **people))
    assert kinds(taken.difference) == ["rows_shifted"]
    assert case(base, "A")["person"] == "人A"


def test_another_ledgers_sheet_a_copied_table_and_a_changed_record_are_refused(base: Path, tmp_path: Path) -> None:
    other, path = tmp_path / "other.sqlite", tmp_path / "t.xlsx"
    with open_ledger(other) as connection:
        append_all(connection, [found(name, subject_name="别处") for name in "ABCDEF"])
    export(other, path)
    assert kinds(differ(base, path)) == ["other_ledger"]
    export(base, path)
    book = openpyxl.load_workbook(path)
    del book["_geosys"]
    book.save(path)
    assert kinds(differ(base, path)) == ["no_record"]
    export(base, path)
    book = openpyxl.load_workbook(path)
    record = book["_geosys"]
    top = next(row for row in range(1, 30) if record.cell(row, 1).value == "case_id")
    record.cell(top + 1, 3).value = "0" * 16
    book.save(path)
    assert kinds(differ(base, path)) == ["case_changed"]
    book["_geosys"].cell(1, 2).value = "{"
    book.save(path)
    assert kinds(differ(base, path)) == ["record_changed"]
    path.write_bytes(b"PK no workbook")
    with pytest.raises(DeliveryError, match=r"t\.xlsx"):
        differ(base, path)


def test_a_day_before_the_last_record_is_held(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with open_ledger(base) as connection:
        append(connection, edit("A", "person", None, "李", TODAY + dt.timedelta(days=3)))
    export(base, path)
    assert kinds(differ(base, changed(path, A_note="x"))) == ["dated_before"]


def test_nobody_and_the_program_take_nothing_in(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    changed(path, A_note="x")
    for name in ("", MACHINE):
        with pytest.raises(WorkspaceError, match="person"):
            apply(base, path, Hand(name, TODAY))


def test_what_changed_between_looking_and_writing_is_a_conflict(base: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    export(base, path)
    seen = differ(base, changed(path, A_note="x"))
    with open_ledger(base) as connection:
        append(connection, edit("A", "person", None, "李四"))
    with pytest.raises(ConflictError, match="李四"), open_ledger(base) as connection:
        take_in(connection, seen, LAYOUT, WORDS, Order(WORKFLOW), HAND)
    assert case(base, "A")["note"] is None


def test_a_ledger_of_a_thousand_rows_comes_back_without_a_difference(tmp_path: Path) -> None:
    where, path = tmp_path / "l", tmp_path / "t.xlsx"
    with open_ledger(where) as connection:
        append_all(
            connection,
            [found(f"K{n:05}", subject_name=f"对象{n}", note=f"备注{n}" if n % 3 else None) for n in range(1000)],
        )
    export(where, path)
    seen = differ(where, path)
    assert (seen.rows_read, seen.changes, seen.problems) == (1000, (), ())
    with open_ledger(where) as connection:  # a run sees them all again: people's cells are still as they were exported
        machine = [
            Event(f"K{n:05}", "seen", TODAY, MACHINE, {"seen": ("present", "no_longer_found")}) for n in range(1000)
        ]
        append_all(connection, machine)
    seen = differ(where, changed(path, K00007_note="改"))
    assert [(c.case_id, c.in_sheet) for c in seen.changes] == [("K00007", "改")]
    assert seen.is_clean


# --- the layout ---


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ('fact   = "county_name"', 'fact   = "colour"', "columns.county"),
        ('field  = "note"', 'field  = "noot"', "Did you mean 'note'"),
        ("locked = true\nwidth  = 17", "width  = 17", "a fact is never read back"),
        ('codes  = "handling"', 'codes  = "handlings"', "columns.handling"),
        ('paper        = "A3"', 'paper        = "A9"', "A9"),
        ('title  = { zh = "备注", en = "Note" }', 'title  = { zh = "责任人", en = "Note" }', "no other column"),
        ('near    = "#FCE4A8"', 'near    = "yellow"', "a colour"),
        ('found      = ["发现"', 'fond      = ["发现"', "Did you mean 'found'"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_place(tmp_path: Path, was: str, now: str, told: str) -> None:
    text = (ROOT / "cases" / "exchange.toml").read_text(encoding="utf-8")
    assert was in text
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "exchange.toml").write_text(text.replace(was, now), encoding="utf-8")
    with pytest.raises(SpecError, match=re.escape(told)):
        read_layout(tmp_path, list(WORDS.titles["state"]), list(CATALOGUE.codes))


# --- a ledger kept by hand ---

OBJECTS = Objects(
    pd.DataFrame(
        {
            "layer": ["outfall", "outfall", "outfall", "plot", "plot"],
            "feature_id": ["P1", "P2", "P3", "D1", "D2"],
            "name": ["城关镇一号排口", "城关镇二号排口", "甲厂排口", "甲厂地块", None],
            "geometry": [
                shapely.Point(0, 0),
                shapely.Point(5000, 0),
                shapely.Point(0, 5000),
                shapely.box(0, 4900, 200, 5100),
                None,
            ],
        }
    )
)


@pytest.mark.parametrize(
    ("wanted", "verdict", "first"),
    [
        (Wanted("P1"), "sure", 0),
        (Wanted("ｐ1", "城关镇一号排口", 10.0, 10.0), "sure", 0),
        (Wanted("P1", "一号排口"), "sure", 0),  # part of the name
        (Wanted("P1", "甲厂排口"), "doubtful", 0),  # the name is another's
        (Wanted("P1", "", 3000.0, 0.0), "doubtful", 0),  # 3 km away
        (Wanted("", "甲厂排口"), "sure", 2),
        (Wanted("", "甲厂排口", 50.0, 5000.0), "sure", 2),
        (Wanted("", "甲厂排口", 500.0, 5000.0), "doubtful", 2),  # named, but 500 m away
        (Wanted("P9", "甲厂排口"), "doubtful", 2),  # the code is nobody's
        (Wanted("", "城关镇3号排口"), "doubtful", 0),  # alike, not the same
        (Wanted("", "", 100.0, 5000.0), "doubtful", 3),  # only a place
        (Wanted("P9"), "none", None),
        (Wanted("", "乙"), "none", None),
    ],
)
def test_rows_kept_by_hand_are_matched_by_code_name_and_place(wanted: Wanted, verdict: str, first: int | None) -> None:
    match = match_row(wanted, OBJECTS, LAYOUT.adopt)
    assert match.verdict == verdict, match
    assert (match.candidates[0] if match.candidates else None) == first


HAND_HEAD = [
    "序号",
    "排污口编号",
    "名称",
    "存在问题",
    "发现日期",
    "责任单位",
    "整改时限",
    "整改状态",
    "整改措施",
    "附注",
]
HAND_ROWS = [
    [1, "P1", "城关镇一号排口", "超标", "2025.3.1", "环保局", day(2025, 6, 30), "已销号", "封堵", "甲"],
    [2, "P2", "城关镇二号排口", "未标识", "2025年4月2日", "水利局", None, "整改中", "=1+1", None],
    [3, "P3", "城关镇一号排口", "混接", "2025-05-01", "水利局", None, "整改中", None, None],
    [4, "P7", "丙", "不明", "2025-05-01", "水利局", None, "整改中", None, None],
    [5, "D2", None, "渗漏", "5.1", "水利局", None, "整改中", None, None],
]


def hand_kept(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["某县入河排污口整改台账"])
    book.active.append(HAND_HEAD)
    for row in HAND_ROWS:
        book.active.append(row)
    book.save(path)
    return path


def adopt(where: Path, path: Path, decisions: Path | None = None, *, ask: Path | None = None) -> tuple[list[str], int]:
    ledger = read_hand_ledger(path, LAYOUT.adopt)
    decided = read_decisions(decisions, ledger) if decisions else {}
    with open_ledger(where) as connection:
        judged = judge_rows(connection, ledger, OBJECTS, LAYOUT, WORDS, lambda x, y: (x, y), decided, TODAY)
        done = take_over(connection, ledger, judged, HAND)
    if ask:
        write_questions(ask, ledger, judged, META)
    return [told.verdict for told in judged], done


def test_a_ledger_kept_by_hand_becomes_first_events_and_the_doubtful_are_asked(tmp_path: Path) -> None:
    where, path, ask = tmp_path / "l", hand_kept(tmp_path / "旧.xlsx"), tmp_path / "ask.xlsx"
    assert adopt(where, path, ask=ask) == (["sure", "sure", "doubtful", "none", "doubtful"], 2)
    told = {e["case_id"]: e for e in events(where)}
    assert [e["kind"] for e in told.values()] == ["import", "import"]
    one = next(e for e in told.values() if e["source"]["row"] == 3)
    row = case(where, one["case_id"])
    assert [row[f] for f in ("subject_layer", "subject_id", "status", "found_on", "due_on", "assigned_lead", "measures")] == [
        "outfall", "P1", "closed", dt.date(2025, 3, 1), dt.date(2025, 6, 30), "ecology", "封堵",
    ]  # fmt: skip
    assert (one["source"]["file"], one["reason"], one["actor"]) == ("旧.xlsx", "超标", "张三")
    assert one["source"]["extra"] == {"序号": "1", "附注": "甲"}
    assert adopt(where, path) == (["known", "known", "doubtful", "none", "doubtful"], 0)  # twice is once
    book = openpyxl.load_workbook(ask)
    sheet = book["待定 To decide"]
    assert [sheet.cell(row, 1).value for row in (3, 4, 5)] == ["5", "6", "7"]
    sheet.cell(3, 8).value, sheet.cell(4, 8).value = "outfall:P3｜甲厂排口", "不收"
    book.save(ask)
    assert adopt(where, path, ask) == (["known", "known", "sure", "none", "doubtful"], 1)
    assert {row["subject_id"] for row in (case(where, e["case_id"]) for e in events(where))} == {"P1", "P2", "P3"}
    with pytest.raises(DeliveryError, match="asked about"):
        adopt(where, hand_kept(tmp_path / "other.xlsx").rename(tmp_path / "o.xlsx"), path)


def test_a_hand_kept_row_fills_an_existing_case_and_overwrites_nothing(tmp_path: Path) -> None:
    where, path = tmp_path / "l", hand_kept(tmp_path / "旧.xlsx")
    with open_ledger(where) as connection:
        append_all(connection, [
            found("A", subject_layer="outfall", subject_id="P1", status="closed"),
            found("B", subject_layer="outfall", subject_id="P2", status="found"),
        ])  # fmt: skip
    verdicts, done = adopt(where, path)
    assert (verdicts[:2], done) == (["sure", "doubtful"], 1)  # B: the states differ
    assert (case(where, "A")["measures"], case(where, "B")["measures"]) == ("封堵", None)


# --- the commands ---


@pytest.fixture(scope="module")
def commands() -> typer.Typer:
    """Return the commands as `geosys cases` has them."""
    app = typer.Typer()
    app.command(name="export")(exchange_command.export)
    app.command(name="import")(exchange_command.import_sheet)
    app.command(name="adopt")(exchange_command.adopt)
    return app


def called(commands: typer.Typer, *words: str) -> tuple[int, Any]:
    told = CliRunner().invoke(commands, [*words, "--json"])
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told.exit_code, json.loads(told.stdout)


def test_the_commands_export_show_import_and_adopt(commands: typer.Typer, tmp_path: Path) -> None:
    init_workspace(tmp_path, "甲县", "EPSG:4547")
    where, path = tmp_path / "cases.sqlite", tmp_path / "台账.xlsx"
    with open_ledger(where) as connection:
        append_all(connection, [found("A"), found("B", lead="water")])
    place = ("-w", str(tmp_path), "--today", "2026-11-22")
    code, told = called(commands, "export", "--office", "生态环境局", "--out", str(path), *place)
    assert (code, told["cases"], told["last_event"]) == (0, 1, 2)
    changed(path, A_note="电话已通知", A_status="销号")
    code, told = called(commands, "import", str(path), *place)
    assert (code, told["applied"], [p["kind"] for p in told["problems"]]) == (1, False, ["state_jumped"])
    assert [(c["field"], c["in_sheet"], c["is_held"]) for c in told["changes"]] == [
        ("status", "closed", True),
        ("note", "电话已通知", True),
    ]
    changed(path, A_status="发现")
    code, told = called(commands, "import", str(path), "--apply", "--by", "张三", *place)
    assert (code, told["applied"], told["edited"]) == (0, True, 1)
    assert case(where, "A")["note"] == "电话已通知"
    shown = CliRunner().invoke(commands, ["import", str(changed(path, A_note="再改")), *place])
    assert "备注：（空） → 再改（现在 now 电话已通知）（暂缓 held back）" in shown.stdout
    with pytest.raises(WorkspaceError, match="--by"):
        called(commands, "import", str(path), "--apply", *place)
    with pytest.raises(WorkspaceError, match="--county"):
        called(commands, "export", "--county", "火星县", "--out", str(path), *place)
    ask = tmp_path / "ask.xlsx"
    code, told = called(commands, "adopt", str(hand_kept(tmp_path / "旧.xlsx")), "--ask", str(ask), *place)
    assert (code, told["none"], told["asked"], ask.exists()) == (
        1,
        5,
        5,
        True,
    )  # no layer was delivered: no object is known


def test_counties_objects_and_places_come_from_the_layers(tmp_path: Path) -> None:
    layer = next(name for name, spec in CATALOGUE.layers.items() if spec.name and LAYOUT.county_field in spec.fields)
    names = {CATALOGUE.layers[layer].name: ["甲", None], LAYOUT.county_field: ["410221", None]}
    points = gpd.points_from_xy([500_000, 501_000], [3_850_000, 3_850_000], crs="EPSG:4547")
    (tmp_path / layer).mkdir()
    gpd.GeoDataFrame({"feature_id": ["S1", "S2"], **names}, geometry=points).to_parquet(tmp_path / layer / "v1.parquet")
    make_current(tmp_path, layer, "v1", "", {})
    with open_ledger(tmp_path / "l") as connection:
        append_all(connection, [found(n, subject_layer=layer, subject_id=f"S{n}") for n in ("1", "2", "3")])
        append_all(connection, [found("4", subject_layer="nowhere")])
        assert counties_of(connection, tmp_path, LAYOUT.county_field) == {"1": "410221"}
        assert files_of_cases(connection, tmp_path / "evidence") == {}
        file = tmp_path / "evidence" / "ab" / "abcd.jpg"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
        row = {"case_id": "1", "name": "前.jpg", "media_type": "image/jpeg", "size": 1, "taken_at": "", "remarks": ""}
        connection.execute(sa.insert(FILES), [{**row, "digest": "abcd"}, {**row, "digest": "gone"}])
        assert files_of_cases(connection, tmp_path / "evidence") == {"1": [("前.jpg", file)]}
    objects = objects_of(tmp_path, CATALOGUE, {layer, "absent"})
    assert objects.frame["feature_id"].tolist() == ["S1", "S2"]
    place = placer("EPSG:4547", (113.0, 34.0, 115.0, 36.0))
    assert place(100.0, 35.0) is None
    # 114° E is the central meridian of EPSG:4547: its easting is 500,000 m
    x, y = place(114.0, 34.77) or (0.0, 0.0)
    assert abs(x - 500_000) < 1e-6
    assert match_row(Wanted("S1", "甲", 500_010.0, 3_850_000.0), objects, LAYOUT.adopt).verdict == "sure"
    assert 3_840_000 < y < 3_860_000

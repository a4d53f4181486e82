"""Ledgers as offices keep them, one peculiarity each: written here cell by cell, and what must come of each by hand."""

from __future__ import annotations

import datetime as dt
import zipfile
from types import SimpleNamespace

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from intake_toy import text_file

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.layers import sheet_marks, values
from geosys.layers.cells import settle_cells
from geosys.layers.codes import CodeList
from geosys.layers.delivery import Delivery
from geosys.layers.headers import JOINT, SHEET_COLUMN
from geosys.layers.naming import map_columns, words_of
from geosys.layers.settle import settle_values
from geosys.layers.spec import Field, LayerSpec
from geosys.layers.tables import read_csv_table, read_workbook
from geosys.layers.values import Measurement, measurement

MU = 10_000 / 15  # m² of one 亩
HEAD = ["编号", "名称", "面积", "排查日期"]


def field(name, kind, zh, **more):
    return Field(name, Text(zh, name), kind, **more)


FIELDS = (
    field("plot_code", "text", "编号"), field("plot_name", "text", "名称"), field("area", "number", "面积", unit="m²"),
    field("found_on", "date", "排查日期"), field("zone_code", "text", "区划代码", pattern="[0-9]{6}"),
    field("land", "text", "地类", codes="land"), field("ammonia", "number", "氨氮", unit="mg/L"), field("note", "text", "备注"),
    field("people", "integer", "人口", unit="人"), field("done_on", "date", "完成日期", aliases=("整治完成日期",)),
)  # fmt: skip
SPEC = LayerSpec(
    "plot", Text("地块", "Plot"), "none", ("plot_code",), None, "ecology", "internal", 1.0, "", "confirmed",
    {f.id: f for f in FIELDS}, {}, (),
)  # fmt: skip
LAND = {"0101": "水田", "0102": "水浇地", "10": "交通"}
CODES = {"land": CodeList("land", {k: Text(v, v) for k, v in LAND.items()}, {k: k for k in LAND}, "")}
WORDS = words_of(SPEC)


def workbook(path, *fills, **sheets):
    """Write a workbook; each sheet is a list of rows or a function that fills it."""
    book = xlsxwriter.Workbook(path)
    for name, fill in {**{f"表{i}": f for i, f in enumerate(fills, 1)}, **sheets}.items():
        sheet = book.add_worksheet(name)
        if callable(fill):
            fill(sheet, book)
        else:
            for i, row in enumerate(fill):
                sheet.write_row(i, 0, row)
    book.close()
    return path


@pytest.fixture
def read(tmp_path):
    def made(*fills, table=None, **sheets):
        return read_workbook(workbook(tmp_path / "a.xlsx", *fills, **sheets), table, None, WORDS)

    return made


def kinds(reading):
    return [issue.issue_type for issue in reading.issues]


def taken(reading, **delivery):
    """Return the settled columns of a reading and all its issues but those about columns."""
    naming, named = map_columns(reading, SPEC, Delivery(path=None, name="a", layer="plot", **delivery))
    ready, naming, found = settle_cells(reading, naming, SPEC, CODES, delivery.get("values"))
    frame, bad = settle_values(ready, naming, SPEC, Delivery(path=None, name="a", layer="plot", **delivery), CODES)
    issues = [*reading.issues, *named, *found, *bad]
    return SimpleNamespace(
        frame=frame,
        issues=issues,
        kinds=[i.issue_type for i in issues],
        one=lambda kind: next(i for i in issues if i.issue_type == kind),
    )


def column(*cells, name="面积"):
    """Return a sheet of codes and one more column."""
    return [["编号", name], *([f"A{i}", cell] for i, cell in enumerate(cells, 1))]


# --- headers ---


def test_a_clean_ledger_raises_nothing(read):
    reading = read([HEAD, ["A1", "甲", 12.5, "2025-06-03"], ["A2", "乙", 3, "2025-06-04"]])
    got = taken(reading)
    assert got.kinds == []
    assert got.frame["area"].tolist() == [12.5, 3.0]
    assert reading.lines == (2, 3)


def test_a_header_of_four_lines_with_merged_groups(read):
    def fill(sheet, _book):
        sheet.merge_range(0, 0, 0, 4, "某市某县疑似地块台账")
        for col, name in ((0, "编号"), (4, "备注")):
            sheet.merge_range(1, col, 3, col, name)
        sheet.merge_range(1, 1, 1, 3, "调查结果")
        sheet.merge_range(2, 1, 2, 2, "监测")
        sheet.merge_range(2, 3, 3, 3, "面积(亩)")
        sheet.write_row(3, 1, ["氨氮(μg/L)", "人口"])
        sheet.write_row(4, 0, ["A1", 500, 3, 2, "好"])

    reading = read(fill)
    assert list(reading.columns) == [
        "编号", f"调查结果{JOINT}监测{JOINT}氨氮(μg/L)", f"调查结果{JOINT}监测{JOINT}人口", f"调查结果{JOINT}面积(亩)", "备注",
    ]  # fmt: skip
    got = taken(reading)
    assert got.frame.loc[0, ["ammonia", "people", "area"]].tolist() == [0.5, 3, pytest.approx(2 * MU)]
    assert reading.lines == (5,)
    assert "header in row 2 to 4" in reading.evidence
    assert "某市某县疑似地块台账" in reading.evidence


def test_the_unit_of_a_merged_group_counts_for_its_columns(read):
    def fill(sheet, _book):
        sheet.merge_range(0, 0, 1, 0, "编号")
        sheet.merge_range(0, 1, 0, 2, "监测结果(μg/L)")
        sheet.write_row(1, 1, ["氨氮", "备注"])
        sheet.write_row(2, 0, ["A1", 500, "x"])

    assert taken(read(fill)).frame["ammonia"].tolist() == [0.5]


def test_the_parts_of_a_merged_header_joined_name_a_field(read):
    def fill(sheet, _book):
        sheet.merge_range(0, 0, 1, 0, "编号")
        sheet.merge_range(0, 1, 0, 2, "整治")
        sheet.write_row(1, 1, ["完成日期", "备注"])
        sheet.write_row(2, 0, ["A1", "2025-06-03", "x"])

    assert taken(read(fill)).frame["done_on"].tolist() == [dt.date(2025, 6, 3)]


def test_a_row_of_units_below_the_header_is_part_of_it(read):
    got = taken(read([["编号", "面积", "氨氮"], ["", "亩", "μg/L"], ["A1", 3, 1000]]))
    assert got.frame[["area", "ammonia"]].to_numpy().tolist() == [[pytest.approx(3 * MU), 1.0]]
    assert len(got.frame) == 1


def test_a_row_of_column_numbers_is_no_record(read):
    reading = read([HEAD, ["甲", "乙", "1", "2"], [1, 2, 3, 4], ["A1", "甲", 5, "2025-06-03"]])
    assert reading.columns["编号"].tolist() == ["甲", 1.0, "A1"], (
        "only the row right below the header may number columns"
    )
    reading = read([HEAD, ["(1)", "(2)", "(3)", "(4)"], ["A1", "甲", 5, "2025-06-03"]])
    assert reading.columns["编号"].tolist() == ["A1"]
    assert kinds(reading) == ["note_row"]


def test_a_record_whose_words_are_field_names_is_not_taken_for_a_header(read):
    assert read([["编号", "种类", "数"], ["A1", "备注", 5], ["A2", "地类", 6]]).columns["编号"].tolist() == ["A1", "A2"]


def test_groups_of_a_csv_stand_over_their_first_column(tmp_path):
    path = text_file(tmp_path / "a.csv", "编号,经度,,,纬度,,", ",度,分,秒,度,分,秒", "A1,114,18,36,34,48,0")
    reading = read_csv_table(path, None, None, WORDS)
    naming, _ = map_columns(reading, SPEC, Delivery(path=path, name="a", layer="plot"))
    assert [reading.columns[c][0] for c in (*naming.x, *naming.y)] == ["114", "18", "36", "34", "48", "0"]


# --- notes, totals, repeated headers, blanks ---


@pytest.mark.parametrize(
    "row",
    [
        ["制表人：张三", "", "审核人：李四", "填表日期：2025年6月3日"], ["填表人：", "张三", "", ""], ["备注：面积为实测"], ["注：1.本表一式两份"],
        ["注1．坐标系为CGCS2000"], ["说明：带*为必填"], ["（填报单位：某局）"], ["数据来源：二调"], ["第 2 页 共 3 页"], ["一、城关镇"], ["（二）柳园口镇"],
    ],
)  # fmt: skip
def test_notes_between_and_below_are_no_records(read, row):
    reading = read([HEAD, ["A1", "甲", 1, "2025-06-03"], row, ["A2", "乙", 2, "2025-06-04"], [], row])
    assert reading.columns["编号"].tolist() == ["A1", "A2"]
    assert reading.lines == (2, 4)
    assert kinds(reading) == ["note_row", "note_row"]
    assert [issue.source_line for issue in reading.issues] == [3, 6]
    assert row[0] in str(reading.issues[0].value)


def test_a_row_merged_over_the_whole_table_is_a_note(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.merge_range(1, 0, 1, 3, "东部片区")
        sheet.write_row(2, 0, ["A1", "甲", 1])

    reading = read(fill)
    assert reading.columns["编号"].tolist() == ["A1"]
    assert kinds(reading) == ["note_row"]


@pytest.mark.parametrize(
    "row",
    [
        ["A9", "备注：甲", 5, "2025-06-03"], ["说明书厂", "甲", 5, "2025-06-03"], ["A9", "合计水库", 5, "2025-06-03"], ["A9", "", "", ""],
        ["A9", "小计", 5, ""], ["合计", "甲厂", 5, "2025-06-03"], ["注塑厂", "", "", ""], ["", "东城", 5, ""], ["三里铺", "", "", ""],
    ],
)  # fmt: skip
def test_records_that_look_like_notes_or_totals_stay_records(read, row):
    reading = read([HEAD, ["A1", "甲", 1, "2025-06-03"], ["A2", "乙", 7, "2025-06-04"], row])
    assert len(reading.columns["编号"]) == 3
    assert kinds(reading) == []


@pytest.mark.parametrize("label", ["合计", "合 计", "小计", "总计：", "累计", "柳园口镇小计", "合计（亩）", "全县总计"])
def test_totals_by_their_label(read, label):
    reading = read(
        [
            HEAD,
            ["A1", "甲", 1.5, "2025-06-03"],
            ["A2", "乙", 2, "2025-06-04"],
            [label, "", 3.5, ""],
            ["A3", "丙", 4, ""],
        ]
    )
    assert reading.columns["面积"].tolist() == [1.5, 2.0, 4.0]
    assert kinds(reading) == ["subtotal_row"]
    assert reading.issues[0].source_line == 4
    assert reading.issues[0].severity == "", "this total adds up"


def test_nested_totals_that_add_up_raise_no_warning(read):
    reading = read(
        [
            HEAD,
            ["A1", "甲", 1, ""],
            ["A2", "乙", 2, ""],
            ["小计", "", 3, ""],
            ["A3", "丙", 4, ""],
            ["小计", "", 4, ""],
            ["合计", "2个镇", 7, ""],
        ]
    )
    assert reading.columns["面积"].tolist() == [1.0, 2.0, 4.0]
    assert [issue.severity for issue in reading.issues] == ["", "", ""]


def test_a_total_that_does_not_add_up_warns(read):
    reading = read([HEAD, ["A1", "甲", 1, ""], ["A2", "乙", 2, ""], ["合计", "", 13, ""]])
    assert reading.issues[0].severity == "warning"
    assert "13" in reading.issues[0].message.zh
    assert "3" in reading.issues[0].message.zh.split("之和")[1]


def test_a_total_without_a_label_is_known_by_its_sum(read):
    reading = read([HEAD, ["A1", "甲", 1.25, ""], ["A2", "乙", 2.5, ""], ["", "", 3.75, ""]])
    assert reading.columns["面积"].tolist() == [1.25, 2.5]
    assert kinds(reading) == ["subtotal_row"]
    reading = read([HEAD, ["A1", "甲", 1.25, ""], ["A2", "乙", 2.5, ""], ["", "", 3.5, ""]])
    assert len(reading.columns["面积"]) == 3, "a number alone that is no sum stays for a person to judge"


def test_a_total_is_known_by_its_formula(read):
    def fill(sheet, _book):
        for i, row in enumerate([HEAD, ["A1", "甲", 1], ["A2", "乙", 2]]):
            sheet.write_row(i, 0, row)
        sheet.write(3, 1, "全县")
        sheet.write_formula(3, 2, "=SUM(C2:C3)", None, 3)
        sheet.write_row(4, 0, ["A3", "丙"])
        sheet.write_formula(4, 2, "=SUM(D5:F5)", None, 8)

    reading = read(fill)
    assert reading.columns["面积"].tolist() == [1.0, 2.0, 8.0], "a sum across is a record's own"
    assert kinds(reading) == ["subtotal_row"]


def test_records_with_a_running_total_column_are_kept(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, ["编号", "名称", "面积", "累计面积"])
        for i, area in enumerate((1, 2, 3), 1):
            sheet.write_row(i, 0, [f"A{i}", "甲", area])
            sheet.write_formula(i, 3, f"=SUM(C$2:C{i + 1})", None, i * (i + 1) / 2)

    assert read(fill).columns["编号"].tolist() == ["A1", "A2", "A3"]


def test_headers_and_titles_of_printed_pages(read):
    title = ["某县地块台账"]
    reading = read([title, HEAD, ["A1", "甲", 1, ""], title, HEAD, ["A2", "乙", 2, ""]])
    assert reading.columns["编号"].tolist() == ["A1", "A2"]
    assert kinds(reading) == ["repeated_header"]
    assert reading.issues[0].value == "4, 5"
    assert reading.lines == (3, 6)


def test_rows_that_only_have_a_number_are_blank(read):
    reading = read([["序号", *HEAD], [1, "A1", "甲", 1], [2], [3], []])
    assert reading.columns["编号"].tolist() == ["A1"]
    assert kinds(reading) == ["numbered_blank"]


# --- merged cells ---


def test_merged_texts_fill_the_rows_they_cover_and_are_told_once(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.merge_range(1, 1, 3, 1, "甲厂")
        sheet.merge_range(4, 1, 5, 1, "乙厂")
        for i in range(1, 6):
            sheet.write(i, 0, f"A{i}")
            sheet.write(i, 2, i)

    reading = read(fill)
    assert reading.columns["名称"].tolist() == ["甲厂"] * 3 + ["乙厂"] * 2
    assert kinds(reading) == ["merged_filled"]
    assert reading.issues[0].field == "名称"
    assert "2–4、5–6" in reading.issues[0].message.zh


def test_an_area_that_several_rows_share_is_no_rows_own(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, ["编号", "面积", "氨氮"])
        sheet.merge_range(1, 1, 2, 1, 30)
        sheet.merge_range(1, 2, 2, 2, 0.5)
        sheet.write_column(1, 0, ["A1", "A2"])

    got = taken(read(fill))
    assert got.frame["area"].isna().all()
    assert got.frame["ammonia"].tolist() == [0.5, 0.5], "a concentration is not shared out"
    assert got.kinds.count("shared_number") == 2
    assert got.kinds.count("merged_filled") == 2


def test_cells_merged_sideways_are_not_the_next_columns(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.write(1, 0, "A1")
        sheet.merge_range(1, 1, 1, 2, 5)

    reading = read(fill)
    assert (reading.columns["名称"][0], reading.columns["面积"][0]) == (5.0, "")


def test_merges_over_empty_rows_make_no_records(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ["A1", "甲", 1])
        sheet.merge_range(1, 1, 6, 1, "甲")

    assert read(fill).columns["编号"].tolist() == ["A1"]


# --- sheets, hidden parts, formulas, errors ---


def test_all_sheets_of_one_form_are_read_together(read):
    reading = read(
        城关镇=[HEAD, ["A1", "甲", 1, ""], ["合计", "", 1, ""]], 柳园口镇=[["某表"], HEAD, ["A2", "乙", 2, ""], ["A3", "=#N/A", "#REF!", ""]],
        汇总=[["乡镇", "地块数"], ["城关镇", 1]], table="*",
    )  # fmt: skip
    assert reading.columns["编号"].tolist() == ["A1", "A2", "A3"]
    assert reading.columns[SHEET_COLUMN].tolist() == ["城关镇", "柳园口镇", "柳园口镇"]
    assert reading.lines == (2, 3, 4)
    by_kind = {issue.issue_type: issue for issue in reading.issues}
    assert set(by_kind) == {"subtotal_row", "error_cell", "sheet_left_out"}
    assert by_kind["error_cell"].row == 2
    assert by_kind["subtotal_row"].source_table == "城关镇"
    assert by_kind["sheet_left_out"].value == "汇总"


def test_a_workbook_of_several_sheets_says_how_to_read_all(read):
    with pytest.raises(DeliveryError, match=r"Name it with 'table'\. Sheets of one form are read together with '\*'"):
        read([HEAD, ["A1"]], [HEAD, ["A2"]])


def test_hidden_sheets_are_listed_and_not_taken(read):
    def hidden(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ["H", "隐"])
        sheet.hide()

    for table in (None, "*"):
        reading = read(台账=[HEAD, ["A1", "甲", 1, ""]], 旧表=hidden, table=table)
        assert reading.columns["编号"].tolist() == ["A1"]
        assert [(i.issue_type, i.value) for i in reading.issues] == [("hidden_sheet", "旧表")]


def test_hidden_rows_and_columns_are_used_and_told(read):
    def fill(sheet, _book):
        for i, row in enumerate([HEAD, ["A1", "甲", 1], ["A2", "乙", 2]]):
            sheet.write_row(i, 0, row)
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(1, 1, None, None, {"hidden": True})

    reading = read(fill)
    assert reading.columns["编号"].tolist() == ["A1", "A2"]
    assert [(i.issue_type, i.value) for i in reading.issues] == [("hidden_part", "3"), ("hidden_part", "名称")]


def test_error_cells_are_empty_and_told(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ["A1", "#REF!"])
        sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
        sheet.write(1, 3, "########")

    reading = read(fill)
    assert [values.plain(reading.columns[c][0]) for c in HEAD] == ["A1", None, None, None]
    told = {issue.field: issue.before for issue in reading.issues if issue.issue_type == "error_cell"}
    assert told == {"名称": "#REF!", "面积": "#DIV/0!", "排查日期": "########"}
    assert {issue.row for issue in reading.issues} == {0}


def test_formulas_count_by_their_value_and_those_without_are_told(tmp_path):
    book = openpyxl.Workbook()
    for row in (["编号", "面积"], ["A1", "=2*3"], ["A2", 5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    reading = read_workbook(tmp_path / "a.xlsx", None, None, WORDS)
    assert kinds(reading) == ["error_cell"]
    assert (reading.issues[0].row, reading.issues[0].before) == (0, "=")
    made = workbook(
        tmp_path / "b.xlsx",
        lambda s, _: (s.write_row(0, 0, ["编号", "面积"]), s.write(1, 0, "A1"), s.write_formula(1, 1, "=2*3", None, 6)),
    )
    reading = read_workbook(made, None, None, WORDS)
    assert reading.columns["面积"].tolist() == [6.0]
    assert kinds(reading) == []


def test_many_errors_are_told_a_hundred_times_and_counted(read):
    reading = read([["编号", "面积"], *([f"A{i}", "#N/A"] for i in range(150))])
    assert len(reading.issues) == 101
    assert reading.issues[-1].value == 50


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", [HEAD])
    monkeypatch.setattr(sheet_marks, "MOST_UNPACKED", 1000)
    with pytest.raises(DeliveryError, match="unpacked, expected at most"):
        read_workbook(path, None, None, WORDS)


def test_a_stray_cell_at_the_far_corner_is_refused_before_room_is_made_for_it(read):
    def fill(sheet, _book):
        sheet.write_row(0, 0, HEAD)
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(
        DeliveryError, match="got a sheet of 1048576 rows and 16384 columns, expected at most 20,000,000"
    ):
        read(fill)


def test_a_csv_of_endless_columns_is_refused(tmp_path):
    with pytest.raises(DeliveryError, match="line 1 has 20001 cells, more than 16384"):
        read_csv_table(text_file(tmp_path / "a.csv", "," * 20_000, "A,B"), None, None, WORDS)


def test_far_cells_that_are_only_coloured_do_no_harm(read):
    def fill(sheet, book):
        for i, row in enumerate([HEAD, ["A1", "甲", 1, ""]]):
            sheet.write_row(i, 0, row)
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bg_color": "red"}))

    assert read(fill).columns["编号"].tolist() == ["A1"]


def test_a_sheet_with_entities_has_no_marks_and_explodes_nothing(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [HEAD, ["A1", "甲", 1, ""]])
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for part in old.namelist():
            new.writestr(part, bomb if "sheet1" in part else old.read(part))
    assert sheet_marks.read_marks(path, "表1") is not None
    assert sheet_marks.read_marks(tmp_path / "b.xlsx", "表1") is None
    assert sheet_marks.read_marks(path, "no such sheet") is None


# --- units ---


def test_units_mixed_in_one_column_are_settled_cell_by_cell(read):
    got = taken(read(column("12亩", "0.8公顷", "５３３．３平方米", "1,200 ㎡")))
    assert got.frame["area"].tolist() == [pytest.approx(8000.0), pytest.approx(8000.0), 533.3, 1200.0]
    assert got.kinds == ["unit_mixed"]
    assert "亩 1 个" in got.one("unit_mixed").message.zh


def test_a_bare_number_among_mixed_units_is_not_guessed(read):
    got = taken(read(column("12亩", 533.3)))
    assert got.frame["area"].tolist() == [pytest.approx(8000.0), pytest.approx(float("nan"), nan_ok=True)]
    assert got.kinds == ["unit_in_cells", "unit_unclear"]
    assert got.one("unit_unclear").row == 1


def test_a_header_unit_that_cells_contradict_is_told(read):
    got = taken(read(column(3, "0.8公顷", "6亩", name="面积(亩)")))
    assert got.frame["area"].tolist() == [pytest.approx(3 * MU), pytest.approx(8000.0), pytest.approx(6 * MU)]
    assert got.kinds == ["unit_contradicts"]


def test_units_in_cells_that_agree_with_the_header_are_just_told(read):
    got = taken(read(column(3, "6亩", name="面积(亩)")))
    assert got.frame["area"].tolist() == [pytest.approx(3 * MU), pytest.approx(6 * MU)]
    assert got.kinds == ["unit_in_cells"]


def test_the_unit_of_a_note_above_the_header_counts(read):
    rows = column(3, 6)
    got = taken(read([["填报单位：某局", "单位：亩"], *rows]))
    assert got.frame["area"].tolist() == [pytest.approx(3 * MU), pytest.approx(6 * MU)]
    assert got.kinds == ["note_row", "unit_from_note"]
    got = taken(read([["单位：亩"], *column(3, 6, name="面积(公顷)")]))
    assert got.frame["area"].tolist() == [30_000.0, 60_000.0], "the column's own header goes before a note"
    got = taken(read([["填报单位：亩产研究所"], *rows]))
    assert got.frame["area"].tolist() == [3.0, 6.0]
    assert got.kinds == []


def test_two_units_of_one_kind_in_the_notes_leave_the_column_out(read):
    got = taken(read([["单位：亩、公顷"], *column(3)]))
    assert got.frame["area"].isna().all()
    assert got.kinds == ["note_row", "unit_unclear"]


@pytest.mark.parametrize("cell", ["约12亩", "≈12", "大于5", ">5", "30左右", "不足5", "12余亩", "近30"])
def test_about_is_no_number(read, cell):
    got = taken(read(column(cell)))
    assert got.frame["area"].isna().all()
    assert got.kinds == ["qualified_number"]
    assert got.one("qualified_number").before == cell


@pytest.mark.parametrize("cell", ["5亩3分", "12-15亩", "12 5", "三十亩", "12斤", "1.2.3亩", "12亩15亩", "<0.01"])
def test_what_is_no_quantity_is_a_bad_number(read, cell):
    got = taken(read(column(cell)))
    assert got.frame["area"].isna().all()
    assert got.kinds == ["bad_number"]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("'12.5", 12.5),
        ("1\u00a0234.5", 1234.5),
        ("12\u202f345", 12345.0),
        ("１，２３４", 1234.0),
        (" 12 ", 12.0),
        ("12,345", 12345.0),
    ],
)
def test_numbers_with_signs_of_their_keyboard(read, cell, number):
    got = taken(read(column(cell)))
    assert (got.frame["area"].tolist(), got.kinds) == ([number], [])


@given(
    st.floats(1e-3, 1e9), st.sampled_from(["亩", "公顷", "平方米", "㎡", "hm²", "m2"]), st.sampled_from(["", " ", "　"])
)
def test_a_quantity_written_out_reads_back(number, unit, blank):
    assert values.quantity(f"{number!r}{blank}{unit}") == (number, unit)


def test_a_word_whose_meaning_the_plan_states_goes_before_all_this(read):
    reading = read(
        [["编号", "面积", "排查日期", "地类"], ["A1", "约12亩", "25-6-3", 103], ["A2", "约9亩", "25-6-4", 101]]
    )
    got = taken(
        reading, values={"area": {"约12亩": 8000}, "found_on": {"25-6-3": "2025-06-03"}, "land": {"103": "0102"}}
    )
    assert got.frame.iloc[0, 2:4].tolist() == [8000.0, dt.date(2025, 6, 3)]
    assert got.frame["land"].tolist() == ["0102", "0101"]
    assert sorted(got.kinds) == ["code_restored", "date_unclear", "qualified_number"]


# --- dates ---


@pytest.mark.parametrize(
    "cell",
    [
        "2025年6月3日",
        "2025.6.3",
        "20250603",
        20250603,
        "'2025-06-03",
        "２０２５．６．３",
        45811,
        "45811",
        dt.date(2025, 6, 3),
    ],
)
def test_dates_in_their_spellings(read, cell):
    def fill(sheet, book):
        sheet.write_row(0, 0, ["编号", "排查日期"])
        sheet.write(1, 0, "A1")
        sheet.write(1, 1, cell, book.add_format({"num_format": "yyyy-mm-dd"}) if isinstance(cell, dt.date) else None)

    got = taken(read(fill))
    assert got.frame["found_on"].tolist() == [dt.date(2025, 6, 3)]
    assert set(got.kinds) <= {"serial_dates"}


def test_serial_numbers_are_told_once_a_column(read):
    got = taken(read(column(45811, 45812, "2025-06-05", 45813.5, name="排查日期")))
    assert got.frame["found_on"].tolist() == [dt.date(2025, 6, d) for d in (3, 4, 5, 5)]
    assert got.kinds == ["serial_dates"]
    issue = got.one("serial_dates")
    assert (issue.value, issue.before, issue.after) == (3, "45811", "2025-06-03")


def test_a_serial_number_is_no_date_elsewhere(read):
    assert taken(read(column(45811))).frame["area"].tolist() == [45811.0]
    assert taken(read(column(45811, name="备注"))).frame["note"].tolist() == ["45811"]


@pytest.mark.parametrize(
    ("cell", "days"),
    [
        ("25-6-3", ["2003-06-25", "2025-06-03"]), ("6/3/2025", ["2025-03-06", "2025-06-03"]), ("6/30/2025", ["2025-06-30"]),
        ("30/06/2025", ["2025-06-30"]), ("25年6月3日", ["2003-06-25", "2025-06-03"]), ("13.13.2025", []), ("2025-06-03", []),
    ],
)  # fmt: skip
def test_the_days_an_unclear_date_may_mean(cell, days):
    assert [str(day) for day in values.unclear_dates(cell)] == days


@pytest.mark.parametrize("cell", ["25-6-3", "6/3/2025", "3.6.2025", "25/06/03"])
def test_dates_of_unclear_order_are_refused_with_their_readings(read, cell):
    got = taken(read(column(cell, name="排查日期")))
    assert got.frame["found_on"].tolist() == [None]
    assert got.kinds == ["date_unclear"]
    assert "2025-06-03" in got.one("date_unclear").message.zh


@pytest.mark.parametrize("cell", ["2025", 2025, "2025年6月", 19999, 80001, "13.13.2025", "待定"])
def test_what_is_no_date_stays_a_bad_date(read, cell):
    got = taken(read(column(cell, name="排查日期")))
    assert (got.frame["found_on"].tolist(), got.kinds) == ([None], ["bad_date"])


@given(st.dates(dt.date(1955, 1, 1), dt.date(2110, 12, 31)))
def test_a_serial_reads_back(day):
    serial = (day - dt.date(1899, 12, 30)).days
    assert values.is_serial(serial)
    assert values.date(serial) == values.date(float(serial)) == values.date(str(serial)) == day


@given(st.dates(dt.date(2000, 1, 1), dt.date(2028, 12, 31)))
def test_the_true_day_is_among_the_readings_of_an_unclear_date(day):
    for text in (
        f"{day.year % 100}-{day.month}-{day.day}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day.day:02}.{day.month:02}.{day.year}",
    ):
        assert values.date(text) is None
        assert day in values.unclear_dates(text)


# --- codes ---


@pytest.mark.parametrize(
    ("cell", "code"), [(410299.0, "410299"), ("410299.0", "410299"), ("４１０２９９", "410299"), ("'410299", "410299")]
)
def test_codes_that_became_numbers(read, cell, code):
    got = taken(read(column(cell, name="区划代码")))
    assert got.frame["zone_code"].tolist() == [code]
    changed = [(i.before, i.after) for i in got.issues]
    assert changed == ([] if cell in (410299.0, "４１０２９９") else [(cell, code)])


@pytest.mark.parametrize("cell", ["4.10299E+12", 4.10299e17, "4.1E+05", 410299000000000000])
def test_codes_that_lost_digits_are_damaged(read, cell):
    got = taken(read([["编号", "名称"], [cell, "甲"]]))
    assert got.frame["plot_code"].tolist() == [None]
    assert got.kinds == ["code_damaged"]
    assert got.one("code_damaged").severity == "", "in a key it is an error"
    assert taken(read(column(cell, name="备注"))).one("code_damaged").severity == "warning"


def test_a_power_of_ten_with_all_its_digits_is_restored(read):
    got = taken(read([["编号"], ["4.10299E+05"]]))
    assert got.frame["plot_code"].tolist() == ["410299"]
    assert (got.one("code_restored").before, got.one("code_restored").after) == ("4.10299E+05", "410299")


def test_a_code_that_became_a_date_is_damaged(read):
    def fill(sheet, book):
        sheet.write_row(0, 0, ["编号", "备注"])
        for j in range(2):
            sheet.write_datetime(1, j, dt.datetime(2025, 3, 1), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001

    got = taken(read(fill))
    assert (got.frame["plot_code"].tolist(), got.frame["note"].tolist()) == ([None], ["2025-03-01"])
    assert got.kinds == ["code_damaged"]


@pytest.mark.parametrize(
    ("cell", "code"), [(101, "0101"), ("102", "0102"), ("101.0", "0101"), (10, "10"), ("0101", "0101")]
)
def test_zeros_are_restored_where_the_code_list_leaves_one_reading(read, cell, code):
    got = taken(read(column(cell, name="地类")))
    assert got.frame["land"].tolist() == [code]
    assert got.kinds == ([] if code in (cell, str(cell)) else ["code_restored"])


def test_a_code_of_no_list_stays_a_bad_code(read):
    assert taken(read(column(103, name="地类"))).kinds == ["bad_code"]


def test_zeros_are_restored_by_a_pattern_only_where_zeros_are_what_is_missing(read):
    got = taken(read(column(10203, 10204, name="区划代码")))
    assert got.frame["zone_code"].tolist() == ["010203", "010204"]
    assert got.kinds == ["code_restored"] * 2
    got = taken(read(column("010203", 10204, name="区划代码")))
    assert got.frame["zone_code"].tolist() == ["010203", "010204"]
    got = taken(read(column(410203, 41020, name="区划代码")))
    assert got.frame["zone_code"].tolist() == ["410203", "41020"], "some digit is missing, and nobody knows which"
    assert got.kinds == []


def test_full_width_letters_of_a_code_are_narrowed_and_told(read):
    got = taken(read([["编号", "备注"], ["ＡＢ０１", "ＡＢ"]]))
    assert (got.frame["plot_code"][0], got.frame["note"][0]) == ("AB01", "ＡＢ")
    assert got.kinds == ["code_restored"]


@given(st.integers(10**5, 10**6 - 1))
def test_codes_are_the_same_as_number_and_as_text(code):
    assert values.plain(float(code)) == values.plain(str(code)) == str(code)


# --- measurements ---


@pytest.mark.parametrize(
    ("text", "value", "is_below", "limit"),
    [
        (0.35, 0.35, False, None), ("0.35", 0.35, False, None), ("１.２", 1.2, False, None), (0, 0.0, False, None), ("<0.01", None, True, 0.01),
        ("＜0.01", None, True, 0.01), ("< 0.01", None, True, 0.01), ("小于0.01", None, True, 0.01), ("低于0.01", None, True, 0.01),
        ("0.01L", None, True, 0.01), ("0.01 L", None, True, 0.01), ("０．０１Ｌ", None, True, 0.01), ("4e-4L", None, True, 4e-4),
        ("0.01(L)", None, True, 0.01), ("ND", None, True, None), ("nd", None, True, None), ("N.D.", None, True, None), ("未检出", None, True, None),
        ("未检出(0.01)", None, True, 0.01), ("未检出（<0.01）", None, True, 0.01), ("ND(0.05)", None, True, 0.05), ("ND<0.05", None, True, 0.05),
        ("未检出（检出限：0.02）", None, True, 0.02), ("低于检出限", None, True, None), ("<DL", None, True, None), ("<检出限", None, True, None),
    ],
)  # fmt: skip
def test_measurements(text, value, is_below, limit):
    assert measurement(text) == Measurement(value, is_below, limit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "-",
        "L",
        "<",
        "0.01l",
        "<-0.01",
        "<0",
        "0L",
        ">24000",
        "约0.5",
        "≤0.01",
        "检出",
        "0.01mg/L",
        "0.01-0.02L",
        "NDA",
        "<1e999",
        True,
        "1e999",
    ],
)
def test_what_is_no_measurement(text):
    assert measurement(text) is None


@given(st.floats(1e-9, 1e6))
def test_a_detection_limit_reads_back(limit):
    for text in (f"<{limit!r}", f"{limit!r}L", f"ND({limit!r})", f"未检出（{limit!r}）"):
        assert measurement(text) == Measurement(None, True, limit)
    assert measurement(repr(limit)) == Measurement(limit)


@given(st.text(max_size=30))
def test_no_text_breaks_the_new_parsers(text):
    for parse in (
        measurement,
        values.quantity,
        values.unclear_dates,
        values.is_qualified,
        values.is_serial,
        values.stated_units,
    ):
        parse(text)

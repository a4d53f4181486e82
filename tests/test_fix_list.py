"""The answer to a sender: his own cells coloured where he has them, nothing that runs or calls out, the same bytes twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import zipfile
from html.parser import HTMLParser
from itertools import pairwise

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from intake_toy import PLACE, package, point, square, taken, text_file
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.xml.functions import register_namespace

from geosys._errors import SpecError
from geosys._text import Text
from geosys.content import content_root
from geosys.layers.delivery import Delivery
from geosys.layers.naming import map_columns, words_of
from geosys.layers.readers import read_delivery
from geosys.layers.redelivery import compare_deliveries
from geosys.layers.scorecard import load_grades, scorecard
from geosys.layers.spec import read_catalogue
from geosys.maps.fix_list import content_palettes, issue_sheet, sender_sheet, write_fix_list, write_scorecard
from geosys.maps.fix_list.book import tint
from geosys.maps.fix_report import fix_report
from geosys.maps.fix_rows import Letter, Original, fix_rows, since_last
from geosys.maps.frames import Meta
from geosys.views import in_degrees

META = Meta(Text("样例区 2026", "Toy county 2026"), dt.date(2026, 9, 30), "GeoSys 0.1.0", Text("样例数据", "Sample"))
CMD = "=cmd|' /C calc'!A0"
SCRIPT = "</td><script>alert(1)</script>"
LIST, MAP, NOTES = "修改清单 Fix list", "位置图 Map", "说明 Notes"
POSITIONS = ((114.0, 34.78), (114.01, 34.79))


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue()


def ledger(path, rows, title="某县入河排污口台账（2026 年）"):
    """Write a ledger as offices do: a title, a header over two rows with merged cells, colours, a wide column."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "排污口台账"
    sheet["A1"] = title
    sheet.merge_cells("A1:G1")
    sheet["A1"].font = Font(name="SimHei", size=16, bold=True)
    sheet["A1"].alignment = Alignment(horizontal="center")
    for column, head in enumerate(("排污口编码", "排污口名称", "位置", None, "日排放量", "排查日期", "备注"), 1):
        sheet.cell(2, column, head)
        sheet.cell(2, column).fill = PatternFill("solid", fgColor="DDEBF7")
    sheet["C3"], sheet["D3"] = "经度", "纬度"
    sheet.merge_cells("C2:D2")
    for column in "ABEFG":
        sheet.merge_cells(f"{column}2:{column}3")
    for number, row in enumerate(rows, 4):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
            cell.font = Font(name="SimSun", size=12)
    sheet.column_dimensions["B"].width = 31
    sheet.row_dimensions[5].hidden = True
    book.save(path)
    return path


def _day(number):
    return dt.datetime(2026, 3, number)  # noqa: DTZ001  a cell's date has no zone


ROWS = [
    ("A1", "大清沟口", *POSITIONS[0], 12.5, _day(1), None),
    ("A2", "西湖排口", 0, 0, 30, _day(2), None),
    ("A3", CMD, 114.02, 34.77, "很多", "昨天", "=1+1"),
    ("A1", SCRIPT, *POSITIONS[1], 7, _day(4), None),
    ("A5", "南口", 34.78, 114.0, 7, _day(4), None),
]


def original_of(catalogue, layer, path, **settings):
    """Read a delivery as intake does, for the copy of the sender's table."""
    spec = catalogue.layers[layer]
    reading = read_delivery(path, None, None, words_of(spec))
    naming, _ = map_columns(reading, spec, Delivery(path=path, name=path.name, layer=layer, **settings))
    return Original(path.name, path, reading.table, reading.columns, reading.lines, reading.records, naming.columns)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory, catalogue):
    """Return issues in degrees and originals of three deliveries: a ledger, a CSV with Chinese names, and polygons."""
    folder = tmp_path_factory.mktemp("delivered")
    paths = [
        ledger(folder / "台账.xlsx", ROWS),
        text_file(
            folder / "第二批.csv",
            "排污口编码,名称,经度,纬度,日排放量",
            "B1,东口,114.0,34.78,五吨",
            ",北口,114.001,34.781,3",
        ),
    ]
    _, points = taken(catalogue, "outfall", *paths)
    plots = package(
        folder / "地块.gpkg",
        {"地块编码": ["P1", "P2", "P3"], "地块名称": ["甲", "乙", "丙"]},
        [
            square(0, 0, 800),
            square(400, 0, 800),
            shapely.Polygon([(500_000, 3_850_000), (502_000, 3_852_000), (502_000, 3_850_000), (500_000, 3_852_000)]),
        ],
    )
    _, areas = taken(catalogue, "suspected_plot", plots)
    originals = [original_of(catalogue, "outfall", path) for path in paths] + [
        original_of(catalogue, "suspected_plot", plots)
    ]
    issues = gpd.GeoDataFrame(pd.concat([points, areas], ignore_index=True), crs=points.crs)
    return issues, originals


@pytest.fixture(scope="module")
def letter():
    outline = gpd.GeoSeries([PLACE.region], crs=PLACE.crs).to_crs("EPSG:4490").iloc[0]
    return Letter(META, "某县生态环境分局", rows=10, rows_withheld=5, outline=outline, reply_by=dt.date(2026, 10, 20))


@pytest.fixture(scope="module")
def comparison(delivered):
    """Compare with a last delivery that had one issue fewer and one that is mended now."""
    issues, _ = delivered
    mended = issues.iloc[[0]].assign(
        issue_id="old", issue_type="name_cut", field="x", feature_id="A1", source_row=1, value="q"
    )
    before = gpd.GeoDataFrame(pd.concat([issues.iloc[1:], mended], ignore_index=True), crs=issues.crs)
    features = gpd.GeoDataFrame(
        {"layer": ["outfall"] * 3 + ["suspected_plot"] * 3, "feature_id": ["A1", "A2", "A3", "P1", "P2", "P3"]},
        geometry=[point(n, 0) for n in range(6)], crs=issues.crs,
    )  # fmt: skip
    return compare_deliveries(before, issues, features)


@pytest.fixture(scope="module")
def book(tmp_path_factory, delivered, letter, comparison):
    issues, originals = delivered
    path = tmp_path_factory.mktemp("fix") / "清单.xlsx"
    deliveries = pd.DataFrame(
        {
            "sender": [letter.sender, letter.sender, letter.sender, "别的局"],
            "layer": ["outfall", "outfall", "suspected_plot", "outfall"],
            "source_file": ["台账.xlsx", "第二批.csv", "地块.gpkg", "别.csv"],
            "delivered_on": [dt.date(2026, 9, 1)] * 4, "rows": [5, 2, 3, 9], "rows_withheld": [3, 0, 1, 0],
        }
    )  # fmt: skip
    scores = scorecard(issues, deliveries, load_grades(content_root() / "layers" / "scorecard.csv"), comparison)
    write_fix_list(path, in_degrees(issues), originals, letter, comparison=comparison, scores=scores)
    return path


def listed(book):
    """Return the rows of the list by the names of its columns."""
    sheet = openpyxl.load_workbook(book)[LIST]
    names = [cell.value for cell in sheet[2]]
    return [dict(zip(names, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(min_row=4)]


# --- the workbook ----------------------------------------------------------------------------------------------------


def test_each_issue_is_a_row_with_place_advice_and_room_for_an_answer(book, delivered):
    issues, _ = delivered
    rows = listed(book)
    assert len(rows) == len(issues)
    assert [row["序号"] for row in rows] == list(range(1, len(rows) + 1))
    bad = next(row for row in rows if row["现值"] == "很多")
    assert (bad["文件"], bad["工作表"], bad["位置"]) == ("台账.xlsx", "排污口台账", "第 6 行")
    assert "日排放量" in bad["字段（您的列名）"]
    assert all(row["应如何改"] and row["具体说明"] for row in rows)
    duplicate = next(row for row in rows if row["问题"] == "编号重复" or "重复" in row["问题"])
    assert (duplicate["经度"], duplicate["纬度"]) == (None, None) or abs(duplicate["经度"] - 114) < 1


def test_the_list_can_be_filtered_ticked_and_printed(book):
    sheet = openpyxl.load_workbook(book)[LIST]
    assert sheet.freeze_panes == "B4"
    assert sheet.auto_filter.ref.startswith("A3:")
    (choice,) = sheet.data_validations.dataValidation
    assert choice.type == "list"
    assert "是" in choice.formula1
    names = [cell.value for cell in sheet[2]]
    assert str(choice.sqref).startswith(openpyxl.utils.get_column_letter(names.index("已改") + 1))
    assert sheet.print_title_rows == "$2:$3"
    assert sheet.page_setup.orientation == "landscape"


def test_the_copy_has_the_senders_rows_formats_and_values(book):
    copied = openpyxl.load_workbook(book)["排污口台账"]
    assert copied["A1"].value == "某县入河排污口台账（2026 年）"
    assert copied["A1"].font.name == "SimHei"
    assert "C2:D2" in {str(area) for area in copied.merged_cells.ranges}
    assert copied.column_dimensions["B"].width == 31
    for number, row in enumerate(ROWS, 4):
        assert [copied.cell(number, column).value for column in range(1, 8)] == list(row)
    assert copied["F4"].number_format == "yyyy-mm-dd h:mm:ss" or copied["F4"].is_date
    assert copied["A2"].fill.fgColor.rgb.endswith("DDEBF7")


def test_the_faulty_cell_is_coloured_by_severity_and_says_why(book, delivered):
    copied = openpyxl.load_workbook(book)["排污口台账"]
    issues, _ = delivered
    colours = content_palettes().issue_severities
    found = issues[(issues["value"] == "很多") & (issues["source_file"] == "台账.xlsx")].iloc[0]
    cell = copied["E6"]
    assert cell.fill.fgColor.rgb == "00" + tint(colours[found["severity"]].colour, found["severity"])
    assert found["message_zh"] in cell.comment.text
    assert found["advice_zh"] in cell.comment.text
    assert copied["E4"].comment is None  # its neighbour is clean
    assert copied["E4"].fill.fill_type is None
    assert copied.row_dimensions[5].hidden is False  # what is coloured is in sight
    assert copied["A5"].comment or copied["C5"].comment


def test_severities_are_apart_on_a_grey_print():
    swatches = content_palettes().issue_severities
    greys = []
    for word in ("critical", "error", "warning", "notice"):
        red, green, blue = (int(tint(swatches[word].colour, word)[i : i + 2], 16) for i in (0, 2, 4))
        greys.append(0.299 * red + 0.587 * green + 0.114 * blue)
    assert all(lighter - darker > 20 for darker, lighter in pairwise(greys))


def test_a_csv_keeps_its_lines_and_a_package_its_records(book):
    made = openpyxl.load_workbook(book)
    csv = made["第二批"]
    assert [cell.value for cell in csv[1]] == ["排污口编码", "名称", "经度", "纬度", "日排放量"]
    assert csv["B2"].value == "东口"
    assert csv["E2"].comment
    plots = next(made[name] for name in made.sheetnames if name.startswith("地块"))
    assert [row[0].value for row in plots.iter_rows(min_row=2)] == [1, 2, 3]
    assert [row[1].value for row in plots.iter_rows(min_row=2)] == ["P1", "P2", "P3"]
    assert any(cell.comment for row in plots.iter_rows() for cell in row)


def test_the_place_in_the_list_leads_to_the_cell(book):
    sheet = openpyxl.load_workbook(book)[LIST]
    row = next(row for row in sheet.iter_rows(min_row=4) if any(cell.value == "很多" for cell in row))
    assert "'排污口台账'!E6" in [cell.hyperlink.location for cell in row if cell.hyperlink]


def test_the_map_has_every_place_and_the_outline(book, delivered):
    made = openpyxl.load_workbook(book)
    sheet = made[MAP]
    issues, _ = delivered
    placed = issues.geometry.notna() & ~issues.geometry.is_empty & (issues["issue_type"] != "default_point")
    numbers = [
        row[i + 2].value
        for row in sheet.iter_rows(min_row=5)
        for i in range(29, len(row) - 2, 4)
        if isinstance(row[i + 2].value, int)
    ]
    assert len(numbers) == int(placed.sum())
    with zipfile.ZipFile(book) as packed:
        chart = packed.read("xl/charts/chart1.xml").decode()
    assert chart.count("<ser>") == 1 + issues[placed]["severity"].nunique()
    assert "scatterChart" in chart


def test_last_time_and_advice_are_told(book, comparison, letter):
    made = openpyxl.load_workbook(book)
    told = since_last(comparison).zh
    assert told.startswith("上次 ")
    assert "已改 1" in told
    assert "新增 1" in told
    assert told in made[LIST]["A1"].value
    assert told in made["与上次比较 Since last"]["A1"].value
    notes = [cell.value for row in made[NOTES].iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any(told in text for text in notes)
    assert letter.sender in notes
    scores = made["报送质量 Scorecard"]
    assert {row[0].value for row in scores.iter_rows(min_row=3)} == {letter.sender}  # no other sender's marks


def test_nothing_in_the_workbook_runs_or_leads_out(book):
    for row in (cell for sheet in openpyxl.load_workbook(book) for line in sheet.iter_rows() for cell in line):
        assert row.data_type != "f"
    copied = openpyxl.load_workbook(book)["排污口台账"]
    assert copied["B6"].value == CMD
    assert copied["B6"].quotePrefix  # stays a text when somebody edits the cell
    with zipfile.ZipFile(book) as packed:
        parts = {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}
    assert not any(
        "<f>" in text or "externalLink" in text
        for name, text in parts.items()
        if name.startswith("xl/worksheets/sheet")
    )
    assert not any('TargetMode="External"' in text for text in parts.values())


def test_the_same_input_gives_the_same_bytes(tmp_path, delivered, letter):
    issues, originals = delivered
    for name in ("a.xlsx", "b.xlsx"):
        write_fix_list(tmp_path / name, in_degrees(issues), originals, letter)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        assert {info.date_time for info in packed.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert b"2000-01-01T00:00:00Z" in packed.read("docProps/core.xml")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.xlsx", "b.xlsx"]


def test_the_hour_of_saving_is_in_no_file_whatever_prefix_it_has(tmp_path, delivered, letter):
    issues, originals = delivered
    register_namespace("dct", "http://purl.org/dc/terms/")  # as OWSLib does, for the whole process
    try:
        write_fix_list(tmp_path / "a.xlsx", in_degrees(issues), originals, letter)
    finally:
        register_namespace("dcterms", "http://purl.org/dc/terms/")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        core = packed.read("docProps/core.xml").decode()
    assert "<dct:modified" in core
    assert re.findall(r"\d{4}-\d\d-\d\dT[^<]*", core) == ["2000-01-01T00:00:00Z"] * 2


def test_hostile_texts_and_names_are_held(tmp_path, delivered, letter):
    issues, _ = delivered
    hostile = in_degrees(issues).iloc[[0]].assign(
        source_file="x.csv", source_table="[a]:b*?/\\" + "长" * 60, source_row=1, source_line=2, field="", value="a\x00\x0b=1" + "长" * 40_000, message_zh="=HYPERLINK(1)\x07",
    )  # fmt: skip
    values = {"=名\x01": ["\ud800x" + "字" * 40_000], "n": [float("nan")], "d": [pd.NaT], "i": [float("inf")]}
    original = Original("x.csv", tmp_path / "x.csv", hostile["source_table"].iloc[0], values, lines=[2])
    other = dataclasses.replace(original, table="history")
    write_fix_list(tmp_path / "h.xlsx", hostile, [original, other], letter)
    made = openpyxl.load_workbook(tmp_path / "h.xlsx")
    assert all(len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in made.sheetnames)
    assert "history" not in {name.casefold() for name in made.sheetnames}
    texts = [c.value for s in made for row in s.iter_rows() for c in row if isinstance(c.value, str)]
    assert max(map(len, texts)) <= 32_767
    assert not any(c.data_type == "f" for s in made for row in s.iter_rows() for c in row)
    copy = made[made.sheetnames[1]]
    assert [copy["B2"].value, copy["C2"].value, copy["D2"].value] == [None] * 3


def test_a_workbook_that_cannot_be_copied_is_written_from_its_values(tmp_path, delivered, letter):
    issues, originals = delivered
    spoilt = tmp_path / "台账.xlsx"
    spoilt.write_bytes(b"PK\x03\x04 no workbook")
    write_fix_list(tmp_path / "f.xlsx", in_degrees(issues), [dataclasses.replace(originals[0], path=spoilt)], letter)
    copied = openpyxl.load_workbook(tmp_path / "f.xlsx")["排污口台账"]
    assert copied["A4"].value == "A1"  # still in the line where the sender has it
    assert copied["E6"].comment


def test_sheets_read_as_one_are_parted_again(tmp_path, letter, catalogue):
    path = tmp_path / "两镇.xlsx"
    book = openpyxl.Workbook()
    for name, code in (("东镇", "D1"), ("西镇", "X1")):
        sheet = book.create_sheet(name)
        sheet.append(["排污口编码", "名称", "经度", "纬度", "日排放量"])
        sheet.append([code, name, *POSITIONS[0], "很多" if name == "西镇" else 5])
    book.remove(book["Sheet"])
    book.save(path)
    _, issues = taken(catalogue, "outfall", path, table="*")
    reading = read_delivery(path, "*", None, words_of(catalogue.layers["outfall"]))
    original = Original(
        path.name,
        path,
        "*",
        reading.columns,
        reading.lines,
        reading.records,
        {"flow_t_d": "日排放量"},
        reading.columns["工作表"],
    )
    write_fix_list(tmp_path / "f.xlsx", in_degrees(issues), [original], letter)
    made = openpyxl.load_workbook(tmp_path / "f.xlsx")
    assert made["西镇"]["E2"].comment
    assert made["东镇"]["E2"].comment is None


def test_of_a_large_table_only_the_faulty_rows_are_shown(tmp_path, delivered, letter, monkeypatch):
    issues, originals = delivered
    monkeypatch.setattr(sender_sheet, "MOST_COPIED", 4)
    monkeypatch.setattr(issue_sheet, "MOST_LISTED", 2)
    write_fix_list(tmp_path / "f.xlsx", in_degrees(issues), originals[:1], letter)
    made = openpyxl.load_workbook(tmp_path / "f.xlsx")
    copied = made["排污口台账"]
    faulty = issues.loc[issues["source_file"] == "台账.xlsx", "source_line"].dropna().unique()
    assert [row[0].value for row in copied.iter_rows(min_row=2)] == sorted(faulty)
    assert made[LIST].max_row == 5
    assert any("只列有问题的" in str(cell.value) for row in made[NOTES].iter_rows() for cell in row)


def test_an_answer_without_issues_is_still_an_answer(tmp_path, delivered, letter):
    issues, originals = delivered
    write_fix_list(tmp_path / "f.xlsx", in_degrees(issues).iloc[:0], originals, letter)
    assert "没有发现问题" in openpyxl.load_workbook(tmp_path / "f.xlsx")[LIST]["A1"].value
    assert "没有发现问题" in fix_report(in_degrees(issues).iloc[:0], letter, content_palettes())


def test_metres_are_refused(delivered):
    issues, _ = delivered
    with pytest.raises(SpecError, match="EPSG:4490"):
        fix_rows(issues)
    with pytest.raises(SpecError, match="severity"):
        fix_rows(in_degrees(issues).assign(severity="bad"))


def test_the_office_has_a_scorecard_of_all(tmp_path):
    scores = pd.DataFrame(
        [["=1+1", "l", "图层", 1, 10, 0, 0.0, 0.0, 0.0, 0.0, 0.0, None, None, "A", "好", "Good", "our_reading"]],
        columns=["sender", "layer", "layer_title", "deliveries", "rows", "rows_withheld", "withheld_share", "critical_per_100_rows", "error_per_100_rows", "warning_per_100_rows", "notice_per_100_rows", "mended_share", "last_delivery", "grade", "grade_zh", "grade_en", "certainty"],
    )  # fmt: skip
    write_scorecard(tmp_path / "s.xlsx", scores, META)
    row = [cell.value for cell in openpyxl.load_workbook(tmp_path / "s.xlsx").worksheets[0][3]]
    assert row[0] == "=1+1"
    assert "A 好" in row
    assert any("须人工判断" in str(value) for value in row)


# --- the report ------------------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Gather elements and their attributes as a browser would read them."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def report(delivered, letter, comparison):
    return fix_report(in_degrees(delivered[0]), letter, content_palettes(), comparison)


def test_the_report_has_a_row_an_issue_and_a_mark_a_place(report, delivered, comparison):
    issues, _ = delivered
    elements = Elements(report).found
    rows = [a for tag, a in elements if tag == "tr" and a.get("id", "").startswith("row-")]
    marks = [a for tag, a in elements if tag == "g" and "data-row" in a]
    # the default point at 0, 0 would shrink the sketch to a dot: it is told, not drawn
    placed = int(
        (issues.geometry.notna() & ~issues.geometry.is_empty & (issues["issue_type"] != "default_point")).sum()
    )
    assert "1 处远在区域之外，未画" in report
    assert len(rows) == len(issues)
    assert len(marks) == placed
    assert {mark["data-row"] for mark in marks} == {row["id"][4:] for row in rows if row["data-place"]}
    assert since_last(comparison).zh in report
    assert since_last(comparison).en in report


def test_the_report_asks_for_nothing_and_texts_stay_texts(report, delivered, letter):
    assert "default-src 'none'" in report
    assert not re.search(r"""(src|href|action)\s*=|url\(|@import|https?:""", report)
    issues = in_degrees(delivered[0]).assign(
        value=SCRIPT,
        message_zh=SCRIPT,
        source_file='"><img src=x onerror=1>',
        issue_title_zh="<b>",
        feature_id="\x00\u202e",
    )
    page = fix_report(issues, letter, content_palettes())
    tags = [tag for tag, _ in Elements(page).found]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attributes in Elements(page).found for name in attributes)
    assert "\x00" not in page
    assert "\u202e" not in page


def test_marks_stand_where_the_places_are(delivered, letter):
    # four corners of the outline must lie in the sketch, and east of a place is right of it
    issues = (
        in_degrees(delivered[0])
        .iloc[[0, 0]]
        .assign(geometry=[shapely.Point(114.0, 34.75), shapely.Point(114.05, 34.80)])
    )
    page = fix_report(gpd.GeoDataFrame(issues, crs="EPSG:4490"), letter, content_palettes())
    places = {
        a["data-row"]: tuple(map(float, re.findall(r"[-\d.]+", a["transform"])))
        for tag, a in Elements(page).found
        if tag == "g" and "data-row" in a
    }
    (x1, y1), (x2, y2) = places["1"], places["2"]
    assert x2 > x1
    assert y2 < y1
    # 0.05° of longitude at 34.8° is 0.05·cos(34.8°) of latitude's length: ground proportions, within the sketch's rounding
    assert (x2 - x1) / (y1 - y2) == pytest.approx(0.8212, abs=0.01)


def test_the_report_is_the_same_twice(report, delivered, letter, comparison):
    assert fix_report(in_degrees(delivered[0]), letter, content_palettes(), comparison) == report

"""Files as offices send them, written here by hand and read: encodings, headers, sheets, layers, and damage of every kind."""

from __future__ import annotations

import datetime as dt
import json
import struct
import zipfile

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
import xlsxwriter
from intake_toy import CRS, LEDGER, geojson, old_workbook, package, point, square, text_file

from geosys._errors import DeliveryError
from geosys.layers.naming import words_of
from geosys.layers.readers import READERS, read_delivery
from geosys.layers.spec import read_catalogue
from geosys.layers.tables import JOINT, strip_unit

NAMES = {"PWKBM": ["A1", "B2"], "PWKMC": ["大清沟排污口", "二号口"]}
PLACES = [point(0, 0), point(100, 0)]
LON, LAT = {"type": "Point", "coordinates": [114.3, 34.8]}, [114.3, 34.8]


@pytest.fixture(scope="module")
def words():
    return words_of(read_catalogue().layers["outfall"])


@pytest.fixture
def read(words):
    return lambda path, table=None, encoding=None: read_delivery(path, table, encoding, words)


def refused(read, path, *parts, table=None, encoding=None):
    """Assert that a file is refused in one message: its name, got, expected, what to do."""
    with pytest.raises(DeliveryError) as caught:
        read(path, table, encoding)
    message = str(caught.value)
    assert message.startswith(f"{path.name}: got ")
    assert ", expected " in message
    assert message.split(", expected ", 1)[1].count(". ") >= 1, f"no advice in: {message}"
    assert "\n" not in message
    for part in parts:
        assert part in message
    return caught.value


def shapefile(folder, encoding, columns=NAMES, places=PLACES, crs=CRS):
    folder.mkdir()
    path = folder / "排污口.shp"
    frame = gpd.GeoDataFrame(columns, geometry=places, crs=crs)
    pyogrio.write_dataframe(frame, path, encoding=encoding)
    return path


def write_dbf(path, width, values):
    """Write a DBF of one text field PWKMC, each value cut at the field's width as old software does."""
    head = struct.pack("<BBBBIHH20x", 3, 124, 1, 1, len(values), 32 + 32 + 1, 1 + width)
    field = b"PWKMC".ljust(11, b"\0") + b"C" + struct.pack("<4xBB14x", width, 0)
    path.write_bytes(head + field + b"\r" + b"".join(b" " + v[:width].ljust(width) for v in values) + b"\x1a")


# Shapefile


@pytest.mark.parametrize("true", ["GBK", "UTF-8"])
@pytest.mark.parametrize("stated", [None, "UTF-8", "GBK", "ISO-8859-1"])
def test_a_shapefile_is_read_by_its_bytes_whatever_its_cpg_says(tmp_path, read, true, stated):
    path = shapefile(tmp_path / "s", true)
    path.with_suffix(".cpg").unlink()
    if stated:
        path.with_suffix(".cpg").write_text(stated)
    reading = read(path)
    assert list(reading.columns) == ["PWKBM", "PWKMC"]
    assert reading.columns["PWKMC"].tolist() == ["大清沟排污口", "二号口"]
    assert reading.crs == CRS
    assert ("UTF-8" if true == "UTF-8" else "GB18030") in reading.evidence
    assert shapely.equals(reading.geometry, np.array(PLACES)).all()
    assert reading.lines == (1, 2)


def test_chinese_field_names_in_gbk(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK", {"编号": ["A1", "B2"], "排污口名称": ["一", "二"]})
    path.with_suffix(".cpg").unlink()
    assert list(read(path).columns) == ["编号", "排污口名称"]


@pytest.mark.parametrize("width", [10, 11, 12])
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
def test_a_dbf_value_cut_in_the_middle_of_a_character_loses_that_character_only(tmp_path, read, encoding, width):
    path = shapefile(tmp_path / "s", "GBK")
    path.with_suffix(".cpg").unlink()
    write_dbf(path.with_suffix(".dbf"), width, ["大清沟排污口".encode(encoding), "二号口".encode(encoding)])
    first, second = read(path).columns["PWKMC"]
    kept = "大清沟排污口".encode(encoding)[:width].decode(encoding, errors="ignore")
    assert first.rstrip("\ufffd") == kept
    assert second == "二号口"


def test_a_shapefile_with_names_in_capitals_is_judged_by_its_bytes_too(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    path.with_suffix(".cpg").unlink()
    for suffix in (".shp", ".shx", ".dbf", ".prj"):
        path.with_suffix(suffix).rename(path.with_suffix(suffix.upper()))
    assert read(path.with_suffix(".SHP")).columns["PWKMC"].tolist() == ["大清沟排污口", "二号口"]


def test_a_dbf_in_neither_encoding_is_refused(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    write_dbf(path.with_suffix(".dbf"), 20, ["中國".encode("big5") + b"\xff\xff", b"abc\xff"])
    with pytest.raises(DeliveryError, match=r"排污口\.shp: got texts that are not UTF-8 .* expected .*'encoding'"):
        read(path)


def test_a_stated_encoding_goes_before_the_bytes(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    assert read(path, encoding="gb18030").columns["PWKMC"][0] == "大清沟排污口"
    refused(read, path, encoding="UTF-8")


def test_an_encoding_nobody_knows_is_refused_by_name(tmp_path, read):
    refused(read, shapefile(tmp_path / "s", "GBK"), "klingon", encoding="klingon")
    refused(read, text_file(tmp_path / "a.csv", LEDGER), "klingon", encoding="klingon")


def test_a_shapefile_without_prj_states_no_crs(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    path.with_suffix(".prj").unlink()
    assert read(path).crs is None


def test_an_empty_shapefile_has_no_rows(tmp_path, read):
    path = shapefile(tmp_path / "s", "UTF-8", {"PWKBM": np.array([], dtype=object)}, [])
    assert read(path).size == 0


def test_heights_are_dropped(tmp_path, read):
    path = package(tmp_path / "z.gpkg", {"PWKBM": ["A"]}, [shapely.Point(500_000, 3_850_000, 71.5)])
    assert read(path).geometry[0].wkt == "POINT (500000 3850000)"


def test_a_shapefile_without_its_shx_is_read_and_told(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    whole = read(path)
    path.with_suffix(".shx").unlink()
    got = read(path)
    assert "missing_part" in [issue.issue_type for issue in got.issues]
    assert got.columns.keys() == whole.columns.keys()
    assert shapely.equals(got.geometry, whole.geometry).all()


@pytest.mark.parametrize("size", [0, 5, 12, 20, 33, 40, 70, 90, 200])
def test_a_cut_dbf_is_refused(tmp_path, read, size):
    path = shapefile(tmp_path / "s", "GBK")
    dbf = path.with_suffix(".dbf")
    dbf.write_bytes(dbf.read_bytes()[:size])
    refused(read, path)


@pytest.mark.parametrize("size", [0, 50])
def test_a_shp_cut_in_its_head_is_refused(tmp_path, read, size):
    path = shapefile(tmp_path / "s", "GBK")
    path.write_bytes(path.read_bytes()[:size])
    refused(read, path)


def test_a_shp_cut_in_its_rows_is_refused_or_lacks_geometry_but_invents_none(tmp_path, read):
    path = shapefile(tmp_path / "s", "GBK")
    path.write_bytes(path.read_bytes()[:130])
    try:
        reading = read(path)
    except DeliveryError:
        return
    assert reading.geometry[1] is None
    assert reading.size == 2


# GeoPackage, GeoJSON, geodatabase


def test_a_package_of_several_layers_needs_one_named(tmp_path, read):
    path = package(tmp_path / "二.gpkg", NAMES, PLACES)
    frame = pyogrio.read_dataframe(path)
    pyogrio.write_dataframe(frame, path, layer="另一层", append=True)
    refused(read, path, "2 ", "二, 另一层", "'table'")
    refused(read, path, "另一层", "Did you mean '另一层'?", table="另一")
    assert read(path, "另一层").table == "另一层"


@pytest.mark.parametrize("size", [0, 16, 100, 5000, 60_000])
def test_a_cut_package_is_refused(tmp_path, read, size):
    path = package(tmp_path / "a.gpkg", NAMES, PLACES)
    path.write_bytes(path.read_bytes()[:size])
    refused(read, path)


def test_an_attribute_table_has_no_geometry(tmp_path, read):
    path = tmp_path / "t.gpkg"
    pyogrio.raw.write(path, geometry=None, field_data=[np.array(["A"], dtype=object)], fields=["PWKBM"], driver="GPKG")
    reading = read(path)
    assert reading.geometry is None
    assert reading.size == 1


def test_geojson_values_keep_their_types(tmp_path, read):
    rows = [({"outfall_code": "A", "is_traced": True, "flow_t_d": 1.5, "found_on": "2025-06-30", "note": None}, LON)]
    reading = read(geojson(tmp_path / "a.geojson", rows))
    assert {k: v[0] for k, v in reading.columns.items()} == {
        "outfall_code": "A", "is_traced": True, "flow_t_d": 1.5, "found_on": np.datetime64("2025-06-30"), "note": None,
    }  # fmt: skip
    assert reading.crs == "EPSG:4326"
    assert shapely.get_coordinates(reading.geometry).tolist() == [LAT]


def test_geojson_without_geometry_and_with_a_byte_order_mark(tmp_path, read):
    path = geojson(tmp_path / "a.json", [({"outfall_code": "A"}, None)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).geometry.tolist() == [None]


def test_an_empty_collection_has_no_rows(tmp_path, read):
    assert read(geojson(tmp_path / "a.geojson", [])).size == 0


@pytest.mark.parametrize(
    "text", ["", " ", "{", '{"type":"FeatureCollection","features":[{"type":"Fea', "not json", "[1, 2]"]
)
def test_broken_geojson_is_refused(tmp_path, read, text):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    refused(read, path)


def test_geojson_in_gbk_is_read_and_told(tmp_path, read):
    path = geojson(tmp_path / "a.geojson", [({"outfall_name": "大清沟排污口"}, LON)])
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    got = read(path)
    assert got.columns["outfall_name"].tolist() == ["大清沟排污口"]
    assert "code_page_wrong" in [issue.issue_type for issue in got.issues]


@pytest.mark.parametrize(
    "name", ["x\ud800y", "a\u202eb", "<img src=x onerror=alert(1)>", "=cmd()|' /C calc'!A0", "../../etc", "长" * 5000]
)
def test_hostile_names_in_geojson_are_read_as_text(tmp_path, read, name):
    path = tmp_path / "a.geojson"
    feature = {"type": "Feature", "properties": {"outfall_name": name}, "geometry": LON}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    got = read(path).columns["outfall_name"][0]
    assert got == name.replace("\ud800", "\ufffd")


def geodatabase(path):
    """Write a geodatabase of one layer and return the XML that describes it in its system table."""
    frame = gpd.GeoDataFrame({"PWKBM": ["A1", "B2"], "F7": NAMES["PWKMC"]}, geometry=PLACES, crs=CRS)
    pyogrio.write_dataframe(frame, path, driver="OpenFileGDB", layer="PWK")
    _, _, _, values = pyogrio.raw.read(path, layer="GDB_Items", columns=["Name", "Definition"], read_geometry=False)
    return dict(zip(*values, strict=True))["PWK"]


def test_a_geodatabase_is_read(tmp_path, read):
    path = tmp_path / "a.gdb"
    geodatabase(path)
    reading = read(path)
    assert reading.table == "PWK"
    assert reading.columns["F7"].tolist() == NAMES["PWKMC"]
    assert reading.crs == CRS
    assert reading.titles == {}


def test_a_geodatabase_gives_its_columns_titles(tmp_path, read, monkeypatch):
    path = tmp_path / "a.gdb"
    definition = geodatabase(path)
    field = "<Name>F7</Name>"
    assert field in definition, "the driver writes other XML than this test expects"
    text = definition.replace(f"{field}<AliasName>F7</AliasName>", field).replace(
        field, f"{field}<AliasName>名称 &amp; 别名</AliasName>"
    )
    true_read = pyogrio.raw.read

    def with_alias(file, **options):
        result = true_read(file, **options)
        if options.get("layer") == "GDB_Items":
            return (*result[:3], [np.array(["PWK"], dtype=object), np.array([text], dtype=object)])
        return result

    monkeypatch.setattr(pyogrio.raw, "read", with_alias)
    assert read(path).titles == {"F7": "名称 & 别名"}


def test_a_folder_that_is_no_geodatabase_is_refused(tmp_path, read):
    (tmp_path / "a.gdb").mkdir()
    refused(read, tmp_path / "a.gdb")


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path, read, suffix):
    path = tmp_path / f"folder{suffix}"
    path.mkdir()
    refused(read, path)


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_bytes_that_are_no_such_file_are_refused(tmp_path, read, suffix):
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(bytes(range(256)) * 40)
    refused(read, path)


@pytest.mark.parametrize("name", ["a.dwg", "a"])
def test_an_unknown_kind_names_the_known_ones(tmp_path, read, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    refused(read, path, ".csv", ".gpkg", ".shp", ".xlsx")


# CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_each_encoding_with_each_delimiter(tmp_path, read, encoding, delimiter):
    path = text_file(
        tmp_path / "a.csv",
        LEDGER.replace(",", delimiter),
        f"A1{delimiter}大清沟{delimiter}114.3{delimiter}34.8",
        encoding=encoding,
    )
    reading = read(path)
    assert {k: v.tolist() for k, v in reading.columns.items()} == {
        "编号": ["A1"],
        "名称": ["大清沟"],
        "经度": ["114.3"],
        "纬度": ["34.8"],
    }
    assert reading.lines == (2,)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_title_line_above_the_header_does_not_hide_the_delimiter(tmp_path, read, delimiter):
    path = text_file(
        tmp_path / "a.csv",
        "2025年排污口台账",
        LEDGER.replace(",", delimiter),
        f"A1{delimiter}大,清沟{delimiter}114.3{delimiter}34.8",
    )
    path.write_text(path.read_text("utf-8").replace("大,清沟", "大清沟" if delimiter == "," else "大,清沟"), "utf-8")
    reading = read(path)
    assert [c.rsplit(JOINT, 1)[-1] for c in reading.columns] == ["编号", "名称", "经度", "纬度"]
    assert [v.tolist() for v in reading.columns.values()][2:] == [["114.3"], ["34.8"]]
    assert reading.lines == (3,)


def test_short_and_long_lines_blank_lines_and_line_breaks_in_cells(tmp_path, read):
    path = text_file(tmp_path / "a.csv", "编号,名称", "A", "", ",", 'B,"大\n清沟",多余', "C,丙")
    reading = read(path)
    assert reading.columns["编号"].tolist() == ["A", "B", "C"]
    assert reading.columns["名称"].tolist() == [None, "大\n清沟", "丙"]


def test_the_lines_of_a_csv_are_those_of_the_file(tmp_path, read):
    path = text_file(tmp_path / "a.csv", "编号,名称", 'A,"大\n清沟"', "B,乙")
    assert read(path).lines == (2, 4)


def test_a_header_alone_has_no_rows(tmp_path, read):
    assert read(text_file(tmp_path / "a.csv", LEDGER)).size == 0


@pytest.mark.parametrize("data", [b"", b"\n\n\n", b"\xef\xbb\xbf", b",,,\n,,\n"])
def test_an_empty_csv_is_refused(tmp_path, read, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    refused(read, path, "no header")


@pytest.mark.parametrize(
    "data",
    ["编号,名称\nA,B\n".encode("utf-16"), b"\xff\xfe\x81\xff,\xff\n", ("编号,名称\nA," + "长" * 140_000).encode()],
)
def test_bytes_that_are_no_csv_are_refused(tmp_path, read, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    refused(read, path)


def test_a_second_column_of_the_same_name_is_not_lost_without_a_word(tmp_path, read):
    reading = read(text_file(tmp_path / "a.csv", "编号,备注,备注", "A,1,2"))
    assert sorted(v[0] for v in reading.columns.values()) == ["1", "2", "A"]


# Workbooks


def workbook(path, **sheets):
    """Write a workbook; each sheet is a function that fills it."""
    book = xlsxwriter.Workbook(path)
    for name, fill in sheets.items():
        fill(book.add_worksheet(name), book)
    book.close()
    return path


def rows_of(*rows):
    def fill(sheet, _book):
        for i, row in enumerate(rows):
            sheet.write_row(i, 0, row)

    return fill


def merged_ledger(title):
    """Return a filler: perhaps a title, a header of two rows, coordinates in degrees, minutes and seconds."""

    def fill(sheet, _book):
        top = 0
        if title:
            sheet.merge_range(0, 0, 0, 8, title)
            top = 1
        for column, name in ((0, "编号"), (1, "名称"), (8, "备注")):
            sheet.merge_range(top, column, top + 1, column, name)
        sheet.merge_range(top, 2, top, 4, "经度")
        sheet.merge_range(top, 5, top, 7, "纬度")
        sheet.write_row(top + 1, 2, ["度", "分", "秒"] * 2)
        sheet.write_row(top + 2, 0, ["A1", "大清沟", 114, 18, 36, 34, 48, 0, "甲"])
        sheet.write_row(top + 4, 0, ["B2", "二号", 114, 0, 0, 34, 0, 36, "乙"])

    return fill


@pytest.mark.parametrize("title", ["", "2025年入河排污口台账"])
def test_a_merged_header_over_degrees_minutes_seconds(tmp_path, read, title):
    reading = read(workbook(tmp_path / "a.xlsx", 台账=merged_ledger(title)))
    top = 1 if title else 0
    assert list(reading.columns) == [
        "编号",
        "名称",
        *(f"{axis}{JOINT}{part}" for axis in ("经度", "纬度") for part in "度分秒"),
        "备注",
    ]
    assert reading.columns[f"经度{JOINT}分"].tolist() == [18.0, 0.0]
    assert reading.columns["编号"].tolist() == ["A1", "B2"]
    assert reading.lines == (top + 3, top + 5)


def test_a_title_row_takes_no_part_in_the_names(tmp_path, read):
    def fill(sheet, _book):
        sheet.merge_range(0, 0, 0, 3, "2025年入河排污口台账")
        sheet.write_row(1, 0, LEDGER.split(","))
        sheet.write_row(2, 0, ["A1", "大清沟", 114.3, 34.8])

    reading = read(workbook(tmp_path / "a.xlsx", 台账=fill))
    assert list(reading.columns) == LEDGER.split(",")
    assert reading.lines == (3,)


def test_cells_keep_their_types(tmp_path, read):
    def fill(sheet, book):
        sheet.write_row(0, 0, ["编号", "排查日期", "是否溯源", "排放量", "备注"])
        sheet.write(1, 0, 7)
        sheet.write_datetime(1, 1, dt.datetime(2025, 6, 30), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write_boolean(1, 2, True)
        sheet.write_number(1, 3, 1.5)
        sheet.write_string(1, 4, "=cmd()")

    reading = read(workbook(tmp_path / "a.xlsx", 台账=fill))
    assert [v[0] for v in reading.columns.values()] == [7.0, dt.date(2025, 6, 30), True, 1.5, "=cmd()"]


def test_hidden_sheets_do_not_count_but_can_be_named(tmp_path, read):
    def hidden(sheet, _book):
        rows_of(["编号", "名称"], ["H", "隐"])(sheet, _book)
        sheet.hide()

    path = workbook(tmp_path / "a.xlsx", 台账=rows_of(["编号", "名称"], ["A", "甲"]), 旧=hidden)
    assert read(path).columns["编号"].tolist() == ["A"]
    assert read(path, "旧").columns["编号"].tolist() == ["H"]


def test_empty_sheets_do_not_count(tmp_path, read):
    path = workbook(
        tmp_path / "a.xlsx", Sheet1=rows_of(["编号", "名称"], ["A", "甲"]), Sheet2=rows_of(), Sheet3=rows_of()
    )
    assert read(path).table == "Sheet1"


def test_several_sheets_need_one_named(tmp_path, read):
    fill = rows_of(["编号", "名称"], ["A", "甲"])
    path = workbook(tmp_path / "a.xlsx", 台账一=fill, 台账二=fill)
    refused(read, path, "2 ", "台账一, 台账二", "'table'")
    refused(read, path, "Did you mean '台账一'?", table="台帐一")


def test_an_excel_97_workbook(tmp_path, read):
    path = old_workbook(tmp_path / "a.xls", [["编号", "名称", "经度", "纬度"], ["A1", "大清沟", 114.3, 34.8]])
    reading = read(path)
    assert reading.table == "台账"
    assert {k: v.tolist() for k, v in reading.columns.items()} == {
        "编号": ["A1"],
        "名称": ["大清沟"],
        "经度": [114.3],
        "纬度": [34.8],
    }


@pytest.mark.parametrize("size", [0, 8, 100, 512, 600, 1200])
def test_a_cut_excel_97_workbook_is_refused(tmp_path, read, size):
    path = old_workbook(tmp_path / "a.xls", [["编号", "名称"], ["A1", "大清沟"]])
    path.write_bytes(path.read_bytes()[:size])
    refused(read, path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9, 0.99])
def test_a_cut_workbook_is_refused(tmp_path, read, share):
    path = workbook(tmp_path / "a.xlsx", 台账=merged_ledger(""))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(read, path)


def test_an_archive_without_a_workbook_and_a_blank_sheet_are_refused(tmp_path, read):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    refused(read, tmp_path / "a.xlsx")
    refused(read, workbook(tmp_path / "b.xlsx", 空=rows_of()), "no header")


def test_a_web_page_named_xls_is_refused(tmp_path, read):
    path = text_file(tmp_path / "a.xls", "<html><table><tr><td>编号</td></tr></table></html>")
    refused(read, path, "Excel")


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("面积（亩）", "面积", "亩"), ("氨氮(mg/L)", "氨氮", "mg/L"), ("面积 [公顷] ", "面积", "公顷"), ("面积【m²】", "面积", "m²"), ("名称", "名称", ""),
        ("（亩）", "（亩）", ""), ("总磷(以P计)(mg/L)", "总磷(以P计)", "mg/L"),
    ],
)  # fmt: skip
def test_the_unit_of_a_header(header, name, unit):
    assert strip_unit(header) == (name, unit)


def test_a_polygon_package_reads_back_equal(tmp_path, read):
    path = package(tmp_path / "p.gpkg", {"a": ["1"]}, [square(0, 0)])
    assert shapely.equals(read(path).geometry[0], square(0, 0))

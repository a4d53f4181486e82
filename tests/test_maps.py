"""Maps and workbooks: what is packed comes back, texts stay texts, the same input gives the same bytes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import shutil
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import geopandas as gpd
import maps_toy as toy
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from branca.element import CssLink, JavascriptLink
from hypothesis import given
from hypothesis import strategies as st
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from geosys._errors import DisclosureError, SpecError
from geosys._text import Text
from geosys.maps import folium_page, sheets
from geosys.maps.cells import CELL_LIMIT, FONT_SIZE, cell_text, count_lines, number_shape, row_height
from geosys.maps.folium_page import AssetError, OfflineFigure, asset_text, read_asset
from geosys.maps.pack import pack_column, pack_shapes, read_integers, write_integers
from geosys.maps.page import build_page, to_json
from geosys.maps.spec import load_map
from geosys.maps.tables import write_findings, write_issues

MAPS = Path(__file__).resolve().parent.parent / "maps"


@pytest.fixture(scope="module")
def spec():
    return load_map(MAPS)


@pytest.fixture(scope="module")
def page(spec):
    return build_page(spec, toy.layers(), toy.findings(), toy.outcomes(), toy.META)


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="geosys-data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


# --- packing ---------------------------------------------------------------------------------------------------------


def unpack(packed: dict) -> list:
    """Read packed shapes as the page's tables.js does."""
    kinds, parts, rings, points = (read_integers(packed[name]) for name in ("kinds", "parts", "rings", "points"))
    positions = np.array(read_integers(packed["steps"]), dtype=float).reshape(-1, 2).cumsum(axis=0) / 1e6
    ring, point, shapes, at = 0, 0, [], 0
    for kind, count in zip(kinds, parts, strict=True):
        members = []
        for _ in range(count):
            loops = []
            for _ in range(rings[at]):
                loops.append(positions[point : point + points[ring]])
                point, ring = point + points[ring], ring + 1
            at += 1
            members.append(
                {1: lambda p: Point(p[0][0]), 2: lambda p: LineString(p[0]), 3: lambda p: Polygon(p[0], p[1:])}[kind](
                    loops
                )
            )
        shapes.append(shapely.multipolygons(members) if len(members) > 1 else (members or [None])[0])
    return shapes


def test_shapes_of_every_kind_come_back_within_a_tenth_of_a_metre():
    ring = Polygon(box(2, 2, 5, 5).exterior, [box(3, 3, 4, 4).exterior])
    given_shapes = [
        box(114.1234567, 34.1, 114.2, 34.2), None, Point(114.3, 34.3), LineString([(1, 2), (3, 4), (-5, 6)]),
        MultiPolygon([box(0, 0, 1, 1), ring]), Polygon(),
        GeometryCollection([Point(0, 0), MultiPolygon([box(7, 7, 8, 8), box(9, 9, 10, 10)])]),
    ]  # fmt: skip
    back = unpack(pack_shapes(given_shapes))
    expected = [*given_shapes[:5], None, MultiPolygon([box(7, 7, 8, 8), box(9, 9, 10, 10)])]
    for got, wanted in zip(back, expected, strict=True):
        if wanted is None:
            assert got is None
        else:
            assert got.equals_exact(wanted, 1e-6) or got.symmetric_difference(wanted).area < 1e-6


@given(st.lists(st.integers(-(2**50), 2**50)))
def test_integers_come_back(values):
    assert read_integers(write_integers(np.array(values, dtype=np.int64))) == values


def test_nothing_packs_to_nothing():
    assert pack_shapes([])["n"] == 0
    assert pack_column(pd.Series([], dtype=object)) == {"words": [], "rows": ""}


def test_columns_keep_numbers_dates_and_missing_values():
    column = pack_column(pd.Series([1.5, None, 2.0, float("inf")], dtype=object))
    assert column == {"list": [1.5, None, 2, None]}
    days = pack_column(pd.Series(pd.to_datetime(["2026-01-02", None])))
    assert days["list"] == ["2026-01-02", None]
    words = pack_column(pd.Series(["水田"] * 50 + ["旱地"] * 50))
    assert words["words"] == ["水田", "旱地"]
    assert read_integers(words["rows"]) == [0] * 50 + [1] * 50
    assert pack_column(pd.Series([True, 1, 0, False], dtype=object)) == {"list": [True, 1, 0, False]}


# --- the page --------------------------------------------------------------------------------------------------------


def test_page_is_the_same_twice(spec, page):
    again = build_page(spec, list(reversed(toy.layers())), toy.findings(), toy.outcomes(), toy.META)
    assert again == page


def test_page_asks_for_nothing(page):
    # what leaflet.js itself holds are names of standards and notes in comments; what counts is what a browser would fetch
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", page)
    assert not re.search(r"url\((?!data:|#)", page)
    assert "sourceMappingURL" not in page
    assert "default-src 'none'" in page
    for host in ("cdn.", "jquery", "bootstrap", "fontawesome", "awesome-markers"):
        assert host not in page.lower().replace("default-src", "")


def test_hostile_texts_travel_as_texts_only(page):
    for text in ("<img src=x", "</script><script>alert"):
        assert text not in page
    names = data_of(page)["layers"]
    outfall = next(layer for layer in names if layer["kind"] == "point" and layer["shapes"]["n"] == 5)
    assert outfall["names"]["list"] == [toy.IMAGE, toy.SCRIPT, toy.BRACES, toy.LONG, toy.SEPARATORS]
    assert "\u2028" not in page


@given(st.text())
def test_json_can_stand_in_markup_and_comes_back(text):
    packed = to_json({"text": text})
    assert not set("<>&\u2028\u2029") & set(packed)
    assert json.loads(packed)["text"] == text


def test_page_holds_layers_findings_rules_and_provenance(page):
    data = data_of(page)
    assert [layer["shapes"]["n"] for layer in data["layers"]] == [
        1,
        2,
        1,
        0,
        5,
    ]  # in the spec's order, the lowest first
    assert data["findings"]["n"] == 4
    assert [row["not_assessed"] for row in data["rules"]] == [0, 0, 7]
    assert data["mark"] == ["样例数据", "sample data"]
    assert data["approval"][0] == "审图号：待送审"
    assert data["asOf"] == "2026-09-30"
    assert data["bounds"] == [[34.0, 114.0], [34.1, 114.1]]
    assert all(layer["version"] == "5f6a7b8c" and layer["delivered"] for layer in data["layers"])
    zone = data["layers"][1]
    assert [zone["classes"][n]["title"][1] for n in read_integers(zone["classRows"])] == [
        "Primary zone",
        "Quasi-protection zone",
    ]


def test_layer_that_the_spec_does_not_name_is_there_switched_off(spec):
    stranger = dataclasses.replace(toy.layers()[2], id="canal")
    data = data_of(build_page(spec, [stranger], toy.findings(), toy.outcomes(), toy.META))
    assert [layer["id"] for layer in data["layers"]] == ["canal"]
    assert data["layers"][0]["group"] == "_other"


def test_map_without_findings_and_without_layers(spec):
    page = build_page(
        spec, [], toy.findings().iloc[:0], toy.outcomes().iloc[:0], dataclasses.replace(toy.META, mark=None)
    )
    assert data_of(page)["findings"]["n"] == 0


def test_narrower_layer_or_column_is_refused(spec):
    public = dataclasses.replace(spec, audience="public")
    with pytest.raises(DisclosureError, match=r"layer outfall.*'internal'.*'public'"):
        build_page(public, toy.layers(), toy.findings(), toy.outcomes(), toy.META)
    shared = dataclasses.replace(spec, audience="shared")
    rows = [dataclasses.replace(layer, disclosure="public") for layer in toy.layers()]
    build_page(shared, rows, toy.findings(), toy.outcomes(), toy.META)
    rows[0] = dataclasses.replace(rows[0], column_disclosure={"rectify_state": "internal"})
    with pytest.raises(DisclosureError, match=r"outfall \[rectify_state\]"):
        build_page(shared, rows, toy.findings(), toy.outcomes(), toy.META)
    rows[0] = dataclasses.replace(rows[0], column_disclosure={"name": "internal"})
    with pytest.raises(DisclosureError, match=r"outfall \[name\]"):
        build_page(shared, rows, toy.findings(), toy.outcomes(), toy.META)


def test_other_crs_missing_columns_and_unknown_words_are_refused(spec):
    with pytest.raises(SpecError, match="EPSG:4547"):
        build_page(spec, toy.layers(), toy.findings().to_crs("EPSG:4547"), toy.outcomes(), toy.META)
    with pytest.raises(SpecError, match=r"margin, basis_zh"):
        build_page(spec, [], toy.findings().drop(columns=["margin", "basis_zh"]), toy.outcomes(), toy.META)
    with pytest.raises(SpecError, match="'clear'"):
        build_page(spec, [], toy.findings().assign(outcome="clear"), toy.outcomes(), toy.META)


def test_twenty_thousand_patches_stay_small(spec):
    side = 142
    grid = [box(x, y, x + 1, y + 1) for x in range(side) for y in range(side)]
    wavy = shapely.transform(shapely.segmentize(grid, 0.34), lambda p: p + 0.05 * np.sin(p[:, ::-1] * 7))
    places = gpd.GeoSeries(shapely.transform(wavy, lambda p: p * [0.002, 0.0016] + [114.1, 34.5]), crs=toy.CRS)
    codes = [f"410299{n:012d}" for n in range(len(places))]
    rows = {
        "feature_id": codes,
        "name": "水浇地",
        "code": codes,
        "land_class_code": "0102",
        "stated_area_m2": np.arange(len(places)) * 1.37,
    }
    patches = toy.layer(
        "land_patch", Text("地类图斑", "Patch"), "polygon", toy.frame(rows, list(places)),
        {"land_class_code": Text("地类编码", "Class"), "stated_area_m2": Text("面积", "Area")},
    )  # fmt: skip
    page = build_page(spec, [*toy.layers(), patches], toy.findings(), toy.outcomes(), toy.META)
    assert len(patches.frame) > 20_000
    assert len(page.encode()) < 13_000_000
    assert not next(view for view in spec.views if view.layer == "land_patch").visible


# --- the figure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [JavascriptLink, CssLink])
def test_unknown_address_is_refused(link):
    figure = OfflineFigure("a")
    figure.header.add_child(link("somewhere/else@1.0/file.js"))
    with pytest.raises(AssetError, match=r"somewhere/else@1.0/file.js"):
        figure.render()


def test_every_address_folium_asks_for_is_known():
    import folium

    for _, address in [*folium.Map.default_js, *folium.Map.default_css]:
        asset_text(address)


def test_title_is_escaped():
    assert "<title>&lt;b&gt;</title>" in OfflineFigure("<b>").render()


def test_every_script_of_the_page_is_used():
    folder = Path(folium_page.__file__).parent / "page"
    assert {path.name for path in folder.glob("*.js")} - {"fix_report.js"} == set(folium_page.SCRIPTS)
    assert all(len(read_asset(f"page/{name}").splitlines()) <= 300 for name in folium_page.SCRIPTS)


def test_vendored_files_name_no_other_file():
    for name in ("leaflet.js", "leaflet.css"):
        text = read_asset(f"vendor/leaflet-1.9.4/{name}")
        assert "sourceMappingURL" not in text
        assert not re.search(r"url\((?!data:|#)", text)
    assert "Leaflet" in read_asset("vendor/leaflet-1.9.4/leaflet.js")[:200]


# --- the spec --------------------------------------------------------------------------------------------------------


@pytest.fixture
def content(tmp_path):
    folder = tmp_path / "maps"
    shutil.copytree(MAPS, folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_all_faults_are_told_at_once(content):
    edit(content / "overview.toml", 'audience   = "internal"', 'audience   = "intern"\nspeed = 3')
    edit(content / "overview.toml", 'group      = "base"', 'group      = "bases"')
    edit(content / "overview.toml", "min_zoom   = 12 ", "min_zoom   = 99 ")
    edit(content / "palettes.toml", 'colour = "#C0182B"', 'colour = "red"')
    edit(content / "palettes.toml", 'classes = "water_class"', 'classes = "water_clas"')
    edit(content / "palettes.toml", "closed     = ", "shut       = ")
    with pytest.raises(SpecError) as caught:
        load_map(content)
    message = str(caught.value)
    for part in ("'intern'", "'speed'", "'bases'", "99", "'red'", "Did you mean 'water_class'?", "'shut'", "'closed'"):
        assert part in message
    assert "maps/overview.toml" in message
    assert "maps/palettes.toml" in message


def test_unknown_layers_and_columns_are_faults_when_the_fields_are_known(content):
    spec = load_map(content)
    fields = {
        view.layer: set(view.columns) | {style.by for style in spec.palettes.styles.values()} for view in spec.views
    }
    load_map(content, fields)
    last = spec.views[-1].layer
    fields[last] = {"x"}
    fields.pop(spec.views[0].layer)
    with pytest.raises(SpecError) as caught:
        load_map(content, fields)
    assert last in str(caught.value)
    assert spec.views[0].layer in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[groups] ", "groups = 3\n[gruppen] "),
        ("visible    = true", 'visible    = "yes"'),
        ('columns    = ["county_code", "county_name"]', "columns    = 4"),
        ('frame_on   = "county"', 'frame_on   = "country"'),
        ('layer      = "land_patch"', 'layer      = "county"'),
        ("max_zoom   = 19", "max_zoom   = true"),
        ('title      = { zh = "水', 'title      = { de = "x", zh = "水'),
    ],
)
def test_each_fault_of_a_map_is_found(content, old, new):
    edit(content / "overview.toml", old, new)
    with pytest.raises(SpecError, match=r"maps/overview\.toml"):
        load_map(content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("opacity = 1.0", "opacity = 7"),
        ("dash   = [12, 4, 2, 4]", 'dash   = ["a"]'),
        ('hatch  = "vertical"', 'hatch  = "zigzag"'),
        ('shape  = "pentagon"', 'shape  = "blob"'),
        ("prefix = true", 'prefix = "yes"'),
        ('by     = "level"', 'by_what = "level"'),
        ("[styles.default]", "[styles.other]"),
        ("[classes.zone_level]", "[classes]\nwrong = 3\n[classes.zone_level]"),
    ],
)
def test_each_fault_of_a_palette_is_found(content, old, new):
    edit(content / "palettes.toml", old, new)
    with pytest.raises(SpecError, match=r"maps/palettes\.toml"):
        load_map(content)


def test_outcomes_and_statuses_differ_without_colour(spec):
    marks = [swatch.mark for word, swatch in spec.palettes.outcomes.items() if word in {"hit", "near", "needs_review"}]
    assert len(set(marks)) == 3
    shapes = [swatch.shape for swatch in spec.palettes.statuses.values()]
    assert len(set(shapes)) == len(shapes)
    for name in ("zone_level", "farmland_category"):
        hatches = [swatch.hatch for swatch in spec.palettes.classes[name].values()]
        assert len(set(hatches)) == len(hatches)


# --- the workbooks ---------------------------------------------------------------------------------------------------


def issues() -> pd.DataFrame:
    row = {
        "issue_id": "I-1", "layer": "outfall", "layer_title": "入河排污口", "source_file": "a.xlsx", "source_row": 7,
        "issue_type": "bad_date", "issue_title_zh": "日期不可读", "issue_title_en": "Bad date", "severity": "warning",
        "value": "=1+1", "message_zh": "x", "message_en": "y", "responsibility": "sender",
    }  # fmt: skip
    values = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\x00\x07_x0041_\ufffe",
        "字" * 40_000,
        toy.IMAGE,
        "http://example/",
    ]
    return pd.DataFrame([row, *({**row, "value": value, "severity": "critical"} for value in values)])


def test_findings_workbook_says_all_three_things(tmp_path):
    path = tmp_path / "findings.xlsx"
    write_findings(path, toy.findings(), toy.outcomes(), toy.META)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["风险线索 Findings", "规则结果 Outcomes", "说明 Notes"]
    sheet = book.worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A3", f"A2:{sheet.cell(2, sheet.max_column).column_letter}6")
    head = {sheet.cell(1, at).value: at for at in range(1, sheet.max_column + 1)}
    assert sheet.cell(3, head["结论"]).value == "确认命中 Hit"
    assert sheet.cell(3, head["主体名称"]).value == toy.IMAGE
    assert sheet.cell(3, head["时限"]).value == dt.datetime(2026, 9, 1)  # noqa: DTZ001
    assert sheet.cell(5, head["实测"]).value is None
    assert sheet.cell(3, head["严重程度"]).fill.fgColor.rgb == "FF8E0B1F"
    outcome = book.worksheets[1]
    assert [outcome.cell(6, at).value for at in range(2, 7)] == [2, 1, 1, 7, 4]
    notes = "\n".join(str(cell.value) for row in book.worksheets[2] for cell in row if cell.value is not None)
    for text in (
        "按主体计数",
        "样例数据 sample data",
        "2026-09-30",
        "GeoSys 0.1.0",
        "0a1b2c3d",
        "5f6a7b8c",
        "inbox/排污口台账.xlsx",
    ):
        assert text in notes


def test_workbooks_are_the_same_twice(tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        write_findings(tmp_path / name, toy.findings(), toy.outcomes(), toy.META)
        write_issues(tmp_path / f"i{name}", issues(), toy.META)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    assert (tmp_path / "ia.xlsx").read_bytes() == (tmp_path / "ib.xlsx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "b.xlsx", "ia.xlsx", "ib.xlsx"]


def test_texts_of_issues_are_neither_formulas_nor_links(tmp_path):
    path = tmp_path / "issues.xlsx"
    write_issues(path, issues(), toy.META)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        for name in archive.namelist():
            if name.endswith(".xml"):
                ET.fromstring(archive.read(name))  # noqa: S314  our own file
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    rows = openpyxl.load_workbook(path).worksheets[0]
    head = {rows.cell(1, at).value: at for at in range(1, rows.max_column + 1)}
    values = [rows.cell(row, head["原值"]).value for row in range(3, rows.max_row + 1)]
    assert values[0] == "=1+1"
    assert all(rows.cell(row, head["原值"]).data_type == "s" for row in range(3, rows.max_row + 1))
    assert len(values[6]) == CELL_LIMIT
    assert rows.cell(4, head["谁来改"]).value == "报送单位 sender"


@given(st.text())
def test_any_text_fits_a_cell(text):
    cell = cell_text(text)
    assert len(cell) <= CELL_LIMIT
    ET.fromstring(f"<a>{cell.replace('&', '&amp;').replace('<', '&lt;')}</a>")  # noqa: S314


def test_what_an_office_reads_comes_first_and_is_all_that_is_printed(tmp_path):
    write_findings(tmp_path / "f.xlsx", toy.findings(), toy.outcomes(), toy.META)
    write_issues(tmp_path / "i.xlsx", issues(), toy.META)
    found, outcomes, _ = openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets
    faults = openpyxl.load_workbook(tmp_path / "i.xlsx").worksheets[0]
    assert [found.cell(1, at).value for at in range(1, 17)] == [
        "结论", "严重程度", "规则", "主体名称（编号）", "相关对象（编号）", "线索说明", "实测", "阈值", "距翻转",
        "依据", "处置要求", "牵头单位", "时限", "整改状态", "确定性", "配合单位",
    ]  # fmt: skip
    assert [faults.cell(1, at).value for at in range(1, 6)] == ["严重程度", "图层", "问题", "来源文件", "记录号"]
    for sheet, last, rows in ((found, "O", 6), (outcomes, "G", 6), (faults, "H", 11)):
        assert sheet.print_area == f"'{sheet.title}'!$A$1:${last}${rows}"
        assert sheet.print_title_rows == "$1:$2"
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (8, "landscape")
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0)  # one wide is the default
        beyond = openpyxl.utils.get_column_letter(openpyxl.utils.column_index_from_string(last) + 1)
        assert [sheet.column_dimensions[letter].outlineLevel for letter in (last, beyond)] == [0, 1]
        assert not sheet.column_dimensions[beyond].hidden


@pytest.mark.parametrize("plan", [sheets.FINDING_SHEET, sheets.OUTCOME_SHEET, sheets.ISSUE_SHEET])
def test_print_is_no_smaller_than_seven_points(plan):
    pixels = sum(7 * column.width + 5 for column in plan.read)  # at 96 an inch, as Excel counts them
    page = (420 / 25.4 - 0.8) * 96  # A3 less its margins
    assert FONT_SIZE * min(1, page / pixels) >= 7


def test_subject_is_read_with_its_code(tmp_path):
    rows = (
        toy.findings()
        .iloc[:4]
        .assign(subject_name=["甲", None, "", "PW-3"], subject_id=["PW-0", "PW-1", "PW-2", "PW-3"])
    )
    write_findings(tmp_path / "f.xlsx", rows, toy.outcomes(), toy.META)
    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets[0]
    assert [sheet.cell(row, 4).value for row in range(3, 7)] == ["甲\n(PW-0)", "PW-1", "PW-2", "PW-3"]


def test_rows_grow_with_their_texts_up_to_a_limit(tmp_path):
    texts = ["短", "长" * 60, "长" * 200, "长" * 20_000]
    write_findings(
        tmp_path / "f.xlsx", toy.findings().assign(subject_name="甲", sentence_zh=texts), toy.outcomes(), toy.META
    )
    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets[0]
    heights = [sheet.row_dimensions[row].height for row in range(3, 7)]
    assert heights[0] < heights[1] < heights[2] == heights[3] == pytest.approx(row_height(12), abs=0.75)
    assert sheet.cell(6, 6).value == texts[3]


def test_rows_of_a_very_long_sheet_are_two_lines_high(tmp_path, monkeypatch):
    monkeypatch.setattr("geosys.maps.tables.MOST_ROWS_MEASURED", 8)
    write_issues(tmp_path / "i.xlsx", issues(), toy.META)
    sheet = openpyxl.load_workbook(tmp_path / "i.xlsx").worksheets[0]
    assert sheet.sheet_format.defaultRowHeight == pytest.approx(row_height(2), abs=0.75)
    assert {sheet.row_dimensions[row].height for row in range(3, 12)} == {sheet.sheet_format.defaultRowHeight}


def test_long_cells_of_the_notes_are_whole(tmp_path):
    files = ", ".join(f"inbox/第{n}批排污口台账.xlsx" for n in range(20))
    meta = dataclasses.replace(toy.META, layers=[dataclasses.replace(toy.META.layers[0], delivered=files)])
    write_issues(tmp_path / "i.xlsx", issues(), meta)
    notes = openpyxl.load_workbook(tmp_path / "i.xlsx").worksheets[1]
    row = next(cell.row for cell in notes["C"] if cell.value == files)
    assert notes.row_dimensions[row].height > row_height(8)
    assert notes.cell(row, 3).alignment.wrap_text


def test_numbers_carry_their_unit_and_stay_numbers(tmp_path):
    rows = toy.findings().assign(measure=1_565_883.371, unit="m2", margin=-0.25, margin_unit='"\\km')
    write_findings(tmp_path / "f.xlsx", rows, toy.outcomes(), toy.META)
    sheet = openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets[0]
    measured, margin = sheet.cell(3, 7), sheet.cell(3, 9)
    assert (measured.value, measured.number_format) == (1_565_883.371, '#,##0" m²"_ ')
    assert (margin.value, margin.number_format) == (-0.25, '0.00##" km"_ ')
    assert number_shape(12.5) == "#,##0.00_ "


@given(st.text(), st.integers(5, 90))
def test_no_text_takes_fewer_lines_than_its_letters(text, width):
    units = sum(1 if letter.isascii() else 2 for letter in text if letter != "\n")
    assert count_lines(text, width) * width >= units
    assert count_lines(f"{text}\n", width) == count_lines(text, width) + 1


def test_failed_workbook_leaves_nothing(tmp_path):
    with pytest.raises(SpecError, match="severity"):
        write_issues(tmp_path / "i.xlsx", issues().drop(columns="severity"), toy.META)
    bad = toy.findings().assign(rule_title_zh=[object(), Broken(), "a", "b"])
    with pytest.raises(RuntimeError, match="broken"):
        write_findings(tmp_path / "f.xlsx", bad, toy.outcomes(), toy.META)
    assert list(tmp_path.iterdir()) == []


class Broken:
    """A value that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("broken")

"""From a delivery to a layer: what is taken, what is withheld and why. Toy deliveries of a few rows, checked by eye."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import pytest
import shapely
import xlsxwriter
from intake_toy import CRS, LEDGER, PLACE, geojson, kinds, package, point, square, taken, text_file

from geosys.geo.area import ellipsoidal_area_m2
from geosys.layers import naming, settle
from geosys.layers.place import Place
from geosys.layers.spec import read_catalogue
from geosys.layers.store import content_hash, read_current, write_version

HERE = "114.01,34.77"
MU = 2000 / 3


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue()


def outfalls(folder, *rows, header=LEDGER, name="台账.csv"):
    return text_file(folder / name, header, *rows)


def only(issues, kind):
    """Return the one issue of a type."""
    rows = issues[issues["issue_type"] == kind]
    assert len(rows) == 1, issues[["issue_type", "field", "value"]].to_string()
    return rows.iloc[0]


# Names, values, units, codes


def test_a_clean_ledger_is_taken_whole(tmp_path, catalogue):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, f"A1,大清沟,{HERE}"))
    assert issues.empty
    row = layer.frame.iloc[0]
    assert (row.feature_id, row.outfall_code, row.outfall_name, row.source_file, row.source_row) == (
        "A1",
        "A1",
        "大清沟",
        "台账.csv",
        1,
    )
    assert str(layer.frame.crs) == CRS
    assert layer.withheld.empty
    assert layer.provenance["rows_delivered"] == layer.provenance["rows"] == 1


@pytest.mark.parametrize(
    ("header", "stated", "m2"),
    [
        ("用地面积", 1000, 1000.0), ("用地面积（平方米）", 1000, 1000.0), ("用地面积（㎡）", 1000, 1000.0), ("用地面积(亩)", 1.5, 1000.0), ("面积（公顷）", 0.1, 1000.0),
        ("面积（hm²）", 0.1, 1000.0), ("MJ(平方公里)", 0.001, 1000.0),
    ],
)  # fmt: skip
def test_areas_are_turned_into_square_metres(tmp_path, catalogue, header, stated, m2):
    side = 1000**0.5
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1"], header: [float(stated)]}, [square(0, 0, side)])
    layer, issues = taken(catalogue, "suspected_plot", path)
    assert layer.frame["stated_area_m2"].tolist() == [pytest.approx(m2, rel=1e-12)]
    assert issues.empty, issues["message_en"].tolist()


def test_an_area_in_an_unstated_unit_is_named(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1"], "用地面积": [15.0]}, [square(0, 0, 100)])
    layer, issues = taken(catalogue, "suspected_plot", path)
    issue = only(issues, "area_disagrees")
    assert issue.severity == "warning"
    assert "亩" in issue.message_zh
    assert issue.area_after_m2 == pytest.approx(10_000, rel=1e-5)
    layer, issues = taken(catalogue, "suspected_plot", path, units={"stated_area_m2": "亩"})
    assert layer.frame["stated_area_m2"].iloc[0] == pytest.approx(10_000)
    assert issues.empty


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mg/L", 1), ("μg/L", 1e-3), ("µg/L", 1e-3), ("ug/l", 1e-3), ("毫克/升", 1), ("微克／升", 1e-3)],
)
def test_concentrations_are_turned_into_milligrams(tmp_path, catalogue, unit, factor):
    path = text_file(tmp_path / "a.csv", f"断面编码,采样日期,氨氮（{unit}）", "S1,2025-06-30,500")
    layer, issues = taken(catalogue, "water_sample", path)
    assert layer.frame["nh3n_mg_l"].tolist() == [pytest.approx(500 * factor)]
    assert issues.empty


def test_a_unit_that_cannot_be_turned_drops_the_column_with_one_issue(tmp_path, catalogue):
    path = text_file(tmp_path / "a.csv", "断面编码,采样日期,溶解氧(斤)", "S1,2025-06-30,3", "S1,2025-07-30,4")
    layer, issues = taken(catalogue, "water_sample", path)
    assert layer.frame["do_mg_l"].isna().all()
    issue = only(issues, "unit_unknown")
    assert (issue.field, issue["value"], issue.severity) == ("do_mg_l", "斤", "warning")


def test_unit_factors():
    assert settle.unit_factor("亩", "m2") == pytest.approx(MU)
    assert settle.unit_factor("亩", "ha") == pytest.approx(1 / 15)
    assert settle.unit_factor("万吨/日", "t/d") == 10_000
    assert settle.unit_factor("万m³/d", "t/d") == 10_000
    assert settle.unit_factor("米", "km") == pytest.approx(0.001)
    assert settle.unit_factor("斤", "kg") is None
    assert settle.unit_factor("", "kg") == settle.unit_factor("kg", None) == 1.0


@pytest.mark.parametrize("word", ["优先保护", " 优先 保护 ", "优先保护类"])
def test_a_code_is_known_by_code_title_or_alias(tmp_path, catalogue, word):
    path = package(tmp_path / "a.gpkg", {"单元编号": ["U1"], "质量类别": [word]}, [square(0, 0)])
    layer, issues = taken(catalogue, "farmland_class", path)
    assert layer.frame["category"].tolist() == ["优先保护"]
    assert issues.empty


def test_every_code_and_title_and_alias_of_every_list_is_accepted(catalogue):
    for codes in catalogue.codes.values():
        assert set(codes.spellings.values()) <= set(codes.titles)
        for code in codes.titles:
            assert codes.spellings[code.lower().replace(" ", "")] == code


def test_a_value_of_no_list_becomes_empty_and_the_row_stays(tmp_path, catalogue):
    path = outfalls(tmp_path, f"A1,甲,{HERE},外星排口", header=LEDGER + ",排污口类型")
    layer, issues = taken(catalogue, "outfall", path)
    issue = only(issues, "bad_code")
    assert (issue["value"], issue.field, issue.feature_id, issue.source_row, issue.source_line) == (
        "外星排口",
        "outfall_type",
        "A1",
        1,
        2,
    )
    assert layer.frame["outfall_type"].isna().all()


@pytest.mark.parametrize(
    ("header", "value", "kind", "field"),
    [
        ("排放量", "很大", "bad_number", "flow_t_d"), ("排查日期", "待定", "bad_date", "found_on"), ("是否溯源", "部分", "bad_truth", "is_traced"),
        ("排放量", "-5", "out_of_range", "flow_t_d"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_becomes_empty_and_the_row_stays(tmp_path, catalogue, header, value, kind, field):
    path = outfalls(tmp_path, f"A1,甲,{HERE},{value}", header=f"{LEDGER},{header}")
    layer, issues = taken(catalogue, "outfall", path)
    assert only(issues, kind)["field"] == field
    assert layer.frame[field].isna().all(), "the advice of the issue type says: treated as empty"


def test_a_text_too_long_is_a_notice_and_kept(tmp_path, catalogue):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, f"A1,{'长' * 5000},{HERE}"))
    assert only(issues, "too_long").severity == "notice"
    assert len(layer.frame["outfall_name"].iloc[0]) == 5000


@pytest.mark.parametrize("value", ["1e300", "99999999999999999999"])
def test_a_whole_number_beyond_all_reason_is_an_issue_not_a_crash(tmp_path, catalogue, value):
    path = package(tmp_path / "a.gpkg", {"村代码": ["V1"], "人口": [value]}, [square(0, 0)])
    layer, issues = taken(catalogue, "village", path)
    assert layer.frame["population"].isna().all()
    assert only(issues, "bad_number")["field"] == "population"


def test_the_end_of_time_does_not_break_a_derived_date(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1"], "通知日期": ["9999-12-31"]}, [square(0, 0)])
    layer, _ = taken(catalogue, "suspected_plot", path)
    assert layer.frame["survey_due_on"].isna().all()


def test_a_derived_column_and_the_checks_on_dates(tmp_path, catalogue):
    columns = {
        "地块编码": ["P1", "P2", "P3"],
        "通知日期": ["2025-08-31", "2025/1/15", None],
        "调查完成日期": ["2026-01-01", "2024-12-31", None],
    }
    path = package(tmp_path / "a.gpkg", columns, [square(0, 0), square(50, 0), square(100, 0)])
    layer, issues = taken(catalogue, "suspected_plot", path)
    assert layer.frame["survey_due_on"].tolist()[:2] == [dt.date(2026, 2, 28), dt.date(2025, 7, 15)]
    assert layer.frame["survey_due_on"].isna().tolist() == [False, False, True]
    assert only(issues, "dates_out_of_order").feature_id == "P2"


def test_a_value_required_by_another_field(tmp_path, catalogue):
    path = package(
        tmp_path / "a.gpkg", {"地块编码": ["P1", "P2"], "调查状态": ["已完成", "未开展"]}, [square(0, 0), square(50, 0)]
    )
    _, issues = taken(catalogue, "suspected_plot", path)
    issue = only(issues, "requires_value")
    assert (issue.feature_id, issue.field) == ("P1", "survey_done_on")


# What the plan says


def test_columns_set_values_and_units_of_the_plan_go_first(tmp_path, catalogue):
    path = outfalls(tmp_path, f"A1,甲,{HERE},direct,2,某河", header=LEDGER + ",KIND,Q,编 号2")
    layer, issues = taken(
        catalogue, "outfall", path, columns={"KIND": "outfall_type", "Q": "flow_t_d", "编号2": "river_name"},
        values={"outfall_type": {"Direct": "工业排污口"}}, units={"flow_t_d": "万吨/日"}, set={"county_code": "410299", "is_traced": False},
    )  # fmt: skip
    row = layer.frame.iloc[0]
    titles = catalogue.codes["outfall_type"].titles
    assert titles[row.outfall_type].zh == "工业排污口"
    assert (row.flow_t_d, row.river_name, row.county_code, bool(row.is_traced)) == (20_000.0, "某河", "410299", False)
    assert issues.empty


def test_a_constant_goes_before_a_column(tmp_path, catalogue):
    path = outfalls(tmp_path, f"A1,甲,{HERE},某河", header=LEDGER + ",受纳水体")
    layer, issues = taken(catalogue, "outfall", path, set={"river_name": "大清沟"})
    assert layer.frame["river_name"].tolist() == ["大清沟"]
    assert kinds(issues) == ["unmapped_column"]


def test_coordinate_columns_named_by_the_plan(tmp_path, catalogue):
    path = outfalls(tmp_path, "A1,500010,3850000", header="编号,东,北")
    layer, issues = taken(catalogue, "outfall", path, x="东", y="北", crs=CRS)
    assert layer.frame.geometry.iloc[0].equals(point(10, 0))
    assert issues.empty
    layer, issues = taken(catalogue, "outfall", path)
    assert layer is None
    assert only(issues, "missing_geometry").severity == "error"


def test_a_column_the_plan_names_but_the_file_lacks_is_said(tmp_path, catalogue):
    path = outfalls(tmp_path, f"A1,甲,{HERE}")
    _, issues = taken(catalogue, "outfall", path, columns={"没有的列": "note"})
    assert "没有的列" in only(issues, "missing_column").message_zh


def test_the_plan_may_name_a_column_by_its_name_under_a_merged_header(tmp_path, catalogue):
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 1, 0, "编号")
    sheet.merge_range(0, 1, 0, 2, "排放口")
    sheet.write_row(1, 1, ["名称", "特征"])
    sheet.write_row(2, 0, ["A1", "甲", "某河"])
    book.close()
    _, issues = taken(catalogue, "outfall", tmp_path / "a.xlsx", columns={"特征": "river_name"})
    assert "unmapped_column" not in kinds(issues)


def test_an_unmapped_column_is_a_notice(tmp_path, catalogue):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, f"A1,甲,{HERE},x,", header=LEDGER + ",风水,空列"))
    issue = only(issues, "unmapped_column")
    assert (issue["value"], issue.severity) == ("风水", "notice")
    assert len(layer.frame) == 1


def test_degrees_minutes_seconds_in_three_columns(tmp_path, catalogue):
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet("台账")
    sheet.merge_range(0, 0, 0, 7, "入河排污口台账")
    for column, name in ((0, "编号"), (1, "名称")):
        sheet.merge_range(1, column, 2, column, name)
    sheet.merge_range(1, 2, 1, 4, "经度")
    sheet.merge_range(1, 5, 1, 7, "纬度")
    sheet.write_row(2, 2, ["度", "分", "秒"] * 2)
    sheet.write_row(3, 0, ["A1", "甲", 114, 0, 36, 34, 46, 12])
    sheet.write_row(4, 0, ["A2", "乙", 114, 60, 0, 34, 46, 12])
    book.close()
    layer, issues = taken(catalogue, "outfall", tmp_path / "a.xlsx")
    decimal, _ = taken(catalogue, "outfall", outfalls(tmp_path, "A1,甲,114.01,34.77"))
    assert layer.frame["feature_id"].tolist() == ["A1"]
    assert shapely.distance(layer.frame.geometry.iloc[0], decimal.frame.geometry.iloc[0]) < 1e-6
    issue = only(issues, "bad_coordinate")
    assert (issue.feature_id, issue.source_line) == ("A2", 5)


# Keys and required fields


def test_the_first_of_rows_with_one_key_is_used(tmp_path, catalogue):
    path = outfalls(tmp_path, "A1,甲,114.01,34.77", "A1,乙,114.02,34.77", "A1,丙,114.03,34.77", "A2,丁,114.04,34.77")
    layer, issues = taken(catalogue, "outfall", path)
    assert layer.frame["outfall_name"].tolist() == ["甲", "丁"]
    assert kinds(issues) == ["duplicate_key", "duplicate_key"]
    assert issues["source_row"].tolist() == [2, 3]
    assert layer.withheld["issue_type"].tolist() == ["duplicate_key", "duplicate_key"]
    assert layer.withheld["outfall_name"].tolist() == ["乙", "丙"]


def test_a_withheld_row_does_not_take_the_key_from_a_good_one(tmp_path, catalogue):
    path = outfalls(tmp_path, "A1,坏,,", "A1,好,114.02,34.77")
    layer, issues = taken(catalogue, "outfall", path)
    assert layer.frame["outfall_name"].tolist() == ["好"]
    assert kinds(issues) == ["missing_geometry"]


def test_rows_without_a_key_get_one_from_their_place(tmp_path, catalogue):
    path = outfalls(tmp_path, ",甲,114.01,34.77", "A2,乙,114.02,34.77")
    layer, issues = taken(catalogue, "outfall", path)
    again, _ = taken(catalogue, "outfall", outfalls(tmp_path, "A2,乙,114.02,34.77", ",甲,114.01,34.77", name="b.csv"))
    assert only(issues, "missing_key").severity == "warning"
    assert layer.frame["feature_id"].iloc[0] == again.frame["feature_id"].iloc[1]
    assert layer.frame["feature_id"].iloc[0].startswith("~")


def test_two_rows_without_a_key_on_one_place_are_two_objects_when_their_values_differ(tmp_path, catalogue):
    path = outfalls(tmp_path, f",甲,{HERE}", f",乙,{HERE}", "A3,丙,114.02,34.77")
    layer, issues = taken(catalogue, "outfall", path)
    assert sorted(layer.frame["outfall_name"]) == ["丙", "乙", "甲"]
    assert "duplicate_key" not in kinds(issues)


def test_many_rows_without_a_key_are_one_issue(tmp_path, catalogue):
    rows = [f",甲{i},114.0{i // 10}{i % 10},34.77" for i in range(20)]
    _, issues = taken(catalogue, "outfall", outfalls(tmp_path, *rows))
    assert kinds(issues) == ["missing_key"]


def test_an_empty_required_value_withholds_the_row(tmp_path, catalogue):
    path = text_file(tmp_path / "a.csv", "断面编码,采样日期,pH", "S1,2025-06-30,7", ",2025-06-30,7", "S3,待定,7")
    layer, issues = taken(catalogue, "water_sample", path)
    assert layer.frame["feature_id"].tolist() == ["S1/2025-06-30"], (
        "docs/content.md: an empty required value withholds the row"
    )
    assert len(layer.withheld) == 2
    assert "bad_date" in kinds(issues)


def test_a_missing_required_column_refuses_the_table_with_one_error(tmp_path, catalogue):
    layer, issues = taken(catalogue, "water_sample", text_file(tmp_path / "a.csv", "断面编码,pH", "S1,7"))
    assert layer is None
    assert (only(issues, "missing_column").severity, only(issues, "missing_column").field) == ("error", "sampled_on")


def test_issues_of_a_refused_table_keep_their_rows(tmp_path, catalogue):
    path = outfalls(tmp_path, f"A1,甲,{HERE},很大", header=LEDGER + ",排放量")
    layer, issues = taken(catalogue, "outfall", path, crs="EPSG:2383")
    assert layer is None
    bad = issues[issues["issue_type"] == "bad_number"]
    assert bad["source_row"].notna().all()


# Geometry


def test_a_spike_is_repaired_with_its_areas(tmp_path, catalogue):
    spike = shapely.Polygon(
        [
            (500_000 + x, 3_850_000 + y)
            for x, y in [(0, 0), (100, 0), (100, 100), (50, 100), (50, 200), (50, 100), (0, 100)]
        ]
    )
    layer, issues = taken(catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": ["P1"]}, [spike]))
    issue = only(issues, "invalid_repaired")
    assert issue.severity == "warning"
    assert issue.area_before_m2 == pytest.approx(issue.area_after_m2)
    assert issue.area_after_m2 == pytest.approx(10_000, rel=1e-5)
    assert issue.before.startswith("POLYGON")
    assert issue.after != issue.before
    assert layer.frame.geometry.is_valid.all()
    assert layer.frame["area_m2"].iloc[0] == pytest.approx(10_000, rel=1e-5)


def test_a_bow_tie_is_refused_with_its_areas(tmp_path, catalogue):
    tie = shapely.Polygon([(500_000 + x, 3_850_000 + y) for x, y in [(0, 0), (100, 100), (100, 0), (0, 100)]])
    layer, issues = taken(
        catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": ["P1", "P2"]}, [tie, square(500, 0)])
    )
    issue = only(issues, "invalid_refused")
    assert (issue.severity, issue.area_before_m2) == ("error", 0.0)
    assert issue.area_after_m2 == pytest.approx(5_000, rel=1e-5)
    assert layer.frame["feature_id"].tolist() == ["P2"]
    assert layer.withheld[["feature_id", "issue_type"]].values.tolist() == [["P1", "invalid_refused"]]
    assert not layer.withheld.geometry.iloc[0].is_empty


def test_a_polygon_without_surface_is_refused_not_repaired_into_nothing(tmp_path, catalogue):
    flat = shapely.Polygon([(500_000, 3_850_000), (500_005, 3_850_000), (500_010, 3_850_000), (500_000, 3_850_000)])
    layer, issues = taken(
        catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": ["P1", "P2"]}, [flat, square(50, 0)])
    )
    assert kinds(issues) == ["invalid_refused"]
    assert layer.frame["feature_id"].tolist() == ["P2"]


def test_missing_geometry_and_the_wrong_kind(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1", "P2", "P3"]}, [None, point(0, 0), square(50, 0)])
    layer, issues = taken(catalogue, "suspected_plot", path)
    assert kinds(issues) == ["missing_geometry", "wrong_geometry_type"]
    assert only(issues, "wrong_geometry_type")["value"] == "Point"
    assert layer.frame["feature_id"].tolist() == ["P3"]


def test_several_parts_are_as_good_as_one(tmp_path, catalogue):
    two = shapely.MultiPolygon([square(0, 0), square(50, 0)])
    layer, issues = taken(catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": ["P1"]}, [two]))
    assert issues.empty
    assert layer.frame["area_m2"].iloc[0] == pytest.approx(200, rel=1e-5)
    points = shapely.MultiPoint([point(0, 0), point(5, 0)])
    layer, issues = taken(catalogue, "outfall", package(tmp_path / "b.gpkg", {"编号": ["A1"]}, [points]))
    assert issues.empty
    assert len(layer.frame) == 1


def test_heights_are_dropped_on_the_way(tmp_path, catalogue):
    rows = [({"outfall_code": "A1"}, {"type": "Point", "coordinates": [114.01, 34.77, 71.5]})]
    layer, issues = taken(catalogue, "outfall", geojson(tmp_path / "a.geojson", rows))
    assert issues.empty
    assert not layer.frame.geometry.has_z.any()


def test_the_area_is_that_on_the_ellipsoid(tmp_path, catalogue):
    far = shapely.box(508_000, 3_850_000, 509_000, 3_851_000)
    layer, _ = taken(catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": ["P1"]}, [far]))
    assert layer.frame["area_m2"].tolist() == pytest.approx(
        ellipsoidal_area_m2(layer.frame.geometry.to_numpy(), CRS).tolist(), rel=1e-9
    )
    assert layer.frame["area_m2"].iloc[0] != far.area


def test_equal_and_overlapping_plots_are_warnings(tmp_path, catalogue):
    shapes = [square(0, 0), square(5, 0), square(100, 0), square(100, 0)]
    layer, issues = taken(catalogue, "suspected_plot", package(tmp_path / "a.gpkg", {"地块编码": list("ABCD")}, shapes))
    assert len(layer.frame) == 4
    assert only(issues, "duplicate_geometry").feature_id == "D"
    overlap = issues[issues["issue_type"] == "overlap"]
    assert overlap["feature_id"].tolist() == ["B", "D"]
    assert [float(v) for v in overlap["value"]] == [pytest.approx(50, abs=0.01), pytest.approx(100, abs=0.01)]
    assert overlap.geometry.iloc[0].equals(shapely.box(500_005, 3_850_000, 500_010, 3_850_010))


# Places


def test_default_points_are_named_and_withheld(tmp_path, catalogue):
    rows = [f"D{i},默认,20.5,5.5" for i in range(3)] + [f"A{i},好,114.0{i},34.77" for i in range(1, 6)]
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, *rows))
    default = issues[issues["issue_type"] == "default_point"]
    assert default["feature_id"].tolist() == ["D0", "D1", "D2"]
    assert set(issues["severity"]) <= {"error", "warning"}
    assert "outside_region" not in kinds(issues)
    assert len(layer.frame) == 5


def test_latitude_and_longitude_zero_is_a_default_point_even_alone(tmp_path, catalogue):
    _, issues = taken(catalogue, "outfall", outfalls(tmp_path, "A1,零,0,0", f"A2,好,{HERE}"))
    assert only(issues, "default_point").feature_id == "A1"


@pytest.mark.parametrize("exchanged", ["34.77,114.01", "34.7,114.05"])
def test_exchanged_degrees_are_named(tmp_path, catalogue, exchanged):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, f"A1,反,{exchanged}", f"A2,好,{HERE}"))
    assert only(issues, "swapped_xy").feature_id == "A1"
    assert kinds(issues) == ["swapped_xy"]
    assert layer.withheld["issue_type"].tolist() == ["swapped_xy"]


def test_exchanged_metres_are_named(tmp_path, catalogue):
    path = outfalls(tmp_path, "A1,反,3850000,500000", "A2,好,500000,3850000")
    _, issues = taken(catalogue, "outfall", path, crs=CRS)
    assert only(issues, "swapped_xy").feature_id == "A1"


def test_exchanged_degrees_where_both_are_possible_latitudes(tmp_path, catalogue):
    place = Place(CRS, shapely.box(-5_000_000, 1_000_000, -2_000_000, 9_000_000), "far west")
    west, _ = taken(catalogue, "outfall", outfalls(tmp_path, "A1,好,80,45"), place=place)
    assert west is not None
    _, issues = taken(catalogue, "outfall", outfalls(tmp_path, "A1,反,45,80", "A2,好,80,45"), place=place)
    assert set(kinds(issues)) <= {"swapped_xy", "outside_region"}


def test_one_row_outside_is_withheld_and_most_rows_outside_stop(tmp_path, catalogue):
    good = [f"A{i},好,114.0{i},34.77" for i in range(1, 6)]
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, *good, "B,外,113.0,33.0"))
    assert kinds(issues) == ["outside_region"]
    assert only(issues, "outside_region").severity == "error"
    assert len(layer.frame) == 5
    bad = [f"B{i},外,10{i}.0,2{i}.0" for i in range(6)]
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, good[0], *bad))
    assert layer is None
    assert kinds(issues) == ["wrong_place"]
    assert only(issues, "wrong_place").severity == "critical"


def test_the_wrong_place_names_the_file_that_is_wrong(tmp_path, catalogue):
    good = outfalls(tmp_path, f"A1,好,{HERE}", name="好.csv")
    bad = outfalls(tmp_path, *[f"B{i},外,10{i}.0,2{i}.0" for i in range(6)], name="错.csv")
    _, issues = taken(catalogue, "outfall", good, bad)
    assert only(issues, "wrong_place").source_file == "错.csv"


def test_a_wrong_file_is_critical_even_beside_a_larger_good_one(tmp_path, catalogue):
    good = outfalls(tmp_path, *[f"A{i},好,114.0{i},34.77" for i in range(1, 10)], name="好.csv")
    bad = outfalls(tmp_path, *[f"B{i},外,10{i}.0,2{i}.0" for i in range(6)], name="错.csv")
    _, issues = taken(catalogue, "outfall", good, bad)
    assert only(issues, "wrong_place").source_file == "错.csv"


def test_without_a_region_no_place_is_wrong(tmp_path, catalogue):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, "A1,甲,100,20"), place=Place(CRS))
    assert issues.empty
    assert len(layer.frame) == 1


@pytest.mark.parametrize("cells", ["114°60′00″,34°46′12″", "东边,34.77", "1e308,34.77"])
def test_a_coordinate_that_cannot_be_read_is_one_issue(tmp_path, catalogue, cells):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, f"A1,坏,{cells}", f"A2,好,{HERE}"))
    assert kinds(issues) == ["bad_coordinate"]
    assert layer.frame["feature_id"].tolist() == ["A2"]
    assert layer.withheld["issue_type"].tolist() == ["bad_coordinate"]


# Coordinate systems


@pytest.mark.parametrize(
    ("code", "name"),
    [("EPSG:2383", "西安80"), ("EPSG:2435", "北京54"), ("EPSG:4610", "西安80"), ("EPSG:4214", "北京54")],
)
def test_old_datums_are_refused(tmp_path, catalogue, code, name):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, "A1,甲,500000,3850000"), crs=code)
    assert layer is None
    assert kinds(issues) == ["not_convertible"]
    assert name in only(issues, "not_convertible").message_zh


def test_a_file_in_an_old_datum_is_refused(tmp_path, catalogue):
    path = package(tmp_path / "a.gpkg", {"地块编码": ["P1"]}, [square(0, 0)], crs="EPSG:2383")
    assert kinds(taken(catalogue, "suspected_plot", path)[1]) == ["not_convertible"]


def test_a_local_system_is_refused(tmp_path, catalogue):
    path = outfalls(tmp_path, "A1,甲,500000,3850000")
    layer, issues = taken(catalogue, "outfall", path, crs='LOCAL_CS["独立坐标系",UNIT["Meter",1]]')
    assert layer is None
    assert kinds(issues) == ["not_convertible"]


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_no_crs_is_one_issue_and_the_plan_may_state_it(tmp_path, catalogue):
    path = package(tmp_path / "a.shp", {"DKBM": ["P1"]}, [square(0, 0)], crs=None)
    layer, issues = taken(catalogue, "suspected_plot", path)
    assert layer is None
    assert kinds(issues) == ["missing_part", "no_crs"]
    assert ".prj" in issues["message_en"].iloc[0]
    layer, issues = taken(catalogue, "suspected_plot", path, crs=CRS)
    assert kinds(issues) == ["missing_part"]
    assert layer.frame.geometry.iloc[0].equals(square(0, 0))


def test_any_system_of_our_datum_ends_in_the_plans(tmp_path, catalogue):
    for i, code in enumerate(("EPSG:4490", "EPSG:4526", "EPSG:4548", CRS)):
        frame = package(tmp_path / f"{i}.gpkg", {"地块编码": ["P1"]}, [square(0, 0)])
        moved = gpd.read_file(frame).to_crs(code)
        path = package(tmp_path / f"m{i}.gpkg", {"地块编码": ["P1"]}, list(moved.geometry), crs=code)
        layer, issues = taken(catalogue, "suspected_plot", path)
        assert issues.empty
        assert shapely.equals_exact(layer.frame.geometry.iloc[0].normalize(), square(0, 0).normalize(), tolerance=1e-5)


# Files


def test_several_deliveries_make_one_layer(tmp_path, catalogue):
    one = outfalls(tmp_path, "A1,甲,114.01,34.77", name="一.csv")
    two = outfalls(
        tmp_path, "114.02,34.77,B2,是", "114.03,34.77,A1,否", header="经度,纬度,排污口编号,是否溯源", name="二.csv"
    )
    gone = tmp_path / "三.csv"
    layer, issues = taken(catalogue, "outfall", one, two, gone)
    assert layer.frame[["feature_id", "source_file", "source_row"]].values.tolist() == [
        ["A1", "一.csv", 1],
        ["B2", "二.csv", 1],
    ]
    assert kinds(issues) == ["duplicate_key", "missing_file"]
    duplicate = only(issues, "duplicate_key")
    assert (duplicate.source_file, duplicate.source_row, duplicate.source_line) == ("二.csv", 2, 3)
    assert [d["file"] for d in layer.provenance["deliveries"]] == ["一.csv", "二.csv"]


def test_an_empty_table_and_one_without_a_usable_row(tmp_path, catalogue):
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path))
    assert layer is None
    assert kinds(issues) == ["empty_layer"]
    layer, issues = taken(catalogue, "outfall", outfalls(tmp_path, "A1,坏,,"))
    assert layer is None
    assert kinds(issues) == ["empty_layer", "missing_geometry"]


def test_a_change_of_the_dbf_alone_changes_the_hash_of_a_shapefile(tmp_path, catalogue):
    prints = []
    for name in ("甲", "乙"):
        path = package(tmp_path / "a.shp", {"DKBM": ["P1"], "DKMC": [name]}, [square(0, 0)])
        layer, _ = taken(catalogue, "suspected_plot", path)
        prints.append(layer.provenance["deliveries"][0]["sha256"])
    assert prints[0] != prints[1]


def test_four_thousand_bad_values_take_no_four_thousand_times_as_long(tmp_path, catalogue):
    rows = [f"A{i},甲,114.{i:05},34.77,外星{i},待定" for i in range(4000)]
    layer, issues = taken(
        catalogue, "outfall", outfalls(tmp_path, *rows, header=LEDGER + ",排污口类型,是否溯源"), place=Place(CRS)
    )
    assert len(layer.frame) == 4000
    assert len(issues) == 8000
    assert issues["issue_id"].is_unique


def test_the_same_delivery_twice_has_one_version_and_the_same_issues(tmp_path, catalogue):
    rows = ["A1,甲,114.01,34.77", "A1,乙,114.02,34.77", "A3,反,34.77,114.01"]
    path = outfalls(tmp_path, *rows)
    (one, first), (two, second) = (taken(catalogue, "outfall", path) for _ in range(2))
    assert content_hash(one.frame) == content_hash(two.frame)
    assert first["issue_id"].tolist() == second["issue_id"].tolist()
    written = write_version(tmp_path / "store", one)
    assert write_version(tmp_path / "store", two).version == written.version
    back = read_current(tmp_path / "store", catalogue.layers["outfall"])
    assert content_hash(back.frame) == content_hash(one.frame)
    assert back.withheld["issue_type"].tolist() == one.withheld["issue_type"].tolist()


def test_no_english_title_of_a_field_is_another_fields_name(catalogue):
    for spec in catalogue.layers.values():
        seen = {}
        for field in spec.fields.values():
            for word in {naming.fold(w) for w in (field.id, field.title.zh, field.title.en, *field.aliases)}:
                assert seen.setdefault(word, field.id) == field.id, f"{spec.id}: {word}"


def test_the_region_of_the_toy_is_where_the_deliveries_are():
    assert PLACE.region.contains(square(0, 0))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("氨氮(μg/L)", 0.5),
        ("氨氮（NH3-N）", 500.0),
        ("氨氮（以N计）(mg/L)", 500.0),
        ("氨氮（以N计）", 500.0),
        ("氨氮(mg/L)", 500.0),
    ],
)
def test_the_unit_in_a_header_is_told_from_other_brackets(tmp_path, catalogue, header, expected):
    path = text_file(tmp_path / "a.csv", f"断面编码,采样日期,{header}", "D1,2026-01-05,500")
    layer, _ = taken(catalogue, "water_sample", path)
    rows = layer.frame if layer is not None else None
    assert rows is not None
    assert rows["nh3n_mg_l"].tolist() == pytest.approx([expected])


def test_a_code_that_excel_cut_is_no_key(tmp_path, catalogue):
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["排污口编码", "排污口名称", "经度", "纬度"])
    sheet.write_row(1, 0, [4102991010000052990, "甲", 114.01, 34.77])
    book.close()
    _, issues = taken(catalogue, "outfall", tmp_path / "a.xlsx")
    assert {"code_damaged", "missing_key"} <= set(kinds(issues))

"""Boundary-point TXT: dialects round-trip, rings become holes and parts by what lies in what, and every contradiction is said."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_toy import text_file

from geosys._errors import CrsError, DeliveryError, SpecError
from geosys.geo.crs import datum_that_cannot_be_converted, parse_crs, to_crs
from geosys.layers import boundary_lines, boundary_model, boundary_rings
from geosys.layers.boundary_header import epsg
from geosys.layers.boundary_model import FAULTS, STANDARD, Block, BoundaryFile, Dialect, Entry
from geosys.layers.boundary_points import read_boundary_points, read_boundary_table, table_of
from geosys.layers.boundary_points_out import standard_header, write_boundary_points

EAST, NORTH = 500_000, 3_850_000
HEADER = "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n投影类型=高斯克吕格\n计量单位=米\n带号=38\n转换参数=,,,,,,\n[地块坐标]\n"


def ring(west, south, side, ring_number=1, *, zone=38, first=1, closed=True):
    """Return the lines of a square, clockwise from its north-west corner, offsets in metres of (EAST, NORTH)."""
    corners = [(west, south + side), (west + side, south + side), (west + side, south), (west, south)]
    lines = [
        f"J{first + i},{ring_number},{NORTH + y:.3f},{zone * 1_000_000 + EAST + x:.3f}"
        for i, (x, y) in enumerate(corners)
    ]
    return [*lines, lines[0]] if closed else lines


def plot(*rings, area="1.0000", count=None, name="甲地块", tail=",面,,,,@"):
    lines = [line for r in rings for line in r]
    return "\n".join([f"{len(lines) if count is None else count},{area},1,{name}{tail}", *lines]) + "\n"


GOOD = HEADER + plot(ring(0, 0, 100))


def read(text, name="a.txt", **settings_):
    return read_boundary_points(text.encode() if isinstance(text, str) else text, name, **settings_)


def whats(file):
    return [f.what for f in file.faults]


# --- what a clean file says


def test_a_clean_file_has_no_fault_and_all_that_it_says():
    file = read(GOOD)
    assert file.faults == ()
    assert (file.crs, file.crs_candidates, file.zone) == ("EPSG:4526", ("EPSG:4526",), 38)
    assert [(e.key, e.value, e.section, e.line) for e in file.header][:2] == [
        ("坐标系", "2000国家大地坐标系", "属性描述", 2),
        ("几度分带", "3", "属性描述", 3),
    ]
    (block,) = file.blocks
    assert block.values == dict(zip(STANDARD, ["5", "1.0000", "1", "甲地块", "面", "", "", ""], strict=True))
    assert (block.line, block.zone, block.area_unit) == (9, 38, "公顷")
    assert [(p.number, p.ring, p.first, p.second, p.line) for p in block.points][1] == ("J2", 1, 3850100, 38500100, 11)
    assert block.geometry.equals(shapely.box(38_500_000, NORTH, 38_500_100, NORTH + 100))
    assert file.dialect == Dialect(newline="\n", points_restart="plot")


def test_unknown_header_entries_and_other_sections_are_kept_in_order():
    text = "[项目信息]\n项目名称=../../甲\n[属性描述]\n自定义=一,二=三\n" + GOOD.partition("\n")[2]
    file = read(text)
    assert [(e.section, e.key, e.value) for e in file.header][:2] == [
        ("项目信息", "项目名称", "../../甲"),
        ("属性描述", "自定义", "一,二=三"),
    ]
    assert file.faults == ()
    assert read(write_boundary_points(file, file.dialect)).header[0].value == "../../甲"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_is_judged_on_the_bytes(encoding, newline):
    file = read(GOOD.replace("\n", newline).encode(encoding))
    assert (file.dialect.encoding, file.dialect.newline, file.faults) == (encoding, newline, ())
    assert file.blocks[0].values["地块名称"] == "甲地块"
    assert file.evidence.startswith(f"{encoding}: ")


@pytest.mark.parametrize("data", [b"\xff\xff\x00", b"", b"hello\nworld\n", "一二三".encode()])
def test_what_is_no_boundary_file_is_refused_with_its_name(data):
    with pytest.raises(DeliveryError, match=r"^b\.txt: got .*, expected .*\. "):
        read(data, "b.txt")


# --- spellings

SPELLINGS = {
    "no J": lambda t: t.replace("\nJ", "\n"),
    "J01": lambda t: t.replace("\nJ", "\nJ0"),
    "open ring": lambda t: t.rsplit("\n", 2)[0].replace("5,1.0000", "4,1.0000") + "\n",
    "count of 0 is a blank": lambda t: t.replace("5,1.0000", "0,1.0000"),
    "Chinese commas": lambda t: t.replace(",", "，"),
    "tabs": lambda t: t.replace(",", "\t"),
    "points between blanks": lambda t: "".join(
        line.replace(",", "  ") if line.startswith("J") else line for line in t.splitlines(keepends=True)
    ),
    "blanks after commas": lambda t: t.replace(",", " , "),
    "full-width digits": lambda t: t.translate({ord(str(i)): chr(0xFF10 + i) for i in range(10)} | {ord("."): "．"}),
    "full-width brackets": lambda t: t.replace("[", "【").replace("]", "】"),
    "empty lines": lambda t: t.replace("\n", "\n\n \n"),
    "comments": lambda t: t.replace("\nJ2", "\n# 一\n// 二\nJ2"),
    "title lines": lambda t: t.replace(
        "[地块坐标]\n",
        "[地块坐标]\n界址点数,地块面积,地块编号,地块名称,记录图形属性(点、线、面),图幅号,地块用途,地类编码,@\n点号,地块圈号,X坐标,Y坐标\n",
    ),
    "zone width in words": lambda t: t.replace("几度分带=3", "几度分带=三度带"),
    "control characters": lambda t: t.replace("\n", "\x00\x07\n").replace("J3", "J\x013"),
    "unit in the area": lambda t: t.replace("1.0000", "1.0000公顷"),
    "count left out": lambda t: t.replace("5,1.0000,1,", "1.0000公顷,,"),
    "Chinese comma in a name": lambda t: t.replace("甲地块", "北至河堤，南至公路"),
    "no final newline": lambda t: t.rstrip("\n"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_same_plot(spelling):
    file = read(SPELLINGS[spelling](GOOD))
    assert file.blocks[0].geometry.equals_exact(read(GOOD).blocks[0].geometry, 0.0)
    assert file.crs == "EPSG:4526"
    grave = {f.what for f in file.faults} - {"short_plot_line"}
    assert grave == set()
    assert file.blocks[0].area_unit == "公顷"


def test_degrees_minutes_and_seconds_are_degrees():
    corners = ["34°45′00″,114°18′00″", "34°45′00″,114°18′36″", "34°44′24″,114°18′36″", "34°44′24″,114°18′00″"]
    text = "[属性描述]\n坐标系=2000国家大地坐标系\n[地块坐标]\n4,,1,甲,面,,,,@\n" + "\n".join(
        f"J{i},1,{c}" for i, c in enumerate(corners, 1)
    )
    file = read(text)
    assert (file.crs, file.dialect.north_first, file.dialect.is_degrees) == ("EPSG:4490", True, True)
    assert file.blocks[0].geometry.equals_exact(shapely.box(114.3, 34.74, 114.31, 34.75), 1e-12) or shapely.equals(
        file.blocks[0].geometry, shapely.box(114.3, 34.74, 114.31, 34.75)
    )


def test_plot_lines_of_nine_twelve_and_eleven_fields_have_their_names():
    twelve = read(HEADER + plot(ring(0, 0, 100), tail=",面,I50,住宅用地,0701,图斑,0101,11,12,@"))
    assert list(twelve.blocks[0].values)[8:] == ["图斑类型", "地类", "改造前质量等别", "改造后质量等别"]
    assert twelve.blocks[0].values["地类编码"] == "0701"
    township = read(GOOD.replace("5,1.0000,1,甲地块,面", "5,1.0000,330106104,横桥村,D8-003,地块4,面"))
    values = township.blocks[0].values
    assert (values["行政区代码"], values["地块编号"], values["地块名称"]) == ("330106104", "D8-003", "地块4")
    assert township.faults == ()


# --- rings


def test_a_hole_is_a_hole_whatever_its_number():
    for numbers in ((1, 2), (2, 1), (7, 9)):
        file = read(HEADER + plot(ring(0, 0, 100, numbers[0]), ring(20, 20, 20, numbers[1]), area="0.9600"))
        assert file.faults == ()
        assert file.blocks[0].geometry.area == pytest.approx(9600, abs=1e-6)
        assert len(file.blocks[0].geometry.interiors) == 1
    turned = read(HEADER + plot(ring(20, 20, 20, 1), ring(0, 0, 100, 2), area="0.9600"))
    assert turned.blocks[0].geometry.equals(file.blocks[0].geometry)


def test_parts_holes_and_an_island_in_a_hole():
    squares = [(0, 0, 100), (10, 10, 60), (20, 20, 20), (300, 0, 50), (310, 10, 10)]
    rings = [ring(*s, i) for i, s in enumerate(squares, 1)]
    expected = shapely.union_all([shapely.box(x, y, x + s, y + s) for x, y, s in squares[:1]])
    for i, (x, y, s) in enumerate(squares[1:]):
        box = shapely.box(x, y, x + s, y + s)
        expected = expected.difference(box) if i in (0, 3) else expected.union(box)
    for order in itertools.permutations(range(5)):
        file = read(HEADER + plot(*[rings[i] for i in order], area=f"{expected.area / 1e4:.4f}"))
        assert file.faults == ()
        shape = shapely.transform(file.blocks[0].geometry, lambda xy: xy - [38_500_000, NORTH])
        assert shape.geom_type == "MultiPolygon"
        assert len(shape.geoms) == 3
        assert shape.equals(expected)


def test_a_hole_that_touches_its_shell_stays_a_hole():
    corners = [(0, 50), (30, 70), (30, 30)]
    hole = [f"J{i},2,{NORTH + y},{38_000_000 + EAST + x}" for i, (x, y) in enumerate(corners, 1)]
    file = read(HEADER + plot(ring(0, 0, 100), [*hole, hole[0]], area="0.9400"))
    assert file.faults == ()
    assert file.blocks[0].geometry.is_valid
    assert len(file.blocks[0].geometry.interiors) == 1


def test_closed_rings_of_one_number_are_told_apart_by_their_closing():
    file = read(HEADER + plot(ring(0, 0, 100), ring(20, 20, 20), area="0.9600"))
    assert whats(file) == ["ring_number_repeated"]
    assert file.blocks[0].geometry.area == pytest.approx(9600, abs=1e-6)


def test_points_without_plot_lines_sections_or_ring_numbers():
    bare = "\n".join(ring(0, 0, 100, 1) + ring(20, 20, 20, 2))
    file = read(bare)
    assert set(whats(file)) >= {"points_without_plot", "no_plot_section", "no_attribute_section", "datum_unstated"}
    assert file.blocks[0].geometry.area == pytest.approx(9600, abs=1e-6)
    assert (file.crs, file.crs_candidates) == (None, ("EPSG:4526",))
    ringless = "\n".join(line.replace(",1,", ",") for line in ring(0, 0, 100))
    assert read("[地块坐标]\n" + ringless).blocks[0].geometry.area == 10_000


def test_points_and_lines_are_geometry_too():
    lines = ring(0, 0, 100, closed=False)
    line = read(HEADER + plot(lines, tail=",线,,,,@", area="")).blocks[0].geometry
    points = read(HEADER + plot(lines, tail=",点,,,,@", area="")).blocks[0].geometry
    assert (line.geom_type, line.length, points.geom_type, len(points.geoms)) == ("LineString", 300, "MultiPoint", 4)


# --- order, zone, CRS


def test_both_orders_and_all_zones_by_magnitude():
    for zone, swapped, prefixed in itertools.product([*range(13, 24), *range(25, 46)], [False, True], [False, True]):
        width = 3 if zone > 23 else 6
        rows = [line.split(",") for line in ring(0, 0, 100, zone=zone if prefixed else 0)]
        rows = [[n, r, b, a] if swapped else [n, r, a, b] for n, r, a, b in rows]
        header = HEADER.replace("带号=38", f"带号={zone}").replace("几度分带=3", f"几度分带={width}")
        file = read(header + plot([",".join(row) for row in rows]))
        assert file.faults == (), (zone, swapped, prefixed)
        assert (file.dialect.north_first, file.dialect.has_zone_prefix) == (not swapped, prefixed)
        crs = pyproj.CRS(file.crs)
        assert crs.name.startswith("CGCS2000")
        place = to_crs(np.array([file.blocks[0].geometry]), file.crs, "EPSG:4490")[0].centroid
        meridian = zone * 3 if width == 3 else zone * 6 - 3
        assert (place.x, place.y) == (pytest.approx(meridian, abs=0.001), pytest.approx(34.78, abs=0.02))


@pytest.mark.parametrize(
    ("text", "label", "prefixed", "bare"),
    [("1980西安坐标系", "西安80", "EPSG:2362", "EPSG:2383"), ("1954年北京坐标系", "北京54", "EPSG:2414", "EPSG:2435")],
)
def test_xian_and_beijing_are_named_and_never_converted(text, label, prefixed, bare):
    for zone, code in ((38, prefixed), (0, bare)):
        file = read(HEADER.replace("2000国家大地坐标系", text) + plot(ring(0, 0, 100, zone=zone)))
        assert whats(file) == ["datum_not_converted"]
        assert (file.crs, datum_that_cannot_be_converted(parse_crs(file.crs))) == (code, label)
        assert parse_crs(code).name.endswith("zone 38" if zone else "CM 114E")
        with pytest.raises(CrsError, match=label):
            to_crs(np.array([file.blocks[0].geometry]), file.crs, "EPSG:4490")


@pytest.mark.parametrize(
    ("datum", "name"), [("CGCS2000", "CGCS2000"), ("西安80", "Xian 1980"), ("北京54", "Beijing 1954")]
)
def test_every_code_names_its_zone(datum, name):
    for zone in [*range(13, 24), *range(25, 46)]:
        meridian = zone * 3 if zone > 23 else zone * 6 - 3
        kind = "3-degree Gauss-Kruger" if zone > 23 else "Gauss-Kruger"
        assert pyproj.CRS(epsg(datum, zone, prefixed=True)).name == f"{name} / {kind} zone {zone}"
        assert pyproj.CRS(epsg(datum, zone, prefixed=False)).name == f"{name} / {kind} CM {meridian}E"
    assert epsg(datum, 24, prefixed=True) is None


def test_a_header_that_contradicts_its_numbers_shows_both_sides():
    file = read(HEADER + plot(ring(0, 0, 100, zone=39)))
    (fault,) = file.faults
    assert (fault.what, fault.line, fault.severity) == ("zone_contradicts", 6, "error")
    assert fault.got == "带号=38"
    assert fault.expected == "39, as in the eastings of 1 plots"
    assert fault.title.zh
    assert (file.crs, file.crs_candidates) == (None, ("EPSG:4527", "EPSG:4547"))
    assert file.blocks[0].geometry is not None
    wide = read(GOOD.replace("几度分带=3", "几度分带=6"))
    assert [(f.what, f.got) for f in wide.faults] == [("zone_width_contradicts", "几度分带=6")]
    assert (wide.crs, wide.crs_candidates) == (None, ("EPSG:4526",))


def test_the_published_sample_with_zone_39_under_a_header_of_38_is_found():
    # two plots of the sample that is copied from page to page: 带号=38, eastings 39…
    text = HEADER + (
        "4,6.5,1,区块一,面,,,,@\n1,1,3751508.512,39438683.652\n2,1,3751508.512,39438690.152\n"
        "3,1,3751502.100,39438690.150\n1,1,3751508.512,39438683.652\n"
    )
    assert "zone_contradicts" in whats(read(text))


def test_unsettled_order_is_refused_with_both_candidates_unless_stated():
    rows = [(450_000, 500_000), (450_000, 500_100), (450_100, 500_100), (450_100, 500_000)]
    text = HEADER + plot([f"J{i},1,{a},{b}" for i, (a, b) in enumerate(rows, 1)], area="1")
    file = read(text)
    fault = next(f for f in file.faults if f.what == "order_unsettled")
    assert "X north, Y east in metres or X east, Y north in metres" in fault.expected
    assert (file.dialect.north_first, file.crs, file.blocks[0].geometry) == (None, None, None)
    assert len(file.blocks[0].points) == 4
    assert read(text, north_first=True).blocks[0].geometry.bounds == (500_000, 450_000, 500_100, 450_100)
    assert read(text, north_first=False).blocks[0].geometry.bounds == (450_000, 500_000, 450_100, 500_100)


def test_one_typo_among_many_points_is_found_and_its_plot_left_unsettled():
    good, bad = ring(0, 0, 100), ring(200, 0, 100)
    bad[1] = bad[1].replace("38500300", "3850300")
    file = read(HEADER + plot(good) + plot(bad))
    assert [(f.what, f.line, f.block) for f in file.faults] == [("out_of_place", 17, 1)]
    assert file.blocks[0].geometry is not None
    assert file.blocks[1].geometry is None
    assert file.crs == "EPSG:4526"


def test_points_between_two_files_joined_into_one():
    joined = GOOD + GOOD.replace("带号=38", "带号=39").replace(",38500", ",39500")
    file = read(joined)
    assert {"header_repeated", "zone_mixed"} <= set(whats(file))
    assert (file.crs, [b.zone for b in file.blocks]) == (None, [38, 39])
    assert read(GOOD + GOOD).faults == ()


# --- stated areas


@pytest.mark.parametrize(
    ("stated", "unit", "what"),
    [
        ("1.0000", "公顷", []),
        ("10000", "平方米", ["area_unit"]),
        ("10000.0㎡", "平方米", ["area_unit"]),
        ("15.00", "亩", ["area_unit"]),
        ("15亩", "亩", ["area_unit"]),
        ("0.01", "平方公里", ["area_unit"]),
        ("1.5", "", ["area_differs"]),
        ("15公顷", "", ["area_differs"]),
        ("约一公顷", "", ["bad_area"]),
        ("1e400", "", ["bad_area"]),
        ("", "", []),
        ("0", "", []),
    ],
)
def test_a_stated_area_is_reported_with_the_unit_that_explains_it(stated, unit, what):
    file = read(HEADER + plot(ring(0, 0, 100), area=stated))
    assert (file.blocks[0].area_unit, whats(file)) == (unit, what)


def test_an_area_of_the_plane_and_one_of_the_ellipsoid_both_fit_and_holes_are_named():
    far = ring(130_000, 0, 1000)
    shape = read(HEADER + plot(far, area="")).blocks[0].geometry
    geographic = to_crs(np.array([shape]), "EPSG:4526", "EPSG:4490")[0]
    ground = abs(pyproj.Geod(ellps="GRS80").geometry_area_perimeter(geographic)[0])
    assert abs(ground - 1e6) > 200
    for area in (1e6, ground):
        assert read(HEADER + plot(far, area=f"{area / 1e4:.6f}")).faults == ()
    holed = read(HEADER + plot(ring(0, 0, 100), ring(20, 20, 40, 2), area="1.0000"))
    assert [(f.what, "holes not taken out" in f.expected) for f in holed.faults] == [("area_differs", True)]


# --- faults

LONG = "J9,1," + "9" * 5000
TRIANGLE_LOST = "\n".join(GOOD.split("\n")[:11]) + "\n"


def degrees_file(points):
    lines = [f"J{i},1,{a:.6f},{b:.6f}" for i, (a, b) in enumerate(points, 1)]
    return "[属性描述]\n坐标系=2000国家大地坐标系\n[地块坐标]\n" + plot(lines, area="")


def packed_degrees():
    """Return a ring whose latitudes and longitudes in ddd.mmss never show 60 to 99."""
    turn = [(29 * np.cos(a), 25 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 25)[:-1]]
    packed = [
        tuple(d + (30 + int(m // 1)) / 100 + int(m % 1 * 60) / 1e4 for d, m in zip((34, 114), p, strict=True))
        for p in turn
    ]
    return degrees_file(packed)


FAULTY = {
    "line_too_long": GOOD + LONG,
    "bad_point": GOOD.replace("J2,1,3850100.000", "J2,1,nan"),
    "unknown_line": GOOD + "制表人：张三\n",
    "no_points": HEADER + "5,1,1,甲,面,,,,@\n" + plot(ring(0, 0, 100)),
    "points_without_plot": HEADER + "\n".join(ring(0, 0, 100)),
    "short_plot_line": GOOD.replace("5,1.0000,1,甲地块,面,,,,@", "5,1.0000,1,面,@"),
    "many_attributes": GOOD.replace(",,,,@", "," * 60 + "@"),
    "no_at_sign": GOOD.replace(",@", ""),
    "mixed_separators": GOOD.replace("5,1.0000", "5，1.0000"),
    "no_attribute_section": GOOD.replace("[属性描述]\n", ""),
    "no_plot_section": GOOD.replace("[地块坐标]\n", ""),
    "header_repeated": GOOD.replace("带号=38", "带号=38\n带号=39"),
    "extra_value": GOOD.replace("J2,1,3850100.000,38500100.000", "J2,1,3850100.000,38500100.000,71.5"),
    "ring_missing": "[地块坐标]\n" + "\n".join(line.replace(",1,", ",") for line in ring(0, 0, 100)),
    "ring_number_repeated": HEADER + plot(ring(0, 0, 100, closed=False), ring(20, 20, 20, closed=False), area="0.96"),
    "ring_not_closed": HEADER + plot(ring(0, 0, 100)) + plot(ring(200, 0, 100)) + plot(ring(400, 0, 100)[:-1], count=5),
    "closing_gap": GOOD[: GOOD.rindex("38500000.000")] + "38500000.004\n",
    "closing_point_differs": GOOD[: GOOD.rindex("38500000.000")] + "38500500.000\n",
    "few_points": HEADER + plot(ring(0, 0, 100)[:2], area=""),
    "too_many_rings": None,
    "too_many_points": GOOD,
    "point_number_gap": GOOD.replace("J4", "J5"),
    "invalid_geometry": GOOD.replace("J2,1,3850100.000", "J2,1,3849900.000"),
    "bad_count": GOOD.replace("5,1.0000", "5.5,1.0000"),
    "point_count": GOOD.replace("5,1.0000", "1000000000,1.0000"),
    "bad_area": GOOD.replace("1.0000", "1.0.0"),
    "area_unit": GOOD.replace("1.0000", "10000"),
    "area_differs": GOOD.replace("1.0000", "1.2000"),
    "order_unsettled": GOOD.replace(",38500", ",").replace("3850", "4"),
    "order_mixed": GOOD
    + plot([",".join([*line.split(",")[:2], *line.split(",")[:1:-1]]) for line in ring(200, 0, 100)]),
    "out_of_place": GOOD.replace("38500100.000", "385001000.000", 1),
    "zone_contradicts": GOOD.replace("带号=38", "带号=39"),
    "zone_width_contradicts": GOOD.replace("几度分带=3", "几度分带=6"),
    "zone_mixed": GOOD + plot(ring(200, 0, 100, zone=37)),
    "zone_unknown": GOOD.replace("带号=38\n", "").replace(",38500", ",500"),
    "zone_is_meridian": GOOD.replace("带号=38", "带号=114"),
    "unit_contradicts": GOOD.replace("计量单位=米", "计量单位=度"),
    "projection_contradicts": GOOD.replace("高斯克吕格", "兰伯特"),
    "datum_unstated": GOOD.replace("坐标系=2000国家大地坐标系\n", ""),
    "datum_unknown": GOOD.replace("2000国家大地坐标系", "某市地方独立坐标系"),
    "datum_not_converted": GOOD.replace("2000国家", "1980西安"),
    "parameters_not_applied": GOOD.replace("转换参数=,,,,,,", "转换参数=12.5,0,0,0,0,0,0"),
    "maybe_packed_degrees": packed_degrees(),
    "more_faults": GOOD + "张三\n" * 1100,
}


@pytest.mark.parametrize("what", FAULTS)
def test_every_fault_is_found_where_it_is_and_no_plot_is_lost(what, monkeypatch):
    text = FAULTY[what]
    if what == "too_many_points":
        monkeypatch.setattr(boundary_rings, "MOST_PLOT_POINTS", 4)
    if what == "too_many_rings":
        monkeypatch.setattr(boundary_rings, "MOST_RINGS", 1)
        text = HEADER + plot(ring(0, 0, 100), ring(20, 20, 20, 2), area="0.96")
    file = read(text)
    found = [f for f in file.faults if f.what == what]
    assert found, whats(file)
    assert all(f.severity == FAULTS[what][0] and f.got and f.expected for f in found)
    assert len(file.blocks) == max(1, sum(",面" in line or line.endswith("面") for line in text.split("\n")))
    for fault in found:
        if fault.severity == "error":
            unsettled = file.crs is None or (fault.block >= 0 and file.blocks[fault.block].geometry is None)
            assert unsettled or what == "datum_not_converted"


def test_every_fault_has_a_title_in_both_languages_and_a_case():
    assert set(FAULTY) == set(FAULTS)
    assert all(text.zh and text.en and severity in ("error", "warning", "notice") for severity, text in FAULTS.values())


def test_wgs84_in_metres_and_mixed_zones_in_one_plot_are_doubted():
    assert whats(read(GOOD.replace("2000国家大地坐标系", "WGS84坐标系"))) == ["datum_unknown"]
    lines = ring(0, 0, 100)
    lines[2] = lines[2].replace(",38500", ",39500")
    file = read(HEADER + plot(lines))
    assert (file.blocks[0].geometry, file.faults[0].what, file.faults[0].got) == (None, "zone_mixed", "38 and 39")


def test_a_lost_line_never_leaves_a_plausible_polygon_unsaid():
    lines = GOOD.rstrip("\n").split("\n")
    for i in range(len(lines) - 5, len(lines)):
        file = read("\n".join(lines[:i] + lines[i + 1 :]))
        assert {"point_count", "point_number_gap", "ring_not_closed"} & set(whats(file)), i
        file = read("\n".join([*lines[:i], lines[i][:14], *lines[i + 1 :]]))
        assert file.blocks[0].geometry is None, i


# --- writing

SHAPES = [
    [[(0, 0, 100)]],
    [[(200, 0, 100), (220, 20, 20), (260, 60, 10)]],
    [[(400, 0, 50), (410, 10, 10)], [(500, 0, 30)]],
]
NAMED = {
    "national, J, closed": Dialect(),
    "plain numbers": Dialect(prefix="", points_restart="ring"),
    "east first": Dialect(north_first=False),
    "open rings": Dialect(is_closed=False, counts_closing=False),
    "count without closing": Dialect(counts_closing=False),
    "rings numbered through the file": Dialect(rings_restart="file"),
    "points numbered through the plot": Dialect(points_restart="plot"),
    "points numbered through the file": Dialect(points_restart="file", rings_restart="file", prefix="JZD"),
    "zone in the header only": Dialect(has_zone_prefix=False, newline="\n"),
    "twelve attributes, GB18030": Dialect(
        attributes=(*STANDARD, "图斑类型", "地类", "改造前质量等别", "改造后质量等别"), encoding="gb18030"
    ),
    "eleven attributes, no @, tabs": Dialect(
        attributes=("界址点数", "地块面积", "行政区代码", "行政区名称", *STANDARD[2:]), has_at=False, separator="\t"
    ),
    "degrees, Chinese commas, BOM": Dialect(
        is_degrees=True, has_zone_prefix=False, decimals=9, separator="，", encoding="utf-8-sig", north_first=False
    ),
    "J01, millimetre tenths": Dialect(pad=2, decimals=4),
}


def sample(dialect, *, shift=0):
    """Return three plots with holes and parts, their coordinates exactly such as the dialect's decimals can write."""
    scale = 10**dialect.decimals

    def place(x, y):
        if dialect.is_degrees:
            return (114_300_000_000 + 90 * x + shift) / 10**9, (34_700_000_000 + 90 * y + 3 * shift) / 10**9
        east = 38 * 1_000_000 * dialect.has_zone_prefix + EAST + x
        return (east * scale + shift) / scale, ((NORTH + y) * scale + 3 * shift) / scale

    def square(west, south, side):
        return [
            place(x, y)
            for x, y in ((west, south), (west, south + side), (west + side, south + side), (west + side, south))
        ]

    blocks = []
    for i, parts in enumerate(SHAPES):
        polygons = [shapely.Polygon(square(*p[0]), [square(*hole) for hole in p[1:]]) for p in parts]
        shape = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        area = "" if dialect.is_degrees else f"{shape.area / 1e4:.4f}"
        values = dict.fromkeys(dialect.attributes, "") | {
            "地块面积": area, "地块编号": f"D-{i}", "地块名称": f"第{i}号 地块", "记录图形属性": "面", "地块用途": "耕地",
        }  # fmt: skip
        blocks.append(Block(values, shape))
    header = standard_header(38, dialect, "某局", "2026-11-22")
    if dialect.is_degrees:
        header = (Entry("坐标系", "2000国家大地坐标系"), Entry("计量单位", "度"))
    if dialect.has_zone_prefix:
        blocks = [replace(b, zone=38) for b in blocks]
    return BoundaryFile(header, tuple(blocks), dialect, zone=None if dialect.is_degrees else 38)


@pytest.mark.parametrize("name", NAMED)
def test_a_dialect_round_trips_with_identical_geometry(name):
    dialect = NAMED[name]
    before = sample(dialect, shift=123)
    data = write_boundary_points(before, dialect)
    after = read(data)
    assert [f for f in whats(after) if dialect.has_at or f != "no_at_sign"] == []
    assert after.dialect == dialect
    assert [(e.key, e.value) for e in after.header] == [(e.key, e.value) for e in before.header]
    for a, b in zip(before.blocks, after.blocks, strict=True):
        assert shapely.to_wkb(a.geometry) == shapely.to_wkb(b.geometry)
        assert {k: v for k, v in a.values.items() if k != "界址点数"} == {
            k: v for k, v in b.values.items() if k != "界址点数"
        }
    assert write_boundary_points(after, dialect) == data
    expected = "EPSG:4490" if dialect.is_degrees else "EPSG:4526" if dialect.has_zone_prefix else "EPSG:4547"
    assert after.crs == expected


def test_from_any_metric_dialect_into_any_other_the_written_digits_stay():
    metric = [d for d in NAMED.values() if not d.is_degrees]
    for source, target in itertools.product(metric, metric):
        file = read(write_boundary_points(sample(source), replace(source, attributes=STANDARD)))
        there = read(write_boundary_points(file, target))
        back = read(write_boundary_points(there, replace(source, attributes=STANDARD)))
        assert {*whats(there), *whats(back)} <= {"no_at_sign"}
        for a, b in zip(file.blocks, back.blocks, strict=True):
            assert shapely.to_wkb(a.geometry) == shapely.to_wkb(b.geometry)


def test_the_written_text_is_the_national_form():
    file = sample(Dialect())
    file = replace(file, blocks=file.blocks[:1])
    assert write_boundary_points(file, Dialect()).decode() == (
        "[属性描述]\r\n格式版本号=1.01版本\r\n数据产生单位=某局\r\n数据产生日期=2026-11-22\r\n坐标系=2000国家大地坐标系\r\n几度分带=3\r\n"
        "投影类型=高斯克吕格\r\n计量单位=米\r\n带号=38\r\n精度=0.001\r\n转换参数=,,,,,,\r\n[地块坐标]\r\n"
        "5,1.0000,D-0,第0号 地块,面,,耕地,,@\r\n"
        "J1,1,3850000.000,38500000.000\r\nJ2,1,3850100.000,38500000.000\r\nJ3,1,3850100.000,38500100.000\r\n"
        "J4,1,3850000.000,38500100.000\r\nJ1,1,3850000.000,38500000.000\r\n"
    )


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda f, d: (f, replace(d, north_first=None)), "order"),
        (lambda f, d: (f, replace(d, is_degrees=True)), "degrees"),
        (lambda f, d: (f, replace(d, has_plot_lines=False)), "one file a plot"),
        (lambda f, d: (f, replace(d, encoding="ascii")), "ascii"),
        (lambda f, d: (replace(f, zone=None), d), "no zone"),
        (lambda f, d: (replace(f, blocks=(replace(f.blocks[0], zone=38),)), d), "the easting 500000.000"),
        (lambda f, d: (replace(f, blocks=(Block({}, None),)), d), "no geometry"),
        (lambda f, d: (replace(f, blocks=(Block({"地块名称": "甲,乙"}, f.blocks[0].geometry),)), d), "地块名称"),
        (lambda f, d: (replace(f, blocks=(Block({"地块名称": "甲\n乙"}, f.blocks[0].geometry),)), d), "地块名称"),
        (lambda f, d: (replace(f, blocks=(Block({}, shapely.Polygon([(0, 0), (1, np.inf), (1, 1)])),)), d), "finite"),
        (
            lambda f, d: (replace(f, blocks=(Block({}, shapely.box(0, 0, 0.1, 0.1)),)), replace(d, decimals=0)),
            "collapse",
        ),
        (lambda f, d: (replace(f, header=(Entry("单位", "甲\n[地块坐标]"),)), d), "line break"),
    ],
)
def test_what_a_dialect_cannot_hold_is_refused(change, part):
    file, dialect = change(sample(Dialect(has_zone_prefix=False)), Dialect())
    file = replace(file, dialect=Dialect())
    with pytest.raises(SpecError, match=part):
        write_boundary_points(file, dialect)


@st.composite
def dialects(draw):
    points = draw(st.sampled_from(["ring", "plot", "file"]))
    closed = draw(st.booleans())
    return Dialect(
        prefix=draw(st.sampled_from(["J", "", "JZD", "界址点"])), pad=draw(st.sampled_from([0, 2, 4])),
        has_at=draw(st.booleans()), north_first=draw(st.booleans()), is_degrees=False,
        has_zone_prefix=draw(st.booleans()), decimals=draw(st.integers(0, 8)), is_closed=closed,
        counts_closing=draw(st.booleans()), points_restart=points, rings_restart=draw(st.sampled_from(["plot", "file"])),
        separator=draw(st.sampled_from([",", "，", "\t", " "])), newline=draw(st.sampled_from(["\n", "\r\n"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030"])),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(dialects(), st.integers(-500, 500), st.lists(st.text("甲乙丙 AB01-/《》", max_size=8), min_size=3, max_size=3))
def test_any_dialect_round_trips(dialect, shift, names):
    before = sample(dialect, shift=shift)
    blocks = tuple(
        replace(b, values=b.values | {"地块名称": n.strip()}) for b, n in zip(before.blocks, names, strict=True)
    )
    after = read(write_boundary_points(replace(before, blocks=blocks), dialect))
    assert set(whats(after)) <= {"no_at_sign"}
    for a, b in zip(blocks, after.blocks, strict=True):
        assert shapely.to_wkb(a.geometry) == shapely.to_wkb(b.geometry)
        assert a.values["地块名称"] == b.values["地块名称"]


# --- hostile input


def test_500_mutations_give_a_file_or_a_delivery_error():
    generator = random.Random(4)  # noqa: S311  the same mutations each time
    sources = [(write_boundary_points(sample(d), d), d.encoding) for d in NAMED.values()]
    read_some = 0
    for turn in range(500):
        source, encoding = sources[turn % len(sources)]
        letters = [bytes([b]) for b in source] if turn % 2 else [c.encode(encoding) for c in source.decode(encoding)]
        for _ in range(generator.randint(1, 12)):
            at, kind = generator.randrange(len(letters)), generator.randrange(4)
            if kind == 0:
                letters[at] = bytes([generator.randrange(256 if turn % 8 == 1 else 128)])
            elif kind == 1:
                del letters[at : at + generator.randint(1, 60)]
            elif kind == 2:
                letters[at:at] = [
                    generator.choice([b"9" * 400, b"nan", b"1e400", b"\r", b"-", b",,,", b"@", b"\x00", b"=", b"\n"])
                ]
            else:
                letters[at:at] = letters[generator.randrange(len(letters)) :][:80]
            letters = letters or [b"J"]
        data = b"".join(letters)
        try:
            file = read(data)
        except DeliveryError as error:
            assert str(error).startswith("a.txt: got ")  # noqa: PT017
            continue
        read_some += 1
        assert table_of(file, "a").size == len(file.blocks)
        for block in file.blocks:
            assert block.geometry is None or np.isfinite(shapely.get_coordinates(block.geometry)).all()
    assert read_some > 300


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="J1238.,，@=[]地块坐标面\t \n-nanef0\x00", max_size=300))
def test_any_text_is_read_or_refused(text):
    try:
        file = read(HEADER + text)
    except DeliveryError:
        return
    assert table_of(file, "a").size == len(file.blocks)


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e400", "1e3", "0x10", "", "--1", "9" * 4000, "１２３４５６７８９０１２３"]
)
def test_a_value_that_is_no_coordinate_leaves_its_plot_unsettled(value):
    file = read(GOOD.replace("38500100.000", value, 1))
    assert file.blocks[0].geometry is None
    assert {"bad_point", "out_of_place"} & set(whats(file))


def test_limits_are_said(monkeypatch):
    monkeypatch.setattr(boundary_lines, "MOST_LINES", 5)
    with pytest.raises(DeliveryError, match="more than 5 lines"):
        read(GOOD)
    monkeypatch.setattr(boundary_lines, "MOST_LINES", 1000)
    monkeypatch.setattr(boundary_lines, "MOST_PLOTS", 2)
    with pytest.raises(DeliveryError, match="more than 2 plots"):
        read(HEADER + plot(ring(0, 0, 100)) * 3)
    monkeypatch.setattr(boundary_lines, "MOST_BYTES", 10)
    with pytest.raises(DeliveryError, match="expected at most 10"):
        read(GOOD)


def test_many_nested_rings_are_read_in_bounds():
    rings = [ring(i * 0.01, i * 0.01, 100 - 0.02 * i, i + 1) for i in range(boundary_rings.MOST_RINGS)]
    file = read(HEADER + plot(*rings, area=""))
    assert len(file.blocks[0].geometry.geoms) == boundary_rings.MOST_RINGS // 2
    more = read(HEADER + plot(*rings, ring(0.001, 0.001, 99.998, 3000), area=""))
    assert "too_many_rings" in whats(more)
    assert more.blocks[0].geometry is None


def test_faults_are_listed_up_to_a_number():
    file = read(HEADER + plot(ring(0, 0, 100)) + "张三\n" * 5000)
    assert len(file.faults) == boundary_model.MOST_FAULTS + 1
    assert file.faults[-1].got == "4000 more"


# --- the table for intake


def test_the_table_has_the_senders_names_geometry_lines_and_crs(tmp_path):
    path = text_file(tmp_path / "地块.txt", *(GOOD + plot(ring(200, 0, 100), name="乙地块")).rstrip("\n").split("\n"))
    reading = read_boundary_table(path)
    named = ["地块面积（公顷）" if name == "地块面积" else name for name in STANDARD]
    assert list(reading.columns) == named
    assert reading.columns["地块名称"].tolist() == ["甲地块", "乙地块"]
    assert reading.columns["图幅号"].tolist() == [None, None]
    assert (reading.table, reading.crs, reading.lines, reading.records) == ("地块", "EPSG:4526", (9, 15), (1, 2))
    assert shapely.area(reading.geometry).tolist() == [10_000, 10_000]
    assert "2 plots, 10 points" in reading.evidence


def test_a_doubtful_table_has_no_crs_and_says_why(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(GOOD.replace("带号=38", "带号=39").encode("gbk"))
    reading = read_boundary_table(path, None, None, ["地块名称"])
    assert reading.crs is None
    assert "zone_contradicts (line 6)" in reading.evidence
    with pytest.raises(DeliveryError, match="not utf-8"):
        read_boundary_table(path, None, "utf-8")
    with pytest.raises(DeliveryError, match="encoding 'utf-99'"):
        read_boundary_table(path, None, "utf-99")
    assert read_boundary_table(path, None, "gbk").columns["地块名称"].tolist() == ["甲地块"]

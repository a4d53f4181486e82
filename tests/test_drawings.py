"""Drawings and map files: KML, KMZ, DXF and GeoJSON written by hand, and what they must not do."""

from __future__ import annotations

import json
import math
import zipfile

import numpy as np
import pyogrio
import pytest
import shapely
from fuzz_readers import TXT
from hypothesis import given
from hypothesis import strategies as st
from intake_toy import square

from geosys._errors import DeliveryError
from geosys.layers import drawing_entities, placemarks
from geosys.layers.boundary_points import read_boundary_points
from geosys.layers.compound import cells_of_workbook
from geosys.layers.drawing_entities import Polyline, bare_text, path_of
from geosys.layers.file_heads import check_head, column_number
from geosys.layers.placemarks import plain_text
from geosys.layers.readers import list_tables, read_delivery

HEAD = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
RING = "114,34 114.1,34 114.1,34.1 114,34.1 114,34"
HOLE = "114.02,34.02 114.04,34.02 114.04,34.04 114.02,34.02"


def read(path, table=None, encoding=None):
    return read_delivery(path, table, encoding, ())


def refused(path, *words, encoding=None):
    with pytest.raises(DeliveryError) as caught:
        read(path, encoding=encoding)
    message = str(caught.value)
    assert message.startswith(f"{path.name}: got ")
    assert ", expected " in message
    for word in words:
        assert word in message


def kml(path, body, head=HEAD, encoding="utf-8"):
    path.write_bytes(f"{head}<Document>{body}</Document></kml>".encode(encoding))
    return path


def mark(inner):
    return f"<Placemark>{inner}</Placemark>"


def polygon(ring=RING, *holes):
    inner = "".join(
        f"<innerBoundaryIs><LinearRing><coordinates>{h}</coordinates></LinearRing></innerBoundaryIs>" for h in holes
    )
    return f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs>{inner}</Polygon>"


def point(text):
    return f"<Point><coordinates>{text}</coordinates></Point>"


# KML


def test_names_descriptions_data_and_folders_become_columns(tmp_path):
    body = (
        "<name>报送</name><Folder><name>地块</name>"
        + mark(
            "<name>甲</name><description><![CDATA[<table><tr><td>面积</td><td>3 &lt; 4 亩</td></tr></table>]]></description>"
            '<ExtendedData><Data name="编号"><displayName>x</displayName><value>A1</value></Data>'
            '<SchemaData schemaUrl="#s"><SimpleData name="用途">耕地</SimpleData></SchemaData></ExtendedData>'
            + polygon(RING, HOLE)
        )
        + "</Folder>"
        + mark("<name>乙</name>" + point("114.5,34.5,71.5"))
    )
    reading = read(kml(tmp_path / "a.kml", body))
    assert {name: values.tolist() for name, values in reading.columns.items()} == {
        "文件夹": ["报送/地块", "报送"],
        "name": ["甲", "乙"],
        "description": ["面积 3 < 4 亩", None],
        "编号": ["A1", None],
        "用途": ["耕地", None],
    }
    assert reading.crs == "EPSG:4326"
    assert reading.issues == ()
    shape = reading.geometry[0]
    assert len(shape.interiors) == 1
    assert math.isclose(shape.area, 0.1 * 0.1 - 0.02 * 0.02 / 2, rel_tol=1e-9)
    assert reading.geometry[1].wkt == "POINT (114.5 34.5)"
    assert list_tables(tmp_path / "a.kml")[0].rows == 2


def test_the_geometry_is_that_of_another_reader(tmp_path):
    shapes = [
        polygon(RING, HOLE),
        point("114,34,5"),
        "<LineString><coordinates>\n 114,34,0\n\t115,35,0 116,34 </coordinates></LineString>",
        "<MultiGeometry>" + polygon() + polygon("115,34 115.1,34 115.1,34.1 115,34") + "</MultiGeometry>",
        "<MultiGeometry>" + point("114,34") + point("115,35") + "</MultiGeometry>",
        "<MultiGeometry><MultiGeometry>" + polygon() + "</MultiGeometry>" + point("1,2") + "</MultiGeometry>",
    ]
    path = kml(tmp_path / "a.kml", "".join(map(mark, shapes)))
    mine = read(path).geometry
    _, _, wkb, _ = pyogrio.raw.read(path, layer=pyogrio.list_layers(path)[0][0])
    other = shapely.force_2d(shapely.from_wkb(wkb))
    assert [g.geom_type for g in mine] == [
        "Polygon", "Point", "LineString", "MultiPolygon", "MultiPoint", "GeometryCollection",
    ]  # fmt: skip
    for ours, theirs in zip(mine[:5], other[:5], strict=True):
        assert shapely.equals(ours, theirs)


@pytest.mark.parametrize("encoding", ["gbk", "gb2312", "GB18030", "utf-8", "utf-16"])
def test_a_kml_in_the_encoding_it_declares(tmp_path, encoding):
    head = HEAD.replace("UTF-8", encoding)
    assert read(kml(tmp_path / "a.kml", mark("<name>大清沟</name>"), head, encoding)).columns["name"].tolist() == [
        "大清沟"
    ]


def test_a_namespace_prefix_does_not_matter(tmp_path):
    (tmp_path / "a.kml").write_text(
        '<k:kml xmlns:k="http://www.opengis.net/kml/2.2"><k:Placemark><k:name>甲</k:name><k:Point><k:coordinates>1,2</k:coordinates>'
        "</k:Point></k:Placemark></k:kml>",
        encoding="utf-8",
    )
    assert read(tmp_path / "a.kml").geometry[0].wkt == "POINT (1 2)"


@pytest.mark.parametrize(
    ("shape", "got"),
    [
        (point("114"), "114"),
        (point("114;34"), "114;34"),
        (point("nan,34"), "nan,34"),
        (point("1_1,34"), "1_1,34"),
        (point(""), "<Point> 0"),
        (polygon("114,34 115,34"), "<LinearRing> 2"),
        ("<Polygon></Polygon>", "<Polygon/>"),
        ("<gx:Track><when>x</when></gx:Track>", "<Track>"),
    ],
)
def test_a_shape_that_cannot_be_read_leaves_a_row_with_an_issue(tmp_path, shape, got):
    head = HEAD.replace("<kml ", '<kml xmlns:gx="http://www.google.com/kml/ext/2.2" ')
    reading = read(kml(tmp_path / "a.kml", mark("<name>甲</name>" + shape) + mark(point("1,2")), head))
    assert reading.geometry[0] is None
    assert reading.geometry[1].wkt == "POINT (1 2)"
    assert [(i.issue_type, i.severity, i.row, i.before) for i in reading.issues] == [("drawing_file", "error", 0, got)]


def test_an_open_ring_is_closed_and_told(tmp_path):
    reading = read(kml(tmp_path / "a.kml", mark(polygon("114,34 114.1,34 114.1,34.1"))))
    assert math.isclose(reading.geometry[0].area, 0.005)
    assert [(i.row, i.before, i.after) for i in reading.issues] == [(0, "open", "closed")]


def test_blanks_after_commas_are_blanks(tmp_path):
    assert read(kml(tmp_path / "a.kml", mark(point(" 114.3, 34.8, 0 ")))).geometry[0].wkt == "POINT (114.3 34.8)"


def test_data_of_one_name_are_both_kept(tmp_path):
    body = mark('<name>甲</name><ExtendedData><Data name="name"><value>乙</value></Data></ExtendedData>')
    assert {n: v.tolist() for n, v in read(kml(tmp_path / "a.kml", body)).columns.items()} == {
        "name": ["甲"],
        "name (2)": ["乙"],
    }


def test_entities_are_refused_and_nothing_is_fetched(tmp_path):
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
    outside = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
    for declared in (bomb, outside):
        refused(kml(tmp_path / "a.kml", mark("<name>&a;</name>"), HEAD.replace("<kml", f"{declared}<kml")), "entities")
    link = "<NetworkLink><Link><href>http://example.org/a.kml</href></Link></NetworkLink>"
    refused(kml(tmp_path / "a.kml", link), "1 network links and no placemark")
    assert "not followed" in read(kml(tmp_path / "a.kml", link + mark(point("1,2")))).evidence


@pytest.mark.parametrize("text", ["", "x", "<kml>", "<html></html>", HEAD + "<Placemark>", "<kml>\x00</kml>"])
def test_text_that_is_no_kml_is_refused(tmp_path, text):
    (tmp_path / "a.kml").write_text(text, encoding="utf-8")
    refused(tmp_path / "a.kml")


def test_the_limits_of_a_kml_hold(tmp_path, monkeypatch):
    refused(kml(tmp_path / "a.kml", "<Folder>" * 200 + "</Folder>" * 200), "nested more than 100")
    monkeypatch.setattr(placemarks, "MOST_PLACEMARKS", 3)
    refused(kml(tmp_path / "a.kml", mark("") * 5), "more than 3 placemarks")
    monkeypatch.setattr(placemarks, "MOST_COLUMNS", 3)
    data = "".join(f'<Data name="{i}"><value>1</value></Data>' for i in range(5))
    refused(kml(tmp_path / "a.kml", mark(data)), "more than 3 different names")
    monkeypatch.setattr(placemarks, "MOST_CELLS", 1)
    refused(kml(tmp_path / "a.kml", mark("<name>1</name>") * 2), "at most 1 cells")
    monkeypatch.setattr(placemarks, "MOST_BYTES", 10)
    refused(tmp_path / "a.kml", "at most 10")


def test_a_tag_without_end_is_refused_and_a_long_text_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(placemarks, "_CHUNK", 1 << 10)
    refused(
        kml(tmp_path / "a.kml", "", HEAD.replace("<kml ", f'<kml a="{"x" * 5000}" ')),
        "a tag or comment of more than 1024",
    )
    body = mark(f"<name>{'甲' * 5000}</name><description><![CDATA[{'乙' * 5000}]]></description>")
    columns = read(kml(tmp_path / "a.kml", body)).columns
    assert (len(columns["name"][0]), len(columns["description"][0])) == (5000, 5000)
    ring = " ".join(f"{114 + i / 1e4},34" for i in range(2000))
    assert (
        read(kml(tmp_path / "a.kml", mark(f"<LineString><coordinates>{ring}</coordinates></LineString>")))
        .geometry[0]
        .is_simple
    )


def test_a_kmz_is_the_kml_in_it(tmp_path):
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(kml(tmp_path / "doc.kml", mark("<name>甲</name>" + polygon())), "doc.kml")
        archive.writestr("files/icon.png", b"x")
    assert [(t.name, t.rows) for t in list_tables(path)] == [("doc.kml", 1)]
    assert read(path).columns["name"].tolist() == ["甲"]


@given(st.text(max_size=200))
def test_text_without_markup_stays(text):
    assert plain_text(text.replace("<", "").replace("&", "")) == text.replace("<", "").replace("&", "")


# DXF


def group(*pairs):
    return "".join(f"{code}\r\n{value}\r\n" for code, value in pairs)


def light(vertices, layer="宗地", handle="2A", flags=1, extra=()):
    """Return an LWPOLYLINE of (x, y) or (x, y, bulge)."""
    pairs = [(0, "LWPOLYLINE"), (5, handle), (8, layer), (90, len(vertices)), (70, flags)]
    for x, y, *bulge in vertices:
        pairs += [(10, x), (20, y), *((42, b) for b in bulge)]
    return group(*pairs, *extra)


def heavy(vertices, flags=1, frame=()):
    pairs = [(0, "POLYLINE"), (8, "图斑"), (5, "2B"), (66, 1), (70, flags)]
    for at, (x, y) in enumerate(vertices):
        pairs += [(0, "VERTEX"), (8, "图斑"), (10, x), (20, y), (70, 16 if at in frame else 0)]
    return group(*pairs, (0, "SEQEND"))


def words(x, y, text, kind="TEXT"):
    return group((0, kind), (8, "注记"), (10, x), (20, y), (40, 2), (1, text))


def dxf(path, *entities, encoding="gbk", header=()):
    head = group((0, "SECTION"), (2, "HEADER"), *header, (0, "ENDSEC")) + group((0, "SECTION"), (2, "ENTITIES"))
    path.write_bytes((head + "".join(entities) + group((0, "ENDSEC"), (0, "EOF"))).encode(encoding))
    return path


SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig"])
def test_closed_polylines_are_polygons_with_layer_handle_and_texts(tmp_path, encoding):
    inner = [(2, 2), (4, 2), (4, 4), (2, 4)]
    path = dxf(
        tmp_path / "a.dxf",
        light(SQUARE),
        light([*inner, inner[0]], "房屋", "2C", flags=0),
        heavy([(20, 0), (30, 0), (25, 5), (30, 10)], frame=(2,)),
        words(8, 8, "甲地块"),
        words(3, 3, "乙"),
        words(8, 7, r"{\fSimSun|b0|i0|c134|p2;3.2亩}\P旱地", "MTEXT"),
        words(100, 100, "外"),
        encoding=encoding,
    )
    reading = read(path)
    assert {n: v.tolist() for n, v in reading.columns.items()} == {
        "图层": ["宗地", "房屋", "图斑"],
        "句柄": ["2A", "2C", "2B"],
        "文字": ["甲地块 3.2亩 旱地", "乙", None],
    }
    assert [g.area for g in reading.geometry] == [100, 4, 50]
    assert reading.crs is None
    assert reading.issues == ()
    lines = path.read_bytes().splitlines()
    assert [lines[at - 1] for at in reading.lines] == [b"LWPOLYLINE", b"LWPOLYLINE", b"POLYLINE"]


def test_the_polygons_are_those_of_another_reader(tmp_path):
    path = dxf(tmp_path / "a.dxf", light([(0, 0, 0.5), (10, 0, 1), (10, 10, -0.3), (0, 10)]), light(SQUARE))
    mine = read(path).geometry
    _, _, wkb, _ = pyogrio.raw.read(path)
    other = [shapely.Polygon(shapely.get_coordinates(g)) for g in shapely.from_wkb(wkb)]
    assert math.isclose(mine[0].area, other[0].area, rel_tol=2e-3)
    assert mine[0].symmetric_difference(other[0]).area < 5e-3 * mine[0].area
    assert shapely.equals(mine[1], other[1])


def test_an_arc_becomes_chords_and_is_told(tmp_path):
    reading = read(dxf(tmp_path / "a.dxf", light([(0, 0, 1), (10, 0, 1)])))
    circle = reading.geometry[0]
    assert math.isclose(circle.area, math.pi * 25, rel_tol=1e-4)
    assert np.allclose(shapely.distance(shapely.points(shapely.get_coordinates(circle)), shapely.Point(5, 0)), 5)
    assert [(i.issue_type, i.severity, i.value, i.row) for i in reading.issues] == [("drawing_file", "notice", 2, -1)]


@given(
    st.floats(-3, 3).filter(lambda b: abs(b) > 0.05), st.floats(-100, 100), st.floats(-100, 100),
    st.floats(-100, 100), st.floats(1, 100),
)  # fmt: skip
def test_an_arc_keeps_its_sagitta_and_ends(bulge, x, y, turn, chord):
    to_x, to_y = x + chord * math.cos(turn), y + chord * math.sin(turn)
    points, arcs = path_of(Polyline(1, vertices=[(x, y, bulge), (to_x, to_y, 0.0)]), step=math.radians(0.1))
    assert arcs == 1
    assert points[0].tolist() == [x, y]
    assert points[-1].tolist() == [to_x, to_y]
    # by definition the sagitta is the bulge times half the chord, to the right of the way for a positive bulge
    right = (points[:, 0] - x) * math.sin(turn) - (points[:, 1] - y) * math.cos(turn)
    far = right[np.argmax(np.abs(right))]
    assert math.isclose(far, bulge * chord / 2, rel_tol=1e-3)


def test_open_polylines_other_entities_and_units_are_told(tmp_path):
    line = group((0, "LINE"), (8, "0"), (10, 0), (20, 0), (11, 1), (21, 1))
    path = dxf(
        tmp_path / "a.dxf",
        light(SQUARE[:3], flags=0),
        light([*SQUARE, (0, 0.01)], handle="2D", flags=0),
        light(SQUARE),
        line + line,
        heavy(SQUARE, flags=64),
        header=((9, "$INSUNITS"), (70, 4)),
    )
    reading = read(path)
    assert reading.size == 1
    told = [i.message.zh for i in reading.issues]
    assert told[0] == "图层“宗地”有 2 条多段线未闭合，未作为面读取；首尾最小间距 0.010；句柄：2A, 2D"
    assert told[1] == "以下图元未读取：LINE 2, mesh 1"
    assert told[2] == "图形单位为 mm，不是米；坐标未换算"


def test_a_polyline_drawn_from_below_is_mirrored(tmp_path):
    reading = read(dxf(tmp_path / "a.dxf", light(SQUARE, extra=((210, 0), (220, 0), (230, -1)))))
    assert reading.geometry[0].bounds == (-10, 0, 0, 10)


@pytest.mark.parametrize(
    "entity",
    [
        light([(0, 0), (1, "nan"), (1, 1)]),
        light([(0, 0), (1, 0)]),
        light([(0, 0), (1, "1e999"), (1, 1)]),
        light(SQUARE, extra=((230, 0.5),)),
        light(SQUARE, extra=((10, 5),)),
    ],
)
def test_a_polyline_that_makes_no_polygon_leaves_a_row_with_an_issue(tmp_path, entity):
    reading = read(dxf(tmp_path / "a.dxf", entity, light(SQUARE)))
    assert [g is None for g in reading.geometry] == [True, False]
    assert [(i.row, i.severity, i.value) for i in reading.issues] == [(0, "error", "2A")]


def test_the_attributes_of_survey_software_are_kept(tmp_path):
    data = ((1001, "SOUTH"), (1000, "300000"), (1000, "张三"))
    assert read(dxf(tmp_path / "a.dxf", light(SQUARE, extra=data))).columns["扩展数据"].tolist() == [
        "SOUTH | 300000 | 张三"
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"AutoCAD Binary DXF\r\n\x1a\0",
        b"0\r\nSECTION\r\n2\r\n",
        b"0\r\nSECTION\r\nx\r\ny\r\n",
        b"0\r\nSECTION\r\n",
    ],
)
def test_bytes_that_are_no_dxf_are_refused(tmp_path, data):
    (tmp_path / "a.dxf").write_bytes(data)
    refused(tmp_path / "a.dxf")


def test_a_dxf_cut_off_is_refused(tmp_path):
    path = dxf(tmp_path / "a.dxf", light(SQUARE), light(SQUARE))
    whole = path.read_bytes()
    for size in range(0, len(whole) - 4, 7):
        path.write_bytes(whole[:size])
        refused(path)


def test_the_limits_of_a_dxf_hold(tmp_path, monkeypatch):
    path = dxf(tmp_path / "a.dxf", light([(0, 0, 1), (10, 0, 1)]))
    monkeypatch.setattr("geosys.layers.drawings.MOST_POINTS", 300)
    refused(path, "more than 300 points")
    monkeypatch.setattr(drawing_entities, "MOST_VALUES", 3)
    refused(path, "more than 3 values")
    monkeypatch.setattr(drawing_entities, "MOST_BYTES", 3)
    refused(path, "at most 3")


def test_texts_in_no_encoding_are_refused(tmp_path):
    path = dxf(tmp_path / "a.dxf", light(SQUARE, layer="中"), encoding="gbk")
    path.write_bytes(path.read_bytes().replace("中".encode("gbk"), b"\xff\xff"))
    refused(path, "'encoding'")
    assert bare_text(r"\U+4E2D%%utext%%u") == "中text"


# GeoJSON, boundary points, heads


@pytest.mark.parametrize(
    ("member", "crs"),
    [
        (None, "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::4547", "EPSG:4547"),
        ("EPSG:4490", "EPSG:4490"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
    ],
)
def test_geojson_with_and_without_a_stated_crs(tmp_path, member, crs):
    shape = {"type": "Point", "coordinates": [114.5, 34.5]}
    text = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"A": 1}, "geometry": shape}]}
    if member:
        text["crs"] = {"type": "name", "properties": {"name": member}}
    (tmp_path / "a.geojson").write_text(json.dumps(text))
    reading = read(tmp_path / "a.geojson")
    assert reading.crs in (crs, "OGC:CRS84" if member and "CRS84" in member else crs)
    assert reading.geometry[0].wkt == "POINT (114.5 34.5)"


def test_the_faults_of_a_boundary_file_are_issues(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(TXT.replace("5,1,A1", "9,1,A1").replace("J2,1,3850300", "J2,1,x").encode("gbk"))
    reading = read(path)
    faults = read_boundary_points(path.read_bytes(), path.name).faults
    assert {f.what for f in faults} >= {"point_count", "bad_point"}
    assert [(i.row, i.severity, i.value, i.before, i.source_line) for i in reading.issues] == [
        (f.block, f.severity, f.what, f.got, f.line) for f in faults
    ]
    assert {i.issue_type for i in reading.issues} == {"boundary_file"}
    count = next(i for i in reading.issues if i.value == "point_count")
    assert (count.row, count.source_line) == (0, 6)
    assert count.message.zh.startswith("界址点数与实际不符：第 6 行，读到“9”")
    assert "line 6, got '9'" in count.message.en
    refused(path, "klingon", encoding="klingon")
    refused(path, "ascii", encoding="ascii")
    assert [(t.name, t.rows) for t in list_tables(path)] == [("a", 2)]


def sheet(path, reference):
    """Write a workbook of one cell that stands at `reference`."""
    import xlsxwriter

    book = xlsxwriter.Workbook(path)
    book.add_worksheet("台账").write(reference, 1)
    book.close()
    return path


def test_a_workbook_with_a_cell_far_out_is_refused_before_it_is_read(tmp_path):
    refused(sheet(tmp_path / "a.xlsx", "XFD1048576"), "1048576 rows and 16384 columns")
    check_head(sheet(tmp_path / "a.xlsx", "XFD900"))
    check_head(sheet(tmp_path / "a.xlsx", "A1048576"))
    assert column_number(b"XFD") == 16_384


def test_a_workbook_that_states_a_small_size_is_counted_by_its_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("geosys.layers.file_heads.MOST_SHEET_BYTES", 1 << 20)
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/sharedStrings.xml", b" " * (3 << 20))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2") + 24
    data[at : at + 4] = b"\x0a\0\0\0"
    path.write_bytes(data)
    refused(path, "more than 1048576 bytes unpacked")


def test_a_page_named_as_a_workbook_is_told(tmp_path):
    (tmp_path / "a.xls").write_text("<html><table><tr><td>1</td></tr></table></html>")
    refused(tmp_path / "a.xls", "web page")


def test_an_old_workbook_is_measured_before_it_is_read(tmp_path):
    from intake_toy import old_workbook

    path = old_workbook(tmp_path / "a.xls", [["编号", "X"], ["A", 1.0], ["B", 2.0]])
    assert cells_of_workbook(path) == 6
    data = path.read_bytes()
    at = data.find(b"\x03\x02\x0e\x00\x02\x00\x01\x00")
    path.write_bytes(data[: at + 4] + b"\xff\xff\xff\xff" + data[at + 8 :])
    refused(path, f"a sheet of {65_536 * 65_536} cells")


def test_a_package_that_lacks_pages_is_refused(tmp_path):
    import geopandas as gpd

    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(gpd.GeoDataFrame({"A": [1]}, geometry=[square(0, 0)], crs="EPSG:4547"), path)
    path.write_bytes(path.read_bytes()[:-4096])
    refused(path, "pages of 4096 bytes as its header says")


def test_what_a_library_murmurs_becomes_an_issue_and_names_no_folder(tmp_path):
    ring = [[114, 34], [114.1, 34], [114.1, 34.1], [114, 34.05]]
    feature = {"type": "Feature", "properties": {"A": 1}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", text)
    (issue,) = read(tmp_path / "a.zip").issues
    assert (issue.issue_type, issue.row) == ("reader_warning", -1)
    assert "Non closed ring" in issue.message.en
    assert "geosys-" not in issue.message.en


def test_a_number_that_gdal_would_cut_is_told(tmp_path):
    import geopandas as gpd

    path = tmp_path / "a.shp"
    pyogrio.write_dataframe(gpd.GeoDataFrame({"MJ": [2.5]}, geometry=[square(0, 0)], crs="EPSG:4547"), path)
    data = path.with_suffix(".dbf").read_bytes()
    assert data.count(b"2.50000") == 1
    path.with_suffix(".dbf").write_bytes(data.replace(b"2.50000", b"2.50p00"))
    told = [i.before for i in read(path).issues if i.issue_type == "reader_warning"]
    assert len(told) == 1
    assert "parsed incompletely" in told[0]

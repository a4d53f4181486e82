"""The files of a package, each read back by software that did not write it: another GDAL, SQLite, struct, calamine."""

from __future__ import annotations

import ctypes
import datetime as dt
import sqlite3
import struct
import sys
import zipfile
from contextlib import closing

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from fiona.env import Env
from python_calamine import CalamineWorkbook

from geosys._errors import SpecError
from geosys._text import Text
from geosys.layers.boundary_points import open_boundary_points
from geosys.layers.dictionary import full_names
from geosys.layers.domains import aliases_in, domains_in
from geosys.layers.vector_out import LossError
from geosys.publish.content import Field, Profile, ProfileLayer, ShapedLayer
from geosys.publish.files import gdal_domains, write_files
from geosys.publish.files.gdal_domains import Domain, DomainError, add_domains, load_gdal
from geosys.publish.files.geodatabases import domains_of
from geosys.publish.files.names import name_field
from geosys.publish.files.shapefiles import dbf_field

DAY = dt.date(2026, 11, 22)
NONE = Text("", "")
TRADES = {"01": Text("化工", "Chemicals"), "02": Text("电镀", "Plating")}
STAGES = {"1": Text("调查", "Survey"), "2": Text("修复", "Remediation")}


def field(name, zh, kind, length=0, decimals=0, **more):
    return Field(name, Text(zh, zh), kind, length, decimals, **more)


PLOTS = ProfileLayer(
    "DK", Text("地块", "Plots"), "plot", "polygon",
    (
        field("DKBM", "地块编码", "text", 12, column="plot_code", is_required=True),
        field("DKMC", "地块名称", "text", 20, column="plot_name"),
        field("HYLX", "行业类型", "text", 4, codes=TRADES, column="trade"),
        field("JD", "阶段", "integer", 1, codes=STAGES, column="stage"),
        field("RS", "人数", "integer", 9, column="people"),
        field("XH", "序号", "integer", 13, column="serial"),
        field("GS", "个数", "integer", column="count"),
        field("MJ", "面积", "number", 15, 2, column="area_m2"),
        field("ND", "浓度", "number", column="share"),
        field("RQ", "列入日期", "date", column="listed_on"),
        field("SFYC", "是否移出", "truth", column="is_removed"),
    ),
    ("DKBM",),
)  # fmt: skip
WELLS = ProfileLayer(
    "JING", Text("监测井", "Wells"), "well", "point",
    (
        field("BH", "编号", "text", 8, column="well_code"),
        field("HYLX", "行业类型", "text", 4, codes=TRADES, column="trade"),
        field("LX", "类型", "text", 4, codes={"A": Text("甲", "A")}, column="kind"),
        field("井深", "井深", "number", 6, 1, column="depth_m"),
    ),
    ("BH",),
)  # fmt: skip
BARE = ProfileLayer(
    "KONG", Text("空图层", "Empty"), "empty", "line",
    (
        field("BM", "编码", "text", 10, column="code"),
        field("CD", "长度", "number", 12, 3, column="length_m"),
        field("LX", "类型", "text", 4, codes={"B": Text("乙", "B")}, column="kind"),
        field("RQ", "日期", "date", column="on"),
        field("SL", "数量", "integer", 5, column="n"),
    ),
    ("BM",),
)  # fmt: skip
DONUT = shapely.Polygon(
    [(500000, 3850000), (500900, 3850000), (500900, 3850900), (500000, 3850900)],
    [[(500300, 3850300), (500300, 3850600), (500600, 3850600), (500600, 3850300)]],
)
PAIR = shapely.MultiPolygon(
    [shapely.box(501000, 3850000, 501100, 3850100), shapely.box(501200, 3850000, 501300, 3850100)]
)


def shaped(layer, columns, shapes, crs="EPSG:4547"):
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
    return ShapedLayer(layer, frame, "v1", len(frame), 0, 0, None)


def plots(crs="EPSG:4547", shift=0.0):
    columns = {
        "DKBM": ["K1", "K2"],
        "DKMC": ["原样例化工厂，一号", None],
        "HYLX": ["01", None],
        "JD": pd.array([2, None], dtype="Int64"),
        "RS": pd.array([123456789, None], dtype="Int64"),
        "XH": pd.array([9_007_199_254_740, None], dtype="Int64"),
        "GS": pd.array([2**40, None], dtype="Int64"),
        "MJ": [720000.25, np.nan],
        "ND": [0.1 + 0.2, np.nan],
        "RQ": pd.Series([dt.date(2025, 6, 30), None], dtype=object),
        "SFYC": pd.Series([True, None], dtype=object),
    }
    shapes = [
        shapely.transform(shapely.MultiPolygon([DONUT]), lambda xy: np.add(xy, [shift, 0])),
        shapely.transform(PAIR, lambda xy: np.add(xy, [shift, 0])),
    ]
    return shaped(PLOTS, columns, shapes, crs)


def wells():
    columns = {
        "BH": ["J1", "J2", "J3"],
        "HYLX": ["02", "01", None],
        "LX": ["A", None, "A"],
        "井深": [12.5, np.nan, -3.0],
    }
    return shaped(WELLS, columns, [shapely.Point(500123.4567, 3850001.5), None, shapely.Point(500000, 3850000)])


def bare():
    columns = {"BM": [], "CD": np.array([], float), "LX": [], "RQ": [], "SL": pd.array([], dtype="Int64")}
    return shaped(BARE, columns, [])


def profile(formats=("gdb", "gpkg", "shp", "txt", "xlsx"), **more):
    values = {
        "id": "toy", "title": Text("玩具", "Toy"), "about": NONE, "sender": Text("生态环境局, 一科", "Bureau"), "receiver": Text("自然资源局", "NR"),
        "cycle": NONE, "receipt": NONE, "audience": "shared", "crs": "plan", "has_zone_prefix": False, "formats": formats,
        "layers": (PLOTS, WELLS, BARE), "basis": NONE, "certainty": "our_reading",
    } | more  # fmt: skip
    return Profile(**values)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    return folder, write_files(folder, [plots(), wells(), bare()], profile(), DAY)


def rows_of(path, layer):
    with fiona.open(path, layer=layer) as source:
        return dict(source.schema["properties"]), source.schema["geometry"], source.crs.to_epsg(), list(source)


def items_of(path):
    _, _, _, values = pyogrio.raw.read(path, layer="GDB_Items", columns=["Name", "Definition"], read_geometry=False)
    return [(str(n), str(d)) for n, d in zip(*values, strict=True) if n and d]


def test_every_file_stands_where_the_list_says_and_knows_its_layers(package):
    folder, files = package
    assert [(str(f.path), f.kind, tuple(f.layers)) for f in files] == [
        ("data/toy.gdb", "gdb", ("DK", "JING", "KONG")),
        ("data/toy.gpkg", "gpkg", ("DK", "JING", "KONG")),
        ("data/shp/DK.shp", "shp", ("DK",)),
        ("data/shp/JING.shp", "shp", ("JING",)),
        ("data/shp/KONG.shp", "shp", ("KONG",)),
        ("data/txt/DK.txt", "txt", ("DK",)),
        ("data/toy.xlsx", "xlsx", ("DK", "JING", "KONG")),
        ("dictionary.xlsx", "dictionary", ("DK", "JING", "KONG")),
    ]
    assert all((folder / file.path).exists() for file in files)
    assert not [path for path in folder.rglob("*") if "part" in path.name]


def test_a_geodatabase_reads_back_by_another_gdal_with_types_that_arcgis_10_knows(package):
    folder, _ = package
    types, shape, epsg, rows = rows_of(folder / "data/toy.gdb", "DK")
    assert (shape, epsg) == ("MultiPolygon", 4547)
    assert types["RS"] == types["JD"] == types["SFYC"] == "int32"
    assert types["XH"] == types["GS"] == types["MJ"] == types["ND"] == "float"
    assert types["DKBM"] == "str:12"
    assert types["RQ"] == "datetime"
    first, second = (dict(row.properties) for row in rows)
    assert first == {
        "DKBM": "K1", "DKMC": "原样例化工厂，一号", "HYLX": "01", "JD": 2, "RS": 123456789, "XH": 9_007_199_254_740.0, "GS": 2.0**40,
        "MJ": 720000.25, "ND": 0.1 + 0.2, "RQ": "2025-06-30T00:00:00", "SFYC": 1,
    }  # fmt: skip
    assert {name: value for name, value in second.items() if value is not None} == {"DKBM": "K2"}
    assert shapely.geometry.shape(rows[0].geometry).area == pytest.approx(720_000, abs=0.5)
    assert shapely.geometry.shape(rows[1].geometry).area == pytest.approx(20_000, abs=0.1)


def test_a_geodatabase_has_aliases_and_domains_and_shares_those_that_are_equal(package):
    folder, _ = package
    items = items_of(folder / "data/toy.gdb")
    assert aliases_in(items, "DK")["DKMC"] == "地块名称"
    assert len(aliases_in(items, "DK")) == len(PLOTS.fields)
    assert domains_in(items, "DK") == {"HYLX": {"01": "化工", "02": "电镀"}, "JD": {"1": "调查", "2": "修复"}}
    assert domains_in(items, "JING") == {"HYLX": {"01": "化工", "02": "电镀"}, "LX": {"A": "甲"}}
    assert domains_in(items, "KONG") == {"LX": {"B": "乙"}}
    names = [name for name, definition in items if "CodedValueDomain" in definition]
    assert names == ["HYLX", "JD", "LX", "KONG_LX"]
    assert pyogrio.read_info(folder / "data/toy.gdb", layer="DK")["layer_metadata"]["ALIAS_NAME"] == "地块"
    _, _, _, (kinds,) = pyogrio.raw.read(
        folder / "data/toy.gdb", layer="GDB_ItemRelationships", columns=["Type"], read_geometry=False
    )
    assert list(kinds).count("{17E08ADB-2B31-4DCD-8FDD-DF529E88F843}") == 5, "DomainInDataset, one a field"


def test_an_integer_domain_has_whole_numbers_for_codes(package):
    folder, _ = package
    definition = dict(items_of(folder / "data/toy.gdb"))["JD"]
    assert "<FieldType>esriFieldTypeInteger</FieldType>" in definition
    assert '<Code xsi:type="xs:int">1</Code>' in definition


def test_gdal_itself_lists_the_domains(package):
    ogr = pytest.importorskip("osgeo.ogr", reason="GDAL's own Python package is not installed")
    folder, _ = package
    source = ogr.Open(str(folder / "data/toy.gdb"))
    assert source.GetFieldDomain("HYLX").GetEnumeration() == {"01": "化工", "02": "电镀"}


def test_a_geopackage_is_of_version_1_2_sound_and_described(package):
    folder, _ = package
    with closing(sqlite3.connect(folder / "data/toy.gpkg")) as base:
        assert base.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert base.execute("PRAGMA user_version").fetchone() == (10200,)
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA foreign_key_check").fetchall() == []
        assert base.execute("SELECT table_name, identifier, last_change FROM gpkg_contents").fetchall() == [
            (name, title, "2026-11-22T00:00:00.000Z")
            for name, title in (("DK", "地块"), ("JING", "监测井"), ("KONG", "空图层"))
        ]
        extensions = base.execute(
            "SELECT * FROM gpkg_extensions WHERE extension_name = 'gpkg_schema' ORDER BY 1"
        ).fetchall()
        assert extensions == [
            (table, None, "gpkg_schema", "http://www.geopackage.org/spec120/#extension_schema", "read-write")
            for table in ("gpkg_data_column_constraints", "gpkg_data_columns")
        ]
        described = base.execute(
            "SELECT column_name, title, constraint_name FROM gpkg_data_columns WHERE table_name = 'DK' ORDER BY rowid"
        ).fetchall()
        assert [(name, title) for name, title, _ in described] == [(f.name, f.title.zh) for f in PLOTS.fields]
        columns = {row[1] for row in base.execute("PRAGMA table_info(DK)")}
        assert {row[0] for row in described} <= columns
        lists = base.execute(
            "SELECT constraint_name, constraint_type, value, min, max, description FROM gpkg_data_column_constraints"
        ).fetchall()
        assert ("HYLX", "enum", "01", None, None, "化工") in lists
        assert {name for name, *_ in lists} == {"HYLX", "JD", "LX", "KONG_LX"}
        used = {
            row[0]
            for row in base.execute("SELECT constraint_name FROM gpkg_data_columns WHERE constraint_name IS NOT NULL")
        }
        assert used == {name for name, *_ in lists}
        types = {row[1]: row[2] for row in base.execute("PRAGMA table_info(DK)")}
    assert types["DKBM"] == "TEXT(12)"
    assert (types["RQ"], types["SFYC"], types["RS"], types["GS"], types["ND"]) == (
        "DATE",
        "BOOLEAN",
        "MEDIUMINT",
        "INTEGER",
        "REAL",
    )


def test_a_geopackage_reads_back_by_another_gdal(package):
    folder, _ = package
    types, shape, epsg, rows = rows_of(folder / "data/toy.gpkg", "DK")
    assert (types["RQ"], types["SFYC"], shape, epsg) == ("date", "bool", "MultiPolygon", 4547)
    first, second = (dict(row.properties) for row in rows)
    assert (first["RQ"], first["SFYC"], first["GS"], first["ND"]) == ("2025-06-30", True, 2**40, 0.1 + 0.2)
    assert {name for name, value in second.items() if value is not None} == {"DKBM"}
    assert shapely.geometry.shape(rows[0].geometry).equals_exact(shapely.MultiPolygon([DONUT]), 0)
    types, shape, _, rows = rows_of(folder / "data/toy.gpkg", "KONG")
    assert (types["CD"], types["RQ"], types["SL"], shape, rows) == ("float", "date", "int32", "MultiLineString", [])
    assert rows_of(folder / "data/toy.gpkg", "JING")[3][1].geometry is None


def read_dbf(path):
    """Read a DBF with nothing but struct: name, kind, width and decimals of each field, and the texts of each record."""
    data = path.read_bytes()
    count, start, length = struct.unpack("<IHH", data[4:12])
    parts = [data[at : at + 32] for at in range(32, start - 1, 32)]
    fields = [(p[:11].rstrip(b"\0").decode("gbk"), p[11:12].decode(), p[16], p[17]) for p in parts]
    rows = []
    for k in range(count):
        record, at, row = data[start + k * length : start + (k + 1) * length], 1, []
        for _, _, size, _ in fields:
            row.append(record[at : at + size].decode("gbk").strip())
            at += size
        rows.append(row)
    return fields, rows


def test_a_shapefile_has_the_widths_of_the_profile(package):
    folder, _ = package
    fields, rows = read_dbf(folder / "data/shp/DK.dbf")
    assert fields == [
        ("DKBM", "C", 24, 0), ("DKMC", "C", 40, 0), ("HYLX", "C", 8, 0), ("JD", "N", 1, 0), ("RS", "N", 9, 0), ("XH", "N", 13, 0),
        ("GS", "N", 13, 0), ("MJ", "N", 16, 2), ("ND", "F", 24, 15), ("RQ", "D", 8, 0), ("SFYC", "C", 2, 0),
    ]  # fmt: skip
    assert rows[0] == [
        "K1", "原样例化工厂，一号", "01", "2", "123456789", "9007199254740", "1099511627776", "720000.25", "0.30000000000000004", "20250630", "是",
    ]  # fmt: skip
    assert rows[1] == ["K2", *[""] * 10]
    assert (folder / "data/shp/DK.cpg").read_text() == "GBK"
    assert full_names(folder / "data/shp/DK.shp")["DKMC"] == "地块名称"


def test_a_layer_without_rows_keeps_its_schema_in_a_shapefile(package):
    folder, _ = package
    fields, rows = read_dbf(folder / "data/shp/KONG.dbf")
    assert fields == [("BM", "C", 20, 0), ("CD", "N", 13, 3), ("LX", "C", 8, 0), ("RQ", "D", 8, 0), ("SL", "N", 5, 0)]
    assert rows == []
    with fiona.open(folder / "data/shp/KONG.shp") as source:
        assert source.schema["geometry"] == "LineString"
        assert source.crs.to_epsg() == 4547


def test_a_shapefile_reads_back_by_another_gdal(package):
    folder, _ = package
    with Env(SHAPE_ENCODING=""), fiona.open(folder / "data/shp/JING.shp", encoding="GBK") as source:
        rows = list(source)
    assert [row.properties["井深"] for row in rows] == [12.5, None, -3.0]
    assert [row.geometry is None for row in rows] == [False, True, False]
    assert rows[0].geometry.coordinates == pytest.approx((500123.4567, 3850001.5), abs=0)


def test_a_letter_that_gbk_lacks_stops_the_shapefile_and_names_the_column(tmp_path):
    layer = plots()
    layer.frame.loc[0, "DKMC"] = "㐂地块"
    with pytest.raises(LossError, match=r"地块名称.*㐂"):
        write_files(tmp_path, [layer], profile(("shp",)), DAY)


def test_boundary_points_read_back_with_holes_parts_and_areas(package):
    folder, _ = package
    file = open_boundary_points(folder / "data/txt/DK.txt")
    assert (file.crs, [f.what for f in file.faults if f.severity != "notice"]) == ("EPSG:4547", [])
    assert [dict(block.values)["地块编号"] for block in file.blocks] == ["K1", "K2"]
    assert dict(file.blocks[0].values)["地块名称"] == "原样例化工厂，一号"
    assert file.blocks[0].geometry.equals_exact(DONUT, 1e-4)
    assert file.blocks[1].geometry.area == pytest.approx(20_000)
    header = {entry.key: entry.value for entry in file.header}
    assert (header["带号"], header["数据产生日期"], header["数据产生单位"]) == ("38", "2026-11-22", "生态环境局， 一科")


@pytest.mark.parametrize(("crs", "shift"), [("EPSG:4526", 38_000_000.0), ("EPSG:4490", None)])
def test_boundary_points_bear_the_zone_or_are_degrees(tmp_path, crs, shift):
    layer = plots(crs, shift or 0.0)
    if shift is None:
        frame = plots().frame.to_crs("EPSG:4490")
        layer = shaped(PLOTS, frame.drop(columns="geometry"), frame.geometry.to_numpy(), crs)
    write_files(tmp_path, [layer], profile(("txt",)), DAY)
    file = open_boundary_points(tmp_path / "data/txt/DK.txt")
    assert file.crs == crs
    assert file.blocks[0].geometry.equals_exact(
        shapely.get_parts(layer.frame.geometry.iloc[0])[0], 1e-4 if shift else 1e-9
    )


def test_boundary_points_refuse_other_planes_and_rows_without_a_geometry(tmp_path):
    layer = plots("EPSG:32650")
    with pytest.raises(SpecError, match=r"layer 'DK' as TXT: got the CRS EPSG:32650"):
        write_files(tmp_path, [layer], profile(("txt",)), DAY)
    layer = plots()
    layer.frame.loc[1, "geometry"] = None
    with pytest.raises(SpecError, match=r"layer 'DK' as TXT.*plot 2: got no geometry"):
        write_files(tmp_path, [layer], profile(("txt",)), DAY)


def test_attribute_tables_hold_texts_as_texts_and_titles_beside_codes(tmp_path):
    layer = plots()
    layer.frame.loc[0, "DKMC"] = "=1+1"
    layer.frame.loc[1, "DKMC"] = "007"
    write_files(tmp_path, [layer, wells()], profile(("xlsx",)), DAY)
    book = CalamineWorkbook.from_path(tmp_path / "data/toy.xlsx")
    assert book.sheet_names == ["DK", "JING"]
    titles, names, first, second = book.get_sheet_by_name("DK").to_python(skip_empty_area=False)
    assert names == ["DKBM", "DKMC", "HYLX", "HYLX 名称", "JD", "JD 名称", "RS", "XH", "GS", "MJ", "ND", "RQ", "SFYC"]
    assert titles[:4] == ["地块编码", "地块名称", "行业类型", "行业类型（名称）"]
    assert first == [
        "K1", "=1+1", "01", "化工", 2.0, "修复", 123456789.0, 9_007_199_254_740.0, 2.0**40, 720000.25, 0.3, dt.date(2025, 6, 30), "是",
    ]  # fmt: skip
    assert second == ["K2", "007", *[""] * 11]
    with zipfile.ZipFile(tmp_path / "data/toy.xlsx") as parts:
        assert not [
            name for name in parts.namelist() if name.startswith("xl/worksheets/") and b"<f" in parts.read(name)
        ]


def test_the_dictionary_lists_layers_fields_codes_and_how_sure_they_are(package):
    folder, _ = package
    book = CalamineWorkbook.from_path(folder / "dictionary.xlsx")
    assert book.sheet_names == ["图层 Layers", "字段 Fields", "代码 Codes", "说明 Notes"]
    layers = book.get_sheet_by_name("图层 Layers").to_python()[2:]
    assert [(row[0], row[1], row[5]) for row in layers] == [
        ("DK", "地块", 2.0),
        ("JING", "监测井", 3.0),
        ("KONG", "空图层", 0.0),
    ]
    fields = book.get_sheet_by_name("字段 Fields").to_python()[2:]
    assert len(fields) == sum(len(layer.fields) for layer in (PLOTS, WELLS, BARE))
    assert fields[7][:7] == ["DK", "MJ", "面积", "面积", "数字 number", 15.0, 2.0]
    assert all("本系统" in row[10] for row in fields)
    codes = book.get_sheet_by_name("代码 Codes").to_python()[2:]
    assert ["DK", "HYLX", "01", "化工", "Chemicals"] in codes


def test_the_same_layers_and_day_give_the_same_bytes_but_for_the_geodatabase(package, tmp_path):
    folder, _ = package
    write_files(tmp_path, [plots(), wells(), bare()], profile(), DAY)
    places = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file() and ".gdb" not in str(p)]
    assert len(places) > 15
    assert [p for p in places if (folder / p).read_bytes() != (tmp_path / p).read_bytes()] == []


def test_writing_again_into_a_folder_leaves_nothing_of_before(tmp_path):
    write_files(tmp_path, [plots(), wells()], profile(), DAY)
    write_files(tmp_path, [wells()], profile(), DAY)
    assert not (tmp_path / "data/shp/DK.shp").exists()
    assert fiona.listlayers(tmp_path / "data/toy.gdb") == ["JING"]
    assert [layer for layer in fiona.listlayers(tmp_path / "data/toy.gpkg") if "gpkg" not in layer] == ["JING"]


def test_unknown_formats_and_names_that_differ_by_capitals_only_are_refused_at_once(tmp_path):
    small = shaped(ProfileLayer("dk", NONE, "plot", "polygon", PLOTS.fields, PLOTS.key), {}, [])
    with pytest.raises(SpecError) as raised:
        write_files(tmp_path, [plots(), small], profile(("gpkg", "dwg")), DAY)
    assert "dwg" in str(raised.value)
    assert "each name once" in str(raised.value)
    assert not (tmp_path / "data").exists()


# --- coded domains through C ---


def test_the_library_is_that_of_pyogrio():
    assert load_gdal().GDALVersionInfo(b"RELEASE_NAME").decode() == pyogrio.__gdal_version_string__


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_library_is_found_in_the_wheel_of_each_system_or_told(tmp_path, monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    package = tmp_path / "pyogrio"
    folder, name = {
        "linux": (tmp_path / "pyogrio.libs", "libgdal-1a2b.so.38"),
        "darwin": (package / ".dylibs", "libgdal.38.dylib"),
        "win32": (tmp_path / "pyogrio.libs", "gdal-1a2b.dll"),
    }[platform]
    folder.mkdir(parents=True)
    monkeypatch.setattr(gdal_domains, "place_of_gdal", lambda: (package, "3.12.4"))
    with pytest.raises(DomainError, match=r"got 0 libraries .* take 'gdb' out of the profile's formats"):
        load_gdal()
    (folder / name).write_bytes(b"")
    with pytest.raises(DomainError, match=rf"{name}: got a library that cannot be used .* expected GDAL 3\.12\.4"):
        load_gdal()


def test_a_library_of_another_version_is_refused(monkeypatch):
    real = gdal_domains.place_of_gdal()
    monkeypatch.setattr(gdal_domains, "place_of_gdal", lambda: (real[0], "3.99.0"))
    with pytest.raises(DomainError, match=r"got GDAL \d+\.\d+\.\d+, expected 3\.99\.0"):
        load_gdal()


def test_domains_that_gdal_refuses_are_told_with_its_reason(package, tmp_path):
    with pytest.raises(DomainError, match=r"nowhere\.gdb: it cannot be opened"):
        add_domains(tmp_path / "nowhere.gdb", [Domain("A", "", "text", {"1": "a"})], {})
    folder, _ = package
    taken = [Domain("HYLX", "", "text", {"1": "a"})]
    with pytest.raises(DomainError, match=r"the domain 'HYLX' is refused: .*[A-Za-z]"):
        add_domains(folder / "data/toy.gdb", taken, {})
    with pytest.raises(DomainError, match=r"layer 'XX', field 'DKBM': there is no such layer"):
        add_domains(folder / "data/toy.gdb", [], {("XX", "DKBM"): "HYLX"})
    with pytest.raises(DomainError, match=r"layer 'DK', field 'XX': there is no such field"):
        add_domains(folder / "data/toy.gdb", [], {("DK", "XX"): "HYLX"})


def test_every_function_that_is_called_has_its_types_declared():
    gdal = load_gdal()
    for name, (result, arguments) in gdal_domains._FUNCTIONS.items():
        assert getattr(gdal, name).argtypes == arguments
        assert getattr(gdal, name).restype is result
    assert ctypes.sizeof(gdal_domains._Code) == 2 * ctypes.sizeof(ctypes.c_void_p)


def test_fields_without_codes_or_of_other_types_have_no_domain():
    domains, fields = domains_of([plots()])
    assert [domain.name for domain in domains] == ["HYLX", "JD"]
    assert fields == {("DK", "HYLX"): "HYLX", ("DK", "JD"): "JD"}


# --- names, widths ---


def test_the_name_of_a_feature_is_that_of_its_key_not_of_its_township():
    township = field("XZMC", "乡镇", "text", column="township_name")
    code, name = field("BM", "编码", "text", column="plot_code"), field("MC", "名称", "text", column="plot_name")
    assert name_field(ProfileLayer("A", NONE, "a", "point", (township, code, name), ("BM",))) == name
    assert name_field(ProfileLayer("A", NONE, "a", "point", (township, code), ("BM",))) is None
    own = field("ID", "标识", "text", column="feature_id")
    assert name_field(ProfileLayer("A", NONE, "a", "point", (own, code, township, name), ("ID",))) == name
    assert name_field(ProfileLayer("A", NONE, "a", "point", (own, township), ("ID",))) is None


def test_a_whole_number_beyond_what_a_double_counts_stops_the_shapefile():
    made = dbf_field(field("N", "号", "integer", 15), pd.Series([2**60, 1], dtype=object))
    assert (made.kind, [loss.kind for loss in made.losses]) == ("C", ["long_integer"])

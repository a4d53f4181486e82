"""Packages read back: a sound one passes by every reader, and each way to damage a file is named with its place."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import shutil
import sqlite3
import struct
import zipfile
from contextlib import closing
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import DeliveryError, TableError
from geosys._text import Text
from geosys.layers.tables import sheet_cells
from geosys.publish.content import Field, PackageFile, Profile, ProfileLayer, ShapedLayer
from geosys.publish.files import write_files
from geosys.publish.read_back import read_back, shapes
from geosys.publish.read_back.gdb_shapes import shapes_of
from geosys.publish.read_back.gdb_table import Grid, open_table
from geosys.publish.read_back.rings import geometries_of
from geosys.publish.read_back.systems import same_crs
from geosys.publish.read_back.values import differing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from geosys.publish.content import Check

DAY = dt.date(2026, 5, 1)
FORMATS = ("gdb", "gpkg", "shp", "txt", "xlsx")
BOX = 500_000.0, 3_850_000.0


def text(zh: str) -> Text:
    return Text(zh, f"the {zh}")


FIELDS = (
    Field("BH", text("编号"), "text", 20),
    Field("MC", text("名称"), "text", 40, column="name"),
    Field("LX", text("类型"), "text", 4, codes={"1": text("工业"), "2": text("农业")}),
    Field("NF", text("年份"), "integer", 4),
    Field("DM", text("大数"), "integer", 16),
    Field("JB", text("级别"), "integer", 2, codes={"1": text("一级"), "2": text("二级")}),
    Field("MJ", text("面积"), "number", 15, 2),
    Field("ND", text("浓度"), "number"),
    Field("RQ", text("日期"), "date"),
    Field("SF", text("是否"), "truth"),
)
KINDS = {"DK": "polygon", "PK": "point", "HL": "line"}


def plots() -> list[shapely.Geometry]:
    """Return four plots around (500000, 3850000): two parts of which one has two holes, two squares, an island in a moat."""
    x, y = BOX
    shell = [(x, y), (x + 60, y), (x + 60, y + 40), (x, y + 40)]
    holes = [[(x + a, y + 10), (x + a + 5, y + 10), (x + a, y + 17.25)] for a in (10, 30)]
    first = shapely.MultiPolygon([shapely.Polygon(shell, holes), shapely.box(x + 70, y, x + 80, y + 10)])
    second, third = (shapely.MultiPolygon([shapely.box(x + k, y, x + k + 9.5, y + 9.5)]) for k in (100, 200))
    moat = shapely.Polygon(
        shapely.box(x + 300, y, x + 390, y + 90).exterior, [shapely.box(x + 310, y + 10, x + 380, y + 80).exterior]
    )
    return [first, second, third, shapely.MultiPolygon([moat, shapely.box(x + 330, y + 30, x + 350, y + 50)])]


def shaped(name: str = "DK", crs: str = "EPSG:4547", rows: int = 4) -> ShapedLayer:
    """Return a layer of up to four rows with every type of value and a gap in each."""
    areas = (
        [shapely.transform(area, lambda xy: xy + np.array([38e6, 0.0])) for area in plots()]
        if crs == "EPSG:4526"
        else plots()
    )
    if crs == "EPSG:4490":
        areas = [shapely.transform(a, lambda xy: (xy - BOX) * 1e-5 + [114, 34]) for a in areas]
    made = {
        "polygon": areas,
        "point": [shapely.Point(area.bounds[:2]) for area in areas],
        "line": [shapely.MultiLineString([a.geoms[0].exterior.coords[:3]]) for a in areas],
    }[KINDS[name]]
    columns = {
        "BH": ["A1", "A2", "A3", "A4"],
        "MC": pd.Series(["大清沟村地块", None, "开封市化工总厂①号", "甲,乙"], dtype=object),
        "LX": pd.Series(["1", "2", None, "1"], dtype=object),
        "NF": pd.array([2019, None, 2021, 2022], dtype="Int64"),
        "DM": pd.array([9_007_199_254_740, 1, None, -5], dtype="Int64"),
        "JB": pd.array([1, 2, 1, None], dtype="Int64"),
        "MJ": [1234567.25, np.nan, 0.1, -3.0],
        "ND": [0.1 + 0.2, 1.2345678901234567e-10, np.nan, 1e15 / 7],
        "RQ": pd.Series([dt.date(2025, 6, 30), None, dt.date(1999, 12, 31), dt.date(2026, 1, 1)], dtype=object),
        "SF": pd.Series([True, False, None, True], dtype=object),
    }
    frame = gpd.GeoDataFrame(columns, geometry=made, crs=crs).iloc[:rows].reset_index(drop=True)
    spec = ProfileLayer(name, text(f"图层{name}"), "source", KINDS[name], FIELDS, ("BH",))
    return ShapedLayer(spec, frame, "v1", rows, 0, 0, None)


def profile_of(layers: Sequence[ShapedLayer], formats: Sequence[str] = FORMATS) -> Profile:
    words = text("甲")
    return Profile(
        "demo", words, words, words, words, words, words, "shared", "plan", False, formats, [one.layer for one in layers],
        words, "our_reading",
    )  # fmt: skip


def package(folder: Path, layers: Sequence[ShapedLayer], formats: Sequence[str] = FORMATS) -> list[PackageFile]:
    return write_files(folder, layers, profile_of(layers, formats), DAY)


def failed(
    folder: Path, files: Sequence[PackageFile], layers: Sequence[ShapedLayer], formats: Sequence[str] = FORMATS
) -> list[Check]:
    checks = read_back(folder, files, layers, profile_of(layers, formats))
    assert checks
    return [check for check in checks if not check.is_passed]


def told(checks: Sequence[Check]) -> list[str]:
    return [f"{c.id} | {c.where} | {c.got} | {c.expected}" for c in checks]


# What is sound passes


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526", "EPSG:4490"])
def test_a_sound_package_passes_by_every_reader(tmp_path, crs):
    layers = [shaped(name, crs) for name in KINDS]
    files = package(tmp_path, layers)
    checks = read_back(tmp_path, files, layers, profile_of(layers))
    assert told([c for c in checks if not c.is_passed]) == []
    readers = {c.where.split(" · ")[2].split(" (")[0] for c in checks if c.id == "read_back_values"}
    plain = ["plain reader of .gdbtable", "plain reader of .shp, .shx and .dbf", "plain reader of GeoPackage"]
    others = ["boundary points", "calamine", f"fiona {fiona.__version__}", "pyogrio", "plain reader of XLSX"]
    assert readers == {*plain, *others}
    # 3 layers × 3 formats × 3 readers, 1 layer of polygons as TXT, 3 layers × 2 readers of XLSX
    assert sum(c.id == "read_back_values" for c in checks) == 27 + 1 + 6
    assert sum(c.id == "read_back_geometry" for c in checks) == 27 + 1
    area = next(c for c in checks if c.id == "read_back_area")
    assert float(area.got) == pytest.approx(sum(g.area for g in layers[0].frame.geometry), rel=1e-5)


def with_fields(layer: ShapedLayer, fields: Sequence[Field]) -> ShapedLayer:
    frame = layer.frame[[f.name for f in fields] + ["geometry"]]
    return dataclasses.replace(layer, frame=frame, layer=dataclasses.replace(layer.layer, fields=tuple(fields)))


def test_layers_without_rows_and_rows_without_geometry_pass(tmp_path):
    bare = shaped("PK")
    bare.frame.loc[1, "geometry"] = None
    plain = with_fields(shaped("HL", rows=0), [f for f in FIELDS if not f.codes])
    layers = [shaped("DK", rows=0), bare, plain]
    files = package(tmp_path, layers)
    assert [f.kind for f in files].count("txt") == 0
    assert told(failed(tmp_path, files, layers)) == []


@pytest.mark.parametrize("at", range(4))
def test_a_row_that_looks_like_a_total_a_note_or_a_head_is_a_row_like_others(tmp_path, at):
    """Ledgers of others end with totals and notes and repeat their heads; in our own tables every row is one."""
    layer = shaped()
    frame = layer.frame.copy()
    for row, word in enumerate(("合计", "备注：以上数据", "BH", "小计")):
        frame.loc[(row + at) % 4, "BH"] = word
    frame["MC"] = ["合计", "注", "MC", "图层DK"]
    layer = dataclasses.replace(layer, frame=frame)
    files = package(tmp_path, [layer], ["xlsx"])
    checks = read_back(tmp_path, files, [layer], profile_of([layer], ["xlsx"]))
    assert told([c for c in checks if not c.is_passed]) == []
    assert {c.got for c in checks if c.id == "read_back_rows"} == {"4"}
    titled = [c.where for c in checks if c.id == "read_back_titles"]
    assert len(titled) == 2
    (book,) = (tmp_path / file.path for file in files if file.kind == "xlsx")
    cells = sheet_cells(book, "DK")
    assert [row[0] for row in cells[2:]] == frame["BH"].tolist()
    assert {len(row) for row in cells} == {len(cells[0])}
    with pytest.raises(TableError, match="expected 'D'"):
        sheet_cells(book, "D")
    book.write_bytes(book.read_bytes()[:-500])
    with pytest.raises(DeliveryError):
        sheet_cells(book, "DK")


def test_reading_back_changes_no_byte_and_leaves_nothing_behind(tmp_path):
    layers = [shaped()]
    files = package(tmp_path, layers)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert failed(tmp_path, files, layers) == []
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


def test_a_layer_or_format_that_is_not_there_is_named(tmp_path):
    layers = [shaped("DK"), shaped("PK")]
    files = package(tmp_path, layers, ["gpkg", "shp"])
    less = [f for f in files if f.layers != ("PK",)]
    assert told(failed(tmp_path, less, layers, ["gpkg", "shp"])) == ["read_back_files | demo · shp | DK | DK、PK"]
    wrong = failed(
        tmp_path, [*files, PackageFile(PurePosixPath("data/x.gdb"), "gdb", ("DK",))], layers, ["gpkg", "shp", "gdb"]
    )
    assert {c.id for c in wrong} == {"read_back_files", "read_back_opens", "read_back_readers"}
    assert next(c for c in wrong if c.id == "read_back_readers").got == "0"


# One thing is not as it was to be: the file is sound, the layer it is compared with another. Every reader must see it.

SEEING = {"gdb": 3, "gpkg": 3, "shp": 3, "xlsx": 2}


def other(layer: ShapedLayer, row: int, column: str, value: object) -> ShapedLayer:
    frame = layer.frame.copy()
    frame[column] = frame[column].astype(object)
    frame[column] = [value if at == row else v for at, v in enumerate(frame[column])]
    if column in ("NF", "DM", "JB"):
        frame[column] = frame[column].astype("Int64")
    if column in ("MJ", "ND"):
        frame[column] = frame[column].astype(float)
    return dataclasses.replace(layer, frame=frame)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (0, "MC", "大淸沟村地块"),
        (1, "MC", "有"),
        (2, "MC", None),
        (0, "MC", "大清沟村地块 "),
        (2, "LX", "1"),
        (0, "NF", 2018),
        (1, "NF", 0),
        (3, "NF", None),
        (0, "DM", 9_007_199_254_741),
        (0, "MJ", 1234567.26),
        (1, "MJ", 0.0),
        (0, "ND", 0.30000000000001),
        (1, "ND", 1.23456789012e-10),
        (2, "ND", 0.0),
        (0, "RQ", dt.date(2025, 7, 1)),
        (1, "RQ", dt.date(1899, 12, 30)),
        (3, "RQ", None),
        (0, "SF", False),
        (2, "SF", False),
    ],
)
def test_one_value_that_differs_is_seen_by_every_reader(sound, row, column, value):
    folder, files, layer = sound
    files = [f for f in files if f.kind in SEEING]
    wrong = failed(folder, files, [other(layer, row, column, value)], list(SEEING))
    assert {(c.id, c.where.split(" · ")[-1]) for c in wrong} == {("read_back_values", column)}
    kinds = [c.where.split(" · ")[0].rpartition(".")[2] for c in wrong]
    assert {kind: kinds.count(kind) for kind in SEEING} == SEEING
    assert all(f"row {row + 1} (BH=A{row + 1})" in c.where for c in wrong)
    assert all(c.got != c.expected and c.got and c.expected and c.do and c.stops for c in wrong)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the folder, the files and the layer of a sound package that no test may change."""
    folder = tmp_path_factory.mktemp("sound")
    layer = shaped()
    return folder, package(folder, [layer]), layer


def moved(shape: shapely.Geometry, at: int, by: float) -> shapely.Geometry:
    xy = shapely.get_coordinates(shape)
    xy[at, 0] += by
    return shapely.set_coordinates(shapely.from_wkb(shape.wkb), xy)


@pytest.mark.parametrize("kind", ["gdb", "gpkg", "shp", "txt"])
def test_one_vertex_that_is_elsewhere_is_seen_by_every_reader(sound, kind):
    folder, files, layer = sound
    files = [f for f in files if f.kind == kind]
    step = 2e-4 if kind in ("gdb", "txt") else 1e-9  # doubles near 500000 are 6·10⁻¹¹ apart
    changed = other(layer, 0, "geometry", moved(layer.frame.geometry[0], 2, step))
    wrong = failed(folder, files, [changed], [kind])
    assert {c.id for c in wrong} == {"read_back_geometry"}
    assert len(wrong) == {"txt": 1}.get(kind, 3)
    assert all("row 1" in c.where and "vertex" in c.got and "vertex" in c.expected for c in wrong)


@pytest.mark.parametrize("kind", ["gdb", "gpkg", "shp", "txt"])
@pytest.mark.parametrize("what", ["hole gone", "part gone", "nothing", "vertex gone", "swapped axes"])
def test_another_geometry_is_seen_by_every_reader(sound, kind, what):
    folder, files, layer = sound
    shape = layer.frame.geometry[0]
    first, second = shape.geoms
    lost = {
        "hole gone": shapely.MultiPolygon([shapely.Polygon(first.exterior, first.interiors[:1]), second]),
        "part gone": shapely.MultiPolygon([first]),
        "nothing": None,
        "vertex gone": shapely.MultiPolygon([first, shapely.Polygon(second.exterior.coords[:3])]),
        "swapped axes": shapely.transform(shape, lambda xy: xy[:, ::-1]),
    }[what]
    changed = other(layer, 0, "geometry", lost)
    wrong = failed(folder, [f for f in files if f.kind == kind], [changed], [kind])
    assert sum(c.id == "read_back_geometry" for c in wrong) == {"txt": 1}.get(kind, 3)
    assert {c.id for c in wrong} <= {"read_back_geometry", "read_back_area"}


@pytest.mark.parametrize("rows", [3, 2])
def test_rows_too_many_or_too_few_are_seen_by_every_reader(sound, rows):
    folder, files, layer = sound
    fewer = dataclasses.replace(layer, frame=layer.frame.iloc[:rows])
    wrong = failed(folder, files, [fewer])
    assert {(c.id, c.got, c.expected) for c in wrong} == {("read_back_rows", "4", str(rows))}
    assert len(wrong) == 3 + 3 + 3 + 1 + 2
    more = dataclasses.replace(layer, frame=pd.concat([layer.frame, layer.frame.iloc[:1]], ignore_index=True))
    assert [c.id for c in failed(folder, files, [more])] == ["read_back_rows"] * 12


@pytest.mark.parametrize("crs", ["EPSG:4526", "EPSG:4548", "EPSG:2364", "EPSG:4490", "EPSG:32650"])
def test_another_crs_is_seen_by_every_reader(sound, crs):
    folder, files, layer = sound
    changed = dataclasses.replace(layer, frame=layer.frame.set_crs(crs, allow_override=True))
    wrong = [c for c in failed(folder, files, [changed]) if c.id == "read_back_crs"]
    assert len(wrong) == 3 + 3 + 3 + 1
    assert {c.expected for c in wrong} == {crs}


def test_another_type_title_or_code_is_seen_by_those_who_can_see_it(sound):
    folder, files, layer = sound
    changes = {
        "NF": {"type": "text"}, "RQ": {"type": "text"}, "MC": {"title": text("名字")}, "LX": {"codes": {"1": text("工业"), "2": text("林业")}},
        "JB": {"codes": {}},
    }  # fmt: skip
    fields = [dataclasses.replace(f, **changes.get(f.name, {})) for f in FIELDS]
    wrong = failed(folder, files, [with_fields(layer, fields)])
    found: dict[tuple[str, str], set[str]] = {}
    for c in wrong:
        place = c.where.split(" · ")
        found.setdefault((c.id.removeprefix("read_back_"), place[-1]), set()).add(f"{place[0][-4:]} {place[2][:5]}")
    # pyogrio shows whole numbers with gaps as doubles, and therefore says nothing of them
    assert found["types", "NF"] >= {".gdb fiona", ".gdb plain", "gpkg fiona", "gpkg plain", ".shp fiona", ".shp plain"}
    assert found["types", "RQ"] >= {".gdb pyogr", ".gdb fiona", ".gdb plain", "gpkg pyogr", "gpkg fiona", "gpkg plain"}
    assert found["titles", "MC"] == {".gdb pyogr", ".gdb plain", "gpkg plain", "xlsx calam", "xlsx plain"}
    assert found["codes", "LX"] == {".gdb pyogr", ".gdb plain", "gpkg plain"}
    assert found["codes", "JB"] == {".gdb pyogr", ".gdb plain", "gpkg plain"}
    one = next(c for c in wrong if c.id == "read_back_codes" and c.where.endswith("LX"))
    assert (one.got, one.expected) == ("2=农业", "2=林业")


def test_another_name_order_or_title_of_layers_is_seen(sound):
    folder, files, layer = sound
    swapped = with_fields(layer, [FIELDS[1], FIELDS[0], *FIELDS[2:]])
    wrong = failed(folder, files, [swapped])
    assert sum(c.id == "read_back_fields" for c in wrong) == 3 + 3 + 3 + 2
    renamed = dataclasses.replace(layer, layer=dataclasses.replace(layer.layer, title=text("别的")))
    wrong = failed(folder, files, [renamed])
    assert [(c.id, c.got, c.expected) for c in wrong] == [("read_back_title", "图层DK", "别的")] * 2


# The file itself is damaged


@pytest.fixture
def copy(sound, tmp_path):
    """Return a copy of the sound package that a test may damage, and what fails afterwards."""
    folder, files, layer = sound
    shutil.copytree(folder, tmp_path / "package")

    def failures(kind: str) -> list[Check]:
        return failed(tmp_path / "package", [f for f in files if f.kind == kind], [layer], [kind])

    return tmp_path / "package" / "data", failures


def overwrite(path: Path, at: int, data: bytes) -> None:
    held = bytearray(path.read_bytes())
    held[at : at + len(data)] = data
    path.write_bytes(held)


def replace_once(path: Path, old: bytes, new: bytes) -> None:
    held = path.read_bytes()
    assert (held.count(old), len(old)) == (1, len(new))
    path.write_bytes(held.replace(old, new))


DBF_DAMAGE: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "a letter": (lambda p: replace_once(p / "DK.dbf", "大清沟".encode("gbk"), "大青沟".encode("gbk")), {"values"}),
    "encoding": (lambda p: (p / "DK.cpg").write_text("UTF-8"), {"opens", "readers", "values", "fields", "whole"}),
    "no .cpg": (lambda p: (p / "DK.cpg").unlink(), {"opens", "readers", "whole", "values"}),
    "half a letter": (lambda p: replace_once(p / "DK.dbf", "大清沟".encode("gbk"), b"\xff" + "大清沟".encode("gbk")[1:]), {"opens", "readers", "values", "whole"}),
    "a name": (lambda p: replace_once(p / "DK.dbf", b"NF\0\0\0", b"NX\0\0\0"), {"fields"}),
    "a row marked as deleted": (lambda p: overwrite(p / "DK.dbf", struct.unpack("<H", (p / "DK.dbf").read_bytes()[8:10])[0], b"*"), {"opens", "readers", "rows", "values", "geometry", "area"}),
    "cut .dbf": (lambda p: (p / "DK.dbf").write_bytes((p / "DK.dbf").read_bytes()[:-100]), {"opens", "readers", "values", "rows", "fields"}),
    "cut .shp": (lambda p: (p / "DK.shp").write_bytes((p / "DK.shp").read_bytes()[:-40]), {"opens", "readers", "values", "rows", "geometry", "area"}),
    "a vertex": (lambda p: overwrite(p / "DK.shp", (p / "DK.shp").stat().st_size - 24, struct.pack("<d", 500_301.0)), {"geometry", "area", "opens", "readers"}),
    "crs": (lambda p: replace_once(p / "DK.prj", b'"Central_Meridian",114.0', b'"Central_Meridian",117.0'), {"crs"}),
    "no .prj": (lambda p: (p / "DK.prj").unlink(), {"crs", "opens", "readers"}),
    "index": (lambda p: overwrite(p / "DK.shx", 104, struct.pack(">i", 10)), {"opens", "readers", "geometry", "area", "rows", "values"}),
}  # fmt: skip


@pytest.mark.parametrize("what", DBF_DAMAGE)
def test_a_damaged_shapefile_is_named(copy, what):
    folder, failures = copy
    damage, allowed = DBF_DAMAGE[what]
    damage(folder / "shp")
    wrong = failures("shp")
    assert {c.id.removeprefix("read_back_") for c in wrong} <= allowed
    plain = [c for c in wrong if "plain" in c.where and c.id != "read_back_readers"]
    assert plain, told(wrong)
    assert all(c.where.startswith("data/shp/DK.shp · DK") and c.got for c in wrong)
    if what in ("a letter", "a name", "crs"):
        assert len(wrong) == 3


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "demo.gpkg")) as base, base:
            triggers = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for name in triggers:  # they call functions that only GDAL has
                base.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                base.execute(statement)

    return damage


GPKG_DAMAGE: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "a value": (sql("UPDATE DK SET MC = '大青沟村地块' WHERE BH = 'A1'"), "values", 3),
    "a missing value": (sql("UPDATE DK SET MJ = NULL WHERE BH = 'A1'"), "values", 3),
    "a row": (sql("DELETE FROM DK WHERE BH = 'A4'"), "rows", 1),
    "a name": (sql('ALTER TABLE DK RENAME COLUMN "NF" TO "NX"'), "fields", 3),
    "a title": (sql("UPDATE gpkg_data_columns SET title = '别的' WHERE column_name = 'MC'"), "titles", 1),
    "a code": (sql("UPDATE gpkg_data_column_constraints SET description = '林业' WHERE description = '农业'"), "codes", 1),
    "a code gone": (sql("DELETE FROM gpkg_data_column_constraints WHERE description = '农业'"), "codes", 1),
    "the layer's title": (sql("UPDATE gpkg_contents SET identifier = '别的'"), "title", 1),
    "another layer": (sql("INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('XX', 'features', 'x')"), "layers", 1),
    "crs": (sql("UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 4548 WHERE srs_id = 4547"), "crs", 1),
    "a geometry": (sql("UPDATE DK SET geom = (SELECT geom FROM DK WHERE BH = 'A3') WHERE BH = 'A2'"), "geometry", 3),
    "no geometry": (sql("UPDATE DK SET geom = NULL WHERE BH = 'A2'"), "geometry", 3),
    "swapped values": (sql("UPDATE DK SET BH = 'A9' WHERE BH = 'A1'", "UPDATE DK SET BH = 'A1' WHERE BH = 'A2'", "UPDATE DK SET BH = 'A2' WHERE BH = 'A9'"), "values", 3),
    "swapped columns": (sql("UPDATE DK SET MC = BH, BH = MC WHERE MC IS NOT NULL"), "values", 6),
    "version": (lambda p: overwrite(p / "demo.gpkg", 60, struct.pack(">i", 10300)), "opens", 1),
    "cut": (lambda p: (p / "demo.gpkg").write_bytes((p / "demo.gpkg").read_bytes()[:-5000]), "opens", 1),
    "empty": (lambda p: (p / "demo.gpkg").write_bytes(b""), "opens", 3),
    "gone": (lambda p: (p / "demo.gpkg").unlink(), "opens", 3),
}  # fmt: skip


@pytest.mark.parametrize("what", GPKG_DAMAGE)
def test_a_damaged_geopackage_is_named(copy, what):
    folder, failures = copy
    damage, kind, least = GPKG_DAMAGE[what]
    damage(folder)
    wrong = failures("gpkg")
    found = [c for c in wrong if c.id == f"read_back_{kind}"]
    assert len(found) >= least, told(wrong)
    assert all(c.where.startswith("data/demo.gpkg · DK") for c in wrong)


def gdb_table(folder: Path) -> Path:
    """Return the file of the one layer: of all tables the one whose last field but the geometry is SF."""
    files = sorted((folder / "demo.gdb").glob("a*.gdbtable"))
    return next(f for f in files if {c.name for c in open_table(f).columns} >= {"BH", "SF"})


GDB_DAMAGE: dict[str, tuple[Callable[[Path], None], set[str], int]] = {
    "a letter": (lambda p: replace_once(gdb_table(p), "大清沟".encode(), "大青沟".encode()), {"values"}, 3),
    "a number": (lambda p: replace_once(gdb_table(p), struct.pack("<d", 1234567.25), struct.pack("<d", 1234567.26)), {"values"}, 3),
    "a name": (lambda p: replace_once(gdb_table(p), "\2NF".encode("utf-16-le")[2:], "\2NX".encode("utf-16-le")[2:]), {"fields", "titles", "codes"}, 3),
    "cut": (lambda p: gdb_table(p).write_bytes(gdb_table(p).read_bytes()[:-30]), {"fields", "opens", "readers", "rows", "values", "geometry", "area"}, 1),
    "no index": (lambda p: gdb_table(p).with_suffix(".gdbtablx").unlink(), {"opens", "readers"}, 1),
    "a row gone": (lambda p: overwrite(gdb_table(p).with_suffix(".gdbtablx"), 16, bytes(5)), {"opens", "rows", "values", "geometry", "area", "readers"}, 1),
    "no layer": (lambda p: shutil.rmtree(p / "demo.gdb"), {"opens", "readers"}, 3),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # GDAL warns of what is lacking from within C
@pytest.mark.parametrize("what", GDB_DAMAGE)
def test_a_damaged_geodatabase_is_named(copy, what):
    folder, failures = copy
    damage, allowed, least = GDB_DAMAGE[what]
    damage(folder)
    wrong = failures("gdb")
    assert len([c for c in wrong if c.id != "read_back_readers"]) >= least, told(wrong)
    assert {c.id.removeprefix("read_back_") for c in wrong} <= allowed, told(wrong)
    assert all(c.where.startswith("data/demo.gdb · DK") for c in wrong)


def rewrite(path: Path, part: str, old: str, new: str) -> None:
    """Replace a text once in a part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in parts if n.endswith(part))
    held = parts[name].decode()
    assert old in held, held[:3000]
    parts[name] = held.replace(old, new, 1).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


XLSX_DAMAGE: dict[str, tuple[Callable[[Path], None], set[str], int]] = {
    "a letter": (lambda p: rewrite(p, "sharedStrings.xml", "大清沟", "大青沟"), {"values"}, 2),
    "a number": (lambda p: rewrite(p, "sheet1.xml", "1234567.25", "1234567.26"), {"values"}, 2),
    "a name": (lambda p: rewrite(p, "sharedStrings.xml", "<t>NF</t>", "<t>NX</t>"), {"fields"}, 2),
    "a title": (lambda p: rewrite(p, "sharedStrings.xml", "<t>年份</t>", "<t>年分</t>"), {"titles"}, 1),
    "a formula": (lambda p: rewrite(p, "sheet1.xml", "<v>1234567.25</v>", "<f>1234567+0.25</f><v>1234567.25</v>"), {"opens", "readers"}, 1),
    "the sheet": (lambda p: rewrite(p, "workbook.xml", 'name="DK"', 'name="XX"'), {"opens", "readers"}, 2),
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-200]), {"opens", "readers"}, 2),
}  # fmt: skip


@pytest.mark.parametrize("what", XLSX_DAMAGE)
def test_a_damaged_workbook_is_named(copy, what):
    folder, failures = copy
    damage, allowed, least = XLSX_DAMAGE[what]
    damage(folder / "demo.xlsx")
    wrong = failures("xlsx")
    assert len([c for c in wrong if c.id != "read_back_readers"]) >= least, told(wrong)
    assert {c.id.removeprefix("read_back_") for c in wrong} <= allowed, told(wrong)


TXT_DAMAGE: dict[str, tuple[Callable[[str], str], set[str]]] = {
    "a point": (lambda t: t.replace("500060.0000", "500061.0000", 1), {"geometry", "area", "whole"}),
    "a name": (lambda t: t.replace("大清沟", "大青沟"), {"values"}),
    "a line": (lambda t: re.sub(r"J3,1,[^\r]*\r\n", "", t, count=1), {"geometry", "area", "whole"}),
    "a plot": (lambda t: t[: t.rindex("\n", 0, t.rindex("@")) + 1], {"rows"}),
    "the zone": (lambda t: t.replace("带号=38", "带号=39"), {"crs", "whole"}),
    "all": (lambda _: "", {"opens", "readers"}),
}  # fmt: skip


@pytest.mark.parametrize("what", TXT_DAMAGE)
def test_a_damaged_boundary_file_is_named(copy, what):
    folder, failures = copy
    damage, allowed = TXT_DAMAGE[what]
    path = folder / "txt" / "DK.txt"
    before = path.read_bytes().decode("gb18030")
    path.write_bytes(damage(before).encode("gb18030"))
    assert damage(before) != before
    wrong = failures("txt")
    assert wrong
    assert {c.id.removeprefix("read_back_") for c in wrong} <= allowed, told(wrong)


# Readers of our own against GDAL, on geometries drawn by chance


coordinates = st.integers(-(10**5), 10**5).map(lambda n: n / 1e4)
stars = st.lists(st.floats(0.3, 1.0), min_size=3, max_size=12)


def star(radii: Sequence[float], x: float, y: float, size: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return [(x + size * r * np.cos(t), y + size * r * np.sin(t)) for r, t in zip(radii, turns, strict=True)]


@st.composite
def polygons(draw: st.DrawFn) -> shapely.MultiPolygon:
    parts = []
    for k in range(draw(st.integers(1, 3))):
        x, y = BOX[0] + 500 * k + draw(coordinates), BOX[1] + draw(coordinates)
        holes = [star(draw(stars), x + 5 * h - 5, y, 1.0) for h in range(draw(st.integers(0, 2)))]
        parts.append(shapely.Polygon(star(draw(stars.map(lambda rs: [r + 0.7 for r in rs])), x, y, 100.0), holes))
    return shapely.MultiPolygon(parts)


@given(st.lists(st.none() | polygons(), min_size=4, max_size=20))
@settings(max_examples=5, deadline=None)
def test_chance_polygons_are_read_alike_by_all(tmp_path_factory, areas):
    folder = tmp_path_factory.mktemp("chance")
    frame = gpd.GeoDataFrame({"BH": [str(k) for k in range(len(areas))]}, geometry=areas, crs="EPSG:4547")
    spec = ProfileLayer("DK", text("图层"), "source", "polygon", (Field("BH", text("编号"), "text", 9),), ("BH",))
    layer = ShapedLayer(spec, frame, "v1", len(areas), 0, 0, None)
    files = package(folder, [layer], ["gdb", "gpkg", "shp"])
    assert told(failed(folder, files, [layer], ["gdb", "gpkg", "shp"])) == []
    shutil.rmtree(folder)


@given(polygons(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_rings_may_turn_begin_and_stand_otherwise_but_not_move(area, chance):
    def spun(ring: shapely.LinearRing) -> list[tuple[float, float]]:
        xy = list(ring.coords)[:-1]
        at = chance.randrange(len(xy))
        xy = [*xy[at:], *xy[:at]]
        return xy[::-1] if chance.random() < 0.5 else xy

    parts = [
        shapely.Polygon(spun(p.exterior), chance.sample([spun(r) for r in p.interiors], len(p.interiors)))
        for p in area.geoms
    ]
    chance.shuffle(parts)
    other_way = shapely.MultiPolygon(parts)
    one, two = (np.array([shape], dtype=object) for shape in (area, other_way))
    assert not shapes.differing(two, one, 0.0).any()
    jitter = shapely.transform(other_way, lambda xy: np.round(xy, 4))
    assert not shapes.differing(np.array([jitter], dtype=object), one, 0.51e-4).any()
    far = moved(other_way, 1, 0.01)
    assert shapes.differing(np.array([far], dtype=object), one, 0.51e-4).all()


def test_a_hole_goes_to_the_smallest_shell_around_it():
    outer, inner = shapely.box(0, 0, 100, 100), shapely.box(20, 20, 60, 60)
    hole, small = shapely.box(10, 10, 70, 70), shapely.box(30, 30, 40, 40)
    rings = [shapely.orient_polygons(p, exterior_cw=True).exterior for p in (outer, inner)]
    holes = [shapely.orient_polygons(p).exterior for p in (hole, small)]
    xy = np.concatenate([shapely.get_coordinates(r) for r in (*rings, *holes)])
    made = geometries_of("polygon", 1, np.zeros(4, dtype=np.int64), np.full(4, 5), xy)
    expected = shapely.MultiPolygon([outer.difference(hole), inner.difference(small)])
    assert shapely.equals(made[0], expected)
    assert made[0].area == 100 * 100 - 60 * 60 + 40 * 40 - 10 * 10


def test_geodatabase_numbers_of_seven_bits_are_those_of_the_description():
    grid = Grid(-400.0, -400.0, 1e9)

    # point of type 1 at 114°, 34°: steps + 1, seven bits a byte
    def packed(value: int) -> bytes:
        parts = []
        while value >= 0x80:
            parts.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*parts, value])

    blob = packed(1) + packed(int(514e9) + 1) + packed(int(434e9) + 1)
    assert shapes_of([None, blob], grid)[1].equals_exact(shapely.Point(114, 34), 1e-9)


# Values and CRS


@pytest.mark.parametrize(
    ("got", "kind"),
    [(True, "integer"), ("2019", "integer"), (2019.5, "integer"), ("1.5", "number"), (True, "number"), ("2025-06-30T01:00:00", "date"),
     (20250630, "date"), ("yes", "truth"), (2, "truth"), (5, "text"), ("", "text")],
)  # fmt: skip
def test_a_value_of_another_kind_is_another_value(got, kind):
    expected = {
        "integer": pd.Series(pd.array([2019], dtype="Int64")),
        "number": pd.Series([1.5]),
        "date": pd.Series([dt.date(2025, 6, 30)], dtype=object),
        "truth": pd.Series([True], dtype=object),
        "text": pd.Series(["5" if got == 5 else None], dtype=object),
    }[kind]
    assert differing(np.array([got], dtype=object), expected, kind).tolist() == [True]


@pytest.mark.parametrize("code", [4547, 4526, 4490, 4527, 4502, 4491, 3857])
@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_a_crs_is_itself_in_every_spelling_and_no_other(code, version):
    written = pyproj.CRS.from_epsg(code).to_wkt(version)
    codes = [4547, 4526, 4490, 4527, 4502, 4491, 3857, 4326, 2383, 4548]
    assert [c for c in codes if same_crs(written, pyproj.CRS.from_epsg(c))] == [code]


_EUROPE = pyproj.CRS.from_epsg(3035)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("10.0", "13.0"),  # another meridian
        ("52.0", "50.0"),  # another origin
        ("4321000.0", "4320999.0"),  # another false easting
        ("ETRS_1989", "WGS_1984"),  # another datum on the same ellipsoid
        ("298.257222101", "298.3"),  # another ellipsoid
        ("Lambert_Azimuthal_Equal_Area", "Stereographic"),  # another projection
        ('UNIT["Meter",1.0]', 'UNIT["Foot_US",0.3048006096012192]'),
        ('UNIT["Meter",1.0]]', 'UNIT["Meter",1.0],AXIS["X",WEST],AXIS["Y",SOUTH]]'),
    ],
)
def test_a_datum_of_many_realisations_is_itself_in_the_spelling_of_esri_and_no_other(was, now):
    written = _EUROPE.to_wkt("WKT1_ESRI")
    assert was in written
    assert same_crs(written, _EUROPE)
    assert not same_crs(written.replace(was, now), _EUROPE)


@pytest.mark.parametrize("code", [4258, 3035, 3034, 25832, 4326, 32650, 3413, 27700])
def test_a_crs_of_elsewhere_is_itself_in_every_spelling_and_no_other(code):
    codes = [4258, 3035, 3034, 25832, 25833, 4326, 32650, 32651, 3413, 27700, 4490, 4547]
    for version in ("WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"):
        written = pyproj.CRS.from_epsg(code).to_wkt(version)
        assert [c for c in codes if same_crs(written, pyproj.CRS.from_epsg(c))] == [code], version


def test_the_two_builds_of_gdal_are_two():
    assert fiona.__gdal_version__ != pyogrio.__gdal_version_string__

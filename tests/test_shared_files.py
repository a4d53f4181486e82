"""Every real file that is there comes in or gets a clear answer; what leaves in one format comes back in all others."""

from __future__ import annotations

from pathlib import Path

import fiona
import geopandas as gpd
import numpy as np
import pytest
import shapely
import xlsxwriter

from geosys.inspection import inspect_file
from geosys.layers.boundary_model import Dialect
from geosys.layers.boundary_points import read_boundary_points
from geosys.layers.readers import READERS, read_delivery
from geosys.layers.spec import Catalogue, read_catalogue
from geosys.layers.vector_files import write_geopackage
from geosys.layers.vector_out import write_geodatabase, write_shapefile

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
CRS = "EPSG:4547"
FILES = sorted(p for p in SHARED.rglob("*") if p.is_file()) if SHARED.is_dir() else []


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


@needs_shared
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_real_file_comes_in_or_gets_a_clear_answer(path: Path, catalogue: Catalogue) -> None:
    if path.stat().st_size > 8_000_000:
        pytest.skip("large: taken in by test_real_data")
    found = inspect_file(path, catalogue)
    if path.suffix.lower() not in READERS:
        assert path.suffix in found.fault
        assert "expected" in found.fault
        return
    assert found.sha256 or "expected" in found.fault
    for table in found.tables:
        assert table.fault or table.rows > 0
        assert table.fault or table.evidence or table.crs
        assert not table.fault or "expected" in table.fault


def plots() -> gpd.GeoDataFrame:
    """Return plots with Chinese names and values, one of them with a hole, all far from the origin."""
    ring = shapely.box(500_000, 3_850_000, 500_100, 3_850_080).exterior
    hole = shapely.box(500_020, 3_850_020, 500_040, 3_850_040).exterior
    shapes = [shapely.Polygon(ring, [hole]), shapely.box(500_200.125, 3_850_000.5, 500_260.375, 3_850_077.25)]
    return gpd.GeoDataFrame(
        {"地块编码": ["410299-001", "410299-002"], "地块名称": ["原农药厂“东区”", "化工厂（㎡）"], "面积": [7600.0, 4624.6875], "序号": [1, 2]},
        geometry=shapes, crs=CRS,
    )  # fmt: skip


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Say whether shapes of one part each have the same vertices, to a hundredth of a micrometre."""
    parts = [shapely.normalize(shapely.get_parts(shapes)) for shapes in (one, other)]
    return len(parts[0]) == len(parts[1]) and bool(shapely.equals_exact(*parts, tolerance=1e-8).all())


@pytest.mark.parametrize("kind", ["shp", "gpkg", "gdb"])
def test_a_layer_comes_back_by_every_reader(kind: str, tmp_path: Path) -> None:
    sent, path = plots(), tmp_path / f"地块.{kind}"
    names = {name: name for name in sent.columns if name != "geometry"}
    if kind == "shp":
        names = dict(write_shapefile(path, sent).names)
    elif kind == "gpkg":
        write_geopackage(path, {"plots": sent}, "2026-09-30")
    else:
        write_geodatabase(path, {"plots": sent}, {"plots": "地块"}, {})
    ours = read_delivery(path, None, None, list(names))
    assert same(ours.geometry, sent.geometry.to_numpy())
    with fiona.open(path, encoding="GBK" if kind == "shp" else None) as source:
        theirs = list(source)
    for name in ("地块编码", "地块名称"):
        short = names[name]
        assert ours.columns[short].tolist() == sent[name].tolist()
        assert [record["properties"][short] for record in theirs] == sent[name].tolist()
    assert ours.columns[names["面积"]].astype(float).tolist() == sent["面积"].tolist()
    assert same(np.array([shapely.geometry.shape(r["geometry"]) for r in theirs]), sent.geometry.to_numpy())


def test_a_ledger_comes_back_with_names_and_values(tmp_path: Path, catalogue: Catalogue) -> None:
    rows = [["410299-001", "=cmd()", 7600.0], ["0102", "化工厂（㎡）", 4624.6875]]
    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("台账")
        for at, row in enumerate([["地块编码", "地块名称", "面积"], *rows]):
            sheet.write_row(at, 0, row)
    read = read_delivery(tmp_path / "a.xlsx", None, None, ["地块编码", "地块名称", "面积"])
    assert [list(row) for row in zip(*read.columns.values(), strict=True)] == rows
    assert catalogue.layers


def test_plots_go_through_a_boundary_point_file_and_stay_the_same() -> None:
    from geosys.layers.boundary_points_out import standard_header, write_boundary_points

    assert Dialect is not None
    assert callable(standard_header)
    text = (
        "[属性描述]\n格式版本号=1.01版本\n坐标系=2000国家大地坐标系\n几度分带=3\n投影类型=高斯克吕格\n计量单位=米\n带号=38\n[地块坐标]\n"
        "4,0.76,410299-001,原农药厂,面,,工业用地,,@\n"
        "J1,1,3850000.000,38500000.000\nJ2,1,3850000.000,38500100.000\nJ3,1,3850080.000,38500100.000\nJ4,1,3850080.000,38500000.000\n"
        "J1,1,3850000.000,38500000.000\n"
    )
    file = read_boundary_points(text.encode("gbk"), "a.txt")
    again = read_boundary_points(write_boundary_points(file, file.dialect), "b.txt")
    one, other = (np.array([b.geometry for b in f.blocks]) for f in (file, again))
    assert shapely.to_wkb(one).tolist() == shapely.to_wkb(other).tolist()
    assert shapely.area(one).tolist() == [8000.0]

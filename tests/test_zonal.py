"""Rasters within polygons and at points: by hand, against exactextract and shapely; and files that are not what they say."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from conftest import ROOT
from exactextract import exact_extract
from intake_toy import CRS, copy_content, point, square

from geosys._errors import CrsError, SpecError
from geosys.geo.crs import to_crs
from geosys.geo.raster.reading import sample
from geosys.geo.zonal import zonal
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.raster_columns import raster_columns, raster_types, told_of, with_rasters

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.layers.spec import Catalogue

WEST, NORTH = 500_000.0, 3_850_100.0
NAN = float("nan")


def raster_file(path: Path, cells: Any, cell: float = 10.0, crs: str | None = CRS, **more: Any) -> Path:
    """Write cells whose north-west corner is 100 m north of the toy's origin."""
    array = np.asarray(cells)
    array = array if array.ndim == 3 else array[None]
    unit, scale, offset = more.pop("unit", None), more.pop("scale", None), more.pop("offset", None)
    settings = {
        "nodata": NAN if array.dtype.kind == "f" else None,
        "transform": rasterio.Affine(cell, 0, WEST, 0, -cell, NORTH),
        **more,
    }
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=array.shape[2],
        height=array.shape[1],
        count=len(array),
        dtype=array.dtype,
        crs=crs,
        **settings,
    ) as file:
        file.write(array)
        if unit:
            file.units = (unit,) * len(array)
        if scale:
            file.scales, file.offsets = (scale,) * len(array), (offset,) * len(array)
    return path


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Return a raster of 10 x 10 cells of 10 m; north-west 1, north-east 2, south-west 3, south-east without data."""
    cells = np.full((10, 10), 1.0, dtype=np.float32)
    cells[:5, 5:], cells[5:, :5], cells[5:, 5:] = 2.0, 3.0, NAN
    return raster_file(tmp_path / "four.tif", cells)


def test_shares_of_cells_by_hand(four: Path) -> None:
    """A square over 25 m² of 1, 25 m² of 2, 25 m² of 3 and 25 m² of nothing, cutting every cell it touches."""
    shapes = np.array(
        [square(45, 45), square(2, 52, 6), square(60, 10, 20), square(48, 60), square(-5, 90), None, square(900, 0)],
        dtype=object,
    )
    found = zonal(four, shapes, CRS, threshold=1.5)
    assert found["mean"].to_numpy() == pytest.approx([2.0, 1.0, NAN, (2 * 1 + 8 * 2) / 10, 1.0, NAN, NAN], nan_ok=True)
    assert found["min"].to_numpy() == pytest.approx([1, 1, NAN, 1, 1, NAN, NAN], nan_ok=True)
    assert found["max"].to_numpy() == pytest.approx([3, 1, NAN, 2, 1, NAN, NAN], nan_ok=True)
    assert found["covered_share"].to_numpy() == pytest.approx([0.75, 1, 0, 1, 0.5, NAN, 0], nan_ok=True)
    assert found["share_above"].to_numpy() == pytest.approx([2 / 3, 0, NAN, 0.8, 0, NAN, NAN], nan_ok=True)


def test_means_are_those_of_exactextract_and_of_shapely(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    cells = draw.normal(5, 2, (40, 40)).astype(np.float32)
    cells[draw.random((40, 40)) < 0.1] = NAN
    path = raster_file(tmp_path / "random.tif", cells)
    centres = draw.uniform(60, 340, (30, 2)) + np.array([WEST, NORTH - 400])
    shapes = shapely.buffer(shapely.points(centres), draw.uniform(3, 50, 30))
    shapes[0] = shapely.difference(shapes[0], shapely.buffer(shapely.points(centres[0]), 2))
    found = zonal(path, shapes, CRS, threshold=6.0)
    theirs = exact_extract(
        str(path), gpd.GeoDataFrame(geometry=shapes, crs=CRS), ["mean", "min", "max"], output="pandas"
    )
    for name in ("mean", "min", "max"):
        assert found[name].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-9)
    boxes = np.array(
        [
            [shapely.box(WEST + 10 * c, NORTH - 10 * r - 10, WEST + 10 * c + 10, NORTH - 10 * r) for c in range(40)]
            for r in range(40)
        ]
    )
    for shape, row in zip(shapes, found.itertuples(), strict=True):
        share = shapely.area(shapely.intersection(boxes, shape))
        known = np.where(np.isnan(cells), 0.0, share)
        assert row.mean == pytest.approx((known * np.nan_to_num(cells)).sum() / known.sum(), rel=1e-5)
        assert row.covered_share == pytest.approx(known.sum() / shape.area, rel=1e-5)
        assert row.share_above == pytest.approx(known[np.nan_to_num(cells) > 6.0].sum() / known.sum(), abs=1e-5)


def test_polygons_of_another_system_find_their_cells(four: Path) -> None:
    shapes = np.array([square(45, 45)], dtype=object)
    found = zonal(four, to_crs(shapes, CRS, "EPSG:4490"), "EPSG:4490")
    assert found["mean"][0] == pytest.approx(2.0, abs=1e-4)
    with pytest.raises(CrsError, match="西安80"):
        zonal(four, shapes, "EPSG:2383")


def test_scale_offset_marks_of_no_data_and_bands_are_obeyed(tmp_path: Path) -> None:
    cells = np.array([[[1, 2], [-9, 4]], [[10, 20], [-9, 40]]], dtype=np.int16)
    path = raster_file(tmp_path / "scaled.tif", cells, nodata=-9, scale=0.5, offset=100.0)
    whole = np.array([shapely.box(WEST, NORTH - 20, WEST + 20, NORTH)], dtype=object)
    for band, values in ((1, [100.5, 101, 102]), (2, [105, 110, 120])):
        row = zonal(path, whole, CRS, band=band, threshold=101.5).iloc[0]
        assert row["mean"] == pytest.approx(np.mean(values))
        assert (row["min"], row["max"]) == (min(values), max(values))
        assert row["share_above"] == pytest.approx(np.mean(np.array(values) > 101.5))
        assert row["covered_share"] == pytest.approx(0.75)
        xy = np.array([[WEST + 5, NORTH - 5], [WEST + 5, NORTH - 15], [WEST - 1, NORTH], [NAN, NAN]])
        assert sample(path, xy, CRS, band=band) == pytest.approx([values[0], NAN, NAN, NAN], nan_ok=True)
    unmarked = raster_file(tmp_path / "unmarked.tif", np.array([[1.0, NAN], [3.0, 3.0]]), nodata=None)
    assert zonal(unmarked, whole, CRS, threshold=2.0).iloc[0].tolist() == pytest.approx([7 / 3, 1, 3, 0.75, 2 / 3])


@pytest.mark.parametrize("at_once", [{"POLYGONS_AT_ONCE": 4}, {"CELLS_AT_ONCE": 8}, {"TILE": 2}])
def test_how_polygons_are_taken_together_does_not_matter(
    four: Path, monkeypatch: pytest.MonkeyPatch, at_once: dict
) -> None:
    shapes = [square(x, y, 13) for x in range(0, 90, 20) for y in range(0, 90, 20)]
    shapes = np.array([*shapes, None, square(-90, 0), square(-1, -1, 110), square(1, 1, 3)], dtype=object)
    whole = zonal(four, shapes, CRS, threshold=1.5)
    for name, value in at_once.items():
        monkeypatch.setattr(f"geosys.geo.zonal.{name}", value)
    steps: list[tuple[int, int]] = []
    other = zonal(four, shapes[::-1], CRS, threshold=1.5, progress=lambda *step: steps.append(step))
    assert whole.to_numpy() == pytest.approx(other.to_numpy()[::-1], rel=1e-9, nan_ok=True)
    assert whole["covered_share"].iloc[-2] == pytest.approx(7_500 / 12_100)
    assert steps[0] == (0, 28)
    assert steps[-1] == (28, 28)
    assert len(steps) > 2


def test_the_first_raster_of_a_process_can_be_read(four: Path) -> None:
    """GDAL has no drivers before something of rasterio asks for them; other tests write rasters and so hide that."""
    code = (
        "import pathlib, sys, numpy; from geosys.geo.raster.reading import sample;"
        f"print(sample(pathlib.Path(sys.argv[1]), numpy.array([[{WEST + 5}, {NORTH - 5}]]), '{CRS}'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(four)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[1.]\n", "")


# --- files that are not what they say ---


def header_of(width: int, height: int) -> bytes:
    """Return a BigTIFF of one strip a row that claims so many bytes and holds none."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 16, 0),
        (277, 3, 1),
        (278, 4, 1),
        (279, 16, 0),
    ]
    body = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + struct.pack("<Q", len(entries))
    for tag, kind, value in entries:
        body += struct.pack("<HHQQ", tag, kind, 1, value)
    return body + struct.pack("<Q", 0)


def test_a_header_of_two_tebibytes_is_refused_at_once(tmp_path: Path) -> None:
    claimed = tmp_path / "claimed.tif"
    claimed.write_bytes(header_of(1 << 21, 1 << 20))
    sparse = tmp_path / "sparse.tif"
    with rasterio.open(
        sparse, "w", driver="GTiff", width=1 << 20, height=1 << 20, count=1, dtype="uint16", crs=CRS, sparse_ok=True, bigtiff="YES",
        transform=rasterio.Affine(1, 0, WEST, 0, -1, NORTH), tiled=True, blockxsize=4096, blockysize=4096,
    ):  # fmt: skip
        pass
    for path in (claimed, sparse):
        with pytest.raises(SpecError, match=path.name):
            zonal(path, np.array([square(0, 0)], dtype=object), CRS)
        with pytest.raises(SpecError, match=path.name):
            sample(path, np.array([[WEST, NORTH]]), CRS)
    with pytest.raises(SpecError, match="1048576 x 1048576 cells"):
        sample(sparse, np.array([[WEST, NORTH]]), CRS)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"crs": None}, "no coordinate system"),
        ({"transform": rasterio.Affine.identity()}, "the transform"),
        ({"transform": rasterio.Affine(10, 1, WEST, 1, -10, NORTH)}, "turned"),
        ({"transform": rasterio.Affine(10, 0, WEST, 0, 10, NORTH)}, "turned"),
        ({"unit": "ug/kg"}, "the unit ug/kg, expected mg/kg"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_says_too_little_or_another_thing_is_refused(tmp_path: Path, settings: dict, said: str) -> None:
    path = raster_file(tmp_path / "r.tif", np.ones((4, 4)), **settings)
    with pytest.raises(SpecError, match=said):
        zonal(path, np.array([square(0, 80)], dtype=object), CRS, unit="mg/kg")


def test_other_faults_are_named(tmp_path: Path, four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = np.array([square(0, 80)], dtype=object)
    with pytest.raises(SpecError, match="expected also band 2"):
        zonal(four, shapes, CRS, band=2)
    with pytest.raises(SpecError, match="expected polygons"):
        zonal(four, np.array([point(0, 0)], dtype=object), CRS)
    for name, content in (("text.tif", b"not a raster"), ("empty.tif", b""), ("cut.tif", four.read_bytes()[:100])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SpecError, match="cannot be read as a raster"):
            zonal(tmp_path / name, shapes, CRS)
    (tmp_path / "far.vrt").write_text('<VRTDataset rasterXSize="1" rasterYSize="1"/>')
    with pytest.raises(SpecError, match="cannot be read as a raster"):
        zonal(tmp_path / "far.vrt", shapes, CRS)
    monkeypatch.setattr("geosys.geo.zonal.MOST_CELLS_OF_A_POLYGON", 0.5)
    with pytest.raises(SpecError, match="larger cells"):
        zonal(four, shapes, CRS)


# --- columns by spec ---

PLOT_SPEC = """
[[rasters]]
name      = "elevation"
column    = "elevation_m"
title     = { zh = "平均高程", en = "Mean elevation" }
statistic = "mean"
unit      = "m"

[[rasters]]
name          = "elevation"
column        = "above_share"
title         = { zh = "高处面积占比", en = "Share above" }
statistic     = "share_above"
threshold     = 1.5
least_covered = 0.9
"""
POINT_SPEC = """
[[rasters]]
name      = "groundwater"
column    = "groundwater_depth_m"
title     = { zh = "地下水埋深", en = "Depth to groundwater" }
statistic = "value"
file      = "rasters/depth.tif"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return read_catalogue(copy_content(tmp_path / "content"))


def say(catalogue: Catalogue, layer: str, text: str) -> None:
    path = catalogue.root / "layers" / f"{layer}.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def layer_of(catalogue: Catalogue, name: str, shapes: list[Any]) -> Layer:
    frame = gpd.GeoDataFrame({"feature_id": [f"{name}-{i}" for i in range(len(shapes))]}, geometry=shapes, crs=CRS)
    frame.index = frame.index[::-1]  # an index that is not the order of the rows
    return Layer(catalogue.layers[name], frame, frame.iloc[:1])


def test_a_spec_and_the_plan_give_columns(catalogue: Catalogue, four: Path) -> None:
    say(catalogue, "contaminated_plot", PLOT_SPEC)
    say(catalogue, "outfall", POINT_SPEC)
    layers = {
        "contaminated_plot": layer_of(
            catalogue, "contaminated_plot", [square(45, 45), square(2, 52, 6), square(49, 31), square(900, 0)]
        ),
        "outfall": layer_of(catalogue, "outfall", [point(5, 95), point(95, 5)]),
    }
    made, told = with_rasters(layers, catalogue, four.parent, {"elevation": "four.tif"})
    plots = made["contaminated_plot"].frame
    assert plots["elevation_m"].to_numpy() == pytest.approx(
        [2.0, 1.0, NAN, NAN], nan_ok=True
    )  # the third: 10 % covered
    assert plots["above_share"].to_numpy() == pytest.approx([NAN, 0.0, NAN, NAN], nan_ok=True)  # the first: 75 %
    assert made["contaminated_plot"].withheld["elevation_m"].isna().all()
    assert made["outfall"].frame["groundwater_depth_m"].isna().all()
    assert [(t["column"], t["file"], t["with_value"], t["without_value"], t["covered_too_little"]) for t in told_of(told)] == [
        ("elevation_m", "four.tif", 2, 2, 1), ("above_share", "four.tif", 1, 3, 2), ("groundwater_depth_m", "", 0, 2, 0),
    ]  # fmt: skip
    assert "elevation_m" not in layers["contaminated_plot"].frame
    (four.parent / "rasters").mkdir()
    four.rename(four.parent / "rasters" / "depth.tif")
    made, told = with_rasters({"outfall": layers["outfall"]}, catalogue, four.parent, {})
    assert made["outfall"].frame["groundwater_depth_m"].to_numpy() == pytest.approx([1.0, NAN], nan_ok=True)
    assert told[0].hash


def test_what_rules_must_know_of_the_columns(catalogue: Catalogue) -> None:
    assert raster_types("outfall", catalogue) == {}
    say(catalogue, "contaminated_plot", PLOT_SPEC)
    types = raster_types("contaminated_plot", catalogue)
    assert list(types) == ["elevation_m", "above_share"]
    assert types["elevation_m"][0] == "number"
    assert types["elevation_m"][1].zh == "平均高程"


def test_a_plan_that_names_what_is_not_there_is_refused(catalogue: Catalogue, four: Path) -> None:
    say(catalogue, "contaminated_plot", PLOT_SPEC)
    with pytest.raises(SpecError, match=r"\[rasters\] elevaton.*Did you mean 'elevation'"):
        with_rasters({}, catalogue, four.parent, {"elevaton": "four.tif"})
    layers = {"contaminated_plot": layer_of(catalogue, "contaminated_plot", [square(0, 0)])}
    with pytest.raises(SpecError, match=r"'absent\.tif', which is no file"):
        with_rasters(layers, catalogue, four.parent, {"elevation": "absent.tif"})


def test_all_faults_of_a_spec_are_told_at_once(catalogue: Catalogue) -> None:
    say(
        catalogue,
        "contaminated_plot",
        PLOT_SPEC.replace('"mean"', '"medium"').replace("threshold     = 1.5", 'colum = "x"'),
    )
    say(catalogue, "contaminated_plot", PLOT_SPEC.replace("0.9", "90"))
    with pytest.raises(SpecError) as error:
        raster_columns("contaminated_plot", catalogue)
    for said in (
        "[[rasters]] 1 statistic: got 'medium'",
        "'colum'",
        "[[rasters]] 2 threshold",
        "[[rasters]] 3 column",
        "a share from 0 to 1",
    ):
        assert said in str(error.value)
    say(catalogue, "river", PLOT_SPEC)
    with pytest.raises(SpecError, match="a layer of points or polygons"):
        raster_columns("river", catalogue)

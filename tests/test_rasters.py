"""Values of rasters at points: cells by hand, coordinate systems by pyproj, and headers that cannot be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import pytest
import rasterio
import shapely

from geosys._errors import CrsError, SpecError
from geosys.geo.elevations import end_elevations
from geosys.geo.raster.reading import sample

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:4547"
CELLS = np.array([[1.0, 2.0, 3.0], [4.0, -9999.0, 6.0]])


def from_origin(west: float, north: float, wide: float, high: float) -> rasterio.Affine:
    return rasterio.Affine(wide, 0.0, west, 0.0, -high, north)


def written(
    path: Path, cells: np.ndarray, origin: tuple[float, float] = (500_000, 3_850_020), size: float = 10, **more: Any
) -> Path:
    options = {
        "driver": "GTiff",
        "crs": CRS,
        "dtype": cells.dtype,
        "transform": from_origin(*origin, size, size),
        **more,
    }
    units = options.pop("units", None)
    with rasterio.open(path, "w", height=cells.shape[0], width=cells.shape[1], count=1, **options) as raster:
        raster.write(cells, 1)
        if units:
            raster.units = (units,)
    return path


def test_a_point_has_the_value_of_its_cell(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", CELLS, nodata=-9999.0)
    xy = np.array(
        [[500_005, 3_850_015], [500_029.9, 3_850_000.1], [500_015, 3_850_005], [499_999, 3_850_015], [np.nan, np.nan]]
    )
    assert sample(path, xy, CRS).tolist()[:2] == [1.0, 6.0]
    assert np.isnan(sample(path, xy, CRS)[2:]).all()  # no data, outside, no place


def test_points_are_converted_into_the_system_of_the_raster(tmp_path: Path) -> None:
    change = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    west, north = change.transform(499_000, 3_851_000)
    cells = np.arange(400, dtype=np.int16).reshape(20, 20)
    path = written(tmp_path / "deg.tif", cells, (west, north), 0.001, crs="EPSG:4490")
    xy = np.array([[499_300.0, 3_850_700.0], [500_100.0, 3_849_900.0]])
    lon, lat = change.transform(*xy.T)
    row, column = ((north - lat) / 0.001).astype(int), ((lon - west) / 0.001).astype(int)
    assert sample(path, xy, CRS).tolist() == cells[row, column].tolist()


def test_many_tiles_give_the_same_as_the_whole_array(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    cells = rng.normal(size=(700, 1300)).astype(np.float32)
    path = written(
        tmp_path / "big.tif", cells, (0, 7000), tiled=True, blockxsize=256, blockysize=256, compress="deflate"
    )
    at = np.column_stack([rng.integers(0, 1300, 500), rng.integers(0, 700, 500)])
    found = sample(path, np.column_stack([at[:, 0] * 10 + 3.0, 7000 - at[:, 1] * 10 - 4.0]), CRS)
    assert found.tolist() == cells[at[:, 1], at[:, 0]].astype(float).tolist()


def test_ends_of_lines_have_elevations_where_the_ground_has_one(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.tif", np.array([[80.0, -32768.0, 60.0]]), (500_000, 3_850_010)
    )  # a mark of no data, not declared
    ends = shapely.from_wkt(
        [
            "LINESTRING (500005 3850005, 500010 3850009, 500025 3850005)",
            "LINESTRING (500015 3850005, 500025 3850005)",
            None,
        ]
    )
    found = end_elevations(path, np.asarray(ends), CRS)
    assert found[0].tolist() == [80.0, 60.0]
    assert np.isnan(found[1]).tolist() == [True, False]
    assert np.isnan(found[2]).all()


def test_a_line_of_several_parts_counts_from_its_first_vertex_to_its_last(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", np.array([[80.0, 70.0, 60.0]]), (500_000, 3_850_010))
    parts = shapely.from_wkt("MULTILINESTRING ((500005 3850005, 500015 3850005), (500015 3850005, 500025 3850005))")
    assert end_elevations(path, np.array([parts], dtype=object), CRS).tolist() == [[80.0, 60.0]]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"crs": None}, "no coordinate system"),
        ({"transform": rasterio.Affine.identity()}, "transform"),
        ({"units": "ft"}, "the unit ft"),
        ({"dtype": "complex64"}, "no numbers"),
    ],
)
def test_a_raster_that_does_not_say_what_it_needs_to_is_refused(tmp_path: Path, more: dict, word: str) -> None:
    with pytest.warns() if "transform" in more else _nothing():
        path = written(tmp_path / "a.tif", CELLS.astype(more.get("dtype", "float64")), **more)
    with pytest.raises(SpecError, match=word):
        sample(path, np.array([[500_005, 3_850_015]]), CRS, unit="m")


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_an_absurd_header_is_refused_before_any_cell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "wide.tif"
    options = {"driver": "GTiff", "crs": CRS, "dtype": "uint8", "transform": from_origin(9, 9, 1, 1), "count": 1}
    with rasterio.open(path, "w", width=5_000_000, height=1, SPARSE_OK=True, **options):
        pass
    with pytest.raises(SpecError, match="at most 4000000 a side"):
        sample(path, np.array([[9.5, 8.5]]), CRS)
    block = tmp_path / "block.tif"
    with rasterio.open(block, "w", width=100_000, height=100_000, SPARSE_OK=True, BLOCKYSIZE=50_000, **options):
        pass
    with pytest.raises(SpecError, match="blocks of"):
        sample(block, np.array([[9.5, 8.5]]), CRS)


@pytest.mark.parametrize("content", [b"", b"not a raster", b"II*\x00\xff\xff\xff\xff"])
def test_what_is_no_raster_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dem.tif"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=r"dem\.tif"):
        sample(path, np.array([[0.0, 0.0]]), CRS)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.tif", np.random.default_rng(1).normal(size=(400, 400)))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(SpecError, match=r"cut\.tif"):
        sample(path, np.array([[503_000.0, 3_847_000.0]]), CRS)


def test_a_virtual_raster_is_refused_as_it_may_lead_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "dem.vrt"
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>', encoding="utf-8")
    with pytest.raises(SpecError, match=r"dem\.vrt"):
        sample(path, np.array([[0.0, 0.0]]), CRS)


def test_an_old_datum_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "xian.tif", CELLS, crs="EPSG:2383")
    with pytest.raises(CrsError, match="西安80"):
        sample(path, np.array([[500_005, 3_850_015]]), CRS)

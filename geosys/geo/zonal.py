"""Statistics of a raster within polygons, each cell counting by the exact share that lies inside. The one door to exactextract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource, RasterioRasterSource

from geosys._errors import SpecError
from geosys.geo.crs import to_crs
from geosys.geo.raster.reading import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Window = tuple[int, int, int, int]  # first column, first row, columns, rows

COLUMNS = ("mean", "min", "max", "covered_share", "share_above")
POLYGONS_AT_ONCE = 1_000
CELLS_AT_ONCE = 8_000_000
TILE = 1_024  # cells a side, within which polygons are taken together
MOST_CELLS_OF_A_POLYGON = 4_000_000_000
_OPERATIONS = ["mean", "min", "max", "count"]


class _Cells(RasterioRasterSource):  # type: ignore[misc]  # the library has no types
    """Read cells as real numbers, NaN where there is none, whatever way the file says so."""

    def nodata_value(self) -> None:
        return None

    def read_window(self, x0: int, y0: int, nx: int, ny: int) -> Floats:
        cells = np.ma.filled(np.ma.asarray(super().read_window(x0, y0, nx, ny)).astype(np.float64), np.nan)
        return np.where(np.isfinite(cells), cells, np.nan)


class _Above(_Cells):
    """Read 1 where cells exceed a threshold, 0 where they do not: their mean is a share."""

    threshold = np.nan

    def read_window(self, x0: int, y0: int, nx: int, ny: int) -> Floats:
        return _exceeding(super().read_window(x0, y0, nx, ny), self.threshold)


def _exceeding(cells: Floats, threshold: float) -> Floats:
    return np.where(np.isnan(cells), np.nan, (cells > threshold).astype(np.float64))


def zonal(
    path: Path,
    polygons: NDArray[np.object_],
    crs: str,
    *,
    threshold: float | None = None,
    unit: str = "",
    band: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> pd.DataFrame:
    """Return what a raster's cells are within each polygon.

    Parameters
    ----------
    path, unit, band
        As for `geosys.geo.raster.reading.opened`.
    polygons
        Polygons of `crs`, shape (n,); their vertices are converted into the raster's CRS, where shares are taken.
    threshold
        In the raster's unit; needed for `share_above`.
    progress
        Called with polygons done and polygons in all.

    Returns
    -------
    One row a polygon: `mean` (cells weighing by the share inside), `min` and `max` of all cells touched, `covered_share` (of
    the polygon's area, by cells with a value), `share_above` (of the covered area, by cells above the threshold). NaN where
    nothing is covered; `covered_share` is 0 there, and NaN for a polygon without a shape.

    Raises
    ------
    SpecError
        As `opened`; for a raster that is turned, and a polygon over more cells than can be counted.
    CrsError
        When there is no valid conversion between the two systems.
    """
    wrong = sorted({shape.geom_type for shape in polygons[shapely.is_geometry(polygons)]} - {"Polygon", "MultiPolygon"})
    if wrong:
        raise SpecError(
            f"zonal: got {', '.join(wrong)}, expected polygons. Take the raster's values at points instead."
        )
    result = pd.DataFrame(np.nan, index=range(len(polygons)), columns=list(COLUMNS))
    with opened(path, unit, band) as raster:
        affine = raster.transform
        if affine.b or affine.d or affine.a < 0 or affine.e > 0:
            raise SpecError(f"{path.name}: got a raster that is turned, expected north up. Warp it to a CRS first.")
        shapes = to_crs(np.asarray(polygons, dtype=object), crs, raster.crs.to_wkt())
        placed = np.flatnonzero(shapely.is_geometry(shapes) & ~shapely.is_empty(shapes))
        _check_sizes(path.name, shapes[placed], abs(affine.a * affine.e), raster.shape)
        done = 0
        progress(done, len(placed))
        for rows, window in _groups(raster, shapes, placed):
            if window is None:
                result.loc[rows, "covered_share"] = 0.0
            else:
                result.iloc[rows] = _statistics(raster, shapes[rows], window, threshold, band).to_numpy()
            done += len(rows)
            progress(done, len(placed))
    return result


def _groups(
    raster: Any, shapes: NDArray[np.object_], placed: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Window | None]]:
    """Yield polygons that lie close together, and the window of cells around them; None for those beside the raster."""
    west, south, east, north = shapely.bounds(shapes[placed]).T
    affine = raster.transform
    low = np.floor(np.column_stack([(west - affine.c) / affine.a, (north - affine.f) / affine.e]))
    high = np.ceil(np.column_stack([(east - affine.c) / affine.a, (south - affine.f) / affine.e]))
    size = np.array([raster.width, raster.height])
    # a cell more on each side: a border on a line of the grid may fall into either
    low, high = np.clip(low - 1, 0, size).astype(np.int64), np.clip(high + 1, 0, size).astype(np.int64)
    beside = (high <= low).any(axis=1)
    if beside.any():
        yield placed[beside], None
    tile = low // TILE
    is_large = np.prod(high - low, axis=1) > CELLS_AT_ONCE // 4
    tile[is_large] = -1 - np.flatnonzero(is_large)[:, None]  # each a group of its own
    order = np.lexsort((tile[:, 0], tile[:, 1]))
    order = order[~beside[order]]
    for some in np.split(order, np.flatnonzero(np.diff(tile[order], axis=0).any(axis=1)) + 1):
        for start in range(0, len(some), POLYGONS_AT_ONCE):
            part = some[start : start + POLYGONS_AT_ONCE]
            if len(part):
                (left, top), (right, bottom) = low[part].min(axis=0), high[part].max(axis=0)
                yield placed[part], (int(left), int(top), int(right - left), int(bottom - top))


def _statistics(
    raster: Any, shapes: NDArray[np.object_], window: Window, threshold: float | None, band: int
) -> pd.DataFrame:
    """Return the rows of some polygons that stand in the raster's CRS."""
    wkt, affine = raster.crs.to_wkt(), raster.transform
    features = gpd.GeoDataFrame(geometry=shapes, crs=wkt)
    options = {"output": "pandas", "max_cells_in_memory": CELLS_AT_ONCE}
    cells, above = _Cells(raster, band), _Above(raster, band)
    above.threshold = np.nan if threshold is None else threshold
    if window[2] * window[3] <= CELLS_AT_ONCE:  # read once for all of them; what is larger is read piece by piece
        left, top, columns, rows = window
        west, north = affine.c + left * affine.a, affine.f + top * affine.e
        box = {"xmin": west, "ymin": north + rows * affine.e, "xmax": west + columns * affine.a, "ymax": north}
        held = cells.read_window(*window)
        cells = NumPyRasterSource(held, **box, srs_wkt=wkt)
        if threshold is not None:
            above = NumPyRasterSource(_exceeding(held, threshold), **box, srs_wkt=wkt)
    found = exact_extract(cells, features, _OPERATIONS, **options)
    covered = found["count"].to_numpy(dtype=np.float64)
    nothing = ~(covered > 0)
    found = found.drop(columns="count").astype(np.float64)
    found.loc[nothing] = np.nan
    # the library keeps shares of cells as single numbers: what is covered whole may come out a hair over 1
    found["covered_share"] = np.clip(covered * abs(affine.a * affine.e) / shapely.area(shapes), 0.0, 1.0)
    found["share_above"] = np.nan
    if threshold is not None:
        share = exact_extract(above, features, ["mean"], **options)["mean"].to_numpy(dtype=np.float64)
        found["share_above"] = np.where(nothing, np.nan, np.clip(share, 0.0, 1.0))
    return found[list(COLUMNS)]


def _check_sizes(name: str, shapes: NDArray[np.object_], cell: float, shape: tuple[int, int]) -> None:
    """Raise for polygons over more cells than anybody waits for: mostly a raster of the wrong cell size."""
    if not len(shapes):
        return
    west, south, east, north = shapely.bounds(shapes).T
    most = float(np.minimum((east - west) * (north - south) / cell, float(shape[0]) * shape[1]).max())
    if most > MOST_CELLS_OF_A_POLYGON:
        raise SpecError(
            f"{name}: got a polygon over {most:.3g} cells, expected at most {MOST_CELLS_OF_A_POLYGON}. Take a raster of larger cells."
        )

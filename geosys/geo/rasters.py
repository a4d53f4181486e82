"""Values of rasters at points, as of an elevation model. The one door to rasterio."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geosys._errors import SpecError
from geosys.geo.crs import check_metric, transformer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRIVERS = ("GTiff", "HFA", "AAIGrid")  # files that hold their cells: a .vrt may lead anywhere, also into a network
MOST_CELLS_A_SIDE = 4_000_000
MOST_CELLS_A_BLOCK = 1 << 26
TILE = 512  # cells read at once, where the file is not stored in tiles of its own
GROUND_M = (-500.0, 9_000.0)  # no ground of the earth lies beyond: marks of no data that the header does not tell
METRES = ("", "m", "metre", "metres", "meter", "meters")


def sample(path: Path, xy: Floats, crs: str) -> Floats:
    """Return the value of a raster's first band in the cell that each point lies in.

    Parameters
    ----------
    path
        A GeoTIFF, Imagine file or Arc/Info ASCII grid with a coordinate system.
    xy
        Points of `crs`, shape (n, 2).
    crs
        The points' CRS; they are converted into the raster's.

    Returns
    -------
    Shape (n,); NaN outside the raster, without data, and for points without a place.

    Raises
    ------
    SpecError
        When the file is no such raster, or its header states what cannot be.
    CrsError
        When there is no valid conversion between the two systems.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.DatasetReader(str(path.resolve()), driver=list(DRIVERS)) as raster:
                _check(path.name, raster)
                return _sampled(raster, points, crs)
    except RasterioError as error:
        raise SpecError(
            f"{path.name}: got a file that cannot be read as a raster ({str(error)[:200]}), expected a GeoTIFF. Export it again."
        ) from None


def end_elevations(path: Path, lines: NDArray[np.object_], crs: str) -> Floats:
    """Return the elevation in metres at the first and last vertex of each line as drawn, shape (k, 2).

    NaN where the raster has none, where a line has no vertex, and for values that no ground has.

    Raises
    ------
    SpecError, CrsError
        As `sample`; also when the raster's unit is not the metre.
    """
    check_metric(crs, "elevation")
    ends = np.full((len(lines), 2, 2), np.nan)
    whole = shapely.is_geometry(lines) & ~shapely.is_empty(lines)
    xy, of = shapely.get_coordinates(lines[whole], return_index=True)
    first = np.flatnonzero(np.diff(of, prepend=-1))
    ends[np.flatnonzero(whole), 0] = xy[first]
    ends[np.flatnonzero(whole), 1] = xy[np.append(first[1:], len(xy)) - 1]
    found = sample(path, ends.reshape(-1, 2), crs).reshape(-1, 2)
    return np.where((found >= GROUND_M[0]) & (found <= GROUND_M[1]), found, np.nan)


def _check(name: str, raster: rasterio.DatasetReader) -> None:
    """Raise for a header that cannot be true, or says too little to place the cells."""
    block = int(np.prod(raster.block_shapes[0])) if raster.count else 0
    kind = np.dtype(raster.dtypes[0]).kind if raster.count else "f"
    wrong = {
        "no band, expected one": not raster.count,
        f"{raster.width} x {raster.height} cells, expected at most {MOST_CELLS_A_SIDE} a side": max(raster.shape)
        > MOST_CELLS_A_SIDE,
        f"blocks of {block} cells, expected at most {MOST_CELLS_A_BLOCK}": block > MOST_CELLS_A_BLOCK,
        "no coordinate system, expected one": raster.crs is None,
        f"the transform {tuple(raster.transform)[:6]}, expected one that places the cells": raster.transform.is_identity
        or not np.isfinite(raster.transform).all()
        or abs(raster.transform.determinant) == 0.0,
        f"the unit {raster.units[0] if raster.count else None}, expected metres": str(
            (raster.units or [""])[0] or ""
        ).lower()
        not in METRES,
        "cells that are no numbers, expected elevations": kind not in "iuf",
    }
    for what, is_so in wrong.items():
        if is_so:
            raise SpecError(f"{name}: got {what}. Export the raster again as a GeoTIFF in metres.")


def _sampled(raster: rasterio.DatasetReader, points: Floats, crs: str) -> Floats:
    """Return the values at points, tile by tile: what no point lies in is not read."""
    result = np.full(len(points), np.nan)
    x, y = transformer(crs, raster.crs.to_wkt()).transform(points[:, 0], points[:, 1])
    with np.errstate(invalid="ignore"):
        back = ~raster.transform
        column, row = np.floor(back.a * x + back.b * y + back.c), np.floor(back.d * x + back.e * y + back.f)
        at = np.flatnonzero((column >= 0) & (row >= 0) & (column < raster.width) & (row < raster.height))
    if not len(at):
        return result
    column, row = column[at].astype(np.int64), row[at].astype(np.int64)
    tile = (row // TILE) * (raster.width // TILE + 1) + column // TILE
    order = np.argsort(tile, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        left, top = int(column[some[0]]) // TILE * TILE, int(row[some[0]]) // TILE * TILE
        window = Window(left, top, min(TILE, raster.width - left), min(TILE, raster.height - top))
        cells = raster.read(1, window=window, masked=True).astype(np.float64)
        values = cells.filled(np.nan)[row[some] - top, column[some] - left]
        result[at[some]] = values * raster.scales[0] + raster.offsets[0]
    return np.where(np.isfinite(result), result, np.nan)

"""Open rasters safely and read their values at points."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geosys._errors import SpecError
from geosys.geo.crs import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRIVERS = ("GTiff", "HFA", "AAIGrid")  # files that hold their cells: a .vrt may lead anywhere, also into a network
MOST_CELLS_A_SIDE = 4_000_000
MOST_CELLS = 1 << 36  # 256 GiB of single numbers: no county, and no city, has more
MOST_CELLS_A_BLOCK = 1 << 26
TILE = 512  # cells read at once
# What files call the same unit.
UNITS = {"metre": "m", "metres": "m", "meter": "m", "meters": "m"}


@contextmanager
def opened(path: Path, unit: str = "", band: int = 1) -> Iterator[rasterio.DatasetReader]:
    """Open a raster whose header can be true.

    Parameters
    ----------
    path
        A GeoTIFF, Imagine file or Arc/Info ASCII grid with a coordinate system.
    unit
        The unit that the values must be in, where the file names one.
    band
        The band that will be read, from 1.

    Raises
    ------
    SpecError
        When the file is no such raster, or its header states what cannot be.
    """
    try:
        # the environment: without it GDAL has no drivers yet in a process that opened no raster before
        with rasterio.Env(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            raster = rasterio.DatasetReader(str(path.resolve()), driver=list(DRIVERS))
        with rasterio.Env(), raster:
            _check(path.name, raster, unit, band)
            yield raster
    except RasterioError as error:
        raise SpecError(
            f"{path.name}: got a file that cannot be read as a raster ({str(error)[:200]}), expected a GeoTIFF. Export it again."
        ) from None


def sample(path: Path, xy: Floats, crs: str, unit: str = "", band: int = 1) -> Floats:
    """Return the value of a raster in the cell that each point lies in.

    Parameters
    ----------
    xy
        Points of `crs`, shape (n, 2); they are converted into the raster's CRS.
    path, unit, band
        As for `opened`.

    Returns
    -------
    Shape (n,); NaN outside the raster, without data, and for points without a place.

    Raises
    ------
    SpecError
        As `opened`.
    CrsError
        When there is no valid conversion between the two systems.
    """
    with opened(path, unit, band) as raster:
        return _sampled(raster, np.asarray(xy, dtype=np.float64).reshape(-1, 2), crs, band)


def _check(name: str, raster: rasterio.DatasetReader, unit: str, band: int) -> None:
    """Raise for a header that cannot be true, or says too little to place the cells."""
    has_band = 1 <= band <= raster.count
    block = int(np.prod(raster.block_shapes[band - 1])) if has_band else 0
    kind = np.dtype(raster.dtypes[band - 1]).kind if has_band else "f"
    stated = str((raster.units[band - 1] if has_band else "") or "").strip()
    affine = raster.transform
    wrong = {
        f"{raster.count} bands, expected also band {band}": not has_band,
        f"{raster.width} x {raster.height} cells, expected at most {MOST_CELLS_A_SIDE} a side and {MOST_CELLS} in all": max(
            raster.shape
        )
        > MOST_CELLS_A_SIDE
        or raster.width * raster.height > MOST_CELLS,
        f"blocks of {block} cells, expected at most {MOST_CELLS_A_BLOCK}": block > MOST_CELLS_A_BLOCK,
        "no coordinate system, expected one": raster.crs is None,
        f"the transform {tuple(affine)[:6]}, expected one that places the cells": affine.is_identity
        or not np.isfinite(affine).all()
        or abs(affine.determinant) == 0.0,
        f"the unit {stated}, expected {unit}": bool(stated and unit) and _plain(stated) != _plain(unit),
        "cells that are no numbers, expected real ones": kind not in "iuf",
    }
    for what, is_so in wrong.items():
        if is_so:
            raise SpecError(f"{name}: got {what}. Export the raster again as a GeoTIFF.")


def _plain(unit: str) -> str:
    """Return a unit as it is compared: `mg/kg` for ` MG kg-1`, but `µg/kg` stays another."""
    folded = unit.casefold().replace("μ", "µ").replace("kg-1", "/kg").replace(" ", "")
    return UNITS.get(folded, folded)


def _sampled(raster: rasterio.DatasetReader, points: Floats, crs: str, band: int) -> Floats:
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
        cells = raster.read(band, window=window, masked=True).astype(np.float64)
        values = cells.filled(np.nan)[row[some] - top, column[some] - left]
        result[at[some]] = values * raster.scales[band - 1] + raster.offsets[band - 1]
    return np.where(np.isfinite(result), result, np.nan)

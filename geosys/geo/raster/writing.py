"""Write rasters as Cloud-Optimised GeoTIFF and as NetCDF, with CRS and units; whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.windows import Window
from scipy.io import netcdf_file

from geosys._errors import SpecError
from geosys.geo.crs import parse_crs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.geo.raster.grid import Grid

TILE = 256
COG_OPTIONS = {
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "FLOATING_POINT",
    "BLOCKSIZE": TILE,
    "OVERVIEW_RESAMPLING": "AVERAGE",
}
# NetCDF 3 (64-bit offsets), which every tool of the field reads; scipy holds the file in memory while it is written.
MOST_CELLS_OF_NETCDF = 100_000_000


@dataclass(frozen=True, slots=True)
class Band:
    """Describe one band: a name in ASCII letters, its unit (`1` for shares and probabilities), a title."""

    name: str
    unit: str
    title: str


def write_cog(
    path: Path,
    blocks: Iterable[tuple[int, int, NDArray[np.float32]]],
    grid: Grid,
    bands: tuple[Band, ...],
    crs: str,
    tags: Mapping[str, str],
) -> None:
    """Write blocks as a Cloud-Optimised GeoTIFF: tiled, with overviews, NaN where there is no value.

    Parameters
    ----------
    blocks
        First row and column, and an array of (bands, rows, columns); they are asked for one by one and not kept.
    tags
        What the file says of itself.

    Raises
    ------
    SpecError
        When the folder is absent or the disk is full; nothing is left behind then.
    """
    work = path.with_name(f".{path.name}.{os.getpid()}.work.tif")
    with _replaced(path, ".tif") as part:
        try:
            with rasterio.open(
                work, "w", driver="GTiff", width=grid.columns, height=grid.rows, count=len(bands), dtype="float32", nodata=np.nan,
                crs=rasterio.CRS.from_wkt(parse_crs(crs).to_wkt("WKT1_GDAL")),
                transform=rasterio.Affine(grid.cell_m, 0.0, grid.west, 0.0, -grid.cell_m, grid.north),
                tiled=True, blockxsize=TILE, blockysize=TILE, compress="DEFLATE", predictor=3, bigtiff="IF_SAFER",
            ) as raster:  # fmt: skip
                raster.descriptions = tuple(band.name for band in bands)
                raster.units = tuple(band.unit for band in bands)
                raster.update_tags(**tags)
                for number, band in enumerate(bands, 1):
                    raster.update_tags(number, long_name=band.title)
                for row, column, block in blocks:
                    raster.write(block, window=Window(column, row, block.shape[2], block.shape[1]))
            rasterio.shutil.copy(work, part, driver="COG", **COG_OPTIONS)
        finally:
            work.unlink(missing_ok=True)


def write_netcdf(path: Path, raster: Path, tags: Mapping[str, str]) -> None:
    """Write a GeoTIFF of `write_cog` as NetCDF by the CF conventions: a variable a band, coordinates of the cells' middles.

    Raises
    ------
    SpecError
        When there are more than `MOST_CELLS_OF_NETCDF`, or the disk is full; nothing is left behind then.
    """
    with rasterio.open(raster) as source, _replaced(path, ".nc") as part:
        if source.width * source.height * source.count > MOST_CELLS_OF_NETCDF:
            raise SpecError(
                f"{path.name}: got {source.count} bands of {source.width} x {source.height} cells, expected at most "
                f"{MOST_CELLS_OF_NETCDF} cells in a NetCDF. Take a larger cell, or use the GeoTIFF."
            )
        with netcdf_file(part, "w", version=2) as target:
            _describe(target, {"Conventions": "CF-1.11", **tags})
            _write_axes(target, source)
            for number in range(1, source.count + 1):
                cells = target.createVariable(source.descriptions[number - 1], "f4", ("y", "x"))
                told = {"units": source.units[number - 1] or "1", "long_name": source.tags(number).get("long_name", "")}
                _describe(cells, {**told, "grid_mapping": "crs", "_FillValue": np.float32(np.nan)})
                for _, window in source.block_windows(number):
                    cells[slice(*window.toranges()[0]), slice(*window.toranges()[1])] = source.read(
                        number, window=window
                    )


def _write_axes(target: netcdf_file, source: rasterio.DatasetReader) -> None:
    """Write coordinates and CRS as the CF conventions want them."""
    affine = source.transform
    axes = {
        "y": (affine.f + (np.arange(source.height) + 0.5) * affine.e, "projection_y_coordinate"),
        "x": (affine.c + (np.arange(source.width) + 0.5) * affine.a, "projection_x_coordinate"),
    }
    for name, (values, meaning) in axes.items():
        target.createDimension(name, len(values))
        axis = target.createVariable(name, "f8", (name,))
        axis[:] = values
        _describe(axis, {"standard_name": meaning, "units": "m", "axis": name.upper()})
    mapping = target.createVariable("crs", "i4", ())
    crs = parse_crs(source.crs.to_wkt())
    _describe(mapping, {**crs.to_cf(), "GeoTransform": " ".join(repr(float(v)) for v in affine.to_gdal())})


def _describe(thing: netcdf_file, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        setattr(thing, key, value.encode("utf-8") if isinstance(value, str) else value)


@contextmanager
def _replaced(path: Path, ending: str) -> Iterator[Path]:
    """Hand out a name beside `path`, which takes its place when all went well and is removed otherwise."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part{ending}")
    try:
        yield part
        part.replace(path)
    except (RasterioError, OSError) as error:
        raise SpecError(
            f"{path.name}: got no file ({str(error)[:200]}), expected to write one. Free disk space, or name another folder."
        ) from None
    finally:
        part.unlink(missing_ok=True)

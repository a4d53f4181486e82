"""Read GeoPackage, Shapefile, File Geodatabase and GeoJSON: the one door to pyogrio."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely

from geosys._errors import DeliveryError
from geosys.layers.dbf import BYTES, decode_cell, decode_column, settle_dbf_encoding
from geosys.layers.reading import Reading, choose_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray


def read_vector(path: Path, table: str | None, encoding: str | None, _words: Sequence[str]) -> Reading:
    """Read one layer of a vector file with its CRS, geometry and, for a geodatabase, its field aliases.

    Raises
    ------
    DeliveryError
        When the file cannot be opened, the layer is absent or not named although there are several, or the
        text encoding is neither UTF-8 nor GB18030.
    """
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        name = choose_table(path.name, layers, layers, table)
        evidence = ""
        is_shapefile = path.suffix.lower() == ".shp"
        if is_shapefile:
            encoding, evidence = settle_dbf_encoding(path, encoding)
        meta, _, wkb, values = pyogrio.raw.read(path, layer=name, encoding=BYTES if is_shapefile else encoding)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise DeliveryError(
            f"{path.name}: got a file GDAL cannot read ({error}), expected {path.suffix.lower()[1:]}. "
            "Open it in a GIS; ask the sender for a complete copy."
        ) from None
    columns = {str(f): np.asarray(v) for f, v in zip(meta["fields"], values, strict=True)}
    if is_shapefile and encoding:
        columns = {decode_cell(name, encoding): decode_column(v, encoding) for name, v in columns.items()}
    geometry = None if meta["geometry_type"] is None or wkb is None else _parse(wkb)
    titles = _aliases(path, name) if path.suffix.lower() == ".gdb" else {}
    size = len(geometry) if geometry is not None else len(next(iter(columns.values()), []))
    return Reading(name, columns, geometry, meta["crs"], titles, tuple(range(1, size + 1)), evidence)


def _parse(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries from WKB, linear and two-dimensional; what cannot be parsed becomes missing."""
    parsed = shapely.from_wkb(wkb, on_invalid="ignore")
    return np.asarray(shapely.force_2d(parsed), dtype=object)


def _aliases(path: Path, layer: str) -> dict[str, str]:
    """Return the field aliases a file geodatabase keeps in its system table."""
    try:
        _, _, _, values = pyogrio.raw.read(path, layer="GDB_Items", columns=["Name", "Definition"], read_geometry=False)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return {}
    for name, definition in zip(*values, strict=True):
        if name == layer and definition:
            found = re.findall(r"<Name>([^<]*)</Name>\s*<AliasName>([^<]*)</AliasName>", definition)
            return {html.unescape(field): html.unescape(alias) for field, alias in found if alias and alias != field}
    return {}


def write_geopackage(path: Path, tables: dict[str, gpd.GeoDataFrame], day: str) -> None:
    """Write layers into one GeoPackage 1.2, the same bytes for the same content; `day` (ISO) is its date of change.

    The file appears whole or not at all.
    """
    part = path.with_name(f"{path.stem}.part.gpkg")
    part.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day}T00:00:00.000Z", "OGR_SQLITE_SYNCHRONOUS": "OFF"})
    try:
        for name, frame in tables.items():
            options = {
                "layer": name,
                "driver": "GPKG",
                "append": part.exists(),
                "dataset_options": {"VERSION": "1.2"},
            }
            pyogrio.write_dataframe(frame, part, **options)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None, "OGR_SQLITE_SYNCHRONOUS": None})
    part.replace(path)

"""Read files of a package by Fiona, which brings a GDAL of its own build: the one door to fiona."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import fiona
import numpy as np
import shapely

from geosys.publish.read_back.found import (
    DATE,
    INTEGER,
    LINE,
    NUMBER,
    PIECE_ROWS,
    POINT,
    POLYGON,
    TEXT,
    TRUTH,
    DamageError,
    Found,
    FoundField,
    Piece,
    objects,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from geosys.publish.content import ShapedLayer

READER = f"fiona {fiona.__version__} (GDAL {fiona.__gdal_version__})"
_KINDS = {
    "str": TEXT, "int": INTEGER, "int16": INTEGER, "int32": INTEGER, "int64": INTEGER, "float": NUMBER, "float32": NUMBER,
    "date": DATE, "datetime": DATE, "bool": TRUTH,
}  # fmt: skip
_SHAPES = {"Point": POINT, "LineString": LINE, "Polygon": POLYGON}
_DRIVERS = {".gdb": "OpenFileGDB", ".gpkg": "GPKG", ".shp": "ESRI Shapefile"}


def read_by_fiona(path: Path, layer: ShapedLayer) -> Found:
    """Read one layer of a geodatabase, GeoPackage or shapefile; a shapefile's texts in the encoding its ``.cpg`` states.

    Raises
    ------
    DamageError
        When the file cannot be opened or has no such layer.
    """
    driver = _DRIVERS[path.suffix.lower()]
    name = layer.layer.name if driver != "ESRI Shapefile" else path.stem
    try:
        with fiona.open(path, layer=name, allowed_drivers=[driver]) as source:
            schema, rows, crs = source.schema, len(source), source.crs_wkt
    except (fiona.errors.FionaError, OSError, ValueError) as error:
        raise DamageError(
            f"{path.name} {name}: got a file that cannot be opened ({error}), expected {driver}."
        ) from None
    fields = [
        FoundField(str(field), _KINDS.get(str(kind).partition(":")[0], ""))
        for field, kind in schema["properties"].items()
    ]
    shape = _SHAPES.get(str(schema["geometry"]).removeprefix("3D ").removeprefix("Multi"), "")
    pieces = _pieces(path, name, driver, [field.name for field in fields])
    return Found(READER, fields, rows, shape, crs or None, pieces)


def _pieces(path: Path, layer: str, driver: str, fields: Sequence[str]) -> Generator[Piece]:
    with fiona.open(path, layer=layer, allowed_drivers=[driver]) as source:
        rows = iter(source)
        while some := list(islice(rows, PIECE_ROWS)):
            columns = {name: objects(feature.properties[name] for feature in some) for name in fields}
            yield Piece(columns, np.asarray(objects(_shape(feature.geometry) for feature in some), dtype=object))


def _shape(geometry: Any) -> shapely.Geometry | None:
    """Return a shapely geometry from Fiona's own; polygons by their rings, so that nothing is mended on the way."""
    if geometry is None:
        return None
    if geometry.type not in _MAKERS:
        raise DamageError(f"got a geometry of kind {geometry.type}, expected points, lines or polygons.")
    return _MAKERS[geometry.type](geometry.coordinates)


def _polygon(rings: Any) -> shapely.Polygon:
    return shapely.Polygon(rings[0], rings[1:]) if rings else shapely.Polygon()


_MAKERS: dict[str, Callable[[Any], shapely.Geometry]] = {
    "Point": shapely.Point, "MultiPoint": shapely.MultiPoint, "LineString": shapely.LineString,
    "MultiLineString": shapely.MultiLineString, "Polygon": _polygon,
    "MultiPolygon": lambda parts: shapely.MultiPolygon([_polygon(rings) for rings in parts]),
}  # fmt: skip

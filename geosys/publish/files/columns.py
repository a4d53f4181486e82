"""The columns of a shaped layer as GDAL writes them: types and widths by the profile, not by the values that happen to be there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from geosys.publish.content import Field, ShapedLayer

GEODATABASE, GEOPACKAGE = "OpenFileGDB", "GPKG"
MOST_SHORT_DIGITS = 9  # a whole number of so many digits fits 32 bits: what ArcGIS calls a long integer
_SHORT = 2**31 - 1
_MULTI = {"polygon": "MultiPolygon", "line": "MultiLineString"}
# ArcGIS before 3.2 knows no whole numbers of 64 bits, no dates without a time and no truth values.
_TYPES: Mapping[str, Mapping[str, pa.DataType]] = {
    GEODATABASE: {"text": pa.string(), "number": pa.float64(), "date": pa.timestamp("ms"), "truth": pa.int32()},
    GEOPACKAGE: {"text": pa.string(), "number": pa.float64(), "date": pa.date32(), "truth": pa.bool_()},
}
_LONG = {GEODATABASE: pa.float64(), GEOPACKAGE: pa.int64()}


def columns_of(shaped: ShapedLayer, driver: str, aliases: Mapping[str, str]) -> pa.Table:
    """Return the fields of a layer in their order, typed for a driver; missing values stay missing.

    Parameters
    ----------
    driver : `GEODATABASE` or `GEOPACKAGE`.
    aliases : field -> its alias; a field without one has none.
    """
    fields, arrays = [], []
    for field in shaped.layer.fields:
        values = [None if pd.isna(v) else v for v in shaped.frame[field.name].astype(object)]
        told = {"GDAL:OGR:alternative_name": aliases[field.name]} if field.name in aliases else {}
        if field.type == "text" and field.length:
            told["GDAL:OGR:width"] = str(field.length)
        kind = _whole(field, values, driver) if field.type == "integer" else _TYPES[driver][field.type]
        fields.append(pa.field(field.name, kind, metadata=told or None))
        arrays.append(pa.array([_made(v, field.type, kind) for v in values], kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _whole(field: Field, values: list[Any], driver: str) -> pa.DataType:
    """Return the type of whole numbers; only where the profile sets no length do the values decide."""
    is_short = all(v is None or abs(int(v)) <= _SHORT for v in values)
    if (0 < field.length <= MOST_SHORT_DIGITS or not field.length) and is_short:
        return pa.int32()
    return _LONG[driver]


def _made(value: Any, kind: str, stored: pa.DataType) -> Any:
    if value is None or kind == "text":
        return value
    if kind == "truth":
        return int(value) if stored == pa.int32() else bool(value)
    if kind == "date":
        return value if stored == pa.date32() else dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a day has no zone
    return float(value) if stored == pa.float64() else int(value)


def geometry_kind(shaped: ShapedLayer) -> str:
    """Return a layer's type of geometry, also where it has no row: polygons and lines are multi, points where one is."""
    if shaped.layer.geometry in _MULTI:
        return _MULTI[shaped.layer.geometry]
    return "MultiPoint" if "MultiPoint" in set(shaped.frame.geometry.geom_type.dropna()) else "Point"


def wkb_of(shaped: ShapedLayer) -> NDArray[np.object_]:
    """Return the geometry of each row as WKB in two dimensions, None where there is none."""
    found: NDArray[np.object_] = shapely.to_wkb(shapely.force_2d(shaped.frame.geometry.to_numpy()))
    return found


def crs_of(shaped: ShapedLayer) -> str:
    """Return the CRS of a layer as its EPSG code, or as WKT where it has none."""
    code = shaped.frame.crs.to_epsg()
    return f"EPSG:{code}" if code else str(shaped.frame.crs.to_wkt())

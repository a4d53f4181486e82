"""Rows as PostgreSQL takes them fastest: CSV by columns, geometry as hexadecimal EWKB, and what was sent counted on the way."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import shapely

from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.publish.postgis.edition import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from geosys.publish.postgis.edition import Column, Table

ROWS_AT_ONCE = 10_000
SMALLEST_RADIUS_M = 6_335_000.0  # of curvature of the ellipsoid: in the meridian, at the equator
EDGE_SHARE = 1.5  # √2, and six hundredths more for what the ellipsoid adds to the sphere
ROUNDING_M2 = 3e-5  # a vertex
_KINDS = {"integer": pa.int64(), "number": pa.float64(), "truth": pa.bool_(), "date": pa.date32(), "text": pa.string()}
_MULTI = {
    "point": ("Point", "MultiPoint", shapely.multipoints),
    "line": ("LineString", "MultiLineString", shapely.multilinestrings),
    "polygon": ("Polygon", "MultiPolygon", shapely.multipolygons),
}


@dataclass(frozen=True, slots=True)
class Shapes:
    """Hold the geometry of a table as one type that all its rows have: `kind` as PostGIS names it; missing ones stay missing."""

    kind: str
    shapes: NDArray[np.object_]
    has_lost_heights: bool = False


def as_one_kind(geometries: NDArray[np.object_], geometry: str) -> Shapes:
    """Return lines and polygons as multi geometries, points where one of them is; heights only where all have one.

    Examples
    --------
    >>> as_one_kind(np.array([shapely.box(0, 0, 1, 1), None]), "polygon").kind
    'MultiPolygon'
    """
    single, multi, make = _MULTI[geometry]
    shapes = np.array([*geometries, None], dtype=object)[:-1]  # numpy would take apart a list of multi geometries
    there = ~shapely.is_missing(shapes)
    heights = shapely.has_z(shapes[there & ~shapely.is_empty(shapes)])
    has_heights = bool(len(heights) and heights.all())
    if not has_heights:
        shapes = shapely.force_2d(shapes)
    alone = shapely.get_type_id(shapes) == shapely.GeometryType[single.upper()].value
    if geometry == "point" and alone[there].all():
        return Shapes(f"{single}{'Z' * has_heights}", shapes, bool(heights.any()) and not has_heights)
    shapes[alone] = make(shapes[alone], indices=np.arange(int(alone.sum())))
    return Shapes(f"{multi}{'Z' * has_heights}", shapes, bool(heights.any()) and not has_heights)


@dataclass(slots=True)
class Sent:
    """Hold what was sent: rows, and of each column how many values there were."""

    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)


def csv_of(
    table: Table, frame: gpd.GeoDataFrame, shapes: NDArray[np.object_] | None, srid: int, sent: Sent
) -> Iterator[bytes]:
    """Yield the rows of a table as CSV: key, columns, geometry; a missing value is nothing, an empty text ``""``."""
    names = [KEY, *(column.id for column in table.columns), *(["geometry"] if shapes is not None else [])]
    for first in range(0, len(frame), ROWS_AT_ONCE):
        part = frame.iloc[first : first + ROWS_AT_ONCE]
        arrays = [pa.Array.from_pandas(part[KEY].astype(object), type=pa.string())]
        arrays += [_typed(part[column.id], column) for column in table.columns]
        if shapes is not None:
            arrays.append(_ewkb(shapes[first : first + ROWS_AT_ONCE], srid))
        for name, array in zip(names, arrays, strict=True):
            sent.filled[name] = sent.filled.get(name, 0) + len(array) - array.null_count
        sent.rows += len(part)
        text = io.BytesIO()
        pc.write_csv(pa.table(arrays, names=names), text, pc.WriteOptions(include_header=False))
        yield text.getvalue()


def _ewkb(shapes: NDArray[np.object_], srid: int) -> pa.Array:
    there = ~shapely.is_missing(shapes)
    told = np.full(len(shapes), None, dtype=object)
    told[there] = shapely.to_wkb(shapely.set_srid(shapes[there], srid), hex=True, include_srid=True)
    return pa.array(told, pa.string())


def _typed(values: pd.Series, column: Column) -> pa.Array:
    """Return a column as its kind; texts of dates, as files hold them, are days, and empty ones missing."""
    kind = _KINDS[column.kind]
    try:
        return pa.Array.from_pandas(values, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        there: list[Any] = [None if pd.isna(v) else v for v in values]
    if column.kind == "date":
        there = [None if v in {None, ""} else pd.Timestamp(v).date() for v in there]
    elif column.kind == "text":
        there = [None if v is None else str(v) for v in there]
    return pa.array(there, kind)


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what a table amounts to: counted and summed before it is loaded, and again in the database.

    Parameters
    ----------
    plane : area of polygons, length of lines in the plane of the table's CRS, m² or m; 0 for points.
    area_m2 : on the ellipsoid; None where there are no polygons.
    bounds : west, south, east, north in the table's CRS; None where there is no geometry.
    slack_m2 : how far two right ways to sum the ellipsoidal area may lie apart: edges straight in degrees, or geodesics.
    """

    rows: int
    shapes: int
    vertices: int
    plane: float
    area_m2: float | None
    bounds: tuple[float, float, float, float] | None
    slack_m2: float = 0.0


def measure(geometry: str, shapes: NDArray[np.object_] | None, rows: int, crs: str) -> Measured:
    """Return what the rows of a table amount to before they are loaded."""
    if shapes is None:
        return Measured(rows, 0, 0, 0.0, None, None)
    there = shapes[~shapely.is_missing(shapes)]
    plane = {"point": None, "line": shapely.length, "polygon": shapely.area}[geometry]
    box = shapely.total_bounds(there) if len(there) else np.full(4, np.nan)
    is_areal = geometry == "polygon"
    return Measured(
        rows=rows, shapes=len(there), vertices=int(shapely.count_coordinates(there)),
        plane=float(plane(there).sum()) if plane is not None else 0.0,
        area_m2=float(ellipsoidal_areas_m2(there, crs).sum()) if is_areal else None,
        bounds=None if np.isnan(box).any() else _four(box.tolist()), slack_m2=edge_slack_m2(there, crs) if is_areal else 0.0,
    )  # fmt: skip


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    west, south, east, north = values
    return west, south, east, north


def edge_slack_m2(polygons: NDArray[np.object_], crs: str) -> float:
    """Return the greatest area between the edges of the statutory area and the geodesics between the same vertices, summed.

    Source
    ------
    Our own: of two curves of length L whose bearings turn at rates that differ by k, the area between is L³·k / 12. With bearing α and
    latitude φ a geodesic turns by sin(α)·tan(φ)/R; an edge straight in longitude and authalic height, as `geosys.geo.area` draws
    it, by 2·cos²(α)·sin(α)·tan(φ)/R the other way: together at most √2·tan(φ)/R. On top comes what sums of geodesic areas lose to
    rounding, measured on random polygons of 0.5 to 500 m: at most 1e-5 m² a vertex.
    """
    rings = shapely.get_rings(shapely.get_parts(polygons))
    if not len(rings):
        return 0.0
    points, ring = shapely.get_coordinates(rings, return_index=True)
    steps = np.hypot(*np.diff(points, axis=0).T)[np.diff(ring) == 0]
    box = to_crs(np.array([shapely.box(*shapely.total_bounds(rings))], dtype=object), crs, GEOGRAPHIC)
    latitude = np.radians(min(float(np.abs(shapely.bounds(box)[0, [1, 3]]).max()), 89.0))
    turning = EDGE_SHARE * np.tan(latitude) / (12.0 * SMALLEST_RADIUS_M)
    return float((steps**3).sum() * turning + ROUNDING_M2 * len(points))

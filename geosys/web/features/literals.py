"""The values that stand in filters: each held against the type of its column, so that nothing is compared that cannot be."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import shapely

from geosys.web.features.problems import ProblemError
from geosys.web.features.systems import box_of, inward

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_VERTICES = 20_000
LARGEST_WHOLE = 2**53  # beyond, JSON's numbers are no whole numbers any more, and a database may have no place for them
_SHAPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")
_DEEPEST = 6  # lists in lists of coordinates
_BOX_SIZES = (4, 6)
_MOST_DIGITS = 16


def refused(got: object, expected: str) -> ProblemError:
    """Return the problem of a filter."""
    return ProblemError(400, f"filter: got {str(got)[:200]}, expected {expected}.")


def value_for(kind: str, value: Any, where: str) -> str | float | bool | dt.date:
    """Return a literal as a column of a type is compared with it.

    Raises
    ------
    ProblemError
        400 for a literal of another type.
    """
    if (
        kind in {"integer", "number"}
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and _is_finite(value)
    ):
        return int(value) if isinstance(value, int) and abs(value) <= LARGEST_WHOLE else float(value)
    if kind == "text" and is_text(value):
        return str(value)
    if kind == "truth" and isinstance(value, bool):
        return value
    if kind == "date":
        day = _day(value)
        if day is not None:
            return day
    asked = {"date": "a date as DATE('2025-06-30')", "text": "a text", "truth": "true or false"}.get(kind, "a number")
    raise refused(f"{value!r} for '{where}'", asked)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _day(value: Any) -> dt.date | None:
    """Return the day of ``{"date": …}``, of a timestamp at midnight, or of a text that is a date."""
    text = value
    if isinstance(value, dict) and len(value) == 1:
        text = value.get("date", value.get("timestamp"))
    if not isinstance(text, str):
        return None
    day, _, time = text.strip().partition("T")
    if time and time.rstrip("Z").strip("0:.") != "":
        return None
    try:
        return dt.date.fromisoformat(day)
    except ValueError:
        return None


def text_value(kind: str, text: str, where: str) -> str | float | bool | dt.date:
    """Return the value of a query parameter that names a column.

    Raises
    ------
    ProblemError
        400 when the text is none of the column's type.
    """
    try:
        if kind in {"integer", "number"}:
            return value_for(kind, int(text) if kind == "integer" and len(text) < _MOST_DIGITS else float(text), where)
    except ValueError:
        raise ProblemError(400, f"{where}: got {text[:100]!r}, expected a number.") from None
    if kind == "truth":
        if text not in {"true", "false"}:
            raise ProblemError(400, f"{where}: got {text[:100]!r}, expected true or false.")
        return text == "true"
    return value_for(kind, text, where)


def shape_of(value: Any, system: str) -> shapely.Geometry:
    """Return a GeoJSON geometry or ``{"bbox": …}`` of a filter in EPSG:4490, longitude first.

    Raises
    ------
    ProblemError
        400 when it is none, has too many vertices or lies where its system has no place.
    """
    if isinstance(value, dict) and set(value) == {"bbox"}:
        numbers = value["bbox"]
        if not (isinstance(numbers, list) and len(numbers) in _BOX_SIZES and all(is_number(n) for n in numbers)):
            raise refused(value, "a box of four numbers")
        return box_of([float(n) for n in numbers], system)
    geometry = read_shape(value)
    if geometry is None or shapely.is_empty(geometry):
        raise refused(value, "a geometry or a box")
    if not shapely.is_valid(geometry):
        raise refused(shapely.is_valid_reason(geometry), "a valid geometry")
    moved = inward(geometry, system)
    if moved is None:
        raise refused("coordinates without a place", f"coordinates of {system} in the order of its authority")
    return moved


def is_text(value: Any) -> bool:
    """Say whether a value is a text that can be stored: no NUL, no half of a letter (a lone surrogate)."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value)


def read_shape(value: Any) -> shapely.Geometry | None:
    """Return the geometry of GeoJSON, two dimensions, whatever its system; None for what is none.

    Coordinates that are no finite numbers, nested too deep or too many never reach GEOS.

    Raises
    ------
    ProblemError
        413 when it has more than `MOST_VERTICES` vertices.
    """
    if not isinstance(value, dict) or value.get("type") not in _SHAPES:
        return None
    if value["type"] == "GeometryCollection":
        members = value.get("geometries")
        if not isinstance(members, list) or not members:
            return None
        shapes = [
            None if isinstance(m, dict) and m.get("type") == "GeometryCollection" else read_shape(m) for m in members
        ]
        if sum(int(shapely.get_num_coordinates(s)) for s in shapes if s is not None) > MOST_VERTICES:
            raise ProblemError(413, f"geometry: got more than {MOST_VERTICES} vertices, expected fewer.")
        return None if any(shape is None for shape in shapes) else shapely.GeometryCollection(shapes)
    vertices = _vertices(value.get("coordinates"), 0)
    if vertices is None:
        return None
    if vertices > MOST_VERTICES:
        raise ProblemError(413, f"geometry: got {vertices} vertices, expected at most {MOST_VERTICES}.")
    return _made(value)


def _made(value: Mapping[str, Any]) -> shapely.Geometry | None:  # noqa: PLR0911  one way out for each type
    """Return the geometry of checked coordinates, or None where they do not fit its type."""
    kind, told = value["type"], value["coordinates"]
    try:
        if kind == "Point":
            return shapely.Point(told[:2])
        if kind == "MultiPoint":
            return shapely.MultiPoint([p[:2] for p in told])
        if kind == "LineString":
            return shapely.LineString(_flat(told))
        if kind == "MultiLineString":
            return shapely.MultiLineString([_flat(part) for part in told])
        if kind == "Polygon":
            return _polygon(told)
        return shapely.MultiPolygon([_polygon(part) for part in told])
    except (ValueError, TypeError, IndexError, KeyError, shapely.GEOSException):
        return None


def _polygon(rings: list[Any]) -> shapely.Polygon:
    if not rings or any(list(ring[0]) != list(ring[-1]) for ring in rings):
        raise ValueError("a ring is not closed")
    return shapely.Polygon(_flat(rings[0]), [_flat(ring) for ring in rings[1:]])


def _flat(points: list[Any]) -> list[list[float]]:
    return [[float(p[0]), float(p[1])] for p in points]


def _vertices(told: Any, depth: int) -> int | None:
    """Return the number of positions in nested lists, or None where anything else stands in them."""
    if not isinstance(told, list) or not told or depth > _DEEPEST:
        return None
    if all(is_number(part) for part in told):
        return 1 if len(told) in {2, 3, 4} else None
    counts = [_vertices(part, depth + 1) for part in told]
    return None if any(c is None for c in counts) else sum(c for c in counts if c is not None)

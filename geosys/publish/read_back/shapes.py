"""Compare geometries vertex by vertex; rings may turn the other way, begin elsewhere and stand in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

AREA_SLACK = 1e-9  # relative
_POLYGON = 2


@dataclass(frozen=True, slots=True)
class _Flat:
    """Hold geometries as points: of each ring or part its row and size, of each row its rings and points."""

    rows: NDArray[np.int64]
    sizes: NDArray[np.int64]
    xy: NDArray[np.float64]
    rings_of_row: NDArray[np.int64]
    points_of_row: NDArray[np.int64]


def differing(got: NDArray[np.object_], expected: NDArray[np.object_], step: float) -> NDArray[np.bool_]:
    """Say of each row whether the geometry found differs from the expected one.

    A single geometry equals a multi geometry of one part; an empty one equals a missing one.

    Parameters
    ----------
    step : how far a vertex may be off along each axis, in the unit of the CRS.

    Examples
    --------
    >>> square, turned = shapely.box(0, 0, 9, 9), shapely.Polygon([(9, 9), (9, 0), (0, 0), (0, 9)])
    >>> moved = shapely.Polygon([(0, 0), (9, 0), (9, 9.001), (0, 9)])
    >>> differing(np.array([turned, moved, None]), np.array([square] * 3), 0.0001).tolist()
    [False, True, True]
    """
    nothing = shapely.is_missing(got) | shapely.is_empty(got)
    unwanted = shapely.is_missing(expected) | shapely.is_empty(expected)
    wrong: NDArray[np.bool_] = nothing != unwanted
    both = np.flatnonzero(~nothing & ~unwanted)
    for way in (shapely.orient_polygons, shapely.normalize):
        if len(both):
            both = both[_unlike(way(got[both]), way(expected[both]), step)]
    for row in both:
        wrong[row] = not _is_alike(got[row], expected[row], step)
    return wrong


def _unlike(got: NDArray[np.object_], expected: NDArray[np.object_], step: float) -> NDArray[np.bool_]:
    """Say of each pair whether any point differs, ring by ring in the order in which they stand."""
    a, b = _flat(got), _flat(expected)
    unlike: NDArray[np.bool_] = shapely.get_dimensions(got) != shapely.get_dimensions(expected)
    unlike |= (a.rings_of_row != b.rings_of_row) | (a.points_of_row != b.points_of_row)
    unlike |= shapely.get_num_geometries(got) != shapely.get_num_geometries(expected)
    a, b = _without(a, unlike), _without(b, unlike)
    unlike[a.rows[a.sizes != b.sizes]] = True
    far = (np.abs(a.xy - b.xy) > step).any(axis=1) | ~np.isfinite(a.xy).all(axis=1)
    unlike[np.repeat(a.rows, a.sizes)[far]] = True
    return unlike


def _flat(shapes: NDArray[np.object_]) -> _Flat:
    parts, rows = shapely.get_parts(shapes, return_index=True)
    if len(parts) and (shapely.get_dimensions(parts) == _POLYGON).all():
        parts, part = shapely.get_rings(parts, return_index=True)
        rows = rows[part]
    sizes = shapely.get_num_coordinates(parts).astype(np.int64)
    rings = np.bincount(rows, minlength=len(shapes))
    points = np.bincount(rows, weights=sizes, minlength=len(shapes)).astype(np.int64)
    return _Flat(rows.astype(np.int64), sizes, shapely.get_coordinates(parts), rings, points)


def _without(flat: _Flat, left_out: NDArray[np.bool_]) -> _Flat:
    kept = ~left_out[flat.rows]
    xy = flat.xy[np.repeat(kept, flat.sizes)]
    return _Flat(flat.rows[kept], flat.sizes[kept], xy, flat.rings_of_row, flat.points_of_row)


def _is_alike(got: shapely.Geometry, expected: shapely.Geometry, step: float) -> bool:
    """Say whether two geometries are the same but for the order of parts and rings and where rings begin."""
    if (
        shapely.get_dimensions(got) != shapely.get_dimensions(expected)
        or (np.abs(shapely.bounds(got) - shapely.bounds(expected)) > step).any()
    ):
        return False
    left = list(shapely.get_parts(got))
    for part in shapely.get_parts(expected):
        at = next((i for i, other in enumerate(left) if _is_alike_part(other, part, step)), None)
        if at is None:
            return False
        left.pop(at)
    return not left


def _is_alike_part(got: shapely.Geometry, expected: shapely.Geometry, step: float) -> bool:
    if expected.geom_type != "Polygon" or got.geom_type != "Polygon":
        a, b = shapely.get_coordinates(got), shapely.get_coordinates(expected)
        return a.shape == b.shape and bool((np.abs(a - b) <= step).all())
    if not _is_alike_ring(got.exterior, expected.exterior, step):
        return False
    left = list(got.interiors)
    for ring in expected.interiors:
        at = next((i for i, other in enumerate(left) if _is_alike_ring(other, ring, step)), None)
        if at is None:
            return False
        left.pop(at)
    return not left


def _is_alike_ring(got: shapely.LinearRing, expected: shapely.LinearRing, step: float) -> bool:
    a, b = shapely.get_coordinates(got)[:-1], shapely.get_coordinates(expected)[:-1]
    if a.shape != b.shape:
        return False
    for way in (b, b[::-1]):
        starts = np.flatnonzero((np.abs(way - a[0]) <= step).all(axis=1))
        if any((np.abs(np.roll(way, -start, axis=0) - a) <= step).all() for start in starts):
            return True
    return False


def areas_differ(got: NDArray[np.object_], expected: NDArray[np.object_], step: float) -> NDArray[np.bool_]:
    """Say of each row whether the area in the plane differs by more than 1e-9 of itself and what moved vertices make of it.

    A border each of whose points moved by at most `step` along each axis changes the area by at most its length by √2 steps.
    """
    wanted = np.nan_to_num(shapely.area(expected))
    slack = AREA_SLACK * wanted + np.nan_to_num(shapely.length(expected)) * step * np.sqrt(2)
    differs: NDArray[np.bool_] = np.abs(np.nan_to_num(shapely.area(got)) - wanted) > slack
    return differs


def told(got: shapely.Geometry | None, expected: shapely.Geometry | None, step: float) -> tuple[str, str]:
    """Return what differs between two geometries: their kinds, the numbers of their points, or the first vertex.

    Examples
    --------
    >>> told(shapely.Point(1, 2), shapely.Point(1, 3), 0.0)
    ('vertex 1 of 1: 1.0 2.0', 'vertex 1 of 1: 1.0 3.0')
    """
    if got is None or expected is None or got.is_empty or expected.is_empty:
        return _kind(got), _kind(expected)
    a, b = (shapely.get_coordinates(shapely.orient_polygons(shape)) for shape in (got, expected))
    if a.shape != b.shape or shapely.get_num_geometries(got) != shapely.get_num_geometries(expected):
        return _kind(got), _kind(expected)
    far = np.flatnonzero((np.abs(a - b) > step).any(axis=1))
    if not len(far):
        return _kind(got), _kind(expected)
    at = int(far[0])
    found, wanted = (f"vertex {at + 1} of {len(xy)}: {float(xy[at, 0])!r} {float(xy[at, 1])!r}" for xy in (a, b))
    return found, wanted


def _kind(shape: shapely.Geometry | None) -> str:
    if shape is None or shape.is_empty:
        return "（空 missing）"
    rings = sum(1 + len(p.interiors) if p.geom_type == "Polygon" else 1 for p in shapely.get_parts(shape))
    count, points = shapely.get_num_geometries(shape), shapely.get_num_coordinates(shape)
    return f"{shape.geom_type.removeprefix('Multi')}, parts {count}, rings {rings}, vertices {points}"

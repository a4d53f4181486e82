"""Boundaries: whether a geometry has stayed where it was, within a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 5  # samples per tolerance along an edge
_MOST_MEASURED = 200


def moved_m(one: shapely.Geometry | None, two: shapely.Geometry | None, tolerance_m: float) -> float | None:
    """Return how far a boundary moved, or None where all of it stayed within the tolerance.

    Both ways: no point of either boundary may lie farther from the other one than `tolerance_m`. Edges are sampled every
    fifth of the tolerance, so that a bulge may exceed it by a tenth at most. Only edges that the two do not share are
    looked at. What appeared, vanished or changed its dimension has moved infinitely far.

    Parameters
    ----------
    one, two
        Points, lines or polygons in one metric CRS, m; of polygons the rings count.

    Examples
    --------
    >>> square = shapely.box(0, 0, 100, 100)
    >>> moved_m(square, shapely.box(0, 0, 100.4, 100), 0.5) is None
    True
    >>> round(moved_m(square, shapely.box(0, 0, 103, 100), 0.5), 3)
    3.0
    """
    if one is None or two is None or one.is_empty or two.is_empty:
        gone = [shape is None or shape.is_empty for shape in (one, two)]
        return None if all(gone) else float("inf")
    if shapely.get_dimensions(one) != shapely.get_dimensions(two):
        return float("inf")
    ways = [_moved_one_way(*pair, tolerance_m) for pair in ((one, two), (two, one))]
    return max((way for way in ways if way is not None), default=None)


def _moved_one_way(one: shapely.Geometry, two: shapely.Geometry, tolerance_m: float) -> float | None:
    target = two.boundary if shapely.get_dimensions(two) == 2 else two  # noqa: PLR2004
    points = shapely.points(_samples(one, target, tolerance_m / STEPS))
    shapely.prepare(target)
    far = points[~shapely.dwithin(target, points, tolerance_m)]
    if not len(far):
        return None
    return float(shapely.distance(far[:: max(1, len(far) // _MOST_MEASURED)], target).max())


def _samples(one: shapely.Geometry, two: shapely.Geometry, step: float) -> NDArray[np.float64]:
    """Return points along the edges of `one` that `two` does not have, at most `step` apart."""
    if shapely.get_dimensions(one) == 0:
        return np.asarray(shapely.get_coordinates(one))
    own = _edges(one)
    known = {tuple(edge) for edge in _edges(two).tolist()}
    left = own[[tuple(edge) not in known for edge in own.tolist()]]
    if not len(left):
        return np.empty((0, 2))
    lines = shapely.linestrings(left.reshape(-1, 2, 2))
    return np.asarray(shapely.get_coordinates(shapely.segmentize(lines, max(step, 1e-6))))


def _edges(shape: shapely.Geometry) -> NDArray[np.float64]:
    """Return the edges of a line or of rings, the lesser end first: columns x, y, x, y."""
    parts = shapely.get_parts(shapely.force_2d(shape))
    if shapely.get_dimensions(shape) == 2:  # noqa: PLR2004
        parts = shapely.get_rings(parts)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    inside = part[1:] == part[:-1]
    edges = np.hstack([xy[:-1], xy[1:]])[inside]
    turned = (edges[:, 0] > edges[:, 2]) | ((edges[:, 0] == edges[:, 2]) & (edges[:, 1] > edges[:, 3]))
    edges[turned] = edges[turned][:, [2, 3, 0, 1]]
    return np.unique(edges, axis=0)

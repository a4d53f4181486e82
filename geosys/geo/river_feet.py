"""The feet of points on river lines: which lines may be near, and where on each the nearest place is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.flat.feet import in_boxes, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


def near_lines(xy: Floats, lines: NDArray[np.object_], reach: float) -> tuple[Ints, Ints]:
    """Return pairs of point and line, all those within a distance among them: the line's box is that near.

    Parameters
    ----------
    xy
        Points, shape (p, 2); a point that is no number is near nothing.
    lines
        Lines of the same plane, shape (m,).
    reach
        Metres of the plane, 0 or more; may be infinite.
    """
    none = np.zeros(0, dtype=np.int64)
    there = np.flatnonzero(np.isfinite(xy).all(axis=1))
    if not len(there) or not len(lines):
        return none, none
    places, boxes = xy[there], np.asarray(shapely.bounds(lines))
    low = np.minimum(places.min(axis=0), boxes[:, :2].min(axis=0))
    high = np.maximum(places.max(axis=0), boxes[:, 2:].max(axis=0))
    wide = min(reach, float(np.hypot(*(high - low)))) * (1.0 + 1e-9) + 1e-6
    point, line = in_boxes(places, boxes + np.array([-wide, -wide, wide, wide]))
    return there[point], line


def feet(xy: Floats, lines: NDArray[np.object_], point: Ints, line: Ints) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return for pairs of point and line how far along the line its nearest place is, how far away, and whether left of it.

    Lengths are of the plane; of places equally near the first along the line counts; left is as the line is drawn.
    """
    some, number = np.unique(line, return_inverse=True)
    start = np.r_[0, np.cumsum(shapely.get_num_coordinates(lines[some]), dtype=np.int64)]
    return nearest(shapely.get_coordinates(lines[some]), start, number.ravel(), xy[point])

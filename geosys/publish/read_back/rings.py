"""Make geometries of the parts that Esri's formats hold: rings without word of which is a hole but their sense of turning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.publish.read_back.found import LINE, POINT, POLYGON, DamageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def geometries_of(
    kind: str, count: int, rows: NDArray[np.int64], sizes: NDArray[np.int64], xy: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Return one geometry for each of `count` rows, None for those without a part.

    Parameters
    ----------
    kind : ``point`` (each row's parts become one multi point), ``line`` or ``polygon``.
    rows : the row of each part, ascending.
    sizes : the number of points of each part.
    xy : all points, of shape (sum of sizes, 2).

    Raises
    ------
    DamageError
        When a part is too short to be what it is, or a ring is not closed.

    Examples
    --------
    >>> outer, hole = [(0, 0), (0, 9), (9, 9), (0, 0)], [(1, 2), (2, 4), (1, 4), (1, 2)]
    >>> made = geometries_of("polygon", 2, np.array([1, 1]), np.array([4, 4]), np.array(outer + hole, dtype=float))
    >>> made[0], made[1].area
    (None, 39.5)
    """
    shapes: NDArray[np.object_] = np.full(count, None, dtype=object)
    if not len(rows):
        return shapes
    _check(kind, rows, sizes, xy)
    part_of = np.repeat(np.arange(len(sizes)), sizes)
    if kind == POINT:
        return _gathered(shapely.multipoints, shapely.points(xy), np.repeat(rows, sizes), shapes)
    if kind == LINE:
        return _gathered(shapely.multilinestrings, shapely.linestrings(xy, indices=part_of), rows, shapes)
    rings = shapely.linearrings(xy, indices=part_of)
    return _gathered(shapely.multipolygons, *_polygons(rings, rows), shapes)


def _check(kind: str, rows: NDArray[np.int64], sizes: NDArray[np.int64], xy: NDArray[np.float64]) -> None:
    least = {POINT: 1, LINE: 2, POLYGON: 4}[kind]
    short = np.flatnonzero(sizes < least)
    if len(short):
        raise DamageError(
            f"row {rows[short[0]] + 1}: got a part of {sizes[short[0]]} points, expected {least} or more."
        )
    if not np.isfinite(xy).all():
        at = np.flatnonzero(~np.isfinite(xy).all(axis=1))[0]
        raise DamageError(
            f"row {np.repeat(rows, sizes)[at] + 1}: got a coordinate that is no number, expected numbers."
        )
    if kind == POLYGON:
        ends = np.cumsum(sizes)
        opened = np.flatnonzero((xy[ends - sizes] != xy[ends - 1]).any(axis=1))
        if len(opened):
            raise DamageError(
                f"row {rows[opened[0]] + 1}: got a ring that is not closed, expected its first point at its end."
            )


def _gathered(
    make: Any, parts: NDArray[np.object_], rows: NDArray[np.int64], into: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Return the multi geometry of each row's parts."""
    filled, position = np.unique(rows, return_inverse=True)
    into[filled] = make(parts, indices=position)
    return into


def _polygons(rings: NDArray[np.object_], rows: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return polygons and their rows: rings that turn clockwise are shells, the others holes in the shell around them."""
    is_hole = shapely.is_ccw(rings)
    shells = np.flatnonzero(~is_hole)
    holes_of: dict[int, list[int]] = {}
    lost = []
    for hole in np.flatnonzero(is_hole):
        near = shells[np.searchsorted(rows[shells], rows[hole]) : np.searchsorted(rows[shells], rows[hole], "right")]
        around = near if len(near) == 1 else _around(rings, near, rings[hole])
        if len(around):
            holes_of.setdefault(int(around[0]), []).append(int(hole))
        else:
            lost.append(int(hole))  # a hole in nothing: shown as a polygon, so that the comparison sees it
    standing = np.sort(np.concatenate([shells, np.array(lost, dtype=np.int64)]))
    made = np.asarray(shapely.polygons(rings[standing]), dtype=object)
    for at in np.flatnonzero(np.isin(standing, list(holes_of))):
        made[at] = shapely.Polygon(rings[standing[at]], [rings[h] for h in holes_of[int(standing[at])]])
    return made, rows[standing]


def _around(rings: NDArray[np.object_], shells: NDArray[np.int64], hole: Any) -> NDArray[np.int64]:
    """Return the shells that cover a hole, the smallest first."""
    areas = np.asarray(shapely.polygons(rings[shells]), dtype=object)
    covers = shapely.covers(areas, hole)
    found = shells[covers]
    order: NDArray[np.int64] = found[np.argsort(shapely.area(areas[covers]), kind="stable")]
    return order

"""Land cut by land: which part of each shape lies in some others, and what is left when narrow strips are taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.area_relations import rest_outside
from geosys.geo.common_parts import common_parts, of_dimension, united
from geosys.geo.pair_table import SLIVER_M2, Sides, near_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLYGON = 2
NOWHERE = shapely.Polygon()


@dataclass(frozen=True, slots=True)
class Split:
    """Hold shapes cut by a cover: the part of each inside and outside, and the pairs that have land in common.

    `inside` and `outside` have shape (n,), polygons or empty. `left`, `right` are positions of shapes and cover, `pieces`
    and `area_m2` (ellipsoidal) what each pair has in common, shape (k,); slivers of rounding are left out.
    """

    inside: NDArray[np.object_]
    outside: NDArray[np.object_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    pieces: NDArray[np.object_]
    area_m2: NDArray[np.float64]


def split(shapes: NDArray[np.object_], cover: NDArray[np.object_], crs: str) -> Split:
    """Cut each shape by the union of a cover.

    Parameters
    ----------
    shapes, cover
        Valid polygons or empty ones in the metric `crs`, shapes (n,) and (m,).

    Examples
    --------
    >>> cut = split(shapely.box([0, 20], 0, [10, 30], 10), shapely.box([5], 0, [25], 10), "EPSG:4547")
    >>> shapely.area(cut.inside).tolist(), shapely.area(cut.outside).tolist()
    ([50.0, 50.0], [50.0, 50.0])
    """
    shapes, cover = np.array(shapes, dtype=object), np.array(cover, dtype=object)
    sides = Sides(shapes, cover)
    pairs = near_pairs(sides, 0.0, crs)
    areal = (shapely.get_dimensions(shapes)[pairs.left] == POLYGON) & (
        shapely.get_dimensions(cover)[pairs.right] == POLYGON
    )
    pairs = pairs.where(areal & (pairs.apart == 0))
    found = common_parts(shapes, cover, pairs.left, pairs.right, crs)
    inside = nothing(len(shapes))
    at, group = np.unique(pairs.left, return_inverse=True)
    if len(at):
        inside[at] = of_dimension(united(found.pieces, group.astype(np.int64)), POLYGON)
    real = found.area >= SLIVER_M2
    return Split(
        inside,
        rest_outside(sides, pairs, found),
        pairs.left[real],
        pairs.right[real],
        found.pieces[real],
        found.area[real],
    )


def nothing(size: int) -> NDArray[np.object_]:
    """Return as many empty polygons."""
    return np.array([NOWHERE] * size, dtype=object)


def joined(one: NDArray[np.object_], two: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the union of two shapes, row by row."""
    return of_dimension(np.array(shapely.union(one, two), dtype=object), POLYGON)


def apart(one: NDArray[np.object_], two: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return what of the first shape is not in the second, row by row."""
    return of_dimension(np.array(shapely.difference(one, two), dtype=object), POLYGON)


def wide_part(shapes: NDArray[np.object_], strip_m: float) -> NDArray[np.object_]:
    """Return each shape without what is narrower than a strip; corners stay as they are.

    Parameters
    ----------
    shapes
        Polygons or empty ones in a metric CRS, shape (n,).
    strip_m
        The width in metres of the plane.

    Examples
    --------
    >>> shape = shapely.union(shapely.box(0, 0, 100, 4), shapely.box(0, 0, 20, 30))
    >>> wide_part(np.array([shape], dtype=object), 5.0)[0].area
    600.0
    """
    core = shapely.buffer(shapes, -strip_m / 2, join_style="mitre")
    grown = shapely.buffer(core, strip_m / 2, join_style="mitre")
    return of_dimension(np.array(shapely.intersection(grown, shapes), dtype=object), POLYGON)


def wide_land(shapes: NDArray[np.object_], strip_m: float) -> NDArray[np.object_]:
    """Return what of all land together is no narrower than a strip, as polygons that do not touch, shape (k,).

    Land cut into pieces is as wide as it was whole: who divides a patch makes no strips of it.

    Examples
    --------
    >>> sum(p.area for p in wide_land(shapely.box([0, 3, 50], 0, [3, 6, 53], 100), 5.0))
    600.0
    """
    there = shapes[~shapely.is_empty(shapes)]
    whole = shapely.get_parts(np.array([shapely.union_all(there)], dtype=object))
    wide = shapely.get_parts(wide_part(whole, strip_m)) if len(there) else nothing(0)
    return np.array(wide[~shapely.is_empty(wide)], dtype=object)


def area_of(shapes: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the ellipsoidal area in m² of each shape; 0 for what is rounding of coordinates, shape (n,)."""
    area = ellipsoidal_area_m2(shapes, crs)
    return np.where(area < SLIVER_M2, 0.0, area)

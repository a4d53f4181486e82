"""Which subjects lie in an object, or in several together: inside to a tolerance, with metres to the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.area_relations import POINT, POLYGON, depth_m, without_slivers
from geosys.geo.common_parts import CommonParts, common_parts, local_shapes, of_dimension, united
from geosys.geo.pair_table import NearPairs, Sides, Terms, near_pairs, pair_table, part_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SAMPLES = 64  # places along a line at which its distance from an object is taken, where its vertices say too little


def covered_by(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Pair subjects with the objects they lie in; a subject may also lie in the union of several objects.

    Margin and measure: metres inside (positive) or outside (negative) of the nearest border on the ground; 0 where
    several objects cover together.
    """
    pairs = near_pairs(sides, terms.near_m + terms.tolerance_m, terms.crs)
    margin_m = 1.0 + 2.0 * (terms.near_m + terms.tolerance_m)
    a, b = sides.subjects[pairs.left], sides.objects[pairs.right]
    shapely.prepare(sides.objects[np.unique(pairs.right)])
    single = shapely.covers(b, a)
    open_pairs = np.flatnonzero(~single)
    around = shapely.bounds(a[open_pairs])
    b[open_pairs] = local_shapes(sides.objects, pairs.right[open_pairs], around, margin_m)
    single[open_pairs] = covers_nearly(b[open_pairs], a[open_pairs], terms.tolerance_m)
    open_pairs = open_pairs[~single[open_pairs]]
    apart = np.zeros(len(a))
    apart[open_pairs] = sticks_out_m(a[open_pairs], b[open_pairs], terms)
    found = _common(sides, pairs, terms)
    joint = _covered_together(pairs, b, single, found, terms)
    hit = single | joint
    inside = np.zeros(len(a))
    inside[single] = depth_m(sides.subjects, sides.objects, pairs.left[single], pairs.right[single], terms.crs)
    margin = np.where(single, inside, np.where(joint, 0.0, -apart))
    areal = found.own > 0
    area = without_slivers(found.area, terms)
    return pair_table(
        pairs.left, pairs.right, hit, hit | (apart <= terms.near_m + terms.tolerance_m), is_near=np.abs(margin) <= terms.near_m,
        area_m2=np.where(areal, area, np.nan), share=np.where(areal, part_of(area, found.own), np.nan),
        object_share=np.where(areal, part_of(area, found.other), np.nan), distance_m=np.where(hit, 0.0, apart),
        measure=margin, margin=margin,
    )  # fmt: skip


def covers_nearly(outer: NDArray[np.object_], inner: NDArray[np.object_], tolerance_m: float) -> NDArray[np.bool_]:
    """Say which outer shapes hold the inner one but for a tolerance of the border.

    Vertices alone do not decide: a hole or a notch may lie between them.
    """
    shapely.prepare(outer)
    held = shapely.covers(outer, inner)
    maybe = np.flatnonzero(~held)
    maybe = maybe[_vertices_out_m(inner[maybe], outer[maybe]) <= tolerance_m]
    points = shapely.get_dimensions(inner[maybe]) == POINT
    held[maybe[points]] = True
    rest = maybe[~points]
    held[rest] = shapely.covers(shapely.buffer(outer[rest], tolerance_m), inner[rest])
    return np.asarray(held)


def sticks_out_m(subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> NDArray[np.float64]:
    """Return how far in metres of the plane each subject reaches out of its object, where it does not lie in it.

    Beyond the accuracy it is enough that a vertex does; within it the part outside is measured where it is widest, so
    that what lies over a hole is not taken for near.
    """
    far = _vertices_out_m(subjects, objects)
    dimension = shapely.get_dimensions(subjects)
    for i in np.flatnonzero((far <= terms.near_m + terms.tolerance_m) & (dimension > POINT)):
        rest = of_dimension(shapely.difference(subjects[i : i + 1], objects[i : i + 1]), int(dimension[i]))
        far[i] = max(far[i], _widest_m(rest, objects[i], dimension[i] == POLYGON))
    return far


def _widest_m(rest: NDArray[np.object_], shape: shapely.Geometry, areal: bool) -> float:
    parts = shapely.get_parts(rest)
    if not len(parts):
        return 0.0
    if areal:
        size = shapely.length(parts)
        circles = [shapely.maximum_inscribed_circle(p, tolerance=s / 1000.0) for p, s in zip(parts, size, strict=True)]
        return float(max(shapely.length(circles)))
    dense = shapely.segmentize(parts, np.maximum(shapely.length(parts) / SAMPLES, 1e-3))
    return float(shapely.distance(shapely.points(shapely.get_coordinates(dense)), shape).max())


def _vertices_out_m(subjects: NDArray[np.object_], objects: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far in metres of the plane the farthest vertex of each subject lies outside its object."""
    points, owner = shapely.get_coordinates(subjects, return_index=True)
    far = np.zeros(len(subjects))
    if len(points):
        np.maximum.at(far, owner, shapely.distance(shapely.points(points), objects[owner]))
    return far


def _common(sides: Sides, pairs: NearPairs, terms: Terms) -> CommonParts:
    """Return the common parts of the pairs of polygons; nothing for the others."""
    one, two = shapely.get_dimensions(sides.subjects)[pairs.left], shapely.get_dimensions(sides.objects)[pairs.right]
    rows = np.flatnonzero((one == POLYGON) & (two == POLYGON))
    some = common_parts(sides.subjects, sides.objects, pairs.left[rows], pairs.right[rows], terms.crs)
    area, own, other = np.zeros((3, len(pairs.left)))
    pieces = np.full(len(pairs.left), shapely.Polygon(), dtype=object)
    pieces[rows], area[rows], own[rows], other[rows] = some.pieces, some.area, some.own, some.other
    return CommonParts(pieces, area, own, other)


def _covered_together(
    pairs: NearPairs, local: NDArray[np.object_], single: NDArray[np.bool_], found: CommonParts, terms: Terms
) -> NDArray[np.bool_]:
    """Mark the pairs of subjects that no object covers alone but several do together, each with a part of them."""
    shapes = pairs.ours.shapes[pairs.left]
    takes_part = shapely.get_dimensions(shapes) > POINT
    takes_part &= ~np.isin(pairs.left, pairs.left[single]) & (pairs.apart <= terms.tolerance_m)
    rows = np.flatnonzero(takes_part)
    joint = np.zeros(len(local), dtype=bool)
    if len(rows):
        subject, group = np.unique(pairs.left[rows], return_inverse=True)
        several = np.bincount(group) > 1
        rows, group = rows[several[group]], (np.cumsum(several) - 1)[group[several[group]]]
        whole = covers_nearly(united(local[rows], group), pairs.ours.shapes[subject[several]], terms.tolerance_m)
        joint[rows[whole[group]]] = True
        joint &= (found.own == 0) | (found.area >= terms.sliver_m2)  # a corner closes a gap without being told
    return joint

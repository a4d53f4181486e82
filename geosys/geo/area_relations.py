"""Relations about how much: the area, length or points in common, what is left over, and what a subject is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.common_parts import CommonParts, both_local, common_parts, local_shapes, of_dimension, united
from geosys.geo.distances import Targets, shortest_lines
from geosys.geo.pair_table import (
    CLEAR,
    HIT,
    NEAR,
    NOBODY,
    NearPairs,
    Sides,
    Terms,
    ground_length_m,
    in_order,
    near_pairs,
    own_areas_m2,
    pair_table,
    part_of,
    reaches,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINT, LINE, POLYGON = 0, 1, 2


def intersects(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Pair features that have enough in common; touching is not hitting.

    Two polygons: the common area. A line and a polygon, or two lines: the length of the common line on the ground, a
    line on the polygon's border included. A point and anything: whether the point lies in it, on the line counts.

    Measure: common area in m² on the ellipsoid, common length in metres, or of a point metres inside (positive) or
    outside (negative). Margin: above (positive) or below (negative) the threshold, in the unit of the measure.
    """
    pairs = near_pairs(sides, terms.near_m + terms.tolerance_m, terms.crs)
    kind = np.minimum(
        shapely.get_dimensions(sides.subjects)[pairs.left], shapely.get_dimensions(sides.objects)[pairs.right]
    )
    return in_order([
        _common_areas(sides, pairs.where(kind == POLYGON), terms),
        _common_lengths(sides, pairs.where(kind == LINE), terms),
        _points_inside(sides, pairs.where(kind == POINT), terms),
    ])  # fmt: skip


def _common_areas(sides: Sides, pairs: NearPairs, terms: Terms) -> pd.DataFrame:
    meets = np.flatnonzero(pairs.apart == 0)
    found = common_parts(sides.subjects, sides.objects, pairs.left[meets], pairs.right[meets], terms.crs)
    area, share, object_share, needed, band = np.zeros((5, len(pairs.left)))
    own = own_areas_m2(sides.subjects, pairs.left, terms.crs)[pairs.left]
    area[meets] = without_slivers(found.area, terms)
    share[meets], object_share[meets] = part_of(area[meets], found.own), part_of(area[meets], found.other)
    needed = np.maximum(terms.min_area_m2, terms.min_share * own)
    band[meets] = terms.near_m * shapely.length(found.pieces)
    distance = pairs.ground_m(terms.crs)
    hit = reaches(area, needed)
    keep = hit | (area > 0) | ((distance <= terms.near_m + terms.tolerance_m) & (terms.near_m > 0))
    return pair_table(
        pairs.left, pairs.right, hit, keep, is_near=np.abs(area - needed) <= band,
        area_m2=area, share=share, object_share=object_share, distance_m=distance, measure=area, margin=area - needed,
    )  # fmt: skip


def _common_lengths(sides: Sides, pairs: NearPairs, terms: Terms) -> pd.DataFrame:
    """Pair lines with lines or polygons. The band of the margin is the accuracy at every end of the common line."""
    a, b = both_local(sides.subjects, sides.objects, pairs.left, pairs.right)
    pieces = of_dimension(shapely.intersection(a, b), LINE)
    length = ground_length_m(shapely.line_merge(pieces), terms.crs)
    length = np.where(length <= terms.tolerance_m, 0.0, length)
    own, other = (
        _own_lengths(s, at, terms.crs) for s, at in ((sides.subjects, pairs.left), (sides.objects, pairs.right))
    )
    needed = np.fmax(terms.min_length_m, terms.min_share * own)
    distance = pairs.ground_m(terms.crs)
    hit = reaches(length, needed)
    keep = hit | (length > 0) | ((distance <= terms.near_m + terms.tolerance_m) & (terms.near_m > 0))
    ends = 2 * shapely.get_num_geometries(shapely.line_merge(pieces))
    return pair_table(
        pairs.left, pairs.right, hit, keep, is_near=np.abs(length - needed) <= terms.near_m * ends, length_m=length,
        share=np.where(own > 0, part_of(length, own), np.nan), object_share=np.where(other > 0, part_of(length, other), np.nan),
        distance_m=distance, measure=length, margin=length - needed,
    )  # fmt: skip


def _own_lengths(shapes: NDArray[np.object_], which: NDArray[np.int64], crs: str) -> NDArray[np.float64]:
    """Return the ground length of the shape of each pair; NaN where it is no line."""
    used, place = np.unique(which, return_inverse=True)
    length = ground_length_m(shapes[used], crs)
    return np.where(shapely.get_dimensions(shapes[used]) == LINE, length, np.nan)[place]


def _points_inside(sides: Sides, pairs: NearPairs, terms: Terms) -> pd.DataFrame:
    """Pair points with what holds them, whichever side the point is on."""
    distance = pairs.ground_m(terms.crs)
    hit = distance <= terms.tolerance_m
    point_left = shapely.get_dimensions(sides.subjects)[pairs.left] == POINT
    depth = np.zeros(len(distance))
    for mine, points, shapes, at, of in (
        (point_left, sides.subjects, sides.objects, pairs.left, pairs.right),
        (~point_left, sides.objects, sides.subjects, pairs.right, pairs.left),
    ):
        rows = np.flatnonzero(mine & hit)
        depth[rows] = depth_m(points, shapes, at[rows], of[rows], terms.crs)
    margin = np.where(hit, depth, -distance)
    return pair_table(
        pairs.left, pairs.right, hit, hit | (distance <= terms.near_m + terms.tolerance_m), is_near=np.abs(margin) <= terms.near_m,
        distance_m=np.where(hit, 0.0, distance), measure=margin, margin=margin,
    )  # fmt: skip


def depth_m(
    inner: NDArray[np.object_], outer: NDArray[np.object_], at: NDArray[np.int64], of: NDArray[np.int64], crs: str
) -> NDArray[np.float64]:
    """Return for pairs how far on the ground the one lies inside the border of the other; 0 where that is no polygon."""
    used, place = np.unique(of, return_inverse=True)
    areal = shapely.get_dimensions(outer[used]) == POLYGON
    borders: NDArray[np.object_] = np.array(shapely.boundary(outer[used]), dtype=object)
    borders[~areal] = None
    return ground_length_m(shortest_lines(inner, Targets.of(borders), at, place.astype(np.int64)), crs)


def not_covered_by(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Find the subjects with a part outside all objects of at least the asked area and share.

    Measure: area outside in m² on the ellipsoid. Margin: m² above (positive) or below (negative) the threshold.
    """
    pairs = _meeting_areas(sides, terms)
    found = common_parts(sides.subjects, sides.objects, pairs.left, pairs.right, terms.crs)
    own = own_areas_m2(sides.subjects, np.arange(len(sides.subjects)), terms.crs)
    rest = rest_outside(sides, pairs, found)
    area = without_slivers(ellipsoidal_area_m2(rest, terms.crs), terms)
    needed = np.maximum(terms.min_area_m2, terms.min_share * own)
    band = terms.near_m * shapely.length(rest)
    return pair_table(
        np.arange(len(own)), np.full(len(own), NOBODY), reaches(area, needed), area > 0, area_m2=area,
        share=part_of(area, own), measure=area, margin=area - needed, is_near=np.abs(area - needed) <= band,
    )  # fmt: skip


def _meeting_areas(sides: Sides, terms: Terms) -> NearPairs:
    """Return the pairs of polygons that share a point."""
    pairs = near_pairs(sides, 0.0, terms.crs)
    one, two = shapely.get_dimensions(sides.subjects)[pairs.left], shapely.get_dimensions(sides.objects)[pairs.right]
    return pairs.where((one == POLYGON) & (two == POLYGON) & (pairs.apart == 0))


def rest_outside(sides: Sides, pairs: NearPairs, found: CommonParts) -> NDArray[np.object_]:
    """Return what is left of each subject outside all its objects; itself where it has none."""
    rest = np.array(sides.subjects, dtype=object)
    whole = np.zeros(len(rest), dtype=bool)
    whole[pairs.left[found.pieces == sides.subjects[pairs.left]]] = True
    rest[whole] = shapely.Polygon()
    crossing = np.flatnonzero(~whole[pairs.left] & ~shapely.is_empty(found.pieces))
    if len(crossing):
        cut, group = np.unique(pairs.left[crossing], return_inverse=True)
        boxes = shapely.bounds(sides.subjects)[pairs.left[crossing]]
        cover = united(local_shapes(sides.objects, pairs.right[crossing], boxes), group.astype(np.int64))
        rest[cut] = of_dimension(shapely.difference(rest[cut], cover), POLYGON)
    return rest


def composition(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Divide each subject among the classes of the objects under it, with the remainder as class ``""``.

    Objects of one class that overlap count once; two classes that overlap count each. A class hits where its area
    reaches the threshold; the remainder is reported as ``clear``. Object is −1: a row is about all objects of a class.

    Measure: area of the class in m² on the ellipsoid. Margin: m² above (positive) or below (negative) the threshold.
    """
    classes = _checked_classes(sides)
    pairs = _meeting_areas(sides, terms)
    found = common_parts(sides.subjects, sides.objects, pairs.left, pairs.right, terms.crs)
    names, code = np.unique(classes[pairs.right], return_inverse=True)
    key, group = np.unique(pairs.left * len(names) + code, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = united(found.pieces[order], group[order].astype(np.int64))
    subject, label = np.divmod(key, max(len(names), 1))
    own = own_areas_m2(sides.subjects, np.arange(len(sides.subjects)), terms.crs)
    rest = rest_outside(sides, pairs, found)
    everyone = np.flatnonzero(own > 0)
    return in_order([
        _class_rows(subject, names[label], parts, own, terms),
        _class_rows(everyone, np.full(len(everyone), ""), rest[everyone], own, terms),
    ])  # fmt: skip


def _class_rows(
    subject: NDArray[np.int64],
    names: NDArray[np.object_],
    parts: NDArray[np.object_],
    own: NDArray[np.float64],
    terms: Terms,
) -> pd.DataFrame:
    area = without_slivers(ellipsoidal_area_m2(parts, terms.crs), terms)
    needed = np.maximum(terms.min_area_m2, terms.min_share * own[subject])
    remainder = np.asarray(names == "", dtype=bool)
    hit = reaches(area, needed) & ~remainder
    state = np.select([remainder, hit], [CLEAR, HIT], NEAR)
    margin = np.where(remainder, np.nan, area - needed)
    return pair_table(
        subject, np.full(len(subject), NOBODY), hit, area > 0, object_class=names, state=state, area_m2=area,
        share=part_of(area, own[subject]), measure=area, margin=margin, is_near=np.abs(margin) <= terms.near_m * shapely.length(parts),
    )  # fmt: skip


def _checked_classes(sides: Sides) -> NDArray[np.object_]:
    """Return the classes of the objects as texts; raise where one has none."""
    if sides.classes is None or len(sides.classes) != len(sides.objects):
        got = "none" if sides.classes is None else f"{len(sides.classes)}"
        raise ValueError(f"composition: got {got} classes, expected one for each of {len(sides.objects)} objects.")
    missing = np.flatnonzero(pd.isna(sides.classes) | (sides.classes == ""))
    if len(missing):
        raise ValueError(
            f"composition: got no class for object {missing[0]} ({len(missing)} such), expected one for each object. "
            "Give those without one a class that says so: the empty one is the remainder."
        )
    return np.array([str(c) for c in sides.classes], dtype=object)


def without_slivers(area: NDArray[np.float64], terms: Terms) -> NDArray[np.float64]:
    """Return areas with what is rounding of coordinates set to 0."""
    return np.where(area < terms.sliver_m2, 0.0, area)

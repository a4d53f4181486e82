"""How subjects lie to objects: one table of pairs for every rule, each pair with its margin.

A relation is a function of two sides in one metric CRS; `RELATIONS` names them for the content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys.geo.area_relations import composition, intersects, not_covered_by
from geosys.geo.covering import covered_by
from geosys.geo.crs import check_metric, parse_crs
from geosys.geo.distances import Targets
from geosys.geo.distances import nearest as nearest_pairs
from geosys.geo.geometry import extent
from geosys.geo.pair_table import (
    CLEAR,
    HIT,
    NEAR,
    SLIVER_M2,
    TOLERANCE_M,
    NearPairs,
    Sides,
    Terms,
    in_plane,
    near_pairs,
    pair_table,
    scales,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["RELATIONS", "SLIVER_M2", "TOLERANCE_M", "Sides", "Terms", "relate"]


def relate(
    relation: str,
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    terms: Terms,
    *,
    itself: NDArray[np.int64] | None = None,
    classes: NDArray[np.object_] | None = None,
) -> pd.DataFrame:
    """Return the pairs that hit or come near, for one named relation.

    Parameters
    ----------
    relation
        A key of `RELATIONS`.
    subjects, objects
        Valid two-dimensional geometries, shapes (n,) and (m,), in ``terms.crs``; missing ones pair with nothing.
    terms
        Thresholds, nearness, tolerances and the metric CRS.
    itself
        For each subject the position of the object that is the same feature, −1 for none; the two never pair.
    classes
        For `composition`: the class of each object, no empty one.

    Returns
    -------
    Columns `subject` and `object` (positions; object −1 where the relation is about all objects together),
    `object_class` (of `composition`, else empty), `state` (``hit``, ``near``, or ``clear``: told for its figures only),
    `is_near` (the margin is within the accuracy of both layers), `area_m2` (ellipsoidal, common or left over), `share`
    and `object_share` (of the subject's and object's own area or length), `length_m` (ground, of the common line),
    `distance_m` (ground), `measure` (the figure the threshold is set on) and `margin` (how far from flipping, in the
    measure's unit, positive for a hit); NaN where a relation has no such figure. Sorted by subject, object and class.

    Raises
    ------
    CrsError
        When the CRS is not metric or coordinates are no metres of it.
    ValueError
        When `composition` lacks a class.

    Notes
    -----
    A limit is reached by what misses it by `tolerance_m` (areas: by one part in a thousand million), so that rounding,
    the order of rows and which side is the subject never decide.

    `is_near` of an area: if every border moves by at most `near_m`, an area changes by at most about `near_m` times the
    length of the border around it; a margin within that may flip. Of a length: `near_m` at each end of the common line.
    """
    check_metric(terms.crs, f"relation {relation}")
    subjects, objects = (np.asarray(shapely.force_2d(g), dtype=object) for g in (subjects, objects))
    for name, geometries in (("subjects", subjects), ("objects", objects)):
        _check_metres(geometries, terms.crs, f"relation {relation}, {name}")
    table = RELATIONS[relation](Sides(subjects, objects, itself, classes), terms)
    return table.sort_values(["subject", "object", "object_class"], kind="stable").reset_index(drop=True)


def dwithin(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Pair subjects with the objects within ``terms.distance_m`` on the ground.

    Measure: ground distance in metres. Margin: metres to spare (positive) or missing (negative).
    """
    pairs = near_pairs(sides, terms.distance_m + terms.near_m + terms.tolerance_m, terms.crs)
    distance = pairs.ground_m(terms.crs)
    margin = terms.distance_m - distance
    hit = margin >= -terms.tolerance_m
    keep = margin >= -(terms.near_m + terms.tolerance_m)
    return pair_table(
        pairs.left, pairs.right, hit, keep, is_near=np.abs(margin) <= terms.near_m,
        distance_m=distance, measure=distance, margin=margin,
    )  # fmt: skip


def nearest(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Pair subjects with their nearest object on the ground, within ``terms.reach_m``; all of those equally near.

    State: ``hit`` where it lies within ``terms.distance_m`` (if that is set), ``near`` where it does within the accuracy
    only, else ``clear``. A further object that is farther by no more than the accuracy may be the nearest as well: it is
    ``near`` at best, and `is_near` marks all of them.

    Measure: ground distance in metres. Margin: metres to the threshold, or else to the reach; NaN where neither is set.
    """
    pairs = _nearest_or_nearly(sides, terms)
    distance = pairs.ground_m(terms.crs)
    least = np.full(len(sides.subjects), np.inf)
    np.minimum.at(least, pairs.left, distance)
    behind = distance - least[pairs.left]
    first = behind <= terms.tolerance_m
    keep = (first | (behind <= terms.near_m + terms.tolerance_m)) & (distance <= terms.reach_m + terms.tolerance_m)
    limit = terms.distance_m or terms.reach_m
    margin = limit - distance if np.isfinite(limit) else np.full(len(distance), np.nan)
    reached = ~(margin < -terms.tolerance_m)
    rivals = np.bincount(pairs.left[keep & ~first], minlength=len(least))[pairs.left] > 0
    state = np.select([first & reached, ~(margin < -terms.near_m - terms.tolerance_m)], [HIT, NEAR], CLEAR)
    return pair_table(
        pairs.left, pairs.right, first & reached, keep, state=state, is_near=rivals | (np.abs(margin) <= terms.near_m),
        distance_m=distance, measure=distance, margin=margin,
    )  # fmt: skip


def _nearest_or_nearly(sides: Sides, terms: Terms) -> NearPairs:
    """Return for each subject the objects that may be nearest on the ground, those within the accuracy behind included.

    The nearest of the plane bounds the search: lengths of the plane differ from the ground's by its scale only.
    """
    ours, theirs = Targets.of(sides.subjects), Targets.of(sides.objects)
    least, greatest = scales(sides, terms.crs)
    plane = np.inf if np.isinf(terms.reach_m) else in_plane(terms.reach_m + terms.tolerance_m, sides, terms.crs)
    bound = _least_apart(sides, ours, plane)
    behind = (terms.near_m + terms.tolerance_m) * greatest
    radius = bound * (greatest / least) + behind
    some = np.flatnonzero(np.isfinite(radius))
    i, j = theirs.tree.query(sides.subjects[some], predicate="dwithin", distance=radius[some])
    size = max(len(sides.objects), 1)
    left, right = np.divmod(np.unique(some[i] * size + theirs.owner[j]), size)
    keep = sides.others(left, right)
    left, right = left[keep], right[keep]
    apart = shapely.distance(sides.subjects[left], sides.objects[right])
    return NearPairs(ours, theirs, left, right, apart)


def _least_apart(sides: Sides, ours: Targets, reach: float) -> NDArray[np.float64]:
    """Return the distance of each subject in the plane to some other feature, the nearest but for the same feature.

    Where subjects are among the objects, the objects are taken in two halves: the half without the subject itself has
    another feature, and its nearest is an upper bound for the nearest of all.
    """
    usable = np.flatnonzero(~shapely.is_missing(sides.objects) & ~shapely.is_empty(sides.objects))
    halves = [usable] if sides.itself is None else [usable[::2], usable[1::2]]
    least = np.full(len(sides.subjects), np.inf)
    for half in halves:
        left, _, apart = nearest_pairs(ours, Targets.of(sides.objects[half]), reach, all_ties=False)
        if sides.itself is not None:
            foreign = ~np.isin(sides.itself[left], half)
            left, apart = left[foreign], apart[foreign]
        least[left] = np.minimum(least[left], apart)
    return least


RELATIONS: dict[str, Callable[[Sides, Terms], pd.DataFrame]] = {
    "covered_by": covered_by,
    "dwithin": dwithin,
    "intersects": intersects,
    "nearest": nearest,
    "not_covered_by": not_covered_by,
    "composition": composition,
}


def _check_metres(geometries: NDArray[np.object_], crs: str, where: str) -> None:
    """Raise when coordinates look like degrees although the CRS has a false easting of hundreds of kilometres."""
    bounds = extent(geometries)
    looks_like_degrees = np.isfinite(bounds).all() and (np.abs(bounds) <= np.array([180, 90, 180, 90])).all()
    operation = parse_crs(crs).coordinate_operation
    has_false_easting = operation is not None and any("asting" in p.name and p.value for p in operation.params)
    if looks_like_degrees and has_false_easting and (np.abs(bounds - np.round(bounds)) > 0).any():
        raise CrsError(
            f"{where}: got coordinates that look like degrees ({bounds.round(4).tolist()}), expected metres of {crs}."
        )

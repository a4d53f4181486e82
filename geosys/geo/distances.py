"""Distances in the metric plane: who lies within a distance, who is nearest, and the line between the two.

Everything is measured by shapely on short runs of vertices (`geosys.geo.runs`), so the figures are those that shapely
gives for the whole geometries, and a zone of 40,000 vertices costs little more than one of forty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely

from geosys.geo.runs import Runs, box_gap, closest, contained, widened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SUBJECTS_AT_ONCE = 1_000
TOUCH_M = 1e-6  # what is farther apart than this never computes to a distance of zero
Targets: TypeAlias = Runs
Pairs: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]"


def pairs_within(subjects: NDArray[np.object_] | Runs, targets: Targets, distance: float) -> Pairs:
    """Find the pairs at most a distance apart.

    Parameters
    ----------
    subjects
        Valid geometries of one metric plane, shape (n,), of any type; missing and empty ones pair with nothing.
    targets
        The objects in the same plane, `Targets.of(array)`: build it once for many calls.
    distance
        Metres of the plane; the limit itself counts.

    Returns
    -------
    Positions of subjects and of objects and their distance in metres of the plane, each pair once, sorted by subject
    and object. The distance is 0 where the two meet or one lies inside the other, else that of `shapely.distance`.

    Raises
    ------
    ValueError
        When the distance is negative or no number.

    Examples
    --------
    >>> points = shapely.points([(0, 0), (3, 4)])
    >>> pairs_within(points, Targets.of(points), 5)
    (array([0, 0, 1, 1]), array([0, 1, 0, 1]), array([0., 5., 5., 0.]))
    """
    check_length("distance", distance)
    if np.isinf(distance):
        raise ValueError("distance: got infinity, expected metres. Ask for the nearest instead.")
    ours = subjects if isinstance(subjects, Runs) else Runs.of(subjects)
    key = _meeting(ours, targets)
    found, apart = [key], [np.zeros(len(key))]
    for left, right in _boxes_within(ours, targets, distance):
        new = ~np.isin(left * len(targets.shapes) + right, key)
        left, right = left[new], right[new]  # noqa: PLW2901
        measured = closest(ours, targets, left, right, distance).distance
        near = measured <= distance
        found.append(left[near] * len(targets.shapes) + right[near])
        apart.append(measured[near])
    return _sorted(found, apart, len(targets.shapes))


def nearest(
    subjects: NDArray[np.object_] | Runs, targets: Targets, reach: float = np.inf, all_ties: bool = True
) -> Pairs:
    """Find for each subject the nearest object, or all that are equally near.

    Parameters
    ----------
    subjects, targets
        As for `pairs_within`.
    reach
        Metres of the plane beyond which nothing is looked for; the limit itself counts.
    all_ties
        Keep all objects at the least distance; otherwise the first of them.

    Returns
    -------
    As from `pairs_within`; subjects with nothing in reach are left out.

    Raises
    ------
    ValueError
        When the reach is negative or no number.

    Examples
    --------
    >>> nearest(shapely.points([(1, 0)]), Targets.of(shapely.points([(0, 0), (5, 0), (2, 0)])))
    (array([0, 0]), array([0, 2]), array([1., 1.]))
    """
    check_length("reach", reach)
    ours = subjects if isinstance(subjects, Runs) else Runs.of(subjects)
    meeting = _meeting(ours, targets)
    has_met = np.zeros(len(ours.shapes), dtype=bool)
    has_met[meeting // max(len(targets.shapes), 1)] = True
    touching = _touching(ours, targets, has_met, meeting)
    key, apart = _nearest_pieces(ours, targets, ~has_met, reach)
    zeros = np.zeros(len(meeting) + len(touching))
    left, right, distance = _sorted([meeting, touching, key], [zeros, apart], len(targets.shapes))
    if not all_ties:
        first = np.diff(left, prepend=-1) > 0
        left, right, distance = left[first], right[first], distance[first]
    return left, right, distance


def shortest_lines(
    subjects: NDArray[np.object_] | Runs, targets: Targets, left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Draw for pairs the line from the subject to the nearest point of the object.

    Parameters
    ----------
    subjects, targets
        As for `pairs_within`.
    left, right
        Positions of subjects and objects, shape (n,), sorted or not.

    Returns
    -------
    Lines of two points, shape (n,), as long as the pair's distance; where the two meet, both points are one common
    point. Missing where a geometry is missing or empty.

    Examples
    --------
    >>> square = Targets.of(np.array([shapely.box(0, 0, 10, 10)]))
    >>> shortest_lines(shapely.points([(13, 5), (2, 2)]), square, np.array([0, 1]), np.array([0, 0])).tolist()
    [<LINESTRING (13 5, 10 5)>, <LINESTRING (2 2, 2 2)>]
    """
    ours = subjects if isinstance(subjects, Runs) else Runs.of(subjects)
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    lines = np.full(len(left), None, dtype=object)
    key = left * len(targets.shapes) + right
    for inner, points in _inside(ours, targets):
        if len(inner):
            place = np.minimum(np.searchsorted(inner, key), len(inner) - 1)
            hit = np.flatnonzero(inner[place] == key)
            ends = shapely.get_coordinates(points[place[hit]])
            lines[hit] = shapely.linestrings(np.stack([ends, ends], axis=1))
    open_pairs = np.flatnonzero(shapely.is_missing(lines))
    found = closest(ours, targets, left[open_pairs], right[open_pairs])
    real = found.left_piece >= 0
    lines[open_pairs[real]] = shapely.shortest_line(
        ours.pieces[found.left_piece[real]], targets.pieces[found.right_piece[real]]
    )
    return lines


def _inside(ours: Runs, targets: Runs) -> list[tuple[NDArray[np.int64], NDArray[np.object_]]]:
    """Return keys of pairs of which one lies inside the other, where cutting it has lost that, and a common point."""
    count = len(targets.shapes)
    right, left, points = contained(targets.polygons, targets.polygon_owner, ours.shapes)
    order = np.argsort(left * count + right)
    found = [((left * count + right)[order], points[order])]
    if len(ours.polygons):
        near = np.unique(targets.owner[targets.tree.query(ours.polygons)[1]])
        left, right, points = contained(ours.polygons, ours.polygon_owner, targets.shapes[near])
        found.append((left * count + near[right], points))
    return found


def _meeting(ours: Runs, targets: Runs) -> NDArray[np.int64]:
    """Return the keys of pairs that share a point, sorted."""
    i, j = targets.tree.query(ours.pieces, predicate="intersects")
    inside = [key for key, _ in _inside(ours, targets)]
    return np.unique(np.concatenate([ours.owner[i] * len(targets.shapes) + targets.owner[j], *inside])).astype(np.int64)


def _touching(ours: Runs, targets: Runs, wanted: NDArray[np.bool_], meeting: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the keys of further pairs of the wanted subjects that share no point but compute to a distance of 0.

    So does a vertex that lies beside an edge by a rounding only.
    """
    some = np.flatnonzero(wanted[ours.owner])
    i, j = targets.tree.query(ours.pieces[some], predicate="dwithin", distance=TOUCH_M)
    key = ours.owner[some[i]] * len(targets.shapes) + targets.owner[j]
    new = np.flatnonzero(~np.isin(key, meeting))
    zero = shapely.distance(ours.pieces[some[i[new]]], targets.pieces[j[new]]) == 0
    return np.unique(key[new[zero]]).astype(np.int64)


def _nearest_pieces(
    ours: Runs, targets: Runs, wanted: NDArray[np.bool_], reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return keys and distances of the nearest objects of the wanted subjects, by their pieces."""
    some = np.flatnonzero(wanted[ours.owner])
    limit = None if np.isinf(reach) else np.nextafter(reach, np.inf)
    (i, j), apart = targets.tree.query_nearest(ours.pieces[some], max_distance=limit, return_distance=True)
    left, right = ours.owner[some[i]], targets.owner[j]
    least = np.full(len(ours.shapes), np.inf)
    np.minimum.at(least, left, apart)
    keep = (apart == least[left]) & (apart <= reach)
    key, once = np.unique(left[keep] * len(targets.shapes) + right[keep], return_index=True)
    return key.astype(np.int64), apart[keep][once]


def _boxes_within(ours: Runs, targets: Runs, distance: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of geometries whose boxes are at most a distance apart, some subjects at a time."""
    boxes, count = ours.shape_boxes, len(targets.shapes)
    margin = widened(np.full(4, distance)) * np.array([-1, -1, 1, 1])
    real = np.flatnonzero(np.isfinite(boxes[:, 0]))
    for start in range(0, len(real), SUBJECTS_AT_ONCE):
        part = real[start : start + SUBJECTS_AT_ONCE]
        i, piece = targets.tree.query(shapely.box(*(boxes[part] + margin).T))
        near = box_gap(boxes[part[i]], targets.boxes[piece]) <= margin[2]
        left, right = np.divmod(np.unique(part[i[near]] * count + targets.owner[piece[near]]), max(count, 1))
        yield left, right


def _sorted(keys: list[NDArray[np.int64]], distances: list[NDArray[np.float64]], count: int) -> Pairs:
    """Return pairs told by subject × `count` + object in their order."""
    key, distance = np.concatenate(keys), np.concatenate(distances)
    order = np.argsort(key, kind="stable")
    left, right = np.divmod(key[order], max(count, 1))
    return left, right, distance[order]


def check_length(name: str, distance: float) -> None:
    """Raise when a length cannot be one."""
    if not distance >= 0:
        raise ValueError(f"{name}: got {distance}, expected metres, 0 or more.")

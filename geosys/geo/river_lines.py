"""River lines as they come: usable parts, ends that meet within a tolerance, crossings, doubles, and the cut into pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

from geosys.geo.river_patterns import components

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Apart = Callable[[Ints, Ints], NDArray[np.bool_]]  # of two arrays of parts: which pairs the user keeps apart

LINE_DIMENSION = 1
EXACT_M = 1e-6  # of the plane: ends so close are one point
DOUBLE_TOLERANCES = 4.0  # a line must be so many tolerances long before it can be a double of another
OVERLAP_TOLERANCES = 20.0  # lines that meet at a sharp angle run within the tolerance of each other for less
WHOLE = 0.999


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold single lines as drawn, shape (p,), and the row of the input line each is of."""

    lines: NDArray[np.object_]
    source: Ints

    def keep(self, which: NDArray[np.bool_]) -> Parts:
        """Return some of the parts."""
        return Parts(self.lines[which], self.source[which])


@dataclass(frozen=True, slots=True)
class Joints:
    """Hold nodes and how parts meet them: at their ends (p, 2), and where they are cut (part, place along it, node)."""

    node_xy: Floats
    ends: Ints
    cut_part: Ints
    cut_along: Floats
    cut_node: Ints

    def incidence(self) -> tuple[Ints, Ints]:
        """Return all pairs of a part and a node on it."""
        part = np.concatenate([np.repeat(np.arange(len(self.ends)), 2), self.cut_part])
        return part, np.concatenate([self.ends.ravel(), self.cut_node])


def usable_parts(lines: NDArray[np.object_]) -> tuple[Parts, Ints]:
    """Return the single lines with a length, in two dimensions, and the rows that have none."""
    whole = np.asarray(lines, dtype=object)
    is_line = shapely.get_dimensions(whole) == LINE_DIMENSION
    parts, of = shapely.get_parts(shapely.force_2d(whole[is_line]), return_index=True)
    source = np.flatnonzero(is_line)[of]
    length = shapely.length(parts)
    good = np.isfinite(shapely.bounds(parts)).all(axis=1) & (length > 0) & np.isfinite(length)
    return Parts(parts[good], source[good]), np.setdiff1d(np.arange(len(whole)), source[good])


def end_points(lines: NDArray[np.object_]) -> Floats:
    """Return first and last points of lines, shape (2p, 2): the two of a line follow each other."""
    xy = np.asarray(shapely.get_coordinates(lines))
    stop = np.cumsum(shapely.get_num_coordinates(lines), dtype=np.int64)
    if not len(lines):
        return xy
    return np.asarray(xy[np.column_stack([np.r_[0, stop[:-1]], stop - 1]).ravel()])


def meet_ends(lines: NDArray[np.object_], tolerance: float, apart: Apart) -> tuple[Floats, Ints, Ints]:
    """Return node positions, the node of each end (p, 2), and the ends that stand too far along a row to be joined.

    A node stands where most of its ends already are, so that as little as possible moves.
    """
    xy = end_points(lines)
    places, of, count = np.unique(xy, axis=0, return_inverse=True, return_counts=True)
    of = of.ravel()
    points = shapely.points(places)
    left, right = STRtree(points).query(points, predicate="dwithin", distance=max(tolerance, EXACT_M))
    one_end = np.zeros(len(places), dtype=np.int64)
    one_end[of] = np.arange(len(of)) // 2
    keep = (left < right) & ~apart(one_end[left], one_end[right])
    label = components(len(places), left[keep], right[keep])
    rank = np.lexsort((np.arange(len(places)), -count, label))
    leader = rank[np.unique(label[rank], return_index=True)[1]]
    lead = leader[np.unique(label, return_inverse=True)[1]]
    far = np.hypot(*(places - places[lead]).T) > max(tolerance, EXACT_M)
    lead = np.where(far, np.arange(len(places)), lead)
    nodes, node = np.unique(lead, return_inverse=True)
    return places[nodes], node.ravel()[of].reshape(-1, 2), np.flatnonzero(far[of])


def meet_lines(parts: Parts, joints: Joints, tolerance: float, apart: Apart) -> Joints:
    """Return the joints with each node moved onto the nearest line within the tolerance, and all such lines cut there.

    A node where one line goes on as the next is no end: it joins only a line that it lies on.
    """
    points = shapely.points(joints.node_xy)
    node, part = STRtree(parts.lines).query(points, predicate="dwithin", distance=max(tolerance, EXACT_M))
    own = np.zeros(len(points), dtype=np.int64)
    own[joints.ends.ravel()] = np.repeat(np.arange(len(parts.lines)), 2)
    other = (joints.ends[part] != node[:, None]).all(axis=1) & ~apart(own[node], part)
    node, part = node[other], part[other]
    along = shapely.line_locate_point(parts.lines[part], points[node])
    inside = (along > EXACT_M) & (along < shapely.length(parts.lines[part]) - EXACT_M)
    node, part, along = node[inside], part[inside], along[inside]
    foot = shapely.get_coordinates(shapely.line_interpolate_point(parts.lines[part], along))
    away = np.hypot(*(foot - joints.node_xy[node]).T)
    ways = [np.bincount(joints.ends[:, end], minlength=len(points)) for end in (0, 1)]
    goes_on = (ways[0] == 1) & (ways[1] == 1)
    meets = ~goes_on[node] | (away <= EXACT_M)
    node, part, along, foot, away = node[meets], part[meets], along[meets], foot[meets], away[meets]
    order = np.lexsort((foot[:, 1], foot[:, 0], away, node))
    first = order[np.unique(node[order], return_index=True)[1]]
    moved = joints.node_xy.copy()
    moves = first[away[first] > EXACT_M]
    moved[node[moves]] = foot[moves]
    return Joints(moved, joints.ends, part, along, node)


def crossings(parts: Parts, joints: Joints, tolerance: float) -> tuple[Ints, Ints, NDArray[np.object_]]:
    """Return pairs of parts (i < j) and the points where they cross without a common node near."""
    i, j = STRtree(parts.lines).query(parts.lines, predicate="crosses")
    i, j = i[i < j], j[i < j]
    points, pair = shapely.get_parts(shapely.intersection(parts.lines[i], parts.lines[j]), return_index=True)
    is_point = shapely.get_dimensions(points) == 0
    points, pair = points[is_point], pair[is_point]
    # pairs of a crossing and a node of its first part, kept where the node is on the second part too
    part, node = joints.incidence()
    on = np.unique(part * len(joints.node_xy) + node)
    start = np.searchsorted(on, i[pair] * len(joints.node_xy))
    size = np.searchsorted(on, (i[pair] + 1) * len(joints.node_xy)) - start
    which = np.repeat(np.arange(len(points)), size)
    nodes = on[_ranges(start, size)] % len(joints.node_xy)
    common = np.isin(j[pair[which]] * len(joints.node_xy) + nodes, on)
    near = shapely.distance(points[which], shapely.points(joints.node_xy[nodes])) <= max(2 * tolerance, EXACT_M)
    free = np.setdiff1d(np.arange(len(points)), which[common & near])
    return i[pair[free]], j[pair[free]], points[free]


def _ranges(start: Ints, size: Ints) -> Ints:
    """Return start, start + 1, … of each range, one after the other."""
    return np.repeat(start - np.r_[0, np.cumsum(size)[:-1]], size) + np.arange(size.sum()) if len(size) else start


def join_crossings(
    parts: Parts, joints: Joints, pair: tuple[Ints, Ints], points: NDArray[np.object_], tolerance: float
) -> Joints:
    """Return the joints with a node at each of some crossings, both lines cut there."""
    if not len(points):
        return joints
    known = STRtree(shapely.points(joints.node_xy))
    node = len(joints.node_xy) + np.arange(len(points))
    part, of = joints.incidence()
    on = np.unique(part * len(joints.node_xy) + of)
    at, near = known.query(points, predicate="dwithin", distance=max(tolerance, EXACT_M))
    for side in pair:  # a node that one of the two already has there serves both
        serves = np.isin(side[at] * len(joints.node_xy) + near, on)
        node[at[serves]] = near[serves]
    node_xy = np.vstack([joints.node_xy, shapely.get_coordinates(points)])
    used = np.unique(np.concatenate([np.arange(len(joints.node_xy)), node]))
    new = np.searchsorted(used, np.concatenate([node, node]))
    both = np.concatenate(pair)
    along = shapely.line_locate_point(parts.lines[both], shapely.points(node_xy[used][new]))
    key = both * len(used) + new
    fresh = np.setdiff1d(np.unique(key, return_index=True)[1], np.flatnonzero(np.isin(key, part * len(used) + of)))
    return Joints(
        node_xy[used],
        joints.ends,
        np.concatenate([joints.cut_part, both[fresh]]),
        np.concatenate([joints.cut_along, along[fresh]]),
        np.concatenate([joints.cut_node, new[fresh]]),
    )


def cut(parts: Parts, joints: Joints) -> tuple[NDArray[np.object_], Ints, Ints, Ints]:
    """Return the pieces between nodes as drawn: lines, part, first and last node."""
    if not len(parts.lines):
        return parts.lines, parts.source, parts.source, parts.source
    xy, of = shapely.get_coordinates(parts.lines, return_index=True)
    step = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T)]
    total = np.cumsum(step)
    first = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    along = total - total[first][of]
    last = np.r_[first[1:], len(of)] - 1
    node = np.full(len(xy), -1, dtype=np.int64)
    node[first], node[last] = joints.ends[:, 0], joints.ends[:, 1]
    near_cut = _vertices_at_cuts(of, along, joints) & (node < 0)
    part = np.concatenate([of[~near_cut], joints.cut_part])
    where = np.concatenate([along[~near_cut], joints.cut_along])
    node = np.concatenate([node[~near_cut], joints.cut_node])
    xy = np.concatenate([xy[~near_cut], joints.node_xy[joints.cut_node]])
    is_cut = np.arange(len(part)) >= len(part) - len(joints.cut_part)
    # of repeated vertices at an end of the line, the end itself comes outermost
    outer = np.where(is_cut | (node < 0), 0, np.where(where > 0, 1, -1))
    order = np.lexsort((node, outer, where, part))
    part, node, xy, is_cut = part[order], node[order], xy[order], is_cut[order]
    xy = np.where((node >= 0)[:, None], joints.node_xy[np.maximum(node, 0)], xy)
    twice = np.repeat(np.arange(len(part)), np.where(is_cut, 2, 1))
    second = np.r_[False, twice[1:] == twice[:-1]]
    begins = np.r_[True, part[twice][1:] != part[twice][:-1]] | second
    piece = np.cumsum(begins) - 1
    start = np.flatnonzero(begins)
    stop = np.r_[start[1:], len(piece)] - 1
    lines = shapely.linestrings(xy[twice], indices=piece)
    return lines, part[twice][start], node[twice][start], node[twice][stop]


def _vertices_at_cuts(of: Ints, along: Floats, joints: Joints) -> NDArray[np.bool_]:
    """Say which vertices a cut takes the place of."""
    if not len(joints.cut_part):
        return np.zeros(len(of), dtype=bool)
    span = float(along.max()) + 1.0
    place, cuts = of * span + along, np.sort(joints.cut_part * span + joints.cut_along)
    after = np.searchsorted(cuts, place)
    nearest = np.minimum(
        np.abs(cuts[np.minimum(after, len(cuts) - 1)] - place), np.abs(cuts[np.maximum(after - 1, 0)] - place)
    )
    return np.asarray(nearest <= max(EXACT_M, span * len(joints.ends) * 1e-15))


def doubles(lines: NDArray[np.object_], tolerance: float) -> tuple[Ints, Ints, Floats, NDArray[np.bool_]]:
    """Return pairs of lines that run on each other: the lesser one, the other, metres in common, whether all of the lesser."""
    reach = max(tolerance, 0.01)
    i, j = STRtree(lines).query(lines, predicate="dwithin", distance=reach)
    i, j = i[i != j], j[i != j]
    length = shapely.length(lines)
    common = _run_along(lines, i, j, reach)
    whole = (common >= WHOLE * length[i]) & ((length[i] > DOUBLE_TOLERANCES * reach) | (length[i] == length[j]))
    found = whole | (common >= np.maximum(OVERLAP_TOLERANCES * reach, 1.0))
    i, j, common, whole = i[found], j[found], common[found], whole[found]
    # of both views of a pair the one with more in common counts, and a shorter double before a longer one
    low, high = np.minimum(i, j), np.maximum(i, j)
    order = np.lexsort((i, np.where(whole, length[i], -common), ~whole, high, low))
    one = order[np.unique((low * len(lines) + high)[order], return_index=True)[1]]
    return i[one], j[one], common[one], whole[one]


def _run_along(lines: NDArray[np.object_], i: Ints, j: Ints, reach: float) -> Floats:
    """Return how many metres of line i lie within `reach` of line j, by its segments' ends and middles."""
    xy, of = shapely.get_coordinates(lines, return_index=True)
    begin = np.flatnonzero(of[1:] == of[:-1])
    size = np.bincount(of[begin], minlength=len(lines))
    start = np.r_[0, np.cumsum(size)[:-1]]
    pair = np.repeat(np.arange(len(i)), size[i])
    segment = begin[_ranges(start[i], size[i])]
    box = shapely.bounds(lines)[j] + np.array([-reach, -reach, reach, reach])
    ends = np.stack([xy[segment], xy[segment + 1]])
    inside = ((ends >= box[pair][:, :2]) & (ends <= box[pair][:, 2:])).all(axis=(0, 2))
    pair, segment = pair[inside], segment[inside]
    for share in (0.5, 0.0, 1.0):
        middle = xy[segment] + share * (xy[segment + 1] - xy[segment])
        near = shapely.distance(shapely.points(middle), lines[j[pair]]) <= reach
        pair, segment = pair[near], segment[near]
    return np.asarray(
        np.bincount(pair, weights=np.hypot(*(xy[segment + 1] - xy[segment]).T), minlength=len(i)), dtype=np.float64
    )

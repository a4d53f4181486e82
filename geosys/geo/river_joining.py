"""From drawn lines to reaches: what is left out, what is joined and what is split, each with its fault and its change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.river_decisions import forbidden_pairs
from geosys.geo.river_faults import DECIDED, MENDED, Change, Fault
from geosys.geo.river_lines import (
    EXACT_M,
    Joints,
    Parts,
    crossings,
    cut,
    doubles,
    end_points,
    join_crossings,
    meet_ends,
    meet_lines,
    usable_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from geosys.geo.river_decisions import Decision

    Ints = NDArray[np.int64]

SHORT_TOLERANCES = 2.0  # a longer line whose ends snap together is a ring, not a speck


@dataclass(frozen=True, slots=True)
class Labels:
    """Hold the id and river name of each input line, shape (k,), and which are canals."""

    ids: NDArray[np.object_]
    names: NDArray[np.object_]
    is_canal: NDArray[np.bool_]

    def of(self, rows: Iterable[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids and names of some rows, each once and in order."""
        some = list({int(row) for row in rows})
        names = {str(name) for name in self.names[some]} - {""}
        return tuple(sorted({str(one) for one in self.ids[some]})), tuple(sorted(names))

    def rows_of(self, ids: Sequence[str]) -> Ints:
        """Return the rows of lines with some ids."""
        return np.flatnonzero(np.isin(self.ids.astype(str), list(ids)))


@dataclass(frozen=True, slots=True)
class Reaches:
    """Hold the pieces between nodes: first and last node, line and input row, shape (m,), and the node positions (n, 2)."""

    node_xy: NDArray[np.float64]
    start: Ints
    end: Ints
    lines: NDArray[np.object_]
    source: Ints


def by_decision(decision: Decision) -> Text:
    """Return the reason of a change that the user decided."""
    return Text(f"决定表第 {decision.row + 1} 行", f"row {decision.row + 1} of the decisions")


def usable(
    lines: NDArray[np.object_], labels: Labels, decisions: Sequence[Decision]
) -> tuple[Parts, list[Fault], list[Change]]:
    """Return the lines to be joined: with a length, and not dropped by the user."""
    parts, none = usable_parts(lines)
    faults, changes = [], []
    for row in none.tolist():
        why = _why_no_line(lines[row])
        faults.append(Fault("no_line", *labels.of([row]), None, {"why_zh": why.zh, "why_en": why.en}, "drop"))
        changes.append(Change("left_out", labels.ids[row], lines[row], None, why, "no_line"))
    for decision in decisions:
        if decision.verb != "drop":
            continue
        out = np.isin(parts.source, labels.rows_of(decision.operands))
        changes += [
            Change("dropped", labels.ids[row], line, None, by_decision(decision), decision.kind)
            for row, line in zip(parts.source[out], parts.lines[out], strict=True)
        ]
        parts = parts.keep(~out)
    crossed = np.flatnonzero(~shapely.is_simple(parts.lines))
    faults += [Fault("self_crossing", *labels.of([parts.source[one]]), parts.lines[one]) for one in crossed]
    return parts, faults, changes


def _why_no_line(shape: object) -> Text:
    if shape is None:
        return Text("缺失", "missing")
    if shapely.is_empty(shape):
        return Text("空", "empty")
    if shapely.get_dimensions(shape) != 1:
        return Text("不是线", "not a line")
    return Text("长度为零或坐标无效", "no length, or coordinates that are no numbers")


def extend(parts: Parts, labels: Labels, tolerance: float, decisions: Sequence[Decision]) -> tuple[Parts, list[Change]]:
    """Return the parts with the gaps closed that the user decided to join: one end drawn on to the other line."""
    lines, changes = parts.lines.copy(), []
    for decision in decisions:
        if decision.kind != "gap" or decision.verb != "join":
            continue
        rows = [labels.rows_of([one]) for one in decision.operands[:2]]
        ours = [np.flatnonzero(np.isin(parts.source, some)) for some in rows]
        sides = [
            (one, target) for one, target in ((ours[0], ours[-1]), (ours[-1], ours[0])) if len(one) and len(target)
        ]
        options = [end for one, target in sides for end in _ends(lines, one, target, decision.place, tolerance)]
        least = min((end[0] for end in options), default=0.0)
        # of ends as near, the one that hangs is drawn on, not one that meets another line already
        near = sorted((end for end in options if end[0] <= least + tolerance), key=lambda end: (end[1], end[0]))
        if not near or near[0][2] <= 0:
            continue
        _, _, _, part, at_end, x, y = near[0]
        xy = shapely.get_coordinates(lines[part])
        longer = shapely.LineString(np.vstack([xy, [[x, y]]] if at_end else [[[x, y]], xy]))
        changes.append(
            Change("extended", labels.ids[parts.source[part]], lines[part], longer, by_decision(decision), "gap")
        )
        lines[part] = longer
    return Parts(lines, parts.source), changes


def _ends(
    lines: NDArray[np.object_], ours: Ints, targets: Ints, place: tuple[float, float] | None, tolerance: float
) -> list[tuple[float, bool, float, int, bool, float, float]]:
    """Return ends that could be drawn on to the targets.

    Of each: distance to the place or else the targets, whether it meets a line, distance to the targets, part, whether
    its last end, and the point to reach.
    """
    target = shapely.union_all(lines[targets])
    ends = shapely.points(end_points(lines[ours]))
    end, met = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=max(tolerance, EXACT_M))
    meets = np.bincount(end[met != np.repeat(ours, 2)[end]], minlength=len(ends)) > 0
    far = shapely.distance(ends, target)
    rank = far if place is None else shapely.distance(ends, shapely.Point(place))
    x, y = shapely.get_coordinates(shapely.get_point(shapely.shortest_line(ends, target), 1)).T
    part, at_end = np.repeat(ours, 2), np.arange(len(ends)) % 2 == 1
    columns = (rank, meets, far, part, at_end, x, y)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def apart_test(
    labels: Labels, parts: Parts, decisions: Sequence[Decision]
) -> Callable[[Ints, Ints], NDArray[np.bool_]]:
    """Return the test which pairs of parts the user keeps apart where they would snap."""
    size = len(labels.ids)
    keys = []
    for pair in forbidden_pairs(decisions, {"loose_end"}):
        rows = labels.rows_of(sorted(pair)).tolist()
        keys += [one * size + other for one in rows for other in rows if one != other]
    banned = np.array(sorted(keys), dtype=np.int64)
    source = parts.source

    def apart(left: Ints, right: Ints) -> NDArray[np.bool_]:
        return np.isin(source[left] * size + source[right], banned)

    return apart


def join(
    parts: Parts, labels: Labels, tolerance: float, decisions: Sequence[Decision], doubled: set[tuple[int, int]]
) -> tuple[Reaches, list[Fault], list[Change]]:
    """Return the pieces between nodes, ends joined within the tolerance and crossings where the user says they join."""
    apart = apart_test(labels, parts, decisions)
    node_xy, ends, far = meet_ends(parts.lines, tolerance, apart)
    faults = _crowded(parts, labels, ends, node_xy, far, tolerance)
    speck = (ends[:, 0] == ends[:, 1]) & (shapely.length(parts.lines) <= SHORT_TOLERANCES * tolerance)
    reason = Text("短于容差", "shorter than the tolerance")
    changes = []
    for one in np.flatnonzero(speck):
        row, line = parts.source[one], parts.lines[one]
        faults.append(Fault("short_line", *labels.of([row]), line, {"metres": line.length}, "drop", MENDED))
        changes.append(Change("left_out", labels.ids[row], line, None, reason, "short_line"))
    parts = parts.keep(~speck)
    used, ends = np.unique(ends[~speck], return_inverse=True)
    no = np.zeros(0, dtype=np.int64)
    joints = Joints(node_xy[used], ends.reshape(-1, 2), no, no.astype(np.float64), no)
    joints = meet_lines(parts, joints, tolerance, apart_test(labels, parts, decisions))
    joints, crossed = _cross(parts, labels, joints, tolerance, decisions, doubled)
    loose, moved = _loose(parts, labels, joints)
    lines, part, start, end = cut(parts, joints)
    reaches = Reaches(joints.node_xy, start, end, lines, parts.source[part])
    return reaches, faults + crossed + loose, changes + moved + _splits(parts, labels, joints, lines, part)


def _crowded(
    parts: Parts, labels: Labels, ends: Ints, node_xy: NDArray[np.float64], far: Ints, tolerance: float
) -> list[Fault]:
    """Return the ends left alone at the tail of a row of ends, each near the next, with the lines that end near."""
    xy = end_points(parts.lines)
    points = shapely.points(xy)
    one, other = shapely.STRtree(points).query(points[far], predicate="dwithin", distance=max(tolerance, EXACT_M))
    faults = []
    for number, end in enumerate(far.tolist()):
        near = other[one == number]
        # the row's node is that of a neighbour which was joined
        away = np.hypot(*(node_xy[ends.ravel()[near]] - xy[end]).T)
        values = {"metres": float(away.max(initial=0.0))}
        faults.append(Fault("crowded_ends", *labels.of(parts.source[near // 2]), points[end], values))
    return faults


def _cross(
    parts: Parts,
    labels: Labels,
    joints: Joints,
    tolerance: float,
    decisions: Sequence[Decision],
    doubled: set[tuple[int, int]],
) -> tuple[Joints, list[Fault]]:
    one, other, points = crossings(parts, joints, tolerance)
    rules = [decision for decision in decisions if decision.kind == "crossing"]
    joined, faults = np.zeros(len(points), dtype=bool), []
    for number, (i, j, point) in enumerate(
        zip(parts.source[one].tolist(), parts.source[other].tolist(), points, strict=True)
    ):
        if (min(i, j), max(i, j)) in doubled:
            continue
        lines, rivers = labels.of([i, j])
        canal = bool(labels.is_canal[i] or labels.is_canal[j])
        guess = (
            Text(
                "其中有渠道：多为渡槽或倒虹吸，互不相通（apart）",
                "One is a canal: an aqueduct or siphon more often than not (apart)",
            )
            if canal
            else Text(
                "天然河流多相通：在此断开并相接（join）",
                "Natural rivers mostly meet: split both and join them here (join)",
            )
        )
        values = {"guess_zh": guess.zh, "guess_en": guess.en}
        fault = Fault("crossing", lines, rivers, point, values, "apart" if canal else "join")
        decided = [row for row in rules if row.is_about("crossing", lines, point, max(tolerance, 1.0))]
        if decided:
            joined[number] = decided[0].verb == "join"
            fault = fault.with_decision(decided[0].row, DECIDED)
        faults.append(fault)
    return join_crossings(parts, joints, (one[joined], other[joined]), points[joined], tolerance), faults


def _loose(parts: Parts, labels: Labels, joints: Joints) -> tuple[list[Fault], list[Change]]:
    """Return what was moved to make ends meet: ends onto nodes, and lines bent to a node beside them."""
    before = np.vstack([
        end_points(parts.lines),
        shapely.get_coordinates(shapely.line_interpolate_point(parts.lines[joints.cut_part], joints.cut_along)),
    ])  # fmt: skip
    node = np.r_[joints.ends.ravel(), joints.cut_node]
    part = np.r_[np.repeat(np.arange(len(parts.lines)), 2), joints.cut_part]
    away = np.hypot(*(before - joints.node_xy[node]).T)
    moved = np.flatnonzero(away > EXACT_M * 10)
    order = np.argsort(node, kind="stable")
    nodes = np.unique(node[moved])
    low, high = np.searchsorted(node[order], nodes), np.searchsorted(node[order], nodes, side="right")
    faults = [
        Fault(
            "loose_end",
            *labels.of(parts.source[part[order[a:b]]]),
            place,
            {"metres": float(away[order[a:b]].max())},
            "join",
            MENDED,
        )
        for place, a, b in zip(shapely.points(joints.node_xy[nodes]), low.tolist(), high.tolist(), strict=True)
    ]
    reason = Text("容差内捕捉", "snapped within the tolerance")
    old, new = shapely.points(before[moved]), shapely.points(joints.node_xy[node[moved]])
    ids = labels.ids[parts.source[part[moved]]]
    kinds = np.where(moved < 2 * len(parts.lines), "moved_end", "bent").tolist()
    changes = [
        Change(what, line, a, b, reason, "loose_end") for what, line, a, b in zip(kinds, ids, old, new, strict=True)
    ]
    return faults, changes


def _splits(parts: Parts, labels: Labels, joints: Joints, lines: NDArray[np.object_], part: Ints) -> list[Change]:
    """Return which lines were split at nodes on them."""
    split = np.unique(joints.cut_part)
    mine = np.flatnonzero(np.isin(part, split))
    after = (
        shapely.multilinestrings(lines[mine], indices=np.searchsorted(split, part[mine])) if len(mine) else lines[mine]
    )
    reason = Text("在河网结点处断开", "split at nodes of the network")
    return [
        Change("split", labels.ids[row], before, pieces, reason)
        for row, before, pieces in zip(parts.source[split], parts.lines[split], after, strict=True)
    ]


def doubled_lines(parts: Parts, labels: Labels, tolerance: float) -> tuple[list[Fault], set[tuple[int, int]], Ints]:
    """Return lines drawn twice: the faults, the pairs of rows, and the rows that are wholly drawn by another."""
    lesser, other, metres, whole = doubles(parts.lines, tolerance)
    one, two = parts.source[lesser], parts.source[other]
    # of two equal ones the later id is the double, whatever their order in the file
    equal = shapely.length(parts.lines[lesser]) == shapely.length(parts.lines[other])
    swap = whole & equal & (labels.ids[one].astype(str) < labels.ids[two].astype(str))
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    faults = []
    for i, j, length, full, part in zip(
        one.tolist(), two.tolist(), metres.tolist(), whole.tolist(), lesser, strict=True
    ):
        values = {"metres": length, "first": labels.ids[i], "second": labels.ids[j]}
        kind, proposal = ("doubled", f"drop {labels.ids[i]}") if full else ("overlap", "")
        faults.append(Fault(kind, *labels.of([i, j]), parts.lines[part], values, proposal))
    pairs = {(min(i, j), max(i, j)) for i, j in zip(one.tolist(), two.tolist(), strict=True)}
    return faults, pairs, np.unique(one[whole])

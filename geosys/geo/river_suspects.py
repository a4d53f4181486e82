"""What is suspect in a network of reaches: gaps, contradictory directions, loops, braids, islands and names, as faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

from geosys._text import Text
from geosys.geo.river_faults import Fault
from geosys.geo.river_patterns import (
    Graph,
    against_the_flow,
    blocks,
    components,
    name_groups,
    partings,
    runs_in_circle,
    strands,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.geo.river_joining import Labels, Reaches

    Ints = NDArray[np.int64]

DETOUR = 0.2  # a way along the river at least so much longer than the gap (as a share) is no neighbour, but a gap
NEAR_NAME_M = 1000.0  # stretches of one name so near are one river, broken, more often than two


@dataclass(frozen=True, slots=True)
class Gaps:
    """Hold the gaps found: the node that hangs, a node of the reach across, and the faults."""

    node: Ints
    across: Ints
    faults: list[Fault]


def graph_of(reaches: Reaches) -> Graph:
    """Return the reaches as a graph."""
    return Graph(len(reaches.node_xy), reaches.start, reaches.end)


def gaps(reaches: Reaches, labels: Labels, reach_m: float, without: NDArray[np.bool_]) -> Gaps:
    """Return the hanging ends that have another reach near which they do not lead to; reaches `without` are not looked at."""
    seen = np.flatnonzero(~without)
    graph = graph_of(reaches).keep(~without)
    lines, strand = reaches.lines[seen], strands(graph)
    # an end that meets the double of a line does not hang
    whole = graph_of(reaches)
    hanging = np.flatnonzero((graph.inflows() + graph.outflows() == 1) & (whole.inflows() + whole.outflows() == 1))
    own = np.full(graph.nodes, -1, dtype=np.int64)
    own[graph.start], own[graph.end] = np.arange(len(seen)), np.arange(len(seen))
    points = shapely.points(reaches.node_xy[hanging])
    which, other = STRtree(lines).query(points, predicate="dwithin", distance=reach_m)
    mine = strand[own[hanging]]
    elsewhere = strand[other] != mine[which]
    which, other = which[elsewhere], other[elsewhere]
    away = shapely.distance(points[which], lines[other])
    apart = away > DETOUR * _way(graph, lines, strand, (mine[which], other), points[which], hanging[which])
    which, other, away = which[~apart], other[~apart], away[~apart]
    order = np.lexsort((labels.ids[reaches.source[seen[other]]].astype(str), away, which))
    first = order[np.unique(which[order], return_index=True)[1]]
    faults, told = [], set()
    for node, mate, metres in zip(
        hanging[which[first]].tolist(), other[first].tolist(), away[first].tolist(), strict=True
    ):
        lead = shapely.shortest_line(shapely.Point(reaches.node_xy[node]), lines[mate])
        key = tuple(sorted(map(tuple, shapely.get_coordinates(lead).round(3).tolist())))
        if key in told:  # two ends that hang towards each other are one gap
            continue
        told.add(key)
        rows = [reaches.source[seen[own[node]]], reaches.source[seen[mate]]]
        ids, rivers = labels.of(rows)  # a line that comes near itself must be drawn again
        faults.append(Fault("gap", ids, rivers, lead, {"metres": metres}, "join" if len(ids) > 1 else ""))
    return Gaps(hanging[which[first]], graph.start[other[first]], faults)


def _way(
    graph: Graph,
    lines: NDArray[np.object_],
    strand: Ints,
    pair: tuple[Ints, Ints],
    points: NDArray[np.object_],
    node: Ints,
) -> NDArray[np.float64]:
    """Return how far it is along the river from a hanging end to the reach across, infinite where not by one junction."""
    mine, other = pair
    length = shapely.length(lines)
    whole = np.bincount(strand, weights=length, minlength=len(lines))[mine]
    # the junction at the far end of the own strand: the node of it that is not passed through and does not hang here
    through = (graph.inflows() == 1) & (graph.outflows() == 1)
    tips = np.full((len(lines), 2), -1, dtype=np.int64)
    begins, ends = ~through[graph.start], ~through[graph.end]
    tips[strand[begins], 0], tips[strand[ends], 1] = graph.start[begins], graph.end[ends]
    far = np.where(tips[mine, 0] == node, tips[mine, 1], tips[mine, 0])
    along = shapely.line_locate_point(lines[other], points)
    rest = np.where(graph.start[other] == far, along, length[other] - along)
    shares = (graph.start[other] == far) | (graph.end[other] == far)
    return np.where(shares, whole + rest, np.inf)


def suspects(
    reaches: Reaches,
    labels: Labels,
    names: NDArray[np.object_],
    lengths: NDArray[np.float64],
    found: Gaps,
    seen: NDArray[np.bool_],
    doubled: set[tuple[int, int]],
) -> list[Fault]:
    """Return what the pattern of the reaches shows; only those `seen` are looked at.

    `doubled` are pairs of input rows listed as drawn on each other: a ring of such two is not listed again.
    """
    where = np.flatnonzero(seen)
    graph, source = graph_of(reaches).keep(seen), reaches.source[where]
    lines, canal = reaches.lines[where], labels.is_canal[source]
    block = blocks(graph)
    turned, contradictions = against_the_flow(graph)
    # across gaps that are listed, and along doubles that are, the river goes on
    bridges = np.r_[found.node, reaches.start[~seen]], np.r_[found.across, reaches.end[~seen]]
    rings, looped = _rings(graph, block, source, lines, labels, doubled)
    natural = ~canal  # a canal may leave a river; of what is listed already, nothing more is said
    natural[looped + [reach for strand in turned for reach in strand]] = False
    parted = partings(graph, block, natural)
    return [
        *rings,
        *_turned(turned, source, lines, labels),
        *_contradictions(graph, contradictions, source, reaches, labels),
        *_partings(graph, parted, source, reaches, labels),
        *_islands(graph, bridges, (source, lines, lengths[where]), labels),
        *_same_names(graph, names[where], bridges, (source, lines), labels),
        *_two_names(graph, names[where], source, reaches, labels),
    ]


def _rings(
    graph: Graph, block: Ints, source: Ints, lines: NDArray[np.object_], labels: Labels, doubled: set[tuple[int, int]]
) -> tuple[list[Fault], list[int]]:
    members = np.flatnonzero(block >= 0)
    members = members[np.argsort(block[members], kind="stable")]
    faults, looped = [], list[int]()
    for ring in np.split(members, np.flatnonzero(np.diff(block[members])) + 1) if len(members) else []:
        kind = "loop" if runs_in_circle(graph, ring.tolist()) else "braid"
        looped += ring.tolist() if kind == "loop" else []
        if tuple(np.unique(source[ring]).tolist()) in doubled:
            continue
        nodes = len(np.unique(np.concatenate([graph.start[ring], graph.end[ring]])))
        place = shapely.MultiLineString(lines[ring].tolist())
        faults.append(
            Fault(
                kind,
                *labels.of(source[ring]),
                place,
                {"count": len(ring) - nodes + 1},
                "" if kind == "loop" else "keep",
            )
        )
    return faults, looped


def _turned(turned: Sequence[Sequence[int]], source: Ints, lines: NDArray[np.object_], labels: Labels) -> list[Fault]:
    why = {"why_zh": "两端水流无法通过", "why_en": "water cannot pass either end"}
    faults = []
    for strand in turned:
        ids, rivers = labels.of(source[list(strand)])
        place = shapely.MultiLineString(lines[list(strand)].tolist())
        faults.append(Fault("wrong_direction", ids, rivers, place, why, "reverse " + ";".join(ids)))
    return faults


def _contradictions(graph: Graph, nodes: Sequence[int], source: Ints, reaches: Reaches, labels: Labels) -> list[Fault]:
    wanted = np.zeros(graph.nodes, dtype=bool)
    wanted[list(nodes)] = True
    faults = []
    for node, (into, out) in graph.at_nodes(wanted).items():
        why = (
            Text("全部流入，无一流出", "all flow in and none out")
            if into
            else Text("全部流出，无一流入", "all flow out and none in")
        )
        values = {"why_zh": why.zh, "why_en": why.en}
        place = shapely.Point(reaches.node_xy[node])
        faults.append(Fault("contradictory_direction", *labels.of(source[into + out]), place, values))
    return faults


def _partings(
    graph: Graph, parted: Sequence[tuple[int, list[int]]], source: Ints, reaches: Reaches, labels: Labels
) -> list[Fault]:
    dead = (graph.outflows() == 0) & (graph.inflows() == 1)
    faults = []
    for node, arms in parted:
        ends = sorted(str(labels.ids[source[arm]]) for arm in arms if dead[graph.end[arm]])
        guess = {"guess_zh": "、".join(ends) or "无", "guess_en": ", ".join(ends) or "none ends at once"}
        proposal = f"reverse {ends[0]}" if len(ends) == 1 else ""
        place = shapely.Point(reaches.node_xy[node])
        faults.append(Fault("divergence", *labels.of(source[arms]), place, guess, proposal))
    return faults


def _islands(
    graph: Graph, bridges: tuple[Ints, Ints], of: tuple[Ints, NDArray[np.object_], NDArray[np.float64]], labels: Labels
) -> list[Fault]:
    source, lines, lengths = of
    if not len(source):
        return []
    group = components(graph.nodes, np.r_[graph.start, bridges[0]], np.r_[graph.end, bridges[1]])[graph.start]
    total = np.bincount(group, weights=lengths, minlength=graph.nodes)
    members = np.argsort(group, kind="stable")
    parts = np.split(members, np.flatnonzero(np.diff(group[members])) + 1)
    least = [(-round(float(total[group[part[0]]]), 3), labels.of(source[part]), part) for part in parts]
    least.sort(key=lambda one: one[:2])
    return [
        Fault("island", ids, rivers, shapely.MultiLineString(lines[part].tolist()), {"metres": -length}, "keep")
        for length, (ids, rivers), part in least[1:]
    ]


def _same_names(
    graph: Graph,
    names: NDArray[np.object_],
    bridges: tuple[Ints, Ints],
    of: tuple[Ints, NDArray[np.object_]],
    labels: Labels,
) -> list[Fault]:
    source, lines = of
    faults = []
    for name, groups in name_groups(graph, names, bridges).items():
        shapes = np.array([shapely.MultiLineString(lines[group].tolist()) for group in groups], dtype=object)
        apart = min(float(shapely.distance(shape, np.delete(shapes, one)).min()) for one, shape in enumerate(shapes))
        guess = (
            Text(
                "相距很近，多为同一条河中断（same，并补绘断口）",
                "Near each other: one river, broken, more often than not (same, and draw the gap)",
            )
            if apart <= NEAR_NAME_M
            else Text(
                "相距较远，多为同名的不同河流（different）",
                "Far apart: different rivers of one name more often than not (different)",
            )
        )
        values = {"name": name, "count": len(groups), "metres": apart, "guess_zh": guess.zh, "guess_en": guess.en}
        rows = source[[reach for group in groups for reach in group]]
        ids, _ = labels.of(rows)
        place = shapely.MultiPoint(shapely.get_coordinates(shapely.point_on_surface(shapes)))
        faults.append(Fault("same_name", ids, (name,), place, values, "same" if apart <= NEAR_NAME_M else "different"))
    return faults


def _two_names(graph: Graph, names: NDArray[np.object_], source: Ints, reaches: Reaches, labels: Labels) -> list[Fault]:
    through = (graph.inflows() == 1) & (graph.outflows() == 1)
    into, out = np.full(graph.nodes, -1, dtype=np.int64), np.full(graph.nodes, -1, dtype=np.int64)
    into[graph.end], out[graph.start] = np.arange(len(source)), np.arange(len(source))
    nodes = np.flatnonzero(through)
    above, below = into[nodes], out[nodes]
    upper, lower = names[above].astype(str), names[below].astype(str)
    canal = labels.is_canal[source]
    other = (upper != lower) & (upper != "") & (lower != "") & (canal[above] == canal[below])
    faults = []
    for one in np.flatnonzero(other).tolist():
        values = {"name": upper[one], "other": lower[one]}
        place = shapely.Point(reaches.node_xy[nodes[one]])
        ids, _ = labels.of(source[[above[one], below[one]]])
        faults.append(
            Fault("two_names", ids, tuple(sorted({upper[one], lower[one]})), place, values, f"rename {lower[one]}")
        )
    return faults

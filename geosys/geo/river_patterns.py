"""Patterns in a graph of reaches that no river should show, or not without a word: loops, braids, sinks, partings, names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold reaches as pairs of nodes in flow direction, shapes (m,), among `nodes` nodes."""

    nodes: int
    start: Ints
    end: Ints

    def inflows(self) -> Ints:
        """Return how many reaches flow into each node."""
        return np.bincount(self.end, minlength=self.nodes)

    def outflows(self) -> Ints:
        """Return how many reaches leave each node."""
        return np.bincount(self.start, minlength=self.nodes)

    def keep(self, which: Bools) -> Graph:
        """Return the graph with some of its reaches."""
        return Graph(self.nodes, self.start[which], self.end[which])

    def at_nodes(self, wanted: Bools) -> dict[int, tuple[list[int], list[int]]]:
        """Return the reaches into and out of each wanted node."""
        found: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for reach in np.flatnonzero(wanted[self.end]).tolist():
            found[int(self.end[reach])][0].append(reach)
        for reach in np.flatnonzero(wanted[self.start]).tolist():
            found[int(self.start[reach])][1].append(reach)
        return dict(sorted(found.items()))


def components(size: int, left: Ints, right: Ints) -> Ints:
    """Return the least member of the connected group that each of `size` things is in.

    Examples
    --------
    >>> components(5, np.array([0, 3]), np.array([4, 1])).tolist()
    [0, 1, 2, 1, 0]
    """
    label = np.arange(size, dtype=np.int64)
    while True:
        one, other = label[left], label[right]
        apart = one != other
        if not apart.any():
            return label
        left, right = left[apart], right[apart]
        np.minimum.at(label, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
        while True:
            above = label[label]
            if (above == label).all():
                break
            label = above


def blocks(graph: Graph) -> Ints:
    """Return for each reach the number of the ring system it is part of, −1 for reaches on no ring, direction disregarded.

    Hopcroft and Tarjan's biconnected components, without recursion; a reach from a node to itself is a ring of its own.
    """
    reach_at, far, begin, stop = _around(graph)
    seen, low = [-1] * graph.nodes, [0] * graph.nodes
    used, block = bytearray(len(graph.start)), np.full(len(graph.start), -1, dtype=np.int64)
    clock = number = 0
    for root in np.unique(np.concatenate([graph.start, graph.end])).tolist():
        if seen[root] >= 0:
            continue
        seen[root] = low[root] = clock
        clock += 1
        path, pile = [(root, 0)], list[int]()
        while path:
            node, below = path[-1]
            if begin[node] < stop[node]:
                reach, other = reach_at[begin[node]], far[begin[node]]
                begin[node] += 1
                if used[reach]:
                    continue
                used[reach] = 1
                if other == node:
                    block[reach], number = number, number + 1
                elif seen[other] < 0:
                    seen[other] = low[other] = clock
                    clock += 1
                    path.append((other, len(pile)))
                    pile.append(reach)
                else:
                    low[node] = min(low[node], seen[other])
                    pile.append(reach)
                continue
            path.pop()
            parent = path[-1][0] if path else node
            low[parent] = min(low[parent], low[node])
            if low[node] >= seen[parent]:
                if len(pile) - below > 1:
                    block[pile[below:]], number = number, number + 1
                del pile[below:]
    return block


def _around(graph: Graph) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return the reaches around all nodes, the nodes at their far ends, and where each node's begin and stop."""
    order = np.argsort(np.concatenate([graph.start, graph.end]), kind="stable")
    stop = np.cumsum(graph.outflows() + graph.inflows()).tolist()
    far = np.concatenate([graph.end, graph.start])[order]
    return (order % max(len(graph.start), 1)).tolist(), far.tolist(), [0, *stop[:-1]], stop


def runs_in_circle(graph: Graph, reaches: Sequence[int]) -> bool:
    """Say whether water following some reaches comes back to where it was."""
    follow: dict[int, list[int]] = defaultdict(list)
    waiting: dict[int, int] = defaultdict(int)
    for start, end in zip(graph.start[reaches].tolist(), graph.end[reaches].tolist(), strict=True):
        follow[start].append(end)
        waiting[end] += 1
    ready = [node for node in follow if not waiting[node]]
    passed = 0
    while ready:
        for end in follow.get(ready.pop(), ()):
            passed += 1
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return passed < len(reaches)


def strands(graph: Graph) -> Ints:
    """Return for each reach the strand it is part of: reaches that follow each other through nodes of one way in and out."""
    through = (graph.inflows() == 1) & (graph.outflows() == 1)
    into, out = np.full(graph.nodes, -1, dtype=np.int64), np.full(graph.nodes, -1, dtype=np.int64)
    into[graph.end], out[graph.start] = np.arange(len(graph.end)), np.arange(len(graph.start))
    return components(len(graph.start), into[through], out[through])


def against_the_flow(graph: Graph) -> tuple[list[list[int]], list[int]]:
    """Return strands that must be turned for water to pass, and the nodes of contradiction that no such strand explains.

    A node where all water ends, or all rises, though several reaches meet there, is mended by turning one strand that the
    other end of can spare; where exactly one can be turned, that one is it.
    """
    inflow, outflow, strand = graph.inflows(), graph.outflows(), strands(graph)
    sink, spring = (outflow == 0) & (inflow > 1), (inflow == 0) & (outflow > 1)
    upper, lower = np.full(len(strand), -1, dtype=np.int64), np.full(len(strand), -1, dtype=np.int64)
    first = (inflow != 1) | (outflow != 1)
    begins, ends = first[graph.start], first[graph.end]
    upper[strand[begins]], lower[strand[ends]] = graph.start[begins], graph.end[ends]
    turned: set[int] = set()
    left_over = []
    for node, (into, out) in graph.at_nodes(sink | spring).items():
        near = {int(strand[reach]) for reach in (into or out)}
        if into:
            could = [one for one in near if upper[one] >= 0 and outflow[upper[one]] > 1 and upper[one] != node]
        else:
            could = [one for one in near if lower[one] >= 0 and inflow[lower[one]] > 1 and lower[one] != node]
        if len(could) == 1:
            turned.add(could[0])
        else:
            left_over.append((node, near))
    nodes = [node for node, near in left_over if not near & turned]
    members: dict[int, list[int]] = {one: [] for one in sorted(turned)}
    for reach in np.flatnonzero(np.isin(strand, list(turned))).tolist():
        members[int(strand[reach])].append(reach)
    return list(members.values()), nodes


def partings(graph: Graph, block: Ints, natural: Bools) -> list[tuple[int, list[int]]]:
    """Return the nodes where natural water parts for good, with the arms; those of a braid meet again and count as one."""
    many = np.bincount(graph.start[natural], minlength=graph.nodes) > 1
    found = []
    for node, (into, out) in graph.at_nodes(many).items():
        arms = [reach for reach in out if natural[reach]]
        ways = {int(block[reach]) if block[reach] >= 0 else -1 - reach for reach in arms}
        if into and len(ways) > 1:
            found.append((node, arms))
    return found


def name_groups(graph: Graph, names: NDArray[np.object_], bridges: tuple[Ints, Ints]) -> dict[str, list[list[int]]]:
    """Return the names that stand on several groups of reaches that do not meet, with the groups.

    `bridges` are pairs of nodes to be taken as one, across gaps that are listed already.
    """
    labels, code = np.unique(names.astype(str), return_inverse=True)
    code = code.ravel()
    same = components(graph.nodes, *bridges)
    at = np.concatenate([code * graph.nodes + same[graph.start], code * graph.nodes + same[graph.end]])
    places, number = np.unique(at, return_inverse=True)
    number = number.ravel()
    group = components(len(places), number[: len(code)], number[len(code) :])[number[: len(code)]]
    pairs = np.unique(np.column_stack([code, group]), axis=0)
    many = np.flatnonzero((np.bincount(pairs[:, 0], minlength=len(labels)) > 1) & (labels != ""))
    found: dict[str, list[list[int]]] = {str(labels[one]): [] for one in many}
    order = np.lexsort((np.arange(len(code)), group, code))
    order = order[np.isin(code[order], many)]
    splits = np.flatnonzero(np.diff(group[order]) | np.diff(code[order])) + 1
    for members in np.split(order, splits) if len(order) else []:
        found[str(labels[code[members[0]]])].append(members.tolist())
    return found

"""Walks along flowing water: from many places at once, as far as a limit, through all branches, by the shortest way.

A walk goes with the water; to walk against it, hand in the mirrored network: heads for tails, and lengths from the other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geosys.geo.flat.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDING_M = 1e-6  # what sums of lengths may miss a limit by that they meet exactly
PASSES = 1e300  # a stop farther than this is none
CLOSED = -1.0


class Streams(NamedTuple):
    """Hold a network of arcs by the node they leave.

    Attributes
    ----------
    start, arcs
        `arcs[start[n]:start[n + 1]]` leave node n.
    head
        The node each arc runs to, shape (m,).
    cost
        Its length in metres (or seconds), shape (m,).
    stop
        Where on it the walk ends, counted from its tail; infinite where it passes, `CLOSED` where nothing enters.
    """

    start: NDArray[np.int64]
    arcs: NDArray[np.int64]
    head: NDArray[np.int64]
    cost: NDArray[np.float64]
    stop: NDArray[np.float64]


class Stretches(NamedTuple):
    """Hold the stretches of arcs that walks covered, in the order they were reached, shape (k,) each.

    `begin` and `end` count from the arc's tail, `near` is the distance at `begin`; `before` is the arc that the walk
    came from, −1 for the arc that it began on.
    """

    source: NDArray[np.int64]
    arc: NDArray[np.int64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    near: NDArray[np.float64]
    before: NDArray[np.int64]


def streams_of(
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    cost: NDArray[np.float64],
    stop: NDArray[np.float64],
    nodes: int,
) -> Streams:
    """Return arcs sorted by the node they leave.

    Parameters
    ----------
    tail, head
        Nodes of each arc, shape (m,), 0 … `nodes` − 1.
    cost, stop
        As `Streams` holds them.
    nodes
        The number of nodes.
    """
    return Streams(*_grouped(tail, nodes), np.ascontiguousarray(head), np.ascontiguousarray(cost), stop)


def first_met(
    streams: Streams,
    tail: NDArray[np.int64],
    arc: NDArray[np.int64],
    along: NDArray[np.float64],
    mark_arc: NDArray[np.int64],
    mark_along: NDArray[np.float64],
    limit: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Walk from places and return the marks met, each at its least distance.

    Parameters
    ----------
    streams
        The network; stops other than closed arcs end the walk at the arc's tail.
    tail
        The node each arc leaves, shape (m,).
    arc, along
        Arc and position on it of each place, shape (s,); arc −1 for none.
    mark_arc, mark_along
        The same of each mark, shape (t,).
    limit
        The greatest distance, which counts; may be infinite.

    Returns
    -------
    Positions of places and of marks, and the distance, in no order.
    """
    there = np.flatnonzero(mark_arc >= 0)
    start, order = _grouped(mark_arc[there], len(streams.head))
    mark_of = there[order]
    has_mark = np.zeros(len(streams.start) - 1, dtype=np.uint8)
    has_mark[tail[mark_arc[there]]] = 1
    by_arc = np.argsort(arc, kind="stable")  # neighbours one after the other find the memory warm
    marks = start, mark_of, mark_along[mark_of], has_mark
    given = (*streams, by_arc, arc, along, limit + ROUNDING_M, *marks, *_room_for_walk(streams))
    size = 4 * (len(arc) + len(mark_arc)) + 64
    while True:
        found = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64), np.empty(size)
        count = _first_met(*given, *found)
        if count <= size:
            return found[0][:count], found[1][:count], found[2][:count]
        size = count


def stretches(
    streams: Streams,
    arc: NDArray[np.int64],
    along: NDArray[np.float64],
    own_stop: NDArray[np.float64],
    limit: float,
) -> Stretches:
    """Walk from places and return all stretches of arcs covered.

    Parameters
    ----------
    streams, arc, along, limit
        As for `first_met`; stops end the walk where they stand.
    own_stop
        For each place the first stop beyond it on its own arc, infinite for none, shape (s,).
    """
    given = (*streams, arc, along, own_stop, float(limit), *_room_for_walk(streams))
    size = 32 * len(arc) + 64
    while True:
        source, on, before = (np.empty(size, dtype=np.int64) for _ in range(3))
        begin, end, near = (np.empty(size) for _ in range(3))
        count = _stretches(*given, source, on, before, begin, end, near)
        if count <= size:
            found = Stretches(source, on, begin, end, near, before)
            return Stretches(*(column[:count] for column in found))  # type: ignore[arg-type]
        size = count


def _grouped(key: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each group of keys 0 … `count` − 1 starts, and the positions by group."""
    start, order = np.zeros(count + 2, dtype=np.int64), np.empty(len(key), dtype=np.int64)
    _group(np.ascontiguousarray(key), start, order)
    return start[: count + 1], order


def _room_for_walk(streams: Streams) -> tuple[NDArray[np.float64], ...]:
    """Return what a walk writes to: distance and arc of each node, the heap, and the nodes in their order."""
    nodes, most = len(streams.start) - 1, len(streams.head) + 1
    room = np.full(nodes, np.inf), np.empty(nodes, dtype=np.int64), np.empty(most), np.empty(most, dtype=np.int64)
    return (*room, np.empty(nodes, dtype=np.int64))  # type: ignore[return-value]


@compiled
def _group(key, start, order):  # type: ignore[no-untyped-def]
    """Sort by counting: `start` is zeros, two more than there are groups."""
    for i in range(len(key)):
        start[key[i] + 2] += 1
    for g in range(2, len(start)):
        start[g] += start[g - 1]
    for i in range(len(key)):
        order[start[key[i] + 1]] = i
        start[key[i] + 1] += 1
    return 0


@compiled
def settle(start, arcs, head, cost, stop, node, first, limit, dist, via, keys, heap, settled):  # type: ignore[no-untyped-def]
    """Find the nodes at most `limit` away (Dijkstra with a binary heap); return how many, in `settled` by distance.

    `dist` must be infinite everywhere, and is so again after the caller has reset that of the settled nodes.
    """
    if first > limit:
        return 0
    count = 0
    size = 1
    dist[node], via[node] = first, -1
    keys[0], heap[0] = first, node
    while size > 0:
        d, n = keys[0], heap[0]
        size -= 1
        key, value = keys[size], heap[size]
        i = 0
        while 2 * i + 1 < size:
            j = 2 * i + 1
            if j + 1 < size and keys[j + 1] < keys[j]:
                j += 1
            if keys[j] >= key:
                break
            keys[i], heap[i] = keys[j], heap[j]
            i = j
        keys[i], heap[i] = key, value
        if d > dist[n]:
            continue
        settled[count] = n
        count += 1
        for k in range(start[n], start[n + 1]):
            a = arcs[k]
            if stop[a] < PASSES:
                continue
            t, h = d + cost[a], head[a]
            if t <= limit and t < dist[h]:
                dist[h], via[h] = t, a
                i = size
                size += 1
                while i > 0 and keys[(i - 1) // 2] > t:
                    keys[i], heap[i] = keys[(i - 1) // 2], heap[(i - 1) // 2]
                    i = (i - 1) // 2
                keys[i], heap[i] = t, h
    return count


@compiled
def _first_met(  # type: ignore[no-untyped-def]
    start, arcs, head, cost, stop, by_arc, arc, along, limit, mark_start, mark_of, mark_along, has_mark,
    dist, via, keys, heap, settled, source, mark, apart,
):  # fmt: skip
    """Write the marks that each walk meets; return their number, also where there is no room for all."""
    found = 0
    room = len(source)
    for b in range(len(by_arc)):
        s = by_arc[b]
        own = arc[s]
        if own < 0 or stop[own] < 0.0:
            continue
        for k in range(mark_start[own], mark_start[own + 1]):
            gap = mark_along[k] - along[s]
            if gap >= 0.0 and gap <= limit:
                if found < room:
                    source[found], mark[found], apart[found] = s, mark_of[k], gap
                found += 1
        if stop[own] < PASSES:
            continue
        count = settle(
            start, arcs, head, cost, stop, head[own], cost[own] - along[s], limit, dist, via, keys, heap, settled
        )
        for i in range(count):
            n = settled[i]
            d = dist[n]
            dist[n] = np.inf
            if has_mark[n] == 0:
                continue
            for j in range(start[n], start[n + 1]):
                a = arcs[j]
                if stop[a] < PASSES:
                    continue
                for k in range(mark_start[a], mark_start[a + 1]):
                    if d + mark_along[k] <= limit and (a != own or mark_along[k] < along[s]):
                        if found < room:
                            source[found], mark[found], apart[found] = s, mark_of[k], d + mark_along[k]
                        found += 1
    return found


@compiled
def _stretches(  # type: ignore[no-untyped-def]
    start, arcs, head, cost, stop, arc, along, own_stop, limit,
    dist, via, keys, heap, settled, source, on, before, begin, end, near,
):  # fmt: skip
    """Write the stretches that each walk covers; return their number, also where there is no room for all."""
    found = 0
    room = len(source)
    for s in range(len(arc)):
        own = arc[s]
        if own < 0 or stop[own] < 0.0:
            continue
        if found < room:
            source[found], on[found], before[found], begin[found], near[found] = s, own, -1, along[s], 0.0
            end[found] = min(cost[own], own_stop[s], along[s] + limit)
        found += 1
        if own_stop[s] < PASSES:
            continue
        count = settle(
            start, arcs, head, cost, stop, head[own], cost[own] - along[s], limit, dist, via, keys, heap, settled
        )
        for i in range(count):
            n = settled[i]
            d = dist[n]
            dist[n] = np.inf
            for j in range(start[n], start[n + 1]):
                a = arcs[j]
                top = min(cost[a], stop[a], limit - d)
                if a == own:
                    top = min(top, along[s])
                if stop[a] < 0.0 or (top <= 0.0 and cost[a] > 0.0):
                    continue
                if found < room:
                    source[found], on[found], begin[found], end[found], near[found] = s, a, 0.0, top, d
                    before[found] = own if via[n] < 0 else via[n]
                found += 1
    return found

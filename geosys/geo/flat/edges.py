"""The edges of one feature, sorted into bins along its longer side: only those over a patch are met."""

from __future__ import annotations

import numpy as np

from geosys.geo.flat.compiled import compiled

EDGES_PER_BIN = 1.0  # edges that begin in a bin for each time the border crosses it; measured, flat around 1
FEW_EDGES = 8
CROSSED = 2.0**40  # no border winds so often
LANES = 4  # edges are met in fours: the processor takes as many at a time
# one sorted edge: its part in the bin, its line, its heights; then line and greatest height in the plane turned upside down
FROM, TO, X0, Y0, SLOPE, SIGN, BOTTOM, TOP, Y0_DOWN, SLOPE_DOWN, TOP_DOWN = range(11)
DOWN = Y0_DOWN - Y0


@compiled
def edge_at(x, y, p, turned, sign):  # type: ignore[no-untyped-def]
    """Return an edge from left to right: x, y, x, y, and its sign."""
    k = np.uintp(p)
    ax, ay, bx, by = x[k], y[k], x[k + np.uintp(1)], y[k + np.uintp(1)]
    if turned:
        ax, ay, bx, by = ay, ax, by, bx
    if ax > bx:
        ax, ay, bx, by = bx, by, ax, ay
        sign = -sign
    return ax, ay, bx, by, sign


@compiled
def sort_edges(f, x, y, ring_start, turn, ring_of, turned, low, high, edges, bin_at, at, reach):  # type: ignore[no-untyped-def]
    """Sort the edges of a feature into bins over [low, high], each cut at the bins' ends.

    Bin k holds edges[:, bin_at[k]:bin_at[k + 1]], whose heights there lie in reach[0, k] … reach[1, k].
    Return the number of bins (negative: the room `edges` needs) and bins a metre.
    """
    n, length = 0, 0.0
    for ring in range(ring_of[f], ring_of[f + 1]):
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            n += 1
            length += abs(y[p + 1] - y[p]) if turned else abs(x[p + 1] - x[p])
    bins = 1
    if length > 0.0 and n > FEW_EDGES:
        bins = max(1, min(int(EDGES_PER_BIN * n * (high - low) / length), n))
    scale = bins / (high - low) if high > low else 0.0
    width = (high - low) / bins
    bin_at[: bins + 1] = 0
    for ring in range(ring_of[f], ring_of[f + 1]):
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            one, two = (y[p], y[p + 1]) if turned else (x[p], x[p + 1])
            first = min(int((min(one, two) - low) * scale), bins - 1)
            last = min(int((max(one, two) - low) * scale), bins - 1)
            for k in range(first, last + 1):
                bin_at[k] += 1
    total = 0
    for k in range(bins):
        size = bin_at[k]
        bin_at[k] = at[k] = total
        total += size
    bin_at[bins] = total
    if total + LANES > edges.shape[1]:
        return -total, scale
    reach[0, :bins], reach[1, :bins] = np.inf, -np.inf
    for ring in range(ring_of[f], ring_of[f + 1]):
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            ax, ay, bx, by, sign = edge_at(x, y, p, turned, turn[ring])
            slope = (by - ay) / (bx - ax) if bx > ax else 0.0  # an upright edge covers no strip
            first = min(int((ax - low) * scale), bins - 1)
            last = min(int((bx - low) * scale), bins - 1)
            for k in range(first, last + 1):
                j = np.uintp(at[k])
                edges[FROM, j] = ax if k == first else max(ax, low + k * width)
                edges[TO, j] = bx if k == last else min(bx, low + (k + 1) * width)
                edges[X0, j], edges[Y0, j], edges[SLOPE, j], edges[SIGN, j] = ax, ay, slope, sign
                edges[BOTTOM, j], edges[TOP, j] = min(ay, by), max(ay, by)
                edges[Y0_DOWN, j], edges[SLOPE_DOWN, j], edges[TOP_DOWN, j] = -ay, -slope, -min(ay, by)
                one, two = ay + slope * (edges[FROM, j] - ax), ay + slope * (edges[TO, j] - ax)
                reach[0, k], reach[1, k] = min(reach[0, k], one, two), max(reach[1, k], one, two)
                at[k] += 1
    for row in range(total, total + LANES):
        edges[:, row] = 0.0
    return bins, scale


@compiled
def winding_around(west, east, floor, roof, edges, bin_at, bins, scale, low, high):  # type: ignore[no-untyped-def]
    """Return how often a border winds around a box (0 outside, ±1 inside), or `CROSSED` where it enters it.

    A border that only touches the box does not enter it; where none enters, the whole box lies on one side.
    """
    first, last = max(west, low), min(east, high)
    if last <= first:
        return 0.0
    middle = 0.5 * (first + last)
    winding = 0.0
    k0 = min(int((first - low) * scale), bins - 1)
    k1 = min(int((last - low) * scale), bins - 1)
    for row in range(bin_at[k0], bin_at[k1 + 1]):
        j = np.uintp(row)
        if edges[TO, j] <= west or edges[FROM, j] >= east or edges[TOP, j] <= floor:
            continue
        if edges[BOTTOM, j] < roof:
            return CROSSED
        if edges[FROM, j] <= middle < edges[TO, j]:
            winding += edges[SIGN, j]
    return winding


@compiled
def is_above(west, east, floor, roof, reach, bins, scale, low):  # type: ignore[no-untyped-def]
    """Say whether a box lies above the sorted edges in more bins than below them."""
    middle, more = 0.5 * (floor + roof), 0
    k0 = min(int(max(west - low, 0.0) * scale), bins - 1)
    k1 = min(int(max(east - low, 0.0) * scale), bins - 1)
    for k in range(k0, k1 + 1):
        more += (1 if reach[1, k] < middle else 0) - (1 if reach[0, k] > middle else 0)
    return more > 0

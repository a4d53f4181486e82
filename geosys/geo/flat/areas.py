"""The area common to two polygons without their common piece: a sum over pairs of edges.

Let every edge of a polygon, read from left to right, cover the strip below it: with + for edges whose inside lies
below and − for those whose inside lies above, the strips add up to the polygon, holes and several parts included.
The product of two such sums is the common part, so

    area(A ∩ B) = Σᵢⱼ sᵢ sⱼ · area under the lower of edge i of A and edge j of B over their common x-range.

No topology is built and no piece is cut, so shared borders, touching corners and holes need no special case. Heights
are taken from the lowest point of A, differences of coordinates are exact, and the order of summation depends on the
two features alone: the same pair gives the same bits in any run, on any number of threads.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from geosys.geo.flat.wkb import Ragged

EDGES_PER_BIN = 1.0  # edges that begin in a bin for each time the border crosses it; measured, flat around 1
FEW_EDGES = 8
CROSSED = 2.0**40  # no border winds so often
CHUNKS_PER_THREAD = 8


def own_areas(layer: Ragged) -> NDArray[np.float64]:
    """Return the area of each feature of a layer in square units of its plane, shape (n,)."""
    areas = np.zeros(layer.size)
    _own_areas(layer.x, layer.y, layer.ring_start, layer.turn, layer.ring_of, areas)
    return areas


def common_areas(
    features: Ragged,
    boxes: Ragged,
    pairs: NDArray[np.int32],
    pool: Executor | None = None,
    threads: int = 1,
    own: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the common area of each pair in square units of the plane, shape (p,).

    Parameters
    ----------
    features, boxes
        The two layers; both in one plane. Valid polygons only: rings that do not cross themselves or each other.
    pairs
        Positions in `features` and `boxes`, int32 of shape (p, 2 or more).
    pool, threads
        Threads to spread the pairs over (default: this one). The result does not depend on them.
    own
        The areas of `boxes` by `own_areas`, where they are known already.
    """
    order = np.argsort(pairs[:, 0], kind="stable")
    named, group_start = np.unique(pairs[order, 0].astype(np.int64), return_index=True)
    group_start = np.append(group_start, len(order)).astype(np.int64)
    found = np.empty(len(order))
    groups = (named, group_start, pairs[order, 1].astype(np.int64), found)
    shapes = (
        features.x, features.y, features.ring_start, features.turn, features.ring_of, features.box,
        boxes.x, boxes.y, boxes.ring_start, boxes.turn, boxes.ring_of, boxes.box,
        own_areas(boxes) if own is None else own,
        max(features.most_vertices, 1),
    )  # fmt: skip
    cuts = np.searchsorted(group_start, np.linspace(0, len(order), threads * CHUNKS_PER_THREAD + 1))
    cuts[0], cuts[-1] = 0, len(named)
    spans = [(int(a), int(b)) for a, b in pairwise(cuts) if b > a]
    if pool is None:
        for first, last in spans:
            _common_areas(first, last, *groups, *shapes)
    else:
        jobs = [pool.submit(_common_areas, first, last, *groups, *shapes) for first, last in spans]
        for job in jobs:
            job.result()
    areas = np.empty(len(order))
    areas[order] = found
    return areas


@njit(cache=True, nogil=True, error_model="numpy")
def _own_areas(x, y, ring_start, turn, ring_of, areas):  # type: ignore[no-untyped-def]
    for i in range(len(ring_of) - 1):
        total = 0.0
        for ring in range(ring_of[i], ring_of[i + 1]):
            first, last = ring_start[ring], ring_start[ring + 1]
            twice = 0.0
            if last > first:
                x0, y0 = x[first], y[first]
                for p in range(first, last - 1):
                    twice += (x[p] - x0) * (y[p + 1] - y0) - (x[p + 1] - x0) * (y[p] - y0)
            total += turn[ring] * twice
        areas[i] = 0.5 * total


@njit(cache=True, nogil=True, error_model="numpy")
def _load(f, x, y, ring_start, turn, ring_of, turned, edges):  # type: ignore[no-untyped-def]
    """Fill edges[k] = left x, y, right x, y, slope, sign for one feature; return their number.

    Upright edges cover no strip, but they are border all the same; `turned` exchanges x and y.
    """
    n = 0
    for ring in range(ring_of[f], ring_of[f + 1]):
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            ax, ay, bx, by = x[p], y[p], x[p + 1], y[p + 1]
            if turned:
                ax, ay, bx, by = ay, ax, by, bx
            sign = turn[ring]
            if ax > bx:
                ax, ay, bx, by = bx, by, ax, ay
                sign = -sign
            edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3] = ax, ay, bx, by
            edges[n, 4], edges[n, 5] = (by - ay) / (bx - ax) if bx > ax else 0.0, sign
            n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _sort(edges, n, low, high, start, begun, fill, sorted_edges):  # type: ignore[no-untyped-def]
    """Copy edges into bins over [low, high]: those that begin in bin k, up to begun[k], then those passing through it.

    Return the number of bins (negative: the room `sorted_edges` needs) and bins per unit of length.
    """
    length = 0.0
    for i in range(n):
        length += edges[i, 2] - edges[i, 0]
    bins = 1
    if length > 0.0 and n > FEW_EDGES:
        bins = max(1, min(int(EDGES_PER_BIN * n * (high - low) / length), len(start) - 2))
    scale = bins / (high - low) if high > low else 0.0
    start[: bins + 1] = 0
    fill[: bins + 1] = 0
    for i in range(n):
        first = min(int((edges[i, 0] - low) * scale), bins - 1)
        last = min(int((edges[i, 2] - low) * scale), bins - 1)
        fill[first] += 1
        for k in range(first, last + 1):
            start[k] += 1
    total = 0
    for k in range(bins):
        size = start[k]
        start[k] = begun[k] = total
        fill[k] += total
        total += size
    start[bins] = total
    if total > len(sorted_edges):
        return -total, scale
    for i in range(n):
        first = min(int((edges[i, 0] - low) * scale), bins - 1)
        last = min(int((edges[i, 2] - low) * scale), bins - 1)
        sorted_edges[begun[first]] = edges[i]
        begun[first] += 1
        for k in range(first + 1, last + 1):
            sorted_edges[fill[k]] = edges[i]
            fill[k] += 1
    return bins, scale


@njit(cache=True, nogil=True, error_model="numpy")
def _winding(west, east, floor, roof, edges, start, begun, bins, scale, low, high):  # type: ignore[no-untyped-def]
    """Return how often the sorted edges wind around a box (0 outside, ±1 inside), or `CROSSED` where they enter it.

    A border that only touches the box does not enter it; where none enters, the whole box lies on one side.
    """
    first, last = max(west, low), min(east, high)
    if last <= first:
        return 0.0
    middle = 0.5 * (first + last)
    winding = 0.0
    k0 = min(int((first - low) * scale), bins - 1)
    k1 = min(int((last - low) * scale), bins - 1)
    for k in range(k0, k1 + 1):
        stop = start[k + 1] if k == k0 else begun[k]
        for row in range(start[k], stop):
            j = np.uintp(row)
            bx0, by0, bx1, by1 = edges[j, 0], edges[j, 1], edges[j, 2], edges[j, 3]
            if bx1 <= west or bx0 >= east or max(by0, by1) <= floor:
                continue
            if min(by0, by1) < roof:
                return CROSSED
            if bx0 <= middle < bx1:
                winding += edges[j, 5]
    return winding


@njit(cache=True, nogil=True, error_model="numpy")
def _common_area(  # type: ignore[no-untyped-def]
    g, x, y, ring_start, turn, ring_of, turned, floor, bottom, edges, start, begun, bins, scale, low, high,
):  # fmt: skip
    """Return twice the common area of feature g and the sorted edges; heights are taken from `floor`.

    A pair of edges is summed once, in the bin where the later of the two begins. Edges of g below all of the other
    feature (its `bottom`) and edges of that below all of g add up to nothing and are left out.
    """
    total = 0.0
    for ring in range(ring_of[g], ring_of[g + 1]):
        first = np.uintp(ring_start[ring])
        qx = y[first] if turned else x[first]
        qy = x[first] if turned else y[first]
        sum_of_ring = 0.0
        for at in range(ring_start[ring] + 1, ring_start[ring + 1]):
            p = np.uintp(at)
            px, py = qx, qy
            qx = y[p] if turned else x[p]
            qy = x[p] if turned else y[p]
            ax0, ax1 = min(px, qx), max(px, qx)
            if ax1 <= low or ax0 >= high or ax0 == ax1 or max(py, qy) <= bottom:
                continue
            forward = px < qx
            ay0 = (py if forward else qy) - floor
            slope = (qy - py) / (qx - px)
            k0 = min(int(max(ax0 - low, 0.0) * scale), bins - 1)
            k1 = min(int((ax1 - low) * scale), bins - 1)
            under = 0.0
            for k in range(k0, k1 + 1):
                stop = start[k + 1] if k == k0 else begun[k]
                for row in range(start[k], stop):
                    j = np.uintp(row)
                    bx0, by0 = edges[j, 0], edges[j, 1] - floor
                    bx1, by1 = edges[j, 2], edges[j, 3] - floor
                    lo, hi = max(ax0, bx0), min(ax1, bx1)
                    if hi <= lo or (by0 <= 0.0 and by1 <= 0.0):
                        continue
                    a_lo, a_hi = ay0 + slope * (lo - ax0), ay0 + slope * (hi - ax0)
                    b_lo, b_hi = by0 + edges[j, 4] * (lo - bx0), by0 + edges[j, 4] * (hi - bx0)
                    over_lo, over_hi = a_lo - b_lo, a_hi - b_hi
                    lower = min(a_lo, b_lo) + min(a_hi, b_hi)
                    if over_lo * over_hi < 0.0:
                        u, v = abs(over_lo), abs(over_hi)
                        lower = 0.5 * (a_lo + a_hi + b_lo + b_hi - (u * u + v * v) / (u + v))
                    under += edges[j, 5] * (lower * (hi - lo))
            sum_of_ring += under if forward else -under
        total += turn[ring] * sum_of_ring
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _common_areas(  # type: ignore[no-untyped-def]
    first, last, named, group_start, partner, found,
    fx, fy, f_ring_start, f_turn, f_ring_of, f_box, gx, gy, g_ring_start, g_turn, g_ring_of, g_box, g_own, most,
):  # fmt: skip
    """Fill `found` for the groups first … last; a group is one feature with all its partners.

    A feature is sorted along its longer side, once for all its partners.
    """
    edges = np.empty((most, 6))
    start = np.empty(2 * most + 2, dtype=np.int64)
    begun = np.empty(2 * most + 2, dtype=np.int64)
    fill = np.empty(2 * most + 2, dtype=np.int64)
    sorted_edges = np.empty((4 * most + 64, 6))
    for k in range(first, last):
        f = named[k]
        turned = f_box[f, 3] - f_box[f, 1] > f_box[f, 2] - f_box[f, 0]
        bottom = f_box[f, 0] if turned else f_box[f, 1]
        low, high = (f_box[f, 1], f_box[f, 3]) if turned else (f_box[f, 0], f_box[f, 2])
        n = _load(f, fx, fy, f_ring_start, f_turn, f_ring_of, turned, edges)
        bins, scale = _sort(edges, n, low, high, start, begun, fill, sorted_edges)
        if bins < 0:
            sorted_edges = np.empty((-2 * bins, 6))
            bins, scale = _sort(edges, n, low, high, start, begun, fill, sorted_edges)
        for q in range(group_start[k], group_start[k + 1]):
            g = partner[q]
            if turned:
                west, floor, east, roof = g_box[g, 1], g_box[g, 0], g_box[g, 3], g_box[g, 2]
            else:
                west, floor, east, roof = g_box[g, 0], g_box[g, 1], g_box[g, 2], g_box[g, 3]
            winding = _winding(west, east, floor, roof, sorted_edges, start, begun, bins, scale, low, high)
            if winding != CROSSED:
                found[q] = abs(winding) * g_own[g]
                continue
            found[q] = 0.5 * _common_area(
                g, gx, gy, g_ring_start, g_turn, g_ring_of, turned, floor, bottom,
                sorted_edges, start, begun, bins, scale, low, high,
            )  # fmt: skip

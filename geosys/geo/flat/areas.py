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
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys.geo.flat.compiled import compiled
from geosys.geo.flat.edges import (
    CROSSED,
    DOWN,
    FROM,
    LANES,
    SIGN,
    SLOPE,
    TO,
    TOP,
    TOP_DOWN,
    X0,
    Y0,
    edge_at,
    is_above,
    sort_edges,
    winding_around,
)
from geosys.geo.flat.ground import Ground, bend_under

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from geosys.geo.flat.wkb import Ragged


CHUNKS_PER_THREAD = 4


def own_areas(layer: Ragged) -> NDArray[np.float64]:
    """Return the area of each feature of a layer in square units of its plane, shape (n,)."""
    return layer.own


def common_areas(
    features: Ragged,
    boxes: Ragged,
    pairs: NDArray[np.int32],
    pool: Executor | None = None,
    threads: int = 1,
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
    """
    return _both_areas(features, boxes, pairs, pool, threads, Ground(np.empty(0), np.empty((0, 4))))[0]


def common_areas_on_ground(
    features: Ragged,
    boxes: Ragged,
    pairs: NDArray[np.int32],
    ground: Ground,
    pool: Executor | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the common area of each pair in the plane, the same bits as `common_areas`, and on the ellipsoid.

    `ground` is that of `boxes`; x is easting.
    """
    return _both_areas(features, boxes, pairs, pool, threads, ground)


def _both_areas(
    features: Ragged, boxes: Ragged, pairs: NDArray[np.int32], pool: Executor | None, threads: int, ground: Ground
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(pairs[:, 0], kind="stable")
    partner, sorted_rows = pairs[order, 1].astype(np.int64), pairs[order, 0].astype(np.int64)
    begins = np.flatnonzero(np.diff(sorted_rows, prepend=-1))
    group_start = np.append(begins, len(order))
    found, on_ground = np.empty(len(order)), np.empty(len(order) if len(ground.own) else 0)
    shapes = (
        sorted_rows[begins], group_start, partner, found, on_ground,
        features.x, features.y, features.ring_start, features.turn, features.ring_of, features.box,
        boxes.x, boxes.y, boxes.ring_start, boxes.turn, boxes.ring_of, boxes.box, boxes.own, *ground,
    )  # fmt: skip
    cuts = np.searchsorted(group_start, np.linspace(0, len(order), threads * CHUNKS_PER_THREAD + 1))
    cuts[0], cuts[-1] = 0, len(begins)
    spans = [(int(a), int(b)) for a, b in pairwise(cuts) if b > a]

    def work(span: tuple[int, int]) -> None:
        _work(span, max(features.most_vertices, 1), shapes)

    for _ in map(work, spans) if pool is None else pool.map(work, spans):
        pass
    areas, true_areas = np.empty(len(order)), np.empty(len(on_ground))
    areas[order] = found
    if len(on_ground):
        true_areas[order] = on_ground
    return areas, true_areas


def _work(span: tuple[int, int], most: int, shapes: tuple[NDArray[Any], ...]) -> None:
    """Compute some groups, with room that grows when a feature needs more."""
    first, last = span
    room = 3 * most
    needed = np.zeros(1, dtype=np.int64)
    while first < last:
        edges, lower = np.empty((11, room + LANES)), np.empty(room + LANES)
        bin_at, at = np.empty(most + 2, dtype=np.int64), np.empty(most + 2, dtype=np.int64)
        reach = np.empty((2, most + 2))
        first = _common_areas(first, last, edges, bin_at, at, reach, lower, needed, *shapes)
        room = max(room, int(needed[0]))


@compiled
def _under(edges, first, last, down, ax0, ax1, ay0, slope, floor, lower):  # type: ignore[no-untyped-def]
    """Return twice the signed area under the lower of one edge and each of some others, summed in their order.

    They are met in whole fours without a branch; what lies beyond `last` is not summed. `down` is 0, or `DOWN` in the
    plane turned upside down.
    """
    row_y, row_slope, row_top = Y0 + down, SLOPE + down, TOP + (TOP_DOWN - TOP if down else 0)
    count = (last - first + LANES - 1) // LANES * LANES
    for i in range(count):
        j = np.uintp(first + i)
        start, stop, bx0, by0 = edges[FROM, j], edges[TO, j], edges[X0, j], edges[row_y, j] - floor
        lo = ax0 if ax0 > start else start  # noqa: FURB136  one instruction for four, unlike max
        hi = ax1 if ax1 < stop else stop  # noqa: FURB136
        a_lo, a_hi = ay0 + slope * (lo - ax0), ay0 + slope * (hi - ax0)
        b_lo, b_hi = by0 + edges[row_slope, j] * (lo - bx0), by0 + edges[row_slope, j] * (hi - bx0)
        u, v = a_lo - b_lo, a_hi - b_hi
        mins = (b_lo if u > 0.0 else a_lo) + (b_hi if v > 0.0 else a_hi)
        both = u * v
        more = both / (abs(u) + abs(v))
        mins = mins - more if both < 0.0 else mins
        width = hi - lo
        value = edges[SIGN, j] * (mins * width)
        lower[np.uintp(i)] = (value if edges[row_top, j] > floor else 0.0) if width > 0.0 else 0.0
    total = 0.0
    for i in range(last - first):
        total += lower[np.uintp(i)]
    return total


@compiled
def _common_area(  # type: ignore[no-untyped-def]
    g, x, y, ring_start, turn, ring_of, turned, floor,
    edges, bin_at, reach, bins, scale, low, high, lower, down, bent, at, rise, bend,
):  # fmt: skip
    """Return twice the common area of feature g and the sorted edges; heights are taken from `floor`.

    Edges of g below all edges of the other feature in their bins, and edges of that below all of g, add up to nothing
    and are left out. `down` turns the plane upside down (`floor` is then the negative of the roof). Where `bent`,
    return the integral of `section` over the common piece instead.
    """
    total = 0.0
    for ring in range(ring_of[g], ring_of[g + 1]):
        sum_of_ring = 0.0
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            ax0, ay0, ax1, ay1, sign = edge_at(x, y, p, turned, 1.0)
            if ax1 <= low or ax0 >= high or ax0 == ax1:
                continue
            k0 = min(int(max(ax0 - low, 0.0) * scale), bins - 1)
            k1 = min(int((ax1 - low) * scale), bins - 1)
            is_beside = True
            for k in range(k0, k1 + 1):
                is_beside &= min(ay0, ay1) >= reach[1, k] if down else max(ay0, ay1) <= reach[0, k]
            if is_beside:
                continue
            slope = (ay1 - ay0) / (ax1 - ax0)
            if down:
                ay0, slope = -ay0, -slope
            ay0 -= floor
            first, last = bin_at[k0], bin_at[k1 + 1]
            if bent:
                under = bend_under(edges, first, last, ax0, ax1, ay0, slope, floor, turned, at, rise, bend)
            else:
                under = _under(edges, first, last, down, ax0, ax1, ay0, slope, floor, lower)
            sum_of_ring += sign * under
        total += turn[ring] * sum_of_ring
    return total


@compiled
def _common_areas(  # type: ignore[no-untyped-def]
    first, last, edges, bin_at, at, reach, lower, needed,
    named, group_start, partner, found, on_ground,
    fx, fy, f_ring_start, f_turn, f_ring_of, f_box,
    gx, gy, g_ring_start, g_turn, g_ring_of, g_box, g_own, g_true, factor,
):  # fmt: skip
    """Fill `found` for the groups first … last, and `on_ground` where it is not empty.

    A group is one feature with all its partners; it is sorted along its longer side, once for all of them.
    Return the group that has too little room, or `last`.
    """
    for k in range(first, last):
        f = named[k]
        turned = f_box[f, 3] - f_box[f, 1] > f_box[f, 2] - f_box[f, 0]
        low, high = (f_box[f, 1], f_box[f, 3]) if turned else (f_box[f, 0], f_box[f, 2])
        bins, scale = sort_edges(
            f, fx, fy, f_ring_start, f_turn, f_ring_of, turned, low, high, edges, bin_at, at, reach
        )
        if bins < 0:
            needed[0] = -bins
            return k
        for q in range(group_start[k], group_start[k + 1]):
            g = partner[q]
            if turned:
                west, floor, east, roof = g_box[g, 1], g_box[g, 0], g_box[g, 3], g_box[g, 2]
            else:
                west, floor, east, roof = g_box[g, 0], g_box[g, 1], g_box[g, 2], g_box[g, 3]
            winding = winding_around(west, east, floor, roof, edges, bin_at, bins, scale, low, high)
            if winding != CROSSED:
                found[q] = abs(winding) * g_own[g]
                if len(on_ground):
                    on_ground[q] = abs(winding) * g_true[g]
                continue
            down = DOWN if is_above(west, east, floor, roof, reach, bins, scale, low) else 0
            found[q] = 0.5 * _common_area(
                g, gx, gy, g_ring_start, g_turn, g_ring_of, turned, -roof if down else floor,
                edges, bin_at, reach, bins, scale, low, high, lower, down, False, 0.0, 0.0, 0.0,
            )  # fmt: skip
            if len(on_ground):
                on_ground[q] = factor[g, 1] * found[q] + _common_area(
                    g, gx, gy, g_ring_start, g_turn, g_ring_of, turned, floor,
                    edges, bin_at, reach, bins, scale, low, high, lower, 0, True,
                    factor[g, 0], factor[g, 2], factor[g, 3],
                )  # fmt: skip
    return last

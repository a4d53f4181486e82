"""A grid of square cells over one layer: which features touch a cell with their border, and which fill it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys.geo.flat.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.flat.wkb import Ragged

MOST_CELLS = 4_000_000
SLACK = 1e-6  # metres by which a border is widened when cells are marked, far above rounding


@dataclass(frozen=True, slots=True)
class Cells:
    """Hold the grid: corner and size in metres, columns and rows, and the features of each cell.

    `feature[start[c]:start[c + 1]]` are the features of cell c = column · rows + row; f where the border of f
    touches the cell, ~f (negative) where the cell lies wholly inside f.
    """

    west: float
    south: float
    size: float
    columns: int
    rows: int
    start: NDArray[np.int64]
    feature: NDArray[np.int32]


def build_cells(layer: Ragged, size: float) -> Cells:
    """Return the grid over a layer with cells of about `size` metres (larger where that would be too many cells)."""
    there = np.isfinite(layer.box[:, 0])
    if not there.any():
        return Cells(0.0, 0.0, size, 0, 0, np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32))
    box = layer.box[there]
    size = _cell_size(box, size)
    west, south = (
        float(np.floor(box[:, k].min() / size) * size) for k in (0, 1)
    )  # lines that do not hang on the layer
    extent = (float(box[:, 2].max()) - west, float(box[:, 3].max()) - south)
    columns, rows = int(extent[0] / size) + 1, int(extent[1] / size) + 1
    spans = [
        np.floor((box[:, k + 2] - o) / size) - np.floor((box[:, k] - o) / size) + 1 for k, o in ((0, west), (1, south))
    ]
    most = int((spans[0] * spans[1]).max())
    mark, wind = np.empty(most, dtype=np.int8), np.empty(most, dtype=np.int32)
    shape = (layer.x, layer.y, layer.ring_start, layer.turn, layer.ring_of, layer.box, west, south, size, rows)
    counts = np.zeros(columns * rows, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int32)
    _visit(*shape, mark, wind, counts, nothing)
    start = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    feature = np.empty(start[-1], dtype=np.int32)
    _visit(*shape, mark, wind, start[:-1].copy(), feature)
    return Cells(west, south, size, columns, rows, start, feature)


def _cell_size(box: NDArray[np.float64], size: float) -> float:
    """Return the size doubled until there are not too many cells: layers that grow a little keep their cells."""
    wide, high = box[:, 2].max() - box[:, 0].min(), box[:, 3].max() - box[:, 1].min()
    while wide * high > MOST_CELLS * size * size:
        size *= 2.0
    return size


def meeting(boxes: NDArray[np.float64], cells: Cells) -> NDArray[np.bool_]:
    """Say of each box, shape (n, 4), whether any feature is in the cells that it meets; only such may share area."""
    flags = np.zeros(len(boxes), dtype=np.uint8)
    _meeting(boxes, cells.west, cells.south, cells.size, cells.columns, cells.rows, cells.start, flags)
    return flags.view(np.bool_)


@compiled
def _meeting(boxes, west, south, size, columns, rows, start, flags):  # type: ignore[no-untyped-def]
    for g in range(len(boxes)):
        if not boxes[g, 0] <= boxes[g, 2]:
            continue
        c0, c1 = int(np.floor((boxes[g, 0] - west) / size)), int(np.floor((boxes[g, 2] - west) / size))
        r0, r1 = int(np.floor((boxes[g, 1] - south) / size)), int(np.floor((boxes[g, 3] - south) / size))
        if r0 >= rows or r1 < 0:
            continue
        for c in range(max(c0, 0), min(c1, columns - 1) + 1):
            if start[c * rows + max(r0, 0)] < start[c * rows + min(r1, rows - 1) + 1]:
                flags[g] = 1
                break
    return 0


@compiled
def _visit(x, y, ring_start, turn, ring_of, box, west, south, size, rows, mark, wind, at, feature):  # type: ignore[no-untyped-def]
    """Count each feature in its cells (`feature` empty), or write it at the next place of each cell."""
    for f in range(len(ring_of) - 1):
        if ring_of[f] == ring_of[f + 1]:
            continue
        c0, r0, wide, high = _mark(f, x, y, ring_start, turn, ring_of, box, west, south, size, mark, wind)
        for c in range(wide):
            for r in range(high):
                touched = mark[c * high + r]
                if touched or wind[c * high + r] != 0:
                    cell = (c0 + c) * rows + r0 + r
                    if len(feature):
                        feature[at[cell]] = f if touched else ~f
                    at[cell] += 1
    return 0


@compiled
def _mark(f, x, y, ring_start, turn, ring_of, box, west, south, size, mark, wind):  # type: ignore[no-untyped-def]
    """Mark the cells that the border of f touches; count windings around the middle of the others.

    Return first column and row and the numbers of columns and rows of the box of f.
    """
    c0, r0 = int(np.floor((box[f, 0] - west) / size)), int(np.floor((box[f, 1] - south) / size))
    wide = int(np.floor((box[f, 2] - west) / size)) - c0 + 1
    high = int(np.floor((box[f, 3] - south) / size)) - r0 + 1
    mark[: wide * high] = 0
    wind[: wide * high] = 0
    for ring in range(ring_of[f], ring_of[f + 1]):
        for p in range(ring_start[ring], ring_start[ring + 1] - 1):
            ax, ay, bx, by = x[p], y[p], x[p + 1], y[p + 1]
            sign = 1 if turn[ring] > 0 else -1
            if ax > bx:
                ax, ay, bx, by = bx, by, ax, ay
                sign = -sign
            slope = (by - ay) / (bx - ax) if bx > ax else 0.0
            ca, cb = int(np.floor((ax - west) / size)) - c0, int(np.floor((bx - west) / size)) - c0
            for c in range(max(ca, 0), min(cb, wide - 1) + 1):
                left = west + (c0 + c) * size
                lo = ay + slope * (left - ax) if c > ca else ay
                hi = ay + slope * (left + size - ax) if c < cb else by
                ra = int(np.floor((min(lo, hi) - SLACK - south) / size)) - r0
                rb = int(np.floor((max(lo, hi) + SLACK - south) / size)) - r0
                for r in range(max(ra, 0), min(rb, high - 1) + 1):
                    mark[c * high + r] = 1
                middle = left + 0.5 * size
                if ax <= middle < bx:
                    r = max(int(np.floor((ay + slope * (middle - ax) - south) / size)) - r0, 0)
                    if r < high - 1:
                        wind[c * high + r + 1] += sign
    for c in range(wide):
        total = 0
        for r in range(high):
            total += wind[c * high + r]
            wind[c * high + r] = total
    return c0, r0, wide, high


@compiled
def candidates(boxes, west, south, size, columns, rows, start, feature, feature_box, seen, inside, found, pairs):  # type: ignore[no-untyped-def]
    """List the pairs that may share area: feature, box, and 1 where the box lies wholly inside the feature.

    `seen`, `inside` and `found` are room for one number a feature; `seen` must be −1 throughout. Return the number
    of pairs, or −1 where `pairs`, shape (n, 3), is too short.
    """
    n = 0
    for g in range(len(boxes)):
        if not boxes[g, 0] <= boxes[g, 2]:
            continue
        c0, c1 = int(np.floor((boxes[g, 0] - west) / size)), int(np.floor((boxes[g, 2] - west) / size))
        r0, r1 = int(np.floor((boxes[g, 1] - south) / size)), int(np.floor((boxes[g, 3] - south) / size))
        whole = (c1 - c0 + 1) * (r1 - r0 + 1)
        m = 0
        for c in range(max(c0, 0), min(c1, columns - 1) + 1):
            for r in range(max(r0, 0), min(r1, rows - 1) + 1):
                cell = c * rows + r
                for q in range(start[cell], start[cell + 1]):
                    f = feature[q]
                    fills = f < 0
                    if fills:
                        f = ~f
                    if seen[f] != g:
                        seen[f] = g
                        inside[f] = 0
                        found[m] = f
                        m += 1
                    if fills:
                        inside[f] += 1
        if n + m > len(pairs):
            return -1
        for i in range(m):
            f = found[i]
            b = feature_box[f]
            is_inside = inside[f] == whole
            if is_inside or (b[0] < boxes[g, 2] and b[2] > boxes[g, 0] and b[1] < boxes[g, 3] and b[3] > boxes[g, 1]):
                pairs[n, 0], pairs[n, 1], pairs[n, 2] = f, g, is_inside
                n += 1
    return n

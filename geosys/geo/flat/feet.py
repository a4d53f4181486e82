"""The places of lines that are nearest to points, in one walk along the vertices of each pair; and points in boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from geosys.geo.flat.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOK_M = 0.5  # how far before and behind a place the direction of a line is taken

MOST_CELLS = 1024  # along an axis


def in_boxes(xy: NDArray[np.float64], boxes: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of point and box, those of a box one after the other; the border of a box counts.

    Parameters
    ----------
    xy
        Points, shape (p, 2), p > 0, all of them numbers.
    boxes
        West, south, east, north, shape (m, 4).
    """
    low = xy.min(axis=0)
    span = np.maximum(xy.max(axis=0) - low, 1e-9)
    size = int(np.clip(np.sqrt(len(xy)) * 2.0, 1, MOST_CELLS))  # cells along an axis: some hold a point, most none
    step = span / size
    column, row = np.minimum(((xy - low) / step).astype(np.int64), size - 1).T
    key = row * size + column
    order = np.argsort(key, kind="stable")
    start = np.searchsorted(key[order], np.arange(size * size + 1))
    given = np.ascontiguousarray(xy[order]), start, size, *low.tolist(), *step.tolist(), np.ascontiguousarray(boxes)
    room = 16 * len(xy) + 64
    while True:
        point, box = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        count = _in_boxes(*given, point, box)
        if count <= room:
            return order[point[:count]], box[:count]
        room = count


def nearest(
    vertices: NDArray[np.float64], start: NDArray[np.int64], number: NDArray[np.int64], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return for places and a line each how far along it the nearest place is, how far away, and whether they lie left of it.

    Parameters
    ----------
    vertices, start
        The lines: `vertices[start[n]:start[n + 1]]` are those of line n, shapes (v, 2) and (m + 1,).
    number, places
        The line of each pair and the place, shapes (k,) and (k, 2).

    Returns
    -------
    Metres along and metres away; of places equally near the first along the line counts. Shapes (k,).
    """
    along, away, left = np.empty(len(number)), np.empty(len(number)), np.empty(len(number), dtype=np.uint8)
    given = [np.ascontiguousarray(one) for one in (vertices, start, number, places)]
    _feet(*given, LOOK_M, np.empty(4), along, away, left)
    return along, away, left.astype(np.bool_)


@compiled
def _in_boxes(xy, start, size, west, south, wide, high, boxes, point, box):  # type: ignore[no-untyped-def]
    """Write pairs of box and point while there is room, points sorted by cells, row by row; return how many there are."""
    count = 0
    for b in range(len(boxes)):
        left, right = (boxes[b, 0] - west) / wide, (boxes[b, 2] - west) / wide
        below, above = (boxes[b, 1] - south) / high, (boxes[b, 3] - south) / high
        if right < 0.0 or above < 0.0 or left > size or below > size:
            continue
        first, last = int(min(max(left, 0.0), size - 1.0)), int(min(right, size - 1.0))
        for row in range(int(min(max(below, 0.0), size - 1.0)), int(min(above, size - 1.0)) + 1):
            for k in range(start[row * size + first], start[row * size + last + 1]):
                x, y = xy[k, 0], xy[k, 1]
                if boxes[b, 0] <= x <= boxes[b, 2] and boxes[b, 1] <= y <= boxes[b, 3]:
                    if count < len(point):
                        point[count], box[count] = k, b
                    count += 1
    return count


@compiled
def _place(vertices, first, last, at, out, k):  # type: ignore[no-untyped-def]
    """Write the place so far along a line into `out[k]` and `out[k + 1]`."""
    out[k], out[k + 1] = vertices[last - 1, 0], vertices[last - 1, 1]
    for i in range(first, last - 1):
        dx, dy = vertices[i + 1, 0] - vertices[i, 0], vertices[i + 1, 1] - vertices[i, 1]
        length = math.sqrt(dx * dx + dy * dy)
        if at < length:
            out[k], out[k + 1] = vertices[i, 0] + dx * (at / length), vertices[i, 1] + dy * (at / length)
            return 0
        at -= length
    return 0


@compiled
def _feet(vertices, start, number, places, look, out, along, away, left):  # type: ignore[no-untyped-def]
    """Fill `along`, `away` and `left` for each place and its line, as `nearest` says."""
    for k in range(len(number)):
        first, last = start[number[k]], start[number[k] + 1]
        x, y = places[k, 0], places[k, 1]
        least, run = math.inf, 0.0
        foot_x, foot_y = x, y
        for i in range(first, last - 1):
            ax, ay, bx, by = vertices[i, 0], vertices[i, 1], vertices[i + 1, 0], vertices[i + 1, 1]
            dx, dy = bx - ax, by - ay
            square = dx * dx + dy * dy
            t = ((x - ax) * dx + (y - ay) * dy) / square if square > 0.0 else 0.0
            fx, fy = ax + t * dx, ay + t * dy
            if t <= 0.0:
                t, fx, fy = 0.0, ax, ay
            elif t >= 1.0:
                t, fx, fy = 1.0, bx, by
            length = math.sqrt(square)
            apart = (x - fx) * (x - fx) + (y - fy) * (y - fy)
            if apart < least:
                least, foot_x, foot_y = apart, fx, fy
                along[k] = run + t * length
            run += length
        away[k] = math.sqrt(least)
        step = min(look, run / 4.0)
        _place(vertices, first, last, max(along[k] - step, 0.0), out, 0)
        _place(vertices, first, last, min(along[k] + step, run), out, 2)
        turn = (out[2] - out[0]) * (y - foot_y) - (out[3] - out[1]) * (x - foot_x)
        left[k] = 1 if turn > 0.0 else 0
    return 0

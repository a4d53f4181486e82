"""Read polygons from WKB straight into flat arrays: no Python object and no GEOS geometry a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POLYGON, MULTIPOLYGON = 3, 6
OK, NOT_AREAL, CUT_OFF, BYTE_ORDER, NOT_FINITE = range(5)
_WHY = {
    NOT_AREAL: "no polygon",
    CUT_OFF: "cut off",
    BYTE_ORDER: "big-endian",
    NOT_FINITE: "coordinates that are no numbers",
}


@dataclass(frozen=True, slots=True)
class Ragged:
    """Hold n polygons (or several each, with holes) as flat arrays.

    Attributes
    ----------
    x, y
        Coordinates of all vertices, float64 of shape (v,), as they were written; rings are closed.
    ring_start
        Where each ring begins among the vertices, int64 of shape (r + 1,).
    turn
        +1.0 where a ring runs as the border of an area should (shells counter-clockwise, holes clockwise), else
        −1.0, shape (r,): how a sender turned his rings does not matter.
    ring_of
        Where each feature's rings begin, int64 of shape (n + 1,); an empty or missing feature has none.
    box
        West, south, east, north of each feature, shape (n, 4); infinite where there is none.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ring_start: NDArray[np.int64]
    turn: NDArray[np.float64]
    ring_of: NDArray[np.int64]
    box: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Return the number of features."""
        return len(self.ring_of) - 1

    @property
    def most_vertices(self) -> int:
        """Return the vertices of the largest feature."""
        first = self.ring_start[self.ring_of[:-1]]
        last = self.ring_start[self.ring_of[1:]]
        return int((last - first).max(initial=0))


def read_wkb(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Ragged:
    """Return the polygons of a buffer of little-endian WKB; a value of no bytes is a missing feature.

    Parameters
    ----------
    data
        All bytes, one feature after the other.
    offsets
        Where each begins, shape (n + 1,).

    Raises
    ------
    DeliveryError
        When a value is no polygon, is cut off, big-endian, or has coordinates that are no numbers; the first is named.
    """
    n = len(offsets) - 1
    rings, points = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    status = np.zeros(n, dtype=np.int8)
    _measure(data, offsets, rings, points, status)
    ring_of, point_of = _starts(rings), _starts(points)
    x, y = np.empty(point_of[-1]), np.empty(point_of[-1])
    ring_start = np.empty(ring_of[-1] + 1, dtype=np.int64)
    ring_start[-1] = point_of[-1]
    turn, box = np.empty(ring_of[-1]), np.empty((n, 4))
    views = tuple(data[k : k + max(len(data) - k, 0) // 8 * 8].view(np.float64) for k in range(8))
    _fill(data, views, offsets, status, ring_of, point_of, x, y, ring_start, turn, box)
    wrong = np.flatnonzero(status)
    if len(wrong):
        why = _WHY[int(status[wrong[0]])]
        raise DeliveryError(
            f"geometry: got {why} in row {wrong[0] + 1} ({len(wrong)} such rows), expected polygons in little-endian "
            "WKB. Take the layer in with 'geosys run', which withholds such rows."
        )
    return Ragged(x, y, ring_start, turn, ring_of, box)


def join(parts: Sequence[Ragged]) -> Ragged:
    """Return several sets of polygons as one, in their order."""
    ring_starts, ring_ofs = [np.zeros(1, dtype=np.int64)], [np.zeros(1, dtype=np.int64)]
    vertices = rings = 0
    for part in parts:
        ring_starts.append(part.ring_start[1:] + vertices)
        ring_ofs.append(part.ring_of[1:] + rings)
        vertices += len(part.x)
        rings += len(part.turn)
    return Ragged(
        np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]), np.concatenate(ring_starts),
        np.concatenate([p.turn for p in parts]), np.concatenate(ring_ofs), np.concatenate([p.box for p in parts]),
    )  # fmt: skip


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])


@njit(cache=True, nogil=True)
def _word(data, at):  # type: ignore[no-untyped-def]
    """Return the little-endian unsigned 32-bit word at a byte."""
    return (
        np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24
    )


@njit(cache=True, nogil=True)
def _kind(word):  # type: ignore[no-untyped-def]
    """Return the plain type of a WKB type word and the numbers a point has (Z and M in either spelling)."""
    plain = word & 0x0FFFFFFF
    numbers = 2 + (word >> 31 & 1) + (word >> 30 & 1)
    thousands = plain // 1000
    if thousands in (1, 2):
        numbers += 1
    elif thousands == 3:
        numbers += 2
    return plain % 1000, numbers


@njit(cache=True, nogil=True)
def _measure(data, offsets, rings, points, status):  # type: ignore[no-untyped-def]
    """Count rings and points of each feature, and note what cannot be read; nothing is read past a feature's end."""
    for i in range(len(offsets) - 1):
        at, end = offsets[i], offsets[i + 1]
        if at == end:
            continue
        if end - at < 9:
            status[i] = CUT_OFF
            continue
        if data[at] != 1:
            status[i] = BYTE_ORDER
            continue
        kind, numbers = _kind(_word(data, at + 1))
        parts = 1
        if kind == MULTIPOLYGON:
            parts = _word(data, at + 5)
            at += 9
        elif kind != POLYGON:
            status[i] = NOT_AREAL
            continue
        for _ in range(parts):
            if at + 9 > end:
                status[i] = CUT_OFF
                break
            kind, numbers = _kind(_word(data, at + 1))
            if data[at] != 1 or kind != POLYGON:
                status[i] = BYTE_ORDER if data[at] != 1 else NOT_AREAL
                break
            count = _word(data, at + 5)
            at += 9
            for _ in range(count):
                if at + 4 > end:
                    status[i] = CUT_OFF
                    break
                size = _word(data, at)
                at += 4 + size * numbers * 8
                if at > end:
                    status[i] = CUT_OFF
                    break
                rings[i] += 1
                points[i] += size
            if status[i] != OK:
                break
        if status[i] != OK:
            rings[i] = 0
            points[i] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(data, views, offsets, status, ring_of, point_of, x, y, ring_start, turn, box):  # type: ignore[no-untyped-def]
    """Fill coordinates, rings with their turn, and boxes; `views` are the bytes as float64 from each of 8 beginnings."""
    for i in range(len(offsets) - 1):
        west = south = np.inf
        east = north = -np.inf
        at = offsets[i]
        if status[i] == OK and at < offsets[i + 1]:
            ring, point = ring_of[i], point_of[i]
            kind, numbers = _kind(_word(data, at + 1))
            parts = 1
            if kind == MULTIPOLYGON:
                parts = _word(data, at + 5)
                at += 9
            for _ in range(parts):
                kind, numbers = _kind(_word(data, at + 1))
                count = _word(data, at + 5)
                at += 9
                for k in range(count):
                    size = _word(data, at)
                    at += 4
                    view, first = views[at & 7], at >> 3
                    ring_start[ring] = point
                    for j in range(size):
                        px, py = view[first + j * numbers], view[first + j * numbers + 1]
                        x[point + j] = px
                        y[point + j] = py
                        west, east = min(west, px), max(east, px)
                        south, north = min(south, py), max(north, py)
                    at += 8 * numbers * size
                    twice = 0.0
                    if size > 0:
                        x0, y0 = x[point], y[point]
                        for j in range(point, point + size - 1):
                            twice += (x[j] - x0) * (y[j + 1] - y0) - (x[j + 1] - x0) * (y[j] - y0)
                    if not np.isfinite(twice):
                        status[i] = NOT_FINITE
                    turn[ring] = 1.0 if (twice >= 0.0) == (k == 0) else -1.0
                    point += size
                    ring += 1
        box[i, 0], box[i, 1], box[i, 2], box[i, 3] = west, south, east, north

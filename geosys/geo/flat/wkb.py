"""Read polygons from WKB straight into flat arrays: no Python object and no GEOS geometry a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import DeliveryError
from geosys.geo.flat.compiled import compiled

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
    own
        The planar area of each feature, shape (n,), 0 where its coordinates were left out.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ring_start: NDArray[np.int64]
    turn: NDArray[np.float64]
    ring_of: NDArray[np.int64]
    box: NDArray[np.float64]
    own: NDArray[np.float64]

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


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold WKB that was looked through once: its bytes, where features begin, how large they are, and their boxes."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    rings: NDArray[np.int64]
    points: NDArray[np.int64]
    box: NDArray[np.float64]


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
    return fill([measure(data, offsets)])


def measure(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Measured:
    """Return sizes and boxes of the polygons of a buffer, see `read_wkb`; their coordinates are taken by `fill`."""
    n = len(offsets) - 1
    rings, points, status = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int8)
    box = np.empty((n, 4))
    _measure(data, *_views(data), offsets, rings, points, box, status)
    wrong = np.flatnonzero(status)
    if len(wrong):
        why = _WHY[int(status[wrong[0]])]
        raise DeliveryError(
            f"geometry: got {why} in row {wrong[0] + 1} ({len(wrong)} such rows), expected polygons in little-endian "
            "WKB. Take the layer in with 'geosys run', which withholds such rows."
        )
    return Measured(data, offsets, rings, points, box)


def fill(parts: Sequence[Measured], wanted: Sequence[NDArray[np.bool_]] | None = None) -> Ragged:
    """Return the polygons of several buffers as one set, in their order.

    Features not `wanted` (a flag for each, part by part) keep their box, but have no rings.
    """
    if wanted is not None:
        parts = [
            Measured(p.data, p.offsets, np.where(w, p.rings, 0), np.where(w, p.points, 0), p.box)
            for p, w in zip(parts, wanted, strict=True)
        ]
    ring_of, point_of = (_starts([getattr(p, name) for p in parts]) for name in ("rings", "points"))
    x, y = np.empty(point_of[-1]), np.empty(point_of[-1])
    ring_start, turn = np.empty(ring_of[-1] + 1, dtype=np.int64), np.empty(ring_of[-1])
    ring_start[-1] = point_of[-1]
    box, own = np.concatenate([p.box for p in parts]), np.zeros(len(ring_of) - 1)
    first = 0
    for part in parts:
        last = first + len(part.rings)
        _fill(
            part.data, *_views(part.data), part.offsets, ring_of[first : last + 1], point_of[first : last + 1],
            x, y, ring_start, turn, own[first:last],
        )  # fmt: skip
        first = last
    return Ragged(x, y, ring_start, turn, ring_of, box, own)


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
        np.concatenate([p.own for p in parts]),
    )  # fmt: skip


def _views(data: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
    """Return the bytes as float64 from each of 8 beginnings: WKB puts numbers at any byte."""
    return tuple(data[k : k + max(len(data) - k, 0) // 8 * 8].view(np.float64) for k in range(8))


def _starts(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate(counts))])


@compiled
def _word(data, at):  # type: ignore[no-untyped-def]
    """Return the little-endian unsigned 32-bit word at a byte."""
    return (
        np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24
    )


@compiled
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


@compiled
def _measure(data, v0, v1, v2, v3, v4, v5, v6, v7, offsets, rings, points, box, status):  # type: ignore[no-untyped-def]
    """Count rings and points of each feature, take its box, and note what cannot be read; nothing past its end is read."""
    views = (v0, v1, v2, v3, v4, v5, v6, v7)
    for i in range(len(offsets) - 1):
        west = south = np.inf
        east = north = -np.inf
        at, end = offsets[i], offsets[i + 1]
        parts = 0
        if at < end:
            parts = 1
            if end - at < 9:
                status[i] = CUT_OFF
            elif data[at] != 1:
                status[i] = BYTE_ORDER
            else:
                kind, numbers = _kind(_word(data, at + 1))
                if kind == MULTIPOLYGON:
                    parts = _word(data, at + 5)
                    at += 9
                elif kind != POLYGON:
                    status[i] = NOT_AREAL
        for _ in range(parts):
            if status[i] != OK:
                break
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
                at += 4
                if at + size * numbers * 8 > end:
                    status[i] = CUT_OFF
                    break
                view, first = views[at & 7], at >> 3
                no_number = 0.0
                for j in range(size):
                    k = np.uintp(first + j * numbers)
                    px, py = view[k], view[k + np.uintp(1)]
                    no_number += (px - px) + (py - py)
                    west, east = min(west, px), max(east, px)
                    south, north = min(south, py), max(north, py)
                if no_number != 0.0:
                    status[i] = NOT_FINITE
                at += size * numbers * 8
                rings[i] += 1
                points[i] += size
            if status[i] != OK:
                break
        box[i, 0], box[i, 1], box[i, 2], box[i, 3] = west, south, east, north
    return 0


@compiled
def _fill(data, v0, v1, v2, v3, v4, v5, v6, v7, offsets, ring_of, point_of, x, y, ring_start, turn, own):  # type: ignore[no-untyped-def]
    """Fill coordinates, rings with their turn, and own areas of the features that have rings in `ring_of`."""
    views = (v0, v1, v2, v3, v4, v5, v6, v7)
    for i in range(len(offsets) - 1):
        if ring_of[i] == ring_of[i + 1]:
            continue
        at, ring, point = offsets[i], ring_of[i], point_of[i]
        kind, numbers = _kind(_word(data, at + 1))
        parts = 1
        if kind == MULTIPOLYGON:
            parts = _word(data, at + 5)
            at += 9
        total = 0.0
        for _ in range(parts):
            kind, numbers = _kind(_word(data, at + 1))
            count = _word(data, at + 5)
            at += 9
            for k in range(count):
                size = _word(data, at)
                at += 4
                view, first = views[at & 7], at >> 3
                ring_start[ring] = point
                twice = 0.0
                if size > 0:
                    x0, y0 = view[first], view[first + 1]
                    px = py = 0.0
                    for j in range(size):
                        q = np.uintp(first + j * numbers)
                        qx, qy = view[q], view[q + np.uintp(1)]
                        x[np.uintp(point + j)] = qx
                        y[np.uintp(point + j)] = qy
                        qx, qy = qx - x0, qy - y0
                        twice += px * qy - qx * py
                        px, py = qx, qy
                at += 8 * numbers * size
                turn[ring] = 1.0 if (twice >= 0.0) == (k == 0) else -1.0
                total += turn[ring] * twice
                point += size
                ring += 1
        own[i] = 0.5 * total
    return 0

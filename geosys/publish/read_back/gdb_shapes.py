"""Read the geometries of a file geodatabase: whole steps of a grid, each point as the way from the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.publish.read_back.found import LINE, POINT, POLYGON, DamageError
from geosys.publish.read_back.gdb_table import Bytes
from geosys.publish.read_back.rings import geometries_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.publish.read_back.gdb_table import Grid

_ONE_POINT, _LINES, _POLYGONS, _POINTS = 1, 3, 5, 8
_KINDS = {_ONE_POINT: POINT, _POINTS: POINT, _LINES: LINE, _POLYGONS: POLYGON}
_CONTINUED, _SIGN = 0x80, 0x40


def shapes_of(blobs: Sequence[bytes | None], grid: Grid) -> NDArray[np.object_]:
    """Return geometries from the bytes of a geometry field, None where missing or without a point.

    Raises
    ------
    DamageError
        When the bytes are not those of points, lines or polygons of two dimensions.
    """
    rows: list[int] = []
    sizes: list[int] = []
    bodies: list[bytes | list[int]] = []
    kinds = set()
    singles = []
    for row, blob in enumerate(blobs):
        if blob is None:
            continue
        cells = Bytes(blob)
        kind = cells.whole()
        if kind not in _KINDS:
            raise DamageError(f"row {row + 1}: got a geometry of type {kind}, expected one of {sorted(_KINDS)}.")
        if kind == _ONE_POINT:
            singles.append(row)
            rows.append(row)
            sizes.append(1)
            bodies.append([cells.whole() - 1, cells.whole() - 1])
        elif parts := _parts(cells, kind):
            rows += [row] * len(parts)
            sizes += parts
            bodies.append(blob[cells.at :])
        kinds.add(_KINDS[kind])
    if len(kinds) > 1:
        raise DamageError(f"got geometries of the kinds {sorted(kinds)}, expected one kind in a layer.")
    if not rows:
        return np.full(len(blobs), None, dtype=object)
    steps = _points(bodies, np.array(rows), np.array(sizes))
    xy = steps / grid.steps + (grid.west, grid.south)
    made = geometries_of(kinds.pop(), len(blobs), np.array(rows), np.array(sizes), xy)
    made[singles] = shapely.get_geometry(made[singles], 0)
    return made


def _parts(cells: Bytes, kind: int) -> list[int]:
    """Return the sizes of a geometry's parts and go past its box."""
    count = cells.whole()
    if not count:
        return []
    parts = cells.whole() if kind != _POINTS else 1
    for _ in range(4):
        cells.whole()
    sizes = [cells.whole() for _ in range(parts - 1)]
    return [*sizes, count - sum(sizes)]


def _points(
    bodies: Sequence[bytes | list[int]], rows: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the points of all geometries in steps of the grid; each body's ways begin anew at its origin."""
    ways = [np.array(body, dtype=np.int64) if isinstance(body, list) else _ways(body) for body in bodies]
    flat = np.concatenate(ways)
    _, first = np.unique(rows, return_index=True)
    counts = np.add.reduceat(sizes, first)
    if [len(way) for way in ways] != (2 * counts).tolist():
        raise DamageError("got another number of coordinates than the geometry says, expected two a point.")
    added = np.cumsum(flat.reshape(-1, 2), axis=0)
    begins = np.cumsum(counts) - counts
    before = np.where(begins[:, None] > 0, added[begins - 1], 0)
    points: NDArray[np.int64] = added - np.repeat(before, counts, axis=0)
    return points


def _ways(body: bytes) -> NDArray[np.int64]:
    """Return the signed whole numbers of seven bits a byte; the first byte of each has its sign and six bits.

    Examples
    --------
    >>> _ways(bytes([0x03, 0x43, 0x81, 0x01])).tolist()
    [3, -3, 65]
    """
    data = np.frombuffer(body, dtype=np.uint8).astype(np.int64)
    is_last = data < _CONTINUED
    if not len(data) or not is_last[-1]:
        raise DamageError("got a geometry cut off within a number, expected a whole one.")
    ends = np.flatnonzero(is_last)
    begins = np.concatenate([[0], ends[:-1] + 1])
    within = np.arange(len(data)) - np.repeat(begins, ends - begins + 1)
    bits = np.where(within == 0, data & 0x3F, (data & 0x7F) << np.maximum(7 * within - 1, 0))
    values: NDArray[np.int64] = np.add.reduceat(bits, begins)
    return np.where(data[begins] & _SIGN, -values, values)

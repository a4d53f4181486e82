"""Find polygons of one large layer that overlap each other, part by part along a spatial order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from geosys.geo.flat.areas import common_areas
from geosys.geo.flat.cells import build_cells, candidates
from geosys.geo.flat.wkb import read_wkb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from geosys.geo.flat.cells import Cells
    from geosys.geo.flat.wkb import Ragged

CELL_M = 50.0
PART_BYTES = 64 << 20  # geometry held at once, three times over: a part, its neighbours, and what is made of them
ROOM_PER_BOX = 8


def overlaps(
    order: NDArray[np.int64],
    box: NDArray[np.float64],
    size: NDArray[np.int64],
    read: Callable[[NDArray[np.int64]], pa.LargeBinaryArray],
    least_m2: float,
    threads: int = 2,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], int]]:
    """Yield the pairs of rows that share at least `least_m2`, each pair once.

    Parameters
    ----------
    order
        The rows to compare, neighbours near each other; their polygons are valid.
    box, size
        Of all rows: west, south, east, north, shape (n, 4), and bytes of geometry, shape (n,).
    read
        Returns the geometry of some rows as little-endian WKB in a plane of metres.

    Returns
    -------
    Pairs of rows, shape (p, 2), the first lower; their common areas in the plane, to 1e-6 m²; rows of `order` done.
    """
    with ThreadPoolExecutor(threads) as pool:
        for first, last in _parts(size[order]):
            here = order[first:last]
            later = order[last:]
            whole = _extent(box[here])
            near = later[
                (box[later, 0] < whole[2])
                & (box[later, 2] > whole[0])
                & (box[later, 1] < whole[3])
                & (box[later, 3] > whole[1])
            ]
            shapes = _polygons(read(here))
            found = _candidates(np.concatenate([box[here], box[near]]), shapes, build_cells(shapes, CELL_M))
            inner = found[found[:, 0] < found[:, 1]]
            inner = inner[inner[:, 1] < len(here), :2]
            rows, areas = [here[inner]], [common_areas(shapes, shapes, inner, pool, threads)]
            outer = found[found[:, 1] >= len(here)]
            outer[:, 1] -= len(here)
            for some, pairs in _neighbours(outer, size[near]):
                areas.append(common_areas(shapes, _polygons(read(near[some])), pairs, pool, threads))
                rows.append(np.column_stack([here[pairs[:, 0]], near[some][pairs[:, 1]]]))
            pairs, shared = np.concatenate(rows), np.concatenate(areas)
            keep = shared >= least_m2
            yield np.sort(pairs[keep], axis=1), shared[keep], last


def _parts(size: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield first and last of runs that hold about `PART_BYTES` each."""
    part = np.cumsum(size) // PART_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(size)]
    yield from ((a, b) for a, b in pairwise(cuts) if b > a)


def _neighbours(
    pairs: NDArray[np.int32], size: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Yield the neighbours that pairs name, some at a time, and their pairs with positions among these."""
    named = np.unique(pairs[:, 1]).astype(np.int64)
    for first, last in _parts(size[named]):
        some = named[first:last]
        chosen = pairs[(pairs[:, 1] >= some[0]) & (pairs[:, 1] <= some[-1]), :2].copy()
        chosen[:, 1] = np.searchsorted(some, chosen[:, 1])
        yield some, chosen


def _extent(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([box[:, :2].min(axis=0), box[:, 2:].max(axis=0)])


def _polygons(column: pa.LargeBinaryArray) -> Ragged:
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    return read_wkb(np.frombuffer(data, dtype=np.uint8), places)


def _candidates(box: NDArray[np.float64], shapes: Ragged, cells: Cells) -> NDArray[np.int32]:
    """Return the pairs that may share area: position in `shapes`, position in `box`."""
    inside, found = np.empty(shapes.size, dtype=np.int32), np.empty(shapes.size, dtype=np.int32)
    room = ROOM_PER_BOX * len(box) + 1_000
    while True:
        pairs = np.empty((room, 3), dtype=np.int32)
        count = candidates(
            box, cells.west, cells.south, cells.size, cells.columns, cells.rows, cells.start, cells.feature,
            shapes.box, np.full(shapes.size, -1, dtype=np.int64), inside, found, pairs,
        )  # fmt: skip
        if count >= 0:
            return pairs[:count]
        room *= 2

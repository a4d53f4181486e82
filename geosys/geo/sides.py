"""The two sides of an overlay, all risk layers and the coverage, compared with what the last run knew of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from geosys.geo.flat.cells import build_cells, meeting
from geosys.geo.flat.digests import digests_of, find, places_of
from geosys.geo.flat.wkb import read_wkb
from geosys.geo.overlay import CELL_M
from geosys.geo.snapshot import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from geosys.geo.flat.cells import Cells
    from geosys.geo.flat.wkb import Ragged

MOST_BOXES = 100
NEARLY_ALL = 0.5  # of a row group; where more is needed all of it is taken, as picking would cost more
ROUNDING = 1e-6  # of a coordinate: stated boxes may be float32
UNKNOWN = -1


class UnlikeLastRunError(Exception):
    """The last run's pairs cannot be taken over; the text says why."""


@dataclass(frozen=True, slots=True)
class Side:
    """Hold one side as it is now, and where the last run had the same.

    Attributes
    ----------
    rows
        What is known of its features; filled by `learn` for the row groups that changed.
    start
        The first row of each row group, shape (g + 1,).
    old
        The row group of the last run with the same bytes, −1 where there is none.
    origin
        For each feature a row of the last run with the same content, −1 where there is none: it changed.
    """

    rows: Rows
    start: NDArray[np.int64]
    old: NDArray[np.int64]
    origin: NDArray[np.int64]
    past: Rows
    places: NDArray[np.int32]

    @property
    def new(self) -> NDArray[np.int64]:
        """Return the row groups that changed."""
        return np.flatnonzero(self.old < 0)

    def span(self, group: int) -> slice:
        """Return the rows of a row group."""
        return slice(int(self.start[group]), int(self.start[group + 1]))

    def members(self, groups: Sequence[int]) -> NDArray[np.int64]:
        """Return the rows of some row groups."""
        return np.concatenate([np.arange(self.start[g], self.start[g + 1]) for g in groups])


def compare(groups: NDArray[np.uint64], counts: NDArray[np.int64], past: Rows) -> Side:
    """Return a side with its features known where the row group is one that the last run read, by its digest."""
    places = places_of(past.digest)
    start, past_start = (np.concatenate([[0], np.cumsum(c)]).astype(np.int64) for c in (counts, past.counts))
    old = find(past.groups, places_of(past.groups), groups)
    size = int(start[-1])
    nowhere = np.tile(np.array([np.inf, np.inf, -np.inf, -np.inf], dtype=past.box.dtype), (size, 1))
    rows = Rows(groups, counts, np.zeros((size, 2), dtype=np.uint64), nowhere)
    origin = np.full(size, UNKNOWN, dtype=np.int64)
    side = Side(rows, start, old, origin, past, places)
    for group in np.flatnonzero(old >= 0).tolist():
        here = side.span(group)
        there = slice(int(past_start[old[group]]), int(past_start[old[group] + 1]))
        rows.digest[here], rows.box[here] = past.digest[there], past.box[there]
        origin[here] = np.arange(there.start, there.stop)
    return side


def learn(
    side: Side,
    at: NDArray[np.int64],
    column: pa.ChunkedArray,
    areas: NDArray[np.float64] | None,
    pool: Executor,
    threads: int,
) -> NDArray[np.int64]:
    """Take the digests of decoded features into a side and look them up in the last run.

    Parameters
    ----------
    side
        What is filled: digest and origin, and the box of those that the last run knew.
    at
        The rows of these features.
    column
        Their geometry (WKB).
    areas
        Their ellipsoidal areas in m², where they count as content.
    pool, threads
        Threads for the digests.

    Returns
    -------
    The positions among `at` of those that changed; their boxes are still to be set.
    """
    first = 0
    for chunk in column.chunks:
        wide = pa.types.is_large_binary(chunk.type)
        _, offsets, data = chunk.buffers()
        kind = np.int64 if wide else np.int32
        places = np.frombuffer(offsets, dtype=kind)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
        content = np.frombuffer(b"" if data is None else data, dtype=np.uint8)
        last = first + len(chunk)
        seeds = None if areas is None else areas[first:last].view(np.uint64)
        side.rows.digest[at[first:last]] = digests_of(content, places, seeds, pool, threads)
        first = last
    origin = find(side.past.digest, side.places, side.rows.digest[at])
    side.origin[at] = origin
    is_known = origin >= 0
    side.rows.box[at[is_known]] = side.past.box[origin[is_known]]
    return np.flatnonzero(~is_known)


def pick(column: pa.ChunkedArray, places: NDArray[np.int64]) -> pa.ChunkedArray:
    """Return some values of a column; the column itself where all are asked for."""
    return column if len(places) == len(column) else column.take(pa.array(places))


def stated_boxes(file: pq.ParquetFile, groups: Sequence[int]) -> NDArray[np.float64]:
    """Return the box that a file states for each row group, widened by float32's rounding; infinite where it states none."""
    boxes = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(groups), 1))
    for k, group in enumerate(groups):
        meta = file.metadata.row_group(group)
        for c in range(meta.num_columns):
            column = meta.column(c)
            table, _, side = column.path_in_schema.rpartition(".")
            if table != "bbox" or column.statistics is None or not column.statistics.has_min_max:
                continue
            if side in ("xmin", "ymin"):
                boxes[k, int(side == "ymin")] = column.statistics.min
            elif side in ("xmax", "ymax"):
                boxes[k, 2 + int(side == "ymax")] = column.statistics.max
    room = np.where(np.isfinite(boxes), ROUNDING * np.abs(boxes), 0.0)
    return np.asarray(boxes + room * np.array([-1, -1, 1, 1]))


def check_stated(boxes: NDArray[np.float64], stated: NDArray[np.float64]) -> None:
    """Raise where a feature is outside the box stated for its row group: what is near it was told by that box."""
    if (boxes[:, :2] < stated[:, :2]).any() or (boxes[:, 2:] > stated[:, 2:]).any():
        raise UnlikeLastRunError("the coverage states boxes of row groups that do not hold their features")


def corners_of(box: NDArray[np.float64]) -> tuple[NDArray[np.int64], Ragged]:
    """Return the two outermost corners of some features as polygons without area, with −1 for ids.

    With them, a few features have the same grid over them as all.
    """
    there = box[np.isfinite(box[:, 0])]
    corners = np.zeros((0, 2))
    if len(there):
        corners = np.stack([there[:, :2].min(axis=0), there[:, 2:].max(axis=0)])
    head = np.frombuffer(b"\x01" + np.array([3, 1, 4], dtype="<u4").tobytes(), dtype=np.uint8)  # 1 ring of 4 points
    parts = [np.concatenate([head, np.tile(corner, 4).astype("<f8").view(np.uint8)]) for corner in corners]
    data = np.concatenate([np.zeros(0, dtype=np.uint8), *parts])
    size = len(data) // max(len(corners), 1)
    shapes = read_wkb(data, size * np.arange(len(corners) + 1, dtype=np.int64))
    return np.full(len(corners), UNKNOWN, dtype=np.int64), shapes


def check_grid(risks: Side) -> None:
    """Raise unless the grid over the risk layers has the cells of the last run's, further or less far.

    The cells decide whether a patch near a border is taken whole or summed: the same to 1e-12 of it, not to the bit.
    """
    if not len(risks.past.counts):
        return
    now, then = (build_cells(corners_of(rows.box)[1], CELL_M) for rows in (risks.rows, risks.past))
    lines = np.array([now.west, now.south, then.west, then.south]) / now.size
    is_same = (now.west, now.south, now.size) == (then.west, then.south, then.size)
    if not is_same and (now.size != then.size or (lines != np.floor(lines)).any()):
        raise UnlikeLastRunError("the grid over the risk layers is another, as they reach further or less far")


def needed_risks(risks: Side, stated: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which risk features are needed: those that changed, and those that meet a box in which the coverage changed."""
    needed = risks.origin < 0
    if len(stated) > MOST_BOXES:
        stated = np.concatenate([stated[:, :2].min(axis=0), stated[:, 2:].max(axis=0)])[None, :]
    box = risks.rows.box
    for west, south, east, north in stated:
        needed |= (box[:, 0] <= east) & (box[:, 2] >= west) & (box[:, 1] <= north) & (box[:, 3] >= south)
    for group in range(len(risks.old)):
        here = risks.span(group)
        if needed[here].sum() > NEARLY_ALL * len(needed[here]):
            needed[here] = True
    return needed


def near(cells: Cells, box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which boxes, shape (n, 4), lie over a cell in which there is a feature; no other can share area with one."""
    return meeting(box.astype(np.float64), cells)

"""Lay risk layers over a coverage again after some of it changed: only pairs that touch a changed feature are computed.

Two levels of digests say what changed. Row groups are compared as they lie in the file, and unchanged ones are decoded
only where a changed risk feature comes near; features of changed row groups are compared by geometry and ellipsoidal
area. Nothing hangs on a feature's row, id or layer: ids are always read from the new files, and two geometries that
were a pair keep its area wherever they stand now.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from geosys import __version__
from geosys._errors import DeliveryError
from geosys.geo import overlay
from geosys.geo.flat.wkb import join, read_wkb
from geosys.geo.overlay import Found, gather, overlay_areas, pair_table, pairs_of
from geosys.geo.sides import (
    UnlikeLastRunError,
    check_grid,
    check_stated,
    compare,
    corners_of,
    learn,
    near,
    needed_risks,
    pick,
    stated_boxes,
)
from geosys.geo.snapshot import Snapshot, group_digests, no_snapshot, outward, read_snapshot, write_snapshot
from geosys.geo.stored import (
    GROUPS_PER_BATCH,
    Layer,
    check_metres,
    crs_of,
    geometry_column,
    groups_meeting,
    open_layer,
    shapes_of,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from geosys.geo.area_factor import AreaFactor
    from geosys.geo.overlay import Risks
    from geosys.geo.sides import Side

FORMAT = 1  # to be raised when a snapshot's content comes to mean something else
Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Files:
    """Hold the files of one run, open, and how to read them."""

    path: Path
    file: pq.ParquetFile
    risks: dict[str, tuple[Path, pq.ParquetFile]]
    true_area: str | None
    factor: AreaFactor | None
    pool: ThreadPoolExecutor
    threads: int

    @property
    def columns(self) -> list[str]:
        """Return the coverage's columns that decide about areas."""
        return [geometry_column(self.file), *([] if self.true_area is None else [self.true_area])]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what a run found: what to keep for the next, and how it came by it."""

    snapshot: Snapshot
    groups: list[int]
    told: dict[str, int]


def overlay_changes(
    coverage: Path,
    risks: Mapping[str, Path],
    *,
    coverage_id: str,
    risk_id: str,
    state: Path,
    true_area: str | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return what `overlay_areas` returns, to the bit, from the pairs of the last run and those that changed.

    Parameters
    ----------
    coverage, risks, coverage_id, risk_id, true_area, threads
        As in `overlay_areas`.
    state
        Folder of the last run's snapshot; it is made where it is absent. The new snapshot takes the old one's place
        when the run is through; a run that ends before leaves the old one.
    progress
        Called with the row groups read and the row groups to read.

    Returns
    -------
    As `overlay_areas`, and in ``attrs["changes"]``: pairs `reused` and `computed`, `changed_risks` and `changed_rows` (of
    the coverage), `groups_read` of `groups`, and the `reason` why all was computed, empty where it was not.

    Raises
    ------
    DeliveryError, CrsError
        As `overlay_areas`; the old snapshot stays then.
    """
    file = open_layer(coverage, coverage_id, None)
    crs = crs_of(file, coverage)
    check_metres(crs, f"overlay, {coverage.name}")
    opened = {name: (path, open_layer(path, risk_id, crs)) for name, path in risks.items()}
    settings = {"format": FORMAT, "CRS": crs, "program": _program(), "least area": overlay.LEAST_M2}
    settings["column of areas"] = true_area is not None
    past, reason = read_snapshot(state, settings)
    factor = None if true_area is None else _factor_of(crs)
    with ThreadPoolExecutor(threads) as pool:
        files = Files(coverage, file, opened, true_area, factor, pool, threads)
        try:
            outcome = _run(files, past, progress)
        except UnlikeLastRunError as why:
            reason = str(why)
            outcome = _run(files, no_snapshot(), progress)
        except DeliveryError:  # a full run names the feature by its id
            return overlay_areas(
                coverage, risks, coverage_id=coverage_id, risk_id=risk_id, true_area=true_area, threads=threads
            )
    table = _table(files, outcome, coverage_id, risk_id)
    table.attrs["changes"] = {**outcome.told, "reason": reason}
    write_snapshot(state, outcome.snapshot, settings)
    return table


def _factor_of(crs: str) -> AreaFactor:
    from geosys.geo.area_factor import AreaFactor  # noqa: PLC0415  PROJ is asked only where true areas are wanted

    return AreaFactor(crs)


def _program() -> str:
    """Return a digest of the code that decides about areas, and of the versions of what it hangs on."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    parts = [__version__, *(version(name) for name in ("numba", "numpy", "pyproj", "shapely"))]
    parts += [path.read_text(encoding="utf-8") for path in sources]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(files: Files, past: Snapshot, progress: Callable[[int, int], None] | None) -> Outcome:
    """Compare the files with the last run, compute what changed, and put it together with what did not."""
    risks, columns = _compare_risks(files, past)
    check_grid(risks)
    groups = groups_meeting(files.file, risks.rows.box)
    digests = group_digests(files.file, files.path, groups, files.columns, files.pool)
    land = compare(digests, _counts(files.file, groups), past.coverage)
    stated = stated_boxes(files.file, groups)
    if not len(past.coverage.counts):
        stated[:] = [-np.inf, -np.inf, np.inf, np.inf]  # all is computed: nothing has to be taken on trust
    changed, needed = risks.origin < 0, needed_risks(risks, stated[land.new])
    every = _gathered(files, risks, columns, needed)
    some = every if (changed == needed).all() else _gathered(files, risks, columns, changed)
    columns.clear()
    pa.default_memory_pool().release_unused()
    close = land.origin >= 0
    close &= near(some.cells, land.rows.box) if changed.any() else False
    new, touched = land.new.tolist(), [g for g in range(len(groups)) if close[land.span(g)].any()]
    found: list[Pairs] = []
    for part, table, done in _tables(files, groups, [new, touched]):
        at = land.members(part)
        areas = None if files.true_area is None else values_of(table[files.true_area]).astype(np.float64)
        column = table[files.columns[0]]
        if land.old[part[0]] < 0:
            fresh = learn(land, at, column, areas, files.pool, files.threads)
            layer = _picked(column, at, areas, fresh)
            check_stated(layer.shapes.box, stated[np.repeat(part, np.diff(land.start)[part])[fresh]])
            land.rows.box[layer.ids] = outward(layer.shapes.box)
            found.append(_pairs(files, layer, every))
            close[at] = (land.origin[at] >= 0) & near(some.cells, land.rows.box[at])
        if close[at].any():
            found.append(_pairs(files, _picked(column, at, areas, np.flatnonzero(close[at])), some))
        if progress is not None:
            progress(done, len(new) + len(touched))
    return _put_together(files, past, risks, land, groups, found, len(new) + len(touched))


def _picked(
    column: pa.ChunkedArray, at: NDArray[np.int64], areas: NDArray[np.float64] | None, places: NDArray[np.int64]
) -> Layer:
    """Return some of the decoded features of the coverage; their ids are their rows."""
    return Layer(at[places], shapes_of(pick(column, places)), None if areas is None else areas[places])


def _counts(file: pq.ParquetFile, groups: Sequence[int]) -> NDArray[np.int64]:
    return np.array([file.metadata.row_group(g).num_rows for g in groups], dtype=np.int64)


def _compare_risks(files: Files, past: Snapshot) -> tuple[Side, dict[int, pa.ChunkedArray]]:
    """Return the side of the risk layers, and the geometry of the row groups that had to be decoded."""
    digests, counts = [past.risks.groups[:0]], [past.risks.counts[:0]]
    for path, file in files.risks.values():
        groups = range(file.metadata.num_row_groups)
        digests.append(group_digests(file, path, groups, [geometry_column(file)], files.pool))
        counts.append(_counts(file, groups))
    side = compare(np.concatenate(digests), np.concatenate(counts), past.risks)
    parts = [(file, group) for _, file in files.risks.values() for group in range(file.metadata.num_row_groups)]
    columns = {}
    for k in side.new.tolist():
        columns[k] = _geometry(*parts[k])
        at = side.members([k])
        fresh = learn(side, at, columns[k], None, files.pool, files.threads)
        side.rows.box[at[fresh]] = shapes_of(pick(columns[k], fresh)).box
    return side, columns


def _geometry(file: pq.ParquetFile, group: int) -> pa.ChunkedArray:
    name = geometry_column(file)
    return file.read_row_group(group, columns=[name], use_threads=False)[name]


def _gathered(files: Files, side: Side, columns: dict[int, pa.ChunkedArray], wanted: NDArray[np.bool_]) -> Risks:
    """Return some risk features as one set with the grid that all have; their ids are the rows they have among all."""
    layers, k = {"": Layer(*corners_of(side.rows.box))}, 0
    for name, (_, file) in files.risks.items():
        rows, shapes = [np.zeros(0, dtype=np.int64)], [_nothing(0)]
        for group in range(file.metadata.num_row_groups):
            places = np.flatnonzero(wanted[side.span(k)])
            if len(places):
                column = columns[k] if k in columns else _geometry(file, group)
                rows.append(places + side.start[k])
                shapes.append(shapes_of(pick(column, places)))
            k += 1
        layers[f"layer {name}"] = Layer(np.concatenate(rows), join(shapes))
    return gather(layers)


def _nothing(size: int) -> Any:
    """Return features without geometry."""
    return read_wkb(np.zeros(0, dtype=np.uint8), np.zeros(size + 1, dtype=np.int64))


def _tables(
    files: Files, groups: Sequence[int], runs: Sequence[Sequence[int]]
) -> Iterator[tuple[list[int], pa.Table, int]]:
    """Yield some of the coverage's row groups a few at a time, with the number done by then; the next are read meanwhile.

    `runs` hold positions in `groups`; no part is of two runs.
    """
    parts = [list(run[i : i + GROUPS_PER_BATCH]) for run in runs for i in range(0, len(run), GROUPS_PER_BATCH)]
    done = 0

    def read(part: Sequence[int]) -> pa.Table:
        return files.file.read_row_groups([groups[g] for g in part], columns=files.columns, use_threads=False)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, parts[0]) if parts else None
        for i, part in enumerate(parts):
            table = coming.result() if coming is not None else read(part)
            coming = reader.submit(read, parts[i + 1]) if i + 1 < len(parts) else None
            done += len(part)
            yield part, table, done


def _pairs(files: Files, layer: Layer, risks: Risks) -> Pairs:
    """Return coverage row, risk row and areas of the pairs of some features of the coverage."""
    found = pairs_of(layer, risks, files.pool, files.threads, files.factor)
    return found.coverage_id, risks.ids[found.row], found.area, found.true_area


def _put_together(
    files: Files, past: Snapshot, risks: Side, land: Side, groups: list[int], found: list[Pairs], read: int
) -> Outcome:
    """Return the pairs of the last run that still hold and those found, by coverage row, then risk row."""
    kept = _kept_pairs(past, risks.origin, land.origin)
    row, risk, area, true_area = (np.concatenate(parts) for parts in zip(kept, *found, strict=True))
    order = np.argsort(row * len(risks.origin) + risk, kind="stable")
    true_area = true_area[order] if files.true_area is not None else true_area[:0]
    snapshot = Snapshot(
        risks.rows, land.rows, row[order].astype(np.int32), risk[order].astype(np.int32), area[order], true_area
    )
    told = {
        "reused": len(kept[0]),
        "computed": len(row) - len(kept[0]),
        "changed_risks": int((risks.origin < 0).sum()),
        "changed_rows": int((land.origin < 0).sum()),
        "groups_read": read,
        "groups": len(groups),
    }
    return Outcome(snapshot, groups, told)


def _kept_pairs(past: Snapshot, risk_origin: NDArray[np.int64], origin: NDArray[np.int64]) -> Pairs:
    """Return the last run's pairs of features that are still there, in their new rows, once for each of several alike."""
    rows = np.flatnonzero(origin >= 0)
    first = np.searchsorted(past.pair_row, np.arange(len(past.coverage.digest) + 1))
    pair, owner = _spans(first[origin[rows]], first[origin[rows] + 1])
    order = np.argsort(risk_origin, kind="stable")
    first = np.searchsorted(risk_origin[order], np.arange(len(past.risks.digest) + 1))
    risk = past.pair_risk[pair]
    place, which = _spans(first[risk], first[risk + 1])
    pair = pair[which]
    true_area = past.true_area[pair] if len(past.true_area) else past.area[pair]
    return rows[owner[which]], order[place], past.area[pair], true_area


def _spans(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all places of the spans first … last, one span after the other, and the span of each."""
    counts = last - first
    owner = np.repeat(np.arange(len(first)), counts)
    return np.arange(len(owner)) + np.repeat(first - np.cumsum(counts) + counts, counts), owner


def _table(files: Files, outcome: Outcome, coverage_id: str, risk_id: str) -> pd.DataFrame:
    """Return the pairs with the ids that the files have now."""
    layers = {}
    for name, (_, file) in files.risks.items():
        ids = values_of(file.read(columns=[risk_id])[risk_id])
        layers[name] = Layer(ids, _nothing(len(ids)))
    parts = [outcome.groups[i : i + GROUPS_PER_BATCH] for i in range(0, len(outcome.groups), GROUPS_PER_BATCH)]
    names = [values_of(files.file.read_row_groups(part, columns=[coverage_id])[coverage_id]) for part in parts]
    pairs = outcome.snapshot
    true_area = pairs.area if files.true_area is None else pairs.true_area
    found = [Found(pairs.pair_risk, np.concatenate(names)[pairs.pair_row], pairs.area, true_area)] if parts else []
    return pair_table(found, gather(layers), with_true_area=files.true_area is not None)

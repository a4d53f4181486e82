"""Take in large deliveries batch by batch: memory does not grow with their geometry, and the layer is stored as it is made.

First pass: read, settle and check a batch with the functions of `geosys.layers.intake`, spool it, keep a few numbers a row.
Then what compares rows with each other (`geosys.layers.bulk_checks`). Last pass: write row group by row group.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from geosys._errors import DeliveryError
from geosys.content import hash_file
from geosys.layers import checks, intake
from geosys.layers.bulk_checks import COMPARED, duplicate_keys, give_places, shared_place_ids, unnamed_places
from geosys.layers.issue_table import IssueLog
from geosys.layers.naming import words_of
from geosys.layers.spool import Spool, column_types
from geosys.layers.store import make_current
from geosys.layers.tally import Part, Tally
from geosys.layers.vector_files import describe_vector, stream_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.delivery import Delivery
    from geosys.layers.issues import Issue
    from geosys.layers.place import Place
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Catalogue, LayerSpec

BULK_ROWS = 100_000  # a layer of more delivered rows is taken in batch by batch
BATCH_ROWS = 10_000
STREAMED = (".gpkg", ".shp", ".gdb")  # GDAL itself reads a GeoJSON whole
SUFFIXES = ("", ".withheld")  # the files of a version: its rows, and those withheld
_READING, _COMPARING = 0.6, 0.2  # shares of the work, for progress; the rest is writing


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Hold the version under which a large layer was stored ("": it cannot be used), its provenance and its issues."""

    version: str
    provenance: dict[str, Any]
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class _Work:
    """Hold what every step needs."""

    spec: LayerSpec
    place: Place
    catalogue: Catalogue
    spool: Spool
    tally: Tally
    tell: Callable[[float], None]
    expected: int


def is_bulk(spec: LayerSpec, deliveries: Sequence[Delivery], least: int = BULK_ROWS) -> bool:
    """Say whether the deliveries of a layer are to be taken in batch by batch: many rows, all in vector files.

    A layer with a check that compares rows in a way not known here is taken in whole.
    """
    compared = {c["check"] for c in spec.checks if checks.CHECKS[c["check"]].compares}
    if spec.geometry not in ("line", "polygon") or not compared <= set(COMPARED):
        return False
    if not all(d.path.exists() and d.path.suffix.lower() in STREAMED for d in deliveries):
        return False
    try:
        return sum(describe_vector(d.path, d.table).rows for d in deliveries) > least
    except DeliveryError:
        return False


def take_in_bulk(
    spec: LayerSpec,
    deliveries: Sequence[Delivery],
    place: Place,
    catalogue: Catalogue,
    store: Path,
    key: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> BulkResult:
    """Take in deliveries of many rows and make them the current version of their layer below ``store/<layer>``.

    Parameters
    ----------
    deliveries
        Vector files for which `is_bulk` holds.
    key
        From what the version is made, as `geosys.layers.store.write_version` keeps it.
    progress
        Called with rows done and rows to do; a row counts as done in three steps: read, compared, written.

    Returns
    -------
    Version, provenance and issues. Rows, withheld rows and issues are those of `geosys.layers.intake.take_in`; of one
    kind and field at most `geosys.layers.tally.MOST_ALIKE` issues are told one by one. Nothing is left of a run that
    is broken off: files appear whole or not at all.

    Raises
    ------
    UnicodeDecodeError
        As `geosys.layers.vector_files.stream_vector`: such a delivery is to be taken in whole.
    """
    rows = sum(describe_vector(d.path, d.table).rows for d in deliveries)

    def tell(share: float) -> None:
        if progress is not None:
            progress(min(round(share * rows), rows), rows)

    folder = store / spec.id
    with Spool(folder, column_types(spec)) as spool:
        work = _Work(spec, place, catalogue, spool, Tally(catalogue), tell, max(rows, 1))
        for delivery in deliveries:
            _take_part(work, delivery)
        return _finish(work, store, key, deliveries[0])


def _take_part(work: _Work, delivery: Delivery) -> None:
    """Read one delivery to its end, or forget it with the reason among the issues."""
    tally, spool = work.tally, work.spool
    part, batches, mark = Part(delivery, tally.rows), spool.batches, tally.mark()
    with ThreadPoolExecutor(2) as pool:
        digest = pool.submit(hash_file, delivery.path)
        try:
            for reading in _ahead(_stream(work.spec, delivery), pool):
                chosen = reading.only(delivery.rows)
                refused = _take_batch(work, part, chosen) if chosen.size else []
                if refused:
                    spool.cut(batches)
                    tally.cut(mark)
                    tally.issues += refused
                    return
        except DeliveryError as error:
            spool.cut(batches)
            tally.cut(mark)
            tally.issues.append(intake.whole_table_issue(delivery, error.issue_type, str(error), str(error)))
            return
        if tally.rows == part.start:
            text = ("文件可读，但没有记录", "The file can be read but holds no record")
            tally.issues.append(intake.whole_table_issue(delivery, "empty_layer", *text))
            return
        part.rows = tally.rows - part.start
        part.provenance |= {"sha256": digest.result(), "rows": part.rows}
        tally.parts.append(part)


def _stream(spec: LayerSpec, delivery: Delivery) -> Iterator[Reading]:
    return stream_vector(delivery.path, delivery.table, delivery.encoding, BATCH_ROWS, words_of(spec))


def _ahead(readings: Iterator[Reading], pool: ThreadPoolExecutor) -> Iterator[Reading]:
    """Yield readings, the next one being read meanwhile."""
    coming: Future[Reading | None] = pool.submit(next, readings, None)
    while (reading := coming.result()) is not None:
        coming = pool.submit(next, readings, None)
        yield reading


def _take_batch(work: _Work, part: Part, reading: Reading) -> list[Issue]:
    """Settle, check and spool one batch; return why where the whole table cannot be used.

    How coordinates are read is judged by the first batch; rows of later ones that lie elsewhere are outside the region.
    """
    spec, delivery, tally = work.spec, part.delivery, work.tally
    start, is_first = tally.rows, tally.rows == part.start
    place = work.place if is_first else replace(work.place, region=None, reference=None)
    settled = intake.settle_reading(reading, spec, delivery, place, work.catalogue)
    if settled.geometry is None:
        return [intake.locate(i, delivery, reading, i.row) for i in settled.issues]
    if is_first:
        part.has_lines = bool(reading.lines)
        part.provenance = {
            "file": delivery.name, "table": reading.table, "sender": delivery.sender, "note": delivery.note,
            "crs_stated": reading.crs, "crs_used": settled.crs_used(delivery, reading.crs), "evidence": reading.evidence,
            **settled.naming.told(),
        }  # fmt: skip
        if settled.ranking is not None and settled.ranking.winner is not None:  # settled once, for all batches
            part.delivery = replace(delivery, read_as=settled.ranking.winner.id)
    log = IssueLog(settled.issues)
    declared = [c for c in spec.checks if not checks.CHECKS[c["check"]].compares]
    shapes = intake.check_rows(spec, settled.frame, settled.geometry, work.place, declared, log)
    for issue in log.rows:
        intake.locate(issue, delivery, reading, issue.row)
        issue.geometry = shapes[issue.row] if issue.geometry is None and issue.row >= 0 else issue.geometry
        issue.row += start if issue.row >= 0 else 0
    tally.note([i for i in log.rows if i.row >= 0 or is_first], part.start)
    frame = settled.frame.assign(source_file=delivery.name, source_row=np.asarray(reading.records, dtype=np.int64))
    tally.add(frame["feature_id"], unnamed_places(spec, frame, shapes))
    work.spool.add(frame, shapes)
    work.tell(_READING * tally.rows / work.expected)
    return []


def _finish(work: _Work, store: Path, key: str, first: Delivery) -> BulkResult:
    """Compare rows, judge the whole, and write what is left."""
    spec, tally, spool = work.spec, work.tally, work.spool
    if not tally.parts:
        return BulkResult("", {}, tally.told())
    spool.join()
    tally.join()
    shared_place_ids(spec, spool, tally)
    _compare(work)
    twice = list(duplicate_keys(spec, tally))
    give_places(spool, tally, twice)
    tally.note(twice, 0)
    tally.locate(spool.column("source_row").to_numpy())
    if tally.gather(spec):
        return BulkResult("", {}, tally.told())
    is_kept = np.ones(tally.rows, dtype=bool)
    is_kept[list(tally.withheld)] = False
    kept, withheld = np.flatnonzero(is_kept), np.flatnonzero(~is_kept)
    if not len(kept):
        text = ("没有一条可用记录", "No usable record is left")
        return BulkResult("", {}, [*tally.told(), intake.whole_table_issue(first, "empty_layer", *text)])
    provenance = {
        "layer": spec.id, "spec": spec.spec_hash, "crs": work.place.crs, "deliveries": [p.provenance for p in tally.parts],
        "rows_delivered": tally.rows, "rows_withheld": len(withheld), "rows": len(kept),
    }  # fmt: skip
    version = _write(work, store / spec.id, kept, withheld)
    make_current(store, spec.id, version, key, provenance)
    work.tell(1.0)
    return BulkResult(version, provenance, tally.told())


def _compare(work: _Work) -> None:
    """Run the declared checks that compare rows, in their order."""
    compared = [c for c in work.spec.checks if checks.CHECKS[c["check"]].compares]
    for k, table in enumerate(compared):

        def tell(share: float, k: int = k) -> None:
            work.tell(_READING + _COMPARING * (k + share) / len(compared))

        found = list(COMPARED[table["check"]](work.spool, work.tally, work.place, table, tell))
        for issue in found:
            issue.severity = table.get("severity", "")
        give_places(work.spool, work.tally, found)
        work.tally.note(found, 0)
        tell(1.0)


def _write(work: _Work, folder: Path, kept: NDArray[np.int64], withheld: NDArray[np.int64]) -> str:
    """Write both files of a version, whole or not at all, and return its name: a hash of their content."""
    spool, tally, crs = work.spool, work.tally, work.place.crs
    why = np.full(tally.rows, None, dtype=object)
    why[list(tally.withheld)] = list(tally.withheld.values())
    ids = {"feature_id": tally.ids}
    paths = [folder / f"bulk.{os.getpid()}{suffix}.part" for suffix in SUFFIXES]

    def tell(done: int) -> None:
        work.tell(_READING + _COMPARING + (1.0 - _READING - _COMPARING) * done / len(kept))

    try:
        digest = spool.write(paths[0], kept, crs, ids, tell)
        digest += spool.write(paths[1], withheld, crs, ids | {"issue_type": pa.array(why, pa.string())})
        version = hashlib.sha256((digest + work.spec.spec_hash).encode()).hexdigest()[:12]
        for path, suffix in zip(paths, SUFFIXES, strict=True):
            path.replace(folder / f"{version}{suffix}.parquet")
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    return version

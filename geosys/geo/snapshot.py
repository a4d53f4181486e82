"""What an overlay knew when it ended: digests of row groups and features, and all pairs; kept in one file for the next.

Every part of the file has its digest. A file that is cut, foreign or of other settings is not used, and says so.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys.geo.flat.digests import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

NAME = "overlay.snapshot"
MAGIC = b"GEOSNAP1"
HEAD = len(MAGIC) + 24  # magic, digest of the header, its length
ALIGN = 64


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold what is known of the features of one side, all risk layers or the coverage, row group by row group.

    Attributes
    ----------
    groups, counts
        Digest of each row group, shape (g, 2), and its rows; several risk layers follow each other.
    digest
        Digest of each feature, shape (n, 2).
    box
        West, south, east, north of each feature, metres, shape (n, 4): of risks exact, of the coverage float32 around it.
    """

    groups: NDArray[np.uint64]
    counts: NDArray[np.int64]
    digest: NDArray[np.uint64]
    box: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold what one run knew: both sides, and of each pair the rows and the common area in the plane and on the ellipsoid.

    Pairs are sorted by coverage row, then risk row.
    """

    risks: Rows
    coverage: Rows
    pair_row: NDArray[np.int32]
    pair_risk: NDArray[np.int32]
    area: NDArray[np.float64]
    true_area: NDArray[np.float64]


def no_rows(kind: type[np.floating[Any]]) -> Rows:
    """Return a side without rows."""
    nothing = np.zeros((0, 2), dtype=np.uint64)
    return Rows(nothing, np.zeros(0, dtype=np.int64), nothing, np.zeros((0, 4), dtype=kind))


def no_snapshot() -> Snapshot:
    """Return the snapshot of nothing: with it, everything is new."""
    rows, areas = np.zeros(0, dtype=np.int32), np.zeros(0)
    return Snapshot(no_rows(np.float64), no_rows(np.float32), rows, rows, areas, areas)


def _arrays(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Return the arrays of a snapshot by name."""
    found: dict[str, NDArray[Any]] = {}
    for one in fields(Snapshot):
        value = getattr(snapshot, one.name)
        if isinstance(value, Rows):
            found |= {f"{one.name}.{inner.name}": getattr(value, inner.name) for inner in fields(Rows)}
        else:
            found[one.name] = value
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _from_arrays(arrays: dict[str, NDArray[Any]]) -> Snapshot:
    sides: dict[str, Any] = {
        side: Rows(**{one.name: arrays.pop(f"{side}.{one.name}") for one in fields(Rows)})
        for side in ("risks", "coverage")
    }
    return Snapshot(**{**sides, **arrays})


def write_snapshot(folder: Path, snapshot: Snapshot, settings: dict[str, Any]) -> None:
    """Write a snapshot whole or not at all: a temporary file, then a rename."""
    arrays = _arrays(snapshot)
    parts: dict[str, list[Any]] = {}
    at = 0
    for name, array in arrays.items():
        parts[name] = [array.dtype.str, list(array.shape), at, _hex(array.reshape(-1).view(np.uint8))]
        at += -(-array.nbytes // ALIGN) * ALIGN
    header = json.dumps({"settings": settings, "parts": parts}, sort_keys=True).encode()
    header += b" " * (-(HEAD + len(header)) % ALIGN)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{NAME}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(MAGIC + _digest(header) + len(header).to_bytes(8, "little") + header)
            for array in arrays.values():
                file.write(array.reshape(-1).view(np.uint8).data)
                file.write(bytes(-array.nbytes % ALIGN))
        _replace(part, folder / NAME)
    finally:
        part.unlink(missing_ok=True)


def read_snapshot(folder: Path, settings: dict[str, Any]) -> tuple[Snapshot, str]:
    """Return the snapshot of the last run, or that of nothing with the reason why the last one is of no use."""
    try:
        data = np.fromfile(folder / NAME, dtype=np.uint8)
    except OSError:
        return no_snapshot(), "no snapshot of an earlier run"
    size = int.from_bytes(data[HEAD - 8 : HEAD].tobytes(), "little")
    header = data[HEAD : HEAD + size].tobytes()
    if data[: HEAD - 8].tobytes() != MAGIC + _digest(header):
        return no_snapshot(), "the snapshot is damaged or no snapshot"
    content = json.loads(header)
    others = sorted(
        key for key in {**settings, **content["settings"]} if settings.get(key) != content["settings"].get(key)
    )
    if others:
        return no_snapshot(), f"the snapshot is of another {', '.join(others)}"
    found = {}
    for name, (kind, shape, at, digest) in content["parts"].items():
        first = HEAD + size + at
        raw = data[first : first + int(np.prod(shape)) * np.dtype(kind).itemsize]
        if _hex(raw) != digest:
            return no_snapshot(), f"the snapshot is damaged in {name}"
        found[name] = raw.view(kind).reshape(shape)
    return _from_arrays(found), ""


def group_digests(
    file: pq.ParquetFile, path: Path, groups: Sequence[int], columns: Sequence[str], pool: Executor
) -> NDArray[np.uint64]:
    """Return the digest of some columns of each row group as they lie in the file, shape (g, 2); nothing is decoded.

    What it takes to read the bytes (type, codec, number of values) is part of the digest.
    """
    meta = file.metadata
    schema = {c.path: c for c in (file.schema.column(k) for k in range(len(file.schema)))}

    def digest(group: int) -> bytes:
        told = b""
        with path.open("rb") as source:
            for k in range(meta.num_columns):
                chunk = meta.row_group(group).column(k)
                if chunk.path_in_schema.partition(".")[0] not in columns:
                    continue
                kind = schema[chunk.path_in_schema]
                told += repr((
                    chunk.path_in_schema, chunk.physical_type, str(kind.logical_type), kind.max_definition_level,
                    kind.max_repetition_level, kind.length, chunk.compression, chunk.num_values,
                )).encode()  # fmt: skip
                start = chunk.data_page_offset
                if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                    start = min(start, chunk.dictionary_page_offset)
                source.seek(start)
                told += digest_of(np.fromfile(source, dtype=np.uint8, count=chunk.total_compressed_size)).tobytes()
        return _digest(told)

    return np.frombuffer(b"".join(pool.map(digest, groups)), dtype=np.uint64).reshape(-1, 2)


def outward(box: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return boxes as float32 that hold them."""
    low = np.nextafter(box[:, :2].astype(np.float32), np.float32(-np.inf))
    return np.hstack([low, np.nextafter(box[:, 2:].astype(np.float32), np.float32(np.inf))])


def _replace(part: Path, place: Path) -> None:
    part.replace(place)


def _digest(content: bytes) -> bytes:
    return digest_of(np.frombuffer(content, dtype=np.uint8)).tobytes()


def _hex(data: NDArray[np.uint8]) -> str:
    return digest_of(data).tobytes().hex()

"""Layers as they lie in GeoParquet: opened with their CRS checked, read whole or batch by batch as flat arrays."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geosys._errors import CrsError, DeliveryError
from geosys.geo.crs import parse_crs
from geosys.geo.flat.wkb import Ragged, join, read_wkb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GROUPS_PER_BATCH = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one risk layer in memory: the ids of its rows and their polygons, in the coverage's CRS."""

    ids: NDArray[Any]
    shapes: Ragged
    true_area: NDArray[np.float64] | None = None


def read_layer(path: Path, id_column: str, crs: str | None = None) -> Layer:
    """Read one polygon layer of GeoParquet (WKB) whole.

    Raises
    ------
    DeliveryError
        When the file cannot be read, has no such column, or holds what is no polygon.
    CrsError
        When it is not in `crs` (default: any metric CRS).
    """
    file = open_layer(path, id_column, crs)
    table = file.read(columns=[id_column, geometry_column(file)])
    layer = Layer(values_of(table[id_column]), shapes_of(table[geometry_column(file)]))
    del table
    pa.default_memory_pool().release_unused()  # the decoder keeps what it used: more than the layer itself
    return layer


def read_batches(
    file: pq.ParquetFile, groups: Sequence[int], id_column: str, true_area: str | None = None
) -> Iterator[tuple[Layer, int]]:
    """Yield the features of some row groups in batches, each with the groups done by then; the next is read meanwhile."""
    parts = [groups[i : i + GROUPS_PER_BATCH] for i in range(0, len(groups), GROUPS_PER_BATCH)]
    geometry = geometry_column(file)
    columns = [id_column, geometry, *([] if true_area is None else [true_area])]

    def read(part: Sequence[int]) -> pa.Table:
        return file.read_row_groups(part, columns=columns, use_threads=False)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, parts[0]) if parts else None
        for i, part in enumerate(parts):
            table = coming.result() if coming is not None else read(part)
            coming = reader.submit(read, parts[i + 1]) if i + 1 < len(parts) else None
            areas = None if true_area is None else values_of(table[true_area])
            yield (
                Layer(values_of(table[id_column]), shapes_of(table[geometry]), areas),
                i * GROUPS_PER_BATCH + len(part),
            )


def groups_meeting(file: pq.ParquetFile, box: NDArray[np.float64]) -> list[int]:
    """Return the row groups whose stated box meets the common box of `box`, shape (n, 4)."""
    return [g for g in range(file.metadata.num_row_groups) if _may_meet(file, g, box)]


def _may_meet(file: pq.ParquetFile, group: int, box: NDArray[np.float64]) -> bool:
    """Say whether a row group's stated box meets that of the risk layers; yes where the file states none."""
    there = box[np.isfinite(box[:, 0])]
    if not len(there):
        return False
    limits = {
        "xmin": there[:, 2].max(),
        "ymin": there[:, 3].max(),
        "xmax": there[:, 0].min(),
        "ymax": there[:, 1].min(),
    }
    meta = file.metadata.row_group(group)
    for k in range(meta.num_columns):
        column = meta.column(k)
        side = column.path_in_schema.rpartition(".")[2]
        if (
            column.path_in_schema.startswith("bbox.")
            and column.statistics is not None
            and column.statistics.has_min_max
        ):
            if side in ("xmin", "ymin") and column.statistics.min > limits[side]:
                return False
            if side in ("xmax", "ymax") and column.statistics.max < limits[side]:
                return False
    return True


def open_layer(path: Path, id_column: str, crs: str | None) -> pq.ParquetFile:
    """Open a GeoParquet file, checked for its id column, WKB and CRS."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DeliveryError(
            f"{path.name}: got a file that is no Parquet ({error}), expected GeoParquet. Write it again."
        ) from None
    names = file.schema_arrow.names
    if id_column not in names:
        raise DeliveryError(f"{path.name}: got columns {names}, expected '{id_column}' among them. Name the id column.")
    stated = crs_of(file, path)
    if crs is not None and parse_crs(stated) != parse_crs(crs):
        raise CrsError(
            f"{path.name}: got CRS {parse_crs(stated).name}, expected {parse_crs(crs).name}. Convert it first."
        )
    return file


def _geo(file: pq.ParquetFile, name: str) -> dict[str, Any]:
    metadata = file.schema_arrow.metadata or {}
    if b"geo" not in metadata:
        raise DeliveryError(f"{name}: got Parquet without geometry, expected GeoParquet. Write it with 'geosys run'.")
    return dict(json.loads(metadata[b"geo"]))


def geometry_column(file: pq.ParquetFile) -> str:
    """Return the name of a GeoParquet file's main geometry column."""
    return str(_geo(file, "coverage")["primary_column"])


def crs_of(file: pq.ParquetFile, path: Path) -> str:
    """Return the CRS that a GeoParquet file states, as JSON that PROJ reads."""
    geo = _geo(file, path.name)
    column = geo["columns"][geo["primary_column"]]
    if column.get("encoding") != "WKB":
        raise DeliveryError(
            f"{path.name}: got geometry as {column.get('encoding')}, expected WKB. Write it with geometry_encoding='WKB'."
        )
    if column.get("crs") is None:
        raise CrsError(f"{path.name}: got no CRS, expected a metric one. Take the layer in with 'geosys run'.")
    return json.dumps(column["crs"])


def values_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return the values of a column in one array."""
    return np.asarray(column.to_numpy())


def shapes_of(column: pa.ChunkedArray) -> Ragged:
    """Return the polygons of a column chunk by chunk: no copy of the bytes is made."""
    parts = []
    for chunk in column.chunks:
        wide = pa.types.is_large_binary(chunk.type)
        _, offsets, data = chunk.buffers()
        places = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)[
            chunk.offset : chunk.offset + len(chunk) + 1
        ]
        parts.append(read_wkb(np.frombuffer(data, dtype=np.uint8), places.astype(np.int64)))
    return parts[0] if len(parts) == 1 else join(parts)

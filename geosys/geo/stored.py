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
from geosys.geo.flat.cells import Cells, meeting
from geosys.geo.flat.wkb import Measured, Ragged, fill, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GROUPS_PER_BATCH = 4
READ_BYTES = 1 << 20  # read ahead by so much: whole column chunks would be kept beside what is made of them
CHECKED_AT_ONCE = 500
WEB_MERCATOR = 3857


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one risk layer in memory: the ids of its rows and their polygons, in the coverage's CRS."""

    ids: NDArray[Any]
    shapes: Ragged
    true_area: NDArray[np.float64] | None = None


def read_layer(path: Path, id_column: str, crs: str | None = None, *, check: bool = False, threads: int = 2) -> Layer:
    """Read one polygon layer of GeoParquet (WKB) whole.

    Parameters
    ----------
    path, id_column
        The file, and the column that names its rows.
    crs
        The CRS it must be in (default: any metric CRS).
    check, threads
        Whether every polygon is checked for validity, and on how many threads.

    Raises
    ------
    DeliveryError
        When the file cannot be read, has no such column, holds what is no polygon, or with `check` an invalid one.
    CrsError
        When it is not in `crs`.
    """
    file = open_layer(path, id_column, crs)
    table = file.read(columns=[id_column, geometry_column(file)])
    layer = Layer(values_of(table[id_column]), shapes_of(table[geometry_column(file)]))
    if check:
        _check_validity(path.name, layer.ids, table[geometry_column(file)], threads)
    del table
    pa.default_memory_pool().release_unused()  # the decoder keeps what it used: more than the layer itself
    return layer


def _check_validity(name: str, ids: NDArray[Any], column: pa.ChunkedArray, threads: int) -> None:
    """Raise when a polygon is invalid; the first is named with the reason."""
    import shapely  # noqa: PLC0415  GEOS is loaded only where polygons are checked

    def shapes(first: int, count: int = CHECKED_AT_ONCE) -> NDArray[np.object_]:
        return np.asarray(shapely.from_wkb(column.slice(first, count).to_numpy()), dtype=object)

    def wrong(first: int) -> NDArray[np.int64]:
        some = shapes(first)
        return np.asarray(first + np.flatnonzero(~shapely.is_valid(some) & ~shapely.is_missing(some)))

    with ThreadPoolExecutor(threads) as pool:
        rows = np.concatenate([np.zeros(0, np.int64), *pool.map(wrong, range(0, len(column), CHECKED_AT_ONCE))])
    if len(rows):
        reason = shapely.is_valid_reason(shapes(int(rows[0]), 1)[0])
        raise DeliveryError(
            f"{name}: got an invalid polygon, id {ids[rows[0]]!r} ({reason}; {len(rows)} such rows), expected valid ones. "
            "Take the layer in with 'geosys run', which mends or withholds such rows."
        )


def read_batches(
    file: pq.ParquetFile, groups: Sequence[int], id_column: str, true_area: str | None = None, near: Cells | None = None
) -> Iterator[tuple[Layer, int]]:
    """Yield the features of some row groups in batches, each with the groups done by then; the next is read meanwhile.

    Features that meet no occupied cell of `near`, where it is given, keep their box, but come without coordinates.
    """
    parts = [groups[i : i + GROUPS_PER_BATCH] for i in range(0, len(groups), GROUPS_PER_BATCH)]
    geometry = geometry_column(file)
    columns = [id_column, geometry, *([] if true_area is None else [true_area])]

    def read(part: Sequence[int]) -> tuple[pa.Table, list[Measured]]:
        # one group at a time: the decoder takes again what the last one freed
        tables = [file.read_row_group(group, columns=columns, use_threads=False) for group in part]
        shapes = [m for table in tables for m in measured(table[geometry])]
        return pa.concat_tables([table.drop_columns([geometry]) for table in tables]), shapes

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, parts[0]) if parts else None
        for i, part in enumerate(parts):
            table, shapes = coming.result() if coming is not None else read(part)
            coming = reader.submit(read, parts[i + 1]) if i + 1 < len(parts) else None
            wanted = None if near is None else [meeting(m.box, near) for m in shapes]
            areas = None if true_area is None else values_of(table[true_area])
            polygons = fill(shapes, wanted)
            del shapes
            yield Layer(values_of(table[id_column]), polygons, areas), i * GROUPS_PER_BATCH + len(part)


def groups_meeting(file: pq.ParquetFile, box: NDArray[np.float64]) -> list[int]:
    """Return the row groups whose stated box meets the common box of `box`, shape (n, 4); all where none is stated."""
    there = box[np.isfinite(box[:, 0])]
    groups = range(file.metadata.num_row_groups)
    if not len(there) or file.metadata.num_row_groups == 0:
        return []
    reach = {"xmin": there[:, 2].max(), "ymin": there[:, 3].max(), "xmax": there[:, 0].min(), "ymax": there[:, 1].min()}
    names = [file.metadata.schema.column(k).path for k in range(file.metadata.num_columns)]
    stated = [
        (k, name[5:], reach[name[5:]]) for k, name in enumerate(names) if name[:5] == "bbox." and name[5:] in reach
    ]
    return [g for g in groups if all(_may_meet(file.metadata.row_group(g), *side) for side in stated)]


def _may_meet(meta: pq.RowGroupMetaData, column: int, side: str, limit: float) -> bool:
    """Say whether one side of a row group's stated box leaves room for the other box; yes where it is not stated."""
    statistics = meta.column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= limit if side in ("xmin", "ymin") else statistics.max >= limit)


def open_layer(path: Path, id_column: str, crs: str | None) -> pq.ParquetFile:
    """Open a GeoParquet file, checked for its id column, WKB and CRS."""
    try:
        file = pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise DeliveryError(
            f"{path.name}: got a file that is no Parquet ({error}), expected GeoParquet. Write it again."
        ) from None
    names = file.schema_arrow.names
    if id_column not in names:
        raise DeliveryError(f"{path.name}: got columns {names}, expected '{id_column}' among them. Name the id column.")
    stated = crs_of(file, path)
    if crs is not None and stated != crs:
        from geosys.geo.crs import parse_crs  # noqa: PLC0415  PROJ is asked only where the texts differ

        if parse_crs(stated) != parse_crs(crs):
            raise CrsError(
                f"{path.name}: got CRS {parse_crs(stated).name}, expected {parse_crs(crs).name}. Convert it first."
            )
    return file


def check_metres(crs: str, where: str) -> None:
    """Raise unless a CRS, as `crs_of` returns it, is a projected one in metres; see `geosys.geo.crs.check_metric`."""
    stated = json.loads(crs)
    axes = stated.get("coordinate_system", {}).get("axis", [])
    code = stated.get("id", {})
    plain = stated.get("type") == "ProjectedCRS" and axes and all(axis.get("unit") == "metre" for axis in axes)
    if plain and code.get("authority") == "EPSG" and code.get("code") != WEB_MERCATOR:
        return
    from geosys.geo.crs import check_metric  # noqa: PLC0415  PROJ is asked only where the text does not say it plainly

    check_metric(crs, where)


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
    """Return the polygons of a column of WKB."""
    return fill(measured(column))


def measured(column: pa.ChunkedArray) -> list[Measured]:
    """Return what `fill` makes polygons of, chunk by chunk: no copy of the bytes is made."""
    parts = []
    for chunk in column.chunks:
        wide = pa.types.is_large_binary(chunk.type)
        _, offsets, data = chunk.buffers()
        places = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)
        at = places[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
        parts.append(measure(np.frombuffer(b"" if data is None else data, dtype=np.uint8), at))
    return parts

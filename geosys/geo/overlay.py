"""Lay risk layers over a large coverage: the area common to every pair, streamed from GeoParquet.

The coverage is read row group by row group, those outside the risk layers' box not at all, the next one while the
last is computed: memory does not grow with it. No piece is built; see `geosys.geo.flat.areas`.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from geosys._errors import CrsError, DeliveryError
from geosys.geo.crs import check_metric, parse_crs
from geosys.geo.flat.areas import common_areas, own_areas
from geosys.geo.flat.cells import Cells, build_cells, candidates
from geosys.geo.flat.wkb import Ragged, join, read_wkb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LEAST_M2 = 1e-6  # a common area below is rounding of coordinates
CELL_M = 50.0
GROUPS_PER_BATCH = 4
ROOM_PER_FEATURE = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one risk layer in memory: the ids of its rows and their polygons, in the coverage's CRS."""

    ids: NDArray[Any]
    shapes: Ragged
    true_area: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class _Risks:
    """Hold all risk layers as one, with the layer and id of each row and the grid over them."""

    names: list[str]
    layer: NDArray[np.int16]
    ids: NDArray[Any]
    shapes: Ragged
    cells: Cells


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold the pairs of one batch: risk row, coverage id, common area in the plane and on the ellipsoid."""

    row: NDArray[np.int32]
    coverage_id: NDArray[Any]
    area: NDArray[np.float64]
    true_area: NDArray[np.float64]


def read_layer(path: Path, id_column: str, crs: str | None = None) -> Layer:
    """Read one polygon layer of GeoParquet (WKB) whole.

    Raises
    ------
    DeliveryError
        When the file cannot be read, has no such column, or holds what is no polygon.
    CrsError
        When it is not in `crs` (default: any metric CRS).
    """
    file = _open(path, id_column, crs)
    table = file.read(columns=[id_column, _geometry_column(file)])
    layer = Layer(_values(table[id_column]), _shapes(table[_geometry_column(file)]))
    del table
    pa.default_memory_pool().release_unused()  # the decoder keeps what it used: more than the layer itself
    return layer


def overlay_areas(
    coverage: Path,
    risks: Mapping[str, Path],
    *,
    coverage_id: str,
    risk_id: str,
    true_area: str | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return the area common to every feature of the risk layers and of the coverage.

    Parameters
    ----------
    coverage
        GeoParquet of valid polygons (WKB) with a bbox column, as `geosys run` writes layers: intake mends or withholds what
        is not valid; validity is not checked again here. Hilbert order makes it faster.
    risks
        GeoParquet of polygons by name; all in the coverage's metric CRS.
    coverage_id, risk_id
        The columns that name their rows.
    true_area
        The coverage's column of ellipsoidal areas in m², where the areas on the ellipsoid are wanted too.
    threads
        Threads for the pairs; the result does not depend on them.
    progress
        Called with the row groups done and the row groups to do.

    Returns
    -------
    Columns `layer`, `risk_id`, `coverage_id`, `area_m2` (planar, in the layers' CRS) and with `true_area`
    `ellipsoidal_m2`, pairs of at least 1e-6 m², sorted by layer, then in the order of coverage and risk rows. The area on
    the ellipsoid is the planar one times the ratio of the two areas of the coverage's feature: over a patch of 1 km
    the scale of a 3-degree zone changes by less than 1 part in 10 million.

    Raises
    ------
    DeliveryError, CrsError
        As `read_layer`; nothing is returned then.
    """
    file = _open(coverage, coverage_id, None)
    crs = _crs_of(file, coverage)
    check_metric(crs, f"overlay, {coverage.name}")
    group = _gather({name: read_layer(path, risk_id, crs) for name, path in risks.items()})
    found: list[_Found] = []
    with ThreadPoolExecutor(threads) as pool:
        for batch, done, total in _batches(file, [coverage_id, *([true_area] if true_area else [])], group.shapes.box):
            found.append(_pairs_of(batch, group, pool, threads))
            if progress is not None:
                progress(done, total)
    return _table(found, group, with_true_area=true_area is not None)


def _table(found: Sequence[_Found], risks: _Risks, *, with_true_area: bool) -> pd.DataFrame:
    """Return all pairs as one frame, sorted by layer, coverage row and risk row."""
    rows = np.concatenate([f.row for f in found]) if found else np.zeros(0, dtype=np.int32)
    order = np.argsort(risks.layer[rows], kind="stable")
    rows = rows[order]
    columns = {
        "layer": pd.Categorical.from_codes(risks.layer[rows], categories=risks.names),
        "risk_id": risks.ids[rows],
        "coverage_id": np.concatenate([f.coverage_id for f in found])[order] if found else np.zeros(0, dtype=object),
        "area_m2": np.concatenate([f.area for f in found])[order] if found else np.zeros(0),
    }
    if with_true_area:
        columns["ellipsoidal_m2"] = np.concatenate([f.true_area for f in found])[order] if found else np.zeros(0)
    return pd.DataFrame(columns)


def _gather(layers: Mapping[str, Layer]) -> _Risks:
    shapes = join([layer.shapes for layer in layers.values()])
    sizes = [layer.shapes.size for layer in layers.values()]
    owner = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    kinds = {layer.ids.dtype for layer in layers.values()}
    ids = np.concatenate([v.ids if len(kinds) == 1 else v.ids.astype(object) for v in layers.values()])
    return _Risks(list(layers), owner, ids, shapes, build_cells(shapes, CELL_M))


def _batches(
    file: pq.ParquetFile, columns: Sequence[str], risk_box: NDArray[np.float64]
) -> Iterator[tuple[Layer, int, int]]:
    """Yield the coverage in batches of row groups, each with groups done and to do; the next one is read meanwhile."""
    wanted = [g for g in range(file.metadata.num_row_groups) if _may_meet(file, g, risk_box)]
    batches = [wanted[i : i + GROUPS_PER_BATCH] for i in range(0, len(wanted), GROUPS_PER_BATCH)]
    geometry = _geometry_column(file)

    def read(groups: Sequence[int]) -> pa.Table:
        return file.read_row_groups(groups, columns=[*columns, geometry], use_threads=False)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, batches[0]) if batches else None
        for i, batch in enumerate(batches):
            table = coming.result() if coming is not None else read(batch)
            coming = reader.submit(read, batches[i + 1]) if i + 1 < len(batches) else None
            true_area = _values(table[columns[1]]) if len(columns) > 1 else None
            layer = Layer(_values(table[columns[0]]), _shapes(table[geometry]), true_area)
            yield layer, min((i + 1) * GROUPS_PER_BATCH, len(wanted)), len(wanted)


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


def _pairs_of(batch: Layer, risks: _Risks, pool: ThreadPoolExecutor, threads: int) -> _Found:
    """Return the pairs of one batch of the coverage with all risk layers, by coverage row, then risk row."""
    pairs = _candidates(batch.shapes, risks)
    own = own_areas(batch.shapes)
    areas = own[pairs[:, 1]]
    crossing = np.flatnonzero(pairs[:, 2] == 0)
    areas[crossing] = common_areas(risks.shapes, batch.shapes, pairs[crossing], pool, threads, own)
    keep = np.flatnonzero(areas >= LEAST_M2)
    keep = keep[np.argsort(pairs[keep, 1].astype(np.int64) * risks.shapes.size + pairs[keep, 0], kind="stable")]
    partner = pairs[keep, 1]
    scale = np.ones(len(own)) if batch.true_area is None else batch.true_area / np.where(own > 0, own, np.nan)
    return _Found(pairs[keep, 0], batch.ids[partner], areas[keep], areas[keep] * scale[partner])


def _candidates(shapes: Ragged, risks: _Risks) -> NDArray[np.int32]:
    """Return the pairs that may share area, columns risk row, coverage row and 1 where it lies wholly inside."""
    cells, size = risks.cells, risks.shapes.size
    room = ROOM_PER_FEATURE * shapes.size + 1_000
    inside, found = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    while True:
        pairs = np.empty((room, 3), dtype=np.int32)
        seen = np.full(size, -1, dtype=np.int64)
        count = candidates(
            shapes.box, cells.west, cells.south, cells.size, cells.columns, cells.rows, cells.start, cells.feature,
            risks.shapes.box, seen, inside, found, pairs,
        )  # fmt: skip
        if count >= 0:
            return pairs[:count]
        room *= 2


def _open(path: Path, id_column: str, crs: str | None) -> pq.ParquetFile:
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
    stated = _crs_of(file, path)
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


def _geometry_column(file: pq.ParquetFile) -> str:
    return str(_geo(file, "coverage")["primary_column"])


def _crs_of(file: pq.ParquetFile, path: Path) -> str:
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


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.asarray(column.to_numpy())


def _shapes(column: pa.ChunkedArray) -> Ragged:
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

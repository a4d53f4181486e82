"""Keep the rows of one large layer while it is taken in: geometry in a file without a name, the rest in columns.

What is written afterwards is what `geosys.layers.store` writes: rows along a Hilbert curve, `layer_row` and `bbox`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from geosys.geo.crs import parse_crs
from geosys.layers.store import BOX_COLUMN, BOX_SIDES, GEOPARQUET, LAYER_ROW, ROWS_PER_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.spec import LayerSpec

ARROW = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": pa.date32(), "truth": pa.bool_()}
_PANDAS = {"text": "object", "integer": "Int64", "number": "float64", "date": "object", "truth": "boolean"}
FEW_SHARE = 0.5  # a text column of fewer distinct values than this share of its rows is kept as numbers of them
POINTS_AT_ONCE = 100_000
KINDS = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)


def column_types(spec: LayerSpec) -> dict[str, str]:
    """Return the type of each stored column of a layer in the order of storing, from its spec alone."""
    types = {"feature_id": "text"} | {name: spec.type_of(name) for name in (*spec.fields, *spec.derived)}
    if spec.geometry == "polygon":
        types["area_m2"] = "number"
    return types | {"source_file": "text", "source_row": "integer"}


class Spool:
    """Hold rows in the order they came; what the file holds is gone when the spool is closed or the process ends."""

    def __init__(self, folder: Path, types: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed by __exit__
        self._types = {name: kind for name, kind in types.items() if name != "feature_id"}
        self._as_numbers: dict[str, bool] = {}
        self._tables: list[pa.Table] = []
        self._sizes: list[NDArray[np.int64]] = []
        self._boxes: list[NDArray[np.float64]] = []
        self._kinds: list[NDArray[np.int8]] = []
        self._end = 0
        self._joined: pa.Table | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, frame: pd.DataFrame, geometry: NDArray[np.object_]) -> None:
        """Append a batch: its columns except `feature_id`, and its geometry."""
        wkb = pa.array(shapely.to_wkb(geometry, flavor="iso", byte_order=1), pa.large_binary())
        _, offsets, data = wkb.buffers()
        begins = np.frombuffer(offsets, dtype=np.int64)[: len(wkb) + 1]
        if data is not None:
            self._write(memoryview(data)[: begins[-1]])
        self._sizes.append(np.diff(begins))
        self._boxes.append(shapely.bounds(geometry))
        self._kinds.append(shapely.get_type_id(geometry).astype(np.int8))
        columns = {name: self._column(name, kind, frame[name]) for name, kind in self._types.items()}
        self._tables.append(pa.table(columns))

    def _write(self, data: memoryview) -> None:
        self._file.seek(self._end)
        while len(data):
            written = self._file.write(data)
            self._end += written
            data = data[written:]

    def _column(self, name: str, kind: str, values: pd.Series) -> pa.Array:
        if kind in ("integer", "truth"):
            return pa.array(values, type=ARROW[kind])
        column = pa.array(values.to_numpy(), type=ARROW[kind], from_pandas=True)
        if kind != "text":
            return column
        if name not in self._as_numbers:
            self._as_numbers[name] = len(column.unique()) < FEW_SHARE * len(column)
        return column.dictionary_encode() if self._as_numbers[name] else column

    @property
    def rows(self) -> int:
        """Return the number of rows held."""
        return sum(map(len, self._sizes))

    def cut(self, batches: int) -> None:
        """Forget all batches but the first ones: the file they came from broke off."""
        for held in (self._tables, self._sizes, self._boxes, self._kinds):
            del held[batches:]
        self._end = sum(int(size.sum()) for size in self._sizes)

    @property
    def batches(self) -> int:
        """Return the number of batches held."""
        return len(self._sizes)

    def join(self) -> None:
        """Make one table of the batches; none may be added after."""
        self.box = np.concatenate(self._boxes)
        self.size = np.concatenate(self._sizes)
        self.kind = np.concatenate(self._kinds)
        self._begin = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.size)])
        self._joined = pa.concat_tables(self._tables).unify_dictionaries().combine_chunks()
        self._tables.clear()
        self._boxes.clear()

    def column(self, name: str) -> pd.Series:
        """Return one column of all rows."""
        assert self._joined is not None  # noqa: S101
        column = self._joined[name]
        plain = column.cast(ARROW[self._types[name]]) if pa.types.is_dictionary(column.type) else column
        return plain.to_pandas()

    def texts(self, name: str, rows: NDArray[np.int64]) -> list[str]:
        """Return the values of some rows as `str` gives those of a settled frame."""
        empty = {"integer": "<NA>", "truth": "<NA>", "number": "nan"}.get(self._types[name], "None")
        assert self._joined is not None  # noqa: S101
        return [empty if value is None else str(value) for value in self._joined[name].take(pa.array(rows)).to_pylist()]

    def geometry(self, rows: NDArray[np.int64]) -> pa.LargeBinaryArray:
        """Return the WKB of some rows, each at most once, in their order; null where a row has none."""
        order = np.argsort(rows, kind="stable")
        first, last = self._begin[rows[order]], self._begin[rows[order] + 1]
        at = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(last - first)])
        data = np.empty(at[-1], dtype=np.uint8)
        view = memoryview(data.data)
        begins = np.flatnonzero(np.append(True, first[1:] != last[:-1])[: len(rows)])
        ends = np.append(begins[1:], len(rows))[: len(begins)]
        for place, start, stop in zip(first[begins].tolist(), at[begins].tolist(), at[ends].tolist(), strict=True):
            self._fill(view[start:stop], place)
        ordered = pa.Array.from_buffers(pa.large_binary(), len(rows), [None, pa.py_buffer(at), pa.py_buffer(data)])
        back = np.empty(len(rows), dtype=np.int64)
        back[order] = np.arange(len(rows))
        return ordered.take(pa.array(back, mask=self.size[rows] == 0))

    def _fill(self, view: memoryview, place: int) -> None:
        self._file.seek(place)
        while len(view):
            count = self._file.readinto(view)
            if not count:
                raise OSError("The spool of a large layer was cut off. Is the disk full?")
            view = view[count:]

    def shapes(self, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the geometries of some rows, each at most once, in their order."""
        return np.asarray(shapely.from_wkb(self.geometry(rows).to_numpy(zero_copy_only=False)), dtype=object)

    def hilbert_order(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows in the order of `geosys.layers.store.hilbert_order`."""
        there = rows[np.isfinite(self.box[rows]).all(axis=1)]
        if not len(there):
            return rows
        middle = 0.5 * (self.box[there, :2] + self.box[there, 2:])
        whole = [*middle.min(axis=0), *middle.max(axis=0)]
        along = [
            gpd.GeoSeries(shapely.points(middle[i : i + POINTS_AT_ONCE]))
            .hilbert_distance(total_bounds=whole)
            .to_numpy()
            for i in range(0, len(middle), POINTS_AT_ONCE)
        ]
        lost = rows[~np.isfinite(self.box[rows]).all(axis=1)]
        return np.concatenate([there[np.argsort(np.concatenate(along), kind="stable")], lost])

    def groups(
        self, rows: NDArray[np.int64], extra: dict[str, pa.Array]
    ) -> Iterator[tuple[NDArray[np.int64], dict[str, pa.Array], pa.LargeBinaryArray]]:
        """Yield the row groups of some rows in order of storing: their rows, columns and geometry."""
        assert self._joined is not None  # noqa: S101
        order = self.hilbert_order(rows)
        for start in range(0, len(order), ROWS_PER_GROUP):
            some = order[start : start + ROWS_PER_GROUP]
            part = self._joined.take(pa.array(some))
            columns = {name: part[name].combine_chunks().cast(ARROW[kind]) for name, kind in self._types.items()}
            yield (
                some,
                columns | {name: values.take(pa.array(some)) for name, values in extra.items()},
                self.geometry(some),
            )

    def write(
        self,
        path: Path,
        rows: NDArray[np.int64],
        crs: str,
        texts: dict[str, pa.Array],
        tell: Callable[[int], None] = lambda _done: None,
    ) -> str:
        """Write some rows (ascending) as GeoParquet; return the hash of their content.

        `texts` are columns of all rows that were not spooled: `feature_id`, and for withheld rows `issue_type`.
        """
        schema = self._schema(crs, [name for name in texts if name != "feature_id"], rows)
        digest = hashlib.sha256(repr(schema.names).encode())
        position = np.full(len(self.size), -1, dtype=np.int32)
        position[rows] = np.arange(len(rows), dtype=np.int32)
        done = 0
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for some, columns, wkb in self.groups(rows, texts):
                columns |= {"geometry": wkb.cast(pa.binary()), LAYER_ROW: pa.array(position[some])}
                columns[BOX_COLUMN] = pa.StructArray.from_arrays([pa.array(s) for s in self.box[some].T], BOX_SIDES)
                table = pa.table([columns[name] for name in schema.names], schema=schema)
                _digest(table, digest)
                writer.write_table(table)
                done += len(some)
                tell(done)
        return digest.hexdigest()

    def _schema(self, crs: str, after: list[str], rows: NDArray[np.int64]) -> pa.Schema:
        """Return names and types from the spec, with what pandas and GeoParquet say of them.

        Source: OGC GeoParquet 1.1.0, "File metadata" and "Column metadata" (with `covering`).
        """
        types = {"feature_id": "text", **self._types}
        empty = pd.DataFrame({n: pd.Series(dtype=_PANDAS[k]) for n, k in types.items()})
        for name in after:
            empty[name] = pd.Series(dtype="object")
        empty[LAYER_ROW] = pd.Series(dtype="int32")
        told = pa.Schema.from_pandas(empty, preserve_index=False).metadata or {}
        fields = [pa.field(name, ARROW[kind]) for name, kind in types.items()]
        fields += [pa.field("geometry", pa.binary()), *(pa.field(name, pa.string()) for name in after)]
        fields += [
            pa.field(LAYER_ROW, pa.int32()),
            pa.field(BOX_COLUMN, pa.struct([(s, pa.float64()) for s in BOX_SIDES])),
        ]
        return pa.schema(fields, metadata={**told, b"geo": json.dumps(self._geo(crs, rows)).encode()})

    def _geo(self, crs: str, rows: NDArray[np.int64]) -> dict[str, Any]:
        column: dict[str, Any] = {
            "encoding": "WKB",
            "crs": parse_crs(crs).to_json_dict(),
            "geometry_types": sorted(KINDS[k] for k in np.unique(self.kind[rows]) if k >= 0),
            "covering": {"bbox": {side: [BOX_COLUMN, side] for side in BOX_SIDES}},
        }
        box = self.box[rows]
        box = box[np.isfinite(box).all(axis=1)]
        if len(box):
            column["bbox"] = [*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()]
        return {"version": GEOPARQUET, "primary_column": "geometry", "columns": {"geometry": column}}


def _digest(table: pa.Table, digest: hashlib._Hash) -> None:
    """Add the content of a row group to a hash: which cells are filled, and what they hold, on any machine."""
    for name in table.column_names:
        if name == BOX_COLUMN:
            continue
        column = table[name].combine_chunks()
        digest.update(np.packbits(column.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            filled = column.cast(pa.binary()).fill_null(b"")
            _, offsets, data = filled.buffers()
            places = np.frombuffer(offsets, dtype="<i4")[filled.offset : filled.offset + len(filled) + 1]
            digest.update(np.diff(places).astype("<i4").tobytes())
            if data is not None:
                digest.update(memoryview(data)[places[0] : places[-1]])
        elif pa.types.is_date32(column.type):
            digest.update(column.cast(pa.int32()).fill_null(0).to_numpy().astype("<i4").tobytes())
        elif pa.types.is_boolean(column.type):
            digest.update(np.packbits(column.cast(pa.int8()).fill_null(0).to_numpy(zero_copy_only=False)).tobytes())
        else:
            numbers = column.fill_null(0).to_numpy()
            digest.update(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())

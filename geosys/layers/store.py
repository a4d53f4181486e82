"""Layer versions: each content under its own hash as GeoParquet, with provenance beside it; nothing is overwritten."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from geosys._errors import WorkspaceError
from geosys.layers.intake import Layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.spec import LayerSpec

CURRENT = "current.json"
ROWS_PER_GROUP = 5_000
LAYER_ROW = "layer_row"  # a stored column: where the row stood in its layer, from 0
BOX_COLUMN, BOX_SIDES = "bbox", ("xmin", "ymin", "xmax", "ymax")
GEOPARQUET = "1.1.0"


def content_hash(frame: gpd.GeoDataFrame) -> str:
    """Return the hash of a frame's names, values and coordinates: equal content, equal hash, on any machine."""
    digest = hashlib.sha256()
    for name in frame.columns:
        digest.update(f"\x1d{name}\x1d".encode())
        column = frame[name]
        if name == frame.geometry.name:
            for first in range(0, len(column), ROWS_PER_GROUP):  # the bytes of a whole city would fill the memory twice
                wkb = shapely.to_wkb(column.to_numpy()[first : first + ROWS_PER_GROUP], byte_order=1)
                digest.update(b"\x1f" if first else b"")
                digest.update(b"\x1f".join(b"" if part is None else part for part in wkb))
        elif column.dtype.kind == "f":
            digest.update(np.ascontiguousarray(column.to_numpy(dtype="<f8")).tobytes())
        else:
            digest.update("\x1f".join("\x1e" if pd.isna(v) else str(v) for v in column).encode())
    return digest.hexdigest()


def write_version(store: Path, layer: Layer, key: str = "") -> Layer:
    """Write a layer as a version below ``store/<layer>/`` and make it the current one; return it with its version.

    A version that is there already is not written again. Files appear whole or not at all. Rows lie along a Hilbert
    curve, so that a row group is one neighbourhood; the version is that of the content, whatever order it is stored in.
    `key` says from what the version was made: the same key, the same version.
    """
    folder = store / layer.spec.id
    folder.mkdir(parents=True, exist_ok=True)
    digest = content_hash(layer.frame) + content_hash(layer.withheld) + layer.spec.spec_hash
    version = hashlib.sha256(digest.encode()).hexdigest()[:12]
    for suffix, frame in (("", layer.frame), (".withheld", layer.withheld)):
        target = folder / f"{version}{suffix}.parquet"
        if not _is_whole(target):
            part = target.with_suffix(f".{os.getpid()}.part")
            try:
                write_along_hilbert(part, frame)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    make_current(store, layer.spec.id, version, key, layer.provenance)
    return replace(layer, version=version)


def make_current(store: Path, layer_id: str, version: str, key: str, provenance: Mapping[str, Any]) -> None:
    """Make a version that is written the current one of its layer."""
    write_json(store / layer_id / CURRENT, {**provenance, "version": version, "key": key})


def stored_key(store: Path, layer_id: str) -> str | None:
    """Return from what a layer's current version was made, or None when there is none."""
    try:
        return str(json.loads((store / layer_id / CURRENT).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_issues(store: Path, layer_id: str, key: str, issues: gpd.GeoDataFrame) -> None:
    """Keep the issue table of a layer's intake beside its versions, whole or not at all."""
    folder = store / layer_id
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{key[:16]}.{os.getpid()}.part"
    issues.to_parquet(part, index=False, compression="zstd")
    part.replace(folder / f"{key[:16]}.issues.parquet")


def read_issues(store: Path, layer_id: str, key: str, crs: str) -> gpd.GeoDataFrame | None:
    """Return the issue table kept for an intake, or None when there is none that can be read."""
    try:
        return _in_named_crs(gpd.read_parquet(store / layer_id / f"{key[:16]}.issues.parquet"), crs)
    except (OSError, ValueError):
        return None


def _is_whole(path: Path) -> bool:
    """Say whether a version's file is there with its footer: what was cut off, overwritten or unordered is written again."""
    try:
        return LAYER_ROW in pq.read_schema(path).names
    except (OSError, pa.ArrowInvalid):
        return False


def write_along_hilbert(path: Path, frame: gpd.GeoDataFrame) -> None:
    """Write a layer as GeoParquet with its rows in the order of `hilbert_order`, one row group after the other.

    `layer_row` says where each row stood, `bbox` holds the box of each geometry. The geometries' bytes are made for
    one row group at a time: those of a city's land layer are more than the memory an office computer has to spare.
    """
    name = frame.geometry.name
    order = hilbert_order(frame.geometry.to_numpy())
    attributes = pd.DataFrame(frame.drop(columns=name)).assign(**{LAYER_ROW: np.arange(len(frame), dtype=np.int32)})
    table = pa.Table.from_pandas(attributes, preserve_index=False).take(pa.array(order))
    place = list(frame.columns).index(name)
    box = pa.struct([(side, pa.float64()) for side in BOX_SIDES])
    schema = table.schema.insert(place, pa.field(name, pa.binary())).append(pa.field(BOX_COLUMN, box))
    schema = schema.with_metadata({**(schema.metadata or {}), b"geo": json.dumps(_geo_of(frame)).encode()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows, geometries in _groups(frame.geometry.to_numpy(), order):
            wkb = pa.array(shapely.to_wkb(geometries, flavor="iso", byte_order=1), pa.binary())
            sides = [pa.array(side) for side in shapely.bounds(geometries).T]
            group = table.slice(rows.start, rows.stop - rows.start).add_column(place, name, wkb)
            group = group.append_column(BOX_COLUMN, pa.StructArray.from_arrays(sides, BOX_SIDES))
            writer.write_table(group.cast(schema))


def hilbert_order(geometries: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the order of rows along a Hilbert curve through the centres of their boxes.

    The curve fills the box of the centres with 65,536 steps a side. Rows on one step keep their order; missing and
    empty geometries come last in theirs.
    """
    lost = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    there = np.flatnonzero(~lost)
    if not len(there):
        return np.arange(len(geometries))
    along = gpd.GeoSeries(geometries[there]).hilbert_distance().to_numpy()
    return np.concatenate([there[np.argsort(along, kind="stable")], np.flatnonzero(lost)])


def _groups(geometries: NDArray[np.object_], order: NDArray[np.int64]) -> Iterator[tuple[range, NDArray[np.object_]]]:
    """Yield the rows of each row group and their geometries in the order of storing."""
    for first in range(0, len(order), ROWS_PER_GROUP):
        rows = range(first, min(first + ROWS_PER_GROUP, len(order)))
        yield rows, geometries[order[rows.start : rows.stop]]


def _geo_of(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return what GeoParquet says of a file.

    Source: OGC GeoParquet 1.1.0, "File metadata" and "Column metadata" (with `covering`).
    """
    shapes = frame.geometry
    there = shapes[~shapely.is_missing(shapes.to_numpy())]
    kinds = {f"{kind}{' Z' if is_high else ''}" for kind, is_high in zip(there.geom_type, there.has_z, strict=True)}
    column: dict[str, Any] = {
        "encoding": "WKB",
        "crs": None if frame.crs is None else frame.crs.to_json_dict(),
        "geometry_types": sorted(kinds),
        "covering": {"bbox": {side: [BOX_COLUMN, side] for side in BOX_SIDES}},
    }
    bounds = shapes.total_bounds
    if np.isfinite(bounds).all():
        column["bbox"] = bounds.tolist()
    return {"version": GEOPARQUET, "primary_column": shapes.name, "columns": {shapes.name: column}}


def has_current(store: Path, layer_id: str) -> bool:
    """Say whether a layer's current version is there whole."""
    path = current_file(store, layer_id)
    return path is not None and _is_whole(path) and _is_whole(path.with_suffix(".withheld.parquet"))


def read_provenance(store: Path, layer_id: str) -> dict[str, Any]:
    """Return where a layer's current version comes from, with `version` and without its key.

    Raises
    ------
    WorkspaceError
        When what stands there is damaged.
    """
    try:
        told = dict(json.loads((store / layer_id / CURRENT).read_text(encoding="utf-8")))
        told.pop("key", None)
        return told | {"version": str(told["version"])}
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(layer_id, error) from None


def _damaged(layer_id: str, error: Exception) -> WorkspaceError:
    return WorkspaceError(
        f"store/{layer_id}: got a damaged version ({error}), expected GeoParquet. Run 'geosys run' to write it again."
    )


def read_current(store: Path, spec: LayerSpec) -> Layer | None:
    """Return the current version of a layer, or None when there is none.

    Raises
    ------
    WorkspaceError
        When the version's files are damaged.
    """
    if not (store / spec.id / CURRENT).exists():
        return None
    provenance = read_provenance(store, spec.id)
    version = provenance.pop("version")
    try:
        path = store / spec.id / f"{version}.parquet"
        frame = _in_named_crs(_read_in_layer_order(path), provenance.get("crs"))
        withheld = _in_named_crs(_read_in_layer_order(path.with_suffix(".withheld.parquet")), provenance.get("crs"))
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(spec.id, error) from None
    return Layer(spec, frame, withheld, provenance, version)


def _in_named_crs(frame: gpd.GeoDataFrame, crs: str | None) -> gpd.GeoDataFrame:
    """Return a frame whose CRS bears the short name of the plan instead of the definition a file carries."""
    return frame if crs is None else frame.set_crs(crs, allow_override=True)


def _read_in_layer_order(path: Path) -> gpd.GeoDataFrame:
    """Return a stored frame as it was before it was ordered for storing; one of an earlier GeoSys is as it was."""
    frame = gpd.read_parquet(path).drop(columns=BOX_COLUMN, errors="ignore")
    if LAYER_ROW not in frame:
        return frame
    order = np.argsort(frame.pop(LAYER_ROW).to_numpy())
    return frame.iloc[order].reset_index(drop=True)


def current_file(store: Path, layer_id: str) -> Path | None:
    """Return the GeoParquet file of a layer's current version, or None when there is none."""
    pointer = store / layer_id / CURRENT
    if not pointer.exists():
        return None
    return store / layer_id / f"{json.loads(pointer.read_text(encoding='utf-8'))['version']}.parquet"


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV or Parquet by the name's ending, whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(part, index=False, compression="zstd")
        else:
            table.to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def drop_current(store: Path, layer_id: str) -> None:
    """Forget the current version of a layer (its files stay): rules that need it become *not assessed*."""
    (store / layer_id / CURRENT).unlink(missing_ok=True)


def forget_version(store: Path, layer_id: str) -> None:
    """Delete the files of a current version that cannot be read, so that the next intake writes them again."""
    path = current_file(store, layer_id)
    if path is not None:
        path.unlink(missing_ok=True)
        path.with_suffix(".withheld.parquet").unlink(missing_ok=True)
    drop_current(store, layer_id)


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all: a temporary file, then a rename."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n",
        encoding="utf-8",
    )
    part.replace(path)

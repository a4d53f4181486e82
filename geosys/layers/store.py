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
import pyarrow.parquet
import shapely

from geosys._errors import WorkspaceError
from geosys.layers.intake import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.layers.spec import Catalogue

CURRENT = "current.json"
ROWS_PER_GROUP = 5_000


def content_hash(frame: gpd.GeoDataFrame) -> str:
    """Return the hash of a frame's names, values and coordinates: equal content, equal hash, on any machine."""
    digest = hashlib.sha256()
    for name in frame.columns:
        digest.update(f"\x1d{name}\x1d".encode())
        column = frame[name]
        if name == frame.geometry.name:
            wkb = shapely.to_wkb(column.to_numpy(), byte_order=1)
            digest.update(b"\x1f".join(b"" if part is None else part for part in wkb))
        elif column.dtype.kind == "f":
            digest.update(np.ascontiguousarray(column.to_numpy(dtype="<f8")).tobytes())
        else:
            digest.update("\x1f".join("\x1e" if pd.isna(v) else str(v) for v in column).encode())
    return digest.hexdigest()


def write_version(store: Path, layer: Layer, key: str = "") -> Layer:
    """Write a layer as a version below ``store/<layer>/`` and make it the current one; return it with its version.

    A version that is there already is not written again. Files appear whole or not at all. `key` says from what the
    version was made: the same key, the same version.
    """
    folder = store / layer.spec.id
    folder.mkdir(parents=True, exist_ok=True)
    digest = content_hash(layer.frame) + content_hash(layer.withheld) + layer.spec.spec_hash
    version = hashlib.sha256(digest.encode()).hexdigest()[:12]
    for suffix, frame in (("", layer.frame), (".withheld", layer.withheld)):
        target = folder / f"{version}{suffix}.parquet"
        if not _is_whole(target):
            part = target.with_suffix(f".{os.getpid()}.part")
            frame.to_parquet(
                part,
                index=False,
                compression="zstd",
                write_covering_bbox=True,
                schema_version="1.1.0",
                row_group_size=ROWS_PER_GROUP,
            )
            part.replace(target)
    make_current(store, layer.spec.id, version, key, layer.provenance)
    return replace(layer, version=version)


def make_current(store: Path, layer_id: str, version: str, key: str, provenance: Mapping[str, Any]) -> None:
    """Make a version that is written the current one of its layer."""
    write_json(store / layer_id / CURRENT, {**provenance, "version": version, "key": key})


def stored_key(store: Path, layer_id: str) -> str | None:
    """Return from what a layer's current version was made, or None when there is none."""
    try:
        return str(json.loads((store / layer_id / CURRENT).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError):
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
    """Say whether a version's file is there with its footer: what was cut off or overwritten is written again."""
    try:
        pa.parquet.read_metadata(path)
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def read_current(store: Path, layer_id: str, catalogue: Catalogue) -> Layer | None:
    """Return the current version of a layer, or None when there is none.

    Raises
    ------
    WorkspaceError
        When the version's files are damaged.
    """
    folder = store / layer_id
    if not (folder / CURRENT).exists():
        return None
    try:
        provenance = json.loads((folder / CURRENT).read_text(encoding="utf-8"))
        version = provenance.pop("version")
        provenance.pop("key", None)
        frame = _in_named_crs(gpd.read_parquet(folder / f"{version}.parquet"), provenance["crs"])
        withheld = _in_named_crs(gpd.read_parquet(folder / f"{version}.withheld.parquet"), provenance["crs"])
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"store/{layer_id}: got a damaged version ({error}), expected GeoParquet. Run 'geosys run' to write it again."
        ) from None
    return Layer(catalogue.layers[layer_id], frame, withheld, provenance, version)


def _in_named_crs(frame: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    """Return a frame whose CRS bears the short name of the plan instead of the definition a file carries."""
    return frame.set_crs(crs, allow_override=True)


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


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all: a temporary file, then a rename."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n",
        encoding="utf-8",
    )
    part.replace(path)

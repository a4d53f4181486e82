"""Layer versions as GeoPackages: made once for each version beside the workspace's store, then only read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys.geo.crs import to_crs
from geosys.web.sources import tables
from geosys.web.sources.pool import Pool
from geosys.web.sources.port import KEY, STORED_CRS, Collection, Feature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import Query

FORMAT = 1  # of the files: another number, and all are made anew
BATCH = 2_000
MOST_SECONDS = 20.0  # of work on one question


def package_file(folder: Path, layer: str, version: str, columns: Mapping[str, str]) -> Path:
    """Return the file of a layer's version with these columns below ``services/``."""
    told = json.dumps([FORMAT, version, list(columns.items())])
    return folder / f"{layer}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.gpkg"


def make_package(
    folder: Path, layer: str, version: str, columns: Mapping[str, str], frame: gpd.GeoDataFrame, *, title: str, has_geometry: bool
) -> Collection:  # fmt: skip
    """Write a layer version as a GeoPackage, whole or not at all, and return what it holds; one that is there is left.

    Parameters
    ----------
    columns
        Type of each column to keep.
    frame
        With the column ``feature_id``, the columns, and geometry in any CRS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = package_file(folder, layer, version, columns)
    shapes = (
        to_crs(frame.geometry.to_numpy(), str(frame.crs), STORED_CRS) if has_geometry else np.full(len(frame), None)
    )
    box = shapely.total_bounds(shapes) if has_geometry and len(shapes) else np.full(4, np.nan)
    bounds = None if np.isnan(box).any() else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    collection = Collection(layer, dict(columns), has_geometry, version, bounds, len(frame))
    if target.exists():
        return collection
    part = target.with_suffix(f".{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        _write(part, collection, title, _features(frame, shapes, columns))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _drop_older(folder, layer, target)
    return collection


def _write(path: Path, collection: Collection, title: str, features: Iterator[Feature]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA page_size=8192")
        connection.execute("BEGIN")
        tables.make_package(connection)
        tables.make_table(connection, collection, title)
        for batch in tables.batches(features, BATCH):
            tables.insert(connection, collection, batch)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
    finally:
        connection.close()


def _features(frame: gpd.GeoDataFrame, shapes: Any, columns: Mapping[str, str]) -> Iterator[Feature]:
    values = {name: [_plain(value, kind) for value in frame[name]] for name, kind in columns.items()}
    for i, name in enumerate(unique_names([str(v) for v in frame[KEY]])):
        yield Feature(name, {column: cells[i] for column, cells in values.items()}, shapes[i])


def _plain(value: Any, kind: str) -> Any:
    """Return a cell of a frame as Python holds it; every missing value is None."""
    if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)):
        return None
    if kind == "truth":
        return bool(value)
    if kind == "integer":
        return int(value)
    if kind == "number":
        return float(value) if math.isfinite(value) else None
    if kind == "date":
        return str(value)[:10]
    return str(value)


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names of features of which none stands twice: intake lets none through, an address of a feature needs it.

    Examples
    --------
    >>> unique_names(["a", "b", "a"])
    ['a', 'b', 'a~2']
    """
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return told


def _drop_older(folder: Path, layer: str, target: Path) -> None:
    """Delete the files of a layer's earlier versions; one that another program holds open on Windows stays."""
    for path in folder.glob(f"{layer}-*.gpkg"):
        if path != target and len(path.stem) == len(target.stem):
            with contextlib.suppress(OSError):
                path.unlink()


class GeoPackageSource:
    """Answer from GeoPackages that `make_package` made: one file a layer, never changed."""

    def __init__(self, files: Mapping[str, tuple[Collection, Path]], most_seconds: float = MOST_SECONDS) -> None:
        lacking = [path.name for _, path in files.values() if not path.exists()]
        if lacking:
            raise WorkspaceError(
                f"services: got no {', '.join(lacking)}, expected the files of the layers. Start again."
            )
        self._collections = {name: collection for name, (collection, _) in files.items()}
        self._pools = {name: Pool(path, is_immutable=True) for name, (_, path) in files.items()}
        self._most_seconds = most_seconds

    def collections(self) -> Mapping[str, Collection]:
        """Return the layers by id."""
        return self._collections

    def count(self, collection: str, condition: Condition | None) -> int:
        """Return how many features hold."""
        with self._pools[collection].borrowed() as connection, tables.bounded(connection, self._most_seconds):
            return tables.count(connection, self._collections[collection], condition)

    def items(self, collection: str, query: Query) -> list[Feature]:
        """Return a page of features, in the order of the layer where the question asks for none."""
        with self._pools[collection].borrowed() as connection, tables.bounded(connection, self._most_seconds):
            return tables.select(connection, self._collections[collection], query)

    def one(self, collection: str, feature: str, columns: Sequence[str], condition: Condition | None) -> Feature | None:
        """Return the feature of a name where it holds, or None."""
        with self._pools[collection].borrowed() as connection, tables.bounded(connection, self._most_seconds):
            return tables.find(connection, self._collections[collection], feature, columns, condition)

    def close(self) -> None:
        """Close all files."""
        for pool in self._pools.values():
            pool.close()

"""GeoPackages of what a class of rights may see: MapServer is never handed a row or a field that its client may not have."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.web.sources import tables
from geosys.web.sources.geopackage import BATCH
from geosys.web.sources.port import Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from geosys.web.sources.port import Feature, FeatureSource
    from geosys.web.tiles.seen import Seen

_BOX = "min_x, min_y, max_x, max_y"


@dataclass(frozen=True, slots=True)
class Package:
    """Hold the file of what is seen of a layer.

    Parameters
    ----------
    bounds : west, south, east, north of the rows in it, EPSG:4490 degrees; None where there is none.
    """

    seen: Seen
    path: Path
    bounds: tuple[float, float, float, float] | None


def package_of(source: FeatureSource, seen: Seen, folder: Path) -> Package:
    """Return the package of what is seen of a layer; made, whole or not at all, where it is not there."""
    path = folder / f"{seen.schema.id}-{seen.key}.gpkg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.unlink(missing_ok=True)
        try:
            _write(part, source, seen)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    with closing(_opened(path)) as connection:
        box = connection.execute(f"SELECT {_BOX} FROM gpkg_contents").fetchone()  # noqa: S608  constants
    return Package(seen, path, None if box[0] is None else (box[0], box[1], box[2], box[3]))


def label_texts(package: Package) -> Iterator[str]:
    """Yield the names of a package's features: what its labels are made of."""
    column = package.seen.name_column
    if column:
        with closing(_opened(package.path)) as connection:
            sql = f'SELECT DISTINCT "{column}" FROM "{package.seen.schema.id}" WHERE "{column}" IS NOT NULL'  # noqa: S608  ids of the content
            yield from (str(row[0]) for row in connection.execute(sql))


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)


def _write(path: Path, source: FeatureSource, seen: Seen) -> None:
    collection = replace(seen.collection, columns=dict(seen.columns), bounds=None)
    boxes = [np.full(4, np.nan)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size=8192")
        connection.execute("BEGIN")
        tables.make_package(connection)
        tables.make_table(connection, collection, seen.schema.title.zh)
        for page in _pages(source, seen):
            tables.insert(connection, collection, page)
            boxes.append(shapely.total_bounds(np.array([feature.geometry for feature in page], dtype=object)))
        told = np.array(boxes)
        if not np.isnan(told).all():
            box = (*np.nanmin(told[:, :2], axis=0), *np.nanmax(told[:, 2:], axis=0))
            sql = f"UPDATE gpkg_contents SET ({_BOX}) = (?, ?, ?, ?)"  # noqa: S608  constants
            connection.execute(sql, [float(side) for side in box])
        connection.execute("COMMIT")


def _pages(source: FeatureSource, seen: Seen) -> Iterator[list[Feature]]:
    after = ""
    while page := source.items(
        seen.collection.id, Query(tuple(seen.columns), seen.condition, limit=BATCH, after=after)
    ):
        yield page
        after = page[-1].token

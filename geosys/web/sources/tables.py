"""One layer as a table of a GeoPackage in SQLite: made, filled, asked and changed; every statement with bound values."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.geo.crs import parse_crs
from geosys.web.sources.blobs import SQLITE, SRS, from_blobs, to_blobs
from geosys.web.sources.conditions import reach
from geosys.web.sources.port import GEOMETRY, KEY, STORED_CRS, Feature, SlowError
from geosys.web.sources.sql import Compiler, plain_value, quoted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import Collection, Query

ROW, EDITION = "geosys_row", "geosys_edition"
_APPLICATION, _USER_VERSION = 0x47504B47, 10_200  # Source: OGC 12-128r15 (GeoPackage 1.2), 1.1.1.1.1: "GPKG" and 1.2.0
_KINDS = {"text": "TEXT", "integer": "INTEGER", "number": "REAL", "date": "DATE", "truth": "BOOLEAN"}
_MOST_DIGITS = 18
_STEPS = 20_000  # of SQLite's machine between two looks at the clock
_META = """
CREATE TABLE IF NOT EXISTS gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE IF NOT EXISTS gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE IF NOT EXISTS gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name), CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
"""
_NO_CHANGE_DATE = "1970-01-01T00:00:00.000Z"  # the same version, the same file


def index_of(table: str) -> str:
    """Return the quoted name of the spatial index of a table."""
    return quoted(f"rtree_{table}_{GEOMETRY}")


def make_package(connection: sqlite3.Connection) -> None:
    """Make the tables that a GeoPackage has beside its layers; nothing where they are there."""
    connection.execute(f"PRAGMA application_id={_APPLICATION}")
    connection.execute(f"PRAGMA user_version={_USER_VERSION}")
    for statement in _META.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    wkt = str(parse_crs(STORED_CRS).to_wkt("WKT1_GDAL"))
    systems = [
        ("Undefined cartesian SRS", -1, "NONE", -1, "undefined"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
        ("WGS 84", 4326, "EPSG", 4326, str(parse_crs("EPSG:4326").to_wkt("WKT1_GDAL"))),
        ("CGCS2000", SRS, "EPSG", SRS, wkt),
    ]
    connection.executemany("INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", systems)


def make_table(connection: sqlite3.Connection, collection: Collection, title: str) -> None:
    """Make the empty table of a collection with its spatial index, and note it in the GeoPackage."""
    place = f"{quoted(GEOMETRY)} GEOMETRY, " if collection.has_geometry else ""
    columns = "".join(f", {quoted(name)} {_KINDS[kind]}" for name, kind in collection.columns.items())
    connection.execute(
        f"CREATE TABLE {quoted(collection.id)} ({ROW} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {place}"
        f"{KEY} TEXT NOT NULL UNIQUE, {EDITION} INTEGER NOT NULL DEFAULT 1{columns})"
    )
    box = collection.bounds or (None, None, None, None)
    kind, srs = ("features", SRS) if collection.has_geometry else ("attributes", None)
    connection.execute(
        "INSERT INTO gpkg_contents VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
        (collection.id, kind, f"{title} ({collection.id})", _NO_CHANGE_DATE, *box, srs),
    )
    if collection.has_geometry:
        told = (collection.id, GEOMETRY)
        connection.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, 'GEOMETRY', ?, 0, 0)", (*told, SRS))
        uri = "http://www.geopackage.org/spec120/#extension_rtree"
        connection.execute(
            "INSERT INTO gpkg_extensions VALUES (?, ?, 'gpkg_rtree_index', ?, 'write-only')", (*told, uri)
        )
        connection.execute(f"CREATE VIRTUAL TABLE {index_of(collection.id)} USING rtree(id, minx, maxx, miny, maxy)")


def insert(connection: sqlite3.Connection, collection: Collection, features: Sequence[Feature]) -> None:
    """Add features with their editions to a table and its spatial index."""
    names = [KEY, EDITION, *collection.columns, *([GEOMETRY] if collection.has_geometry else [])]
    shapes = np.array([feature.geometry for feature in features], dtype=object)
    blobs: list[bytes | None] = to_blobs(shapes) if collection.has_geometry else []
    marks = ", ".join("?" * len(names))
    sql = f"INSERT INTO {quoted(collection.id)} ({', '.join(map(quoted, names))}) VALUES ({marks})"  # noqa: S608  names are the collection's own, quoted
    boxes = shapely.bounds(shapes) if collection.has_geometry else None
    for i, feature in enumerate(features):
        values = [plain_value(feature.values.get(name)) for name in collection.columns]
        row = connection.execute(sql, [feature.id, feature.edition, *values, *blobs[i : i + 1]]).lastrowid
        if boxes is not None and blobs[i] is not None:
            _index(connection, collection.id, row, boxes[i])


def _index(connection: sqlite3.Connection, table: str, row: int | None, box: Any) -> None:
    sql = f"INSERT INTO {index_of(table)} VALUES (?, ?, ?, ?, ?)"  # noqa: S608  quoted
    connection.execute(sql, (row, float(box[0]), float(box[2]), float(box[1]), float(box[3])))


def remove(connection: sqlite3.Connection, collection: Collection, feature: str) -> None:
    """Take a feature out of a table and its spatial index."""
    table = quoted(collection.id)
    if collection.has_geometry:
        rows = f"SELECT {ROW} FROM {table} WHERE {KEY} = ?"  # noqa: S608  quoted
        connection.execute(f"DELETE FROM {index_of(collection.id)} WHERE id IN ({rows})", (feature,))  # noqa: S608
    connection.execute(f"DELETE FROM {table} WHERE {KEY} = ?", (feature,))  # noqa: S608


def put(connection: sqlite3.Connection, collection: Collection, feature: Feature) -> None:
    """Write new values and place of a feature that is there; it keeps its row, and so its place in the order."""
    table = quoted(collection.id)
    names = [EDITION, *collection.columns, *([GEOMETRY] if collection.has_geometry else [])]
    shapes = np.array([feature.geometry], dtype=object)
    values: list[Any] = [feature.edition, *(plain_value(feature.values.get(name)) for name in collection.columns)]
    values += to_blobs(shapes) if collection.has_geometry else []
    settings = ", ".join(f"{quoted(name)} = ?" for name in names)
    connection.execute(f"UPDATE {table} SET {settings} WHERE {KEY} = ?", [*values, feature.id])  # noqa: S608
    if collection.has_geometry:
        row = connection.execute(f"SELECT {ROW} FROM {table} WHERE {KEY} = ?", (feature.id,)).fetchone()[0]  # noqa: S608
        connection.execute(f"DELETE FROM {index_of(collection.id)} WHERE id = ?", (row,))  # noqa: S608
        if feature.geometry is not None:
            _index(connection, collection.id, row, shapely.bounds(feature.geometry))


def _where(collection: Collection, condition: Condition | None, after: str = "") -> tuple[str, list[Any]]:
    """Return the WHERE of a condition, narrowed through the spatial index where the condition has a reach."""
    parts: list[str] = []
    values: list[Any] = []
    box = reach(condition) if collection.has_geometry else None
    if box is not None:
        sql = f"SELECT id FROM {index_of(collection.id)} WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?"  # noqa: S608
        parts.append(f"{ROW} IN ({sql})")
        values += [box[0], box[2], box[1], box[3]]
    if condition is not None:
        sql, more = Compiler(SQLITE, {KEY, *collection.columns}).compile(condition)
        parts.append(sql)
        values += more
    if after:  # a token that is none of this table's has nothing after it
        parts.append(f"{ROW} > ?")
        values.append(int(after) if after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS else 2**63 - 1)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


def count(connection: sqlite3.Connection, collection: Collection, condition: Condition | None) -> int:
    """Return how many features of a table hold."""
    where, values = _where(collection, condition)
    return int(connection.execute(f"SELECT count(*) FROM {quoted(collection.id)}{where}", values).fetchone()[0])  # noqa: S608


def select(connection: sqlite3.Connection, collection: Collection, query: Query) -> list[Feature]:
    """Return a page of the features of a table; in the order of its rows where the question asks for none."""
    where, values = _where(collection, query.condition, query.after)
    unknown = [name for name, _ in query.sort if name not in {KEY, *collection.columns}]
    if unknown:
        raise ValueError(f"sort: got {unknown}, expected columns of {collection.id}.")
    order = "".join(f"{quoted(name)}{' DESC' if down else ''}, " for name, down in query.sort) + ROW
    sql = f"SELECT {_selected(collection, query.columns)} FROM {quoted(collection.id)}{where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
    rows = connection.execute(sql, [*values, query.limit, query.offset]).fetchall()
    return _features(collection, query.columns, rows)


def find(
    connection: sqlite3.Connection, collection: Collection, feature: str, columns: Sequence[str], condition: Condition | None
) -> Feature | None:  # fmt: skip
    """Return the feature of a name where it holds, or None."""
    where, values = _where(collection, condition)
    where = f"{where} AND {KEY} = ?" if where else f" WHERE {KEY} = ?"
    sql = f"SELECT {_selected(collection, columns)} FROM {quoted(collection.id)}{where}"  # noqa: S608  quoted names, bound values
    rows = connection.execute(sql, [*values, feature]).fetchall()
    return _features(collection, columns, rows)[0] if rows else None


def _selected(collection: Collection, columns: Sequence[str]) -> str:
    unknown = [name for name in columns if name not in collection.columns]
    if unknown:
        raise ValueError(f"columns: got {unknown}, expected columns of {collection.id}.")
    place = quoted(GEOMETRY) if collection.has_geometry else "NULL"
    return ", ".join([ROW, KEY, EDITION, place, *map(quoted, columns)])


def _features(collection: Collection, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[Feature]:
    if not rows:
        return []
    shapes = from_blobs([row[3] for row in rows])
    truths = [i for i, name in enumerate(columns) if collection.columns[name] == "truth"]
    found = []
    for row, shape in zip(rows, shapes, strict=True):
        values = list(row[4:])
        for i in truths:
            values[i] = None if values[i] is None else bool(values[i])
        found.append(Feature(row[1], dict(zip(columns, values, strict=True)), shape, row[2], str(row[0])))
    return found


@contextmanager
def bounded(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Stop what a connection is doing after some seconds: no question of one client may hold up the others.

    Raises
    ------
    SlowError
        When the time is over.
    """
    end = time.monotonic() + seconds
    late: list[bool] = []

    def look() -> int:
        if time.monotonic() > end:
            late.append(True)
        return len(late)

    connection.set_progress_handler(look, _STEPS)
    try:
        yield
    except Exception as error:
        if late:
            raise SlowError(
                f"query: got more than {seconds:g} s of work, expected less. Ask for a smaller box or a simpler filter."
            ) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


def batches(features: Iterable[Feature], size: int) -> Iterator[list[Feature]]:
    """Yield features in lists of at most `size`."""
    batch: list[Feature] = []
    for feature in features:
        batch.append(feature)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

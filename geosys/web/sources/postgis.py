"""Tables of PostGIS by URL: the same answers as from GeoPackages, every value bound, one question at a time for so long and no longer."""

from __future__ import annotations

import datetime as dt
import math
import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import shapely
from psycopg import errors

from geosys._errors import WorkspaceError
from geosys.geo.crs import to_crs
from geosys.web.sources.conditions import OneOf, all_of
from geosys.web.sources.port import KEY, STORED_CRS, Collection, Feature, SlowError
from geosys.web.sources.sql import Compiler, Dialect, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from geosys._schema import LayerSchema
    from geosys.web.sources.conditions import Condition
    from geosys.web.sources.port import Query

SCHEMA = "geosys"  # the stable schema that 'geosys publish postgis' puts its views into
MOST_SECONDS = 20
_MOST_CONNECTIONS_KEPT = 8
_COLUMNS = """
SELECT c.table_name, c.column_name, c.udt_name, coalesce(g.srid, 0) FROM information_schema.columns c
LEFT JOIN geometry_columns g ON g.f_table_schema = c.table_schema AND g.f_table_name = c.table_name AND g.f_geometry_column = c.column_name
WHERE c.table_schema = %s ORDER BY c.table_name, c.ordinal_position
"""
_KINDS = {
    "text": {"text", "varchar", "bpchar"}, "integer": {"int2", "int4", "int8"}, "number": {"float4", "float8", "numeric", "int2", "int4", "int8"},
    "date": {"date"}, "truth": {"bool"},
}  # fmt: skip


class PostgisSource:
    """Answer from the tables or views of one schema that bear the names of layers; they are read, never changed."""

    def __init__(
        self, url: str, schemas: Mapping[str, LayerSchema], schema: str = SCHEMA, most_seconds: int = MOST_SECONDS
    ) -> None:
        self._url, self._schema, self._most_seconds = url, schema, most_seconds
        self._free: queue.LifoQueue[psycopg.Connection] = queue.LifoQueue()
        self._places: dict[str, tuple[str, str]] = {}  # geometry column and CRS of each layer
        self._collections: dict[str, Collection] = {}
        with self._borrowed() as connection:
            for name, columns in _tables(connection, schema).items():
                if name in schemas and KEY in columns:
                    self._take(connection, name, columns, schemas[name])

    def collections(self) -> Mapping[str, Collection]:
        """Return the layers by id."""
        return self._collections

    def count(self, collection: str, condition: Condition | None) -> int:
        """Return how many features hold."""
        where, values = self._where(collection, condition, "")
        with self._borrowed() as connection:
            row = connection.execute(f"SELECT count(*) FROM {self._table(collection)}{where}", values).fetchone()  # noqa: S608
        return int(row[0]) if row else 0

    def items(self, collection: str, query: Query) -> list[Feature]:
        """Return a page of features, by name where the question asks for no order."""
        where, values = self._where(collection, query.condition, query.after)
        known = {KEY, *self._collections[collection].columns}
        if any(name not in known for name, _ in query.sort):
            raise ValueError(f"sort: got {list(query.sort)}, expected columns of {collection}.")
        parts = [f"{quoted(name)}{' DESC NULLS LAST' if down else ' NULLS FIRST'}" for name, down in query.sort]
        order = ", ".join([*parts, f'{quoted(KEY)} COLLATE "C"'])
        sql = f"SELECT {self._selected(collection, query.columns)} FROM {self._table(collection)}{where} ORDER BY {order} LIMIT %s OFFSET %s"  # noqa: S608
        with self._borrowed() as connection:
            rows = connection.execute(
                sql, [*values, query.limit if query.limit >= 0 else None, query.offset]
            ).fetchall()
        return self._features(collection, query.columns, rows)

    def one(self, collection: str, feature: str, columns: Sequence[str], condition: Condition | None) -> Feature | None:
        """Return the feature of a name where it holds, or None."""
        where, values = self._where(collection, all_of([OneOf(KEY, (feature,)), condition]), "")
        sql = f"SELECT {self._selected(collection, columns)} FROM {self._table(collection)}{where} LIMIT 1"  # noqa: S608
        with self._borrowed() as connection:
            rows = connection.execute(sql, values).fetchall()
        found = self._features(collection, columns, rows)
        return found[0] if found else None

    def close(self) -> None:
        """Close all connections that nobody has."""
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return

    def _take(
        self, connection: psycopg.Connection, name: str, columns: Mapping[str, tuple[str, int]], schema: LayerSchema
    ) -> None:
        """Note a table: its columns that the layer has in the layer's type, and where its geometry is."""
        kept = {c: kind for c, kind in schema.columns.items() if c in columns and columns[c][0] in _KINDS[kind]}
        place = next((c for c, (kind, srid) in columns.items() if kind == "geometry" and srid), None)
        bounds = None
        table = f"{quoted(self._schema)}.{quoted(name)}"
        if place is not None:
            self._places[name] = (place, f"EPSG:{columns[place][1]}")
            row = connection.execute(
                f"SELECT ST_AsBinary(ST_Extent({quoted(place)})::geometry) FROM {table}"  # noqa: S608  quoted
            ).fetchone()
            if row and row[0] is not None:
                shape = to_crs(np.array([shapely.from_wkb(row[0])], dtype=object), self._places[name][1], STORED_CRS)[0]
                west, south, east, north = (float(side) for side in shapely.bounds(shape))
                bounds = (west, south, east, north)
        counted = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        version = f"{self._schema}.{name}"
        self._collections[name] = Collection(
            name, kept, place is not None, version, bounds, int(counted[0]) if counted else 0
        )

    def _table(self, collection: str) -> str:
        if collection not in self._collections:
            raise ValueError(f"collection: got {collection!r}, expected one of the source's.")
        return f"{quoted(self._schema)}.{quoted(collection)}"

    def _selected(self, collection: str, columns: Sequence[str]) -> str:
        unknown = [name for name in columns if name not in self._collections[collection].columns]
        if unknown:
            raise ValueError(f"columns: got {unknown}, expected columns of {collection}.")
        place = self._places.get(collection)
        shape = f"ST_AsBinary({quoted(place[0])})" if place else "NULL"
        return ", ".join([quoted(KEY), shape, *map(quoted, columns)]).replace("%", "%%")

    def _where(self, collection: str, condition: Condition | None, after: str) -> tuple[str, list[Any]]:
        parts: list[str] = []
        values: list[Any] = []
        if condition is not None:
            sql, values = Compiler(self._dialect(collection), {KEY, *self._collections[collection].columns}).compile(
                condition
            )
            parts.append(sql)
        if after:
            parts.append(f'{quoted(KEY)} COLLATE "C" > %s')
            values = [*values, after]
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), values

    def _dialect(self, collection: str) -> Dialect:
        """Return how PostGIS writes conditions on a table: geometry is asked for in the table's own CRS."""

        def related(relation: str, geometry: shapely.Geometry) -> tuple[str, list[Any]]:
            if collection not in self._places:
                return "(NULL::boolean)", []
            column, crs = self._places[collection]
            moved = to_crs(np.array([geometry], dtype=object), STORED_CRS, crs)[0]
            if moved is None:
                return "(1=0)", []
            srid = int(crs.removeprefix("EPSG:"))
            return f"ST_{relation.capitalize()}({quoted(column)}, ST_GeomFromWKB(%s, {srid}))", [shapely.to_wkb(moved)]

        return Dialect("%s", "lower({})", str.lower, related, lambda value: value)

    def _features(self, collection: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[Feature]:
        if not rows:
            return []
        shapes = np.array(
            [None if row[1] is None else shapely.from_wkb(bytes(row[1])) for row in rows] + [None], dtype=object
        )[:-1]
        if collection in self._places:
            shapes = to_crs(shapes, self._places[collection][1], STORED_CRS)
        kinds = [self._collections[collection].columns[name] for name in columns]
        return [
            Feature(
                str(row[0]),
                {n: _plain(v, k) for n, v, k in zip(columns, row[2:], kinds, strict=True)},
                shape,
                1,
                str(row[0]),
            )
            for row, shape in zip(rows, shapes, strict=True)
        ]

    @contextmanager
    def _borrowed(self) -> Iterator[psycopg.Connection]:
        """Lend a connection of reading only; a question that takes too long is ended by the server itself."""
        try:
            connection = self._free.get_nowait()
        except queue.Empty:
            connection = self._opened()
        try:
            yield connection
        except errors.QueryCanceled:
            raise SlowError(
                f"query: got more than {self._most_seconds} s of work, expected less. Ask for a smaller box or a simpler filter."
            ) from None
        except psycopg.OperationalError as error:
            connection.close()
            raise WorkspaceError(
                f"database: got {type(error).__name__}, expected an answer. Is the server there?"
            ) from None
        finally:
            if not connection.closed and self._free.qsize() < _MOST_CONNECTIONS_KEPT:
                self._free.put(connection)
            else:
                connection.close()

    def _opened(self) -> psycopg.Connection:
        options = f"-c statement_timeout={int(self._most_seconds * 1000)} -c default_transaction_read_only=on -c standard_conforming_strings=on"
        try:
            return psycopg.connect(self._url, autocommit=True, connect_timeout=10, options=options)
        except psycopg.OperationalError as error:
            told = str(error).split("\n")[0][:200]
            raise WorkspaceError(
                f"--database: got no connection ({told}), expected postgresql://USER@HOST/DATABASE."
            ) from None


def _tables(connection: psycopg.Connection, schema: str) -> dict[str, dict[str, tuple[str, int]]]:
    """Return type and SRID of each column of each table or view of a schema."""
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for table, column, kind, srid in connection.execute(_COLUMNS, (schema,)):
        found.setdefault(table, {})[column] = (kind, srid)
    return found


def _plain(value: Any, kind: str) -> Any:
    """Return a value of the database as the other stores give it."""
    if value is None:
        return None
    if kind == "number":
        return float(value) if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, dt.date) else value

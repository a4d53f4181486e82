"""Read what is published: which tables there are for a role, their columns, comments, SRID and version.

For services over PostGIS. Nothing of psycopg is needed: any connection that executes a statement with bound values will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GEOMETRY = re.compile(r"geometry\((\w+),(\d+)\)")
_KINDS = {"text": "text", "bigint": "integer", "double precision": "number", "date": "date", "boolean": "truth"}
_COLUMNS = """
SELECT c.relname, obj_description(c.oid, 'pg_class'), a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relkind = 'v' AND a.attnum > 0 AND NOT a.attisdropped AND has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relname, a.attnum
"""


class Rows(Protocol):
    """What a statement gives."""

    def fetchall(self) -> Sequence[Any]:
        """Return all rows."""
        ...


class Executing(Protocol):
    """A connection that executes a statement with bound values, as psycopg's does."""

    def execute(self, query: Any, params: Any = None) -> Rows:
        """Execute one statement."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """Hold one column of a view: its kind (text, integer, number, date, truth; else PostgreSQL's own name) and comment."""

    id: str
    kind: str
    comment: str


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """Hold one view of a published schema.

    Parameters
    ----------
    columns : without the geometry; the first is the key.
    geometry : name of the geometry column, empty without one; `kind` as in ``MultiPolygon``, `srid` as in 4547 (x east, y north)
        or 4490 (longitude first).
    version : of the layer, as in the comment.
    """

    schema: str
    id: str
    comment: str
    columns: tuple[PublishedColumn, ...]
    geometry: str
    kind: str
    srid: int
    version: str


def read_published(connection: Executing, schema: str = "geosys") -> Mapping[str, PublishedTable]:
    """Return the views of a published schema that the connection's user may read, by name.

    A layer ``x`` has the views ``x`` in the plan's CRS and ``x_4490`` in degrees; lists of codes are ``code_…``.
    """
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for table, told, column, kind, comment in connection.execute(_COLUMNS, [schema]).fetchall():
        found.setdefault(table, []).append((told or "", column, kind, comment or ""))
    return {name: _table(schema, name, rows) for name, rows in found.items()}


def _table(schema: str, name: str, rows: Sequence[tuple[str, str, str, str]]) -> PublishedTable:
    told = rows[0][0]
    places = {column: match for _, column, kind, _ in rows if (match := _GEOMETRY.search(kind))}
    columns = tuple(PublishedColumn(c, _KINDS.get(k, k), text) for _, c, k, text in rows if c not in places)
    geometry, match = next(iter(places.items()), ("", None))
    version = told.partition("；版本 version ")[2].partition("；")[0]
    return PublishedTable(
        schema, name, told, columns, geometry, match[1] if match else "", int(match[2]) if match else 0, version
    )

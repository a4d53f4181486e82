"""The views that a platform reads: stable names over the tables of an edition, replaced while nobody reads them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import ConflictError, WorkspaceError
from geosys.publish.postgis.connection import errors, sql
from geosys.publish.postgis.definitions import CODE_COLUMNS, comments, comments_of, in_degrees
from geosys.publish.postgis.edition import CODES, DEGREES, GEOMETRY, KEY, MOST_BYTES, degrees_view
from geosys.publish.postgis.roles import grant_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from geosys.publish.postgis.connection import Composed, Connection
    from geosys.publish.postgis.edition import Column, Edition, Table

WAIT_MS = 400  # for a view that is being read: less than a second, after which PostgreSQL would call it a deadlock and stop the reader
PAUSE_S = 0.1
_KIND = re.compile(r"geometry\((\w+),(\d+)\)")
_VIEWS_OVER = """
SELECT DISTINCT vn.nspname, v.relname, t.relname
FROM pg_rewrite r
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_class t ON t.oid = d.refobjid AND t.oid <> v.oid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE tn.nspname = ANY(%s) AND vn.nspname = ANY(%s) ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class View:
    """Hold one view: its place, what it selects, its comments, and which roles read it."""

    schema: str
    name: str
    query: Composed
    told: str
    comments: Sequence[tuple[str, str]]
    readers: Sequence[str]


def stored_kinds(connection: Connection, schema: str) -> dict[str, tuple[str, int]]:
    """Return the type and SRID of the geometry of each table of a schema that has one."""
    rows = connection.execute(
        "SELECT c.relname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r' AND a.attname = %s",
        [schema, GEOMETRY],
    ).fetchall()
    found = {str(table): _KIND.search(str(kind)) for table, kind in rows}
    return {table: (match[1], int(match[2])) for table, match in found.items() if match is not None}


def views_of(edition: Edition, kinds: Mapping[str, tuple[str, int]], *, with_chinese: bool) -> list[View]:
    """Return the views of an edition: all columns for readers, what is public for the public, and Chinese names if wanted."""
    views: list[View] = []
    for table in edition.tables:
        kind = kinds.get(table.id)
        views += _views(edition, table, kind, edition.schema, table.columns, ("reader",))
        if table.is_public:
            views += _views(edition, table, kind, edition.public_schema, table.public_columns, ("reader", "public"))
        if with_chinese:
            views.append(_chinese(edition, table, kind))
    public = {column.codes for table in edition.tables for column in table.public_columns if column.codes}
    for name in edition.used_codes:
        views.append(_code_view(edition, name, edition.schema, ("reader",)))
        if name in public:
            views.append(_code_view(edition, name, edition.public_schema, ("reader", "public")))
    return _unlike(views)


def _views(
    edition: Edition, table: Table, kind: tuple[str, int] | None, schema: str, columns: Sequence[Column], readers: Sequence[str]
) -> list[View]:  # fmt: skip
    """Return the view of a table in its own CRS, and the one in degrees where it has geometry."""
    source = sql.Identifier(edition.name, table.id)
    names = [KEY, *(column.id for column in columns)]
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    told = f"{table.title.both()}；版本 version {table.version}"
    srid = kind[1] if kind else 0
    shown = {*names, GEOMETRY}
    comments = [(name, text) for name, text in comments_of(table, srid) if name in shown]
    if kind is None:
        plain = sql.SQL("SELECT {} FROM {}").format(listed, source)
        return [View(schema, table.id, plain, told, comments, readers)]
    place = sql.Identifier(GEOMETRY)
    own = sql.SQL("SELECT {}, {} FROM {}").format(listed, place, source)
    turned = sql.SQL("SELECT {}, {} AS {} FROM {}").format(listed, in_degrees(kind[0]), place, source)
    in_4490 = [*comments[:-1], (GEOMETRY, f"图形 Geometry, EPSG:{DEGREES}, 经度在前 longitude first")]
    return [
        View(schema, table.id, own, f"{told}；EPSG:{srid}", comments, readers),
        View(schema, degrees_view(table.id), turned, f"{told}；EPSG:{DEGREES}", in_4490, readers),
    ]


def _chinese(edition: Edition, table: Table, kind: tuple[str, int] | None) -> View:
    """Return the view of a table whose name and columns are their Chinese titles, as far as a name may be long."""
    pairs = [(KEY, "要素编号"), *((column.id, column.title.zh) for column in table.columns)]
    pairs += [(GEOMETRY, "图形")] if kind else []
    taken: set[str] = set()
    parts, comments = [], []
    told = dict(comments_of(table, kind[1] if kind else 0))
    for column, title in pairs:
        name = _fitting(title, column, taken)
        parts.append(sql.SQL("{} AS {}").format(sql.Identifier(column), sql.Identifier(name)))
        comments.append((name, f"{told[column]}；{column}"))
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(parts), sql.Identifier(edition.name, table.id))
    name = _fitting(table.title.zh, table.id, set())
    return View(edition.chinese_schema, name, query, f"{table.title.both()}；{table.id}", comments, ("reader",))


def _fitting(title: str, column: str, taken: set[str]) -> str:
    """Return a title as a name: at most `MOST_BYTES` long, and told apart from those taken by its column."""
    name = _cut(title or column, MOST_BYTES)
    if name in taken:
        name = f"{_cut(title, MOST_BYTES - len(column) - 1)}_{column}"
    taken.add(name)
    return name


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text in at most so many bytes of UTF-8, no letter cut in two.

    Examples
    --------
    >>> _cut("排污口", 7)
    '排污'
    """
    return text.encode()[:most].decode(errors="ignore")


def _code_view(edition: Edition, name: str, schema: str, readers: Sequence[str]) -> View:
    table = f"{CODES}{name}"
    query = sql.SQL("SELECT code, title_zh, title_en FROM {}").format(sql.Identifier(edition.name, table))
    return View(schema, table, query, f"代码表 Code list {name}", CODE_COLUMNS, readers)


def _unlike(views: Sequence[View]) -> list[View]:
    """Return views whose names differ: two layers may have one Chinese title, and the later one then its number behind it."""
    taken: dict[tuple[str, str], int] = {}
    told = []
    for view in views:
        place = view.schema, view.name
        taken[place] = taken.get(place, 0) + 1
        more = f"_{taken[place]}" if taken[place] > 1 else ""
        name = f"{_cut(view.name, MOST_BYTES - len(more))}{more}"
        told.append(View(view.schema, name, view.query, view.told, view.comments, view.readers))
    return told


def views_over(connection: Connection, editions: Sequence[str], schemas: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the views of some schemas over tables of some editions: schema, view, table."""
    rows = connection.execute(_VIEWS_OVER, [list(editions), list(schemas)]).fetchall()
    return [(str(schema), str(view), str(table)) for schema, view, table in rows]


def swap_views(
    connection: Connection, edition: Edition, views: Sequence[View], stale: Sequence[tuple[str, str]], patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:  # fmt: skip
    """Put all views of an edition in the place of those there, or none: readers are waited for, and never held up long.

    A reader holds its views until its transaction ends, so each transaction reads one edition whole. Where one does not
    end within `WAIT_MS` all locks are let go, so that others may read, and taken anew.

    Raises
    ------
    ConflictError
        When somebody reads on for longer than `patience_s` seconds.
    WorkspaceError
        When a view must change its columns while others' views are built on it.
    """
    end = clock() + patience_s
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(WAIT_MS)))
                for schema, name in stale:
                    connection.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier(schema, name)))
                for view in views:
                    _replace(connection, edition.schema, view)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if clock() > end:
                raise ConflictError(
                    f"{edition.schema}: got readers that do not end within {patience_s:g} s ({_readers(connection, edition)}), "
                    "expected a moment without. Nothing was changed; try again when their transactions have ended."
                ) from None
            time.sleep(PAUSE_S)
        except errors.DependentObjectsStillExist as error:
            raise WorkspaceError(
                f"{edition.schema}: got views built on ours whose columns change ({error.diag.message_detail}), expected none. "
                "Drop them, publish again, and make them anew; nothing was changed."
            ) from None
        else:
            connection.execute("SET LOCAL lock_timeout = 0")
            return


def _replace(connection: Connection, base: str, view: View) -> None:
    """Replace a view; where its columns are others than before, drop it and make it anew."""
    name = sql.Identifier(view.schema, view.name)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, view.query))
    except errors.InvalidTableDefinition:
        connection.execute(sql.SQL("DROP VIEW {}").format(name))
        connection.execute(sql.SQL("CREATE VIEW {} AS {}").format(name, view.query))
    connection.execute(comments("VIEW", (view.schema, view.name), view.told, view.comments))
    grant_view(connection, base, view.schema, view.name, view.readers)


def _readers(connection: Connection, edition: Edition) -> str:
    """Return who holds our views: process, user and program."""
    rows = connection.execute(
        "SELECT DISTINCT a.pid, a.usename, a.application_name FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE n.nspname = ANY(%s) AND l.pid <> pg_backend_pid() ORDER BY 1 LIMIT 5",
        [[edition.schema, edition.public_schema, edition.chinese_schema]],
    ).fetchall()
    return "; ".join(f"pid {pid}, {user}, {program}" for pid, user, program in rows) or "gone by now"

"""Publish to PostGIS: the order of things, in one transaction from the first table to the last view."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._errors import ConflictError, WorkspaceError
from geosys.publish.postgis.connection import connect, errors, is_possible, sql
from geosys.publish.postgis.definitions import Broken, fill_table, finish_table, make_codes, make_table
from geosys.publish.postgis.edition import check_edition
from geosys.publish.postgis.measuring import check_same, filled_stored, measure_stored
from geosys.publish.postgis.register import (
    drop_old,
    edition_schemas,
    editions_there,
    has_register,
    make_current,
    make_register,
    note,
    srid_of,
    take_lock,
)
from geosys.publish.postgis.roles import check_closed, grant_schema, require_roles, require_schema, role_of
from geosys.publish.postgis.rows import as_one_kind, measure
from geosys.publish.postgis.views import stored_kinds, swap_views, views_of, views_over

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.publish.postgis.connection import Connection
    from geosys.publish.postgis.edition import Edition, Table
    from geosys.publish.postgis.rows import Measured
    from geosys.publish.postgis.views import View

KEEP = 2
PATIENCE_S = 60.0


@dataclass(slots=True)
class Publication:
    """Hold what a publication did.

    Parameters
    ----------
    schema : of the edition. `is_loaded`: False where it was there already and only the views were swapped.
    measured : what each table amounts to. `broken`: rules that rows break, as intake let them through.
    flattened : tables whose heights were dropped, because some rows have none.
    seconds : of reading, loading, indexing, checking and swapping.
    """

    schema: str
    is_loaded: bool
    measured: dict[str, Measured] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    flattened: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    staying: dict[str, str] = field(default_factory=dict)
    removed_views: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def publish(
    url: str, edition: Edition, *, keep: int = KEEP, is_whole: bool = True, with_chinese: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None, patience_s: float = PATIENCE_S,
) -> Publication:  # fmt: skip
    """Load an edition beside what is there, check it against its source, and let the views show it; or change nothing.

    Parameters
    ----------
    url : ``postgresql://USER@HOST/DATABASE``; the password comes from .pgpass or the environment.
    keep : how many editions stay, this one included.
    is_whole : whether views of layers that the edition lacks go; else they go on showing what they show.
    patience_s : how long readers of the views are waited for.

    Raises
    ------
    WorkspaceError, ConflictError, DisclosureError
        When something is not as it must be; the database is then as it was.
    """
    check_edition(edition)
    if keep < 1:
        raise WorkspaceError(f"--keep: got {keep}, expected 1 or more: this edition is one of them.")
    with connect(url) as connection:
        with connection.transaction():
            _prepare(connection, edition, with_chinese=with_chinese)
            done = _load(connection, edition, progress)
            _show(connection, edition, done, is_whole=is_whole, with_chinese=with_chinese, patience_s=patience_s)
        try:
            with connection.transaction():
                take_lock(connection, edition.schema)
                _act_as_owner(connection, edition.schema)
                done.dropped, done.staying = drop_old(connection, edition, keep)
        except ConflictError:  # what was published stands: the next publisher drops what is old
            done.staying = {"": "another publisher is at work"}
    return done


def preview(url: str, edition: Edition) -> dict[str, object]:
    """Return what a publication would do, without writing anything.

    Raises
    ------
    WorkspaceError, ConflictError
        When the database cannot be reached or cannot take the edition.
    """
    check_edition(edition)
    with connect(url) as connection:
        connection.read_only = True
        with connection.transaction():
            _check_server(connection, edition)
            may_read = has_register(connection, edition.schema) and _may_look(connection, edition.schema)
            there = editions_there(connection, edition.schema) if may_read else []
    return {
        "schema": edition.name, "is_there": edition.name in there, "editions": there,
        "tables": [
            {"table": t.id, "version": t.version, "rows": t.rows, "disclosure": t.disclosure,
             "columns": len(t.columns), "public_columns": [c.id for c in t.public_columns]}
            for t in edition.tables
        ],
    }  # fmt: skip


def _may_look(connection: Connection, schema: str) -> bool:
    query = "SELECT has_schema_privilege(%s, 'USAGE') AND has_table_privilege(%s, 'SELECT')"
    row = connection.execute(query, [schema, f'"{schema}".versions']).fetchone()
    return bool(row and row[0])


def _check_server(connection: Connection, edition: Edition) -> None:
    """See that the database can hold the edition: letters, PostGIS, and the plan's CRS."""
    row = connection.execute("SELECT current_setting('server_encoding'), current_database()").fetchone() or ("", "")
    if row[0] != "UTF8":
        raise WorkspaceError(f"{row[1]}: got encoding {row[0]}, expected UTF8. Make a database with ENCODING 'UTF8'.")
    found = connection.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'"
    ).fetchone()
    if found is None:
        raise WorkspaceError(
            f"{row[1]}: got a database without PostGIS, expected the extension. "
            "Have an administrator run once in it: CREATE EXTENSION postgis;"
        )
    path = sql.SQL("SET LOCAL search_path = pg_catalog, {}, pg_temp").format(sql.Identifier(str(found[0])))
    connection.execute(path)  # nobody's function of the same name comes before PostGIS's
    for crs in {table.crs for table in edition.tables}:
        srid_of(connection, crs)


def _prepare(connection: Connection, edition: Edition, *, with_chinese: bool) -> None:
    """Take the lock, make roles and schemas that are not there, and go on as their owner."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    # a server that looks for lost clients lets go of a killed publisher's lock in the middle of a long statement
    is_possible(connection, sql.SQL("SET LOCAL client_connection_check_interval = '1s'"))
    take_lock(connection, edition.schema)
    if not _has_postgis(connection):
        is_possible(connection, sql.SQL("CREATE EXTENSION postgis"))
    _check_server(connection, edition)
    require_roles(connection, edition.schema)
    chinese = [edition.chinese_schema] if with_chinese else []
    for schema in (edition.schema, edition.public_schema, *chinese):
        require_schema(connection, edition.schema, schema)
    is_new = not has_register(connection, edition.schema) or edition.name not in _editions_as_owner(connection, edition)
    if (
        is_new
        and connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [edition.name]).fetchone() is not None
    ):
        raise ConflictError(f"{edition.name}: got a schema that we did not register, expected none. Rename or drop it.")
    if is_new:
        require_schema(connection, edition.schema, edition.name)
    _act_as_owner(connection, edition.schema)
    make_register(connection, edition.schema)
    grant_schema(connection, edition.schema, edition.schema, ("reader",))
    grant_schema(connection, edition.schema, edition.public_schema, ("reader", "public"))
    for schema in chinese:
        grant_schema(connection, edition.schema, schema, ("reader",))


def _has_postgis(connection: Connection) -> bool:
    return connection.execute("SELECT FROM pg_extension WHERE extname = 'postgis'").fetchone() is not None


def _editions_as_owner(connection: Connection, edition: Edition) -> list[str]:
    _act_as_owner(connection, edition.schema)
    there = editions_there(connection, edition.schema)
    connection.execute("RESET ROLE")
    return there


def _act_as_owner(connection: Connection, schema: str) -> None:
    try:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role_of(schema, "owner"))))
    except errors.InsufficientPrivilege:
        raise WorkspaceError(
            f"roles: got a user who may not act as {role_of(schema, 'owner')}, expected one who may. "
            f"Have an administrator of the server grant that role."
        ) from None


def _load(connection: Connection, edition: Edition, progress: Callable[[str, int, int], None]) -> Publication:
    """Load the tables of an edition and check them, or find them loaded."""
    done = Publication(edition.name, is_loaded=edition.name not in editions_there(connection, edition.schema))
    if not done.is_loaded:
        return done
    srids = {table.id: srid_of(connection, table.crs) for table in edition.tables}
    for name in edition.used_codes:
        make_codes(connection, edition.name, edition.codes[name])
    for number, table in enumerate(edition.tables):
        progress("postgis", number, len(edition.tables))
        _load_table(connection, edition.name, table, srids[table.id], done)
    progress("postgis", len(edition.tables), len(edition.tables))
    note(connection, edition, done.measured, {t.id: srids[t.id] for t in edition.tables if t.geometry != "none"})
    return done


def _load_table(connection: Connection, schema: str, table: Table, srid: int, done: Publication) -> None:
    watch = _Watch(done.seconds)
    frame = table.read()
    shapes = None if table.geometry == "none" else as_one_kind(frame.geometry.to_numpy(), table.geometry)
    source = measure(table.geometry, shapes.shapes if shapes is not None else None, len(frame), table.crs)
    if shapes is not None and shapes.has_lost_heights:
        done.flattened.append(table.id)
    watch.lap("read")
    make_table(connection, schema, table, shapes, srid)
    sent = fill_table(connection, schema, table, frame, shapes, srid)
    watch.lap("load")
    done.broken += finish_table(connection, schema, table, shapes)
    watch.lap("index")
    stored = measure_stored(connection, schema, table.id, table.geometry)
    check_same(table.id, source, stored, sent, filled_stored(connection, schema, table.id, sent.filled))
    done.measured[table.id] = source
    watch.lap("check")


class _Watch:
    """Add up how long each part of the work takes."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self.last
        self.last = now


def _show(
    connection: Connection,
    edition: Edition,
    done: Publication,
    *,
    is_whole: bool,
    with_chinese: bool,
    patience_s: float,
) -> None:
    """Let the views show the edition, enter it in the register, and see that the public reads nothing more than it may."""
    watch = _Watch(done.seconds)
    editions = edition_schemas(editions_there(connection, edition.schema), edition.name)
    views = views_of(edition, stored_kinds(connection, edition.name), with_chinese=with_chinese)
    stale = _stale(connection, edition, views, editions, is_whole=is_whole)
    make_current(connection, edition, is_whole=is_whole)
    swap_views(connection, edition, views, stale, patience_s)
    done.removed_views = [f"{schema}.{name}" for schema, name in stale]
    check_closed(connection, edition.schema, [edition.schema, edition.chinese_schema, *editions])
    watch.lap("swap")


def _stale(
    connection: Connection, edition: Edition, views: Sequence[View], editions: Sequence[str], *, is_whole: bool
) -> list[tuple[str, str]]:
    """Return our views that must go: of layers that are no longer there, and what was public and is not any more."""
    schemas = [edition.schema, edition.public_schema, edition.chinese_schema]
    wanted = {(view.schema, view.name) for view in views}
    ours = {table.id for table in edition.tables}
    return list(
        dict.fromkeys(
            (schema, name)
            for schema, name, table in views_over(connection, editions, schemas)
            if (schema, name) not in wanted and (is_whole or table in ours)
        )
    )

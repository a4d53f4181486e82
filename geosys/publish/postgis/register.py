"""The register of what was loaded, the lock that one publisher holds, and the editions that may go."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from geosys._errors import ConflictError
from geosys.publish.postgis.connection import errors, sql
from geosys.publish.postgis.definitions import comments
from geosys.publish.postgis.edition import DEGREES, REGISTER
from geosys.publish.postgis.roles import grant_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.publish.postgis.connection import Connection
    from geosys.publish.postgis.edition import Edition
    from geosys.publish.postgis.rows import Measured

_LOCK = 7_305_121  # the first half of the lock of a publisher: any number, if no other program's
_LOCK_WAIT_MS = 5_000  # as long as the server may take to notice that a killed publisher is gone
_DROP_WAIT_MS = 2_000
_MAKE = """
CREATE TABLE IF NOT EXISTS {} (
  schema_name text NOT NULL, layer text NOT NULL, version text NOT NULL, loaded_on date NOT NULL, loaded_at timestamptz NOT NULL,
  rows bigint NOT NULL, area_m2 double precision, program text NOT NULL, run text NOT NULL, title_zh text NOT NULL, title_en text NOT NULL,
  disclosure text NOT NULL, srid integer, is_current boolean NOT NULL, PRIMARY KEY (schema_name, layer))
"""
_TOLD = {
    "schema_name": "数据所在模式 Schema of the tables", "layer": "图层 Layer", "version": "版本 Version of the content",
    "loaded_on": "入库日期 Day of loading", "loaded_at": "入库时刻 Time of loading", "rows": "行数 Rows",
    "area_m2": "椭球面积合计（m²） Ellipsoidal area, sum (m²)", "program": "程序 Program", "run": "运行 Run of the findings",
    "title_zh": "名称 Title in Chinese", "title_en": "英文名称 Title in English", "disclosure": "公开级别 Disclosure",
    "srid": "坐标系 SRID of the table", "is_current": "是否现行 Whether the views show it",
}  # fmt: skip


def take_lock(connection: Connection, schema: str) -> None:
    """Take the lock of publishers of a schema until the transaction ends.

    Raises
    ------
    ConflictError
        When another publisher holds it; the message says which.
    """
    which = zlib.crc32(schema.encode()) - 2**31  # the half of a lock is a signed number of four bytes
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_WAIT_MS)))
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, which])
    except errors.LockNotAvailable:
        row = connection.execute(
            "SELECT a.pid, a.usename, a.client_addr, a.xact_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s::oid AND l.database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",
            [_LOCK],
        ).fetchone()
        who = (
            f"{row[1]} from {row[2] or 'this machine'}, since {row[3]:%H:%M:%S}, pid {row[0]}" if row else "just ended"
        )
        raise ConflictError(
            f"{schema}: got another publisher at work ({who}), expected one at a time. "
            "Nothing was changed; try again when it has ended."
        ) from None
    connection.execute("SET LOCAL lock_timeout = 0")


def make_register(connection: Connection, schema: str) -> None:
    """Make the register where it is not there, with its comments; readers may read it."""
    connection.execute(sql.SQL(_MAKE).format(sql.Identifier(schema, REGISTER)))
    told = "入库登记 What was loaded when, and what the views show"
    connection.execute(comments("TABLE", (schema, REGISTER), told, list(_TOLD.items())))
    grant_view(connection, schema, schema, REGISTER, ("reader",))


def has_register(connection: Connection, schema: str) -> bool:
    """Say whether something was published here before, whether or not the user may read it."""
    query = (
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s"
    )
    return connection.execute(query, [schema, REGISTER]).fetchone() is not None


def editions_there(connection: Connection, schema: str) -> list[str]:
    """Return the schemas of the editions that were loaded, the latest first."""
    name = sql.Identifier(schema, REGISTER)
    query = sql.SQL("SELECT schema_name FROM {} GROUP BY 1 ORDER BY max(loaded_at) DESC, 1 DESC").format(name)
    return [str(row[0]) for row in connection.execute(query).fetchall()]


def note(connection: Connection, edition: Edition, measured: Mapping[str, Measured], srids: Mapping[str, int]) -> None:
    """Enter the tables of an edition that was loaded; nothing shows them yet."""
    insert = sql.SQL(
        "INSERT INTO {} VALUES (%s, %s, %s, %s, transaction_timestamp(), %s, %s, %s, %s, %s, %s, %s, %s, false)"
    ).format(sql.Identifier(edition.schema, REGISTER))
    for table in edition.tables:
        is_loaded = measured[table.id]
        connection.execute(
            insert,
            [edition.name, table.id, table.version, edition.day, is_loaded.rows, is_loaded.area_m2, edition.program, edition.run,
             table.title.zh, table.title.en, table.disclosure, srids.get(table.id)],
        )  # fmt: skip


def make_current(connection: Connection, edition: Edition, *, is_whole: bool) -> None:
    """Enter that the views show the tables of an edition now; a whole edition leaves no layer of others."""
    name = sql.Identifier(edition.schema, REGISTER)
    layers = [table.id for table in edition.tables]
    forget = sql.SQL("UPDATE {} SET is_current = false WHERE is_current AND (%s OR layer = ANY(%s))").format(name)
    connection.execute(forget, [is_whole, layers])
    show = sql.SQL(
        "UPDATE {} SET is_current = true, loaded_at = transaction_timestamp() WHERE schema_name = %s"
    ).format(name)
    connection.execute(show, [edition.name])


def drop_old(connection: Connection, edition: Edition, keep: int) -> tuple[list[str], dict[str, str]]:
    """Drop the editions behind the `keep` latest that nothing shows or builds on; return those dropped, and why others stay."""
    dropped, staying = [], {}
    for schema in editions_there(connection, edition.schema)[keep:]:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_DROP_WAIT_MS)))
                if tables:
                    listed = sql.SQL(", ").join(sql.Identifier(schema, str(row[0])) for row in tables)
                    connection.execute(sql.SQL("DROP TABLE {} RESTRICT").format(listed))
                connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} RESTRICT").format(sql.Identifier(schema)))
                name = sql.Identifier(edition.schema, REGISTER)
                connection.execute(sql.SQL("DELETE FROM {} WHERE schema_name = %s").format(name), [schema])
            dropped.append(schema)
        except errors.DependentObjectsStillExist as error:
            staying[schema] = str(error.diag.message_detail).splitlines()[0]
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            staying[schema] = "somebody reads it"
    return dropped, staying


def srid_of(connection: Connection, crs: str) -> int:
    """Return the SRID of a CRS as the database knows it.

    Raises
    ------
    ConflictError
        When the database lacks it or `DEGREES`.
    """
    authority, _, code = crs.partition(":")
    number = int(code) if authority.upper() == "EPSG" and code.isdigit() else 0
    known = {
        row[0]
        for row in connection.execute(
            "SELECT srid FROM spatial_ref_sys WHERE srid = ANY(%s)", [[number, DEGREES]]
        ).fetchall()
    }
    if {number, DEGREES} - known:
        raise ConflictError(
            f"spatial_ref_sys: got no row of {crs} or EPSG:{DEGREES}, expected both. "
            "Name the plan's CRS by its EPSG code, and use a PostGIS that has CGCS2000 (3.0 or newer)."
        )
    return number


def edition_schemas(editions: Sequence[str], name: str) -> list[str]:
    """Return the schemas of all editions, the one at hand included."""
    return list(dict.fromkeys([*editions, name]))

"""Open the ledger's database: a SQLite file, or PostgreSQL by URL; brought up to date before anything is read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = "0004"  # the migration that this program's tables are
PATIENCE_S = 120.0  # how long a writer waits for another one
_WRITER = 7_305_120_000  # the lock in PostgreSQL that a writer holds: any number, if no other program's
_VERSION = sa.text("SELECT version_num FROM alembic_version")


@contextmanager
def open_ledger(where: Path | str) -> Iterator[sa.Connection]:
    """Open a ledger for one transaction of writing: all of it is kept, or nothing.

    Parameters
    ----------
    where
        The SQLite file, made where it is absent; or the URL of a PostgreSQL database (``postgresql://…``).

    Raises
    ------
    WorkspaceError
        When the database cannot be reached, is damaged, newer than this program, or held by another writer for longer
        than `PATIENCE_S` seconds.
    """
    with _told_plainly(where), _engine(where) as engine:
        migrate(engine)
        with engine.begin() as connection:
            yield connection


@contextmanager
def read_ledger(where: Path | str) -> Iterator[sa.Connection]:
    """Open a ledger for reading; a writer at work is not waited for.

    Raises
    ------
    WorkspaceError
        As for `open_ledger`.
    """
    with _told_plainly(where), _engine(where) as engine:
        migrate(engine)
        with engine.connect().execution_options(reading=True) as connection:
            yield connection


@contextmanager
def _told_plainly(where: Path | str) -> Iterator[None]:
    """Turn a database's error into one that says which ledger and what to do; a password is never shown."""
    name = where.name if isinstance(where, Path) else sa.make_url(where).render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.OperationalError as error:
        raise WorkspaceError(
            f"{name}: got {error.orig}, expected a free ledger that can be reached. Wait for the other run, then try again."
        ) from None
    except sa.exc.DatabaseError as error:
        raise WorkspaceError(
            f"{name}: got {error.orig}, expected a ledger. Restore it from a backup; nothing was written."
        ) from None


@contextmanager
def _engine(where: Path | str) -> Iterator[sa.Engine]:
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        url = sa.URL.create("sqlite", database=str(where))  # a folder's name may hold what an address may not
        engine = sa.create_engine(url, connect_args={"timeout": PATIENCE_S})
        sa.event.listen(engine, "connect", _plain_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        url = sa.make_url(where)
        if url.get_backend_name() != "postgresql":
            raise WorkspaceError(
                f"[database] url: got '{url.drivername}', expected postgresql://USER@HOST/DATABASE. Leave it out for SQLite."
            )
        try:
            engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 10})
        except ModuleNotFoundError:
            raise WorkspaceError(
                "[database] url: got no driver of PostgreSQL here, expected psycopg. Install GeoSys again, with all it needs."
            ) from None
        sa.event.listen(engine, "begin", _begin_postgresql)
    try:
        yield engine
    finally:
        engine.dispose()


def _plain_sqlite(connection: object, _: object) -> None:
    """Leave transactions to us: the driver would not put a change of tables into one."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(
        "PRAGMA synchronous=FULL"
    )  # what was said to be written survives a power cut; no WAL: shares have none
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin writing by taking the lock at once: two that read first and write then could only fail."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: sa.Connection) -> None:
    """Begin as SQLite does: one writer at a time, and readers see one moment however many questions they ask.

    Two writers who read first and write then would undo each other, or fail where one has only to wait.
    """
    if connection.get_execution_options().get("reading", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(PATIENCE_S * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


def migrate(engine: sa.Engine) -> None:
    """Bring a database up to this program's tables, all of it in one transaction.

    Raises
    ------
    WorkspaceError
        When a newer program has been at work on it.
    """
    with engine.connect().execution_options(reading=True) as connection:
        version = connection.execute(_VERSION).scalar() if _has(connection, "alembic_version") else None
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise WorkspaceError(
            f"ledger: got tables of version {version}, expected {HEAD} or older. A newer GeoSys wrote them: update this one."
        )
    from alembic import command  # noqa: PLC0415  needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        if _has(connection, "cases") and not _has(connection, "alembic_version"):
            command.stamp(config, "0001")  # made before there were migrations
        command.upgrade(config, "head")


def _has(connection: sa.Connection, table: str) -> bool:
    return bool(sa.inspect(connection).has_table(table))

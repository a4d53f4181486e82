"""Open the database of accounts, made where it is absent; one of a newer program is refused."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys.accounts.store.tables import ABOUT, GUARDS, METADATA, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS_FILE = "accounts.sqlite"  # below the workspace
Connection = sa.Connection  # for those who only pass one on
PATIENCE_S = 30.0  # how long a writer waits for another one
_WRITER = 7_305_120_009  # the lock in PostgreSQL that a writer of accounts holds


@dataclass(frozen=True, slots=True)
class Accounts:
    """Hold the open database of accounts; several programs may have it open at once.

    A transaction of writing takes the lock at its beginning: what it reads stays true until it writes.
    """

    engine: sa.Engine
    name: str

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one moment and writes nothing."""
        with _told_plainly(self.name), self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction of writing: all of it is kept, or nothing."""
        with _told_plainly(self.name), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def open_accounts(where: Path | str) -> Accounts:
    """Open the accounts of a file, or of a PostgreSQL database by URL (``postgresql://…``).

    Raises
    ------
    WorkspaceError
        When the database cannot be reached or is damaged, of another kind, or newer than this program.
    """
    name = where.name if isinstance(where, Path) else _shown(where)
    engine = _file_engine(where) if isinstance(where, Path) else _server_engine(where)
    accounts = Accounts(engine, name)
    try:
        with accounts.writing() as connection:
            _settle_version(connection, name)
    except WorkspaceError:
        engine.dispose()
        raise
    return accounts


def _shown(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        raise WorkspaceError(
            "accounts: got no address of a database, expected postgresql://USER@HOST/DATABASE."
        ) from None


def _settle_version(connection: sa.Connection, name: str) -> None:
    inspector = sa.inspect(connection)
    if not inspector.has_table(ABOUT.name):
        taken = [table for table in METADATA.tables if inspector.has_table(table)]
        if taken:
            raise WorkspaceError(
                f"{name}: got a database with tables {', '.join(taken)} of another program, expected an empty one or ours."
            )
        METADATA.create_all(connection)
        for statement in GUARDS[connection.dialect.name]:
            connection.exec_driver_sql(statement)
        connection.execute(sa.insert(ABOUT).values(id=1, version=VERSION))
        return
    version = connection.execute(sa.select(ABOUT.c.version)).scalar()
    if version is None or version > VERSION:
        raise WorkspaceError(
            f"{name}: got accounts of version {version}, expected {VERSION} or older. A newer GeoSys wrote them: update this one."
        )


@contextmanager
def _told_plainly(name: str) -> Iterator[None]:
    """Turn a database's error into one that says which it is and what to do."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise WorkspaceError(
            f"{name}: got {error.orig}, expected accounts that can be reached. Try again in a minute."
        ) from None
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DatabaseError as error:
        raise WorkspaceError(
            f"{name}: got {error.orig}, expected a database of accounts. Nothing was written."
        ) from None


def _file_engine(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)  # hashes of passwords are nobody else's business
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE_S}, pool_size=8, max_overflow=16)
    sa.event.listen(engine, "connect", _settle_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _settle_sqlite(connection: object, _: object) -> None:
    """Leave transactions to us; readers do not wait for a writer, and what was said to be written survives a power cut."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _server_engine(where: str) -> sa.Engine:
    url = sa.make_url(where)
    if url.get_backend_name() != "postgresql":
        raise WorkspaceError(
            f"accounts: got '{url.drivername}', expected postgresql://USER@HOST/DATABASE, or nothing for the workspace's file."
        )
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": 10},
        pool_size=8,
        max_overflow=16,
        pool_pre_ping=True,
    )
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("reading", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(PATIENCE_S * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

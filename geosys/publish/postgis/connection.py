"""Connect to PostgreSQL: the one door to psycopg. A password comes from the environment or from .pgpass, and is never told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import Composed

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Composed", "Connection", "connect", "database_named", "errors", "is_possible", "sql"]

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
PATIENCE_S = 10  # for the server's first answer
_SCHEMES = ("postgresql://", "postgres://")
_FORM = "postgresql://USER@HOST/DATABASE"
_SECRETS = ("password", "sslpassword")
_LACKING = (  # a right, a file of an extension, a setting that this version or system has not
    errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile, errors.UndefinedObject, errors.InvalidParameterValue,
)  # fmt: skip


def database_named(url: str) -> dict[str, Any]:
    """Return the parts of a database's URL.

    Raises
    ------
    WorkspaceError
        When it is no such URL, names no database, or holds a password; the message repeats nothing of it.

    Examples
    --------
    >>> database_named("postgresql://platform@10.1.2.3:5433/one_map")["dbname"]
    'one_map'
    """
    try:
        parts = dict(conninfo_to_dict(url)) if url.startswith(_SCHEMES) else {}
    except psycopg.ProgrammingError:  # its text would repeat the URL, with what may be a password
        parts = {}
    if any(secret in parts for secret in _SECRETS):
        raise WorkspaceError(
            f"URL: got one with a password, expected {_FORM}. Others on this machine can read a command: "
            "put the password into .pgpass or the environment variable PGPASSWORD, and change it, for it has been shown."
        )
    if not parts.get("dbname"):
        raise WorkspaceError(f"URL: got none of a database, expected {_FORM}.")
    return parts


def told_name(parts: dict[str, Any]) -> str:
    """Return how messages call a database: host, port and name."""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{parts.get('host', 'localhost')}{port}/{parts['dbname']}"


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """Connect to a database by URL; what was not committed is undone at the end.

    Raises
    ------
    WorkspaceError
        When the URL is none, the server does not answer or does not let the user in, or the connection is lost.
    """
    parts = database_named(url)
    name = told_name(parts)
    try:
        connection = psycopg.connect(
            **{"connect_timeout": PATIENCE_S, "application_name": "geosys publish", **parts, "client_encoding": "UTF8"}
        )
    except psycopg.Error as error:
        raise WorkspaceError(
            f"{name}: got '{_first_line(error)}', expected a PostgreSQL server that lets this user in. "
            "Check host, port, database and user; the password is taken from .pgpass or PGPASSWORD."
        ) from None
    try:
        yield connection
    except psycopg.Error as error:
        raise WorkspaceError(
            f"{name}: got '{_first_line(error)}', expected a server that does what it is told. "
            "What was under way was undone; see with --preview what is there, and try again."
        ) from error
    finally:
        connection.close()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def is_possible(connection: Connection, statement: Composed | sql.SQL) -> bool:
    """Do something that the user may lack the right to, or the server the means; return whether it was done."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except _LACKING:
        return False
    return True

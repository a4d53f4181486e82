"""Who may read what in the database: an owner, readers, and the public, who get only what is public; checked before each swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import DisclosureError, WorkspaceError
from geosys.publish.postgis.connection import errors, is_possible, sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.publish.postgis.connection import Connection

ROLES = ("owner", "reader", "public")


def role_of(schema: str, which: str) -> str:
    """Return the name of a role of a published schema; roles belong to the whole server, so that each schema has its own.

    Examples
    --------
    >>> role_of("geosys", "reader")
    'geosys_reader'
    """
    return f"{schema}_{which}"


def require_roles(connection: Connection, schema: str) -> None:
    """Make the roles that are not there, and see that the user may act as their owner.

    Raises
    ------
    WorkspaceError
        With the statements an administrator must run, where the user may not.
    """
    user = str((connection.execute("SELECT current_user").fetchone() or ("",))[0])
    missing = [role for role in (role_of(schema, which) for which in ROLES) if not _is_there(connection, role)]
    lacking = []
    for role in missing:
        statement = sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role))
        try:
            is_made = is_possible(connection, statement)
        except (errors.DuplicateObject, errors.UniqueViolation):  # a publisher in another database was faster
            is_made = True
        if not is_made:
            lacking.append(f'CREATE ROLE "{role}" NOLOGIN;')
    owner = sql.Identifier(role_of(schema, "owner"))
    if not lacking and not is_possible(connection, sql.SQL("SET LOCAL ROLE {}").format(owner)):
        is_possible(connection, sql.SQL("GRANT {} TO {}").format(owner, sql.Identifier(user)))
    connection.execute("RESET ROLE")
    if lacking or not is_possible(connection, sql.SQL("SET LOCAL ROLE {}").format(owner)):
        lacking.append(f'GRANT "{role_of(schema, "owner")}" TO "{user}";')
    connection.execute("RESET ROLE")
    if lacking:
        raise WorkspaceError(
            f"roles: got a user '{user}' who may not act as {role_of(schema, 'owner')}, expected one who may. "
            f"Have an administrator of the server run once: {' '.join(lacking)}"
        )


def _is_there(connection: Connection, role: str) -> bool:
    return connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def require_schema(connection: Connection, base: str, schema: str) -> None:
    """Make a schema of the owner where it is not there.

    Raises
    ------
    WorkspaceError
        When it belongs to somebody else, or the user may not make schemas.
    """
    owner = role_of(base, "owner")
    query = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s"
    row = connection.execute(query, [schema]).fetchone()
    if row is not None and row[0] != owner:
        raise WorkspaceError(
            f"--schema: got '{schema}', which belongs to '{row[0]}', expected one of {owner} or none. "
            "Name another with --schema, so that nobody's tables are touched."
        )
    made = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), sql.Identifier(owner))
    if row is None and not is_possible(connection, made):
        database = str((connection.execute("SELECT current_database()").fetchone() or ("",))[0])
        user = str((connection.execute("SELECT current_user").fetchone() or ("",))[0])
        raise WorkspaceError(
            f"{database}: got a user who may not make schemas, expected one who may. "
            f'Have its owner run once: GRANT CREATE ON DATABASE "{database}" TO "{user}";'
        )


def grant_schema(connection: Connection, base: str, schema: str, readers: Sequence[str]) -> None:
    """Let readers look into a schema, and nobody else."""
    connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(sql.Identifier(schema)))
    for which in readers:
        role = sql.Identifier(role_of(base, which))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))


def grant_view(connection: Connection, base: str, schema: str, view: str, readers: Sequence[str]) -> None:
    """Let readers read a view, and nobody else of our roles: not the public what was public once."""
    name = sql.Identifier(schema, view)
    statements = [sql.SQL("REVOKE ALL ON {} FROM PUBLIC").format(name)]
    for which in ROLES[1:]:
        role = sql.Identifier(role_of(base, which))
        statement = sql.SQL("GRANT SELECT ON {} TO {}" if which in readers else "REVOKE ALL ON {} FROM {}")
        statements.append(statement.format(name, role))
    connection.execute(sql.SQL("; ").join(statements))


def check_closed(connection: Connection, base: str, schemas: Sequence[str]) -> None:
    """Raise where the public can read anything in schemas that are not for it, by whatever grant or membership.

    Raises
    ------
    DisclosureError
        Naming what can be read.
    """
    role = role_of(base, "public")
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND has_any_column_privilege(%s, c.oid, 'SELECT') ORDER BY 1",
        [list(schemas), role],
    ).fetchall()
    if rows:
        named = ", ".join(str(row[0]) for row in rows[:5])
        raise DisclosureError(
            f"{role}: got the right to read {named}{' …' if len(rows) > 5 else ''}, expected none beyond what is public. "  # noqa: PLR2004
            "Take that right or membership from it; nothing was changed."
        )

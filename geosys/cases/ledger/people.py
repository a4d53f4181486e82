"""People who confirm what others decide: their office and role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys.cases.ledger.tables import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Collection


def enter_person(
    connection: sa.Connection, name: str, office: str, role: str, roles: Collection[str], *, is_active: bool = True
) -> None:
    """Enter a person, or change the office and role of one who is there.

    Raises
    ------
    WorkspaceError
        When the name is empty or the role is none of `cases/workflow.toml`.
    """
    name = name.strip()
    if not name:
        raise WorkspaceError("person: got no name, expected one.")
    if role not in roles:
        raise WorkspaceError(f"person {name}: got the role '{role}', expected one of {', '.join(roles)}.")
    values = {"office": office, "role": role, "is_active": is_active}
    changed = connection.execute(sa.update(PEOPLE).where(PEOPLE.c.name == name).values(values))
    if not changed.rowcount:
        connection.execute(sa.insert(PEOPLE).values(name=name, **values))


def roles_of(connection: sa.Connection, name: str) -> set[str]:
    """Return the roles of a person who is active; none of one who is unknown."""
    chosen = sa.select(PEOPLE.c.role).where(PEOPLE.c.name == name.strip(), PEOPLE.c.is_active.is_(True))
    return set(connection.execute(chosen).scalars())


def read_people(connection: sa.Connection) -> pd.DataFrame:
    """Return all people by name: `name`, `office`, `role`, `is_active`."""
    rows = connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.name)).mappings()
    return pd.DataFrame([dict(row) for row in rows], columns=[c.name for c in PEOPLE.columns])

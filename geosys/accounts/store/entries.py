"""The entries of accounts: added, changed, locked and removed; the last administrator stays."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from geosys._errors import GeoSysError
from geosys._schema import DISCLOSURES
from geosys.accounts.store.tables import ACCOUNTS, SESSIONS, TOKENS, moment
from geosys.accounts.viewer import ROLES, Viewer

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

_NAME = re.compile(r"[^\W_][\w.@-]{0,63}")  # letters of any script, digits; no blank, no control character
_RESERVED = ("local", "nobody")
_COUNTY = re.compile(r"\d{6}")


class AccountError(GeoSysError):
    """An account cannot be what was asked for."""


@dataclass(frozen=True, slots=True)
class Account:
    """Hold one account: who it is, what it may, whether it has a password and is locked."""

    viewer: Viewer
    has_password: bool
    is_locked: bool
    made_at: str


def folded(name: str) -> str:
    """Return a name as names are compared: case and width of letters do not count."""
    return unicodedata.normalize("NFKC", name).casefold()


def add_account(connection: sa.Connection, viewer: Viewer, password: str | None, now: dt.datetime) -> None:
    """Add an account; `password` is a hash, None for one that has tokens only. The first one must be an administrator.

    Raises
    ------
    AccountError
        When the name is taken, is no name, or role, audience or binding are not what they may be.
    """
    _check(viewer)
    if _row(connection, viewer.name) is not None:
        raise AccountError(f"account: got {viewer.name!r}, expected a name that is free: one like it is there.")
    if not exist(connection) and (viewer.role != ROLES[-1] or password is None):
        raise AccountError(
            f"account {viewer.name}: got {viewer.role} as the first account, expected an administrator with a password. "
            "From the first account on nobody is let in without one: add the administrator first."
        )
    connection.execute(
        sa.insert(ACCOUNTS).values(
            name=viewer.name, folded=folded(viewer.name), password=password, is_locked=False, made_at=moment(now), **_bound(viewer)
        )
    )  # fmt: skip


def change_account(connection: sa.Connection, viewer: Viewer) -> None:
    """Give an account another role, audience or binding; its sessions and tokens have it from the next request on.

    Raises
    ------
    AccountError
        As `add_account`; also when it is unknown or would be the last administrator no more.
    """
    _check(viewer)
    kept = account_named(connection, viewer.name)
    if viewer.role != ROLES[-1]:
        _keep_an_administrator(connection, kept, "given another role")
    connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == kept.viewer.name).values(**_bound(viewer)))


def set_password(connection: sa.Connection, name: str, password: str) -> None:
    """Give an account another password (its hash); every session of it ends."""
    kept = account_named(connection, name).viewer.name
    connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == kept).values(password=password))
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.account == kept))


def lock_account(connection: sa.Connection, name: str, *, is_locked: bool) -> None:
    """Lock an account, so that neither password, session nor token lets it in, or undo that; locking ends its sessions."""
    kept = account_named(connection, name)
    if is_locked:
        _keep_an_administrator(connection, kept, "locked")
        connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.account == kept.viewer.name))
    connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == kept.viewer.name).values(is_locked=is_locked))


def remove_account(connection: sa.Connection, name: str) -> None:
    """Remove an account with its sessions and tokens; the access log keeps what it did."""
    kept = account_named(connection, name)
    _keep_an_administrator(connection, kept, "removed")
    for table in (SESSIONS, TOKENS):
        connection.execute(sa.delete(table).where(table.c.account == kept.viewer.name))
    connection.execute(sa.delete(ACCOUNTS).where(ACCOUNTS.c.name == kept.viewer.name))


def exist(connection: sa.Connection) -> bool:
    """Say whether there is any account."""
    return connection.execute(sa.select(ACCOUNTS.c.name).limit(1)).first() is not None


def read_accounts(connection: sa.Connection) -> list[Account]:
    """Return all accounts by name."""
    return [_account(row) for row in connection.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.name)).mappings()]


def account_named(connection: sa.Connection, name: str) -> Account:
    """Return an account; case and width of the name's letters do not count.

    Raises
    ------
    AccountError
        When there is none.
    """
    row = _row(connection, name)
    if row is None:
        raise AccountError(f"account: got {name!r}, expected one of those of 'geosys users list'.")
    return _account(row)


def password_of(connection: sa.Connection, name: str) -> tuple[Account | None, str | None]:
    """Return an account that may log in and the hash of its password; None and None for every other name."""
    row = _row(connection, name)
    return (None, None) if row is None or row["is_locked"] else (_account(row), row["password"])


def _row(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.folded == folded(name))).mappings().first()


def _account(row: Any) -> Account:
    viewer = Viewer(
        row["name"],
        row["role"],
        frozenset(json.loads(row["offices"])),
        frozenset(json.loads(row["counties"])),
        row["audience"],
    )
    return Account(viewer, row["password"] is not None, bool(row["is_locked"]), row["made_at"])


def _bound(viewer: Viewer) -> dict[str, str]:
    """Return the columns that say what an account may."""
    lists = {"offices": _listed(viewer.offices), "counties": _listed(viewer.counties)}
    return {"role": viewer.role, "audience": viewer.audience, **lists}


def _listed(words: Iterable[str]) -> str:
    return json.dumps(sorted(words), ensure_ascii=False)


def _check(viewer: Viewer) -> None:
    name = f"account {viewer.name!r}"
    if not _NAME.fullmatch(viewer.name) or folded(viewer.name) in _RESERVED:
        raise AccountError(f"{name}: expected 1 to 64 letters, digits or . _ - @, none of {', '.join(_RESERVED)}.")
    if viewer.role not in ROLES:
        raise AccountError(f"{name}: got the role '{viewer.role}', expected one of {', '.join(ROLES)}.")
    if viewer.audience not in DISCLOSURES:
        raise AccountError(f"{name}: got the audience '{viewer.audience}', expected one of {', '.join(DISCLOSURES)}.")
    wrong = sorted(code for code in viewer.counties if not _COUNTY.fullmatch(code))
    if wrong:
        raise AccountError(f"{name}: got the county {wrong[0]!r}, expected six digits as 410202.")


def _keep_an_administrator(connection: sa.Connection, account: Account, done: str) -> None:
    """Refuse what would leave no administrator who can log in."""
    others = [
        a
        for a in read_accounts(connection)
        if a.viewer.role == ROLES[-1] and a.has_password and not a.is_locked and a.viewer.name != account.viewer.name
    ]
    if account.viewer.role == ROLES[-1] and not account.is_locked and not others:
        raise AccountError(
            f"account {account.viewer.name}: got the last administrator to be {done}, expected another one to be there. "
            "Add or unlock another administrator first."
        )

"""Tokens of programs: 256 random bits shown once, kept as their SHA-256, bound to operations and a day."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys.accounts.store.entries import AccountError, account_named
from geosys.accounts.store.tables import ACCOUNTS, TOKENS, moment, since
from geosys.accounts.viewer import OPERATIONS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from geosys.accounts.viewer import Viewer

PREFIX = "geosys_"  # so that a token in a file that should not hold one is found by searching
RANDOM_BYTES = 32
MOST_DAYS = 366
USE_IS_KEPT_S = 60.0  # last use is written down once a minute, not with every request


@dataclass(frozen=True, slots=True)
class Token:
    """Hold what may be told of a token: everything but its secret."""

    token_id: str
    account: str
    title: str
    scopes: tuple[str, ...]
    made_at: str
    expires_at: str
    used_at: str | None
    revoked_at: str | None


def digest_of(secret: str) -> str:
    """Return what is kept of a secret of 256 random bits: nobody finds it by trying, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_token(
    connection: sa.Connection, name: str, title: str, scopes: Collection[str], expires_at: dt.datetime, now: dt.datetime
) -> tuple[Token, str]:
    """Make a token of an account; the secret in the answer is not kept and cannot be shown again.

    Raises
    ------
    AccountError
        When the account is unknown, a scope is no operation, or the day is past or more than a year away.
    """
    account = account_named(connection, name).viewer.name
    unknown = sorted(set(scopes) - set(OPERATIONS))
    if unknown or not scopes:
        raise AccountError(
            f"token: got the scope {unknown[0] if unknown else ''!r}, expected some of {', '.join(OPERATIONS)}."
        )
    days = (expires_at - now).total_seconds() / 86400
    if not 0 < days <= MOST_DAYS:
        raise AccountError(f"token: got {days:.0f} days, expected 1 to {MOST_DAYS}. Make a new one when it ends.")
    secret, token_id = PREFIX + secrets.token_urlsafe(RANDOM_BYTES), secrets.token_hex(4)
    ordered = tuple(op for op in OPERATIONS if op in scopes or op == "read")  # nothing is done to what may not be read
    token = Token(token_id, account, title, ordered, moment(now), moment(expires_at), None, None)
    values = {"scopes": json.dumps(ordered), "digest": digest_of(secret)}
    kept = {name: getattr(token, name) for name in Token.__slots__ if name != "scopes"}
    connection.execute(sa.insert(TOKENS).values(**kept, **values))
    return token, secret


def viewer_of_token(connection: sa.Connection, secret: str, now: dt.datetime) -> tuple[Viewer, Token] | None:
    """Return who a token speaks for, with its scopes; None when it is unknown, revoked, past its day, or its account is locked."""
    row = connection.execute(sa.select(TOKENS).where(TOKENS.c.digest == digest_of(secret))).mappings().first()
    if row is None or row["revoked_at"] is not None or row["expires_at"] <= moment(now):
        return None
    account = account_named(connection, row["account"])
    token = _token(row)
    return None if account.is_locked else (replace(account.viewer, scopes=frozenset(token.scopes)), token)


def is_use_due(token: Token, now: dt.datetime) -> bool:
    """Say whether the last use that is written down is old enough to be renewed."""
    return token.used_at is None or since(token.used_at, now) >= USE_IS_KEPT_S


def note_use(connection: sa.Connection, token_id: str, now: dt.datetime) -> None:
    """Write down that a token was used."""
    connection.execute(sa.update(TOKENS).where(TOKENS.c.token_id == token_id).values(used_at=moment(now)))


def revoke_token(connection: sa.Connection, token_id: str, now: dt.datetime) -> None:
    """End a token for good; its row stays, so that the log can still be read.

    Raises
    ------
    AccountError
        When there is none of this id.
    """
    chosen = TOKENS.c.token_id == token_id
    if connection.execute(sa.select(TOKENS.c.token_id).where(chosen)).first() is None:
        raise AccountError(f"token: got {token_id!r}, expected an id of 'geosys users token list'.")
    connection.execute(sa.update(TOKENS).where(chosen, TOKENS.c.revoked_at.is_(None)).values(revoked_at=moment(now)))


def read_tokens(connection: sa.Connection, name: str | None = None) -> list[Token]:
    """Return the tokens of an account, or all, by account and age."""
    chosen = sa.select(TOKENS).order_by(TOKENS.c.account, TOKENS.c.made_at, TOKENS.c.token_id)
    if name is not None:
        chosen = chosen.where(TOKENS.c.account == account_named(connection, name).viewer.name)
    return [
        _token(row)
        for row in connection.execute(chosen.where(TOKENS.c.account.in_(sa.select(ACCOUNTS.c.name)))).mappings()
    ]


def _token(row: sa.RowMapping) -> Token:
    kept = {name: row[name] for name in Token.__slots__ if name != "scopes"}
    return Token(**kept, scopes=tuple(json.loads(row["scopes"])))

"""Sessions of people: a random id that only the cookie knows, ended by leaving, idleness, age or another password."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys.accounts.store.entries import account_named
from geosys.accounts.store.tables import SESSIONS, moment, since
from geosys.accounts.store.tokens import digest_of

if TYPE_CHECKING:
    from geosys.accounts.viewer import Viewer

USE_IS_KEPT_S = 30.0


@dataclass(frozen=True, slots=True)
class Lives:
    """Hold how long a session lasts: without a request, and at all."""

    idle_s: float = 30 * 60.0
    absolute_s: float = 12 * 3600.0


def begin_session(connection: sa.Connection, name: str, now: dt.datetime, lives: Lives, old: str = "") -> str:
    """Begin a session of somebody who just proved who he is and return its secret; an `old` one of the same browser ends.

    A secret that was there before the login never becomes one that counts.
    """
    end_session(connection, old)
    past = moment(now - dt.timedelta(seconds=lives.absolute_s))
    idle = moment(now - dt.timedelta(seconds=lives.idle_s))
    connection.execute(sa.delete(SESSIONS).where((SESSIONS.c.begun_at <= past) | (SESSIONS.c.used_at <= idle)))
    secret = secrets.token_urlsafe(32)
    account = account_named(connection, name).viewer.name
    values = {"digest": digest_of(secret), "account": account, "begun_at": moment(now), "used_at": moment(now)}
    connection.execute(sa.insert(SESSIONS).values(**values))
    return secret


def viewer_of_session(
    connection: sa.Connection, secret: str, now: dt.datetime, lives: Lives
) -> tuple[Viewer, bool] | None:
    """Return whose session it is, and whether its use is to be written down; None when there is none or it has ended."""
    row = connection.execute(sa.select(SESSIONS).where(SESSIONS.c.digest == digest_of(secret))).mappings().first()
    if row is None or since(row["begun_at"], now) >= lives.absolute_s or since(row["used_at"], now) >= lives.idle_s:
        return None
    account = account_named(connection, row["account"])
    return (
        None
        if account.is_locked
        else (account.viewer, since(row["used_at"], now) >= min(USE_IS_KEPT_S, lives.idle_s / 4))
    )


def note_session(connection: sa.Connection, secret: str, now: dt.datetime) -> None:
    """Write down that a session was used; one that has ended meanwhile stays ended."""
    connection.execute(sa.update(SESSIONS).where(SESSIONS.c.digest == digest_of(secret)).values(used_at=moment(now)))


def end_session(connection: sa.Connection, secret: str) -> None:
    """End a session; one that is not there is none."""
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.digest == digest_of(secret)))


def form_secret(session: str) -> str:
    """Return what a form of a session must carry: known to pages we gave to the session, not to another site's."""
    return hashlib.sha256(f"form {session}".encode("utf-8", "surrogatepass")).hexdigest()


def is_form_secret(given: str, session: str) -> bool:
    """Say whether a form carries the secret of its session."""
    return bool(session) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), form_secret(session).encode())

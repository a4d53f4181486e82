"""Let somebody in by name and password: one answer for every way to be wrong, and the same work for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.accounts.passwords import check_password, hash_password, is_password
from geosys.accounts.store.access_log import Access, append_accesses
from geosys.accounts.store.entries import password_of, set_password
from geosys.accounts.store.failures import forget_failures, is_refused, keys_of, note_failure
from geosys.accounts.store.sessions import begin_session, end_session

if TYPE_CHECKING:
    import datetime as dt

    from geosys.accounts.store.database import Accounts
    from geosys.accounts.store.sessions import Lives


def log_in(
    accounts: Accounts, name: str, password: str, address: str, now: dt.datetime, lives: Lives, old: str = ""
) -> str | None:
    """Return the secret of a new session, or None: unknown, locked, waiting after failures, or the wrong password.

    In each case one hash is computed and one transaction written, so that the time tells no more than the answer.
    """
    account = _proved(accounts, name, password, address, now)
    with accounts.writing() as connection:
        if account is None:
            append_accesses(
                connection, [Access(keys_of(name, address)["account"], "login_refused", address=address)], now
            )
            return None
        append_accesses(connection, [Access(account, "login", address=address)], now)
        return begin_session(connection, account, now, lives, old)


def change_password(
    accounts: Accounts, name: str, current: str, new: str, address: str, now: dt.datetime, lives: Lives
) -> str | None:  # fmt: skip
    """Give somebody who knows his password another one and return the secret of a new session; all others of his end.

    Raises
    ------
    PasswordError
        When the new one is none.
    """
    account = _proved(accounts, name, current, address, now)
    if account is None:
        return None
    check_password(new, account)
    hashed = hash_password(new)
    with accounts.writing() as connection:
        set_password(connection, account, hashed)
        append_accesses(connection, [Access(account, "password_changed", address=address)], now)
        return begin_session(connection, account, now, lives)


def log_out(accounts: Accounts, name: str, session: str, address: str, now: dt.datetime) -> None:
    """End a session."""
    with accounts.writing() as connection:
        end_session(connection, session)
        append_accesses(connection, [Access(name, "logout", address=address)], now)


def _proved(accounts: Accounts, name: str, password: str, address: str, now: dt.datetime) -> str | None:
    """Return the account's name if the password is its own and nobody must wait; failures are counted."""
    keys = keys_of(name, address)
    with accounts.reading() as connection:
        waits = is_refused(connection, keys, now)
        account, kept = password_of(connection, keys["account"])
    is_right = is_password(password, None if waits else kept)
    with accounts.writing() as connection:
        # Others may have failed while the hash was computed: many guesses at once must not count as one.
        waits = waits or is_refused(connection, keys, now)
        if is_right and not waits:
            still, now_kept = password_of(connection, keys["account"])
            is_right = still is not None and now_kept == kept
        if waits:
            return None
        if is_right and account is not None:
            forget_failures(connection, {"account": keys["account"]})  # the address may still be guessing at others
            return account.viewer.name
        note_failure(connection, keys, now)
        return None

"""Failed logins: after a few the account or the address waits, longer each time; told to nobody as such."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys.accounts.store.entries import folded
from geosys.accounts.store.tables import FAILURES, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

FORGOTTEN_AFTER = {
    "account": dt.timedelta(days=1),
    "address": dt.timedelta(hours=1),
}  # many people may share an address
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Patience:
    """Hold how many failures are free, how long the first wait is, and the longest; each failure doubles the wait."""

    free: int
    first_s: float
    longest_s: float

    def wait_s(self, count: int) -> float:
        """Return how long to wait after so many failures in a row.

        Examples
        --------
        >>> [Patience(5, 30.0, 900.0).wait_s(n) for n in (4, 5, 6, 7, 30)]
        [0.0, 30.0, 60.0, 120.0, 900.0]
        """
        if count < self.free:
            return 0.0
        return float(min(self.first_s * 2 ** min(count - self.free, _MOST_DOUBLINGS), self.longest_s))


PATIENCE = {"account": Patience(5, 30.0, 900.0), "address": Patience(20, 30.0, 3600.0)}


def keys_of(name: str, address: str) -> dict[str, str]:
    """Return what failures are counted by; a name is cut and cleaned, so that a stranger cannot fill the table with long ones."""
    return {"account": "".join(c for c in folded(name[:64]) if c.isprintable())[:64], "address": address[:64]}


def is_refused(connection: sa.Connection, keys: Mapping[str, str], now: dt.datetime) -> bool:
    """Say whether the account or the address must still wait."""
    for kind, key in keys.items():
        chosen = sa.select(FAILURES.c.refused_until).where(FAILURES.c.kind == kind, FAILURES.c.key == key)
        until = connection.execute(chosen).scalar()
        if until is not None and until > moment(now):
            return True
    return False


def note_failure(connection: sa.Connection, keys: Mapping[str, str], now: dt.datetime) -> None:
    """Count a failure for the account (known or not) and the address; old ones are forgotten."""
    for kind, key in keys.items():
        past = FAILURES.c.last_at <= moment(now - FORGOTTEN_AFTER[kind])
        connection.execute(sa.delete(FAILURES).where(FAILURES.c.kind == kind, past))
        chosen = (FAILURES.c.kind == kind) & (FAILURES.c.key == key)
        count = int(connection.execute(sa.select(FAILURES.c.count).where(chosen)).scalar() or 0) + 1
        wait = dt.timedelta(seconds=PATIENCE[kind].wait_s(count))
        until = moment(now + wait) if wait else ""
        values = {"count": count, "last_at": moment(now), "refused_until": until}
        if count > 1:
            connection.execute(sa.update(FAILURES).where(chosen).values(**values))
        else:
            connection.execute(sa.insert(FAILURES).values(kind=kind, key=key, **values))


def forget_failures(connection: sa.Connection, keys: Mapping[str, str]) -> None:
    """Forget the failures of what just proved itself, or was unlocked."""
    for kind, key in keys.items():
        connection.execute(sa.delete(FAILURES).where(FAILURES.c.kind == kind, FAILURES.c.key == key))

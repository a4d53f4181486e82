"""The day each closed case was closed on, read from the events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from geosys.cases.ledger.tables import CASES, EVENTS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection


def closing_days(
    connection: sa.Connection, settled: Collection[str], day: dt.date | None = None
) -> dict[str, dt.date]:  # fmt: skip
    """Return the day on which each case that is in a settled state came to one.

    A case that went from one settled state to another (closed, looked back on, confirmed) keeps the first day; one that
    was reopened has none until it is closed again.

    Parameters
    ----------
    settled
        The states that count as closed.
    day
        The evening up to which events count (default: all of them).
    """
    chosen = sa.select(EVENTS.c.case_id, EVENTS.c.happened_on, EVENTS.c.changes).order_by(EVENTS.c.sequence)
    chosen = chosen.where(EVENTS.c.changes.contains('"status":', autoescape=True))
    if day is None:
        chosen = chosen.where(EVENTS.c.case_id.in_(sa.select(CASES.c.case_id).where(CASES.c.status.in_(settled))))
    else:
        chosen = chosen.where(EVENTS.c.happened_on <= day)
    closed: dict[str, dt.date] = {}
    for case_id, on, changes in connection.execute(chosen):
        told = json.loads(changes)
        if "status" not in told:
            continue
        if told["status"][1] in settled:
            closed.setdefault(case_id, on)
        else:
            closed.pop(case_id, None)
    return closed

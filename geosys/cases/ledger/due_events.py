"""What people decided on due dates, read from the events: the last decision of each case, and how often it was extended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from geosys.cases.ledger.tables import EVENTS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

FIELD = "assigned_due_on"
COLUMNS = ("case_id", "actor", "happened_on", "kind", "move", "reason", "source", "extended")


def due_decisions(
    connection: sa.Connection, counts_anew: Collection[str], *, case_id: str | None = None, day: dt.date | None = None
) -> pd.DataFrame:
    """Return the last event of each case that set its due date, and how many extensions there were.

    Parameters
    ----------
    counts_anew
        States on reaching which extensions are counted anew, as `cases/workflow.toml` says.
    case_id
        The case to look at (default: all).
    day
        The evening up to which events count (default: all of them).

    Returns
    -------
    `COLUMNS`, a row for each case with such an event; `source` is a mapping.
    """
    kept = [] if case_id is None else [EVENTS.c.case_id == case_id]
    kept += [] if day is None else [EVENTS.c.happened_on <= day]
    names = ("case_id", "actor", "happened_on", "kind", "changes", "reason", "source")
    chosen = sa.select(*(EVENTS.c[name] for name in names)).where(_changes(FIELD), *kept).order_by(EVENTS.c.sequence)
    last = {row["case_id"]: dict(row) for row in connection.execute(chosen).mappings()}
    counted = _extensions(connection, counts_anew, kept)
    for case, event in last.items():
        event["move"] = json.loads(event.pop("changes")).get("move", ("", ""))[1]
        event["source"] = json.loads(event["source"])
        event["extended"] = counted.get(case, 0)
    return pd.DataFrame(list(last.values()), columns=list(COLUMNS))


def _changes(field: str) -> sa.ColumnElement[bool]:
    return EVENTS.c.changes.contains(f'"{field}":', autoescape=True)


def _extensions(
    connection: sa.Connection, counts_anew: Collection[str], kept: Sequence[sa.ColumnElement[bool]]
) -> dict[str, int]:
    """Return how often each case was extended since it last came to a state that counts anew."""
    extended = sa.select(EVENTS.c.case_id).where(EVENTS.c.kind == "extend")
    chosen = sa.select(EVENTS.c.case_id, EVENTS.c.kind, EVENTS.c.changes).order_by(EVENTS.c.sequence)
    counted: dict[str, int] = {}
    for case, kind, changes in connection.execute(
        chosen.where(EVENTS.c.case_id.in_(extended), sa.or_(EVENTS.c.kind == "extend", _changes("status")), *kept)
    ):
        anew = json.loads(changes).get("status", ("", ""))[1] in counts_anew
        counted[case] = 0 if anew else counted.get(case, 0) + (kind == "extend")
    return counted

"""The findings of the last run as their cases stand now: states and due dates that people have moved since."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.cases.workflow import all_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

_DAYS = ("due_on", "found_on")


def findings_now(
    findings: gpd.GeoDataFrame, agenda: pd.DataFrame, workflow: Mapping[str, Any]
) -> tuple[gpd.GeoDataFrame, frozenset[str]]:
    """Return findings with state, due date and *seen* of their cases, and the ids of those that are other than the run wrote.

    Parameters
    ----------
    findings
        As the last run wrote them: `case_id`, `status`, `seen`, `due_on`, `found_on` (dates as ISO text or nothing).
    agenda
        The cases by their id, as `cases.todo.agenda` gives them.

    Returns
    -------
    Dates as dates; a finding without a case, or with one that the ledger lacks, stays as it is.
    """
    shown = {name: state.shown_as for name, state in all_states(workflow).items()}
    told = {column: [_day(value) for value in findings[column]] for column in _DAYS if column in findings}
    frame = findings.assign(
        **{name: pd.Series(days, index=findings.index, dtype=object) for name, days in told.items()}
    )
    columns = {name: frame[name].astype(object).to_numpy(copy=True) for name in ("status", "seen", "due_on")}
    moved = []
    known = agenda.to_dict("index") if len(agenda) else {}
    for at, (case, name) in enumerate(zip(frame["case_id"], frame["finding_id"], strict=True)):
        row = known.get(case)
        if row is None:
            continue
        now = {"status": shown.get(row["status"], row["status"]), "seen": row["seen"], "due_on": _day(row["due_on"])}
        if any(columns[key][at] != value for key, value in now.items()):
            moved.append(str(name))
        for key, value in now.items():
            columns[key][at] = value
    return frame.assign(**columns), frozenset(moved)


def _day(value: Any) -> dt.date | None:
    """Return a day of a cell; None for what is none."""
    if isinstance(value, dt.datetime | np.datetime64):
        value = pd.Timestamp(value).date()
    if isinstance(value, dt.date) and not pd.isna(value):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None

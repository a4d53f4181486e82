"""Legal deadlines of plots: when each is due, whether it was met, by how many days not, and what is missing to say so."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.cases.plot_stages import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.cases.plot_life import Deadline, PlotLife, PlotList

DONE, LATE, OPEN, SOON, OVERDUE, UNKNOWN = "done", "done_late", "open", "due_soon", "overdue", "unknown"
COLUMNS = ("row", "deadline", "state", "due_on", "done_on", "overdue_days", "missing", "contradicts")


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold one deadline of one plot: state, day due and done, days over it, fields missing, fields that contradict."""

    state: str
    due_on: dt.date | None = None
    done_on: dt.date | None = None
    overdue_days: int = 0
    missing: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()


def deadlines_of(
    kept: PlotList, frame: pd.DataFrame, stages: pd.Series, life: PlotLife, today: dt.date
) -> pd.DataFrame:
    """Return the deadlines that the rows of a list have on a day.

    Parameters
    ----------
    frame, stages
        The rows and their stages (None: cannot be told), on the same index.

    Returns
    -------
    Columns of `COLUMNS`; `row` is the index of `frame`. What does not apply has no row; what cannot be judged has one
    with state ``unknown`` and the fields it hangs on.
    """
    found = []
    for deadline in (d for d in life.deadlines if kept.id in d.lists):
        for index, row in zip(frame.index, frame.to_dict("records"), strict=True):
            judged = judge(deadline, row, stages.loc[index], today, life.early_warning_days)
            if judged is not None:
                told = (judged.state, judged.due_on, judged.done_on, judged.overdue_days)
                found.append((index, deadline.id, *told, judged.missing, judged.contradicts))
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"due_on": object, "done_on": object})


def judge(
    deadline: Deadline, row: Mapping[str, Any], stage: str | None, today: dt.date, warning_days: int
) -> Judged | None:
    """Return how one plot stands to a deadline on a day; None where the deadline is not its own."""
    lacking = [field for field in deadline.areas if is_missing(row[field])]
    elsewhere = any(not _is_in(row[field], a) for field, a in deadline.areas.items() if field not in lacking)
    if elsewhere or (deadline.stages and stage is not None and stage not in deadline.stages):
        return None
    lacking += ["stage"] if deadline.stages and stage is None else []
    if lacking:
        return Judged(UNKNOWN, missing=tuple(lacking))
    done, start = (_day(row, field) for field in (deadline.done, deadline.start))
    against = _contradicting(deadline, row, done, start, today)
    if against:
        return Judged(UNKNOWN, done_on=done, contradicts=against)
    if deadline.kind == "yearly":
        return _yearly(deadline, done, start, today, warning_days)
    return _once(deadline, row, done, start, today, warning_days)


def _contradicting(
    deadline: Deadline, row: Mapping[str, Any], done: dt.date | None, start: dt.date | None, today: dt.date
) -> tuple[str, ...]:
    """Return the fields that cannot all be true: done in the future, before it began, or while it is said to be open."""
    if done is None:
        return ()
    fields = [deadline.start or ""] if start is not None and done < start else []
    fields += deadline.open_when if _says(row, deadline.open_when) else []
    return (deadline.done, *fields) if fields or done > today else ()


def _once(
    deadline: Deadline, row: Mapping[str, Any], done: dt.date | None, start: dt.date | None, today: dt.date, warning_days: int
) -> Judged:  # fmt: skip
    """Judge a deadline that falls once: on a fixed day, or some months after the start."""
    due = deadline.on
    if deadline.kind == "months_after" and start is not None:
        due = (pd.Timestamp(start) + pd.DateOffset(months=deadline.months)).date()
    if done is not None and due is not None:
        return Judged(LATE if done > due else DONE, due, done, max((done - due).days, 0))
    if done is not None or _says(row, deadline.done_when):  # whether it was in time hangs on the day that is missing
        return Judged(DONE, due, done, missing=(deadline.done if done is None else deadline.start or "",))
    if due is None:
        return Judged(UNKNOWN, missing=(deadline.start or "",))
    if today > due and not _says(row, deadline.open_when):
        return Judged(UNKNOWN, due, missing=(deadline.done, *deadline.open_when))
    return _running(due, today, warning_days)


def _yearly(
    deadline: Deadline, done: dt.date | None, start: dt.date | None, today: dt.date, warning_days: int
) -> Judged:
    """Judge the year that counts: this one where it is done, else the first after the last that was done."""
    if done is not None and done.year == today.year:
        due = _in_year(deadline, today.year)
        return Judged(LATE if done > due else DONE, due, done, max((done - due).days, 0))
    if done is not None:
        due = _in_year(deadline, done.year + 1)
        judged = _running(due, today, warning_days)
        return Judged(judged.state, due, done, judged.overdue_days)
    due = _in_year(deadline, today.year)
    if start is not None and start > due:
        due = _in_year(deadline, start.year + 1)
    return Judged(UNKNOWN, due, missing=(deadline.done,)) if today > due else _running(due, today, warning_days)


def _running(due: dt.date, today: dt.date, warning_days: int) -> Judged:
    left = (due - today).days
    return Judged(OVERDUE if left < 0 else SOON if left <= warning_days else OPEN, due, overdue_days=max(-left, 0))


def _in_year(deadline: Deadline, year: int) -> dt.date:
    return dt.date(year, deadline.month, min(deadline.day, calendar.monthrange(year, deadline.month)[1]))


def _is_in(value: Any, areas: tuple[str, ...]) -> bool:
    return any(str(value).startswith(area[:-1]) if area.endswith("*") else str(value) == area for area in areas)


def _day(row: Mapping[str, Any], field: str | None) -> dt.date | None:
    value = None if field is None else row[field]
    return value if isinstance(value, dt.date) and not is_missing(value) else None


def _says(row: Mapping[str, Any], when: Mapping[str, tuple[Any, ...]]) -> bool:
    """Say whether every field of `when` is there with one of its values; no condition says nothing."""
    return bool(when) and all(row[field] in values for field, values in when.items())

"""Summing: the cases that events add up to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.cases.ledger.tables import CASES, DATES, HUMAN_FIELDS, MACHINE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MACHINE = "geosys"
_SHEET = [c.name for c in CASES.columns]
_MACHINE, _HUMAN = frozenset(MACHINE_FIELDS), frozenset(HUMAN_FIELDS)
_BLANK = dict.fromkeys(_SHEET) | {"version": 0}


def blank(case_id: str) -> dict[str, Any]:
    """Return a case before its first event."""
    return {**_BLANK, "case_id": case_id}


def sides_of(names: Iterable[str], actor: str = "") -> list[str]:
    """Return which sides of a case an event is on, by the fields it changes; one that changes none, by who acts.

    Examples
    --------
    >>> sides_of(["seen", "status"]), sides_of([], "geosys"), sides_of([], "张三")
    (['machine_on', 'human_on'], ['machine_on'], ['human_on'])
    """
    sides = [side for side, own in (("machine_on", _MACHINE), ("human_on", _HUMAN)) if not own.isdisjoint(names)]
    if actor and not sides:
        return ["machine_on" if actor == MACHINE else "human_on"]
    return sides


def typed(name: str, value: Any) -> Any:
    """Return a field's value as events have it in JSON, dates as dates."""
    return dt.date.fromisoformat(value) if name in DATES and isinstance(value, str) else value


def summed(events: Iterable[tuple[str, str, dt.date, Mapping[str, Sequence[Any]]]]) -> list[tuple[Any, ...]]:
    """Return the rows of the cases that events add up to, in order of their ids, columns as `events.read_cases`.

    Parameters
    ----------
    events
        In their order: case, actor, day, and of each field changed what it was and became; a date may be ISO text.
    """
    cases: dict[str, dict[str, Any]] = {}
    for case_id, actor, on, changes in events:
        case = cases.get(case_id)
        if case is None:
            case = cases[case_id] = blank(case_id)
        for side in sides_of(changes, actor):
            case[side] = on
        for name, (_, now) in changes.items():
            case[name] = now
        case["version"] += 1
    return [tuple(typed(name, case[name]) for name in _SHEET) for _, case in sorted(cases.items())]


def replayed(events: pd.DataFrame, day: dt.date | None = None) -> pd.DataFrame:
    """Return the cases that events add up to, on the evening of a day (default: all of them); columns as `read_cases`."""
    if day is not None:
        events = events[[on <= day for on in events["happened_on"]]]
    columns = ("case_id", "actor", "happened_on", "changes")
    return pd.DataFrame(summed(zip(*(events[name] for name in columns), strict=True)), columns=_SHEET)

"""Derived columns: what a spec may compute at intake, by named functions over a layer's frame."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Function:
    """Hold a named function, the type of its result and the settings it needs."""

    type: str
    settings: tuple[str, ...]
    call: Callable[[pd.DataFrame, Sequence[str], Mapping[str, Any]], pd.Series]


def later_by_months(day: dt.date, months: int) -> dt.date:
    """Return the same day of the month `months` later, or that month's last day when it has no such day.

    Examples
    --------
    >>> later_by_months(dt.date(2025, 8, 31), 6)
    datetime.date(2026, 2, 28)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)  # noqa: PLR2004
    return dt.date(year, month + 1, min(day.day, (first_of_next - dt.timedelta(days=1)).day))


def _if_there(day: Callable[[], dt.date]) -> dt.date | None:
    """Return a computed day, or None beyond the end of the calendar."""
    try:
        return day()
    except (ValueError, OverflowError):
        return None


def _add_months(frame: pd.DataFrame, inputs: Sequence[str], settings: Mapping[str, Any]) -> pd.Series:
    months = int(settings["months"])
    return frame[inputs[0]].map(
        lambda day: _if_there(lambda: later_by_months(day, months)) if isinstance(day, dt.date) else None
    )


def _add_days(frame: pd.DataFrame, inputs: Sequence[str], settings: Mapping[str, Any]) -> pd.Series:
    step = dt.timedelta(days=int(settings["days"]))
    return frame[inputs[0]].map(lambda day: _if_there(lambda: day + step) if isinstance(day, dt.date) else None)


def _first_present(frame: pd.DataFrame, inputs: Sequence[str], _: Mapping[str, Any]) -> pd.Series:
    return frame[list(inputs)].bfill(axis=1).iloc[:, 0]


FUNCTIONS: dict[str, Function] = {
    "add_months": Function("date", ("months",), _add_months),
    "add_days": Function("date", ("days",), _add_days),
    "first_present": Function("text", (), _first_present),
}

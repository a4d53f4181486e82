"""Working days: the State Council's yearly arrangement of holidays as a table, and counting by it."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import WorkspaceError
from geosys._faults import Faults
from geosys.cases.basis import CERTAINTIES
from geosys.content import read_csv, short_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = ("rest", "work")
COLUMNS = ("year", "first_on", "last_on", "kind", "title_zh", "title_en", "certainty", "source")
UNITS = ("days", "working_days", "months")
MOST_COUNTED = 5_000  # of anything in one period: more is a slip of the finger
_SATURDAY = 5
_YEAR_END = (12, 29)  # from here on the next year's arrangement may reach back, as it did on 2018-12-29
_DAY = dt.timedelta(days=1)
_PERIOD = re.compile(r"\s*(\d{1,4})\s*(个?工作日|日|天|个?月|wd|d|m)\s*")
_WORDS = {"工作日": "working_days", "wd": "working_days", "日": "days", "天": "days", "d": "days", "月": "months", "m": "months"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hold the days off and the weekends worked, and the years whose arrangement the table has."""

    rests: frozenset[dt.date]
    works: frozenset[dt.date]
    years: frozenset[int]

    def is_working(self, day: dt.date) -> bool:
        """Say whether offices work on a day; in a year that the table has not, Mondays to Fridays."""
        return day in self.works or (day not in self.rests and day.weekday() < _SATURDAY)

    def knows(self, first: dt.date, last: dt.date) -> bool:
        """Say whether the table has the arrangement of every day of a stretch (both ends count)."""
        first, last = min(first, last), max(first, last)
        end = last.year + ((last.month, last.day) >= _YEAR_END)
        return self.years.issuperset(range(first.year, end + 1))

    def later(self, day: dt.date, count: int) -> dt.date:
        """Return the day `count` working days after a day, which itself is not counted.

        Examples
        --------
        >>> Calendar(frozenset(), frozenset(), frozenset()).later(dt.date(2026, 9, 4), 1)  # a Friday
        datetime.date(2026, 9, 7)
        """
        while count > 0:
            day += _DAY
            count -= self.is_working(day)
        return day

    def between(self, first: NDArray[np.datetime64], last: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Count the working days after each first day up to its last day; negative where the last day is the earlier.

        Parameters
        ----------
        first, last
            Days as ``datetime64[D]``, without gaps.
        """
        start, end = np.minimum(first, last) + 1, np.maximum(first, last) + 1
        rests = np.array(sorted(d for d in self.rests if d.weekday() < _SATURDAY), dtype="datetime64[D]")
        works = np.array(sorted(d for d in self.works if d.weekday() >= _SATURDAY), dtype="datetime64[D]")
        count = np.busday_count(start, end, holidays=rests)
        count = count + np.searchsorted(works, end) - np.searchsorted(works, start)
        return np.where(first <= last, count, -count).astype(np.int64)


def read_calendar(root: Path) -> Calendar:
    """Read `cases/holidays.csv` below a root.

    Raises
    ------
    SpecError
        With every fault: an unknown kind or certainty, a stretch that ends before it begins, a day both off and worked.
    """
    path, faults = root / "cases" / "holidays.csv", Faults()
    days: dict[str, set[dt.date]] = {kind: set() for kind in KINDS}
    years: set[int] = set()
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        kind = faults.one_of(f"{where} kind", row["kind"], KINDS, "a kind of day")
        faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
        try:
            year, first, last = int(row["year"]), *(dt.date.fromisoformat(row[c]) for c in ("first_on", "last_on"))
        except ValueError:
            faults.add(where, [row[c] for c in COLUMNS[:3]], "a year and two dates as 2026-10-01")
            continue
        if not first <= last <= first + 31 * _DAY:
            faults.add(where, f"{first} to {last}", "a stretch of at most a month")
            continue
        years.add(year)
        stretch = set(_days(first, last))
        if any(stretch & days[other] for other in KINDS):
            faults.add(where, f"{first} to {last}", "days that stand in no other line")
        days.get(kind, set()).update(stretch)
    faults.raise_if_any()
    return Calendar(frozenset(days["rest"]), frozenset(days["work"]), frozenset(years))


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    while first <= last:
        yield first
        first += _DAY


def later_by(day: dt.date, count: int, unit: str, calendar: Calendar) -> dt.date:
    """Return the last day of a period that begins on the day after `day`.

    Parameters
    ----------
    unit
        One of `UNITS`. Months end on the same day of the month, or on the month's last day where it has no such day.

    Source: Civil Code, arts. 201 and 202 (the first day is not counted; the day of the month that corresponds). That the
    end moves off a holiday (art. 203) is not applied: plans and orders name their days, and the earlier day is the safe one.

    Examples
    --------
    >>> later_by(dt.date(2025, 8, 31), 6, "months", Calendar(frozenset(), frozenset(), frozenset()))
    datetime.date(2026, 2, 28)
    """
    if unit == "working_days":
        return calendar.later(day, count)
    return day + count * _DAY if unit == "days" else _months_later(day, count)


def _months_later(day: dt.date, count: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return dt.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def read_period(text: str) -> tuple[int, str]:
    """Return the count and the unit of a period as people write it.

    Raises
    ------
    WorkspaceError
        When it is no such period.

    Examples
    --------
    >>> read_period("15个工作日"), read_period("6m"), read_period("30 天")
    ((15, 'working_days'), (6, 'months'), (30, 'days'))
    """
    match = _PERIOD.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= MOST_COUNTED:
        raise WorkspaceError(
            f"period: got '{text}', expected a count and a unit, as 15wd (15个工作日), 30d (30天) or 6m (6个月)."
        )
    return int(match[1]), _WORDS[match[2].removeprefix("个")]

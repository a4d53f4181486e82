"""The values of a day, a month, a year: each sample counts in its day, each day in its month, each month in its year.

Means are those of the evaluation method: pH through its hydrogen ions, non-detects by half their limit. Where nothing but
non-detects came, the mean of the limits stays a detection limit, for it says no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys.standards.water_grades import mean_of_item
from geosys.standards.water_items import ITEMS, PH, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

DAY, MONTH, YEAR = "day", "month", "year"
PERIODS = (DAY, MONTH, YEAR)
_EPOCH = 1970
_MONTHS = 12
_DIGITS = 12  # significant: the mean of 0.1, 0.2 and 0.3 is 0.2 and not 0.20000000000000004
YES, NO, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Samples:
    """Hold samples by row, n of them, in any order.

    Attributes
    ----------
    section
        Position of the section, 0 and up.
    day
        The date, ``datetime64[D]``.
    minute
        Minutes after midnight, NaN where no time was given.
    numbers, below
        By item the value in the standard's unit (NaN: none) and whether it is a detection limit.
    provisional
        `YES`, `NO` or `UNKNOWN`.
    """

    section: NDArray[np.int64]
    day: NDArray[np.datetime64]
    minute: Numbers
    numbers: Mapping[str, Numbers]
    below: Mapping[str, NDArray[np.bool_]]
    provisional: NDArray[np.int8]

    def __post_init__(self) -> None:
        unknown = [item for item in self.numbers if item not in ITEMS]
        sizes = {len(self.day), len(self.minute), len(self.provisional), len(self.section)}
        sizes |= {len(v) for v in (*self.numbers.values(), *self.below.values())}
        if unknown or len(sizes) > 1 or set(self.below) - set(self.numbers):
            raise SpecError(
                f"samples: got unknown items {unknown}, lengths {sorted(sizes)}, expected items of table 1 and one length."
            )

    def only(self, rows: NDArray[np.bool_]) -> Samples:
        """Return some of the samples."""
        return Samples(
            self.section[rows], self.day[rows], self.minute[rows], {k: v[rows] for k, v in self.numbers.items()},
            {k: v[rows] for k, v in self.below.items()}, self.provisional[rows],
        )  # fmt: skip

    @property
    def has_value(self) -> NDArray[np.bool_]:
        """Return which samples have a value of any item that has a class."""
        result = np.zeros(len(self.section), dtype=bool)
        for item, values in self.numbers.items():
            if item != TEMPERATURE:
                result |= np.isfinite(values)
        return result


@dataclass(frozen=True, slots=True)
class PeriodValues:
    """Hold one row a section and period, ordered by both.

    Attributes
    ----------
    per
        ``day``, ``month`` or ``year``.
    section
        Position of the section.
    period
        Days since 1970, months since the year 0, or the year.
    numbers, below
        As `Samples` has them.
    samples, parts
        How many samples, and how many samples, days or months, the row is the mean of.
    provisional
        `YES` where one of them is, `NO` where none is, else `UNKNOWN`.
    """

    per: str
    section: NDArray[np.int64]
    period: NDArray[np.int64]
    numbers: Mapping[str, Numbers]
    below: Mapping[str, NDArray[np.bool_]]
    samples: NDArray[np.int64]
    parts: NDArray[np.int64]
    provisional: NDArray[np.int8]

    @property
    def year(self) -> NDArray[np.int64]:
        """Return the year of each row."""
        if self.per == YEAR:
            return self.period
        return self.period // _MONTHS if self.per == MONTH else month_of(self.period) // _MONTHS


def month_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the months since the year 0 of days since 1970.

    Examples
    --------
    >>> month_of(np.array(["2026-01-31"], "datetime64[D]").astype(int)).tolist() == [month_number("2026-01")]
    True
    """
    months: NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + _EPOCH * _MONTHS
    return months


def month_number(text: str) -> int:
    """Return the months since the year 0 of a month as ``2026-01``.

    Raises
    ------
    SpecError
        When it is no month.

    Examples
    --------
    >>> month_number("2026-01"), month_text(24312)
    (24312, '2026-01')
    """
    year, dash, month = text.strip().partition("-")
    if not (dash and len(year) == 4 and year.isdecimal() and month.isdecimal() and 1 <= int(month) <= _MONTHS):  # noqa: PLR2004
        raise SpecError(f"month: got {text!r}, expected one as 2026-01.")
    return int(year) * _MONTHS + int(month) - 1


def month_text(number: int) -> str:
    """Return a month as ``2026-01``."""
    return f"{number // _MONTHS:04d}-{number % _MONTHS + 1:02d}"


def values_by(samples: Samples, per: str) -> PeriodValues:
    """Return the mean values of each section and period that has a value of an item with a class.

    Several samples of one day are first averaged to one value an item, so that each day counts once in its month; the
    months are averaged to the year. A missing value counts nowhere.

    Source: 总站水字〔2020〕90号 (second-hand): pH by [H+]; half the detection limit (unconfirmed); day first: our reading.

    Examples
    --------
    >>> three = Samples(np.zeros(3, int), np.array(["2026-01-01", "2026-01-01", "2026-01-02"], "datetime64[D]"), np.full(3, np.nan),
    ...     {"tp": np.array([0.1, 0.3, 0.4])}, {}, np.zeros(3, np.int8))
    >>> values_by(three, "month").numbers["tp"].tolist(), values_by(three, "month").samples.tolist()
    ([0.3], [3])
    """
    if per not in PERIODS:
        raise SpecError(f"periods: got {per!r}, expected one of {', '.join(PERIODS)}.")
    rows = samples.only(samples.has_value)
    one = np.ones(len(rows.section), dtype=np.int64)
    day = rows.day.astype("datetime64[D]").astype(np.int64)
    found = _gather(DAY, rows.section, day, rows.numbers, rows.below, one, rows.provisional)
    if per == DAY:
        return found
    month = month_of(found.period)
    found = _gather(MONTH, found.section, month, found.numbers, found.below, found.samples, found.provisional)
    if per == MONTH:
        return found
    return _gather(YEAR, found.section, found.year, found.numbers, found.below, found.samples, found.provisional)


def _gather(
    per: str,
    section: NDArray[np.int64],
    period: NDArray[np.int64],
    numbers: Mapping[str, Numbers],
    below: Mapping[str, NDArray[np.bool_]],
    samples: NDArray[np.int64],
    provisional: NDArray[np.int8],
) -> PeriodValues:
    order = np.lexsort((period, section))
    keys = np.stack([section[order], period[order]])
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(is_first) - 1
    size = int(is_first.sum())
    means = {item: _means(values, item, below.get(item), group, size) for item, values in numbers.items()}
    state = np.full(size, NO, dtype=np.int8)
    state[group[provisional == UNKNOWN]] = UNKNOWN
    state[group[provisional == YES]] = YES
    return PeriodValues(
        per, keys[0, is_first], keys[1, is_first], {item: mean for item, (mean, _) in means.items()},
        {item: limit for item, (_, limit) in means.items() if limit.any()},
        np.bincount(group, weights=samples, minlength=size).astype(np.int64), np.bincount(group, minlength=size), state,
    )  # fmt: skip


def _means(
    values: Numbers, item: str, below: NDArray[np.bool_] | None, group: NDArray[np.int64], size: int
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the mean of each group, and whether it is one of detection limits only."""
    at = np.flatnonzero(np.isfinite(values))
    at = at[np.argsort(group[at], kind="stable")]
    of = group[at]
    count = np.bincount(of, minlength=size)
    place = np.arange(len(at)) - (np.cumsum(count) - count)[of]
    table = np.full((size, int(count.max(initial=0)) or 1), np.nan)
    is_limit = np.zeros(table.shape, dtype=bool)
    table[of, place] = values[at]
    if below is not None and item not in (PH, TEMPERATURE):
        is_limit[of, place] = below[at]
    only_limits = (count > 0) & (is_limit.sum(axis=1) == count)
    mean = np.where(only_limits, mean_of_item(table, item, axis=1), mean_of_item(table, item, is_limit, axis=1))
    return _significant(mean), only_limits


def _significant(values: Numbers) -> Numbers:
    """Return numbers without the rounding errors of a mean, so that one that meets a limit on paper meets it here."""
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(digits), digits, 0.0))
    clean: Numbers = np.rint(values * scale) / scale
    return clean

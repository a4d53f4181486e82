"""Is water getting better: rank correlation with time, and the shares of two periods compared."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note, weakest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

CERTAINTY = "unconfirmed"
# Source: rs must reach Wp at 0.05, after the evaluation method of 2011 (standards README 1.2, unconfirmed).
CRITICAL_VALUES: Mapping[int, float] = MappingProxyType({5: 0.900, 6: 0.829, 7: 0.714, 8: 0.643, 9: 0.600, 10: 0.564})
FEWEST = 5
_DECIMALS = 3  # of the table: 0.829 stands for 29/35, which a coefficient of N = 6 can meet but not pass

RISES, FALLS, UNCLEAR, NOT_ASSESSED = "rises", "falls", "no_clear_trend", "not_assessed"
TRENDS = {
    RISES: Text("显著上升", "rises significantly"),
    FALLS: Text("显著下降", "falls significantly"),
    UNCLEAR: Text("无显著趋势", "no significant trend"),
    NOT_ASSESSED: Text("未评价", "not assessed"),
}
TOO_FEW = Text("有效数据少于5个", "fewer than 5 values")
CONSTANT = Text("各值相同，无秩次", "all values are equal, there are no ranks")
NO_CRITICAL_VALUE = Text("临界值表中无此样本数", "the table has no critical value for this number of values")
LIMITS_IN_THE_WAY = Text("检出限不一或高于测值，无法排序", "detection limits differ or lie above values: no order")
UNSTATED = Text("未检出但未注明检出限", "not detected, detection limit not stated")

BETTER, WORSE = "better", "worse"
CHANGES = {
    "none": Text("无明显变化", "no clear change"),
    "some_better": Text("有所好转", "somewhat better"),
    "clear_better": Text("明显好转", "clearly better"),
    "some_worse": Text("有所变差", "somewhat worse"),
    "clear_worse": Text("明显变差", "clearly worse"),
    NOT_ASSESSED: Text("未评价", "not assessed"),
}
_SOME_POINTS, _CLEAR_POINTS = 10, 20
_GOOD, _WORST = 3, 6
NOTES = (
    Note(Text("临界值 Wp(0.05)，N=5–10", "critical values Wp(0.05), N = 5 to 10"), "unconfirmed"),
    Note(Text("秩相关系数取三位小数与临界值比较", "rs is compared at the three decimals of the table"), "our reading"),
    Note(Text("相同值取平均秩次，按秩次相关计算", "equal values share their mean rank"), "our reading"),
    Note(
        Text("未检出以检出限的一半排序，检出限须一致", "non-detects are ranked at half of one common detection limit"),
        "unconfirmed",
    ),
)


@dataclass(frozen=True, slots=True)
class Trends:
    """Hold the trend of some series: `rows` with rs, values_used, values_missing, ties, critical_value, trend, reasons."""

    rows: Any
    certainty: str = CERTAINTY
    notes: tuple[Note, ...] = NOTES


def spearman_trend(
    values: ArrayLike,
    is_below: ArrayLike | None = None,
    detection_limit: ArrayLike | None = None,
    index: Any = None,
    critical_values: Mapping[int, float] = CRITICAL_VALUES,
) -> Trends:
    """Return the rank correlation of each series with time, and whether it is significant.

    Parameters
    ----------
    values : array, series by time, in order of time; NaN where missing
    is_below, detection_limit : arrays of the same shape, optional
    index : labels of the series, optional
    critical_values : number of values to the least \\|rs\\| that is significant

    Returns
    -------
    Trends
        rs = 1 - 6 Σd² / (N³ - N), over the values there are; a rise of the value, which is worse for all items but oxygen.

    Raises
    ------
    SpecError
        When arrays are of other shapes, or a number is infinite.

    Examples
    --------
    >>> spearman_trend([[1.2, 1.1, 1.0, 0.9, 0.7]]).rows["trend"].tolist()
    ['falls']
    """  # noqa: D301  the bars would open a substitution
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[None, :]
    below = np.zeros(array.shape, dtype=bool) if is_below is None else np.atleast_2d(np.asarray(is_below, dtype=bool))
    limit = (
        np.full(array.shape, np.nan) if detection_limit is None else np.atleast_2d(np.asarray(detection_limit, float))
    )
    if array.ndim != 2 or below.shape != array.shape or limit.shape != array.shape or np.isinf(array).any():  # noqa: PLR2004
        raise SpecError(
            f"trend: got arrays of shapes {array.shape}, {below.shape}, {limit.shape} or an infinite number, "
            "expected one shape, series by time, of finite numbers. Align the arrays."
        )
    placed, unstated, unordered = _placed(array, below, limit)
    count = np.isfinite(placed).sum(axis=1)
    rs, ties = _rank_correlation(placed)
    return _trends(rs, ties, count, array.shape[1], unstated, unordered, critical_values, index)


def _placed(
    array: NDArray[np.float64], below: NDArray[np.bool_], limit: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Put half the limit for non-detects; tell series with an unstated limit, and with limits that leave no order."""
    with np.errstate(invalid="ignore"):
        stated = limit > 0
    unstated = np.asarray((below & ~stated).any(axis=1))
    mine = below & stated
    highest = np.where(mine, limit, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(mine, limit, np.inf).min(axis=1, initial=np.inf)
    smallest = np.where(~below & np.isfinite(array), array, np.inf).min(axis=1, initial=np.inf)
    unordered = np.asarray(mine.any(axis=1) & ((highest != lowest) | (smallest < highest)))
    return np.where(below, limit / 2, array), unstated, unordered


def _rank_correlation(placed: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the correlation of ranks and of places in time, NaN where there is none, and how many values share a rank."""
    there = np.isfinite(placed)
    ranks = pd.DataFrame(placed).rank(axis=1).to_numpy(dtype=np.float64, na_value=np.nan)
    middle = (there.sum(axis=1, keepdims=True) + 1) / 2
    of_value = np.where(there, ranks - middle, 0.0)
    of_time = np.where(there, np.cumsum(there, axis=1) - middle, 0.0)
    spread = np.sqrt((of_value**2).sum(axis=1) * (of_time**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        rs = np.where(spread > 0, (of_value * of_time).sum(axis=1) / spread, np.nan)
    ordered = np.sort(np.where(there, placed, np.nan), axis=1)
    same = ordered[:, 1:] == ordered[:, :-1]
    padded = np.zeros((len(placed), 1), dtype=bool)
    shared = np.hstack([padded, same]) | np.hstack([same, padded])
    return np.clip(rs, -1.0, 1.0), shared.sum(axis=1)


def _trends(
    rs: NDArray[np.float64],
    ties: NDArray[np.int64],
    count: NDArray[np.int64],
    length: int,
    unstated: NDArray[np.bool_],
    unordered: NDArray[np.bool_],
    critical_values: Mapping[int, float],
    index: Any,
) -> Trends:
    """Judge the coefficients."""
    needed = np.array([critical_values.get(int(n), np.nan) for n in count], dtype=np.float64)
    causes = [
        (unstated, UNSTATED),
        (unordered, LIMITS_IN_THE_WAY),
        (count < FEWEST, TOO_FEW),
        (np.isnan(rs), CONSTANT),
        (np.isnan(needed), NO_CRITICAL_VALUE),
    ]
    is_open = [cause for cause, _ in causes]
    shown = np.where(unstated | unordered | (count < FEWEST), np.nan, rs)
    reached = np.round(np.abs(rs), _DECIMALS) >= needed
    trend = np.select([*is_open, reached & (rs > 0), reached], [*[NOT_ASSESSED] * len(causes), RISES, FALLS], UNCLEAR)
    rows = pd.DataFrame(
        {
            "rs": shown,
            "values_used": count,
            "values_missing": length - count,
            "ties": ties,
            "critical_value": needed,
            "trend": trend.astype(object),
            "reason_zh": np.select(is_open, [text.zh for _, text in causes], "").astype(object),
            "reason_en": np.select(is_open, [text.en for _, text in causes], "").astype(object),
        },
        index=index,
    )
    return Trends(rows)


def judge_change(part_before: Any, whole_before: Any, part_after: Any, whole_after: Any, more_is: str = BETTER) -> Any:
    """Judge the change of a share between two periods, from counts, so that ten points are ten points.

    Parameters
    ----------
    part_before, whole_before, part_after, whole_after : arrays of whole numbers
        Sections counted and sections judged; of none judged the change is not assessed.
    more_is : ``better`` or ``worse``
        ``better`` for the share of I to III, ``worse`` for that of worse than V.

    Returns
    -------
    DataFrame
        share_before, share_after, change_points, change (one of `CHANGES`).
        Up to 10 points none, up to 20 some, above clear [unconfirmed].

    Raises
    ------
    SpecError
        When a part is negative or more than its whole, or `more_is` is another word.
    """
    counts = [np.atleast_1d(np.asarray(c)) for c in (part_before, whole_before, part_after, whole_after)]
    if not all(np.issubdtype(c.dtype, np.integer) for c in counts):
        raise SpecError(
            f"period comparison: got counts of {[str(c.dtype) for c in counts]}, expected whole numbers. Give counts."
        )
    p1, n1, p2, n2 = (c.astype(np.int64) for c in counts)
    if more_is not in (BETTER, WORSE) or (np.minimum(p1, p2) < 0).any() or (p1 > n1).any() or (p2 > n2).any():
        raise SpecError(
            f"period comparison: got a part above its whole, a negative count or more_is='{more_is}', "
            "expected 0 ≤ part ≤ whole and better or worse. Mend the counts."
        )
    both = (n1 > 0) & (n2 > 0)
    hundredfold, unit = (p2 * n1 - p1 * n2) * 100, n1 * n2
    rise = hundredfold if more_is == BETTER else -hundredfold
    change = np.select(
        [
            ~both,
            np.abs(rise) <= _SOME_POINTS * unit,
            rise > _CLEAR_POINTS * unit,
            rise > 0,
            rise < -_CLEAR_POINTS * unit,
        ],
        [NOT_ASSESSED, "none", "clear_better", "some_better", "clear_worse"],
        "some_worse",
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {"share_before": p1 / n1, "share_after": p2 / n2, "change_points": hundredfold / unit}
    return pd.DataFrame(shares | {"change": change.astype(object)})


@dataclass(frozen=True, slots=True)
class PeriodComparison:
    """Hold two periods compared by shares of their sections' classes.

    `rows` has a line for the share of I to III and one for worse than V, with counts; sections without a class stand in
    `without_class_before` and `without_class_after`, and `only_before`, `only_after` name those of one period.
    """

    rows: Any
    without_class_before: tuple[Any, ...]
    without_class_after: tuple[Any, ...]
    only_before: tuple[Any, ...]
    only_after: tuple[Any, ...]
    certainty: str


def compare_periods(before: Any, after: Any, certainty: str = CERTAINTY) -> PeriodComparison:
    """Compare the shares of classes I to III and of worse than V in two periods.

    Parameters
    ----------
    before, after : Series of classes 1 to 6 (6 worse than V), missing where none, by section
    certainty : the mark of the classes, if they are less sure than the comparison itself

    Raises
    ------
    SpecError
        When a section stands there twice, or a class is none of 1 to 6.
    """
    periods = [_classes(before, "before"), _classes(after, "after")]
    known = [period.dropna() for period in periods]
    lines = {}
    for name, classes, more_is in (("I-III", range(1, _GOOD + 1), BETTER), ("worse than V", [_WORST], WORSE)):
        parts = [int(period.isin(classes).sum()) for period in known]
        line = judge_change(parts[0], len(known[0]), parts[1], len(known[1]), more_is)
        line.insert(0, "sections_after", [f"{parts[1]}/{len(known[1])}"])
        line.insert(0, "sections_before", [f"{parts[0]}/{len(known[0])}"])
        lines[name] = line.iloc[0]
    first, second = periods
    return PeriodComparison(
        rows=pd.DataFrame(lines).T,
        without_class_before=tuple(first.index[first.isna()]),
        without_class_after=tuple(second.index[second.isna()]),
        only_before=tuple(first.index.difference(second.index, sort=False)),
        only_after=tuple(second.index.difference(first.index, sort=False)),
        certainty=weakest([CERTAINTY, certainty]),
    )


def _classes(classes: Any, period: str) -> Any:
    """Return the classes of a period, checked."""
    series = pd.Series(classes)
    twice = series.index[series.index.duplicated()].unique().tolist()
    numbers = pd.to_numeric(series, errors="coerce")
    wrong = series[(numbers.isna() & series.notna()) | (numbers.notna() & ~numbers.isin(range(1, _WORST + 1)))].tolist()
    if twice or wrong:
        raise SpecError(
            f"period comparison, {period}: got sections twice {twice[:5]} or classes {wrong[:5]}, "
            "expected each section once with a class from 1 to 6. Mend the classes."
        )
    return numbers.astype("Int8")

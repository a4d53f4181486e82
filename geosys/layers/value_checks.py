"""The declared checks of values: dates, sums, codes, what one value requires of another, units suspected by the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from geosys.layers.rows_under_check import Rows

LEAST_VALUES = 5  # fewer figures say nothing about a column
UNIT_FACTORS = (1_000.0, 0.001)  # milligrams and micrograms, either way
_ROUNDING = 1e-9
_FEW = 0.5  # a column of which at least this share is usual is in its unit
_MOST = 0.9  # and one is in another when this share of it becomes usual


def dates_in_order(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose second date lies before the first."""
    first, then = settings["first"], settings["then"]
    both = np.flatnonzero(rows.frame[first].notna().to_numpy() & rows.frame[then].notna().to_numpy())
    for i, one, two in zip(both, rows.frame[first].iloc[both], rows.frame[then].iloc[both], strict=True):
        if two < one:
            text = Text(f"{two} 早于 {one}，次序颠倒", f"{two} lies before {one}")
            yield Issue("dates_out_of_order", text, int(i), then, str(two), before=str(two))


def not_in_future(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows in which ``field``, the date of something that has happened, lies after the plan's day of judgement."""
    if rows.today is None:
        return
    days = rows.frame[settings["field"]]
    for i in np.flatnonzero(days.notna().to_numpy()):
        if days.iloc[i] > rows.today:
            text = Text(f"{days.iloc[i]} 晚于评估日期 {rows.today}", f"{days.iloc[i]} lies after {rows.today}")
            yield Issue("date_in_future", text, int(i), settings["field"], str(days.iloc[i]), before=str(days.iloc[i]))


def difference_equals(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows where ``total − minus`` is not ``equals`` within the tolerance; an empty ``minus`` counts as 0."""
    total, minus, equals = (
        pd.to_numeric(rows.frame[settings[k]]).to_numpy(dtype=float) for k in ("total", "minus", "equals")
    )
    gap = total - np.nan_to_num(minus) - equals
    for i in np.flatnonzero(np.abs(gap) > float(settings.get("tolerance", 0.01)) + _ROUNDING):
        text = Text(
            f"{settings['total']} − {settings['minus']} 与 {settings['equals']} 相差 {gap[i]:.2f}",
            f"{settings['total']} − {settings['minus']} differs from {settings['equals']} by {gap[i]:.2f}",
        )
        yield Issue("sums_disagree", text, int(i), settings["equals"], equals[i], before=str(equals[i]))


def prefix_is_county(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose code does not begin with the county code that most rows have."""
    field = settings["field"]
    prefix = rows.frame[field].dropna().astype(str).str[:6]
    if prefix.empty:
        return
    usual = prefix.mode().iloc[0]
    for i in prefix.index[prefix != usual]:
        value = rows.frame[field].iloc[i]
        text = Text(f"“{value}”不以 {usual} 开头", f"'{value}' does not begin with {usual}")
        yield Issue("wrong_county", text, int(i), field, value)


def requires(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows that lack a value of ``field`` although the columns named in ``when`` have the given values."""
    field, when = settings["field"], settings["when"]
    for i in np.flatnonzero(matching(rows.frame, when) & rows.frame[field].isna().to_numpy()):
        shown = "、".join(f"{c}={v}" for c, v in when.items())
        yield Issue("requires_value", Text(f"{shown} 时必须填写", f"Needed when {shown}"), int(i), field)


def matching(frame: pd.DataFrame, when: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Say for each row whether the columns of ``when`` have the values, or one of the values, it names."""
    found = np.ones(len(frame), dtype=bool)
    for column, wanted in when.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        found &= frame[column].isin(allowed).to_numpy(dtype=bool)
    return found


def usual_range(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find the deliveries whose column lies mostly a thousand times beside the range ``low`` to ``high``.

    One issue a delivery, at its first unusual figure; the values stay as they are.
    """
    field, low, high = settings["field"], float(settings["low"]), float(settings["high"])
    numbers = pd.to_numeric(rows.frame[field]).to_numpy(dtype=float, na_value=np.nan)
    parts = np.zeros(len(numbers), dtype=np.int64) if rows.part is None else rows.part
    for part in np.unique(parts):
        at = np.flatnonzero((parts == part) & np.isfinite(numbers))
        issue = suspect_unit(field, numbers[at], at, (low, high), UNIT_FACTORS)
        if issue is not None:
            yield issue


def suspect_unit(
    field: str,
    numbers: NDArray[np.float64],
    at: NDArray[np.int64],
    usual: tuple[float, float],
    factors: tuple[float, ...],
) -> Issue | None:
    """Return one issue when most figures of a column are unusual and become usual divided by one of the factors.

    Zeros and negative figures (nothing found, nothing measured) do not count. `at` are the rows of the figures.
    """
    numbers, at = numbers[numbers > 0], at[numbers > 0]
    low, high = usual
    is_usual = (numbers >= low) & (numbers <= high)
    if len(numbers) < LEAST_VALUES or is_usual.mean() >= _FEW:
        return None
    shares = [float(((numbers / f >= low) & (numbers / f <= high)).mean()) for f in factors]
    best = int(np.argmax(shares))
    if shares[best] < _MOST:
        return None
    count, fits = int((~is_usual).sum()), round(shares[best] * len(numbers))
    way = f"除以 {factors[best]:g}" if factors[best] > 1 else f"乘以 {1 / factors[best]:g}"
    zh = (
        f"{len(numbers)} 个数值中有 {count} 个不在常见范围 {low:g}～{high:g} 内，{way} 后有 {fits} 个在内：疑似单位写错"
    )
    en = (
        f"{count} of {len(numbers)} figures lie outside the usual {low:g} to {high:g}, but {fits} lie inside when divided by "
        f"{factors[best]:g}: the unit is suspected"
    )
    return Issue("unit_suspected", Text(zh, en), int(at[np.argmin(is_usual)]), field, f"× {factors[best]:g}")

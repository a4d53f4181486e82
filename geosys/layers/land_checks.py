"""The declared checks of land patches: figures that follow from each other, codes and fields that call for each other.

All of them judge each row by itself, so that a delivery too large for the memory is judged alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.layers.issues import Issue
from geosys.layers.value_checks import matching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from geosys.layers.rows_under_check import Rows

_ROUNDING = 1e-9


def _numbers(rows: Rows, column: str) -> NDArray[np.float64]:
    return np.asarray(pd.to_numeric(rows.frame[column]).to_numpy(dtype=float, na_value=np.nan))


def product_equals(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows where ``factor × share`` is not ``equals`` within the tolerance; a row that lacks one is not judged.

    The share is stated to four decimals, so that half of the last one times the factor is allowed beside the tolerance.

    Source
    ------
    KCMJ = TBMJ × KCXS, KCXS as Float 6.4: TD/T 1057-2020 DLTB (second-hand).
    """
    factor, share, equals = (_numbers(rows, settings[k]) for k in ("factor", "share", "equals"))
    gap = factor * share - equals
    allowed = float(settings.get("tolerance", 0.01)) + 0.5e-4 * np.abs(factor) + _ROUNDING
    for i in np.flatnonzero(np.abs(gap) > allowed):
        text = Text(
            f"{settings['factor']} × {settings['share']} 与 {settings['equals']} 相差 {gap[i]:.2f}",
            f"{settings['factor']} × {settings['share']} differs from {settings['equals']} by {gap[i]:.2f}",
        )
        yield Issue("sums_disagree", text, int(i), settings["equals"], equals[i], before=str(equals[i]))


def below(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose ``field`` is not below ``limit``: what a field's `maximum` cannot say, as it belongs to the range."""
    field, limit = settings["field"], float(settings["limit"])
    numbers = _numbers(rows, field)
    for i in np.flatnonzero(numbers >= limit):
        text = Text(f"{numbers[i]:g} 应小于 {limit:g}", f"{numbers[i]:g} should be below {limit:g}")
        yield Issue("out_of_range", text, int(i), field, numbers[i], before=f"{numbers[i]:g}")


def calls_for(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows that match ``when`` but lack a value of ``field``, or have another than one of ``codes``.

    Where ``positive`` is given, only rows with more than 0 in that column; where ``beside`` is, only rows in which one of
    these columns is filled: a sender who keeps none of them is not asked row by row.
    """
    frame, field = rows.frame, settings["field"]
    asked = matching(frame, settings["when"])
    if "positive" in settings:
        asked &= _numbers(rows, settings["positive"]) > 0
    if "beside" in settings:
        asked &= frame[settings["beside"]].notna().any(axis=1).to_numpy()
    values = frame[field]
    good = values.isin(settings["codes"]) if "codes" in settings else values.notna()
    for i in np.flatnonzero(asked & ~good.to_numpy(dtype=bool)):
        shown = "、".join(f"{c}={frame[c].iloc[i]}" for c in settings["when"])
        wanted = "、".join(settings.get("codes", ()))
        text = Text(
            f"{shown} 时应填写{f' {wanted}' if wanted else ''}", f"{shown} calls for {wanted or 'a value'} here"
        )
        value = values.iloc[i]
        yield Issue("requires_value", text, int(i), field, None if pd.isna(value) else value)


def only_when(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows that have more than nothing in ``field`` although they do not match ``when``."""
    frame, field = rows.frame, settings["field"]
    values = frame[field]
    filled = values.notna().to_numpy() & (values != 0).fillna(value=False).to_numpy(dtype=bool)
    (column, wanted), *_ = settings["when"].items()
    shown = "、".join(map(str, wanted if isinstance(wanted, list) else [wanted]))
    for i in np.flatnonzero(filled & ~matching(frame, settings["when"])):
        text = Text(
            f"填写了 {field}={values.iloc[i]}，{column} 应为 {shown} 之一",
            f"{field}={values.iloc[i]} calls for {column} to be one of {shown}",
        )
        value = frame[column].iloc[i]
        yield Issue("requires_value", text, int(i), column, None if pd.isna(value) else value)


def digit_count(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose ``field`` is not of exactly ``digits`` digits."""
    field, count = settings["field"], int(settings["digits"])
    values = rows.frame[field]
    there = values.notna().to_numpy()
    good = values.astype("string").str.fullmatch(f"[0-9]{{{count}}}").fillna(value=True).to_numpy(dtype=bool)
    for i in np.flatnonzero(there & ~good):
        text = Text(f"“{values.iloc[i]}”应为 {count} 位数字", f"'{values.iloc[i]}' should have {count} digits")
        yield Issue("bad_pattern", text, int(i), field, values.iloc[i])

"""Compare the values of a field as a file holds them with those that were to be written: every one, missing ones too."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.publish.read_back.found import DATE, INTEGER, NUMBER, TRUTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MISSING = "（空 missing）"
_MOST_SHOWN = 80
_TRUTH: dict[Any, bool] = {True: True, False: False, "是": True, "否": False}
_ISO_DAY, _DAY_LETTERS = re.compile(r"\d{4}-\d\d-\d\d"), 10
_MIDNIGHT = ("", "T00:00:00", " 00:00:00", "T00:00:00+00:00", "T00:00:00Z", "T00:00:00.000Z")


def differing(got: NDArray[Any], expected: pd.Series, kind: str, digits: float = 0.0) -> NDArray[np.bool_]:
    """Say of each row whether the value found differs from the expected one.

    Parameters
    ----------
    got : as a reader gives them; None, NaN and NaT are missing.
    expected : as in `ShapedLayer.frame`, as many.
    kind : the field's type in its profile.
    digits : how far a number may be off, relative to itself: what the format's digits lose.

    Examples
    --------
    >>> from geosys.publish.read_back.found import objects
    >>> differing(objects([1.5, None, 0]), pd.Series([1.5, np.nan, np.nan]), "number").tolist()
    [False, False, True]
    >>> differing(objects(["甲", ""]), pd.Series(["甲", None], dtype=object), "text").tolist()
    [False, True]
    """
    if kind == NUMBER:
        return _differing_numbers(got, expected, digits)
    read = _READERS.get(kind, _text)
    wanted = [
        None if missing else value for value, missing in zip(expected.astype(object), expected.isna(), strict=True)
    ]
    found = got.astype("datetime64[s]").astype(object) if got.dtype.kind == "M" else got.astype(object)
    pairs = zip(found, wanted, strict=True)
    return np.fromiter((read(f) != w for f, w in pairs), dtype=bool, count=len(wanted))


def _differing_numbers(got: NDArray[Any], expected: pd.Series, digits: float) -> NDArray[np.bool_]:
    wanted = expected.to_numpy(dtype=np.float64, na_value=np.nan)
    unlike = np.zeros(len(wanted), dtype=bool)
    if got.dtype == object:
        unlike = np.array(
            [not (v is None or (isinstance(v, (int, float, np.number)) and not isinstance(v, bool))) for v in got],
            dtype=bool,
        )
        numbers = np.array(
            [np.nan if v is None or bad else float(v) for v, bad in zip(got, unlike, strict=True)], dtype=np.float64
        )
    else:
        numbers = got.astype(np.float64)
    is_equal = (numbers == wanted) | (np.isnan(numbers) & np.isnan(wanted))
    if digits:
        is_equal |= np.abs(numbers - wanted) <= digits * np.abs(wanted)
    result: NDArray[np.bool_] = unlike | ~is_equal
    return result


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)  # noqa: PLR0124


def _text(value: Any) -> Any:
    return None if _is_missing(value) else value


def _integer(value: Any) -> Any:
    """Return a whole number; what is none comes back as a text that equals no number."""
    if _is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return f"'{value}'"
    return int(value) if float(value).is_integer() else f"'{value}'"


def _day(value: Any) -> Any:
    """Return a day; a time of day other than midnight, or no date, comes back as a text that equals none."""
    if _is_missing(value):
        return None
    if isinstance(value, dt.datetime):
        return value.date() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, dt.date):
        return value
    if not (isinstance(value, str) and _ISO_DAY.match(value) and value[_DAY_LETTERS:] in _MIDNIGHT):
        return f"'{value}'"
    try:
        return dt.date.fromisoformat(value[:_DAY_LETTERS])
    except ValueError:
        return f"'{value}'"


def _truth(value: Any) -> Any:
    if _is_missing(value):
        return None
    return _TRUTH.get(value, f"'{value}'")


_READERS: dict[str, Callable[[Any], Any]] = {INTEGER: _integer, DATE: _day, TRUTH: _truth}


def shown(value: Any) -> str:
    """Return a value as a report shows it.

    Examples
    --------
    >>> shown(None), shown("甲 "), shown(1.5), shown(dt.date(2026, 5, 1))
    ('（空 missing）', "'甲 '", '1.5', '2026-05-01')
    """
    if _is_missing(value) or (isinstance(value, np.datetime64) and np.isnat(value)):
        return MISSING
    if isinstance(value, (dt.datetime, dt.date, np.datetime64)):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return "是 true" if value else "否 false"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def first_of(values: NDArray[Any], row: int) -> Any:
    """Return one value as Python's own."""
    value = values[row]
    return value.item() if isinstance(value, np.generic) and values.dtype.kind != "M" else value

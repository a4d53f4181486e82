"""Coarsen what a released layer says: dates are cut, numbers rounded, texts kept to their code lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection

_LETTERS = {"day": 10, "month": 7, "year": 4}  # of an ISO date


def cut_date(value: Any, dates: str) -> str | None:
    """Return what is left of a date as text; None for none.

    Examples
    --------
    >>> import datetime as dt
    >>> cut_date(dt.date(2026, 3, 31), "month"), cut_date(None, "year")
    ('2026-03', None)
    """
    if value is None or pd.isna(value):
        return None
    return str(pd.Timestamp(value).date())[: _LETTERS[dates]]


def round_digits(value: Any, digits: int) -> float | int | None:
    """Return a number with so many significant digits, halves to even; None for none.

    Examples
    --------
    >>> round_digits(12345, 2), round_digits(0.04567, 2), round_digits(float("nan"), 2)
    (12000, 0.046, None)
    """
    if value is None or pd.isna(value):
        return None
    number = float(f"{float(value):.{digits}g}")
    return int(number) if number.is_integer() else number


def known_code(value: Any, codes: Collection[str]) -> str | None:
    """Return a code of the list; None for what is none of them, whatever it says.

    Examples
    --------
    >>> known_code("住宅", ["住宅"]), known_code("张三家", ["住宅"])
    ('住宅', None)
    """
    return str(value) if isinstance(value, str) and value in codes else None


def plain_truth(value: Any) -> bool | None:
    """Return a truth value; None for none."""
    return None if value is None or pd.isna(value) else bool(value)

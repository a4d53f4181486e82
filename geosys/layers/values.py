"""Values as senders write them: numbers, dates, truths, coordinates; each parser returns None for what it cannot read."""

from __future__ import annotations

import datetime as dt
import math
import re

import pandas as pd

EXCEL_EPOCH = dt.date(1899, 12, 30)
_SERIAL_RANGE = (
    20_000,
    80_000,
)  # 1954 to 2119: a bare number in a date column is an Excel serial only in this range
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_EMPTY = {"", "-", "--", "—", "——", "/", "\\", "无数据", "null", "none", "nan", "n/a", "#n/a", "<null>", "*"}
_TRUE = {"是", "true", "t", "1", "y", "yes", "有", "已", "√", "✓", "对"}
_FALSE = {"否", "false", "f", "0", "n", "no", "无", "未", "×", "✗", "错"}
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)?")
_TIME = r"(?:(?:T|\s+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[-+]\d{2}:?\d{2})?)?"
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?" + _TIME)
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T]?\d{2}:?\d{2}(?::?\d{2})?)?")
_SIDE = r"[EWNS]|[东西]经?|[南北]纬?"
_DMS = re.compile(
    rf"(?P<sign>[-+])?\s*(?P<side1>{_SIDE})?\s*(?P<d>\d{{1,3}}(?:\.\d+)?)\s*(?:[°º度:d]|\s)\s*"
    r"(?:(?P<m>\d{1,2}(?:\.\d+)?)\s*(?:['′’‘分:m]|\s|(?=[EWNS]?$))\s*"
    r"(?:(?P<s>\d{1,2}(?:\.\d+)?)\s*(?:[\"″”“秒s]|''|′′|’’)?\s*)?)?(?P<side2>[EWNS])?",
    re.IGNORECASE,
)
_SIXTY = 60


def plain(value: object) -> str | None:
    """Return a cell as trimmed text with half-width digits, whole numbers without ``.0``; None when it is empty.

    Examples
    --------
    >>> plain(" ４１０２９９ "), plain(3.0), plain("--"), plain(float("nan"))
    ('410299', '3', None, None)
    """
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return str(int(value))
    text = str(value).translate(_CONTROLS).strip().strip("\u200b\ufeff").translate(_WIDE_DIGITS).strip()
    return None if text.lower() in _EMPTY else text


def _is_missing(value: object) -> bool:
    """Say whether a cell is None or one of the missing values of pandas and numpy."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


_CONTROLS = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), 127]
)  # no letter of any text; a NUL would end it elsewhere
_WIDE_DIGITS = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF1A)} | {0x3000: 0x20}


def number(value: object) -> float | None:
    """Return a number from a number or its text (thousands' commas, full-width digits); None when it is none.

    Examples
    --------
    >>> number("１，２３４．５"), number("12.3mg"), number("1e3"), number("12,5")
    (1234.5, None, 1000.0, None)
    """
    text = plain(value)
    if text is None or isinstance(value, bool):
        return None
    half = text.translate(HALF_WIDTH)
    if not _NUMBER.fullmatch(half) or not any(letter.isdigit() for letter in half):
        return None
    result = float(half.replace(",", ""))
    return result if math.isfinite(result) else None


def date(value: object) -> dt.date | None:  # noqa: PLR0911  one way out for each spelling
    """Return a date from a date, a text in the usual Chinese spellings or an Excel serial; None when it is none.

    Examples
    --------
    >>> date("2025年6月30日"), date("2025.6.3"), date(45838), date("2025-13-01")
    (datetime.date(2025, 6, 30), datetime.date(2025, 6, 3), datetime.date(2025, 6, 30), None)
    """
    if _is_missing(value):
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    text = plain(value)
    if text is None:
        return None
    text = text.translate(HALF_WIDTH)
    match = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    if match:
        try:
            return dt.date(*(int(part) for part in match.groups()[:3]))
        except ValueError:
            return None
    serial = number(text)
    if serial is not None and _SERIAL_RANGE[0] <= serial <= _SERIAL_RANGE[1]:
        return EXCEL_EPOCH + dt.timedelta(days=int(serial))
    return None


def truth(value: object) -> bool | None:
    """Return True or False from 是/否, 有/无, 1/0, Y/N and the like; None when it is none of them."""
    if isinstance(value, bool):
        return value
    text = plain(value)
    if text is None:
        return None
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def angle(value: object) -> float | None:
    """Return degrees from decimal degrees or degrees-minutes-seconds; None for what is neither.

    Minutes or seconds of 60 and more are a fault, not carried over: nobody knows which digit is wrong.

    Examples
    --------
    >>> angle("114°18′36″"), angle("114.31"), angle("E114度18分36秒"), angle("114°75′00″")
    (114.31, 114.31, 114.31, None)
    """
    bare = number(value)
    if bare is not None:
        return bare
    text = plain(value)
    match = _DMS.fullmatch(text.translate(HALF_WIDTH)) if text else None
    if not match:
        return None
    minutes, seconds = float(match["m"] or 0), float(match["s"] or 0)
    is_split = ("." in match["d"] and match["m"]) or (match["m"] and "." in match["m"] and match["s"])
    if minutes >= _SIXTY or seconds >= _SIXTY or is_split:
        return None
    degrees = round(float(match["d"]) + minutes / 60 + seconds / 3600, 12)
    side = (match["side1"] or match["side2"] or "").upper()[:1]
    return -degrees if match["sign"] == "-" or side in ("W", "S", "西", "南") else degrees

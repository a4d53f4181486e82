"""Values as senders write them: numbers, dates, truths, coordinates; each parser returns None for what it cannot read."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass

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
# A plain blank may stand between two numbers; these blanks do not.
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+(?:\.\d*)?")
_TIME = r"(?:(?:T|\s+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[-+]\d{2}:?\d{2})?)?"
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?" + _TIME)
_UNCLEAR_DATE = re.compile(r"(\d{1,2})[-/.年](\d{1,2})[-/.月](\d{4}|\d{1,2})日?")
_YEAR_DIGITS, _CENTURY = 4, 2000
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
    if isinstance(value, str) and value.isprintable():  # nothing in it to take out: most cells by far
        text = value.strip()
        text = text if text.isascii() else text.translate(_WIDE_DIGITS).strip()
        return None if text.lower() in _EMPTY else text
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
    half = text if text.isascii() else _grouped(text.translate(HALF_WIDTH))
    half = half.removeprefix("'")
    if not _NUMBER.fullmatch(half) or not any(letter.isdigit() for letter in half):
        return None
    try:
        result = float(half.replace(",", ""))
    except ValueError:  # an exponent without a number, as E1
        return None
    return result if math.isfinite(result) else None


def _grouped(text: str) -> str:
    """Return a number without the no-break blanks between its thousands; other text as it is."""
    return re.sub(r"[\u00a0\u2009\u202f]", "", text) if _GROUPED.fullmatch(text) else text


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
    text = text.translate(HALF_WIDTH).removeprefix("'")
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


def is_serial(value: object) -> bool:
    """Say whether a cell is a bare number that `date` takes for an Excel serial.

    Examples
    --------
    >>> is_serial(45811), is_serial("45811"), is_serial(20250603), is_serial("2025-06-03")
    (True, True, False, False)
    """
    if isinstance(value, (dt.date, dt.datetime)):
        return False
    serial = number(value)
    return serial is not None and _SERIAL_RANGE[0] <= serial <= _SERIAL_RANGE[1]


def unclear_dates(value: object) -> tuple[dt.date, ...]:
    """Return the days that a date without a leading four-digit year may mean, in order; none where it is no such date.

    Examples
    --------
    >>> [str(day) for day in unclear_dates("6/3/2025")], unclear_dates("2025-06-03")
    (['2025-03-06', '2025-06-03'], ())
    """
    text = plain(value)
    match = _UNCLEAR_DATE.fullmatch(text.translate(HALF_WIDTH)) if text else None
    if not match:
        return ()
    one, two, three = (int(part) for part in match.groups())
    year = three if len(match[3]) == _YEAR_DIGITS else _CENTURY + three
    orders = [(year, one, two), (year, two, one)]
    if len(match[3]) != _YEAR_DIGITS:
        orders.append((_CENTURY + one, two, three))
    days = set()
    for order in orders:
        try:
            days.add(dt.date(*order))
        except ValueError:
            continue
    return tuple(sorted(days))


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


class Shared(float):
    """A number of one merged cell that several rows share: each row's own, or that of all together, nobody knows."""


_QUALIFIED = re.compile(
    r"(?:大约|约|近|将近|接近|≈|~|∼|>=|>|≥|⩾|大于等于|大于|不少于|不低于|不小于|超过|高于|≤|<=|不足|不到|不超过|不大于)\s*\d.*"
    r"|\d.*(?:左右|上下|以上|以下|以内|余|多|许)|\d[\d.,]*\s*(?:余|多|来)\s*\D{1,4}"
)
_QUANTITY = re.compile(rf"({_NUMBER.pattern})\s*([^\d\s.,+\-].*)")
_STATED_UNITS = re.compile(r"单位\s*[:：为]\s*([^\s)）】\]]+(?:\s*[、，,；;]\s*[^\s)）】\]]+)*)")


def is_qualified(value: object) -> bool:
    """Say whether a cell is a number with about, more or less than: a number nobody measured.

    Examples
    --------
    >>> is_qualified("约12亩"), is_qualified("≈5"), is_qualified("30左右"), is_qualified("12亩")
    (True, True, True, False)
    """
    text = plain(value) if isinstance(value, str) else None
    return bool(text and _QUALIFIED.fullmatch(text.translate(HALF_WIDTH)))


def quantity(value: object) -> tuple[float, str] | None:
    """Return number and unit of a text that holds both; None for all else, a bare number included.

    Examples
    --------
    >>> quantity("1,200.5 亩"), quantity("0.8公顷"), quantity("12"), quantity("约12亩")
    ((1200.5, '亩'), (0.8, '公顷'), None, None)
    """
    text = plain(value) if isinstance(value, str) else None
    match = _QUANTITY.fullmatch(text.translate(HALF_WIDTH)) if text else None
    amount = number(match[1]) if match else None
    return (amount, match[2].strip()) if match and amount is not None else None


def stated_units(note: str) -> list[str]:
    """Return the words that stand after 单位： in a note, units or not.

    Examples
    --------
    >>> stated_units("填报日期：2025年 单位：亩、mg/L"), stated_units("填报单位：城关镇"), stated_units("面积")
    (['亩', 'mg/L'], ['城关镇'], [])
    """
    return [unit for match in _STATED_UNITS.findall(note) for unit in re.split(r"\s*[、，,；;]\s*", match) if unit]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Hold one laboratory value: a number, or that it lies below a detection limit, which may be known.

    `value` is None exactly where `is_below`: no number is put in the place of what was not found.
    """

    value: float | None
    is_below: bool = False
    detection_limit: float | None = None


_UNDETECTED = (
    r"(?:未检出|未检测出|未测出|低于(?:方法)?检出限|小于检出限|<\s*(?:DL|LOD|MDL|检出限)|BDL|ND|N\.D\.?|N\.\s*D\.)"
)
_POSITIVE = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_BELOW = re.compile(
    rf"(?:<|小于|低于)\s*(?P<less>{_POSITIVE})|(?P<l>{_POSITIVE})\s*\(?L\)?"
    rf"|(?P<nd>{_UNDETECTED})(?:\s*[(\[]?\s*(?:检出限)?\s*[:<=]?\s*(?P<limit>{_POSITIVE})\s*L?\s*[)\]]?)?",
    re.IGNORECASE,
)


def measurement(value: object) -> Measurement | None:
    """Return a laboratory value: a number, ``<0.01``, ``0.01L``, ND or 未检出; None where it is none of these or empty.

    A small ``l`` after a number is refused: it may be the digit one. Above a range (``>24000``) is no measurement.

    Source: HJ 91.2-2022, a result below the method's detection limit is reported as that limit followed by L (clause not checked).

    Examples
    --------
    >>> measurement("0.35").value, measurement("0.01L").detection_limit, measurement("未检出").is_below
    (0.35, 0.01, True)
    >>> measurement("<0.01")
    Measurement(value=None, is_below=True, detection_limit=0.01)
    """
    bare = number(value)
    if bare is not None:
        return Measurement(bare)
    text = plain(value) if isinstance(value, str) else None
    half = text.translate(HALF_WIDTH).replace("＜", "<").replace("﹤", "<") if text else ""
    match = _BELOW.fullmatch(half)
    if not match or (match["l"] and "L" not in half):
        return None
    stated = match["less"] or match["l"] or match["limit"]
    limit = float(stated) if stated else None
    return None if limit is not None and not (math.isfinite(limit) and limit > 0) else Measurement(None, True, limit)

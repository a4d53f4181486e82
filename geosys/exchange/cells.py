"""Read one cell that people filled in: what it says of its column, or why it says nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.exchange.layout import word_kind
from geosys.exchange.sheets import CELL_LIMIT, Unread, sheet_text
from geosys.layers.codes import fold
from geosys.layers.values import date, is_serial, plain, unclear_dates

if TYPE_CHECKING:
    from geosys.exchange.layout import Column, Words

YEARS = (1950, 2100)
_NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Said:
    """Hold what a cell says: a value (None: empty), and the kind and text of what is wrong with it or worth telling."""

    value: Any = None
    kind: str = ""
    text: Text = _NOTHING


def read_cell(cell: object, column: Column, words: Words) -> Said:
    """Return what a cell says: a date, a code, or a text as it can be held."""
    title = column.title
    if isinstance(cell, Unread):
        zh = f"“{title.zh}”是公式或错误值 {cell.text[:60]}，不计算也不采用；请改为内容本身"
        return Said(
            None, "formula", Text(zh, f"'{title.en}' is a formula or an error: never evaluated. Write the value itself")
        )
    if cell is None:
        return Said()
    if column.type == "date":
        return _read_date(cell, column)
    text = sheet_text(plain_text(cell)).strip()
    kind = word_kind(column)
    if not kind:
        return Said(text)
    code = words.code(kind, text)
    if code is None:
        allowed = "、".join(list(words.titles.get(kind, {}).values())[:12])
        zh = f"“{title.zh}”的“{text[:40]}”不在清单中（{allowed}）"
        return Said(None, "unknown_word", Text(zh, f"'{title.en}': '{text[:40]}' is none of its words"))
    return Said(code)


def plain_text(cell: object) -> str:
    """Return a cell's value as people see it: days without their hours, whole numbers without a point."""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    if isinstance(cell, str):
        return cell
    return plain(cell) or str(cell)


def _read_date(cell: object, column: Column) -> Said:
    title = column.title
    if isinstance(cell, dt.date):  # a datetime is one
        day = cell.date() if isinstance(cell, dt.datetime) else cell
        return Said(day) if YEARS[0] <= day.year <= YEARS[1] else _unclear(cell, column)
    day_read = None if unclear_dates(cell) else date(cell)
    if day_read is None or not YEARS[0] <= day_read.year <= YEARS[1]:
        return _unclear(cell, column)
    what = "日期序号" if is_serial(cell) else "文字"
    zh = f"“{title.zh}”的“{plain_text(cell)[:40]}”是{what}而不是日期，读作 {day_read}"
    return Said(
        day_read,
        "date_as_text",
        Text(zh, f"'{title.en}': '{plain_text(cell)[:40]}' is no date but reads as {day_read}"),
    )


def _unclear(cell: object, column: Column) -> Said:
    zh = f"“{column.title.zh}”的“{plain_text(cell)[:40]}”读不出是哪一天；请填如 2026-11-30 的日期"
    return Said(
        None, "unclear_date", Text(zh, f"'{column.title.en}': '{plain_text(cell)[:40]}' is no day. Write a date")
    )


def same(one: object, other: object) -> bool:
    r"""Say whether two values are the same as a sheet shows them: blanks at the ends and kinds of line ends aside.

    Examples
    --------
    >>> same(None, ""), same("甲\r\n", "甲"), same("甲", "乙")
    (True, True, False)
    """
    return _shown(one) == _shown(other)


def _shown(value: object) -> object:
    return value if isinstance(value, dt.date) else sheet_text("" if value is None else value).strip()


def is_cut(value: object) -> bool:
    """Say whether a text is too long for a cell: a sheet holds only its beginning."""
    return isinstance(value, str) and len(value) > CELL_LIMIT


def means_empty(cell: object, clear_word: str) -> bool:
    """Say whether a cell holds the word that empties it."""
    return isinstance(cell, str) and fold(cell) == fold(clear_word)

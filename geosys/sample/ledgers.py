"""Write Excel tables as offices keep them: plain ones, and a ledger with title, note, merged header and mixed dates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

_EPOCH = dt.date(1899, 12, 30)
_MADE = dt.datetime(2026, 9, 30, tzinfo=dt.UTC)
_NOTE = (
    "填表说明：经纬度按度分秒填写；带“是否”的栏目填是或否；本表为虚构的样例数据（sample data），不代表任何真实对象。"
)
_FIRST_ROW = 4  # of a ledger: below title, note and two header rows


def write_workbook(path: Path, table: pd.DataFrame, sheet: str) -> None:
    """Write one sheet with its header in the first row; dates as Excel dates."""
    with _book(path) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        page.write_row(0, 0, list(table.columns), book.add_format({"bold": True}))
        for r, row in enumerate(table.itertuples(index=False), 1):
            for c, value in enumerate(row):
                _write(page, r, c, value, day)


def write_ledger(path: Path, table: pd.DataFrame, sheet: str, title: str, header: Sequence[Sequence[str]]) -> None:
    """Write a ledger: title row, note row, a header of two rows with merged groups, and dates in four spellings."""
    with _book(path) as book:
        page = book.add_worksheet(sheet)
        head = book.add_format({"bold": True, "align": "center", "border": 1})
        day = book.add_format({"num_format": "yyyy/m/d"})
        last = len(header) - 1
        page.merge_range(0, 0, 0, last, title, book.add_format({"bold": True, "align": "center", "font_size": 16}))
        page.merge_range(1, 0, 1, last, _NOTE)
        _merged_header(page, header, head)
        for r, row in enumerate(table.itertuples(index=False), _FIRST_ROW):
            for c, value in enumerate(row):
                spelled = _spelled(value, r) if isinstance(value, dt.date) else value
                _write(page, r, c, spelled, day)
        page.freeze_panes(_FIRST_ROW, 2)
        page.set_column(0, last, 16)


def _book(path: Path) -> Any:
    """Return a new workbook whose time stamps do not tell when it was made."""
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": path.stem, "comments": "样例数据 sample data", "created": _MADE})
    return book


def _merged_header(page: Any, header: Sequence[Sequence[str]], head: Any) -> None:
    """Write groups over columns; a group of several columns is one merged cell."""
    start = 0
    for c in range(1, len(header) + 1):
        if c == len(header) or header[c][0] != header[start][0]:
            if c - start > 1:
                page.merge_range(2, start, 2, c - 1, header[start][0], head)
            else:
                page.write(2, start, header[start][0], head)
            start = c
    for c, (_, name) in enumerate(header):
        page.write(3, c, name, head)


def _spelled(day: dt.date, turn: int) -> Any:
    """Return a date in one of the spellings people use: a date, two texts, a bare serial number."""
    spellings = (day, f"{day.year}年{day.month}月{day.day}日", f"{day.year}.{day.month}.{day.day}", (day - _EPOCH).days)
    return spellings[turn % len(spellings)]


def _write(page: Any, row: int, column: int, value: Any, day: Any) -> None:
    if value is None or value != value:  # noqa: PLR0124  NaN is not itself
        return
    if isinstance(value, dt.date):
        page.write_datetime(row, column, dt.datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
    elif isinstance(value, str):
        page.write_string(row, column, value)
    else:
        page.write_number(row, column, float(value))

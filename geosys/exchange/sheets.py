"""The way to workbooks: the one module here that knows by which doors they are written and read."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from geosys.layers.sheet_marks import check_size
from geosys.layers.tables import read_workbook
from geosys.maps.cells import CELL_LIMIT, Formats, cell_text, count_lines, ink_on, row_height
from geosys.maps.fix_list.written import Grid, Unread, read_written
from geosys.maps.tables import _content_palettes as content_palettes
from geosys.maps.tables import _set_page as set_page
from geosys.maps.tables import _write_heads as write_heads
from geosys.maps.tables import workbook

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CELL_LIMIT", "Formats", "Grid", "Unread", "cell_name", "cell_text", "content_palettes", "count_lines", "ink_on", "read_grids",
    "read_workbook", "row_height", "set_page", "sheet_text", "workbook", "write_heads", "write_value",
]  # fmt: skip

TRIGGERS = ("=", "+", "-", "@", "\t")  # what a spreadsheet takes for the beginning of a formula when a cell is edited
ESCAPED = "_x005F_"
_BREAKS = re.compile("\r\n?")


def read_grids(path: Path) -> dict[str, Grid]:
    """Return all cells of a workbook as they were written.

    Raises
    ------
    DeliveryError
        When the file is no .xlsx workbook, or is larger than any ledger.
    """
    check_size(path)
    return read_written(path)


def sheet_text(value: object) -> str:
    r"""Return a text as a sheet gives it back: legal, within the limit, line ends of one kind.

    Examples
    --------
    >>> sheet_text("甲\r\n乙\x00")
    '甲\n乙'
    """
    text = cell_text(_BREAKS.sub("\n", str(value)))
    while ESCAPED in text:  # a program reads it as one underline, or as two
        text = text.replace(ESCAPED, "_")
    return text


def write_value(sheet: Any, row: int, column: int, value: object, formats: Formats, **look: Any) -> str:
    """Write a date as a date and all else as text that is never taken for a formula; return the text to be wrapped."""
    if value is None or value == "":
        sheet.write_blank(row, column, None, formats.get(**look))
        return ""
    if isinstance(value, dt.date):
        day = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a cell's date has no zone
        sheet.write_datetime(row, column, day, formats.get(num_format="yyyy-mm-dd", align="left", **look))
        return ""
    text = cell_text(_BREAKS.sub("\n", str(value)))
    quoted = {"quote_prefix": True} if text.startswith(TRIGGERS) else {}
    sheet.write_string(row, column, text, formats.get(**quoted, **look))
    return text


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell, row and column counted from 0.

    Examples
    --------
    >>> cell_name(0, 0), cell_name(9, 27), cell_name(0, 702)
    ('A1', 'AB10', 'AAA1')
    """
    letters, left = "", column + 1
    while left:
        left, place = divmod(left - 1, 26)
        letters = chr(ord("A") + place) + letters
    return f"{letters}{row + 1}"

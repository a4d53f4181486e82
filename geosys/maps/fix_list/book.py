# ruff: noqa: SLF001  a look made once is handed on by its private number; making it for each cell takes minutes
"""Make and save a workbook of openpyxl: cells that stay what they are, looks, page set-up, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from copy import copy
from typing import TYPE_CHECKING, Any

import openpyxl
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from geosys.maps.cells import FONT_SIZE, cell_text, count_lines, ink_on, row_height
from geosys.maps.pack import plain_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from openpyxl.cell.cell import Cell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from geosys.maps.frames import Meta

Head = tuple[str, str, int]  # Chinese name, English name, width in Latin letters
FONT = "Microsoft YaHei"
MOST_LINES = 16
NAME_LIMIT = 31  # letters of a sheet's name
_EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001  a workbook's dates have no zone; fixed, so that bytes are
_ZIP_EPOCH = (2000, 1, 1, 0, 0, 0)
_NOT_IN_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_TRIGGERS = ("=", "+", "-", "@")  # what a spreadsheet takes for the beginning of a formula when a cell is edited
_EDGE = Side(style="thin", color="D5DBE1")
_BORDER = Border(left=_EDGE, right=_EDGE, top=_EDGE, bottom=_EDGE)
# How much of a severity's colour is in a cell's ground: on a grey print each is lighter than the one before it.
_SHARES = {"critical": 1.0, "error": 0.62, "warning": 0.36, "notice": 0.14}


def new_book(meta: Meta, subject: str) -> Workbook:
    """Return an empty workbook with its properties."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    properties = book.properties
    properties.title, properties.subject = cell_text(subject)[:255], cell_text(meta.title.both())[:255]
    properties.creator, properties.description = cell_text(meta.program)[:255], meta.mark.both() if meta.mark else ""
    properties.created = _EPOCH
    return book


def save_book(book: Workbook, path: Path) -> None:
    """Save a workbook beside its place, then move it there: nothing of the hour, and never half of it."""
    raw = io.BytesIO()
    book.save(raw)
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(raw) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                data = old.read(name)
                if (
                    name == "docProps/core.xml"
                ):  # openpyxl puts the hour of saving there, under a prefix that any package may have changed
                    data = re.sub(rb"(<(?:\w+:)?modified\b[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", data)
                info = zipfile.ZipInfo(name, _ZIP_EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(info, data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def put(cell: Cell, value: object) -> None:
    """Write a value as what it is; a text is never taken for a formula, not even when somebody edits the cell."""
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta) and value == value:  # noqa: PLR0124  NaT
        cell.value = value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
        return
    plain = plain_value(value)
    if not isinstance(plain, str):
        cell.value = plain
        return
    cell.value = cell_text(plain) or None
    if cell.value is not None:
        cell.data_type = "s"
        if plain.startswith(_TRIGGERS):
            cell.quotePrefix = True


class Dresser:
    """Give cells of our own the house's look; each look is made once in a workbook."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Any] = {}

    def __call__(self, cell: Cell, *, fill: str = "", bold: bool = False, ink: str = "", align: str = "") -> None:
        """Dress one cell; colours as ``RRGGBB``, the ink by default what reads best. A quote mark stays."""
        key = (fill, bold, ink, align, bool(cell.quotePrefix))
        if key not in self._made:
            colour = ink or (ink_on(f"#{fill}")[1:] if fill else "000000")
            cell.font = Font(name=FONT, size=FONT_SIZE, bold=bold, color=colour)
            cell.alignment = Alignment(vertical="top", horizontal=align or None, wrap_text=True)
            cell.border = _BORDER
            if fill:
                cell.fill = PatternFill("solid", fgColor=fill)
            self._made[key] = cell._style
        cell._style = copy(self._made[key])


def tint(colour: str, severity: str) -> str:
    """Return the ground of a cell of a severity, as ``RRGGBB``.

    Examples
    --------
    >>> tint("#8E0B1F", "critical"), tint("#000000", "error"), tint("#4A6FA5", "notice")
    ('8E0B1F', '616161', 'E6EBF2')
    """
    share = _SHARES[severity]
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "".join(f"{round(part * share + 255 * (1 - share)):02X}" for part in parts)


def sheet_name(book: Workbook, wanted: str) -> str:
    """Return a sheet's name that Excel takes and that the book does not have yet.

    Examples
    --------
    >>> book = openpyxl.Workbook()
    >>> sheet_name(book, "a/b[1]:*?"), sheet_name(book, "SHEET"), sheet_name(book, "'")
    ('a b 1', 'SHEET (2)', '表')
    """
    name = re.sub(r" +", " ", _NOT_IN_NAME.sub(" ", cell_text(wanted))).strip(" '") or "表"
    taken = {title.casefold() for title in book.sheetnames} | {"history"}  # a name that Excel keeps for itself
    tried, at = name[:NAME_LIMIT].strip(" '"), 1
    while tried.casefold() in taken:
        at += 1
        tail = f" ({at})"
        tried = name[: NAME_LIMIT - len(tail)] + tail
    return tried


def set_page(sheet: Worksheet, footer: str, titles: str = "") -> None:
    """Set the printed page: A4 on its side, as wide as the sheet, header rows on each page, comments at the end."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = openpyxl.worksheet.properties.PageSetupProperties(fitToPage=True)
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    sheet.page_margins.header = sheet.page_margins.footer = 0.25
    sheet.oddFooter.left.text = cell_text(footer)[:100].replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"
    if titles:
        sheet.print_title_rows = titles


def write_grid(sheet: Worksheet, top: int, heads: Sequence[Head], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table of our own with two header rows (Chinese, English) at `top`, rows as high as their texts need."""
    dress = Dresser()
    for at, (zh, en, width) in enumerate(heads, 1):
        for row, text, fill in ((top, zh, "12395C"), (top + 1, en, "3D6A92")):
            put(sheet.cell(row, at), text)
            dress(sheet.cell(row, at), fill=fill, ink="FFFFFF", bold=row == top)
        sheet.column_dimensions[get_column_letter(at)].width = width
    for row, place in ((top, 0), (top + 1, 1)):
        sheet.row_dimensions[row].height = row_height(
            max(count_lines((zh, en)[place], width) for zh, en, width in heads)
        )
    for number, values in enumerate(rows, top + 2):
        lines = 1
        for at, (value, (_, _, width)) in enumerate(zip(values, heads, strict=True), 1):
            cell = sheet.cell(number, at)
            put(cell, value)
            dress(cell)
            if isinstance(cell.value, str):
                lines = max(lines, count_lines(cell.value, width))
        sheet.row_dimensions[number].height = row_height(min(lines, MOST_LINES))

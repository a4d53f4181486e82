# ruff: noqa: SLF001  a look copied once is handed on by its private number; copying it for each cell takes minutes
"""Copy a sheet of the sender's workbook with its formats, and find the columns of its table on it."""

from __future__ import annotations

import warnings
import zipfile
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import openpyxl
from openpyxl.cell.cell import MergedCell
from openpyxl.utils import get_column_letter

from geosys.maps.fix_list.book import put
from geosys.maps.pack import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

MOST_BYTES = 200_000_000  # of an unpacked workbook
MOST_COLUMNS = 500
_ROWS_BELOW = 300  # notes and sums below the last record
_HEADER_ROWS = 24
_COMPARED = 50
_DATE_WIDTH = 12
_JOINT = "›"  # between the levels of a header, as the layers room joins them
_LEAST_ALIKE = 0.8


@contextmanager
def open_copy(path: Path, name: str, last: int) -> Iterator[Worksheet | None]:
    """Give a sheet of a workbook with the values its formulas had; None where it cannot be copied.

    Whatever a sender's file makes openpyxl raise, the values that were read are still there to be written.
    """
    book = None
    try:
        with zipfile.ZipFile(path) as packed:
            is_small = sum(info.file_size for info in packed.infolist()) <= MOST_BYTES
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells what it drops: nothing of that is a value
            book = openpyxl.load_workbook(path, data_only=True) if is_small else None
        sheet = book[name] if book is not None and name in book.sheetnames else None
        is_table = sheet is not None and hasattr(sheet, "iter_rows") and sheet.max_row >= last
    except Exception:  # noqa: BLE001  a spoilt workbook fails in as many ways as it has parts
        is_table = False
    yield sheet if is_table else None
    if book is not None:
        book.close()


def copy_sheet(source: Worksheet, target: Worksheet, last: int) -> None:
    """Copy values, looks, merged cells, widths and heights; links, formulas, names and pictures stay behind.

    Of what stands below the `last` record so much is copied as notes and sums need.
    """
    rows, columns = min(source.max_row, last + _ROWS_BELOW), min(source.max_column, MOST_COLUMNS)
    looks: dict[int, Any] = {}
    for line in source.iter_rows(max_row=rows, max_col=columns):
        for cell in line:
            if not isinstance(cell, MergedCell) and (cell.value is not None or cell.has_style):
                _copy_cell(cell, target.cell(cell.row, cell.column), looks)
    for area in source.merged_cells.ranges:
        if area.max_row <= rows and area.max_col <= columns:
            target.merge_cells(str(area))
    _widen_dates(target)
    for dimension in source.column_dimensions.values():
        for at in range(dimension.min or 1, min(dimension.max or 1, columns) + 1):
            target.column_dimensions[get_column_letter(at)].width = dimension.width
            target.column_dimensions[get_column_letter(at)].hidden = dimension.hidden
    for row, height in source.row_dimensions.items():
        if row <= rows:
            target.row_dimensions[row].height = height.height
            target.row_dimensions[row].hidden = height.hidden
    target.freeze_panes = source.freeze_panes
    target.sheet_format.defaultRowHeight = source.sheet_format.defaultRowHeight


def _widen_dates(target: Worksheet) -> None:
    """Make columns of dates wide enough to be read, unless their sender gave them a width."""
    for line in target.iter_rows(max_row=min(target.max_row, _COMPARED)):
        for cell in line:
            if not isinstance(cell, MergedCell) and cell.is_date:
                target.column_dimensions[cell.column_letter].width = max(len(cell.number_format) + 2, _DATE_WIDTH)


def _copy_cell(cell: Cell, target: Cell, looks: dict[int, Any]) -> None:
    """Copy one cell; an error value stays a text, and no text becomes a formula."""
    put(target, cell.value)
    is_quoted = bool(target.quotePrefix)
    if cell.has_style:
        number = cell.style_id
        if number not in looks:
            target.font, target.fill, target.border = copy(cell.font), copy(cell.fill), copy(cell.border)
            target.alignment, target.number_format = copy(cell.alignment), cell.number_format
            looks[number] = copy(target._style)
        target._style = copy(looks[number])
        target.quotePrefix = is_quoted


def find_columns(sheet: Worksheet, columns: Mapping[str, Sequence[Any]], lines: Sequence[int]) -> dict[str, int]:
    """Return where the columns of a table stand on its sheet: by the header above its first row, else by the values.

    Parameters
    ----------
    columns : raw values by name; the levels of a merged header are joined by ``›``.
    lines : the row of the sheet of each value.
    """
    width = min(sheet.max_column, MOST_COLUMNS)
    heads = [_heads(sheet, at, min(lines)) for at in range(1, width + 1)]
    found: dict[str, int] = {}
    for name, values in columns.items():
        levels = [_fold(level) for level in name.split(_JOINT)]
        free = [at for at in range(1, width + 1) if at not in found.values()]
        alike = {at: _share_alike(sheet, at, values, lines) for at in free}
        named = [at for at in free if _has_levels(heads[at - 1], levels)]
        if named:
            found[name] = max(named, key=lambda at: (alike[at], -at))
        elif alike and max(alike.values()) >= _LEAST_ALIKE:
            found[name] = max(alike, key=lambda at: (alike[at], -at))
    return found


def _heads(sheet: Worksheet, column: int, first: int) -> list[str]:
    """Return the texts above the first record of a column, a merged cell's for all the cells it covers."""
    texts = []
    for row in range(max(1, first - _HEADER_ROWS), first):
        value = sheet.cell(row, column).value
        if value is None:
            area = next(
                (
                    a
                    for a in sheet.merged_cells.ranges
                    if a.min_row <= row <= a.max_row and a.min_col <= column <= a.max_col
                ),
                None,
            )
            value = sheet.cell(area.min_row, area.min_col).value if area else None
        texts.append(_fold(value))
    return texts


def _has_levels(heads: Sequence[str], levels: Sequence[str]) -> bool:
    """Say whether the levels of a name stand below each other in a header, in their order."""
    rest = iter(heads)
    return all(any(level == head for head in rest) for level in levels)


def _share_alike(sheet: Worksheet, column: int, values: Sequence[Any], lines: Sequence[int]) -> float:
    """Return the share of the first filled values that stand in a column of the sheet."""
    told = [(line, _fold(value)) for line, value in zip(lines, values, strict=True) if _fold(value)][:_COMPARED]
    if not told:
        return 0.0
    return sum(_fold(sheet.cell(int(line), column).value) == text for line, text in told) / len(told)


def _fold(value: object) -> str:
    return "".join(str("" if (plain := plain_value(value)) is None else plain).split()).casefold()

"""Read ledgers (xlsx, xls) and CSV: find the header wherever it stands, keep the rows as they are. The one door to calamine."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import python_calamine

from geosys._errors import DeliveryError, TableError
from geosys._text import Text
from geosys.layers.codes import fold
from geosys.layers.encodings import decode_data
from geosys.layers.headers import (
    ANGLE_PARTS,
    HEADER_SEARCH_ROWS,
    JOINT,
    SHEET_COLUMN,
    known_as,
    place_header,
    strip_unit,
)
from geosys.layers.issues import Issue
from geosys.layers.ledger import Sheet, read_ledger
from geosys.layers.reading import Reading, choose_table
from geosys.layers.sheet_marks import MOST_COLUMNS, SheetMarks, check_size, read_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from geosys.layers.headers import Grid, Span

__all__ = ["ANGLE_PARTS", "JOINT", "known_as", "read_csv_table", "read_workbook", "sheet_cells", "strip_unit"]

ALL_SHEETS = "*"


def read_csv_table(path: Path, _table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read a CSV in UTF-8, GB18030 or Big5, judged on all its bytes, with comma, semicolon or tab.

    Raises
    ------
    DeliveryError
        When the bytes fit no encoding or several, or there is no header.
    """
    text, verdict = decode_data(path.read_bytes(), path.name, encoding, words)
    try:
        grids = {mark: _csv_rows(text, mark) for mark in ",;\t"}
    except csv.Error as error:
        raise DeliveryError(
            f"{path.name}: got text that is not CSV ({error}), expected CSV. Export it again."
        ) from None
    known = {fold(word) for word in words}
    delimiter = max(
        grids, key=lambda mark: (place_header(grids[mark][0], known)[2], max(map(len, grids[mark][0]), default=0))
    )
    rows, lines = grids[delimiter]
    sheet = Sheet(path.stem, rows, lines=tuple(lines))
    return _found(path, read_ledger(sheet, words, f"{verdict.evidence.en}, '{delimiter}'"))


def _csv_rows(text: str, delimiter: str) -> tuple[Grid, list[int]]:
    """Return the rows of a CSV and the line of the file on which each begins."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows: Grid = []
    lines = []
    begin = 1
    for row in reader:
        if len(row) > MOST_COLUMNS:
            raise csv.Error(f"line {begin} has {len(row)} cells, more than {MOST_COLUMNS}")
        rows.append(list(row))
        lines.append(begin)
        begin = reader.line_num + 1
    return rows, lines


def read_workbook(path: Path, table: str | None, _encoding: str | None, words: Sequence[str]) -> Reading:
    """Read one sheet of an Excel workbook, or with ``*`` all visible sheets of one form, one below the other.

    A header's merged cells count for all the cells they cover; those below fill the rows they cover.

    Raises
    ------
    DeliveryError
        When the workbook cannot be opened or is too large, the sheet is absent or not named although several hold
        rows, or there is no header.
    """
    with _opened(path) as book:
        sheets = {meta.name: meta for meta in book.sheets_metadata}
        shown = [n for n, meta in sheets.items() if meta.visible == python_calamine.SheetVisibleEnum.Visible]
        last = {n: (book.get_sheet_by_name(n).end or (0, 0))[0] for n in sheets}  # a title alone is no table
        visible = [n for n in shown if len(shown) == 1 or last[n]]
        names = visible if table == ALL_SHEETS else [_chosen(path, list(sheets), visible, table)]
        found = [_sheet(book, name, path) for name in names]
    readings = [read_ledger(sheet, words, f"sheet '{sheet.name}'") for sheet in found]
    reading = _joined(path, readings) if table == ALL_SHEETS else _found(path, readings[0])
    hidden = [n for n in sheets if last[n] and n not in shown and n not in names]
    return replace(reading, issues=(*reading.issues, *map(_hidden_sheet, hidden)))


def sheet_cells(path: Path, sheet: str) -> list[list[Any]]:
    """Return every cell of a sheet as it stands, from A1 on, with nothing taken for a header, a total or a note.

    Returns
    -------
    list[list]
        Rows of equal length up to the last cell that is used; an empty cell is an empty text, a day a `date` or `datetime`.

    Raises
    ------
    DeliveryError
        When the workbook cannot be opened, is too large or has no such sheet.
    """
    with _opened(path) as book:
        names = book.sheet_names
        if sheet not in names:
            raise TableError(f"{path.name}: got the sheets {', '.join(names)}, expected '{sheet}'. Name one of them.")
        return [list(row) for row in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)]


@contextmanager
def _opened(path: Path) -> Iterator[python_calamine.CalamineWorkbook]:
    """Open a workbook that is not too large; whatever calamine trips over, also later, is damage of the file."""
    check_size(path)
    try:
        yield python_calamine.CalamineWorkbook.from_path(str(path))
    except DeliveryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DeliveryError(
            f"{path.name}: got a file that is no workbook ({error}), expected Excel. Save it again as .xlsx."
        ) from None


def _chosen(path: Path, sheets: list[str], visible: list[str], table: str | None) -> str:
    """Return the sheet asked for, or the only one that shows."""
    try:
        return choose_table(path.name, sheets, visible, table)
    except TableError as error:
        hint = " Sheets of one form are read together with '*'." if table is None and len(visible) > 1 else ""
        raise TableError(f"{error}{hint}") from None


def _sheet(book: python_calamine.CalamineWorkbook, name: str, path: Path) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    grid: Grid = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    spans: list[Span] = sheet.merged_cell_ranges or []
    return Sheet(name, grid, tuple(spans), marks=read_marks(path, name) or SheetMarks())


def _found(path: Path, reading: Reading | None) -> Reading:
    if reading is None:
        raise DeliveryError(
            f"{path.name}: got no header in the first {HEADER_SEARCH_ROWS} rows, expected column names. Add a header row."
        )
    return reading


def _hidden_sheet(name: str) -> Issue:
    zh, en = (
        f"隐藏的工作表“{name}”没有采用；需要的，请取消隐藏或用 table 指明",
        f"The hidden sheet '{name}' was not used; show it or name it with 'table' if it is wanted",
    )
    return Issue("hidden_sheet", Text(zh, en), value=name)


def _joined(path: Path, readings: Sequence[Reading | None]) -> Reading:
    """Return the sheets that have the header of the first one below each other, with the sheet's name as a column."""
    first = _found(path, next((r for r in readings if r is not None), None))
    same = [r for r in readings if r is not None and set(r.columns) == set(first.columns)]
    issues: list[Issue] = []
    start = 0
    for reading in same:
        for issue in reading.issues:
            issue.row += start if issue.row >= 0 else 0
            issue.source_table = reading.table
            issues.append(issue)
        start += reading.size
    for other in readings:
        if other is not None and set(other.columns) != set(first.columns):
            zh = f"工作表“{other.table}”的表头与“{first.table}”不同，没有采用；所见列：{'、'.join(list(other.columns)[:20])}"
            en = f"The sheet '{other.table}' has another header than '{first.table}' and was not used"
            issues.append(Issue("sheet_left_out", Text(zh, en), value=other.table))
    columns = {name: np.concatenate([r.columns[name] for r in same]) for name in first.columns}
    sheet = np.array([r.table for r in same for _ in range(r.size)] + [None], dtype=object)[:-1]
    return Reading(
        ALL_SHEETS,
        {**columns, SHEET_COLUMN: sheet},
        lines=tuple(line for r in same for line in r.lines),
        evidence="; ".join(r.evidence for r in same),
        issues=tuple(issues),
    )

"""Read ledgers (xlsx, xls) and CSV: find the header wherever it stands, keep the rows as they are. The one door to calamine."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import python_calamine

from geosys._errors import DeliveryError
from geosys.layers.codes import fold
from geosys.layers.dbf import check_known
from geosys.layers.reading import Reading, choose_table
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

HEADER_SEARCH_ROWS = 20
HEADER_DEPTH = 3
ANGLE_PARTS = ("度", "分", "秒")
JOINT = "›"  # between the levels of a header; no sender writes it, while units are full of slashes
_UNIT = re.compile(r"[（(\[【]([^（()）\[\]【】]*)[)）\]】]\s*$")

Grid = list[list[object]]


def strip_unit(name: str) -> tuple[str, str]:
    """Return a header without the unit in brackets at its end, and that unit.

    Examples
    --------
    >>> strip_unit("氨氮(mg/L)"), strip_unit("面积（亩）"), strip_unit("名称")
    (('氨氮', 'mg/L'), ('面积', '亩'), ('名称', ''))
    """
    match = _UNIT.search(name)
    return (name[: match.start()].strip(), match[1].strip()) if match and match.start() else (name.strip(), "")


def read_csv_table(path: Path, _table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read a CSV in UTF-8 or GB18030, judged on all its bytes, with comma, semicolon or tab.

    Raises
    ------
    DeliveryError
        When the bytes fit neither encoding, or there is no header.
    """
    data = path.read_bytes()
    text, used = _decode(data, path.name, encoding)
    try:
        grids = {mark: _csv_rows(text, mark) for mark in ",;\t"}
    except csv.Error as error:
        raise DeliveryError(
            f"{path.name}: got text that is not CSV ({error}), expected CSV. Export it again."
        ) from None
    known = {fold(word) for word in words}
    delimiter = max(
        grids, key=lambda mark: (_find_header(grids[mark][0], known)[2], max(map(len, grids[mark][0]), default=0))
    )
    rows, lines = grids[delimiter]
    return _table_of(path, path.stem, rows, words, f"{used}, '{delimiter}'", lines)


def _csv_rows(text: str, delimiter: str) -> tuple[Grid, list[int]]:
    """Return the rows of a CSV and the line of the file on which each begins."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows: Grid = []
    lines = []
    begin = 1
    for row in reader:
        rows.append(list(row))
        lines.append(begin)
        begin = reader.line_num + 1
    return rows, lines


def _decode(data: bytes, name: str, encoding: str | None) -> tuple[str, str]:
    if encoding is not None:
        check_known(encoding, name)
    for candidate in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(candidate), candidate
        except UnicodeDecodeError:
            continue
    raise DeliveryError(
        f"{name}: got bytes that are neither UTF-8 nor GB18030, expected one of them. Name the encoding with 'encoding'."
    )


def read_workbook(path: Path, table: str | None, _encoding: str | None, words: Sequence[str]) -> Reading:
    """Read one sheet of an Excel workbook; merged cells count for all the cells they cover.

    Raises
    ------
    DeliveryError
        When the workbook cannot be opened, the sheet is absent or not named although several hold rows, or there
        is no header.
    """
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        sheets = {meta.name: meta for meta in book.sheets_metadata}
        shown = [n for n, meta in sheets.items() if meta.visible == python_calamine.SheetVisibleEnum.Visible]
        visible = [n for n in shown if len(shown) == 1 or book.get_sheet_by_name(n).total_height]
        name = choose_table(path.name, list(sheets), visible, table)
        sheet = book.get_sheet_by_name(name)
        grid: Grid = [list(row) for row in sheet.to_python(skip_empty_area=False)]
        _fill_merged(grid, sheet.merged_cell_ranges or [])
    except DeliveryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DeliveryError(
            f"{path.name}: got a file that is no workbook ({error}), expected Excel. Save it again as .xlsx."
        ) from None
    return _table_of(path, name, grid, words, f"sheet '{name}'")


def _fill_merged(grid: Grid, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    for (top, left), (bottom, right) in ranges:
        for row in range(top, min(bottom + 1, len(grid))):
            for column in range(left, min(right + 1, len(grid[row]))):
                grid[row][column] = grid[top][left]


def _table_of(
    path: Path, name: str, grid: Grid, words: Sequence[str], evidence: str, lines: Sequence[int] | None = None
) -> Reading:
    """Return the reading of a grid: header found by the names we know, blank rows left out, lines kept."""
    width = max((len(row) for row in grid), default=0)
    padded = [row + [None] * (width - len(row)) for row in grid]
    top, depth, _ = _find_header(padded, {fold(word) for word in words})
    if width == 0 or top < 0:
        raise DeliveryError(
            f"{path.name}: got no header in the first {HEADER_SEARCH_ROWS} rows, expected column names. Add a header row."
        )
    first = top + depth
    body = [i for i in range(first, len(padded)) if any(plain(cell) is not None for cell in padded[i])]
    columns: dict[str, NDArray[np.object_]] = {}
    for position, title in enumerate(_header_names(padded[top:first])):
        cells = np.array([padded[i][position] for i in body] + [None], dtype=object)[:-1]
        if title or any(plain(cell) is not None for cell in cells):
            columns[_unused(title or f"列{position + 1}", columns)] = cells
    evidence = f"{evidence}, header in row {top + 1}" + (f" to {first}" if depth > 1 else "")
    return Reading(name, columns, lines=tuple(lines[i] if lines else i + 1 for i in body), evidence=evidence)


def _unused(title: str, columns: Mapping[str, object]) -> str:
    """Return a column's name, numbered where an earlier column has the same."""
    names = [title, *(f"{title} ({n})" for n in range(2, len(columns) + 3))]
    return next(name for name in names if name not in columns)


def _header_names(rows: Grid) -> list[str]:
    """Return one name a column: the different texts from top to bottom, joined."""
    names = []
    width = max(map(len, rows))
    for parts in zip(*(row + [None] * (width - len(row)) for row in rows), strict=True):
        texts = [" ".join(t.split()) for t in (plain(p) for p in parts) if t]
        names.append(JOINT.join(dict.fromkeys(texts)))
    return names


def known_as(name: str, words: set[str]) -> bool:
    """Say whether a header is a known (folded) word: whole, without its unit, by its last part, or a part of an angle."""
    parts = name.split(JOINT)
    candidates = {name, strip_unit(name)[0], parts[-1], strip_unit(parts[-1])[0]}
    if len(parts) > 1 and strip_unit(parts[-1])[0] in ANGLE_PARTS:
        candidates |= set(parts[:-1])
    return any(fold(c) in words for c in candidates)


def _find_header(grid: Grid, words: set[str]) -> tuple[int, int, int]:
    """Return first row, depth and score of the header: the place where most columns bear different names we know.

    Of equal readings the one with fewer rows wins: a title or a first record is no header.
    """
    best = (-1, 1, 0)
    for top in range(min(HEADER_SEARCH_ROWS, len(grid))):
        for depth in range(1, min(HEADER_DEPTH, len(grid) - top) + 1):
            score = sum(known_as(name, words) for name in set(_header_names(grid[top : top + depth])) if name)
            if score and (score, -depth) > (best[2], -best[1]):
                best = (top, depth, score)
    if best[2]:
        return best
    texts = [i for i, row in enumerate(grid[:HEADER_SEARCH_ROWS]) if sum(plain(c) is not None for c in row) > 1]
    return (texts[0], 1, 0) if texts else best

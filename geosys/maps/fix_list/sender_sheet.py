"""Copies of the sender's own tables, the faulty cells coloured and commented, rows where he has them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from openpyxl.cell.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Border, Font, PatternFill, Side
from openpyxl.utils import quote_sheetname

from geosys.maps.cells import cell_text, ink_on
from geosys.maps.fix_list.book import Dresser, put, set_page, sheet_name, tint
from geosys.maps.fix_list.copied import copy_sheet, find_columns, open_copy
from geosys.maps.frames import ISSUE_SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from geosys.maps.fix_rows import Original
    from geosys.maps.palettes import Palettes

MOST_COPIED = 20_000  # rows of a table; of a larger one only the rows with issues are shown
MOST_COMMENTS = 3_000  # of a sheet: with many more, Excel takes minutes to open it
_COMMENT_LIMIT = 1_200
_WIDTHS = (10, 42)  # of a column of a table that has no widths of its own, in Latin letters
_RECORD = "记录号 Record"


class Marked:
    """Hold what is to be coloured on one copied sheet, and where rows and columns of the table stand on it."""

    def __init__(self, sheet: Worksheet, rows: dict[int, int], columns: dict[str, int], header: int) -> None:
        self.sheet, self.rows, self.columns, self.header = sheet, rows, columns, header
        self.cells: dict[tuple[int, int], list[dict[Any, Any]]] = defaultdict(list)

    def place(self, issue: dict[Any, Any], column: str, *, has_lines: bool) -> tuple[int, int]:
        """Return row and column of the cell that an issue is about: of a row without a column its first cell."""
        at = self.columns.get(column, 1)
        if not pd.isna(issue["source_row"]) and int(issue["source_row"]) in self.rows:
            return self.rows[int(issue["source_row"])], at
        if has_lines and pd.isna(issue["source_row"]) and not pd.isna(issue["source_line"]):
            return int(issue["source_line"]), at
        return self.header if column else 1, at


def write_sender_sheets(
    book: Workbook, rows: pd.DataFrame, originals: Sequence[Original], palettes: Palettes
) -> tuple[list[str], dict[int, str]]:
    """Write a sheet for each table of the sender; return remarks for the notes, and the cell of each issue by its number.

    An ``.xlsx`` keeps its formats, widths and merged cells; its formulas become the values they had. Other tables are
    written as they were read, a file without lines with the numbers of its records in the first column.
    """
    remarks: list[str] = []
    links: dict[int, str] = {}
    for original in _by_sheet(originals):
        own = rows[(rows["source_file"] == original.file) & rows["source_table"].isin(["", original.table])]
        own = own[~own["number"].isin(links)]
        if original.sheets:
            here = set(_records(original))
            own = own[own["source_row"].isna() | own["source_row"].isin(here)]
        marked = _copied(book, original) or _written(book, original, own, remarks)
        for issue in own.to_dict("records"):
            column = original.column_of(issue["field"], issue["value"])
            cell = marked.place(issue, column, has_lines=original.has_lines)
            marked.cells[cell].append(issue)
        for place, issues in marked.cells.items():
            target = marked.sheet.cell(*place)
            for issue in issues:
                links[issue["number"]] = f"{quote_sheetname(marked.sheet.title)}!{target.coordinate}"
        _colour(marked, palettes, remarks)
        set_page(marked.sheet, original.file)
        marked.sheet.page_setup.cellComments = "atEnd"
    return remarks, links


def _by_sheet(originals: Sequence[Original]) -> list[Original]:
    """Return the tables one a sheet: several sheets read as one are parted, one read for several layers is one."""
    merged: dict[tuple[str, str], Original] = {}
    for original in originals:
        key = (original.file, original.table)
        known = merged.get(key)
        merged[key] = replace(known, fields={**original.fields, **known.fields}) if known else original
    parted = []
    for original in merged.values():
        for name in dict.fromkeys(original.sheets):
            at = [i for i, sheet in enumerate(original.sheets) if sheet == name]
            records = _records(original)
            parted.append(
                replace(
                    original,
                    columns={column: [values[i] for i in at] for column, values in original.columns.items()},
                    lines=[original.lines[i] for i in at] if len(original.lines) else (),
                    records=[records[i] for i in at],
                    sheets=[name] * len(at),
                )
            )
        if not len(original.sheets):
            parted.append(original)
    return parted


def _records(original: Original) -> list[int]:
    return [int(n) for n in original.records] if len(original.records) else list(range(1, original.size + 1))


def _copied(book: Workbook, original: Original) -> Marked | None:
    """Return a copy of an Excel sheet with its formats; None where the file is no such, or too large."""
    if original.path.suffix.lower() != ".xlsx" or original.size > MOST_COPIED or not original.has_lines:
        return None
    name = original.sheets[0] if original.sheets else original.table
    with open_copy(original.path, name, max(original.lines)) as source:
        if source is None:
            return None
        sheet = book.create_sheet(sheet_name(book, name))
        copy_sheet(source, sheet, max(original.lines))
    columns = find_columns(sheet, original.columns, original.lines)
    rows = dict(zip(_records(original), map(int, original.lines), strict=True))
    return Marked(sheet, rows, columns, max(min(original.lines) - 1, 1))


def _written(book: Workbook, original: Original, own: pd.DataFrame, remarks: list[str]) -> Marked:
    """Return a sheet with the values as they were read."""
    name = original.sheets[0] if original.sheets else original.table or original.file
    sheet = book.create_sheet(sheet_name(book, name if name != "*" else original.file))
    records = _records(original)
    chosen = range(original.size)
    keeps_lines = original.has_lines and original.size <= MOST_COPIED
    if original.size > MOST_COPIED:
        faulty = set(own["source_row"].dropna().astype(int))
        chosen = [i for i in range(original.size) if records[i] in faulty][:MOST_COPIED]  # type: ignore[assignment]
        remarks.append(
            f"{original.file} {original.table}：共 {original.size} 行，只列有问题的 {len(chosen)} 行，首列为原行号或记录号 "
            f"Of {original.size} rows only the {len(chosen)} with issues are shown; the first column has their numbers"
        )
    numbers = original.lines if original.has_lines else records
    placed = {i: int(original.lines[i]) if keeps_lines else at for at, i in enumerate(chosen, 2)}
    header = max(min(placed.values(), default=2) - 1, 1)
    heads = (
        [*original.columns] if keeps_lines else [_RECORD if not original.has_lines else "行号 Line", *original.columns]
    )
    dress = Dresser()
    if header not in placed.values():
        for at, head in enumerate(heads, 1):
            put(sheet.cell(header, at), head)
            dress(sheet.cell(header, at), fill="D5DEE6", bold=True)
    columns = {column: at for at, column in enumerate(heads, 1) if column in original.columns}
    for i, row in placed.items():
        if not keeps_lines:
            put(sheet.cell(row, 1), numbers[i])
        for column, at in columns.items():
            put(sheet.cell(row, at), original.columns[column][i])
    _set_widths(sheet, header)
    return Marked(sheet, {records[i]: row for i, row in placed.items()}, columns, header)


def _set_widths(sheet: Worksheet, header: int) -> None:
    """Make columns as wide as their first texts, and keep the header in sight."""
    for column in sheet.iter_cols(max_row=min(sheet.max_row, 200)):
        longest = max(len(str(cell.value or "").encode("gb18030", "replace")) for cell in column)
        sheet.column_dimensions[column[0].column_letter].width = min(max(longest + 2, _WIDTHS[0]), _WIDTHS[1])
    sheet.freeze_panes = f"A{header + 1}"


def _colour(marked: Marked, palettes: Palettes, remarks: list[str]) -> None:
    """Colour the cells by the worst of their issues, with a frame for errors, and say in a comment what is wrong."""
    sheet, told = marked.sheet, 0
    anchors = {
        (row, column): (area.min_row, area.min_col)
        for area in sheet.merged_cells.ranges for row, column in _cells_of(area) if (row, column) in marked.cells
    }  # fmt: skip
    gathered: dict[tuple[int, int], list[dict[Any, Any]]] = defaultdict(list)
    for place, issues in marked.cells.items():
        gathered[anchors.get(place, place)] += issues
    for (row, column), issues in gathered.items():
        cell = sheet.cell(row, column)
        if isinstance(cell, MergedCell):
            continue
        severity = min((issue["severity"] for issue in issues), key=ISSUE_SEVERITIES.index)
        colour = palettes.issue_severities[severity].colour
        ground = tint(colour, severity)
        cell.fill = PatternFill("solid", fgColor=ground)
        font = cell.font
        cell.font = Font(
            name=font.name, size=font.size, bold=font.bold, italic=font.italic, color=ink_on(f"#{ground}")[1:]
        )
        if severity in ("critical", "error"):
            side = Side(style="medium", color=colour[1:])
            cell.border = Border(left=side, right=side, top=side, bottom=side)
        sheet.row_dimensions[row].hidden = False
        sheet.column_dimensions[cell.column_letter].hidden = False
        if told < MOST_COMMENTS:
            cell.comment = _comment(issues, palettes)
            told += 1
    if told < len(gathered):
        remarks.append(
            f"{sheet.title}：有问题的单元格 {len(gathered)} 个都已着色，批注只加到前 {told} 个 "
            f"All {len(gathered)} cells are coloured, the first {told} have a comment"
        )


def _cells_of(area: Any) -> list[tuple[int, int]]:
    """Return the cells of a merged area; of one as large as a whole sheet none."""
    if (area.max_row - area.min_row + 1) * (area.max_col - area.min_col + 1) > 100_000:  # noqa: PLR2004
        return []
    return [
        (row, column)
        for row in range(area.min_row, area.max_row + 1) for column in range(area.min_col, area.max_col + 1)
    ]  # fmt: skip


def _comment(issues: Sequence[dict[Any, Any]], palettes: Palettes) -> Comment:
    """Return the comment of a cell: each issue with its number, what is wrong, and what to do."""
    texts = [
        f"【{palettes.issue_severities[i['severity']].title.zh}】第 {i['number']} 号 {i['issue_title_zh']}\n"
        f"{i['message_zh']}\n建议：{i['advice_zh']}"
        for i in issues
    ]
    text = cell_text("\n\n".join(texts))
    if len(text) > _COMMENT_LIMIT:
        text = text[: _COMMENT_LIMIT - 20] + "…（其余见修改清单）"
    lines = sum(1 + len(part) // 24 for part in text.split("\n"))
    return Comment(text, "GeoSys", height=min(40 + 18 * lines, 420), width=380)

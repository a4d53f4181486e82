"""The first sheet of a fix-list: one row an issue, with a column to tick and one to answer in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink

from geosys.maps.cells import count_lines, row_height
from geosys.maps.fix_list.book import Dresser, put, set_page, sheet_name, tint, write_grid
from geosys.maps.fix_rows import STATES, since_last, summary, used_for_now
from geosys.maps.sheets import WHO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl.workbook import Workbook

    from geosys.maps.fix_rows import Letter, Original
    from geosys.maps.palettes import Palettes

TITLE = "修改清单 Fix list"
MOST_LISTED = 20_000  # rows of the list; what is beyond is counted in the notes
_MOST_SHOWN = 500  # letters of a value
_HEADS = (
    ("序号", "No.", 7), ("严重程度", "Severity", 9), ("与上次比", "Since last", 12), ("文件", "File", 22), ("工作表", "Sheet", 13),
    ("位置", "Place in file", 10), ("字段（您的列名）", "Field (your column)", 17), ("问题", "What is wrong", 18), ("具体说明", "In detail", 38),
    ("现值", "Got", 18), ("应如何改", "Expected, what to do", 40), ("程序暂按此值", "Used for now", 15), ("谁来改", "Who mends", 10),
    ("经度", "Longitude", 12), ("纬度", "Latitude", 11), ("已改", "Mended", 8), ("说明或答复", "Your remark", 20),
)  # fmt: skip
_HEADER_ROW = 2


def write_issue_sheet(
    book: Workbook,
    rows: pd.DataFrame,
    originals: Sequence[Original],
    letter: Letter,
    palettes: Palettes,
    comparison: pd.DataFrame | None,
) -> None:
    """Write the list: a line that sums it up, two header rows that stay in sight, and the issues with filters."""
    sheet = book.create_sheet(sheet_name(book, TITLE))
    heads = [head for head in _HEADS if comparison is not None or head[0] != "与上次比"]
    shown = rows.head(MOST_LISTED)
    columns = _sender_columns(shown, originals)
    lines = [_line(row, columns.get(row["number"], ""), palettes, comparison) for row in shown.to_dict("records")]
    write_grid(sheet, _HEADER_ROW, heads, lines)
    _write_top(sheet, rows, letter, palettes, comparison, sum(width for _, _, width in heads), len(heads))
    first, last = _HEADER_ROW + 2, _HEADER_ROW + 1 + max(len(lines), 1)
    dress = Dresser()
    for number, severity in enumerate(shown["severity"], first):
        dress(sheet.cell(number, 2), fill=tint(palettes.issue_severities[severity].colour, severity), bold=True)
    end = get_column_letter(len(heads))
    sheet.auto_filter.ref = f"A{_HEADER_ROW + 1}:{end}{last}"
    sheet.freeze_panes = f"B{first}"
    choice = DataValidation(type="list", formula1='"是,否,不适用"', allow_blank=True)
    choice.add(f"{get_column_letter(len(heads) - 1)}{first}:{get_column_letter(len(heads) - 1)}{last}")
    sheet.add_data_validation(choice)
    set_page(sheet, f"{letter.meta.as_of.isoformat()} {letter.meta.program}", f"{_HEADER_ROW}:{_HEADER_ROW + 1}")
    sheet.page_setup.paperSize = 8  # A3
    sheet.print_area = f"A1:{end}{last}"


def link_cells(book: Workbook, cells: Mapping[int, str]) -> None:
    """Make each place in the list a link to the cell of the copied sheet, by issue number."""
    sheet = book[TITLE]
    at = next(cell.column for cell in sheet[_HEADER_ROW] if cell.value == "位置")
    dress = Dresser()
    for row in range(_HEADER_ROW + 2, sheet.max_row + 1):
        target = cells.get(sheet.cell(row, 1).value)
        if target:
            cell = sheet.cell(row, at)
            cell.hyperlink = Hyperlink(ref=cell.coordinate, location=target)
            dress(cell, ink="1565A7")


def _write_top(
    sheet: Any,
    rows: pd.DataFrame,
    letter: Letter,
    palettes: Palettes,
    comparison: pd.DataFrame | None,
    width: int,
    count: int,
) -> None:
    """Write the line that sums the list up."""
    last = since_last(comparison)
    parts = [
        letter.sender,
        letter.meta.title.zh,
        letter.meta.mark.zh if letter.meta.mark else "",
        summary(rows, palettes).zh,
    ]
    parts += [last.zh if last else "", f"请于 {letter.reply_by.isoformat()} 前报回" if letter.reply_by else ""]
    text = "　".join(part for part in parts if part)
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=count)
    put(sheet.cell(1, 1), text)
    Dresser()(sheet.cell(1, 1), fill="E8EEF4", bold=True)
    sheet.row_dimensions[1].height = row_height(min(count_lines(text, width), 4))


def _sender_columns(rows: pd.DataFrame, originals: Sequence[Original]) -> dict[int, str]:
    """Return the sender's own column of each issue, by its number."""
    found: dict[int, str] = {}
    for row in rows[["number", "source_file", "source_table", "field", "value"]].itertuples(index=False):
        for original in originals:
            if original.file == row.source_file and row.source_table in ("", original.table):
                found.setdefault(row.number, original.column_of(row.field, row.value))
    return found


def _line(row: dict[Any, Any], column: str, palettes: Palettes, comparison: pd.DataFrame | None) -> list[object]:
    """Return the cells of one issue."""
    title = row["field_title"] or ""
    field = f"{title}（{column}）" if title and column and column != title else title or column
    who = WHO.get(row["responsibility"])
    state = [] if comparison is None else [STATES[row["state"]].zh if row["state"] else ""]
    return [
        row["number"], palettes.issue_severities[row["severity"]].title.zh, *state, row["source_file"], row["source_table"],
        row["where_zh"], field, row["issue_title_zh"], row["message_zh"],
        str(row["value"])[:_MOST_SHOWN], row["advice_zh"], used_for_now(row)[:_MOST_SHOWN], who.zh if who else "",
        _degrees(row["lon"]), _degrees(row["lat"]), None, None,
    ]  # fmt: skip


def _degrees(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)

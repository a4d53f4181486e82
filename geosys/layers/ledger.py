"""Make a reading of one sheet: header, records, filled cells, and all that was left out or not told by a cell's value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.layers.codes import fold
from geosys.layers.headers import HEADER_DEPTH, HEADER_SEARCH_ROWS, find_header, is_unit
from geosys.layers.issues import Issue
from geosys.layers.ledger_rows import NOTE, NUMBERED_BLANK, REPEATED, TOTAL, LeftOut, left_out_rows
from geosys.layers.reading import Reading
from geosys.layers.sheet_marks import SheetMarks
from geosys.layers.values import Shared, plain, stated_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.layers.headers import Grid, Header, Span

MOST_TOLD = 100  # issues of one kind in one table: beyond that one more tells how many there are
ERROR_VALUES = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
)
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold one sheet as its file has it: cells, merged cells, marks, and the line of each row where that is not its number."""

    name: str
    grid: Grid
    spans: tuple[Span, ...] = ()
    lines: tuple[int, ...] = ()
    marks: SheetMarks = field(default_factory=SheetMarks)

    def line(self, row: int) -> int:
        """Return the line in the file of a row."""
        return self.lines[row] if self.lines else row + 1


def read_ledger(sheet: Sheet, words: Sequence[str], evidence: str) -> Reading | None:
    """Return the reading of one sheet, or None where there is no header.

    Parameters
    ----------
    sheet
        Cells as the file has them.
    words
        All names under which the layer's fields are known.
    evidence
        How the text was decoded, in words.
    """
    width = max((_filled_width(row) for row in sheet.grid), default=0)
    if not width:
        return None
    grid = [(row + [None] * (width - len(row)))[:width] for row in sheet.grid]
    top = _filled(grid[: HEADER_SEARCH_ROWS + HEADER_DEPTH], sheet.spans)
    header = find_header(top, {fold(word) for word in words}, sheet.spans)
    if header is None:
        return None
    issues = _without_errors(grid, header, sheet.marks)
    body_spans = [span for span in sheet.spans if span[0][0] >= header.end]
    wide = {first for (first, left), (last, right) in body_spans if first == last and 2 * (right - left + 1) > width}
    out = left_out_rows(
        grid, header.end, header.names, top[header.top : header.end], top[: header.top], wide, sheet.marks.sums
    )
    issues += _fill_down(grid, header.names, body_spans, out, sheet)
    kept = [i for i in range(header.end, len(grid)) if i not in out and any(plain(c) is not None for c in grid[i])]
    at = {row: position for position, row in enumerate(kept)}
    told = [*_unit_notes(top[: header.top], sheet), *_left_out_issues(out, sheet), *_hidden(header, at, sheet)]
    for issue in issues:
        issue.row = at.get(issue.row, -1)
    evidence = f"{evidence}, header in row {header.top + 1}" + (
        f" to {header.end}" if header.end - header.top > 1 else ""
    )
    above = [text for row in top[: header.top] if (text := " ".join(dict.fromkeys(_texts(row))))]
    evidence += f"; above it: {' | '.join(above)[:_SHOWN]}" if above else ""
    lines = tuple(sheet.line(i) for i in kept)
    return Reading(sheet.name, _columns(grid, header, kept), lines=lines, evidence=evidence, issues=(*told, *issues))


def _filled_width(row: Sequence[object]) -> int:
    """Return how many columns a row reaches with something in it."""
    return next((j + 1 for j in range(len(row) - 1, -1, -1) if row[j] not in (None, "")), 0)


def _texts(row: Iterable[object]) -> list[str]:
    return [text for cell in row if (text := plain(cell)) is not None]


def _filled(grid: Grid, spans: Sequence[Span]) -> Grid:
    """Return a copy in which merged cells hold their value in all the cells they cover."""
    copy = [list(row) for row in grid]
    for (top, left), (bottom, right) in spans:
        for row in copy[top : bottom + 1]:
            row[left : right + 1] = [grid[top][left]] * len(row[left : right + 1])
    return copy


def _columns(grid: Grid, header: Header, kept: Sequence[int]) -> dict[str, NDArray[np.object_]]:
    """Return the columns that have a name or a value; a second one of the same name is numbered."""
    columns: dict[str, NDArray[np.object_]] = {}
    for position, title in enumerate(header.names):
        cells = np.array([grid[i][position] for i in kept] + [None], dtype=object)[:-1]
        if title or any(plain(cell) is not None for cell in cells):
            columns[_unused(title or f"列{position + 1}", columns)] = cells
    return columns


def _unused(title: str, columns: Mapping[str, object]) -> str:
    """Return a column's name, numbered where an earlier column has the same."""
    names = [title, *(f"{title} ({n})" for n in range(2, len(columns) + 3))]
    return next(name for name in names if name not in columns)


def _without_errors(grid: Grid, header: Header, marks: SheetMarks) -> list[Issue]:
    """Empty the cells below a header that hold an error value, and return an issue for each and for formulas without value."""
    issues = []
    for i in range(header.end, len(grid)):
        for j, cell in enumerate(grid[i]):
            if (isinstance(cell, str) and "#" in cell and _is_error(cell)) or (i, j) in marks.errors:
                shown = marks.errors.get((i, j), str(cell).strip())
                grid[i][j] = None
                zh, en = (
                    f"“{header.names[j]}”的单元格是错误值 {shown}，按空值处理",
                    f"{header.names[j]}: the cell holds the error {shown}; taken as empty",
                )
                issues.append(Issue("error_cell", Text(zh, en), i, header.names[j], shown, before=shown))
    for i, j in sorted(marks.uncomputed):
        if header.end <= i < len(grid) and j < len(header.names) and plain(grid[i][j]) is None:
            zh, en = (
                f"“{header.names[j]}”的公式没有计算结果，按空值处理；请用 Excel 打开保存后重报",
                f"{header.names[j]}: a formula without result; open the file in Excel, save it and send it again",
            )
            issues.append(Issue("error_cell", Text(zh, en), i, header.names[j], "=", before="="))
    return _at_most(issues)


def _is_error(cell: str) -> bool:
    text = cell.strip().upper()
    return text in ERROR_VALUES or (len(text) > 2 and set(text) == {"#"})  # noqa: PLR2004  ### of a column too narrow


def _at_most(issues: list[Issue]) -> list[Issue]:
    """Return the first issues of a kind, and one that counts the rest."""
    if len(issues) <= MOST_TOLD:
        return issues
    rest = len(issues) - MOST_TOLD
    more = Issue(issues[0].issue_type, Text(f"另有 {rest} 处同类情况", f"{rest} more of this kind"), value=rest)
    return [*issues[:MOST_TOLD], more]


def _fill_down(
    grid: Grid, names: Sequence[str], spans: Sequence[Span], out: Mapping[int, LeftOut], sheet: Sheet
) -> list[Issue]:
    """Fill merged cells of records into the rows they cover, and return one issue a column.

    A number is filled as `Shared`: nobody knows whether each of the rows has it or all together. Cells merged
    sideways keep their value in the first column: it is not the next column's.
    """
    filled: dict[int, list[str]] = {}
    reach: dict[int, int] = {}
    for (top, left), (bottom, _) in sorted(spans):
        if top >= len(grid) or left >= len(names) or plain(grid[top][left]) is None or top <= reach.get(left, -1):
            continue  # merged cells that overlap are damage: the first one counts
        reach[left] = bottom
        rows = [i for i in range(top, min(bottom + 1, len(grid))) if i not in out and (i == top or _texts(grid[i]))]
        if len(rows) <= 1:
            continue
        value = grid[top][left]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        for i in rows:
            grid[i][left] = Shared(value) if is_number else value  # type: ignore[arg-type]
        filled.setdefault(left, []).append(f"{sheet.line(rows[0])}–{sheet.line(rows[-1])}")
    issues = []
    for column, ranges in sorted(filled.items()):
        some = "、".join(ranges[:10]) + ("…" if len(ranges) > 10 else "")  # noqa: PLR2004
        zh = f"“{names[column]}”有 {len(ranges)} 处合并单元格（第 {some} 行），已按每行同值填入"
        en = f"{names[column]}: {len(ranges)} merged cells (rows {some}) were filled into each row they cover"
        issues.append(Issue("merged_filled", Text(zh, en), field=names[column], value=len(ranges)))
    return issues


def _unit_notes(titles: Grid, sheet: Sheet) -> list[Issue]:
    """Return an issue for each row above the header that states units for the whole table (单位：亩)."""
    notes = [(i, " ".join(dict.fromkeys(_texts(row)))) for i, row in enumerate(titles)]
    return [_note(text, sheet.line(i)) for i, text in notes if any(is_unit(unit) for unit in stated_units(text))]


def _note(text: str, line: int) -> Issue:
    shown = text[:_SHOWN]
    zh, en = f"第 {line} 行是说明，不作为记录：{shown}", f"Row {line} is a note, no record: {shown}"
    return Issue("note_row", Text(zh, en), value=shown, source_line=line)


def _left_out_issues(out: Mapping[int, LeftOut], sheet: Sheet) -> list[Issue]:
    kinds: dict[str, list[int]] = {}
    for row, left in out.items():
        kinds.setdefault(left.kind, []).append(row)
    issues = _at_most([_note(out[row].text, sheet.line(row)) for row in kinds.get(NOTE, [])])
    issues += _at_most([_total(out[row], sheet.line(row)) for row in kinds.get(TOTAL, [])])
    for kind, zh, en in (
        (
            REPEATED,
            "行与表头或标题相同（分页重复打印），不作为记录",
            "rows repeat the header or title of a printed page and are no records",
        ),
        (NUMBERED_BLANK, "行只有序号、没有内容，不作为记录", "rows hold a sequence number only and are no records"),
    ):
        rows = kinds.get(kind, [])
        if rows:
            some = ", ".join(str(sheet.line(i)) for i in rows[:20]) + ("…" if len(rows) > 20 else "")  # noqa: PLR2004
            issue = Issue(
                kind, Text(f"{len(rows)} {zh}（第 {some} 行）", f"{len(rows)} {en} (rows {some})"), value=some
            )
            issues.append(issue)
    return issues


def _total(left: LeftOut, line: int) -> Issue:
    shown = left.text[:_SHOWN]
    zh, en = f"第 {line} 行是合计，不作为记录：{shown}", f"Row {line} is a total, no record: {shown}"
    severity = ""
    for name, told, added in left.wrong_sums:
        zh += f"；“{name}”合计 {told:g}，与以上各行之和 {added:.10g} 不符"
        en += f"; {name}: the total is {told:g}, the rows above add up to {added:.10g}"
        severity = "warning"
    return Issue(TOTAL, Text(zh, en), value=shown, source_line=line, severity=severity)


def _hidden(header: Header, at: Mapping[int, int], sheet: Sheet) -> list[Issue]:
    """Return an issue for records in hidden rows and one for hidden columns: both were read."""
    issues = []
    rows = sorted(sheet.marks.hidden_rows & set(at))
    if rows:
        some = ", ".join(str(sheet.line(i)) for i in rows[:20]) + ("…" if len(rows) > 20 else "")  # noqa: PLR2004
        zh, en = (
            f"{len(rows)} 条记录在隐藏行中（第 {some} 行），已照常采用",
            f"{len(rows)} records stand in hidden rows ({some}); used",
        )
        issues.append(Issue("hidden_part", Text(zh, en), value=some))
    names = [header.names[j] for j in sorted(sheet.marks.hidden_columns) if j < len(header.names) and header.names[j]]
    if names:
        zh, en = f"隐藏的列已照常采用：{'、'.join(names[:20])}", f"Hidden columns were used: {', '.join(names[:20])}"
        issues.append(Issue("hidden_part", Text(zh, en), value="、".join(names[:20])))
    return issues

"""Write the workbooks: the findings with the rules' outcomes, and the data issues; both say where they come from.

The one door to xlsxwriter. The bytes depend on nothing but what is handed in.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from geosys._faults import Faults
from geosys.content import content_root
from geosys.maps.cells import Formats, cell_text, count_lines, row_height, write_cell
from geosys.maps.frames import FINDING_COLUMNS, OUTCOME_COLUMNS, OUTCOMES, check_columns
from geosys.maps.palettes import load_palettes
from geosys.maps.sheets import FINDING_SHEET, ISSUE_NEEDS, ISSUE_SHEET, MOST_ROWS_MEASURED, OUTCOME_SHEET, WHO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text
    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes, Swatch
    from geosys.maps.sheets import Column, Sheet

_EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001  a workbook's dates have no zone; fixed, so that bytes are


def write_findings(
    path: Path, findings: pd.DataFrame, outcomes: pd.DataFrame, meta: Meta, palettes: Palettes | None = None
) -> None:
    """Write findings, outcomes and provenance as a workbook of three sheets.

    Parameters
    ----------
    path : the ``.xlsx`` file; it appears when complete, or not at all.
    findings : columns of `frames.FINDING_COLUMNS`; a geometry is left out.
    outcomes : columns of `frames.OUTCOME_COLUMNS`, one row a rule.
    palettes : titles and colours; by default the content's.

    Raises
    ------
    SpecError
        When a frame lacks a column.
    """
    check_columns(findings, FINDING_COLUMNS, "findings")
    check_columns(outcomes, OUTCOME_COLUMNS, "outcomes")
    looks = palettes or _content_palettes()
    words: dict[str, Mapping[str, Swatch | Text]] = {
        "outcome": looks.outcomes, "severity": looks.severities, "status": looks.statuses,
        "certainty": looks.certainties, "seen": looks.seen,
    }  # fmt: skip
    with workbook(path, meta, "风险线索 Findings") as book:
        named = findings.assign(
            subject=_with_codes(findings, "subject_name", "subject_id"),
            object=_with_codes(findings, "object_name", "object_id"),
        )
        write_table(
            book, meta, "风险线索 Findings", FINDING_SHEET, named, words=words, coloured=("outcome", "severity")
        )
        totals = {name: int(outcomes[name].sum()) for name in OUTCOMES}
        summed = pd.concat([outcomes, pd.DataFrame([{**totals, "rule_title_zh": "合计", "rule_title_en": "Total"}])])
        write_table(book, meta, "规则结果 Outcomes", OUTCOME_SHEET, summed, words={}, bold_last=True)
        write_notes(book, meta, _legend_rows(looks))


def write_issues(path: Path, issues: pd.DataFrame, meta: Meta, palettes: Palettes | None = None) -> None:
    """Write the data issues and their provenance as a workbook of two sheets.

    Raises
    ------
    SpecError
        When the frame lacks a column.
    """
    check_columns(issues, ISSUE_NEEDS, "issues")
    looks = palettes or _content_palettes()
    words: dict[str, Mapping[str, Swatch | Text]] = {"severity": looks.issue_severities, "responsibility": WHO}
    with workbook(path, meta, "数据问题 Issues") as book:
        write_table(book, meta, "数据问题 Issues", ISSUE_SHEET, issues, words=words, coloured=("severity",))
        write_notes(book, meta, [])


def _with_codes(frame: pd.DataFrame, names: str, codes: str) -> list[str]:
    """Return names with the codes on a line below, for reading; each alone where the other is missing or the same."""
    pairs = zip(frame[names], frame[codes], strict=True)
    texts = (("" if pd.isna(name) else str(name), "" if pd.isna(code) else str(code)) for name, code in pairs)
    return [f"{name}\n({code})" if name and code and name != code else name or code for name, code in texts]


def _content_palettes() -> Palettes:
    """Return the palettes of the content."""
    faults = Faults()
    palettes = load_palettes(content_root() / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return palettes


@contextmanager
def workbook(path: Path, meta: Meta, subject: str) -> Iterator[xlsxwriter.Workbook]:
    """Open a workbook beside its place and move it there when it is complete."""
    part = path.with_name(f".{path.name}.part")
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    book = xlsxwriter.Workbook(str(part), options)
    # 255 characters is all a document property may have
    properties = {"title": subject, "subject": meta.title.both(), "author": meta.program, "comments": _mark(meta)}
    book.set_properties({**{key: cell_text(text)[:255] for key, text in properties.items()}, "created": _EPOCH})
    try:
        yield book
        book.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _mark(meta: Meta) -> str:
    return meta.mark.both() if meta.mark else ""


def write_table(
    book: xlsxwriter.Workbook,
    meta: Meta,
    name: str,
    plan: Sheet,
    frame: pd.DataFrame,
    *,
    words: Mapping[str, Mapping[str, Swatch | Text]],
    coloured: Sequence[str] = (),
    bold_last: bool = False,
) -> None:
    """Write a frame as a sheet: two header rows that stay in sight, filters, a colour for the words that have one."""
    read, rest = ([column for column in block if column.name in frame.columns] for block in plan)
    sheet = book.add_worksheet(name)
    formats = Formats(book)
    count = len(frame)
    _set_page(sheet, meta, name)
    _write_heads(sheet, formats, read, rest)
    lines = [1] * count
    for at, column in enumerate([*read, *rest]):
        units = frame[column.unit] if column.unit in frame.columns else [None] * count
        known: dict[str, int] = {}
        for row, (value, unit) in enumerate(zip(frame[column.name], units, strict=True)):
            look: dict[str, Any] = {"bold": True} if bold_last and row == count - 1 else {}
            text = write_cell(
                sheet,
                (row + 2, at),
                value,
                unit,
                formats,
                look,
                column,
                words.get(column.name),
                column.name in coloured,
            )
            if text not in known:
                known[text] = min(count_lines(text, column.width), column.most_lines)
            lines[row] = max(lines[row], known[text])
    if count > MOST_ROWS_MEASURED:
        sheet.set_default_row(row_height(2))
    else:
        for row, most in enumerate(lines):
            sheet.set_row(row + 2, row_height(most))
    sheet.autofilter(1, 0, max(count + 1, 1), len(read) + len(rest) - 1)
    sheet.print_area(0, 0, max(count + 1, 1), len(read) - 1)


def _write_heads(sheet: Any, formats: Formats, read: Sequence[Column], rest: Sequence[Column]) -> None:
    """Write the two header rows; set the widths of the columns, and group those that are not printed."""
    heads = {"valign": "vcenter", "font_color": "#FFFFFF"}
    upper = formats.get(**heads, bg_color="#12395C", bold=True)
    lower = formats.get(**heads, bg_color="#3D6A92")
    columns = [*read, *rest]
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.zh, upper)
        sheet.write_string(1, at, column.en, lower)
        sheet.set_column(at, at, column.width, None, {"level": 1} if at >= len(read) else {})
    sheet.outline_settings(symbols_right=False)
    sheet.set_row(0, row_height(max(count_lines(column.zh, column.width) for column in columns)))
    sheet.set_row(1, row_height(max(count_lines(column.en, column.width) for column in columns)))


def _set_page(sheet: Any, meta: Meta, name: str) -> None:
    """Set the frozen panes and the printed page."""
    sheet.freeze_panes(2, 0)
    sheet.set_landscape()
    sheet.set_paper(8)  # A3
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    # & begins a code in headers; 255 characters is all they may have
    sheet.set_header("&L" + _header(f"{meta.title.zh} {name}") + "&R" + _header(_mark(meta)))
    sheet.set_footer("&L" + _header(f"{meta.as_of.isoformat()} {meta.program}") + "&R&P / &N")


def _header(text: str) -> str:
    return cell_text(text)[:100].replace("&", "&&")


def write_notes(book: xlsxwriter.Workbook, meta: Meta, legend: Sequence[tuple[str, str]]) -> None:
    """Write where the numbers come from: title, mark, day, program, rules, layers and their versions."""
    sheet = book.add_worksheet("说明 Notes")
    formats = Formats(book)
    title, plain = formats.get(bold=True, bg_color="#E8EEF4"), formats.get()
    rows = [
        ("工作区 Workspace", meta.title.both()),
        ("标记 Mark", _mark(meta)),
        ("判定日期 As of", meta.as_of.isoformat()),
        ("程序 Program", meta.program),
        ("规则版本 Rules version", meta.rules_version),
        ("规则结果 Outcomes", "按主体计数，一个主体可有多条线索 Counted by subject; one may have several findings"),
        ("未评估 Not assessed", "“未评估”不等于“无风险” “Not assessed” does not mean “no risk”"),
        *legend,
    ]
    widths = (54, 16, 60, 12)
    at = 0
    for name, text in rows:
        if text:
            sheet.write_string(at, 0, name, title)
            sheet.merge_range(at, 1, at, 3, "", plain)
            sheet.write_string(at, 1, cell_text(text), plain)
            sheet.set_row(at, _notes_height((name, text), (widths[0], sum(widths[1:]))))
            at += 1
    for place, name in enumerate(("图层 Layer", "版本 Version", "数据 Delivered", "行数 Rows")):
        sheet.write_string(at + 1, place, name, title)
    for number, layer in enumerate(meta.layers, at + 2):
        texts = (layer.title.both(), layer.version, layer.delivered)
        for place, text in enumerate(texts):
            sheet.write_string(number, place, cell_text(text), plain)
        sheet.write_number(number, 3, layer.rows, formats.get(num_format="#,##0_ "))
        sheet.set_row(number, _notes_height(texts, widths))
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L" + _header(f"{meta.as_of.isoformat()} {meta.program}") + "&R&P / &N")


def _notes_height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """Return the height of a row of the notes, at most what a row may have."""
    lines = max(count_lines(text, width) for text, width in zip(texts, widths, strict=False))
    return row_height(min(lines, 24))


def _legend_rows(palettes: Palettes) -> list[tuple[str, str]]:
    """Return what the outcomes and the certainties mean, as lines of the notes."""
    return [
        ("结论 Outcomes", "；".join(swatch.title.both() for swatch in palettes.outcomes.values())),
        ("确定性 Certainty", "；".join(swatch.title.both() for swatch in palettes.certainties.values())),
    ]

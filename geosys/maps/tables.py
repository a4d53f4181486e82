"""Write the workbooks: the findings with the rules' outcomes, and the data issues; both say where they come from.

The one door to xlsxwriter. Texts from ledgers are written as texts, never as formulas or links; the bytes depend on
nothing but what is handed in.
"""

from __future__ import annotations

import datetime as dt
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from geosys._faults import Faults
from geosys._text import Text
from geosys.content import content_root
from geosys.maps.frames import FINDING_COLUMNS, OUTCOME_COLUMNS, OUTCOMES, check_columns
from geosys.maps.pack import plain_value
from geosys.maps.palettes import load_palettes
from geosys.maps.sheets import FINDING_SHEET, ISSUE_NEEDS, ISSUE_SHEET, OUTCOME_SHEET, WHO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes, Swatch
    from geosys.maps.sheets import Column

CELL_LIMIT = 32_767  # characters; Excel refuses a file with a longer cell
_CUT = "…（已截断 cut）"
_EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001  a workbook's dates have no zone; fixed, so that bytes are
# What XML 1.0 cannot hold, and the marks by which Excel writes such characters: left in, it would decode them.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


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
    with _workbook(path, meta, "风险线索 Findings") as book:
        _write_table(
            book, meta, "风险线索 Findings", FINDING_SHEET, findings, words=words, coloured=("outcome", "severity")
        )
        totals = {name: int(outcomes[name].sum()) for name in OUTCOMES}
        summed = pd.concat([outcomes, pd.DataFrame([{**totals, "rule_title_zh": "合计", "rule_title_en": "Total"}])])
        _write_table(book, meta, "规则结果 Outcomes", OUTCOME_SHEET, summed, words={}, bold_last=True)
        _write_notes(book, meta, _legend_rows(looks))


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
    with _workbook(path, meta, "数据问题 Issues") as book:
        _write_table(book, meta, "数据问题 Issues", ISSUE_SHEET, issues, words=words, coloured=("severity",))
        _write_notes(book, meta, [])


def cell_text(value: object) -> str:
    r"""Return a text as a cell can hold it: legal XML, within the limit; Excel's own escapes taken literally.

    Examples
    --------
    >>> cell_text("a\x00b"), cell_text("_x0041_"), len(cell_text("长" * 40_000)) <= CELL_LIMIT
    ('ab', '_x005F_x0041_', True)
    """
    text = _ESCAPED.sub("_x005F_", _ILLEGAL.sub("", str(value)))
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - len(_CUT)] + _CUT


def _content_palettes() -> Palettes:
    """Return the palettes of the content."""
    faults = Faults()
    palettes = load_palettes(content_root() / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return palettes


@contextmanager
def _workbook(path: Path, meta: Meta, subject: str) -> Iterator[xlsxwriter.Workbook]:
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


def _write_table(
    book: xlsxwriter.Workbook,
    meta: Meta,
    name: str,
    columns: Sequence[Column],
    frame: pd.DataFrame,
    *,
    words: Mapping[str, Mapping[str, Swatch | Text]],
    coloured: Sequence[str] = (),
    bold_last: bool = False,
) -> None:
    """Write a frame as a sheet: two header rows that stay in sight, filters, a colour for the words that have one."""
    columns = [column for column in columns if column[0] in frame.columns]
    sheet = book.add_worksheet(name)
    _set_page(book, sheet, meta, name, columns)
    formats = _Formats(book)
    last = len(frame) - 1
    for at, (column, *_rest) in enumerate(columns):
        for row, value in enumerate(frame[column]):
            bold = bold_last and row == last
            _write_cell(sheet, (row + 2, at), value, formats, words.get(column), coloured=column in coloured, bold=bold)
    sheet.autofilter(1, 0, max(len(frame) + 1, 1), len(columns) - 1)


class _Formats:
    """Make each cell format of a workbook once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def get(self, **wanted: Any) -> Any:
        key = tuple(sorted(wanted.items()))
        if key not in self._made:
            base = {"valign": "top", "text_wrap": True, "border": 1, "border_color": "#D5DBE1"}
            self._made[key] = self._book.add_format({**base, **wanted})
        return self._made[key]


def _write_cell(
    sheet: Any,
    cell: tuple[int, int],
    value: Any,
    formats: _Formats,
    words: Mapping[str, Swatch | Text] | None,
    *,
    coloured: bool,
    bold: bool,
) -> None:
    """Write one value as what it is: number, date, truth, or text; a word of a list with its title and colour."""
    extra: dict[str, Any] = {"bold": True} if bold else {}
    plain = plain_value(value)
    if plain is None:
        sheet.write_blank(*cell, None, formats.get(**extra))
    elif words is not None and str(plain) in words:
        word = words[str(plain)]
        title = word if isinstance(word, Text) else word.title
        if coloured and not isinstance(word, Text):
            extra |= {"bg_color": word.colour, "font_color": ink_on(word.colour), "bold": True}
        sheet.write_string(*cell, cell_text(title.both()), formats.get(**extra))
    elif isinstance(plain, bool):
        sheet.write_string(*cell, "是 yes" if plain else "否 no", formats.get(**extra))
    elif isinstance(plain, int | float):
        shape = "#,##0" if float(plain).is_integer() else "#,##0.00##"
        sheet.write_number(*cell, plain, formats.get(num_format=shape, **extra))
    elif isinstance(value, dt.date) and not pd.isna(value):
        day = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a cell's date has no zone
        sheet.write_datetime(*cell, day, formats.get(num_format="yyyy-mm-dd", **extra))
    else:
        sheet.write_string(*cell, cell_text(plain), formats.get(**extra))


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a ground.

    Examples
    --------
    >>> ink_on("#FFFFFF"), ink_on("#8E0B1F")
    ('#000000', '#FFFFFF')
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#FFFFFF"  # noqa: PLR2004  ITU-R BT.601 luma


def _set_page(book: xlsxwriter.Workbook, sheet: Any, meta: Meta, name: str, columns: Sequence[Column]) -> None:
    """Write the header rows and set widths, frozen panes and the printed page."""
    head = {
        "bold": True,
        "text_wrap": True,
        "valign": "vcenter",
        "border": 1,
        "border_color": "#D5DBE1",
        "font_color": "#FFFFFF",
    }
    upper = book.add_format({**head, "bg_color": "#12395C"})
    lower = book.add_format({**head, "bg_color": "#3D6A92", "bold": False})
    for at, (_, zh, en, width) in enumerate(columns):
        sheet.write_string(0, at, zh, upper)
        sheet.write_string(1, at, en, lower)
        sheet.set_column(at, at, width)
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


def _write_notes(book: xlsxwriter.Workbook, meta: Meta, legend: Sequence[tuple[str, str]]) -> None:
    """Write where the numbers come from: title, mark, day, program, rules, layers and their versions."""
    sheet = book.add_worksheet("说明 Notes")
    formats = _Formats(book)
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
    at = 0
    for name, text in rows:
        if text:
            sheet.write_string(at, 0, name, title)
            sheet.merge_range(at, 1, at, 3, "", plain)
            sheet.write_string(at, 1, cell_text(text), plain)
            at += 1
    for place, name in enumerate(("图层 Layer", "版本 Version", "数据 Delivered", "行数 Rows")):
        sheet.write_string(at + 1, place, name, title)
    for number, layer in enumerate(meta.layers, at + 2):
        for place, text in enumerate((layer.title.both(), layer.version, layer.delivered)):
            sheet.write_string(number, place, cell_text(text), plain)
        sheet.write_number(number, 3, layer.rows, formats.get(num_format="#,##0"))
    for place, width in enumerate((34, 26, 70, 12)):
        sheet.set_column(place, place, width)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)


def _legend_rows(palettes: Palettes) -> list[tuple[str, str]]:
    """Return what the outcomes and the certainties mean, as lines of the notes."""
    return [
        ("结论 Outcomes", "；".join(swatch.title.both() for swatch in palettes.outcomes.values())),
        ("确定性 Certainty", "；".join(swatch.title.both() for swatch in palettes.certainties.values())),
    ]

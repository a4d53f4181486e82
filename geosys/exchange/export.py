"""Write the ledger as a workbook that an office fills in: keys locked, lists to choose from, colours, photos, a hidden record.

The hidden sheet says of each case which version was exported, with hashes: what comes back is held against that.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys.cases.ledger import standing
from geosys.exchange.layout import PAPERS, Column, Words, word_kind
from geosys.exchange.ledger_sheet import FIRST, Table, write_ledger_sheet, write_lists
from geosys.exchange.sheets import (
    Formats,
    cell_text,
    count_lines,
    row_height,
    sheet_text,
    workbook,
    write_heads,
    write_value,
)
from geosys.maps.sheets import Column as SheetColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.ledger.standing import Connection
    from geosys.exchange.layout import Layout
    from geosys.maps.frames import Meta

RECORD, PAPERS_SHEET, NOTES = "_geosys", "照片材料 Files", "填写说明 How to fill in"
KIND, FORMAT = "geosys case ledger", 1
MOST_LINKS = 60_000  # of a sheet: Excel opens no more than 65,530


@dataclass(frozen=True, slots=True)
class Scope:
    """Hold which cases are exported: of one office, of one county, or all (empty)."""

    office: str = ""
    county: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Hold what the ledger itself does not know: each case's county (code), its files as (name, path); the days of warning before a due day."""

    counties: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[tuple[str, Path]]] = field(default_factory=dict)
    warn_days: int = 7


@dataclass(frozen=True, slots=True)
class Exported:
    """Hold what was exported: how many cases, how many of the office had no county, the ledger's last event."""

    path: Path
    rows: int
    without_county: int
    sequence: int


def export_ledger(
    connection: Connection,
    path: Path,
    layout: Layout,
    words: Words,
    workflow: Mapping[str, Any],
    meta: Meta,
    scope: Scope = Scope(),
    around: Surroundings = Surroundings(),
) -> Exported:
    """Write the cases of an office or county as a workbook to fill in; equal ledgers give equal bytes.

    Parameters
    ----------
    connection
        Reading the ledger.
    meta
        Title, day (colours are by this day), program and mark.

    Raises
    ------
    WorkspaceError
        From the ledger.
    """
    sequence, head = standing.chain_head(connection)
    cases = [c for c in standing.cases_now(connection).values() if c["merged_into"] is None]
    cases = [c for c in cases if scope.office in ("", c["assigned_lead"] or c["lead"])]
    unplaced = sum(c["case_id"] not in around.counties for c in cases) if scope.county else 0
    cases = [c for c in cases if scope.county in ("", around.counties.get(c["case_id"]))]
    order = list(words.titles.get("state", {}))
    cases.sort(key=lambda c: (_place(order, c["status"]), due_of(c) or dt.date.max, c["case_id"]))
    table = _table(connection, cases, layout, words, around)
    with workbook(path, meta, layout.title.both()) as book:
        sheet = book.add_worksheet(layout.title.zh)
        write_ledger_sheet(book, sheet, table, layout, words, meta, around.warn_days)
        _write_files(book, sheet, table, layout, path)
        write_lists(book, sheet, table, layout, words, workflow)
        _write_notes(book, layout, meta)
        told = {
            "kind": KIND, "format": FORMAT, "program": meta.program, "exported_on": meta.as_of.isoformat(), "sequence": sequence,
            "hash": head, "of_office": scope.office, "of_county": scope.county, "extras": table.extras,
            "columns": {c.name: c.title.zh for c in layout.columns},
        }  # fmt: skip
        _write_record(book, table, layout, told)
    return Exported(path, len(cases), unplaced, sequence)


def _place(order: Sequence[str], state: str) -> int:
    return order.index(state) if state in order else len(order)


def due_of(case: Mapping[str, Any]) -> dt.date | None:
    """Return the day a case is due: what a person decided goes before the rule."""
    due = case["assigned_due_on"] or case["due_on"]
    return due if isinstance(due, dt.date) else None


def _table(
    connection: Connection, cases: list[dict[str, Any]], layout: Layout, words: Words, around: Surroundings
) -> Table:
    problems, extras = standing.problems_of(connection), standing.extras_at(connection)
    own = {title for case in cases for title, text in extras.get(case["case_id"], {}).items() if text}
    names = sorted(own)
    values, files = [], []
    for case in cases:
        name = case["case_id"]
        papers = list(around.files.get(name, ()))
        county = around.counties.get(name, "")
        facts = {
            **{key: case[key] for key in ("case_id", "subject_name", "subject_id", "object_id", "found_on", "due_on")},
            "county_name": words.title(f"code:{layout.county_codes}", county) if county else "", "problem": problems.get(name, ""),
            "rule": words.title("rule", case["rule"]), "lead": words.title("office", case["lead"]),
            "seen": words.title("seen", case["seen"]), "files": f"{len(papers)} 件" if papers else "",
        }  # fmt: skip
        row = [facts[c.fact] if c.fact else shown(case, c, words) if c.field else None for c in layout.columns]
        values.append([*row, *(extras.get(name, {}).get(title) for title in names)])
        files += [(name, title, place) for title, place in papers]
    return Table(cases, values, names, files)


def shown(case: Mapping[str, Any], column: Column, words: Words) -> object:
    """Return what a column of people's shows of a case: a date, a code's title, or the text."""
    value = case[column.field]
    kind = word_kind(column)
    return words.title(kind, value) if kind and value is not None else value


def locked_hash(values: Sequence[object]) -> str:
    """Return the hash of a row's locked cells as a sheet gives them back: dates as ISO dates, empty ones as empty texts."""
    return standing.short_hash(
        [("" if v is None else v.isoformat() if isinstance(v, dt.date) else sheet_text(v).strip()) for v in values]
    )


def _write_files(book: Any, sheet: Any, table: Table, layout: Layout, path: Path) -> None:
    """Link photos and papers: one from the case's own cell, several through a sheet that lists them."""
    place = next((at for at, c in enumerate(layout.columns) if c.fact == "files"), None)
    if not table.files or place is None:
        return
    formats = Formats(book)
    listed = book.add_worksheet(PAPERS_SHEET)
    heads = [SheetColumn("case", "事项编号", "Case no.", 18), SheetColumn("file", "文件", "File", 60)]
    write_heads(listed, formats, heads, [])
    link = formats.get(font_color="#0B57A4", underline=1, locked=True, bg_color=layout.colours["locked"])
    row_of = {case["case_id"]: row for row, case in enumerate(table.cases)}
    counts: dict[str, int] = {}
    for number, (case_id, name, file) in enumerate(table.files):
        row = number + FIRST
        target = "external:" + os.path.relpath(file.resolve(), path.resolve().parent)
        write_value(listed, row, 0, case_id, formats)
        if number < MOST_LINKS:
            listed.write_url(row, 1, target, link, cell_text(name)[:255])
        else:
            write_value(listed, row, 1, name, formats)
        if case_id not in counts and len(counts) < MOST_LINKS:
            at = row_of[case_id]
            sheet.write_url(
                at + FIRST, place, f"internal:'{PAPERS_SHEET}'!A{row + 1}", link, str(table.values[at][place])
            )
        counts[case_id] = counts.get(case_id, 0) + 1
    listed.set_landscape()
    listed.set_paper(PAPERS["A4"])
    listed.fit_to_pages(1, 0)
    listed.repeat_rows(0, 1)
    listed.set_footer("&R&P / &N")
    listed.protect("", {"autofilter": True, "format_columns": True})


def _write_notes(book: Any, layout: Layout, meta: Meta) -> None:
    sheet = book.add_worksheet(NOTES)
    formats = Formats(book)
    sheet.set_column(0, 0, 60)
    sheet.set_column(1, 1, 76)
    told = [(meta.title.zh, meta.title.en), (f"导出日期 {meta.as_of}", f"Exported on {meta.as_of}, {meta.program}")]
    for row, (zh, en) in enumerate([*told, *((note.zh, note.en) for note in layout.notes)]):
        write_value(sheet, row, 0, zh, formats)
        write_value(sheet, row, 1, en, formats)
        sheet.set_row(row, row_height(max(count_lines(zh, 60), count_lines(en, 76))))
    sheet.set_landscape()
    sheet.set_paper(PAPERS["A4"])
    sheet.fit_to_pages(1, 0)
    sheet.protect("")


def _write_record(book: Any, table: Table, layout: Layout, told: Mapping[str, Any]) -> None:
    """Write on a hidden sheet what was exported: of the ledger, and of each case its version and hashes."""
    sheet = book.add_worksheet(RECORD)
    sheet.very_hidden()
    for row, (key, value) in enumerate(told.items()):
        sheet.write_string(row, 0, key)
        sheet.write_string(row, 1, cell_text(json.dumps(value, ensure_ascii=False)))
    top = len(told) + 1
    sheet.write_row(top - 1, 0, ["case_id", "version", "hash", "locked"])
    places = [at for at, column in enumerate(layout.columns) if column in layout.locked]
    for row, (case, values) in enumerate(zip(table.cases, table.values, strict=True), top):
        sheet.write_string(row, 0, cell_text(case["case_id"]))
        sheet.write_number(row, 1, case["version"])
        sheet.write_string(row, 2, standing.hash_of_case(case))
        sheet.write_string(row, 3, locked_hash([values[at] for at in places]))
    sheet.protect("")

"""Write the sheet that an office fills in: cells open or locked, lists to choose from, colours by state and due day, print set-up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys.cases.variants import variant_of
from geosys.cases.workflow import life_cycle
from geosys.exchange.layout import PAPERS, Words, word_kind
from geosys.exchange.sheets import (
    Formats,
    cell_name,
    cell_text,
    content_palettes,
    count_lines,
    ink_on,
    row_height,
    set_page,
    write_heads,
    write_value,
)
from geosys.maps.sheets import Column as SheetColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.exchange.layout import Layout
    from geosys.maps.frames import Meta

LISTS = "_lists"
FIRST = 2  # rows of the header
OWN_COLUMNS = 12  # columns on the right that an office may fill with its own
MOST_LINES = 8
_EXTRA_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Hold the rows to write: cases in order, their shown values, titles of offices' own columns, files as (case, name, path)."""

    cases: list[dict[str, Any]]
    values: list[list[object]]
    extras: list[str]
    files: list[tuple[str, str, Path]]


def write_ledger_sheet(
    book: Any, sheet: Any, table: Table, layout: Layout, words: Words, meta: Meta, warn_days: int
) -> None:
    """Write the rows with everything that helps to fill them in, colours by the day of `meta`."""
    formats = Formats(book)
    set_page(sheet, meta, layout.title.zh)
    sheet.set_paper(PAPERS[layout.paper])
    heads = [SheetColumn(c.name, c.title.zh, c.title.en, c.width) for c in layout.columns]
    heads += [SheetColumn(title, title, "", _EXTRA_WIDTH) for title in table.extras]
    write_heads(sheet, formats, heads, [])
    grounds = [
        {"bg_color": layout.colours["locked" if c.locked else "open"], "locked": c.locked} for c in layout.columns
    ]
    grounds += [{"bg_color": layout.colours["open"], "locked": False}] * len(table.extras)
    lines = [1] * len(table.values)
    for at, (head, look) in enumerate(zip(heads, grounds, strict=True)):
        known: dict[str, int] = {}
        for row, values in enumerate(table.values):
            text = write_value(sheet, row + FIRST, at, values[at], formats, **look)
            if text not in known:
                known[text] = min(count_lines(text, head.width), MOST_LINES)
            lines[row] = max(lines[row], known[text])
    for row, most in enumerate(lines):
        sheet.set_row(row + FIRST, row_height(most))
    width, last = len(heads), max(len(table.values) + FIRST - 1, FIRST)
    sheet.set_column(
        width, width + OWN_COLUMNS - 1, _EXTRA_WIDTH, book.add_format({"locked": False, "text_wrap": True})
    )
    sheet.freeze_panes(FIRST, 2)
    sheet.autofilter(FIRST - 1, 0, last, width - 1)
    printed = [at for at, column in enumerate(layout.columns) if not column.given]
    sheet.print_area(0, 0, last, max(printed))  # what is given for moves comes last, and is empty
    allowed = ("autofilter", "sort", "format_columns", "format_rows", "format_cells")
    sheet.protect("", dict.fromkeys(allowed, True))
    _colour(book, sheet, layout, words, meta.as_of, warn_days, last)


def _colour(book: Any, sheet: Any, layout: Layout, words: Words, day: dt.date, warn_days: int, last: int) -> None:
    """Colour states, and what is overdue or nearly due on the day of the export, as cells are filled in."""
    at = {c.field or c.fact: place for place, c in enumerate(layout.columns)}
    if "status" in at:
        for state, swatch in content_palettes().statuses.items():
            look = book.add_format({"bg_color": swatch.colour, "font_color": ink_on(swatch.colour)})
            rule = {"type": "cell", "criteria": "==", "value": f'"{words.title("state", state)}"', "format": look}
            sheet.conditional_format(FIRST, at["status"], last, at["status"], rule)
    days = [place for name in ("assigned_due_on", "due_on") if (place := at.get(name)) is not None]
    if not days or "status" not in at:
        return
    state = _fixed(at["status"])
    settled = ",".join(f'{state}="{words.title("state", name)}"' for name in words.settled)
    today = f"DATE({day.year},{day.month},{day.day})"
    for name, until in (("overdue", today), ("near", f"{today}+{warn_days}+1")):
        look = book.add_format({"bg_color": layout.colours[name], "bold": name == "overdue"})
        for place in days:  # what a person decided goes before the rule: only the day that counts is coloured
            other = f',{_fixed(days[0])}=""' if place != days[0] else ""
            due = _fixed(place)
            criteria = f'=AND({due}<>""{other},{due}<{until},NOT(OR({settled})))'
            rule = {"type": "formula", "criteria": criteria, "format": look, "stop_if_true": True}
            sheet.conditional_format(FIRST, place, last, place, rule)


def _fixed(column: int) -> str:
    """Return the first cell of a column, its letter held fast."""
    return f"${cell_name(FIRST, column)}"


def write_lists(book: Any, sheet: Any, table: Table, layout: Layout, words: Words, workflow: Mapping[str, Any]) -> None:
    """Write the words to choose from on a hidden sheet, and let the cells offer them."""
    lists = book.add_worksheet(LISTS)
    lists.very_hidden()
    count = len(table.cases)
    free = 0
    for at, column in enumerate(layout.columns):
        kind = word_kind(column)
        if column.locked or not count:
            continue
        if column.type == "state":
            for states, spans in _spans(_reachable(table.cases, workflow)).items():
                source = _write_list(lists, free, [words.title("state", name) for name in states])
                _offer(sheet, at, spans, source, layout.clear_word)
                free += 1
        elif kind:
            _offer(
                sheet, at, [(0, count - 1)], _write_list(lists, free, [*words.titles[kind].values()]), layout.clear_word
            )
            free += 1
        elif column.type == "date":
            rule = {
                "validate": "date", "criteria": "between", "minimum": dt.date(1950, 1, 1), "maximum": dt.date(2100, 12, 31),
                "error_type": "warning", "error_title": "日期 Date", "error_message": "请填日期，如 2026-11-30。A date, as 2026-11-30.",
            }  # fmt: skip
            sheet.data_validation(FIRST, at, FIRST + count - 1, at, rule)


def _reachable(cases: Sequence[Mapping[str, Any]], workflow: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return for each case its state and those that one move leads to, by its type's life cycle."""
    known: dict[tuple[str | None, str], tuple[str, ...]] = {}
    found = []
    for case in cases:
        key = (variant_of(workflow, case["rule"], case["subject_layer"]), case["status"])
        if key not in known:
            cycle = life_cycle(workflow, case["rule"], case["subject_layer"])
            known[key] = tuple(dict.fromkeys([key[1], *(cycle.moves[name].to for name in cycle.allowed(key[1]))]))
        found.append(known[key])
    return found


def _spans(values: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[int, int]]]:
    """Return where each value stands, as stretches of rows."""
    spans: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    start = 0
    for row in range(1, len(values) + 1):
        if row == len(values) or values[row] != values[start]:
            spans.setdefault(values[start], []).append((start, row - 1))
            start = row
    return spans


def _write_list(lists: Any, column: int, texts: Sequence[str]) -> str:
    for row, text in enumerate(texts):
        lists.write_string(row, column, cell_text(text))
    top, end = (cell_name(row, column) for row in (0, len(texts) - 1))
    letters = top.rstrip("0123456789")
    return f"={LISTS}!${letters}$1:${letters}${end.removeprefix(letters)}"


def _offer(sheet: Any, column: int, spans: Sequence[tuple[int, int]], source: str, clear_word: str) -> None:
    """Let cells offer a list; another word is warned of, for the word that empties a cell is on no list."""
    (first, last), *more = spans
    rule: dict[str, Any] = {
        "validate": "list", "source": source, "error_type": "warning", "error_title": "不在清单中 Not on the list",
        "error_message": cell_text(f"清单以外的内容导入时不会采用（“{clear_word}”除外）。Other words are not taken in.")[:255],
    }  # fmt: skip
    if more:
        rule["other_cells"] = [[FIRST + a, column, FIRST + b, column] for a, b in more]
    sheet.data_validation(FIRST + first, column, FIRST + last, column, rule)

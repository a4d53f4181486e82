"""Turn the tables of a sheet's spec into tables: cells as people read them, cut with the number of rows left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.maps.paper.sheet import Facts, Table
from geosys.maps.sheet_parts import ChartPart
from geosys.maps.sheet_spec import FINDINGS
from geosys.sheets.layers import classed, rows_of
from geosys.standards.limits import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.maps.paper.sheet import Words
    from geosys.maps.sheet_parts import SheetSpec, TablePart
    from geosys.sheets.desk import Desk

YES, NO, EMPTY = Text("是", "yes"), Text("否", "no"), "—"
PALETTES = {
    "severity": "severities",
    "status": "statuses",
    "outcome": "outcomes",
    "due_state": "due_state",
    "worst": "worst",
    "risk": "risk",
}
CLASS_COLUMNS = ("class_now", "class_before", "target", "year_class")  # results that number the water classes
_WIDE = 40  # letters of a column at most, for its width


def table_of(desk: Desk, part: TablePart, spec: SheetSpec, frame: pd.DataFrame | None = None) -> Table | None:
    """Return a table, or None where it would have no row.

    Parameters
    ----------
    frame : the rows to take; by default those of the part's layer.
    """
    if frame is None:
        asked = ChartPart("table", part.title, layer=part.layer, columns=part.columns, where=part.where)
        frame = rows_of(desk, asked, spec)
    if not len(frame):
        return None
    if part.group:
        frame = _counted(frame, part)
    keys = [key.removeprefix("-") for key in part.sort if key.removeprefix("-") in frame]
    if keys:
        rising = [not key.startswith("-") for key in part.sort if key.removeprefix("-") in frame]
        frame = frame.sort_values(keys, ascending=rising, kind="stable", na_position="last")
    columns = [*part.columns, *(["count"] if part.group else [])]
    shown = frame.head(part.most)
    cells = [cells_of(desk, part.layer, column, shown) for column in columns]
    rest = len(frame) - len(shown)
    title = part.title
    if rest:
        title = Text(
            f"{title.zh}（前 {len(shown)} 行，共 {len(frame)} 行）", f"{title.en} (first {len(shown)} of {len(frame)})"
        )
    widths = [
        max(_letters(c) for c in [column_title(desk, part.layer, name), *some])
        for name, some in zip(columns, cells, strict=True)
    ]
    right = [
        i
        for i, name in enumerate(columns)
        if name == "count" or pd.api.types.is_numeric_dtype(shown.get(name, pd.Series(dtype=object)))
    ]
    head = [column_title(desk, part.layer, name) for name in columns]
    return Table(
        head, list(zip(*cells, strict=True)), widths=[min(max(w, 4), _WIDE) for w in widths], right=right, title=title
    )


def _counted(frame: pd.DataFrame, part: TablePart) -> pd.DataFrame:
    """Return one row for each word of a column with how many rows have it, the most first."""
    counts = frame.groupby(part.group, sort=False).size()
    first = frame.drop_duplicates(part.group).set_index(part.group, drop=False)
    first = first.assign(count=counts).sort_values("count", ascending=False, kind="stable")
    return first.reset_index(drop=True)


def column_title(desk: Desk, layer: str, column: str) -> Words:
    """Return the heading of a column."""
    known = desk.schemas[layer].titles if layer in desk.schemas else {}
    return known.get(column) or desk.book.words.get(column) or Text(column, column)


def cells_of(desk: Desk, layer: str, column: str, frame: pd.DataFrame) -> list[Words]:
    """Return the cells of one column as people read them: titles of codes, yes and no, numbers with their decimals."""
    if f"{column}_zh" in frame:
        pairs = zip(frame[f"{column}_zh"], frame[f"{column}_en"], strict=True)
        return [Text(_plain(zh), _plain(en)) for zh, en in pairs]
    if column not in frame:
        return [EMPTY] * len(frame)
    titles = titles_of(desk, layer, column)
    return [_cell(value, word, titles) for value, word in zip(frame[column], classed(frame[column], {}), strict=True)]


def titles_of(desk: Desk, layer: str, column: str) -> Mapping[str, Text]:
    """Return the titles of a column's words."""
    if column in CLASS_COLUMNS and layer != FINDINGS:
        return {str(number): Text(name, name.replace("劣", "worse than ")) for number, name in enumerate(NAMES)}
    looks = desk.book.classes_named(PALETTES.get(column, ""))
    if looks:
        return {word: look.title for word, look in looks.items()}
    if layer == FINDINGS and column.endswith("_layer"):
        return {name: schema.title for name, schema in desk.schemas.items()}
    return desk.schemas[layer].codes.get(column, {}) if layer in desk.schemas else {}


def _cell(value: Any, word: str | None, titles: Mapping[str, Text]) -> Words:
    if word is None or word == "":
        return EMPTY
    if word in titles:
        return titles[word]
    if isinstance(value, bool | np.bool_):
        return YES if value else NO
    if isinstance(value, float | np.floating) and not float(value).is_integer():
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return word


def _plain(value: object) -> str:
    return EMPTY if pd.isna(value) or not str(value) else str(value)


def _letters(words: Words) -> int:
    text = words.zh if isinstance(words, Text) else words
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)  # noqa: PLR2004  from here on signs are square


def facts_of(desk: Desk, layer: str, columns: Sequence[str], row: pd.DataFrame, title: Words = "") -> Facts:
    """Return one feature as pairs of name and value; what is not filled in is left out."""
    units = {f.id: f.unit for f in desk.catalogue.layers[layer].fields.values() if f.unit}
    pairs: list[tuple[Words, Words]] = []
    for column in columns:
        cell = cells_of(desk, layer, column, row)[0]
        if cell != EMPTY:
            unit = units.get(column, "")
            pairs.append(
                (column_title(desk, layer, column), f"{cell} {unit}" if unit and isinstance(cell, str) else cell)
            )
    return Facts(pairs or [(Text("内容", "Content"), Text("未填", "nothing filled in"))], columns=1, title=title)

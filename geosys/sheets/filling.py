"""Fill the page of charts and tables behind a map: more rows first, then larger charts, so that no half page stays empty."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from geosys._text import Text
from geosys.maps.charts import chart_height, picture_of
from geosys.maps.paper.labels import MM_PER_PT
from geosys.maps.paper.sheet import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.maps.charts_values import Chart
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block, Table
    from geosys.maps.sheet_parts import TablePart

MOST_ROWS = 60  # of one table, however much room there is
GUTTER_MM, EDGE_MM, BETWEEN_MM = 3.0, 2.0, 2.2
MOST_GROWTH = 1.35  # of a table's letters
MOST_STACKED = 2  # charts that may stand one below the other over the whole width
# how a table is set by page.typ, in parts of its letters: a row, each further line of it, its heading
_LETTERS, _ROW_EM, _LINE_EM, _TITLE_EM = 0.9, 1.62, 1.34, 2.6
_CELL_INSET_EM = 0.8


class Way(NamedTuple):
    """Hold one way to lay out charts: in how many columns, and how many times their usual size."""

    columns: int
    growth: float


PLAIN = Way(2, 1.0)
# what is tried in turn: the first that fits is taken
WAYS = (Way(1, 1.7), Way(1, 1.45), Way(1, 1.2), Way(2, 1.6), Way(2, 1.45), Way(2, 1.3), Way(2, 1.2), Way(2, 1.1), PLAIN)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Hold the page to be filled: the width and height of its body in millimetres, its letters in points, its language."""

    width: float
    height: float
    text_pt: float
    language: str


def filled(
    charts: Sequence[Chart],
    parts: Sequence[TablePart],
    make: Callable[[TablePart], Table | None],
    leaf: Leaf,
    press: Press,
) -> list[Block]:
    """Return charts and tables as blocks that fill a page; what needs more than one is laid out plainly.

    Parameters
    ----------
    make : makes the table of a part; a part without rows has none.
    """
    kept = [(part, table) for part in parts if (table := make(part)) is not None]
    tables = [table for _, table in kept]
    room = leaf.height - sum(table_height(t, leaf, press) for t in tables) - charts_height(charts, PLAIN, leaf, press)
    for at, (part, table) in enumerate(kept):
        if room > 0 and not part.group:
            tables[at], room = _longer(part, table, make, leaf, press, room)
    for way in WAYS:
        if way.columns == 1 and len(charts) > MOST_STACKED:
            continue
        grown = [replace(table, growth=min(way.growth, MOST_GROWTH)) for table in tables]
        high = charts_height(charts, way, leaf, press) + sum(table_height(t, leaf, press) for t in grown)
        if high <= leaf.height:
            return [*laid_out(charts, way, leaf, press), *grown]
    return [*laid_out(charts, PLAIN, leaf, press), *tables]


def _longer(
    part: TablePart, table: Table, make: Callable[[TablePart], Table | None], leaf: Leaf, press: Press, room: float
) -> tuple[Table, float]:
    """Return a table with as many more rows as there is room for, and the room that is left."""
    whole = make(replace(part, most=max(MOST_ROWS, part.most)))
    if whole is None or len(whole.rows) <= len(table.rows):
        return table, room
    heights = row_heights(whole, leaf, press)
    count = len(table.rows)
    while count < len(whole.rows) and heights[count] <= room:
        room -= heights[count]
        count += 1
    longer = make(replace(part, most=count))
    return (longer, room) if longer is not None else (table, room)


def laid_out(charts: Sequence[Chart], way: Way, leaf: Leaf, press: Press) -> list[Block]:
    """Return charts as pictures in columns; each goes where there is least so far, so that no column runs far beyond."""
    if not charts:
        return []
    width, size = _chart_size(way, leaf)
    columns: list[list[Block]] = [[] for _ in range(way.columns)]
    for place, at in enumerate(_places(charts, way, leaf, press)):
        columns[at].append(picture_of(charts[place], press, width_mm=width, language=leaf.language, size_pt=size))
    return [Row(columns)]


def charts_height(charts: Sequence[Chart], way: Way, leaf: Leaf, press: Press) -> float:
    """Return how high charts are in millimetres when they are laid out in a way."""
    heights = _heights(charts, way, leaf, press)
    columns = [0.0] * way.columns
    for at, high in zip(_places(charts, way, leaf, press), heights, strict=True):
        columns[at] += high + BETWEEN_MM
    return max(columns, default=0.0) + BETWEEN_MM


def _places(charts: Sequence[Chart], way: Way, leaf: Leaf, press: Press) -> list[int]:
    """Return the column of each chart."""
    columns, places = [0.0] * way.columns, []
    for high in _heights(charts, way, leaf, press):
        at = columns.index(min(columns))
        places.append(at)
        columns[at] += high
    return places


def _heights(charts: Sequence[Chart], way: Way, leaf: Leaf, press: Press) -> list[float]:
    width, size = _chart_size(way, leaf)
    return [chart_height(one, press.fonts, width, leaf.language, size) for one in charts]


def _chart_size(way: Way, leaf: Leaf) -> tuple[float, float]:
    """Return width in millimetres and letters in points of charts that are laid out in a way."""
    return (leaf.width - GUTTER_MM * (way.columns - 1)) / way.columns - EDGE_MM, leaf.text_pt * way.growth


def table_height(table: Table, leaf: Leaf, press: Press) -> float:
    """Return how high a table will be, within a few parts of a hundred, in millimetres."""
    letter = leaf.text_pt * table.growth * MM_PER_PT
    title = letter * _TITLE_EM if table.title else 0.0
    return title + letter * _LETTERS * _ROW_EM + sum(row_heights(table, leaf, press))


def row_heights(table: Table, leaf: Leaf, press: Press) -> list[float]:
    """Return how high each row of a table will be in millimetres: cells wider than their column run over lines."""
    em = leaf.text_pt * table.growth * _LETTERS
    shares = list(table.widths) or [1.0] * len(table.head)
    inner = [leaf.width / MM_PER_PT * share / sum(shares) - _CELL_INSET_EM * em for share in shares]

    def lines(cell: Text | str, room: float) -> int:
        text = cell.in_language(leaf.language) if isinstance(cell, Text) else cell
        return max(1, math.ceil(press.fonts.width(text, em) * 1.04 / max(room, em)))

    counts = [max(lines(cell, room) for cell, room in zip(row, inner, strict=True)) for row in table.rows]
    return [em * (_ROW_EM + _LINE_EM * (count - 1)) * MM_PER_PT for count in counts]

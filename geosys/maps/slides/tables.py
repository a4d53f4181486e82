"""Native tables: columns as wide as what they hold, rows continued over slides, cut cells told whole in the notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pptx.enum.text import MSO_ANCHOR
from pptx.util import Pt

from geosys._text import Text
from geosys.maps.cells import UNITS
from geosys.maps.pack import plain_value
from geosys.maps.slides import words
from geosys.maps.slides.board import describe, write
from geosys.maps.slides.letters import LEAD, Fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.meeting.content import Column, Listing
    from geosys.maps.paper.sheet import Words
    from geosys.maps.slides.board import Board, Deck

SIZES = (12.0, 11.0, 10.0)  # of a table's text: the largest whose columns fit without being narrowed
NARROWEST, WIDEST = 46.0, 300.0  # of a column
MOST_LINES = 3  # of a cell
MOST_SLIDES = 6  # of one listing
_ASIDE, _ABOVE = 5.0, 2.5  # margins of a cell
_FOOTNOTE = 18.0
_MEASURED = 300  # rows that decide the widths
_MOST_DECIMALS = 3
_FIRST_LETTERS = 60  # of a cell, that decide its width


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold a table laid out: its columns, their widths and sizes in points, its cells as texts."""

    columns: Sequence[Column]
    heads: Sequence[str]
    widths: Sequence[float]
    rows: Sequence[Sequence[str]]
    size: float
    dropped: int


class Row(NamedTuple):
    """Hold a row as it is written: its number from 1, its cells, its height."""

    number: int
    cells: Sequence[Fitted]
    height: float


def draw_listing(deck: Deck, listing: Listing, *, item: int = 0, empty: Words = words.EMPTY) -> None:
    """Draw a table over as many slides as it takes, at most `MOST_SLIDES`; what is not shown is told."""
    first = deck.board(listing.title, item=item)
    if not listing.rows:
        first.text(empty, (first.left, first.top, first.width, 60.0 * first.scale), (18.0, 14.0))
        first.note(words.NOTE, listing.note)
        return
    most = MOST_SLIDES * 60
    plan = lay_out(deck, listing.columns, listing.rows[:most], first.width)
    rows, done, board = fit_rows(deck, plan), 0, first
    for number in range(1, MOST_SLIDES + 1):
        room = board.bottom - board.top - _FOOTNOTE * deck.base.scale
        count = _how_many(rows[done:], room - _head_height(deck, plan))
        draw_table(board, plan, rows[done : done + count], board.left, board.top)
        done += count
        is_last = done >= len(rows) or number == MOST_SLIDES
        _footnote(board, listing, plan, (done - count + 1, done), is_last=is_last)
        if is_last:
            return
        board = deck.board(deck.continued(listing.title), item=item)


def _footnote(board: Board, listing: Listing, plan: Plan, span: tuple[int, int], *, is_last: bool) -> None:
    say, total = board.deck.say, max(listing.total, len(listing.rows))
    is_whole = span == (1, total)
    parts = [] if is_whole else [say(words.rows_told(*span, total))]
    if is_last and span[1] < total:
        parts.append(say(words.left_out(total - span[1])))
    if plan.dropped:
        parts.append(say(words.columns_left_out(plan.dropped)))
    parts.append(say(listing.note))
    high, told = (
        _FOOTNOTE * board.scale,
        ("；" if board.deck.language == "zh" else "; ").join(part for part in parts if part),
    )
    if not told:
        return
    board.text(
        told, (board.left, board.bottom - high, board.width, high), (10.0, 9.0), quiet=True,
        told=words.IN_NOTES, whole=words.NOTE,
    )  # fmt: skip


def lay_out(
    deck: Deck, columns: Sequence[Column], rows: Sequence[Sequence[object]], room: float, sizes: Sequence[float] = SIZES
) -> Plan:
    """Return a table's columns fitted into a width: narrow ones as they are, the long ones share the rest."""
    kept = list(columns)[: max(int(room / (NARROWEST * deck.base.scale)), 1)]
    heads = [_head(deck, column) for column in kept]
    digits = [
        decimals([row[i] for row in rows if i < len(row)]) if c.kind == "number" else 0 for i, c in enumerate(kept)
    ]
    texts = [
        [cell_text(deck, value, places) for value, places in zip(row, digits, strict=False)]
        + [""] * (len(kept) - len(row))
        for row in rows
    ]
    widths: list[float] = []
    for given in sizes:
        size = given * deck.base.scale
        wanted = [_wanted(deck, head, [row[i] for row in texts[:_MEASURED]], size) for i, head in enumerate(heads)]
        widths = shared(wanted, room, NARROWEST * deck.base.scale)
        if sum(wanted) <= room:
            break
    return Plan(kept, heads, widths, texts, size, len(columns) - len(kept))


def _head(deck: Deck, column: Column) -> str:
    unit = UNITS.get(column.unit, column.unit)
    return deck.say(column.title) + (deck.aside(deck.say(unit)) if unit else "")


def decimals(values: Sequence[object]) -> int:
    """Return how many decimals the numbers of a column need, at most three: they stand one below the other.

    Examples
    --------
    >>> decimals([1, 2.5, None]), decimals([27.75, 9]), decimals([1 / 3])
    (1, 2, 3)
    """
    plain = [plain_value(value) for value in values if not isinstance(value, Text)]
    numbers = [n for n in plain if isinstance(n, int | float) and not isinstance(n, bool)]
    return next((d for d in range(_MOST_DECIMALS) if all(round(n, d) == n for n in numbers)), _MOST_DECIMALS)


def cell_text(deck: Deck, value: object, places: int = 0) -> str:
    """Return a value as a cell shows it, a number with so many decimals."""
    if isinstance(value, Text):
        return deck.say(value)
    plain = plain_value(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return deck.say(words.YES if plain else words.NO)
    if isinstance(plain, int | float):
        return f"{plain:,.{places}f}"
    return deck.say(str(plain))


def _wanted(deck: Deck, head: str, texts: Sequence[str], size: float) -> float:
    widest = max(
        (deck.ruler.width(text[:_FIRST_LETTERS], size) for text in texts),
        default=0.0,
    )
    widest = max(widest, deck.ruler.width(head[:_FIRST_LETTERS], size, bold=True))
    return min(widest / 0.93 + (2 * _ASIDE + 1.0) * deck.base.scale, WIDEST * deck.base.scale)


def shared(wanted: Sequence[float], room: float, least: float) -> list[float]:
    """Return widths that fill a room: each as wanted where all fit (the rest goes to the widest ones), else the widest give.

    Examples
    --------
    >>> shared([50.0, 100.0], 300.0, 40.0)
    [100.0, 200.0]
    >>> shared([50.0, 300.0, 300.0], 350.0, 40.0)
    [50.0, 150.0, 150.0]
    """
    if sum(wanted) <= room:
        return [width * room / sum(wanted) for width in wanted]
    widths, open_, rest = [0.0] * len(wanted), list(range(len(wanted))), room
    while open_:
        fair = rest / len(open_)
        small = [i for i in open_ if max(wanted[i], least) <= fair]
        if not small:
            for i in open_:
                widths[i] = fair
            break
        for i in small:
            widths[i] = max(wanted[i], least)
            rest -= widths[i]
            open_.remove(i)
    return widths


def fit_rows(deck: Deck, plan: Plan, most_lines: int = MOST_LINES, told: Words = words.CUT) -> list[Row]:
    """Return the rows of a table as they are written, each as high as its highest cell; a cut cell says `told`."""
    made, s = [], deck.base.scale
    told = deck.say(told)
    for number, row in enumerate(plan.rows, 1):
        cells = [
            deck.ruler.fit(text, width - 2 * _ASIDE * s, most_lines * plan.size * LEAD + 0.1, (plan.size,), told=told)
            for text, width in zip(row, plan.widths, strict=True)
        ]
        made.append(Row(number, cells, _height(deck, plan.size, max(cell.lines for cell in cells))))
    return made


def _height(deck: Deck, size: float, lines: int) -> float:
    return lines * size * LEAD + 2 * _ABOVE * deck.base.scale


def _head_height(deck: Deck, plan: Plan) -> float:
    room = [width - 2 * _ASIDE * deck.base.scale for width in plan.widths]
    lines = [
        deck.ruler.fit(h, w, MOST_LINES * plan.size * LEAD + 0.1, (plan.size,), bold=True).lines
        for h, w in zip(plan.heads, room, strict=True)
    ]
    return _height(deck, plan.size, max(lines))


def _how_many(rows: Sequence[Row], room: float) -> int:
    """Return how many rows have room, at least one."""
    used = 0.0
    for count, row in enumerate(rows):
        used += row.height
        if used > room:
            return max(count, 1)
    return len(rows)


def draw_table(board: Board, plan: Plan, rows: Sequence[Row], left: float, top: float, *, has_head: bool = True) -> Any:
    """Draw rows of a table; cells that were cut stand whole in the notes. Return the native table."""
    deck = board.deck
    head = _head_height(deck, plan) if has_head else 0.0
    high = head + sum(row.height for row in rows)
    frame = board.slide.shapes.add_table(
        len(rows) + has_head, len(plan.columns), Pt(left), Pt(top), Pt(sum(plan.widths)), Pt(high)
    )
    table = frame.table
    table.first_row = has_head
    for column, width in zip(table.columns, plan.widths, strict=True):
        column.width = Pt(width)
    described = "；".join(plan.heads) if has_head else ""
    describe(frame, described)
    if has_head:
        table.rows[0].height = Pt(head)
        for cell, text, width, column in zip(table.rows[0].cells, plan.heads, plan.widths, plan.columns, strict=True):
            room = MOST_LINES * plan.size * LEAD + 0.1
            fitted = deck.ruler.fit(text, width - 2 * _ASIDE * board.scale, room, (plan.size,), bold=True)
            _write_cell(board, cell, fitted, column, is_head=True)
            if fitted.is_cut:
                board.note("", text)
    for drawn, row in zip(list(table.rows)[int(has_head) :], rows, strict=True):
        drawn.height = Pt(row.height)
        whole = plan.rows[row.number - 1]
        for cell, fitted, column, text, title in zip(
            drawn.cells, row.cells, plan.columns, whole, plan.heads, strict=True
        ):
            _write_cell(board, cell, fitted, column, is_head=False)
            if fitted.is_cut:
                board.note(f"{row.number} {title}".strip(), text)
    return table


def _write_cell(board: Board, cell: Any, fitted: Fitted, column: Column, *, is_head: bool) -> None:
    cell.margin_left = cell.margin_right = Pt(_ASIDE * board.scale)
    cell.margin_top = cell.margin_bottom = Pt(_ABOVE * board.scale)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    paragraph = cell.text_frame.paragraphs[0]
    align = "right" if column.kind == "number" else "left"
    write(paragraph, fitted.text, fitted.size, board.deck, bold=is_head, align=align, is_in_table=True)

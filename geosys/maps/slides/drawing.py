"""The slides of one chart: which kind is drawn how, over how many slides, and what is said when there is nothing to draw."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._text import Text
from geosys.content import content_root
from geosys.maps.charts import chart_file
from geosys.maps.charts_values import Flows, Schedule, Stack, Trend
from geosys.maps.meeting.content import Column
from geosys.maps.paper.press import open_press
from geosys.maps.slides import words
from geosys.maps.slides.bars import MOST_BARS, MOST_TASKS, cut, draw_schedule, draw_stack
from geosys.maps.slides.lines import draw_trend
from geosys.maps.slides.tables import draw_table, fit_rows, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_values import Chart
    from geosys.maps.slides.board import Board, Box, Deck

_TABLE = 0.42  # of the width, for the table beside a picture of flows
_MM_PER_PT = 25.4 / 72
_GAP = 16.0
_LONGEST = 24  # letters of a name in a picture


def draw_chart_slides(deck: Deck, chart: Chart, *, item: int = 0) -> None:
    """Draw a chart over as many slides as it takes.

    Raises
    ------
    SpecError
        When its rows are of another length than its classes or periods, or an amount is below 0 or not finite.
    """
    _check(deck, chart)
    pieces = _pieces(chart)
    for number, piece in enumerate(pieces or [()]):
        told = chart.title if not number else deck.continued(chart.title)
        board = deck.board(told, item=item)
        unit = deck.say(chart.unit) if not isinstance(chart, Schedule) else ""
        top = board.top + (18.0 * board.scale if unit else 0.0)
        if unit:
            board.text(
                deck.aside(unit).strip(), (board.left, board.top, board.width, 18.0 * board.scale),
                (11.0, 10.0), quiet=True,
            )  # fmt: skip
        box = (board.left, top, board.width, board.bottom - top)
        if pieces:
            _draw(board, chart, piece, box)
        else:
            board.text(words.NOTHING_DRAWN, box, (18.0, 14.0))


def _pieces(chart: Chart) -> list[Sequence[object]]:
    """Return what of a chart stands on each slide; nothing where it holds nothing."""
    if isinstance(chart, Trend):
        return [chart.lines] if any(v is not None for line in chart.lines for v in line.values) else []
    if isinstance(chart, Flows):
        return _slices(chart.flows, 14)
    rows: Sequence[object] = chart.rows
    if isinstance(chart, Stack) and not any(sum(values) > 0 for _, values in chart.rows):
        return []
    return _slices(rows, MOST_TASKS if isinstance(chart, Schedule) else MOST_BARS)


def _slices(rows: Sequence[object], most: int) -> list[Sequence[object]]:
    """Return rows in slides of at most `most`, of nearly one length."""
    count = -(-len(rows) // most)
    size = -(-len(rows) // count) if count else 1
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _draw(board: Board, chart: Chart, piece: Sequence[object], box: Box) -> None:
    title = board.deck.say(chart.title)[:60]
    if isinstance(chart, Stack):
        draw_stack(board, chart, piece, title, box)  # type: ignore[arg-type]
    elif isinstance(chart, Trend):
        draw_trend(board, chart, title, box)
    elif isinstance(chart, Schedule):
        draw_schedule(board, piece, title, box)  # type: ignore[arg-type]
    else:
        _draw_flows(board, chart, piece, title, box)  # type: ignore[arg-type]


def _draw_flows(board: Board, chart: Flows, flows: Sequence[tuple[int, int, float]], title: str, box: Box) -> None:
    """Draw flows as a native table with their picture beside it: PowerPoint has no such chart."""
    left, top, wide, high = box
    deck = board.deck
    columns = [Column("from", words.FROM), Column("to", words.TO), Column("amount", words.AMOUNT, "number")]
    rows = [[_state(deck, chart, a), _state(deck, chart, b), amount] for a, b, amount in flows]
    plan = lay_out(deck, columns, rows, wide * _TABLE)
    draw_table(board, plan, fit_rows(deck, plan, 2), left, top)
    room = wide * (1 - _TABLE) - _GAP * board.scale
    press = open_press(content_root() / "maps")
    drawn = chart_file(
        _shortened(deck, chart), "png", press, width_mm=room * _MM_PER_PT, language=deck.language, size_pt=14.0 * board.scale,
        as_of=deck.meeting.day,
    )  # fmt: skip
    board.picture(drawn, (left + wide * _TABLE + _GAP * board.scale, top, room, high), title)


def _shortened(deck: Deck, chart: Flows) -> Flows:
    """Return flows whose names have room beside their bands; whole ones stand in the table and its notes."""
    states = [replace(state, title=cut(deck.say(state.title), _LONGEST)) for state in chart.states]
    columns = [cut(deck.say(column), _LONGEST) for column in chart.columns]
    return replace(chart, title=cut(deck.say(chart.title), _LONGEST), columns=columns, states=states, unit="")


def _state(deck: Deck, chart: Flows, number: int) -> Text:
    state = chart.states[number]
    column = deck.say(chart.columns[state.column])
    told = f"{column}　{deck.say(state.title)}"
    return Text(told, told)


def _check(deck: Deck, chart: Chart) -> None:
    """Refuse what would be drawn wrong without a word."""
    wrong = ""
    if isinstance(chart, Stack):
        if any(len(values) != len(chart.classes) for _, values in chart.rows):
            wrong = "rows of another length than the classes"
        elif not all(isfinite(v) and v >= 0 for _, values in chart.rows for v in values):
            wrong = "amounts below 0 or not finite"
    elif isinstance(chart, Trend):
        if any(len(line.values) != len(chart.periods) for line in chart.lines):
            wrong = "lines of another length than the periods"
        elif not all(v is None or isfinite(v) for line in chart.lines for v in line.values):
            wrong = "values that are not finite"
    elif isinstance(chart, Flows) and not all(isfinite(f[2]) and f[2] > 0 for f in chart.flows):
        wrong = "flows that are not above 0"
    if wrong:
        raise SpecError(
            f"chart '{deck.say(chart.title)[:40]}': got {wrong}, expected none. Mend the data, or leave it out."
        )

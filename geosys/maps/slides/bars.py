"""Bars by class, and progress against targets, as native charts."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pptx.enum.chart import XL_CHART_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Pt

from geosys.maps.charts_bars import BAD, DONE, FULL, OPEN, share_text
from geosys.maps.charts_canvas import amount, hatch_of
from geosys.maps.meeting.content import Column
from geosys.maps.slides import words
from geosys.maps.slides.base import rgb
from geosys.maps.slides.charts import LETTERS, add_chart, label, number_shape, paint, quiet_axis
from geosys.maps.slides.tables import draw_table, fit_rows, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_values import Progress, Stack
    from geosys.maps.slides.board import Board, Box, Deck

MOST_BARS, MOST_TASKS = 16, 6  # on one slide
_NAME = 18  # letters of a name beside a bar
_TASK = 22  # letters of a name under a column
_ROOM = 0.62  # of a chart's width, at least, for the bars: the rest is names


def draw_stack(board: Board, chart: Stack, rows: Sequence[tuple[Any, Sequence[float]]], title: str, box: Box) -> None:
    """Draw rows of amounts as stacked bars, the first on top; a share fills the width, its total stands with its name."""
    deck = board.deck
    names = [_named(board, name, sum(values), chart) for name, values in rows]
    series = [
        (deck.say(swatch.title), [float(values[n]) for _, values in rows]) for n, swatch in enumerate(chart.classes)
    ]
    kind = XL_CHART_TYPE.BAR_STACKED_100 if chart.is_share else XL_CHART_TYPE.BAR_STACKED
    drawn = add_chart(board, kind, box, title, names, series)
    plot = drawn.plots[0]
    plot.gap_width, plot.overlap = 45, 100
    quiet_axis(drawn.category_axis)
    drawn.category_axis.reverse_order = True
    quiet_axis(drawn.value_axis, is_visible=False)
    largest = max((sum(values) for _, values in chart.rows), default=0.0) or 1.0
    if not chart.is_share:
        drawn.value_axis.minimum_scale, drawn.value_axis.maximum_scale = 0, largest
    shape = number_shape([v for _, values in rows for v in values])
    for number, (one, swatch) in enumerate(zip(plot.series, chart.classes, strict=True)):
        hatch = hatch_of(swatch.hatch, number)
        paint(one, swatch.colour, hatch)
        size = 10.0 * board.scale
        hidden = [
            n for n, (_, values) in enumerate(rows)
            if not _has_room(deck, values[number], sum(values) if chart.is_share else largest, box[2] * _ROOM, size)
        ]  # fmt: skip
        label(one, swatch.colour, size, hidden, shape, has_ground=hatch != "none")


def _named(board: Board, name: Any, total: float, chart: Stack) -> str:
    deck = board.deck
    whole = deck.say(name)
    if len(whole) > _NAME:
        board.note(words.WHOLE, whole)
    total_told = f"{amount(total)} {cut(deck.say(chart.unit), _NAME)}".rstrip()
    return cut(whole, _NAME) + deck.aside(total_told)


def _has_room(deck: Deck, value: float, whole: float, room: float, size: float) -> bool:
    return value > 0 and deck.ruler.width(amount(value), size) + 4.0 <= room * value / (whole or 1.0)


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def draw_schedule(board: Board, rows: Sequence[Progress], title: str, box: Box) -> None:
    """Draw what is certain and what is possible as stacked columns, targets and schedule as marks, with a table below."""
    left, top, wide, high = box
    deck = board.deck
    plan = lay_out(deck, _heads(), [_row(deck, row) for row in rows], wide)
    lines = fit_rows(deck, plan, 2)
    table = sum(line.height for line in lines) + 2 * plan.size * 1.25 + 8.0 * board.scale
    _draw_columns(board, rows, title, (left, top, wide, max(high - table, 120.0 * board.scale)))
    draw_table(board, plan, lines, left, top + high - table + 6.0 * board.scale)


def _heads() -> list[Column]:
    return [
        Column("title", words.TASK), Column("now", words.NOW, "number"), Column("target", words.TARGET, "number"),
        Column("expected", words.EXPECTED, "number"), Column("note", words.NOTE),
    ]  # fmt: skip


def _row(deck: Deck, row: Progress) -> list[object]:
    marks = ["" if value is None else f"{amount(value)}%" for value in (row.target, row.expected)]
    return [deck.say(row.title), share_text(row), *marks, deck.say(row.note)]


def _draw_columns(board: Board, rows: Sequence[Progress], title: str, box: Box) -> None:
    say = board.deck.say
    known = [row.lower is not None for row in rows]
    lower = [row.lower for row in rows]
    more = [
        (row.upper if row.upper is not None else FULL) - row.lower if row.lower is not None else None for row in rows
    ]
    series: list[tuple[str, list[float | None]]] = [(say(words.CERTAIN), lower), (say(words.POSSIBLE), more)]
    looks = [(DONE, "none"), (OPEN, "forward")]
    if not any(value for value in more):
        series, looks = series[:1], looks[:1]
    marks = [
        (word, values, colour, symbol, size)
        for word, values, colour, symbol, size in (
            (words.TARGET, [row.target for row in rows], BAD.lstrip("#"), "dash", 22),
            (words.EXPECTED, [row.expected for row in rows], "", "diamond", 10),
        )
        if any(value is not None for value in values)
    ]
    names = [
        cut(say(row.title), _TASK) + ("" if is_known else board.deck.aside(say(words.NO_DATA)))
        for row, is_known in zip(rows, known, strict=True)
    ]
    all_series = [*series, *((say(word), values) for word, values, *_ in marks)]
    drawn = add_chart(board, XL_CHART_TYPE.COLUMN_STACKED, box, title, names, all_series)
    drawn.plots[0].gap_width, drawn.plots[0].overlap = 90, 100
    quiet_axis(drawn.category_axis)
    quiet_axis(drawn.value_axis)
    drawn.value_axis.minimum_scale, drawn.value_axis.maximum_scale = 0, 100
    drawn.value_axis.major_unit = 25
    drawn.value_axis.has_major_gridlines = True
    drawn.value_axis.major_gridlines.format.line.color.rgb = rgb("C9CED5")
    drawn.value_axis.tick_labels.number_format, drawn.value_axis.tick_labels.number_format_is_linked = '0"%"', False
    drawn.font.size = Pt(LETTERS * board.scale)
    for one, (colour, hatch) in zip(drawn.plots[0].series, looks, strict=False):
        paint(one, colour, hatch)
    _turn_into_marks(drawn, len(series), [(colour, symbol, size) for *_, colour, symbol, size in marks])


def _turn_into_marks(chart: Any, first: int, looks: Sequence[tuple[str, str, int]]) -> None:
    """Move series behind the bars into a line chart upon the same axes: marks without a line."""
    if not looks:
        return
    bars = chart._chartSpace.find(f".//{qn('c:barChart')}")  # noqa: SLF001
    axes = [deepcopy(axis) for axis in bars.findall(qn("c:axId"))]
    lines = parse_xml(f'<c:lineChart {nsdecls("c")}><c:grouping val="standard"/><c:varyColors val="0"/></c:lineChart>')
    for one, (colour, symbol, size) in zip(bars.findall(qn("c:ser"))[first:], looks, strict=True):
        for tag in ("c:invertIfNegative", "c:spPr"):
            for old in one.findall(qn(tag)):
                one.remove(old)
        ink = f'<a:srgbClr val="{colour}"/>' if colour else '<a:schemeClr val="tx1"/>'
        fill = f"<a:solidFill>{ink}</a:solidFill>"
        look = f'<c:spPr {nsdecls("c", "a")}><a:ln w="28575"><a:noFill/></a:ln></c:spPr>'
        mark = f'<c:marker {nsdecls("c", "a")}><c:symbol val="{symbol}"/><c:size val="{size}"/><c:spPr>{fill}<a:ln>{fill}</a:ln></c:spPr></c:marker>'
        title = one.find(qn("c:tx"))
        title.addnext(parse_xml(mark))
        title.addnext(parse_xml(look))
        one.append(parse_xml(f'<c:smooth {nsdecls("c")} val="0"/>'))
        lines.append(one)
    lines.append(parse_xml(f'<c:marker {nsdecls("c")} val="1"/>'))
    for axis in axes:
        lines.append(axis)
    bars.addnext(lines)

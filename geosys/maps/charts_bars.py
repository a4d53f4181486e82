"""Bars: amounts by class one below the other, and progress against a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.maps.charts_canvas import GRID, INK, PALE, QUIET, amount, hatch_of

if TYPE_CHECKING:
    from geosys.maps.charts_canvas import Canvas
    from geosys.maps.charts_values import Progress, Schedule, Stack

BAR = 0.66  # of a row's height
NAMES = 0.34  # of the width at most, for the names of rows
DONE, OPEN, BAD = "#2E6DA4", "#B8CFE3", "#C0182B"
KNOWN, UNSURE = Text("已确认", "Certain"), Text("数据有缺，可能达到", "Possible: data are missing")
WANTED, LINE = Text("目标", "Target"), Text("当日进度线", "Schedule of the day")
NO_DATA = Text("无数据", "no data")
FULL = 100.0


def stack_height(canvas: Canvas, chart: Stack) -> float:
    """Return how high a stack will be."""
    rows = max(len(chart.rows), 1)
    return canvas.line * (1.3 + 1.35 * rows + 0.4) + canvas.legend_height([c.title for c in chart.classes])


def draw_stack(canvas: Canvas, chart: Stack) -> None:
    """Draw bars by class, each with its name before it and its total behind it."""
    canvas.text(chart.title, 0.0, canvas.line * 0.6, weight=700, size=1.1, most=canvas.width)
    names = _names_width(canvas, [name for name, _ in chart.rows])
    totals = [sum(values) for _, values in chart.rows]
    ends = [_total(chart, total) for total in totals]
    right = max((canvas.wide(end) for end in ends), default=0.0) + 1.5
    room = canvas.width - names - right
    largest = max(totals, default=0.0) or 1.0
    step, y = canvas.line * 1.35, canvas.line * 1.3
    for (name, values), total, end in zip(chart.rows, totals, ends, strict=True):
        middle, high = y + step / 2, step * BAR / 2
        canvas.text(name, names - 1.2, middle, anchor=1.0, most=names - 1.4)
        x, scale = names, room / (total or 1.0) if chart.is_share else room / largest
        for place, (value, swatch) in enumerate(zip(values, chart.classes, strict=True)):
            box = (x, middle - high, x + value * scale, middle + high)
            hatch = hatch_of(swatch.hatch, place)
            canvas.box(*box, swatch.colour, hatch)
            if value > 0:
                canvas.inside(amount(value), box, swatch.colour, is_hatched=hatch != "none")
            x = box[2]
        canvas.text(end, x + 1.0, middle, colour=QUIET)
        y += step
    canvas.line_of([(names, canvas.line * 1.3), (names, y)], INK, 0.6)
    entries = [(c.title, c.colour, hatch_of(c.hatch, place)) for place, c in enumerate(chart.classes)]
    canvas.legend(entries, y + canvas.line * 0.4)


def _total(chart: Stack, total: float) -> Text:
    zh, en = (chart.unit.zh, chart.unit.en) if isinstance(chart.unit, Text) else (chart.unit, chart.unit)
    return Text(f"{amount(total)} {zh}".rstrip(), f"{amount(total)} {en}".rstrip())


def _names_width(canvas: Canvas, names: list[Text | str]) -> float:
    return min(max((canvas.wide(name) for name in names), default=0.0) + 1.6, canvas.width * NAMES)


def schedule_height(canvas: Canvas, chart: Schedule) -> float:
    """Return how high a schedule will be."""
    return (
        canvas.line * (1.5 + 2.3 * max(len(chart.rows), 1) + 0.9) + canvas.legend_height([KNOWN, UNSURE]) + canvas.line
    )


def draw_schedule(canvas: Canvas, chart: Schedule) -> None:
    """Draw bars from 0 to 100 per cent: what is certain, what is possible, the target and the schedule's line of the day."""
    canvas.text(chart.title, 0.0, canvas.line * 0.6, weight=700, size=1.1, most=canvas.width)
    y, step = canvas.line * 1.5, canvas.line * 2.3
    left, room = 0.0, canvas.width - max((canvas.wide(share_text(r)) for r in chart.rows), default=0.0) - 2.5
    bottom = y + step * len(chart.rows)
    for tick in (0.0, 25.0, 50.0, 75.0, 100.0):
        x = left + room * tick / FULL
        canvas.line_of([(x, y), (x, bottom)], GRID, 0.4)
        anchor = 0.0 if not tick else 1.0 if tick == FULL else 0.5
        canvas.text(f"{tick:.0f}%", x, bottom + canvas.line * 0.45, anchor=anchor, size=0.85, colour=QUIET)
    for row in chart.rows:
        _draw_progress(canvas, row, left, room, y)
        y += step
    entries = [(KNOWN, DONE, "none")]
    if any(r.lower is not None and r.upper != r.lower for r in chart.rows):
        entries.append((UNSURE, OPEN, "forward"))
    end = canvas.legend(entries, bottom + canvas.line * 0.9)
    _marks(canvas, chart, end + canvas.line / 2)


def _draw_progress(canvas: Canvas, row: Progress, left: float, room: float, top: float) -> None:
    line = canvas.line
    note_room = canvas.wide(row.note, 0.9)
    canvas.text(row.title, left, top + line * 0.5, most=max(room - note_room - 2.0, room * 0.4))
    canvas.text(row.note, left + room, top + line * 0.5, anchor=1.0, size=0.9, colour=QUIET, most=room * 0.58)
    high, low = top + line * 1.05, top + line * 1.95
    canvas.box(left, high, left + room, low, PALE)
    if row.lower is not None:
        sure = left + room * _inside(row.lower) / FULL
        canvas.box(left, high, sure, low, DONE)
        canvas.box(
            sure, high, left + room * _inside(row.upper if row.upper is not None else FULL) / FULL, low, OPEN, "forward"
        )
    canvas.text(share_text(row), left + room + 1.5, (high + low) / 2, weight=700)
    for value, colour, dash in ((row.expected, INK, (2.0, 1.6)), (row.target, BAD, ())):
        if value is not None:
            x = left + room * _inside(value) / FULL
            canvas.line_of([(x, high - 0.6), (x, low + 0.6)], colour, 1.6, dash)


def _marks(canvas: Canvas, chart: Schedule, y: float) -> None:
    """Explain the marks that are there; a grey copy tells the two apart by the dashes."""
    x, half = 0.0, canvas.line * 0.45
    wanted, expected = (
        any(v is not None for v in vs) for vs in ([r.target for r in chart.rows], [r.expected for r in chart.rows])
    )
    for is_there, title, colour, dash in ((wanted, WANTED, BAD, ()), (expected, LINE, INK, (2.0, 1.6))):
        if is_there:
            canvas.line_of([(x + 1.0, y - half), (x + 1.0, y + half)], colour, 1.6, dash)
            canvas.text(title, x + 2.2, y)
            x += canvas.wide(title) + 6.0


def _inside(value: float) -> float:
    return min(max(value, 0.0), FULL)


def share_text(row: Progress) -> Text:
    """Return a share, or its bounds; what falls short of all is never printed as 100 %, what is above nothing never as 0 %."""
    if row.lower is None:
        return NO_DATA
    low, high = _percent(row.lower), _percent(row.upper if row.upper is not None else FULL)
    text = f"{low}%" if low == high else f"{low}–{high}%"
    return Text(text, text)


def _percent(value: float) -> str:
    """Return one decimal, without moving a share onto a bound that it does not have.

    Examples
    --------
    >>> _percent(99.96), _percent(100.0), _percent(0.01), _percent(73.33)
    ('99.9', '100', '0.1', '73.3')
    """
    if value in {0.0, FULL}:
        return f"{value:.0f}"
    return f"{min(max(value, 0.1), 99.9):.1f}"

"""Trends: lines over periods, told apart by dash and marker as well as colour, with their names at their ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from geosys.maps.charts_canvas import GRID, INK, QUIET, amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_canvas import Canvas
    from geosys.maps.charts_values import Line, Trend

DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 2.0), (1.5, 1.5), (6.0, 2.0, 1.5, 2.0))
MARKERS = ("circle", "square", "triangle", "diamond", "inverted", "pentagon")
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
TICKS = 5
LEAST_SPAN = 1e-9  # of an axis: less is one value


def trend_height(canvas: Canvas, chart: Trend) -> float:
    """Return how high a trend will be."""
    _ = chart
    return canvas.line * 1.6 + max(canvas.width * 0.42, canvas.line * 7) + canvas.line * 1.6


def draw_trend(canvas: Canvas, chart: Trend) -> None:
    """Draw lines over periods; a period without a value breaks its line."""
    canvas.text(chart.title, 0.0, canvas.line * 0.6, weight=700, size=1.1, most=canvas.width)
    levels = [v for line in chart.lines for v in line.values if v is not None]
    ticks = scale_of([*levels, *([chart.target] if chart.target is not None else [])])
    left = max(canvas.wide(amount(t)) for t in ticks) + 1.5
    names = [line.title for line in chart.lines] + ([chart.target_title] if chart.target is not None else [])
    right = min(max((canvas.wide(name, 0.9) for name in names), default=0.0) + 3.0, canvas.width * 0.32)
    top, bottom, end = canvas.line * 2.2, canvas.height - canvas.line * 1.6, canvas.width - right
    canvas.text(chart.unit, 0.0, canvas.line * 1.55, size=0.85, colour=QUIET)

    def at(place: int, value: float) -> tuple[float, float]:
        x = left + (end - left) * (place + 0.5) / max(len(chart.periods), 1)
        return x, bottom - (bottom - top) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    for tick in ticks:
        y = at(0, tick)[1]
        canvas.line_of([(left, y), (end, y)], GRID, 0.4)
        canvas.text(amount(tick), left - 1.0, y, anchor=1.0, size=0.85, colour=QUIET)
    _periods(canvas, chart.periods, [at(i, ticks[0])[0] for i in range(len(chart.periods))], bottom)
    written: list[tuple[float, str, object]] = []
    if chart.target is not None:
        y = at(0, chart.target)[1]
        canvas.line_of([(left, y), (end, y)], INK, 0.9, (4.0, 3.0))
        written.append((y, INK, chart.target_title))
    for place, line in enumerate(chart.lines):
        _draw_line(canvas, line, place, at)
        last = max((i for i, v in enumerate(line.values) if v is not None), default=None)
        if last is not None:
            written.append((at(last, line.values[last] or 0.0)[1], line.colour, line.title))
    for (_, colour, title), y in zip(
        sorted(written, key=lambda w: w[0]), spread([w[0] for w in written], canvas.line, top, bottom), strict=True
    ):
        canvas.text(title, end + 1.6, y, size=0.9, colour=colour, most=right - 1.8)  # type: ignore[arg-type]


def _draw_line(canvas: Canvas, line: Line, place: int, at: object) -> None:
    """Draw the pieces of a line between its gaps, and a marker at each value while there are not too many."""
    run: list[tuple[float, float]] = []
    points: list[tuple[float, float] | None] = [None if v is None else at(i, v) for i, v in enumerate(line.values)]  # type: ignore[operator]
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            canvas.line_of(run, line.colour, 1.4, DASHES[place % len(DASHES)])
            run = []
    for point in points:
        if point is not None:
            canvas.marker(point[0], point[1], MARKERS[place % len(MARKERS)], line.colour, 0.8)


def _periods(canvas: Canvas, periods: Sequence[str], places: Sequence[float], bottom: float) -> None:
    """Write as many names of periods as have room, the last one always."""
    if not places:
        return
    widest = max(canvas.wide(p, 0.85) for p in periods) + 2.0
    step = places[1] - places[0] if len(places) > 1 else widest
    every = max(1, math.ceil(widest / step))
    for i, (period, x) in enumerate(zip(periods, places, strict=True)):
        if (len(periods) - 1 - i) % every == 0:
            canvas.line_of([(x, bottom), (x, bottom + 0.8)], QUIET, 0.5)
            canvas.text(period, x, bottom + canvas.line * 0.75, anchor=0.5, size=0.85, colour=QUIET)


def scale_of(values: Sequence[float]) -> list[float]:
    """Return round ticks that hold all values, from 0 where they are not far from it.

    Examples
    --------
    >>> scale_of([40.0, 62.0])
    [0.0, 20.0, 40.0, 60.0, 80.0]
    >>> scale_of([])
    [0.0, 1.0]
    """
    if not values:
        return [0.0, 1.0]
    low, high = min(values), max(values)
    low = 0.0 if low >= 0 else low
    high = high if high - low > LEAST_SPAN else low + 1.0
    power = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step = next(s * power for s in (*STEPS, 20.0) if s * power * TICKS >= high - low)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def spread(places: Sequence[float], least: float, low: float = -math.inf, high: float = math.inf) -> list[float]:
    """Return places in rising order, moved apart so that none is nearer to the next than `least`, between `low` and `high`.

    Examples
    --------
    >>> spread([5.0, 4.0, 9.0], 2.0)
    [3.5, 5.5, 9.0]
    >>> spread([0.0, 0.0], 2.0, low=0.0)
    [0.0, 2.0]
    """

    def held(middle: float, count: int) -> tuple[float, int]:
        half = least * (count - 1) / 2
        return max(min(middle, high - half), low + half), count

    groups: list[tuple[float, int]] = []  # the middle of what stands together, and how many stand there
    for place in sorted(places):
        groups.append(held(place, 1))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < least * (groups[-1][1] + groups[-2][1]) / 2:
            (b, m), (a, n) = groups.pop(), groups.pop()
            groups.append(held((a * n + b * m) / (n + m), n + m))
    return [middle + least * (i - (count - 1) / 2) for middle, count in groups for i in range(count)]

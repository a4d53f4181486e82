"""Flows between states (a Sankey diagram): bands as wide as their amount, each state named with what it holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._text import Text
from geosys.maps.charts_canvas import QUIET, amount
from geosys.maps.charts_lines import spread
from geosys.maps.paper.looks import darker, lightness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_canvas import Canvas
    from geosys.maps.charts_values import Flows

NODE = 2.6
GAP = 0.15  # of a line, between states of a column
SLOT = 1.0  # of a line: the least height that a state takes, so that its name stands beside it
PIECES = 24
LIGHTEST, VEIL = 97.0, "#E6E9ED"  # a band lighter than that could not be told from the paper
PALER = 0.62  # how far a band is mixed with white


def flows_height(canvas: Canvas, chart: Flows) -> float:
    """Return how high a chart of flows will be: every state has room for its name."""
    most = max((sum(s.column == c for s in chart.states) for c in range(len(chart.columns))), default=1)
    return canvas.line * (2.9 + max(most * 1.6, 6.0))


def draw_flows(canvas: Canvas, chart: Flows) -> None:
    """Draw states as columns of bars and flows as bands between them, in the order given."""
    canvas.text(chart.title, 0.0, canvas.line * 0.6, weight=700, size=1.1, most=canvas.width)
    holds = _holds(chart)
    top, bottom = canvas.line * 2.7, canvas.height - 0.5
    columns = range(len(chart.columns))
    inside = {c: [i for i, s in enumerate(chart.states) if s.column == c and holds[i] > 0] for c in columns}
    least = canvas.line * SLOT
    room = _room([[holds[n] for n in states] for states in inside.values()], least, canvas.line * GAP, bottom - top)
    last = len(chart.columns) - 1
    names = [canvas.wide(_name(chart, i, holds[i])) for i in inside[last]]
    heading = canvas.wide(chart.columns[last], 0.9, 700) - NODE - 1.0
    right = min(max([*names, heading]) + 1.5, canvas.width * 0.34)
    lefts = np.linspace(0.0, canvas.width - right - NODE, max(len(chart.columns), 2))
    tops = _tops(inside, [hold * room for hold in holds], least, canvas.line * GAP, (top, bottom))
    _draw_bands(canvas, chart, tops, room, lefts)
    for c in columns:
        head = lefts[c + 1] - lefts[c] - 1.0 if c < last else right + NODE
        canvas.text(chart.columns[c], lefts[c], canvas.line * 1.9, weight=700, size=0.9, colour=QUIET, most=head)
        middles = [tops[i] + holds[i] * room / 2 for i in inside[c]]
        free = lefts[c + 1] - lefts[c] - NODE if c + 1 < len(chart.columns) else right
        for i, y in zip(
            inside[c],
            spread(middles, canvas.line * 0.95, top + canvas.line * 0.3, bottom - canvas.line * 0.4),
            strict=True,
        ):
            canvas.box(lefts[c], tops[i], lefts[c] + NODE, tops[i] + holds[i] * room, chart.states[i].colour)
            canvas.text(_name(chart, i, holds[i]), lefts[c] + NODE + 1.0, y, most=free - 1.4)
    canvas.halo()


def _holds(chart: Flows) -> list[float]:
    """Return what each state holds: the larger of what comes and what goes."""
    came, went = [0.0] * len(chart.states), [0.0] * len(chart.states)
    for source, target, value in chart.flows:
        went[source] += value
        came[target] += value
    return [max(pair) for pair in zip(came, went, strict=True)]


def _room(columns: Sequence[Sequence[float]], least: float, gap: float, height: float) -> float:
    """Return the millimetres that one unit takes, so that each column fits: a state takes its amount, or `least` if that is more.

    Examples
    --------
    >>> _room([[8.0, 1.0], [9.0]], 2.0, 0.0, 10.0)
    1.0
    """

    def fits(states: Sequence[float]) -> float:
        free, large = height - gap * (len(states) - 1), sorted(states, reverse=True)
        while large:  # the small ones are taken out one by one, until what is left is higher than the least
            unit = (free - least * (len(states) - len(large))) / sum(large)
            if unit * large[-1] >= least or len(large) == 1:
                return max(unit, 0.0)
            large.pop()
        return math.inf

    return min(fits(states) for states in columns if states)


def _tops(
    inside: dict[int, list[int]], highs: Sequence[float], least: float, gap: float, span: tuple[float, float]
) -> dict[int, float]:
    """Return the upper edge of each state; a column with less stands in the middle of the height, a small one in its slot."""
    tops: dict[int, float] = {}
    for states in inside.values():
        used = sum(max(highs[i], least) for i in states) + gap * max(len(states) - 1, 0)
        y = span[0] + (span[1] - span[0] - used) / 2
        for i in states:
            slot = max(highs[i], least)
            tops[i] = y + (slot - highs[i]) / 2
            y += slot + gap
    return tops


def _draw_bands(canvas: Canvas, chart: Flows, tops: dict[int, float], room: float, lefts: object) -> None:
    left, entered = dict(tops), dict(tops)
    order = sorted(chart.flows, key=lambda f: (f[0], f[1]))
    starts: dict[tuple[int, int], float] = {}
    for source, target, value in order:
        starts[source, target] = left[source]
        left[source] += value * room
    for source, target, value in sorted(chart.flows, key=lambda f: (f[1], f[0])):
        a, b = chart.states[source], chart.states[target]
        x0, x1 = float(lefts[a.column]) + NODE, float(lefts[b.column])  # type: ignore[index]
        band = _band((x0, starts[source, target]), (x1, entered[target]), value * room)
        pale = paler(a.colour) if lightness(paler(a.colour)) < LIGHTEST else VEIL
        canvas.area(band, pale, edge=darker(pale, 0.3), width=0.25)
        entered[target] += value * room


def _band(start: tuple[float, float], end: tuple[float, float], high: float) -> shapely.Polygon:
    """Return a band of one height that leaves and arrives level."""
    t = np.linspace(0.0, 1.0, PIECES)
    x, ease = start[0] + (end[0] - start[0]) * t, t * t * (3 - 2 * t)
    y = start[1] + (end[1] - start[1]) * ease
    return shapely.Polygon([*zip(x, y, strict=True), *zip(x[::-1], (y + high)[::-1], strict=True)])


def _name(chart: Flows, state: int, holds: float) -> Text:
    title = chart.states[state].title
    zh, en = (title.zh, title.en) if isinstance(title, Text) else (title, title)
    return Text(f"{zh} {amount(holds)}", f"{en} {amount(holds)}")


def paler(colour: str) -> str:
    """Return a colour mixed with white.

    Examples
    --------
    >>> paler("#000000")
    '#9E9E9E'
    """
    return "#" + "".join(f"{round(255 - (255 - int(colour[i : i + 2], 16)) * (1 - PALER)):02X}" for i in (1, 3, 5))

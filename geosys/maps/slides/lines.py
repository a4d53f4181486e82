"""Trends as native line charts: told apart by dash and marker as well as colour, the target a dashed series of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_MARKER_STYLE
from pptx.enum.dml import MSO_LINE, MSO_THEME_COLOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Pt

from geosys.maps.slides import words
from geosys.maps.slides.base import rgb
from geosys.maps.slides.charts import add_chart, number_shape, quiet_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.charts_values import Line, Trend
    from geosys.maps.slides.board import Board, Box

MOST_LINES = 10
_DASHES = (MSO_LINE.SOLID, MSO_LINE.DASH_DOT, MSO_LINE.ROUND_DOT, MSO_LINE.LONG_DASH)
_MARKERS = (
    XL_MARKER_STYLE.CIRCLE,
    XL_MARKER_STYLE.SQUARE,
    XL_MARKER_STYLE.TRIANGLE,
    XL_MARKER_STYLE.DIAMOND,
    XL_MARKER_STYLE.X,
)
_NAME = 24  # letters of a line's name
_HUNDRED = 100.0
_APART = 0.08  # of the axis, between two numbers that can both be read


def draw_trend(board: Board, chart: Trend, title: str, box: Box) -> None:
    """Draw lines over periods; a period without a value is a gap."""
    say = board.deck.say
    lines = list(chart.lines)[:MOST_LINES]
    if len(chart.lines) > MOST_LINES:
        left_out = [say(line.title) for line in chart.lines[MOST_LINES:]]
        title = f"{title}{say(words.LINES_LEFT_OUT).format(shown=MOST_LINES, total=len(chart.lines))}"
        board.note(words.WHOLE, "、".join(left_out))
    series = [(_named(board, say(line.title)), list(line.values)) for line in lines]
    if chart.target is not None:
        named = _named(board, say(chart.target_title) or say(words.TARGET))
        series.append((named, [chart.target] * len(chart.periods)))
    drawn = add_chart(board, XL_CHART_TYPE.LINE_MARKERS, box, title, [say(p) for p in chart.periods], series)
    quiet_axis(drawn.category_axis)
    quiet_axis(drawn.value_axis)
    axis = drawn.value_axis
    axis.has_major_gridlines = True
    axis.major_gridlines.format.line.color.rgb = rgb("C9CED5")
    levels = [v for _, values in series for v in values if v is not None]
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "#,##0.##", False
    if all(float(v).is_integer() for v in levels) or max(map(abs, levels)) >= 10:  # noqa: PLR2004
        axis.tick_labels.number_format = "#,##0"
    if min(levels) >= 0:
        axis.minimum_scale = 0
    unit = say(chart.unit)
    if unit == "%" and max(levels) <= _HUNDRED:
        axis.maximum_scale = 100
    shape = number_shape(levels).partition(";")[0]
    sides = _sides(lines, (max(levels) - min(*levels, 0.0)) * _APART)
    for place, (one, line) in enumerate(zip(drawn.plots[0].series, lines, strict=False)):
        _draw_line(one, line, place)
        if place in sides:
            _label_last(one, line, sides[place], shape, board.scale)
    if chart.target is not None:
        _draw_target(list(drawn.plots[0].series)[-1])


def _named(board: Board, name: str) -> str:
    if len(name) > _NAME:
        board.note(words.WHOLE, name)
        return f"{name[: _NAME - 1]}…"
    return name


def _sides(lines: Sequence[Line], apart: float) -> dict[int, Any]:
    """Return for each line whose newest value has room to be written, on which side: of those close together the outer two."""
    ends = sorted(((_newest(line), place) for place, line in enumerate(lines) if _last(line) is not None), reverse=True)
    sides: dict[int, Any] = {}
    cluster: list[tuple[float, int]] = []
    for value, place in [*ends, (float("-inf"), -1)]:
        if cluster and cluster[-1][0] - value >= apart:
            sides[cluster[0][1]] = XL_LABEL_POSITION.ABOVE
            if len(cluster) > 1:
                sides[cluster[-1][1]] = XL_LABEL_POSITION.BELOW
            cluster = []
        cluster.append((value, place))
    return sides


def _last(line: Line) -> int | None:
    return max((i for i, v in enumerate(line.values) if v is not None), default=None)


def _newest(line: Line) -> float:
    return next(value for value in reversed(line.values) if value is not None)


def _draw_line(series: Any, line: Line, place: int) -> None:
    colour = rgb(line.colour.lstrip("#").upper())
    series.smooth = False
    series.format.line.color.rgb, series.format.line.width = colour, Pt(2.25)
    series.format.line.dash_style = _DASHES[place % len(_DASHES)]
    series.marker.style, series.marker.size = _MARKERS[place % len(_MARKERS)], 8
    series.marker.format.fill.solid()
    series.marker.format.fill.fore_color.rgb = colour
    series.marker.format.line.color.rgb = colour


def _label_last(series: Any, line: Line, side: Any, shape: str, scale: float) -> None:
    """Write the newest value; the others are read off the axis."""
    last = _last(line)
    label = series.points[last].data_label
    label.position = side
    label.font.size, label.font.bold = Pt(11.0 * scale), True
    label.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    about = label._dLbl  # noqa: SLF001
    about.idx.addnext(parse_xml(f'<c:numFmt {nsdecls("c")} formatCode="{shape}" sourceLinked="0"/>'))


def _draw_target(series: Any) -> None:
    series.smooth = False
    series.format.line.color.theme_color, series.format.line.width = MSO_THEME_COLOR.TEXT_1, Pt(1.75)
    series.format.line.dash_style = MSO_LINE.DASH
    series.marker.style = XL_MARKER_STYLE.NONE

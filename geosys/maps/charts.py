"""Turn a chart into a file of its own (PDF, PNG, SVG: for cards, pages and Word) or into a picture of a sheet."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from geosys._errors import SpecError
from geosys.maps.charts_bars import draw_schedule, draw_stack, schedule_height, stack_height
from geosys.maps.charts_canvas import Canvas
from geosys.maps.charts_flows import draw_flows, flows_height
from geosys.maps.charts_lines import draw_trend, trend_height
from geosys.maps.charts_values import Chart, Flows, Schedule, Stack, Trend
from geosys.maps.paper.sheet import Picture
from geosys.maps.paper.typesetting import KINDS, typeset
from geosys.maps.paper.words import plain

if TYPE_CHECKING:
    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.labels import Label
    from geosys.maps.paper.press import Press

WIDTH_MM = 120.0
NARROWEST_MM, WIDEST_MM = 30.0, 800.0
SIZE_PT = 8.0
_MAKERS: dict[type, Any] = {
    Stack: (stack_height, draw_stack), Trend: (trend_height, draw_trend), Schedule: (schedule_height, draw_schedule),
    Flows: (flows_height, draw_flows),
}  # fmt: skip
_EPOCH = dt.date(1970, 1, 1)


class DrawnChart(NamedTuple):
    """Hold a chart that was drawn: the PDF without text, the texts with their places, the size in millimetres."""

    pdf: bytes
    texts: tuple[Label, ...]
    width_mm: float
    height_mm: float


def draw_chart(
    chart: Chart, fonts: Fonts, width_mm: float = WIDTH_MM, language: str = "zh", size_pt: float = SIZE_PT
) -> DrawnChart:
    """Draw a chart of a width; its height follows from what it holds.

    Raises
    ------
    SpecError
        When a chart holds nothing, a negative amount or rows of another length than its classes, or the width is absurd.
    """
    height = chart_height(chart, fonts, width_mm, language, size_pt)
    canvas = Canvas(width_mm, height, fonts, language, size_pt)
    _MAKERS[type(chart)][1](canvas, chart)
    return DrawnChart(canvas.to_pdf(), tuple(canvas.texts), width_mm, height)


def chart_height(
    chart: Chart, fonts: Fonts, width_mm: float = WIDTH_MM, language: str = "zh", size_pt: float = SIZE_PT
) -> float:
    """Return how high a chart will be in millimetres, without drawing it; raises as `draw_chart` does."""
    _check(chart, width_mm)
    high: float = _MAKERS[type(chart)][0](Canvas(width_mm, 10.0, fonts, language, size_pt), chart)
    return high


def chart_file(
    chart: Chart, kind: str, press: Press, *, width_mm: float = WIDTH_MM, language: str = "zh", size_pt: float = SIZE_PT,
    as_of: dt.date = _EPOCH,
) -> bytes:  # fmt: skip
    """Return a chart as the bytes of a PDF, PNG or SVG with its text set in the program's own fonts; equal charts, equal bytes.

    Parameters
    ----------
    kind : ``pdf``, ``png`` or ``svg``.
    as_of : the day the file gives as its creation.

    Raises
    ------
    SpecError
        For another kind, and for a chart that cannot be drawn.
    """
    if kind not in KINDS:
        raise SpecError(
            f"chart '{plain(chart.title)[:40]}': got the kind {kind!r}, expected one of {', '.join(KINDS)}."
        )
    drawn = draw_chart(chart, press.fonts, width_mm, language, size_pt)
    moment = int(dt.datetime.combine(as_of, dt.time(), dt.UTC).timestamp())
    data = page_of(drawn, press, language, as_of, size_pt)
    made = typeset(data, {"chart.pdf": drawn.pdf}, kind, press.fonts, press.measures.resolution_dpi, moment)
    return made.files[0]


def picture_of(
    chart: Chart, press: Press, *, width_mm: float, language: str = "zh", size_pt: float = SIZE_PT
) -> Picture:
    """Return a chart as a picture block of a sheet: vector, its text selectable."""
    drawn = draw_chart(chart, press.fonts, width_mm, language, size_pt)
    return Picture(
        chart_file(chart, "pdf", press, width_mm=width_mm, language=language, size_pt=size_pt), "pdf", drawn.height_mm
    )


def page_of(drawn: DrawnChart, press: Press, language: str, day: dt.date, size_pt: float) -> dict[str, Any]:
    """Return the chart as a page of its own size, without margin, head and foot; the frame lies outside of the paper."""
    texts = [
        {"text": t.text, "x": round(t.x, 3), "y": round(t.y, 3), "angle": 0.0, "size": round(t.size_pt, 3), "weight": t.weight, "colour": t.colour}
        for t in drawn.texts
    ]  # fmt: skip
    size = {"width": drawn.width_mm, "height": drawn.height_mm}
    words = dict.fromkeys(("legend", "notes", "sources", "page", "colon"), "")
    return {
        **size, "margin": -2.0, "padding": 2.0, "header": 0.0, "footer": 0.0, "boxes_height": 0.0, "text_pt": size_pt,
        "side": [], "blocks": [{"kind": "map", "map": 0}], "maps": [{"file": "chart.pdf", **size, "title": "", "texts": texts}],
        "legend": {"count": 0, "parts": [], "longest": 0}, "title": "", "subtitle": "", "marks": [], "disclaimer": "", "approval": "",
        "program": "GeoSys", "about": "", "day": [day.year, day.month, day.day], "language": language, "words": words, "notes": [],
        "sources": [], "boxes": [], "fonts": list(press.fonts.families), "first_page": 1, "last_page": 0,
    }  # fmt: skip


def _check(chart: Chart, width_mm: float) -> None:
    name = plain(chart.title)[:40]
    if type(chart) not in _MAKERS:
        raise SpecError(f"chart: got {type(chart).__name__}, expected one of {', '.join(k.__name__ for k in _MAKERS)}.")
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise SpecError(
            f"chart '{name}': got the width {width_mm} mm, expected {NARROWEST_MM:.0f} to {WIDEST_MM:.0f} mm."
        )
    wrong = next(iter(_faults(chart)), "")
    if wrong:
        raise SpecError(f"chart '{name}': got {wrong}. Mend the data, or leave the chart out.")


def _faults(chart: Chart) -> list[str]:
    if isinstance(chart, Stack):
        ragged = [str(plain(name)) for name, values in chart.rows if len(values) != len(chart.classes)]
        bad = [str(plain(name)) for name, values in chart.rows if not all(0 <= v < float("inf") for v in values)]
        nothing = not any(sum(values) > 0 for _, values in chart.rows) and not bad
        return (
            ["no amount, expected at least one above 0"] * (nothing and not ragged)
            + [f"rows of another length than the classes ({', '.join(ragged[:5])}), expected an amount for each class"]
            * bool(ragged)
            + [f"amounts below 0 or not finite ({', '.join(bad[:5])}), expected none"] * bool(bad)
        )
    if isinstance(chart, Trend):
        ragged = [plain(line.title) for line in chart.lines if len(line.values) != len(chart.periods)]
        nothing = not any(v is not None for line in chart.lines for v in line.values)
        return [
            f"lines of another length than the periods ({', '.join(ragged[:5])}), expected a value for each"
        ] * bool(ragged) + ["no value, expected at least one"] * nothing
    if isinstance(chart, Schedule):
        return ["no row, expected at least one"] * (not chart.rows)
    steps = [f for f in chart.flows if not (f[2] > 0 and chart.states[f[1]].column == chart.states[f[0]].column + 1)]
    return ["no flow, expected at least one"] * (not chart.flows) + [
        f"flows that are not above 0 or skip a column ({steps[:3]}), expected flows to the next column"
    ] * bool(steps)

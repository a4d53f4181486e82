"""The map of a fix-list: a native chart of the places over the region's outline, and the table it is drawn from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.styles import Font

from geosys.maps.cells import FONT_SIZE
from geosys.maps.fix_list.book import FONT, put, set_page, sheet_name
from geosys.maps.fix_rows import near_enough, told_places
from geosys.maps.frames import ISSUE_SEVERITIES

if TYPE_CHECKING:
    import pandas as pd
    from openpyxl.workbook import Workbook

    from geosys.maps.fix_rows import Letter
    from geosys.maps.palettes import Palettes

MOST_PLACES = 4_000  # of a severity: more are a blot, and slow in Excel
_MARKERS = {"critical": "square", "error": "triangle", "warning": "diamond", "notice": "circle"}  # apart in grey too
_TABLE_COLUMN = 27  # AA: beside the chart, off the printed page
_TABLE_ROW = 4
_WIDTH_CM, _MOST_HEIGHT_CM = 24.0, 15.5
_FRAME_CM = (3.0, 2.6)  # what axes, title and legend take of the chart
_MARGIN = 0.06
_LEAST_DEGREES = 0.002
_OUTLINE_POSITIONS = 2_000


def write_place_sheet(book: Workbook, rows: pd.DataFrame, letter: Letter, palettes: Palettes) -> None:
    """Write the chart; where no issue has a place, a line that says so."""
    sheet = book.create_sheet(sheet_name(book, "位置图 Map"))
    drawn = near_enough(rows, letter.outline)
    placed, told = rows[drawn], told_places(rows, drawn)
    put(sheet["A1"], f"{told.zh}。坐标为 CGCS2000 经纬度（度），示意图，不作量算。")
    put(sheet["A2"], f"{told.en}. CGCS2000 degrees; a sketch, not for measuring.")
    sheet["A1"].font = Font(name=FONT, size=FONT_SIZE, bold=True)
    sheet["A2"].font = Font(name=FONT, size=FONT_SIZE)
    set_page(sheet, letter.sender)
    if not len(placed):
        return
    shapes = [] if letter.outline is None or letter.outline.is_empty else _loops(letter.outline)
    chart = _chart(placed, shapes)
    at = _TABLE_COLUMN
    if shapes:
        lines = [position for loop in shapes for position in (*loop, (None, None))][:-1]
        _series(sheet, chart, at, "区域界线 Region", lines)
        outline = chart.series[-1]
        outline.marker.symbol = "none"
        outline.graphicalProperties.line.solidFill = "7A8794"
        outline.graphicalProperties.line.width = 12_700
        at += 3
    for severity in ISSUE_SEVERITIES:
        own = placed[placed["severity"] == severity].head(MOST_PLACES)
        if len(own):
            swatch = palettes.issue_severities[severity]
            _series(
                sheet,
                chart,
                at,
                swatch.title.both(),
                list(zip(own["lon"], own["lat"], strict=True)),
                list(own["number"]),
            )
            _mark(chart.series[-1], severity, swatch.colour[1:])
            at += 4
    sheet.add_chart(chart, "A3")
    sheet.print_area = "A1:P36"


def _chart(placed: pd.DataFrame, shapes: list[list[tuple[float, float]]]) -> ScatterChart:
    """Return an empty chart whose axes show a degree of latitude as long as it is beside one of longitude."""
    xs = [*placed["lon"], *(x for loop in shapes for x, _ in loop)]
    ys = [*placed["lat"], *(y for loop in shapes for _, y in loop)]
    west, east, south, north = min(xs), max(xs), min(ys), max(ys)
    shrink = math.cos(math.radians((south + north) / 2))
    across = max((east - west) * (1 + 2 * _MARGIN) * shrink, _LEAST_DEGREES)
    along = max((north - south) * (1 + 2 * _MARGIN), _LEAST_DEGREES)
    inner = _WIDTH_CM - _FRAME_CM[0], _MOST_HEIGHT_CM - _FRAME_CM[1]
    across, along = max(across, along * inner[0] / inner[1]), max(along, across * inner[1] / inner[0])
    chart = ScatterChart()
    chart.style, chart.scatterStyle = 13, "lineMarker"
    chart.width, chart.height = _WIDTH_CM, _MOST_HEIGHT_CM
    chart.legend.position = "b"
    chart.layout = Layout(
        manualLayout=ManualLayout(
            layoutTarget="inner", xMode="edge", yMode="edge", x=0.09, y=0.03,
            w=inner[0] / _WIDTH_CM, h=inner[1] / _MOST_HEIGHT_CM,
        )
    )  # fmt: skip
    for axis, middle, span in (
        (chart.x_axis, (west + east) / 2, across / shrink),
        (chart.y_axis, (south + north) / 2, along),
    ):
        axis.majorUnit = _step(span)
        quarter = axis.majorUnit / 4  # a round beginning, by less than the margin off; the span stays
        axis.scaling.min = round(math.floor((middle - span / 2) / quarter) * quarter, 8)
        axis.scaling.max = axis.scaling.min + span
        axis.number_format, axis.delete, axis.crosses = (
            f"0.{'0' * (2 - math.floor(math.log10(axis.majorUnit)))}",
            False,
            "min",
        )
        axis.majorGridlines = None
    return chart


def _step(span: float) -> float:
    """Return a round step for about five marks of an axis.

    Examples
    --------
    >>> _step(0.5), _step(0.002)
    (0.1, 0.0005)
    """
    raw = span / 5
    power = 10.0 ** math.floor(math.log10(raw) + 1e-9)
    return float(f"{next(m for m in (1, 2, 5, 10) if m * power >= raw * 0.999) * power:.6g}")


def _loops(outline: shapely.Geometry) -> list[list[tuple[float, float]]]:
    """Return the outer rings of a region with few positions: it is only the ground of a sketch."""
    parts = shapely.get_parts(outline)
    rings = [r for r in shapely.get_exterior_ring(parts[shapely.get_dimensions(parts) == 2]) if r is not None]  # noqa: PLR2004
    tolerance = 0.0
    while sum(map(shapely.get_num_coordinates, rings)) > _OUTLINE_POSITIONS and tolerance < 1:
        tolerance = tolerance * 2 or 1e-4
        rings = [shapely.simplify(ring, tolerance) for ring in rings]
    return [[(float(x), float(y)) for x, y in np.round(shapely.get_coordinates(ring), 6)] for ring in rings]


def _series(
    sheet: Any,
    chart: ScatterChart,
    column: int,
    title: str,
    positions: list[tuple[Any, Any]],
    numbers: list[int] | None = None,
) -> None:
    """Write positions as a table and add them to the chart."""
    for at, text in enumerate(("经度", "纬度", *(["序号"] if numbers else []))):
        put(sheet.cell(_TABLE_ROW, column + at), text)
    put(sheet.cell(_TABLE_ROW - 1, column), title)
    for row, (x, y) in enumerate(positions, _TABLE_ROW + 1):
        sheet.cell(row, column).value = None if x is None else round(float(x), 6)
        sheet.cell(row, column + 1).value = None if y is None else round(float(y), 6)
        if numbers:
            sheet.cell(row, column + 2).value = numbers[row - _TABLE_ROW - 1]
    last = _TABLE_ROW + len(positions)
    xs = Reference(sheet, min_col=column, min_row=_TABLE_ROW + 1, max_row=last)
    ys = Reference(sheet, min_col=column + 1, min_row=_TABLE_ROW + 1, max_row=last)
    series = Series(ys, xs, title=title)
    series.smooth = False
    chart.series.append(series)


def _mark(series: Any, severity: str, colour: str) -> None:
    """Draw a series as marks without a line, each severity with a shape of its own."""
    series.graphicalProperties.line.noFill = True
    series.marker.symbol, series.marker.size = _MARKERS[severity], 8
    series.marker.graphicalProperties.solidFill = colour
    series.marker.graphicalProperties.line.solidFill = "FFFFFF"

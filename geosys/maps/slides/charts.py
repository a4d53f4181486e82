"""Native charts that people can edit: the frame of every chart, its fonts, fills and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_LEGEND_POSITION, XL_TICK_LABEL_POSITION
from pptx.enum.dml import MSO_PATTERN, MSO_THEME_COLOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Pt

from geosys.maps.paper.looks import lightness
from geosys.maps.slides.base import rgb
from geosys.maps.slides.board import describe
from geosys.maps.slides.book import chart_book

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.slides.board import Board, Box

PATTERNS = {
    "forward": MSO_PATTERN.WIDE_UPWARD_DIAGONAL, "backward": MSO_PATTERN.WIDE_DOWNWARD_DIAGONAL, "cross": MSO_PATTERN.DIAGONAL_CROSS,
    "horizontal": MSO_PATTERN.HORIZONTAL, "vertical": MSO_PATTERN.VERTICAL, "dots": MSO_PATTERN.DOTTED_GRID,
}  # fmt: skip
INK, WHITE = "1A1E24", "FFFFFF"
LETTERS = 12.0
_DARKEST = 38.0  # L* below which a dark hatch is not seen
_DARK = 60.0  # L* below which what stands upon a colour is white
Series = tuple[str, "Sequence[float | None]"]


def add_chart(board: Board, kind: Any, box: Box, title: str, names: Sequence[str], series: Sequence[Series]) -> Any:
    """Add a native chart with its workbook; the look of its series is the caller's."""
    shape = number_shape([v for _, values in series for v in values if v is not None])
    data: Any = CategoryChartData(number_format=shape)  # type: ignore[no-untyped-call]
    data.categories = list(names)
    for name, values in series:
        data.add_series(name, list(values))
    frame = board.slide.shapes.add_chart(kind, *(Pt(side) for side in box), data)
    chart = frame.chart
    chart.part.chart_workbook.update_from_xlsx_blob(chart_book(board.deck, title, names, series))
    chart.has_title = False
    chart.font.size = Pt(LETTERS * board.scale)
    chart.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    _set_faces(chart, board.deck.base.faces[1])
    chart.has_legend = True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    rows = "；".join(
        f"{name} " + "，".join(f"{s} {v[n]}" for s, v in series if v[n] is not None) for n, name in enumerate(names)
    )
    describe(frame, f"{title}：{rows}")
    return chart


def number_shape(values: Sequence[float]) -> str:
    """Return how numbers are shown, a zero not at all.

    Examples
    --------
    >>> number_shape([1, 2.0]), number_shape([61.5]), number_shape([0.25])
    ('#,##0;-#,##0;;', '#,##0.0;-#,##0.0;;', '0.00;-0.00;;')
    """
    if all(float(value).is_integer() for value in values):
        return "#,##0;-#,##0;;"
    largest = max(abs(value) for value in values)
    shape = "#,##0.0" if largest >= 10 else "0.00"  # noqa: PLR2004
    return f"{shape};-{shape};;"


def paint(series: Any, colour: str, hatch: str) -> None:
    """Fill the bars of a series with its colour, hatched where the palette has it so."""
    fill, plain = series.format.fill, colour.lstrip("#").upper()
    if hatch in PATTERNS:
        fill.patterned()
        fill.pattern = PATTERNS[hatch]
        fill.fore_color.rgb = rgb(INK if lightness(f"#{plain}") > _DARKEST else WHITE)
        fill.back_color.rgb = rgb(plain)
    else:
        fill.solid()
        fill.fore_color.rgb = rgb(plain)
    series.format.line.color.rgb = rgb(INK)
    series.format.line.width = Pt(0.5)
    series.invert_if_negative = False


def ink_upon(colour: str) -> str:
    """Return the ink that is read upon a colour."""
    return WHITE if lightness(f"#{colour.lstrip('#')}") < _DARK else INK


def label(series: Any, colour: str, size: float, hidden: Sequence[int], shape: str, *, has_ground: bool) -> None:
    """Write the numbers of a series into its bars; those of `hidden` have no room. Upon a hatch they get a ground."""
    labels = series.data_labels
    labels.show_value, labels.number_format, labels.number_format_is_linked = True, shape, False
    labels.font.size = Pt(size)
    labels.font.color.rgb = rgb(ink_upon(colour))
    element = labels._element  # noqa: SLF001
    for place, number in enumerate(hidden):
        element.insert(place, parse_xml(f'<c:dLbl {nsdecls("c")}><c:idx val="{number}"/><c:delete val="1"/></c:dLbl>'))
    if has_ground:
        plain = colour.lstrip("#")
        ground = parse_xml(
            f'<c:spPr {nsdecls("c", "a")}><a:solidFill><a:srgbClr val="{plain}"/></a:solidFill></c:spPr>'
        )
        element.find(qn("c:txPr")).addprevious(ground)


def quiet_axis(axis: Any, *, is_visible: bool = True) -> None:
    """Draw an axis without gridlines and marks, its names at the low end."""
    axis.has_major_gridlines = axis.has_minor_gridlines = False
    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    axis.visible = is_visible


def _set_faces(chart: Any, faces: tuple[str, str]) -> None:
    chart.font.name = faces[0]
    properties = chart._chartSpace.txPr.defRPr  # noqa: SLF001
    properties.latin.addnext(parse_xml(f'<a:ea {nsdecls("a")} typeface="{faces[1]}"/>'))

"""Charts that Word draws itself and people can edit: bars with their numbers, and the workbook behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from docx.opc.packuri import PackURI
from docx.opc.part import Part

from geosys.maps.tables import workbook
from geosys.maps.word.values import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.frames import Meta

# Source: ECMA-376-1:2016, §21.2 (DrawingML charts) and §20.4 (their place in a document)
_CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_PLACE = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CHART_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_BOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EMU_PER_MM = 36_000
_FIRST_RELATION = "rId1"
_FACE = '<a:latin typeface="Arial"/><a:ea typeface="黑体"/>'
_LONGEST = 20  # letters of a name beside a bar
_HIDE_ZERO = "#,##0;-#,##0;;"


@dataclass(frozen=True, slots=True)
class Series:
    """Hold one row of bars: its name, colour (``#RRGGBB``; several: one a bar) and numbers."""

    name: str
    colours: Sequence[str]
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """Hold a bar chart; several series are stacked. `lying` draws the bars from left to right, for long names."""

    title: str
    names: Sequence[str]
    series: Sequence[Series]
    lying: bool = False

    @property
    def height_mm(self) -> int:
        """Return how high it is drawn."""
        return min(200, 24 + 9 * max(1, len(self.names))) if self.lying else 70


def cleaned(chart: Chart) -> Chart:
    """Return a chart whose names and titles are legal and short."""
    series = [replace(one, name=plain_text(one.name, _LONGEST)) for one in chart.series]
    names = [plain_text(name, _LONGEST) for name in chart.names]
    return replace(chart, title=plain_text(chart.title, _LONGEST), names=names, series=series)


class PlacedChart:
    """A chart in a document: printing it adds its part and returns its drawing."""

    def __init__(self, chart: Chart, document: Any, number: int, meta: Meta, width_mm: int) -> None:
        self._chart, self._document, self._number, self._meta, self._width = chart, document, number, meta, width_mm

    def __bool__(self) -> bool:
        return bool(self._chart.names)

    def __html__(self) -> str:
        """Return the drawing as XML; nothing for a chart without bars."""
        if not self._chart.names:
            return ""
        package = self._document.part.package
        book = Part(
            PackURI(f"/word/embeddings/chart{self._number}.xlsx"), _BOOK_TYPE, _book(self._chart, self._meta), package
        )
        blob = chart_xml(self._chart, _FIRST_RELATION).encode()
        part = Part(PackURI(f"/word/charts/chart{self._number}.xml"), _CHART_TYPE, blob, package)
        part.load_rel(f"{_RELATIONS}/package", book, _FIRST_RELATION)
        drawn = self._document.part.relate_to(part, f"{_RELATIONS}/chart")
        wide, high = self._width * _EMU_PER_MM, self._chart.height_mm * _EMU_PER_MM
        said = escape(_told(self._chart), {'"': "&quot;", "{": "&#123;", "}": "&#125;"})
        return (
            f'</w:t></w:r><w:r><w:drawing><wp:inline xmlns:wp="{_PLACE}" distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{wide}" cy="{high}"/>'
            f'<wp:docPr id="{self._number}" name="chart{self._number}" descr="{said}"/><wp:cNvGraphicFramePr/>'
            f'<a:graphic xmlns:a="{_DRAWING}"><a:graphicData uri="{_CHART}"><c:chart xmlns:c="{_CHART}" xmlns:r="{_RELATIONS}" r:id="{drawn}"/>'
            '</a:graphicData></a:graphic></wp:inline></w:drawing></w:r><w:r><w:t xml:space="preserve">'
        )


def _told(chart: Chart) -> str:
    """Return a chart in words, for those who cannot see it."""
    rows = [
        f"{name} " + "，".join(f"{one.name} {one.numbers[n]}" for one in chart.series)
        for n, name in enumerate(chart.names)
    ]
    return f"{chart.title}：" + "；".join(rows)


def _book(chart: Chart, meta: Meta) -> bytes:
    """Return the workbook that Word opens for "edit data"."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chart.xlsx"
        with workbook(path, meta, chart.title) as book:
            sheet = book.add_worksheet("Sheet1")
            for row, name in enumerate(chart.names, 1):
                sheet.write_string(row, 0, name)
            for column, one in enumerate(chart.series, 1):
                sheet.write_string(0, column, one.name)
                sheet.write_column(1, column, list(one.numbers))
        return path.read_bytes()


def chart_xml(chart: Chart, relation: str) -> str:
    """Return a chart as DrawingML; `relation` names its workbook."""
    is_stacked = len(chart.series) > 1
    series = "".join(_series_xml(n, one, chart) for n, one in enumerate(chart.series))
    legend = f'<c:legend><c:legendPos val="b"/><c:overlay val="0"/>{_letters(900)}</c:legend>' if is_stacked else ""
    overlap = '<c:overlap val="100"/>' if is_stacked else ""
    places = ("l", "b") if chart.lying else ("b", "l")
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<c:chartSpace xmlns:c="{_CHART}" xmlns:a="{_DRAWING}" xmlns:r="{_RELATIONS}">'
        '<c:roundedCorners val="0"/><c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/><c:barChart>'
        f'<c:barDir val="{"bar" if chart.lying else "col"}"/><c:grouping '
        f'val="{"stacked" if is_stacked else "clustered"}"/><c:varyColors val="0"/>{series}'
        f'<c:gapWidth val="60"/>{overlap}<c:axId val="1"/><c:axId val="2"/></c:barChart>'
        f'<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="{"maxMin" if chart.lying else "minMax"}"/></c:scaling><c:delete val="0"/>'
        f'<c:axPos val="{places[0]}"/><c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="nextTo"/>{_letters(900)}<c:crossAx val="2"/><c:crosses val="autoZero"/></c:catAx>'
        f'<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/><c:min '
        f'val="0"/></c:scaling><c:delete val="1"/><c:axPos val="{places[1]}"/>'
        '<c:numFmt formatCode="#,##0" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="nextTo"/>'
        f'<c:crossAx val="1"/><c:crosses val="autoZero"/></c:valAx></c:plotArea>{legend}<c:plotVisOnly val="1"/></c:chart>'
        f'<c:externalData r:id="{relation}"><c:autoUpdate val="0"/></c:externalData></c:chartSpace>'
    )


def _letters(size: int, colour: str = "262626") -> str:
    fill = f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'
    return f'<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="{size}">{fill}{_FACE}</a:defRPr></a:pPr><a:endParaRPr lang="zh-CN"/></a:p></c:txPr>'


def _series_xml(number: int, one: Series, chart: Chart) -> str:
    column, last = chr(ord("B") + number), len(chart.names) + 1
    fills = [f'<c:spPr><a:solidFill><a:srgbClr val="{c.lstrip("#")}"/></a:solidFill></c:spPr>' for c in one.colours]
    points = (
        "".join(f'<c:dPt><c:idx val="{n}"/><c:invertIfNegative val="0"/>{fill}</c:dPt>' for n, fill in enumerate(fills))
        if len(fills) > 1
        else ""
    )
    names = "".join(f'<c:pt idx="{n}"><c:v>{escape(name)}</c:v></c:pt>' for n, name in enumerate(chart.names))
    values = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(one.numbers))
    count = f'<c:ptCount val="{len(chart.names)}"/>'
    is_stacked = len(chart.series) > 1
    place = "ctr" if is_stacked else "outEnd"
    return (
        f'<c:ser><c:idx val="{number}"/><c:order val="{number}"/><c:tx><c:strRef><c:f>Sheet1!${column}$1</c:f><c:strCache><c:ptCount val="1"/>'
        f'<c:pt idx="0"><c:v>{escape(one.name)}</c:v></c:pt></c:strCache></c:strRef></c:tx>{fills[0]}<c:invertIfNegative val="0"/>{points}'
        f'<c:dLbls><c:numFmt formatCode="{_HIDE_ZERO}" sourceLinked="0"/><c:spPr>'
        f"<a:noFill/></c:spPr>{_letters(900, 'FFFFFF' if is_stacked else '262626')}"
        f'<c:dLblPos val="{place}"/><c:showLegendKey val="0"/><c:showVal val="1"/>'
        f'<c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/>'
        f'<c:showBubbleSize val="0"/></c:dLbls><c:cat><c:strRef><c:f>'
        f"Sheet1!$A$2:$A${last}</c:f><c:strCache>{count}{names}</c:strCache></c:strRef></c:cat>"
        f"<c:val><c:numRef><c:f>Sheet1!${column}$2:${column}${last}</c:f><c:numCache><c:formatCode>General</c:formatCode>{count}{values}</c:numCache>"
        "</c:numRef></c:val></c:ser>"
    )

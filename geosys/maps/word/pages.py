"""Parts of a Word template: styles with Chinese fonts, headings, tables that repeat a row, sections, page numbers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

if TYPE_CHECKING:
    from collections.abc import Sequence

# Source: GB/T 9704-2012, 5.2 and 7 (paper, margins, fonts and sizes of official documents); sizes of tables are ours.
MARGINS_MM = {"top": 37, "bottom": 35, "left": 28, "right": 26}
BODY, HEADING, SECOND, LATIN = "仿宋", "黑体", "楷体", "Times New Roman"
# Names that other systems know these fonts by: Word takes the first that is there.
FALLBACKS = {
    "仿宋": "FangSong,仿宋_GB2312,STFangsong,Noto Serif CJK SC", "黑体": "SimHei,STHeiti,Noto Sans CJK SC",
    "楷体": "KaiTi,楷体_GB2312,STKaiti,Noto Serif CJK SC", "宋体": "SimSun,STSong,Noto Serif CJK SC",
}  # fmt: skip
_EPOCH = dt.datetime(2000, 1, 1)  # noqa: DTZ001  a document's dates have no zone; fixed, so that bytes are
_HEAD_FILL, _EDGE = "E8EDF2", "9AA5B1"
_STYLES = {  # name: (Chinese font, points, bold, centred, first line indented by letters)
    "Normal": (BODY, 14, False, False, 0), "Title": (HEADING, 22, False, True, 0), "Subtitle": (SECOND, 14, False, True, 0),
    "Heading 1": (HEADING, 16, False, False, 0), "Heading 2": (SECOND, 15, True, False, 0), "Heading 3": (BODY, 11, True, False, 0),
    "Body Text": (BODY, 14, False, False, 2), "Caption": (HEADING, 11, False, True, 0),
    "Table Text": (BODY, 9, False, False, 0), "Table Head": (HEADING, 9, False, True, 0), "List Text": (BODY, 9, False, False, 0),
    "Chart": (BODY, 9, False, True, 0), "Chart Caption": (HEADING, 11, False, True, 0),
    "Note": (BODY, 10.5, False, False, 0), "Header": (BODY, 9, False, False, 0), "Footer": (BODY, 9, False, True, 0),
}  # fmt: skip
_SPACED = {
    "Title": (0, 12),
    "Subtitle": (0, 12),
    "Heading 1": (14, 6),
    "Heading 2": (10, 4),
    "Heading 3": (8, 2),
    "Caption": (8, 4),
    "Note": (6, 0),
}


def new_document(title: str) -> Any:
    """Return an empty document on A4 with the styles of the reports."""
    document = docx.Document()
    told = document.core_properties
    told.author, told.title, told.comments, told.created, told.modified = "GeoSys", title, "", _EPOCH, _EPOCH
    told.last_modified_by, told.language = "", "zh-CN"
    for name, look in _STYLES.items():
        _style(document, name, *look)
    _link_style(document)
    _name_fonts(document)
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for side, size in MARGINS_MM.items():
        setattr(section, f"{side}_margin", Mm(size))
    section.header_distance, section.footer_distance = Mm(20), Mm(20)
    return document


def _style(document: Any, name: str, font: str, size: float, bold: bool, centred: bool, indent: int) -> None:
    styles = document.styles
    style = styles[name] if name in styles else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
    style.font.color.rgb = RGBColor(0x1A, 0x1E, 0x24)
    set_fonts(style.element.get_or_add_rPr(), font)
    layout = style.paragraph_format
    layout.alignment = WD_ALIGN_PARAGRAPH.CENTER if centred else WD_ALIGN_PARAGRAPH.LEFT
    before, after = _SPACED.get(name, (0, 0))
    layout.space_before, layout.space_after = Pt(before), Pt(after)
    layout.line_spacing_rule = (
        WD_LINE_SPACING.ONE_POINT_FIVE if name in ("Normal", "Body Text") else WD_LINE_SPACING.SINGLE
    )
    if name == "Title":
        for border in style.element.xpath(".//w:pBdr"):
            border.getparent().remove(border)
    if indent:
        layout.first_line_indent = Pt(indent * size)
        style.element.pPr.ind.set(qn("w:firstLineChars"), str(indent * 100))
    if name.startswith("Heading") or name in {
        "Caption",
        "Chart",
    }:  # the table stands below its caption, the chart above
        layout.keep_with_next = True


def set_fonts(properties: Any, chinese: str) -> None:
    """Name the Chinese and the Latin font; with a theme's font left in, Word would not look at the names."""
    for old in properties.findall(qn("w:rFonts")):
        properties.remove(old)
    names = f'w:ascii="{LATIN}" w:hAnsi="{LATIN}" w:cs="{LATIN}" w:eastAsia="{chinese}" w:hint="eastAsia"'
    properties.insert(0, parse_xml(f"<w:rFonts {nsdecls('w')} {names}/>"))


def _link_style(document: Any) -> None:
    style = document.styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER)
    style.font.color.rgb = RGBColor(0x0B, 0x5C, 0xAD)
    style.font.underline = True


def _name_fonts(document: Any) -> None:
    """Tell Word the other names of the fonts."""
    for part in document.part.package.parts:
        if part.partname == "/word/fontTable.xml":
            fonts = "".join(
                f'<w:font w:name="{name}"><w:altName w:val="{others}"/><w:charset w:val="86"/></w:font>'
                for name, others in FALLBACKS.items()
            )
            blob = part.blob.decode("utf-8").replace("</w:fonts>", f"{fonts}</w:fonts>")
            part._blob = blob.encode()  # noqa: SLF001  python-docx has no door to the table of fonts


def body(document: Any, *texts: str, style: str = "Body Text") -> None:
    """Add paragraphs."""
    for text in texts:
        document.add_paragraph(text, style=style)


def repeated(document: Any, heads: Sequence[str], cells: Sequence[str], rows: str, widths_mm: Sequence[float]) -> None:
    """Add a table with a head that repeats on each page and one row for each of ``name in rows``.

    Parameters
    ----------
    rows
        As ``row in overdue``.
    """
    table = document.add_table(rows=4, cols=len(heads))
    table.autofit = False
    look = table._tbl.tblPr  # noqa: SLF001  borders and margins have no door in python-docx; Word wants them in this order
    look.find(qn("w:tblLayout")).addprevious(_borders())
    look.find(qn("w:tblLayout")).addnext(_cell_margins())
    for column, width in zip(table.columns, widths_mm, strict=True):
        column.width = Mm(width)
    lines = (heads, (f"{{%tr for {rows} %}}",), cells, ("{%tr endfor %}",))
    for row, texts in zip(table.rows, lines, strict=True):
        for cell, width in zip(row.cells, widths_mm, strict=True):
            cell.width = Mm(width)
        for cell, text in zip(row.cells, texts, strict=False):
            cell.paragraphs[0].style = document.styles["Table Head" if texts is heads else "Table Text"]
            cell.paragraphs[0].add_run(text)
            if texts is heads:
                fill = f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{_HEAD_FILL}"/>'
                cell._tc.get_or_add_tcPr().append(parse_xml(fill))  # noqa: SLF001
    for row in table.rows:
        row._tr.get_or_add_trPr().append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))  # noqa: SLF001
    table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))  # noqa: SLF001


def _borders() -> Any:
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{_EDGE}"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    return parse_xml(f"<w:tblBorders {nsdecls('w')}>{sides}</w:tblBorders>")


def _cell_margins() -> Any:
    sides = "".join(f'<w:{side} w:w="57" w:type="dxa"/>' for side in ("left", "right"))
    return parse_xml(f"<w:tblCellMar {nsdecls('w')}>{sides}</w:tblCellMar>")


def unless_empty(document: Any, rows: str, empty: str) -> Any:
    """Return a block: what is added inside is printed where `rows` is not empty, else the text `empty`."""
    return _Block(document, rows, empty)


class _Block:
    def __init__(self, document: Any, rows: str, empty: str) -> None:
        self._document, self._rows, self._empty = document, rows, empty

    def __enter__(self) -> None:
        self._document.add_paragraph(f"{{%p if {self._rows} %}}")

    def __exit__(self, *_: object) -> None:
        if self._empty:
            self._document.add_paragraph("{%p else %}")
            self._document.add_paragraph(self._empty, style="Body Text")
        self._document.add_paragraph("{%p endif %}")


def lying_section(document: Any) -> None:
    """Go on on a new page on its side."""
    section = document.add_section(WD_SECTION.NEW_PAGE)
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin = section.bottom_margin = Mm(25)
    section.left_margin = section.right_margin = Mm(20)


def header_and_footer(document: Any, header: str, footer: str) -> None:
    """Set what stands above and below every page; the footer ends with the page number."""
    section = document.sections[0]
    section.header.paragraphs[0].text = header
    line = section.footer.paragraphs[0]
    line.add_run(f"{footer}　第 ")
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = line.add_run()
        inner = (
            f'<w:fldChar {nsdecls("w")} w:fldCharType="{kind}"/>'
            if kind
            else f"<w:instrText {nsdecls('w')}>{text}</w:instrText>"
        )
        run._r.append(parse_xml(inner))  # noqa: SLF001  fields have no door in python-docx
    line.add_run(" 页")

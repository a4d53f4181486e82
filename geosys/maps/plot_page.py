"""Write a sheet of blocks as one HTML page that needs nothing else: the same texts, tables and maps as on paper.

The page holds no script and asks for nothing, so that it opens where both are forbidden.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._errors import SpecError
from geosys.maps.paper.layout import Layout
from geosys.maps.paper.looks import entries_of
from geosys.maps.paper.sheet import Facts, Heading, Legend, MapFrame, PageBreak, Paragraph, Row, Table
from geosys.maps.paper.words import one_line, plain
from geosys.maps.plot_map import HatchBook, svg_of, symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.maps.paper.looks import Group, Look
    from geosys.maps.paper.mapping import DrawnMap
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block, Sheet, Words

_CSS = files("geosys.maps") / "page" / "plot_page.css"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_MAP_MM = 91.0  # width of one of two maps side by side on A4
_LEGEND_MM = (9.0, 5.0)
_NOT_SHOWN = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def page_of(sheet: Sheet, press: Press) -> str:
    """Return a sheet of blocks as HTML text.

    Parameters
    ----------
    sheet : without a main map; its blocks are maps, rows, facts, tables, headings, paragraphs and the legend.

    Raises
    ------
    SpecError
        When a map has nothing to show, or a block cannot stand on a page.
    """
    writing = _Writing(sheet, press)
    body = "".join(writing.block(block) for block in sheet.blocks)
    words, language = press.measures.words, sheet.language
    notes = [*map(writing.text, sheet.notes), *map(escape, writing.remarks())]
    about = f"{words['as_of'].in_language(language).replace('{date}', sheet.as_of.isoformat())} · {writing.text(sheet.program)}"
    boxes = sheet.boxes if sheet.boxes is not None else [(name, "") for name in press.measures.boxes]
    colon = words["colon"].in_language(language)
    parts = [
        head_of(one_line(sheet.title, language, 90), language),
        f'<main class="paper">{writing.hatches.definitions()}<header><div><h1>{writing.text(sheet.title)}</h1>',
        f'<div class="sub">{writing.text(sheet.subtitle)}</div></div>',
        "".join(f'<span class="mark">{writing.text(mark)}</span>' for mark in sheet.marks), "</header>",
        body, f"<h2>{escape(words['notes'].in_language(language))}</h2>", "".join(f'<p class="small">{note}</p>' for note in notes),
        '<div class="boxes">', "".join(f"<div>{writing.text(n)}{colon}{writing.text(v)}</div>" for n, v in boxes), "</div>",
        f"<footer><span>{about}</span><span>{writing.text(sheet.disclaimer)}</span><span>{writing.text(sheet.approval)}</span></footer>",
        "</main></body></html>\n",
    ]  # fmt: skip
    return "".join(parts).translate(_NOT_SHOWN)


def head_of(title: str, language: str) -> str:
    """Return the beginning of a page up to its body: no script may run, nothing may be asked for."""
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS.read_text(encoding='utf-8')}</style></head><body>"
    )


class _Writing:
    """A page under way: maps are drawn as they come, the legend lists what is on them."""

    def __init__(self, sheet: Sheet, press: Press) -> None:
        self._language, self._press = sheet.language, press
        self.hatches = HatchBook()
        self._maps: list[DrawnMap] = []
        self._sheet = sheet

    def text(self, words: Words) -> str:
        """Return words as HTML text: nothing in them is markup, no sign in them turns the direction of writing."""
        return escape(plain(words, self._language)).replace("\n", "<br>")

    def block(self, block: Block) -> str:
        """Return one block; page breaks mean nothing on a screen."""
        makers: dict[type, Callable[[Any], str]] = {
            MapFrame: self._map, Row: self._row, Heading: lambda b: f"<h2>{self.text(b.text)}</h2>", Paragraph: self._paragraph,
            Facts: self._facts, Table: self._table, Legend: lambda _: self._legend(), PageBreak: lambda _: "",
        }  # fmt: skip
        if type(block) not in makers:
            raise SpecError(
                f"page, a block: got {type(block).__name__}, expected one of {', '.join(k.__name__ for k in makers)}."
            )
        return makers[type(block)](block)

    def _row(self, row: Row) -> str:
        columns = ["".join(map(self.block, blocks)) for blocks in row.columns]
        return f'<div class="row">{"".join(f"<div>{column}</div>" for column in columns)}</div>'

    def _paragraph(self, words: Paragraph) -> str:
        look = " ".join(n for n, on in (("small", words.is_small), ("strong", words.is_strong)) if on)
        return f'<p class="{look}">{self.text(words.text)}</p>'

    def _title(self, words: Words) -> str:
        return f"<h2>{text}</h2>" if (text := self.text(words)) else ""

    def _facts(self, facts: Facts) -> str:
        cells = [f'<th scope="row">{self.text(name)}</th><td>{self.text(value)}</td>' for name, value in facts.rows]
        cells += ['<th scope="row"></th><td></td>'] * (-len(cells) % facts.columns)
        rows = ["".join(cells[i : i + facts.columns]) for i in range(0, len(cells), facts.columns)]
        return f"{self._title(facts.title)}<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"

    def _table(self, table: Table) -> str:
        shares = list(table.widths) or [1] * len(table.head)
        columns = "".join(f'<col style="width:{share / sum(shares) * 100:.1f}%">' for share in shares)
        head = "".join(f'<th scope="col">{self.text(h)}</th>' for h in table.head)
        body = ""
        for i, row in enumerate(table.rows):
            tint = f' style="background:{escape(table.tints[i])}"' if i in table.tints else ""
            numbers = ['<td class="number">' if j in table.right else "<td>" for j in range(len(row))]
            body += f"<tr{tint}>{''.join(f'{td}{self.text(cell)}</td>' for td, cell in zip(numbers, row, strict=True))}</tr>"
        return (
            f'{self._title(table.title)}<div class="scroll"><table class="wide"><colgroup>{columns}</colgroup>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _map(self, frame: MapFrame) -> str:
        width = frame.width_mm or _MAP_MM
        svg, drawn = svg_of(frame, width, frame.height_mm or width, self._press, self.hatches, self._language)
        self._maps.append(drawn)
        return f"{self._title(frame.title)}{svg}"

    def _legend(self) -> str:
        """Return what is on the maps so far, each entry once."""
        words = self._press.measures.words
        seen: set[tuple[str, str, Look]] = set()
        listed = ""
        for drawn in self._maps:
            for heading, groups in entries_of(drawn.groups):
                new = [(title, group) for group in groups if (title := self._entry(heading, group, seen))]
                if new and (name := self.text(heading)):
                    listed += f'<span class="sub">{name}</span>'
                listed += "".join(f"<span>{self._symbol(group.look)}{title}</span>" for title, group in new)
        return f'<h2>{escape(words["legend"].in_language(self._language))}</h2><div class="legend">{listed}</div>'

    def _entry(self, heading: Words, group: Group, seen: set[tuple[str, str, Look]]) -> str:
        """Return a group's title where it is not listed yet."""
        name = self.text(heading)
        title = self.text(self._press.measures.words["other"] if group.is_other and name else group.title)
        if (name, title, group.look) in seen:
            return ""
        seen.add((name, title, group.look))
        return title

    def _symbol(self, look: Look) -> str:
        width, height = _LEGEND_MM
        middle = height / 2
        shape: shapely.Geometry = shapely.box(0.6, 0.7, width - 0.6, height - 0.7)
        if look.kind == "line":
            shape = shapely.LineString([(0.6, middle), (width - 0.6, middle)])
        elif look.kind == "point":
            shape = shapely.Point(width / 2, middle)
        drawn = symbol(np.array([shape], dtype=object), look, self.hatches)
        return f'<svg viewBox="0 0 {width:g} {height:g}" aria-hidden="true">{drawn}</svg>'

    def remarks(self) -> Sequence[str]:
        """Return what the sheet says of its maps, in the words of paper: CRS, labels left out, layers without a feature."""
        layout = Layout(self._sheet, self._press.measures, self._press.fonts)
        layout.maps = self._maps
        return layout.remarks()

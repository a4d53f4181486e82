"""Lay out a page: where the main map goes, how wide each block is, and the blocks as the data that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from geosys._errors import SpecError
from geosys.maps.paper.furniture import crs_in_words
from geosys.maps.paper.mapping import DrawnMap, draw_map
from geosys.maps.paper.sheet import (
    Block,
    Facts,
    Heading,
    Legend,
    MapFrame,
    PageBreak,
    Paragraph,
    Picture,
    Row,
    Sheet,
    Table,
    Words,
)  # fmt: skip
from geosys.maps.paper.words import breakable, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.measures import Measures

_GUTTER = 3.0
_NARROW_MM = 36.0  # the narrowest column of a side beside the map
_TITLE_MM = 5.5  # of a map frame
_USUAL_SHAPE = 0.66  # height of a map by its width, where the sheet does not say
_PICTURES = ("svg", "png", "pdf")


class Room(NamedTuple):
    """Hold how much room the side of a main map gets: times its usual size, and how small its letters may become."""

    stretch: float = 1.0
    least: float = 0.6


# what is tried in turn: first a larger side, then smaller letters
ROOMS = (Room(1.0, 0.78), Room(1.4, 0.78), Room(1.8, 0.6))


class Layout:
    """The layout of one sheet under way: maps are drawn as their place becomes known."""

    def __init__(self, sheet: Sheet, measures: Measures, fonts: Fonts, room: Room = Room()) -> None:  # noqa: B008  frozen
        self._room = room
        self._sheet, self._measures, self._fonts = sheet, measures, fonts
        self.page = measures.page(sheet.paper, is_landscape=sheet.is_landscape)
        self.growth = measures.growth(sheet.paper)
        self.maps: list[DrawnMap] = []
        self.drawings: dict[str, bytes] = {}
        self._titles: list[str] = []
        part = measures.layout
        self._header, self._footer = part["header"] * self.growth, part["footer"] * self.growth
        edge = measures.margin + measures.padding
        self.width = self.page[0] - 2 * edge
        self.height = self.page[1] - 2 * edge - self._header - self._footer
        if sheet.main is None and not sheet.blocks:
            raise SpecError(
                f"sheet '{plain(sheet.title)[:40]}': got neither a main map nor blocks, expected at least one of them."
            )

    def body(self) -> dict[str, Any]:
        """Return main map, side and blocks as data; draws every map."""
        measures, grow = self._measures, self.growth
        has_boxes = self._sheet.boxes is None or len(self._sheet.boxes) > 0
        boxes = measures.layout["boxes"] * grow if has_boxes else 0.0
        data: dict[str, Any] = {
            "width": self.page[0], "height": self.page[1], "margin": measures.margin, "padding": measures.padding,
            "header": self._header, "footer": self._footer, "boxes_height": boxes,
            "text_pt": measures.text_pt[self._sheet.paper], "side": [],
        }  # fmt: skip
        main = self._sheet.main
        if main is not None:
            beside = self._sheet.is_landscape
            side = measures.layout["side_width" if beside else "side_height"] * grow * self._room.stretch
            title = _TITLE_MM * grow if main.title else 0.0
            low = self.height - boxes - 2.0 - title
            size = (self.width - side - _GUTTER, low) if beside else (self.width, low - side - 2.0)
            across, narrow = (side, _NARROW_MM * grow) if beside else (self.width, measures.layout["side_width"] * grow)
            columns = max(1, int((across + _GUTTER) / narrow))
            data["main"] = {
                "map": self._draw(main, *size), "beside": beside, "side": side, "columns": columns, "least": self._room.least,
            }  # fmt: skip
            data["side"] = self._blocks(self._sheet.side, (across + _GUTTER) / columns - _GUTTER)
        data["blocks"] = self._blocks(self._sheet.blocks, self.width)
        return data

    def map_data(self) -> list[dict[str, Any]]:
        """Return the drawn maps as data: file, size, texts with their places."""
        return [
            {
                "file": f"map-{i}.pdf", "width": m.width_mm, "height": m.height_mm, "title": title,
                "texts": [
                    {"text": t.text, "x": round(t.x, 3), "y": round(t.y, 3), "angle": round(t.angle, 2), "size": round(t.size_pt, 3),
                     "weight": t.weight, "colour": t.colour}
                    for t in m.texts
                ],
            }
            for i, (m, title) in enumerate(zip(self.maps, self._titles, strict=True))
        ]  # fmt: skip

    def remarks(self) -> list[str]:
        """Return what the sheet says of itself: CRS, numbers at the neat line, labels left out, layers without a feature."""
        words, language = self._measures.words, self._sheet.language
        said = [
            f"{words['crs'].in_language(language)}{words['colon'].in_language(language)}{text}"
            for text in dict.fromkeys(crs_in_words(m.window, self._measures, language) for m in self.maps)
        ]
        if any(m.has_ticks for m in self.maps):
            said.append(words["ticks"].in_language(language))
        dropped = sum(m.dropped for m in self.maps)
        everywhere = set.intersection(*(set(m.absent) for m in self.maps)) if self.maps else set()
        absent = [title for title in dict.fromkeys(t for m in self.maps for t in m.absent) if title in everywhere]
        if dropped:
            said.append(words["dropped"].in_language(language).replace("{count}", str(dropped)))
        if absent:
            said.append(
                words["absent"]
                .in_language(language)
                .replace("{layers}", words["comma"].in_language(language).join(absent))
            )
        return said

    def _draw(self, frame: MapFrame, width: float, height: float) -> int:
        """Draw a map of a size; return its number."""
        drawn = draw_map(frame, width, height, self._measures, self._fonts, self._sheet.language, self.growth)
        self.maps.append(drawn)
        self._titles.append(plain(frame.title, self._sheet.language, 60))
        self.drawings[f"map-{len(self.maps) - 1}.pdf"] = drawn.pdf
        return len(self.maps) - 1

    def _blocks(self, blocks: Sequence[Block], width: float) -> list[dict[str, Any]]:
        return [self._block(block, width) for block in blocks]

    def _text(self, words: Words) -> str:
        return breakable(words, self._sheet.language)

    def _block(self, block: Block, width: float) -> dict[str, Any]:
        """Return one block as data.

        Raises
        ------
        SpecError
            When it is none of the blocks of a sheet.
        """
        if isinstance(block, Row):
            return self._row(block, width)
        if isinstance(block, MapFrame):
            wide = min(block.width_mm or width, width)
            high = min(block.height_mm or wide * _USUAL_SHAPE, self.height - _TITLE_MM * self.growth)
            return {"kind": "map", "map": self._draw(block, wide, high)}
        makers: dict[type, Callable[[Any], dict[str, Any]]] = {
            Heading: lambda b: {"kind": "heading", "text": self._text(b.text), "level": b.level},
            Paragraph: lambda b: {"kind": "paragraph", "text": self._text(b.text), "small": b.is_small, "strong": b.is_strong},
            Facts: self._facts, Table: self._table, Picture: self._picture,
            Legend: lambda _: {"kind": "legend"}, PageBreak: lambda _: {"kind": "break"},
        }  # fmt: skip
        if type(block) not in makers:
            raise SpecError(
                f"sheet, a block: got {type(block).__name__}, expected one of {', '.join(k.__name__ for k in makers)}, MapFrame, Row."
            )
        return makers[type(block)](block)

    def _facts(self, facts: Facts) -> dict[str, Any]:
        """Return pairs as data, the last line filled up."""
        rows = [[self._text(name), self._text(value)] for name, value in facts.rows]
        rows += [["", ""]] * (-len(rows) % facts.columns)
        return {"kind": "facts", "title": self._text(facts.title), "columns": facts.columns, "rows": rows}

    def _row(self, row: Row, width: float) -> dict[str, Any]:
        """Return columns side by side, with their widths."""
        shares = list(row.shares) or [1.0] * len(row.columns)
        if len(shares) != len(row.columns) or not row.columns or min(shares) <= 0:
            raise SpecError(
                f"sheet, a row: got {len(row.columns)} columns and the shares {shares}, expected one share above 0 for each column."
            )
        room = width - _GUTTER * (len(shares) - 1)
        widths = [room * share / sum(shares) for share in shares]
        columns = [self._blocks(blocks, wide) for blocks, wide in zip(row.columns, widths, strict=True)]
        return {"kind": "row", "shares": widths, "columns": columns}

    def _table(self, table: Table) -> dict[str, Any]:
        """Return a table as data.

        Raises
        ------
        SpecError
            When a row is longer or shorter than the head.
        """
        ragged = [i for i, row in enumerate(table.rows) if len(row) != len(table.head)]
        if ragged or (table.widths and len(table.widths) != len(table.head)):
            raise SpecError(
                f"sheet, table '{plain(table.title)[:40]}': got rows {ragged[:5]} or widths of another length than the head, "
                f"expected {len(table.head)} cells in each."
            )
        return {
            "kind": "table", "title": self._text(table.title), "head": [self._text(h) for h in table.head],
            "rows": [[self._text(cell) for cell in row] for row in table.rows], "widths": list(table.widths) or [1] * len(table.head),
            "right": list(table.right), "growth": table.growth, "tints": {str(row): colour for row, colour in table.tints.items()},
        }  # fmt: skip

    def _picture(self, picture: Picture) -> dict[str, Any]:
        """Keep a picture's file and return it as data."""
        if picture.kind not in _PICTURES:
            raise SpecError(f"sheet, a picture: got the kind {picture.kind!r}, expected one of {', '.join(_PICTURES)}.")
        name = f"picture-{len(self.drawings)}.{picture.kind}"
        self.drawings[name] = picture.data
        return {"kind": "picture", "file": name, "height": picture.height_mm, "caption": self._text(picture.caption)}

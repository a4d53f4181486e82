"""The ground of a chart: boxes with hatches and strokes on a plate, and texts with their places, cut where there is no room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.maps.paper.labels import Label
from geosys.maps.paper.looks import Look, lightness
from geosys.maps.paper.plate import PT_PER_MM, Plate
from geosys.maps.paper.words import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.sheet import Words

INK, QUIET, GRID, PALE, WHITE = "#1A1E24", "#5A626C", "#C9CED5", "#EEF1F4", "#FFFFFF"
# What tells classes apart in a grey copy where the palette gives no hatch: no two neighbours have the same.
HATCHES = ("none", "forward", "horizontal", "backward", "dots", "cross", "vertical")
_DARK = 60.0  # L* below which a text upon a colour is white
_BELOW = 0.36  # of the size: from the middle of a line down to its baseline
_ELLIPSIS = "…"


class Canvas:
    """A chart under way, in millimetres from its upper left corner, y downwards."""

    def __init__(self, width: float, height: float, fonts: Fonts, language: str, size_pt: float) -> None:
        self.width, self.height, self.size_pt = width, height, size_pt
        self.line = size_pt / PT_PER_MM * 1.5  # height of a line of text with its lead
        self.texts: list[Label] = []
        self._fonts, self._language = fonts, language
        self._plate = Plate(width, height, fonts)
        self._whole = shapely.box(-1.0, -1.0, width + 1.0, height + 1.0)

    def area(
        self, shape: shapely.Geometry, colour: str, hatch: str = "none", edge: str = INK, width: float = 0.4
    ) -> None:
        """Draw an area with a hatch and an outline."""
        look = _look("polygon", edge, colour, width, hatch)
        self._plate.areas(np.array([shape], dtype=object), look, self._whole)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str, hatch: str = "none") -> None:
        """Draw a box; one without width is left out."""
        if right > left and bottom > top:
            self.area(shapely.box(left, top, right, bottom), colour, hatch)

    def line_of(
        self, points: Sequence[tuple[float, float]], colour: str, width: float, dash: tuple[float, ...] = ()
    ) -> None:
        """Draw a line through points; a single point draws nothing."""
        if len(points) > 1:
            shape = np.array([shapely.LineString(points)], dtype=object)
            self._plate.lines(shape, _look("line", colour, colour, width, "none", dash), self._whole)

    def marker(self, x: float, y: float, shape: str, colour: str, radius: float = 0.9) -> None:
        """Draw a marker around a point."""
        look = _look("point", colour, colour, 0.5, "none", (), shape, radius)
        self._plate.markers(np.array([[x, y]]), look, self._whole)

    def wide(self, words: Words, size: float = 1.0, weight: int = 400) -> float:
        """Return the width of a text in millimetres; `size` is times the usual."""
        return self._fonts.width(one_line(words, self._language), self.size_pt * size, weight) / PT_PER_MM

    def text(
        self, words: Words, x: float, y: float, *, anchor: float = 0.0, most: float = 1e9, size: float = 1.0, weight: int = 400,
        colour: str = INK,
    ) -> None:  # fmt: skip
        """Write one line whose middle height is `y`; `anchor` 0: begins at `x`, 0.5: has it in its middle, 1: ends there.

        A text wider than `most` millimetres is made smaller, to three quarters, and then cut.
        """
        text = one_line(words, self._language)
        wide = self.wide(text, size, weight)
        if wide > most:
            size *= max(0.75, most / wide)
        if self.wide(text, size, weight) > most:
            text = self._cut(text, most, size, weight)
        if not text.strip():
            return
        points = self.size_pt * size
        left = x - anchor * self.wide(text, size, weight)
        self.texts.append(Label(text, left, y + _BELOW * points / PT_PER_MM, 0.0, points, weight, colour))

    def _cut(self, text: str, most: float, size: float, weight: int) -> str:
        """Return the longest beginning of a text that fits with its ellipsis, at least one letter."""
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.wide(f"{text[:middle].rstrip()}{_ELLIPSIS}", size, weight) <= most
            low, high = (middle, high) if fits else (low, middle - 1)
        return f"{text[:low].rstrip()}{_ELLIPSIS}"

    def inside(
        self, words: Words, box: tuple[float, float, float, float], ground: str, *, is_hatched: bool = False
    ) -> bool:
        """Write a text into a box if there is room; say whether. Upon a hatch it gets a ground of its own."""
        left, top, right, bottom = box
        wide, high = self.wide(words, 0.9) + 0.8, self.size_pt * 0.9 / PT_PER_MM
        if wide > right - left or high > bottom - top:
            return False
        x, y = (left + right) / 2, (top + bottom) / 2
        if is_hatched:
            self._plate.rectangle((x - wide / 2, y - high * 0.56, x + wide / 2, y + high * 0.56), fill=ground)
        self.text(words, x, y, anchor=0.5, size=0.9, colour=WHITE if lightness(ground) < _DARK else INK)
        return True

    def legend(self, entries: Sequence[tuple[Words, str, str]], top: float) -> float:
        """Write entries (title, colour, hatch) side by side, over as many lines as it takes; return where they end."""
        x, y, high = 0.0, top + self.line / 2, self.size_pt / PT_PER_MM * 0.9
        for title, colour, hatch in entries:
            wide = high * 1.8 + 0.9 + min(self.wide(title), self.width - high * 1.8 - 1.0)
            if x > 0 and x + wide > self.width:
                x, y = 0.0, y + self.line
            self.box(x, y - high / 2, x + high * 1.8, y + high / 2, colour, hatch)
            self.text(title, x + high * 1.8 + 0.9, y, most=self.width - high * 1.8 - 1.0)
            x += wide + 2.6
        return y + self.line / 2

    def legend_height(self, titles: Sequence[Words]) -> float:
        """Return how high a legend will be."""
        probe = Canvas(self.width, 10.0, self._fonts, self._language, self.size_pt)
        return probe.legend([(title, WHITE, "none") for title in titles], 0.0)

    def halo(self) -> None:
        """Lay a pale ground under all texts written so far, so that they can be read upon what is drawn."""
        self._plate.halos(self.texts, 0.8, self._whole)

    def to_pdf(self) -> bytes:
        """Return the drawing as PDF, without its texts."""
        return self._plate.to_pdf()


def hatch_of(given: str, place: int) -> str:
    """Return the hatch of a class: that of the palette, else one by its place.

    Examples
    --------
    >>> hatch_of("dots", 0), hatch_of("", 1), hatch_of("", 7)
    ('dots', 'forward', 'none')
    """
    return given or HATCHES[place % len(HATCHES)]


def amount(value: float) -> str:
    """Return a number as people write it: whole, or with as many decimals as it needs, at most one from 10 on.

    Examples
    --------
    >>> amount(12345.0), amount(3.14159), amount(45.26)
    ('12,345', '3.14', '45.3')
    """
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"  # noqa: PLR2004


def _look(
    kind: str, colour: str, fill: str, width: float, hatch: str, dash: tuple[float, ...] = (), shape: str = "circle", radius: float = 1.0
) -> Look:  # fmt: skip
    return Look(kind, colour, fill, 1.0, width, dash, hatch, shape, radius, "")

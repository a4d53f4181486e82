"""Make texts fit a slide: what is legal in them, how wide and how many lines they are, where they are cut."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from geosys.maps.paper.words import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.sheet import Words

LEAD = 1.25  # of the size, from one line to the next; set exactly, so that no font of a machine changes it
_SPARE = 0.95  # of the room: a machine's own font may be a little wider than the one measured
_BOLD, _PLAIN = 700, 400
_WIDER = {False: 1.14, True: 1.22}  # of Latin letters, bold or not, where a machine lacks the face we name
_CHINESE = "\u2e80"  # from here on letters are one size wide in any face
# What XML 1.0 cannot hold beyond control signs and half surrogates, which `plain` has replaced.
_ILLEGAL = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
_OPENS, _CLOSES = "[（【《“‘]*", "[，。；：、！？）】》”’…]*"  # what no line ends with, what none begins with
_LETTERS = r"[!-~\u00a1-\u1fff]+"
_WORD = re.compile(f"{_OPENS}(?:{_LETTERS}|.){_CLOSES}", re.DOTALL)
_PART = re.compile(rf"{_OPENS}(?:[!-,.0-~\u00a1-\u1fff]*[/-]+|[!-,.0-~\u00a1-\u1fff]+|.){_CLOSES}", re.DOTALL)


class Fitted(NamedTuple):
    """Hold a text as it fits: itself or cut, its size in points, its lines, whether it was cut."""

    text: str
    size: float
    lines: int
    is_cut: bool

    @property
    def height(self) -> float:
        """Return how high the lines are, in points."""
        return self.lines * self.size * LEAD


def clean(words: Words, language: str = "zh", *, is_one_line: bool = True) -> str:
    r"""Return a text as a slide can hold it: one language, legal XML, no sign that turns or hides what stands beside it.

    Examples
    --------
    >>> clean("a\x00b\ufffe\u202ec\nd"), clean("half\ud83d")
    ('a bc d', 'half�')
    """
    made = one_line(words, language) if is_one_line else plain(words, language).strip()
    return _ILLEGAL.sub("", made)


class Ruler:
    """Measure texts in the program's own faces; sizes and widths in points."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts
        self._known: dict[tuple[str, bool], float] = {}

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return the width of one line."""
        return sum(self._sign(sign, bold) for sign in text) * size

    def lines(self, text: str, room: float, size: float, *, bold: bool = False) -> int:
        """Return how many lines a text takes in a width: words stay whole where they can, Chinese breaks anywhere.

        Some programs break after a stroke or hyphen and some do not: the larger number is returned.
        """
        most = self._lines(text, room, size, _WORD, bold=bold)
        return max(most, self._lines(text, room, size, _PART, bold=bold)) if "/" in text or "-" in text else most

    def _lines(self, text: str, room: float, size: float, words: re.Pattern[str], *, bold: bool) -> int:
        room = max(room * _SPARE, size * 1.2)
        count = 0
        for part in text.split("\n"):
            count, filled = count + 1, 0.0
            for word in words.findall(part):
                wide = self.width(word, size, bold=bold)
                if filled + wide <= room or word.isspace():
                    filled += wide
                    continue
                count += filled > 0
                more = ceil(wide / max(room - size, size)) - 1 if wide > room else 0
                count, filled = count + more, wide - more * max(room - size, size)
        return count

    def fit(
        self, text: str, room: float, height: float, sizes: Sequence[float], *, bold: bool = False, told: str = "…"
    ) -> Fitted:
        """Return a text in the largest of the sizes (the largest first) whose lines fit; else cut in the smallest, with `told`."""
        for size in sizes:
            lines = self.lines(text, room, size, bold=bold)
            if lines * size * LEAD <= height:
                return Fitted(text, size, lines, is_cut=False)
        size = sizes[-1]
        most = max(int(height / (size * LEAD) + 1e-6), 1)
        return self._cut(text, room, size, most, bold=bold, told=told)

    def _cut(self, text: str, room: float, size: float, most: int, *, bold: bool, told: str) -> Fitted:
        """Return the longest beginning that takes no more than `most` lines with `told` behind it."""
        if self.lines(told, room, size, bold=bold) > most:
            told = "…"
        low, high = 0, len(text) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.lines(text[:middle].rstrip() + told, room, size, bold=bold) <= most:
                low = middle
            else:
                high = middle - 1
        shown = text[: max(low, 0)].rstrip() + told
        return Fitted(shown, size, min(self.lines(shown, room, size, bold=bold), most), is_cut=True)

    def _sign(self, sign: str, bold: bool) -> float:
        key = (sign, bold)
        if key not in self._known:
            wide = self._fonts.width(sign, 1.0, _BOLD if bold else _PLAIN)
            self._known[key] = wide if sign >= _CHINESE else wide * _WIDER[bold]
        return self._known[key]

"""Write one cell of a workbook: what is legal in it, how numbers and words look, how many lines a text takes.

Texts from ledgers are written as texts, never as formulas or links.
"""

from __future__ import annotations

import datetime as dt
import re
from math import ceil
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.maps.pack import plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.maps.palettes import Swatch
    from geosys.maps.sheets import Column

CELL_LIMIT = 32_767  # characters; Excel refuses a file with a longer cell
_CUT = "…（已截断 cut）"
FONT_SIZE = 11  # points, of every cell
LINE_HEIGHT = 15.5  # points, of a line of Chinese letters of that size
_PADDING = 3  # points above and below the lines of a cell
_LOSS = 1.05  # Chinese letters are a little wider than two Latin ones
_RAGGED = 2  # wrapping at words and before punctuation leaves lines short by so much, at most by a sixth
UNITS = {"m2": "m²", "km2": "km²", "d": "天", "mu": "亩"}  # as they are printed behind a number; the others as they are
# What XML 1.0 cannot hold, and the marks by which Excel writes such characters: left in, it would decode them.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_UNQUOTED = str.maketrans("", "", '"\\')  # in a number's format these would end the unit
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def cell_text(value: object) -> str:
    r"""Return a text as a cell can hold it: legal XML, within the limit; Excel's own escapes taken literally.

    Examples
    --------
    >>> cell_text("a\x00b"), cell_text("_x0041_"), len(cell_text("长" * 40_000)) <= CELL_LIMIT
    ('ab', '_x005F_x0041_', True)
    """
    text = _ESCAPED.sub("_x005F_", _ILLEGAL.sub("", str(value)))
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - len(_CUT)] + _CUT


def count_lines(text: str, width: int) -> int:
    r"""Return how many lines a text takes in a column, a Chinese letter counting two.

    Examples
    --------
    >>> count_lines("一级保护区", 10), count_lines("一级保护区", 9), count_lines("a\nb", 9), count_lines("", 9)
    (1, 2, 2, 1)
    """
    usable = max(width - _RAGGED, width * 5 / 6)
    lines = 0
    for part in text.split("\n"):
        units = 2 * len(part) - len(part.encode("ascii", "ignore"))
        lines += 1 if units <= width else ceil(units * _LOSS / usable)
    return lines


def row_height(lines: int) -> float:
    """Return the height in points of a row of so many lines."""
    return lines * LINE_HEIGHT + _PADDING


class Formats:
    """Make each cell format of a workbook once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def get(self, **wanted: Any) -> Any:
        """Return the format of these properties, on top of those every cell has."""
        key = tuple(sorted(wanted.items()))
        if key not in self._made:
            base = {
                "valign": "top", "text_wrap": True, "font_size": FONT_SIZE, "border": 1, "border_color": "#D5DBE1",
            }  # fmt: skip
            self._made[key] = self._book.add_format({**base, **wanted})
        return self._made[key]


def write_cell(
    sheet: Any,
    cell: tuple[int, int],
    value: Any,
    unit: Any,
    formats: Formats,
    look: dict[str, Any],
    column: Column,
    words: Mapping[str, Swatch | Text] | None,
    coloured: bool,
) -> str:
    """Write one value as what it is: number, date, truth, or text; a word of a list with its title and colour.

    Returns the text that may be wrapped, none for a number.
    """
    plain = plain_value(value)
    if plain is None:
        sheet.write_blank(*cell, None, formats.get(**look))
        return ""
    if words is not None and str(plain) in words:
        word = words[str(plain)]
        if coloured and not isinstance(word, Text):
            look |= {"bg_color": word.colour, "font_color": ink_on(word.colour), "bold": True}
        text = cell_text((word if isinstance(word, Text) else word.title).both())
    elif isinstance(plain, bool):
        text = "是 yes" if plain else "否 no"
    elif isinstance(plain, int | float):
        shape = "0_ " if column.serial else number_shape(plain, plain_value(unit))
        sheet.write_number(*cell, plain, formats.get(num_format=shape, text_wrap=False, shrink=True, **look))
        return ""
    elif isinstance(value, dt.date) and not pd.isna(value):
        day = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a cell's date has no zone
        shown = formats.get(num_format="yyyy-mm-dd", text_wrap=False, shrink=True, align="left", **look)
        sheet.write_datetime(*cell, day, shown)
        return ""
    else:
        text = cell_text(plain)
    sheet.write_string(*cell, text, formats.get(**look))
    return text


def number_shape(number: float, unit: object = None) -> str:
    """Return how a cell shows a number, with its unit; the number in the cell stays whole.

    Examples
    --------
    >>> number_shape(3), number_shape(0.25), number_shape(1565883.371, "m2")
    ('#,##0_ ', '0.00##_ ', '#,##0" m²"_ ')
    """
    whole = float(number).is_integer() or abs(number) >= 100_000  # noqa: PLR2004  decimals no one reads there
    shape = "#,##0" if whole else "#,##0.00" if abs(number) >= 1 else "0.00##"
    if not unit:
        return f"{shape}_ "
    printed = UNITS.get(str(unit), str(unit))
    return f'{shape}" {cell_text(printed).translate(_UNQUOTED)[:20]}"_ '


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a ground.

    Examples
    --------
    >>> ink_on("#FFFFFF"), ink_on("#8E0B1F")
    ('#000000', '#FFFFFF')
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#FFFFFF"  # noqa: PLR2004  ITU-R BT.601 luma

"""Make any text fit to be printed: one language, no control signs, places where a long word may break."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from geosys._text import Text

if TYPE_CHECKING:
    from geosys.maps.paper.sheet import Words

# Signs that turn the direction of what follows: in a name they let a sheet say other than what stands in the data.
_TURNING = dict.fromkeys(
    [0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
_BREAKS = dict.fromkeys((0x2028, 0x2029, 0x85), "\n")
_UNBROKEN = re.compile(r"[!-~\u00a1-\u1fff]{25,}")
_SOFT = "\u200b"  # a place to break that leaves no sign


def plain(words: Words, language: str = "zh", most: int = 0) -> str:
    r"""Return the text in one language, free of control signs, cut with ``…`` after `most` characters (0: whole).

    Signs that turn the direction of writing are dropped, other control signs become blanks, half surrogates ``U+FFFD``.

    Examples
    --------
    >>> plain(Text("河\u202e流", "River"))
    '河流'
    >>> plain("a\x00b", most=2)
    'a…'
    """
    text = words.in_language(language) if isinstance(words, Text) else str(words)
    text = text.translate(_TURNING).translate(_BREAKS).replace("\r\n", "\n").replace("\t", " ")
    text = "".join(sign if sign == "\n" else _printable(sign) for sign in text)
    return f"{text[: most - 1].rstrip()}…" if most and len(text) > most else text


def one_line(words: Words, language: str = "zh", most: int = 0) -> str:
    """Return the text without line breaks."""
    return plain(" ".join(plain(words, language).split()), language, most)


def breakable(words: Words, language: str = "zh") -> str:
    """Return the text with a place to break in each run of more than 24 Latin letters, so that it cannot leave its cell."""
    return _UNBROKEN.sub(lambda run: _SOFT.join(re.findall(r".{1,12}", run.group())), plain(words, language))


def _printable(sign: str) -> str:
    """Return the sign, a blank for a control sign, and the sign of what cannot be read for half a surrogate."""
    kind = unicodedata.category(sign)
    return "\ufffd" if kind == "Cs" else " " if kind == "Cc" else sign

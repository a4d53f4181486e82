"""What a template prints: texts that stay texts, figures linked to the list of their cases, and those lists.

Word keeps text in runs. A link or bookmark therefore closes the run it is printed in and opens another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What XML 1.0 cannot hold, and characters that turn or hide the text around them.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
_SPACE = re.compile(r"[\s\u2028\u2029]+")
_NAME = 200  # letters of a name in the register
_OUT, _IN = "</w:t></w:r>", '<w:r><w:t xml:space="preserve">'
_BRACES = {"{": "&#123;", "}": "&#125;", '"': "&quot;"}  # braces of data must never be read as a placeholder


def plain_text(value: object, most: int) -> str:
    r"""Return a value as one line of legal text; what is longer than `most` is cut, and says so.

    Examples
    --------
    >>> plain_text("a\x00b\nc", 9), plain_text("一二三四五六", 4)
    ('ab c', '一二三四…（共6字）')
    """
    text = _SPACE.sub(" ", _ILLEGAL.sub("", "" if value is None else str(value)))
    return text if len(text) <= most else f"{text[:most]}…（共{len(text)}字）"


@dataclass(frozen=True, slots=True)
class Words:
    """Hold one text of the data."""

    text: str

    def __html__(self) -> str:
        """Return the text as XML; its braces are no placeholders."""
        return escape(self.text, _BRACES)

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)


def as_words(value: Any, most: int) -> Any:
    """Return a value with each text in it, at any depth of dicts and lists, as `Words`."""
    if isinstance(value, str):
        return Words(plain_text(value, most))
    if isinstance(value, dict):
        return {key: as_words(item, most) for key, item in value.items()}
    return [as_words(item, most) for item in value] if isinstance(value, list) else value


def link(anchor: str, text: str) -> str:
    """Return the XML of a link to a bookmark of the same document."""
    run = f'<w:r><w:rPr><w:rStyle w:val="Hyperlink"/></w:rPr><w:t>{escape(text, _BRACES)}</w:t></w:r>'
    return f'<w:hyperlink w:anchor="{anchor}" w:history="1">{run}</w:hyperlink>'


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold a place that links go to."""

    name: str
    number: int

    def __html__(self) -> str:
        """Return the bookmark as XML."""
        start = f'<w:bookmarkStart w:id="{self.number}" w:name="{self.name}"/>'
        return f'{_OUT}{start}<w:bookmarkEnd w:id="{self.number}"/>{_IN}'


@dataclass(frozen=True, slots=True)
class Jump:
    """Hold a text that links to a bookmark; without one it is plain."""

    anchor: str
    text: str

    def __html__(self) -> str:
        """Return the linked text as XML."""
        return _OUT + link(self.anchor, self.text) + _IN if self.anchor else escape(self.text, _BRACES)


class Figure:
    """A number of cases; printing it links it to their list, and has the list printed."""

    def __init__(self, lists: Lists, title: str, ids: tuple[str, ...]) -> None:
        self._lists, self._title, self._ids = lists, title, ids

    def __html__(self) -> str:
        """Return the number, linked unless it is zero."""
        if not self._ids:
            return "0"
        return _OUT + link(self._lists.anchor(self._title, self._ids), f"{len(self._ids):,}") + _IN

    def __int__(self) -> int:
        return len(self._ids)

    def __str__(self) -> str:
        return f"{len(self._ids):,}"

    def __bool__(self) -> bool:
        return bool(self._ids)


class Lists:
    """The lists behind the figures of one document: those of figures that were printed, in that order.

    Figures of the same cases share a list. `most` bounds how many cases one list names; it says how many more there are.
    """

    def __init__(self, cases: Mapping[str, Mapping[str, Any]], most: int) -> None:
        self._cases, self._most = cases, most
        self._numbers = {case: number for number, case in enumerate(cases, 1)}
        self._titles: dict[tuple[str, ...], list[str]] = {}

    def figure(self, title: str, ids: Sequence[str]) -> Figure:
        """Return the figure that counts some cases; each of them is one of the document's."""
        missing = [case for case in ids if case not in self._cases]
        if missing:
            raise ValueError(f"figure {title}: got the cases {missing}, expected cases of this document.")
        return Figure(self, title, tuple(ids))

    def anchor(self, title: str, ids: tuple[str, ...]) -> str:
        """Return the bookmark of the list of some cases, which is printed from now on."""
        titles = self._titles.setdefault(ids, [])
        if title not in titles:
            titles.append(title)
        return f"list_{list(self._titles).index(ids) + 1}"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the lists: `mark`, `title`, `count`, `cases` (linked to the register) and `more`."""
        for number, (ids, titles) in enumerate(list(self._titles.items()), 1):
            chosen = ids[: self._most]
            yield {
                "mark": Mark(f"list_{number}", number), "title": Words("；".join(titles)), "count": len(ids),
                "cases": _Cases([(f"case_{self._numbers[case]}", case) for case in chosen]), "more": len(ids) - len(chosen),
            }  # fmt: skip

    @property
    def register(self) -> Register:
        """Return the cases that printed lists name."""
        return Register(self)

    def named(self) -> Iterator[dict[str, Any]]:
        """Yield each case that a printed list names, once, with its `mark`."""
        wanted = {case for ids in self._titles for case in ids[: self._most]}
        for case, row in self._cases.items():
            if case in wanted:
                number = self._numbers[case]
                yield as_words(row, _NAME) | {"mark": Mark(f"case_{number}", 1_000_000 + number)}


class Register:
    """The cases that the printed lists name: read when it is printed, after the figures."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._lists.named()


@dataclass(frozen=True, slots=True)
class _Cases:
    links: Sequence[tuple[str, str]]

    def __html__(self) -> str:
        between = f"{_IN}、{_OUT}"
        return _OUT + between.join(link(anchor, plain_text(case, 60)) for anchor, case in self.links) + _IN

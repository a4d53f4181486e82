"""What a file geodatabase says of its columns in its system table: aliases and the titles of coded values."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Found by plain searches in texts of bounded size, never by an XML parser: entities are not expanded, nothing nests.
_MOST_LETTERS = 4_000_000
_MOST_PARTS = 20_000
_MOST_LETTERS_OF_PART = 4_000


def aliases_in(items: Sequence[tuple[str, str]], layer: str) -> dict[str, str]:
    """Return the aliases of a layer's columns that differ from the column's name.

    Parameters
    ----------
    items
        Name and XML definition of each row of `GDB_Items`.
    """
    found = {name: _text(field, "AliasName") for name, field in _fields(items, layer)}
    return {name: alias for name, alias in found.items() if alias and alias != name}


def domains_in(items: Sequence[tuple[str, str]], layer: str) -> dict[str, dict[str, str]]:
    """Return the titles of the codes of each column that has a domain of coded values, as texts.

    Parameters
    ----------
    items
        Name and XML definition of each row of `GDB_Items`.
    """
    wanted = {name: _text(field, "DomainName") for name, field in _fields(items, layer)}
    coded = {}
    for name, definition in items:
        if name in wanted.values() and (found := list(_parts(definition, "CodedValue"))):
            coded[name] = {_text(value, "Code"): _text(value, "Name") for value in found}
    return {column: coded[domain] for column, domain in wanted.items() if domain in coded}


def told(domains: Mapping[str, Mapping[str, str]]) -> str:
    """Return in words which columns have coded domains and what their codes mean, for the provenance.

    Examples
    --------
    >>> told({"LX": {"1": "工业", "2": "农业"}})
    'coded domains: LX (1=工业, 2=农业)'
    """
    parts = [f"{c} ({', '.join(f'{k}={v}' for k, v in codes.items())})" for c, codes in domains.items()]
    return f"coded domains: {'; '.join(parts)}" if parts else ""


def _fields(items: Sequence[tuple[str, str]], layer: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the inner XML of each column of a layer."""
    for name, definition in items:
        if name == layer:
            for field in _parts(definition, "GPFieldInfoEx"):
                yield _text(field, "Name"), field


def _parts(definition: str, tag: str) -> Iterator[str]:
    """Yield what stands inside each element of a name; one that does not end is left out."""
    for piece in definition[:_MOST_LETTERS].split(f"<{tag}", _MOST_PARTS)[1:]:
        inside, end, _ = piece[:_MOST_LETTERS_OF_PART].partition(f"</{tag}>")
        if end and inside[:1] in (">", " ", "\t", "\n", "\r"):
            yield inside


def _text(xml: str, tag: str) -> str:
    found = re.search(rf"<{tag}(?:\s[^>]*)?>([^<]*)</{tag}>", xml)
    return html.unescape(found[1]).strip() if found else ""

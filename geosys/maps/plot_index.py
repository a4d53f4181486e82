"""The index of many plot sheets: one HTML page with a table that links to each sheet."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from geosys.maps.paper.words import one_line, plain
from geosys.maps.plot_page import head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys._text import Text
    from geosys.maps.paper.sheet import Words

_NUMBERS = (0, 4, 5, 6, 7, 8, 9)  # columns set to the right


class IndexRow(NamedTuple):
    """Hold one line of the index: its cells, code second, and the sheet's files beside the index."""

    cells: Sequence[Words]
    files: Sequence[str]


def index_page(
    title: Text, marks: Sequence[Text], note: Text, head: Sequence[Text], rows: Sequence[IndexRow], language: str = "zh"
) -> str:
    """Return the index as HTML text; `head` names the cells of each row, a last column holds the links."""
    files = "文件" if language == "zh" else "Files"
    titles = "".join(f'<th scope="col">{escape(h.in_language(language))}</th>' for h in head)
    body = []
    for row in rows:
        cells = [escape(plain(cell, language, 200)) for cell in row.cells]
        tds = "".join(f'<td class="number">{c}</td>' if i in _NUMBERS else f"<td>{c}</td>" for i, c in enumerate(cells))
        links = " ".join(
            f'<a href="{escape(name)}">{escape(name.rpartition(".")[2].upper())}</a>' for name in row.files
        )
        body.append(f"<tr>{tds}<td>{links}</td></tr>")
    marked = "".join(f'<span class="mark">{escape(plain(mark, language))}</span>' for mark in marks)
    return (
        f'{head_of(one_line(title, language, 90), language)}<main class="paper"><header><div><h1>{escape(plain(title, language))}</h1>'
        f'<div class="sub">{escape(plain(note, language))}</div></div>{marked}</header><div class="scroll"><table>'
        f"<thead><tr>{titles}<th>{files}</th></tr></thead><tbody>{''.join(body)}</tbody></table></div></main></body></html>\n"
    )

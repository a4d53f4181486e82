"""The agenda: its items with the slides that belong to each, one click away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls

from geosys.maps.meeting.content import Column
from geosys.maps.slides import words
from geosys.maps.slides.board import write
from geosys.maps.slides.tables import draw_table, fit_rows, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.slides.board import Board, Deck

_PLACE = "88–88、88"  # as wide as the numbers of an item's slides may be
_SIZES = (14.0, 12.0)
_NUMBERS = 4  # the column of the slides

Cells = list[tuple["Board", int, Any, float]]


def draw_agenda(deck: Deck) -> Cells:
    """Draw the items; return the board, item, cell and size where the numbers of each item's slides go."""
    columns = [
        Column("number", words.NUMBER, "number"), Column("item", words.ITEM), Column("reporter", words.REPORTER),
        Column("minutes", words.MINUTES, "number"), Column("pages", words.PAGES),
    ]  # fmt: skip
    rows = [
        [n, _item(deck, item.title, item.text), deck.say(item.reporter), item.minutes or None, _PLACE]
        for n, item in enumerate(deck.meeting.items, 1)
    ]
    board = deck.board(words.AGENDA)
    cells: Cells = []
    if not rows:
        board.text(words.EMPTY, (board.left, board.top, board.width, 60.0 * board.scale), (18.0, 14.0))
        return cells
    plan = lay_out(deck, columns, rows, board.width, _SIZES)
    lines = fit_rows(deck, plan, 2)
    while lines:
        room, count = board.bottom - board.top - 2 * lines[0].height, 0
        while count < len(lines) and sum(line.height for line in lines[: count + 1]) <= room:
            count += 1
        taken, lines = lines[: max(count, 1)], lines[max(count, 1) :]
        table = draw_table(board, plan, taken, board.left, board.top)
        for line, drawn in zip(taken, list(table.rows)[1:], strict=True):
            cells.append((board, line.number, drawn.cells[_NUMBERS], plan.size))
        if lines:
            board = deck.board(deck.continued(words.AGENDA))
    return cells


def _item(deck: Deck, title: Any, text: Any) -> str:
    about = deck.say(text)
    return deck.named(title, about) if about else deck.say(title)


def number_pages(deck: Deck, cells: Cells) -> None:
    """Write which slides belong to each item, once they are all drawn; a click leads to the first of them."""
    for board, item, cell, size in cells:
        paragraph = cell.text_frame.paragraphs[0]
        for run in list(paragraph.runs):
            run._r.getparent().remove(run._r)  # noqa: SLF001
        pages = deck.pages.get(item, [])
        run = write(paragraph, _spans(pages), size, deck, is_in_table=True)
        if pages:
            _link(board, run, deck.boards[pages[0] - 1])


def _spans(pages: Sequence[int]) -> str:
    """Return numbers of slides as people write them, the first two runs of them.

    Examples
    --------
    >>> _spans([3, 7, 8, 9]), _spans([1, 3, 5]), _spans([])
    ('3、7–9', '1、3…', '—')
    """
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    told = [f"{a}" if a == b else f"{a}–{b}" for a, b in runs]
    return ("、".join(told[:2]) + ("…" if len(told) > 2 else "")) or "—"  # noqa: PLR2004


def _link(board: Board, run: Any, target: Board) -> None:
    relation = board.slide.part.relate_to(target.slide.part, RELATIONSHIP_TYPE.SLIDE)
    link = f'<a:hlinkClick {nsdecls("a", "r")} r:id="{relation}" action="ppaction://hlinksldjump"/>'
    run._r.get_or_add_rPr().append(parse_xml(link))  # noqa: SLF001

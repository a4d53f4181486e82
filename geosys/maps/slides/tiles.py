"""Key figures as tiles: the value large, what it was at the last meeting, what it rests on in the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.slides import words

if TYPE_CHECKING:
    from geosys.maps.meeting.content import Figure
    from geosys.maps.slides.board import Board, Box, Deck

_ACROSS, _DOWN = 4, 2
_GAP = 16.0
_TALLEST = 190.0


def draw_figures(deck: Deck) -> None:
    """Draw the key figures, eight to a slide; without any there is no slide."""
    figures, most = list(deck.meeting.figures), _ACROSS * _DOWN
    for first in range(0, len(figures), most):
        shown = figures[first : first + most]
        items = {deck.item_of("figures", figure.id) for figure in shown}
        told = deck.continued(words.FIGURES) if first else words.FIGURES
        board = deck.board(told, item=items.pop() if len(items) == 1 else 0)
        across = min(len(shown), _ACROSS) if len(shown) <= _ACROSS else -(-len(shown) // _DOWN)
        gap = _GAP * board.scale
        wide = (board.width - gap * (across - 1)) / across
        high = min((board.bottom - board.top - gap) / _DOWN, _TALLEST * board.scale)
        for place, figure in enumerate(shown):
            x = board.left + place % across * (wide + gap)
            y = board.top + place // across * (high + gap)
            _tile(board, figure, (x, y, wide, high))


def _tile(board: Board, figure: Figure, box: Box) -> None:
    left, top, wide, high = box
    deck, s = board.deck, board.scale
    board.panel(box)
    inner, room = left + 8.0 * s, wide - 16.0 * s
    board.text(
        figure.title, (inner, top + 8.0 * s, room, high * 0.24), (15.0, 13.0, 11.0), bold=True, told=words.IN_NOTES
    )
    value, unit = deck.say(figure.value), deck.say(figure.unit)
    told = f"{value} {unit}".strip()
    sizes = (36.0, 30.0, 24.0, 20.0, 16.0, 12.0)
    board.text(told, (inner, top + high * 0.32, room, high * 0.34), sizes, bold=True, told=words.IN_NOTES)
    below = _compared(deck, figure)
    if below:
        board.text(
            below,
            (inner, top + high * 0.7, room, high * 0.26),
            (13.0, 11.0, 10.0),
            told=words.IN_NOTES,
            is_one_line=False,
        )
    board.note(figure.title, told)
    board.note("", below.replace("\n", "　"))
    board.note(words.TOLD, figure.told)


def _compared(deck: Deck, figure: Figure) -> str:
    """Return what the figure was and what became of it; worse or better is said in words, not by a colour."""
    before, change = deck.say(figure.before), deck.say(figure.change)
    lines = [f"{deck.say(words.BEFORE)} {before}"] if before else []
    if change:
        judged = "" if figure.is_worse is None else deck.say(words.WORSE if figure.is_worse else words.BETTER)
        lines.append(f"{deck.say(words.CHANGE)} {change}" + (deck.aside(judged) if judged else ""))
    return "\n".join(lines)

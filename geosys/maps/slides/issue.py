"""The slide of one issue: its map and photos, what is wrong by which clause, its facts, its history, what comes next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geosys.maps.meeting.content import Column
from geosys.maps.slides import words
from geosys.maps.slides.letters import LEAD
from geosys.maps.slides.tables import draw_table, fit_rows, lay_out

if TYPE_CHECKING:
    from geosys.maps.meeting.content import Issue
    from geosys.maps.slides.board import Board, Box, Deck
    from geosys.maps.slides.tables import Plan, Row

_SIDE = 0.39  # of the width, for pictures and history
_GAP = 14.0
_NEXT = 46.0
_MOST_PHOTOS, _PHOTO, _CAPTION = 2, 100.0, 18.0  # how many, how high with their caption
_MOST_STEPS = 4
_NAMES = 0.3  # of the width of the facts at most, for their names
_GREY = "#5A626C"


def draw_issue(deck: Deck, issue: Issue, *, item: int = 0) -> None:
    """Draw an issue on one slide; what has no room there stands whole in the notes."""
    title = f"{deck.say(issue.id)}　{deck.say(issue.title)}"
    board = deck.board(title, item=item)
    gap = _GAP * board.scale
    board.note("", title)
    bottom = board.bottom
    if deck.say(issue.next_step):
        bottom -= _NEXT * board.scale + gap / 2
        _next_step(board, issue, bottom + gap / 2)
    has_side = bool(issue.picture or issue.photos or issue.history)
    side = board.width * _SIDE if has_side else 0.0
    if has_side:
        _side(board, issue, (board.left, board.top, side, bottom - board.top))
    left = board.left + side + (gap if has_side else 0.0)
    _matter(board, issue, (left, board.top, board.right - left, bottom - board.top))
    _notes(board, issue)


def _next_step(board: Board, issue: Issue, top: float) -> None:
    high = _NEXT * board.scale
    board.panel((board.left, top, board.width, high), is_strong=True)
    board.text(
        words.NEXT,
        (board.left + 4.0, top + 4.0 * board.scale, 84.0 * board.scale, high - 8.0),
        (14.0, 12.0),
        bold=True,
        is_middle=True,
    )
    at = board.left + 88.0 * board.scale
    box = (at, top + 3.0 * board.scale, board.right - at - 4.0, high - 4.0)
    board.text(issue.next_step, box, (15.0, 13.0, 11.5), told=words.IN_NOTES, is_middle=True)


def _side(board: Board, issue: Issue, box: Box) -> None:
    """Draw the map, the photos and the newest steps of the history, one below the other: the map has what they leave."""
    left, top, wide, high = box
    gap, end = 8.0 * board.scale, top + high
    rows, plan = _steps(board.deck, issue, wide)
    steps = sum(row.height for row in rows) + plan.size * LEAD + 5.0 * board.scale if rows else 0.0
    photos = [photo for photo in issue.photos[:_MOST_PHOTOS] if photo[0]]
    strip = _PHOTO * board.scale if photos else 0.0
    if issue.picture:
        room = max(high - steps - strip - gap * (bool(rows) + bool(photos)), high * 0.3)
        placed = board.picture(issue.picture, (left, top, wide, room), board.deck.say(issue.title))
        if placed is None:
            board.text(words.UNREADABLE, (left, top, wide, 24.0 * board.scale), (12.0, 10.0), quiet=True)
        top += (placed[3] if placed else 24.0 * board.scale) + gap
    if photos:
        strip = strip if issue.picture else max(end - top - steps - gap, strip)
        top = _photos(board, photos, (left, top, wide, strip - _CAPTION * board.scale)) + gap
    while rows and top + steps > end + 0.5:
        steps -= rows[0].height
        rows = rows[1:]
    if rows:
        draw_table(board, plan, rows, left, top)


def _steps(deck: Deck, issue: Issue, wide: float) -> tuple[list[Row], Plan]:
    """Return the newest steps of the history, the newest last, as a table."""
    columns = [Column("on", words.HISTORY), Column("state", words.STATUS), Column("note", words.NOTE)]
    told = [[on, state, note] for on, state, note in issue.history]
    plan = lay_out(deck, columns, told, wide, (11.0, 10.0))
    return fit_rows(deck, plan, 2, words.IN_NOTES)[-_MOST_STEPS:], plan


def _photos(board: Board, photos: list[tuple[bytes, str]], box: Box) -> float:
    left, top, wide, high = box
    each, line = (wide - 8.0) / _MOST_PHOTOS, _CAPTION * board.scale
    bottom = top
    for place, (data, caption) in enumerate(photos):
        x = left + place * (each + 8.0)
        told = board.deck.named(words.PHOTO, board.deck.say(caption))
        placed = board.picture(data, (x, top, each, high), told)
        foot = top + (placed[3] if placed else 0.0)
        text = caption if placed else board.deck.named(words.UNREADABLE, board.deck.say(caption))
        board.text(text, (x, foot, each, line), (10.0, 9.0), align="centre", quiet=True, told="…")
        bottom = max(bottom, foot + line)
    return bottom


def _matter(board: Board, issue: Issue, box: Box) -> None:
    """Draw severity, state, sentence, facts and clause, one below the other."""
    left, top, wide, high = box
    deck, s, end = board.deck, board.scale, top + high
    at = left
    for word, looks in ((issue.severity, deck.palettes.severities), (issue.status, deck.palettes.statuses)):
        swatch = looks.get(word)
        if word:
            at = board.chip(swatch.title if swatch else word, at, top, swatch.colour if swatch else _GREY) + 8.0 * s
    top += 28.0 * s
    sentence = deck.say(issue.sentence)
    room = min(board.lines_high(sentence, wide, 16.0), 88.0 * s)
    if sentence:
        board.text(sentence, (left, top, wide, room), (16.0, 14.0, 12.0), bold=True, told=words.IN_NOTES)
        top += room + 4.0 * s
    clause = deck.say(issue.clause)
    below = min(board.lines_high(deck.named(words.CLAUSE, clause), wide, 11.5), 48.0 * s) if clause else 0.0
    top += _facts(board, issue, (left, top, wide, end - top - below - 6.0 * s))
    if clause:
        told = deck.named(words.CLAUSE, clause)
        board.text(told, (left, top + 4.0 * s, wide, below), (11.5, 10.5), told=words.IN_NOTES)


def _facts(board: Board, issue: Issue, box: Box) -> float:
    """Draw the facts that have room as a native table; say how many more there are. Return its height."""
    left, top, wide, high = box
    deck = board.deck
    if not issue.facts:
        return 0.0
    columns = [Column("title", ""), Column("value", "")]  # type: ignore[arg-type]
    facts = [[deck.say(title), deck.say(value)] for title, value in issue.facts]
    plan = lay_out(deck, columns, facts, wide, (12.0, 11.0))
    first = min(plan.widths[0], wide * _NAMES)
    plan = replace(plan, widths=[first, wide - first])
    rows = fit_rows(deck, plan, 2, words.IN_NOTES)
    if sum(row.height for row in rows) > high:
        line = plan.size * LEAD + 5.0 * board.scale
        count = len(rows)
        while count and sum(row.height for row in rows[:count]) + line > high:
            count -= 1
        more = deck.say(words.more_in_notes(len(rows) - count))
        plan = replace(plan, rows=[*facts[:count], ["…", more]])
        rows = fit_rows(deck, plan, 2, words.IN_NOTES)
    draw_table(board, plan, rows, left, top, has_head=False)
    return sum(row.height for row in rows)


def _notes(board: Board, issue: Issue) -> None:
    """Write all that an issue holds into the notes, whole."""
    deck = board.deck
    board.note(words.SENTENCE, issue.sentence)
    board.note(words.CLAUSE, issue.clause)
    board.note(words.NEXT, issue.next_step)
    for title, value in issue.facts:
        board.note(title, value)
    for on, state, note in issue.history:
        board.note(on.isoformat(), f"{deck.say(state)}　{deck.say(note)}".strip())
    for _, caption in issue.photos:
        board.note(words.PHOTO, caption)
    if issue.place:
        board.note(words.ON_MAP, issue.place)

"""Draw the deck of a meeting, in the order it is held: title, agenda, figures, changes, charts, issues, tables, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._text import Text
from geosys.maps.meeting.content import Column, Listing
from geosys.maps.paper.fonts import find_fonts
from geosys.maps.slides import words
from geosys.maps.slides.agenda import draw_agenda, number_pages
from geosys.maps.slides.base import open_base
from geosys.maps.slides.board import Deck
from geosys.maps.slides.drawing import draw_chart_slides
from geosys.maps.slides.issue import draw_issue
from geosys.maps.slides.letters import Ruler
from geosys.maps.slides.package import save
from geosys.maps.slides.tables import draw_listing
from geosys.maps.slides.tiles import draw_figures

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.meeting.content import Meeting
    from geosys.maps.palettes import Palettes

LANGUAGES = ("zh", "en")


def write_slides(
    path: Path, meeting: Meeting, palettes: Palettes, template: Path | None = None, language: str = "zh"
) -> None:
    """Write the slides of a meeting; equal contents give equal bytes.

    Parameters
    ----------
    path : the ``.pptx`` file; it appears whole, or not at all.
    meeting : what is shown. Charts and tables are native and can be edited; what is cut stands whole in the notes.
    palettes : titles and colours of severities and states.
    template : an office's own ``.pptx``: its master and layouts are used (``仅标题`` or ``Title Only``, else the blank one).
    language : ``zh`` or ``en``.

    Raises
    ------
    SpecError
        For another language, a template that cannot be used, and a chart that would be drawn wrong.
    WorkspaceError
        When the file cannot be written, or the fonts that texts are measured with are not there.
    """
    if language not in LANGUAGES:
        raise SpecError(f"slides: got the language {language!r}, expected one of {', '.join(LANGUAGES)}.")
    base = open_base(template)
    deck = Deck(base, meeting, palettes, Ruler(find_fonts()), language)
    _draw_title(deck)
    cells = draw_agenda(deck)
    draw_figures(deck)
    _draw_changes(deck)
    for key, chart in meeting.charts:
        draw_chart_slides(deck, chart, item=deck.item_of("charts", key))
    for issue in meeting.issues:
        draw_issue(deck, issue, item=deck.item_of("issues", issue.id))
    for listing in meeting.listings:
        draw_listing(deck, listing, item=deck.item_of("listings", listing.id))
    _draw_sheets(deck)
    _draw_sources(deck)
    number_pages(deck, cells)
    save(path, base.presentation, deck)


def _draw_title(deck: Deck) -> None:
    meeting, say = deck.meeting, deck.say
    board = deck.board(meeting.title, is_title=True)
    lines = [say(meeting.place), f"{say(words.DAY)}　{meeting.day.isoformat()}"]
    if meeting.since is not None:
        lines[1] += f"　　{say(words.SINCE)}　{meeting.since.isoformat()}"
    marks = "　".join(
        f"【{text}】" for text in (say(meeting.mark) if meeting.mark else "", say(meeting.notice)) if text
    )
    told = "\n".join(line for line in (*(line[:200] for line in lines), marks[:120]) if line)
    sizes = (22.0, 18.0, 15.0, 12.0)
    if board.subtitle is not None:
        board.fill(board.subtitle, told, sizes)
    else:
        high = min(150.0 * board.scale, board.bottom - board.top)
        board.text(told, (board.left, board.top, board.width, high), sizes, is_one_line=False)
    board.note("", meeting.title)
    board.note(words.PROGRAM, meeting.program)
    board.note(words.RULES, meeting.rules_version)


def _draw_changes(deck: Deck) -> None:
    changes = deck.meeting.changes
    empty = words.FIRST if deck.meeting.since is None else words.UNCHANGED
    draw_listing(deck, changes, item=deck.item_of("listings", changes.id), empty=empty)


def _draw_sheets(deck: Deck) -> None:
    sheets = deck.meeting.sheets
    if sheets:
        columns = [
            Column("title", words.SHEET_TITLE),
            Column("file", words.FILE),
            Column("pages", words.SHEET_PAGES, "number"),
        ]
        rows = [[sheet.title, sheet.file, sheet.pages] for sheet in sheets]
        draw_listing(deck, Listing("", words.SHEETS, columns, rows, len(rows)))


def _draw_sources(deck: Deck) -> None:
    """Draw the versions of the layers, and last of all what is lacking."""
    meeting, say = deck.meeting, deck.say
    columns = [
        Column("layer", words.LAYER),
        Column("version", words.VERSION),
        Column("delivered", words.DELIVERED),
        Column("rows", words.ROWS, "number"),
    ]
    rows = [[layer.title, layer.version, layer.delivered, layer.rows] for layer in meeting.layers]
    told = f"{deck.named(words.PROGRAM, say(meeting.program))}　{deck.named(words.RULES, say(meeting.rules_version))}"
    draw_listing(deck, Listing("", words.SOURCES, columns, rows, len(rows), Text(told, told)))
    lacking = [[number, text] for number, text in enumerate(meeting.lacking, 1)]
    about = [Column("number", words.NUMBER, "number"), Column("text", words.MATTER)]
    draw_listing(deck, Listing("", words.LACKING, about, lacking, len(lacking)), empty=words.COMPLETE)

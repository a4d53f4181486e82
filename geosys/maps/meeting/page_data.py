"""Turn a meeting into the data its page reads, and refuse one whose parts do not fit together."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults, nearest
from geosys._text import Text
from geosys.maps.meeting.page_charts import chart_table
from geosys.maps.pack import plain_value
from geosys.maps.paper.words import plain

if TYPE_CHECKING:
    from geosys.maps.meeting.content import Figure, Issue, Item, Listing, Meeting
    from geosys.maps.palettes import Palettes

KINDS = ("text", "number", "date", "word")
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def meeting_data(meeting: Meeting, palettes: Palettes | None) -> dict[str, Any]:
    """Return a meeting as JSON can hold it: a text of two languages is a pair, a picture a data address.

    Signs that turn the direction of writing are dropped from every text and control signs become blanks, as on paper.
    """
    return {
        "title": words(meeting.title), "place": words(meeting.place), "day": meeting.day.isoformat(),
        "since": meeting.since.isoformat() if meeting.since else None, "mark": words(meeting.mark) if meeting.mark else None,
        "notice": words(meeting.notice), "program": words(meeting.program), "rules": words(meeting.rules_version),
        "items": [_item(item) for item in meeting.items], "figures": [_figure(figure) for figure in meeting.figures],
        "changes": table(meeting.changes), "listings": [table(listing) for listing in meeting.listings],
        "charts": [{"id": name, "title": words(chart.title), "table": table(chart_table(name, chart))} for name, chart in meeting.charts],
        "issues": [_issue(issue) for issue in meeting.issues],
        "sheets": [{"title": words(sheet.title), "file": sheet.file, "pages": sheet.pages} for sheet in meeting.sheets],
        "layers": [
            {"title": words(p.title), "version": words(p.version), "delivered": words(p.delivered), "rows": p.rows} for p in meeting.layers
        ],
        "lacking": [words(text) for text in meeting.lacking],
        "words": {
            name: {word: {"title": words(swatch.title), "colour": swatch.colour} for word, swatch in getattr(palettes, name).items()}
            if palettes
            else {}
            for name in ("severities", "statuses")
        },
    }  # fmt: skip


def words(text: object) -> list[str] | str:
    r"""Return a text as the page holds it: a pair where it has two languages; nothing in it turns what stands around it.

    Examples
    --------
    >>> words(Text("河\u202e流", "River")), words("a\x00b")
    (['河流', 'River'], 'a b')
    """
    if isinstance(text, Text):
        return [_plain(text.zh), _plain(text.en)]
    return _plain(str(text))


def table(listing: Listing) -> dict[str, Any]:
    """Return a table as the page holds it."""
    return {
        "id": listing.id, "title": words(listing.title), "note": words(listing.note), "total": listing.total,
        "columns": [{"id": c.id, "title": words(c.title), "kind": c.kind, "unit": words(c.unit)} for c in listing.columns],
        "rows": [[cell(value) for value in row] for row in listing.rows],
    }  # fmt: skip


def cell(value: object) -> object:
    """Return one cell: a number, a truth, a text, a pair, or None where there is none."""
    if isinstance(value, Text):
        return words(value)
    known = plain_value(value)
    return _plain(known) if isinstance(known, str) else known


def check_meeting(meeting: Meeting) -> None:
    """Raise when parts of a meeting do not fit together.

    Raises
    ------
    SpecError
        With every fault: ids given twice, an item that names what is not there, rows of another length than the columns,
        a kind of column or of picture that the page does not know.
    """
    faults = Faults()
    known = {
        "figures": [f.id for f in meeting.figures], "charts": [name for name, _ in meeting.charts],
        "listings": [t.id for t in (meeting.changes, *meeting.listings)], "issues": [i.id for i in meeting.issues],
        "sheets": [s.file for s in meeting.sheets],
    }  # fmt: skip
    for name, ids in known.items():
        for twice in [word for word, count in Counter(ids).items() if count > 1]:
            faults.add(f"meeting, {name}", twice, "each id once")
        for number, item in enumerate(meeting.items, 1):
            for word in getattr(item, name):
                if word not in ids:
                    faults.add(
                        f"meeting, item {number}, {name}",
                        word,
                        f"one of {', '.join(ids) or 'none'}",
                        nearest(word, ids),
                    )
    for listing in (meeting.changes, *meeting.listings):
        _check_table(listing, faults)
    for issue in meeting.issues:
        for place, data in enumerate([issue.picture, *(photo for photo, _ in issue.photos)]):
            if (data or place) and not _media(data):
                faults.add(f"meeting, issue {issue.id}, picture {place}", data[:8], "a PNG or JPEG picture")
    faults.raise_if_any()


def _check_table(listing: Listing, faults: Faults) -> None:
    where = f"meeting, table {listing.id}"
    for column in listing.columns:
        faults.one_of(f"{where}, column {column.id}", column.kind, KINDS, "kind of column")
    ragged = [number for number, row in enumerate(listing.rows, 1) if len(row) != len(listing.columns)]
    if ragged:
        faults.add(where, f"rows {ragged[:5]} of another length", f"{len(listing.columns)} cells in each row")
    if listing.total < len(listing.rows):
        faults.add(where, f"a total of {listing.total}", f"at least its {len(listing.rows)} rows")


def _plain(text: str) -> str:
    # most cells are short and harmless: tables of thousands of rows are not read letter by letter
    return text if text.isascii() and text.isprintable() else plain(text)


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "id": figure.id, "title": words(figure.title), "value": words(figure.value), "unit": words(figure.unit),
        "before": words(figure.before), "change": words(figure.change), "told": words(figure.told), "worse": figure.is_worse,
    }  # fmt: skip


def _item(item: Item) -> dict[str, Any]:
    return {
        "title": words(item.title), "text": words(item.text), "minutes": item.minutes, "reporter": words(item.reporter),
        **{name: list(getattr(item, name)) for name in ("figures", "charts", "listings", "issues", "sheets")},
    }  # fmt: skip


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.id, "title": words(issue.title), "severity": issue.severity, "status": issue.status,
        "facts": [[words(name), words(value)] for name, value in issue.facts], "sentence": words(issue.sentence),
        "clause": words(issue.clause), "history": [[day.isoformat(), words(state), words(note)] for day, state, note in issue.history],
        "next": words(issue.next_step), "picture": _picture(issue.picture), "place": issue.place if issue.place.startswith("#") else "",
        "photos": [[_picture(data), words(caption)] for data, caption in issue.photos],
    }  # fmt: skip


def _media(data: bytes) -> str:
    return next((media for start, media in _PICTURES.items() if data.startswith(start)), "")


def _picture(data: bytes) -> str:
    """Return a picture as a data address, empty for none."""
    return f"data:{_media(data)};base64,{base64.b64encode(data).decode()}" if data else ""

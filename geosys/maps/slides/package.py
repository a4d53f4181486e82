"""Turn a presentation into a file: what it says about itself, and bytes that depend on nothing but what it holds."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import TYPE_CHECKING, Any

from geosys.maps.paper.press import put

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.slides.board import Deck

_FIRST = (1980, 1, 1, 0, 0, 0)
_LONGEST = 255  # letters of a property


def save(path: Path, presentation: Any, deck: Deck) -> None:
    """Write a presentation whole or not at all.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    _describe(presentation, deck)
    stream = io.BytesIO()
    presentation.save(stream)
    put({path: _fixed(stream.getvalue())})


def _describe(presentation: Any, deck: Deck) -> None:
    """Set what the file says about itself; nothing of the machine, the person or an office's older deck."""
    told, meeting = presentation.core_properties, deck.meeting
    day = dt.datetime.combine(meeting.day, dt.time(), tzinfo=dt.UTC).replace(tzinfo=None)
    told.title, told.subject = deck.say(meeting.title)[:_LONGEST], deck.say(meeting.place)[:_LONGEST]
    told.author = told.last_modified_by = deck.say(meeting.program)[:_LONGEST]
    told.comments = deck.say(meeting.mark)[:_LONGEST] if meeting.mark else ""
    told.keywords = told.category = told.content_status = told.identifier = told.version = ""
    told.created = told.modified = told.last_printed = day
    told.revision, told.language = 1, "en-US" if deck.language == "en" else "zh-CN"


def _fixed(content: bytes) -> bytes:
    """Return a package with the dates of its entries fixed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            fixed = zipfile.ZipInfo(entry.filename, _FIRST)
            fixed.compress_type, fixed.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(fixed, old.read(entry))
    return stream.getvalue()

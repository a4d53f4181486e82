"""What the pack of a meeting holds, in words and values: one content for the page, the slides and the brief."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from geosys._text import Text
    from geosys.maps.charts_values import Chart
    from geosys.maps.frames import Provenance


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one key figure.

    Parameters
    ----------
    value : as it is printed, with its bounds where it has some, as in ``61.5 %`` or ``12``.
    before : the value at the last meeting, as it is printed; empty: there is none.
    change : what became of it, as in ``+3``; empty: not comparable.
    told : how many records it rests on, how many are missing, which formula or rule: its provenance.
    is_worse : whether the change is to the worse; None: neither.
    """

    id: str
    title: Text
    value: str
    unit: Text | str = ""
    before: str = ""
    change: str = ""
    told: Text | str = ""
    is_worse: bool | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one column of a table; `kind` is ``text``, ``number``, ``date`` or ``word`` (few values: filtered by choosing)."""

    id: str
    title: Text
    kind: str = "text"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold a table that sorts and filters: its columns and rows of cells; `total` is how many rows there are in all."""

    id: str
    title: Text
    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    total: int
    note: Text | str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """Hold one matter of the agenda: a case with its finding.

    Parameters
    ----------
    facts : title and value, in order: rule, subject, object, measure with unit, threshold, margin, office, due day …
    sentence, clause : what is wrong, and by which clause with its certainty.
    history : day, state and note, the first first.
    next_step : what is to be decided or done, by whom, by when.
    picture : a PNG of the map around it; empty: it has no place.
    photos : PNG or JPEG and caption; only what may be handed out.
    place : permalink fragment of the map page, as ``#…``; empty: none.
    """

    id: str
    title: Text | str
    severity: str
    status: str
    facts: Sequence[tuple[Text, Text | str]]
    sentence: Text
    clause: Text | str
    history: Sequence[tuple[date, Text | str, str]] = ()
    next_step: Text | str = ""
    picture: bytes = b""
    photos: Sequence[tuple[bytes, str]] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class SheetFile:
    """Hold one sheet of the pack: its title, file below the pack's folder, and pages."""

    title: Text
    file: str
    pages: int


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one item of the agenda with what belongs to it; the ids name figures, charts, listings, issues and sheets (by file)."""

    title: Text
    text: Text | str = ""
    minutes: int = 0
    reporter: Text | str = ""
    figures: Sequence[str] = ()
    charts: Sequence[str] = ()
    listings: Sequence[str] = ()
    issues: Sequence[str] = ()
    sheets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Meeting:
    """Hold all that the pack of a meeting shows.

    `since` is the day of the last meeting (None: the first one); `changes` is the table of what changed since; `lacking` says
    what could not be computed or was left out, and why: it is printed, never dropped.
    """

    title: Text
    place: Text
    day: date
    since: date | None
    mark: Text | None
    notice: Text
    program: str
    rules_version: str
    items: Sequence[Item]
    figures: Sequence[Figure]
    changes: Listing
    charts: Sequence[tuple[str, Chart]]
    listings: Sequence[Listing]
    issues: Sequence[Issue]
    sheets: Sequence[SheetFile]
    layers: Sequence[Provenance]
    lacking: Sequence[Text] = field(default=())

"""The history of each finding: the steps of its case from the ledger's events, also through cases merged and split.

The state of a step is the one that the case had on the evening of its day, as a replay of the events up to it gives it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from geosys.map_feed.notes import note_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import pandas as pd

    from geosys._text import Text
    from geosys.map_feed.notes import Words

    Step = tuple[dt.date, str, Text]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Hold one event of a case: its number and day, the case's state after it, and whether it says that state."""

    sequence: int
    on: dt.date
    state: str | None
    decides: bool
    event: Mapping[str, Any]
    rule: str
    layer: str


@dataclass(slots=True)
class _Book:
    """Hold the events by case, and for a finding and case from which case it came there by which event."""

    cases: dict[str, list[_Entry]] = field(default_factory=lambda: defaultdict(list))
    came: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))


def histories(events: pd.DataFrame, links: Mapping[str, str], words: Words) -> dict[str, list[Step]]:
    """Return the steps of each finding's case: day, state as the map draws it, and note, from the first to the last.

    Parameters
    ----------
    events
        All events, as `ledger.events.read_events` returns them.
    links
        The case that each finding belongs to now.
    """
    book = _book_of(events)
    plain: dict[str, list[Step]] = {}
    found = {}
    for finding, case in links.items():
        if (finding, case) in book.came:
            found[finding] = _steps(_entries(book, finding, case), words)
            continue
        if case not in plain:
            plain[case] = _steps(book.cases.get(case, []), words)
        found[finding] = plain[case]
    return found


def _book_of(events: pd.DataFrame) -> _Book:
    book = _Book()
    now: dict[str, tuple[str | None, str, str]] = {}
    for event in events.sort_values("sequence").to_dict("records"):
        case, number, changes, source = event["case_id"], int(event["sequence"]), event["changes"], event["source"]
        state, rule, layer = now.get(case, (None, "", ""))
        state = changes["status"][1] if "status" in changes else state
        rule, layer = (changes[n][1] if n in changes else v for n, v in (("rule", rule), ("subject_layer", layer)))
        now[case] = state, rule, layer
        book.cases[case].append(_Entry(number, event["happened_on"], state, "status" in changes, event, rule, layer))
        heir = changes.get("merged_into", (None, None))[1]
        if event["kind"] == "merge" and heir:
            for finding in source.get("findings", ()):
                book.came[finding, heir].append((number, case))
        if event["kind"] == "split" and "from" in source:
            for finding in source.get("findings", ()):
                book.came[finding, case].append((number, source["from"]))
    return book


def _entries(book: _Book, finding: str, case: str, until: float = float("inf")) -> list[_Entry]:
    """Return the events of a finding's case up to one of them; before it came to this case, those of the case it was in."""
    own = [entry for entry in book.cases.get(case, ()) if entry.sequence <= until]
    came = [pair for pair in book.came.get((finding, case), ()) if pair[0] <= until]
    if not came:
        return own
    number, origin = max(came)
    before = _entries(book, finding, origin, number)  # the event that brought it here stands on one of the two cases
    after = [entry for entry in own if entry.sequence >= number]
    return [*before, *(replace(entry, decides=True) for entry in after[:1]), *after[1:]]


def _steps(entries: list[_Entry], words: Words) -> list[Step]:
    """Return steps by day: of what was told up to an evening, the last that says the state decides it."""
    steps: list[Step] = []
    last, state = -1, None
    for entry in sorted(entries, key=lambda entry: (entry.on, entry.sequence)):
        if entry.decides and entry.sequence > last:
            last, state = entry.sequence, entry.state
        steps.append((entry.on, words.shown(state), note_of(entry.event, entry.rule, entry.layer, words)))
    return steps

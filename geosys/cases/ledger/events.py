"""Events: what happened to cases, by whom and why; appended only, chained by hashes, and enough to rebuild every case.

A case is the sum of its events. What machines saw and what people decided are different fields; on each side time only goes
forward, so that the cases of any past day are the sum of the events up to it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.summing import MACHINE, blank, replayed, sides_of, summed, typed
from geosys.cases.ledger.tables import CASES, CHAIN, DATES, EVENTS, FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

START = "0" * 64
KINDS = (
    "found", "seen", "changed", "move", "edit", "extend", "evidence", "decision", "merge", "split", "import", "taken_over",
)  # fmt: skip
BATCH = 500  # ids asked for at once: PostgreSQL and SQLite bound how many values a statement has
_SHEET = [c.name for c in CASES.columns]
_SAID = [c.name for c in EVENTS.columns if c.name != "hash"]
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DATES = frozenset(DATES)
_NEEDED = [name for name in FIELDS if not CASES.c[name].nullable]
__all__ = [
    "BATCH", "KINDS", "MACHINE", "START", "Break", "Event", "append", "append_all", "cases_as_of", "hash_of", "read_cases", "read_events",
    "replayed", "verify",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Hold one thing that happened to one case.

    `changes` maps a field of `tables.FIELDS` to what it was and what it became (dates as dates); `move` names the move of
    the workflow; `source` says where it was read (`file`, `row`, `cell`) when it came from a sheet; `recorded_at` is the
    time of recording as ISO text, given by the caller.
    """

    case_id: str
    kind: str
    happened_on: dt.date
    actor: str
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    move: str = ""
    reason: str = ""
    evidence: str = ""
    second_person: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    recorded_at: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """Hold one place where the ledger is not what its events say: the event's number (0: none), the case, and what is wrong."""

    sequence: int
    case_id: str
    what: Text


def append(connection: sa.Connection, event: Event, expected_version: int | None = None) -> None:
    """Append one event; see `append_all`."""
    append_all(connection, [event], {} if expected_version is None else {event.case_id: expected_version})


def append_all(connection: sa.Connection, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> None:
    """Append events in their order, and bring the cases to what they then are.

    Parameters
    ----------
    connection
        In a transaction of writing: with any error nothing of it may be kept.
    events
        What happened. The first event of a case has kind `found`, `import` or `split` and gives its fields.
    expected
        For each case named, the version that the writer has seen; another one is a conflict.

    Raises
    ------
    ConflictError
        When a case has been changed since: the message names who changed what and when.
    WorkspaceError
        When an event is about a case that is not there, or is dated before the last one of its side.
    SpecError
        When an event has an unknown kind or field, a value that is not what the field holds, lacks a field that every case
        has, or a machine would change what only people may.
    """
    if not events:
        return
    head = connection.execute(sa.select(CHAIN).with_for_update()).mappings().first()
    sequence, last = (head["sequence"], head["hash"]) if head else (0, START)
    touched = {event.case_id for event in events}
    there = _cases_by_id(connection, touched | set(expected or ()))
    for case_id, version in (expected or {}).items():
        _check_seen(connection, there.get(case_id), case_id, version)
    before = {key: row for key, row in there.items() if key in touched}
    cases = {key: dict(row) for key, row in before.items()}
    rows = []
    for event in events:
        cases[event.case_id] = _applied(cases.get(event.case_id), event)
        row = _row(event, sequence + 1, last)
        sequence, last = row["sequence"], row["hash"]
        rows.append(row)
    connection.execute(sa.insert(EVENTS), rows)
    new = [row for key, row in cases.items() if key not in before]
    if new:
        connection.execute(sa.insert(CASES), new)
    old = [{f"_{name}" if name == "case_id" else name: value for name, value in cases[key].items()} for key in before]
    if old:
        connection.execute(sa.update(CASES).where(CASES.c.case_id == sa.bindparam("_case_id")), old)
    values = {"sequence": sequence, "hash": last}
    connection.execute(sa.update(CHAIN).values(values) if head else sa.insert(CHAIN).values(id=1, **values))


def _cases_by_id(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
    ids = sorted(wanted)
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), BATCH):
        chosen = sa.select(CASES).where(CASES.c.case_id.in_(ids[start : start + BATCH]))
        found |= {row["case_id"]: dict(row) for row in connection.execute(chosen).mappings()}
    return found


def _check_seen(connection: sa.Connection, case: Mapping[str, Any] | None, case_id: str, version: int) -> None:
    if case is None:
        raise WorkspaceError(f"case: got '{case_id}', expected a case of this ledger. See 'geosys cases list'.")
    if case["version"] == version:
        return
    chosen = sa.select(EVENTS).where(EVENTS.c.case_id == case_id).order_by(EVENTS.c.sequence).offset(version)
    told = [
        f"{row['actor']} {row['happened_on']} {row['kind']}: {', '.join(_loaded(row['changes'])) or '-'}"
        for row in connection.execute(chosen).mappings()
    ]
    raise ConflictError(
        f"case {case_id}: got a change to version {version}, expected one to version {case['version']}. "
        f"Meanwhile: {'; '.join(told)}. Look at it with 'geosys cases show {case_id}' and try again."
    )


def _applied(case: Mapping[str, Any] | None, event: Event) -> dict[str, Any]:
    """Return a case after an event."""
    _check_event(event)
    sides = sides_of(event.changes)
    if case is None:
        if event.kind not in ("found", "import", "split"):
            raise WorkspaceError(
                f"case: got '{event.case_id}', expected a case of this ledger. See 'geosys cases list'."
            )
        case = blank(event.case_id)
        _check_first(event)
    elif event.actor == MACHINE and "human_on" in sides and event.kind != "taken_over":
        raise SpecError(
            f"event {event.kind}: got {sorted(event.changes)} by a machine, expected people to decide them."
        )
    after = dict(case)
    for name, (was, is_now) in event.changes.items():
        if case[name] != was:
            raise ConflictError(
                f"case {event.case_id}: got {name} '{was}' to be changed, expected '{case[name]}', which it is now. Look at the case again."
            )
        _check_value(event, name, is_now)
        after[name] = is_now
    for side in sides or sides_of((), event.actor):
        if case[side] is not None and event.happened_on < case[side]:
            raise WorkspaceError(
                f"case {event.case_id}: got an event of {event.happened_on}, expected {case[side]} or later. "
                "What was decided later cannot be preceded now: date it today and write the earlier day into the reason."
            )
        after[side] = event.happened_on
    after["version"] = case["version"] + 1
    return after


def _check_event(event: Event) -> None:
    if event.kind not in KINDS:
        raise SpecError(f"event: got kind '{event.kind}', expected one of {', '.join(KINDS)}.")
    if isinstance(event.happened_on, dt.datetime):
        raise SpecError(f"event {event.kind}: got a time, {event.happened_on}, expected a date.")
    unknown = set(event.changes) - set(FIELDS)
    if unknown:
        raise SpecError(f"event: got the fields {sorted(unknown)}, expected fields of a case: {', '.join(FIELDS)}.")


def _check_first(event: Event) -> None:
    lacking = [name for name in _NEEDED if event.changes.get(name, (None, None))[1] is None]
    if lacking:
        raise SpecError(f"event {event.kind}: got a case without {', '.join(lacking)}, expected all that a case has.")


def _check_value(event: Event, name: str, value: Any) -> None:
    """Refuse what a field does not hold: it would be kept as something else, and the case not be the sum of its events."""
    if value is None:
        fits, expected = name not in _NEEDED, "a value: every case has one"
    elif name in DATES:
        fits, expected = isinstance(value, dt.date) and not isinstance(value, dt.datetime), "a date without a time"
    else:
        fits, expected = isinstance(value, str) and _is_plain(value), "text that every database can keep"
    if not fits:
        raise SpecError(
            f"event {event.kind}: got {name} {value!r} of type {type(value).__name__}, expected {expected}."
        )


def _is_plain(text: str) -> bool:
    """Say whether PostgreSQL can keep a text: no NUL, no half of a character."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def _row(event: Event, sequence: int, previous: str) -> dict[str, Any]:
    changes = dict(event.changes) | ({"move": (None, event.move)} if event.move else {})
    row = {
        "sequence": sequence, "case_id": event.case_id, "kind": event.kind, "happened_on": event.happened_on,
        "recorded_at": event.recorded_at, "actor": event.actor, "changes": _dumped(changes), "reason": event.reason,
        "evidence": event.evidence, "second_person": event.second_person, "source": _dumped(event.source), "previous_hash": previous,
    }  # fmt: skip
    odd = [name for name, value in row.items() if isinstance(value, str) and not _is_plain(value)]
    if odd:
        raise SpecError(f"event {event.kind}: got {', '.join(odd)} with NUL or half a character, expected plain text.")
    return row | {"hash": hash_of(row)}


def _dumped(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_written)


def _written(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise SpecError(
        f"event: got a value of type {type(value).__name__}, expected text, number, truth, date or nothing."
    )


def _loaded(changes: str) -> dict[str, tuple[Any, Any]]:
    """Return what `_dumped` wrote, dates as dates, without the name of the move."""
    return _without_move(json.loads(changes))


def _without_move(told: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, Any]]:
    changes = {name: (was, now) for name, (was, now) in told.items() if name != "move"}
    for name in changes.keys() & _DATES:
        was, now = changes[name]
        changes[name] = (typed(name, was), typed(name, now))
    return changes


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of an event: SHA-256 over the one before it and all that it says, as canonical JSON."""
    said = [str(row[name]) if name == "happened_on" else row[name] for name in _SAID]
    return hashlib.sha256(_CANONICAL(said).encode()).hexdigest()


def read_cases(connection: sa.Connection) -> pd.DataFrame:
    """Return all cases in order of their ids, with all columns of the table."""
    rows = connection.execute(sa.select(CASES).order_by(CASES.c.case_id)).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=_SHEET)


def read_events(connection: sa.Connection, case_id: str | None = None) -> pd.DataFrame:
    """Return the events of one case, or of all, in their order; `move` apart, `changes` as mappings of (before, after)."""
    chosen = sa.select(EVENTS).order_by(EVENTS.c.sequence)
    if case_id is not None:
        chosen = chosen.where(EVENTS.c.case_id == case_id)
    rows = connection.execute(chosen).all()
    names = [c.name for c in EVENTS.columns]
    table = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    told = [json.loads(text) for text in table["changes"]]
    columns = {
        **table,
        "changes": [_without_move(t) for t in told],
        "source": [{} if s == "{}" else json.loads(s) for s in table["source"]],
    }
    return pd.DataFrame({**columns, "move": [t.get("move", ("", ""))[1] for t in told]})


def cases_as_of(connection: sa.Connection, day: dt.date) -> pd.DataFrame:
    """Return the cases as they stood on the evening of a day, columns as `read_cases`."""
    names = ("case_id", "actor", "happened_on", "changes")
    chosen = sa.select(*(EVENTS.c[n] for n in names)).where(EVENTS.c.happened_on <= day).order_by(EVENTS.c.sequence)
    rows = connection.execute(chosen)
    told = ((name, actor, on, json.loads(changes)) for name, actor, on, changes in rows)
    return pd.DataFrame(summed(told), columns=_SHEET)


def verify(connection: sa.Connection) -> list[Break]:
    """Return every place where the ledger is not what its events say: none when it is whole.

    A changed, removed, added or moved event breaks the chain; a case changed past its events differs from their sum. An
    event that cannot even be read is told, and left out of the sum.
    """
    breaks: list[Break] = []
    told: list[tuple[str, str, dt.date, dict[str, Any]]] = []
    number, last = 0, START
    columns: list[sa.ColumnElement[Any]] = list(EVENTS.columns)
    if connection.dialect.name == "sqlite":  # keeps whatever is put in: a day that is none would stop the reading
        columns = [c.cast(sa.String).label(c.name) if c.name == "happened_on" else c for c in EVENTS.columns]
    for number, row in enumerate(connection.execute(sa.select(*columns).order_by(EVENTS.c.sequence)).mappings(), 1):
        case_id = row["case_id"]
        if row["sequence"] != number:
            breaks.append(Break(row["sequence"], case_id, Text("前面缺少事件", "events before it are missing")))
            break
        if row["previous_hash"] != last:
            breaks.append(Break(number, case_id, Text("与前一事件不相接", "does not follow the event before it")))
        last = row["hash"]
        if last != hash_of(dict(row)):
            breaks.append(Break(number, case_id, Text("内容被改动", "its content was changed")))
        try:
            changes = _loaded(row["changes"])
            told.append((case_id, row["actor"], dt.date.fromisoformat(str(row["happened_on"])), changes))
        except (AttributeError, TypeError, ValueError):
            breaks.append(Break(number, case_id, Text("无法读取", "cannot be read")))
    head = connection.execute(sa.select(CHAIN)).mappings().first()
    if (head["sequence"], head["hash"]) != (number, last) if head else number:
        breaks.append(
            Break(0, "", Text("末尾的事件与记录的链尾不符", "the last event is not the one the chain ends with"))
        )
    kept = {row[0]: tuple(row) for row in connection.execute(sa.select(CASES))}
    sums = {row[0]: row for row in summed(told)}
    what = Text("与事件之和不符", "is not the sum of its events")
    return breaks + [Break(0, key, what) for key in sorted(kept.keys() | sums.keys()) if kept.get(key) != sums.get(key)]

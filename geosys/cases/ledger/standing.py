"""How cases stood after an event and stand now, with hashes; what their sheets, files and objects are: for what lies above.

Who only needs the type of a connection finds it here: SQLAlchemy has one door.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys.cases.ledger.events import read_cases, read_events, replayed
from geosys.cases.ledger.tables import CASES, CHAIN, EVENTS, FIELDS, FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Case = dict[str, Any]
Connection = sa.Connection
FEW = 100  # cases: of more than these all events are read at once


def cases_now(connection: sa.Connection) -> dict[str, Case]:
    """Return all cases by id, missing values as None."""
    return _by_id(read_cases(connection))


def cases_at(connection: sa.Connection, ids: Iterable[str], sequence: int) -> dict[str, Case]:
    """Return cases by id as they were after an event of the ledger."""
    wanted = set(ids)
    if len(wanted) > FEW:
        events = read_events(connection)
        return _by_id(replayed(events[(events["sequence"] <= sequence) & events["case_id"].isin(wanted)]))
    found: dict[str, Case] = {}
    for case_id in sorted(wanted):
        events = read_events(connection, case_id)
        found |= _by_id(replayed(events[events["sequence"] <= sequence]))
    return found


def _by_id(frame: pd.DataFrame) -> dict[str, Case]:
    plain = frame.astype(object).where(frame.notna(), None)
    return {row["case_id"]: row for row in plain.to_dict("records")}


def hash_of_case(case: Mapping[str, Any]) -> str:
    """Return a short hash of all fields of a case."""
    return short_hash([_said(case[name]) for name in FIELDS])


def _said(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def short_hash(values: object) -> str:
    """Return 16 letters of the SHA-256 of values as JSON."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def chain_head(connection: sa.Connection) -> tuple[int, str]:
    """Return number and hash of the ledger's last event; (0, "") for an empty ledger."""
    row = connection.execute(sa.select(CHAIN)).mappings().first()
    return (row["sequence"], row["hash"]) if row else (0, "")


def hash_of_event(connection: sa.Connection, sequence: int) -> str | None:
    """Return the hash of an event by its number, None where there is none."""
    return connection.execute(sa.select(EVENTS.c.hash).where(EVENTS.c.sequence == sequence)).scalar()


def imports_since(connection: sa.Connection, sequence: int) -> list[tuple[str, int]]:
    """Return case and export number of each event after another one that came from an exported sheet."""
    chosen = sa.select(EVENTS.c.case_id, EVENTS.c.source).where(
        EVENTS.c.sequence > sequence, EVENTS.c.source.like('%"exported_at":%')
    )
    return [(row.case_id, int(json.loads(row.source)["exported_at"])) for row in connection.execute(chosen)]


def extras_at(connection: sa.Connection, sequence: int | None = None) -> dict[str, dict[str, str]]:
    """Return what offices wrote into columns of their own, by case and title, after an event (default: now)."""
    chosen = sa.select(EVENTS.c.case_id, EVENTS.c.source).where(EVENTS.c.source.like('%"extra":%'))
    if sequence is not None:
        chosen = chosen.where(EVENTS.c.sequence <= sequence)
    extras: dict[str, dict[str, str]] = {}
    for row in connection.execute(chosen.order_by(EVENTS.c.sequence)):
        told = json.loads(row.source).get("extra")
        if isinstance(told, dict):
            extras.setdefault(row.case_id, {}).update(told)
    return extras


def changed_by(connection: sa.Connection, case_id: str, since: int, field: str) -> str:
    """Return who changed a field of a case after an event, in the order it happened."""
    events = read_events(connection, case_id)
    later = events[events["sequence"] > since]
    told = [
        f"{row['actor']} {row['happened_on']} {row['move'] or row['kind']}"
        for row in later.to_dict("records")
        if field in row["changes"] or field in (row["source"].get("extra") or {})
    ]
    return "; ".join(told)


def problems_of(connection: sa.Connection) -> dict[str, str]:
    """Return the sentence with which each case was opened."""
    chosen = sa.select(EVENTS.c.case_id, EVENTS.c.reason).where(EVENTS.c.kind.in_(("found", "import", "split")))
    found: dict[str, str] = {}
    for row in connection.execute(chosen.order_by(EVENTS.c.sequence)):
        found.setdefault(row.case_id, row.reason)
    return found


def subjects_of(connection: sa.Connection) -> pd.DataFrame:
    """Return `case_id`, `subject_layer` and `subject_id` of all cases."""
    columns = (CASES.c.case_id, CASES.c.subject_layer, CASES.c.subject_id)
    rows = connection.execute(sa.select(*columns).order_by(CASES.c.case_id)).mappings()
    return pd.DataFrame([dict(row) for row in rows], columns=[c.name for c in columns])


def files_listed(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """Return case, name and hash of every file."""
    chosen = sa.select(FILES.c.case_id, FILES.c.name, FILES.c.digest).order_by(
        FILES.c.case_id, FILES.c.name, FILES.c.digest
    )
    return [(row.case_id, row.name, row.digest) for row in connection.execute(chosen)]

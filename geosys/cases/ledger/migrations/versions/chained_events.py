"""Cases become the sum of chained events: the first ledger's rows are carried over, none is lost.

The first ledger did not note who changed lead and due date: what its events do not explain is one event of kind `taken_over`.
"""

import datetime as dt
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from geosys.cases.ledger.events import MACHINE, Event, append_all
from geosys.cases.ledger.tables import FIELDS, MACHINE_FIELDS, METADATA

_WORDS = ("reason", "evidence", "second_person")
revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Put the old tables aside, make the new ones, write each old case as events, and drop the old ones."""
    connection = op.get_bind()
    cases = [dict(r) for r in connection.execute(sa.text("SELECT * FROM cases ORDER BY case_id")).mappings()]
    rows = [dict(r) for r in connection.execute(sa.text("SELECT * FROM events ORDER BY case_id, event_id")).mappings()]
    op.drop_table("events")
    op.drop_table("cases")
    METADATA.create_all(connection)
    history = {key: list(group) for key, group in groupby(rows, key=lambda row: row["case_id"])}
    events = [event for case in cases for event in _carried(case, history.get(case["case_id"], []))]
    append_all(connection, events)


def _carried(case: dict[str, Any], rows: list[dict[str, Any]]) -> list[Event]:
    case = {name: _day(value) if name.endswith("_on") else value for name, value in case.items()}
    told = {name: case[name] for name in MACHINE_FIELDS} | {"seen": "present", "status": "found"}
    events = []
    rows = rows or [{"move": "found", "happened_on": case["found_on"], "actor": MACHINE} | dict.fromkeys(_WORDS, "")]
    for number, row in enumerate(rows):
        changes = {name: (None, value) for name, value in told.items() if value is not None}
        if number:
            field = "seen" if row["move"] == "seen" else "status"
            changes = {field: (told[field], row["after"])} if told[field] != row["after"] else {}
            told[field] = row["after"]
        kind = row["move"] if row["move"] in ("found", "seen") else "move"
        move = "" if kind != "move" else row["move"]
        events.append(
            Event(
                case["case_id"], kind, _day(row["happened_on"]), row["actor"], changes, move=move, reason=row["reason"],
                evidence=row["evidence"], second_person=row["second_person"],
            )
        )  # fmt: skip
    rest = {name: (told.get(name), case[name]) for name in FIELDS if name in case and told.get(name) != case[name]}
    if rest:
        events.append(Event(case["case_id"], "taken_over", events[-1].happened_on, MACHINE, rest, reason="0001"))
    return events


def _day(value: Any) -> Any:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value

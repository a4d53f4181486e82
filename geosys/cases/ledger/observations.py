"""Observations: what one run makes of the cases, as events of the machine: opened, changed, seen, a decision ended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys.cases.findings import finding_id
from geosys.cases.ledger.changes import LOST, causes_of, changed, plain, told_together
from geosys.cases.ledger.decisions import DISMISSED, Standing
from geosys.cases.ledger.events import MACHINE, Event
from geosys.cases.ledger.tables import MACHINE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from geosys.cases.rules import RuleBook

PRESENT, GONE, RETURNED, UNSEEN = "present", "no_longer_found", "returned", "not_assessed"
FOUND = "found"
WORTHY = ("hit", "needs_review")  # outcomes that open a case
GEOMETRY = {"subject_digest", "object_digest", "measure"}  # what a standing decision lets pass

Row = dict[str, Any]


@dataclass(slots=True)
class Sitting:
    """Hold one reconciliation at work: what was, what is, and what it has found to write."""

    book: RuleBook
    today: dt.date
    then: Mapping[str, Any] | None
    now: Mapping[str, Any]
    cases: dict[str, Row]
    links: dict[str, str]  # the case of each finding
    held: dict[str, Standing]
    opened: dict[str, Event] = field(default_factory=dict)
    notes: dict[str, list[tuple[Row, Row | None, dict[str, Any]]]] = field(default_factory=dict)


def heir_of(case_id: str, cases: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the case that a case was merged into in the end, or itself."""
    while case_id in cases and cases[case_id]["merged_into"]:
        case_id = cases[case_id]["merged_into"]
    return case_id


def look_at(sitting: Sitting, row: Row, old: Row | None) -> None:
    """Note what is new or changed of one finding; open a case where it needs one."""
    name, is_worthy = row["finding_id"], row["outcome"] in WORTHY
    fresh = is_worthy and name not in sitting.links
    if fresh:
        _link(sitting, row, old)
    if name not in sitting.links or old is None or old is row:
        return
    case_id = heir_of(sitting.links[name], sitting.cases)
    differences = changed(old, row) | _fields_now(sitting, case_id, row, old)
    state = sitting.held.get(name)
    if state and state.moved_m is None and set(differences) <= GEOMETRY and old["rule_version"] == row["rule_version"]:
        return
    was_there, is_there = old["outcome"] not in LOST, row["outcome"] not in LOST
    if differences and was_there and is_there and not fresh:
        sitting.notes.setdefault(case_id, []).append((row, old, differences))


def _link(sitting: Sitting, row: Row, old: Row | None) -> None:
    rule = sitting.book.rules[row["rule"]]
    key = row["finding_id"]
    if rule.one_case_per == "subject":
        key = finding_id(row["rule"], row["subject_layer"], row["subject_id"], "")
    case_id = sitting.links[row["finding_id"]] = f"C{key}"
    heir = heir_of(case_id, sitting.cases)
    if heir in sitting.cases:
        sitting.links[row["finding_id"]] = heir
        sitting.notes.setdefault(heir, []).append((row, None, {}))
    elif case_id not in sitting.opened:
        values = {n: row[n] for n in MACHINE_FIELDS if n not in ("found_on", "due_on", "seen")}
        if key != row["finding_id"]:
            values["object_id"] = ""
        values |= {
            "found_on": sitting.today,
            "due_on": _due(sitting, row, sitting.today),
            "seen": PRESENT,
            "status": FOUND,
        }
        changes = {n: (None, value) for n, value in values.items() if value is not None}
        source = {"causes": plain(causes_of(old, row, sitting.then, sitting.now))}
        sitting.opened[case_id] = Event(
            case_id, "found", sitting.today, MACHINE, changes, reason=row["sentence_zh"], source=source, recorded_at=sitting.now["recorded_at"],
        )  # fmt: skip


def _due(sitting: Sitting, row: Row, found_on: dt.date) -> dt.date | None:
    """Return the day a finding is due: stated in its data, fixed by the rule, or some days after it was found."""
    rule = sitting.book.rules[row["rule"]]
    if rule.due_field and row["stated_due_on"] is not None:
        return dt.date.fromisoformat(str(row["stated_due_on"]))
    return rule.due_on or (found_on + dt.timedelta(days=rule.due_days) if rule.due_days is not None else None)


def noted(sitting: Sitting) -> list[Event]:
    """Return one event for each case of which something changed, with what and why."""
    events = []
    for case_id, notes in sitting.notes.items():
        told, source = [], []
        fields: dict[str, tuple[Any, Any]] = {}
        for row, old, differences in notes:
            causes = causes_of(old, row, sitting.then, sitting.now)
            why = told_together(causes).zh
            told.append(f"{row['sentence_zh'] if old is None else '、'.join(differences)}（{why}）")
            source.append(
                {"finding": row["finding_id"], "changes": differences, "causes": plain(causes), "is_new": old is None}
            )
            fields |= {} if old is None else _fields_now(sitting, case_id, row, old)
        events.append(
            Event(
                case_id, "changed", sitting.today, MACHINE, fields, reason="；".join(told), source={"findings": source},
                recorded_at=sitting.now["recorded_at"],
            )
        )  # fmt: skip
    return events


def _fields_now(sitting: Sitting, case_id: str, row: Row, old: Row) -> dict[str, tuple[Any, Any]]:
    """Return the machine fields of a case that the finding which opened it changed."""
    case = sitting.cases.get(case_id)
    if case is None or case["finding_id"] != row["finding_id"]:
        return {}
    wanted = {name: row[name] for name in ("subject_name", "lead") if row[name] != old[name]}
    if row["rule_version"] != old["rule_version"] or row["stated_due_on"] != old["stated_due_on"]:
        wanted["due_on"] = _due(sitting, row, case["found_on"])
    return {name: (case[name], value) for name, value in wanted.items() if value != case[name]}


def ended(sitting: Sitting) -> tuple[dict[str, str], list[Event]]:
    """Return which decisions, by finding, hold no longer and why, and the events that tell it with the old note."""
    because, events = {}, []
    for name, state in sitting.held.items():
        case = sitting.cases[heir_of(sitting.links[name], sitting.cases)]
        if case["status"] != DISMISSED:
            because[name] = "事项已恢复立项"  # a person took it back: the ledger says who
        elif state.moved_m is not None:
            because[name] = state.ended().zh
            seen = {} if case["seen"] == RETURNED else {"seen": (case["seen"], RETURNED)}
            case["seen"] = RETURNED
            source = {"decision": state.row["decision_id"], "finding": name, "ended": state.ended().en}
            reason = f"{state.ended().zh}；原认定：{state.note}"
            events.append(
                Event(
                    case["case_id"], "decision", sitting.today, MACHINE, seen, reason=reason, source=source,
                    recorded_at=sitting.now["recorded_at"],
                )
            )  # fmt: skip
    return because, events


def seen_again(
    sitting: Sitting,
    rows: Mapping[str, Row],
    known: Mapping[str, Row],
    judged: AbstractSet[tuple[str, str]],
    ended: set[str],
) -> list[Event]:
    """Return an event for each case that is seen otherwise than before."""
    members: dict[str, list[str]] = {}
    for name, case_id in sitting.links.items():
        members.setdefault(heir_of(case_id, sitting.cases), []).append(name)
    events = []
    for case_id, names in members.items():
        case = sitting.cases.get(case_id)
        if case is None:
            continue  # opened by this run
        there = [n for n in names if n in rows and rows[n]["outcome"] in WORTHY]
        if there:
            at_rest = all(n in sitting.held and n not in ended for n in there)
            seen = RETURNED if case["seen"] == GONE and not at_rest else PRESENT
            seen = case["seen"] if case["seen"] in (PRESENT, RETURNED) else seen
        else:
            pairs = [
                (rows[n]["rule"], rows[n]["subject_id"]) if n in rows else (case["rule"], case["subject_id"])
                for n in names
            ]
            seen = GONE if case["seen"] == GONE or all(pair in judged for pair in pairs) else UNSEEN
        if seen != case["seen"]:
            causes = [
                cause
                for n in names
                if n in rows and n in known
                for cause in causes_of(known[n], rows[n], sitting.then, sitting.now)
            ]
            causes = list(dict.fromkeys(causes))
            events.append(
                Event(
                    case_id, "seen", sitting.today, MACHINE, {"seen": (case["seen"], seen)}, reason=told_together(causes).zh,
                    source={"causes": plain(causes)}, recorded_at=sitting.now["recorded_at"],
                )
            )  # fmt: skip
    return events

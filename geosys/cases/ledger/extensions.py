"""Extensions: a later due date, with a reason, as often and as far as the workflow allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._errors import WorkspaceError
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import Event, append
from geosys.cases.ledger.moves import case_to_change, check_actor, check_second_person

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import sqlalchemy as sa

    from geosys.cases.deadlines import Deadline


def extend_case(
    connection: sa.Connection,
    case_id: str,
    workflow: Mapping[str, Any],
    *,
    actor: str,
    today: dt.date,
    due_on: dt.date,
    deadline: Deadline | None = None,
    reason: str = "",
    evidence: str = "",
    second_person: str = "",
    source: Mapping[str, Any] | None = None,
    expected_version: int | None = None,
    recorded_at: str = "",
) -> int:
    """Give a case more time in a person's name and return how many extensions it has had.

    Parameters
    ----------
    deadline
        The one that the case is under by its rule: where it may not be extended, nobody can.

    Raises
    ------
    WorkspaceError
        When it is not in a state to be extended, has no due date, is overdue, was extended as often as allowed, would get
        more days than allowed, or lacks reason, evidence or the second person; nothing is written.
    ConflictError
        When the case was changed since the version expected.
    """
    case = case_to_change(connection, case_id, expected_version)
    check_actor(case_id, actor)
    terms = workflow.get("extension", {"from": [], "times": []})
    due = case["assigned_due_on"] or case["due_on"]
    _check_may(case, due, terms, deadline, today)
    before = due_decisions(connection, terms.get("counts_anew", ()), case_id=case_id)
    times = int(before["extended"].iloc[0]) if len(before) else 0
    if times >= len(terms["times"]):
        raise WorkspaceError(
            f"case {case_id}: got extension number {times + 1}, expected at most {len(terms['times'])} (cases/workflow.toml [extension]). "
            "Escalate it instead."
        )
    once = terms["times"][times]
    days = (due_on - due).days
    if not 0 < days <= once["most_days"]:
        raise WorkspaceError(
            f"case {case_id}: got {due_on}, {days} days after {due}, expected 1 to {once['most_days']} days for extension number {times + 1}."
        )
    said = {"reason": reason.strip(), "evidence": evidence.strip(), "second_person": second_person.strip()}
    lacking = [need for need in once.get("needs", ["reason"]) if not said[need]]
    if lacking:
        raise WorkspaceError(
            f"case {case_id}: got extension number {times + 1} without {', '.join(lacking)}, expected all it needs. "
            f"Give --{', --'.join(name.replace('_', '-') for name in lacking)}."
        )
    check_second_person(connection, case_id, actor, said["second_person"], once.get("confirmed_by", ()), today)
    changes = {"assigned_due_on": (case["assigned_due_on"], due_on)}
    event = Event(
        case_id, "extend", today, actor.strip(), changes, reason=said["reason"], evidence=said["evidence"],
        second_person=said["second_person"], source=dict(source or {}), recorded_at=recorded_at,
    )  # fmt: skip
    append(connection, event, expected_version)
    return times + 1


def _check_may(
    case: Mapping[str, Any], due: dt.date | None, terms: Mapping[str, Any], deadline: Deadline | None, today: dt.date
) -> None:
    name = case["case_id"]
    if case["status"] not in terms["from"]:
        raise WorkspaceError(
            f"case {name}: got an extension in state '{case['status']}', expected one of the states {', '.join(terms['from'])}."
        )
    if due is None:
        raise WorkspaceError(
            f"case {name}: got an extension of no due date, expected a case that has one. Assign it first."
        )
    if deadline is not None and not deadline.may_extend:
        raise WorkspaceError(
            f"case {name}: got an extension of {due}, expected none: '{deadline.title.both()}' ({', '.join(deadline.basis)}) cannot be "
            "extended (cases/deadlines.toml). Escalate it instead."
        )
    if due < today and not terms.get("after_due", False):
        raise WorkspaceError(
            f"case {name}: got an extension on {today} of what was due on {due}, expected it to be asked for before. Escalate it instead."
        )

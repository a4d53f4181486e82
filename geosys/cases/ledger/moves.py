"""Moves: what people decide about a case, as the workflow allows it and with all that it needs."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from geosys._errors import ConflictError, WorkspaceError
from geosys._faults import nearest
from geosys.cases.ledger.events import MACHINE, Event, append, read_events
from geosys.cases.ledger.people import roles_of
from geosys.cases.ledger.tables import CASES
from geosys.cases.workflow import LifeCycle, life_cycle
from geosys.cases.workflow_faults import LASTING, NEEDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def move_case(
    connection: sa.Connection,
    case_id: str,
    move: str,
    workflow: Mapping[str, Any],
    *,
    actor: str,
    today: dt.date,
    expected_version: int | None = None,
    recorded_at: str = "",
    **given: Any,
) -> str:
    """Make one lawful move of a case in a person's name and return its new state.

    Parameters
    ----------
    expected_version
        The version that the person has seen; None for whichever it is.
    given
        What the move needs, as `cases/workflow.toml` lists it for the type of the case: `lead` (an office), `due_on` (a
        date), `evidence`, `reason`, `second_person` (another one than the actor), `handling`, `measures`, `person`,
        `done_on`; `papers`, a mapping of each paper asked for to where it is; `source`, a mapping that says where the due
        date comes from.

    Raises
    ------
    WorkspaceError
        When the case or move is unknown, not allowed from the case's state, or lacks what it needs; nothing is written.
    ConflictError
        When the case was changed since the version expected.
    """
    case = case_to_change(connection, case_id, expected_version)
    cycle = life_cycle(workflow, case["rule"], case["subject_layer"])
    allowed = cycle.allowed(case["status"])
    if move not in allowed:
        raise WorkspaceError(
            f"case {case_id}: got the move '{move}' from state '{case['status']}', expected one of: {', '.join(allowed)}. "
            + nearest(move, allowed)
        )
    step = cycle.moves[move]
    papers = _papers(case_id, cycle, given.get("papers") or {})
    said = {name: _said(given.get(name)) for name in NEEDS}
    said["evidence"] = "；".join(part for part in (said["evidence"], *papers.values()) if part)
    _check_needs(case, move, step.needs, actor, said)
    _check_given(case_id, cycle, said, case, today)
    _check_papers(case_id, move, cycle, said["handling"] or case["handling"], papers)
    check_second_person(connection, case_id, actor, said["second_person"], step.confirmed_by, today)
    wanted = {"status": step.to} | {name: said[need] for need, name in NEEDS.items() if name}
    event = Event(
        case_id, "move", today, actor.strip(), _changes(case, wanted), move=move, reason=said["reason"], evidence=said["evidence"],
        second_person=said["second_person"], source=dict(given.get("source") or {}), recorded_at=recorded_at,
    )  # fmt: skip
    append(connection, event, expected_version)
    return step.to


def assign_cases(
    connection: sa.Connection,
    case_ids: Sequence[str],
    workflow: Mapping[str, Any],
    *,
    actor: str,
    today: dt.date,
    lead: str,
    due_on: dt.date | None = None,
    person: str = "",
    reason: str = "",
    source: Mapping[str, Any] | None = None,
    recorded_at: str = "",
) -> dict[str, str]:
    """Give cases to an office, and a person in it if named, all or none of them; return the state of each.

    A case that can be assigned is moved; one whose due date runs already changes hands (转办), which needs a reason.

    Raises
    ------
    WorkspaceError
        When one of them can neither be assigned nor change hands, or something is lacking; nothing may be kept then.
    """
    states = {}
    for case_id in dict.fromkeys(case_ids):
        case = case_to_change(connection, case_id)
        cycle = life_cycle(workflow, case["rule"], case["subject_layer"])
        move = workflow.get("assigned_by", "assign")
        if move in cycle.allowed(case["status"]):
            told: dict[str, Any] = {
                "lead": lead,
                "due_on": due_on,
                "person": person,
                "reason": reason,
                "source": source,
            }
            states[case_id] = move_case(
                connection, case_id, move, workflow, actor=actor, today=today, recorded_at=recorded_at, **told
            )
            continue
        if not cycle.states[case["status"]].runs:
            raise WorkspaceError(
                f"case {case_id}: got an office for state '{case['status']}', expected a case that is not at rest. "
                f"Allowed moves: {', '.join(cycle.allowed(case['status']))}."
            )
        if due_on is not None:
            raise WorkspaceError(
                f"case {case_id}: got a due date, expected none: it is assigned already. Use 'geosys cases extend {case_id}'."
            )
        _check_needs(case, move, ("lead", "reason"), actor, {"lead": lead, "reason": reason.strip()})
        changes = _changes(case, {"assigned_lead": lead, "person": person.strip()})
        if not changes:
            raise WorkspaceError(f"case {case_id}: got the office and person it has, expected another one.")
        event = Event(case_id, "edit", today, actor.strip(), changes, reason=reason.strip(), recorded_at=recorded_at)
        append(connection, event, case["version"])
        states[case_id] = case["status"]
    return states


def case_to_change(connection: sa.Connection, case_id: str, version: int | None = None) -> dict[str, Any]:
    """Return a case as it is now, if it is still of the version that somebody has seen.

    Raises
    ------
    WorkspaceError
        When it is not in the ledger, or was merged into another case.
    ConflictError
        When it has another version: the message says who did what meanwhile.
    """
    case = connection.execute(sa.select(CASES).where(CASES.c.case_id == case_id)).mappings().first()
    if case is None:
        raise WorkspaceError(f"case: got '{case_id}', expected a case of this ledger. See 'geosys cases list'.")
    if version is not None and version != case["version"]:
        later = read_events(connection, case_id).iloc[version:].to_dict("records")
        told = "; ".join(
            f"{e['actor']} {e['happened_on']} {e['move'] or e['kind']}: {', '.join(e['changes']) or '-'}" for e in later
        )
        raise ConflictError(
            f"case {case_id}: got a change to version {version}, expected one to version {case['version']}. Meanwhile: {told}. "
            f"Look at it with 'geosys cases show {case_id}' and try again."
        )
    if case["merged_into"]:
        raise WorkspaceError(
            f"case {case_id}: got a change of a merged case, expected one of case {case['merged_into']}, which stands for it."
        )
    return dict(case)


def check_actor(case_id: str, actor: str) -> None:
    """Refuse a decision in nobody's name or in the program's.

    Raises
    ------
    WorkspaceError
        Saying whose name it was.
    """
    if not actor.strip() or _same(actor, MACHINE):
        raise WorkspaceError(f"case {case_id}: got '{actor}' as who decides, expected a person. Give --by.")


def check_second_person(
    connection: sa.Connection, case_id: str, actor: str, second: str, roles: Collection[str], today: dt.date
) -> None:
    """Refuse a second person who is the first one, or who has none of the roles asked for.

    Raises
    ------
    WorkspaceError
        Naming both people or the roles.
    """
    if second and _same(actor, second):
        raise WorkspaceError(
            f"case {case_id}: got '{actor}' twice, expected a second person. Have someone else confirm the move."
        )
    held = roles_of(connection, second)
    if roles and not held & set(roles):
        raise WorkspaceError(
            f"case {case_id}: got '{second}' ({', '.join(sorted(held)) or 'no role'}) to confirm it on {today}, expected one of the roles "
            f"{', '.join(roles)}. Enter people with 'geosys cases person'."
        )


def _same(one: str, other: str) -> bool:
    """Say whether two names are one, however wide or spaced they are written."""
    plain = ["".join(unicodedata.normalize("NFKC", name).split()).casefold() for name in (one, other)]
    return plain[0] == plain[1]


def _said(value: Any) -> Any:
    return value if isinstance(value, dt.date) else str(value or "").strip()


def _changes(case: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (case[name], value) for name, value in wanted.items() if value and value != case[name]}


def _check_needs(case: Mapping[str, Any], move: str, needs: Sequence[str], actor: str, said: Mapping[str, Any]) -> None:
    if actor.strip():
        check_actor(case["case_id"], actor)
    lacking = [] if actor.strip() else ["by"]
    lacking += [need for need in needs if not said[need] and not (need in LASTING and case[need])]
    if lacking:
        raise WorkspaceError(
            f"case {case['case_id']}: got the move '{move}' without {', '.join(lacking)}, expected all it needs. "
            f"Give --{', --'.join(name.replace('_', '-') for name in lacking)}."
        )


def _check_given(
    case_id: str, cycle: LifeCycle, said: Mapping[str, Any], case: Mapping[str, Any], today: dt.date
) -> None:
    """Refuse what is no date, a day of completion to come, and a way of handling that the type has not.

    A due date may have passed: what was assigned on paper is entered when somebody gets to it.
    """
    for name in ("due_on", "done_on"):
        if said[name] and not isinstance(said[name], dt.date):
            raise WorkspaceError(f"case {case_id}: got {name} '{said[name]}', expected a date.")
    if said["done_on"] and said["done_on"] > today:
        raise WorkspaceError(f"case {case_id}: got done_on {said['done_on']}, expected {today} or earlier.")
    handling = said["handling"] or (case["handling"] if cycle.handlings else "")
    if handling and cycle.handlings and handling not in cycle.handlings:
        raise WorkspaceError(
            f"case {case_id}: got the handling '{handling}', expected one of {', '.join(cycle.handlings)} ({cycle.title.both()}). "
            + nearest(handling, cycle.handlings)
        )


def _papers(case_id: str, cycle: LifeCycle, given: Mapping[str, str]) -> dict[str, str]:
    """Return what is written into the event of each paper given; papers may be named by id or by title."""
    names = {title.zh: name for name, title in cycle.papers.items()} | {name: name for name in cycle.papers}
    told = {}
    for key, where in given.items():
        if key not in names or not where.strip():
            raise WorkspaceError(
                f"case {case_id}: got the paper '{key}={where}', expected NAME=where it is, NAME one of {', '.join(cycle.papers)}. "
                + nearest(key, names)
            )
        told[names[key]] = f"{cycle.papers[names[key]].zh}：{where.strip()}"
    return told


def _check_papers(case_id: str, move: str, cycle: LifeCycle, handling: str | None, given: Collection[str]) -> None:
    asked = dict.fromkeys((*cycle.moves[move].papers, *cycle.handlings.get(handling or "", {}).get(move, ())))
    lacking = [f"{name} ({cycle.papers[name].zh})" for name in asked if name not in given]
    if lacking:
        raise WorkspaceError(
            f"case {case_id}: got the move '{move}' without the papers {', '.join(lacking)}, expected all of them "
            f"({cycle.title.both()}{'，' + handling if handling else ''}). Give --paper NAME=where it is for each."
        )

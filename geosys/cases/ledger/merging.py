"""Merging and splitting: several findings become one case, or one case several; nothing of their history is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys.cases.ledger.events import Event, append_all, read_cases
from geosys.cases.ledger.tables import FINDINGS, HUMAN_FIELDS, MACHINE_FIELDS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

ENDED = ("closed", "dismissed")  # what is at rest takes in no open case: it would vanish from every list
_CARRIED = [name for name in HUMAN_FIELDS if name != "merged_into"]


def merge_cases(
    connection: sa.Connection,
    heir: str,
    merged: Sequence[str],
    *,
    actor: str,
    reason: str,
    today: dt.date,
    expected: Mapping[str, int] | None = None,
    recorded_at: str = "",
) -> None:
    """Merge cases into one in a person's name: their findings become its findings, and each points to it.

    The merged cases keep their fields and history; runs and people go on with the heir only.

    Parameters
    ----------
    expected
        For cases named, the version that the person has seen.

    Raises
    ------
    WorkspaceError
        When a case is unknown, merged already or named twice, the heir is closed or dismissed, or no reason is given.
    ConflictError
        When a case was changed since the version expected.
    """
    cases = _cases(connection)
    _check_said(actor, reason, "merge")
    for name in (heir, *merged):
        _check_there(cases, name)
        if cases[name]["merged_into"]:
            raise WorkspaceError(
                f"case {name}: got one merged into {cases[name]['merged_into']}, expected one of its own. Name that."
            )
    if not merged or len({heir, *merged}) != len(merged) + 1:
        raise WorkspaceError(
            f"merge: got {', '.join(merged) or 'no case'} into {heir}, expected other cases, each once."
        )
    if cases[heir]["status"] in ENDED:
        raise WorkspaceError(
            f"case {heir}: got the state '{cases[heir]['status']}' to merge into, expected an open case. Name another."
        )
    links = {name: _findings_of(connection, name) for name in merged}
    said: dict[str, Any] = {"reason": reason.strip(), "recorded_at": recorded_at}
    events = [
        Event(
            name, "merge", today, actor.strip(), {"merged_into": (None, heir)}, source={"findings": links[name]}, **said
        )
        for name in merged
    ]
    events.append(Event(heir, "merge", today, actor.strip(), source={"cases": links}, **said))
    append_all(connection, events, expected)
    for names in links.values():
        _relink(connection, names, heir)


def split_case(
    connection: sa.Connection,
    case_id: str,
    findings: Sequence[str],
    *,
    actor: str,
    reason: str,
    today: dt.date,
    expected_version: int | None = None,
    recorded_at: str = "",
) -> str:
    """Take findings out of a case in a person's name, and return the case they then are.

    Where one of them had a case of its own that was merged into this one, that case takes up again; else a new case is
    opened. What people decided of the case so far (state, office, due day) holds for both.

    Raises
    ------
    WorkspaceError
        When the case or a finding is unknown, none is left in the case, or no reason is given.
    ConflictError
        When the case was changed since the version expected.
    """
    cases = _cases(connection)
    _check_said(actor, reason, "split")
    _check_there(cases, case_id)
    own = _findings_of(connection, case_id)
    strange = [name for name in findings if name not in own]
    if strange or not findings or not set(own) - set(findings) or cases[case_id]["merged_into"]:
        raise WorkspaceError(
            f"case {case_id}: got the findings {', '.join(findings) or 'none'} to split off, expected some, not all, of {', '.join(own)}."
        )
    rows = _rows(connection, list(findings))
    parent, first = cases[case_id], rows[min(findings)]
    carried = {name: parent[name] for name in _CARRIED}
    resting = [
        name for name, case in cases.items() if case["merged_into"] == case_id and case["finding_id"] in findings
    ]
    if resting:
        new, old = min(resting), cases[min(resting)]
        wanted = carried | {"merged_into": None}
    else:
        new, old = _free_id(f"C{first['finding_id']}", cases), dict.fromkeys((*MACHINE_FIELDS, *HUMAN_FIELDS))
        wanted = {name: first[name] for name in MACHINE_FIELDS if name in first}
        wanted |= {name: parent[name] for name in ("found_on", "due_on")} | carried
    changes = {name: (old[name], value) for name, value in wanted.items() if value != old[name]}
    said: dict[str, Any] = {"reason": reason.strip(), "recorded_at": recorded_at}
    source = {"findings": sorted(findings), "from": case_id}
    events = [
        Event(case_id, "split", today, actor.strip(), source={"findings": sorted(findings), "to": new}, **said),
        Event(new, "split", today, actor.strip(), changes, source=source, **said),
    ]
    append_all(connection, events, {} if expected_version is None else {case_id: expected_version})
    _relink(connection, findings, new)
    return new


def _cases(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    frame = read_cases(connection)
    return {row["case_id"]: row for row in frame.astype(object).where(frame.notna(), None).to_dict("records")}


def _findings_of(connection: sa.Connection, case_id: str) -> list[str]:
    chosen = sa.select(FINDINGS.c.finding_id).where(FINDINGS.c.case_id == case_id).order_by(FINDINGS.c.finding_id)
    return list(connection.execute(chosen).scalars())


def _rows(connection: sa.Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(sa.select(FINDINGS).where(FINDINGS.c.finding_id.in_(list(names)))).mappings()
    return {row["finding_id"]: dict(row) for row in rows}


def _relink(connection: sa.Connection, findings: Sequence[str], case_id: str) -> None:
    connection.execute(sa.update(FINDINGS).where(FINDINGS.c.finding_id.in_(list(findings))).values(case_id=case_id))


def _free_id(wanted: str, cases: Mapping[str, Any]) -> str:
    number, name = 1, wanted
    while name in cases:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _check_there(cases: Mapping[str, Any], name: str) -> None:
    if name not in cases:
        raise WorkspaceError(f"case: got '{name}', expected a case of this ledger. See 'geosys cases list'.")


def _check_said(actor: str, reason: str, what: str) -> None:
    if not actor.strip() or not reason.strip():
        raise WorkspaceError(f"{what}: got no person or no reason, expected both. Give --by and --reason.")

"""Take a difference into the ledger: as events that name the file, row and cell they came from; moves through the workflow.

What the workflow refuses is a problem of its row; the other rows go in. Rehearsed, the same is tried out and undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import GeoSysError
from geosys._text import Text
from geosys.cases.ledger.events import Event, append, append_all
from geosys.cases.ledger.extensions import extend_case
from geosys.cases.ledger.moves import assign_cases, case_to_change, check_actor, move_case
from geosys.cases.workflow import life_cycle
from geosys.cases.workflow_faults import LASTING, NEEDS
from geosys.exchange.objections import EXTRA
from geosys.exchange.problems import Problem

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.cases.deadlines import Deadlines
    from geosys.cases.ledger.standing import Connection
    from geosys.cases.workflow import LifeCycle, Move
    from geosys.exchange.changes import Change, Difference, RowChange
    from geosys.exchange.layout import Layout, Words

STATE, LEAD, DUE = "status", "assigned_lead", "assigned_due_on"
DECIDED = (STATE, LEAD, DUE)  # fields that the workflow guards; the others are plain edits
_PARTS = re.compile(r"[；;\n]+")
_NAMED = re.compile(r"\s*([^：:]+)[：:](.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Hold what became of a difference: what is still wrong with it, and how many cases were edited and moved."""

    difference: Difference
    edited: int
    moved: int


@dataclass(frozen=True, slots=True)
class Hand:
    """Hold in whose name, on which day and at which time a sheet is taken in."""

    actor: str
    today: dt.date
    recorded_at: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what decisions obey: the workflow, and the deadlines of law and plan (None: not looked at)."""

    workflow: Mapping[str, Any]
    deadlines: Deadlines | None = None


def rehearse(
    connection: Connection, found: Difference, layout: Layout, words: Words, order: Order, hand: Hand
) -> TakenIn:
    """Try out what `take_in` would do, and undo it: nothing is kept, but all that the workflow refuses is known."""
    with connection.begin_nested() as point:
        taken = take_in(connection, found, layout, words, order, hand)
        point.rollback()
    return taken


def take_in(
    connection: Connection, found: Difference, layout: Layout, words: Words, order: Order, hand: Hand
) -> TakenIn:
    """Append the events of a difference; rows that the workflow refuses are held back and named.

    Parameters
    ----------
    connection
        Writing the ledger, in the transaction in which the difference was found.
    hand
        In whose name; a second person of a row must be another one.

    Raises
    ------
    WorkspaceError
        When the name is nobody's, or the program's.
    """
    check_actor(found.file, hand.actor)
    plain = [row for row in found.rows if not _decided(row)]
    append_all(connection, [_edit(row, found, hand) for row in plain], {row.case_id: row.version for row in plain})
    problems: list[Problem] = []
    moved = edited = 0
    for row in found.rows:
        if not _decided(row):
            continue
        point = connection.begin_nested()
        problem = _decide(connection, row, found, layout, words, order, hand)
        if problem is None:
            point.commit()
            moved += any(change.field == STATE for change in row.changes)
            edited += all(change.field != STATE for change in row.changes)
        else:
            point.rollback()
            problems.append(problem)
    return TakenIn(found.with_problems(problems), edited + len(plain), moved)


def _decided(row: RowChange) -> bool:
    return any(change.field in DECIDED for change in row.changes)


def _source(found: Difference, row: RowChange, changes: Sequence[Change]) -> dict[str, Any]:
    """Return where changes were read: file and its hash, row, cells, the export they answer, and an office's own columns."""
    ours = {change.field: change.cell for change in changes if not change.field.startswith(EXTRA)}
    own = {change.title: change.in_sheet or "" for change in changes if change.field.startswith(EXTRA)}
    first = next(iter(ours.values()), "")
    told = {
        "file": found.file,
        "digest": found.digest,
        "row": row.row,
        "cell": first,
        "cells": ours,
        "exported_at": found.exported_at,
    }
    return told | ({"extra": own} if own else {})


def _edit(row: RowChange, found: Difference, hand: Hand, changes: Sequence[Change] | None = None) -> Event:
    """Return the event of what needs no move; what was given goes with it where there is no move to need it."""
    chosen = row.changes if changes is None else changes
    edits = {c.field: (c.in_ledger, c.in_sheet) for c in chosen if not c.field.startswith(EXTRA)}
    given = row.given if changes is None else {}
    return Event(
        row.case_id, "import", hand.today, hand.actor.strip(), edits, reason=given.get("reason", ""), evidence=given.get("evidence", ""),
        second_person=given.get("second_person", ""), source=_source(found, row, chosen), recorded_at=hand.recorded_at,
    )  # fmt: skip


def _decide(
    connection: Connection, row: RowChange, found: Difference, layout: Layout, words: Words, order: Order, hand: Hand
) -> Problem | None:  # fmt: skip
    """Make what a row decides; return why it cannot be made."""
    case = case_to_change(connection, row.case_id, row.version)
    cycle = life_cycle(order.workflow, case["rule"], case["subject_layer"])
    wanted = {change.field: change for change in row.changes}
    if STATE not in wanted:
        return _reassign(connection, row, case, found, order, hand)
    change = wanted[STATE]
    where: dict[str, Any] = {"row": change.row, "cell": change.cell, "case_id": row.case_id}
    moves = [name for name in cycle.allowed(case[STATE]) if cycle.moves[name].to == change.in_sheet]
    if not moves:
        return Problem("state_jumped", _jumped(case[STATE], change.in_sheet, cycle, words), **where)
    told = _told(row, case, cycle)
    move = next((name for name in moves if not _lacking(cycle.moves[name], told, case)), moves[0])
    lacking = _lacking(cycle.moves[move], told, case)
    if lacking:
        return Problem("needs_lacking", _needs_text(cycle.moves[move], lacking, layout), **where)
    try:
        _move(connection, row, found, move, told, order, hand, cycle.moves[move].needs)
    except GeoSysError as error:
        zh = f"不能办理“{cycle.moves[move].title.zh}”：{error}"
        return Problem("needs_lacking", Text(zh, f"'{cycle.moves[move].title.en}' cannot be made: {error}"), **where)
    return None


def _move(
    connection: Connection, row: RowChange, found: Difference, move: str, told: Mapping[str, Any], order: Order, hand: Hand, needs: Sequence[str]
) -> None:  # fmt: skip
    """Make a row's move with what it needs and changes; what the move does not carry is recorded before it."""
    wanted = {change.field: change.in_sheet for change in row.changes}
    carried = {LEAD, DUE, STATE, *(name for name in NEEDS.values() if name and wanted.get(name))}
    rest = [change for change in row.changes if change.field not in carried]
    if rest:
        append(connection, _edit(row, found, hand, rest))
    given = {n: value for n, value in told.items() if NEEDS.get(n) in wanted or n in needs or not NEEDS.get(n)}
    given["source"] = _source(found, row, [change for change in row.changes if change.field in carried])
    name: dict[str, Any] = {"actor": hand.actor, "today": hand.today, "recorded_at": hand.recorded_at}
    move_case(connection, row.case_id, move, order.workflow, **name, **given)


def _told(row: RowChange, case: Mapping[str, Any], cycle: LifeCycle) -> dict[str, Any]:
    """Return what a row tells of what moves need: its changed cells, else what the case has; papers by their names."""
    wanted = {change.field: change.in_sheet for change in row.changes}
    told: dict[str, Any] = {need: wanted.get(name, case[name]) for need, name in NEEDS.items() if name}
    papers, rest = _named_papers(row.given.get("evidence", ""), cycle)
    return told | {
        "reason": row.given.get("reason", ""),
        "second_person": row.given.get("second_person", ""),
        "evidence": rest,
        "papers": papers,
    }


def _named_papers(evidence: str, cycle: LifeCycle) -> tuple[dict[str, str], str]:
    """Return the papers that an evidence cell names (“溯源报告：报告3号”), and the rest of it."""
    names = {title.zh: name for name, title in cycle.papers.items()}
    papers, rest = {}, []
    for part in filter(str.strip, _PARTS.split(evidence)):
        match = _NAMED.match(part)
        if match and match[1].strip() in names:
            papers[names[match[1].strip()]] = match[2].strip()
        else:
            rest.append(part.strip())
    return papers, "；".join(rest)


def _lacking(move: Move, told: Mapping[str, Any], case: Mapping[str, Any]) -> list[str]:
    named = bool(told["papers"])
    return [
        need for need in move.needs
        if not told.get(need) and not (need in LASTING and case[NEEDS[need] or need]) and not (need == "evidence" and named)
    ]  # fmt: skip


def _needs_text(move: Move, lacking: Sequence[str], layout: Layout) -> Text:
    titles = {c.field or c.given: c.title for c in layout.columns}
    found = [titles.get(NEEDS[need] or need, Text(need, need)) for need in lacking]
    zh, en = "、".join(f"“{title.zh}”" for title in found), ", ".join(f"'{title.en}'" for title in found)
    return Text(f"“{move.title.zh}”还须在同一行填{zh}", f"'{move.title.en}' also needs {en} in the same row")


def _jumped(state: str, wanted: str, cycle: LifeCycle, words: Words) -> Text:
    targets = dict.fromkeys(cycle.moves[name].to for name in cycle.allowed(state))
    zh = "、".join(words.title("state", target) for target in targets) or "无"
    titles = words.title("state", state), words.title("state", wanted)
    return Text(
        f"不能从“{titles[0]}”直接到“{titles[1]}”；可以到：{zh}",
        f"no move leads from '{state}' to '{wanted}'; to: {', '.join(targets) or 'none'}",
    )


def _reassign(
    connection: Connection, row: RowChange, case: Mapping[str, Any], found: Difference, order: Order, hand: Hand
) -> Problem | None:
    """Record another office or due day without a move: an office changes hands, a due day is extended, by the workflow."""
    wanted = {change.field: change for change in row.changes}
    first = wanted.get(LEAD) or wanted[DUE]
    where: dict[str, Any] = {"row": first.row, "cell": first.cell, "case_id": row.case_id}
    cycle = life_cycle(order.workflow, case["rule"], case["subject_layer"])
    move = order.workflow.get("assigned_by", "assign")
    if LEAD in wanted and move in cycle.allowed(case[STATE]):
        zh = f"填“{first.title}”的同时须把状态改为“{cycle.states[cycle.moves[move].to].title.zh}”"
        return Problem(
            "needs_lacking", Text(zh, "an office is assigned by a move: change the state in the same row too"), **where
        )
    try:  # the event of the sheet comes first: not every decision keeps where it was read
        append(connection, _edit(row, found, hand, [c for c in row.changes if c.field not in DECIDED]))
        name: dict[str, Any] = {"actor": hand.actor, "today": hand.today, "recorded_at": hand.recorded_at}
        if LEAD in wanted:
            told: dict[str, Any] = {
                "lead": first.in_sheet,
                "reason": row.given.get("reason", ""),
                "source": _source(found, row, [first]),
            }
            assign_cases(connection, [row.case_id], order.workflow, **name, **told)
        if DUE in wanted:
            name |= {"deadline": order.deadlines.of_rule(case["rule"]) if order.deadlines else None, **row.given}
            name |= {"due_on": wanted[DUE].in_sheet, "source": _source(found, row, [wanted[DUE]])}
            extend_case(connection, row.case_id, order.workflow, **name)
    except GeoSysError as error:
        text = Text(f"“{first.title}”不能这样改：{error}", f"'{first.field}' cannot be changed so: {error}")
        return Problem("needs_lacking", text, **where)
    return None

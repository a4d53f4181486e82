"""What each office and person has to do: the cases that wait for them, the most pressing first, with the next lawful moves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.cases.due_dates import TIMINGS, due_dates
from geosys.cases.workflow import life_cycle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.deadlines import Deadlines
    from geosys.cases.rules import RuleBook
    from geosys.cases.working_days import Calendar

ADDED = ("office", "waits_for", "next_moves", "proposed_move", "proposed_why_zh", "proposed_why_en")
_FACTS = ("seen", "timing", "days_left", "human_on", "machine_on")  # what a proposal is made on
_ORDER = {timing: number for number, timing in enumerate(TIMINGS)}


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold the content that a case is looked at by: its life cycle, rules, deadlines and the calendar."""

    workflow: Mapping[str, Any]
    book: RuleBook
    deadlines: Deadlines
    calendar: Calendar


def agenda(cases: pd.DataFrame, decided: pd.DataFrame, terms: Terms, today: dt.date) -> pd.DataFrame:
    """Return every case with its due date, whose turn it is, what may be done next, and what the program proposes.

    Parameters
    ----------
    cases, decided
        As `ledger.events.read_cases` and `ledger.due_events.due_decisions` return them, of the same day.

    Returns
    -------
    The columns of the cases with those of `due_dates.COLUMNS` in their place, and `ADDED`: `office` (who leads it),
    `waits_for` (the office whose turn it is; empty: nobody's), `next_moves` (names of moves, joined by a comma),
    `proposed_move` and why (empty: none). Nothing is done: a proposal is for people to take or leave.
    """
    stands = _stands(cases, terms.workflow)
    due = due_dates(cases, decided, [s.runs for s in stands], terms.book, terms.deadlines, terms.calendar, today)
    frame = cases.drop(columns=["due_on"]).join(due)
    offices = cases["assigned_lead"].where(cases["assigned_lead"].notna(), cases["lead"])
    dispatcher = str(terms.workflow.get("dispatcher", ""))
    turns = [
        {"dispatcher": dispatcher or office, "lead": office}.get(stand.acts, "")
        for stand, office in zip(stands, offices.tolist(), strict=True)
    ]
    facts = zip(stands, *(frame[name].astype(object).tolist() for name in _FACTS), strict=True)
    proposals = terms.workflow.get("proposals", [])
    told = [_proposal(stand, *fact, proposals=proposals, today=today) for stand, *fact in facts]
    columns = {
        "office": offices, "waits_for": turns, "next_moves": [",".join(s.moves) for s in stands],
        **{name: [row[n] for row in told] for n, name in enumerate(ADDED[-3:])},
    }  # fmt: skip
    return frame.join(pd.DataFrame(columns, index=frame.index, columns=list(ADDED)))


@dataclass(frozen=True, slots=True)
class _Stand:
    """Hold how a case stands in its life cycle: whether its due date runs, whose turn it is, and its next moves."""

    runs: bool
    acts: str
    moves: tuple[str, ...]


def _stands(cases: pd.DataFrame, workflow: Mapping[str, Any]) -> list[_Stand]:
    """Return how each case stands; a merged one rests, and a state that the content lost is the dispatcher's to sort out."""
    known: dict[tuple[str, str, str], _Stand] = {}
    columns = (cases[name].tolist() for name in ("rule", "subject_layer", "status"))
    keys = list(zip(*columns, strict=True))
    for rule, layer, state in set(keys):
        cycle = life_cycle(workflow, rule, layer)
        here = cycle.states.get(state)
        known[rule, layer, state] = _Stand(
            runs=here.runs if here else True,
            acts=here.acts if here else "dispatcher",
            moves=tuple(cycle.allowed(state)),
        )
    rest = _Stand(runs=False, acts="", moves=())
    merged = cases["merged_into"].notna().tolist()
    return [rest if is_merged else known[key] for key, is_merged in zip(keys, merged, strict=True)]


def _proposal(
    stand: _Stand, seen: str, timing: str, left: int, human_on: Any, machine_on: Any, *,
    proposals: Sequence[Mapping[str, Any]], today: dt.date,
) -> tuple[str, str, str]:  # fmt: skip
    """Return the first proposal of the content that fits a case, and why in Chinese and in English."""
    late = -left if timing == "overdue" else 0
    decided, looked = (day if isinstance(day, dt.date) and not pd.isna(day) else None for day in (human_on, machine_on))
    quiet = (today - decided).days if decided else 0
    is_later = looked is not None and (decided is None or looked > decided)
    for proposal in proposals:
        fits = proposal["move"] in stand.moves and seen in proposal.get("seen", [seen])
        fits = fits and (is_later or not proposal.get("seen_later", False))
        if fits and late >= proposal.get("overdue_days", 0) and quiet >= proposal.get("quiet_days", 0):
            days = late if "overdue_days" in proposal else quiet
            return proposal["move"], proposal["why"]["zh"].format(days=days), proposal["why"]["en"].format(days=days)
    return "", "", ""


def todo(agenda: pd.DataFrame, office: str | None = None, person: str | None = None) -> pd.DataFrame:
    """Return what waits for an office or a person, the most pressing first.

    Parameters
    ----------
    agenda
        As `agenda` returns it.
    office
        Only what waits for this office (default: all offices).
    person
        Only the cases of this person (default: everybody's and nobody's).

    Returns
    -------
    The rows that wait for somebody or for which something is proposed, in the order of `due_dates.TIMINGS`, and within
    those by due date and case.
    """
    rows = agenda[(agenda["waits_for"] != "") | (agenda["proposed_move"] != "")]
    if office is not None:
        turn = rows["waits_for"].where(rows["waits_for"] != "", rows["office"])
        rows = rows[turn == office]
    if person is not None:
        rows = rows[rows["person"].fillna("").str.strip() == person.strip()]
    return _by_pressure(rows)


def pressing(agenda: pd.DataFrame, timings: Sequence[str] = ("overdue",)) -> pd.DataFrame:
    """Return the cases of some timings (words of `due_dates.TIMINGS`), the longest overdue first."""
    return _by_pressure(agenda[agenda["timing"].isin(timings)])


def _by_pressure(rows: pd.DataFrame) -> pd.DataFrame:
    far = dt.date.max
    keys = [
        (_ORDER[timing], day if isinstance(day, dt.date) else far, case)
        for timing, day, case in zip(rows["timing"], rows["due_on"], rows["case_id"], strict=True)
    ]
    order: Sequence[int] = sorted(range(len(keys)), key=keys.__getitem__)
    return rows.iloc[list(order)]

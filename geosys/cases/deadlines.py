"""Deadlines of law and plans as content: a day or a period each, the dated steps of plans, and when to warn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.basis import CERTAINTIES
from geosys.cases.working_days import MOST_COUNTED, UNITS, later_by
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text
    from geosys.cases.rules import RuleBook
    from geosys.cases.working_days import Calendar

_DEADLINE = {
    "rules": "a list of texts", "source": "a text", "basis": "a list of texts", "on": "a date as 2026-09-30", "period": "a table",
    "from": "a table", "may_extend": "true or false", "certainty": "a text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deadline:
    """Hold one deadline of a law or plan: a day, or a period after an event that `start` names; both None for neither."""

    id: str
    title: Text
    rules: tuple[str, ...]
    source: str
    basis: tuple[str, ...]
    on: dt.date | None
    period: tuple[int, str] | None
    start: Text | None
    may_extend: bool
    certainty: str

    def due(self, start: dt.date, calendar: Calendar) -> dt.date | None:
        """Return the day it is due when the event it runs from was on `start`."""
        return self.on if self.period is None else later_by(start, *self.period, calendar)


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one dated step of a plan: the share (0 to 1) that must be done by the evening of a day."""

    on: dt.date
    share: float

    def short(self, done: int, total: int) -> int:
        """Return how many more must be done for the share; never negative.

        Examples
        --------
        >>> import datetime as dt
        >>> Step(dt.date(2023, 12, 31), 0.3).short(done=2, total=11)  # 3.3 of 11: four
            2
        """
        return max(0, math.ceil(round(self.share * total, 9)) - done)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Hold all deadlines, the dated steps of plans by name, and from how many days before its day a case is warned of."""

    deadlines: Mapping[str, Deadline]
    steps: Mapping[str, tuple[Step, ...]]
    early_days: int
    urgent_days: int

    def of_rule(self, rule: str) -> Deadline | None:
        """Return the deadline that a rule's cases are under, None where law and plans have none."""
        return next((d for d in self.deadlines.values() if rule in d.rules), None)


def read_deadlines(root: Path, book: RuleBook) -> Deadlines:
    """Read and validate `cases/deadlines.toml` below a root against the rules and their legal basis.

    Raises
    ------
    SpecError
        With every fault; also where a rule names another day than the deadline it is under.
    """
    path = root / "cases" / "deadlines.toml"
    name, faults, table = short_name(path), Faults(), read_toml(path)
    faults.keys(name, table, ("deadlines", "steps"), ("warning",))
    table = faults.sound(
        name, table, dict.fromkeys(("deadlines", "steps"), "a table of tables") | {"warning": "a table"}
    )
    warning = table.get("warning", {})
    faults.keys(f"{name} [warning]", warning, (), ("early_days", "urgent_days"))
    warning = faults.sound(f"{name} [warning]", warning, dict.fromkeys(("early_days", "urgent_days"), "a whole number"))
    taken: set[str] = set()
    deadlines = {
        key: _read_deadline(key, row, f"{name} [deadlines.{key}]", book, taken, faults)
        for key, row in table.get("deadlines", {}).items()
    }
    steps = {
        key: _read_steps(row, f"{name} [steps.{key}]", book, faults) for key, row in table.get("steps", {}).items()
    }
    faults.raise_if_any()
    return Deadlines(deadlines, steps, warning["early_days"], warning["urgent_days"])


def _read_deadline(
    name: str, row: Mapping[str, Any], where: str, book: RuleBook, taken: set[str], faults: Faults
) -> Deadline:
    faults.keys(where, row, _DEADLINE, ("title", "rules", "source", "basis", "certainty"))
    title = faults.text(f"{where} title", row.get("title"))
    start = faults.text(f"{where} from", row["from"]) if "from" in row else None
    row = faults.sound(where, row, _DEADLINE)
    faults.one_of(f"{where} source", row.get("source"), ("law", "plan"), "law or plan")
    _check_basis(where, row, book, faults)
    if ("on" in row) == ("period" in row) or ("period" in row) != ("from" in row):
        faults.add(where, sorted({"on", "period", "from"} & set(row)), "either on, or period and from")
    for rule in row.get("rules", []):
        faults.one_of(f"{where} rules", rule, book.rules, "a rule of cases/rules/")
        if rule in taken:
            faults.add(f"{where} rules", rule, "a rule that is under no other deadline")
        taken.add(rule)
        stated = book.rules[rule].due_on if rule in book.rules else None
        if stated is not None and stated != row.get("on"):
            faults.add(
                f"{where} on", str(row.get("on")), f"{stated}, the due_on of rule {rule}", "Mend the one that is wrong."
            )
    return Deadline(
        name, title, tuple(row.get("rules", ())), row.get("source", ""), tuple(row.get("basis", ())), row.get("on"),
        _read_length(row["period"], f"{where} period", faults) if "period" in row else None, start,
        row.get("may_extend", True), row.get("certainty", ""),
    )  # fmt: skip


def _read_length(row: Mapping[str, Any], where: str, faults: Faults) -> tuple[int, str]:
    if len(row) != 1:
        faults.add(where, row, f"one of {', '.join(UNITS)}")
        return 0, UNITS[0]
    unit, count = next(iter(row.items()))
    faults.one_of(where, unit, UNITS, "a unit of time")
    if faults.expect(where, count, "a whole number") and not 0 < count <= MOST_COUNTED:
        faults.add(where, count, f"a whole number from 1 to {MOST_COUNTED}")
    return count, unit


def _check_basis(where: str, row: Mapping[str, Any], book: RuleBook, faults: Faults) -> None:
    for clause in row.get("basis", []):
        faults.one_of(f"{where} basis", clause, book.basis, "a basis of cases/legal_basis.csv")
    faults.one_of(f"{where} certainty", row.get("certainty"), CERTAINTIES, "a certainty")


def _read_steps(row: Mapping[str, Any], where: str, book: RuleBook, faults: Faults) -> tuple[Step, ...]:
    faults.keys(where, row, (), ("title", "basis", "certainty", "steps"))
    faults.text(f"{where} title", row.get("title"))
    row = faults.sound(where, row, {"basis": "a list of texts", "certainty": "a text", "steps": "a list of tables"})
    _check_basis(where, row, book, faults)
    steps = []
    for number, step in enumerate(row.get("steps", []), 1):
        place = f"{where} step {number}"
        faults.keys(place, step, (), ("on", "share"))
        sound = faults.sound(place, step, {"on": "a date as 2026-09-30", "share": "a number"})
        if {"on", "share"} <= set(sound):
            steps.append(Step(sound["on"], float(sound["share"])))
    if [(s.on, s.share) for s in steps] != sorted({(s.on, s.share) for s in steps}) or not all(
        0 < a.share < b.share <= 1 for a, b in pairwise(steps)
    ):
        faults.add(where, [(str(s.on), s.share) for s in steps], "days and shares (0 to 1) that rise")
    return tuple(steps)


def step_in_force(steps: Sequence[Step], day: dt.date) -> tuple[Step | None, Step | None]:
    """Return the last step whose day has passed, and the next one, on a day (the day itself still counts)."""
    past = [step for step in steps if step.on < day]
    ahead = [step for step in steps if step.on >= day]
    return past[-1] if past else None, ahead[0] if ahead else None

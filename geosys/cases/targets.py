"""Dated targets of the plans as content, and how one stands on a day: reached, on track, at risk or late."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.basis import CERTAINTIES
from geosys.cases.conditions import Condition
from geosys.cases.rates import SHARE, SIDE
from geosys.content import read_csv, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.rates import Rate

AT_LEAST, AT_MOST, BY_HAND = ">=", "<=", ""
REACHED, ON_TRACK, AT_RISK, LATE = "reached", "on_track", "at_risk", "late"
CANNOT_JUDGE, NO_NUMBER, NOT_ASSESSED = "cannot_judge", "no_number", "not_assessed"
STANDINGS = {
    REACHED: Text("已达到", "reached"), ON_TRACK: Text("按进度", "on track"), AT_RISK: Text("滞后，有风险", "at risk"),
    LATE: Text("逾期未达到", "late"), CANNOT_JUDGE: Text("数据有缺，无法判定", "cannot judge: data are missing"),
    NO_NUMBER: Text("方案没有数值，由人判定", "no number in the plan: for a person to judge"),
    NOT_ASSESSED: Text("未评估：没有数据或填报", "not assessed: no data and no entry"),
}  # fmt: skip
COUNTY_FIELD = "county_code"
COUNTY = COUNTY_FIELD.removesuffix("_code")  # the word by which formulas and areas name that field
PLAN_COLUMNS = ("plan", "title_zh", "title_en", "issued_on", "starts_on")
AREA_COLUMNS = ("area", "certainty", "source")
TARGET_COLUMNS = (
    "target", "plan", "section", "indicator", "area", "value", "unit", "op", "deadline", "note", "compare", "number", "due_on",
    "rate", "certainty",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold one plan document and the day its schedules are reckoned from."""

    id: str
    title: Text
    starts_on: dt.date


@dataclass(frozen=True, slots=True)
class Area:
    """Hold what an area named by a plan consists of: by words of the formulas' table `by`, the values (``4102*`` is a prefix)."""

    name: str
    within: Mapping[str, tuple[str, ...]]
    certainty: str

    def conditions(self, rate: Rate) -> tuple[Condition, ...]:
        """Return the conditions that keep a rate to the area."""
        return tuple(Condition(SIDE, rate.by[word], "in", values) for word, values in self.within.items())


@dataclass(frozen=True, slots=True)
class Target:
    """Hold one dated step of a target, as its plan words it and as we read it.

    `value`, `op`, `deadline` and `note` are the words of our list of the plan; `compare`, `number` and `due_on` are how
    they are held against a figure (in `unit`; classes as 1 to 6). `rate` names the formula that computes it, or nothing
    where it is entered by hand.
    """

    id: str
    plan: Plan
    section: str
    indicator: str
    area: Area
    value: str
    unit: str
    op: str
    deadline: str
    note: str
    compare: str
    number: Fraction | None
    due_on: dt.date | None
    rate: str
    certainty: str

    @property
    def clause(self) -> Text:
        """Return where the plan says so."""
        return Text(f"{self.plan.title.zh}{self.section}", f"{self.plan.title.en}, {self.section}")

    @property
    def words(self) -> str:
        """Return the target as the list of the plan has it."""
        return f"{self.op}{self.value}{self.unit}" + (f"（{self.note}）" if self.note else "")


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold a value between two bounds, in the target's unit; an open upper end is None."""

    lower: Fraction
    upper: Fraction | None


def read_targets(root: Path, rates: Mapping[str, Rate]) -> tuple[Target, ...]:
    """Read and validate the plans, areas and targets below ``root/cases/plans``, in the order of the file.

    A row with several deadlines (``2018-12-31/2019-12-31``) gives a target for each.

    Raises
    ------
    SpecError
        With all faults: unknown plans, areas and formulas, numbers and days that are none, a step given twice.
    """
    faults = Faults()
    folder = root / "cases" / "plans"
    plans = _read_plans(folder / "plans.csv", faults)
    areas = _read_areas(folder / "areas.csv", faults)
    path = folder / "targets.csv"
    targets: list[Target] = []
    seen: set[tuple[str, str]] = set()
    for line, row in enumerate(read_csv(path, TARGET_COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        _check_row(row, where, plans, areas, rates, faults)
        for target in _steps(row, where, plans, areas, faults):
            step = target.id, str(target.due_on)
            if step in seen:
                faults.add(where, f"{target.id} of {target.due_on}", "each step of a target once")
            seen.add(step)
            targets.append(target)
    faults.raise_if_any()
    return tuple(targets)


def _read_plans(path: Path, faults: Faults) -> dict[str, Plan]:
    plans = {}
    for line, row in enumerate(read_csv(path, PLAN_COLUMNS), 2):
        day = faults.day(f"{short_name(path)} line {line} starts_on", row["starts_on"])
        plans[row["plan"]] = Plan(row["plan"], Text(row["title_zh"], row["title_en"]), day or dt.date.min)
    return plans


def _read_areas(path: Path, faults: Faults) -> dict[str, Area]:
    """Return the areas; every further column is a word of the formulas' table `by`, its cells values joined by ``|``."""
    areas = {}
    for line, row in enumerate(read_csv(path, AREA_COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
        within = {word: tuple(cell.split("|")) for word, cell in row.items() if cell and word not in AREA_COLUMNS}
        if not within:
            faults.add(
                where, row["area"], "what the area consists of", "Fill a column, as the county codes joined by |."
            )
        areas[row["area"]] = Area(row["area"], within, row["certainty"])
    return areas


def _check_row(
    row: Mapping[str, str], where: str, plans: Mapping[str, Plan], areas: Mapping[str, Area],
    rates: Mapping[str, Rate], faults: Faults,
) -> None:  # fmt: skip
    faults.one_of(f"{where} plan", row["plan"], plans, "a plan of cases/plans/plans.csv")
    faults.one_of(f"{where} area", row["area"], areas, "an area of cases/plans/areas.csv")
    faults.one_of(f"{where} compare", row["compare"], (AT_LEAST, AT_MOST, BY_HAND), "'>=', '<=' or nothing")
    faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
    if bool(row["compare"]) != bool(row["number"]):
        faults.add(where, f"compare '{row['compare']}', number '{row['number']}'", "both or neither")
    if not row["target"]:
        faults.add(f"{where} target", "", "an id: entries by hand name it")
    if row["rate"]:
        faults.one_of(f"{where} rate", row["rate"], rates, "a formula of cases/rates/")
    rate, area = rates.get(row["rate"]), areas.get(row["area"])
    if rate is not None and rate.value == SHARE and row["number"] and row["unit"] != "%":
        faults.add(f"{where} unit", row["unit"], f"%, for '{rate.id}' is a share")
    if rate is not None and area is not None:
        for word in area.within:
            if word not in rate.by:
                faults.add(f"{where} rate", rate.id, f"a formula with '{word}' in its table 'by'", "The area needs it.")


def _steps(
    row: Mapping[str, str], where: str, plans: Mapping[str, Plan], areas: Mapping[str, Area], faults: Faults
) -> list[Target]:
    numbers, days = (row[key].split("/") if row[key] else [""] for key in ("number", "due_on"))
    if len(numbers) != len(days):
        faults.add(where, f"{len(numbers)} numbers and {len(days)} days", "as many of the one as of the other")
    if row["plan"] not in plans or row["area"] not in areas:
        return []
    words = {
        k: row[k]
        for k in ("section", "indicator", "value", "unit", "op", "deadline", "note", "compare", "rate", "certainty")
    }
    return [
        Target(
            id=row["target"], plan=plans[row["plan"]], area=areas[row["area"]], number=_number(number, f"{where} number", faults),
            due_on=faults.day(f"{where} due_on", day), **words,
        )
        for number, day in zip(numbers, days, strict=False)
    ]  # fmt: skip


def _number(text: str, where: str, faults: Faults) -> Fraction | None:
    if not text:
        return None
    try:
        return Fraction(text)
    except ValueError:
        faults.add(where, text, "a number")
        return None


def schedule_of(target: Target, targets: Sequence[Target]) -> list[tuple[dt.date, Fraction]]:
    """Return the line a target is held against: its plan's first day at 0, then each dated step of the same target."""
    steps = {t.due_on: t.number for t in targets if t.id == target.id and t.due_on is not None and t.number is not None}
    return [(target.plan.starts_on, Fraction(0)), *sorted(steps.items())]


def expected_on(schedule: Sequence[tuple[dt.date, Fraction]], day: dt.date) -> Fraction:
    """Return the value of a schedule on a day, linear between its dated points and level beyond them.

    Examples
    --------
    >>> line = [(dt.date(2023, 1, 1), Fraction(0)), (dt.date(2023, 12, 31), Fraction(80))]
    >>> float(expected_on(line, dt.date(2023, 7, 2)))
    40.0
    """
    if day <= schedule[0][0]:
        return schedule[0][1]
    for (first, low), (last, high) in pairwise(schedule):
        if day <= last:
            return low + (high - low) * Fraction((day - first).days, (last - first).days)
    return schedule[-1][1]


def standing(target: Target, figure: Figure | None, day: dt.date, schedule: Sequence[tuple[dt.date, Fraction]]) -> str:
    """Return how a target stands on a day: one of `STANDINGS`.

    Reached: both bounds meet the number. Late: the deadline is over and not even the better bound meets it. Before the
    deadline, a target to rise to is held against `schedule`: on track when the worse bound is on the line or above,
    at risk when the better one is below. A target to fall to has no line: it is at risk until it is reached. Where the
    bounds lie on both sides, nothing is said. (Our reading: no plan says what *on track* means.)
    """
    if target.number is None:
        return NO_NUMBER
    if figure is None:
        return NOT_ASSESSED
    surely, possibly = _meets(target.compare, figure, target.number)
    if surely:
        return REACHED
    if target.due_on is None or day > target.due_on:
        return CANNOT_JUDGE if possibly or target.due_on is None else LATE
    if target.compare == AT_LEAST:
        surely, possibly = _meets(AT_LEAST, figure, expected_on(schedule, day))
    return ON_TRACK if surely else CANNOT_JUDGE if possibly else AT_RISK


def in_time(target: Target, figure: Figure | None) -> bool | None:
    """Say whether the figure of the deadline's day met the target; None where that cannot be told."""
    if target.number is None or figure is None:
        return None
    surely, possibly = _meets(target.compare, figure, target.number)
    return True if surely else None if possibly else False


def _meets(compare: str, figure: Figure, number: Fraction) -> tuple[bool, bool]:
    """Return whether a figure surely and whether it possibly meets a number."""
    if compare == AT_MOST:
        return figure.upper is not None and figure.upper <= number, figure.lower <= number
    return figure.lower >= number, figure.upper is None or figure.upper >= number

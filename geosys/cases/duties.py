"""Who answers for each target: its object, what is counted out of what, and the bodies that its plan names, by year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._faults import Faults, nearest
from geosys._text import Text
from geosys.content import read_csv, short_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from geosys.cases.targets import Target

DUTY_COLUMNS = ("target", "object", "numerator", "denominator", "duty", "form", "lead", "support", "why_by_hand")
OFFICE_COLUMNS = ("name", "place", "first_year", "last_year", "office", "certainty", "source")
COMPUTED, BY_HAND = "computed", "by_hand"
WAYS = {COMPUTED: Text("由图层计算", "computed from layers"), BY_HAND: Text("人工填报", "entered by hand")}
FORMS = {
    "led": Text("牵头", "leads"), "shared": Text("按职责分工负责", "share it by function"),
    "listed": Text("责任单位，首位取为牵头（本系统理解）", "named as responsible, the first taken for the lead (our reading)"),
    "read": Text("方案未写明，本系统归纳", "not named by the plan: our reading"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alias:
    """Hold one name of an office in a place, the years it had it, and the code of `layers/codes/office.csv` (empty: none)."""

    name: str
    place: str
    first_year: int
    last_year: int
    office: str


@dataclass(frozen=True, slots=True)
class Body:
    """Hold a body as a plan names it, and the office it is today (empty: none of ours)."""

    name: str
    office: str


@dataclass(frozen=True, slots=True)
class Duty:
    """Hold what one target is about and who answers for it.

    `numerator` and `denominator` say in words what is counted (a number of things has no denominator); `section` is the
    item of the plan that names the bodies, `form` (a word of `FORMS`) how it does. `why_by_hand` says why no layer
    computes the target; it is empty where a formula does.
    """

    target: str
    object: str
    numerator: str
    denominator: str
    section: str
    form: str
    lead: tuple[Body, ...]
    support: tuple[Body, ...]
    why_by_hand: str

    @property
    def way(self) -> str:
        """Return whether the target is computed or entered by hand."""
        return BY_HAND if self.why_by_hand else COMPUTED

    def offices(self) -> tuple[str, ...]:
        """Return the codes of the offices that lead, each once."""
        return tuple(dict.fromkeys(body.office for body in self.lead if body.office))

    def concerns(self, office: str) -> bool:
        """Say whether an office (its code) leads or supports."""
        return any(body.office == office for body in (*self.lead, *self.support))


def read_duties(root: Path, targets: Sequence[Target], offices: Collection[str]) -> dict[str, Duty]:
    """Read and validate ``root/cases/plans/duties.csv`` with the names of ``offices.csv``, one duty a target.

    Parameters
    ----------
    offices
        The codes that exist.

    Raises
    ------
    SpecError
        With all faults: a target without a duty or with two, a name that no office had in the plan's years, a target
        neither computed nor accounted for.
    """
    faults = Faults()
    folder = root / "cases" / "plans"
    aliases = read_aliases(folder / "offices.csv", offices, faults)
    known = {target.id: target for target in targets}
    path = folder / "duties.csv"
    duties: dict[str, Duty] = {}
    for line, row in enumerate(read_csv(path, DUTY_COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        target = known.get(row["target"])
        if target is None:
            faults.add(f"{where} target", row["target"], "a target of targets.csv", nearest(row["target"], known))
            continue
        if target.id in duties:
            faults.add(f"{where} target", target.id, "each target once")
        duties[target.id] = _read_duty(row, where, target, targets, aliases, faults)
    for name in known:
        if name not in duties:
            faults.add(short_name(path), "no row", f"a row of '{name}'", "Say who answers for it and how it is told.")
    faults.raise_if_any()
    return duties


def _read_duty(
    row: Mapping[str, str], where: str, target: Target, targets: Sequence[Target], aliases: Sequence[Alias], faults: Faults
) -> Duty:  # fmt: skip
    faults.one_of(f"{where} form", row["form"], FORMS, "how the plan names the bodies")
    for column in ("object", "numerator", "duty", "lead"):
        if not row[column]:
            faults.add(f"{where} {column}", "", "a text")
    if bool(target.rate) == bool(row["why_by_hand"]):
        expected = "nothing, for a formula computes it" if target.rate else "why no formula computes it"
        faults.add(f"{where} why_by_hand", row["why_by_hand"], expected)
    last = max((t.due_on.year for t in targets if t.id == target.id and t.due_on), default=target.plan.starts_on.year)
    years = range(target.plan.starts_on.year, last + 1)
    bodies = {
        word: tuple(
            Body(name, office_of(name, years, aliases, f"{where} {word}", faults))
            for name in row[word].split("|")
            if name
        )
        for word in ("lead", "support")
    }
    return Duty(
        target=target.id, object=row["object"], numerator=row["numerator"], denominator=row["denominator"],
        section=row["duty"], form=row["form"], why_by_hand=row["why_by_hand"], **bodies,
    )  # fmt: skip


def read_aliases(path: Path, offices: Collection[str], faults: Faults) -> tuple[Alias, ...]:
    """Read the names of offices by place and year; every fault is added to `faults`."""
    aliases: list[Alias] = []
    for line, row in enumerate(read_csv(path, OFFICE_COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        if row["office"]:
            faults.one_of(f"{where} office", row["office"], offices, "an office of layers/codes/office.csv")
        years = [row["first_year"], row["last_year"]]
        if not all(year.isdecimal() for year in years) or int(years[0]) > int(years[1]):
            faults.add(where, "–".join(years), "the first and the last year, as 2018 and 2020")
            continue
        aliases.append(Alias(row["name"], row["place"], int(years[0]), int(years[1]), row["office"]))
    return tuple(aliases)


def office_of(name: str, years: range, aliases: Sequence[Alias], where: str, faults: Faults) -> str:
    """Return the office that had a name through some years, an empty text where it is none of ours.

    A name that nobody had then, or two offices had, is a fault.
    """
    fitting = [a for a in aliases if a.name == name and a.first_year <= years[0] and years[-1] <= a.last_year]
    codes = {alias.office for alias in fitting}
    if len(codes) != 1:
        got = f"{name} ({years[0]}–{years[-1]})"
        expected = "one office of that name in those years" if codes else "a name that offices.csv has for those years"
        faults.add(where, got, expected, nearest(name, {a.name for a in aliases} - {name}))
        return ""
    return codes.pop()


def name_of(office: str, place: str, year: int, aliases: Sequence[Alias]) -> str:
    """Return what an office was called in a place in a year; an empty text where the table does not say.

    Examples
    --------
    >>> table = [Alias("市环境保护局", "济源", 2018, 2020, "ecology"), Alias("市生态环境局", "开封", 2023, 2025, "ecology")]
    >>> name_of("ecology", "济源", 2019, table), name_of("ecology", "济源", 2024, table)
    ('市环境保护局', '')
    """
    names = [a.name for a in aliases if a.office == office and a.place == place and a.first_year <= year <= a.last_year]
    return "、".join(dict.fromkeys(names))

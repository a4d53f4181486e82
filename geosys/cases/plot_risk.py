"""The risk of a plot in the plan's own words: three-valued facts, and the decision table of the content over them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.basis import CERTAINTIES, read_basis
from geosys.cases.pollutants import ANSWERS, NO, UNKNOWN, YES, Pollutants, read_pollutants
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._schema import LayerSchema
    from geosys._text import Text
    from geosys.cases.basis import Clause

HIGH, MEDIUM, LOW, CANNOT_JUDGE = "high", "medium", "low", "cannot_judge"
RISKS = (LOW, MEDIUM, HIGH)  # in order
MOBILE, VOLATILE = "mobile", "volatile"


@dataclass(frozen=True, slots=True)
class Receptor:
    """Hold one kind of receptor: its layer, which of its rows, and how near it is around a plot, on the ground.

    Within `within_m` it is around whatever the flow; up to `downstream_m` only where the groundwater flows towards it.
    """

    title: Text
    fact: str
    layer: str
    within_m: float
    downstream_m: float
    when: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row of the decision table; facts that it does not name may be whatever."""

    facts: Mapping[str, str]
    risk: str
    why: Text

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Say whether facts fit the row."""
        return all(facts[name] == answer for name, answer in self.facts.items())


@dataclass(frozen=True, slots=True)
class PlotRisk:
    """Hold the content that the risk of a plot is judged by, validated."""

    facts: Mapping[str, Text]
    table: tuple[Row, ...]
    risks: Mapping[str, Text]
    receptors: tuple[Receptor, ...]
    half_angle_deg: float
    lists: tuple[str, ...]
    outside: tuple[str, ...]
    pollutants_field: str
    stated_field: str
    flow_field: str
    none_words: tuple[str, ...]
    pollutants: Pollutants
    cites: tuple[str, ...]
    basis: Mapping[str, tuple[Clause, ...]]
    certainty: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold a risk, why, between which risks it lies if facts are missing, and which missing facts decide."""

    risk: str
    why: Text
    at_least: str
    at_most: str
    missing: tuple[str, ...]


def decide(content: PlotRisk, facts: Mapping[str, str]) -> Decision:
    """Return the risk of a plot from its facts, each ``yes``, ``no`` or ``unknown``.

    Where it cannot be judged, `at_least` and `at_most` are the least and the greatest risk that the missing facts leave
    possible, and `missing` are those that make a difference.
    """
    row = next(row for row in content.table if row.fits(facts))
    unknown = [name for name in content.facts if facts[name] == UNKNOWN]
    if row.risk != CANNOT_JUDGE or not unknown:
        return Decision(row.risk, row.why, row.risk, row.risk, ())
    possible: dict[tuple[str, ...], int] = {}
    for answers in itertools.product((YES, NO), repeat=len(unknown)):
        full = {**facts, **dict(zip(unknown, answers, strict=True))}
        risk = next(row for row in content.table if row.fits(full)).risk
        possible[answers] = RISKS.index(risk) if risk in RISKS else -1
    matters = [
        name
        for at, name in enumerate(unknown)
        if any(rank != possible[_flipped(answers, at)] for answers, rank in possible.items())
    ]
    ranks = [rank for rank in possible.values() if rank >= 0] or [0, len(RISKS) - 1]
    return Decision(row.risk, row.why, RISKS[min(ranks)], RISKS[max(ranks)], tuple(matters))


def _flipped(answers: tuple[str, ...], at: int) -> tuple[str, ...]:
    return (*answers[:at], NO if answers[at] == YES else YES, *answers[at + 1 :])


def either(one: str, two: str) -> str:
    """Return the three-valued *or* of two answers.

    Examples
    --------
    >>> either("no", "unknown"), either("yes", "unknown"), either("no", "no")
    ('unknown', 'yes', 'no')
    """
    return YES if YES in (one, two) else UNKNOWN if UNKNOWN in (one, two) else NO


def with_stated(found: Mapping[str, str], stated: bool | None) -> tuple[dict[str, str], bool]:
    """Return the facts of mobility with what the ledger states of both together, and whether the two contradict.

    The ledger's *no* answers what the table leaves unknown, but not what it says. Its *yes* makes the unknown ones yes
    where none is yet; where the table says no to both, the ledger is believed and the contradiction named.
    """
    facts = {name: found[name] for name in (MOBILE, VOLATILE)}
    if stated is None or (stated and YES in facts.values()):
        return facts, False
    if not stated:
        return {name: NO if answer == UNKNOWN else answer for name, answer in facts.items()}, YES in facts.values()
    if UNKNOWN not in facts.values():
        return dict.fromkeys(facts, YES), True
    return {name: YES if answer == UNKNOWN else answer for name, answer in facts.items()}, False


_PARTS = {
    "basis": "a list of texts", "certainty": "a text", "subjects": "a table", "receptors": "a list of tables", "flow": "a table",
    "facts": "a table", "table": "a list of tables", "risks": "a table", "words": "a table",
}  # fmt: skip
_SUBJECT_KINDS = {
    "lists": "a list of texts", "outside": "a list of texts", "pollutants": "a text", "stated": "a text", "flow": "a text",
}  # fmt: skip


def read_plot_risk(root: Path, schemas: Mapping[str, LayerSchema], lists: Mapping[str, Any]) -> PlotRisk:
    """Read and validate `cases/plot_risk.toml` and `cases/pollutants.csv`; `lists` are those of the life of a plot.

    Raises
    ------
    SpecError
        With all faults, one a line: a combination of facts that no row fits among them.
    """
    faults = Faults()
    path = root / "cases" / "plot_risk.toml"
    name, table = short_name(path), read_toml(path)
    faults.keys(name, table, (), _PARTS)
    table = {k: [] if "list" in v else {} for k, v in _PARTS.items()} | faults.sound(name, table, _PARTS)
    basis = read_basis(root / "cases" / "legal_basis.csv", faults)
    for clause in table["basis"]:
        faults.one_of(f"{name} basis", clause, basis, "a basis of cases/legal_basis.csv")
    faults.one_of(f"{name} certainty", table["certainty"], CERTAINTIES, "a certainty")
    facts = {k: faults.text(f"{name} [facts] {k}", v) for k, v in table["facts"].items()}
    faults.keys(f"{name} [facts]", table["facts"], facts, (MOBILE, VOLATILE))
    risks = {k: faults.text(f"{name} [risks] {k}", v) for k, v in table["risks"].items()}
    faults.keys(f"{name} [risks]", risks, (), (*RISKS, CANNOT_JUDGE))
    rows = tuple(
        _read_row(row, f"{name} [[table]] {i}", facts, risks, faults) for i, row in enumerate(table["table"], 1)
    )
    for gap in uncovered(facts, rows)[:3]:
        faults.add(f"{name} [[table]]", gap, "a row that fits every combination of facts", "Add one that fits it.")
    receptors = tuple(
        _read_receptor(row, f"{name} [[receptors]] {i}", facts, schemas, faults)
        for i, row in enumerate(table["receptors"], 1)
    )
    faults.keys(f"{name} [subjects]", table["subjects"], (), _SUBJECT_KINDS)
    subjects = faults.sound(f"{name} [subjects]", table["subjects"], _SUBJECT_KINDS)
    for kept in subjects.get("lists", ()):
        faults.one_of(f"{name} [subjects] lists", kept, lists, "a list of cases/plot_life.toml")
    faults.keys(f"{name} [flow]", table["flow"], (), ("half_angle_deg",))
    angle = table["flow"].get("half_angle_deg")
    if not (faults.expect(f"{name} [flow] half_angle_deg", angle, "a number") and 0 < angle <= 90):  # noqa: PLR2004
        faults.add(f"{name} [flow] half_angle_deg", angle, "more than 0 and at most 90 degrees")
    pollutants = read_pollutants(root / "cases" / "pollutants.csv", faults)
    faults.raise_if_any()
    return PlotRisk(
        facts, rows, risks, receptors, float(angle), tuple(subjects["lists"]), tuple(subjects["outside"]), subjects["pollutants"],
        subjects["stated"], subjects["flow"], tuple(table["words"].get("none", ())), pollutants, tuple(table["basis"]), basis, table["certainty"],
    )  # fmt: skip


def uncovered(facts: Mapping[str, Text], rows: tuple[Row, ...]) -> list[dict[str, str]]:
    """Return the combinations of answers that no row fits."""
    combinations = [dict(zip(facts, answers, strict=True)) for answers in itertools.product(ANSWERS, repeat=len(facts))]
    return [given for given in combinations if not any(row.fits(given) for row in rows)]


def _read_row(row: Mapping[str, Any], where: str, facts: Mapping[str, Text], risks: Mapping[str, Text], faults: Faults) -> Row:  # fmt: skip
    faults.keys(where, row, (), ("facts", "risk", "why"))
    given = row.get("facts", {}) if faults.expect(f"{where} facts", row.get("facts"), "a table of texts") else {}
    for fact, answer in given.items():
        faults.one_of(f"{where} facts", fact, facts, "a fact of [facts]")
        faults.one_of(f"{where} facts {fact}", answer, ANSWERS, "yes, no or unknown")
    risk = faults.one_of(f"{where} risk", row.get("risk"), risks, "a risk of [risks]")
    sound = {fact: answer for fact, answer in given.items() if fact in facts}
    return Row(sound, risk, faults.text(f"{where} why", row.get("why")))


def _read_receptor(
    row: Mapping[str, Any], where: str, facts: Mapping[str, Text], schemas: Mapping[str, LayerSchema], faults: Faults
) -> Receptor:
    faults.keys(where, row, ("when",), ("title", "fact", "layer", "within_m", "downstream_m"))
    layer = faults.one_of(f"{where} layer", row.get("layer"), schemas, "a layer of layers/")
    others = [fact for fact in facts if fact not in (MOBILE, VOLATILE)]
    fact = faults.one_of(f"{where} fact", row.get("fact"), others, "a fact of [facts] about receptors")
    for key in ("within_m", "downstream_m"):
        if not faults.expect(f"{where} {key}", row.get(key), "a number") or row[key] <= 0:
            faults.add(f"{where} {key}", row.get(key), "metres, more than 0")
    when = row.get("when", {})
    for field in when:
        faults.one_of(f"{where} when", field, schemas[layer].columns if layer in schemas else (field,), f"a field of '{layer}'")  # fmt: skip
    within, downstream = (row.get(key) for key in ("within_m", "downstream_m"))
    reach = [float(v) if isinstance(v, (int, float)) else 0.0 for v in (within, downstream)]
    if reach[1] < reach[0]:
        faults.add(f"{where} downstream_m", reach[1], f"at least within_m ({reach[0]}): nearer is never less around")
    title = faults.text(f"{where} title", row.get("title"))
    return Receptor(title, fact, layer, reach[0], reach[1], {k: tuple(v) for k, v in when.items()})

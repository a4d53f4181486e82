"""Rules: what makes which feature a finding, in content that staff can read and change."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.basis import CERTAINTIES, Clause, read_basis
from geosys.cases.conditions import Condition, parse_conditions
from geosys.cases.rule_relations import ATTRIBUTE, NEEDED, SETTINGS, TEXTS, check_layers, check_relation, unit_of
from geosys.cases.sentences import check_sentence
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._schema import LayerSchema
    from geosys._text import Text

SEVERITIES = ("critical", "high", "medium", "low")
CASES_PER = ("finding", "subject")
_REQUIRED = ("title", "subject", "relation", "severity", "lead", "basis", "finding", "action", "example")
_OPTIONAL = (
    "object", "where", "condition", "support", "due_days", "due_on", "due_field", "certainty", "note", "valid_from", "valid_to",
    "near_m", "near_days", "one_case_per", "requires",
)  # fmt: skip
_KINDS = {
    "relation": "a text", "subject": "a text", "object": "a text", "severity": "a text", "lead": "a text", "certainty": "a text", "by": "a text",
    "one_case_per": "a text", "along": "a text", "requires": "a list of texts",
    "due_field": "a text", "support": "a list of texts", "basis": "a list of texts", "where": "a table", "condition": "a table",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one rule as its table in `cases/rules/*.toml` says it, validated."""

    id: str
    title: Text
    subject: str
    object: str | None
    relation: str
    settings: Mapping[str, float]
    where: tuple[Condition, ...]
    condition: tuple[Condition, ...]
    severity: str
    lead: str
    support: tuple[str, ...]
    basis: tuple[str, ...]
    finding: Text
    action: Text
    due_days: int | None
    due_on: dt.date | None
    due_field: str | None
    near_m: float | None
    near_days: int
    certainty: str
    note: Text | None
    valid_from: dt.date | None
    valid_to: dt.date | None
    example: Mapping[str, Any]
    version: str
    unit: str
    by: str | None = None
    one_case_per: str = "finding"
    along: str | None = None
    requires: tuple[str, ...] = ()

    def in_force(self, day: dt.date) -> bool:
        """Say whether the rule is run on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    @property
    def threshold(self) -> float:
        """Return the figure the measure is held against, in the rule's unit; 0 for the others."""
        keys = ("distance_m", "min_area_m2", "min_length_m", "reach_m", "up_m", "within_m")
        return float(next((self.settings[key] for key in keys if key in self.settings), 0.0))


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Hold all rules, the dated legal basis and the titles of offices."""

    rules: Mapping[str, Rule]
    basis: Mapping[str, tuple[Clause, ...]]
    offices: Mapping[str, Text]

    @property
    def version(self) -> str:
        """Return the hash of all rules and of the legal basis they cite."""
        content = [(r.id, r.version) for r in self.rules.values()], sorted(self.basis.items())
        return hashlib.sha256(repr(content).encode()).hexdigest()[:12]


def read_rules(root: Path, schemas: Mapping[str, LayerSchema], offices: Mapping[str, Text]) -> RuleBook:
    """Read and validate every rule below ``root/cases/rules`` against the layers' schemas.

    Raises
    ------
    SpecError
        With all faults of all rules, one a line.
    """
    faults = Faults()
    basis = read_basis(root / "cases" / "legal_basis.csv", faults)
    rules: dict[str, Rule] = {}
    for path in sorted((root / "cases" / "rules").glob("*.toml")):
        for name, table in read_toml(path).items():
            where = f"{short_name(path)} [{name}]"
            if name in rules:
                faults.add(where, name, "a rule name used once")
            if not isinstance(table, dict):
                faults.add(where, table, "a table of a rule")
                continue
            rule = _read_rule(name, table, where, schemas, basis, offices, faults)
            if rule is not None:
                rules[name] = rule
    faults.raise_if_any()
    return RuleBook(rules, basis, offices)


def _read_rule(
    name: str, table: Mapping[str, Any], where: str, schemas: Mapping[str, LayerSchema],
    basis: Mapping[str, Any], offices: Mapping[str, Text], faults: Faults,
) -> Rule | None:  # fmt: skip
    before = len(faults.rows)
    table = faults.sound(where, table, _KINDS)
    relation = faults.one_of(f"{where} relation", table.get("relation"), SETTINGS, "a relation")
    settings = SETTINGS.get(relation, ())
    needs = ("object",) if relation != ATTRIBUTE else ("condition",)
    faults.keys(
        where,
        table,
        (*_OPTIONAL, *settings),
        (*_REQUIRED, *needs, *NEEDED.get(relation, ())),
    )
    sides = _read_sides(table, where, schemas, faults)
    conditions = {k: parse_conditions(table.get(k, {}), f"{where} {k}", sides, faults) for k in ("where", "condition")}
    check_relation(relation, table, where, sides, conditions["condition"], faults)
    check_layers(table, where, schemas, faults)
    for key, allowed, what in (
        ("severity", SEVERITIES, "a severity"),
        ("lead", offices, "an office of layers/codes/office.csv"),
    ):
        faults.one_of(f"{where} {key}", table.get(key), allowed, what)
    for office in table.get("support", []):
        faults.one_of(f"{where} support", office, offices, "an office of layers/codes/office.csv")
    for clause in table.get("basis", []):
        faults.one_of(f"{where} basis", clause, basis, "a basis of cases/legal_basis.csv")
    certainty = faults.one_of(f"{where} certainty", table.get("certainty", "confirmed"), CERTAINTIES, "a certainty")
    faults.one_of(
        f"{where} one_case_per", table.get("one_case_per", CASES_PER[0]), CASES_PER, "what a case is opened for"
    )
    texts = {key: faults.text(f"{where} {key}", table.get(key)) for key in ("title", "finding", "action")}
    for key in ("finding", "action"):
        check_sentence(
            texts[key], f"{where} {key}", sides if relation != "composition" else sides | {"object": None}, faults
        )
    note = faults.text(f"{where} note", table["note"]) if "note" in table else None
    _check_numbers_and_dates(table, where, sides["subject"], tuple(k for k in settings if k not in TEXTS), faults)
    if len(faults.rows) > before:
        return None
    return Rule(
        id=name, title=texts["title"], finding=texts["finding"], action=texts["action"],
        subject=table["subject"], object=table.get("object"), relation=relation,
        settings={k: float(table[k]) for k in settings if k in table and k not in TEXTS}, by=table.get("by"), unit=unit_of(relation, sides),
        along=table.get("along"), requires=tuple(table.get("requires", ())),
        where=conditions["where"], condition=conditions["condition"], severity=table["severity"], lead=table["lead"],
        support=tuple(table.get("support", ())), basis=tuple(table["basis"]), due_days=table.get("due_days"), due_on=table.get("due_on"),
        due_field=table.get("due_field"), near_m=table.get("near_m"), near_days=int(table.get("near_days", 0)), certainty=certainty,
        note=note, one_case_per=table.get("one_case_per", CASES_PER[0]),
        valid_from=table.get("valid_from"), valid_to=table.get("valid_to"), example=table["example"],
        version=hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()[:12],
    )  # fmt: skip


def _read_sides(
    table: Mapping[str, Any], where: str, schemas: Mapping[str, LayerSchema], faults: Faults
) -> dict[str, LayerSchema | None]:
    sides: dict[str, LayerSchema | None] = {"subject": None, "object": None}
    for side in sides:
        if side in table:
            faults.one_of(f"{where} {side}", table[side], schemas, "a layer of layers/")
            sides[side] = schemas.get(table[side])
    return sides


def _check_numbers_and_dates(
    table: Mapping[str, Any],
    where: str,
    subject: LayerSchema | None,
    settings: tuple[str, ...],
    faults: Faults,
) -> None:
    for key in (*settings, "near_m", "near_days", "due_days"):
        if key in table and (faults.expect(f"{where} {key}", table[key], "a number") and table[key] < 0):
            faults.add(f"{where} {key}", table[key], "a number of 0 or more")
    for key in ("due_on", "valid_from", "valid_to"):
        if key in table:
            faults.expect(f"{where} {key}", table[key], "a date as 2026-09-30")
    if sum(k in table for k in ("due_days", "due_on", "due_field")) > 1:
        faults.add(where, "several of due_days, due_on, due_field", "one of them")
    if "due_field" in table and subject is not None and subject.columns.get(table["due_field"]) != "date":
        faults.add(f"{where} due_field", table["due_field"], f"a date column of layers/{subject.id}.toml")
    example = table.get("example")
    if example is not None and not (isinstance(example, dict) and {"hit", "miss"} <= set(example)):
        faults.add(f"{where}.example", example, "the tables hit and miss", "Add both: they are the rule's test.")

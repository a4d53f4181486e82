"""Rates as content: named, versioned formulas of who is counted, out of whom, by which measure and up to which day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys._text import Text
from geosys.cases.basis import CERTAINTIES, read_basis
from geosys.cases.conditions import Condition, parse_conditions
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._schema import LayerSchema

SIDE = "subject"  # conditions of rates are over one layer: what rules call their subject
COUNT, AREA, LENGTH = "count", "area", "length"
SHARE, AMOUNT = "share", "amount"
KINDS_MEASURED = {AREA: "polygon", LENGTH: "line"}
UNITS = {COUNT: Text("个", "features"), AREA: Text("m²", "m²"), LENGTH: Text("m", "m")}
_NUMBERS = ("integer", "number")
_REQUIRED = ("title", "layer", "measure", "numerator", "basis", "certainty", "example")
_OPTIONAL = (
    "denominator", "doubtful", "value", "unit", "method", "year_of", "by", "cut_off", "known_on", "done_on", "lookup", "note",
)  # fmt: skip
_KINDS = {
    "layer": "a text", "measure": "a text", "value": "a text", "method": "a text", "year_of": "a text", "known_on": "a text", "done_on": "a text",
    "by": "a table of texts", "lookup": "a table of tables", "basis": "a list of texts", "certainty": "a text",
    "cut_off": "a date as 2026-09-30", "example": "a table",
}  # fmt: skip

Terms = tuple[tuple[Condition, ...], ...]  # one of them must hold, each with all its conditions


@dataclass(frozen=True, slots=True)
class Lookup:
    """Say how an empty field is filled: from `field` of another layer, where the two named fields are equal."""

    column: str
    layer: str
    field: str
    own_key: str
    other_key: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold one formula as its table in `cases/rates/*.toml` says it, validated.

    A feature counts once however many terms it meets. The numerator is always taken out of the denominator. `doubtful`
    names features of which nobody can say whether they belong. `known_on` is the field with the day from which a
    feature belongs to the ledger, `done_on` that from which it counts as done. `value` says whether the share is the
    result or the amount of the numerator. `year_of` is the
    text field that begins with the year the others are of: what is of another year than the day asked about is unknown.
    """

    id: str
    title: Text
    layer: str
    measure: str
    value: str
    unit: Text
    method: str
    year_of: str | None
    denominator: Terms
    numerator: Terms
    doubtful: Terms
    by: Mapping[str, str]
    cut_off: dt.date | None
    known_on: str | None
    done_on: str | None
    lookups: tuple[Lookup, ...]
    basis: tuple[str, ...]
    certainty: str
    note: Text | None
    example: Mapping[str, Any]
    version: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the layers the formula reads, its own first."""
        return tuple(dict.fromkeys((self.layer, *(lookup.layer for lookup in self.lookups))))


def read_rates(root: Path, schemas: Mapping[str, LayerSchema]) -> dict[str, Rate]:
    """Read and validate every formula below ``root/cases/rates`` against the layers' schemas.

    Raises
    ------
    SpecError
        With all faults of all formulas, one a line.
    """
    faults = Faults()
    basis = read_basis(root / "cases" / "legal_basis.csv", faults)
    rates: dict[str, Rate] = {}
    for path in sorted((root / "cases" / "rates").glob("*.toml")):
        for name, table in read_toml(path).items():
            where = f"{short_name(path)} [{name}]"
            if name in rates:
                faults.add(where, name, "a formula name used once")
            if not isinstance(table, dict):
                faults.add(where, table, "a table of a formula")
                continue
            rate = _read_rate(name, table, where, schemas, basis, faults)
            if rate is not None:
                rates[name] = rate
    faults.raise_if_any()
    return rates


def _read_rate(
    name: str, table: Mapping[str, Any], where: str, schemas: Mapping[str, LayerSchema],
    basis: Mapping[str, Any], faults: Faults,
) -> Rate | None:  # fmt: skip
    before = len(faults.rows)
    table = faults.sound(where, table, _KINDS)
    faults.keys(where, table, _OPTIONAL, _REQUIRED)
    faults.one_of(f"{where} layer", table.get("layer"), schemas, "a layer of layers/")
    value = faults.one_of(f"{where} value", table.get("value", SHARE), (SHARE, AMOUNT), "share or amount")
    certainty = faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty")
    for clause in table.get("basis", []):
        faults.one_of(f"{where} basis", clause, basis, "a basis of cases/legal_basis.csv")
    title = faults.text(f"{where} title", table.get("title"))
    note = faults.text(f"{where} note", table["note"]) if "note" in table else None
    if certainty not in ("", "confirmed") and note is None:
        faults.add(where, "no note", f"a note that says what is {certainty}", "Add note = { zh = …, en = … }.")
    schema = schemas.get(str(table.get("layer")))
    if schema is None:
        return None
    measure = _read_measure(table, where, schema, faults)
    unit = faults.text(f"{where} unit", table["unit"]) if "unit" in table else UNITS.get(measure)
    if unit is None:
        faults.add(where, "no unit", f"the unit of the field '{measure}'", "Add unit = { zh = …, en = … }.")
    terms = {
        k: _read_terms(table.get(k, []), f"{where} {k}", schema, faults)
        for k in ("denominator", "numerator", "doubtful")
    }
    _check_fields(table, where, schema, faults)
    lookups = _read_lookups(table.get("lookup", {}), where, schema, schemas, faults)
    if len(faults.rows) > before or unit is None:
        return None
    return Rate(
        id=name, title=title, layer=table["layer"], measure=measure, value=value, unit=unit, method=table.get("method", ""),
        **terms, year_of=table.get("year_of"),
        by=table.get("by", {}), cut_off=table.get("cut_off"), known_on=table.get("known_on"), done_on=table.get("done_on"),
        lookups=lookups, basis=tuple(table["basis"]), certainty=certainty, note=note, example=table["example"],
        version=hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()[:12],
    )  # fmt: skip


def _read_measure(table: Mapping[str, Any], where: str, schema: LayerSchema, faults: Faults) -> str:
    """Return what is added up: features, their area or length, or a field of numbers."""
    measure = str(table.get("measure", COUNT))
    if measure in KINDS_MEASURED:
        if schema.geometry != KINDS_MEASURED[measure]:
            faults.add(f"{where} measure", measure, f"a layer of {KINDS_MEASURED[measure]}s, not of {schema.geometry}s")
    elif measure != COUNT:
        numbers = [name for name, kind in schema.columns.items() if kind in _NUMBERS]
        faults.one_of(
            f"{where} measure", measure, (COUNT, AREA, LENGTH, *numbers), "count, area, length or a number field"
        )
    return measure


def _read_terms(given: Any, where: str, schema: LayerSchema, faults: Faults) -> Terms:
    """Return the alternatives of ``{ FIELD = … }`` or a list of such tables."""
    tables = given if isinstance(given, list) else [given]
    terms = []
    for i, table in enumerate(tables, 1):
        place = where if len(tables) == 1 else f"{where} {i}"
        if not isinstance(table, dict) or not table:
            faults.add(place, table, "{ FIELD = value }, or a list of them")
            continue
        terms.append(parse_conditions({SIDE: table}, place, {SIDE: schema}, faults))
    return tuple(terms)


def _check_fields(table: Mapping[str, Any], where: str, schema: LayerSchema, faults: Faults) -> None:
    for key in ("known_on", "done_on"):
        if key in table and schema.columns.get(table[key]) != "date":
            days = [name for name, kind in schema.columns.items() if kind == "date"]
            faults.add(
                f"{where} {key}", table[key], f"a date column of layers/{schema.id}.toml", f"Known: {', '.join(days)}."
            )
    if "year_of" in table and schema.columns.get(table["year_of"]) != "text":
        faults.add(f"{where} year_of", table["year_of"], f"a text column of layers/{schema.id}.toml")
    for word, name in table.get("by", {}).items():
        faults.one_of(f"{where} by {word}", name, schema.columns, f"a field of layers/{schema.id}.toml")
    if "cut_off" in table and "known_on" not in table:
        faults.add(
            f"{where} cut_off",
            table["cut_off"],
            "also known_on",
            "Name the field with the day a feature joined the ledger.",
        )
    example = table.get("example", {})
    faults.keys(f"{where}.example", example, ("unknown", "today"), ("rows", "numerator", "denominator"))
    for row in faults.sound(f"{where}.example", example, {"rows": "a list of tables"}).get("rows", []):
        for name in row:
            faults.one_of(
                f"{where}.example rows", name, (*schema.columns, "area_m2", "length_m"), "a field of the layer"
            )


def _read_lookups(
    tables: Mapping[str, Any], where: str, schema: LayerSchema, schemas: Mapping[str, LayerSchema], faults: Faults
) -> tuple[Lookup, ...]:
    lookups = []
    for column, table in tables.items():
        place = f"{where} lookup.{column}"
        faults.one_of(place, column, schema.columns, f"a field of layers/{schema.id}.toml")
        faults.keys(place, table, (), ("layer", "field", "own_key", "other_key"))
        faults.one_of(f"{place} layer", table.get("layer"), schemas, "a layer of layers/")
        other = schemas.get(str(table.get("layer")))
        if other is None:
            continue
        faults.one_of(f"{place} own_key", table.get("own_key"), schema.columns, f"a field of layers/{schema.id}.toml")
        for key in ("field", "other_key"):
            faults.one_of(f"{place} {key}", table.get(key), other.columns, f"a field of layers/{other.id}.toml")
        lookups.append(Lookup(column, **{k: str(table.get(k)) for k in ("layer", "field", "own_key", "other_key")}))
    return tuple(lookups)

"""Read and check one field of a profile against the layer it is taken from."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.layers.spec import CERTAINTIES, DISCLOSURES, TYPES
from geosys.maps.frames import FINDING_COLUMNS, FINDING_EXTRAS
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.content import Field
from geosys.publish.derived import MEASURES
from geosys.views import narrowest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._faults import Faults
    from geosys.layers.spec import Catalogue, LayerSpec

NAME_BYTES, TEXT_BYTES, DIGITS = 10, 254, 15  # of dBASE; a double keeps 15 digits
_NAME = re.compile(r"[^\W\d_]\w*")
_RESERVED = frozenset(
    {"fid", "objectid", "oid", "shape", "geom", "geometry", "shape_length", "shape_area", "rowid", "ogc_fid"}
)
_FINDING_TYPES = {
    **dict.fromkeys(("measure", "threshold", "margin", "area_m2", "share", "distance_m", "length_m"), "number"),
    **dict.fromkeys(("due_on", "found_on"), "date"),
    "is_near": "truth",
}
_FROM = {  # what a field of a type may be taken from
    "text": ("text", "integer", "date", "truth"),
    "integer": ("integer", "number"),
    "number": ("number", "integer"),
    "date": ("date",),
    "truth": ("truth",),
}
_KINDS = {
    "name": "a text", "type": "a text", "length": "a whole number", "decimals": "a whole number", "required": "true or false",
    "column": "a text", "constant": "a text", "certainty": "a text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Hold the columns that fields can be taken from: type, title and disclosure of each."""

    geometry: str
    types: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, Text] = field(default_factory=dict)
    disclosures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Columns:
        """Return those of no layer, so that faults of the rest are still found."""
        return cls("")

    @classmethod
    def of(cls, source: str, catalogue: Catalogue) -> Columns | None:
        """Return those of a layer or of the findings, None for what is neither."""
        if source == FINDINGS:
            names = [*FINDING_COLUMNS, *FINDING_EXTRAS, *_FINDING_TYPES]
            types = {name: _FINDING_TYPES.get(name, "text") for name in dict.fromkeys(names)}
            return cls("point", types, {}, dict.fromkeys(types, DISCLOSURES[0]))
        return _of_layer(catalogue.layers[source]) if source in catalogue.layers else None


def _of_layer(spec: LayerSpec) -> Columns:
    types = {name: spec.type_of(name) for name in spec.titles} | {"feature_id": "text"}
    types |= {name: "number" for name, (shapes, _) in MEASURES.items() if spec.geometry in shapes}
    disclosures = {
        **dict.fromkeys(types, spec.disclosure),
        **{d.id: narrowest(spec, d.inputs) for d in spec.derived.values()},
        **{f.id: f.disclosure for f in spec.fields.values()},
        "feature_id": narrowest(spec, spec.key),
    }
    return Columns(spec.geometry, types, spec.titles, disclosures)


def read_field(
    table: Mapping[str, Any], where: str, columns: Columns, catalogue: Catalogue, certainty: str, faults: Faults
) -> Field:
    """Return one field; title and type are those of its column unless the profile says otherwise; faults are added."""
    faults.keys(
        where,
        table,
        ("title", "type", "length", "decimals", "required", "codes", "column", "constant", "certainty"),
        ("name",),
    )
    table = faults.sound(where, table, _KINDS)
    name, column, constant = table.get("name", ""), table.get("column", ""), table.get("constant", "")
    where = f"{where} '{name}'"
    _check_name(name, where, faults)
    if bool(column) == bool(constant):
        faults.add(where, {"column": column, "constant": constant}, "either a column or a constant")
    if column and columns.types:
        faults.one_of(f"{where} column", column, columns.types, "a column of the layer, or a measure of its geometry")
    kind = faults.one_of(f"{where} type", table.get("type", columns.types.get(column, "text")), TYPES, "a type")
    came = columns.types.get(column, kind)
    if kind in _FROM and came not in (kind, *_FROM[kind]):
        faults.add(f"{where} type", kind, f"one that a column of type {came} can be written as")
    title = (
        faults.text(f"{where} title", table["title"]) if "title" in table else columns.titles.get(column, Text("", ""))
    )
    if not title.zh and (not column or column in columns.types):
        faults.add(
            f"{where} title", "nothing", '{ zh = "…", en = "…" }', "Neither the column nor the profile says what it is."
        )
    codes = _codes(table.get("codes"), where, catalogue, faults)
    _check_constant(constant, kind, codes, where, faults)
    return Field(
        name=name, title=title, type=kind, is_required=table.get("required", False), codes=codes, column=column, constant=constant,
        disclosure=columns.disclosures.get(column, DISCLOSURES[-1] if constant else DISCLOSURES[0]),
        certainty=faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty") or certainty,
        **_digits(table, kind, where, faults),
    )  # fmt: skip


def _check_name(name: str, where: str, faults: Faults) -> None:
    try:
        size = len(name.encode("gbk"))
    except UnicodeEncodeError:
        size = NAME_BYTES + 1
    if not _NAME.fullmatch(name) or size > NAME_BYTES:
        faults.add(f"{where} name", name, f"a letter, then letters, digits and _, at most {NAME_BYTES} bytes of GBK")
    elif name.casefold() in _RESERVED:
        faults.add(
            f"{where} name", name, "a name that no format keeps for itself", f"Kept: {', '.join(sorted(_RESERVED))}."
        )


def _digits(table: Mapping[str, Any], kind: str, where: str, faults: Faults) -> dict[str, int]:
    """Return length and decimals; those that no format can keep are faults."""
    length, decimals = table.get("length", 0), table.get("decimals", 0)
    most = {"text": 65_535, "integer": DIGITS, "number": DIGITS}.get(kind, 0)
    if not 0 <= length <= most:
        faults.add(f"{where} length", length, f"0 to {most} for a field of type {kind}")
    if decimals and (kind != "number" or not 0 < decimals < (length or DIGITS)):
        faults.add(f"{where} decimals", decimals, "digits behind the point of a number, fewer than its length")
    return {"length": length, "decimals": decimals}


def _codes(value: object, where: str, catalogue: Catalogue, faults: Faults) -> Mapping[str, Text]:
    """Return code -> title from the name of a code list or from an inline table."""
    if value is None:
        return {}
    if isinstance(value, str):
        faults.one_of(f"{where} codes", value, catalogue.codes, "a list of layers/codes/")
        return catalogue.codes[value].titles if value in catalogue.codes else {}
    if not faults.expect(f"{where} codes", value, "a table of tables") or not isinstance(value, dict):
        return {}
    return {code: faults.text(f"{where} codes {code}", title) for code, title in value.items()}


def _check_constant(constant: str, kind: str, codes: Mapping[str, Text], where: str, faults: Faults) -> None:
    if constant and codes:
        faults.one_of(f"{where} constant", constant, codes, "one of the codes")
    if constant and typed_constant(constant, kind) is None:
        faults.add(f"{where} constant", constant, f"a text that reads as a field of type {kind}")


def typed_constant(constant: str, kind: str) -> object:
    """Return the text of a constant as a value of a type, None where it cannot be read so.

    Examples
    --------
    >>> typed_constant("2026", "integer"), typed_constant("false", "truth"), typed_constant("x", "number")
    (2026, False, None)
    """
    try:
        if kind == "integer":
            return int(constant)
        if kind == "number":
            return float(constant)
        if kind == "date":
            return dt.date.fromisoformat(constant)
    except ValueError:
        return None
    return {"true": True, "false": False}.get(constant) if kind == "truth" else constant

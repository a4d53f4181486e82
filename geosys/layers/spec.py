"""Layer specs: what each layer is, how its fields are named, typed and checked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from geosys import _schema
from geosys._faults import Faults, nearest
from geosys._text import Text
from geosys.content import content_root, read_csv, read_toml, short_name
from geosys.layers import checks, derive
from geosys.layers.codes import CodeList, read_code_lists
from geosys.layers.cross_checks import check_references
from geosys.layers.river_keys import check_rivers, read_network, read_on_river

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.layers.river_keys import NetworkKeys, OnRiverKeys

GEOMETRIES = ("point", "line", "polygon", "none")
TYPES = ("text", "integer", "number", "date", "truth")
DISCLOSURES = _schema.DISCLOSURES
CERTAINTIES = ("confirmed", "second_hand", "unconfirmed", "our_reading")
_NUMBERS = ("integer", "number")
SEVERITIES = ("critical", "error", "warning", "notice")


@dataclass(frozen=True, slots=True)
class Field:
    """Describe one column: titles, type, unit, code list, limits, and the names senders give it."""

    id: str
    title: Text
    type: str
    required: bool = False
    length: int | None = None
    pattern: str | None = None
    codes: str | None = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    disclosure: str = "internal"
    certainty: str = "confirmed"


@dataclass(frozen=True, slots=True)
class Derived:
    """Describe one computed column: its title, the named function, its inputs and settings."""

    id: str
    title: Text
    function: str
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class LayerSpec:
    """Describe one layer as `layers/<id>.toml` does.

    Where `is_reference`, positions of other layers are held against it; `divisions` names the field whose codes tell
    which of its polygons a record of another layer must lie in. A line layer with `network` is one of rivers, and features
    of a layer with `on_river` stand on such lines.
    """

    id: str
    title: Text
    geometry: str
    key: tuple[str, ...]
    name: str | None
    steward: str
    disclosure: str
    accuracy_m: float
    source: str
    certainty: str
    fields: Mapping[str, Field]
    derived: Mapping[str, Derived]
    checks: tuple[Mapping[str, Any], ...]
    tolerances_m: Mapping[str, float] = field(default_factory=dict)
    slivers_m2: Mapping[str, float] = field(default_factory=dict)
    is_reference: bool = False
    divisions: str | None = None
    key_where_given: tuple[str, ...] = ()  # fields that belong to the key of a row that has them
    time: str | None = None  # the date a row stands for, where it tells of one day, as a sample does
    network: NetworkKeys | None = None
    on_river: OnRiverKeys | None = None
    spec_hash: str = field(repr=False, default="")

    @cached_property
    def titles(self) -> dict[str, Text]:
        """Return the title of every column, derived ones and the area included."""
        titles = {f.id: f.title for f in self.fields.values()} | {d.id: d.title for d in self.derived.values()}
        if self.geometry == "polygon":
            titles["area_m2"] = Text("椭球面积（m²）", "Ellipsoidal area (m²)")
        return titles

    def type_of(self, column: str) -> str:
        """Return the type of a field or derived column."""
        if column in self.fields:
            return self.fields[column].type
        return derive.FUNCTIONS[self.derived[column].function].type if column in self.derived else "number"


@dataclass(frozen=True, slots=True)
class IssueType:
    """Describe one kind of data issue: how grave, who mends it, and in which words."""

    id: str
    severity: str
    responsibility: str
    title: Text
    advice: Text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Hold all layer specs, code lists and issue types of one content folder."""

    layers: Mapping[str, LayerSpec]
    codes: Mapping[str, CodeList]
    issue_types: Mapping[str, IssueType]
    root: Path


def read_catalogue(root: Path | None = None) -> Catalogue:
    """Read every layer spec, code list and issue type below `root` (default: the content that came with GeoSys).

    Raises
    ------
    SpecError
        With all faults of all files, one a line.
    """
    root = root or content_root()
    faults = Faults()
    codes = read_code_lists(root / "layers" / "codes", faults)
    issue_types = _read_issue_types(root / "layers" / "issue_types.csv", faults)
    layers = {}
    for path in sorted((root / "layers").glob("*.toml")):
        layers[path.stem] = _read_layer(path, codes, faults)
    check_references(layers, faults)
    check_rivers(layers, faults)
    faults.raise_if_any()
    return Catalogue(layers, codes, issue_types, root)


def _read_issue_types(path: Path, faults: Faults) -> dict[str, IssueType]:
    columns = (
        "issue_type",
        "severity",
        "responsibility",
        "title_zh",
        "title_en",
        "advice_zh",
        "advice_en",
        "standard",
    )
    types = {}
    for line, row in enumerate(read_csv(path, columns), 2):
        where = f"{short_name(path)} line {line}"
        faults.one_of(where, row["severity"], SEVERITIES, "a severity")
        faults.one_of(where, row["responsibility"], ("sender", "office"), "sender or office")
        title, advice = Text(row["title_zh"], row["title_en"]), Text(row["advice_zh"], row["advice_en"])
        types[row["issue_type"]] = IssueType(row["issue_type"], row["severity"], row["responsibility"], title, advice)
    for name in sorted(checks.ISSUE_TYPES - set(types)):
        faults.add(short_name(path), "no row", f"a row for the issue type '{name}'")
    return types


_LAYER_KEYS = (
    "name", "source", "certainty", "reference", "divisions", "fields", "derived", "checks", "accuracy_m", "tolerance_m", "sliver_m2",
    "network", "on_river", "results", "rasters", "key_where_given", "time",
)  # fmt: skip
_LAYER_REQUIRED = ("title", "geometry", "key", "steward", "disclosure")


def _read_layer(path: Path, codes: Mapping[str, CodeList], faults: Faults) -> LayerSpec:
    """Return the spec of one file; faults are added, and defaults stand in for what is wrong."""
    table, where = read_toml(path), short_name(path)
    faults.keys(where, table, _LAYER_KEYS, _LAYER_REQUIRED)
    table = faults.sound(where, table, _LAYER_KINDS)
    disclosure = faults.one_of(
        f"{where} disclosure", table.get("disclosure", "internal"), DISCLOSURES, "a disclosure level"
    )
    certainty = faults.one_of(f"{where} certainty", table.get("certainty", "confirmed"), CERTAINTIES, "a certainty")
    offices = codes["office"].titles if "office" in codes else {}
    faults.one_of(f"{where} steward", table.get("steward"), offices, "an office of layers/codes/office.csv")
    fields = {
        name: _read_field(name, spec, f"{where} [fields.{name}]", codes, (disclosure, certainty), faults)
        for name, spec in table.get("fields", {}).items()
        if faults.expect(f"{where} [fields.{name}]", spec, "a table")
    }
    derived = {
        name: _read_derived(name, spec, f"{where} [derived.{name}]", fields, faults)
        for name, spec in table.get("derived", {}).items()
        if faults.expect(f"{where} [derived.{name}]", spec, "a table")
    }
    geometry = faults.one_of(f"{where} geometry", table.get("geometry"), GEOMETRIES, "a geometry")
    key = tuple(table.get("key", ()))
    for name in (*key, *table.get("key_where_given", ()), *([table["name"]] if "name" in table else [])):
        faults.one_of(f"{where} key/name", name, fields, "a field of this layer")
    if "divisions" in table:
        faults.one_of(f"{where} divisions", table["divisions"], fields, "a field of this layer")
    if "time" in table:
        dates = [name for name, one in fields.items() if one.type == "date"]
        faults.one_of(f"{where} time", table["time"], dates, "a field of this layer that is a date")
    _check_aliases(where, fields, faults)
    for i, check in enumerate(table.get("checks", [])):
        checks.check_spec(check, f"{where} [[checks]] {i + 1}", {**fields, **derived}, faults)
    return LayerSpec(
        id=path.stem, title=faults.text(f"{where} title", table.get("title")), geometry=geometry, key=key, name=table.get("name"),
        steward=str(table.get("steward")), disclosure=disclosure, accuracy_m=float(table.get("accuracy_m", 0.0)),
        source=str(table.get("source", "")), certainty=certainty, fields=fields, derived=derived,
        checks=tuple(table.get("checks", [])), spec_hash=_hash_spec(path, fields, codes),
        tolerances_m=_by_kind(table, "tolerance_m", where, faults), slivers_m2=_by_kind(table, "sliver_m2", where, faults),
        is_reference=bool(table.get("reference", False)), divisions=table.get("divisions"),
        key_where_given=tuple(table.get("key_where_given", ())), time=table.get("time"),
        network=read_network(table, where, fields, faults), on_river=read_on_river(table, where, fields, faults),
    )  # fmt: skip


_MOST_ROUNDING = {"tolerance_m": 1.0, "sliver_m2": 10.0}


def _by_kind(table: Mapping[str, Any], key: str, where: str, faults: Faults) -> dict[str, float]:
    """Return what passes as rounding against each kind of geometry: one number for all, or a table by kind."""
    kinds = [kind for kind in GEOMETRIES if kind != "none"]
    given = table.get(key, {})
    values = given if isinstance(given, dict) else dict.fromkeys(kinds, given)
    faults.keys(f"{where} {key}", values, kinds)
    wanted = f"a number from 0 to {_MOST_ROUNDING[key]:g}, or a table of them by {', '.join(kinds)}"
    wrong = {
        k: v
        for k, v in values.items()
        if isinstance(v, bool) or not isinstance(v, (int, float)) or not 0 <= v <= _MOST_ROUNDING[key]
    }
    if wrong:
        faults.add(
            f"{where} {key}", given, wanted, "It is for rounding of coordinates; how far they may be off is accuracy_m."
        )
    return {k: float(v) for k, v in values.items() if k in kinds and k not in wrong}


def _hash_spec(path: Path, fields: Mapping[str, Field], codes: Mapping[str, CodeList]) -> str:
    """Return the hash of the spec and of the code lists it uses: what the rows were judged by."""
    digest = hashlib.sha256(path.read_bytes())
    for name in sorted({f.codes for f in fields.values() if f.codes}):
        digest.update(codes[name].hash.encode() if name in codes else b"")
    return digest.hexdigest()[:12]


_LAYER_KINDS = {
    "geometry": "a text", "key": "a list of texts", "name": "a text", "steward": "a text", "disclosure": "a text", "source": "a text",
    "certainty": "a text", "reference": "true or false", "divisions": "a text",
    "accuracy_m": "a number", "fields": "a table", "derived": "a table", "checks": "a list of tables",
    "network": "a table", "on_river": "a table", "results": "a table", "rasters": "a list of tables", "key_where_given": "a list of texts",
    "time": "a text",
}  # fmt: skip
_FIELD_KINDS = {
    "type": "a text", "required": "true or false", "length": "a whole number", "pattern": "a text", "codes": "a text", "unit": "a text",
    "minimum": "a number", "maximum": "a number", "aliases": "a list of texts", "disclosure": "a text", "certainty": "a text",
}  # fmt: skip
_FIELD_KEYS = (
    "required",
    "length",
    "pattern",
    "codes",
    "unit",
    "minimum",
    "maximum",
    "aliases",
    "disclosure",
    "certainty",
    "source",
)


def _read_field(
    name: str,
    table: Mapping[str, Any],
    where: str,
    codes: Mapping[str, CodeList],
    inherited: tuple[str, str],
    faults: Faults,
) -> Field:
    faults.keys(where, table, _FIELD_KEYS, ("title", "type"))
    table = faults.sound(where, table, _FIELD_KINDS)
    kind = faults.one_of(f"{where} type", table.get("type"), TYPES, "a type")
    if "codes" in table and table["codes"] not in codes:
        faults.add(
            f"{where} codes",
            table["codes"],
            "a list of layers/codes/",
            nearest(table["codes"], codes) or "Add the CSV file.",
        )
    for key, kinds in (("minimum", _NUMBERS), ("maximum", _NUMBERS), ("length", ("text",)), ("pattern", ("text",))):
        if key in table and kind in TYPES and kind not in kinds:
            faults.add(f"{where} {key}", table[key], f"a field of type {' or '.join(kinds)} for '{key}'")
    try:
        re.compile(table.get("pattern", ""))
    except re.error as error:
        faults.add(f"{where} pattern", table["pattern"], f"a regular expression ({error})")
    disclosure = faults.one_of(
        f"{where} disclosure", table.get("disclosure", inherited[0]), DISCLOSURES, "a disclosure level"
    )
    certainty = faults.one_of(f"{where} certainty", table.get("certainty", inherited[1]), CERTAINTIES, "a certainty")
    return Field(
        id=name, title=faults.text(f"{where} title", table.get("title")), type=kind, required=bool(table.get("required", False)),
        length=table.get("length"), pattern=table.get("pattern"), codes=table.get("codes"), unit=table.get("unit"),
        minimum=table.get("minimum"), maximum=table.get("maximum"), aliases=tuple(table.get("aliases", ())),
        disclosure=disclosure, certainty=certainty,
    )  # fmt: skip


def _read_derived(
    name: str, table: Mapping[str, Any], where: str, fields: Mapping[str, Field], faults: Faults
) -> Derived:
    function = faults.one_of(
        f"{where} function", table.get("function"), derive.FUNCTIONS, "a function of geosys/layers/derive.py"
    )
    settings = {k: v for k, v in table.items() if k not in ("title", "function", "from", "source")}
    kinds = {"from": "a list of texts", "source": "a text", **dict.fromkeys(settings, "a whole number")}
    table = faults.sound(where, table, kinds)
    if function in derive.FUNCTIONS:
        faults.keys(where, table, ("source",), ("title", "function", "from", *derive.FUNCTIONS[function].settings))
    inputs = tuple(table.get("from", ()))
    for column in inputs:
        faults.one_of(f"{where} from", column, fields, "a field of this layer")
    return Derived(name, faults.text(f"{where} title", table.get("title")), function, inputs, settings)


def _check_aliases(where: str, fields: Mapping[str, Field], faults: Faults) -> None:
    """Fault a name that stands for two fields: mapping would be a guess."""
    seen: dict[str, str] = {}
    for spec in fields.values():
        for name in {spec.id.lower(), spec.title.zh.lower(), *(a.lower() for a in spec.aliases)}:
            if seen.setdefault(name, spec.id) != spec.id:
                faults.add(
                    f"{where} [fields.{spec.id}] aliases",
                    name,
                    "a name of one field only",
                    f"It also names '{seen[name]}'.",
                )

"""The content of the watch on land use: `cases/land_watch.toml`, with every layer, field and condition checked."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.basis import CERTAINTIES, Clause, read_basis
from geosys.cases.conditions import Condition, parse_conditions
from geosys.content import hash_file, read_toml, short_name
from geosys.views import offices_of, schemas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._schema import LayerSchema
    from geosys._text import Text
    from geosys.layers.spec import Catalogue

CHECKS = (
    "became_sensitive",
    "listed_forbidden_use",
    "permanent_on_polluted",
    "priority_unprotected",
    "transaction_unsurveyed",
)
WORDS = (
    "name",
    "area_m2",
    "doubtful_area_m2",
    "share_pct",
    "before",
    "after",
    "category",
    "objects",
    "use",
)  # of a finding
SEVERITIES = ("critical", "high", "medium", "low")
Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class UseLayer:
    """Hold a layer that says how land is used or planned: its code field, name field and code system."""

    title: Text
    layer: str
    code: str
    name: str
    system: str


@dataclass(frozen=True, slots=True)
class PlotLayer:
    """Hold a plot layer: when its survey is finished, when it is listed, and its own field for the planned use."""

    layer: str
    surveyed: Conditions | None
    listed: Conditions | None
    own_use: str
    system: str


@dataclass(frozen=True, slots=True)
class Transactions:
    """Hold the layer of land transactions: its use, its survey document, and the plots that make one a key one."""

    layer: str
    code: str
    name: str
    system: str
    document: str
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaceLayer:
    """Hold a layer of administrative units and the field that names them."""

    layer: str
    field: str


@dataclass(frozen=True, slots=True)
class Polluted:
    """Hold land that counts as polluted: layer, condition, and the field that says how."""

    layer: str
    where: Conditions
    word: str


@dataclass(frozen=True, slots=True)
class Farmland:
    """Hold the farmland layers, their limits (m², m), and which rows are what."""

    layer: str
    protected: str
    min_area_m2: float
    reach_m: float
    most: int
    priority: Conditions
    exceeding: Conditions
    cultivated: Conditions
    county: str
    township: str
    polluted: tuple[Polluted, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Hold what is said of a hit: title, severity, who leads, the law by date, and what to do within how many days."""

    id: str
    title: Text
    severity: str
    lead: str
    support: tuple[str, ...]
    basis: tuple[str, ...]
    finding: Text
    action: Text
    due_days: int


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """Hold the whole content: limits (m, m²), layers, checks, dated law, and the hash of the file."""

    version: str
    hash: str
    strip_m: float
    min_area_m2: float
    certainty: str
    source: str
    uses: Mapping[str, UseLayer]
    plots: tuple[PlotLayer, ...]
    transactions: Transactions
    farmland: Farmland
    county: PlaceLayer
    township: PlaceLayer
    checks: Mapping[str, Check]
    basis: Mapping[str, tuple[Clause, ...]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Hold what reading one file needs: layers, faults, and how messages call the file."""

    schemas: Mapping[str, LayerSchema]
    systems: Mapping[tuple[str, str], str]
    faults: Faults
    where: str

    def layer(self, table: Mapping[str, Any], key: str, at: str) -> str:
        areal = [name for name, schema in self.schemas.items() if schema.geometry == "polygon"]
        return self.faults.one_of(f"{self.where} {at} {key}", table.get(key), areal, "a polygon layer of layers/")

    def field(self, table: Mapping[str, Any], key: str, layer: str, at: str) -> str:
        columns = list(self.schemas[layer].columns) if layer in self.schemas else [str(table.get(key))]
        return self.faults.one_of(
            f"{self.where} {at} {key}", table.get(key), columns, f"a field of layers/{layer}.toml"
        )

    def system(self, layer: str, field: str, at: str) -> str:
        found = self.systems.get((layer, field), "")
        if not found and layer in self.schemas and field in self.schemas[layer].columns:
            self.faults.add(f"{self.where} {at}", field, "a field with a code list, which is its code system")
        return found

    def conditions(self, table: Mapping[str, Any], key: str, layer: str, at: str) -> Conditions | None:
        if key not in table:
            return None
        place = f"{self.where} {at} {key}"
        schemas = {"subject": self.schemas.get(layer)}
        return parse_conditions({"subject": table[key]}, place, schemas, self.faults)

    def number(self, table: Mapping[str, Any], key: str, at: str) -> float:
        value = table.get(key, 0)
        if self.faults.expect(f"{self.where} {at} {key}", value, "a number") and not 0 < value < float("inf"):
            self.faults.add(f"{self.where} {at} {key}", value, "a number above 0")
        return float(value) if isinstance(value, (int, float)) else 0.0


def read_watch(catalogue: Catalogue) -> WatchSpec:
    """Read and validate the content of the watch.

    Raises
    ------
    SpecError
        With every fault of the file.
    """
    path = catalogue.root / "cases" / "land_watch.toml"
    table, faults, where = read_toml(path), Faults(), short_name(path)
    needed = (
        "version",
        "strip_m",
        "min_area_m2",
        "certainty",
        "source",
        "uses",
        "plots",
        "transactions",
        "farmland",
        "places",
        "checks",
    )
    faults.keys(where, table, (), needed)
    kinds = {"version": "a text", "source": "a text", "uses": "a table of tables", "plots": "a list of tables"}
    kinds |= {
        "transactions": "a table",
        "farmland": "a table",
        "places": "a table of tables",
        "checks": "a table of tables",
    }
    table = faults.sound(where, table, kinds)
    systems = {
        (spec.id, field.id): field.codes
        for spec in catalogue.layers.values()
        for field in spec.fields.values()
        if field.codes
    }
    reading = _Reading(schemas_of(catalogue), systems, faults, where)
    basis = read_basis(catalogue.root / "cases" / "legal_basis.csv", faults)
    spec = WatchSpec(
        str(table.get("version", "")), hash_file(path)[:12], reading.number(table, "strip_m", ""), reading.number(table, "min_area_m2", ""),
        faults.one_of(f"{where} certainty", table.get("certainty"), CERTAINTIES, "a certainty"), str(table.get("source", "")),
        {name: _use(use, f"[uses.{name}]", reading) for name, use in table.get("uses", {}).items()},
        tuple(_plots(plots, f"[[plots]] {i}", reading) for i, plots in enumerate(table.get("plots", []), 1)),
        _transactions(table.get("transactions", {}), reading), _farmland(table.get("farmland", {}), reading),
        *_places(table.get("places", {}), reading),
        _checks(table.get("checks", {}), list(offices_of(catalogue)), basis, reading), basis,
    )  # fmt: skip
    faults.raise_if_any()
    return spec


def _use(table: Mapping[str, Any], at: str, reading: _Reading) -> UseLayer:
    reading.faults.keys(f"{reading.where} {at}", table, (), ("title", "layer", "code", "name"))
    layer = reading.layer(table, "layer", at)
    code = reading.field(table, "code", layer, at)
    title = reading.faults.text(f"{reading.where} {at} title", table.get("title"))
    return UseLayer(title, layer, code, reading.field(table, "name", layer, at), reading.system(layer, code, at))


def _plots(table: Mapping[str, Any], at: str, reading: _Reading) -> PlotLayer:
    reading.faults.keys(f"{reading.where} {at}", table, ("surveyed", "listed"), ("layer", "own_use"))
    layer = reading.layer(table, "layer", at)
    own = reading.field(table, "own_use", layer, at)
    surveyed, listed = (reading.conditions(table, key, layer, at) for key in ("surveyed", "listed"))
    return PlotLayer(layer, surveyed, listed, own, reading.system(layer, own, at))


def _transactions(table: Mapping[str, Any], reading: _Reading) -> Transactions:
    at = "[transactions]"
    reading.faults.keys(f"{reading.where} {at}", table, (), ("layer", "code", "name", "document", "near"))
    layer = reading.layer(table, "layer", at)
    code, name, document = (reading.field(table, key, layer, at) for key in ("code", "name", "document"))
    near = tuple(reading.layer({"near": n}, "near", at) for n in table.get("near", []))
    return Transactions(layer, code, name, reading.system(layer, code, at), document, near)


def _farmland(table: Mapping[str, Any], reading: _Reading) -> Farmland:
    at = "[farmland]"
    conditions = ("priority", "exceeding", "cultivated")
    needed = (
        "layer",
        "protected",
        "min_area_m2",
        "reach_m",
        "most",
        "county_field",
        "township_field",
        "polluted",
        *conditions,
    )
    reading.faults.keys(f"{reading.where} {at}", table, (), needed)
    layer, protected = reading.layer(table, "layer", at), reading.layer(table, "protected", at)
    priority, exceeding, cultivated = (reading.conditions(table, key, layer, at) or () for key in conditions)
    county, township = (reading.field(table, key, layer, at) for key in ("county_field", "township_field"))
    limits = [reading.number(table, key, at) for key in ("min_area_m2", "reach_m", "most")]
    polluted = tuple(
        _polluted(p, f"[[farmland.polluted]] {i}", reading) for i, p in enumerate(table.get("polluted", []), 1)
    )
    return Farmland(
        layer,
        protected,
        limits[0],
        limits[1],
        int(limits[2]),
        priority,
        exceeding,
        cultivated,
        county,
        township,
        polluted,
    )


def _places(tables: Mapping[str, Any], reading: _Reading) -> tuple[PlaceLayer, PlaceLayer]:
    units = ("of_county", "of_township")
    reading.faults.keys(f"{reading.where} [places]", tables, (), units)
    found = []
    for name in units:
        at, table = f"[places.{name}]", tables.get(name, {})
        reading.faults.keys(f"{reading.where} {at}", table, (), ("layer", "field"))
        layer = reading.layer(table, "layer", at)
        found.append(PlaceLayer(layer, reading.field(table, "field", layer, at)))
    return found[0], found[1]


def _polluted(table: Mapping[str, Any], at: str, reading: _Reading) -> Polluted:
    reading.faults.keys(f"{reading.where} {at}", table, (), ("layer", "where", "word"))
    layer = reading.layer(table, "layer", at)
    return Polluted(layer, reading.conditions(table, "where", layer, at) or (), reading.field(table, "word", layer, at))


def _checks(
    tables: Mapping[str, Any], offices: list[str], basis: Mapping[str, tuple[Clause, ...]], reading: _Reading
) -> dict[str, Check]:
    faults, where = reading.faults, f"{reading.where} [checks]"
    faults.keys(where, tables, (), CHECKS)
    found = {}
    for name, table in tables.items():
        at = f"{reading.where} [checks.{name}]"
        faults.keys(at, table, ("support",), ("title", "severity", "lead", "basis", "finding", "action", "due_days"))
        for office in (table.get("lead"), *table.get("support", ())):
            faults.one_of(f"{at} lead/support", office, offices, "an office of layers/codes/office.csv")
        for clause in table.get("basis", ()):
            faults.one_of(f"{at} basis", clause, basis, "a basis of cases/legal_basis.csv")
        faults.expect(f"{at} due_days", table.get("due_days", 0), "a whole number")
        found[name] = Check(
            name, faults.text(f"{at} title", table.get("title")), faults.one_of(f"{at} severity", table.get("severity"), SEVERITIES, "a severity"),
            str(table.get("lead")), tuple(table.get("support", ())), tuple(table.get("basis", ())),
            _template(table.get("finding"), f"{at} finding", faults), faults.text(f"{at} action", table.get("action")), int(table.get("due_days", 0)),
        )  # fmt: skip
    return found


def _template(given: Any, where: str, faults: Faults) -> Text:
    """Return a sentence with gaps; fault gaps that nothing fills."""
    text = faults.text(where, given)
    for language in (text.zh, text.en):
        try:
            gaps = [gap for _, gap, _, _ in Formatter().parse(language) if gap is not None]
        except ValueError as error:
            faults.add(where, language, f"gaps as {{name}} ({error})")
            continue
        for gap in gaps:
            faults.one_of(where, gap, WORDS, "a word that a finding knows")
    return text

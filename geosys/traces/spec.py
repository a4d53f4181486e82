"""Which layers are asked when water is traced, and what their columns mean: ``cases/tracing.toml``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.standards.water_items import item_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text
    from geosys.layers.spec import Catalogue

NAME = "tracing.toml"
_SECTION_KEYS = ("month", "class_now", "target", "passes", "exceeding", "doubt", "items")
_KINDS = {"reach_m": "a number", "density_t_m3": "a number"}


@dataclass(frozen=True, slots=True)
class Trades:
    """Say where the trade of a source is found: a layer, its column, and which columns must be equal (own -> theirs)."""

    layer: str
    column: str
    by: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Role:
    """Hold what one layer is in a trace and which of its columns mean what; an empty text where it has none.

    `call` are the columns that say whom to call, with the words before them; `at` the column that names another source
    through which this one discharges.
    """

    layer: str
    kind: str = ""
    flow: str = ""
    state: str = ""
    at: str = ""
    call: Mapping[str, Text] = field(default_factory=dict)
    concentrations: Mapping[str, str] = field(default_factory=dict)
    trades: Trades | None = None


@dataclass(frozen=True, slots=True)
class TraceSpec:
    """Hold the whole of ``cases/tracing.toml``.

    `results` names, by meaning, the columns of the sections that hold what their samples say; `facts` those columns that
    are told of the section in question.
    """

    reach_m: float
    density_t_m3: float
    river: Role
    sections: Role
    results: Mapping[str, str]
    facts: tuple[str, ...]
    borders: Role
    border_tolerance_m: float
    border_office: str
    sources: tuple[Role, ...]
    targets: tuple[Role, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Return all layers that a trace may ask, each once."""
        roles = [self.river, self.sections, self.borders, *self.sources, *self.targets]
        names = [role.layer for role in roles] + [r.trades.layer for r in self.sources if r.trades is not None]
        return tuple(dict.fromkeys(names))


def read_trace_spec(root: Path, catalogue: Catalogue) -> TraceSpec:
    """Read and check ``cases/tracing.toml`` of a content folder.

    Raises
    ------
    SpecError
        With every fault of the file.
    """
    path = root / "cases" / NAME
    table, where, faults = read_toml(path), short_name(path), Faults()
    faults.keys(where, table, (), (*_KINDS, "rivers", "sections", "borders", "sources", "targets"))
    table = {"reach_m": 0.0, "density_t_m3": 1.0} | table
    for key in _KINDS:
        if not isinstance(table[key], int | float) or isinstance(table[key], bool) or table[key] <= 0:
            faults.add(f"{where} {key}", table[key], "a number above 0")
    parts = {key: table.get(key, {}) for key in ("rivers", "sections", "borders")}
    known = {"sections": (*_SECTION_KEYS, "facts"), "borders": ("tolerance_m", "office"), "rivers": ()}
    roles = {key: _role(f"{where} [{key}]", parts[key], catalogue, faults, known[key]) for key in parts}
    several = {
        key: tuple(
            _role(f"{where} [[{key}]] {i}", row, catalogue, faults, ()) for i, row in enumerate(table.get(key, []), 1)
        )
        for key in ("sources", "targets")
    }
    office = str(parts["borders"].get("office", ""))
    if office:
        faults.one_of(f"{where} [borders] office", office, catalogue.codes["office"].titles, "an office")
    faults.raise_if_any(SpecError)
    sections = parts["sections"]
    return TraceSpec(
        float(table["reach_m"]), float(table["density_t_m3"]), roles["rivers"], roles["sections"],
        {key: str(sections.get(key, "")) for key in _SECTION_KEYS}, tuple(sections.get("facts", ())),
        roles["borders"], float(parts["borders"].get("tolerance_m", 0.0)), office, several["sources"], several["targets"],
    )  # fmt: skip


def _role(where: str, table: Mapping[str, Any], catalogue: Catalogue, faults: Faults, more: tuple[str, ...]) -> Role:
    """Read one role; the columns of samples' results are not in a layer's spec and are not checked here."""
    faults.keys(where, table, (*Role.__dataclass_fields__, *more), ("layer",))
    layer = faults.one_of(f"{where} layer", table.get("layer"), catalogue.layers, "a layer of layers/")
    if layer not in catalogue.layers:
        return Role(layer)
    titles = catalogue.layers[layer].titles
    plain = {key: str(table[key]) for key in ("kind", "flow", "state", "at") if key in table}
    call = {name: faults.text(f"{where} call {name}", text) for name, text in table.get("call", {}).items()}
    concentrations = dict(table.get("concentrations", {}))
    for name in [*plain.values(), *call, *concentrations.values()]:
        faults.one_of(where, name, titles, f"a column of layers/{layer}.toml")
    for item in concentrations:
        _check_item(f"{where} concentrations", item, faults)
    return Role(
        layer, **plain, call=call, concentrations=concentrations, trades=_trades(where, table, catalogue, faults)
    )


def _trades(where: str, table: Mapping[str, Any], catalogue: Catalogue, faults: Faults) -> Trades | None:
    given = table.get("trades")
    if given is None:
        return None
    where = f"{where} trades"
    faults.keys(where, given, (), ("layer", "column", "by"))
    layer = faults.one_of(f"{where} layer", given.get("layer"), catalogue.layers, "a layer of layers/")
    theirs = catalogue.layers[layer].titles if layer in catalogue.layers else {}
    by = dict(given.get("by", {}))
    for name in (given.get("column"), *by.values()):
        faults.one_of(where, name, theirs, f"a column of layers/{layer}.toml")
    for name in by:
        faults.one_of(where, name, catalogue.layers[str(table["layer"])].titles, f"a column of {table['layer']}")
    return Trades(layer, str(given.get("column", "")), by)


def _check_item(where: str, item: str, faults: Faults) -> None:
    try:
        item_named(item)
    except SpecError as error:
        faults.rows.append(f"{where}: {error}")

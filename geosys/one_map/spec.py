"""What makes up the one map: themes, code systems and measures, as `cases/one_map.toml` names them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.layers.crosswalks import CERTAINTIES, Crosswalk, read_crosswalks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._text import Text
    from geosys.layers.codes import CodeList
    from geosys.layers.spec import Catalogue

FILE = ("cases", "one_map.toml")
KINDS_OF_SUBJECT = ("polygon", "point")
UNITS = {"m2": 1.0, "ha": 10_000.0}
_KINDS = {
    **dict.fromkeys(("layer", "field", "name", "system", "result", "certainty", "theme", "unit", "codes", "version"), "a text"),
    "full": "true or false", "least_m2": "a number", "prefixes": "a list of texts", "subjects": "a list of texts",
    **dict.fromkeys(("themes", "systems", "measures"), "a table of tables"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class System:
    """Hold one code system: its title, its codes and how sure the list is."""

    id: str
    title: Text
    codes: CodeList
    certainty: str


@dataclass(frozen=True, slots=True)
class Theme:
    """Hold one theme of the one map: the layer that tells it, by which field, in which system.

    Without a `field` it is a line of control: what lies under it, and what lies outside. Where `is_full`, the layer
    should cover everything, and what it leaves open is unknown; elsewhere that is outside.
    """

    id: str
    title: Text
    layer: str
    field: str | None
    name: str | None
    system: System | None
    is_full: bool
    result: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold one result column: the area in a theme under codes that begin with one of some prefixes."""

    id: str
    title: Text
    theme: str
    prefixes: tuple[str, ...]
    unit: str
    certainty: str

    @property
    def unit_m2(self) -> float:
        """Return how many square metres the unit has."""
        return UNITS[self.unit]


@dataclass(frozen=True, slots=True)
class OneMapSpec:
    """Hold the whole of `cases/one_map.toml` with its code lists and crosswalks.

    Less than `least_m2` of open, doubtful or overlapping land is told but leaves a feature assessed.
    """

    version: str
    least_m2: float
    subjects: tuple[str, ...]
    themes: Mapping[str, Theme]
    systems: Mapping[str, System]
    measures: Mapping[str, Measure]
    crosswalks: Mapping[tuple[str, str], Crosswalk]
    hash: str = field(repr=False, default="")

    @property
    def land_layers(self) -> tuple[str, ...]:
        """Return the layers that tell the themes, each once."""
        return tuple(dict.fromkeys(theme.layer for theme in self.themes.values()))

    def fields_of(self, layer: str) -> tuple[str, ...]:
        """Return the fields that themes read of a layer, each once."""
        named = [name for t in self.themes.values() if t.layer == layer for name in (t.field, t.name)]
        return tuple(dict.fromkeys(name for name in named if name))

    def crosswalk_of(self, theme: Theme) -> Crosswalk | None:
        """Return the crosswalk that leads from a theme's system, or None."""
        if theme.system is None:
            return None
        return next((walk for (one, _), walk in self.crosswalks.items() if one == theme.system.codes.id), None)


def read_one_map(catalogue: Catalogue) -> OneMapSpec:
    """Read what makes up the one map.

    Raises
    ------
    SpecError
        With all faults of `cases/one_map.toml`, or of a crosswalk.
    """
    path = catalogue.root.joinpath(*FILE)
    table = read_toml(path)
    where, faults = short_name(path), Faults()
    keys = ("version", "least_m2", "subjects", "systems", "themes", "measures")
    faults.keys(where, table, keys, keys)
    table = faults.sound(where, table, _KINDS)
    for name in table.get("subjects", []):
        faults.one_of(f"{where} subjects", name, catalogue.layers, "a layer of layers/")
        if name in catalogue.layers and catalogue.layers[name].geometry not in KINDS_OF_SUBJECT:
            faults.add(f"{where} subjects", name, "a layer of polygons or points")
    systems = _each(table, "systems", where, faults, lambda n, t, w: _system(n, t, w, catalogue, faults))
    themes = _each(table, "themes", where, faults, lambda n, t, w: _theme(n, t, w, catalogue, systems, faults))
    measures = _each(table, "measures", where, faults, lambda n, t, w: _measure(n, t, w, themes, faults))
    _check_results(where, themes, measures, faults)
    faults.raise_if_any()
    walks = read_crosswalks(catalogue.root / "layers" / "crosswalks", catalogue.codes)
    digest = hashlib.sha256(path.read_bytes() + "".join(walks[k].hash for k in sorted(walks)).encode())
    return OneMapSpec(
        table["version"],
        float(table["least_m2"]),
        tuple(table["subjects"]),
        themes,
        systems,
        measures,
        walks,
        digest.hexdigest()[:12],
    )


def _each(table: Mapping[str, Any], kind: str, where: str, faults: Faults, read: Any) -> dict[str, Any]:
    """Return what each table of a kind says, without those at fault."""
    found = {}
    for name, entry in table.get(kind, {}).items():
        place = f"{where} [{kind}.{name}]"
        read_entry = read(name, faults.sound(place, entry, _KINDS), place)
        if read_entry is not None:
            found[name] = read_entry
    return found


def _system(name: str, entry: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults) -> System | None:
    keys = ("title", "codes", "certainty")
    faults.keys(where, entry, keys, keys)
    codes = faults.one_of(f"{where} codes", entry.get("codes"), catalogue.codes, "a code list of layers/codes")
    certainty = faults.one_of(f"{where} certainty", entry.get("certainty"), CERTAINTIES, "a certainty")
    title = faults.text(f"{where} title", entry.get("title"))
    return System(name, title, catalogue.codes[codes], certainty) if codes in catalogue.codes else None


def _theme(
    name: str, entry: Mapping[str, Any], where: str, catalogue: Catalogue, systems: Mapping[str, System], faults: Faults
) -> Theme | None:
    faults.keys(where, entry, ("field", "name", "system"), ("title", "layer", "full", "result"))
    layer = faults.one_of(f"{where} layer", entry.get("layer"), catalogue.layers, "a layer of layers/")
    if layer not in catalogue.layers:
        return None
    spec = catalogue.layers[layer]
    if spec.geometry != "polygon":
        faults.add(f"{where} layer", layer, "a layer of polygons")
    for key in ("field", "name"):
        faults.one_of(f"{where} {key}", entry.get(key), spec.titles, f"a field of layers/{layer}.toml")
    if "field" not in entry and ("name" in entry or "system" in entry):
        faults.add(where, "no field", "a field for the name or the system", "Add 'field = …'.")
    system = faults.one_of(f"{where} system", entry.get("system"), systems, "a system of this file")
    codes = spec.fields[entry["field"]].codes if entry.get("field") in spec.fields else None
    if system in systems and codes not in (None, systems[system].codes.id):
        faults.add(f"{where} system", system, f"the system of the field, whose codes are '{codes}'")
    return Theme(
        name, faults.text(f"{where} title", entry.get("title")), layer, entry.get("field"), entry.get("name"),
        systems.get(system), bool(entry.get("full")), str(entry.get("result", "")),
    )  # fmt: skip


def _measure(
    name: str, entry: Mapping[str, Any], where: str, themes: Mapping[str, Theme], faults: Faults
) -> Measure | None:
    keys = ("title", "theme", "prefixes", "unit", "certainty")
    faults.keys(where, entry, keys, keys)
    theme = faults.one_of(f"{where} theme", entry.get("theme"), themes, "a theme of this file")
    unit = faults.one_of(f"{where} unit", entry.get("unit"), UNITS, "m2 or ha")
    certainty = faults.one_of(f"{where} certainty", entry.get("certainty"), CERTAINTIES, "a certainty")
    if theme in themes and themes[theme].field is None:
        faults.add(f"{where} theme", theme, "a theme with a field")
    title = faults.text(f"{where} title", entry.get("title"))
    return Measure(name, title, theme, tuple(entry.get("prefixes", ())), unit, certainty)


def _check_results(where: str, themes: Mapping[str, Theme], measures: Mapping[str, Measure], faults: Faults) -> None:
    """Fault two results of one name: one column would hide the other."""
    names = [theme.result for theme in themes.values()] + list(measures)
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add(where, name, "a name for one result only", "Rename the 'result' of one theme or the measure.")

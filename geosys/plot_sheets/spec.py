"""What a plot sheet shows: layers of plots, of samples, of receptors and of its two maps, as `maps/plot_sheet.toml` says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.maps.frames import DISCLOSURES
from geosys.standards.soil_limits import STANDARDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._text import Text
    from geosys.layers.spec import Catalogue

FILE = ("maps", "plot_sheet.toml")
_TEXTS = ("title", "notice", "approval", "disclaimer")
_SAMPLE_FIELDS = ("sample_of", "sample_use", "sample_ph", "sample_depth_cm")
_TABLES = ("plots", "location", "closeup", "receptors", "paper")
_KINDS = {
    **dict.fromkeys(("standard", "pollutants", "frame", "land", "label", "samples", *_SAMPLE_FIELDS), "a text"),
    **dict.fromkeys(("state", "layers", "labels", "others"), "a list of texts"),
    **dict.fromkeys(("least_m", "share", "label_to_m", "reach_m", "map_height_mm"), "a number"),
    **dict.fromkeys(("most", "most_rows"), "a whole number"),
    "kinds": "a table of texts", "plots": "a table of tables",
    **dict.fromkeys(("location", "closeup", "receptors", "paper"), "a table"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlotLayer:
    """Hold one layer of plots: the standard for its samples, the fields that tell its state and its pollutants."""

    layer: str
    standard: str
    state: tuple[str, ...]
    pollutants: str


@dataclass(frozen=True, slots=True)
class MapOf:
    """Hold what stands on one of the two maps; lengths in metres on the ground.

    `frame` is the layer the map is fitted to, empty: the plot; `land` the layer whose `label` is written on it.
    """

    layers: tuple[str, ...]
    labels: tuple[str, ...]
    frame: str = ""
    land: str = ""
    label: str = ""
    others: tuple[str, ...] = ()
    least_m: float = 0.0
    share: float = 0.0
    label_to_m: float = 0.0


@dataclass(frozen=True, slots=True)
class SampleFields:
    """Hold the layer of samples and its fields: plot or unit, use, pH, depth."""

    layer: str
    unit: str
    use: str
    ph: str
    depth_cm: str


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """Hold the whole of `maps/plot_sheet.toml`."""

    title: Text
    notice: Text
    approval: Text
    disclaimer: Text
    audience: str
    plots: Mapping[str, PlotLayer]
    samples: SampleFields
    location: MapOf
    closeup: MapOf
    receptors: tuple[str, ...]
    receptor_kinds: Mapping[str, str]
    reach_m: float
    most_receptors: int
    map_height_mm: float
    most_rows: int
    hash: str = field(repr=False, default="")

    @property
    def layers(self) -> tuple[str, ...]:
        """Return every layer a sheet needs, each once."""
        named = (
            *self.plots,
            self.samples.layer,
            *self.location.layers,
            self.location.frame,
            *self.closeup.layers,
            *self.closeup.others,
        )
        return tuple(dict.fromkeys(name for name in (*named, self.closeup.land, *self.receptors) if name))


def read_sheet_spec(catalogue: Catalogue) -> SheetSpec:
    """Read what a plot sheet shows.

    Raises
    ------
    SpecError
        With every fault of `maps/plot_sheet.toml`: unknown keys, layers and fields.
    """
    path = catalogue.root.joinpath(*FILE)
    table, where, faults = read_toml(path), short_name(path), Faults()
    faults.keys(where, table, (), (*_TEXTS, "audience", "samples", *_SAMPLE_FIELDS, *_TABLES))
    table = faults.sound(where, table, _KINDS)
    texts = {key: faults.text(f"{where} {key}", table.get(key)) for key in _TEXTS}
    audience = faults.one_of(f"{where} audience", table.get("audience"), DISCLOSURES, "an audience")
    plots = {name: _plots(name, row, where, catalogue, faults) for name, row in table.get("plots", {}).items()}
    samples = _samples(table, where, catalogue, faults)
    location = _map(table.get("location", {}), f"{where} [location]", ("frame", "layers", "labels"), catalogue, faults)
    needs = ("land", "label", "layers", "labels", "others", "least_m", "share", "label_to_m")
    closeup = _map(table.get("closeup", {}), f"{where} [closeup]", needs, catalogue, faults)
    near = _table(table, "receptors", where, ("layers", "kinds", "reach_m", "most"), faults)
    paper = _table(table, "paper", where, ("map_height_mm", "most_rows"), faults)
    for name in near.get("layers", []):
        faults.one_of(f"{where} [receptors] layers", name, catalogue.layers, "a layer of layers/")
    for name, column in near.get("kinds", {}).items():
        if (
            faults.one_of(f"{where} [receptors] kinds", name, near.get("layers", []), "a layer of [receptors]")
            in catalogue.layers
        ):
            titles = catalogue.layers[name].titles
            faults.one_of(f"{where} [receptors] kinds {name}", column, titles, f"a field of layers/{name}.toml")
    if not plots:
        faults.add(f"{where} [plots]", "nothing", "at least one layer of plots")
    faults.raise_if_any()
    return SheetSpec(
        **texts, audience=audience, plots=plots, samples=samples, location=location, closeup=closeup,
        receptors=tuple(near["layers"]), receptor_kinds=near["kinds"], reach_m=float(near["reach_m"]), most_receptors=near["most"],
        map_height_mm=float(paper["map_height_mm"]), most_rows=paper["most_rows"],
        hash=hashlib.sha256(path.read_bytes()).hexdigest()[:12],
    )  # fmt: skip


def _table(table: Mapping[str, Any], name: str, where: str, needs: tuple[str, ...], faults: Faults) -> dict[str, Any]:
    """Return one table of the file with sound values; numbers must be above 0."""
    place, row = f"{where} [{name}]", table.get(name, {})
    faults.keys(place, row, (), needs)
    row = faults.sound(place, row, _KINDS)
    for key, value in row.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            faults.add(f"{place} {key}", value, "a number above 0")
    return row


def _plots(name: str, row: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults) -> PlotLayer:
    place = f"{where} [plots.{name}]"
    faults.keys(place, row, ("pollutants",), ("standard", "state"))
    row = faults.sound(place, row, _KINDS)
    if faults.one_of(place, name, catalogue.layers, "a layer of layers/") in catalogue.layers:
        spec = catalogue.layers[name]
        if spec.geometry != "polygon":
            faults.add(place, name, "a layer of polygons")
        for column in (*row.get("state", ()), *([row["pollutants"]] if "pollutants" in row else [])):
            faults.one_of(place, column, spec.titles, f"a field of layers/{name}.toml")
    faults.one_of(f"{place} standard", row.get("standard"), STANDARDS, "a standard")
    return PlotLayer(name, str(row.get("standard")), tuple(row.get("state", ())), str(row.get("pollutants", "")))


def _samples(table: Mapping[str, Any], where: str, catalogue: Catalogue, faults: Faults) -> SampleFields:
    layer = faults.one_of(f"{where} samples", table.get("samples"), catalogue.layers, "a layer of layers/")
    if layer in catalogue.layers:
        for key in _SAMPLE_FIELDS:
            column = table.get(key)
            faults.one_of(f"{where} {key}", column, catalogue.layers[layer].titles, f"a field of layers/{layer}.toml")
    return SampleFields(layer, *(str(table.get(key)) for key in _SAMPLE_FIELDS))


def _map(row: Mapping[str, Any], where: str, needs: tuple[str, ...], catalogue: Catalogue, faults: Faults) -> MapOf:
    faults.keys(where, row, (), needs)
    row = faults.sound(where, row, _KINDS)
    layers, labels = row.get("layers", []), row.get("labels", [])
    for name in (*layers, *row.get("others", []), *(row[key] for key in ("frame", "land") if key in row)):
        faults.one_of(f"{where} layers", name, catalogue.layers, "a layer of layers/")
    for name in labels:
        faults.one_of(f"{where} labels", name, layers, "a layer of this map")
    land = row.get("land", "")
    if land in catalogue.layers:
        faults.one_of(
            f"{where} label", row.get("label"), catalogue.layers[land].titles, f"a field of layers/{land}.toml"
        )
    numbers = {key: float(row.get(key, 0.0)) for key in ("least_m", "share", "label_to_m")}
    return MapOf(
        tuple(layers),
        tuple(labels),
        row.get("frame", ""),
        land,
        row.get("label", ""),
        tuple(row.get("others", ())),
        **numbers,
    )

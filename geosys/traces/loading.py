"""Take from a workspace what a trace stands on: its layers, their network, the results of sections, known concentrations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import geosys
from geosys._errors import SpecError, WorkspaceError
from geosys._faults import Faults
from geosys.content import read_csv
from geosys.layers.results_spec import results_spec
from geosys.maps.frames import Meta, Provenance
from geosys.receive import receive
from geosys.rivers.networks import rivers_of
from geosys.sections.results import with_results
from geosys.standards.water_items import item_named
from geosys.traces.scene import Scene
from geosys.traces.spec import read_trace_spec

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.workspace import Workspace

    Progress = Callable[[str, int, int], None]

CONCENTRATION_COLUMNS = ("code", "item", "mg_l")


def scene_of(workspace: Workspace, catalogue: Catalogue, today: dt.date, progress: Progress) -> Scene:
    """Return what a trace stands on; deliveries that were taken in before are not read again.

    The results of sections are those of the day `today`.

    Raises
    ------
    WorkspaceError
        When there is no usable layer of rivers.
    """
    spec = read_trace_spec(catalogue.root, catalogue)
    given = {delivery.layer for delivery in workspace.deliveries}
    wanted = [name for name in _with_samples(spec.layers, catalogue) if name in given]
    first = sorted(
        wanted, key=lambda name: (not (catalogue.layers[name].is_reference or catalogue.layers[name].divisions), name)
    )
    layers: dict[str, Layer] = {}
    for done, name in enumerate(first):
        progress("deliveries", done, len(first))
        layer = receive(workspace, name, catalogue).layer()
        if layer is not None:
            layers[name] = layer
    progress("deliveries", len(first), len(first))
    river = spec.river.layer
    rivers = rivers_of(workspace, layers, catalogue, progress)
    if river not in rivers:
        raise WorkspaceError(
            f"trace: got no network of '{river}', expected a usable layer of rivers. Deliver it, and see 'geosys rivers faults'."
        )
    return Scene(rivers[river].waterway, with_results(layers, catalogue, today), catalogue, spec)


def _with_samples(names: tuple[str, ...], catalogue: Catalogue) -> list[str]:
    """Return the layers and those whose samples say how they stand."""
    results = [results_spec(name, catalogue) for name in names]
    return [*names, *dict.fromkeys(result.samples for result in results if result is not None)]


def meta_of(workspace: Workspace, scene: Scene, today: dt.date) -> Meta:
    """Return what every output prints about itself."""
    layers = [
        Provenance(
            layer.spec.title, layer.version, ", ".join(d["file"] for d in layer.provenance["deliveries"]), len(layer.frame)
        )
        for layer in scene.layers.values()
    ]  # fmt: skip
    return Meta(workspace.title, today, f"GeoSys {geosys.__version__}", workspace.mark, layers=layers)


def read_concentrations(path: Path) -> dict[tuple[str, str], float]:
    """Return milligrams a litre by feature and item from a table with the columns code, item, mg_l.

    Raises
    ------
    SpecError
        With every row that names no item of GB 3838 table 1, has no number of 0 or more, or stands there twice.
    """
    faults, found = Faults(), {}
    for line, row in enumerate(read_csv(path, CONCENTRATION_COLUMNS), 2):
        where = f"{path.name} line {line}"
        try:
            key = row["code"], item_named(row["item"])
        except SpecError as error:
            faults.rows.append(f"{where}: {error}")
            continue
        try:
            value = float(row["mg_l"])
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            faults.add(
                f"{where} mg_l",
                row["mg_l"],
                "milligrams a litre, 0 or more",
                "Leave the row out where it is not known.",
            )
        if key in found:
            faults.add(where, row["code"], "each code and item once", "Take one of the two rows out.")
        found[key] = value
    faults.raise_if_any(SpecError)
    return found

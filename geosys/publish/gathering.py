"""Gather what a package is made from: layer versions, findings of the last run, issues of intake, what has changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.layers.store import has_current, read_current, read_issues, read_provenance, stored_key
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.source_checks import Setting
from geosys.sheets.desk import read_results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.publish.content import Profile
    from geosys.sheets.desk import Results
    from geosys.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Gathered:
    """Hold the current version of each layer a profile asks for, the results of the last run, and what checks go by."""

    layers: Mapping[str, Layer]
    results: Results | None
    setting: Setting


def gather(workspace: Workspace, catalogue: Catalogue, profile: Profile) -> Gathered:
    """Return what a package of a profile is made from.

    Raises
    ------
    WorkspaceError
        When a version or the results of the last run are damaged.
    """
    names = [name for name in dict.fromkeys(layer.source for layer in profile.layers) if name in catalogue.layers]
    read = {name: read_current(workspace.store, catalogue.layers[name]) for name in names}
    layers = {name: layer for name, layer in read.items() if layer is not None}
    results = read_results(workspace)
    has_findings = any(layer.source == FINDINGS for layer in profile.layers)
    newer = _newer(workspace, catalogue, results) if results is not None and has_findings else ()
    issues = {name: _severities(workspace, name) for name in names}
    return Gathered(layers, results, Setting(workspace.place, newer, issues))


def _newer(workspace: Workspace, catalogue: Catalogue, results: Results) -> tuple[str, ...]:
    """Return the titles of layers whose version is not the one the findings are of."""
    ran = {name: told.get("version") for name, told in results.manifest["layers"].items()}
    now = {
        name: read_provenance(workspace.store, name)["version"]
        for name in catalogue.layers
        if has_current(workspace.store, name)
    }
    names = [name for name in catalogue.layers if ran.get(name) != now.get(name)]
    return tuple(catalogue.layers[name].title.zh for name in names)


def _severities(workspace: Workspace, layer: str) -> dict[str, int]:
    """Return how many issues of each severity the intake of a layer's current version found."""
    key = stored_key(workspace.store, layer)
    issues = read_issues(workspace.store, layer, key, workspace.crs) if key else None
    return {} if issues is None else {str(k): int(v) for k, v in issues["severity"].value_counts().items()}

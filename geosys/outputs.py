"""Write what a run leaves behind: the map, the tables of findings and issues, and both as GeoPackage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

import geosys
from geosys.cases.plot_life_reading import read_plot_life
from geosys.layers.vector_files import write_geopackage
from geosys.map_feed.months import with_months
from geosys.maps.frames import Meta, Provenance
from geosys.maps.page import build_page
from geosys.maps.spec import load_map
from geosys.maps.tables import write_findings, write_issues
from geosys.views import INTERNAL, in_degrees, map_layer_of, schemas_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

    from geosys.layers.spec import Catalogue
    from geosys.map_feed.feed import Feed
    from geosys.maps.frames import MapLayer
    from geosys.maps.spec import MapSpec
    from geosys.results import RunResult
    from geosys.workspace import Workspace


def write_outputs(
    folder: Path,
    workspace: Workspace,
    catalogue: Catalogue,
    result: RunResult,
    today: dt.date,
    progress: Callable[[str, int, int], None],
    feed: Feed | None = None,
) -> dict[str, str]:
    """Write every output of a run into a folder and return their names by kind.

    Parameters
    ----------
    feed
        What the ledger tells of the findings, for the map.

    Raises
    ------
    DisclosureError
        When the map would show a layer to a wider audience than it may have.
    """
    meta = meta_of(workspace, result, today)
    progress("outputs", 0, 3)
    write_issues(folder / "issues.xlsx", result.issues, meta)
    names = {"issues": "issues.xlsx"}
    tables = {"issues": _plain(result.issues)}
    if result.findings is not None and result.outcomes is not None:
        progress("outputs", 1, 3)
        write_findings(folder / "findings.xlsx", result.findings, result.outcomes, meta)
        tables["findings"] = _plain(result.findings)
        progress("outputs", 2, 3)
        page = _map_of(workspace, catalogue, result, meta, feed)
        (folder / "map.html").write_text(page, encoding="utf-8", newline="\n")
        names |= {"findings": "findings.xlsx", "map": "map.html"}
    write_geopackage(folder / "results.gpkg", tables, today.isoformat())
    progress("outputs", 3, 3)
    return names | {"geopackage": "results.gpkg"}


def _map_of(workspace: Workspace, catalogue: Catalogue, result: RunResult, meta: Meta, feed: Feed | None) -> str:
    """Return the map page; what people wrote and photographed is for an internal map only."""
    schemas = schemas_of(catalogue)
    spec = load_map(catalogue.root / "maps", {name: set(schema.titles) for name, schema in schemas.items()})
    findings = in_degrees(result.findings)
    if feed is not None and spec.audience == INTERNAL:
        findings = findings.assign(**feed.columns)
    shown = _shown(catalogue, result, spec, meta.as_of)
    return build_page(spec, shown, findings, result.outcomes, meta, workspace.basemap)


def _shown(catalogue: Catalogue, result: RunResult, spec: MapSpec, today: dt.date) -> list[MapLayer]:
    """Return the layers that have a place, with the months they can go back through."""
    lists = tuple(read_plot_life(catalogue.root, schemas_of(catalogue)).lists.values())
    named = {name: layer for name, layer in result.layers.items() if layer.spec.geometry != "none"}
    return [
        with_months(
            map_layer_of(layer, catalogue), result.layers, catalogue, lists, spec.palettes.style(name).by, today
        )
        for name, layer in named.items()
    ]


def meta_of(workspace: Workspace, result: RunResult, today: dt.date) -> Meta:
    """Return what every output prints about itself: title, day, program, mark, layer versions."""
    layers = [
        Provenance(
            layer.spec.title,
            layer.version,
            ", ".join(d["file"] for d in layer.provenance["deliveries"]),
            len(layer.frame),
        )
        for layer in result.layers.values()
    ]
    program = f"GeoSys {geosys.__version__}"
    return Meta(workspace.title, today, program, workspace.mark, rules_version=result.rules_version, layers=layers)


def _plain(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame whose object columns are text: what a GeoPackage can hold for every reader."""
    texts = {
        c: frame[c].map(lambda v: None if pd.isna(v) else str(v)) for c in frame.columns if frame[c].dtype == object
    }
    return frame.assign(**texts)

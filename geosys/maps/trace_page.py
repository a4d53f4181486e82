"""The map of a trace: content of ``maps/trace_*.toml`` with looks of its own, on the page of the overview map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from geosys._faults import Faults
from geosys.content import read_toml, short_name
from geosys.maps.frames import FINDING_COLUMNS, OUTCOME_COLUMNS
from geosys.maps.page import CRS, build_page
from geosys.maps.palettes import read_style, read_swatch, swatch_tables
from geosys.maps.spec import load_map

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from geosys.maps.frames import MapLayer, Meta
    from geosys.maps.spec import MapSpec

UPSTREAM_MAP, DOWNSTREAM_MAP = "trace_upstream.toml", "trace_downstream.toml"
STYLES = "trace_styles.toml"


def load_trace_map(folder: Path, name: str, fields: Mapping[str, Collection[str]] | None = None) -> MapSpec:
    """Read one map of a trace (``trace_upstream.toml`` or ``trace_downstream.toml``) with the looks of its layers.

    Parameters
    ----------
    folder
        The content folder ``maps/``.
    fields
        Layer id -> its columns, of the layers that are not made by the trace; when given, unknown columns are faults.

    Raises
    ------
    SpecError
        With every fault of a file.
    """
    spec, path, faults = load_map(folder, name=name), folder / STYLES, Faults()
    where, table = short_name(path), read_toml(path)
    faults.keys(where, table, (), ("classes", "styles"))
    classes = {
        key: {
            word: read_swatch(f"{where} [classes.{key}] {word}", row, ("colour",), faults) for word, row in rows.items()
        }
        for key, rows in swatch_tables(where, table.get("classes", {}), faults).items()
    }
    styles = {
        key: read_style(f"{where} [styles.{key}]", row, classes, faults)
        for key, row in swatch_tables(where, table.get("styles", {}), faults).items()
    }
    for view in spec.views if fields is not None else ():
        for column in view.columns if fields is not None and view.layer not in styles else ():
            known = fields.get(view.layer, ()) if fields is not None else ()
            faults.one_of(f"maps/{name} [[layers]] {view.layer} columns", column, known, "a field of that layer")
    faults.raise_if_any()
    palettes = spec.palettes
    looks = replace(palettes, classes={**palettes.classes, **classes}, styles={**palettes.styles, **styles})
    return replace(spec, palettes=looks)


def trace_page(spec: MapSpec, layers: Sequence[MapLayer], meta: Meta) -> str:
    """Return the map of a trace as one HTML text that needs nothing else.

    Parameters
    ----------
    spec
        As `load_trace_map` returns it.
    layers
        What the trace made and what lies under it, in EPSG:4490; only those that the map names are shown.

    Raises
    ------
    SpecError, DisclosureError
        As `geosys.maps.page.build_page`.
    """
    nothing = gpd.GeoDataFrame({name: pd.Series(dtype=object) for name in FINDING_COLUMNS}, geometry=[], crs=CRS)
    rules = pd.DataFrame({name: pd.Series(dtype=object) for name in OUTCOME_COLUMNS})
    shown = [layer for layer in layers if spec.view(layer.id) is not None]
    return build_page(spec, shown, nothing, rules, meta)

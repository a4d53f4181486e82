"""The stored layers as rates read them: all fields of today's specs, and the county of those that do not name it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.layers.results_spec import results_spec
from geosys.layers.store import has_current, read_current
from geosys.sections.results import with_results
from geosys.views import view_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from geosys._schema import UsableLayer
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StoredLayers:
    """Hold layers by id, and by layer how many features got their empty unit from where they lie."""

    views: Mapping[str, UsableLayer]
    placed: Mapping[str, int]


def stored_layers(workspace: Workspace, catalogue: Catalogue, names: Sequence[str], today: dt.date) -> StoredLayers:
    """Return some layers as the last run stored them; absent ones are left out.

    A layer whose spec asks for the results of samples gets them as of `today`. Where the workspace holds a layer of
    divisions (counties), a feature of another layer with that field empty gets the code of the one division it meets;
    one that meets several, or none, keeps it empty.
    """
    units = [spec for spec in catalogue.layers.values() if spec.divisions]
    samples = [asked.samples for name in names if (asked := results_spec(name, catalogue)) is not None]
    layers: dict[str, Layer] = {}
    for name in dict.fromkeys([*names, *samples, *(spec.id for spec in units)]):
        layer = read_current(workspace.store, catalogue.layers[name]) if has_current(workspace.store, name) else None
        if layer is not None:
            layers[name] = layer
    divisions = {str(spec.divisions): layers[spec.id].frame for spec in units if spec.id in layers}
    there = {spec.id for spec in units}
    views: dict[str, UsableLayer] = {}
    placed: dict[str, int] = {}
    for name, layer in with_results(layers, catalogue, today).items():
        view = _with_all_columns(view_of(layer, catalogue))
        for column, frame in divisions.items():
            if column in view.schema.columns and name not in there and name in names:
                filled, count = place_in_units(view.frame, frame, column)
                view = replace(view, frame=filled)
                placed[name] = placed.get(name, 0) + count
        views[name] = view
    return StoredLayers(views, {name: count for name, count in placed.items() if count})


def place_in_units(frame: gpd.GeoDataFrame, units: gpd.GeoDataFrame, column: str) -> tuple[gpd.GeoDataFrame, int]:
    """Return a frame whose empty `column` is filled with the code of the one unit a feature meets, and how many were.

    Parameters
    ----------
    frame, units
        Of one CRS; both have `column`.
    """
    shapes = frame.geometry.to_numpy()
    empty = np.flatnonzero(frame[column].isna().to_numpy() & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    known = units[units[column].notna() & units.geometry.notna()]
    if not len(empty) or not len(known):
        return frame, 0
    found = shapely.STRtree(known.geometry.to_numpy()).query(shapes[empty], predicate="intersects")
    codes = known[column].astype(str).to_numpy(dtype=object)[found[1]]
    met: dict[int, set[str]] = {}
    for at, code in zip(empty[found[0]], codes, strict=True):
        met.setdefault(int(at), set()).add(code)
    sure = {at: next(iter(codes)) for at, codes in met.items() if len(codes) == 1}
    values = frame[column].astype(object).to_numpy(copy=True)
    for at, code in sure.items():
        values[at] = code
    return frame.assign(**{column: values}), len(sure)


def _with_all_columns(view: UsableLayer) -> UsableLayer:
    """Return a layer with the fields it was stored without, all empty: an older run did not know them."""
    missing = dict.fromkeys(name for name in view.schema.columns if name not in view.frame)
    if not missing:
        return view
    return replace(view, frame=view.frame.assign(**missing), withheld=view.withheld.assign(**missing))

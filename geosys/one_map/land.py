"""The land that the one map is made of, and the features that are laid on it: from the layers of a run or from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.geo.geometry import of_kind
from geosys.layers.area_check import AREA_UNITS
from geosys.layers.store import current_file
from geosys.layers.stored_polygons import KEY, read_polygons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.layers.intake import Layer
    from geosys.one_map.spec import OneMapSpec

AREA_CHECK = "area_agrees"  # the check of a layer that says which field states its area, and how far off it may be


@dataclass(frozen=True, slots=True)
class LandLayer:
    """Hold one land layer: clean polygons with the fields that themes read, and the hulls of those withheld.

    `size` counts the clean rows of the whole version, `withheld` those kept back, `placeless` those of them that have no
    place.
    """

    id: str
    version: str
    frame: gpd.GeoDataFrame
    hulls: NDArray[np.object_]
    size: int
    withheld: int
    placeless: int


@dataclass(frozen=True, slots=True)
class Subjects:
    """Hold the features of one layer that the one map is asked about.

    `frame` has `feature_id`, `name` and the geometry; `stated_m2` is NaN where no area is stated, `tolerance_share` how
    far it may lie from the ellipsoidal one. `total` counts the layer's clean rows, `withheld` those kept back.
    """

    layer: str
    title: Text
    is_point: bool
    frame: gpd.GeoDataFrame
    stated_m2: NDArray[np.float64]
    tolerance_share: float
    accuracy_m: float
    version: str
    total: int
    withheld: int


def subjects_of(layer: Layer, only: Sequence[str] | None = None) -> Subjects:
    """Return a layer's clean features, or some of them by feature id, as subjects of the one map.

    Raises
    ------
    WorkspaceError
        When the layer has neither polygons nor points, or a feature asked for is not there.
    """
    spec, frame = layer.spec, layer.frame
    if spec.geometry not in ("polygon", "point"):
        raise WorkspaceError(
            f"one map: got '{spec.id}', a layer of geometry '{spec.geometry}', expected polygons or points."
        )
    known = frame[KEY].astype(str)
    if only is not None:
        absent = [code for code in only if code not in set(known)]
        if absent:
            lost = set(layer.withheld[KEY].astype(str)) if KEY in layer.withheld else set()
            why = "It was withheld: see the issues." if absent[0] in lost else nearest(absent[0], known)
            raise WorkspaceError(f"one map: got feature '{absent[0]}', expected one of '{spec.id}'. {why}")
        frame = frame[known.isin(set(only))]
    stated, tolerance = _stated(layer, frame)
    names = frame[spec.name] if spec.name else frame[KEY]
    columns = {KEY: frame[KEY].astype(str).to_numpy(), "name": names.astype(object).to_numpy()}
    return Subjects(
        spec.id, spec.title, spec.geometry == "point",
        gpd.GeoDataFrame(columns, geometry=frame.geometry.to_numpy(), crs=frame.crs),
        stated, tolerance, spec.accuracy_m, layer.version, len(layer.frame), len(layer.withheld),
    )  # fmt: skip


def _stated(layer: Layer, frame: gpd.GeoDataFrame) -> tuple[NDArray[np.float64], float]:
    """Return the stated areas in m² and how far they may be off, as the layer's own area check says."""
    for check in layer.spec.checks:
        if check["check"] == AREA_CHECK:
            numbers = pd.to_numeric(frame[check["field"]]).to_numpy(dtype=float, na_value=np.nan)
            return numbers * AREA_UNITS[check.get("unit", "m2")], float(check["tolerance_share"])
    return np.full(len(frame), np.nan), 0.0


def land_of(layers: Mapping[str, Layer], spec: OneMapSpec) -> dict[str, LandLayer]:
    """Return the land layers among the layers of a run; absent ones are absent."""
    found = {}
    for name in spec.land_layers:
        if name in layers:
            layer = layers[name]
            kept = layer.frame[[KEY, *spec.fields_of(name), layer.frame.geometry.name]]
            found[name] = _land(name, layer.version, kept, len(layer.frame), layer.withheld.geometry.to_numpy())
    return found


def land_in_store(store: Path, spec: OneMapSpec, box: tuple[float, ...] | None, crs: Any) -> dict[str, LandLayer]:
    """Return the land layers of a workspace's store that have a current version, only what meets a box.

    Parameters
    ----------
    box
        Least x and y, most x and y, in the plan's CRS; None for all.
    crs
        The plan's CRS, under which the layers are known.
    """
    found = {}
    for name in spec.land_layers:
        path = current_file(store, name)
        if path is None or not path.exists():
            continue
        stored = read_polygons(store, name, spec.fields_of(name), box, "one map")
        kept_back = path.with_name(f"{path.stem}.withheld.parquet")
        lost = (
            gpd.read_parquet(kept_back, columns=["geometry"]).geometry.to_numpy() if stored.withheld else np.array([])
        )
        frame = stored.frame.set_crs(crs, allow_override=True) if stored.frame.crs == crs else stored.frame
        found[name] = _land(name, stored.version, frame, stored.size, lost)
    return found


def _land(name: str, version: str, frame: gpd.GeoDataFrame, size: int, lost: Any) -> LandLayer:
    """Return a land layer; a withheld row counts by the hull of its shape, whose border is in doubt."""
    shapes = np.asarray(lost, dtype=object)
    placed = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    hulls = np.asarray(shapely.convex_hull(shapes[placed]), dtype=object)
    hulls = hulls[of_kind(hulls, "polygon") & shapely.is_valid(hulls)]
    return LandLayer(name, version, frame, hulls, size, len(shapes), int((~placed).sum()))

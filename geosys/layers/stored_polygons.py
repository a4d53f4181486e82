"""The polygons of a stored layer version that lie in a box, without reading the rest of a city's land layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import pyarrow.parquet as pq

from geosys._errors import CrsError, WorkspaceError
from geosys._faults import nearest
from geosys.layers.store import current_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KEY = "feature_id"
POLYGONS = {"Polygon", "MultiPolygon"}


@dataclass(frozen=True, slots=True)
class StoredPolygons:
    """Hold one current layer version: the features of interest, how many it has in all, how many were withheld from it."""

    version: str
    frame: gpd.GeoDataFrame
    size: int
    withheld: int


def read_polygons(
    store: Path, layer: str, fields: Sequence[str], box: tuple[float, ...] | None, what: str
) -> StoredPolygons:
    """Return the polygons of a layer's current version, those that meet a box where one is given.

    Parameters
    ----------
    store
        The folder of layer versions.
    layer
        The layer's id.
    fields
        The columns wanted beside `feature_id` and the geometry.
    box
        Least x and y, most x and y, in the layer's CRS; None for all.
    what
        What messages call the work, as in ``ledger``.

    Raises
    ------
    WorkspaceError
        When there is no current version, it lacks a field, or it holds other things than polygons.
    """
    path = current_file(store, layer)
    if path is None:
        there = [folder.name for folder in sorted(store.glob("*")) if current_file(store, folder.name)]
        hint = nearest(layer, there) or f"There are: {', '.join(there) or 'none'}. Run 'geosys run' first."
        raise WorkspaceError(f"{what}: got '{layer}', expected a layer with a current version. {hint}")
    names = pq.read_schema(path).names
    for field in fields:
        if field not in names:
            raise WorkspaceError(f"{what}: got field '{field}', expected one of '{layer}'. {nearest(field, names)}")
    frame = gpd.read_parquet(path, columns=[KEY, *fields, "geometry"], bbox=box)
    wrong = sorted(set(frame.geom_type.dropna()) - POLYGONS)
    if wrong:
        raise WorkspaceError(f"{what}: got '{layer}' with {', '.join(wrong)}, expected a layer of polygons.")
    withheld = path.with_name(f"{path.stem}.withheld.parquet")
    size = pq.read_metadata(path).num_rows
    return StoredPolygons(path.stem, frame, size, pq.read_metadata(withheld).num_rows if withheld.exists() else 0)


def check_same_crs(subject: gpd.GeoDataFrame, laid: Mapping[str, gpd.GeoDataFrame], what: str) -> None:
    """Raise where a layer stands in another CRS than the subjects.

    Raises
    ------
    CrsError
        Naming the first such layer.
    """
    for name, frame in laid.items():
        if frame.crs != subject.crs:
            raise CrsError(
                f"{what}: got '{name}' in {frame.crs}, expected {subject.crs} as the subjects. "
                "Run 'geosys run' to write all layers in the plan's CRS."
            )

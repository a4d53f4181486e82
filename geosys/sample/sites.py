"""Works on which plots and units can lie: converted fields in zones and the red line, and all industrial patches."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.sample.places import as_decimal
from geosys.sample.terrain import GRID_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.zones import Zones

INDUSTRY = "0601"
_INSET_M, _CLEAR_M = 8.0, 25.0


def convert_sites(rng: np.random.Generator, patches: Patches, zones: Zones) -> Patches:
    """Turn some fields inside protection zones and the red line into old works, so that plots can lie there."""
    rings = zones.zones[zones.zones["level"] != "一级"].geometry.to_numpy()
    targets = [*((ring, 3) for ring in rings), *((line, 3) for line in zones.redline.geometry)]
    size = shapely.area(patches.outline)
    field = np.isin(patches.land_class, ["0102", "0103"]) & (size > 9_000.0) & (size < 40_000.0)  # noqa: PLR2004
    land_class = patches.land_class.copy()
    for target, wanted in targets:
        core = shapely.buffer(target, -_CLEAR_M - 10.0)
        shapely.prepare(core)
        inside = np.flatnonzero(field & shapely.contains(core, patches.outline))
        land_class[rng.permutation(inside)[:wanted]] = INDUSTRY
    return dataclasses.replace(patches, land_class=land_class)


@dataclasses.dataclass(frozen=True)
class Sites:
    """Hold the works: patch, outline of the plot in it, middle, and where it lies; `free` says which are not taken."""

    patch: NDArray[np.int64]
    outline: NDArray[np.object_]
    middle: NDArray[np.object_]
    in_zone: NDArray[np.bool_]
    in_ring_two: NDArray[np.bool_]
    near_zone: NDArray[np.bool_]
    in_redline: NDArray[np.bool_]
    is_planned: NDArray[np.bool_]
    off_farm_edge: NDArray[np.bool_]
    free: NDArray[np.bool_]

    def take(self, wanted: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return up to `wanted` free sites where a condition holds, and mark them taken."""
        chosen = np.flatnonzero(self.free & where)[:wanted]
        self.free[chosen] = False
        return chosen


def find_sites(
    rng: np.random.Generator, patches: Patches, zones: Zones, planned: NDArray[np.bool_], permanent: NDArray[np.object_]
) -> Sites:
    """Return all works in random order, without those that lie within some metres of a line that decides a rule.

    Parameters
    ----------
    planned
        Which patches the plan wants for homes or public services.
    permanent
        Outlines of the permanent farmland, in the metric CRS.
    """
    size = shapely.area(patches.outline)
    patch = rng.permutation(np.flatnonzero((patches.land_class == INDUSTRY) & (size > 4_500.0) & (size < 60_000.0)))  # noqa: PLR2004
    outline = shapely.set_precision(shapely.buffer(patches.outline[patch], -_INSET_M, join_style="mitre"), GRID_M)
    whole = (shapely.get_type_id(outline) == int(shapely.GeometryType.POLYGON)) & (shapely.area(outline) > 2_000.0)  # noqa: PLR2004
    patch, outline = patch[whole], outline[whole]
    middle = as_decimal(shapely.point_on_surface(outline))
    rings = zones.zones.geometry.to_numpy()
    inner = shapely.union_all(rings[zones.zones["level"].isin(["一级", "二级"])])
    red = shapely.union_all(zones.redline.geometry.to_numpy())
    gap = shapely.distance(outline[:, None], rings[None, :])
    gap_middle = shapely.distance(middle[:, None], rings[None, :])
    borders = shapely.union_all(np.append(shapely.boundary(rings), shapely.boundary(red)))
    clear = shapely.distance(outline, borders) > _CLEAR_M
    clear &= (np.abs(gap - 500.0) > _CLEAR_M).all(axis=1) & (np.abs(gap_middle - 500.0) > _CLEAR_M).all(axis=1)
    near = gap.min(axis=1)
    return Sites(
        patch, outline, middle,
        in_zone=near == 0.0,
        in_ring_two=shapely.intersects(inner, middle),
        near_zone=(near > 0.0) & (near < 450.0),  # noqa: PLR2004
        in_redline=shapely.intersects(red, outline),
        is_planned=planned[patch],
        off_farm_edge=_off_edge(middle, permanent, 100.0),
        free=clear,
    )  # fmt: skip


def _off_edge(points: NDArray[np.object_], others: NDArray[np.object_], distance_m: float) -> NDArray[np.bool_]:
    """Say which points keep 15 m clear of a distance from every other thing."""
    tree = shapely.STRtree(others)
    i, j = tree.query(points, predicate="dwithin", distance=distance_m + 15.0)
    near = shapely.distance(points[i], others[j]) > distance_m - 15.0
    return np.asarray(np.bincount(i[near], minlength=len(points)) == 0)

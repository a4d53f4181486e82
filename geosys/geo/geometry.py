"""Geometry as delivered: what is wrong with it, and the repair that is offered with its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = {
    "point": (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT),
    "line": (
        shapely.GeometryType.LINESTRING,
        shapely.GeometryType.MULTILINESTRING,
        shapely.GeometryType.LINEARRING,
    ),
    "polygon": (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
}
DIMENSION = {"point": 0, "line": 1, "polygon": 2}


@dataclass(frozen=True, slots=True)
class Repair:
    """Hold one proposed repair: the geometry, the reason with its place, and the planar area before and after in m²."""

    geometry: shapely.Geometry | None
    reason: str
    area_before: float
    area_after: float

    @property
    def change_share(self) -> float:
        """Return the area change as a share of the area before (infinite where nothing was before)."""
        change = abs(self.area_after - self.area_before)
        return change / self.area_before if self.area_before > 0 else (np.inf if change > 0 else 0.0)


def extent(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return west, south, east, north of all geometries together; NaN where there are none."""
    return np.asarray(shapely.total_bounds(geometries)) if len(geometries) else np.full(4, np.nan)


def of_kind(geometries: NDArray[np.object_], kind: str) -> NDArray[np.bool_]:
    """Say for each geometry, shape (n,), whether it is a point, line or polygon (or several of them)."""
    return np.isin(shapely.get_type_id(geometries), [int(t) for t in KINDS[kind]])


def propose_repair(geometry: shapely.Geometry) -> Repair:
    """Return the structure-based repair of an invalid polygon or line, in the geometry's own units.

    Rings keep their meaning (shell or hole); parts of a lower dimension are dropped. Area before is the shell less
    its holes as drawn, at least 0, so two lobes of a bow-tie cancel: exactly the case where a machine cannot know
    what was meant, and where `Repair.change_share` is large.

    Examples
    --------
    >>> tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    >>> fixed = propose_repair(tie)
    >>> fixed.area_before, fixed.area_after, fixed.change_share
    (0.0, 50.0, inf)
    """
    reason = shapely.is_valid_reason(geometry)
    fixed = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    wanted = shapely.get_dimensions(geometry)
    parts = [part for part in shapely.get_parts(fixed) if shapely.get_dimensions(part) == wanted and not part.is_empty]
    before = max(float(shapely.area(geometry)), 0.0)
    if not parts:
        return Repair(None, reason, before, 0.0)
    merged = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    return Repair(merged, reason, before, float(shapely.area(merged)))


def duplicate_of(geometries: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return for each geometry the position of the first equal one before it, or −1.

    Equal means the same point set written the same way after normalising; missing ones are never duplicates.

    Examples
    --------
    >>> duplicate_of(np.array([shapely.Point(1, 2), shapely.Point(3, 4), shapely.Point(1, 2)]))
    array([-1, -1,  0])
    """
    normal = shapely.to_wkb(shapely.normalize(geometries))
    first: dict[bytes, int] = {}
    result = np.full(len(normal), -1, dtype=np.int64)
    for i, wkb in enumerate(normal):
        if wkb is not None:
            result[i] = -1 if first.setdefault(wkb, i) == i else first[wkb]
    return result


def overlapping_pairs(geometries: NDArray[np.object_], min_area: float) -> list[tuple[int, int, float]]:
    """Return pairs of polygons of one layer whose common area exceeds `min_area`, as (i, j, planar area), i < j."""
    usable = np.flatnonzero(~shapely.is_missing(geometries) & ~shapely.is_empty(geometries))
    subset = geometries[usable]
    tree = shapely.STRtree(subset)
    left, right = tree.query(subset, predicate="overlaps")
    inner_left, inner_right = tree.query(subset, predicate="covers")
    a, b = np.concatenate([left, inner_left]), np.concatenate([right, inner_right])
    keep = np.unique(np.sort(np.column_stack([a, b]), axis=1)[a != b], axis=0)
    if not len(keep):
        return []
    area = shapely.area(shapely.intersection(subset[keep[:, 0]], subset[keep[:, 1]]))
    return [(int(usable[i]), int(usable[j]), float(s)) for (i, j), s in zip(keep, area, strict=True) if s > min_area]

"""Geometry as delivered: what is wrong with it, and the repair that is offered with its price."""

from __future__ import annotations

import re
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
SURFACE = DIMENSION["polygon"]
_INTERIORS_MEET = "2********"  # of the nine relations of two geometries: their interiors share a surface
_PLACE = re.compile(r"\[(\S+) (\S+)\]$")


@dataclass(frozen=True, slots=True)
class Repair:
    """Hold one proposed repair: the geometry, the reason with its place, and the planar area before and after in m².

    `geometry` is None when nothing of the kind is left; `place` is the point at which the geometry is at fault.
    """

    geometry: shapely.Geometry | None
    reason: str
    area_before: float
    area_after: float
    place: shapely.Point

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
        return Repair(None, reason, before, 0.0, place_of(reason, geometry))
    merged = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    return Repair(merged, reason, before, float(shapely.area(merged)), place_of(reason, geometry))


def place_of(reason: str, geometry: shapely.Geometry) -> shapely.Point:
    """Return the point that GEOS names in the reason why a geometry is invalid, or its first vertex where it names none.

    Examples
    --------
    >>> tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    >>> place_of(shapely.is_valid_reason(tie), tie)
    <POINT (5 5)>
    """
    named = _PLACE.search(reason)
    if named is not None and all(np.isfinite(float(part)) for part in named.groups()):
        return shapely.Point(float(named[1]), float(named[2]))
    return shapely.Point(shapely.get_coordinates(geometry)[0])


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
    """Return pairs of polygons of one layer whose common area exceeds `min_area`, as (i, j, planar area), i < j.

    Neighbours that share their border vertex by vertex cannot overlap: a clean coverage costs one look at its edges,
    and only pairs whose interiors meet are cut.
    """
    usable = np.flatnonzero((shapely.get_dimensions(geometries) == SURFACE) & ~shapely.is_empty(geometries))
    shapes = geometries[usable]
    if not len(shapes):
        return []
    suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes)))
    a, b = shapely.STRtree(shapes).query(shapes[suspect])
    pairs = np.sort(np.column_stack([suspect[a], b]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    box = shapely.bounds(shapes)
    pairs = pairs[common_box(box[pairs[:, 0]], box[pairs[:, 1]]) > min_area]
    shapely.prepare(shapes[np.unique(pairs[:, 0])])
    pairs = pairs[shapely.relate_pattern(shapes[pairs[:, 0]], shapes[pairs[:, 1]], _INTERIORS_MEET)]
    area = shapely.area(shapely.intersection(shapes[pairs[:, 0]], shapes[pairs[:, 1]]))
    return [(int(usable[i]), int(usable[j]), float(s)) for (i, j), s in zip(pairs, area, strict=True) if s > min_area]


def common_box(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area common to each pair of boxes, shapes (n, 4): no two geometries in them can share more.

    Examples
    --------
    >>> common_box(np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([[8.0, 5.0, 20.0, 20.0]]))
    array([10.])
    """
    width = np.minimum(one[:, 2], two[:, 2]) - np.maximum(one[:, 0], two[:, 0])
    height = np.minimum(one[:, 3], two[:, 3]) - np.maximum(one[:, 1], two[:, 1])
    return np.asarray(np.maximum(width, 0.0) * np.maximum(height, 0.0))

"""The one table of pairs that every relation fills, with what all of them share: terms, sides, reach, ground lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.crs import ellipsoid_of, parse_crs, scale_range
from geosys.geo.distances import Targets, pairs_within, shortest_lines
from geosys.geo.geometry import extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE_M = 0.001  # on the line counts; a tenth of a millimetre beside it is on the line
SLIVER_M2 = 0.005  # smaller common areas are rounding of coordinates, not land
ROUNDING = 1e-9  # a figure that misses its threshold by less, relative to it, reaches it
NOBODY = -1
HIT, NEAR, CLEAR = "hit", "near", "clear"
COLUMNS = {
    "subject": "int64", "object": "int64", "object_class": "object", "state": "object", "is_near": "bool", "area_m2": "float64",
    "share": "float64", "object_share": "float64", "length_m": "float64", "distance_m": "float64", "measure": "float64",
    "margin": "float64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold what a rule asks of a relation: lengths in metres on the ground, areas in m² on the ellipsoid.

    `near_m` is the accuracy of both layers taken together; `tolerance_m` and `sliver_m2` are what passes as rounding of
    coordinates; `reach_m` is how far `nearest` looks, and a `distance_m` of 0 sets it no threshold.
    """

    crs: str
    near_m: float = 0.0
    distance_m: float = 0.0
    reach_m: float = np.inf
    min_area_m2: float = 1.0
    min_share: float = 0.0
    min_length_m: float = 1.0
    tolerance_m: float = TOLERANCE_M
    sliver_m2: float = SLIVER_M2


@dataclass(frozen=True, slots=True)
class Sides:
    """Hold both sides of a relation: geometries in one metric plane, shapes (n,) and (m,).

    `itself` gives for each subject the position of the object that is the same feature, −1 for none: the two never pair.
    `classes` gives the class of each object, for `composition`.
    """

    subjects: NDArray[np.object_]
    objects: NDArray[np.object_]
    itself: NDArray[np.int64] | None = None
    classes: NDArray[np.object_] | None = None

    def others(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs are of two different features."""
        return np.ones(len(left), dtype=bool) if self.itself is None else self.itself[left] != right


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Hold the pairs within a reach, by subject and object, and how far apart they are in metres of the plane."""

    ours: Targets
    theirs: Targets
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    apart: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> NearPairs:
        """Return some of the pairs."""
        return NearPairs(self.ours, self.theirs, self.left[keep], self.right[keep], self.apart[keep])

    def ground_m(self, crs: str) -> NDArray[np.float64]:
        """Return the distance of each pair on the ground, 0 where the two meet."""
        length = np.zeros(len(self.left))
        open_pairs = np.flatnonzero(self.apart > 0)
        lines = shortest_lines(self.ours, self.theirs, self.left[open_pairs], self.right[open_pairs])
        length[open_pairs] = ground_length_m(lines, crs)
        return length


def near_pairs(sides: Sides, reach_m: float, crs: str) -> NearPairs:
    """Return the pairs that may lie within `reach_m` on the ground, sorted by subject then object."""
    ours, theirs = Targets.of(sides.subjects), Targets.of(sides.objects)
    left, right, apart = pairs_within(ours, theirs, in_plane(reach_m, sides, crs))
    return NearPairs(ours, theirs, left, right, apart).where(sides.others(left, right))


def scales(sides: Sides, crs: str) -> tuple[float, float]:
    """Return the least and the greatest length in the plane of a metre on the ground, with a little to spare."""
    bounds = extent(np.concatenate([sides.subjects, sides.objects]))
    if not np.isfinite(bounds).all():
        return 1.0, 1.0
    least, greatest = scale_range(crs, tuple(bounds))
    return least * 0.999, greatest * 1.001


def in_plane(length_m: float, sides: Sides, crs: str) -> float:
    """Return a length of the plane that no ground length of `length_m` exceeds there."""
    return length_m * scales(sides, crs)[1] if length_m > 0 else 0.0


def ground_length_m(lines: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the geodesic length in metres of lines in `crs`, vertex to vertex; 0 for empty, missing and other ones.

    Examples
    --------
    >>> line = shapely.LineString([(500_000, 3_850_000), (500_000, 3_850_030), (500_040, 3_850_030)])
    >>> ground_length_m(np.array([line, None]), "EPSG:4547").round(6).tolist()
    [70.0, 0.0]
    """
    parts, part_of = shapely.get_parts(lines, return_index=True)
    is_line = shapely.get_dimensions(parts) == 1
    xy, owner = shapely.get_coordinates(parts[is_line], return_index=True)
    inner = owner[1:] == owner[:-1]
    length = np.zeros(len(lines))
    if inner.any():
        parsed = parse_crs(crs)
        change = pyproj.Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)
        lon, lat = change.transform(xy[:, 0], xy[:, 1])
        a_m, flattening = ellipsoid_of(crs)
        geod = pyproj.Geod(a=a_m, f=flattening)
        steps = geod.inv(lon[:-1][inner], lat[:-1][inner], lon[1:][inner], lat[1:][inner])[2]
        length += np.bincount(part_of[is_line][owner[1:][inner]], weights=steps, minlength=len(lines))
    return length


def own_areas_m2(shapes: NDArray[np.object_], used: NDArray[np.int64], crs: str) -> NDArray[np.float64]:
    """Return the ellipsoidal area of each shape that is `used`, once each, 0 for the others; shape (n,)."""
    areas = np.zeros(len(shapes))
    wanted = np.unique(used)
    areas[wanted] = ellipsoidal_area_m2(shapes[wanted], crs)
    return areas


def part_of(some: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return some as a share of the whole: at most 1, and 0 where there is no whole."""
    return np.minimum(np.divide(some, whole, out=np.zeros_like(some), where=whole > 0), 1.0)


def reaches(figure: NDArray[np.float64], needed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which figures are there and reach what is needed."""
    return (figure > 0) & (figure >= needed * (1.0 - ROUNDING))


def pair_table(
    left: NDArray[np.int64], right: NDArray[np.int64], hit: NDArray[np.bool_], keep: NDArray[np.bool_], **columns: Any
) -> pd.DataFrame:
    """Return the kept pairs as a frame of `COLUMNS`; figures that a relation does not have are NaN."""
    given = {"object_class": "", "is_near": False, "state": np.where(hit, HIT, NEAR)} | columns
    frame = pd.DataFrame({"subject": left, "object": right} | given)[keep]
    return frame.reindex(columns=list(COLUMNS)).astype(COLUMNS)


def in_order(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return several tables as one, sorted by subject, object and class."""
    filled = [table for table in tables if len(table)] or tables[:1]
    table = pd.concat(filled, ignore_index=True)
    return table.sort_values(["subject", "object", "object_class"], kind="stable").reset_index(drop=True)

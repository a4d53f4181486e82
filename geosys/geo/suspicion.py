"""Suspect a map service's offset (or an old datum) from where records lie against reference geometry; never assume it.

GCJ-02 moves a place by some 300 to 700 m, BD-09 by about a kilometre, each by a known way at each place. It is suspected
when taking exactly that off lays the records on the reference, and nothing else of the same size does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.offsets import bd09_from_degrees, degrees_from_bd09, degrees_from_gcj02, gcj02_from_degrees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Geometries = NDArray[np.object_]

LEAST_RECORDS = 5
MOST_RECORDS = 2000  # an even sample of larger sets is asked
FITS_M = 30.0  # records that lie this near as they are need no offset
LEFT_SHARE = 0.25  # what may be left of the distance once the offset is taken off
LEFT_OF_OFFSET = 0.2  # and of the offset's own length
BETTER_SHARE = 0.8  # of the records must come nearer
DECOY_FACTOR = 2.0  # any other move of this size must leave at least so many times as much
OLD_DATUM_M = (20.0, 250.0)
_SPREAD_M, _SPREAD_SHARE = 15.0, 0.2
_LEAVES_REGION = 0.05
_TURNS_DEG = (45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
_STRETCHES = (0.5, 1.5, 2.0)
# Source: GRS 80, radii of curvature by latitude
_AXIS_M, _E2 = 6_378_137.0, 0.006_694_380_022_90
_AREA_DIMENSION = 2


@dataclass(frozen=True, slots=True)
class OffsetSuspicion:
    """Hold a suspected offset with its evidence; distances in metres on the ground.

    Attributes
    ----------
    id
        ``gcj02`` or ``bd09``, to be given to `interpretation_named` once confirmed; ``old-datum`` for a constant shift
        as Beijing 54 and Xian 80 have it.
    convertible
        False for an old datum.
    used
        Records asked.
    before_m, after_m
        Median distance from the reference as they are, and with the offset taken off.
    spread_m
        Median deviation of the single records from the common move.
    east_m, north_m
        Median displacement that was found; for GCJ-02 and BD-09 within `spread_m` of the formula's at this place.
    decoy_m
        Median distance that the best other move of this size leaves; not-a-number where none was tried.
    """

    id: str
    title: Text
    convertible: bool
    used: int
    before_m: float
    after_m: float
    spread_m: float
    east_m: float
    north_m: float
    decoy_m: float = math.nan

    @property
    def reason(self) -> Text:
        """Return the evidence in one sentence."""
        length = math.hypot(self.east_m, self.north_m)
        return Text(
            f"疑似{self.title.zh}：{self.used} 条记录一致偏移约 {length:.0f} 米（东 {self.east_m:+.0f}，北 {self.north_m:+.0f}），"
            f"与参照的距离中位数 {self.before_m:.0f} 米，去除后 {self.after_m:.1f} 米，离散 {self.spread_m:.1f} 米",
            f"Probably {self.title.en}: {self.used} records lie off by some {length:.0f} m alike (east {self.east_m:+.0f}, "
            f"north {self.north_m:+.0f}); median distance from the reference {self.before_m:.0f} m, "
            f"{self.after_m:.1f} m with it taken off, spread {self.spread_m:.1f} m",
        )


_OFFSETS = {
    "gcj02": (Text(" GCJ-02（火星坐标）", "GCJ-02"), degrees_from_gcj02, gcj02_from_degrees),
    "bd09": (Text(" BD-09（百度坐标）", "BD-09"), degrees_from_bd09, bd09_from_degrees),
}
_OLD_DATUM = Text(
    "北京54 或西安80（不能换算）或其他固定平移",
    "Beijing 54 or Xian 80 (cannot be converted), or another constant shift",
)


def suspect_offset(
    records: Geometries, reference: Geometries, region: shapely.Geometry | None = None, *, is_paired: bool = False
) -> OffsetSuspicion | None:
    """Return the offset that the records bear against reference geometry, or None when they bear none that is certain.

    Parameters
    ----------
    records
        Points or polygons in degrees as they were read, shape (n,); missing and empty ones are left out.
    reference
        Plots, rivers, borders in true degrees (CGCS2000), shape (m,).
    region
        Where the records must lie, in degrees: an offset that takes them out of it is none.
    is_paired
        Whether reference i belongs to record i (joined by a key): the stronger evidence, and the only one from which
        an old datum is suspected. Otherwise each record is held against its nearest reference, polygons by their
        middles; a reference that covers the ground without gaps then says nothing.

    Raises
    ------
    CrsError
        When paired arrays differ in length.
    """
    records, reference = np.asarray(records, dtype=object), np.asarray(reference, dtype=object)
    if is_paired and len(records) != len(reference):
        raise CrsError(f"reference: got {len(reference)} geometries for {len(records)} records, expected one each.")
    used, kept = _sound(records), _sound(reference)
    if is_paired:
        used = kept = used & kept
    records, reference = shapely.force_2d(records[used]), shapely.force_2d(reference[kept])
    if len(records) < LEAST_RECORDS or not len(reference):
        return None
    step = -(-len(records) // MOST_RECORDS)
    ground = _Ground(records[::step], reference[::step] if is_paired else reference, is_paired=is_paired)
    before = ground.distances(ground.anchors)
    if np.median(before) <= FITS_M:
        return None
    found = [s for name in _OFFSETS if (s := _suspected(name, ground, before, region)) is not None]
    if found:
        return min(found, key=lambda s: s.after_m)
    return _old_datum(ground, before) if is_paired else None


def _sound(geometries: Geometries) -> NDArray[np.bool_]:
    known = ~shapely.is_missing(geometries) & ~shapely.is_empty(geometries)
    return np.asarray(known & np.isfinite(shapely.bounds(geometries)).all(axis=1))


class _Ground:
    """Hold records and reference in local metres, and measure from moved records to the reference."""

    def __init__(self, records: Geometries, reference: Geometries, *, is_paired: bool) -> None:
        self.is_paired = is_paired
        self.degrees = shapely.get_coordinates(shapely.centroid(shapely.envelope(records)))
        self.scale = _metres_a_degree(float(np.median(self.degrees[:, 1])))
        self.corner = np.median(self.degrees, axis=0)
        self.anchors = self.metres(self.degrees)
        local = shapely.transform(reference, self.metres)
        if (shapely.get_dimensions(records) == _AREA_DIMENSION).all():
            local = np.where(
                shapely.get_dimensions(local) == _AREA_DIMENSION, shapely.centroid(shapely.envelope(local)), local
            )
        self.reference = local
        self.tree = None if is_paired else shapely.STRtree(local)

    def metres(self, degrees: Points) -> Points:
        return np.asarray((degrees - self.corner) * self.scale)

    def targets(self, anchors: Points) -> Geometries:
        """Return the geometry each anchor is held against."""
        if self.tree is None:
            return np.asarray(self.reference, dtype=object)
        return np.asarray(self.reference[self.tree.nearest(shapely.points(anchors))], dtype=object)

    def distances(self, anchors: Points) -> NDArray[np.float64]:
        return np.asarray(shapely.distance(shapely.points(anchors), self.targets(anchors)))

    def misses(self, anchors: Points) -> Points:
        """Return the way east and north from the nearest point of its reference to each anchor."""
        lines = shapely.shortest_line(shapely.points(anchors), self.targets(anchors))
        ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
        return np.asarray(ends[:, 0] - ends[:, 1])


def _metres_a_degree(lat: float) -> NDArray[np.float64]:
    width = 1.0 - _E2 * math.sin(math.radians(lat)) ** 2
    east = _AXIS_M / math.sqrt(width) * math.cos(math.radians(lat))
    return np.radians([east, _AXIS_M * (1.0 - _E2) / width**1.5])


def _suspected(
    name: str, ground: _Ground, before: NDArray[np.float64], region: shapely.Geometry | None
) -> OffsetSuspicion | None:
    """Return the suspicion of one offset when all its conditions hold."""
    title, undo, _ = _OFFSETS[name]
    true = undo(ground.degrees)
    moved = ground.metres(true)
    if not np.isfinite(moved).all():
        return None
    offset = ground.anchors - moved
    length = float(np.median(np.hypot(*offset.T)))
    distances = ground.distances(moved)
    start, left = float(np.median(before)), float(np.median(distances))
    is_small = left <= LEFT_SHARE * start and left <= LEFT_OF_OFFSET * length
    if not is_small or np.mean(distances < before) < BETTER_SHARE or _leaves(region, ground.degrees, true):
        return None
    decoy = min(float(np.median(ground.distances(ground.anchors - other))) for other in _decoys(name, offset, ground))
    if decoy < DECOY_FACTOR * max(left, 1.0):
        return None
    misses = ground.misses(moved)
    common = np.median(misses, axis=0)
    spread = float(np.median(np.hypot(*(misses - common).T)))
    east, north = np.median(offset + misses, axis=0)
    return OffsetSuspicion(name, title, True, len(moved), start, left, spread, float(east), float(north), decoy)


def _decoys(name: str, offset: Points, ground: _Ground) -> list[Points]:
    """Return other moves of this size: turned, shortened and lengthened, and what the other offset would take off."""
    others = [offset * factor for factor in _STRETCHES]
    for turn in np.radians(_TURNS_DEG):
        cos, sin = math.cos(turn), math.sin(turn)
        others.append(offset @ np.array([[cos, sin], [-sin, cos]]))
    for other, (_, undo, _) in _OFFSETS.items():
        if other != name:
            others.append(ground.anchors - ground.metres(undo(ground.degrees)))
    return others


def _leaves(region: shapely.Geometry | None, degrees: Points, true: Points) -> bool:
    if region is None or region.is_empty:
        return False
    before = shapely.intersects_xy(region, degrees[:, 0], degrees[:, 1]).mean()
    after = shapely.intersects_xy(region, true[:, 0], true[:, 1]).mean()
    return bool(after < before - _LEAVES_REGION)


def _old_datum(ground: _Ground, before: NDArray[np.float64]) -> OffsetSuspicion | None:
    """Return the suspicion of a constant shift of the size that the old datums have."""
    misses = ground.misses(ground.anchors)
    common = np.median(misses, axis=0)
    length = float(np.hypot(*common))
    spread = float(np.median(np.hypot(*(misses - common).T)))
    if not OLD_DATUM_M[0] <= length <= OLD_DATUM_M[1] or spread > min(_SPREAD_M, _SPREAD_SHARE * length):
        return None
    left = float(np.median(ground.distances(ground.anchors - common)))
    return OffsetSuspicion(
        "old-datum", _OLD_DATUM, False, len(misses), float(np.median(before)), left, spread, float(common[0]), float(common[1])
    )  # fmt: skip

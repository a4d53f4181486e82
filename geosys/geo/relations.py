"""How subjects lie to objects: one table of pairs for every rule, each pair with its margin.

A relation is a function of two geometry arrays in one metric CRS; `RELATIONS` names them for the content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyproj
import shapely

from geosys._errors import CrsError
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.crs import check_metric, ellipsoid_of, parse_crs, scale_range
from geosys.geo.geometry import extent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TOLERANCE_M = 0.001  # on the line counts; a tenth of a millimetre beside it is on the line
SLIVER_M2 = 0.005  # smaller common areas are rounding of coordinates, not land
COLUMNS = {
    "subject": "int64", "object": "int64", "state": "object", "area_m2": "float64", "share": "float64",
    "object_share": "float64", "distance_m": "float64", "measure": "float64", "margin": "float64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold what a rule asks of a relation: lengths in metres on the ground, areas in m² on the ellipsoid."""

    crs: str
    near_m: float = 0.0
    distance_m: float = 0.0
    min_area_m2: float = 1.0
    min_share: float = 0.0


def relate(relation: str, subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> pd.DataFrame:
    """Return the pairs that hit or come near, for one named relation.

    Parameters
    ----------
    relation
        A key of `RELATIONS`.
    subjects, objects
        Valid two-dimensional geometries, shapes (n,) and (m,), in ``terms.crs``; missing ones pair with nothing.
    terms
        Thresholds, nearness and the metric CRS.

    Returns
    -------
    Columns `subject` and `object` (positions; object −1 where the relation is about all objects together),
    `state` (``hit`` or ``near``), `area_m2` (ellipsoidal, common or left over), `share` and `object_share`
    (of the subject's and object's area), `distance_m` (ground), `measure` (the figure the threshold is set on) and
    `margin` (how far from flipping, in the measure's unit, positive for a hit), sorted by subject and object.

    Raises
    ------
    CrsError
        When the CRS is not metric or coordinates are no metres of it.
    """
    check_metric(terms.crs, f"relation {relation}")
    for name, geometries in (("subjects", subjects), ("objects", objects)):
        _check_metres(geometries, terms.crs, f"relation {relation}, {name}")
    table = RELATIONS[relation](subjects, objects, terms).reindex(columns=list(COLUMNS)).astype(COLUMNS)
    return table.sort_values(["subject", "object"], kind="stable").reset_index(drop=True)


def covered_by(subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> pd.DataFrame:
    """Pair subjects with the objects they lie in; a subject may also lie in the union of several objects.

    Margin and measure: metres inside (positive) or outside (negative) of the nearest border on the ground.
    """
    left, right = _candidates(subjects, objects, terms.near_m + TOLERANCE_M, terms.crs)
    a, b = subjects[left], objects[right]
    single = shapely.covers(b, a) | (_sticks_out_m(a, b) <= TOLERANCE_M)
    joint = _covered_together(subjects, objects, left, right, single)
    apart = _sticks_out_m(a, b)
    inside = _ground_m(shapely.shortest_line(a, shapely.boundary(b)), terms.crs)
    hit = single | joint
    margin = np.where(single, inside, np.where(joint, 0.0, -apart))
    keep = hit | (apart <= terms.near_m)
    return _table(left, right, hit, keep, distance_m=np.where(hit, 0.0, apart), measure=margin, margin=margin)


def dwithin(subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> pd.DataFrame:
    """Pair subjects with the objects within ``terms.distance_m`` on the ground.

    Measure: ground distance in metres. Margin: metres to spare (positive) or missing (negative).
    """
    left, right = _candidates(subjects, objects, terms.distance_m + terms.near_m + TOLERANCE_M, terms.crs)
    distance = _ground_m(shapely.shortest_line(subjects[left], objects[right]), terms.crs)
    hit = distance <= terms.distance_m + TOLERANCE_M
    keep = distance <= terms.distance_m + max(terms.near_m, TOLERANCE_M)
    return _table(left, right, hit, keep, distance_m=distance, measure=distance, margin=terms.distance_m - distance)


def intersects(subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> pd.DataFrame:
    """Pair polygons with the polygons they share at least the asked area and share with; touching is not hitting.

    Measure: common area in m² on the ellipsoid. Margin: m² above (positive) or below (negative) the threshold.
    """
    left, right = _candidates(subjects, objects, terms.near_m, terms.crs)
    a, b = subjects[left], objects[right]
    own, other = ellipsoidal_area_m2(a, terms.crs), ellipsoidal_area_m2(b, terms.crs)
    area, share, needed, hit = _held_against(shapely.intersection(a, b), own, terms)
    object_share = np.divide(area, other, out=np.zeros_like(area), where=other > 0)
    distance = _ground_m(shapely.shortest_line(a, b), terms.crs)
    keep = hit | (area > 0) | ((distance <= terms.near_m) & (terms.near_m > 0))
    return _table(
        left, right, hit, keep,
        area_m2=area, share=share, object_share=object_share, distance_m=distance, measure=area, margin=area - needed,
    )  # fmt: skip


def not_covered_by(subjects: NDArray[np.object_], objects: NDArray[np.object_], terms: Terms) -> pd.DataFrame:
    """Find the subjects with a part outside all objects of at least the asked area and share.

    Measure: area outside in m² on the ellipsoid. Margin: m² above (positive) or below (negative) the threshold.
    """
    left, right = _candidates(subjects, objects, 0.0, terms.crs)
    rest = subjects.copy()
    cuts = np.flatnonzero(np.diff(left)) + 1 if len(left) else np.array([], dtype=np.int64)
    for group in np.split(np.arange(len(left)), cuts):
        if len(group):
            i = int(left[group[0]])
            rest[i] = shapely.difference(subjects[i], shapely.union_all(objects[right[group]]))
    area, share, needed, hit = _held_against(rest, ellipsoidal_area_m2(subjects, terms.crs), terms)
    everyone = np.arange(len(subjects))
    nobody = np.full(len(subjects), -1)
    return _table(everyone, nobody, hit, area > 0, area_m2=area, share=share, measure=area, margin=area - needed)


def _held_against(
    pieces: NDArray[np.object_], own: NDArray[np.float64], terms: Terms
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the area of each piece, its share of the subject's own, the area asked for, and whether it is reached."""
    area = ellipsoidal_area_m2(pieces, terms.crs)
    area = np.where(area < SLIVER_M2, 0.0, area)
    share = np.divide(area, own, out=np.zeros_like(area), where=own > 0)
    needed = np.maximum(terms.min_area_m2, terms.min_share * own)
    return area, share, needed, (area > 0) & (area >= needed)


RELATIONS: dict[str, Callable[[NDArray[np.object_], NDArray[np.object_], Terms], pd.DataFrame]] = {
    "covered_by": covered_by,
    "dwithin": dwithin,
    "intersects": intersects,
    "not_covered_by": not_covered_by,
}


def _check_metres(geometries: NDArray[np.object_], crs: str, where: str) -> None:
    """Raise when coordinates look like degrees although the CRS has a false easting of hundreds of kilometres."""
    bounds = extent(geometries)
    looks_like_degrees = np.isfinite(bounds).all() and (np.abs(bounds) <= np.array([180, 90, 180, 90])).all()
    operation = parse_crs(crs).coordinate_operation
    has_false_easting = operation is not None and any("asting" in p.name and p.value for p in operation.params)
    if looks_like_degrees and has_false_easting and (np.abs(bounds - np.round(bounds)) > 0).any():
        raise CrsError(
            f"{where}: got coordinates that look like degrees ({bounds.round(4).tolist()}), expected metres of {crs}."
        )


def _candidates(
    subjects: NDArray[np.object_], objects: NDArray[np.object_], reach_m: float, crs: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions of pairs that may lie within `reach_m` on the ground, sorted by subject then object."""
    bounds = extent(np.concatenate([subjects, objects]))
    if not len(objects) or not np.isfinite(bounds).all():
        return np.array([], dtype=np.int64), np.array([], dtype=np.int64)
    tree = shapely.STRtree(objects)
    if reach_m > 0:
        widened = reach_m * scale_range(crs, tuple(bounds))[1] * 1.001
        left, right = tree.query(subjects, predicate="dwithin", distance=widened)
    else:
        left, right = tree.query(subjects, predicate="intersects")
    order = np.lexsort((right, left))
    return left[order].astype(np.int64), right[order].astype(np.int64)


def _ground_m(lines: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the geodesic length in metres of two-point lines in `crs`; 0 for empty ones."""
    length = np.zeros(len(lines))
    real = np.flatnonzero(shapely.get_num_points(lines) == 2)  # noqa: PLR2004
    if len(real):
        ends = shapely.get_coordinates(lines[real]).reshape(-1, 4)
        parsed = parse_crs(crs)
        change = pyproj.Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)
        lon1, lat1 = change.transform(ends[:, 0], ends[:, 1])
        lon2, lat2 = change.transform(ends[:, 2], ends[:, 3])
        a_m, flattening = ellipsoid_of(crs)
        length[real] = pyproj.Geod(a=a_m, f=flattening).inv(lon1, lat1, lon2, lat2)[2]
    return length


def _sticks_out_m(subjects: NDArray[np.object_], objects: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far in metres of the plane the farthest vertex of each subject lies outside its object."""
    points, owner = shapely.get_coordinates(subjects, return_index=True)
    far = np.zeros(len(subjects))
    if len(points):
        np.maximum.at(far, owner, shapely.distance(shapely.points(points), objects[owner]))
    return far


def _covered_together(
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    single: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Mark the pairs of subjects that no object covers alone but several do together."""
    joint = np.zeros(len(left), dtype=bool)
    touching = shapely.intersects(subjects[left], objects[right])
    alone = np.isin(left, left[single])
    for i in np.unique(left[touching & ~alone]):
        rows = np.flatnonzero((left == i) & touching)
        if len(rows) > 1 and shapely.covers(shapely.union_all(objects[right[rows]]), subjects[i]):
            joint[rows] = True
    return joint


def _table(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    hit: NDArray[np.bool_],
    keep: NDArray[np.bool_],
    **columns: NDArray[np.float64],
) -> pd.DataFrame:
    """Return the kept pairs as a frame."""
    frame = pd.DataFrame({"subject": left, "object": right, "state": np.where(hit, "hit", "near"), **columns})
    return frame[keep]

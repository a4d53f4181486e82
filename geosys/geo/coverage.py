"""Polygons beside each other: pairs that are nearly the same, and the gaps that a coverage leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.geometry import SURFACE, common_box, duplicate_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Gap:
    """Hold one gap of a coverage and the rows of the polygons around it, ascending."""

    place: shapely.Polygon
    around: tuple[int, ...]


def near_equal_pairs(geometries: NDArray[np.object_], min_iou: float) -> list[tuple[int, int, float]]:
    """Return pairs of polygons that share at least `min_iou` of what they cover together, without being equal.

    Parameters
    ----------
    geometries
        Valid polygons of one plane, shape (n,); missing ones and others pair with nothing.
    min_iou
        Common area as a share of the area of both together, above 0.5.

    Returns
    -------
    (i, j, share), i < j, ascending. Boxes and areas are compared first: what they rule out is never cut.

    Examples
    --------
    >>> rows = np.array([shapely.box(0, 0, 100, 10), shapely.box(2, 0, 102, 10), shapely.box(9, 0, 109, 10)])
    >>> near_equal_pairs(rows, 0.95)
    [(0, 1, 0.9607843137254902)]
    """
    usable = np.flatnonzero((shapely.get_dimensions(geometries) == SURFACE) & (shapely.area(geometries) > 0))
    shapes = geometries[usable]
    area, box = shapely.area(shapes), shapely.bounds(shapes)
    left, right = shapely.STRtree(shapes).query(shapes)
    left, right = left[left < right], right[left < right]
    small, large = np.minimum(area[left], area[right]), np.maximum(area[left], area[right])
    close = (small >= min_iou * large) & (common_box(box[left], box[right]) >= min_iou * large)
    left, right = left[close], right[close]
    common = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    share = common / (area[left] + area[right] - common)
    first = duplicate_of(shapes)
    root = np.where(first < 0, np.arange(len(shapes)), first)
    found = np.flatnonzero((share >= min_iou) & (root[left] != root[right]))
    pairs = [(int(usable[left[k]]), int(usable[right[k]]), float(share[k])) for k in found]
    return sorted(pairs)


def gaps(geometries: NDArray[np.object_], max_area: float, min_width: float) -> list[Gap]:
    """Return the holes of the union of a coverage that are smaller than `max_area` and wider than `min_width`.

    Parameters
    ----------
    geometries
        Valid polygons of one plane, shape (n,); they need not share their vertices.
    max_area
        Planar area from which a hole is taken as meant, in the plane's square units.
    min_width
        Mean width (2A/P) up to which a hole is rounding: a straight edge bends a little when its CRS changes, and
        leaves its neighbour's vertices beside it.

    Returns
    -------
    The gaps by their first polygon. A strip that is open to the outside is no gap.

    Examples
    --------
    >>> row = np.array([shapely.box(0, 0, 4, 9), shapely.box(5, 0, 9, 9), shapely.box(0, -1, 9, 0), shapely.box(0, 9, 9, 10)])
    >>> [(gap.place.area, gap.around) for gap in gaps(row, 10.0, 0.1)]
    [(9.0, (0, 1, 2, 3))]
    """
    usable = np.flatnonzero((shapely.get_dimensions(geometries) == SURFACE) & ~shapely.is_empty(geometries))
    edges = edges_of(geometries[usable])
    faces = gap_faces(edges[lone(edges)], max_area, min_width)
    return uncovered(faces, geometries[usable], usable)


def gap_faces(border: NDArray[np.float64], max_area: float, min_width: float) -> NDArray[np.object_]:
    """Return the faces between the lone edges of a coverage, shape (m, 2, 2), that are small and wide enough for a gap.

    Some are covered all the same, where polygons overlap: see `uncovered`.
    """
    if not len(border):
        return np.empty(0, dtype=object)
    noded = shapely.union_all(shapely.linestrings(border))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    area, around = shapely.area(faces), shapely.length(faces)
    return np.asarray(faces[(area < max_area) & (2.0 * area > min_width * around)], dtype=object)


def uncovered(faces: NDArray[np.object_], polygons: NDArray[np.object_], rows: NDArray[np.int64]) -> list[Gap]:
    """Return the faces that none of the polygons covers, each with the rows of the polygons around it.

    Parameters
    ----------
    faces
        What `gap_faces` returns.
    polygons, rows
        All polygons that meet a face, and the row of each.
    """
    tree = shapely.STRtree(polygons)
    covered, _ = tree.query(shapely.point_on_surface(faces), predicate="intersects")
    faces = faces[np.setdiff1d(np.arange(len(faces)), covered)]
    which, near = tree.query(faces, predicate="intersects")
    found = [Gap(face, tuple(sorted(int(i) for i in rows[near[which == k]]))) for k, face in enumerate(faces)]
    return sorted((gap for gap in found if gap.around), key=lambda gap: (gap.around, gap.place.bounds))


def edges_of(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the edges of all polygons, shape (n, 2, 2), each run so that its polygon lies on the same side."""
    parts = shapely.get_parts(shapely.orient_polygons(polygons))
    xy, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
    start = np.flatnonzero((ring[:-1] == ring[1:]) & (xy[:-1] != xy[1:]).any(axis=1))
    return np.stack([xy[start], xy[start + 1]], axis=1)


def lone(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which edges, shape (n, 2, 2), are not there the other way round too.

    In a clean coverage these are its outer border and the borders of its holes: what lies on both sides of every other
    edge is covered. The lone edges of a part of a coverage may be put together with those of the rest and asked again.

    Examples
    --------
    >>> row = edges_of(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]))
    >>> len(row), int(lone(row).sum())
    (8, 6)
    """
    if not len(edges):
        return np.zeros(0, dtype=bool)
    one, two = _names(edges[:, 0]), _names(edges[:, 1])
    key = one + two  # the same for both ways along an edge; 64 bits tell all edges of a land apart
    order = np.argsort(key)
    key, forward = key[order], (one < two)[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    both = np.logical_or.reduceat(forward, first) & np.logical_or.reduceat(~forward, first)
    alone = np.empty(len(edges), dtype=bool)
    alone[order] = ~np.repeat(both, np.diff(np.append(first, len(key))))
    return alone


def _names(xy: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits for each vertex: the same for the same vertex, −0 being 0.

    Source
    ------
    The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    bits = np.ascontiguousarray(xy + 0.0).view(np.uint64)
    return _mixed(_mixed(bits[:, 0]) + bits[:, 1])


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))

"""Faults of single outlines that are valid all the same: spikes, repeated vertices, tiny rings, slivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.geometry import SURFACE

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spots:
    """Hold where faults lie: the row of each, ascending, and its place (a point or a polygon)."""

    row: NDArray[np.int64]
    place: NDArray[np.object_]


def spikes(geometries: NDArray[np.object_], max_angle_deg: float, min_leg_m: float) -> Spots:
    """Return the vertices at which a ring turns back on itself in an angle below `max_angle_deg`.

    Parameters
    ----------
    geometries
        Polygons of a plane in metres, shape (n,); others have no spikes.
    max_angle_deg
        Angle between the two edges of a vertex, in degrees below 90; one of just this size is no spike.
    min_leg_m
        Length in metres that both edges must have at least: short ones are the noise of a scan.

    Examples
    --------
    >>> ring = shapely.Polygon([(0, 0), (10, 0), (10, 5), (40, 5.1), (10, 5.2), (10, 10), (0, 10)])
    >>> spikes(np.array([ring]), 1.0, 1.0).place
    array([<POINT (40 5.1)>], dtype=object)
    """
    limit = float(np.tan(np.radians(max_angle_deg)))
    suspects = _maybe_sharp(geometries, limit)
    xy, ring, row = _vertices(geometries[suspects])
    row = suspects[row]
    if not len(xy):
        return _spots(row, xy)
    start = np.flatnonzero(np.diff(ring, prepend=-1))
    end = np.append(start[1:], len(ring)) - 1
    before, after = np.arange(len(ring)) - 1, np.arange(len(ring)) + 1
    before[start], after[end] = end, start
    back, on = xy[before] - xy, xy[after] - xy
    cross, dot = back[:, 0] * on[:, 1] - back[:, 1] * on[:, 0], back[:, 0] * on[:, 0] + back[:, 1] * on[:, 1]
    sharp = np.flatnonzero((dot > 0) & (np.abs(cross) < limit * dot))
    leg = np.minimum(np.hypot(*back[sharp].T), np.hypot(*on[sharp].T))
    found = sharp[leg >= min_leg_m]
    return _spots(row[found], xy[found])


def _maybe_sharp(geometries: NDArray[np.object_], limit: float) -> NDArray[np.int64]:
    """Return the rows of which a ring may have a sharp vertex or repeats one: few, for a look at edges side by side.

    Where one ring ends and the next begins, an edge is seen that is none: at worst a row too many is named.
    """
    rings, row = _rings(geometries)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(xy):
        return np.zeros(0, dtype=np.int64)
    dx, dy = np.diff(xy[:, 0]), np.diff(xy[:, 1])
    dot, cross = -(dx[:-1] * dx[1:] + dy[:-1] * dy[1:]), dx[:-1] * dy[1:] - dy[:-1] * dx[1:]
    found = [ring[1:-1][(dot > 0) & (np.abs(cross) < limit * dot)], ring[1:][(dx == 0) & (dy == 0)]]
    start = np.flatnonzero(np.diff(ring, prepend=-1))
    last = np.append(start[1:], len(ring)) - 2
    dot = -(dx[last] * dx[start] + dy[last] * dy[start])
    cross = dx[last] * dy[start] - dy[last] * dx[start]
    found.append(ring[start][(dot > 0) & (np.abs(cross) < limit * dot)])
    return np.unique(row[np.concatenate(found)])


def repeated_vertices(geometries: NDArray[np.object_]) -> Spots:
    """Return the vertices that are the same as the one before them, in the rings and lines of each geometry.

    Examples
    --------
    >>> repeated_vertices(np.array([shapely.LineString([(0, 0), (1, 0), (1, 0), (2, 0)])])).place
    array([<POINT (1 0)>], dtype=object)
    """
    parts, row = _edges_of(geometries)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    same = np.zeros(len(xy), dtype=bool)
    same[1:] = (part[1:] == part[:-1]) & (xy[1:] == xy[:-1]).all(axis=1)
    return _spots(row[part[same]], xy[same])


def tiny_rings(geometries: NDArray[np.object_], max_area_m2: float) -> Spots:
    """Return the rings, shells and holes alike, that enclose less than `max_area_m2` of the plane.

    Examples
    --------
    >>> holed = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (1.5, 1), (1.5, 1.5)]])
    >>> tiny_rings(np.array([holed]), 1.0).row
    array([0])
    """
    rings, row = _rings(geometries)
    faces = shapely.polygons(rings)
    found = shapely.area(faces) < max_area_m2
    return Spots(row[found], np.asarray(faces[found], dtype=object))


def slivers(geometries: NDArray[np.object_], max_area_m2: float, max_compactness: float) -> Spots:
    """Return the parts that are both small and thin.

    Parameters
    ----------
    geometries
        Polygons of a plane in metres, shape (n,).
    max_area_m2
        Planar area below which a part is small.
    max_compactness
        4πA/P² below which a part is thin: 1 for a circle, 0.785 for a square, 0.03 for a strip of 1 to 100.
    """
    surface = np.flatnonzero(shapely.get_dimensions(geometries) == SURFACE)
    parts, at = shapely.get_parts(geometries[surface], return_index=True)
    area, around = shapely.area(parts), shapely.length(parts)
    shape = np.divide(4.0 * np.pi * area, around**2, out=np.zeros_like(area), where=around > 0)
    found = (area < max_area_m2) & (shape < max_compactness)
    return Spots(surface[at[found]], np.asarray(parts[found], dtype=object))


def _spots(row: NDArray[np.int64], xy: NDArray[np.float64]) -> Spots:
    return Spots(row, np.asarray(shapely.points(xy), dtype=object))


def _rings(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return all rings of all polygons, and the row each belongs to."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return rings, np.asarray(row[part], dtype=np.int64)


def _edges_of(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return all rings and lines of all geometries, and the row each belongs to."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    is_line = shapely.get_dimensions(parts) == 1
    edges = np.concatenate([rings, parts[is_line]])
    owner = np.concatenate([row[part], row[is_line]]).astype(np.int64)
    order = np.argsort(owner, kind="stable")
    return edges[order], owner[order]


def _vertices(geometries: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the vertices of all rings, each once in a row and without the closing one, with the ring and row of each."""
    rings, row = _rings(geometries)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    kept = np.ones(len(xy), dtype=bool)
    kept[:-1] = (ring[1:] != ring[:-1]) | (xy[1:] != xy[:-1]).any(axis=1)
    last = np.append(np.flatnonzero(np.diff(ring)), len(xy) - 1) if len(xy) else np.zeros(0, dtype=np.int64)
    kept[last] = False
    return xy[kept], ring[kept], row[ring[kept]]

"""Faces: what the borders of others cut out of a polygon, filling it by construction, each with those that hold it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.area import _geographic_of, authalic_height
from geosys.geo.crs import ellipsoid_of, transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLEARANCE = 0.01  # of area over border: how far from the border a point inside must be to be trusted
THINNEST_M = 1e-9  # a thinner face is rounding, and has no inside to speak of
STEP_M = 1_000.0  # edges are followed on the ellipsoid by parabolas of at most this length: below 1e-6 m² a piece


@dataclass(frozen=True, slots=True)
class Faces:
    """Hold the faces of some subjects: owner, shape relative to the owner's corner, areas, objects that hold each."""

    subject: NDArray[np.int64]
    shapes: NDArray[np.object_]
    planar_m2: NDArray[np.float64]
    true_m2: NDArray[np.float64]
    holders: list[tuple[int, ...]]


def corners_of(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return a whole-metre corner near each shape, shape (n, 2): differences to it are exact and keep their digits."""
    return np.asarray(np.nan_to_num(np.floor(shapely.bounds(shapes)[:, :2])))


def moved(shapes: NDArray[np.object_], by: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return each shape moved by its own vector."""
    each = np.repeat(by, shapely.get_num_coordinates(shapes), axis=0)
    return np.asarray(shapely.transform(shapes, lambda xy: xy + each), dtype=object)


def _edges(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all edges of polygons as x, y, x, y and the shape that each belongs to, in order."""
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    xy, owner = shapely.get_coordinates(rings, return_index=True)
    same = owner[1:] == owner[:-1]
    return np.hstack([xy[:-1], xy[1:]])[same], part_of[ring_of[owner[:-1][same]]]


def _in_order(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the edges from their lesser end, sorted, and where each stood: the same from whichever side they came."""
    turned = (edges[:, 0] > edges[:, 2]) | ((edges[:, 0] == edges[:, 2]) & (edges[:, 1] > edges[:, 3]))
    edges = np.where(turned[:, None], edges[:, [2, 3, 0, 1]], edges)
    order = np.lexsort(edges.T[::-1])
    return edges[order], order


def cut_faces(
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    tree: shapely.STRtree,
    corners: NDArray[np.float64],
    crs: str,
) -> Faces:
    """Cut subjects along all object borders near them and say which objects hold each face.

    Parameters
    ----------
    subjects, objects
        Valid polygons in `crs`, nobody else's: they are prepared for quick tests in place.
    tree
        Over the objects.
    corners
        A point near each subject, shape (n, 2), as `corners_of` gives it.
    crs
        Their metric CRS.

    Returns
    -------
    The faces by subject, in an order that hangs on coordinates only.
    """
    near = _borders_near(subjects, objects, tree)
    local = moved(subjects, -corners)
    pieces = [_faces_of(local[i : i + 1], lines - np.tile(corners[i], 2)) for i, lines in enumerate(near)]
    index = np.repeat(np.arange(len(subjects)), [len(p) for p in pieces])
    shapes = np.concatenate([np.array([], dtype=object), *pieces])
    inner = _inner_points(shapes) + corners[index]
    shapely.prepare(subjects)
    inside = shapely.intersects_xy(subjects[index], inner[:, 0], inner[:, 1])
    index, shapes = index[inside], shapes[inside]
    true = drawn_area_m2(shapes, corners[index], crs)
    return Faces(index, shapes, shapely.area(shapes), true, _holders(inner[inside], objects, tree))


def _borders_near(
    subjects: NDArray[np.object_], objects: NDArray[np.object_], tree: shapely.STRtree
) -> list[NDArray[np.float64]]:
    """Return for each subject the object edges whose box meets its own.

    Whole edges, because a clipped one would be bent in its last digits and part from a border it coincides with.
    """
    left, right = tree.query(subjects)
    used, place = np.unique(right, return_inverse=True)
    edges, owner = _edges(objects[used])
    first = np.searchsorted(owner, np.arange(len(used) + 1))
    place = place[np.argsort(left, kind="stable")]
    ends = np.searchsorted(np.sort(left), np.arange(len(subjects) + 1))
    near = []
    for (a, b), box in zip(pairwise(ends), shapely.bounds(subjects), strict=True):
        found = np.concatenate([np.empty((0, 4)), *(edges[first[k] : first[k + 1]] for k in place[a:b])])
        x, y = found[:, [0, 2]], found[:, [1, 3]]
        across = (x.min(axis=1) <= box[2]) & (x.max(axis=1) >= box[0])
        near.append(found[across & (y.min(axis=1) <= box[3]) & (y.max(axis=1) >= box[1])])
    return near


def _faces_of(subject: NDArray[np.object_], lines: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the faces that lines cut out in and around one subject, shape (1,); itself where no line comes near.

    Each edge is taken once and in one order, so that neither the objects' order nor their direction moves a bit.
    """
    if not len(lines):
        return np.asarray(subject[~shapely.is_missing(subject) & ~shapely.is_empty(subject)], dtype=object)
    edges, _ = _in_order(np.concatenate([_edges(subject)[0], lines]))
    new = np.append(True, (edges[1:] != edges[:-1]).any(axis=1))
    real = (edges[:, :2] != edges[:, 2:]).any(axis=1)
    noded = shapely.union_all(shapely.linestrings(edges[new & real].reshape(-1, 2, 2)))
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))), dtype=object)


def _inner_points(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return a point well inside each polygon, shape (n, 2).

    GEOS's own point may lie on the border of a well-shaped polygon, to the last digit, when a vertex has the height of its
    centre; the middle of the largest triangle takes its place then.
    """
    points = shapely.point_on_surface(shapes)
    thickness = shapely.area(shapes) / shapely.length(shapes)
    weak = (shapely.distance(points, shapely.boundary(shapes)) < CLEARANCE * thickness) & (thickness > THINNEST_M)
    for i in np.flatnonzero(weak):
        triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(shapes[i]))
        points[i] = shapely.centroid(triangles[np.argmax(shapely.area(triangles))])
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _holders(points: NDArray[np.float64], objects: NDArray[np.object_], tree: shapely.STRtree) -> list[tuple[int, ...]]:
    """Return for each point the sorted positions of the objects that hold it."""
    at, of = tree.query(shapely.points(points))
    shapely.prepare(objects[np.unique(of)])
    held = shapely.intersects_xy(objects[of], points[at, 0], points[at, 1])
    at, of = at[held], of[held]
    order = np.lexsort((of, at))
    ends = np.searchsorted(at[order], np.arange(len(points) + 1))
    positions = of[order].tolist()
    return [tuple(positions[a:b]) for a, b in pairwise(ends)]


def drawn_area_m2(shapes: NDArray[np.object_], corners: NDArray[np.float64], crs: str) -> NDArray[np.float64]:
    """Return the area on the ellipsoid of polygons as drawn in the plane, given relative to their corners in `crs`.

    Each edge, cut to at most `STEP_M`, is a parabola through its ends and its middle in the equal-area plane of
    `authalic_height`. An edge counts for one side what it takes from the other, so that faces add up.
    """
    edges, owner = _edges(shapely.orient_polygons(shapes))
    count = np.ceil(np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]) / STEP_M).astype(np.int64)
    count = np.maximum(count, 1)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    edges, owner, count = np.repeat(edges, count, axis=0), np.repeat(owner, count), np.repeat(count, count)
    way = edges[:, 2:] - edges[:, :2]
    begin = edges[:, :2] + way * (step / count)[:, None]
    end = np.where((step + 1 < count)[:, None], edges[:, :2] + way * ((step + 1) / count)[:, None], edges[:, 2:])
    places = np.concatenate([begin, (begin + end) / 2.0, end, np.zeros_like(corners)])
    owners = np.concatenate([owner, owner, owner, np.arange(len(corners))])
    flat = _equal_area(places + corners[owners], crs)
    flat -= flat[len(flat) - len(corners) :][owners]
    one, middle, two = (flat[k * len(owner) : (k + 1) * len(owner)] for k in range(3))
    chord, sag = two - one, middle - (one + two) / 2.0
    straight = (one[:, 0] + two[:, 0]) / 2.0 * chord[:, 1]
    bent = 2.0 / 3.0 * (sag[:, 0] * chord[:, 1] - sag[:, 1] * chord[:, 0])
    total = np.bincount(owner, weights=straight + bent, minlength=len(shapes))
    return np.asarray(total, dtype=np.float64)


def _equal_area(xy: NDArray[np.float64], crs: str) -> NDArray[np.float64]:
    """Return points of `crs`, shape (n, 2), in the plane where areas are those on the ellipsoid."""
    a_m, flattening = ellipsoid_of(crs)
    lon, lat = transformer(crs, _geographic_of(crs)).transform(xy[:, 0], xy[:, 1])
    return np.column_stack([a_m * np.radians(lon), authalic_height(np.asarray(lat), a_m, flattening)])


def shared_borders(shapes: NDArray[np.object_]) -> tuple[list[int], list[int], list[float]]:
    """Return the pairs of faces with a common edge and its length in the plane; an edge lies between two at most."""
    edges, owner = _edges(shapes)
    edges, order = _in_order(edges)
    twice = np.flatnonzero((edges[1:] == edges[:-1]).all(axis=1))
    length = np.hypot(edges[twice, 2] - edges[twice, 0], edges[twice, 3] - edges[twice, 1])
    return owner[order[twice]].tolist(), owner[order[twice + 1]].tolist(), length.tolist()

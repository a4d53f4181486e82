"""Common parts of pairs, cut with GEOS: huge shapes are first clipped around their partners, covered pairs not cut at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.pair_table import own_areas_m2

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY_VERTICES = 512  # cutting a shape of fewer costs about what clipping it first would
MARGIN_M = 1.0  # a clip line never runs through a partner: the part in common keeps the vertices it would have had


@dataclass(frozen=True, slots=True)
class CommonParts:
    """Hold for each pair the common part and its area; own areas of the subjects and objects, all in m² on the ellipsoid."""

    pieces: NDArray[np.object_]
    area: NDArray[np.float64]
    own: NDArray[np.float64]
    other: NDArray[np.float64]


def common_parts(
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    crs: str,
) -> CommonParts:
    """Return the common part of each pair of polygons, and its area on the ellipsoid.

    Parameters
    ----------
    subjects, objects
        Valid polygons in `crs`, shapes (n,) and (m,); prepared in place.
    left, right
        Positions of the pairs, shape (k,).
    crs
        Their metric CRS.

    Returns
    -------
    Pieces of shape (k,), polygons or empty; the same to the bit when subjects and objects change places, and within
    1e-9 of what cutting the whole shapes gives.
    """
    own, other = own_areas_m2(subjects, left, crs), own_areas_m2(objects, right, crs)
    shapely.prepare(subjects[np.unique(left)])
    shapely.prepare(objects[np.unique(right)])
    box_a, box_b = shapely.bounds(subjects)[left], shapely.bounds(objects)[right]
    inside, around = _box_holds(box_b, box_a), _box_holds(box_a, box_b)
    inside[inside] = shapely.covers(objects[right[inside]], subjects[left[inside]])
    around[around] = shapely.covers(subjects[left[around]], objects[right[around]])
    pieces = np.where(inside, subjects[left], objects[right])
    area = np.where(inside, own[left], other[right])
    cut = np.flatnonzero(~inside & ~around)
    a, b = both_local(subjects, objects, left[cut], right[cut])
    turned = _comes_after(box_a[cut], box_b[cut])
    pieces[cut] = of_dimension(shapely.intersection(np.where(turned, b, a), np.where(turned, a, b)), 2)
    area[cut] = ellipsoidal_area_m2(pieces[cut], crs)
    return CommonParts(pieces, area, own[left], other[right])


def both_local(
    subjects: NDArray[np.object_],
    objects: NDArray[np.object_],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    margin_m: float = MARGIN_M,
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return subject and object of each pair, the huge among them clipped around the partner."""
    a = local_shapes(subjects, left, shapely.bounds(objects)[right], margin_m)
    b = local_shapes(objects, right, shapely.bounds(subjects)[left], margin_m)
    return a, b


def local_shapes(
    shapes: NDArray[np.object_], which: NDArray[np.int64], boxes: NDArray[np.float64], margin_m: float = MARGIN_M
) -> NDArray[np.object_]:
    """Return ``shapes[which]``, huge ones clipped to what lies around their box.

    Parameters
    ----------
    shapes
        Valid geometries, shape (n,).
    which
        The shape wanted for each box, shape (k,).
    boxes
        West, south, east, north around which it must be whole, shape (k, 4), in the plane of the shapes.
    margin_m
        How far around.
    """
    local = shapes[which]
    huge = np.flatnonzero(shapely.get_num_coordinates(local) > MANY_VERTICES)
    order = huge[np.argsort(which[huge], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        if len(rows):
            _clip_around(local, rows, boxes, margin_m)
    return local


def _clip_around(
    local: NDArray[np.object_], rows: NDArray[np.int64], boxes: NDArray[np.float64], margin_m: float
) -> None:
    """Clip one huge shape around the boxes of all its rows, halving the rows until little of it is left."""
    waiting = [(local[rows[0]], rows)]
    dimension = shapely.get_dimensions(local[rows[0]])
    while waiting:
        shape, some = waiting.pop()
        around = boxes[some]
        low_corner, high_corner = around[:, :2].min(axis=0) - margin_m, around[:, 2:].max(axis=0) + margin_m
        part = _clipped(shape, (*low_corner, *high_corner), dimension)
        middle = (around[:, :2] + around[:, 2:]) / 2.0
        axis = int(np.argmax(np.ptp(middle, axis=0)))
        low = middle[:, axis] <= np.median(middle[:, axis])
        if shapely.get_num_coordinates(part) <= MANY_VERTICES or low.all():
            local[some] = part
        else:
            waiting += [(part, some[low]), (part, some[~low])]


def _clipped(shape: shapely.Geometry, box: tuple[float, ...], dimension: int) -> shapely.Geometry:
    """Return a shape within a box: by the quick clipping, or where that breaks its topology, by a full overlay."""
    part = of_dimension(np.array([shapely.clip_by_rect(shape, *box)], dtype=object), dimension)[0]
    if shapely.is_valid(part):
        return part
    return of_dimension(np.array([shapely.intersection(shape, shapely.box(*box))], dtype=object), dimension)[0]


def of_dimension(shapes: NDArray[np.object_], dimension: int) -> NDArray[np.object_]:
    """Return each shape without its parts of a lower dimension: points and lines where polygons touch."""
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION)
    lower = np.flatnonzero(shapely.get_dimensions(shapes) < dimension)
    result = np.array(shapes, dtype=object)
    for i in mixed:
        parts = shapely.get_parts(shapes[i])
        result[i] = shapely.union_all(parts[shapely.get_dimensions(parts) == dimension])
    result[lower] = shapely.Polygon() if dimension == 2 else shapely.LineString()  # noqa: PLR2004
    return result


def united(shapes: NDArray[np.object_], group: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the union of the shapes of each group, groups numbered 0, 1, … and sorted; shape (groups,)."""
    count = np.bincount(group)
    result = np.empty(len(count), dtype=object)
    first = np.cumsum(count) - count
    result[count == 1] = shapes[first[count == 1]]
    several = count[group] > 1
    if several.any():
        number = np.cumsum(count > 1) - 1
        bundles = shapely.geometrycollections(shapes[several], indices=number[group[several]])
        result[count > 1] = shapely.union_all(bundles[:, None], axis=1)
    return result


def _box_holds(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which boxes hold the other of their row."""
    return np.asarray((outer[:, :2] <= inner[:, :2]).all(axis=1) & (outer[:, 2:] >= inner[:, 2:]).all(axis=1))


def _comes_after(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say where the first box comes after the second, by its corners in turn: an order that no role decides."""
    differs = one != two
    at = np.argmax(differs, axis=1)[:, None]
    return np.asarray((np.take_along_axis(one, at, 1) > np.take_along_axis(two, at, 1))[:, 0])

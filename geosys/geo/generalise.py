"""Coarsen geometries for publication: simplify, then move every vertex to a grid, so that no original vertex is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import SpecError
from geosys.geo.crs import check_metric, scale_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shapes = NDArray[np.object_]

# Where the grid begins, as a share of its cell: round coordinates, which people like to deliver, are never on it.
ORIGIN_SHARE = 0.381966
_LINEAL, _AREAL = 1, 2


def plane_length(ground_m: float, geometries: Shapes, crs: str) -> float:
    """Return the length in the plane that is at least `ground_m` on the ground wherever the geometries lie.

    Parameters
    ----------
    ground_m : metres on the ground.
    geometries, crs : what lies there, in a metric CRS.

    Raises
    ------
    CrsError
        When the CRS is not metric.
    SpecError
        When the length is not above 0.
    """
    check_metric(crs, "generalise")
    if not np.isfinite(ground_m) or ground_m <= 0:
        raise SpecError(f"generalise: got {ground_m!r} m, expected metres above 0. Name a coarser distance.")
    bounds = shapely.total_bounds(geometries)
    return ground_m * (scale_range(crs, bounds)[1] if np.isfinite(bounds).all() else 1.0)


def cells_of(geometries: Shapes, crs: str, cell_m: float) -> NDArray[np.int64]:
    """Return column and row of the grid cell in which a point of each geometry lies.

    The point is the geometry's own, or one on its surface; on a line half-way.

    Parameters
    ----------
    geometries : in a metric CRS, none missing or empty.
    cell_m : side of a cell in metres on the ground.

    Returns
    -------
    Whole numbers, shape (n, 2).
    """
    return _cells(geometries, plane_length(cell_m, geometries, crs))


def _cells(geometries: Shapes, side: float) -> NDArray[np.int64]:
    points = inner_points(geometries)
    xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)]).reshape(-1, 2)
    return np.floor(xy / side - ORIGIN_SHARE).astype(np.int64)


def squares(cells: NDArray[np.int64], side: float) -> Shapes:
    """Return the squares of grid cells; `side` is that of the plane, as `plane_length` gives it.

    Examples
    --------
    >>> [round(edge, 4) for edge in squares(np.array([[0, 1]]), 100.0)[0].bounds]
    [38.1966, 138.1966, 138.1966, 238.1966]
    """
    low = (cells + ORIGIN_SHARE) * side
    high = (cells + 1 + ORIGIN_SHARE) * side
    return np.asarray(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]), dtype=object)


def inner_points(geometries: Shapes) -> Shapes:
    """Return one point on each geometry: itself, the middle of a line, or a point on the surface."""
    points = np.asarray(shapely.point_on_surface(geometries), dtype=object)
    lineal = shapely.get_type_id(geometries) == _LINEAL
    points[lineal] = shapely.line_interpolate_point(geometries[lineal], 0.5, normalized=True)
    return points


def generalise(geometries: Shapes, crs: str, tolerance_m: float) -> Shapes:
    """Return geometries with fewer vertices, each of them on a grid of `tolerance_m`, valid and in their order.

    A vertex tells no more than that something lay within about a cell of it. Polygons that share borders still do: they
    are simplified as a coverage, and their borders are snapped once for both sides. A polygon that is smaller than the
    grid becomes the cell that it lies in, but within a coverage, where cells would overlap the neighbours, an empty one;
    so does a line without length left. Points become the centres of their cells.

    Parameters
    ----------
    geometries : in a metric CRS; of one kind. Missing and empty ones stay as they are.
    tolerance_m : metres on the ground.

    Raises
    ------
    CrsError, SpecError
        When the CRS is not metric, or the tolerance not above 0.
    """
    result = np.array(shapely.force_2d(geometries), dtype=object)
    there = np.flatnonzero(~(shapely.is_missing(result) | shapely.is_empty(result)))
    if not len(there):
        return result
    shapes = result[there]
    side = plane_length(tolerance_m, shapes, crs)
    kinds = shapely.get_dimensions(shapes)
    if (kinds == 0).all():
        result[there] = shapely.centroid(squares(_cells(shapes, side), side))
        return result
    steps = shapely.transform(shapes, lambda xy: xy / side - ORIGIN_SHARE)  # from here on a cell is 1 wide
    is_coverage = bool((kinds == _AREAL).all()) and _share_borders(steps)
    snapped = _coarse_coverage(steps) if is_coverage else _coarse(steps)
    placed = np.asarray(shapely.transform(snapped, lambda xy: (np.rint(xy) + ORIGIN_SHARE) * side), dtype=object)
    if not is_coverage:
        lost = shapely.is_empty(snapped) & (kinds == _AREAL)
        placed[lost] = squares(_cells(shapes[lost], side), side)
    result[there] = placed
    return result


def _share_borders(steps: Shapes) -> bool:
    """Say whether polygons lie side by side without overlap, and two of them meet."""
    if len(steps) < 2 or not shapely.coverage_is_valid(steps):  # noqa: PLR2004
        return False
    left, right = shapely.STRtree(steps).query(steps, predicate="intersects")
    return bool((left < right).any())


def _coarse(steps: Shapes) -> Shapes:
    """Return shapes simplified and snapped one by one; what has no size left is empty."""
    simple = shapely.make_valid(shapely.simplify(steps, 1.0, preserve_topology=True))
    kinds = shapely.get_dimensions(steps)
    snapped = shapely.set_precision(simple, 1.0, mode="valid_output")
    return np.array([_only(shape, kind) for shape, kind in zip(snapped, kinds, strict=True)], dtype=object)


def _coarse_coverage(steps: Shapes) -> Shapes:
    """Return a coverage simplified and snapped border by border; each face goes to the polygon it lies in most.

    A border is noded and snapped once, for the polygons on both of its sides, so that no gap and no overlap can come.
    """
    simple = np.asarray(shapely.coverage_simplify(steps, 1.0), dtype=object)
    borders = shapely.union_all(shapely.boundary(simple), grid_size=1.0)
    faces = shapely.get_parts(shapely.polygonize([borders]))
    at, of = shapely.STRtree(simple).query(faces, predicate="intersects")
    common = shapely.area(shapely.intersection(faces[at], simple[of]))
    result = np.full(len(steps), shapely.Polygon(), dtype=object)
    best: dict[int, tuple[float, int]] = {}
    for face, owner, area in zip(at.tolist(), of.tolist(), common.tolist(), strict=True):
        best[face] = max(best.get(face, (0.0, -1)), (area, owner))
    owners = np.array([best.get(face, (0.0, -1))[1] for face in range(len(faces))], dtype=np.int64)
    # a face that lies mostly in no polygon is a hole of the coverage
    area = np.array([best.get(face, (0.0, -1))[0] for face in range(len(faces))])
    owners[area * 2 < shapely.area(faces)] = -1
    for owner in np.unique(owners[owners >= 0]):
        result[owner] = shapely.union_all(faces[owners == owner])
    return result


def _only(shape: shapely.Geometry, kind: int) -> shapely.Geometry:
    """Return the parts of a shape that have the wanted dimension."""
    parts = shapely.get_parts(shape)
    inner = shapely.get_parts(parts)
    keep = inner[(shapely.get_dimensions(inner) == kind) & ~shapely.is_empty(inner)]
    if len(keep) == 1:
        return keep[0]
    build = shapely.multipolygons if kind == _AREAL else shapely.multilinestrings
    return build(keep) if len(keep) else (shapely.Polygon() if kind == _AREAL else shapely.LineString())

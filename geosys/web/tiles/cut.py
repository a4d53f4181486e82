"""Cut features for a tile: onto its grid of whole units, with a margin, simplified to what a screen can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import to_crs
from geosys.web.tiles.grid import EXTENT, MERCATOR, TOP_ZOOM, tile_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 64  # units beyond each side, so that edges and hatches of neighbours meet
SMALL = 2.0  # units: what is smaller both ways is drawn as a square of that size, for nothing there may vanish
_TOLERANCE = 1.0  # units
_STORED = "EPSG:4490"


def cut(shapes: NDArray[np.object_], z: int, x: int, y: int) -> NDArray[np.object_]:
    """Return the parts of shapes in a tile and its margin, in whole units of the tile: x eastwards, y southwards.

    Parameters
    ----------
    shapes
        In EPSG:4490, longitude first.

    Returns
    -------
    Shapes of the same dimension, outer rings by the right hand on these axes; None where nothing of one is in the tile.
    """
    west, _, east, north = tile_box(z, x, y)
    units = EXTENT / (east - west)
    placed = to_crs(np.asarray(shapes, dtype=object), _STORED, MERCATOR)
    placed = shapely.transform(placed, lambda xy: np.column_stack([xy[:, 0] - west, north - xy[:, 1]]) * units)
    window = shapely.box(-MARGIN, -MARGIN, EXTENT + MARGIN, EXTENT + MARGIN)
    dimensions = shapely.get_dimensions(placed)
    boxes = shapely.bounds(placed)
    parts = _clipped(placed, boxes, window)
    if z < TOP_ZOOM:
        parts = shapely.simplify(parts, _TOLERANCE)
    parts = _of_dimension(shapely.set_precision(parts, 1.0), dimensions)
    parts = _with_small(parts, boxes, dimensions, window)
    parts = shapely.orient_polygons(parts)
    whole: NDArray[np.object_] = np.asarray(parts, dtype=object)
    whole[shapely.is_empty(whole)] = None
    return whole


def _clipped(placed: NDArray[np.object_], boxes: NDArray[np.float64], window: shapely.Polygon) -> NDArray[np.object_]:
    """Cut those that reach over the window; the others are kept or gone whole."""
    west, south, east, north = window.bounds
    inside = (boxes[:, 0] >= west) & (boxes[:, 1] >= south) & (boxes[:, 2] <= east) & (boxes[:, 3] <= north)
    over = ~inside & ~np.isnan(boxes[:, 0])
    parts = placed.copy()
    some = placed[over]
    valid = shapely.is_valid(some)
    some[~valid] = shapely.make_valid(some[~valid])
    parts[over] = shapely.intersection(some, window)
    return parts


def _of_dimension(parts: NDArray[np.object_], dimensions: NDArray[np.int32]) -> NDArray[np.object_]:
    """Drop what a cut leaves of a lower dimension: the line along which an area only touches the window."""
    for i in np.flatnonzero(
        (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION) & (dimensions >= 0)
    ):
        pieces = shapely.get_parts(parts[i])
        pieces = shapely.get_parts(pieces[shapely.get_dimensions(pieces) == dimensions[i]])
        make = (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)[dimensions[i]]
        parts[i] = make(pieces)
    parts[shapely.get_dimensions(parts) < dimensions] = shapely.Point()
    return parts


def _with_small(
    parts: NDArray[np.object_], boxes: NDArray[np.float64], dimensions: NDArray[np.int32], window: shapely.Polygon
) -> NDArray[np.object_]:  # fmt: skip
    """Draw areas and lines that rounding has swallowed as the smallest mark there is."""
    swallowed = shapely.is_empty(parts) & (dimensions > 0)
    swallowed &= (boxes[:, 2] - boxes[:, 0] < SMALL) & (boxes[:, 3] - boxes[:, 1] < SMALL)
    for i in np.flatnonzero(swallowed):
        x, y = np.round((boxes[i, :2] + boxes[i, 2:]) / 2)
        if window.covers(shapely.Point(x, y)):
            half = SMALL / 2
            is_area = dimensions[i] == 2  # noqa: PLR2004  an area
            parts[i] = (
                shapely.box(x - half, y - half, x + half, y + half)
                if is_area
                else shapely.LineString([(x - half, y), (x + half, y)])
            )
    return parts

"""A small map of the features on a page, as SVG: no tiles, no script, each shape a link to its feature."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH, HEIGHT, EDGE = 720.0, 400.0, 12.0
_POINT_RADIUS = 4
_LEAST_SPAN = 1e-4  # degrees: a single point gets a map of some metres around it
_MOST_VERTICES = 30_000


def small_map(shapes: NDArray[np.object_], addresses: Sequence[str], names: Sequence[str], title: str) -> str:
    """Return the map of shapes in EPSG:4490, longitude first; an empty text where none has a place."""
    box = shapely.total_bounds(shapes) if len(shapes) else np.full(4, np.nan)
    if np.isnan(box).any():
        return ""
    narrow = math.cos(
        math.radians((box[1] + box[3]) / 2)
    )  # a degree of longitude on the ground, in degrees of latitude
    wide, high = max((box[2] - box[0]) * narrow, _LEAST_SPAN), max(box[3] - box[1], _LEAST_SPAN)
    scale = min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high)
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def to_page(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x = WIDTH / 2 + (xy[:, 0] - middle[0]) * narrow * scale
        return np.column_stack([x, HEIGHT / 2 - (xy[:, 1] - middle[1]) * scale])

    drawn = shapely.transform(shapes, to_page)
    if int(shapely.get_num_coordinates(drawn).sum()) > _MOST_VERTICES:
        drawn = shapely.simplify(drawn, 1.0, preserve_topology=False)
    parts = [
        f'<a href="{escape(address)}"><title>{escape(name)}</title>{_shape(shape)}</a>'
        for shape, address, name in zip(drawn, addresses, names, strict=True)
        if shape is not None and not shapely.is_empty(shape)
    ]
    return f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _shape(shape: shapely.Geometry) -> str:
    """Return one shape as SVG elements."""
    points, path, is_line = [], [], False
    for part in shapely.get_parts(shape):
        if part.geom_type == "Point":
            points.append(f'<circle cx="{part.x:.1f}" cy="{part.y:.1f}" r="{_POINT_RADIUS}"/>')
        elif part.geom_type == "Polygon":
            path += [_ring(ring.coords, "Z") for ring in (part.exterior, *part.interiors)]
        else:
            is_line = True
            path.append(_ring(part.coords, ""))
    drawn = (
        f'<path{" class=" + chr(34) + "line" + chr(34) if is_line else ""} fill-rule="evenodd" d="{"".join(path)}"/>'
        if path
        else ""
    )
    return "".join(points) + drawn


def _ring(points: Sequence[Sequence[float]], end: str) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + end

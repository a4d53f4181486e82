"""The grid of tiles that web maps share: WebMercatorQuad, counted from the north-west.

Source: OGC 17-083r4, D.1 (WebMercatorQuad).
"""

from __future__ import annotations

import math

HALF_M = 20_037_508.342_789_244  # half the width of the world in EPSG:3857
TOP_ZOOM = 18  # beyond, a screen enlarges the tiles of this zoom: a unit of one is 4 cm at the equator
EXTENT = 4096  # units across a tile
MERCATOR = "EPSG:3857"

Box = tuple[float, float, float, float]


def is_tile(z: int, x: int, y: int) -> bool:
    """Say whether there is such a tile, of a zoom that is served."""
    return 0 <= z <= TOP_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z


def tile_box(z: int, x: int, y: int) -> Box:
    """Return west, south, east, north of a tile in metres of EPSG:3857.

    Examples
    --------
    >>> tile_box(1, 1, 0)
    (0.0, 0.0, 20037508.342789244, 20037508.342789244)
    """
    span = 2 * HALF_M / 2**z
    return x * span - HALF_M, HALF_M - (y + 1) * span, (x + 1) * span - HALF_M, HALF_M - y * span


def degrees_box(z: int, x: int, y: int, margin: float = 0.0) -> Box:
    """Return west, south, east, north of a tile in degrees; `margin` adds a share of its width on each side.

    Examples
    --------
    >>> [round(side, 4) for side in degrees_box(0, 0, 0)]
    [-180.0, -85.0511, 180.0, 85.0511]
    """
    west, south, east, north = tile_box(z, x, y)
    more = (east - west) * margin
    return _longitude(west - more), _latitude(south - more), _longitude(east + more), _latitude(north + more)


def _longitude(x: float) -> float:
    return x / HALF_M * 180.0


def _latitude(y: float) -> float:
    return math.degrees(math.atan(math.sinh(y / HALF_M * math.pi)))


def lowest_zoom(rows: int, bounds: Box | None, most: int) -> int:
    """Return the first zoom at which a tile holds no more than `most` of a layer's features, if they lie evenly.

    Parameters
    ----------
    bounds : of the layer, in degrees.

    Examples
    --------
    >>> lowest_zoom(100, (113.0, 34.0, 115.0, 35.0), 5000), lowest_zoom(500_000, (113.0, 34.0, 115.0, 35.0), 5000)
    (0, 12)
    """
    if bounds is None or rows <= most:
        return 0
    width = max(bounds[2] - bounds[0], 1e-6) / 360
    height = max(bounds[3] - bounds[1], 1e-6) / 360 / math.cos(math.radians((bounds[1] + bounds[3]) / 2))
    zoom = math.ceil(math.log2(rows / most / (width * height)) / 2)
    return min(max(zoom, 0), TOP_ZOOM - 2)

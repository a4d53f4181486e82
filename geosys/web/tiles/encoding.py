"""Write and read Mapbox vector tiles. The one door to mapbox-vector-tile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import mapbox_vector_tile
import shapely

from geosys.web.tiles.grid import EXTENT

Rows = tuple[Iterable[shapely.Geometry], Sequence[Mapping[str, Any]]]


def encode(layers: Mapping[str, Rows]) -> bytes:
    """Return a tile of layers: shapes in whole units of the tile as `cut` gives them, and their values; missing ones are left out.

    Source: Mapbox Vector Tile Specification 2.1.
    """
    told = [
        {"name": layer, "features": [_feature(*row) for row in zip(*rows, strict=True)]}
        for layer, rows in layers.items()
    ]
    # Units count southwards and rings run as the specification wants already: the package shall turn nothing round.
    options = {"y_coord_down": True, "extents": EXTENT, "check_winding_order": False}
    return bytes(mapbox_vector_tile.encode(told, default_options=options))


def _feature(shape: shapely.Geometry, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"geometry": shape, "properties": {name: value for name, value in values.items() if value is not None}}


def decode(tile: bytes) -> dict[str, Any]:
    """Return the layers of a tile: GeoJSON features in units of the tile, y southwards."""
    return dict(mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True}))

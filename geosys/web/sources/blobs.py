"""Geometry in SQLite: GeoPackage blobs, and the functions of relation that SQLite lacks."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.web.sources.sql import Dialect, plain_value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from numpy.typing import NDArray

SRS = 4490
_HEAD = struct.Struct("<2sBBi4d")  # magic, version, flags, SRS, west, east, south, north
_FLAGS = 0b00000011  # little endian, an envelope of x and y. Source: OGC 12-128r18, 2.1.3 BLOB format
# The other geometry is the prepared one, so it stands first: what a feature lies within contains it.
_TESTS: dict[str, Callable[[shapely.Geometry, shapely.Geometry], Any]] = {
    "intersects": shapely.intersects, "within": shapely.contains, "contains": shapely.within, "disjoint": shapely.disjoint,
    "touches": shapely.touches, "crosses": shapely.crosses, "overlaps": shapely.overlaps, "equals": shapely.equals,
}  # fmt: skip


def to_blobs(geometries: NDArray[np.object_]) -> list[bytes | None]:
    """Return GeoPackage blobs of geometries in EPSG:4490, longitude first; None where there is none."""
    boxes = shapely.bounds(geometries)
    return [
        None if wkb is None or np.isnan(box[0]) else _HEAD.pack(b"GP", 0, _FLAGS, SRS, box[0], box[2], box[1], box[3]) + wkb
        for wkb, box in zip(shapely.to_wkb(geometries, flavor="iso", byte_order=1), boxes, strict=True)
    ]  # fmt: skip


def from_blobs(blobs: list[bytes | None]) -> NDArray[np.object_]:
    """Return the geometries of blobs that `to_blobs` made."""
    wkb = np.array([None if blob is None else blob[_HEAD.size :] for blob in blobs], dtype=object)
    return np.asarray(shapely.from_wkb(wkb), dtype=object)


@lru_cache(maxsize=32)
def _other(wkb: bytes) -> tuple[shapely.Geometry, tuple[float, float, float, float]]:
    """Return the geometry of a question, prepared once for all the rows it is held against, and its box."""
    geometry = shapely.from_wkb(wkb)
    shapely.prepare(geometry)
    west, south, east, north = (float(side) for side in shapely.bounds(geometry))
    return geometry, (west, south, east, north)


def related(relation: str, blob: bytes | None, wkb: bytes) -> int | None:
    """Say whether the geometry of a blob stands in a relation to another one; None where there is no geometry."""
    if blob is None:
        return None
    other, (west, south, east, north) = _other(wkb)
    _, _, _, _, xmin, xmax, ymin, ymax = _HEAD.unpack_from(blob)
    if xmax < west or east < xmin or ymax < south or north < ymin:
        return int(relation == "disjoint")
    return int(_TESTS[relation](other, shapely.from_wkb(blob[_HEAD.size :])))


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that `SQLITE` uses; patterns tell capital from small letters as everywhere else."""
    connection.create_function("geo_related", 3, related, deterministic=True)
    connection.create_function(
        "geo_fold", 1, lambda text: None if text is None else str(text).casefold(), deterministic=True
    )
    connection.execute("PRAGMA case_sensitive_like=ON")


def _related(relation: str, geometry: shapely.Geometry) -> tuple[str, list[Any]]:
    return 'geo_related(?, "geometry", ?)', [relation, shapely.to_wkb(geometry)]


SQLITE = Dialect("?", "geo_fold({})", str.casefold, _related, plain_value)

"""The coordinate systems a service offers, their addresses, and the one place where axes change their order."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import parse_crs, to_crs, transformer
from geosys.web.features.problems import ProblemError
from geosys.web.sources.port import STORED_CRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
_GEOGRAPHIC, _WEB = ("EPSG:4490", "EPSG:4326"), "EPSG:3857"
_CENTRAL, _NUMBERED = (
    range(4534, 4555),
    21,
)  # CGCS2000 3-degree zones by meridian; the same by number are 21 codes before
_FORMS = re.compile(
    r"(?:\[?EPSG:|urn:ogc:def:crs:EPSG:[\d.]*:|https?://www\.opengis\.net/def/crs/EPSG/\d[\d.]*/)(\d{4,6})\]?"
)
_CRS84_FORMS = {
    CRS84,
    CRS84.replace("http:", "https:"),
    "[OGC:CRS84]",
    "OGC:CRS84",
    "urn:ogc:def:crs:OGC:1.3:CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
}
_STEPS = 21  # points on a side of a box before it is bent into degrees
_DIGITS_DEGREES, _DIGITS_METRES = 9, 4  # a tenth of a millimetre
_ALL_ROUND = 360.0
# PROJ moves nothing between these (no public shift of WGS 84 to CGCS2000 is worth more than it costs: below a decimetre), so it is not asked:
# its first answer in each thread takes a third of a second.
_SAME_DEGREES = {"OGC:CRS84", "EPSG:4326", "EPSG:4490"}


def offered(plan_crs: str) -> tuple[str, ...]:
    """Return the names of all systems that are offered, CRS84 first.

    Examples
    --------
    >>> offered("EPSG:4547")
    ('OGC:CRS84', 'EPSG:4490', 'EPSG:4547', 'EPSG:4526', 'EPSG:4326', 'EPSG:3857')
    """
    code = parse_crs(plan_crs).to_epsg()
    own = [f"EPSG:{code}"] if code else []
    if code is not None and code in _CENTRAL:
        own.append(f"EPSG:{code - _NUMBERED}")
    names = ["OGC:CRS84", STORED_CRS, *own, *_GEOGRAPHIC, _WEB]
    return tuple(dict.fromkeys(names))


def address_of(name: str) -> str:
    """Return the address of a system.

    Examples
    --------
    >>> address_of("EPSG:4490")
    'http://www.opengis.net/def/crs/EPSG/0/4490'
    """
    return CRS84 if name == "OGC:CRS84" else _EPSG + name.removeprefix("EPSG:")


def system_named(text: str, plan_crs: str, parameter: str) -> str:
    """Return the system that a client names by address, URN or short form.

    Raises
    ------
    ProblemError
        400 when it is not offered.
    """
    match = _FORMS.fullmatch(text.strip())
    name = "OGC:CRS84" if text.strip() in _CRS84_FORMS else f"EPSG:{match[1]}" if match else ""
    known = offered(plan_crs)
    if name not in known:
        told = ", ".join(address_of(n) for n in known)
        raise ProblemError(400, f"{parameter}: got {text[:100]!r}, expected one of: {told}.")
    return name


@lru_cache(maxsize=64)
def is_north_first(name: str) -> bool:
    """Say whether a system's authority writes the northing or latitude first.

    Examples
    --------
    >>> is_north_first("EPSG:4490"), is_north_first("EPSG:4547"), is_north_first("OGC:CRS84"), is_north_first("EPSG:3857")
    (True, True, False, False)
    """
    return parse_crs(name).axis_info[0].direction.lower() == "north"


def outward(geometries: NDArray[np.object_], name: str) -> NDArray[np.object_]:
    """Return stored geometries in a system, axes in its authority's order, rounded to a tenth of a millimetre."""
    moved = shapely.force_2d(geometries) if name in _SAME_DEGREES else to_crs(geometries, STORED_CRS, name)
    digits = _DIGITS_METRES if parse_crs(name).is_projected else _DIGITS_DEGREES
    turned = is_north_first(name)
    shaped = shapely.transform(moved, lambda xy: np.round(xy[:, ::-1] if turned else xy, digits))
    return np.asarray(shaped, dtype=object)


def inward(geometry: shapely.Geometry, name: str) -> shapely.Geometry | None:
    """Return a client's geometry, axes in the order of its system's authority, as it is stored; None where that cannot be."""
    flat = shapely.force_2d(geometry)
    east_first = shapely.transform(flat, lambda xy: xy[:, ::-1]) if is_north_first(name) else flat
    if name in _SAME_DEGREES:
        return east_first if np.isfinite(shapely.bounds(east_first)).all() else None
    moved: shapely.Geometry | None = to_crs(np.array([east_first], dtype=object), name, STORED_CRS)[0]
    return moved


def box_of(numbers: Sequence[float], name: str) -> shapely.Geometry:
    """Return the area of a bbox, its numbers in the axis order of its system, in EPSG:4490, longitude first.

    The sides of a box of a plane are curves in degrees: they are followed by `_STEPS` points. In degrees a west beyond the
    east goes over the 180th meridian.

    Raises
    ------
    ProblemError
        400 when it is no box.
    """
    a, b, c, d = numbers if len(numbers) == 4 else (numbers[0], numbers[1], numbers[3], numbers[4])  # noqa: PLR2004
    west, south, east, north = (b, a, d, c) if is_north_first(name) else (a, b, c, d)
    is_plane = parse_crs(name).is_projected
    limits = (-180, -90, 180, 90)
    if south > north or (is_plane and west > east):
        raise ProblemError(
            400, f"bbox: got {list(numbers)}, expected the lower corner first, in the axis order of {name}."
        )
    if not is_plane and not (
        limits[0] <= west <= limits[2] and limits[0] <= east <= limits[2] and limits[1] <= south and north <= limits[3]
    ):
        raise ProblemError(
            400, f"bbox: got {list(numbers)}, expected degrees in the axis order of {name} ({_order(name)})."
        )
    if is_plane:
        return _bent(west, south, east, north, name)
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(shapely.box(west, south, limits[2], north), shapely.box(limits[0], south, east, north))


def _bent(west: float, south: float, east: float, north: float, name: str) -> shapely.Geometry:
    along = np.linspace(0, 1, _STEPS)
    x = np.concatenate(
        [west + (east - west) * along, np.full(_STEPS, east), east + (west - east) * along, np.full(_STEPS, west)]
    )
    y = np.concatenate(
        [
            np.full(_STEPS, south),
            south + (north - south) * along,
            np.full(_STEPS, north),
            north + (south - north) * along,
        ]
    )
    lon, lat = transformer(name, STORED_CRS).transform(x, y)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all() and np.ptp(lon) < _ALL_ROUND / 2):
        raise ProblemError(
            400,
            f"bbox: got numbers that {name} has no place for, expected a box in its area. Mind the axis order: {_order(name)}.",
        )
    ring = shapely.polygons(np.column_stack([lon, lat]))
    if not shapely.is_valid(ring):  # a box without width or height is a line or a point
        return shapely.union(shapely.linestrings(np.column_stack([lon, lat])), shapely.Point(lon[0], lat[0]))
    return ring


def _order(name: str) -> str:
    return "latitude or northing first" if is_north_first(name) else "longitude or easting first"

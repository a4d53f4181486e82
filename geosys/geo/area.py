"""The statutory area: on the ellipsoid, as the land survey computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import GEOGRAPHIC, ellipsoid_of, parse_crs, to_crs
from geosys.geo.geometry import extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

SQUARE_METRES_PER_MU = 2000.0 / 3.0
SQUARE_METRES_PER_HECTARE = 10_000.0


def authalic_height(lat_deg: NDArray[np.float64], a_m: float, flattening: float) -> NDArray[np.float64]:
    """Return y in metres of the cylindrical equal-area plane for latitudes in degrees.

    The shoelace area in the plane (a·longitude in radians, y) is the exact area on the ellipsoid of a polygon
    whose edges are straight in longitude and this height: against geodesics, an edge of 1 km moves the area by some square metres.

    Source
    ------
    Closed form of the authalic integral; equals the trapezoid series of the land survey (TD/T 1055) to 1e-12.
    """
    e2 = flattening * (2.0 - flattening)
    e = np.sqrt(e2)
    s = np.sin(np.radians(lat_deg))
    if e == 0.0:
        return np.asarray(a_m * s)
    return np.asarray(a_m * (1.0 - e2) / 2.0 * (s / (1.0 - e2 * s * s) + np.arctanh(e * s) / e))


def ellipsoidal_area_m2(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the ellipsoidal area of each geometry in square metres.

    Parameters
    ----------
    geometries
        Shapely geometries, shape (n,); lines, points, empty and missing ones have area 0.
    crs
        Their CRS. Projected coordinates are turned into degrees first, vertex by vertex.

    Returns
    -------
    float64 of shape (n,), holes subtracted.

    Source
    ------
    Land survey's ellipsoid-area formula (TD/T 1055), see `authalic_height`.

    Examples
    --------
    >>> box = np.array([shapely.box(114.30, 34.80, 114.31, 34.81)])
    >>> round(float(ellipsoidal_area_m2(box, "EPSG:4490")[0]), 4)
    1015120.2983
    """
    a_m, flattening = ellipsoid_of(crs)
    degrees = to_crs(np.asarray(geometries, dtype=object), crs, _geographic_of(crs))
    filled = np.where(shapely.is_missing(degrees), shapely.Point(), degrees)
    corner = _corner(filled)

    def flatten(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x = a_m * np.radians(xy[:, 0] - corner[0])
        return np.column_stack([x, authalic_height(xy[:, 1], a_m, flattening) - corner_y])

    corner_y = float(authalic_height(np.array([corner[1]]), a_m, flattening)[0])
    return np.asarray(shapely.area(shapely.transform(filled, flatten)), dtype=np.float64)


def _geographic_of(crs: str) -> str:
    """Return the geographic CRS on the same datum, so that no datum shift moves an edge."""
    base = parse_crs(crs).geodetic_crs
    return GEOGRAPHIC if base is None else base.to_wkt()


def _corner(geometries: NDArray[np.object_]) -> tuple[float, float]:
    """Return the south-west corner of all geometries: sums keep their digits near it."""
    bounds = extent(geometries)
    return (0.0, 0.0) if np.isnan(bounds[0]) else (float(bounds[0]), float(bounds[1]))

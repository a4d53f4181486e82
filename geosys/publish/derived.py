"""Fields of a package that no layer has as a column: areas on the ellipsoid and the place of a feature in degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU
from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.geo.crs import GEOGRAPHIC, to_crs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Measure = Callable[[NDArray[np.object_], str], NDArray[np.float64]]


def area_mu(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return ellipsoidal areas in mu (亩), 2000/3 m² each; arguments as `ellipsoidal_areas_m2`."""
    return ellipsoidal_areas_m2(geometries, crs) / SQUARE_METRES_PER_MU


def area_ha(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return ellipsoidal areas in hectares; arguments as `ellipsoidal_areas_m2`."""
    return ellipsoidal_areas_m2(geometries, crs) / SQUARE_METRES_PER_HECTARE


def centroid_lon(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the longitude of each feature's centroid in degrees of CGCS2000, NaN without a geometry.

    The centroid is taken in the CRS of the geometries and then converted.

    Examples
    --------
    >>> centroid_lon(np.array([shapely.Point(500_000, 3_850_000)]), "EPSG:4547").round(9).tolist()
    [114.0]
    """
    return _centroids(geometries, crs)[:, 0]


def centroid_lat(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    """Return the latitude of each feature's centroid in degrees of CGCS2000, NaN without a geometry."""
    return _centroids(geometries, crs)[:, 1]


def _centroids(geometries: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    points = to_crs(np.asarray(shapely.centroid(geometries), dtype=object), crs, GEOGRAPHIC)
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


# What a profile names as `column`: (of which geometries, how).
MEASURES: Mapping[str, tuple[tuple[str, ...], Measure]] = {
    "area_m2": (("polygon",), ellipsoidal_areas_m2),
    "area_mu": (("polygon",), area_mu),
    "area_ha": (("polygon",), area_ha),
    "centroid_lon": (("point", "line", "polygon"), centroid_lon),
    "centroid_lat": (("point", "line", "polygon"), centroid_lat),
}

"""Places as offices write them down: decimal degrees or degrees, minutes and seconds, and where that reads back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.sample.terrain import CRS

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMALS = 6  # of decimal degrees: a tenth of a metre
SECOND_DECIMALS = 2  # of a second: a third of a metre


def degrees_of(points: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return longitude and latitude, shape (n, 2), of points in the metric CRS."""
    return np.asarray(shapely.get_coordinates(to_crs(points, CRS, GEOGRAPHIC)), dtype=np.float64)


def metres_of(degrees: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return points in the metric CRS from longitude and latitude, shape (n, 2)."""
    return to_crs(np.asarray(shapely.points(degrees), dtype=object), GEOGRAPHIC, CRS)


def as_decimal(points: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the points (metric CRS) moved to where their decimal degrees, as written, read back to."""
    return metres_of(np.round(degrees_of(points), DECIMALS))


def as_dms(points: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the points (metric CRS) moved to where their degrees, minutes and seconds, as written, read back to."""
    unit = 3600.0 * 10**SECOND_DECIMALS
    return metres_of(np.round(degrees_of(points) * unit) / unit)


def dms_text(degree: float) -> str:
    """Return an angle as degrees, minutes and seconds.

    Examples
    --------
    >>> dms_text(114.310144444444)
    '114°18′36.52″'
    """
    hundredths = round(degree * 360_000)
    whole, rest = divmod(hundredths, 360_000)
    minute, second = divmod(rest, 6_000)
    return f"{whole}°{minute:02d}′{second / 100:05.2f}″"

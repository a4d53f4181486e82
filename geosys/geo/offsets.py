"""GCJ-02 and BD-09: the offsets of map services, put on and taken off; never assumed, see `offset_suspicion`.

CGCS2000 and WGS 84 differ by decimetres, so that one pair of functions serves both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# Source: the formula that became public as the offset of Chinese map services; its ellipsoid is Krassowsky's (1940).
# Four independent implementations agree on the test vectors to 0.1 mm; the survey authority has published none.
_AXIS_M = 6_378_245.0
_E2 = 0.006_693_421_622_965_943_23
_ORIGIN = (105.0, 35.0)
_BOX = (72.004, 0.8293, 137.8347, 55.8271)  # outside of it the services show true positions
# (amplitude in metres before the factor 2/3, half-waves a degree): on both axes by longitude, then by each axis itself
_BY_LONGITUDE = ((20.0, 6.0), (20.0, 2.0))
_BY_OWN_EAST = ((20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
_BY_OWN_NORTH = ((20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
# Source: BD-09 as the map service's own converter shows it: a turn and stretch of GCJ-02 that wave, and a constant.
_BD_SHIFT = (0.0065, 0.006)
_BD_WAVES_A_RADIAN = 3000.0 / 180.0 * np.pi
_BD_STRETCH_DEG, _BD_TURN_RAD = 2e-5, 3e-6
_ROUNDS = 12  # each round leaves at most a fortieth of the error: 12 reach the rounding of the numbers
_ROUNDING_DEG = 5e-14


def gcj02_from_degrees(degrees: Points) -> Points:
    """Return GCJ-02 positions of true ones.

    Parameters
    ----------
    degrees
        Longitude and latitude in WGS 84 or CGCS2000, shape (n, 2).

    Returns
    -------
    Shape (n, 2); outside the offset's box (72.0–137.8° E, 0.8–55.8° N) the position itself.

    Examples
    --------
    >>> gcj02_from_degrees(np.array([[114.3073, 34.7972]])).round(8)
    array([[114.31314366,  34.7963066 ]])
    """
    degrees = _finite(degrees)
    return np.where(_in_box(degrees)[:, None], degrees + _gcj02_offset(degrees), degrees)


def degrees_from_gcj02(shifted: Points) -> Points:
    """Return true longitude and latitude of GCJ-02 positions, exact to the rounding of the numbers.

    A position just inside the offset's box that no true one is shown at becomes not-a-number.

    Examples
    --------
    >>> degrees_from_gcj02(np.array([[114.31314366388185, 34.796306602557415]])).round(8)
    array([[114.3073,  34.7972]])
    """
    shifted = _finite(shifted)
    true = _inverse(lambda points: points + _gcj02_offset(points), shifted)
    true[~_in_box(true)] = np.nan
    return np.where(_in_box(shifted)[:, None], true, shifted)


def bd09_from_degrees(degrees: Points) -> Points:
    """Return BD-09 positions, shape (n, 2), of true longitudes and latitudes in WGS 84 or CGCS2000.

    Examples
    --------
    >>> bd09_from_degrees(np.array([[114.3073, 34.7972]])).round(8)
    array([[114.31972062,  34.8020406 ]])
    """
    return _bd09_from_gcj02(gcj02_from_degrees(degrees))


def degrees_from_bd09(shifted: Points) -> Points:
    """Return true longitude and latitude, shape (n, 2), of BD-09 positions, exact to the rounding of the numbers.

    Examples
    --------
    >>> degrees_from_bd09(np.array([[114.31972061546807, 34.802040600158485]])).round(8)
    array([[114.3073,  34.7972]])
    """
    return degrees_from_gcj02(_inverse(_bd09_from_gcj02, _finite(shifted)))


def _gcj02_offset(degrees: Points) -> Points:
    """Return by how many degrees each position is moved, also outside the box."""
    x, y = degrees[:, 0] - _ORIGIN[0], degrees[:, 1] - _ORIGIN[1]
    root = np.sqrt(np.abs(x))
    common = _waves(x, _BY_LONGITUDE)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common + _waves(y, _BY_OWN_NORTH)
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common + _waves(x, _BY_OWN_EAST)
    lat = np.radians(degrees[:, 1])
    width = 1.0 - _E2 * np.sin(lat) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        lon_offset = np.degrees(east_m / (_AXIS_M / np.sqrt(width) * np.cos(lat)))
    lat_offset = np.degrees(north_m / (_AXIS_M * (1.0 - _E2) / width**1.5))
    return np.column_stack([lon_offset, lat_offset])


def _waves(values: NDArray[np.float64], waves: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    total = np.zeros_like(values)
    for amplitude, rate in waves:
        total += amplitude * np.sin(values * np.pi * rate)
    return total * (2.0 / 3.0)


def _bd09_from_gcj02(shifted: Points) -> Points:
    lon, lat = shifted[:, 0], shifted[:, 1]
    reach = np.hypot(lon, lat) + _BD_STRETCH_DEG * np.sin(lat * _BD_WAVES_A_RADIAN)
    turn = np.arctan2(lat, lon) + _BD_TURN_RAD * np.cos(lon * _BD_WAVES_A_RADIAN)
    return np.column_stack([reach * np.cos(turn) + _BD_SHIFT[0], reach * np.sin(turn) + _BD_SHIFT[1]])


def _inverse(forward: Callable[[Points], Points], target: Points) -> Points:
    """Return the positions that `forward` moves to `target`, by taking off the miss again and again."""
    guess = target
    for _ in range(_ROUNDS):
        miss = forward(guess) - target
        guess = guess - miss
        if not np.any(np.abs(miss) > _ROUNDING_DEG):
            break
    return guess


def _finite(points: Points) -> Points:
    points = np.asarray(points, dtype=np.float64)
    return np.where(np.isfinite(points).all(axis=1, keepdims=True), points, np.nan)


def _in_box(degrees: Points) -> NDArray[np.bool_]:
    west, south, east, north = _BOX
    lon, lat = degrees[:, 0], degrees[:, 1]
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))

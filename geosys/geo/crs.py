"""Coordinate systems: what may be converted into what, and the true scale of a plane."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from geosys._errors import CrsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GEOGRAPHIC = "EPSG:4490"  # CGCS2000, longitude and latitude
_REFUSED_DATUMS = {
    "Beijing 1954": ("北京54", 4214),
    "New Beijing": ("新北京54", 4555),
    "Xian 1980": ("西安80", 4610),
}
# what the two datums are recognised by when a file names them otherwise: semi-major axis in metres, inverse flattening
_REFUSED_ELLIPSOIDS = {"北京54": (6_378_245.0, 298.3), "西安80": (6_378_140.0, 298.257)}


@lru_cache(maxsize=256)
def parse_crs(text: str) -> pyproj.CRS:
    """Return the CRS that `text` names: an EPSG code, WKT or PROJ string.

    Raises
    ------
    CrsError
        When PROJ does not know it.

    Examples
    --------
    >>> parse_crs("EPSG:4547").name
    'CGCS2000 / 3-degree Gauss-Kruger CM 114E'
    """
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        raise CrsError(f"CRS: got {text!r}, expected one PROJ knows, as 'EPSG:4547'. Mend the code.") from None


def datum_that_cannot_be_converted(crs: pyproj.CRS) -> str:
    """Return the Chinese name of a datum with no valid public shift to CGCS2000, or an empty text.

    PROJ would convert Beijing 54 and Xian 80 with a silent zero shift (up to 100 m and more wrong).

    Examples
    --------
    >>> datum_that_cannot_be_converted(parse_crs("EPSG:2383"))
    '西安80'
    >>> datum_that_cannot_be_converted(parse_crs("EPSG:4547"))
    ''
    """
    base = crs.geodetic_crs
    name = base.name if base is not None else crs.name
    datum = base.datum.name if base is not None and base.datum is not None else ""
    for known, (label, code) in _REFUSED_DATUMS.items():
        if known in name or known in datum or (base is not None and base.to_epsg() == code):
            return label
    ellipsoid = crs.ellipsoid
    if base is not None and base.to_epsg() is None and ellipsoid is not None:
        for label, (axis, inverse) in _REFUSED_ELLIPSOIDS.items():
            if abs(ellipsoid.semi_major_metre - axis) < 0.5 and abs(ellipsoid.inverse_flattening - inverse) < 1e-3:  # noqa: PLR2004
                return label
    return ""


@lru_cache(maxsize=256)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Return the exact transformer between two CRSs, x = east or longitude first.

    Raises
    ------
    CrsError
        For Beijing 54 and Xian 80, which need control points or seven parameters of the survey office.
    """
    for text in (source, target):
        label = datum_that_cannot_be_converted(parse_crs(text))
        if label and source != target:
            raise CrsError(
                f"CRS: got {text} ({label}), expected CGCS2000. No public parameters give a valid shift: "
                "ask the survey office for the data in CGCS2000 or for control points."
            )
    try:
        return pyproj.Transformer.from_crs(parse_crs(source), parse_crs(target), always_xy=True)
    except pyproj.exceptions.ProjError:
        raise CrsError(
            f"CRS: got {source[:200]} and {target[:200]}, expected two that PROJ can convert between. "
            "A local system needs control points: ask for CGCS2000 data."
        ) from None


def to_crs(geometries: NDArray[np.object_], source: str, target: str) -> NDArray[np.object_]:
    """Return the geometries of an array in another CRS; two dimensions, empty and missing ones unchanged.

    Coordinates that the target cannot express become a missing geometry, never infinity.

    Raises
    ------
    CrsError
        When the two datums have no valid shift.
    """
    flat = shapely.force_2d(geometries)
    if source == target or parse_crs(source) == parse_crs(target):
        return np.asarray(flat, dtype=object)
    change = transformer(source, target)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = change.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([x, y])

    moved = shapely.transform(flat, move)
    lost = ~np.isfinite(shapely.bounds(moved)).all(axis=1) & ~shapely.is_missing(flat) & ~shapely.is_empty(flat)
    result = np.asarray(moved, dtype=object)
    result[lost] = None
    return result


def check_metric(crs: str, where: str) -> None:
    """Raise unless `crs` is a projected CRS in metres.

    Raises
    ------
    CrsError
        For degrees, feet, and Web Mercator, whose metres are 1.2 times too long here.
    """
    parsed = parse_crs(crs)
    unit = {axis.unit_name for axis in parsed.axis_info}
    if not parsed.is_projected or unit != {"metre"} or parsed.to_epsg() == 3857:  # noqa: PLR2004
        raise CrsError(
            f"{where}: got {crs} ({parsed.name}), expected a projected CRS in true metres. "
            "Name the county's CGCS2000 3-degree zone, as 'EPSG:4547' for 114° E."
        )


def area_of_use(crs: str) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in degrees of the area a CRS is made for, or None where PROJ does not say.

    Examples
    --------
    >>> area_of_use("EPSG:4547")[::2]
    (112.5, 115.5)
    """
    area = parse_crs(crs).area_of_use
    return (area.west, area.south, area.east, area.north) if area is not None else None


def ellipsoid_of(crs: str) -> tuple[float, float]:
    """Return semi-major axis in metres and flattening of the CRS's ellipsoid."""
    ellipsoid = parse_crs(crs).ellipsoid
    if ellipsoid is None:
        raise CrsError(f"CRS: got {crs} without an ellipsoid, expected a geodetic one.")
    return (
        ellipsoid.semi_major_metre,
        1.0 / ellipsoid.inverse_flattening if ellipsoid.inverse_flattening else 0.0,
    )


def scale_range(crs: str, bounds: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and largest ratio of plane to ground length over a box in the CRS's own units.

    Taken at a 5 × 5 grid of points from PROJ's distortion factors; exact enough to widen a search box.
    """
    parsed = parse_crs(crs)
    change = pyproj.Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.linspace(bounds[0], bounds[2], 5), np.linspace(bounds[1], bounds[3], 5))
    )
    lon, lat = change.transform(x, y)
    factors = pyproj.Proj(parsed).get_factors(lon, lat)
    return float(np.min(factors.tissot_semiminor)), float(np.max(factors.tissot_semimajor))

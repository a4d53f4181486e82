"""Say whether a file's CRS is the expected one: by its code, otherwise by every parameter."""

from __future__ import annotations

import math

import pyproj

_NAMED_CHINA = ("CGCS2000", "China_2000", "China 2000", "China Geodetic Coordinate System 2000")
_ENSEMBLE = " ensemble"  # EPSG's word for a datum with all its realisations; Esri's spelling of the same CRS has none
_SLACK = 1e-9  # relative; parameters are written in decimals


def same_crs(found: str | None, expected: pyproj.CRS) -> bool:
    """Say whether what a file writes names the expected CRS; the order of axes is the format's own affair.

    Examples
    --------
    >>> expected = pyproj.CRS("EPSG:4547")
    >>> esri = expected.to_wkt("WKT1_ESRI")
    >>> same_crs(esri, expected), same_crs(esri.replace("114.0", "117.0"), expected), same_crs("EPSG:4526", expected)
    (True, False, False)
    >>> same_crs(None, expected), same_crs("nonsense", expected)
    (False, False)
    >>> europe = pyproj.CRS("EPSG:3035")
    >>> same_crs(europe.to_wkt("WKT1_ESRI"), europe), same_crs(pyproj.CRS("EPSG:3034").to_wkt("WKT1_ESRI"), europe)
    (True, False)
    """
    if not found:
        return False
    try:
        crs = pyproj.CRS.from_user_input(found)
    except pyproj.exceptions.CRSError:
        return False
    return crs.equals(expected, ignore_axis_order=True) or _same_parameters(crs, expected)


def _same_parameters(crs: pyproj.CRS, expected: pyproj.CRS) -> bool:
    """Compare ellipsoid, prime meridian, datum, axes and projection: a code that a text claims proves nothing about its numbers."""
    a, b = crs.ellipsoid, expected.ellipsoid
    if crs.is_geographic != expected.is_geographic or a is None or b is None or not _same_datum(crs, expected):
        return False
    pairs = [(a.semi_major_metre, b.semi_major_metre), (a.inverse_flattening, b.inverse_flattening)]
    meridians = [0.0 if c.prime_meridian is None else c.prime_meridian.longitude for c in (crs, expected)]
    pairs.append((meridians[0], meridians[1]))
    ways = [sorted(axis.direction for axis in c.axis_info[:2]) for c in (crs, expected)]
    if ways[0] != ways[1]:
        return False
    units = [[axis.unit_conversion_factor for axis in c.axis_info[:2]] for c in (crs, expected)]
    pairs += zip(*units, strict=True)
    if not expected.is_geographic:
        ours, theirs = _projection(crs), _projection(expected)
        if not ours or ours.keys() != theirs.keys():
            return False
        pairs += [(ours[name], theirs[name]) for name in theirs]
    return all(math.isclose(x, y, rel_tol=_SLACK, abs_tol=_SLACK) for x, y in pairs)


def _projection(crs: pyproj.CRS) -> dict[str, float]:
    """Return the parameters of a projection by name, with the method's name among the keys."""
    operation = crs.coordinate_operation
    if operation is None:
        return {}
    method = operation.method_name.replace("Gauss_Kruger", "Transverse Mercator").replace("_", " ")
    return {method: 0.0} | {
        p.name.replace("_", " "): float(p.value) * p.unit_conversion_factor for p in operation.params
    }


def _same_datum(crs: pyproj.CRS, expected: pyproj.CRS) -> bool:
    names = [_datum(c) for c in (crs, expected)]
    return names[0] == names[1] or all(any(word in name for word in _NAMED_CHINA) for name in names)


def _datum(crs: pyproj.CRS) -> str:
    base = crs.geodetic_crs
    return "" if base is None or base.datum is None else str(base.datum.name).removesuffix(_ENSEMBLE)

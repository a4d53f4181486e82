"""Gauss-Kruger zones of CGCS2000 with and without the zone's number before the easting."""

from __future__ import annotations

from geosys._errors import CrsError
from geosys.geo.crs import parse_crs

# Source: EPSG dataset, CGCS2000 Gauss-Kruger: 3° zones 25-45 are 4513-4533, by central meridian 75°-135° E 4534-4554;
# 6° zones 13-23 are 4491-4501, by central meridian 75°-135° E 4502-4512.
_THREE, _THREE_PLAIN = range(4513, 4534), range(4534, 4555)
_SIX, _SIX_PLAIN = range(4491, 4502), range(4502, 4513)


def is_zone_numbered(crs: str) -> bool:
    """Say whether eastings of a CRS carry the number of the zone.

    Examples
    --------
    >>> is_zone_numbered("EPSG:4526"), is_zone_numbered("EPSG:4547")
    (True, False)
    """
    code = parse_crs(crs).to_epsg()
    return code in _THREE or code in _SIX


def zone_numbered(crs: str) -> str | None:
    """Return the CRS of the same zone whose eastings carry its number; None where there is none.

    Examples
    --------
    >>> zone_numbered("EPSG:4547"), zone_numbered("EPSG:4526"), zone_numbered("EPSG:4490")
    ('EPSG:4526', 'EPSG:4526', None)
    """
    code = parse_crs(crs).to_epsg() or 0
    if code in _THREE or code in _SIX:
        return f"EPSG:{code}"
    if code in _THREE_PLAIN:
        return f"EPSG:{code - _THREE_PLAIN.start + _THREE.start}"
    return f"EPSG:{code - _SIX_PLAIN.start + _SIX.start}" if code in _SIX_PLAIN else None


def zone_number(crs: str) -> int:
    """Return the number of a CRS's zone, 0 where it is no zone of CGCS2000.

    Examples
    --------
    >>> [zone_number(f"EPSG:{code}") for code in (4526, 4547, 4510, 4490)]
    [38, 38, 21, 0]
    """
    code = int((zone_numbered(crs) or "EPSG:0").partition(":")[2])
    if code in _THREE:
        return code - _THREE.start + 25
    return code - _SIX.start + 13 if code in _SIX else 0


def crs_for(crs: str, plan_crs: str, where: str, *, has_zone_prefix: bool) -> str:
    """Return the CRS of a package.

    Parameters
    ----------
    crs : that of the profile, ``plan`` for the workspace's.
    plan_crs : the workspace's, without or with the number of the zone.
    where : the profile, for the message.

    Raises
    ------
    CrsError
        When eastings shall carry a number, or shall not, and the CRS has no such twin.

    Examples
    --------
    >>> crs_for("plan", "EPSG:4547", "plots", has_zone_prefix=True)
    'EPSG:4526'
    """
    wanted = plan_crs if crs == "plan" else crs
    if has_zone_prefix:
        numbered = zone_numbered(wanted)
        if numbered is None:
            raise CrsError(
                f"{where} zone_prefix: got {wanted}, expected a Gauss-Kruger zone of CGCS2000. "
                "Name one as the profile's crs, as 'EPSG:4526', or leave zone_prefix out."
            )
        return numbered
    if is_zone_numbered(wanted):
        raise CrsError(
            f"{where} crs: got {wanted}, whose eastings carry a number, expected one without. "
            "Write 'zone_prefix = true', or name a zone by its central meridian, as 'EPSG:4547'."
        )
    return wanted

"""The ways a pair of numbers may be meant as a place: degrees, sixtieths, zones of the national plane, and offsets.

An interpretation only says how to read; which one holds is for `geosys.geo.readings` to judge by evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, transformer
from geosys.geo.offsets import degrees_from_bd09, degrees_from_gcj02

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# Source: EPSG Dataset; first and last zone, and the codes of the first with zone prefix and without
_THREE, _SIX = 3, 6
_ZONES = {_THREE: (range(25, 46), 4513, 4534), _SIX: (range(13, 24), 4491, 4502)}
_MERCATOR = "EPSG:3857"
FALSE_EASTING_M, PREFIX_M = 500_000.0, 1_000_000.0
_MOST_EAST_M, _MOST_NORTH_M = 500_000.0, 6_300_000.0  # from the central meridian: farther off, the prefix is another
_BEYOND = 1e12
_SIXTY = 60.0
_DIGITS = 8  # of a second: what a float of this size still holds
_REFUSED = {"beijing54": "北京54", "xian80": "西安80"}


@dataclass(frozen=True, slots=True)
class Interpretation:
    """Hold one way to read pairs of numbers.

    Attributes
    ----------
    id
        As ``degrees``, ``cgcs2000-3-38`` (zone 38, with prefix) or ``cgcs2000-3-114`` (by meridian, without).
    title
        The reading in words.
    to_degrees
        Function from pairs as written, shape (n, 2), to longitude and latitude in CGCS2000; not-a-number where a
        pair cannot be meant so.
    convertible
        False for Beijing 54 and Xian 80: `to_degrees` raises.
    kind
        ``degrees``, ``sixty``, ``zone``, ``mercator``, ``offset``, ``named`` (by an EPSG code) or ``refused``.
    meridian_deg, width_deg, has_prefix
        Of a zone; the width is None where zones of both widths are the same plane.
    is_swapped, is_km
        North (latitude) comes first; kilometres.
    names
        Further names that mean the same places.
    """

    id: str
    title: Text
    to_degrees: Callable[[Points], Points]
    kind: str
    convertible: bool = True
    meridian_deg: float | None = None
    width_deg: int | None = None
    has_prefix: bool = False
    is_swapped: bool = False
    is_km: bool = False
    names: tuple[str, ...] = ()


@cache
def interpretations() -> tuple[Interpretation, ...]:
    """Return every reading that pairs may be held against, the plainest first.

    Readings of the same places stand once: CGCS2000 and WGS 84; planes of 6° and 3° about one meridian.

    Examples
    --------
    >>> [i.id for i in interpretations()][:4]
    ['degrees', 'degrees-swapped', 'dms', 'dms-swapped']
    """
    plain = [*_angles(), *_zones(is_km=False), *_mercator(), *_zones(is_km=True)]
    return (*plain, *_offsets(), *_refused())


def refusal(datum: str, got: str) -> str:
    """Return the sentence that says why an old datum is not converted and what to supply."""
    label = _REFUSED.get(datum, datum)
    return (
        f"Coordinates: got {got!r} ({label}), expected CGCS2000. No public parameters give a valid shift "
        "(a zero shift is 50 to 200 m wrong): ask the survey office for the data in CGCS2000, for at least four control "
        "points in both systems, or for the seven parameters of your county."
    )


# --- angles ---


def _angles() -> Iterator[Interpretation]:
    readings: tuple[tuple[str, str, Text, Callable[[Points], Points], tuple[str, ...]], ...] = (
        ("degrees", "degrees", Text("十进制度（经度、纬度）", "Decimal degrees (longitude, latitude)"), _degrees, _DEGREES),
        ("dms", "sixty", Text("度.分秒（114.1827 即 114°18′27″）", "D.MMSS (114.1827 for 114°18′27″)"), partial(_sixty, unit=1e4), _DMS),
        ("dms-packed", "sixty", Text("度分秒连写（1141827）", "DDDMMSS (1141827)"), partial(_sixty, unit=1.0), ("度分秒连写", "dddmmss")),
        ("dm-packed", "sixty", Text("度分连写（11418.45）", "DDDMM.mm (11418.45)"), _minutes, ("度分连写", "dddmm")),
    )  # fmt: skip
    for name, kind, title, read, names in readings:
        yield Interpretation(name, title, read, kind, names=names)
        names_swapped = (*(f"{n}-swapped" for n in names), *(("latlon", "纬经度") if name == "degrees" else ()))
        yield Interpretation(
            f"{name}-swapped",
            swapped_title(title),
            partial(exchanged, read=read),
            kind,
            is_swapped=True,
            names=names_swapped,
        )


_DEGREES = ("wgs84", "wgs-84", "cgcs2000", "lonlat", "经纬度", "度", "4490", "4326")
_DMS = ("度分秒", "度-分秒", "d-mmss")


def swapped_title(title: Text) -> Text:
    """Return the title of a reading for pairs with north first."""
    return Text(f"{title.zh}，X、Y 互换", f"{title.en}, x and y exchanged")


def exchanged(points: Points, *, read: Callable[[Points], Points]) -> Points:
    """Return what a reading makes of pairs with north first."""
    return read(np.asarray(points, dtype=np.float64)[:, ::-1])


def _degrees(points: Points) -> Points:
    return on_earth(np.array(points, dtype=np.float64))


def on_earth(degrees: Points) -> Points:
    """Return the positions with not-a-number for what is no longitude and latitude."""
    good = np.isfinite(degrees).all(axis=1) & (np.abs(degrees[:, 0]) <= 180.0) & (np.abs(degrees[:, 1]) <= 90.0)  # noqa: PLR2004
    return np.where(good[:, None], degrees, np.nan)


def _sixty(points: Points, *, unit: float) -> Points:
    """Read degrees, minutes and seconds written as one number; 60 minutes or seconds are none, not carried over."""
    points = np.clip(_finite(points), -_BEYOND, _BEYOND)  # what is larger is no angle, and its square is infinite
    seconds = np.round(np.abs(points) * unit, _DIGITS)
    degrees = np.floor(seconds / 1e4)
    minutes = np.floor((seconds - degrees * 1e4) / 100.0)
    rest = np.round(seconds - degrees * 1e4 - minutes * 100.0, _DIGITS)
    good = ((minutes < _SIXTY) & (rest < _SIXTY)).all(axis=1, keepdims=True)
    angles = np.sign(points) * (degrees + minutes / 60.0 + rest / 3600.0)
    return on_earth(np.where(good, angles, np.nan))


def _minutes(points: Points) -> Points:
    """Read degrees and decimal minutes written as one number."""
    points = _finite(points)
    size = np.abs(points)
    degrees = np.floor(size / 100.0)
    minutes = size - degrees * 100.0
    angles = np.sign(points) * (degrees + minutes / 60.0)
    return on_earth(np.where((minutes < _SIXTY).all(axis=1, keepdims=True), angles, np.nan))


def _finite(points: Points) -> Points:
    points = np.asarray(points, dtype=np.float64)
    return np.where(np.isfinite(points).all(axis=1, keepdims=True), points, np.nan)


# --- planes ---


def _zones(*, is_km: bool) -> Iterator[Interpretation]:
    """Yield each zone with its prefix, then each meridian without one, both ways round."""
    for width, (zones, code, _) in _ZONES.items():
        for place, zone in enumerate(zones):
            meridian = zone * width - (_SIX // 2 if width == _SIX else 0)
            title = Text(
                f"CGCS2000 {width}度带 {zone} 带（{meridian}°，有带号）",
                f"CGCS2000 {width}° zone {zone} ({meridian}°, with prefix)",
            )
            yield from _both_ways(
                f"cgcs2000-{width}-{zone}", title, f"{code + place}", meridian, zone, width, is_km, ()
            )
    zones, _, code = _ZONES[_THREE]
    six = {zone * _SIX - _SIX // 2: _ZONES[_SIX][2] + place for place, zone in enumerate(_ZONES[_SIX][0])}
    for place, zone in enumerate(zones):
        meridian = zone * _THREE
        title = Text(
            f"CGCS2000 中央经线 {meridian}°（无带号）", f"CGCS2000 central meridian {meridian}° (without prefix)"
        )
        names = (f"{six[meridian]}", f"cgcs2000-6-{meridian}") if meridian in six else ()
        either = None if meridian in six else _THREE
        yield from _both_ways(f"cgcs2000-3-{meridian}", title, f"{code + place}", meridian, 0, either, is_km, names)


def _both_ways(
    name: str, title: Text, code: str, meridian: int, zone: int, width: int | None, is_km: bool, names: tuple[str, ...]
) -> Iterator[Interpretation]:
    unit = "-km" if is_km else ""
    title = Text(f"{title.zh}，千米", f"{title.en}, kilometres") if is_km else title
    easting = zone * PREFIX_M + FALSE_EASTING_M
    read = partial(_from_plane, crs=f"EPSG:{code}", easting_m=easting, factor=1000.0 if is_km else 1.0)
    for swap in ("", "-swapped"):
        yield Interpretation(
            f"{name}{unit}{swap}", swapped_title(title) if swap else title, partial(exchanged, read=read) if swap else read,
            "zone", True, float(meridian), width, zone > 0, bool(swap), is_km, tuple(f"{n}{unit}{swap}" for n in (code, *names)),
        )  # fmt: skip


def _mercator() -> Iterator[Interpretation]:
    title = Text("Web 墨卡托", "Web Mercator")
    read = partial(_from_plane, crs=_MERCATOR, easting_m=0.0, factor=1.0, most_m=2.1e7)
    names = ("3857", "900913", "web-mercator", "墨卡托")
    yield Interpretation("webmercator", title, read, "mercator", names=names)
    turned = tuple(f"{n}-swapped" for n in names)
    yield Interpretation(
        "webmercator-swapped",
        swapped_title(title),
        partial(exchanged, read=read),
        "mercator",
        is_swapped=True,
        names=turned,
    )


def _from_plane(points: Points, *, crs: str, easting_m: float, factor: float, most_m: float = _MOST_EAST_M) -> Points:
    xy = np.asarray(points, dtype=np.float64) * factor
    with np.errstate(invalid="ignore"):
        north = _MOST_NORTH_M if most_m == _MOST_EAST_M else most_m
        good = (np.abs(xy[:, 0] - easting_m) < most_m) & (xy[:, 1] > 0.0) & (xy[:, 1] < north)
    degrees = np.full(xy.shape, np.nan)
    if good.any():
        lon, lat = transformer(crs, GEOGRAPHIC).transform(xy[good, 0], xy[good, 1])
        degrees[good] = on_earth(np.column_stack([lon, lat]))
    return degrees


# --- offsets and old datums ---


def _offsets() -> Iterator[Interpretation]:
    readings = (
        ("gcj02", Text("GCJ-02（火星坐标）", "GCJ-02"), degrees_from_gcj02, ("gcj-02", "火星", "火星坐标", "gcj")),
        ("bd09", Text("BD-09（百度坐标）", "BD-09"), degrees_from_bd09, ("bd-09", "百度", "百度坐标", "bd")),
    )
    for name, title, undo, names in readings:
        read = partial(_undone, undo=undo)
        yield Interpretation(name, title, read, "offset", names=names)
        turned = tuple(f"{n}-swapped" for n in names)
        yield Interpretation(
            f"{name}-swapped",
            swapped_title(title),
            partial(exchanged, read=read),
            "offset",
            is_swapped=True,
            names=turned,
        )


def _undone(points: Points, *, undo: Callable[[Points], Points]) -> Points:
    return undo(_degrees(points))


def _refused() -> Iterator[Interpretation]:
    for name, label in _REFUSED.items():
        title = Text(f"{label}（不能换算）", f"{name} (cannot be converted)")
        yield Interpretation(name, title, partial(_not_converted, datum=name), "refused", convertible=False)


def _not_converted(points: Points, *, datum: str) -> Points:
    raise CrsError(refusal(datum, f"{len(points)} pairs"))

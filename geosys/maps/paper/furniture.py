"""What stands around a map and is measured on it: scale bar, ticks of graticule and zone grid, CRS in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geosys.geo.crs import parse_crs, transformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.maps.paper.measures import Measures
    from geosys.maps.paper.window import Window

# seconds of arc that ticks of a graticule may stand apart
_ARC_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18_000, 36_000)
_ONE_TWO_FIVE = (1.0, 2.0, 5.0)
_LONGEST_BAR = 0.36  # of the window's width
_TICK_GAP_MM = 34.0


class ScaleBar(NamedTuple):
    """Hold a scale bar: its length on paper and on the ground, and in how many parts it is divided."""

    length_mm: float
    ground_m: float
    parts: int


class Tick(NamedTuple):
    """Hold one tick: how far along its edge in millimetres (from the left, or from the top), and its label."""

    along_mm: float
    label: str


class Ticks(NamedTuple):
    """Hold the ticks at the four edges of a window: meridians above, parallels to the left, grid below and to the right."""

    meridians: tuple[Tick, ...]
    parallels: tuple[Tick, ...]
    eastings: tuple[Tick, ...]
    northings: tuple[Tick, ...]


def scale_bar(window: Window) -> ScaleBar:
    """Return the longest bar of a round length (1, 2 or 5 times a power of ten) that has room under a window.

    Its length is true on the ground at the window's centre: the scale of the plane is taken out.
    """
    most = window.width_mm * _LONGEST_BAR * window.scale / 1000
    power = 10.0 ** np.floor(np.log10(most))
    ground = max(step * power for step in _ONE_TWO_FIVE if step * power <= most)
    return ScaleBar(float(ground * 1000 / window.scale), float(ground), 4 if ground / power != 5 else 5)  # noqa: PLR2004


def ticks_of(window: Window) -> Ticks:
    """Return the ticks of a window, one every few centimetres."""
    west, south, east, north = window.extent
    step = _grid_step(_TICK_GAP_MM * window.metres_per_mm)
    eastings = [Tick((x - west) / window.metres_per_mm, _kilometres(x, step)) for x in _multiples(west, east, step)]
    northings = [Tick((north - y) / window.metres_per_mm, _kilometres(y, step)) for y in _multiples(south, north, step)]
    along = np.linspace(0.0, 1.0, 65)
    lon, _ = _in_degrees(window, west + along * (east - west), np.full(65, north))
    _, lat = _in_degrees(window, np.full(65, west), north - along * (north - south))
    meridians = _crossings(lon, along * window.width_mm)
    parallels = _crossings(lat, along * window.height_mm)
    return Ticks(tuple(meridians), tuple(parallels), tuple(eastings), tuple(northings))


def degrees(seconds: float) -> str:
    """Return seconds of arc as degrees, minutes and, where needed, seconds.

    Examples
    --------
    >>> degrees(114.3 * 3600), degrees(-30.0)
    ('114°18′', '-0°00′30″')
    """
    sign, whole = ("-" if seconds < 0 else ""), round(abs(seconds))
    text = f"{sign}{whole // 3600}°{whole % 3600 // 60:02d}′"
    return f"{text}{whole % 60:02d}″" if whole % 60 else text


def crs_in_words(window: Window, measures: Measures, language: str) -> str:
    """Return the CRS's name, its code and, for a transverse Mercator, its central meridian."""
    crs = parse_crs(window.crs)
    code = crs.to_epsg()
    found = (
        [p.value for p in crs.coordinate_operation.params if p.name == "Longitude of natural origin"]
        if crs.coordinate_operation
        else []
    )
    central = f" · {measures.words['central'].in_language(language)} {degrees(float(found[0]) * 3600)}" if found else ""
    name = re.sub(
        r"^CGCS2000 / 3-degree Gauss-Kruger.*", "CGCS2000 3°带高斯-克吕格" if language == "zh" else r"\g<0>", crs.name
    )
    return f"{name}{f' (EPSG:{code})' if code else ''}{central}"


def _in_degrees(
    window: Window, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude, in degrees of the CRS's own datum, of points of the plane."""
    geodetic = parse_crs(window.crs).geodetic_crs
    lon, lat = transformer(window.crs, str(geodetic.to_wkt())).transform(x, y)  # type: ignore[union-attr]
    return lon, lat


def _crossings(values: NDArray[np.float64], along_mm: NDArray[np.float64]) -> list[Tick]:
    """Return where round degrees cross an edge, from the degrees at points along it."""
    if not np.isfinite(values).all():
        return []
    seconds = values * 3600
    order = np.argsort(seconds)
    spread, length = float(seconds.max() - seconds.min()), float(along_mm[-1])
    wanted = spread * _TICK_GAP_MM / length
    step = float(next((s for s in _ARC_STEPS if s >= wanted), _ARC_STEPS[-1]))
    if spread < step:  # an edge shorter than the gap still gets one tick, if any fits
        step = float(max((s for s in _ARC_STEPS if s <= spread), default=1))
    return [
        Tick(float(np.interp(at, seconds[order], along_mm[order])), degrees(at))
        for at in _multiples(float(seconds.min()), float(seconds.max()), step)
    ]


def _multiples(low: float, high: float, step: float) -> Sequence[float]:
    """Return the multiples of `step` strictly inside an interval."""
    first = int(np.floor(low / step)) + 1
    return [step * n for n in range(first, int(np.ceil(high / step)))]


def _grid_step(at_least: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten metres that is not below."""
    power = 10.0 ** np.floor(np.log10(at_least))
    return float(next(s * power for s in (*_ONE_TWO_FIVE, 10.0) if s * power >= at_least))


def _kilometres(metres: float, step: float) -> str:
    """Return a coordinate in kilometres, with as many decimals as the step needs."""
    decimals = max(0, 3 - int(np.floor(np.log10(step) + 1e-9)))
    return f"{metres / 1000:.{min(decimals, 3)}f}"

"""The window of a map: which part of the plane lies on which part of the paper, at which scale on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from geosys._errors import CrsError, SpecError
from geosys.geo.crs import check_metric, parse_crs, transformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.maps.paper.measures import Measures
    from geosys.maps.paper.sheet import Features, MapFrame

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """Hold a rectangle of the plane and its place on paper.

    Parameters
    ----------
    crs : the projected CRS, metres.
    extent : xmin, ymin, xmax, ymax in metres of the plane.
    width_mm, height_mm : size of the window on paper.
    scale : denominator of the scale on the ground at the window's centre.
    point_scale : plane length by ground length at the centre.
    convergence : degrees from true north to grid north at the centre, clockwise positive.
    """

    crs: str
    extent: Box
    width_mm: float
    height_mm: float
    scale: int
    point_scale: float
    convergence: float

    @property
    def metres_per_mm(self) -> float:
        """Return how many metres of the plane one millimetre of paper shows."""
        return (self.extent[2] - self.extent[0]) / self.width_mm

    def on_paper(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return plane coordinates (n, 2) as millimetres from the window's upper left corner, y downwards."""
        left, top = self.extent[0], self.extent[3]
        return np.column_stack([xy[:, 0] - left, top - xy[:, 1]]) / self.metres_per_mm


def open_window(frame: MapFrame, width_mm: float, height_mm: float, measures: Measures) -> Window:
    """Return the window of a map frame: as asked for, or the largest round scale that holds its extent.

    Raises
    ------
    SpecError
        When there is nothing to take an extent from, the scale is absurd, or nothing lies inside.
    CrsError
        When the CRS is not metric, or a layer is in another one.
    """
    check_metric(frame.crs, "map frame")
    check_layers(frame)
    west, south, east, north = frame.extent if frame.extent is not None else extent_of(frame.layers)
    if not (np.isfinite([west, south, east, north]).all() and west <= east and south <= north):
        raise SpecError(
            f"map frame: got the extent {frame.extent}, expected xmin <= xmax and ymin <= ymax in metres of {frame.crs}."
        )
    centre = ((west + east) / 2, (south + north) / 2)
    point_scale, convergence = at_point(frame.crs, *centre)
    scale = _scale(frame, (east - west, north - south), (width_mm, height_mm), point_scale, measures)
    half = scale * point_scale / 2000
    extent = (
        centre[0] - width_mm * half, centre[1] - height_mm * half,
        centre[0] + width_mm * half, centre[1] + height_mm * half,
    )  # fmt: skip
    return Window(frame.crs, extent, width_mm, height_mm, scale, point_scale, convergence)


def check_layers(frame: MapFrame) -> None:
    """Raise unless every layer of a frame is in the frame's CRS.

    Raises
    ------
    CrsError
        Naming the first layer that is in another CRS, or in none.
    """
    wanted = parse_crs(frame.crs)
    for features in (*frame.layers, *frame.overview):
        crs = features.frame.crs
        if crs is None or parse_crs(str(crs)) != wanted:
            raise CrsError(
                f"map frame, layer '{features.title}': got the CRS {crs}, expected {frame.crs}. "
                "Convert the layer before it is drawn."
            )


def extent_of(layers: Sequence[Features]) -> Box:
    """Return the bounds of the layers that a map is fitted to.

    Raises
    ------
    SpecError
        When none of them has a feature with a place.
    """
    for chosen in ([f for f in layers if f.fits], layers):
        bounds = [
            shapely.total_bounds(features.frame.geometry.to_numpy()) for features in chosen if len(features.frame)
        ]
        placed = np.array([b for b in bounds if np.isfinite(b).all()])
        if len(placed):
            low, high = placed[:, :2].min(axis=0), placed[:, 2:].max(axis=0)
            return float(low[0]), float(low[1]), float(high[0]), float(high[1])
    titles = ", ".join(str(features.title) for features in layers) or "none"
    raise SpecError(
        f"map frame: got layers without any feature ({titles}), expected at least one, or an extent. "
        "Give the map an extent, or leave it out of the sheet."
    )


def at_point(crs: str, x: float, y: float) -> tuple[float, float]:
    """Return point scale (plane by ground) and meridian convergence in degrees at a point of the plane.

    Examples
    --------
    >>> scale, convergence = at_point("EPSG:4547", 500_000.0, 3_800_000.0)
    >>> round(scale, 9), round(convergence, 9)
    (1.0, 0.0)
    """
    parsed = parse_crs(crs)
    lon, lat = transformer(crs, str(parsed.geodetic_crs.to_wkt())).transform(x, y)  # type: ignore[union-attr]
    if not np.isfinite([lon, lat]).all():
        raise CrsError(
            f"map frame: got the centre ({x:.0f}, {y:.0f}), expected one inside {crs}. Mend the coordinates."
        )
    factors = pyproj.Proj(parsed).get_factors(lon, lat)
    mean = math.sqrt(factors.meridional_scale * factors.parallel_scale)
    if not (math.isfinite(mean) and mean > 0):
        raise CrsError(
            f"map frame: got the centre ({lon:.4f}, {lat:.4f}), expected one inside {crs}. Mend the coordinates."
        )
    return mean, float(factors.meridian_convergence)


def _scale(
    frame: MapFrame, spread: tuple[float, float], paper: tuple[float, float], point_scale: float, measures: Measures
) -> int:
    """Return the denominator asked for, or the smallest round one that lets the extent fit."""
    low, high = int(measures.scales["smallest"]), int(measures.scales["largest"])
    if frame.scale is not None:
        wanted: float = frame.scale
    elif max(spread) <= 0:
        wanted = measures.scales["of_one_point"]
    else:
        room = 1 + 2 * measures.scales["margin_share"]
        need = max(s * room / point_scale / (p / 1000) for s, p in zip(spread, paper, strict=True))
        wanted = max(round_up(need, measures.round_scales), low)
    if not (math.isfinite(wanted) and low <= wanted <= high):
        raise SpecError(
            f"map frame: got the scale 1:{wanted:.0f}, expected one from 1:{low} to 1:{high} ([scales] of maps/paper.toml). "
            "Mend the scale, or the coordinates of a feature far off."
        )
    return round(wanted)


def round_up(number: float, rounds: Sequence[float]) -> float:
    """Return the smallest round number that is not below `number`.

    Examples
    --------
    >>> round_up(30_100.0, (1, 2, 2.5, 4, 5))
    40000.0
    >>> round_up(50_000.0, (1, 2, 2.5, 4, 5))
    50000.0
    """
    power = 10.0 ** math.floor(math.log10(number))
    steps = [*(step * power for step in rounds), 10 * power * min(rounds)]
    return float(next(step for step in steps if step >= number * (1 - 1e-12)))

"""From samples at points to a surface: values with their uncertainty on a grid, nowhere beyond the range of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import KDTree
from scipy.special import ndtr

from geosys._errors import SpecError
from geosys.geo.inverse_distance import InverseDistance
from geosys.geo.kriging import Kriging
from geosys.geo.point_samples import spacing_m
from geosys.geo.raster.grid import grid_around
from geosys.geo.variogram import check_differ, fit_variogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from geosys.geo.point_samples import Samples
    from geosys.geo.raster.grid import Grid

    Floats = NDArray[np.float64]

KRIGING, IDW = "kriging", "idw"
METHODS = (KRIGING, IDW)
REACH_OF_SPACING = 2.0
BLOCK = 256  # cells a side that are computed at once
NO_STRUCTURE, FEW_SAMPLES = 0.1, 50


@dataclass(frozen=True)
class Surface:
    """Hold a field that can be asked anywhere: an estimator, its scale, and where the data reach.

    Attributes
    ----------
    samples, method, estimator
        What it is made from and by.
    log
        Whether the estimator works on natural logarithms. Values are then transformed back without bias:
        exp(Y + σ²/2 − μ), with the variance of a log-normal variable.
        Source: Journel and Huijbregts (1978), Mining Geostatistics, VIII.A; Cressie (1993), Statistics for Spatial Data, 3.2.2.
    reach_m
        No value is given farther from the nearest sample.
    """

    samples: Samples
    method: str
    estimator: Kriging | InverseDistance
    log: bool
    reach_m: float

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.samples.xy)

    def reaches(self, places: Floats, margin_m: float = 0.0) -> NDArray[np.bool_]:
        """Say which places lie in the convex hull of the samples, or within a margin of it, and in reach of one of them."""
        hull = shapely.buffer(shapely.convex_hull(shapely.multipoints(self.samples.xy)), margin_m)
        shapely.prepare(hull)
        within = shapely.contains_xy(hull, places[:, 0], places[:, 1])
        away, _ = self._tree.query(places[within], distance_upper_bound=self.reach_m * (1.0 + 1e-12))
        within[within] = np.isfinite(away)
        return np.asarray(within)

    def at(self, places: Floats, threshold: float | None = None) -> Floats:
        """Return value, standard deviation and, with a threshold, the probability that it is exceeded; shape (2 or 3, m).

        The probability takes the error as normal with the standard deviation (of the logarithm, with `log`).
        """
        if isinstance(self.estimator, InverseDistance):
            value, deviation = self.estimator.at(places)
            rows = [value, deviation]
        else:
            value, variance, multiplier = self.estimator.at(places)
            deviation = np.sqrt(variance)
            rows = [value, deviation]
            if self.log:
                with np.errstate(over="ignore"):
                    mean = np.exp(value + variance / 2.0 - multiplier)
                    rows = [mean, mean * np.sqrt(np.expm1(variance))]
        if threshold is not None:
            limit = np.log(threshold) if self.log else threshold
            with np.errstate(divide="ignore", invalid="ignore"):
                sure = (value > limit).astype(np.float64)
                rows.append(np.where(deviation > 0, ndtr((value - limit) / deviation), sure))
        return np.stack(rows)


def surface_of(
    samples: Samples, method: str, *, log: bool = False, reach_m: float | None = None, neighbours: int | None = None
) -> Surface:
    """Return the surface through samples.

    Parameters
    ----------
    method
        `kriging` (ordinary, with a fitted variogram) or `idw` (inverse distance).
    log
        Work on logarithms: for values that are skewed to the right; kriging only.
    reach_m
        Metres from the nearest sample up to which values are given (default: twice the spacing that 95 % of the samples keep).
    neighbours
        How many samples count at a place (default: the method's).

    Raises
    ------
    SpecError
        For too few or equal samples, and for `log` with values that have no logarithm.
    ValueError
        For an unknown method, and `log` with inverse distance.
    """
    if method not in METHODS or (log and method != KRIGING):
        raise ValueError(f"method: got {method!r} with log={log}, expected one of {METHODS}, log with {KRIGING} only.")
    values = samples.values
    if log:
        if (values <= 0).any():
            raise SpecError(
                f"surface: got {int((values <= 0).sum())} values of 0 or less, expected only positive ones for --log. "
                "Enter half the detection limit for what was not detected, or leave --log out."
            )
        values = np.log(values)
    more = {} if neighbours is None else {"neighbours": neighbours}
    estimator: Kriging | InverseDistance
    if method == KRIGING:
        estimator = Kriging(samples.xy, values, fit_variogram(samples.xy, values), **more)
    else:
        check_differ(values)
        estimator = InverseDistance(samples.xy, values, **more)
    return Surface(
        samples, method, estimator, log, spacing_m(samples.xy) * REACH_OF_SPACING if reach_m is None else reach_m
    )


def grid_of(surface: Surface, cell_m: float) -> Grid:
    """Return the grid that covers the samples, its lines at whole multiples of the cell.

    Raises
    ------
    SpecError
        When the cell is no length, or makes too many cells.
    """
    west, south = surface.samples.xy.min(axis=0)
    east, north = surface.samples.xy.max(axis=0)
    return grid_around((west, south, east, north), cell_m)


def blocks_of(
    surface: Surface,
    grid: Grid,
    threshold: float | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield the surface on a grid, block by block: first row and column, and an array of (2 or 3, rows, columns).

    Bands are those of `Surface.at`, at the middle of each cell; NaN beyond the range of the data, which goes half a cell's
    diagonal beyond the samples' hull, so that the cell of every sample has a value.

    Parameters
    ----------
    progress
        Called with blocks done and blocks in all.
    """
    bands = 2 if threshold is None else 3
    windows = [(row, column) for row in range(0, grid.rows, BLOCK) for column in range(0, grid.columns, BLOCK)]
    progress(0, len(windows))
    for done, (row, column) in enumerate(windows, 1):
        shape = min(BLOCK, grid.rows - row), min(BLOCK, grid.columns - column)
        places = grid.middles(row, column, *shape)
        within = surface.reaches(places, margin_m=grid.cell_m * np.sqrt(0.5))
        block = np.full((bands, len(places)), np.nan, dtype=np.float32)
        if within.any():
            block[:, within] = surface.at(places[within], threshold)
        yield row, column, block.reshape(bands, *shape)
        progress(done, len(windows))


def doubts_about(surface: Surface) -> list[tuple[str, str]]:
    """Return what a reader must know about a surface before trusting it, in Chinese and English."""
    doubts = []
    if isinstance(surface.estimator, Kriging):
        variogram = surface.estimator.variogram
        sill = variogram.nugget + variogram.partial_sill
        if variogram.partial_sill < NO_STRUCTURE * sill or not variogram.r2 > NO_STRUCTURE:
            doubts.append(
                (
                    "样点间未见空间相关：克里金结果接近邻近样点的平均值",
                    "samples show no correlation over distance: kriging gives little more than the mean of those around",
                )
            )
        if len(surface.samples.values) < FEW_SAMPLES:
            doubts.append(
                (
                    f"样点少于 {FEW_SAMPLES} 个：变异函数和标准差不可靠",
                    f"fewer than {FEW_SAMPLES} places: variogram and standard deviation are rough",
                )
            )
    if surface.samples.merged:
        doubts.append(
            (
                f"{surface.samples.merged} 个样品与其他样品同位：已取平均（不同深度、年份应先分开）",
                f"{surface.samples.merged} samples share their place with others: their mean was taken (separate depths and years first)",
            )
        )
    return doubts


def formula_of(surface: Surface) -> str:
    """Return in words how the surface and its uncertainty are computed."""
    if surface.method == IDW:
        return (
            f"inverse distance weighting, power {surface.estimator.power:g}, {surface.estimator.neighbours} nearest samples; "  # type: ignore[union-attr]
            "std = weighted root mean square of the leave-one-out errors of the same samples; exceedance takes it as normal"
        )
    if surface.log:
        return (
            "ordinary kriging of natural logarithms; value = exp(Y + s2/2 - mu), std = value * sqrt(exp(s2) - 1), "
            "s2 kriging variance and mu Lagrange multiplier of Y; exceedance takes Y as normal"
        )
    return "ordinary kriging; std = root of the kriging variance; exceedance takes the error as normal"

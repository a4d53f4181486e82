"""How well a method estimates samples that it was not shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys.geo.point_samples import Samples
from geosys.geo.surfaces import surface_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS, LEAST_FOLDS = 10, 2
SEED = 0
TOO_SURE = 1.5  # times what the deviation says: the errors of left-out samples


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Hold the estimates of left-out samples.

    Attributes
    ----------
    folds
        Which fold each sample was left out with, shape (n,).
    estimates, deviations
        What the others said in its place, shape (n,), in the samples' unit; NaN where they could not be fitted.
    errors
        Estimates less values.
    """

    folds: NDArray[np.int64]
    estimates: Floats
    deviations: Floats
    errors: Floats

    @property
    def rmse(self) -> float:
        """Return the root of the mean square error, in the samples' unit."""
        return float(np.sqrt(np.mean(self.errors**2)))

    @property
    def mean_error(self) -> float:
        """Return the mean error: above 0 where the method estimates too much."""
        return float(np.mean(self.errors))

    @property
    def standardized_rms(self) -> float:
        """Return the root mean square of error over stated deviation: 1 where deviations are honest, above 1 where too small."""
        return float(np.sqrt(np.mean((self.errors / self.deviations) ** 2)))


def folds_of(count: int, folds: int = FOLDS, seed: int = SEED) -> NDArray[np.int64]:
    """Return a fold for each of `count` samples, drawn at random but the same for the same seed, sizes differing by one at most.

    Raises
    ------
    SpecError
        When there are fewer folds than two, or more than samples.
    """
    if not LEAST_FOLDS <= folds <= count:
        raise SpecError(f"--folds: got {folds}, expected {LEAST_FOLDS} to {count}, the number of places with a value.")
    order = np.random.default_rng(seed).permutation(count)
    result = np.empty(count, dtype=np.int64)
    result[order] = np.arange(count) % folds
    return result


def cross_validate(
    samples: Samples,
    method: str,
    folds: NDArray[np.int64],
    *,
    log: bool = False,
    neighbours: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> CrossValidation:
    """Estimate each sample from those of the other folds; the variogram is fitted anew without it each time.

    Samples drawn at random lie near others, so that places far from all samples are estimated worse than the figure says.

    Parameters
    ----------
    folds
        As from `folds_of`, shape (n,).
    method, log, neighbours
        As for `geosys.geo.surfaces.surface_of`.

    Raises
    ------
    SpecError
        When the samples of the other folds are too few or equal.
    """
    estimates, deviations = np.full((2, len(folds)), np.nan)
    numbers = np.unique(folds)
    for done, fold in enumerate(numbers):
        progress(done, len(numbers))
        out = folds == fold
        shown = Samples(samples.xy[~out], samples.values[~out], samples.crs, samples.unit, int((~out).sum()), 0, 0, 0)
        surface = surface_of(shown, method, log=log, neighbours=neighbours)
        estimates[out], deviations[out] = surface.at(samples.xy[out])
    progress(len(numbers), len(numbers))
    return CrossValidation(folds, estimates, deviations, estimates - samples.values)


def doubts_of(check: CrossValidation) -> list[tuple[str, str]]:
    """Return what the check says against the stated deviations, in Chinese and English."""
    if check.standardized_rms <= TOO_SURE:
        return []
    times = f"{check.standardized_rms:.1f}"
    zh = f"交叉验证误差为标准差的 {times} 倍：标准差和超标概率偏于乐观"
    return [
        (zh, f"errors of left-out samples are {times} times the deviation: deviations and probabilities are too sure")
    ]

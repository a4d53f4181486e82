"""How alike two samples are at a distance: the variogram of a field, fitted to its samples. The one door to gstools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_SAMPLES = 10
MODELS = ("spherical", "exponential")
CUTOFF_SHARE = 1.0 / 3.0  # of the diagonal around the samples: beyond it too few independent pairs are left
MOST_LAGS, LEAST_LAGS = 15, 5
PAIRS_A_LAG = 30  # Source: Journel and Huijbregts (1978), Mining Geostatistics, III.42: at least 30 to 50 pairs
MOST_SAMPLES = 3_000  # the pairs of a drawing of so many are enough to fit by
SEED = 0
_SCALE_BOUNDS = (1e-3, 5.0)  # of the cutoff: what lies beyond cannot be seen in the lags
_REACH_OF_SCALE = {"spherical": 1.0, "exponential": 3.0}


@dataclass(frozen=True, slots=True)
class Variogram:
    """Hold a fitted variogram: γ(h) = nugget + partial_sill · f(h / scale_m), and γ(0) = 0.

    Attributes
    ----------
    model
        A word of `MODELS`: spherical f(t) = 1.5 t − 0.5 t³ up to t = 1; exponential f(t) = 1 − e^−t.
    nugget, partial_sill
        In the square of the samples' unit.
    scale_m
        Metres of the plane.
    r2
        Share of the lags' weighted variance that the model explains.
    lags_m, gammas, pairs
        What it was fitted to: mean distance, semivariance and number of pairs of each lag.
    """

    model: str
    nugget: float
    partial_sill: float
    scale_m: float
    r2: float = float("nan")
    lags_m: tuple[float, ...] = ()
    gammas: tuple[float, ...] = ()
    pairs: tuple[int, ...] = ()

    @property
    def range_m(self) -> float:
        """Return the distance beyond which samples tell nothing of each other (95 % of the sill for the exponential)."""
        return self.scale_m * _REACH_OF_SCALE[self.model]

    def at(self, distance_m: Floats) -> Floats:
        """Return γ at distances.

        Examples
        --------
        >>> Variogram("spherical", 1.0, 2.0, 100.0).at(np.array([0.0, 50.0, 100.0, 500.0])).tolist()
        [0.0, 2.375, 3.0, 3.0]
        """
        t = distance_m / self.scale_m
        if self.model == "spherical":
            t = np.minimum(t, 1.0)
            shape = t * (1.5 - 0.5 * t * t)
        else:
            shape = -np.expm1(-t)
        return np.asarray(np.where(distance_m > 0, self.nugget + self.partial_sill * shape, 0.0))


def fit_variogram(xy: Floats, values: Floats, models: tuple[str, ...] = MODELS) -> Variogram:
    """Return the model that fits the samples' semivariances best, near lags counting most.

    Parameters
    ----------
    xy
        Shape (n, 2), metres of a plane, no two the same.
    values
        Shape (n,), finite.
    models
        Words of `MODELS` to choose from.

    Raises
    ------
    SpecError
        With fewer than `LEAST_SAMPLES` samples, equal values, or where no model fits.

    Source
    ------
    Lags up to a third of the diagonal; weights pairs / distance² (Cressie 1985, as Pebesma 2004 uses them).
    """
    check_fit_for_variogram(values)
    spread = float(values.var())
    cutoff = float(np.hypot(*np.ptp(xy, axis=0))) * CUTOFF_SHARE
    lags, gammas, pairs = _lags(xy, (values - values.mean()) / np.sqrt(spread), cutoff)
    fitted = [_fitted(model, lags / cutoff, gammas, pairs) for model in models] if len(lags) > 2 else []  # noqa: PLR2004
    good = [one for one in fitted if one is not None]
    if not good:
        raise SpecError(
            f"variogram: got {len(values)} samples with {len(lags)} usable lags, expected ones that a variogram fits. "
            "Use --method idw, or more samples."
        )
    model, nugget, sill, scale, r2 = max(good, key=lambda one: one[-1])
    return Variogram(
        model, nugget * spread, sill * spread, scale * cutoff, r2,
        tuple(lags.tolist()), tuple((gammas * spread).tolist()), tuple(pairs.tolist()),
    )  # fmt: skip


def check_fit_for_variogram(values: Floats) -> None:
    """Raise where samples are too few or all equal: nothing can be learned from them about distance."""
    if len(values) < LEAST_SAMPLES:
        raise SpecError(
            f"variogram: got {len(values)} places with a value, expected at least {LEAST_SAMPLES}. Use --method idw, or more samples."
        )
    check_differ(values)


def check_differ(values: Floats) -> None:
    """Raise where samples are all equal: there is nothing to learn from them, and no error to state."""
    if not np.ptp(values) > 1e-12 * np.abs(values).max():
        raise SpecError(
            f"surface: got {len(values)} samples that are all {values[0]:g}, expected different values. "
            "There is nothing to map; check the column and its detection limit."
        )


def _lags(xy: Floats, values: Floats, cutoff: float) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return middle, semivariance and number of pairs of each lag that has enough pairs."""
    import gstools  # noqa: PLC0415  takes seconds to load

    drawn = min(len(values), MOST_SAMPLES)
    lags = int(np.clip(drawn * (drawn - 1) / 2 * CUTOFF_SHARE / PAIRS_A_LAG, LEAST_LAGS, MOST_LAGS))
    middle, gamma, pairs = gstools.vario_estimate(
        xy.T, values, np.linspace(0.0, cutoff, lags + 1), sampling_size=drawn if drawn < len(values) else None,
        sampling_seed=SEED, return_counts=True,
    )  # fmt: skip
    enough = pairs >= PAIRS_A_LAG
    if enough.sum() <= 2:  # noqa: PLR2004
        enough = pairs > 0
    return middle[enough], gamma[enough], pairs[enough].astype(np.int64)


def _fitted(
    model: str, lags: Floats, gammas: Floats, pairs: NDArray[np.int64]
) -> tuple[str, float, float, float, float] | None:
    """Return model, nugget, partial sill, scale and weighted r², or None where the fit does not end."""
    import gstools  # noqa: PLC0415

    shape = {"spherical": gstools.Spherical, "exponential": gstools.Exponential}[model](dim=2)
    top = 10.0 * float(gammas.max())
    shape.set_arg_bounds(
        check_args=False, len_scale=[*_SCALE_BOUNDS, "cc"], var=[1e-9, top, "cc"], nugget=[0.0, top, "cc"]
    )
    start = {"len_scale": 0.5, "var": float(gammas.max()) / 2, "nugget": float(gammas[0]) / 2}
    try:
        shape.fit_variogram(lags, gammas, init_guess=start, weights=np.sqrt(pairs) / lags, loss="linear", nugget=True)
    except (RuntimeError, ValueError):
        return None
    weight = pairs / lags**2
    left = weight @ (gammas - shape.variogram(lags)) ** 2
    spread = weight @ (gammas - np.average(gammas, weights=weight)) ** 2
    r2 = 1.0 - float(left / spread) if spread > 0 else 0.0
    return model, float(shape.nugget), float(shape.var), float(shape.len_scale), r2

"""Ordinary kriging: the best unbiased mean of samples around a place, and how sure it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from geosys._errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geosys.geo.variogram import Variogram

    Floats = NDArray[np.float64]

ALL_AT_ONCE = 400  # up to so many samples each place is estimated from all of them, beyond from its neighbours
NEIGHBOURS = 24
_NUMBERS_AT_ONCE = 4_000_000  # of the matrices in memory


@dataclass(frozen=True)
class Kriging:
    """Estimate a field at places from samples and their variogram.

    Attributes
    ----------
    xy, values
        Samples, shapes (n, 2) and (n,), metres of a plane; no two at one place.
    variogram
        Of these values.
    neighbours
        How many of the nearest samples count, where there are more than `ALL_AT_ONCE`.
    """

    xy: Floats
    values: Floats
    variogram: Variogram
    neighbours: int = NEIGHBOURS

    @cached_property
    def _inverse(self) -> Floats:
        """Return the inverse of the kriging system of all samples."""
        with _solvable(len(self.values)):
            return np.asarray(np.linalg.inv(self._systems(cdist(self.xy, self.xy)[None])[0]))

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.xy)

    def at(self, places: Floats) -> tuple[Floats, Floats, Floats]:
        """Return estimate, kriging variance and Lagrange multiplier at places, each of shape (m,).

        The estimate at a sample's own place is its value with variance 0. The multiplier is that of the system in γ:
        Σ λⱼ γᵢⱼ + μ = γᵢ₀, so that the variance is Σ λᵢ γᵢ₀ + μ.
        """
        near = len(self.values) <= max(ALL_AT_ONCE, self.neighbours)
        width = (len(self.values) + 1) * 4 if near else (self.neighbours + 1) ** 2 * 2
        step = max(1, _NUMBERS_AT_ONCE // width)
        parts = [
            (self._from_all if near else self._from_neighbours)(places[i : i + step])
            for i in range(0, len(places), step)
        ]
        if not parts:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        estimate, variance, multiplier = (np.concatenate(part) for part in zip(*parts, strict=True))
        return estimate, np.maximum(variance, 0.0), multiplier

    def _from_all(self, places: Floats) -> tuple[Floats, Floats, Floats]:
        right = np.ones((len(self.values) + 1, len(places)))
        right[:-1] = self.variogram.at(cdist(self.xy, places))
        weights = self._inverse @ right
        return self.values @ weights[:-1], np.einsum("ij,ij->j", weights, right), weights[-1]

    def _from_neighbours(self, places: Floats) -> tuple[Floats, Floats, Floats]:
        away, who = self._tree.query(places, k=self.neighbours)
        x, y = (self.xy[:, axis][who] for axis in (0, 1))
        between = np.sqrt((x[:, :, None] - x[:, None, :]) ** 2 + (y[:, :, None] - y[:, None, :]) ** 2)
        right = np.ones((len(places), self.neighbours + 1))
        right[:, :-1] = self.variogram.at(away)
        with _solvable(len(self.values)):
            weights = np.linalg.solve(self._systems(between), right[:, :, None])[:, :, 0]
        estimate = np.einsum("ij,ij->i", weights[:, :-1], self.values[who])
        variance = np.einsum("ij,ij->i", weights, right)
        return np.asarray(estimate), np.asarray(variance), np.asarray(weights[:, -1])

    def _systems(self, distances: Floats) -> Floats:
        """Return the matrices of kriging systems: γ between samples, bordered by ones."""
        size = distances.shape[-1] + 1
        systems = np.ones((len(distances), size, size))
        systems[:, :-1, :-1] = self.variogram.at(distances)
        systems[:, -1, -1] = 0.0
        return systems


@contextmanager
def _solvable(count: int) -> Iterator[None]:
    try:
        yield
    except np.linalg.LinAlgError:
        raise SpecError(
            f"kriging: got {count} samples whose system has no solution, expected ones apart from each other. "
            "Look for samples within centimetres of each other, or use --method idw."
        ) from None

"""Inverse distance weighting, with the error that samples around a place show when they are left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEIGHBOURS = 12
POWER = 2.0
_PLACES_AT_ONCE = 100_000


@dataclass(frozen=True)
class InverseDistance:
    """Estimate a field at places from the nearest samples, each weighing distance^−power.

    Attributes
    ----------
    xy, values
        Samples, shapes (n, 2) and (n,), metres of a plane; no two at one place.
    neighbours, power
        How many samples count, and how fast their weight falls.
    """

    xy: Floats
    values: Floats
    neighbours: int = NEIGHBOURS
    power: float = POWER

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.xy)

    @cached_property
    def left_out_errors(self) -> Floats:
        """Return for each sample what its neighbours estimate in its place, less its value; shape (n,)."""
        away, who = self._tree.query(self.xy, k=min(self.neighbours + 1, len(self.values)))
        weights = self._weights(away[:, 1:])
        return np.asarray(np.einsum("ij,ij->i", weights, self.values[who[:, 1:]]) - self.values)

    def at(self, places: Floats) -> tuple[Floats, Floats]:
        """Return estimate and local error at places, each of shape (m,).

        The local error is the root of the mean square of the left-out errors of the same neighbours, weighed alike. It does
        not fall to 0 at a sample: it is the error of the method around there, not of the sample.
        """
        parts = [self._at(places[i : i + _PLACES_AT_ONCE]) for i in range(0, len(places), _PLACES_AT_ONCE)]
        if not parts:
            return np.zeros(0), np.zeros(0)
        estimate, error = (np.concatenate(part) for part in zip(*parts, strict=True))
        return estimate, error

    def _at(self, places: Floats) -> tuple[Floats, Floats]:
        near = min(self.neighbours, len(self.values))
        away, who = self._tree.query(places, k=np.arange(1, near + 1))
        weights = self._weights(away)
        square = np.einsum("ij,ij->i", weights, self.left_out_errors[who] ** 2)
        return np.einsum("ij,ij->i", weights, self.values[who]), np.sqrt(square)

    def _weights(self, away: Floats) -> Floats:
        """Return weights that sum to 1; a sample at the place itself has all of it."""
        nearest = away[:, :1]
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(nearest > 0, (nearest / away) ** self.power, (away == 0).astype(np.float64))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

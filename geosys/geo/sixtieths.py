"""Whether numbers as 114.1827 are degrees or degrees, minutes and seconds: only their digits tell, and only many do.

Every D.MMSS number also reads as degrees, less than half a degree away. Of decimal degrees only 36 of 100 pairs have
minutes, and as few have seconds, below 60 on both axes: many pairs without an exception prove sixtieths, one proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

CHANCE = 0.36  # 0.6 on each axis, by the tens of the seconds
LEAST_FOR_SIXTIETHS = 7  # 0.36**7 < 0.001
SHARE_FOR_SIXTIETHS = 0.95
LEAST_FOR_DEGREES = 2
_LIKELY, _CERTAIN = 2.33, 3.1  # standard deviations of a one-sided test at 1 % and 0.1 %


def settle_sixtieths(
    points: NDArray[np.float64], as_degrees: Mask, as_sixtieths: Mask, confirmed: Mask
) -> tuple[Mask, Mask, Mask]:
    """Return which records may be degrees, which sixtieths, and which would be sixtieths on too weak a ground.

    Parameters
    ----------
    points
        Pairs as written, shape (n, 2), not-a-number where unreadable.
    as_degrees, as_sixtieths
        Records that each reading puts where they belong.
    confirmed
        Records whose own county or area speaks for sixtieths and not for degrees.
    """
    digits = _Digits(points, as_degrees | as_sixtieths)
    none = np.zeros_like(as_degrees)
    if digits.prove_sixtieths():
        return as_degrees & ~as_sixtieths, as_sixtieths, none
    if digits.prove_mixture():
        return as_degrees, as_sixtieths, none
    if digits.look_like_degrees():
        # a few records with a mistyped county code would otherwise be moved
        confirmed = confirmed if confirmed.sum() >= LEAST_FOR_SIXTIETHS else none
        return as_degrees, as_sixtieths & confirmed, as_sixtieths & ~as_degrees & ~confirmed
    weak = as_sixtieths & ~as_degrees & ~confirmed
    return as_degrees, as_sixtieths & ~weak, weak


class _Digits:
    """Count the digits of distinct pairs that have any below the minute."""

    def __init__(self, points: NDArray[np.float64], asked: Mask) -> None:
        pairs = np.unique(points[asked], axis=0) if asked.any() else np.empty((0, 2))
        seconds = np.round(np.abs(pairs) * 1e4, 6)
        minutes_good = (np.floor(seconds / 100.0) % 100.0 < 60.0).all(axis=1)  # noqa: PLR2004
        rest = np.round(seconds % 100.0, 6)
        has_seconds = (rest > 0.0).all(axis=1)
        seconds_good = (rest < 60.0).all(axis=1)  # noqa: PLR2004
        self.count = int(has_seconds.sum())
        self.sixty = int((has_seconds & minutes_good & seconds_good).sum())
        self.only_degrees = int((~(minutes_good & seconds_good)).sum())
        self.tried = int((has_seconds & minutes_good).sum())

    def prove_sixtieths(self) -> bool:
        """Say whether (nearly) all pairs have minutes and seconds below 60, and enough to be no chance."""
        return self.sixty >= LEAST_FOR_SIXTIETHS and self.sixty >= SHARE_FOR_SIXTIETHS * (
            self.count + self._short_misfits()
        )

    def prove_mixture(self) -> bool:
        """Say whether far more seconds are below 60 than chance leaves, among pairs whose minutes are."""
        return self._surplus() > _CERTAIN

    def look_like_degrees(self) -> bool:
        """Say whether some pairs can only be degrees, and the seconds of the others are as chance leaves them."""
        return self.only_degrees >= LEAST_FOR_DEGREES and self._surplus() <= _LIKELY

    def _short_misfits(self) -> int:
        return max(0, self.only_degrees - (self.count - self.sixty))

    def _surplus(self) -> float:
        if not self.tried:
            return 0.0
        return float((self.sixty - CHANCE * self.tried) / np.sqrt(CHANCE * (1.0 - CHANCE) * self.tried))

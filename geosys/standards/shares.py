"""A share with the lists it was counted from: who is in the numerator, in the denominator, and who was left out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, slots=True)
class Share:
    """Hold a share with its numerator, denominator and those that could not be judged; `value` is None of nobody."""

    numerator: tuple[Hashable, ...]
    denominator: tuple[Hashable, ...]
    left_out: tuple[Hashable, ...]
    certainty: str

    @property
    def value(self) -> float | None:
        """Return the share, 0 to 1."""
        return len(self.numerator) / len(self.denominator) if self.denominator else None

    @property
    def exact(self) -> Fraction | None:
        """Return the share as a fraction, for comparison with a limit that it may meet exactly."""
        return Fraction(len(self.numerator), len(self.denominator)) if self.denominator else None


def share_of(counted: Any, certainty: str) -> Share:
    """Return the share of True among True and False; missing ones are left out and listed.

    Parameters
    ----------
    counted : Series of bool with missing values
        One row an object (a point, a source, a section), its name as the index.
    certainty : str
        The mark that the judgement rests on.

    Raises
    ------
    SpecError
        When a name stands there twice: the object would count twice.

    Examples
    --------
    >>> share_of(pd.Series([True, False, None], ["a", "b", "c"], dtype="boolean"), "confirmed").value
    0.5
    """
    counted = pd.Series(counted).astype("boolean")
    twice = counted.index[counted.index.duplicated()].unique().tolist()
    if twice:
        raise SpecError(
            f"share: got several rows of {twice[:5]}, expected one row an object. Settle the yearly value of each first."
        )
    known = counted.notna()
    return Share(
        numerator=tuple(counted.index[counted.fillna(False)]),
        denominator=tuple(counted.index[known]),
        left_out=tuple(counted.index[~known]),
        certainty=certainty,
    )

"""Hide small counts of one table, and others with them, so that its total does not give them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL, HIDDEN = "small", "hidden"
LEAST = 3  # below, "fewer than k" would name the one number it can be


@dataclass(frozen=True, slots=True)
class ShownCounts:
    """Hold a table of counts as it may be shown.

    Parameters
    ----------
    cells : per cell its count, ``small`` (1 to k - 1) or ``hidden`` (k or more, hidden to protect the small ones).
    total : the sum of all cells, or None where it would give a small count back.
    least : k.
    """

    cells: tuple[int | str, ...]
    total: int | None
    least: int

    def text(self, cell: int | str) -> str:
        """Return how one of the cells is written.

        Examples
        --------
        >>> shown = suppress([5, 3, 0], 5)
        >>> [shown.text(cell) for cell in shown.cells], shown.total
        (['≥5', '<5', '0'], None)
        """
        return {SMALL: f"<{self.least}", HIDDEN: f"≥{self.least}"}.get(str(cell), str(cell))


def suppress(counts: Sequence[int], least: int) -> ShownCounts:
    """Return counts with 1 to k - 1 hidden and, where any is, as many others as the total needs to be shown.

    Who reads the table, its total and this function learns of a small count only that it is one of 1 to k - 1, each of
    which is possible. To that end nothing that is chosen here hangs on a small count by itself: the others are hidden
    in the order of the cells, and the total is shown as soon as the hidden ones have so much play that the largest and
    the smallest value of every small count fit it. The spare one (`>`, not `>=`) makes that true of those tables too
    where it was not yet shown. Where the play is never enough, the total is left out.

    Not protected: what a reader knows from elsewhere, as a total that was left out, all counts but one, or the same
    features counted by other areas; two tables of the same rows (other years, other classes) laid side by side.

    Parameters
    ----------
    counts : whole numbers from 0, in an order that says nothing of them, as that of the areas' codes.
    least : k, at least 3.

    Raises
    ------
    SpecError
        When k is below 3, or a count is no whole number from 0.

    Examples
    --------
    >>> shown = suppress([40, 3, 12, 0, 1], 5)
    >>> shown.cells, shown.total
    (('hidden', 'small', 12, 0, 'small'), 56)
    """
    values = np.asarray(counts, dtype=np.int64)
    if least < LEAST:
        raise SpecError(f"min_count: got {least}, expected {LEAST} or more. Below, '<{least}' is a number by itself.")
    if (values < 0).any() or list(values) != list(counts):
        raise SpecError(f"counts: got {list(counts)}, expected whole numbers from 0.")
    small = (values > 0) & (values < least)
    cells: list[int | str] = [SMALL if is_small else int(value) for value, is_small in zip(values, small, strict=True)]
    total: int | None = int(values.sum())
    if small.any():
        play = int((values[small] - 1).sum())
        for place in np.flatnonzero(values >= least):
            if play > least - 2 and HIDDEN in cells:
                break
            cells[place] = HIDDEN
            play += int(values[place]) - least
        total = total if play > least - 2 and HIDDEN in cells else None
    return ShownCounts(tuple(cells), total, least)

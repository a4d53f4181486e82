"""Coordinate columns of a ledger as pairs of numbers for the detective, cells spelled with degree signs told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys.layers import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class CoordinatePairs:
    """Hold two columns as pairs.

    Attributes
    ----------
    points
        Numbers as written, degrees where degrees were spelled; shape (n, 2), not-a-number where unreadable.
    spelled_degrees
        Records of which a cell was spelled in degrees (``114°18′36″``): no other reading is open to them.
    empty, unreadable
        Records with a cell that is empty, and with one that holds something else than a coordinate.
    """

    points: NDArray[np.float64]
    spelled_degrees: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]


def coordinate_pairs(first: Sequence[object], second: Sequence[object]) -> CoordinatePairs:
    """Return two columns of cells (numbers or texts, first column as x) as pairs.

    Examples
    --------
    >>> pairs = coordinate_pairs(["114°18′36″", "38528370.5", None], ["34°48′", 3852567, 34.8])
    >>> pairs.points.tolist()[:2], pairs.spelled_degrees.tolist(), pairs.empty.tolist()
    ([[114.31, 34.8], [38528370.5, 3852567.0]], [True, False, False], [False, False, True])
    """
    read = [[_cell(cell) for cell in column] for column in (first, second)]
    points = np.array([[number for number, _ in column] for column in read], dtype=np.float64).T.reshape(-1, 2)
    spelled = np.array([[is_spelled for _, is_spelled in column] for column in read], dtype=bool).any(axis=0)
    empty = np.array([[values.plain(c) is None for c in column] for column in (first, second)], dtype=bool)
    unreadable = (np.isnan(points).T & ~empty).any(axis=0)
    some_empty = np.asarray(empty.any(axis=0))
    return CoordinatePairs(points, np.asarray(spelled), some_empty, np.asarray(unreadable))


def _cell(cell: object) -> tuple[float, bool]:
    """Return a cell's number and whether it was spelled in degrees."""
    number = values.number(cell)
    if number is not None:
        return number, False
    angle = values.angle(cell)
    return (float("nan"), False) if angle is None else (angle, True)

"""Round as laboratories do before comparing: half to even, judged on the decimal number and not on its binary image."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

DISPLAYED, UNROUNDED = "displayed", "none"
ROUNDINGS = {
    DISPLAYED: Text(
        "按项目小数位数四舍六入五成双后评价（总站水字〔2020〕90号，二手资料）",
        "rounded half to even to the item's decimals before comparing (Zongzhan Shuizi [2020] 90, second-hand)",
    ),
    UNROUNDED: Text("未修约，按原值评价", "compared as measured, unrounded"),
}
_TIE = 4 * np.finfo(np.float64).eps  # how far scaling may move a decimal tie: 1.015 × 100 is 101.49999999999999


def check_rounding(rounding: str) -> str:
    """Return the name of a rounding option; raise SpecError for a name that is none.

    Examples
    --------
    >>> check_rounding("displayed")
    'displayed'
    """
    if rounding not in ROUNDINGS:
        hint = nearest(rounding, ROUNDINGS)
        raise SpecError(f"rounding: got {rounding!r}, expected one of: {', '.join(ROUNDINGS)}. {hint}".rstrip())
    return rounding


def round_half_even(values: ArrayLike, decimals: int) -> NDArray[np.float64]:
    """Return values rounded half to even (四舍六入五成双) as their decimal digits say.

    Parameters
    ----------
    values
        Numbers of any shape; missing ones stay so.
    decimals
        Digits after the point, 0 or more.

    Returns
    -------
    The numbers nearest to the rounded decimals, so that they equal limits read from text.

    Examples
    --------
    >>> round_half_even([1.015, 1.025, 2.5, 0.1250001], 2).tolist(), round_half_even([6.5, 9.5], 0).tolist()
    ([1.02, 1.02, 2.5, 0.13], [6.0, 10.0])
    """
    scale = 10.0**decimals
    scaled = np.asarray(values, dtype=np.float64) * scale
    half = np.floor(scaled) + 0.5
    is_tie = np.abs(scaled - half) <= _TIE * np.maximum(np.abs(scaled), 1.0)
    result: NDArray[np.float64] = np.rint(np.where(is_tie, half, scaled)) / scale
    return result


@cache
def largest_rounding_within(limit: float, decimals: int) -> float:
    """Return the largest number that, rounded, is not above a limit: comparing with it saves rounding every value.

    Examples
    --------
    >>> round(largest_rounding_within(0.2, 3), 9), largest_rounding_within(9, 0) < 9.5
    (0.2005, True)
    """
    unit = 10.0**-decimals
    return _edge(lambda x: float(round_half_even(x, decimals)) <= limit, limit - unit, limit + unit)


@cache
def smallest_rounding_within(limit: float, decimals: int) -> float:
    """Return the smallest number that, rounded, is not below a limit.

    Examples
    --------
    >>> round(smallest_rounding_within(6, 0), 9), smallest_rounding_within(5, 1) <= 4.95
    (5.5, True)
    """
    unit = 10.0**-decimals
    return _edge(lambda x: float(round_half_even(x, decimals)) >= limit, limit + unit, limit - unit)


def _edge(is_within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the last number that is within, between one that is and one that is not."""
    while (middle := (inside + outside) / 2) not in (inside, outside):
        inside, outside = (middle, outside) if is_within(middle) else (inside, middle)
    return inside

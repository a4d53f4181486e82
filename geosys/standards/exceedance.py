"""By how much items exceed the limits of a class, and which of them are a section's main pollutants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys.standards.limits import limits_of
from geosys.standards.rounding import DISPLAYED, round_half_even
from geosys.standards.surface_water import KINDS, REFERENCE_CLASS, kinds_of_water
from geosys.standards.water_items import ITEMS, METALS, OXYGEN, PH, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Classes = NDArray[np.uint8]
    Numbers = NDArray[np.float64]

FIRST = (OXYGEN, "cn", *METALS)  # main pollutants before all others where they exceed (unconfirmed)


def exceedance(values: ArrayLike, item: str, kind: str | ArrayLike, reference: ArrayLike, rounding: str) -> Numbers:
    """Return by how many times an item exceeds the limit of a reference class: (C − Cs)/Cs, NaN where it does not.

    Parameters
    ----------
    values
        Numbers in the standard's unit.
    reference
        The class 1 to 5 whose limit is Cs, one or an array; 0 for none.

    Source: 环办〔2011〕22号 (second-hand): none for pH, dissolved oxygen and water temperature.

    Examples
    --------
    >>> exceedance([26.0, 20.0], "cod", "river", 3, "none").round(2).tolist()
    [0.3, nan]
    """
    numbers = np.asarray(values, dtype=np.float64)
    if item in (PH, OXYGEN, TEMPERATURE):
        return np.full(numbers.shape, np.nan)
    kinds = kinds_of_water(kind, numbers.shape).reshape(numbers.shape)
    table = np.full((len(KINDS) + 1, 6), np.nan)
    for word, code in KINDS.items():
        limits = limits_of(ITEMS[item].zh, word)
        if limits is not None:
            table[code, 1:] = limits.limits
            numbers = round_half_even(values, limits.decimals) if rounding == DISPLAYED else numbers
    limit = table[kinds, np.asarray(reference, dtype=np.int64)]
    with np.errstate(invalid="ignore"):
        return np.where((numbers > limit) & (numbers < np.inf), (numbers - limit) / limit, np.nan)


def main_pollutants(item_class: Classes, multiples: Numbers, items: Sequence[str]) -> NDArray[np.int64]:
    """Return positions of up to three main pollutants, shape (…, 3); −1 where there are fewer.

    Items worse than class III: dissolved oxygen, cyanide and heavy metals first, then by class, then by multiple.

    Parameters
    ----------
    item_class, multiples
        Of the items that may decide, shape (items, …).

    Source: 环办〔2011〕22号 (unconfirmed).
    """
    is_first = np.array([item in FIRST for item in items], dtype=np.int64)
    classes = np.moveaxis(item_class, 0, -1).astype(np.int64)
    exceeds = classes > REFERENCE_CLASS
    times = np.nan_to_num(np.moveaxis(multiples, 0, -1))
    order = np.lexsort((-times, -classes, np.broadcast_to(-is_first, classes.shape), ~exceeds), axis=-1)[..., :3]
    found: NDArray[np.int64] = np.where(np.take_along_axis(exceeds, order, -1), order, -1)
    short = 3 - found.shape[-1]
    return np.pad(found, [(0, 0)] * (found.ndim - 1) + [(0, short)], constant_values=-1) if short > 0 else found

"""Grade surface water by GB 3838-2002: the class of each item, of the section, and by how much an item exceeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys.standards.limits import LAKE, RIVER, WORSE_THAN_V, limits_of, surface_water_limits
from geosys.standards.rounding import DISPLAYED, UNROUNDED, check_rounding, round_half_even
from geosys.standards.water_items import ITEMS, OXYGEN, PH, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from geosys.standards.limits import ItemLimits

    Classes = NDArray[np.uint8]
    Numbers = NDArray[np.float64]

KINDS: dict[str, int] = {RIVER: 1, LAKE: 2}  # in arrays of kinds of water; 0 is not known
REFERENCE_CLASS = 3
ITEM_IDS = tuple(item for item in ITEMS if item != TEMPERATURE)
DECIDING = tuple(
    item for item in ITEM_IDS if any(it.item == ITEMS[item].zh and it.is_evaluated for it in surface_water_limits())
)
APART = tuple(item for item in ITEM_IDS if item not in DECIDING)  # total nitrogen and coliforms
MOST_PH = 14.0
_TEMPERATURES = (-2.0, 45.0)  # of open water: beyond them a sensor is broken, and saturation is not judged
_SHARE_OF_SATURATION, _SATURATION = 0.9, (468.0, 31.6)
_SLACK = 1 - 1e-12  # 7.2 × (31.6 + 26.9) is 421.2 on paper
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class Grading:
    """Hold classes 1 to 5, 6 for worse than V, 0 for not evaluated.

    Attributes
    ----------
    items
        Ids of the items, in the table's order: first axis of `item_class`.
    item_class
        Shape (items, …).
    section_class
        Class of the worst item that may decide, shape (…).
    evaluated
        How many of the items that may decide were evaluated, shape (…).
    deciding
        The items that may decide, also those without values.
    rounding
        The rounding option.
    uses_saturation
        Whether dissolved oxygen was judged by saturation, too.
    """

    items: tuple[str, ...]
    item_class: Classes
    section_class: Classes
    evaluated: Classes
    deciding: tuple[str, ...]
    rounding: str
    uses_saturation: bool

    @property
    def missing(self) -> Classes:
        """Return how many of the items that may decide were not evaluated."""
        left: Classes = np.uint8(len(self.deciding)) - self.evaluated
        return left

    def class_of(self, item: str) -> Classes:
        """Return the classes of one item."""
        found: Classes = self.item_class[self.items.index(item)]
        return found


def deciding_items(items: Sequence[str] | None) -> tuple[str, ...]:
    """Return the ids of the items that may decide, in the table's order: the 21 of the method, or those named.

    Raises
    ------
    SpecError
        When an item is named that has no class.

    Examples
    --------
    >>> len(deciding_items(None)), deciding_items(["tp", "ph"])
    (21, ('ph', 'tp'))
    """
    if items is None:
        return DECIDING
    unknown = [item for item in items if item not in ITEMS]
    if unknown or not set(items) - {TEMPERATURE}:
        raise SpecError(f"items: got {list(items)}, expected ids with a class, of: {', '.join(ITEM_IDS)}.")
    return tuple(item for item in ITEM_IDS if item in items)


def grade_surface_water(
    values: Mapping[str, ArrayLike],
    kind: str | ArrayLike,
    *,
    rounding: str = UNROUNDED,
    items: Sequence[str] | None = None,
    below: Mapping[str, ArrayLike] | None = None,
) -> Grading:
    """Return the class of each item and of the section for arrays of any one shape.

    Parameters
    ----------
    values
        By item id numbers in the standard's unit (mg/L; pH none; coliforms per litre); NaN where missing. Negative and
        infinite ones, and a pH above 14, are taken as missing. With ``water_temp`` (℃) dissolved oxygen of class I is
        also reached by 90 % of saturation, unless `items` names others only.
    kind
        ``river``, ``lake``, or numbers of `KINDS` that broadcast to the shape; where unknown, phosphorus is not evaluated.
    rounding
        ``displayed`` (half to even by the item's decimals) or ``none``.
    items
        Ids of the items that may decide (default: the 21 of the method, without total nitrogen and coliforms).
    below
        By item id where a value is a detection limit: attained are the classes whose limit is not below it.

    Raises
    ------
    SpecError
        When an item, the kind, the rounding or a shape is not as it must be.

    Source: GB 3838-2002 table 1 and 5.1; 环办〔2011〕22号 (worst item, 21 items); saturation 468/(31.6+T), HJ 2.3-2018 (unconfirmed).

    Examples
    --------
    >>> sample = {"do": 4.8, "codmn": 6.6, "cod": 26, "bod5": 3.5, "nh3n": 1.25, "tp": 0.23}
    >>> graded = grade_surface_water(sample, "river")
    >>> graded.item_class.tolist(), int(graded.section_class), int(graded.evaluated), int(graded.missing)
    ([4, 4, 4, 3, 4, 4], 4, 6, 15)
    """
    deciding = deciding_items(items)
    check_rounding(rounding)
    given, shape = _given(values)
    names = [item for item in ITEM_IDS if item in given]
    warm = given.get(TEMPERATURE) if items is None or TEMPERATURE in items else None
    kinds = kinds_of_water(kind, shape)
    under = {k: np.broadcast_to(np.asarray(v, dtype=bool), shape).reshape(-1) for k, v in (below or {}).items()}
    edges = {(name, one): _edges(name, one, rounding) for name in names for one in KINDS}
    size = int(np.prod(shape, dtype=np.int64))
    item_class = np.zeros((len(names), size), dtype=np.uint8)
    section, evaluated = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    for start in range(0, size, _BLOCK):  # a block stays in the processor's cache from reading to the section's class
        part = slice(start, start + _BLOCK)
        temperature = None if warm is None else warm[part]
        for row, name in enumerate(names):
            numbers = np.ascontiguousarray(given[name][part])
            is_below = under[name][part] if name in under else None
            found = _by_kind(numbers, kinds[part], (edges[name, RIVER], edges[name, LAKE]))
            if name == OXYGEN and temperature is not None:
                _reach_by_saturation(found, numbers, temperature, rounding)
            if is_below is not None and is_below.any():
                found = np.where(is_below, _below_limit(found, name), found)
            item_class[row, part] = found
            if name in deciding:
                np.maximum(section[part], found, out=section[part])
                evaluated[part] += found > 0
    return Grading(
        tuple(names), item_class.reshape(len(names), *shape), section.reshape(shape), evaluated.reshape(shape), deciding,
        rounding, warm is not None and OXYGEN in names,
    )  # fmt: skip


def _given(values: Mapping[str, ArrayLike]) -> tuple[dict[str, Numbers], tuple[int, ...]]:
    """Return the values of each item laid out flat, and the shape they have in common."""
    unknown = [name for name in values if name not in ITEMS]
    if unknown or not set(values) - {TEMPERATURE}:
        raise SpecError(f"values: got the items {list(values)}, expected ids of: {', '.join(ITEMS)}.")
    arrays = {name: np.asarray(array, dtype=np.float64) for name, array in values.items()}
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        told = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise SpecError(f"values: got the shapes {told}, expected one shape. Align sections and times.") from None
    return {name: np.broadcast_to(array, shape).reshape(-1) for name, array in arrays.items()}, shape


def kinds_of_water(kind: str | ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Return the kind of water of each place (1 river, 2 lake, 0 unknown) laid out flat.

    Raises
    ------
    SpecError
        When it is another word or number.
    """
    if isinstance(kind, str):
        if kind not in KINDS:
            raise SpecError(f"kind of water: got {kind!r}, expected 'river' or 'lake', or an array of {KINDS}.")
        return np.broadcast_to(np.int8(KINDS[kind]), shape).reshape(-1)
    codes = np.asarray(kind)
    if codes.dtype.kind not in "iu" or (codes.size and not np.isin(codes, (0, *KINDS.values())).all()):
        raise SpecError(f"kind of water: got {codes.dtype} {np.unique(codes)[:5].tolist()}, expected 0 or {KINDS}.")
    return np.broadcast_to(codes.astype(np.int8), shape).reshape(-1)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Hold what the values of one item are compared with: numbers and how many classes each ends."""

    rule: str
    edges: tuple[tuple[float, int], ...]
    low: float


def _edges(item: str, kind: str, rounding: str) -> _Edges | None:
    limits: ItemLimits | None = limits_of(ITEMS[item].zh, kind)
    if limits is None:
        return None
    ends = limits.edges(rounding)
    low = limits.low_edges(rounding)
    return _Edges(limits.rule, tuple((e, ends.count(e)) for e in dict.fromkeys(ends)), low[0] if low else 0.0)


def _by_kind(numbers: Numbers, kinds: NDArray[np.int8], edges: tuple[_Edges | None, _Edges | None]) -> Classes:
    """Return the classes of a block whose rows may be of different kinds of water."""
    if edges[0] == edges[1]:
        return _classes(numbers, edges[0])
    first = kinds[0]
    if (kinds == first).all():
        return _classes(numbers, edges[first - 1]) if first else np.zeros(len(numbers), dtype=np.uint8)
    river, lake = (_classes(numbers, one) for one in edges)
    return np.where(kinds == KINDS[LAKE], lake, river * (kinds == KINDS[RIVER])).astype(np.uint8)


def _classes(numbers: Numbers, edges: _Edges | None) -> Classes:
    """Return 1 and one more for each class whose limit is not kept; 0 where there is no number."""
    found = np.zeros(len(numbers), dtype=np.uint8)
    if edges is None:
        return found
    most = MOST_PH if edges.rule == "range" else np.finfo(np.float64).max
    is_number = (numbers >= 0) & (numbers <= most)
    if edges.rule == "range":
        (high, _), *_ = edges.edges
        found[(numbers < edges.low) | (numbers > high)] = WORSE_THAN_V - 1
    else:
        is_beyond = np.empty(len(numbers), dtype=bool)
        compare = np.less if edges.rule == "min" else np.greater
        for edge, count in edges.edges:
            compare(numbers, edge, out=is_beyond)
            found += is_beyond if count == 1 else is_beyond.view(np.uint8) * np.uint8(count)
    found += np.uint8(1)
    found *= is_number
    return found


def _reach_by_saturation(found: Classes, oxygen: Numbers, temperature: Numbers, rounding: str) -> None:
    """Raise dissolved oxygen to class I where it reaches 90 % of saturation; saline water has another formula."""
    lacks = np.flatnonzero(found > 1)
    if rounding == DISPLAYED:
        oxygen, temperature = round_half_even(oxygen[lacks], 1), round_half_even(temperature[lacks], 1)
    else:
        oxygen, temperature = oxygen[lacks], temperature[lacks]
    above, shift = _SATURATION
    low, high = _TEMPERATURES
    reaches = oxygen * (shift + temperature) >= _SHARE_OF_SATURATION * above * _SLACK
    found[lacks[reaches & (temperature >= low) & (temperature <= high)]] = 1


def _below_limit(found: Classes, item: str) -> Classes:
    """Return the classes of values that are detection limits: what is certain, 0 where nothing is."""
    if item == PH:
        return np.zeros_like(found)
    if item == OXYGEN:  # less oxygen than a limit below that of class V is worse than V; of more nothing is known
        return np.where(found == WORSE_THAN_V, found, 0).astype(np.uint8)
    return np.where(found == WORSE_THAN_V, 0, found).astype(np.uint8)

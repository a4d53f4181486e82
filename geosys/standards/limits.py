"""The limits of surface water as the tables beside this module hold them, each with its source and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache

from geosys._errors import SpecError
from geosys.standards.certainty import read_table
from geosys.standards.rounding import (
    DISPLAYED,
    check_rounding,
    largest_rounding_within,
    smallest_rounding_within,
)

CLASSES = ("I", "II", "III", "IV", "V")
WORSE_THAN_V = 6  # no class of the standard, but of the evaluation method
NAMES = ("", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")
STANDARD = "GB 3838-2002"
_COLUMNS = ("item", "unit", "rule", *CLASSES, "applies_to", "in_21_evaluation_items", "decimals_total_station_2020")


class Water(StrEnum):
    """The kinds of water as the table writes them: their limits of phosphorus differ, nitrogen has some in lakes only."""

    RIVER = auto()
    LAKE = auto()
    ALL = auto()


RIVER, LAKE, ALL = Water


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Hold the limits of one item in one kind of water.

    Attributes
    ----------
    item
        The item's Chinese name.
    applies_to
        ``all``, ``river`` or ``lake``.
    rule
        ``max`` (not above), ``min`` (not below) or ``range`` (within `low` and `limits`).
    limits
        The five limits of classes I to V, in `unit`; of a range its upper ends.
    low
        The lower ends of a range, else empty.
    decimals
        Digits to which a value is rounded before it is compared, where it is.
    is_evaluated
        Whether the item is one of the 21 that decide a section's class.
    """

    item: str
    applies_to: str
    rule: str
    limits: tuple[float, ...]
    low: tuple[float, ...]
    unit: str
    decimals: int
    is_evaluated: bool
    source: str
    confidence: str

    def edges(self, rounding: str) -> tuple[float, ...]:
        """Return the numbers to compare unrounded values with, so that the classes are those of a rounding option."""
        if check_rounding(rounding) != DISPLAYED:
            return self.limits
        inward = smallest_rounding_within if self.rule == "min" else largest_rounding_within
        return tuple(inward(limit, self.decimals) for limit in self.limits)

    def low_edges(self, rounding: str) -> tuple[float, ...]:
        """Return the lower ends of a range as `edges` returns the upper ones."""
        if check_rounding(rounding) != DISPLAYED:
            return self.low
        return tuple(smallest_rounding_within(limit, self.decimals) for limit in self.low)


@cache
def surface_water_limits() -> tuple[ItemLimits, ...]:
    """Return the limits of table 1 in the table's order; water temperature has none and is left out.

    Source: GB 3838-2002 table 1; decimals: Zongzhan Shuizi [2020] 90 (second-hand).

    Examples
    --------
    >>> len(surface_water_limits()), surface_water_limits()[0].low[0], limits_of("总磷", "lake").limits
    (24, 6.0, (0.01, 0.025, 0.05, 0.1, 0.2))
    """
    return tuple(_limits(row) for row in read_table("gb3838_table1.csv", _COLUMNS) if row["rule"] != "text")


@cache
def limits_of(item: str, kind: str) -> ItemLimits | None:
    """Return the limits of an item in a ``river`` or ``lake``; None where the standard has none there.

    Raises
    ------
    SpecError
        When the kind of water is another word.
    """
    if kind not in (RIVER, LAKE):
        raise SpecError(f"kind of water: got {kind!r}, expected 'river' or 'lake'.")
    return next((it for it in surface_water_limits() if it.item == item and it.applies_to in (ALL, kind)), None)


def _limits(row: dict[str, str]) -> ItemLimits:
    cells = [row[name].split("(")[0] for name in CLASSES]  # DO of class I: 7.5 (or 90 % of saturation)
    ends = [cell.split("~") for cell in cells]
    is_range = row["rule"] == "range"
    return ItemLimits(
        item=row["item"],
        applies_to=row["applies_to"].split("(")[0],
        rule=row["rule"],
        limits=tuple(float(end[-1]) for end in ends),
        low=tuple(float(end[0]) for end in ends) if is_range else (),
        unit=row["unit"],
        decimals=int(row["decimals_total_station_2020"]),
        is_evaluated=row["in_21_evaluation_items"] == "Y",
        source=row["source"],
        confidence=row["confidence"],
    )


def limits_by_item(kind: str) -> dict[str, ItemLimits]:
    """Return the items of table 1 that have a limit in a ``river`` or ``lake``, by their Chinese names.

    Raises
    ------
    SpecError
        When the kind of water is another word.
    """
    names = dict.fromkeys(it.item for it in surface_water_limits())
    return {name: found for name in names if (found := limits_of(name, kind))}

"""The decision tables of farmland categories: from points to a unit, from crops to the final category."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import TABLES, read_table, weakest

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORIES = ("", "优先保护", "安全利用", "严格管控")  # by the grade of a point: 1 below, 2 between, 3 above
WITHIN, OVER = "within", "over"
POINTS, METALS = "points", "metals"
_SHARES = ("priority_share", "safe_share", "strict_share")
_TABLES = ("farmland_category_units.csv", "farmland_category_crops.csv", "farmland_category_settings.csv")


@dataclass(frozen=True, slots=True)
class UnitRule:
    """Hold one row of the table: what the shares of the classes must be, and which category follows (0 for none).

    `cuts_out` is the category whose points are to be cut out of the unit as polygons of their own, 0 for none.
    """

    name: str
    shares: tuple[tuple[str, Fraction] | None, ...]
    category: int
    cuts_out: int
    text: Text

    def holds(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of each unit whether the rule holds; counted in whole points, so that 80 % is exact.

        Parameters
        ----------
        counts
            Shape (units, 3): points of class 1, 2 and 3.
        """
        total = counts.sum(axis=1)
        found: NDArray[np.bool_] = total > 0
        for i, condition in enumerate(self.shares):
            if condition is not None:
                sign, share = condition
                found &= _COMPARE[sign](counts[:, i] * share.denominator, total * share.numerator)
        return found


_COMPARE = {
    "=": np.equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CategoryRules:
    """Hold the tables as read, with the version that results name."""

    units: tuple[UnitRule, ...]
    crops: dict[tuple[int, str], tuple[int, Text]]
    metals: tuple[str, ...]
    combine: str
    least_points: int
    least_products: int
    version: str
    certainty: str


@cache
def category_rules() -> CategoryRules:
    """Return the decision tables of this program.

    Source: 环办土壤〔2019〕53号 (not read: every row is marked unconfirmed); crops against GB 2762.

    Raises
    ------
    SpecError
        When a table holds a word it must not, or the rules leave a case open.

    Examples
    --------
    >>> rules = category_rules()
    >>> rules.certainty, rules.least_points, len(rules.crops)
    ('unconfirmed', 3, 6)
    """
    units, crops, settings = (
        read_table(name, columns)
        for name, columns in zip(
            _TABLES,
            (
                ("rule", *_SHARES, "category", "cuts_out", "zh", "en"),
                ("soil", "products", "category", "zh", "en"),
                ("setting", "value"),
            ),
            strict=True,
        )
    )
    value = {row["setting"]: row["value"] for row in settings}
    rules = tuple(_unit_rule(row) for row in units)
    if any(condition for condition in rules[-1].shares):
        raise SpecError(f"{_TABLES[0]}: got conditions in the last row, expected * in all: it takes what is left.")
    if value.get("combine") not in (POINTS, METALS):
        raise SpecError(f"{_TABLES[2]}, combine: got {value.get('combine')!r}, expected '{POINTS}' or '{METALS}'.")
    matrix = {
        (_category(_TABLES[1], row["soil"]), row["products"]): (
            _category(_TABLES[1], row["category"]),
            Text(row["zh"], row["en"]),
        )
        for row in crops
    }
    absent = [(CATEGORIES[c], p) for c in (1, 2, 3) for p in (WITHIN, OVER) if (c, p) not in matrix]
    if absent:
        raise SpecError(f"{_TABLES[1]}: got no row for {absent}, expected one each. Add them.")
    return CategoryRules(
        rules,
        matrix,
        tuple(value["metals"].split("|")),
        value["combine"],
        int(value["least_points"]),
        int(value["least_products"]),
        _version(),
        weakest(row["confidence"] for table in (units, crops, settings) for row in table),
    )


def _version() -> str:
    content = b"".join((TABLES / name).read_bytes().replace(b"\r\n", b"\n") for name in _TABLES)
    return f"farmland_category-{hashlib.sha256(content).hexdigest()[:8]}"


def _unit_rule(row: dict[str, str]) -> UnitRule:
    place = f"{_TABLES[0]}, {row['rule']}"
    return UnitRule(
        row["rule"],
        tuple(_condition(place, row[name]) for name in _SHARES),
        _category(place, row["category"]),
        _category(place, row["cuts_out"]),
        Text(row["zh"], row["en"]),
    )


def _condition(place: str, cell: str) -> tuple[str, Fraction] | None:
    if cell == "*":
        return None
    found = re.fullmatch(r"(>=|<=|[=><])(\d+(?:\.\d+)?)", cell)
    if not found:
        raise SpecError(f"{place}: got the condition '{cell}', expected *, or a sign and a share as >0.8.")
    return found[1], Fraction(found[2])


def _category(place: str, word: str) -> int:
    if word not in CATEGORIES:
        raise SpecError(f"{place}: got the category '{word}', expected one of: {', '.join(CATEGORIES[1:])}.")
    return CATEGORIES.index(word)


@cache
def category_triggers() -> dict[str, Text]:
    """Return what may set off a change of category.

    Source: Henan draft 《耕地土壤环境质量类别动态调整技术导则》 (second-hand).

    Examples
    --------
    >>> list(category_triggers())
    ['use_changed', 'finer_survey', 'new_monitoring']
    """
    rows = read_table("farmland_category_triggers.csv", ("trigger", "zh", "en"))
    return {row["trigger"]: Text(row["zh"], row["en"]) for row in rows}

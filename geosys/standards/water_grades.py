"""Say how good sections, rivers and basins are: 优 to 重度污染, by class or by the share of classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import read_table
from geosys.standards.limits import WORSE_THAN_V
from geosys.standards.surface_water import MOST_PH, REFERENCE_CLASS, grade_surface_water
from geosys.standards.water_items import ITEMS, PH, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from geosys.standards.surface_water import Grading

EXCELLENT, GOOD, LIGHT, MODERATE, HEAVY = range(1, 6)
GRADES = (
    Text("", ""), Text("优", "excellent"), Text("良好", "good"), Text("轻度污染", "lightly polluted"),
    Text("中度污染", "moderately polluted"), Text("重度污染", "heavily polluted"),
)  # fmt: skip
LEAST_SECTIONS = 5  # from here on the shares of classes grade a river, below it the means of its sections
_GRADE_OF_CLASS = np.array([0, EXCELLENT, EXCELLENT, GOOD, LIGHT, MODERATE, HEAVY], dtype=np.uint8)
_MOST_POLLUTANTS = 3


@dataclass(frozen=True, slots=True)
class RiverGrade:
    """Hold the grade of a river or basin and what it rests on.

    Attributes
    ----------
    grade
        1 优 to 5 重度污染, 0 where no section has a class.
    method
        ``shares`` or ``means``.
    sections, without_class
        How many sections were graded, and how many had no class and count nowhere.
    good, worse
        Sections of class I to III, and worse than V.
    main_pollutants
        Up to three items, by the share of sections in which they exceed class III.
    grading
        Of the means, with the items evaluated and missing; None where shares graded.
    """

    grade: int
    method: str
    sections: int
    without_class: int
    good: int
    worse: int
    main_pollutants: tuple[str, ...] = ()
    grading: Grading | None = None

    @property
    def text(self) -> Text:
        """Return the grade in both languages; empty texts where there is none."""
        return GRADES[self.grade]


@cache
def grade_sources() -> dict[str, tuple[str, str]]:
    """Return by scope (``section``, ``river/basin n>=5``, ``river/basin n<5``) the source of its rules and their mark.

    Examples
    --------
    >>> grade_sources()["section"]
    ('环办〔2011〕22号', 'partly confirmed')
    """
    rows = read_table("water_grade_rules.csv", ("scope", "condition", "grade"))
    return {row["scope"]: (row["source"], row["confidence"]) for row in rows}


def section_grade(section_class: ArrayLike) -> NDArray[np.uint8]:
    """Return positions in `GRADES` for section classes 0 to 6.

    Source: 环办〔2011〕22号: I–II 优, III 良好, IV 轻度, V 中度, worse than V 重度 (second-hand).

    Examples
    --------
    >>> [GRADES[g].zh for g in section_grade([1, 3, 6])]
    ['优', '良好', '重度污染']
    """
    graded: NDArray[np.uint8] = _GRADE_OF_CLASS[np.asarray(section_class, dtype=np.int64)]
    return graded


def grade_by_shares(good: int, worse: int, sections: int) -> int:
    """Return the grade of a river of five sections or more, counted in whole sections so that 75 % is exact.

    Source: 环办〔2011〕22号 (confirmed): I–III ≥ 90 % 优, 75 to 90 % 良好; below 75 % by the share worse than V: under 20 % 轻度,
    20 to 40 % 中度, from 40 % 重度.

    Examples
    --------
    >>> GRADES[grade_by_shares(9, 0, 10)].zh, GRADES[grade_by_shares(7, 2, 10)].zh
    ('优', '中度污染')
    """
    if 100 * good >= 90 * sections:
        return EXCELLENT
    if 100 * good >= 75 * sections:
        return GOOD
    if 100 * worse < 20 * sections:
        return LIGHT
    return MODERATE if 100 * worse < 40 * sections else HEAVY


def grade_river(
    values: Mapping[str, ArrayLike],
    kind: str,
    *,
    rounding: str = "none",
    items: Sequence[str] | None = None,
    below: Mapping[str, ArrayLike] | None = None,
) -> RiverGrade:
    """Return the grade of a river or basin from one value of each item a section.

    Parameters
    ----------
    values
        By item id one number a section, NaN where missing; of a non-detect its detection limit.
    kind
        ``river`` or ``lake``: means over both kinds have no limits.
    below
        By item id where a value is a detection limit: means take half of it (unconfirmed).

    Source: 环办〔2011〕22号: from five sections on shares, below that the mean of each item, then as a section.
    """
    arrays = {name: np.atleast_1d(np.asarray(array, dtype=np.float64)) for name, array in values.items()}
    if any(array.ndim != 1 for array in arrays.values()):
        raise SpecError("grade_river: got values of several dimensions, expected one number a section for each item.")
    graded = grade_surface_water(arrays, kind, rounding=rounding, items=items, below=below)
    classes = graded.section_class
    with_class = classes > 0
    count, good = int(with_class.sum()), int((with_class & (classes <= REFERENCE_CLASS)).sum())
    worse = int((classes == WORSE_THAN_V).sum())
    rest = int((~with_class).sum())
    main = river_pollutants(graded)
    if count >= LEAST_SECTIONS:
        return RiverGrade(grade_by_shares(good, worse, count), "shares", count, rest, good, worse, main)
    means = {name: mean_of_item(array, name, (below or {}).get(name)) for name, array in arrays.items()}
    of_means = grade_surface_water(means, kind, rounding=rounding, items=items)
    grade = int(section_grade(of_means.section_class))
    return RiverGrade(grade, "means", count, rest, good, worse, main, of_means)


def river_pollutants(graded: Grading) -> tuple[str, ...]:
    """Return up to three items by the share of their sections that are worse than class III, the largest first.

    Source: 环办〔2011〕22号 (unconfirmed). Equal shares keep the table's order.
    """
    shares = {}
    for item in graded.items:
        classes = graded.class_of(item)
        exceeding, evaluated = int((classes > REFERENCE_CLASS).sum()), int((classes > 0).sum())
        if item in graded.deciding and exceeding:
            shares[item] = exceeding / evaluated
    return tuple(sorted(shares, key=lambda item: -shares[item])[:_MOST_POLLUTANTS])


def mean_of_item(values: ArrayLike, item: str, below: ArrayLike | None = None, axis: int = 0) -> NDArray[np.float64]:
    """Return the mean of an item along an axis without missing values; pH through its hydrogen ions, non-detects by half.

    Parameters
    ----------
    below
        Where a value is a detection limit.

    Source: 总站水字〔2020〕90号 (second-hand): pH by [H+]; half the detection limit (unconfirmed).

    Examples
    --------
    >>> float(mean_of_item([6.0, 8.0], "ph").round(3)), float(mean_of_item([0.02, 0.05], "tp", [True, False]).round(3))
    (6.297, 0.03)
    """
    if item not in ITEMS:
        raise SpecError(f"mean: got the item {item!r}, expected an id of: {', '.join(ITEMS)}.")
    numbers = np.asarray(values, dtype=np.float64)
    if below is not None and item != TEMPERATURE:
        numbers = np.where(np.asarray(below, dtype=bool), numbers / 2, numbers)
    impossible = numbers < 0 if item != TEMPERATURE else np.zeros(numbers.shape, dtype=bool)
    numbers = np.where(impossible | ~np.isfinite(numbers) | ((item == PH) & (numbers > MOST_PH)), np.nan, numbers)
    numbers = 10.0**-numbers if item == PH else numbers
    count = np.isfinite(numbers).sum(axis=axis)
    total = np.where(np.isfinite(numbers), numbers, 0.0).sum(axis=axis)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return -np.log10(mean) if item == PH else mean

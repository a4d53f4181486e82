"""Farmland categories (优先保护, 安全利用, 严格管控) of units, from graded points and crops, by the decision tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.soil_category_rules import CATEGORIES, METALS, OVER, WITHIN, category_rules
from geosys.standards.soil_grades import ABOVE, BELOW
from geosys.standards.soil_reasons import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.standards.soil_category_rules import CategoryRules
    from geosys.standards.soil_grades import SoilGrades

_STRICT = 3


@dataclass(frozen=True, slots=True)
class FarmlandCategories:
    """Hold the categories of some units, and the version of the tables they were decided by.

    Attributes
    ----------
    rows : DataFrame, one row a unit in the order of first appearance
        unit_code, category, soil_category, points, points_priority, points_safe, points_strict, points_unjudged,
        products, products_over, rule, cut_out_points, reason_zh, reason_en. Categories are empty where none follows.
    """

    rows: Any
    version: str
    certainty: str


def category_points(grades: SoilGrades, units: Any) -> Any:
    """Return the points of a category: their unit, and the grade 1 to 3 of each metal, missing where not assessed.

    Parameters
    ----------
    grades
        Of farmland samples.
    units : Series or array
        The unit of each sample.
    """
    frame = pd.DataFrame({"unit_code": np.asarray(units, dtype=object)}, index=grades.rows.index)
    for i, item in enumerate(grades.items):
        codes = grades.item_grades[:, i].astype(np.int8)
        frame[item] = pd.arrays.IntegerArray(codes, codes == 0)
    return frame


def farmland_category(points: Any, crops: Any = None, rules: CategoryRules | None = None) -> FarmlandCategories:
    """Decide the category of each unit.

    Parameters
    ----------
    points : DataFrame
        unit_code, and one column a metal: 1 below, 2 between, 3 above, missing where not assessed (see `category_points`).
        A metal without a column, or missing, leaves a point unjudged, unless another metal makes it 严格管控.
    crops : DataFrame, optional
        unit_code and is_within: whether a product sample keeps GB 2762; missing ones are not counted.
    rules : CategoryRules, optional
        The decision tables (default: those of this program).

    Returns
    -------
    FarmlandCategories

    Raises
    ------
    SpecError
        When a column is absent or a grade is none.

    Examples
    --------
    >>> five = {metal: [1, 1, 1] for metal in ("汞", "砷", "铅", "铬")}
    >>> points = pd.DataFrame({"unit_code": ["A", "A", "A"], "镉": [2, 2, 2], **five})
    >>> crops = pd.DataFrame({"unit_code": ["A"] * 3, "is_within": [True] * 3})
    >>> farmland_category(points).rows["category"].tolist(), farmland_category(points, crops).rows["category"].tolist()
    (['安全利用'], ['优先保护'])
    """
    rules = rules or category_rules()
    codes, units = pd.factorize(_column(points, "unit_code", "points"))
    grades = _metal_grades(points, rules)
    unjudged = (grades == 0).any(axis=1) & (grades.max(axis=1) != ABOVE) & (codes >= 0)
    worst = np.where(unjudged, 0, grades.max(axis=1))
    counts = _counts(codes, worst, len(units))
    if rules.combine == METALS:
        by_metal = [_soil(_counts(codes, np.where(unjudged, 0, metal), len(units)), rules) for metal in grades.T]
        at = np.argmax([np.where(c == 0, _STRICT + 1, c) for c, _ in by_metal], axis=0)  # what is open outweighs all
        soil, which = (np.choose(at, [pair[i] for pair in by_metal]) for i in (0, 1))
    else:
        soil, which = _soil(counts, rules)
    final, products, over, crop_text = _with_crops(soil, units, crops, rules)
    cut = _cut_out(points.index, codes, worst, which, rules)
    rows = pd.DataFrame(
        {
            "unit_code": units,
            "category": np.array(CATEGORIES, dtype=object)[final],
            "soil_category": np.array(CATEGORIES, dtype=object)[soil],
            "points": np.bincount(codes[codes >= 0], minlength=len(units)),
            "points_priority": counts[:, 0],
            "points_safe": counts[:, 1],
            "points_strict": counts[:, 2],
            "points_unjudged": np.bincount(codes[unjudged], minlength=len(units)),
            "products": products,
            "products_over": over,
            "rule": [rules.units[i].name if i >= 0 else "too_few_points" for i in which],
            "cut_out_points": cut,
        }
    )
    for language in ("zh", "en"):
        rows[f"reason_{language}"] = _reasons(rows, which, crop_text, rules, language)
    return FarmlandCategories(rows, rules.version, rules.certainty)


def _column(frame: Any, name: str, what: str) -> Any:
    if name not in frame.columns:
        raise SpecError(f"{what}: got the columns {list(frame.columns)}, expected '{name}'. Name it so.")
    return frame[name]


def _metal_grades(points: Any, rules: CategoryRules) -> NDArray[np.int64]:
    """Return the grades of the metals that decide, 0 where there is none."""
    found = np.zeros((len(points), len(rules.metals)), dtype=np.int64)
    for i, metal in enumerate(rules.metals):
        if metal in points.columns:
            column = points[metal].astype("Float64").fillna(0.0).to_numpy(dtype=np.float64)
            if not np.isin(column, (0, 1, 2, 3)).all():
                raise SpecError(f"points, {metal}: got {np.unique(column)[:5].tolist()}, expected 1, 2, 3 or missing.")
            found[:, i] = column
    return found


def _counts(codes: NDArray[np.intp], worst: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the points of each class by unit; those without a class count nowhere."""
    counts = np.zeros((size, ABOVE), dtype=np.int64)
    judged = (codes >= 0) & (worst > 0)
    np.add.at(counts, (codes[judged], worst[judged] - BELOW), 1)
    return counts


def _soil(counts: NDArray[np.int64], rules: CategoryRules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return category and rule of each unit by its points; rule −1 where there are too few."""
    which = np.full(len(counts), -1, dtype=np.int64)
    enough = counts.sum(axis=1) >= rules.least_points
    for number, rule in enumerate(rules.units):
        which[enough & (which < 0) & rule.holds(counts)] = number
    categories = np.array([*(rule.category for rule in rules.units), 0], dtype=np.int64)  # the last is for −1
    return categories[which], which


def _with_crops(
    soil: NDArray[np.int64], units: Any, crops: Any, rules: CategoryRules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], list[Text]]:
    """Return the final categories, the product samples and those over, and what is told of them."""
    products, over = np.zeros(len(units), dtype=np.int64), np.zeros(len(units), dtype=np.int64)
    if crops is not None:
        within = _column(crops, "is_within", "crops").astype("boolean")
        at = pd.Index(units).get_indexer(_column(crops, "unit_code", "crops"))
        known = (at >= 0) & within.notna().to_numpy()
        fails = known & ~within.fillna(value=False).to_numpy(dtype=bool)
        np.add.at(products, at[known], 1)
        np.add.at(over, at[fails], 1)
    final, told = soil.copy(), []
    for unit, category in enumerate(soil):
        if category == 0:
            told.append(Text("", ""))
        elif over[unit] or products[unit] >= rules.least_products:
            final[unit], text = rules.crops[int(category), OVER if over[unit] else WITHIN]
            told.append(text)
        else:
            few = products[unit]
            zh = f"农产品样品 {few} 个，少于 {rules.least_products} 个，仅按土壤划分"
            told.append(Text(zh, f"{few} product samples, fewer than {rules.least_products}: by soil only"))
    return final, products, over, told


def _cut_out(
    labels: Any, codes: NDArray[np.intp], worst: NDArray[np.int64], which: NDArray[np.int64], rules: CategoryRules
) -> list[str]:
    """Return of each unit the points that its rule wants cut out as polygons of their own."""
    found: list[list[str]] = [[] for _ in which]
    cuts = np.array([*(rule.cuts_out for rule in rules.units), 0])[which]
    for row in np.flatnonzero(codes >= 0):
        unit = codes[row]
        if cuts[unit] and worst[row] == cuts[unit]:
            found[unit].append(str(labels[row]))
    return ["、".join(points) for points in found]


def _reasons(
    rows: Any, which: NDArray[np.int64], crops: list[Text], rules: CategoryRules, language: str
) -> NDArray[np.object_]:
    """Return of each unit which rule decided, what crops changed, and what was left out."""
    least = rules.least_points
    few = Text(f"可判定点位少于 {least} 个，未划分", f"fewer than {least} points that could be judged: no category")
    ruled = [(rules.units[i].text if i >= 0 else few).in_language(language) for i in which]
    unjudged = np.full(len(rows), "", dtype=object)
    for i in np.flatnonzero(rows["points_unjudged"].to_numpy()):
        number = rows["points_unjudged"].iloc[i]
        unjudged[i] = Text(
            f"{number} 个点位有重金属未能判定，未计入", f"{number} points with a metal not judged were left out"
        ).in_language(language)
    parts = [ruled, [text.in_language(language) for text in crops]]
    return joined([*(np.array([*part, None], dtype=object)[:-1] for part in parts), unjudged], language)

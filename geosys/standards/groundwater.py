"""Groundwater classes of GB/T 14848-2017: each item, the point by its worst item, and the share of points in class V."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note, weakest
from geosys.standards.groundwater_items import ALIASES, STANDARD, GroundwaterItem, groundwater_items
from geosys.standards.laboratory import LaboratoryValues, Why, listed, match_items, reasons
from geosys.standards.shares import Share, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_IV, _V = 4, 5
NOTES = (
    Note(
        Text(
            "综合类别取最差单项类别；两类限值相同时取较优类别",
            "class of the worst item; of equal limits the better class",
        ),
        "second-hand",
    ),
    Note(
        Text(
            "未检出：限值不低于检出限的类别视为达到",
            "not detected: a class whose limit is not below the detection limit is met",
        ),
        "our reading",
    ),
    Note(
        Text(
            "“不得检出”：未检出且检出限不高于II类限值为I类",
            "'not detectable': class I if not found with a limit not above class II",
        ),
        "our reading",
    ),
    Note(
        Text("天然背景豁免由人工标记，两种结果并列", "natural background is flagged by people; both results are shown"),
        "our reading",
    ),
    Note(
        Text(
            "总α、总β放射性超过III类限值为IV类，需核素分析",
            "gross alpha or beta above III is IV and needs a nuclide analysis",
        ),
        "second-hand",
    ),
)


@dataclass(frozen=True, slots=True)
class GroundwaterGrades:
    """Hold the classes of some points.

    Attributes
    ----------
    rows : DataFrame, one row a point in the order given
        class, deciding_items, class_without_background, background_items, items_evaluated, items_missing,
        needs_nuclide_analysis, reason_zh, reason_en. Classes are 1 to 5, missing where nothing was evaluated.
    item_classes : DataFrame of 1 to 5, missing where not evaluated
    multiples : DataFrame, (C - C_III) / C_III where an item is worse than III and has a number for it
    """

    rows: Any
    item_classes: Any
    multiples: Any
    items: tuple[str, ...]
    certainty: str
    notes: tuple[Note, ...] = NOTES
    standard: str = STANDARD


def grade_groundwater(
    values: LaboratoryValues, evaluation_items: Sequence[str] | None = None, background: Any = None
) -> GroundwaterGrades:
    """Class each item and each point; an item not evaluated is named with its reason and never counts as good.

    Parameters
    ----------
    values : LaboratoryValues
        In the units of the standard; smell and taste, and visible matter: 0 for none, 1 for present (see `presence`).
    evaluation_items : items, optional
        What is to be evaluated. Without it the 39 regular items and whatever else of the standard is given.
    background : DataFrame of bool, optional
        True where a person found the item to be natural background; rows as the values, columns are items.

    Returns
    -------
    GroundwaterGrades

    Raises
    ------
    SpecError
        When an item is not of the standard, given twice, or the flags stand on other rows or items.
    """
    known = groundwater_items()
    names = match_items(values.items, known, STANDARD, ALIASES)
    wanted = _wanted(evaluation_items, names, known)
    lab = values.of(wanted, names)
    why = lab.screened()
    classes = np.zeros(lab.numbers.shape, dtype=np.int8)
    for i, name in enumerate(wanted):
        _grade_item(known[name], lab, i, classes, why)
    exempt = _flags(background, values.index, wanted)
    return _grades(lab, classes, why, exempt, known)


def _wanted(chosen: Sequence[str] | None, names: dict[str, str], known: dict[str, GroundwaterItem]) -> tuple[str, ...]:
    """Return the items to be evaluated, in the order of the standard."""
    if chosen is None:
        asked = {name for name, item in known.items() if item.is_regular} | set(names.values())
    else:
        asked = set(match_items(chosen, known, STANDARD, ALIASES).values())
    if not asked:
        raise SpecError(f"{STANDARD}: got no evaluation item, expected one or more. Name the items.")
    return tuple(name for name in known if name in asked)


def _grade_item(
    item: GroundwaterItem, lab: LaboratoryValues, i: int, classes: NDArray[np.int8], why: NDArray[np.uint8]
) -> None:
    """Write the classes of one item into its column, and why a cell has none."""
    value, below, limit = lab.numbers[:, i], lab.is_below[:, i], lab.detection_limit[:, i]
    if item.rule == "text":
        why[(why[:, i] == Why.LIMIT_UNSTATED), i] = Why.EVALUATED
        value = np.where(below, 0.0, value)
        why[(why[:, i] == Why.EVALUATED) & (value != 0) & (value != 1), i] = Why.NOT_PRESENCE
        below = np.zeros_like(below)
    if item.none_at_best:
        why[(why[:, i] == Why.LIMIT_UNSTATED), i] = Why.EVALUATED
    ok = why[:, i] == Why.EVALUATED
    if item.rule == "range":
        classes[ok, i] = _in_bands(value[ok], item)
        return
    limits = np.array(item.limits)
    measured, undetected = ok & ~below, ok & below
    classes[measured, i] = np.searchsorted(limits, value[measured], side="left") + 1
    stated = limits[np.isfinite(limits)]
    reached = np.searchsorted(stated, limit, side="left")
    if item.none_at_best:
        reached = np.where(~np.isfinite(limit) | (limit <= item.limits[1]), 0, reached)
    why[undetected & (reached == len(stated)), i] = Why.LIMIT_TOO_HIGH
    undetected &= reached < len(stated)
    classes[undetected, i] = reached[undetected] + 1


def _in_bands(value: NDArray[np.float64], item: GroundwaterItem) -> NDArray[np.int8]:
    """Return the best class in whose bands a value lies."""
    found = np.zeros(len(value), dtype=np.int8)
    for number, parts in enumerate(item.bands, 1):
        inside = np.zeros(len(value), dtype=bool)
        for low, high, has_low, has_high in parts:
            inside |= ((value >= low) if has_low else (value > low)) & ((value <= high) if has_high else (value < high))
        found[inside & (found == 0)] = number
    return found


def _flags(background: Any, index: Any, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return the flags of natural background on the evaluated items."""
    if background is None:
        return np.zeros((len(index), len(wanted)), dtype=bool)
    if not background.index.equals(index):
        raise SpecError(
            f"{STANDARD}: got flags of natural background on other rows, expected those of the values. Align them."
        )
    names = match_items(map(str, background.columns), groundwater_items(), STANDARD, ALIASES)
    flags = background.astype("boolean").fillna(value=False).astype(bool)
    flags.columns = [names[str(column)] for column in background.columns]
    return np.asarray(flags.reindex(columns=list(wanted), fill_value=False).to_numpy(dtype=bool))


def _grades(
    lab: LaboratoryValues,
    classes: NDArray[np.int8],
    why: NDArray[np.uint8],
    exempt: NDArray[np.bool_],
    known: dict[str, GroundwaterItem],
) -> GroundwaterGrades:
    """Put the item classes together by point."""
    worst = classes.max(axis=1)
    kept = np.where(exempt, 0, classes)
    radioactive = np.array([known[name].rule == "max" and np.isinf(known[name].limits[-1]) for name in lab.items])
    evaluated = (classes > 0).sum(axis=1)
    rows = pd.DataFrame(
        {
            "class": _classes(worst),
            "deciding_items": listed((classes == worst[:, None]) & (classes > 1), lab.items),
            "class_without_background": _classes(kept.max(axis=1)),
            "background_items": listed(exempt & (classes > 0), lab.items),
            "items_evaluated": evaluated,
            "items_missing": len(lab.items) - evaluated,
            "needs_nuclide_analysis": ((classes == _IV) & radioactive).any(axis=1),
            "reason_zh": reasons(why, lab.items, "zh"),
            "reason_en": reasons(why, lab.items, "en"),
        },
        index=lab.index,
    )
    item_classes = pd.DataFrame({name: _classes(classes[:, i]) for i, name in enumerate(lab.items)}, index=lab.index)
    third = np.array([known[name].limits[2] if known[name].rule == "max" else np.nan for name in lab.items])
    exceeds = (classes >= _IV) & ~lab.is_below
    multiples = pd.DataFrame(np.where(exceeds, (lab.numbers - third) / third, np.nan), lab.index, list(lab.items))
    certainty = weakest(known[name].certainty for name in lab.items)
    return GroundwaterGrades(rows, item_classes, multiples, lab.items, certainty)


def _classes(numbers: NDArray[np.int8]) -> Any:
    """Return classes as a nullable array, missing where there is none."""
    return pd.arrays.IntegerArray(numbers.astype(np.int8), numbers == 0)


def share_of_class_v(grades: GroundwaterGrades, *, without_background: bool = False) -> Share:
    """Return the share of points in class V (V类比例) with the points counted, the points judged and those left out.

    Raises
    ------
    SpecError
        When a point stands in several rows.
    """
    classes = grades.rows["class_without_background" if without_background else "class"]
    return share_of(
        classes == _V, weakest([grades.certainty, "our reading"] if without_background else [grades.certainty])
    )


def presence(words: Any) -> tuple[Any, Any]:
    """Read smell and taste or visible matter: 0 for 无, 1 for 有, and which cells say something else.

    Parameters
    ----------
    words : Series of texts, missing where not looked at

    Returns
    -------
    values : Series of float
    is_refused : Series of bool

    Examples
    --------
    >>> values, refused = presence(pd.Series(["无", "有", "微弱", None]))
    >>> values.tolist(), refused.tolist()
    ([0.0, 1.0, nan, nan], [False, False, True, False])
    """
    told = {"无": 0.0, "没有": 0.0, "未检出": 0.0, "none": 0.0, "有": 1.0, "present": 1.0}
    series = pd.Series(words)
    texts = series.where(series.notna(), "").astype(str).str.strip().str.lower()
    values = texts.map(told).astype(float)
    return values, values.isna() & (texts != "")

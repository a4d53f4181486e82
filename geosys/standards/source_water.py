"""Attainment of drinking-water sources: tables 1 and 2 of GB 3838-2002 against class II or III, item by item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note, read_table, weakest
from geosys.standards.laboratory import LaboratoryValues, Why, listed, match_items, reasons
from geosys.standards.limits import STANDARD, ItemLimits, limits_by_item
from geosys.standards.rounding import DISPLAYED, ROUNDINGS, UNROUNDED, check_rounding, round_half_even
from geosys.standards.shares import Share, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ATTAINS, FAILS, INCOMPLETE, NOT_ASSESSED = "attains", "fails", "incomplete", "not_assessed"
OUTCOMES = {
    ATTAINS: Text("达标", "attains"),
    FAILS: Text("不达标", "does not attain"),
    INCOMPLETE: Text("已评项目未超标，但项目不全", "none exceeds among the items assessed, but items are missing"),
    NOT_ASSESSED: Text("未评价", "not assessed"),
}
# Source: GB 3838-2002 §3 (standards README, confirmed): class II in the first zone, III in the second.
TARGET_OF_ZONE = {"一级": 2, "二级": 3}
ALIASES = {
    "pH值": "pH",
    "DO": "溶解氧",
    "CODMn": "高锰酸盐指数",
    "COD": "化学需氧量",
    "CODCr": "化学需氧量",
    "BOD5": "五日生化需氧量",
    "NH3-N": "氨氮",
    "TP": "总磷",
    "TN": "总氮",
    "铬(六价)": "六价铬",
    "LAS": "阴离子表面活性剂",
    "硝酸盐氮": "硝酸盐(以N计)",
}
NOTES = (
    Note(
        Text("一级保护区按II类、二级保护区按III类", "class II in the first-level zone, III in the second"), "confirmed"
    ),
    Note(Text("缺测项目不视为达标", "a missing item does not count as attained"), "our reading"),
    Note(
        Text("未检出且检出限不高于限值视为达标", "not detected with a detection limit not above the limit attains"),
        "our reading",
    ),
    Note(
        Text(
            "水温无单次限值，不评价；总氮仅评湖库", "water temperature is not assessed; TN in lakes and reservoirs only"
        ),
        "our reading",
    ),
    Note(Text("表3特定项目未纳入", "selected items of table 3 are not included"), "our reading"),
)


@dataclass(frozen=True, slots=True)
class SourceWaterAttainment:
    """Hold the attainment of some samples of source water.

    Attributes
    ----------
    rows : DataFrame
        outcome (one of `OUTCOMES`), target, failing_items, items_evaluated, items_missing, reason_zh, reason_en.
    item_outcomes : DataFrame of attains, fails, not_assessed
    multiples : DataFrame, (C - Cs) / Cs where an item with an upper limit exceeds it; none for pH and DO
    """

    rows: Any
    item_outcomes: Any
    multiples: Any
    items: tuple[str, ...]
    certainty: str
    rounding: Text
    notes: tuple[Note, ...] = NOTES
    standard: str = STANDARD


@cache
def additional_items() -> dict[str, ItemLimits]:
    """Return the five items of table 2; their one limit holds for every class and has no decimals of its own.

    Source: GB 3838-2002 table 2.
    """
    rows = read_table("gb3838_table2.csv", ("item", "unit", "limit"))
    return {
        row["item"]: ItemLimits(
            row["item"],
            "all",
            "max",
            (float(row["limit"]),) * 5,
            (),
            row["unit"],
            -1,
            False,
            row["source"],
            row["confidence"],
        )
        for row in rows
    }


def source_water_items(kind: str) -> dict[str, ItemLimits]:
    """Return the items of tables 1 and 2 that have a limit in a ``river`` or ``lake``.

    Raises
    ------
    SpecError
        When the kind of water is another word.

    Examples
    --------
    >>> len(source_water_items("river")), len(source_water_items("lake"))
    (27, 28)
    """
    return limits_by_item(kind) | additional_items()


def source_targets(zones: Any) -> Any:
    """Return the target class of each zone level, missing for a level without one (准保护区 has none in the standard).

    Examples
    --------
    >>> source_targets(pd.Series(["一级", "二级保护区", "准"])).tolist()
    [2, 3, <NA>]
    """
    levels = pd.Series(zones).astype("string").str.strip().str.removesuffix("区").str.removesuffix("保护")
    return levels.map(TARGET_OF_ZONE).astype("Int8")


def assess_source_water(
    values: LaboratoryValues,
    targets: Any,
    kind: str,
    rounding: str = UNROUNDED,
    apart: Sequence[str] = (),
    evaluation_items: Sequence[str] | None = None,
) -> SourceWaterAttainment:
    """Say of each item and each sample whether it attains its target class.

    Parameters
    ----------
    values : LaboratoryValues
        In the units of the tables.
    targets : Series of 2 and 3
        Target class of each row; where it is missing or another class, the row is not assessed.
    kind : ``river`` or ``lake``
    rounding : ``none`` or ``displayed``
        Table 2 has no decimals: its items are compared as measured.
    apart : items, optional
        Shown item by item, but not counted in the outcome (an office may report TN or coliforms apart).
    evaluation_items : items, optional
        What is to be evaluated; without it every item of the two tables.

    Raises
    ------
    SpecError
        When an item is not of the tables or twice there, targets stand on other rows, or a word is none of its options.
    """
    check_rounding(rounding)
    known = source_water_items(kind)
    every = dict.fromkeys(source_water_items("lake"))
    names = match_items(values.items, every, STANDARD, ALIASES)
    wanted = tuple(known) if evaluation_items is None else _named(evaluation_items, known)
    counted = ~np.isin(wanted, list(_named(apart, every)))
    if not counted.any():
        raise SpecError(f"{STANDARD}: got no item to decide the outcome, expected one or more. Name the items.")
    target = pd.Series(targets)
    if not target.index.equals(values.index):
        raise SpecError(f"{STANDARD}: got targets of other rows, expected one for each row of the values. Align them.")
    classes = pd.to_numeric(target, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    lab = values.of(wanted, names)
    why = lab.screened()
    why[~np.isin(classes, (2, 3))] = Why.NO_TARGET
    limits = _limits(wanted, known, classes)
    rounded = _rounded(lab, known, rounding)
    fails = _fails(lab, rounded, limits, [known[name] for name in wanted], why)
    return _attainment(
        lab, why, fails, counted, _multiples(rounded, limits, fails, known, lab), known, classes, ROUNDINGS[rounding]
    )


def _named(items: Sequence[str], known: Any) -> tuple[str, ...]:
    """Return items by the standard's names, in its order."""
    found = set(match_items(items, known, STANDARD, ALIASES).values())
    return tuple(name for name in known if name in found)


def _limits(wanted: Sequence[str], known: dict[str, ItemLimits], classes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the limit of each row and item: that of its target class."""
    pairs = np.array([known[name].limits[1:3] for name in wanted]).T
    return np.asarray(np.where(classes[:, None] == TARGET_OF_ZONE["一级"], pairs[0], pairs[1]))


def _rounded(lab: LaboratoryValues, known: dict[str, ItemLimits], rounding: str) -> NDArray[np.float64]:
    """Return the values as they are compared."""
    values = lab.numbers.copy()
    for i, name in enumerate(lab.items):
        if rounding == DISPLAYED and known[name].decimals >= 0:
            values[:, i] = round_half_even(values[:, i], known[name].decimals)
    return values


def _fails(
    lab: LaboratoryValues,
    values: NDArray[np.float64],
    limits: NDArray[np.float64],
    items: Sequence[ItemLimits],
    why: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Return what does not attain, and mark what a too high detection limit leaves open."""
    is_min = np.array([item.rule == "min" for item in items])
    low = np.array([item.low[2] if item.low else -np.inf for item in items])
    fails = np.where(is_min, values < limits, (values > limits) | (values < low))
    below = lab.is_below & (why == Why.EVALUATED)
    why[below & (lab.detection_limit > limits)] = Why.LIMIT_TOO_HIGH
    # Oxygen below a detection limit that is not above the limit is certainly too low.
    return np.asarray(np.where(below, is_min, fails) & (why == Why.EVALUATED))


def _multiples(
    values: NDArray[np.float64],
    limits: NDArray[np.float64],
    fails: NDArray[np.bool_],
    known: dict[str, ItemLimits],
    lab: LaboratoryValues,
) -> Any:
    """Return by how many times the limit is exceeded."""
    is_max = np.array([known[name].rule == "max" for name in lab.items])
    return pd.DataFrame(np.where(fails & is_max, (values - limits) / limits, np.nan), lab.index, list(lab.items))


def _attainment(
    lab: LaboratoryValues,
    why: NDArray[np.uint8],
    fails: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    multiples: Any,
    known: dict[str, ItemLimits],
    classes: NDArray[np.float64],
    rounding: Text,
) -> SourceWaterAttainment:
    """Put the items together by sample."""
    assessed = why == Why.EVALUATED
    evaluated = (assessed & counted).sum(axis=1)
    wanted = int(counted.sum())
    outcome = np.select(
        [(fails & counted).any(axis=1), evaluated == wanted, evaluated > 0], [FAILS, ATTAINS, INCOMPLETE], NOT_ASSESSED
    )
    target = pd.array(np.where(np.isin(classes, (2, 3)), classes, np.nan), dtype="Int8")
    rows = pd.DataFrame(
        {
            "outcome": outcome.astype(object),
            "target": target,
            "failing_items": listed(fails & counted, lab.items),
            "items_evaluated": evaluated,
            "items_missing": wanted - evaluated,
            "reason_zh": reasons(why, lab.items, "zh"),
            "reason_en": reasons(why, lab.items, "en"),
        },
        index=lab.index,
    )
    words = np.select([fails, assessed], [FAILS, ATTAINS], NOT_ASSESSED).astype(object)
    certainty = weakest(known[name].confidence for name in lab.items)
    return SourceWaterAttainment(
        rows, pd.DataFrame(words, lab.index, list(lab.items)), multiples, lab.items, certainty, rounding
    )


def share_attaining(attainment: SourceWaterAttainment) -> Share:
    """Return the share of sources that attain, one row a source; incomplete and not assessed ones are left out and listed.

    Raises
    ------
    SpecError
        When a source stands in several rows.
    """
    outcome = attainment.rows["outcome"]
    judged = pd.Series(outcome == ATTAINS, dtype="boolean").where(outcome.isin([ATTAINS, FAILS]))
    return share_of(judged, attainment.certainty)

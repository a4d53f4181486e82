"""The city water quality index CWQI: how far each item lies from class III, summed by section, averaged by city."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note, weakest
from geosys.standards.laboratory import LaboratoryValues, Why, match_items, reasons
from geosys.standards.limits import RIVER, ItemLimits, limits_by_item, surface_water_limits

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

STANDARD = "CWQI 2017"
_III = 2
_NEUTRAL_PH, _PH_SPAN_ABOVE = 7.0, 2.0
ALIASES = {
    "pH值": "pH",
    "DO": "溶解氧",
    "CODMn": "高锰酸盐指数",
    "COD": "化学需氧量",
    "CODCr": "化学需氧量",
    "BOD5": "五日生化需氧量",
    "NH3-N": "氨氮",
    "TP": "总磷",
    "铬(六价)": "六价铬",
    "LAS": "阴离子表面活性剂",
}
NOTES = (
    Note(
        Text(
            "单项指数 C/CIII；溶解氧 CIII/C；pH 小于7为(7−pH)，大于7为(pH−7)/2",
            "C/C_III; DO C_III/C; pH (7-pH) or (pH-7)/2",
        ),
        "second-hand",
    ),
    Note(
        Text(
            "断面指数为单项指数之和，城市指数为断面平均", "a section's index is the sum of its items, a city's the mean"
        ),
        "second-hand",
    ),
    Note(Text("未检出以检出限的一半计", "half the detection limit where not detected"), "unconfirmed"),
    Note(
        Text(
            "项目不全的断面不给指数，不参与平均", "no index for a section that lacks an item; it is left out of means"
        ),
        "our reading",
    ),
)


@dataclass(frozen=True, slots=True)
class WaterIndex:
    """Hold the index of some sections.

    Attributes
    ----------
    rows : DataFrame
        index (missing unless every item was evaluated), sum_of_evaluated, items_evaluated, items_missing,
        non_detects, reason_zh, reason_en.
    item_indices : DataFrame
    """

    rows: Any
    item_indices: Any
    items: tuple[str, ...]
    certainty: str
    notes: tuple[Note, ...] = NOTES
    standard: str = STANDARD


@dataclass(frozen=True, slots=True)
class CityIndex:
    """Hold the mean index of a city's sections, `value` None of none, with the sections counted and left out."""

    value: float | None
    counted: tuple[Hashable, ...]
    left_out: tuple[Hashable, ...]
    certainty: str


def index_items(kind: str) -> dict[str, ItemLimits]:
    """Return the 21 items of the index in a ``river`` or ``lake``.

    Raises
    ------
    SpecError
        When the kind of water is another word.

    Examples
    --------
    >>> len(index_items("river")), len(index_items("lake"))
    (21, 21)
    """
    return {name: limits for name, limits in limits_by_item(kind).items() if limits.is_evaluated}


def water_index(
    values: LaboratoryValues, kind: str = RIVER, evaluation_items: Sequence[str] | None = None
) -> WaterIndex:
    """Return item indices and their sum for each section; a sum over fewer items would look cleaner and is not given.

    Parameters
    ----------
    values : LaboratoryValues
        Mean concentrations in the units of GB 3838 table 1, one row a section.
    kind : ``river`` or ``lake``
    evaluation_items : items, optional
        What is summed; without it the 21 items. Indices over different items cannot be compared.

    Raises
    ------
    SpecError
        When an item is none of the index's, or given twice.

    Source: city surface-water ranking rules of 2017 (standards README 1.2, second-hand).
    """
    known = index_items(kind)
    every = {it.item: None for it in surface_water_limits()}
    names = match_items(values.items, every, STANDARD, ALIASES)
    asked = known if evaluation_items is None else set(match_items(evaluation_items, known, STANDARD, ALIASES).values())
    wanted = tuple(name for name in known if name in asked)
    if not wanted:
        raise SpecError(f"{STANDARD}: got no item, expected one or more. Name the items.")
    lab = values.of(wanted, names)
    why = lab.screened()
    taken = np.where(lab.is_below, lab.detection_limit / 2, lab.numbers)
    indices = np.column_stack([_item_index(known[name], taken[:, i]) for i, name in enumerate(wanted)])
    why[(why == Why.EVALUATED) & ~np.isfinite(indices)] = Why.ZERO
    indices[why != Why.EVALUATED] = np.nan
    evaluated = (why == Why.EVALUATED).sum(axis=1)
    total = np.nansum(indices, axis=1)
    rows = pd.DataFrame(
        {
            "index": np.where(evaluated == len(wanted), total, np.nan),
            "sum_of_evaluated": np.where(evaluated > 0, total, np.nan),
            "items_evaluated": evaluated,
            "items_missing": len(wanted) - evaluated,
            "non_detects": (lab.is_below & (why == Why.EVALUATED)).sum(axis=1),
            "reason_zh": reasons(why, wanted, "zh"),
            "reason_en": reasons(why, wanted, "en"),
        },
        index=lab.index,
    )
    marks = (
        [known[name].confidence for name in wanted]
        + ["second-hand"]
        + ["unconfirmed"] * bool(rows["non_detects"].any())
    )
    return WaterIndex(rows, pd.DataFrame(indices, lab.index, list(wanted)), wanted, weakest(marks))


def _item_index(limits: ItemLimits, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the index of one item."""
    third = limits.limits[_III]
    if limits.rule == "range":
        return np.where(value < _NEUTRAL_PH, _NEUTRAL_PH - value, (value - _NEUTRAL_PH) / _PH_SPAN_ABOVE)
    if limits.rule == "min":
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(third / value)
    return value / third


def city_index(index: WaterIndex, sections: Sequence[Hashable] | None = None) -> CityIndex:
    """Return the mean index of some sections, all when none are named; those without an index are left out and listed.

    Raises
    ------
    SpecError
        When a section stands in several rows, or a name is none of the sections.
    """
    column = index.rows["index"]
    twice = column.index[column.index.duplicated()].unique().tolist()
    names = list(column.index) if sections is None else list(sections)
    unknown = [name for name in names if name not in column.index]
    if twice or unknown or len(set(names)) < len(names):
        raise SpecError(
            f"{STANDARD}: got {twice or unknown or names} as sections, expected each once and each with a row. Mend the list."
        )
    chosen = column.loc[names]
    known = chosen.notna()
    value = float(chosen[known].mean()) if known.any() else None
    return CityIndex(value, tuple(chosen.index[known]), tuple(chosen.index[~known]), index.certainty)

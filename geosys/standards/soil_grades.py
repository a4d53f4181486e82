"""Grade soil samples: below, between or above the screening and control values, with the item that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import weakest
from geosys.standards.laboratory import Why
from geosys.standards.soil_limits import BACKGROUND_ITEMS, CONSTRUCTION, FARMLAND, ph_bands, soil_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from geosys.standards.laboratory import LaboratoryValues
    from geosys.standards.soil_limits import SoilLimits

NOT_ASSESSED, BELOW, BETWEEN, ABOVE = range(4)
WORDS = ("not_assessed", "below", "between", "above")
GRADES = (
    Text("未评价", "not assessed"), Text("不超过筛选值", "not above the screening value"),
    Text("超过筛选值、不超过管制值", "above the screening value, not above the control value"), Text("超过管制值", "above the control value"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SoilGrades:
    """Hold the grades of some samples.

    Attributes
    ----------
    items
        The items given, in the order of the standard: second axis of the arrays.
    item_grades
        Shape (samples, items): 0 not assessed, 1 below, 2 between, 3 above.
    why
        Codes of `laboratory.Why` for cells that say nothing; shape as above.
    lacks_ph, lacks_use
        Cells that have a number, whose limit needs a pH or a use that is not known.
    exempt
        Cells above the screening value within the natural background.
    rows
        One row a sample in the order given: grade (0 to 3), grade_before_exemption, deciding_item, deciding_value_mg_kg,
        screening_mg_kg, control_mg_kg, multiple, items_evaluated, items_missing, items_unjudged.
    """

    kind: str
    items: tuple[str, ...]
    item_grades: NDArray[np.uint8]
    why: NDArray[np.uint8]
    lacks_ph: NDArray[np.bool_]
    lacks_use: NDArray[np.bool_]
    exempt: NDArray[np.bool_]
    rows: Any
    certainty: str

    @property
    def standard(self) -> str:
        """Return the standard's number."""
        return soil_limits(self.kind).standard


def grade_farmland(values: LaboratoryValues, ph: ArrayLike, uses: ArrayLike) -> SoilGrades:
    """Grade farmland samples by GB 15618-2018.

    Parameters
    ----------
    values
        By the standard's item names, totals in mg/kg. Total chromium is 铬; hexavalent chromium is none of the items.
    ph
        pH of each sample; NaN, or not from 0 to 14: not known.
    uses
        Place of each sample's use: 1 paddy, 2 other, 3 orchard, 4 rotation, 0 not known. One or an array.

    Raises
    ------
    SpecError
        When an item is none of the standard, or arrays do not fit.

    Examples
    --------
    >>> from geosys.standards.laboratory import LaboratoryValues
    >>> golden = LaboratoryValues.from_frame(pd.DataFrame({"镉": [0.45, 0.30], "砷": [np.nan, np.nan]}))
    >>> grade_farmland(golden, [6.2, 6.5], 2).rows["grade"].tolist()
    [2, 1]
    """
    limits = soil_limits(FARMLAND)
    size = len(values.index)
    bands = ph_bands(_of_size(ph, size, "ph", np.float64))
    return _grade(values, limits, _places(uses, size, limits), bands.astype(np.intp), {})


def grade_construction(
    values: LaboratoryValues, categories: ArrayLike, background: Mapping[str, float] | None = None
) -> SoilGrades:
    """Grade samples of construction land by GB 36600-2018.

    Parameters
    ----------
    values
        By the standard's item names, in mg/kg. Hexavalent chromium is 铬(六价); total chromium is none of the items.
    categories
        1 or 2 for each sample, 0 where not known. One or an array.
    background
        By 砷, 钴, 钒 the background value of the region's soil in mg/kg.

    Raises
    ------
    SpecError
        When an item is none of the standard, arrays do not fit, or another item is given a background.

    Examples
    --------
    >>> from geosys.standards.laboratory import LaboratoryValues
    >>> golden = LaboratoryValues.from_frame(pd.DataFrame({"苯并[a]芘": [0.8, 0.8], "铅": [100.0, 600.0]}))
    >>> grade_construction(golden, [1, 2]).rows[["grade", "deciding_item"]].values.tolist()
    [[2, '苯并[a]芘'], [1, '铅']]
    """
    limits = soil_limits(CONSTRUCTION)
    size = len(values.index)
    given = dict(background or {})
    wrong = {k: v for k, v in given.items() if k not in BACKGROUND_ITEMS or not 0 < v < np.inf}
    if wrong:
        raise SpecError(f"background: got {wrong}, expected positive mg/kg of some of: {', '.join(BACKGROUND_ITEMS)}.")
    return _grade(values, limits, _places(categories, size, limits), np.zeros(size, dtype=np.intp), given)


def _of_size(values: ArrayLike, size: int, name: str, dtype: Any) -> NDArray[Any]:
    array = np.asarray(values, dtype=dtype)
    if array.shape not in ((), (size,)):
        raise SpecError(f"{name}: got the shape {array.shape}, expected one value or {size}. Align the samples.")
    return np.broadcast_to(array, (size,))


def _places(uses: ArrayLike, size: int, limits: SoilLimits) -> NDArray[np.intp]:
    array = np.asarray(uses)
    if array.dtype.kind not in "iu" or (array.size and not np.isin(array, range(len(limits.uses) + 1)).all()):
        raise SpecError(
            f"uses: got {array.dtype} {np.unique(array.astype(str))[:5].tolist()}, expected 0 or 1 to {len(limits.uses)} for {limits.uses}."
        )
    return _of_size(array, size, "uses", np.intp)


@dataclass(slots=True)
class _Deciding:
    """Hold the deciding item of each sample while the items go by."""

    grade: NDArray[np.uint8]
    item: NDArray[np.int16]
    ratio: NDArray[np.float64]
    value: NDArray[np.float64]
    screening: NDArray[np.float64]
    control: NDArray[np.float64]

    @classmethod
    def of_size(cls, size: int) -> _Deciding:
        """Return what nobody has decided yet."""
        empty = [np.full(size, np.nan) for _ in range(4)]
        return cls(np.zeros(size, dtype=np.uint8), np.full(size, -1, dtype=np.int16), *empty)

    def see(
        self, i: int, grade: NDArray[np.uint8], value: NDArray[np.float64], screening: NDArray[np.float64],
        control: NDArray[np.float64],
    ) -> None:  # fmt: skip
        """Take an item where it is worse than those before, or as bad and further above its limit."""
        limit = np.where(grade == ABOVE, control, screening)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = value / limit
        takes = (grade > self.grade) | ((grade == self.grade) & (grade > 0) & (ratio > self.ratio))
        takes &= np.isfinite(value)
        for mine, new in (
            (self.grade, grade),
            (self.ratio, ratio),
            (self.value, value),
            (self.screening, screening),
            (self.control, control),
        ):
            np.copyto(mine, new, where=takes)
        self.item[takes] = i


def _grade(
    values: LaboratoryValues, limits: SoilLimits, uses: NDArray[np.intp], bands: NDArray[np.intp],
    background: Mapping[str, float],
) -> SoilGrades:  # fmt: skip
    unknown = [item for item in values.items if item not in limits.items]
    if unknown or not values.items:
        raise SpecError(
            f"{limits.standard}: got the items {unknown or 'none'}, expected some of: {', '.join(limits.items)}."
        )
    items = tuple(item for item in limits.items if item in values.items)
    place = [values.items.index(item) for item in items]
    why = values.screened()[:, place]
    shape = why.shape
    grades = np.zeros(shape, dtype=np.uint8)
    lacks_ph, lacks_use, exempt = (np.zeros(shape, dtype=bool) for _ in range(3))
    deciding = _Deciding.of_size(shape[0])
    for i, item in enumerate(items):
        at = limits.items.index(item)
        screening, control = limits.screening[at][uses, bands], limits.control[at][uses, bands]
        value, is_below = values.numbers[:, place[i]], values.is_below[:, place[i]]
        ok = why[:, i] == Why.EVALUATED
        found = _of_numbers(value, screening, control, ok & ~is_below)
        natural = (found == BETWEEN) & (value <= background.get(item, -1.0))
        found[natural] = BELOW
        exempt[:, i] = natural
        undetected = ok & is_below
        limit = values.detection_limit[:, place[i]]
        found[undetected & (limit <= screening)] = BELOW
        why[undetected & (limit > screening), i] = Why.LIMIT_TOO_HIGH
        open_ = ok & (found == 0) & (why[:, i] == Why.EVALUATED)
        lacks_use[:, i] = open_ & (uses == 0)
        lacks_ph[:, i] = open_ & (bands == 0) & limits.needs_ph
        grades[:, i] = found
        deciding.see(i, np.where(natural, 0, found).astype(np.uint8), value, screening, control)
    rows = _rows(values, limits, items, grades, why, exempt, deciding)
    certainty = weakest(limits.certainty[limits.items.index(item)] for item in items)
    return SoilGrades(limits.kind, items, grades, why, lacks_ph, lacks_use, exempt, rows, certainty)


def _of_numbers(
    value: NDArray[np.float64], screening: NDArray[np.float64], control: NDArray[np.float64], ok: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the grades of numbers; 0 where the limits are not known and the number is not above every one of them."""
    with np.errstate(invalid="ignore"):
        is_above = value > control
        found = (1 + (value > screening).astype(np.uint8)).astype(np.uint8)
    found[np.isnan(screening) | (np.isnan(control) & (found == BETWEEN))] = 0
    found[is_above] = ABOVE
    found[~ok] = 0
    return found


def _rows(
    values: LaboratoryValues, limits: SoilLimits, items: tuple[str, ...], grades: NDArray[np.uint8],
    why: NDArray[np.uint8], exempt: NDArray[np.bool_], deciding: _Deciding,
) -> Any:  # fmt: skip
    """Put the items together by sample."""
    worst = grades.max(axis=1)
    evaluated = (grades > 0).sum(axis=1)
    unjudged = len(items) - evaluated - (why == Why.MISSING).sum(axis=1)
    expected = len(items) + sum(b and item not in items for item, b in zip(limits.items, limits.is_basic, strict=True))
    with_exempt = np.where(exempt.any(axis=1), np.maximum(worst, BETWEEN), worst)
    names = np.array([*items, ""], dtype=object)
    grade = np.where((worst == BELOW) & (unjudged > 0), 0, worst).astype(np.uint8)
    deciding.item[grade == NOT_ASSESSED] = -1
    decides, exceeds = deciding.item >= 0, deciding.grade >= BETWEEN
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = (deciding.value - deciding.screening) / deciding.screening
    return pd.DataFrame(
        {
            "grade": grade,
            "grade_before_exemption": np.where((with_exempt == BELOW) & (unjudged > 0), 0, with_exempt).astype(np.uint8),
            "deciding_item": names[deciding.item],
            "deciding_value_mg_kg": np.where(decides, deciding.value, np.nan),
            "screening_mg_kg": np.where(decides, deciding.screening, np.nan),
            "control_mg_kg": np.where(decides & np.isfinite(deciding.control), deciding.control, np.nan),
            "multiple": np.where(exceeds, multiple, np.nan),
            "items_evaluated": evaluated,
            "items_missing": expected - evaluated,
            "items_unjudged": unjudged,
        },
        index=values.index,
    )  # fmt: skip

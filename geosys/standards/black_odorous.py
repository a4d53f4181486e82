"""Black-odorous water, sample by sample: light and heavy (urban), black-odorous or not (rural)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import Note, read_table, weakest
from geosys.standards.laboratory import LaboratoryValues, Why, listed, match_items, numbers_of, reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

URBAN, RURAL = "urban", "rural"
SCHEMES = {URBAN: "城市", RURAL: "农村"}
TRANSPARENCY, OXYGEN, POTENTIAL, AMMONIA = "透明度", "溶解氧", "氧化还原电位", "氨氮"
CURRENT_ITEMS = (TRANSPARENCY, OXYGEN, AMMONIA)  # what checks after 2020 use
NONE, LIGHT, HEAVY = 0, 1, 2
LEVELS = {NONE: Text("非黑臭", "not black-odorous"), LIGHT: Text("轻度黑臭", "light"), HEAVY: Text("重度黑臭", "heavy")}
RURAL_LEVELS = {NONE: Text("非黑臭", "not black-odorous"), LIGHT: Text("黑臭", "black-odorous")}
ALIASES = {"SD": TRANSPARENCY, "DO": OXYGEN, "ORP": POTENTIAL, "NH3-N": AMMONIA}
_SHALLOW_CM = 25.0
NOTES = (
    Note(Text("水深不足25 cm时以水深的40%为透明度限值；城市低于此值为重度", "below 25 cm of depth the transparency limit is "
         "40 % of the depth; in the urban scheme less than that is heavy"), "our reading"),
    Note(Text("未给水深时按水深不小于25 cm评价", "without a depth, limits for 25 cm and more"), "our reading"),
    Note(Text("点位无一数据达轻度为非黑臭；项目不全则不定级", "a point without any light value is none; not where items are missing"),
         "our reading"),
    Note(Text("监测少于3次或点位少于3个为暂定", "provisional with fewer than 3 samplings or 3 points"), "our reading"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Threshold:
    """Hold when an item is light and heavy; `light_holds` tells whether the first limit itself is already light."""

    item: str
    is_low_bad: bool
    light: float
    heavy: float | None
    light_holds: bool
    certainty: str


@dataclass(frozen=True, slots=True)
class BlackOdorous:
    """Hold levels of samples, points or waters: `rows` with counts and reasons, `item_levels` where there are items."""

    rows: Any
    item_levels: Any
    certainty: str
    scheme: str
    notes: tuple[Note, ...] = NOTES
    source: str = ""


@cache
def thresholds(scheme: str) -> dict[str, Threshold]:
    """Return the thresholds of the urban or rural scheme by item.

    Source: urban guide 2015 and rural guide 2024, as in ``tables/black_odorous.csv`` with its marks of certainty.

    Raises
    ------
    SpecError
        When the scheme is neither ``urban`` nor ``rural``.
    """
    if scheme not in SCHEMES:
        raise SpecError(f"black-odorous: got the scheme '{scheme}', expected one of {list(SCHEMES)}. Name one of them.")
    rows = read_table("black_odorous.csv", ("scheme", "indicator", "light", "heavy"))
    mine = [row for row in rows if row["scheme"].startswith(SCHEMES[scheme]) and row["light"]]
    return {row["indicator"]: _threshold(row) for row in mine}


def _threshold(row: dict[str, str]) -> Threshold:
    """Return one row of the table: two ends of light and the side of heavy, or one limit."""
    item, mark = row["indicator"], row["confidence"]
    if not row["heavy"]:
        return Threshold(item, row["light"][0] == "<", float(row["light"][1:]), None, False, mark)
    found = re.fullmatch(r"(-?[\d.]+)~(-?[\d.]+)", row["light"])
    if not found:
        raise SpecError(
            f"black_odorous.csv, {item}: got light '{row['light']}', expected two ends as 25~10. Mend the table."
        )
    ends = sorted(float(end) for end in found.groups())
    is_low_bad = row["heavy"][0] == "<"
    light, heavy = (ends[1], ends[0]) if is_low_bad else (ends[0], ends[1])
    return Threshold(item, is_low_bad, light, heavy, True, mark)


def grade_samples(
    values: LaboratoryValues, scheme: str, depth_cm: Any = None, evaluation_items: Sequence[str] | None = None
) -> BlackOdorous:
    """Grade each sample by its worst item.

    Parameters
    ----------
    values : LaboratoryValues
        透明度 cm, 溶解氧 mg/L, 氧化还原电位 mV, 氨氮 mg/L.
    scheme : ``urban`` or ``rural``
    depth_cm : Series, optional
        Depth of the water in cm, on the same rows.
    evaluation_items : items, optional
        Without it all of the scheme; `CURRENT_ITEMS` are the three that checks use today.

    Returns
    -------
    BlackOdorous
        rows: level (0 none, 1 light or rural black-odorous, 2 heavy), deciding_items, is_shallow, items_evaluated,
        items_missing, reason_zh, reason_en. No level 0 where an item is missing: it might be the bad one.

    Raises
    ------
    SpecError
        When scheme or item is unknown, or depths stand on other rows.
    """
    known = thresholds(scheme)
    every = dict.fromkeys((*thresholds(URBAN), *known))
    names = match_items(values.items, every, "black-odorous", ALIASES)
    chosen = (
        set(known) if evaluation_items is None else set(match_items(evaluation_items, known, scheme, ALIASES).values())
    )
    wanted = tuple(name for name in known if name in chosen)
    if not wanted:
        raise SpecError("black-odorous: got no evaluation item, expected one or more. Name the items.")
    lab = values.of(wanted, names)
    why = lab.screened(signed=(POTENTIAL,), never_below=(TRANSPARENCY, POTENTIAL))
    depth = _depth(depth_cm, lab)
    levels = np.full(lab.numbers.shape, -1, dtype=np.int8)
    for i, name in enumerate(wanted):
        _grade_item(known[name], lab, i, depth, levels, why)
    return _graded(
        lab, levels, why, (depth > 0) & (depth < _SHALLOW_CM), weakest(known[name].certainty for name in wanted), scheme
    )


def _depth(depth_cm: Any, lab: LaboratoryValues) -> NDArray[np.float64]:
    """Return the depths, NaN where not given and negative where the cell holds no number."""
    if depth_cm is None:
        return np.full(len(lab.index), np.nan)
    depth = pd.Series(depth_cm)
    if not depth.index.equals(lab.index):
        raise SpecError("black-odorous: got depths of other rows, expected one for each row of the values. Align them.")
    numbers, is_refused = numbers_of(depth)
    return np.where(is_refused, -1.0, numbers)


def _grade_item(
    threshold: Threshold,
    lab: LaboratoryValues,
    i: int,
    depth: NDArray[np.float64],
    levels: NDArray[np.int8],
    why: NDArray[np.uint8],
) -> None:
    """Write the levels of one item into its column, and why a cell has none."""
    value, limit = lab.numbers[:, i], lab.detection_limit[:, i]
    never = -np.inf if threshold.is_low_bad else np.inf
    light = np.full(len(value), threshold.light)
    heavy = np.full(len(value), never if threshold.heavy is None else threshold.heavy)
    if threshold.item == TRANSPARENCY:
        why[(why[:, i] == Why.EVALUATED) & ((depth <= 0) | (value > depth)), i] = Why.BAD_DEPTH
        shallow = depth < _SHALLOW_CM
        light = np.where(shallow, depth * 2 / 5, light)
        heavy = np.where(shallow, depth * 2 / 5, heavy) if threshold.heavy is not None else heavy
    sign = -1.0 if threshold.is_low_bad else 1.0
    past = sign * value >= sign * light if threshold.light_holds else sign * value > sign * light
    found = past.astype(np.int8) + (sign * value > sign * heavy)
    levels[:, i] = found
    below = lab.is_below[:, i] & (why[:, i] == Why.EVALUATED)
    if threshold.is_low_bad:  # below the limit is known to be bad only where the limit is not above the worst threshold
        worst = threshold.light if threshold.heavy is None else threshold.heavy
        is_open, known_level = limit > worst, LIGHT if threshold.heavy is None else HEAVY
    else:
        is_open, known_level = limit > threshold.light, NONE
    levels[below, i] = known_level
    why[below & is_open, i] = Why.LIMIT_TOO_HIGH
    levels[why[:, i] != Why.EVALUATED, i] = -1


def _graded(
    lab: LaboratoryValues,
    levels: NDArray[np.int8],
    why: NDArray[np.uint8],
    shallow: NDArray[np.bool_],
    certainty: str,
    scheme: str,
) -> BlackOdorous:
    """Put the items of a sample together."""
    evaluated = (levels >= 0).sum(axis=1)
    worst = levels.max(axis=1)
    worst = np.where((worst == NONE) & (evaluated < len(lab.items)), -1, worst)
    rows = pd.DataFrame(
        {
            "level": level_array(worst),
            "deciding_items": listed((levels == worst[:, None]) & (levels > NONE), lab.items),
            "is_shallow": shallow,
            "items_evaluated": evaluated,
            "items_missing": len(lab.items) - evaluated,
            "reason_zh": reasons(why, lab.items, "zh"),
            "reason_en": reasons(why, lab.items, "en"),
        },
        index=lab.index,
    )
    item_levels = pd.DataFrame({name: level_array(levels[:, i]) for i, name in enumerate(lab.items)}, index=lab.index)
    return BlackOdorous(rows, item_levels, certainty, scheme)


def level_array(numbers: Any) -> Any:
    """Return levels as a nullable array, missing where there is none."""
    array = np.asarray(numbers)
    return pd.arrays.IntegerArray(array.astype(np.int8), array < 0)

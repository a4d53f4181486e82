"""The rows of a graded table: the sender's columns, ours beside them, and where the classes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.cli.measured_results import input_columns, listed_with_multiples, origin, reason_columns
from geosys.standards.exceedance import exceedance, main_pollutants
from geosys.standards.limits import NAMES, STANDARD, surface_water_limits
from geosys.standards.rounding import ROUNDINGS, UNROUNDED
from geosys.standards.surface_water import APART, REFERENCE_CLASS
from geosys.standards.water_grades import GRADES, grade_sources, section_grade
from geosys.standards.water_items import ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.cli.measured_cells import MeasuredTable
    from geosys.standards.surface_water import Grading

_OURS = (
    "class", "grade", "deciding_items", "main_pollutants", "exceeds", "exceeds_target", "attains", "items_evaluated", "items_missing",
    "basis", "reasons", "reasons_en",
)  # fmt: skip


def tell_unjudged(
    read: MeasuredTable, graded: Grading, kinds: NDArray[np.int8], targets: NDArray[np.int64] | None
) -> None:
    """Add the reasons that only grading shows: limits of detection too high, and rows without a class."""
    for item, below in read.below.items():
        if item not in graded.items:
            continue
        for row in np.flatnonzero(below & (graded.class_of(item) == 0) & (kinds > 0) & np.isfinite(read.numbers[item])):
            read.reasons[row].append(
                Text(
                    f"{ITEMS[item].zh}：未检出，但检出限高于限值，无法判定",
                    f"{ITEMS[item].en}: not detected, but the detection limit is above the limits",
                )
            )
    for row in np.flatnonzero(graded.section_class == 0):
        read.reasons[row].append(Text("无参评项目，未定类", "no item to judge by: no class"))
    if targets is None:
        return
    for row in np.flatnonzero((targets > 0) & (graded.section_class > 0) & (graded.missing > 0)):
        of = f"{graded.evaluated[row]}/{len(graded.deciding)}"
        read.reasons[row].append(
            Text(
                f"达标判断仅依据 {of} 项（目标{NAMES[targets[row]]}类）",
                f"attainment rests on {of} items only",
            )
        )


def result_table(
    read: MeasuredTable, graded: Grading, kinds: NDArray[np.int8], targets: NDArray[np.int64] | None
) -> pd.DataFrame:
    """Return the sender's columns as they came, and beside them class, grade, what exceeds, and the reasons.

    Parameters
    ----------
    kinds
        Kind of water of each row, 0 where not told.
    targets
        Target class of each row, 0 where there is none; None where none was asked for.
    """
    ours = {*_OURS, *(f"class_{item}" for item in read.numbers)}
    return pd.DataFrame(input_columns(read, ours) | _results(read, graded, kinds, targets))


def _results(
    read: MeasuredTable, graded: Grading, kinds: NDArray[np.int8], targets: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Return our columns, empty where there is nothing to say."""
    deciding = [item for item in graded.items if item in graded.deciding]
    names = np.array([ITEMS[item].zh for item in deciding], dtype=object)
    empty = np.zeros((0, read.size), dtype=np.uint8)
    classes = np.array([graded.class_of(item) for item in deciding], dtype=np.uint8) if deciding else empty

    def exceeding(reference: Any) -> NDArray[np.object_]:
        times = _times(read, deciding, kinds, reference, graded.rounding)
        return listed_with_multiples(names, (classes > reference) & (np.asarray(reference) > 0), times)

    times = _times(read, deciding, kinds, REFERENCE_CLASS, graded.rounding)
    main = main_pollutants(classes, times, deciding)
    section = graded.section_class
    found: dict[str, Any] = {
        "class": _whole(section),
        **{f"class_{item}": _whole(graded.class_of(item)) for item in graded.items},
        "grade": [GRADES[g].zh for g in section_grade(section)],
        "deciding_items": listed_with_multiples(names, (classes == section) & (section > 0)),
        "main_pollutants": ["、".join(names[i] for i in row if i >= 0) for row in main],
        "exceeds": exceeding(REFERENCE_CLASS),
    }
    if targets is not None:
        known = (section > 0) & (targets > 0)
        found["exceeds_target"] = exceeding(targets)
        attains = np.full(read.size, None, dtype=object)
        attains[known] = section[known] <= targets[known]
        found["attains"] = attains
    return (
        found
        | {
            "items_evaluated": graded.evaluated,
            "items_missing": graded.missing,
            "basis": f"{STANDARD}; rounding={graded.rounding}",
        }
        | reason_columns(read)
    )


def _times(
    read: MeasuredTable, items: Sequence[str], kinds: NDArray[np.int8], reference: Any, rounding: str
) -> NDArray[np.float64]:
    """Return how many times each item exceeds; none for what was not detected."""
    rows = []
    for item in items:
        times = exceedance(read.numbers[item], item, kinds, reference, rounding)
        rows.append(np.where(read.below[item], np.nan, times) if item in read.below else times)
    return np.array(rows) if rows else np.zeros((0, read.size))


def _whole(classes: NDArray[np.uint8]) -> pd.Series:
    """Return classes as whole numbers, empty where there is none."""
    return pd.Series(classes.astype(np.int64)).astype("Int64").mask(classes == 0)


def provenance(read: MeasuredTable, graded: Grading, file: Path) -> dict[str, Any]:
    """Return where the classes come from and what they amount to."""
    rule = ROUNDINGS[graded.rounding]
    return origin(read, file) | {
        "graded": int((graded.section_class > 0).sum()), "without_class": int((graded.section_class == 0).sum()),
        "classes": {NAMES[i]: int((graded.section_class == i).sum()) for i in range(1, len(NAMES))},
        "standard": f"{STANDARD} table 1",
        "certainty": {
            "limits": sorted({it.confidence for it in surface_water_limits()}), "method": grade_sources()["section"][1],
            "rounding": "second-hand" if graded.rounding != UNROUNDED else "confirmed", "saturation": "unconfirmed",
        },
        "rounding": graded.rounding, "rounding_rule": {"zh": rule.zh, "en": rule.en},
        "saturation_used": graded.uses_saturation,
        "items": {
            item: {"column": c.header, "unit": c.unit, "factor": c.factor, "decides": item in graded.deciding}
            for item, c in read.used.items()
        },
        "apart": [item for item in graded.items if item in APART and item not in graded.deciding],
        "items_without_column": [ITEMS[item].zh for item in graded.deciding if item not in graded.items],
    }  # fmt: skip

"""The rows of a graded soil table: the sender's columns, ours beside them, the units, and where the grades come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.cli.measured_results import (
    input_columns,
    listed_with_multiples,
    origin,
    reason_columns,
)
from geosys.cli.soil_cells import ph_values
from geosys.standards.laboratory import Why
from geosys.standards.rounding import ROUNDINGS, UNROUNDED
from geosys.standards.soil_grades import ABOVE, BETWEEN, GRADES, WORDS
from geosys.standards.soil_items import PH, soil_items
from geosys.standards.soil_limits import ph_bands, soil_limits
from geosys.standards.soil_reasons import joined, notes_of, soil_reasons
from geosys.standards.soil_units import unit_grades

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.cli.measured_cells import MeasuredTable
    from geosys.standards.soil_grades import SoilGrades

_OURS = (
    "grade", "grade_zh", "grade_before_exemption", "deciding_item", "deciding_value_mg_kg", "screening_mg_kg", "control_mg_kg",
    "multiple", "exceeds", "above_control", "items_evaluated", "items_missing", "items_unjudged", "basis", "reasons", "reasons_en",
)  # fmt: skip
_DIGITS = 9  # (0.45 - 0.3) / 0.3 is 0.5000000000000001 in binary
_TOLD = (Why.NOT_A_NUMBER, Why.LIMIT_UNSTATED, Why.NEGATIVE)  # the reading tells of these with the cell's own text


def result_table(read: MeasuredTable, graded: SoilGrades, uses: NDArray[np.int8], *, has_background: bool) -> Any:
    """Return the sender's columns as they came, and beside them grade, deciding item, multiples and reasons.

    Parameters
    ----------
    uses
        Place of each sample's use in the limits.
    has_background
        Whether a natural background was given: the grade without it is then shown, too.
    """
    ids = [f"grade_{soil_items(graded.kind)[item].id}" for item in graded.items]
    rows = graded.rows
    words, chinese = np.array(WORDS, dtype=object), np.array([text.zh for text in GRADES], dtype=object)
    grade = rows["grade"].to_numpy()
    found = {"grade": words[grade], "grade_zh": chinese[grade]}
    if has_background:
        found["grade_before_exemption"] = words[rows["grade_before_exemption"].to_numpy()]
    found |= {
        name: rows[name].to_numpy() for name in _OURS if name in rows and name not in found and "grade" not in name
    }
    found["multiple"] = np.round(found["multiple"], _DIGITS)
    found |= _exceeding(read, graded, uses)
    found |= {name: words[graded.item_grades[:, i]] for i, name in enumerate(ids)}
    found["basis"] = np.full(read.size, graded.standard, dtype=object)
    told = reason_columns(read)
    for name, language in (("reasons", "zh"), ("reasons_en", "en")):
        from_cells = np.array([*told[name], None], dtype=object)[:-1]
        found[name] = joined([from_cells, soil_reasons(graded, language, without=_TOLD)], language)
    return pd.DataFrame(input_columns(read, {*_OURS, *ids}) | found)


def _exceeding(read: MeasuredTable, graded: SoilGrades, uses: NDArray[np.int8]) -> dict[str, Any]:
    """Return the items above the screening value with their multiples of it, and those above the control value."""
    limits = soil_limits(graded.kind)
    bands = ph_bands(ph_values(read)) if limits.needs_ph else np.zeros(read.size, dtype=np.int8)
    names = np.array(graded.items, dtype=object)
    times = np.full((len(names), read.size), np.nan)
    for i, item in enumerate(graded.items):
        over = graded.item_grades[:, i] >= BETWEEN
        limit = limits.screening[limits.items.index(item)][uses[over], bands[over]]
        times[i, over] = (read.numbers[item][over] - limit) / limit
    grades = graded.item_grades.T
    return {
        "exceeds": listed_with_multiples(names, grades >= BETWEEN, times),
        "above_control": listed_with_multiples(names, grades == ABOVE),
    }


def unit_table(graded: SoilGrades, units: NDArray[np.object_], depths: NDArray[np.float64]) -> Any:
    """Return one row a unit with its grade in words; `deciding_record` counts the rows of the table from 1."""
    found = unit_grades(graded, units, depths)
    grade = found["grade"].to_numpy()
    found["grade"] = np.array(WORDS, dtype=object)[grade]
    found.insert(2, "grade_zh", np.array([text.zh for text in GRADES], dtype=object)[grade])
    found["multiple"] = found["multiple"].round(_DIGITS)
    record = found.pop("deciding_sample").astype("Int64") + 1
    found.insert(found.columns.get_loc("multiple") + 1, "deciding_record", record)
    return found


def provenance(
    read: MeasuredTable, graded: SoilGrades, file: Path, land_use: str, background: Mapping[str, float]
) -> dict[str, Any]:
    """Return where the grades come from and what they amount to."""
    limits = soil_limits(graded.kind)
    grade = graded.rows["grade"].to_numpy()
    rule = ROUNDINGS[UNROUNDED]
    absent = [
        item for item, basic in zip(limits.items, limits.is_basic, strict=True) if basic and item not in graded.items
    ]
    return origin(read, file) | {
        "graded": int((grade > 0).sum()), "not_assessed": int((grade == 0).sum()),
        "grades": {word: int((grade == i).sum()) for i, word in enumerate(WORDS)},
        "standard": graded.standard, "land_use": land_use, "background_mg_kg": dict(background),
        "certainty": {"limits": graded.certainty},
        "rules": [{"zh": n.text.zh, "en": n.text.en, "certainty": n.certainty} for n in notes_of(graded.kind)],
        "rounding_rule": {"zh": rule.zh, "en": rule.en},
        "items": {name: {"column": c.header, "unit": c.unit, "factor": c.factor} for name, c in read.used.items()},
        "ph_column": PH in read.used, "basic_items_without_column": absent,
    }  # fmt: skip


def summary(told: dict[str, Any], paths: list[Path]) -> str:
    """Return what people read."""
    absent = told["basic_items_without_column"]
    names = dict(zip(WORDS, GRADES, strict=True))
    lines = [
        "等级 Grades: "
        + ", ".join(f"{names[word].zh} {word} {count}" for word, count in told["grades"].items() if count),
        f"评价 graded: {told['graded']} / {told['rows']}，未评价 not assessed: {told['not_assessed']}",
        f"{told['standard']}；用地 land use: {told['land_use']}；{told['rounding_rule']['zh']} {told['rounding_rule']['en']}",
        *(f"无此列 basic items without a column ({len(absent)}): {'、'.join(absent)}" for _ in absent[:1]),
        *(f"{note['zh']} {note['en']}" for note in told["notes"]),
        *(f"out: {path.resolve()}" for path in paths),
    ]
    return "\n".join(lines)

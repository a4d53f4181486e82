"""Put soil samples together by plot or unit: how many exceed, which item decides, by how much and how deep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys.standards.soil_grades import ABOVE, BELOW, BETWEEN, NOT_ASSESSED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.standards.soil_grades import SoilGrades

_DEPTH = re.compile(r"(?:(\d+(?:\.\d+)?)\s*(?:-|~|～|—|–|至)\s*)?(\d+(?:\.\d+)?)\s*(c?m|厘米|米)?", re.IGNORECASE)
_PER_M = 100.0


def unit_grades(grades: SoilGrades, units: Any, depth_cm: Any = None) -> Any:
    """Return one row a unit, in the order in which they first appear.

    Parameters
    ----------
    grades
        Of the samples.
    units : Series or array
        The unit of each sample; samples without one are left out.
    depth_cm : Series or array of float, optional
        Lower end of each sample's depth; NaN where not known.

    Returns
    -------
    DataFrame with unit, grade (the worst; 0 where no sample was assessed, or where all assessed are below and some are
    not), samples, samples_below, samples_between, samples_above, samples_not_assessed, deciding_item, multiple,
    deciding_sample, deciding_depth_cm, deepest_exceeding_cm, exceeding_items.

    Raises
    ------
    SpecError
        When units or depths do not stand on the samples.
    """
    size = len(grades.rows)
    keys = pd.Series(np.asarray(units, dtype=object))
    depths = np.full(size, np.nan) if depth_cm is None else np.asarray(depth_cm, dtype=np.float64)
    if len(keys) != size or depths.shape != (size,):
        raise SpecError(f"units: got {len(keys)} units and {len(depths)} depths, expected {size}, one a sample.")
    codes, names = pd.factorize(keys)
    grade = grades.rows["grade"].to_numpy()
    counts = np.zeros((len(names), 4), dtype=np.int64)
    has_unit = codes >= 0
    np.add.at(counts, (codes[has_unit], grade[has_unit]), 1)
    worst = _worst(counts)
    at = _deciding_rows(grades, codes, len(names))
    deepest = _deepest(codes, depths, grade >= BETWEEN, len(names))
    rows, shown = grades.rows.iloc[at], worst > NOT_ASSESSED
    return pd.DataFrame(
        {
            "unit": names,
            "grade": worst,
            "samples": counts.sum(axis=1),
            "samples_below": counts[:, BELOW],
            "samples_between": counts[:, BETWEEN],
            "samples_above": counts[:, ABOVE],
            "samples_not_assessed": counts[:, NOT_ASSESSED],
            "deciding_item": np.where(shown, rows["deciding_item"].to_numpy(), ""),
            "multiple": np.where(shown, rows["multiple"].to_numpy(), np.nan),
            "deciding_sample": np.where(shown, rows.index.to_numpy(dtype=object), None),
            "deciding_depth_cm": np.where(shown, depths[at], np.nan),
            "deepest_exceeding_cm": deepest,
            "exceeding_items": _exceeding(grades, codes, len(names)),
        }
    )


def _worst(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the worst grade of each unit; none where all that were assessed are below and some were not assessed."""
    worst = np.select([counts[:, ABOVE] > 0, counts[:, BETWEEN] > 0, counts[:, BELOW] > 0], [ABOVE, BETWEEN, BELOW], 0)
    worst[(worst == BELOW) & (counts[:, NOT_ASSESSED] > 0)] = NOT_ASSESSED
    return worst.astype(np.uint8)


def _deciding_rows(grades: SoilGrades, codes: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return the sample that decides each unit: the worst grade, then the furthest above its limit, then the first."""
    rows = grades.rows
    grade = rows["grade"].to_numpy()
    limit = np.where(grade == ABOVE, rows["control_mg_kg"].to_numpy(), rows["screening_mg_kg"].to_numpy())
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(rows["deciding_value_mg_kg"].to_numpy() / limit, nan=-1.0)
    order = np.lexsort((np.arange(len(grade)), -ratio, -grade.astype(np.int64), codes))
    order = order[codes[order] >= 0]
    _, first = np.unique(codes[order], return_index=True)
    found: NDArray[np.intp] = order[first]
    return found if len(found) == size else np.zeros(size, dtype=np.intp)


def _deepest(
    codes: NDArray[np.intp], depths: NDArray[np.float64], exceeds: NDArray[np.bool_], size: int
) -> NDArray[np.float64]:
    """Return the greatest depth of an exceeding sample; none where the depth of one is not known."""
    found = np.full(size, -np.inf)
    some = exceeds & (codes >= 0)
    np.maximum.at(found, codes[some], np.where(np.isnan(depths[some]), np.inf, depths[some]))
    return np.where(np.isfinite(found), found, np.nan)


def _exceeding(grades: SoilGrades, codes: NDArray[np.intp], size: int) -> NDArray[np.object_]:
    """Return of each unit its exceeding items with the number of exceeding and assessed samples, as 镉 3/10."""
    texts = np.full(size, "", dtype=object)
    has_unit = codes >= 0
    for i, item in enumerate(grades.items):
        found = grades.item_grades[has_unit, i]
        over = np.bincount(codes[has_unit], weights=(found >= BETWEEN), minlength=size).astype(np.int64)
        assessed = np.bincount(codes[has_unit], weights=(found > 0), minlength=size).astype(np.int64)
        for unit in np.flatnonzero(over):
            texts[unit] += ("、" if texts[unit] else "") + f"{item} {over[unit]}/{assessed[unit]}"
    return texts


def depth_cm(cell: object, unit: str = "") -> float:
    """Return the lower end of a depth in centimetres; NaN where the cell or its unit does not tell.

    Parameters
    ----------
    cell
        A number, a range as ``0-20`` or either with its unit.
    unit
        ``cm`` or ``m`` of the header, where the cell has none.

    Examples
    --------
    >>> depth_cm("0-20", "cm"), depth_cm("0.5~1.5m"), depth_cm(3, "m"), depth_cm("表层", "cm"), depth_cm("20")
    (20.0, 150.0, 300.0, nan, nan)
    """
    found = _DEPTH.fullmatch("".join(str(cell).split()))
    stated = (found[3] or unit).lower() if found else ""
    if not found or stated not in ("cm", "厘米", "m", "米"):
        return np.nan
    low, high = float(found[1] or 0), float(found[2])
    return (high if stated in ("cm", "厘米") else high * _PER_M) if low <= high else np.nan

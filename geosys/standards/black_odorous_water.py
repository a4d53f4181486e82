"""Black-odorous water, urban scheme: points from their samplings, and the water body from its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys.standards.black_odorous import HEAVY, LIGHT, NONE, URBAN, BlackOdorous, level_array
from geosys.standards.certainty import weakest

_MANY, _SOME, _WHOLE = (6, 10), (3, 10), (6, 10)  # 60 % of one item, 30 % of two items, 60 % of the points
_SAMPLINGS, _POINTS, _RUN, _ITEMS = 3, 3, 3, 2


def grade_points(samples: BlackOdorous, points: Any) -> BlackOdorous:
    """Grade the points of the urban scheme from the levels of their samplings.

    A point is heavy when one item has 60 % or more heavy values, or two items 30 % or more; else light when any value is.

    Parameters
    ----------
    samples : BlackOdorous of the urban scheme
    points : Series, on the same rows: which point each sample was taken at; the order of first appearance is kept

    Returns
    -------
    BlackOdorous
        rows by point: level, samplings, items_evaluated, items_missing, is_provisional (fewer than 3 samplings).
        item_levels by point holds the share of heavy values of each item.

    Raises
    ------
    SpecError
        When the samples are of the rural scheme, a sample has no point, or points stand on other rows.
    """
    point = pd.Series(points)
    if samples.scheme != URBAN or not point.index.equals(samples.rows.index) or point.isna().any():
        raise SpecError(
            "black-odorous points: got rural samples, other rows or a sample without a point, "
            "expected urban samples with a point each. Align the points."
        )
    by_point = samples.item_levels.groupby(point.to_numpy(), sort=False)
    counts = by_point.count().astype(np.int64)
    heavy = (
        (samples.item_levels == HEAVY).fillna(value=False).groupby(point.to_numpy(), sort=False).sum().astype(np.int64)
    )
    any_light = (samples.item_levels >= LIGHT).fillna(value=False).groupby(point.to_numpy(), sort=False).sum().sum(
        axis=1
    ) > 0
    is_heavy = _reaches(heavy, counts, _MANY).any(axis=1) | (_reaches(heavy, counts, _SOME).sum(axis=1) >= _ITEMS)
    is_none = ~any_light & (counts > 0).all(axis=1)
    samplings = samples.item_levels.notna().any(axis=1).groupby(point.to_numpy(), sort=False).sum().astype(np.int64)
    level = np.select([is_heavy, any_light, is_none], [HEAVY, LIGHT, NONE], -1)
    rows = pd.DataFrame(
        {
            "level": level_array(level),
            "samplings": samplings,
            "items_evaluated": (counts > 0).sum(axis=1),
            "items_missing": (counts == 0).sum(axis=1),
            "is_provisional": samplings < _SAMPLINGS,
        },
        index=counts.index,
    )
    return BlackOdorous(rows, heavy / counts.where(counts > 0), weakest([samples.certainty, "our reading"]), URBAN)


def _reaches(part: Any, whole: Any, share: tuple[int, int]) -> Any:
    """Say where a part is at least a share of a whole that is not empty, in whole numbers."""
    return (part * share[1] >= whole * share[0]) & (whole > 0)


@dataclass(frozen=True, slots=True)
class BlackOdorousWater:
    """Hold the level of one water body, its heavy reaches and the counts behind it; `level` is None of no points."""

    level: int | None
    heavy_reaches: tuple[tuple[Any, Any], ...]
    heavy_points: tuple[Any, ...]
    judged_points: tuple[Any, ...]
    points_without_level: tuple[Any, ...]
    is_provisional: bool
    certainty: str


def grade_water(points: BlackOdorous) -> BlackOdorousWater:
    """Grade one water body from its points in their order along the water.

    Heavy as a whole at 60 % of heavy points or more; three heavy points in a row make their reach heavy, and a point
    without a level breaks a row. Otherwise light when any point is, or none when all points are none.
    """
    level = points.rows["level"]
    known = level.notna()
    heavy = (level == HEAVY).fillna(value=False)
    judged, names = int(known.sum()), list(level.index)
    is_whole = judged > 0 and int(heavy.sum()) * _WHOLE[1] >= judged * _WHOLE[0]
    any_light = bool((level >= LIGHT).fillna(value=False).any())
    all_known = judged == len(names)
    whole = HEAVY if is_whole else LIGHT if any_light else NONE if judged and all_known else None
    run = (heavy != heavy.shift(fill_value=False)).cumsum()
    reaches = [list(part.index) for _, part in heavy[heavy].groupby(run[heavy])]
    return BlackOdorousWater(
        level=whole,
        heavy_reaches=tuple((reach[0], reach[-1]) for reach in reaches if len(reach) >= _RUN),
        heavy_points=tuple(level.index[heavy]),
        judged_points=tuple(level.index[known]),
        points_without_level=tuple(level.index[~known]),
        is_provisional=judged < _POINTS or bool(points.rows["is_provisional"].any()),
        certainty=points.certainty,
    )

"""The one map: for every plot, unit, zone and outfall what the land is there, as an area ledger that closes.

All land layers are laid over a feature at once. The ledger's combinations part it without remainder; each theme (present
class, planned use, lines of control, owner, township) is a sum over them, so that every theme closes as the ledger does
and no overlap is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import WorkspaceError
from geosys.geo.area_ledger import FORMULA, adjust, area_ledger
from geosys.layers.stored_polygons import check_same_crs
from geosys.one_map.kinds import absence, kinds_of, objects_of
from geosys.one_map.parts import combination_table, part_table, parts_of, word_of
from geosys.one_map.points import point_parts
from geosys.one_map.results import STATE, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.one_map.kinds import Objects
    from geosys.one_map.land import LandLayer, Subjects
    from geosys.one_map.spec import OneMapSpec

NO_AREA_STATED, ADJUSTED, TOO_FAR = "none_stated", "adjusted", "too_far"
AREA_COLUMNS = (
    "area_m2", "stated_m2", "stated_gap_share", "adjustment", "rows_m2", "closing_error_m2", "edge_gap_m2", "sliver_m2", "closes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OneMapPart:
    """Hold one part of a feature in one theme; a point has no areas but a margin to what lies beside it."""

    theme: str
    theme_title: str
    code: str
    title: str
    system: str
    state: str
    area_m2: float | None
    share: float | None
    adjusted_m2: float | None
    why: str
    object_ids: str
    near: str
    margin_m: float | None
    crosswalk: str


@dataclass(frozen=True, slots=True)
class OneMapEntry:
    """Hold what the one map says of one feature: its areas, its parts by theme, its combinations and the result columns.

    `combinations` has one mapping for each row of the ledger, `results` the columns of `OneMap.features` that rules and
    sheets use (None: not assessed).
    """

    feature_id: str
    name: str
    layer: str
    areas: Mapping[str, Any]
    states: Mapping[str, str]
    parts: tuple[OneMapPart, ...]
    combinations: tuple[Mapping[str, Any], ...]
    results: Mapping[str, Any]

    def of_theme(self, theme: str) -> tuple[OneMapPart, ...]:
        """Return the parts in one theme, the largest first."""
        return tuple(part for part in self.parts if part.theme == theme)


@dataclass(frozen=True, slots=True)
class OneMap:
    """Hold the one map of one layer.

    `features` has a row for each feature: `feature_id`, `name`, areas as of `AREA_COLUMNS` (missing for points), a column
    ``<theme>_state`` for each theme, and the result columns, whose names are `results`. `parts` has the columns of
    `geosys.one_map.parts.PART_COLUMNS`. `combinations` has `feature_id`, a column for each theme, `area_m2`,
    `planar_m2`, `share`, `adjusted_m2` and `object_ids`. `absent` tells for themes without data why.
    """

    layer: str
    features: pd.DataFrame
    parts: pd.DataFrame
    combinations: pd.DataFrame
    absent: Mapping[str, Text]
    versions: Mapping[str, str]
    withheld: Mapping[str, int]
    results: tuple[str, ...]
    spec_hash: str
    formula: str = FORMULA

    def entry(self, feature_id: str) -> OneMapEntry:
        """Return what the one map says of one feature.

        Raises
        ------
        WorkspaceError
            When it is not among the features.
        """
        row = self.features[self.features["feature_id"] == feature_id]
        if row.empty:
            raise WorkspaceError(
                f"one map: got feature '{feature_id}', expected one of '{self.layer}' that was asked for."
            )
        values = {name: _plain(row[name].iloc[0]) for name in row}
        parts = self.parts[self.parts["feature_id"] == feature_id]
        combinations = self.combinations[self.combinations["feature_id"] == feature_id].drop(columns="feature_id")
        states = {n.removesuffix(STATE): str(v) for n, v in values.items() if n.endswith(STATE)}
        return OneMapEntry(
            feature_id, str(values["name"] or ""), self.layer, {n: values[n] for n in AREA_COLUMNS}, states,
            tuple(_part(r) for r in parts.to_dict("records")), tuple(combinations.to_dict("records")),
            {n: values[n] for n in self.results},
        )  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a cell as Python has it, None where it is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _part(row: Mapping[Any, Any]) -> OneMapPart:
    numbers = {n: _plain(row[n]) for n in ("area_m2", "share", "adjusted_m2", "margin_m")}
    texts = {
        n: row[n]
        for n in ("theme", "theme_title", "code", "title", "system", "state", "object_ids", "near", "crosswalk")
    }
    return OneMapPart(**texts, **numbers, why=row["why_zh"])


def one_map(
    subjects: Subjects,
    land: Mapping[str, LandLayer],
    spec: OneMapSpec,
    progress: Callable[[int, int], None] | None = None,
) -> OneMap:
    """Return the one map of some features.

    Parameters
    ----------
    subjects
        Features of one layer in the plan's metric CRS, polygons or points, as of `geosys.one_map.land.subjects_of`.
    land
        The land layers by id, in the same CRS. An absent or empty one makes its themes *not assessed*.
    spec
        What makes up the one map.
    progress
        Called with the features done and the features to do.

    Returns
    -------
    Areas are ellipsoidal, in m². A polygon's parts of each theme, with what is outside or not covered, add up to the sum
    of the ledger's rows; `closing_error_m2` is what that misses the statutory area by.

    Raises
    ------
    CrsError
        When a land layer stands in another CRS, or the CRS is not metric.
    DeliveryError
        When a shape is not valid.
    """
    check_same_crs(subjects.frame, {name: layer.frame for name, layer in land.items() if layer.size}, "one map")
    reach = subjects.accuracy_m if subjects.is_point else 0.0
    objects = objects_of(land, spec, subjects.frame.total_bounds + np.array([-reach, -reach, reach, reach]))
    if subjects.is_point:
        features, parts, combinations = _of_points(subjects, land, objects, spec)
    else:
        features, parts, combinations = _of_polygons(subjects, land, objects, spec, progress)
    results = results_of(features["feature_id"], parts, spec, is_point=subjects.is_point)
    states = {n for n in results if n.endswith(STATE)}
    absent = {t.id: why for t in spec.themes.values() if (why := absence(t.layer, land)) is not None}
    return OneMap(
        subjects.layer, pd.concat([features, results], axis=1), parts, combinations, absent,
        {subjects.layer: subjects.version, **{name: layer.version for name, layer in land.items()}},
        {subjects.layer: subjects.withheld, **{name: layer.withheld for name, layer in land.items()}},
        tuple(n for n in results if n not in states), spec.hash,
    )  # fmt: skip


def _of_polygons(
    subjects: Subjects,
    land: Mapping[str, LandLayer],
    objects: Objects,
    spec: OneMapSpec,
    progress: Callable[[int, int], None] | None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return features, parts and combinations of polygons."""
    frame = subjects.frame
    found = area_ledger(
        frame.geometry.to_numpy(), objects.shapes, frame.crs.to_wkt(), labels=objects.labels.tolist(), progress=progress
    )
    closing = found.closing
    gap = subjects.stated_m2 / closing["area_m2"].to_numpy().clip(min=np.finfo(float).tiny) - 1.0
    state = _adjustment(subjects, gap)
    rows = adjust(found.rows, np.where(state == ADJUSTED, subjects.stated_m2, np.nan))
    features = pd.DataFrame({
        "feature_id": frame["feature_id"], "name": frame["name"], "area_m2": closing["area_m2"], "stated_m2": subjects.stated_m2,
        "stated_gap_share": gap, "adjustment": state,
        **{name: closing[name] for name in ("rows_m2", "closing_error_m2", "edge_gap_m2", "sliver_m2", "closes")},
    })  # fmt: skip
    kinds = kinds_of(rows["combination"], objects, land, spec)
    ids = frame["feature_id"].tolist()
    parts = parts_of(rows, kinds, objects, spec, ids, closing["area_m2"].to_numpy())
    return features, parts, combination_table(rows, kinds, objects, spec, ids)


def _adjustment(subjects: Subjects, gap: NDArray[np.float64]) -> NDArray[np.object_]:
    """Say of each stated area whether rows are brought to it: not where it misses the computed one by too much."""
    stated = np.isfinite(subjects.stated_m2)
    close = stated & (subjects.stated_m2 > 0) & (np.abs(gap) <= subjects.tolerance_share * (1 + 1e-12))
    return np.select([close, stated], [ADJUSTED, TOO_FAR], NO_AREA_STATED).astype(object)


def _of_points(
    subjects: Subjects, land: Mapping[str, LandLayer], objects: Objects, spec: OneMapSpec
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return features, parts and combinations of points."""
    frame = subjects.frame
    ids = frame["feature_id"].tolist()
    found = point_parts(frame.geometry.to_numpy(), subjects.accuracy_m, land, objects, spec)
    parts = part_table([(ids[row[0]], *row[1:]) for row in found.rows], objects, spec)
    features = pd.DataFrame({"feature_id": frame["feature_id"], "name": frame["name"]}).assign(
        **dict.fromkeys(AREA_COLUMNS, np.nan)
    )
    words = pd.DataFrame([[word_of(kind) for kind in kinds] for kinds in found.kinds], columns=list(spec.themes))
    return features, parts, pd.concat([frame["feature_id"], words], axis=1)

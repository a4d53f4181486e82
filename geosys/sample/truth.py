"""What must be found: every hit of every rule on the effective rows, computed by brute force and apart from the engine.

The thresholds stand here a second time on purpose: the tests compare this reading of the rules with the engine's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.sample.outfalls import NEEDS_APPROVAL
from geosys.sample.receptors import WELL
from geosys.sample.truth_rivers import corridor, into_zone, results_of, upstream
from geosys.sample.zones import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    Frames = Mapping[str, gpd.GeoDataFrame]
    Mask = NDArray[np.bool_]
    Pairs = NDArray[np.int64]

AS_OF = dt.date(2026, 9, 30)
_NONE = -1
_CHUNK = 400


@dataclass(frozen=True)
class Hits:
    """Hold the hits of one rule: subject and object frame, and pairs of row positions (object −1 where there is none)."""

    rule: str
    subject: str
    object: str
    pairs: Pairs


def find_hits(frames: Frames) -> list[Hits]:
    """Return the hits of all rules, rule by rule."""
    hits = []
    for rule, subject, other, relation in _SPATIAL:
        hits.append(Hits(rule, subject, other, relation(frames[subject], frames[other])))
    for rule, subject, condition in _ATTRIBUTE:
        rows = np.flatnonzero(np.asarray(condition(frames[subject]), dtype=bool))
        hits.append(Hits(rule, subject, "", np.column_stack([rows, np.full(len(rows), _NONE)])))
    for rule, subject, other, along in _ALONG:
        hits.append(Hits(rule, subject, other, along(frames, frames[subject], frames[other])))
    results = results_of(frames["sections"], frames["samples"], AS_OF)
    for rule, failing in _RESULTS:
        rows = np.flatnonzero(np.asarray(failing(results), dtype=bool))
        hits.append(Hits(rule, "sections", "", np.column_stack([rows, np.full(len(rows), _NONE)])))
    return hits


def _is(column: str, *wanted: object) -> Callable[[gpd.GeoDataFrame], Mask]:
    """Return the condition that a column has one of some values."""
    return lambda frame: np.asarray(frame[column].isin(wanted))


def _all(frame: gpd.GeoDataFrame) -> Mask:
    return np.ones(len(frame), dtype=bool)


_HOMES = _is("receptor_kind", "住宅", "学校", "医院", "养老机构")
_WELLS = _is("receptor_kind", WELL)
_LISTED = _is("is_removed", False)


_ARABLE = _is("land_class_code", "0101", "0102", "0103")


def _sensitive(frame: gpd.GeoDataFrame) -> Mask:
    return np.asarray(frame["plan_code"].astype(str).str[:2].isin(["07", "08"]))


def _pairs(
    measure: Callable[[NDArray[np.object_], NDArray[np.object_]], Mask],
    own: Callable[..., Mask],
    other: Callable[..., Mask],
) -> Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame], Pairs]:
    """Return the function that tries every subject that counts with every object that counts."""

    def find(subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
        rows, columns = np.flatnonzero(own(subjects)), np.flatnonzero(other(objects))
        a, b = subjects.geometry.to_numpy()[rows], objects.geometry.to_numpy()[columns]
        found = []
        for start in range(0, len(b), _CHUNK):
            i, j = np.nonzero(measure(a, b[start : start + _CHUNK]))
            found.append(np.column_stack([rows[i], columns[start + j]]))
        pairs = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    return find


def _lies_in(
    own: Callable[..., Mask], other: Callable[..., Mask]
) -> Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame], Pairs]:
    return _pairs(lambda a, b: np.asarray(shapely.intersects(a[:, None], b[None, :])), own, other)


def _within(
    metres: float, own: Callable[..., Mask], other: Callable[..., Mask]
) -> Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame], Pairs]:
    return _pairs(lambda a, b: np.asarray(shapely.dwithin(a[:, None], b[None, :], metres)), own, other)


def _shares(
    least_m2: float, own: Callable[..., Mask], other: Callable[..., Mask]
) -> Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame], Pairs]:
    def measure(a: NDArray[np.object_], b: NDArray[np.object_]) -> Mask:
        touch = shapely.intersects(a[:, None], b[None, :])
        i, j = np.nonzero(touch)
        touch[i, j] = shapely.area(shapely.intersection(a[i], b[j])) >= least_m2
        return np.asarray(touch)

    return _pairs(measure, own, other)


def _left_over(least_m2: float, own: Callable[..., Mask]) -> Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame], Pairs]:
    """Return the function that finds subjects with more than some area outside all objects."""

    def find(subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
        rows = np.flatnonzero(own(subjects))
        shapes, others = subjects.geometry.to_numpy()[rows], objects.geometry.to_numpy()
        i, j = shapely.STRtree(others).query(shapes, predicate="intersects")
        covered = np.bincount(i, weights=shapely.area(shapely.intersection(shapes[i], others[j])), minlength=len(rows))
        hit = rows[shapely.area(shapes) - covered >= least_m2]
        return np.column_stack([hit, np.full(len(hit), _NONE)])

    return find


_RING_ONE, _RING_TWO, _QUASI = (_is("level", level) for level in LEVELS)
_CATEGORY = {name: _is("category", name) for name in ("优先保护", "安全利用", "严格管控")}


def _exceeding(frame: gpd.GeoDataFrame) -> Mask:
    return np.asarray(frame["category"].isin(["优先保护", "安全利用"]) & frame["is_exceeding"].eq(True))


_POLLUTED = _is("category", "安全利用", "严格管控")

_SPATIAL = (
    ("outfall_in_source_zone_primary", "outlets", "zones", _lies_in(_all, _RING_ONE)),
    ("outfall_in_source_zone_secondary", "outlets", "zones", _lies_in(_all, _RING_TWO)),
    ("outfall_in_source_zone_quasi", "outlets", "zones", _lies_in(_all, _QUASI)),
    ("outfall_near_intake", "outlets", "intakes", _within(1_000.0, _all, _is("status", "在用", "备用"))),
    ("outfall_near_section", "outlets", "sections", _within(500.0, _all, _all)),
    ("contaminated_plot_on_farmland", "contaminated", "patches", _shares(100.0, _LISTED, _ARABLE)),
    ("suspected_plot_on_farmland", "suspected", "patches", _shares(100.0, _all, _ARABLE)),
    ("outfall_in_redline", "outlets", "redlines", _lies_in(_all, _all)),
    ("contaminated_plot_in_source_zone", "contaminated", "zones", _shares(100.0, _LISTED, _all)),
    ("suspected_plot_in_source_zone", "suspected", "zones", _shares(100.0, _all, _all)),
    ("priority_plot_in_source_zone", "priority", "zones", _shares(100.0, _all, _all)),
    ("priority_plot_near_source_zone", "priority", "zones", _within(500.0, _all, _all)),
    ("contaminated_plot_near_homes", "contaminated", "receptors", _within(200.0, _LISTED, _HOMES)),
    ("priority_plot_near_homes", "priority", "receptors", _within(200.0, _all, _HOMES)),
    ("contaminated_plot_near_well", "contaminated", "receptors", _within(500.0, _LISTED, _WELLS)),
    ("priority_plot_near_well", "priority", "receptors", _within(500.0, _all, _WELLS)),
    ("contaminated_plot_in_permanent_farmland", "contaminated", "permanent", _shares(100.0, _LISTED, _all)),
    ("contaminated_plot_in_redline", "contaminated", "redlines", _shares(100.0, _LISTED, _all)),
    ("contaminated_plot_planned_sensitive", "contaminated", "planned", _shares(100.0, _LISTED, _sensitive)),
    (
        "suspected_plot_planned_sensitive_unsurveyed",
        "suspected",
        "planned",
        _shares(100.0, _is("survey_state", "未开展", "进行中"), _sensitive),
    ),
    ("priority_plot_planned_sensitive", "priority", "planned", _shares(100.0, _all, _sensitive)),
    ("regulated_unit_in_source_zone", "units", "zones", _lies_in(_all, _is("level", *LEVELS[:2]))),
    ("regulated_unit_near_source_zone", "units", "zones", _within(500.0, _all, _all)),
    ("regulated_unit_near_homes", "units", "receptors", _within(100.0, _all, _HOMES)),
    ("regulated_unit_near_well", "units", "receptors", _within(500.0, _all, _WELLS)),
    ("regulated_unit_near_permanent_farmland", "units", "permanent", _within(100.0, _all, _all)),
    ("regulated_unit_planned_sensitive", "units", "planned", _lies_in(_all, _sensitive)),
    ("farmland_priority_not_permanent", "farm_units", "permanent", _left_over(667.0, _CATEGORY["优先保护"])),
    ("farmland_strict_in_permanent", "farm_units", "permanent", _shares(667.0, _CATEGORY["严格管控"], _all)),
    ("farmland_exceeding_in_permanent", "farm_units", "permanent", _shares(667.0, _exceeding, _all)),
    ("farmland_near_heavy_metal_unit", "farm_units", "units", _within(1_000.0, _all, _is("is_heavy_metal", True))),
    ("farmland_polluted_in_source_zone", "farm_units", "zones", _shares(667.0, _POLLUTED, _all)),
)


def _before(frame: gpd.GeoDataFrame, column: str, months: int = 0) -> Mask:
    """Say where a date, some months on, lies before the day of the sample."""
    day = pd.to_datetime(frame[column], errors="coerce") + pd.DateOffset(months=months)
    return np.asarray(day < pd.Timestamp(AS_OF))


_ATTRIBUTE: tuple[tuple[str, str, Callable[[gpd.GeoDataFrame], object]], ...] = (
    ("outfall_past_target", "outlets", lambda f: _before(f, "target_on") & (f["rectify_state"] != "已完成")),
    ("outfall_untraced", "outlets", _is("is_traced", False)),
    ("outfall_unapproved", "outlets", lambda f: f["outfall_type"].isin(NEEDS_APPROVAL) & f["is_approved"].eq(False)),
    (
        "suspected_plot_survey_overdue", "suspected",
        lambda f: _before(f, "notice_on", 6) & f["survey_done_on"].isna() & (f["survey_state"] != "已完成"),
    ),
    ("priority_plot_past_deadline", "priority", lambda f: f["control_state"] != "已完成"),
    ("regulated_unit_hazard_check_missing", "units", lambda f: f["hazard_check_on"].isna()),
    ("farmland_measure_missing", "farm_units", lambda f: _POLLUTED(f) & f["measure_type"].isna()),
    ("source_zone_unmarked", "zones", _is("is_marked", False)),
    ("source_zone_unapproved", "zones", lambda f: f["approval_no"].isna()),
    ("black_odorous_past_target", "black_waters", lambda f: _before(f, "target_on") & (f["state"] != "已消除")),
    (
        "sewage_plant_not_networked", "plants",
        lambda f: (pd.to_numeric(f["capacity_t_d"]) >= 100) & f["plant_kind"].isin(["城镇", "农村"]) & f["is_networked"].eq(False),  # noqa: PLR2004
    ),
)  # fmt: skip

_LOOSER = {
    3: ("准III类", "地表水III类"),
    4: ("准IV类", "地表水IV类"),
    5: ("准V类", "地表水V类"),
}
_ASSESSED = _is("level", "国控", "省控", "市控")
_TARGETS = ("I", "II", "III", "IV", "V")


def _looser_than_v(frame: gpd.GeoDataFrame) -> Mask:
    known = [name for names in _LOOSER.values() for name in names]
    return np.asarray(frame["discharge_standard"].notna() & ~frame["discharge_standard"].isin(known))


def _failing(frames: Frames, subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
    """Return the outfalls within 10 km above a section that misses its target."""
    fails = results_of(objects, frames["samples"], AS_OF)["meets_target"].eq(False).to_numpy()
    return upstream(10_000.0, _all, lambda f: fails & _ASSESSED(f))(frames, subjects, objects)


def _below_by(own: Callable[..., Mask], classes: int) -> Callable[..., Pairs]:
    """Return the function that finds sections of the first so many target classes within 5 km below outfalls of a standard."""
    return upstream(5_000.0, own, _is("target_class", *_TARGETS[:classes]))


_ALONG: tuple[tuple[str, str, str, Callable[..., Pairs]], ...] = (
    ("outfall_in_section_corridor", "outlets", "sections", corridor(_all, _ASSESSED)),
    ("contaminated_plot_in_section_corridor", "contaminated", "sections", corridor(_LISTED, _ASSESSED)),
    ("priority_plot_in_section_corridor", "priority", "sections", corridor(_all, _ASSESSED)),
    (
        "outfall_above_source_zone", "outlets", "zones",
        into_zone(2_000.0, lambda f: np.asarray((f["level"] == LEVELS[0]) & (f["source_kind"] == "河流型"))),
    ),
    ("outfall_above_failing_section", "outlets", "sections", _failing),
    ("outfall_standard_worse_than_v", "outlets", "sections", _below_by(_looser_than_v, 5)),
    ("outfall_standard_class_v", "outlets", "sections", _below_by(_is("discharge_standard", *_LOOSER[5]), 4)),
    ("outfall_standard_class_iv", "outlets", "sections", _below_by(_is("discharge_standard", *_LOOSER[4]), 3)),
    ("outfall_standard_class_iii", "outlets", "sections", _below_by(_is("discharge_standard", *_LOOSER[3]), 2)),
)  # fmt: skip

_RESULTS: tuple[tuple[str, Callable[[pd.DataFrame], object]], ...] = (
    ("section_two_months_failing", lambda r: pd.to_numeric(r["months_failing"]) >= 2),  # noqa: PLR2004
    ("section_worse_by_two_classes", lambda r: pd.to_numeric(r["class_change"]) >= 2),  # noqa: PLR2004
    ("section_silent", lambda r: pd.to_numeric(r["silent_days"]) > 45),  # noqa: PLR2004
    ("section_data_suspect", lambda r: r["is_suspect"].eq(True)),
)

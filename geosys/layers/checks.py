"""The checks a layer spec may declare: each a function from rows to issues, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU, ellipsoidal_area_m2
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.geo.geometry import duplicate_of, overlapping_pairs
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from geosys._faults import Faults

ISSUE_TYPES = {
    "unreadable_file", "missing_file", "no_crs", "unknown_table", "empty_layer", "wrong_geometry_type", "missing_geometry", "wrong_place",
    "outside_region", "default_point", "swapped_xy", "duplicate_key", "duplicate_geometry", "missing_key", "missing_required", "bad_number",
    "bad_date", "bad_truth", "bad_code", "out_of_range", "too_long", "bad_pattern", "unmapped_column", "missing_column", "invalid_repaired",
    "invalid_refused", "overlap", "area_disagrees", "dates_out_of_order", "sums_disagree", "wrong_county", "bad_coordinate",
    "not_convertible", "requires_value", "unit_unknown",
}  # fmt: skip
AREA_UNITS = {"m2": 1.0, "ha": SQUARE_METRES_PER_HECTARE, "mu": SQUARE_METRES_PER_MU}
MANY_AT_ONE_POINT = 3
ZERO_DEGREES = 1e-6  # latitude and longitude 0 stand for "unknown", even once


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold the rows of one layer under check: settled columns and geometries in the plan's metric CRS."""

    frame: pd.DataFrame
    geometry: NDArray[np.object_]
    crs: str
    region: shapely.Geometry | None
    region_text: str = ""
    has_default_check: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Hold a check's function, the settings it needs, those of them that name columns, and whether it compares rows."""

    call: Callable[[Rows, Mapping[str, Any]], Iterator[Issue]]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    compares: bool = False


def present_at(rows: Rows) -> NDArray[np.int64]:
    """Return the positions of rows that have a place."""
    return np.flatnonzero(~shapely.is_missing(rows.geometry) & ~shapely.is_empty(rows.geometry))


def inside_region(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows wholly outside the plan's region; those that fall into it with x and y exchanged are named so."""
    if rows.region is None:
        return
    at = present_at(rows)
    outside = at[~shapely.intersects(rows.region, rows.geometry[at])]
    default = _default_points(rows, at) if rows.has_default_check else {}
    for i in outside:
        if int(i) in default:
            continue
        geometry = rows.geometry[i]
        turned = _exchanged(geometry, rows)
        centre = _degrees_of(geometry, rows.crs)
        if turned:
            zh, en = (
                "位置在区域之外，交换经纬度（X、Y）后落入区域：疑似写反",
                "Outside the region, but inside it with x and y exchanged",
            )
            yield Issue("swapped_xy", Text(zh, en), int(i), value=centre, geometry=geometry)
        else:
            zh = f"位置在规划区域之外（应在 {rows.region_text} 内）"
            yield Issue(
                "outside_region",
                Text(zh, f"Outside the plan's region ({rows.region_text})"),
                int(i),
                value=centre,
                geometry=geometry,
            )


def _degrees_of(geometry: shapely.Geometry, crs: str) -> str:
    """Return where a geometry lies, in degrees as people write them."""
    centre = to_crs(np.array([shapely.centroid(geometry)], dtype=object), crs, GEOGRAPHIC)[0]
    return "" if centre is None else f"{centre.x:.6f}, {centre.y:.6f}"


def _exchanged(geometry: shapely.Geometry, rows: Rows) -> bool:
    """Say whether a geometry falls into the region with its metres or its degrees exchanged."""
    metres = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    if shapely.intersects(rows.region, metres):
        return True
    degrees = to_crs(np.array([geometry], dtype=object), rows.crs, GEOGRAPHIC)
    if degrees[0] is None:
        return False
    back = to_crs(shapely.transform(degrees, lambda xy: xy[:, ::-1]), GEOGRAPHIC, rows.crs)[0]
    return back is not None and bool(shapely.intersects(rows.region, back))


def default_point(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find points that stand for "unknown": three or more on one spot outside the region, or latitude and longitude 0."""
    at = present_at(rows)
    groups = _default_points(rows, at)
    for i, count in sorted(groups.items()):
        xy = _degrees_of(rows.geometry[i], rows.crs)
        zh = f"坐标 {xy}（{count} 条）在区域之外：是默认坐标，不是真实位置"
        en = f"{xy} ({count} records) lies outside the region: a default point, not a position"
        yield Issue("default_point", Text(zh, en), int(i), value=xy, geometry=rows.geometry[i])


def _default_points(rows: Rows, at: NDArray[np.int64]) -> dict[int, int]:
    """Return the rows on a default point with how many share it."""
    points = at[shapely.get_type_id(rows.geometry[at]) == int(shapely.GeometryType.POINT)]
    outside = points if rows.region is None else points[~shapely.intersects(rows.region, rows.geometry[points])]
    if not len(outside):
        return {}
    degrees = shapely.get_coordinates(np.array(to_crs(rows.geometry[outside], rows.crs, GEOGRAPHIC)))
    zero = (
        np.abs(degrees).max(axis=1) < ZERO_DEGREES
        if len(degrees) == len(outside)
        else np.zeros(len(outside), dtype=bool)
    )
    _, place, count = np.unique(shapely.to_wkb(rows.geometry[outside]), return_inverse=True, return_counts=True)
    many = (count[place] >= MANY_AT_ONE_POINT) & (rows.region is not None)
    return {int(i): int(count[p]) for i, p, bad in zip(outside, place, many | zero, strict=True) if bad}


def duplicate_geometry(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose geometry equals that of an earlier row."""
    earlier = duplicate_of(rows.geometry)
    for i in np.flatnonzero(earlier >= 0):
        other = rows.frame["feature_id"].iloc[earlier[i]]
        text = Text(f"几何与“{other}”完全相同", f"The geometry equals that of '{other}'")
        yield Issue("duplicate_geometry", text, int(i), value=other, geometry=rows.geometry[i])


def no_overlap(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find polygons of one layer that overlap by more than ``max_area_m2``; the later row of a pair is named."""
    for i, j, _ in overlapping_pairs(rows.geometry, float(settings["max_area_m2"])):
        piece = shapely.intersection(rows.geometry[i], rows.geometry[j])
        area = float(ellipsoidal_area_m2(np.array([piece], dtype=object), rows.crs)[0])
        other = rows.frame["feature_id"].iloc[i]
        text = Text(f"与“{other}”重叠 {area:.2f} m²", f"Overlaps '{other}' by {area:.2f} m²")
        yield Issue("overlap", text, int(j), value=f"{area:.2f}", geometry=piece)


def area_agrees(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Compare the stated area with the ellipsoidal one; name the reading that would explain a difference."""
    field, tolerance = settings["field"], float(settings["tolerance_share"])
    stated = pd.to_numeric(rows.frame[field]).to_numpy(dtype=float) * AREA_UNITS[settings.get("unit", "m2")]
    at = present_at(rows)
    true = ellipsoidal_area_m2(rows.geometry[at], rows.crs)
    for i, area in zip(at, true, strict=True):
        if np.isfinite(stated[i]) and abs(stated[i] - area) > tolerance * area:
            zh, en = _explain_area(stated[i], area, rows.geometry[i], tolerance)
            text = Text(
                f"填报面积 {stated[i]:.2f} m²，椭球面积 {area:.2f} m²，相差 {stated[i] / area - 1:+.1%}{zh}",
                f"Stated {stated[i]:.2f} m², ellipsoidal {area:.2f} m² ({stated[i] / area - 1:+.1%}){en}",
            )
            yield Issue(
                "area_disagrees",
                text,
                int(i),
                field,
                f"{stated[i]:.2f}",
                before=f"{stated[i]:.2f}",
                area_after_m2=float(area),
            )


def _explain_area(stated: float, area: float, geometry: shapely.Geometry, tolerance: float) -> tuple[str, str]:
    readings = {
        "亩": ("mu", area / SQUARE_METRES_PER_MU),
        "公顷": ("hectares", area / SQUARE_METRES_PER_HECTARE),
    }
    readings["投影面积"] = ("the planar area", float(shapely.area(geometry)))
    for zh, (en, value) in readings.items():
        if abs(stated - value) <= tolerance * value:
            return (
                f"；与以{zh}计的数值相符，疑似单位或算法不同",
                f"; it matches {en}, so the unit or method may differ",
            )
    return "", ""


def dates_in_order(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose second date lies before the first."""
    first, then = settings["first"], settings["then"]
    for i, (one, two) in enumerate(zip(rows.frame[first], rows.frame[then], strict=True)):
        if one is not None and two is not None and not pd.isna(one) and not pd.isna(two) and two < one:
            text = Text(f"{two} 早于 {one}，次序颠倒", f"{two} lies before {one}")
            yield Issue("dates_out_of_order", text, i, then, str(two), before=str(two))


def difference_equals(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows where ``total − minus`` is not ``equals`` within the tolerance; an empty ``minus`` counts as 0."""
    total, minus, equals = (
        pd.to_numeric(rows.frame[settings[k]]).to_numpy(dtype=float) for k in ("total", "minus", "equals")
    )
    gap = total - np.nan_to_num(minus) - equals
    for i in np.flatnonzero(np.abs(gap) > float(settings.get("tolerance", 0.01))):
        text = Text(
            f"{settings['total']} − {settings['minus']} 与 {settings['equals']} 相差 {gap[i]:.2f}",
            f"{settings['total']} − {settings['minus']} differs from {settings['equals']} by {gap[i]:.2f}",
        )
        yield Issue("sums_disagree", text, int(i), settings["equals"], equals[i], before=str(equals[i]))


def prefix_is_county(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose code does not begin with the county code that most rows have."""
    field = settings["field"]
    prefix = rows.frame[field].dropna().astype(str).str[:6]
    if prefix.empty:
        return
    usual = prefix.mode().iloc[0]
    for i in prefix.index[prefix != usual]:
        value = rows.frame[field].iloc[i]
        yield Issue(
            "wrong_county",
            Text(f"“{value}”不以 {usual} 开头", f"'{value}' does not begin with {usual}"),
            int(i),
            field,
            value,
        )


def requires(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows that lack a value of ``field`` although the columns named in ``when`` have the given values."""
    field, when = settings["field"], settings["when"]
    needed = np.ones(len(rows.frame), dtype=bool)
    for column, wanted in when.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        needed &= rows.frame[column].isin(allowed).to_numpy(dtype=bool)
    for i in np.flatnonzero(needed & rows.frame[field].isna().to_numpy()):
        shown = "、".join(f"{c}={v}" for c, v in when.items())
        yield Issue("requires_value", Text(f"{shown} 时必须填写", f"Needed when {shown}"), int(i), field)


CHECKS: dict[str, Check] = {
    "inside_region": Check(inside_region),
    "default_point": Check(default_point, compares=True),
    "duplicate_geometry": Check(duplicate_geometry, compares=True),
    "no_overlap": Check(no_overlap, ("max_area_m2",), compares=True),
    "area_agrees": Check(area_agrees, ("field", "tolerance_share"), ("unit",), ("field",)),
    "dates_in_order": Check(dates_in_order, ("first", "then"), (), ("first", "then")),
    "difference_equals": Check(
        difference_equals, ("total", "minus", "equals"), ("tolerance",), ("total", "minus", "equals")
    ),
    "prefix_is_county": Check(prefix_is_county, ("field",), (), ("field",), compares=True),
    "requires": Check(requires, ("field", "when"), (), ("field",)),
}


_KINDS = {
    "max_area_m2": "a number", "tolerance_share": "a number", "tolerance": "a number", "field": "a text", "first": "a text",
    "then": "a text", "total": "a text", "minus": "a text", "equals": "a text", "unit": "a text", "severity": "a text",
    "when": "a table of values or lists",
}  # fmt: skip


def check_spec(table: Mapping[str, Any], where: str, columns: Mapping[str, object], faults: Faults) -> None:
    """Fault a declared check that is unknown, lacks a setting or names no column of the layer."""
    name = faults.one_of(f"{where} check", str(table.get("check", "")), CHECKS, "a check of geosys/layers/checks.py")
    if name not in CHECKS:
        return
    check = CHECKS[name]
    faults.keys(where, table, ("severity", *check.optional), ("check", *check.required))
    table = faults.sound(where, table, _KINDS)
    for setting in check.columns:
        if setting in table:
            faults.one_of(f"{where} {setting}", table[setting], columns, "a field of this layer")
    if "severity" in table:
        faults.one_of(f"{where} severity", table["severity"], ("critical", "error", "warning", "notice"), "a severity")
    if "unit" in table:
        faults.one_of(f"{where} unit", table["unit"], AREA_UNITS, "an area unit")
    for column in table.get("when", {}):
        faults.one_of(f"{where} when", column, columns, "a field of this layer")


def run_checks(rows: Rows, declared: Sequence[Mapping[str, Any]]) -> list[Issue]:
    """Return the issues of all declared checks, in their order; a check's own severity goes before the type's."""
    issues = []
    for table in declared:
        for issue in CHECKS[table["check"]].call(rows, table):
            issue.severity = table.get("severity", "")
            issues.append(issue)
    return issues

"""The declared checks of position: inside the region, axes exchanged, points that stand for "unknown"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.issues import Issue
from geosys.layers.rows_under_check import present_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from geosys.layers.rows_under_check import Rows

MANY_AT_ONE_POINT = 3
ZERO_DEGREES = 1e-6  # latitude and longitude 0 stand for "unknown", even once


def inside_region(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows wholly outside the plan's region; those that fall into it with x and y exchanged are named so."""
    if rows.region is None:
        return
    at = present_at(rows)
    shapely.prepare(rows.region)
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

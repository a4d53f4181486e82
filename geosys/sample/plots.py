"""Industrial land under suspicion: suspected, contaminated and priority plots, and the regulated units."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample.places import as_decimal
from geosys.sample.terrain import CRS, GRID_M
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.zones import Zones

INDUSTRY = "0601"
_INSET_M, _CLEAR_M = 8.0, 25.0
_TRADES = ("化工", "电镀", "制革", "医药制造", "农药", "铅蓄电池", "机械加工", "石油加工", "焦化", "印染")
_ITEMS = {
    "化工": "苯;三氯乙烯", "电镀": "铬(六价);镍", "制革": "铬(六价)", "医药制造": "氯仿", "农药": "六六六总量;氯苯",
    "铅蓄电池": "铅", "机械加工": "石油烃(C10-C40)", "石油加工": "苯;石油烃(C10-C40)", "焦化": "苯并[a]芘", "印染": "苯胺",
}  # fmt: skip
_HEAVY = ("电镀", "制革", "铅蓄电池")
_WORDS = ("宏远", "新科", "永昌", "利民", "东升", "恒泰", "华兴", "振中", "大成", "广聚", "顺达", "天和")


def convert_sites(rng: np.random.Generator, patches: Patches, zones: Zones) -> Patches:
    """Turn some fields inside protection zones and the red line into old works, so that plots can lie there."""
    rings = zones.zones[zones.zones["level"] != "一级"].geometry.to_numpy()
    targets = [*((ring, 3) for ring in rings), *((line, 3) for line in zones.redline.geometry)]
    size = shapely.area(patches.outline)
    field = np.isin(patches.land_class, ["0102", "0103"]) & (size > 9_000.0) & (size < 40_000.0)  # noqa: PLR2004
    land_class = patches.land_class.copy()
    for target, wanted in targets:
        core = shapely.buffer(target, -_CLEAR_M - 10.0)
        shapely.prepare(core)
        inside = np.flatnonzero(field & shapely.contains(core, patches.outline))
        land_class[rng.permutation(inside)[:wanted]] = INDUSTRY
    return dataclasses.replace(patches, land_class=land_class)


@dataclasses.dataclass(frozen=True)
class Sites:
    """Hold the works: patch, outline of the plot in it, middle, and where it lies; `free` says which are not taken."""

    patch: NDArray[np.int64]
    outline: NDArray[np.object_]
    middle: NDArray[np.object_]
    in_zone: NDArray[np.bool_]
    in_ring_two: NDArray[np.bool_]
    near_zone: NDArray[np.bool_]
    in_redline: NDArray[np.bool_]
    is_planned: NDArray[np.bool_]
    off_farm_edge: NDArray[np.bool_]
    free: NDArray[np.bool_]

    def take(self, wanted: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return up to `wanted` free sites where a condition holds, and mark them taken."""
        chosen = np.flatnonzero(self.free & where)[:wanted]
        self.free[chosen] = False
        return chosen


def find_sites(
    rng: np.random.Generator, patches: Patches, zones: Zones, planned: NDArray[np.bool_], permanent: NDArray[np.object_]
) -> Sites:
    """Return all works in random order, without those that lie within some metres of a line that decides a rule.

    Parameters
    ----------
    planned
        Which patches the plan wants for homes or public services.
    permanent
        Outlines of the permanent farmland, in the metric CRS.
    """
    size = shapely.area(patches.outline)
    patch = rng.permutation(np.flatnonzero((patches.land_class == INDUSTRY) & (size > 4_500.0) & (size < 60_000.0)))  # noqa: PLR2004
    outline = shapely.set_precision(shapely.buffer(patches.outline[patch], -_INSET_M, join_style="mitre"), GRID_M)
    whole = (shapely.get_type_id(outline) == int(shapely.GeometryType.POLYGON)) & (shapely.area(outline) > 2_000.0)  # noqa: PLR2004
    patch, outline = patch[whole], outline[whole]
    middle = as_decimal(shapely.point_on_surface(outline))
    rings = zones.zones.geometry.to_numpy()
    inner = shapely.union_all(rings[zones.zones["level"].isin(["一级", "二级"])])
    red = shapely.union_all(zones.redline.geometry.to_numpy())
    gap = shapely.distance(outline[:, None], rings[None, :])
    gap_middle = shapely.distance(middle[:, None], rings[None, :])
    borders = shapely.union_all(np.append(shapely.boundary(rings), shapely.boundary(red)))
    clear = shapely.distance(outline, borders) > _CLEAR_M
    clear &= (np.abs(gap - 500.0) > _CLEAR_M).all(axis=1) & (np.abs(gap_middle - 500.0) > _CLEAR_M).all(axis=1)
    near = gap.min(axis=1)
    return Sites(
        patch, outline, middle,
        in_zone=near == 0.0,
        in_ring_two=shapely.intersects(inner, middle),
        near_zone=(near > 0.0) & (near < 450.0),  # noqa: PLR2004
        in_redline=shapely.intersects(red, outline),
        is_planned=planned[patch],
        off_farm_edge=_off_edge(middle, permanent, 100.0),
        free=clear,
    )  # fmt: skip


def _off_edge(points: NDArray[np.object_], others: NDArray[np.object_], distance_m: float) -> NDArray[np.bool_]:
    """Say which points keep 15 m clear of a distance from every other thing."""
    tree = shapely.STRtree(others)
    i, j = tree.query(points, predicate="dwithin", distance=distance_m + 15.0)
    near = shapely.distance(points[i], others[j]) > distance_m - 15.0
    return np.asarray(np.bincount(i[near], minlength=len(points)) == 0)


@dataclasses.dataclass(frozen=True)
class Plots:
    """Hold the three lists and the regulated units, in the metric CRS, with the layers' field ids."""

    suspected: gpd.GeoDataFrame
    contaminated: gpd.GeoDataFrame
    priority: gpd.GeoDataFrame
    units: gpd.GeoDataFrame


def draw_plots(
    rng: np.random.Generator, sites: Sites, farm_units: NDArray[np.object_], permanent: NDArray[np.object_]
) -> Plots:
    """Fill the three lists and the list of units; each starts with the sites that carry a risk, the rest are plain.

    Five contaminated plots stand on the list of suspected plots too, surveyed: that is their history.
    """
    plain = ~sites.in_zone & ~sites.in_redline & ~sites.is_planned & ~sites.near_zone
    ring = np.zeros(len(plain), dtype=bool) | (sites.in_zone & ~sites.in_redline)
    wanted = {
        "contaminated": ((2, ring), (3, sites.in_redline), (3, sites.is_planned & ~sites.in_zone), (18, plain)),
        "priority": (
            (3, ring),
            (3, sites.near_zone & ~sites.in_redline),
            (2, sites.is_planned & ~sites.in_zone),
            (20, plain),
        ),
        "suspected": ((3, ring), (4, sites.is_planned & ~sites.in_zone), (22, plain)),
        "units": (
            (4, sites.in_ring_two & sites.off_farm_edge),
            (3, sites.near_zone & sites.off_farm_edge),
            (2, sites.is_planned & ~sites.in_zone & sites.off_farm_edge),
            (33, plain & sites.off_farm_edge),
        ),
    }
    chosen = {name: np.concatenate([sites.take(n, mask) for n, mask in parts]) for name, parts in wanted.items()}
    outline = sites.outline.copy()
    _overrun(outline, chosen["contaminated"][8:], permanent)
    contaminated = _contaminated(rng, outline[chosen["contaminated"]])
    contaminated["is_planted"] = (np.arange(len(contaminated)) < 8) | (outline != sites.outline)[chosen["contaminated"]]  # noqa: PLR2004
    history = contaminated.iloc[-5:]
    suspected = _suspected(rng, outline[chosen["suspected"]], history)
    suspected["is_planted"] = np.arange(len(suspected)) < 7  # noqa: PLR2004
    priority = _priority(rng, outline[chosen["priority"]])
    priority["is_planted"] = np.arange(len(priority)) < 8  # noqa: PLR2004
    units = _units(rng, sites.middle[chosen["units"]], farm_units)
    units["is_planted"] = units["is_heavy_metal"] | (np.arange(len(units)) < 9)  # noqa: PLR2004
    return Plots(suspected, contaminated, priority, units)


def _overrun(outline: NDArray[np.object_], candidates: NDArray[np.int64], permanent: NDArray[np.object_]) -> None:
    """Let the first three candidates beside permanent farmland spread over it by more than 600 m²."""
    tree = shapely.STRtree(permanent)
    left = 3
    for site in candidates:
        wide = shapely.set_precision(shapely.buffer(outline[site], 26.0, join_style="mitre"), GRID_M)
        near = permanent[tree.query(wide)]
        parts = shapely.area(shapely.intersection(near, wide))
        if left and parts.sum() > 1_200.0 and not ((parts > 0.0) & (parts < 180.0)).any():  # noqa: PLR2004
            outline[site] = wide
            left -= 1


def _plot_table(rng: np.random.Generator, prefix: str, outline: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Return what all lists have in common: code, name, trade, stated area, outline."""
    count = len(outline)
    trade = rng.choice(_TRADES, count)
    return gpd.GeoDataFrame(
        {
            "plot_code": [f"{COUNTY_CODE}{prefix}{k + 1:04d}" for k in range(count)],
            "plot_name": [f"原样例{_WORDS[(k * 5 + len(prefix)) % 12]}{t}厂{k + 1}号地块" for k, t in enumerate(trade)],
            "trade": trade,
            "stated_area_m2": np.round(ellipsoidal_area_m2(outline, CRS), 2),
        },
        geometry=outline,
        crs=CRS,
    )


def _days(rng: np.random.Generator, first: str, span: int, count: int) -> pd.DatetimeIndex:
    """Return random days from `first` on, within `span` days."""
    return pd.DatetimeIndex(pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, span, count), "D"))


def _suspected(rng: np.random.Generator, outline: NDArray[np.object_], history: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the suspected plots: surveyed ones, ones within their six months, and five overdue."""
    frame = _plot_table(rng, "Y", outline)
    old = _plot_table(rng, "Y", history.geometry.to_numpy())
    old["plot_code"] = [f"{COUNTY_CODE}Y{len(frame) + k + 1:04d}" for k in range(len(old))]
    old[["plot_name", "trade"]] = history[["plot_name", "trade"]].to_numpy()
    frame = gpd.GeoDataFrame(pd.concat([frame, old], ignore_index=True), crs=CRS)
    count = len(frame)
    state = np.array(["未开展", "进行中", "已完成"], dtype=object)[rng.choice(3, count, p=[0.15, 0.25, 0.6])]
    state[3:6] = ["未开展", "进行中", "未开展"]
    state[-len(old) :] = "已完成"
    late = np.zeros(count, dtype=bool)
    late[np.flatnonzero(state != "已完成")[-5:]] = True
    done = state == "已完成"
    notice = _days(rng, "2023-02-01", 700, count).where(done | late, _days(rng, "2026-04-10", 120, count))
    finished = notice + pd.to_timedelta(rng.integers(60, 175, count), "D")
    frame["notice_on"] = [d.date() for d in notice]
    frame["survey_done_on"] = [d.date() if ok else None for d, ok in zip(finished, done, strict=True)]
    frame["survey_state"] = state
    return frame


def _contaminated(rng: np.random.Generator, outline: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Return the contaminated plots, two of them removed from the list."""
    frame = _plot_table(rng, "W", outline)
    count = len(frame)
    stage = rng.choice(["风险评估中", "列入省级名录", "风险管控中", "修复中", "效果评估", "暂不开发利用"], count)
    removed = np.zeros(count, dtype=bool)
    removed[[12, 15]] = True
    frame["exceed_items"] = [_ITEMS[t] for t in frame["trade"]]
    frame["listed_on"] = [d.date() for d in _days(rng, "2019-01-01", 2_300, count)]
    frame["stage"] = np.where(removed, "移出名录", stage)
    frame["is_removed"] = removed
    frame["removed_on"] = [d.date() if gone else None for d, gone in zip(_days(rng, "2025-10-01", 200, count), removed, strict=True)]
    return frame


def _priority(rng: np.random.Generator, outline: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Return the priority plots, five of them not under control in time."""
    frame = _plot_table(rng, "J", outline)
    count = len(frame)
    state = np.full(count, "已完成", dtype=object)
    state[[2, 9, 14, 19, 23]] = ["管控中", "未管控", "管控中", "管控中", "未管控"]
    frame["exceed_items"] = [_ITEMS[t] for t in frame["trade"]]
    frame["is_mobile"] = frame["trade"].isin(["化工", "石油加工", "医药制造", "电镀"])
    frame["control_state"] = state
    frame["sampled_on"] = [d.date() for d in _days(rng, "2024-03-01", 500, count)]
    return frame


def _units(rng: np.random.Generator, middle: NDArray[np.object_], farm_units: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Return the regulated units; those of heavy metals keep clear of 1000 m from any farmland unit's edge."""
    count = len(middle)
    gap = shapely.distance(middle[:, None], farm_units[None, :])
    fit = np.flatnonzero((np.abs(gap - 1_000.0) > 15.0).all(axis=1))[-7:]  # noqa: PLR2004
    heavy = np.zeros(count, dtype=bool)
    heavy[fit] = True
    light = [t for t in _TRADES if t not in _HEAVY]
    trade = np.where(heavy, rng.choice(_HEAVY, count), rng.choice(light, count))
    checked = _days(rng, "2023-03-01", 900, count)
    none = np.isin(np.arange(count), [11, 20, 31])
    return gpd.GeoDataFrame(
        {
            "unit_code": [f"{COUNTY_CODE}ZD{k + 1:03d}" for k in range(count)],
            "unit_name": [f"样例{_WORDS[k % 12]}{t}有限公司{k + 1:02d}厂" for k, t in enumerate(trade)],
            "trade": trade,
            "is_heavy_metal": heavy,
            "list_year": rng.choice([2023, 2024, 2025], count),
            "hazard_check_on": [None if n else d.date() for d, n in zip(checked, none, strict=True)],
        },
        geometry=middle,
        crs=CRS,
    )

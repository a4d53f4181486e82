"""Industrial land under suspicion: suspected, contaminated and priority plots, and the regulated units."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample.terrain import CRS, GRID_M
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.sites import Sites

_TRADES = ("化工", "电镀", "制革", "医药制造", "农药", "铅蓄电池", "机械加工", "石油加工", "焦化", "印染")
_ITEMS = {
    "化工": "苯;三氯乙烯", "电镀": "铬(六价);镍", "制革": "铬(六价)", "医药制造": "氯仿", "农药": "六六六总量;氯苯",
    "铅蓄电池": "铅", "机械加工": "石油烃(C10-C40)", "石油加工": "苯;石油烃(C10-C40)", "焦化": "苯并[a]芘", "印染": "苯胺",
}  # fmt: skip
_HEAVY = ("电镀", "制革", "铅蓄电池")
_WORDS = ("宏远", "新科", "永昌", "利民", "东升", "恒泰", "华兴", "振中", "大成", "广聚", "顺达", "天和")


@dataclasses.dataclass(frozen=True)
class Plots:
    """Hold the three lists and the regulated units, in the metric CRS, with the layers' field ids."""

    suspected: gpd.GeoDataFrame
    contaminated: gpd.GeoDataFrame
    priority: gpd.GeoDataFrame
    units: gpd.GeoDataFrame


def draw_plots(
    rng: np.random.Generator,
    sites: Sites,
    farm_units: NDArray[np.object_],
    permanent: NDArray[np.object_],
    arable: NDArray[np.object_],
) -> Plots:
    """Fill the three lists and the list of units; each starts with the sites that carry a risk, the rest are plain.

    Five contaminated plots stand on the list of suspected plots too, surveyed: that is their history.
    """
    chosen = _choose(sites)
    outline = sites.outline.copy()
    _overrun(outline, chosen["contaminated"][8:], 3, (permanent, arable))
    _overrun(outline, chosen["suspected"][7:], 2, (permanent, arable))
    spread = outline != sites.outline
    contaminated = _contaminated(rng, outline[chosen["contaminated"]])
    contaminated["is_planted"] = (np.arange(len(contaminated)) < 8) | spread[chosen["contaminated"]]  # noqa: PLR2004
    history = contaminated.iloc[-5:]
    suspected = _suspected(rng, outline[chosen["suspected"]], history)
    listed = np.append(spread[chosen["suspected"]], np.zeros(len(history), dtype=bool))
    suspected["is_planted"] = (np.arange(len(suspected)) < 7) | listed  # noqa: PLR2004
    priority = _priority(rng, outline[chosen["priority"]])
    priority["is_planted"] = np.arange(len(priority)) < 8  # noqa: PLR2004
    units = _units(rng, sites.middle[chosen["units"]], farm_units)
    units["is_planted"] = units["is_heavy_metal"] | (np.arange(len(units)) < 9)  # noqa: PLR2004
    return Plots(suspected, contaminated, priority, units)


def _choose(sites: Sites) -> dict[str, NDArray[np.int64]]:
    """Return the sites of each list: first those that carry a risk, then plain ones."""
    plain = ~sites.in_zone & ~sites.in_redline & ~sites.is_planned & ~sites.near_zone
    ring = sites.in_zone & ~sites.in_redline
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
    return {name: np.concatenate([sites.take(n, mask) for n, mask in parts]) for name, parts in wanted.items()}


def _overrun(
    outline: NDArray[np.object_], candidates: NDArray[np.int64], wanted: int, farm: tuple[NDArray[np.object_], ...]
) -> None:
    """Let the first fit candidates spread over fields around them, clear of all other works.

    Parameters
    ----------
    farm
        Outlines of the permanent farmland and of the arable patches: with each, every common area is either well
        below or well above the 100 m² that decide.
    """
    trees = [shapely.STRtree(shapes) for shapes in farm]
    others = shapely.STRtree(outline.copy())
    for site in candidates:
        wide = shapely.set_precision(shapely.buffer(outline[site], 26.0, join_style="mitre"), GRID_M)
        parts = [shared_m2(wide, tree) for tree in trees]
        fit = parts[0].sum() > 1_200.0 and not any(((p > 50.0) & (p < 180.0)).any() for p in parts)  # noqa: PLR2004
        if wanted and fit and len(others.query(wide, predicate="intersects")) == 1:
            outline[site] = wide
            wanted -= 1


def shared_m2(shape: shapely.Geometry, tree: shapely.STRtree) -> NDArray[np.float64]:
    """Return the planar areas in m² that a polygon shares with the polygons of a tree it touches."""
    near = tree.geometries[tree.query(shape, predicate="intersects")]
    return np.asarray(shapely.area(shapely.intersection(near, shape)))


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
    frame["removed_on"] = [
        d.date() if gone else None for d, gone in zip(_days(rng, "2025-10-01", 200, count), removed, strict=True)
    ]
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

"""What pollution would reach: homes, schools, hospitals, care homes and wells, and the groundwater points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.sample.places import as_decimal
from geosys.sample.terrain import CRS
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.villages import Settlement

HOMES, SCHOOL, HOSPITAL, WELL, CARE = "住宅", "学校", "医院", "水井", "养老机构"
# kind, land classes it stands on, how many, people there from and to, last word of its name
_KINDS = (
    (HOMES, ("0702", "0701"), 260, (120, 900), "居民点"),
    (SCHOOL, ("08H2",), 46, (150, 1_600), "学校"),
    (HOSPITAL, ("08H1", "05H1"), 12, (40, 400), "卫生院"),
    (CARE, ("08H1",), 9, (30, 180), "敬老院"),
    (WELL, ("0702", "1201", "0201"), 84, (80, 1_200), "饮水井"),
)
_CLEAR_M = 25.0


def draw_receptors(
    rng: np.random.Generator,
    patches: Patches,
    settlement: Settlement,
    plots: NDArray[np.object_],
    units: NDArray[np.object_],
) -> gpd.GeoDataFrame:
    """Place the receptors, each in the middle of a patch of its own, with names after the village.

    A few are put beside plots and units on purpose; none stands within some metres of a distance that decides a rule.

    Parameters
    ----------
    plots, units
        Outlines of all plots and points of all regulated units, in the metric CRS.
    """
    middle = as_decimal(shapely.point_on_surface(patches.outline))
    free = np.ones(len(middle), dtype=bool)
    parts = []
    for kind, classes, wanted, people, word in _KINDS:
        own_m = 500.0 if kind == WELL else 200.0
        usable = np.flatnonzero(np.isin(patches.land_class, classes) & free)
        pool = rng.permutation(usable)[: wanted * 2]
        pool = pool[
            _undisputed(middle[pool], plots, own_m) & _undisputed(middle[pool], units, 500.0 if kind == WELL else 100.0)
        ]
        beside = _beside(rng, patches, middle, plots, units, kind)
        chosen = np.unique(np.concatenate([beside[free[beside]], pool[:wanted]]))
        free[chosen] = False
        part = _table(rng, patches, settlement, chosen, middle, (kind, people, word))
        parts.append(part.assign(is_planted=np.isin(chosen, beside)))
    parts.insert(0, _quarters(rng, plots, units, parts[0]))
    frame = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=CRS)
    frame.insert(0, "receptor_code", [f"MG{COUNTY_CODE}{k + 1:04d}" for k in range(len(frame))])
    return frame


def _quarters(
    rng: np.random.Generator, plots: NDArray[np.object_], units: NDArray[np.object_], homes: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return workers' quarters 55 m from every ninth unit, on a side where no plot makes them disputable."""
    chosen = []
    for unit in units[2::9]:
        angle = rng.uniform(0.0, 2.0 * np.pi) + np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
        sides = as_decimal(shapely.points(unit.x + 55.0 * np.cos(angle), unit.y + 55.0 * np.sin(angle)))
        sound = _undisputed(sides, plots, 200.0) & _undisputed(sides, units, 100.0)
        chosen += list(sides[sound][:1])
    near = shapely.STRtree(homes.geometry.to_numpy()).nearest(np.array(chosen, dtype=object))
    return gpd.GeoDataFrame(
        {
            "receptor_name": [f"样例职工宿舍{k + 1}" for k in range(len(chosen))],
            "receptor_kind": HOMES,
            "people": rng.integers(20, 160, len(chosen)),
            "township_name": homes["township_name"].to_numpy()[near],
            "is_planted": True,
        },
        geometry=np.array(chosen, dtype=object),
        crs=CRS,
    )


def _undisputed(points: NDArray[np.object_], others: NDArray[np.object_], distance_m: float) -> NDArray[np.bool_]:
    """Say which points keep clear of a distance from every other thing."""
    gap = shapely.distance(points[:, None], others[None, :])
    return np.asarray((np.abs(gap - distance_m) > _CLEAR_M).all(axis=1))


def _beside(
    rng: np.random.Generator,
    patches: Patches,
    middle: NDArray[np.object_],
    plots: NDArray[np.object_],
    units: NDArray[np.object_],
    kind: str,
) -> NDArray[np.int64]:
    """Return patches for receptors beside every ninth plot and unit: homes at 40 to 75 m, wells at 150 to 400 m."""
    if kind not in (HOMES, WELL):
        return np.array([], dtype=np.int64)
    low, high = (150.0, 400.0) if kind == WELL else (40.0, 75.0)
    dry = ~np.isin(patches.land_class, ["1101", "1003", "1107", "1107A", "1104", "1004", "1006"])
    chosen = []
    for shape in np.concatenate([plots[1::9], units[1::9]]):
        around = np.flatnonzero(dry & shapely.dwithin(middle, shape, high))
        around = around[shapely.distance(middle[around], shape) > low]
        sound = _undisputed(middle[around], plots, 500.0 if kind == WELL else 200.0)
        sound &= _undisputed(middle[around], units, 500.0 if kind == WELL else 100.0)
        chosen += list(rng.permutation(around[sound])[:1])
    return np.array(sorted(set(chosen)), dtype=np.int64)


def _table(
    rng: np.random.Generator,
    patches: Patches,
    settlement: Settlement,
    chosen: NDArray[np.int64],
    middle: NDArray[np.object_],
    what: tuple[str, tuple[int, int], str],
) -> gpd.GeoDataFrame:
    """Return the receptors of one kind that stand on the chosen patches."""
    kind, (low, high), word = what
    village = settlement.village_of_cell[patches.cell[chosen]]
    name = settlement.frame["village_name"].to_numpy()[village]
    order = pd.Series(village).groupby(village).cumcount().to_numpy() + 1
    return gpd.GeoDataFrame(
        {
            "receptor_name": [f"{v}{word}{n}" for v, n in zip(name, order, strict=True)],
            "receptor_kind": kind,
            "people": rng.integers(low, high, len(chosen)),
            "township_name": settlement.frame["township_name"].to_numpy()[village],
        },
        geometry=middle[chosen],
        crs=CRS,
    )


def draw_groundwater_points(rng: np.random.Generator, centres: NDArray[np.float64]) -> gpd.GeoDataFrame:
    """Place groundwater points over the county: monitoring wells, drinking wells and others."""
    count = 64
    chosen = np.sort(rng.choice(len(centres), count, replace=False))
    kind = rng.choice(["监测井", "饮用水井", "灌溉井", "自备井", "废弃井"], count, p=[0.4, 0.15, 0.3, 0.1, 0.05])
    xy = centres[chosen] + rng.uniform(-90.0, 90.0, (count, 2))
    return gpd.GeoDataFrame(
        {
            "point_code": [f"DX{COUNTY_CODE}{k + 1:03d}" for k in range(count)],
            "point_name": [f"样例{k}{n + 1:02d}号" for n, k in enumerate(kind)],
            "point_kind": kind,
            "depth_m": np.round(rng.uniform(18.0, 160.0, count), 1),
            "water_class": rng.choice(["III", "IV", "V"], count, p=[0.45, 0.4, 0.15]),
            "county_code": COUNTY_CODE,
        },
        geometry=as_decimal(np.asarray(shapely.points(xy), dtype=object)),
        crs=CRS,
    )

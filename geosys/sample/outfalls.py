"""What flows into the rivers: outfalls, sewage plants and black-odorous waters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from geosys.sample.places import as_decimal, as_dms
from geosys.sample.rivers import Rivers, locate
from geosys.sample.terrain import CRS, GRID_M, Terrain, lattice_line
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.villages import Settlement
    from geosys.sample.zones import Zones

OUTFALLS = 330
CLEAR_M = 25.0  # nothing is placed nearer than this to a line that decides a rule
# type, share, who runs it
_TYPES = (
    ("工业企业排污口", 0.16, "加工厂"),
    ("工业及其他各类园区污水处理厂排污口", 0.02, "园区污水处理厂"),
    ("城镇污水处理厂排污口", 0.03, "污水处理厂"),
    ("规模化畜禽养殖排污口", 0.10, "养殖场"),
    ("大中型灌区排口", 0.11, "灌区管理所"),
    ("农村污水处理设施排污口", 0.14, "村污水处理站"),
    ("农村生活污水散排口", 0.20, "村民委员会"),
    ("城镇雨洪排口", 0.14, "市政养护所"),
    ("工业企业雨洪排口", 0.10, "加工厂"),
)
NEEDS_APPROVAL = ("工业企业排污口", "工业及其他各类园区污水处理厂排污口", "城镇污水处理厂排污口")
_SHORT = {
    "工业及其他各类园区污水处理厂排污口": "园区污水厂",
    "城镇污水处理厂排污口": "城镇污水厂",
    "大中型灌区排口": "灌区",
}
_WORDS = ("安泰", "丰源", "昌盛", "和润", "金穗", "佳禾", "隆达", "瑞丰", "三合", "永固")


def draw_outfalls(
    rng: np.random.Generator, rivers: Rivers, zones: Zones, sections: NDArray[np.object_]
) -> gpd.GeoDataFrame:
    """Place outfalls on the banks, few of them in protection zones, and give each its file in the ledger."""
    place, river = _bank_places(rng, rivers, zones, sections)
    count = len(place)
    kind = rng.choice(len(_TYPES), count, p=[t[1] for t in _TYPES])
    number = np.arange(1, count + 1)
    names = rivers.frame["river_name"].to_numpy()[river]
    who = [f"样例{_WORDS[n % len(_WORDS)]}{_TYPES[k][2]}{n:03d}" for n, k in zip(number, kind, strict=True)]
    types = np.array([_TYPES[k][0] for k in kind], dtype=object)
    file = _file(rng, types)
    return gpd.GeoDataFrame(
        {
            "outfall_code": [
                f"HN-{COUNTY_CODE}-{n:04d}-{'GY' if k in (0, 1, 8) else 'QT'}-00"
                for n, k in zip(number, kind, strict=True)
            ],
            "outfall_name": [
                f"{name}{_SHORT.get(_TYPES[k][0], _TYPES[k][0][:4])}{n:03d}号排口"
                for name, k, n in zip(names, kind, number, strict=True)
            ],
            "outfall_type": types,
            "river_name": names,
            "entity_name": who,
            **file,
            "discharge_standard": _standards(types),
            "county_code": COUNTY_CODE,
            "is_planted": _in_or_near(place, zones),
        },
        geometry=place,
        crs=CRS,
    )


def _file(rng: np.random.Generator, types: NDArray[np.object_]) -> dict[str, object]:
    """Return the columns about search, tracing, approval and rectification; few are overdue, untraced or unapproved."""
    count = len(types)
    state = rng.choice(["已完成", "整治中", "未整治"], count, p=[0.74, 0.18, 0.08])
    target = pd.Timestamp("2025-12-31") + pd.to_timedelta(rng.choice([0, 546, 730], count, p=[0.15, 0.5, 0.35]), "D")
    late = (state != "已完成") & (target < pd.Timestamp("2026-09-30"))
    target = target.where(~late | (np.cumsum(late) <= 6), pd.Timestamp("2027-06-30"))  # noqa: PLR2004
    found = pd.Timestamp("2023-03-01") + pd.to_timedelta(rng.integers(0, 700, count), "D")
    traced = np.ones(count, dtype=bool)
    traced[rng.choice(count, 7, replace=False)] = False
    approved = np.isin(types, NEEDS_APPROVAL) | (rng.random(count) < 0.8)  # noqa: PLR2004
    approved[np.flatnonzero(np.isin(types, NEEDS_APPROVAL))[::14]] = False
    return {
        "found_on": [d.date() for d in found],
        "is_traced": traced,
        "is_approved": approved,
        "handling": rng.choice(["规范整治", "清理合并", "依法取缔"], count, p=[0.72, 0.2, 0.08]),
        "rectify_state": state,
        "target_on": [d.date() for d in target],
    }


# by type the standards that its outfalls discharge by, in turn
_STANDARDS: dict[str, tuple[str | None, ...]] = {
    "城镇污水处理厂排污口": ("GB 18918-2002 一级A", "准IV类", "准V类", "GB 18918-2002 一级B"),
    "工业及其他各类园区污水处理厂排污口": ("准V类", "GB 18918-2002 一级A", "准IV类"),
    "工业企业排污口": ("准III类", None, "GB 8978-1996 一级", None, "准V类", None, "准IV类", None),
    "农村污水处理设施排污口": ("DB41/1820-2019 二级", None, None, None, None),
}


def _standards(types: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the discharge standard of each outfall; most of the ledger's are not recorded."""
    turn = pd.Series(types).groupby(types).cumcount().to_numpy()
    return np.array(
        [_STANDARDS[t][n % len(_STANDARDS[t])] if t in _STANDARDS else None for t, n in zip(types, turn, strict=True)],
        dtype=object,
    )


def _bank_places(
    rng: np.random.Generator, rivers: Rivers, zones: Zones, sections: NDArray[np.object_]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return points on the banks as their seconds read, and their rivers.

    Only the first four candidates in a primary ring and the first six in a secondary ring are kept.
    """
    length = rivers.frame.geometry.length.to_numpy() * np.where(rivers.frame["is_canal"], 0.35, 1.0)
    river = np.sort(rng.choice(len(length), OUTFALLS * 2, p=length / length.sum()))
    along = rng.uniform(0.01, 0.99, len(river)) * rivers.frame.geometry.length.to_numpy()[river]
    aside = (rivers.frame["width_m"].to_numpy()[river] / 2.0 + rng.uniform(1.0, 5.0, len(river))) * rng.choice(
        [-1.0, 1.0], len(river)
    )
    xy = np.vstack([locate(rivers, k, along[river == k], aside[river == k]) for k in np.unique(river)])
    place = as_dms(np.asarray(shapely.points(xy), dtype=object))
    keep = np.zeros(len(place), dtype=bool)
    keep[np.unique(shapely.to_wkb(place), return_index=True)[1]] = True
    lines = np.concatenate(
        [shapely.boundary(zones.zones.geometry.to_numpy()), shapely.boundary(zones.redline.geometry.to_numpy())]
    )
    keep &= shapely.distance(place, shapely.union_all(lines)) > CLEAR_M
    for level, most in (("一级", 4), ("二级", 6), ("准", 7)):
        inside = shapely.intersects(
            place, shapely.union_all(zones.zones.geometry[zones.zones["level"] == level].to_numpy())
        )
        keep &= ~inside | (np.cumsum(inside & keep) <= most)
    inside = shapely.intersects(place, shapely.union_all(zones.redline.geometry.to_numpy()))
    keep &= ~inside | (np.cumsum(inside & keep) <= 5)  # noqa: PLR2004
    gap = shapely.distance(place[:, None], zones.intakes.geometry.to_numpy()[None, :])
    keep &= (np.abs(gap - 1_000.0) > CLEAR_M).all(axis=1)
    keep &= (np.abs(shapely.distance(place[:, None], sections[None, :]) - 500.0) > CLEAR_M).all(axis=1)
    special = _in_or_near(place, zones)
    at = np.flatnonzero(keep)
    at = np.sort(np.concatenate([at[special[at]], rng.permutation(at[~special[at]])])[:OUTFALLS])
    return place[at], river[at]


def _in_or_near(place: NDArray[np.object_], zones: Zones) -> NDArray[np.bool_]:
    """Say which places lie in a zone or the red line, or within 1000 m of an intake: they were let in on purpose."""
    shapes = np.concatenate([zones.zones.geometry.to_numpy(), zones.redline.geometry.to_numpy()])
    inside = shapely.intersects(place, shapely.union_all(shapes))
    gap = shapely.distance(place[:, None], zones.intakes.geometry.to_numpy()[None, :]).min(axis=1)
    return np.asarray(inside | (gap < 1_000.0))  # noqa: PLR2004


def draw_sewage_plants(rng: np.random.Generator, settlement: Settlement) -> gpd.GeoDataFrame:
    """Place a plant in the county town, the parks, each seat and one village in three."""
    village = settlement.frame
    seats = village.drop_duplicates("township_code")
    small = village.drop(seats.index).iloc[rng.permutation(len(village) - len(seats))[:48]].sort_index()
    chosen = pd.concat([seats, small])
    count = len(chosen)
    kind = np.array(["城镇"] * len(seats) + ["农村"] * len(small), dtype=object)
    kind[[1, 2]] = "工业"
    capacity = np.where(
        kind == "农村",
        rng.choice([20, 30, 50, 80, 100, 150, 200], count),
        rng.choice([3_000, 5_000, 10_000, 20_000], count),
    )
    networked = np.ones(count, dtype=bool)
    large = np.flatnonzero((kind == "农村") & (capacity >= 100))  # noqa: PLR2004
    networked[large[:4]] = False
    networked[(capacity < 100) & (rng.random(count) < 0.6)] = False  # noqa: PLR2004
    xy = chosen[["x", "y"]].to_numpy() + rng.uniform(-160.0, 160.0, (count, 2))
    return gpd.GeoDataFrame(
        {
            "plant_code": [f"WS{COUNTY_CODE}{k + 1:03d}" for k in range(count)],
            "plant_name": [
                f"{v.removesuffix('村')}{'工业园污水处理厂' if k == '工业' else '污水处理厂' if k == '城镇' else '村污水处理站'}"
                for v, k in zip(chosen["village_name"], kind, strict=True)
            ],
            "plant_kind": kind,
            "capacity_t_d": capacity,
            "load_t_d": np.round(capacity * rng.uniform(0.4, 0.95, count)),
            "is_networked": networked,
            "discharge_standard": np.where(kind == "农村", "DB41/1820-2019", "GB 18918-2002 一级A"),
            "township_name": chosen["township_name"].to_numpy(),
        },
        geometry=as_decimal(np.asarray(shapely.points(xy), dtype=object)),
        crs=CRS,
    )


def draw_black_waters(
    rng: np.random.Generator, terrain: Terrain, settlement: Settlement, county: shapely.Geometry
) -> gpd.GeoDataFrame:
    """Draw black-odorous waters: short reaches of the ditch nearest to some villages; two are past their target."""
    ditches = np.array([lattice_line(terrain, 0, k) for k in range(len(terrain.column_kind))], dtype=object)[1::2]
    chosen = settlement.frame.iloc[np.sort(rng.choice(len(settlement.frame), 14, replace=False))]
    lines = []
    for x, y in chosen[["x", "y"]].to_numpy():
        spot = shapely.Point(x, y)
        ditch = ditches[int(np.argmin(shapely.distance(ditches, spot)))]
        at = ditch.project(spot)
        piece = substring(ditch, at - rng.uniform(150.0, 400.0), at + rng.uniform(150.0, 450.0))
        lines.append(shapely.set_precision(shapely.intersection(piece, county), GRID_M))
    count = len(lines)
    state = np.array(["已消除"] * 8 + ["治理中"] * 4 + ["未治理"] * 2, dtype=object)
    target = pd.to_datetime(["2025-10-31"] * 9 + ["2026-06-30"] + ["2027-06-30"] * 4)
    return gpd.GeoDataFrame(
        {
            "water_code": [f"HC{COUNTY_CODE}{k + 1:03d}" for k in range(count)],
            "water_name": [f"{v.removesuffix('村')}村北沟" for v in chosen["village_name"]],
            "state": state,
            "grade": rng.choice(["轻度", "重度"], count, p=[0.75, 0.25]),
            "found_on": [
                (pd.Timestamp("2023-05-01") + pd.Timedelta(days=int(d))).date() for d in rng.integers(0, 500, count)
            ],
            "target_on": [d.date() for d in target],
            "township_name": chosen["township_name"].to_numpy(),
        },
        geometry=np.array(lines, dtype=object),
        crs=CRS,
    )

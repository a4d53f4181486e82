"""The survey's book: every patch with its attributes, the permanent farmland, townships, villages and the county."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample.terrain import CRS
from geosys.sample.villages import COUNTY_CODE, COUNTY_NAME, FIELD, VILLAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.villages import Settlement

YEAR = 2025
_NAMES = {
    "0101": "水田", "0102": "水浇地", "0103": "旱地", "0201": "果园", "0301": "乔木林地", "0307": "其他林地", "0404": "其他草地",
    "0508": "物流仓储用地", "05H1": "商业服务业设施用地", "0601": "工业用地", "0701": "城镇住宅用地", "0702": "农村宅基地",
    "0809": "公用设施用地", "0810": "公园与绿地", "08H1": "机关团体新闻出版用地", "08H2": "科教文卫用地", "1003": "公路用地",
    "1004": "城镇村道路用地", "1006": "农村道路", "1101": "河流水面", "1104": "坑塘水面", "1106": "内陆滩涂", "1107": "沟渠",
    "1107A": "干渠", "1201": "空闲地", "1202": "设施农用地",
}  # fmt: skip
_WIDTHS = {"1003": 22.0, "1004": 10.0, "1006": 5.5, "1107": 4.5, "1107A": 16.0}
_BUILT = ("05H1", "0508", "0601", "0701", "0702", "0809", "0810", "08H1", "08H2", "1004", "1201")
_STATE = ("1003", "1101", "1106", "1107A", "0701", "05H1", "08H1", "0809", "0810")
_ARABLE = ("0101", "0102", "0103")


def write_book(patches: Patches, settlement: Settlement) -> gpd.GeoDataFrame:
    """Return the land patches with the fields of the third land survey; net area is area less deduction."""
    village = settlement.village_of_cell[patches.cell]
    seat = settlement.frame["village_code"].to_numpy()[village] + "0000000"
    seat_name = settlement.frame["village_name"].to_numpy()[village]
    land = pd.Series(patches.land_class)
    arable = land.isin(_ARABLE).to_numpy()
    built = land.isin(_BUILT).to_numpy()
    rural = np.isin(settlement.role_of_cell[patches.cell], [FIELD, VILLAGE])
    area = np.round(ellipsoidal_area_m2(patches.outline, CRS), 2)
    count = len(patches.outline)
    number = pd.Series(village).groupby(village).cumcount().to_numpy() + 1
    grain = np.where(land == "0101", "LS", np.where(np.arange(count) % 9 == 0, "LYFL", "LS"))
    frame = pd.DataFrame(
        {
            "patch_code": [f"{COUNTY_CODE}1010{k + 1:08d}" for k in range(count)],
            "feature_code": "2001010100",
            "patch_no": [f"{n:04d}" for n in number],
            "land_class_code": land,
            "land_class_name": land.map(_NAMES),
            "owner_kind": np.where(land.isin(_STATE), "20", "30"),
            "owner_unit_code": seat,
            "owner_unit_name": seat_name,
            "seat_unit_code": seat,
            "seat_unit_name": seat_name,
            "stated_area_m2": area,
            "deduct_area_m2": 0.0,
            "net_area_m2": area,
            "slope_grade": only_where(arable, "1"),
            "linear_width_m": land.map(_WIDTHS).to_numpy(),
            "planting_code": only_where(arable, grain),
            "is_enclave": "0",
            "settlement_code": only_where(built, np.where(rural, np.where(land == "0601", "203A", "203"), "202")),
            "data_year": YEAR,
            "place_kind": "00",
            "note": "样例数据",
        }
    )
    return gpd.GeoDataFrame(frame, geometry=patches.outline, crs=CRS)


def only_where(mask: NDArray[np.bool_], values: object) -> NDArray[np.object_]:
    """Return the values where the mask holds and None elsewhere."""
    out = np.full(len(mask), None, dtype=object)
    out[mask] = np.broadcast_to(np.asarray(values, dtype=object), mask.shape)[mask]
    return out


def permanent_farmland(book: gpd.GeoDataFrame, patches: Patches, permanent: NDArray[np.bool_]) -> gpd.GeoDataFrame:
    """Return the permanent farmland: the marked patches of a cell and class, joined, with the fields of the plan database."""
    chosen = np.flatnonzero(permanent)
    key = pd.Series(patches.cell[chosen]).astype(str) + patches.land_class[chosen]
    order = pd.factorize(key)[0]
    first = chosen[np.unique(order, return_index=True)[1]]
    members = np.argsort(order, kind="stable")
    start = np.searchsorted(order[members], np.arange(len(first) + 1))
    outline = np.array(
        [shapely.coverage_union_all(patches.outline[chosen[members[a:b]]]) for a, b in pairwise(start)],
        dtype=object,
    )
    area = np.round(ellipsoidal_area_m2(outline, CRS), 2)
    same = [
        "land_class_code",
        "land_class_name",
        "owner_kind",
        "owner_unit_code",
        "owner_unit_name",
        "seat_unit_code",
        "seat_unit_name",
    ]
    frame = book.loc[first, same].reset_index(drop=True)
    frame.insert(0, "patch_code", [f"{COUNTY_CODE}2005{k + 1:08d}" for k in range(len(first))])
    frame.insert(1, "feature_code", "2005010300")
    frame.insert(2, "protect_no", [f"JBNT{k + 1:06d}" for k in range(len(first))])
    frame["stated_area_m2"], frame["deduct_area_m2"], frame["net_area_m2"] = area, 0.0, area
    frame["slope_grade"] = "1"
    frame["data_year"] = YEAR
    frame["note"] = "样例数据"
    return gpd.GeoDataFrame(frame, geometry=outline, crs=CRS)


def administrative(
    rng: np.random.Generator, patches: Patches, settlement: Settlement
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return villages, townships and the county, each the exact union of what it is made of."""
    village = settlement.village_of_cell[patches.cell]
    order = np.argsort(village, kind="stable")
    start = np.searchsorted(village[order], np.arange(len(settlement.frame) + 1))
    outline = np.array(
        [shapely.coverage_union_all(patches.outline[order[a:b]]) for a, b in pairwise(start)],
        dtype=object,
    )
    frame = settlement.frame.drop(columns=["x", "y"]).copy()
    frame["sewage_state"] = rng.choice(["已治理", "已管控", "治理中", "未治理"], len(frame), p=[0.35, 0.2, 0.2, 0.25])
    villages = _measured(frame, outline)
    groups = villages.groupby("township_code", sort=True)
    names = groups["township_name"].first()
    shapes = np.array([shapely.coverage_union_all(part.geometry.to_numpy()) for _, part in groups], dtype=object)
    townships = _measured(
        pd.DataFrame({"township_code": names.index, "township_name": names.to_numpy(), "county_code": COUNTY_CODE}),
        shapes,
    )
    whole = np.array([shapely.coverage_union_all(shapes)], dtype=object)
    county = _measured(pd.DataFrame({"county_code": [COUNTY_CODE], "county_name": [COUNTY_NAME]}), whole)
    return villages, townships, county


def _measured(frame: pd.DataFrame, outline: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Return a frame with its outlines and their ellipsoidal area as the stated one."""
    frame = frame.reset_index(drop=True)
    frame["stated_area_m2"] = np.round(ellipsoidal_area_m2(outline, CRS), 2)
    frame["note"] = "样例数据"
    return gpd.GeoDataFrame(frame, geometry=outline, crs=CRS)

"""The plan side of the one map: planned land use, the urban boundary, and the survey's book of patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geosys.sample.terrain import CRS
from geosys.sample.villages import COUNTY_CODE, FIELD, PARK, SEAT, TOWN, VILLAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.villages import Settlement

PARK_SHARE = 0.06  # of the works in the parks that are planned for something else
_PLANNED = {
    "0701": ("070102", "二类城镇住宅用地"), "0702": ("070301", "一类农村宅基地"), "05H1": ("0901", "商业用地"),
    "0508": ("110101", "一类物流仓储用地"), "0601": ("100102", "二类工业用地"), "08H1": ("0801", "机关团体用地"),
    "08H2": ("080403", "中小学用地"), "0809": ("1302", "排水用地"), "0810": ("1401", "公园绿地"),
    "1201": ("16", "留白用地"), "1003": ("1202", "公路用地"), "1004": ("1207", "城镇村道路用地"),
    "1006": ("060101", "村道用地"), "1101": ("1701", "河流水面"), "1104": ("1704", "坑塘水面"),
    "1107": ("1705", "沟渠"), "1107A": ("1705", "沟渠"), "0301": ("0301", "乔木林地"),
    "0307": ("0304", "其他林地"), "0404": ("1402", "防护绿地"), "1106": ("1701", "河流水面"),
    "1202": ("060201", "种植设施建设用地"), "0201": ("0201", "果园"),
}  # fmt: skip


def plan_land_use(
    rng: np.random.Generator, patches: Patches, settlement: Settlement
) -> tuple[gpd.GeoDataFrame, NDArray[np.bool_]]:
    """Plan the town, the parks and the seats patch by patch; some works there are to become homes or schools.

    Returns
    -------
    The plan with the layer's field ids, and for every patch whether it is planned for homes or public services.
    """
    role = settlement.role_of_cell[patches.cell]
    chosen = np.flatnonzero(~np.isin(role, [FIELD, VILLAGE]))
    code = np.array([_PLANNED[c][0] for c in patches.land_class[chosen]], dtype=object)
    name = np.array([_PLANNED[c][1] for c in patches.land_class[chosen]], dtype=object)
    lot = rng.random(len(chosen)) < PARK_SHARE
    works = np.flatnonzero((patches.land_class[chosen] == "0601") & ((role[chosen] != PARK) | lot))
    change = rng.permutation(works)[: max(16, len(works) // 4)]
    half = len(change) // 2
    code[change[:half]], name[change[:half]] = "070102", "二类城镇住宅用地"
    code[change[half:]], name[change[half:]] = "080403", "中小学用地"
    frame = gpd.GeoDataFrame(
        {
            "patch_code": [f"{COUNTY_CODE}2090{k + 1:08d}" for k in range(len(chosen))],
            "plan_code": code,
            "plan_name": name,
        },
        geometry=patches.outline[chosen],
        crs=CRS,
    )
    planned = np.zeros(len(patches.outline), dtype=bool)
    planned[chosen[np.array([c.startswith(("07", "08")) for c in code])]] = True
    return frame, planned


def draw_urban_boundary(patches: Patches, settlement: Settlement) -> gpd.GeoDataFrame:
    """Return the urban boundary: the town with its park, the far park, and each seat of a township."""
    role = settlement.role_of_cell[patches.cell]
    inside = np.isin(role, [TOWN, PARK, SEAT])
    parts = shapely.get_parts(shapely.coverage_union_all(patches.outline[inside]))
    parts = parts[np.argsort(-shapely.area(parts), kind="stable")]
    return gpd.GeoDataFrame(
        {
            "boundary_code": [f"{COUNTY_CODE}CZ{k + 1:04d}" for k in range(len(parts))],
            "plan_zone_code": ["100"] * len(parts),
            "plan_zone_name": ["城镇集中建设区"] * len(parts),
        },
        geometry=parts,
        crs=CRS,
    )

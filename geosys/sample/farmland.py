"""Cultivated land: units of a quality category made of whole field patches, their soil samples, the permanent farmland."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample.onemap import only_where
from geosys.sample.places import as_decimal
from geosys.sample.terrain import CRS
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.patches import Patches
    from geosys.sample.villages import Settlement

PRIORITY, SAFE, STRICT = "优先保护", "安全利用", "严格管控"
SAMPLES_PER_UNIT = 3


@dataclass(frozen=True)
class Farmland:
    """Hold the units, the soil samples, and which patches are permanent farmland (all in the metric CRS)."""

    units: gpd.GeoDataFrame
    samples: gpd.GeoDataFrame
    unit_of_patch: NDArray[np.int64]
    permanent: NDArray[np.bool_]


def draw_farmland(
    rng: np.random.Generator, patches: Patches, settlement: Settlement, centres: NDArray[np.float64]
) -> Farmland:
    """Group all field patches into units, grade them, and choose the permanent farmland.

    All of a priority unit is permanent farmland, apart from four that lack part of it; strict units have none,
    apart from three; one in two units of safe use has.
    """
    unit = _unit_of_patch(patches, settlement, centres)
    count = int(unit.max()) + 1
    category = np.full(count, PRIORITY, dtype=object)
    order = rng.permutation(count)
    strict, safe = order[:12], order[12:42]
    category[strict], category[safe] = STRICT, SAFE
    exceeding = np.isin(category, [STRICT])
    exceeding[safe[:4]] = True
    exceeding[order[42]] = True
    permanent = (unit >= 0) & np.append(category == PRIORITY, [False])[unit]
    permanent |= np.isin(unit, safe[:16])
    for lacking in order[43:47]:
        permanent[_patches_of_one_cell(patches, unit, lacking)] = False
    for holding in strict[:3]:
        permanent[_patches_of_one_cell(patches, unit, holding)] = True
    units = _unit_table(rng, patches, unit, category, exceeding)
    units.loc[safe[16:19], ["measure_type", "measure_on"]] = None
    units["is_planted"] = np.isin(np.arange(count), [*safe[:4], *safe[16:19], *order[42:47], *strict[:3]])
    return Farmland(units, _soil_samples(rng, patches, unit, units), unit, permanent)


def _unit_of_patch(patches: Patches, settlement: Settlement, centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the unit of each patch, or −1 off the fields: two units a village, east and west of its middle."""
    village = settlement.village_of_cell[patches.cell]
    field = np.isin(patches.land_class, ["0101", "0102", "0103"])
    east = centres[patches.cell, 0] > settlement.frame["x"].to_numpy()[village]
    raw = np.where(field, village * 2 + east, -1)
    return np.asarray(np.unique(np.append(raw, -1), return_inverse=True)[1][:-1] - 1)


def _patches_of_one_cell(patches: Patches, unit: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    """Return the unit's patches in that of its cells which holds most of them."""
    members = np.flatnonzero(unit == wanted)
    cell, size = np.unique(patches.cell[members], return_counts=True)
    return np.asarray(members[patches.cell[members] == cell[np.argmax(size)]])


def _unit_table(
    rng: np.random.Generator,
    patches: Patches,
    unit: NDArray[np.int64],
    category: NDArray[np.object_],
    exceeding: NDArray[np.bool_],
) -> gpd.GeoDataFrame:
    """Return the units with their fields; the outline is the union of the unit's patches, vertex for vertex."""
    order = np.argsort(unit, kind="stable")
    start = np.searchsorted(unit[order], np.arange(len(category) + 1))
    outline = np.array(
        [shapely.coverage_union_all(patches.outline[order[a:b]]) for a, b in pairwise(start)],
        dtype=object,
    )
    measured = category != PRIORITY
    day = pd.Timestamp("2024-02-01") + pd.to_timedelta(rng.integers(0, 600, len(category)), "D")
    measure = np.where(
        category == STRICT,
        "种植结构调整",
        rng.choice(np.array(["低积累品种替代", "叶面调控", "土壤调理"], dtype=object), len(category)),
    )
    return gpd.GeoDataFrame(
        {
            "unit_code": [f"{COUNTY_CODE}GD{k + 1:04d}" for k in range(len(category))],
            "category": category,
            "exceed_items": only_where(exceeding | measured, "镉"),
            "is_exceeding": exceeding,
            "stated_area_m2": np.round(ellipsoidal_area_m2(outline, CRS), 2),
            "measure_type": only_where(measured, measure),
            "measure_on": [d.date() if m else None for d, m in zip(day, measured, strict=True)],
        },
        geometry=outline,
        crs=CRS,
    )


# mg/kg: middle value and spread (of the logarithm) at background, for pH above 7.5
_BACKGROUND = {
    "cd_mg_kg": (0.16, 0.22), "hg_mg_kg": (0.045, 0.3), "as_mg_kg": (10.2, 0.16), "pb_mg_kg": (22.0, 0.18),
    "cr_mg_kg": (64.0, 0.15), "cu_mg_kg": (23.0, 0.2), "ni_mg_kg": (28.0, 0.16), "zn_mg_kg": (68.0, 0.18),
}  # fmt: skip
_CADMIUM = {PRIORITY: (0.16, 0.24), SAFE: (1.5, 0.25), STRICT: (5.4, 0.12)}  # GB 15618: screening 0.6, control 4.0


def _soil_samples(
    rng: np.random.Generator, patches: Patches, unit: NDArray[np.int64], units: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return three samples a unit, each in the middle of one of its larger fields, with values that fit its category."""
    size = shapely.area(patches.outline) * rng.uniform(0.6, 1.0, len(unit))
    order = np.lexsort((-size, unit))
    place = pd.Series(unit[order]).groupby(unit[order]).cumcount().to_numpy()
    chosen = order[(place < SAMPLES_PER_UNIT) & (unit[order] >= 0)]
    who = unit[chosen]
    count = len(chosen)
    day = pd.Timestamp("2025-05-20") + pd.to_timedelta(rng.integers(0, 40, count), "D")
    frame = pd.DataFrame(
        {
            "sample_code": [f"TR2025{k + 1:05d}" for k in range(count)],
            "unit_code": units["unit_code"].to_numpy()[who],
            "sampled_on": [d.date() for d in day],
            "land_use": np.where(patches.land_class[chosen] == "0101", "水田", "旱地"),
            "depth_cm": 20,
            "ph": np.round(rng.normal(8.1, 0.15, count).clip(7.6, 8.7), 2),
        }
    )
    for item, (middle, spread) in _BACKGROUND.items():
        frame[item] = middle * np.exp(rng.normal(0.0, spread, count).clip(-2.0, 2.0))
    polluted = np.array([_CADMIUM[c] for c in units["category"].to_numpy()[who]])
    cadmium = polluted[:, 0] * np.exp(rng.normal(0.0, 1.0, count).clip(-1.2, 1.2) * polluted[:, 1])
    frame["cd_mg_kg"] = np.where(units["is_exceeding"].to_numpy()[who] & (polluted[:, 0] < 1.0), 0.9, cadmium)
    frame[list(_BACKGROUND)] = frame[list(_BACKGROUND)].round(3)
    return gpd.GeoDataFrame(frame, geometry=as_decimal(shapely.point_on_surface(patches.outline[chosen])), crs=CRS)

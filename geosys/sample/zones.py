"""Drinking-water sources with their three rings of protection, and the ecological red line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from geosys.sample.terrain import CENTRE, CRS, GRID_M, to_grid

if TYPE_CHECKING:
    from geosys.sample.rivers import Rivers

LEVELS = ("一级", "二级", "准")
GROUNDWATER, RIVER = "地下水型", "河流型"

# source, its river (row of the rivers' frame) and the intake's share of its length, rank, supply t/d, status
_RIVER_SOURCES = (
    ("样源河水厂水源地", 0, 0.20, "县级", 42_000, "在用"),
    ("槐荫河备用水源地", 3, 0.34, "县级", 12_000, "备用"),
)
# source, place of the well field east and north of the centre (km), rank, supply t/d, radii of the rings (m), status
_WELL_SOURCES = (
    ("城西井群水源地", -4.3, 0.6, "县级", 18_000, (120.0, 650.0, 1_500.0), "在用"),
    ("沙桥镇集中供水水源地", 3.1, -6.9, "乡镇级", 2_600, (60.0, 420.0, 1_000.0), "在用"),
    ("杏林乡集中供水水源地", 9.6, -5.2, "乡镇级", 1_900, (60.0, 400.0, 950.0), "在用"),
    ("白鹭镇集中供水水源地", 4.4, 8.6, "乡镇级", 2_200, (60.0, 420.0, 1_000.0), "规划"),
)
_UNMARKED = ("沙桥镇集中供水水源地", "杏林乡集中供水水源地")
_UNAPPROVED = "白鹭镇集中供水水源地"


@dataclass(frozen=True)
class Zones:
    """Hold the protection zones, the intakes and the red line, all in the metric CRS, with the layers' field ids."""

    zones: gpd.GeoDataFrame
    intakes: gpd.GeoDataFrame
    redline: gpd.GeoDataFrame


def draw_zones(rng: np.random.Generator, rivers: Rivers) -> Zones:
    """Draw the rings of every source (outer rings leave out the inner ones), its intakes and the red line."""
    rows, intakes = [], []
    for name, river, share, rank, supply, status in _RIVER_SOURCES:
        line = rivers.frame.geometry.iloc[river]
        place = share * line.length
        half = float(rivers.frame["width_m"].iloc[river]) / 2.0
        rings = [_reach(line, place + down, place - up, half + side) for down, up, side in _REACHES]
        rows += _rings(name, RIVER, rank, supply, rings)
        intakes.append((name, line.interpolate(place), RIVER, rank, supply, status))
    for name, x, y, rank, supply, radii, status in _WELL_SOURCES:
        well = shapely.Point(CENTRE[0] + x * 1_000.0, CENTRE[1] + y * 1_000.0)
        rows += _rings(name, GROUNDWATER, rank, supply, [well.buffer(r, quad_segs=12) for r in radii])
        intakes.append((name, well, GROUNDWATER, rank, supply, status))
    zones = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=CRS)
    zones.insert(0, "zone_code", [f"SYD410299{k + 1:03d}" for k in range(len(zones))])
    zones["approved_on"] = [
        None if number is None else day.date()
        for number, day in zip(
            zones["approval_no"],
            pd.to_datetime("2019-03-01") + pd.to_timedelta(rng.integers(0, 1_800, len(zones)), "D"),
            strict=True,
        )
    ]
    return Zones(zones, _intake_table(intakes), _redline(rivers))


_REACHES = ((100.0, 1_000.0, 50.0), (300.0, 3_000.0, 900.0), (500.0, 5_200.0, 1_500.0))  # down, up, aside in metres


def _reach(line: shapely.LineString, low_m: float, high_m: float, side_m: float) -> shapely.Polygon:
    """Return the strip of land and water along a reach of a river."""
    part = substring(line, max(min(low_m, high_m), 0.0), max(low_m, high_m))
    return shapely.buffer(part, side_m, quad_segs=4, cap_style="flat")


def _rings(name: str, kind: str, rank: str, supply: int, shapes: list[shapely.Polygon]) -> list[dict[str, object]]:
    """Return the rows of one source: each ring without the rings inside it."""
    rows: list[dict[str, object]] = []
    inner: shapely.Geometry = shapely.Polygon()
    for level, shape in zip(LEVELS, shapes, strict=True):
        snapped = shapely.set_precision(shape, GRID_M)
        ring = shapely.difference(snapped, inner, grid_size=GRID_M)
        approval = None if name == _UNAPPROVED else f"样政文〔{2019 + len(name) % 5}〕{20 + len(rows)}号"
        rows.append(
            {
                "zone_name": f"{name}{level}保护区",
                "level": level,
                "source_name": name,
                "source_kind": kind,
                "source_rank": rank,
                "approval_no": approval,
                "is_marked": not (name in _UNMARKED and level != LEVELS[2]),
                "supply_t_d": supply,
                "geometry": ring,
            }
        )
        inner = shapely.union_all([inner, snapped], grid_size=GRID_M)
    return rows


def _intake_table(intakes: list[tuple[str, shapely.Point, str, str, int, str]]) -> gpd.GeoDataFrame:
    """Return the intakes; each stands on its source's middle."""
    names, places, kinds, ranks, supply, status = zip(*intakes, strict=True)
    return gpd.GeoDataFrame(
        {
            "intake_code": [f"QSK410299{k + 1:03d}" for k in range(len(names))],
            "intake_name": [f"{name}取水口" for name in names],
            "source_name": list(names),
            "source_kind": list(kinds),
            "source_rank": list(ranks),
            "supply_t_d": list(supply),
            "status": list(status),
        },
        geometry=to_grid(np.array(places, dtype=object)),
        crs=CRS,
    )


# name, kind, river row (or place in km), reach as shares of the river's length, metres to each side
_REDLINES = (
    ("样源河湿地生态保护红线", "湿地", 0, 0.50, 0.62, 420.0),
    ("清柳河水源涵养生态保护红线", "水源涵养", 1, 0.10, 0.45, 330.0),
    ("芦花荡生物多样性生态保护红线", "生物多样性维护", 8, 0.15, 0.65, 520.0),
)


def _redline(rivers: Rivers) -> gpd.GeoDataFrame:
    """Return the ecological red line: strips along three waters."""
    shapes = []
    for *_, river, low, high, side in _REDLINES:
        line = rivers.frame.geometry.iloc[river]
        shapes.append(shapely.set_precision(_reach(line, low * line.length, high * line.length, side), GRID_M))
    return gpd.GeoDataFrame(
        {
            "redline_code": [f"410299HX{k + 1:04d}" for k in range(len(shapes))],
            "redline_name": [row[0] for row in _REDLINES],
            "redline_kind": [row[1] for row in _REDLINES],
        },
        geometry=np.array(shapes, dtype=object),
        crs=CRS,
    )

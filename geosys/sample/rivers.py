"""The river tree: one meandering main river, its tributaries, and the straight canals of the lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geosys.sample.terrain import CANAL, CENTRE, CRS, Terrain, lattice_line, to_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

# name, start east and north of the centre (km), share of the main river's length where it joins, width (m)
_TRIBUTARIES = (
    ("清柳河", -9.0, 13.5, 0.30, 34.0),
    ("白鹭沟", 2.5, 13.5, 0.52, 30.0),
    ("槐荫河", 11.5, 12.5, 0.76, 36.0),
    ("小芦河", -12.5, -13.0, 0.42, 28.0),
    ("沙桥沟", -1.5, -13.5, 0.62, 26.0),
    ("杏林河", 8.5, -13.5, 0.86, 32.0),
)
_BROOKS = (
    ("东柳支沟", 0, -13.5, 9.5, 0.55, 14.0),
    ("芦花支沟", 3, -5.5, -12.5, 0.5, 14.0),
    ("杏南支沟", 5, 13.0, -11.0, 0.45, 14.0),
)
MAIN_NAME = "样源河"


@dataclass(frozen=True)
class Rivers:
    """Hold the rivers: `frame` (lines with width_m, in the metric CRS) and the water and bank areas of natural ones."""

    frame: gpd.GeoDataFrame
    water: NDArray[np.object_]
    bank: NDArray[np.object_]


def draw_rivers(rng: np.random.Generator, terrain: Terrain, county: shapely.Geometry) -> Rivers:
    """Draw every river and canal, cut at the county's boundary (metres)."""
    main = _main_river(rng)
    lines, names, widths = [main], [MAIN_NAME], [88.0]
    for name, x, y, share, width in _TRIBUTARIES:
        lines.append(_tributary(rng, (x, y), main.interpolate(share, normalized=True)))
        names.append(name)
        widths.append(width)
    for name, parent, x, y, share, width in _BROOKS:
        lines.append(_tributary(rng, (x, y), lines[1 + parent].interpolate(share, normalized=True)))
        names.append(name)
        widths.append(width)
    natural = len(lines)
    for axis, kinds, word in ((0, terrain.column_kind, "干渠"), (1, terrain.row_kind, "支渠")):
        for order, index in enumerate(np.flatnonzero(kinds == CANAL)):
            lines.append(lattice_line(terrain, axis, int(index)))
            names.append(f"样例{'一二三四五六'[order]}{word}")
            widths.append(16.0)
    frame = _table(lines, names, widths, natural, county)
    wide = np.array(widths[:natural])
    full = np.array(lines[:natural], dtype=object)
    ring = np.where(wide > 60.0, 30.0, 9.0)  # noqa: PLR2004
    return Rivers(
        frame,
        shapely.buffer(full, wide / 2.0, quad_segs=2, cap_style="flat"),
        shapely.buffer(full, wide / 2.0 + ring, quad_segs=2, cap_style="flat"),
    )


def _table(
    lines: list[shapely.LineString], names: list[str], widths: list[float], natural: int, county: shapely.Geometry
) -> gpd.GeoDataFrame:
    """Return the frame of the rivers, cut at the county's boundary; the first `natural` lines are no canals."""
    rank = np.array(["干流"] + ["一级支流"] * len(_TRIBUTARIES) + ["二级支流"] * len(_BROOKS), dtype=object)
    canals = len(lines) - natural
    return gpd.GeoDataFrame(
        {
            "river_code": [f"SL410299{k + 1:03d}" for k in range(len(lines))],
            "river_name": names,
            "width_m": widths,
            "is_canal": np.arange(len(lines)) >= natural,
            "level": [*rank, *["渠道"] * canals],
            "basin": "样例流域",
            "flow_direction": "顺向",
            "target_class": ["III", *["IV"] * (natural - 1), *["V"] * canals],
        },
        geometry=to_grid(_longest_part(shapely.intersection(np.array(lines, dtype=object), county))),
        crs=CRS,
    )


def _main_river(rng: np.random.Generator) -> shapely.LineString:
    """Return the main river's middle line, west to east across the county."""
    x = np.linspace(-17_000.0, 17_000.0, 700)
    phase = rng.uniform(0.0, 2.0 * np.pi, 4)
    y = 3_600.0 - x * 0.30 + 620.0 * np.sin(x / 1_150.0 + phase[0]) + 210.0 * np.sin(x / 410.0 + phase[1])
    sway = 260.0 * np.sin(x / 1_150.0 * 2.0 + phase[2])
    return shapely.LineString(np.column_stack([x + sway, y]) + np.array(CENTRE))


def _tributary(rng: np.random.Generator, start_km: tuple[float, float], mouth: shapely.Point) -> shapely.LineString:
    """Return a winding line from a start (km from the centre) to its mouth; it ends in the mouth exactly."""
    begin = np.array(start_km) * 1000.0 + np.array(CENTRE)
    end = np.array([mouth.x, mouth.y])
    way = end - begin
    length = float(np.hypot(*way))
    share = np.linspace(0.0, 1.0, max(int(length / 45.0), 20))
    normal = np.array([-way[1], way[0]]) / length
    calm = np.minimum(1.0, np.minimum(share, 1.0 - share) * 8.0)
    phase = rng.uniform(0.0, 2.0 * np.pi, 2)
    swing = 260.0 * np.sin(share * length / 720.0 + phase[0]) + 75.0 * np.sin(share * length / 260.0 + phase[1])
    return shapely.LineString(begin + share[:, None] * way + (swing * calm)[:, None] * normal)


def _longest_part(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the longest single line of each geometry: a river that leaves the county and returns is cut there."""
    return np.array([max(shapely.get_parts(shapely.line_merge(g)), key=shapely.length) for g in lines], dtype=object)


def locate(
    rivers: Rivers, index: int, along_m: NDArray[np.float64], aside_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return points (n, 2) at a way along river `index` from its start, a distance to the left (+) or right (−) of it."""
    line = rivers.frame.geometry.iloc[index]
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, along_m))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(along_m + 5.0, line.length)))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(along_m - 5.0, 0.0)))
    way = ahead - behind
    left = np.column_stack([-way[:, 1], way[:, 0]]) / np.hypot(*way.T)[:, None]
    return np.asarray(here + left * aside_m[:, None])

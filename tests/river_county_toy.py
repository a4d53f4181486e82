"""A small county of rivers drawn by hand, in whole metres on the central meridian, delivered as offices do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.rivers.files import NO_FILES
from geosys.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_850_000.0  # on the central meridian the plane is true to 1e-7
PLAN = """title = {{ zh = "样例县", en = "Toy county" }}
crs = "EPSG:4547"
region = [113.0, 34.0, 115.5, 35.5]
as_of = 2026-09-30
{more}
"""
# 清河 flows east in two lines with 3 m missing between; 白沟 joins it from the north; 南渠 crosses it without a node;
# 清河 again, 30 km away, is another river; 断沟 ends 30 m before 清河.
LINES = {
    "R1": ("清河", [(0, 0), (4000, 0)]),
    "R2": ("清河", [(4003, 0), (10_000, 0)]),
    "R3": ("白沟", [(4000, 5000), (4000, 0)]),
    "R4": ("南渠", [(7000, 2000), (7000, -2000)]),
    "R5": ("清河", [(0, 30_000), (1000, 30_000)]),
    "R6": ("断沟", [(9000, -3000), (9000, -30)]),
}
SECTIONS = {
    "S1": ("清河上断面", "清河", (2000, 0)),
    "S2": ("清河下断面", "清河", (8000, 0)),
    "S3": ("远断面", "清河", (2000, 9000)),
}
OUTFALLS = {
    "P1": ("东排口", "清河", "右岸", (6000, -40)),
    "P2": ("白沟排口", "白沟", "", (4030, 1000)),
    "P3": ("错名排口", "黑河", "", (3000, 20)),
}
ZONES = {"Z1": (3900, -100, 5000, 100), "Z2": (-500, 29_500, 1500, 30_500), "Z3": (8000, 200, 9000, 400)}


def placed(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points of the drawing in the plane."""
    return [(EAST + x, NORTH + y) for x, y in line]


def frames(**changes: Any) -> dict[str, gpd.GeoDataFrame]:
    """Return the deliveries as frames with the columns that senders use; `lines` and `attributes` may be changed."""
    lines = changes.get("lines", LINES)
    rivers = {
        "河流编码": list(lines),
        "河流名称": [name for name, _ in lines.values()],
        **changes.get("attributes", {}),
    }
    sections = {
        "断面编码": list(SECTIONS), "断面名称": [s[0] for s in SECTIONS.values()], "所在河流": [s[1] for s in SECTIONS.values()],
        **changes.get("sections", {}),
    }  # fmt: skip
    outfalls = {
        "排污口编码": list(OUTFALLS), "排污口名称": [s[0] for s in OUTFALLS.values()], "受纳水体": [s[1] for s in OUTFALLS.values()],
        "岸别": [s[2] or None for s in OUTFALLS.values()],
    }  # fmt: skip
    points = [[shapely.Point(placed([s[-1]])[0]) for s in table.values()] for table in (SECTIONS, OUTFALLS)]
    zones = [shapely.box(EAST + a, NORTH + b, EAST + c, NORTH + d) for a, b, c, d in ZONES.values()]
    return {
        "river": gpd.GeoDataFrame(
            rivers, geometry=[shapely.LineString(placed(xy)) for _, xy in lines.values()], crs=CRS
        ),
        "water_section": gpd.GeoDataFrame(sections, geometry=points[0], crs=CRS),
        "outfall": gpd.GeoDataFrame(outfalls, geometry=points[1], crs=CRS),
        "source_zone": gpd.GeoDataFrame({"保护区编码": list(ZONES)}, geometry=zones, crs=CRS),
    }


def write_county(root: Path, more: str = "", **changes: Any) -> Path:
    """Write the deliveries and the plan of the toy county into a folder."""
    root.mkdir(parents=True, exist_ok=True)
    plan = PLAN.format(more=more)
    for name, frame in frames(**changes).items():
        frame.to_file(root / f"{name}.gpkg", driver="GPKG")
        plan += f'\n[[deliveries]]\nfile = "{name}.gpkg"\nlayer = "{name}"\n'
    (root / "geosys.toml").write_text(plan, encoding="utf-8")
    return root


def layer(name: str, columns: dict[str, Any], geometry: Any, crs: str = CRS) -> Layer:
    """Return a layer as intake would leave it, made of some columns."""
    spec, size = read_catalogue().layers[name], len(geometry)
    frame = pd.DataFrame({column: pd.Series([None] * size, dtype=object) for column in spec.fields})
    frame = frame.assign(**columns)
    frame.insert(0, "feature_id", frame[spec.key[0]].astype(str))
    frame = frame.assign(source_file=f"{name}.gpkg", source_row=np.arange(size) + 1)
    whole = gpd.GeoDataFrame(frame, geometry=list(geometry), crs=crs)
    return Layer(spec, whole, whole.iloc[:0].assign(issue_type=""))


def plain_plan(root: Path, crs: str = CRS) -> Workspace:
    """Return a plan without deliveries or files."""
    return Workspace(root, Text("样例县", "Toy county"), crs, None, None, None, (), None, NO_FILES)


def silent(_stage: str, _done: int, _total: int) -> None:
    """Take progress and show nothing."""

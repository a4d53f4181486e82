"""A toy to hand over: three plots of 100 m on a metre grid, a profile of one layer, and one planted fault for each check."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from geosys.layers.intake import Layer
from geosys.layers.place import place_of
from geosys.layers.spec import Catalogue, read_catalogue
from geosys.maps.frames import FINDING_COLUMNS
from geosys.publish.profile_reading import ShippedProfile, read_profile
from geosys.publish.source_checks import Setting
from geosys.sheets.desk import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geosys.publish.content import ShapedLayer

CRS, REGION, DAY = "EPSG:4547", (113.9, 34.7, 114.2, 34.9), dt.date(2026, 9, 30)
EAST, NORTH = 500_000.0, 3_850_000.0
PROFILE = """
title    = { zh = "试验", en = "Toy" }
about    = { zh = "三个地块", en = "Three plots" }
sender   = { zh = "生态环境局", en = "Ecology bureau" }
receiver = { zh = "自然资源和规划局", en = "Natural resources bureau" }
cycle    = { zh = "每季度", en = "Quarterly" }
receipt  = { zh = "签收", en = "Signed" }
basis    = { zh = "试验", en = "Toy" }
audience = "shared"
crs      = "plan"
formats  = ["gdb", "gpkg", "shp", "txt", "xlsx"]
certainty = "confirmed"

[[layers]]
name     = "DK"
title    = { zh = "地块", en = "Plots" }
source   = "suspected_plot"
geometry = "polygon"
key      = ["DKBM"]
may_overlap = false
fields   = [
    { name = "DKBM", column = "plot_code", length = 20, required = true },
    { name = "DKMC", column = "plot_name", length = 10, required = true },
    { name = "DZ", column = "address" },
    { name = "HYLX", column = "trade", codes = "trade" },
    { name = "LRRQ", column = "listed_on" },
    { name = "LX", column = "groundwater_flow_deg", length = 4, decimals = 1 },
    { name = "MJ", column = "area_m2", title = { zh = "面积", en = "Area" }, length = 15, decimals = 2 },
    { name = "NF", constant = "2026", title = { zh = "年份", en = "Year" }, type = "integer", length = 4 },
]
"""
FINDINGS_LAYER = """
[[layers]]
name     = "XS"
title    = { zh = "线索", en = "Findings" }
source   = "findings"
geometry = "point"
key      = ["XSBH"]
needed   = false
fields   = [ { name = "XSBH", column = "finding_id", title = { zh = "编号", en = "No." }, length = 16, required = true } ]
"""


@cache
def catalogue() -> Catalogue:
    return read_catalogue()


def profile_of(text: str, folder: Path, name: str = "toy") -> ShippedProfile:
    """Return a profile from its text; faults raise."""
    from geosys._faults import Faults

    path = folder / "layers" / "profiles" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    faults = Faults()
    profile = read_profile(path, catalogue(), faults)
    faults.raise_if_any()
    return profile


def square(east: float, north: float = 0.0, side: float = 100.0) -> Polygon:
    """Return a square whose first vertex is its south-west corner, east and north of the toy's origin in metres."""
    west, south = EAST + east, NORTH + north
    return Polygon([(west, south), (west + side, south), (west + side, south + side), (west, south + side)])


def plots() -> Layer:
    """Return three plots; the one in the middle has a hole of 20 m by 20 m."""
    hole = square(240, 40, 20)
    shapes = [square(0), Polygon(square(200).exterior, [hole.exterior]), square(400)]
    frame = gpd.GeoDataFrame(
        {
            "feature_id": ["J3", "J1", "J2"],
            "plot_code": ["J3", "J1", "J2"],
            "plot_name": ["丙厂", "甲厂", "乙厂"],
            "address": ["北街1号", None, "南街2号"],
            "trade": ["化工", "电镀", None],
            "listed_on": [dt.date(2024, 5, 1), None, dt.date(2025, 6, 2)],
            "groundwater_flow_deg": [12.34, np.nan, 359.0],
        },
        geometry=shapes,
        crs=CRS,
    )
    withheld = frame.iloc[:1].assign(issue_type="duplicate_key", plot_code="J9", feature_id="J9")
    told = {"crs": CRS, "deliveries": [{"file": "inbox/plots.shp", "note": ""}]}
    return Layer(catalogue().layers["suspected_plot"], frame, withheld, told, "0123456789ab")


def findings() -> Results:
    rows: dict[str, list[Any]] = {name: ["x", "y"] for name in FINDING_COLUMNS}
    rows |= {"finding_id": ["F1", "F2"], "outcome": ["hit", "near"], "due_on": ["2026-10-01", ""]}
    points = [shapely.Point(EAST + 50, NORTH + 50), shapely.Point(EAST + 250, NORTH + 10)]
    frame = gpd.GeoDataFrame(rows, geometry=points, crs=CRS)
    manifest = {"as_of": "2026-09-30", "stopped": False, "layers": {"suspected_plot": {"version": "0123456789ab"}}}
    return Results(frame, pd.DataFrame(), manifest)


@dataclass(frozen=True)
class World:
    """Hold all that a package is made of; a plant returns one with a single fault in it."""

    profile: ShippedProfile
    layers: dict[str, Layer]
    results: Results | None = None
    setting: Setting = field(default_factory=lambda: Setting(place_of(CRS, REGION)))
    tamper: Callable[[list[ShapedLayer]], list[ShapedLayer]] = lambda shaped: shaped


def world(folder: Path, text: str = PROFILE) -> World:
    return World(profile_of(text, folder), {"suspected_plot": plots()}, findings())


# --- one fault each ---


def _cell(column: str, row: int, value: Any) -> Callable[[World], World]:
    def plant(sound: World) -> World:
        layer = sound.layers["suspected_plot"]
        frame = layer.frame.copy()
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return replace(sound, layers={"suspected_plot": replace(layer, frame=frame)})

    return plant


def _shape(shape: shapely.Geometry | None, row: int = 2) -> Callable[[World], World]:
    def plant(sound: World) -> World:
        layer = sound.layers["suspected_plot"]
        shapes = layer.frame.geometry.to_numpy().copy()
        shapes[row] = shape
        frame = layer.frame.set_geometry(gpd.GeoSeries(shapes, crs=CRS))
        return replace(sound, layers={"suspected_plot": replace(layer, frame=frame)})

    return plant


def _shaped(change: Callable[[ShapedLayer], ShapedLayer]) -> Callable[[World], World]:
    return lambda sound: replace(sound, tamper=lambda shaped: [change(shaped[0]), *shaped[1:]])


def _frame(change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Callable[[World], World]:
    return _shaped(lambda one: replace(one, frame=change(one.frame.copy())))


def _with_findings(**changes: Any) -> Callable[[World], World]:
    def plant(sound: World) -> World:
        spec = catalogue().layers["suspected_plot"]
        assert spec
        layers = (*sound.profile.layers, _FINDINGS[0])
        return replace(sound, profile=replace(sound.profile, layers=layers), **changes)

    return plant


def _prepare_findings(folder: Path) -> None:
    _FINDINGS[:] = [profile_of(PROFILE + FINDINGS_LAYER, folder, "with_findings").layers[1]]


_FINDINGS: list[Any] = []


def _lost_row(one: ShapedLayer) -> ShapedLayer:
    return replace(one, frame=one.frame.iloc[1:].reset_index(drop=True), source_area_m2=None)


def _filled_hole(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = frame.geometry.to_numpy().copy()
    shapes[0] = MultiPolygon([Polygon(shapes[0].geoms[0].exterior)])
    frame["MJ"] = [10_000.0 + float(extra) for extra in (0, 0, 0)]
    return frame.set_geometry(gpd.GeoSeries(shapes, crs=CRS))


def _far(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(frame.geometry.translate(xoff=38_000_000.0))


def _other_crs(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_crs("EPSG:4548", allow_override=True)


def _wrong_area(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    frame.loc[2, "MJ"] += 0.02
    return frame


TIE = Polygon([(EAST + 400, NORTH), (EAST + 500, NORTH + 100), (EAST + 500, NORTH), (EAST + 400, NORTH + 100)])
PINCHED = Polygon(
    [(EAST + 400, NORTH), (EAST + 450, NORTH + 50), (EAST + 500, NORTH), (EAST + 500, NORTH + 100),
     (EAST + 450, NORTH + 50), (EAST + 400, NORTH + 100)]
)  # fmt: skip
DOUBLED = Polygon(
    [
        (EAST + 400, NORTH),
        (EAST + 500, NORTH),
        (EAST + 500, NORTH),
        (EAST + 500, NORTH + 100),
        (EAST + 400, NORTH + 100),
    ]
)
SLIVER = MultiPolygon([square(400), Polygon([(EAST + 600, NORTH), (EAST + 700, NORTH), (EAST + 700, NORTH + 0.02)])])
OVERLAPPING = box(EAST + 290, NORTH, EAST + 400, NORTH + 100)  # 10 m by 100 m of J1

# 2,001 rings: the shell and 2,000 holes of a square metre, 2 m apart.
SIEVE = Polygon(square(400).exterior, [square(401 + 2 * (n % 49), 1 + 2 * (n // 49), 1).exterior for n in range(2000)])

# What is planted, the check that must fail, and what its place must name.
PLANTS: dict[str, tuple[Callable[[World], World], str, str]] = {
    "no layer can hold it": (lambda w: replace(w, profile=replace(w.profile, layers=())), "layers_there", "toy"),
    "the layer is absent": (lambda w: replace(w, layers={}), "needed_rows", "DK (suspected_plot)"),
    "findings without a run": (_with_findings(results=None), "findings_there", "XS"),
    "findings of older layers": (_with_findings(setting=Setting(place_of(CRS, REGION), ("地块",))), "findings_current", "XS"),
    "a row was lost": (_shaped(_lost_row), "row_count", "DK"),
    "a text is no number": (_cell("groundwater_flow_deg", 2, "北"), "value_type", "DK [LX] J2 @ 500400.00, 3850000.00 (EPSG:4547)"),
    "a name is missing": (_cell("plot_name", 2, None), "required", "DK [DKMC] DKBM=J2 @ 500400.00"),
    "a name is too long": (_cell("plot_name", 2, "一二三四五六七八九十一"), "text_length", "DK [DKMC] DKBM=J2 @"),
    "a text has 256 bytes": (_cell("address", 2, "街" * 128), "text_bytes", "DK [DZ] DKBM=J2 @"),
    "a letter is not GBK": (_cell("plot_name", 2, "乙𠮷厂"), "letters", "DK [DKMC] DKBM=J2 @"),
    "a letter is no XML": (_cell("plot_name", 2, "乙\x07厂"), "letters", "DK [DKMC] DKBM=J2 @"),
    "a text ends with a blank": (_cell("plot_name", 2, "乙厂 "), "blank_ends", "DK [DKMC] DKBM=J2 @"),
    "a number has four digits": (_cell("groundwater_flow_deg", 2, 1000.0), "number_digits", "DK [LX] DKBM=J2 @"),
    "a code is unknown": (_cell("trade", 2, "炼丹"), "codes", "DK [HYLX] DKBM=J2 @"),
    "a key stands twice": (_cell("plot_code", 2, "J1"), "unique_key", "DK [DKBM] DKBM=J1 @"),
    "a shape is missing": (_shape(None), "geometry_there", "DK DKBM=J2"),
    "a shape is empty": (_shape(Polygon()), "geometry_there", "DK DKBM=J2"),
    "a shape is a line": (_shape(LineString([(EAST + 400, NORTH), (EAST + 500, NORTH)])), "geometry_type", "DK DKBM=J2 @ 500400.00"),
    "a bow-tie": (_shape(TIE), "geometry_valid", "DK DKBM=J2 @ 500450.00, 3850050.00"),
    "a ring touches itself": (_shape(PINCHED), "ring_self_touch", "DK DKBM=J2 @ 500450.00, 3850050.00"),
    "a vertex is doubled": (_shape(DOUBLED), "duplicate_vertices", "DK DKBM=J2 @ 500500.00, 3850000.00"),
    "a sliver": (_shape(SLIVER), "slivers", "DK DKBM=J2 @ 500600.00"),
    "an overlap": (_shape(OVERLAPPING), "overlaps", "DK DKBM=J1 @ 500295.00, 3850050.00"),
    "outside the region": (_shape(square(90_000)), "inside_region", "DK DKBM=J2 @ 590000.00"),
    "another CRS": (_frame(_other_crs), "crs", "DK"),
    "eastings with a zone": (_frame(_far), "coordinates", "DK DKBM=J1 @ 38500200.00"),
    "a hole was filled": (_frame(_filled_hole), "area_sum", "DK"),
    "a plot of more rings than TXT holds": (_shape(SIEVE), "boundary_size", "DK (txt) DKBM=J2 @ 500"),
    "an area field is off": (_frame(_wrong_area), "area_field", "DK [MJ] DKBM=J3 @ 500000.00"),
    "a critical issue": (
        lambda w: replace(w, setting=replace(w.setting, issues={"suspected_plot": {"critical": 2}})), "source_critical", "DK (suspected_plot)",
    ),
}  # fmt: skip


def planted(name: str, folder: Path) -> World:
    """Return the toy with one fault."""
    _prepare_findings(folder)
    return PLANTS[name][0](world(folder))

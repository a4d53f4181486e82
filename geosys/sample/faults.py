"""The labelled faults: what senders get wrong, put into otherwise clean rows so that each is one known issue."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.affinity

from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.geometry import propose_repair
from geosys.sample.outfalls import NEEDS_APPROVAL
from geosys.sample.places import degrees_of
from geosys.sample.plots import shared_m2
from geosys.sample.terrain import CRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.sample.plots import Plots
    from geosys.sample.sites import Sites

MU_M2 = 2_000.0 / 3.0
_JOINED_M, _REACH_M = 5.0, 500.0
_ERRORS = (
    "default_point", "swapped_xy", "outside_region", "bad_coordinate", "missing_geometry", "duplicate_key", "invalid_refused",
)  # fmt: skip


@dataclass(frozen=True)
class Flawed:
    """Hold outlines for faulty plots: a small loop (repairable), a bow-tie (not), one over another plot, one spare."""

    loops: NDArray[np.object_]
    tie: shapely.Polygon
    overlap: shapely.Polygon
    spare: shapely.Polygon

    def settled(self) -> NDArray[np.object_]:
        """Return the outlines that stay in the layers, repaired where they need it."""
        fixed = [propose_repair(g).geometry for g in self.loops]
        return np.array([*fixed, self.overlap, self.spare], dtype=object)


def flawed_outlines(sites: Sites, plots: Plots, planned: NDArray[np.object_], arable: NDArray[np.object_]) -> Flawed:
    """Draw the faulty plots on works that are still free and far from every zone, the red line and the plan's homes."""
    middles = shapely.multipoints(shapely.centroid(planned))
    far = sites.free & ~sites.in_zone & ~sites.in_redline & ~sites.near_zone & ~sites.is_planned
    far &= shapely.distance(sites.outline, middles) > 600.0  # noqa: PLR2004
    loop_a, loop_b, tie, spare = sites.take(4, far)
    loops = np.array([_with_loop(sites.outline[k]) for k in (loop_a, loop_b)], dtype=object)
    return Flawed(
        loops, _bow_tie(sites.outline[tie]), _overlapping(sites, plots, middles, arable), sites.outline[spare]
    )


def _overlapping(sites: Sites, plots: Plots, homes: shapely.MultiPoint, arable: NDArray[np.object_]) -> shapely.Polygon:
    """Return a copy of a lonely suspected plot, moved so that it covers part of it and clear shares of fields."""
    base = plots.suspected.geometry.to_numpy()
    tree = shapely.STRtree(arable)
    gap = np.sort(shapely.distance(base[:, None], sites.outline[None, :]), axis=1)[:, 1]
    lonely = np.where((gap > 250.0) & ~plots.suspected["is_planted"], shapely.distance(base, homes), 0.0)  # noqa: PLR2004
    moved = base[int(np.argmax(lonely))]
    for at in np.argsort(-lonely, kind="stable")[:8]:
        corner = shapely.get_coordinates(base[at])
        moved = shapely.affinity.translate(base[at], *np.round((corner[1] - corner[0]) * 0.85, 3))
        parts = shared_m2(moved, tree)
        if not ((parts > 50.0) & (parts < 180.0)).any():  # noqa: PLR2004
            break
    return moved


def _with_loop(outline: shapely.Polygon) -> shapely.Polygon:
    """Return the outline with a slip of the pen on its first edge: a loop of about one square metre."""
    ring = shapely.get_coordinates(outline)
    along = (ring[1] - ring[0]) / np.hypot(*(ring[1] - ring[0]))
    left = np.array([-along[1], along[0]])
    slip = [ring[0] + along * 6.0, ring[0] + along * 5.0 + left * 1.5, ring[0] + along * 4.0 - left * 1.5]
    return shapely.Polygon(np.round(np.vstack([ring[:1], slip, ring[1:]]), 3))


def _bow_tie(outline: shapely.Polygon) -> shapely.Polygon:
    """Return the outline with two neighbouring corners exchanged."""
    ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline))[:4]
    return shapely.Polygon(np.round(ring[[0, 2, 1, 3]], 3))


@dataclass
class Spoiled:
    """Hold the frames with faults in them and the label of each fault (frame, row, key, field, issue_type)."""

    frames: dict[str, gpd.GeoDataFrame]
    labels: list[dict[str, Any]] = field(default_factory=list)

    def put(self, name: str, at: int, column: str, value: Any, issue: str) -> None:
        """Overwrite one cell and label it."""
        frame = self.frames[name]
        if frame[column].dtype != object:
            frame[column] = frame[column].astype(object)
        frame.iloc[at, frame.columns.get_loc(column)] = value
        self.label(name, at, column, issue)

    def add(
        self,
        name: str,
        like: int,
        issue: str,
        column: str = "",
        geometry: shapely.Geometry | None = None,
        **values: Any,
    ) -> int:
        """Append a row like another with some values changed, label it (unless `issue` is empty) and return its position."""
        frame = self.frames[name]
        row = frame.iloc[[like]].copy().astype(dict.fromkeys(values, object))
        for key, value in values.items():
            row[key] = [value]
        if geometry is not None:
            row = row.set_geometry(gpd.GeoSeries([geometry], index=row.index, crs=CRS))
        joined = pd.concat([frame.astype(dict.fromkeys(values, object)), row], ignore_index=True)
        self.frames[name] = gpd.GeoDataFrame(joined, geometry="geometry", crs=CRS)
        at = len(joined) - 1
        if issue:
            self.label(name, at, column, issue)
        return at

    def label(self, name: str, at: int, column: str, issue: str) -> None:
        """Note one fault."""
        self.labels.append({"frame": name, "row": at, "field": column, "issue_type": issue})

    def effective(self) -> dict[str, gpd.GeoDataFrame]:
        """Return the frames without the rows that intake must withhold, and with repaired outlines."""
        out: dict[str, gpd.GeoDataFrame] = {}
        for name, frame in self.frames.items():
            gone = {e["row"] for e in self.labels if e["frame"] == name and e["issue_type"] in _ERRORS}
            kept = frame.drop(index=sorted(gone)).reset_index(drop=True)
            shapes = kept.geometry.to_numpy()
            bad = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
            shapes = shapes.copy()
            for at in bad:
                shapes[at] = propose_repair(shapes[at]).geometry
            out[name] = kept.set_geometry(gpd.GeoSeries(shapes, crs=CRS))
        return out


def plant_faults(frames: dict[str, gpd.GeoDataFrame], flawed: Flawed) -> Spoiled:
    """Return the frames with every labelled fault in place; rows that carry a risk are left alone."""
    spoiled = Spoiled({name: frame.copy() for name, frame in frames.items()})
    _in_outlets(spoiled)
    _in_plots(spoiled, flawed)
    _in_book(spoiled)
    _in_waters(spoiled)
    _in_tables(spoiled)
    _along_rivers(spoiled)
    return spoiled


def _plain_outlets(frame: gpd.GeoDataFrame) -> Sequence[int]:
    """Return positions of outfalls that no rule about their own values concerns."""
    plain = (frame["rectify_state"] == "已完成") & frame["is_traced"].astype(bool) & ~frame["is_planted"]
    plain &= ~frame["outfall_type"].isin(NEEDS_APPROVAL)
    return [int(i) for i in np.flatnonzero(plain)]


def _in_outlets(spoiled: Spoiled) -> None:
    """Spoil the outfall ledger: places above all."""
    name = "outlets"
    plain = _plain_outlets(spoiled.frames[name])
    spoiled.put(name, plain[0], "handling", "继续观察", "bad_code")
    spoiled.put(name, plain[1], "found_on", "2024年13月5日", "bad_date")
    spoiled.put(name, plain[2], "found_on", "去年汛期", "bad_date")
    spoiled.put(name, plain[3], "is_approved", "待定", "bad_truth")
    spoiled.put(name, plain[4], "found_on", dt.date(2029, 3, 1), "dates_out_of_order")
    spoiled.labels[-1]["field"] = "target_on"
    spoiled.label(name, plain[4], "found_on", "date_in_future")
    code = "HN-410299-9{:03d}-QT-00".format
    for k in range(4):
        at = spoiled.add(
            name, plain[5 + k], "default_point", outfall_code=code(k), lon="111°00′00.00″", lat="30°00′00.00″"
        )
        if k:
            spoiled.label(name, at, "", "duplicate_geometry")
    for k in (10, 11):
        row = spoiled.frames[name].iloc[plain[k]]
        spoiled.add(name, plain[k], "swapped_xy", outfall_code=code(k), lon=row["lat"], lat=row["lon"])
    spoiled.add(name, plain[12], "outside_region", outfall_code=code(12), lon="116°18′36.52″")
    spoiled.add(name, plain[13], "bad_coordinate", "纬度", outfall_code=code(13), lat="34°75′12.30″")
    spoiled.add(name, plain[14], "bad_coordinate", "经度", outfall_code=code(14), lon="见附图")
    spoiled.add(name, plain[15], "missing_geometry", outfall_code=code(15), lon=None, lat=None)
    other = spoiled.frames[name].iloc[plain[17]]
    spoiled.add(name, plain[16], "duplicate_key", "outfall_code", lon=other["lon"][:-6] + "30.00″", lat=other["lat"])


def _in_plots(spoiled: Spoiled, flawed: Flawed) -> None:
    """Spoil the three lists of plots: outlines, areas and states."""
    for name, outline in zip(("contaminated", "priority"), flawed.loops, strict=True):
        fixed = np.array([propose_repair(outline).geometry], dtype=object)
        area = round(float(ellipsoidal_area_m2(fixed, CRS)[0]), 2)
        code = f"410299{'W' if name == 'contaminated' else 'J'}9001"
        spoiled.add(name, 13, "invalid_repaired", geometry=outline, plot_code=code, stated_area_m2=area)
    spoiled.add(
        "contaminated", 14, "invalid_refused", geometry=flawed.tie, plot_code="410299W9002", stated_area_m2=np.nan
    )
    area = round(float(ellipsoidal_area_m2(np.array([flawed.overlap], dtype=object), CRS)[0]), 2)
    spoiled.add("suspected", 12, "overlap", geometry=flawed.overlap, plot_code="410299Y9001", stated_area_m2=area)
    area = round(float(ellipsoidal_area_m2(np.array([flawed.spare], dtype=object), CRS)[0]), 2)
    spoiled.add("priority", 15, "duplicate_key", "plot_code", geometry=flawed.spare, stated_area_m2=area)
    at = spoiled.add("suspected", 11, "missing_geometry", plot_code="410299Y9002")
    spoiled.frames["suspected"].loc[at, "geometry"] = None
    for name, row in (("suspected", 13), ("contaminated", 11), ("priority", 16)):
        stated = spoiled.frames[name]["stated_area_m2"].iloc[row]
        spoiled.put(name, row, "stated_area_m2", round(float(stated) / MU_M2, 2), "area_disagrees")
    spoiled.put("priority", 17, "trade", "纺织印花", "bad_code")
    done = np.flatnonzero(spoiled.frames["suspected"]["survey_state"] == "已完成")
    spoiled.put("suspected", int(done[-7]), "survey_done_on", None, "requires_value")
    early = dt.date(2021, 5, 6)
    spoiled.put("suspected", int(done[-8]), "survey_done_on", early, "dates_out_of_order")


def _in_book(spoiled: Spoiled) -> None:
    """Spoil the survey's book of patches and the farmland categories."""
    name = "patches"
    frame = spoiled.frames[name]
    arable = np.flatnonzero(frame["land_class_code"] == "0102")
    a, b, c, d, e, f = (int(arable[k]) for k in (500, 2_500, 4_500, 6_500, 8_500, 10_500))
    spoiled.put(name, a, "net_area_m2", round(float(frame["stated_area_m2"].iloc[a]) * 0.9, 2), "sums_disagree")
    spoiled.put(name, b, "land_class_code", "0199", "bad_code")
    spoiled.put(name, c, "seat_unit_code", "410223" + str(frame["seat_unit_code"].iloc[c])[6:], "wrong_county")
    stated = round(float(frame["stated_area_m2"].iloc[d]) / MU_M2, 2)
    spoiled.frames[name].loc[d, ["stated_area_m2", "net_area_m2"]] = stated
    spoiled.label(name, d, "stated_area_m2", "area_disagrees")
    spoiled.put(name, f, "patch_code", frame["patch_code"].iloc[e], "duplicate_key")
    priority = np.flatnonzero(spoiled.frames["farm_units"]["category"] == "优先保护")
    spoiled.put("farm_units", int(priority[40]), "measure_on", "2025-02-30", "bad_date")
    at = int(priority[60])
    stated = float(spoiled.frames["farm_units"]["stated_area_m2"].iloc[at])
    spoiled.put("farm_units", at, "stated_area_m2", round(stated / MU_M2, 2), "area_disagrees")


def _in_waters(spoiled: Spoiled) -> None:
    """Spoil sections, samples, rivers and zones; a section keeps its code, as its samples and outfalls above are named by it."""
    spoiled.put("sections", 20, "target_class", "VII", "bad_code")
    spoiled.add("sections", 40, "outside_region", section_code="DM410299901", lat="33.118260")
    spoiled.put("samples", 100, "nh3n_mg_l", "<0.025L", "bad_number")
    spoiled.put("samples", 777, "tp_mg_l", "未检出", "bad_number")
    spoiled.put("samples", 901, "ph", 79.0, "out_of_range")
    spoiled.add("samples", 1_200, "duplicate_key", "section_code", nh3n_mg_l=0.41)
    spoiled.put("rivers", 9, "target_class", "VI", "bad_code")
    stated = float(spoiled.frames["zones"]["stated_area_m2"].iloc[8])
    spoiled.put("zones", 8, "stated_area_m2", round(stated / 10_000.0, 4), "area_disagrees")


def _in_tables(spoiled: Spoiled) -> None:
    """Spoil the smaller tables: soil samples, units, plants, receptors, villages, groundwater points."""
    spoiled.put("soils", 50, "ph", 81.0, "out_of_range")
    spoiled.put("soils", 210, "hg_mg_kg", "0.03~0.05", "bad_number")
    spoiled.add("soils", 300, "outside_region", sample_code="TR202599001", lon=112.345678)
    units = spoiled.frames["units"]
    degrees = degrees_of(units.geometry.to_numpy()[[15]])[0] + 0.01
    spoiled.add("units", 14, "duplicate_key", "unit_code", lon=round(degrees[0], 6), lat=round(degrees[1], 6))
    row = units.iloc[16]
    spoiled.add("units", 16, "swapped_xy", unit_code="410299ZD901", lon=row["lat"], lat=row["lon"])
    spoiled.put("plants", 30, "load_t_d", "约一半", "bad_number")
    spoiled.put("plants", 36, "plant_code", None, "missing_key")
    spoiled.put("villages", 44, "sewage_state", "不详", "bad_code")
    spoiled.put("wells", 12, "point_code", None, "missing_key")
    spoiled.put("wells", 25, "depth_m", -35.0, "out_of_range")
    quiet = len(spoiled.frames["receptors"]) - 1
    at = spoiled.add("receptors", quiet, "duplicate_geometry", receptor_code="MG4102999001")
    spoiled.frames["receptors"].loc[at, "receptor_name"] = "样例重复登记饮水井"


def _along_rivers(spoiled: Spoiled) -> None:
    """Label what every river map has: mouths that end on a line, canals that cross without a node, waters apart, near twins."""
    lines = spoiled.frames["rivers"].geometry.to_numpy()
    count = len(lines)
    ends = shapely.get_point(lines, -1)
    mouths = {(i, j) for i in range(count) for j in range(count) if i != j and lines[j].distance(ends[i]) < _JOINED_M}
    pairs = {(min(pair), max(pair)) for pair in mouths}
    crossing = {(i, j) for i in range(count) for j in range(i) if lines[i].crosses(lines[j])} - {p[::-1] for p in pairs}
    alone = set(range(count)) - {k for pair in mouths for k in pair}
    for row in sorted({min(p) for p in crossing} | alone):  # the mouths are told with the file
        spoiled.label("rivers", row, "", "river_fault")
    plants = spoiled.frames["plants"].geometry.to_numpy()
    first, second = np.sort(shapely.distance(plants[:, None], lines[None, :]), axis=1)[:, :2].T
    like = (second <= _REACH_M) & (second < np.maximum(1.5 * first, first + 10.0))
    for at in np.flatnonzero(like).tolist():
        spoiled.label("plants", at, "", "doubtful_river")

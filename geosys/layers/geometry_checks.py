"""The declared checks of geometry: duplicates, overlaps, gaps, slivers, spikes, repeated vertices, tiny rings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.coverage import gaps, near_equal_pairs
from geosys.geo.geometry import duplicate_of, overlapping_pairs
from geosys.geo.outlines import repeated_vertices, slivers, spikes, tiny_rings
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from geosys.geo.outlines import Spots
    from geosys.layers.rows_under_check import Rows

ROUNDING_M = 0.02  # a straight edge of 1 km bends by 14 mm between degrees and a zone: such cracks are not the sender's
_NAMED = 3


def duplicate_geometry(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows whose geometry equals that of an earlier row."""
    earlier = duplicate_of(rows.geometry)
    for i in np.flatnonzero(earlier >= 0):
        other = rows.frame["feature_id"].iloc[earlier[i]]
        text = Text(f"几何与“{other}”完全相同", f"The geometry equals that of '{other}'")
        yield Issue("duplicate_geometry", text, int(i), value=other, geometry=rows.geometry[i])


def near_duplicate(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find polygons that share more than ``min_iou`` of what they cover together with an earlier row, without being equal."""
    for i, j, share in near_equal_pairs(rows.geometry, float(settings["min_iou"])):
        other = rows.id_of(i)
        zh = f"与“{other}”的公共面积占两者合计范围的 {share:.2%}，几乎重合"
        en = f"Shares {share:.2%} of what it covers together with '{other}': nearly the same"
        yield Issue("near_duplicate", Text(zh, en), j, value=other, geometry=rows.geometry[j])


def no_overlap(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find polygons of one layer that overlap by more than ``max_area_m2``; the later row of a pair is named."""
    for i, j, _ in overlapping_pairs(rows.geometry, float(settings["max_area_m2"])):
        piece = shapely.intersection(rows.geometry[i], rows.geometry[j])
        yield overlap_issue(int(j), rows.frame["feature_id"].iloc[i], piece, rows.crs)


def overlap_issue(row: int, other: str, piece: shapely.Geometry, crs: str) -> Issue:
    """Return the issue of a row that shares a piece with another feature."""
    area = float(ellipsoidal_area_m2(np.array([piece], dtype=object), crs)[0])
    text = Text(f"与“{other}”重叠 {area:.2f} m²", f"Overlaps '{other}' by {area:.2f} m²")
    return Issue("overlap", text, row, value=f"{area:.2f}", geometry=piece)


def no_gaps(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find holes in the union of all polygons that are smaller than ``max_area_m2``; the first row around it is named."""
    for gap in gaps(rows.geometry, float(settings["max_area_m2"]), ROUNDING_M):
        area = float(ellipsoidal_area_m2(np.array([gap.place], dtype=object), rows.crs)[0])
        names = [rows.id_of(i) for i in gap.around[:_NAMED]]
        zh = f"“{'”“'.join(names)}”{'等' if len(gap.around) > _NAMED else ''}之间有 {area:.2f} m² 未被任何图斑覆盖"
        more = " and others" if len(gap.around) > _NAMED else ""
        en = f"No polygon covers {area:.2f} m² between {', '.join(repr(n) for n in names)}{more}"
        yield Issue("gap", Text(zh, en), gap.around[0], value=f"{area:.2f}", geometry=gap.place)


def no_slivers(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find parts smaller than ``max_area_m2`` and thinner (4πA/P²) than ``max_compactness``."""
    spots = slivers(rows.geometry, float(settings["max_area_m2"]), float(settings["max_compactness"]))
    area, around = shapely.area(spots.place), shapely.length(spots.place)
    for i, place, a, p in zip(spots.row, spots.place, area, around, strict=True):
        zh = f"面积 {a:.2f} m²、周长 {p:.1f} m，平均宽约 {2 * a / p:.2f} m：狭长碎面"
        en = f"{a:.2f} m² within a border of {p:.1f} m, about {2 * a / p:.2f} m wide: a sliver"
        yield Issue("sliver", Text(zh, en), int(i), value=f"{a:.2f}", geometry=place)


def no_spikes(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows with a vertex of an angle below ``max_angle_deg`` between edges of at least ``min_leg_m``."""
    limit = float(settings["max_angle_deg"])
    for i, place, count in _by_row(spikes(rows.geometry, limit, float(settings["min_leg_m"]))):
        zh, en = f"{count} 处折角小于 {limit:g}°：尖刺", f"{count} corners of less than {limit:g}°: spikes"
        yield Issue("spike", Text(zh, en), i, value=count, geometry=place)


def no_repeated_vertices(rows: Rows, _: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rows that name a vertex twice in a row."""
    for i, place, count in _by_row(repeated_vertices(rows.geometry)):
        text = Text(f"{count} 个拐点与前一点重复", f"{count} vertices equal the one before them")
        yield Issue("repeated_vertices", text, i, value=count, geometry=place)


def no_tiny_rings(rows: Rows, settings: Mapping[str, Any]) -> Iterator[Issue]:
    """Find rings, shells and holes alike, that enclose less than ``max_area_m2``."""
    spots = tiny_rings(rows.geometry, float(settings["max_area_m2"]))
    for i, place, area in zip(spots.row, spots.place, shapely.area(spots.place), strict=True):
        text = Text(f"有一个环只有 {area:.3f} m²", f"One of its rings encloses {area:.3f} m² only")
        yield Issue("tiny_ring", text, int(i), value=f"{area:.3f}", geometry=place)


def _by_row(spots: Spots) -> Iterator[tuple[int, shapely.Geometry, int]]:
    """Yield the row, the place (one point or several together) and the number of faults of each row that has any."""
    for i in np.unique(spots.row):
        places = spots.place[spots.row == i]
        yield int(i), places[0] if len(places) == 1 else shapely.multipoints(places), len(places)

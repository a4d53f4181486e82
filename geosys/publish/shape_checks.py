"""Check the shapes of a layer: there, of one kind, valid, without doubled vertices, slivers and overlaps, in the region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.crs import parse_crs, to_crs
from geosys.geo.geometry import of_kind, overlapping_pairs
from geosys.geo.geometry import place_of as spot_of
from geosys.geo.outlines import repeated_vertices, slivers, tiny_rings
from geosys.publish.check_words import Fault
from geosys.publish.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geosys.layers.place import Place
    from geosys.publish.check_words import Findings
    from geosys.publish.content import ShapedLayer

# Our reading, no clause: what smaller shapes are is noise of digitising, which the platform's topology check would return.
SLIVER_M2, SLIVER_COMPACTNESS = 5.0, 0.03
TINY_M2 = 0.5
OVERLAP_M2, OVERLAP_WIDTH_M = 0.1, 0.01  # neighbours on a millimetre grid overlap by millimetres along their border
_SELF_TOUCH = ("Ring Self-intersection", "Duplicate Rings")


def check_shapes(shaped: ShapedLayer, place: Place, told: Findings) -> None:
    """Note what is wrong with the shapes of a layer.

    Parameters
    ----------
    place : of the plan: its metric CRS, in which degrees are measured, and its region.
    """
    geometry = shaped.frame.geometry.to_numpy()
    told.tell("geometry_there", _missing(shaped, geometry))
    told.tell("geometry_type", _other_kinds(shaped, geometry))
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    is_valid = np.ones(len(geometry), dtype=bool)
    is_valid[there] = shapely.is_valid(geometry[there])
    reasons = {int(row): str(shapely.is_valid_reason(geometry[row])) for row in np.flatnonzero(there & ~is_valid)}
    touching = {row: reason for row, reason in reasons.items() if reason.startswith(_SELF_TOUCH)}
    told.tell(
        "geometry_valid", _invalid(shaped, {row: reason for row, reason in reasons.items() if row not in touching})
    )
    told.tell("ring_self_touch", _invalid(shaped, touching))
    own = str(shaped.frame.crs)
    crs = own if parse_crs(own).is_projected else place.crs
    plane = to_crs(geometry, own, crs)
    sound = _only(plane, there & is_valid)
    if shaped.layer.geometry != "point":
        told.tell("duplicate_vertices", _doubled(shaped, _only(plane, there), crs))
    if shaped.layer.geometry == "polygon":
        told.tell("slivers", _slivers(shaped, sound, crs))
    if shaped.layer.geometry == "polygon" and not shaped.layer.may_overlap:
        told.tell("overlaps", _overlaps(shaped, sound, crs))
    if place.region is not None:
        told.tell("inside_region", _outside(shaped, sound, crs, place))


def _only(geometry: NDArray[np.object_], chosen: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return the chosen geometries, the others missing."""
    kept = geometry.copy()
    kept[~chosen] = None
    return kept


def _missing(shaped: ShapedLayer, geometry: NDArray[np.object_]) -> Iterator[Fault]:
    for row in np.flatnonzero(shapely.is_missing(geometry) | shapely.is_empty(geometry)):
        yield Fault(place_of(shaped, int(row)), "无图形或空图形 no shape or an empty one", "图形 a shape")


def _other_kinds(shaped: ShapedLayer, geometry: NDArray[np.object_]) -> Iterator[Fault]:
    good = of_kind(geometry, shaped.layer.geometry) | shapely.is_missing(geometry)
    high = shapely.has_z(geometry) | shapely.has_m(geometry)
    for row in np.flatnonzero(~good | high):
        got = geometry[row].geom_type + (" Z/M" if high[row] else "")
        yield Fault(place_of(shaped, int(row)), got, shaped.layer.geometry)


def _invalid(shaped: ShapedLayer, reasons: dict[int, str]) -> Iterator[Fault]:
    geometry = shaped.frame.geometry
    for row, reason in reasons.items():
        yield Fault(place_of(shaped, row, spot_of(reason, geometry.iloc[row])), reason, "OGC 有效 valid by OGC")


def _doubled(shaped: ShapedLayer, plane: NDArray[np.object_], crs: str) -> Iterator[Fault]:
    spots = repeated_vertices(plane)
    for row, spot in zip(spots.row, spots.place, strict=True):
        yield Fault(
            place_of(shaped, int(row), spot, crs), "相邻两点相同 two vertices in one place", "每点一次 each once"
        )


def _slivers(shaped: ShapedLayer, plane: NDArray[np.object_], crs: str) -> Iterator[Fault]:
    for spots in (slivers(plane, SLIVER_M2, SLIVER_COMPACTNESS), tiny_rings(plane, TINY_M2)):
        for row, part in zip(spots.row, spots.place, strict=True):
            got = f"{shapely.area(part):.3f} m²，周长 border {shapely.length(part):.2f} m"
            expected = f"≥ {TINY_M2} m²；细长者 thin ones ≥ {SLIVER_M2} m²"
            yield Fault(place_of(shaped, int(row), part, crs), got, expected)


def _overlaps(shaped: ShapedLayer, plane: NDArray[np.object_], crs: str) -> Iterator[Fault]:
    for one, two, area in overlapping_pairs(plane, OVERLAP_M2):
        common = shapely.intersection(plane[one], plane[two])
        if 2.0 * area / shapely.length(common) > OVERLAP_WIDTH_M:
            other = place_of(shaped, two).partition(" @")[0]
            spot = shapely.point_on_surface(common)
            yield Fault(
                place_of(shaped, one, spot, crs), f"与 {other} 重叠 overlap {area:.2f} m²", f"≤ {OVERLAP_M2} m²"
            )


def _outside(shaped: ShapedLayer, plane: NDArray[np.object_], crs: str, place: Place) -> Iterator[Fault]:
    in_plan = to_crs(plane, crs, place.crs)
    assert place.region is not None  # noqa: S101 (asked by the caller)
    shapely.prepare(place.region)
    lost = shapely.disjoint(place.region, in_plan) & ~shapely.is_missing(in_plan)
    for row in np.flatnonzero(lost):
        yield Fault(place_of(shaped, int(row)), "范围之外 outside", place.region_text)

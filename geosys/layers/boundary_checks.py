"""What the plot lines of a boundary-point file state of their plots, held against the points: count and area."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import CrsError
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU, ellipsoidal_area_m2
from geosys.layers.boundary_model import AREA, COUNT
from geosys.layers.boundary_rings import check_numbers
from geosys.layers.values import HALF_WIDTH, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.layers.boundary_lines import RawBlock, RawFile
    from geosys.layers.boundary_model import Dialect, FaultLog
    from geosys.layers.boundary_rings import Ring

UNITS_M2 = {
    "公顷": SQUARE_METRES_PER_HECTARE,
    "平方米": 1.0,
    "亩": SQUARE_METRES_PER_MU,
    "平方公里": 1_000_000.0,
}
AREA_TOLERANCE_SHARE = 0.002  # plane against ellipsoid in a 3° zone reaches 0.0011; a wrong unit is off by 1.5 and more
_MOST_AREA_LETTERS = 40
_AREA = re.compile(
    r"\s*([-+]?\d*\.?(\d*)(?:[eE][-+]?\d{1,3})?)\s*(公顷|平方米|平方公里|亩|ha|㎡|m2|m²)?\s*", re.IGNORECASE
)
_UNIT_WORDS = {"ha": "公顷", "㎡": "平方米", "m2": "平方米", "m²": "平方米"}


def stated_count(block: RawBlock) -> int | None:
    """Return the point count a plot line states, or None where it states none that can be read."""
    text = block.values.get(COUNT, "").translate(HALF_WIDTH)
    return int(text) if re.fullmatch(r"\d{1,12}", text) else None


def check_rings(raw: RawFile, rings: Sequence[Sequence[Ring]], shapes: NDArray[np.object_], dialect: Dialect) -> None:
    """Note open rings among closed ones, gaps in point numbers, and stated counts that do not fit."""
    for i, (block, parts) in enumerate(zip(raw.blocks, rings, strict=True)):
        check_numbers(parts, i, raw.log)
        is_area = shapes[i] is None or shapes[i].geom_type.endswith("Polygon")
        for ring in parts:
            if dialect.is_closed and not ring.is_closed and is_area:
                raw.log.add("ring_not_closed", ring.points[-1].line, ring.points[-1].number, ring.points[0].number, i)
        text, stated = block.values.get(COUNT, ""), stated_count(block)
        bare = sum(len(r.points) for r in parts)
        if text and stated is None:
            raw.log.add("bad_count", block.line, text, str(len(block.points)), i)
        right = bare + len(parts) * dialect.counts_closing if is_area else len(block.points)
        if stated and stated != right:  # a count of 0 is a blank that was filled
            raw.log.add("point_count", block.line, str(stated), f"{right} ({len(block.points)} lines)", i)
        elif stated and is_area and len(raw.blocks) == 1 and len(parts) == 1 and bare == len(block.points) < stated:
            # an open ring that counts its closing point, or one that lost its last line: one plot cannot tell
            raw.log.add("point_count", block.line, str(stated), f"{bare}, or a line is lost", i)


def check_areas(raw: RawFile, shapes: NDArray[np.object_], crs: str | None, *, is_degrees: bool) -> list[str]:
    """Return the unit in which each plot's stated area fits its points, and note those that fit in none but hectares."""
    units = [""] * len(raw.blocks)
    kind = shapely.get_dimensions(shapes)
    usable = np.flatnonzero((kind == 2) & shapely.is_valid(shapes))  # noqa: PLR2004
    flat = shapely.area(shapes[usable]) if not is_degrees else np.zeros(len(usable))
    try:
        ground = ellipsoidal_area_m2(shapes[usable], crs) if crs else flat
    except CrsError:
        ground = flat
    for i, plane, ellipsoid in zip(usable, flat, ground, strict=True):
        block = raw.blocks[i]
        text = block.values.get(AREA, "").translate(HALF_WIDTH)
        if text.strip():
            computed = {"planar": float(plane), "ellipsoidal": float(ellipsoid)}
            units[i] = _area_unit(text, {k: v for k, v in computed.items() if v > 0}, shapes[i], block, int(i), raw.log)
    return units


def _area_unit(
    text: str, computed: dict[str, float], shape: shapely.Geometry, block: RawBlock, at: int, log: FaultLog
) -> str:
    """Return the unit that makes a stated area fit, or an empty text with a fault that says what would explain it."""
    match = _AREA.fullmatch(text) if len(text) <= _MOST_AREA_LETTERS else None
    value = number(match[1]) if match else None
    if match is None or value is None:
        log.add("bad_area", block.line, text, "a number of hectares", at)
        return ""
    word = (match[3] or "").lower()
    stated = _UNIT_WORDS.get(word, word)
    if not value or not computed:
        return ""
    rounding = 10.0 ** -len(match[2])

    def fits(unit: str, areas: Sequence[float]) -> bool:
        factor = UNITS_M2[unit]
        return any(abs(value * factor - a) <= rounding * factor * 0.51 + AREA_TOLERANCE_SHARE * a for a in areas)

    wanted = [stated] if stated else list(UNITS_M2)
    unit = next((u for u in wanted if fits(u, list(computed.values()))), "")
    shown = ", ".join(f"{v:.2f} m² {k}" for k, v in computed.items())
    if unit:
        if unit != "公顷":
            log.add("area_unit", block.line, f"{text} = {unit}", f"{next(iter(computed.values())) / 1e4:.4f} 公顷", at)
        return unit
    shells = [sum(shapely.area(shapely.polygons(shapely.get_exterior_ring(p))) for p in shapely.get_parts(shape))]
    units = [u for u in UNITS_M2 if fits(u, list(computed.values()))]
    whole = (
        [u for u in UNITS_M2 if fits(u, shells)]
        if shapely.get_num_interior_rings(shapely.get_parts(shape)).any()
        else []
    )
    why = f"; fits in {units[0]}" if units else f"; fits in {whole[0]} with the holes not taken out" if whole else ""
    log.add("area_differs", block.line, text, f"{shown}{why}", at)
    return ""

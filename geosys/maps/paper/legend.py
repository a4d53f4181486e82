"""The legend: only what is on the sheet, each entry once, its symbols drawn as the map draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geosys.maps.paper.looks import entries_of
from geosys.maps.paper.mapping import draw_group
from geosys.maps.paper.plate import Plate
from geosys.maps.paper.words import breakable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.looks import Look
    from geosys.maps.paper.mapping import DrawnMap
    from geosys.maps.paper.measures import Measures

CELL_MM = (9.0, 5.0)


class DrawnLegend(NamedTuple):
    """Hold a legend: one drawing with all symbols, one below the other, and the headings and texts beside them."""

    pdf: bytes
    layout: dict[str, Any]


def draw_legend(
    maps: Sequence[DrawnMap], measures: Measures, fonts: Fonts, language: str, growth: float
) -> DrawnLegend:
    """Draw the legend of some maps of one sheet; what two of them share stands in it once."""
    looks: list[Look] = []
    parts: dict[str, list[list[object]]] = {}
    seen: set[tuple[str, str, Look]] = set()
    for drawn in maps:
        for heading, groups in entries_of(drawn.groups):
            part = breakable(heading, language)
            for group in groups:
                title = breakable(measures.words["other"] if group.is_other and part else group.title, language)
                if (part, title, group.look) in seen:
                    continue
                seen.add((part, title, group.look))
                parts.setdefault(part or f"\n{len(parts)}", []).append([len(looks), title])
                looks.append(group.look)
    width, height = CELL_MM[0] * growth, CELL_MM[1] * growth
    plate = Plate(width, max(len(looks), 1) * height, fonts, growth)
    for i, look in enumerate(looks):
        _draw_symbol(
            plate,
            look,
            (0.6 * growth, i * height + 0.7 * growth, width - 0.6 * growth, (i + 1) * height - 0.7 * growth),
        )
    listed = [{"heading": "" if name.startswith("\n") else name, "entries": entries} for name, entries in parts.items()]
    longest = max((len(str(entry[1])) for part in parts.values() for entry in part), default=0)
    return DrawnLegend(
        plate.to_pdf(), {"width": width, "height": height, "count": len(looks), "longest": longest, "parts": listed}
    )


def _draw_symbol(plate: Plate, look: Look, box: tuple[float, float, float, float]) -> None:
    """Draw a look into a box: a patch of area, a piece of line, one marker."""
    left, top, right, bottom = box
    middle = (top + bottom) / 2
    shape: shapely.Geometry = shapely.box(*box)
    if look.kind == "line":
        shape = shapely.LineString([(left, middle), (right, middle)])
    elif look.kind == "point":
        shape = shapely.Point((left + right) / 2, middle)
    draw_group(plate, np.array([shape], dtype=object), look, shapely.box(left - 1, top - 1, right + 1, bottom + 1))

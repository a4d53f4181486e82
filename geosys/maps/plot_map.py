"""Draw a map frame of a sheet as SVG for a page: the same features, groups, labels and scale as on paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.maps.paper.labels import MM_PER_PT
from geosys.maps.paper.looks import darker, is_hollow, shaped
from geosys.maps.paper.mapping import draw_map, inside
from geosys.maps.paper.plate import marker
from geosys.maps.paper.words import plain

if TYPE_CHECKING:
    from geosys.maps.paper.looks import Look
    from geosys.maps.paper.mapping import DrawnMap, Layered
    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import MapFrame

_INK, _WHITE = "#1A1E24", "#FFFFFF"
# Lines of a hatch in a square of so many millimetres.
_CELL = 2.0
_STROKES = {
    "forward": "M0 2L2 0", "backward": "M0 0L2 2", "cross": "M0 2L2 0M0 0L2 2", "horizontal": "M0 1H2", "vertical": "M1 0V2",
    "dots": "M.9 1h.2",
}  # fmt: skip


class HatchBook:
    """The hatches a page needs, each pattern defined once under its own name, and names for its clips."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._clips = 0

    def clip(self) -> str:
        """Return a name for the next clip."""
        self._clips += 1
        return f"c{self._clips}"

    def name(self, hatch: str, colour: str) -> str:
        """Return the name of a pattern."""
        return self._names.setdefault((hatch, colour), f"h{len(self._names)}")

    def definitions(self) -> str:
        """Return the patterns as one SVG that takes no room."""
        patterns = "".join(
            f'<pattern id="{name}" width="{_CELL:g}" height="{_CELL:g}" patternUnits="userSpaceOnUse">'
            f'<path d="{_STROKES[hatch]}" stroke="{escape(colour)}" stroke-width="{0.5 if hatch == "dots" else 0.18:g}" '
            f'stroke-linecap="round" fill="none"/></pattern>'
            for (hatch, colour), name in self._names.items()
        )
        return f'<svg width="0" height="0" class="defs" aria-hidden="true"><defs>{patterns}</defs></svg>'


def svg_of(
    frame: MapFrame, width_mm: float, height_mm: float, press: Press, hatches: HatchBook, language: str = "zh"
) -> tuple[str, DrawnMap]:
    """Return a map as SVG of the proportions it has on paper, and what was drawn on it.

    Raises
    ------
    SpecError
        When the frame has nothing to show, or an absurd scale.
    """
    drawn = draw_map(frame, width_mm, height_mm, press.measures, press.fonts, language)
    left, top, window = drawn.left_mm, drawn.top_mm, drawn.window
    layers = [found for features in frame.layers if (found := inside(features, window))]
    body = "".join(_layer(layer, hatches) for layer in layers)
    clip = hatches.clip()
    texts = "".join(_text(*label[:6], label.colour) for label in drawn.texts)
    title = escape(plain(frame.title, language) or "map")
    neat = f'<rect x="{left:g}" y="{top:g}" width="{window.width_mm:g}" height="{window.height_mm:g}"'
    svg = (
        f'<svg viewBox="0 0 {width_mm:g} {height_mm:g}" role="img" aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="{clip}">{neat}/></clipPath>{neat} fill="{_WHITE}"/>'
        f'<g clip-path="url(#{clip})"><g transform="translate({left:g} {top:g})">{body}</g></g>'
        f'{neat} fill="none" stroke="{_INK}" stroke-width=".35"/>{_bar(drawn)}{_north(drawn, language, press)}{texts}</svg>'
    )
    return svg, drawn


def _layer(layer: Layered, hatches: HatchBook) -> str:
    """Return the groups of a layer."""
    return "".join(
        symbol(layer.shapes[np.searchsorted(layer.rows, group.rows)], group.look, hatches)
        for whole in layer.groups
        for group in shaped(layer.features, whole)
    )


def symbol(shapes: Any, look: Look, hatches: HatchBook) -> str:
    """Return shapes in millimetres, y downwards, in one look."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    kinds = shapely.get_type_id(parts)
    areas, lines, points = (parts[kinds == kind] for kind in (3, 1, 0))
    width = look.width_pt * MM_PER_PT
    stroke = f'stroke="{look.colour}" stroke-width="{width:.2f}"'
    if look.dash:
        stroke += f' stroke-dasharray="{" ".join(f"{d * width:.2f}" for d in look.dash)}"'
    drawn = ""
    if len(areas):
        path = "".join(f"{_path(ring)}Z" for ring in shapely.get_rings(areas))
        drawn += f'<path d="{path}" fill="{look.fill}" fill-opacity="{look.opacity:g}" fill-rule="evenodd" {stroke}/>'
        if look.hatch in _STROKES:
            name = hatches.name(look.hatch, darker(look.colour, 0.25))
            drawn += f'<path d="{path}" fill="url(#{name})" fill-rule="evenodd"/>'
    if len(lines):
        drawn += f'<path d="{"".join(_path(line) for line in lines)}" fill="none" {stroke}/>'
    return drawn + "".join(_marker(x, y, look) for x, y in shapely.get_coordinates(points))


def _path(line: Any) -> str:
    """Return a line's vertices as the data of a path, to 0.01 mm."""
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in shapely.get_coordinates(line))


def _marker(x: float, y: float, look: Look) -> str:
    """Return one marker: its shape, hollow or filled, and the mark inside."""
    r, hollow = look.radius_mm, is_hollow(look)
    fill = _WHITE if hollow else look.fill
    style = f'fill="{fill}" stroke="{look.fill if hollow else look.colour}" stroke-width="{r * 0.3 if hollow else 0.18:.2f}"'
    if look.shape in ("circle", "ring"):
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{r:.2f}" {style}/>'
    corners = np.asarray(marker(look.shape).vertices)[:-1] * r + (x, y)
    return f'<polygon points="{" ".join(f"{a:.2f},{b:.2f}" for a, b in corners)}" {style}/>'


def _text(text: str, x: float, y: float, angle: float, size_pt: float, weight: int, colour: str) -> str:
    """Return one label, with a white halo, selectable."""
    turn = f' transform="rotate({angle:g} {x:.2f} {y:.2f})"' if angle else ""
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size_pt * MM_PER_PT:.2f}" font-weight="{weight}" fill="{escape(colour)}"{turn}>'
        f"{escape(text)}</text>"
    )


def _bar(drawn: DrawnMap) -> str:
    """Return the scale bar; its numbers are among the labels."""
    letter = 6.0 * MM_PER_PT
    y = drawn.top_mm + drawn.window.height_mm + drawn.top_mm + 1.25 * letter
    step = drawn.bar.length_mm / drawn.bar.parts
    return "".join(
        f'<rect x="{drawn.left_mm + i * step:.2f}" y="{y:.2f}" width="{step:.2f}" height="1.3" '
        f'fill="{_WHITE if i % 2 else _INK}" stroke="{_INK}" stroke-width=".14"/>'
        for i in range(drawn.bar.parts)
    )


def _north(drawn: DrawnMap, language: str, press: Press) -> str:
    """Return the arrow to true north below its letter, turned by the meridian convergence."""
    sign = press.measures.words["north"].in_language(language)
    letter = next((label for label in drawn.texts if label.text == sign and label.weight == 700), None)  # noqa: PLR2004
    if letter is None:
        return ""
    x = letter.x + press.fonts.width(sign, letter.size_pt, 700) * MM_PER_PT / 2
    y = letter.y + 8.0 * 0.56
    return (
        f'<g transform="translate({x:.2f} {y:.2f}) rotate({-drawn.window.convergence:.3f})">'
        f'<path d="M0 -4L-2.2 4L0 2.2Z" fill="{_INK}" stroke="{_INK}" stroke-width=".17"/>'
        f'<path d="M0 -4L2.2 4L0 2.2Z" fill="{_WHITE}" stroke="{_INK}" stroke-width=".17"/></g>'
    )

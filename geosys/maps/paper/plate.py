"""The door to matplotlib: shapes, markers, hatches and halos drawn as a vector PDF without any text.

All coordinates are millimetres from the upper left corner, y downwards.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from geosys.maps.paper.labels import Label
from geosys.maps.paper.looks import darker, is_hollow, lightness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.looks import Look

PT_PER_MM = 72 / 25.4
# strokes of a hatch per inch are six times the number of signs
_HATCHES = {
    "forward": "////",
    "backward": "\\\\\\\\",
    "cross": "xxxx",
    "horizontal": "----",
    "vertical": "||||",
    "dots": "....",
}
# corners, turn of the first one, growth that makes areas look alike: as the map on the screen has them
_POLYGONS = {
    "square": (4, math.pi / 4, 1.15), "frame": (4, math.pi / 4, 1.15), "diamond": (4, 0.0, 1.25),
    "triangle": (3, -math.pi / 2, 1.35), "inverted": (3, math.pi / 2, 1.35),
    "pentagon": (5, -math.pi / 2, 1.1), "hexagon": (6, 0.0, 1.1),
}  # fmt: skip
_WHITE, _INK = "#FFFFFF", "#1A1E24"
_GLYPH_SIZE = 100
_DARK = 62.0  # L* below which a sign is written in white


class Plate:
    """A drawing under way: what is drawn later lies above."""

    def __init__(self, width_mm: float, height_mm: float, fonts: Fonts, growth: float = 1.0) -> None:
        self._fonts = fonts
        self._figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), dpi=72)
        self._figure.patch.set_visible(False)
        self._place = Affine2D().scale(PT_PER_MM, -PT_PER_MM).translate(0, height_mm * PT_PER_MM)
        self._growth = growth
        self._above = 0

    def areas(self, shapes: NDArray[np.object_], look: Look, clip: shapely.Geometry) -> None:
        """Draw polygons: fill, hatch that survives a grey copy, outline."""
        outline = polygons_as_outline(shapes)
        if outline is None:
            return
        self._patch(outline, clip, facecolor=look.fill, alpha=look.opacity, linewidth=0)
        edge = {"facecolor": "none", "edgecolor": look.colour, "linewidth": look.width_pt * self._growth}
        if look.hatch in _HATCHES:
            edge |= {
                "hatch": _HATCHES[look.hatch],
                "hatch_linewidth": 0.35 * self._growth,
                "hatchcolor": darker(look.colour, 0.25),
            }
        self._patch(outline, clip, linestyle=_dash(look), **edge)

    def lines(self, shapes: NDArray[np.object_], look: Look, clip: shapely.Geometry) -> None:
        """Draw lines."""
        outline = lines_as_outline(shapes)
        if outline is not None:
            self._patch(
                outline, clip, facecolor="none", edgecolor=look.colour, linewidth=look.width_pt * self._growth,
                linestyle=_dash(look), capstyle="round" if not look.dash else "butt", joinstyle="round",
            )  # fmt: skip

    def markers(self, xy: NDArray[np.float64], look: Look, clip: shapely.Geometry) -> None:
        """Draw markers at points (n, 2): the shape, and inside it the mark."""
        if not len(xy):
            return
        radius, hollow = look.radius_mm * PT_PER_MM * self._growth, is_hollow(look)
        thick = max(0.8 * self._growth, radius * 0.35) if hollow else 0.5 * self._growth
        colour = look.fill if hollow and look.fill != _WHITE else look.colour
        self._scatter(
            xy,
            marker(look.shape),
            radius,
            clip,
            facecolor=_WHITE if hollow else look.fill,
            edgecolor=colour,
            linewidth=thick,
        )
        ink = colour if hollow else _WHITE
        if look.mark == "dot":
            self._scatter(xy, Outline.unit_circle(), radius * 0.36, clip, facecolor=ink, linewidth=0)
        elif look.mark == "question":
            self._scatter(xy, _question(), radius, clip, facecolor="none", edgecolor=ink, linewidth=radius * 0.26)
        if look.sign:
            self._signs(xy, look, radius, clip, _WHITE if not hollow and lightness(look.fill) < _DARK else _INK)

    def _signs(self, xy: NDArray[np.float64], look: Look, radius: float, clip: shapely.Geometry, ink: str) -> None:
        """Write the sign of a class into its markers, as outlines: it is part of the symbol, not text to be found."""
        wide = self._fonts.width(look.sign, 1.0, 700)
        size = min(1.75 * radius, 1.8 * radius / wide)
        outlines = letters(
            Label(look.sign, -wide * size / 2 / PT_PER_MM, 0.36 * size / PT_PER_MM, 0.0, size, 700, ink), self._fonts
        )
        moved = [Affine2D().translate(*at).transform_path(outline) for at in xy for outline in outlines]
        if moved:
            self._patch(Outline.make_compound_path(*moved), clip, facecolor=ink, edgecolor=ink, linewidth=size * 0.055)

    def rectangle(
        self, box: tuple[float, float, float, float], *, fill: str = "none", edge: str = "none", width_pt: float = 0.0
    ) -> None:
        """Draw a rectangle: left, top, right, bottom."""
        left, top, right, bottom = box
        outline = Outline([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], closed=True)
        self._patch(outline, None, facecolor=fill, edgecolor=edge, linewidth=width_pt * self._growth)

    def strokes(self, lines: Sequence[Sequence[tuple[float, float]]], colour: str, width_pt: float) -> None:
        """Draw straight strokes: ticks, crosses of the grid."""
        outline = lines_as_outline(np.array([shapely.LineString(line) for line in lines], dtype=object))
        if outline is not None:
            self._patch(outline, None, facecolor="none", edgecolor=colour, linewidth=width_pt * self._growth)

    def arrow(self, x: float, y: float, length: float, turn: float) -> None:
        """Draw a north arrow around a point, turned clockwise by `turn` degrees."""
        a, cos, sin = length / 2, math.cos(math.radians(turn)), math.sin(math.radians(turn))
        for side, fill in ((-1, _INK), (1, _WHITE)):
            corners = [(0.0, -a), (side * a * 0.55, a), (0.0, a * 0.55), (0.0, -a)]
            turned = [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in corners]
            self._patch(
                Outline(turned, closed=True), None, facecolor=fill, edgecolor=_INK, linewidth=0.5 * self._growth
            )

    def halos(self, labels: Sequence[Label], width_pt: float, clip: shapely.Geometry) -> None:
        """Draw what keeps labels readable on any ground: their letters in broad white strokes."""
        outlines = [outline for label in labels for outline in letters(label, self._fonts)]
        if outlines:
            self._patch(
                Outline.make_compound_path(*outlines), clip, facecolor=_WHITE, edgecolor=_WHITE, alpha=0.85,
                linewidth=2 * width_pt * self._growth, joinstyle="round",
            )  # fmt: skip

    def to_pdf(self) -> bytes:
        """Return the drawing as PDF; the same drawing gives the same bytes."""
        file = io.BytesIO()
        canvas: Any = FigureCanvasPdf(self._figure)
        canvas.print_pdf(file, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        return file.getvalue()

    def _patch(self, outline: Outline, clip: shapely.Geometry | None, **look: object) -> None:
        self._add(PathPatch(outline, **{"edgecolor": "none"} | look, transform=self._place), clip)

    def _scatter(
        self, xy: NDArray[np.float64], outline: Outline, radius_pt: float, clip: shapely.Geometry, **look: object
    ) -> None:
        artist = PathCollection([outline], sizes=[radius_pt**2], offsets=xy, offset_transform=self._place, **look)
        artist.set_transform(Affine2D().scale(1, -1))
        self._add(artist, clip)

    def _add(self, artist: PathPatch | PathCollection, clip: shapely.Geometry | None) -> None:
        self._above += 1
        artist.set_zorder(self._above)
        self._figure.add_artist(artist)
        if clip is not None:
            artist.set_clip_path(Outline(shapely.get_coordinates(clip), closed=True), self._place)


def polygons_as_outline(shapes: NDArray[np.object_]) -> Outline | None:
    """Return all rings of some polygons as one outline, holes the other way round; None where there is none."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    parts = shapely.orient_polygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    rings = shapely.get_rings(parts)
    return _outline(rings, closed=True) if len(rings) else None


def lines_as_outline(shapes: NDArray[np.object_]) -> Outline | None:
    """Return all lines as one outline; None where there is none."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    kinds = shapely.get_type_id(parts)
    lines = parts[(kinds == shapely.GeometryType.LINESTRING) | (kinds == shapely.GeometryType.LINEARRING)]
    return _outline(lines, closed=False) if len(lines) else None


def _outline(lines: NDArray[np.object_], *, closed: bool) -> Outline:
    xy, of = shapely.get_coordinates(lines, return_index=True)
    codes = np.full(len(xy), Outline.LINETO, dtype=np.uint8)
    starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    codes[starts] = Outline.MOVETO
    if closed:
        codes[np.r_[starts[1:], len(xy)] - 1] = Outline.CLOSEPOLY
    return Outline(xy, codes)


@lru_cache(maxsize=32)
def marker(shape: str) -> Outline:
    """Return the outline of a marker around the origin, of radius 1, y downwards."""
    if shape in _POLYGONS:
        corners, turn, growth = _POLYGONS[shape]
        reach = [(turn + i * math.tau / corners, growth) for i in range(corners)]
    elif shape == "star":
        reach = [(i * math.tau / 10 - math.pi / 2, 0.58 if i % 2 else 1.4) for i in range(10)]
    elif shape == "cross":
        reach = [
            (arm * math.tau / 4 + turn, out)
            for arm in range(4)
            for turn, out in ((-0.36, 1.2), (0.36, 1.2), (math.tau / 8, 0.6))
        ]
    else:
        return Outline.unit_circle()
    points = [(r * math.cos(a), r * math.sin(a)) for a, r in reach]
    return Outline([*points, points[0]], closed=True)


@lru_cache(maxsize=1)
def _question() -> Outline:
    """Return a question mark as a stroke: the sign inside a marker that says *to be reviewed*."""
    bow = [(0.3 * math.cos(a) + 0.0, -0.28 + 0.3 * math.sin(a)) for a in np.linspace(math.pi, math.tau + 1.2, 12)]
    points = [*bow, (0.0, 0.12), (0.0, 0.25), (0.0, 0.5), (0.0, 0.56)]
    codes = [Outline.MOVETO, *[Outline.LINETO] * (len(bow) + 1), Outline.MOVETO, Outline.LINETO]
    return Outline(points, [*codes[: len(bow) + 2], Outline.MOVETO, Outline.LINETO][: len(points)])


def letters(label: Label, fonts: Fonts) -> list[Outline]:
    """Return the outlines of a label's letters where they will be set.

    The package's variable face gives its thinnest outlines here; broad strokes around them cover any weight.
    """
    size = label.size_pt / PT_PER_MM
    turn = math.radians(label.angle)
    outlines, x = [], 0.0
    for sign, advance in zip(label.text, fonts.advances(label.text, label.weight), strict=True):
        outline = _letter(fonts.file_of(sign), sign)
        if np.size(outline.vertices):  # a blank has no outline
            place = Affine2D().scale(size, -size).translate(x * size, 0).rotate(turn).translate(label.x, label.y)
            outlines.append(place.transform_path(outline))
        x += advance
    return outlines


@lru_cache(maxsize=8)
def _face(file: Path) -> FT2Font:
    return FT2Font(str(file))


@lru_cache(maxsize=8)
def characters_of(file: Path) -> frozenset[int]:
    """Return the code points a font file has."""
    return frozenset(_face(file).get_charmap())


@lru_cache(maxsize=8192)
def _letter(file: Path, sign: str) -> Outline:
    """Return the outline of a letter of size 1, y upwards."""
    face = _face(file)
    face.set_size(_GLYPH_SIZE, 72)
    face.load_char(ord(sign), flags=LoadFlags.NO_HINTING)
    vertices, codes = face.get_path()
    return Outline(np.asarray(vertices) / _GLYPH_SIZE, codes)


def _dash(look: Look) -> tuple[float, tuple[float, ...]] | str:
    return (0.0, look.dash) if look.dash else "solid"

"""A small picture of where the records would lie under the best readings, as plain SVG for a report."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.geo.evidence import CHINA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.ranking import Ranking, Standing

    Points = NDArray[np.float64]

SHOWN = 5
_WIDTH, _HEIGHT, _MARGIN, _ROW = 640.0, 420.0, 16.0, 22.0
_MOST_MARKS = 120
_FARTHEST_DEG = 6.0  # readings farther off are named in the legend and not drawn
# told apart without colour too: each has its own shape and number (colours of Okabe and Ito)
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#806000")
_SHAPES = (
    "M-4,0A4,4 0 1,0 4,0A4,4 0 1,0 -4,0Z", "M-4,-4H4V4H-4Z", "M0,-5L5,4H-5Z", "M0,-5.5L5.5,0L0,5.5L-5.5,0Z",
    "M-5,-3H-1.5V-5H1.5V-3H5V1H1.5V5H-1.5V1H-5Z",
)  # fmt: skip


def candidate_svg(
    ranking: Ranking, region: shapely.Geometry | None, region_name: str = "", language: str = "zh"
) -> str:
    """Return an SVG of the region's outline and of the records under the five best readings.

    Parameters
    ----------
    ranking
        The judgement; readings under which no record can be read are left out.
    region
        Outline in degrees; without it the frame follows the records.
    region_name
        Shown as it is, escaped.
    language
        ``zh`` or ``en``.
    """
    shown = _positions(ranking)
    frame = _Frame(_view(region, [p for _, p in shown]))
    parts = [_outline(region, frame)]
    legend = [_legend_region(region_name, region, language)]
    for number, (standing, positions) in enumerate(shown, 1):
        parts.append(_marks(number, positions, frame))
        legend.append(_legend_row(number, standing, positions, frame, ranking, language))
    if len(shown) == 0:
        none = "没有可画的坐标" if language == "zh" else "No coordinates to draw"
        legend.append(f'<text x="{_MARGIN:g}" y="0" dy="{_HEIGHT + _MARGIN + _ROW:g}">{none}</text>')
    height = _HEIGHT + _MARGIN + _ROW * (len(shown) + 2)
    label = "坐标读法比较图" if language == "zh" else "Readings of the coordinates compared"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{label}" '
        f'font-family="sans-serif" font-size="13"><title>{label}</title>'
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#fafafa" stroke="#999"/>{"".join(parts)}{"".join(legend)}</svg>'
    )


def _positions(ranking: Ranking) -> list[tuple[Standing, Points]]:
    """Return the best readings under which records can be read, each with an even sample of their positions."""
    step = max(1, len(ranking.points) // _MOST_MARKS)
    sample = ranking.points[::step]
    found = []
    for standing in ranking.standings:
        positions = standing.interpretation.to_degrees(sample)
        positions = positions[np.isfinite(positions).all(axis=1)]
        if len(positions):
            found.append((standing, positions))
        if len(found) == SHOWN:
            break
    return found


class _Frame:
    """Place degrees on the drawing, with a degree of longitude as much shorter as it is on the ground."""

    def __init__(self, view: tuple[float, float, float, float]) -> None:
        self.west, south, east, self.north = view
        self.narrow = max(math.cos(math.radians((south + self.north) / 2.0)), 0.1)
        width, height = max((east - self.west) * self.narrow, 1e-6), max(self.north - south, 1e-6)
        self.scale = min((_WIDTH - 2 * _MARGIN) / width, (_HEIGHT - 2 * _MARGIN) / height)
        self.left = (_WIDTH - width * self.scale) / 2.0
        self.top = (_HEIGHT - height * self.scale) / 2.0

    def place(self, degrees: Points) -> Points:
        x = self.left + (degrees[:, 0] - self.west) * self.narrow * self.scale
        y = self.top + (self.north - degrees[:, 1]) * self.scale
        return np.column_stack([x, y])

    def holds(self, places: Points) -> NDArray[np.bool_]:
        inside = (places >= 0.0) & (places <= np.array([_WIDTH, _HEIGHT]))
        return np.asarray(inside.all(axis=1))


def _view(region: shapely.Geometry | None, sets: list[Points]) -> tuple[float, float, float, float]:
    """Return the box to draw: the region, and the middles of readings that are not too far from it."""
    if region is not None and not region.is_empty:
        box = np.array(shapely.bounds(region))
    elif sets:
        box = np.array([*sets[0].min(axis=0), *sets[0].max(axis=0)])
    else:
        box = np.array(CHINA)
    near = np.array([-_FARTHEST_DEG, -_FARTHEST_DEG, _FARTHEST_DEG, _FARTHEST_DEG]) + box
    for positions in sets:
        x, y = np.median(positions, axis=0)
        if near[0] <= x <= near[2] and near[1] <= y <= near[3]:
            box = np.array([min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)])
    pad = 0.06 * max(box[2] - box[0], box[3] - box[1], 0.02)
    return float(box[0] - pad), float(box[1] - pad), float(box[2] + pad), float(box[3] + pad)


def _outline(region: shapely.Geometry | None, frame: _Frame) -> str:
    if region is None or region.is_empty:
        return ""
    drawn = shapely.transform(shapely.force_2d(region), frame.place)
    rings = shapely.get_rings(shapely.get_parts(shapely.simplify(drawn, 0.5)))
    path = "".join("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring)) + "Z" for ring in rings)
    return f'<path d="{path}" fill="#e8eef4" fill-rule="evenodd" stroke="#445" stroke-width="1.2"/>'


def _marks(number: int, positions: Points, frame: _Frame) -> str:
    """Return the marks of one reading and its number at their middle."""
    places = frame.place(positions)
    seen = places[frame.holds(places)]
    if not len(seen):
        return ""
    colour, shape = _COLOURS[number - 1], _SHAPES[number - 1]
    marks = "".join(f'<path d="{shape}" transform="translate({x:.1f},{y:.1f})"/>' for x, y in seen)
    x, y = np.median(seen, axis=0)
    return (
        f'<g fill="{colour}" fill-opacity="0.55" stroke="{colour}">{marks}</g>'
        f'<text x="{x + 8:.1f}" y="{y - 8:.1f}" fill="{colour}" font-size="16" font-weight="bold" stroke="#fff" '
        f'stroke-width="3" paint-order="stroke">{number}</text>'
    )


def _legend_region(name: str, region: shapely.Geometry | None, language: str) -> str:
    if region is None or region.is_empty:
        text = "未给出区域" if language == "zh" else "No region given"
    else:
        text = name or ("区域界线" if language == "zh" else "Region")
    return f'<text x="{_MARGIN:g}" y="{_HEIGHT + _ROW:g}" fill="#445">▭ {escape(text)}</text>'


def _legend_row(
    number: int, standing: Standing, positions: Points, frame: _Frame, ranking: Ranking, language: str
) -> str:
    y = _HEIGHT + _ROW * (number + 1)
    colour, shape = _COLOURS[number - 1], _SHAPES[number - 1]
    title = standing.interpretation.title.in_language(language)
    notes = [f"{standing.score:.1%}"]
    if not frame.holds(frame.place(positions)).any():
        away = "" if math.isnan(standing.away_km) else f" {standing.away_km:.0f} km"
        notes.append(f"图外{away}" if language == "zh" else f"off the map{away}")
    winner = ranking.winner
    if winner is not None and winner.id == standing.interpretation.id:
        notes.append("判定为此" if language == "zh" else "judged to be this")
    text = escape(f"{number}  {title}  " + "  ".join(notes))
    return (
        f'<path d="{shape}" transform="translate({_MARGIN + 5:g},{y - 4:g})" fill="{colour}"/>'
        f'<text x="{_MARGIN + 16:g}" y="{y:g}">{text}</text>'
    )

"""What stands around a map: neat line, ticks with their numbers, crosses of the grid, north arrow, scale bar and ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from geosys.maps.paper.furniture import ScaleBar, scale_bar, ticks_of
from geosys.maps.paper.labels import MM_PER_PT, Label

if TYPE_CHECKING:
    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.measures import Measures
    from geosys.maps.paper.plate import Plate
    from geosys.maps.paper.window import Window

INK, _GREY = "#1A1E24", "#8A9099"
ARROW_MM = 8.0
_SMALL_PT = 6.0
_EVERYWHERE = shapely.box(0, 0, 1e4, 1e4)


def draw_north(
    plate: Plate,
    window: Window,
    at: tuple[float, float],
    strip: float,
    measures: Measures,
    fonts: Fonts,
    how: tuple[str, float],
) -> list[Label]:
    """Draw the arrow to true north, which stands to the left of grid north where the convergence is positive."""
    language, growth = how
    x, y, size = at[0] + strip, at[1] + strip, ARROW_MM * growth
    sign = measures.words["north"].in_language(language)
    label = Label(sign, x, y - size * 0.56, 0.0, 7.5 * growth, 700, INK)
    label = label._replace(x=x - fonts.width(sign, label.size_pt, 700) * MM_PER_PT / 2)
    plate.arrow(x, y, size, -window.convergence)
    plate.halos([label], 0.9, _EVERYWHERE)
    return [label]


def draw_surroundings(
    plate: Plate, window: Window, strip: tuple[float, bool], measures: Measures, fonts: Fonts, how: tuple[str, float]
) -> tuple[ScaleBar, list[Label]]:
    """Draw neat line, ticks, grid crosses and scale bar; return the bar and the texts."""
    margin, has_ticks = strip
    left, top = margin, margin
    right, bottom = left + window.width_mm, top + window.height_mm
    texts: list[Label] = []
    if has_ticks:
        texts += _ticks(plate, window, margin, fonts, how[1])
    plate.rectangle((left, top, right, bottom), edge=INK, width_pt=1.0)
    bar, written = _bar(plate, window, (left, bottom + margin), measures, fonts, how)
    return bar, texts + written


def _ticks(plate: Plate, window: Window, margin: float, fonts: Fonts, growth: float) -> list[Label]:
    """Draw ticks outside the neat line and crosses inside it; return their numbers."""
    ticks, size, reach = ticks_of(window), _SMALL_PT * growth, 1.0 * growth
    left, top, right, bottom = margin, margin, margin + window.width_mm, margin + window.height_mm
    strokes = [[(left + t.along_mm, top), (left + t.along_mm, top - reach)] for t in ticks.meridians]
    strokes += [[(left, top + t.along_mm), (left - reach, top + t.along_mm)] for t in ticks.parallels]
    strokes += [[(left + t.along_mm, bottom), (left + t.along_mm, bottom + reach)] for t in ticks.eastings]
    strokes += [[(right, top + t.along_mm), (right + reach, top + t.along_mm)] for t in ticks.northings]
    if strokes:
        plate.strokes(strokes, INK, 0.5)
    crosses = [
        line
        for x in (left + t.along_mm for t in ticks.eastings)
        for y in (top + t.along_mm for t in ticks.northings)
        for line in ([(x - reach, y), (x + reach, y)], [(x, y - reach), (x, y + reach)])
    ]
    if crosses:
        plate.strokes(crosses, _GREY, 0.35)
    letter = size * MM_PER_PT
    level = [(t, left + t.along_mm, top - reach - 0.35 * letter) for t in ticks.meridians]
    level += [(t, left + t.along_mm, bottom + reach + 0.95 * letter) for t in ticks.eastings]
    upright = [(t, left - reach - 0.35 * letter, top + t.along_mm) for t in ticks.parallels]
    upright += [(t, right + reach + 0.95 * letter, top + t.along_mm) for t in ticks.northings]
    texts = []
    for tick, x, y in level:
        half = fonts.width(tick.label, size) * MM_PER_PT / 2
        if left <= x - half and x + half <= right:
            texts.append(Label(tick.label, x - half, y, 0.0, size, 400, INK))
    for tick, x, y in upright:
        half = fonts.width(tick.label, size) * MM_PER_PT / 2
        if top <= y - half and y + half <= bottom:
            texts.append(Label(tick.label, x, y + half, -90.0, size, 400, INK))
    return texts


def _bar(
    plate: Plate, window: Window, corner: tuple[float, float], measures: Measures, fonts: Fonts, how: tuple[str, float]
) -> tuple[ScaleBar, list[Label]]:
    """Draw the scale bar under a map, and write ratio, CRS and convergence beside it."""
    language, growth = how
    bar, size = scale_bar(window), _SMALL_PT * growth
    letter, (left, top) = size * MM_PER_PT, corner
    y, thick = top + 1.25 * letter, 1.3 * growth
    step = bar.length_mm / bar.parts
    for i in range(bar.parts):
        plate.rectangle(
            (left + i * step, y, left + (i + 1) * step, y + thick),
            fill=INK if i % 2 == 0 else "#FFFFFF",
            edge=INK,
            width_pt=0.4,
        )
    in_km = bar.ground_m >= 1000  # noqa: PLR2004
    unit = measures.words["kilometres" if in_km else "metres"].in_language(language)
    marks = (
        [0.0, bar.ground_m / bar.parts, bar.ground_m] if bar.parts * letter * 4 < bar.length_mm else [0.0, bar.ground_m]
    )
    texts = []
    for mark in marks:
        text = f"{mark / (1000 if in_km else 1):g}{f' {unit}' if mark == bar.ground_m else ''}"
        number = fonts.width(text.partition(" ")[0], size) * MM_PER_PT
        x = left + mark / bar.ground_m * bar.length_mm - number / 2
        texts.append(Label(text, max(left, x), y - 0.35 * letter, 0.0, size, 400, INK))
    words = measures.words
    colon = words["colon"].in_language(language)
    ratio = f"{words['scale'].in_language(language)}{colon}1:{window.scale:,}".replace(",", " ")
    turn = f"{words['convergence'].in_language(language)} {window.convergence:+.2f}°"
    x = max(left + bar.length_mm + fonts.width(f"  {unit}", size) * MM_PER_PT + 3.0, left + window.width_mm * 0.44)
    room = left + window.width_mm - x
    for i, (text, weight) in enumerate(((ratio, 700), (turn, 400))):
        wide = fonts.width(text, size, weight) * MM_PER_PT
        fit = min(1.0, room / wide)
        at = (left + window.width_mm - wide * fit, y - 0.2 * letter + i * 1.35 * letter)
        texts.append(Label(text, *at, 0.0, size * fit, weight, INK))
    return bar, texts

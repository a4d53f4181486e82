"""Place labels so that none covers another, a marker or what stands in the map; count those without room.

Everything here is in millimetres of paper, y downwards; an angle is in degrees, clockwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from geosys.maps.paper.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geosys.maps.paper.fonts import Fonts

MM_PER_PT = 25.4 / 72
_DESCENT = 0.14  # of the size, of Chinese letters below their baseline
_GAP = 0.5
_STEEPEST = 60.0  # a label along a steeper line is written level
_TRIED_ALONG = (0.5, 0.35, 0.65, 0.2, 0.8)
_POINT, _LINE, _AREA = 0, 1, 2


class Wish(NamedTuple):
    """Hold one label that is wanted: its text, the shape it belongs to, the radius of its marker, its rank and look."""

    text: str
    shape: shapely.Geometry
    radius: float
    rank: int
    size_pt: float
    weight: int
    colour: str


class Label(NamedTuple):
    """Hold one placed label: where its baseline begins, and how it is turned there."""

    text: str
    x: float
    y: float
    angle: float
    size_pt: float
    weight: int
    colour: str


class Spot(NamedTuple):
    """Hold a place to try: the middle of the label's box and its angle."""

    x: float
    y: float
    angle: float


def wishes_of(
    texts: Sequence[object],
    shapes: NDArray[np.object_],
    radius: float,
    rank: int,
    look: tuple[float, int, str],
    most: int,
) -> list[Wish]:
    """Return the labels wanted for features already on paper; the parts of a line of one name want one label.

    Parameters
    ----------
    texts, shapes : one for each feature; a missing or blank text wants no label.
    look : size in points, weight, colour.
    most : a longer text is cut with ``…``.
    """
    named = [
        (one_line(str(text), most=most), shape) for text, shape in zip(texts, shapes, strict=True) if not pd.isna(text)
    ]
    by_name: dict[str, list[shapely.Geometry]] = {}
    wishes = []
    for text, shape in named:
        if not text.strip() or shape is None or shape.is_empty:
            continue
        if shapely.get_dimensions(shape) == _LINE:
            by_name.setdefault(text, []).append(shape)
        else:
            wishes.append(Wish(text, shape, radius, rank, *look))
    wishes += [Wish(text, _longest(parts), radius, rank, *look) for text, parts in by_name.items()]
    return wishes


def place(
    wishes: Sequence[Wish], obstacles: Sequence[shapely.Geometry], room: tuple[float, float], fonts: Fonts, most: int
) -> tuple[list[Label], int]:
    """Place labels one after the other, the most important first; return them and how many found no room.

    Parameters
    ----------
    obstacles : boxes that no label may touch.
    room : width and height of the window.
    most : labels beyond this number are not tried and count as dropped.
    """
    order = sorted(range(len(wishes)), key=lambda i: (wishes[i].rank, -_weight(wishes[i].shape), wishes[i].text, i))
    fixed = shapely.STRtree(list(obstacles))
    window = shapely.box(_GAP, _GAP, room[0] - _GAP, room[1] - _GAP)
    placed: list[Label] = []
    taken = np.empty((0, 4))
    boxes: list[shapely.Geometry] = []
    for i in order[:most]:
        wish = wishes[i]
        width, height = fonts.width(wish.text, wish.size_pt, wish.weight) * MM_PER_PT, wish.size_pt * MM_PER_PT
        for spot in _spots(wish, width, height):
            box = _box(spot, width, height)
            if not window.covers(box) or len(fixed.query(box, predicate="intersects")) or _hits(box, taken, boxes):
                continue
            boxes.append(box)
            taken = np.vstack([taken, box.bounds])
            placed.append(_label(wish, spot, width, height))
            break
    return placed, len(wishes) - len(placed)


def _weight(shape: shapely.Geometry) -> float:
    """Return how important a shape is among its rank: its area, or its length."""
    return float(shape.area or shape.length)


def _longest(parts: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """Return the longest line that the parts join to."""
    merged = shapely.line_merge(shapely.union_all(list(parts)))
    return max(shapely.get_parts(merged), key=lambda part: (part.length, part.wkt), default=merged)


def _spots(wish: Wish, width: float, height: float) -> Iterator[Spot]:
    """Yield the places to try for a label, the best first."""
    dimension = shapely.get_dimensions(wish.shape)
    if dimension == _LINE:
        yield from _along(wish.shape, width, height)
        return
    if dimension == _AREA:
        inner = shapely.point_on_surface(wish.shape)
        centre = wish.shape.centroid
        west, north, east, south = wish.shape.bounds
        if east - west >= width * 0.8 and south - north >= height:
            for point in (centre, inner) if wish.shape.covers(centre) else (inner,):
                for shift in (0.0, -1.2, 1.2):
                    yield Spot(point.x, point.y + shift * height, 0.0)
            return
        yield from _around(inner.x, inner.y, max(east - west, south - north) / 2, width, height)
        return
    point = shapely.get_parts(wish.shape)[0]
    yield from _around(point.x, point.y, wish.radius, width, height)


def _around(x: float, y: float, radius: float, width: float, height: float) -> Iterator[Spot]:
    """Yield eight places around a marker: right, left, above, below, and the corners."""
    across, down = radius + _GAP + width / 2, radius + _GAP + height / 2
    near = across - radius * 0.3
    for dx, dy in (
        (across, 0.0),
        (-across, 0.0),
        (0.0, -down),
        (0.0, down),
        (near, -down * 0.8),
        (near, down * 0.8),
        (-near, -down * 0.8),
        (-near, down * 0.8),
    ):
        yield Spot(x + dx, y + dy, 0.0)


def _along(line: shapely.Geometry, width: float, height: float) -> Iterator[Spot]:
    """Yield places above a line, turned as the line runs there."""
    if line.length < width * 0.6:
        return
    for share in _TRIED_ALONG:
        middle = share * line.length
        a, b = (line.interpolate(min(max(middle + side * width / 2, 0.0), line.length)) for side in (-1, 1))
        angle = math.degrees(math.atan2(b.y - a.y, b.x - a.x))
        angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle  # noqa: PLR2004
        point = line.interpolate(middle)
        level = abs(angle) > _STEEPEST
        turn = 0.0 if level else angle
        away = (width if level else height) / 2 + _GAP
        for side in (-1, 1):
            dx, dy = (
                (-side, 0.0) if level else (-side * math.sin(math.radians(turn)), side * math.cos(math.radians(turn)))
            )
            yield Spot(point.x + dx * away, point.y + dy * away, turn)


def _box(spot: Spot, width: float, height: float) -> shapely.Geometry:
    """Return the rectangle that a label covers."""
    half_w, half_h = width / 2, height / 2
    turn = math.radians(spot.angle)
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [
        (dx * cos - dy * sin + spot.x, dx * sin + dy * cos + spot.y)
        for dx, dy in ((-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h))
    ]
    return shapely.Polygon(corners)


def _hits(box: shapely.Geometry, taken: NDArray[np.float64], boxes: list[shapely.Geometry]) -> bool:
    """Say whether a box touches one that is taken."""
    west, north, east, south = box.bounds
    near = np.flatnonzero(
        (taken[:, 0] <= east) & (taken[:, 2] >= west) & (taken[:, 1] <= south) & (taken[:, 3] >= north)
    )
    return any(boxes[i].intersects(box) for i in near)


def _label(wish: Wish, spot: Spot, width: float, height: float) -> Label:
    """Return where the baseline of a label begins, from the middle of its box."""
    turn = math.radians(spot.angle)
    dx, dy = -width / 2, height * (0.5 - _DESCENT)
    x = spot.x + dx * math.cos(turn) - dy * math.sin(turn)
    y = spot.y + dx * math.sin(turn) + dy * math.cos(turn)
    return Label(wish.text, x, y, spot.angle, wish.size_pt, wish.weight, wish.colour)

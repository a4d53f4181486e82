"""Draw one map frame: features, grid, ticks, labels, overview, north arrow and scale bar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geosys._text import Text
from geosys.maps.paper.labels import Wish, place, wishes_of
from geosys.maps.paper.looks import Group, Look, darker, groups_of, kind_of, shape_entries, shaped, sign_entries, signed
from geosys.maps.paper.neatline import ARROW_MM, INK, draw_north, draw_surroundings
from geosys.maps.paper.plate import Plate
from geosys.maps.paper.window import Window, extent_of, open_window
from geosys.maps.paper.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geosys.maps.paper.fonts import Fonts
    from geosys.maps.paper.furniture import ScaleBar
    from geosys.maps.paper.labels import Label
    from geosys.maps.paper.measures import Measures
    from geosys.maps.paper.sheet import Features, MapFrame

_RED = "#C0182B"
_FINEST_MM = 0.03  # shapes are simplified by less than a line's width
_BEYOND_MM = 3.0  # drawn beyond the neat line, so that no outline runs along it


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """Hold a map that was drawn: the PDF without text, the texts with their places, and what is on it.

    Parameters
    ----------
    pdf : the drawing; `width_mm` and `height_mm` are its size.
    texts : every text, in millimetres from the drawing's upper left corner.
    window, left_mm, top_mm : the part of the plane, and where its corner lies in the drawing.
    groups : for each layer with features on the map, its groups, for the legend.
    dropped : number of labels without room.
    absent : titles of the layers without a feature on the map.
    bar : the scale bar; its left end stands at `left_mm`.
    has_ticks : whether graticule and grid stand at the neat line.
    """

    pdf: bytes
    width_mm: float
    height_mm: float
    texts: tuple[Label, ...]
    window: Window
    left_mm: float
    top_mm: float
    groups: tuple[tuple[Features, list[Group]], ...]
    dropped: int
    absent: tuple[str, ...]
    bar: ScaleBar
    has_ticks: bool


class Layered(NamedTuple):
    """Hold a layer inside a window: its groups, and the shapes of its rows in millimetres of the window."""

    features: Features
    groups: list[Group]
    rows: NDArray[np.int64]
    shapes: NDArray[np.object_]
    kind: str


def draw_map(
    frame: MapFrame,
    width_mm: float,
    height_mm: float,
    measures: Measures,
    fonts: Fonts,
    language: str = "zh",
    growth: float = 1.0,
) -> DrawnMap:
    """Draw a map frame of a size on paper.

    Parameters
    ----------
    width_mm, height_mm : size with ticks and scale bar.
    growth : how much larger lines, markers and letters are than on the smallest paper.

    Raises
    ------
    SpecError
        When the frame has nothing to show, or an absurd scale.
    CrsError
        When a layer is in another CRS than the frame.
    """
    strip = measures.layout["tick_strip"] * growth if frame.has_ticks else 0.3
    room = (width_mm - 2 * strip, height_mm - 2 * strip - measures.layout["bar_strip"] * growth)
    window = open_window(frame, max(room[0], 10.0), max(room[1], 10.0), measures)
    layers = [found for features in frame.layers if (found := inside(features, window))]
    plate = Plate(width_mm, height_mm, fonts, growth)
    body = shapely.box(strip, strip, strip + room[0], strip + room[1])
    plate.rectangle(body.bounds, fill="#FFFFFF")
    for layer in layers:
        _draw_layer(plate, layer, (strip, strip), body)
    has_inset = any(not one.frame.geometry.is_empty.all() for one in frame.overview if len(one.frame))
    corners = _Corners(layers, room, measures.layout["inset_share"] * min(room), has_inset, growth)
    texts, dropped = _labels(layers, window, corners.boxes, measures, fonts, (language, growth))
    moved = [label._replace(x=label.x + strip, y=label.y + strip) for label in texts]
    plate.halos(moved, measures.labels["halo_pt"] / 2 * growth, body)
    moved += draw_north(plate, window, corners.north, strip, measures, fonts, (language, growth))
    if has_inset:
        _draw_overview(plate, frame, window, tuple(side + strip for side in corners.inset))
    bar, written = draw_surroundings(plate, window, (strip, frame.has_ticks), measures, fonts, (language, growth))
    absent = tuple(
        plain(f.title, language)
        for f in frame.layers
        if f.frame is not None and f.listed and not any(f is layer.features for layer in layers)
    )
    shown = tuple(one for layer in layers for one in _legend_of(layer))
    return DrawnMap(
        plate.to_pdf(),
        width_mm,
        height_mm,
        (*moved, *written),
        window,
        strip,
        strip,
        shown,
        dropped,
        absent,
        bar,
        frame.has_ticks,
    )


def inside(features: Features, window: Window) -> Layered | None:
    """Return what of a layer lies in a window, cut a little beyond it, in millimetres; None where nothing does."""
    beyond = _BEYOND_MM * window.metres_per_mm
    west, south, east, north = window.extent
    geometry = features.frame.geometry
    rows = np.sort(geometry.sindex.query(shapely.box(west, south, east, north), predicate="intersects"))
    if not len(rows):
        return None
    shapes = shapely.force_2d(geometry.to_numpy()[rows])
    kind = kind_of(shapes)
    fine = shapely.simplify(shapes, _FINEST_MM * window.metres_per_mm, preserve_topology=False)
    fine = np.where(shapely.is_empty(fine), shapes, fine)  # what is smaller than a line's width is still drawn
    cut = shapely.clip_by_rect(fine, west - beyond, south - beyond, east + beyond, north + beyond)
    return Layered(features, groups_of(features, rows, kind), rows, shapely.transform(cut, window.on_paper), kind)


def _legend_of(layer: Layered) -> Iterator[tuple[Features, list[Group]]]:
    """Yield what the legend says of a layer: below its groups the signs, under a heading of their own."""
    features = layer.features
    if signs := sign_entries(features, layer.rows):
        yield replace(features, title=features.sign_heading or features.title), signs
    yield features, [*layer.groups, *shape_entries(features, layer.rows)]


def _draw_layer(plate: Plate, layer: Layered, corner: tuple[float, float], body: shapely.Geometry) -> None:
    """Draw the groups of a layer."""
    shapes = shapely.transform(layer.shapes, lambda xy: xy + corner)
    for whole in layer.groups:
        for group in (one for part in shaped(layer.features, whole) for one in signed(layer.features, part)):
            chosen = shapes[np.searchsorted(layer.rows, group.rows)]
            draw_group(plate, chosen, group.look, body)


def draw_group(plate: Plate, shapes: NDArray[np.object_], look: Look, body: shapely.Geometry) -> None:
    """Draw shapes of one look, whichever they are."""
    plate.areas(shapes, look, body)
    plate.lines(shapes, look, body)
    parts = shapely.get_parts(shapes)
    plate.markers(shapely.get_coordinates(parts[shapely.get_type_id(parts) == shapely.GeometryType.POINT]), look, body)


def _labels(
    layers: Sequence[Layered],
    window: Window,
    taken: Sequence[shapely.Geometry],
    measures: Measures,
    fonts: Fonts,
    how: tuple[str, float],
) -> tuple[list[Label], int]:
    """Place the labels of all layers, in millimetres of the window."""
    neat, (language, growth) = shapely.box(0, 0, window.width_mm, window.height_mm), how
    wishes: list[Wish] = []
    obstacles = list(taken)
    size = measures.labels["size_pt"] * growth
    for layer in layers:
        radius = layer.features.style.size * 0.27 * growth
        if layer.kind == "point":
            xy = shapely.get_coordinates(layer.shapes)
            obstacles += list(shapely.box(*(xy - radius).T, *(xy + radius).T))
        if layer.features.label:
            told = layer.features.frame[layer.features.label].to_numpy()[layer.rows]
            texts = [one.in_language(language) if isinstance(one, Text) else one for one in told]
            look = (size, 400, INK if layer.kind != "line" else darker(layer.features.style.colour, 0.35))
            seen = shapely.intersection(shapely.make_valid(layer.shapes), neat)
            wishes += wishes_of(texts, seen, radius, layer.features.rank, look, int(measures.labels["most_letters"]))
    return place(wishes, obstacles, (window.width_mm, window.height_mm), fonts, int(measures.labels["most"]))


class _Corners:
    """Which corners of the window the north arrow and the overview take: the emptiest for the overview."""

    def __init__(
        self, layers: Sequence[Layered], room: tuple[float, float], inset: float, has_inset: bool, growth: float
    ) -> None:
        width, height = room
        arrow, gap = ARROW_MM * growth, 2.0
        points = [shapely.get_coordinates(layer.shapes) for layer in layers]
        xy = np.concatenate(points) if points else np.empty((0, 2))

        for side in (inset, inset * 0.75):  # smaller where every corner is crowded
            spots = {
                (x, y): (gap if x else width - gap - side, gap if y else height - gap - side)
                for x in (1, 0)
                for y in (0, 1)
            }
            crowds = {
                key: int(((xy >= spot) & (xy <= np.add(spot, side))).all(axis=1).sum()) for key, spot in spots.items()
            }
            order = sorted(spots, key=lambda key: (crowds[key], key != (0, 0), key))
            if not crowds[order[0]]:
                break
        x, y = spots[order[0]]
        self.inset = (x, y, x + side, y + side)
        is_left = has_inset and order[0] == (0, 1)
        self.north = (gap + arrow / 2 if is_left else width - gap - arrow / 2, gap + arrow * 0.9)
        north_box = shapely.box(self.north[0] - arrow * 0.6, 0, self.north[0] + arrow * 0.6, self.north[1] + arrow)
        self.boxes = [north_box, *([shapely.box(*self.inset)] if has_inset else [])]


def _draw_overview(plate: Plate, frame: MapFrame, window: Window, box: tuple[float, ...]) -> None:
    """Draw the inset: the overview's features, and the window as a red rectangle, never smaller than can be seen."""
    left, top, right, bottom = box
    west, south, east, north = extent_of(frame.overview)
    spread = max(east - west, north - south, (window.extent[2] - window.extent[0]) * 1.2) * 1.08
    middle = ((west + east) / 2, (south + north) / 2)
    extent = (middle[0] - spread / 2, middle[1] - spread / 2, middle[0] + spread / 2, middle[1] + spread / 2)
    inset = replace(window, extent=extent, width_mm=right - left, height_mm=bottom - top)
    body = shapely.box(*box)
    plate.rectangle((left, top, right, bottom), fill="#FFFFFF")
    for features in frame.overview:
        if layer := inside(features, inset):
            _draw_layer(plate, layer, (left, top), body)
    (x0, y1), (x1, y0) = inset.on_paper(np.array([window.extent[:2], window.extent[2:]])) + np.array([left, top])
    grow = max(0.0, 1.6 - (x1 - x0)) / 2
    cut = shapely.intersection(shapely.box(x0 - grow, y0 - grow, x1 + grow, y1 + grow), body).bounds
    if len(cut) and np.isfinite(cut).all():
        plate.rectangle(cut, edge=_RED, width_pt=1.2)
    plate.rectangle((left, top, right, bottom), edge=INK, width_pt=0.6)

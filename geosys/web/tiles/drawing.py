"""What the map page needs to draw a layer: colours, hatches and shapes of its classes, its zooms, its titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys.maps.spec import LayerView
from geosys.web.tiles.grid import TOP_ZOOM, lowest_zoom
from geosys.web.tiles.making import MOST_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys._text import Text
    from geosys.maps.palettes import Style, Swatch
    from geosys.maps.spec import MapSpec
    from geosys.web.tiles.seen import Seen

_LOOKS = ("colour", "fill", "opacity", "width", "hatch", "shape", "size")


def in_drawing_order(spec: MapSpec, layers: Mapping[str, Seen]) -> list[tuple[LayerView, Seen]]:
    """Return layers with their views, the lowest first; those the map does not name lie on top, switched off."""
    named = [(view, layers[view.layer]) for view in spec.views if view.layer in layers]
    known = {view.layer for view in spec.views}
    return named + [(LayerView(layer, group=""), seen) for layer, seen in layers.items() if layer not in known]


def classes_of(spec: MapSpec, seen: Seen) -> tuple[Style, Mapping[str, Swatch]]:
    """Return the style of a layer and its classes: none where the viewer may not see the column they go by."""
    style = spec.palettes.style(seen.schema.id)
    classes = spec.palettes.classes.get(style.classes, {}) if style.by in seen.columns else {}
    return style, classes


def brief_columns(spec: MapSpec, seen: Seen) -> list[str]:
    """Return the columns that a drawing cannot do without: names and classes."""
    style, _ = classes_of(spec, seen)
    return [name for name in dict.fromkeys((seen.name_column, style.by)) if name and name in seen.columns]


def zooms_of(view: LayerView, seen: Seen) -> tuple[int, int]:
    """Return the first and the last zoom at which tiles of a layer are worth asking for; a tile is 512 pixels wide."""
    first = lowest_zoom(seen.collection.rows, seen.bounds, MOST_FEATURES)
    return max(first, view.min_zoom - 1, 0), TOP_ZOOM


def drawing_of(spec: MapSpec, layers: Mapping[str, Seen], title: Text) -> dict[str, Any]:
    """Return all that the page is told, ready for JSON."""
    placed = in_drawing_order(spec, layers)
    told = [_layer(spec, view, seen) for view, seen in placed]
    return {
        "title": _both(title),
        "notice": _both(spec.notice),
        "disclaimer": _both(spec.disclaimer),
        "layers": told,
        "bounds": _bounds(placed, spec.frame_on),
    }


def _layer(spec: MapSpec, view: LayerView, seen: Seen) -> dict[str, Any]:
    style, classes = classes_of(spec, seen)
    schema = seen.schema
    first, last = zooms_of(view, seen)
    codes = {
        name: {code: _both(title) for code, title in schema.codes[name].items()}
        for name in seen.columns
        if schema.codes.get(name)
    }
    return {
        "id": schema.id, "title": _both(schema.title), "kind": schema.geometry, "visible": view.visible, "zooms": [first, last],
        "name": seen.name_column, "labelZoom": view.label_zoom, "style": {look: getattr(style, look) for look in _LOOKS} | {"dash": style.dash},
        "by": style.by if classes else "", "isPrefix": style.prefix,
        "classes": [{"code": code, "title": _both(s.title), "colour": s.colour, "hatch": s.hatch, "shape": s.shape} for code, s in classes.items()],
        "columns": [{"id": name, "title": _both(schema.titles[name])} for name in seen.columns if name in schema.titles],
        "codes": codes,
    }  # fmt: skip


def _bounds(placed: Sequence[tuple[LayerView, Seen]], frame_on: str) -> list[float] | None:
    """Return what the page opens on: the layer that the map names for it, else all layers."""
    boxes = {view.layer: seen.bounds for view, seen in placed if seen.bounds is not None}
    chosen = [boxes[frame_on]] if frame_on in boxes else list(boxes.values())
    if not chosen:
        return None
    west, south, east, north = zip(*chosen, strict=True)
    return [min(west), min(south), max(east), max(north)]


def _both(text: Text) -> list[str]:
    return [text.zh, text.en]

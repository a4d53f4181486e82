"""Which signs a layer of a package is drawn with: those of the map, by the same palettes, for the values that may stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from geosys._text import Text
from geosys.maps.paper.looks import classes_of, darker
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.files.names import name_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.maps.palettes import Palettes, Style, Swatch
    from geosys.maps.spec import MapSpec
    from geosys.publish.content import Field, ShapedLayer

_OTHER = Text("其他", "Other")
_HOLLOW = ("ring", "frame")
_WHITE = "#FFFFFF"
_OUTCOME = "outcome"
_LABELS_FROM = 14  # zoom of layers that the map gives none: about 1 : 34 000
# Scale of zoom 0 of a web map on the equator. Source: OGC 17-083r4 (Two Dimensional Tile Matrix Set), WebMercatorQuad; 0.28 mm a pixel.
_SCALE_OF_ZOOM_0 = 559_082_264.0287178
_STACK = ("polygon", "line", "point")


@dataclass(frozen=True, slots=True)
class Sign:
    """Hold how the features of one class are drawn; lengths are pixels of 1/96 inch.

    Parameters
    ----------
    values : what the class column may hold; empty: all that no other sign has.
    colour, width, dash : of the line, an area's outline or a marker's edge.
    fill, opacity : of an area or a marker.
    hatch, hatch_colour : upon an area, as in ``maps/palettes.toml``.
    shape, size : of a marker; the size is its radius.
    """

    title: Text
    values: tuple[str, ...]
    colour: str
    fill: str
    opacity: float
    width: float
    dash: tuple[float, ...]
    hatch: str
    hatch_colour: str
    shape: str
    size: float


@dataclass(frozen=True, slots=True)
class LayerSigns:
    """Hold how a layer of the package is drawn.

    Parameters
    ----------
    kind : ``point``, ``line`` or ``polygon``.
    field : whose values decide the sign; empty: all are drawn alike. `is_number` says whether they are numbers.
    label : field that is written beside each feature, from the scale 1 : `labelled_below` on; empty: none.
    drawn_below : from the scale of 1 : so much on; 0: always.
    group : its heading in the list of layers.
    """

    layer: str
    title: Text
    kind: str
    field: str
    is_number: bool
    signs: tuple[Sign, ...]
    label: str
    labelled_below: float
    drawn_below: float
    group: str


def all_signs(shaped: Sequence[ShapedLayer], spec: MapSpec) -> list[LayerSigns]:
    """Return the signs of all layers in drawing order, the lowest first: as on the map, the others above, points on top."""
    places = {view.layer: place for place, view in enumerate(spec.views)}
    order = sorted(
        shaped,
        key=lambda one: (
            one.layer.source == FINDINGS,
            places.get(one.layer.source, len(places)),
            _STACK.index(one.layer.geometry),
            one.layer.name,
        ),
    )
    return [signs_of(one, spec) for one in order]


def signs_of(shaped: ShapedLayer, spec: MapSpec) -> LayerSigns:
    """Return the signs of one layer; a class stands in it if one of the field's codes or one of the values belongs to it."""
    layer, view = shaped.layer, spec.view(shaped.layer.source)
    style = spec.palettes.style(layer.source)
    by, classes = _classes(spec.palettes, style, layer.source)
    field = next((one for one in layer.fields if by and one.column == by), None)
    signs = [_sign(style, layer.geometry, None, layer.title if field is None else _OTHER, ())]
    if field is not None:
        values = _values(shaped, field, classes)
        found = classes_of(pd.Series(values, dtype=object), classes, prefix=style.prefix)
        members = {code: tuple(v for v, c in zip(values, found, strict=True) if c == code) for code in classes}
        made = [
            _sign(style, layer.geometry, classes[code], classes[code].title, held)
            for code, held in members.items()
            if held
        ]
        signs = [*made, *signs]
    name = name_field(layer)
    zoom = view.label_zoom if view and view.label_zoom is not None else _LABELS_FROM
    return LayerSigns(
        layer=layer.name, title=layer.title, kind=layer.geometry, field=field.name if field else "",
        is_number=field is not None and field.type in {"integer", "number"}, signs=tuple(signs), label=name.name if name else "",
        labelled_below=scale_of(zoom), drawn_below=scale_of(view.min_zoom) if view and view.min_zoom else 0.0,
        group=view.group if view else "",
    )  # fmt: skip


def scale_of(zoom: int) -> float:
    """Return the scale's denominator of a zoom level of web maps on the equator.

    Examples
    --------
    >>> round(scale_of(13))
    68247
    """
    return _SCALE_OF_ZOOM_0 / float(2**zoom)


def _classes(palettes: Palettes, style: Style, source: str) -> tuple[str, Mapping[str, Swatch]]:
    """Return the column that decides the sign, and the classes by code; findings go by their outcome."""
    if source == FINDINGS:
        return _OUTCOME, palettes.outcomes
    return style.by, palettes.classes.get(style.classes, {})


def _values(shaped: ShapedLayer, field: Field, classes: Mapping[str, Swatch]) -> list[str]:
    """Return the codes of a field, or the classes where it has no list of codes, and what stands in it beyond them."""
    known = list(field.codes or classes)
    present = {str(value) for value in shaped.frame[field.name].dropna()}
    return [*known, *sorted(present - set(known))]


def _sign(style: Style, kind: str, swatch: Swatch | None, title: Text, values: tuple[str, ...]) -> Sign:
    """Return how a class is drawn: a line takes the class's colour, an area and a marker are filled with it."""
    fill = swatch.colour if swatch else style.fill
    colour = swatch.colour if swatch and kind == "line" else style.colour
    shape = (swatch.shape if swatch and swatch.shape else style.shape) if kind == "point" else ""
    width = style.width
    if shape in _HOLLOW:  # an outline alone bears the colour of the class, as on the map
        fill, colour, width = _WHITE, fill if fill != _WHITE else colour, max(1.3, style.size * 0.35)
    return Sign(
        title=title, values=values, colour=colour, fill=fill, opacity=style.opacity if kind == "polygon" else 1.0,
        width=width, dash=style.dash, hatch=(swatch.hatch if swatch and swatch.hatch else style.hatch) if kind == "polygon" else "none",
        hatch_colour=darker(style.colour, 0.25), shape=shape, size=style.size,
    )  # fmt: skip

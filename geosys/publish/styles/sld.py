"""Write styles as SLD for map servers: 1.0.0, which all of them read, and 1.1.0 with Symbology Encoding.

Hatches and some marks are no part of the standard. Slanted, level and upright lines bear the names that GeoServer and its kin know
(``shape://slash``); crosses and rings (for dots) the standard's own. A reader that knows a name not draws a square, as the standard says.

Source: OGC 02-070 (SLD 1.0.0), 05-078r4 (SLD 1.1.0), 05-077r4 (Symbology Encoding 1.1.0), for the order of elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from geosys.publish.styles.signs import LayerSigns, Sign

FONTS = ("Noto Sans CJK SC", "Microsoft YaHei", "SimHei", "sans-serif")
_OGC, _SE = "http://www.opengis.net/ogc", "http://www.opengis.net/se"
_SLD = "http://www.opengis.net/sld"
_HATCHES = {
    "forward": "shape://slash", "backward": "shape://backslash", "horizontal": "shape://horline", "vertical": "shape://vertline",
    "cross": "x", "dots": "circle",
}  # fmt: skip
_STEP, _STEPS, _HATCH_WIDTH = (
    9.0,
    {"dots": 7.0},
    0.7,
)  # pixels; marks stand side by side without a gap, so that dots are rings
# shape of the palettes -> mark of the standard, how far it is turned in degrees
_MARKS = {
    "circle": ("circle", 0), "ring": ("circle", 0), "square": ("square", 0), "frame": ("square", 0), "triangle": ("triangle", 0),
    "inverted": ("triangle", 180), "diamond": ("square", 45), "star": ("star", 0), "cross": ("cross", 0),
    "pentagon": ("pentagon", 0), "hexagon": ("hexagon", 0),
}  # fmt: skip
_INK, _HALO = "#1A1E24", "#FFFFFF"
_LABEL_PX = 12
VERSIONS = ("1.0.0", "1.1.0")


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Hold what differs between the versions: the namespace of symbols, and what a parameter of a drawing is called."""

    version: str
    symbols: str
    parameter: str


_DIALECTS = {"1.0.0": _Dialect("1.0.0", _SLD, "CssParameter"), "1.1.0": _Dialect("1.1.0", _SE, "SvgParameter")}


def sld_bytes(signs: LayerSigns, version: str = "1.0.0") -> bytes:
    """Return a layer's style as SLD: a style of the labels, and one with a rule for each class and one for all other values.

    The labels come first: after the classes, MapServer would take the layer for one of points; all draw labels on top. The rule
    for other values names those it is not for: MapServer holds an ElseFilter against the labels' rule too and would draw none.

    Parameters
    ----------
    version : one of `VERSIONS`.
    """
    dialect = _DIALECTS[version]
    for prefix, space in (("sld", _SLD), ("ogc", _OGC), ("se", _SE)):
        ET.register_namespace(prefix, space)
    root = ET.Element(f"{{{_SLD}}}StyledLayerDescriptor", version=dialect.version)
    layer = ET.SubElement(root, f"{{{_SLD}}}NamedLayer")
    _text(layer, dialect.symbols, "Name", signs.layer)
    style = ET.SubElement(layer, f"{{{_SLD}}}UserStyle")
    _text(style, dialect.symbols, "Name", signs.layer)
    _titled(style, dialect, signs.title.zh, signs.title.en)
    _text(style, _SLD, "IsDefault", "1")
    if signs.label:
        _label_rule(ET.SubElement(style, f"{{{dialect.symbols}}}FeatureTypeStyle"), dialect, signs)
    drawn = ET.SubElement(style, f"{{{dialect.symbols}}}FeatureTypeStyle")
    for place, sign in enumerate(signs.signs, 1):
        _rule(drawn, dialect, signs, sign, f"{signs.layer}_{place}")
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _text(parent: ET.Element, space: str, name: str, text: str) -> ET.Element:
    made = ET.SubElement(parent, f"{{{space}}}{name}")
    made.text = text
    return made


def _titled(parent: ET.Element, dialect: _Dialect, title: str, abstract: str) -> None:
    """Add title and abstract; the newer version wraps them."""
    if dialect.symbols == _SE:
        parent = ET.SubElement(parent, f"{{{_SE}}}Description")
    _text(parent, dialect.symbols, "Title", title)
    _text(parent, dialect.symbols, "Abstract", abstract)


def _rule(parent: ET.Element, dialect: _Dialect, signs: LayerSigns, sign: Sign, name: str) -> None:
    rule = ET.SubElement(parent, f"{{{dialect.symbols}}}Rule")
    _text(rule, dialect.symbols, "Name", name)
    _titled(rule, dialect, sign.title.zh, sign.title.en)
    if sign.values:
        _one_of(ET.SubElement(rule, f"{{{_OGC}}}Filter"), signs.field, sign.values)
    elif len(signs.signs) > 1:
        others = ET.SubElement(ET.SubElement(rule, f"{{{_OGC}}}Filter"), f"{{{_OGC}}}Not")
        _one_of(others, signs.field, tuple(value for other in signs.signs for value in other.values))
    if signs.drawn_below:
        _text(rule, dialect.symbols, "MaxScaleDenominator", f"{signs.drawn_below:.0f}")
    {"polygon": _areas, "line": _lines, "point": _markers}[signs.kind](rule, dialect, sign)


def _one_of(place: ET.Element, field: str, values: tuple[str, ...]) -> None:
    if len(values) > 1:
        place = ET.SubElement(place, f"{{{_OGC}}}Or")
    for value in values:
        equal = ET.SubElement(place, f"{{{_OGC}}}PropertyIsEqualTo")
        _text(equal, _OGC, "PropertyName", field)
        _text(equal, _OGC, "Literal", value)


def _parameters(parent: ET.Element, dialect: _Dialect, name: str, values: dict[str, str]) -> ET.Element:
    made = ET.SubElement(parent, f"{{{dialect.symbols}}}{name}")
    for key, value in values.items():
        _text(made, dialect.symbols, dialect.parameter, value).set("name", key)
    return made


def _stroke(parent: ET.Element, dialect: _Dialect, sign: Sign) -> None:
    values = {"stroke": sign.colour, "stroke-width": f"{sign.width:g}", "stroke-linejoin": "round"}
    if sign.dash:
        values["stroke-dasharray"] = " ".join(f"{step:g}" for step in sign.dash)
    _parameters(parent, dialect, "Stroke", values)


def _areas(rule: ET.Element, dialect: _Dialect, sign: Sign) -> None:
    """Add the fill, the hatch upon it, and the outline with the upper of the two.

    The outline is no symbol of lines: MapServer would then take the whole layer for one of lines.
    """
    upper = ET.SubElement(rule, f"{{{dialect.symbols}}}PolygonSymbolizer")
    _parameters(upper, dialect, "Fill", {"fill": sign.fill, "fill-opacity": f"{sign.opacity:g}"})
    if sign.hatch in _HATCHES:
        upper = ET.SubElement(rule, f"{{{dialect.symbols}}}PolygonSymbolizer")
        place = ET.SubElement(upper, f"{{{dialect.symbols}}}Fill")
        pattern = ET.SubElement(place, f"{{{dialect.symbols}}}GraphicFill")
        graphic = ET.SubElement(pattern, f"{{{dialect.symbols}}}Graphic")
        mark = ET.SubElement(graphic, f"{{{dialect.symbols}}}Mark")
        _text(mark, dialect.symbols, "WellKnownName", _HATCHES[sign.hatch])
        _parameters(mark, dialect, "Stroke", {"stroke": sign.hatch_colour, "stroke-width": f"{_HATCH_WIDTH:g}"})
        _text(graphic, dialect.symbols, "Size", f"{_STEPS.get(sign.hatch, _STEP):g}")
    _stroke(upper, dialect, sign)


def _lines(rule: ET.Element, dialect: _Dialect, sign: Sign) -> None:
    _stroke(ET.SubElement(rule, f"{{{dialect.symbols}}}LineSymbolizer"), dialect, sign)


def _markers(rule: ET.Element, dialect: _Dialect, sign: Sign) -> None:
    symbol = ET.SubElement(rule, f"{{{dialect.symbols}}}PointSymbolizer")
    graphic = ET.SubElement(symbol, f"{{{dialect.symbols}}}Graphic")
    mark = ET.SubElement(graphic, f"{{{dialect.symbols}}}Mark")
    name, turned = _MARKS[sign.shape]
    _text(mark, dialect.symbols, "WellKnownName", name)
    _parameters(mark, dialect, "Fill", {"fill": sign.fill, "fill-opacity": f"{sign.opacity:g}"})
    _parameters(mark, dialect, "Stroke", {"stroke": sign.colour, "stroke-width": f"{sign.width:g}"})
    _text(graphic, dialect.symbols, "Size", f"{2 * sign.size:g}")
    if turned:
        _text(graphic, dialect.symbols, "Rotation", str(turned))


def _label_rule(parent: ET.Element, dialect: _Dialect, signs: LayerSigns) -> None:
    rule = ET.SubElement(parent, f"{{{dialect.symbols}}}Rule")
    _text(rule, dialect.symbols, "Name", f"{signs.layer}_labels")
    _titled(rule, dialect, "名称", "Names")
    _text(rule, dialect.symbols, "MaxScaleDenominator", f"{signs.labelled_below:.0f}")
    symbol = ET.SubElement(rule, f"{{{dialect.symbols}}}TextSymbolizer")
    label = ET.SubElement(symbol, f"{{{dialect.symbols}}}Label")
    _text(label, _OGC, "PropertyName", signs.label)
    font = ET.SubElement(symbol, f"{{{dialect.symbols}}}Font")
    for family in FONTS:
        _text(font, dialect.symbols, dialect.parameter, family).set("name", "font-family")
    _text(font, dialect.symbols, dialect.parameter, str(_LABEL_PX)).set("name", "font-size")
    placed = ET.SubElement(symbol, f"{{{dialect.symbols}}}LabelPlacement")
    if signs.kind == "line":
        ET.SubElement(placed, f"{{{dialect.symbols}}}LinePlacement")
    else:
        _point_placement(placed, dialect, signs)
    halo = ET.SubElement(symbol, f"{{{dialect.symbols}}}Halo")
    _text(halo, dialect.symbols, "Radius", "1.5")
    _parameters(halo, dialect, "Fill", {"fill": _HALO})
    _parameters(symbol, dialect, "Fill", {"fill": _INK})


def _point_placement(placed: ET.Element, dialect: _Dialect, signs: LayerSigns) -> None:
    """Put the label onto an area's middle, and to the right of a marker."""
    is_point = signs.kind == "point"
    place = ET.SubElement(placed, f"{{{dialect.symbols}}}PointPlacement")
    anchor = ET.SubElement(place, f"{{{dialect.symbols}}}AnchorPoint")
    _text(anchor, dialect.symbols, "AnchorPointX", "0" if is_point else "0.5")
    _text(anchor, dialect.symbols, "AnchorPointY", "0.5")
    moved = ET.SubElement(place, f"{{{dialect.symbols}}}Displacement")
    shift = max((sign.size for sign in signs.signs), default=0.0) + 3 if is_point else 0.0
    _text(moved, dialect.symbols, "DisplacementX", f"{shift:g}")
    _text(moved, dialect.symbols, "DisplacementY", "0")

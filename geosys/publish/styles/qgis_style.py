"""Write a layer's style for QGIS (.qml): symbols by class, labels, aliases of the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from geosys.publish.styles.qgis_symbols import rgba, symbol
from geosys.publish.styles.sld import FONTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.publish.styles.signs import LayerSigns, Sign

VERSION = "3.22.16-Białowieża"  # of the oldest QGIS that we tried
DOCTYPE = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_INK, _HALO = "#1A1E24", "#FFFFFF"
_PLACES = {"point": "6", "line": "2", "polygon": "1"}  # beside the marker, along the line, over the area
_LABEL_PT = "9"


def qml_bytes(signs: LayerSigns, titles: Mapping[str, str]) -> bytes:
    """Return a layer's style as QGIS saves one.

    Parameters
    ----------
    titles : field -> its title, shown in place of the name.
    """
    parts = "Symbology|Labeling|Fields|Rendering"
    root = ET.Element("qgis", {"version": VERSION, "styleCategories": parts, **layer_attributes(signs)})
    root.extend(style_parts(signs, titles))
    return as_bytes(root)


def as_bytes(root: ET.Element) -> bytes:
    """Return a document of QGIS as bytes."""
    ET.indent(root)
    return DOCTYPE + bytes(ET.tostring(root, encoding="utf-8")) + b"\n"


def style_parts(signs: LayerSigns, titles: Mapping[str, str]) -> list[ET.Element]:
    """Return the elements that are the same in a style file and in a project: renderer, labels, aliases."""
    parts = [_renderer(signs)]
    if signs.label:
        parts.append(_labels(signs))
    aliases = ET.Element("aliases")
    for place, (field, title) in enumerate(titles.items()):
        ET.SubElement(aliases, "alias", index=str(place), field=field, name=title)
    return [*parts, aliases]


def layer_attributes(signs: LayerSigns) -> dict[str, str]:
    """Return the attributes by which a layer in a project says when it is drawn and labelled."""
    return {
        "hasScaleBasedVisibilityFlag": "1" if signs.drawn_below else "0",
        "minScale": f"{signs.drawn_below or 100_000_000:.0f}",
        "maxScale": "0",
        "labelsEnabled": "1" if signs.label else "0",
    }


def _renderer(signs: LayerSigns) -> ET.Element:
    common = {"enableorderby": "0", "forceraster": "0", "symbollevels": "0", "referencescale": "-1"}
    symbols = ET.Element("symbols")
    for place, sign in enumerate(signs.signs):
        symbols.append(symbol(signs.kind, str(place), sign))
    if not signs.field:
        renderer = ET.Element("renderer-v2", {"type": "singleSymbol", **common})
        renderer.append(symbols)
        return renderer
    renderer = ET.Element("renderer-v2", {"type": "categorizedSymbol", "attr": signs.field, **common})
    categories = ET.SubElement(renderer, "categories")
    for place, sign in enumerate(signs.signs):
        _category(categories, place, sign, is_number=signs.is_number)
    renderer.append(symbols)
    return renderer


def _category(parent: ET.Element, place: int, sign: Sign, *, is_number: bool) -> None:
    """Add a class; one of several values holds a list of them, one without any stands for all others."""
    kind = "double" if is_number and sign.values else "string"
    made = ET.SubElement(parent, "category", symbol=str(place), label=sign.title.zh, render="true", value="", type=kind)
    if len(sign.values) > 1:
        made.set("type", "List")
        for value in sign.values:
            ET.SubElement(made, "val", value=value, type=kind)
    elif sign.values:
        made.set("value", sign.values[0])


def _labels(signs: LayerSigns) -> ET.Element:
    labels = ET.Element("labeling", type="simple")
    settings = ET.SubElement(labels, "settings", calloutType="simple")
    style = ET.SubElement(
        settings, "text-style", fieldName=signs.label, isExpression="0", fontFamily=FONTS[0], namedStyle="Regular", fontSize=_LABEL_PT,
        fontSizeUnit="Point", textColor=rgba(_INK), textOpacity="1", fontWeight="50", blendMode="0", multilineHeight="1",
    )  # fmt: skip
    families = ET.SubElement(style, "families")
    for family in FONTS:
        ET.SubElement(families, "family", name=family)
    ET.SubElement(
        style, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor=rgba(_HALO), bufferOpacity="1",
        bufferNoFill="1", bufferJoinStyle="128", bufferBlendMode="0",
    )  # fmt: skip
    ET.SubElement(settings, "text-format", multilineAlign="3", formatNumbers="0", wrapChar="", autoWrapLength="0")
    ET.SubElement(
        settings, "placement", placement=_PLACES[signs.kind], centroidWhole="0", centroidInside="1", dist="0.8", distUnits="MM", offsetType="1",
        placementFlags="10", priority="5", quadOffset="5" if signs.kind == "point" else "4",
        predefinedPositionOrder="R,L,TR,BR,TL,BL,TSR,BSR",
    )  # fmt: skip
    ET.SubElement(
        settings, "rendering", scaleVisibility="1", scaleMin="0", scaleMax=f"{signs.labelled_below:.0f}", drawLabels="1", displayAll="0",
        obstacle="1", obstacleFactor="1", labelPerPart="0", mergeLines="1", fontMinPixelSize="3", fontMaxPixelSize="10000",
    )  # fmt: skip
    return labels

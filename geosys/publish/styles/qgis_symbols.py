"""Build QGIS symbols: fills with hatches, lines, markers, as the project files of QGIS 3 hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.publish.styles.signs import Sign

KINDS = {"polygon": "fill", "line": "line", "point": "marker"}
_MM_PER_PX = 25.4 / 96
_HATCH_MM, _HATCH_STEP_MM = 0.18, 1.6
_DOT_MM, _DOT_STEP_MM = 0.5, 1.5
# hatch -> angles of its lines, counter-clockwise from the level
_ANGLES = {"forward": (45,), "backward": (135,), "horizontal": (0,), "vertical": (90,), "cross": (45, 135)}
# shape of the palettes -> QGIS's, how far it is turned in degrees
_SHAPES = {
    "circle": ("circle", 0), "ring": ("circle", 0), "square": ("square", 0), "frame": ("square", 0), "triangle": ("triangle", 0),
    "inverted": ("triangle", 180), "diamond": ("diamond", 0), "star": ("star", 0), "cross": ("cross_fill", 0),
    "pentagon": ("pentagon", 0), "hexagon": ("hexagon", 0),
}  # fmt: skip
_CAPS = {"joinstyle": "round", "capstyle": "square"}


def symbol(kind: str, name: str, sign: Sign) -> ET.Element:
    """Return the symbol of a sign.

    Parameters
    ----------
    kind : ``point``, ``line`` or ``polygon``.
    name : by which a category refers to it.
    """
    made = _symbol(KINDS[kind], name)
    if kind == "line":
        _add(made, "SimpleLine", _line(sign.colour, sign.width * _MM_PER_PX, sign))
    elif kind == "point":
        _add(made, "SimpleMarker", _marker(sign))
    else:
        _add(made, "SimpleFill", {"color": rgba(sign.fill, sign.opacity), "style": "solid", "outline_style": "no"})
        for layer, angle in enumerate(_ANGLES.get(sign.hatch, ()), 1):
            _hatch(made, name, layer, angle, sign.hatch_colour)
        if sign.hatch == "dots":
            _dots(made, name, sign.hatch_colour)
        _add(made, "SimpleLine", _line(sign.colour, sign.width * _MM_PER_PX, sign))
    return made


def rgba(colour: str, opacity: float = 1.0) -> str:
    """Return a colour as QGIS writes it.

    Examples
    --------
    >>> rgba("#FF8000", 0.5)
    '255,128,0,128'
    """
    return ",".join([*(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)), str(round(opacity * 255))])


def _symbol(kind: str, name: str) -> ET.Element:
    return ET.Element("symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")


def _add(parent: ET.Element, kind: str, values: Mapping[str, str]) -> ET.Element:
    """Add a symbol layer; its values stand twice, for QGIS before and since 3.18."""
    layer = ET.SubElement(parent, "layer", {"class": kind, "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for key, value in values.items():
        ET.SubElement(options, "Option", name=key, type="QString", value=value)
    for key, value in values.items():
        ET.SubElement(layer, "prop", k=key, v=value)
    return layer


def _line(colour: str, width_mm: float, sign: Sign | None) -> dict[str, str]:
    dash = ";".join(f"{step * _MM_PER_PX:.3f}" for step in sign.dash) if sign else ""
    return {
        "line_color": rgba(colour), "line_width": f"{width_mm:.3f}", "line_width_unit": "MM", "line_style": "solid",
        "use_custom_dash": "1" if dash else "0", "customdash": dash or "5;2", "customdash_unit": "MM", **_CAPS,
    }  # fmt: skip


def _marker(sign: Sign) -> dict[str, str]:
    name, turned = _SHAPES[sign.shape]
    return {
        "name": name, "angle": str(turned), "color": rgba(sign.fill, sign.opacity), "outline_color": rgba(sign.colour),
        "outline_style": "solid", "outline_width": f"{sign.width * _MM_PER_PX:.3f}", "outline_width_unit": "MM",
        "size": f"{2 * sign.size * _MM_PER_PX:.3f}", "size_unit": "MM", "joinstyle": "round",
    }  # fmt: skip


def _hatch(parent: ET.Element, name: str, place: int, angle: int, colour: str) -> None:
    values = {
        "angle": str(angle), "color": rgba(colour), "distance": f"{_HATCH_STEP_MM:g}", "distance_unit": "MM",
        "line_width": f"{_HATCH_MM:g}", "line_width_unit": "MM", "offset": "0", "offset_unit": "MM",
    }  # fmt: skip
    inner = _symbol("line", f"@{name}@{place}")
    _add(inner, "SimpleLine", _line(colour, _HATCH_MM, None))
    _add(parent, "LinePatternFill", values).append(inner)


def _dots(parent: ET.Element, name: str, colour: str) -> None:
    step = f"{_DOT_STEP_MM:g}"
    values = {
        "distance_x": step, "distance_x_unit": "MM", "distance_y": step, "distance_y_unit": "MM",
        "displacement_x": "0", "displacement_x_unit": "MM", "displacement_y": "0", "displacement_y_unit": "MM",
    }  # fmt: skip
    inner = _symbol("marker", f"@{name}@1")
    dot = {"name": "circle", "color": rgba(colour), "outline_style": "no", "size": f"{_DOT_MM:g}", "size_unit": "MM"}
    _add(inner, "SimpleMarker", dot)
    _add(parent, "PointPatternFill", values).append(inner)

"""Looks in MapServer's words: symbols of points, hatches, and the styles of a class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geosys.maps.palettes import Style, Swatch

HOLLOW = ("ring", "frame")
_HATCH_PX = 7.0
_ANGLES = {"forward": (45,), "backward": (135,), "cross": (45, 135), "horizontal": (0,), "vertical": (90,)}
# Corners, the angle of the first one from the top, and the radius of every second one where it differs.
_REGULAR = {
    "square": (4, 45.0, 1.0), "frame": (4, 45.0, 1.0), "triangle": (3, 0.0, 1.0), "inverted": (3, 180.0, 1.0), "diamond": (4, 0.0, 1.0),
    "star": (10, 0.0, 0.45), "pentagon": (5, 0.0, 1.0), "hexagon": (6, 30.0, 1.0),
}  # fmt: skip
_CROSS = (
    (-0.3, -1),
    (0.3, -1),
    (0.3, -0.3),
    (1, -0.3),
    (1, 0.3),
    (0.3, 0.3),
    (0.3, 1),
    (-0.3, 1),
    (-0.3, 0.3),
    (-1, 0.3),
    (-1, -0.3),
    (-0.3, -0.3),
)


def symbol_blocks() -> str:
    """Return the definitions of all symbols that `class_styles` names."""
    made = ['SYMBOL NAME "hatch" TYPE HATCH END', 'SYMBOL NAME "circle" TYPE ELLIPSE POINTS 1 1 END FILLED TRUE END']
    for name in (*_REGULAR, "cross"):
        # Symbols count from their upper left corner.
        points = " ".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in [*_outline(name), _outline(name)[0]])
        made.append(f'SYMBOL NAME "{name}" TYPE VECTOR ANCHORPOINT 0.5 0.5 POINTS {points} END FILLED TRUE END')
    return "\n".join(made)


def _outline(name: str) -> list[tuple[float, float]]:
    if name == "cross":
        return [(float(x), float(y)) for x, y in _CROSS]
    corners, turn, inner = _REGULAR[name]
    turns = [(math.radians(turn + 360 * i / corners), inner if i % 2 else 1.0) for i in range(corners)]
    return [(math.sin(a) * r, -math.cos(a) * r) for a, r in turns]


def class_styles(style: Style, kind: str, swatch: Swatch | None) -> list[str]:
    """Return the STYLE blocks of a class of a layer: a line takes the class's colour, an area and a marker are filled with it."""
    if kind == "line":
        return [
            _block(COLOR=_hex(swatch.colour if swatch else style.colour), WIDTH=style.width, PATTERN=_dash(style.dash))
        ]
    fill = swatch.colour if swatch else style.fill
    if kind == "point":
        return [_marker(style, fill, swatch.shape if swatch and swatch.shape else style.shape)]
    made = [_block(COLOR=_hex(fill, style.opacity))] if style.opacity > 0 else []
    made += (
        _hatches(style.colour, swatch.hatch if swatch and swatch.hatch else style.hatch) if style.opacity > 0 else []
    )
    return [*made, _block(OUTLINECOLOR=_hex(style.colour), WIDTH=style.width, PATTERN=_dash(style.dash))]


def _marker(style: Style, fill: str, shape: str) -> str:
    name = {"ring": "circle"}.get(shape, shape)
    if shape in HOLLOW:
        return _block(SYMBOL=f'"{name}"', SIZE=2 * style.size, COLOR=_hex("#FFFFFF"), OUTLINECOLOR=_hex(fill), WIDTH=2)
    return _block(SYMBOL=f'"{name}"', SIZE=2 * style.size, COLOR=_hex(fill), OUTLINECOLOR=_hex(style.colour), WIDTH=1.2)


def _hatches(colour: str, hatch: str) -> list[str]:
    if hatch == "dots":
        return [_block(SYMBOL='"circle"', SIZE=1.6, GAP=_HATCH_PX, COLOR=_hex(colour))]
    return [
        _block(SYMBOL='"hatch"', ANGLE=angle, SIZE=_HATCH_PX, WIDTH=0.8, COLOR=_hex(colour))
        for angle in _ANGLES.get(hatch, ())
    ]


def _block(**settings: object) -> str:
    told = " ".join(f"{name} {value}" for name, value in settings.items() if value != "")
    return f"STYLE {told} END"


def _dash(dash: tuple[float, ...]) -> str:
    return f"{' '.join(f'{n:g}' for n in dash)} END" if dash else ""


def _hex(colour: str, opacity: float = 1.0) -> str:
    """Return a colour of MapServer: ``#RRGGBB`` with its opacity.

    Examples
    --------
    >>> _hex("#FF8000", 0.5)
    '"#FF800080"'
    """
    return f'"{colour}{round(opacity * 255):02X}"'

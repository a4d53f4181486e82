"""The entities of an ASCII DXF that hold plots: polylines with their arcs, and the texts written into them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MOST_BYTES = 1 << 28
MOST_LINE = 1 << 16
MOST_POINTS = 20_000_000
MOST_VALUES = 5_000_000  # of one entity
MOST_ALL_VALUES = 16_000_000
MOST_ENTITIES = 5_000_000

ARC_STEP = math.radians(1)
_BINARY = b"AutoCAD Binary DXF"
_CLOSED, _MESH, _FRAME = 1, 16 | 64, 16
_POLYLINES = (b"LWPOLYLINE", b"POLYLINE")
_TEXTS = (b"TEXT", b"MTEXT")
_LONGEST_NUMBER = 64
_KEPT = frozenset({1, 2, 3, 5, 8, 9, 10, 20, 42, 70, 230, 1000, 1001})
_UPRIGHT = 1e-9  # how far an extrusion may stand off ±1
_NUMBERS = frozenset({10, 20, 42, 70, 230})
UNITS = {1: "inch", 2: "foot", 4: "mm", 5: "cm", 6: "m", 7: "km"}


@dataclass(slots=True)
class Polyline:
    """Hold one polyline: x, y and bulge of each vertex (the bulge belongs to the segment that begins there)."""

    line: int
    layer: bytes = b""
    handle: bytes = b""
    is_closed: bool = False
    is_mirrored: bool = False
    fault: str = ""
    vertices: list[tuple[float, float, float]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Note:
    """Hold one text and the point at which it is written."""

    layer: bytes
    x: float
    y: float
    text: bytes


@dataclass(slots=True)
class Drawing:
    """Hold what a drawing says of plots; `others` counts what was not read, by kind."""

    polylines: list[Polyline] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    units: int = 0


def refuse(name: str, got: str, expected: str, advice: str = "Save it again as ASCII DXF.") -> NoReturn:
    """Raise the error of a drawing that cannot be read."""
    raise DeliveryError(f"{name}: got {got}, expected {expected}. {advice}") from None


def read_entities(path: Path) -> Drawing:
    """Return the polylines and texts of a drawing's ENTITIES section; blocks are not looked into.

    Raises
    ------
    DeliveryError
        When the file is no ASCII DXF, is cut off, or goes beyond the limits of this module.
    """
    if path.stat().st_size > MOST_BYTES:
        refuse(path.name, f"{path.stat().st_size} bytes", f"at most {MOST_BYTES}", "Send it in pieces.")
    drawing = Drawing()
    current: Polyline | None = None
    section, is_complete, values = b"", False, 0
    for line, kind, groups in _records(path):
        values += len(groups)
        if kind == b"SECTION":
            section = next((value for code, value in groups if code == 2), b"")  # noqa: PLR2004
        elif kind == b"ENDSEC":
            section = b""
        elif kind == b"EOF":
            is_complete = True
        if section == b"HEADER":
            drawing.units = _units(groups) or drawing.units
        if section != b"ENTITIES" or kind == b"SECTION":
            continue
        current = _take(drawing, current, kind, line, groups)
        if len(drawing.polylines) + len(drawing.notes) > MOST_ENTITIES or values > MOST_ALL_VALUES:
            refuse(path.name, f"more than {MOST_ENTITIES} entities", "a smaller drawing", "Send it in pieces.")
    if not is_complete:
        refuse(path.name, "a drawing that does not reach its EOF", "a whole DXF", "Ask the sender for a complete copy.")
    return drawing


def _records(path: Path) -> Iterator[tuple[int, bytes, list[tuple[int, bytes]]]]:
    """Yield each record of a DXF: its line, its kind, and its groups of code and value."""
    kind, begin = b"", 0
    groups: list[tuple[int, bytes]] = []
    with path.open("rb") as file:
        if file.read(len(_BINARY)) == _BINARY:
            refuse(path.name, "a binary DXF", "an ASCII DXF")
        file.seek(3 if _starts_with_mark(path) else 0)
        number = 0
        while code_line := file.readline(MOST_LINE):
            value = file.readline(MOST_LINE)
            number += 2
            code = _code(code_line)
            if code is None or not value:
                if not code_line.strip() and not value:
                    break
                refuse(path.name, f"{code_line[:40]!r} at line {number - 1}", "a group code and its value")
            if code == 0:
                if kind:
                    yield begin, kind, groups
                kind, begin, groups = value.strip(), number, []
            elif code in _KEPT:
                groups.append((code, value.strip(b"\r\n")))
                if len(groups) > MOST_VALUES:
                    refuse(path.name, f"an entity of more than {MOST_VALUES} values", "a smaller drawing")
    if not kind:
        refuse(path.name, "no record", "a DXF")
    yield begin, kind, groups


def _starts_with_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xef\xbb\xbf"


def _units(groups: list[tuple[int, bytes]]) -> int:
    """Return the drawing unit that the header states, 0 for none."""
    for at, (code, value) in enumerate(groups[:-1]):
        if code == 9 and value.strip() == b"$INSUNITS" and groups[at + 1][0] == 70:  # noqa: PLR2004
            return int(_number(groups[at + 1][1]) or 0)
    return 0


def _take(
    drawing: Drawing, current: Polyline | None, kind: bytes, line: int, groups: list[tuple[int, bytes]]
) -> Polyline | None:
    """Add one entity to the drawing; return the POLYLINE whose vertices follow, if one is open."""
    if kind == b"VERTEX" and current is not None:
        _add_vertex(current, groups)
        return current
    if kind in _POLYLINES:
        made = _polyline(kind, line, groups)
        if made is None:
            drawing.others["mesh"] += 1
            return None
        drawing.polylines.append(made)
        return made if kind == b"POLYLINE" else None
    if kind in _TEXTS:
        _add_note(drawing, groups)
    elif kind not in (b"VERTEX", b"SEQEND", b"ENDSEC", b"EOF"):
        drawing.others[kind.decode("ascii", "replace")[:32]] += 1
    return None


def _code(raw: bytes) -> int | None:
    """Return a group code, or None."""
    try:
        return int(raw) if len(raw) <= _LONGEST_NUMBER and b"_" not in raw else None
    except ValueError:
        return None


def _number(raw: bytes) -> float | None:
    """Return a finite number, or None."""
    try:
        value = float(raw) if len(raw) <= _LONGEST_NUMBER and b"_" not in raw else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _polyline(kind: bytes, line: int, groups: list[tuple[int, bytes]]) -> Polyline | None:
    """Return a polyline, or None for a mesh."""
    first = dict(reversed(groups))
    flags = int(_number(first.get(70, b"0")) or 0)
    if kind == b"POLYLINE" and flags & _MESH:
        return None
    up = _number(first.get(230, b"1"))
    made = Polyline(line, first.get(8, b"").strip(), first.get(5, b"").strip(), bool(flags & _CLOSED), (up or 1) < 0)
    made.data = [raw.strip() for code, raw in groups if code in (1000, 1001)]
    if up is None or abs(abs(up) - 1) > _UPRIGHT:
        made.fault = f"230: {up}"
    if kind == b"LWPOLYLINE":
        _add_vertices(made, groups)
    return made


def _add_vertices(made: Polyline, groups: list[tuple[int, bytes]]) -> None:
    """Add the vertices of an LWPOLYLINE: each x is followed by its y, and perhaps by a bulge."""
    x: float | None = None
    for code, raw in groups:
        if code not in (10, 20, 42):
            continue
        value = _number(raw)
        if value is None or (code == 20 and x is None) or (code == 42 and not made.vertices):  # noqa: PLR2004
            made.fault = made.fault or f"{code}: {raw[:40].decode('ascii', 'replace')}"
        elif code == 10:  # noqa: PLR2004
            x = value
        elif code == 20 and x is not None:  # noqa: PLR2004
            made.vertices.append((x, value, 0.0))
            x = None
        elif made.vertices:
            made.vertices[-1] = (*made.vertices[-1][:2], value)
    if x is not None:
        made.fault = made.fault or f"10: {x}"


def _add_vertex(polyline: Polyline, groups: list[tuple[int, bytes]]) -> None:
    values = {code: _number(raw) for code, raw in groups if code in _NUMBERS}
    x, y = values.get(10), values.get(20)
    if int(values.get(70) or 0) & _FRAME:
        return
    if x is None or y is None or values.get(42, 0.0) is None:
        polyline.fault = polyline.fault or "VERTEX"
        return
    polyline.vertices.append((x, y, values.get(42) or 0.0))


def _add_note(drawing: Drawing, groups: list[tuple[int, bytes]]) -> None:
    first = dict(reversed(groups))
    x, y = _number(first.get(10, b"")), _number(first.get(20, b""))
    text = b"".join(raw for code, raw in groups if code == 3) + first.get(1, b"")  # noqa: PLR2004
    is_mirrored = (_number(first.get(230, b"")) or 1) < 0 and 3 not in first  # noqa: PLR2004
    if x is not None and y is not None and text.strip():
        x = -x if is_mirrored else x
        drawing.notes.append(Note(first.get(8, b""), x, y, text))


def bare_text(text: str) -> str:
    r"""Return a DXF text without its formatting.

    Examples
    --------
    >>> bare_text(r"{\fSimSun|b0|i0;甲地块}\P3.2\U+4EA9"), bare_text("%%u旱地%%u")
    ('甲地块 3.2亩', '旱地')
    """
    text = re.sub(r"\\U\+([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), text)
    text = re.sub(r"\\[Pp~](?![a-z])|\^[IJ]", " ", text)
    text = re.sub(r"\\[ACFHQTWfp][^;\\{}]{0,200};", "", text)
    text = re.sub(r"\\[LlOoKkS]|%%[uUoOkK]", "", text)
    return " ".join(re.sub(r"(?<!\\)[{}]", "", text).replace("\\{", "{").replace("\\}", "}").split())


def count_points(polyline: Polyline, step: float = ARC_STEP) -> int:
    """Return how many points `path_of` will make at most."""
    return sum(1 + math.ceil(4 * math.atan(abs(bulge)) / step) for _, _, bulge in polyline.vertices)


def path_of(polyline: Polyline, step: float = ARC_STEP) -> tuple[NDArray[np.float64], int]:
    """Return the points of a polyline with its arcs densified, and the number of arcs.

    Parameters
    ----------
    step
        The largest angle of a chord, in radians; at 1° the area under an arc is short by 1 part in 20,000.

    Examples
    --------
    >>> half = Polyline(1, is_closed=True, vertices=[(0.0, 0.0, 1.0), (2.0, 0.0, 1.0)])
    >>> points, arcs = path_of(half)
    >>> len(points), arcs, bool(np.allclose(np.hypot(points[:, 0] - 1, points[:, 1]), 1))
    (360, 2, True)
    """
    vertices = polyline.vertices
    if not any(bulge for _, _, bulge in vertices):
        points = np.array([(x, y) for x, y, _ in vertices], dtype=np.float64).reshape(-1, 2)
        return points * (-1 if polyline.is_mirrored else 1, 1), 0
    ends = vertices[1:] + vertices[:1]
    pieces: list[NDArray[np.float64]] = []
    arcs = 0
    for at, ((x, y, bulge), (to_x, to_y, _)) in enumerate(zip(vertices, ends, strict=True)):
        is_last = at == len(vertices) - 1
        chord = math.hypot(to_x - x, to_y - y)
        if not bulge or not chord or (is_last and not polyline.is_closed):
            pieces.append(np.array([[x, y]]))
            continue
        arcs += 1
        angle = 4 * math.atan(bulge)
        count = max(1, math.ceil(abs(angle) / step - 1e-9))
        # the centre stands off the middle of the chord, to its left where the arc turns left by less than half a circle
        off = (1 - bulge * bulge) / (4 * bulge)
        centre = ((x + to_x) / 2 - (to_y - y) * off, (y + to_y) / 2 + (to_x - x) * off)
        begin = math.atan2(y - centre[1], x - centre[0])
        radius = chord * (1 + bulge * bulge) / (4 * abs(bulge))
        turned = begin + angle * np.arange(count) / count
        arc = np.stack([centre[0] + radius * np.cos(turned), centre[1] + radius * np.sin(turned)], axis=1)
        arc[0] = x, y
        pieces.append(arc)
    points = np.concatenate(pieces) if pieces else np.empty((0, 2))
    if polyline.is_mirrored:
        points[:, 0] *= -1
    return points, arcs

"""Read the plots of a DXF: closed polylines as polygons, with layer, handle and the texts that stand inside them."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._text import Text
from geosys.layers.drawing_entities import MOST_POINTS, UNITS, bare_text, count_points, path_of, read_entities, refuse
from geosys.layers.issues import Issue
from geosys.layers.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.drawing_entities import Drawing, Polyline

LAYER, HANDLE, WORDS, DATA = "图层", "句柄", "文字", "扩展数据"
LEAST_CORNERS = 3
MOST_HANDLES = 20  # named in one message
_METRES = 6


def read_drawing(path: Path, _table: str | None, encoding: str | None, _words: Sequence[str]) -> Reading:
    """Read the closed polylines of an ASCII DXF; the drawing states no CRS.

    Arcs become chords of one degree. Open polylines and entities of other kinds are not read and are told in issues.

    Raises
    ------
    DeliveryError
        When the file is no ASCII DXF, is cut off, goes beyond the limits, or its texts are neither UTF-8 nor GB18030.
    """
    drawing = read_entities(path)
    decode = _decoder(drawing, path.name, encoding)
    closed = [p for p in drawing.polylines if _is_closed(p)]
    geometry = np.full(len(closed), None, dtype=object)
    issues, points, arcs, curved = [], 0, 0, 0
    for at, polyline in enumerate(closed):
        points += count_points(polyline)
        if points > MOST_POINTS:
            refuse(path.name, f"more than {MOST_POINTS} points", "a smaller drawing", "Send it in pieces.")
        ring, bends = path_of(polyline)
        arcs, curved = arcs + bends, curved + bool(bends)
        if polyline.fault or len(ring) < LEAST_CORNERS or not np.isfinite(ring).all():
            issues.append(_unread(at, polyline, len(ring)))
        else:
            geometry[at] = shapely.Polygon(ring)
    columns = {
        LAYER: _texts(decode(p.layer) for p in closed),
        HANDLE: _texts(p.handle.decode("ascii", "replace") for p in closed),
        WORDS: _words_inside(geometry, [(n.x, n.y, bare_text(decode(n.text))) for n in drawing.notes]),
        DATA: _texts(" | ".join(decode(part) for part in p.data) for p in closed),
    }
    columns = {name: values for name, values in columns.items() if name in (LAYER, HANDLE) or any(values)}
    issues += _open_issues([p for p in drawing.polylines if not _is_closed(p)], decode)
    issues += _whole_issues(drawing, arcs, curved)
    evidence = f"DXF: {len(closed)} closed polylines, {len(drawing.notes)} texts, texts in {decode.encoding}"
    lines = tuple(p.line for p in closed)
    return Reading(path.stem, columns, geometry, None, lines=lines, evidence=evidence, issues=tuple(issues))


class _Decoder:
    """Turn the bytes of texts into letters, all in one encoding."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding

    def __call__(self, raw: bytes) -> str:
        return raw.decode(self.encoding)


def _decoder(drawing: Drawing, name: str, stated: str | None) -> _Decoder:
    """Return the decoder that all texts of the drawing fit: as stated, otherwise UTF-8, otherwise GB18030."""
    texts = {raw for p in drawing.polylines for raw in (p.layer, *p.data)} | {n.text for n in drawing.notes}
    for encoding in [stated] if stated else ["utf-8", "gb18030"]:
        try:
            for raw in texts:
                raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return _Decoder(encoding)
    return refuse(
        name, f"texts that are not {stated or 'UTF-8 nor GB18030'}", "one encoding", "Name it with 'encoding'."
    )


def _is_closed(polyline: Polyline) -> bool:
    """Say whether a polyline is flagged closed or ends where it begins."""
    vertices = polyline.vertices
    return polyline.is_closed or (len(vertices) > LEAST_CORNERS and vertices[0][:2] == vertices[-1][:2])


def _texts(values: Iterable[str]) -> NDArray[np.object_]:
    return np.array([*(value or None for value in values), None], dtype=object)[:-1]


def _words_inside(geometry: NDArray[np.object_], notes: Sequence[tuple[float, float, str]]) -> NDArray[np.object_]:
    """Return for each polygon the texts inside it; a text inside several belongs to the smallest."""
    owners: dict[int, list[str]] = defaultdict(list)
    if notes:
        points = shapely.points([(x, y) for x, y, _ in notes])
        note, polygon = shapely.STRtree(geometry).query(points, predicate="intersects")
        order = np.lexsort((shapely.area(geometry[polygon]), note))
        kept = order[np.unique(note[order], return_index=True)[1]]
        for n, p in zip(note[kept], polygon[kept], strict=True):
            owners[int(p)].append(notes[n][2])
    return _texts(" ".join(owners.get(at, ())) for at in range(len(geometry)))


def _unread(at: int, polyline: Polyline, points: int) -> Issue:
    got = polyline.fault or f"{points}"
    handle = polyline.handle.decode("ascii", "replace")
    return Issue(
        "drawing_file",
        Text(
            f"第 {polyline.line} 行的多段线（句柄 {handle}）无法成面，读到“{got}”，该记录没有图形",
            f"The polyline at line {polyline.line} (handle {handle}) makes no polygon, got '{got}'; the row has no geometry",
        ),
        row=at,
        value=handle,
        before=got,
        severity="error",
        source_line=polyline.line,
    )


def _open_issues(polylines: Sequence[Polyline], decode: _Decoder) -> list[Issue]:
    """Return one issue for each CAD layer with open polylines: how many, which, and how wide they gape at least."""
    layers: dict[str, list[Polyline]] = defaultdict(list)
    for polyline in polylines:
        layers[decode(polyline.layer)].append(polyline)
    issues = []
    for layer, some in layers.items():
        gaps = [math.dist(p.vertices[0][:2], p.vertices[-1][:2]) for p in some if p.vertices]
        nearest = f"{min(gaps, default=math.nan):.3f}"
        handles = ", ".join(p.handle.decode("ascii", "replace") or f"L{p.line}" for p in some[:MOST_HANDLES])
        more = " …" if len(some) > MOST_HANDLES else ""
        issues.append(
            Issue(
                "drawing_file",
                Text(
                    f"图层“{layer}”有 {len(some)} 条多段线未闭合，未作为面读取；首尾最小间距 {nearest}；句柄：{handles}{more}",
                    f"Layer '{layer}' has {len(some)} open polylines, not read as polygons; least gap {nearest}; handles: {handles}{more}",
                ),
                value=len(some),
            )
        )
    return issues


def _whole_issues(drawing: Drawing, arcs: int, curved: int) -> list[Issue]:
    """Return the issues of the drawing as a whole: arcs made chords, entities not read, a unit that is not metres."""
    issues = []
    if arcs:
        zh = f"{curved} 条多段线的 {arcs} 段圆弧已按每 1° 一段弦线加密"
        en = f"{arcs} arcs of {curved} polylines became chords of one degree each"
        issues.append(Issue("drawing_file", Text(zh, en), value=arcs, before="arc", after="chords", severity="notice"))
    if drawing.others:
        listed = ", ".join(f"{kind} {count}" for kind, count in drawing.others.most_common(MOST_HANDLES))
        zh, en = f"以下图元未读取：{listed}", f"These entities were not read: {listed}"
        issues.append(Issue("drawing_file", Text(zh, en), value=listed, severity="notice"))
    if drawing.units not in (0, _METRES):
        unit = UNITS.get(drawing.units, str(drawing.units))
        zh, en = (
            f"图形单位为 {unit}，不是米；坐标未换算",
            f"The drawing unit is {unit}, not metres; coordinates are as drawn",
        )
        issues.append(Issue("drawing_file", Text(zh, en), value=unit))
    return issues

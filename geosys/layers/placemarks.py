"""Read KML: one row a placemark, its data as columns. Bounded, without entities, nothing fetched."""

from __future__ import annotations

import codecs
import html
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

import numpy as np
import shapely

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.layers.encodings import check_known
from geosys.layers.issues import Issue
from geosys.layers.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

CRS = "EPSG:4326"  # longitude and latitude on WGS 84, as the format itself states (OGC 12-007r2, clause 6.2)
FOLDER = "文件夹"
MOST_BYTES = 1 << 29
MOST_DEPTH = 100
MOST_COLUMNS = 1_000
MOST_PLACEMARKS = 2_000_000
MOST_CELLS = 50_000_000

_CHUNK = 1 << 22
_HEAD = 256
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9_-]+)["']""")
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")
_NOT_READ = ("Track", "MultiTrack", "Model")
_TEXTS = ("name", "description", "coordinates", "value", "SimpleData")
_LEAST_POINTS = {"Point": 1, "LineString": 2, "LinearRing": 4}


class _BadShapeError(Exception):
    """A geometry cannot be read; the message says what stands there."""


@dataclass(slots=True)
class _Open:
    """Hold one open geometry element: its parts so far."""

    kind: str
    parts: list[shapely.Geometry] = field(default_factory=list)
    text: str = ""
    has_shell: bool = False

    def add(self, part: shapely.Geometry, role: str) -> None:
        """Add a part; the outer ring of a polygon stands first."""
        if self.kind != "Polygon":
            self.parts.append(shapely.LineString(part.coords) if part.geom_type == "LinearRing" else part)
        elif part.geom_type != "LinearRing" or (role == "outerBoundaryIs" and self.has_shell):
            raise _BadShapeError(f"<Polygon><{role}>")
        else:
            is_shell = role == "outerBoundaryIs"
            self.has_shell = self.has_shell or is_shell
            self.parts.insert(0 if is_shell else len(self.parts), part)


@dataclass(slots=True)
class _Row:
    """Hold one placemark while it is read."""

    line: int
    folder: str
    values: dict[str, str] = field(default_factory=dict)
    shapes: list[shapely.Geometry] = field(default_factory=list)
    fault: str = ""
    not_closed: int = 0


@dataclass(slots=True)
class _Document:
    """Take the parser's events and gather rows."""

    name: str
    parser: expat.XMLParserType
    path: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    row: _Row | None = None
    open: list[_Open] = field(default_factory=list)
    text: list[str] | None = None
    key: str = ""
    columns: dict[str, None] = field(default_factory=dict)
    links: int = 0
    has_root: bool = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        self.path.append(tag)
        self.has_root = self.has_root or tag == "kml"
        if len(self.path) > MOST_DEPTH:
            refuse(self.name, f"elements nested more than {MOST_DEPTH} deep", "a plain KML")
        if tag in ("Folder", "Document"):
            self.folders.append("")
        elif tag == "Placemark":
            self.row = _Row(self.parser.CurrentLineNumber, "/".join(f for f in self.folders if f))
        elif tag == "NetworkLink":
            self.links += 1
        elif self.row is not None and tag in _SHAPES:
            self.open.append(_Open(tag))
        elif self.row is not None and tag in _NOT_READ:
            self.row.fault = self.row.fault or f"<{tag}>"
        elif tag in ("Data", "SimpleData"):
            self.key = attributes.get("name", "")
        self.text = [] if tag in _TEXTS else None

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        text = "".join(self.text or ()).strip()
        above = self.path[-2] if len(self.path) > 1 else ""
        if tag in ("Folder", "Document"):
            self.folders.pop()
        elif tag == "name" and above in ("Folder", "Document"):
            self.folders[-1] = text
        elif self.row is not None:
            self._end_in_row(tag, above, text)
        self.path.pop()
        self.text = None

    def characters(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)

    def _end_in_row(self, tag: str, above: str, text: str) -> None:
        row = self.row
        assert row is not None  # noqa: S101
        if tag == "Placemark":
            self._close_row(row)
        elif tag in ("name", "description") and above == "Placemark":
            self._put(tag, plain_text(text))
        elif tag == "SimpleData" or (tag == "value" and above == "Data"):
            self._put(self.key or "数据", text)
        elif tag == "coordinates" and self.open:
            self.open[-1].text = text
        elif tag in _SHAPES and self.open:
            self._close_shape(row, self.open.pop(), above)

    def _put(self, key: str, text: str) -> None:
        if self.row is not None and key in self.row.values:
            key = f"{key} (2)"
        self.columns[key] = None
        if len(self.columns) > MOST_COLUMNS:
            refuse(self.name, f"more than {MOST_COLUMNS} different names of data", "a table")
        if self.row is not None and text:
            self.row.values[key] = text

    def _close_shape(self, row: _Row, shape: _Open, above: str) -> None:
        try:
            made = _shape_of(shape, row)
            if made is not None and self.open:
                self.open[-1].add(made, above)
            elif made is not None:
                row.shapes.append(shapely.LineString(made.coords) if shape.kind == "LinearRing" else made)
        except _BadShapeError as error:
            row.fault = row.fault or str(error)

    def _close_row(self, row: _Row) -> None:
        self.rows.append(row)
        self.row = None
        self.open.clear()
        if len(self.rows) > MOST_PLACEMARKS:
            refuse(self.name, f"more than {MOST_PLACEMARKS} placemarks", "a smaller file", "Send it in pieces.")


def refuse(
    name: str, got: str, expected: str, advice: str = "Export it again, or ask the sender for a copy."
) -> NoReturn:
    """Raise the error of a drawing that cannot be read."""
    raise DeliveryError(f"{name}: got {got}, expected {expected}. {advice}") from None


def plain_text(text: str) -> str:
    """Return a description without its markup.

    Examples
    --------
    >>> plain_text("<b>甲地块</b><br/>3 亩"), plain_text("a < b")
    ('甲地块 3 亩', 'a < b')
    """
    if not re.search(r"</?[A-Za-z][^<>]{0,2000}>", text):
        return html.unescape(text)
    bare = re.sub(r"<!--.{0,10000}?-->|</?[A-Za-z][^<>]{0,2000}>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def read_placemarks(path: Path, _table: str | None, encoding: str | None, _words: Sequence[str]) -> Reading:
    """Read the placemarks of a KML with their names, descriptions, data, folder and geometry.

    Raises
    ------
    DeliveryError
        When the file is no KML, is cut off, declares entities or goes beyond the limits of this module.
    """
    if path.stat().st_size > MOST_BYTES:
        refuse(path.name, f"{path.stat().st_size} bytes", f"at most {MOST_BYTES}", "Send it in pieces.")
    if encoding is not None:
        check_known(encoding, path.name)
    document = _parse(path, encoding)
    rows = document.rows
    if not rows and document.links:
        refuse(
            path.name,
            f"{document.links} network links and no placemark",
            "the data itself",
            "Save it with its content.",
        )
    names = [FOLDER] * any(row.folder for row in rows) + list(document.columns)
    if len(rows) * len(names) > MOST_CELLS:
        refuse(
            path.name,
            f"{len(rows)} placemarks of {len(names)} data",
            f"at most {MOST_CELLS} cells",
            "Send it in pieces.",
        )
    columns = {name: np.full(len(rows), None, dtype=object) for name in names}
    geometry = np.full(len(rows), None, dtype=object)
    issues = []
    for at, row in enumerate(rows):
        for name, value in row.values.items():
            columns[name][at] = value
        if row.folder:
            columns[FOLDER][at] = row.folder
        geometry[at] = None if row.fault else _together(row.shapes)
        issues += _issues(at, row)
    evidence = f"KML: {len(rows)} placemarks" + (
        f", {document.links} network links not followed" * bool(document.links)
    )
    lines = tuple(row.line for row in rows)
    return Reading(path.stem, columns, geometry, CRS, lines=lines, evidence=evidence, issues=tuple(issues))


def _parse(path: Path, encoding: str | None) -> _Document:
    """Return the rows of a KML; Chinese encodings, which the parser does not know, are decoded before it."""
    with path.open("rb") as file:
        declared = _DECLARED.match(file.read(_HEAD))
    used = encoding or ("gb18030" if declared and declared[1].lower().startswith(b"gb") else None)
    decoder = codecs.getincrementaldecoder(used)() if used else None
    parser = expat.ParserCreate("utf-8" if used else None)
    document = _Document(path.name, parser)

    def forbid(*_: object) -> NoReturn:
        refuse(path.name, "a declaration of entities (<!DOCTYPE>)", "a plain KML")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = document.start, document.end
    parser.CharacterDataHandler = document.characters
    parser.StartDoctypeDeclHandler = forbid
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                before = parser.CurrentByteIndex
                parser.Parse(decoder.decode(piece) if decoder else piece, False)
                if parser.CurrentByteIndex == before and len(piece) == _CHUNK:  # it would be looked at again and again
                    refuse(path.name, f"a tag or comment of more than {_CHUNK} bytes", "a plain KML")
            parser.Parse(decoder.decode(b"", True) if decoder else b"", True)
    except (expat.ExpatError, UnicodeError, LookupError, ValueError) as error:
        refuse(path.name, f"text that is no XML ({error})", "a whole KML")
    if not document.has_root:
        refuse(path.name, "XML that is no KML", "<kml> with placemarks")
    return document


def _numbers(text: str) -> list[tuple[float, float]]:
    """Return longitude and latitude of each tuple; the height is left out."""
    points = []
    for token in re.sub(r"\s*,\s*", ",", text).split():
        parts = token.strip(",").split(",")
        try:
            values = [float(part) for part in parts]
        except ValueError:
            raise _BadShapeError(token[:80]) from None
        if len(values) not in (2, 3) or not all(map(math.isfinite, values)) or "_" in token:
            raise _BadShapeError(token[:80])
        points.append((values[0], values[1]))
    return points


def _shape_of(shape: _Open, row: _Row) -> shapely.Geometry | None:
    """Return the geometry of a closed element; None for an empty MultiGeometry."""
    if shape.kind == "MultiGeometry":
        return _together(shape.parts)
    if shape.kind == "Polygon":
        if not shape.has_shell:
            raise _BadShapeError("<Polygon/>")
        return shapely.Polygon(shape.parts[0], shape.parts[1:])
    points = _numbers(shape.text)
    if shape.kind == "LinearRing" and len(points) > 2 and points[0] != points[-1]:  # noqa: PLR2004
        row.not_closed += 1
        points.append(points[0])
    if len(points) < _LEAST_POINTS[shape.kind]:
        raise _BadShapeError(f"<{shape.kind}> {len(points)}")
    made: Callable[..., shapely.Geometry] = getattr(shapely, shape.kind)
    return made(points[0]) if shape.kind == "Point" else made(points)


def _together(shapes: Sequence[shapely.Geometry]) -> shapely.Geometry | None:
    """Return one geometry of several: a multi-part one where they are of one kind."""
    if len(shapes) < 2:  # noqa: PLR2004
        return shapes[0] if shapes else None
    parts = list(shapely.get_parts(np.array(shapes, dtype=object)))
    makers: dict[str, Callable[..., shapely.Geometry]] = {
        "Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon,
    }  # fmt: skip
    kinds = {part.geom_type for part in parts}
    return makers.get(kinds.pop() if len(kinds) == 1 else "", shapely.GeometryCollection)(parts)


def _issues(at: int, row: _Row) -> list[Issue]:
    """Return what was amiss with one placemark."""
    found = []
    if row.fault:
        zh = f"第 {row.line} 行的图形无法读取，读到“{row.fault}”，该记录没有图形"
        en = f"The shape at line {row.line} cannot be read, got '{row.fault}'; the row has no geometry"
        found.append(
            Issue("drawing_file", Text(zh, en), row=at, before=row.fault, severity="error", source_line=row.line)
        )
    if row.not_closed and not row.fault:
        zh = f"第 {row.line} 行的图形有 {row.not_closed} 个环未闭合，已连回起点"
        en = f"{row.not_closed} rings of the shape at line {row.line} were open and were closed to their first point"
        found.append(Issue("drawing_file", Text(zh, en), row=at, value=row.not_closed, before="open", after="closed"))
    return found

"""Read the attribute tables of a package twice: by the door of the layers (calamine), and as the zipped XML that they are."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import zipfile
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from geosys.layers.tables import sheet_cells
from geosys.publish.read_back.found import (
    DATE,
    INTEGER,
    NOT_READ,
    NOTHING,
    PIECE_ROWS,
    TEXT,
    DamageError,
    Found,
    FoundField,
    Piece,
    objects,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from geosys.publish.content import Field, ShapedLayer

HEAD_ROWS = 2  # titles, then names
SHEET_LETTERS = 31
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships id"
_DAY_ZERO = dt.date(1899, 12, 30)
_MOST_BYTES = 2 << 30
_BLOCK = 1 << 20
_EXCEL_DIGITS = 15  # of a whole number that a cell keeps exactly; longer ones are texts
_HIDDEN_LETTER = re.compile("_x([0-9A-Fa-f]{4})_")


def sheet_of(layer: ShapedLayer) -> str:
    """Return the name of a layer's sheet."""
    return layer.layer.name[:SHEET_LETTERS]


def read_by_calamine(path: Path, layer: ShapedLayer) -> Found:
    """Read the sheet of a layer by calamine: row 1 has titles, row 2 names, values begin in row 3.

    Raises
    ------
    DeliveryError
        When the workbook cannot be opened or has no such sheet.
    DamageError
        When there are not two rows of heads.
    """
    rows = sheet_cells(path, sheet_of(layer))
    if len(rows) < HEAD_ROWS:
        raise DamageError(f"{path.name} {sheet_of(layer)}: got {len(rows)} rows, expected titles and names.")
    known = {field.name: field for field in layer.layer.fields}
    at = {name: column for column, name in enumerate(rows[1]) if name in known}
    found = [FoundField(name, title=str(rows[0][column])) for name, column in at.items()]
    values = rows[HEAD_ROWS:]
    cells = {name: objects(_typed(known[name], [row[column] for row in values])) for name, column in at.items()}
    pieces = (piece for piece in [Piece(cells, None)])
    return Found("calamine", found, len(values), NOTHING, NOT_READ, pieces, keeps_order=False)


def read_by_xml(path: Path, layer: ShapedLayer) -> Found:
    """Read the sheet of a layer from the XML of the workbook: row 1 has titles, row 2 names, values begin in row 3.

    Raises
    ------
    DamageError
        When a part is lacking or no XML, a cell is a formula or an error, or there are not two rows of heads.
    """
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        if broken:
            raise DamageError(f"{path.name}: got {broken} damaged (its checksum differs), expected a whole archive.")
        texts = _shared_texts(archive)
        rows = _Rows(archive, _part_of(archive, sheet_of(layer), path.name), texts)
    heads = [rows.cells.get(row, {}) for row in range(HEAD_ROWS)]
    if not all(heads):
        raise DamageError(f"{path.name} {sheet_of(layer)}: got no head of two rows, expected titles and names.")
    known = {field.name: field for field in layer.layer.fields}
    at = {name: column for column, name in heads[1].items() if name in known}
    found = [FoundField(name, title=str(heads[0].get(column, ""))) for name, column in at.items()]
    stop = max(rows.cells, default=0) + 1
    pieces = _pieces(rows.cells, at, known, stop)
    return Found("plain reader of XLSX", found, stop - HEAD_ROWS, NOTHING, NOT_READ, pieces, keeps_order=False)


def _pieces(
    cells: Mapping[int, Mapping[int, Any]], at: Mapping[str, int], known: Mapping[str, Field], stop: int
) -> Generator[Piece]:
    for first in range(HEAD_ROWS, stop, PIECE_ROWS):
        rows = [cells.get(row, {}) for row in range(first, min(first + PIECE_ROWS, stop))]
        columns = {name: _typed(known[name], [row.get(column) for row in rows]) for name, column in at.items()}
        yield Piece({name: objects(values) for name, values in columns.items()}, None)


def _typed(field: Field, values: Sequence[Any]) -> list[Any]:
    """Return cells as a field has them: an empty cell is missing, a day may be a number, a long whole number a text."""
    return [_value(field.type, None if value == "" else value) for value in values]


def _value(kind: str, value: Any) -> Any:
    if kind == DATE and isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer():
        return _DAY_ZERO + dt.timedelta(days=int(value))
    is_long = isinstance(value, str) and re.fullmatch(r"-?\d+", value) and len(value.lstrip("-")) > _EXCEL_DIGITS
    return int(value) if kind == INTEGER and is_long else value


def _walk(archive: zipfile.ZipFile, part: str, start: Any, end: Any = None, text: Any = None) -> None:
    """Walk one XML part in blocks; one that declares a document type is refused, so no entity is expanded."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise DamageError(f"{part}: got a document type, expected none.")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.buffer_text = True
    if archive.getinfo(part).file_size > _MOST_BYTES:
        raise DamageError(f"{part}: got more than 2 GB, expected less.")
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            parser.Parse(block, False)
        parser.Parse(b"", True)


def _part_of(archive: zipfile.ZipFile, sheet: str, name: str) -> str:
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheets(tag: str, given: dict[str, str]) -> None:
        if tag.endswith(" sheet"):
            ids[given["name"]] = given[_RELATION]

    def relations(tag: str, given: dict[str, str]) -> None:
        if tag.endswith(" Relationship"):
            targets[given["Id"]] = given["Target"]

    _walk(archive, "xl/workbook.xml", sheets)
    _walk(archive, "xl/_rels/workbook.xml.rels", relations)
    if sheet not in ids:
        raise DamageError(f"{name}: got the sheets {', '.join(ids)}, expected {sheet}.")
    target = targets[ids[sheet]]
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells name by number; those of one entry's runs belong together."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    texts: list[str] = []
    inside = [False]

    def start(tag: str, _given: dict[str, str]) -> None:
        if tag.endswith(" si"):
            texts.append("")
        inside[0] = tag.endswith(" t")

    def end(_tag: str) -> None:
        inside[0] = False

    def text(data: str) -> None:
        if inside[0]:
            texts[-1] += data

    _walk(archive, "xl/sharedStrings.xml", start, end, text)
    return [_unhidden(t) for t in texts]


def _unhidden(text: str) -> str:
    """Return a text without the marks by which Excel writes letters that XML lacks."""
    return _HIDDEN_LETTER.sub(lambda m: chr(int(m[1], 16)), text) if "_x" in text else text


class _Rows:
    """Follow the elements of one sheet: the value of each cell by row and column, both from 0."""

    def __init__(self, archive: zipfile.ZipFile, part: str, texts: Sequence[str]) -> None:
        self.cells: dict[int, dict[int, Any]] = {}
        self._texts = texts
        self._place, self._kind, self._said, self._inside = "", "", "", False
        _walk(archive, part, self._start, self._end, self._text)

    def _start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if name == "c":
            self._place, self._kind, self._said = given["r"], given.get("t", "n"), ""
        if name == "f":
            raise DamageError(f"cell {self._place}: got a formula, expected a value.")
        self._inside = name in ("v", "t")

    def _text(self, data: str) -> None:
        if self._inside:
            self._said += data

    def _end(self, tag: str) -> None:
        self._inside = False
        if tag.endswith(" c") and self._said:
            letters = self._place.rstrip("0123456789")
            column = 0
            for letter in letters:
                column = 26 * column + ord(letter) - 64
            self.cells.setdefault(int(self._place[len(letters) :]) - 1, {})[column - 1] = self._value()

    def _value(self) -> Any:
        if self._kind == "s":
            return self._texts[int(self._said)]
        if self._kind == "e":
            raise DamageError(f"cell {self._place}: got the error {self._said}, expected a value.")
        if self._kind == "b":
            return self._said == "1"
        if self._kind in ("inlineStr", "str", TEXT):
            return _unhidden(self._said)
        return float(self._said)

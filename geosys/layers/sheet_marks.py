"""What the calamine door does not tell of an Excel sheet: error cells, sums, formulas never computed, what is hidden."""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_UNPACKED = 1 << 30  # bytes of all parts of a workbook: beyond that it is a trap, or no ledger
MOST_MARKED = 64 << 20  # bytes of a sheet whose marks are still read
MOST_CELLS = 20_000_000  # of a sheet's rectangle
MOST_COLUMNS = 16_384  # Source: Microsoft, Excel specifications and limits
_BLOCK = 1 << 16
_LONGEST_TAG = 4096
_CELL = re.compile(rb"<(?:\w{1,20}:)?c\s[^<>]{0,200}?\br=[\"']([A-Za-z]{1,6})(\d{1,10})[\"'][^<>]{0,200}(?<!/)>")
_PLACE = re.compile(r"([A-Za-z]{1,6})([0-9]{1,10})")
_SUM = re.compile(r"(?:SUM|SUBTOTAL)\((?:\d+,)?\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)\)")
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(slots=True)
class SheetMarks:
    """Hold the marks of one sheet; cells are (row, column), rows and columns counted from 0."""

    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncomputed: set[tuple[int, int]] = field(default_factory=set)
    sums: set[tuple[int, int]] = field(default_factory=set)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)


def check_size(path: Path) -> None:
    """Refuse a workbook that unpacks to too many bytes, or a sheet whose rectangle has too many cells.

    The reader makes room for the whole rectangle: one stray cell at the far corner would take hundreds of gigabytes.

    Raises
    ------
    DeliveryError
        With what was found and the limit.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if (size := sum(part.file_size for part in parts)) > MOST_UNPACKED:
                raise DeliveryError(
                    f"{path.name}: got a workbook of {size >> 20} MB unpacked, expected at most {MOST_UNPACKED >> 20} MB. "
                    "Split it, or save the sheet as CSV."
                )
            extents = [_extent(archive, part.filename) for part in parts if "sharedStrings" not in part.filename]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, struct.error):
        return  # damaged: whoever opens it says so
    rows, columns = max(extents, key=lambda extent: (extent[1] > MOST_COLUMNS, extent[0] * extent[1]), default=(0, 0))
    if rows * columns > MOST_CELLS or columns > MOST_COLUMNS:
        raise DeliveryError(
            f"{path.name}: got a sheet of {rows} rows and {columns} columns, expected at most {MOST_CELLS:,} cells in {MOST_COLUMNS:,} columns. "
            "Delete what stands far outside the table, or save it as CSV."
        )


def _extent(archive: zipfile.ZipFile, part: str) -> tuple[int, int]:
    """Return how many rows and columns the filled cells of a part reach."""
    rows = columns = 0
    tail = b""
    with archive.open(part) as file:
        while block := file.read(1 << 20):
            text = tail + block
            cut = text.rfind(b"<")
            found = _CELL.findall(text, 0, cut)
            if found:
                rows = max(rows, *map(int, {row for _, row in found}))
                columns = max(
                    columns, *(_place_of(f"{letters.decode()}1")[1] + 1 for letters in {one for one, _ in found})
                )
            tail = text[cut:] if len(text) - cut < _LONGEST_TAG else b""
    return rows, columns


def read_marks(path: Path, sheet: str) -> SheetMarks | None:
    """Return the marks of one sheet of an .xlsx; None where the file is of another kind, too large or not as expected.

    What is not told here is only not told: the cells themselves are read elsewhere.
    """
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            part = _part_of(archive, sheet)
            if part is None or archive.getinfo(part).file_size > MOST_MARKED:
                return None
            return _marks_of(archive, part)
    except (
        KeyError,
        ValueError,
        zipfile.BadZipFile,
        expat.ExpatError,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ):
        return None


def _walk(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Walk one XML part in blocks; a document that declares entities is refused."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise ValueError(part)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    if end:
        parser.EndElementHandler = end
    if text:
        parser.CharacterDataHandler = text
    left = MOST_MARKED
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise ValueError(part)
            parser.Parse(block, False)
        parser.Parse(b"", True)


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the part of the archive that holds a sheet, by the workbook's own list."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheets(tag: str, given: dict[str, str]) -> None:
        if tag.endswith(" sheet"):
            ids[given.get("name", "")] = given.get(f"{_RELATION} id", "")

    def relations(tag: str, given: dict[str, str]) -> None:
        if tag.endswith(" Relationship"):
            targets[given.get("Id", "")] = given.get("Target", "")

    _walk(archive, "xl/workbook.xml", sheets)
    _walk(archive, "xl/_rels/workbook.xml.rels", relations)
    target = targets.get(ids.get(sheet, ""))
    if not target:
        return None
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _marks_of(archive: zipfile.ZipFile, part: str) -> SheetMarks:
    marks = SheetMarks()
    walker = _SheetWalker(marks)
    _walk(archive, part, walker.start, walker.end, walker.text)
    return marks


class _SheetWalker:
    """Follow the elements of one sheet and note the marks."""

    def __init__(self, marks: SheetMarks) -> None:
        self.marks = marks
        self.cell: tuple[int, int] = (-1, -1)
        self.kind = self.formula = self.value = ""
        self.has_formula = False
        self.inside = ""
        self.shared: dict[str, str] = {}
        self.shared_id = ""

    def start(self, tag: str, given: dict[str, str]) -> None:
        """Note hidden rows and columns, and where a cell begins."""
        name = tag.rsplit(" ", 1)[-1]
        is_hidden = given.get("hidden") in ("1", "true")
        if name == "row" and is_hidden and given.get("r", "").isdigit():
            self.marks.hidden_rows.add(int(given["r"]) - 1)
        elif name == "col" and is_hidden:
            first, last = int(given.get("min", "1")), int(given.get("max", "1"))
            self.marks.hidden_columns.update(range(first - 1, min(last, 16_384)))
        elif name == "c":
            self.cell, self.kind = _place_of(given.get("r", "")), given.get("t", "")
            self.formula = self.value = self.shared_id = ""
            self.has_formula = False
        elif name == "f":
            self.has_formula, self.shared_id = True, given.get("si", "")
        self.inside = name

    def text(self, text: str) -> None:
        """Gather the text of a formula or a value."""
        if self.inside == "f":
            self.formula += text
        elif self.inside == "v":
            self.value += text

    def end(self, tag: str) -> None:
        """Judge a cell when it ends."""
        self.inside = ""
        if tag.rsplit(" ", 1)[-1] != "c" or self.cell[0] < 0:
            return
        if self.kind == "e":
            self.marks.errors[self.cell] = self.value or "#ERROR"
        if not self.has_formula:
            return
        if self.shared_id and self.formula:
            self.shared[self.shared_id] = self.formula
        if not self.value and self.kind != "str":
            self.marks.uncomputed.add(self.cell)
        if _sums_above(self.formula or self.shared.get(self.shared_id, ""), self.cell[0]):
            self.marks.sums.add(self.cell)


def _place_of(name: str) -> tuple[int, int]:
    match = _PLACE.fullmatch(name)
    if not match:
        return -1, -1
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _sums_above(formula: str, row: int) -> bool:
    """Say whether a formula adds up cells of one column in rows above its own (counted from 0)."""
    return any(
        left == right and int(first) < int(last) <= row for left, first, right, last in _SUM.findall(formula.upper())
    )

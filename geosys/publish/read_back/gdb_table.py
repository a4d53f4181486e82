"""Read a table of a file geodatabase (``.gdbtable`` and ``.gdbtablx``) with nothing but struct and numpy.

Source: Esri publishes no description; this follows the public one by E. Rouault, "Reverse engineered specification of
FileGDB", as far as our own packages need it: no curves, no rasters, two dimensions, no rows left out of the index.
"""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys.publish.read_back.found import DATE, INTEGER, LINE, NOTHING, NUMBER, POINT, POLYGON, TEXT, DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001  the format has no zone
_NUMBERS = {0: "<h", 1: "<i", 2: "<f", 3: "<d", 13: "<q"}
_STRING, _TIME, _ROW_ID, _GEOMETRY, _BINARY, _RASTER, _GUID, _GLOBAL_ID, _XML, _DAY = 4, 5, 6, 7, 8, 9, 10, 11, 12, 14
KINDS = {0: INTEGER, 1: INTEGER, 2: NUMBER, 3: NUMBER, 4: TEXT, 5: DATE, 12: TEXT, 13: INTEGER, 14: DATE}
_SHAPES = {0: NOTHING, 1: POINT, 2: POINT, 3: LINE, 4: POLYGON}
_HAS_M, _HAS_Z = 2, 4


@dataclass(frozen=True, slots=True)
class Grid:
    """Hold the whole-number grid on which a layer's coordinates stand: its origin and its steps in a unit."""

    west: float
    south: float
    steps: float


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one field of a table as its descriptor has it; `crs` and `grid` are those of a geometry."""

    name: str
    alias: str
    code: int
    is_nullable: bool
    crs: str = ""
    grid: Grid | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Hold the head of a table: its fields, its kind of geometry, and where each row that is not deleted begins."""

    path: Path
    shape: str
    columns: tuple[Column, ...]
    numbers: tuple[int, ...]
    offsets: tuple[int, ...]


class Bytes:
    """Walk through bytes in the order of a descriptor or a row."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        """Return the next bytes; fewer than asked for are damage."""
        found = self.data[self.at : self.at + size]
        if len(found) != size:
            raise DamageError(f"got {len(found)} bytes at {self.at}, expected {size}.")
        self.at += size
        return found

    def one(self, form: str) -> Any:
        """Return the next number of a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def whole(self) -> int:
        """Return the next whole number of seven bits a byte."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004
                return value
            shift += 7

    def wide_text(self, size_form: str, unit: int) -> str:
        """Return a text in UTF-16 after its length in units of bytes."""
        return self.take(self.one(size_form) * unit).decode("utf-16-le")


def open_table(path: Path) -> Table:
    """Read the descriptors of a ``.gdbtable`` and its index.

    Raises
    ------
    DamageError
        When head, index and size contradict each other, or the table has what our packages never have.
    """
    with path.open("rb") as file:
        head = Bytes(file.read(40))
        version, count = head.one("<i"), head.one("<i")
        head.at = 24
        size, start = head.one("<q"), head.one("<q")
        if version not in (3, 4) or size != path.stat().st_size:
            raise DamageError(
                f"{path.name}: got version {version} and {path.stat().st_size} bytes, expected 3 and {size}."
            )
        file.seek(start)
        length = struct.unpack("<i", file.read(4))[0]
        data = Bytes(file.read(length))
    data.at = 4
    flags = data.one("<I")
    columns = tuple(_column(data, flags) for _ in range(data.one("<h")))
    numbers, offsets = _index(path.with_suffix(".gdbtablx"))
    if len(offsets) != count:
        raise DamageError(f"{path.name}: got {len(offsets)} rows in the index, expected {count}.")
    return Table(path, _SHAPES.get(flags & 0xFF, ""), columns, numbers, offsets)


def _column(data: Bytes, flags: int) -> Column:
    name, alias, code = data.wide_text("<B", 2), data.wide_text("<B", 2), data.one("<B")
    if code == _ROW_ID:
        data.take(2)
        return Column(name, alias, code, is_nullable=False)
    if code in (_BINARY, _GUID, _GLOBAL_ID, _XML):
        _, flag = data.take(2)
        return Column(name, alias, code, bool(flag & 1))
    if code == _GEOMETRY:
        return _geometry_column(data, name, alias, flags)
    if code == _STRING:
        data.take(4)
        flag, size = data.one("<B"), data.whole()
        data.take(size if flag & 4 else 0)
        return Column(name, alias, code, bool(flag & 1))
    if code not in _NUMBERS and code not in (_TIME, _DAY):
        raise DamageError(f"{name}: got a field of type {code}, expected one that packages have.")
    _, flag, size = data.take(3)
    data.take(size if flag & 4 else 0)
    return Column(name, alias, code, bool(flag & 1))


def _geometry_column(data: Bytes, name: str, alias: str, flags: int) -> Column:
    _, flag = data.take(2)
    crs = data.wide_text("<h", 1)
    scales = data.one("<B")
    west, south, steps = (data.one("<d") for _ in range(3))
    measures = bool(scales & _HAS_M) + bool(scales & _HAS_Z)
    data.take(8 * (2 * measures + 1 + measures + 4))
    data.take(16 * (bool(flags & 1 << 31) + bool(flags & 1 << 30)) + 1)
    data.take(8 * data.one("<i"))
    return Column(name, alias, _GEOMETRY, bool(flag & 1), crs, Grid(west, south, steps))


def _index(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the number and the place of each row that is not deleted."""
    data = path.read_bytes()
    version, blocks, count, width = struct.unpack_from("<4i", data)
    end = 16 + 1024 * blocks * width
    words = struct.unpack_from("<i", data, end)[0] if blocks else 0
    if version not in (3, 4) or width not in (4, 5, 6) or words or count > 1024 * blocks:
        raise DamageError(f"{path.name}: got version {version}, width {width}, {words} words, expected a whole index.")
    raw = np.frombuffer(data, np.uint8, count * width, 16).reshape(count, width).astype(np.int64)
    places = (raw << (8 * np.arange(width))).sum(axis=1)
    numbers = np.flatnonzero(places)
    return tuple((numbers + 1).tolist()), tuple(places[numbers].tolist())


def rows_of(table: Table, first: int, stop: int) -> Iterator[list[Any]]:
    """Yield the values of some rows in the order of the fields: the row's number, geometries as bytes, None where missing.

    Raises
    ------
    DamageError
        When a row is not as long as it says, named by its place among the rows.
    """
    offsets = table.offsets[first:stop]
    begin = min(offsets)
    with table.path.open("rb") as file:
        file.seek(max(offsets))
        last = struct.unpack("<i", file.read(4))[0]
        file.seek(begin)
        data = file.read(max(offsets) + 4 + last - begin)
    for row, offset in enumerate(offsets, first):
        at = offset - begin
        size = struct.unpack_from("<i", data, at)[0]
        cells = Bytes(data[at + 4 : at + 4 + size])
        try:
            values = _row(table, cells, row)
        except (DamageError, struct.error, UnicodeDecodeError) as error:
            raise DamageError(f"{table.path.name} row {row + 1}: {error}") from None
        if cells.at != size:
            raise DamageError(f"{table.path.name} row {row + 1}: got {size} bytes, expected {cells.at}.")
        yield values


def _row(table: Table, cells: Bytes, row: int) -> list[Any]:
    nullable = sum(column.is_nullable for column in table.columns)
    marks = int.from_bytes(cells.take((nullable + 7) // 8), "little")
    values: list[Any] = []
    for column in table.columns:
        is_missing = False
        if column.is_nullable:
            is_missing, marks = bool(marks & 1), marks >> 1
        if column.code == _ROW_ID:
            values.append(table.numbers[row])
        else:
            values.append(None if is_missing else _value(column.code, cells))
    return values


def _value(code: int, cells: Bytes) -> Any:
    if code in _NUMBERS:
        return cells.one(_NUMBERS[code])
    if code in (_STRING, _XML):
        return cells.take(cells.whole()).decode("utf-8")
    if code in (_TIME, _DAY):
        return _EPOCH + dt.timedelta(days=cells.one("<d"))
    return cells.take(16) if code in (_GUID, _GLOBAL_ID) else cells.take(cells.whole())

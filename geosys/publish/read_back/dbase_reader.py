"""Read a shapefile's table with nothing but numpy: strictly, by the encoding it states, wrong cells named by record and field."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys.publish.read_back.found import DATE, INTEGER, NUMBER, TEXT, TRUTH, DamageError, objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

CODECS = {"GBK": "gbk", "GB18030": "gb18030", "UTF-8": "utf-8"}
_HEAD_END, _KEPT = 0x0D, 0x20
_TRUTH = {"T": True, "Y": True, "F": False, "N": False, "?": None, "": None}


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one field of a table: its name, kind, and where its bytes stand in a record."""

    name: str
    letter: str
    start: int
    width: int
    decimals: int

    @property
    def kind(self) -> str:
        """Return what the field holds, in the words of `found`."""
        if self.letter in "NF":
            return INTEGER if self.letter == "N" and not self.decimals else NUMBER
        return {"C": TEXT, "D": DATE, "L": TRUTH}.get(self.letter, "")


@dataclass(frozen=True, slots=True)
class Table:
    """Hold the head of a table: codec, number of records, where they begin, their length, and the fields."""

    path: Path
    codec: str
    count: int
    start: int
    length: int
    columns: tuple[Column, ...]


def open_table(path: Path, stated: str) -> Table:
    """Read the head of a ``.dbf``.

    Parameters
    ----------
    stated : what the ``.cpg`` says: GBK, GB18030 or UTF-8.

    Raises
    ------
    DamageError
        When head, size and records contradict each other, or the encoding is another.
    """
    if stated not in CODECS:
        raise DamageError(f"{path.stem}.cpg: got '{stated}', expected one of: {', '.join(CODECS)}.")
    codec = CODECS[stated]
    with path.open("rb") as file:
        data = file.read(1 << 16)
    count, start, length = struct.unpack_from("<IHH", data, 4)
    columns, at, offset = [], 32, 1
    while at < start and data[at] != _HEAD_END:
        raw, letter, width, decimals = data[at : at + 11].split(b"\0")[0], data[at + 11], data[at + 16], data[at + 17]
        columns.append(Column(raw.decode(codec), chr(letter), offset, width, decimals))
        offset, at = offset + width, at + 32
    size, expected = path.stat().st_size, start + count * length
    if offset != length or size not in (expected, expected + 1):
        raise DamageError(f"{path.name}: got {size} bytes and records of {length}, expected {expected} and {offset}.")
    return Table(path, codec, count, start, length, tuple(columns))


def read_columns(table: Table, first: int, stop: int) -> dict[str, NDArray[np.object_]]:
    """Return the values of some records by field, None where missing.

    Raises
    ------
    DamageError
        When a record is marked as deleted, or a cell is not of its field's kind or encoding.
    """
    place = table.start + first * table.length
    data = np.fromfile(table.path, dtype=np.uint8, count=(stop - first) * table.length, offset=place)
    records = data.reshape(-1, table.length)
    marked = np.flatnonzero(records[:, 0] != _KEPT)
    if len(marked):
        raise DamageError(
            f"{table.path.name} record {first + marked[0] + 1}: got a record marked as deleted, expected none."
        )
    return {column.name: _cells(table, column, records, first) for column in table.columns}


def _cells(table: Table, column: Column, records: NDArray[np.uint8], first: int) -> NDArray[np.object_]:
    block = np.ascontiguousarray(records[:, column.start : column.start + column.width])
    read = _READERS.get(column.letter)
    if read is None:
        raise DamageError(
            f"{table.path.name} {column.name}: got a field of kind '{column.letter}', expected C, N, F, D or L."
        )
    known: dict[bytes, Any] = {}
    values = []
    for row, raw in enumerate(block.view(f"S{column.width}")[:, 0].tolist() if len(block) else []):
        if raw not in known:
            try:
                known[raw] = read(raw.decode(table.codec).rstrip(" \0"))
            except (ValueError, KeyError) as error:
                raise DamageError(
                    f"{table.path.name} record {first + row + 1} {column.name}: got {raw[:40]!r} ({error}), "
                    f"expected {column.kind} in {table.codec}."
                ) from None
        values.append(known[raw])
    return objects(values)


def _text(cell: str) -> str | None:
    return cell or None


def _number(cell: str) -> float | int | None:
    bare = cell.strip(" ")
    if not bare:
        return None
    return int(bare) if bare.lstrip("+-").isdigit() else float(bare)


def _day(cell: str) -> dt.date | None:
    if not cell.strip(" 0"):
        return None
    return dt.date(int(cell[:4]), int(cell[4:6]), int(cell[6:8]))


_READERS: dict[str, Callable[[str], Any]] = {
    "C": _text, "N": _number, "F": _number, "D": _day, "L": lambda cell: _TRUTH[cell.strip(" ").upper()],
}  # fmt: skip

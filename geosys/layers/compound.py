"""How far an Excel 97 workbook reaches: its stream found in the compound file, its records walked, nothing else read."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST_BYTES = 1 << 28
_LAST_SECTOR = 0xFFFFFFFA  # numbers above are marks, not sectors
_ENTRY = 128
_STREAMS = ("workbook", "book")
_BOF, _PASSWORD = 0x0809, 0x002F
# BIFF records that hold cells (row, first column): BLANK, NUMBER, LABEL, BOOLERR, RK, LABELSST, FORMULA, RSTRING
_CELLS = frozenset(
    {0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00FD, 0x0006, 0x0406, 0x00D6, 0x0001, 0x0002, 0x0003, 0x0004}
)
_MANY_CELLS = frozenset({0x00BD, 0x00BE})  # MULRK, MULBLANK: their last two bytes are the last column


def cells_of_workbook(path: Path) -> int:
    """Return the cells from A1 to the last one in the largest sheet of an .xls.

    Raises
    ------
    DeliveryError
        When the compound file is damaged, encrypted, or holds no workbook.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        _refuse(path, f"{size} bytes", f"at most {MOST_BYTES}", "Save it as .xlsx.")
    try:
        stream = _workbook_stream(path, path.read_bytes())
    except (struct.error, ValueError, IndexError, OverflowError):
        _refuse(path, "a compound file whose sectors lead nowhere", "a whole .xls")
    most = rows = columns = at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        body = at + 4
        if kind == _PASSWORD:
            _refuse(path, "an encrypted workbook", "no password", "Send it unencrypted.")
        if kind == _BOF:
            rows = columns = 0
        elif (kind in _CELLS or kind in _MANY_CELLS) and length >= 4 and body + length <= len(stream):  # noqa: PLR2004
            row, column = struct.unpack_from("<HH", stream, body)
            last = struct.unpack_from("<H", stream, body + length - 2)[0] if kind in _MANY_CELLS else column
            rows, columns = max(rows, row + 1), max(columns, column + 1, last + 1)
            most = max(most, rows * columns)
        at = body + length
    return most


def _refuse(path: Path, got: str, expected: str, advice: str = "Save it again as .xlsx.") -> NoReturn:
    raise DeliveryError(f"{path.name}: got {got}, expected {expected}. {advice}") from None


def _workbook_stream(path: Path, data: bytes) -> bytes:
    """Return the bytes of the workbook's stream."""
    shift, small_shift = struct.unpack_from("<HH", data, 30)
    if shift not in (9, 12) or small_shift != 6:  # noqa: PLR2004
        raise ValueError
    first, _, cutoff, small_first = struct.unpack_from("<IIII", data, 48)
    table = _sector_table(data, 1 << shift)
    folder = _chain(data, table, first, 1 << shift, 1 << shift)
    entries: dict[str, tuple[int, int]] = {}
    for at in range(0, len(folder) - _ENTRY + 1, _ENTRY):
        length = struct.unpack_from("<H", folder, at + 64)[0]
        name = folder[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace").lower()
        entries.setdefault(name, struct.unpack_from("<II", folder, at + 116))
    if "encryptedpackage" in entries:
        _refuse(path, "an encrypted workbook", "no password", "Send it unencrypted.")
    found = next((entries[name] for name in _STREAMS if name in entries), None)
    if found is None:
        _refuse(path, "a compound file without a workbook", "Excel")
    start, size = found
    if size >= cutoff:
        return _chain(data, table, start, 1 << shift, 1 << shift)[:size]
    root, root_size = entries.get("root entry", (_LAST_SECTOR, 0))
    small = _chain(data, table, root, 1 << shift, 1 << shift)[:root_size]
    small_table = np.frombuffer(_chain(data, table, small_first, 1 << shift, 1 << shift), dtype="<u4")
    return _chain(small, small_table, start, 1 << small_shift, 0)[:size]


def _sector_table(data: bytes, sector: int) -> NDArray[np.uint32]:
    """Return the table that names for each sector the one after it."""
    count, (more, _) = struct.unpack_from("<I", data, 44)[0], struct.unpack_from("<II", data, 68)
    listed = list(struct.unpack_from("<109I", data, 76))
    seen = set()
    while more < _LAST_SECTOR:
        at = sector + more * sector
        if more in seen or at + sector > len(data):
            raise ValueError
        seen.add(more)
        block = struct.unpack_from(f"<{sector // 4}I", data, at)
        listed += block[:-1]
        more = block[-1]
    parts = []
    for number in listed[: min(count, len(listed))]:
        at = sector + number * sector
        if number >= _LAST_SECTOR or at + sector > len(data):
            raise ValueError
        parts.append(np.frombuffer(data, dtype="<u4", count=sector // 4, offset=at))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint32)


def _chain(data: bytes, table: NDArray[np.uint32], start: int, sector: int, offset: int) -> bytes:
    """Return the bytes of a chain of sectors; a circle or a sector outside raises ValueError."""
    pieces: list[bytes] = []
    number = start
    while number < _LAST_SECTOR:
        at = offset + number * sector
        if number >= len(table) or at >= len(data) or len(pieces) > len(table):
            raise ValueError
        pieces.append(data[at : at + sector])
        number = int(table[number])
    return b"".join(pieces)

"""The text of a shapefile's table: judged on its bytes, because .cpg and language byte are as often wrong as right."""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BYTES = "ISO-8859-1"  # every byte is a letter of it: what GDAL reads so can be decoded by us afterwards
_HEADER_END = 0x0D
_DELETED = 0x2A
_NAME_BYTES = 10
_LOST_BYTES = 3  # a text that fills its field may lose so many bytes of its last letter


def settle_dbf_encoding(shapefile: Path, stated: str | None) -> tuple[str | None, str]:
    """Return the encoding of a shapefile's table and the evidence in words.

    An encoding that is stated by the plan is taken. Otherwise strict UTF-8 is tried on every name and value, then
    GB18030: Chinese text in GBK is almost never valid UTF-8. The .cpg and the language byte are not trusted. A value
    cut in the middle of a character at the field's full width does not count against an encoding.

    Raises
    ------
    DeliveryError
        When the encoding is unknown, the table is cut off, or neither encoding fits all values.
    """
    beside = shapefile.parent.glob("*")
    path = next((p for p in beside if p.stem == shapefile.stem and p.suffix.lower() == ".dbf"), None)
    if stated is not None:
        check_known(stated, shapefile.name)
    if path is None:
        return None, "no .dbf"
    cells = _dbf_cells(path, shapefile.name)
    if stated is None and all(cell.isascii() for cell, _ in cells):
        return "UTF-8", "plain ASCII"
    candidates = [stated] if stated else ["UTF-8", "GB18030"]
    failures = {name: sum(not _decodes(cell, name, full=full) for cell, full in cells) for name in candidates}
    for name, count in failures.items():
        if count == 0:
            return name, f"{name}: all {len(cells)} texts decode; failures {failures}"
    counts = " nor ".join(f"{name} ({count} failures)" for name, count in failures.items())
    raise DeliveryError(
        f"{shapefile.name}: got texts that are not {counts}, expected one encoding throughout. "
        "Name it with 'encoding', or ask for the file again."
    )


def check_known(encoding: str, name: str) -> None:
    """Raise a `DeliveryError` for a file whose plan states an encoding that does not exist."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DeliveryError(
            f"{name}: got the encoding '{encoding}', expected one that is known. Write 'gb18030' or 'utf-8'."
        ) from None


def _dbf_cells(path: Path, file: str) -> list[tuple[bytes, bool]]:
    """Return the names and distinct text values of a DBF, each with whether it fills its field.

    Raises
    ------
    DeliveryError
        When the file is shorter than its header says.
    """
    data = path.read_bytes()
    try:
        count, header, length = struct.unpack("<IHH", data[4:12])
        fields, offset, at = [], 1, 32
        while at + 32 <= header and data[at] != _HEADER_END:
            name, kind, size = data[at : at + 11].split(b"\0")[0], data[at + 11 : at + 12], data[at + 16]
            fields.append((name, kind, offset, size))
            offset, at = offset + size, at + 32
    except (struct.error, IndexError):
        raise DeliveryError(
            f"{file}: got a table cut off in its header, expected a whole .dbf. Ask for the file again."
        ) from None
    if len(data) < header + count * length:
        raise DeliveryError(
            f"{file}: got {len(data)} bytes, expected {header + count * length} for its {count} records. Ask for the file again."
        )
    cells = {(name, len(name) >= _NAME_BYTES) for name, *_ in fields}
    for row in range(count):
        record = data[header + row * length : header + (row + 1) * length]
        if record[:1] != bytes([_DELETED]):
            for _, kind, start, size in fields:
                if kind == b"C":
                    raw = record[start : start + size].rstrip(b" \0")
                    cells.add((raw, len(raw) >= size - _LOST_BYTES))
    return sorted(cells)


def _decodes(cell: bytes, encoding: str, *, full: bool) -> bool:
    """Say whether a value decodes; one that fills its field may lose the bytes of its last letter."""
    for cut in range(_LOST_BYTES + 1 if full else 1):
        try:
            cell[: len(cell) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def decode_cell(text: str, encoding: str) -> str:
    """Return a text that GDAL read as `BYTES` in its true encoding; a letter cut at the end is left out.

    Examples
    --------
    >>> decode_cell("大清沟".encode("gb18030")[:5].decode("latin-1"), "gb18030")
    '大清'
    """
    raw = text.encode("latin-1")
    for cut in range(_LOST_BYTES + 1):
        try:
            return raw[: len(raw) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode(encoding, "replace")


def decode_column(values: NDArray[np.object_], encoding: str) -> NDArray[np.object_]:
    """Return a column with its texts decoded; numbers and dates stay as they are."""
    if values.dtype != object:
        return values
    return np.array([decode_cell(v, encoding) if isinstance(v, str) else v for v in values] + [None], dtype=object)[:-1]

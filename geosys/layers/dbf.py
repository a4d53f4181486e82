"""The text of a shapefile's table: judged on its bytes, because .cpg and language byte are as often wrong as right."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.layers.codes import fold
from geosys.layers.encodings import Verdict, check_known, decode_bytes, judge_encoding
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "BYTES", "NAME_BYTES", "DbfText", "check_known", "complete_names", "decode_cell", "decode_column", "hint_issues", "settle_dbf",
    "settle_dbf_encoding",
]  # fmt: skip

BYTES = "ISO-8859-1"  # every byte is a letter of it: what GDAL reads so can be decoded by us afterwards
_HEADER_END = 0x0D
_DELETED = 0x2A
_ASCII_END = 0x80
NAME_BYTES = 10
_LOST_BYTES = 3  # a text that fills its field may lose so many bytes of its last letter
_CHUNK_BYTES = 32 << 20
_LANGUAGE_BYTE = 29
_SILENT_BYTES = (0x00, 0x03, 0x57)  # what software writes that says nothing: unset, Latin by default, the machine's own


@dataclass(frozen=True, slots=True)
class DbfText:
    """Hold how a shapefile's table is to be read: encoding, evidence, the true field names, and what was wrong.

    `encoding` is None and `names` are empty where there is no .dbf.
    """

    encoding: str | None
    evidence: Text
    names: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    """Hold the head of a DBF: records, where they begin, their length, and each field's name, kind, offset and size."""

    count: int
    start: int
    length: int
    language: int
    fields: tuple[tuple[bytes, bytes, int, int], ...]


def settle_dbf_encoding(shapefile: Path, stated: str | None) -> tuple[str | None, str]:
    """Return the encoding of a shapefile's table and the evidence in words; see `settle_dbf`."""
    text = settle_dbf(shapefile, stated, ())
    return text.encoding, text.evidence.en


def settle_dbf(shapefile: Path, stated: str | None, words: Collection[str]) -> DbfText:
    """Return encoding and field names of a shapefile's table, and as issues what its delivery says wrongly of itself.

    The encoding is judged on all names and values; the .cpg and the language byte are hints. Names that were cut in
    the middle of a letter are completed where one name of the layer begins so.

    Parameters
    ----------
    stated
        The encoding that the plan states; it is taken where all texts decode.
    words
        The names by which the layer's fields are known.

    Raises
    ------
    DeliveryError
        When the encoding is unknown or unclear, or the table is cut off.
    """
    beside = {p.suffix.lower(): p for p in sorted(shapefile.parent.glob("*")) if p.stem == shapefile.stem}
    if ".dbf" not in beside:
        if stated is not None:
            check_known(stated, shapefile.name)
        return DbfText(None, Text("没有 .dbf", "no .dbf"))
    head = _read_head(beside[".dbf"], shapefile.name)
    raw_names = [name for name, *_ in head.fields]
    cells = {(name, len(name) >= NAME_BYTES) for name in raw_names} | _texts(beside[".dbf"], head)
    verdict = judge_encoding(cells, _hints(beside.get(".cpg"), head), words, name=shapefile.name, stated=stated)
    names, cut = complete_names(raw_names, verdict.encoding, words)
    return DbfText(verdict.encoding, verdict.evidence, names, (*hint_issues(verdict), *cut))


def _hints(cpg: Path | None, head: _Head) -> dict[str, str]:
    hints = {}
    if cpg is not None:
        with cpg.open("rb") as file:
            hints[".cpg"] = file.read(64).decode("ascii", "ignore").strip()
    if head.language not in _SILENT_BYTES:
        hints["language byte"] = f"0x{head.language:02X}"
    return hints


def hint_issues(verdict: Verdict) -> list[Issue]:
    """Return as issues that a delivery says nothing, or something wrong, of its encoding; none where all is ASCII."""
    if verdict.is_ascii:
        return []
    best = verdict.ranking[0].name
    if verdict.contradicted:
        said = ", ".join(verdict.contradicted)
        zh = f"文件自称的编码（{said}）与内容不符：按内容是 {best}，已按内容读取。{verdict.evidence.zh}"
        en = f"The file says {said}, but its bytes are {best}; it was read as {best}. {verdict.evidence.en}"
        return [Issue("code_page_wrong", Text(zh, en), value=said, before=said, after=best)]
    if verdict.is_unstated:
        zh = f"文件没有说明文字编码（缺 .cpg）：按内容判断为 {best}。{verdict.evidence.zh}"
        en = f"The file does not say its encoding (no .cpg); judged to be {best}. {verdict.evidence.en}"
        return [Issue("code_page_missing", Text(zh, en), after=best)]
    return []


def complete_names(
    raw_names: Sequence[bytes], codec: str, words: Collection[str]
) -> tuple[tuple[str, ...], list[Issue]]:
    """Return field names decoded and different, those cut off completed by the one known name that begins so.

    A name cut in the middle of a letter that no known name, or more than one, begins with, keeps its whole letters
    and is reported; a name that merely fills its ten bytes is completed where it can be and otherwise left alone.
    """
    whole = [decode_bytes(raw, codec, is_full=True).strip() for raw in raw_names]
    wanted = [_longer_words(raw, name, codec, words) for raw, name in zip(raw_names, whole, strict=True)]
    taken = [*whole, *(found[0] for found in wanted if len(found) == 1)]
    names: list[str] = []
    issues = []
    for raw, name, found in zip(raw_names, whole, wanted, strict=True):
        is_cut = not _is_whole(raw, codec)
        is_clear = len(found) == 1 and taken.count(found[0]) == 1
        true = found[0] if is_clear else name
        unused = next(n for n in (true, *(f"{true} ({k})" for k in range(2, len(names) + 3))) if n not in names)
        names.append(unused)
        if is_clear or is_cut:
            issues.append(_name_cut(name, unused, found, is_clear=is_clear))
    return tuple(names), issues


def _longer_words(raw: bytes, name: str, codec: str, words: Collection[str]) -> list[str]:
    """Return the known words, each spelling once, that begin with the bytes of a name that fills its ten."""
    is_cut = not _is_whole(raw, codec)
    if not is_cut and (len(raw) < NAME_BYTES - 1 or raw.isascii() or fold(name) in {fold(w) for w in words}):
        return []
    found = {fold(w): w for w in words if len(b := w.encode(codec, "ignore")) > len(raw) and b.startswith(raw)}
    return sorted(found.values())


def _is_whole(raw: bytes, codec: str) -> bool:
    try:
        decode_bytes(raw, codec)
    except UnicodeDecodeError:
        return False
    return True


def _name_cut(name: str, shown: str, found: Sequence[str], *, is_clear: bool) -> Issue:
    if is_clear:
        zh = f"列名在第 10 个字节处被截断，只剩“{name}”：本图层只有“{shown}”以此开头，已补全"
        en = f"A column name was cut at its tenth byte, leaving '{name}': only '{shown}' begins so, and was put in"
        return Issue("name_cut", Text(zh, en), value=name, before=name, after=shown)
    some = "、".join(found) or "无"
    zh = f"列名在第 10 个字节处被截断，只剩“{shown}”，无法确定原名（可能：{some}）；请在 columns 中指明"
    en = f"A column name was cut at its tenth byte, leaving '{shown}'; it may be one of: {', '.join(found) or 'none known'}. Name it under columns"
    return Issue("name_cut", Text(zh, en), value=name, before=shown)


def _read_head(path: Path, file: str) -> _Head:
    """Return the head of a DBF.

    Raises
    ------
    DeliveryError
        When the file is shorter than its header says.
    """
    with path.open("rb") as stream:
        data = stream.read(1 << 16)
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
    size = path.stat().st_size
    if size < header + count * length:
        raise DeliveryError(
            f"{file}: got {size} bytes, expected {header + count * length} for its {count} records. Ask for the file again."
        )
    return _Head(count, header, length, data[_LANGUAGE_BYTE], tuple(fields))


def _texts(path: Path, head: _Head) -> set[tuple[bytes, bool]]:
    """Return the distinct texts beyond ASCII of all records that are not deleted, each with whether it fills its field."""
    cells: set[tuple[bytes, bool]] = set()
    columns = [(start, size) for _, kind, start, size in head.fields if kind == b"C" and size]
    for records in _record_blocks(path, head):
        for start, size in columns:
            block = records[:, start : start + size]
            block = np.ascontiguousarray(block[(block >= _ASCII_END).any(axis=1)])
            if block.size:
                distinct = np.unique(block.view(f"S{block.shape[1]}")[:, 0]).tolist()
                texts = (raw.rstrip(b" \0") for raw in distinct)
                cells.update((raw, len(raw) >= size - _LOST_BYTES) for raw in texts)
    return cells


def _record_blocks(path: Path, head: _Head) -> Iterator[NDArray[np.uint8]]:
    """Yield the records that are not deleted as bytes of shape (n, length), block by block."""
    if not head.length:
        return
    rows = max(1, _CHUNK_BYTES // head.length)
    for first in range(0, head.count, rows):
        size = min(rows, head.count - first)
        data = np.fromfile(path, dtype=np.uint8, count=size * head.length, offset=head.start + first * head.length)
        records = data.reshape(-1, head.length)
        yield records[records[:, 0] != _DELETED]


def decode_cell(text: str, encoding: str) -> str:
    """Return a text that GDAL read as `BYTES` in its true encoding; a letter cut at the end is left out.

    Examples
    --------
    >>> decode_cell("大清沟".encode("gb18030")[:5].decode("latin-1"), "gb18030")
    '大清'
    """
    raw = text.encode("latin-1")
    try:
        return decode_bytes(raw, encoding, is_full=True)
    except UnicodeDecodeError:
        return raw.decode(encoding, "replace")


def decode_column(values: NDArray[np.object_], encoding: str) -> NDArray[np.object_]:
    """Return a column with its texts decoded; numbers and dates stay as they are."""
    if values.dtype != object:
        return values
    known: dict[str, str] = {}
    decoded = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        if isinstance(value, str) and not value.isascii():
            if value not in known:
                known[value] = decode_cell(value, encoding)
            decoded[at] = known[value]
        else:
            decoded[at] = value
    return decoded

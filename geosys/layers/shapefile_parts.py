"""The files one shapefile is made of: found under any spelling, told when absent, and the index made anew."""

from __future__ import annotations

import shutil
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.layers.dictionary import END as DICTIONARY
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
KINDS = {
    0: "none", 1: "point", 3: "line", 5: "polygon", 8: "point",
    11: "point", 13: "line", 15: "polygon", 18: "point",
    21: "point", 23: "line", 25: "polygon", 28: "point", 31: "polygon",
}  # fmt: skip
HEADER = 100
MAGIC = 9994
_FIELDS_END = 0x0D
_MISSING = {
    ".shx": Text("缺少 .shx，已按 .shp 重建索引", "The .shx is absent; the index was made anew from the .shp"),
    ".dbf": Text("缺少 .dbf，没有属性，只读取了图形", "The .dbf is absent: there are shapes and no attributes"),
    ".prj": Text("缺少 .prj，没有说明坐标系", "The .prj is absent: no coordinate system is stated"),
}


@dataclass(frozen=True, slots=True)
class WholeShapefile:
    """Hold a shapefile that can be read as it stands, and what was amiss with its files."""

    path: Path
    issues: tuple[Issue, ...]


def find_parts(shapefile: Path, files: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the files of a shapefile by suffix, whatever the case of their names.

    Parameters
    ----------
    files
        Files of other folders in which a part may lie that is not beside the .shp; taken where there is one only, and
        no other .shp of the same name.

    Raises
    ------
    DeliveryError
        When two files could be the same part.
    """
    stem = shapefile.stem.casefold()
    elsewhere = [file for file in files if file.stem.casefold() == stem and file.parent != shapefile.parent]
    if any(file.suffix.lower() == ".shp" for file in elsewhere):
        elsewhere = []  # they may belong to that one: another year, another town
    beside = [file for file in shapefile.parent.iterdir() if file.stem.casefold() == stem]
    parts = {".shp": shapefile}
    for suffix in PARTS[1:]:
        for place in (beside, elsewhere):
            fitting = [file for file in place if file.suffix.lower() == suffix and file.is_file()]
            same = [file for file in fitting if file.stem == shapefile.stem]
            chosen = same if len(same) == 1 else fitting
            if len(chosen) > 1:
                names = ", ".join(sorted(file.name for file in chosen))
                raise DeliveryError(
                    f"{shapefile.name}: got several {suffix} files ({names}), expected one. Put each shapefile in a folder of its own."
                )
            if chosen:
                parts[suffix] = chosen[0]
                break
    return parts


@contextmanager
def whole_shapefile(shapefile: Path, files: Iterable[Path] = ()) -> Iterator[WholeShapefile]:
    """Give a shapefile whose parts stand side by side under one name; the delivered files are not touched.

    Where a part lies elsewhere, is spelled otherwise or the .shx is absent, the parts are copied into a private folder
    that is removed afterwards. A part that is absent is an issue `missing_part`.

    Raises
    ------
    DeliveryError
        When parts contradict each other: cut off, or of different numbers of records.
    """
    parts = find_parts(shapefile, files)
    issues = tuple(
        Issue(
            "missing_part",
            text,
            value=f"{shapefile.stem}{suffix}",
            severity="notice" if suffix == ".prj" else "warning",
        )
        for suffix, text in _MISSING.items()
        if suffix not in parts
    )
    issues += tuple(
        _found_elsewhere(file, shapefile)
        for file in parts.values()
        if file.parent.resolve() != shapefile.parent.resolve()
    )
    suffixes = {file.suffix for file in parts.values()}
    is_uniform = suffixes == {s.lower() for s in suffixes} or suffixes == {s.upper() for s in suffixes}
    if is_uniform and ".shx" in parts and len({(file.parent, file.stem) for file in parts.values()}) == 1:
        _check_parts(parts, shapefile.name)
        yield WholeShapefile(shapefile, issues)
        return
    with TemporaryDirectory(prefix="geosys-") as folder:
        copies = {suffix: Path(folder) / f"{shapefile.stem}{suffix}" for suffix in parts}
        for suffix, file in parts.items():
            shutil.copyfile(file, copies[suffix])
        dictionary = shapefile.with_name(f"{shapefile.stem}{DICTIONARY}")
        if dictionary.is_file():
            shutil.copyfile(dictionary, Path(folder) / dictionary.name)
        if ".shx" not in parts:
            copies[".shx"] = Path(folder) / f"{shapefile.stem}.shx"
            copies[".shx"].write_bytes(index_of(shapefile))
        _check_parts(copies, shapefile.name)
        yield WholeShapefile(copies[".shp"], issues)


def _found_elsewhere(file: Path, shapefile: Path) -> Issue:
    place = f"{file.parent.name}/{file.name}"
    zh, en = (
        f"{shapefile.name} 的 {file.suffix} 取自另一文件夹：{place}",
        f"The {file.suffix} of {shapefile.name} was taken from {place}",
    )
    return Issue("missing_part", Text(zh, en), value=file.name, after=place, severity="notice")


def read_head(shapefile: Path) -> tuple[int, int]:
    """Return the shape type and the length in bytes that a .shp or .shx states.

    Raises
    ------
    DeliveryError
        When it is no shapefile, or shorter than it says.
    """
    size = shapefile.stat().st_size
    with shapefile.open("rb") as file:
        head = file.read(HEADER)
    if len(head) < HEADER or struct.unpack(">i", head[:4])[0] != MAGIC:
        raise DeliveryError(
            f"{shapefile.name}: got no shapefile header, expected one of {HEADER} bytes. Ask the sender for a complete copy."
        )
    stated, kind = 2 * struct.unpack(">i", head[24:28])[0], struct.unpack("<i", head[32:36])[0]
    if stated < HEADER or stated > size or kind not in KINDS:
        raise DeliveryError(
            f"{shapefile.name}: got {size} bytes of type {kind}, expected {stated} as its header says, of a known type. "
            "Ask the sender for a complete copy."
        )
    return kind, stated


def index_of(shapefile: Path) -> bytes:
    """Return the .shx of a .shp, made by walking its records.

    Raises
    ------
    DeliveryError
        When a record is cut off or out of order: then nobody knows which row it belongs to.
    """
    _, size = read_head(shapefile)
    entries: list[tuple[int, int]] = []
    at = HEADER
    with shapefile.open("rb") as file:
        head = bytearray(file.read(HEADER))
        while at < size:
            file.seek(at)
            record = file.read(8)
            number, words = struct.unpack(">ii", record) if len(record) == 8 else (-1, 0)  # noqa: PLR2004
            if number != len(entries) + 1 or words < 2 or at + 8 + 2 * words > size:  # noqa: PLR2004
                raise DeliveryError(
                    f"{shapefile.name}: got a record at byte {at} that is cut off or out of order, expected record "
                    f"{len(entries) + 1}. The .shx is absent and cannot be made anew: ask the sender for it."
                )
            entries.append((at // 2, words))
            at += 8 + 2 * words
    head[24:28] = struct.pack(">i", (HEADER + 8 * len(entries)) // 2)
    return bytes(head) + np.array(entries, dtype=">i4").tobytes()


def count_shapes(index: Path) -> int:
    """Return how many shapes a .shx lists."""
    return (read_head(index)[1] - HEADER) // 8


def _check_parts(parts: dict[str, Path], name: str) -> None:
    """Raise where the index points outside or elsewhere, or rows and shapes differ in number: they pair by position."""
    try:
        kind, size = read_head(parts[".shp"])
        other, _ = read_head(parts[".shx"])
    except DeliveryError as error:
        raise DeliveryError(f"{name}: got {str(error).split(': got ', 1)[-1]}") from None
    _check_index(parts, name, size)
    if kind != other:
        raise DeliveryError(
            f"{name}: got shapes of type {kind} and an index of type {other}, expected one type. Ask for a complete copy."
        )
    shapes = count_shapes(parts[".shx"])
    if ".dbf" not in parts:
        return
    rows = count_rows(parts[".dbf"], name)
    if rows != shapes:
        raise DeliveryError(
            f"{name}: got {shapes} shapes and {rows} rows, expected as many of both (they pair by position). "
            "Ask the sender for .shp, .shx and .dbf of one export."
        )


def _check_index(parts: dict[str, Path], name: str, size: int) -> None:
    count = count_shapes(parts[".shx"])
    entries = np.fromfile(parts[".shx"], dtype=">i4", offset=HEADER, count=2 * count).reshape(-1, 2).astype(np.int64)
    starts, lengths = 2 * entries[:, 0], 2 * entries[:, 1]
    inside = (starts >= HEADER) & (lengths >= 4) & (starts + 8 + lengths <= size)  # noqa: PLR2004
    empty = lengths == 0  # a row whose shape was deleted
    if not (inside | empty).all():
        at = int(np.flatnonzero(~(inside | empty))[0]) + 1
        raise DeliveryError(
            f"{name}: got an index (.shx) that leads outside the .shp at record {at}, expected every record inside. "
            "Ask for a complete copy, or delete the .shx: it is then made anew."
        )
    if not inside.any():
        return
    data = np.memmap(parts[".shp"], dtype=np.uint8, mode="r")
    numbers, words = _big_endian(data, starts[inside]), _big_endian(data, starts[inside] + 4)
    order = np.flatnonzero(inside) + 1
    shift = numbers - order
    is_numbered = not (numbers == numbers[0]).all()  # some writers count from 0, or do not count
    wrong = (2 * words != lengths[inside]) | (is_numbered & (shift != np.median(shift)))
    if wrong.any():
        at = int(order[wrong][0])
        raise DeliveryError(
            f"{name}: got an index (.shx) that contradicts the .shp at record {at}, expected the same record. "
            "Ask for a complete copy, or delete the .shx: it is then made anew."
        )


def _big_endian(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the signed 32-bit numbers that stand at some bytes."""
    pieces = [data[at + i].astype(np.uint32) << np.uint32(8 * (3 - i)) for i in range(4)]
    whole = pieces[0] | pieces[1] | pieces[2] | pieces[3]
    return np.asarray(whole.view(np.int32), dtype=np.int64)


def count_rows(table: Path, name: str) -> int:
    """Return how many rows a .dbf holds, deleted ones too.

    Raises
    ------
    DeliveryError
        When its fields do not add up to the length of a row, or it is cut off.
    """
    size = table.stat().st_size
    with table.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:  # noqa: PLR2004
            raise DeliveryError(
                f"{name}: got a table cut off in its header, expected a whole .dbf. Ask for the file again."
            )
        count, start, length = struct.unpack("<IHH", head[4:12])
        fields = file.read(max(0, start - 32))
    widths = []
    at = 0
    while at + 32 <= len(fields) and fields[at] != _FIELDS_END:
        widths.append(fields[at + 16])
        at += 32
    if not widths or length < 1 + sum(widths):
        raise DeliveryError(
            f"{name}: got a .dbf of {len(widths)} fields and {length} bytes a row, expected {1 + sum(widths)} bytes. "
            "Ask for the file again."
        )
    if size < start + count * length:
        raise DeliveryError(
            f"{name}: got a .dbf of {size} bytes, expected {start + count * length} for its {count} rows. Ask for the file again."
        )
    return int(count)

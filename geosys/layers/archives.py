"""Unpack a delivered archive into a private folder that is always removed: bounded, and never a file outside it."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVES = (".zip", ".kmz")
OTHER_PACKERS = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")  # told to be unpacked first

MOST_MEMBERS = 20_000  # over all levels
MOST_DEPTH = 3  # an archive in an archive in an archive
MOST_BYTES = 8 << 30  # unpacked, over all levels
MOST_MEMBER_BYTES = 4 << 30
MOST_RATIO = 200  # unpacked to packed; the table of a shapefile is mostly blanks and reaches 100
RATIO_COUNTS_FROM = 64 << 20  # bytes; below that any ratio is harmless
MOST_DIRECTORY_BYTES = 16 << 20  # the list of members is held in memory whole
MOST_NAME_PARTS = 32

_PACKED = ".packed"
_CHUNK = 1 << 18
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNICODE_PATH = 0x7075  # the extra field in which Info-ZIP keeps the name in UTF-8
_END, _END_SIZE, _LONGEST_COMMENT = b"PK\5\6", 22, 0xFFFF
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "BZip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
_FAULTS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error, RuntimeError, OverflowError)
_JUNK = ("__macosx", ".ds_store", "thumbs.db", "desktop.ini")


@dataclass(slots=True)
class _Budget:
    """Count what an archive and all within it have written so far."""

    name: str
    packed: int
    written: int = 0
    members: int = 0
    repaired: list[str] = field(default_factory=list)

    def spend(self, size: int, member: str, of_member: int) -> None:
        """Count bytes that are about to be written, and refuse those beyond a limit."""
        self.written += size
        if of_member > MOST_MEMBER_BYTES:
            _refuse(self.name, f"a member of more than {MOST_MEMBER_BYTES} bytes ('{member}')", "smaller files")
        if self.written > MOST_BYTES:
            _refuse(self.name, f"more than {MOST_BYTES} bytes unpacked", "a smaller archive")
        if self.written > max(RATIO_COUNTS_FROM, MOST_RATIO * self.packed):
            _refuse(self.name, f"a member that grows beyond {MOST_RATIO} to 1 ('{member}')", "ordinary files")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Hold the private folder and the names that were repaired; a nested archive is a folder of its own name in it."""

    folder: Path
    repaired: tuple[str, ...]


@contextmanager
def unpacked(path: Path) -> Iterator[Unpacked]:
    """Unpack a .zip or .kmz, and the archives in it, into a private folder; remove it whatever happens.

    Chinese names that Windows wrote in GBK without saying so are repaired. Junk of macOS and Windows is left out.

    Raises
    ------
    DeliveryError
        When the archive is damaged or encrypted, holds a link or a path that leads outside, two files of one name, or
        more than the limits of this module allow, counted in bytes that were really written.
    """
    with TemporaryDirectory(prefix="geosys-") as folder:
        root = Path(folder)
        try:
            budget = _Budget(path.name, path.stat().st_size)
            _unpack(path, root, budget, 1)
        except _FAULTS as error:
            why = getattr(error, "strerror", None) or error  # without the name of the private folder
            _refuse(path.name, f"an archive that cannot be unpacked ({why})", "a whole .zip")
        yield Unpacked(root, tuple(budget.repaired))


def _refuse(name: str, got: str, expected: str, advice: str = "Unpack it, look at it, and pack it again.") -> NoReturn:
    raise DeliveryError(f"{name}: got {got}, expected {expected}. {advice}") from None


def _unpack(path: Path, folder: Path, budget: _Budget, depth: int) -> None:
    """Unpack one archive into a folder, and each archive in it into a folder of the archive's name."""
    if depth > MOST_DEPTH:
        _refuse(budget.name, f"archives nested more than {MOST_DEPTH} deep ('{path.name}')", f"at most {MOST_DEPTH}")
    _check_directory(path, budget.name if depth == 1 else f"{budget.name}/{path.name.removesuffix(_PACKED)}")
    with zipfile.ZipFile(path) as archive:
        for name, info in _members(archive, budget).items():
            target = folder.joinpath(*PurePosixPath(name).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(archive, info, target, budget)
    nested = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in ARCHIVES and file.is_file()]
    for file in nested:
        packed = file.with_name(f"{file.name}{_PACKED}")
        if packed.exists():
            _refuse(budget.name, f"'{packed.name}' beside '{file.name}'", "another name")
        file.rename(packed)
        file.mkdir()
        _unpack(packed, file, budget, depth + 1)
        packed.unlink()


def _check_directory(path: Path, name: str) -> None:
    """Refuse a file that is no zip, or whose list of members alone is a burden."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        _refuse(
            name, "a file that is no zip or is cut off", "a whole .zip", "Pack it again, or ask the sender for a copy."
        )
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    is_zip64 = count == 0xFFFF or directory == 0xFFFFFFFF  # noqa: PLR2004
    if (size if is_zip64 else directory) > MOST_DIRECTORY_BYTES and (is_zip64 or count > MOST_MEMBERS):
        _refuse_count(name)
    if not is_zip64 and directory > MOST_DIRECTORY_BYTES:
        _refuse_count(name)


def _refuse_count(name: str) -> NoReturn:
    _refuse(name, f"a list of more than {MOST_MEMBERS} members", "fewer files", "Send only the tables.")


def _members(archive: zipfile.ZipFile, budget: _Budget) -> dict[str, zipfile.ZipInfo]:
    """Return the members worth unpacking by their true names, each checked."""
    chosen: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    for info in archive.infolist():
        budget.members += 1
        if budget.members > MOST_MEMBERS:
            _refuse_count(budget.name)
        name, is_repaired = _true_name(info, budget.name)
        _check_member(info, name, budget.name)
        if name.endswith("/") or _is_junk(name):
            continue
        if is_repaired:
            budget.repaired.append(name)
        earlier = folded.setdefault(name.casefold(), name)
        known = chosen.get(earlier)
        if known is None:
            chosen[name] = info
        elif (known.CRC, known.file_size) != (info.CRC, info.file_size) or earlier != name:
            what = (
                f"two members named '{name}'"
                if earlier == name
                else f"names that differ in case only ('{earlier}', '{name}')"
            )
            _refuse(budget.name, what, "different names")
    return chosen


def _true_name(info: zipfile.ZipInfo, archive: str) -> tuple[str, bool]:
    """Return a member's name, and whether it was told apart from the mojibake a zip without the UTF-8 flag gives."""
    name = info.orig_filename.split("\0")[0]
    if info.flag_bits & _UTF8 or name.isascii():
        return name, False
    raw = name.encode("cp437")
    stated = _unicode_path(info.extra, raw)
    if stated is not None:
        return stated, False
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding), True
        except UnicodeDecodeError:
            continue
    _refuse(archive, f"a name that is neither UTF-8 nor GBK ({name!r})", "readable names")


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name of the Unicode Path extra field where it belongs to the name as written."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        body = extra[at + 4 : at + 4 + size]
        if kind == _UNICODE_PATH and size > 5 and body[1:5] == struct.pack("<I", zlib.crc32(raw)):  # noqa: PLR2004
            return body[5:].decode("utf-8")
        at += 4 + size
    return None


def _check_member(info: zipfile.ZipInfo, name: str, archive: str) -> None:
    """Refuse a member that is encrypted, a link, packed in a way we do not read, or whose path leads outside."""
    parts = name.rstrip("/").split("/")
    outside = name.startswith("/") or "\\" in name or ":" in name or ".." in parts
    if outside or re.search(r"[\x00-\x1f\x7f]", name) or not name or len(parts) > MOST_NAME_PARTS:
        _refuse(archive, f"a member whose path leads outside or is no path ({name[:200]!r})", "paths inside")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        _refuse(archive, f"a link or device ('{name}')", "plain files")
    if info.flag_bits & _ENCRYPTED:
        _refuse(archive, f"a member that is encrypted ('{name}')", "no password", "Send it unencrypted.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        _refuse(archive, f"a member packed with {method} ('{name}')", "Deflate")


def _is_junk(name: str) -> bool:
    parts = name.split("/")
    return parts[-1].startswith("._") or any(part.lower() in _JUNK for part in parts)


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, budget: _Budget) -> None:
    """Write one member in pieces, counting each."""
    total = 0
    with archive.open(info) as source, target.open("xb") as file:
        while piece := source.read(_CHUNK):
            total += len(piece)
            budget.spend(len(piece), target.name, total)
            file.write(piece)

"""File kinds: what a file is by its content, whatever its name says."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = ("jpeg", "png", "tiff")
MEDIA_TYPES = {
    "jpeg": "image/jpeg", "png": "image/png", "tiff": "image/tiff", "pdf": "application/pdf", "mp4": "video/mp4", "txt": "text/plain",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
OTHERS = ("heic", "webp", "gif", "office97", "macros", "archive", "program", "mov")  # known, but never taken in
# Source: the formats' own first bytes (ISO/IEC 10918-1, ISO/IEC 15948, TIFF 6.0, ISO 32000, APPNOTE, MS-CFB)
_STARTS = (
    (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office97"), (b"GIF8", "gif"), (b"MZ", "program"), (b"\x7fELF", "program"),
    (b"#!", "program"), (b"Rar!", "archive"), (b"7z\xbc\xaf", "archive"), (b"\x1f\x8b", "archive"),
)  # fmt: skip
_HEIF = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_MP4 = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4V ",
    b"MSNV",
    b"3gp4",
    b"3gp5",
    b"3gp6",
)
_MAIN_PARTS = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx"}
_HEAD, _TAIL = 64, 2048
_MB = 1_000_000
_SPACES = frozenset("\t\n\r\f")


def kind_of(path: Path) -> str:
    """Return what a file is: a word of `MEDIA_TYPES` or `OTHERS`, or an empty text where it is nothing known."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:4] == b"PK\3\4":
        return _package_kind(path)
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "heic" if brand in _HEIF else "mov" if brand == b"qt  " else "mp4" if brand in _MP4 else ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    known = next((kind for start, kind in _STARTS if head.startswith(start)), "")
    return known or ("txt" if _is_text(path) else "")


def _package_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return "archive"
    if any(name.casefold().endswith("vbaproject.bin") for name in names):
        return "macros"
    if "[Content_Types].xml" not in names:
        return "archive"
    kinds = [kind for part, kind in _MAIN_PARTS.items() if part in names]
    return kinds[0] if len(kinds) == 1 else "archive"


def _is_text(path: Path) -> bool:
    """Say whether a file, whose size the caller has bounded, is text in UTF-8 or GB18030 without control characters."""
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return bool(text) and not any(ord(sign) < ord(" ") and sign not in _SPACES for sign in text)
    return False


def check_whole(path: Path, kind: str, most_unpacked_mb: float) -> None:
    """Refuse a document that is cut short or would unpack to too much; pictures are checked by drawing them.

    Raises
    ------
    WorkspaceError
        Saying what is wrong; the message begins with what was got.
    """
    if kind == "pdf":
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            if b"%%EOF" not in file.read():
                raise WorkspaceError("got a PDF without an end, expected a whole one. It was cut short: copy it again.")
    elif kind in _MAIN_PARTS.values():
        _check_package(path, most_unpacked_mb)


def _check_package(path: Path, most_unpacked_mb: float) -> None:
    try:
        with zipfile.ZipFile(path) as package:
            parts = package.infolist()
            size = sum(part.file_size for part in parts)
            if size > most_unpacked_mb * _MB:
                raise WorkspaceError(
                    f"got {size / _MB:.0f} MB once unpacked, expected at most {most_unpacked_mb:g} MB. Save it anew or as PDF."
                )
            if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
                raise WorkspaceError("got an unusual compression, expected an Office file. Save it anew with Office.")
            damaged = package.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError):
        damaged = "?"
    if damaged:
        raise WorkspaceError("got a damaged Office file, expected a whole one. Open it with Office and save it anew.")

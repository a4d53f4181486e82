"""Look at a file's own account of itself before a library does: sizes it states must fit the bytes there are."""

from __future__ import annotations

import copy
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, NoReturn

from geosys._errors import DeliveryError
from geosys.layers.compound import cells_of_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQLITE = b"SQLite format 3\0"
ZIP, COMPOUND = b"PK\3\4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_SHEET_BYTES = 1 << 30  # unpacked, all members of a workbook
MOST_WORKBOOK_MEMBERS = 5_000
MOST_CELLS = 20_000_000  # of one sheet from A1 to its last cell: the reader holds them all, empty ones too
MOST_JSON_BYTES = 1 << 30
MOST_CSV_BYTES = 1 << 27  # a table of text in memory is ten times as large as in its file
_CHUNK = 1 << 20
_REACH = re.compile(rb"""\br=["'](?:([A-Z]{2,3})\d+|[A-Z]?(\d{6,7}))["']""")
_REFERENCE = re.compile(rb"""\br=["']([A-Z]{1,3})?(\d{1,7})["']""")
_OVERLAP = 32
_QUICK_ROWS, _QUICK_COLUMNS = 99_999, 26


def check_head(path: Path) -> None:
    """Raise where a file's header contradicts its size or kind; the caller then never hands it to a library.

    Raises
    ------
    DeliveryError
        Naming what the header says and what is there.
    """
    check = CHECKS.get(path.suffix.lower())
    if check is not None and path.is_file():
        check(path)


def _refuse(path: Path, got: str, expected: str, advice: str = "Ask the sender for a complete copy.") -> NoReturn:
    raise DeliveryError(f"{path.name}: got {got}, expected {expected}. {advice}") from None


def _check_package(path: Path) -> None:
    """Refuse a GeoPackage that is no SQLite database or lacks pages."""
    with path.open("rb") as file:
        head = file.read(100)
    size = path.stat().st_size
    if len(head) < 100 or not head.startswith(SQLITE):  # noqa: PLR2004
        _refuse(path, "a file that is no SQLite database", "a GeoPackage")
    page = struct.unpack(">H", head[16:18])[0]
    page = 65_536 if page == 1 else page
    pages, changed, valid = (struct.unpack(">I", head[at : at + 4])[0] for at in (28, 24, 92))
    if page < 512 or page & (page - 1) or size % page:  # noqa: PLR2004
        _refuse(path, f"{size} bytes in pages of {page}", "a whole number of pages")
    if changed == valid and pages * page > size:
        _refuse(path, f"{size} bytes", f"{pages} pages of {page} bytes as its header says")


def _check_json(path: Path) -> None:
    _check_size(path, MOST_JSON_BYTES)


def _check_csv(path: Path) -> None:
    _check_size(path, MOST_CSV_BYTES)


def _check_size(path: Path, most: int) -> None:
    if path.stat().st_size > most:
        _refuse(path, f"{path.stat().st_size} bytes", f"at most {most}", "Send it as GeoPackage, or in pieces.")


def _check_workbook(path: Path) -> None:
    """Refuse a workbook that is encrypted, a page in disguise, or grows beyond what the reader can hold."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(ZIP):
        _check_xlsx(path)
    elif head.startswith(COMPOUND):
        cells = cells_of_workbook(path)
        if cells > MOST_CELLS:
            _refuse(path, f"a sheet of {cells} cells", f"at most {MOST_CELLS}", "Delete what stands far out.")
    elif head.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").replace(b"\0", b"")[:1] == b"<":
        _refuse(path, "a web page or XML named as a workbook", "Excel", "Open it in Excel and save it as .xlsx.")
    else:
        _refuse(path, "a file that is no workbook", "Excel", "Open it in Excel and save it as .xlsx.")


def _check_xlsx(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as package:
            members = package.infolist()
            if len(members) > MOST_WORKBOOK_MEMBERS:
                _refuse(path, f"{len(members)} parts", f"at most {MOST_WORKBOOK_MEMBERS}", "Save it again as .xlsx.")
            total = 0
            for info in members:
                total += _check_part(path, package, info, MOST_SHEET_BYTES - total)
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        struct.error,
        RuntimeError,
        OverflowError,
    ) as error:
        why = getattr(error, "strerror", None) or error
        _refuse(path, f"a workbook that cannot be unpacked ({why})", "Excel", "Save it again as .xlsx.")


def _check_part(path: Path, package: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> int:
    """Return the true unpacked size of a part, whatever it states; sheets are looked through for far cells."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _refuse(path, f"a part packed by method {info.compress_type}", "Deflate", "Save it again as .xlsx.")
    is_sheet = re.fullmatch(r".*worksheets/[^/]+\.xml", info.filename, re.IGNORECASE) is not None
    unbounded = copy.copy(info)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        unbounded.file_size = (
            left + 4 * _CHUNK
        )  # so that the reader stops where the packed data end, not where the list says
    size, rows, columns, tail = 0, _QUICK_ROWS, _QUICK_COLUMNS, b""
    with package.open(unbounded) as part:
        while piece := part.read(_CHUNK):
            size += len(piece)
            if size > left:
                _refuse(path, f"more than {MOST_SHEET_BYTES} bytes unpacked", "a smaller workbook", "Send it as CSV.")
            if is_sheet:
                for letters, digits in _REACH.findall(tail + piece):
                    rows, columns = max(rows, int(digits or 0)), max(columns, column_number(letters))
                tail = piece[-_OVERLAP:]
    if is_sheet and rows * columns > MOST_CELLS:
        rows, columns = _reach(package, info)
        if rows * columns > MOST_CELLS:
            got = f"a sheet of {rows} rows and {columns} columns"
            _refuse(path, got, f"at most {MOST_CELLS} cells", "Delete what stands far out.")
    return size


def _reach(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, int]:
    """Return the last row and column that a sheet names."""
    rows, columns, tail = 1, 1, b""
    with package.open(info) as part:
        while piece := part.read(_CHUNK):
            for letters, digits in _REFERENCE.findall(tail + piece):
                rows, columns = max(rows, int(digits)), max(columns, column_number(letters))
            tail = piece[-_OVERLAP:]
    return rows, columns


def column_number(letters: bytes) -> int:
    """Return the number of a sheet's column.

    Examples
    --------
    >>> column_number(b"A"), column_number(b"XFD"), column_number(b"")
    (1, 16384, 0)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


CHECKS: dict[str, Callable[[Path], None]] = {
    ".csv": _check_csv,
    ".geojson": _check_json,
    ".gpkg": _check_package,
    ".json": _check_json,
    ".xls": _check_workbook,
    ".xlsx": _check_workbook,
}

"""The reader table: which function reads which kind of file, alone, in a folder or in an archive."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from geosys._errors import DeliveryError
from geosys.layers.archives import ARCHIVES, MOST_MEMBERS, OTHER_PACKERS, unpacked
from geosys.layers.boundary_reading import read_boundary_file
from geosys.layers.dictionary import END as DICTIONARY
from geosys.layers.drawings import read_drawing
from geosys.layers.file_heads import check_head
from geosys.layers.listing import LISTERS, UNKNOWN, Table
from geosys.layers.mojibake import mend_mojibake
from geosys.layers.notices import library_notices, without_folders
from geosys.layers.placemarks import read_placemarks
from geosys.layers.reading import choose_table
from geosys.layers.shapefile_parts import whole_shapefile
from geosys.layers.tables import read_csv_table, read_workbook
from geosys.layers.vector_files import read_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from geosys.layers.issues import Issue
    from geosys.layers.reading import Reading

READERS: dict[str, Callable[[Path, str | None, str | None, Sequence[str]], Reading]] = {
    ".csv": read_csv_table,
    ".dxf": read_drawing,
    ".gdb": read_vector,
    ".geojson": read_vector,
    ".gpkg": read_vector,
    ".json": read_vector,
    ".kml": read_placemarks,
    ".shp": read_vector,
    ".txt": read_boundary_file,
    ".xls": read_workbook,
    ".xlsx": read_workbook,
}

FOLDERS = (".gdb",)
_OF_MANY = (".gdb", ".gpkg", ".xls", ".xlsx")  # files of several tables: named "file/table" in an archive or folder
_MOST_REPAIRED = 5  # repaired names told


def list_tables(path: Path) -> list[Table]:
    """Return the tables of a file, folder or archive, each under the name by which `read_delivery` reads it.

    In an archive or folder a file that cannot be read stays listed, so that reading it tells why.

    Raises
    ------
    DeliveryError
        When the kind of file is unknown, the file cannot be read, or an archive or folder holds no table.
    """
    if _is_holder(path):
        with _opened(path) as (folder, _):
            found = _tables_under(folder)
        if not found:
            raise DeliveryError(
                f"{path.name}: got nothing that can be read, expected one of: {', '.join(_KINDS)}. Send the tables themselves."
            )
        return found
    _check_kind(path)
    with _guarded(path, ()) as (file, _), library_notices(file):  # told when the table is read
        return LISTERS[path.suffix.lower()](file)


def read_delivery(path: Path, table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read one table of a delivered file.

    Parameters
    ----------
    path
        The file, folder (a .gdb, or files in folders) or archive.
    table
        Sheet or layer, in an archive or folder the path inside it; None where there is one only.
    encoding
        The text encoding where the sender states it; None to judge by the bytes.
    words
        All names under which the layer's fields are known: they tell a header from a title row.

    Raises
    ------
    DeliveryError
        When the kind of file is unknown or the file cannot be read.
    """
    if _is_holder(path):
        with _opened(path) as (folder, evidence):
            reading = mend_mojibake(_read_under(path.name, folder, table, encoding, words))
        return replace(reading, evidence="; ".join(text for text in (evidence, reading.evidence) if text))
    _check_kind(path)
    return mend_mojibake(_read_file(path, table, encoding, words, ()))


def _is_holder(path: Path) -> bool:
    """Say whether a delivery holds files: an archive, or a folder that is no geodatabase."""
    suffix = path.suffix.lower()
    return suffix not in FOLDERS if path.is_dir() else suffix in ARCHIVES


def _check_kind(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in OTHER_PACKERS:
        raise DeliveryError(f"{path.name}: got a packed file ({suffix}), expected .zip or the files. Unpack it first.")
    if suffix not in READERS:
        raise DeliveryError(
            f"{path.name}: got a '{path.suffix}' file, expected one of: {', '.join(_KINDS)}. Save it as one of these."
        )


_KINDS = (*READERS, *ARCHIVES)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Path, str]]:
    """Give the folder in which a holder's files lie, and what was repaired in their names."""
    if path.is_dir():
        yield path, ""
        return
    with unpacked(path) as archive:
        some = ", ".join(archive.repaired[:_MOST_REPAIRED])
        count = len(archive.repaired)
        yield archive.folder, f"{count} names without UTF-8 flag decoded ({some})" if count else ""


@contextmanager
def _guarded(path: Path, others: Sequence[Path]) -> Iterator[tuple[Path, tuple[Issue, ...]]]:
    """Give a file that its own header does not contradict; a shapefile with all its parts beside it."""
    try:
        check_head(path)
        if path.suffix.lower() == ".shp" and path.is_file():
            with whole_shapefile(path, others) as whole:
                yield whole.path, whole.issues
        else:
            yield path, ()
    except DeliveryError as error:
        error.args = (without_folders(str(error), path),)
        raise
    except UnboundLocalError:  # how pyogrio 0.13 fails where GDAL reads a CRS and cannot write it
        raise DeliveryError(
            f"{path.name}: got a coordinate system that GDAL cannot express, expected a whole .prj or CRS. "
            "Ask the sender for it, or send it without and state 'crs'."
        ) from None
    except OSError as error:
        raise DeliveryError(
            f"{path.name}: got a file that cannot be opened ({error.strerror or error}), expected one that can. Check it and its rights."
        ) from None


def _read_file(
    path: Path, table: str | None, encoding: str | None, words: Sequence[str], others: Sequence[Path]
) -> Reading:
    """Read one table of one file that is neither folder nor archive."""
    with _guarded(path, others) as (file, issues), library_notices(file) as notices:
        reading = READERS[path.suffix.lower()](file, table, encoding, words)
    return replace(reading, issues=(*issues, *notices, *reading.issues))


def _files_under(folder: Path) -> list[Path]:
    """Return the files of a folder and its folders, a .gdb counting as one; hidden ones are left out."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        here = Path(root)
        found += [here / name for name in sorted(folders) if Path(name).suffix.lower() in FOLDERS]
        folders[:] = sorted(n for n in folders if not n.startswith(".") and Path(n).suffix.lower() not in FOLDERS)
        found += [here / name for name in sorted(files) if not name.startswith((".", "~$"))]
        if len(found) > MOST_MEMBERS:
            raise DeliveryError(
                f"{folder.name}: got a folder of more than {MOST_MEMBERS} files, expected a delivery. Name the file inside it."
            )
    return found


def _tables_under(folder: Path) -> list[Table]:
    """Return the tables of all files under a folder by their paths."""
    found = []
    files = _files_under(folder)
    for file in files:
        place, suffix = file.relative_to(folder).as_posix(), file.suffix.lower()
        if suffix in OTHER_PACKERS:
            found.append(Table(place, suffix[1:], UNKNOWN, ""))
        if suffix not in _KINDS or file.name.endswith(DICTIONARY):
            continue
        try:
            inner = list_tables(file) if suffix in ARCHIVES else _listed(file, files)
        except DeliveryError:
            if suffix not in (".txt", ".json"):  # a readme or a setting is no broken table
                found.append(Table(place, suffix[1:], UNKNOWN, ""))
            continue
        is_holder = suffix in _OF_MANY or suffix in ARCHIVES
        found += [
            replace(t, name=f"{place}/{t.name}" if is_holder else place) for t in inner if t.rows or suffix != ".txt"
        ]
    return found


def _listed(file: Path, files: Sequence[Path]) -> list[Table]:
    with _guarded(file, files) as (whole, _), library_notices(whole):
        return LISTERS[file.suffix.lower()](whole)


def _read_under(name: str, folder: Path, table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read the table of a path inside a folder; without one, the only table there is."""
    if table is None or not _leads_to_file(folder, table):
        table = _chosen(name, _tables_under(folder), table)
    file, inner = _split(folder, table)
    place = file.relative_to(folder).as_posix()
    try:
        if _is_holder(file):
            reading = read_delivery(file, inner, encoding, words)
        else:
            _check_kind(file)
            reading = _read_file(
                file, inner if file.suffix.lower() in _OF_MANY else None, encoding, words, _files_under(folder)
            )
    except DeliveryError as error:
        above = f"{name}/{place}".removesuffix(file.name)
        error.args = (f"{above}{error}",)
        raise
    return replace(reading, table=table)


def _chosen(name: str, found: Sequence[Table], table: str | None) -> str:
    """Return the path of the table asked for: whole, by its end, by its file's name, or the only one."""
    names = [t.name for t in found]
    shown = [t.name for t in found if not t.is_hidden]
    if table is not None:
        fitting = [n for n in names if n.endswith(f"/{table}") or Path(n).stem == table]
        fitting = fitting or [n for n in shown if f"/{n}".rpartition(f"/{table}/")[1]]
        table = fitting[0] if len(fitting) == 1 else table
    return choose_table(name, names, shown, table)


def _leads_to_file(folder: Path, table: str) -> bool:
    """Say whether a path stays inside a folder and names a file, or a table of one, there."""
    parts = table.split("/")
    if not all(parts) or ".." in parts or "." in parts or "\\" in table or "\0" in table or Path(table).is_absolute():
        return False
    file, inner = _split(folder, table)
    return (
        (file.is_file() or file.suffix.lower() in FOLDERS)
        and file.exists()
        and (inner is not None or file.suffix.lower() not in _OF_MANY)
    )


def _split(folder: Path, table: str) -> tuple[Path, str | None]:
    """Return the file that a path inside a folder leads to, and the name of the table in that file."""
    parts = table.split("/")
    for at in range(1, len(parts) + 1):
        file = folder.joinpath(*parts[:at])
        if file.is_file() or (file.suffix.lower() in FOLDERS and file.is_dir()):
            return file, "/".join(parts[at:]) or None
    return folder.joinpath(*parts), None

"""Find and read the content: the layers, cases and maps that staff edit, in a checkout or inside the wheel."""

from __future__ import annotations

import csv
import hashlib
import pickle
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from geosys._errors import SpecError

# Source: ESRI Shapefile Technical Description (1998) for .shp .shx .dbf; the others are what GIS programs write beside them.
SHAPEFILE_ENDS = (".shx", ".dbf", ".prj", ".cpg", ".cst", ".qpj", ".sbn", ".sbx", ".qix", ".shp.xml", "_字段对照.csv")
ROOMS = ("layers", "cases", "maps")


def content_root() -> Path:
    """Return the folder that holds ``layers/``, ``cases/`` and ``maps/``.

    In a checkout that is the project's root; in an installed wheel the content lies inside the package.

    Raises
    ------
    SpecError
        When neither place holds the three rooms.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_content", package.parent):
        if all((root / room).is_dir() for room in ROOMS):
            return root
    raise SpecError(
        f"content: got no folder with {', '.join(ROOMS)} beside the package, expected all three. "
        "Install GeoSys again: its content is missing."
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file.

    Raises
    ------
    SpecError
        When the file is absent or not TOML; the message names file, line and what was wrong.
    """
    name = short_name(path)
    try:
        return parse_toml(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        raise SpecError(f"{name}: got no file, expected a TOML file. Create it or mend the name.") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{name}: got bytes that are not UTF-8 ({error.reason}), expected UTF-8. Save the file as UTF-8."
        ) from None


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Read a text as TOML; `name` is what messages call it."""
    try:
        return dict(pickle.loads(_parsed(text)))  # noqa: S301  bytes of our own
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{name}: got text that is not TOML ({error}), expected TOML. Mend that line.") from None


@lru_cache(maxsize=512)
def _parsed(text: str) -> bytes:
    """Return a TOML text as read, packed: unpacking gives each caller tables of its own in a tenth of the time of reading."""
    return pickle.dumps(tomllib.loads(text))


def read_csv(path: Path, required: tuple[str, ...]) -> list[dict[str, str]]:
    """Read one UTF-8 CSV table as rows of text; empty cells are empty texts.

    Raises
    ------
    SpecError
        When the file is absent, not UTF-8, lacks a required column or has a row of another length.
    """
    name = short_name(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(row)]
    except FileNotFoundError:
        raise SpecError(f"{name}: got no file, expected a CSV table. Create it or mend the name.") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{name}: got bytes that are not UTF-8 ({error.reason}), expected UTF-8. Save it as 'CSV UTF-8'."
        ) from None
    header = rows[0] if rows else []
    missing = [column for column in required if column not in header]
    if missing:
        raise SpecError(f"{name}: got columns {header}, expected also {missing}. Add them to the first line.")
    ragged = [str(i) for i, row in enumerate(rows[1:], 2) if len(row) != len(header)]
    if ragged:
        raise SpecError(
            f"{name}: got another number of cells in line {', '.join(ragged)}, expected {len(header)}. Quote cells with commas."
        )
    return [dict(zip(header, row, strict=True)) for row in rows[1:]]


def short_name(path: Path) -> str:
    """Return how messages name a content file: room and file, as in ``layers/outfall.toml``."""
    parts = path.parts
    for room in ROOMS:
        if room in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(room) - 1 :])
    return path.name


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder (a geodatabase) or shapefile that of all its files in order of name."""
    digest = hashlib.sha256()
    files = files_of(path)
    for part in files:
        if len(files) > 1:
            digest.update(part.relative_to(path.parent).as_posix().encode())
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return the files that make up a delivery: a folder's, or a shapefile's with all its parts, whatever their case."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    if path.suffix.lower() != ".shp":
        return [path]
    names = {f"{path.stem}{end}".casefold() for end in SHAPEFILE_ENDS}
    return sorted(p for p in path.parent.iterdir() if p == path or (p.name.casefold() in names and p.is_file()))

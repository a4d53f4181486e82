"""The list of a package's files with their SHA-256, as ``sha256sum -c`` reads it; sorted, and nothing that leads out of the folder."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
PUBLIC_KEY = "public_key.pem"
_OUTSIDE = frozenset({SUMS, SIGNATURE})  # the list cannot hold its own hash, nor that of what is made from it
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_ODD = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_MOST_BYTES = 64 * 1024**2  # of a list that is read: more is no package of ours


class Found(NamedTuple):
    """Hold what lies in a package's folder: its plain files, and what is none (links, pipes, devices, odd names)."""

    files: dict[str, Path]
    odd: list[str]


def find_files(folder: Path) -> Found:
    """Return the files of a package by their path below it, in order; links are never followed."""
    files: dict[str, Path] = {}
    odd: list[str] = []
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            name, mode = path.relative_to(folder).as_posix(), path.lstat().st_mode
            if _ODD.search(name):
                odd.append(name.encode("unicode_escape").decode())
            elif stat.S_ISDIR(mode):
                waiting.append(path)
            elif stat.S_ISREG(mode):
                files[name] = path
            else:
                odd.append(name)
    return Found(dict(sorted(files.items())), sorted(odd))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; a link is not followed."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(number, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path) -> bytes:
    """Write ``SHA256SUMS`` over every file of a package and return its bytes.

    Raises
    ------
    WorkspaceError
        When the folder holds a link, a device, or a name that the list cannot hold.
    """
    found = find_files(folder)
    if found.odd:
        raise WorkspaceError(
            f"{folder.name}: got {', '.join(found.odd[:5])}, expected plain files with plain names. "
            "Links, pipes and names with control signs or a backslash cannot leave."
        )
    lines = [f"{sha256_of(path)}  {name}\n" for name, path in found.files.items() if name not in _OUTSIDE]
    told = "".join(lines).encode()
    (folder / SUMS).write_bytes(told)
    return told


def read_sums(told: bytes) -> dict[str, str]:
    r"""Return the hash of each file that a list names.

    Raises
    ------
    WorkspaceError
        When it is too large, not UTF-8, has a line of another form, names a file twice, or one that is outside the package.

    Examples
    --------
    >>> read_sums(b"0" * 64 + b"  data/a.gpkg\n") == {"data/a.gpkg": "0" * 64}
    True
    >>> read_sums(b"0" * 64 + b"  ../a\n")
    Traceback (most recent call last):
    geosys._errors.WorkspaceError: SHA256SUMS line 1: got '../a', expected a path below the package, named once. ...
    """
    do = "Ask the sender for a complete copy."
    if len(told) > _MOST_BYTES:
        raise WorkspaceError(f"{SUMS}: got {len(told)} bytes, expected at most {_MOST_BYTES}. {do}")
    try:
        lines = told.decode().split("\n")
    except ValueError as error:
        raise WorkspaceError(f"{SUMS}: got a file that cannot be read ({error}), expected UTF-8 text. {do}") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise WorkspaceError(f"{SUMS} line {number}: got {line[:80]!r}, expected a hash, two blanks, a path. {do}")
        digest, name = match.groups()
        if name in sums or name in _OUTSIDE or not _is_below(name):
            raise WorkspaceError(
                f"{SUMS} line {number}: got {name[:80]!r}, expected a path below the package, named once. {do}"
            )
        sums[name] = digest
    return sums


def _is_below(name: str) -> bool:
    """Say whether a path leads to a place below the folder, on every system: no root, drive, parent, empty or odd part."""
    parts = name.split("/")
    return (
        not (_ODD.search(name) or ":" in parts[0] or {"", ".", ".."} & set(parts))
        and not PurePosixPath(name).is_absolute()
    )

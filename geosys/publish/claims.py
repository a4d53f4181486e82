"""Claim the name of a package: numbers are given once, and what a killed process left half done is cleared away."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from geosys._errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART, REFUSED, CLAIMS = ".part", "refused", ".claims"


@contextmanager
def claimed(packages: Path, stem: str) -> Iterator[str]:
    """Yield a name ``<stem>_<n>`` that no other process has or gets; nothing half done is left behind.

    The name is held by the lock of a file below ``.claims``, which the system releases when a process dies, however it
    dies. Of other names whose process is gone the half-built folders are deleted first.

    Parameters
    ----------
    packages : the folder of all packages; made where it is absent.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written to.
    """
    try:
        (packages / CLAIMS).mkdir(parents=True, exist_ok=True)
        (packages / REFUSED).mkdir(exist_ok=True)
        clear(packages)
        name, lock = _claim(packages, stem)
    except OSError as error:
        raise WorkspaceError(f"{packages}: got {error.strerror}, expected a folder to write to.") from None
    try:
        yield name
    finally:
        for folder in (packages, packages / REFUSED):
            shutil.rmtree(folder / f"{name}{PART}", ignore_errors=True)
        _release(packages / CLAIMS / name, lock)


def clear(packages: Path) -> None:
    """Delete the half-built folders of processes that are gone."""
    for part in sorted([*packages.glob(f"*{PART}"), *(packages / REFUSED).glob(f"*{PART}")]):
        path = packages / CLAIMS / part.name.removesuffix(PART)
        lock = _lock(path)
        if lock is not None:
            shutil.rmtree(part, ignore_errors=True)
            _release(path, lock)


def _claim(packages: Path, stem: str) -> tuple[str, BinaryIO]:
    number = 0
    while True:
        number += 1
        name = f"{stem}_{number}"
        if _is_taken(packages, name):
            continue
        lock = _lock(packages / CLAIMS / name)
        if lock is None:
            continue
        if not _is_taken(packages, name):  # it may have been finished between the two looks
            (packages / f"{name}{PART}").mkdir()
            return name, lock
        _release(packages / CLAIMS / name, lock)


def _is_taken(packages: Path, name: str) -> bool:
    folders = (packages, packages / REFUSED)
    return any((folder / f"{name}{end}").exists() for folder in folders for end in ("", PART))


def _lock(path: Path) -> BinaryIO | None:
    """Return the file locked, or None where another process holds it."""
    file = path.open("ab")
    try:
        _try_lock(file)
        # another process may have deleted the file between opening and locking it: its lock would guard nothing
        is_same = path.exists() and (sys.platform == "win32" or os.fstat(file.fileno()).st_ino == path.stat().st_ino)
    except OSError:
        is_same = False
    if is_same:
        return file
    file.close()
    return None


def _try_lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  each system has its own

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _release(path: Path, lock: BinaryIO) -> None:
    if sys.platform != "win32":  # while it is locked: who opened it meanwhile sees that it is gone
        path.unlink(missing_ok=True)
    lock.close()

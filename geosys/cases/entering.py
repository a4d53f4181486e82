"""Add one value to the table of entered values: checked with all the others, whole or not at all, one writer at a time."""

from __future__ import annotations

import csv
import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from geosys.cases.entries import COLUMNS, MORE_COLUMNS, check_entries
from geosys.content import hash_file, read_csv

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys.cases.entries import Entry
    from geosys.cases.targets import Target

MARK = "\ufeff"  # by which Excel knows that a table is UTF-8
UNCHANGED, CHANGED, ABSENT, NO_FILE = "unchanged", "changed", "absent", ""


def enter(path: Path, row: Mapping[str, str], targets: Sequence[Target], today: dt.date) -> Entry:
    """Append a value to the table and return it as it is read back; what stands there keeps its place and its columns.

    Parameters
    ----------
    path
        The table, made where it is absent.
    row
        Cells by column of `COLUMNS` and `MORE_COLUMNS`.

    Raises
    ------
    WorkspaceError
        When the value, or any that stands there, is at fault; nothing is written then.
    """
    with _alone(path):
        rows = read_csv(path, COLUMNS) if path.exists() else []
        clean = {name: " ".join(str(text).split()) for name, text in row.items()}
        entry = check_entries([*rows, clean], targets, today, path.name)[-1]
        header = list(dict.fromkeys([*(rows[0] if rows else _header(path)), *COLUMNS, *MORE_COLUMNS]))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, clean])
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                file.write(MARK + text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return entry


def _header(path: Path) -> list[str]:
    """Return the columns of a table without rows."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until nobody else is writing the table; the system frees the lock of a writer that died."""
    with path.with_name(f".{path.name}.lock").open("a+b") as lock:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  each system has its own

            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def evidence_state(entry: Entry, folder: Path) -> str:
    """Say whether the file a value rests on is still the one that was named: unchanged, changed, absent, or nothing where none was."""
    if not entry.sha256:
        return NO_FILE
    file = folder / entry.file
    if not file.is_file():
        return ABSENT
    return UNCHANGED if hash_file(file) == entry.sha256 else CHANGED

"""Keep made tiles on disk, up to a bound; what was not asked for longest goes first."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 512 * 2**20
_KEPT_SHARE = 0.8  # of the bound, after a clearing


class DiskCache:
    """Hold byte strings by names of plain letters; any of them may be gone at any time."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        self._size: int | None = None

    def get(self, *name: str) -> bytes | None:
        """Return what is kept under a name, or None."""
        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return content

    def put(self, content: bytes, *name: str) -> None:
        """Keep something under a name, whole or not at all; a disk that is full or read-only keeps nothing."""
        path = self._path(name)
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            return
        with self._lock:
            self._size = self._measured() if self._size is None else self._size + len(content)
            if self._size > self._most:
                self._clear()

    def _path(self, name: tuple[str, ...]) -> Path:
        if not all(part and part.replace("-", "").replace("_", "").isalnum() for part in name):
            raise ValueError(f"name: got {name}, expected plain letters and digits.")
        return self._folder.joinpath(*name)

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file():
                    told = path.stat()
                    found.append((told.st_mtime, told.st_size, path))
        return found

    def _measured(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _clear(self) -> None:
        """Delete the oldest until the rest is well below the bound."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._most * _KEPT_SHARE:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
        self._size = total

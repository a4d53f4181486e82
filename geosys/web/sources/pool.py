"""SQLite connections that threads borrow: each is used by one thread at a time and closed with the service."""

from __future__ import annotations

import queue
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from geosys.web.sources.blobs import register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 30.0  # how long a writer waits for another one


class Pool:
    """Lend connections to one file; a connection that comes back waits for the next borrower."""

    def __init__(self, path: Path, *, is_immutable: bool) -> None:
        self._path = path
        self._is_immutable = is_immutable
        self._free: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; one that failed in a transaction comes back rolled back."""
        try:
            connection = self._free.get_nowait()
        except queue.Empty:
            connection = self._opened()
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.rollback()
            self._free.put(connection)

    def close(self) -> None:
        """Close all connections that nobody has."""
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return

    def _opened(self) -> sqlite3.Connection:
        address = self._path.absolute().as_uri() + ("?mode=ro&immutable=1" if self._is_immutable else "?mode=rwc")
        connection = sqlite3.connect(
            address, uri=True, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA trusted_schema=OFF")
        if self._is_immutable:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        register(connection)
        return connection

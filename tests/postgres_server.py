"""A PostgreSQL server of the tests' own: in a temporary folder, on loopback, stopped afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server that has PostGIS beside it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    share = Path("/usr/share/postgresql")
    good = [f.parent for f in found if (share / f.parent.parent.name / "extension" / "postgis.control").exists()]
    return good[-1] if good else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve() -> Iterator[str]:
    """Start a server in a folder of its own and return its URL; skip the test where none is installed.

    Not below pytest's folder: each new session shuts that to others, also to the server's own user.
    """
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL with PostGIS is not installed: './geo test' installs it where it may")
    root = Path(tempfile.mkdtemp(prefix="geosys-pg-"))
    user: list[str] = []
    if os.geteuid() == 0:
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(root, "postgres", "postgres")
    data = root / "data"
    make = [*user, str(folder / "initdb"), "-D", str(data), "-A", "trust", "-U", "geosys", "-E", "UTF8", "--no-sync"]
    server = [*user, str(folder / "pg_ctl"), "-D", str(data), "-w", "-t", "120", "-l", str(root / "log")]
    told = subprocess.run(make, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    for _ in range(3):  # another program may take the free port before the server does
        port = free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={root} -c fsync=off"
        told = subprocess.run([*server, "-o", options, "start"], check=False, capture_output=True, text=True)
        if told.returncode == 0:
            break
    assert told.returncode == 0, told.stderr + (root / "log").read_text(encoding="utf-8")
    try:
        yield f"postgresql://geosys@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*server, "-m", "immediate", "stop"], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)

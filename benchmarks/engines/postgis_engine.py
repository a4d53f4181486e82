"""PostGIS in a server of its own that lives as long as this script; loading and indexing are not counted."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pyarrow.parquet as pq
from work import Work, orders

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "parallel_setup_cost": "10",
}
PATIENCE_S = 60


def programs() -> Path:
    """Return the folder of the newest server's programs."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = places[-1] if places else shutil.which("initdb")
    if not found:
        sys.exit("no PostgreSQL server on this machine (Debian: postgresql-NN-postgis-3)")
    return Path(found).parent


@contextlib.contextmanager
def server(threads: int) -> Iterator[str]:
    """Run a server in a temporary folder and yield how to connect to it; as user postgres when we are root."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = tempfile.mkdtemp(prefix="geosys-bench-")
    if user:
        shutil.chown(folder, "postgres", "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    try:
        init = [programs() / "initdb", "-D", f"{folder}/data", "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*init, "--locale=C"], check=True, **quiet)
        workers = {"max_parallel_workers": threads, "max_parallel_workers_per_gather": threads}
        options = [word for name, value in {**SETTINGS, **workers}.items() for word in ("-c", f"{name}={value}")]
        command = [programs() / "postgres", "-D", f"{folder}/data", "-k", folder, *options]
        with subprocess.Popen(command, **quiet) as process:
            try:
                yield f"host={folder} user=bench dbname=postgres"
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def connect(place: str) -> psycopg.Connection:
    began = time.monotonic()
    while True:
        try:
            return psycopg.connect(place, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() - began > PATIENCE_S:
                raise
            time.sleep(0.1)


def load(connection: psycopg.Connection, work: Work, layer: str, id_column: str) -> None:
    """Fill and index one table; geometry is kept uncompressed, as PostGIS advises for large ones."""
    connection.execute(f"CREATE UNLOGGED TABLE {layer} (id int, geometry geometry)")
    connection.execute(f"ALTER TABLE {layer} ALTER COLUMN geometry SET STORAGE EXTERNAL")
    with connection.cursor().copy(f"COPY {layer} FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "bytea"])
        for batch in pq.ParquetFile(work.file(layer)).iter_batches(20_000, columns=[id_column, "geometry"]):
            for row in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                copy.write_row(row)
    connection.execute(f"CREATE INDEX ON {layer} USING gist (geometry)")
    connection.execute(f"ANALYZE {layer}")


def main() -> None:
    work = orders()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the server and its folder go too
    with contextlib.ExitStack() as stack:
        with work.not_counted():
            connection = stack.enter_context(connect(stack.enter_context(server(work.threads))))
            connection.execute("CREATE EXTENSION postgis")
            load(connection, work, "coverage", "BSM")
            for layer in work.layers:
                load(connection, work, layer, "id")
        for layer in work.layers:
            with work.timed(layer):
                connection.execute(
                    f"CREATE UNLOGGED TABLE pairs AS SELECT r.id AS risk_id, c.id AS coverage_id,"
                    f" ST_Area(ST_Intersection(r.geometry, c.geometry)) AS area_m2"
                    f" FROM {layer} r JOIN coverage c ON ST_Intersects(c.geometry, r.geometry)"
                )
                rows = connection.execute("SELECT * FROM pairs WHERE area_m2 > 0").fetchall()
                work.keep(layer, *(list(column) for column in zip(*rows, strict=True)))
                connection.execute("DROP TABLE pairs")
        version = connection.execute("SELECT postgis_lib_version()").fetchone()[0]
        with work.not_counted():
            stack.close()
    work.report(version)


if __name__ == "__main__":
    main()

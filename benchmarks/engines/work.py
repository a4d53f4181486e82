"""What every engine's script shares: its orders, a clock for wall and processor time, and how it reports."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def spent() -> float:
    """Return processor seconds, user and system, of this process and all it started, ended or not."""
    total = 0.0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


@dataclass
class Work:
    """Hold the orders of one run and what was measured so far.

    `setup` is what a user does not wait for (starting and filling a database server): reported, but not counted.
    """

    data: Path
    layers: list[str]
    threads: int
    pairs: Path
    steps: dict[str, dict[str, float]] = field(default_factory=dict)
    setup: dict[str, float] = field(default_factory=lambda: {"wall": 0.0, "cpu": 0.0})

    def file(self, layer: str) -> str:
        return str(self.data / f"{layer}.parquet")

    @contextlib.contextmanager
    def timed(self, layer: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), spent()
        yield
        self.steps[layer] = {"wall": time.perf_counter() - wall, "cpu": spent() - cpu}

    @contextlib.contextmanager
    def not_counted(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), spent()
        yield
        self.setup["wall"] += time.perf_counter() - wall
        self.setup["cpu"] += spent() - cpu

    def keep(self, layer: str, risk_id: Sequence[int], coverage_id: Sequence[int], area: Sequence[float]) -> None:
        columns = {"risk_id": risk_id, "coverage_id": coverage_id, "area_m2": area}
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        self.pairs.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, self.pairs / f"{layer}.parquet", compression="zstd")

    def report(self, version: str) -> None:
        """Print the one line that overlay.py reads."""
        print(json.dumps({"version": version, "layers": self.steps, "setup": self.setup}), flush=True)


def orders() -> Work:
    """Return what overlay.py asks for: one JSON object as the only argument."""
    given = json.loads(sys.argv[1])
    return Work(Path(given["data"]), given["layers"], given["threads"], Path(given["pairs"]))

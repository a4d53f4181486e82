"""Lay risk layers over a large coverage on a Dask cluster: the one partition function, a few row groups a task.

The workers run `geosys.geo.overlay.find_pairs` as one machine does, and the parts are put together in the order of the
row groups: the table is the same to the bit. The one door to distributed, which is loaded only where a cluster is named.
"""

from __future__ import annotations

import hashlib
import platform
import queue
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geosys
from geosys._errors import GeoSysError
from geosys.geo.crs import check_metric
from geosys.geo.overlay import find_pairs, gather, pair_table
from geosys.geo.stored import crs_of, groups_meeting, open_layer, read_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from geosys.geo.overlay import Found, Risks

ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d{1,5}")
TLS_SETTINGS = tuple(f"DASK_DISTRIBUTED__COMM__TLS__{name}" for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY"))
GROUPS_PER_TASK = 4
TASKS_PER_THREAD = 3  # at least, where there are row groups enough: the last task to end holds up the least
WAIT_S = 30.0  # for a scheduler to answer and for a worker to be there
LOOK_S = 1.0
RETRIES = 2  # of a task that failed: a shared folder may be gone for a moment
BROADCASTS = 5  # of the risk layers, where every worker that held them died
MORE_MEMORY = "Most often a worker lacks memory: give it fewer threads or a higher --memory-limit, and read its log."
ENGINE_PACKAGES = ("numba", "llvmlite", "numpy", "pyarrow", "distributed")


@dataclass(frozen=True, slots=True)
class Job:
    """Hold what every task is told, and what must be the same on its machine: the coverage's mark and the versions."""

    coverage: Path
    coverage_id: str
    true_area: str | None
    mark: str
    versions: tuple[tuple[str, str], ...]


def overlay_on_cluster(
    coverage: Path,
    risks: Mapping[str, Path],
    *,
    coverage_id: str,
    risk_id: str,
    true_area: str | None = None,
    address: str,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return what `geosys.geo.overlay.overlay_areas` returns, to the bit, computed by the workers of a Dask cluster.

    Parameters
    ----------
    coverage
        As there; every worker must reach the same file under the same path. It is never sent.
    risks
        As there; read here once and sent to every worker, which needs no path to them.
    coverage_id, risk_id, true_area
        As there.
    address
        The scheduler's address, as ``tcp://host:8786`` or ``tls://host:8786``.
    progress
        Called with the row groups done and the row groups to do: at the beginning, then as tasks are done.

    Returns
    -------
    As `geosys.geo.overlay.overlay_areas`; it depends neither on the number of workers nor on which of them die.

    Raises
    ------
    GeoSysError
        When distributed is not installed, no scheduler answers, no worker is there for 30 s, a worker has another
        program or another coverage under the path (it is named), or a task takes worker after worker down.
    DeliveryError, CrsError
        As `geosys.geo.stored.read_layer`; nothing is returned then.
    """
    coverage = coverage.absolute()
    file = open_layer(coverage, coverage_id, None)
    crs = crs_of(file, coverage)
    check_metric(crs, f"overlay, {coverage.name}")
    job = Job(coverage, coverage_id, true_area, mark_of(coverage), versions_here())
    with _client(address) as client:
        threads = _ready_threads(client, job)
        group = gather({name: read_layer(path, risk_id, crs) for name, path in risks.items()})
        tasks = partitions(groups_meeting(file, group.shapes.box), threads)
        found = _compute(client, job, group, tasks, progress)
    return pair_table([part for parts in found for part in parts], group, with_true_area=true_area is not None)


def partitions(groups: Sequence[int], threads: int) -> list[Sequence[int]]:
    """Return the row groups in runs of a few neighbours, one run a task; shorter runs where there are many threads.

    Examples
    --------
    >>> partitions([0, 1, 2, 5, 6], threads=1)
    [[0], [1], [2], [5], [6]]
    >>> [len(task) for task in partitions(range(50), threads=4)]
    [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2]
    """
    size = min(max(len(groups) // (TASKS_PER_THREAD * threads), 1), GROUPS_PER_TASK)
    return [groups[i : i + size] for i in range(0, len(groups), size)]


# --- what must be the same everywhere ---


@cache
def versions_here() -> tuple[tuple[str, str], ...]:
    """Return the versions that decide the last bit: GeoSys, a hash of its engine's source, and what compiles it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py"), key=lambda p: p.as_posix()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return (
        ("geosys", geosys.__version__), ("engine", digest.hexdigest()[:12]),
        ("python", ".".join(platform.python_version_tuple()[:2])),
        *((package, version(package)) for package in ENGINE_PACKAGES),
    )  # fmt: skip


def mark_of(path: Path) -> str:
    """Return a mark of a Parquet file's content: a hash of its size and of its end, where its counts and places stand."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        footer = int.from_bytes(file.read(8)[:4], "little")
        file.seek(max(size - 8 - footer, 0))
        return hashlib.sha256(f"{size} ".encode() + file.read()).hexdigest()


def refusal(job: Job) -> str:
    """Return why this machine cannot take part in a job, or an empty text."""
    here = dict(versions_here())
    other = [f"{name} {here.get(name)} (expected {value})" for name, value in job.versions if here.get(name) != value]
    if other:
        return f"got {', '.join(other)}. Start it from the same environment as the command."
    try:
        mark = mark_of(job.coverage)
    except OSError as error:
        return (
            f"got no {job.coverage} ({error.strerror}), expected to reach it under this path. Share the folder with it."
        )
    if mark != job.mark:
        return (
            f"got another file under {job.coverage}, expected the one the command reads. Share one folder, not copies."
        )
    return ""


def pairs_of_groups(job: Job, groups: Sequence[int], risks: Risks) -> list[Found]:
    """Return the pairs of some row groups of the coverage; this runs on a worker, which may have joined just now.

    Raises
    ------
    GeoSysError
        When the worker has another program or another coverage.
    """
    why = refusal(job)
    if why:
        raise GeoSysError(f"worker {_distributed().get_worker().address}: {why}")
    file = open_layer(job.coverage, job.coverage_id, None)
    return [found for found, _ in find_pairs(file, groups, risks, job.coverage_id, job.true_area, threads=1)]


# --- the cluster ---


def _distributed() -> Any:
    """Return the package distributed; it is installed only where a cluster is wanted."""
    try:
        import distributed  # noqa: PLC0415
    except ImportError:
        raise GeoSysError(
            "--cluster: got an environment without distributed, expected it on this machine and on every worker. "
            "Install GeoSys with its extra: pip install 'geosys[cluster]'."
        ) from None
    return distributed


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Yield a client of the scheduler at an address; its tasks are dropped when it is left."""
    distributed = _distributed()
    if not ADDRESS.fullmatch(address):
        raise GeoSysError(
            f"cluster: got the address {address!r}, expected one as 'tcp://host:8786' or 'tls://host:8786'."
        )
    if address.startswith("tls:") and distributed.Security().get_connection_args("client")["ssl_context"] is None:
        raise GeoSysError(
            "cluster: got no certificate for a tls address, expected those of the cluster. Set the environment variables "
            + ", ".join(TLS_SETTINGS)
            + "."
        )
    try:
        client = distributed.Client(address, timeout=WAIT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise GeoSysError(
            f"cluster: got no answer from a scheduler at {address!r} ({error}), expected one as 'tcp://host:8786'. "
            "Start 'dask scheduler' there, or mend the address."
        ) from None
    try:
        yield client
    finally:
        client.close()


def _ready_threads(client: Any, job: Job) -> int:
    """Return the threads of all workers, once one is there and all of them can take part."""
    _wait_for_worker(client)
    answers = client.run(refusal, job, on_error="return")
    there = _threads(client)
    faults = [f"worker {name}: {_said(answers[name])}" for name in sorted(answers) if name in there and answers[name]]
    if faults:
        raise GeoSysError("cluster: " + "\n".join(faults))
    return max(sum(there.values()), 1)


def _said(answer: str | BaseException) -> str:
    """Return the answer of a worker in words; an exception is that of a worker without our program."""
    if isinstance(answer, BaseException):
        return f"got {type(answer).__name__} ({answer}). Start it from the same environment as the command."
    return answer


def _no_worker(client: Any) -> GeoSysError:
    return GeoSysError(
        f"cluster: got no worker at {client.scheduler.address} for {WAIT_S:.0f} s, expected at least one. "
        f"Start 'dask worker {client.scheduler.address}' on the machines that are to compute."
    )


def _compute(
    client: Any,
    job: Job,
    risks: Risks,
    tasks: Sequence[Sequence[int]],
    progress: Callable[[int, int], None] | None,
) -> list[list[Found]]:
    """Return the pairs of every task in their order; what was lost with the risk layers is sent out again."""
    found: dict[int, list[Found]] = {}
    total = sum(len(task) for task in tasks)
    if progress is not None:
        progress(0, total)
    for _ in range(BROADCASTS):
        left = [k for k in range(len(tasks)) if k not in found]
        if not left:
            return [found[k] for k in range(len(tasks))]
        for k, parts in _round(client, job, risks, {k: tasks[k] for k in left}):
            found[k] = parts
            if progress is not None:
                progress(sum(len(tasks[k]) for k in found), total)
    raise GeoSysError(
        f"cluster: got all workers lost {BROADCASTS} times, expected them to live through the job. {MORE_MEMORY}"
    )


def _round(
    client: Any, job: Job, risks: Risks, tasks: Mapping[int, Sequence[int]]
) -> Iterator[tuple[int, list[Found]]]:
    """Yield the pairs of each task as it is done; a task whose risk layers died with the workers is left out."""
    distributed = _distributed()
    _wait_for_worker(client)
    try:
        shared = client.scatter(risks, broadcast=True, hash=False, timeout=WAIT_S)
    except OSError:  # the last worker died meanwhile: the next round waits for another
        return
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    waiting = {}
    for k, task in tasks.items():
        # no result of an earlier job is taken for it: a file of the same name may hold something else today
        future = client.submit(pairs_of_groups, job, task, shared, pure=False, retries=RETRIES)
        waiting[future] = k
        future.add_done_callback(arrived.put)
    for future in _arrivals(client, arrived, waiting):
        try:
            parts = future.result(timeout=WAIT_S)
        except distributed.CancelledError:
            del waiting[future]
        except TimeoutError:
            arrived.put(future)  # the result died with its worker and is being computed again
        except distributed.KilledWorker as error:
            raise GeoSysError(
                f"cluster: got {error.allowed_failures + 1} workers killed by row groups {list(tasks[waiting[future]])}, "
                f"expected one to live through them. {MORE_MEMORY}"
            ) from None
        else:
            yield waiting.pop(future), parts


def _arrivals(client: Any, arrived: queue.SimpleQueue[Any], waiting: Mapping[Any, int]) -> Iterator[Any]:
    """Yield futures as they are done, failed or cancelled, until none is waited for; raise where nobody computes them."""
    seen = time.monotonic()
    while waiting:
        try:
            yield arrived.get(timeout=LOOK_S)
        except queue.Empty:
            if _threads(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > WAIT_S:
                raise _no_worker(client) from None


def _threads(client: Any) -> dict[str, int]:
    """Return the threads of each worker by its address."""
    try:
        if client.status == "running":
            return dict(client.nthreads())
    except OSError:
        pass
    raise GeoSysError(
        "cluster: the scheduler was lost in the middle of the job. Start it again, then run the command again."
    )


def _wait_for_worker(client: Any) -> None:
    _threads(client)
    try:
        client.wait_for_workers(1, timeout=WAIT_S)
    except TimeoutError:
        raise _no_worker(client) from None

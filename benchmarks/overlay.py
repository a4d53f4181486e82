"""Compare our overlay with other engines on the same files: `./geo bench overlay --size county --against duckdb`.

Every engine runs as a process of its own, in turn, ours before each other one. Processor time is user + system of the
process and all it started, as the kernel counts it (wait4); it is the steadier figure where a machine is shared.
What an engine would take for the zones alone, or for the rest, is its whole run less the time of the other layers;
ours is run three times instead (all, zones, without zones), each with its start-up and its reading of the coverage.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sizes import LAYERS, SIZES, is_complete

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".geo" / "bench"
OURS = "geosys"
OTHERS = ("geopandas", "duckdb", "postgis", "sedonadb", "dask")
HUGE = "zones"
PARTS = ("all", "without zones", "zones only")
SLIVER_M2 = 1.1e-6  # ours leaves pairs below 1e-6 m² out; the others' rounding is below 1e-7
GIB = 1024**3


@dataclass
class Run:
    """Hold what one process of one engine took: seconds, GiB, and for each layer seconds; or why it gave nothing."""

    wall: float
    cpu: float
    peak: float
    layers: dict[str, dict[str, float]] = field(default_factory=dict)
    setup: dict[str, float] = field(default_factory=dict)
    version: str = ""
    problem: str = ""
    is_bound: bool = False

    def part(self, part: str, kind: str) -> float:
        """Return the wall or processor seconds of one part of the work."""
        left_out = {"all": (), "without zones": (HUGE,), "zones only": set(self.layers) - {HUGE}}[part]
        whole = self.wall if kind == "wall" else self.cpu
        return whole - sum(self.layers[layer][kind] for layer in left_out if layer in self.layers)


def main() -> int:
    """Run the comparison; 0 when every engine came through, 1 otherwise."""
    given = arguments()
    data = given.data or CACHE / given.size
    if not is_complete(data):
        subprocess.run([sys.executable, HERE / "generate.py", given.size, data], check=True)
    with tempfile.TemporaryDirectory(prefix="geosys-bench-") as folder:
        runs = run_all(given, data, Path(folder))
        agreement = {name: compare(Path(folder), name, given.layers) for name in given.against if is_whole(runs, name)}
        sums = totals(Path(folder), given.layers) if is_whole(runs, OURS) else {}
    show(given, runs, agreement, sums)
    print(json.dumps(summary(given, runs, agreement, sums), ensure_ascii=False))
    return 0 if all(is_whole(runs, name) for name in (OURS, *given.against)) else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="geo bench overlay", description="Compare our overlay with other engines.")
    parser.add_argument("--size", choices=SIZES, default="county")
    parser.add_argument("--against", type=names_of(OTHERS), default=list(OTHERS), help=f"any of {','.join(OTHERS)}")
    parser.add_argument("--layers", type=names_of(LAYERS), default=list(LAYERS), help=f"any of {','.join(LAYERS)}")
    parser.add_argument("--data", type=Path, help="folder of the files (default: made once in .geo/bench)")
    parser.add_argument("--runs", type=int, default=1, help="runs of every engine, in turn; medians are shown")
    parser.add_argument("--threads", type=int, default=2, help="threads, workers or processes each engine may use")
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which an engine is stopped")
    return parser.parse_args()


def names_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a reader of a list of known names."""

    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"got {', '.join(sorted(unknown))}, expected any of {', '.join(known)}")
        return names

    return read


# --- running ---


def run_all(given: argparse.Namespace, data: Path, folder: Path) -> dict[str, dict[str, list[Run]]]:
    """Run every engine `runs` times, ours before each other one; return the runs by engine and part."""
    runs: dict[str, dict[str, list[Run]]] = {name: {} for name in (OURS, *given.against)}
    selections = {"all": given.layers}
    if HUGE in given.layers and len(given.layers) > 1:
        selections["without zones"] = [layer for layer in given.layers if layer != HUGE]
        selections["zones only"] = [HUGE]
    tell("compiling ours, not counted")
    run_engine(OURS, given, data, given.layers[:1], folder / "warm")
    for turn in range(given.runs):
        for name in given.against:
            for part, layers in selections.items():
                record(runs, OURS, part, run_engine(OURS, given, data, layers, folder / OURS / part))
            if turn == 0 or is_whole(runs, name):
                record(runs, name, "all", run_engine(name, given, data, given.layers, folder / name / "all"))
    return runs


def record(runs: dict[str, dict[str, list[Run]]], name: str, part: str, run: Run) -> None:
    """Keep one run and say how it went."""
    runs[name].setdefault(part, []).append(run)
    tell(f"{name}, {part}: " + (run.problem or f"{run.wall:.1f} s, cpu {run.cpu:.1f} s, {run.peak:.2f} GiB"))


def run_engine(name: str, given: argparse.Namespace, data: Path, layers: list[str], pairs: Path) -> Run:
    """Run one engine's script to its end or the limit."""
    orders = {"data": str(data), "layers": layers, "threads": given.threads, "pairs": str(pairs)}
    command = [sys.executable, str(HERE / "engines" / f"{name}_engine.py"), json.dumps(orders)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=child_environment(given)
        )
        watch = Watch(process.pid, given.limit)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        watch.end()
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    peak = max(usage.ru_maxrss * 1024 / GIB, watch.peak / GIB)
    if watch.is_over:
        return Run(wall, watch.cpu, peak, problem=f"over {given.limit:.0f} s", is_bound=True)
    cpu = usage.ru_utime + usage.ru_stime
    if process.returncode:
        reason = next((line for line in reversed(complaints.splitlines()) if line.strip()), "no message")
        return Run(wall, cpu, peak, problem=f"failed ({process.returncode}): {reason.strip()[:200]}")
    told = json.loads(printed.splitlines()[-1])
    setup = told["setup"]
    return Run(wall - setup["wall"], cpu - setup["cpu"], peak, told["layers"], setup, told["version"])


def child_environment(given: argparse.Namespace) -> dict[str, str]:
    """Return an environment in which no library takes more threads than allowed."""
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKIO_WORKER_THREADS")
    return {**os.environ, **dict.fromkeys(counts, str(given.threads))}


class Watch:
    """Sample memory and processor time of a process and its children, and stop them all at the limit."""

    def __init__(self, pid: int, limit: float) -> None:
        self.peak, self.cpu, self.is_over = 0, 0.0, False
        self.limit = time.monotonic() + limit
        self.ended = threading.Event()
        self.root = psutil.Process(pid)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        while not self.ended.wait(1.0):
            with contextlib.suppress(psutil.Error):
                family = [self.root, *self.root.children(recursive=True)]
                self.sample(family)
                if time.monotonic() > self.limit:
                    self.is_over = True
                    stop(family)
                    return

    def sample(self, family: list[psutil.Process]) -> None:
        memory, cpu = 0, 0.0
        for process in family:
            with contextlib.suppress(psutil.Error):
                if len(family) > 1:  # of one process the kernel tells the peak
                    memory += getattr(process.memory_full_info(), "pss", 0)
                times = process.cpu_times()
                cpu += times.user + times.system
                cpu += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        self.peak, self.cpu = max(self.peak, memory), max(self.cpu, cpu)

    def end(self) -> None:
        self.ended.set()
        self.thread.join()


def stop(family: list[psutil.Process]) -> None:
    """Ask an engine to end and clear up, then end what is left of it; waiting for it is left to who started it."""
    with contextlib.suppress(psutil.Error):
        family[0].terminate()
    until = time.monotonic() + 15.0
    while time.monotonic() < until and any(is_alive(process) for process in family):
        time.sleep(0.2)
    for process in reversed(family):
        with contextlib.suppress(psutil.Error):
            process.kill()


def is_alive(process: psutil.Process) -> bool:
    """Say whether a process still runs: one that has ended but was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def is_whole(runs: dict[str, dict[str, list[Run]]], name: str) -> bool:
    """Say whether an engine did all its work in every run."""
    return bool(runs[name]) and not any(run.problem for part in runs[name].values() for run in part)


# --- comparing ---


def totals(folder: Path, layers: list[str]) -> dict[str, dict[str, float]]:
    """Return our pairs and square metres of each layer."""
    import pandas as pd  # noqa: PLC0415 (late: children inherit how much memory this process held)

    found = {}
    for layer in layers:
        area = pd.read_parquet(folder / OURS / "all" / f"{layer}.parquet")["area_m2"]
        found[layer] = {"pairs": len(area), "sum_m2": float(area.sum())}
    return found


def compare(folder: Path, name: str, layers: list[str]) -> dict[str, Any]:
    """Return how far an engine's last run is from ours: largest difference of a layer's sum, and of the pairs."""
    import pandas as pd  # noqa: PLC0415

    outcome: dict[str, Any] = {"pairs": 0, "sum_rel_diff": 0.0, "pair_diff_m2": 0.0, "slivers": 0, "pairs_equal": True}
    key = ["risk_id", "coverage_id"]
    for layer in layers:
        ours = pd.read_parquet(folder / OURS / "all" / f"{layer}.parquet")
        other = pd.read_parquet(folder / name / "all" / f"{layer}.parquet").groupby(key, as_index=False).sum()
        both = ours.merge(other.astype(ours.dtypes.to_dict()), on=key, how="outer", suffixes=("", "_other"))
        lone = both["area_m2"].isna() | both["area_m2_other"].isna()
        lone_area = both.loc[lone, ["area_m2", "area_m2_other"]].max(axis=1)
        total, mine = other["area_m2"].sum(), ours["area_m2"].sum()
        outcome["pairs"] += len(other)
        outcome["sum_rel_diff"] = max(outcome["sum_rel_diff"], float(abs(mine - total) / total) if total else 0.0)
        per_pair = (both["area_m2"] - both["area_m2_other"]).abs().max()
        outcome["pair_diff_m2"] = max(outcome["pair_diff_m2"], 0.0 if math.isnan(per_pair) else float(per_pair))
        outcome["slivers"] += int((lone_area < SLIVER_M2).sum())
        outcome["pairs_equal"] &= not bool((lone_area >= SLIVER_M2).any())
    return outcome


def median(runs: dict[str, dict[str, list[Run]]], name: str, part: str, kind: str) -> float:
    """Return the median seconds of an engine for one part of the work; nan where it has none."""
    if name == OURS:
        values = [getattr(run, kind) for run in runs[OURS].get(part, []) if not run.problem]
    elif part == "all":
        values = [run.part(part, kind) for run in runs[name].get("all", []) if not run.problem or run.is_bound]
    else:
        values = [run.part(part, kind) for run in runs[name].get("all", []) if not run.problem]
    return statistics.median(values) if values else float("nan")


def ratios(runs: dict[str, dict[str, list[Run]]], name: str) -> dict[str, float]:
    """Return other ÷ ours by part and kind; only what both have."""
    found = {
        f"{part} {kind}": median(runs, name, part, kind) / median(runs, OURS, part, kind)
        for part in PARTS
        if part in runs[OURS]
        for kind in ("wall", "cpu")
    }
    return {key: round(ratio, 2) for key, ratio in found.items() if not math.isnan(ratio)}


# --- telling ---


def show(given: argparse.Namespace, runs: Any, agreement: dict[str, Any], sums: dict[str, Any]) -> None:
    """Print the table: seconds of each part, ratios to ours, memory, and what came out."""
    parts = [part for part in PARTS if part in runs[OURS]]
    print(f"\n{given.size}: medians of {given.runs}, wall (cpu) seconds; × = other ÷ ours, wall (cpu)\n")
    print(
        "| engine | " + " | ".join(f"{part} | ×" for part in parts) + " | GiB | pairs | largest difference of a sum |"
    )
    print("|---" * (2 * len(parts) + 4) + "|")
    for name, by_part in runs.items():
        first = by_part.get("all", [Run(0, 0, 0, problem="not run")])[-1]
        if first.problem and not first.is_bound:
            print(f"| {name} | {first.problem} " + "| " * (2 * len(parts) + 2) + "|")
            continue
        by = ratios(runs, name)
        mark = "> " if first.is_bound else ""
        cells = [f"{name} {first.version}".strip()]
        for part in parts:
            wall, cpu = (median(runs, name, part, kind) for kind in ("wall", "cpu"))
            cells.append("-" if math.isnan(wall) else f"{mark}{wall:.1f} ({cpu:.1f})")
            has_ratio = name != OURS and f"{part} cpu" in by
            cells.append(f"{mark}{by[f'{part} wall']:.1f} ({by[f'{part} cpu']:.1f})" if has_ratio else "-")
        cells.append(f"{peak_of(runs, name):.2f}")
        found = agreement.get(name)
        ours = f"{sum(layer['pairs'] for layer in sums.values()):,}" if name == OURS else "-"
        cells += [f"{found['pairs']:,}", f"{found['sum_rel_diff']:.1e}"] if found else [ours, "-"]
        print("| " + " | ".join(cells) + " |")
    print()
    show_layers(given, runs)
    for name, by_part in runs.items():
        for run in by_part.get("all", [])[:1]:
            if run.setup and run.setup["wall"]:
                print(f"{name}: setup {run.setup['wall']:.1f} s (cpu {run.setup['cpu']:.1f}), not counted")
    for layer, total in sums.items():
        print(f"{layer}: {total['pairs']:,} pairs, {total['sum_m2']:,.4f} m²")


def show_layers(given: argparse.Namespace, runs: Any) -> None:
    """Print the seconds of each layer where an engine tells them."""
    print("| wall (cpu) s | " + " | ".join(given.layers) + " |")
    print("|---" * (len(given.layers) + 1) + "|")
    for name in given.against:
        whole = [run for run in runs[name].get("all", []) if run.layers and not run.problem]
        if whole:
            steps = [[run.layers[layer] for run in whole] for layer in given.layers]
            middle = [[statistics.median(step[kind] for step in each) for kind in ("wall", "cpu")] for each in steps]
            print(f"| {name} | " + " | ".join(f"{wall:.1f} ({cpu:.1f})" for wall, cpu in middle) + " |")
    print()


def peak_of(runs: Any, name: str) -> float:
    """Return the largest memory of an engine's runs in GiB."""
    return max((run.peak for part in runs[name].values() for run in part), default=0.0)


def summary(given: argparse.Namespace, runs: Any, agreement: dict[str, Any], sums: dict[str, Any]) -> dict[str, Any]:
    """Return the last line's object; a ratio is null where nothing was measured."""
    by_engine = {name: ratios(runs, name) for name in given.against}
    unfinished = [name for name in given.against if name not in agreement]

    def fastest(key: str) -> float | None:
        return min((by[key] for by in by_engine.values() if key in by), default=None)

    engines = {}
    for name in (OURS, *given.against):
        last = runs[name].get("all", [None])[-1]
        engines[name] = {
            "version": last.version if last else "",
            "problem": last.problem if last else "not run",
            "peak_gib": round(peak_of(runs, name), 2),
            **{
                f"{part} {kind}": rounded(median(runs, name, part, kind))
                for part in runs[OURS]
                for kind in ("wall", "cpu")
            },
            **({"ratios": by_engine[name], **agreement.get(name, {})} if name != OURS else {"sums": sums}),
        }
    return {
        "bench": "overlay",
        "size": given.size,
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "layers": given.layers,
        "runs": given.runs,
        "ratio_fastest": fastest("all cpu"),
        "ratio_fastest_wall": fastest("all wall"),
        "ratio_zones": fastest("zones only cpu"),
        "ratio_without_zones": fastest("without zones cpu" if HUGE in given.layers else "all cpu"),
        "has_lower_bounds": any(run.is_bound for name in given.against for run in runs[name].get("all", [])),
        "peak_gib": round(peak_of(runs, OURS), 2),
        "sum_rel_diff": max((found["sum_rel_diff"] for found in agreement.values()), default=None),
        "pairs_equal": all(found["pairs_equal"] for found in agreement.values()) if agreement else None,
        "unfinished": unfinished,
        "engines": engines,
        "machine": {"cores": os.cpu_count(), "memory_gib": round(psutil.virtual_memory().total / GIB, 1)},
        "threads": given.threads,
    }


def rounded(value: float) -> float | None:
    """Return a figure for JSON: two decimals, null for nan."""
    return None if math.isnan(value) else round(value, 2)


def tell(text: str) -> None:
    """Tell the person who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

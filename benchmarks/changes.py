"""Compare a change run with a full run on the same files: `./geo bench changes --size county`.

In a copy of the data 1 in 100 features of the coverage and of every risk layer is moved by half a metre: scattered
over the whole area, or around one point, as when one township sends its survey. Every run is a process of its own,
the full and the change run in turn; the processor time of both includes start, reading and writing the snapshot.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from sizes import LAYERS, SIZES, is_complete

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".geo" / "bench"
COVERAGE = "coverage"
KINDS = ("scattered", "clustered")
GOALS = {"scattered": 0.60, "clustered": 0.25}
SHARE = 0.01
SHIFT = (0.5, 0.25)  # metres
SEED = 20_260_801
SIDES = ("xmin", "ymin", "xmax", "ymax")


def main() -> int:
    """Run the comparison; 0 when every change run gave the full run's table to the bit, 1 otherwise."""
    given = arguments()
    if given.child:
        return run_child(**json.loads(given.child))
    data = given.data or CACHE / given.size
    if not is_complete(data):
        subprocess.run([sys.executable, HERE / "generate.py", given.size, data], check=True)
    with tempfile.TemporaryDirectory(prefix="geosys-changes-", dir=given.scratch) as folder:
        outcome = compare(given, data, Path(folder))
    print(json.dumps({"size": given.size, **outcome}))
    return 0 if outcome["identical"] else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="geo bench changes", description="Compare a change run with a full run.")
    parser.add_argument("--size", choices=SIZES, default="county")
    parser.add_argument("--data", type=Path, help="folder of the files (default: made once in .geo/bench)")
    parser.add_argument("--scratch", type=Path, help="where copies of the data go: three times their size")
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind, in turn; medians are shown")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


# --- data ---


def edit_file(source: Path, target: Path, kind: str, middle: np.ndarray) -> int:
    """Write a file again with 1 % of its features moved, row group by row group, cut as it was; return how many."""
    file = pq.ParquetFile(source)
    boxes = file.read(columns=["bbox"])["bbox"].combine_chunks()
    box = np.column_stack([boxes.field(side).to_numpy() for side in SIDES])
    moved = np.zeros(len(box), dtype=bool)
    if kind == "scattered":
        moved[np.random.default_rng(SEED).permutation(len(box))[: max(1, round(SHARE * len(box)))]] = True
    elif kind == "clustered":
        away = np.hypot(*((box[:, :2] + box[:, 2:]) / 2 - middle).T)
        moved[np.argsort(away, kind="stable")[: max(1, round(SHARE * len(box)))]] = True
    first = 0
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group)
            writer.write_table(shifted(table, np.flatnonzero(moved[first : first + len(table)])), len(table))
            first += len(table)
    return int(moved.sum())


def shifted(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Return a table with the geometry and the box of some rows moved."""
    if not len(rows):
        return table
    wkb = table["geometry"].to_numpy()
    wkb[rows] = shapely.to_wkb(shapely.transform(shapely.from_wkb(wkb[rows]), lambda xy: xy + SHIFT), byte_order=1)
    box = table["bbox"].combine_chunks()
    sides = [box.field(side).to_numpy().copy() for side in SIDES]
    for k, values in enumerate(sides):
        values[rows] += SHIFT[k % 2]
    kind = table.schema.field("bbox").type
    fields = [pa.array(values, type=kind.field(side).type) for side, values in zip(SIDES, sides, strict=True)]
    order = [SIDES.index(kind.field(k).name) for k in range(4)]
    new = {"bbox": pa.StructArray.from_arrays([fields[k] for k in order], fields=list(kind)), "geometry": pa.array(wkb)}
    for name, column in new.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), column.cast(table.schema.field(name).type))
    return table


def middle_of(path: Path) -> np.ndarray:
    """Return the middle of the feature that stands in the middle of the coverage's file."""
    file = pq.ParquetFile(path)
    boxes = file.read(columns=["bbox"])["bbox"].combine_chunks()
    one = boxes[len(boxes) // 2].as_py()
    return np.array([(one["xmin"] + one["xmax"]) / 2, (one["ymin"] + one["ymax"]) / 2])


# --- runs ---


def compare(given: argparse.Namespace, data: Path, folder: Path) -> dict[str, object]:
    """Make the data, run both runs on both kinds of edits, print the table and return the outcome."""
    middle = middle_of(data / f"{COVERAGE}.parquet")
    for kind in ("before", *KINDS):
        (folder / kind).mkdir()
        counts = {
            name: edit_file(data / f"{name}.parquet", folder / kind / f"{name}.parquet", kind, middle)
            for name in (COVERAGE, *LAYERS)
        }
        tell(f"{kind}: moved {counts}")
    tell("compiling, not counted")
    run(given, folder, "before", folder / "kept")
    first = run(given, folder, "before", folder / "kept", drop=True)
    tell(f"first run, with its snapshot: wall {first['wall']:.2f} s, cpu {first['cpu']:.2f} s")
    runs: dict[str, list[dict]] = {}
    identical = True
    for _ in range(given.runs):
        for kind in KINDS:
            full = run(given, folder, kind, None)
            shutil.rmtree(folder / "state", ignore_errors=True)
            shutil.copytree(folder / "kept", folder / "state")
            change = run(given, folder, kind, folder / "state")
            identical &= is_identical(full, change) and not change["changes"]["reason"]
            runs.setdefault(f"full {kind}", []).append(full)
            runs.setdefault(kind, []).append(change)
    return {**show(runs), "identical": identical, "first_cpu": round(first["cpu"], 2)}


def show(runs: dict[str, list[dict]]) -> dict[str, float]:
    """Print medians and return the shares of processor and wall time."""
    found = {}
    print(
        "\n| run | wall s | cpu s | GiB | share of wall | share of cpu | goal | pairs reused | computed | row groups read |"
    )
    print("|---" * 10 + "|")
    for name, of in runs.items():
        wall, cpu, peak = (statistics.median(one[key] for one in of) for key in ("wall", "cpu", "peak"))
        cells = [name, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.2f}"]
        if name in KINDS:
            full_wall, full_cpu = (
                statistics.median(one[key] for one in runs[f"full {name}"]) for key in ("wall", "cpu")
            )
            told = of[-1]["changes"]
            found[f"share_{name}"] = round(cpu / full_cpu, 3)
            found[f"share_{name}_wall"] = round(wall / full_wall, 3)
            cells += [f"{wall / full_wall:.2f}", f"{cpu / full_cpu:.2f}", f"≤ {GOALS[name]}", f"{told['reused']:,}"]
            cells += [f"{told['computed']:,}", f"{told['groups_read']} of {told['groups']}"]
        print("| " + " | ".join(cells + ["-"] * (10 - len(cells))) + " |")
    return found


def run(given: argparse.Namespace, folder: Path, kind: str, state: Path | None, *, drop: bool = False) -> dict:
    """Run one process: a change run where there is a state, else a full run."""
    if drop and state is not None:
        shutil.rmtree(state)
    out = folder / f"{kind}-{'full' if state is None else 'change'}.pickle"
    orders = {"data": str(folder / kind), "state": state and str(state), "threads": given.threads, "out": str(out)}
    command = [sys.executable, __file__, "--child", json.dumps(orders)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    return {**json.loads(done.stdout.splitlines()[-1]), "out": out}


def run_child(data: str, state: str | None, threads: int, out: str) -> int:
    """Run once, tell what it took, and keep the table."""
    began = time.perf_counter()
    risks = {layer: Path(data) / f"{layer}.parquet" for layer in LAYERS}
    files, ids = (Path(data) / f"{COVERAGE}.parquet", risks), {"coverage_id": "BSM", "risk_id": "id"}
    if state is None:
        from geosys.geo.overlay import overlay_areas  # noqa: PLC0415 (its start is part of what is measured)

        pairs = overlay_areas(*files, **ids, threads=threads)
    else:
        from geosys.geo.changes import overlay_changes  # noqa: PLC0415

        pairs = overlay_changes(*files, **ids, threads=threads, state=Path(state))
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"wall": time.perf_counter() - began, "cpu": used.ru_utime + used.ru_stime, "peak": peak_gib()}
    pairs.to_pickle(out)
    print(json.dumps({**told, "changes": pairs.attrs.get("changes", {})}))
    return 0


def peak_gib() -> float:
    """Return the most memory this process held; what the kernel tells by getrusage counts the parent's too."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024**2 for line in lines if line.startswith("VmHWM")), float("nan"))


def is_identical(full: dict, change: dict) -> bool:
    """Say whether two runs gave the same columns, types, rows, order and bits."""
    one, two = pd.read_pickle(full["out"]), pd.read_pickle(change["out"])
    same = one.dtypes.equals(two.dtypes) and one.drop(columns="area_m2").equals(two.drop(columns="area_m2"))
    return same and one["area_m2"].to_numpy().tobytes() == two["area_m2"].to_numpy().tobytes()


def tell(text: str) -> None:
    """Say what is going on; standard output is for the outcome."""
    sys.stderr.write(f"changes: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())

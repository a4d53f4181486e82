"""Compare taking a large land layer in with a bare read and write of the same file: `./geo bench intake --size county`.

Both run as processes of their own, in turn. Bare: pyogrio reads the GeoPackage, geopandas writes GeoParquet; nothing is
checked. Ours: every check of the land layer, spatial order, version, provenance. Compiling is not counted.
"""

# ruff: noqa: PLC0415  each side loads what it needs and no more
from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sizes import SIZES, is_complete

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".geo" / "bench"
LAYER = "land_patch"
MIB = 1024**2


def main() -> int:
    """Run the comparison, or one of its sides in this process."""
    parser = argparse.ArgumentParser(prog="geo bench intake", description="Compare intake with a bare read and write.")
    parser.add_argument("--size", choices=SIZES, default="county")
    parser.add_argument("--file", type=Path, help="a GeoPackage of land patches (default: made once in .geo/bench)")
    parser.add_argument("--runs", type=int, default=1, help="runs of each side, in turn; medians are shown")
    parser.add_argument("--side", choices=("bare", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        {"bare": bare, "ours": ours}[given.side](given.file, given.out)
        return 0
    path = given.file or delivery(given.size)
    runs = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="geosys-bench-", dir=path.parent) as folder:
        run("ours", delivery_of(path, 2_000, Path(folder) / "warm.gpkg"), Path(folder) / "warm")
        for turn in range(given.runs):
            for side, found in runs.items():
                found.append(run(side, path, Path(folder) / f"{side}{turn}"))
                tell(f"{side}: {found[-1]}")
    show(given, runs)
    return 0


def delivery(size: str) -> Path:
    """Return the benchmark's coverage as a GeoPackage with the columns of a land survey."""
    folder = CACHE / size
    path = folder / "land.gpkg"
    if not path.exists():
        if not is_complete(folder):
            subprocess.run([sys.executable, HERE / "generate.py", size, folder], check=True)
        delivery_of(folder / "coverage.parquet", None, path)
    return path


def delivery_of(source: Path, rows: int | None, path: Path) -> Path:
    """Write land patches as a sender would: the first `rows` of a file, with identifiers, classes and areas."""
    import geopandas as gpd
    import numpy as np
    import pyogrio

    is_package = source.suffix == ".gpkg"
    land = pyogrio.read_dataframe(source, max_features=rows) if is_package else gpd.read_parquet(source)
    number, area = np.arange(len(land)).astype(str), np.round(land.area.to_numpy(), 2)
    columns = {
        "BSM": np.char.add("4102", np.char.zfill(number, 14)), "YSDM": "2001010100", "TBBH": number,
        "DLBM": np.resize(["0101", "0102", "0103", "0201", "0301", "0404", "0601", "0702", "0809"], len(land)),
        "QSDWDM": "4102020010010000000", "ZLDWDM": "4102020010010000000", "ZLDWMC": np.resize(["甲村", "乙村", "丙村"], len(land)),
        "TBMJ": area, "TBDLMJ": area, "KCMJ": 0.0, "SJNF": 2024,
    }  # fmt: skip
    part = path.with_name(f"part.{path.name}")
    frame = gpd.GeoDataFrame(columns, geometry=land.geometry.to_numpy(), crs=land.crs)
    pyogrio.write_dataframe(frame, part, layer="land", use_arrow=True)
    return part.replace(path)


def bare(path: Path, out: Path) -> None:
    """Read and write, nothing else."""
    import pyogrio

    frame = pyogrio.read_dataframe(path)
    frame.to_parquet(
        out / "bare.parquet", compression="zstd", write_covering_bbox=True, schema_version="1.1.0", row_group_size=5_000
    )
    print(json.dumps({"rows": len(frame), "issues": None}))


def ours(path: Path, out: Path) -> None:
    """Take the file in with all checks."""
    import pyogrio
    import shapely

    from geosys.layers.bulk import take_in_bulk
    from geosys.layers.delivery import Delivery
    from geosys.layers.place import Place
    from geosys.layers.spec import read_catalogue

    info = pyogrio.read_info(path)
    region = shapely.segmentize(shapely.buffer(shapely.box(*info["total_bounds"]), 100.0), 200.0)
    catalogue = read_catalogue()
    made = take_in_bulk(
        catalogue.layers[LAYER], [Delivery(path, path.name, LAYER)], Place(info["crs"], region, "all"), catalogue, out
    )
    print(json.dumps({"rows": made.provenance["rows"], "issues": len(made.issues)}))


def run(side: str, path: Path, out: Path) -> dict[str, float]:
    """Run one side as a process; return its wall and processor seconds, its largest memory and what it told."""
    out.mkdir(parents=True)
    command = [sys.executable, __file__, "--side", side, "--file", str(path), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: {side} failed with exit code {process.returncode}")
    told = json.loads(printed.splitlines()[-1])
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "wall": round(time.perf_counter() - began, 2), "cpu": round(cpu, 2), "mib": round(usage.ru_maxrss * 1024 / MIB), **told
    }  # fmt: skip


def show(given: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    """Print the table and the last line's object."""
    middle = {
        side: {k: statistics.median(r[k] for r in found) for k in ("wall", "cpu", "mib", "rows")}
        for side, found in runs.items()
    }
    print("| side | wall s | cpu s | MiB | rows a second |\n|---|---|---|---|---|")
    for side, m in middle.items():
        print(f"| {side} | {m['wall']:.1f} | {m['cpu']:.1f} | {m['mib']:.0f} | {m['rows'] / m['wall']:,.0f} |")
    ratios = {k: round(middle["ours"][k] / middle["bare"][k], 2) for k in ("wall", "cpu", "mib")}
    print(f"ours ÷ bare: wall {ratios['wall']}, cpu {ratios['cpu']}, memory {ratios['mib']}")
    print(json.dumps({"bench": "intake", "size": given.size, "runs": given.runs, "ratios": ratios, **middle}))


def tell(text: str) -> None:
    """Tell the person who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

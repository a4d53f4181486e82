"""Compare our nearest and dwithin with geopandas and shapely on the same files: `./geo bench nearest`.

Plots to zones and rivers against geopandas.sjoin_nearest, in turn in one process. 5,000 points and 5,000 plots against
land patches: in memory against shapely's STRtree, tree included; from the file (only what is in reach is decoded) against
reading it whole into an STRtree, each in a process of its own, for the county and, with --whole, for the city as well:
that takes some 12 GiB. Without it a sample of the city's answers is checked window by window. Processor time (user +
system) is the figure; `same_distances` says that all pairs and all distances agree to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import shapely
from sizes import is_complete

from geosys.geo.distances import Targets, nearest, pairs_within
from geosys.geo.stored_distances import nearest_stored, pairs_within_stored

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".geo" / "bench"
WITHIN_M = 100.0
SUBJECTS = 5_000
SAMPLE = 100
SEED = 11
QUESTIONS = ("points nearest", "plots nearest", f"points within {WITHIN_M:.0f} m", f"plots within {WITHIN_M:.0f} m")


def main() -> int:
    """Run the comparison, or one engine as a child; 0 when all distances agree, 1 otherwise."""
    if sys.argv[1:2] == ["--child"]:
        return answer(*sys.argv[2:])
    given = arguments()
    for size in ("county", "city"):
        if not is_complete(given.data / size):
            subprocess.run([sys.executable, HERE / "generate.py", size, given.data / size], check=True)
    rows: list = []
    same: list[bool] = []
    for layer in ("zones", "rivers"):
        ways = to_layer(given.data / given.size, layer)
        rows += [compared(f"plots to {layer}, {given.size}", *ways, given.runs, same)]
    county = given.data / "county" / "coverage.parquet"
    rows += in_memory(county, given, same)
    stored, peaks = from_files(given, same)
    rows += stored
    show(rows, peaks)
    print(json.dumps(summary(given, rows, peaks, all(same))))
    return 0 if all(same) else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="geo bench nearest", description="Compare nearest and dwithin.")
    parser.add_argument("--size", choices=("county", "city"), default="city", help="of plots, zones and rivers")
    parser.add_argument("--data", type=Path, default=CACHE, help="folder with county/ and city/ (default: made once)")
    parser.add_argument("--runs", type=int, default=1, help="runs of each, in turn; medians are shown")
    parser.add_argument("--whole", action="store_true", help="let shapely read the city's patches whole: 12 GiB")
    return parser.parse_args()


# --- data ---


def shapes_of(path: Path):
    """Return the geometries of a file."""
    return np.asarray(gpd.read_parquet(path, columns=["geometry"]).geometry.array)


def subjects_in(coverage: Path, plots: Path):
    """Return points and plots spread evenly over a coverage."""
    geo = json.loads(pq.read_schema(coverage).metadata[b"geo"])
    west, south, east, north = geo["columns"][geo["primary_column"]]["bbox"]
    rng = np.random.default_rng(SEED)
    shapes = shapes_of(plots)[:SUBJECTS]
    places = rng.uniform((west, south), (east, north), (len(shapes), 2))
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    moved = shapely.set_coordinates(shapes.copy(), np.round(xy + (places - shapely.bounds(shapes)[:, :2])[owner], 3))
    return shapely.points(rng.uniform((west, south), (east, north), (SUBJECTS, 2))), moved


# --- what is compared ---


def to_layer(folder: Path, layer: str):
    """Return the two ways to find the nearest objects of a layer."""
    plots = gpd.read_parquet(folder / "plots.parquet", columns=["geometry"])
    objects = gpd.read_parquet(folder / f"{layer}.parquet", columns=["geometry"])

    def ours():
        return nearest(np.asarray(plots.geometry.array), Targets.of(np.asarray(objects.geometry.array)))

    def theirs():
        joined = gpd.sjoin_nearest(plots, objects, distance_col="distance")
        return in_order(joined.index, joined["index_right"], joined["distance"])

    return ours, theirs


def in_memory(coverage: Path, given: argparse.Namespace, same: list[bool]):
    """Compare on patches that are in memory already; each builds its tree for each question."""
    patches = shapes_of(coverage)
    points, plots = subjects_in(coverage, given.data / "city" / "plots.parquet")
    rows = []
    for question in QUESTIONS:
        some = points if question.startswith("points") else plots

        def ours(some=some, question=question):
            targets = Targets.of(patches)
            return nearest(some, targets) if "nearest" in question else pairs_within(some, targets, WITHIN_M)

        def theirs(some=some, question=question):
            return by_tree(some, patches, question)

        rows.append(compared(f"{question}, county, in memory", ours, theirs, given.runs, same))
    return rows


def from_files(given: argparse.Namespace, same: list[bool]):
    """Compare from the file on; return the rows and the memory of ours and of the others."""
    rows, peaks = [], {}
    for size in ("county", "city"):
        coverage = given.data / size / "coverage.parquet"
        with tempfile.TemporaryDirectory(prefix="geosys-bench-") as folder:
            engines = ("stored", "whole") if size == "county" or given.whole else ("stored",)
            told = {engine: [] for engine in engines}
            for _ in range(given.runs):
                for engine in engines:
                    told[engine].append(child(engine, coverage, given.data / "city" / "plots.parquet", folder))
            times = [[run["cpu"] for run in told[engine]] for engine in engines]
            walls = [[run["wall"] for run in told[engine]] for engine in engines]
            rows.append(row(f"all four questions, {size}, from the file", times, walls))
            for engine in engines:
                peaks[f"{size} {engine}"] = max(run["peak_gib"] for run in told[engine])
            found = {engine: np.load(Path(folder) / f"{engine}.npz") for engine in engines}
            if "whole" in found:
                same += [bool(np.array_equal(found["stored"][key], found["whole"][key])) for key in found["whole"]]
            else:
                same.append(agrees_in_windows(coverage, given.data / "city" / "plots.parquet", found["stored"]))
    return rows, peaks


def by_tree(some, patches, question: str):
    """Answer a question the way shapely's manual shows."""
    tree = shapely.STRtree(patches)
    if "nearest" in question:
        (left, right), distance = tree.query_nearest(some, return_distance=True)
    else:
        left, right = tree.query(some, predicate="dwithin", distance=WITHIN_M)
        distance = shapely.distance(some[left], patches[right])
    return in_order(left, right, distance)


def in_order(left, right, distance):
    """Return pairs sorted by subject and object."""
    left, right, distance = np.asarray(left), np.asarray(right), np.asarray(distance)
    order = np.lexsort((right, left))
    return left[order], right[order], distance[order]


def agrees_in_windows(coverage: Path, plots: Path, found) -> bool:
    """Check some subjects against the patches of their surroundings, read and measured one by one."""
    sets = dict(zip(("points", "plots"), subjects_in(coverage, plots), strict=True))
    chosen = np.random.default_rng(SEED).permutation(SUBJECTS)[:SAMPLE]
    for question in QUESTIONS:
        kind = question.split()[0]
        left, ids, distance = (found[f"{question} {name}"] for name in ("left", "right", "distance"))
        for i in chosen[chosen < len(sets[kind])]:
            mine = left == i
            least = WITHIN_M if "within" in question else distance[mine].min(initial=np.inf)
            around = tuple(sets[kind][i].bounds + (least + 1) * np.array([-1, -1, 1, 1]))
            there = gpd.read_parquet(coverage, columns=["BSM", "geometry"], bbox=around)
            apart = shapely.distance(sets[kind][i], np.asarray(there.geometry.array))
            near = apart <= least
            expected = dict(zip(there["BSM"][near].tolist(), apart[near].tolist(), strict=True))
            if expected != dict(zip(ids[mine].tolist(), distance[mine].tolist(), strict=True)):
                return False
    return True


# --- running ---


def compared(name: str, ours, theirs, runs: int, same: list[bool]):
    """Run two ways in turn and compare their answers."""
    times, walls = ([], []), ([], [])
    for _ in range(runs):
        results = []
        for k, way in enumerate((ours, theirs)):
            cpu, wall = time.process_time(), time.perf_counter()
            results.append(way())
            times[k].append(time.process_time() - cpu)
            walls[k].append(time.perf_counter() - wall)
        same.append(all(np.array_equal(a, b) for a, b in zip(*results, strict=True)))
    found = row(name, times, walls)
    tell(f"{name}: {found['ours']:.2f} s, others {found['theirs']:.2f} s, same: {same[-1]}")
    return found


def row(name: str, times, walls):
    """Return the medians of one comparison."""
    middle = [statistics.median(each) for each in (*times, *walls)]
    if len(times) == 1:
        return {"name": name, "ours": middle[0], "wall": middle[1], "theirs": None, "ratio": None}
    return {"name": name, "ours": middle[0], "theirs": middle[1], "wall": middle[2], "ratio": middle[1] / middle[0]}


def child(engine: str, coverage: Path, plots: Path, folder: str):
    """Run one engine as a process of its own and return what it took."""
    command = [sys.executable, __file__, "--child", engine, coverage, plots, folder]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ)).stdout
    told = json.loads(printed.splitlines()[-1])
    tell(f"{coverage.parent.name}, {engine}: cpu {told['cpu']:.1f} s, {told['peak_gib']:.2f} GiB")
    return told


def answer(engine: str, coverage: str, plots: str, folder: str) -> int:
    """Answer all questions with one engine, from the file on, and say what it took."""
    path = Path(coverage)
    points, moved = subjects_in(path, Path(plots))
    cpu, wall, kept = time.process_time(), time.perf_counter(), {}
    whole = gpd.read_parquet(path, columns=["BSM", "geometry"]) if engine == "whole" else None
    for question in QUESTIONS:
        some = points if question.startswith("points") else moved
        if whole is not None:
            left, right, distance = by_tree(some, np.asarray(whole.geometry.array), question)
            right = whole["BSM"].to_numpy()[right]
        else:
            is_nearest = "nearest" in question
            pairs = (
                nearest_stored(some, path, "BSM") if is_nearest else pairs_within_stored(some, path, "BSM", WITHIN_M)
            )
            left, right, distance = pairs.left, pairs.ids, pairs.distance
        for name, column in (("left", left), ("right", right), ("distance", distance)):
            kept[f"{question} {name}"] = column
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    np.savez(Path(folder) / f"{engine}.npz", **kept)
    print(json.dumps({**took, "peak_gib": round(peak_gib(), 3)}))
    return 0


def peak_gib() -> float:
    """Return the most memory this process held; what the kernel tells by getrusage starts with the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


# --- telling ---


def show(rows, peaks) -> None:
    """Print the table."""
    print("\n| work | ours, cpu s | other, cpu s | × | ours, wall s |\n|---|---|---|---|---|")
    for each in rows:
        other = "-" if each["theirs"] is None else f"{each['theirs']:.2f} | {each['ratio']:.1f}"
        print(f"| {each['name']} | {each['ours']:.2f} | {other}{' | -' if other == '-' else ''} | {each['wall']:.2f} |")
    print()
    for name, peak in peaks.items():
        print(f"peak memory, {name}: {peak:.2f} GiB")


def summary(given: argparse.Namespace, rows, peaks, same: bool):
    """Return the last line's object."""
    ratio = {each["name"]: round(each["ratio"], 2) for each in rows if each["ratio"] is not None}
    patches = {name: value for name, value in ratio.items() if "in memory" in name}
    return {
        "bench": "nearest",
        "size": given.size,
        "runs": given.runs,
        "ratio_zones": next(value for name, value in ratio.items() if "zones" in name),
        "ratio_rivers": next(value for name, value in ratio.items() if "rivers" in name),
        "ratio_patches": min(patches.values()),
        "ratios_patches": patches,
        "ratios_stored": {name: value for name, value in ratio.items() if "from the file" in name},
        "stored_city_cpu_s": round(next(each["ours"] for each in rows if "city, from the file" in each["name"]), 2),
        "peak_gib": peaks,
        "same_distances": same,
    }


def tell(text: str) -> None:
    """Tell the person who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

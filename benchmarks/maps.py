"""Compare our map pages with folium's and with tippecanoe's tiles on the same parcels: `./geo bench maps`.

Up to 20,000 parcels ours is the page that draws on a canvas, beyond `geosys map --tiles`. Folium: `folium.Map.save` of a
GeoJson with a popup of the same columns, as the frame is and once more with six decimals. Tippecanoe: its own archive with
all columns, and our page with tippecanoe in place of GDAL. It is not brought by `./geo bench`: found on PATH or named with
--tippecanoe. Each side is a process of its own, from the layer in the workspace to the file, in turn in each run.

First draw: from the start of loading until the browser is idle, pan and zoom: from a jump until it is idle; a fresh
Chromium each time, network cut, drawing by the processor. Pages of folium alone are not opened: they need the network.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from map_pages import SIDES, make_workspace
from map_visits import visit

from geosys.maps.tiles import MOST_ON_CANVAS

HERE = Path(__file__).resolve().parent
MB = 1e6
GOALS = {
    "canvas": {"bytes": 13 * MB, "first_draw_s": 3.0},
    "tiles": {"first_draw_s": 5.0, "pan_worst_s": 1.5, "zoom_worst_s": 1.5},
}
GOAL_RATIO = 1 / 3
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
OPENED = ("canvas", "tiles", "tippecanoe page")
TITLES = ("parcels", "side", "MB", "build s", "cpu s", "MiB", "first draw s", "pan s, median / worst", "zoom s")


def main() -> int:
    """Run the comparison, or one side in this process; 0 when every side that is there did its work, 1 otherwise."""
    given = arguments()
    if given.side:
        side = {"workspace": make_workspace, **SIDES}[given.side]
        print(json.dumps(side(given.place, given.out, *given.more)))
        return 0
    began = load()
    sides = {size: sides_of(size, given) for size in given.sizes}
    runs = {size: {side: [] for side in sides[size]} for size in given.sizes}
    made = {}
    with tempfile.TemporaryDirectory(prefix="geosys-maps-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size in given.sizes:
            shutil.rmtree(folder / f"{size}", ignore_errors=True)
            made[size] = child("workspace", folder / f"{size}", folder / f"{size}", str(size), given.borders)
            tell(f"{size:,} parcels: {made[size]}")
        for _ in range(given.runs):
            for size in given.sizes:
                for side in sides[size]:
                    runs[size][side].append(measured(side, size, folder, given))
                    tell(f"{size:,}, {side}: {runs[size][side][-1]}")
    found = {size: {side: middle(each) for side, each in runs[size].items()} for size in given.sizes}
    show(found)
    told = {
        "bench": "maps",
        "runs": given.runs,
        "borders": given.borders,
        "load": [began, load()],
        "data": made,
        "sizes": found,
    }
    print(json.dumps(told | {"ratios": ratios(found), "goals": goals(found)}))
    return 1 if any("failed" in part for each in found.values() for part in each.values()) else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="geo bench maps", description="Compare pages of maps.")
    parser.add_argument("--sizes", type=numbers, default=[20_000, 100_000, 300_000], help="parcels: 20000,300000")
    parser.add_argument("--borders", choices=("plain", "fine"), default="plain", help="15 or 86 vertices a parcel")
    parser.add_argument("--runs", type=int, default=1, help="runs of each side, in turn; medians are shown")
    parser.add_argument("--without", default="", help="sides to leave out, with commas: folium,tippecanoe page")
    parser.add_argument("--tippecanoe", default="tippecanoe", help="its program (default: the one on PATH)")
    parser.add_argument("--chromium", help="the browser's program (default: the one on PATH)")
    parser.add_argument("--keep", type=Path, help="folder for data and pages, which stay (default: temporary)")
    for hidden in ("--side", "--place", "--out"):
        parser.add_argument(hidden, type=Path if hidden != "--side" else str, help=argparse.SUPPRESS)
    parser.add_argument("--more", nargs="*", default=[], help=argparse.SUPPRESS)
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def sides_of(size: int, given: argparse.Namespace) -> list[str]:
    """Return what is compared at a size."""
    ours = "canvas" if size <= MOST_ON_CANVAS else "tiles"
    others = ["folium", "folium rounded"]
    if ours == "tiles":
        others += ["tippecanoe", "tippecanoe page"]
    return [ours, *(side for side in others if side not in given.without.split(","))]


# --- running ---


def measured(side: str, size: int, folder: Path, given: argparse.Namespace) -> dict:
    """Run one side and look at its page; a side that fails or is not installed says so."""
    more = []
    if side.startswith("tippecanoe"):
        program = shutil.which(given.tippecanoe)
        if program is None:
            return {"missing": "not installed"}
        more = [program]
    ending = "pmtiles" if side == "tippecanoe" else "html"
    out = folder / f"{size}" / f"{side.replace(' ', '-')}.{ending}"
    try:
        told = {**child(side, folder / f"{size}", out, *more), "bytes": out.stat().st_size}
    except subprocess.CalledProcessError as error:
        return {"failed": f"exit code {error.returncode}"}
    return told | seen(side, out, given) if side in OPENED else told


def seen(side: str, page: Path, given: argparse.Namespace) -> dict:
    """Open a page in the browser, when there is one."""
    browser = given.chromium or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if browser is None or importlib.util.find_spec("playwright") is None:
        return {"not opened": "chromium or playwright is not installed"}
    return visit(browser, page, is_canvas=side == "canvas")


def child(side: str, place: Path, out: Path, *more: str) -> dict:
    """Run one side as a process; return its wall and processor seconds, its largest memory and what it told."""
    command = [sys.executable, __file__, "--side", side, "--place", place, "--out", out, "--more", *more]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, side)
    cpu = usage.ru_utime + usage.ru_stime
    took = {"wall": round(wall, 2), "cpu": round(cpu, 2), "mib": round(usage.ru_maxrss / 1024)}
    return took | json.loads(printed.splitlines()[-1])


def load() -> float | None:
    """Return how many processes wanted a processor in the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


# --- telling ---


def middle(runs: list[dict]) -> dict:
    """Return the medians of some runs; words, and the worst of what must not be there, as they are."""
    told = dict(runs[-1])
    for key in {key for run in runs for key in run}:
        values = [run[key] for run in runs if key in run]
        if key in ("failed", "not drawn"):
            told[key] = values[0]
            told.setdefault("failed", key)
        elif not isinstance(values[0], str):
            told[key] = max(values) if key.endswith("worst_s") else statistics.median(values)
    return told


def ratios(found: dict) -> dict:
    """Return ours ÷ each other side, by bytes and by the time of building."""
    told = {}
    for size, (ours, *others) in ((size, list(sides.items())) for size, sides in found.items()):
        for name, other in others:
            if "bytes" in other and "bytes" in ours[1]:
                parts = {key: round(ours[1][key] / other[key], 3) for key in ("bytes", "wall", "cpu")}
                told[f"{size}, {ours[0]} ÷ {name}"] = parts
    return told


def goals(found: dict) -> dict:
    """Return for each goal what was measured, the goal and whether it was met; None where it was not measured."""
    told = {}
    for size, sides in found.items():
        for side, wanted in GOALS.items():
            for key, goal in wanted.items():
                if side in sides:
                    got = sides[side].get(key)
                    told[f"{size} {key}"] = {"got": got, "goal": goal, "met": None if got is None else got <= goal}
    for name, parts in ratios(found).items():
        if name.endswith("folium"):
            told[name] = {"got": parts["bytes"], "goal": round(GOAL_RATIO, 3), "met": parts["bytes"] <= GOAL_RATIO}
    return told


def show(found: dict) -> None:
    """Print the table."""
    print(f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}")
    for size, sides in found.items():
        for side, each in sides.items():
            why = each.get("failed") or each.get("missing")
            cells = cells_of(each) if "bytes" in each else ["-"] * (len(TITLES) - 2)
            print(f"| {size:,} | {side}{f' ({why})' if why else ''} | {' | '.join(cells)} |")


def cells_of(each: dict) -> list[str]:
    """Return the figures of one side."""
    first = f"{each['first_draw_s']:.2f}" if "first_draw_s" in each else each.get("not opened", "-")
    moves = [
        f"{each[f'{kind}_median_s']:.2f} / {each[f'{kind}_worst_s']:.2f}" if f"{kind}_median_s" in each else "-"
        for kind in ("pan", "zoom")
    ]
    build = [f"{each['bytes'] / MB:.1f}", f"{each['wall']:.1f}", f"{each['cpu']:.1f}", f"{each['mib']}"]
    return [*build, first, *moves]


def tell(text: str) -> None:
    """Tell the person who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

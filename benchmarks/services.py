"""Load the service and a server of plain files with the same bytes: `./geo bench services --workspace DIR`.

Clients over connections that stay open ask in a row, half of them pages of features, half of them vector tiles (all of them made
before): first plain files (Starlette under uvicorn, as the service), then `geosys serve`, then the service while others beside
them ask for 10,000 rows now and then and read them, then while those stop reading and as many more send slowly: what rudeness
costs is the difference between these two. In the last round the big answers are all made while it runs: what that costs the others.

Every answer must be 200 and as long as when one client alone asked. Time is from the request to the last byte, as a client has it;
the clients run on the same machine, so both sides have less than all of it. `others` is what neither the server nor the clients
used of it: where that is not near nothing, the machine was not quiet, and the figures are worth little.
"""

# ruff: noqa: PLC0415  each process loads what it needs and no more
from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from service_clients import LONGEST_S, Question, load

HERE = Path(__file__).resolve().parent
LAYERS = ("land_patch", "farmland_class", "outfall", "soil_sample", "village")
PAGES_OF_A_LAYER, TILES_OF_A_LAYER = 12, 24
ZOOMS = (11, 12, 13, 14)
PAGE = "limit=100"
SEED = 9
QUIET_SHARE = 0.05


def main() -> int:
    """Run the rounds, or serve plain files in this process."""
    parser = argparse.ArgumentParser(prog="geo bench services", description="Load the service beside plain files.")
    parser.add_argument("--workspace", type=Path, help="a workspace with layers, as of ./geo demo; it is copied")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the five rounds")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rude", type=int, default=20, help="clients that stop reading or send slowly, half each")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--files", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.files:
        serve_files(given.files)
        return 0
    if given.workspace is None:
        parser.error("--workspace: got none, expected the folder of one. Make it with ./geo demo")
    with tempfile.TemporaryDirectory(prefix="geosys-bench-") as folder:
        place = Path(folder)
        keep_out = shutil.ignore_patterns("services", "packages", "accounts.sqlite*")
        shutil.copytree(given.workspace, place / "workspace", ignore=keep_out)
        rows = compare(place, given)
    show(given, rows)
    return 1 if any(row["errors"] for row in rows["rounds"]) else 0


# --- servers ---


def serve_files(folder: Path) -> None:
    """Serve plain files on a free port, as the service does it but with nothing before them."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    app = Starlette(routes=[Mount("/", StaticFiles(directory=folder))])
    uvicorn.run(app, fd=listener.fileno(), http="h11", loop="asyncio", log_level="critical", access_log=False)


@contextmanager
def running(*command: str):
    """Run a server whose last line of output names its address; yield its port and process."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    try:
        for line in process.stdout:
            if "http://" in line:
                yield int(line.strip().rpartition(":")[2]), process
                break
        else:
            raise SystemExit(f"bench: got no address from {' '.join(command[:4])}, expected one")
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def environment() -> dict[str, str]:
    """Return what the servers run in: this checkout's GeoSys."""
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path), "PYTHONUNBUFFERED": "1"}


# --- what is asked ---


def questions(port: int) -> tuple[list[Question], dict[str, bytes]]:
    """Return pages and tiles of the layers that are there, and their bytes; every one is asked once, by one client."""
    found, kept = [], {}
    extents = collections(port)
    for layer in (name for name in LAYERS if name in extents):
        path = f"/collections/{layer}/items?f=json&{PAGE}"
        for _ in range(PAGES_OF_A_LAYER):
            body = fetch(port, path)
            found.append(Question("features", path, len(body)))
            kept[path] = body
            after = [link["href"] for link in json.loads(body)["links"] if link["rel"] == "next"]
            if not after:
                break
            path = after[0].partition(f":{port}")[2]
        tiles = [f"/tiles/{layer}/{z}/{x}/{y}.mvt" for z, x, y in spread(extents[layer])]
        bodies = [(tile, fetch(port, tile)) for tile in tiles]
        kept |= dict(bodies)
        found += [Question("tiles", tile, len(body)) for tile, body in bodies]
    return found, kept


def collections(port: int) -> dict[str, list[float]]:
    """Return the box of each collection in degrees."""
    told = json.loads(fetch(port, "/collections?f=json"))["collections"]
    return {one["id"]: one["extent"]["spatial"]["bbox"][0] for one in told if "extent" in one}


def spread(box: list[float]) -> list[tuple[int, int, int]]:
    """Return tiles over a box, so many of each zoom at most, drawn by a fixed seed."""
    draw, found = random.Random(SEED), []
    for zoom in ZOOMS:
        west, north = tile_at(box[0], box[3], zoom)
        east, south = tile_at(box[2], box[1], zoom)
        every = [(zoom, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
        found += draw.sample(every, min(len(every), TILES_OF_A_LAYER // len(ZOOMS)))
    return found


def tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Return the tile of web Mercator over a place."""
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**zoom), int(y * 2**zoom)


def fetch(port: int, path: str) -> bytes:
    """Return the bytes of an answer as they come, packed where they are."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=LONGEST_S) as answer:
        return answer.read()


def as_files(asked: list[Question], kept: dict[str, bytes], folder: Path) -> list[Question]:
    """Write the bytes of each answer to a file and return the questions for those files."""
    folder.mkdir()
    told = []
    for number, question in enumerate(asked):
        name = f"{number}.{'json' if question.kind == 'features' else 'mvt'}"
        (folder / name).write_bytes(kept[question.path])
        told.append(Question(question.kind, f"/{name}", question.length))
    return told


# --- rounds ---


def compare(place: Path, given: argparse.Namespace) -> dict:
    """Return what each round showed."""
    rounds = []
    command = (sys.executable, "-m", "geosys", "serve", "--workspace", str(place / "workspace"), "--port", "0")
    with running(*command) as (port, process):
        began = time.perf_counter()
        asked, kept = questions(port)
        tell(f"{len(asked)} different questions, {sum(map(len, kept.values())) / 1e6:.1f} MB")
        alone = {"first_answers_s": round(time.perf_counter() - began, 1), "questions": len(asked)}
        plain = as_files(asked, kept, place / "files")
        with running(sys.executable, __file__, "--files", str(place / "files")) as (other, files):
            rounds.append(take("plain files", files.pid, other, plain, given, 0))
        rounds.append(take("geosys serve", process.pid, port, asked, given, 0))
        half = given.rude // 2
        for manner, name in (
            ("read", f"… {half} read 10,000 rows beside"),
            ("rude", f"… {half} stop reading, {half} send slowly"),
            ("at once", f"… {half} ask 10,000 rows at once"),
        ):
            rounds.append(take(name, process.pid, port, asked, given, given.rude, manner))
        alone["memory_mib"] = round(memory(process.pid))
    return {"rounds": rounds, **alone}


def take(
    name: str,
    pid: int,
    port: int,
    asked: list[Question],
    given: argparse.Namespace,
    others: int,
    manner: str = "",
) -> dict:
    """Return one round: what the clients saw, and what the machine did meanwhile."""
    before, own, server = machine(), spent(), spent(pid)
    load_before = os.getloadavg()[0]
    told, took = asyncio.run(load(port, asked, given.seconds, given.clients, others, manner))
    after, own, server = machine(), spent() - own, spent(pid) - server
    wide = (after[0] - before[0]) or 1.0
    elsewhere = max((after[1] - before[1]) - own - server, 0.0) / wide
    row = {"round": name, "errors": len(told.errors), "error": told.errors[:3], "dropped": told.dropped}
    for kind, seconds in told.seconds.items():
        row[kind] = {"requests": len(seconds), "per_s": round(len(seconds) / took, 1), **spans(seconds)}
    row |= {
        "server_cpu": round(server / wide, 2),
        "clients_cpu": round(own / wide, 2),
        "others_cpu": round(elsewhere, 2),
    }
    tell(json.dumps(row, ensure_ascii=False))
    return row | {"load_before": round(load_before, 1), "cpus": os.cpu_count()}


def spans(seconds: list[float]) -> dict[str, float]:
    """Return median and p99 in milliseconds, and the longest."""
    ordered = sorted(seconds)
    p99 = ordered[min(math.ceil(len(ordered) * 0.99), len(ordered)) - 1]
    return {
        "median_ms": round(statistics.median(ordered) * 1000, 1),
        "p99_ms": round(p99 * 1000, 1),
        "longest_ms": round(ordered[-1] * 1000, 1),
    }


def machine() -> tuple[float, float]:
    """Return seconds of processor time that the machine had, and those it used."""
    told = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(told) / ticks, (sum(told) - told[3] - told[4]) / ticks


def spent(pid: int | None = None) -> float:
    """Return seconds of processor time of a process, or of this one."""
    if pid is None:
        told = resource.getrusage(resource.RUSAGE_SELF)
        return told.ru_utime + told.ru_stime
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the most memory a process had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def tell(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


def show(given: argparse.Namespace, rows: dict) -> None:
    """Print the rounds as a table, and whether the machine was quiet."""
    if given.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    head = ("round", "kind", "requests", "per s", "median ms", "p99 ms", "longest ms")
    print(f"{given.clients} clients, {given.seconds:g} s a round, {os.cpu_count()} processors")
    print("{:37}{:10}{:>10}{:>9}{:>11}{:>9}{:>12}".format(*head))
    for row in rows["rounds"]:
        for kind in ("features", "tiles"):
            one = row.get(kind, {})
            told = [one.get(key, "-") for key in ("requests", "per_s", "median_ms", "p99_ms", "longest_ms")]
            print("{:37}{:10}{:>10}{:>9}{:>11}{:>9}{:>12}".format(row["round"], kind, *told))
    for row in rows["rounds"]:
        used = ", ".join(f"{who} {row[f'{who}_cpu']:.0%}" for who in ("server", "clients", "others"))
        quiet = "" if row["others_cpu"] <= QUIET_SHARE else "  NOT QUIET"
        print(
            f"{row['round']}: {row['errors']} errors {row['error'] or ''}, {row['dropped']} rude dropped; {used}{quiet}"
        )
    print(f"memory of the service at most {rows['memory_mib']} MiB; load before {rows['rounds'][0]['load_before']}")


if __name__ == "__main__":
    sys.exit(main())

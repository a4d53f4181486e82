"""Compare our river tracing with networkx and geopandas on the same network: `./geo bench tracing`.

200,000 reaches (a grown river tree, and some ways that leave it and come back), 5,000 outfalls, 500 sections, all made
from a seed. Asked: which outfalls lie at most 5 km upstream or 0.5 km downstream of which section, and how far along the
channel. Network part: from reaches and places on them to the pairs, graphs built included. Whole: from lines and points.
We snap by `snap`, which weighs names and sides and shows each candidate with its reason; the plain way takes the nearest
reach. It builds a DiGraph and searches from each section, cut off at the distance. Processor time (user + system) is
the figure; both ways are run once on a small network first, so that compiling and importing are in neither.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely

from geosys.geo.river_distance import along_river
from geosys.geo.river_flow import Places
from geosys.geo.river_network import Network, snap

SEED = 20
REACHES, WAYS, OUTFALLS, SECTIONS = 200_000, 2_000, 5_000, 500
VERTICES = 21
UP_M, DOWN_M, OFFSET_M = 5_000.0, 500.0, 500.0
CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_850_000.0


def main() -> int:
    """Run the comparison; 0 when all answers agree, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="geo bench tracing", description="Compare tracing along rivers.")
    parser.add_argument("--reaches", type=int, default=REACHES)
    parser.add_argument("--runs", type=int, default=5, help="runs of each, in turn; medians are shown")
    given = parser.parse_args()
    compared(*rivers(2_000, 20, 50, 20), 1)
    made = rivers(given.reaches, WAYS * given.reaches // REACHES, OUTFALLS, SECTIONS)
    found = compared(*made, given.runs)
    for part in ("network part", "snapping", "whole"):
        tell(
            f"{part}: {found[part]['ours']:.4f} s, plain {found[part]['plain']:.3f} s, ratio {found[part]['ratio']:.1f}"
        )
    tell(f"pairs {found['pairs']:,}, same: {found['same']}")
    print(json.dumps(found))
    return 0 if found["same"] else 1


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


# --- data ---


def rivers(count: int, ways: int, outfalls: int, sections: int):
    """Return a network on a grid of 400 m whose water runs to one edge, and points beside it.

    Each node of the grid drains to one of its neighbours farther down; the ways are second outlets.
    """
    rng = np.random.default_rng(SEED)
    wide = int(np.sqrt(count - ways)) + 1
    row, column = np.divmod(np.arange(wide * (wide + 1)), wide)
    xy = np.column_stack([column, row]) * 400.0 + rng.uniform(-120, 120, (len(row), 2)) + (EAST, NORTH)
    upper = np.flatnonzero(row > 0)[: count - ways]
    step = rng.choice([-1, 0, 0, 1], len(upper))
    lower = upper - wide + np.clip(column[upper] + step, 0, wide - 1) - column[upper]
    chosen = rng.choice(len(upper), ways, replace=False)
    other = upper[chosen] - wide + np.where(column[upper[chosen]] > 0, -1, 1)
    other = np.where(other == lower[chosen], upper[chosen] - wide, other)
    ends = np.column_stack([np.append(upper, upper[chosen]), np.append(lower, other)])
    t = np.linspace(0, 1, VERTICES)
    bend = (rng.normal(0, 12, (len(ends), 3))[:, :, None] * np.sin(np.pi * np.arange(1, 4)[:, None] * t)).sum(axis=1)
    start, along = xy[ends[:, 0]], xy[ends[:, 1]] - xy[ends[:, 0]]
    across = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    lines = shapely.linestrings(start[:, None] + t[:, None] * along[:, None] + bend[:, :, None] * across[:, None])
    plain = np.zeros(len(ends), dtype=bool)
    names = np.full(len(ends), "", dtype=object)
    network = Network(
        xy,
        ends[:, 0].copy(),
        ends[:, 1].copy(),
        shapely.length(lines),
        lines,
        names,
        np.arange(len(ends)),
        plain,
        plain,
        plain,
        plain,
    )
    places = []
    for some in (sections, outfalls):
        on = rng.integers(0, len(ends), some)
        spot = shapely.get_coordinates(
            shapely.line_interpolate_point(lines[on], rng.uniform(0.05, 0.95, some), normalized=True)
        )
        places.append(shapely.points(spot + rng.normal(0, 15, spot.shape)))
    return network, *places


# --- the two ways ---


def snapped(network: Network, points):
    """Return where points stand on the network, with every candidate."""
    return [snap(some, network, OFFSET_M) for some in points]


def ours(network: Network, sections: Places, points: Places):
    """Answer by our walks."""
    pairs = along_river(network, sections, points, UP_M, DOWN_M).pairs
    return pairs["section"].to_numpy(), pairs["point"].to_numpy(), pairs["distance_m"].to_numpy()


def plainly_snapped(network: Network, points):
    """Snap the way geopandas' manual shows."""
    lines = gpd.GeoDataFrame(geometry=network.lines, crs=CRS)
    result = []
    for some in points:
        frame = gpd.GeoDataFrame(geometry=some, crs=CRS)
        joined = gpd.sjoin_nearest(frame, lines, max_distance=OFFSET_M, distance_col="offset")
        joined = joined[~joined.index.duplicated()].sort_index()
        along = lines.geometry.iloc[joined["index_right"]].project(joined.geometry, align=False)
        reach, offset = np.full(len(some), -1), np.full(len(some), np.nan)
        place = np.full(len(some), np.nan)
        reach[joined.index], offset[joined.index] = joined["index_right"], joined["offset"]
        place[joined.index] = along.to_numpy()
        result.append(Places(reach, place, offset))
    return result


def plain(network: Network, sections: Places, points: Places):  # noqa: C901, PLR0912  one loop, as a user would write it
    """Answer with networkx: search from each section against the water, and with it, cut off at the distance."""
    graph = nx.DiGraph()
    kept: dict = {}
    rows = zip(network.reach_from.tolist(), network.reach_to.tolist(), network.length_m.tolist(), strict=True)
    for reach, (a, b, length) in enumerate(rows):
        kept.setdefault((a, b), []).append(reach)
        if not graph.has_edge(a, b) or graph[a][b]["length"] > length:
            graph.add_edge(a, b, length=length)
    against = graph.reverse(copy=False)
    on: dict = {}
    for p, (reach, along) in enumerate(zip(points.reach.tolist(), points.along_m.tolist(), strict=True)):
        on.setdefault(reach, []).append((p, along))
    length = network.length_m
    found = []
    for s, (reach, along) in enumerate(zip(sections.reach.tolist(), sections.along_m.tolist(), strict=True)):
        best: dict = {}
        for p, place in on.get(reach, ()):
            if -DOWN_M <= along - place <= UP_M:
                best[p] = along - place
        if along <= UP_M:
            reached = nx.single_source_dijkstra_path_length(
                against, int(network.reach_from[reach]), UP_M - along, weight="length"
            )
            for node, metres in reached.items():
                for above in graph.pred[node]:
                    for r in kept[above, node]:
                        for p, place in on.get(r, ()):
                            total = along + metres + float(length[r]) - place
                            if r != reach and total <= UP_M:
                                best[p] = min(total, best.get(p, np.inf))
        rest = float(length[reach]) - along
        if rest <= DOWN_M:
            reached = nx.single_source_dijkstra_path_length(
                graph, int(network.reach_to[reach]), DOWN_M - rest, weight="length"
            )
            for node, metres in reached.items():
                for below in graph.succ[node]:
                    for r in kept[node, below]:
                        for p, place in on.get(r, ()):
                            total = rest + metres + place
                            if r != reach and total <= DOWN_M:
                                best[p] = -total
        found += [(s, p, metres) for p, metres in best.items()]
    found.sort()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    return np.array(columns[0], dtype=int), np.array(columns[1], dtype=int), np.array(columns[2])


# --- running ---


def compared(network: Network, sections, outfalls, runs: int):
    """Run both in turn; return the medians of processor time, and whether the answers are the same."""
    took: dict = {(part, who): [] for part in ("snapping", "network part") for who in ("ours", "plain")}
    same = True
    answers: dict = {}
    for _ in range(runs):
        for who, to_river, trace in (("ours", snapped, ours), ("plain", plainly_snapped, plain)):
            begun = time.process_time()
            snaps = to_river(network, (sections, outfalls))
            middle = time.process_time()
            answers[who] = trace(network, *snaps)
            took["snapping", who].append(middle - begun)
            took["network part", who].append(time.process_time() - middle)
        one, other = answers["ours"], answers["plain"]
        same &= all(np.array_equal(a, b) for a, b in zip(one[:2], other[:2], strict=True))
        same = same and bool(np.allclose(one[2], other[2], rtol=0, atol=1e-6))
    middle = {key: statistics.median(times) for key, times in took.items()}
    parts = {part: {who: middle[part, who] for who in ("ours", "plain")} for part in ("snapping", "network part")}
    parts["whole"] = {who: middle["snapping", who] + middle["network part", who] for who in ("ours", "plain")}
    result: dict = {part: {**each, "ratio": each["plain"] / each["ours"]} for part, each in parts.items()}
    return result | {"reaches": len(network.reach_from), "pairs": len(answers["ours"][0]), "same": same}


if __name__ == "__main__":
    sys.exit(main())

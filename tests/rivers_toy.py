"""Rivers drawn by hand, in metres, and a plain walk to check distances with."""

from __future__ import annotations

import itertools

import numpy as np
import shapely

from geosys.geo.river_flow import Places
from geosys.geo.river_network import Network

Line = tuple[str, list[tuple[float, float]]]


def drawn(lines: list[Line], blocked: tuple[int, ...] = (), gates: tuple[int, ...] = ()) -> Network:
    """Return a network of lines drawn downstream, joined where their ends are the same point."""
    nodes: dict[tuple[float, float], int] = {}
    ends = [[nodes.setdefault(xy, len(nodes)) for xy in (line[0], line[-1])] for _, line in lines]
    shapes = np.array([shapely.LineString(line) for _, line in lines], dtype=object)
    names = np.array([name for name, _ in lines], dtype=object)
    ways = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return network_of(
        np.array(list(nodes), dtype=float).reshape(-1, 2), ways, shapely.length(shapes), shapes, names, blocked, gates
    )


def network_of(
    node_xy: np.ndarray,
    ways: np.ndarray,
    length: np.ndarray,
    lines: np.ndarray | None = None,
    river: np.ndarray | None = None,
    blocked: tuple[int, ...] = (),
    gates: tuple[int, ...] = (),
    unsettled: tuple[int, ...] = (),
) -> Network:
    """Return a network of reaches between numbered nodes, straight where no lines are given."""
    ways = np.asarray(ways, dtype=np.int64).reshape(-1, 2)
    count = len(ways)
    row = np.arange(count)
    if lines is None:
        lines = np.asarray(shapely.linestrings(node_xy[ways]), dtype=object)
    return Network(
        node_xy=node_xy,
        reach_from=np.ascontiguousarray(ways[:, 0]),
        reach_to=np.ascontiguousarray(ways[:, 1]),
        length_m=np.asarray(length, dtype=float),
        lines=lines,
        river=np.full(count, "", dtype=object) if river is None else river,
        source=row,
        is_canal=np.zeros(count, dtype=bool),
        gate=np.isin(row, gates),
        blocked=np.isin(row, blocked),
        unsettled=np.isin(row, unsettled),
    )


def at(*places: tuple[int, float], offset: float = 0.0) -> Places:
    """Return points that stand on reaches, so many metres from their upstream ends."""
    reach, along = zip(*places, strict=True) if places else ((), ())
    return Places(
        np.array(reach, dtype=np.int64), np.array(along, dtype=float), np.full(len(places), offset, dtype=float)
    )


def plain_distances(network: Network, sources: Places, targets: Places, undirected: tuple[int, ...] = ()) -> np.ndarray:
    """Return channel distance from each source down to each target, infinite where no water runs, by relaxing edges."""
    nodes = len(network.node_xy)
    places = [(int(r), float(a)) for s in (sources, targets) for r, a in zip(s.reach, s.along_m, strict=True)]
    edges: list[tuple[int, int, float]] = []
    for reach in np.flatnonzero(~network.blocked).tolist():
        on = sorted((a, nodes + i) for i, (r, a) in enumerate(places) if r == reach)
        chain = [
            (0.0, int(network.reach_from[reach])),
            *on,
            (float(network.length_m[reach]), int(network.reach_to[reach])),
        ]
        for (a, u), (b, v) in itertools.pairwise(chain):
            edges.append((u, v, b - a))
            if a == b or reach in undirected:
                edges.append((v, u, b - a))
    result = np.full((len(sources.reach), len(targets.reach)), np.inf)
    for s in range(len(sources.reach)):
        dist = np.full(nodes + len(places), np.inf)
        dist[nodes + s] = 0.0
        changed = sources.reach[s] >= 0
        while changed:
            changed = False
            for u, v, cost in edges:
                if dist[u] + cost < dist[v] - 1e-12:
                    dist[v], changed = dist[u] + cost, True
        result[s] = dist[nodes + len(sources.reach) :]
    return result

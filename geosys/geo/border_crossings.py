"""Where rivers cross borders: from which area into which, along the reaches, and where a river ends at a border."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from shapely import STRtree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_network import Network

State = tuple[int, ...]
COLUMNS = ("reach", "along_m", "before", "after", "is_end")
_STEP = 1e-6  # metres: nearer together, two cuts are one


def border_crossings(
    network: Network, reaches: NDArray[np.int64], areas: NDArray[np.object_], tolerance_m: float
) -> pd.DataFrame:
    """Return where some reaches pass from one area into another, seen downstream.

    Parameters
    ----------
    network
        Reaches in flow direction.
    reaches
        Those to look at, each once.
    areas
        Polygons of the network's plane.
    tolerance_m
        What a river runs inside another area, no longer than this, is no crossing; metres of the plane.

    Returns
    -------
    Columns `reach`, `along_m` (ground, from the upstream end), `before` and `after` (positions of the areas, two where the
    river runs along their border, none outside all), `is_end` (the river ends here within the tolerance of a border: what
    comes after is not known, `after` is empty).
    """
    reaches = np.asarray(reaches, dtype=np.int64)
    if not len(reaches) or not len(areas):
        return pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS}).astype(
            {"reach": np.int64, "along_m": float}
        )
    tree, borders = STRtree(areas), shapely.boundary(areas)
    first: dict[int, State] = {}
    last: dict[int, State] = {}
    rows: list[tuple[int, float, State, State, bool]] = []
    for reach in reaches.tolist():
        line = network.lines[reach]
        pieces = _pieces(line, tree, borders, tolerance_m)
        scale = network.length_m[reach] / line.length if line.length else 1.0
        first[reach], last[reach] = pieces[0][1], pieces[-1][1]
        for (_, state), (begin, after) in pairwise(pieces):
            rows.append((reach, begin * scale, state, after, False))
    rows += _at_nodes(network, reaches, first, last)
    rows += _ends(network, reaches, last, borders, tolerance_m)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["reach", "along_m"], kind="stable", ignore_index=True)


def _pieces(
    line: shapely.LineString, tree: STRtree, borders: NDArray[np.object_], tolerance_m: float
) -> list[tuple[float, State]]:
    """Return where each piece of a line begins and in which areas it lies, short pieces counted to the one before."""
    near = tree.query(line, predicate="intersects")
    cuts = [0.0, line.length]
    for border in borders[near]:
        corners = shapely.get_coordinates(shapely.intersection(line, border))
        cuts += shapely.line_locate_point(line, shapely.points(corners)).tolist() if len(corners) else []
    edges = np.unique(cuts)
    edges = edges[np.diff(edges, prepend=-1.0) > _STEP]
    if len(edges) < 2:  # noqa: PLR2004  a line without length
        edges = np.array([0.0, line.length])
    middles = shapely.line_interpolate_point(line, (edges[:-1] + edges[1:]) / 2)
    states: list[State] = [() for _ in middles]
    for row, area in sorted(np.transpose(tree.query(middles, predicate="intersects")).tolist()):
        states[row] = (*states[row], int(area))
    lengths = np.diff(edges)
    keep = lengths > tolerance_m
    if not keep.any():
        keep[int(np.argmax(lengths))] = True
    result: list[tuple[float, State]] = []
    for begin, state, is_kept in zip(edges[:-1].tolist(), states, keep.tolist(), strict=True):
        if is_kept and (not result or result[-1][1] != state):
            result.append((begin if result else 0.0, state))
    return result


def _at_nodes(
    network: Network, reaches: NDArray[np.int64], first: dict[int, State], last: dict[int, State]
) -> list[tuple[int, float, State, State, bool]]:
    """Return crossings where one reach ends in an area and the next begins in another."""
    into: dict[int, list[int]] = {}
    for reach in reaches.tolist():
        into.setdefault(int(network.reach_to[reach]), []).append(reach)
    rows = []
    for reach in reaches.tolist():
        before = {last[other] for other in into.get(int(network.reach_from[reach]), [])} - {first[reach]}
        rows += [(reach, 0.0, state, first[reach], False) for state in sorted(before)]
    return rows


def _ends(
    network: Network,
    reaches: NDArray[np.int64],
    last: dict[int, State],
    borders: NDArray[np.object_],
    tolerance_m: float,
) -> list[tuple[int, float, State, State, bool]]:
    """Return the places where the network ends at a border."""
    goes_on = np.zeros(len(network.node_xy), dtype=bool)
    goes_on[network.reach_from] = True
    rows: list[tuple[int, float, State, State, bool]] = []
    for reach in reaches[~goes_on[network.reach_to[reaches]]].tolist():
        end = shapely.Point(network.lines[reach].coords[-1])
        if any(shapely.distance(end, borders[area]) <= tolerance_m for area in last[reach]):
            rows.append((reach, float(network.length_m[reach]), last[reach], (), True))
    return rows

"""The land patches: lots, rivers and a highway noded together, so that they cover the county without gap or overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.sample.terrain import CENTRE, GRID_M, Terrain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.lots import Lots
    from geosys.sample.rivers import Rivers

_LEAST_M2, _LEAST_HALF_WIDTH_M, _LEAST_STRIP_M2 = 900.0, 3.2, 45.0
_WATER, _HIGHWAY, _BANK, _LOT = range(4)


@dataclass(frozen=True)
class Patches:
    """Hold the patches: outline (metres), cell, land class, and the index of the natural river or −1."""

    outline: NDArray[np.object_]
    cell: NDArray[np.int64]
    land_class: NDArray[np.object_]
    river: NDArray[np.int64]


def draw_patches(
    rng: np.random.Generator, terrain: Terrain, lots: Lots, rivers: Rivers, village_of_cell: NDArray[np.int64]
) -> Patches:
    """Cut the lots by water, bank and highway, and give every face its cell and class.

    All faces come from one noded set of lines, so neighbours share their vertices bit for bit.
    """
    highway = _highway(terrain)
    faces = _faces(lots, rivers, highway)
    spot = shapely.point_on_surface(faces)
    at, lot = shapely.STRtree(lots.outline).query(spot, predicate="intersects")
    first = np.unique(at, return_index=True)[1]
    faces, spot, lot = faces[at[first]], spot[at[first]], lot[first]
    kind, owner = _owners(spot, rivers, highway)
    cell = lots.cell[lot]
    village = village_of_cell[cell]
    bank_class = rng.choice(np.array(["0301", "0301", "0307", "0404", "1106"], dtype=object), len(terrain.cells))
    by_kind = {_WATER: "1101", _HIGHWAY: "1003"}
    land_class = lots.land_class[lot].copy()
    for k, name in by_kind.items():
        land_class[kind == k] = name
    land_class[kind == _BANK] = bank_class[cell[kind == _BANK]]
    group = np.where(kind == _LOT, -1, (kind * 100 + owner) * 100_000 + np.where(kind == _BANK, cell, village))
    alone = group < 0
    group[alone] = 10**9 + np.arange(int(alone.sum()))
    narrow = (kind == _LOT) & lots.is_strip[lot]
    outline, source = _dissolve(faces, group)
    merged, kept = _without_slivers(outline, narrow[source], kind[source] != _LOT)
    source = source[kept]
    order = np.argsort(cell[source] * 10.0 + kind[source], kind="stable")
    chosen = source[order]
    return Patches(merged[order], cell[chosen], land_class[chosen], np.where(kind[chosen] == _WATER, owner[chosen], -1))


def _highway(terrain: Terrain) -> shapely.Polygon:
    """Return the trunk road that crosses the lattice askew, 26 m wide."""
    x = np.linspace(-16_500.0, 16_500.0, 60)
    y = -5_600.0 + 0.42 * x + 500.0 * np.sin(x / 5_200.0)
    inside = shapely.multipoints(terrain.centres()).convex_hull.buffer(3_000.0)
    line = shapely.LineString(np.column_stack([x, y]) + np.array(CENTRE))
    return shapely.buffer(shapely.intersection(line, inside), 13.0, quad_segs=2, cap_style="flat")


def _faces(lots: Lots, rivers: Rivers, highway: shapely.Polygon) -> NDArray[np.object_]:
    """Node all outlines on the millimetre grid and return the faces between them."""
    cutters = np.array([*rivers.water, *rivers.bank, highway], dtype=object)
    lines = shapely.boundary(np.concatenate([lots.outline, cutters]))
    noded = shapely.union_all(lines, grid_size=GRID_M)
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))


def _owners(
    spot: NDArray[np.object_], rivers: Rivers, highway: shapely.Polygon
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what each spot belongs to: a river's water, the highway, a bank or a lot; and which river."""
    x, y = shapely.get_coordinates(spot).T
    kind, owner = np.full(len(spot), _LOT), np.zeros(len(spot), dtype=np.int64)
    for shapes, value in ((rivers.bank, _BANK), ((highway,), _HIGHWAY), (rivers.water, _WATER)):
        for k in range(len(shapes) - 1, -1, -1):
            shapely.prepare(shapes[k])
            inside = shapely.contains_xy(shapes[k], x, y)
            kind[inside], owner[inside] = value, k
    return kind, owner


def _dissolve(faces: NDArray[np.object_], group: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Join the faces of a group, one polygon per connected part; return them with a face each part came from."""
    order = np.argsort(group, kind="stable")
    start = np.flatnonzero(np.diff(group[order], prepend=-1))
    size = np.diff(np.append(start, len(order)))
    single = order[start[size == 1]]
    outline, source = [faces[single]], [single]
    for begin, count in zip(start[size > 1], size[size > 1], strict=True):
        members = order[begin : begin + count]
        parts = shapely.get_parts(shapely.coverage_union_all(faces[members]))
        outline.append(parts)
        source.append(np.full(len(parts), members[0]))
    joined, origin = np.concatenate(outline), np.concatenate(source)
    keep = np.argsort(origin, kind="stable")
    return joined[keep], origin[keep]


def _without_slivers(
    outline: NDArray[np.object_], narrow: NDArray[np.bool_], fixed: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Give each sliver that the rivers cut off to the neighbour with the longest common edge."""
    area, length = shapely.area(outline), shapely.length(outline)
    thin = (area < _LEAST_M2) | (area / length < _LEAST_HALF_WIDTH_M)
    sliver = np.where(narrow, area < _LEAST_STRIP_M2, thin & (~fixed | (area < _LEAST_STRIP_M2)))
    left, right, shared = _common_edges(outline)
    weight = shared * np.where(narrow[right], 0.02, np.where(fixed[right], 0.2, 1.0))
    usable = sliver[left] & ~sliver[right]
    pick = np.lexsort((weight[usable], left[usable]))
    a, b = left[usable][pick], right[usable][pick]
    last = np.flatnonzero(np.diff(a, append=-1))
    target = np.arange(len(outline))
    target[a[last]] = b[last]
    joined, origin = _dissolve(outline, target)
    return joined, target[origin]


def _common_edges(outline: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of polygons with a common border, both ways, and its length in metres."""
    rings, owner = shapely.get_rings(outline, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[:-1] == ring[1:]
    a, b, who = xy[:-1][same], xy[1:][same], owner[ring[:-1][same]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    order = np.lexsort((high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    edge = np.column_stack([low, high])[order]
    who = who[order]
    twin = np.flatnonzero((edge[:-1] == edge[1:]).all(axis=1))
    p, q = who[twin], who[twin + 1]
    size = np.hypot(*(edge[twin, 2:] - edge[twin, :2]).T)
    pair, place = np.unique(np.column_stack([np.r_[p, q], np.r_[q, p]]), axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), weights=np.r_[size, size], minlength=len(pair))
    return pair[:, 0], pair[:, 1], np.asarray(total, dtype=np.float64)

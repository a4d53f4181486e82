"""Make the benchmark's data: a land coverage and five risk layers of a county or a city, the same for the same seed.

`python generate.py county FOLDER`. All in EPSG:4547 (metres), all polygons valid:

coverage      land-use patches that share bit-identical borders: Voronoi cells of an uneven pattern of sites, each border
              replaced by one fractal line that stays inside its kite of sites and corners; some cells merged in pairs,
              those along rivers and roads into long patches
plots         8 to 60 vertices, 0.05 to 30 ha
zones         circles and strips along rivers, and a few huge ones: some 40,000 vertices, up to 80 rings
farmland      in half of the townships unions of patches (coincident borders), in the others digitised on its own
outfall_buf   circles of 500 m around outfalls
outfall_corr  5 km of river downstream of each outfall, 100 m to each side
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import Voronoi, cKDTree
from shapely.ops import substring
from sizes import SIZES

CRS = "EPSG:4547"
SEED = 7
CORNER = np.array([505_000.0, 3_845_000.0])
CELL_M = 80.0  # mean side of a patch
TOWNSHIP_M = 9_000
ROWS_PER_GROUP = 5_000
CODES = np.array(["0101", "0102", "0103", "0201", "0301", "0404", "0601", "0702", "0809"])
RIVER, ROAD = 1, 2


@dataclass(frozen=True)
class Net:
    """Hold the borders between cells: all sites, the first `count` of them ours, and per border two sites and ends."""

    count: int
    sites: np.ndarray
    ridges: np.ndarray
    a: np.ndarray
    b: np.ndarray

    @property
    def length(self):
        return np.hypot(*(self.b - self.a).T)


def generate(size: str, folder: Path, seed: int = SEED) -> None:
    """Write all layers of a size into a folder."""
    cells = SIZES[size]
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    side, share = CELL_M * np.sqrt(cells), cells / 1e6
    rivers = winding_lines(rng, side, max(3, round(10 * np.sqrt(share))))
    roads = winding_lines(rng, side, max(6, round(24 * np.sqrt(share))))
    land = coverage(rng, side, rivers, roads)
    write(land, folder / "coverage.parquet", row_group_size=ROWS_PER_GROUP)
    write(farmland(rng, land, side, share), folder / "farmland.parquet")
    write(plots(rng, side, int(5000 * share)), folder / "plots.parquet")
    for name, layer in outfalls(rng, rivers, side, int(5000 * share)).items():
        write(layer, folder / f"{name}.parquet")
    write(zones(rng, rivers, side, share), folder / "zones.parquet")
    write(frame(rivers), folder / "rivers.parquet")


def frame(shapes, **columns):
    """Return shapes as a layer with ids."""
    return gpd.GeoDataFrame({"id": np.arange(len(shapes)), **columns}, geometry=shapes, crs=CRS)


def write(layer, path: Path, **options) -> None:
    """Write one layer; a file is there whole or not at all."""
    part = path.with_suffix(".part")
    layer.to_parquet(part, compression="zstd", write_covering_bbox=True, schema_version="1.1.0", **options)
    part.replace(path)
    sys.stderr.write(f"generate: {path.name}: {len(layer):,} rows\n")


# --- lines and sites ---


def winding_lines(rng, side, count):
    """Return lines across the area, by turns from west to east and from south to north."""
    lines = []
    for k in range(count):
        t = np.linspace(-0.02, 1.02, int(side / 10))
        y = rng.uniform(0.1, 0.9) + np.zeros(len(t))
        for o in range(1, 9):
            y += rng.normal(0, 0.10 / o**1.3) * np.sin(2 * np.pi * (t * o * rng.uniform(0.8, 1.2) + rng.random()))
        for o in (40, 90, 200):
            y += rng.normal(0, 0.05 / o) * np.sin(2 * np.pi * (t * o * side / 25_000 + rng.random()))
        xy = np.column_stack([t, np.clip(y, 0.02, 0.98)]) * side
        lines.append(shapely.linestrings(np.round((xy[:, ::-1] if k % 2 else xy) + CORNER, 3)))
    return np.array(lines)


def sites(rng, side):
    """Return sites in [0, side]²: blocks of rows and columns, villages of small parcels, all smoothly warped."""
    blocks = max(4, round(side / (20 * CELL_M / np.sqrt(1.35))))
    block = side / blocks
    shapes = rng.choice([(20, 20), (40, 10), (10, 40), (28, 14), (14, 28)], size=blocks * blocks)
    found = []
    for k, (columns, rows) in enumerate(shapes):
        corner = np.array(divmod(k, blocks)) * block
        grid = np.meshgrid(np.arange(columns), np.arange(rows))
        p = np.column_stack([axis.ravel() for axis in grid]) + 0.5
        p = (p + rng.uniform(-0.38, 0.38, (columns * rows, 2))) / (columns, rows) * block + corner
        if rng.random() < 0.5:
            for _ in range(rng.integers(1, 3)):
                p = with_village(rng, p, corner, block)
        found.append(p)
    p = np.vstack(found)
    for _ in range(6):
        kx, ky = rng.uniform(0.5, 4, 2) * 2 * np.pi / 25_000
        phase, height = rng.uniform(0, 6.28, 2), rng.uniform(300, 900)
        fade = np.sin(np.pi * p[:, 0] / side) * np.sin(np.pi * p[:, 1] / side)  # nothing moves at the frame
        way = rng.uniform(0, 6.28)
        s = height * fade * np.sin(kx * p[:, 0] + phase[0]) * np.sin(ky * p[:, 1] + phase[1])
        p = p + np.column_stack([s * np.cos(way), s * np.sin(way)]) * 0.5
    return p


def with_village(rng, p, corner, block):
    """Replace the sites of a circle by many small ones."""
    centre = corner + rng.uniform(0.2, 0.8, 2) * block
    radius = rng.uniform(0.04, 0.09) * block
    p = p[((p - centre) ** 2).sum(1) > radius * radius]
    count = rng.integers(30, 70)
    angle = rng.uniform(0, 2 * np.pi, count)
    out = radius * np.sqrt(rng.uniform(0, 1, count))
    return np.vstack([p, centre + np.column_stack([out * np.cos(angle), out * np.sin(angle)])])


def fractal(rng, count, levels):
    """Return rows of midpoint displacement with 2**levels segments, 0 at both ends and within ±1."""
    size = 2**levels
    s, step, height = np.zeros((count, size + 1)), size, 0.55
    while step > 1:
        half = step // 2
        noise = rng.uniform(-height, height, (count, size // step))
        s[:, half::step] = 0.5 * (s[:, :-1:step] + s[:, step::step]) + noise
        step, height = half, height * 0.5
    return np.clip(s, -0.98, 0.98)


# --- the coverage ---


def coverage(rng, side, rivers, roads):
    """Return the land-use patches in Hilbert order."""
    places = sites(rng, side) + CORNER
    net = voronoi(places, side)
    points, segments = borders(rng, net)
    cells = rings(net, points, segments)
    group, kind, groups = along_lines(places, rivers, roads, side)
    merge_pairs(rng, net, group, groups)
    patches, kinds = merged(cells, group, kind)
    if not shapely.is_valid(patches).all():
        patches = shapely.make_valid(patches)
    x, y = shapely.get_coordinates(shapely.centroid(patches)).T
    field = np.sin(x / 2300) + np.cos(y / 3100) + np.sin((x + y) / 1700) + rng.normal(0, 0.5, len(patches))
    code = CODES[np.digitize(field, [-2.4, -1.2, 0.9, 1.4, 1.8, 2.1, 2.3, 2.7])]
    code = np.where(kinds == RIVER, "1101", np.where(kinds == ROAD, "1006", code))
    area = shapely.area(patches)
    code = np.where((area < 900) & (kinds == 0), "0702", code)
    columns = {"BSM": np.arange(len(patches)), "DLBM": code, "TBMJ": np.round(area, 2)}
    return along_hilbert(gpd.GeoDataFrame(columns, geometry=patches, crs=CRS), "BSM")


def along_hilbert(layer, id_column):
    """Return a layer in Hilbert order, numbered anew."""
    order = np.argsort(layer.hilbert_distance(level=16).to_numpy(), kind="stable")
    return layer.iloc[order].reset_index(drop=True).assign(**{id_column: np.arange(len(layer))})


def voronoi(places, side):
    """Return the borders between cells; the outer sites are mirrored so that every cell closes."""
    low, high, depth = CORNER, CORNER + side, 24 * CELL_M
    mirrored = []
    for axis in (0, 1):
        for edge in (low, high):
            q = places[np.abs(places[:, axis] - edge[axis]) < depth]
            q[:, axis] = 2 * edge[axis] - q[:, axis]
            mirrored.append(q)
    full = np.vstack([places, *mirrored])
    diagram = Voronoi(full)
    ridges, ends = diagram.ridge_points, np.asarray(diagram.ridge_vertices)
    keep = (ridges < len(places)).any(1) & (ends >= 0).all(1)
    corners, ends = np.round(diagram.vertices, 4), ends[keep]
    return Net(len(places), full, ridges[keep], corners[ends[:, 0]], corners[ends[:, 1]])


def borders(rng, net):
    """Return the points of all borders one after the other, and the segments of each: one point more than those."""
    a, d, length = net.a, net.b - net.a, net.length
    left, right = net.sites[net.ridges[:, 0]], net.sites[net.ridges[:, 1]]
    half = 0.5 * np.hypot(*(right - left).T)
    foot = ((0.5 * (left + right) - a) * d).sum(1) / np.maximum(length, 1e-9) ** 2
    beyond = np.maximum(np.maximum(-foot, foot - 1), 0)
    height = np.minimum(half / (1 + beyond), 0.35 * length) * 0.9
    level = np.select([length < 2, length < 8, length < 25], [0, 2, 3], 4)
    level = np.where((level == 4) & (rng.random(len(a)) < 0.28), 5, level)
    normal = np.column_stack([-d[:, 1], d[:, 0]]) / np.maximum(length, 1e-9)[:, None]
    start = starts(2**level + 1)
    points = np.empty((start[-1], 2))
    for k in range(6):
        rows = np.where(level == k)[0]
        for first in range(0, len(rows), 200_000):
            i = rows[first : first + 200_000]
            t = np.linspace(0, 1, 2**k + 1)
            s = fractal(rng, len(i), k) * (np.minimum(t, 1 - t) * 1.2)[None] * height[i][:, None]
            xy = a[i][:, None, :] + t[None, :, None] * d[i][:, None, :] + s[:, :, None] * normal[i][:, None, :]
            xy[:, 0], xy[:, -1] = a[i], net.b[i]
            points[(start[i][:, None] + np.arange(2**k + 1)[None]).ravel()] = np.round(xy.reshape(-1, 2), 4)
    return points, 2**level


def rings(net, points, segments):
    """Return the cells as polygons: their borders in order around the site, each without its last point."""
    cell = np.concatenate([net.ridges[:, 0], net.ridges[:, 1]])
    ridge = np.tile(np.arange(len(net.ridges)), 2)
    cell, ridge = cell[cell < net.count], ridge[cell < net.count]
    d = net.b - net.a
    middle = 0.5 * (net.a + net.b)[ridge] - net.sites[cell]
    ray = net.a[ridge] - net.sites[cell]
    forward = ray[:, 0] * d[ridge][:, 1] - ray[:, 1] * d[ridge][:, 0] > 0
    order = np.lexsort((np.arctan2(middle[:, 1], middle[:, 0]), cell))
    cell, ridge, forward = cell[order], ridge[order], forward[order]
    first_of = np.searchsorted(cell, np.arange(net.count + 1))
    start = starts(segments + 1)
    polygons = np.empty(net.count, object)
    for low in range(0, net.count, 100_000):
        high = min(net.count, low + 100_000)
        part = slice(first_of[low], first_of[high])
        n = segments[ridge[part]]
        step, base, size = counted(n), np.repeat(start[ridge[part]], n), np.repeat(n, n)
        xy = points[np.where(np.repeat(forward[part], n), base + step, base + size - step)]
        owner = np.repeat(cell[part] - low, n)
        offsets = starts(np.bincount(owner, minlength=high - low) + 1)
        closed = np.empty((offsets[-1], 2))
        closed[np.arange(len(xy)) + owner] = xy
        closed[offsets[1:] - 1] = closed[offsets[:-1]]
        parts = (offsets, np.arange(high - low + 1))
        polygons[low:high] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, closed, parts)
    return polygons


def starts(sizes):
    """Return where runs of these sizes begin, and the end of the last."""
    return np.concatenate([[0], np.cumsum(sizes)])


def counted(sizes):
    """Return 0, 1, 2, … for each run of these sizes."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)


def along_lines(places, rivers, roads, side):
    """Return for each cell the group it is merged into (-1: none) and what it is, and the number of groups."""
    group, kind, groups = np.full(len(places), -1), np.zeros(len(places), int), 0
    tree = cKDTree(places)
    for which, lines, run, shifts in ((RIVER, rivers, 2500, (-60, 0, 60)), (ROAD, roads, 900, (0,))):
        for line in lines:
            xy = shapely.get_coordinates(shapely.segmentize(line, 8.0))
            along = starts(np.hypot(*np.diff(xy, axis=0).T))
            way = np.gradient(xy, axis=0)
            way /= np.hypot(*way.T)[:, None]
            for shift in shifts:
                q = xy + np.column_stack([-way[:, 1], way[:, 0]]) * shift
                inside = ((q > CORNER) & (q < CORNER + side)).all(1)
                _, near = tree.query(q[inside])
                named = groups + (along[inside] / run).astype(int)
                free = group[near] < 0
                group[near[free]], kind[near[free]] = named[free], which
            groups += int(along[-1] / run) + 1
    return group, kind, groups


def merge_pairs(rng, net, group, groups):
    """Put pairs of free neighbours into groups of their own: half of those that prefer each other."""
    wish = rng.random(len(net.ridges))
    possible = (net.ridges < net.count).all(1) & (net.length > 8)
    possible[possible] = (group[net.ridges[possible]] < 0).all(1)
    inner = (net.ridges < net.count).all(1) & (net.length > 8)
    wish[~possible] = 2
    best = np.full(net.count, 2.0)
    for end in (0, 1):
        np.minimum.at(best, net.ridges[inner, end], wish[inner])
    chosen = np.where(possible)[0]
    chosen = chosen[(wish[chosen, None] == best[net.ridges[chosen]]).all(1)]
    chosen = chosen[rng.random(len(chosen)) < 0.5]
    for end in (0, 1):
        group[net.ridges[chosen, end]] = groups + np.arange(len(chosen))


def merged(cells, group, kind):
    """Return the patches and their kinds: single cells first, then the parts of each group's union."""
    grouped = np.where(group >= 0)[0]
    grouped = grouped[np.argsort(group[grouped], kind="stable")]
    unions, kinds = [], []
    for members in np.split(grouped, np.flatnonzero(np.diff(group[grouped])) + 1):
        parts = shapely.get_parts(shapely.coverage_union_all(cells[members]))
        unions.extend(parts)
        kinds.extend([kind[members[0]]] * len(parts))
    single = cells[group < 0]
    return np.concatenate([single, np.array(unions, object)]), np.concatenate([np.zeros(len(single), int), kinds])


# --- the risk layers ---


def is_surveyed(x, y):
    """Say whether a township's farmland was drawn along its patches."""
    return ((x // TOWNSHIP_M).astype(int) * 7 + (y // TOWNSHIP_M).astype(int) * 3) % 2 == 0


def farmland(rng, land, side, share):
    """Return farmland units: unions of patches along the Hilbert curve, and fields digitised on their own."""
    shapes = np.asarray(land.geometry.array)
    x, y = shapely.get_coordinates(shapely.centroid(shapes)).T
    taken = np.where(np.isin(land["DLBM"].to_numpy(), ["0101", "0102", "0103"]) & is_surveyed(x, y))[0]
    cuts = np.cumsum(rng.integers(4, 12, len(taken)))
    unions = []
    for members in np.split(taken, cuts[cuts < len(taken)]):
        unions.extend(shapely.get_parts(shapely.coverage_union_all(shapes[members])))
    unions = np.array(unions, object)
    unions = unions[np.sort(rng.permutation(len(unions))[: int(60_000 * share)])]
    drawn = fields(rng, side)
    count = min(len(drawn), int(100_000 * share) - len(unions))
    drawn = drawn[np.sort(rng.permutation(len(drawn))[:count])]
    both = np.concatenate([unions, drawn])
    grade = rng.choice(["优先保护", "安全利用", "严格管控"], len(both), p=[0.85, 0.14, 0.01])
    return along_hilbert(frame(both, cls=grade), "id")


def fields(rng, side):
    """Return fields of the other townships: shrunken Voronoi cells of a loose grid, twelve points to an edge."""
    n = round(side / 330)
    grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2)
    places = (grid + 0.5 + rng.uniform(-0.4, 0.4, (n * n, 2))) * (side / n) + CORNER
    diagram, found = Voronoi(places), []
    t = np.linspace(0, 1, 12, endpoint=False)[None, :, None]
    surveyed = is_surveyed(*places.T)
    for i, region in enumerate(diagram.point_region):
        corners = diagram.regions[region]
        if -1 in corners or len(corners) < 3 or surveyed[i]:
            continue
        q = diagram.vertices[corners]
        if (q < CORNER).any() or (q > CORNER + side).any():
            continue
        ring = (q[:, None] * (1 - t) + np.roll(q, -1, 0)[:, None] * t).reshape(-1, 2)
        centre = q.mean(0)
        ring = centre + (ring - centre) * (0.93 - 0.05 * rng.random(len(ring)))[:, None]
        found.append(shapely.polygons(np.round(ring, 3)))
    found = np.array(found, object)
    return found[shapely.is_valid(found)]


def plots(rng, side, count):
    """Return star-shaped plots."""
    centres, found = rng.uniform(0.02, 0.98, (count, 2)) * side + CORNER, []
    for centre in centres:
        n = rng.integers(8, 60)
        angle = np.sort(rng.uniform(0, 2 * np.pi, n))
        mean = np.sqrt(10 ** rng.uniform(2.7, 5.5) / np.pi)
        radius, flat = mean * rng.uniform(0.6, 1.4, n), rng.uniform(0.5, 1)
        xy = np.column_stack([radius * np.cos(angle), flat * radius * np.sin(angle)])
        shape = shapely.polygons(np.round(centre + xy, 3))
        found.append(shape if shape.is_valid else shapely.convex_hull(shape))
    return frame(found)


def outfalls(rng, rivers, side, count):
    """Return outfalls near rivers, their surroundings and the rivers below them."""
    which, fraction = rng.integers(0, len(rivers), count), rng.random(count)
    on_river = shapely.line_interpolate_point(rivers[which], fraction, normalized=True)
    xy = np.round(shapely.get_coordinates(on_river) + rng.normal(0, 60, (count, 2)), 3)
    inside = ((xy > CORNER) & (xy < CORNER + side)).all(1)
    points = shapely.points(xy[inside])
    corridors = []
    for river, part in zip(rivers[which[inside]], fraction[inside], strict=True):
        begin = part * river.length
        below = substring(river, begin, min(river.length, begin + 5000))
        corridors.append(shapely.buffer(shapely.simplify(below, 0.5), 100, quad_segs=8))
    return {
        "outfalls": frame(points, river=which[inside]),
        "outfall_buf": frame(shapely.buffer(points, 500, quad_segs=16), river=which[inside]),
        "outfall_corr": frame(corridors),
    }


def zones(rng, rivers, side, share):
    """Return protection zones: the huge ones first."""
    huge = max(4, int(14 * np.sqrt(share)))
    found = [huge_zone(rng, rivers[k % len(rivers)]) for k in range(huge)]
    for k in range(max(30, int(300 * share)) - huge):
        if k % 3 == 0:
            river = rivers[rng.integers(len(rivers))]
            begin = rng.uniform(0, 0.9) * river.length
            core = substring(river, begin, begin + rng.uniform(800, 4000))
            found.append(shapely.buffer(core, rng.uniform(50, 300), quad_segs=16))
        else:
            core = shapely.points(*(rng.uniform(0.02, 0.98, 2) * side + CORNER))
            found.append(shapely.buffer(core, rng.uniform(50, 600), quad_segs=16))
    return frame(found, level=["二级"] * huge + ["一级"] * (len(found) - huge))


def huge_zone(rng, river):
    """Return a zone along up to 90 km of river, its border rough, with islands."""
    begin = rng.uniform(0, 0.4) * river.length
    end = begin + min(river.length - begin, 90_000)
    core = shapely.buffer(substring(river, begin, end), rng.uniform(300, 1200), quad_segs=32)
    xy = shapely.get_coordinates(shapely.segmentize(core.exterior, max(2.0, core.exterior.length / 30_000)))
    rough = np.convolve(np.pad(rng.normal(0, 1, len(xy)), 20, mode="wrap"), np.ones(41) / 41, "valid")[: len(xy)] * 20
    way = np.roll(xy, -1, 0) - np.roll(xy, 1, 0)
    way /= np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    ring = np.round(xy + np.column_stack([way[:, 1], -way[:, 0]]) * rough[:, None], 3)
    ring[-1] = ring[0]
    zone = max(shapely.get_parts(shapely.make_valid(shapely.polygons(ring))), key=lambda part: part.area)
    places = shapely.line_interpolate_point(river, rng.uniform(begin, end, 80))
    return shapely.difference(zone, shapely.union_all(shapely.buffer(places, rng.uniform(30, 200, 80), quad_segs=16)))


if __name__ == "__main__":
    generate(sys.argv[1], Path(sys.argv[2]))

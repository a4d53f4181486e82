"""The corridor of a section: so far up the river and all its tributaries, so far down, so wide on each side.

A place belongs to it when the nearest place on these rivers is within the lengths and not farther than the width; the ends
are therefore cut across the river, not rounded. Source: 济政〔2018〕29号 三(三)1 (5000 m up, 500 m down, 500 m each side).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyproj
import shapely

from geosys.geo.crs import check_metric, parse_crs
from geosys.geo.distances import check_length
from geosys.geo.river_distance import missing_rows
from geosys.geo.river_flow import Flow, real_reach, walked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_flow import OnRiver
    from geosys.geo.river_network import Network

UP_M, DOWN_M, WIDTH_M, MARK_M = 5000.0, 500.0, 500.0, 500.0
QUADRANT = 32  # edges of a quarter of a circle: at 500 m the border is at most 15 cm inside the true one
BEYOND = 2.0  # widths: what lies nearer to the river beyond an end than to the river within is no farther along it
STEP = 0.01  # of the width, between the samples that tell which river is nearer
END_M, SLIVER_M, TIE_M = 0.1, 1e-3, 1e-6
GOLDEN = 0.7548776662466927  # multiples of it and of its square fill a square evenly
SHAKEN_M, FITTING = (0.0, 1e-6, 1e-5, 1e-4, 1e-3), 1e-6
SIDES = {"left": -1, "right": 1}


@dataclass(frozen=True, slots=True)
class Corridors:
    """Hold the corridors of sections in one metric plane.

    Attributes
    ----------
    areas
        One row a section with a corridor: `section`, `up_m` and `down_m` (length of all rivers in it), `geometry`.
    stretches
        The rivers in it and, `is_within` false, next beyond its ends: `section`, `reach`, `from_m`, `to_m` (from the reach's
        upstream end), `near_m`, `far_m` (channel distance of the two, + upstream), `is_within`, `is_stem` (of the section's
        own river), `geometry` (drawn downstream).
    marks
        Places at round distances: `section`, `reach`, `distance_m` (+ upstream), `geometry`.
    missing
        One row for each section without a sure corridor, as from `geosys.geo.river_distance.along_river`.
    scale
        Metres of the plane per metre on the ground at each section, shape (s,).
    width_m, side
        As asked for.
    """

    areas: pd.DataFrame
    stretches: pd.DataFrame
    marks: pd.DataFrame
    missing: pd.DataFrame
    scale: NDArray[np.float64]
    width_m: float
    side: str | None


def corridors(
    network: Network,
    sections: OnRiver,
    crs: str,
    up_m: float = UP_M,
    down_m: float = DOWN_M,
    width_m: float = WIDTH_M,
    side: str | None = None,
    mark_m: float = MARK_M,
    undirected: NDArray[np.bool_] | None = None,
) -> Corridors:
    """Draw the corridor of each section.

    Parameters
    ----------
    network
        Reaches in a metric plane, in flow direction; a `blocked` one ends the corridor.
    sections
        Where they stand on it.
    crs
        The plane's CRS; widths are metres on the ground and drawn with its scale at the section.
    up_m, down_m, width_m
        Lengths along the channel and the width on each side, metres on the ground.
    side
        `left` or `right` of the section's own river, looking downstream, where only one is asked for.
    mark_m
        Distance between marks.
    undirected
        Whether each reach's direction is not known, shape (m,), the network's `unsettled` by default: a corridor ends there.

    Raises
    ------
    CrsError
        When the CRS is none in true metres.
    ValueError
        When a length cannot be one, or the side is another word.
    """
    check_metric(crs, "corridors")
    for name, length in (("up_m", up_m), ("down_m", down_m), ("width_m", width_m)):
        check_length(name, length)
    if side is not None and side not in SIDES:
        raise ValueError(f"side: got {side!r}, expected 'left' or 'right' (looking downstream), or none for both.")
    if not mark_m > 0 or width_m == 0:
        raise ValueError(f"mark_m, width_m: got {mark_m} and {width_m}, expected metres above 0.")
    flow = Flow.of(network, undirected)
    found = pd.concat(
        [
            _split(walked(flow, sections, length + BEYOND * width_m, sign > 0), length, sign)
            for length, sign in ((up_m, 1), (down_m, -1))
        ],
        ignore_index=True,
    ).sort_values(["section", "near_m"], ignore_index=True, kind="stable")
    row = found["reach"].to_numpy()
    found["geometry"] = cut_lines(network.lines[row], *_parts(network, row, found["from_m"], found["to_m"]))
    found["is_stem"] = _is_stem(network, sections, found["section"].to_numpy(), row)
    scale = _scale(network, sections, crs)
    areas = [_area(s, part, width_m * scale[s], side) for s, part in found.groupby("section")]
    marks = _marks(network, found[found["is_within"]], mark_m)
    columns = {"section": np.int64, "up_m": np.float64, "down_m": np.float64, "geometry": object}
    table = pd.DataFrame(areas, columns=list(columns)).astype(columns)
    missing = missing_rows(network, "section", sections, undirected)
    return Corridors(table, found, marks, missing, scale, width_m, side)


def cut_lines(lines: NDArray[np.object_], begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the part of each line between two parts of its length, `begin` < `end`, with all vertices in between.

    Examples
    --------
    >>> line = shapely.from_wkt("LINESTRING (0 0, 10 0, 10 10)")
    >>> cut_lines(np.array([line]), np.array([0.25]), np.array([0.75])).tolist()
    [<LINESTRING (5 0, 10 0, 10 5)>]
    """
    whole = (begin <= 0) & (end >= 1)
    result = np.array(lines, dtype=object)
    some = np.flatnonzero(~whole)
    if not len(some):
        return result
    xy, owner = shapely.get_coordinates(result[some], return_index=True)
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    is_first = np.diff(owner, prepend=-1) > 0
    step[is_first] = 0.0
    run = np.cumsum(step)
    run -= run[is_first][owner]
    length = shapely.length(result[some])
    lo, hi = begin[some] * length, end[some] * length
    keep = (run > lo[owner] + TIE_M) & (run < hi[owner] - TIE_M)
    ends = [shapely.get_coordinates(shapely.line_interpolate_point(result[some], at)) for at in (lo, hi)]
    points = np.concatenate([ends[0], xy[keep], ends[1]])
    index = np.concatenate([np.arange(len(some)), owner[keep], np.arange(len(some))])
    order = np.argsort(index, kind="stable")
    result[some] = shapely.linestrings(points[order], indices=index[order])
    return result


def _split(found: pd.DataFrame, limit: float, sign: int) -> pd.DataFrame:
    """Cut stretches where the distance is the limit, into what is within and what is beyond."""
    columns = ["source", "reach", "from_m", "to_m", "near_m", "far_m"]
    parts = []
    for is_within in (True, False):
        part = found[columns].rename(columns={"source": "section"})
        near, far = part["near_m"], part["far_m"]
        new_near, new_far = (
            (near.clip(upper=limit), far.clip(upper=limit))
            if is_within
            else (near.clip(lower=limit), far.clip(lower=limit))
        )
        head, tail = new_near - near, far - new_far
        up, down = (tail, head) if sign > 0 else (head, tail)
        part = part.assign(from_m=part["from_m"] + up, to_m=part["to_m"] - down, is_within=is_within)
        part["near_m"], part["far_m"] = sign * new_near, sign * new_far
        parts.append(part[new_far > new_near])
    return pd.concat(parts, ignore_index=True)


def _parts(
    network: Network, row: NDArray[np.int64], *metres: pd.Series
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return metres from the upstream end as parts of the reach."""
    length = np.maximum(network.length_m[row], np.finfo(float).tiny)
    first, last = (np.clip(m.to_numpy() / length, 0.0, 1.0) for m in metres)
    return first, last


def _is_stem(
    network: Network, sections: OnRiver, section: NDArray[np.int64], row: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which reaches are of the section's own river; all, where that has no name."""
    names = np.array([name if isinstance(name, str) else "" for name in network.river.tolist()], dtype=object)
    own = names[real_reach(sections)[section]]
    return np.asarray((own == "") | (names[row] == own), dtype=bool)


def _scale(network: Network, sections: OnRiver, crs: str) -> NDArray[np.float64]:
    """Return metres of the plane per metre on the ground at each section, 1 where it has no river."""
    reach = real_reach(sections)
    on = np.flatnonzero(reach >= 0)
    scale = np.ones(len(reach))
    if not len(on):
        return scale
    middle = shapely.get_coordinates(shapely.line_interpolate_point(network.lines[reach[on]], 0.5, normalized=True))
    parsed = parse_crs(crs)
    change = pyproj.Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)
    factors = pyproj.Proj(parsed).get_factors(*change.transform(*middle.T))
    scale[on] = np.sqrt(np.asarray(factors.areal_scale))
    return scale


def _area(section: int, part: pd.DataFrame, width: float, side: str | None) -> tuple[int, float, float, object]:
    """Return the row of one section; `width` in metres of the plane."""
    within = part["is_within"].to_numpy()
    lines = part["geometry"].to_numpy()
    if not within.any():
        return section, 0.0, 0.0, shapely.Polygon()
    rivers = shapely.multilinestrings(lines[within])
    area = shapely.buffer(rivers, width, quad_segs=QUADRANT)
    if not within.all():
        area = shapely.difference(area, _beyond(lines, within, width))
    if side is not None:
        area = shapely.intersection(area, _beside(lines[part["is_stem"].to_numpy()], area, width, SIDES[side]))
    length = (part["to_m"] - part["from_m"]).to_numpy()
    upper = part["far_m"].to_numpy() > 0
    return section, float(length[within & upper].sum()), float(length[within & ~upper].sum()), area


def _beyond(lines: NDArray[np.object_], within: NDArray[np.bool_], width: float) -> shapely.Geometry:
    """Return the area that is nearer to the rivers beyond the ends than to those within."""
    outer = shapely.multilinestrings(lines[~within])
    points, owner, _ = _samples(lines, STEP * width)
    is_outer = ~within[owner]
    shape = shapely.points(points)
    shapely.prepare(outer)
    near = is_outer | shapely.dwithin(shape, outer, (BEYOND + 4 * STEP) * width)
    inner = shapely.multilinestrings(lines[within])
    twice = is_outer & (
        shapely.distance(shape, inner) < TIE_M
    )  # a reach in a circle is within one way, beyond the other
    near &= ~twice
    cells = _cells(points[near], inner, 2.0 * width)
    # farther from the rivers beyond, the rivers within were not all looked at: what lies there is nearer to one of them
    around = shapely.buffer(outer, (1.0 + STEP) * width, quad_segs=QUADRANT)
    return shapely.intersection(shapely.union_all(cells[is_outer[near]]), around)


def _beside(lines: NDArray[np.object_], area: shapely.Geometry, width: float, sign: int) -> shapely.Geometry:
    """Return the part of the plane, as far as an area goes, on one side of rivers: half the cells of their samples."""
    points, _, forward = _samples(lines, STEP * width)
    cells = _cells(points, area, width)
    west, south, east, north = shapely.total_bounds(cells)
    reach = float(np.hypot(east - west, north - south))
    across = sign * np.column_stack([forward[:, 1], -forward[:, 0]])
    a, b = points - reach * forward, points + reach * forward
    half = shapely.polygons(np.stack([a, b, b + reach * across, a + reach * across], axis=1))
    return shapely.union_all(shapely.buffer(shapely.intersection(cells, half), SLIVER_M, join_style="mitre"))


def _samples(
    lines: NDArray[np.object_], step: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return points along lines, close to their ends and about a step apart, the line of each and its direction there."""
    length = shapely.length(lines)
    count = np.where(length > 2.0 * END_M, np.ceil(length / step).astype(np.int64) + 1, 1)
    owner = np.repeat(np.arange(len(lines)), count)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    inner = (length - 2.0 * END_M)[owner] * at / np.maximum(count[owner] - 1, 1) + END_M
    along = np.where(count[owner] > 1, inner, 0.5 * length[owner])
    ends = [np.clip(along + d, 0.0, length[owner]) for d in (-0.1 * END_M, 0.1 * END_M)]
    before, after = (shapely.get_coordinates(shapely.line_interpolate_point(lines[owner], at)) for at in ends)
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines[owner], along))
    forward = (after - before) / np.maximum(np.hypot(*(after - before).T), np.finfo(float).tiny)[:, None]
    once = np.sort(np.unique(np.round(points, 2), axis=0, return_index=True)[1])  # lines drawn twice have the same
    return points[once], owner[once], forward[once]


def _cells(points: NDArray[np.float64], area: shapely.Geometry, margin: float) -> NDArray[np.object_]:
    """Return for each point the area nearer to it than to the others, at least as far as around an area."""
    origin = np.round(points.mean(axis=0))  # near 0, as digits of far coordinates are too few for cells so small
    west, south, east, north = shapely.total_bounds([shapely.multipoints(points), area])
    room = shapely.box(*(np.array([west, south]) - origin - margin), *(np.array([east, north]) - origin + margin))
    if len(points) == 1:
        return np.array([shapely.transform(room, lambda xy: xy + origin)], dtype=object)
    # GEOS draws cells over each other where many points are on circles, as along two like arms: shaken, they are not
    number = np.arange(1, len(points) + 1)
    apart = np.column_stack([number * GOLDEN % 1.0, number * GOLDEN**2 % 1.0]) - 0.5
    for metres in SHAKEN_M:
        drawn = shapely.voronoi_polygons(
            shapely.multipoints(points - origin + metres * apart), extend_to=room, ordered=True
        )
        # convex as they are; GEOS now and then draws one of thousands with its corners out of order
        cells = np.asarray(shapely.convex_hull(shapely.get_parts(drawn)))
        whole = shapely.box(*shapely.total_bounds(cells)).area
        if abs(shapely.area(cells).sum() - whole) <= FITTING * whole:
            break
    return np.asarray(shapely.transform(cells, lambda xy: xy + origin))


def _marks(network: Network, within: pd.DataFrame, every: float) -> pd.DataFrame:
    """Return the places at multiples of a distance, where one stretch ends and the next begins only once."""
    near, far = np.abs(within["near_m"].to_numpy()), np.abs(within["far_m"].to_numpy())
    upper = within["far_m"].to_numpy() > 0
    first = np.floor(near / every + TIE_M / every) + 1
    first = np.where((near == 0) & upper, 0, first)
    last = np.floor(far / every + TIE_M / every)
    count = np.maximum(last - first + 1, 0).astype(np.int64)
    row = np.repeat(np.arange(len(within)), count)
    order = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    away = (first[row] + order) * every
    reach = within["reach"].to_numpy()[row]
    past = away - near[row]
    along = np.where(upper[row], within["to_m"].to_numpy()[row] - past, within["from_m"].to_numpy()[row] + past)
    part = np.clip(along / np.maximum(network.length_m[reach], np.finfo(float).tiny), 0.0, 1.0)
    marks = pd.DataFrame(
        {
            "section": within["section"].to_numpy()[row],
            "reach": reach,
            "distance_m": np.where(upper[row], away, -away),
            "geometry": shapely.line_interpolate_point(network.lines[reach], part, normalized=True),
        }
    )
    is_again = marks.duplicated(["section", "distance_m"]) & (marks["distance_m"] == 0)  # where rivers join at it
    return marks[~is_again].reset_index(drop=True)

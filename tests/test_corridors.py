"""Corridors: areas by eye, ends and sides, and 10,000 random points measured one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from rivers_toy import at, drawn, network_of, plain_distances

from geosys._errors import CrsError
from geosys.geo.corridor_members import beside_a_circle, members
from geosys.geo.corridors import corridors, cut_lines
from geosys.geo.river_flow import Places

if TYPE_CHECKING:
    from geosys.geo.river_network import Network

CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_850_000.0  # on the central meridian: a metre of the plane is a metre on the ground
HALF_CIRCLE = 0.5 * np.pi * 500.0**2


def moved(*lines: tuple[str, list[tuple[float, float]]]) -> Network:
    return drawn([(name, [(x + EAST, y + NORTH) for x, y in line]) for name, line in lines])


def point(x: float, y: float) -> shapely.Point:
    return shapely.Point(x + EAST, y + NORTH)


STRAIGHT = moved(("a", [(0, 0), (0, 4000)]), ("a", [(0, 4000), (0, 20_000)]))


# --- by eye ---


def test_a_straight_river() -> None:
    found = corridors(STRAIGHT, at((1, 6000)), CRS)  # at 10 km north; the river runs north
    (area,) = found.areas["geometry"]
    assert area.symmetric_difference(shapely.box(EAST - 500, NORTH + 5000, EAST + 500, NORTH + 10_500)).area < 1.0
    assert found.areas[["up_m", "down_m"]].to_numpy().tolist() == [[5000.0, 500.0]]
    within = found.stretches[found.stretches["is_within"]]
    assert within[["reach", "from_m", "to_m", "near_m", "far_m"]].to_numpy().tolist() == [
        [1, 1000, 6000, 0, 5000],
        [1, 6000, 6500, 0, -500],
    ]
    assert sorted(found.marks["distance_m"].tolist()) == [-500.0, *np.arange(0.0, 5001.0, 500.0).tolist()]
    here = found.marks.set_index("distance_m")["geometry"]
    assert here[3500.0].distance(point(0, 6500)) < 1e-6
    assert here[-500.0].distance(point(0, 10_500)) < 1e-6
    assert found.missing.empty


def test_a_corridor_ends_round_where_the_river_does() -> None:
    (area,) = corridors(STRAIGHT, at((0, 1000)), CRS).areas["geometry"]
    assert area.area == pytest.approx(1500 * 1000 + HALF_CIRCLE, rel=1e-3)


@pytest.mark.parametrize("along", [0.0, 4000.0])
def test_a_section_at_a_node_and_an_end_at_one(along: float) -> None:
    network = moved(("a", [(0, 0), (0, 5000)]), ("a", [(0, 5000), (0, 9000)]), ("a", [(0, 9000), (0, 9600)]))
    found = corridors(network, at((1, along)), CRS, up_m=along + 500.0 if along else 500.0)
    (area,) = found.areas["geometry"]
    low = 4500.0
    high = (9000 if along else 5000) + 500.0
    assert area.symmetric_difference(shapely.box(EAST - 500, NORTH + low, EAST + 500, NORTH + high)).area < 1.0
    assert (found.marks["distance_m"] == 0).sum() == 1


def test_one_side_of_the_own_river() -> None:
    network = moved(("a", [(0, 0), (0, 4000)]), ("a", [(0, 4000), (0, 8000)]), ("b", [(3000, 4000), (0, 4000)]))
    both, left, right = (corridors(network, at((1, 1000)), CRS, side=side) for side in (None, "left", "right"))
    areas = [found.areas["geometry"][0] for found in (both, left, right)]
    assert (
        areas[1].symmetric_difference(shapely.box(EAST - 500, NORTH, EAST, NORTH + 5500)).area - HALF_CIRCLE / 2 < 5e3
    )
    assert areas[1].bounds[2] < EAST + 0.01
    assert areas[2].bounds[0] > EAST - 0.01
    assert areas[2].area + areas[1].area == pytest.approx(areas[0].area, rel=1e-5)
    some = np.array([point(-100, 1000), point(100, 1000), point(2000, 4100), point(0, 2000)])
    assert members(left, some)["thing"].tolist() == [0, 3]
    assert members(right, some)["thing"].tolist() == [1, 2, 3]
    assert members(both, some)["side"].tolist() == ["left", "right", "right", ""]
    assert members(both, some)["distance_m"].tolist() == [4000.0, 4000.0, 3000.0, 3000.0]
    assert members(both, some)["offset_m"].tolist() == pytest.approx([100.0, 100.0, 100.0, 0.0])


def test_widths_are_metres_on_the_ground() -> None:
    far = 1.5 * 91_000.0  # 1.5° east of the central meridian the plane is 0.023 % too long
    network = drawn([("a", [(EAST + far, NORTH), (EAST + far, NORTH + 9000)])])
    found = corridors(network, at((0, 6000)), CRS)
    west, _, east, _ = found.areas["geometry"][0].bounds
    assert found.scale[0] == pytest.approx(1 + far**2 / 2 / 6_371_000**2, abs=3e-6)
    assert east - west == pytest.approx(1000 * found.scale[0], abs=1e-3)


def test_areas_and_lines_belong_where_they_meet_the_corridor() -> None:
    found = corridors(STRAIGHT, at((1, 6000)), CRS)
    field = shapely.box(EAST + 450, NORTH + 4000, EAST + 700, NORTH + 6000)  # nearest to the river below the upper end
    road = shapely.LineString([point(-600, 9000), point(600, 9000)])
    outside = shapely.box(EAST - 50, NORTH + 4000, EAST + 50, NORTH + 4999)
    answer = members(found, np.array([field, road, outside, None], dtype=object))
    assert answer["thing"].tolist() == [0, 1]
    assert answer["distance_m"].tolist() == pytest.approx([answer["distance_m"][0], 1000.0])
    assert 4000.0 <= answer["distance_m"][0] <= 5000.0
    assert answer["offset_m"].tolist() == pytest.approx([450.0, 0.0])


def test_a_section_without_river_or_behind_a_gate_is_a_row() -> None:
    network = drawn(
        [("a", [(EAST, NORTH), (EAST, NORTH + 3000)]), ("b", [(EAST, NORTH + 3000), (EAST, NORTH + 9000)])], (0,)
    )
    sections = Places(np.array([1, -1, 0]), np.array([1000.0, np.nan, 5.0]), np.zeros(3))
    found = corridors(network, sections, CRS)
    assert found.areas[["section", "up_m"]].to_numpy().tolist() == [[0, 1000.0]]
    assert found.missing[["position", "reason"]].to_numpy().tolist() == [[1, "no_river"], [2, "shut"]]
    nothing = corridors(network, at((-1, 0.0)), CRS)
    assert nothing.areas.empty
    assert nothing.marks.empty
    assert members(nothing, np.array([point(0, 0)])).empty


def test_wrong_calls_are_told() -> None:
    with pytest.raises(CrsError, match="corridors: got EPSG:3857"):
        corridors(STRAIGHT, at((1, 0)), "EPSG:3857")
    with pytest.raises(ValueError, match="side: got 'north'"):
        corridors(STRAIGHT, at((1, 0)), CRS, side="north")
    with pytest.raises(ValueError, match="up_m: got -5"):
        corridors(STRAIGHT, at((1, 0)), CRS, up_m=-5)
    with pytest.raises(ValueError, match=r"width_m: got 500\.0 and 0"):
        corridors(STRAIGHT, at((1, 0)), CRS, width_m=0)


def test_cut_lines_equals_shapely_piece_by_piece() -> None:
    from shapely.ops import substring

    rng = np.random.default_rng(3)
    lines = np.array([shapely.LineString(rng.uniform(0, 100, (n, 2))) for n in rng.integers(2, 9, 200)], dtype=object)
    begin, end = np.sort(rng.uniform(0, 1, (200, 2))).T
    begin[:50], end[25:75] = 0.0, 1.0
    for cut, line, a, b in zip(cut_lines(lines, begin, end), lines, begin, end, strict=True):
        assert shapely.equals_exact(cut, substring(line, a, b, normalized=True), 1e-9)


# --- ten thousand points, one by one ---


def winding(seed: int) -> Network:
    """Return a winding main river with tributaries, a branch that leaves it and one that comes back."""
    rng = np.random.default_rng(seed)
    nodes = np.array([(0, 0), (2500, 400), (5000, 0), (7500, 500), (9000, 0), (10_500, -600)], dtype=float)
    more = np.array([(2000, 2500), (5500, -2500), (7000, 2800), (9500, 2500)], dtype=float)
    xy = np.concatenate([nodes, more]) + np.array([EAST, NORTH])
    ways = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 1), (7, 2), (8, 3), (3, 9), (1, 2)]
    names = ["main"] * 5 + ["side"] * 5
    lines = []
    for a, b in ways:
        t = np.linspace(0, 1, 60)[:, None]
        bend = rng.normal(0, 1, (3, 2)) * (300.0, 300.0)
        waves = sum(np.sin((k + 1) * np.pi * t) * bend[k] for k in range(3))
        lines.append(shapely.LineString(np.round(xy[a] + t * (xy[b] - xy[a]) + waves * np.sin(np.pi * t), 2)))
    shapes = np.array(lines, dtype=object)
    return network_of(xy, np.array(ways), shapely.length(shapes), shapes, np.array(names, dtype=object))


def by_hand(network: Network, section: Places, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which points are in the corridor, the river distance of each, and how far it is from flipping.

    Measured at every metre of all rivers near it, with distances from a plain walk.
    """
    length = network.length_m
    reach = np.concatenate([np.full(int(m), r) for r, m in enumerate(length)])
    along = np.concatenate([np.arange(int(m)) + 0.5 for m in length])
    middle = at(*[(r, float(length[r]) / 2) for r in range(len(length))])
    up, down = plain_distances(network, middle, section)[:, 0], plain_distances(network, section, middle)[0]
    own, place = section.reach[0], section.along_m[0]
    above = np.where(reach == own, place - along, up[reach] + length[reach] / 2 - along)
    below = np.where(reach == own, along - place, down[reach] - length[reach] / 2 + along)
    distance = np.where(
        (above >= 0) & np.isfinite(above), above, np.where(np.isfinite(below) & (below >= 0), -below, np.nan)
    )
    there = (distance <= 6000) & (distance >= -1500)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(network.lines[reach[there]], along[there]))
    places = shapely.points(xy)
    within = (distance[there] <= 5000) & (distance[there] >= -500)
    trees = [shapely.STRtree(places[within]), shapely.STRtree(places[~within])]
    found = [tree.query_nearest(points, return_distance=True, all_matches=False) for tree in trees]
    inner, outer = found[0][1], found[1][1]
    nearest = distance[there][within][found[0][0][1]]
    return (inner <= 500) & (inner <= outer), nearest, np.minimum(np.abs(inner - 500), np.abs(inner - outer))


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_points_and_a_circle_beside(seed: int) -> None:
    network = winding(seed)
    section = at((3, 600.0))
    found = corridors(network, section, CRS)
    rng = np.random.default_rng(seed)
    xy = rng.uniform(
        shapely.bounds(found.areas["geometry"][0])[:2] - 300,
        shapely.bounds(found.areas["geometry"][0])[2:] + 300,
        (10_000, 2),
    )
    points = shapely.points(xy)
    inside, distance, margin = by_hand(network, section, points)
    answer = members(found, points)
    mine = np.zeros(len(points), dtype=bool)
    mine[answer["thing"]] = True
    clear = margin > 1.0  # the plain walk measures at every metre
    assert (mine == inside)[clear].all()
    assert clear.mean() > 0.99
    drawn_in = shapely.contains_properly(found.areas["geometry"][0], points)
    assert (drawn_in == mine)[clear].all()
    both = answer["thing"].to_numpy()
    gap = np.abs(answer["distance_m"].to_numpy() - distance[both])
    assert (gap <= 2.0).mean() > 0.98  # where two rivers are as near, either distance is right
    (counts,) = beside_a_circle(
        found, points, shapely.line_interpolate_point(network.lines[[3]], 600.0), 500.0
    ).itertuples()
    assert counts.in_corridor == mine.sum()
    assert counts.misses > 5 * counts.both  # the circle misses most of what lies along the river
    assert counts.in_circle == counts.both + counts.false_hits


@pytest.mark.parametrize("side", ["left", "right"])
def test_ten_thousand_points_of_one_side(side: str) -> None:
    network = winding(1)
    found = corridors(network, at((3, 600.0)), CRS, side=side)
    area = found.areas["geometry"][0]
    rng = np.random.default_rng(5)
    box = shapely.box(*area.bounds).buffer(300).bounds
    points = shapely.points(rng.uniform(box[:2], box[2:], (10_000, 2)))
    mine = np.zeros(len(points), dtype=bool)
    mine[members(found, points)["thing"]] = True
    differ = (shapely.contains_properly(area, points) != mine) & (shapely.distance(area.boundary, points) > 1.0)
    assert differ.sum() == 0
    assert mine.sum() > 1000


def test_a_line_drawn_twice_changes_nothing() -> None:
    once = moved(("a", [(0, 0), (0, 4000)]), ("a", [(0, 4000), (0, 8000)]))
    twice = moved(("a", [(0, 0), (0, 4000)]), ("a", [(0, 4000), (0, 8000)]), ("a", [(0, 0), (0, 4000)]))
    areas = [corridors(network, at((1, 1500)), CRS, up_m=4000.0).areas["geometry"][0] for network in (once, twice)]
    assert areas[0].symmetric_difference(areas[1]).area < 1.0

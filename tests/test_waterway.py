"""Who stands where on rivers: areas where rivers enter, leave and rise, by hand; the length of a river below each reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rivers_toy import drawn

from geosys.geo.river_distance import along_river
from geosys.geo.river_network import snap
from geosys.geo.waterway import Stops, area_stops, length_below, point_stops

MAIN = [("main", [(0, 0), (1000, 0)]), ("main", [(1000, 0), (3000, 0)]), ("side", [(1000, 2000), (1000, 0)])]


def told(stops: Stops) -> list[tuple[int, int, float]]:
    return [
        (int(f), int(r), round(float(a), 3)) for f, r, a in zip(stops.feature, stops.reach, stops.along_m, strict=True)
    ]


def areas(*shapes: object) -> np.ndarray:
    return np.array(shapes, dtype=object)


def test_an_area_stands_where_a_river_enters_and_where_it_leaves() -> None:
    stops = area_stops(areas(shapely.box(1200, -50, 2500, 50)), drawn(MAIN), 500)
    assert told(stops) == [(0, 1, 200.0), (0, 1, 1500.0)]
    assert stops.offset_m.tolist() == [0.0, 0.0]
    assert not stops.is_doubtful.any()


def test_an_area_over_a_confluence_has_every_way_in_and_out() -> None:
    stops = area_stops(areas(shapely.box(800, -100, 1300, 100)), drawn(MAIN), 500)
    assert told(stops) == [(0, 0, 800.0), (0, 1, 300.0), (0, 2, 1900.0)]


def test_a_river_wholly_inside_stands_at_its_upstream_end() -> None:
    network = drawn([*MAIN, ("brook", [(100, 5000), (100, 5400)])])
    stops = area_stops(areas(shapely.box(0, 4900, 500, 5500)), network, 500)
    assert told(stops) == [(0, 3, 0.0)]
    assert stops.reason_en.tolist() == ["a river rises inside it"]


def test_a_river_that_rises_inside_and_leaves_has_both_places() -> None:
    assert told(area_stops(areas(shapely.box(-10, -10, 500, 10)), drawn(MAIN), 500)) == [(0, 0, 0.0), (0, 0, 500.0)]


def test_a_border_through_a_node_is_one_place_on_the_reach_that_ends_there() -> None:
    stops = area_stops(areas(shapely.box(1000, -50, 1200, 50)), drawn(MAIN[:2]), 500)
    assert told(stops) == [(0, 0, 1000.0), (0, 1, 200.0)]


def test_a_river_along_the_border_stands_at_both_ends_of_that_stretch() -> None:
    assert told(area_stops(areas(shapely.box(200, 0, 700, 50)), drawn(MAIN[:1]), 500)) == [(0, 0, 200.0), (0, 0, 700.0)]


@pytest.mark.parametrize(("south", "offset"), [(300.0, -300.0), (-450.0, 400.0)])
def test_an_area_that_no_river_crosses_stands_at_the_nearest_place(south: float, offset: float) -> None:
    stops = area_stops(areas(shapely.box(400, south, 500, south + 50)), drawn(MAIN[:1]), 500)
    assert stops.reach.tolist() == [0]
    assert 400 <= stops.along_m[0] <= 500
    assert stops.offset_m[0] == offset  # left of the flow is negative


def test_an_area_too_far_from_all_rivers_and_one_without_a_place_stand_on_none() -> None:
    stops = area_stops(areas(shapely.box(400, 501, 500, 600), None, shapely.Polygon()), drawn(MAIN[:1]), 500)
    assert stops.feature.tolist() == [0, 1, 2]
    assert stops.reach.tolist() == [-1, -1, -1]
    assert np.isnan(stops.along_m).all()
    assert stops.reason_en.tolist() == ["no river within 500 m", "no position", "no position"]


def test_exactly_the_reach_is_near_enough() -> None:
    assert area_stops(areas(shapely.box(400, 500, 500, 600)), drawn(MAIN[:1]), 500).reach.tolist() == [0]


def test_another_river_about_as_near_leaves_a_doubt() -> None:
    network = drawn([("a", [(0, 0), (1000, 0)]), ("b", [(0, 1000), (1000, 1000)])])
    stops = area_stops(areas(shapely.box(400, 480, 600, 500), shapely.box(400, 100, 600, 120)), network, 950)
    assert stops.reach.tolist() == [0, 0]
    assert stops.is_doubtful.tolist() == [True, False]


def test_what_the_user_chose_counts_alone_and_at_any_distance() -> None:
    network = drawn([*MAIN[:2], ("b", [(1500, -500), (1500, 500)])])
    both = shapely.box(1400, -50, 1600, 50)
    stops = area_stops(areas(both, both), network, 10, np.array([2, 0]))
    assert told(stops) == [(0, 2, 450.0), (0, 2, 550.0), (1, 0, 1000.0)]
    assert all(why.startswith("用户指定") for why in stops.reason_zh)


def test_stops_serve_as_places_on_a_river() -> None:
    network = drawn(MAIN)
    points = point_stops(snap(np.array([[500.0, 10.0], [2500.0, 0.0]]), network, 100))
    zone = area_stops(areas(shapely.box(1500, -50, 2000, 50)), network, 500)
    pairs = along_river(network, zone, points, 5000, 5000).pairs
    found = {(row.section, row.point): row.distance_m for row in pairs.itertuples()}
    assert found == {(0, 0): 1000.0, (0, 1): -1000.0, (1, 0): 1500.0, (1, 1): -500.0}
    assert points.of(np.array([1])).feature.tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=2, max_size=5, unique=True),
    st.integers(0, 300), st.integers(0, 300), st.integers(10, 200), st.integers(10, 200),
)  # fmt: skip
def test_stops_lie_on_the_border_or_at_a_source(xy: list, west: int, south: int, wide: int, high: int) -> None:
    line, box = shapely.LineString(xy), shapely.box(west, south, west + wide, south + high)
    network = drawn([("a", list(line.coords))])
    stops = area_stops(areas(box), network, 1e6)
    places = shapely.line_interpolate_point(network.lines[stops.reach], stops.along_m)
    assert (shapely.distance(places, box) <= np.abs(stops.offset_m) + 1e-6).all()
    if shapely.intersects(line, box):
        on_border = shapely.distance(places, box.exterior) < 1e-6
        assert (on_border | (stops.along_m < 1e-6)).all()
        expected = shapely.intersection(line, box.exterior)
        points = shapely.get_parts(expected)
        points = points[shapely.get_dimensions(points) == 0]
        assert all((shapely.distance(places, point) < 1e-6).any() for point in points)
    else:
        assert np.abs(stops.offset_m) == pytest.approx(shapely.distance(line, box))


def test_the_length_below_is_that_of_the_river_of_the_name() -> None:
    assert length_below(drawn(MAIN)).tolist() == [2000.0, 0.0, 0.0]


def test_the_length_below_is_not_told_where_nobody_can() -> None:
    braid = drawn([
        ("a", [(0, 0), (1000, 0)]), ("a", [(1000, 0), (1500, 500), (2000, 0)]), ("a", [(1000, 0), (2000, 0)]),
        ("a", [(2000, 0), (2400, 0)]), ("", [(0, 9), (5, 9)]),
    ])  # fmt: skip
    assert np.isnan(length_below(braid)).tolist() == [True, False, False, False, True]
    assert length_below(braid)[1:4].tolist() == [400.0, 400.0, 0.0]
    ring = drawn([("r", [(0, 0), (10, 0)]), ("r", [(10, 0), (10, 10)]), ("r", [(10, 10), (0, 0)])])
    assert np.isnan(length_below(ring)).all()
    main = drawn(MAIN)
    unsure = replace(main, unsettled=np.array([False, True, False]))
    assert np.isnan(length_below(unsure)).tolist() == [True, True, False]

"""Who is upstream and downstream: rivers drawn by hand with distances by eye, and random ones against a plain walk."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rivers_toy import at, drawn, network_of, plain_distances

from geosys.geo.river_distance import along_river, place_text
from geosys.geo.river_flow import Places
from geosys.geo.tracing import downstream_of, path_of, upstream_of

if TYPE_CHECKING:
    from geosys.geo.river_network import Network

# A main river to the east, 3 km, and a tributary of 2 km that joins after 1 km.
TREE = [
    ("main", [(0, 0), (1000, 0)]),
    ("main", [(1000, 0), (3000, 0)]),
    ("side", [(1000, 2000), (1000, 0)]),
]
# After 1 km the water takes a northern way of 1 + 2 + 1 km or a southern of 0.5 + 2 + 0.5 km, then 1 km more.
BRAID = [
    ("a", [(0, 0), (1000, 0)]),
    ("a", [(1000, 0), (1000, 1000), (3000, 1000), (3000, 0)]),
    ("a", [(1000, 0), (1000, -500), (3000, -500), (3000, 0)]),
    ("a", [(3000, 0), (4000, 0)]),
]
# The river divides after 1 km: 2 km to the sea, and a canal of 3 km to another river 1 km from its end.
CANAL = [
    ("a", [(0, 0), (1000, 0)]),
    ("a", [(1000, 0), (3000, 0)]),
    ("canal", [(1000, 0), (1000, 3000)]),
    ("b", [(0, 3000), (1000, 3000)]),
    ("b", [(1000, 3000), (2000, 3000)]),
]
# A ring of 4 km in which water runs in a circle, fed by 1 km and drained by 1 km.
LOOP = [
    ("in", [(-1000, 0), (0, 0)]),
    ("ring", [(0, 0), (1000, 0), (1000, 1000)]),
    ("ring", [(1000, 1000), (0, 1000), (0, 0)]),
    ("out", [(1000, 1000), (2000, 1000)]),
]


def told(network: Network, sections: Places, points: Places, up: float = 1e6, down: float = 1e6) -> dict:
    pairs = along_river(network, sections, points, up, down).pairs
    assert pairs["is_path_known"].all()
    result: dict = {}
    for row in pairs.itertuples():
        result.setdefault((row.section, row.point), []).append(round(row.distance_m, 6))
    return result


# --- distances by eye ---


def test_in_a_tree() -> None:
    points = at((0, 400), (2, 500), (1, 100), (1, 1500))
    # Section 1 km below the join; one 500 m up the tributary's mouth.
    assert told(drawn(TREE), at((1, 1000), (2, 1500)), points) == {
        (0, 0): [1600.0],
        (0, 1): [2500.0],
        (0, 2): [900.0],
        (0, 3): [-500.0],
        (1, 1): [1000.0],
        (1, 2): [-600.0],
        (1, 3): [-2000.0],
    }


def test_in_a_braid_the_shorter_way_counts() -> None:
    found = told(drawn(BRAID), at((3, 500)), at((0, 900), (1, 1000), (2, 500)))
    assert found == {(0, 0): [100 + 3000 + 500.0], (0, 1): [3000 + 500.0], (0, 2): [2500 + 500.0]}
    assert told(drawn(BRAID), at((1, 100)), at((2, 100))) == {}  # side by side: neither is above the other


def test_water_divides_into_a_canal() -> None:
    network = drawn(CANAL)
    found = told(network, at((1, 1000), (4, 600)), at((0, 0), (3, 0), (2, 1000)))
    assert found == {(0, 0): [2000.0], (1, 0): [1000 + 3000 + 600.0], (1, 1): [1600.0], (1, 2): [2600.0]}
    shut = drawn(CANAL, blocked=(2,))
    assert told(shut, at((1, 1000), (4, 600)), at((0, 0), (3, 0), (2, 1000))) == {(0, 0): [2000.0], (1, 1): [1600.0]}
    rows = along_river(shut, at((2, 5)), at((2, 1000)), 1e6, 1e6).missing
    assert rows[["kind", "position", "reason"]].to_numpy().tolist() == [["section", 0, "shut"], ["point", 0, "shut"]]
    gate = drawn(CANAL, gates=(2,))  # a gate that is open stops nothing
    assert told(gate, at((4, 600)), at((0, 0))) == {(0, 0): [4600.0]}


def test_water_in_a_circle_is_above_and_below() -> None:
    found = told(drawn(LOOP), at((1, 500)), at((1, 500), (1, 300), (1, 900), (0, 0), (3, 10)))
    assert found == {
        (0, 0): [0.0],
        (0, 1): [-3800.0, 200.0],
        (0, 2): [-400.0, 3600.0],
        (0, 3): [1500.0],
        (0, 4): [-1510.0],
    }


def test_places_at_one_node_are_at_one_place() -> None:
    ends = at((0, 1000), (1, 0), (2, 2000))
    assert told(drawn(TREE), ends, ends) == {(s, p): [0.0] for s in range(3) for p in range(3)}


def test_limits_count_and_offsets_are_told() -> None:
    points = at((1, 0), (1, 1000), (1, 1100), (1, 1101), offset=-7.5)
    answer = along_river(drawn(TREE), at((1, 1000)), points, 1000.0, 100.0).pairs
    assert answer["distance_m"].tolist() == [1000.0, 0.0, -100.0]
    assert answer["offset_m"].tolist() == [-7.5] * 3
    with pytest.raises(ValueError, match=r"up_m: got -1"):
        along_river(drawn(TREE), points, points, -1.0, 0.0)
    with pytest.raises(ValueError, match=r"down_m: got nan"):
        along_river(drawn(TREE), points, points, 1.0, np.nan)


def test_what_has_no_river_or_no_direction_is_a_row() -> None:
    network, undirected = drawn(TREE), np.array([False, False, True])
    nowhere = Places(np.array([-1, 0]), np.array([np.nan, np.nan]), np.array([np.nan, 3.0]))
    answer = along_river(network, nowhere, at((2, 500), (0, 0)), 1e6, 1e6, undirected)
    assert answer.pairs.empty
    assert answer.missing[["kind", "position", "reach", "reason"]].to_numpy().tolist() == [
        ["section", 0, -1, "no_river"],
        ["section", 1, -1, "no_river"],
        ["point", 0, 2, "no_direction"],
    ]
    assert answer.missing["text_zh"].tolist()[-1] == "所在河段流向不明"


def test_a_reach_without_direction_may_run_either_way() -> None:
    network, undirected = drawn(TREE), np.array([False, False, True])
    pairs = along_river(network, at((1, 1000)), at((2, 500), (0, 400)), 1e6, 1e6, undirected).pairs
    assert pairs[["point", "distance_m", "is_path_known"]].to_numpy().tolist() == [
        [0, 2500.0, False],
        [1, 1600.0, True],
    ]
    pairs = along_river(network, at((2, 500)), at((2, 700), (0, 400)), 1e6, 1e6, undirected).pairs
    assert pairs[["point", "distance_m"]].to_numpy().tolist() == [[0, -200.0], [0, 200.0], [1, 2100.0]]
    assert not pairs["is_path_known"].any()


def test_a_network_without_reaches_or_points() -> None:
    empty = network_of(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    assert along_river(empty, at((-1, 0.0)), at(), 1.0, 1.0).missing["reason"].tolist() == ["no_river"]
    assert along_river(drawn(TREE), at(), at(), 1.0, 1.0).pairs.empty


def test_a_place_in_words() -> None:
    assert place_text("X", 3200.0).zh == "在断面X上游 3.2 km"
    assert place_text("X", 999.6).en == "1.0 km upstream of section X"
    assert place_text("X", -0.4).zh == "在断面X处"


# --- laws ---


@st.composite
def rivers(draw: st.DrawFn) -> tuple[Network, Places, Places]:
    """Draw any directed network, with circles, doubled and blocked reaches and loops to the same node."""
    nodes = draw(st.integers(1, 8))
    ways = draw(st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), min_size=1, max_size=14))
    length = draw(st.lists(st.integers(1, 9), min_size=len(ways), max_size=len(ways)))
    blocked = tuple(draw(st.sets(st.integers(0, len(ways) - 1), max_size=2)))
    network = network_of(np.zeros((nodes, 2)), np.array(ways), np.array(length), blocked=blocked)
    place = st.integers(-1, len(ways) - 1).flatmap(
        lambda r: st.tuples(st.just(r), st.integers(0, length[r] if r >= 0 else 0).map(float))
    )
    some = st.lists(place, min_size=1, max_size=5)
    return network, at(*draw(some)), at(*draw(some))


@settings(max_examples=120, deadline=None)
@given(rivers(), st.integers(0, 30), st.integers(0, 30))
def test_distances_are_those_of_a_plain_walk(drawn_rivers: tuple, up: int, down: int) -> None:
    network, sections, points = drawn_rivers
    pairs = along_river(network, sections, points, up, down).pairs
    found = {(s, p, d) for s, p, d in zip(pairs["section"], pairs["point"], pairs["distance_m"], strict=True)}
    assert len(found) == len(pairs)
    above, below = plain_distances(network, points, sections), plain_distances(network, sections, points)
    expected = set()
    is_there = ~np.isin(sections.reach, [-1, *np.flatnonzero(network.blocked)])
    for s, p in np.ndindex(len(sections.reach), len(points.reach)):
        on = points.reach[p]
        if not is_there[s] or on < 0 or network.blocked[on]:
            continue
        if above[p, s] <= up:
            expected.add((s, p, above[p, s]))
        if 0 < below[s, p] <= down:
            expected.add((s, p, -below[s, p]))
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(rivers(), st.data())
def test_what_is_above_one_is_below_the_other_and_order_does_not_matter(
    drawn_rivers: tuple, data: st.DataObject
) -> None:
    network, sections, points = drawn_rivers
    one = along_river(network, sections, points, 1e9, 1e9).pairs
    other = along_river(network, points, sections, 1e9, 1e9).pairs
    assert {(s, p, d) for s, p, d in one[["section", "point", "distance_m"]].to_numpy().tolist() if d} == {
        (p, s, -d) for s, p, d in other[["section", "point", "distance_m"]].to_numpy().tolist() if d
    }
    order = np.array(data.draw(st.permutations(range(len(network.reach_from)))))
    place = np.append(np.argsort(order), -1)
    ways = np.column_stack([network.reach_from, network.reach_to])[order]
    blocked = tuple(np.flatnonzero(network.blocked[order]).tolist())
    turned = network_of(network.node_xy, ways, network.length_m[order], blocked=blocked)
    moved = [Places(place[s.reach], s.along_m, s.offset_m) for s in (sections, points)]
    pd.testing.assert_frame_equal(along_river(turned, *moved, 1e9, 1e9).pairs, one)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=25), st.data())
def test_in_a_tree_upstream_sets_are_nested(parents: list[int], data: st.DataObject) -> None:
    count = len(parents)
    ways = np.array([(i + 1, parents[i] % (i + 1)) for i in range(count)])  # node 0 is the mouth
    length = np.array(data.draw(st.lists(st.integers(1, 50), min_size=count, max_size=count)))
    network = network_of(np.zeros((count + 1, 2)), ways, length)
    places = at(*[(i, length[i] - 0.5) for i in range(count)])
    pairs = along_river(network, places, places, 1e9, 0.0).pairs
    above = {s: set(part["point"]) for s, part in pairs.groupby("section")}
    for one, other in itertools.combinations(above.values(), 2):
        assert one & other in (set(), one, other)
    distance = pairs.set_index(["section", "point"])["distance_m"]
    for (s, p), metres in distance.items():
        walked, on = 0.0, p
        while on != s:
            on = int(np.flatnonzero(ways[:, 0] == ways[on, 1])[0])
            walked += float(length[on])
        assert metres == walked


@settings(max_examples=60, deadline=None)
@given(rivers(), st.data())
def test_reaches_without_direction_pass_both_ways(drawn_rivers: tuple, data: st.DataObject) -> None:
    network, sections, points = drawn_rivers
    unsure = tuple(data.draw(st.sets(st.integers(0, len(network.reach_from) - 1), max_size=3)))
    mask = np.isin(np.arange(len(network.reach_from)), unsure)
    pairs = along_river(network, sections, points, 1e9, 0.0, mask).pairs
    open_ways = plain_distances(network, points, sections, unsure)
    shut = replace(network, blocked=network.blocked | mask)
    sure_ways = plain_distances(shut, points, sections)
    expected = set()
    for s, p in np.ndindex(len(sections.reach), len(points.reach)):
        on = [sections.reach[s], points.reach[p]]
        if min(on) < 0 or network.blocked[on].any() or not np.isfinite(open_ways[p, s]):
            continue
        is_sure = np.isfinite(sure_ways[p, s]) and not mask[on].any()
        expected.add((s, p, sure_ways[p, s] if is_sure else open_ways[p, s], bool(is_sure)))
    assert (
        set(pairs[["section", "point", "distance_m", "is_path_known"]].itertuples(index=False, name=None)) == expected
    )


@settings(max_examples=60, deadline=None)
@given(rivers())
def test_the_tree_of_a_section_is_that_of_a_plain_walk(drawn_rivers: tuple) -> None:
    network, sections, _ = drawn_rivers
    count = len(network.reach_from)
    middles = at(*[(r, float(network.length_m[r]) / 2) for r in range(count)])
    tree = upstream_of(network, sections, 0, middles).tree
    distance = plain_distances(network, middles, sections)[:, 0]
    half = network.length_m / 2
    for reach in range(count):
        covers = tree[(tree["reach"] == reach) & (tree["from_m"] < half[reach]) & (tree["to_m"] > half[reach])]
        is_told = np.isfinite(distance[reach]) and not network.blocked[reach] and distance[reach] > 0
        is_told &= sections.reach[0] >= 0 and not network.blocked[sections.reach[0]]
        assert len(covers) == is_told
        if is_told:
            (row,) = covers.itertuples()
            assert row.near_m + row.to_m - half[reach] == distance[reach]


# --- who is upstream ---


def test_all_that_is_above_a_section() -> None:
    sections = at((1, 1000), (2, 1500), (0, 100), (1, 1800), (0, 900))
    points = at((2, 1600), (0, 500), (0, 950), (2, 100), (1, 1900), (-1, 0.0))
    load = pd.DataFrame({"name": list("abcdef"), "cod_kg_d": [1.0, np.nan, 3.0, 4.0, 5.0, 6.0]})
    passes = np.array([False, True, True, True, None], dtype=object)
    found = upstream_of(drawn(TREE), sections, 0, points, load, passes)
    assert found.tree["reach"].tolist() == [1, 0, 2]
    assert found.tree["next_reach"].tolist() == [-1, 1, 1]
    assert found.tree[["near_m", "far_m"]].to_numpy().tolist() == [[0, 1000], [1000, 2000], [1000, 3000]]
    assert found.tree["is_source"].tolist() == [False, True, True]
    assert found.tree["stretch_from_m"].tolist() == [0.0, 100.0, 1500.0]
    assert path_of(found.tree, 2) == [2, 1]
    expected = [[1, "c", 1050, True], [2, "a", 1400, True], [3, "b", 1500, True], [4, "d", 2900, False]]
    assert found.points[["rank", "name", "distance_m", "is_in_stretch"]].to_numpy().tolist() == expected
    assert np.isnan(found.points["cod_kg_d"][2])
    assert found.sections["position"].tolist() == [4, 1, 2]
    assert found.sections["passes"].fillna(value=False).tolist() == [False, True, True]
    assert found.missing[["kind", "position", "reason"]].to_numpy().tolist() == [
        ["point", 5, "no_river"],
        ["other_section", 4, "no_result"],
    ]


def test_a_section_that_passes_on_one_branch_does_not_clear_the_other() -> None:
    sections, points = at((3, 500), (1, 100)), at((0, 500), (1, 50), (1, 200))
    found = upstream_of(drawn(BRAID), sections, 0, points, passes=np.array([None, True], dtype=object))
    assert found.points.set_index("position")["is_in_stretch"].to_dict() == {0: True, 1: False, 2: True}
    in_stretch = found.tree[found.tree["is_in_stretch"]].set_index("reach")["stretch_from_m"].to_dict()
    assert in_stretch == {0: 0.0, 1: 100.0, 2: 0.0, 3: 0.0}


def test_the_stretch_on_one_reach_and_what_ends_a_walk() -> None:
    network = drawn(TREE, blocked=(2,))
    found = upstream_of(network, at((1, 1000), (1, 400)), 0, at((1, 500), (1, 300)), passes=np.array([False, True]))
    assert found.points["is_in_stretch"].tolist() == [True, False]
    assert found.missing[["kind", "position", "reason"]].to_numpy().tolist() == [["reach", 2, "shut"]]
    undirected = np.array([False, False, True])
    found = upstream_of(drawn(TREE), at((1, 1000)), 0, at((2, 100)), undirected=undirected)
    assert found.tree["reach"].tolist() == [1, 0]
    assert found.points[["distance_m", "is_path_known", "is_in_stretch"]].to_numpy().tolist() == [[2900.0, False, True]]
    assert found.missing["reason"].tolist() == ["no_direction", "no_direction"]


@pytest.mark.parametrize("place", [(0, 1000.0), (1, 0.0), (2, 2000.0)])
def test_a_section_where_rivers_join_has_both_above(place: tuple[int, float]) -> None:
    found = upstream_of(drawn(TREE), at(place), 0, at((0, 400), (2, 1500), (1, 0)))
    assert found.tree[found.tree["far_m"] > 0][["reach", "far_m"]].to_numpy().tolist() == [[0, 1000], [2, 2000]]
    assert found.points[["position", "distance_m"]].to_numpy().tolist() == [[2, 0], [1, 500], [0, 600]]
    assert found.points["is_in_stretch"].all()
    mouth = [TREE[0], TREE[2]]  # without the river below
    found = upstream_of(drawn(mouth), at((0, 1000.0)), 0, at((1, 1500)))
    assert sorted(found.tree["reach"].tolist()) == [0, 1]


def test_a_failing_section_without_a_river_is_a_row() -> None:
    found = upstream_of(drawn(TREE), at((-1, 0.0), (1, 5)), 0, at((0, 1)))
    assert found.tree.empty
    assert found.points.empty
    assert found.missing[["kind", "position", "reason"]].to_numpy().tolist() == [["section", 0, "no_river"]]


def test_wrong_calls_are_told() -> None:
    one = at((1, 5))
    with pytest.raises(IndexError, match="failing: got 3"):
        upstream_of(drawn(TREE), one, 3, one)
    with pytest.raises(ValueError, match="attributes: got 2 rows"):
        upstream_of(drawn(TREE), one, 0, one, pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(ValueError, match=r"got columns \['rank'\]"):
        upstream_of(drawn(TREE), one, 0, one, pd.DataFrame({"rank": [1]}))
    with pytest.raises(ValueError, match="passes: got 2"):
        upstream_of(drawn(TREE), one, 0, one, passes=np.array([True, False]))
    with pytest.raises(ValueError, match=r"speed_m_s: got 0.0"):
        downstream_of(drawn(TREE), one, one, 0.0)


# --- what lies downstream ---


def test_all_that_is_below_an_outfall_and_when_the_water_is_there() -> None:
    network = drawn(CANAL, gates=(2,))
    targets = at((1, 800), (4, 600), (3, 0), (0, 100))
    called = pd.DataFrame({"phone": ["1", "2", "3", "4"]})
    found = downstream_of(network, at((0, 280)), targets, 0.5, called)
    assert found.targets[["rank", "position", "distance_m", "phone"]].to_numpy().tolist() == [
        [1, 0, 1520, "1"],
        [2, 1, 4320, "2"],
    ]
    assert found.targets["time_h"].tolist() == pytest.approx([1520 / 1800, 4320 / 1800])
    assert found.reaches[["reach", "near_m", "far_m", "gate"]].to_numpy().tolist() == [
        [0, 0, 720, False],
        [1, 720, 2720, False],
        [2, 720, 3720, True],
        [4, 3720, 4720, False],
    ]
    assert found.reaches["time_h"].tolist() == pytest.approx([d / 1800 for d in (720, 2720, 3720, 4720)])


def test_the_quicker_way_may_be_the_longer() -> None:
    speed = np.array([1.0, 4.0, 1.0, 1.0])  # north 4000 m in 1000 s, south 3000 m in 3000 s
    found = downstream_of(drawn(BRAID), at((0, 1000)), at((3, 500)), speed).targets
    assert found["distance_m"].tolist() == [3500.0]
    assert found["time_h"].tolist() == pytest.approx([1500 / 3600])


def test_no_time_is_told_where_an_unknown_speed_could_make_it_earlier() -> None:
    speed = np.array([1.0, 4.0, np.nan, 1.0])
    found = downstream_of(drawn(BRAID), at((0, 1000)), at((3, 500), (1, 400)), speed)
    hours = found.targets.set_index("position")["time_h"]
    assert np.isnan(hours[0])
    assert hours[1] == pytest.approx(100 / 3600)
    assert found.missing[["kind", "position", "reason"]].to_numpy().tolist() == [["speed", 2, "no_speed"]]
    by_reach = found.reaches.set_index("reach")["time_h"]
    assert by_reach[1] == pytest.approx(1000 / 3600)
    assert np.isnan(by_reach[[2, 3]]).all()


def test_a_spill_stops_at_a_shut_gate_and_at_the_limit() -> None:
    found = downstream_of(drawn(CANAL, blocked=(2,)), at((0, 0), (-1, 0.0)), at((1, 1500), (4, 0)), 1.0, down_m=2000.0)
    assert found.targets.empty
    assert found.reaches[["source", "reach", "to_m"]].to_numpy().tolist() == [[0, 0, 1000], [0, 1, 1000]]
    assert found.missing[["kind", "position", "reason"]].to_numpy().tolist() == [
        ["source", 1, "no_river"],
        ["reach", 2, "shut"],
    ]


# --- what was found by drawing any network ---

# A ring beside the river at the node where two reaches meet.
POND = [
    ("a", [(0, 0), (1000, 0)]),
    ("pond", [(1000, 0), (1100, 90), (1100, -90), (1000, 0)]),
    ("a", [(1000, 0), (3000, 0)]),
]


def test_a_spill_where_a_ring_is_drawn_has_one_time_for_each_reach() -> None:
    found = downstream_of(drawn(POND), at((0, 1000)), at((2, 360.0)), 0.1)
    assert found.targets[["distance_m", "time_h"]].to_numpy().tolist() == [[360.0, pytest.approx(1.0)]]
    assert found.reaches["time_h"].notna().all()


def test_at_one_place_no_time_passes_whatever_the_speed() -> None:
    found = downstream_of(drawn(TREE), at((0, 0.0)), at((0, 0.0)), np.nan)
    assert found.targets[["distance_m", "time_h"]].to_numpy().tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("passing", [(0, 1000.0), (1, 0.0), (2, 2000.0)])
def test_a_section_that_passes_where_rivers_join_clears_all_that_joins_there(passing: tuple[int, float]) -> None:
    sections, points = at((1, 1500), passing), at((1, 300), (0, 400), (2, 1500), (2, 2000), (1, 0))
    found = upstream_of(drawn(TREE), sections, 0, points, passes=np.array([False, True], dtype=object))
    told = found.points.set_index("position")["is_in_stretch"].to_dict()
    assert told == {
        0: True,
        1: False,
        2: False,
        3: True,
        4: True,
    }  # its own place counts, on whichever reach it is told


def test_what_stands_where_a_section_stands_is_in_its_stretch() -> None:
    springs = drawn([("a", [(0, 0), (1000, 0)]), ("b", [(0, 0), (0, 1000)])])
    found = upstream_of(springs, at((0, 0.0)), 0, at((1, 0.0)))
    assert found.points[["distance_m", "is_in_stretch"]].to_numpy().tolist() == [[0.0, True]]


def test_a_section_where_two_arms_meet_again_counts_what_is_above_them_once() -> None:
    network = drawn(BRAID)
    found = upstream_of(network, at((3, 0.0)), 0, at((0, 200)))
    assert sorted(found.tree["reach"].tolist()) == [0, 1, 2, 3]
    assert len(found.points) == 1

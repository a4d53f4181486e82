"""Points put onto rivers: the same candidates, order and doubts as a plain search over all pairs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rivers_toy import drawn, network_of

from geosys._errors import SpecError
from geosys.geo.river_feet import feet, near_lines
from geosys.geo.river_network import Network, snap

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ["", "白河", "黑 河", "清水沟#1"]
PLAIN = {"": "", "白河": "白河", "黑 河": "黑河", "清水沟#1": "清水沟"}
BANK = {"": 0, "左岸": -1, "right": 1}

Row = tuple[bool, int, int, float, int]


def plainly(
    network: Network, point: shapely.Point, reach_m: float, name: str, side: str, choice: int
) -> dict[Any, list[Row]]:
    """Return all candidates by river, or by line without a name: picked, name, side, distance, reach; measured one by one."""
    found: dict[Any, list[Row]] = {}
    for reach, line in enumerate(network.lines):
        ground = network.length_m[reach] / line.length
        away, picked = line.distance(point) * ground, bool(network.source[reach] == choice)
        assume(not 5e-7 < away - reach_m < 2e-6)  # a micrometre counts as rounding
        if away > reach_m + 1e-6 and not picked:
            continue
        along, step = line.project(point), min(0.5, line.length / 4)
        before, after = (line.interpolate(min(max(along + d, 0.0), line.length)) for d in (-step, step))
        foot = line.interpolate(along)
        turn = (after.x - before.x) * (point.y - foot.y) - (after.y - before.y) * (point.x - foot.x)
        assume(is_one_place(line, point))
        river = PLAIN[network.river[reach]]
        agrees = 0 if not name or not river else 1 if PLAIN[name] == river else -1
        bank = BANK[side] * (-1 if turn > 0 else 1)
        assume(not side or abs(turn) > 1e-6)
        key = "picked" if picked else network.river[reach] or int(network.source[reach])
        found.setdefault(key, []).append((picked, agrees, bank, away, reach))
    return found


def is_one_place(line: shapely.LineString, point: shapely.Point) -> bool:
    """Say whether no two places of a line are as near to a point: either would be right then."""
    pieces = [shapely.LineString(pair) for pair in itertools.pairwise(line.coords)]
    apart = [piece.distance(point) for piece in pieces]
    least = [piece for piece, away in zip(pieces, apart, strict=True) if away < min(apart) + 1e-6]
    feet_of = [piece.interpolate(piece.project(point)) for piece in least]
    return line.is_simple and all(foot.distance(feet_of[0]) < 1e-3 for foot in feet_of)


def better(row: Row) -> tuple[bool, int, int, float]:
    return not row[0], -row[1], -row[2], round(row[3], 6)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw lines of a few corners, some of them pieces of one input line, with and without names."""
    corner = st.tuples(st.integers(0, 12), st.integers(0, 12))
    lines = draw(st.lists(st.lists(corner, min_size=2, max_size=5, unique=True), min_size=1, max_size=7))
    shapes = np.array([shapely.LineString(np.array(line) * 10.0) for line in lines], dtype=object)
    scale = draw(st.sampled_from([1.0, 1.25, 0.8]))
    names = np.array(draw(st.lists(st.sampled_from(NAMES), min_size=len(lines), max_size=len(lines))), dtype=object)
    ways = np.arange(2 * len(lines)).reshape(-1, 2)
    network = network_of(np.zeros((2 * len(lines), 2)), ways, shapely.length(shapes) * scale, shapes, names)
    source = np.array(draw(st.lists(st.integers(0, 3), min_size=len(lines), max_size=len(lines))), dtype=np.int64)
    return replace(network, source=source)


def test_a_point_on_a_line_is_within_no_distance_of_it() -> None:
    network = network_of(
        np.zeros((2, 2)), np.array([[0, 1]]), np.array([60.0]), np.array([shapely.LineString([(0, 0), (60, 0)])])
    )
    assert shapely.Point(52.031, 0).distance(network.lines[0]) == 0
    assert snap(np.array([(52.031, 0.0)]), network, 0.0).reach.tolist() == [0]


@settings(max_examples=150, deadline=None)
@given(networks(), st.data())
def test_candidates_are_those_of_a_plain_search(network: Network, data: st.DataObject) -> None:
    number = st.floats(-40, 160).map(lambda value: round(value, 3))
    places = data.draw(st.lists(st.tuples(number, number), min_size=1, max_size=4))
    reach_m = data.draw(st.sampled_from([0.0, 7.0, 30.0, 500.0, np.inf]))
    count = len(places)

    def some(values: Sequence[Any]) -> list[Any]:
        return data.draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

    names, sides = some(NAMES), some(list(BANK))
    choice = some([-1, *network.source.tolist()])
    given = [np.array(one, dtype=object) if data.draw(st.booleans()) else None for one in (names, sides)]
    chosen = np.array(choice) if data.draw(st.booleans()) else None
    snaps = snap(np.array(places), network, reach_m, *given, chosen)
    for p, xy in enumerate(places):
        asked = [part[p] if one is not None else "" for part, one in zip((names, sides), given, strict=True)]
        plain = plainly(network, shapely.Point(xy), reach_m, *asked, choice[p] if chosen is not None else -1)
        expected = sorted(min(better(row) for row in rows) for rows in plain.values())
        told = snaps.alternatives[snaps.alternatives["point"] == p]
        rows = told[["name_agrees", "side_agrees", "distance_m"]].to_numpy().tolist()
        assert [(-a, -b) for a, b, _ in rows] == [row[1:3] for row in expected]
        assert told["distance_m"].tolist() == pytest.approx([row[3] for row in expected], abs=1e-5)
        assert told["rank"].tolist() == list(range(1, len(rows) + 1))
        if not expected:
            assert snaps.reach[p] == -1
            assert not snaps.is_doubtful[p]
            continue
        best = [row for rows in plain.values() for row in rows if better(row)[:3] == expected[0][:3]]
        near = {row[4] for row in best if row[3] <= expected[0][3] + 1e-5}
        assert snaps.reach[p] in near
        line = network.lines[snaps.reach[p]]
        foot = line.interpolate(snaps.along_m[p] / network.length_m[snaps.reach[p]], normalized=True)
        assert foot.distance(shapely.Point(xy)) == pytest.approx(line.distance(shapely.Point(xy)), abs=1e-6)
        assert bool(snaps.is_doubtful[p]) == doubtful(expected, is_named=bool(asked[0]))


def doubtful(expected: list[tuple[bool, int, int, float]], *, is_named: bool) -> bool:
    """Say by the rule in words: it differs from the table, or a second river is as good and about as near."""
    (not_picked, name, side, away), *others = expected
    if not not_picked:
        return False
    if name > 0 or side > 0 or (is_named and name == 0):
        return True
    if not others or others[0][1:3] != (name, side):
        return False
    limit = max(away * 1.5, away + 10.0)
    assume(abs(others[0][3] - limit) > 1e-4)
    return others[0][3] <= limit


@settings(max_examples=60, deadline=None)
@given(
    networks(), st.lists(st.tuples(st.floats(-50, 170), st.floats(-50, 170)), min_size=1, max_size=30), st.floats(0, 80)
)
def test_no_line_within_reach_is_overlooked(network: Network, places: list[tuple[float, float]], reach: float) -> None:
    xy = np.array([*places, (np.nan, 0.0)])
    point, line = near_lines(xy, network.lines, reach)
    pairs = set(zip(point.tolist(), line.tolist(), strict=True))
    assert len(pairs) == len(point)
    apart = shapely.distance(shapely.points(xy[:-1])[:, None], network.lines[None, :])
    assert {(p, r) for p, r in np.argwhere(apart <= reach).tolist()} <= pairs
    along, away, _ = feet(xy, network.lines, point, line)
    shapes = shapely.points(xy[point])
    assert away == pytest.approx(shapely.distance(shapes, network.lines[line]), abs=1e-9)
    assert along == pytest.approx(shapely.line_locate_point(network.lines[line], shapes), abs=1e-6) or np.allclose(
        shapely.distance(shapely.line_interpolate_point(network.lines[line], along), shapes), away, atol=1e-9
    )


def test_a_choice_hides_no_other_line_of_its_river() -> None:
    network = drawn([("白河", [(0, 2000), (0, 1000)]), ("白河", [(0, 1000), (0, 0)]), ("黑河", [(90, 2000), (90, 0)])])
    snaps = snap(np.array([[30.0, 1700.0]]), network, 500.0, chosen=np.array([1]))
    rows = snaps.alternatives[["rank", "source", "river_name", "distance_m", "is_chosen"]].to_numpy().tolist()
    assert [row[:3] for row in rows] == [[1, 1, "白河"], [2, 0, "白河"], [3, 2, "黑河"]]
    assert [row[3] for row in rows] == pytest.approx([np.hypot(30, 700), 30.0, 60.0])
    assert not snaps.is_doubtful[0]


def test_points_that_are_none_have_no_river_whatever_was_chosen() -> None:
    network = drawn([("白河", [(0, 2000), (0, 0)])])
    points = np.array([None, shapely.Point(), shapely.Point(3.0, 5.0)], dtype=object)
    snaps = snap(points, network, 10.0, chosen=np.array([0, 0, 0]))
    assert snaps.reach.tolist() == [-1, -1, 0]
    assert snaps.reason_en.tolist()[:2] == ["no position", "no position"]
    assert snaps.reason_zh[2] == "用户指定，河名无从比较，距河 3 米"
    assert snap(np.zeros((0, 2)), network, 10.0).reach.tolist() == []
    assert snap(np.zeros(0, dtype=object), network, 10.0).reach.tolist() == []
    with pytest.raises(SpecError, match="got a LineString in position 1, expected points"):
        snap(np.array([shapely.Point(0, 0), network.lines[0]], dtype=object), network, 10.0)


@pytest.mark.parametrize("reach_m", [-1.0, np.nan])
def test_a_distance_that_is_none_is_refused(reach_m: float) -> None:
    with pytest.raises(SpecError, match="snap: got a distance of"):
        snap(np.zeros((1, 2)), drawn([("白河", [(0, 2000), (0, 0)])]), reach_m)

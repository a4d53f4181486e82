"""Corridors of any small network against places measured at every metre; the drawn area, the members and the circle agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from rivers_toy import at, drawn

from geosys.geo.corridor_members import beside_a_circle, members
from geosys.geo.corridors import corridors
from geosys.geo.river_distance import along_river
from geosys.geo.river_flow import Places

if TYPE_CHECKING:
    from geosys.geo.river_network import Network

CRS = "EPSG:4547"
ORIGIN = np.array([500_000.0, 3_850_000.0])
corner = st.tuples(st.integers(0, 5), st.integers(0, 5))


def on_grid(*ways: list[tuple[int, int]], blocked: tuple[int, ...] = ()) -> Network:
    """Return reaches between corners of a grid of 300 m."""
    return drawn([("a", [tuple(np.array(xy) * 300.0 + ORIGIN) for xy in way]) for way in ways], blocked)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, Places]:
    """Draw reaches of one or two straight pieces in any direction, with circles, crossings and one shut or unsettled."""
    ways = draw(st.lists(st.lists(corner, min_size=2, max_size=3, unique=True), min_size=1, max_size=8))
    some = st.sets(st.integers(0, len(ways) - 1), max_size=1)
    network = on_grid(*ways, blocked=tuple(draw(some)))
    unsettled = np.isin(np.arange(len(ways)), list(draw(some)))
    reach, share = draw(st.integers(0, len(ways) - 1)), draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    return replace(network, unsettled=unsettled), at((reach, share * float(network.length_m[reach])))


def measured(network: Network, section: Places, lengths: tuple[float, float], width: float) -> tuple[np.ndarray, ...]:
    """Return positions of places at every metre within a corridor, their distance, and positions of those beyond."""
    reach = np.concatenate([np.full(int(m) + 2, r) for r, m in enumerate(network.length_m)])
    along = np.concatenate([np.minimum(np.arange(int(m) + 2), m) for m in network.length_m])
    places = Places(reach, along.astype(float), np.zeros(len(reach)))
    pairs = along_river(network, section, places, *(length + 2 * width for length in lengths)).pairs
    pairs = pairs[pairs["is_path_known"]]
    point, distance = pairs["point"].to_numpy(), pairs["distance_m"].to_numpy()
    is_in = (distance <= lengths[0]) & (distance >= -lengths[1])
    xy = shapely.get_coordinates(shapely.line_interpolate_point(network.lines[reach], along))
    beyond = np.setdiff1d(point, point[is_in])
    return xy[point[is_in]], distance[is_in], xy[beyond]


def apart(points: np.ndarray, xy: np.ndarray) -> np.ndarray:
    if not len(xy):
        return np.full(len(points), np.inf)
    found = shapely.STRtree(shapely.points(xy)).query_nearest(points, return_distance=True, all_matches=False)
    return np.asarray(found[1])


# A spring with two like arms; a river whose water comes from nearer to its lower end than to the section.
TWO_ARMS = on_grid([(0, 0), (0, 1)], [(0, 0), (1, 0)]), at((0, 0.0))
BACK = on_grid([(0, 0), (0, 1)], [(1, 1), (0, 0)]), at((0, 0.0))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@example(TWO_ARMS, (700.0, 200.0), 60.0, 0)
@example(BACK, (700.0, 200.0), 60.0, 0)
@given(
    networks(),
    st.sampled_from([(700.0, 200.0), (350.0, 0.0), (0.0, 400.0), (2000.0, 500.0)]),
    st.sampled_from([60.0, 150.0]),
    st.integers(0, 99),
)
def test_corridors_are_what_is_measured(
    drawn_network: tuple[Network, Places], lengths: tuple[float, float], width: float, seed: int
) -> None:
    network, section = drawn_network
    found = corridors(network, section, CRS, *lengths, width)
    own = int(section.reach[0])
    if network.unsettled[own] or network.blocked[own]:
        assert len(found.missing) == 1
        assert all(area.is_empty for area in found.areas["geometry"])
        return
    xy, distance, beyond = measured(network, section, lengths, width)
    assume(len(xy))
    random = np.random.default_rng(seed)
    points = shapely.points(random.uniform(xy.min(axis=0) - 1.2 * width, xy.max(axis=0) + 1.2 * width, (300, 2)))
    inner, outer = apart(points, xy), apart(points, beyond)
    clear = (np.abs(inner - width) > 2.0) & (np.abs(inner - outer) > 2.5)
    expected = (inner <= width) & (inner <= outer)
    inside = members(found, points)
    mine = np.isin(np.arange(len(points)), inside["thing"])
    assert (mine == expected)[clear].all()
    if len(found.areas) and not found.areas["geometry"][0].is_empty:
        assert (shapely.contains_properly(found.areas["geometry"][0], points) == mine)[clear].all()
    tree = shapely.STRtree(shapely.points(xy))
    assert inside["offset_m"].to_numpy() == pytest.approx(inner[inside["thing"]], abs=1.0)
    for thing, metres in inside[["thing", "distance_m"]].itertuples(index=False):
        near = tree.query(points[thing], predicate="dwithin", distance=inner[thing] + 1.5)
        gap = np.abs(distance[near] - metres).min()
        assert gap <= 8.0  # of places as near, within a metre and a half, one has this distance
    place = shapely.line_interpolate_point(network.lines[section.reach], section.along_m)
    (counts,) = beside_a_circle(found, points, place, width).itertuples(index=False) if len(found.areas) else ((),)
    circle = shapely.distance(points, place[0]) <= width
    both = (mine & circle).sum()
    if counts:
        assert tuple(counts)[1:] == (mine.sum(), circle.sum(), both, circle.sum() - both, mine.sum() - both)

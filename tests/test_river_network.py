"""Networks drawn by hand with known answers, real rivers, and points snapped to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import CrsError, SpecError
from geosys.geo.corridors import corridors
from geosys.geo.river_distance import along_river
from geosys.geo.river_faults import KINDS, decision_sheet
from geosys.geo.river_flow import Places
from geosys.geo.river_network import Network, build, snap
from geosys.geo.river_patterns import Graph, blocks, components
from geosys.geo.tracing import downstream_of, upstream_of

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:4547"
X0, Y0 = 500_000.0, 3_850_000.0  # on the central meridian, where a metre of the plane is one on the ground
TOLERANCE = 5.0

Drawing = dict[str, list[tuple[float, float]]]
# water runs south: 1000 m to the confluence at (0, 1000), tributary 500 m from the east, 1000 m on to the mouth
TREE: Drawing = {
    "a": [(0, 2000), (0, 1000)],
    "b": [(500, 1000), (0, 1000)],
    "c": [(0, 1000), (0, 0)],
}
BRAID: Drawing = {
    "up": [(0, 3000), (0, 2000)],
    "left": [(0, 2000), (300, 1600), (0, 1200)],
    "right": [(0, 2000), (-300, 1600), (0, 1200)],
    "down": [(0, 1200), (0, 0)],
}


def lines_of(drawing: Drawing) -> np.ndarray:
    lines = [shapely.LineString([(X0 + x, Y0 + y) for x, y in xy]) for xy in drawing.values()]
    return np.array(lines, dtype=object)


def rules(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "lines", "decision"])


def built(
    drawing: Drawing, decisions: pd.DataFrame | None = None, *, tolerance: float = TOLERANCE, **given: Any
) -> tuple[Network, pd.DataFrame, pd.DataFrame]:
    columns = {name: given.pop(name) for name in ("name", "direction", "is_canal", "gate", "blocked") if name in given}
    attributes = pd.DataFrame({"id": list(drawing)} | {k: [v.get(one) for one in drawing] for k, v in columns.items()})
    return build(lines_of(drawing), attributes, decisions, tolerance, CRS, **given)


def told(faults: pd.DataFrame) -> list[tuple[str, str, str]]:
    return [
        (kind, ";".join(lines), status)
        for kind, lines, status in faults[["kind", "lines", "status"]].to_numpy().tolist()
    ]


def flows(network: Network, drawing: Drawing) -> set[tuple[str, tuple[int, ...], tuple[int, ...], int]]:
    """Return each reach as line id, place of its upper and lower end and length in whole metres."""
    ids = list(drawing)
    at = [tuple(xy) for xy in np.round(network.node_xy - [X0, Y0]).astype(int).tolist()]
    return {
        (ids[row], at[up], at[down], round(length))
        for row, up, down, length in zip(
            network.source, network.reach_from, network.reach_to, network.length_m, strict=True
        )
    }


# --- sound networks: nothing invented ---


def test_a_tree_has_no_fault() -> None:
    network, faults, changes = built(TREE, name={"a": "白河", "c": "白河", "b": "黑沟"})
    assert told(faults) == []
    assert len(changes) == 0
    assert flows(network, TREE) == {
        ("a", (0, 2000), (0, 1000), 1000),
        ("b", (500, 1000), (0, 1000), 500),
        ("c", (0, 1000), (0, 0), 1000),
    }
    assert network.river.tolist() == ["白河", "黑沟", "白河"]
    for line, up, down in zip(network.lines, network.reach_from, network.reach_to, strict=True):
        ends = shapely.get_coordinates(line)[[0, -1]]
        assert ends.tolist() == network.node_xy[[up, down]].tolist()


def test_a_tributary_that_touches_a_river_splits_it_and_is_no_fault() -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 0)], "b": [(500, 1500), (0, 1000)]}
    network, faults, changes = built(drawing)
    assert told(faults) == []
    assert changes["change"].tolist() == ["split"]
    assert changes["fault"].tolist() == [-1]
    assert flows(network, drawing) == {
        ("main", (0, 2000), (0, 1000), 1000),
        ("main", (0, 1000), (0, 0), 1000),
        ("b", (500, 1500), (0, 1000), 707),
    }


def test_lengths_are_geodesic_away_from_the_meridian() -> None:
    line = shapely.LineString([(616_000, Y0), (616_000, Y0 + 10_000)])  # the plane is 1.7e-4 too long there
    network, _, _ = build(np.array([line], dtype=object), pd.DataFrame(index=[0]), None, 1.0, CRS)
    change = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    lon, lat = change.transform([616_000, 616_000], [Y0, Y0 + 10_000])
    expected = pyproj.Geod(ellps="GRS80").line_length(lon, lat)
    assert abs(network.length_m[0] - expected) < 0.001
    assert abs(expected - 10_000) > 1.0


def test_a_canal_may_leave_a_river() -> None:
    drawing = TREE | {"k": [(0, 1000), (-800, 400)]}
    network, faults, _ = built(drawing, is_canal={"k": "是"}, gate={"k": True}, blocked={"k": 1})
    assert told(faults) == []
    assert network.is_canal.tolist() == network.gate.tolist() == network.blocked.tolist() == [False, False, False, True]


def test_a_short_tributary_is_no_gap_and_an_overshoot_no_crossing() -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 0)], "stub": [(15, 1500), (0, 1500)], "over": [(500, 900), (-3, 900)]}
    network, faults, _ = built(drawing)
    assert told(faults) == [("loose_end", "main;over", "mended")]
    assert sorted(network.length_m.round(3).tolist()) == [15, 500, 500, 600, 900]


def test_a_river_that_goes_on_beside_another_is_not_joined_to_it() -> None:
    drawing: Drawing = {
        "1": [(0, 2000), (0, 1000)],
        "2": [(0, 1000), (0, 0)],
        "k": [(-700, 1700), (-3, 1000), (-700, 300)],
    }
    network, faults, _ = built(drawing, is_canal={"k": True})
    assert told(faults) == [("island", "k", "open")]
    assert len(network.lines) == 3


# --- every fault listed ---


def test_ends_within_the_tolerance_are_joined_and_said_to_be() -> None:
    drawing = TREE | {"b": [(500, 1000), (3, 1000)]}
    network, faults, changes = built(drawing)
    assert told(faults) == [("loose_end", "a;b;c", "mended")]
    assert changes[["change", "line", "fault"]].to_numpy().tolist() == [["moved_end", "b", 0]]
    assert changes["before"][0].distance(changes["after"][0]) == pytest.approx(3.0)
    assert ("b", (500, 1000), (0, 1000), 500) in flows(network, drawing)
    assert "3.00" in faults["text_en"][0]
    assert faults["text_zh"][0]


def test_a_gap_is_listed_and_joined_only_when_decided() -> None:
    drawing = TREE | {"b": [(500, 1000), (20, 1000)]}
    network, faults, changes = built(drawing)
    assert [row[0] for row in told(faults)] == ["gap"]
    assert set(faults["lines"][0]) in ({"a", "b"}, {"b", "c"})
    assert len(changes) == 0
    assert ("b", (500, 1000), (20, 1000), 480) in flows(network, drawing)
    lines = ";".join(faults["lines"][0])
    network, faults, changes = built(drawing, rules(("gap", lines, faults["proposal"][0])))
    assert told(faults) == [("gap", lines, "decided")]
    assert changes[["change", "line"]].to_numpy().tolist() == [["extended", "b"]]
    assert ("b", (500, 1000), (0, 1000), 500) in flows(network, drawing)
    _, faults, changes = built(drawing, rules(("gap", lines, "apart")))
    assert told(faults) == [("gap", lines, "decided")]
    assert len(changes) == 0


def test_ends_the_user_keeps_apart_are_not_joined() -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 0)], "b": [(500, 1000), (3, 1000)]}
    network, faults, _ = built(drawing, rules(("loose_end", "main;b", "apart")))
    assert ("b", (500, 1000), (3, 1000), 497) in flows(network, drawing)
    assert [row for row in told(faults) if row[0] == "loose_end"] == [("loose_end", "b;main", "decided")]


@pytest.mark.parametrize("decision", [None, "join", "apart"])
def test_a_crossing_joins_only_where_the_user_says_so(decision: str | None) -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 0)], "k": [(-700, 1000), (700, 1000)]}
    decisions = None if decision is None else rules(("crossing", "k;main", decision))
    network, faults, changes = built(drawing, decisions, is_canal={"k": True})
    status = "open" if decision is None else "decided"
    assert ("crossing", "k;main", status) in told(faults)
    assert faults["proposal"][0] == "apart"  # a canal
    place = faults["geometry"][0]
    assert (place.x, place.y) == (X0, Y0 + 1000)
    if decision == "join":
        assert len(faults) == 1
        assert sorted(network.length_m.round().tolist()) == [700, 700, 1000, 1000]
        assert changes["change"].tolist() == ["split", "split"]
        assert len(network.node_xy) == 5
    else:
        assert told(faults)[1:] == [("island", "k", "open")]
        assert sorted(network.length_m.round().tolist()) == [1400, 2000]
        assert len(changes) == 0


def test_two_crossings_of_the_same_lines_are_told_apart_by_place() -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 0)], "k": [(-100, 1500), (100, 1500), (100, 500), (-100, 500)]}
    decisions = pd.DataFrame(
        {"kind": ["crossing"], "lines": ["k;main"], "x": [X0], "y": [Y0 + 500], "decision": ["join"]}
    )
    network, faults, _ = built(drawing, decisions)
    crossed = faults[faults["kind"] == "crossing"]
    assert dict(zip([round(p.y - Y0) for p in crossed["geometry"]], crossed["status"], strict=True)) == {
        1500: "open",
        500: "decided",
    }
    assert sorted(network.length_m.round().tolist()) == [100, 500, 1300, 1500]


def test_a_doubled_line_is_one_fault_and_dropped_when_decided() -> None:
    drawing = TREE | {"copy": [(1, 1999), (1, 1001)]}
    network, faults, _ = built(drawing)
    assert [row for row in told(faults) if row[0] != "loose_end"] == [("doubled", "a;copy", "open")]
    assert len(network.lines) == 4  # nothing is taken out silently
    assert faults.loc[faults["kind"] == "doubled", "proposal"].tolist() == ["drop copy"]
    network, faults, changes = built(drawing, rules(("doubled", "a;copy", "drop copy")))
    assert told(faults) == [("doubled", "a;copy", "decided")]
    assert changes[["change", "line", "fault"]].to_numpy().tolist() == [["dropped", "copy", 0]]
    assert len(network.lines) == 3


def test_the_same_line_twice_is_one_fault() -> None:
    drawing = TREE | {"a2": list(reversed(TREE["a"]))}
    assert told(built(drawing)[1]) == [("doubled", "a;a2", "open")]


def test_lines_that_run_on_each_other_for_a_stretch_overlap() -> None:
    drawing: Drawing = {"main": [(0, 2000), (0, 1500), (0, 1000), (0, 0)], "b": [(500, 1800), (1, 1500), (1, 1000)]}
    faults = built(drawing)[1]
    assert ("overlap", "b;main", "open") in told(faults)


def test_a_braid_is_one_fault_with_its_islands() -> None:
    network, faults, _ = built(BRAID)
    assert told(faults) == [("braid", "left;right", "open")]
    assert "1 island" in faults["text_en"][0]
    assert network.length_m.round().tolist() == [1000, 1000, 1000, 1200]
    three = BRAID | {"middle": [(0, 2000), (0, 1200)]}
    _, faults, _ = built(three, rules(("braid", "left;right", "keep")))
    assert told(faults) == [("braid", "left;middle;right", "decided")]
    assert "2 island" in faults["text_en"][0]


def test_a_reversed_arm_makes_a_loop() -> None:
    drawing = BRAID | {"left": BRAID["left"][::-1]}
    _, faults, _ = built(drawing)
    assert told(faults) == [("loop", "left;right", "open")]
    _, faults, changes = built(drawing, rules(("loop", "left;right", "reverse left")))
    assert told(faults) == [("wrong_direction", "left", "decided"), ("braid", "left;right", "open")]
    assert changes[["change", "line", "fault"]].to_numpy().tolist() == [["reversed", "left", 0]]


def test_a_ring_is_a_loop() -> None:
    drawing = TREE | {"pond": [(0, 1000), (-90, 1090), (-180, 1000), (-90, 910), (0, 1000)]}
    network, faults, _ = built(drawing)
    assert told(faults) == [("loop", "pond", "open")]
    assert network.length_m.round().tolist()[3] == round(4 * 90 * 2**0.5)


LONG: Drawing = {
    "1": [(0, 4000), (0, 3000)],
    "2": [(0, 2000), (0, 3000)],
    "3": [(0, 2000), (0, 1000)],
    "4": [(0, 1000), (0, 0)],
}


def test_a_reversed_line_in_a_river_is_found_without_any_evidence() -> None:
    network, faults, changes = built(LONG)
    assert told(faults) == [("wrong_direction", "2", "open")]
    assert faults["proposal"].tolist() == ["reverse 2"]
    assert len(changes) == 0
    assert ("2", (0, 2000), (0, 3000), 1000) in flows(network, LONG)
    network, faults, changes = built(LONG, rules(("wrong_direction", "2", "reverse 2")))
    assert told(faults) == [("wrong_direction", "2", "decided")]
    assert changes["change"].tolist() == ["reversed"]
    assert ("2", (0, 3000), (0, 2000), 1000) in flows(network, LONG)
    assert network.lines[1].coords[0][1] > network.lines[1].coords[-1][1]


SECTIONS = pd.DataFrame(
    {"river_name": "白河", "order": [1, 2, 3], "x": X0 + 10.0, "y": Y0 + np.array([3500.0, 2500.0, 500.0])}
)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"direction": {"2": "逆向"}}, "attribute"),
        ({"elevation": np.array([[90, 80], [70, 80], [70, 60], [60, 50.0]])}, "elevation"),
        ({"sections": SECTIONS, "name": dict.fromkeys(LONG, "白河")}, "sections"),
    ],
)
def test_directions_are_settled_by_evidence_and_listed(given: dict[str, Any], word: str) -> None:
    network, faults, changes = built(LONG, **given)
    assert told(faults) == [("wrong_direction", "2", "mended")]
    assert word in faults["text_en"][0]
    assert word in changes["reason_en"][0]
    assert ("2", (0, 3000), (0, 2000), 1000) in flows(network, LONG)


def test_sections_settle_a_line_of_a_branched_river_by_two_on_it() -> None:
    drawing = TREE | {"a": TREE["a"][::-1]}
    sections = pd.DataFrame({"river_name": "白河", "order": [2, 1], "x": X0, "y": [Y0 + 1200, Y0 + 1800]})
    _, faults, _ = built(drawing, sections=sections, name=dict.fromkeys(TREE, "白河"))
    assert told(faults) == [("wrong_direction", "a", "mended")]
    muddled = pd.DataFrame({"river_name": "白河", "order": [1, 2, 3], "x": X0, "y": [Y0 + 1200, Y0 + 1800, Y0 + 1500]})
    _, faults, _ = built(TREE, sections=muddled, name=dict.fromkeys(TREE, "白河"))
    assert told(faults) == [("direction_conflict", "a", "open")]


def test_a_river_that_no_line_is_named_for_is_told() -> None:
    sections = pd.DataFrame({"river_name": ["青河", "白河"], "order": [1, 2], "x": [X0, np.nan], "y": [Y0, Y0]})
    _, faults, _ = built(TREE, sections=sections, name={"a": "白河"})
    assert faults[["kind", "rivers"]].to_numpy().tolist() == [["section_without_river", ("青河",)]]


def test_contradictory_evidence_is_a_fault_until_decided() -> None:
    elevation = np.array([[90, 80], [70, 80], [70, 60], [60, 50.0]])
    given = {"direction": {"2": "forward"}, "elevation": elevation}
    _, faults, changes = built(LONG, **given)
    assert told(faults) == [("wrong_direction", "2", "open"), ("direction_conflict", "2", "open")]
    assert len(changes) == 0
    network, faults, _ = built(LONG, rules(("direction_conflict", "2", "reverse")), **given)
    assert told(faults) == [("wrong_direction", "2", "decided"), ("direction_conflict", "2", "decided")]
    assert ("2", (0, 3000), (0, 2000), 1000) in flows(network, LONG)


def test_a_line_of_unknown_direction_is_named() -> None:
    _, faults, _ = built(TREE, direction={"a": "不明", "b": "to the sea", "c": "forward"})
    assert told(faults) == [("no_direction", "a", "open"), ("no_direction", "b", "open")]


def test_a_river_that_ends_where_two_meet_is_a_contradiction() -> None:
    drawing: Drawing = {"1": [(0, 3000), (0, 2000)], "2": [(0, 1000), (0, 2000)]}
    assert told(built(drawing)[1]) == [("contradictory_direction", "1;2", "open")]


def test_a_tributary_drawn_upstream_is_a_divergence_with_a_proposal() -> None:
    drawing = TREE | {"b": TREE["b"][::-1]}
    _, faults, _ = built(drawing)
    assert told(faults) == [("divergence", "b;c", "open")]
    _, faults, _ = built(drawing, rules(("divergence", "b;c", "keep")))
    assert told(faults) == [("divergence", "b;c", "decided")]


def test_a_part_that_hangs_together_with_nothing_is_an_island() -> None:
    drawing = TREE | {"far": [(5000, 900), (5000, 0)]}
    _, faults, _ = built(drawing)
    assert told(faults) == [("island", "far", "open")]
    assert "900 m" in faults["text_en"][0]


def test_two_rivers_of_one_name_and_their_numbers() -> None:
    drawing = TREE | {"b2": [(-9000, 2000), (-9000, 1000)]}
    names = {"a": "白河", "c": "白河", "b": "清水沟", "b2": "清水沟"}
    _, faults, _ = built(drawing, rules(("island", "b2", "keep")), name=names)
    assert told(faults) == [("island", "b2", "decided"), ("same_name", "b;b2", "open")]
    assert faults["proposal"][1] == "different"
    network, faults, changes = built(drawing, rules(("same_name", "b;b2", "different")), name=names)
    assert network.river.tolist() == ["白河", "清水沟#2", "白河", "清水沟#1"]
    assert set(changes["change"]) == {"renamed"}
    assert ("same_name", "b;b2", "decided") in told(faults)


def test_one_river_of_two_names() -> None:
    names = {"1": "白河", "2": "白河", "3": "大白河", "4": "大白河"}
    drawing = LONG | {"2": LONG["2"][::-1]}
    _, faults, _ = built(drawing, name=names)
    assert told(faults) == [("two_names", "2;3", "open")]
    network, faults, changes = built(
        drawing, rules(("two_names", "1;2", "rename 大白河"), ("island", "4", "keep")), name=names
    )
    assert set(network.river) == {"大白河"}
    assert changes[["before", "after"]].to_numpy().tolist() == [["白河", "大白河"]] * 2
    assert told(faults) == [("two_names", "1;2", "decided"), ("unused_decision", "4", "open")]


def test_what_is_no_line_is_named_and_left_out() -> None:
    shapes = [
        *lines_of(TREE),
        None,
        shapely.LineString(),
        shapely.LineString([(X0, Y0), (X0, Y0)]),
        shapely.Point(X0, Y0),
    ]
    lines = np.array([*shapes, shapely.LineString([(X0, Y0 + 1000), (X0 + 2, Y0 + 1000)])], dtype=object)
    network, faults, changes = build(lines, pd.DataFrame(index=range(8)), None, TOLERANCE, CRS)
    assert [row for row in told(faults) if row[0] != "loose_end"] == [
        *[("no_line", str(row), "open") for row in (3, 4, 5, 6)],
        ("short_line", "7", "mended"),
    ]
    assert network.source.tolist() == [0, 1, 2]
    assert set(changes["change"]) == {"left_out"}


def test_lines_of_several_parts_keep_their_row() -> None:
    two = shapely.MultiLineString([[(X0, Y0 + 3000), (X0, Y0 + 2000)], [(X0, Y0 + 2000), (X0, Y0 + 1000)]])
    network, faults, _ = build(np.array([two], dtype=object), pd.DataFrame({"id": ["m"]}), None, TOLERANCE, CRS)
    assert told(faults) == []
    assert network.source.tolist() == [0, 0]


def test_decisions_that_change_nothing_are_told() -> None:
    decisions = rules(
        ("gap", "a;c", "join"),
        ("same_name", "a", "different"),
        ("braid", "a;c", "keep"),
        ("wrong_direction", "b", "keep"),
    )
    network, faults, changes = built(TREE, decisions, direction={"b": "backward"})
    assert told(faults) == [
        ("wrong_direction", "b", "decided"),
        ("unused_decision", "a", "open"),
        *[("unused_decision", "a;c", "open")] * 2,
    ]
    assert len(changes) == 0
    assert network.node_xy[network.reach_to[1]].tolist() == [X0, Y0 + 1000]  # the decision goes before the attribute


# --- laws ---


MESSY = (
    {one: [(x + 20, y) for x, y in xy] for one, xy in LONG.items()}
    | {"b": [(520, 1000), (23, 1000)], "b2": [(520, 1500), (40, 1500)], "k": [(-300, 700), (300, 700)]}
    | {"copy": [(21, 3990), (21, 3010)], "far": [(9000, 100), (9000, 0)], "s": [(520, 1000), (523, 1001)]}
    | {one: [(x - 4000, y) for x, y in xy] for one, xy in BRAID.items()}
)


@settings(max_examples=25, deadline=None)
@given(st.permutations(list(MESSY)))
def test_the_order_of_lines_does_not_matter(order: list[str]) -> None:
    def seen(drawing: Drawing) -> Any:
        network, faults, changes = built(drawing, name=dict.fromkeys(MESSY, "白河"))
        texts = faults.drop(columns="geometry").astype(str).to_numpy().tolist()
        rows = changes[["change", "line", "fault"]].astype(str).to_numpy().tolist()
        return flows(network, drawing), texts, rows, sorted(shapely.to_wkt(network.lines))

    assert seen({one: MESSY[one] for one in order}) == seen(MESSY)


def test_every_change_of_a_line_belongs_to_a_fault_or_is_a_split() -> None:
    _, faults, changes = built(MESSY, rules(("crossing", "4;k", "join"), ("doubled", "1;copy", "drop copy")))
    assert set(changes.loc[changes["fault"] < 0, "change"]) <= {"split"}
    mended = set(changes.loc[changes["fault"] >= 0, "fault"])
    assert set(faults.loc[faults["status"] == "mended", "fault"]) <= mended
    for column in ("text_zh", "text_en"):
        assert (faults[column].str.len() > 5).all()
        assert not faults[column].str.contains("[{}]").any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=22))
def test_rings_are_what_is_left_when_no_bridge_is(pairs: list[tuple[int, int]]) -> None:
    graph = Graph(10, *(np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1)))
    block = blocks(graph)

    def parts_without(some: set[int]) -> int:
        keep = np.array([one not in some for one in range(len(pairs))], dtype=bool)
        return len(np.unique(components(10, graph.start[keep], graph.end[keep])))

    whole = parts_without(set())
    for one in range(len(pairs)):
        assert (block[one] < 0) == (parts_without({one}) > whole)  # a bridge is on no ring


def test_proposals_can_be_taken_as_decisions() -> None:
    sheet = decision_sheet(built(MESSY)[1])
    sheet["decision"] = sheet["proposal"]
    taken = sheet[sheet["decision"] != ""].reset_index(drop=True)
    assert {"crossing", "gap", "doubled", "wrong_direction"} <= set(taken["kind"])
    _, faults, changes = built(MESSY, taken)
    left_over = [";".join(lines) for lines in faults.loc[faults["kind"] == "unused_decision", "lines"]]
    assert left_over == ["k"]  # no island any more, since its crossing joins
    assert len(set(faults["decided_by"]) - {-1}) == len(taken) - 1
    assert {"extended", "dropped", "reversed"} <= set(changes["change"])


# --- wrong calls and tables ---


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (("gab", "a;b", "join"), "kind 'gab'"),
        (("gap", "a;b", "mend"), "decision 'mend'"),
        (("gap", "a;zz", "join"), "line 'zz'"),
        (("doubled", "", "drop"), "neither lines nor a place"),
        (("two_names", "a", "rename"), "rename without a name"),
        (("gap", "a", "join"), "join without the two lines"),
    ],
)
def test_a_wrong_decision_is_refused_with_its_row(row: tuple[str, str, str], word: str) -> None:
    with pytest.raises(SpecError, match="row 2: ") as error:
        built(TREE, rules(("island", "a", "keep"), row))
    assert word in str(error.value)


def test_wrong_calls_are_refused() -> None:
    lines = lines_of(TREE)
    with pytest.raises(SpecError, match="3 lines and 2 rows"):
        build(lines, pd.DataFrame(index=range(2)), None, 1.0, CRS)
    with pytest.raises(SpecError, match="tolerance"):
        build(lines, pd.DataFrame(index=range(3)), None, -1.0, CRS)
    with pytest.raises(SpecError, match="elevations of shape"):
        build(lines, pd.DataFrame(index=range(3)), None, 1.0, CRS, elevation=np.zeros(3))
    with pytest.raises(CrsError):
        build(lines, pd.DataFrame(index=range(3)), None, 1.0, "EPSG:4490")
    with pytest.raises(SpecError, match=r"sections: columns \['order'"):
        built(TREE, sections=pd.DataFrame({"river_name": ["白河"]}))


def test_no_lines_make_an_empty_network() -> None:
    network, faults, changes = build(np.array([], dtype=object), pd.DataFrame(), None, 1.0, CRS)
    assert len(network.lines) == len(faults) == len(changes) == 0
    assert snap(np.array([[X0, Y0]]), network, 100.0).reach.tolist() == [-1]


def test_every_kind_has_both_languages() -> None:
    for kind in KINDS.values():
        assert kind.text.zh
        assert kind.text.en
        assert kind.mend.zh
        assert kind.mend.en


# --- points ---


def at(*places: tuple[float, float]) -> np.ndarray:
    return np.array(places, dtype=float).reshape(-1, 2) + np.array([X0, Y0])


def test_points_snap_with_distance_and_side() -> None:
    network = built(TREE)[0]
    snaps = snap(at((-30, 1700), (40, 1700), (300, 1020), (5000, 5000)), network, 100.0)
    assert network.source[snaps.reach[:3]].tolist() == [0, 0, 1]
    assert snaps.reach[3] == -1
    assert snaps.along_m[:3].round(3).tolist() == [300, 300, 200]
    # water runs south: west is on the right; the tributary runs west: north is on its right
    assert snaps.offset_m[:3].round(3).tolist() == [30, -40, 20]
    assert np.isnan(snaps.along_m[3])
    assert snaps.reason_en[3] == "no river within 100 m"
    assert snaps.reason_zh[3] == "100 米内没有河流"
    assert snap(np.array([None], dtype=object), network, 100.0).reason_en.tolist() == ["no position"]
    assert snap(at((np.nan, 0)), network, 100.0).reach.tolist() == [-1]


def test_a_name_goes_before_distance_and_a_side_too() -> None:
    drawing: Drawing = {"w": [(0, 2000), (0, 0)], "e": [(100, 2000), (100, 0)]}
    network = built(drawing, name={"w": "白河", "e": "黑河"})[0]
    points = at(*[(30, 1000)] * 5)
    names = np.array(["", "黑河", "红河", "", ""], dtype=object)
    sides = np.array(["", "", "", "右岸", "左岸"], dtype=object)
    snaps = snap(points, network, 200.0, names, sides)
    assert network.river[snaps.reach].tolist() == ["白河", "黑河", "白河", "黑河", "白河"]
    assert snaps.offset_m.round().tolist() == [-30, 70, -30, 70, -30]
    assert snaps.is_doubtful.tolist() == [False, False, True, False, False]
    rows = snaps.alternatives[snaps.alternatives["point"] == 1]
    assert rows[["rank", "river_name", "is_chosen"]].to_numpy().tolist() == [[1, "黑河", True], [2, "白河", False]]
    assert rows["reason_en"].tolist() == ["name agrees, 70 m from the river", "name differs, 30 m from the river"]
    assert rows["reason_zh"].tolist()[0].startswith("河名相符")


def test_the_user_overrides_the_choice_at_any_distance() -> None:
    network = built(TREE, name={"a": "白河", "c": "白河", "b": "黑沟"})[0]
    snaps = snap(at((-30, 1700)), network, 50.0, chosen=np.array([1]))
    assert network.source[snaps.reach].tolist() == [1]
    assert snaps.alternatives["reason_en"][0].startswith("chosen by the user")
    assert len(snaps.alternatives) == 2  # what it would have been stands beside it
    with pytest.raises(SpecError, match="line row 7"):
        snap(at((0, 0)), network, 50.0, chosen=np.array([7]))
    with pytest.raises(SpecError, match="the side 'top'"):
        snap(at((0, 0)), network, 50.0, sides=np.array(["top"], dtype=object))


def test_two_rivers_equally_near_leave_a_doubt() -> None:
    drawing: Drawing = {"w": [(0, 2000), (0, 0)], "e": [(100, 2000), (100, 0)]}
    network = built(drawing, name={"w": "白河", "e": "黑河"})[0]
    snaps = snap(at((48, 1000), (10, 1000)), network, 200.0)
    assert snaps.is_doubtful.tolist() == [True, False]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-600, 600), st.floats(-200, 2300)), min_size=1, max_size=8))
def test_without_names_the_nearest_reach_is_taken(places: list[tuple[float, float]]) -> None:
    network = built(TREE)[0]
    points = at(*places)
    snaps = snap(points, network, 10_000.0)
    shapes = shapely.points(points)
    nearest = shapely.distance(shapes[:, None], network.lines[None, :]).min(axis=1)
    assert np.abs(snaps.offset_m) == pytest.approx(nearest, abs=0.01)
    foot = shapely.line_interpolate_point(network.lines[snaps.reach], snaps.along_m)
    assert shapely.distance(foot, shapes) == pytest.approx(nearest, abs=0.01)


grid = st.tuples(st.integers(0, 6), st.integers(0, 6))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(grid, min_size=2, max_size=5), max_size=9), st.sampled_from([0.0, 1.0, 12.0]))
def test_any_lines_make_a_network_that_keeps_what_was_drawn(
    lines: list[list[tuple[int, int]]], tolerance: float
) -> None:
    drawing: Drawing = {str(one): [(10.0 * x, 10.0 * y) for x, y in xy] for one, xy in enumerate(lines)}
    network, faults, changes = built(drawing, tolerance=tolerance, name=dict.fromkeys(drawing, "白河"))
    for line, up, down in zip(network.lines, network.reach_from, network.reach_to, strict=True):
        assert shapely.get_coordinates(line)[[0, -1]].tolist() == network.node_xy[[up, down]].tolist()
    drawn = shapely.length(lines_of(drawing)).sum() if drawing else 0.0
    lost = sum(shape.length for shape in changes.loc[changes["change"] == "left_out", "before"])
    moved = changes[changes["change"].isin(["moved_end", "bent"])]
    by_moves = 2 * sum(old.distance(new) for old, new in zip(moved["before"], moved["after"], strict=True))
    assert abs(network.length_m.sum() + lost - drawn) <= by_moves + 0.001
    assert (changes["fault"] >= 0).to_numpy()[(changes["change"] != "split").to_numpy()].all()
    sheet = decision_sheet(faults)
    sheet["decision"] = sheet["proposal"]
    again = built(drawing, sheet[sheet["decision"] != ""].reset_index(drop=True), tolerance=tolerance)[1]
    assert set(again["status"]) <= {"open", "mended", "decided"}
    snaps = snap(at((0, 0), (33, 21)), network, 100.0)
    on = snaps.reach >= 0
    assert (snaps.along_m[on] <= network.length_m[snaps.reach[on]] + 0.001).all()


# --- real rivers ---


@pytest.fixture(scope="module")
def rur(shared_data: Path) -> tuple[gpd.GeoDataFrame, Network, pd.DataFrame, pd.DataFrame]:
    frame = gpd.read_file(shared_data / "rur" / "gewaesser_rur_official.geojson").to_crs("EPSG:25832")
    attributes = pd.DataFrame(frame.drop(columns="geometry"))
    return frame, *build(np.asarray(frame.geometry), attributes, None, TOLERANCE, "EPSG:25832")


def test_the_rur_becomes_a_network_with_its_faults_listed(
    rur: tuple[gpd.GeoDataFrame, Network, pd.DataFrame, pd.DataFrame],
) -> None:
    frame, network, faults, changes = rur
    lost = changes.loc[changes["change"] == "left_out", "before"].map(shapely.length).sum()
    geod = pyproj.Geod(ellps="GRS80")
    drawn = sum(geod.geometry_length(line) for line in frame.geometry.to_crs("EPSG:4258"))
    moved = changes.loc[changes["change"].isin(["moved_end", "bent"])]
    by_moves = sum(before.distance(after) for before, after in zip(moved["before"], moved["after"], strict=True))
    assert abs(network.length_m.sum() + lost - drawn) <= by_moves + 1.0
    assert {"loose_end", "crossing", "gap", "doubled", "same_name", "two_names"} <= set(faults["kind"])
    assert (changes.loc[changes["change"] != "split", "fault"] >= 0).all()
    for line, up, down in zip(network.lines[::50], network.reach_from[::50], network.reach_to[::50], strict=True):
        assert shapely.get_coordinates(line)[[0, -1]].tolist() == network.node_xy[[up, down]].tolist()


def test_gauges_of_the_rur_snap_to_the_river_they_are_named_for(
    rur: tuple[gpd.GeoDataFrame, Network, pd.DataFrame, pd.DataFrame], shared_data: Path
) -> None:
    frame, network, _, _ = rur
    gauges = gpd.read_file(shared_data / "rur" / "pegel.geojson").to_crs("EPSG:25832")
    snaps = snap(np.asarray(gauges.geometry), network, 300.0, gauges["gewaesser"].to_numpy())
    near = gauges.distance(frame.geometry.union_all()).to_numpy() <= 300.0
    assert (snaps.reach >= 0).tolist() == near.tolist()  # the others are on the neighbouring rivers
    assert near.sum() >= 25
    assert network.river[snaps.reach[near]].tolist() == gauges["gewaesser"][near].tolist()
    assert np.abs(snaps.offset_m[near]).max() < 50.0


def test_outfalls_and_plants_of_the_rur_snap_plausibly(
    rur: tuple[gpd.GeoDataFrame, Network, pd.DataFrame, pd.DataFrame], shared_data: Path
) -> None:
    frame, network, _, _ = rur
    plants = gpd.read_file(shared_data / "rur" / "klaeranlagen.geojson").to_crs("EPSG:25832")
    snaps = snap(np.asarray(plants.geometry), network, 1000.0, plants["gewaesser"].to_numpy())
    on = snaps.reach >= 0
    same = network.river[snaps.reach[on]] == plants["gewaesser"][on].to_numpy()
    assert on.sum() >= 20
    assert same.mean() > 0.8
    assert snaps.is_doubtful[on][~same].all()  # another river than named is never taken without a mark
    outfalls = gpd.read_file(shared_data / "rur" / "elwas_einleiter.geojson").to_crs("EPSG:25832")
    snaps = snap(np.asarray(outfalls.geometry), network, 2000.0)
    on = snaps.reach >= 0
    assert on.tolist() == (outfalls.distance(frame.geometry.union_all()) <= 2000.0).tolist()
    assert on.sum() >= 30  # the others lie in the neighbouring basins
    along, length = snaps.along_m[on], network.length_m[snaps.reach[on]]
    assert ((along >= 0) & (along <= length + 0.01)).all()
    assert (np.abs(snaps.offset_m[on]) <= 2000.0).all()


def test_henan_lines_are_listed_without_a_crash(shared_data: Path) -> None:
    frame = gpd.read_file(shared_data / "region" / "henan_rivers.gpkg").to_crs(CRS)
    network, faults, _ = build(
        np.asarray(frame.geometry), pd.DataFrame(frame.drop(columns="geometry")), None, 20.0, CRS
    )
    without = [";".join(lines) for lines in faults.loc[faults["kind"] == "no_line", "lines"]]
    assert without == sorted(str(row) for row in np.flatnonzero(frame.length == 0))
    assert {"crossing", "gap", "island"} <= set(faults["kind"])
    assert len(network.lines) > 150


# --- directions nobody knows ---


def unsettled(drawing: Drawing, *rows: tuple[str, str, str], **given: Any) -> list[str]:
    network = built(drawing, rules(*rows) if rows else None, **given)[0]
    assert network.unsettled.shape == network.reach_from.shape
    return sorted({list(drawing)[row] for row in network.source[network.unsettled]})


def test_what_is_drawn_and_contradicted_by_nothing_is_settled() -> None:
    for drawing in (TREE, BRAID, {one: LONG[one] for one in ("1", "3", "4")}):
        assert unsettled(drawing) == []


def test_a_direction_stated_as_unknown_is_unsettled_until_decided() -> None:
    assert unsettled(TREE, direction={"a": "不明", "b": "to the sea", "c": "forward"}) == ["a", "b"]
    assert unsettled(TREE, ("no_direction", "a", "keep"), direction={"a": "不明"}) == []
    assert unsettled(TREE, direction={"a": "不明"}, elevation=np.array([[9, 5], [7, 5], [5, 1.0]])) == []


def test_evidence_that_contradicts_itself_is_unsettled_until_decided() -> None:
    given = {"direction": {"b": "forward"}, "elevation": np.array([[9, 5], [5, 7], [5, 1.0]])}
    assert unsettled(TREE, **given) == ["b"]
    assert unsettled(TREE, ("direction_conflict", "b", "keep"), **given) == []


def test_a_drawing_that_stops_the_water_is_unsettled_until_decided_or_told_otherwise() -> None:
    assert unsettled(LONG) == ["2"]
    assert unsettled(LONG, ("wrong_direction", "2", "reverse")) == []
    assert unsettled(LONG, direction={"2": "逆向"}) == []
    meeting: Drawing = {"1": [(0, 3000), (0, 2000)], "2": [(0, 1000), (0, 2000)], "2b": [(0, 0), (0, 1000)]}
    assert unsettled(meeting) == ["1", "2", "2b"]  # with what it goes on as
    assert unsettled(meeting, ("contradictory_direction", "1;2", "keep")) == []
    assert unsettled(meeting, elevation=np.array([[9, 8], [np.nan, np.nan], [np.nan, np.nan]])) == ["2", "2b"]
    assert unsettled(BRAID | {"left": BRAID["left"][::-1]}) == ["left", "right"]


def test_tracing_takes_what_is_unsettled_for_either_way_unless_told() -> None:
    network = built(LONG)[0]
    section = Places(np.array([3]), np.array([500.0]), np.zeros(1))
    outfall = Places(np.array([0]), np.array([200.0]), np.zeros(1))
    pairs = along_river(network, section, outfall, 1e6, 0.0).pairs
    assert pairs[["distance_m", "is_path_known"]].to_numpy().tolist() == [[pytest.approx(3300.0), False]]
    assert along_river(network, section, outfall, 1e6, 0.0, np.zeros(4, dtype=bool)).pairs.empty  # as drawn: it says so
    tree = upstream_of(network, section, 0, outfall)
    assert tree.missing[["kind", "reach", "reason"]].to_numpy().tolist() == [["reach", 1, "no_direction"]]
    found = corridors(network, section, CRS)
    assert found.areas["up_m"].tolist() == pytest.approx([1500.0])  # it ends there
    on = Places(np.array([1]), np.array([500.0]), np.zeros(1))
    assert corridors(network, on, CRS).missing["reason"].tolist() == ["no_direction"]
    spill = downstream_of(network, outfall, section, 1.0)
    assert spill.targets[["distance_m", "is_path_known"]].to_numpy().tolist() == [[pytest.approx(3300.0), False]]
    with pytest.raises(ValueError, match="undirected: got shape"):
        along_river(network, section, outfall, 1.0, 0.0, np.zeros(3, dtype=bool))


def test_a_river_without_a_line_can_be_decided_from_the_sheet() -> None:
    sections = pd.DataFrame({"river_name": ["青河", "青河"], "order": [1, 2], "x": [X0, X0 + 90], "y": [Y0, Y0 + 50]})
    sheet = decision_sheet(built(TREE, sections=sections)[1])
    assert sheet[["kind", "x", "y"]].to_numpy().tolist() == [["section_without_river", X0, Y0]]
    sheet["decision"] = "keep"
    assert told(built(TREE, sheet, sections=sections)[1]) == [("section_without_river", "", "decided")]


def test_the_arms_of_a_parting_are_told_in_one_order() -> None:
    drawing: Drawing = {"d": [(0, 0), (20, 0)], "e": [(10, 0), (0, 10)]}
    texts = [
        built({one: drawing[one] for one in order}, tolerance=0.0)[1]["mend_en"].tolist() for order in ("de", "ed")
    ]
    assert texts[0] == texts[1]


# --- evidence, from the lines to the distances ---

VALLEY: Drawing = {
    "1": [(0, 5000), (0, 4000)],
    "2": [(0, 3000), (0, 4000)],  # drawn upstream
    "3": [(0, 3000), (0, 0)],
    "side": [(0, 3000), (700, 3000)],  # a tributary of 700 m from the east, drawn upstream
}
DROPS = np.array([[90, 80], [70, 80], [70, 40], [70, 95.0]])
ORDERED = pd.DataFrame(
    {
        "river_name": ["白河", "白河", "白河", "黑沟", "黑沟"],
        "order": [1, 2, 9, 1, 2],
        "x": X0 + np.array([5.0, -5.0, 5.0, 600.0, 100.0]),
        "y": Y0 + np.array([4500.0, 3500.0, 400.0, 3004.0, 2996.0]),
    }
)
RIVERS = {"1": "白河", "2": "白河", "3": "白河", "side": "黑沟"}


@pytest.mark.parametrize("given", [{"elevation": DROPS}, {"sections": ORDERED, "name": RIVERS}])
def test_evidence_settles_lines_and_distances_through_them(given: dict[str, Any]) -> None:
    network, faults, changes = built(VALLEY, **given)
    assert told(faults) == [("wrong_direction", "2", "mended"), ("wrong_direction", "side", "mended")]
    assert changes[["change", "line"]].to_numpy().tolist() == [["reversed", "2"], ["reversed", "side"]]
    assert not network.unsettled.any()
    snaps = snap(at((5, 4800), (650, 3010), (-5, 400)), network, 100.0)
    section = Places(snaps.reach[2:], snaps.along_m[2:], snaps.offset_m[2:])
    pairs = along_river(network, section, snaps, 1e6, 1e6).pairs
    assert pairs["distance_m"].tolist() == pytest.approx([4400.0, 2600.0 + 650.0, 0.0], abs=1.0)
    assert pairs["is_path_known"].all()


def test_without_evidence_nothing_is_told_as_known_through_what_is_drawn_upstream() -> None:
    network, faults, _ = built(VALLEY)
    assert network.unsettled.tolist() == [False, True, False, False]  # water passes neither end of 2
    assert ("wrong_direction", "2", "open") in told(faults)
    snaps = snap(at((-5, 400), (5, 4800)), network, 100.0)
    pairs = along_river(
        network, *(Places(snaps.reach[k], snaps.along_m[k], snaps.offset_m[k]) for k in ([0], [1])), 1e6, 0
    ).pairs
    assert pairs[["distance_m", "is_path_known"]].to_numpy().tolist() == [[pytest.approx(4400.0, abs=1.0), False]]


def test_sections_of_one_order_or_one_place_settle_nothing() -> None:
    same = ORDERED[:3].assign(y=Y0 + 4500.0, x=X0)
    network, faults, _ = built({"1": VALLEY["1"]}, sections=same, name=RIVERS)
    assert ("direction_conflict", "1", "open") in told(faults)
    assert network.unsettled.tolist() == [True]
    _, faults, _ = built({"1": VALLEY["1"]}, sections=ORDERED[:1], name=RIVERS)
    assert told(faults) == []
    equal = ORDERED[:2].assign(order=1, y=[Y0 + 4200.0, Y0 + 4800.0])
    _, faults, _ = built({"1": VALLEY["1"]}, sections=equal, name=RIVERS)
    assert told(faults) == []  # sections of one order say nothing about each other


def test_gauges_of_the_rur_have_nested_upstream_sets_as_the_tree_says(
    rur: tuple[gpd.GeoDataFrame, Network, pd.DataFrame, pd.DataFrame], shared_data: Path
) -> None:
    _, network, _, _ = rur
    gauges = gpd.read_file(shared_data / "rur" / "pegel.geojson").to_crs("EPSG:25832")
    snaps = snap(np.asarray(gauges.geometry), network, 300.0, gauges["gewaesser"].to_numpy())
    pairs = along_river(network, snaps, snaps, 1e9, 0.0).pairs
    above: dict[int, set[int]] = {}
    pairs = pairs[pairs["is_path_known"] & (pairs["distance_m"] > 0)]  # two rings drawn run in a circle: unsettled
    for section, point in pairs[["section", "point"]].itertuples(index=False):
        above.setdefault(section, set()).add(point)
    assert len(above) > 3
    for section, points in above.items():
        for point in points:
            assert above.get(point, set()) <= points, (section, point)  # what is above one above is above
    distance = pairs.set_index(["section", "point"])["distance_m"]
    for section, points in above.items():
        for point in points:
            for higher in above.get(point, set()):
                through = distance[section, point] + distance[point, higher]
                assert distance[section, higher] <= through + 1e-6  # by the shortest way

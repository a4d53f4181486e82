"""Rules along rivers: corridors and who is upstream, with margins, and nothing clear where place or direction is in doubt."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules import CONTENT, CRS, DAY, layer_of

from geosys._errors import SpecError
from geosys.cases.assess import Assessment, assess
from geosys.cases.conditions import Condition
from geosys.cases.findings import findings_of
from geosys.content import read_csv
from geosys.geo.river_network import build, snap
from geosys.geo.waterway import Stops, Waterway, area_stops, point_stops
from geosys.rooms import read_content

if TYPE_CHECKING:
    from pathlib import Path

    from geosys._schema import UsableLayer
    from geosys.cases.rules import Rule
    from geosys.geo.river_network import Network

ORIGIN = np.array([5e5, 3.85e6])
CORRIDOR = dataclasses.replace(next(r for r in CONTENT.book.rules.values() if r.relation == "corridor"), where=())
ABOVE_ZONE = next(
    r for r in CONTENT.book.rules.values() if r.relation == "upstream" and "min_area_m2" not in r.settings and r.where
    and any(c.column == "source_kind" for c in r.where)
)  # fmt: skip
OUTFALL, SECTION, ZONE, RIVER = CORRIDOR.subject, str(CORRIDOR.object), str(ABOVE_ZONE.object), str(CORRIDOR.along)
ABOVE = dataclasses.replace(CORRIDOR, relation="upstream", settings={"within_m": 5000.0}, condition=(), where=())
# 10 km from west to east; a tributary from the north joins at 6 km, another from the south at 2 km
MAIN, NORTH, SOUTH = "LINESTRING (0 0, 10000 0)", "LINESTRING (6000 4000, 6000 0)", "LINESTRING (2000 -3000, 2000 0)"
TREE = (MAIN, NORTH, SOUTH)


def network_of(*lines: str) -> Network:
    shapes = np.array([shapely.transform(shapely.from_wkt(t), lambda xy: xy + ORIGIN) for t in lines], dtype=object)
    return build(shapes, pd.DataFrame({"direction": ["forward"] * len(lines)}), None, 1.0, CRS)[0]


def at(*places: str, **columns: Any) -> list[dict]:
    return [{"id": f"{'abcdefghij'[i]}", "at": place, **columns} for i, place in enumerate(places)]


def judge(
    rule: Rule, subjects: UsableLayer, objects: UsableLayer, network: Network, reach_m: float = 600.0, **stops: Stops
) -> Assessment:
    layers = {rule.subject: subjects, str(rule.object): objects}
    found = {}
    for name, layer in layers.items():
        shapes = np.asarray(layer.frame.geometry.to_numpy(), dtype=object)
        is_point = layer.schema.geometry == "point"
        found[name] = point_stops(snap(shapes, network, reach_m)) if is_point else area_stops(shapes, network, reach_m)
    return assess(rule, layers, CRS, DAY, {RIVER: Waterway(RIVER, network, found | stops, CRS)})


def outcomes(result: Assessment) -> dict[str, str]:
    return dict(zip(result.outcomes["subject_id"], result.outcomes["outcome"], strict=True))


def only(result: Assessment, subject: int = 0) -> dict[str, Any]:
    rows = result.pairs[result.pairs["subject"] == subject].to_dict("records")
    assert len(rows) == 1
    return dict(rows[0])


# --- corridors ---


@pytest.mark.parametrize(
    ("place", "outcome", "river", "margin"),
    [
        ("POINT (5000 480)", "hit", 3000.0, 20.0),  # 3 km above, 20 m of width to spare
        ("POINT (5990 2900)", "hit", 4900.0, 100.0),  # 2 km of main river and 2.9 km of tributary
        ("POINT (5990 3200)", "clear", None, None),  # 5.2 km by water, 3.8 km as the crow flies
        ("POINT (3005 20)", "hit", 4995.0, 5.0),
        ("POINT (2990 20)", "near", 5000.0, -10.0),  # out by 10 m, both layers being good to 14 m
        ("POINT (2980 20)", "clear", None, None),
        ("POINT (8495 -20)", "hit", -495.0, 5.0),
        ("POINT (8560 -20)", "clear", None, None),
        ("POINT (7000 510)", "near", 1000.0, -10.0),
        ("POINT (7000 515)", "clear", None, None),
    ],
)
def test_a_corridor_is_measured_along_the_river(
    place: str, outcome: str, river: float | None, margin: float | None
) -> None:
    result = judge(CORRIDOR, layer_of(OUTFALL, at(place)), layer_of(SECTION, at("POINT (8000 0)")), network_of(*TREE))
    assert outcomes(result) == {"a": outcome}
    if river is not None and margin is not None:
        row = only(result)
        assert row["margin"] == pytest.approx(margin, abs=0.05)
        assert row["is_near"] == (abs(margin) <= 14.15)
        if outcome == "hit":
            assert row["river_m"] == pytest.approx(river, abs=0.5)
            assert row["distance_m"] == row["measure"] == abs(row["river_m"])


def test_corridors_hit_what_plain_geometry_hits() -> None:
    """On one straight river a corridor is a rectangle, so 400 random points are told by two comparisons."""
    rng = np.random.default_rng(5)
    xy = np.column_stack([rng.uniform(0, 10_000, 400), rng.uniform(-900, 900, 400)])
    rows = [{"id": str(i), "at": f"POINT ({x} {y})"} for i, (x, y) in enumerate(xy)]
    result = judge(CORRIDOR, layer_of(OUTFALL, rows), layer_of(SECTION, at("POINT (8000 0)")), network_of(MAIN), 950.0)
    expected = (xy[:, 0] >= 3000) & (xy[:, 0] <= 8500) & (np.abs(xy[:, 1]) <= 500)
    clear = np.minimum(np.abs(xy[:, 0][:, None] - [3000, 8500]).min(axis=1), np.abs(np.abs(xy[:, 1]) - 500)) > 1.0
    found = np.array([o == "hit" for o in outcomes(result).values()])
    assert 50 < expected.sum() < 350
    assert (found == expected)[clear].all()


def test_an_area_that_meets_the_corridor_is_in_it() -> None:
    rule = next(r for r in CONTENT.book.rules.values() if r.relation == "corridor" and r.subject != OUTFALL)
    rule = dataclasses.replace(rule, where=tuple(c for c in rule.where if c.side == "subject"))
    values = {c.column: c.value[0] for c in rule.where}
    rows = at(
        "POLYGON ((4000 450, 4100 450, 4100 900, 4000 900, 4000 450))",
        "POLYGON ((4000 600, 4100 600, 4100 900, 4000 900, 4000 600))",
        **values,
    )
    result = judge(rule, layer_of(rule.subject, rows), layer_of(SECTION, at("POINT (8000 0)")), network_of(MAIN))
    assert outcomes(result) == {"a": "hit", "b": "clear"}


def test_a_section_without_a_river_leaves_its_neighbours_open() -> None:
    subjects = layer_of(OUTFALL, at("POINT (3000 20)", "POINT (1000 20)"))
    result = judge(CORRIDOR, subjects, layer_of(SECTION, at("POINT (8000 2000)")), network_of(MAIN))
    assert outcomes(result) == {"a": "needs_review", "b": "clear"}  # 5.4 and 7.3 km away; 5.5 km is the most
    assert "没有可对应的河流" in only(result)["why_zh"]


def test_a_doubtful_place_leaves_even_a_hit_open() -> None:
    network = network_of(MAIN)
    sections = layer_of(SECTION, at("POINT (8000 0)"))
    doubtful = dataclasses.replace(
        point_stops(snap(sections.frame.geometry.to_numpy(), network, 600.0)),
        is_doubtful=np.array([True]), reason_zh=np.array(["另一条河同样近"], dtype=object),
    )  # fmt: skip
    subjects = layer_of(OUTFALL, at("POINT (6000 20)", "POINT (9000 20)", "POINT (2000 20)"))
    result = judge(CORRIDOR, subjects, sections, network, **{SECTION: doubtful})
    assert outcomes(result) == {"a": "needs_review", "b": "needs_review", "c": "clear"}
    assert only(result)["river_m"] == pytest.approx(2000.0, abs=0.5)
    assert "另一条河同样近" in only(result)["why_zh"]


def test_a_walk_over_an_unknown_direction_is_left_open() -> None:
    network = network_of(*TREE)
    is_north = shapely.get_coordinates(shapely.get_point(network.lines, 0))[:, 1] > ORIGIN[1] + 100
    network = dataclasses.replace(network, unsettled=is_north)
    subjects = layer_of(OUTFALL, at("POINT (6010 1000)", "POINT (5000 20)"))
    sections = layer_of(SECTION, at("POINT (8000 0)"))
    for rule in (CORRIDOR, ABOVE):
        result = judge(rule, subjects, sections, network)
        assert outcomes(result) == {"a": "needs_review", "b": "hit"}, rule.relation
        told = 3000.0 if rule is ABOVE else np.nan  # a corridor over unknown directions has no one distance
        assert only(result)["river_m"] == pytest.approx(told, abs=0.5, nan_ok=True)
        assert "流向不明" in only(result)["why_zh"]
    on_it = layer_of(SECTION, at("POINT (6000 1000)"))
    result = judge(CORRIDOR, layer_of(OUTFALL, at("POINT (6010 3800)", "POINT (6010 300)")), on_it, network)
    assert outcomes(result) == {"a": "needs_review", "b": "needs_review"}  # either may be the upper side
    places = ("POINT (2220 -20)", "POINT (1900 20)", "POINT (9000 -20)")
    result = judge(CORRIDOR, layer_of(OUTFALL, at(*places)), on_it, network)
    # if it runs north: 3780 m of main river and 1000 m of tributary; 5100 m; and from below no water comes whatever
    assert outcomes(result) == {"a": "needs_review", "b": "clear", "c": "clear"}


# --- upstream ---


@pytest.mark.parametrize(
    ("place", "outcome", "river", "margin"),
    [
        ("POINT (5000 20)", "hit", 3000.0, 2000.0),
        ("POINT (6010 2900)", "hit", 4900.0, 100.0),
        ("POINT (6010 3010)", "near", 5010.0, -10.0),
        ("POINT (6010 3100)", "clear", None, None),
        ("POINT (2010 -1000)", "clear", None, None),
        ("POINT (8200 20)", "clear", None, None),
        ("POINT (8010 20)", "near", -10.0, -10.0),  # below it by less than the accuracy of both
        ("POINT (7990 20)", "hit", 10.0, 10.0),
    ],
)
def test_upstream_means_that_the_water_comes_by(
    place: str, outcome: str, river: float | None, margin: float | None
) -> None:
    result = judge(ABOVE, layer_of(OUTFALL, at(place)), layer_of(SECTION, at("POINT (8000 0)")), network_of(*TREE))
    assert outcomes(result) == {"a": outcome}
    if river is not None:
        row = only(result)
        assert (row["river_m"], row["margin"]) == (pytest.approx(river, abs=0.5), pytest.approx(margin, abs=0.5))


def test_without_a_limit_all_that_is_above_is_upstream() -> None:
    rule = dataclasses.replace(ABOVE, settings={})
    subjects = layer_of(OUTFALL, at("POINT (2010 -2900)", "POINT (9000 20)"))
    result = judge(rule, subjects, layer_of(SECTION, at("POINT (8000 0)")), network_of(*TREE))
    assert outcomes(result) == {"a": "hit", "b": "clear"}
    assert only(result)["river_m"] == pytest.approx(8900.0, abs=0.5)


def test_a_zone_is_reached_where_the_river_enters_it() -> None:
    values = {c.column: c.value[0] for c in ABOVE_ZONE.where}
    zone = layer_of(ZONE, at("POLYGON ((6500 -100, 7500 -100, 7500 100, 6500 100, 6500 -100))", **values))
    places = (
        "POINT (5000 20)",
        "POINT (4000 20)",
        "POINT (6010 1000)",
        "POINT (7000 90)",
        "POINT (7000 300)",
        "POINT (7800 20)",
    )
    result = judge(ABOVE_ZONE, layer_of(OUTFALL, at(*places)), zone, network_of(*TREE))
    assert list(outcomes(result).values()) == ["hit", "clear", "hit", "hit", "hit", "clear"]
    river = result.pairs.set_index("subject")["river_m"]
    # entry at 6500: from 5000 on the main river, from 1 km up the tributary, and twice inside at once
    assert river[[0, 2, 3, 4]].round(0).tolist() == [1500.0, 1500.0, 0.0, 0.0]


def test_an_outfall_on_no_river_is_open_where_its_water_could_reach_a_section() -> None:
    subjects = layer_of(OUTFALL, at("POINT (7000 -1500)", "POINT (100 -9000)"))
    result = judge(ABOVE, subjects, layer_of(SECTION, at("POINT (8000 0)", "POINT (9000 0)")), network_of(*TREE))
    assert outcomes(result) == {"a": "needs_review", "b": "clear"}
    assert only(result)["object"] == -1, "no section is accused when it is not known which river it flows into"


def test_a_shut_reach_and_a_lost_section_clear_nothing() -> None:
    network = network_of(*TREE)
    subjects = layer_of(OUTFALL, at("POINT (5000 20)", "POINT (100 -9000)"))
    shut = dataclasses.replace(network, blocked=np.ones(len(network.reach_from), dtype=bool))
    sections = layer_of(SECTION, at("POINT (8000 0)"))
    result = judge(ABOVE, subjects, sections, shut)
    assert outcomes(result) == {"a": "needs_review", "b": "clear"}
    assert "阻断" in result.pairs["why_zh"].iloc[0]
    lost = layer_of(SECTION, [], [{"id": "lost", "at": "POINT (8000 0)"}])
    for rule in (ABOVE, CORRIDOR):
        result = judge(rule, subjects, lost, network)
        assert outcomes(result) == {"a": "needs_review", "b": "clear"}, rule.relation
        assert only(result)["object"] == -2


def test_what_is_not_known_of_a_section_is_never_clear_and_never_a_hit() -> None:
    rule = dataclasses.replace(ABOVE, condition=(Condition("object", "level", "in", ("国控",)),))
    subjects = layer_of(OUTFALL, at("POINT (7000 20)"))
    for level, outcome in (("国控", "hit"), (None, "needs_review"), ("市控", "clear")):
        sections = layer_of(SECTION, at("POINT (8000 0)", level=level))
        assert outcomes(judge(rule, subjects, sections, network_of(*TREE))) == {"a": outcome}
    unfilled = dataclasses.replace(sections, frame=sections.frame.drop(columns="level"))
    assert outcomes(judge(rule, subjects, unfilled, network_of(*TREE))) == {"a": "needs_review"}


def test_an_outfall_whose_river_is_in_doubt_accuses_no_section_for_sure() -> None:
    network = network_of(*TREE)
    subjects = layer_of(OUTFALL, at("POINT (7000 20)", "POINT (9000 20)", "POINT (100 -9000)"))
    stops = point_stops(snap(subjects.frame.geometry.to_numpy(), network, 600.0))
    doubtful = dataclasses.replace(stops, is_doubtful=np.array([True, True, True]))
    result = judge(ABOVE, subjects, layer_of(SECTION, at("POINT (8000 0)")), network, **{OUTFALL: doubtful})
    assert outcomes(result) == {"a": "needs_review", "b": "needs_review", "c": "clear"}
    assert result.pairs["object"].tolist() == [0, -1]
    assert result.pairs["why_zh"].str.contains("所在河流待核").all()


def test_who_is_surely_hit_is_not_asked_about_again_for_a_section_on_no_river() -> None:
    sections = layer_of(SECTION, at("POINT (8000 0)", "POINT (8000 2000)"))
    for rule in (ABOVE, CORRIDOR):
        result = judge(rule, layer_of(OUTFALL, at("POINT (7000 20)")), sections, network_of(MAIN))
        assert outcomes(result) == {"a": "hit"}
        assert only(result)["object"] == 0


def test_a_section_of_which_it_is_not_known_whether_the_rule_is_about_it_stays_open() -> None:
    for rule in (ABOVE, CORRIDOR):
        only_national = dataclasses.replace(rule, where=(Condition("object", "level", "in", ("国控",)),))
        for level, outcome in (("国控", "hit"), (None, "needs_review"), ("市控", "clear")):
            sections = layer_of(SECTION, at("POINT (8000 0)", level=level))
            result = judge(only_national, layer_of(OUTFALL, at("POINT (7000 20)")), sections, network_of(MAIN))
            assert outcomes(result) == {"a": outcome}


def test_a_section_is_never_upstream_of_itself() -> None:
    rule = dataclasses.replace(ABOVE, subject=SECTION)
    sections = layer_of(SECTION, at("POINT (7000 0)", "POINT (8000 0)"))
    result = judge(rule, sections, sections, network_of(*TREE))
    assert outcomes(result) == {"a": "hit", "b": "clear"}
    assert only(result)["object"] == 1


def test_without_rivers_or_a_required_layer_nothing_is_assessed() -> None:
    subjects, sections = layer_of(OUTFALL, at("POINT (7000 20)")), layer_of(SECTION, at("POINT (8000 0)"))
    layers, network = {OUTFALL: subjects, SECTION: sections}, network_of(*TREE)
    stops = {SECTION: point_stops(snap(sections.frame.geometry.to_numpy(), network, 600.0))}
    waterways = {RIVER: Waterway(RIVER, network, stops, CRS)}
    for rule, rivers, why in (
        (ABOVE, None, RIVER),
        (ABOVE, waterways, OUTFALL),  # nobody has placed the outfalls on the rivers
        (dataclasses.replace(CORRIDOR, requires=(ZONE,)), waterways, ZONE),
    ):
        result = assess(rule, layers, CRS, DAY, rivers)
        assert outcomes(result) == {"a": "not_assessed"}
        assert result.why is not None
        assert why in result.why.zh
    assert outcomes(assess(CORRIDOR, layers, CRS, DAY, waterways)) == {"a": "hit"}


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Draw a river tree: the reach that each reach flows into (−1: the mouth), and on which reaches two layers stand."""
    size = draw(st.integers(2, 9))
    into = [-1] + [draw(st.integers(0, i - 1)) for i in range(1, size)]
    spots = st.lists(st.integers(0, size - 1), min_size=1, max_size=5)
    return into, draw(spots), draw(spots)


@settings(max_examples=40, deadline=None)
@given(trees(), st.sampled_from([900.0, 2600.0, 5000.0]))
def test_upstream_equals_a_plain_walk_down_any_tree(
    tree: tuple[list[int], list[int], list[int]], within: float
) -> None:
    """Each reach is 1000 m; outfalls stand 300 m and sections 700 m from its upper end, so no distance is a limit."""
    into, outfalls, sections = tree
    lines, where = [], {}
    for i, below in enumerate(into):  # reaches fan out: each ends in the upper end of the one below
        end = np.zeros(2) if below < 0 else where[below]
        turn = 0.37 * i
        where[i] = end + 1000.0 * np.array([-np.cos(turn), np.sin(turn)])
        lines.append(shapely.LineString([where[i] + ORIGIN, end + ORIGIN]))
    count = len(lines)
    ends = [len(lines) if below < 0 else below for below in into]
    network = dataclasses.replace(
        network_of(MAIN), node_xy=np.array([*(where[i] + ORIGIN for i in range(count)), ORIGIN]),
        reach_from=np.arange(count), reach_to=np.array(ends), length_m=np.full(count, 1000.0),
        lines=np.array(lines, dtype=object), river=np.full(count, "", dtype=object), source=np.arange(count),
        **{name: np.zeros(count, dtype=bool) for name in ("is_canal", "gate", "blocked", "unsettled")},
    )  # fmt: skip

    def stops(on: list[int], along: float) -> Stops:
        size = len(on)
        blank = np.full(size, "", dtype=object)
        return Stops(
            np.arange(size), np.array(on), np.full(size, along), np.zeros(size), np.zeros(size, bool), blank, blank
        )

    def spots(on: list[int], along: float) -> list[dict]:
        xy = [shapely.get_coordinates(shapely.line_interpolate_point(lines[i], along))[0] - ORIGIN for i in on]
        return [{"id": str(k), "at": f"POINT ({x!r} {y!r})"} for k, (x, y) in enumerate(np.array(xy).tolist())]

    rule = dataclasses.replace(ABOVE, settings={"within_m": within}, near_m=0.0)
    result = judge(
        rule, layer_of(OUTFALL, spots(outfalls, 300.0)), layer_of(SECTION, spots(sections, 700.0)), network,
        **{OUTFALL: stops(outfalls, 300.0), SECTION: stops(sections, 700.0)},
    )  # fmt: skip
    expected = {}
    for k, start in enumerate(outfalls):
        reach, walked = start, -300.0
        while reach >= 0:
            for j, on in enumerate(sections):
                if on == reach and walked + 700.0 <= within:
                    expected[k, j] = walked + 700.0
            reach, walked = into[reach], walked + 1000.0
    hits = result.pairs[result.pairs["outcome"] == "hit"]
    found = dict(zip(zip(hits["subject"], hits["object"], strict=True), hits["river_m"], strict=True))
    assert found == pytest.approx(expected)


# --- content ---


def test_the_sentence_says_where_along_the_river() -> None:
    subjects = layer_of(OUTFALL, at("POINT (4800 20)", outfall_name="甲口"))
    sections = layer_of(SECTION, at("POINT (8000 0)", section_name="乙断面"))
    result = judge(CORRIDOR, subjects, sections, network_of(*TREE))
    row = findings_of([result], {OUTFALL: subjects, SECTION: sections}, CONTENT.book, CRS).iloc[0]
    assert "甲口 在断面乙断面上游 3.2 km" in row["sentence_zh"]
    assert "3.2 km upstream of section 乙断面" in row["sentence_en"]
    assert (row["unit"], row["threshold"]) == ("m", 5000.0)


def test_the_jiyuan_lengths_are_those_of_the_plan() -> None:
    for rule in CONTENT.book.rules.values():
        if rule.relation == "corridor":
            assert rule.settings == {"up_m": 5000.0, "down_m": 500.0, "offset_m": 500.0}
            assert "jy_three_year_2018_3_3_1" in rule.basis


def test_rules_and_code_list_agree_on_what_a_discharge_standard_is_worth() -> None:
    """The class of a standard is that of its worst limit; a rule is for one class and for targets that are stricter."""
    limits = {3: (20, 1.0, 0.2), 4: (30, 1.5, 0.3), 5: (40, 2.0, 0.4)}  # GB 3838-2002 table 1: COD, ammonia, phosphorus
    rows = read_csv(ROOT / "layers" / "codes" / "discharge_standard.csv", ("code", "class_equivalent", "certainty"))
    worth: dict[int, set[str]] = {}
    for row in rows:
        given = [float(row[c]) for c in ("cod_mg_l", "nh3n_mg_l", "tp_mg_l")]
        own = next((k for k, most in limits.items() if all(g <= m for g, m in zip(given, most, strict=True))), 6)
        assert int(row["class_equivalent"]) == own, row["code"]
        assert row["certainty"] == ("confirmed" if "GB 3838" in row["source"] else "unconfirmed")
        worth.setdefault(own, set()).add(row["code"])
    classes = ["I", "II", "III", "IV", "V"]
    seen = set()
    for rule in CONTENT.book.rules.values():
        asked = [c for c in rule.where if c.column == "discharge_standard" and c.test == "in"]
        if asked:
            own = next(k for k, codes in worth.items() if codes == set(asked[0].value))
            targets = next(c.value for c in rule.condition if c.column == "target_class")
            assert list(targets) == classes[: own - 1]
            seen.add(own)
    assert seen == set(worth)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('along    = "river"', 'along    = "rivre"', "Did you mean 'river'?"),
        ('along    = "river"', 'along    = "outfall"', "a line layer"),
        ("offset_m = 500", "offset_m = 0", "a number above 0"),
        ("up_m     = 5000\n", "", "the key 'up_m'"),
        ("up_m     = 5000", "up_m     = -1", "a number of 0 or more"),
        ("within_m = 2000", "within_m = 0", "Leave it out for no limit."),
        ("{river_distance}", "{river_distanc}", "Did you mean 'river_distance'?"),
        ('severity = "high"', 'severity = "high"\nrequires = ["water_sampel"]', "Did you mean 'water_sample'?"),
        ('object   = "water_section"', 'object   = "source_zone"', "a point layer"),
    ],
)
def test_a_wrong_rule_along_a_river_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, tmp_path / room)
    path = tmp_path / "cases" / "rules" / "sections.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_content(tmp_path)
    assert said in str(caught.value)


def test_the_day_is_in_force_for_every_rule_along_a_river() -> None:
    along = [r for r in CONTENT.book.rules.values() if r.along]
    assert len(along) >= 8
    assert all(r.in_force(dt.date(2026, 9, 30)) for r in along)

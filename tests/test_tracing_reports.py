"""Who is upstream and what is downstream, on rivers drawn by hand: every distance, sum and stretch is known."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rivers_toy import drawn
from trace_toy import BRAID, CATALOGUE, EAST, NORTH, TREE, county, moved, result, scene

from geosys._errors import SpecError, WorkspaceError
from geosys.geo.border_crossings import border_crossings
from geosys.traces.clean_sections import clean_sections
from geosys.traces.downstream import Speed, downstream_report, outfall_at, speed_of, spill_at
from geosys.traces.scene import standing
from geosys.traces.spec import read_trace_spec
from geosys.traces.suspects import exceeding_items, matches, ranked, read_pollutant_sources
from geosys.traces.upstream import upstream_report

TABLE = read_pollutant_sources(CATALOGUE.root, {name: codes.titles for name, codes in CATALOGUE.codes.items()})
CONCENTRATIONS = {("A", "nh3n"): 15.0, ("B", "nh3n"): 1.0, ("B", "tp"): 0.5}


@pytest.fixture(scope="module")
def report():
    return upstream_report(county(), "F", TABLE, concentrations=CONCENTRATIONS)


def row(table: pd.DataFrame, name: str) -> pd.Series:
    found = table[table["feature_id"] == name]
    assert len(found) == 1
    return found.iloc[0]


# --- upstream ---


def test_the_exceeding_items_come_from_the_sections_results(report):
    assert report.items == ("nh3n", "tp")


@pytest.mark.parametrize(
    ("name", "metres"), [("A", 2500), ("B", 6000), ("C", 6800 - 1500), ("D", 5900), ("E", 3500), ("P", 2400)]
)
def test_sources_stand_at_their_channel_distance(report, name, metres):
    # C: 3000 on the main river, 1500 on the lower tributary, 1500 − 700 on the brook
    assert row(report.sources, name)["distance_m"] == pytest.approx(metres, abs=1e-6)


def test_what_is_below_or_on_no_river_is_no_source(report):
    assert set(report.sources["feature_id"]) == set("ABCDEP")


def test_the_stretch_ends_at_the_section_that_is_clean_in_the_same_month(report):
    inside = report.sources.set_index("feature_id")["is_in_stretch"].astype(bool)
    assert inside.to_dict() == {"A": True, "B": False, "C": True, "D": True, "E": True, "P": True}
    lines = report.reaches
    assert lines.geometry[lines["is_in_stretch"]].length.sum() == pytest.approx(3000 + 2000 + 3000 + 1500)
    assert lines.geometry[~lines["is_in_stretch"]].length.sum() == pytest.approx(2000)


def test_a_section_of_another_month_narrows_nothing(report):
    other = row(report.sections, "V")
    assert pd.isna(other["is_clean"])
    assert "2026-08" in other["why_zh"]
    assert any(report.missing["feature_id"] == "V")


def test_loads_are_flow_times_concentration_and_unknown_stays_unknown(report):
    assert row(report.sources, "A")["load_nh3n_kg_d"] == pytest.approx(15.0)  # 1000 m³/d × 15 g/m³
    assert row(report.sources, "B")["load_tp_kg_d"] == pytest.approx(10.0)
    assert np.isnan(row(report.sources, "A")["load_tp_kg_d"])
    assert np.isnan(row(report.sources, "C")["flow_t_d"])


def test_the_tree_sums_what_is_known_and_counts_what_is_not(report):
    tree = report.tributaries.set_index("river_name")
    assert tree.index.tolist() == ["大河", "小河", "（无名）"]
    assert tree["depth"].tolist() == [0, 1, 2]
    assert tree["parent"].tolist() == [-1, 0, 1]
    assert tree["joins_at_m"].tolist() == pytest.approx([0, 3000, 4500])
    assert tree["length_m"].tolist() == pytest.approx([7000, 3000, 1500])
    assert tree["stretch_m"].tolist() == pytest.approx([5000, 3000, 1500])
    assert tree["sources"].tolist() == [2, 2, 1]  # the plant is counted at its outfall
    assert tree["flow_t_d"].tolist() == pytest.approx([21000, 60, 0])
    assert tree["flow_unknown"].tolist() == [0, 0, 1]
    assert tree["all_flow_t_d"].tolist() == pytest.approx([21060, 60, 0])
    assert tree["all_flow_unknown"].tolist() == [1, 1, 1]
    assert tree["load_nh3n_kg_d"].tolist() == pytest.approx([35, 0, 0])
    assert tree["all_load_nh3n_kg_d_unknown"].tolist() == [3, 3, 1]
    assert tree["all_sections"].tolist() == [2, 1, 0]


def test_sources_are_ranked_by_stretch_fit_load_and_distance(report):
    order = report.sources["feature_id"].tolist()
    fit = report.sources.set_index("feature_id")["match"].to_dict()
    assert fit == {"A": 3, "P": 3, "C": 2, "E": 1, "D": 0, "B": 3}
    assert order == ["A", "P", "C", "E", "D", "B"]
    assert report.sources["suspicion"].tolist() == [1, 2, 3, 4, 5, 6]


def test_what_is_not_known_is_named(report):
    told = set(zip(report.missing["feature_id"], report.missing["text_zh"], strict=True))
    assert ("H", "没有可对应的河流") in told
    assert ("C", "排放量未知") in told
    assert ("D", "浓度未知，负荷未计") in told
    assert any(code == "E" and text.startswith("位置存疑") for code, text in told)


def test_items_given_by_hand_go_before_the_results():
    report = upstream_report(county(), "出境断面", TABLE, items=["zn"])
    assert report.items == ("zn",)
    assert row(report.sources, "D")["match"] == 2


def test_a_trace_can_be_cut_off_at_a_distance():
    report = upstream_report(county(), "F", TABLE, up_m=3000.0)
    assert set(report.sources["feature_id"]) == {"A", "P"}


def test_without_results_nothing_is_narrowed_and_that_is_said():
    toy = county()
    frame = toy.layers["water_section"].frame.drop(
        columns=["class_now", "meets_target", "exceeding", "month", "target"]
    )
    toy.layers["water_section"].frame = frame
    report = upstream_report(toy, "F", TABLE)
    assert report.items == ()
    assert set(report.sources["match"]) == {1}
    assert report.sources["is_in_stretch"].astype(bool).all()
    assert report.sections["is_clean"].isna().all()
    assert any("超标项目未知" in text for text in report.missing["text_zh"])


@pytest.mark.parametrize(("wanted", "words"), [("X", "expected a code or name"), ("K", "no river")])
def test_a_section_that_cannot_be_traced_is_refused(wanted, words):
    toy = scene(drawn(moved(TREE)), {"water_section": {"K": (-1, 0.0, {"section_name": "湖心"})}})
    with pytest.raises(WorkspaceError, match=words):
        upstream_report(toy, wanted, TABLE)


def test_a_name_of_two_sections_is_refused():
    both = {"K": (0, 0.0, {"section_name": "桥"}), "L": (1, 0.0, {"section_name": "桥"})}
    with pytest.raises(WorkspaceError, match="K, L"):
        upstream_report(scene(drawn(moved(TREE)), {"water_section": both}), "桥", TABLE)


def test_an_absent_layer_of_sources_is_named_not_passed_over():
    only = {"water_section": {"F": (1, 3000.0, {"section_name": "出境断面"})}}
    report = upstream_report(scene(drawn(moved(TREE)), only), "F", TABLE)
    assert not len(report.sources)
    assert {"outfall", "sewage_plant"} <= set(report.missing["feature_id"])


def test_a_shut_reach_and_one_without_direction_are_named():
    network = replace(drawn(moved(TREE), blocked=(2,)), unsettled=np.array([True, False, False, False, False]))
    toy = scene(network, {"water_section": {"F": (1, 3000.0, {"section_name": "出境断面"})}})
    texts = " ".join(upstream_report(toy, "F", TABLE).missing["text_zh"])
    assert "阻断" in texts
    assert "流向不明" in texts


def test_a_source_over_a_reach_without_direction_is_listed_and_in_no_sum():
    network = replace(drawn(moved(TREE)), unsettled=np.array([False, False, False, False, True]))
    toy = county()
    toy = replace(toy, waterway=replace(toy.waterway, network=network))
    report = upstream_report(toy, "F", TABLE)
    assert not row(report.sources, "C")["is_path_known"]
    assert report.tributaries["sources"].sum() == 4
    told = set(zip(report.missing["feature_id"], report.missing["text_zh"], strict=True))
    assert ("C", "只经流向不明的河段相连，未计入支流树") in told


@pytest.mark.parametrize(
    ("other", "clean"),
    [
        (result("2026-09", 3, 5), True),
        (result("2026-09", 4, 5), False),  # meets its own laxer target, and is no proof
        (result("2026-08", 2, 3), None),
        (result("2026-09", 2, 3, items=5), None),  # what was not measured may exceed
        (result("2026-09", 5, 3, items=5), False),
        (result("2026-09", 2, 3) | {"is_suspect": True}, None),
        ({"month": None, "class_now": None, "meets_target": None}, None),
    ],
)
def test_a_section_clears_only_what_it_shows(other, clean):
    rows = {"F": (1, 3000.0, result("2026-09", 4, 3)), "U": (0, 2000.0, other)}
    assert clean_sections(scene(drawn(moved(TREE)), {"water_section": rows}), 0)[0][1] is clean


# --- downstream ---


def braided(**more):
    features = {
        "outfall": {"S": (0, 500.0, {"outfall_name": "事故排口"})},
        "intake": {
            "W": (3, 500.0, {"intake_name": "水厂取水口"}),
            "N": (1, 100.0, {"intake_name": "北汊取水口"}),
            "O": (0, 100.0, {"intake_name": "上游取水口"}),
        },
        "water_section": {"F": (3, 2000.0, {"section_name": "出境断面", "assessed_unit": "乙县"})},
    }
    west, east = (shapely.box(EAST + a, NORTH - 5000, EAST + b, NORTH + 5000) for a, b in ((-5000, 2500), (2500, 6000)))
    return scene(drawn(moved(BRAID), gates=(2,), **more), features, {"county": {"甲县": west, "乙县": east}})


def test_everything_below_is_told_with_distance_and_time():
    toy = braided()
    report = downstream_report(toy, outfall_at(toy, "S"), speed_of(0.5))
    told = report.targets.set_index("name")
    assert told.loc["水厂取水口", "distance_m"] == pytest.approx(500 + 2000 + 500)
    assert told.loc["水厂取水口", "time_h"] == pytest.approx(3000 / 0.5 / 3600)
    assert told.loc["北汊取水口", "distance_m"] == pytest.approx(600)
    assert told.loc["出境断面", "distance_m"] == pytest.approx(4500)
    assert "上游取水口" not in told.index
    assert "考核单位：乙县" in told.loc["出境断面", "call_zh"]
    assert "河长：未填" in told.loc["水厂取水口", "call_zh"]


def test_gates_and_borders_stand_on_the_way():
    toy = braided()
    report = downstream_report(toy, outfall_at(toy, "事故排口"), speed_of(0.5))
    gate = report.targets[report.targets["layer"] == "gate"]
    assert gate["distance_m"].tolist() == pytest.approx([500])
    border = report.targets[report.targets["layer"] == "border"]
    assert border["name"].tolist() == ["甲县 → 乙县", "甲县 → 乙县", "乙县 → 界外（河网在此终止）"]
    assert border["distance_m"].tolist() == pytest.approx([500 + 1500, 500 + 1500 * 2**0.5, 500 + 2000 + 3000])
    assert "甲县" in border["call_zh"].iloc[0]
    assert "乙县" in border["call_zh"].iloc[0]


def test_a_zone_stands_where_the_water_enters_it():
    toy = braided()
    zone = scene(toy.waterway.network, {"source_zone": {"Z": (3, 1000.0, {"zone_name": "一级区", "level": "一级"})}})
    report = downstream_report(zone, spill_at(zone, EAST + 3400, NORTH + 10), speed_of(1.0))
    assert report.targets.set_index("name").loc["一级区", "distance_m"] == pytest.approx(600, rel=1e-3)


def test_an_area_is_shown_where_the_water_enters_it():
    toy = scene(
        braided().waterway.network, {"source_zone": {"Z": (3, 1000.0, {"zone_name": "一级区", "level": "一级"})}}
    )
    frame = toy.layers["source_zone"].frame
    toy.layers["source_zone"].frame = frame.set_geometry(
        [shapely.box(EAST + 4000, NORTH - 50, EAST + 9000, NORTH + 50)]
    )
    table = standing(toy, toy.spec.targets).table
    assert table["geometry"].iloc[0].equals(shapely.Point(EAST + 4000, NORTH))


def test_a_shut_reach_ends_the_walk_and_is_named():
    toy = braided(blocked=(3,))
    report = downstream_report(toy, outfall_at(toy, "S"), speed_of(0.5))
    assert "水厂取水口" not in set(report.targets["name"])
    assert report.missing["text_zh"].str.contains("阻断").any()


def test_without_a_speed_there_is_distance_and_no_time():
    toy = braided()
    report = downstream_report(toy, outfall_at(toy, "S"), speed_of(None))
    assert report.targets["time_h"].isna().all()
    assert report.missing["text_zh"].str.contains("流速").any()


def test_a_spill_is_put_on_the_nearest_river_or_refused():
    toy = braided()
    origin, places, _ = spill_at(toy, EAST + 700, NORTH + 120)
    assert (origin.river, places.reach.tolist()) == ("大河", [0])
    assert places.along_m[0] == pytest.approx(700, rel=1e-3)
    with pytest.raises(WorkspaceError, match="within 500 m"):
        spill_at(toy, EAST + 700, NORTH - 4000)
    with pytest.raises(WorkspaceError, match="expected a code or name"):
        outfall_at(toy, "无此排口")


def test_a_flow_becomes_a_speed_by_the_stated_formula_only():
    assert speed_of(None, 12.0, 20.0, 1.5).m_s == pytest.approx(0.4)
    assert "Q/(B·h)" in speed_of(None, 12.0, 20.0, 1.5).text.zh
    for wrong in ((None, 12.0), (0.5, 12.0, 20.0, 1.0), (0.0,), (float("nan"),), (None, 12.0, 20.0, -1.0)):
        with pytest.raises(WorkspaceError):
            speed_of(*wrong)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 5.0))
def test_twice_the_speed_is_half_the_time(speed):
    toy = braided()
    slow, fast = (
        downstream_report(toy, outfall_at(toy, "S"), Speed(v, speed_of(v).text)).targets["time_h"]
        for v in (speed, 2 * speed)
    )
    assert np.allclose(slow, 2 * fast)


# --- borders ---


def crossed(line, areas, tolerance=20.0):
    network = drawn([("河", line)])
    found = border_crossings(network, np.array([0]), np.array(areas, dtype=object), tolerance)
    return [(round(r.along_m), tuple(r.before), tuple(r.after), r.is_end) for r in found.itertuples()]


LEFT, RIGHT = shapely.box(0, -100, 1000, 100), shapely.box(1000, -100, 2000, 100)


def test_a_border_is_crossed_once():
    assert crossed([(100, 0), (1900, 0)], [LEFT, RIGHT]) == [(900, (0,), (1,), False)]


def test_a_short_corner_is_no_crossing_a_long_one_is_two():
    corner = [(100, 0), (990, 0), (1005, 5), (990, 10), (100, 50)]
    assert crossed(corner, [LEFT, RIGHT]) == []
    assert [step[1:3] for step in crossed(corner, [LEFT, RIGHT], 1.0)] == [((0,), (1,)), ((1,), (0,))]


def test_a_river_along_the_border_belongs_to_both():
    line = [(500, 0), (1000, 0), (1000, 60), (1500, 60)]
    assert [step[1:3] for step in crossed(line, [LEFT, RIGHT])] == [((0,), (0, 1)), ((0, 1), (1,))]


def test_a_river_that_ends_at_a_border_says_that_nothing_more_is_known():
    assert crossed([(100, 0), (1995, 0)], [LEFT, RIGHT])[-1] == (1895, (1,), (), True)
    assert crossed([(100, 0), (1500, 0)], [LEFT, RIGHT])[-1] == (900, (0,), (1,), False)


def test_a_border_at_a_node_is_not_lost():
    network = drawn([("河", [(100, 0), (1000, 0)]), ("河", [(1000, 0), (1900, 0)])])
    found = border_crossings(network, np.array([0, 1]), np.array([LEFT, RIGHT], dtype=object), 20.0)
    assert [(r.reach, r.along_m, r.before, r.after) for r in found.itertuples()] == [(1, 0.0, (0,), (1,))]


# --- content and ranking ---


def test_every_type_of_outfall_has_a_row_of_its_own_or_above_it():
    for code in CATALOGUE.codes["outfall_type"].titles:
        if code not in ("工矿企业排污口", "其他排污口"):
            assert TABLE.of("outfall_type", code) is not None, code
    assert TABLE.of("outfall_type", "工业企业排污口") == TABLE.of("outfall_type", "工业排污口")
    assert TABLE.of("outfall_type", None) is None
    assert {code for code in CATALOGUE.codes["trade"].titles if TABLE.of("trade", code) is None} == {"其他"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("outfall_type,无此类型,氨氮,,x,our_reading", "无此类型"),
        ("trade,化工,妖气,,x,our_reading", "妖气"),
        ("trade,化工,氨氮,,x,sure", "sure"),
        ("nolist,化工,氨氮,,x,our_reading", "nolist"),
        ("trade,电镀,锌,,x,our_reading\ntrade,电镀,锌,,x,our_reading", "each code once"),
    ],
)
def test_a_faulty_table_of_sources_is_refused_with_its_line(tmp_path, line, words):
    shutil.copytree(CATALOGUE.root / "layers" / "codes", tmp_path / "layers" / "codes")
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "pollutant_sources.csv").write_text(
        f"list,code,main,possible,source,certainty\n{line}\n", "utf-8"
    )
    with pytest.raises(SpecError, match=words):
        read_pollutant_sources(tmp_path, {name: codes.titles for name, codes in CATALOGUE.codes.items()})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [('layer = "river"', 'layer = "rivers"', "rivers"), ('kind    = "outfall_type"', 'kind = "no_such"', "no_such"),
     ("reach_m      = 500", "reach_m = -1", "above 0"), ('office      = "county_government"', 'office = "nobody"', "nobody"),
     ("concentrations = {}  ", 'concentrations = { nothing = "flow_t_d" }', "nothing")],
)  # fmt: skip
def test_a_faulty_trace_file_is_refused(tmp_path, before, after, words):
    text = (CATALOGUE.root / "cases" / "tracing.toml").read_text("utf-8")
    assert before in text
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "tracing.toml").write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(SpecError, match=words):
        read_trace_spec(tmp_path, CATALOGUE)


def test_trades_are_taken_from_another_layer_where_only_one_is_known():
    toy = county()
    units = pd.DataFrame(
        {"unit_name": ["甲村", "甲村", "乙"], "trade": ["电镀", "电镀", "化工"], "credit_code": [None] * 3}
    )
    toy.layers["regulated_unit"] = replace_frame(toy.layers["outfall"], units)
    assert row(upstream_report(toy, "F", TABLE, items=["cr6"]).sources, "A")["match"] == 3
    toy.layers["regulated_unit"] = replace_frame(toy.layers["outfall"], units.assign(trade=["电镀", "化工", "化工"]))
    assert row(upstream_report(toy, "F", TABLE, items=["cr6"]).sources, "A")["match"] == 0


def replace_frame(layer, frame):
    from types import SimpleNamespace

    return SimpleNamespace(**{**vars(layer), "frame": frame, "spec": CATALOGUE.layers["regulated_unit"]})


def test_exceeding_texts_are_read_with_or_without_multiples():
    assert exceeding_items("BOD5 1.5、pH；溶解氧，六价铬（2.0倍）") == (("bod5", "ph", "do", "cr6"), ())
    assert exceeding_items("妖气 3") == ((), ("妖气 3",))
    assert exceeding_items(float("nan")) == ((), ())


def test_a_source_that_the_table_does_not_know_is_not_cleared():
    assert matches([[None], [TABLE.of("outfall_type", "矿山雨洪排口")]], ["tp"])[0].tolist() == [1, 0]


def test_the_order_does_not_depend_on_the_order_given():
    sources = pd.DataFrame({
        "is_in_stretch": [True, True, False, True], "match": [3, 3, 3, 1], "load_kg_d": [np.nan, 2.0, 99.0, np.nan],
        "distance_m": [10.0, 900.0, 1.0, 5.0], "feature_id": list("abcd"),
    })  # fmt: skip
    assert ranked(sources)["feature_id"].tolist() == ["b", "a", "d", "c"]
    assert ranked(sources.iloc[::-1])["feature_id"].tolist() == ["b", "a", "d", "c"]


def test_scene_without_unsettled_reaches_is_directed():
    toy = county()
    assert not toy.undirected.any()
    assert replace(toy, layers={}).undirected.shape == (5,)

"""Rivers of a workspace: a county drawn by hand with every answer by eye, the user's files, and real rivers."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from conftest import ROOT
from river_county_toy import CRS, EAST, LINES, NORTH, layer, plain_plan, silent, write_county

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys.geo.river_distance import along_river
from geosys.layers.spec import read_catalogue
from geosys.receive import receive
from geosys.rivers.files import merged_sheet, read_plan_rivers, read_sheet
from geosys.rivers.networks import counts_of, rivers_of
from geosys.rivers.tables import open_sheet, river_issues
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue
    from geosys.rivers.networks import Rivers

DAY = dt.date(2026, 9, 30)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


def taken_in(root: Path, catalogue: Catalogue) -> dict[str, Layer]:
    plan = read_workspace(root, catalogue)
    found = {d.layer: receive(plan, d.layer, catalogue).layer() for d in plan.deliveries}
    return {name: one for name, one in found.items() if one is not None}


def rivers_at(root: Path, catalogue: Catalogue) -> Rivers:
    return rivers_of(read_workspace(root, catalogue), taken_in(root, catalogue), catalogue, silent)["river"]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_county(tmp_path_factory.mktemp("rivers"))


@pytest.fixture(scope="module")
def rivers(county: Path, catalogue: Catalogue) -> Rivers:
    return rivers_at(county, catalogue)


def row_of(rivers: Rivers, layer: str, feature: str) -> dict:
    rows = rivers.positions[(rivers.positions["layer"] == layer) & (rivers.positions["feature_id"] == feature)]
    assert len(rows) == 1
    return rows.iloc[0].to_dict()


# --- a county by hand ---


def test_every_fault_drawn_is_listed(rivers: Rivers) -> None:
    found = {(row.kind, row.status): row.lines for row in rivers.faults.itertuples()}
    assert found["loose_end", "mended"] == ("R1", "R2", "R3")
    assert found["crossing", "open"] == ("R2", "R4")
    assert found["gap", "open"] == ("R2", "R6")
    assert found["same_name", "open"] == ("R1", "R2", "R5")
    assert "R2" in set(rivers.changes["line"])  # its end moved by 3 m, told with before and after


def test_sections_and_outfalls_stand_on_their_river(rivers: Rivers) -> None:
    upper, east = row_of(rivers, "water_section", "S1"), row_of(rivers, "outfall", "P1")
    assert (upper["river_chosen"], upper["line"], upper["is_doubtful"]) == ("清河", "R1", False)
    assert upper["km_above_end"] == pytest.approx(8.0, abs=0.01)
    assert (east["line"], east["bank"], round(east["distance_m"])) == ("R2", "右岸", 40)  # south of a river to the east
    assert row_of(rivers, "outfall", "P2")["line"] == "R3"
    wrong = row_of(rivers, "outfall", "P3")
    assert (wrong["river_wanted"], wrong["river_chosen"], wrong["is_doubtful"]) == ("黑河", "清河", True)
    assert row_of(rivers, "water_section", "S3")["line"] == ""


def test_zones_stand_where_rivers_enter_rise_or_pass_by(rivers: Rivers) -> None:
    zones = rivers.positions[rivers.positions["layer"] == "source_zone"]
    places = [(r.feature_id, r.line, round(r.x - EAST), round(r.y - NORTH)) for r in zones.itertuples()]
    assert sorted(p for p in places if p[0] == "Z1") == [
        ("Z1", "R1", 3900, 0), ("Z1", "R2", 5000, 0), ("Z1", "R3", 4000, 100),
    ]  # fmt: skip
    assert [p for p in places if p[0] == "Z2"] == [("Z2", "R5", 0, 30_000)]
    assert [p[:2] for p in places if p[0] == "Z3"] == [("Z3", "R2")]


def test_water_runs_from_the_outfall_to_the_section(rivers: Rivers) -> None:
    way = rivers.waterway
    pairs = along_river(way.network, way.stops["water_section"], way.stops["outfall"], 20_000, 20_000).pairs
    found = {(p.section, p.point): round(p.distance_m) for p in pairs.itertuples()}
    # S1 stands 2 km down 清河, S2 at 8 km; the outfalls at 6 km, 1 km up 白沟 and at 3 km
    assert found == {(0, 0): -4000, (0, 2): -1000, (1, 0): 2000, (1, 1): 5000, (1, 2): 5000}


def test_issues_name_each_thing_to_look_at(rivers: Rivers, county: Path, catalogue: Catalogue) -> None:
    issues = river_issues({"river": rivers}, taken_in(county, catalogue), catalogue, CRS)
    by_type = issues.groupby("issue_type")
    assert set(by_type.groups) == {"river_fault", "not_on_river", "doubtful_river", "direction_unknown"}
    told = by_type.get_group("direction_unknown")
    assert told["severity"].tolist() == ["notice"]
    assert "6 条河线中有 6 条没有流向依据" in told["message_zh"].iloc[0]
    lost = by_type.get_group("not_on_river")
    assert lost["feature_id"].tolist() == ["S3"]  # outfalls too far from a river have their own check
    assert lost["source_file"].tolist() == ["water_section.gpkg"]
    assert "P3" in set(by_type.get_group("doubtful_river")["feature_id"])
    faults = by_type.get_group("river_fault")
    assert set(faults["severity"]) == {"warning", "notice"}
    assert faults[faults["severity"] == "warning"]["message_zh"].str.contains("；建议：").all()
    assert faults["geometry"].notna().all()
    assert faults["issue_id"].is_unique


def test_a_run_writes_the_tables_and_the_same_bytes_twice(tmp_path: Path) -> None:
    root, content = write_county(tmp_path / "county"), read_content()
    before: dict[str, bytes] = {}
    for _ in range(2):
        result = run(read_workspace(root, content.catalogue), content, DAY, silent)
        files = sorted((root / "out" / "rivers").iterdir())
        assert [f.name for f in files] == ["river_changes.csv", "river_faults.csv", "river_positions.csv"]
        now = {f.name: f.read_bytes() for f in files}
        assert before in ({}, now)
        before = now
    told = json.loads((root / "out" / "manifest.json").read_text(encoding="utf-8"))["rivers"]["river"]
    assert told["lines"] == len(LINES)
    assert told["positions"]["water_section"] == {
        "features": 3, "stops": 2, "without_river": 1, "doubtful": told["positions"]["water_section"]["doubtful"], "chosen_by_user": 0,
    }  # fmt: skip
    assert {"river_fault", "not_on_river"} <= set(result.issues["issue_type"])
    table = pd.read_csv(root / "out" / "rivers" / "river_faults.csv", encoding="utf-8-sig")
    assert table.loc[table["kind"] == "crossing", ["x", "y"]].round().to_numpy().tolist() == [[EAST + 7000, NORTH]]


def test_a_workspace_without_rivers_has_none(tmp_path: Path, catalogue: Catalogue) -> None:
    assert rivers_of(plain_plan(tmp_path), {}, catalogue, silent) == {}


# --- the user's files ---


def decide(root: Path, *rows: tuple[str, str, str]) -> None:
    text = "kind,lines,decision,note\n" + "".join(f"{kind},{lines},{decision},核实\n" for kind, lines, decision in rows)
    (root / "river_decisions.csv").write_text(text, encoding="utf-8-sig")


def test_decisions_beside_the_plan_are_followed(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path)
    decide(
        root,
        ("gap", "R2;R6", ""),
        ("crossing", "R2;R4", "join"),
        ("gap", "R2;R6", "join"),
        ("same_name", "R1;R2;R5", "different"),
    )
    rivers = rivers_at(root, catalogue)
    status = {(row.kind, row.lines): (row.status, row.decided_by) for row in rivers.faults.itertuples()}
    assert status["crossing", ("R2", "R4")] == ("decided", 3)  # the line of the file, its header counted
    assert status["gap", ("R2", "R6")][0] == "decided"
    assert set(rivers.waterway.network.river) >= {"清河#1", "清河#2"}
    assert any("第 3 行" in reason or "第 4 行" in reason for reason in rivers.changes["reason_zh"])


def test_a_wrong_decision_is_named_by_its_line_of_the_file(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path)
    decide(root, ("gap", "R2;R6", ""), ("gap", "R2;R9", "join"), ("gap", "R2;R6", "jion"))
    with pytest.raises(SpecError, match=r"(?s)river_decisions\.csv: line 3: line 'R9'.*line 4: decision 'jion'"):
        rivers_at(root, catalogue)


def test_a_decision_about_another_layer_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path)
    (root / "river_decisions.csv").write_text("layer,kind,lines,decision\nlake,gap,R2;R6,join\n", encoding="utf-8")
    with pytest.raises(SpecError, match="line 2: layer 'lake'"):
        rivers_at(root, catalogue)


def choose(root: Path, *rows: str) -> None:
    (root / "river_positions.csv").write_text("layer,feature_id,line\n" + "\n".join(rows) + "\n", encoding="utf-8-sig")


def test_the_line_that_the_user_chose_counts(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path)
    choose(root, "outfall,P3,R3", "water_section,S3,R3", "outfall,P2,无", "source_zone,Z1,R3", "intake,X,R1")
    rivers = rivers_at(root, catalogue)
    wrong, far, none = (
        row_of(rivers, "outfall", "P3"),
        row_of(rivers, "water_section", "S3"),
        row_of(rivers, "outfall", "P2"),
    )
    assert (wrong["line"], wrong["is_doubtful"], wrong["is_chosen_by_user"]) == ("R3", False, True)
    assert (far["line"], round(far["distance_m"])) == ("R3", round(float(np.hypot(2000, 4000))))
    assert (none["line"], none["is_chosen_by_user"], none["is_doubtful"]) == ("", True, False)
    zone = rivers.positions[rivers.positions["feature_id"] == "Z1"]
    assert zone["line"].tolist() == ["R3"]  # where it enters; 清河, which passes too, counts no more
    issues = river_issues({"river": rivers}, taken_in(root, catalogue), catalogue, CRS)
    assert not set(issues["feature_id"]) & {"P3", "S3", "P2"}


def test_every_bad_row_of_positions_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path)
    choose(
        root,
        "outfal,P1,R1",
        "outfall,P9,R1",
        "outfall,P1,R77",
        "outfall,P1,",
        "outfall,P2,R3",
        "outfall,P2,R1",
        "county,1,R1",
    )
    with pytest.raises(SpecError) as caught:
        rivers_at(root, catalogue)
    told = str(caught.value)
    for words in ("line 2: layer 'outfal'", "Did you mean 'outfall'?", "line 3: feature_id 'P9'", "line 4: line 'R77'",
                  "line 5: no line for 'P1'", "line 7: outfall 'P2' a second time", "line 8: layer 'county'"):  # fmt: skip
        assert words in told
    assert "line 6:" not in told


def test_a_chosen_line_that_was_dropped_is_named(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path, lines={**LINES, "R7": ("断沟", [(9000, -3000), (9000, -30)])})
    decide(root, ("doubled", "R6;R7", "drop R7"))
    choose(root, "outfall,P1,R7")
    with pytest.raises(SpecError, match=r"river_positions\.csv: got the line R7, which is not in the network"):
        rivers_at(root, catalogue)


def test_a_file_that_the_plan_names_must_be_there(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(tmp_path, '[rivers]\nelevation = "dem.tif"\npositions = "p.csv"\ncolour = "x"')
    with pytest.raises(SpecError) as caught:
        read_workspace(root, catalogue)
    assert all(word in str(caught.value) for word in ("[rivers] elevation", "'p.csv'", "'colour'"))


def test_files_of_other_names_are_taken_where_the_plan_names_them(tmp_path: Path) -> None:
    faults = Faults()
    (tmp_path / "决定.csv").write_text("kind,decision\n", encoding="utf-8")
    files = read_plan_rivers(tmp_path, {"decisions": "决定.csv"}, "geosys.toml [rivers]", faults)
    assert not faults.rows
    assert files.decisions == files.sheet == tmp_path / "决定.csv"
    assert files.positions is None


def test_the_sheet_keeps_what_was_filled_in(tmp_path: Path, rivers: Rivers) -> None:
    fresh = open_sheet({"river": rivers})
    first, counts = merged_sheet(fresh, read_sheet(None))
    assert counts == {"decided": 0, "open": len(fresh), "new": len(fresh), "gone": 0}
    filled = first.assign(note="")
    filled.loc[1, ["decision", "note"]] = "keep", "张三核实"
    filled.loc[2, "note"] = "待现场查看"
    gone = filled.iloc[[0]].assign(lines="R98;R99")
    path = tmp_path / "river_decisions.csv"
    pd.concat([gone, filled], ignore_index=True).to_csv(path, index=False, encoding="utf-8-sig")
    second, counts = merged_sheet(fresh, read_sheet(path))
    assert counts == {"decided": 1, "open": len(fresh) - 1, "new": 0, "gone": 1}
    assert second.iloc[0][["decision", "note"]].tolist() == ["keep", "张三核实"]
    assert (second["note"] == "待现场查看").sum() == 1
    assert "R98;R99" not in set(second["lines"])
    second.to_csv(path, index=False, encoding="utf-8-sig")
    third, _ = merged_sheet(fresh, read_sheet(path))
    pd.testing.assert_frame_equal(second, third)


# --- evidence for directions ---


def test_an_elevation_model_turns_the_line_that_would_flow_uphill(tmp_path: Path, catalogue: Catalogue) -> None:
    """The ground falls 1 m a kilometre to the east and 2 m a kilometre to the south; 白沟 is drawn from the south, and so is 断沟."""
    lines = {**LINES, "R3": ("白沟", [(4000, 0), (4000, 5000)])}
    root = write_county(tmp_path, '[rivers]\nelevation = "dem.tif"', lines=lines)
    x, y = np.meshgrid(np.arange(-1000, 11_000, 100) + 50, np.arange(31_000, -4000, -100) - 50)
    cells = (100 - x / 1000 + y / 500).astype(np.float32)
    place = rasterio.Affine(100, 0, EAST - 1000, 0, -100, NORTH + 31_000)
    with rasterio.open(root / "dem.tif", "w", driver="GTiff", height=cells.shape[0], width=cells.shape[1], count=1,
                       dtype="float32", crs=CRS, transform=place) as raster:  # fmt: skip
        raster.write(cells, 1)
    rivers = rivers_at(root, catalogue)
    turned = rivers.faults[rivers.faults["kind"] == "wrong_direction"]
    assert [*turned["lines"]] == [("R3",), ("R6",)]
    assert turned["text_zh"].str.contains("高程").all()
    assert rivers.changes.loc[rivers.changes["change"] == "reversed", "line"].tolist() == ["R3", "R6"]


def test_the_order_of_sections_turns_their_river(tmp_path: Path, catalogue: Catalogue) -> None:
    lines = {"R1": ("清河", [(10_000, 0), (0, 0)])}
    root = write_county(tmp_path, lines=lines, sections={"沿河序号": [1, 2, None]})
    rivers = rivers_at(root, catalogue)
    assert rivers.faults.loc[rivers.faults["kind"] == "wrong_direction", "lines"].tolist() == [("R1",)]
    stops = rivers.waterway.stops["water_section"]
    assert stops.along_m[:2] == pytest.approx([2000, 8000], abs=0.1)


def test_a_stated_direction_that_is_unknown_leaves_the_reach_unsettled(tmp_path: Path, catalogue: Catalogue) -> None:
    root = write_county(
        tmp_path,
        attributes={
            "流向": ["顺向", "不明", None, "自北向南", None, None],
            "渠道": ["否", "否", "否", "是", "否", "否"],
        },
    )
    rivers = rivers_at(root, catalogue)
    network = rivers.waterway.network
    assert network.unsettled[network.source == 1].all()
    assert not network.unsettled[network.source == 0].any()
    assert network.is_canal[network.source == 3].all()
    issues = river_issues({"river": rivers}, taken_in(root, catalogue), catalogue, CRS)
    named = issues[(issues["issue_type"] == "direction_unknown") & (issues["severity"] == "warning")]
    assert set(named["feature_id"]) == {"R2", "R4"}
    assert named["message_zh"].str.contains("自北向南").any()  # a word that is no direction settles nothing


def test_a_layer_drawn_from_the_mouths_up_is_not_taken_as_drawn(tmp_path: Path, catalogue: Catalogue) -> None:
    """Six brooks join a main river; drawn against the flow they all part from it."""
    main = [(x, 0) for x in range(7000, -1000, -1000)]
    lines = {"M": ("干流", main), **{f"B{k}": (f"支流{k}", [(k * 1000, 0), (k * 1000, 2000)]) for k in range(1, 7)}}
    rivers = rivers_at(write_county(tmp_path / "plain", lines=lines), catalogue)
    assert rivers.waterway.network.unsettled.all()
    stated = rivers_at(write_county(tmp_path / "stated", lines=lines, attributes={"流向": ["逆向"] * 7}), catalogue)
    assert not stated.waterway.network.unsettled.any()
    assert not stated.looks_upstream.any()
    assert counts_of({"river": stated})["river"]["lines_as_drawn"] == 0


# --- real rivers ---


def rur(
    shared_data: Path, root: Path, catalogue: Catalogue, *, with_order: bool
) -> tuple[gpd.GeoDataFrame, Rivers, np.ndarray]:
    """Return the gauges, the rivers and the catchment of each gauge in km², which may tell the order of gauges on a river."""
    lines = gpd.read_file(shared_data / "rur" / "gewaesser_rur_official.geojson").to_crs("EPSG:25832")
    gauges = gpd.read_file(shared_data / "rur" / "pegel.geojson").to_crs("EPSG:25832")
    stated = gauges["einzugsgebiet_km2"].str.replace(".", "").str.replace(",", ".")
    area = pd.to_numeric(stated, errors="coerce").to_numpy()
    columns = {
        "section_code": [f"{i}" for i in range(len(gauges))], "section_name": gauges["name"].to_numpy(),
        "river_name": gauges["gewaesser"].to_numpy(), "river_order": area if with_order else None,
    }  # fmt: skip
    codes = {"river_code": lines["id"].to_numpy(), "river_name": lines["name"].to_numpy()}
    layers = {
        "river": layer("river", codes, lines.geometry.to_numpy(), "EPSG:25832"),
        "water_section": layer("water_section", columns, gauges.geometry.to_numpy(), "EPSG:25832"),
    }
    rivers = rivers_of(plain_plan(root, "EPSG:25832"), layers, catalogue, silent)["river"]
    near = gauges.distance(lines.geometry.union_all()).to_numpy() <= 500
    assert (
        rivers.waterway.stops["water_section"].reach >= 0
    ).tolist() == near.tolist()  # the others are on other rivers
    issues = river_issues({"river": rivers}, layers, catalogue, "EPSG:25832")
    assert issues["message_en"].str.contains("nothing to tell their direction and flow as drawn").sum() == 1
    return gauges, rivers, area


def upstream_pairs(rivers: Rivers) -> pd.DataFrame:
    """Return pairs of gauges of which the water of `point` runs to `section`, over reaches of known direction."""
    stops, network = rivers.waterway.stops["water_section"], rivers.waterway.network
    pairs = along_river(network, stops, stops, np.inf, 0.0).pairs
    return pairs[pairs["is_path_known"] & (pairs["distance_m"] > 1.0)]


def test_gauges_of_the_rur_are_nested_as_the_river_tree_says(
    shared_data: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """The main rivers are drawn from the mouth up, the brooks down: the order of the gauges of a river turns its lines.

    A gauge below another drains a larger area, by the authority's own figure, also where they are on different rivers, of
    which no order was handed in.
    """
    gauges, rivers, area = rur(shared_data, tmp_path, catalogue, with_order=True)
    assert {"Rur", "Inde", "Wurm"} <= {
        name for names in rivers.faults.loc[rivers.faults["kind"] == "wrong_direction", "rivers"] for name in names
    }
    pairs = upstream_pairs(rivers)
    above = {s: set(g["point"]) for s, g in pairs.groupby("section")}
    for section, points in above.items():
        for point in points:
            assert above.get(point, set()) <= points, (section, point)
    names, on = gauges["name"].to_numpy(), gauges["gewaesser"].to_numpy()
    across = pairs[on[pairs["section"]] != on[pairs["point"]]]
    stated = np.isfinite(area[pairs["point"]]) & np.isfinite(area[pairs["section"]])
    grows = area[pairs["point"]] < area[pairs["section"]]
    assert len(across) >= 5
    assert stated.sum() >= 25
    assert grows[stated].all(), names[pairs[stated & ~grows][["section", "point"]].to_numpy()]


def test_the_rivers_of_henan_become_networks_with_their_faults_listed(
    shared_data: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    lines = gpd.read_file(shared_data / "region" / "henan_rivers.gpkg").to_crs(CRS)
    codes = {"river_code": [f"H{i}" for i in range(len(lines))]}
    layers = {"river": layer("river", codes, lines.geometry.to_numpy())}
    rivers = rivers_of(plain_plan(tmp_path), layers, catalogue, silent)
    told = counts_of(rivers)["river"]
    assert told["lines"] == len(lines)
    assert sum(told["faults"].values()) > 0
    assert rivers["river"].faults["place"].notna().all()
    issues = river_issues(rivers, layers, catalogue, CRS)
    assert len(issues) == len(rivers["river"].faults) + 1  # and one of all lines: nothing tells their direction


# --- specs ---


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("river", "tolerance_m = 5", "tolerance_m = 500", ("[network] tolerance_m", "0 to 100")),
        ("river", "tolerance_m = 5", 'tolerance_m = "5"', ("[network] tolerance_m", "a number")),
        ("river", 'direction   = "flow_direction"', 'direction = "flow"', ("[network] direction", "'flow'")),
        ("river", "gap_m       = 50", "gaps_m = 50", ("'gaps_m'", "Did you mean 'gap_m'?")),
        ("outfall", 'of = "river"', 'of = "county"', ("on_river of", "a line layer with a [network]")),
        ("outfall", 'side = "bank"', 'side = "shore"', ("on_river side", "'shore'")),
        ("source_zone", "reach_m = 500", 'name = "zone_name"', ("on_river name", "none for polygons")),
        ("water_section", 'name = "river_name", order', "order", ("on_river order", "'name' beside it")),
        ("township", "[fields.township_code]", "[network]\n[fields.township_code]", ("[network]", "geometry = 'line'")),
    ],
)
def test_a_wrong_spec_is_named(tmp_path: Path, file: str, old: str, new: str, words: tuple[str, ...]) -> None:
    root = tmp_path / "content"
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, root / room)
    path = root / "layers" / f"{file}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_catalogue(root)
    assert all(word in str(caught.value) for word in (f"layers/{file}.toml", *words)), str(caught.value)

"""The commands about rivers, as staff would type them, on a county drawn by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from river_county_toy import CRS, EAST, NORTH, write_county
from typer.testing import CliRunner

from geosys._errors import WorkspaceError
from geosys.cli.river_commands import app
from geosys.layers.spec import read_catalogue
from geosys.receive import receive
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path


def take_in(root: Path) -> Path:
    catalogue = read_catalogue()
    plan = read_workspace(root, catalogue)
    for delivery in plan.deliveries:
        receive(plan, delivery.layer, catalogue)
    return root


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return take_in(write_county(tmp_path_factory.mktemp("commands")))


def call(root: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*words, "--workspace", str(root)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def answer(root: Path, *words: str, code: int = 0) -> Any:
    return json.loads(call(root, *words, "--json", code=code))


def test_faults_are_listed_with_place_and_proposed_mend(stored: Path) -> None:
    rows = answer(stored, "faults", "--status", "open")
    crossing = next(row for row in rows if row["kind"] == "crossing")
    assert (crossing["lines"], crossing["proposal"] != "", crossing["layer"]) == ("R2;R4", True, "river")
    assert (round(crossing["x"] - EAST), round(crossing["y"] - NORTH)) == (7000, 0)
    assert {row["status"] for row in rows} == {"open"}
    assert {row["kind"] for row in answer(stored, "faults", "--kind", "gap")} == {"gap"}
    shown = call(stored, "faults")
    assert "相交而无交汇点" in shown.replace("\n", "")


def test_positions_show_the_choice_and_the_others(stored: Path) -> None:
    rows = answer(stored, "positions", "--layer", "outfall")
    assert [row["feature_id"] for row in rows] == ["P1", "P2", "P3"]
    assert rows[0]["km_above_end"] == pytest.approx(4.0, abs=0.01)
    doubtful = answer(stored, "positions", "--doubtful")
    assert {"P3", "S3"} <= {row["feature_id"] for row in doubtful}
    assert all(row["is_doubtful"] or row["line"] == "" for row in doubtful)
    assert "黑河" in call(stored, "positions", "--doubtful")


def test_words_that_are_none_are_named(stored: Path) -> None:
    for words in (("faults", "--kind", "gaps"), ("positions", "--layer", "outfal"), ("faults", "--status", "opened"),
                  ("corridor", "S1", "--side", "north"), ("corridor", "S1", "--up", "-1"), ("corridor", "S1", "--offset", "0"),
                  ("corridor", "S1", "--out", "x.shp"), ("corridor", "S1", "--with", "lake"), ("corridor", "清河")):  # fmt: skip
        with pytest.raises(WorkspaceError, match="expected"):
            call(stored, *words)


def test_the_sheet_of_decisions_is_brought_up_to_date(tmp_path: Path) -> None:
    root = take_in(write_county(tmp_path))
    first = answer(root, "decide")
    path = root / "river_decisions.csv"
    sheet = pd.read_csv(path, dtype=str, encoding="utf-8-sig").fillna("")
    assert first["new"] == first["open"] == len(sheet) > 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # a spreadsheet then knows that it is Chinese
    sheet.loc[sheet["kind"] == "gap", "decision"] = "join"
    sheet.to_csv(path, index=False, encoding="utf-8-sig")
    second = answer(root, "decide")
    assert (second["decided"], second["new"]) == (1, second["new"])
    kept = pd.read_csv(path, dtype=str, encoding="utf-8-sig").fillna("")
    assert kept.iloc[0][["kind", "decision"]].tolist() == ["gap", "join"]
    before = path.read_bytes()
    answer(root, "decide")
    assert path.read_bytes() == before
    assert [row["decided_by"] for row in answer(root, "faults", "--kind", "gap") if row["status"] == "decided"] == [2]


def test_the_network_is_counted_and_written(stored: Path, tmp_path: Path) -> None:
    told = answer(stored, "network", "--out", str(tmp_path / "net.gpkg"))["river"]
    assert (told["lines"], told["unsettled_reaches"]) == (6, 0)
    reaches = gpd.read_file(tmp_path / "net.gpkg", layer="river_reaches")
    assert reaches["length_m"].sum() == pytest.approx(4000 + 6000 + 5000 + 4000 + 1000 + 2970, abs=1)
    assert len(gpd.read_file(tmp_path / "net.gpkg", layer="river_faults")) == sum(told["faults"].values())


def test_a_corridor_holds_what_lies_along_the_river(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "corridor.gpkg"
    told = answer(
        stored, "corridor", "清河下断面", "--up", "5000", "--down", "500", "--offset", "500", "--out", str(out)
    )
    inside = {(row["layer"], row["feature_id"]): row for row in told["members"]}
    # S2 stands at 8 km: 5 km up reaches 3 km on 清河 and 1 km up 白沟
    assert set(inside) == {
        ("outfall", "P1"),
        ("outfall", "P2"),
        ("outfall", "P3"),
        ("source_zone", "Z1"),
        ("source_zone", "Z3"),
    }
    assert inside["outfall", "P1"]["place_zh"] == "在断面清河下断面上游 2.0 km"
    assert inside["outfall", "P2"]["distance_m"] == pytest.approx(5000, abs=1)
    assert inside["outfall", "P1"]["bank"] == "右岸"
    circle = next(row for row in told["circle"] if row["layer"] == "outfall")
    assert (circle["in_corridor"], circle["in_circle"], circle["misses"]) == (3, 0, 3)
    area = gpd.read_file(out, layer="corridor").geometry.iloc[0]
    assert area.covers(shapely.Point(EAST + 5000, NORTH + 499))
    assert not area.covers(shapely.Point(EAST + 5000, NORTH + 501))
    assert not area.intersects(shapely.Point(EAST + 8502, NORTH))
    marks = gpd.read_file(out, layer="mark")
    assert {0.0, 500.0, 5000.0, -500.0} <= set(marks["distance_m"])
    assert gpd.read_file(out, layer="circle").area.iloc[0] == pytest.approx(3.14159 * 500**2, rel=1e-3)
    assert gpd.read_file(out, layer="member").crs.to_epsg() == int(CRS[5:])


def test_a_corridor_of_one_bank_as_csv(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "corridor.csv"
    words = ("corridor", "S2", "--side", "右岸", "--with", "outfall", "--out", str(out))
    call(stored, *words)
    rows = pd.read_csv(out, encoding="utf-8-sig")
    assert rows["feature_id"].tolist() == ["P1"]  # P2 and P3 lie on the left
    before = out.read_bytes()
    call(stored, *words)
    assert out.read_bytes() == before


def test_a_section_without_a_river_is_told_and_never_left_out_silently(stored: Path, tmp_path: Path) -> None:
    told = answer(stored, "corridor", "S1", "S3", "--out", str(tmp_path / "c.gpkg"), code=1)
    assert [row["section"] for row in told["missing"]] == ["S3"]
    assert told["missing"][0]["reason_zh"] == "没有可对应的河流"
    assert [row["section"] for row in told["corridors"]] == ["S1"]
    assert "S3" in call(stored, "corridor", "S3", "--out", str(tmp_path / "d.gpkg"), code=1)


def test_two_sections_of_one_name_are_asked_for_by_id(tmp_path: Path) -> None:
    root = take_in(write_county(tmp_path, sections={"断面名称": ["同名", "同名", "远断面"]}))
    with pytest.raises(WorkspaceError, match="names 2 features"):
        call(root, "corridor", "同名")
    assert answer(root, "corridor", "S1", "--out", str(tmp_path / "c.gpkg"))["corridors"][0]["section"] == "S1"


def test_a_workspace_without_rivers_says_so(tmp_path: Path) -> None:
    (tmp_path / "geosys.toml").write_text('title = { zh = "空", en = "Empty" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="without a river layer"):
        call(tmp_path, "faults")


def test_a_layer_taken_in_under_another_spec_is_not_used(tmp_path: Path) -> None:
    root = take_in(write_county(tmp_path))
    path = root / "store" / "river" / "current.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**told, "spec": "older"}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="Run 'geosys run' first"):
        call(root, "faults")


@pytest.mark.parametrize("word", ["network", "faults", "positions", "decide", "corridor"])
def test_every_command_has_help_with_an_example(word: str) -> None:
    shown = CliRunner().invoke(app, [word, "--help"]).stdout
    assert f"geosys rivers {word}" in " ".join(shown.split())

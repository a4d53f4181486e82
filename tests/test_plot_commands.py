"""The plot commands on a small workspace: lists, deadlines, the same plot in two lists, its story, its risk."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from typer.testing import CliRunner

from geosys._errors import DeliveryError, WorkspaceError
from geosys.cases.plot_life_reading import read_plot_life
from geosys.cli.plot_commands import app
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.plots.lists import plot_group, read_book, read_layers
from geosys.plots.story import read_history
from geosys.views import schemas_of
from geosys.workspace import init_workspace

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = read_catalogue()
LIFE = read_plot_life(ROOT, schemas_of(CATALOGUE))
CRS = "EPSG:4547"
E0, N0 = 500_000.0, 3_850_000.0
TODAY = dt.date(2026, 9, 30)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def store_layer(root: Path, name: str, rows: list[dict[str, Any]]) -> None:
    spec = CATALOGUE.layers[name]
    columns = ["feature_id", *spec.titles]
    shapes = [shapely.transform(row.pop("at"), lambda xy: xy + np.array([E0, N0])) for row in rows]
    data = {c: pd.Series([row.get(c) for row in rows], dtype=object) for c in columns}
    frame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=CRS))
    for field in spec.fields.values():
        if field.type in ("number", "integer"):
            frame[field.id] = frame[field.id].astype("float64")
    write_version(root / "store", Layer(spec, frame, frame.iloc[:0], {"crs": CRS, "deliveries": []}))


SQUARE = shapely.box(0, 0, 100, 100)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "county"
    init_workspace(root, "某县", CRS)
    box = shapely.box
    store_layer(root, "suspected_plot", [
        {"feature_id": "S1", "plot_name": "甲厂", "at": SQUARE, "survey_state": "已完成", "survey_result": "未超标", "notice_on": day("2024-01-15"),
         "survey_done_on": day("2024-07-16"), "listed_on": day("2024-01-01")},
        {"feature_id": "S2", "plot_name": "乙厂", "at": box(500, 0, 600, 100), "survey_state": "进行中", "notice_on": day("2026-01-15")},
        {"feature_id": "S3", "plot_name": "丙厂", "at": box(1000, 0, 1100, 100), "survey_state": "未开展", "notice_on": day("2026-04-20")},
        {"feature_id": "X9", "plot_name": "丁厂", "at": box(1500, 0, 1600, 100)},
    ])  # fmt: skip
    store_layer(root, "contaminated_plot", [
        {"feature_id": "C1", "plot_name": "原甲厂", "at": box(10, 0, 110, 100), "stage": "修复中", "is_removed": True, "exceed_items": "苯",
         "listed_on": day("2024-08-01")},
        {"feature_id": "X9", "plot_name": "戊厂", "at": box(5000, 0, 5100, 100), "stage": "暂不开发利用", "monitored_on": day("2025-09-01")},
        {"feature_id": "C3", "plot_name": "己厂", "at": box(570, 0, 670, 100), "stage": "风险评估中", "exceed_items": "铅"},
    ])  # fmt: skip
    store_layer(
        root, "county", [{"feature_id": "410221", "county_code": "410221", "at": box(-9_000, -9_000, 9_000, 9_000)}]
    )
    store_layer(root, "priority_plot", [
        {"feature_id": "P1", "plot_name": "庚厂", "at": box(3000, 0, 3100, 100), "control_state": "管控中", "exceed_items": "六价铬"},
        {"feature_id": "P2", "plot_name": "辛厂", "at": box(30_000, 0, 30_100, 100), "control_state": "未管控"},
    ])  # fmt: skip
    return root


def call(root: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--workspace", str(root), "--today", "2026-09-30"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def told(root: Path, *words: str) -> dict[str, Any]:
    return json.loads(call(root, *words, "--json")[1])


def test_lists_by_level_and_what_presses(workspace: Path) -> None:
    counts = {row["list"]: row["rows"] for row in told(workspace, "list")["lists"]}
    assert counts == {"suspected": 4, "contaminated": 3, "provincial": 1, "priority": 2}
    assert {r["plot_code"] for r in told(workspace, "list", "--level", "county")["rows"]} == {"S1", "S2", "S3", "X9"}
    pressing = told(workspace, "list", "--overdue")["deadlines"]
    assert [(r["plot_code"], r["deadline"], r["state"], r["overdue_days"]) for r in pressing] == [
        ("P1", "priority_control", "overdue", 334), ("S2", "preliminary_survey", "overdue", 77), ("S3", "preliminary_survey", "due_soon", 0),
    ]  # fmt: skip
    assert "X9" not in {r["plot_code"] for r in pressing}, "its monitoring of this year is due in 31 days"


def test_what_cannot_be_judged_is_a_row_with_the_field_that_is_missing(workspace: Path) -> None:
    due = {(r["plot_code"], r["deadline"]): r for r in told(workspace, "list")["deadlines"]}
    assert (due["S1", "preliminary_survey"]["state"], due["S1", "preliminary_survey"]["overdue_days"]) == (
        "done_late",
        1,
    )
    assert due["X9", "yearly_plan"]["missing"] == ["control_planned_on"]
    assert (due["X9", "preliminary_survey"]["state"], due["X9", "preliminary_survey"]["missing"]) == (
        "unknown",
        ["notice_on"],
    )
    assert due["P2", "priority_control"]["missing"] == ["county_code"], "it lies in no county that the workspace has"


def test_the_same_plot_in_two_lists_and_what_they_contradict(workspace: Path) -> None:
    layers = read_layers(workspace / "store", CATALOGUE, [kept.layer for kept in LIFE.lists.values()])
    book = read_book(layers, LIFE, TODAY)
    matches = {(m.first_code, m.second_code): m for m in book.matches.itertuples()}
    assert {k: m.kind for k, m in matches.items()} == {
        ("S1", "C1"): "same_place_other_code", ("S2", "C3"): "partly", ("X9", "X9"): "same_code_elsewhere",
    }  # fmt: skip
    assert matches["S1", "C1"].share == pytest.approx(0.9, abs=1e-6)
    assert matches["S1", "C1"].area_m2 == pytest.approx(9_000, rel=1e-3)
    clashes = {(c.contradiction, c.first_code, c.second_code) for c in book.contradictions.itertuples()}
    assert clashes == {
        ("same_place_other_code", "S1", "C1"), ("partly", "S2", "C3"), ("same_code_elsewhere", "X9", "X9"),
        ("clean_but_listed", "S1", "C1"), ("removed_flag_against_stage", "C1", ""),
    }  # fmt: skip
    assert {code for _, code in plot_group(book, LIFE, "C1")} == {"C1", "S1"}
    assert plot_group(book, LIFE, "S2") == [("suspected", "S2")]


def test_the_story_of_a_plot(workspace: Path, tmp_path: Path) -> None:
    story = told(workspace, "next", "C1")
    assert story["codes"] == ["C1", "S1"]
    assert [(m["to"], m["verdict"]) for m in story["history"]] == [
        ("疑似污染地块", "lawful"), ("初步调查中", "lawful"), ("非污染", "lawful"), ("污染地块", "unlawful"), ("修复中", "undated"),
    ]  # fmt: skip
    assert {step["to"] for step in story["next"]} == {"效果评估"}
    assert story["next"][0]["needs"] == [{"zh": "竣工报告", "en": "Report of completion", "state": "not_recorded"}]
    assert "条款号待核填" in story["next"][0]["basis_zh"]
    record = tmp_path / "history.csv"
    record.write_text("plot_code,stage,on\nC3,污染地块,2024-01-01\nC3,风险评估中,2024-09-01\n", encoding="utf-8")
    moves = told(workspace, "next", "C3", "--history", str(record))["history"]
    assert [(m["to"], m["on"], m["verdict"]) for m in moves][:2] == [("污染地块", "2024-01-01", "midway"), ("风险评估中", "2024-09-01", "lawful")]  # fmt: skip
    text = call(workspace, "next", "S2")[1]
    assert "逾期 77 天" in text
    assert "书面通知" not in text.split("下一步")[0].split("期限")[0]


def test_a_history_that_is_not_understood_is_refused_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_text("plot_code,stage,on\nA,修复,2024-01-01\nA,修复中,01.02.2024\n", encoding="utf-8")
    with pytest.raises(DeliveryError) as caught:
        read_history(path, LIFE)
    assert "line 2: got stage '修复'" in str(caught.value)
    assert "line 3: got day '01.02.2024'" in str(caught.value)


def test_risk_of_the_workspace(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "risk.csv"
    found = told(workspace, "risk", "--out", str(out))
    assert found["risks"]["high"] == found["risks"]["low"] == 0
    assert set(found["receptor_layers"].values()) == {False}
    rows = {r["plot_code"]: r for r in found["rows"]}
    assert (rows["C1"]["risk"], rows["C1"]["at_least"], rows["C1"]["at_most"]) == ("cannot_judge", "medium", "high")
    assert rows["C1"]["missing"] == ["water: layer_absent", "people: layer_absent"]
    assert "S1" not in rows, "found clean"
    assert pd.read_csv(out).shape[0] == found["plots"] == len(found["rows"]) == 8
    assert json.loads((tmp_path / "risk.csv.json").read_text(encoding="utf-8"))["certainty"] == "our_reading"
    store_layer(workspace, "sensitive_receptor", [
        {"feature_id": "H1", "receptor_name": "学校", "receptor_kind": "学校", "at": shapely.Point(160, 50)},
    ])  # fmt: skip
    rows = {r["plot_code"]: r for r in told(workspace, "risk")["rows"]}
    assert (rows["C1"]["risk"], rows["C1"]["receptors"]) == ("high", ["居民区、学校、医院、养老机构 学校 50.0 m"])


def test_workbook_and_csv(workspace: Path, tmp_path: Path) -> None:
    book, flat = tmp_path / "plots.xlsx", tmp_path / "due.csv"
    assert call(workspace, "list", "--out", str(book))[0] == 1, "there are contradictions"
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == [
        "名录 Lists",
        "期限 Deadlines",
        "矛盾 Contradictions",
        "完整性 Completeness",
        "说明 Notes",
    ]
    assert sheets["名录 Lists"].max_row == 2 + 10
    call(workspace, "list", "--overdue", "--out", str(flat))
    assert pd.read_csv(flat)["plot_code"].tolist() == ["P1", "S2", "S3"]
    assert json.loads((tmp_path / "due.csv.json").read_text(encoding="utf-8"))["today"] == "2026-09-30"


def test_wrong_use_is_refused(workspace: Path, tmp_path: Path) -> None:
    for words, message in (
        (("list", "--level", "town"), "--level: got 'town'"), (("list", "--out", "a.pdf"), "--out: got 'a.pdf'"), (("next", "C2"), "plot: got 'C2'"),
        (("risk", "--out", "a.xlsx"), "--out: got 'a.xlsx'"),
    ):  # fmt: skip
        with pytest.raises(WorkspaceError, match=message):
            call(workspace, *words)
    init_workspace(tmp_path / "empty", "空", CRS)
    with pytest.raises(WorkspaceError, match="got no version of"):
        call(tmp_path / "empty", "list")


def test_an_absent_list_is_counted_as_absent_and_not_as_empty(workspace: Path) -> None:
    (workspace / "store" / "priority_plot" / "current.json").unlink()
    found = told(workspace, "list")
    assert found["absent_layers"] == ["priority_plot"]
    counts = {row["list"]: row for row in found["lists"]}
    assert counts["priority"]["rows"] is None
    assert "not assessed" in counts["priority"]["gaps_zh"]

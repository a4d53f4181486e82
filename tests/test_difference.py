"""The difference between two days: exactly what changed, and the rule, input or person that is why."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import cases_toy as toy
import geopandas as gpd
import pandas as pd
import pytest
import shapely
import typer
from conftest import ROOT
from typer.testing import CliRunner

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.difference import COLUMNS, KINDS, difference
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import read_events
from geosys.cases.ledger.finding_rows import read_versions
from geosys.cases.ledger.merging import merge_cases
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.runs import read_runs
from geosys.cases.workflow import read_workflow
from geosys.cli import difference_command
from geosys.difference import difference_between, write_difference

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = read_workflow(ROOT)
DAYS = [dt.date(2026, 9, 1) + dt.timedelta(days=n) for n in range(10)]
OUTFALLS = {"A": "POINT (200 0)", "B": "POINT (400 0)", "C": "POINT (800 0)"}
ZONE = {"Z": "POLYGON ((190 -50, 300 -50, 300 50, 190 50, 190 -50))"}


def kinds(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    return [(r["kind"], r["subject_id"], r["cause"]) for r in rows.to_dict("records")]


def test_a_changed_rule_is_why_and_exactly_its_findings_are_named(ledger: Path | str) -> None:
    """Shown 6: the rule alone changes; of four findings the one it unmade, the one it made, the one it restates."""
    given = toy.layers(OUTFALLS, zones=ZONE)
    with open_ledger(ledger) as connection:
        toy.run(connection, toy.book(), given, DAYS[0])
        toy.run(connection, toy.book(distance_m=300.0, version="v300"), given, DAYS[1])
        rows = difference_between(connection, DAYS[0], DAYS[1]).rows
        assert kinds(rows) == [
            ("no_longer_found", "B", "rule"), ("finding_changed", "A", "rule"), ("rule_changed", "", "rule"),
        ]  # fmt: skip
        assert set(rows["rule"]) == {toy.NEAR}
        assert set(rows["why_zh"]) == {f"规则 {toy.NEAR} v500 → v300"}
        assert rows["what_zh"].tolist()[1:] == ["阈值 500 → 300", "新增 0，消失 1，变化 1"]
        toy.run(connection, toy.book(distance_m=900.0, version="v900"), given, DAYS[2])
        rows = difference_between(connection, DAYS[0], DAYS[2]).rows
        assert kinds(rows) == [
            ("new", "C", "rule"), ("returned", "B", "rule"), ("finding_changed", "A", "rule"), ("finding_changed", "B", "rule"),
            ("rule_changed", "", "rule"),
        ]  # fmt: skip
        toy.run(connection, toy.book(), given, DAYS[3])
        rows = difference_between(connection, DAYS[0], DAYS[3]).rows
        # the rule went and came back: A is as it was; C was found and is gone; B's case has come back meanwhile
        assert [k[:2] for k in kinds(rows)] == [("new", "C"), ("returned", "B")]


def test_a_rule_that_changed_in_a_run_of_its_own_is_not_mixed_up_with_a_delivery(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0])
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, "o2"), DAYS[1])  # delivered anew, nothing changed
        toy.run(connection, toy.book(distance_m=300.0, version="v300"), toy.layers(OUTFALLS, "o2"), DAYS[2])
        moved = OUTFALLS | {"A": "POINT (210 0)"}
        toy.run(connection, toy.book(distance_m=300.0, version="v300"), toy.layers(moved, "o3"), DAYS[3])
        assert kinds(difference_between(connection, DAYS[0], DAYS[2]).rows) == [
            ("no_longer_found", "B", "rule"), ("finding_changed", "A", "rule"), ("rule_changed", "", "rule"),
        ]  # fmt: skip
        rows = difference_between(connection, DAYS[2], DAYS[3]).rows
        assert kinds(rows) == [("finding_changed", "A", "subject"), ("moved_boundary", "A", "subject")]
        assert rows["moved_m"].tolist()[1] == pytest.approx(10.0)
        assert difference_between(connection, DAYS[3], DAYS[9]).rows.empty


def test_a_moved_boundary_is_a_layer_with_how_far_and_how_much(tmp_path: Path) -> None:
    wider = {"Z": "POLYGON ((190 -50, 320 -50, 320 50, 190 50, 190 -50))"}
    with open_ledger(tmp_path / "l") as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=ZONE, name2={"A": "x"}), DAYS[0])
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=wider, zone_version="z2", name2={"A": "x"}), DAYS[1])
        found = difference_between(connection, DAYS[0], DAYS[1])
    assert kinds(found.rows) == [("moved_boundary", "A", "object")]
    row = found.rows.iloc[0]
    assert (row["side"], row["moved_m"], row["area_change_m2"]) == ("object", 20.0, pytest.approx(2000.0))
    assert found.layer().crs == toy.CRS
    assert found.layer().geometry.iloc[0].area == pytest.approx(13_000)
    assert shapely.get_coordinates(found.layer().geometry.iloc[0])[:, 0].max() == 500_320.0
    write_difference(tmp_path / "d.gpkg", found)
    back = gpd.read_file(tmp_path / "d.gpkg")
    assert back["what_zh"].tolist() == ["对象边界"]
    assert back.geometry.iloc[0].equals(found.layer().geometry.iloc[0])


def test_what_people_did_is_told_with_who_and_when(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        given = toy.layers(OUTFALLS, zones=ZONE, state={"A": "甲"})
        cases = toy.run(connection, toy.book(), given, DAYS[0]).set_index(["subject_id", "rule"])["case_id"]
        a, b, inside = cases["A", toy.NEAR], cases["B", toy.NEAR], cases["A", toy.INSIDE]
        said = {"actor": "张三", "today": DAYS[1]}
        move_case(connection, a, "assign", WORKFLOW, lead="water", due_on=DAYS[9], **said)
        move_case(connection, a, "escalate", WORKFLOW, lead="water", due_on=DAYS[9], reason="急", **said)
        move_case(connection, b, "dismiss", WORKFLOW, reason="重复", second_person="李四", **said)
        move_case(connection, b, "restore", WORKFLOW, reason="不重复", **said)
        merge_cases(connection, a, [inside], reason="同一", actor="王五", today=DAYS[2])
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, "o2", zones=ZONE, state={"A": "乙"}), DAYS[3])
        found = difference_between(
            connection,
            DAYS[0],
            DAYS[3],
            titles={"found": Text("发现", "Found"), "escalated": Text("督办", "Escalated")},
        )
    rows = found.rows
    assert sorted((r["kind"], r["case_id"], r["person"]) for r in rows.to_dict("records")) == sorted([
        ("moved_on", a, "张三"), ("terms_changed", a, "张三"), ("merged", inside, "王五"), ("class_changed", a, ""), ("class_changed", a, ""),
    ])  # fmt: skip
    assert rows["what_zh"][0] == "状态 发现 → 督办", "B went there and came back: that is no difference"
    text = found.text()
    assert "流转（1）" in text
    assert "甲 → 乙" in text
    assert "class_changed" not in found.text("en")


def test_a_case_opened_and_dismissed_meanwhile_is_told_as_both(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        toy.run(connection, toy.book(), toy.layers({}), DAYS[0])
        cases = toy.run(connection, toy.book(), toy.layers(OUTFALLS, "o2"), DAYS[1]).set_index("subject_id")["case_id"]
        move_case(
            connection, cases["A"], "dismiss", WORKFLOW, actor="张三", second_person="李四", reason="x", today=DAYS[2]
        )
        rows = difference_between(connection, DAYS[0], DAYS[3]).rows
    assert [(r["kind"], r["subject_id"], r["person"]) for r in rows.to_dict("records")] == [
        ("new", "A", ""), ("new", "B", ""), ("moved_on", "A", "张三"),
    ]  # fmt: skip


def test_targets_reached_and_lost_are_told() -> None:
    def targets(*reached: object) -> pd.DataFrame:
        names = [f"t{n}" for n in range(len(reached))]
        return pd.DataFrame({"target": names, "title_zh": names, "title_en": names, "is_reached": list(reached)})

    events, versions, runs = (pd.DataFrame(columns=c) for c in (["case_id", "kind", "actor", "happened_on", "changes", "reason"], ["finding_id"], ["run_id", "judged_on"]))  # fmt: skip
    pair = targets(False, True, True, None, False, pd.NA), targets(True, False, True, True, None, True)
    rows = difference(events, versions, runs, DAYS[0], DAYS[1], pair)
    assert list(rows.columns) == COLUMNS
    assert list(zip(rows["kind"], rows["subject_id"], strict=True)) == [("target_reached", "t0"), ("target_lost", "t1")]


def test_the_difference_is_a_pure_fold_over_what_is_kept(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        for number, distance in enumerate((500.0, 300.0, 900.0)):
            toy.run(connection, toy.book(distance_m=distance, version=f"v{number}"), toy.layers(OUTFALLS), DAYS[number])
        parts = read_events(connection), read_versions(connection), read_runs(connection)
        copies = [part.copy() for part in parts]
        one = difference(*parts, DAYS[0], DAYS[2])
        assert one.equals(difference(*parts, DAYS[0], DAYS[2]))
        assert all(part.equals(copy) for part, copy in zip(parts, copies, strict=True))
    assert set(one["kind"]) <= set(KINDS)
    before = difference(*parts, dt.date(2026, 1, 1), DAYS[0])
    assert set(before["kind"]) == {"new"}
    assert set(before["cause"]) == {"first_run"}


def test_wrong_days_and_names_are_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0])
        with pytest.raises(WorkspaceError, match="an earlier and a later day"):
            difference_between(connection, DAYS[1], DAYS[1])
        empty = difference_between(connection, DAYS[1], DAYS[2])
        assert "无变化" in empty.text()
    with pytest.raises(WorkspaceError, match=r"\.csv or \.gpkg"):
        write_difference(tmp_path / "d.txt", empty)
    with pytest.raises(WorkspaceError, match="no change with a place"):
        write_difference(tmp_path / "d.gpkg", empty)


def test_the_command_writes_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "geosys.toml").write_text('title = { zh = "县", en = "County" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    hostile = {"=1+1": "POINT (100 0)", **OUTFALLS}
    with open_ledger(tmp_path / "cases.sqlite") as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0])
        toy.run(connection, toy.book(), toy.layers(hostile, "o2"), DAYS[1])
    app = typer.Typer()
    app.command(name="diff", help=difference_command.HELP)(difference_command.diff)
    app.command(name="other")(lambda: None)

    def ask(*words: str) -> str:
        return str(
            CliRunner().invoke(app, ["diff", "--workspace", str(tmp_path), *words], catch_exceptions=False).stdout
        )

    days = ("--from", "2026-09-01", "--to", "2026-09-02")
    told = json.loads(ask(*days, "--json", "--out", str(tmp_path / "d.csv")))
    assert told["counts"] == {"new": 1}
    assert told["rows"][0]["cause"] == "subject"
    table = pd.read_csv(tmp_path / "d.csv", encoding="utf-8-sig", dtype=str)
    assert table["主体编号"].tolist() == ["'=1+1"], "a formula is text"
    assert "新增（1）" in ask(*days)
    assert "New (1)" in ask(*days, "--language", "en")
    for words, wrong in (
        (("--from", "x"), "--from"),
        ((*days, "--out", "d.doc"), "--out"),
        ((*days, "--language", "fr"), "--language"),
    ):
        with pytest.raises(WorkspaceError, match=wrong):
            ask(*words)
    with read_ledger(tmp_path / "cases.sqlite") as connection:
        assert len(read_events(connection)) == 3

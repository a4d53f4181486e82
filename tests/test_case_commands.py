"""The commands of the ledger: filters, past days, moves, extensions, to-do lists, verification, backup; for people and machines."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pytest
import shapely
import typer
from test_moves import found

from geosys._errors import GeoSysError
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import MACHINE, Event, append, append_all, read_events
from geosys.cli import main, safekeeping_command

if TYPE_CHECKING:
    from pathlib import Path

NEAR = "outfall_near_intake"
TODAY = "2026-10-09"
pytestmark = pytest.mark.usefixtures("county")


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture
def county(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace of five cases: three outfalls, a plot and a source zone."""
    root = tmp_path / "county"
    assert call("init", "--workspace", str(root), "--title", "某县") == 0
    capsys.readouterr()
    outfall: dict[str, Any] = {"rule": NEAR, "subject_layer": "outfall", "lead": "water"}
    with open_ledger(root / "cases.sqlite") as connection:
        append_all(
            connection,
            [
                found("A", **outfall, due_on=dt.date(2026, 9, 11)), found("B", **outfall, due_on=dt.date(2026, 10, 12)),
                found("C", **outfall), found("P", rule="priority_plot_past_deadline", due_on=dt.date(2025, 10, 31)),
                found("Z", rule="source_zone_unmarked", due_on=None),
            ],
        )  # fmt: skip
    monkeypatch.chdir(root)
    return root


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert call(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def ids(rows: list[dict[str, Any]]) -> str:
    return "".join(row["case_id"] for row in rows)


def move(case: str, name: str, *more: str, day: str = "2026-09-10") -> int:
    return call("cases", "move", case, name, "--by", "张三", "--today", day, *more)


ASSIGN = ("--lead", "water", "--due-on", "2026-10-20")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "ABCPZ"), (("--rule", NEAR), "ABC"), (("--office", "water"), "ABC"), (("--office", "水利局"), "ABC"), (("--overdue",), "PA"),
        (("--state", "found"), "ABCPZ"), (("--status", "发现"), "ABCPZ"), (("--state", "closed"), ""),
        (("--overdue", "--office", "water"), "A"), (("--person", "王五"), ""),
    ],
)  # fmt: skip
def test_cases_are_listed_by_filters(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], expected: str
) -> None:
    assert ids(told(capsys, "cases", "list", "--today", TODAY, *options)) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--state", "founded"), "Did you mean 'found'?"), (("--office", "watr"), "Did you mean 'water'?"), (("--rule", "outfall_near_intak"), NEAR),
        (("--county", "999999"), "county"), (("--as-of", "soon"), "expected a date"),
    ],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert call("cases", "list", *options) == 2
    assert said in capsys.readouterr().err


def test_a_county_is_that_of_the_subjects_own_layer(county: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = county / "store" / "outfall"
    folder.mkdir(parents=True)
    rows = {"feature_id": ["A", "B", "Z"], "county_code": ["410202", "410203", "410202"]}
    gpd.GeoDataFrame(rows, geometry=[shapely.Point(0, 0)] * 3, crs="EPSG:4547").to_parquet(folder / "v1.parquet")
    (folder / "current.json").write_text(json.dumps({"version": "v1"}), encoding="utf-8")
    assert ids(told(capsys, "cases", "list", "--county", "410202")) == "A", "Z is a source zone, not an outfall"
    assert ids(told(capsys, "cases", "list", "--county", "顺河回族区")) == "B"


def test_a_list_says_where_due_dates_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["case_id"]: row for row in told(capsys, "cases", "list", "--today", TODAY)}
    assert (rows["P"]["due_source"], rows["P"]["days_left"], rows["P"]["timing"]) == ("plan", -343, "overdue")
    assert (rows["Z"]["due_on"], rows["Z"]["days_left"], rows["Z"]["timing"]) == (None, None, "no_date")
    assert "净土保卫战" in rows["P"]["due_clause_zh"]
    assert call("cases", "list", "--today", TODAY) == 0
    out = capsys.readouterr().out
    assert "整改事项 Cases 2026-10-09" in out
    assert "水利局" in out


def test_the_ledger_of_a_past_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert move("A", "assign", *ASSIGN) == 0
    assert move("A", "begin", "--handling", "依法取缔", "--measures", "封堵", day="2026-09-20") == 0
    state = {}
    for day in ("2026-08-31", "2026-09-01", "2026-09-10", "2026-09-20"):
        rows = told(capsys, "cases", "list", "--as-of", day)
        state[day] = {row["case_id"]: (row["status"], row["due_on"]) for row in rows}.get("A")
    assert state == {
        "2026-08-31": None, "2026-09-01": ("found", "2026-09-11"), "2026-09-10": ("assigned", "2026-10-20"),
        "2026-09-20": ("rectifying", "2026-10-20"),
    }  # fmt: skip
    assert ids(told(capsys, "cases", "list", "--as-of", "2026-09-10", "--overdue")) == "P"
    assert len(told(capsys, "cases", "show", "A", "--as-of", "2026-09-10")["events"]) == 2


def test_showing_a_case_tells_its_next_moves_and_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert move("A", "assign", *ASSIGN) == 0
    assert move("A", "begin", "--handling", "清理合并", "--measures", "接管") == 0
    row = told(capsys, "cases", "show", "A")
    moves = {m["move"]: m for m in row["moves"]}
    assert set(moves) == {"escalate", "accept"}
    assert moves["accept"]["papers"] == ["photos", "destination"]
    assert [e["move"] for e in row["events"]] == ["", "assign", "begin"]
    assert row["events"][1]["recorded_at"] > "2026"
    assert call("cases", "show", "A") == 0
    out = capsys.readouterr().out
    assert "可流转 may accept 通过验收" in out
    assert "水利局" in out
    assert call("cases", "show", "Q") == 2


def test_a_move_that_is_not_allowed_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert move("A", "close", "--evidence", "x", "--second-person", "李四") == 2
    assert "expected one of: assign, dismiss" in capsys.readouterr().err
    assert move("A", "assign", "--lead", "水利", "--due-on", "2026-10-20") == 2
    assert move("A", "assign", *ASSIGN, "--due-in", "15wd") == 2
    assert "expected one due date" in capsys.readouterr().err


def test_who_saw_an_older_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    seen = told(capsys, "cases", "show", "A")["version"]
    assert move("A", "assign", *ASSIGN, "--seen-version", str(seen)) == 0
    assert move("A", "assign", *ASSIGN, "--seen-version", str(seen)) == 2
    assert "张三 2026-09-10 assign" in capsys.readouterr().err


def test_a_due_date_may_be_counted_or_taken_from_the_law(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--by", "张三", "--lead", "water", "--today", "2026-09-21")
    row = told(capsys, "cases", "assign", "A", "B", *where, "--due-in", "15个工作日", "--person", "王五")[0]
    assert (row["due_on"], row["due_source"]["is_calendar_known"]) == ("2026-10-19", True)
    assert call("cases", "assign", "C", *where, "--due-in", "90wd") == 0
    assert "No table of holidays" in capsys.readouterr().out
    assert call("cases", "assign", "P", *where, "--deadline", "survey_after_notice") == 2
    assert "接到书面通知之日" in capsys.readouterr().err
    row = told(capsys, "cases", "assign", "P", *where, "--deadline", "survey_after_notice", "--from", "2026-08-31")[0]
    assert row["due_on"] == "2027-02-28"
    rows = {row["case_id"]: row for row in told(capsys, "cases", "list", "--today", TODAY)}
    assert (rows["P"]["due_source"], rows["A"]["due_source"]) == ("law", "person")
    assert "15个工作日" in rows["A"]["due_clause_zh"]
    assert ids(told(capsys, "cases", "list", "--person", "王五")) == "AB"
    past = told(capsys, "cases", "assign", "Z", *where, "--due-on", "2026-09-01")[0]
    assert past["is_past"] is True


def test_more_time_is_given_as_the_content_allows(capsys: pytest.CaptureFixture[str]) -> None:
    assert move("A", "assign", *ASSIGN) == 0
    more = ("cases", "extend", "A", "--by", "张三", "--today", "2026-10-09")
    assert call(*more, "--due-on", "2026-11-10") == 2
    assert "without reason, second_person" in capsys.readouterr().err
    assert call(*more, "--reason", "汛期", "--second-person", "李四") == 2
    reasons = ("--reason", "汛期", "--second-person", "李四")
    assert told(capsys, *more, *reasons, "--due-on", "2026-11-10")["extended"] == 1
    assert call(*more, *reasons, "--evidence", "请示", "--due-on", "2026-11-20") == 2
    assert "cases person" in capsys.readouterr().err
    people = told(capsys, "cases", "person", "李四", "--office", "生态环境局", "--role", "分管负责人")
    assert people == [{"name": "李四", "office": "ecology", "role": "supervisor", "is_active": True}]
    assert told(capsys, *more, *reasons, "--evidence", "请示", "--due-on", "2026-11-20")["extended"] == 2
    assert told(capsys, "cases", "list", "--today", TODAY)[0]["extended"] == 2
    assert call("cases", "person", "李四", "--office", "ecology", "--role", "supervisor", "--left") == 0
    assert "已离任" in capsys.readouterr().out


def test_overdue_and_todo_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert move("A", "assign", "--lead", "water", "--due-on", "2026-09-20", "--person", "王五") == 0
    rows = told(capsys, "cases", "overdue", "--today", TODAY)
    assert ids(rows) == "PA"
    assert [row["proposed_move"] for row in rows] == ["", "escalate"]
    assert ids(told(capsys, "cases", "overdue", "--today", TODAY, "--warned")) == "PABC"
    assert ids(told(capsys, "cases", "overdue", "--today", TODAY, "--office", "water")) == "A"
    assert ids(told(capsys, "cases", "todo", "--today", TODAY, "--office", "water")) == "A"
    assert ids(told(capsys, "cases", "todo", "--today", TODAY, "--office", "ecology")) == "PBCZ"
    assert ids(told(capsys, "cases", "todo", "--today", TODAY, "--person", "王五")) == "A"
    for command in ("overdue", "todo"):
        assert call("cases", command, "--today", TODAY) == 0
        assert "逾期" in capsys.readouterr().out
    assert told(capsys, "cases", "show", "A")["status"] == "assigned", "a proposal moves nothing"


def test_a_ledger_changed_by_hand_is_noticed(county: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "cases", "verify") == {"events": 5, "breaks": []}
    with closing(sqlite3.connect(county / "cases.sqlite")) as base, base:
        base.execute("update cases set status = 'closed' where case_id = 'P'")
    assert call("cases", "verify") == 1
    assert "#0 P 与事件之和不符" in capsys.readouterr().out


@pytest.fixture
def safe() -> typer.Typer:
    app = typer.Typer()
    app.command(name="backup")(safekeeping_command.backup)
    app.command(name="restore")(safekeeping_command.restore)
    return app


def test_a_ledger_is_backed_up_and_restored(
    county: Path, tmp_path: Path, safe: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    file, kept = tmp_path / "一.gz", tmp_path / "二.gz"

    def run(*arguments: str) -> Any:
        safe([*arguments, "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    assert run("backup", str(file))["rows"]["events"] == 5
    with open_ledger(county / "cases.sqlite") as connection:
        append(connection, Event("A", "seen", dt.date(2026, 9, 2), MACHINE, {"seen": ("present", "no_longer_found")}))
    for arguments, said in (
        (("backup", str(file)), "not overwritten"), (("backup", str(tmp_path / "none" / "x")), "folder that is not there"),
        (("restore", str(file)), "ledger of 6 events and 0 publications"), (("restore", str(county / "geosys.toml"), "--replace"), "expected a backup"),
    ):  # fmt: skip
        with pytest.raises(GeoSysError, match=said):
            run(*arguments)
    assert run("restore", str(file), "--replace", "--keep", str(kept))["rows"]["events"] == 5
    with open_ledger(county / "cases.sqlite") as connection:
        assert len(read_events(connection)) == 5
    assert run("restore", str(kept), "--replace")["rows"]["events"] == 6

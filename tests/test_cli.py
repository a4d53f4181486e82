"""The command line: exit codes, JSON for machines, one clear message for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from typed_commands import call

from geosys.geo.area import ellipsoidal_area_m2

if TYPE_CHECKING:
    from pathlib import Path

OUTFALLS = "排污口编号,排污口名称,经度,纬度\nP1,一号口,114.31,34.81\nP2,二号口,114°18′36″,34°48′36″\n"


@pytest.fixture
def workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "county"
    assert call("init", "--workspace", str(root), "--title", "某县") == 0
    file = tmp_path / "排污口.csv"
    file.write_text(OUTFALLS, encoding="utf-8")
    assert call("add", str(file), "--layer", "outfall", "--workspace", str(root)) == 0
    capsys.readouterr()
    return root


def test_an_offices_ledger_stands_in_its_database(
    workspace: Path, ledger: Path | str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run, list, move, verify and back up a workspace whose plan names a PostgreSQL database (or nothing)."""
    if isinstance(ledger, str):
        plan = workspace / "geosys.toml"
        lines = plan.read_text(encoding="utf-8").splitlines(keepends=True)
        first = next(n for n, line in enumerate(lines) if line.startswith("[["))
        plan.write_text(
            "".join([*lines[:first], f'[database]\nurl = "{ledger}"\n\n', *lines[first:]]), encoding="utf-8"
        )
    at = ("--workspace", str(workspace))
    call("run", "--today", "2026-09-30", *at)
    capsys.readouterr()
    assert call("cases", "list", "--json", *at) == 0
    cases = json.loads(capsys.readouterr().out)
    assert cases
    assert (workspace / "cases.sqlite").exists() != isinstance(ledger, str)
    given = ("--by", "张三", "--lead", "ecology", "--due-on", "2027-01-31", "--today", "2026-10-08")
    assert call("cases", "move", cases[0]["case_id"], "assign", *given, *at) == 0
    assert call("cases", "verify", *at) == 0
    assert call("backup", str(workspace / "b.gz"), *at) == 0
    assert call("restore", str(workspace / "b.gz"), "--replace", *at) == 0
    assert call("cases", "verify", *at) == 0


def test_a_new_workspace_runs_to_outputs_and_json(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "--workspace", str(workspace), "--today", "2026-09-30", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["workspace"] == str(workspace)
    assert told["outcomes"]["not_assessed"] > 0
    for key in ("map", "findings", "issues"):
        assert (workspace / "out").joinpath(told[key].rsplit("/", 1)[-1]).is_file()


def test_problems_in_the_data_exit_with_1(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "inbox" / "排污口.csv").write_text(OUTFALLS + "P1,重复,114.32,34.82\n", encoding="utf-8")
    assert call("run", "--workspace", str(workspace)) == 1
    out = capsys.readouterr().out
    assert "error 1" in out
    assert f"issues: {workspace / 'out' / 'issues.xlsx'}" in out


def test_the_workspace_above_is_found(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace / "inbox")
    assert call("run", "--today", "2026-09-30") == 0
    assert f"workspace: {workspace}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--workspace", "nowhere-at-all"], "expected a workspace"),
        (["run", "--today", "soon"], "expected"),
        (["no-such-command"], "No such command"),
        (["add"], "Missing"),
        (["cases", "show", "Cnone"], "expected"),
    ],
)
def test_wrong_use_exits_with_2_and_one_message(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(*arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err


def test_an_unknown_layer_is_told_the_nearest(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workspace / "inbox" / "排污口.csv"
    assert call("add", str(file), "--layer", "outfal", "--workspace", str(workspace)) == 2
    assert "Did you mean 'outfall'?" in capsys.readouterr().err


def test_another_file_of_the_same_name_is_refused(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other" / "排污口.csv"
    other.parent.mkdir()
    other.write_text("x\n", encoding="utf-8")
    before = (workspace / "geosys.toml").read_bytes()
    assert call("add", str(other), "--layer", "outfall", "--workspace", str(workspace)) == 2
    assert "nothing was changed" in capsys.readouterr().err
    assert (workspace / "geosys.toml").read_bytes() == before


def test_demo_refuses_a_folder_with_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    assert call("demo", "--workspace", str(tmp_path)) == 2
    assert "expected an empty one" in capsys.readouterr().err
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("command", [["layers"], ["rules", "--today", "2026-09-30"], ["content"], ["doctor"]])
def test_what_needs_no_workspace_prints_json(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*command, "--json") == 0
    assert json.loads(capsys.readouterr().out)
    assert call(*command) == 0
    assert capsys.readouterr().out.strip()


def test_a_case_is_listed_shown_and_moved(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone = workspace / "inbox" / "zone.geojson"
    ring = [[114.30, 34.80], [114.32, 34.80], [114.32, 34.82], [114.30, 34.82], [114.30, 34.80]]
    feature = {
        "type": "Feature",
        "properties": {
            "zone_code": "Z1",
            "zone_name": "一水厂",
            "level": "一级",
            "is_marked": "是",
            "approval_no": "1号",
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    zone.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    where = ["--workspace", str(workspace)]
    assert call("add", str(zone), "--layer", "source_zone", *where) == 0
    assert call("run", "--today", "2026-09-30", *where) == 0
    capsys.readouterr()
    assert call("cases", "list", "--json", *where) == 0
    cases = [c for c in json.loads(capsys.readouterr().out) if c["rule"] == "outfall_in_source_zone_primary"]
    assert len(cases) == 2
    case = cases[0]["case_id"]
    assert (
        call("cases", "move", case, "assign", "--by", "张三", "--lead", "water", "--due-on", "2026-10-31", *where) == 0
    )
    capsys.readouterr()
    assert call("cases", "show", case, "--json", *where) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "assigned"
    assert [e["actor"] for e in told["events"]] == ["geosys", "张三"]
    assert call("run", "--today", "2026-10-30", *where) == 0
    capsys.readouterr()
    assert call("cases", "list", "--status", "assigned", "--json", *where) == 0
    assert [c["case_id"] for c in json.loads(capsys.readouterr().out)] == [case]


def test_current_layers_are_laid_over_each_other(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def feature(west: float, east: float, beyond: float, **properties: str) -> dict:
        south, north = (
            34.80 - beyond,
            34.82 + beyond,
        )  # the zone reaches beyond the patches: no border of it cuts along theirs
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    where = ["--workspace", str(workspace)]
    for name, layer, key, boxes in (
        ("land.geojson", "land_patch", "patch_code", [(114.30, 114.31, 0.0), (114.31, 114.32, 0.0)]),
        ("zone.geojson", "source_zone", "zone_code", [(114.305, 114.312, 0.001)]),
    ):
        features = [feature(*box, **{key: f"{key}{i}"}) for i, box in enumerate(boxes)]
        file = tmp_path / name
        file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        assert call("add", str(file), "--layer", layer, *where) == 0
    call("run", "--today", "2026-09-30", *where)
    capsys.readouterr()
    out = tmp_path / "pairs.csv"
    assert call("overlay", "land_patch", "source_zone", "--out", str(out), "--json", *where) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"] == 2
    rows = [line.split(",") for line in out.read_text(encoding="utf-8-sig").splitlines()]
    assert rows[0] == ["layer", "risk_id", "coverage_id", "area_m2", "ellipsoidal_m2"]
    assert [row[2] for row in rows[1:]] == ["patch_code0", "patch_code1"]
    shares = [float(row[4]) for row in rows[1:]]
    assert shares[0] / shares[1] == pytest.approx(5 / 2, rel=1e-4)
    assert sum(shares) == pytest.approx(told["ellipsoidal_m2"]["source_zone"])
    box = np.array([shapely.box(114.305, 34.80, 114.31, 34.82)])
    assert shares[0] == pytest.approx(ellipsoidal_area_m2(box, "EPSG:4490")[0], rel=5e-7)
    assert call("overlay", "land_patch", "source_zon", *where) == 2
    assert "Did you mean 'source_zone'?" in capsys.readouterr().err
    assert call("overlay", "land_patch", "source_zone", "--out", "a.xlsx", *where) == 2


def test_a_run_of_a_small_workspace_loads_no_compiler(workspace: Path) -> None:
    """The kernels are for large layers: the demo is no slower for them, with a cold cache or a warm one."""
    code = (
        "import sys\nfrom geosys.cli import main\n"
        f"try:\n    main(['run', '--today', '2026-09-30', '--workspace', {str(workspace)!r}])\n"
        "except SystemExit:\n    pass\n"
        "sys.exit(len({'numba', 'llvmlite'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_senders_papers_hold_all_that_he_delivers(workspace: Path, tmp_path: Path) -> None:
    """A second delivery of another layer leaves the faults of the first in the list, and other senders' lists alone."""
    where = ["--workspace", str(workspace)]
    for name, layer, column in (("a", "outfall", "排污口编码"), ("b", "water_section", "断面编码")):
        (tmp_path / f"{name}.csv").write_text(
            f"{column},名称,经度,纬度\nX1,甲,114.31,34.80\nX2,乙,,\n", encoding="utf-8"
        )
        call("add", str(tmp_path / f"{name}.csv"), "--layer", layer, "--sender", "某分局", *where)
    page = (workspace / "answers" / "某分局" / "fix_report.html").read_text(encoding="utf-8")
    assert "a.csv" in page
    assert "b.csv" in page
    stamp = (workspace / "answers" / "某分局" / "fix_report.html").stat().st_mtime_ns
    (tmp_path / "c.csv").write_text("排污口编码,名称,经度,纬度\nX9,丙,,\n", encoding="utf-8")
    call("add", str(tmp_path / "c.csv"), "--layer", "outfall", "--sender", "另一局", *where)
    assert (workspace / "answers" / "另一局" / "fix_report.html").exists()
    assert (workspace / "answers" / "某分局" / "fix_report.html").stat().st_mtime_ns == stamp

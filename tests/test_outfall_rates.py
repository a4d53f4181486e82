"""Outfalls: traced and rectified by basin against their dated targets, approval and registration by type, codes."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from conftest import ROOT
from test_rates import BOOK, SCHEMAS, view

from geosys._errors import GeoSysError
from geosys.cases.rate_results import rate_results
from geosys.cli.rate_command import rates
from geosys.layers.spec import read_catalogue
from geosys.rates import standings_of
from geosys.receive import receive
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.cases.rate_tables import Standing


def yellow_river(traced: int, fixed: int, of: int, done: dt.date) -> list[dict[str, object]]:
    """Return outfalls of the Yellow River basin in Kaifeng, the first ones traced and rectified on a day."""
    return [
        {
            "basin": "黄河流域", "county_code": "410225", "found_on": dt.date(2023, 2, 1),
            "is_traced": i < traced, "traced_on": done if i < traced else None,
            "rectify_state": "已完成" if i < fixed else "整治中", "done_on": done if i < fixed else None,
        }
        for i in range(of)
    ]  # fmt: skip


def steps(rows: list[dict[str, object]], today: dt.date) -> dict[tuple[str, int], Standing]:
    standings = standings_of(BOOK, {"outfall": view("outfall", rows)}, (), today)
    return {
        (one.target.id.rpartition("_")[2], one.target.due_on.year): one
        for one in standings
        if one.target.id.startswith("kf23_yellow_river_outfalls") and one.target.due_on is not None
    }


def test_the_two_rates_are_held_against_their_own_dated_steps() -> None:
    rows = yellow_river(8, 2, 10, dt.date(2023, 12, 20))
    elsewhere = {"is_traced": False, "rectify_state": "未整治"}
    rows += [
        {"basin": "淮河流域", "county_code": "410225", **elsewhere},
        {"basin": "黄河流域", "county_code": "419001", **elsewhere},
    ]
    got = steps(rows, dt.date(2023, 12, 31))
    assert set(got) == {("traced", 2023), ("traced", 2024), ("fixed", 2023), ("fixed", 2024), ("fixed", 2025)}
    assert (got["traced", 2023].status, got["traced", 2023].in_time) == ("reached", True)  # 8 of 10 is 80 %
    assert (got["fixed", 2023].status, got["fixed", 2023].in_time) == ("at_risk", False)  # 20 of 30 %, on the last day
    assert got["traced", 2024].status == "on_track"
    assert got["fixed", 2025].status == "at_risk"
    result = got["fixed", 2023].result
    assert result is not None
    assert (len(result.ids("numerator")), len(result.ids("rest")), result.ids("unknown")) == (2, 8, ())
    assert result.cut_off == dt.date(2023, 12, 31)
    assert got["fixed", 2023].target.clause.zh.endswith("三(六)11")


def test_what_came_late_is_reached_and_not_in_time() -> None:
    got = steps(yellow_river(10, 10, 10, dt.date(2025, 3, 1)), dt.date(2025, 6, 30))
    assert (got["traced", 2024].status, got["traced", 2024].in_time) == ("reached", False)
    assert (got["fixed", 2025].status, got["fixed", 2025].in_time) == ("reached", None)  # its day is still to come
    assert steps(yellow_river(9, 0, 10, dt.date(2024, 3, 1)), dt.date(2025, 6, 30))["traced", 2024].status == "late"


def test_an_unknown_basin_may_change_the_verdict_and_so_withholds_it() -> None:
    rows = yellow_river(8, 3, 10, dt.date(2023, 6, 1))
    lost = {"county_code": "410225", "found_on": dt.date(2023, 2, 1), "is_traced": False, "rectify_state": "未整治"}
    got = steps([*rows, lost], dt.date(2023, 12, 31))
    assert got["traced", 2023].status == "cannot_judge"  # 8 of 10 reaches it, 8 of 11 does not
    assert got["traced", 2023].in_time is None


def registrations() -> dict[str, str]:
    with (ROOT / "layers" / "codes" / "outfall_type.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["registration"] for row in csv.DictReader(file)}


def test_the_list_of_types_is_that_of_the_standard() -> None:
    words = {"审批": "approval", "登记": "registration", "整治/登记": "rectification or registration"}
    have = registrations()
    with (ROOT / "geosys" / "standards" / "tables" / "outfall_types.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert {row["l1"], row["l2"], row["l3"]} - {""} <= set(have)
            wanted = words[row["reg_mode_after_2025"].partition("(")[0]]
            assert have[row["l3"] or row["l2"]] == wanted


def test_approval_and_registration_follow_the_list_of_types() -> None:
    have = registrations()
    for name, word in (("outfall_approved", "approval"), ("outfall_registered", "registration")):
        rate = BOOK.rates[name]
        counted = set(rate.denominator[0][0].value)
        doubted = set(rate.doubtful[0][0].value)
        assert counted == {code for code, registration in have.items() if registration == word}
        assert "工业排污口" in doubted
        assert not doubted & counted
    everything = {
        code for name in ("outfall_approved", "outfall_registered") for terms in (BOOK.rates[name].denominator, BOOK.rates[name].doubtful)
        for code in terms[0][0].value
    }  # fmt: skip
    assert everything == set(have)
    assert set(SCHEMAS["outfall"].codes["outfall_type"]) == set(have)


def test_a_type_too_coarse_to_tell_is_unknown_and_not_left_out() -> None:
    rows = [
        {"outfall_type": kind, "is_approved": True} for kind in ("工业企业排污口", "工业排污口", "矿山雨洪排口", None)
    ]
    result = rate_results(BOOK.rates["outfall_approved"], {"outfall": view("outfall", rows)}, dt.date(2026, 1, 10))[0]
    assert result.ids("numerator") == ("f0",)
    assert result.ids("unknown") == ("f1", "f3")


def workspace(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "geosys.toml").write_text(
        'title = { zh = "试", en = "Try" }\ncrs = "EPSG:4547"\nas_of = 2026-01-10\n'
        '[[deliveries]]\nfile = "outfalls.csv"\nlayer = "outfall"\ncrs = "EPSG:4490"\nnote = { zh = "手工", en = "By hand" }\n',
        encoding="utf-8",
    )
    (folder / "outfalls.csv").write_text(
        "排污口编码,排污口名称,排污口类型,受纳水体,所属流域,县区,是否溯源,整治状态,排查日期,溯源日期,整治完成日期,整治时限,经度,纬度\n"
        "A1,一号,工业企业排污口,黄河,黄河流域,兰考县,是,已完成,2023-02-01,2023-06-01,2023-08-01,2023-12-31,114.82,34.82\n"
        "A2,二号,工业企业排污口,黄河,黄河流域,兰考县,是,整治中,2023-02-01,2024-06-01,,2025-12-31,114.83,34.83\n"
        "A3,三号,城镇雨洪排口,惠济河,淮河流域,杞县,否,未整治,2023-02-01,,,2025-12-31,114.78,34.55\n",
        encoding="utf-8",
    )
    return folder


def stored(folder: Path) -> Path:
    catalogue = read_catalogue()
    received = receive(read_workspace(workspace(folder), catalogue), "outfall", catalogue)
    assert received.is_usable
    return folder


def test_the_command_writes_rates_lists_and_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "w")
    (folder / "progress.csv").write_text(
        "target,on,value,evidence\nkf25_good_water_share,2025-12-31,61,年报\n", encoding="utf-8"
    )
    rates(by=["basin"], out=tmp_path / "rates.csv", workspace=folder, as_json=True)
    told = json.loads(capsys.readouterr().out)
    one = {(row["rate"], row["group"]): row for row in told["rates"]}
    whole = one["outfall_traced", ""]
    assert (whole["numerator_count"], whole["denominator_count"], whole["unknown_count"]) == (2, 3, 0)
    assert whole["cut_off"] == "2026-01-10"
    assert whole["members"] == {"numerator": ["A1", "A2"], "rest": ["A3"], "unknown": []}
    assert one["outfall_fixed", "basin=黄河流域"]["share"] == 0.5
    assert one["groundwater_class_v", ""]["state"] == "not_assessed"
    status = {(row["target"], row["due_on"]): row for row in told["targets"]}
    assert status["kf23_yellow_river_outfalls_traced", "2023-12-31"]["status"] == "reached"
    assert status["kf23_yellow_river_outfalls_traced", "2023-12-31"]["in_time"] is False  # 50 % that day
    assert status["kf23_yellow_river_outfalls_fixed", "2025-12-31"]["status"] == "late"
    assert status["kf25_good_water_share", "2025-12-31"]["evidence"] == "年报"
    assert told["formulas"]["outfall_traced"]["formula_version"] == BOOK.rates["outfall_traced"].version
    lists = pd.read_csv(tmp_path / "rates.members.csv", dtype=str)
    assert set(lists.loc[(lists["rate"] == "outfall_traced") & lists["group"].isna(), "feature_id"]) == {
        "A1",
        "A2",
        "A3",
    }
    assert len(pd.read_csv(tmp_path / "rates.targets.csv")) == 86
    assert json.loads((tmp_path / "rates.csv.json").read_text(encoding="utf-8"))["on"] == "2026-01-10"


def test_the_command_shows_counts_days_and_certainty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates(["outfall_traced"], cut_off="2023-12-31", workspace=stored(tmp_path / "w"))
    shown = capsys.readouterr().out
    for word in ("outfall_traced", "66.7 %", "2/3", "2023-12-31", "our reading", "三(六)11"):
        assert word in "".join(shown.split("\n")), word


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"by": ["county_code"]}, "county"), ({"cut_off": "2023"}, "--cut-off"), ({"cut_off": "2026-01-11"}, "not after"),
        ({"names": ["outfall_trace"]}, "Did you mean 'outfall_traced'?"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_what_to_do(tmp_path: Path, wrong: dict[str, object], word: str) -> None:
    with pytest.raises(GeoSysError, match=word.replace("?", r"\?")):
        rates(**{"workspace": workspace(tmp_path / "w"), **wrong})  # type: ignore[arg-type]


def test_a_code_form_is_the_offices_own_choice(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "layers", tmp_path / "layers")
    for room in ("cases", "maps"):
        shutil.copytree(ROOT / room, tmp_path / room)
    plain = receive(read_workspace(workspace(tmp_path / "a"), read_catalogue()), "outfall", read_catalogue())
    assert "bad_pattern" not in set(
        plain.issues["issue_type"]
    )  # the structure of HJ 1235 is unconfirmed: nothing is asked
    path = tmp_path / "layers" / "outfall.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count("# pattern  =") == 1
    path.write_text(text.replace("# pattern  =", "pattern  ="), encoding="utf-8")
    catalogue = read_catalogue(tmp_path)
    pattern = catalogue.layers["outfall"].fields["outfall_code"].pattern
    assert pattern is not None
    asked = receive(read_workspace(workspace(tmp_path / "b"), catalogue), "outfall", catalogue)
    wrong = asked.issues[asked.issues["issue_type"] == "bad_pattern"]
    assert set(wrong["value"]) == {"A1", "A2", "A3"}
    assert set(wrong["severity"]) == {"warning"}
    assert len(asked.layer().frame) == 3  # type: ignore[union-attr]  # used as they came

"""Grade tables from the command line: the public records of Henan, and tables as offices write them, faults included."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from geosys._errors import GeoSysError
from geosys.cli.grade_command import app

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "劣Ⅴ": 6}
FIVE = "pH,DO,CODMn,NH3-N,TP"


def grade(
    folder: Path, rows: list[list[Any]] | Path, *options: str, exit_code: int = 0
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return the rows written for a table and the summary; texts only, as the file holds them."""
    path = rows if not isinstance(rows, list) else folder / "监测.csv"
    if isinstance(rows, list):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    given = list(options) if "--type" in options else ["--type", "river", *options]
    done = CliRunner().invoke(app, ["water", str(path), *given, "--out", str(folder / "out.csv"), "--json"])
    if isinstance(done.exception, GeoSysError):
        raise done.exception
    assert done.exit_code == exit_code, (done.output, done.exception)
    with (folder / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)), json.loads(done.stdout)


# --- the public records ---


@pytest.mark.parametrize(
    ("name", "rounding", "rows", "graded"),
    [("henan_2025-11_2026-02", "displayed", 423, 401), ("henan_daily_2020-05_2021-04", "none", 2887, 2274)],
)
def test_the_published_class_is_found_in_every_graded_row(
    tmp_path: Path, shared_data: Path, name: str, rounding: str, rows: int, graded: int
) -> None:
    kinds = pd.read_csv(shared_data / "water" / "henan_water_type.csv", dtype=str)
    given = pd.read_csv(shared_data / "water" / f"{name}.csv", dtype=str, keep_default_na=False)
    given = given.merge(kinds, how="left", on="断面名称")
    given.to_csv(tmp_path / "in.csv", index=False)
    found, told = grade(tmp_path, tmp_path / "in.csv", "--type", "water_type", "--rounding", rounding, "--items", FIVE)
    assert len(found) == told["rows"] == rows
    assert [r["断面名称"] for r in found] == given["断面名称"].tolist()
    assert (
        pd.DataFrame(found)[given.columns].equals(given.astype(object))
        or (pd.DataFrame(found)[given.columns] == given).all().all()
    )
    published = [(PUBLISHED[r["水质类别"]], int(r["class"] or 0)) for r in found if r["水质类别"] in PUBLISHED]
    assert (len(published), sum(a == b for a, b in published)) == (graded, graded)
    assert all(not r["class"] and r["reasons"] for r in found if r["items_evaluated"] == "0")
    assert all(not r["class"] for r in found if r["站点情况"] == "停站")


def test_the_other_rounding_does_not_give_the_published_classes(tmp_path: Path, shared_data: Path) -> None:
    kinds = pd.read_csv(shared_data / "water" / "henan_water_type.csv", dtype=str)
    given = pd.read_csv(shared_data / "water" / "henan_daily_2020-05_2021-04.csv", dtype=str, keep_default_na=False)
    given.merge(kinds, how="left", on="断面名称").to_csv(tmp_path / "in.csv", index=False)
    found, _ = grade(tmp_path, tmp_path / "in.csv", "--type", "water_type", "--rounding", "displayed", "--items", FIVE)
    same = [PUBLISHED[r["水质类别"]] == int(r["class"] or 0) for r in found if r["水质类别"] in PUBLISHED]
    assert len(same) - sum(same) > 20


# --- tables as offices write them ---

HEAD = ["断面名称", "监测时间", "pH(无量纲)", "溶解氧(mg/L)", "化学需氧量(mg/L)", "氨氮(mg/L)", "总磷(mg/L)"]


def test_each_row_has_class_grade_multiples_and_counts(tmp_path: Path) -> None:
    rows = [
        HEAD,
        ["甲", "2025-06-01", "7.4", "4.8", "26", "1.25", "0.23"],
        ["乙", "2025-06-01", "7.4", "8", "10", "0.1", "0.01"],
    ]
    found, told = grade(tmp_path, rows, "--target", "V")
    first, second = found
    assert [first[f"class_{i}"] for i in ("ph", "do", "cod", "nh3n", "tp")] == ["1", "4", "4", "4", "4"]
    assert (first["class"], first["grade"], first["attains"]) == ("4", "轻度污染", "True")
    assert first["exceeds"] == "溶解氧、化学需氧量(0.30)、氨氮(0.25)、总磷(0.15)"
    assert first["main_pollutants"] == "溶解氧、化学需氧量、氨氮"
    assert (first["exceeds_target"], first["items_evaluated"], first["items_missing"]) == ("", "5", "16")
    assert (second["class"], second["grade"], second["exceeds"]) == ("1", "优", "")
    assert "5/21" in second["reasons"], "missing items are no pass"
    assert told["rounding"] == "displayed"
    assert told["certainty"]["saturation"] == "unconfirmed"
    assert json.loads((tmp_path / "out.csv.json").read_text(encoding="utf-8"))["classes"]["Ⅳ"] == 1


def test_targets_come_from_a_column_in_all_spellings(tmp_path: Path) -> None:
    rows = [
        ["断面", "化学需氧量(mg/L)", "目标"],
        ["a", "26", "Ⅴ类"],
        ["b", "26", "III"],
        ["c", "26", "4"],
        ["d", "26", "未定"],
        ["e", "", "三类"],
    ]
    found, _ = grade(tmp_path, rows, "--target", "目标", exit_code=1)
    assert [r["attains"] for r in found] == ["True", "False", "True", "", ""]
    assert found[1]["exceeds_target"] == "化学需氧量(0.30)"
    assert "未定" in found[3]["reasons"]


def test_rivers_and_lakes_stand_in_one_table(tmp_path: Path) -> None:
    rows = [
        ["断面", "类型", "总磷(mg/L)", "总氮(mg/L)"],
        *([n, k, "0.03", "1.2"] for n, k in zip("abcd", ["河流", "水库", "lake", "运河"], strict=True)),
    ]
    found, told = grade(tmp_path, rows, "--type", "类型", exit_code=1)
    assert [r["class"] for r in found] == ["2", "3", "3", ""]
    assert [r["class_tn"] for r in found] == ["", "4", "4", ""], "nitrogen is told, and decides nothing"
    assert "运河" in found[3]["reasons"]
    assert told["apart"] == ["tn"]


@pytest.mark.parametrize(
    ("cell", "expected", "reason"),
    [
        ("0.16", "2", ""), ("<0.01", "1", ""), ("0.01L", "1", ""), ("<0.3", "2", ""), ("<3", "", "检出限高于限值"), ("ND", "", "未注明检出限"),
        ("*", "", "缺测（*）"), ("-", "", "缺测（-）"), ("--", "", "缺测（--）"), ("维护", "", "缺测（维护）"), ("停站", "", "缺测（停站）"), ("", "", "缺测"),
        ("0.1abc", "", "不是数值"), ("-0.2", "", "负值"), ("０．１６", "2", ""), ("1e-1", "1", ""), ("inf", "", "不是数值"), ("0", "1", "可疑"),
    ],
)  # fmt: skip
def test_cells_that_hold_no_plain_number(tmp_path: Path, cell: str, expected: str, reason: str) -> None:
    is_fault = reason in ("不是数值", "负值")
    found, _ = grade(
        tmp_path, [["断面", "pH", "氨氮(mg/L)"], ["甲", "7", cell], ["乙", "7", "0.1"]], exit_code=int(is_fault)
    )
    assert found[0]["class_nh3n"] == expected
    assert found[0]["class"] == (expected or "1"), "of pH alone where ammonia says nothing"
    assert found[0]["items_evaluated"] == ("2" if expected else "1")
    assert reason in found[0]["reasons"]
    assert found[0]["氨氮(mg/L)"] == cell


def test_a_row_without_a_value_has_no_class(tmp_path: Path) -> None:
    found, told = grade(
        tmp_path, [HEAD, ["甲", "1日", *["--"] * 5], ["", "", *[""] * 5], ["乙", "1日", "7", *["*"] * 4]]
    )
    assert [r["class"] for r in found] == ["", "", "1"]
    assert [r["items_evaluated"] for r in found] == ["0", "0", "1"]
    assert "未定类" in found[0]["reasons"]
    assert (told["graded"], told["without_class"]) == (1, 2)
    grade(tmp_path, [HEAD, ["甲", "1日", *["--"] * 5]], exit_code=1)


def test_units_are_converted_and_an_absent_or_unknown_one_is_told(tmp_path: Path) -> None:
    rows = [
        ["断面", "汞(μg/L)", "镉（ug/L）", "氨氮", "溶解氧(%)", "粪大肠菌群(MPN/100mL)"],
        ["甲", "0.05", "5", "", "95", "30"],
        ["乙", "0.051", "5.1", "0.4", "90", "10"],
    ]
    found, told = grade(tmp_path, rows, "--rounding", "none", exit_code=1)
    assert [(r["class_hg"], r["class_cd"], r["class_do"], r["class_fecal_coli"]) for r in found] == [
        ("1", "2", "", "2"),
        ("3", "5", "", "1"),
    ]
    assert "无单位" in found[1]["reasons"]
    assert "无单位" not in found[0]["reasons"], "told once, where the column's first value stands"
    assert all("单位“%”不识别" in r["reasons"] for r in found)
    assert told["items"]["do"]["factor"] is None


def test_an_unknown_item_is_told_once_and_decides_nothing(tmp_path: Path) -> None:
    found, told = grade(
        tmp_path, [["断面", "总铬(mg/L)", "氨氮(mg/L)"], ["甲", "", "0.1"], ["乙", "9", "0.1"], ["丙", "9", "0.1"]]
    )
    assert [("总铬" in r["reasons"], r["class"]) for r in found] == [(False, "1"), (True, "1"), (False, "1")]
    assert "总铬" in told["notes"][0]["zh"]


def test_a_table_of_one_column(tmp_path: Path) -> None:
    found, _ = grade(tmp_path, [["氨氮(mg/L)"], ["0.1"], ["--"], ["1.2"]])
    assert [r["class"] for r in found] == ["1", "", "4"]


def test_unrounded_columns_are_taken_when_nothing_is_rounded(tmp_path: Path) -> None:
    rows = [["断面", "总磷(mg/L)", "raw_总磷(mg/L)"], ["甲", "0.200", "0.2004"]]
    assert grade(tmp_path, rows, "--rounding", "none")[0][0]["class"] == "4"
    assert grade(tmp_path, rows, "--rounding", "displayed")[0][0]["class"] == "3"


def test_duplicate_records_are_told_and_graded(tmp_path: Path) -> None:
    rows = [
        HEAD,
        *(["甲", "06-01 08:00", "7", "8", "10", n, "0.1"] for n in ("0.1", "0.1", "0.6")),
        ["甲", "06-01 12:00", "7", "8", "10", "0.1", "0.1"],
    ]
    found, _ = grade(tmp_path, rows)
    assert [r["class"] for r in found] == ["2", "2", "3", "2"]
    assert [("数值相同" in r["reasons"], "数值不同" in r["reasons"]) for r in found] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_a_stopped_station_gives_no_class_and_maintenance_a_provisional_one(tmp_path: Path) -> None:
    rows = [["断面", "氨氮(mg/L)", "站点情况"], ["甲", "0.1", "停站"], ["乙", "0.1", "维护"], ["丙", "0.1", "正常"]]
    found, _ = grade(tmp_path, rows)
    assert [r["class"] for r in found] == ["", "1", "1"]
    assert "停站" in found[0]["reasons"]
    assert "仅供参考" in found[1]["reasons"]
    assert not found[2]["reasons"]


def test_oxygen_by_saturation_needs_a_temperature_that_may_decide(tmp_path: Path) -> None:
    rows = [["断面", "溶解氧(mg/L)", "水温(℃)"], ["甲", "7.0", "30"]]
    assert grade(tmp_path, rows)[0][0]["class"] == "1"
    found, told = grade(tmp_path, rows, "--items", "DO")
    assert (found[0]["class"], told["saturation_used"]) == ("2", False)
    assert grade(tmp_path, rows, "--items", "溶解氧，水温")[0][0]["class"] == "1"


def test_a_workbook_with_a_title_and_a_row_of_units(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["2025年6月水质监测结果"],
        ["断面名称", "pH", "溶解氧", "氨氮", "汞"],
        ["", "无量纲", "mg/L", "mg/L", "μg/L"],
        ["甲", 7.4, 8.1, 0.62, 0.04],
        ["乙", 7, "停站", "0.02L", 0.2],
    ):
        book.active.append(row)
    book.save(tmp_path / "监测.xlsx")
    found, told = grade(tmp_path, tmp_path / "监测.xlsx")
    assert [(r["断面名称"], r["class"], r["class_hg"]) for r in found] == [("甲", "3", "1"), ("乙", "4", "4")]
    assert told["items"]["hg"]["factor"] == 1e-3


def test_gb18030_and_a_second_grading_keep_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "旧.csv"
    path.write_bytes("断面名称,氨氮(mg/L),总磷(mg/L)\n开封大清沟断面,1.2,0.1\n中牟陈桥断面,0.2,0.1\n".encode("gb18030"))
    found, _ = grade(tmp_path, path, "--encoding", "gb18030")
    assert [r["class"] for r in found] == ["4", "2"]
    (tmp_path / "again.csv").write_bytes((tmp_path / "out.csv").read_bytes())
    again, _ = grade(tmp_path, tmp_path / "again.csv")
    assert [(r["class"], r["input_class"]) for r in again] == [("4", "4"), ("2", "2")]


def test_parquet_and_the_text_for_people(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("断面,氨氮(mg/L)\n甲,1.2\n", encoding="utf-8")
    done = CliRunner().invoke(
        app,
        [
            "water",
            str(tmp_path / "a.csv"),
            "--type",
            "lake",
            "--out",
            str(tmp_path / "o.parquet"),
            "--workspace",
            str(tmp_path),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "Ⅳ 1" in done.output
    assert "无此列" in done.output
    assert pd.read_parquet(tmp_path / "o.parquet")["class"].tolist() == [4]


def test_many_rows_keep_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.choice([0.1, 0.3, 0.8, 1.2, 1.8, 2.5], 5000)
    found, _ = grade(tmp_path, [["序号", "氨氮(mg/L)"], *([i, v] for i, v in enumerate(values))])
    assert [r["序号"] for r in found] == [str(i) for i in range(5000)]
    assert [int(r["class"]) for r in found] == (1 + np.searchsorted([0.15, 0.5, 1.0, 1.5, 2.0], values)).tolist()


# --- wrong use ---


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ([["断面", "总铬(mg/L)"], ["甲", "1"]], (), "expected some that name an item"),
        ([["断面", "氨氮(mg/L)", "NH3-N(mg/L)"], ["甲", "1", "2"]], (), "different values"),
        ([["断面", "氨氮(mg/L)"], ["甲", "1"]], ("--items", "氨氮,总铬"), "总铬"),
        ([["断面", "氨氮(mg/L)"], ["甲", "1"]], ("--type", "水体类型"), "水体类型"),
        ([["断面", "氨氮(mg/L)"], ["甲", "1"]], ("--target", "目标"), "目标"),
        ([["断面", "氨氮(mg/L)"], ["甲", "1"]], ("--rounding", "half"), "displayed"),
        ([["断面", "氨氮(mg/L)"]], (), "no row"),
    ],
)  # fmt: skip
def test_a_wrong_call_says_what_and_writes_nothing(tmp_path: Path, rows, options: tuple[str, ...], told: str) -> None:
    with pytest.raises(GeoSysError, match="got") as error:
        grade(tmp_path, rows, *options)
    assert told in str(error.value)
    assert not (tmp_path / "out.csv").exists()


def test_the_kind_of_water_must_be_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("断面,氨氮(mg/L)\n甲,1.2\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["water", str(tmp_path / "a.csv")]).exit_code == 2
    with pytest.raises(GeoSysError, match="no file"):
        grade(tmp_path, tmp_path / "b.csv")

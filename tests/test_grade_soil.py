"""Grade soil tables from the command line: as offices write them, faults included, and the real data."""

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

METALS = {"As": "砷", "Cd": "镉", "Cr": "铬", "Cu": "铜", "Hg": "汞", "Ni": "镍", "Pb": "铅", "Zn": "锌"}


def grade(
    folder: Path, rows: list[list[Any]] | Path, *options: str, standard: str = "farmland", exit_code: int = 0
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return the rows written for a table and the summary; texts only, as the file holds them."""
    path = rows if not isinstance(rows, list) else folder / "样品.csv"
    if isinstance(rows, list):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    given = ["soil", str(path), "--standard", standard, *options, "--out", str(folder / "out.csv"), "--json"]
    done = CliRunner().invoke(app, given)
    if isinstance(done.exception, GeoSysError):
        raise done.exception
    assert done.exit_code == exit_code, (done.output, done.exception)
    return read(folder / "out.csv"), json.loads(done.stdout)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_farmland_golden_cases_with_all_columns(tmp_path: Path) -> None:
    rows = [
        ["样品编号", "land_use", "pH", "镉(mg/kg)", "砷(mg/kg)", "总铬(mg/kg)"],
        ["S1", "旱地", "6.2", "0.45", "10", "50"],
        ["S2", "upland", "6.5", "0.30", "10", "50"],
        ["S3", "其他", "7.8", "0.1", "26", "1301"],
        ["S4", "水田", "5.5", "0.30", "30", "250"],
    ]
    found, told = grade(tmp_path, rows)
    assert [r["grade"] for r in found] == ["between", "below", "above", "below"]
    assert [r["grade_zh"] for r in found][:2] == ["超过筛选值、不超过管制值", "不超过筛选值"]
    first, _, third, _ = found
    assert (first["deciding_item"], first["multiple"], first["screening_mg_kg"], first["control_mg_kg"]) == (
        "镉",
        "0.5",
        "0.3",
        "2.0",
    )
    assert (first["exceeds"], first["above_control"], first["grade_cd"], first["grade_cr"]) == (
        "镉(0.50)",
        "",
        "between",
        "below",
    )
    assert (third["deciding_item"], third["exceeds"], third["above_control"]) == ("铬", "砷(0.04)、铬(4.20)", "铬")
    assert (first["items_evaluated"], first["items_missing"], first["items_unjudged"]) == ("3", "5", "0")
    assert told["grades"] == {"not_assessed": 0, "below": 2, "between": 1, "above": 1}
    assert told["basic_items_without_column"] == ["汞", "铅", "铜", "镍", "锌"]
    beside = json.loads((tmp_path / "out.csv.json").read_text(encoding="utf-8"))
    assert (beside["standard"], beside["certainty"]["limits"]) == ("GB 15618-2018", "confirmed")
    assert {rule["certainty"] for rule in beside["rules"]} == {"confirmed", "unconfirmed", "our reading"}


def test_construction_golden_cases_by_a_column_of_categories(tmp_path: Path) -> None:
    rows = [
        ["点位编号", "land_use", "苯并[a]芘(μg/kg)", "铅(mg/kg)", "铬(六价)(mg/kg)", "总铬(mg/kg)"],
        *(
            [f"S{i}", use, "800", "100", "", "9999"]
            for i, use in enumerate(["第一类用地", "2", "category 1", "工业用地", "二类", "用途未定"])
        ),
        ["S6", "第一类", "1", "600", "3.1", ""],
    ]
    found, told = grade(tmp_path, rows, standard="construction")
    assert [r["grade"] for r in found] == ["between", "below", "between", "below", "below", "between", "between"]
    assert "按第一类用地" in found[5]["reasons"]
    assert found[6]["exceeds"] == "铅(0.50)、铬(六价)(0.03)" or found[6]["exceeds"] == "铬(六价)(0.03)、铅(0.50)"
    assert "总铬(mg/kg)”不是 GB 36600-2018 项目" in found[0]["reasons"]
    assert all("总铬" not in r["reasons"] for r in found[1:]), "told once"
    assert "grade_cr" not in found[0]
    assert told["items"]["苯并[a]芘"]["factor"] == 1e-3
    assert len(told["basic_items_without_column"]) == 42


def test_one_use_for_all_samples(tmp_path: Path) -> None:
    rows = [["样品", "pH", "镉(mg/kg)", "铜(mg/kg)"], ["a", "6", "0.35", "120"]]
    expected = {
        "paddy": ("below", "between"),
        "旱地": ("between", "between"),
        "果园": ("between", "below"),
        "水旱轮作": ("between", "between"),
    }
    for use, grades in expected.items():
        found, told = grade(tmp_path, rows, "--land-use", use)
        assert (found[0]["grade_cd"], found[0]["grade_cu"]) == grades, use
        assert told["land_use"] in ("paddy", "other", "orchard", "rotation")


@pytest.mark.parametrize(
    ("cell", "item", "row", "reason"),
    [
        ("0.29", "below", "below", ""), ("<0.1", "below", "below", ""), ("0.05L", "below", "below", ""), ("<0.4", "not_assessed", "not_assessed", "检出限高于限值"),
        ("ND", "not_assessed", "not_assessed", "未注明检出限"), ("-0.1", "not_assessed", "not_assessed", "负值 -0.1"), ("约0.2", "not_assessed", "not_assessed", "不是数值"),
        ("", "not_assessed", "below", "无数据：镉"), ("未测", "not_assessed", "below", "无数据：镉"), ("0", "below", "below", "可疑"), ("０．３１", "between", "between", ""),
        ("3.0001", "above", "above", ""), ("1e-2", "below", "below", ""), (">5", "not_assessed", "not_assessed", "不是数值"),
    ],
)  # fmt: skip
def test_cells_that_hold_no_plain_number(tmp_path: Path, cell: str, item: str, row: str, reason: str) -> None:
    rows = [["样品", "pH", "镉(mg/kg)", "铅(mg/kg)"], ["a", "7", cell, "20"]]
    is_fault = reason.startswith(("不是数值", "负值"))
    found, _ = grade(tmp_path, rows, "--land-use", "旱地", exit_code=int(is_fault or row == "not_assessed"))
    assert (found[0]["grade_cd"], found[0]["grade"]) == (item, row)
    assert reason in found[0]["reasons"]
    assert found[0]["镉(mg/kg)"] == cell


@pytest.mark.parametrize(
    ("ph", "told"), [("", "无pH"), ("15", "不在 0–14"), ("-1", "负值"), ("中性", "不是数值"), ("<7", "不应有“未检出”")]
)
def test_a_sample_without_ph_is_not_assessed(tmp_path: Path, ph: str, told: str) -> None:
    rows = [["样品", "pH", "镉(mg/kg)"], ["a", ph, "0.01"], ["b", "7", "0.01"]]
    found, _ = grade(tmp_path, rows, "--land-use", "旱地", exit_code=int(bool(ph)))
    assert [r["grade"] for r in found] == ["not_assessed", "below"]
    assert told in found[0]["reasons"]
    assert "无pH，无法取限值：镉" in found[0]["reasons"]
    assert "no pH, no limit: cadmium" in found[0]["reasons_en"]


def test_a_table_without_a_column_of_ph(tmp_path: Path) -> None:
    found, told = grade(tmp_path, [["样品", "镉(mg/kg)"], ["a", "0.01"]], "--land-use", "旱地", exit_code=1)
    assert found[0]["grade"] == "not_assessed"
    assert told["ph_column"] is False


def test_mg_and_ug_are_told_apart_and_a_header_without_unit_is_refused(tmp_path: Path) -> None:
    rows = [
        ["样品", "pH", "镉(μg/kg)", "汞", "铅(mg/L)", "砷(g/kg)"],
        ["a", "7", "300", "9", "9", "0.0301"],
        ["b", "7", "301", "", "", "0.03"],
    ]
    found, told = grade(tmp_path, rows, "--land-use", "旱地", exit_code=1)
    assert [(r["grade_cd"], r["grade_as"]) for r in found] == [("below", "between"), ("between", "below")]
    assert [(r["grade_hg"], r["grade_pb"]) for r in found] == [("not_assessed", "not_assessed")] * 2
    assert "表头“汞”无单位" in found[0]["reasons"]
    assert "单位“mg/l”不识别" in found[0]["reasons"]
    assert "无单位" not in found[1]["reasons"], "nothing was withheld there"
    assert "可能更高" in found[0]["reasons"]
    assert told["problems"] == 2
    rows = [["样品", "pH", "镉", "汞"], ["a", "7", "0.1", "0.1"]]
    found, _ = grade(tmp_path, rows, "--land-use", "旱地", exit_code=1)
    assert found[0]["grade"] == "not_assessed"


def test_an_unknown_land_use_is_a_row_with_its_reason(tmp_path: Path) -> None:
    rows = [
        ["样品", "土地利用方式", "pH", "镉(mg/kg)"],
        ["a", "0601", "7", "0.01"],
        ["b", "", "7", "0.01"],
        ["c", "水田", "7", "0.01"],
        ["d", "工业", "7", "9"],
    ]
    found, told = grade(tmp_path, rows, exit_code=1)
    assert [r["grade"] for r in found] == ["not_assessed", "not_assessed", "below", "above"]
    assert "用地“0601”不识别" in found[0]["reasons"]
    assert "用地不明，无法取限值：镉" in found[1]["reasons"]
    assert told["land_use"] == "column 土地利用方式"


def test_background_is_applied_and_shown_beside_the_plain_grade(tmp_path: Path) -> None:
    rows = [["样品", "砷(mg/kg)", "钴(mg/kg)"], ["a", "24", "5"], ["b", "26", "5"]]
    found, told = grade(tmp_path, rows, "--land-use", "1", "--background", "As=25，钴=10", standard="construction")
    assert [(r["grade"], r["grade_before_exemption"]) for r in found] == [("below", "between"), ("between", "between")]
    assert "不计超标：砷" in found[0]["reasons"]
    assert told["background_mg_kg"] == {"砷": 25.0, "钴": 10.0}
    plain, _ = grade(tmp_path, rows, "--land-use", "1", standard="construction")
    assert [r["grade"] for r in plain] == ["between", "between"]
    assert "grade_before_exemption" not in plain[0]


def test_units_are_graded_in_a_second_file(tmp_path: Path) -> None:
    rows = [
        ["地块", "采样深度(cm)", "铅(mg/kg)"],
        ["P2", "0-50", "100"],
        ["P1", "0-50", "500"],
        ["P1", "50-150", "900"],
        ["P1", "300~400", "50"],
        ["", "0-50", "5000"],
    ]
    found, told = grade(tmp_path, rows, "--land-use", "一类", "--unit", "地块", standard="construction")
    assert [r["grade"] for r in found] == ["below", "between", "above", "below", "above"]
    units = read(tmp_path / "out.units.csv")
    assert [
        (r["unit"], r["grade"], r["samples"], r["deciding_item"], r["multiple"], r["deciding_record"]) for r in units
    ] == [
        ("P2", "below", "1", "铅", "", "1"),
        ("P1", "above", "3", "铅", "1.25", "3"),
    ]
    assert (units[1]["deciding_depth_cm"], units[1]["deepest_exceeding_cm"], units[1]["exceeding_items"]) == (
        "150.0",
        "150.0",
        "铅 2/3",
    )
    assert told["units"].endswith("out.units.csv")
    assert "1 个样品无“地块”" in told["notes"][0]["zh"]


def test_depths_without_a_unit_are_told_and_not_used(tmp_path: Path) -> None:
    rows = [["地块", "深度", "铅(mg/kg)"], ["P1", "20", "500"], ["P1", "1.5m", "500"]]
    _, told = grade(tmp_path, rows, "--land-use", "一类", "--unit", "地块", standard="construction")
    assert "有 1 个深度无法读取" in told["notes"][0]["zh"]
    assert read(tmp_path / "out.units.csv")[0]["deepest_exceeding_cm"] == ""


def test_a_workbook_with_a_title_and_a_row_of_units(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["2025年土壤样品检测结果"],
        ["样品编号", "用地类型", "pH", "镉", "汞"],
        ["", "", "无量纲", "mg/kg", "μg/kg"],
        ["S1", "水田", 5.5, 0.31, 500],
        ["S2", "水田", 7.6, 0.8, "501L"],
    ):
        book.active.append(row)
    book.save(tmp_path / "检测.xlsx")
    found, told = grade(tmp_path, tmp_path / "检测.xlsx")
    assert [(r["样品编号"], r["grade"], r["exceeds"]) for r in found] == [
        ("S1", "between", "镉(0.03)"),
        ("S2", "below", ""),
    ]
    assert told["items"]["汞"]["factor"] == 1e-3


def test_a_second_grading_keeps_all_columns(tmp_path: Path) -> None:
    found, _ = grade(tmp_path, [["样品", "pH", "镉(mg/kg)"], ["a", "7", "0.4"]], "--land-use", "旱地")
    (tmp_path / "again.csv").write_bytes((tmp_path / "out.csv").read_bytes())
    again, _ = grade(tmp_path, tmp_path / "again.csv", "--land-use", "水田")
    assert (found[0]["grade"], again[0]["grade"], again[0]["input_grade"]) == ("between", "below", "between")


def test_parquet_and_the_text_for_people(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("样品,pH,镉(mg/kg)\n甲,7,0.4\n", encoding="utf-8")
    given = [
        "soil",
        str(tmp_path / "a.csv"),
        "--standard",
        "farmland",
        "--land-use",
        "旱地",
        "--out",
        str(tmp_path / "o.parquet"),
    ]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "超过筛选值、不超过管制值 between 1" in done.output
    assert "无此列" in done.output
    assert pd.read_parquet(tmp_path / "o.parquet")["grade"].tolist() == ["between"]


# --- real data ---


def test_trondelag_keeps_every_row_and_equals_the_limits_of_its_band(tmp_path: Path, shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "soil/trondelag_topsoil.csv", dtype=str, keep_default_na=False)
    frame = frame.rename(columns={symbol: f"{symbol}(mg/kg)" for symbol in METALS})
    frame.to_csv(tmp_path / "in.csv", index=False)
    found, told = grade(tmp_path, tmp_path / "in.csv", "--land-use", "other")
    assert [r["X.Loc_ID"] for r in found] == frame["X.Loc_ID"].tolist()
    assert told["basic_items_without_column"] == []
    # All but one sample with pH lie at 5.5 or below: the first columns of GB 15618, written here by hand.
    screening = {"Cd": 0.3, "Hg": 1.3, "As": 40, "Pb": 70, "Cr": 150, "Cu": 50, "Ni": 60, "Zn": 200}
    control = {"Cd": 1.5, "Hg": 2, "As": 200, "Pb": 400, "Cr": 800}
    numbers = frame[[f"{s}(mg/kg)" for s in METALS]].astype(float).set_axis(list(METALS), axis=1)
    between = np.logical_or.reduce([numbers[s] > limit for s, limit in screening.items()])
    above = np.logical_or.reduce([numbers[s] > limit for s, limit in control.items()])
    expected = np.select([above, between], ["above", "between"], "below")
    ph = pd.to_numeric(frame["pH"], errors="coerce")
    low = (ph <= 5.5).to_numpy()
    assert np.array([r["grade"] for r in found])[low].tolist() == expected[low].tolist()
    assert all(r["grade"] == "not_assessed" for r, missing in zip(found, ph.isna(), strict=True) if missing)
    assert (int(low.sum()), int(ph.isna().sum()), told["rows"]) == (753, 2, 756)


def test_meuse_is_refused_without_units_and_not_assessed_without_ph(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "soil/meuse.csv"
    found, told = grade(tmp_path, source, "--land-use", "other", exit_code=1)
    assert (len(found), told["not_assessed"], told["problems"]) == (164, 164, 4)
    assert "无单位" in found[0]["reasons"]
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    symbols = {"cadmium": "镉(mg/kg)", "copper": "铜(mg/kg)", "lead": "铅(mg/kg)", "zinc": "锌(mg/kg)"}
    frame.rename(columns=symbols).assign(pH="7.0").to_csv(tmp_path / "in.csv", index=False)
    found, told = grade(tmp_path, tmp_path / "in.csv", "--land-use", "other")
    zinc, lead, copper, cadmium = (frame[c].astype(float) for c in ("zinc", "lead", "copper", "cadmium"))
    between = (zinc > 250) | (lead > 120) | (copper > 100) | (cadmium > 0.3)
    above = (cadmium > 3) | (lead > 700)
    assert [r["grade"] for r in found] == np.select([above, between], ["above", "between"], "below").tolist()
    assert "landuse" in found[0], "given the option, codes of another country are no land use"


# --- wrong use ---

ROWS = [["样品", "pH", "镉(mg/kg)"], ["a", "7", "1"]]


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (ROWS, ("--land-use", "稻"), "稻"), (ROWS, (), "land_use"), (ROWS, ("--land-use", "旱地", "--unit", "地块"), "地块"),
        (ROWS, ("--land-use", "旱地", "--background", "As=1"), "construction only"), ([["样品", "六价铬(mg/kg)"], ["a", "1"]], ("--land-use", "旱地"), "name an item"),
        ([["样品", "镉(mg/kg)", "Cd(mg/kg)"], ["a", "1", "2"]], ("--land-use", "旱地"), "different values"), ([["样品", "镉(mg/kg)"]], ("--land-use", "旱地"), "no row"),
        (ROWS, ("--land-use", "旱地", "--unit", "样品", "--depth", "深"), "--depth"),
    ],
)  # fmt: skip
def test_a_wrong_call_says_what_and_writes_nothing(
    tmp_path: Path, rows: list[list[str]], options: tuple[str, ...], told: str
) -> None:
    with pytest.raises(GeoSysError, match="got") as error:
        grade(tmp_path, rows, *options)
    assert told in str(error.value)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("background", ["砷", "砷=x", "铬=1", "铅=20"])
def test_a_wrong_background_is_refused(tmp_path: Path, background: str) -> None:
    with pytest.raises(GeoSysError, match="got"):
        grade(
            tmp_path,
            [["样品", "砷(mg/kg)"], ["a", "1"]],
            "--land-use",
            "1",
            "--background",
            background,
            standard="construction",
        )


def test_the_standard_must_be_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(GeoSysError, match="Did you mean 'farmland'"):
        grade(tmp_path, ROWS, standard="farmlands")
    (tmp_path / "a.csv").write_text("镉(mg/kg)\n1\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["soil", str(tmp_path / "a.csv")]).exit_code == 2
    with pytest.raises(GeoSysError, match="no file"):
        grade(tmp_path, tmp_path / "b.csv")

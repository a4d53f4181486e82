"""The tables of `geosys water assess` on small workspaces, recomputed by plain pandas, and on the records of Henan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from rivers_toy import drawn
from typer.testing import CliRunner

from geosys._errors import GeoSysError
from geosys.cli.assess_command import app
from geosys.geo.river_flow import Places
from geosys.layers.spec import read_catalogue
from geosys.receive import receive
from geosys.sections.borders import NO_ORDER, across_borders, pairs_in_order, pairs_on_network
from geosys.standards.water_cubes import grade_cube, read_cube
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = read_catalogue()
ROMAN = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "劣Ⅴ": 6}
SECTIONS = "断面编码,断面名称,经度,纬度,所在河流,沿河序号,流域,断面级别,水质目标,考核年份,水体类型,县区代码"
# code, river, order, basin, level, target, county
PLACES = [
    ("A", "甲河", 1, "黄河", "国控", "III", "410203"), ("B", "甲河", 2, "黄河", "省控", "III", "410204"), ("C", "甲河", 3, "黄河", "市控", "IV", "410204"),
    ("D", "乙河", 1, "淮河", "市控", "V", "410203"), ("E", "乙河", 2, "淮河", "市控", "III", "410203"), ("F", "乙河", 3, "淮河", "市控", "", ""),
]  # fmt: skip
SAMPLES = "断面编码,采样日期,pH,高锰酸盐指数(mg/L),氨氮(mg/L),总磷(mg/L),站点情况,是否初步数据"
VALUES = {  # section: month: CODMn, NH3-N, TP
    "A": {"2025-02": (3.0, 0.4, 0.08), "2026-01": (3.0, 0.4, 0.08), "2026-02": (7.0, 0.4, 0.08)},
    "B": {"2025-02": (9.0, 1.9, 0.35), "2026-01": (5.0, 0.9, 0.18), "2026-02": (8.0, 0.8, 0.15)},
    "C": {"2026-01": (5.0, 1.2, 0.18), "2026-02": (5.0, 0.2, 0.18)},
    "D": {"2025-02": (16.0, 0.2, 0.1), "2026-02": (12.0, 2.4, 0.1)},
    "F": {"2026-02": (1.0, 0.1, 0.01)},
}  # fmt: skip


def workspace(folder: Path, sections: list[str] | None, rows: list[str], samples: str = SAMPLES) -> Path:
    """Make a workspace whose layers are taken in."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [("samples.csv", "water_sample", [samples, *rows])]
    if sections is not None:
        entries.append(("sections.csv", "water_section", [SECTIONS, *sections]))
    plan = 'title = { zh = "样例", en = "sample" }\ncrs = "EPSG:4547"\nregion = [113.0, 34.0, 116.0, 36.0]\nas_of = 2026-03-05\n'
    for name, layer, lines in entries:
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        plan += f'[[deliveries]]\nfile = "{name}"\nlayer = "{layer}"\n'
        if layer == "water_section":
            plan += 'crs = "EPSG:4490"\n'
    (folder / "geosys.toml").write_text(plan, encoding="utf-8")
    read = read_workspace(folder, CATALOGUE)
    for _, layer, _ in entries:
        assert receive(read, layer, CATALOGUE).is_usable
    return folder


def section_rows() -> list[str]:
    return [
        f"{code},断面{code},114.{i + 1},34.8,{river},{order},{basin},{level},{target},2025,河流,{county}"
        for i, (code, river, order, basin, level, target, county) in enumerate(PLACES)
    ]


def sample_rows() -> list[str]:
    return [
        f"{c},{month}-10,7.5,{v[0]},{v[1]},{v[2]},正常,{'是' if c == 'B' else '否'}"
        for c, months in VALUES.items()
        for month, v in months.items()
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("small"), section_rows(), sample_rows())


def call(root: Path, *options: str, exit_code: int | None = None) -> dict[str, Any]:
    """Run the command, and return what it prints as JSON."""
    done = CliRunner().invoke(app, ["assess", "--workspace", str(root), *options, "--json"])
    if isinstance(done.exception, GeoSysError):
        raise done.exception
    assert exit_code is None or done.exit_code == exit_code, (done.output, done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, encoding="utf-8-sig", dtype={"section_code": str, "group": str, "county_code": str})


def plain_class(values: tuple[float, float, float]) -> int:
    limits = ((2, 4, 6, 10, 15), (0.15, 0.5, 1.0, 1.5, 2.0), (0.02, 0.1, 0.2, 0.3, 0.4))
    return max(1 + sum(v > limit for limit in row) for v, row in zip(values, limits, strict=True))


# --- tables ---


def test_a_month_is_that_of_plain_code_for_every_section_and_group(small: Path, tmp_path: Path) -> None:
    told = call(small, "--month", "2026-02", "--out", str(tmp_path / "m.csv"), exit_code=1)  # E has no sample
    rows = table(tmp_path / "m.csv")
    assert rows["section_code"].tolist() == list("ABCDEF")
    classes = {c: {m: plain_class(v) for m, v in months.items()} for c, months in VALUES.items()}
    for row in rows.itertuples():
        mine = classes.get(row.section_code, {})
        for column, month in (("class", "2026-02"), ("class_previous", "2026-01"), ("class_last_year", "2025-02")):
            got = rows.loc[row.Index, column]
            assert (None if pd.isna(got) else int(got)) == mine.get(month), (row.section_code, column)
    assert rows["meets"].map(lambda v: None if pd.isna(v) else bool(v)).tolist() == [
        False,
        False,
        True,
        False,
        None,
        None,
    ]
    assert rows.loc[0, "exceeding"] == "高锰酸盐指数 0.17"  # (7 − 6) / 6
    assert rows.loc[3, "exceeding"] == "氨氮 0.2"  # against its own class V: (2.4 − 2) / 2
    assert rows.loc[4, ["reason_zh", "reason_en"]].tolist() == ["无样品", "no sample"]
    assert rows["provisional"].map(lambda v: None if pd.isna(v) else bool(v)).tolist() == [
        False,
        True,
        False,
        False,
        None,
        False,
    ]
    assert (told["with_class"], told["sections"], told["meeting"], told["with_target"]) == (5, 6, 1, 4)
    assert (told["without_class"], told["failing"]) == (["E"], ["A", "B", "D"])
    assert told["per"] == "month"
    assert json.loads((tmp_path / "m.csv.json").read_text(encoding="utf-8"))["period"] == "2026-02"
    frame = pd.DataFrame(
        [(c, r, b, lv, t, k) for c, r, _, b, lv, t, k in PLACES],
        columns=["c", "river", "basin", "level", "target", "county"],
    )
    frame["class"] = [classes.get(c, {}).get("2026-02") for c in frame["c"]]
    frame["wanted"] = frame["target"].map({"III": 3, "IV": 4, "V": 5})
    for group, field in (("all", None), ("river", "river"), ("basin", "basin"), ("level", "level")):
        got = table(tmp_path / f"m.{group}.csv").set_index("group")
        for name, members in frame.groupby(frame[field] if field else pd.Series("all", index=frame.index)):
            known = members.dropna(subset=["class"])
            judged = known.dropna(subset=["wanted"])
            row = got.loc[f"{name}断面" if group == "level" else name]
            assert (row["sections"], row["with_class"], row["good_count"]) == (
                len(members),
                len(known),
                (known["class"] <= 3).sum(),
            )
            assert (row["fourth_count"], row["worse_count"]) == (
                (known["class"] <= 4).sum(),
                (known["class"] == 6).sum(),
            )
            assert (row["meeting_count"], row["meeting_of"]) == (
                (judged["class"] <= judged["wanted"]).sum(),
                len(judged),
            )
            assert [row[f"class_{i}"] for i in range(1, 7)] == [(known["class"] == i).sum() for i in range(1, 7)]
            assert row["good_percent"] == round(100 * (known["class"] <= 3).sum() / len(known), 1)


def test_groups_name_who_is_missing_and_how_they_changed(small: Path, tmp_path: Path) -> None:
    call(small, "--month", "2026-02", "--out", str(tmp_path / "m.csv"))
    rivers = table(tmp_path / "m.river.csv").set_index("group")
    assert (rivers.loc["甲河", "failing"], rivers.loc["乙河", "without_class"]) == ("A、B", "E")
    # the means of the river's three sections: CODMn 20/3 is of class IV
    assert (rivers.loc["甲河", "method"], rivers.loc["甲河", "grade_zh"]) == ("means", "轻度污染")
    # in January A, B were good and C was not: 2/3; in February only C
    assert (rivers.loc["甲河", "good_previous"], rivers.loc["甲河", "good_points_previous"]) == ("2/3", -33.3)
    assert rivers.loc["甲河", "good_change_previous"] == "明显变差"
    assert rivers.loc["乙河", "only_after_last_year"] == "F"
    counties = table(tmp_path / "m.county.csv")
    assert counties["group"].iloc[-1] == "未填 missing"
    assert counties["sections"].sum() == 6


def test_a_year_that_is_not_over_is_compared_with_the_same_months(small: Path, tmp_path: Path) -> None:
    told = call(small, "--year", "2026", "--out", str(tmp_path / "y.csv"))
    assert (told["period"], told["months"]) == ("2026", 2)
    rows = table(tmp_path / "y.csv").set_index("section_code")
    assert rows.loc["A", ["class", "parts", "samples"]].tolist() == [3, 2, 2]  # CODMn (3 + 7) / 2 = 5
    assert rows.loc["B", ["class", "exceeding", "class_previous"]].tolist() == [4, "高锰酸盐指数 0.08", 5]
    assert "change_last_year" not in rows


def test_borders_are_compared_item_by_item(small: Path, tmp_path: Path) -> None:
    call(small, "--month", "2026-02", "--out", str(tmp_path / "m.csv"))
    borders = pd.read_csv(tmp_path / "m.borders.csv", encoding="utf-8-sig")
    sure = borders[borders["item"].notna()]
    assert set(zip(sure["upstream"], sure["downstream"], strict=True)) == {("A", "B")}
    tp = sure.set_index("item").loc["tp"]
    assert tp[["value_up", "value_down", "difference", "percent"]].tolist() == [0.08, 0.15, 0.07, 87.5]
    assert tp[["item_class_up", "item_class_down", "class_change"]].tolist() == [2, 3, 0]
    assert borders[borders["item"].isna()]["downstream"].tolist() == ["F"]  # its county is not given


def test_without_an_order_nobody_tells_who_is_upstream(tmp_path: Path) -> None:
    rows = [",".join("" if i == 5 else cell for i, cell in enumerate(row.split(","))) for row in section_rows()]
    root = workspace(tmp_path / "w", rows, sample_rows())
    call(root, "--month", "2026-02", "--out", str(tmp_path / "m.csv"))
    assert pd.read_csv(tmp_path / "m.borders.csv", encoding="utf-8-sig")["reason_zh"].tolist() == [NO_ORDER.zh]


def test_sections_that_follow_each_other_on_a_network() -> None:
    network = drawn([("a", [(0, 0), (1000, 0)]), ("b", [(0, 500), (1000, 0)]), ("a", [(1000, 0), (3000, 0)])])
    # 0 and 1 on the two upper branches, 2 and 3 on the lower one, 4 without a river
    stops = Places(np.array([0, 1, 2, 2, -1]), np.array([500.0, 100.0, 500.0, 1500.0, np.nan]), np.zeros(5))
    pairs = pairs_on_network(network, stops)
    assert pairs[["upstream", "downstream"]].to_numpy().tolist() == [[0, 2], [1, 2], [2, 3]]
    assert pairs["distance_m"].iloc[[0, 2]].tolist() == [1000.0, 1000.0]
    crossing, lost = across_borders(pairs, pd.Series(["x", "y", "y", None, "z"]))
    assert (crossing[["upstream", "downstream"]].to_numpy().tolist(), lost) == ([[0, 2]], {3})


def test_a_number_given_twice_makes_no_pair() -> None:
    assert pairs_in_order(pd.Series(["a"] * 4), pd.Series([1, 2, 2, 3]))[
        ["upstream", "downstream"]
    ].to_numpy().tolist() == [[0, 3]]


# --- files ---


def test_the_workbook_holds_the_same_rows_and_its_provenance(small: Path, tmp_path: Path) -> None:
    call(small, "--month", "2026-02", "--out", str(tmp_path / "m.xlsx"), "--cube", str(tmp_path / "c.nc"))
    book = openpyxl.load_workbook(tmp_path / "m.xlsx")
    assert book.sheetnames == [
        "断面 Sections", "总体 All", "所在河流 River", "流域 Basin", "县区代码 County code", "断面级别 Control level", "跨界断面 Borders",
        "未采用数据 Left out", "说明 Notes",
    ]  # fmt: skip
    sheet = book["断面 Sections"]
    head = [cell.value for cell in sheet[1]]
    assert [sheet.cell(row, head.index("类别") + 1).value for row in range(3, 9)] == ["Ⅳ", "Ⅳ", "Ⅲ", "劣Ⅴ", "", "Ⅰ"]
    notes = "\n".join(str(cell.value) for row in book["说明 Notes"] for cell in row if cell.value)
    assert "2026-02" in notes
    assert "四舍六入五成双" in notes
    first = (tmp_path / "m.xlsx").read_bytes()
    call(small, "--month", "2026-02", "--out", str(tmp_path / "m.xlsx"))
    assert (tmp_path / "m.xlsx").read_bytes() == first


def test_the_cube_is_graded_as_the_samples(small: Path, tmp_path: Path) -> None:
    call(small, "--month", "2026-02", "--out", str(tmp_path / "m.csv"), "--cube", str(tmp_path / "c.nc"))
    cube = read_cube(tmp_path / "c.nc")
    assert dict(cube.sizes) == {"section": 5, "time": 3}
    assert float(cube["tp"].sel(section="B", time="2026-02-10")) == 0.15
    graded = grade_cube(cube, rounding="displayed")
    for code, months in VALUES.items():
        for month, values in months.items():
            assert int(graded["section_class"].sel(section=code, time=f"{month}-10")) == plain_class(values)


# --- bad input ---


def test_bad_cells_stand_in_rows_and_never_make_a_class(tmp_path: Path) -> None:
    rows = [
        "A,2026-02-10,七点五,--,,,正常,", "B,2026-02-10,,,,,,", "C,2026-02-10,7,5,-1,0.18,停站,", "D,2026-02-10,7,5,0,0,正常,",
        "X,2026-02-10,7,5,0.4,0.1,正常,", "F,待定,7,5,0.4,0.1,正常,",
    ]  # fmt: skip
    root = workspace(tmp_path / "w", section_rows(), rows)
    told = call(root, "--month", "2026-02", "--out", str(tmp_path / "m.csv"), exit_code=1)
    found = table(tmp_path / "m.csv").set_index("section_code")
    assert found["class"].notna().sum() == 1
    assert found.loc["D", ["class", "items_evaluated", "values_left_out"]].tolist() == [
        3,
        2,
        2,
    ]  # NH3-N and TP of zero are not used
    assert found.loc[list("ABCEF"), "reason_en"].tolist() == [
        *["samples without a usable value in this period"] * 2,
        "all values of this period were left out",
        "no sample",
        "no sample",
    ]
    assert told["samples_without_section"] == {"X": 1}
    out = pd.read_csv(tmp_path / "m.left_out.csv", encoding="utf-8-sig")
    assert set(zip(out["section_code"], out["fault"], strict=True)) == {("C", "closed"), ("D", "zero")}


def test_a_column_of_an_unknown_unit_or_item_is_not_used(tmp_path: Path) -> None:
    head = "断面编码,采样日期,氨氮(斤),总铬(mg/L),高锰酸盐指数(μg/L)"
    root = workspace(tmp_path / "w", section_rows(), ["A,2026-02-10,9,9,5000"], head)
    call(root, "--out", str(tmp_path / "m.csv"))
    row = table(tmp_path / "m.csv").set_index("section_code").loc["A"]
    assert row[["class", "items_evaluated", "exceeding"]].fillna("").tolist() == [3, 1, ""]


def test_all_missing_is_told_and_nothing_written(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", section_rows(), ["A,2026-02-10,,,,,,"])
    with pytest.raises(GeoSysError, match="got no usable sample up to 2026-03-05"):
        call(root, "--out", str(tmp_path / "m.csv"))
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--month", "2026-02", "--year", "2026"], "expected one of them"),
        (["--month", "2026"], "expected one as 2026-01"),
        (["--year", "26"], "a year as 2025"),
        (["--out", "a.doc"], "a name ending in .xlsx or .csv"),
        (["--cube", "a.zarr"], "a name ending in .nc"),
        (["--rounding", "up"], "rounding: got 'up'"),
        (["--items", "pH,zzz"], "got 'zzz'"),
    ],
)
def test_a_wrong_call_is_told(small: Path, options: list[str], told: str) -> None:
    with pytest.raises(GeoSysError, match=told):
        call(small, *options)


def test_a_workspace_without_samples_or_of_older_content_is_told(small: Path, tmp_path: Path) -> None:
    (tmp_path / "geosys.toml").write_text('title = { zh = "空", en = "empty" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    with pytest.raises(GeoSysError, match="expected samples"):
        call(tmp_path)
    path = small / "store" / "water_sample" / "current.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(before) | {"spec": "000"}), encoding="utf-8")
    try:
        with pytest.raises(GeoSysError, match="by an earlier content"):
            call(small)
    finally:
        path.write_text(before, encoding="utf-8")


# --- Henan ---


def test_the_records_of_henan_without_a_layer_of_sections(shared_data: Path, tmp_path: Path) -> None:
    source = pd.read_csv(shared_data / "water" / "henan_2025-11_2026-02.csv", dtype=str)
    source = source[source["snap"] == "20251106T235129"]
    kinds = pd.read_csv(shared_data / "water" / "henan_water_type.csv").set_index("断面名称")["water_type"]
    items = {
        "pH": "pH(无量纲)",
        "溶解氧(mg/L)": "溶解氧(mg/L)",
        "高锰酸盐指数(mg/L)": "高锰酸盐指数(mg/L)",
        "氨氮(mg/L)": "氨氮(mg/L)",
        "总磷(mg/L)": "总磷(mg/L)",
    }
    given = pd.DataFrame(
        {
            "断面编码": source["断面名称"],
            "采样日期": "2025-11-06",
            "流域": source["流域"],
            "所在河流": source["tip_所属河流"],
        }
    )
    given["水体类型"] = source["断面名称"].map(kinds).map({"river": "河流", "lake": "湖库"})
    for title, column in items.items():
        given[title] = source[column]
    lines = given.to_csv(index=False).splitlines()
    root = workspace(tmp_path / "w", None, lines[1:], lines[0])
    told = call(root, "--month", "2025-11", "--items", "pH,DO,CODMn,NH3-N,TP", "--out", str(tmp_path / "m.csv"))
    rows = table(tmp_path / "m.csv").set_index("section_code")
    published = source.set_index("断面名称")["水质类别"].map(ROMAN).dropna()
    assert told["sections_from"] == "samples"
    assert len(published) > 70
    assert rows.loc[published.index, "class"].astype(int).tolist() == published.astype(int).tolist()
    basins = table(tmp_path / "m.basin.csv").set_index("group")
    of = source.set_index("断面名称")["流域"]
    for name, members in rows["class"].dropna().groupby(of):
        assert (basins.loc[name, "good_count"], basins.loc[name, "with_class"]) == ((members <= 3).sum(), len(members))
        assert basins.loc[name, "good_percent"] == round(100 * (members <= 3).sum() / len(members) + 1e-9, 1)

"""The commands that trace water, on a small workspace: what they print, write, refuse, and how the outputs look."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import shapely
from intake_toy import package, text_file
from typer.testing import CliRunner

from geosys._errors import GeoSysError, SpecError
from geosys.cli.trace_command import app
from geosys.content import content_root
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.spec import read_catalogue
from geosys.maps.trace_page import load_trace_map
from geosys.traces.loading import read_concentrations

CHROMIUM = Path("/usr/bin/chromium")
CRS = "EPSG:4547"
X, Y = 500_000.0, 3_850_000.0
DAY = "2026-09-30"


def line(*places: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in places])


def dots(*places: tuple[float, float]) -> list[shapely.Point]:
    return [shapely.Point(X + x, Y + y) for x, y in places]


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """Make a workspace: a river of 8 km eastwards, a tributary from the north, three sections, three outfalls, an intake."""
    root = tmp_path_factory.mktemp("trace") / "county"
    root.mkdir()
    rivers = {"河流编码": ["R1", "R2"], "河流名称": ["大河", "小河"], "河长姓名": ["张三", None]}
    package(root / "rivers.gpkg", rivers, [line((0, 0), (4000, 0), (8000, 0)), line((4000, 3000), (4000, 0))])
    sections = {"断面编码": ["S1", "S2", "S3"], "断面名称": ["上断面", "出境断面", "小河断面"], "所在河流": ["大河", "大河", "小河"],
                "水质目标": ["III"] * 3, "水体类型": ["河流"] * 3}  # fmt: skip
    package(root / "sections.gpkg", sections, dots((2000, 0), (7000, 0), (4000, 2500)))
    outfalls = {"排污口编码": ["P1", "P2", "P3"], "排污口名称": ["甲<b>口</b>", "=1+1", "丙口"], "排污口类型": ["农村生活污水散排口", "城镇污水处理厂排污口", "矿山雨洪排口"],
                "受纳水体": ["大河", "大河", "小河"], "排放量(t/d)": [1000.0, None, 50.0]}  # fmt: skip
    package(root / "outfalls.gpkg", outfalls, dots((5000, 10), (1000, -10), (4010, 1000)))
    package(
        root / "intakes.gpkg", {"取水口编码": ["W1"], "取水口名称": ["水厂"], "水源类型": ["河流型"]}, dots((7500, 5))
    )
    package(
        root / "county.gpkg",
        {"县区代码": ["410299"], "县区名称": ["样例县"]},
        [shapely.box(X - 100, Y - 5000, X + 6000, Y + 5000)],
    )
    head = "断面编码,采样时间,pH,溶解氧(mg/L),高锰酸盐指数(mg/L),氨氮(mg/L),总磷(mg/L)"
    rows = [
        f"{code},2026-09-0{n + 1},7.5,7.0,3.0,{nh3},0.1"
        for n, (code, nh3) in enumerate((("S1", 0.4), ("S2", 1.6), ("S3", 0.4)))
    ]
    text_file(root / "samples.csv", head, *rows)
    kinds = {
        "rivers": "river",
        "sections": "water_section",
        "outfalls": "outfall",
        "intakes": "intake",
        "county": "county",
    }
    plan = [f'title = {{ zh = "试验县", en = "Trial" }}\ncrs = "{CRS}"\nas_of = {DAY}']
    plan += [f'[[deliveries]]\nfile = "{file}.gpkg"\nlayer = "{layer}"' for file, layer in kinds.items()]
    plan += ['[[deliveries]]\nfile = "samples.csv"\nlayer = "water_sample"']
    text_file(root / "geosys.toml", *plan)
    return root


def run(county: Path, *words: str):
    return CliRunner().invoke(app, [*words, "--workspace", str(county)], catch_exceptions=True)


@pytest.fixture(scope="module")
def up(county):
    result = run(county, "upstream", "S2", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), county / "trace" / "S2"


@pytest.fixture(scope="module")
def down(county):
    result = run(county, "downstream", "P1", "--speed", "0.5", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), county / "trace" / "P1"


def test_upstream_says_where_the_fault_must_lie(up):
    told, _ = up
    assert [row["feature_id"] for row in told["sources"]] == ["P1", "P3", "P2"]
    assert told["sources"][0]["distance_m"] == pytest.approx(2000, rel=2e-4)
    assert [row["is_in_stretch"] for row in told["sources"]] == [
        True,
        True,
        False,
    ]  # P3 is below the clean section of the tributary
    assert {row["feature_id"]: row["is_clean"] for row in told["sections"]} == {"S1": True, "S3": True}
    assert "氨氮" in told["summary"][1]


def test_downstream_says_what_the_water_comes_to_and_whom_to_call(down):
    told, _ = down
    rows = {row["name"]: row for row in told["targets"]}
    assert rows["出境断面"]["distance_m"] == pytest.approx(2000, rel=2e-4)
    assert rows["水厂"]["time_h"] == pytest.approx(2500 / 0.5 / 3600, rel=2e-4)
    assert "河长：张三" in rows["水厂"]["call_zh"]
    assert rows["样例县 → 界外"]["distance_m"] == pytest.approx(1000, rel=2e-4)


def test_a_spill_is_traced_from_its_degrees(county):
    place = to_crs(dots((4000, 1500)), CRS, GEOGRAPHIC)[0]
    result = run(
        county,
        "downstream",
        "--point",
        f"{place.x:.7f},{place.y:.7f}",
        "--flow",
        "12",
        "--width",
        "20",
        "--depth",
        "1.5",
        "--json",
    )
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.stdout)["targets"]}
    assert rows["出境断面"]["distance_m"] == pytest.approx(4500, rel=2e-4)
    assert rows["出境断面"]["time_h"] == pytest.approx(4500 / 0.4 / 3600, rel=2e-4)


@pytest.mark.parametrize("which", ["up", "down"])
def test_all_outputs_are_there_and_say_the_same(which, request):
    told, folder = request.getfixturevalue(which)
    main = "sources" if which == "up" else "targets"
    names = {path.name for path in folder.iterdir()}
    assert {"trace.xlsx", "map.html", "sheet.pdf", "trace.json", "missing.csv", f"{main}.csv"} <= names
    table = pd.read_csv(folder / f"{main}.csv")
    assert table["feature_id"].tolist() == [row["feature_id"] for row in told[main]]
    book = openpyxl.load_workbook(folder / "trace.xlsx")
    assert book.worksheets[0].max_row == len(table) + 2
    assert not [name for name in folder.parent.iterdir() if name.name.startswith(".")]


def test_names_of_ledgers_stay_texts(up):
    book = openpyxl.load_workbook(up[1] / "trace.xlsx")
    cells = [cell for row in book["可能来源 Sources"].iter_rows() for cell in row if cell.value == "=1+1"]
    assert [cell.data_type for cell in cells] == ["s"]
    assert "<b>口" not in (up[1] / "map.html").read_text("utf-8")


def test_the_same_question_gives_the_same_bytes(county, up):
    before = {path.name: path.read_bytes() for path in up[1].iterdir()}
    assert run(county, "upstream", "S2").exit_code == 0
    after = {path.name: path.read_bytes() for path in up[1].iterdir()}
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed: the sheet cannot be read")
@pytest.mark.parametrize(
    ("which", "words"),
    [("up", ("出境断面", "甲<b>口</b>", "=1+1", "小河", "氨氮")), ("down", ("水厂", "样例县", "张三"))],
)
def test_the_sheet_is_one_page_with_selectable_text(which, words, request):
    _, folder = request.getfixturevalue(which)
    text = subprocess.run(
        ["pdftotext", "-layout", str(folder / "sheet.pdf"), "-"], capture_output=True, check=True
    ).stdout.decode()
    assert text.count("\f") == 1
    plain = "".join(text.split())
    assert [word for word in words if word not in plain] == []


@pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")
def test_the_maps_open_without_a_request_and_show_their_layers(up, down):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        for (_, folder), word in ((up, "问题应在的河段"), (down, "下游河段")):
            page, trouble = browser.new_page(viewport={"width": 1366, "height": 768}), []
            page.on("console", lambda message, seen=trouble: seen.append(message.text))
            page.on("pageerror", lambda error, seen=trouble: seen.append(str(error)))
            page.on("request", lambda request, seen=trouble: seen.append(request.url))
            page.goto((folder / "map.html").as_uri())
            page.wait_for_selector("body[data-ready=true]")
            assert trouble == [(folder / "map.html").as_uri()]
            assert page.is_visible(f"text={word}")
        browser.close()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("upstream", "S9"), "expected a code or name"),
        (("upstream", "S2", "--items", "妖气"), "妖气"),
        (("upstream", "S2", "--within", "0"), "--within"),
        (("upstream", "S2", "--language", "fr"), "--language"),
        (("downstream",), "neither"),
        (("downstream", "P1", "--point", "114,34"), "both"),
        (("downstream", "--point", "34.7,114.0"), "Longitude comes first"),
        (("downstream", "--point", "somewhere"), "longitude,latitude"),
        (("downstream", "--point", "116.5,34.7"), "no river within"),
        (("downstream", "P1", "--flow", "12"), "--width"),
        (("downstream", "P1", "--speed", "0"), "above 0"),
    ],
)
def test_wrong_use_is_refused_with_what_to_do(county, words, expected):
    result = run(county, *words)
    assert isinstance(result.exception, GeoSysError), result.output
    assert expected in str(result.exception)


def test_other_peoples_files_are_not_replaced(county, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    result = run(county, "upstream", "S2", "--out", str(tmp_path / "mine"))
    assert "other files" in str(result.exception)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_concentrations_are_read_or_refused_with_their_line(tmp_path):
    good = text_file(tmp_path / "a.csv", "code,item,mg_l", "P1,氨氮,15", "P1,TP,0")
    assert read_concentrations(good) == {("P1", "nh3n"): 15.0, ("P1", "tp"): 0.0}
    bad = text_file(tmp_path / "b.csv", "code,item,mg_l", "P1,氨氮,<0.1", "P1,妖气,1", "P2,TP,-1")
    with pytest.raises(SpecError) as error:
        read_concentrations(bad)
    assert [f"line {n}" in str(error.value) for n in (2, 3, 4)] == [True] * 3


def test_the_loads_of_a_table_of_concentrations_are_told(county, tmp_path):
    table = text_file(tmp_path / "c.csv", "code,item,mg_l", "P1,氨氮,15")
    result = run(county, "upstream", "S2", "--concentrations", str(table), "--out", str(tmp_path / "out"), "--json")
    first = json.loads(result.stdout)["sources"][0]
    assert (first["feature_id"], first["load_nh3n_kg_d"]) == ("P1", pytest.approx(15.0))


def test_the_maps_of_traces_name_columns_that_there_are():
    known = {name: set(spec.titles) for name, spec in read_catalogue().layers.items()}
    for name in ("trace_upstream.toml", "trace_downstream.toml"):
        spec = load_trace_map(content_root() / "maps", name, known)
        assert all(view.layer in known or view.layer in spec.palettes.styles for view in spec.views)

"""The sheet of a plot: what it tells, what it says is lacking, its margins, hostile names, the same bytes, resume after a break."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely
import typer
from typer.testing import CliRunner

from geosys._errors import DisclosureError, SpecError, WorkspaceError
from geosys.cli.plot_command import plot as plot_command
from geosys.layers.spec import read_catalogue
from geosys.maps.paper.press import Press, open_press
from geosys.maps.plot_page import page_of
from geosys.plot_sheets.archive import Archive, PlotKey, find_plots, plots_of, read_archive
from geosys.plot_sheets.atlas import Order, base_key, file_name, sheet_key, write_index, write_sheets
from geosys.plot_sheets.parts import is_missing
from geosys.plot_sheets.sheet import Desk, as_data, check_disclosure, entries_of, file_of, open_desk, sheet_of
from geosys.plot_sheets.spec import read_sheet_spec
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.paper.sheet import Sheet

DAY = dt.date(2026, 9, 30)
HOSTILE = "<script>alert(1)</script>#set page()$x$ \u202e反`${1}`"
X, Y = 500_000.0, 3_850_000.0  # on the central meridian of EPSG:4547
PLAN = """title = { zh = "试县", en = "Test county" }
crs = "EPSG:4547"
as_of = 2026-09-30
"""


def at(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


def deliver(root: Path, layer: str, rows: dict[str, list[Any]], shapes: list[Any]) -> str:
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4547")
    frame.to_file(root / f"{layer}.gpkg", layer=layer, driver="GPKG")
    return f'\n[[deliveries]]\nfile = "{layer}.gpkg"\nlayer = "{layer}"\n'


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of hand-drawn plots after one run: on 40 patches, of two parts, hostile, without a neighbour."""
    root = tmp_path_factory.mktemp("plots")
    grid = [at(20 * i, 20 * j, 20 * i + 20, 20 * j + 20) for i in range(8) for j in range(5)]
    two = shapely.MultiPolygon([at(1000, 0, 1050, 50), at(1100, 100, 1150, 150)])
    text = PLAN + deliver(
        root, "contaminated_plot",
        {
            "plot_code": ["W1", "W2", "W3"], "plot_name": ["四十图斑", "两处" * 40, HOSTILE], "stage": ["风险管控中", "修复中", None],
            "is_removed": [False, False, False], "exceed_items": ["苯", "铅", None], "listed_on": ["2020-01-02", None, None],
            "stated_area_m2": [16000.0, 5000.0, None],
        },
        [at(0, 0, 160, 100), two, at(0, 5000, 100, 5100)],
    )  # fmt: skip
    text += deliver(
        root, "suspected_plot",
        {"plot_code": ["Y1"], "plot_name": ["疑似"], "notice_on": ["2026-04-12"], "survey_state": ["进行中"]}, [at(4000, 0, 4100, 100)],
    )  # fmt: skip
    codes = ["0102" if i % 2 else "0601" for i in range(40)]
    text += deliver(root, "land_patch", {"patch_code": [f"P{i}" for i in range(40)], "land_class_code": codes}, grid)
    text += deliver(
        root, "sensitive_receptor",
        {"receptor_code": ["R1", "R2"], "receptor_name": ["东学校", "远学校"], "receptor_kind": ["学校", "学校"]},
        [shapely.Point(X + 460, Y + 50), shapely.Point(X + 30_000, Y)],
    )  # fmt: skip
    text += deliver(
        root, "soil_sample",
        {
            "sample_code": ["S1", "S2", "S3"], "unit_code": ["W1", None, "W2"], "as_mg_kg": [30.0, 5.0, 5.0], "cd_mg_kg": [1.0, 1.0, None],
            "cr_mg_kg": [90.0, None, None],
        },
        [shapely.Point(X + 10, Y + 10), shapely.Point(X + 150, Y + 90), shapely.Point(X + 900, Y + 900)],
    )  # fmt: skip
    (root / "geosys.toml").write_text(text, encoding="utf-8")
    content = read_content()
    run(read_workspace(root, content.catalogue), content, DAY, lambda *_: None)
    return root


def archive_of(root: Path) -> Archive:
    return read_archive(read_workspace(root, read_catalogue()), DAY)


@pytest.fixture(scope="module")
def archive(workspace: Path) -> Archive:
    return archive_of(workspace)


@pytest.fixture(scope="module")
def desk(archive: Archive) -> Desk:
    return open_desk(archive)


@pytest.fixture(scope="module")
def press(archive: Archive) -> Press:
    return open_press(archive.content.catalogue.root / "maps")


def told(desk: Desk, code: str) -> dict[str, Any]:
    keys = find_plots(desk.archive, [code])
    return as_data(file_of(desk, keys[0], entries_of(desk, keys).get(keys[0])))


def sheet(desk: Desk, code: str) -> Sheet:
    keys = find_plots(desk.archive, [code])
    return sheet_of(desk, file_of(desk, keys[0], entries_of(desk, keys).get(keys[0])))


def text_of(pdf: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed: './geo test' installs it")
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True).stdout.decode()


# --- what a sheet tells ---


def test_samples_of_a_plot_are_those_that_name_it_or_lie_in_it_without_a_name(desk: Desk) -> None:
    part = told(desk, "W1")["parts"]["samples"]
    assert [row["样品"] for row in part["rows"]] == ["S1", "S2"]  # the worse first
    # GB 36600-2018 table 1, category 1: arsenic 20 screening and 120 control; (30 - 20) / 20
    assert part["rows"][0]["决定项目"] == "砷"
    assert [part["rows"][0][name] for name in ("筛选值", "管制值", "超筛选值倍数")] == ["20", "120", "0.5"]
    assert any("铬" in note and "不是" in note for note in part["notes"])  # total chromium is not hexavalent chromium
    assert [row["样品"] for row in told(desk, "W2")["parts"]["samples"]["rows"]] == ["S3"]


def test_a_plot_without_samples_is_not_called_clean(desk: Desk) -> None:
    part = told(desk, "Y1")["parts"]["samples"]
    assert part["rows"] == []
    assert "未评价（不等于未超标）" in part["lacking"]


def test_the_ledger_of_forty_patches_adds_up_to_the_plot(desk: Desk) -> None:
    part = told(desk, "W1")["parts"]["ledger"]
    land = [row for row in part["rows"] if row["编码与名称"].startswith(("0102", "0601"))]
    assert [row["占地块 %"] for row in land] == ["50.00", "50.00"]  # forty squares of 400 m², every other one
    assert sum(float(row["平差面积 m²"].replace(",", "")) for row in land) == pytest.approx(16000.0, abs=1e-9)
    assert "闭合差 +0.000000 m²（闭合）" in part["notes"][0]


def test_layers_that_are_not_there_are_said_to_be_not_delivered(desk: Desk) -> None:
    data = told(desk, "W1")
    near = " ".join(data["parts"]["receptors"]["notes"])
    assert "饮用水取水口：未交付，未评估" in near
    assert any("未交付" in source["note"] for source in data["sources"])
    red = next(row for row in data["parts"]["ledger"]["rows"] if row["主题：编码体系"].startswith("生态保护红线"))
    assert red["备注"].startswith("未评估")


def test_distances_are_geodesic_and_from_the_border(desk: Desk) -> None:
    rows = told(desk, "W1")["parts"]["receptors"]["rows"]
    to_degrees = pyproj.Transformer.from_crs("EPSG:4547", "EPSG:4490", always_xy=True)
    ends = [to_degrees.transform(X + east, Y + 50) for east in (160, 460)]
    metres = pyproj.Geod(ellps="GRS80").inv(*ends[0], *ends[1])[2]
    assert [(row["名称"], row["方位"]) for row in rows] == [("东学校", "东")]
    assert float(rows[0]["距离 m"]) == pytest.approx(metres, abs=0.05)


def test_a_clear_rule_says_how_far_it_is_from_flipping(desk: Desk) -> None:
    others = {row["规则"]: row for row in told(desk, "W1")["parts"]["others"]["rows"]}
    near = others["污染地块 200 米内有居民区等敏感目标"]
    assert near["结论"] == "未命中"
    assert "最近 300 米（东学校），比界限 200 米远 100 米" in near["原因或余量"]
    assert others["污染地块涉及饮用水水源保护区"]["结论"].startswith("未评估")
    assert "缺少图层" in others["污染地块涉及饮用水水源保护区"]["原因或余量"]


def test_every_rule_about_the_layer_stands_on_the_sheet_once(desk: Desk) -> None:
    for code in ("W1", "W2", "W3", "Y1"):
        key = find_plots(desk.archive, [code])[0]
        titles = [r.title.zh for r in desk.archive.content.book.rules.values() if r.subject == key.layer]
        parts = told(desk, code)["parts"]
        found = {row["规则"] for row in parts["others"]["rows"]}
        found |= {row["规则与事实"].partition("：")[0] for row in parts["concerned"]["rows"]}
        assert set(titles) <= found, code


def test_the_survey_is_due_six_months_after_the_notice(desk: Desk) -> None:
    rows = told(desk, "Y1")["parts"]["next"]["rows"]
    survey = next(row for row in rows if row["事项"] == "完成初步调查")
    assert (survey["时限"], survey["情况"]) == ("2026-10-12", "临近到期")


def test_an_open_case_that_is_late_says_by_how_many_days(desk: Desk) -> None:
    cases = desk.archive.cases
    assert cases is not None
    mine = cases[cases["subject_id"] == "W1"]
    assert len(mine) > 0
    late = replace(desk.archive, today=mine["due_on"].iloc[0] + dt.timedelta(days=3))
    data = as_data(file_of(open_desk(late), find_plots(late, ["W1"])[0], None))
    assert "已逾期 3 天" in json.dumps(data["parts"]["cases"], ensure_ascii=False)


def test_without_a_run_no_rule_is_assessed_and_nothing_is_called_clear(desk: Desk) -> None:
    bare = replace(desk.archive, run=None, cases=None, events={})
    data = as_data(file_of(open_desk(bare), find_plots(bare, ["W1"])[0], None))
    assert {row["结论"] for row in data["parts"]["others"]["rows"]} == {"未评估（缺图层或行）"}
    assert "尚未运行" in data["parts"]["concerned"]["lacking"]
    assert "未交付" in data["parts"]["cases"]["lacking"]


def test_results_of_other_data_say_so(desk: Desk) -> None:
    run_ = desk.archive.run
    assert run_ is not None
    old = {**run_.manifest, "layers": {**run_.manifest["layers"], "land_patch": {"version": "0"}}}
    stale = replace(desk.archive, run=replace(run_, manifest=old))
    data = as_data(file_of(open_desk(stale), find_plots(stale, ["W1"])[0], None))
    assert any("须重新运行" in note and "地类图斑" in note for note in data["parts"]["concerned"]["notes"])


def test_a_withheld_plot_has_a_sheet_that_says_why(desk: Desk, press: Press) -> None:
    layer = desk.archive.layers["suspected_plot"]
    row = layer.frame.iloc[[0]].assign(feature_id="Y9", plot_code="Y9", issue_type="missing_geometry", geometry=None)
    lost = replace(layer, withheld=gpd.GeoDataFrame(row, geometry="geometry", crs=layer.frame.crs))
    other = replace(desk.archive, layers={**desk.archive.layers, "suspected_plot": lost})
    bench = open_desk(other)
    key = find_plots(other, ["Y9"])[0]
    assert key.is_withheld
    file = file_of(bench, key, entries_of(bench, [key]).get(key))
    assert "未被采用" in file.summary[0].zh
    assert "地块没有可用的图形" in page_of(sheet_of(bench, file), press)


# --- paper and page ---


def test_names_that_do_harm_are_shown_as_text(desk: Desk, press: Press, tmp_path: Path) -> None:
    page = page_of(sheet(desk, "W3"), press)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;#set page()$x$" in page
    assert "<script" not in page
    assert "\u202e" not in page
    write_sheets(desk.archive, find_plots(desk.archive, ["W3"]), Order(tmp_path, ("pdf",)))
    assert "<script>alert(1)</script>#set page()$x$" in re.sub(
        r"\s+", " ", text_of(tmp_path / "W3_contaminated_plot.pdf")
    )


def test_paper_and_page_tell_the_same(desk: Desk, tmp_path: Path) -> None:
    write_sheets(desk.archive, find_plots(desk.archive, ["W1"]), Order(tmp_path))
    paper = re.sub(r"\s", "", text_of(tmp_path / "W1_contaminated_plot.pdf"))
    page = re.sub(
        r"\s", "", re.sub(r"<[^>]*>", "", (tmp_path / "W1_contaminated_plot.html").read_text(encoding="utf-8"))
    )
    for words in (
        "内部使用",
        "审图号：待送审",
        "示意图，不作权属依据",
        "制图：",
        "审核：",
        "一张图面积台账",
        "未交付",
        "0102水浇地",
    ):
        assert words in paper, words
        assert words in page, words


def test_a_page_holds_no_script_and_no_address(desk: Desk, press: Press) -> None:
    page = page_of(sheet(desk, "W1"), press)
    assert "default-src 'none'" in page
    assert not re.search(r"<script|javascript:|https?://|\son\w+=", page)
    assert page.count("<svg viewBox") >= 2


def test_one_input_gives_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    keys = find_plots(desk.archive, ["W2"])
    for name in ("a", "b"):
        write_sheets(desk.archive, keys, Order(tmp_path / name))
    for kind in ("pdf", "html"):
        one, two = (tmp_path / name / file_name(keys[0], kind) for name in ("a", "b"))
        assert one.read_bytes() == two.read_bytes()


def test_a_plot_of_two_parts_is_wholly_on_its_map(desk: Desk) -> None:
    key = find_plots(desk.archive, ["W2"])[0]
    frame = desk.atlas.closeup(file_of(desk, key, None).plot, 90.0)
    assert frame.extent is not None
    west, south, east, north = frame.extent
    assert (west, south, east, north) == pytest.approx((X + 880, Y - 120, X + 1270, Y + 270))  # 120 m on each side


# --- many ---


def test_finished_sheets_are_kept_and_broken_or_changed_ones_made_again(desk: Desk, tmp_path: Path) -> None:
    archive, order = desk.archive, Order(tmp_path, ("html",))
    keys = find_plots(archive, ["W1", "W2", "Y1"])
    assert [one.is_kept for one in write_sheets(archive, keys, order)] == [False] * 3
    assert [one.is_kept for one in write_sheets(archive, keys, order)] == [True] * 3
    (tmp_path / file_name(keys[0], "html")).write_text("cut off", encoding="utf-8")
    (tmp_path / file_name(keys[1], "html")).unlink()
    assert [one.is_kept for one in write_sheets(archive, keys, order)] == [False, False, True]
    assert [one.is_kept for one in write_sheets(archive, keys, replace(order, language="en"))] == [False] * 3


def test_a_step_in_a_case_changes_its_own_sheet_only(desk: Desk, tmp_path: Path) -> None:
    archive, base = desk.archive, base_key(desk.archive, Order(tmp_path))
    cases = archive.cases
    assert cases is not None
    moved = cases.assign(status=cases["status"].where(cases["subject_id"] != "W1", "assigned"))
    other = replace(archive, cases=moved)
    one, two = find_plots(archive, ["W1", "W2"])
    assert sheet_key(archive, base, one) != sheet_key(other, base, one)
    assert sheet_key(archive, base, two) == sheet_key(other, base, two)


def test_a_sheet_that_cannot_be_made_does_not_stop_the_others(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from geosys.plot_sheets import atlas as plot_atlas

    whole = plot_atlas.sheet_of

    def refusing(desk_: Desk, file: Any, **how: Any) -> Sheet:
        if file.plot.key.code == "W2":
            raise SpecError("sheet: got an absurd scale, expected another.")
        return whole(desk_, file, **how)

    monkeypatch.setattr(plot_atlas, "sheet_of", refusing)
    made = write_sheets(desk.archive, find_plots(desk.archive, ["W1", "W2", "Y1"]), Order(tmp_path, ("html",)))
    assert [bool(one.fault) for one in made] == [False, True, False]
    index, table = write_index(desk.archive, made, Order(tmp_path, ("html",)))
    assert "absurd scale" in index.read_text(encoding="utf-8")
    assert pd.read_csv(table)["code"].tolist() == ["W1", "W2", "Y1"]


def test_other_processes_make_the_same_sheets(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geosys import atlas
    from geosys.plot_sheets import atlas as plot_atlas

    keys = find_plots(desk.archive, ["W1", "Y1"])
    write_sheets(desk.archive, keys, Order(tmp_path / "one", ("html",)))
    for module in (atlas, plot_atlas):
        monkeypatch.setattr(module, "FEW", 1)
        monkeypatch.setattr(module, "_AT_ONCE", 1)
    seen: list[tuple[int, int]] = []
    write_sheets(desk.archive, keys, Order(tmp_path / "two", ("html",)), lambda a, b: seen.append((a, b)), workers=2)
    assert seen[-1] == (2, 2)
    for key in keys:
        one, two = (tmp_path / n / file_name(key, "html") for n in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("code", ["../../x", "a/b", "甲:1", "x" * 300, "."])
def test_no_code_leads_out_of_the_folder(code: str, tmp_path: Path) -> None:
    name = file_name(PlotKey("plots", code, 0), "pdf")
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert len(name.encode()) < 255


# --- wrong use ---


def test_unknown_codes_and_layers_are_named(archive: Archive) -> None:
    with pytest.raises(WorkspaceError, match=r"'W11'.*Did you mean 'W1'"):
        find_plots(archive, ["W1", "W11"])
    with pytest.raises(WorkspaceError, match="land_patch"):
        plots_of(archive, "land_patch")
    with pytest.raises(WorkspaceError, match="not delivered"):
        plots_of(archive, "priority_plot")


def test_sheets_for_a_wider_audience_are_refused(archive: Archive) -> None:
    with pytest.raises(DisclosureError, match="contaminated_plot"):
        check_disclosure(replace(archive, spec=replace(archive.spec, audience="public")))


def test_faults_of_the_content_are_told_at_once(tmp_path: Path) -> None:
    catalogue = read_catalogue()
    (tmp_path / "maps").mkdir()
    text = (catalogue.root / "maps" / "plot_sheet.toml").read_text(encoding="utf-8")
    text = text.replace('samples    = "soil_sample"', 'samples    = "soil_sampel"').replace(
        "reach_m = 1000.0", "reach_m = -1"
    )
    (tmp_path / "maps" / "plot_sheet.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"(?s)soil_sampel.*soil_sample.*reach_m: got -1"):
        read_sheet_spec(replace(catalogue, root=tmp_path))


def test_the_command_writes_and_tells(workspace: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(plot_command)
    runner = CliRunner()
    done = runner.invoke(
        app, ["W1", "--html", "--json", "-w", str(workspace), "--out", str(tmp_path)], catch_exceptions=False
    )
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert [one["code"] for one in said["sheets"]] == ["W1"]
    assert said["plots"][0]["parts"]["ledger"]["rows"]
    assert [path.name for path in tmp_path.glob("*.html")] == ["W1_contaminated_plot.html"]
    again = runner.invoke(
        app, ["--all", "--html", "--workers", "1", "-w", str(workspace), "--out", str(tmp_path)], catch_exceptions=False
    )
    assert again.exit_code == 0
    assert "沿用 kept 1" in again.stdout
    assert (tmp_path / "index.html").exists()
    with pytest.raises(WorkspaceError, match="--all"):
        runner.invoke(app, ["-w", str(workspace)], catch_exceptions=False)


def test_missing_cells_are_known() -> None:
    assert [is_missing(v) for v in (None, float("nan"), pd.NaT, pd.NA, "", 0, False)] == [True] * 4 + [False] * 3

"""Default sheets: what their specs may say, that figures and legends are those of the data, charts, and bad input."""

from __future__ import annotations

import datetime as dt
import errno
import itertools
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import DisclosureError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.cases.plot_life_reading import read_plot_life
from geosys.cases.plot_risk import read_plot_risk
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version
from geosys.layers.vector_files import write_geopackage
from geosys.maps.charts import chart_file, draw_chart
from geosys.maps.charts_lines import scale_of, spread
from geosys.maps.charts_values import Flows, Line, Progress, Schedule, Stack, State, Trend
from geosys.maps.palettes import Swatch
from geosys.maps.paper import legend, mapping
from geosys.maps.paper.layout import Layout
from geosys.maps.paper.looks import Look, lightness
from geosys.maps.paper.press import Press, open_press
from geosys.maps.paper.sheet import Table
from geosys.maps.sheet_spec import load_sheets
from geosys.plots.lists import read_book, read_layers
from geosys.plots.risks import plot_risks
from geosys.sheets.composing import Wanted, sheet_of, spec_named, write_sheet
from geosys.sheets.desk import Desk, due_state, open_desk, worst_of
from geosys.sheets.layers import classed, features_of
from geosys.sheets.risks import risk_of
from geosys.sheets.versions import change_counts, changes_of, class_flows
from geosys.views import schemas_of
from geosys.workspace import read_workspace

CRS, DAY = "EPSG:4547", dt.date(2026, 9, 30)
X, Y = 516_000.0, 3_840_000.0
HOSTILE = "</style><script>alert(1)</script>`#panic(1)"


@pytest.fixture(scope="session")
def press() -> Press:
    return open_press(ROOT / "maps")


def frame_of(desk_layer: str, rows: dict[str, list[Any]], shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    schema = schemas_of(read_catalogue())[desk_layer]
    size = len(shapes)
    columns: dict[str, Any] = {"feature_id": rows.get("feature_id", [f"{desk_layer}-{i}" for i in range(size)])}
    columns |= {name: np.full(size, None, dtype=object) for name in schema.columns if name not in columns}
    columns |= {name: pd.array(values) if name.startswith("is_") else values for name, values in rows.items()}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def toy_frames() -> dict[str, gpd.GeoDataFrame]:
    """Return a county of 10 km with two townships, a river, six outfalls, three plots and two farmland units."""
    plots = [shapely.box(X + 1000 + 2000 * i, Y + 7000, X + 1200 + 2000 * i, Y + 7150) for i in range(3)]
    return {
        "county": frame_of("county", {"county_code": ["410299"], "county_name": ["方县"]}, [shapely.box(X, Y, X + 10_000, Y + 10_000)]),
        "township": frame_of(
            "township", {"township_code": ["410299001", "410299002"], "township_name": ["东乡", "西乡"]},
            [shapely.box(X, Y, X + 5000, Y + 10_000), shapely.box(X + 5000, Y, X + 10_000, Y + 10_000)],
        ),
        "river": frame_of(
            "river", {"river_code": ["R1"], "river_name": ["直河"], "basin": ["甲流域"]}, [shapely.LineString([(X, Y + 5000), (X + 10_000, Y + 5000)])]
        ),
        "outfall": frame_of(
            "outfall",
            {
                "outfall_code": [f"P{i}" for i in range(6)], "outfall_name": [*"甲乙丙丁", HOSTILE, "己"], "river_name": ["直河"] * 6,
                "rectify_state": ["已完成"] * 3 + ["整治中", "未整治", None], "is_traced": [True] * 5 + [None], "county_code": ["410299"] * 6,
            },
            [shapely.Point(X + 500 + 400 * i, Y + 5000) for i in range(6)],
        ),
        "contaminated_plot": frame_of(
            "contaminated_plot", {"feature_id": ["W1", "W2", "W3"], "plot_code": ["W1", "W2", "W3"], "plot_name": ["一号", "二号", "三号"], "stage": ["修复中"] * 3},
            plots,
        ),
        "farmland_class": frame_of(
            "farmland_class", {"feature_id": ["F1", "F2"], "unit_code": ["F1", "F2"], "category": ["优先保护", "严格管控"], "area_m2": [250_000.0, 90_000.0]},
            [shapely.box(X + 6000, Y + 1000, X + 6500, Y + 1500), shapely.box(X + 7000, Y + 1000, X + 7300, Y + 1300)],
        ),
    }  # fmt: skip


def finding(subject: str, severity: str, due: str | None, x: float, **more: str) -> dict[str, Any]:
    return {
        "finding_id": f"{subject}-{severity}", "rule": "contaminated_plot_in_redline", "rule_title_zh": "地块在红线内", "rule_title_en": "Plot in redline",
        "outcome": "hit", "severity": severity, "subject_layer": "contaminated_plot", "subject_id": subject, "subject_name": f"地块{subject}",
        "object_layer": "ecological_redline", "object_id": "", "object_name": "", "sentence_zh": "句", "sentence_en": "words", "lead": "ecology",
        "lead_zh": "生态环境局", "lead_en": "Ecology", "due_on": due, "status": "found", "geometry": shapely.Point(x, Y + 7075), **more,
    }  # fmt: skip


def workspace_at(root: Path, frames: dict[str, gpd.GeoDataFrame], *, has_run: bool = True) -> Path:
    catalogue = read_catalogue()
    root.mkdir(parents=True, exist_ok=True)
    (root / "geosys.toml").write_text(
        'title = { zh = "方县", en = "Square" }\ncrs = "EPSG:4547"\nregion = [114.0, 34.5, 114.6, 35.0]\nas_of = 2026-09-30\n',
        encoding="utf-8",
    )
    versions = {}
    for name, frame in frames.items():
        layer = Layer(
            catalogue.layers[name], frame, frame.iloc[:0].assign(issue_type=[]), {"crs": CRS, "deliveries": []}
        )
        versions[name] = write_version(root / "store", layer).version
    if has_run:
        rows = [
            finding("W1", "medium", "2026-01-01", X + 1100), finding("W1", "critical", "2026-10-10", X + 1100, rule="contaminated_plot_in_source_zone"),
            finding("W2", "low", None, X + 3100),
        ]  # fmt: skip
        (root / "out").mkdir()
        write_geopackage(
            root / "out" / "results.gpkg",
            {"findings": gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)},
            "2026-09-30",
        )
        pd.DataFrame(
            [("contaminated_plot_in_redline", w, o) for w, o in (("W1", "hit"), ("W2", "hit"), ("W3", "clear"))],
            columns=["rule", "subject_id", "outcome"],
        ).to_csv(root / "out" / "outcomes.csv", index=False)
        manifest = {"stopped": False, "as_of": "2026-09-30", "layers": {n: {"version": v} for n, v in versions.items()}}
        (root / "out" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return root


def desk_at(root: Path, extra: tuple[str, ...] = ()) -> Desk:
    catalogue = read_catalogue()
    return open_desk(read_workspace(root, catalogue), catalogue, DAY, extra)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk_at(workspace_at(tmp_path_factory.mktemp("toy") / "w", toy_frames()))


def text_of(path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    return (
        subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
        .stdout.decode()
        .replace("\u200b", "")
    )


# --- the specs ---


def test_all_sheets_of_the_content_are_sound() -> None:
    catalogue = read_catalogue()
    fields = {name: set(schema.titles) for name, schema in schemas_of(catalogue).items()}
    book = load_sheets(ROOT / "maps", fields)
    wanted = {
        "water_sections", "county_attainment", "outfall_rates", "plots_risk", "farmland", "conflicts", "black_odorous", "overdue",
        "before_after", "progress", "river_policy",
    }  # fmt: skip
    assert wanted <= set(book.sheets)
    from geosys.rates import read_rate_book
    from geosys.rooms import read_content

    rates, rules = read_rate_book(catalogue).rates, read_content().book.rules
    for spec in book.sheets.values():
        assert set(spec.rules) <= set(rules), spec.name
        assert {r for chart in spec.charts for r in chart.rates} <= set(rates), spec.name
        assert {part.share["rate"] for part in spec.layers if part.share} <= set(rates), spec.name


def test_faults_of_a_sheet_come_all_at_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "maps", tmp_path / "maps")
    (tmp_path / "maps" / "sheets" / "bad.toml").write_text(
        'title = { zh = "坏", en = "Bad" }\naudience = "all"\ncolour = 1\n[[layers]]\nlayer = "outfal"\nstyle = "section_noww"\n'
        '[[layers]]\nlayer = "outfall"\nlabel = "nam"\n[[charts]]\nkind = "pie"\ntitle = { zh = "饼", en = "Pie" }\n',
        encoding="utf-8",
    )
    fields = {name: set(s.titles) for name, s in schemas_of(read_catalogue()).items()}
    with pytest.raises(SpecError) as caught:
        load_sheets(tmp_path / "maps", fields)
    words = ("'all'", "'colour'", "Did you mean 'outfall'?", "Did you mean 'section_now'?", "'nam'", "'pie'")
    assert all(word in str(caught.value) for word in words)


# --- figures ---


def test_a_plot_has_its_worst_hit_and_what_was_not_judged_is_not_clear(desk: Desk) -> None:
    spec = spec_named(desk, "plots_risk")
    assert worst_of(desk, "contaminated_plot", spec) == ["critical", "low", "none"]
    assert worst_of(replace(desk, results=None), "contaminated_plot", spec) == ["not_assessed"] * 3
    assert desk.results is not None
    outcomes = pd.DataFrame({"rule": ["r"] * 2, "subject_id": ["W3", "W3"], "outcome": ["not_assessed", "clear"]})
    partly = replace(desk, results=replace(desk.results, outcomes=outcomes))
    assert worst_of(partly, "contaminated_plot", spec)[2] == "partly"
    unjudged = replace(desk, results=replace(desk.results, outcomes=outcomes[:1]))
    assert worst_of(unjudged, "contaminated_plot", spec)[2] == "not_assessed"


@pytest.mark.parametrize(
    ("due", "status", "state"),
    [("2026-09-29", "found", "overdue"), (dt.date(2026, 10, 30), "found", "soon"), (dt.date(2026, 10, 31), "found", "later"),
     (None, "found", "no_date"), (float("nan"), "found", "no_date"), ("2020-01-01", "dismissed", "closed")],
)  # fmt: skip
def test_a_deadline_is_judged_by_the_day(due: object, status: str, state: str) -> None:
    assert due_state(due, status, DAY) == state


def test_a_river_takes_the_share_of_its_outfalls(desk: Desk) -> None:
    spec = spec_named(desk, "outfall_rates")
    river = features_of(desk, next(part for part in spec.layers if part.share), spec)
    assert river.frame["share_class"].tolist() == ["50"]  # 3 of the 5 whose state is known
    assert river.frame["share_text"].tolist() == [Text("直河 60.0%（3/5）", "直河 60.0% (3/5)")]


def test_a_sheet_prints_its_layers_legend_and_figures(desk: Desk, press: Press, tmp_path: Path) -> None:
    made = write_sheet(desk, spec_named(desk, "outfall_rates"), tmp_path / "a.pdf", press)
    text = text_of(tmp_path / "a.pdf")
    for word in (
        "方县入河排污口整治图",
        "内部使用",
        "未整治",
        "整治中",
        "50%—不足 75%",
        "直河 60.0%（3/5）",
        "排污口编码",
        "<script>",
    ):
        assert word in text
    assert "75%—不足 90%" not in text  # the legend has only what is on the map
    assert made.glyphs_lacking == ""


def test_two_runs_give_the_same_bytes(desk: Desk, press: Press, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        write_sheet(desk, spec_named(desk, "farmland"), tmp_path / name, press)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_any_layer_is_a_sheet_in_both_languages(desk: Desk, press: Press, tmp_path: Path) -> None:
    wanted = Wanted(paper="A4", is_landscape=False, language="en")
    write_sheet(desk, spec_named(desk, "farmland_class"), tmp_path / "a.pdf", press, wanted)
    text = text_of(tmp_path / "a.pdf")
    assert "Strict control" in text
    assert "Page 1 of 1" in text


def test_layers_newer_than_the_run_are_named(desk: Desk, press: Press) -> None:
    assert desk.results is not None
    stale = {
        **desk.results.manifest,
        "layers": {**desk.results.manifest["layers"], "contaminated_plot": {"version": "other"}},
    }
    sheet = sheet_of(
        replace(desk, results=replace(desk.results, manifest=stale)), spec_named(desk, "plots_risk"), press
    )
    assert any("污染地块" in str(note) and "更新" in str(note) for note in sheet.notes)
    bare = sheet_of(replace(desk, results=None), spec_named(desk, "plots_risk"), press)
    assert any("未评估" in str(note) for note in bare.notes)


# --- every default sheet: legend, words, fonts ---


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return the toy county with a layer for each default sheet, two versions of farmland, and results of sections."""
    at = [shapely.Point(X + 800 + 900 * i, Y + 4000) for i in range(9)]
    frames = toy_frames()
    frames |= {
        "water_section": frame_of(
            "water_section", {"section_code": [f"S{i}" for i in range(4)], "section_name": list("子丑寅卯"), "target_class": ["II", "III", "IV", None]}, at[:4]
        ),
        "black_odorous_water": frame_of(
            "black_odorous_water", {"water_code": ["H1", "H2"], "water_name": ["沟一", "沟二"], "state": ["治理中", "已消除"], "grade": ["轻度", "重度"]},
            [shapely.LineString([(X + 3000, Y + 2000), (X + 3400, Y + 2100)]), shapely.LineString([(X + 5000, Y + 2000), (X + 5400, Y + 2100)])],
        ),
        "source_zone": frame_of("source_zone", {"level": ["一级", "准"]}, [at[0].buffer(300), at[0].buffer(700)]),
        "planned_land_use": frame_of("planned_land_use", {"plan_code": ["0701", "0803"]}, [at[4].buffer(400), at[6].buffer(400)]),
        "sensitive_receptor": frame_of("sensitive_receptor", {"receptor_kind": ["住宅", "水井"], "receptor_name": ["庄", "井"]}, at[4:6]),
        "groundwater_point": frame_of("groundwater_point", {}, at[7:8]), "intake": frame_of("intake", {}, at[8:9]),
        "sewage_plant": frame_of("sewage_plant", {}, at[3:4]), "permanent_farmland": frame_of("permanent_farmland", {}, [at[5].buffer(600)]),
        "ecological_redline": frame_of("ecological_redline", {}, [at[2].buffer(350)]),
        "urban_boundary": frame_of("urban_boundary", {}, [at[6].buffer(900)]),
        "suspected_plot": frame_of("suspected_plot", {"plot_name": ["疑一"], "plot_code": ["Y1"]}, [at[1].buffer(60)]),
    }  # fmt: skip
    root = workspace_at(tmp_path_factory.mktemp("full") / "w", frames)
    spec, earlier = (
        read_catalogue().layers["farmland_class"],
        frames["farmland_class"].assign(category=["安全利用", "严格管控"]),
    )
    for frame in (earlier, frames["farmland_class"]):
        made = Layer(spec, frame, frame.iloc[:0].assign(issue_type=[]), {"crs": CRS, "deliveries": []})
        write_version(root / "store", made)
    opened = desk_at(root)
    sections = opened.layers["water_section"]
    judged = sections.frame.assign(
        class_now=pd.array([2, 4, 6, None], "Int64"), meets_target=pd.array([True, False, False, None], "boolean")
    )
    return replace(opened, layers={**opened.layers, "water_section": replace(sections, frame=judged)})


SHEETS = (
    "before_after", "black_odorous", "conflicts", "county_attainment", "farmland", "outfall_rates", "overdue", "plot_surroundings",
    "plots_risk", "progress", "river_policy", "water_sections",
)  # fmt: skip


def looks_seen(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[Look]:
    """Return the list into which every look goes that a module draws with at least one shape."""
    seen: list[Look] = []
    whole = module.draw_group

    def watched(plate: Any, shapes: Any, look: Look, body: Any) -> None:
        seen.extend([look] * bool((~shapely.is_empty(shapes)).any()))
        whole(plate, shapes, look, body)

    monkeypatch.setattr(module, "draw_group", watched)
    return seen


def inks(looks: Any) -> set[tuple[object, ...]]:
    return {(one.kind, one.colour, one.fill, one.hatch, one.dash) for one in looks}


@pytest.mark.parametrize("name", SHEETS)
def test_the_legend_of_every_default_sheet_is_what_is_drawn(
    name: str, full: Desk, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(SHEETS) == set(full.book.sheets)
    spec = replace(spec_named(full, name), tables=())
    sheet = sheet_of(full, replace(spec, charts=spec.charts[:1]), press)
    drawn, listed = looks_seen(monkeypatch, mapping), looks_seen(monkeypatch, legend)
    layout = Layout(sheet, press.measures, press.fonts)
    layout.body()
    made = legend.draw_legend(layout.maps, press.measures, press.fonts, "zh", 1.0).layout
    assert made["count"] == len(listed) == sum(len(part["entries"]) for part in made["parts"])
    if not spec.has_map:
        assert not drawn
        return
    hidden = {features.title for m in layout.maps for features, _ in m.groups if not features.listed}
    unlisted = inks(g.look for m in layout.maps for f, groups in m.groups if f.title in hidden for g in groups)
    neutral = {one for one in listed if one.fill in ("#9AA0A6", "#FFFFFF") and one.kind == "point"}  # signs and shapes
    assert inks(listed) - inks(neutral) <= inks(drawn)
    assert inks(drawn) - inks(listed) <= unlisted
    by_row = [one.sign for one in drawn if one.sign] + [one.sign for one in listed if one.sign]
    assert {one.sign for one in drawn if one.sign} == {one.sign for one in listed if one.sign}, by_row
    shapes = {one.shape for one in drawn if one.kind == "point" and not one.sign}
    assert {one.shape for one in listed if one.kind == "point"} >= shapes
    titles = [entry[1] for part in made["parts"] for entry in part["entries"]]
    for part in spec.layers:  # and against the data themselves, without anything that draws
        style = full.book.style_of(part)
        if part.layer == "findings" or style.by not in full.frame(part.layer) or not part.listed:
            continue
        words = set(classed(full.frame(part.layer)[style.by], part.values).dropna())
        looks = full.book.classes_named(style.classes)
        prefixed = {w if w in looks else w[:2] for w in words}
        assert {looks[w].title.zh for w in prefixed} <= set(titles)


@pytest.mark.parametrize("name", SHEETS)
def test_the_words_of_every_default_sheet_are_found_and_its_fonts_are_subsets(
    name: str, full: Desk, press: Press, tmp_path: Path
) -> None:
    spec = spec_named(full, name)
    write_sheet(full, spec, tmp_path / "en.pdf", press, Wanted(language="en"))
    english = "".join(text_of(tmp_path / "en.pdf").split())
    for words in ("Square", "Internaluse", "Sources", "Approvalno."):
        assert words in english
    own = set("方县东西乡直河沟一二井庄子丑寅卯疑甲流域号三") | {s for s in english if not "\u4e00" <= s <= "\u9fff"}
    left = "".join(s for s in english if s not in own)
    outfalls, plots = "丁己乙丙", "地块"  # names of the data
    assert not set(left) - set(outfalls + plots), left
    assert not set("（）、：") & set(english)
    if shutil.which("pdffonts"):
        rows = (
            subprocess.run(["pdffonts", tmp_path / "en.pdf"], capture_output=True, check=True)
            .stdout.decode()
            .splitlines()[2:]
        )
        assert rows
        assert all("NotoSans" in row and " yes yes yes " in row and row[6] == "+" for row in rows), rows


def test_plots_are_coloured_by_the_risk_that_the_plots_command_tells(full: Desk) -> None:
    spec = spec_named(full, "plots_risk")
    part = next(part for part in spec.layers if part.layer == "contaminated_plot")
    features = features_of(full, part, spec)
    content = read_plot_risk(ROOT, full.schemas, read_plot_life(ROOT, full.schemas).lists)
    life = read_plot_life(ROOT, full.schemas)
    views = read_layers(full.workspace.store, full.catalogue, full.layers)
    told = plot_risks(views, content, life, read_book(views, life, DAY).rows)
    mine = told[told["list"] == "contaminated"].set_index("plot_code")["risk"]
    assert features.frame["risk"].tolist() == [mine[code] for code in features.frame["plot_code"]]
    assert features.frame["worst"].tolist() == ["critical", "low", "none"]
    assert (features.style.by, features.sign_by) == ("risk", "worst")


def test_a_plot_beyond_the_stages_that_are_judged_is_outside(full: Desk) -> None:
    frame = full.frame("contaminated_plot").assign(stage=["移出名录", "修复中", "修复中"])
    gone = replace(
        full,
        layers={**full.layers, "contaminated_plot": replace(full.layers["contaminated_plot"], frame=frame)},
        _made={},
    )
    assert risk_of(gone, "contaminated_plot")[0] == "outside"
    assert "outside" not in risk_of(gone, "contaminated_plot")[1:]
    assert risk_of(gone, "outfall") == ["outside"] * 6


@pytest.mark.parametrize(
    ("paper", "turned", "kind"), [("A4", False, "png"), ("A4", True, "svg"), ("A1", True, "svg"), ("A1", False, "pdf")]
)
def test_a_default_sheet_on_every_paper(
    paper: str, turned: bool, kind: str, full: Desk, press: Press, tmp_path: Path
) -> None:
    wanted = Wanted(paper=paper, is_landscape=turned)
    made = write_sheet(full, spec_named(full, "outfall_rates"), tmp_path / f"a.{kind}", press, wanted)
    files = list(tmp_path.glob(f"*.{kind}"))
    assert made.pages == 2  # the map, and one page of charts and tables, however they are spread
    assert len(files) == (1 if kind == "pdf" else 2)


def test_the_page_behind_a_map_is_filled_and_does_not_run_over(full: Desk, press: Press) -> None:
    from geosys.sheets.filling import Leaf, filled, table_height
    from geosys.sheets.tables import table_of

    spec = spec_named(full, "outfall_rates")
    few = replace(spec.tables[0], most=1)
    leaf = Leaf(394.0, 200.0, 9.0, "zh")
    blocks = filled([STACK], [few], lambda part: table_of(full, part, spec), leaf, press)
    table = blocks[-1]
    assert isinstance(table, Table)
    assert len(table.rows) == 2  # there is room for both outfalls that are not yet rectified
    assert table.growth > 1
    tight = replace(leaf, height=table_height(replace(table, rows=table.rows[:1], growth=1.0), leaf, press) + 1)
    plain = filled([STACK], [few], lambda part: table_of(full, part, spec), tight, press)
    assert isinstance(plain[-1], Table)
    assert (len(plain[-1].rows), plain[-1].growth) == (1, 1.0)


# --- before and after ---


def test_changes_between_versions_are_those_made_by_hand(desk: Desk) -> None:
    boxes = [shapely.box(i * 100, 0, i * 100 + 50, 50) for i in range(5)]
    before = gpd.GeoDataFrame({"feature_id": list("ABCD"), "category": ["优先保护"] * 4}, geometry=boxes[:4], crs=CRS)
    after = gpd.GeoDataFrame(
        {"feature_id": list("BCDE"), "category": ["优先保护", "安全利用", "优先保护", "严格管控"]},
        geometry=[boxes[1], boxes[2], shapely.box(300, 0, 350, 40), boxes[4]], crs=CRS,
    )  # fmt: skip
    old, new = changes_of(before, after, "category")
    assert old["change"].tolist() == ["removed", "same", "reclassed", "reshaped"]
    assert new["change"].tolist() == ["same", "reclassed", "reshaped", "added"]
    assert change_counts(old, new) == {"removed": 1, "added": 1, "reclassed": 1, "reshaped": 1, "same": 1}
    flows = class_flows(desk, "farmland_class", before, after, Text("流向", "Flows"))
    assert flows is not None
    named = {(str(flows.states[a].title), str(flows.states[b].title)): n for a, b, n in flows.flows}
    assert named == {
        ("优先保护类", "优先保护类"): 2.0, ("优先保护类", "安全利用类"): 1.0, ("优先保护类", "已不在"): 1.0, ("新增", "严格管控类"): 1.0,
    }  # fmt: skip


def test_a_second_delivery_makes_a_sheet_of_changes(press: Press, tmp_path: Path) -> None:
    root = workspace_at(tmp_path / "w", toy_frames(), has_run=False)
    with pytest.raises(SpecError, match="no earlier version"):
        write_sheet(desk_at(root), spec_named(desk_at(root), "before_after"), tmp_path / "a.pdf", press)
    assert not (tmp_path / "a.pdf").exists()
    frame = toy_frames()["farmland_class"].assign(category=["安全利用", "严格管控"])
    spec = read_catalogue().layers["farmland_class"]
    write_version(
        root / "store", Layer(spec, frame, frame.iloc[:0].assign(issue_type=[]), {"crs": CRS, "deliveries": []})
    )
    now = desk_at(root)
    write_sheet(now, spec_named(now, "before_after"), tmp_path / "a.pdf", press)
    text = text_of(tmp_path / "a.pdf")
    assert all(word in text for word in ("此前：版本", "现在：版本", "类别变化", "安全利用类 1"))


# --- bad input ---


def test_an_empty_layer_says_so_and_leaves_nothing(desk: Desk, press: Press, tmp_path: Path) -> None:
    for name, words in (
        ("black_odorous", "got no layer"),
        ("outfal", "Did you mean 'outfall'?"),
        ("water_sample", "without geometry"),
    ):
        with pytest.raises(SpecError, match=words):
            write_sheet(desk, spec_named(desk, name), tmp_path / "a.pdf", press)
    empty = replace(
        desk, layers={**desk.layers, "outfall": replace(desk.layers["outfall"], frame=desk.frame("outfall").iloc[:0])}
    )
    with pytest.raises(SpecError, match="got no feature"):
        write_sheet(empty, spec_named(desk, "outfall_rates"), tmp_path / "a.pdf", press)
    assert not list(tmp_path.iterdir())


def test_one_feature_and_features_far_outside_are_printed_or_named(desk: Desk, press: Press, tmp_path: Path) -> None:
    one = desk.frame("outfall").iloc[:1]
    alone = replace(desk, layers={"outfall": replace(desk.layers["outfall"], frame=one)})
    assert write_sheet(alone, spec_named(alone, "outfall"), tmp_path / "a.pdf", press).pages == 1
    far = one.assign(geometry=[shapely.Point(X + 90_000, Y)])
    outside = replace(desk, layers={**desk.layers, "outfall": replace(desk.layers["outfall"], frame=far)})
    made = write_sheet(outside, spec_named(outside, "outfall"), tmp_path / "b.pdf", press)
    assert made.absent == (("入河排污口",),)
    assert "没有：入河排污口" in text_of(tmp_path / "b.pdf")


@pytest.mark.parametrize("scale", [-1, 1, 10**9])
def test_an_absurd_scale_is_refused(scale: int, desk: Desk, press: Press, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected one from 1:200"):
        write_sheet(desk, spec_named(desk, "outfall"), tmp_path / "a.pdf", press, Wanted(scale=scale))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_message(
    desk: Desk, press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    sheet = sheet_of(desk, spec_named(desk, "farmland_class"), press)
    monkeypatch.setattr(Path, "write_bytes", full)
    from geosys.maps.paper.press import compose

    with pytest.raises(WorkspaceError, match="no space left"):
        compose(sheet, tmp_path / "a.pdf", press)
    assert not list(tmp_path.iterdir())


def test_a_public_sheet_refuses_what_is_not_public(desk: Desk, press: Press) -> None:
    spec = replace(spec_named(desk, "conflicts"), audience="public")
    with pytest.raises(DisclosureError, match=r"sheet 'conflicts', findings"):
        sheet_of(desk, spec, press)


def test_damaged_results_are_named(tmp_path: Path) -> None:
    root = workspace_at(tmp_path / "w", {"county": toy_frames()["county"]})
    (root / "out" / "results.gpkg").write_bytes(b"no database")
    with pytest.raises(WorkspaceError, match="Run 'geosys run' again"):
        desk_at(root)


# --- charts ---

TWO = (Swatch(Text("甲", "A"), "#1F6FB5"), Swatch(Text("乙", "B"), "#A8D3EF"))
STACK = Stack("构成", TWO, [("一", [3, 1]), ("二", [0, 2])], "个")
TREND = Trend("趋势", ["2026-01", "2026-02", "2026-03"], [Line("线", [40.0, None, 60.0])], "%", 55.0, "目标")
SCHEDULE = Schedule("进度", [Progress("溯源率", 99.99, 99.99, 100.0, 90.0), Progress("无", None, None)])
FLOWS = Flows(
    "流向",
    ["前", "后"],
    [State(0, "未", "#777777"), State(1, "完", "#2E7D4F"), State(1, "否", "#C0182B")],
    [(0, 1, 3.0), (0, 2, 1.0)],
)


@pytest.mark.parametrize("chart", [STACK, TREND, SCHEDULE, FLOWS], ids=lambda c: type(c).__name__)
def test_a_chart_is_a_file_with_text_and_equal_bytes(chart: Any, press: Press, tmp_path: Path) -> None:
    first, again = (chart_file(chart, "pdf", press) for _ in range(2))
    assert first == again
    (tmp_path / "c.pdf").write_bytes(first)
    assert str(chart.title) in text_of(tmp_path / "c.pdf")
    assert chart_file(chart, "png", press).startswith(b"\x89PNG")
    assert b"<svg" in chart_file(chart, "svg", press)[:200]
    drawn = draw_chart(chart, press.fonts)
    sides = [(t.x, t.x + press.fonts.width(t.text, t.size_pt, t.weight) * 25.4 / 72, t.y) for t in drawn.texts]
    assert all(a >= -0.01 and b <= drawn.width_mm + 0.01 and 0 < y <= drawn.height_mm for a, b, y in sides)


def test_texts_of_a_chart_never_cover_each_other(press: Press) -> None:
    states = [State(c, f"状态{c}{i}", "#1F6FB5") for c in (0, 1) for i in range(9)]
    flows = Flows("流向", ["前", "后"], states, [(i, 9 + i, 200.0 if i == 4 else 1.0) for i in range(9)])
    lines = [Line(f"线{i}", [50.0 + i / 10, 50.0]) for i in range(5)]
    for chart in (
        flows,
        Trend("趋势", ["1", "2"], lines),
        replace(STACK, rows=[(f"很长的名称{i}" * 6, [1e6, 1]) for i in range(12)]),
    ):
        drawn = draw_chart(chart, press.fonts, 90.0)
        mm = 25.4 / 72
        boxes = [
            shapely.box(t.x, t.y - 0.7 * t.size_pt * mm, t.x + press.fonts.width(t.text, t.size_pt, t.weight) * mm, t.y)
            for t in drawn.texts
        ]
        overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.intersection(b).area > 0.05]
        assert not overlaps


def test_less_than_all_is_never_printed_as_all(press: Press) -> None:
    texts = [t.text for t in draw_chart(SCHEDULE, press.fonts).texts]
    assert "99.9%" in texts
    assert "无数据" in texts


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (replace(STACK, rows=[("一", [1])]), "another length"), (replace(STACK, rows=[("一", [-1, 2])]), "below 0"), (replace(STACK, rows=[]), "no amount"),
        (replace(TREND, lines=[Line("线", [1.0])]), "another length"), (replace(TREND, lines=[]), "no value"), (Schedule("进度", []), "no row"),
        (replace(FLOWS, flows=[]), "no flow"), (replace(FLOWS, flows=[(1, 0, 1.0)]), "skip a column"), (replace(FLOWS, flows=[(0, 1, 0.0)]), "not above 0"),
    ],
)  # fmt: skip
def test_a_chart_of_nothing_or_of_wrong_data_says_why(chart: Any, words: str, press: Press) -> None:
    with pytest.raises(SpecError, match=words):
        draw_chart(chart, press.fonts)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12), st.floats(0.1, 5))
def test_what_is_spread_keeps_its_distance_and_order(places: list[float], least: float) -> None:
    found = spread(places, least)
    assert len(found) == len(places)
    assert all(b - a >= least * (1 - 1e-6) for a, b in itertools.pairwise(found))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_ticks_hold_all_values(values: list[float]) -> None:
    ticks = scale_of(values)
    assert ticks[0] <= min(values) + 1e-6
    assert ticks[-1] >= max(values) - 1e-6
    assert 2 <= len(ticks) <= 8


def test_classes_of_sheets_differ_in_a_grey_copy() -> None:
    book = load_sheets(ROOT / "maps")
    for name in ("share", "meets", "due_state", "black_mark", "risk", "change"):
        looks = list(book.classes[name].values())
        for i, a in enumerate(looks):
            for b in looks[i + 1 :]:
                is_plain = (a.hatch, a.shape) == (b.hatch, b.shape)
                assert not is_plain or abs(lightness(a.colour) - lightness(b.colour)) >= 10, (
                    name,
                    a.title.en,
                    b.title.en,
                )


def test_truth_and_numbers_become_words() -> None:
    values = pd.Series([np.True_, False, np.int64(3), 6.0, None, "x"], dtype=object)
    assert classed(values, {"3": "III", "6": "劣V"}).tolist() == ["true", "false", "III", "劣V", None, "x"]

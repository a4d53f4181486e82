"""Run the main job on real data of others and compare its figures with independent computations."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
import tomllib
import zipfile
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from conftest import ROOT

from geosys.geo.relations import Terms, relate
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.results import RunResult
    from geosys.rooms import Content

PLAN = ROOT / "examples" / "real" / "geosys.toml"
CRS = "EPSG:3035"
TODAY = dt.date(2026, 6, 30)
CROPLAND = [82]  # the land-cover class that the plan maps onto a class 01* of the third survey
SCREEN_M = 500.0
LEAST_M2 = 100.0
SLIVER_M2 = 0.01  # geosys drops common areas of less than half of this as rounding


@dataclass(frozen=True, slots=True)
class Real:
    root: Path
    content: Content
    result: RunResult

    def issues(self, layer: str, *kinds: str) -> pd.DataFrame:
        table = self.result.issues
        return table[(table["layer"] == layer) & table["issue_type"].isin(kinds)]

    def found(self, rule: str, outcome: str = "hit") -> pd.DataFrame:
        table = self.result.findings
        return table[(table["rule"] == rule) & (table["outcome"] == outcome)]


def plan_for(shared_data: Path, *, without: str | None = None) -> str:
    """Return the example's plan with its inbox at the shared data, and without the deliveries of one layer."""
    text = PLAN.read_text(encoding="utf-8")
    inbox = tomllib.loads(text)["inbox"]
    text = text.replace(json.dumps(inbox), json.dumps(shared_data.as_posix()))
    head, *entries = text.split("[[deliveries]]")
    kept = [entry for entry in entries if without is None or f'layer   = "{without}"' not in entry]
    assert without is None or len(kept) < len(entries)
    return "[[deliveries]]".join([head, *kept])


def run_plan(root: Path, plan: str, content: Content) -> RunResult:
    root.mkdir(exist_ok=True)
    (root / "geosys.toml").write_text(plan, encoding="utf-8")
    return run(read_workspace(root, content.catalogue), content, TODAY, lambda *_: None)


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """Run the example once for all tests of this module."""
    root = tmp_path_factory.mktemp("real") / "workspace"
    content = read_content()
    return Real(root, content, run_plan(root, plan_for(shared_data), content))


# --- the sources, read without geosys ---


@pytest.fixture(scope="module")
def outfalls(shared_data: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(shared_data / "rur" / "elwas_einleiter.geojson")


@pytest.fixture(scope="module")
def gauges(shared_data: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(shared_data / "rur" / "pegel.geojson")


@pytest.fixture(scope="module")
def distances(outfalls: gpd.GeoDataFrame, gauges: gpd.GeoDataFrame) -> pd.Series:
    """Return the geodesic distance in metres of every outfall to every gauge, on longitude and latitude as delivered."""
    a, b = outfalls.geometry, gauges.geometry
    i, j = np.divmod(np.arange(len(a) * len(b)), len(b))
    metres = pyproj.Geod(ellps="GRS80").inv(a.x[i], a.y[i], b.x[j], b.y[j])[2]
    keys = [outfalls["betriebs_nr"].iloc[i], gauges["pegel_nr"].iloc[j]]
    return pd.Series(metres, pd.MultiIndex.from_arrays(keys, names=["subject", "object"]))


def read_stand_in(shared_data: Path) -> gpd.GeoDataFrame:
    """Return the land cover in the plane that the plan gives it, with its row number as delivered."""
    entries = tomllib.loads(PLAN.read_text(encoding="utf-8"))["deliveries"]
    crs = next(entry["crs"] for entry in entries if "crs" in entry)
    cover = gpd.read_file(shared_data / "landcover" / "augusta_nlcd_patches.gpkg").set_crs(crs, allow_override=True)
    return cover.assign(row=np.arange(1, len(cover) + 1))


@pytest.fixture(scope="module")
def common(shared_data: Path) -> gpd.GeoDataFrame:
    """Return the pieces common to plots and land cover by geopandas' overlay, with the area of an equal-area cylinder."""
    plots = gpd.read_file(shared_data / "plots" / "bratislava_brownfields.geojson")[["OBJECTID", "geometry"]]
    plots = plots.to_crs(CRS)
    plots["geometry"] = plots.geometry.make_valid(method="structure", keep_collapsed=False)
    pieces = gpd.overlay(plots, read_stand_in(shared_data).to_crs(CRS), how="intersection", keep_geom_type=True)
    pieces["area_m2"] = pieces.to_crs("+proj=cea +ellps=GRS80 +units=m +type=crs").area
    return pieces


# --- what must be found ---


def test_the_default_point_and_its_duplicates_are_named(real: Real, outfalls: gpd.GeoDataFrame) -> None:
    place = outfalls.geometry.to_wkb()
    lost = outfalls[outfalls.geometry.y < 45]
    assert len(lost) == 12
    assert len(set(place[lost.index])) == 1
    named = real.issues("outfall", "default_point")
    assert sorted(named["feature_id"]) == sorted(lost["betriebs_nr"])
    assert set(named["severity"]) == {"error"}
    twice = real.issues("outfall", "duplicate_geometry")
    assert sorted(twice["source_row"]) == sorted(np.flatnonzero(place.duplicated()) + 1)
    assert len(twice) == 11
    layer = real.result.layers["outfall"]
    assert (len(layer.frame), sorted(layer.withheld["feature_id"])) == (89, sorted(lost["betriebs_nr"]))


@pytest.mark.parametrize(
    ("layer", "file", "count"),
    [
        ("township", "rur/rur_einzugsgebiet_stats.geojson", 5),
        ("suspected_plot", "plots/bratislava_brownfields.geojson", 1),
    ],
)
def test_invalid_shapes_are_repaired_or_withheld_with_both_areas(
    real: Real, shared_data: Path, layer: str, file: str, count: int
) -> None:
    source = gpd.read_file(shared_data / file).to_crs(CRS)
    bad = source[~source.is_valid]
    assert len(bad) == count
    named = real.issues(layer, "invalid_repaired", "invalid_refused").set_index("source_row")
    assert sorted(named.index) == sorted(bad.index + 1)
    fixed = bad.make_valid(method="structure", keep_collapsed=False)
    after = fixed.to_crs("+proj=cea +ellps=GRS80 +units=m +type=crs").area
    np.testing.assert_allclose(named["area_after_m2"][bad.index + 1], after, rtol=1e-9)
    assert np.isfinite(named["area_before_m2"]).all()
    taken = real.result.layers[layer]
    for row, kind in named["issue_type"].items():
        where = taken.frame if kind == "invalid_repaired" else taken.withheld
        assert row in set(where["source_row"])
    assert taken.frame.geometry.is_valid.all()
    assert len(taken.frame) + len(taken.withheld) == len(source)


# --- figures against independent computations ---


def test_outfalls_near_a_gauge_equal_brute_force(real: Real, distances: pd.Series) -> None:
    expected = distances[distances <= SCREEN_M]
    found = real.found("outfall_near_section")
    measured = found.set_index(["subject_id", "object_id"])["measure"]
    assert sorted(measured.index) == sorted(expected.index)
    np.testing.assert_allclose(measured[expected.index], expected, rtol=1e-9)
    row = real.result.outcomes.set_index("rule").loc["outfall_near_section"]
    assert row["hit"] == expected.index.get_level_values("subject").nunique()
    assert (row["not_assessed"], row["subjects"]) == (12, 101)


@pytest.mark.parametrize("reach_m", [500.0, 2_000.0, 20_000.0])
def test_every_distance_equals_brute_force(real: Real, distances: pd.Series, reach_m: float) -> None:
    left, right = (real.result.layers[name].frame for name in ("outfall", "water_section"))
    terms = Terms(crs=CRS, distance_m=reach_m)
    pairs = relate("dwithin", left.geometry.to_numpy(), right.geometry.to_numpy(), terms)
    keys = [left["feature_id"].to_numpy()[pairs["subject"]], right["feature_id"].to_numpy()[pairs["object"]]]
    measured = pd.Series(pairs["distance_m"].to_numpy(), pd.MultiIndex.from_arrays(keys))
    expected = distances[distances <= reach_m]
    assert sorted(measured.index) == sorted(expected.index)
    np.testing.assert_allclose(measured[expected.index], expected, rtol=1e-9)


def test_plots_on_land_cover_equal_an_overlay(real: Real, common: gpd.GeoDataFrame) -> None:
    plots, patches = (real.result.layers[name].frame for name in ("suspected_plot", "land_patch"))
    pairs = relate("intersects", plots.geometry.to_numpy(), patches.geometry.to_numpy(), Terms(crs=CRS))
    pairs = pairs[pairs["area_m2"] >= SLIVER_M2]
    whose = plots["feature_id"].astype(int).to_numpy()[pairs["subject"]]
    rows = patches["source_row"].to_numpy()[pairs["object"]]
    measured = pd.Series(pairs["area_m2"].to_numpy(), pd.MultiIndex.from_arrays([whose, rows]))
    expected = common.groupby(["OBJECTID", "row"])["area_m2"].sum()
    expected = expected[expected >= SLIVER_M2]
    assert len(expected) > 800
    assert sorted(measured.index) == sorted(expected.index)
    np.testing.assert_allclose(measured[expected.index], expected, rtol=1e-9, atol=1e-6)
    assert measured.sum() == pytest.approx(expected.sum(), rel=1e-9)
    classes = common.groupby("row")["class"].first()
    by_class = [
        series.groupby(classes[series.index.get_level_values(1)].to_numpy()).sum() for series in (measured, expected)
    ]
    pd.testing.assert_series_equal(*by_class, rtol=1e-9, check_names=False)


def test_the_total_agrees_with_the_plane_of_the_source(common: gpd.GeoDataFrame, shared_data: Path) -> None:
    """Allow for edges of up to 2 km that are straight in one plane and a little bent in the other: 3e-6 of the area."""
    cover = read_stand_in(shared_data)
    plots = gpd.read_file(shared_data / "plots" / "bratislava_brownfields.geojson").to_crs(cover.crs)
    plots["geometry"] = plots.geometry.make_valid(method="structure", keep_collapsed=False)
    tree = cover.sindex.query(plots.geometry, predicate="intersects")
    shared = shapely.intersection(plots.geometry.to_numpy()[tree[0]], cover.geometry.to_numpy()[tree[1]])
    assert common["area_m2"].sum() == pytest.approx(shapely.area(shared).sum(), rel=5e-6)


def test_plots_on_cropland_are_found_as_the_overlay_says(real: Real, common: gpd.GeoDataFrame) -> None:
    expected = common[common["class"].isin(CROPLAND)].groupby(["OBJECTID", "row"])["area_m2"].sum()
    expected = expected[expected >= LEAST_M2]
    found = real.found("suspected_plot_on_farmland")
    patches = real.result.layers["land_patch"].frame.set_index("feature_id")["source_row"]
    keys = [found["subject_id"].astype(int), patches[found["object_id"]].to_numpy()]
    measured = pd.Series(found["measure"].to_numpy(), pd.MultiIndex.from_arrays(keys))
    assert len(expected)
    assert sorted(measured.index) == sorted(expected.index)
    np.testing.assert_allclose(measured[expected.index], expected, rtol=1e-9)
    row = real.result.outcomes.set_index("rule").loc["suspected_plot_on_farmland"]
    assert row["hit"] == expected.index.get_level_values(0).nunique()
    assert row["subjects"] == 113


def test_stated_hectares_are_read_as_square_metres(real: Real, shared_data: Path) -> None:
    source = gpd.read_file(shared_data / "plots" / "bratislava_brownfields.geojson")
    frame = real.result.layers["suspected_plot"].frame
    np.testing.assert_allclose(frame["stated_area_m2"], source["VYMERA_HA"] * 10_000, rtol=1e-12)
    flagged = frame["note"].str.contains("KONTAMIN 2", regex=False)
    assert flagged.sum() == (source["KONTAMIN"].astype(str) == "2").sum() == 15


# --- the samples of Henan ---

SHOWN = {
    "ph": "pH(无量纲)",
    "do_mg_l": "溶解氧(mg/L)",
    "codmn_mg_l": "高锰酸盐指数(mg/L)",
    "nh3n_mg_l": "氨氮(mg/L)",
    "tp_mg_l": "总磷(mg/L)",
    "water_temp_c": "水温(℃)",
}
ROMAN = {"Ⅰ": "I", "Ⅱ": "II", "Ⅲ": "III", "Ⅳ": "IV", "Ⅴ": "V", "劣Ⅴ": "劣V"}


def test_all_samples_are_there_with_their_displayed_values(real: Real, shared_data: Path) -> None:
    files = sorted((shared_data / "water").glob("henan_*2*.csv"))
    source = pd.concat(
        [pd.read_csv(path, dtype=str).assign(file=f"water/{path.name}") for path in files], ignore_index=True
    )
    source["row"] = source.groupby("file").cumcount() + 1
    source["day"] = source["snap"].str.replace("-", "").str[:8]
    layer = real.result.layers["water_sample"]
    assert len(layer.frame) + len(layer.withheld) == len(source) == 423 + 2887
    assert source.duplicated(["断面名称", "day"]).sum() == 93, "several a day are told apart by their time"
    assert layer.withheld.empty
    keys = ["source_file", "source_row"]
    merged = layer.frame.merge(source.rename(columns={"file": "source_file", "row": "source_row"}), on=keys)
    assert len(merged) == len(layer.frame)
    assert merged["section_code"].tolist() == merged["断面名称"].tolist()
    assert [day.strftime("%Y%m%d") for day in merged["sampled_on"]] == merged["day"].tolist()
    for field, column in SHOWN.items():
        shown = pd.to_numeric(merged[column], errors="coerce")
        np.testing.assert_array_equal(merged[field].to_numpy(dtype=float), shown.to_numpy(dtype=float))
    classes = merged["水质类别"].map(ROMAN)
    assert merged["published_class"].fillna("").tolist() == classes.fillna("").tolist()


# --- outcomes and outputs ---


def _is_never_stated(real: Real, layer: str, column: str) -> bool:
    """Say whether no record of a delivery states a field, so that a rule about it asks nobody."""
    return bool(real.result.layers[layer].frame[column].isna().all())


def test_every_rule_has_an_outcome_and_absent_layers_are_never_clear(real: Real) -> None:
    outcomes = real.result.outcomes.set_index("rule")
    rules = {name: rule for name, rule in real.content.book.rules.items() if rule.in_force(TODAY)}
    assert sorted(outcomes.index) == sorted(rules)
    for name, rule in rules.items():
        row = outcomes.loc[name]
        absent = {rule.subject, rule.object} - {None, *real.result.layers}
        assert row[["hit", "needs_review", "near", "not_assessed", "clear"]].sum() == row["subjects"]
        stated = [c.column for c in rule.where if (c.side, c.test, c.value) == ("subject", "present", True)]
        asks_nobody = rule.subject not in absent and any(_is_never_stated(real, rule.subject, name) for name in stated)
        assert (row["subjects"] == 0) == asks_nobody, name
        if absent:
            assert row["not_assessed"] == row["subjects"], name
            assert all(layer in row["why_en"] for layer in absent)


def test_map_and_tables_are_written(real: Real) -> None:
    result, paths = real.result, real.result.paths
    assert {"map", "findings", "issues", "geopackage"} <= set(paths)
    for kind in ("findings", "issues"):
        assert zipfile.is_zipfile(paths[kind])
        assert paths[kind].name == f"{kind}.xlsx"
    counts = {name: pyogrio.read_info(paths["geopackage"], layer=name)["features"] for name in ("findings", "issues")}
    assert counts == {"findings": len(result.findings), "issues": len(result.issues)}
    page = paths["map"].read_text(encoding="utf-8")
    assert "Zerkall" in page
    manifest = json.loads((real.root / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["as_of"] == TODAY.isoformat()
    assert set(manifest["layers"]) == set(result.layers)


def test_a_layer_that_is_no_longer_delivered_makes_its_rules_not_assessed(
    real: Real, shared_data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(real.root, root)
    result = run_plan(root, plan_for(shared_data, without="land_patch"), real.content)
    assert "land_patch" not in result.layers
    outcomes = result.outcomes.set_index("rule")
    touched = [r.id for r in real.content.book.rules.values() if "land_patch" in (r.subject, r.object)]
    assert "suspected_plot_on_farmland" in touched
    for rule in touched:
        row = outcomes.loc[rule]
        assert row["not_assessed"] == row["subjects"] > 0
        assert row["clear"] == row["hit"] == 0
    untouched = ["rule", "hit", "needs_review", "near", "not_assessed", "clear"]
    before = real.result.outcomes[~real.result.outcomes["rule"].isin(touched)]
    after = result.outcomes[~result.outcomes["rule"].isin(touched)]
    assert after[untouched].to_numpy().tolist() == before[untouched].to_numpy().tolist()
    with closing(sqlite3.connect(root / "cases.sqlite")) as ledger:
        seen = ledger.execute(
            "SELECT seen, count(*) FROM cases WHERE rule = 'suspected_plot_on_farmland' GROUP BY seen"
        ).fetchall()
    assert seen == [("not_assessed", len(real.found("suspected_plot_on_farmland")))]

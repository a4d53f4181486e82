"""The one map: by hand, by shapely, by PostGIS and on real land cover; what is not known stays unknown."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_area_ledger import random_plots
from test_postgis import database  # noqa: F401  the fixture that starts a server
from typed_commands import call

from geosys._errors import CrsError, SpecError, WorkspaceError
from geosys._text import Text
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.crs import to_crs
from geosys.geo.relations import SLIVER_M2
from geosys.layers.spec import read_catalogue
from geosys.one_map.composition import AREA_COLUMNS, OneMap, one_map
from geosys.one_map.land import LandLayer, Subjects
from geosys.one_map.spec import read_one_map

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_850_000.0  # on the central meridian, where the plane is true to scale
SPEC = read_one_map(read_catalogue())
LAND, PLAN, RED, OWNER_OF = "land_patch", "planned_land_use", "ecological_redline", "township"
EMPTY = np.array([], dtype=object)


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


def layer(name: str, shapes: Any, *, lost: Any = (), crs: str = CRS, **fields: Any) -> LandLayer:
    """Return a land layer; fields that a theme reads and nobody gives are empty."""
    shapes = np.array(list(shapes), dtype=object)
    columns = {field: fields.get(field, [None] * len(shapes)) for field in SPEC.fields_of(name)}
    frame = gpd.GeoDataFrame(
        {"feature_id": [f"{name}-{i}" for i in range(len(shapes))], **columns}, geometry=shapes, crs=crs
    )
    hulls = np.array(list(lost), dtype=object)
    return LandLayer(name, "v1", frame, hulls, len(shapes), len(hulls), 0)


def plots(*shapes: Any, stated: Any = None, crs: str = CRS, accuracy_m: float = 0.5) -> Subjects:
    frame = gpd.GeoDataFrame(
        {"feature_id": [f"P{i}" for i in range(len(shapes))], "name": None},
        geometry=np.array(shapes, dtype=object),
        crs=crs,
    )
    is_point = bool(shapes) and shapes[0].geom_type == "Point"
    area = np.full(len(shapes), np.nan) if stated is None else np.array(stated, dtype=float)
    return Subjects("plot", Text("地块", "Plot"), is_point, frame, area, 0.02, accuracy_m, "v0", len(shapes), 0)


def land_of(*layers: LandLayer) -> dict[str, LandLayer]:
    """Return land with the other layers there but far away, so that only what a test draws tells anything."""
    far = box(9e4, 9e4, 9.1e4, 9.1e4)
    return {name: layer(name, [far]) for name in SPEC.land_layers} | {one.id: one for one in layers}


def parts(found: OneMap, theme: str, feature: str = "P0") -> dict[tuple[str, str], float]:
    """Return planar-like areas by code and state, rounded to 0.1 m² (on the central meridian they agree to 1e-6)."""
    own = found.parts[(found.parts["theme"] == theme) & (found.parts["feature_id"] == feature)]
    return {(r.code, r.state): round(r.area_m2, 1) for r in own.itertuples()}


def row(found: OneMap, feature: str = "P0") -> pd.Series:
    return found.features.set_index("feature_id").loc[feature]


def check_closing(found: OneMap) -> None:
    """Check that the ledger closes, and every theme's parts add up to it."""
    features = found.features.set_index("feature_id")
    assert features["closes"].all()
    assert features["closing_error_m2"].abs().max() <= 0.01
    sums = found.parts.groupby(["theme", "feature_id"])["area_m2"].sum()
    for theme in SPEC.themes:
        gap = sums[theme].reindex(features.index) - features["area_m2"]
        assert gap.abs().max() <= 0.01, theme
    whole = found.combinations.groupby("feature_id")["area_m2"].sum().reindex(features.index)
    assert (whole - features["rows_m2"]).abs().max() <= 1e-6 * features["rows_m2"].max()


PLOT = box(0, 0, 100, 100)


# --- drawn by hand ---


def test_every_theme_parts_the_plot() -> None:
    land = land_of(
        layer(LAND, [box(-10, -10, 60, 110), box(60, -10, 110, 110)], land_class_code=["0103", "0601"],
              owner_unit_code=["1" * 19, "1" * 19], owner_unit_name=["谢口村", "谢口村"]),
        layer(PLAN, [box(0, 0, 100, 50)], plan_code=["0701"]),
        layer(RED, [box(80, -10, 120, 120)]),
        layer(OWNER_OF, [box(-500, -500, 500, 500)], township_code=["410299104"], township_name=["芦花乡"]),
    )  # fmt: skip
    found = one_map(plots(PLOT), land, SPEC)
    check_closing(found)
    assert parts(found, "land") == {("0103", "sure"): 6_000, ("0601", "sure"): 4_000}
    assert parts(found, "planned") == {("0701", "sure"): 5_000, ("", "not_assessed"): 5_000}
    assert parts(found, "red_line") == {("", "sure"): 2_000, ("", "outside"): 8_000}
    assert parts(found, "owner") == {("1" * 19, "sure"): 10_000}
    entry = found.entry("P0")
    assert [part.title for part in entry.of_theme("land")] == ["旱地", "工业用地"]
    assert {part.system for part in entry.of_theme("land")} == {"三调工作分类（TD/T 1057-2020）"}
    assert entry.of_theme("planned")[0].system == "用地用海分类（2023）"
    assert entry.of_theme("land")[1].crosswalk == "1001 工业用地（second_hand）"
    assert entry.of_theme("owner")[0].title == "谢口村"
    assert entry.results["land_classes"] == "0103、0601"
    assert entry.results["farmland_ha"] == pytest.approx(0.6, rel=1e-5)
    assert entry.results["in_red_line_m2"] == pytest.approx(2_000, rel=1e-5)
    assert entry.results["townships"] == "410299104"
    assert entry.states == {
        "land": "assessed", "planned": "partly", "farmland_line": "assessed", "red_line": "assessed", "urban_line": "assessed",
        "owner": "assessed", "township": "assessed",
    }  # fmt: skip
    said = {
        (c["land"], c["planned"], c["red_line"]): round(c["area_m2"]) for c in entry.combinations if c["area_m2"] > 0
    }
    assert said == {
        ("0103", "0701", "界外"): 3_000, ("0103", "图层未覆盖", "界外"): 3_000, ("0601", "0701", "界外"): 1_000,
        ("0601", "图层未覆盖", "界外"): 1_000, ("0601", "0701", "在内"): 1_000, ("0601", "图层未覆盖", "在内"): 1_000,
    }  # fmt: skip


def test_a_plot_under_three_overlapping_zones_is_counted_once() -> None:
    zones = [box(-10, -10, 60, 110), box(20, -10, 80, 110), box(40, -10, 60, 110)]  # together 0 to 80, thrice 40 to 60
    found = one_map(plots(PLOT), land_of(layer(RED, zones)), SPEC)
    check_closing(found)
    assert parts(found, "red_line") == {("", "sure"): 8_000, ("", "outside"): 2_000}
    assert row(found)["in_red_line_m2"] == pytest.approx(8_000, rel=1e-5)
    inside = found.combinations[found.combinations["red_line"] == "在内"]
    assert inside["area_m2"].sum() == pytest.approx(8_000, rel=1e-5)
    assert " + ".join(f"{RED}-{i}" for i in range(3)) in set(found.parts["object_ids"])


def test_three_lines_of_control_over_each_other_are_combinations() -> None:
    lines = ("permanent_farmland", RED, "urban_boundary")
    land = land_of(*(layer(name, [box(0, 0, 100, 60 + 10 * i)]) for i, name in enumerate(lines)))
    found = one_map(plots(PLOT), land, SPEC)
    check_closing(found)
    told = found.combinations.groupby(["farmland_line", "red_line", "urban_line"])["area_m2"].sum().round()
    assert told.to_dict() == {
        ("在内", "在内", "在内"): 6_000, ("界外", "在内", "在内"): 1_000, ("界外", "界外", "在内"): 1_000, ("界外", "界外", "界外"): 2_000,
    }  # fmt: skip


def test_patches_of_one_class_that_overlap_count_once_and_of_two_are_in_doubt() -> None:
    shapes = [box(0, 0, 60, 100), box(40, 0, 80, 100), box(70, 0, 100, 100)]
    found = one_map(plots(PLOT), land_of(layer(LAND, shapes, land_class_code=["0103", "0103", "0601"])), SPEC)
    check_closing(found)
    assert parts(found, "land") == {
        ("0103", "sure"): 7_000, ("0601", "sure"): 2_000, ("0103 + 0601", "needs_review"): 1_000,
    }  # fmt: skip
    assert row(found)["land_state"] == "needs_review"
    assert row(found)["farmland_ha"] == pytest.approx(0.7, rel=1e-5), "what is in doubt is not counted as sure"


@pytest.mark.parametrize(
    ("code", "name", "why"),
    [
        ("0601", "农村道路", "用地用海"),  # the digits of the survey, the words of the plan
        ("0802", None, "科研用地"),
        ("0999", None, "代码表中没有"),
        (None, None, "没有编码"),
        ("0601", "旱地", "矛盾"),
    ],
)
def test_a_code_of_the_wrong_system_is_a_clear_row(code, name, why) -> None:
    patches = layer(
        LAND,
        [box(-1, -1, 50, 101), box(50, -1, 101, 101)],
        land_class_code=["0601", code],
        land_class_name=["工业用地", name],
    )
    found = one_map(plots(PLOT), land_of(patches), SPEC)
    check_closing(found)
    assert parts(found, "land") == {("0601", "sure"): 5_000, (code or "", "needs_review"): 5_000}
    doubt = next(p for p in found.entry("P0").of_theme("land") if p.state == "needs_review")
    assert why in doubt.why
    assert doubt.crosswalk == "", "nobody knows what it corresponds to"
    assert row(found)["land_state"] == "needs_review"
    assert row(found)["land_classes"] == "0601"


def test_an_ambiguous_counterpart_gives_all() -> None:
    found = one_map(plots(PLOT), land_of(layer(LAND, [PLOT], land_class_code=["08H1"])), SPEC)
    assert found.entry("P0").of_theme("land")[0].crosswalk == (
        "0801 机关团体用地（unconfirmed）；0802 科研用地（unconfirmed）；0803 文化用地（unconfirmed）"
    )


# --- what is not known ---


def test_an_absent_empty_or_withheld_layer_is_not_assessed() -> None:
    whole = land_of(layer(LAND, [PLOT], land_class_code=["0103"]))
    for gone, why in ((None, "缺少图层"), (layer(LAND, []), "图层为空"), (layer(LAND, [], lost=[PLOT]), "未采用")):
        land = {k: v for k, v in whole.items() if k != LAND} | ({} if gone is None else {LAND: gone})
        found = one_map(plots(PLOT), land, SPEC)
        assert parts(found, "land") == {("", "not_assessed"): 10_000}
        assert why in found.absent["land"].zh
        assert set(found.absent) == {"land", "owner"}
        assert row(found)["land_state"] == row(found)["owner_state"] == "not_assessed"
        assert pd.isna(row(found)["land_classes"])
        assert pd.isna(row(found)["farmland_ha"]), "never an empty composition"
        assert found.entry("P0").results["farmland_ha"] is None
        assert row(found)["red_line_state"] == "assessed"
        check_closing(found)


def test_where_a_line_was_withheld_nobody_is_outside() -> None:
    found = one_map(
        plots(PLOT, box(300, 0, 400, 100)), land_of(layer(RED, [box(0, 0, 20, 100)], lost=[box(10, 0, 60, 100)])), SPEC
    )
    assert parts(found, "red_line") == {("", "sure"): 2_000, ("", "needs_review"): 4_000, ("", "outside"): 4_000}
    assert row(found)["red_line_state"] == "needs_review"
    assert row(found, "P1")["red_line_state"] == "assessed"
    assert row(found, "P1")["in_red_line_m2"] == 0


def test_what_no_patch_covers_is_no_data_and_little_of_it_changes_nothing() -> None:
    for gap, state in ((0.009, "assessed"), (0.011, "partly"), (40, "partly"), (200, "not_assessed")):
        patches = layer(LAND, [box(gap, -1, 300, 101)], land_class_code=["0103"])
        found = one_map(plots(PLOT), land_of(patches), SPEC)
        assert row(found)["land_state"] == state, gap
        own = found.parts[(found.parts["theme"] == "land") & (found.parts["state"] == "not_assessed")]
        assert own["area_m2"].sum() == pytest.approx(min(gap, 100) * 100, rel=1e-5)
        check_closing(found)


def test_a_tiny_plot_is_what_its_largest_part_is() -> None:
    patches = layer(LAND, [box(0, 0, 50, 50)], land_class_code=["0103"])
    found = one_map(plots(box(1, 1, 1.5, 1.5), box(60, 60, 60.5, 60.5)), land_of(patches), SPEC)
    assert found.features["land_state"].tolist() == ["assessed", "not_assessed"]


# --- areas ---


def test_adjusted_areas_are_the_stated_one_in_every_theme() -> None:
    shapes = [box(0, 0, 33.3, 100), box(33.3, 0, 66.7, 100), box(66.7, 0, 100, 100)]
    patches = layer(LAND, shapes, land_class_code=["0101", "0102", "0601"])
    subjects = plots(PLOT, PLOT, PLOT, PLOT, stated=[10_123.45, np.nan, 12_000.0, -5.0])
    found = one_map(subjects, land_of(patches, layer(RED, [box(0, 0, 50, 50)])), SPEC)
    assert found.features["adjustment"].tolist() == ["adjusted", "none_stated", "too_far", "too_far"]
    for theme in SPEC.themes:
        own = found.parts[(found.parts["theme"] == theme) & (found.parts["feature_id"] == "P0")]
        assert sum(Decimal(repr(v)) for v in own["adjusted_m2"]) == Decimal("10123.45"), theme
        assert (own["adjusted_m2"] - own["area_m2"] * 1.012345).abs().max() < 0.03
    others = found.parts[found.parts["feature_id"] != "P0"]
    assert others["adjusted_m2"].isna().all()
    assert row(found, "P2")["stated_gap_share"] == pytest.approx(0.2, rel=1e-4)


def test_golden_rectangle() -> None:
    plot = to_crs(np.array([shapely.box(114.30, 34.80, 114.31, 34.81)], dtype=object), "EPSG:4490", CRS)
    west, south, east, north = plot[0].bounds
    middle = (west + east) / 2
    halves = [shapely.box(west - 9, south - 9, middle, north + 9), shapely.box(middle, south - 9, east + 9, north + 9)]
    patches = layer(LAND, halves, land_class_code=["0101", "0103"])
    found = one_map(plots(plot[0], stated=[1_015_120.30]), land_of(patches, layer(RED, [halves[0]])), SPEC)
    check_closing(found)
    assert row(found)["area_m2"] == pytest.approx(1_015_120.2983, abs=5e-5)
    own = found.parts[found.parts["theme"] == "land"]
    assert own["area_m2"].sum() == pytest.approx(1_015_120.2983, abs=5e-5)
    assert own["adjusted_m2"].sum() == pytest.approx(1_015_120.30, abs=1e-6)
    assert row(found)["farmland_ha"] * 15 == pytest.approx(1_522.68, abs=0.005), (
        "in mu, as the standards' README has it"
    )


WHOLE = st.integers(0, 12)
BOXES = st.tuples(WHOLE, WHOLE, st.integers(1, 6), st.integers(1, 6)).map(
    lambda t: box(t[0] * 10, t[1] * 10, (t[0] + t[2]) * 10, (t[1] + t[3]) * 10)
)


@settings(max_examples=25, deadline=None)
@given(
    patches=st.lists(st.tuples(BOXES, st.sampled_from(["0101", "0601", None])), max_size=6),
    zones=st.lists(BOXES, max_size=5), random=st.randoms(use_true_random=False),
)  # fmt: skip
def test_themes_close_equal_unions_and_do_not_hang_on_the_order(patches, zones, random) -> None:
    plot = box(5, 5, 125, 115)

    def made(patches: list, zones: list) -> OneMap:
        land = land_of(layer(LAND, [p for p, _ in patches], land_class_code=[c for _, c in patches]), layer(RED, zones))
        return one_map(plots(plot), land, SPEC)

    found = made(patches, zones)
    check_closing(found)
    scale = row(found)["area_m2"] / plot.area
    if zones:
        inside = shapely.union_all(zones).intersection(plot).area
        assert row(found)["in_red_line_m2"] == pytest.approx(inside * scale, rel=1e-6, abs=1e-3)
    if patches:
        covered = shapely.union_all([p for p, _ in patches]).intersection(plot).area
        own = found.parts[(found.parts["theme"] == "land") & (found.parts["state"] != "not_assessed")]
        assert own["area_m2"].sum() == pytest.approx(covered * scale, rel=1e-6, abs=1e-3)
    shuffled = random.sample(patches, len(patches)), random.sample(zones, len(zones))
    again = made(*shuffled)
    columns = ["theme", "code", "title", "state", "area_m2", "share"]
    pd.testing.assert_frame_equal(again.parts[columns], found.parts[columns])


# --- points ---


def test_a_point_is_told_with_what_lies_within_its_accuracy() -> None:
    land = land_of(
        layer(LAND, [box(0, 0, 50, 100), box(50, 0, 100, 100)], land_class_code=["0103", "1101"]),
        layer(RED, [box(0, 0, 30, 100)]),
    )
    spots = [shapely.Point(X + x, Y + 50) for x in (10, 26, 34, 47, 50, 200)]
    found = one_map(plots(*spots, accuracy_m=5), land, SPEC)
    table = found.parts.set_index(["theme", "feature_id"])
    assert table.loc["land", "code"].tolist() == ["0103", "0103", "0103", "0103", "0103 + 1101", ""]
    assert table.loc["land", "near"].tolist() == ["", "", "", "1101", "", ""]
    assert table.loc[("land", "P3"), "margin_m"] == pytest.approx(3)
    assert table.loc["red_line", "state"].tolist() == ["sure", "sure", "outside", "outside", "outside", "outside"]
    assert table.loc["red_line", "margin_m"].fillna(-1).round(9).tolist() == [-1, 4, 4, -1, -1, -1]
    assert found.features["in_red_line"].tolist() == [True, True, False, False, False, False]
    assert found.features["land_state"].tolist() == ["assessed"] * 4 + ["needs_review", "not_assessed"]
    assert found.features[list(AREA_COLUMNS)].isna().all(axis=None)
    assert found.entry("P3").of_theme("land")[0].near == "1101"


def test_points_without_land_are_not_assessed() -> None:
    found = one_map(plots(shapely.Point(X, Y)), {}, SPEC)
    assert set(found.parts["state"]) == {"not_assessed"}
    assert pd.isna(found.features["in_red_line"][0])


# --- against others ---


REAL = "EPSG:32617"
CLASSES = {11: "1101", 21: "0810", 22: "0701", 23: "0701", 24: "0601", 31: "1206", 41: "0301", 42: "0301", 43: "0301", 52: "0305",
           71: "0404", 81: "0403", 82: "0103", 90: "0304", 95: "1108"}  # fmt: skip


@pytest.fixture(scope="module")
def augusta(shared_data: Path) -> tuple[np.ndarray, gpd.GeoDataFrame, OneMap]:
    """Return 1,000 random plots on the real land-cover patches, the patches near them, and their one map."""
    land = gpd.read_file(shared_data / "landcover" / "augusta_nlcd_patches.gpkg")
    # neighbours meet in T-junctions: a vertex every 30 m, or a new CRS would pull them apart
    land["geometry"] = shapely.set_precision(shapely.segmentize(land.geometry.to_numpy(), 30.0), 1.0, mode="pointwise")
    land = land.to_crs(REAL)
    land = land[shapely.is_valid(land.geometry.to_numpy())].reset_index(drop=True)
    west, south, east, north = land.total_bounds
    rng = np.random.default_rng(20261122)
    shapes = random_plots(rng, 1_000, min(east - west, north - south) * 0.7)
    move = np.array([(west + east) / 2, (south + north) / 2]) - shapely.get_coordinates(shapely.centroid(shapes)).mean(
        axis=0
    )
    shapes = np.asarray(shapely.transform(shapes, lambda xy: xy + move), dtype=object)
    land["code"] = land["class"].astype(int).map(CLASSES).fillna("1201")
    patches = layer(LAND, land.geometry, land_class_code=land["code"].tolist(), crs=REAL)
    far = land_of(patches)
    land_layers = {n: one if n == LAND else layer(n, one.frame.geometry, crs=REAL) for n, one in far.items()}
    return shapes, land, one_map(plots(*shapes, crs=REAL), land_layers, SPEC)


def test_a_thousand_plots_on_real_land_cover_close(augusta) -> None:
    found = augusta[2]
    assert len(found.features) == 1_000
    check_closing(found)
    assert found.features["closing_error_m2"].abs().max() < 1e-4
    assert found.features["land_state"].eq("assessed").mean() > 0.99


def test_a_thousand_plots_equal_shapely(augusta) -> None:
    shapes, land, found = augusta
    patches = land.geometry.to_numpy()
    left, right = shapely.STRtree(patches).query(shapes, predicate="intersects")
    pieces = shapely.intersection(shapes[left], patches[right])
    # the same definition by thousands of small steps instead of parabolas
    small, whole = (ellipsoidal_area_m2(shapely.segmentize(g, 2.0), REAL) for g in (pieces, shapes))
    true = small * (found.features["area_m2"].to_numpy() / whole)[left]
    theirs = pd.Series(true).groupby(land["code"].to_numpy()[right]).sum()
    own = found.parts[(found.parts["theme"] == "land") & (found.parts["code"] != "")]
    ours = own.groupby("code")["area_m2"].sum()
    assert set(ours.index) == set(theirs[theirs > SLIVER_M2].index)
    for code, area in ours.items():
        assert area == pytest.approx(theirs[code], rel=1e-9, abs=SLIVER_M2), code


def test_a_thousand_plots_equal_postgis(augusta, database: psycopg.Connection) -> None:  # noqa: F811
    shapes, land, found = augusta
    near = np.unique(shapely.STRtree(land.geometry.to_numpy()).query(shapes)[1])
    some = land.iloc[near]
    for name, codes, geometries in (
        ("om_plots", ["-"] * len(shapes), shapes),
        ("om_land", some["code"], some.geometry.to_numpy()),
    ):
        database.execute(f"drop table if exists {name}")
        database.execute(f"create table {name} (code text, g geometry(geometry, 32617))")
        with database.cursor() as cursor:
            cursor.executemany(
                f"insert into {name} values (%s, st_setsrid(%s::geometry, 32617))",  # noqa: S608
                list(zip(codes, shapely.to_wkb(geometries, hex=True), strict=True)),
            )
    database.execute("create index on om_land using gist (g)")
    rows = database.execute(
        """select l.code, sum(st_area(st_transform(st_intersection(p.g, l.g), 4326)::geography))
           from om_plots p join om_land l on st_intersects(p.g, l.g) group by l.code"""
    ).fetchall()
    own = found.parts[(found.parts["theme"] == "land") & (found.parts["code"] != "")]
    ours = own.groupby("code")["area_m2"].sum()
    assert set(ours.index) <= {code for code, _ in rows}
    for code, area in rows:
        assert ours.get(code, 0.0) == pytest.approx(area, rel=1e-6, abs=1e-3), code


# --- wrong calls and wrong content ---


def test_a_layer_in_another_crs_raises() -> None:
    patches = layer(LAND, [PLOT], crs="EPSG:4548")
    with pytest.raises(CrsError, match="land_patch"):
        one_map(plots(PLOT), land_of(patches), SPEC)


def test_an_unknown_feature_raises() -> None:
    with pytest.raises(WorkspaceError, match="'P9'"):
        one_map(plots(PLOT), land_of(), SPEC).entry("P9")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            'layer  = "land_patch"\nfield  = "land_class_code"',
            'layer  = "land_patc"\nfield  = "land_class_code"',
            "Did you mean 'land_patch'",
        ),
        ('field  = "plan_code"', 'field  = "plan_cod"', "Did you mean 'plan_code'"),
        ('system = "plan"', 'system = "survey"', "whose codes are 'plan_landuse'"),
        ('codes     = "landclass"', 'codes     = "landclas"', "Did you mean 'landclass'"),
        ('result = "in_red_line_m2"', 'result = "land_classes"', "a name for one result only"),
        ('unit      = "ha"', 'unit      = "mu"', "m2 or ha"),
        ('"source_zone", "outfall"', '"source_zone", "river"', "a layer of polygons or points"),
        ('layer  = "ecological_redline"', 'layer  = "river"', "a layer of polygons"),
        ("least_m2 = 1.0", 'least_m2 = "1"', "a number"),
        ("full   = false", "ful    = false", "full"),
    ],
)
def test_content_at_fault_is_named(tmp_path: Path, before: str, after: str, said: str) -> None:
    for room in ("layers", "cases"):
        shutil.copytree(ROOT / room, tmp_path / room)
    file = tmp_path / "cases" / "one_map.toml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(SpecError) as told:
        read_one_map(read_catalogue(tmp_path))
    assert said in str(told.value)
    assert "cases/one_map.toml" in str(told.value)


# --- the command ---


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with two plots, an outfall, three land patches (one of a code of the plan) and a red line."""

    def feature(west: float, east: float, **properties: object) -> dict:
        ring = [[west, 34.80], [east, 34.80], [east, 34.81], [west, 34.81], [west, 34.80]]
        return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    tmp_path = tmp_path_factory.mktemp("onemap")
    root = tmp_path / "county"
    assert call("init", "--workspace", str(root), "--title", "某县") == 0
    spot = {
        "type": "Feature",
        "properties": {"outfall_code": "O1"},
        "geometry": {"type": "Point", "coordinates": [114.302, 34.805]},
    }
    layers = {
        "farmland_class": [
            feature(114.300, 114.310, unit_code="U1", stated_area_m2=1_015_120.3), feature(114.318, 114.322, unit_code="U2"),
        ],
        "outfall": [spot],
        "land_patch": [
            feature(114.300, 114.304, patch_code="A", land_class_code="0101"),
            feature(114.304, 114.310, patch_code="B", land_class_code="070102"),
            feature(114.310, 114.320, patch_code="C", land_class_code="0103"),
        ],
        "ecological_redline": [feature(114.302, 114.305, patch_code="Z")],
    }  # fmt: skip
    for name, features in layers.items():
        file = tmp_path / f"{name}.geojson"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        assert call("add", str(file), "--layer", name, "--workspace", str(root)) == 0
    call("run", "--today", "2026-09-30", "--workspace", str(root))
    return root


def test_the_command_writes_workbook_and_says_what_is_not_assessed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = workspace / "一张图.xlsx"
    assert call("onemap", "--out", str(out), "--today", "2026-09-30", "--workspace", str(workspace)) == 1
    said = capsys.readouterr().out
    assert "缺少图层 township" in said
    assert "闭合差 closing error: ≤ 0.0000" in said
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["对象 Features", "分类组成 Composition", "叠加组合 Combinations", "说明 Notes"]
    cells = list(book["分类组成 Composition"].iter_rows(min_row=3, values_only=True))
    heads = [cell.value for cell in book["分类组成 Composition"][1]]
    table = pd.DataFrame(cells, columns=heads)
    own = table[(table["编号"] == "U1") & (table["主题"] == "地类图斑（现状）")]
    large = own[own["椭球面积 m²"] > 10]  # between edges straight in degrees, one with a vertex more, some m² are open
    assert large["编码"].fillna("").tolist() == ["", "0101"]
    assert large["判读"].tolist() == ["需核查", "确定"], (
        "070102 is a code of the plan: the intake emptied it, and says so"
    )
    assert own["椭球面积 m²"].sum() == pytest.approx(1_015_120.2983, abs=1e-3)
    assert own["平差面积 m²"].sum() == pytest.approx(1_015_120.3, abs=1e-6)
    notes = " ".join(str(c) for line in book["说明 Notes"].iter_rows(values_only=True) for c in line)
    assert "area ledger 1" in notes


def test_the_command_tells_one_feature(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = workspace / "one.parquet"
    where = ["--workspace", str(workspace), "--out", str(out)]
    assert call("onemap", "--feature", "U2", "--json", *where) == 1
    told = json.loads(capsys.readouterr().out)
    assert [e["feature_id"] for e in told["entries"]] == ["U2"]
    assert told["entries"][0]["states"]["land"] == "partly"
    assert told["entries"][0]["results"]["planned_uses"] is None
    assert told["layers"]["farmland_class"]["closing"]["not_closing"] == []
    assert set(pd.read_parquet(out)["feature_id"]) == {"U2"}
    features = pd.read_parquet(workspace / "one.features.parquet")
    assert features["in_red_line_m2"].tolist() == [0.0]
    assert json.loads((workspace / "one.parquet.json").read_text(encoding="utf-8")) == told["layers"]
    assert call("onemap", "outfall", "--feature", "O1", *where) == 1
    said = capsys.readouterr().out
    assert "O1 地类图斑（现状）: 0101 水田" in said
    assert "O1 生态保护红线:  在内" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["outfal"], "Did you mean 'outfall'?"),
        (["source_zone"], "expected a layer with a current version"),
        (["--feature", "U9"], "got feature U9"),
        (["river"], "expected a layer with a current version"),
        (["--out", "a.pdf"], "expected a name ending in"),
    ],
)
def test_mistakes_are_one_clear_message(workspace, capsys, arguments, said) -> None:
    assert call("onemap", *arguments, "--workspace", str(workspace)) == 2
    assert said in capsys.readouterr().err

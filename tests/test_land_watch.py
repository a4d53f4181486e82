"""The watch on land use: planted changes between two versions are all found and none else, and every open question is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intake_toy import square

from geosys._errors import CrsError, SpecError, WorkspaceError
from geosys.cli import main
from geosys.cli.watch_command import watch as watch_command
from geosys.geo.crs import to_crs
from geosys.land_watch.parts import split, wide_part
from geosys.land_watch.spec import read_watch
from geosys.land_watch.versions import version_named, versions_of
from geosys.land_watch.watch import watch
from geosys.layers.intake import Layer
from geosys.layers.spec import read_catalogue
from geosys.layers.store import write_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.land_watch.watch import WatchResult

CRS = "EPSG:4547"
CATALOGUE = read_catalogue()
TODAY = dt.date(2026, 6, 30)  # before the Code: the act of 2018 is cited
BEFORE, AFTER = dt.date(2026, 3, 31), dt.date(2026, 6, 1)
PLANNED, PRESENT = "planned_land_use", "land_patch"
KINDS = {"integer": "Int64", "number": "float64", "truth": "boolean"}


def frame_of(layer: str, rows: Sequence[dict[str, Any]], **more: Any) -> gpd.GeoDataFrame:
    spec = CATALOGUE.layers[layer]
    columns = {"feature_id": [f"{layer}:{r['id']}" for r in rows]}
    columns |= {
        name: pd.Series([r.get(name) for r in rows], dtype="object").astype(KINDS.get(spec.type_of(name), "object"))
        for name in spec.fields
    }
    return gpd.GeoDataFrame({**columns, **more}, geometry=[r["shape"] for r in rows], crs=CRS)


def put(
    store: Path,
    layer: str,
    rows: Sequence[dict[str, Any]],
    day: dt.date = BEFORE,
    withheld: Sequence[dict[str, Any]] = (),
) -> str:
    """Store a version as if it had been written on a day; return its name."""
    lost = frame_of(layer, withheld, issue_type=["invalid_refused"] * len(withheld))
    written = write_version(store, Layer(CATALOGUE.layers[layer], frame_of(layer, rows), lost, {"crs": CRS}))
    noon = dt.datetime.combine(day, dt.time(12)).timestamp()
    os.utime(store / layer / f"{written.version}.parquet", (noon, noon))
    return written.version


def seen(store: Path, before: str = str(BEFORE), after: str | None = None, today: dt.date = TODAY) -> WatchResult:
    return watch(store, CRS, CATALOGUE, before, after, today)


def told(result: WatchResult, check: str, layer: str | None = None) -> dict[str, str]:
    """Return the outcome of each subject that a check tells of."""
    rows = result.rows[
        (result.rows["check"] == check) & (True if layer is None else result.rows["subject_layer"] == layer)
    ]
    return {str(i).partition(":")[2]: str(o) for i, o in zip(rows["subject_id"], rows["outcome"], strict=True)}


def patch(i: object, shape: shapely.Polygon, code: str | None, name: str | None = None) -> dict[str, Any]:
    return {
        "id": i,
        "shape": shape,
        "plan_code": code,
        "plan_name": name,
        "land_class_code": code,
        "land_class_name": name,
    }


def geodesic_area(shape: shapely.Polygon) -> float:
    """Return the area by another road: PROJ's geodesic polygon."""
    degrees = to_crs(np.array([shape], dtype=object), CRS, "EPSG:4490")[0]
    return abs(pyproj.Geod(ellps="GRS80").geometry_area_perimeter(degrees)[0])


# --- changes of use ---


def test_planted_changes_are_all_found_and_none_else(tmp_path: Path) -> None:
    """A town of 400 patches of 50 m: 40 changed to 一住两公, others to shops or reserve, redrawn, split or renumbered."""
    rng = np.random.default_rng(6)
    cells = [(i, square(60.0 * (i % 20), 60.0 * (i // 20), 50.0)) for i in range(400)]
    old = rng.choice(["0103", "100101", "090101", "070102", "0801", "1402", "0601"], 400).tolist()
    new, expected = list(old), set()
    for i in rng.permutation(400)[:120].tolist():
        new[i] = str(rng.choice(["070102", "0801", "080403", "0702", "090101", "0902", "100101"]))
        if new[i][:2] in {"07", "08"} and old[i][:2] not in {"07", "08"}:
            expected.add(f"N{i}")
    assert 20 <= len(expected) <= 80
    put(tmp_path, PLANNED, [patch(i, shape, old[i]) for i, shape in cells])
    later = [patch(f"N{i}", shape, new[i]) for i, shape in cells]  # every number is another one
    for i, row in enumerate(later):
        if i % 3 == 0:  # borders drawn anew by 2 m on each side
            row["shape"] = row["shape"].buffer(2.0 if i % 2 else -2.0, join_style="mitre")
    put(tmp_path, PLANNED, later, AFTER)
    result = seen(tmp_path)
    found = told(result, "became_sensitive", PLANNED)
    assert {i for i, outcome in found.items() if outcome == "hit"} == expected
    strips = {i for i, outcome in found.items() if outcome != "hit"}
    assert all(found[i] in {"near", "needs_review"} for i in strips)
    assert strips == set(), "2 m all round 50 m is narrower than a strip"
    counts = result.counts.set_index(["check", "subject_layer"]).loc[("became_sensitive", PLANNED)]
    assert counts["hit"] == len(expected)
    assert counts["clear"] == 400 - len(expected)


def test_areas_are_ellipsoidal_and_the_limit_and_the_strip_decide(tmp_path: Path) -> None:
    whole = square(0, 0, 100.0)
    west = shapely.box(500_000, 3_850_000, 500_040, 3_850_100)
    strip = shapely.box(500_300, 3_850_000, 500_304, 3_850_100)  # 4 m × 100 m beyond what was housing
    field = patch("F", shapely.box(500_300, 3_850_000, 500_400, 3_850_100), "0103")
    put(
        tmp_path,
        PLANNED,
        [patch("A", whole, "100101", "一类工业用地"), patch("S", square(200, 0, 100), "070102"), field],
    )
    later = [
        patch("W", west, "080404", "幼儿园用地"), patch("E", whole.difference(west), "100101"),
        patch("S", square(200, 0, 100).union(strip), "070102"), patch("F", field["shape"].difference(strip), "0103"),
    ]  # fmt: skip
    put(tmp_path, PLANNED, later, AFTER)
    result = seen(tmp_path)
    assert told(result, "became_sensitive") == {"W": "hit", "S": "near"}
    row = result.rows.set_index("subject_id").loc[f"{PLANNED}:W"]
    assert row["area_m2"] == pytest.approx(geodesic_area(west), rel=1e-6)
    assert row["margin_m2"] == pytest.approx(row["area_m2"] - 100, abs=1e-6)
    assert row["use_before"] == f"100101 一类工业用地 {row['area_m2']:.2f} m²"
    assert row["gb36600_category"] == "第一类"
    assert "土壤污染防治法" in row["basis_zh"]
    assert "第五十九条" in row["basis_zh"]
    assert row["due_on"] == TODAY + dt.timedelta(days=60)
    versions = [version for version, _ in versions_of(tmp_path, PLANNED)]
    assert (row["version_before"], row["version_after"]) == (versions[-2], versions[-1])
    assert "描" in result.rows.set_index("subject_id").loc[f"{PLANNED}:S", "reason_zh"]
    after_the_code = seen(tmp_path, today=dt.date(2026, 9, 1)).rows.set_index("subject_id").loc[f"{PLANNED}:W"]
    assert "生态环境法典" in after_the_code["basis_zh"]
    assert "第五十九条" not in after_the_code["basis_zh"]


@pytest.mark.parametrize(("side", "outcome"), [(9.99, {}), (10.01, {"B": "hit"})])
def test_the_area_limit_on_both_sides(tmp_path: Path, side: float, outcome: dict[str, str]) -> None:
    put(tmp_path, PLANNED, [patch("A", square(0, 0, side), "0103")])
    put(tmp_path, PLANNED, [patch("B", square(0, 0, side), "0801")], AFTER)
    assert told(seen(tmp_path), "became_sensitive") == outcome


def test_what_is_open_is_told_and_never_cleared(tmp_path: Path) -> None:
    place = {name: square(100.0 * i, 0, 50.0) for i, name in enumerate("ABCDEFGHI")}
    before = {"A": "0103", "B": None, "C": "0103", "D": "16", "E": "0103", "F": "0103", "G": "0701", "I": "16"}
    put(
        tmp_path, PLANNED, [patch(n, place[n], c) for n, c in before.items()], withheld=[patch("H", place["H"], "0103")]
    )
    later = {
        "A": patch("A", place["A"], "16"),  # reserve land: whether it triggers is not determined
        "B": patch("B", place["B"], "0701"),  # what it was is not known
        "C": patch("C", place["C"], "0601", "工业用地"),  # a code of the survey in the plan's column
        "D": patch("D", place["D"], "0801"),
        "E": patch("E", place["E"], None),
        "F": patch("F", place["F"], "090101"),  # a shop
        "G": patch("G", place["G"], "16"),  # housing before: it cannot become it
        "H": patch("H", place["H"], "0701"),
        "I": patch("I", place["I"].buffer(1.0), "16"),  # reserve before, reserve now
    }
    put(tmp_path, PLANNED, list(later.values()), AFTER)
    result = seen(tmp_path)
    review, blind = "needs_review", "not_assessed"
    assert told(result, "became_sensitive") == {
        "A": review,
        "B": review,
        "C": blind,
        "D": review,
        "E": blind,
        "H": review,
    }
    row = result.rows.set_index("subject_id").loc[f"{PLANNED}:C"]
    assert "编码体系用错" in row["reason_zh"]
    assert "wrong" in row["reason_en"]
    assert row["gb36600_category"].startswith("不能判定")
    assert "前一版本" in result.rows.set_index("subject_id").loc[f"{PLANNED}:B", "reason_zh"]
    assert result.rows.set_index("subject_id").loc[f"{PLANNED}:A", "gb36600_category"].startswith("第一类（用途未定）")


def test_the_same_digits_are_read_in_each_layer_s_own_system(tmp_path: Path) -> None:
    one, two = square(0, 0, 50.0), square(100, 0, 50.0)
    for layer in (
        PLANNED,
        PRESENT,
    ):  # 0601: rural road in the plan, industry in the survey; 0702: community services, homestead
        put(tmp_path, layer, [patch("A", one, "0601"), patch("B", two, "0103")])
        put(
            tmp_path, layer, [patch("A", one, "0702"), patch("B", two, "070102" if layer == PRESENT else "0601")], AFTER
        )
    result = seen(tmp_path)
    assert told(result, "became_sensitive", PLANNED) == {"A": "hit"}
    assert told(result, "became_sensitive", PRESENT) == {"A": "hit", "B": "not_assessed"}
    rows = result.rows.set_index("subject_id")
    assert rows.loc[f"{PLANNED}:A", "use_before"].startswith("0601")
    assert "社区服务" in rows.loc[f"{PLANNED}:A", "reason_zh"]
    assert "宅基地" in rows.loc[f"{PRESENT}:A", "reason_zh"]


def test_plots_with_a_finished_survey_are_clear_and_others_told_with_the_part_changed(tmp_path: Path) -> None:
    land = square(0, 0, 300.0)
    put(tmp_path, PLANNED, [patch("L", land, "100101")])
    put(tmp_path, PLANNED, [patch("L", land, "070102")], AFTER)
    states = {"done": "已完成", "running": "进行中", "silent": None, "begun": "未开展"}
    plots = [
        {"id": name, "shape": square(60.0 * i, 10, 40.0), "plot_name": f"地块{name}", "survey_state": state}
        for i, (name, state) in enumerate(states.items())
    ]
    plots.append({"id": "half", "shape": square(280, 100, 40.0), "plot_name": "半个", "survey_state": "进行中"})
    put(tmp_path, "suspected_plot", plots, withheld=[{"id": "lost", "shape": square(0, 200, 40.0)}])
    overlap = {
        "id": "old",
        "shape": square(280, 100, 10.0),
        "plot_name": "已列",
        "stage": "修复中",
        "is_removed": False,
    }
    put(tmp_path, "contaminated_plot", [overlap])
    result = seen(tmp_path)
    assert told(result, "became_sensitive", "suspected_plot") == {
        "running": "hit", "begun": "hit", "half": "hit", "silent": "needs_review", "lost": "not_assessed",
    }  # fmt: skip
    rows = result.rows[result.rows["check"] == "became_sensitive"].set_index("subject_id")
    changed = shapely.box(500_280, 3_850_100, 500_300, 3_850_140).difference(overlap["shape"])
    assert rows.loc["suspected_plot:half", "area_m2"] == pytest.approx(geodesic_area(changed), rel=1e-6)
    assert rows.loc["suspected_plot:half", "surveyed_area_m2"] == pytest.approx(
        geodesic_area(overlap["shape"]), rel=1e-6
    )
    assert "调查是否完成" in rows.loc["suspected_plot:silent", "reason_zh"]
    assert "被扣留" in rows.loc["suspected_plot:lost", "reason_zh"]
    assert rows.loc["suspected_plot:half", "object_ids"] == f"{PLANNED}:L"
    lost = square(0, 200, 40.0)  # whether this one is surveyed nobody knows: its row was withheld
    outside = land.difference(shapely.union_all([*(p["shape"] for p in plots), overlap["shape"], lost]))
    assert rows.loc[f"{PLANNED}:L", "area_m2"] == pytest.approx(geodesic_area(outside), rel=1e-6)
    assert rows.loc[f"{PLANNED}:L", "doubtful_area_m2"] == pytest.approx(geodesic_area(lost), rel=1e-6)
    assert "第一类" in rows.loc["suspected_plot:running", "finding_zh"]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True), order=st.randoms(use_true_random=False))
def test_cutting_a_patch_up_and_mixing_rows_changes_no_area(cuts: list[int], order: Any, tmp_path_factory: Any) -> None:
    store = tmp_path_factory.mktemp("cut")
    put(store, PLANNED, [patch("A", square(0, 0, 100), "0103"), patch("B", square(100, 0, 100), "0701")])
    edges = [0, *sorted(cuts), 100]
    pieces = [
        patch(f"{code}{i}", shapely.box(500_000 + east + a, 3_850_000, 500_000 + east + b, 3_850_100), code)
        for code, east in (("0701", 0), ("0801", 100))
        for i, (a, b) in enumerate(pairwise(edges))
    ]
    order.shuffle(pieces)
    put(store, PLANNED, pieces, AFTER)
    rows = seen(store).rows
    large = sum(b - a > 1 for a, b in pairwise(edges))  # 1 m × 100 m is a hair below 100 m² on the ellipsoid or above
    assert large <= (rows["outcome"] == "hit").sum() <= len(edges) - 1
    assert rows["area_m2"].sum() == pytest.approx(
        geodesic_area(square(0, 0, 100)), rel=1e-6, abs=100.1 * (len(edges) - 1 - large)
    )
    assert all(str(i).startswith(f"{PLANNED}:0701") for i in rows["subject_id"])


def test_a_narrow_road_that_changed_whole_is_a_change_and_no_strip(tmp_path: Path) -> None:
    road, home = (
        shapely.box(500_000, 3_850_000, 500_004, 3_850_300),
        shapely.box(500_004, 3_850_000, 500_100, 3_850_300),
    )
    put(tmp_path, PLANNED, [patch("R", road, "1207"), patch("H", home, "0701")])
    put(tmp_path, PLANNED, [patch("R", road, "0801"), patch("H", home, "0701")], AFTER)
    assert told(seen(tmp_path), "became_sensitive") == {"R": "hit"}
    put(tmp_path, PLANNED, [patch("All", road.union(home), "0701")], dt.date(2026, 6, 20))
    assert told(seen(tmp_path, after="2026-06-20"), "became_sensitive") == {"All": "hit"}


def test_places_follow_the_ground_and_the_ledger_only_without_a_layer_of_units(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("A", square(0, 0, 50), "0103"), patch("B", square(900, 0, 50), "0103")])
    put(
        tmp_path,
        PLANNED,
        [patch("A", square(0, 0, 50), "0701"), patch("B", square(900, 0, 50), "0701") | {"county_code": "410225"}],
        AFTER,
    )
    assert seen(tmp_path).rows["county_code"].tolist() == ["", "410225"]
    put(tmp_path, "county", [{"id": "K", "shape": square(-100, -100, 2000), "county_code": "410224"}])
    put(tmp_path, "township", [{"id": "T", "shape": square(-100, -100, 500), "township_name": "东乡"}])
    rows = seen(tmp_path).rows
    assert rows["county_code"].tolist() == ["410224", "410224"]
    assert rows["township_name"].tolist() == ["东乡", ""]


# --- listed plots, own rows, transactions ---


def test_listed_plots_under_forbidden_use_present_planned_and_in_their_own_row(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("H", square(0, 0, 20), "0801"), patch("S", square(100, 0, 50), "090101")])
    put(
        tmp_path,
        PRESENT,
        [patch("R", square(200, 0, 50), "0701"), patch("G", square(300, 0, 50), "0810", "公园与绿地")],
    )
    plot = {
        "office": (0, False, None),
        "shop": (100, False, None),
        "home": (200, False, None),
        "park": (300, False, None),
    }
    plot |= {
        "removed": (0, True, None),
        "vague": (0, None, None),
        "own": (500, False, "080403"),
        "ownshop": (600, False, "0901"),
    }
    rows = [
        {"id": n, "shape": square(e, 0, 50), "plot_name": n, "is_removed": r, "plan_code": c, "stage": "风险管控中"}
        for n, (e, r, c) in plot.items()
    ]
    put(tmp_path, "contaminated_plot", rows)
    result = seen(tmp_path)
    outcomes = {
        (u, i.partition(":")[2]): o
        for u, i, o, c in result.rows[["use", "subject_id", "outcome", "check"]].to_numpy()
        if c == "listed_forbidden_use"
    }
    assert outcomes == {
        ("规划用途", "office"): "hit", ("规划用途", "vague"): "needs_review", ("现状用途", "home"): "hit",
        ("现状用途", "park"): "needs_review", ("台账规划用途", "own"): "hit",
    }  # fmt: skip
    row = result.rows[result.rows["subject_id"] == "contaminated_plot:office"].iloc[0]
    assert row["gb36600_category"] == "第二类"  # an office: forbidden on the list, though category 2
    assert row["area_m2"] == pytest.approx(geodesic_area(square(0, 0, 20)), rel=1e-6)
    assert row["share"] == pytest.approx(0.16, rel=1e-4)
    assert "第六十一条" in row["basis_zh"]


def test_a_plot_s_own_planned_use_is_compared_between_versions(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("X", square(900, 900, 50), "0103")])

    def plots(uses: dict[str, str | None], state: str) -> list[dict[str, Any]]:
        return [
            {"id": n, "shape": square(60.0 * i, 0, 50), "plan_code": c, "survey_state": state}
            for i, (n, c) in enumerate(uses.items())
        ]

    put(tmp_path, "suspected_plot", plots({"a": "1001", "b": "0701", "c": None, "d": "1001", "e": "1001"}, "进行中"))
    put(
        tmp_path,
        "suspected_plot",
        plots({"a": "070102", "b": "0801", "c": "0701", "d": "0901", "e": None}, "进行中"),
        AFTER,
    )
    assert told(seen(tmp_path), "became_sensitive") == {"a": "hit", "c": "needs_review"}


def test_key_transactions_without_a_survey_in_the_file(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("X", square(900, 900, 50), "0103")])
    put(tmp_path, "suspected_plot", [{"id": "P", "shape": square(300, 0, 50), "plot_name": "老厂"}])
    land = {
        "homes": (0, "070102", None), "filed": (60, "070102", "汴环评审〔2026〕3号"), "blank": (120, "0801", "  "), "shop": (180, "0901", None),
        "factory_on_plot": (300, "100101", None), "no_use": (400, None, None), "reserve": (460, "16", None),
    }  # fmt: skip
    rows = [
        {"id": n, "shape": square(e, 0, 50), "transaction_plot": n, "plan_code": c, "survey_document": d}
        for n, (e, c, d) in land.items()
    ]
    put(tmp_path, "land_transaction", rows)
    result = seen(tmp_path)
    assert told(result, "transaction_unsurveyed") == {
        "homes": "hit", "blank": "hit", "factory_on_plot": "hit", "no_use": "not_assessed", "reserve": "needs_review",
    }  # fmt: skip
    row = result.rows[result.rows["subject_id"] == "land_transaction:factory_on_plot"].iloc[0]
    assert row["object_ids"] == "suspected_plot:P"
    assert "第五十九条" in row["basis_zh"]


# --- farmland ---


def test_farmland_polluted_unprotected_and_candidates_ranked_with_reasons(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("X", square(9000, 9000, 50), "0103")])
    put(
        tmp_path,
        "permanent_farmland",
        [{"id": "PF", "shape": square(0, 0, 200)}, {"id": "PG", "shape": square(1000, 0, 100)}],
    )

    def unit(
        i: str, shape: shapely.Polygon, category: str | None, town: str | None = "东乡", **more: Any
    ) -> dict[str, Any]:
        row = {
            "id": i,
            "shape": shape,
            "category": category,
            "township_name": town,
            "county_code": "410224",
            "land_class_code": "0102",
        }
        return row | {"is_exceeding": False} | more

    units = [
        unit("dirty", square(100, 0, 200), "严格管控"),  # 100 m × 200 m of it in PF
        unit("far", square(4000, 0, 150), "优先保护"),
        unit("near_other_town", square(600, 0, 150), "优先保护", "西乡"),
        unit("small", square(400, 0, 50), "优先保护"),
        unit("unknown_soil", square(4000, 300, 150), "优先保护", is_exceeding=None),
        unit("other_county", square(500, 300, 200), "优先保护", county_code="410225"),
        unit("exceeding", square(500, 600, 200), "优先保护", is_exceeding=True),
        unit("orchard", square(500, 900, 200), "优先保护", land_class_code="0201"),
        unit("protected", square(1000, 0, 100), "优先保护"),
        unit("no_category", square(0, 0, 50), None),
        unit("on_old_factory", square(4000, 600, 150), "优先保护"),
        unit("out_of_reach", square(13_000, 0, 200), "优先保护"),
    ]
    put(tmp_path, "farmland_class", units)
    put(tmp_path, "contaminated_plot", [{"id": "old", "shape": square(3990, 590, 200), "is_removed": False}])
    result = seen(tmp_path)
    assert told(result, "permanent_on_polluted") == {"dirty": "hit", "no_category": "needs_review"}
    free = told(result, "priority_unprotected")
    assert {i for i, o in free.items() if o == "hit"} == {u["id"] for u in units if u["category"] == "优先保护"} - {
        "protected"
    }
    rows = result.rows.set_index(["check", "subject_id"])
    dirty = rows.loc[("permanent_on_polluted", "farmland_class:dirty")]
    common = shapely.box(500_100, 3_850_000, 500_200, 3_850_200)
    assert dirty["area_m2"] == pytest.approx(geodesic_area(common), rel=1e-6)
    assert dirty["object_ids"] == "permanent_farmland:PF"
    place = rows.loc[("priority_unprotected", "farmland_class:far")]
    assert (place["township_name"], place["county_code"]) == ("东乡", "410224")
    found = result.candidates
    ids = [str(i).partition(":")[2] for i in found["candidate_id"]]
    assert ids == ["far", "unknown_soil", "near_other_town", "small"]
    assert found["is_enough"].tolist() == [True, True, True, False]
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["distance_m"].iloc[0] == pytest.approx(3800.0, rel=1e-3)
    assert "同一乡镇" in found["reason_zh"].iloc[0]
    assert "没有记录" in found["reason_zh"].iloc[1]
    assert "不同乡镇" in found["reason_zh"].iloc[2]
    assert "面积不足" in found["reason_zh"].iloc[3]


# --- versions, content, command ---


def test_a_day_and_the_beginning_of_a_name_mean_a_version(tmp_path: Path) -> None:
    old = put(tmp_path, PLANNED, [patch("A", square(0, 0), "0103")])
    new = put(tmp_path, PLANNED, [patch("A", square(0, 0), "0701")], AFTER)
    assert version_named(tmp_path, PLANNED, "2026-03-30") is None
    assert version_named(tmp_path, PLANNED, "2026-03-31") == version_named(tmp_path, PLANNED, "2026-05-31") == old
    assert version_named(tmp_path, PLANNED, "2026-06-01") == version_named(tmp_path, PLANNED, None) == new
    assert version_named(tmp_path, PLANNED, new[:6]) == new
    assert version_named(tmp_path, PLANNED, "zzzzzz") is None
    back = seen(tmp_path, before=new, after=old)
    assert told(back, "became_sensitive") == {}
    with pytest.raises(WorkspaceError, match=r"--before: got 'zzzzzz'.*planned_land_use"):
        seen(tmp_path, before="zzzzzz")


def test_an_absent_layer_or_version_is_named_and_not_assessed(tmp_path: Path) -> None:
    put(tmp_path, PLANNED, [patch("A", square(0, 0), "0103")])
    result = seen(tmp_path)
    absent = {(check, layer) for check, layer, _ in result.not_assessed}
    assert ("became_sensitive", PRESENT) in absent
    assert ("transaction_unsurveyed", "land_transaction") in absent
    assert ("permanent_on_polluted", "permanent_farmland") in absent
    assert ("priority_unprotected", "farmland_class") in absent
    assert len(result.rows) == 0


def test_versions_of_another_crs_and_damaged_ones_raise(tmp_path: Path) -> None:
    version = put(tmp_path, PLANNED, [patch("A", square(0, 0), "0103")])
    with pytest.raises(CrsError, match="EPSG:4546"):
        watch(tmp_path, "EPSG:4546", CATALOGUE, str(BEFORE), None, TODAY)
    (tmp_path / PLANNED / f"{version}.parquet").write_bytes(b"PAR1")
    os.utime(tmp_path / PLANNED / f"{version}.parquet", (0, 0))
    with pytest.raises(WorkspaceError, match="cannot be read"):
        seen(tmp_path)


def test_faults_of_the_content_are_told_together(tmp_path: Path) -> None:
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, tmp_path / room)
    path = tmp_path / "cases/land_watch.toml"
    text = (
        path.read_text(encoding="utf-8")
        .replace('code  = "plan_code"', 'code  = "plan_cod"')
        .replace("soil_act_61", "soil_act_6")
    )
    path.write_text(
        text.replace("{name} 在名录内", "{nmae} 在名录内").replace("strip_m      = 5.0", "strip_m = -1"),
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as error:
        read_watch(dataclasses.replace(CATALOGUE, root=tmp_path))
    for word in ("plan_cod", "soil_act_6", "nmae", "strip_m"):
        assert word in str(error.value)


def test_cut_and_wide_parts_agree_with_shapely() -> None:
    rng = np.random.default_rng(3)
    corners = 500_000 + rng.integers(0, 200, (40, 2)) + [0, 3_350_000]
    boxes = np.array([shapely.box(x, y, x + 30, y + 20) for x, y in corners], dtype=object)
    cut = split(boxes[:20], boxes[20:], CRS)
    cover = shapely.union_all(boxes[20:])
    assert shapely.area(cut.inside) == pytest.approx([b.intersection(cover).area for b in boxes[:20]])
    assert shapely.area(cut.outside) == pytest.approx([b.difference(cover).area for b in boxes[:20]])
    assert shapely.area(wide_part(boxes, 20.001)).sum() == 0
    assert shapely.area(wide_part(boxes, 19.9)) == pytest.approx([600.0] * 40)


def test_the_command_writes_rows_candidates_and_provenance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "geosys.toml").write_text(f'title = {{ zh = "县", en = "County" }}\ncrs = "{CRS}"\n', encoding="utf-8")
    put(tmp_path / "store", PLANNED, [patch("A", square(0, 0, 50), "0103")])
    put(tmp_path / "store", PLANNED, [patch("A", square(0, 0, 50), "0801")], AFTER)
    monkeypatch.setattr(
        "geosys.cli.terminal.typer", SimpleNamespace(echo=lambda text, err=False: None if err else print(text))
    )
    out = tmp_path / "watch.csv"
    with pytest.raises(SystemExit) as ended:
        watch_command(str(BEFORE), None, str(TODAY), out, tmp_path, as_json=True)
    assert ended.value.code == 1  # layers are absent: not all could be judged
    rows = pd.read_csv(out)
    assert rows["outcome"].tolist() == ["hit"]
    assert (tmp_path / "watch.candidates.csv").exists()
    provenance = json.loads((tmp_path / "watch.csv.json").read_text(encoding="utf-8"))
    compared = provenance["compared"][PLANNED]
    assert compared["before"]["written_on"] == str(BEFORE)
    assert compared["after"]["version"] == rows["version_after"].iloc[0]
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert main is not None

"""The main job on the sample county: what was planted is found, nothing else is, and the same comes out twice."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pytest

from geosys.rooms import read_content
from geosys.run import run
from geosys.sample import draw_county
from geosys.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.cases.rules import Rule
    from geosys.results import RunResult
    from geosys.rooms import Content

DAY = dt.date(2026, 9, 30)
OUTPUTS = ("map.html", "findings.xlsx", "issues.xlsx", "results.gpkg", "outcomes.csv")


def silent(_stage: str, _done: int, _total: int) -> None:
    """Take progress and show nothing."""


@pytest.fixture(scope="module")
def content() -> Content:
    return read_content()


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("county")
    draw_county(root)
    return root


@pytest.fixture(scope="module")
def result(county: Path, content: Content) -> RunResult:
    return run(read_workspace(county, content.catalogue), content, DAY, silent)


def read_truth(county: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(county / "truth" / name, dtype=str, encoding="utf-8-sig").fillna("")


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in OUTPUTS}


def test_every_planted_fault_is_an_issue_and_nothing_else_is(county: Path, result: RunResult) -> None:
    truth = read_truth(county, "faults.csv")
    planted = set(zip(truth["file"], truth["source_row"], truth["issue_type"], strict=True))
    issues = result.issues
    found = set(
        zip(
            issues["source_file"],
            issues["source_row"].astype(object).fillna("").astype(str),
            issues["issue_type"],
            strict=True,
        )
    )
    assert len(planted) >= 25
    assert found == planted


def test_every_planted_risk_is_a_hit_and_no_other_pair_is(county: Path, result: RunResult) -> None:
    truth = read_truth(county, "risks.csv")
    planted = set(zip(truth["rule"], truth["subject_id"], truth["object_id"], strict=True))
    hits = result.findings[result.findings["outcome"] == "hit"]
    assert set(zip(hits["rule"], hits["subject_id"], hits["object_id"], strict=True)) == planted


def test_every_rule_has_a_planted_risk(county: Path, content: Content) -> None:
    planted = read_truth(county, "risks.csv")["rule"].value_counts()
    assert {rule for rule in content.book.rules if planted.get(rule, 0) < 2} == set()


def test_rules_along_rivers_and_on_results_both_hit_and_miss(result: RunResult, content: Content) -> None:
    outcomes = result.outcomes.set_index("rule")
    asked = [name for name, rule in content.book.rules.items() if rule.along or rule.requires]
    assert len(asked) >= 13
    assert (outcomes.loc[asked, ["hit", "clear"]] > 0).all(axis=None)
    assert (outcomes.loc[asked, "needs_review"] <= 2).all(), "open places or directions: look at out/rivers"


def holds(frame: pd.DataFrame, rule: Rule, side: str) -> pd.Series:
    """Return which rows meet a rule's conditions of one side: written again, plainly, for the sake of comparison."""
    answer = pd.Series(data=True, index=frame.index)
    for condition in (*rule.where, *rule.condition):
        if condition.side != side:
            continue
        column, value = frame[condition.column], condition.value
        if condition.test == "in":
            exact = [v for v in value if not (isinstance(v, str) and v.endswith("*"))]
            prefixes = tuple(v[:-1] for v in value if isinstance(v, str) and v.endswith("*"))
            answer &= column.isin(exact) | column.astype(str).str.startswith(prefixes or ("\0",))
        elif condition.test == "not":
            answer &= column.notna() & ~column.isin(value)
        elif condition.test in ("missing", "present"):
            answer &= column.isna() == ((condition.test == "missing") == value)
        elif condition.test == "min":
            answer &= pd.to_numeric(column) >= value
        elif condition.test == "max":
            answer &= pd.to_numeric(column) <= value
        else:
            day = pd.Timestamp(DAY if value == "today" else value)
            dates = pd.to_datetime(column)
            answer &= (dates < day) if condition.test == "before" else (dates > day)
    return answer


def independent_hits(rule: Rule, layers: dict[str, gpd.GeoDataFrame]) -> set[tuple[str, str]]:
    """Return the hits of one rule by plain geopandas in the plan's plane."""
    subjects = layers[rule.subject][lambda f: holds(f, rule, "subject")][["feature_id", "geometry"]]
    if rule.object is None:
        return {(name, "") for name in subjects["feature_id"]}
    objects = layers[rule.object][lambda f: holds(f, rule, "object")][["feature_id", "geometry"]]
    if rule.relation == "not_covered_by":
        rest = gpd.overlay(subjects, objects, how="difference", keep_geom_type=True)
        area = rest.dissolve("feature_id").area
        return {(name, "") for name in area.index[area >= rule.settings.get("min_area_m2", 1.0)]}
    if rule.relation == "intersects":
        both = gpd.overlay(subjects, objects.rename(columns={"feature_id": "object_id"}), how="intersection")
        own = subjects.set_index("feature_id").area[both["feature_id"]].to_numpy()
        enough = (both.area >= rule.settings.get("min_area_m2", 1.0)) & (
            both.area / own >= rule.settings.get("min_share", 0.0)
        )
        return set(zip(both["feature_id"][enough], both["object_id"][enough], strict=True))
    far = {"predicate": "dwithin", "distance": rule.settings["distance_m"]} if rule.relation == "dwithin" else {}
    near = gpd.sjoin(subjects, objects, **(far or {"predicate": "covered_by"}))
    return set(zip(near["feature_id_left"], near["feature_id_right"], strict=True))


def test_hits_equal_an_independent_geopandas_computation(result: RunResult, content: Content) -> None:
    layers = {name: layer.frame for name, layer in result.layers.items()}
    hits = result.findings[result.findings["outcome"] == "hit"]
    for name, rule in content.book.rules.items():
        if rule.in_force(DAY) and rule.along is None:  # along rivers: risks.csv, by walks of its own
            mine = hits[hits["rule"] == name]
            expected = independent_hits(rule, layers)
            assert set(zip(mine["subject_id"], mine["object_id"], strict=True)) == expected, name


def test_areas_of_findings_equal_an_independent_overlay(result: RunResult, content: Content) -> None:
    layers = {name: layer.frame for name, layer in result.layers.items()}
    compared = 0
    for name, rule in content.book.rules.items():
        mine = result.findings[result.findings["rule"] == name]
        if rule.relation != "intersects" or mine.empty:
            continue
        one, two = (layers[layer][["feature_id", "geometry"]] for layer in (rule.subject, rule.object))
        both = gpd.overlay(
            one[one["feature_id"].isin(mine["subject_id"])],
            two[two["feature_id"].isin(mine["object_id"])].rename(columns={"feature_id": "object_id"}),
            how="intersection",
        )
        plane = "+proj=cea +lon_0=114.3 +ellps=GRS80 +units=m"
        area = both.to_crs(plane).area.groupby([both["feature_id"], both["object_id"]]).sum()
        for row in mine[mine["area_m2"] > 0].itertuples():
            assert row.area_m2 == pytest.approx(area[row.subject_id, row.object_id], rel=1e-9, abs=1e-5)
            compared += 1
    assert compared >= 20


def test_running_twice_gives_the_same_bytes(county: Path, result: RunResult, content: Content) -> None:
    before = digests(result.paths["map"].parent)
    first = json.loads((county / "out" / "manifest.json").read_text(encoding="utf-8"))
    again = run(read_workspace(county, content.catalogue), content, DAY, silent)
    second = json.loads((county / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert digests(again.paths["map"].parent) == before
    assert first.pop("seconds").keys() == second.pop("seconds").keys()
    assert first == second


@pytest.mark.usefixtures("result")
def test_a_deleted_layer_turns_its_rules_to_not_assessed_and_keeps_cases(
    county: Path, content: Content, tmp_path: Path
) -> None:
    root = tmp_path / "county"
    shutil.copytree(county, root)
    plan = read_workspace(root, content.catalogue)
    lost = next(rule for rule in content.book.rules.values() if rule.relation == "covered_by").object
    for delivery in plan.deliveries:
        if delivery.layer == lost:
            delivery.path.unlink()
    after = run(plan, content, DAY, silent)
    assert lost not in after.layers
    for row in after.outcomes.to_dict("records"):
        rule = content.book.rules[row["rule"]]
        if lost in (rule.subject, rule.object):
            assert row["not_assessed"] == row["subjects"] > 0, row["rule"]
            assert row["clear"] == row["hit"] == 0
            assert row["why_zh"]
    gone = after.issues[after.issues["issue_type"] == "missing_file"]
    assert len(gone) == 1
    assert len(cases_of(root)) == len(cases_of(county))
    assert set(cases_of(root)["seen"]) == {"present", "not_assessed"}


def cases_of(root: Path) -> pd.DataFrame:
    from geosys.cases.ledger.database import open_ledger
    from geosys.cases.ledger.events import read_cases

    with open_ledger(root / "cases.sqlite") as connection:
        return read_cases(connection)


def test_the_sample_is_large_enough_and_marked(result: RunResult, county: Path) -> None:
    sizes = sorted((len(layer.frame) for layer in result.layers.values()), reverse=True)
    assert sizes[0] >= 20_000
    assert "样例数据" in (county / "geosys.toml").read_text(encoding="utf-8")
    assert "样例数据" in result.paths["map"].read_text(encoding="utf-8")


def test_every_finding_says_what_where_by_which_clause_and_by_when(result: RunResult) -> None:
    findings: Any = result.findings
    for column in ("sentence_zh", "sentence_en", "action_zh", "basis_zh", "basis_en", "lead_zh", "rule_version"):
        assert findings[column].astype(bool).all(), column
    assert not findings["sentence_zh"].str.contains("{", regex=False).any()
    worthy = findings[findings["outcome"] == "hit"]
    assert worthy["case_id"].astype(bool).all()
    judged = worthy[worthy["unit"] != "d"]
    assert (judged["margin"] >= -1e-6).all()
    assert findings["geometry"].notna().all()
    old_law = findings["basis_zh"].str.contains("水污染防治法|土壤污染防治法", regex=True)
    assert not old_law.any(), "the acts repealed on 2026-08-15 are cited for a finding of 2026-09-30"

"""Rules as content: examples, three-valued conditions, dated law, and what a wrong rule is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import ROOT

from geosys._errors import SpecError
from geosys._faults import Faults
from geosys._schema import UsableLayer
from geosys.cases.assess import assess, terms_of
from geosys.cases.basis import cite, read_basis
from geosys.cases.conditions import FALSE, TRUE, UNKNOWN, Condition, evaluate
from geosys.cases.examples import outcome_of_example
from geosys.cases.workflow import read_workflow
from geosys.maps.frames import STATUSES
from geosys.rooms import read_content
from geosys.views import schemas_of

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.cases.rules import Rule

CONTENT = read_content()
SCHEMAS = schemas_of(CONTENT.catalogue)
DAY = dt.date(2026, 9, 30)
CRS = "EPSG:4547"


@pytest.mark.parametrize("name", CONTENT.book.rules)
def test_every_hit_hits_and_every_miss_misses(name: str) -> None:
    rule = CONTENT.book.rules[name]
    assert outcome_of_example(rule, "hit", SCHEMAS) == "hit"
    assert outcome_of_example(rule, "miss", SCHEMAS) != "hit"


def test_there_are_rules_for_every_theme() -> None:
    assert len(CONTENT.book.rules) >= 20


@pytest.mark.parametrize(
    ("test", "value", "column", "answers"),
    [
        ("in", ("a", "07*"), ["a", "0701", "b", None], [TRUE, TRUE, FALSE, UNKNOWN]),
        ("not", ("a",), ["a", "b", None], [FALSE, TRUE, UNKNOWN]),
        ("missing", True, ["a", None], [FALSE, TRUE]),
        ("present", True, ["a", None], [TRUE, FALSE]),
        ("min", 5, [4.0, 5.0, np.nan], [FALSE, TRUE, UNKNOWN]),
        ("max", 5, [4.0, 6.0, np.nan], [TRUE, FALSE, UNKNOWN]),
        ("before", "today", [dt.date(2026, 9, 29), dt.date(2026, 9, 30), None], [TRUE, FALSE, UNKNOWN]),
        ("after", dt.date(2026, 9, 30), [dt.date(2026, 10, 1), dt.date(2026, 9, 30)], [TRUE, FALSE]),
    ],
)
def test_a_missing_value_is_unknown_never_false(test: str, value: object, column: list, answers: list[int]) -> None:
    dtype = "float64" if test in ("min", "max") else "object"
    frame = pd.DataFrame({"x": pd.Series(column, dtype=dtype)})
    assert evaluate([Condition("subject", "x", test, value)], frame, "subject", DAY).tolist() == answers


def layer_of(name: str, rows: list[dict], withheld: list[dict] | None = None) -> UsableLayer:
    """Return a layer of hand-made rows in the plan's CRS; columns the rows do not name are empty."""
    schema = SCHEMAS[name]

    def frame(given: list[dict]) -> gpd.GeoDataFrame:
        kinds = {"integer": "Int64", "number": "float64", "truth": "boolean"}
        columns = {
            c: pd.Series([r.get(c) for r in given], dtype="object").astype(kinds.get(k, "object"))
            for c, k in schema.columns.items()
        }
        ids = {"feature_id": [r["id"] for r in given]}
        shapes = [None if r.get("at") is None else shapely.from_wkt(r["at"]) for r in given]
        moved = [None if s is None else shapely.transform(s, lambda xy: xy + np.array([5e5, 3.85e6])) for s in shapes]
        return gpd.GeoDataFrame(pd.DataFrame(columns | ids), geometry=moved, crs=CRS)

    return UsableLayer(schema, frame(rows), frame(withheld or []).assign(issue_type="invalid_refused"), "v1")


def rule_between(relation: str) -> Rule:
    """Return a rule of the content that relates two layers by `relation` and has a condition on the object."""
    return next(
        r for r in CONTENT.book.rules.values()
        if r.relation == relation and any(c.side == "object" and c.test == "in" for c in r.where)
    )  # fmt: skip


def judged(rule: Rule, subjects: UsableLayer, objects: UsableLayer) -> dict[str, str]:
    result = assess(rule, {rule.subject: subjects, rule.object: objects}, CRS, DAY)
    return dict(zip(result.outcomes["subject_id"], result.outcomes["outcome"], strict=True))


def test_an_object_whose_level_is_missing_needs_review_and_is_never_clear() -> None:
    rule = rule_between("covered_by")
    wanted = next(c for c in rule.where if c.side == "object")
    zone = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0))"
    subjects = layer_of(rule.subject, [{"id": "in", "at": "POINT (50 50)"}, {"id": "out", "at": "POINT (5000 5000)"}])
    unknown = layer_of(rule.object, [{"id": "z", "at": zone}])
    known = layer_of(rule.object, [{"id": "z", "at": zone, wanted.column: wanted.value[0]}])
    assert judged(rule, subjects, unknown) == {"in": "needs_review", "out": "clear"}
    assert judged(rule, subjects, known) == {"in": "hit", "out": "clear"}


def test_a_withheld_object_makes_what_lies_there_need_review() -> None:
    rule = rule_between("covered_by")
    wanted = next(c for c in rule.where if c.side == "object")
    bow_tie = "POLYGON ((0 0, 100 100, 100 0, 0 100, 0 0))"
    elsewhere = {"id": "z", "at": "POLYGON ((900 0, 990 0, 990 90, 900 90, 900 0))", wanted.column: wanted.value[0]}
    lost = {"id": "lost", "at": bow_tie, wanted.column: wanted.value[0]}
    subjects = layer_of(rule.subject, [{"id": "in", "at": "POINT (50 20)"}, {"id": "out", "at": "POINT (500 500)"}])
    assert judged(rule, subjects, layer_of(rule.object, [elsewhere], [lost])) == {"in": "needs_review", "out": "clear"}


def test_a_withheld_subject_is_not_assessed() -> None:
    rule = rule_between("covered_by")
    subjects = layer_of(rule.subject, [{"id": "a", "at": "POINT (50 20)"}], [{"id": "lost", "at": None}])
    objects = layer_of(rule.object, [{"id": "z", "at": "POLYGON ((900 0, 990 0, 990 90, 900 90, 900 0))"}])
    assert judged(rule, subjects, objects) == {"a": "clear", "lost": "not_assessed"}


def test_the_law_is_cited_by_the_day_of_the_finding() -> None:
    names = [n for n, clauses in CONTENT.book.basis.items() if any(c.valid_to == dt.date(2026, 8, 14) for c in clauses)]
    assert len(names) >= 3
    for name in names:
        before, after = (
            cite([name], CONTENT.book.basis, day).zh for day in (dt.date(2026, 8, 14), dt.date(2026, 8, 15))
        )
        assert before != after
        assert "生态环境法典" in after
        assert "生态环境法典" not in before
        assert "条款号待核" in after


def test_a_basis_out_of_force_says_so_instead_of_citing_dead_law() -> None:
    name = next(iter(CONTENT.book.basis))
    assert "无有效依据" in cite([name], CONTENT.book.basis, dt.date(1980, 1, 1)).zh


def test_overlapping_periods_of_one_basis_are_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "legal_basis.csv"
    path.write_text(
        "basis,instrument_zh,instrument_en,clause_zh,clause_en,valid_from,valid_to,certainty,source\n"
        "a,法,Act,第一条,art. 1,2020-01-01,2026-08-15,confirmed,\n"
        "a,典,Code,第二编,part 2,2026-08-15,,confirmed,\n",
        encoding="utf-8",
    )
    faults = Faults()
    read_basis(path, faults)
    assert len(faults.rows) == 1
    assert "does not overlap" in faults.rows[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('relation = "covered_by"', 'relation = "coverd_by"', "Did you mean 'covered_by'?"),
        ('severity = "critical"', 'severity = "criticl"', "Did you mean 'critical'?"),
        ("{object.level}", "{object.levl}", "Did you mean 'object.level'?"),
        ('lead     = "ecology"', 'lead     = "ecologie"', "Did you mean 'ecology'?"),
        ("object.level = ", "object.levl = ", "Did you mean 'level'?"),
        ('"一级"', '"一及"', "a code of 'level'"),
        ("due_days = 30", 'due_days = "soon"', "expected a number"),
        ("due_days = 30", "due_dayz = 30", "Did you mean 'due_days'?"),
    ],
)
def test_a_wrong_rule_is_told_what_where_and_the_nearest_word(tmp_path: Path, old: str, new: str, said: str) -> None:
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, tmp_path / room)
    path = tmp_path / "cases" / "rules" / "outfalls.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=r"cases/rules/outfalls\.toml") as caught:
        read_content(tmp_path)
    assert said in str(caught.value)


def test_the_workflow_names_only_states_that_exist() -> None:
    workflow = read_workflow(ROOT)
    titles = {state["title"]["zh"] for state in workflow["states"].values()}
    assert set(workflow["states"]) == set(STATUSES), "a state without a shape could not be drawn"
    assert {"发现", "交办", "督办", "整改", "验收", "销号", "反弹"} <= titles


NEW_RULES = """
[plot_mostly_farmland]
title = { zh = "地块以耕地为主", en = "Plot is mostly farmland" }
subject = "suspected_plot"
object = "land_patch"
relation = "composition"
by = "land_class_code"
condition = { object.land_class_code = ["01*"] }
min_share = 0.5
severity = "low"
lead = "ecology"
basis = ["soil_act_59"]
finding = { zh = "{subject.name} 耕地占 {share_pct}%", en = "{share_pct}% of {subject.name} is farmland" }
action = { zh = "核实", en = "Verify" }

[plot_mostly_farmland.example]
hit = { subject = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0))", object = [
  { geometry = "POLYGON ((0 0, 30 0, 30 100, 0 100, 0 0))", land_class_code = "0101" },
  { geometry = "POLYGON ((20 0, 55 0, 55 100, 20 100, 20 0))", land_class_code = "0103" },
] }
miss = { subject = "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0))", object = [
  { geometry = "POLYGON ((0 0, 30 0, 30 100, 0 100, 0 0))", land_class_code = "0101" },
  { geometry = "POLYGON ((20 0, 100 0, 100 100, 20 100, 20 0))", land_class_code = "0301" },
] }

[outfall_nearest_zone]
title = { zh = "最近的水源保护区", en = "Nearest source zone" }
subject = "outfall"
object = "source_zone"
relation = "nearest"
distance_m = 100.0
reach_m = 1000.0
severity = "low"
lead = "ecology"
basis = ["water_act_64"]
finding = { zh = "{subject.name} 距 {object.name} {distance_m} 米", en = "{subject.name} is {distance_m} m from {object.name}" }
action = { zh = "核实", en = "Verify" }

[outfall_nearest_zone.example]
hit = { subject = "POINT (150 0)", object = [
  "POLYGON ((0 -50, 100 -50, 100 50, 0 50, 0 -50))", "POLYGON ((230 -50, 300 -50, 300 50, 230 50, 230 -50))",
] }
miss = { subject = "POINT (250 0)", object = "POLYGON ((0 -50, 100 -50, 100 50, 0 50, 0 -50))" }
"""


def content_with(tmp_path: Path, more: str) -> Path:
    for room in ("layers", "cases", "maps"):
        shutil.copytree(ROOT / room, tmp_path / room)
    (tmp_path / "cases" / "rules" / "more.toml").write_text(more, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def more_rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rule]:
    return dict(read_content(content_with(tmp_path_factory.mktemp("content"), NEW_RULES)).book.rules)


@pytest.mark.parametrize("name", ["plot_mostly_farmland", "outfall_nearest_zone"])
def test_composition_and_nearest_can_be_written_with_examples(more_rules: dict[str, Rule], name: str) -> None:
    rule = more_rules[name]
    assert outcome_of_example(rule, "hit", SCHEMAS) == "hit"
    assert outcome_of_example(rule, "miss", SCHEMAS) != "hit"
    assert rule.unit == {"composition": "m2", "nearest": "m"}[rule.relation]


def strip(west: float, east: float) -> str:
    return shapely.box(west, 0, east, 100).wkt


@pytest.mark.parametrize(
    ("kept", "withheld", "outcome"),
    [
        ([(0, 55, "0101")], [], "hit"),
        ([(0, 55, "0101")], [(0, 100, "0101")], "hit"),  # what is lost could only add
        ([(0, 40, "0101")], [(50, 65, "0101")], "needs_review"),
        ([(0, 40, "0101")], [(50, 65, "0301")], "near"),  # lost, but no farmland
        ([(0, 40, "0101")], [(50, 55, "0101")], "near"),  # lost, but too little to reach a half
        ([(0, 40, "0101"), (40, 60, None)], [], "needs_review"),  # an object whose class is missing
        ([], [(0, 60, None)], "needs_review"),
        ([(0, 60, "0301")], [], "clear"),
    ],
)
def test_a_composition_is_not_clear_where_lost_objects_could_reach_the_share(
    more_rules: dict[str, Rule], kept: list[tuple], withheld: list[tuple], outcome: str
) -> None:
    rule = more_rules["plot_mostly_farmland"]
    rows = [
        [{"id": f"{n}{w}", "at": strip(w, e), "land_class_code": c} for w, e, c in s]
        for n, s in (("k", kept), ("l", withheld))
    ]
    subjects = layer_of(rule.subject, [{"id": "p", "at": strip(0, 100)}])
    assert judged(rule, subjects, layer_of(rule.object, *rows)) == {"p": outcome}


@pytest.mark.parametrize(
    ("kept", "withheld", "outcome"),
    [
        (80, None, "hit"),
        (80, 90, "hit"),  # the lost one is farther than the one found, and than both accuracies
        (80, 40, "needs_review"),
        (300, 40, "needs_review"),
        (300, 250, "clear"),
        (None, 250, "clear"),
    ],
)
def test_the_nearest_is_in_doubt_where_a_lost_object_is_nearer(
    more_rules: dict[str, Rule], kept: float | None, withheld: float | None, outcome: str
) -> None:
    rule = dataclasses.replace(more_rules["outfall_nearest_zone"], near_m=5.0)

    def at(name: str, east: float | None) -> list[dict]:
        return [] if east is None else [{"id": name, "at": strip(east, east + 10)}]

    subjects = layer_of(rule.subject, [{"id": "o", "at": "POINT (0 50)"}])
    objects = layer_of(rule.object, at("kept", kept), at("lost", withheld))
    assert judged(rule, subjects, objects) == {"o": outcome}


def test_what_only_an_uncertain_object_covers_needs_review() -> None:
    rule = next(r for r in CONTENT.book.rules.values() if r.relation == "not_covered_by")
    open_rule = dataclasses.replace(rule, where=(Condition("object", "feature", "in", ("yes",)),), condition=())
    subjects = layer_of(rule.subject, [{"id": "p", "at": strip(0, 200)}])
    outcomes = []
    for value in ("yes", None, "no"):
        objects = layer_of(rule.object, [{"id": "z", "at": strip(-10, 210).replace("100", "200")}])
        objects = dataclasses.replace(
            objects, frame=objects.frame.assign(feature=value), withheld=objects.withheld.assign(feature=None)
        )
        outcomes.append(judged(open_rule, subjects, objects)["p"])
    assert outcomes == ["clear", "needs_review", "hit"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('by = "land_class_code"', 'by = "land_class_cod"', "Did you mean 'land_class_code'?"),
        ('by = "land_class_code"\n', "", "the key 'by'"),
        ('condition = { object.land_class_code = ["01*"] }\n', "", "the key 'condition'"),
        ("min_share = 0.5", "min_share = 50", "Write 10 % as 0.1."),
        ('{share_pct}%", en', '{object.land_class_code}", en', "a placeholder of this rule"),
        ("reach_m = 1000.0", "reach_m = 10.0", "at least distance_m"),
        ("distance_m = 100.0\nreach", "distance_m = 0\nreach", "a number above 0"),
        ('relation = "nearest"\ndistance_m = 100.0\nreach_m = 1000.0', 'relation = "intersects"\nmin_length_m = 5', "a line layer on one side"),
        ('relation = "nearest"\ndistance_m = 100.0\nreach_m = 1000.0', 'relation = "not_covered_by"', "two polygon layers"),
    ],
)  # fmt: skip
def test_a_wrong_setting_of_a_relation_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in NEW_RULES
    with pytest.raises(SpecError) as caught:
        read_content(content_with(tmp_path, NEW_RULES.replace(old, new)))
    assert said in str(caught.value)


def test_tolerances_of_a_layer_are_read_by_kind_and_the_larger_counts(tmp_path: Path) -> None:
    root = content_with(tmp_path, NEW_RULES)
    for layer, line in (
        ("outfall", "tolerance_m = { polygon = 0.5 }"),
        ("source_zone", "tolerance_m = 0.1\nsliver_m2 = 2.0"),
    ):
        path = root / "layers" / f"{layer}.toml"
        path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    content = read_content(root)
    schemas = schemas_of(content.catalogue)
    views = [dataclasses.replace(layer_of(n, []), schema=schemas[n]) for n in ("outfall", "source_zone")]
    terms = terms_of(content.book.rules["outfall_nearest_zone"], *views, CRS)
    assert (terms.tolerance_m, terms.sliver_m2) == (0.5, 2.0)
    path.write_text(
        path.read_text(encoding="utf-8").replace("tolerance_m = 0.1", "tolerance_m = { area = 50 }"), encoding="utf-8"
    )
    with pytest.raises(SpecError, match="accuracy_m"):
        read_content(root)

"""Code systems kept apart: the crosswalk against its source, ambiguous rows, and codes that stand in the wrong system."""

from __future__ import annotations

import csv

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys._text import Text
from geosys.layers.codes import CodeList
from geosys.layers.crosswalks import (
    CERTAINTIES,
    CONTRADICTS,
    MISSING,
    OTHER_SYSTEM,
    SURE,
    UNKNOWN,
    judge_code,
    read_crosswalks,
)
from geosys.layers.spec import read_catalogue

CATALOGUE = read_catalogue()
SURVEY, PLAN = (CATALOGUE.codes[name] for name in ("landclass", "plan_landuse"))
WALK = read_crosswalks(ROOT / "layers" / "crosswalks", CATALOGUE.codes)["landclass", "plan_landuse"]
SOURCE = ROOT / "geosys" / "standards" / "tables" / "survey_to_plan_map.csv"
OTHERS = {"用地用海": PLAN}


def pairs() -> set[tuple[str, str, str]]:
    return {(one, two.code, two.certainty) for one, found in WALK.rows.items() for two in found}


def test_every_pair_of_the_source_is_in_the_crosswalk_no_surer_than_there() -> None:
    """The source's note says that its same-name pairs are second-hand and its other pairs unconfirmed."""
    with SOURCE.open(encoding="utf-8") as file:
        source = list(csv.DictReader(file))
    known = {(one, two): certainty for one, two, certainty in pairs()}
    assert len(source) == 66
    for row in source:
        targets = [row["plan_code"]]
        if "-" in row["plan_code"]:
            first, last = row["plan_code"].split("-")
            targets = [f"{n:04}" for n in range(int(first), int(last) + 1)]
        for target in targets:
            expected = "second_hand" if row["confidence"] == "confirmed" else "unconfirmed"
            assert known[row["survey_code"], target] == expected, row


def test_what_the_source_does_not_have_is_our_reading() -> None:
    with SOURCE.open(encoding="utf-8") as file:
        source = {row["survey_code"]: row for row in csv.DictReader(file)}
    for one, two, certainty in pairs():
        row = source.get(one)
        if row is None or (row["confidence"] == "confirmed" and row["plan_code"] != two):
            assert certainty == "our_reading", (one, two)


def test_pairs_of_the_same_name_have_the_same_name() -> None:
    for one, found in WALK.rows.items():
        for two in found:
            if two.certainty == "second_hand" and one in SURVEY.titles:
                assert SURVEY.titles[one].zh == PLAN.titles[two.code].zh


def test_every_class_of_the_survey_has_a_counterpart() -> None:
    assert set(SURVEY.titles) <= set(WALK.rows)
    assert all(row.note.zh and row.note.en and row.source for found in WALK.rows.values() for row in found)


@pytest.mark.parametrize(
    ("one", "targets"),
    [
        ("0601", ["1001"]),  # industry; 0601 of the plan is a farm road
        ("1006", ["0601"]),
        ("0402", ["0503"]),  # marsh meadow; 0402 of the plan is sown pasture
        ("0403", ["0402"]),
        ("1101", ["1701"]),
        ("0809", ["13"]),
        ("08H2", ["0802", "0803", "0804", "0805", "0806", "0807"]),
        ("08H1", ["0801", "0802", "0803"]),
        ("08", ["08", "13", "14"]),  # the survey's 08 is wider than the plan's
        ("0301K", ["01", "0301"]),
        ("9999", []),
    ],
)
def test_counterparts(one: str, targets: list[str]) -> None:
    assert sorted(c.code for c in WALK.counterparts(one)) == targets


def test_the_surest_counterpart_comes_first() -> None:
    for found in WALK.rows.values():
        order = [CERTAINTIES.index(c.certainty) for c in found]
        assert order == sorted(order)
    assert WALK.counterparts("08")[0].code == "08"
    assert WALK.origins("0601") == ("1006",)


def test_a_first_level_class_has_all_that_its_classes_have() -> None:
    with (ROOT / "layers" / "codes" / "landclass.csv").open(encoding="utf-8") as file:
        parent = {row["code"]: row["parent"] for row in csv.DictReader(file)}
    for code, above in parent.items():
        if above in WALK.rows and above != code and code.isdigit():
            mine = {c.code[:2] for c in WALK.counterparts(code)}
            assert mine <= {c.code[:2] for c in WALK.counterparts(above)}, code


# --- codes in the wrong system ---


@pytest.mark.parametrize(
    ("code", "name", "state", "said"),
    [
        ("0601", None, SURE, ""),
        ("0601", "工业用地", SURE, ""),
        ("0601", "工 业 用 地", SURE, ""),
        ("0601", "厂房", SURE, ""),  # a free name contradicts nothing
        ("0601", "农村道路", OTHER_SYSTEM, "农村道路"),
        ("1001", "工业用地", OTHER_SYSTEM, "铁路用地"),
        ("0601", "旱地", CONTRADICTS, "0103"),
        ("0802", None, OTHER_SYSTEM, "科研用地"),
        ("0999", None, UNKNOWN, "0999"),
        (None, "旱地", MISSING, "没有编码"),
        ("", None, MISSING, "没有编码"),
    ],
)
def test_a_code_is_judged_in_its_own_system(code, name, state, said) -> None:
    verdict = judge_code(code, name, SURVEY, OTHERS)
    assert verdict.state == state
    assert said in verdict.why.zh
    assert bool(verdict.why.en) == (state != SURE)


@given(st.sampled_from(sorted(PLAN.titles)))
def test_a_plan_use_with_its_own_name_is_never_sure_in_the_survey_unless_both_call_it_so(code: str) -> None:
    verdict = judge_code(code, PLAN.titles[code].zh, SURVEY, OTHERS)
    both = code in SURVEY.titles and SURVEY.titles[code].zh == PLAN.titles[code].zh
    assert (verdict.state == SURE) == both


# --- content at fault ---


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0601,9999,second_hand,a,b,c", "a code of layers/codes/plan_landuse.csv"),
        ("9999,1001,second_hand,a,b,c", "a code of layers/codes/landclass.csv"),
        ("0602,1001,sure,a,b,c", "a certainty"),
        ("0601,1001,unconfirmed,a,b,c", "each pair once"),
    ],
)
def test_a_row_at_fault_is_named(tmp_path, row: str, said: str) -> None:
    folder = tmp_path / "layers" / "crosswalks"
    folder.mkdir(parents=True)
    (tmp_path / "layers" / "codes").symlink_to(ROOT / "layers" / "codes")
    file = folder / "landclass_to_plan_landuse.csv"
    file.write_text(
        f"from_code,to_code,certainty,note_zh,note_en,source\n0601,1001,second_hand,a,b,c\n{row}\n", encoding="utf-8"
    )
    with pytest.raises(SpecError, match="line 3") as told:
        read_crosswalks(folder, CATALOGUE.codes)
    assert said in str(told.value)


def test_a_file_is_named_by_its_two_lists(tmp_path) -> None:
    (tmp_path / "landclas_to_plan_landuse.csv").write_text("from_code\n", encoding="utf-8")
    with pytest.raises(SpecError, match="Did you mean 'landclass'"):
        read_crosswalks(tmp_path, CATALOGUE.codes)


def test_a_system_without_the_code_finds_it_nowhere() -> None:
    own = CodeList("own", {"1": Text("甲", "A")}, {}, "")
    assert judge_code("2", None, own, {}).state == UNKNOWN

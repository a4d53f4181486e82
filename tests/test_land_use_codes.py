"""The two look-ups of a land-use code: 一住两公 and the category of GB 36600, each on its own and in its own code system."""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT

from geosys._errors import SpecError
from geosys.layers.codes import fold
from geosys.layers.land_use_codes import read_land_use_codes
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

CODES = read_land_use_codes()
PLAN, SURVEY = "plan_landuse", "landclass"
TABLES = ROOT / "geosys/standards/tables"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("system", "code", "name", "state", "part", "number", "category_state"),
    [
        (PLAN, "070102", "二类城镇住宅用地", "yes", "住宅", 1, "determined"),
        (PLAN, "0702", None, "yes", "住宅", 1, "determined"),
        (PLAN, "0801", None, "yes", "公管公服", 2, "determined"),  # an office: 一住两公, but category 2
        (SURVEY, "08H1", None, "yes", "公管公服", 2, "determined"),
        (PLAN, "080403", None, "yes", "公管公服", 1, "determined"),
        (PLAN, "080401", None, "yes", "公管公服", 2, "determined"),
        (PLAN, "0804", None, "yes", "公管公服", 1, "undetermined"),
        (PLAN, "08", None, "yes", "公管公服", 1, "undetermined"),
        (SURVEY, "08H2", None, "yes", "公管公服", 1, "undetermined"),
        (SURVEY, "08H2A", None, "yes", "公管公服", 2, "determined"),
        (PLAN, "0806", None, "yes", "公管公服", 1, "determined"),
        (PLAN, "090101", "商场", "no", "", 2, "determined"),  # a shop in a mall: neither
        (SURVEY, "05H1", None, "no", "", 2, "determined"),
        (PLAN, "1401", "翠湖社区公园", "no", "", 1, "determined"),
        (PLAN, "1401", "儿童公园", "no", "", 1, "determined"),
        (PLAN, "1401", "中心公园", "no", "", 2, "determined"),
        (PLAN, "1401", "公园绿地", "no", "", 1, "undetermined"),  # the class's own title tells nothing
        (PLAN, "1401", None, "no", "", 1, "undetermined"),
        (PLAN, "140101", "滨河社区公园", "no", "", 1, "determined"),  # a local subdivision goes with 1401
        (PLAN, "1402", None, "no", "", 2, "determined"),
        (PLAN, "16", None, "unknown", "", 1, "undetermined"),
        (PLAN, "100102", None, "no", "", 2, "determined"),
        (PLAN, "0101", None, "no", "", None, "not_construction"),
        (SURVEY, "0701", "城镇住宅用地", "yes", "住宅", 1, "determined"),
        (SURVEY, "0702", "农村宅基地", "yes", "住宅", 1, "determined"),
        (SURVEY, "0809", None, "unknown", "", 2, "determined"),  # 08 of the survey, 13 of the plan
        (SURVEY, "0810", "儿童公园", "unknown", "", 1, "determined"),
        (SURVEY, "0601", "工业用地", "no", "", 2, "determined"),
        (SURVEY, "0103", None, "no", "", None, "not_construction"),
    ],
)
def test_both_look_ups(
    system: str, code: str, name: str | None, state: str, part: str, number: int | None, category_state: str
) -> None:
    trigger, category = CODES.trigger(system, code, name), CODES.category(system, code, name)
    assert (trigger.state, trigger.part) == (state, part)
    assert (category.number, category.state) == (number, category_state)
    assert category_state != "undetermined" or "按第一类用地" in category.reason.zh
    assert trigger.certainty in {"second_hand", "our_reading"}
    assert category.certainty in {"our_reading", "unconfirmed"}


@pytest.mark.parametrize(
    ("system", "code", "name", "fault"),
    [
        (SURVEY, "070102", None, "wrong_system"),
        (SURVEY, "0703", "农村宅基地", "wrong_system"),
        (PLAN, "08H1", None, "wrong_system"),
        (PLAN, "0601", "工业用地", "wrong_system"),  # 0601: industry in the survey, rural road in the plan
        (PLAN, "1101", "河流水面", "wrong_system"),
        (SURVEY, "0702", "城镇社区服务设施用地", "wrong_system"),
        (PLAN, "0901", "城镇住宅用地", "name_disagrees"),
        (PLAN, "0799", None, "unknown_code"),
        (PLAN, "070109", None, "unknown_code"),  # 0701 has its own subdivisions: 09 is none of them
        (PLAN, "9999", None, "unknown_code"),
    ],
)
def test_a_code_of_the_wrong_system_is_not_assessed_and_says_so(
    system: str, code: str, name: str | None, fault: str
) -> None:
    assert CODES.meaning(system, code, name).fault == fault
    trigger, category = CODES.trigger(system, code, name), CODES.category(system, code, name)
    assert (trigger.state, category.state, category.number) == ("not_assessed", "not_assessed", None)
    assert code in trigger.reason.zh
    assert code in trigger.reason.en


@pytest.mark.parametrize("name", ["城镇住宅用地", "居住用地", "二类城镇住宅用地", "翠湖花园", "", None])
def test_names_of_kindred_codes_and_free_names_contradict_nothing(name: str | None) -> None:
    assert CODES.meaning(PLAN, "0701", name).fault == ""


def test_no_code_is_category_1_with_the_reason_but_triggers_nothing() -> None:
    category = CODES.category(PLAN, None)
    assert (category.number, category.state) == (1, "undetermined")
    assert "未定" in category.reason.zh
    assert CODES.trigger(PLAN, "").state == "not_assessed"


def test_a_system_that_does_not_exist_raises() -> None:
    with pytest.raises(SpecError, match="landclass"):
        CODES.trigger("gb_21010", "0701")


def test_the_lists_say_what_the_standards_tables_say() -> None:
    plan = {row["code"]: row for row in rows(ROOT / "layers/codes/plan_landuse.csv")}
    source = {row["code"]: row for row in rows(TABLES / "plan_landuse_codes.csv")}
    assert plan.keys() == source.keys()
    for code, row in source.items():
        if code == "2301":  # idle land: no use yet, so strict (ours)
            continue
        stated, ours = row["gb36600_category"], plan[code]["gb36600_category"]
        assert bool(stated) == bool(ours), code
        if stated[:2] in ("1", "2", "2 "):
            assert ours == stated[0], code
        assert plan[code]["yizhu_lianggong"] == (
            "undetermined" if code == "16" else row["yizhu_lianggong"][:4].split("配套")[0]
        )
    survey = {row["code"]: row for row in rows(ROOT / "layers/codes/landclass.csv")}
    source = {row["dlbm"]: row for row in rows(TABLES / "landclass_codes.csv")}
    assert survey.keys() == source.keys()
    for code, row in source.items():
        assert bool(survey[code]["gb36600_category"]) == (row["three_class"] == "建设用地"), code
        outside_of_planning = "不含" in row["yizhu_lianggong"]
        expected = "undetermined" if outside_of_planning or code == "1201" else row["yizhu_lianggong"].split("(")[0]
        assert survey[code]["yizhu_lianggong"] == expected, code


def test_same_named_codes_of_both_systems_have_the_same_category() -> None:
    for row in rows(TABLES / "survey_to_plan_map.csv"):
        pair = (row["survey_code"], row["plan_code"])
        if row["confidence"] == "confirmed" and pair[0] in CODES.systems[SURVEY] and pair[1] in CODES.systems[PLAN]:
            one, two = CODES.category(SURVEY, pair[0]), CODES.category(PLAN, pair[1])
            assert one.number == two.number, pair


def test_a_broken_list_is_told_with_all_its_faults(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "layers", tmp_path / "layers")
    path = tmp_path / "layers/codes/plan_landuse.csv"
    text = path.read_text(encoding="utf-8").replace(",by_name,,second_hand", ",by_guess,,hearsay")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        read_land_use_codes(tmp_path)
    assert "by_guess" in str(error.value)
    assert "hearsay" in str(error.value)


def test_soil_land_uses_of_layers_and_standards_are_one() -> None:
    standard: dict[str, str] = {}
    for row in rows(TABLES / "soil_land_uses.csv"):
        if row["standard"] == "farmland":
            standard |= {fold(word): row["zh"] for word in (row["zh"], row["use"], *row["words"].split("|"))}
    titles = read_catalogue().codes["land_use_soil"].titles
    spellings = read_catalogue().codes["land_use_soil"].spellings
    assert {text.zh for text in titles.values()} == set(standard.values())
    for word, code in spellings.items():
        if word in standard:
            assert standard[word] == titles[code].zh, word
        else:
            assert word == fold(titles[code].en), f"'{word}' of layers/codes is unknown to the standard's table"
    chinese = {word for word in standard if not word.isascii()}
    assert chinese <= set(spellings), "a word of the standard's table is unknown to layers/codes"


def test_gardens_are_not_taken_for_orchards_and_rotation_is_known() -> None:
    spellings = read_catalogue().codes["land_use_soil"].spellings
    assert "园地" not in spellings  # tea gardens among them have the stricter copper limit
    assert spellings["茶园"] == "旱地"
    assert spellings["水旱轮作"] == spellings["水旱轮作田"] == "水旱轮作"

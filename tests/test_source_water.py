"""Attainment of source water: each limit of tables 1 and 2 by zone, and what a gap does to an outcome."""

from __future__ import annotations

import csv
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.source_water import (
    ATTAINS,
    FAILS,
    INCOMPLETE,
    NOT_ASSESSED,
    OUTCOMES,
    assess_source_water,
    share_attaining,
    source_targets,
    source_water_items,
)


def rows_of(name):
    with (ROOT / "geosys/standards/tables" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# (item, kind, class II limit, class III limit), read from the CSV files without the code under test
UPPER = [
    (row["item"], "lake" if row["applies_to"].startswith("lake") else "river", row["II"], row["III"])
    for row in rows_of("gb3838_table1.csv")
    if row["rule"] == "max"
] + [(row["item"], "river", row["limit"], row["limit"]) for row in rows_of("gb3838_table2.csv")]


def assess(frame, targets=3, kind="river", items=None, **options):
    frame = pd.DataFrame(frame)
    target = pd.Series(targets, index=frame.index)
    values = LaboratoryValues.from_frame(frame)
    return assess_source_water(values, target, kind, evaluation_items=items or list(frame), **options)


def test_the_tables_have_items_for_both_kinds_of_water():
    assert len(UPPER) == 27  # 22 rows of table 1 with an upper limit, phosphorus twice, and 5 of table 2
    assert "总氮" in source_water_items("lake")
    assert "总氮" not in source_water_items("river")


@pytest.mark.parametrize(("item", "kind", "second", "third"), UPPER, ids=str)
def test_every_upper_limit_on_below_and_above(item, kind, second, third):
    for target, text in ((2, second), (3, third)):
        limit = Decimal(text)
        values = [float(limit), np.nextafter(float(limit), 0), np.nextafter(float(limit), np.inf), float(limit * 2)]
        outcomes = assess({item: values}, target, kind).rows["outcome"].tolist()
        assert outcomes == [ATTAINS, ATTAINS, FAILS, FAILS]


@pytest.mark.parametrize(("target", "limit"), [(2, 6.0), (3, 5.0)])
def test_oxygen_must_not_be_less(target, limit):
    found = assess({"溶解氧": [limit, np.nextafter(limit, 0), np.nextafter(limit, 9), 12.0]}, target)
    assert found.rows["outcome"].tolist() == [ATTAINS, FAILS, ATTAINS, ATTAINS]
    assert found.multiples["溶解氧"].isna().all()


def test_ph_from_6_to_9():
    found = assess({"pH": [6, 9, np.nextafter(6, 0), np.nextafter(9, 10), 7, 5.0]})
    assert found.rows["outcome"].tolist() == [ATTAINS, ATTAINS, FAILS, FAILS, ATTAINS, FAILS]
    assert found.multiples["pH"].isna().all()


def test_values_known_by_hand():
    # GB 3838: total phosphorus III is 0.2 in a river and 0.05 in a lake; nitrate 10, iron 0.3, manganese 0.1.
    assert assess({"总磷": [0.2, 0.21]}).rows["outcome"].tolist() == [ATTAINS, FAILS]
    assert assess({"总磷": [0.05, 0.06]}, kind="lake").rows["outcome"].tolist() == [ATTAINS, FAILS]
    assert assess({"铁": [0.3, 0.6], "锰": [0.1, 0.1]}).rows["failing_items"].tolist() == ["", "铁"]
    assert assess({"铁": [0.3, 0.6]}).multiples["铁"].fillna(-1).tolist() == pytest.approx([-1, 1.0])
    assert assess({"高锰酸盐指数": [5, 5]}, [2, 3]).rows["outcome"].tolist() == [FAILS, ATTAINS]


def test_rounding_is_an_option_by_name():
    frame = {"氨氮": [1.005, 1.0051, 1.015], "铁": [0.3001] * 3}
    assert assess(frame, items=["氨氮"]).rows["outcome"].tolist() == [FAILS] * 3
    rounded = assess(frame, items=["氨氮"], rounding="displayed")
    assert rounded.rows["outcome"].tolist() == [ATTAINS, FAILS, FAILS]  # 1.00, 1.01, 1.02
    assert (
        assess(frame, items=["铁"], rounding="displayed").rows["outcome"].tolist() == [FAILS] * 3
    )  # no decimals in table 2
    assert "half to even" in rounded.rounding.en
    with pytest.raises(SpecError, match="rounding"):
        assess(frame, rounding="half")


def test_zones_give_the_target():
    zones = pd.Series(["一级", "二级", "准", "一级保护区", " 二级 ", None, "III"])
    assert source_targets(zones).fillna(0).tolist() == [2, 3, 0, 2, 3, 0, 0]


def test_without_a_target_nothing_is_assessed():
    found = assess({"铁": [0.1, 0.1, 0.1, 0.1]}, [3, None, 4, 1])
    assert found.rows["outcome"].tolist() == [ATTAINS, NOT_ASSESSED, NOT_ASSESSED, NOT_ASSESSED]
    assert found.rows["reason_en"].tolist()[1:] == ["no target class: 铁"] * 3
    assert found.rows["target"].isna().tolist() == [False, True, True, True]


def test_a_missing_item_is_no_pass_but_one_that_fails_decides():
    frame = {"铁": [0.1, 0.4, np.nan, 0.1], "锰": [np.nan, np.nan, np.nan, 0.1]}
    found = assess(frame)
    assert found.rows["outcome"].tolist() == [INCOMPLETE, FAILS, NOT_ASSESSED, ATTAINS]
    assert found.rows["items_evaluated"].tolist() == [1, 1, 0, 2]
    assert found.rows["items_missing"].tolist() == [1, 1, 2, 0]
    assert found.rows["reason_zh"].tolist() == ["无数据：锰", "无数据：锰", "无数据：铁、锰", ""]
    assert found.item_outcomes["锰"].tolist() == [NOT_ASSESSED] * 3 + [ATTAINS]
    assert set(found.rows["outcome"]) <= set(OUTCOMES)


def test_without_a_list_all_27_items_of_a_river_are_asked_for():
    values = LaboratoryValues.from_frame(pd.DataFrame({"铁": [0.1]}))
    found = assess_source_water(values, pd.Series([3]), "river")
    assert found.rows.loc[0, ["outcome", "items_evaluated", "items_missing"]].tolist() == [INCOMPLETE, 1, 26]


def test_nitrogen_of_a_river_is_not_assessed_and_no_error():
    values = LaboratoryValues.from_frame(pd.DataFrame({"总氮": [9.0], "铁": [0.1]}))
    found = assess_source_water(values, pd.Series([3]), "river")
    assert found.rows["outcome"].tolist() == [INCOMPLETE]
    assert "总氮" not in found.items


def test_items_set_apart_are_shown_but_do_not_decide():
    frame = {"总氮": [9.0], "粪大肠菌群": [99999.0], "铁": [0.1]}
    assert assess(frame, kind="lake").rows["failing_items"].tolist() == ["总氮、粪大肠菌群"]
    found = assess(frame, kind="lake", apart=["TN", "粪大肠菌群"])
    assert found.rows["outcome"].tolist() == [ATTAINS]
    assert found.item_outcomes.loc[0, ["总氮", "粪大肠菌群", "铁"]].tolist() == [FAILS, FAILS, ATTAINS]


def test_non_detects():
    frame = pd.DataFrame({"汞": [np.nan] * 4, "溶解氧": [np.nan] * 4})
    limits = pd.DataFrame({"汞": [0.00004, 0.0001, 0.0002, np.nan], "溶解氧": [0.2, 5.0, 5.1, np.nan]})
    values = LaboratoryValues.from_frame(frame, is_below=frame.isna(), detection_limit=limits)
    found = assess_source_water(values, pd.Series([3] * 4), "river", evaluation_items=list(frame))
    assert found.item_outcomes["汞"].tolist() == [ATTAINS, ATTAINS, NOT_ASSESSED, NOT_ASSESSED]
    assert found.item_outcomes["溶解氧"].tolist() == [FAILS, FAILS, NOT_ASSESSED, NOT_ASSESSED]
    assert "检出限高于限值" in found.rows["reason_zh"].tolist()[2]
    assert "未注明检出限" in found.rows["reason_zh"].tolist()[3]


def test_bad_cells_have_reasons():
    found = assess({"铁": ["0.1", -1.0, True, np.inf], "锰": [0.05] * 4})
    assert found.rows["outcome"].tolist() == [INCOMPLETE] * 4
    assert found.rows["reason_zh"].tolist() == ["不是数值：铁", "负值：铁", "不是数值：铁", "不是数值：铁"]


def test_the_share_leaves_out_who_is_not_fully_judged():
    found = assess(
        pd.DataFrame({"铁": [0.1, 0.4, 0.1, np.nan], "锰": [0.1, 0.1, np.nan, np.nan]}, index=["a", "b", "c", "d"])
    )
    share = share_attaining(found)
    assert (share.numerator, share.denominator, share.left_out) == (("a",), ("a", "b"), ("c", "d"))
    assert share.value == pytest.approx(0.5)


def test_the_certainty_is_that_of_the_tables():
    assert assess({"铁": [0.1]}).certainty == "confirmed"
    assert assess({"铁": [0.1], "铅": [0.1]}).certainty == "partly confirmed"


@given(st.sampled_from(UPPER), st.lists(st.floats(0, 1e5), min_size=2, max_size=10), st.sampled_from([2, 3]))
def test_worse_never_attains_where_better_fails(row, values, target):
    outcomes = assess({row[0]: sorted(values)}, target, row[1]).rows["outcome"].tolist()
    assert outcomes == sorted(outcomes)  # 'attains' before 'fails'


@given(st.sampled_from(UPPER), st.floats(0, 1e5))
def test_class_ii_is_never_easier_than_iii(row, value):
    second, third = (assess({row[0]: [value]}, target, row[1]).rows["outcome"][0] for target in (2, 3))
    assert not (second == ATTAINS and third == FAILS)


def test_bad_calls_say_what_is_wrong():
    values = LaboratoryValues.from_frame(pd.DataFrame({"铁": [0.1]}))
    with pytest.raises(SpecError, match="targets of other rows"):
        assess_source_water(values, pd.Series([3], index=["x"]), "river")
    with pytest.raises(SpecError, match="kind of water"):
        assess_source_water(values, pd.Series([3]), "pond")
    with pytest.raises(SpecError, match="expected items of the standard"):
        assess({"铬": [1.0]})
    with pytest.raises(SpecError, match="no item to decide"):
        assess({"铁": [0.1]}, apart=["铁"])
    assert len(assess(pd.DataFrame({"铁": pd.Series([], dtype=float)})).rows) == 0

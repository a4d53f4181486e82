"""Groundwater classes: every limit of the table on, below and above; non-detects, gaps, background and the V share."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.certainty import MARKS, read_table, weakest
from geosys.standards.groundwater import grade_groundwater, presence, share_of_class_v
from geosys.standards.groundwater_items import groundwater_items
from geosys.standards.laboratory import LaboratoryValues, match_items, reasons
from geosys.standards.shares import share_of

with (ROOT / "geosys/standards/tables/gbt14848_table1.csv").open(encoding="utf-8-sig", newline="") as file:
    TABLE = list(csv.DictReader(file))
UPPER = [row for row in TABLE if row["rule"] == "max"]


def frame_of(item, values):
    return LaboratoryValues.from_frame(pd.DataFrame({item: values}))


def classes_of(item, values):
    graded = grade_groundwater(frame_of(item, [float(v) for v in values]), [item])
    return graded.item_classes[item].fillna(0).astype(int).tolist()


def below(item, limits):
    """Grade non-detects with these detection limits; NaN is a limit that was not stated."""
    frame = pd.DataFrame({item: [np.nan] * len(limits)})
    values = LaboratoryValues.from_frame(frame, is_below=frame.isna(), detection_limit=pd.DataFrame({item: limits}))
    graded = grade_groundwater(values, [item])
    return graded.item_classes[item].fillna(0).astype(int).tolist(), graded.rows


def expected_class(row, value):
    """Read the row as a person would: the first class whose limit is not below the value, in decimals."""
    for number, roman in enumerate(("I", "II", "III", "IV"), 1):
        cell = row[roman]
        if cell.startswith(">"):
            return number
        if value <= (Decimal(0) if cell == "不得检出" else Decimal(cell)):
            return number
    return 5


def test_the_table_has_39_regular_and_54_other_items():
    items = groundwater_items().values()
    assert len(items) == 93
    assert sum(item.is_regular for item in items) == 39


@pytest.mark.parametrize("row", UPPER, ids=lambda row: row["item"])
def test_every_limit_on_just_below_and_just_above(row):
    numbers = [Decimal(row[c]) for c in ("I", "II", "III", "IV") if re.fullmatch(r"[\d.]+", row[c])]
    step = Decimal("1e-9")
    values = [number + move for number in numbers for move in (-step * number, Decimal(0), step * number)]
    assert classes_of(row["item"], values) == [expected_class(row, value) for value in values]
    nearest = [np.nextafter(float(number), towards) for number in numbers for towards in (0.0, np.inf)]
    moved = [number + move for number in numbers for move in (-step * number, step * number)]
    assert classes_of(row["item"], nearest) == [expected_class(row, value) for value in moved]


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        # The 2017 edition, not that of 1993 (standards README, section 2).
        ("汞", 0.001, 3), ("砷", 0.01, 3), ("锰", 0.10, 3), ("锰", 0.05, 1), ("锰", 0.1000001, 4), ("锰", 1.51, 5),
        ("氨氮(以N计)", 0.5, 3), ("总硬度(以CaCO3计)", 451, 4), ("溶解性总固体", 2000.1, 5), ("甲苯", 0.6, 2),
        ("阴离子表面活性剂", 0, 1), ("阴离子表面活性剂", 0.05, 2), ("阴离子表面活性剂", 0.3, 3), ("阴离子表面活性剂", 0.31, 5),
        ("pH", 6.5, 1), ("pH", 8.5, 1), ("pH", 6.49, 4), ("pH", 5.5, 4), ("pH", 5.49, 5), ("pH", 8.51, 4), ("pH", 9.0, 4), ("pH", 9.01, 5),
        ("pH", 0, 5), ("pH", 14, 5), ("嗅和味", 0, 1), ("嗅和味", 1, 5), ("肉眼可见物", 0, 1), ("肉眼可见物", 1, 5),
        ("总α放射性", 0.1, 1), ("总α放射性", 0.5, 3), ("总α放射性", 0.51, 4), ("总α放射性", 50, 4), ("总β放射性", 1.0, 2), ("总β放射性", 1.01, 4),
    ],
)  # fmt: skip
def test_classes_known_by_hand(item, value, expected):
    assert classes_of(item, [value]) == [expected]


def test_of_equal_limits_the_better_class():
    assert classes_of("氟化物", [1.0]) == [1]  # I, II and III are all 1.0
    assert classes_of("铅", [0.005, 0.0051]) == [1, 3]  # no class II is ever reached
    assert 2 not in classes_of("铅", np.linspace(0, 0.2, 500))


def test_too_much_radioactivity_asks_for_a_nuclide_analysis_and_is_never_v():
    rows = grade_groundwater(frame_of("总α放射性", [0.5, 0.51, 1e6]), ["总α放射性"]).rows
    assert rows["needs_nuclide_analysis"].tolist() == [False, True, True]
    assert rows["class"].tolist() == [3, 4, 4]


@given(
    st.sampled_from([row["item"] for row in UPPER]),
    st.lists(st.floats(0, 1e4, allow_nan=False), min_size=2, max_size=20),
)
def test_a_class_never_improves_when_a_value_gets_worse(item, values):
    found = classes_of(item, sorted(values))
    assert found == sorted(found)


@given(st.lists(st.floats(0, 14), min_size=2, max_size=20))
def test_a_ph_farther_from_neutral_is_never_better(values):
    for side in (sorted(v for v in values if v >= 7), sorted((v for v in values if v <= 7), reverse=True)):
        found = classes_of("pH", side)
        assert found == sorted(found)


@given(st.integers(0, 92), st.floats(1e-6, 1e4), st.floats(1, 100))
def test_a_coarser_detection_limit_is_never_better_nor_better_than_the_value(place, limit, factor):
    row = TABLE[place]
    if row["rule"] == "max":
        (fine, coarse), _ = below(row["item"], [limit, limit * factor])
        assert (coarse == 0) or (fine != 0 and fine <= coarse)
        if row["item"] != "阴离子表面活性剂" and fine:
            assert fine == classes_of(row["item"], [limit])[0]


def test_a_non_detect_attains_what_is_not_below_its_detection_limit():
    found, rows = below("铅", [0.004, 0.005, 0.006, 0.10, 0.11, np.nan, 0.0, -1.0])
    assert found == [1, 1, 3, 4, 0, 0, 0, 0]
    assert rows["class"].isna().tolist() == [False] * 4 + [True] * 4
    assert rows["reason_zh"].tolist()[4] == "未检出，但检出限高于限值，无法判定：铅"
    assert rows["reason_en"].tolist()[5:] == ["not detected, detection limit not stated: 铅"] * 3


def test_not_detectable_is_met_by_a_non_detect_with_a_fit_limit():
    found, _ = below("阴离子表面活性剂", [0.05, 0.1, 0.11, 0.31, np.nan])
    assert found == [1, 1, 3, 0, 1]


def test_a_non_detect_of_radioactivity_above_iii_says_nothing():
    assert below("总α放射性", [0.5, 0.51])[0] == [3, 0]


def test_ph_cannot_be_below_a_detection_limit_and_absence_can():
    assert below("pH", [0.1])[0] == [0]
    assert below("嗅和味", [np.nan])[0] == [1]


def test_a_bad_cell_has_a_reason_and_no_class():
    frame = pd.DataFrame(
        {
            "铅": [0.001, -0.1, np.nan, "0.001", True, np.inf, 0.5],
            "pH": [7.0, 7.0, 7.0, 7.0, 15.0, -1.0, "七"],
            "嗅和味": [0, 2, np.nan, 1, 0, 0, 0],
        }
    )
    graded = grade_groundwater(LaboratoryValues.from_frame(frame), list(frame))
    assert graded.rows["class"].tolist() == [1, 1, 1, 5, 1, 1, 5]
    assert graded.rows["items_evaluated"].tolist() == [3, 1, 1, 2, 1, 1, 2]
    assert graded.rows["items_missing"].tolist() == [0, 2, 2, 1, 2, 2, 1]
    told = graded.rows["reason_zh"].tolist()
    assert told[0] == ""
    assert told[1] == "应为“无”或“有”：嗅和味；负值：铅"
    assert told[2] == "无数据：嗅和味、铅"
    assert told[3] == "不是数值：铅"
    assert told[4:6] == ["pH 不在 0–14 之间：pH；不是数值：铅"] * 2
    assert graded.rows["deciding_items"].tolist() == ["", "", "", "嗅和味", "", "", "铅"]


def test_nothing_measured_is_no_class():
    frame = pd.DataFrame({"铅": [np.nan, np.nan], "镉": [np.nan, "x"]}, index=["a", "b"])
    rows = grade_groundwater(LaboratoryValues.from_frame(frame), ["铅", "镉"]).rows
    assert rows["class"].isna().all()
    assert rows["class_without_background"].isna().all()
    assert rows["items_evaluated"].tolist() == [0, 0]
    empty = grade_groundwater(LaboratoryValues.from_frame(pd.DataFrame(index=["a"])))
    assert empty.rows["class"].isna().all()
    assert empty.rows["items_missing"].tolist() == [39]


def test_no_rows_are_no_rows():
    graded = grade_groundwater(frame_of("铅", []), ["铅"])
    assert len(graded.rows) == len(graded.item_classes) == 0
    assert share_of_class_v(graded).value is None


def test_without_a_list_the_regular_items_are_asked_for_and_others_counted_if_given():
    frame = pd.DataFrame({"镍": [0.2], "铅": [0.001]})
    graded = grade_groundwater(LaboratoryValues.from_frame(frame))
    assert len(graded.items) == 40
    assert graded.rows.loc[0, ["class", "deciding_items", "items_evaluated", "items_missing"]].tolist() == [
        5,
        "镍",
        2,
        38,
    ]
    assert grade_groundwater(LaboratoryValues.from_frame(frame), ["铅"]).rows["class"].tolist() == [1]


def test_all_93_items_at_class_iii_limits_are_class_iii():
    values = {}
    for row in TABLE:
        values[row["item"]] = [
            {"max": lambda r: float(r["III"]), "range": lambda _: 7.0, "text": lambda _: 0.0}[row["rule"]](row)
        ]
    graded = grade_groundwater(LaboratoryValues.from_frame(pd.DataFrame(values)), list(values))
    assert graded.rows.loc[0, ["class", "items_evaluated", "items_missing", "reason_zh"]].tolist() == [3, 93, 0, ""]
    assert graded.certainty == "second-hand"
    assert graded.standard == "GB/T 14848-2017"
    assert all(note.certainty in MARKS for note in graded.notes)


def test_multiples_against_iii_only_where_worse():
    frame = pd.DataFrame({"铁": [0.3, 0.6, 4.5], "pH": [5.0, 7.0, 7.0]})
    multiples = grade_groundwater(LaboratoryValues.from_frame(frame), ["铁", "pH"]).multiples
    assert np.allclose(multiples["铁"], [np.nan, 1.0, 14.0], equal_nan=True)
    assert multiples["pH"].isna().all()


def test_natural_background_is_shown_beside_not_instead():
    frame = pd.DataFrame({"锰": [2.0, 2.0, 2.0], "铅": [0.05, np.nan, 0.2]}, index=["a", "b", "c"])
    flags = pd.DataFrame({"锰": [True, True, None]}, index=["a", "b", "c"], dtype="boolean")
    graded = grade_groundwater(LaboratoryValues.from_frame(frame), ["锰", "铅"], background=flags)
    assert graded.rows["class"].tolist() == [5, 5, 5]
    assert graded.rows["class_without_background"].fillna(0).tolist() == [4, 0, 5]
    assert graded.rows["background_items"].tolist() == ["锰", "锰", ""]
    share = share_of_class_v(graded, without_background=True)
    assert (share.numerator, share.denominator, share.left_out) == (("c",), ("a", "c"), ("b",))
    assert share.certainty == "our reading"


def test_the_v_share_lists_whom_it_counts():
    frame = pd.DataFrame({"铅": [0.2, 0.01, np.nan, 0.001]}, index=["p1", "p2", "p3", "p4"])
    share = share_of_class_v(grade_groundwater(LaboratoryValues.from_frame(frame), ["铅"]))
    assert share.numerator == ("p1",)
    assert share.denominator == ("p1", "p2", "p4")
    assert share.left_out == ("p3",)
    assert share.value == pytest.approx(1 / 3)
    assert share.exact is not None
    assert share.exact.denominator == 3


def test_a_point_twice_is_no_share():
    graded = grade_groundwater(LaboratoryValues.from_frame(pd.DataFrame({"铅": [1, 1]}, index=["p", "p"])), ["铅"])
    with pytest.raises(SpecError, match="one row an object"):
        share_of_class_v(graded)


def test_rows_keep_their_order_and_labels():
    frame = pd.DataFrame({"铅": [0.2, 0.001]}, index=[7, 3])
    assert grade_groundwater(LaboratoryValues.from_frame(frame)).rows.index.tolist() == [7, 3]


@pytest.mark.parametrize(
    ("name", "item"),
    [("六价铬", "铬(六价)"), ("铬（六价）", "铬(六价)"), ("氨氮", "氨氮(以N计)"), ("耗氧量", "耗氧量(CODMn法,以O2计)"), ("总硬度（以CaCO3计）", "总硬度(以CaCO3计)"),
     ("二甲苯", "二甲苯(总量)"), ("林丹", "γ-六六六(林丹)"), ("1，2-二氯乙烷", "1,2-二氯乙烷"), ("pH值", "pH"), ("挥发性酚类", "挥发性酚类(以苯酚计)")],
)  # fmt: skip
def test_usual_names_are_known(name, item):
    assert grade_groundwater(frame_of(name, [1.0]), [item]).items == (item,)


@pytest.mark.parametrize("name", ["铬", "总铬", "化学需氧量", "铅2", ""])
def test_an_unknown_item_is_an_error(name):
    with pytest.raises(SpecError, match="expected items of the standard"):
        grade_groundwater(frame_of(name, [1.0]))


def test_bad_calls_say_what_is_wrong():
    two = LaboratoryValues.from_frame(pd.DataFrame({"六价铬": [1.0], "铬(六价)": [1.0]}))
    with pytest.raises(SpecError, match="two columns"):
        grade_groundwater(two)
    with pytest.raises(SpecError, match="no evaluation item"):
        grade_groundwater(frame_of("铅", [1.0]), [])
    with pytest.raises(SpecError, match="other rows"):
        grade_groundwater(frame_of("铅", [1.0]), background=pd.DataFrame({"铅": [True]}, index=[9]))
    with pytest.raises(SpecError, match="two columns"):
        LaboratoryValues.from_frame(pd.DataFrame([[1, 2]], columns=["铅", "铅"]))
    with pytest.raises(SpecError, match="is_below"):
        LaboratoryValues.from_frame(pd.DataFrame({"铅": [1.0]}), is_below=pd.DataFrame({"铅": [True]}))
    with pytest.raises(SpecError, match="镉"):
        LaboratoryValues.from_frame(pd.DataFrame({"铅": [1.0]}), is_below=pd.DataFrame({"镉": [True]}))
    with pytest.raises(SpecError, match="other rows"):
        LaboratoryValues.from_frame(pd.DataFrame({"铅": [1.0]}), detection_limit=pd.DataFrame({"铅": [1.0]}, index=[4]))
    with pytest.raises(SpecError, match="shape"):
        LaboratoryValues(("铅",), pd.RangeIndex(2), *[np.zeros((1, 1))] * 4)


def test_presence_words():
    values, refused = presence(pd.Series(["无", " 有 ", "弱", None, ""]))
    assert values.fillna(-1).tolist() == [0, 1, -1, -1, -1]
    assert refused.tolist() == [False, False, True, False, False]


def test_marks_of_certainty():
    assert weakest(["confirmed", "our reading"]) == "our reading"
    with pytest.raises(SpecError, match="sure"):
        weakest(["sure"])
    for name in ("gbt14848_table1", "gb3838_table1", "gb3838_table2", "black_odorous"):
        assert read_table(f"{name}.csv", ())


def test_the_input_is_not_changed():
    frame = pd.DataFrame({"铅": [0.2, np.inf]})
    before = frame.copy()
    values = LaboratoryValues.from_frame(frame)
    numbers = values.numbers.copy()
    grade_groundwater(values)
    pd.testing.assert_frame_equal(frame, before)
    assert np.array_equal(values.numbers, numbers, equal_nan=True)


def test_nullable_and_text_columns_read_alike():
    for dtype in ("Float64", "float64", object):
        frame = pd.DataFrame({"铅": pd.Series([0.2, None, 0.001], dtype=dtype)})
        assert grade_groundwater(LaboratoryValues.from_frame(frame), ["铅"]).rows["class"].fillna(0).tolist() == [
            5,
            0,
            1,
        ]


def test_reasons_and_names_by_row():
    assert reasons(np.zeros((0, 2), dtype=np.uint8), ["a", "b"]).tolist() == []
    assert match_items(["a"], ["a", "b"], "S", {}) == {"a": "a"}
    assert share_of(pd.Series([], dtype="boolean"), "confirmed").value is None
    assert share_of(pd.Series([], dtype="boolean"), "confirmed").exact is None

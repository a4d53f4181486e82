"""Black-odorous water: each threshold, shallow water, points by their shares, waters by their points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.black_odorous import (
    CURRENT_ITEMS,
    RURAL,
    URBAN,
    BlackOdorous,
    grade_samples,
    level_array,
    thresholds,
)
from geosys.standards.black_odorous_water import grade_points, grade_water
from geosys.standards.laboratory import LaboratoryValues

CLEAN = {"透明度": 60.0, "溶解氧": 6.0, "氧化还原电位": 200.0, "氨氮": 1.0}


def grade(frame, scheme=URBAN, depth=None, items=None):
    frame = pd.DataFrame(frame)
    depths = None if depth is None else pd.Series(depth, index=frame.index)
    return grade_samples(LaboratoryValues.from_frame(frame), scheme, depths, items or list(frame))


def levels(item, values, scheme=URBAN, depth=None):
    return grade({item: values}, scheme, depth).rows["level"].fillna(-1).tolist()


@pytest.mark.parametrize(
    ("item", "values", "expected"),
    [
        # standards README, section 9: light from 25 to 10 cm, 2.0 to 0.2 mg/L, 50 to -200 mV, 8.0 to 15 mg/L, both ends light
        ("透明度", [25.01, 25, 24.99, 10.01, 10, 9.99, 0], [0, 1, 1, 1, 1, 2, 2]),
        ("溶解氧", [2.01, 2.0, 1.99, 0.21, 0.2, 0.19, 0], [0, 1, 1, 1, 1, 2, 2]),
        ("氧化还原电位", [50.1, 50, 49.9, -199.9, -200, -200.1], [0, 1, 1, 1, 1, 2]),
        ("氨氮", [7.99, 8.0, 8.01, 14.99, 15, 15.01, 0], [0, 1, 1, 1, 1, 2, 0]),
    ],
)
def test_every_urban_threshold_on_below_and_above(item, values, expected):
    assert levels(item, values) == expected
    for edge in (thresholds(URBAN)[item].light, thresholds(URBAN)[item].heavy):
        assert levels(item, [edge]) == [1]
        sides = levels(item, [np.nextafter(edge, -1e9), np.nextafter(edge, 1e9)])
        assert sorted(sides) in ([0, 1], [1, 2])


@pytest.mark.parametrize(
    ("item", "values", "expected"),
    [
        ("透明度", [25, np.nextafter(25, 0), 26], [0, 1, 0]),
        ("溶解氧", [2, np.nextafter(2, 0), 2.1], [0, 1, 0]),
        ("氨氮", [15, np.nextafter(15, 99), 14], [0, 1, 0]),
    ],
)
def test_every_rural_threshold_on_below_and_above(item, values, expected):
    assert levels(item, values, RURAL) == expected


@given(
    st.sampled_from(list(CLEAN)), st.lists(st.floats(0, 500), min_size=2, max_size=20), st.sampled_from([URBAN, RURAL])
)
def test_a_level_never_improves_when_a_value_gets_worse(item, values, scheme):
    if item in thresholds(scheme):
        found = levels(item, sorted(values, reverse=item != "氨氮"), scheme)
        assert found == sorted(found)


def test_shallow_water_takes_40_percent_of_its_depth():
    # 40 % of 20 cm is 8 cm, of 7 cm 2.8 cm; from 25 cm on the ordinary limits hold
    found = grade({"透明度": [8.1, 8.0, 7.9, 2.8, 24.0, 20.0]}, depth=[20, 20, 20, 7, 25, 24.9])
    assert found.rows["level"].tolist() == [0, 1, 2, 1, 1, 0]
    assert found.rows["is_shallow"].tolist() == [True, True, True, True, False, True]
    assert levels("透明度", [8.1, 8.0, 7.9], RURAL, [20, 20, 20]) == [0, 0, 1]


def test_an_impossible_depth_leaves_the_transparency_open():
    found = grade({"透明度": [30.0, 5.0, 5.0, 5.0, 5.0]}, depth=[20, 0, -1, None, "深"])
    assert found.rows["level"].fillna(-1).tolist() == [-1, -1, -1, 2, -1]
    assert found.rows["reason_en"].tolist()[0] == "depth of water no number, or less than the transparency: 透明度"


def test_a_sample_is_as_bad_as_its_worst_item():
    found = grade([CLEAN, CLEAN | {"氨氮": 9}, CLEAN | {"氨氮": 9, "溶解氧": 0.1}])
    assert found.rows["level"].tolist() == [0, 1, 2]
    assert found.rows["deciding_items"].tolist() == ["", "氨氮", "溶解氧"]
    assert found.certainty == "confirmed"
    assert grade([CLEAN | {"氨氮": 16}], RURAL, items=list(CURRENT_ITEMS)).certainty == "unconfirmed"


def test_a_missing_item_is_no_clear_sample_but_a_bad_one_decides():
    found = grade_samples(LaboratoryValues.from_frame(pd.DataFrame({"氨氮": [1.0, 9.0, np.nan]})), URBAN)
    assert found.rows["level"].fillna(-1).tolist() == [-1, 1, -1]
    assert found.rows["items_evaluated"].tolist() == [1, 1, 0]
    assert found.rows["items_missing"].tolist() == [3, 3, 4]
    assert found.rows["reason_zh"].tolist()[0] == "无数据：透明度、溶解氧、氧化还原电位"
    assert grade([{"透明度": 60.0, "溶解氧": 6.0, "氨氮": 1.0}]).rows["level"].tolist() == [0]


def test_non_detects():
    frame = pd.DataFrame({"氨氮": [np.nan] * 4, "溶解氧": [np.nan] * 4, "透明度": [np.nan] * 4})
    limits = pd.DataFrame({"氨氮": [0.02, 8.0, 8.1, np.nan], "溶解氧": [0.1, 0.2, 0.3, np.nan], "透明度": [1.0] * 4})
    values = LaboratoryValues.from_frame(frame, is_below=frame.isna(), detection_limit=limits)
    urban = grade_samples(values, URBAN).item_levels.fillna(-1)
    assert urban["氨氮"].tolist() == [0, 0, -1, -1]
    assert urban["溶解氧"].tolist() == [2, 2, -1, -1]
    assert urban["透明度"].tolist() == [-1] * 4
    rural = grade_samples(values, RURAL).item_levels.fillna(-1)
    assert rural["氨氮"].tolist() == [0, 0, 0, -1]
    assert rural["溶解氧"].tolist() == [1, 1, 1, -1]


def test_bad_cells_have_reasons():
    found = grade({"氨氮": [-1.0, "9", True], "氧化还原电位": [-300.0, 100.0, "x"]})
    assert found.rows["level"].fillna(-1).tolist() == [2, -1, -1]
    assert found.rows["reason_zh"].tolist() == ["负值：氨氮", "不是数值：氨氮", "不是数值：氧化还原电位、氨氮"]


def points(*samplings):
    """Grade one point from samplings, each the values that differ from clean water."""
    samples = grade([CLEAN | bad for bad in samplings])
    return grade_points(samples, pd.Series(["p"] * len(samplings))).rows.loc["p"]


HEAVY_N, HEAVY_O, LIGHT_N = {"氨氮": 16.0}, {"溶解氧": 0.1}, {"氨氮": 9.0}


@pytest.mark.parametrize(
    ("samplings", "expected"),
    [
        ([HEAVY_N] * 3 + [{}] * 2, 2),  # 3 of 5 is 60 %
        ([HEAVY_N] * 2 + [{}] * 2, 1),  # 50 % of one item
        ([HEAVY_N | HEAVY_O] * 3 + [{}] * 7, 2),  # 30 % of two items
        ([HEAVY_N | HEAVY_O] * 2 + [{}] * 5, 1),  # 28.6 % of two
        ([HEAVY_N] * 3 + [HEAVY_O] * 3 + [{}] * 4, 2),  # 30 % of two, in different samplings
        ([LIGHT_N] + [{}] * 9, 1),
        ([{}] * 3, 0),
    ],
)
def test_a_point_by_the_shares_of_its_heavy_values(samplings, expected):
    row = points(*samplings)
    assert row["level"] == expected
    assert row["samplings"] == len(samplings)
    assert not row["is_provisional"]


def test_fewer_than_three_samplings_are_provisional():
    assert points(HEAVY_N, HEAVY_N)["is_provisional"]


def test_a_point_with_an_item_never_measured_is_not_cleared():
    values = LaboratoryValues.from_frame(pd.DataFrame({"氨氮": [1.0, 1.0, 9.0]}))
    found = grade_points(grade_samples(values, URBAN), pd.Series(["b", "a", "c"]))
    assert found.rows.index.tolist() == ["b", "a", "c"]
    assert found.rows["level"].fillna(-1).tolist() == [-1, -1, 1]
    assert found.rows["items_missing"].tolist() == [3, 3, 3]
    assert found.certainty == "our reading"


def water(*given, samplings=3):
    rows = pd.DataFrame(
        {"level": level_array([-1 if v is None else v for v in given]), "is_provisional": [samplings < 3] * len(given)},
        index=[f"p{i}" for i in range(1, len(given) + 1)],
    )
    return grade_water(BlackOdorous(rows, None, "second-hand", URBAN))


def test_a_water_by_its_points():
    whole = water(2, 2, 2, 1, 0)  # 60 %
    assert (whole.level, whole.heavy_reaches, whole.is_provisional) == (2, (("p1", "p3"),), False)
    reach = water(1, 2, 2, 2, 1, 0)  # 50 %, three in a row
    assert (reach.level, reach.heavy_reaches) == (1, (("p2", "p4"),))
    assert water(2, 2, 1, 2, 1).heavy_reaches == ()
    assert water(2, 2, 1, 2, 1).level == 2
    assert water(2, 1, 1, 2).level == 1
    assert water(0, 0, 0).level == 0
    assert water(2, 2, 2, 2, 0, 0, 2, 2, 2).heavy_reaches == (("p1", "p4"), ("p7", "p9"))


def test_a_point_without_a_level_breaks_a_row_and_clears_nothing():
    broken = water(2, 2, None, 2, 0, 0)
    assert (broken.level, broken.heavy_reaches, broken.points_without_level) == (2, (), ("p3",))
    assert broken.judged_points == ("p1", "p2", "p4", "p5", "p6")
    assert water(0, 0, None).level is None
    assert water(None, None).level is None
    assert water().level is None
    assert water(2, 2).is_provisional
    assert water(0, 0, 0, samplings=2).is_provisional


def test_bad_calls_say_what_is_wrong():
    with pytest.raises(SpecError, match="scheme"):
        grade([CLEAN], "suburban")
    with pytest.raises(SpecError, match="expected items"):
        grade({"总磷": [1.0]})
    with pytest.raises(SpecError, match="depths of other rows"):
        grade_samples(LaboratoryValues.from_frame(pd.DataFrame({"氨氮": [1.0]})), URBAN, pd.Series([1.0], index=["x"]))
    with pytest.raises(SpecError, match="no evaluation item"):
        grade_samples(LaboratoryValues.from_frame(pd.DataFrame({"氨氮": [1.0]})), URBAN, evaluation_items=[])
    with pytest.raises(SpecError, match="rural samples"):
        grade_points(grade([{"氨氮": 1.0}], RURAL), pd.Series(["p"]))
    with pytest.raises(SpecError, match="without a point"):
        grade_points(grade([CLEAN]), pd.Series([None]))


def test_no_rows_are_no_rows():
    found = grade({"氨氮": pd.Series([], dtype=float)})
    assert len(found.rows) == 0
    assert len(grade_points(found, pd.Series([], dtype=object)).rows) == 0

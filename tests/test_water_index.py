"""The index CWQI: items against class III by hand, no index for a section that lacks an item."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.water_index import city_index, index_items, water_index

# Class III of GB 3838 table 1 for a river, written a second time from the standards README.
THIRD = {
    "pH": 7.0, "溶解氧": 5, "高锰酸盐指数": 6, "化学需氧量": 20, "五日生化需氧量": 4, "氨氮": 1.0, "总磷": 0.2, "铜": 1.0, "锌": 1.0,
    "氟化物": 1.0, "硒": 0.01, "砷": 0.05, "汞": 0.0001, "镉": 0.005, "六价铬": 0.05, "铅": 0.05, "氰化物": 0.2, "挥发酚": 0.005,
    "石油类": 0.05, "阴离子表面活性剂": 0.2, "硫化物": 0.2,
}  # fmt: skip


def index_of(rows, items=None, kind="river", **index):
    frame = pd.DataFrame(rows, **index)
    return water_index(LaboratoryValues.from_frame(frame), kind, items)


def test_a_section_at_class_iii_everywhere_has_20():
    # 20 items of index 1 and a neutral pH of index 0
    found = index_of([THIRD])
    assert found.rows.loc[0, "index"] == pytest.approx(20.0)
    assert found.rows.loc[0, ["items_evaluated", "items_missing", "non_detects", "reason_zh"]].tolist() == [
        21,
        0,
        0,
        "",
    ]
    assert set(found.items) == set(THIRD)
    assert found.certainty == "second-hand"


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        ("高锰酸盐指数", 3.0, 0.5), ("氨氮", 1.25, 1.25), ("总磷", 0.23, 1.15), ("汞", 0.0002, 2.0),
        ("溶解氧", 10.0, 0.5), ("溶解氧", 2.5, 2.0), ("溶解氧", 5.0, 1.0),
        ("pH", 7.0, 0.0), ("pH", 6.0, 1.0), ("pH", 9.0, 1.0), ("pH", 8.0, 0.5), ("pH", 6.5, 0.5), ("pH", 5.0, 2.0), ("氨氮", 0.0, 0.0),
    ],
)  # fmt: skip
def test_item_indices_by_hand(item, value, expected):
    assert index_of({item: [value]}, [item]).rows["index"].tolist() == pytest.approx([expected])


@pytest.mark.parametrize("item", THIRD)
def test_every_item_is_one_at_class_iii_and_changes_beside_it(item):
    if item != "pH":
        limit = THIRD[item]
        at, less, more = index_of({item: [limit, limit * 0.999, limit * 1.001]}, [item]).rows["index"]
        assert at == pytest.approx(1.0, abs=1e-12)
        assert (more < at < less) if item == "溶解氧" else (less < at < more)


def test_lakes_have_their_own_phosphorus():
    assert index_of({"总磷": [0.05]}, ["总磷"], "lake").rows["index"].tolist() == pytest.approx([1.0])
    assert index_items("lake")["总磷"].limits[2] == 0.05


def test_a_section_that_lacks_an_item_has_no_index():
    rows = [THIRD, {k: v for k, v in THIRD.items() if k not in ("铅", "镉")}, {}]
    found = index_of(rows, index=["a", "b", "c"])
    assert found.rows["index"].isna().tolist() == [False, True, True]
    assert found.rows["sum_of_evaluated"].fillna(-1).tolist() == pytest.approx([20.0, 18.0, -1])
    assert found.rows["items_missing"].tolist() == [0, 2, 21]
    assert found.rows["reason_zh"].tolist()[1] == "无数据：镉、铅"
    city = city_index(found)
    assert (city.value, city.counted, city.left_out) == (pytest.approx(20.0), ("a",), ("b", "c"))


def test_a_city_is_the_mean_of_its_sections():
    found = index_of([THIRD, THIRD | {"氨氮": 3.0}, THIRD | {"总磷": 1.0}], index=["a", "b", "c"])
    assert city_index(found).value == pytest.approx((20 + 22 + 24) / 3)
    assert city_index(found, ["a", "b"]).value == pytest.approx(21.0)
    assert city_index(found, []).value is None
    with pytest.raises(SpecError, match="each once"):
        city_index(found, ["a", "x"])
    with pytest.raises(SpecError, match="each once"):
        city_index(found, ["a", "a"])
    with pytest.raises(SpecError, match="each once"):
        city_index(index_of([THIRD, THIRD], index=["a", "a"]))


def test_a_non_detect_counts_half_its_limit_and_is_marked():
    frame = pd.DataFrame({"铅": [np.nan, np.nan, 0.05]})
    values = LaboratoryValues.from_frame(
        frame, is_below=frame.isna(), detection_limit=pd.DataFrame({"铅": [0.01, np.nan, np.nan]})
    )
    found = water_index(values, evaluation_items=["铅"])
    assert found.rows["index"].fillna(-1).tolist() == pytest.approx([0.1, -1, 1.0])
    assert found.rows["non_detects"].tolist() == [1, 0, 0]
    assert found.rows["reason_en"].tolist()[1] == "not detected, detection limit not stated: 铅"
    assert found.certainty == "unconfirmed"


def test_bad_cells_have_reasons_and_no_index():
    found = index_of({"溶解氧": [0.0, -1.0, "5", 5.0], "pH": [7.0, 7.0, 7.0, 15.0]}, ["溶解氧", "pH"])
    assert found.rows["index"].isna().all()
    assert found.rows["reason_zh"].tolist() == [
        "数值为零，无法计算指数：溶解氧", "负值：溶解氧", "不是数值：溶解氧", "pH 不在 0–14 之间：pH",
    ]  # fmt: skip


@given(st.sampled_from(sorted(THIRD)), st.lists(st.floats(0.001, 14), min_size=2, max_size=10))
def test_an_index_never_falls_when_a_value_gets_worse(item, values):
    ordered = sorted((v for v in values if v >= 7) if item == "pH" else values, reverse=item == "溶解氧")
    found = index_of({item: ordered}, [item]).rows["index"].tolist()
    assert found == sorted(found)


def test_other_items_are_no_error_where_the_standard_knows_them():
    assert index_of({"总氮": [1.0], "铅": [0.05]}, ["铅"]).rows["index"].tolist() == pytest.approx([1.0])
    with pytest.raises(SpecError, match="expected items"):
        index_of({"总铬": [1.0]})
    with pytest.raises(SpecError, match="expected items"):
        index_of({"铅": [1.0]}, ["总氮"])
    with pytest.raises(SpecError, match="no item"):
        index_of({"铅": [1.0]}, [])

"""Farmland categories by the decision tables: points to units, crops, versions, and what each change must keep."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.soil_categories import category_points, farmland_category
from geosys.standards.soil_category_changes import CategoryVersion, category_changes
from geosys.standards.soil_category_rules import CATEGORIES, METALS, category_rules
from geosys.standards.soil_grades import grade_farmland

FIVE = ("镉", "汞", "砷", "铅", "铬")


def points(classes: list[int], unit: str = "A", metal: str = "镉") -> pd.DataFrame:
    """Return points whose one metal has these classes and whose others are clean."""
    frame = pd.DataFrame({"unit_code": [unit] * len(classes)} | dict.fromkeys(FIVE, [1] * len(classes)))
    frame[metal] = pd.array(classes, dtype="Int64")
    frame.index = [f"{unit}{i}" for i in range(1, len(classes) + 1)]
    return frame


def crops(within: list[Any], unit: str = "A") -> pd.DataFrame:
    return pd.DataFrame({"unit_code": [unit] * len(within), "is_within": pd.array(within, dtype="boolean")})


def decide(frame: pd.DataFrame, products: pd.DataFrame | None = None) -> pd.Series:
    return farmland_category(frame, products).rows.iloc[0]


@pytest.mark.parametrize(
    ("classes", "category", "rule"),
    [
        ([1, 1, 1], "优先保护", "same_priority"), ([2, 2, 2], "安全利用", "same_safe"), ([3, 3, 3], "严格管控", "same_strict"),
        ([1] * 9 + [2], "优先保护", "most_priority"), ([2] * 9 + [1], "安全利用", "most_safe"), ([3] * 9 + [1], "严格管控", "most_strict"),
        ([1] * 9 + [3], "优先保护", "most_priority_strict"), ([2] * 9 + [3], "安全利用", "most_safe_strict"),
        ([1] * 4 + [2], "安全利用", "mixed_priority_safe"),  # exactly 80 % is not more than 80 %
        ([1] * 5 + [2], "优先保护", "most_priority"), ([1, 1, 2, 2], "安全利用", "mixed_priority_safe"),
        ([3] * 4 + [2], "", "mixed_strict"), ([1, 2, 3], "", "mixed_strict"), ([3, 3], "", "too_few_points"), ([1], "", "too_few_points"),
    ],
)  # fmt: skip
def test_the_category_of_a_unit_by_its_points(classes: list[int], category: str, rule: str) -> None:
    found = decide(points(classes))
    assert (found["category"], found["soil_category"], found["rule"]) == (category, category, rule)
    assert (found["points"], found["points_unjudged"]) == (len(classes), 0)
    assert [found["points_priority"], found["points_safe"], found["points_strict"]] == [
        classes.count(i) for i in (1, 2, 3)
    ]
    assert found["reason_zh"]
    assert found["reason_en"]


def test_isolated_strict_points_are_named_to_be_cut_out() -> None:
    assert decide(points([2, 3, *[2] * 8]))["cut_out_points"] == "A2"
    assert "单独划出" in decide(points([2, 3, *[2] * 8]))["reason_zh"]
    assert not decide(points([3] * 9 + [1]))["cut_out_points"]


def test_the_worst_metal_decides_a_point() -> None:
    frame = points([1, 1, 1])
    frame["汞"] = [2, 1, 1]
    frame["铅"] = [1, 3, 1]
    found = decide(frame)
    assert [found["points_priority"], found["points_safe"], found["points_strict"]] == [1, 1, 1]
    frame["锌"] = 3
    assert decide(frame)["points_strict"] == 1, "zinc is none of the five"


def test_by_metal_first_the_unit_may_come_out_otherwise() -> None:
    frame = points([1] * 9 + [2])
    frame["铅"] = [2] + [1] * 9
    assert decide(frame)["category"] == "安全利用", "two of ten points are of class 2"
    by_metal = replace(category_rules(), combine=METALS)
    assert farmland_category(frame, rules=by_metal).rows["category"].tolist() == ["优先保护"], (
        "of each metal one of ten"
    )
    frame["镉"] = 3
    assert farmland_category(frame, rules=by_metal).rows["category"].tolist() == ["严格管控"]


def test_points_with_a_metal_not_judged_are_left_out_unless_another_is_strict() -> None:
    frame = points([1, 1, 1, 1, 3])
    frame["铬"] = pd.array([1, 1, 1, None, None], dtype="Int64")
    found = decide(frame)
    assert (found["points"], found["points_unjudged"], found["points_strict"]) == (5, 1, 1)
    assert found["category"] == ""
    assert "1 个点位有重金属未能判定" in found["reason_zh"]
    assert decide(points([1, 1, 1]).drop(columns="铬"))["rule"] == "too_few_points"


@pytest.mark.parametrize(
    ("classes", "within", "category"),
    [
        ([2, 2, 2], [True] * 3, "优先保护"), ([2, 2, 2], [True, True, False], "安全利用"), ([3, 3, 3], [True] * 3, "安全利用"),
        ([3, 3, 3], [False] * 3, "严格管控"), ([1, 1, 1], [False] * 3, "优先保护"), ([1, 1, 1], [True] * 3, "优先保护"),
        ([2, 2, 2], [True] * 2, "安全利用"), ([2, 2, 2], [True, True, None], "安全利用"), ([2, 2, 2], [], "安全利用"), ([1, 2, 3], [True] * 3, ""),
    ],
)  # fmt: skip
def test_crops_move_the_category(classes: list[int], within: list[Any], category: str) -> None:
    found = decide(points(classes), crops(within))
    assert found["category"] == category
    assert found["soil_category"] == decide(points(classes))["category"]
    assert (found["products"], found["products_over"]) == (sum(w is not None for w in within), within.count(False))


def test_units_keep_their_order_and_their_own_crops() -> None:
    frame = pd.concat([points([2, 2, 2], "B"), points([1, 1, 1], "A"), points([3, 3, 3], "C"), points([3], None)])
    found = farmland_category(frame, pd.concat([crops([True] * 3, "C"), crops([False] * 3, "X")]))
    assert found.rows[["unit_code", "category"]].to_numpy().tolist() == [
        ["B", "安全利用"],
        ["A", "优先保护"],
        ["C", "安全利用"],
    ]
    assert found.certainty == "unconfirmed"
    assert found.version == category_rules().version


def test_from_measured_values_to_a_category() -> None:
    # Upland, pH 7: Cd 0.3 and 3.0; four metals clean.
    values = pd.DataFrame({"镉": [0.2, 0.31, 3.1], "汞": 0.1, "砷": 5.0, "铅": 20.0, "铬": 50.0, "锌": 900.0})
    graded = grade_farmland(LaboratoryValues.from_frame(values), 7.0, 2)
    frame = category_points(graded, ["A"] * 3)
    assert frame["镉"].tolist() == [1, 2, 3]
    assert decide(frame)["rule"] == "mixed_strict"
    lacking = category_points(grade_farmland(LaboratoryValues.from_frame(values), np.nan, 2), ["A"] * 3)
    assert lacking["镉"].isna().all()
    assert decide(lacking)["points_unjudged"] == 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=3, max_size=30), st.randoms())
def test_order_does_not_matter_and_80_per_cent_is_exact(classes: list[int], random: Any) -> None:
    found = decide(points(classes))
    mixed = list(classes)
    random.shuffle(mixed)
    assert decide(points(mixed))["category"] == found["category"]
    shares = {c: Fraction(classes.count(c), len(classes)) for c in (1, 2, 3)}
    over = [c for c, share in shares.items() if share > Fraction(4, 5)]
    expected = CATEGORIES[over[0]] if over else "" if shares[3] else "安全利用"
    assert found["category"] == expected


def test_wrong_calls() -> None:
    with pytest.raises(SpecError, match="unit_code"):
        farmland_category(points([1]).drop(columns="unit_code"))
    with pytest.raises(SpecError, match="is_within"):
        farmland_category(points([1]), pd.DataFrame({"unit_code": ["A"]}))
    with pytest.raises(SpecError, match="镉"):
        farmland_category(points([1, 4]))


# --- versions ---

BEFORE = CategoryVersion("2023", "2023-12-31", {"A": "安全利用", "B": "优先保护", "C": "严格管控", "D": "优先保护"})
AFTER = CategoryVersion("2026", "2026-06-30", {"A": "优先保护", "B": "优先保护", "C": "安全利用", "E": "安全利用"})


def records(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["unit_code", "trigger", "evidence", "approval_no"])


def test_each_change_keeps_trigger_evidence_approval_before_and_after() -> None:
    found = category_changes(
        BEFORE,
        AFTER,
        records(("A", "新的监测结果", "2025年协同监测报告", "某政文〔2026〕12号"), ("C", "use_changed", "", " ")),
    ).set_index("unit_code")
    assert list(found.index) == ["A", "C", "D", "E"]
    first = found.loc["A"]
    assert first[["before", "after", "trigger", "approval_no"]].tolist() == [
        "安全利用",
        "优先保护",
        "new_monitoring",
        "某政文〔2026〕12号",
    ]
    assert first[["version_before", "version_after", "valid_from"]].tolist() == ["2023", "2026", "2026-06-30"]
    assert found["is_complete"].to_dict() == {"A": True, "C": False, "D": False, "E": False}
    assert found.loc["C", "lacks_zh"] == "缺依据材料、批准文号"
    assert found.loc["D", ["before", "after", "lacks_en"]].tolist() == [
        "优先保护",
        "",
        "lacks trigger, evidence, approval number",
    ]
    assert found.loc["E", ["before", "after"]].tolist() == ["", "安全利用"]


def test_an_unknown_trigger_and_a_record_without_a_change_are_told() -> None:
    found = category_changes(
        BEFORE, AFTER, records(("A", "领导要求", "x", "y"), ("B", "finer_survey", "x", "y"))
    ).set_index("unit_code")
    assert "领导要求" in found.loc["A", "lacks_zh"]
    assert "未变" in found.loc["B", "lacks_zh"]
    assert not found["is_complete"].any()


def test_wrong_versions_and_records() -> None:
    with pytest.raises(SpecError, match="later day"):
        category_changes(AFTER, BEFORE, records())
    with pytest.raises(SpecError, match="approval_no"):
        category_changes(BEFORE, AFTER, records().drop(columns="approval_no"))
    with pytest.raises(SpecError, match="two for"):
        category_changes(BEFORE, AFTER, records(("A", "", "", ""), ("A", "", "", "")))
    with pytest.raises(SpecError, match="安全"):
        CategoryVersion("x", "2026-01-01", {"A": "安全"})
    same = CategoryVersion("2026b", "2026-07-01", BEFORE.categories)
    assert category_changes(BEFORE, same, records()).empty

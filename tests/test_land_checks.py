"""The checks of land patches, each on, just below and just above its limit, and as the content declares them."""

from __future__ import annotations

import numpy as np
import pytest
from test_checks import found, valued

from geosys._faults import Faults
from geosys.layers.checks import check_spec, run_checks
from geosys.layers.spec import read_catalogue

CATALOGUE = read_catalogue()
FARMLAND = {"kind": ["0101", "0102", "0103"]}


@pytest.mark.parametrize(
    ("factor", "share", "product", "is_wrong"),
    [
        (1_000.0, 0.1, 100.0, False),
        (1_000.0, 0.1, 100.06, False),  # 0.01 and half of the fourth decimal of the share
        (1_000.0, 0.1, 100.07, True),
        (1_000.0, 0.1, 99.93, True),
        (1_000.0, None, 100.0, False),
        (1_000.0, 0.1, None, False),
        (1_000.0, 0.0, 5.0, True),
    ],
)
def test_the_deduction_is_area_times_share(factor, share, product, is_wrong) -> None:
    rows = valued(a=[factor], b=[share], c=[product])
    expected = [(0, "sums_disagree")] if is_wrong else []
    assert found("product_equals", rows, factor="a", share="b", equals="c") == expected


def test_a_share_is_below_one() -> None:
    rows = valued(s=[0.0, 0.9999, 1.0, None])
    assert found("below", rows, field="s", limit=1) == [(2, "out_of_range")]


def test_ridges_of_farmland_are_1203() -> None:
    rows = valued(
        kind=["0101", "0102", "0103", "0101", "0601", "0103", None], area=[5.0, 5.0, 5.0, 0.0, 5.0, None, 5.0],
        code=["1203", None, "1204", None, None, None, None],
    )  # fmt: skip
    table = {"field": "code", "when": FARMLAND, "positive": "area", "codes": ["1203"]}
    assert found("calls_for", rows, **table) == [(1, "requires_value"), (2, "requires_value")]
    issues = run_checks(rows, [{"check": "calls_for", **table}])
    assert [i.value for i in issues] == [None, "1204"]
    assert "1203" in issues[0].message.zh


def test_a_grade_of_slope_is_asked_only_of_those_who_keep_such_columns() -> None:
    rows = valued(kind=["0103"] * 3, grade=[None, None, "2"], form=[None, "TT", None], crop=[None, None, "LS"])
    table = {"field": "grade", "when": FARMLAND, "beside": ["form", "crop"]}
    assert found("calls_for", rows, **table) == [(1, "requires_value")]


def test_only_linear_classes_have_a_width() -> None:
    rows = valued(kind=["1006", "0103", "0103", "0103", None], width=[5.5, 5.5, None, 0.0, 3.0])
    table = {"field": "width", "when": {"kind": ["1003", "1006"]}}
    assert found("only_when", rows, **table) == [(1, "requires_value"), (4, "requires_value")]
    assert {i.field for i in run_checks(rows, [{"check": "only_when", **table}])} == {"kind"}


@pytest.mark.parametrize(
    ("code", "is_wrong"),
    [("4102991042100000000", False), ("410299104210000000", True), ("41029910421000000000", True), ("41029910421000000A0", True), (None, False)],
)  # fmt: skip
def test_a_unit_code_has_19_digits(code, is_wrong) -> None:
    rows = valued(unit=np.array([code], dtype=object))
    assert found("digit_count", rows, field="unit", digits=19) == ([(0, "bad_pattern")] if is_wrong else [])


@pytest.mark.parametrize("layer", ["land_patch", "permanent_farmland"])
def test_the_content_declares_them(layer: str) -> None:
    declared = [table["check"] for table in CATALOGUE.layers[layer].checks]
    assert {"product_equals", "below", "calls_for", "digit_count", "difference_equals"} <= set(declared)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"check": "below", "field": "deduct_shar", "limit": 1}, "deduct_share"),
        ({"check": "calls_for", "field": "deduct_code", "when": {"land_clas_code": "0101"}}, "land_class_code"),
        ({"check": "calls_for", "field": "deduct_code", "when": {}, "beside": ["slope_grad"]}, "slope_grade"),
        ({"check": "digit_count", "field": "seat_unit_code", "digits": "19"}, "a number"),
        ({"check": "product_equals", "factor": "stated_area_m2", "share": "deduct_share"}, "equals"),
    ],
)
def test_a_wrong_setting_is_a_fault(table, said) -> None:
    faults = Faults()
    check_spec(table, "here", CATALOGUE.layers["land_patch"].fields, faults)
    assert any(said in row for row in faults.rows), faults.rows

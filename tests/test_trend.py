"""Rank correlation with time against an independent count, and two periods against exact shares."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.trend import CHANGES, CRITICAL_VALUES, TRENDS, compare_periods, judge_change, spearman_trend

# Wp(0.05), written a second time from the standards README.
WP = {5: 0.900, 6: 0.829, 7: 0.714, 8: 0.643, 9: 0.600, 10: 0.564}


def row_of(values, **options):
    return spearman_trend(np.asarray([values], dtype=float), **options).rows.loc[0]


def formula(values):
    """Return rs of different values as the method writes it, as a fraction."""
    count = len(values)
    ranks = [sorted(values).index(v) + 1 for v in values]
    squares = sum((rank - place) ** 2 for place, rank in enumerate(ranks, 1))
    return 1 - Fraction(6 * squares, count**3 - count)


def test_the_golden_series_falls():
    row = row_of([1.2, 1.1, 1.0, 0.9, 0.7])
    assert row["rs"] == -1.0
    assert row["trend"] == "falls"
    assert row["critical_value"] == 0.9
    assert row["values_used"] == 5


def test_the_critical_values_are_those_of_the_readme():
    assert dict(CRITICAL_VALUES) == WP
    assert spearman_trend(np.zeros((1, 5))).certainty == "unconfirmed"


@given(st.permutations(range(10)), st.integers(5, 10))
def test_rs_is_the_formula_and_the_trend_its_comparison(order, count):
    values = [float(v) for v in order[:count]]
    row, exact = row_of(values), formula(values)
    assert row["rs"] == pytest.approx(float(exact), abs=1e-12)
    is_clear = round(abs(exact), 3) >= Fraction(str(WP[count]))
    assert row["trend"] == (("rises" if exact > 0 else "falls") if is_clear else "no_clear_trend")


def test_a_coefficient_on_the_critical_value_is_significant():
    # N = 5, Σd² = 2: rs = 1 - 12/120 = 0.9 exactly; N = 5, Σd² = 4: rs = 0.8
    assert row_of([2, 1, 3, 4, 5])["trend"] == "rises"
    assert row_of([2, 1, 4, 3, 5])["trend"] == "no_clear_trend"
    assert row_of([4, 5, 3, 2, 1])["trend"] == "falls"
    # N = 9, Σd² = 48: rs = 1 - 288/720 = 0.6 exactly
    values = [5, 4, 3, 2, 1, 8, 7, 6, 9]
    assert formula(values) == Fraction(3, 5)
    assert row_of(values)["trend"] == "rises"
    assert row_of(values[::-1])["trend"] == "falls"


@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_the_table_rounds_the_exact_one_sided_values(count):
    # counted over all orders: the smallest coefficient that chance reaches in at most 5 of 100
    orders = np.array(list(itertools.permutations(range(count))), dtype=np.int64)
    squares = ((orders - np.arange(count)) ** 2).sum(axis=1)
    most = max(s for s in np.unique(squares) if (squares <= s).mean() <= 0.05)
    exact = 1 - Fraction(6 * int(most), count**3 - count)
    assert round(float(exact), 3) == WP[count]
    order = [float(v) for v in orders[np.flatnonzero(squares == most)[0]]]
    assert row_of(order)["trend"] == "rises"


@given(st.permutations(range(7)))
def test_reversed_time_reverses_the_sign(order):
    assert row_of(list(order))["rs"] == pytest.approx(-row_of(list(order)[::-1])["rs"])


@given(st.lists(st.integers(0, 6), min_size=5, max_size=10), st.integers(1, 5))
def test_rs_with_equal_values_is_the_correlation_of_mean_ranks(values, factor):
    row = row_of(values)
    if len(set(values)) == 1:
        assert np.isnan(row["rs"])
        assert row["trend"] == "not_assessed"
        assert "equal" in row["reason_en"]
    else:
        ranks = [np.mean([place for place, v in enumerate(sorted(values), 1) if v == value]) for value in values]
        assert row["rs"] == pytest.approx(np.corrcoef(ranks, np.arange(len(values)))[0, 1])
        assert row_of([v * factor for v in values])["rs"] == pytest.approx(row["rs"])
    assert row["ties"] == sum(values.count(v) > 1 for v in values)


def test_missing_values_keep_their_place_in_time_only_as_order():
    row = row_of([np.nan, 5, np.nan, 4, 3, 2, 1])
    assert (row["rs"], row["values_used"], row["values_missing"]) == (-1.0, 5, 2)


@pytest.mark.parametrize(("count", "reason"), [(0, "fewer"), (1, "fewer"), (4, "fewer"), (11, "no critical value")])
def test_no_trend_without_a_critical_value(count, reason):
    row = row_of([*range(count), np.nan])
    assert row["trend"] == "not_assessed"
    assert reason in row["reason_en"]
    assert np.isnan(row["rs"]) == (count < 5)
    assert row["trend"] in TRENDS


def test_an_office_may_bring_its_own_critical_values():
    assert row_of(range(12), critical_values={12: 0.5})["trend"] == "rises"


def below(values, limits):
    values = np.array([values], dtype=float)
    limits = np.array([limits], dtype=float)
    return spearman_trend(values, np.isnan(values), limits).rows.loc[0]


def test_non_detects_are_ranked_under_one_common_limit():
    nan = np.nan
    assert below([5, 4, 3, nan, nan], [nan, nan, nan, 0.1, 0.1])["rs"] < -0.9
    assert "detection limits differ" in below([5, 4, 3, nan, nan], [nan, nan, nan, 0.1, 0.2])["reason_en"]
    assert "detection limits differ" in below([5, 4, 0.05, nan, nan], [nan, nan, nan, 0.1, 0.1])["reason_en"]
    assert "not stated" in below([5, 4, 3, 2, 1, nan], [nan] * 6)["reason_en"]
    assert np.isnan(below([5, 4, 3, 2, 1, nan], [nan] * 6)["rs"])


def test_many_series_at_once_are_each_alone():
    rng = np.random.default_rng(7)
    table = rng.normal(size=(200, 8))
    table[rng.random(table.shape) < 0.2] = np.nan
    found = spearman_trend(table, index=[f"s{i}" for i in range(200)]).rows
    for i in range(0, 200, 17):
        pd.testing.assert_series_equal(found.loc[f"s{i}"], row_of(table[i]), check_names=False)


def test_bad_arrays_say_what_is_wrong():
    with pytest.raises(SpecError, match="shapes"):
        spearman_trend(np.zeros((2, 5)), np.zeros((2, 4), dtype=bool))
    with pytest.raises(SpecError, match="infinite"):
        spearman_trend([[1, 2, 3, 4, np.inf]])
    with pytest.raises(SpecError, match="shapes"):
        spearman_trend(np.zeros((2, 2, 2)))


# --- two periods ---


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (75, 85, "none"), (75, 86, "some_better"), (75, 95, "some_better"), (75, 96, "clear_better"),
        (85, 75, "none"), (85, 74, "some_worse"), (95, 75, "some_worse"), (96, 75, "clear_worse"), (80, 80, "none"),
    ],
)  # fmt: skip
def test_ten_points_are_none_and_twenty_are_some(before, after, expected):
    change = judge_change(before, 100, after, 100)
    assert change["change"].tolist() == [expected]
    assert change["change_points"].tolist() == pytest.approx([after - before])
    other = expected.replace("better", "x").replace("worse", "better").replace("x", "worse")
    assert judge_change(before, 100, after, 100, "worse")["change"].tolist() == [other]


@given(*[st.integers(0, 60)] * 4)
def test_changes_are_judged_exactly(a, b, c, d):
    n1, n2 = a + b, c + d
    found = judge_change(a, n1, c, n2)["change"][0]
    assert found in CHANGES
    if n1 and n2:
        points = 100 * (Fraction(c, n2) - Fraction(a, n1))
        size = "none" if abs(points) <= 10 else "some" if abs(points) <= 20 else "clear"
        assert found == (size if size == "none" else f"{size}_{'better' if points > 0 else 'worse'}")
    else:
        assert found == "not_assessed"


def test_periods_show_their_counts():
    names = [f"s{i}" for i in range(10)]
    before = pd.Series([1, 2, 3, 4, 4, 5, 6, 6, 6, None], names, dtype="Int8")
    after = pd.Series([1, 2, 3, 3, 3, 5, 6, 4, 4, 3], [*names[:9], "new"], dtype="Int8")
    found = compare_periods(before, after)
    assert found.rows.loc["I-III", ["sections_before", "sections_after", "change"]].tolist() == [
        "3/9",
        "6/10",
        "clear_better",
    ]
    assert found.rows.loc["worse than V", ["sections_before", "sections_after"]].tolist() == ["3/9", "1/10"]
    assert found.rows.loc["worse than V", "change"] == "clear_better"
    assert (found.without_class_before, found.without_class_after) == (("s9",), ())
    assert (found.only_before, found.only_after) == (("s9",), ("new",))
    assert found.certainty == "unconfirmed"


def test_periods_without_classes_are_not_assessed():
    nothing = pd.Series([None, None], ["a", "b"], dtype="Int8")
    found = compare_periods(nothing, pd.Series([1, 6], ["a", "b"]))
    assert found.rows["change"].tolist() == ["not_assessed"] * 2
    assert found.without_class_before == ("a", "b")


def test_bad_periods_say_what_is_wrong():
    good = pd.Series([1, 2], ["a", "b"])
    for bad in (
        pd.Series([0, 1], ["a", "b"]),
        pd.Series([7, 1], ["a", "b"]),
        pd.Series(["III", 1], ["a", "b"]),
        pd.Series([2.5, 1], ["a", "b"]),
    ):
        with pytest.raises(SpecError, match="class from 1 to 6"):
            compare_periods(bad, good)
    with pytest.raises(SpecError, match="twice"):
        compare_periods(good, pd.Series([1, 2], ["a", "a"]))
    with pytest.raises(SpecError, match="part"):
        judge_change(3, 2, 1, 2)
    with pytest.raises(SpecError, match="more_is"):
        judge_change(1, 2, 1, 2, "good")
    with pytest.raises(SpecError, match="whole numbers"):
        judge_change(0.5, 1, 1, 1)

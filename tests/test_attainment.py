"""Means of days, months and years, classes and targets, shares of rivers, and doubted values: by hand, by plain code, on Henan."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.sections.groups import group_table
from geosys.standards import monitoring_faults
from geosys.standards.attainment import Sections, compare, judge, stand
from geosys.standards.monitoring_faults import fault_limits, is_silent, suspect_values
from geosys.standards.period_values import DAY, MONTH, YEAR, Samples, month_number, values_by
from geosys.standards.water_grades import grade_river

if TYPE_CHECKING:
    from pathlib import Path

ROMAN = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "劣Ⅴ": 6}
SHOWN = {
    "ph": "pH(无量纲)",
    "do": "溶解氧(mg/L)",
    "codmn": "高锰酸盐指数(mg/L)",
    "nh3n": "氨氮(mg/L)",
    "tp": "总磷(mg/L)",
}
FIVE = tuple(SHOWN)
# GB 3838-2002 table 1, written again for the comparison: classes I to V of a river, and of a lake where other.
LIMITS = {
    "codmn": (2, 4, 6, 10, 15), "nh3n": (0.15, 0.5, 1.0, 1.5, 2.0), "tp": (0.02, 0.1, 0.2, 0.3, 0.4),
    "tp_lake": (0.01, 0.025, 0.05, 0.1, 0.2),
}  # fmt: skip


def samples(rows: list[tuple], below: dict[str, list[bool]] | None = None) -> Samples:
    """Return samples from rows of (section, day, {item: value})."""
    items = sorted({item for row in rows for item in row[2]})
    return Samples(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype="datetime64[D]"),
        np.full(len(rows), np.nan),
        {item: np.array([row[2].get(item, np.nan) for row in rows], dtype=float) for item in items},
        {item: np.array(flags, dtype=bool) for item, flags in (below or {}).items()},
        np.zeros(len(rows), dtype=np.int8),
    )


def rivers(*targets: int, year: int = 0) -> Sections:
    """Return sections of rivers with targets, all from one year on."""
    size = len(targets)
    return Sections(np.ones(size, dtype=np.int8), np.array(targets, dtype=np.int64), np.full(size, year))


# --- means ---


def test_a_day_counts_once_in_its_month_and_a_month_once_in_its_year() -> None:
    rows = [
        (0, "2026-01-01", {"tp": 0.1}),
        (0, "2026-01-01", {"tp": 0.3}),
        (0, "2026-01-02", {"tp": 0.4}),
        (0, "2026-02-01", {"tp": 0.1}),
    ]
    given_ = samples(rows)
    assert values_by(given_, DAY).numbers["tp"].tolist() == [0.2, 0.4, 0.1]
    month = values_by(given_, MONTH)
    assert month.numbers["tp"].tolist() == [0.3, 0.1]  # not (0.1 + 0.3 + 0.4) / 3
    assert (month.samples.tolist(), month.parts.tolist()) == ([3, 1], [2, 1])
    year = values_by(given_, YEAR)
    assert (year.period.tolist(), year.numbers["tp"].tolist(), year.parts.tolist(), year.samples.tolist()) == (
        [2026],
        [0.2],
        [2],
        [4],
    )


def test_ph_is_averaged_through_its_ions_and_stays_on_its_limit() -> None:
    two = samples([(0, "2026-01-01", {"ph": 6.0}), (0, "2026-01-02", {"ph": 8.0})])
    assert values_by(two, MONTH).numbers["ph"][0] == pytest.approx(-math.log10((1e-6 + 1e-8) / 2), abs=1e-9)
    same = samples([(0, f"2026-01-{d:02}", {"ph": 9.0}) for d in range(1, 8)])
    assert judge(values_by(same, MONTH), rivers(3), rounding="none").rows["class"].tolist() == [1]


def test_half_a_detection_limit_counts_in_a_mean_and_a_whole_one_where_there_is_nothing_else() -> None:
    rows = [
        (0, "2026-01-01", {"nh3n": 0.02}),
        (0, "2026-01-02", {"nh3n": 0.05}),
        (1, "2026-01-01", {"hg": 0.0002}),
        (1, "2026-01-02", {"hg": 0.0004}),
    ]
    found = values_by(samples(rows, {"nh3n": [True, False, False, False], "hg": [False, False, True, True]}), MONTH)
    assert found.numbers["nh3n"][0] == pytest.approx((0.01 + 0.05) / 2)
    assert not found.below.get("nh3n", np.zeros(2, bool)).any()
    assert found.numbers["hg"][1] == pytest.approx(0.0003)
    assert found.below["hg"].tolist() == [False, True]
    # 0.0003 is above the limits of I to III (0.00005, 0.0001): less is not known, so class IV (0.001) is attained at least
    assert judge(found, rivers(0, 0)).rows["class"].tolist() == [1, 4]


def test_the_mean_of_limits_is_on_the_limit() -> None:
    rows = [(0, f"2026-01-{d:02}", {"tp": v}) for d, v in enumerate((0.1, 0.2, 0.3), 1)]
    assert judge(values_by(samples(rows), MONTH), rivers(3), rounding="none").rows["class"].tolist() == [3]


def test_samples_without_a_value_make_no_row_and_never_a_class() -> None:
    rows = [(0, "2026-01-01", {"tp": np.nan, "water_temp": 20.0}), (1, "2026-01-01", {"tp": 0.1, "water_temp": 20.0})]
    assert judge(values_by(samples(rows), MONTH), rivers(3, 3)).rows["section"].tolist() == [1]
    nothing = samples([])
    assert judge(values_by(nothing, MONTH), rivers()).rows.empty


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 70), st.floats(0.001, 5), st.booleans()), min_size=1, max_size=30
    )
)
@settings(max_examples=60, deadline=None)
def test_means_are_those_of_plain_pandas(rows: list[tuple[int, int, float, bool]]) -> None:
    start = np.datetime64("2026-01-01")
    made = samples([(s, start + d, {"nh3n": v}) for s, d, v, _ in rows], {"nh3n": [b for *_, b in rows]})
    frame = pd.DataFrame(rows, columns=["section", "day", "value", "below"])
    frame["value"] = frame["value"].where(~frame["below"], frame["value"] / 2)
    frame["date"] = pd.to_datetime(start + frame["day"].to_numpy())
    found = values_by(made, MONTH)
    whole = frame.groupby("section")["below"].all()
    if not frame["below"].any():
        days = frame.groupby(["section", "date"])["value"].mean().reset_index()
        months = days.groupby(["section", days["date"].dt.to_period("M")])["value"].mean()
        assert found.numbers["nh3n"] == pytest.approx(months.to_numpy(), rel=1e-9)
    for section, is_whole in whole.items():
        mine = found.below.get("nh3n", np.zeros(len(found.section), bool))[found.section == section]
        assert not is_whole or mine.all()


# --- classes, targets, texts ---


def test_a_target_holds_from_its_year_on() -> None:
    rows = [(0, day, {"codmn": 7.0}) for day in ("2024-12-05", "2025-01-05")]
    found = judge(values_by(samples(rows), MONTH), rivers(3, year=2025)).rows
    assert found["class"].tolist() == [4, 4]
    assert found["target"].astype(object).where(found["target"].notna(), None).tolist() == [None, 3]
    assert found["meets"].astype(object).where(found["meets"].notna(), None).tolist() == [None, False]


def test_the_golden_case_is_held_against_its_own_target() -> None:
    sample = {"do": 4.8, "codmn": 6.6, "cod": 26, "bod5": 3.5, "nh3n": 1.25, "tp": 0.23}
    found = judge(values_by(samples([(0, "2026-01-05", sample), (1, "2026-01-05", sample)]), MONTH), rivers(3, 5)).rows
    assert found["class"].tolist() == [4, 4]
    assert found["meets"].tolist() == [False, True]
    assert found["exceeding"].tolist() == ["溶解氧、高锰酸盐指数 0.1、化学需氧量 0.3、氨氮 0.25、总磷 0.15", ""]
    assert (found["items_evaluated"].tolist(), found["items_missing"].tolist()) == ([6, 6], [15, 15])


def test_an_unknown_kind_of_water_leaves_phosphorus_out() -> None:
    known = Sections(np.zeros(1, dtype=np.int8), np.array([3]), np.zeros(1, dtype=np.int64))
    found = judge(values_by(samples([(0, "2026-01-05", {"tp": 0.9, "codmn": 1.0})]), MONTH), known).rows
    assert (found["class"].tolist(), found["items_evaluated"].tolist()) == ([1], [1])


def test_wrong_calls_are_told() -> None:
    with pytest.raises(SpecError, match="0 for no target"):
        rivers(7)
    with pytest.raises(SpecError, match="one as 2026-01"):
        month_number("2026-13")
    with pytest.raises(SpecError, match="expected one of day, month, year"):
        values_by(samples([]), "week")
    with pytest.raises(SpecError, match="unknown items"):
        samples([(0, "2026-01-01", {"zzz": 1.0})])


# --- shares ---

NAMES = pd.Series(["甲", "乙", "丙", "丁", "戊", "己"])


def six() -> list[tuple]:
    """Return a month of six sections: CODMn of class I, II, IV, worse than V, none at all, V."""
    values = (1.0, 4.0, 7.0, 16.0, None, 12.0)
    return [(i, "2026-01-05", {"codmn": v}) for i, v in enumerate(values) if v is not None]


def test_shares_name_numerator_denominator_and_those_left_out() -> None:
    found = judge(values_by(samples(six()), MONTH), rivers(3, 3, 4, 5, 3, 0))
    standing = stand(found, month_number("2026-01"), NAMES)
    assert standing.classes == (1, 1, 0, 1, 1, 1)
    assert (standing.good.numerator, standing.good.denominator) == (("甲", "乙"), ("甲", "乙", "丙", "丁", "己"))
    assert standing.good.left_out == ("戊",)
    assert standing.fourth.numerator == ("甲", "乙", "丙")
    assert standing.worse.numerator == ("丁",)
    assert (standing.meeting.numerator, standing.meeting.left_out) == (("甲", "乙", "丙"), ("戊", "己"))
    # five sections: 2/5 are good, below 75 %; 1/5 is worse than V, 20 %: moderately polluted
    assert (standing.grade, standing.method) == (4, "shares")


def test_fewer_than_five_sections_are_graded_by_their_means() -> None:
    found = judge(values_by(samples(six()), MONTH), rivers(3, 3, 4, 5, 3, 0))
    standing = stand(found, month_number("2026-01"), NAMES.iloc[:4])
    assert (standing.method, standing.grade) == ("means", 3)  # (1 + 4 + 7 + 16) / 4 = 7: class IV
    assert stand(found, month_number("2026-01"), NAMES.iloc[4:5]).why_no_grade is not None


def test_mixed_waters_have_no_means() -> None:
    kinds = np.array([1, 2, 1, 1, 1, 1], dtype=np.int8)
    found = judge(values_by(samples(six()), MONTH), Sections(kinds, np.zeros(6, np.int64), np.zeros(6, np.int64)))
    few = stand(found, month_number("2026-01"), NAMES.iloc[:3])
    assert (few.grade, few.why_no_grade.en[:16]) == (0, "fewer than five ")
    assert stand(found, month_number("2026-01"), NAMES).grade == 4


def test_two_months_are_compared_in_points_and_lists() -> None:
    later = [(i, "2026-02-05", {"codmn": v}) for i, v in enumerate((1.0, 1.0, 1.0, 1.0, 1.0))]
    found = judge(values_by(samples([*six(), *later]), MONTH), rivers(3, 3, 4, 5, 3, 0))
    rows = compare(found, month_number("2026-01"), month_number("2026-02"), NAMES)
    assert rows.loc["I-III", ["sections_before", "sections_after", "change_points", "change"]].tolist() == [
        "2/5",
        "5/5",
        60.0,
        "clear_better",
    ]
    assert (rows["only_before"].iloc[0], rows["only_after"].iloc[0]) == ("己", "戊")


def test_groups_add_up_and_the_one_without_a_name_comes_last() -> None:
    found = judge(values_by(samples(six()), MONTH), rivers(3, 3, 4, 5, 3, 0))
    table = group_table(
        found, month_number("2026-01"), {}, NAMES, pd.Series(["b", "a", "b", None, "a", "b"]), graded=True
    )
    assert table["group"].tolist() == ["a", "b", "未填 missing"]
    assert table["sections"].tolist() == [2, 3, 1]
    assert table[[f"class_{i}" for i in range(1, 7)]].sum().tolist() == [1, 1, 0, 1, 1, 1]
    assert table["good_percent"].tolist() == [100.0, 33.3, 0.0]
    assert table.loc[0, "without_class"] == "戊"
    assert table.loc[2, "grade_zh"] == ""


@given(
    st.lists(st.tuples(st.floats(0.5, 20), st.floats(0.05, 3), st.booleans()), min_size=1, max_size=8),
    st.sampled_from([1, 2]),
)
@settings(max_examples=60, deadline=None)
def test_grades_of_rivers_are_those_of_one_river_alone(rows: list[tuple[float, float, bool]], kind: int) -> None:
    made = samples(
        [(i, "2026-01-05", {"codmn": c, "nh3n": n}) for i, (c, n, _) in enumerate(rows)],
        {"nh3n": [b for *_, b in rows]},
    )
    none = np.zeros(len(rows), np.int64)
    found = judge(values_by(made, MONTH), Sections(np.full(len(rows), kind, np.int8), none, none))
    standing = stand(found, month_number("2026-01"), pd.Series([str(i) for i in range(len(rows))]))
    alone = grade_river(made.numbers, ("river", "lake")[kind - 1], rounding="displayed", below=made.below)
    assert (standing.grade, standing.method) == (alone.grade, alone.method)
    assert standing.main_pollutants == alone.main_pollutants


# --- suspect values ---


def doubted(
    values: list[float], item: str = "codmn", step: float = 1.0, below: list[bool] | None = None
) -> list[tuple[int, str]]:
    n = len(values)
    under = {} if below is None else {item: np.array(below)}
    found = suspect_values(
        np.zeros(n, np.int64), np.arange(n) * step, {item: np.array(values, float)}, under, fault_limits()
    )
    return list(zip(found["row"].tolist(), found["fault"].tolist(), strict=True))


def test_a_value_repeated_too_often_is_stuck_from_the_second_on() -> None:
    least = fault_limits().item_records["codmn"]
    assert doubted([3.1, *[2.5] * least, 3.0]) == [(i, "stuck_item") for i in range(2, least + 1)]
    assert doubted([3.1, *[2.5] * (least - 1), 3.0]) == []
    assert doubted([0.5] * 20) == []  # near the detection limit
    assert doubted([2.5] * 20, below=[True] * 20) == []
    assert doubted([2.5, np.nan] * least) == [(2 * i, "stuck_item") for i in range(1, least)]


def test_a_record_repeated_whole_is_stuck_and_another_section_is_not_its_neighbour() -> None:
    same = {item: np.array([v] * 6) for item, v in (("ph", 8.0), ("do", 7.5), ("tp", 0.11))}
    found = suspect_values(np.array([0, 0, 0, 1, 1, 2]), np.arange(6.0), same, {}, fault_limits())
    assert sorted(set(found["row"])) == [1, 2]
    assert set(found["fault"]) == {"stuck_station"}
    assert len(found) == 6
    two = {item: v for item, v in same.items() if item != "tp"}
    assert suspect_values(np.zeros(6, np.int64), np.arange(6.0), two, {}, fault_limits()).empty  # pH and oxygen alone


def test_a_jump_goes_there_and_back_within_days() -> None:
    assert doubted([7.5, 12.0, 7.6], "ph") == [(1, "jump")]
    assert doubted([7.5, 3.0, 7.6], "ph") == [(1, "jump")]
    assert doubted([7.5, 12.0, 12.1], "ph") == []  # a step that stays may be the water
    assert doubted([7.5, 12.0, 7.6], "ph", step=30.0) == []  # monthly samples
    assert doubted([7.5, 10.4, 7.6], "ph") == []
    assert doubted([7.0, 10.0, 7.0], "ph") == [(1, "jump")]  # just the limit


def test_zeros_are_doubted_but_not_of_oxygen() -> None:
    assert doubted([0.0, 1.0], "nh3n") == [(0, "zero")]
    assert doubted([0.0, 1.0], "do") == []


@given(st.lists(st.sampled_from([2.0, 2.5, 3.0]), max_size=40))
@settings(max_examples=60, deadline=None)
def test_stuck_runs_are_those_of_a_plain_loop(values: list[float]) -> None:
    least, expected, start = fault_limits().item_records["codmn"], [], 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[start]:
            expected += list(range(start + 1, i)) if i - start >= least else []
            start = i
    assert [row for row, _ in doubted(values)] == expected


def test_thresholds_come_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [dict(r) for r in monitoring_faults.read_table("monitoring_faults.csv", ("fault",))]
    assert {row["confidence"] for row in rows} == {"our reading"}

    def told(change: dict[str, str]) -> None:
        changed = [r | change if (r["fault"], r["item"]) == ("jump", "ph") else r for r in rows]
        monkeypatch.setattr(monitoring_faults, "read_table", lambda *_: changed)
        fault_limits.cache_clear()

    told({"number": "5"})
    try:
        assert doubted([7.5, 12.0, 7.6], "ph") == []
        for wrong in ({"number": "drei"}, {"item": "zzz"}, {"fault": "hop"}):
            told(wrong)
            with pytest.raises(SpecError, match=r"monitoring_faults\.csv line"):
                fault_limits()
    finally:
        monkeypatch.undo()
        fault_limits.cache_clear()
    assert doubted([7.5, 12.0, 7.6], "ph") == [(1, "jump")]


def test_silence_is_judged_by_the_kind_of_station() -> None:
    limits = fault_limits()
    assert [is_silent(days, automatic=True, limits=limits) for days in (3, 4, None)] == [False, True, None]
    assert [is_silent(days, automatic=False, limits=limits) for days in (45, 46)] == [False, True]


# --- Henan ---


def henan(shared_data: Path, name: str) -> tuple[pd.DataFrame, Samples, Sections]:
    """Return the public records with displayed values, as samples, and the sections' kinds."""
    frame = pd.read_csv(shared_data / "water" / name, dtype=str)
    frame["day"] = pd.to_datetime(frame["snap"].str.replace("-", "").str[:8])
    names = sorted(frame["断面名称"].unique())
    kinds = (
        pd.read_csv(shared_data / "water" / "henan_water_type.csv").set_index("断面名称")["water_type"].reindex(names)
    )
    numbers = {item: pd.to_numeric(frame[column], errors="coerce").to_numpy(float) for item, column in SHOWN.items()}
    places = pd.Series(range(len(names)), index=names)
    made = Samples(
        frame["断面名称"].map(places).to_numpy(np.int64), frame["day"].to_numpy().astype("datetime64[D]"),
        np.full(len(frame), np.nan), numbers, {}, np.zeros(len(frame), np.int8),
    )  # fmt: skip
    kind = kinds.map({"river": 1, "lake": 2}).fillna(1).to_numpy(np.int8)
    return frame, made, Sections(kind, np.full(len(names), 3), np.zeros(len(names), np.int64))


def plain_class(row: pd.Series, lake: bool) -> int:
    """Return the class of five displayed values, by loops."""
    classes = []
    if not np.isnan(row["ph"]):
        classes.append(1 if 6 <= row["ph"] <= 9 else 6)
    if not np.isnan(row["do"]):
        classes.append(1 + sum(row["do"] < limit for limit in (7.5, 6, 5, 3, 2)))
    for item in ("codmn", "nh3n", "tp"):
        if not np.isnan(row[item]):
            limits = LIMITS["tp_lake" if item == "tp" and lake else item]
            classes.append(1 + sum(row[item] > limit for limit in limits))
    return max(classes)


@pytest.mark.parametrize(("name", "rounding", "graded"), [("henan_2025-11_2026-02.csv", "displayed", 401)])
def test_each_record_alone_has_the_published_class(shared_data: Path, name: str, rounding: str, graded: int) -> None:
    frame, made, sections = henan(shared_data, name)
    rows = np.arange(len(frame))
    alone = replace(made, section=rows)
    known = Sections(sections.kind[made.section], np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64))
    found = judge(values_by(alone, DAY), known, items=FIVE, rounding=rounding).rows.set_index("section")["class"]
    published = frame["水质类别"].map(ROMAN).dropna()
    assert len(published) == graded
    assert found.reindex(published.index).tolist() == published.astype(int).tolist()


def test_months_of_henan_are_those_of_plain_code(shared_data: Path) -> None:
    frame, made, sections = henan(shared_data, "henan_daily_2020-05_2021-04.csv")
    found = judge(values_by(made, MONTH), sections, items=FIVE, rounding="none")
    table = pd.DataFrame(dict(made.numbers)).assign(section=made.section, month=frame["day"].dt.to_period("M"))
    table["ph"] = 10.0 ** -table["ph"]
    means = table.groupby(["section", "month"])[list(FIVE)].mean().dropna(how="all")
    means["ph"] = -np.log10(means["ph"])
    means = means.round(10)
    expected = [plain_class(row, sections.kind[key[0]] == 2) for key, row in means.iterrows()]
    assert len(expected) == len(found.rows) > 150
    assert found.rows["class"].tolist() == expected
    month = month_number("2020-05")
    names = pd.Series([str(i) for i in range(len(sections.kind))])
    standing = stand(found, month, names)
    here = pd.Series(expected, index=means.index).xs(pd.Period("2020-05"), level="month")
    assert len(standing.good.numerator) == (here <= 3).sum()
    assert len(standing.good.denominator) == len(here)
    assert [int(n) for n in standing.worse.numerator] == here[here == 6].index.tolist()
    assert len(standing.meeting.numerator) == (here <= 3).sum()

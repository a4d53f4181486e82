"""Grade surface water: every limit on, below and above; golden cases; rounding; laws that hold for all values; rivers; cubes."""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.standards.exceedance import exceedance, main_pollutants
from geosys.standards.limits import limits_of, surface_water_limits
from geosys.standards.rounding import round_half_even
from geosys.standards.surface_water import APART, DECIDING, ITEM_IDS, grade_surface_water
from geosys.standards.water_cubes import grade_cube, read_cube, write_cube
from geosys.standards.water_grades import GRADES, grade_by_shares, grade_river, mean_of_item, section_grade
from geosys.standards.water_items import ITEMS, column_of, item_named, unit_factor

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN = {"do": 4.8, "codmn": 6.6, "cod": 26, "bod5": 3.5, "nh3n": 1.25, "tp": 0.23}
IDS = {item.zh: name for name, item in ITEMS.items()}


def table_rows() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return item, kind of water, rule and the five limits as the CSV writes them: read apart from the code under test."""
    with (ROOT / "geosys" / "standards" / "tables" / "gb3838_table1.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        if row["rule"] in ("min", "max"):
            kinds = {"all": ("river", "lake")}.get(row["applies_to"], (row["applies_to"].split("(")[0],))
            limits = tuple(row[c].split("(")[0] for c in ("I", "II", "III", "IV", "V"))
            found += [(IDS[row["item"]], kind, row["rule"], limits) for kind in kinds]
    return found


def class_of(item: str, value: float, kind: str = "river", rounding: str = "none", **more) -> int:
    return int(grade_surface_water({item: value}, kind, rounding=rounding, **more).item_class[0])


# --- the table ---


def test_the_table_has_24_items_and_21_decide() -> None:
    assert len(ITEMS) == 24
    assert len(DECIDING) == 21
    assert APART == ("tn", "fecal_coli")
    assert {it.item for it in surface_water_limits()} == {item.zh for item in ITEMS.values()} - {"水温"}


@pytest.mark.parametrize(("item", "kind", "rule", "limits"), table_rows())
def test_every_limit_on_below_and_above(item: str, kind: str, rule: str, limits: tuple[str, ...]) -> None:
    ends = np.array([float(text) for text in limits])
    best = [limits.index(text) + 1 for text in limits]  # of equal limits the better class counts
    worse = [max(i for i, other in enumerate(limits, 1) if other == text) + 1 for text in limits]
    kept, broken = (np.inf, -np.inf) if rule == "min" else (-np.inf, np.inf)
    for values, expected in ((ends, best), (np.nextafter(ends, kept), best), (np.nextafter(ends, broken), worse)):
        assert grade_surface_water({item: values}, kind).item_class[0].tolist() == expected


@pytest.mark.parametrize(("item", "kind", "rule", "limits"), table_rows())
def test_every_limit_with_rounding_half_a_digit_off(item: str, kind: str, rule: str, limits: tuple[str, ...]) -> None:
    found = limits_of(ITEMS[item].zh, kind)
    assert found is not None
    half = Decimal(5).scaleb(-found.decimals - 1)
    offs = [step + nudge * half / 1000 for step in (-half, half) for nudge in (-1, 0, 1)]
    values = [value for text in limits for off in offs if (value := Decimal(text) + off) > 0]
    rounded = [value.quantize(Decimal(1).scaleb(-found.decimals), ROUND_HALF_EVEN) for value in values]
    ends = [Decimal(text) for text in limits]
    expected = [1 + sum(one < end if rule == "min" else one > end for end in ends) for one in rounded]
    graded = grade_surface_water({item: [float(value) for value in values]}, kind, rounding="displayed")
    assert graded.item_class[0].tolist() == expected


@pytest.mark.parametrize(
    ("value", "rounding", "expected"),
    [
        (6.0, "none", 1), (9.0, "none", 1), (5.999, "none", 6), (9.001, "none", 6), (0, "none", 6), (14, "none", 6),
        (5.5, "displayed", 1), (5.4999, "displayed", 6), (9.4999, "displayed", 1), (9.5, "displayed", 6),
        (14.01, "none", 0), (-0.1, "none", 0), (np.nan, "none", 0), (np.inf, "none", 0),
    ],
)  # fmt: skip
def test_ph_fits_all_classes_or_none(value: float, rounding: str, expected: int) -> None:
    assert class_of("ph", value, rounding=rounding) == expected


def test_total_nitrogen_has_classes_in_lakes_only_and_phosphorus_other_ones_there() -> None:
    kinds = np.array([1, 2, 0], dtype=np.int8)
    graded = grade_surface_water({"tn": [1.2] * 3, "tp": [0.03] * 3}, kinds)
    assert graded.class_of("tn").tolist() == [0, 4, 0]
    assert graded.class_of("tp").tolist() == [2, 3, 0]
    assert graded.section_class.tolist() == [2, 3, 0], "nitrogen stands apart, an unknown kind gives no class"
    named = grade_surface_water({"tn": [1.2] * 3, "tp": [0.03] * 3}, kinds, items=["tn", "tp"])
    assert named.section_class.tolist() == [2, 4, 0], "named, it decides"


def test_coliforms_stand_apart() -> None:
    graded = grade_surface_water({"fecal_coli": 50_000, "cod": 10}, "river")
    assert (int(graded.class_of("fecal_coli")), int(graded.section_class), int(graded.evaluated)) == (6, 1, 1)


# --- oxygen and temperature ---


def test_oxygen_reaches_class_1_by_saturation_where_temperature_is_known() -> None:
    # 468/(31.6+20) = 9.0698: nine tenths are 8.163; at 30 ℃ 7.597 and 6.838
    values = {"do": [6.84, 6.83, 6.84, 7.5], "water_temp": [30, 30, np.nan, 5]}
    assert grade_surface_water(values, "river").section_class.tolist() == [1, 2, 2, 1]
    unnamed = grade_surface_water(values, "river", items=["do"])
    assert unnamed.section_class.tolist() == [2, 2, 2, 1], "items named without temperature: 7.5 only"
    assert not unnamed.uses_saturation
    assert grade_surface_water(values, "river", items=["do", "water_temp"]).section_class.tolist() == [1, 2, 2, 1]


def test_saturation_on_paper_at_its_limit_counts_and_a_broken_sensor_does_not() -> None:
    values = {"do": [7.2, 7.19, 2.0, 1.0], "water_temp": [26.9, 26.9, 300.0, 1e9]}  # 7.2 × 58.5 = 421.2 = 0.9 × 468
    assert grade_surface_water(values, "river").section_class.tolist() == [1, 2, 5, 6]


# --- golden cases ---


def test_the_golden_case_of_the_standards_readme() -> None:
    graded = grade_surface_water(GOLDEN, "river")
    assert dict(zip(graded.items, graded.item_class.tolist(), strict=True)) == {
        "do": 4, "codmn": 4, "cod": 4, "bod5": 3, "nh3n": 4, "tp": 4
    }  # fmt: skip
    assert int(graded.section_class) == 4
    assert GRADES[int(section_grade(graded.section_class))].zh == "轻度污染"
    assert (int(graded.evaluated), int(graded.missing)) == (6, 15)
    times = {item: float(exceedance(GOLDEN[item], item, "river", 3, "none")) for item in graded.items}
    assert {item: round(t, 2) for item, t in times.items() if not np.isnan(t)} == {
        "codmn": 0.10, "cod": 0.30, "nh3n": 0.25, "tp": 0.15
    }  # fmt: skip
    against_v = [float(exceedance(GOLDEN[item], item, "river", 5, "none")) for item in graded.items]
    assert np.isnan(against_v).all(), "against a class V target it attains"


def test_main_pollutants_oxygen_and_metals_first_then_class_then_multiple() -> None:
    graded = grade_surface_water(GOLDEN, "river")
    times = np.array([exceedance(GOLDEN[item], item, "river", 3, "none") for item in graded.items])
    assert [graded.items[i] for i in main_pollutants(graded.item_class, times, graded.items)] == ["do", "cod", "nh3n"]
    values = {"cod": [45.0, 10], "nh3n": [1.6, 0.1], "hg": [0.0002, 0.00001]}
    graded = grade_surface_water(values, "river")
    times = np.array([exceedance(values[item], item, "river", 3, "none") for item in graded.items])
    found = main_pollutants(graded.item_class, times, graded.items)
    assert [graded.items[i] for i in found[0]] == ["hg", "cod", "nh3n"]
    assert found[1].tolist() == [-1, -1, -1]


def test_multiples_follow_the_rounding_and_the_own_target() -> None:
    assert float(exceedance(0.2104, "tp", "river", 3, "displayed")) == pytest.approx(0.05)
    found = exceedance([0.3, 0.3, 0.3], "tp", [1, 2, 1], [2, 2, 0], "none")
    assert found[:2] == pytest.approx([2.0, 11.0])
    assert np.isnan(found[2])


# --- rounding ---


@given(st.decimals("0", "50", places=4), st.integers(0, 3))
def test_rounding_is_that_of_the_decimal_digits(value: Decimal, decimals: int) -> None:
    expected = float(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))
    assert float(round_half_even(float(value), decimals)) == expected


@settings(max_examples=100)
@given(st.sampled_from(sorted(set(table_rows()))), st.floats(0, 100, allow_nan=False))
def test_comparing_with_moved_limits_is_rounding_first(row: tuple, value: float) -> None:
    item, kind, _, limits = row
    scaled = value * float(limits[-1]) / 50
    found = limits_of(ITEMS[item].zh, kind)
    assert found is not None
    rounded = float(round_half_even(scaled, found.decimals))
    assert class_of(item, scaled, kind, "displayed") == class_of(item, rounded, kind, "none")


# --- laws ---


@settings(max_examples=100)
@given(
    st.sampled_from(ITEM_IDS), st.sampled_from(["river", "lake"]), st.sampled_from(["none", "displayed"]),
    st.floats(0, 1, allow_nan=False), st.floats(0, 1, allow_nan=False), st.floats(-2, 45),
)  # fmt: skip
def test_no_class_improves_when_a_value_gets_worse(item, kind, rounding, one, other, temperature) -> None:
    limits = limits_of(ITEMS[item].zh, kind)
    if limits is None:
        return
    low, high = sorted((one, other))
    if item == "ph":
        better, worse = 7 + 7 * low, 7 + 7 * high
    elif item == "do":
        better, worse = 15 * high, 15 * low
    else:
        better, worse = (2 * limits.limits[-1] * share for share in (low, high))
    warm = {"water_temp": temperature}
    better_class, worse_class = (
        grade_surface_water({item: value, **warm}, kind, rounding=rounding, items=[item, "water_temp"]).section_class
        for value in (better, worse)
    )
    assert 1 <= int(better_class) <= int(worse_class) <= 6


@settings(max_examples=50)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=6), st.permutations(list(GOLDEN)))
def test_order_and_company_do_not_matter_and_a_further_item_never_improves(shares, order) -> None:
    values = {item: np.array(shares) * GOLDEN[item] for item in GOLDEN}
    whole = grade_surface_water(values, "river")
    assert (
        grade_surface_water({i: values[i] for i in order}, "river").section_class.tolist()
        == whole.section_class.tolist()
    )
    fewer = grade_surface_water({i: values[i] for i in order[:3]}, "river")
    assert (fewer.section_class <= whole.section_class).all()
    one_by_one = [
        int(grade_surface_water({i: values[i][k] for i in values}, "river").section_class) for k in range(len(shares))
    ]
    assert one_by_one == whole.section_class.tolist()


def test_blocks_leave_no_seam_and_kinds_may_change_anywhere() -> None:
    rng = np.random.default_rng(7)
    tp, kinds = rng.random(40_000) * 0.5, rng.integers(0, 3, 40_000).astype(np.int8)
    river, lake = (
        (1 + (tp[:, None] > np.array(limits)).sum(axis=1))
        for limits in ((0.02, 0.1, 0.2, 0.3, 0.4), (0.01, 0.025, 0.05, 0.1, 0.2))
    )
    expected = np.choose(kinds, [np.zeros(len(tp), dtype=int), river, lake])
    assert np.array_equal(grade_surface_water({"tp": tp}, kinds).section_class, expected)


# --- missing and not detected ---


def test_missing_values_give_no_class_and_are_counted() -> None:
    values = {"cod": [np.nan, -1.0, np.inf, 10.0], "nh3n": [np.nan, np.nan, 0.1, np.nan]}
    graded = grade_surface_water(values, "river", items=["cod", "nh3n", "tp"])
    assert graded.section_class.tolist() == [0, 0, 1, 1]
    assert graded.evaluated.tolist() == [0, 0, 1, 1]
    assert graded.missing.tolist() == [3, 3, 2, 2]


@pytest.mark.parametrize(
    ("item", "limit", "expected"),
    [("nh3n", 0.025, 1), ("nh3n", 0.15, 1), ("nh3n", 0.3, 2), ("nh3n", 2.0, 5), ("nh3n", 2.5, 0), ("ph", 7, 0), ("do", 0.2, 6), ("do", 2.0, 0), ("do", 9, 0)],
)  # fmt: skip
def test_a_limit_not_below_the_detection_limit_counts_as_attained(item: str, limit: float, expected: int) -> None:
    assert class_of(item, limit, below={item: True}) == expected


# --- wrong calls ---


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: grade_surface_water({"chromium": 1}, "river"), "chromium"),
        (lambda: grade_surface_water({"water_temp": 20}, "river"), "water_temp"),
        (lambda: grade_surface_water({"cod": 1}, "sea"), "sea"),
        (lambda: grade_surface_water({"cod": [1]}, [7]), "kind of water"),
        (lambda: grade_surface_water({"cod": 1}, "river", rounding="display"), "Did you mean 'displayed'"),
        (lambda: grade_surface_water({"cod": [1, 2], "tp": [1, 2, 3]}, "river"), "shapes"),
        (lambda: grade_surface_water({"cod": 1}, "river", items=["water_temp"]), "water_temp"),
        (lambda: item_named("总铬"), "总铬"),
        (lambda: mean_of_item([1.0], "x"), "'x'"),
        (lambda: limits_of("总磷", "sea"), "sea"),
    ],
)
def test_a_wrong_call_says_what_and_what_to_do(call, told: str) -> None:
    with pytest.raises(SpecError, match="got") as error:
        call()
    assert told in str(error.value)


# --- headers ---


@pytest.mark.parametrize(
    ("header", "item", "factor"),
    [
        ("溶解氧(mg/L)", "do", 1.0), ("氨氮（以N计，mg/L）", "nh3n", 1.0), ("NH₃-N", "nh3n", 1.0), ("CODMn（mg/L）", "codmn", 1.0),
        ("COD(Cr)(mg/L)", "cod", 1.0), ("COD(Mn)(mg/L)", "codmn", 1.0), ("汞(μg/L)", "hg", 1e-3), ("汞 ug/L", "hg", 1e-3),
        ("铬（六价）", "cr6", 1.0), ("粪大肠菌群(MPN/100mL)", "fecal_coli", 10.0), ("pH值", "ph", 1.0), ("TP/(mg·L⁻¹)", "tp", 1.0),
        ("监测项目›总磷(mg/L)", "tp", 1.0), ("nh3n_mg_l", "nh3n", 1.0), ("溶解氧(%)", "do", None), ("总氮(吨)", "tn", None),
    ],
)  # fmt: skip
def test_headers_name_item_and_unit(header: str, item: str, factor: float | None) -> None:
    found = column_of(header)
    assert found is not None
    assert (found.item, found.factor) == (item, factor)


@pytest.mark.parametrize(
    "header",
    ["总铬(mg/L)", "铬", "水质类别", "tip_总磷(mg/L)", "class_ph", "断面名称", "叶绿素α(mg/L)", "电导率(μS/cm)"],
)
def test_other_headers_name_none(header: str) -> None:
    assert column_of(header) is None


def test_units_of_other_items_are_refused() -> None:
    assert unit_factor("fecal_coli", "mg/L") is None
    assert unit_factor("cod", "个/L") is None


# --- rivers ---


@pytest.mark.parametrize(
    ("good", "worse", "sections", "expected"),
    [
        (9, 0, 10, "优"), (8, 0, 10, "良好"), (15, 5, 20, "良好"), (14, 3, 20, "轻度污染"), (14, 4, 20, "中度污染"), (5, 7, 20, "中度污染"),
        (5, 8, 20, "重度污染"), (18, 0, 20, "优"), (179, 0, 200, "良好"),
    ],
)  # fmt: skip
def test_a_river_of_five_sections_is_graded_by_shares(good: int, worse: int, sections: int, expected: str) -> None:
    assert GRADES[grade_by_shares(good, worse, sections)].zh == expected


def test_a_river_of_few_sections_is_graded_by_its_means() -> None:
    found = grade_river({"nh3n": [0.2, 0.4, 1.2, np.nan], "tp": [0.05, 0.1, 0.09, np.nan]}, "river")
    assert (found.method, found.sections, found.without_class) == ("means", 3, 1)  # 0.6 is class III, 0.08 class II
    assert found.text.zh == "良好"
    assert found.grading is not None
    assert int(found.grading.missing) == 19
    assert found.main_pollutants == ("nh3n",)


def test_a_river_of_five_sections_with_classes_counts_only_those() -> None:
    found = grade_river({"cod": [10, 10, 18, 25, 50, np.nan]}, "river")
    assert (found.method, found.sections, found.without_class, found.good, found.worse) == ("shares", 5, 1, 3, 1)
    assert found.text.zh == "中度污染"  # 60 %, one in five worse than V
    assert grade_river({"cod": [np.nan]}, "river").grade == 0


def test_means_take_ph_by_its_ions_and_half_the_detection_limit() -> None:
    assert float(mean_of_item([6, 8], "ph")) == pytest.approx(-np.log10((1e-6 + 1e-8) / 2))
    assert float(mean_of_item([0.02, 0.05, np.nan, -1], "tp", [True, False, False, False])) == pytest.approx(0.03)
    assert np.isnan(mean_of_item([np.nan], "cod"))


# --- cubes ---


def cube() -> xr.DataArray:
    values = np.full((2, 3, 3), np.nan)
    values[0] = [[7, 8.0, 0.15], [7, 4.8, 0.05], [10, 8.0, np.nan]]
    values[1] = [[7, 8.0, 0.15], [np.nan, np.nan, np.nan], [7, 8.0, 0.01]]
    coords = {
        "section": ["甲", "乙"],
        "time": [0, 4, 8],
        "item": ["pH", "溶解氧", "TP"],
        "water_type": ("section", ["river", "lake"]),
    }
    return xr.DataArray(values, dims=("section", "time", "item"), coords=coords, name="value")


def test_a_cube_goes_through_netcdf_and_keeps_its_classes(tmp_path: Path) -> None:
    graded = grade_cube(cube(), rounding="displayed")
    assert graded["section_class"].to_numpy().tolist() == [[3, 4, 6], [5, 0, 1]]
    assert graded["items_evaluated"].to_numpy().tolist() == [[3, 3, 2], [3, 0, 3]]
    assert int(graded["items_missing"].max()) == 21
    write_cube(tmp_path / "cube.nc", cube().to_dataset())
    again = grade_cube(read_cube(tmp_path / "cube.nc")["value"], rounding="displayed")
    assert again.equals(graded.assign_coords(time=again["time"]))
    write_cube(tmp_path / "graded.nc", graded)
    told = read_cube(tmp_path / "graded.nc")
    assert told.attrs["rounding"] == "displayed"
    assert told["section_class"].to_numpy().tolist() == graded["section_class"].to_numpy().tolist()
    assert list(tmp_path.glob("*.part")) == []


def test_a_dataset_of_variables_is_converted_by_its_units_and_order_of_dimensions_does_not_matter() -> None:
    data = cube().to_dataset("item").drop_vars("water_type")
    data["TP"] = (data["TP"] * 1000).assign_attrs(units="μg/L")
    data["turbidity"] = data["pH"]
    graded = grade_cube(data.transpose("time", "section"), "river")
    assert graded["section_class"].transpose("section", "time").to_numpy().tolist() == [[3, 4, 6], [3, 0, 1]]


def test_a_cube_without_items_units_or_kind_is_refused(tmp_path: Path) -> None:
    data = cube().to_dataset("item")
    data["TP"].attrs["units"] = "%"
    (tmp_path / "no.nc").write_text("text", encoding="utf-8")
    for call in (
        lambda: grade_cube(cube().drop_vars("item")),
        lambda: grade_cube(cube().drop_vars("water_type")),
        lambda: grade_cube(data),
        lambda: grade_cube(xr.Dataset({"turbidity": ("x", [1.0])}), "river"),
        lambda: read_cube(tmp_path / "no.nc"),
    ):
        with pytest.raises(SpecError, match="got"):
            call()

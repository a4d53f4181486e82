"""Rates: who is counted, who is not known, and between which bounds the share lies; targets and entered values."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import itertools
import math
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError, WorkspaceError
from geosys._schema import UsableLayer
from geosys._text import Text
from geosys.cases.conditions import FALSE, TRUE, UNKNOWN
from geosys.cases.entries import latest, read_entries
from geosys.cases.rate_bounds import bounds
from geosys.cases.rate_examples import example_result, failing_examples
from geosys.cases.rate_results import evaluate_terms, rate_results
from geosys.cases.rate_tables import CERTAINTY, figures_of, member_table, rate_table
from geosys.cases.rates import Rate, read_rates
from geosys.cases.targets import STANDINGS, Area, Figure, Plan, Target, expected_on, read_targets, schedule_of, standing
from geosys.layers.spec import read_catalogue
from geosys.rate_layers import place_in_units
from geosys.rates import read_rate_book, standings_of
from geosys.views import schemas_of

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = read_catalogue()
SCHEMAS = schemas_of(CATALOGUE)
BOOK = read_rate_book(CATALOGUE)
DAY = dt.date(2026, 9, 30)
CRS = "EPSG:4547"
TRACED = BOOK.rates["outfall_traced"]


def view(layer: str, rows: list[dict[str, Any]], lost: list[dict[str, Any]] | None = None) -> UsableLayer:
    """Return a layer of rows; `feature_id` counts from f0, those withheld from w0 unless they name one."""
    schema = SCHEMAS[layer]

    def frame(rows: list[dict[str, Any]], letter: str) -> gpd.GeoDataFrame:
        columns = {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in schema.columns}
        ids = [row.get("feature_id", f"{letter}{i}") for i, row in enumerate(rows)]
        shapes = [row.get("geometry", shapely.Point(500_000 + i, 3_850_000)) for i, row in enumerate(rows)]
        return gpd.GeoDataFrame(
            pd.DataFrame(columns).assign(feature_id=pd.Series(ids, dtype=object)), geometry=shapes, crs=CRS
        )

    return UsableLayer(schema, frame(rows, "f"), frame(lost or [], "w"), "v1")


# --- formulas ---


def test_every_formula_gives_what_its_example_says() -> None:
    assert len(BOOK.rates) >= 20
    assert failing_examples(BOOK.rates, SCHEMAS) == []


def test_a_wrong_example_is_found() -> None:
    wrong = dataclasses.replace(TRACED, example={**TRACED.example, "numerator": 3})
    assert "outfall_traced" in failing_examples({"outfall_traced": wrong}, SCHEMAS)[0]


@pytest.mark.parametrize(("method", "share"), [("2020_trial", Fraction(900, 1000)), ("145_plan", Fraction(800, 900))])
def test_the_same_land_has_two_safe_use_rates(method: str, share: Fraction) -> None:
    rate = BOOK.rates[f"polluted_farmland_safe_use_{method}"]
    result = example_result(rate, SCHEMAS)
    assert rate.method == method
    assert result.lower == result.upper == share
    assert figures_of(result).startswith({"2020_trial": "90.0 %", "145_plan": "88.9 %"}[method])
    assert rate.certainty == "unconfirmed"
    assert "未证实" in CERTAINTY[rate.certainty].zh
    row = rate_table([result], BOOK.basis).iloc[0]
    assert "未证实" in row["certainty_zh"]
    assert "未证实" in row["note_zh"]


def test_what_is_not_confirmed_says_why() -> None:
    assert all(rate.note for rate in BOOK.rates.values() if rate.certainty != "confirmed")


def test_a_wrong_formula_is_told_all_its_faults(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cases", tmp_path / "cases")
    (tmp_path / "cases" / "rates" / "mine.toml").write_text(
        '[mine]\ntitle = { zh = "我", en = "Mine" }\nlayer = "outfall"\nmeasure = "area"\nnumerator = { is_trace = true }\n'
        'denominator = { outfall_type = "工业口" }\ndone_on = "flow_t_d"\nby = { county = "county" }\ncertainty = "unconfirmed"\n'
        'basis = ["no_law"]\ncut_off = 2024-12-31\nexample = { rows = [{ nothing = 1 }], numerator = 0, denominator = 0 }\n',
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as told:
        read_rates(tmp_path, SCHEMAS)
    for word in ("is_trace", "工业口", "flow_t_d", "'county'", "no_law", "cut_off", "nothing", "polygon", "no note"):
        assert word in str(told.value), word
    assert "Did you mean 'is_traced'?" in str(told.value)


def test_the_version_follows_the_formula() -> None:
    assert len({rate.version for rate in BOOK.rates.values()}) == len(BOOK.rates)


# --- counting ---


@pytest.mark.parametrize(
    ("first", "second", "either"),
    [
        (TRUE, UNKNOWN, TRUE), (UNKNOWN, FALSE, UNKNOWN), (FALSE, FALSE, FALSE), (UNKNOWN, UNKNOWN, UNKNOWN), (FALSE, TRUE, TRUE),
    ],
)  # fmt: skip
def test_one_true_term_is_enough_and_unknown_is_not_false(first: int, second: int, either: int) -> None:
    said = {TRUE: True, FALSE: False, UNKNOWN: None}
    layer = view("outfall", [{"is_traced": said[first], "is_approved": said[second]}])
    rate = dataclasses.replace(
        TRACED, numerator=(TRACED.numerator[0], (dataclasses.replace(TRACED.numerator[0][0], column="is_approved"),))
    )
    assert evaluate_terms(rate.numerator, layer.frame, DAY).tolist() == [either]


def test_a_share_keeps_its_lists_apart() -> None:
    rows = [{"is_traced": v} for v in (True, True, False, None)]
    lost = [{"is_traced": True}, {"is_traced": True, "feature_id": "f0"}]  # the second stands among the clean rows too
    result = rate_results(TRACED, {"outfall": view("outfall", rows, lost)}, DAY)[0]
    assert result.ids("numerator") == ("f0", "f1")
    assert result.ids("rest") == ("f2",)
    assert result.ids("unknown") == ("f3", "w0")
    assert result.share == pytest.approx(2 / 3)
    assert (result.lower, result.upper) == (Fraction(2, 5), Fraction(4, 5))  # f3 and w0 not traced; both traced
    assert result.provenance["records"] == 4
    assert result.provenance["withheld"] == 1
    assert result.provenance["layers"] == {"outfall": "v1"}
    assert result.provenance["absent"] == ["river"]
    members = member_table([result]).set_index("feature_id")
    assert "扣留" in members.loc["w0", "reason_zh"]
    assert "缺少字段值" in members.loc["f3", "reason_zh"]


def test_an_absent_layer_and_an_empty_one_are_no_zero() -> None:
    absent = rate_results(TRACED, {}, DAY)[0]
    empty = rate_results(TRACED, {"outfall": view("outfall", [])}, DAY)[0]
    assert (absent.state, absent.share, absent.lower) == ("not_assessed", None, None)
    assert (empty.state, empty.share, empty.lower) == ("empty", None, None)
    assert "not assessed" in figures_of(absent)


MAY_BE = ("n", "r", "nr", "no", "ro", "nro")


@given(
    st.lists(
        st.tuples(st.sampled_from(MAY_BE), st.one_of(st.integers(1, 9).map(float), st.just(float("nan")))),
        min_size=1,
        max_size=5,
    )
)
def test_bounds_are_those_of_trying_everything(rows: list[tuple[str, float]]) -> None:
    members = pd.DataFrame(rows, columns=["may_be", "amount"])
    lower, upper = bounds(members, "share")
    huge = 10.0**9
    shares = []
    weights = [(0.001, huge) if math.isnan(amount) else (amount,) for _, amount in rows]
    for fate in itertools.product(*(may for may, _ in rows)):
        for weight in itertools.product(*weights):
            above = sum(w for f, w in zip(fate, weight, strict=True) if f == "n")
            of = sum(w for f, w in zip(fate, weight, strict=True) if f != "o")
            if of:
                shares.append(above / of)
    assert lower is not None
    assert upper is not None
    assert float(lower) == pytest.approx(min(shares), abs=2e-3)
    assert float(upper) == pytest.approx(max(shares), abs=2e-3)


def test_an_amount_has_an_open_end_when_a_figure_is_missing() -> None:
    members = pd.DataFrame({"may_be": ["n", "nr", "r"], "amount": [2.0, 3.0, 100.0]})
    assert bounds(members, "amount") == (2, 5)
    assert bounds(members.assign(amount=[2.0, float("nan"), 100.0]), "amount") == (2, None)


def test_a_negative_area_is_no_figure() -> None:
    rate = BOOK.rates["safe_use_measures"]
    rows = [{"category": "安全利用", "measure_type": "替代种植", "area_m2": a} for a in (-5.0, 10.0)]
    result = rate_results(rate, {"farmland_class": view("farmland_class", rows)}, DAY)[0]
    assert result.ids("unknown") == ("f0",)
    assert result.amount("numerator") == 10.0


def test_areas_and_lengths_are_of_the_ground() -> None:
    to_plane = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True).transform
    box = shapely.transform(shapely.box(114.30, 34.80, 114.31, 34.81), to_plane, interleaved=False)
    farmland = view("farmland_class", [{"category": "安全利用", "measure_type": "替代种植", "geometry": box}])
    farmland = dataclasses.replace(farmland, frame=farmland.frame.drop(columns="area_m2"))
    result = rate_results(BOOK.rates["safe_use_measures"], {"farmland_class": farmland}, DAY)[0]
    assert result.amount("numerator") == pytest.approx(1_015_120.2983, abs=0.01)
    line = shapely.LineString([(114.30, 34.80), (114.32, 34.81)])
    water = view(
        "black_odorous_water",
        [{"scheme": "城市", "state": "治理中", "geometry": shapely.transform(line, to_plane, interleaved=False)}],
    )
    rate = dataclasses.replace(BOOK.rates["black_odorous_urban_left"], measure="length", unit=Text("m", "m"))
    length = rate_results(rate, {"black_odorous_water": water}, DAY)[0].amount("numerator")
    assert length == pytest.approx(pyproj.Geod(a=6378137, rf=298.257222101).geometry_length(line), rel=1e-6)


# --- days ---


def test_ledger_and_work_are_told_on_their_own_days() -> None:
    rows = [
        {"is_traced": True, "found_on": dt.date(2023, 1, 5), "traced_on": dt.date(2023, 6, 1)},
        {"is_traced": True, "found_on": dt.date(2023, 1, 5), "traced_on": dt.date(2024, 6, 1)},
        {"is_traced": True, "found_on": dt.date(2023, 12, 31), "traced_on": None},
        {"is_traced": False, "found_on": None, "traced_on": None},
        {"is_traced": True, "found_on": dt.date(2025, 3, 1), "traced_on": dt.date(2025, 4, 1)},
    ]
    views = {"outfall": view("outfall", rows)}
    then = rate_results(TRACED, views, DAY, on=dt.date(2023, 12, 31))[0]
    assert then.cut_off == dt.date(2023, 12, 31)
    assert then.ids("numerator") == ("f0",)
    assert then.ids("rest") == ("f1",)  # traced later
    assert then.ids("unknown") == ("f2", "f3")  # traced on an unknown day; found on an unknown day
    now = rate_results(TRACED, views, DAY, cut_off=dt.date(2024, 12, 31))[0]
    assert now.ids("numerator") == ("f0", "f1", "f2")
    assert "f4" not in set(now.members["feature_id"])
    assert rate_results(TRACED, views, DAY)[0].share == pytest.approx(4 / 5)


def test_a_day_to_come_is_wrong_and_drops_nobody() -> None:
    later = dt.date(2029, 3, 1)
    rows = [
        {"is_traced": True, "found_on": later, "traced_on": dt.date(2023, 6, 1)},
        {"is_traced": True, "found_on": dt.date(2023, 1, 5), "traced_on": later},
        {"is_traced": False, "found_on": later, "traced_on": later},
    ]
    views = {"outfall": view("outfall", rows)}
    now = rate_results(TRACED, views, DAY)[0]
    assert (now.ids("numerator"), now.ids("rest"), now.ids("unknown")) == (("f0",), ("f2",), ("f1",))
    then = rate_results(TRACED, views, DAY, cut_off=dt.date(2024, 12, 31))[0]
    assert then.ids("unknown") == ("f0", "f1", "f2")


def test_an_earlier_day_is_refused_where_nothing_tells_it() -> None:
    rate = BOOK.rates["outfall_approved"]
    with pytest.raises(SpecError, match="known_on"):
        rate_results(rate, {"outfall": view("outfall", [])}, DAY, cut_off=dt.date(2024, 12, 31))
    with pytest.raises(SpecError, match="after"):
        rate_results(TRACED, {"outfall": view("outfall", [])}, DAY, on=dt.date(2027, 1, 1))


# --- groups and places ---


def test_a_group_counts_those_that_may_belong_to_it() -> None:
    rows = [
        {"is_traced": True, "county_code": "410202"}, {"is_traced": False, "county_code": "410203"}, {"is_traced": True},
    ]  # fmt: skip
    whole, first, second = rate_results(TRACED, {"outfall": view("outfall", rows)}, DAY, by=["county"])
    assert whole.share == pytest.approx(2 / 3)
    assert first.group == {"county": "410202"}
    assert (first.ids("numerator"), first.ids("unknown")) == (("f0",), ("f2",))
    assert (second.lower, second.upper) == (Fraction(0), Fraction(1, 2))
    with pytest.raises(SpecError, match="township"):
        rate_results(TRACED, {"outfall": view("outfall", rows)}, DAY, by=["township"])


def test_an_empty_basin_comes_from_the_river_where_all_of_its_name_agree() -> None:
    rivers = [
        {"river_name": "惠济河", "basin": "淮河流域"}, {"river_name": "黄河", "basin": "黄河流域"},
        {"river_name": "小清河", "basin": "黄河流域"}, {"river_name": "小清河", "basin": "淮河流域"},
    ]  # fmt: skip
    rows = [{"is_traced": True, "river_name": n} for n in ("黄河", "惠济河", "小清河", None)]
    rows.append({"is_traced": True, "river_name": "惠济河", "basin": "黄河流域"})
    views = {"outfall": view("outfall", rows), "river": view("river", rivers)}
    whole, huai, yellow = rate_results(TRACED, views, DAY, by=["basin"])
    assert whole.provenance["filled"] == {"basin": 2}
    assert huai.ids("numerator") == ("f1",)
    assert yellow.ids("numerator") == ("f0", "f4")
    assert yellow.ids("unknown") == ("f2", "f3")


def test_an_empty_county_comes_from_the_only_one_a_feature_meets() -> None:
    units = gpd.GeoDataFrame(
        {"county_code": ["A", "B"]}, geometry=[shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)], crs=CRS
    )
    shapes = [
        shapely.Point(5, 5),
        shapely.Point(10, 5),
        shapely.Point(50, 5),
        shapely.box(8, 1, 12, 2),
        shapely.Point(1, 1),
    ]
    frame = gpd.GeoDataFrame({"county_code": pd.Series([None] * 4 + ["B"], dtype=object)}, geometry=shapes, crs=CRS)
    filled, count = place_in_units(frame, units, "county_code")
    assert [None if pd.isna(code) else code for code in filled["county_code"]] == ["A", None, None, None, "B"]
    assert count == 1


# --- targets ---


def test_the_targets_are_the_plans_word_for_word() -> None:
    with (ROOT / "geosys" / "standards" / "tables" / "plan_targets.csv").open(encoding="utf-8", newline="") as file:
        source = [tuple(row.values()) for row in csv.DictReader(file)]
    plans = {
        "kf_water_2025": "000", "kf_soil_2025": "000净土", "kf_three_year": "002", "jy_three_year": "003",
        "py_water_2020": "004水", "py_soil_2020": "004土",
    }  # fmt: skip
    with (ROOT / "cases" / "plans" / "targets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = ("section", "indicator", "area", "value", "unit", "op", "deadline", "note")
    assert [(plans[row["plan"]], *(row[word] for word in words)) for row in rows] == source
    assert len(rows) == 83
    for row in rows:  # a plain number and day are read as they stand
        if row["compare"] and row["value"].replace(".", "").replace("-", "").isdigit():
            assert row["number"] == row["value"] or row["target"] == "py20_joint_meetings"
        if row["deadline"][:4].isdigit() and row["deadline"].count("-") == 2:
            assert row["due_on"] == row["deadline"]


def target(compare: str, number: int | None, due: dt.date | None = dt.date(2025, 12, 31)) -> Target:
    plan = Plan("p", Text("方案", "Plan"), dt.date(2025, 1, 1))
    return Target(
        "t", plan, "一", "率", Area("县", {"county": ("4102*",)}, "confirmed"), "", "%", "", "", "", compare,
        None if number is None else Fraction(number), due, "", "confirmed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("compare", "number", "low", "high", "day", "status"),
    [
        (">=", 80, 80, 80, "2025-03-01", "reached"),
        (">=", 80, 79, 81, "2026-01-01", "cannot_judge"),
        (">=", 80, 70, 79, "2026-01-01", "late"),
        (">=", 80, 79, 79, "2025-12-31", "at_risk"),  # the day itself still counts: on the line it would need 80
        (">=", 80, 60, 60, "2025-07-02", "on_track"),  # half the year: 40 is asked
        (">=", 80, 39, 39, "2025-07-02", "at_risk"),
        (">=", 80, 39, 60, "2025-07-02", "cannot_judge"),
        ("<=", 25, 25, 25, "2025-03-01", "reached"),
        ("<=", 25, 26, 26, "2025-03-01", "at_risk"),
        ("<=", 25, 26, 26, "2026-03-01", "late"),
        ("<=", 25, 20, None, "2026-03-01", "cannot_judge"),
        ("", None, 50, 50, "2026-03-01", "no_number"),
    ],
)
def test_how_a_target_stands(
    compare: str, number: int | None, low: int, high: int | None, day: str, status: str
) -> None:
    one = target(compare, number)
    figure = Figure(Fraction(low), None if high is None else Fraction(high))
    assert standing(one, figure, dt.date.fromisoformat(day), schedule_of(one, [one])) == status
    assert status in STANDINGS


def test_without_a_figure_nothing_is_said() -> None:
    one = target(">=", 80)
    assert standing(one, None, DAY, schedule_of(one, [one])) == "not_assessed"


@given(st.integers(0, 100), st.integers(0, 100), st.dates(dt.date(2025, 1, 1), dt.date(2026, 12, 31)))
def test_a_better_figure_never_stands_worse(one: int, two: int, day: dt.date) -> None:
    order = ["late", "at_risk", "on_track", "reached"]
    rising = target(">=", 80)
    stands = [
        order.index(standing(rising, Figure(Fraction(v), Fraction(v)), day, schedule_of(rising, [rising])))
        for v in sorted((one, two))
    ]
    assert stands[0] <= stands[1]


def test_the_line_goes_through_the_dated_steps() -> None:
    steps = [t for t in BOOK.targets if t.id == "kf23_yellow_river_outfalls_fixed"]
    line = schedule_of(steps[0], BOOK.targets)
    assert line == [
        (dt.date(2023, 1, 1), 0), (dt.date(2023, 12, 31), 30), (dt.date(2024, 12, 31), 70), (dt.date(2025, 12, 31), 100),
    ]  # fmt: skip
    assert expected_on(line, dt.date(2024, 12, 31)) == 70
    assert expected_on(line, dt.date(2024, 7, 1)) == 30 + Fraction(40 * 183, 366)
    assert expected_on(line, dt.date(2022, 1, 1)) == 0
    assert expected_on(line, dt.date(2030, 1, 1)) == 100


def test_wrong_targets_are_told_at_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cases", tmp_path / "cases")
    path = tmp_path / "cases" / "plans" / "targets.csv"
    text = path.read_text(encoding="utf-8")
    text = text.replace("outfall_traced,confirmed", "outfall_trace,confirmed").replace(",开封,60,%", ",开丰,60,%", 1)
    text = text.replace("2025-09-30,", "2025-9-30,", 2).replace("kf_soil_2025,二,受污染", "kf_soil,二,受污染", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as told:
        read_targets(tmp_path, BOOK.rates)
    for word in ("Did you mean 'outfall_traced'?", "开丰", "2025-9-30", "kf_soil"):
        assert word in str(told.value), word


# --- entered values ---


def entered(folder: Path, *rows: str) -> Path:
    path = folder / "progress.csv"
    path.write_text("\n".join(["target,on,value,evidence", *rows, ""]), encoding="utf-8")
    return path


def test_entered_values_are_read_with_their_evidence(tmp_path: Path) -> None:
    path = entered(
        tmp_path, "kf25_good_water_share,2025-06-30,55,汴环〔2025〕1号", "kf25_good_water_share,2025/9/30,62.5％,汴环〔2025〕2号",
        "kf25_yellow_river_class,2025-09-30,Ⅱ类,月报", "kf25_villages_renovated,2025-09-30,40,清单",
    )  # fmt: skip
    entries = read_entries(path, BOOK.targets, DAY)
    assert [entry.value for entry in entries] == [55, Fraction(125, 2), 2, 40]
    last = latest(entries, "kf25_good_water_share", dt.date(2025, 8, 1))
    assert last is not None
    assert (last.value, last.evidence) == (55, "汴环〔2025〕1号")
    assert read_entries(tmp_path / "none.csv", BOOK.targets, DAY) == ()
    standings = {one.target.id: one for one in standings_of(BOOK, {}, entries, DAY)}
    share = standings["kf25_good_water_share"]
    assert (share.source, share.status, share.in_time) == ("entered", "reached", True)
    assert (standings["kf25_villages_renovated"].status, standings["kf25_villages_renovated"].in_time) == (
        "late",
        False,
    )
    assert standings["kf25_straw_use"].status == "not_assessed"
    assert len(standings_of(BOOK, {}, entries, DAY)) == 86  # 83 rows, one with three years and one with two half-years


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("kf25_good_water_shar,2025-06-30,55,文", "Did you mean 'kf25_good_water_share'?"),
        ("kf25_good_water_share,2025-13-30,55,文", "2025-13-30"),
        ("kf25_good_water_share,2027-01-01,55,文", "not after"),
        ("kf25_good_water_share,2025-06-30,约55,文", "约55"),
        ("kf25_good_water_share,2025-06-30,0.55,文", "Write 55, or 0.55%"),
        ("kf25_good_water_share,2025-06-30,1/2,文", "1/2"),
        ("kf25_good_water_share,2025-06-30,55, ", "evidence"),
        ("kf25_good_water_share,2025-06-30,nan,文", "nan"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tmp_path: Path, row: str, word: str) -> None:
    with pytest.raises(WorkspaceError) as told:
        read_entries(entered(tmp_path, row), BOOK.targets, DAY)
    assert "progress.csv line 2" in str(told.value)
    assert word in str(told.value)


def test_two_values_of_one_day_are_refused(tmp_path: Path) -> None:
    row = "kf25_good_water_share,2025-06-30,55,文"
    with pytest.raises(WorkspaceError, match=r"line 3: .*See line 2"):
        read_entries(entered(tmp_path, row, row), BOOK.targets, DAY)


def test_a_formula_goes_before_an_entry(tmp_path: Path) -> None:
    path = entered(tmp_path, "kf25_groundwater_v,2025-06-30,20,文")
    entries = read_entries(path, BOOK.targets, DAY)
    rows = [{"is_national": True, "water_class": c, "county_code": "410202"} for c in ("V", "III")]
    views = {"groundwater_point": view("groundwater_point", rows)}
    one = next(s for s in standings_of(BOOK, views, entries, DAY) if s.target.id == "kf25_groundwater_v")
    assert (one.source, one.status) == ("computed", "late")
    assert one.figure == Figure(Fraction(50), Fraction(50))
    one = next(s for s in standings_of(BOOK, {}, entries, DAY) if s.target.id == "kf25_groundwater_v")
    assert (one.source, one.status) == ("entered", "reached")


@pytest.mark.parametrize(
    ("day", "source", "status"), [("2025-12-31", "computed", "reached"), ("2026-03-01", "none", "not_assessed")]
)
def test_one_years_water_answers_for_no_other_year(day: str, source: str, status: str) -> None:
    rows = [{"level": "国控", "month": "2025-11", "year_class": c, "county_code": "410202"} for c in (2, 3, 3, 4)]
    views = {"water_section": view("water_section", rows)}
    standings = standings_of(BOOK, views, (), dt.date.fromisoformat(day))
    one = next(s for s in standings if s.target.id == "kf25_good_water_share")  # 75 of the 60 per cent asked for
    assert (one.source, one.status) == (source, status)


def test_rates_are_plain_values() -> None:
    assert isinstance(TRACED, Rate)
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRACED.layer = "river"  # type: ignore[misc]

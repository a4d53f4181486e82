"""Progress: every row of the plans is accounted for, rates of the sample county by hand, counties, offices, ranking, entries."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import json
import multiprocessing
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import typer
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from test_moves import found, move, opened
from test_rates import view

from geosys._errors import GeoSysError, SpecError, WorkspaceError
from geosys._faults import Faults
from geosys.cases.case_view import CASE, case_view, month_named
from geosys.cases.duties import name_of, read_aliases, read_duties
from geosys.cases.entering import CHANGED, UNCHANGED, enter, evidence_state
from geosys.cases.entries import Entry, latest, read_entries
from geosys.cases.ledger.closings import closing_days
from geosys.cases.ledger.database import read_ledger
from geosys.cases.progress import office_table, place_table, progress_table
from geosys.cases.ranking import DOES_NOT_APPLY, KNOWN, MISSING, Indicator, Mark, ranked, read_ranking
from geosys.cases.rate_examples import failing_examples
from geosys.cases.rate_results import rate_results
from geosys.cases.targets import STANDINGS, Figure
from geosys.cases.workflow import all_states, read_workflow
from geosys.cli import main, progress_command
from geosys.geo.area import ellipsoidal_area_m2
from geosys.layers.spec import read_catalogue
from geosys.progress import case_counties, counties_in, progress_of, rank, read_progress_book
from geosys.rates import standings_of
from geosys.sample.county import draw_frames

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

CATALOGUE = read_catalogue()
BOOK = read_progress_book(CATALOGUE)
OFFICES, COUNTIES = CATALOGUE.codes["office"].titles, CATALOGUE.codes["county"].titles
DAY = dt.date(2025, 9, 30)


# --- every row of the plans ---


def test_all_83_rows_are_computed_or_accounted_for_by_hand() -> None:
    with (ROOT / "geosys" / "standards" / "tables" / "plan_targets.csv").open(encoding="utf-8", newline="") as file:
        source = list(csv.DictReader(file))
    with (ROOT / "cases" / "plans" / "targets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ways: dict[str, int] = {"computed": 0, "by_hand": 0}
    assert len(source) == len(rows) == 83
    for said, row in zip(source, rows, strict=True):
        assert (said["indicator"], said["area"], said["value"]) == (row["indicator"], row["area"], row["value"])
        duty = BOOK.duties[row["target"]]
        ways[duty.way] += 1
        if duty.way == "computed":
            rate = BOOK.rates.rates[row["rate"]]
            assert "county" in rate.by, row["target"]
            assert not duty.why_by_hand
        else:
            assert not row["rate"]
            assert len(duty.why_by_hand) >= 10, row["target"]
        assert duty.object
        assert duty.numerator
        assert duty.section
        assert duty.lead
        assert bool(duty.denominator) or row["unit"] != "%", row["target"]
    assert ways == {"computed": 30, "by_hand": 53}
    assert set(BOOK.duties) == {target.id for target in BOOK.rates.targets}


def test_a_target_is_judged_by_hand_or_computed_and_each_row_says_which() -> None:
    rows = progress_of(BOOK, {}, (), DAY)
    table = progress_table(rows, BOOK.rates.targets, OFFICES, COUNTIES)
    assert len(table) == 86  # 83 rows, one with three years and one with two half-years
    assert set(table["way"]) == {"computed", "by_hand"}
    assert set(table["source"]) == {"none"}
    one = table[table["target"] == "kf23_yellow_river_outfalls_fixed"].iloc[0]
    assert one["steps"] == "2023-12-31: >=30%；2024-12-31: >=70%；2025-12-31: =100%"
    sewage = table[table["target"] == "jy18_urban_sewage_treated"].iloc[0]
    assert sewage["steps"] == "2018-12-31: >=95.5%；2019-12-31: >=95.7%；2020-12-31: >=96%"


# --- who answers ---


@pytest.mark.parametrize(
    ("target", "section", "lead", "offices", "supporter"),
    [
        ("kf25_priority_plots_controlled", "三(一)5", "市生态环境局", ("ecology",), "natural_resources"),
        ("kf25_polluted_farmland_safe_use", "三(一)4", "市农业农村局", ("agriculture",), "ecology"),
        ("kf23_yellow_river_outfalls_fixed", "三(六)11", "市水利局", ("water", "ecology"), "finance"),
        ("jy18_crops_changed", "四(一)5", "市农牧局", ("agriculture",), "forestry"),
        ("jy18_city_sources_attaining", "三(二)1", "市环境保护局", ("ecology",), "water"),
        ("py20_villages_improved", "三(三)4", "区行政综合执法局", ("ecology",), "township_government"),
        ("py20_irrigation_efficiency", "三(五)1", "区社会事务局", ("water",), "agriculture"),
        ("py20_plots_on_one_map", "三(三)3", "区规划国土管理局", ("natural_resources",), "ecology"),
    ],
)
def test_bodies_are_those_of_the_clause_by_the_names_of_their_year(
    target: str, section: str, lead: str, offices: tuple[str, ...], supporter: str
) -> None:
    duty = BOOK.duties[target]
    assert (duty.section, duty.lead[0].name, duty.offices()) == (section, lead, offices)
    assert supporter in {body.office for body in duty.support}
    assert duty.concerns(offices[0])
    assert not duty.concerns("emergency")


def test_one_office_has_other_names_in_other_years_and_places() -> None:
    faults = Faults()
    aliases = read_aliases(ROOT / "cases" / "plans" / "offices.csv", OFFICES, faults)
    assert not faults.rows
    names = [
        name_of("ecology", place, year, aliases) for place, year in (("济源", 2018), ("平原", 2020), ("开封", 2025))
    ]
    assert names == ["市环境保护局", "区行政综合执法局", "市生态环境局"]
    assert name_of("natural_resources", "济源", 2018, aliases) == "市国土资源局、市城乡规划局"
    assert name_of("ecology", "开封", 2018, aliases) == ""  # no plan of that year says


def test_wrong_duties_are_told_at_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cases", tmp_path / "cases")
    path = tmp_path / "cases" / "plans" / "duties.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("kf25_straw_use"))
    text = text.replace("kf25_fertiliser_use", "kf25_fertilizer_use").replace("三(三)15,led", "三(三)15,leads")
    text = text.replace("四(一)5,listed,市农牧局", "四(一)5,listed,市农业农村局").replace(
        ",没有高标准农田图层；按验收文件填报", ","
    )
    path.write_text(text, encoding="utf-8")
    offices = tmp_path / "cases" / "plans" / "offices.csv"
    offices.write_text(
        offices.read_text(encoding="utf-8").replace("2023,2025,river_bureau", "2023,2025,river_office"),
        encoding="utf-8",
    )
    with pytest.raises(SpecError) as told:
        read_duties(tmp_path, BOOK.rates.targets, OFFICES)
    for word in (
        "Did you mean 'kf25_fertiliser_use'?", "'leads'", "kf25_straw_use", "市农业农村局 (2018–2020)", "why_by_hand", "'river_office'",
    ):  # fmt: skip
        assert word in str(told.value), word


# --- the sample county by hand ---


@pytest.fixture(scope="module")
def sample() -> dict[str, gpd.GeoDataFrame]:
    return draw_frames(np.random.default_rng(410299), lambda _step, _share: None)[0]


def sample_view(name: str, frame: gpd.GeoDataFrame, **more: Any) -> Any:
    rows = pd.DataFrame(frame).assign(**more)
    return view(name, rows.astype(object).where(rows.notna(), None).to_dict("records"))


def areas(frame: gpd.GeoDataFrame) -> pd.Series:
    return pd.Series(ellipsoidal_area_m2(frame.geometry.to_numpy(), str(frame.crs)), index=frame.index)


def shares_by_hand(sample: dict[str, gpd.GeoDataFrame]) -> dict[str, tuple[float, float]]:
    """Return numerator and denominator of each computed formula, counted with plain masks."""
    outlets, villages, plants, waters = (sample[name] for name in ("outlets", "villages", "plants", "black_waters"))
    farm, plots = sample["farm_units"], sample["contaminated"]
    farm_m2 = areas(farm)
    polluted, has_measure = farm["category"].isin(["安全利用", "严格管控"]), farm["measure_type"].notna()
    light = (farm["category"] == "优先保护") & farm["is_exceeding"].astype(bool)
    safe = has_measure & ((farm["category"] == "严格管控") | (farm["category"] == "安全利用") & FARM_OK(farm))
    networks = plants[plants["load_t_d"].astype(float) >= 100]
    wells = sample["wells"]
    return {
        "outfall_traced": (int((outlets["is_traced"] == True).sum()), int(outlets["is_traced"].notna().sum())),  # noqa: E712
        "outfall_fixed": (int((outlets["rectify_state"] == "已完成").sum()), int(outlets["rectify_state"].notna().sum())),
        "village_sewage_treated": (int((villages["sewage_state"] == "已治理").sum()), len(villages)),
        "village_sewage_treated_or_controlled": (int(villages["sewage_state"].isin(["已治理", "已管控"]).sum()), len(villages)),
        "works_networked": (int((networks["is_networked"] == True).sum()), len(networks)),  # noqa: E712
        "black_odorous_rural_left": (int((waters["state"] != "已消除").sum()), len(waters)),
        "priority_plot_controlled": (int((sample["priority"]["control_state"] == "已完成").sum()), len(sample["priority"])),
        "suspected_plot_surveyed": (
            int((sample["suspected"]["notice_on"].notna() & (sample["suspected"]["survey_state"] == "已完成")).sum()),
            int(sample["suspected"]["notice_on"].notna().sum()),
        ),
        "groundwater_class_v": (int((wells["water_class"].astype(str) == "V").sum()), len(wells)),
        "safe_use_measures": (
            float(farm_m2[(farm["category"] == "安全利用") & has_measure].sum()), float(farm_m2[farm["category"] == "安全利用"].sum()),
        ),
        "polluted_farmland_safe_use_145_plan": (float(farm_m2[polluted & safe].sum()), float(farm_m2[polluted].sum())),
        "polluted_farmland_safe_use_2020_trial": (
            float(farm_m2[(polluted & safe) | (light & has_measure)].sum()), float(farm_m2[polluted | light].sum()),
        ),
        "contaminated_plot_safe_use_135_plan": (
            float(areas(plots)[(plots["is_removed"] == True) | plots["stage"].isin(["移出名录", "不需管控修复", "后期管理"])].sum()),  # noqa: E712
            float(areas(plots).sum()),
        ),
    }  # fmt: skip


def FARM_OK(farm: pd.DataFrame) -> pd.Series:  # noqa: N802
    """Return which units' produce is within the standard: in the sample those of even position."""
    return pd.Series(np.arange(len(farm)) % 2 == 0, index=farm.index)


def sample_views(sample: dict[str, gpd.GeoDataFrame]) -> dict[str, Any]:
    """Return the sample's layers; fields that the sample leaves to other layers are set plainly."""
    farm, plots = sample["farm_units"], sample["contaminated"]
    return {
        "outfall": sample_view("outfall", sample["outlets"]),
        "village": sample_view("village", sample["villages"]),
        "sewage_plant": sample_view("sewage_plant", sample["plants"]),
        "black_odorous_water": sample_view("black_odorous_water", sample["black_waters"], scheme="农村"),
        "priority_plot": sample_view("priority_plot", sample["priority"]),
        "suspected_plot": sample_view("suspected_plot", sample["suspected"]),
        "groundwater_point": sample_view("groundwater_point", sample["wells"], is_national=True),
        "farmland_class": sample_view("farmland_class", farm, is_product_ok=FARM_OK(farm), area_m2=areas(farm)),
        "contaminated_plot": sample_view("contaminated_plot", plots, plan_code="0701", area_m2=areas(plots)),
    }


def test_each_rate_of_the_sample_county_is_that_of_a_count_by_hand(sample: dict[str, gpd.GeoDataFrame]) -> None:
    views = sample_views(sample)
    by_hand = shares_by_hand(sample)
    for name, (above, below) in by_hand.items():
        rate = BOOK.rates.rates[name]
        result = rate_results(rate, views, dt.date(2026, 9, 30))[0]
        assert below > 0, name
        assert result.amount("numerator") == pytest.approx(above, rel=1e-12), name
        assert result.amount("numerator", "rest") == pytest.approx(below, rel=1e-12), name
        if rate.value == "share":
            assert result.share == pytest.approx(above / below, rel=1e-12), name
    told = {target.rate for target in BOOK.rates.targets if target.rate}
    # Sections are judged by their samples (tests/test_section_results.py); the sample has no urban waters, and its works
    # have neither their state nor the BOD of their inflow.
    others = {
        "assessed_sections_meeting_target", "assessed_sections_iii_or_better", "city_sections_worse_than_v", "sections_iii_or_better",
        "black_odorous_urban_left", "rural_works_running", "works_bod_over_100",
    }  # fmt: skip
    assert told - set(by_hand) == others


def test_rates_of_sections_are_those_of_a_count_by_hand(sample: dict[str, gpd.GeoDataFrame]) -> None:
    sections = sample["sections"]
    classes = np.arange(len(sections)) % 6 + 1
    meets = pd.Series(classes % 2 == 0, index=sections.index)
    layer = sample_view("water_section", sections, month="2026-08", year_class=classes, year_meets=meets)
    assessed, city = sections["level"].isin(["国控", "省控"]).to_numpy(), (sections["level"] == "市控").to_numpy()
    wanted = {
        "sections_iii_or_better": ((classes <= 3).sum(), len(sections)),
        "assessed_sections_iii_or_better": (((classes <= 3) & assessed).sum(), assessed.sum()),
        "assessed_sections_meeting_target": ((meets.to_numpy() & assessed).sum(), assessed.sum()),
        "city_sections_worse_than_v": (((classes == 6) & city).sum(), city.sum()),
    }
    for name, (above, below) in wanted.items():
        result = rate_results(BOOK.rates.rates[name], {"water_section": layer}, dt.date(2026, 9, 30))[0]
        assert (len(result.ids("numerator")), len(result.ids("numerator")) + len(result.ids("rest"))) == (above, below)


# --- by county ---


def toy() -> dict[str, Any]:
    outfalls = [
        {"county_code": county, "basin": "黄河流域", "found_on": dt.date(2023, 2, 1), "is_traced": True, "traced_on": dt.date(2023, 5, 1),
         "rectify_state": "已完成" if done else "整治中", "done_on": done}
        for county, done in (
            ("410225", dt.date(2024, 6, 1)), ("410225", dt.date(2025, 9, 10)), ("410223", dt.date(2024, 6, 1)), ("410223", None), ("410222", None),
        )
    ]  # fmt: skip
    villages = [
        {"county_code": c, "sewage_state": s}
        for c, s in (("410225", "已治理"), ("410225", "未治理"), ("410223", "已管控"))
    ]
    return {
        "outfall": view("outfall", [*outfalls, {"rectify_state": "整治中", "basin": "黄河流域"}]),
        "village": view("village", villages),
        "black_odorous_water": view(
            "black_odorous_water", [{"county_code": "410225", "scheme": "农村", "state": "治理中"}]
        ),
    }


def rows_of(rows: list[Any], target: str, county: str = "") -> list[Any]:
    return [row for row in rows if row.standing.target.id == target and row.county == county]


def test_the_whole_area_stands_as_the_rates_say() -> None:
    views = toy()
    entries = read_rows({"target": "kf25_villages_renovated", "on": "2025-09-01", "value": "40", "evidence": "清单"})
    told = [row.standing for row in progress_of(BOOK, views, entries, DAY)]
    for one, other in zip(told, standings_of(BOOK.rates, views, entries, DAY), strict=True):
        assert (one.target, one.status, one.figure, one.source) == (
            other.target,
            other.status,
            other.figure,
            other.source,
        )


def read_rows(*rows: dict[str, str]) -> tuple[Entry, ...]:
    from geosys.cases.entries import check_entries

    return check_entries(rows, BOOK.rates.targets, dt.date(2026, 12, 31))


def test_a_county_is_held_against_shares_and_owes_no_part_of_a_number() -> None:
    entries = read_rows(
        {
            "target": "kf25_villages_renovated",
            "on": "2025-09-01",
            "value": "4",
            "evidence": "清单",
            "county_code": "410225",
        },
        {"target": "kf25_straw_use", "on": "2025-09-01", "value": "94", "evidence": "统计", "county_code": "410225"},
        {"target": "kf25_straw_use", "on": "2025-09-01", "value": "92", "evidence": "统计"},
    )
    views = toy()
    assert counties_in(BOOK, views, entries) == ["410222", "410223", "410225"]
    rows = progress_of(BOOK, views, entries, DAY, counties=["410225", "410223", "419001"])
    sewage = [rows_of(rows, "kf25_village_sewage_controlled", c)[0].standing.status for c in ("", "410225", "410223")]
    assert sewage == ["reached", "reached", "reached"]  # 2 of 3, 1 of 2, 1 of 1: at least 45 %
    fixed = rows_of(rows, "kf23_yellow_river_outfalls_fixed", "410225")
    assert [row.standing.target.due_on.year for row in fixed] == [2023, 2024, 2025]
    figure = fixed[-1].standing.figure
    assert (figure.lower, figure.upper) == (
        Fraction(200, 3),
        100,
    )  # 2 of 2; the one of no county may be a third
    assert rows_of(rows, "kf25_black_odorous_rural", "410225")[0].standing.status == "at_risk"  # none is to be left
    assert rows_of(rows, "kf25_villages_renovated", "410225")[0].standing.status == "no_number"
    assert rows_of(rows, "kf25_villages_renovated")[0].standing.status == "not_assessed"  # a county's is not the whole
    straw = [rows_of(rows, "kf25_straw_use", c)[0].standing.status for c in ("", "410225")]
    assert straw == ["on_track", "reached"]
    assert not [row for row in rows if row.county == "419001"]  # Jiyuan is not asked, and has nothing there
    table = progress_table(rows, BOOK.rates.targets, OFFICES, COUNTIES)
    lines = table[(table["target"] == "kf25_villages_renovated") & (table["county_code"] == "410225")]
    assert lines["status_zh"].tolist() == ["方案没有分县区数值"]
    assert lines["county_zh"].tolist() == ["兰考县"]
    line = table[(table["target"] == "kf25_village_sewage_controlled") & (table["county_code"] == "")].iloc[0]
    assert (line["numerator_count"], line["denominator_count"], line["way"], line["source"]) == (
        2,
        3,
        "computed",
        "computed",
    )


def test_a_county_by_itself_is_the_group_of_that_county() -> None:
    views = toy()
    rows = progress_of(BOOK, views, (), DAY, counties=["410225", "410223", "410222"])
    rate = BOOK.rates.rates["village_sewage_treated_or_controlled"]
    groups = {r.group["county"]: r for r in rate_results(rate, views, DAY, by=["county"]) if r.group}
    for county, group in groups.items():
        one = rows_of(rows, "kf25_village_sewage_controlled", county)[0].standing.result
        pd.testing.assert_frame_equal(one.members, group.members)


def test_an_earlier_day_is_told_only_where_the_days_are_known() -> None:
    views = toy()
    rows = progress_of(BOOK, views, (), DAY, on=dt.date(2024, 12, 31))
    fixed = {row.standing.target.due_on.year: row.standing for row in rows_of(rows, "kf23_yellow_river_outfalls_fixed")}
    assert fixed[2024].figure == Figure(
        Fraction(200, 6), Fraction(40)
    )  # 2 of 5 by then; the sixth has no county and no day
    assert (fixed[2023].status, fixed[2024].status, fixed[2024].in_time) == ("reached", "at_risk", False)
    assert rows_of(rows, "kf25_village_sewage_controlled")[0].standing.source == "none"  # no day of treatment there


# --- offices ---


def test_each_office_that_leads_is_counted() -> None:
    rows = progress_of(BOOK, toy(), (), DAY)
    table = office_table(rows, OFFICES).set_index("office")
    assert table.loc["ecology", "names"].split("、") == ["市生态环境局", "市环境保护局", "区行政综合执法局"]
    for office in table.index:
        steps = sum(office in row.duty.offices() for row in rows)
        assert table.loc[office, "steps"] == steps == table.loc[office, list(STANDINGS)].sum()
    assert table.loc["transport", "steps"] == 1


# --- cases ---

SETTLED, LEFT_OUT = BOOK.ranking.settled, BOOK.ranking.left_out


def agenda(*rows: dict[str, Any]) -> pd.DataFrame:
    plain = {
        "case_id": "A", "status": "found", "rule": "r", "subject_layer": "outfall", "subject_id": "f0", "office": "water", "found_on": DAY,
        "due_on": None, "timing": "no_date", "extended": 0, "merged_into": None,
    }  # fmt: skip
    columns = {name: pd.Series([(plain | row)[name] for row in rows], dtype=object) for name in plain}
    return pd.DataFrame(columns)


def cases_of(*rows: dict[str, Any], month: str = "2025-09", today: dt.date = dt.date(2025, 10, 8)) -> Any:
    frame = agenda(*rows)
    counties = {row["case_id"]: row["county"] for row in rows if row.get("county")}
    closed = {row["case_id"]: row["closed"] for row in rows if row.get("closed")}
    return case_view(frame, counties, closed, month_named(month, today), BOOK.cases, SETTLED, LEFT_OUT)


def test_the_formulas_of_cases_give_what_their_examples_say() -> None:
    rates = {one.rate.id: one.rate for one in BOOK.ranking.indicators if one.of_cases}
    assert len(rates) == 4
    assert failing_examples(rates, {CASE: BOOK.cases}) == []


@pytest.mark.parametrize(
    ("text", "today", "first", "last", "day"),
    [
        ("2026-10", "2026-11-22", "2026-10-01", "2026-10-31", "2026-10-31"),
        ("2024-02", "2026-11-22", "2024-02-01", "2024-02-29", "2024-02-29"),
        ("2026-12", "2026-12-05", "2026-12-01", "2026-12-31", "2026-12-05"),
        (None, "2026-12-31", "2026-12-01", "2026-12-31", "2026-12-31"),
    ],
)
def test_a_month_is_looked_at_on_its_last_day_or_today(
    text: str | None, today: str, first: str, last: str, day: str
) -> None:
    month = month_named(text, dt.date.fromisoformat(today))
    assert [str(d) for d in (month.first, month.last, month.day)] == [first, last, day]


@pytest.mark.parametrize("text", ["2026-13", "2026", "十月", "2026-12"])
def test_no_month_and_none_to_come_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="month"):
        month_named(text, dt.date(2026, 11, 22))


def test_cases_are_in_time_up_to_their_due_date() -> None:
    due = dt.date(2025, 9, 20)
    layer = cases_of(
        {"case_id": "A", "status": "closed", "due_on": due, "closed": due},
        {"case_id": "B", "status": "look_back", "due_on": due, "closed": dt.date(2025, 9, 21)},
        {"case_id": "C", "due_on": due, "timing": "overdue"},
        {"case_id": "D", "due_on": dt.date(2025, 10, 20), "timing": "in_time"},
        {"case_id": "E"},
        {"case_id": "F", "status": "closed", "due_on": due},  # closed on a day that nothing tells
        {"case_id": "G", "merged_into": "A"},
    )
    told = layer.frame.set_index("case_id")
    assert list(told.index) == list("ABCDEF")
    assert told["is_in_time"].tolist() == [True, False, False, None, None, None]
    assert told["is_due_in_month"].tolist() == [True, True, True, False, False, True]
    shares = {
        one.rate.id: rate_results(one.rate, {CASE: layer}, DAY)[0] for one in BOOK.ranking.indicators if one.of_cases
    }
    assert shares["closed_share"].lower == Fraction(3, 6)
    assert shares["overdue_share"].lower == Fraction(1, 2)
    assert (shares["month_done_share"].lower, shares["month_done_share"].upper) == (Fraction(1, 4), Fraction(2, 4))
    assert shares["on_time_share"].share == 0.5


def test_a_case_due_today_is_not_yet_late() -> None:
    today = dt.date(2025, 9, 20)
    layer = cases_of({"case_id": "A", "due_on": today}, month="2025-09", today=today)
    assert layer.frame["is_in_time"].tolist() == [None]
    assert layer.frame["is_due_in_month"].tolist() == [False]


def test_no_cases_are_a_layer_too() -> None:
    layer = cases_of()
    assert len(layer.frame) == 0
    assert rank(BOOK, layer, {}, (), DAY, month_named("2025-09", DAY)).places == ()


def test_the_day_of_closing_is_read_from_the_events(ledger: Path | str) -> None:
    opened(ledger, found("A"), found("B"))
    days = [dt.date(2026, 9, n) for n in range(2, 9)]
    steps = ("assign", "begin", "accept", "close")
    told: dict[str, Any] = {
        "lead": "water",
        "due_on": dt.date(2026, 11, 1),
        "evidence": "验收单",
        "second_person": "李四",
        "reason": "反弹",
    }
    needs = {"assign": ("lead", "due_on"), "accept": ("evidence", "second_person"), "close": ("evidence", "second_person"), "look_back": ("due_on",)}  # fmt: skip
    for name, day in zip(steps, days, strict=False):
        move(ledger, name, today=day, **{key: told[key] for key in needs.get(name, ())})
    move(ledger, "look_back", today=days[4], due_on=told["due_on"])
    with read_ledger(ledger) as connection:
        assert closing_days(connection, SETTLED) == {"A": days[3]}  # looked back on is still closed
        assert closing_days(connection, SETTLED, days[2]) == {}
    move(ledger, "reopen", today=days[5], evidence="照片", reason="反弹")
    with read_ledger(ledger) as connection:
        assert closing_days(connection, SETTLED) == {}
        assert closing_days(connection, SETTLED, days[4]) == {"A": days[3]}


# --- the ranking ---


def test_counties_stand_by_a_score_that_is_worked_out_by_hand() -> None:
    rows = [
        {"case_id": "A", "status": "closed", "county": "410222", "due_on": dt.date(2025, 9, 20), "closed": dt.date(2025, 9, 1)},
        {"case_id": "B", "county": "410222", "due_on": dt.date(2025, 9, 20), "timing": "overdue"},
        {"case_id": "C", "county": "410223", "due_on": dt.date(2025, 12, 1), "timing": "in_time"},
        {"case_id": "D", "county": "410225", "due_on": dt.date(2025, 12, 1), "timing": "in_time"},
        {"case_id": "N", "timing": "overdue"},
    ]  # fmt: skip
    month = month_named("2025-09", dt.date(2025, 9, 30))
    layer = cases_of(*rows, today=dt.date(2025, 9, 30))
    told = rank(BOOK, layer, {}, (), DAY, month)
    assert told.without_group == 1
    assert [one.rate.id for one in told.left_out] == [
        one.rate.id for one in BOOK.ranking.indicators if not one.of_cases
    ]
    # 410222: closed 1/2 of 20, overdue 1/1 so 0 of 20, of the month 1/2 of 20, in time 1/1 of 10
    # 410223 and 410225: closed 0 of 20, overdue 0/1 so 20 of 20; the two others have nothing to count
    assert [(p.group, p.rank, p.is_tied, p.score) for p in told.places] == [
        ("410223", 1, True, Fraction(20, 40) * 100), ("410225", 1, True, Fraction(20, 40) * 100),
        ("410222", 3, False, Fraction(10 + 0 + 10 + 10, 70) * 100),
    ]  # fmt: skip
    table = place_table(told.places, COUNTIES)
    assert table["place_zh"].tolist() == ["并列第 1", "并列第 1", "第 3"]
    assert table["month_done_share_zh"].tolist() == ["不适用（没有对象）", "不适用（没有对象）", "1/2"]


def test_a_county_with_missing_data_is_not_ranked_and_says_why() -> None:
    views = {
        "village": view("village", [{"county_code": "410222"}, {"county_code": "410223", "sewage_state": "已治理"}])
    }
    rows = [{"case_id": c, "county": county} for c, county in (("A", "410222"), ("B", "410223"))]
    told = rank(
        BOOK, cases_of(*rows), views, ["410225"], dt.date(2025, 10, 8), month_named("2025-10", dt.date(2025, 10, 8))
    )
    by_county = {place.group: place for place in told.places}
    assert by_county["410223"].rank == 1
    assert by_county["410222"].rank is None  # its village says nothing
    assert by_county["410225"].rank is None  # neither case nor village: nothing applies
    table = place_table(told.places, COUNTIES).set_index("group")
    assert table.loc["410222", "missing_zh"] == "农村生活污水治理（管控）率"
    assert table.loc["410222", "place_zh"] == "不排名"


def test_a_rate_that_cannot_tell_an_earlier_day_is_left_out_for_all() -> None:
    month = month_named("2025-08", DAY)
    told = rank(BOOK, cases_of({"case_id": "A", "county": "410225"}), toy(), (), DAY, month)
    assert "village_sewage_treated_or_controlled" in {one.rate.id for one in told.left_out}
    assert "outfall_fixed" not in {one.rate.id for one in told.left_out}
    fixed = next(m for m in told.places[0].marks if m.indicator.rate.id == "outfall_fixed")
    assert (fixed.numerator, fixed.denominator) == (1, 2)  # the second was rectified on 10 September


def test_offices_are_ranked_by_their_cases() -> None:
    rows = [{"case_id": "A", "office": "water", "status": "closed"}, {"case_id": "B", "office": "ecology"}]
    told = rank(BOOK, cases_of(*rows), toy(), (), DAY, month_named("2025-09", DAY), "office")
    assert [(p.group, p.rank) for p in told.places] == [("water", 1), ("ecology", 2)]
    assert all(mark.indicator.of_cases for place in told.places for mark in place.marks)


def test_the_county_of_a_case_is_that_of_its_object() -> None:
    views = {"outfall": view("outfall", [{"county_code": "410225"}, {}], [{"county_code": "410222"}])}
    rows = [{"case_id": c, "subject_id": s} for c, s in (("A", "f0"), ("B", "f1"), ("C", "w0"), ("D", "gone"))]
    assert case_counties(BOOK, agenda(*rows), views) == {"A": "410225", "C": "410222"}


CLOSED, OVERDUE = BOOK.ranking.indicators[:2]


def mark(indicator: Indicator, low: int, share: int, high: int) -> Mark:
    return Mark(indicator, KNOWN, *(Fraction(v, 10) for v in (share, low, high)))


marks = st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10)).map(sorted)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.tuples(marks, marks), min_size=1, max_size=6))
def test_places_follow_scores_and_lie_between_the_best_and_the_worst_possible(groups: dict[str, Any]) -> None:
    places = ranked({g: [mark(CLOSED, *one), mark(OVERDUE, *two)] for g, (one, two) in groups.items()})
    assert [p.rank for p in places] == sorted(p.rank for p in places)
    for place in places:
        better = sum(other.score > place.score for other in places)
        assert place.rank == better + 1
        assert place.is_tied == (sum(other.score == place.score for other in places) > 1)
        assert place.lower <= place.score <= place.upper
        assert place.best <= place.rank <= place.worst


def test_missing_is_missing_and_nothing_to_count_is_no_zero() -> None:
    known, nothing, missing = mark(CLOSED, 4, 4, 4), Mark(OVERDUE, DOES_NOT_APPLY), Mark(OVERDUE, MISSING)
    places = ranked({"a": [known, missing], "b": [known, nothing], "c": [nothing]})
    assert [(p.group, p.rank, p.score) for p in places] == [("b", 1, 40), ("a", None, None), ("c", None, None)]


def test_a_wrong_ranking_is_told_at_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cases", tmp_path / "cases")
    path = tmp_path / "cases" / "plans" / "ranking.toml"
    text = path.read_text(encoding="utf-8").replace('["closed", "look_back"]', '["close"]').replace('"less"', '"fewer"')
    text = text.replace("outfall_fixed  ", "outfall_fix  ").replace(
        "is_closed = true }\nbetter", "is_close = true }\nbetter"
    )
    path.write_text(text.replace("points = 10 }", "points = 0 }", 2), encoding="utf-8")
    states = {name: state.title for name, state in all_states(read_workflow(ROOT)).items()}
    with pytest.raises(SpecError) as told:
        read_ranking(tmp_path, BOOK.cases, BOOK.rates.rates, states)
    for word in (
        "Did you mean 'closed'?",
        "'fewer'",
        "Did you mean 'outfall_fixed'?",
        "Did you mean 'is_closed'?",
        "points",
    ):
        assert word in str(told.value), word


# --- entering ---

ROW = {
    "target": "kf25_good_water_share",
    "on": "2025-06-30",
    "value": "55",
    "evidence": "汴环〔2025〕1号",
    "by": "张三",
}
TARGETS = BOOK.rates.targets


def test_a_value_is_appended_and_what_stands_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text('target,on,value,evidence,备注\nkf25_straw_use,2025-06-30,92,"甲,乙",留着\n', encoding="utf-8")
    entry = enter(path, ROW | {"recorded_at": "2025-07-01T09:00:00+08:00"}, TARGETS, DAY)
    assert (entry.value, entry.by, entry.line) == (55, "张三", 3)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][name] for name in ("evidence", "备注", "by")] == ["甲,乙", "留着", ""]
    assert rows[1]["recorded_at"] == "2025-07-01T09:00:00+08:00"
    assert len(read_entries(path, TARGETS, DAY)) == 2


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"value": "0.55"}, "Write 55"), ({"on": "2025-10-01"}, "not after"), ({"evidence": " "}, "evidence"), ({"county_code": "419001"}, r"4102\*"),
        ({"numerator": "3", "denominator": "5"}, "60.00"), ({"numerator": "3"}, "both"), ({"numerator": "-1", "denominator": "5"}, "below zero"),
        ({"value": "60", "numerator": "3", "denominator": "0"}, "above zero"), ({"target": "kf25_straw_used"}, "Did you mean"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_the_table_is_as_it_was(tmp_path: Path, wrong: dict[str, str], word: str) -> None:
    path = tmp_path / "progress.csv"
    enter(path, ROW | {"on": "2025-05-31"}, TARGETS, DAY)
    before = path.read_bytes()
    with pytest.raises(WorkspaceError, match=word):
        enter(path, ROW | wrong, TARGETS, DAY)
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"progress.csv", ".progress.csv.lock"}


def test_a_share_is_what_its_numerator_and_denominator_make(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    entry = enter(path, ROW | {"value": "66.67%", "numerator": "2", "denominator": "3"}, TARGETS, DAY)
    assert entry.value == Fraction(200, 3)
    assert latest(read_entries(path, TARGETS, DAY), ROW["target"], DAY) == entry


def test_a_correction_stands_beside_what_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    enter(path, ROW, TARGETS, DAY)
    with pytest.raises(WorkspaceError, match="replaces"):
        enter(path, ROW | {"value": "56"}, TARGETS, DAY)
    enter(path, ROW | {"value": "56", "replaces": "原数有误"}, TARGETS, DAY)
    enter(path, ROW | {"value": "30", "county_code": "410225"}, TARGETS, DAY)
    entries = read_entries(path, TARGETS, DAY)
    assert [entry.value for entry in entries] == [55, 56, 30]
    one, other = latest(entries, ROW["target"], DAY), latest(entries, ROW["target"], DAY, "410225")
    assert one is not None
    assert other is not None
    assert (one.value, other.value) == (56, 30)


def test_a_file_changed_since_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "evidence" / "清单.pdf"
    file.parent.mkdir()
    file.write_bytes(b"one")
    entry = dataclasses.replace(read_rows(ROW)[0], file="evidence/清单.pdf", sha256=hashlib.sha256(b"one").hexdigest())
    assert evidence_state(entry, tmp_path) == UNCHANGED
    file.write_bytes(b"two")
    assert evidence_state(entry, tmp_path) == CHANGED
    assert progress_of(BOOK, {}, [entry], DAY, folder=tmp_path)[1].evidence_state == CHANGED


def enter_days(path: Path, month: int) -> None:
    for day in range(1, 11):
        enter(path, ROW | {"on": f"2025-{month:02}-{day:02}"}, TARGETS, DAY)


def test_writers_at_once_lose_no_value(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    writers = [
        multiprocessing.get_context("fork").Process(target=enter_days, args=(path, month)) for month in (1, 2, 3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(read_entries(path, TARGETS, DAY)) == 30


# --- the commands ---


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture
def workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "county"
    assert call("init", "--workspace", str(root), "--title", "某县") == 0
    opened(root / "cases.sqlite", found("A", lead="water", due_on=dt.date(2026, 9, 11)), found("B", lead="water"))
    monkeypatch.chdir(root)
    capsys.readouterr()
    return root


def told(*arguments: str) -> None:
    typer.main.get_command(progress_command.app)(list(arguments), standalone_mode=False)


def test_the_commands_enter_show_rank_and_write(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evidence = workspace / "清单.pdf"
    evidence.write_bytes(b"list")
    given = ("--on", "2025-12-20", "--evidence", "清单.pdf", "--by", "张三", "--today", "2026-09-30")
    told("enter", "kf25_villages_renovated", "--value", "44", *given)
    told("enter", "kf25_straw_use", "--numerator", "27", "--denominator", "30", "--county", "兰考县", *given)
    capsys.readouterr()
    told("--today", "2026-09-30", "--json", "--out", "progress.xlsx")
    content = json.loads(capsys.readouterr().out)
    rows = {(row["target"], row["county_code"]): row for row in content["targets"]}
    one = rows["kf25_villages_renovated", ""]
    assert (one["status"], one["way"], one["source"], one["entered_by"]) == ("reached", "by_hand", "entered", "张三")
    assert (one["evidence_file"], one["evidence_state"]) == ("清单.pdf", "unchanged")
    assert one["recorded_at"]
    straw = rows["kf25_straw_use", "410225"]
    assert (straw["lower"], straw["numerator"], straw["denominator"], straw["status"]) == (90, 27, 30, "late")
    assert len([row for row in content["targets"] if not row["county_code"]]) == 86
    assert [row["group"] for row in content["ranking"]["offices"]] == ["water"]
    assert content["ranking"]["cases_without_county"] == 2
    assert (workspace / "progress.xlsx").stat().st_size > 5000
    told("--ranking", "--month", "2026-09", "--today", "2026-09-30")
    shown = "".join(capsys.readouterr().out.split())
    assert "得分＝Σ" in shown
    assert "水利局" in shown
    told("--plan", "kf_soil_2025", "--office", "农业农村局", "--today", "2026-09-30")
    shown = "".join(capsys.readouterr().out.split())
    assert "新增农村环境整治行政村" in shown
    assert "人工填报" in shown


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--plan", "kf_soil_2026"), "kf_soil_2025"), (("--month", "2026-13"), "2026-13"), (("--month", "2026-10"), "2026-09"),
        (("--out", "a.csv"), ".xlsx"), (("--county", "兰考"), "兰考县"),
        (("enter", "kf25_straw_use", "--on", "2025-12-20", "--evidence", "统计", "--by", " ", "--value", "94"), "--by"),
        (("enter", "kf25_straw_use", "--on", "2025-12-20", "--evidence", "统计", "--by", "甲"), "value"),
        (("enter", "kf25_straw_use", "--on", "2025-12-20", "--evidence", "../外面.pdf", "--by", "甲", "--value", "94"), "evidence/"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_what_to_do(workspace: Path, arguments: tuple[str, ...], word: str) -> None:
    (workspace.parent / "外面.pdf").write_bytes(b"elsewhere")
    with pytest.raises(GeoSysError) as wrong:
        told(*arguments, "--today", "2026-09-30")
    assert word in str(wrong.value)
    assert not (workspace / "progress.csv").exists()

"""Deadlines: working days and holidays, where each due date comes from, what is overdue, and what is proposed."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_moves import found

from geosys._errors import SpecError, WorkspaceError
from geosys.cases.deadlines import Step, read_deadlines, step_in_force
from geosys.cases.due_dates import SOURCES, TIMINGS, due_dates
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import append, append_all, read_cases, read_events
from geosys.cases.ledger.extensions import extend_case
from geosys.cases.ledger.moves import move_case
from geosys.cases.todo import Terms, agenda, pressing, todo
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import later_by, read_calendar, read_period
from geosys.layers.derive import later_by_months
from geosys.rooms import read_content

if TYPE_CHECKING:
    from pathlib import Path

BOOK = read_content().book
CALENDAR = read_calendar(ROOT)
TERMS = Terms(read_workflow(ROOT), BOOK, read_deadlines(ROOT, BOOK), CALENDAR)
DAYS = st.dates(dt.date(2018, 1, 1), dt.date(2026, 12, 31))
D = dt.date


# --- the table of holidays ---


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (D(2026, 10, 1), False), (D(2026, 10, 7), False), (D(2026, 10, 8), True), (D(2026, 10, 10), True), (D(2026, 10, 11), False),
        (D(2026, 9, 20), True), (D(2026, 2, 14), True), (D(2026, 2, 23), False), (D(2025, 1, 26), True), (D(2024, 2, 9), True),
        (D(2024, 2, 10), False), (D(2018, 12, 29), True), (D(2018, 12, 31), False), (D(2020, 1, 31), False),
    ],
)  # fmt: skip
def test_known_days_of_the_arrangements(day: dt.date, works: bool) -> None:
    assert CALENDAR.is_working(day) is works


# Working days of each year, counted with another public calendar of China (its table was typed by others).
@pytest.mark.parametrize(
    ("year", "count"),
    [
        (2018, 250),
        (2019, 250),
        (2020, 249),
        (2021, 250),
        (2022, 249),
        (2023, 249),
        (2024, 251),
        (2025, 248),
        (2026, 248),
    ],
)
def test_each_year_has_as_many_working_days_as_another_calendar_says(year: int, count: int) -> None:
    days = [D(year, 1, 1) + dt.timedelta(days=n) for n in range(366)]
    assert sum(CALENDAR.is_working(day) for day in days if day.year == year) == count
    first, last = (np.array([day], dtype="datetime64[D]") for day in (D(year - 1, 12, 31), D(year, 12, 31)))
    assert CALENDAR.between(first, last).tolist() == [count]


def test_adjusted_working_days_are_weekends_and_years_are_whole() -> None:
    assert {day.weekday() for day in CALENDAR.works} == {5, 6}
    assert CALENDAR.years == frozenset(range(2018, 2027))
    for year in CALENDAR.years:  # 11 days off by regulation until 2024, 13 from 2025: each year has its long weeks
        weeks = [day for day in CALENDAR.rests if day.year == year and day.weekday() < 5]
        assert len(weeks) >= 15


@settings(deadline=None)
@given(DAYS, DAYS)
def test_counting_agrees_with_looking_at_every_day(first: dt.date, last: dt.date) -> None:
    days = [min(first, last) + dt.timedelta(days=n) for n in range(1, abs((last - first).days) + 1)]
    counted = sum(map(CALENDAR.is_working, days)) * (1 if first <= last else -1)
    pair = (np.array([day], dtype="datetime64[D]") for day in (first, last))
    assert CALENDAR.between(*pair).tolist() == [counted]


@settings(deadline=None)
@given(DAYS, st.integers(1, 60))
def test_a_period_of_working_days_ends_on_one_and_holds_that_many(day: dt.date, count: int) -> None:
    end = CALENDAR.later(day, count)
    assert CALENDAR.is_working(end)
    pair = (np.array([value], dtype="datetime64[D]") for value in (day, end))
    assert CALENDAR.between(*pair).tolist() == [count]


@given(DAYS, st.integers(1, 60))
def test_months_are_counted_as_the_layers_count_them(day: dt.date, months: int) -> None:
    assert later_by(day, months, "months", CALENDAR) == later_by_months(day, months)


def test_fifteen_working_days_over_the_national_holiday_by_hand() -> None:
    # From Monday 2026-09-21: 22 23 24 (3), 25-27 off, 28 29 30 (6), 1-7 off, 8 9 10 (9), 12-16 (14), 19 (15).
    assert later_by(D(2026, 9, 21), 15, "working_days", CALENDAR) == D(2026, 10, 19)
    assert later_by(D(2026, 9, 21), 15, "days", CALENDAR) == D(2026, 10, 6)


def test_a_year_without_a_table_is_counted_by_weekends_and_said_so() -> None:
    assert CALENDAR.is_working(D(2027, 10, 1))
    assert not CALENDAR.is_working(D(2027, 10, 2))
    assert CALENDAR.knows(D(2026, 1, 1), D(2026, 12, 28))
    assert not CALENDAR.knows(D(2026, 12, 1), D(2027, 1, 4))
    assert not CALENDAR.knows(D(2026, 12, 1), D(2026, 12, 31)), "the next year's notice may reach back"
    assert CALENDAR.knows(D(2019, 1, 2), D(2018, 12, 29))


@pytest.mark.parametrize("text", ["", "15", "15x", "-3d", "0d", "99999d", "1.5m", "d"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(WorkspaceError, match="expected a count and a unit"):
        read_period(text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2026,2026-10-03,2026-10-03,work,甲,a,confirmed,x", "in no other line"), ("2026,2026-11-03,2026-11-01,rest,甲,a,confirmed,x", "stretch"),
        ("2026,2026-11-03,2026-11-03,off,甲,a,confirmed,x", "kind"), ("2026,3 Nov,2026-11-03,rest,甲,a,confirmed,x", "two dates"),
        ("2026,2026-11-03,2026-11-03,rest,甲,a,certain,x", "certainty"),
    ],
)  # fmt: skip
def test_a_fault_in_the_table_of_holidays_is_named(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "cases").mkdir()
    text = (ROOT / "cases" / "holidays.csv").read_text(encoding="utf-8")
    (tmp_path / "cases" / "holidays.csv").write_text(text + line + "\n", encoding="utf-8")
    with pytest.raises(SpecError, match=rf"cases/holidays\.csv line 121.*{told}"):
        read_calendar(tmp_path)


# --- deadlines as content ---


def test_the_deadlines_of_law_and_plans() -> None:
    survey = TERMS.deadlines.of_rule("suspected_plot_survey_overdue")
    assert survey is not None
    assert (survey.source, survey.may_extend) == ("law", False)
    assert survey.due(D(2025, 8, 31), CALENDAR) == D(2026, 2, 28), "six months after the notice; February has no 31st"
    plots = TERMS.deadlines.of_rule("priority_plot_past_deadline")
    assert plots is not None
    assert (plots.source, plots.due(D(2025, 1, 1), CALENDAR)) == ("plan", D(2025, 10, 31))
    assert TERMS.deadlines.of_rule("outfall_near_intake") is None
    for rule in BOOK.rules.values():
        if rule.due_on is not None:
            assert TERMS.deadlines.of_rule(rule.id) is not None, f"{rule.id} has a day of a plan without its source"


def test_dated_steps_of_thirty_seventy_and_a_hundred_percent() -> None:
    steps = TERMS.deadlines.steps["yellow_river_outfalls_rectified"]
    assert [(s.on, s.share) for s in steps] == [(D(2023, 12, 31), 0.3), (D(2024, 12, 31), 0.7), (D(2025, 12, 31), 1.0)]
    assert step_in_force(steps, D(2024, 12, 31)) == (steps[0], steps[1]), "the last day still counts"
    assert step_in_force(steps, D(2025, 1, 1)) == (steps[1], steps[2])
    assert step_in_force(steps, D(2026, 1, 1)) == (steps[2], None)
    assert [s.short(done=3, total=10) for s in steps] == [0, 4, 7]
    assert Step(D(2024, 12, 31), 0.7).short(done=0, total=10) == 7, "0.7 × 10 is not 7.000000001"


CHANGES = {
    "another day": ("on        = 2025-10-31", "on        = 2025-11-30", "the due_on of rule priority_plot_past_deadline"),
    "no rule": ('rules      = ["suspected_plot_survey_overdue"]', 'rules = ["survey"]', "'survey'"),
    "no basis": ('basis      = ["order_42"]', 'basis = ["order_24"]', "Did you mean 'order_42'?"),
    "day and period": ("period     = { months = 6 }", "on = 2026-01-01\nperiod = { months = 6 }", "either on, or period and from"),
    "no start": ('from       = { zh = "接到书面通知之日", en = "the day of the written notice" }', "", "either on, or period and from"),
    "no unit": ("period     = { months = 6 }", "period = { weeks = 6 }", "weeks"),
    "falling shares": ("share = 0.7", "share = 0.2", "that rise"),
    "a rule twice": ('rules     = ["outfall_untraced"]', 'rules = ["source_zone_unmarked"]', "under no other deadline"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_fault_of_the_deadlines_is_named(tmp_path: Path, change: str) -> None:
    old, new, told = CHANGES[change]
    shutil.copytree(ROOT / "cases", tmp_path / "cases")
    path = tmp_path / "cases" / "deadlines.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=r"cases/deadlines\.toml") as caught:
        read_deadlines(tmp_path, BOOK)
    assert told in str(caught.value)


# --- due dates of cases ---

TODAY = D(2026, 10, 9)


def looked_at(tmp_path: Path, *events: Any, after: Any = None, today: dt.date = TODAY) -> pd.DataFrame:
    with open_ledger(tmp_path / "l") as connection:
        append_all(connection, list(events))
        if after:
            after(connection)
        cases = read_cases(connection)
        decided = due_decisions(connection, TERMS.workflow["extension"]["counts_anew"])
    return agenda(cases, decided, TERMS, today).set_index("case_id", drop=False)


@pytest.mark.parametrize(
    ("due", "timing", "left", "working"),
    [
        (D(2026, 10, 8), "overdue", -1, -1), (D(2026, 9, 30), "overdue", -9, -2), (D(2026, 10, 9), "urgent", 0, 0),
        (D(2026, 10, 16), "urgent", 7, 6), (D(2026, 10, 17), "soon", 8, 6), (D(2026, 11, 8), "soon", 30, 21),
        (D(2026, 11, 9), "in_time", 31, 22), (None, "no_date", None, None),
    ],
)  # fmt: skip
def test_how_far_off_a_due_date_is(tmp_path: Path, due: dt.date | None, timing: str, left: int, working: int) -> None:
    # Working days from Friday 2026-10-09, by hand: Saturday the 10th is worked; 12-16 October are five more.
    row = looked_at(tmp_path, found("A", due_on=due)).loc["A"]
    assert row["timing"] == timing
    if left is None:
        assert pd.isna(row["days_left"])
        assert row["due_source"] == ""
    else:
        assert (row["days_left"], row["working_days_left"]) == (left, working)
        assert row["is_calendar_known"]


@pytest.mark.parametrize("state", ["accepted", "closed", "dismissed"])
def test_what_rests_is_not_overdue(tmp_path: Path, state: str) -> None:
    row = looked_at(tmp_path, found("A", due_on=D(2025, 1, 1), status=state)).loc["A"]
    assert (row["timing"], row["days_past_first"]) == ("stopped", 0)


def test_every_due_date_says_where_it_comes_from(tmp_path: Path) -> None:
    rules = {
        "A": "suspected_plot_survey_overdue", "B": "priority_plot_past_deadline", "C": "outfall_near_intake", "D": "outfall_past_target",
        "E": "a_rule_that_was_dropped", "F": "outfall_near_intake",
    }  # fmt: skip

    def decide(connection: Any) -> None:
        source = {"deadline": "survey_after_notice", "from": "2026-03-01"}
        told: dict[str, Any] = {"actor": "张三", "today": D(2026, 9, 2), "lead": "water"}
        move_case(connection, "A", "assign", TERMS.workflow, due_on=D(2026, 9, 1), source=source, **told)
        move_case(connection, "F", "assign", TERMS.workflow, due_on=D(2026, 10, 20), reason="会议纪要", **told)

    frame = looked_at(tmp_path, *(found(case, rule=rule) for case, rule in rules.items()), after=decide)
    assert frame["due_source"].to_dict() == {
        "A": "law",
        "B": "plan",
        "C": "rule",
        "D": "ledger",
        "E": "rule",
        "F": "person",
    }
    assert set(frame["due_source"]) <= set(SOURCES)
    assert "部令第42号" in frame.loc["A", "due_clause_zh"]
    assert "接到书面通知之日起（2026-03-01，张三 2026-09-02）" in frame.loc["A", "due_clause_zh"]
    assert "净土保卫战" in frame.loc["B", "due_clause_zh"]
    assert frame.loc["C", "due_clause_zh"] == "规则 outfall_near_intake：发现后 60 天"
    assert "target_on" in frame.loc["D", "due_clause_zh"]
    assert frame.loc["F", "due_clause_zh"] == "张三 2026-09-02 assign（会议纪要）"
    assert (frame.loc["A", "first_due_on"], frame.loc["A", "due_on"]) == (D(2026, 11, 1), D(2026, 9, 1))


def test_a_later_day_that_people_set_does_not_hide_that_the_plans_day_has_passed(tmp_path: Path) -> None:
    def decide(connection: Any) -> None:
        told: dict[str, Any] = {"actor": "张三", "today": D(2026, 9, 2)}
        move_case(connection, "A", "assign", TERMS.workflow, lead="water", due_on=D(2026, 10, 20), **told)
        extend_case(
            connection, "A", TERMS.workflow, due_on=D(2026, 11, 10), reason="汛期", second_person="李四", **told
        )

    event = found("A", rule="priority_plot_past_deadline", due_on=D(2025, 10, 31))
    row = looked_at(tmp_path, event, after=decide).loc["A"]
    assert (row["timing"], row["extended"], row["due_source"]) == ("in_time", 1, "person")
    assert row["days_past_first"] == (TODAY - D(2025, 10, 31)).days == 343
    assert row["due_clause_zh"] == "张三 2026-09-02 extend（汛期）"


def test_years_without_holidays_are_said(tmp_path: Path) -> None:
    row = looked_at(tmp_path, found("A", due_on=D(2027, 10, 8))).loc["A"]
    assert not row["is_calendar_known"]


def test_no_cases_make_an_empty_agenda(tmp_path: Path) -> None:
    frame = looked_at(tmp_path)
    assert frame.empty
    assert {"timing", "waits_for", "proposed_move"} <= set(frame.columns)
    assert todo(frame).empty


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.dates(D(2020, 1, 1), D(2028, 12, 31)), st.booleans()), max_size=8), DAYS)
def test_overdue_is_exactly_what_runs_and_has_passed(rows: list[tuple[dt.date, bool]], today: dt.date) -> None:
    columns = {"case_id": [str(n) for n in range(len(rows))], "due_on": [day for day, _ in rows]}
    cases = pd.DataFrame(columns).assign(rule="r", found_on=D(2020, 1, 1), assigned_due_on=None)
    decided = pd.DataFrame(columns=["case_id", "extended"])
    due = due_dates(cases, decided, [runs for _, runs in rows], BOOK, TERMS.deadlines, CALENDAR, today)
    assert set(due["timing"]) <= set(TIMINGS)
    assert [t == "overdue" for t in due["timing"]] == [runs and day < today for day, runs in rows]


# --- what is to be done ---


def test_each_office_sees_what_waits_for_it_the_most_pressing_first(tmp_path: Path) -> None:
    events = [
        found("A", status="rectifying", lead="water", due_on=D(2026, 12, 31)), found("B", status="assigned", lead="water", due_on=D(2026, 10, 1)),
        found("C", status="found", lead="water", due_on=D(2026, 9, 1)), found("E", status="closed", lead="water"),
        found("F", status="assigned", lead="housing", due_on=D(2026, 10, 12)), found("G", status="accepted", lead="water"),
    ]  # fmt: skip
    frame = looked_at(tmp_path, *events)
    assert todo(frame, "water")["case_id"].tolist() == ["B", "A"]
    assert todo(frame, "ecology")["case_id"].tolist() == ["C", "G"], "the dispatcher assigns C and closes G"
    assert todo(frame, "housing")["case_id"].tolist() == ["F"]
    assert todo(frame)["case_id"].tolist() == ["C", "B", "F", "A", "G"]
    assert frame.loc["B", "next_moves"] == "escalate,begin,dismiss"
    assert pressing(frame)["case_id"].tolist() == ["C", "B"]
    assert todo(frame, person="王五").empty


def test_a_person_sees_the_own_cases(tmp_path: Path) -> None:
    def decide(connection: Any) -> None:
        told: dict[str, Any] = {"actor": "张三", "today": D(2026, 9, 2), "lead": "water", "due_on": D(2026, 10, 20)}
        move_case(connection, "A", "assign", TERMS.workflow, person="王五", **told)
        move_case(connection, "B", "assign", TERMS.workflow, **told)

    frame = looked_at(tmp_path, found("A"), found("B"), after=decide)
    assert todo(frame, person="王五")["case_id"].tolist() == ["A"]
    assert todo(frame, "water", "王五")["case_id"].tolist() == ["A"]


@pytest.mark.parametrize(
    ("state", "due", "proposed"),
    [
        ("assigned", D(2026, 9, 24), "escalate"), ("assigned", D(2026, 9, 25), ""), ("rectifying", D(2026, 9, 1), "escalate"),
        ("found", D(2026, 9, 1), ""), ("escalated", D(2026, 9, 1), ""), ("accepted", D(2026, 9, 1), ""),
    ],
)  # fmt: skip
def test_escalation_is_proposed_after_fifteen_days_and_done_by_nobody(
    tmp_path: Path, state: str, due: dt.date, proposed: str
) -> None:
    row = looked_at(tmp_path, found("A", status=state, due_on=due)).loc["A"]
    assert row["proposed_move"] == proposed
    if proposed:
        assert row["proposed_why_zh"] == f"逾期 {(TODAY - due).days} 天"
    assert row["status"] == state
    with open_ledger(tmp_path / "l") as connection:
        assert read_events(connection)["kind"].tolist() == ["found"]


def test_what_came_back_after_it_was_closed_is_proposed_for_reopening(tmp_path: Path) -> None:
    from geosys.cases.ledger.events import MACHINE, Event

    def close(connection: Any, *, again: bool) -> None:
        told: dict[str, Any] = {
            "actor": "张三",
            "evidence": "单",
            "second_person": "李四",
            "due_on": TODAY,
            "lead": "water",
        }
        for move in ("assign", "begin", "accept", "close"):
            move_case(connection, "A", move, TERMS.workflow, today=D(2026, 9, 10), **told)
        if again:
            for day, was, now in (
                (D(2026, 9, 20), "present", "no_longer_found"),
                (D(2026, 10, 1), "no_longer_found", "returned"),
            ):
                append(connection, Event("A", "seen", day, MACHINE, {"seen": (was, now)}))

    quiet = looked_at(tmp_path, found("A"), after=lambda c: close(c, again=False)).loc["A"]
    assert (quiet["proposed_move"], quiet["waits_for"]) == ("", "")
    (tmp_path / "again").mkdir()
    frame = looked_at(tmp_path / "again", found("A"), after=lambda c: close(c, again=True))
    assert (frame.loc["A", "proposed_move"], frame.loc["A", "status"]) == ("reopen", "closed")
    assert todo(frame)["case_id"].tolist() == ["A"]
    (tmp_path / "old").mkdir()
    old = looked_at(tmp_path / "old", found("A"), after=lambda c: close(c, again=False), today=D(2027, 3, 9)).loc["A"]
    assert (old["proposed_move"], old["proposed_why_zh"]) == ("look_back", "销号已 180 天，可开展“回头看”")

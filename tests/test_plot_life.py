"""The life of a plot: steps as the state table has them, histories judged, deadlines to the day, needs named."""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys.cases.basis import cite
from geosys.cases.plot_deadlines import deadlines_of, judge
from geosys.cases.plot_life import BEGINNING, verdict_of
from geosys.cases.plot_life_reading import read_plot_life
from geosys.cases.plot_stages import Seen, dates_of, judge_history, next_steps, outrun, stages_of, way
from geosys.layers.spec import read_catalogue
from geosys.views import schemas_of

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = read_catalogue()
SCHEMAS = schemas_of(CATALOGUE)
LIFE = read_plot_life(ROOT, SCHEMAS)
DEADLINES = {deadline.id: deadline for deadline in LIFE.deadlines}
TODAY = dt.date(2026, 9, 30)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


# --- content ---


def test_every_stage_of_the_code_list_is_a_stage_of_the_life() -> None:
    assert set(CATALOGUE.codes["plot_stage"].titles) <= set(LIFE.stages)
    beside = set(LIFE.stages) - set(CATALOGUE.codes["plot_stage"].titles)
    assert beside == {"优先监管地块", "划定管控范围", "管控完成"}


def test_every_row_of_the_state_table_is_a_step() -> None:
    table = ROOT.parent / "shared" / "standards" / "plot_state_machine.csv"
    if not table.is_file():
        pytest.skip("the state table is not beside the project (../shared/standards)")
    ours = {(before, step.after) for step in LIFE.steps for before in step.before}

    def stages(cell: str) -> list[str]:
        if cell == "(none)" or cell.startswith("关闭搬迁"):
            return [BEGINNING]
        plain = re.sub(r"\(.*?\)", "", cell).removesuffix("-风险管控")
        return plain.split("/")

    with table.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 19
    for row in rows:
        for before in stages(row["from"]):
            for after in stages(row["to"]):
                assert (before, after) in ours, row


def test_every_stage_can_be_reached_and_few_end() -> None:
    assert all(way(LIFE, BEGINNING, stage) for stage in LIFE.stages)
    assert {s for s in LIFE.stages if not LIFE.steps_from(s)} == {"非污染", "不需管控修复", "后期管理", "管控完成"}


def test_no_article_of_a_repealed_act_is_cited_from_the_code_on() -> None:
    for step in LIFE.steps:
        before, after = (cite(step.basis, LIFE.basis, day(d)).zh for d in ("2026-08-14", "2026-08-15"))
        assert "生态环境法典" not in before
        assert not re.search(r"土壤污染防治法》第.*条", after), step.id
        for article in re.findall(r"法典》[^）]*）", after):
            assert "条款号待核填" in article


def test_all_faults_of_the_content_are_told_at_once(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    for path in (ROOT / "cases").glob("*.csv"):
        (cases / path.name).write_bytes(path.read_bytes())
    text = (ROOT / "cases" / "plot_life.toml").read_text(encoding="utf-8")
    text = text.replace('stage_field = "stage"', 'stage_field = "stge"', 1).replace(
        'level    = "county"', 'level    = "town"'
    )
    text = text.replace("months    = 6", 'months    = "six"').replace('verdict = "clean"', 'verdict = "fine"')
    (cases / "plot_life.toml").write_text(text, encoding="utf-8")
    steps = (cases / "plot_transitions.csv").read_text(encoding="utf-8").replace(",申请移出,", ",申请移除,", 1)
    (cases / "plot_transitions.csv").write_text(steps, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_plot_life(tmp_path, SCHEMAS)
    for part in ("'stge'", "'town'", "'six'", "'fine'", "'申请移除'", "Did you mean"):
        assert part in str(caught.value)


# --- stages of rows ---


def suspected(**values: object) -> pd.DataFrame:
    names = [*SCHEMAS["suspected_plot"].columns]
    return pd.DataFrame([dict.fromkeys(names) | values])


@pytest.mark.parametrize(
    ("values", "stage", "hangs"),
    [
        ({"survey_state": "未开展"}, "疑似污染地块", ()),
        ({"survey_state": "进行中"}, "初步调查中", ()),
        ({"survey_state": "已完成", "survey_result": "各项指标均未超过第一类用地筛选值"}, "非污染", ()),
        ({"survey_state": "已完成", "survey_result": "砷超过筛选值，铅未超标"}, "污染地块", ()),
        ({"survey_state": "已完成", "survey_result": "通过评审"}, None, ("survey_result",)),
        ({"survey_state": "已完成"}, None, ("survey_result",)),
        ({}, None, ("survey_state", "survey_result")),
    ],
)
def test_the_stage_of_a_suspected_plot(values: dict[str, str], stage: str | None, hangs: tuple[str, ...]) -> None:
    told = stages_of(LIFE.lists["suspected"], suspected(**values), LIFE).iloc[0]
    assert (told["stage"], told["missing"]) == (stage, hangs)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("未超标", "clean"), ("不超标", "clean"), ("未发现超标", "clean"), ("不属于污染地块", "clean"), ("属于污染地块", "polluted"),
        ("超过筛选值但未超过管制值", "polluted"), ("不达标", "polluted"), ("达标", "clean"), ("详见报告", None),
    ],
)  # fmt: skip
def test_words_of_a_result(text: str, verdict: str | None) -> None:
    assert verdict_of(text, LIFE.words) == verdict


# --- histories ---


def history(*pairs: tuple[str, str | None]) -> list[tuple[str, str]]:
    moves = judge_history(LIFE, [Seen(stage, day(on) if on else None, "test") for stage, on in pairs])
    return [(m.after, m.verdict) for m in moves]


def test_the_whole_life_is_lawful() -> None:
    way_through = ["疑似污染地块", "初步调查中", "污染地块", "详细调查中", "风险评估中", "列入省级名录", "修复中", "效果评估", "修复中", "效果评估", "申请移出", "移出名录"]  # fmt: skip
    told = history(*((stage, f"20{10 + i}-01-01") for i, stage in enumerate(way_through)))
    assert told == [(stage, "lawful") for stage in way_through]


def test_a_step_nobody_recorded_is_named_and_no_way_is_unlawful() -> None:
    moves = judge_history(LIFE, [Seen("疑似污染地块", day("2020-01-01"), ""), Seen("污染地块", day("2021-01-01"), "")])
    assert [(m.verdict, m.between) for m in moves] == [("lawful", ()), ("skipped", ("初步调查中",))]
    assert history(("疑似污染地块", "2020-01-01"), ("初步调查中", "2020-05-01"), ("非污染", "2020-09-01"), ("修复中", "2021-01-01"))[-1] == ("修复中", "unlawful")  # fmt: skip
    assert history(("移出名录", "2020-01-01"), ("修复中", "2021-01-01")) == [
        ("移出名录", "midway"),
        ("修复中", "unlawful"),
    ]


def test_a_step_of_our_own_reading_says_so() -> None:
    moves = judge_history(
        LIFE, [Seen("暂不开发利用", day("2020-01-01"), ""), Seen("风险评估中", day("2021-01-01"), "")]
    )
    assert (moves[1].verdict, moves[1].certainty) == ("lawful", "our_reading")


def test_order_of_records_and_of_one_day_does_not_matter_and_undated_ones_come_last() -> None:
    pairs = [("移出名录", "2022-03-01"), ("申请移出", "2022-03-01"), ("效果评估", "2022-01-01"), ("后期管理", None)]
    told = history(*pairs)
    assert told == [("效果评估", "midway"), ("申请移出", "lawful"), ("移出名录", "lawful"), ("后期管理", "undated")]
    assert history(*reversed(pairs)) == told


@given(st.lists(st.sampled_from(LIFE.steps), max_size=8))
def test_a_history_of_steps_only_is_never_unlawful(steps: list[object]) -> None:
    place, seen = BEGINNING, []
    for step in steps:
        if place in step.before:
            place = step.after
            seen.append(Seen(place, dt.date(2020, 1, 1) + dt.timedelta(days=len(seen)), ""))
    assert {m.verdict for m in judge_history(LIFE, seen)} <= {"lawful"}


def test_the_dates_of_a_row_open_stages() -> None:
    row = suspected(listed_on=day("2024-01-01"), notice_on=day("2024-02-01"), survey_done_on=day("2024-06-01")).iloc[0]
    seen = dates_of(LIFE.lists["suspected"], row.to_dict(), "污染地块", "here")
    assert [(s.stage, s.on) for s in seen] == [("疑似污染地块", day("2024-01-01")), ("初步调查中", day("2024-02-01")), ("污染地块", day("2024-06-01"))]  # fmt: skip


def test_a_life_goes_on_where_another_stage_lies_behind() -> None:
    assert outrun(LIFE, ["污染地块", "修复中"]) == {"污染地块"}
    assert outrun(LIFE, ["修复中", "效果评估"]) == set()


# --- deadlines ---


def survey(today: str, **values: object) -> tuple[object, ...]:
    row = dict.fromkeys(SCHEMAS["suspected_plot"].columns) | values
    told = judge(DEADLINES["preliminary_survey"], row, None, day(today), 30)
    assert told is not None
    return told.state, told.due_on, told.overdue_days, told.missing, told.contradicts


NOTICE = day("2025-08-31")  # six months later there is no 31st
DUE = day("2026-02-28")


@pytest.mark.parametrize(
    ("today", "values", "told"),
    [
        ("2026-02-28", {"notice_on": NOTICE, "survey_state": "进行中"}, ("due_soon", DUE, 0, (), ())),
        ("2026-01-29", {"notice_on": NOTICE, "survey_state": "进行中"}, ("due_soon", DUE, 0, (), ())),
        ("2026-01-28", {"notice_on": NOTICE, "survey_state": "进行中"}, ("open", DUE, 0, (), ())),
        ("2026-03-01", {"notice_on": NOTICE, "survey_state": "进行中"}, ("overdue", DUE, 1, (), ())),
        ("2026-03-01", {"notice_on": NOTICE}, ("unknown", DUE, 0, ("survey_done_on", "survey_state"), ())),
        ("2026-03-01", {"survey_state": "未开展"}, ("unknown", None, 0, ("notice_on",), ())),
        ("2026-09-30", {"notice_on": NOTICE, "survey_done_on": DUE}, ("done", DUE, 0, (), ())),
        ("2026-09-30", {"notice_on": NOTICE, "survey_done_on": day("2026-03-02")}, ("done_late", DUE, 2, (), ())),
        ("2026-09-30", {"notice_on": NOTICE, "survey_state": "已完成"}, ("done", DUE, 0, ("survey_done_on",), ())),
        ("2026-09-30", {"notice_on": NOTICE, "survey_done_on": day("2025-08-01")}, ("unknown", None, 0, (), ("survey_done_on", "notice_on"))),
        ("2026-09-30", {"notice_on": NOTICE, "survey_done_on": DUE, "survey_state": "进行中"}, ("unknown", None, 0, (), ("survey_done_on", "survey_state"))),
        ("2026-01-30", {"notice_on": NOTICE, "survey_done_on": DUE}, ("unknown", None, 0, (), ("survey_done_on",))),
    ],
)  # fmt: skip
def test_six_months_from_the_notice(today: str, values: dict[str, object], told: tuple[object, ...]) -> None:
    assert survey(today, **values) == told


def yearly(name: str, today: str, stage: str | None = "暂不开发利用", **values: object) -> tuple[object, ...] | None:
    row = dict.fromkeys(SCHEMAS["contaminated_plot"].columns) | values
    told = judge(DEADLINES[name], row, stage, day(today), 30)
    return None if told is None else (told.state, told.due_on, told.overdue_days, told.missing)


def test_the_yearly_plan_and_monitoring() -> None:
    plan = {"control_planned_on": day("2026-03-31")}
    assert yearly("yearly_plan", "2026-09-30", **plan) == ("done", day("2026-03-31"), 0, ())
    assert yearly("yearly_plan", "2026-09-30", control_planned_on=day("2026-04-01"))[:1] == ("done_late",)
    assert yearly("yearly_plan", "2026-04-01", control_planned_on=day("2025-02-01")) == (
        "overdue",
        day("2026-03-31"),
        1,
        (),
    )
    assert yearly("yearly_plan", "2026-04-01", control_planned_on=day("2024-02-01")) == (
        "overdue",
        day("2025-03-31"),
        366,
        (),
    )
    assert yearly("yearly_plan", "2026-04-01") == ("unknown", day("2026-03-31"), 0, ("control_planned_on",))
    assert yearly("yearly_plan", "2026-04-01", listed_on=day("2026-03-31") + dt.timedelta(days=1))[:2] == ("open", day("2027-03-31"))  # fmt: skip
    assert yearly("yearly_monitoring", "2026-10-31", monitored_on=day("2025-10-01")) == (
        "due_soon",
        day("2026-10-31"),
        0,
        (),
    )
    assert yearly("yearly_monitoring", "2026-11-01", monitored_on=day("2025-10-01")) == (
        "overdue",
        day("2026-10-31"),
        1,
        (),
    )
    assert yearly("yearly_plan", "2026-04-01", stage="修复中") is None
    assert yearly("yearly_plan", "2026-04-01", stage=None) == ("unknown", None, 0, ("stage",))


def test_priority_plots_of_kaifeng_only_and_an_unknown_place_is_not_clear() -> None:
    def told(today: str, **values: object) -> tuple[object, ...] | None:
        row = dict.fromkeys(SCHEMAS["priority_plot"].columns) | values
        found = judge(DEADLINES["priority_control"], row, None, day(today), 30)
        return None if found is None else (found.state, found.overdue_days, found.missing)

    assert told("2025-11-01", county_code="410221", control_state="管控中") == ("overdue", 1, ())
    assert told("2025-10-31", county_code="410221", control_state="管控中") == ("due_soon", 0, ())
    assert told("2025-11-01", county_code="410221", control_state="已完成", controlled_on=day("2025-10-31")) == (
        "done",
        0,
        (),
    )
    assert told("2025-11-01", county_code="410725", control_state="管控中") is None
    assert told("2025-11-01", control_state="管控中") == ("unknown", 0, ("county_code",))


def test_deadlines_of_a_list_have_a_row_each_or_none() -> None:
    frame = pd.concat([suspected(notice_on=NOTICE, survey_state=s) for s in ("进行中", "未开展")], ignore_index=True)
    frame.index = [7, 9]
    table = deadlines_of(
        LIFE.lists["suspected"], frame, pd.Series(["初步调查中", "疑似污染地块"], index=[7, 9]), LIFE, TODAY
    )
    assert table[["row", "state", "overdue_days"]].to_numpy().tolist() == [[7, "overdue", 214], [9, "overdue", 214]]
    none = deadlines_of(LIFE.lists["provincial"], frame, pd.Series([None, None], index=[7, 9]), LIFE, TODAY)
    assert none.empty


@given(st.dates(dt.date(2018, 1, 1), dt.date(2030, 12, 31)), st.integers(0, 900))
def test_a_deadline_never_becomes_less_pressing_by_waiting(notice: dt.date, later: int) -> None:
    row = dict.fromkeys(SCHEMAS["suspected_plot"].columns) | {"notice_on": notice, "survey_state": "进行中"}
    ranks = ["open", "due_soon", "overdue"]
    days = [notice + dt.timedelta(days=d) for d in (later, later + 1)]
    first, then = (judge(DEADLINES["preliminary_survey"], row, None, d, 30) for d in days)
    assert first is not None
    assert then is not None
    assert ranks.index(first.state) <= ranks.index(then.state)
    assert then.overdue_days in (0, first.overdue_days + 1)


# --- what comes next ---


def test_the_next_step_names_what_is_missing() -> None:
    following = {
        s.step.id: s for s in next_steps(LIFE, "疑似污染地块", {"notice_on": day("2025-01-01"), "holder": " "})
    }
    assert set(following) == {"notify"}
    assert [(need.title.zh, state) for need, state in following["notify"].needs] == [
        ("书面通知及日期", "there"),
        ("土地使用权人", "missing"),
    ]
    removal = next_steps(LIFE, "申请移出", {})[0]
    assert [state for _, state in removal.needs] == ["not_recorded", "missing"]
    postponed = next(s for s in next_steps(LIFE, "污染地块", {"is_sign_up": False}) if s.step.id == "postpone")
    assert ("标识和公告", "missing") in [(need.title.zh, state) for need, state in postponed.needs]


def test_a_deadline_of_another_area_is_a_line_of_content() -> None:
    ours = replace(DEADLINES["priority_control"], areas={"county_code": ("410725",)})
    row = dict.fromkeys(SCHEMAS["priority_plot"].columns) | {"county_code": "410725", "control_state": "未管控"}
    assert judge(ours, row, None, TODAY, 30).state == "overdue"

"""Moves: the life cycle as content, what each move needs, variants by type, two people at once, and extensions."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import MACHINE, Event, append, append_all, read_cases, read_events
from geosys.cases.ledger.extensions import extend_case
from geosys.cases.ledger.moves import assign_cases, move_case
from geosys.cases.ledger.people import enter_person, read_people
from geosys.cases.workflow import all_states, life_cycle, read_workflow
from geosys.maps.frames import STATUSES
from geosys.rooms import read_content

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = read_workflow(ROOT)
FIRST, LATER, LAST = dt.date(2026, 9, 1), dt.date(2026, 10, 1), dt.date(2026, 11, 1)
ANEW = WORKFLOW["extension"]["counts_anew"]


def found(case_id: str, **fields: Any) -> Event:
    told = {
        "finding_id": f"f{case_id}", "rule": "r", "subject_layer": "s", "subject_id": case_id, "subject_name": "甲", "object_id": "",
        "found_on": FIRST, "due_on": LAST, "lead": "ecology", "seen": "present", "status": "found",
    } | fields  # fmt: skip
    return Event(
        case_id, "found", FIRST, MACHINE, {name: (None, value) for name, value in told.items()}, reason="一句话"
    )


def opened(where: Path | str, *events: Event) -> Path | str:
    with open_ledger(where) as connection:
        append_all(connection, list(events))
    return where


def move(where: Path | str, name: str, case: str = "A", actor: str = "张三", **given: Any) -> str:
    today = given.pop("today", FIRST)
    with open_ledger(where) as connection:
        return move_case(connection, case, name, WORKFLOW, actor=actor, today=today, **given)


GIVEN: dict[str, Any] = {
    "lead": "water", "due_on": LAST, "evidence": "验收单", "reason": "理由", "second_person": "李四", "measures": "截污",
}  # fmt: skip
# Written by hand from the plan's words (发现、交办、督办、整改、验收、销号、反弹、不予立项、“回头看”), apart from the content.
LAWFUL = {
    "found": {"assign": "assigned", "dismiss": "dismissed"},
    "assigned": {"escalate": "escalated", "begin": "rectifying", "dismiss": "dismissed"},
    "escalated": {"begin": "rectifying"},
    "rectifying": {"escalate": "escalated", "accept": "accepted"},
    "accepted": {"send_back": "rectifying", "close": "closed"},
    "closed": {"look_back": "look_back", "reopen": "reopened"},
    "look_back": {"confirm": "closed", "reopen": "reopened"},
    "reopened": {"assign": "assigned", "escalate": "escalated"},
    "dismissed": {"restore": "found"},
}


@pytest.mark.parametrize("state", LAWFUL)
def test_from_each_state_only_the_listed_moves_are_made(tmp_path: Path, state: str) -> None:
    moves = {name for row in LAWFUL.values() for name in row}
    assert moves == set(WORKFLOW["moves"])
    for number, name in enumerate(sorted(moves)):
        where = opened(tmp_path / f"{number}", found("A", status=state))
        if name in LAWFUL[state]:
            assert move(where, name, **GIVEN) == LAWFUL[state][name]
        else:
            with pytest.raises(WorkspaceError, match=rf"expected one of: {', '.join(LAWFUL[state])}\."):
                move(where, name, **GIVEN)
            with read_ledger(where) as connection:
                assert len(read_events(connection)) == 1


def test_each_need_that_is_lacking_is_named_and_nothing_written(tmp_path: Path) -> None:
    for number, (name, row) in enumerate(WORKFLOW["moves"].items()):
        for need in row["needs"]:
            where = opened(tmp_path / f"{number}{need}", found("A", status=row["from"][0]))
            with pytest.raises(WorkspaceError, match=f"without {need}, .*--{need.replace('_', '-')}"):
                move(where, name, **{k: v for k, v in GIVEN.items() if k != need})
            with read_ledger(where) as connection:
                assert len(read_events(connection)) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"actor": "geosys"}, "expected a person"),
        ({"actor": " ＧｅｏSys"}, "expected a person"),
        ({"due_on": "2026-11-01"}, "expected a date"),
        ({"done_on": LATER}, "expected 2026-09-01 or earlier"),
        ({"papers": {"foto": "a.jpg"}}, "got the paper 'foto=a.jpg'"),
        ({"papers": {"photos": " "}}, "NAME=where it is"),
    ],
)
def test_what_cannot_be_so_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    where = opened(tmp_path / "l", found("A"))
    with pytest.raises(WorkspaceError, match=told):
        move(where, "assign", **GIVEN | given)
    late = GIVEN | {"due_on": FIRST - dt.timedelta(days=1)}
    assert move(where, "assign", **late) == "assigned", "what was assigned on paper may be entered late"


@pytest.mark.parametrize("second", ["张三", " 张 三", "张三\u3000"])
def test_the_second_person_is_another_one_however_written(tmp_path: Path, second: str) -> None:
    where = opened(tmp_path / "l", found("A"))
    with pytest.raises(WorkspaceError, match="expected a second person"):
        move(where, "dismiss", reason="贴边", second_person=second)


def test_two_people_at_once_are_a_conflict_that_names_the_first(ledger: Path | str) -> None:
    opened(ledger, found("A"))
    move(ledger, "assign", lead="water", due_on=LAST, expected_version=1)
    with pytest.raises(ConflictError, match=r"张三 2026-09-01 assign: .*assigned_lead"):
        move(ledger, "assign", actor="李四", lead="housing", due_on=LAST, expected_version=1)
    with pytest.raises(ConflictError, match="version 2"):
        move(ledger, "begin", actor="李四", expected_version=1)
    with read_ledger(ledger) as connection:
        assert read_cases(connection)["assigned_lead"].tolist() == ["water"]
        assert len(read_events(connection)) == 2


def test_a_merged_case_is_not_moved_itself(tmp_path: Path) -> None:
    where = opened(tmp_path / "l", found("A"), found("B"))
    with open_ledger(where) as connection:
        append(connection, Event("A", "merge", FIRST, "张三", {"merged_into": (None, "B")}))
    with pytest.raises(WorkspaceError, match="case B, which stands for it"):
        move(where, "assign", **GIVEN)


# --- variants ---


def test_an_outfall_is_rectified_in_one_of_three_ways_each_with_its_papers(tmp_path: Path) -> None:
    where = opened(tmp_path / "l", found("A", subject_layer="outfall", status="assigned"))
    with pytest.raises(WorkspaceError, match="without handling, measures"):
        move(where, "begin")
    with pytest.raises(WorkspaceError, match="expected one of 依法取缔, 清理合并, 规范整治"):
        move(where, "begin", handling="取消", measures="封堵")
    move(where, "begin", handling="清理合并", measures="接入管网")
    with pytest.raises(WorkspaceError, match="without second_person"):
        move(where, "accept", evidence="现场")
    with pytest.raises(WorkspaceError, match=r"papers destination \(合并或纳管去向说明\), expected"):
        move(where, "accept", second_person="李四", papers={"photos": "3张"})
    move(where, "accept", second_person="李四", papers={"整改前后照片": "3张", "destination": "说明.pdf"})
    with read_ledger(where) as connection:
        row = read_cases(connection).iloc[0]
        assert (row["status"], row["handling"], row["measures"]) == ("accepted", "清理合并", "接入管网")
        assert read_events(connection)["evidence"].iloc[-1] == "整改前后照片：3张；合并或纳管去向说明：说明.pdf"


def test_inside_a_source_zone_an_outfall_can_only_be_removed(tmp_path: Path) -> None:
    row = {"subject_layer": "outfall", "rule": "outfall_in_source_zone_primary", "status": "assigned"}
    where = opened(tmp_path / "l", found("A", **row))
    with pytest.raises(WorkspaceError, match="got the handling '规范整治', expected one of 依法取缔 "):
        move(where, "begin", handling="规范整治", measures="立牌")
    assert move(where, "begin", handling="依法取缔", measures="封堵") == "rectifying"


@pytest.mark.parametrize(
    ("rule", "layer", "state", "name", "papers"),
    [
        ("source_zone_unapproved", "source_zone", "rectifying", "accept", {"approval", "boundary_data"}),
        ("source_zone_unmarked", "source_zone", "rectifying", "accept", {"boundary_marks"}),
        ("regulated_unit_in_source_zone", "regulated_unit", "rectifying", "accept", {"photos"}),
        ("black_odorous_past_target", "black_odorous_water", "rectifying", "accept", {"photos", "monitoring_report"}),
        ("black_odorous_past_target", "black_odorous_water", "accepted", "close", {"public_notice"}),
        (
            "suspected_plot_survey_overdue",
            "suspected_plot",
            "rectifying",
            "accept",
            {"survey_report", "review_opinion"},
        ),
        ("outfall_untraced", "outfall", "rectifying", "accept", {"tracing_report"}),
    ],
)
def test_each_type_asks_for_its_own_papers(
    tmp_path: Path, rule: str, layer: str, state: str, name: str, papers: set[str]
) -> None:
    where = opened(tmp_path / "l", found("A", rule=rule, subject_layer=layer, status=state))
    for lacking in papers:
        given = dict.fromkeys(papers - {lacking}, "有")
        with pytest.raises(WorkspaceError, match=f"without the papers {lacking} "):
            move(where, name, papers=given, **GIVEN)
    assert (
        move(where, name, papers=dict.fromkeys(papers, "有"), **GIVEN)
        == {"accept": "accepted", "close": "closed"}[name]
    )


def test_every_state_of_every_type_can_be_drawn() -> None:
    states = all_states(WORKFLOW)
    assert {state.shown_as for state in states.values()} <= set(STATUSES)
    for variant in WORKFLOW["variants"].values():
        for rule in variant.get("rules", ()):
            cycle = life_cycle(WORKFLOW, rule)
            reached, ahead = set(), ["found"]
            while ahead:
                state = ahead.pop()
                reached.add(state)
                ahead += [t for m in cycle.allowed(state) if (t := cycle.moves[m].to) not in reached]
            assert reached == set(cycle.states), f"{cycle.name}: every state can be reached from the first"


CHANGES = {
    "a need": ('needs = ["lead", "due_on"]', 'needs = ["leader"]', "leader"),
    "a state": ('to    = "accepted"', 'to    = "excepted"', "Did you mean 'accepted'"),
    "a rule of a variant": ('rules = ["outfall_untraced"]', 'rules = ["outfall_untracked"]', "outfall_untracked"),
    "a layer of a variant": ('layers = ["black_odorous_water"]', 'layers = ["black_water"]', "black_water"),
    "a rule twice": ('rules = ["source_zone_unmarked"]', 'rules = ["source_zone_unapproved"]', "no other variant"),
    "a paper": ('papers = ["boundary_marks"]', 'papers = ["boundary_mark"]', "boundary_mark"),
    "a circle": ('title          = { zh = "入河排污口整治"', 'extends = "outfall_in_source_zone"\ntitle = { zh = "入河"', "extend"),
    "a way of handling": ('handlings."清理合并"', 'handlings."清理"', "handling.csv"),
    "a role": ('confirmed_by = ["supervisor"]', 'confirmed_by = ["boss"]', "boss"),
    "a blank": ('"逾期 {days} 天"', '"逾期 {day} 天"', "no other blank"),
    "an office": ('dispatcher  = "ecology"', 'dispatcher  = "ecologie"', "ecologie"),
    "a map state": ('title = { zh = "验收", en = "Accepted" }\nacts  = "dispatcher"', 'title = { zh = "验收", en = "A" }\nact  = "lead"', "'act'"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_fault_of_the_content_is_named(tmp_path: Path, change: str) -> None:
    old, new, told = CHANGES[change]
    for room in ("cases", "layers"):
        shutil.copytree(ROOT / room, tmp_path / room)
    path = tmp_path / "cases" / "workflow.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=r"cases/workflow\.toml") as caught:
        read_workflow(tmp_path)
    assert told in str(caught.value)


def test_a_new_state_and_move_are_content_alone(tmp_path: Path) -> None:
    for room in ("cases", "layers"):
        shutil.copytree(ROOT / room, tmp_path / room)
    path = tmp_path / "cases" / "workflow.toml"
    more = (
        '\n[variants.outfall.states.suspended]\ntitle = { zh = "中止", en = "Suspended" }\nruns = false\nshown_as = "rectifying"\n'
        '\n[variants.outfall.moves.suspend]\ntitle = { zh = "中止整改", en = "Suspend" }\nfrom = ["rectifying"]\nto = "suspended"\n'
        'needs = ["reason"]\n'
    )
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    workflow = read_workflow(tmp_path)
    where = opened(
        tmp_path / "l", found("A", status="rectifying", subject_layer="outfall"), found("B", status="rectifying")
    )
    with open_ledger(where) as connection:
        done = move_case(connection, "A", "suspend", workflow, actor="张三", today=FIRST, reason="汛期")
        assert done == "suspended"
        with pytest.raises(WorkspaceError, match="expected one of"):
            move_case(connection, "B", "suspend", workflow, actor="张三", today=FIRST, reason="汛期")
    assert all_states(workflow)["suspended"].shown_as == "rectifying"


# --- assigning ---


def test_cases_are_assigned_together_or_not_at_all(ledger: Path | str) -> None:
    opened(ledger, found("A"), found("B"), found("C", status="closed"))
    told: dict[str, Any] = {"actor": "张三", "today": FIRST, "lead": "water", "due_on": LAST, "person": "王五"}
    with pytest.raises(WorkspaceError, match=r"case C: .*not at rest"), open_ledger(ledger) as connection:
        assign_cases(connection, ["A", "B", "C"], WORKFLOW, **told)
    with read_ledger(ledger) as connection:
        assert read_cases(connection)["status"].tolist() == ["found", "found", "closed"]
    with open_ledger(ledger) as connection:
        assert assign_cases(connection, ["A", "B", "A"], WORKFLOW, **told) == {"A": "assigned", "B": "assigned"}
        assert read_cases(connection)["person"].fillna("").tolist() == ["王五", "王五", ""]


def test_a_case_that_changes_hands_needs_a_reason_and_keeps_its_day(tmp_path: Path) -> None:
    where = opened(tmp_path / "l", found("A"))
    move(where, "assign", lead="water", due_on=LAST)
    told: dict[str, Any] = {"actor": "张三", "today": LATER, "lead": "housing"}
    for given, wrong in (({}, "without reason"), ({"reason": "职责", "due_on": LAST}, "cases extend A")):
        with pytest.raises(WorkspaceError, match=wrong), open_ledger(where) as connection:
            assign_cases(connection, ["A"], WORKFLOW, **told, **given)
    with open_ledger(where) as connection:
        assert assign_cases(connection, ["A"], WORKFLOW, **told, reason="职责调整") == {"A": "assigned"}
        row = read_cases(connection).iloc[0]
    assert (row["assigned_lead"], row["assigned_due_on"]) == ("housing", LAST)


# --- extensions ---


def extend(where: Path | str, due_on: dt.date, today: dt.date = LATER, **given: Any) -> int:
    told = {"actor": "张三", "reason": "汛期停工", "second_person": "李四"} | given
    with open_ledger(where) as connection:
        return extend_case(connection, "A", WORKFLOW, today=today, due_on=due_on, **told)


def test_extensions_are_counted_bounded_and_confirmed(ledger: Path | str) -> None:
    opened(ledger, found("A"))
    with pytest.raises(WorkspaceError, match="state 'found', expected one of the states assigned"):
        extend(ledger, LAST)
    move(ledger, "assign", lead="water", due_on=LATER)
    for given, wrong in (
        ({"reason": " "}, "without reason"), ({"second_person": ""}, "without second_person"), ({"second_person": "张三"}, "twice"),
        ({"actor": "geosys"}, "expected a person"),
    ):  # fmt: skip
        with pytest.raises(WorkspaceError, match=wrong):
            extend(ledger, LATER + dt.timedelta(days=30), **given)
    with pytest.raises(WorkspaceError, match="31 days after 2026-10-01, expected 1 to 30"):
        extend(ledger, LATER + dt.timedelta(days=31))
    with pytest.raises(WorkspaceError, match="0 days after"):
        extend(ledger, LATER)
    assert extend(ledger, LATER + dt.timedelta(days=30)) == 1
    second = LATER + dt.timedelta(days=60)
    with pytest.raises(WorkspaceError, match="without evidence"):
        extend(ledger, second)
    with pytest.raises(WorkspaceError, match=r"'李四' \(no role\).*supervisor"):
        extend(ledger, second, evidence="请示")
    with open_ledger(ledger) as connection:
        enter_person(connection, "李四", "ecology", "officer", WORKFLOW["roles"])
        enter_person(connection, "李四", "ecology", "supervisor", WORKFLOW["roles"])
        assert read_people(connection)["role"].tolist() == ["supervisor"]
    assert extend(ledger, second, evidence="请示") == 2
    with pytest.raises(WorkspaceError, match="number 3, expected at most 2"):
        extend(ledger, LATER + dt.timedelta(days=90), evidence="请示")
    with read_ledger(ledger) as connection:
        told = due_decisions(connection, ANEW).iloc[0]
        assert (told["extended"], told["kind"], told["reason"]) == (2, "extend", "汛期停工")
        before = due_decisions(connection, ANEW, day=LATER - dt.timedelta(days=1)).iloc[0]
        assert (before["extended"], before["move"]) == (0, "assign")
        assert read_cases(connection)["assigned_due_on"].tolist() == [second]


def test_after_a_relapse_extensions_are_counted_anew(tmp_path: Path) -> None:
    where = opened(tmp_path / "l", found("A"))
    move(where, "assign", lead="water", due_on=LATER)
    extend(where, LATER + dt.timedelta(days=9))
    for name in ("begin", "accept", "close", "reopen", "assign"):
        move(where, name, today=LATER, **GIVEN)
    assert extend(where, LAST + dt.timedelta(days=9)) == 1


def test_who_comes_after_the_day_or_against_the_law_gets_no_extension(tmp_path: Path) -> None:
    where = opened(tmp_path / "l", found("A", rule="suspected_plot_survey_overdue", subject_layer="suspected_plot"))
    move(where, "assign", lead="water", due_on=LATER)
    with pytest.raises(WorkspaceError, match=r"expected it to be asked for before\. Escalate"):
        extend(where, LAST, today=LATER + dt.timedelta(days=1))
    deadline = read_deadlines(ROOT, read_content().book).of_rule("suspected_plot_survey_overdue")
    with pytest.raises(WorkspaceError, match=r"order_42.*cannot be extended"):
        extend(where, LATER + dt.timedelta(days=5), deadline=deadline)


def test_a_person_who_left_confirms_nothing_more(tmp_path: Path) -> None:
    from geosys.cases.ledger.people import roles_of

    with open_ledger(tmp_path / "l") as connection:
        enter_person(connection, "李四", "ecology", "supervisor", WORKFLOW["roles"])
        assert roles_of(connection, " 李四 ") == {"supervisor"}
        enter_person(connection, "李四", "ecology", "supervisor", WORKFLOW["roles"], is_active=False)
        assert roles_of(connection, "李四") == set()
        for name, role in (("", "officer"), ("王五", "boss")):
            with pytest.raises(WorkspaceError, match="expected one"):
                enter_person(connection, name, "ecology", role, WORKFLOW["roles"])

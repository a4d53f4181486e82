"""Reconciliation: what changed is told with its cause, decisions hold while boundaries do, and people move cases."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import cases_toy as toy
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys.cases.ledger.boundaries import moved_m
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.decisions import decide_false_hit
from geosys.cases.ledger.events import cases_as_of, read_cases, read_events, verify
from geosys.cases.ledger.finding_rows import digests_of, read_findings, read_versions
from geosys.cases.ledger.merging import merge_cases, split_case
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.runs import read_runs
from geosys.cases.ledger.tables import DECISIONS
from geosys.cases.workflow import read_workflow

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

WORKFLOW = read_workflow(ROOT)
DAYS = [dt.date(2026, 9, 1) + dt.timedelta(days=n) for n in range(10)]
OUTFALLS = {"A": "POINT (200 0)", "B": "POINT (400 0)", "C": "POINT (800 0)"}
ZONE = {"Z": "POLYGON ((190 -50, 300 -50, 300 50, 190 50, 190 -50))"}  # holds A, 10 m from its edge
SAID = {"actor": "张三", "today": DAYS[1]}


def events_of(connection: sa.Connection, kind: str) -> pd.DataFrame:
    events = read_events(connection)
    return events[events["kind"] == kind].reset_index(drop=True)


def case_of(cases: pd.DataFrame, subject: str, rule: str = toy.NEAR) -> str:
    chosen = cases[(cases["subject_id"] == subject) & (cases["rule"] == rule)]
    assert len(chosen) == 1
    return str(chosen["case_id"].iloc[0])


def test_the_same_run_again_writes_nothing_and_a_later_one_no_event(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=ZONE), DAYS[0])
        events, versions = read_events(connection), read_versions(connection)
    assert events["kind"].tolist() == ["found"] * 3  # A and B near the section, A in the zone
    assert [s["causes"][0]["kind"] for s in events["source"]] == ["first_run"] * 3
    for day, runs in ((DAYS[0], 1), (DAYS[1], 2)):
        with open_ledger(ledger) as connection:
            toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=ZONE), day)
            assert read_events(connection).equals(events)
            assert read_versions(connection).equals(versions)
            assert len(read_runs(connection)) == runs
    with read_ledger(ledger) as connection:
        assert {row["last_run"] for row in read_findings(connection).values()} == {2}


def test_a_changed_rule_is_the_cause_that_is_named_for_exactly_what_it_changed(ledger: Path | str) -> None:
    given = toy.layers(OUTFALLS, zones=ZONE)
    with open_ledger(ledger) as connection:
        toy.run(connection, toy.book(), given, DAYS[0])
        cases = toy.run(connection, toy.book(distance_m=300.0, version="v300"), given, DAYS[1])
        assert set(cases["seen"]) == {"present", "no_longer_found"}
        events = read_events(connection).iloc[3:]
        # B at 400 m is out; A at 200 m is told by another threshold; A in the zone is another rule's
        assert sorted(events["kind"]) == ["changed", "seen"]
        for event in events.to_dict("records"):
            causes = event["source"].get("causes") or event["source"]["findings"][0]["causes"]
            assert causes == [{"kind": "rule", "name": toy.NEAR, "before": "v500", "after": "v300"}]
            assert "v500 → v300" in event["reason"]
        changed = events[events["kind"] == "changed"].iloc[0]
        assert changed["source"]["findings"][0]["changes"] == {"threshold": [500.0, 300.0]}
        assert changed["changes"] == {}
        toy.run(connection, toy.book(distance_m=900.0, version="v900"), given, DAYS[2])
        last = read_events(connection).iloc[5:]
        # C at 800 m is new, B came back, A has a threshold again
        assert sorted(last["kind"]) == ["changed", "found", "seen"]
        assert last[last["kind"] == "seen"]["changes"].iloc[0] == {"seen": ("no_longer_found", "returned")}
        found = last[last["kind"] == "found"].iloc[0]
        assert found["source"]["causes"] == [{"kind": "rule", "name": toy.NEAR, "before": "v300", "after": "v900"}]
        assert verify(connection) == []


def test_a_rule_that_is_worded_otherwise_changes_no_case(ledger: Path | str) -> None:
    given = toy.layers(OUTFALLS)
    with open_ledger(ledger) as connection:
        toy.run(connection, toy.book(), given, DAYS[0])
        toy.run(connection, toy.book(version="v500b"), given, DAYS[1])
        assert set(read_events(connection)["kind"]) == {"found"}
        toy.run(connection, toy.book(version="v500c", lead="water", due_days=7), given, DAYS[2])
        toy.run(connection, toy.book(version="v500d", lead="water", due_days=7), given, DAYS[3])
        changed = events_of(connection, "changed")
        days = [DAYS[0] + dt.timedelta(days=n) for n in (90, 7)]
        assert changed["changes"].tolist() == [{"due_on": tuple(days)}] * 2, (
            "who decides counts from the day it was found"
        )
        assert "v500b → v500c" in changed["reason"][0]
        toy.run(connection, toy.book(version="v500e", lead="ecology", due_days=7), given, DAYS[4])
        assert events_of(connection, "changed")["changes"].tolist()[2:] == [{"lead": ("water", "ecology")}] * 2


def test_what_moved_is_told_with_its_layers_versions_and_nothing_else_is(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        first = toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0])
        moved = OUTFALLS | {"A": "POINT (250 0)", "C": "POINT (801 0)"}
        toy.run(connection, toy.book(), toy.layers(moved, "o2"), DAYS[1])
        changed = events_of(connection, "changed")
        assert changed["case_id"].tolist() == [case_of(first, "A")]  # B has the new version too, and did not change
        told = changed["source"][0]["findings"][0]
        assert set(told["changes"]) == {"subject_digest", "measure"}
        assert told["changes"]["measure"] == pytest.approx([200.0, 250.0])
        assert told["causes"] == [
            {"kind": "subject", "name": toy.rule(toy.NEAR).subject, "before": "o1", "after": "o2"}
        ]
        toy.run(connection, toy.book(), toy.layers(moved | {"A": "POINT (250.0002 0)"}, "o3"), DAYS[2])
        assert len(events_of(connection, "changed")) == 1, "a fifth of a millimetre is how a format rounds"


def test_a_class_that_changed_is_told_and_a_remark_is_not(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        first = toy.run(connection, toy.book(), toy.layers(OUTFALLS, state={"A": "未整治", "B": "未整治"}), DAYS[0])
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, "o2", state={"A": "已完成", "B": "未整治"}), DAYS[1])
        changed = events_of(connection, "changed")
        assert changed["case_id"].tolist() == [case_of(first, "A")]
        name = f"subject.{toy.rule(toy.NEAR).subject}.state"
        assert changed["source"][0]["findings"][0]["changes"] == {name: ["未整治", "已完成"]}


def test_what_was_taken_out_of_a_layer_is_gone_for_that_reason(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0])
        cases = toy.run(connection, toy.book(), toy.layers({"B": OUTFALLS["B"]}, "o2"), DAYS[1])
        # who is in no layer was not judged: that is no rectification
        assert sorted(cases["seen"]) == ["not_assessed", "present"]
        seen = events_of(connection, "seen")
        assert seen["source"][0]["causes"] == [
            {"kind": "subject", "name": toy.rule(toy.NEAR).subject, "before": "o1", "after": "o2"}
        ]


def test_another_program_or_day_is_named_only_where_nothing_else_changed(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        given = toy.layers(OUTFALLS)
        toy.run(connection, toy.book(), given, DAYS[0])
        toy.run(connection, toy.book(distance_m=300.0), given, DAYS[1], program="GeoSys 2")  # the version is the same
        causes = [s.get("causes") or s["findings"][0]["causes"] for s in read_events(connection)["source"][2:]]
        assert causes == [[{"kind": "program", "name": "", "before": "GeoSys 1", "after": "GeoSys 2"}]] * 2


def decided(connection: sa.Connection, cases: pd.DataFrame, tolerance_m: float = 0.5) -> str:
    case = case_of(cases, "A", toy.INSIDE)
    decide_false_hit(
        connection, case, WORKFLOW, second_person="李四", reason="贴边，界址误差", tolerance_m=tolerance_m, **SAID
    )
    return case


def zone(west: float) -> dict[str, str]:
    return {"Z": f"POLYGON (({west} -50, 300 -50, 300 50, {west} 50, {west} -50))"}


def test_a_false_hit_rests_while_the_boundary_does_and_returns_with_its_note(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        first = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=zone(190)), DAYS[0])
        case = decided(connection, first)
        before = len(read_events(connection))
        for number, west in ((2, 190.3), (3, 190.45)):  # creeping: each step is small, the sum is not
            cases = toy.run(
                connection, toy.book(), toy.layers(OUTFALLS, zones=zone(west), zone_version=f"z{number}"), DAYS[number]
            )
            row = cases.set_index("case_id").loc[case]
            assert (row["status"], row["decided"]) == ("dismissed", "贴边，界址误差（张三、李四 2026-09-02）")
            assert len(read_events(connection)) == before
        cases = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=zone(190.6), zone_version="z4"), DAYS[4])
        row = cases.set_index("case_id").loc[case]
        assert (row["status"], row["seen"], row["decided"]) == ("dismissed", "returned", ""), "only a person moves it"
        told = read_events(connection).iloc[before:]
        ended = told[told["kind"] == "decision"].iloc[0]
        assert ended["actor"] == "geosys"
        assert "对象边界移动 0.60 m，超过容差 0.5 m；原认定：贴边，界址误差（张三、李四" in ended["reason"]
        kept = connection.execute(DECISIONS.select()).mappings().one()
        assert (kept["is_standing"], kept["ended_on"]) == (False, DAYS[4])
        assert (
            move_case(connection, case, "restore", WORKFLOW, actor="张三", today=DAYS[5], reason="边界已变") == "found"
        )
        assert verify(connection) == []


def test_a_false_hit_that_vanished_and_came_back_is_still_decided(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        first = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=zone(190)), DAYS[0])
        case = decided(connection, first)
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=zone(250), zone_version="z2"), DAYS[2])
        assert read_cases(connection).set_index("case_id").loc[case, "seen"] == "no_longer_found"
        cases = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=zone(190.1), zone_version="z3"), DAYS[3])
        row = cases.set_index("case_id").loc[case]
        assert (row["seen"], row["decided"][:2]) == ("present", "贴边")


def test_a_case_that_a_person_restored_is_decided_no_longer(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        given = toy.layers(OUTFALLS, zones=ZONE)
        case = decided(connection, toy.run(connection, toy.book(), given, DAYS[0]))
        move_case(connection, case, "restore", WORKFLOW, actor="王五", today=DAYS[2], reason="看错了")
        cases = toy.run(connection, toy.book(), given, DAYS[3])
        assert cases.set_index("case_id").loc[case, "decided"] == ""
        assert connection.execute(DECISIONS.select()).mappings().one()["ended_because"] == "事项已恢复立项"
        case = decided_again(connection, case)
        assert toy.run(connection, toy.book(), given, DAYS[5]).set_index("case_id").loc[case, "decided"] != ""


def decided_again(connection: sa.Connection, case: str) -> str:
    decide_false_hit(
        connection,
        case,
        WORKFLOW,
        actor="张三",
        second_person="李四",
        reason="复核无误",
        tolerance_m=1.0,
        today=DAYS[4],
    )
    return case


@pytest.mark.parametrize(
    ("given_wrong", "told"),
    [
        ({"tolerance_m": 0.0}, "tolerance"),
        ({"reason": " "}, "reason"),
        ({"second_person": "张三"}, "second"),
        ({"second_person": ""}, "second"),
    ],
)
def test_a_decision_needs_all_it_needs(tmp_path: Path, given_wrong: dict, told: str) -> None:
    with open_ledger(tmp_path / "l") as connection:
        case = case_of(toy.run(connection, toy.book(), toy.layers(OUTFALLS), DAYS[0]), "A")
    right = {"second_person": "李四", "reason": "贴边", "tolerance_m": 0.5, **SAID}
    with pytest.raises(WorkspaceError, match=told), open_ledger(tmp_path / "l") as connection:
        decide_false_hit(connection, case, WORKFLOW, **(right | given_wrong))
    with pytest.raises(WorkspaceError, match="expected a case"), open_ledger(tmp_path / "l") as connection:
        decide_false_hit(connection, "Cnone", WORKFLOW, **right)
    with read_ledger(tmp_path / "l") as connection:
        assert set(read_events(connection)["kind"]) == {"found"}


def test_one_case_holds_all_findings_of_a_subject_where_the_rule_says_so(ledger: Path | str) -> None:
    rules = toy.book(one_case_per="subject")
    two = {"Y": "POLYGON ((100 -90, 210 -90, 210 90, 100 90, 100 -90))"} | ZONE
    with open_ledger(ledger) as connection:
        cases = toy.run(connection, rules, toy.layers(OUTFALLS, zones=two), DAYS[0])
        inside = cases[cases["rule"] == toy.INSIDE]
        assert inside["object_id"].tolist() == ["Y", "Z"] or inside["object_id"].tolist() == ["Z", "Y"]
        assert len(set(inside["case_id"])) == 1
        assert len(read_events(connection)) == 3
        cases = toy.run(connection, rules, toy.layers(OUTFALLS, zones=ZONE, zone_version="z2"), DAYS[1])
        assert len(read_events(connection)) == 3, "one of two is gone: the case stands as it did"
        more = two | {"X": "POLYGON ((150 -9, 220 -9, 220 9, 150 9, 150 -9))"}
        toy.run(connection, rules, toy.layers(OUTFALLS, zones=more, zone_version="z3"), DAYS[2])
        changed = events_of(connection, "changed")
        assert [f["is_new"] for f in changed["source"][0]["findings"]] == [True]
        cases = toy.run(connection, rules, toy.layers(OUTFALLS, zones={}, zone_version="z4"), DAYS[3])
        assert "no_longer_found" in set(read_cases(connection)["seen"])
        assert len(read_cases(connection)) == 3
        assert verify(connection) == []


def test_merged_cases_go_on_as_one_and_can_be_split_again(ledger: Path | str) -> None:
    given = toy.layers(OUTFALLS, zones=ZONE)
    with open_ledger(ledger) as connection:
        cases = toy.run(connection, toy.book(), given, DAYS[0])
        heir, other = case_of(cases, "A"), case_of(cases, "A", toy.INSIDE)
        merge_cases(connection, heir, [other], reason="同一排污口", **SAID)
        again = toy.run(connection, toy.book(), given, DAYS[2])
        assert {case_of(again, "A"), case_of(again, "A", toy.INSIDE)} == {heir}
        assert read_cases(connection).set_index("case_id").loc[other, "merged_into"] == heir
        assert read_events(connection, other)["kind"].tolist() == ["found", "merge"], "its history can be read"
        move_case(connection, heir, "assign", WORKFLOW, actor="张三", today=DAYS[2], lead="water", due_on=DAYS[9])
        toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones={}, zone_version="z2"), DAYS[3])
        assert "no_longer_found" not in set(read_cases(connection)["seen"]), "half of it is still found"
        toy.run(connection, toy.book(), given, DAYS[4])
        finding = cases.set_index("case_id").loc[other, "finding_id"]
        assert split_case(connection, heir, [finding], reason="分别整改", actor="张三", today=DAYS[5]) == other
        row = read_cases(connection).set_index("case_id").loc[other]
        assert pd.isna(row["merged_into"])
        assert (row["status"], row["assigned_lead"]) == ("assigned", "water")
        final = toy.run(connection, toy.book(), given, DAYS[6])
        assert (case_of(final, "A"), case_of(final, "A", toy.INSIDE)) == (heir, other)
        assert cases_as_of(connection, DAYS[2]).set_index("case_id").loc[other, "merged_into"] == heir
        assert verify(connection) == []


def test_the_commands_decide_merge_and_split(tmp_path: Path) -> None:
    import json

    import typer
    from typer.testing import CliRunner

    from geosys.cli import decision_commands

    (tmp_path / "inbox").mkdir()
    (tmp_path / "geosys.toml").write_text('title = { zh = "县", en = "County" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    with open_ledger(tmp_path / "cases.sqlite") as connection:
        cases = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=ZONE), DAYS[0])
    a, b, inside = case_of(cases, "A"), case_of(cases, "B"), case_of(cases, "A", toy.INSIDE)
    app = typer.Typer()
    for name in ("decide", "merge", "split"):
        app.command(name=name)(getattr(decision_commands, name))

    def ask(*words: str) -> dict:
        options = ("--by", "张三", "--reason", "贴边", "--today", "2026-09-05", "--workspace", str(tmp_path), "--json")
        return json.loads(CliRunner().invoke(app, [*words, *options], catch_exceptions=False).stdout)

    assert ask("decide", b, "--second-person", "李四", "--tolerance-m", "0.5")["case_id"] == b
    assert ask("merge", a, inside)["merged"] == [inside]
    finding = cases.set_index("case_id").loc[inside, "finding_id"]
    assert ask("split", a, finding)["case_id"] == inside
    with read_ledger(tmp_path / "cases.sqlite") as connection:
        events = read_events(connection)
        assert events["kind"].tolist()[3:] == ["move", "decision", "merge", "merge", "split", "split"]
        assert all(events["recorded_at"][3:])
        assert verify(connection) == []


def test_what_opened_a_case_can_be_split_from_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        given = toy.layers(OUTFALLS, zones=ZONE)
        cases = toy.run(connection, toy.book(), given, DAYS[0])
        heir, other = case_of(cases, "A"), case_of(cases, "A", toy.INSIDE)
        merge_cases(connection, heir, [other], reason="同一排污口", **SAID)
        own = cases.set_index("case_id").loc[heir, "finding_id"]
        new = split_case(connection, heir, [own], reason="分别整改", actor="张三", today=DAYS[2])
        assert new == f"{heir}-2"
        after = toy.run(connection, toy.book(), given, DAYS[3])
        assert (case_of(after, "A"), case_of(after, "A", toy.INSIDE)) == (new, heir)
        assert read_cases(connection).set_index("case_id").loc[new, "found_on"] == DAYS[0]
        assert verify(connection) == []


def test_a_merge_or_split_that_makes_no_sense_is_refused_whole(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as connection:
        cases = toy.run(connection, toy.book(), toy.layers(OUTFALLS, zones=ZONE), DAYS[0])
        a, b, inside = case_of(cases, "A"), case_of(cases, "B"), case_of(cases, "A", toy.INSIDE)
        merge_cases(connection, a, [inside], reason="同一", **SAID)
    finding = cases.set_index("case_id").loc[b, "finding_id"]
    said = SAID | {"reason": "x"}
    attempts = [
        (lambda c: merge_cases(c, a, [a], **said), "other cases"),
        (lambda c: merge_cases(c, a, [], **said), "other cases"),
        (lambda c: merge_cases(c, a, [b, b], **said), "other cases"),
        (lambda c: merge_cases(c, a, [inside], **said), "one merged into"),
        (lambda c: merge_cases(c, inside, [b], **said), "one merged into"),
        (lambda c: merge_cases(c, a, ["Cnone"], **said), "expected a case"),
        (lambda c: merge_cases(c, a, [b], **(SAID | {"reason": " "})), "no reason"),
        (lambda c: split_case(c, b, [finding], **said), "not all"),
        (lambda c: split_case(c, a, ["none"], **said), "not all"),
    ]
    for attempt, told in attempts:
        with pytest.raises(WorkspaceError, match=told), open_ledger(tmp_path / "l") as connection:
            attempt(connection)
    with pytest.raises(ConflictError), open_ledger(tmp_path / "l") as connection:
        merge_cases(connection, a, [b], expected={a: 1}, **said)
    with open_ledger(tmp_path / "l") as connection:
        move_case(connection, b, "dismiss", WORKFLOW, actor="张三", second_person="李四", reason="x", today=DAYS[1])
    with pytest.raises(WorkspaceError, match="open case"), open_ledger(tmp_path / "l") as connection:
        merge_cases(connection, b, [a], **said)


def test_a_rule_says_what_a_case_is_opened_for(tmp_path: Path, root: Path) -> None:
    import shutil

    from geosys.rooms import read_content

    for name in ("layers", "cases", "maps"):
        shutil.copytree(root / name, tmp_path / name)
    path = tmp_path / "cases" / "rules" / "outfalls.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("[outfall_in_redline]\n", '[outfall_in_redline]\none_case_per = "subject"\n'), encoding="utf-8"
    )
    assert read_content(tmp_path).book.rules[toy.INSIDE].one_case_per == "subject"
    path.write_text(
        text.replace("[outfall_in_redline]\n", '[outfall_in_redline]\none_case_per = "subjekt"\n'), encoding="utf-8"
    )
    with pytest.raises(SpecError, match=r"one_case_per.*Did you mean 'subject'"):
        read_content(tmp_path)


# --- boundaries ---

CROSS = "POLYGON ((0 0, 10 0, 10 49, 990 49, 990 0, 1000 0, 1000 100, 990 100, 990 51, 10 51, 10 100, 0 100, 0 0))"
BLOCKS = "MULTIPOLYGON (((0 0, 10 0, 10 100, 0 100, 0 0)), ((990 0, 1000 0, 1000 100, 990 100, 990 0)))"


def test_a_boundary_between_vertices_counts() -> None:
    cross, blocks = shapely.from_wkt([CROSS, BLOCKS])
    assert shapely.hausdorff_distance(cross, blocks) < 50  # vertices alone: hardly anything
    assert moved_m(cross, blocks, 1.0) == pytest.approx(490, abs=5)  # the middle of the bar is 490 m from either block
    assert moved_m(blocks, cross, 1.0) == moved_m(cross, blocks, 1.0)


def test_what_cannot_be_compared_has_moved() -> None:
    point, square = shapely.from_wkt(["POINT (0 0)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"])
    assert moved_m(None, None, 1.0) is None
    assert moved_m(point, None, 1.0) == float("inf")
    assert moved_m(point, square, 9.0) == float("inf")
    assert moved_m(point, shapely.Point(0, 0.9), 1.0) is None
    assert moved_m(point, shapely.Point(0, 1.5), 1.0) == 1.5
    assert moved_m(square, shapely.Polygon(square.exterior, [[(0.5, 0.1), (0.6, 0.1), (0.6, 0.2)]]), 0.01) > 0.05


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 3.0), st.integers(3, 30))
def test_staying_within_a_tolerance_is_lying_in_each_others_buffer(seed: int, shift: float, corners: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radius = random.uniform(50, 100, corners)
    ring = np.column_stack([radius * np.cos(angles), radius * np.sin(angles)])
    one = shapely.Polygon(ring)
    two = shapely.Polygon(ring + random.uniform(-shift, shift, ring.shape))
    stays = moved_m(one, two, 1.0) is None

    def held(width: float) -> bool:
        lines = (one.exterior, two.exterior)
        return all(a.covered_by(b.buffer(width, quad_segs=64)) for a, b in (lines, lines[::-1]))

    assert stays <= held(1.12)
    assert held(0.99) <= stays


@given(st.integers(0, 7), st.booleans())
def test_a_digest_knows_no_beginning_and_no_direction(start: int, turned: bool) -> None:
    ring = [(0, 0), (5, 1), (9, 0), (9, 9), (5, 8), (0, 9), (1, 5), (-1, 3)]
    other = ring[start:] + ring[:start]
    shapes = [
        shapely.Polygon(ring),
        shapely.Polygon(other[::-1] if turned else other),
        shapely.Polygon([*ring[:-1], (-1, 3.01)]),
    ]
    one, two, three = digests_of(np.array(shapes, dtype=object))
    assert one == two != three

"""The ledger: cases survive re-runs, only people move them, and nothing vanishes in silence."""

from __future__ import annotations

import datetime as dt
import sqlite3
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from conftest import ROOT

from geosys._errors import WorkspaceError
from geosys.cases.ledger import reconciliation
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import read_cases, read_events
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.runs import read_runs
from geosys.cases.workflow import read_workflow
from geosys.rooms import read_content

if TYPE_CHECKING:
    from pathlib import Path

BOOK = read_content().book
WORKFLOW = read_workflow(ROOT)
RULE = next(r for r in BOOK.rules.values() if r.due_days is not None)
FIXED = next(r for r in BOOK.rules.values() if r.due_on is not None)
DATED = next(r for r in BOOK.rules.values() if r.due_field is not None)
FIRST, LATER = dt.date(2026, 9, 1), dt.date(2026, 10, 1)


def findings(*names: str, rule: str = RULE.id, outcome: str = "hit", due: dt.date | None = None) -> pd.DataFrame:
    rows = [
        {
            "finding_id": f"f{name}", "rule": rule, "outcome": outcome, "subject_layer": "s", "subject_id": name, "subject_name": name,
            "object_id": "", "lead": "ecology", "sentence_zh": f"{name} 有问题", "due_field_on": due,
        }
        for name in names
    ]  # fmt: skip
    columns = ["finding_id", "rule", "outcome", "subject_layer", "subject_id", "subject_name", "object_id", "lead"]
    return pd.DataFrame(rows, columns=[*columns, "sentence_zh", "due_field_on"])


def reconcile(path: Path, table: pd.DataFrame, judged: set[str], day: dt.date) -> pd.DataFrame:
    with open_ledger(path) as connection:
        pairs = {(rule, name) for rule in {RULE.id, FIXED.id, DATED.id} for name in judged}
        return reconciliation.reconcile(connection, table, pairs, BOOK, day).set_index("finding_id")


def test_a_new_hit_opens_a_case_due_by_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    cases = reconcile(path, findings("a"), {"a"}, FIRST)
    assert cases.loc["fa", "due_on"] == FIRST + dt.timedelta(days=RULE.due_days)
    assert (cases.loc["fa", "status"], cases.loc["fa", "seen"]) == ("found", "present")
    assert reconcile(tmp_path / "b", findings("a", rule=FIXED.id), {"a"}, FIRST).loc["fa", "due_on"] == FIXED.due_on
    stated = reconcile(tmp_path / "c", findings("a", rule=DATED.id, due=LATER), {"a"}, FIRST)
    assert stated.loc["fa", "due_on"] == LATER


def test_a_rerun_keeps_the_case_its_day_and_what_people_decided(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    before = reconcile(path, findings("a", "b"), {"a", "b"}, FIRST)
    with open_ledger(path) as connection:
        case = before.loc["fa", "case_id"]
        assert (
            move_case(connection, case, "assign", WORKFLOW, actor="张三", lead="water", due_on=LATER, today=FIRST)
            == "assigned"
        )
    after = reconcile(path, findings("a", "b"), {"a", "b"}, LATER)
    assert after.loc["fa", "status"] == "assigned"
    assert after.loc["fa", "found_on"] == FIRST
    assert after.loc["fa", "due_on"] == LATER, "what a person decided goes before the rule"
    assert after.loc["fb", "due_on"] == before.loc["fb", "due_on"]


def test_what_vanished_is_no_longer_found_and_what_came_back_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a", "b"), {"a", "b"}, FIRST)
    gone = reconcile(path, findings("b"), {"a", "b"}, LATER)
    assert gone.loc["fa", "seen"] == "no_longer_found"
    assert gone.loc["fa", "status"] == "found", "only a person closes a case"
    assert reconcile(path, findings("a", "b"), {"a", "b"}, LATER).loc["fa", "seen"] == "returned"


def test_what_could_not_be_judged_is_not_taken_for_mended(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)
    assert reconcile(path, findings(), set(), LATER).loc["fa", "seen"] == "not_assessed"
    assert reconcile(path, findings("a"), {"a"}, LATER).loc["fa", "seen"] == "present"
    reconcile(path, findings(), {"a"}, LATER)
    assert reconcile(path, findings(), set(), LATER).loc["fa", "seen"] == "no_longer_found"


def test_near_opens_no_case_and_needs_review_does(tmp_path: Path) -> None:
    near = findings("a", outcome="near")
    review = findings("b", outcome="needs_review")
    cases = reconcile(tmp_path / "cases.sqlite", pd.concat([near, review]), {"a", "b"}, FIRST)
    assert cases.index.tolist() == ["fb"]


def test_running_again_writes_nothing_and_a_later_run_no_event(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)
    before = path.read_bytes()
    reconcile(path, findings("a"), {"a"}, FIRST)
    assert path.read_bytes() == before
    reconcile(path, findings("a"), {"a"}, LATER)
    with open_ledger(path) as connection:
        assert read_events(connection, "Cfa")["kind"].tolist() == ["found"]
        assert read_runs(connection)["judged_on"].tolist() == [FIRST, LATER]


def test_unlawful_moves_are_refused_with_the_allowed_ones(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)
    with open_ledger(path) as connection:
        with pytest.raises(WorkspaceError, match=r"expected one of: .*assign"):
            move_case(connection, "Cfa", "close", WORKFLOW, actor="张三", reason="x", today=FIRST)
        with pytest.raises(WorkspaceError, match="without by, lead, due_on"):
            move_case(connection, "Cfa", "assign", WORKFLOW, actor="  ", reason="x", today=FIRST)
        with pytest.raises(WorkspaceError, match="expected a case"):
            move_case(connection, "Cnone", "assign", WORKFLOW, actor="张三", reason="x", today=FIRST)


def test_closing_needs_evidence_and_a_second_person(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)
    with open_ledger(path) as connection:

        def move(name: str, **given: object) -> str:
            return move_case(connection, "Cfa", name, WORKFLOW, actor="张三", today=FIRST, **given)

        assert move("assign", lead="water", due_on=LATER) == "assigned"
        assert move("begin") == "rectifying"
        with pytest.raises(WorkspaceError, match="without evidence"):
            move("accept")
        assert move("accept", evidence="照片3张", second_person="李四") == "accepted"
        with pytest.raises(WorkspaceError, match="expected a second person"):
            move("close", evidence="验收单", second_person="张三")
        assert move("close", evidence="验收单", second_person="李四") == "closed"
        events = read_events(connection, "Cfa")
    assert events["second_person"].tolist()[-1] == "李四"
    assert events["evidence"].tolist()[-2:] == ["照片3张", "验收单"]


def test_a_failure_in_the_middle_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)

    def stopped_half_way() -> None:
        with open_ledger(path) as connection:
            reconciliation.reconcile(connection, findings("a", "b"), set(), BOOK, LATER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped_half_way()
    with open_ledger(path) as connection:
        assert read_cases(connection)["case_id"].tolist() == ["Cfa"]


def test_a_damaged_or_locked_ledger_is_one_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(WorkspaceError, match="expected a ledger"), open_ledger(path):
        pass
    assert path.read_bytes().startswith(b"this is no database")


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    reconcile(path, findings("a"), {"a"}, FIRST)
    other = sqlite3.connect(path)
    assert other.execute("select count(*) from cases").fetchone() == (1,)
    other.close()
    assert len(reconcile(path, findings("a", "b"), {"a", "b"}, FIRST)) == 2

"""Events: chained, never lost, enough to rebuild every case of every day; on SQLite and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from conftest import ROOT

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import (
    MACHINE,
    Event,
    append,
    append_all,
    cases_as_of,
    read_cases,
    read_events,
    replayed,
    verify,
)
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.safekeeping import backup, restore
from geosys.cases.workflow import read_workflow

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LATER, LAST = dt.date(2026, 9, 1), dt.date(2026, 10, 1), dt.date(2026, 11, 1)
WORKFLOW = read_workflow(ROOT)


def found(case_id: str, day: dt.date = FIRST, **fields: Any) -> Event:
    told = {
        "finding_id": f"f{case_id}", "rule": "r", "subject_layer": "s", "subject_id": case_id, "subject_name": "甲 <b>", "object_id": "",
        "found_on": day, "due_on": LAST, "lead": "ecology", "seen": "present", "status": "found",
    } | fields  # fmt: skip
    changes = {name: (None, value) for name, value in told.items() if value is not None}
    return Event(case_id, "found", day, MACHINE, changes, reason="一句话")


def edit(case_id: str, field: str, was: Any, now: Any, day: dt.date = LATER) -> Event:
    return Event(case_id, "edit", day, "张三", {field: (was, now)}, recorded_at="2026-10-01T08:00:00+08:00")


def test_a_case_is_the_sum_of_its_events(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        append_all(
            connection,
            [found("A"), found("B"), edit("A", "note", None, "第一次"), edit("A", "note", "第一次", "第二次")],
        )
        move_case(connection, "A", "assign", WORKFLOW, actor="李四", today=LATER, lead="water", due_on=LAST)
    with read_ledger(ledger) as connection:
        cases, events = read_cases(connection), read_events(connection)
        assert verify(connection) == []
        assert cases["version"].tolist() == [4, 1]
        row = cases.iloc[0]
        assert (row["note"], row["status"], row["assigned_lead"], row["assigned_due_on"]) == (
            "第二次",
            "assigned",
            "water",
            LAST,
        )
        assert events["move"].tolist() == ["", "", "", "", "assign"]
        assert events["changes"][4]["assigned_due_on"] == (None, LAST)
        assert replayed(events).equals(cases)
        before = cases_as_of(connection, LATER - dt.timedelta(days=1))
    assert before["status"].tolist() == ["found", "found"]
    assert before["note"].isna().all()


def test_who_saw_an_older_version_is_told_what_changed_and_nothing_is_written(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        append_all(connection, [found("A"), edit("A", "note", None, "一")])
    for attempt in (
        lambda c: append(c, edit("A", "person", None, "王五"), expected_version=1),
        lambda c: append(c, edit("A", "note", "旧", "二")),
        lambda c: move_case(
            c, "A", "assign", WORKFLOW, actor="x", today=LATER, lead="water", due_on=LAST, expected_version=1
        ),
    ):
        with pytest.raises(ConflictError, match="A"), open_ledger(ledger) as connection:
            attempt(connection)
    with pytest.raises(ConflictError, match="张三 2026-10-01 edit: note"), open_ledger(ledger) as connection:
        append(connection, edit("A", "person", None, "王五"), expected_version=1)
    with read_ledger(ledger) as connection:
        assert len(read_events(connection)) == 2


@pytest.mark.parametrize(
    ("event", "error", "told"),
    [
        (Event("X", "edit", FIRST, "张三"), WorkspaceError, "expected a case"),
        (Event("A", "paint", FIRST, "张三"), SpecError, "kind 'paint'"),
        (Event("A", "edit", LATER, "张三", {"colour": (None, "red")}), SpecError, "colour"),
        (Event("A", "seen", LATER, MACHINE, {"status": ("found", "closed")}), SpecError, "by a machine"),
        (
            Event("A", "seen", FIRST - dt.timedelta(days=1), MACHINE, {"seen": ("present", "no_longer_found")}),
            WorkspaceError,
            "or later",
        ),
        (Event("A", "edit", LATER, "张三", {"note": (None, {1, 2})}), SpecError, "type set"),
    ],
)
def test_what_is_no_event_of_a_case_is_refused(tmp_path: Path, event: Event, error: type[Exception], told: str) -> None:
    with open_ledger(tmp_path / "l") as connection:
        append(connection, found("A"))
    with pytest.raises(error, match=told), open_ledger(tmp_path / "l") as connection:
        append(connection, event)
    with read_ledger(tmp_path / "l") as connection:
        assert len(read_events(connection)) == 1


DAMAGE = {
    "changed": "update events set reason = 'x' where sequence = 2",
    "re-dated": "update events set happened_on = '2026-01-01' where sequence = 2",
    "removed": "delete from events where sequence = 2",
    "removed at the end": "delete from events where sequence = 3",
    "moved": "update events set case_id = 'B' where sequence = 3",
    "case changed": "update cases set status = 'closed' where case_id = 'A'",
    "case removed": "delete from cases where case_id = 'B'",
    "all removed": "delete from events",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_tampering_is_noticed(ledger: Path | str, damage: str) -> None:
    with open_ledger(ledger) as connection:
        append_all(connection, [found("A"), found("B"), edit("A", "note", None, "一")])
    with open_ledger(ledger) as connection:
        connection.execute(sa.text(DAMAGE[damage]))
    with read_ledger(ledger) as connection:
        assert verify(connection), damage


def test_a_backup_brings_everything_back_on_either_database(ledger: Path | str, tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    with open_ledger(ledger) as connection:
        append_all(
            connection, [found("A"), found("B", due_on=None), edit("A", "note", None, "一\x00二".replace("\x00", " "))]
        )
        cases, events = read_cases(connection), read_events(connection)
    with read_ledger(ledger) as connection:
        assert backup(connection, file)["events"] == 3
    with open_ledger(ledger) as connection:
        append(connection, edit("A", "note", "一 二", "后来"))
    with open_ledger(ledger) as connection:
        assert restore(connection, file)["cases"] == 2
    with read_ledger(ledger) as connection:
        assert read_cases(connection).equals(cases)
        assert read_events(connection).equals(events)
        assert verify(connection) == []
    with open_ledger(tmp_path / "another.sqlite") as connection:  # also from one database to another
        restore(connection, file)
        assert read_events(connection).equals(events)
    with pytest.raises(WorkspaceError, match="not overwritten"), read_ledger(ledger) as connection:
        backup(connection, file)


@pytest.mark.parametrize("harm", ["cut", "changed", "other", "rows"])
def test_a_damaged_backup_restores_nothing(tmp_path: Path, harm: str) -> None:
    import gzip

    where, file = tmp_path / "l", tmp_path / "b.gz"
    with open_ledger(where) as connection:
        append_all(connection, [found("A"), found("B")])
        backup(connection, file)
    text = gzip.decompress(file.read_bytes()).decode()
    lines = text.splitlines(keepends=True)
    harmed = {
        "cut": "".join(lines[:-1]), "changed": text.replace("一句话", "两句话", 1), "other": json.dumps({"a": 1}) + "\n",
        "rows": "".join([*lines[:2], *lines[3:]]),
    }[harm]  # fmt: skip
    file.write_bytes(gzip.compress(harmed.encode()))
    with pytest.raises(WorkspaceError, match="expected a backup"), open_ledger(where) as connection:
        restore(connection, file)
    with read_ledger(where) as connection:
        assert len(read_cases(connection)) == 2


def first_ledger(path: Path) -> None:
    """Make a ledger as the first version of GeoSys did, with its own statements."""
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "create table cases (case_id varchar primary key, finding_id varchar not null unique, rule varchar not null, "
            "subject_layer varchar not null, subject_id varchar not null, subject_name varchar not null, object_id varchar not null, "
            "found_on date not null, due_on date, lead varchar not null, seen varchar not null, status varchar not null, "
            "assigned_lead varchar, assigned_due_on date)"
        )
        base.execute(
            "create table events (event_id integer primary key autoincrement, case_id varchar not null references cases(case_id), "
            "happened_on date not null, actor varchar not null, move varchar not null, before varchar not null, after varchar not null, "
            "reason varchar not null, evidence varchar not null, second_person varchar not null)"
        )
        row = ("r", "s", "1", "甲", "", "2026-09-01", "2026-11-01", "ecology")
        base.execute(
            "insert into cases values ('C1','f1',?,?,?,?,?,?,?,?,'no_longer_found','assigned','water','2026-12-01')",
            row,
        )
        base.execute("insert into cases values ('C2','f2',?,?,?,?,?,?,?,?,'present','found',null,null)", row)
        told = "insert into events (case_id,happened_on,actor,move,before,after,reason,evidence,second_person) values (?,?,?,?,?,?,?,'','')"
        base.execute(told, ("C1", "2026-09-01", "geosys", "found", "", "found", "一句话"))
        base.execute(told, ("C2", "2026-09-01", "geosys", "found", "", "found", "一句话"))
        base.execute(told, ("C1", "2026-09-05", "张三", "assign", "found", "assigned", "急"))
        base.execute(told, ("C1", "2026-10-01", "geosys", "seen", "present", "no_longer_found", ""))


def test_a_ledger_of_the_first_version_is_carried_over_whole(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    first_ledger(path)
    with read_ledger(path) as connection:
        cases, events = read_cases(connection).set_index("case_id"), read_events(connection, "C1")
        assert verify(connection) == []
    assert cases.loc["C1", ["status", "seen", "assigned_lead"]].tolist() == ["assigned", "no_longer_found", "water"]
    assert cases.loc["C1", "assigned_due_on"] == dt.date(2026, 12, 1)
    assert events["kind"].tolist() == ["found", "move", "seen", "taken_over"]
    assert events["actor"].tolist()[1] == "张三"
    assert events["reason"].tolist()[:2] == ["一句话", "急"]


def test_a_newer_programs_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    with open_ledger(path):
        pass
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(WorkspaceError, match="newer GeoSys"), open_ledger(path):
        pass


def migrate_and_die(path: Path) -> None:
    import os

    from geosys.cases.ledger import events

    def die(*_: object) -> None:
        os._exit(9)

    events.append_all = die
    with open_ledger(path):
        pass


def test_a_migration_that_is_killed_leaves_the_old_ledger_whole(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    first_ledger(path)
    victim = multiprocessing.get_context("spawn").Process(target=migrate_and_die, args=(path,))
    victim.start()
    victim.join()
    assert victim.exitcode == 9
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("select count(*) from events").fetchone() == (4,)
        assert not base.execute("select name from sqlite_master where name = 'chain'").fetchall()
    with read_ledger(path) as connection:
        assert len(read_cases(connection)) == 2


def test_the_migrations_make_the_tables_that_the_program_knows(ledger: Path | str) -> None:
    from geosys.cases.ledger.tables import METADATA

    with open_ledger(ledger) as connection:
        there = sa.inspect(connection)
        for table in METADATA.sorted_tables:
            assert [c["name"] for c in there.get_columns(table.name)] == [c.name for c in table.columns]


def test_an_address_that_is_none_is_one_clear_message() -> None:
    with pytest.raises(WorkspaceError, match=r"expected postgresql://"), open_ledger("mysql://geosys@localhost/a"):
        pass
    with pytest.raises(WorkspaceError) as told, open_ledger("postgresql://geosys:hidden@127.0.0.1:1/none"):
        pass
    assert "hidden" not in str(told.value)

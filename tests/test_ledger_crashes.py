"""Writers who race and programs that are killed: nothing is lost, nothing is half written, and work goes on afterwards."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases_toy as toy
import openpyxl
import psycopg
import pytest
import sqlalchemy as sa
from conftest import ROOT
from typed_commands import call

from geosys._errors import ConflictError
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import MACHINE, Event, append, append_all, read_cases, read_events, verify
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.safekeeping import backup, restore
from geosys.cases.ledger.tables import METADATA
from geosys.cases.workflow import read_workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOW = read_workflow(ROOT)
FIRST, LATER = dt.date(2026, 9, 1), dt.date(2026, 10, 1)
WRITERS, CASES = 8, 300
EACH = int(os.environ.get("GEOSYS_MOVES_EACH", "20"))  # 250 on a quiet machine: 2,000 moves at once
OUTFALLS = {"A": "POINT (200 0)", "B": "POINT (400 0)", "C": "POINT (800 0)"}


def found(case_id: str) -> Event:
    told = {
        "finding_id": f"f{case_id}", "rule": "r", "subject_layer": "s", "subject_id": case_id, "subject_name": "甲", "object_id": "",
        "found_on": FIRST, "due_on": LATER, "lead": "ecology", "seen": "present", "status": "found",
    }  # fmt: skip
    return Event(case_id, "found", FIRST, MACHINE, {name: (None, value) for name, value in told.items()})


def rows_of(connection: sa.Connection, *names: str) -> list[list[tuple[Any, ...]]]:
    tables = [table for table in METADATA.sorted_tables if not names or table.name in names]
    return [[tuple(row) for row in connection.execute(sa.select(t).order_by(*t.primary_key.columns))] for t in tables]


# --- a process that has loaded everything once, has no threads, and so may be forked and killed as often as needed ---


Apart = Callable[..., Any]


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    """Return a way to call a function in a fork of such a process and to have what it returns."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,))
    process.start()
    there.close()

    def called(function: Callable[..., Any], *given: Any) -> Any:
        here.send((function, given))
        is_well, told = here.recv()
        assert is_well, told
        return told

    yield called
    here.close()
    process.join()


def _serve(pipe: Any) -> None:
    """Call what is asked for, each in a fork of its own, until nobody asks any more."""
    while True:
        try:
            function, given = pipe.recv()
        except EOFError:
            return
        ended = forked(lambda call=function, values=given: pipe.send(_tried(call, values)))
        if ended:
            pipe.send((False, f"it ended with {ended}"))


def _tried(function: Callable[..., Any], given: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, function(*given)
    except BaseException:  # noqa: BLE001  whatever it is, the test has to tell it
        return False, traceback.format_exc()


def forked(work: Callable[[], Any]) -> int:
    """Call something in a fork and return how that ended: 0, or minus the signal that killed it."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(number: int) -> None:
    """Kill this process with signal 9 before its nth statement or commit."""
    count = [0]

    def step(*_: Any) -> None:
        count[0] += 1
        if count[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, name, step)


# --- races ---


def moving(where: Path | str, worker: int, pipe: Any) -> None:
    """Make moves as one of many people: each by what it saw last; after a conflict it looks again."""
    chosen = random.Random(worker)  # noqa: S311  repeatable is what is wanted
    steps = {"found": "assign", "assigned": "begin", "rectifying": "accept", "accepted": "send_back"}
    known: dict[str, tuple[int, str]] = {}
    done, refused = [], 0
    for number in range(EACH):
        token = f"{worker}-{number}"
        case = f"K{chosen.randrange(CASES)}"
        if case not in known:
            with read_ledger(where) as connection:
                known = {r.case_id: (r.version, r.status) for r in read_cases(connection).itertuples()}
        version, state = known[case]
        told = {"lead": "water", "due_on": LATER, "evidence": "照片", "second_person": "乙", "reason": token}
        try:
            with open_ledger(where) as connection:
                now = move_case(
                    connection, case, steps[state], WORKFLOW, actor=f"甲{worker}", today=LATER, expected_version=version, **told
                )  # fmt: skip
            done.append(token)
            known[case] = (version + 1, now)
        except ConflictError:
            refused += 1
            known.clear()
    pipe.send((done, refused))


def race(where: Path | str) -> list[tuple[list[str], int]]:
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(WRITERS)]
    workers = [context.Process(target=moving, args=(where, n, pipe[1])) for n, pipe in enumerate(pipes)]
    for worker in workers:
        worker.start()
    for _, there in pipes:
        there.close()
    told = [here.recv() for here, _ in pipes]
    for worker in workers:
        worker.join()
    return told


def test_of_moves_by_eight_at_once_each_is_kept_or_refused(ledger: Path | str, apart: Apart) -> None:
    with open_ledger(ledger) as connection:
        append_all(connection, [found(f"K{n}") for n in range(CASES)])
    told = apart(race, ledger)
    done = [token for tokens, _ in told for token in tokens]
    refused = sum(count for _, count in told)
    assert len(done) + refused == WRITERS * EACH
    assert refused, "nobody met anybody: this shows nothing"
    with read_ledger(ledger) as connection:
        moves = read_events(connection).iloc[CASES:]
        assert sorted(moves["reason"]) == sorted(done)
        assert verify(connection) == []
        assert read_cases(connection)["version"].sum() == CASES + len(done)


def first_event(where: Path | str, case_id: str, pipe: Any) -> None:
    try:
        with open_ledger(where) as connection:
            append(connection, found(case_id))
        pipe.send("")
    except BaseException:  # noqa: BLE001
        pipe.send(traceback.format_exc())


def opening_race(where: Path | str) -> list[str]:
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(4)]
    workers = [context.Process(target=first_event, args=(where, f"K{n}", pipe[1])) for n, pipe in enumerate(pipes)]
    for worker in workers:
        worker.start()
    told = [here.recv() for here, _ in pipes]
    for worker in workers:
        worker.join()
    return told


def test_a_ledger_that_four_open_first_is_made_once_and_has_what_all_wrote(ledger: Path | str, apart: Apart) -> None:
    assert apart(opening_race, ledger) == [""] * 4
    with read_ledger(ledger) as connection:
        assert read_cases(connection)["case_id"].tolist() == ["K0", "K1", "K2", "K3"]
        assert verify(connection) == []


def test_a_reader_sees_one_moment_however_long_it_reads(postgres: str) -> None:
    """On SQLite a writer waits for the reader instead."""
    with psycopg.connect(postgres, autocommit=True) as base:
        base.execute("drop database if exists one_moment")
        base.execute("create database one_moment")
    where = f"{postgres.rpartition('/')[0]}/one_moment"
    with open_ledger(where) as connection:
        append(connection, found("A"))
    with read_ledger(where) as reader:
        before = read_cases(reader)
        with open_ledger(where) as writer:
            append(writer, found("B"))
        assert read_cases(reader).equals(before)
        assert verify(reader) == []


# --- killed at every single statement ---


def fresh(where: Path | str) -> None:
    """Leave nothing of a ledger."""
    if isinstance(where, Path):
        for path in where.parent.glob(f"{where.name}*"):
            path.unlink()
        return
    with psycopg.connect(where, autocommit=True) as base:
        base.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        base.execute("drop schema public cascade")
        base.execute("create schema public")


def first_run(where: Path | str) -> None:
    with open_ledger(where) as connection:
        toy.run(connection, toy.book(), toy.layers(OUTFALLS), FIRST)
        cases = read_cases(connection)["case_id"].tolist()
        append(connection, Event(cases[0], "edit", FIRST, "张三", {"note": (None, "一")}))


def next_run(where: Path | str, _: Path) -> None:
    moved = {"A": "POINT (250 0)", "B": "POINT (700 0)", "D": "POINT (0 300)"}
    with open_ledger(where) as connection:
        toy.run(connection, toy.book(), toy.layers(moved, "o2"), LATER)


def sheet(where: Path | str, _: Path) -> None:
    with open_ledger(where) as connection:
        for number, row in enumerate(read_cases(connection).itertuples(), 1):
            changes = (
                {"progress": (None, f"进展{number}")} if row.progress is None or row.progress != row.progress else {}
            )
            with connection.begin_nested():
                source = {"file": "台账.xlsx", "row": number}
                append(connection, Event(row.case_id, "import", LATER, "李四", changes, source=source), row.version)


def put_back(where: Path | str, file: Path) -> None:
    with open_ledger(where) as connection:
        restore(connection, file)


def first_ledger(where: Path | str) -> None:
    """Make a ledger as the first version of GeoSys did, on either database."""
    tables = (
        (
            "create table cases (case_id varchar primary key, finding_id varchar not null unique, rule varchar not null, subject_layer varchar "
            "not null, subject_id varchar not null, subject_name varchar not null, object_id varchar not null, found_on date not null, due_on "
            "date, lead varchar not null, seen varchar not null, status varchar not null, assigned_lead varchar, assigned_due_on date)"
        ),
        (
            "create table events (event_id integer primary key, case_id varchar not null references cases(case_id), happened_on date not null, "
            "actor varchar not null, move varchar not null, before varchar not null, after varchar not null, reason varchar not null, "
            "evidence varchar not null, second_person varchar not null)"
        ),
        "insert into cases values ('C1','f1','r','s','1','甲','','2026-09-01',null,'ecology','present','assigned','water','2026-12-01')",
        "insert into cases values ('C2','f2','r','s','2','乙','','2026-09-01',null,'ecology','present','found',null,null)",
        "insert into events values (1,'C1','2026-09-01','geosys','found','','found','一句话','','')",
        "insert into events values (2,'C2','2026-09-01','geosys','found','','found','一句话','','')",
        "insert into events values (3,'C1','2026-09-05','张三','assign','found','assigned','急','','')",
    )
    if isinstance(where, Path):
        with closing(sqlite3.connect(where)) as base, base:
            for text in tables:
                base.execute(text)
    else:
        with psycopg.connect(where) as base:
            for text in tables:
                base.execute(text)


def opened(where: Path | str, _: Path) -> None:
    with read_ledger(where):
        pass


def crash_everywhere(where: Path | str, folder: Path, prepare: Any, work: Any) -> int:
    """Kill the work before each of its statements in turn; the ledger must be as before, and the work then goes through."""
    file = folder / "kept.gz"

    def begin() -> None:
        fresh(where)
        prepare(where)

    begin()
    if work is put_back:
        with read_ledger(where) as connection:
            backup(connection, file)
        begin_again, later = begin, next_run

        def begin() -> None:
            begin_again()
            later(where, folder)

        begin()
    before = state(where) if prepare is not first_ledger else None
    work(where, file)
    after = state(where)
    step = int(os.environ.get("GEOSYS_CRASH_STEP", "7"))  # 1: at every statement, some minutes
    for number in range(1, 1000, step):
        begin()
        ended = forked(lambda n=number: (kill_at(n), work(where, file)))
        if ended == 0:
            assert state(where) == after
            return number - 1
        assert ended == -signal.SIGKILL
        with read_ledger(where) as connection:
            assert verify(connection) == [], number
        assert before is None or state(where) == before, f"killed at statement {number}: half of the work is there"
        work(where, file)
        assert state(where) == after, f"killed at statement {number}: the work does not go on"
    raise AssertionError


def state(where: Path | str) -> Any:
    with read_ledger(where) as connection:  # not `runs`: PostgreSQL does not give a number twice
        return rows_of(connection, "cases", "events", "chain", "decisions", "shapes")


@pytest.mark.parametrize(
    ("prepare", "work", "least"),
    [(first_run, next_run, 10), (first_run, sheet, 10), (first_run, put_back, 15), (first_ledger, opened, 20)],
    ids=["run", "import", "restore", "migration"],
)
def test_what_is_killed_at_any_statement_is_not_begun_and_can_be_done_again(
    ledger: Path | str, tmp_path: Path, apart: Apart, prepare: Any, work: Any, least: int
) -> None:
    assert apart(crash_everywhere, ledger, tmp_path, prepare, work) >= least


# --- the program itself ---

TABLE = "outfall_code,name,longitude,latitude\n" + "".join(
    f"P{n},排口{n},{114.3 + n / 100:.2f},34.81\n" for n in range(5)
)


def killed_while_writing(root: Path, *arguments: str) -> None:
    """Start the program and kill it with signal 9 as soon as its ledger is being written."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "geosys", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    journal = root / "cases.sqlite-journal"
    while not journal.exists() and process.poll() is None:
        time.sleep(0.0005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return a workspace of five outfalls inside a source zone."""
    root = tmp_path / "county"
    assert call("init", "--workspace", str(root), "--title", "某县") == 0
    (tmp_path / "排污口.csv").write_text(TABLE, encoding="utf-8")
    ring = [[114.30, 34.80], [114.40, 34.80], [114.40, 34.82], [114.30, 34.82], [114.30, 34.80]]
    named = {"zone_code": "Z1", "zone_name": "一水厂", "level": "一级", "is_marked": "是", "approval_no": "1号"}
    feature = {"type": "Feature", "properties": named, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "zone.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8"
    )
    for file, layer in (("排污口.csv", "outfall"), ("zone.geojson", "source_zone")):
        assert call("add", str(tmp_path / file), "--layer", layer, "--workspace", str(root)) == 0
    return root


def told(root: Path) -> list[list[Any]]:
    with read_ledger(root / "cases.sqlite") as connection:
        assert verify(connection) == []
        events = read_events(connection)
        return events[["case_id", "kind", "changes", "move", "reason"]].to_numpy().tolist()


def test_the_program_killed_in_a_run_and_in_an_import_goes_on_where_it_was(county: Path) -> None:
    other = county.with_name("other")
    shutil.copytree(county, other)
    run = ("run", "--today", "2026-09-30", "--workspace")
    killed_while_writing(county, *run, str(county))
    assert told(county) == []
    for root in (county, other):
        assert call(*run, str(root)) == 0
    assert told(county) == told(other)
    assert len(told(county)) >= 5
    book = county / "台账.xlsx"
    assert call("cases", "export", "--out", str(book), "--workspace", str(county)) == 0
    sheet = openpyxl.load_workbook(book)
    page = sheet.worksheets[0]
    column = next(c.column for row in page.iter_rows(max_row=3) for c in row if c.value == "备注")
    rows = [row for row in range(3, page.max_row + 1) if str(page.cell(row, 1).value).startswith("C")]
    for row in rows:
        page.cell(row, column).value = f"第{row}行"
    sheet.save(book)
    before, take = told(county), ("cases", "import", str(book), "--apply", "--by", "张三", "--workspace", str(county))
    killed_while_writing(county, *take)
    assert told(county) == before
    assert call(*take) == 0
    assert len(told(county)) == len(before) + len(rows)
    assert told(county)[: len(before)] == before

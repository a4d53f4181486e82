"""Laws of the ledger, held against random histories on both databases by a reading of the events that is not ours."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tomllib
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

import cases_toy as toy
import pytest
import sqlalchemy as sa
from conftest import ROOT
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from geosys._errors import ConflictError, GeoSysError, SpecError, WorkspaceError
from geosys.cases.assess import assess
from geosys.cases.findings import findings_of, outcome_rows
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.decisions import decide_false_hit
from geosys.cases.ledger.events import Event, append, append_all, cases_as_of, read_cases, read_events, replayed, verify
from geosys.cases.ledger.extensions import extend_case
from geosys.cases.ledger.merging import merge_cases, split_case
from geosys.cases.ledger.moves import assign_cases, move_case
from geosys.cases.ledger.reconciliation import reconcile
from geosys.cases.ledger.safekeeping import backup, restore
from geosys.cases.ledger.tables import METADATA
from geosys.cases.workflow import read_workflow

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

WORKFLOW = read_workflow(ROOT)
MOVES = tomllib.loads((ROOT / "cases" / "workflow.toml").read_text(encoding="utf-8"))["moves"]
START = dt.date(2026, 9, 1)
FIELDS_OF_RUNS = {
    "finding_id", "rule", "subject_layer", "subject_id", "subject_name", "object_id", "found_on", "due_on", "lead", "seen",
}  # fmt: skip
SAID = {
    "lead": "water", "evidence": "照片1", "reason": "依据", "second_person": "李四", "handling": "依法取缔", "measures": "封堵", "person": "王五",
    "papers": {"photos": "档案1"},
}  # fmt: skip

# --- an own reading of what was written: rows as the database has them, no word of the program ---

Rows = list[dict[str, Any]]


def rows_of(connection: sa.Connection, table: str, order: str) -> Rows:
    rows = connection.execute(sa.text(f"select * from {table} order by {order}")).mappings()  # noqa: S608  names of ours
    return [{name: str(v) if isinstance(v, dt.date) else v for name, v in row.items()} for row in rows]


def folded(events: Rows, day: str = "9999") -> dict[str, dict[str, Any]]:
    """Return the cases of an evening: the last value of each field, how many events, and the last day of each side."""
    cases: dict[str, dict[str, Any]] = defaultdict(dict)
    for event in events:
        if event["happened_on"] > day:
            continue
        case, told = cases[event["case_id"]], json.loads(event["changes"])
        told.pop("move", None)
        case["version"] = case.get("version", 0) + 1
        by_machine = event["actor"] == "geosys" if not told else bool(FIELDS_OF_RUNS & told.keys())
        by_person = event["actor"] != "geosys" if not told else bool(told.keys() - FIELDS_OF_RUNS)
        case |= {"machine_on": event["happened_on"]} if by_machine else {}
        case |= {"human_on": event["happened_on"]} if by_person else {}
        for name, (was, now) in told.items():
            assert case.get(name) == was, (event["sequence"], name)
            case[name] = now
    return cases


def same(frame: pd.DataFrame, cases: dict[str, dict[str, Any]]) -> bool:
    plain = {row["case_id"]: plain_row(row) for row in frame_rows(frame)}
    return plain == {key: dict.fromkeys(frame.columns) | case | {"case_id": key} for key, case in cases.items()}


def check_chain(events: Rows, head: Rows) -> None:
    last = "0" * 64
    for number, event in enumerate(events, 1):
        said = [event[k] for k in event if k != "hash"]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        assert (event["sequence"], event["previous_hash"]) == (number, last)
        last = event["hash"]
        assert last == hashlib.sha256(text.encode()).hexdigest()
    assert [(h["sequence"], h["hash"]) for h in head] == ([(len(events), last)] if events else [])


def check_lawful(events: Rows) -> None:
    """Check that only moves of the workflow changed a state, and machines nothing of people's."""
    first = set()
    for event in events:
        told = json.loads(event["changes"])
        named = told.pop("move", (None, ""))[1]
        if "status" in told and event["case_id"] in first and event["kind"] != "split":
            was, now = told["status"]
            assert event["kind"] == "move"
            assert was in MOVES[named]["from"]
            assert now == MOVES[named]["to"]
        if event["case_id"] in first and event["actor"] == "geosys":
            assert told.keys() <= FIELDS_OF_RUNS
        first.add(event["case_id"])


# --- what runs find, judged by the engine once for each scene ---

PLACES = (None, "POINT (200 0)", "POINT (200.3 0)", "POINT (400 0)", "POINT (800 0)")
ZONES = (None, "POLYGON ((190 -50, 300 -50, 300 50, 190 50, 190 -50))", "POLYGON ((195 -50, 300 -50, 300 50, 195 50, 195 -50))")  # fmt: skip
Scene = tuple[tuple[int, ...], int, float]
SCENES = st.tuples(
    st.tuples(*[st.sampled_from((1, 2, 3, 3, 4, 0))] * 3), st.sampled_from((0, 1, 2)), st.sampled_from((300.0, 500.0))
)


@cache
def judged(scene: Scene) -> tuple[Any, ...]:
    places, zone, distance = scene
    rules = toy.book(distance_m=distance, version=f"v{distance:g}")
    outfalls = {name: text for name, number in zip("ABC", places, strict=True) if (text := PLACES[number])}
    zones = {"Z": text} if (text := ZONES[zone]) else {}
    layers = toy.layers(outfalls, f"o{places}", zones, f"z{zone}")
    assessed = [assess(r, layers, toy.CRS, START) for r in rules.rules.values()]
    rows = outcome_rows(assessed)
    rows = rows[rows["outcome"] != "not_assessed"]
    pairs = set(zip(rows["rule"], rows["subject_id"], strict=True))
    return rules, layers, pairs, findings_of(assessed, layers, rules, toy.CRS)


def run(connection: sa.Connection, scene: Scene, day: dt.date) -> None:
    rules, layers, pairs, found = judged(scene)
    reconcile(connection, found, pairs, rules, day, layers=layers, program="GeoSys 1", crs=toy.CRS)


# --- random histories ---

PICK = st.integers(0, 99)
DAYS_ON = st.sampled_from((0, 0, 1, 1, 2, 9, -1))


class Histories(RuleBasedStateMachine):
    """Drive a ledger as offices do, and hold it after each step against its own rows."""

    where: Path | str
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.day = START
        self.events: Rows = []
        self.human: dict[str, Any] = {}
        self.lived: dict[dt.date, Rows] = {}  # the cases as they stood each evening
        self.kept: tuple[Path, Rows, dict[dt.date, Rows], Rows] | None = None
        self.saved = 0
        with open_ledger(self.where) as connection:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(sa.delete(table))

    # what is known before a step

    def cases(self) -> Rows:
        with read_ledger(self.where) as connection:
            return rows_of(connection, "cases", "case_id")

    def pick(self, number: int) -> dict[str, Any]:
        cases = self.cases()
        return cases[number % len(cases)]

    def is_late(self, *cases: dict[str, Any]) -> bool:
        return any(case["human_on"] and case["human_on"] > str(self.day) for case in cases)

    def tried(self, write: Any, *, may: bool, error: type[Exception] = WorkspaceError) -> bool:
        """Write in one transaction; what may not be written raises, and leaves no trace."""
        if may:
            with open_ledger(self.where) as connection:
                write(connection)
            return True
        with pytest.raises(error), open_ledger(self.where) as connection:
            write(connection)
        return False

    # steps

    @rule(on=DAYS_ON)
    def time_passes(self, on: int) -> None:
        self.day = max(START, self.day + dt.timedelta(days=on))
        for late in [day for day in self.lived if day >= self.day]:
            del self.lived[late]  # what is dated back is seen from then on

    @rule(scene=SCENES, on=DAYS_ON)
    def a_run_on_another_day(self, scene: Scene, on: int) -> None:
        self.time_passes(on)
        self.a_run(scene)

    @rule(scene=SCENES)
    def a_run(self, scene: Scene) -> None:
        people = {c["case_id"]: {k: v for k, v in c.items() if k not in FIELDS_OF_RUNS} for c in self.cases()}
        try:
            with open_ledger(self.where) as connection:
                run(connection, scene, self.day)
        except WorkspaceError as error:
            if "or later" not in str(error):
                raise
            assert any(c["machine_on"] > str(self.day) for c in self.cases())
            return
        with open_ledger(self.where) as connection:
            once = [rows_of(connection, name, "1, 2") for name in ("events", "cases", "findings", "runs", "decisions")]
            run(connection, scene, self.day)
            again = [rows_of(connection, name, "1, 2") for name in ("events", "cases", "findings", "runs", "decisions")]
        assert again == once
        for case in once[1]:
            if case["case_id"] in people:
                told = {k: v for k, v in case.items() if k not in (*FIELDS_OF_RUNS, "version", "machine_on")}
                assert told == {k: v for k, v in people[case["case_id"]].items() if k not in ("version", "machine_on")}

    @precondition(lambda self: self.events)
    @rule(number=PICK, move=st.sampled_from(sorted(MOVES)), is_stale=st.sampled_from((False, False, False, True)))
    def a_move(self, number: int, move: str, is_stale: bool) -> None:
        case = self.pick(number)
        move = next((m for m in sorted(MOVES)[number % 7 :] if case["status"] in MOVES[m]["from"]), move)
        allowed = case["status"] in MOVES[move]["from"] and not case["merged_into"] and not self.is_late(case)
        told = SAID | {"due_on": self.day + dt.timedelta(days=20), "done_on": self.day}
        expected = case["version"] - is_stale
        self.tried(
            lambda c: move_case(c, case["case_id"], move, WORKFLOW, actor="张三", today=self.day, expected_version=expected, **told),
            may=allowed and not is_stale, error=ConflictError if is_stale else WorkspaceError,
        )  # fmt: skip

    @precondition(lambda self: self.events)
    @rule(number=PICK, move=st.sampled_from(sorted(MOVES)))
    def a_move_that_may_be_unlawful(self, number: int, move: str) -> None:
        case = self.pick(number)
        allowed = case["status"] in MOVES[move]["from"] and not case["merged_into"] and not self.is_late(case)
        told = SAID | {"due_on": self.day + dt.timedelta(days=20), "done_on": self.day}
        self.tried(
            lambda c: move_case(c, case["case_id"], move, WORKFLOW, actor="张三", today=self.day, **told), may=allowed
        )

    @precondition(lambda self: self.events)
    @rule(number=PICK, lead=st.sampled_from(("water", "ecology")))
    def changing_hands(self, number: int, lead: str) -> None:
        names = [self.pick(number)["case_id"], self.pick(number + 1)["case_id"]]
        try:
            with open_ledger(self.where) as connection:
                assign_cases(connection, names, WORKFLOW, actor="张三", today=self.day, lead=lead, reason="转办")
        except GeoSysError:
            assert self.read() == self.events

    @precondition(lambda self: self.events)
    @rule(
        number=PICK,
        field=st.sampled_from(("note", "person", "progress")),
        text=st.sampled_from((None, "甲", "二\n行", "=1+1", "😀")),
    )
    def an_import(self, number: int, field: str, text: str | None) -> None:
        case = self.pick(number)
        source = {"file": "台账.xlsx", "row": number, "cell": f"K{number}"}
        event = Event(
            case["case_id"], "import", self.day, "赵六", {field: (case[field], text)}, reason="回收", source=source
        )
        self.tried(lambda c: append(c, event, case["version"]), may=not self.is_late(case))

    @precondition(lambda self: self.events)
    @rule(number=PICK)
    def a_sheet_with_one_bad_row(self, number: int) -> None:
        one, two = self.pick(number), self.pick(number + 1)
        good = Event(
            one["case_id"], "import", max(self.day, dt.date(2030, 1, 1)), "赵六", {"note": (one["note"], "新")}
        )
        bad = [
            Event(two["case_id"], "import", dt.date(2030, 1, 1), "赵六", {"person": ("没有这个人", "新")}),
            Event(two["case_id"], "import", dt.date(2030, 1, 1), "赵六", {"status": (two["status"], None)}),
            Event("C没有", "import", dt.date(2030, 1, 1), "赵六", {"status": (None, "found")}),
            Event(two["case_id"], "edit", dt.date(2030, 1, 1), "geosys", {"status": (two["status"], "closed")}),
        ][number % 4]
        wrong: Any = (ConflictError, SpecError)
        self.tried(lambda c: append_all(c, [good, bad]), may=False, error=wrong)

    @precondition(lambda self: self.events)
    @rule(number=PICK, days=st.integers(-3, 40))
    def an_extension(self, number: int, days: int) -> None:
        case = self.pick(number)
        due_on = dt.date.fromisoformat(case["assigned_due_on"] or case["due_on"]) + dt.timedelta(days=days)
        told = {k: SAID[k] for k in ("reason", "evidence", "second_person")}
        try:
            with open_ledger(self.where) as connection:
                extend_case(connection, case["case_id"], WORKFLOW, actor="张三", today=self.day, due_on=due_on, **told)
        except GeoSysError:
            assert self.read() == self.events
        else:
            assert 0 < days <= 30

    @precondition(lambda self: self.events)
    @rule(number=PICK)
    def a_false_hit(self, number: int) -> None:
        case = self.pick(number)
        told = {"actor": "张三", "second_person": "李四", "reason": "贴边"}
        try:
            with open_ledger(self.where) as connection:
                decide_false_hit(connection, case["case_id"], WORKFLOW, today=self.day, tolerance_m=0.5, **told)
        except GeoSysError:
            assert self.read() == self.events

    @precondition(lambda self: len({e["case_id"] for e in self.events}) > 1)
    @rule(number=PICK, other=PICK)
    def a_merge(self, number: int, other: int) -> None:
        heir, merged = self.pick(number), self.pick(other)
        may = heir["case_id"] != merged["case_id"] and heir["status"] not in ("closed", "dismissed")
        may = may and not heir["merged_into"] and not merged["merged_into"] and not self.is_late(heir, merged)
        ids = heir["case_id"], [merged["case_id"]]
        self.tried(lambda c: merge_cases(c, *ids, actor="张三", reason="同一地块", today=self.day), may=may)

    @precondition(lambda self: self.events)
    @rule(number=PICK)
    def a_split(self, number: int) -> None:
        with read_ledger(self.where) as connection:
            found = rows_of(connection, "findings", "finding_id")
        members = defaultdict(list)
        for row in found:
            members[row["case_id"]].append(row["finding_id"])
        cases = {case["case_id"]: case for case in self.cases()}
        wide = sorted(key for key, names in members.items() if key and len(names) > 1)
        if not wide:
            return
        case = cases[wide[number % len(wide)]]
        own = members[case["case_id"]]
        resting = [c for c in cases.values() if c["merged_into"] == case["case_id"] and c["finding_id"] == own[0]]
        self.tried(
            lambda c: split_case(c, case["case_id"], own[:1], actor="张三", reason="分开", today=self.day),
            may=not self.is_late(case, *resting),
        )

    @precondition(lambda self: self.events)
    @rule()
    def a_backup(self) -> None:
        self.saved += 1
        file = self.folder / f"{id(self)}-{self.saved}.gz"
        with read_ledger(self.where) as connection:
            backup(connection, file)
            others = rows_of(connection, "findings", "finding_id")
        self.kept = file, list(self.events), dict(self.lived), others

    @precondition(lambda self: self.kept)
    @rule()
    def a_restore(self) -> None:
        assert self.kept
        file, self.events, lived, others = self.kept
        self.lived = {day: cases for day, cases in lived.items() if day < self.day}
        with open_ledger(self.where) as connection:
            restore(connection, file)
            assert rows_of(connection, "findings", "finding_id") == others
        assert self.read() == self.events

    # laws

    def read(self) -> Rows:
        with read_ledger(self.where) as connection:
            return rows_of(connection, "events", "sequence")

    @invariant()
    def laws_hold(self) -> None:
        with read_ledger(self.where) as connection:
            events, cases = rows_of(connection, "events", "sequence"), read_cases(connection)
            found = rows_of(connection, "findings", "finding_id")
            head = rows_of(connection, "chain", "id")
            assert events[: len(self.events)] == self.events, "an event was lost or changed"
            check_chain(events, head)
            check_lawful(events)
            assert verify(connection) == []
            assert same(cases, folded(events)), "a case is not the sum of its events"
            assert replayed(read_events(connection)).equals(cases)
            days = sorted({e["happened_on"] for e in events})
            for day in {*days[-2:], *days[:1], str(self.day)}:
                assert same(cases_as_of(connection, dt.date.fromisoformat(day)), folded(events, day)), day
            for day, rows in [(d, r) for d, r in self.lived.items() if d < self.day][-2:]:
                assert rows == [plain_row(r) for r in frame_rows(cases_as_of(connection, day))], day
        merged = {c["case_id"]: c["merged_into"] for c in frame_rows(cases)}
        for row in found:
            worthy = row["outcome"] in ("hit", "needs_review")
            assert row["case_id"] in merged if worthy or row["case_id"] else True
            assert not merged.get(row["case_id"]), "a finding belongs to a case that stands for itself"
        assert all(heir in merged for heir in merged.values() if heir)
        self.events = events
        if all(event["happened_on"] <= str(self.day) for event in events):
            self.lived[self.day] = [plain_row(r) for r in frame_rows(cases)]


def frame_rows(frame: pd.DataFrame) -> Rows:
    columns = [[None if v is None or v != v else v for v in frame[name].tolist()] for name in frame.columns]  # noqa: PLR0124
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    return {k: str(v) if isinstance(v, dt.date) else v for k, v in row.items()}


def test_every_history_keeps_the_laws(ledger: Path | str, tmp_path: Path) -> None:
    machine = type("Here", (Histories,), {"where": ledger, "folder": tmp_path})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8 if isinstance(ledger, os.PathLike) else 3,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=checks,
            phases=[Phase.generate],  # a shorter history is not worth the minutes that a database takes to find it
        ),
    )


# --- what a ledger may never take in, and damage it has to name ---


def opened(case_id: str, **fields: Any) -> Event:
    given = {
        "finding_id": "f", "rule": "r", "subject_layer": "s", "subject_id": "1", "subject_name": "甲", "object_id": "", "found_on": START,
        "lead": "ecology", "seen": "present", "status": "found",
    } | fields  # fmt: skip
    return Event(case_id, "found", START, "geosys", {name: (None, value) for name, value in given.items()})


@pytest.mark.parametrize(
    "event",
    [
        Event("A", "edit", START, "张三", {"note": (None, 5)}),
        Event("A", "edit", START, "张三", {"note": (None, START)}),
        Event("A", "edit", START, "张三", {"note": (None, "一\x00二")}),
        Event("A", "edit", START, "张三", {"note": (None, "半个\ud83d")}),
        Event("A", "edit", START, "张三", {"note": (None, "一")}, reason="一\x00二"),
        Event("A", "edit", START, "张三", {"done_on": (None, dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC))}),
        Event("A", "edit", START, "张三", {"done_on": (None, "2026-09-01")}),
        Event("A", "edit", dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC), "张三"),
        Event("A", "edit", START, "张三", {"status": ("found", None)}),
        opened("B", status=None),
    ],
)
def test_a_value_that_would_be_kept_as_another_is_refused(ledger: Path | str, event: Event) -> None:
    with open_ledger(ledger) as connection:
        append(connection, opened("A"))
    with pytest.raises(SpecError), open_ledger(ledger) as connection:
        append(connection, event)
    with read_ledger(ledger) as connection:
        assert len(read_events(connection)) == 1
        assert verify(connection) == []


@pytest.mark.parametrize(
    "damage", ["changes = 'x'", "changes = '[1]'", "happened_on = 'soon'", "changes = '{\"note\": 1}'"]
)
def test_an_event_that_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path, damage: str) -> None:
    with open_ledger(tmp_path / "l") as connection:
        append_all(connection, [opened("A"), Event("A", "edit", START, "张三", {"note": (None, "一")})])
    with open_ledger(tmp_path / "l") as connection:
        connection.execute(sa.text(f"update events set {damage} where sequence = 2"))  # noqa: S608
    with read_ledger(tmp_path / "l") as connection:
        breaks = verify(connection)
    assert (2, "A") in [(b.sequence, b.case_id) for b in breaks]
    assert any("cannot be read" in b.what.en for b in breaks)


def test_a_version_seen_of_a_case_that_is_not_written_counts_too(ledger: Path | str) -> None:
    with open_ledger(ledger) as connection:
        append_all(connection, [opened("A"), opened("B")])
        append_all(connection, [Event("A", "edit", START, "张三", {"note": (None, "一")})], {"A": 1, "B": 1})
    with pytest.raises(ConflictError, match="case A"), open_ledger(ledger) as connection:
        append_all(connection, [Event("B", "edit", START, "张三", {"note": (None, "一")})], {"A": 1})


def test_a_byte_of_a_backup_that_is_another_is_noticed(tmp_path: Path) -> None:
    where, file = tmp_path / "l", tmp_path / "b.gz"
    with open_ledger(where) as connection:
        append_all(connection, [opened("A"), opened("B")])
        backup(connection, file)
    whole = file.read_bytes()
    with open_ledger(where) as connection:
        before = rows_of(connection, "events", "sequence")
    for place in range(whole.index(b"\0", 10) + 1, len(whole) - 8, 7):  # past the header, which only names the file
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(WorkspaceError), open_ledger(where) as connection:
            restore(connection, file)
    with read_ledger(where) as connection:
        assert rows_of(connection, "events", "sequence") == before


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "甲县?mode=ro#1 100%25"
    with open_ledger(folder / "cases.sqlite") as connection:
        append(connection, opened("A"))
    assert (folder / "cases.sqlite").is_file()

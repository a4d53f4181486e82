"""Measure the ledger of cases at 10,000 cases of 20 events each: `./geo bench cases`.

Asked: the list with what is due and to be done, the list of one office, the reconciliation of a run that finds the same and of
one that finds one case in ten changed, the cases of a past day, and the verification of the chain. Plain: what a script
would do with sqlite3 and pandas on the same database, without versions, chain, causes or life cycle. Time
by the clock and processor time (user + system) are both told; the goal of lists and reconciliation is 2 s by the clock. `same`
says that ours and the plain way have as many rows, or that the chain is whole.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geosys._schema import LayerSchema, UsableLayer
from geosys._text import Text
from geosys.cases.deadlines import read_deadlines
from geosys.cases.findings import finding_id
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import Event, append_all, cases_as_of, read_cases, verify
from geosys.cases.ledger.reconciliation import reconcile
from geosys.cases.todo import Terms, agenda, todo
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import read_calendar
from geosys.rooms import read_content

RULE, LAYER, OFFICE = "outfall_near_section", "outfall", "water"
FIRST, GOAL_S = dt.date(2026, 1, 5), 2.0
WITH_GOAL = ("list", "filter", "reconcile", "reconcile, 1 in 10 changed")
CRS = "EPSG:4547"
SAID = {
    "outcome": "hit",
    "sentence_zh": "距断面过近",
    "sentence_en": "too near",
    "severity": "error",
    "unit": "m",
    "rule_version": "1",
}


def main() -> int:
    """Run the comparison; 0 when every answer agrees with the plain way, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="geo bench cases", description="Measure the ledger of cases.")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=20, help="events of each case")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, in turn; medians are shown")
    parser.add_argument("--ledger", help="URL of an empty PostgreSQL database (default: SQLite in a temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="geosys-cases-") as folder:
        where = given.ledger or Path(folder) / "cases.sqlite"
        file = Path(folder) / "cases.sqlite"
        filled_s = timed(lambda: fill(where, given.cases, given.events))[1]
        tell(f"filled: {given.cases * given.events:,} events in {filled_s:.1f} s")
        found = compared(where, None if given.ledger else file, given)
    print(json.dumps({"filled_s": round(filled_s, 2), **found}))
    return 0 if all(part.get("same", True) for part in found.values()) else 1


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def timed(call):
    """Return what a call returns, its processor time, and its time by the clock."""
    began, clock = time.process_time(), time.perf_counter()
    return call(), time.process_time() - began, time.perf_counter() - clock


# --- data ---


def layer_of(count: int, moved: int = 0) -> UsableLayer:
    """Return outfalls in a row, every tenth of the first `moved` ones a metre off."""
    ids = [f"P{n}" for n in range(count)]
    schema = LayerSchema(
        id=LAYER, title=Text(LAYER, LAYER), geometry="", name_field="name", accuracy_m=0.0, disclosure="internal", columns={"name": "text"},
        titles={"name": Text("名称", "name")}, codes={}, disclosures={},
    )  # fmt: skip
    east = (
        500_000.0
        + np.arange(count) * 7.0
        + np.where((np.arange(count) < moved) & (np.arange(count) % 10 == 0), 1.0, 0.0)
    )
    frame = gpd.GeoDataFrame(
        {"feature_id": ids, "name": ids}, geometry=gpd.points_from_xy(east, np.full(count, 3_850_000.0)), crs=CRS
    )
    return UsableLayer(schema, frame, frame.iloc[:0].assign(issue_type=""), f"v{moved}")


def findings_of(count: int, moved: int = 0) -> pd.DataFrame:
    """Return a finding of every outfall."""
    ids = [f"P{n}" for n in range(count)]
    away = 200.0 + np.where((np.arange(count) < moved) & (np.arange(count) % 10 == 0), 1.0, 0.0)
    return pd.DataFrame(
        {
            "finding_id": [finding_id(RULE, LAYER, name, "S") for name in ids], "rule": RULE, "subject_layer": LAYER, "subject_id": ids,
            "subject_name": ids, "object_layer": "section", "object_id": "S", "lead": "ecology", "measure": away, "margin": 500 - away,
            "threshold": 500.0, "object_class": "", **SAID,
        }
    )  # fmt: skip


def run_once(connection, count: int, day: dt.date, book, moved: int = 0) -> pd.DataFrame:
    pairs = {(RULE, f"P{n}") for n in range(count)}
    return reconcile(
        connection,
        findings_of(count, moved),
        pairs,
        book,
        day,
        layers={LAYER: layer_of(count, moved)},
        program="GeoSys",
        crs=CRS,
    )


def fill(where: Path | str, count: int, events: int) -> None:
    """Open the cases by a run; then people assign each and write notes, one a day."""
    book = read_content().book
    with open_ledger(where) as connection:
        names = run_once(connection, count, FIRST, book)["case_id"].tolist()
    due = FIRST + dt.timedelta(days=60)
    with open_ledger(where) as connection:
        changes = {"status": ("found", "assigned"), "assigned_due_on": (None, due)}
        append_all(
            connection,
            [
                Event(
                    n,
                    "move",
                    FIRST,
                    "张三",
                    changes | {"assigned_lead": (None, OFFICE if k % 3 else "ecology")},
                    move="assign",
                )
                for k, n in enumerate(names)
            ],
        )
        for k in range(events - 2):
            note = {"note": (f"第{k}次" if k else None, f"第{k + 1}次")}
            append_all(connection, [Event(n, "edit", FIRST + dt.timedelta(days=k), "张三", note) for n in names])


# --- what is asked ---


def compared(where: Path | str, file: Path | None, given: argparse.Namespace) -> dict[str, dict]:
    content = read_content()
    root = content.catalogue.root
    terms = Terms(read_workflow(root), content.book, read_deadlines(root, content.book), read_calendar(root))
    anew = terms.workflow.get("extension", {}).get("counts_anew", ())
    today = FIRST + dt.timedelta(days=100)
    past = FIRST + dt.timedelta(days=given.events // 2)

    def listed():
        with read_ledger(where) as connection:
            return agenda(read_cases(connection), due_decisions(connection, anew), terms, today)

    def again():
        with open_ledger(where) as connection:
            return run_once(connection, given.cases, today, content.book)

    def changed():
        with open_ledger(where) as connection:
            point = connection.begin_nested()
            cases = run_once(connection, given.cases, today, content.book, moved=given.cases)
            point.rollback()
            return cases

    def as_of():
        with read_ledger(where) as connection:
            return cases_as_of(connection, past)

    def verified():
        with read_ledger(where) as connection:
            return verify(connection)

    asked = {
        "list": (listed, plain_list), "filter": (lambda: todo(listed(), OFFICE), plain_filter), "reconcile": (again, plain_reconcile),
        "reconcile, 1 in 10 changed": (changed, plain_reconcile), "as of a past day": (as_of, plain_as_of), "verify": (verified, None),
    }  # fmt: skip
    report = {}
    for name, (ours, plain) in asked.items():
        runs = [timed(ours) for _ in range(given.runs)]
        told = {"ours_cpu_s": round(statistics.median(s for _, s, _ in runs), 3)}
        told["ours_wall_s"] = round(statistics.median(s for _, _, s in runs), 3)
        if name in WITH_GOAL:
            told["within_goal"] = told["ours_wall_s"] <= GOAL_S
        if plain and file:
            others = [timed(lambda ask=plain: ask(file, given.cases, past)) for _ in range(given.runs)]
            told["plain_cpu_s"] = round(statistics.median(s for _, s, _ in others), 3)
            told["ratio"] = round(told["ours_cpu_s"] / told["plain_cpu_s"], 1)
            told["same"] = len(others[-1][0]) == len(runs[-1][0])
        elif name == "verify":
            told["same"] = runs[-1][0] == []
        report[name] = told
        tell(f"{name}: {told}")
    return report


# --- the plain way ---


def read_sql(file: Path, question: str, *values: str) -> pd.DataFrame:
    with closing(sqlite3.connect(file)) as base:
        return pd.read_sql_query(question, base, params=values)


def plain_list(file: Path, _: int, __: dt.date) -> pd.DataFrame:
    return read_sql(file, "select *, coalesce(assigned_due_on, due_on) as due from cases order by due")


def plain_filter(file: Path, _: int, __: dt.date) -> pd.DataFrame:
    return read_sql(file, "select * from cases where coalesce(assigned_lead, lead) = ? and status = 'assigned'", OFFICE)


def plain_reconcile(file: Path, count: int, _: dt.date) -> pd.DataFrame:
    cases = read_sql(file, "select finding_id, case_id, status, seen from cases")
    return findings_of(count).merge(cases, on="finding_id", how="outer", indicator=True)


def plain_as_of(file: Path, _: int, day: dt.date) -> pd.DataFrame:
    """Unfold the changes and take the last value of each field."""
    events = read_sql(file, "select case_id, changes from events where happened_on <= ? order by sequence", str(day))
    rows = [
        (case, field, now)
        for case, text in zip(events["case_id"], events["changes"], strict=True)
        for field, (_, now) in json.loads(text).items()
    ]
    told = pd.DataFrame(rows, columns=["case_id", "field", "value"]).drop_duplicates(["case_id", "field"], keep="last")
    return told.set_index(["case_id", "field"])["value"].unstack()  # noqa: PD010


if __name__ == "__main__":
    raise SystemExit(main())

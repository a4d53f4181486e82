"""The first ledger: one case a finding that hits, kept in the workspace's database, never lost by a re-run.

Machine columns (what runs saw) and human columns (what people decided) are apart; only a person moves a case.
«Cases» of the plan makes events, deadlines and exchange out of it.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys._faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from geosys.cases.rules import RuleBook

PRESENT, GONE, RETURNED, UNSEEN = "present", "no_longer_found", "returned", "not_assessed"
FOUND = "found"
_METADATA = sa.MetaData()
_CASES = sa.Table(
    "cases",
    _METADATA,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("finding_id", sa.String, unique=True, nullable=False),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("subject_layer", sa.String, nullable=False),
    sa.Column("subject_id", sa.String, nullable=False),
    sa.Column("subject_name", sa.String, nullable=False),
    sa.Column("object_id", sa.String, nullable=False),
    sa.Column("found_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date),
    sa.Column("lead", sa.String, nullable=False),
    sa.Column("seen", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("assigned_lead", sa.String),
    sa.Column("assigned_due_on", sa.Date),
)
_EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.String, sa.ForeignKey("cases.case_id"), nullable=False),
    sa.Column("happened_on", sa.Date, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("move", sa.String, nullable=False),
    sa.Column("before", sa.String, nullable=False),
    sa.Column("after", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("evidence", sa.String, nullable=False),
    sa.Column("second_person", sa.String, nullable=False),
)
MACHINE = "geosys"


@contextmanager
def open_ledger(path: Path) -> Iterator[sa.Connection]:
    """Open the ledger of a workspace for one transaction: all of it is written, or nothing.

    Raises
    ------
    WorkspaceError
        When the database is damaged or locked by another run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    try:
        with engine.begin() as connection:
            _METADATA.create_all(connection)
            yield connection
    except sa.exc.OperationalError as error:
        raise WorkspaceError(
            f"{path.name}: got {error.orig}, expected a free ledger. Wait for the other run, then try again."
        ) from None
    except sa.exc.DatabaseError as error:
        raise WorkspaceError(
            f"{path.name}: got {error.orig}, expected a ledger. Restore it from a backup; nothing was written."
        ) from None
    finally:
        engine.dispose()


def reconcile(
    connection: sa.Connection,
    findings: pd.DataFrame,
    judged: AbstractSet[tuple[str, str]],
    book: RuleBook,
    today: dt.date,
) -> pd.DataFrame:
    """Bring the ledger up to a run's findings and return the case of each finding.

    A new hit opens a case; a known one stays its case; one that vanished is marked *no longer found* if its rule
    was judged for its subject in this run, else *not assessed*; one that came back is *returned*. No human column changes.

    Parameters
    ----------
    findings
        The finding table; only rows with outcome ``hit`` or ``needs_review`` open cases.
    judged
        Pairs (rule, subject id) that this run could judge.

    Returns
    -------
    Columns `finding_id`, `case_id`, `found_on`, `due_on`, `status`, `seen`, in the order of the findings that have a case.
    """
    known = {row["finding_id"]: dict(row) for row in connection.execute(sa.select(_CASES)).mappings()}
    worthy = findings[findings["outcome"].isin(["hit", "needs_review"])].drop_duplicates("finding_id")
    now = set(worthy["finding_id"])
    for row in worthy.to_dict("records"):
        case = known.get(row["finding_id"])
        if case is None:
            _open_case(connection, row, book, today)
        elif case["seen"] == GONE:
            _see(connection, case, RETURNED, today)
        elif case["seen"] == UNSEEN:
            _see(connection, case, PRESENT, today)
    for name, case in known.items():
        if name not in now:
            seen = GONE if (case["rule"], case["subject_id"]) in judged else UNSEEN
            if case["seen"] != seen and not (case["seen"] == GONE and seen == UNSEEN):
                _see(connection, case, seen, today)
    cases = read_cases(connection)
    decided = cases["assigned_due_on"].notna()
    cases["due_on"] = cases["assigned_due_on"].where(decided, cases["due_on"])
    return cases[["finding_id", "case_id", "found_on", "due_on", "status", "seen"]]


def _open_case(connection: sa.Connection, row: Mapping[str, Any], book: RuleBook, today: dt.date) -> None:
    rule = book.rules[row["rule"]]
    due = rule.due_on or (today + dt.timedelta(days=rule.due_days) if rule.due_days is not None else None)
    stated = row["due_field_on"]
    if rule.due_field and isinstance(stated, dt.date):
        due = stated
    case_id = f"C{row['finding_id']}"
    values = {
        k: row[k] for k in ("finding_id", "rule", "subject_layer", "subject_id", "subject_name", "object_id", "lead")
    }
    connection.execute(
        sa.insert(_CASES).values(case_id=case_id, found_on=today, due_on=due, seen=PRESENT, status=FOUND, **values)
    )
    _note(connection, case_id, today, MACHINE, ("found", "", FOUND, row["sentence_zh"]))


def _see(connection: sa.Connection, case: Mapping[str, Any], seen: str, today: dt.date) -> None:
    connection.execute(sa.update(_CASES).where(_CASES.c.case_id == case["case_id"]).values(seen=seen))
    _note(connection, case["case_id"], today, MACHINE, ("seen", case["seen"], seen, ""))


def _note(
    connection: sa.Connection, case_id: str, day: dt.date, actor: str, change: tuple[str, str, str, str], **more: str
) -> None:
    move, before, after, reason = change
    values = {"case_id": case_id, "happened_on": day, "actor": actor, "move": move, "before": before, "after": after}
    stated = {"reason": reason, "evidence": more.get("evidence", ""), "second_person": more.get("second_person", "")}
    connection.execute(sa.insert(_EVENTS).values(**values, **stated))


def read_cases(connection: sa.Connection) -> pd.DataFrame:
    """Return all cases in order of their ids, with all columns of the ledger."""
    rows = connection.execute(sa.select(_CASES).order_by(_CASES.c.case_id)).mappings()
    return pd.DataFrame([dict(r) for r in rows], columns=[c.name for c in _CASES.columns])


def read_events(connection: sa.Connection, case_id: str) -> pd.DataFrame:
    """Return the history of one case in the order it happened."""
    rows = connection.execute(
        sa.select(_EVENTS).where(_EVENTS.c.case_id == case_id).order_by(_EVENTS.c.event_id)
    ).mappings()
    return pd.DataFrame([dict(r) for r in rows], columns=[c.name for c in _EVENTS.columns])


def move_case(
    connection: sa.Connection,
    case_id: str,
    move: str,
    workflow: Mapping[str, Any],
    *,
    actor: str,
    today: dt.date,
    **given: Any,
) -> str:
    """Make one lawful move of a case in a person's name and return its new state.

    Parameters
    ----------
    given
        What the move needs, as `cases/workflow.toml` lists it: `lead` (an office), `due_on` (a date), `evidence`,
        `reason`, `second_person` (another one than the actor).

    Raises
    ------
    WorkspaceError
        When the case or move is unknown, not allowed from the case's state, or lacks what it needs; nothing is written.
    """
    case = connection.execute(sa.select(_CASES).where(_CASES.c.case_id == case_id)).mappings().first()
    if case is None:
        raise WorkspaceError(f"case: got '{case_id}', expected a case of this ledger. See 'geosys cases list'.")
    moves = workflow["moves"]
    allowed = [name for name, m in moves.items() if case["status"] in m["from"]]
    if move not in allowed:
        raise WorkspaceError(
            f"case {case_id}: got the move '{move}' from state '{case['status']}', expected one of: {', '.join(allowed)}. "
            + nearest(move, allowed)
        )
    lacking = [] if actor.strip() else ["by"]
    lacking += [need for need in moves[move].get("needs", []) if not str(given.get(need) or "").strip()]
    if lacking:
        raise WorkspaceError(
            f"case {case_id}: got the move '{move}' without {', '.join(lacking)}, expected all it needs. "
            f"Give --{', --'.join(name.replace('_', '-') for name in lacking)}."
        )
    if given.get("second_person") and str(given["second_person"]).strip() == actor.strip():
        raise WorkspaceError(
            f"case {case_id}: got '{actor}' twice, expected a second person. Have someone else confirm the move."
        )
    target = str(moves[move]["to"])
    changes = {"status": target, "assigned_lead": given.get("lead"), "assigned_due_on": given.get("due_on")}
    kept = {name: value for name, value in changes.items() if value}
    connection.execute(sa.update(_CASES).where(_CASES.c.case_id == case_id).values(**kept))
    stated = {name: str(given.get(name) or "").strip() for name in ("evidence", "second_person")}
    reason = str(given.get("reason") or "").strip()
    _note(connection, case_id, today, actor.strip(), (move, case["status"], target, reason), **stated)
    return target

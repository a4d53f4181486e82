"""Decisions: a person's word that a finding is no case, which holds as long as the two geometries stay where they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.boundaries import moved_m
from geosys.cases.ledger.events import Event, append
from geosys.cases.ledger.finding_rows import read_shapes
from geosys.cases.ledger.moves import move_case
from geosys.cases.ledger.tables import CASES, DECISIONS, FINDINGS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

DISMISS, DISMISSED = "dismiss", "dismissed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold a decision that stood before this run: its row, and how far a boundary has moved since (None: it holds)."""

    row: Mapping[str, Any]
    moved_m: float | None
    side: str = ""

    @property
    def note(self) -> str:
        """Return the decision as it is shown beside its finding."""
        return f"{self.row['reason']}（{self.row['actor']}、{self.row['second_person']} {self.row['decided_on']}）"

    def ended(self) -> Text:
        """Return why it holds no longer."""
        titles = {"subject": Text("主体", "subject"), "object": Text("对象", "object")}[self.side]
        far = "—" if self.moved_m is None or self.moved_m == float("inf") else f"{self.moved_m:.2f} m"
        limit = f"{self.row['tolerance_m']:g} m"
        return Text(
            f"{titles.zh}边界移动 {far}，超过容差 {limit}",
            f"boundary of the {titles.en} moved {far}, tolerance {limit}",
        )


def decide_false_hit(
    connection: sa.Connection,
    case_id: str,
    workflow: Mapping[str, Any],
    *,
    actor: str,
    second_person: str,
    reason: str,
    tolerance_m: float,
    today: dt.date,
    expected_version: int | None = None,
    recorded_at: str = "",
) -> list[int]:
    """Dismiss a case as a false hit ("贴边, 界址误差"), and keep where its findings' geometries lie.

    The case is dismissed by the move of the workflow, unless it is already. As long as no boundary leaves the tolerance,
    runs leave the case alone; when one does, the finding returns with this reason.

    Parameters
    ----------
    tolerance_m
        How far either boundary may move, m; more than 0.

    Returns
    -------
    The numbers of the decisions, one for each finding of the case that was found last time.

    Raises
    ------
    WorkspaceError
        When the case has no finding with a geometry, the tolerance is not above 0, or the move is refused.
    """
    if not 0 < tolerance_m < float("inf"):
        raise WorkspaceError(
            f"decision: got tolerance {tolerance_m} m, expected more than 0. Name the survey's accuracy."
        )
    chosen = sa.select(FINDINGS).where(FINDINGS.c.case_id == case_id).order_by(FINDINGS.c.finding_id)
    found = [row for row in connection.execute(chosen).mappings() if row["subject_digest"]]
    case = connection.execute(sa.select(CASES).where(CASES.c.case_id == case_id)).mappings().first()
    if case is None or not found:
        raise WorkspaceError(
            f"case: got '{case_id}', expected a case with a finding that has a place. See 'geosys cases list', or run first."
        )
    given: dict[str, Any] = {"actor": actor.strip(), "second_person": second_person.strip(), "reason": reason.strip()}
    if case["status"] != DISMISSED:
        move_case(
            connection, case_id, DISMISS, workflow, today=today, expected_version=expected_version, recorded_at=recorded_at, **given
        )  # fmt: skip
        expected_version = None
    names = [row["finding_id"] for row in found]
    same = DECISIONS.c.finding_id.in_(names) & DECISIONS.c.is_standing
    connection.execute(
        sa.update(DECISIONS).where(same).values(is_standing=False, ended_on=today, ended_because="新的认定取代")
    )
    numbers = []
    for row in found:
        values = {
            "finding_id": row["finding_id"], "decided_on": today, "tolerance_m": tolerance_m, "is_standing": True, "ended_because": "",
            "subject_digest": row["subject_digest"], "object_digest": row["object_digest"], **given,
        }  # fmt: skip
        made = connection.execute(sa.insert(DECISIONS).values(values)).inserted_primary_key
        numbers.append(int(made[0]) if made else 0)
    source = {"decisions": numbers, "findings": names, "tolerance_m": tolerance_m}
    event = Event(case_id, "decision", today, source=source, recorded_at=recorded_at, **given)
    append(connection, event, expected_version)
    return numbers


def standing(connection: sa.Connection, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Standing]:
    """Return the standing decisions about findings that are there again, by finding id, each held against them.

    Equal digests hold without measuring. `rows` are this run's; their geometries must have been kept.
    """
    chosen = sa.select(DECISIONS).where(DECISIONS.c.is_standing).order_by(DECISIONS.c.decision_id)
    decided = [dict(d) for d in connection.execute(chosen).mappings() if d["finding_id"] in rows]
    pairs = {
        (d["finding_id"], side): (d[f"{side}_digest"], rows[d["finding_id"]][f"{side}_digest"], d["tolerance_m"])
        for d in decided
        for side in ("subject", "object")
    }
    apart = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    shapes = read_shapes(connection, {digest for one, two, _ in apart.values() for digest in (one, two)})
    held = {}
    for row in decided:
        state = Standing(row, None)
        for side in ("subject", "object"):
            one, two, tolerance_m = apart.get((row["finding_id"], side), ("", "", 0.0))
            far = moved_m(shapes.get(one), shapes.get(two), tolerance_m) if one or two else None
            if far is not None and (state.moved_m is None or far > state.moved_m):
                state = Standing(row, far, side)
        held[row["finding_id"]] = state
    return held


def end(connection: sa.Connection, ended: Mapping[int, str], today: dt.date) -> None:
    """Note that decisions, by number, hold no longer, and why."""
    for number, because in ended.items():
        values = {"is_standing": False, "ended_on": today, "ended_because": because}
        connection.execute(sa.update(DECISIONS).where(DECISIONS.c.decision_id == number).values(values))

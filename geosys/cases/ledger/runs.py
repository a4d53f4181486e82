"""Runs: what was judged when, by which rules and on which layer versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys.cases.ledger.tables import FINDINGS, RUNS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from geosys._schema import UsableLayer
    from geosys.cases.rules import RuleBook

_SAME = ("judged_on", "program", "crs", "rules_version", "rules", "layers")


def run_of(
    book: RuleBook, layers: Mapping[str, UsableLayer], today: dt.date, program: str, crs: str, recorded_at: str
) -> dict[str, Any]:
    """Return the run of a day: columns of the table `runs`, `rules` and `layers` as mappings."""
    return {
        "judged_on": today, "recorded_at": recorded_at, "program": program, "crs": crs, "rules_version": book.version,
        "rules": {name: rule.version for name, rule in sorted(book.rules.items()) if rule.in_force(today)},
        "layers": {name: layer.version for name, layer in sorted(layers.items())},
    }  # fmt: skip


def last_run(connection: sa.Connection) -> dict[str, Any] | None:
    """Return the last run, or None before the first."""
    row = connection.execute(sa.select(RUNS).order_by(RUNS.c.run_id.desc()).limit(1)).mappings().first()
    return None if row is None else _read(row)


def read_runs(connection: sa.Connection) -> pd.DataFrame:
    """Return all runs in their order, `rules`, `layers` and `counts` as mappings."""
    rows = [_read(row) for row in connection.execute(sa.select(RUNS).order_by(RUNS.c.run_id)).mappings()]
    return pd.DataFrame(rows, columns=[c.name for c in RUNS.columns])


def _read(row: Mapping[Any, Any]) -> dict[str, Any]:
    return dict(row) | {name: json.loads(row[name]) for name in ("rules", "layers", "counts")}


def note_run(
    connection: sa.Connection,
    then: Mapping[str, Any] | None,
    now: Mapping[str, Any],
    counts: Mapping[str, int],
    *,
    is_needed: bool,
) -> int | None:
    """Write a run and return its number; None where it is the last one over again and found nothing else."""
    if then is not None and not is_needed and all(then[name] == now[name] for name in _SAME):
        return None
    told = {"rules": now["rules"], "layers": now["layers"], "counts": counts}
    texts = {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in told.items()}
    made = connection.execute(sa.insert(RUNS).values({**now, **texts})).inserted_primary_key
    return int(made[0]) if made else None


def note_present(connection: sa.Connection, run: int, seen: str) -> None:
    """Note that a run found all findings that are marked as seen."""
    connection.execute(sa.update(FINDINGS).where(FINDINGS.c.seen == seen).values(last_run=run))

"""Reconciliation: what a run found held against the cases there are; machine fields only, and nothing is closed.

Machine fields (what runs saw) and human fields (what people decided) are apart; only a person moves a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from geosys.cases.ledger.changes import LOST, changed
from geosys.cases.ledger.decisions import end, standing
from geosys.cases.ledger.events import append_all
from geosys.cases.ledger.finding_rows import (
    features_of,
    keep_shapes,
    read_findings,
    rows_of,
    with_features,
    write_findings,
)
from geosys.cases.ledger.observations import (
    GONE,
    PRESENT,
    RETURNED,
    UNSEEN,
    WORTHY,
    Row,
    Sitting,
    ended,
    heir_of,
    look_at,
    noted,
    seen_again,
)
from geosys.cases.ledger.runs import last_run, note_present, note_run, run_of
from geosys.cases.ledger.tables import CASES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from geosys._schema import UsableLayer
    from geosys.cases.rules import RuleBook

__all__ = ["GONE", "PRESENT", "RETURNED", "UNSEEN", "reconcile"]
_OF_ROWS = ("rule_version", "subject_row", "object_row", "subject_digest", "object_digest")


def reconcile(
    connection: sa.Connection,
    findings: pd.DataFrame,
    judged: AbstractSet[tuple[str, str]],
    book: RuleBook,
    today: dt.date,
    *,
    layers: Mapping[str, UsableLayer] | None = None,
    program: str = "",
    crs: str = "",
    recorded_at: str = "",
) -> pd.DataFrame:
    """Bring the ledger up to a run's findings and return the case of each finding.

    A new hit opens a case; a known one stays its case; one that vanished is marked *no longer found* if its rule
    was judged for its subject in this run, else *not assessed*; one that came back is *returned*. What changed of a finding
    is an event that names the rule or input and its versions. A false hit that a person decided stays at rest while both
    geometries do. No human field changes; the same run again writes nothing.

    Parameters
    ----------
    findings
        The finding table; only rows with outcome ``hit`` or ``needs_review`` open cases.
    judged
        Pairs (rule, subject id) that this run could judge.
    layers
        What the run judged, for geometries, codes and versions.
    program, crs, recorded_at
        Name and version of the program, the plan's CRS, and the time as ISO text: noted with the run.

    Returns
    -------
    Columns `finding_id`, `case_id`, `found_on`, `due_on`, `status`, `seen`, `decided` (the note of a standing decision, else
    empty): one row a finding that has a case, gone ones included.
    """
    known, cases = read_findings(connection), _read_cases(connection)
    rows, features = _rows_now(findings, known, judged, book, layers or {})
    keep_shapes(connection, features.values())
    now = run_of(book, layers or {}, today, program, crs, recorded_at)
    there = {name: row for name, row in rows.items() if row["outcome"] in WORTHY}
    sitting = Sitting(book, today, last_run(connection), now, cases, _links(known, cases), standing(connection, there))
    for name, row in rows.items():
        look_at(sitting, row, known.get(name))
    because, told = ended(sitting)
    events = [
        *sitting.opened.values(),
        *told,
        *noted(sitting),
        *seen_again(sitting, rows, known, judged, set(because)),
    ]
    append_all(connection, events)
    end(connection, {int(sitting.held[n].row["decision_id"]): why for n, why in because.items()}, today)
    _write(connection, sitting, rows, known)
    cases = _read_cases(connection) if events else cases
    return _cases_of_findings(cases, sitting, set(sitting.held) - set(because))


def _read_cases(connection: sa.Connection) -> dict[str, Row]:
    return {row["case_id"]: dict(row) for row in connection.execute(sa.select(CASES)).mappings()}


def _rows_now(
    findings: pd.DataFrame,
    known: Mapping[str, Row],
    judged: AbstractSet[tuple[str, str]],
    book: RuleBook,
    layers: Mapping[str, UsableLayer],
) -> tuple[dict[str, Row], dict[tuple[str, str], Any]]:
    """Return the rows of all findings, also of those known that are no more, and the features they are about."""
    given = (
        findings.reindex(columns=["subject_layer", "subject_id", "object_layer", "object_id"]).astype(object).fillna("")
    )
    wanted = {
        pair for side in ("subject", "object") for pair in zip(given[f"{side}_layer"], given[f"{side}_id"], strict=True)
    }
    wanted |= {(row[f"{side}_layer"], row[f"{side}_id"]) for row in known.values() for side in ("subject", "object")}
    features = features_of(layers, {(str(layer), str(name)) for layer, name in wanted if layer and name})
    rows = rows_of(findings, features)
    for name, old in known.items():
        if name in rows:
            continue
        is_judged = (old["rule"], old["subject_id"]) in judged
        if old["outcome"] == LOST[0] or (old["outcome"] == LOST[1] and not is_judged):
            rows[name] = old
            continue
        rule = book.rules.get(old["rule"])
        versions = {
            f"{s}_version": layers[n].version if (n := old[f"{s}_layer"]) in layers else ""
            for s in ("subject", "object")
        }
        new = old | versions | {"outcome": LOST[not is_judged], "rule_version": rule.version if rule else ""}
        rows[name] = with_features(new, features)
    return rows, features


def _links(known: Mapping[str, Row], cases: Mapping[str, Row]) -> dict[str, str]:
    """Return the case of each finding: as it is linked, or for cases older than the links, as it was opened."""
    opened = {case["finding_id"]: name for name, case in cases.items() if case["finding_id"]}
    return opened | {name: row["case_id"] for name, row in known.items() if row["case_id"]}


def _write(connection: sa.Connection, sitting: Sitting, rows: Mapping[str, Row], known: Mapping[str, Row]) -> None:
    """Write the run, and the findings that are new, or of which anything is other than before."""
    fresh, other, said = [], [], []
    for name, row in rows.items():
        old = known.get(name)
        seen = PRESENT if row["outcome"] not in LOST else GONE if row["outcome"] == LOST[0] else UNSEEN
        row |= {"case_id": sitting.links.get(name), "seen": seen}
        if old is None:
            fresh.append(row)
            said.append(name)
        elif any(value != old[key] for key, value in row.items() if key not in ("first_run", "last_run")):
            other.append(row)
            if changed(old, row) or any(old[key] != row[key] for key in _OF_ROWS):
                said.append(name)
    counts = {o: sum(row["outcome"] == o for row in rows.values()) for o in ("hit", "needs_review", "near", *LOST)}
    run = note_run(connection, sitting.then, dict(sitting.now), counts, is_needed=bool(fresh or other))
    if run is not None:
        for row in fresh:
            row["first_run"] = row["last_run"] = run
        write_findings(connection, fresh, other, said, run)
        note_present(connection, run, PRESENT)


def _cases_of_findings(by_id: dict[str, Row], sitting: Sitting, held: set[str]) -> pd.DataFrame:
    """Return the case of each finding, and the note of the decision that keeps it at rest."""
    for case in by_id.values():
        case["due_on"] = case["assigned_due_on"] or case["due_on"]
    names = sorted(sitting.links)
    heirs = [by_id[heir_of(sitting.links[name], by_id)] for name in names]
    columns = ("case_id", "found_on", "due_on", "status", "seen")
    table = {c: pd.Series([case[c] for case in heirs], dtype=object) for c in columns}
    notes = [sitting.held[name].note if name in held else "" for name in names]
    return pd.DataFrame(
        {"finding_id": pd.Series(names, dtype=object), **table, "decided": pd.Series(notes, dtype=object)}
    )

"""Gather what the map shows of findings beside what a run found: their history, next step and photographs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import read_cases, read_events
from geosys.cases.ledger.evidence_terms import read_evidence_terms
from geosys.cases.ledger.observations import heir_of
from geosys.cases.todo import Terms, agenda
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import read_calendar
from geosys.map_feed.next_steps import next_steps
from geosys.map_feed.notes import Words
from geosys.map_feed.photos import photos_of
from geosys.map_feed.steps import histories
from geosys.views import offices_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.cases.ledger.standing import Connection
    from geosys.rooms import Content

HISTORY, PHOTOS = "history", "photos"
LEADS = ("lead", "lead_zh", "lead_en")
COLUMNS = (HISTORY, "next_zh", "next_en", PHOTOS, "photos_rest_zh", "photos_rest_en", *LEADS)
_NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Feed:
    """Hold `COLUMNS` for the findings, in their order, and what the manifest tells of pictures."""

    columns: Mapping[str, pd.Series] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)


def feed_of(connection: Connection, findings: pd.DataFrame, content: Content, folder: Path, today: dt.date) -> Feed:
    """Return what the ledger tells of a run's findings.

    Parameters
    ----------
    findings
        With `finding_id` and `case_id`; an empty one is a finding without a case, of which nothing is told.
    folder
        The folder `evidence` of the workspace.
    today
        The day that due dates are counted from.
    """
    root = content.catalogue.root
    terms = Terms(read_workflow(root), content.book, read_deadlines(root, content.book), read_calendar(root))
    words = Words.of(terms.workflow, offices_of(content.catalogue))
    cases, events = read_cases(connection), read_events(connection)
    links = {finding: case for finding, case in zip(findings["finding_id"], findings["case_id"], strict=True) if case}
    steps = histories(events, links, words)
    decided = due_decisions(connection, terms.workflow.get("extension", {}).get("counts_anew", ()))
    wanted = cases[cases["case_id"].isin(set(links.values()))]
    ahead = next_steps(agenda(wanted, decided, terms, today), words)
    merged = cases.astype(object).where(cases.notna(), None).set_index("case_id", drop=False).to_dict("index")
    shown = set(links.values())
    heirs = {case: heir for case in merged if (heir := heir_of(case, merged)) in shown}
    photos = photos_of(events, heirs, folder, read_evidence_terms(root).thumb_px)
    rows = [(steps.get(name), links.get(name, "")) for name in findings["finding_id"]]
    columns: dict[str, list[Any]] = {
        HISTORY: [step for step, _ in rows],
        "next_zh": [ahead.get(case, _NOTHING).zh or None for _, case in rows],
        "next_en": [ahead.get(case, _NOTHING).en or None for _, case in rows],
        PHOTOS: [photos.pictures.get(case) for _, case in rows],
        "photos_rest_zh": [photos.rest.get(case, _NOTHING).zh or None for _, case in rows],
        "photos_rest_en": [photos.rest.get(case, _NOTHING).en or None for _, case in rows],
    }
    columns |= _leads(findings, wanted, words)
    return Feed({n: pd.Series(v, index=findings.index, dtype=object) for n, v in columns.items()}, photos.told)


def _leads(findings: pd.DataFrame, cases: pd.DataFrame, words: Words) -> dict[str, list[Any]]:
    """Return the office that leads each finding's case: the one that people assigned it to goes before the rule's."""
    ids = zip(cases["case_id"], cases["assigned_lead"], strict=True)
    assigned = {case: lead for case, lead in ids if isinstance(lead, str) and lead}
    rows = []
    for case, *stated in zip(*(findings[name] for name in ("case_id", *LEADS)), strict=True):
        lead = assigned.get(case)
        title = words.office(lead) if lead else None
        rows.append((lead, title.zh, title.en) if title else stated)
    return {name: [row[at] for row in rows] for at, name in enumerate(LEADS)}

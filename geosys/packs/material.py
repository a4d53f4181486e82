"""What all parts of a pack rest on: the ledger on two evenings, the findings as they stand, layers, rates, targets and words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.events import read_events
from geosys.cases.ledger.runs import last_run
from geosys.cases.targets import COUNTY_FIELD
from geosys.cases.todo import Terms
from geosys.cases.workflow import read_workflow
from geosys.cases.working_days import read_calendar
from geosys.exchange.surroundings import counties_of
from geosys.layers.store import has_current
from geosys.packs.present import findings_now
from geosys.packs.register import read_register, since_of
from geosys.rate_layers import stored_layers
from geosys.rates import read_rate_book, standings_of, workspace_entries
from geosys.reports.names import names_of
from geosys.reports.situation import Names, Situation, situation
from geosys.reports.targets import Targets, targets_of
from geosys.sheets.desk import open_desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from geosys._schema import UsableLayer
    from geosys.cases.rate_tables import Standing
    from geosys.maps.meeting.spec import MeetingSpec
    from geosys.rates import RateBook
    from geosys.rooms import Content
    from geosys.sheets.desk import Desk
    from geosys.workspace import Workspace

    Progress = Callable[[str, int, int], None]

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Material:
    """Hold what a pack is made of.

    `since` is the day of the last meeting (None: the first), `found` the ledger from `found.since` to the meeting's evening:
    for a first meeting from the day before the ledger began. `moved` names the findings whose case is no longer as the
    last run showed it. `desk` holds the findings as their cases stand now.
    """

    plan: Workspace
    content: Content
    spec: MeetingSpec
    day: dt.date
    since: dt.date | None
    desk: Desk
    found: Situation
    events: pd.DataFrame
    terms: Terms
    names: Names
    rates: RateBook
    views: Mapping[str, UsableLayer]
    standings: Sequence[Standing]
    rules_version: str
    moved: frozenset[str]
    lacking: list[Text] = field(default_factory=list)

    @property
    def findings(self) -> pd.DataFrame:
        """Return the findings as their cases stand now."""
        assert self.desk.results is not None  # noqa: S101  `open_material` refuses a workspace without
        return self.desk.results.findings

    def lack(self, zh: str, en: str) -> None:
        """Note what could not be had; once."""
        told = Text(zh, en)
        if told not in self.lacking:
            self.lacking.append(told)


def open_material(
    plan: Workspace, content: Content, spec: MeetingSpec, today: dt.date, progress: Progress, *, since: dt.date | None = None,
    is_first: bool = False,
) -> Material:  # fmt: skip
    """Return what a pack is made of.

    Raises
    ------
    WorkspaceError
        When no run has left results, or the day of the last meeting is not known or not before the meeting.
    """
    catalogue, day = content.catalogue, plan.as_of or today
    progress("pack_layers", 0, 2)
    stored = [
        name for name, one in catalogue.layers.items() if one.geometry != "none" and has_current(plan.store, name)
    ]
    desk = open_desk(plan, catalogue, day, stored)
    if desk.results is None:
        raise WorkspaceError(
            f"{plan.out.name}: got no results of a run, expected them: a pack tells of findings and shows the run's map. Run 'geosys run' first."
        )
    progress("pack_layers", 1, 2)
    rates = read_rate_book(catalogue)
    views = stored_layers(plan, catalogue, [name for rate in rates.rates.values() for name in rate.needs], day).views
    standings = standings_of(rates, views, workspace_entries(plan, rates, day), day)
    progress("pack_layers", 2, 2)
    terms = _terms(content)
    names = names_of(catalogue, desk.screen.palettes)
    with read_ledger(plan.ledger) as connection:
        every = read_events(connection)
        events = every[np.array([on <= day for on in every["happened_on"]], dtype=bool)]
        began = min(events["happened_on"]) if len(events) else None
        last = since_of(read_register(plan.root), spec.name, day, began, since, is_first=is_first)
        start = last or min(began or day, day) - ONE_DAY
        found = situation(
            connection, start, day, terms, names, counties_of(connection, plan.store, COUNTY_FIELD),
            not_assessed=_not_assessed(desk), targets=targets_of(standings) if standings else Targets(),
        )  # fmt: skip
        run = last_run(connection)
    present, moved = findings_now(desk.results.findings, found.now, terms.workflow)
    desk = replace(desk, results=replace(desk.results, findings=present), _made={})
    return Material(
        plan, content, spec, day, last, desk, found, events, terms, names, rates, views, standings,
        str(run["rules_version"]) if run else "", moved,
    )  # fmt: skip


def _terms(content: Content) -> Terms:
    root = content.catalogue.root
    return Terms(read_workflow(root), content.book, read_deadlines(root, content.book), read_calendar(root))


def _not_assessed(desk: Desk) -> dict[str, int] | None:
    """Return, by rule, of how many subjects the last run could say nothing."""
    if desk.results is None:
        return None
    outcomes: Any = desk.results.outcomes
    counts = outcomes.loc[outcomes["outcome"] == "not_assessed", "rule"].value_counts()
    return {str(rule): int(count) for rule, count in counts.items()}

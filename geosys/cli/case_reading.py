"""What the commands of the ledger share: the content and the cases of a workspace, and words that people may use for ids."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cases.deadlines import read_deadlines
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import cases_as_of, read_cases
from geosys.cases.todo import Terms, agenda
from geosys.cases.workflow import all_states, read_workflow
from geosys.cases.working_days import later_by, read_calendar, read_period
from geosys.cli.options import day_named
from geosys.layers.store import current_file
from geosys.rooms import read_content
from geosys.views import offices_of
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._text import Text
    from geosys.rooms import Content
    from geosys.workspace import Workspace

_COUNTY = "county_code"


def opened(folder: Path | None) -> tuple[Workspace, Content]:
    """Return the plan of a workspace at a folder or above it (default: where one stands), and the content."""
    content = read_content()
    return read_workspace(find_workspace(folder or Path.cwd()), content.catalogue), content


def terms_of(content: Content) -> Terms:
    """Return the workflow, rules, deadlines and calendar of the content."""
    root = content.catalogue.root
    return Terms(read_workflow(root), content.book, read_deadlines(root, content.book), read_calendar(root))


def agenda_at(plan: Workspace, content: Content, today: dt.date, as_of: dt.date | None = None) -> pd.DataFrame:
    """Return all cases with what is due and to be done, now or as they stood on the evening of a past day."""
    terms = terms_of(content)
    anew = terms.workflow.get("extension", {}).get("counts_anew", ())
    with read_ledger(plan.ledger) as connection:
        cases = read_cases(connection) if as_of is None else cases_as_of(connection, as_of)
        decided = due_decisions(connection, anew, day=as_of)
    return agenda(cases, decided, terms, as_of or today)


def titled(frame: pd.DataFrame, content: Content) -> pd.DataFrame:
    """Return an agenda with states, offices, timing and sources as people name them."""
    from geosys.cases.due_dates import SOURCES, TIMINGS  # noqa: PLC0415

    states = {name: state.title.zh for name, state in all_states(read_workflow(content.catalogue.root)).items()}
    offices = {name: title.zh for name, title in offices_of(content.catalogue).items()}
    words: dict[str, Mapping[str, str]] = {
        "status": states, "office": offices, "waits_for": offices, "timing": {k: t.zh for k, t in TIMINGS.items()},
        "due_source": {k: t.zh for k, t in SOURCES.items()},
    }  # fmt: skip
    return frame.assign(**{name: [known.get(v, v) for v in frame[name]] for name, known in words.items()})


def in_county(frame: pd.DataFrame, plan: Workspace, content: Content, county: str) -> pd.DataFrame:
    """Return the cases whose subject lies in a county by its own field, as the current layer versions have it."""
    fields = [spec.fields[_COUNTY] for spec in content.catalogue.layers.values() if _COUNTY in spec.fields]
    titles = {code: title for f in fields if f.codes for code, title in content.catalogue.codes[f.codes].titles.items()}
    code = named("--county", county, titles, f"a code or name of the field {_COUNTY}")
    keep = pd.Series(data=False, index=frame.index)
    for layer, cases in frame.groupby("subject_layer"):
        file = current_file(plan.store, str(layer))
        if file is None or _COUNTY not in content.catalogue.layers[str(layer)].fields:
            continue
        rows = pd.read_parquet(file, columns=["feature_id", _COUNTY])
        inside = rows.loc[rows[_COUNTY].astype(str) == code, "feature_id"].astype(str)
        keep |= frame.index.isin(cases.index[cases["subject_id"].isin(inside)])
    return frame[keep]


def named(option: str, word: str, titles: Mapping[str, Text], expected: str) -> str:
    """Return the id that a word means: an id, or its Chinese title.

    Raises
    ------
    WorkspaceError
        With the nearest word, when it is neither.
    """
    ids = {title.zh: name for name, title in titles.items()} | {name: name for name in titles}
    if word not in ids:
        raise WorkspaceError(f"{option}: got '{word}', expected {expected}. {nearest(word, ids)}".rstrip())
    return ids[word]


def office_named(option: str, word: str, content: Content) -> str:
    """Return the office that a word means."""
    return named(option, word, offices_of(content.catalogue), "an office of layers/codes/office.csv")


def due_named(
    content: Content, today: dt.date, due_on: str | None, due_in: str | None, deadline: str | None, start: str | None
) -> tuple[dt.date | None, dict[str, Any]]:
    """Return the due date that options name and where it comes from: a day, a period from today, or a deadline of the content.

    Raises
    ------
    WorkspaceError
        When several are given, or a deadline that is not there or lacks the day it runs from.
    """
    given = [name for name, value in (("--due-on", due_on), ("--due-in", due_in), ("--deadline", deadline)) if value]
    if len(given) > 1:
        raise WorkspaceError(f"{', '.join(given)}: got several, expected one due date.")
    if due_in:
        count, unit = read_period(due_in)
        calendar = read_calendar(content.catalogue.root)
        day = later_by(today, count, unit, calendar)
        known = unit != "working_days" or calendar.knows(today, day)
        return day, {"period": due_in, "from": today.isoformat(), "is_calendar_known": known}
    if deadline:
        return _due_by(content, deadline, start)
    return (day_named(due_on) if due_on else None), {}


def _due_by(content: Content, deadline: str, start: str | None) -> tuple[dt.date | None, dict[str, Any]]:
    terms = terms_of(content)
    titles = {name: d.title for name, d in terms.deadlines.deadlines.items()}
    name = named("--deadline", deadline, titles, "a deadline of cases/deadlines.toml")
    chosen = terms.deadlines.deadlines[name]
    if chosen.period is None:
        return chosen.on, {"deadline": name}
    if start is None:
        expected = chosen.start.both() if chosen.start else "a day"
        raise WorkspaceError(f"--from: got nothing, expected {expected} as 2026-09-30.")
    begin = day_named(start)
    return chosen.due(begin, terms.calendar), {"deadline": name, "from": begin.isoformat()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them: what is missing is null."""
    plain = frame.astype(object)
    return [{str(k): v for k, v in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")]


def clock_time() -> str:
    """Return the time by this machine's clock, as events record it."""
    return dt.datetime.now(tz=dt.UTC).astimezone().isoformat(timespec="seconds")

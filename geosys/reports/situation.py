"""What the reports say: the cases of a ledger on two evenings, counted, listed and held against the plans' targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.due_dates import SOURCES, TIMINGS
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import cases_as_of
from geosys.cases.ledger.runs import read_runs
from geosys.cases.targets import COUNTY
from geosys.cases.todo import agenda, pressing, todo
from geosys.cases.workflow import all_states, life_cycle
from geosys.difference import difference_between
from geosys.reports.targets import NO_TARGETS, Targets

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.cases.ledger.standing import Connection
    from geosys.cases.todo import Terms

CLOSED, DISMISSED, REOPENED, ESCALATE = "closed", "dismissed", "reopened", "escalate"
_NOT_HERE = Text("县区不详", "county unknown")
GROUP_FIGURES = ("total", "open", "new", "closed", "overdue", "soon")


@dataclass(frozen=True, slots=True)
class Names:
    """Hold the words that people use for the ids in a ledger."""

    offices: Mapping[str, Text] = field(default_factory=dict)
    counties: Mapping[str, Text] = field(default_factory=dict)
    seen: Mapping[str, Text] = field(default_factory=dict)
    fields: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """Hold a ledger as it stood on two evenings.

    `before` and `now` are agendas (`cases.todo.agenda`) on the index of the case ids, with `county` (a code; empty: not
    known); `changes` are the rows of `cases.difference.difference` between; `not_assessed` counts, by rule, the subjects of
    the last run of which nothing could be said (None: nobody knows); `judged_on` is the day of that run.
    """

    since: dt.date
    day: dt.date
    before: pd.DataFrame
    now: pd.DataFrame
    changes: pd.DataFrame
    judged_on: dt.date | None
    not_assessed: Mapping[str, int] | None
    targets: Targets = NO_TARGETS


def situation(
    connection: Connection, since: dt.date, day: dt.date, terms: Terms, names: Names, counties: Mapping[str, str], *,
    office: str | None = None, county: str | None = None, not_assessed: Mapping[str, int] | None = None, targets: Targets = NO_TARGETS,
) -> Situation:  # fmt: skip
    """Return a ledger as it stood on the evenings of two days, of all cases or of one office or county.

    Parameters
    ----------
    counties
        The county code of each case; cases without one are left out.
    office, county
        Only cases that this office leads on `day`; only those of this county.
    not_assessed, targets
        As `Situation` holds them.

    Raises
    ------
    WorkspaceError
        When `since` is not before `day`.
    """
    words = {**names.fields, **{n: s.title for n, s in all_states(terms.workflow).items()}, **names.offices}
    changes = pd.DataFrame(difference_between(connection, since, day, titles=words).rows)
    now = _agenda(connection, day, terms, counties)
    chosen = pd.Series(data=True, index=now.index)
    if office is not None:
        chosen &= now["office"] == office
    if county is not None:
        chosen &= now[COUNTY] == county
    before = _agenda(connection, since, terms, counties)
    if office is not None or county is not None:
        now = now[chosen]
        before = before[before.index.isin(now.index)]
        changes = changes[changes["case_id"].isin(now.index)]
    runs = read_runs(connection)
    days = [on for on in runs["judged_on"] if on <= day]
    judged_on = days[-1] if days else None
    told = not_assessed if len(runs) and judged_on == runs["judged_on"].iloc[-1] else None
    return Situation(since, day, before, now, changes.reset_index(drop=True), judged_on, told, targets)


def _agenda(connection: Connection, day: dt.date, terms: Terms, counties: Mapping[str, str]) -> pd.DataFrame:
    anew = terms.workflow.get("extension", {}).get("counts_anew", ())
    frame = agenda(cases_as_of(connection, day), due_decisions(connection, anew, day=day), terms, day)
    return frame.assign(county=[counties.get(case, "") for case in frame["case_id"]]).set_index("case_id", drop=False)


def figures(found: Situation) -> dict[str, tuple[Text, list[str]]]:
    """Return the cases behind each figure: its title and their ids, in order.

    ``total`` counts what is not merged into another case; ``open`` is what somebody has to act on or whose due date runs;
    ``new``, ``closed`` and ``moved_on`` are those of the difference; a case is ``newly_overdue`` when it was not so on the first evening.
    """
    now = found.now
    alone, live = now["merged_into"].isna(), _is_open(now)
    was_late = set(found.before.index[found.before["timing"] == "overdue"])
    late = now["timing"] == "overdue"
    masks = {
        "total": (Text("全部", "all"), alone), "open": (Text("在办", "open"), live),
        "done": (Text("已销号", "closed so far"), alone & (now["status"] == CLOSED)),
        "dismissed": (Text("不予立项", "dismissed"), alone & (now["status"] == DISMISSED)),
        "merged": (Text("并入其他事项", "merged into another"), ~alone),
        "overdue": (Text("逾期", "overdue"), late), "newly_overdue": (Text("新逾期", "newly overdue"), late & ~now.index.isin(was_late)),
        "soon": (Text("临近到期", "due soon"), now["timing"].isin(["urgent", "soon"])),
        "no_date": (Text("没有时限", "without due date"), now["timing"] == "no_date"),
        "not_assessed": (Text("未能评估", "not assessed"), live & (now["seen"] == "not_assessed")),
        "no_longer_found": (Text("不再发现", "no longer found"), live & (now["seen"] == "no_longer_found")),
        "returned": (Text("再次出现", "came back"), alone & (now["seen"] == "returned")),
        "proposed": (Text("建议督办", "escalation proposed"), now["proposed_move"] == ESCALATE),
        "reopened": (Text("反弹", "reopened"), now.index.isin(_changed(found, "moved_on", REOPENED))),
        "new": (Text("新增", "new"), now.index.isin(_changed(found, "new"))),
        "closed": (Text("本期销号", "closed meanwhile"), now.index.isin(_changed(found, "closed"))),
        "moved_on": (Text("流转", "moved on"), now.index.isin(_changed(found, "moved_on"))),
    }  # fmt: skip
    return {name: (title, sorted(now.index[mask])) for name, (title, mask) in masks.items()}


def _is_open(frame: pd.DataFrame) -> pd.Series:
    return frame["merged_into"].isna() & ((frame["waits_for"] != "") | (frame["timing"] != "stopped"))


def _changed(found: Situation, kind: str, after: str | None = None) -> set[str]:
    rows = found.changes[found.changes["kind"] == kind]
    if after is not None:
        rows = rows[rows["after"] == after]
    return set(rows["case_id"])


def counts_before(found: Situation) -> dict[str, int]:
    """Return how many cases were there, open and overdue on the first evening."""
    before = found.before
    return {
        "total": int(before["merged_into"].isna().sum()),
        "open": int(_is_open(before).sum()),
        "overdue": int((before["timing"] == "overdue").sum()),
    }


def groups(found: Situation, by: str, names: Mapping[str, Text]) -> list[dict[str, Any]]:
    """Return, for each office or county, its title and the cases behind `GROUP_FIGURES`; the most overdue first.

    `longest` is how many days the longest overdue of them is, missing where none is.
    """
    every = figures(found)
    rows = []
    for key, part in found.now.groupby(by, sort=True):
        inside = set(part.index)
        title = names.get(str(key), Text(str(key), str(key)) if key else _NOT_HERE)
        lists = {name: [case for case in every[name][1] if case in inside] for name in GROUP_FIGURES}
        late = part.loc[part["timing"] == "overdue", "days_left"]
        rows.append(
            {"key": str(key), "title": title, "lists": lists, "longest": -int(late.min()) if len(late) else None}
        )
    return sorted(rows, key=lambda row: (-len(row["lists"]["overdue"]), -len(row["lists"]["open"]), row["key"]))


def overdue(found: Situation, terms: Terms, names: Names) -> list[dict[str, Any]]:
    """Return the overdue cases in words, the longest first, each with its due date's source and clause."""
    return case_rows(found, pressing(found.now).index, terms, names)


def case_rows(found: Situation, ids: Sequence[str], terms: Terms, names: Names) -> list[dict[str, Any]]:
    """Return cases as rows of a report, in words."""
    states = {name: state.title.zh for name, state in all_states(terms.workflow).items()}
    chosen = found.now.loc[list(ids)].to_dict("records")
    titles = _move_titles(chosen, terms)
    rows = []
    for row in chosen:
        told = titles[row["rule"], row["subject_layer"]]
        rule = terms.book.rules.get(row["rule"])
        rows.append({
            "case_id": row["case_id"], "subject": row["subject_name"] or row["subject_id"], "rule": rule.title.zh if rule else row["rule"],
            "state": states.get(row["status"], row["status"]), "office": _word(names.offices, row["office"]), "seen": _word(names.seen, row["seen"]),
            "county_name": _word(names.counties, row[COUNTY]), "found_on": row["found_on"], "due_on": row["due_on"], "person": row["person"] or "",
            "days_left": None if pd.isna(row["days_left"]) else int(row["days_left"]), "timing": TIMINGS[row["timing"]].zh,
            "source": SOURCES[row["due_source"]].zh, "clause": row["due_clause_zh"],
            "moves": "、".join(told.get(name, name) for name in row["next_moves"].split(",") if name),
            "proposal": told.get(row["proposed_move"], row["proposed_move"]), "why": row["proposed_why_zh"],
        })  # fmt: skip
    return rows


def _word(words: Mapping[str, Text], key: str) -> str:
    return words[key].zh if key in words else str(key or "")


def _move_titles(rows: Sequence[Mapping[str, Any]], terms: Terms) -> dict[tuple[str, str], dict[str, str]]:
    """Return the titles of the moves by rule and layer."""
    keys = {(row["rule"], row["subject_layer"]) for row in rows}
    return {key: {name: move.title.zh for name, move in life_cycle(terms.workflow, *key).moves.items()} for key in keys}


def todo_lists(
    found: Situation, names: Names, office: str | None = None
) -> list[tuple[str, Text, list[tuple[str, list[str]]]]]:
    """Return, for each office for which anything waits, its title and by person (empty: nobody yet) the cases, most pressing first."""
    rows = todo(found.now, office)
    turn = rows["waits_for"].where(rows["waits_for"] != "", rows["office"])
    told = []
    for key, part in rows.groupby(turn, sort=True):
        people = part["person"].fillna("").str.strip()
        lists = [(str(who), list(mine.index)) for who, mine in part.groupby(people, sort=True)]
        lists.sort(key=lambda item: (item[0] == "", item[0]))
        told.append((str(key), names.offices.get(str(key), Text(str(key), str(key))), lists))
    return told

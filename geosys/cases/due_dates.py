"""The due date of each case: where it comes from, how far off it is, and whether it has passed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.cases.basis import cite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.deadlines import Deadline, Deadlines
    from geosys.cases.rules import Rule, RuleBook
    from geosys.cases.working_days import Calendar

SOURCES = {
    "law": Text("法规", "law"), "plan": Text("方案", "plan"), "rule": Text("规则默认", "default of the rule"),
    "ledger": Text("报送台账", "ledger delivered"), "person": Text("人的决定", "decided by a person"), "": Text("", ""),
}  # fmt: skip
TIMINGS = {
    "overdue": Text("逾期", "overdue"), "urgent": Text("临近到期", "nearly due"), "soon": Text("预警", "due soon"),
    "in_time": Text("未到期", "in time"), "no_date": Text("无时限", "no due date"), "stopped": Text("不计时限", "not running"),
}  # fmt: skip
COLUMNS = (
    "due_on", "due_source", "due_clause_zh", "due_clause_en", "first_due_on", "timing", "days_left", "working_days_left",
    "is_calendar_known", "extended", "days_past_first",
)  # fmt: skip
_NOTHING = Text("", "")


def due_dates(
    cases: pd.DataFrame, decided: pd.DataFrame, running: Sequence[bool], book: RuleBook, deadlines: Deadlines, calendar: Calendar, today: dt.date
) -> pd.DataFrame:  # fmt: skip
    """Return the due date of each case, where it comes from and how far off it is.

    Parameters
    ----------
    cases
        As `ledger.events.read_cases` returns them.
    decided
        The last decision on the due date of each case, as `ledger.due_events.due_decisions` returns it.
    running
        Whether the due date of each case runs, in the order of the cases.
    today
        The day to count from: a case is overdue from the day after its due date.

    Returns
    -------
    `COLUMNS` on the index of the cases. `due_source` is a word of `SOURCES`, `timing` one of `TIMINGS`; `days_left` and
    `working_days_left` are negative where overdue and missing where none runs; `first_due_on` is the day of law, plan,
    rule or ledger before people decided, and `days_past_first` how many days it has passed (0: it has not, or none runs);
    `is_calendar_known` is False where the table lacks a year and weekends only were left out; `extended` counts extensions.
    """
    first, assigned = (_dates(cases[name]) for name in ("due_on", "assigned_due_on"))
    told = _by_case(decided)
    days = [own or stated for own, stated in zip(assigned, first, strict=True)]
    ids = cases["case_id"].tolist()
    rows = zip(ids, cases["rule"].tolist(), _dates(cases["found_on"]), first, assigned, strict=True)
    origins = [_origin(*row, told, book, deadlines) for row in rows]
    runs = [bool(r) and day is not None for r, day in zip(running, days, strict=True)]
    left = [(day - today).days if run and day else None for run, day in zip(runs, days, strict=True)]
    past = [(today - day).days if run and day else 0 for run, day in zip(runs, first, strict=True)]
    timing = [_timing(left_, bool(r), deadlines) for left_, r in zip(left, running, strict=True)]
    working, known = _working_days(days, runs, calendar, today)
    columns: dict[str, Any] = {
        "due_on": days, "due_source": [o[0] for o in origins], "due_clause_zh": [o[1].zh for o in origins],
        "due_clause_en": [o[1].en for o in origins], "first_due_on": first, "timing": timing,
        "days_left": pd.array(left, dtype="Int64"), "working_days_left": pd.array(working, dtype="Int64"), "is_calendar_known": known,
        "extended": [told[case]["extended"] if case in told else 0 for case in ids], "days_past_first": [max(0, p) for p in past],
    }  # fmt: skip
    frame = pd.DataFrame(columns, index=cases.index, columns=list(COLUMNS))
    return frame.astype({"due_on": object, "first_due_on": object})


def _dates(column: pd.Series) -> list[dt.date | None]:
    return [value if isinstance(value, dt.date) and value is not pd.NaT else None for value in column.tolist()]


def _by_case(decided: pd.DataFrame) -> dict[str, dict[str, Any]]:
    names = list(decided.columns)
    rows = zip(*(decided[name].astype(object).tolist() for name in names), strict=True)
    return {row["case_id"]: row for row in (dict(zip(names, values, strict=True)) for values in rows)}


def _origin(
    case_id: str, rule: str, found_on: dt.date | None, first: dt.date | None, assigned: dt.date | None,
    told: Mapping[str, Any], book: RuleBook, deadlines: Deadlines,
) -> tuple[str, Text]:  # fmt: skip
    """Return the source of a case's due date and its clause or decision."""
    if assigned is not None:
        return _decided(told.get(case_id), book, deadlines)
    if first is None:
        return "", _NOTHING
    known = book.rules.get(rule)
    deadline = deadlines.of_rule(rule)
    day = found_on or first
    if deadline is not None:
        return deadline.source, _clause(deadline, book, day)
    if known is None:
        return "rule", Text(f"规则 {rule}（已不在内容中）", f"rule {rule} (no longer in the content)")
    return ("ledger" if known.due_field else "rule"), _of_rule(known)


def _clause(deadline: Deadline, book: RuleBook, day: dt.date) -> Text:
    cited = cite(deadline.basis, book.basis, day)
    if deadline.start is None:
        return cited
    return Text(f"{cited.zh}，自{deadline.start.zh}起", f"{cited.en}, from {deadline.start.en}")


def _of_rule(rule: Rule) -> Text:
    """Return how a rule gives its day."""
    if rule.due_field:
        return Text(
            f"规则 {rule.id}：台账字段 {rule.due_field}", f"rule {rule.id}: field {rule.due_field} of the ledger"
        )
    if rule.due_on is not None:
        return Text(f"规则 {rule.id}：{rule.due_on}", f"rule {rule.id}: {rule.due_on}")
    return Text(
        f"规则 {rule.id}：发现后 {rule.due_days} 天", f"rule {rule.id}: {rule.due_days} days after it was found"
    )


def _decided(event: Mapping[str, Any] | None, book: RuleBook, deadlines: Deadlines) -> tuple[str, Text]:
    """Return the source that a decision names: a deadline of law or plan that it applied, else the person."""
    if event is None:
        return "person", Text("经过中没有定时限的事件", "no event of its history set it")
    source, who = event["source"], f"{event['actor']} {event['happened_on']}"
    kind = event["move"] or event["kind"]
    deadline = deadlines.deadlines.get(source.get("deadline", ""))
    if deadline is None:
        paper = " ".join(str(source[key]) for key in ("file", "row", "cell") if source.get(key))
        told = "；".join(part for part in (event["reason"], source.get("period", ""), paper) if part)
        return "person", Text(
            f"{who} {kind}" + (f"（{told}）" if told else ""), f"{who} {kind}" + (f" ({told})" if told else "")
        )
    clause = _clause(deadline, book, event["happened_on"])
    start = source.get("from", "")
    return deadline.source, Text(f"{clause.zh}（{start}，{who}）", f"{clause.en} ({start}, {who})")


def _timing(left: int | None, runs: bool, deadlines: Deadlines) -> str:
    if not runs:
        return "stopped"
    if left is None:
        return "no_date"
    if left < 0:
        return "overdue"
    return "urgent" if left <= deadlines.urgent_days else "soon" if left <= deadlines.early_days else "in_time"


def _working_days(
    days: Sequence[dt.date | None], runs: Sequence[bool], calendar: Calendar, today: dt.date
) -> tuple[list[int | None], list[bool]]:
    """Return the working days left to each day that runs, and whether the table has all the years between."""
    chosen = [number for number, run in enumerate(runs) if run]
    last = np.array([days[number] for number in chosen], dtype="datetime64[D]")
    counts = calendar.between(np.full(len(chosen), today, dtype="datetime64[D]"), last)
    working: list[int | None] = [None] * len(days)
    known = [True] * len(days)
    for number, count in zip(chosen, counts, strict=True):
        day = days[number] or today
        working[number], known[number] = int(count), calendar.knows(today, day)
    return working, known

"""The difference between two days: what changed of cases and findings since the last meeting, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.ledger.changes import LOST, RULE, Cause, causes_of, changed, told_together
from geosys.cases.ledger.events import MACHINE, replayed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

COLUMNS = [
    "kind", "case_id", "finding_id", "rule", "subject_layer", "subject_id", "subject_name", "object_layer", "object_id",
    "what_zh", "what_en", "cause", "why_zh", "why_en", "before", "after", "subject_digest", "object_digest", "side", "person", "on",
]  # fmt: skip
KINDS = {
    "new": Text("新增", "New"),
    "closed": Text("销号", "Closed"),
    "moved_on": Text("流转", "Moved on"),
    "terms_changed": Text("责任、时限变化", "Lead or due day changed"),
    "merged": Text("并入其他事项", "Merged into another"),
    "split": Text("拆分", "Split"),
    "no_longer_found": Text("不再发现", "No longer found"),
    "returned": Text("再次出现", "Came back"),
    "not_assessed": Text("未能评估", "Not assessed"),
    "found_again": Text("恢复评估，仍存在", "Assessed again, still there"),
    "finding_changed": Text("线索变化", "Finding changed"),
    "moved_boundary": Text("边界移动", "Boundary moved"),
    "class_changed": Text("类别变化", "Class changed"),
    "rule_changed": Text("规则变化", "Rule changed"),
    "target_reached": Text("目标达到", "Target reached"),
    "target_lost": Text("目标失守", "Target lost"),
}
_SEEN = {
    "present": "found_again",
    "no_longer_found": "no_longer_found",
    "returned": "returned",
    "not_assessed": "not_assessed",
}
_TERMS = ("lead", "due_on", "assigned_lead", "assigned_due_on")
_ABOUT = ("rule", "subject_layer", "subject_id", "subject_name")
CLOSED = "closed"
_OF_CASE = ("lead", "stated_due_on")  # its case tells them
FIELDS = {
    "outcome": Text("结论", "outcome"), "severity": Text("严重程度", "severity"), "lead": Text("牵头单位", "lead"),
    "measure": Text("实测", "measure"), "threshold": Text("阈值", "threshold"), "object_class": Text("对象类别", "class of the object"),
    "stated_due_on": Text("数据所载时限", "due day in the data"), "due_on": Text("时限", "due day"),
    "assigned_lead": Text("交办单位", "assigned to"), "assigned_due_on": Text("交办时限", "assigned due day"),
    "status": Text("状态", "state"), "seen": Text("核查", "seen"),
    "subject_digest": Text("主体边界", "boundary of the subject"), "object_digest": Text("对象边界", "boundary of the object"),
}  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FindingState:
    """Hold a finding on the evening of two days (None: not there), and why it is other on the second."""

    before: Row | None
    after: Row | None
    causes: tuple[Cause, ...]

    @property
    def row(self) -> Row:
        """Return the finding as it is, or as it last was."""
        row = self.after if self.after is not None and self.after["outcome"] not in LOST else self.before
        return row or self.after or {}


def difference(
    events: pd.DataFrame, versions: pd.DataFrame, runs: pd.DataFrame, start: dt.date, end: dt.date,
    targets: tuple[pd.DataFrame, pd.DataFrame] | None = None, titles: Mapping[str, Text] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return what is other on the evening of `end` than on the evening of `start`; what went there and back is not.

    Parameters
    ----------
    events
        As `read_events` of the ledger gives them.
    versions, runs
        As `read_versions` and `read_runs` give them.
    targets
        The targets of both days: columns `target`, `title_zh`, `title_en`, `is_reached` (None: not known).
    titles
        Titles of states, offices and ``<layer>.<field>``, where they are to be read by people.

    Returns
    -------
    Columns `COLUMNS`: one row a change, by kind in the order of `KINDS`, rule and subject. `cause` holds the kinds of causes
    joined by ``+`` (rule, subject, object, program, day), `why_*` names them with versions; `side` whose geometry is meant.
    """
    states = states_of(versions, runs, start, end)
    words = FIELDS | dict(titles or {})
    rows = _case_rows(events, states, start, end, words)
    told = {
        row["case_id"]
        for row in rows
        if row["kind"] in ("new", "no_longer_found", "returned", "not_assessed", "found_again")
    }
    for name, state in sorted(states.items()):
        rows += _finding_rows(name, state, told, words)
    rows += _rule_rows(states, runs, start, end)
    if targets is not None:
        rows += _target_rows(*targets)
    order = {kind: number for number, kind in enumerate(KINDS)}
    rows.sort(
        key=lambda row: (
            order[row["kind"]],
            row["rule"],
            row["subject_id"],
            row["case_id"],
            row["finding_id"],
            row["side"],
        )
    )
    return pd.DataFrame(rows, columns=COLUMNS)


def states_of(versions: pd.DataFrame, runs: pd.DataFrame, start: dt.date, end: dt.date) -> dict[str, FindingState]:
    """Return each finding of which a run said anything new between two days, with the causes of all steps in order."""
    by_number = {row["run_id"]: row for row in runs.to_dict("records")}
    numbers = sorted(by_number)
    earlier = {number: by_number[before] for before, number in pairwise(numbers)}
    first: dict[str, Row] = {}
    last: dict[str, Row] = {}
    causes: dict[str, list[Cause]] = {}
    kept = versions.astype(object).where(versions.notna(), None)
    for row in kept.to_dict("records"):
        name = row["finding_id"]
        if row["judged_on"] > end:
            continue
        if row["judged_on"] <= start:
            first[name] = row
        else:
            old = last.get(name, first.get(name))
            causes.setdefault(name, []).extend(
                causes_of(old, row, earlier.get(row["run_id"]), by_number[row["run_id"]])
            )
            last[name] = row
    return {name: FindingState(first.get(name), row, tuple(dict.fromkeys(causes[name]))) for name, row in last.items()}


def _row(kind: str, what: Text, **given: Any) -> Row:
    empty = dict.fromkeys(COLUMNS, "") | {"on": None}
    return empty | {"kind": kind, "what_zh": what.zh, "what_en": what.en} | given


def _why(causes: tuple[Cause, ...]) -> Row:
    told = told_together(causes)
    return {"cause": "+".join(dict.fromkeys(c.kind for c in causes)), "why_zh": told.zh, "why_en": told.en}


def _of_finding(name: str, state: FindingState) -> Row:
    row = state.row
    names = (*_ABOUT, "case_id", "object_layer", "object_id", "subject_digest", "object_digest")
    return {"finding_id": name, **{n: row[n] or "" for n in names}, "on": (state.after or row)["judged_on"]}


def _case_rows(
    events: pd.DataFrame, states: Mapping[str, FindingState], start: dt.date, end: dt.date, words: Mapping[str, Text]
) -> list[Row]:
    """Return what changed of cases."""
    one, two = (
        {r["case_id"]: r for r in frame.astype(object).where(frame.notna(), None).to_dict("records")}
        for frame in (replayed(events, day if len(events) else None) for day in (start, end))
    )
    within = events[[start < day <= end for day in events["happened_on"]]] if len(events) else events
    people: dict[tuple[str, str], Row] = {}  # who changed which field of a case last
    for event in within[within["actor"] != MACHINE].to_dict("records"):
        who = {"person": event["actor"], "on": event["happened_on"]}
        people |= {(event["case_id"], name): who for name in event["changes"]}
    opened = {r["case_id"]: r["changes"] for r in within.drop_duplicates("case_id").to_dict("records")}
    sentences = {r["case_id"]: r["reason"] for r in within[within["kind"] == "found"].to_dict("records")}
    rows = []
    for case_id, after in two.items():
        before = one.get(case_id)
        if before == after:
            continue
        state = states.get(after["finding_id"] or "")
        about = {n: after[n] or "" for n in _ABOUT} | {"case_id": case_id, "finding_id": after["finding_id"] or ""}
        if state is not None:
            about |= _of_finding(after["finding_id"], state) | {"case_id": case_id} | _why(state.causes)
        if before is None:
            text = sentences.get(case_id) or after["subject_name"] or ""
            rows.append(
                _row("new", Text(text, text), **about | {"on": after["found_on"], "after": after["status"] or ""})
            )
            before = after | {
                "status": opened[case_id].get("status", (None, after["status"]))[1]
            }  # it may have gone on
        who = {name: people.get((case_id, name), {}) for name in ("status", "merged_into", *_TERMS)}
        rows += _changes_of_case(before, after, about, who, words)
    return rows


def _changes_of_case(
    before: Row, after: Row, about: Row, who: Mapping[str, Row], words: Mapping[str, Text]
) -> list[Row]:
    nobody = about | {"cause": "", "why_zh": "", "why_en": ""}
    rows = []
    if before["status"] != after["status"]:
        kind = "closed" if after["status"] == CLOSED else "moved_on"
        rows.append(
            _row(kind, _told("status", before, after, words), **nobody | who["status"] | _ends(before, after, "status"))
        )
    terms = [name for name in _TERMS if before[name] != after[name]]
    if terms:
        texts = [_told(name, before, after, words) for name in terms]
        what = Text("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))
        by = next((who[name] for name in terms if who[name]), None)
        rows.append(_row("terms_changed", what, **(about if by is None else nobody | by)))
    if before["merged_into"] != after["merged_into"]:
        kind, heir = ("merged", after["merged_into"]) if after["merged_into"] else ("split", before["merged_into"])
        rows.append(_row(kind, Text(str(heir), str(heir)), **nobody | who["merged_into"]))
    if before["seen"] != after["seen"] and after["seen"] in _SEEN:
        rows.append(
            _row(_SEEN[after["seen"]], _told("seen", before, after, words), **about, **_ends(before, after, "seen"))
        )
    return rows


def _ends(before: Row, after: Row, name: str) -> Row:
    return {"before": _text(before[name]), "after": _text(after[name])}


def _told(name: str, before: Row, after: Row, words: Mapping[str, Text]) -> Text:
    return _step(name, before[name], after[name], words)


def _step(name: str, one: Any, two: Any, words: Mapping[str, Text]) -> Text:
    plain = name.removeprefix("subject.").removeprefix("object.")
    title = words.get(plain, Text(plain, plain))
    zh, en = (
        " → ".join(words[str(v)].in_language(language) if str(v) in words else _text(v) or "—" for v in (one, two))
        for language in ("zh", "en")
    )
    return Text(f"{title.zh} {zh}", f"{title.en} {en}")


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _finding_rows(name: str, state: FindingState, told: set[str], words: Mapping[str, Text]) -> list[Row]:
    """Return what changed of one finding, other than what its case tells already."""
    about = _of_finding(name, state) | _why(state.causes)
    there = [row is not None and row["outcome"] not in LOST for row in (state.before, state.after)]
    if there[0] != there[1]:
        outcome = Text("线索新增", "new finding") if there[1] else Text("线索消失", "finding gone")
        return [] if about["case_id"] in told else [_row("finding_changed", outcome, **about)]
    if not all(there) or state.before is None or state.after is None:
        return []
    differences = {k: v for k, v in changed(state.before, state.after).items() if k not in _OF_CASE}
    groups: dict[str, dict[str, tuple[Any, Any]]] = {}
    for key, pair in differences.items():
        is_class = key == "object_class" or key.startswith(("subject.", "object."))
        kind = "moved_boundary" if key.endswith("_digest") else "class_changed" if is_class else "finding_changed"
        groups.setdefault(kind, {})[key] = pair
    rows = []
    for kind, found in groups.items():
        texts = [words[key] if key.endswith("_digest") else _step(key, *pair, words) for key, pair in found.items()]
        what = Text("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))
        side = "object" if set(found) == {"object_digest"} else "subject"
        one, two = (" / ".join(_text(pair[i]) for pair in found.values()) for i in (0, 1))
        rows.append(_row(kind, what, **about, side=side, before=one, after=two))
    return rows


def _rule_rows(states: Mapping[str, FindingState], runs: pd.DataFrame, start: dt.date, end: dt.date) -> list[Row]:
    """Return one row for each rule that is another one, with how many findings it made, unmade and changed."""
    until = {day: runs[[on <= day for on in runs["judged_on"]]] for day in (start, end)}
    if until[start].empty:
        return []
    one, two = (until[day].iloc[-1]["rules"] for day in (start, end))
    rows = []
    for rule in sorted(one.keys() | two.keys()):
        if one.get(rule) == two.get(rule):
            continue
        by_it = [s for s in states.values() if s.row["rule"] == rule and any(c.kind == RULE for c in s.causes)]
        there = [[r is not None and r["outcome"] not in LOST for r in (s.before, s.after)] for s in by_it]
        new, gone = there.count([False, True]), there.count([True, False])
        other = sum(
            t == [True, True] and bool(changed(s.before, s.after))
            for s, t in zip(by_it, there, strict=True)
            if s.before is not None and s.after is not None
        )
        what = Text(f"新增 {new}，消失 {gone}，变化 {other}", f"{new} new, {gone} gone, {other} changed")
        cause = Cause(RULE, rule, one.get(rule, ""), two.get(rule, ""))
        rows.append(_row("rule_changed", what, rule=rule, before=cause.before, after=cause.after, **_why((cause,))))
    return rows


def _target_rows(before: pd.DataFrame, after: pd.DataFrame) -> list[Row]:
    """Return the targets that are reached now and were not, or were and are not."""
    one = dict(zip(before["target"], before["is_reached"], strict=True))
    rows = []
    for row in after.to_dict("records"):
        was, now = one.get(row["target"]), row["is_reached"]
        states = [None if pd.isna(v) else bool(v) for v in (was, now)]
        if states[0] is not None and states[1] is not None and states[0] != states[1]:
            kind = "target_reached" if states[1] else "target_lost"
            rows.append(
                _row(
                    kind, Text(row["title_zh"], row["title_en"]), subject_id=row["target"], subject_name=row["title_zh"]
                )
            )
    return rows

"""Take in a ledger that an office kept by hand: its rows become first events of cases; doubtful ones are asked in a sheet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.cases.ledger.events import Event, append_all
from geosys.cases.ledger.moves import check_actor
from geosys.cases.ledger.standing import cases_now, short_hash
from geosys.content import hash_file
from geosys.exchange.cells import plain_text, read_cell
from geosys.exchange.layout import Column
from geosys.exchange.matching import DOUBTFUL, NONE, SURE, Match, Objects, Wanted, match_row
from geosys.exchange.sheets import read_workbook
from geosys.layers.codes import fold
from geosys.layers.values import angle, date, number, unclear_dates

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from geosys.cases.ledger.standing import Connection
    from geosys.exchange.applying import Hand
    from geosys.exchange.layout import Adoption, Layout, Words

RULE, UNSEEN = "by_hand", "not_assessed"
LEAVE = "不收"  # the decision to leave a row out
KNOWN, TAKEN = "known", "taken"
TEXTS = ("person", "measures", "progress", "note")
DATES = ("found_on", "due_on", "done_on")
_NONE = Text("", "")


@dataclass(frozen=True, slots=True)
class HandRow:
    """Hold one row: its line in the sheet, what each of our columns says, the cells that are not ours by title."""

    line: int
    cells: Mapping[str, Any]
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HandLedger:
    """Hold a ledger kept by hand: file, hash, sheet, rows, and the sender's title of each of our columns."""

    file: str
    digest: str
    table: str
    rows: tuple[HandRow, ...]
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Adopted:
    """Hold what becomes of one row: `sure`, `doubtful`, `none`, `known` (taken in before); candidates as layer and id; events' fields."""

    row: HandRow
    verdict: str
    candidates: tuple[tuple[str, str, str], ...]
    why: Text
    case_id: str = ""
    fields: Mapping[str, Any] | None = None


def read_hand_ledger(path: Path, adopt: Adoption, table: str | None = None) -> HandLedger:
    """Read a ledger kept by hand, wherever its header stands.

    Raises
    ------
    DeliveryError
        When it is no workbook, has no header, or none of its columns names an object.
    """
    words = [name for names in adopt.columns.values() for name in names]
    reading = read_workbook(path, table, None, words)
    titles: dict[str, str] = {}
    for field, names in adopt.columns.items():
        spelled = [fold(name) for name in names]
        found = [title for title in reading.columns if fold(title) in spelled and title not in titles.values()]
        if found:
            titles[field] = min(found, key=lambda title: spelled.index(fold(title)))
    if not {"code", "name"} & set(titles):
        raise DeliveryError(
            f"{path.name}: got the columns {', '.join(list(reading.columns)[:20])}, expected one with the code or name of the object. "
            "Add its title to cases/exchange.toml [adopt.columns]."
        )
    others = [title for title in reading.columns if title not in titles.values()]
    rows = []
    for at in range(reading.size):
        cells = {field: reading.columns[title][at] for field, title in titles.items()}
        extra = {title: plain_text(v) for title in others if (v := reading.columns[title][at]) not in (None, "")}
        rows.append(HandRow(reading.lines[at] if reading.lines else at + 1, cells, extra))
    return HandLedger(path.name, hash_file(path), reading.table, tuple(rows), titles)


def judge_rows(
    connection: Connection,
    ledger: HandLedger,
    objects: Objects,
    layout: Layout,
    words: Words,
    place: Callable[[float, float], tuple[float, float] | None],
    decisions: Mapping[int, str],
    today: dt.date,
) -> list[Adopted]:
    """Return what becomes of each row; nothing is written.

    Parameters
    ----------
    place
        Turns longitude and latitude into the plan's CRS, None for what lies outside it.
    decisions
        What people decided, by line: an object as `layer:id`, or `LEAVE`.
    """
    cases = cases_now(connection)
    of_object: dict[tuple[str, str], list[str]] = {}
    for case_id, case in cases.items():
        of_object.setdefault((case["subject_layer"], case["subject_id"]), []).append(case_id)
    judged = [_judge(row, objects, layout, words, place, decisions, today, cases, of_object) for row in ledger.rows]
    counts = Counter(told.case_id for told in judged if told.verdict == SURE)
    several = Text("表里有几行对应同一事项", "several rows mean the same case")
    return [
        Adopted(t.row, DOUBTFUL, t.candidates, several) if t.verdict == SURE and counts[t.case_id] > 1 else t for t in judged
    ]  # fmt: skip


def _judge(
    row: HandRow, objects: Objects, layout: Layout, words: Words, place: Callable[[float, float], tuple[float, float] | None],
    decisions: Mapping[int, str], today: dt.date, cases: Mapping[str, Mapping[str, Any]], of_object: Mapping[tuple[str, str], list[str]],
) -> Adopted:  # fmt: skip
    decision = decisions.get(row.line, "")
    match = _decided(decision, objects) or match_row(_wanted(row, place), objects, layout.adopt)
    frame = objects.frame
    candidates = tuple(
        (str(frame["layer"].iloc[at]), str(frame["feature_id"].iloc[at]), _name(frame["name"].iloc[at]))
        for at in match.candidates
    )
    if decision == LEAVE:
        return Adopted(row, NONE, (), Text("决定不收", "left out by decision"))
    if match.verdict != SURE:
        return Adopted(row, match.verdict, candidates, match.why)
    layer, feature_id, name = candidates[0]
    fields, fault = _fields(row, layout, words, today)
    if fault is not None:
        return Adopted(row, DOUBTFUL, candidates, fault)
    identity = [layer, feature_id, plain_text(row.cells.get("problem") or ""), str(fields["found_on"])]
    own = f"H{short_hash(identity)[:12]}"
    if own in cases:
        return Adopted(row, KNOWN, candidates, Text("已接收过", "taken in before"), own)
    there = of_object.get((layer, feature_id), [])
    if there:
        return _onto_case(row, candidates, there, cases, fields)
    first = {
        "finding_id": own, "rule": RULE, "subject_layer": layer, "subject_id": feature_id, "subject_name": name or feature_id,
        "object_id": "", "seen": UNSEEN, "due_on": fields.pop("assigned_due_on", None), "lead": fields.get("assigned_lead") or "",
    }  # fmt: skip
    return Adopted(row, SURE, candidates, match.why, own, first | fields)


def _name(value: object) -> str:
    return str(value) if isinstance(value, str) else ""


def _decided(decision: str, objects: Objects) -> Match | None:
    layer, _, feature_id = decision.partition(":")
    frame = objects.frame
    found = frame.index[(frame["layer"] == layer) & (frame["feature_id"].astype(str) == feature_id)]
    return Match(SURE, (int(found[0]),), Text("按决定", "as decided")) if len(found) else None


def _wanted(row: HandRow, place: Callable[[float, float], tuple[float, float] | None]) -> Wanted:
    texts = {name: plain_text(row.cells[name]).strip() for name in ("code", "name") if row.cells.get(name) is not None}
    degrees = [_degrees(row.cells.get(name)) for name in ("longitude", "latitude")]
    point = place(degrees[0], degrees[1]) if degrees[0] is not None and degrees[1] is not None else None
    x, y = point or (None, None)
    return Wanted(**texts, x=x, y=y)


def _degrees(value: object) -> float | None:
    found = number(value)
    return found if found is not None else angle(value)


def _fields(row: HandRow, layout: Layout, words: Words, today: dt.date) -> tuple[dict[str, Any], Text | None]:
    """Return the fields of a case that a row gives, or what in it cannot be read."""
    days = {name: row.cells.get(name) for name in DATES if row.cells.get(name) not in (None, "")}
    read = {name: None if unclear_dates(value) else date(value) for name, value in days.items()}
    wrong = [name for name, day in read.items() if day is None]
    if wrong:
        shown = "、".join(plain_text(days[name]) for name in wrong)
        return {}, Text(f"日期读不出：{shown}", f"no day can be read in {', '.join(wrong)}")
    word = plain_text(row.cells.get("status") or "").strip()
    state = layout.adopt.states.get(fold(word)) or words.code("state", word) if word else "found"
    if state is None:
        return {}, Text(f"不知道“{word}”是什么状态", f"no state is known as '{word}'")
    office = plain_text(row.cells.get("lead") or "").strip()
    lead = words.code("office", office) if office else None
    if office and lead is None:
        return {}, Text(f"不知道“{office}”是哪个单位", f"no office is known as '{office}'")
    handled = plain_text(row.cells.get("handling") or "").strip()
    column = next((c for c in layout.columns if c.field == "handling"), Column("handling", _NONE, 8))
    handling = read_cell(handled or None, column, words)
    if handling.kind:
        return {}, handling.text
    found_on = read.get("found_on") or today
    texts = {name: text for name in TEXTS if (text := plain_text(row.cells.get(name) or "").strip())}
    told = {
        "assigned_lead": lead,
        "assigned_due_on": read.get("due_on"),
        "done_on": read.get("done_on"),
        "handling": handling.value,
    }
    return {"status": state, "found_on": found_on, **texts, **{k: v for k, v in told.items() if v is not None}}, None


def _onto_case(
    row: HandRow, candidates: tuple[tuple[str, str, str], ...], there: Sequence[str], cases: Mapping[str, Mapping[str, Any]], fields: dict[str, Any]
) -> Adopted:  # fmt: skip
    """Return what a row adds to the one case of its object: empty fields are filled, nothing is overwritten, no state jumps."""
    if len(there) > 1:
        return Adopted(
            row,
            DOUBTFUL,
            candidates,
            Text(f"该对象已有几个事项：{'、'.join(there)}", f"the object has several cases: {', '.join(there)}"),
        )
    case = cases[there[0]]
    told = {
        name: value for name, value in fields.items() if name not in ("found_on", "assigned_lead", "assigned_due_on")
    }
    differing = [name for name, value in told.items() if case[name] not in (None, "", value)]
    if differing:
        zh = f"与已有事项 {there[0]} 不同：{'、'.join(f'{n} {case[n]} ≠ {told[n]}' for n in differing)}"
        return Adopted(
            row, DOUBTFUL, candidates, Text(zh, f"differs from case {there[0]} in {', '.join(differing)}"), there[0]
        )
    added = {name: value for name, value in told.items() if case[name] in (None, "")}
    if not added:
        return Adopted(
            row, KNOWN, candidates, Text(f"事项 {there[0]} 已有这些内容", f"case {there[0]} says so already"), there[0]
        )
    return Adopted(
        row, SURE, candidates, Text(f"补入已有事项 {there[0]}", f"added to case {there[0]}"), there[0], added
    )


def take_over(connection: Connection, ledger: HandLedger, judged: Sequence[Adopted], hand: Hand) -> int:
    """Append the first events of the rows that are sure, all or none of them, and return how many there are.

    Raises
    ------
    WorkspaceError
        When the name is nobody's.
    """
    check_actor(ledger.file, hand.actor)
    cases = cases_now(connection)
    events = []
    for told in judged:
        if told.verdict != SURE or told.fields is None:
            continue
        changes = {
            name: (cases.get(told.case_id, {}).get(name), value)
            for name, value in told.fields.items()
            if value is not None
        }
        source: dict[str, Any] = {
            "file": ledger.file,
            "digest": ledger.digest,
            "table": ledger.table,
            "row": told.row.line,
        }
        source |= {"extra": dict(told.row.extra)} if told.row.extra else {}
        problem = plain_text(told.row.cells.get("problem") or "").strip()
        reason = problem if told.case_id not in cases else told.why.zh
        events.append(
            Event(
                told.case_id,
                "import",
                hand.today,
                hand.actor.strip(),
                changes,
                reason=reason,
                source=source,
                recorded_at=hand.recorded_at,
            )
        )
    append_all(connection, events)
    return len(events)

"""The difference between a sheet that came back and the ledger: cell by cell, as it was at export, is in the sheet, and is now.

Nothing is written here. A row with anything wrong is held back as a whole: half a row is nobody's decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.cases.ledger import standing
from geosys.exchange.cells import means_empty, plain_text, read_cell, same
from geosys.exchange.objections import EXTRA, find_lacking, find_shifted, object_to_cell, object_to_row
from geosys.exchange.problems import HELD, STOP, Problem

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys.cases.ledger.standing import Connection
    from geosys.exchange.layout import Layout, Words
    from geosys.exchange.reading import Record, Returned, Row


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one cell that differs: case, field (or `extra:` and a title), title, sheet row and cell; then, now, and in the sheet."""

    case_id: str
    field: str
    title: str
    row: int
    cell: str
    at_export: Any
    in_ledger: Any
    in_sheet: Any


@dataclass(frozen=True, slots=True)
class RowChange:
    """Hold what one row asks for: its changes, what it gives for a move, and the version of the case that it is held against."""

    case_id: str
    row: int
    changes: tuple[Change, ...]
    given: Mapping[str, str]
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold what an import would do: the rows to take in, all cells that differ, and every problem."""

    file: str
    digest: str
    exported_at: int
    rows_read: int
    rows: tuple[RowChange, ...] = ()
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    held: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_stopped(self) -> bool:
        """Say whether the whole file is refused."""
        return any(problem.reach == STOP for problem in self.problems)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing is held back."""
        return not any(problem.reach in (STOP, HELD) for problem in self.problems)

    def with_problems(self, more: Sequence[Problem]) -> Difference:
        """Return the difference with further problems, the rows they hold back taken out."""
        problems = (*self.problems, *more)
        held = self.held | {p.case_id for p in more if p.reach == HELD}
        stopped = any(p.reach == STOP for p in problems)
        rows = () if stopped else tuple(row for row in self.rows if row.case_id not in held)
        return replace(self, problems=problems, held=held, rows=rows)


@dataclass(slots=True)
class _Found:
    """Gather what rows say."""

    rows: list[RowChange] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sides:
    """Hold cases and own columns as they were at export and as they are now."""

    base: Mapping[str, standing.Case]
    now: Mapping[str, standing.Case]
    base_extra: Mapping[str, Mapping[str, str]]
    now_extra: Mapping[str, Mapping[str, str]]


def difference(connection: Connection, returned: Returned, layout: Layout, words: Words, today: dt.date) -> Difference:
    """Return what differs between a sheet and the ledger, as it was at export and as it is now.

    Parameters
    ----------
    connection
        Reading the ledger, or writing it: what is then applied must be found in the same transaction.
    today
        The day that the changes would be dated.
    """
    record = returned.record
    start = Difference(returned.file, returned.digest, record.sequence if record else -1, len(returned.rows))
    start = start.with_problems(returned.problems)
    if record is None or start.is_stopped:
        return start
    start = start.with_problems(_check_ledger(connection, record))
    if start.is_stopped:
        return start
    sides, changed = _sides(connection, record)
    start = start.with_problems(changed)
    found = _Found()
    for row in returned.rows:
        if row.case_id in record.cases and row.case_id not in start.held:
            _judge(connection, row, returned, layout, words, sides, today, found)
    found.problems += find_shifted(returned, layout, words, sides.base, {change.case_id for change in found.changes})
    whole = replace(start, rows=tuple(found.rows), changes=tuple(found.changes))
    return whole.with_problems(found.problems)


def _check_ledger(connection: Connection, record: Record) -> list[Problem]:
    """Return why a sheet is not of this ledger, or is older than one that was taken in."""
    if record.sequence and standing.hash_of_event(connection, record.sequence) != record.told["hash"]:
        told = Text(
            "不是从这个台账导出的，或台账恢复过旧备份；请重新导出",
            "not exported from this ledger, or the ledger was restored. Export again",
        )
        return [Problem("other_ledger", told)]
    later = [
        at
        for case_id, at in standing.imports_since(connection, record.sequence)
        if at > record.sequence and case_id in record.cases
    ]
    if later:
        zh = f"之后导出的表（第 {max(later)} 号事件时）已经导入过，这是更早的表；请用新导出的表"
        en = (
            f"a sheet exported later (at event {max(later)}) has been taken in: this one is older. Fill in a new export"
        )
        return [Problem("older_file", Text(zh, en))]
    return []


def _sides(connection: Connection, record: Record) -> tuple[Sides, list[Problem]]:
    """Return both sides of the cases of a sheet, and those whose record is not what the ledger says."""
    now = standing.cases_now(connection)
    moved = [c for c, (version, _, _) in record.cases.items() if c in now and now[c]["version"] != version]
    base = {c: now[c] for c in record.cases if c in now} | standing.cases_at(connection, moved, record.sequence)
    wrong = [
        c for c, (_, hashed, _) in record.cases.items() if c not in base or standing.hash_of_case(base[c]) != hashed
    ]
    told = Text("隐藏记录与台账不符，整行没有采用", "its record is not what the ledger says: the row is not taken in")
    extras = standing.extras_at(connection, record.sequence), standing.extras_at(connection)
    return Sides(base, now, *extras), [Problem("case_changed", told, case_id=case_id) for case_id in wrong]


def _judge(
    connection: Connection, row: Row, returned: Returned, layout: Layout, words: Words, sides: Sides, today: dt.date, found: _Found
) -> None:  # fmt: skip
    """Add what one row asks for, and what is wrong with it."""
    base, now = sides.base[row.case_id], sides.now[row.case_id]
    changes: list[Change] = []
    given: dict[str, str] = {}
    is_there_already = False
    for column in layout.columns:
        if column.locked or column.name not in returned.places:
            continue
        cell = row.cells.get(column.name)
        where: dict[str, Any] = {"row": row.number, "cell": returned.cell(row, column.name), "case_id": row.case_id}
        said = read_cell(cell, column, words)
        empties = bool(column.field) and means_empty(cell, layout.clear_word)
        if said.kind and not empties:
            found.problems.append(Problem(said.kind, said.text, **where))
        if column.given:
            if said.value:
                given[column.given] = str(said.value)
            continue
        was, is_now, wanted = base[column.field], now[column.field], None if empties else said.value
        if (wanted is None and not empties and said.kind) or same(wanted, was):
            continue
        change = Change(row.case_id, column.field, column.title.zh, row.number, where["cell"], was, is_now, wanted)
        if same(wanted, is_now):
            is_there_already = True
            continue
        found.changes.append(change)
        problem = object_to_cell(connection, change, column.title, empties=empties, since=returned.record)
        if problem:
            found.problems.append(problem)
        changes.append(change)
    changes += _extra_changes(connection, row, returned, layout, sides, found)
    found.problems += object_to_row(row, changes, given, now, today, is_there_already=is_there_already)
    found.problems += find_lacking(row, changes, given, layout, returned)
    if changes:
        found.rows.append(RowChange(row.case_id, row.number, tuple(changes), given, now["version"]))


def _extra_changes(
    connection: Connection, row: Row, returned: Returned, layout: Layout, sides: Sides, found: _Found
) -> list[Change]:
    """Return what changed in columns that are an office's own; formulas are kept there as their text."""
    base, now = (side.get(row.case_id, {}) for side in (sides.base_extra, sides.now_extra))
    titles = [title for title in returned.places if title not in {c.name for c in layout.columns}]
    changes = []
    for title in titles:
        cell = row.extra.get(title)
        empties = means_empty(cell, layout.clear_word)
        wanted = "" if cell is None or empties else plain_text(cell).strip()
        was, is_now = base.get(title, ""), now.get(title, "")
        if same(wanted, was) or same(wanted, is_now):
            continue
        where = returned.cell(row, title)
        change = Change(
            row.case_id, EXTRA + title, title, row.number, where, was or None, is_now or None, wanted or None
        )
        found.changes.append(change)
        problem = object_to_cell(connection, change, Text(title, title), empties=empties, since=returned.record)
        if problem:
            found.problems.append(problem)
        if wanted.startswith("=") and cell is not None and not isinstance(cell, str):
            told = Text(
                f"“{title}”是公式，按文字保存：{wanted[:60]}", f"'{title}' is a formula, kept as text: {wanted[:60]}"
            )
            found.problems.append(Problem("formula_kept", told, row.number, where, row.case_id))
        changes.append(change)
    return changes

"""Why a changed cell, a row or a whole sheet cannot be taken in as it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.cases.ledger import standing
from geosys.exchange.cells import is_cut, plain_text, read_cell, same
from geosys.exchange.problems import Problem

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from geosys.cases.ledger.standing import Connection
    from geosys.exchange.changes import Change
    from geosys.exchange.layout import Column, Layout, Words
    from geosys.exchange.reading import Record, Returned, Row

EXTRA = "extra:"  # before the title of a column that is an office's own
NEVER_EMPTY = ("status", "assigned_lead", "assigned_due_on")
LEAST_SHIFTED, SHIFTED_SHARE = (
    3,
    0.8,
)  # so many changed rows that hold each other's cells were sorted apart from their keys


def object_to_cell(
    connection: Connection, change: Change, title: Text, *, empties: bool, since: Record | None
) -> Problem | None:
    """Return why one changed cell cannot be taken in, None where it can."""
    where: dict[str, Any] = {"row": change.row, "cell": change.cell, "case_id": change.case_id}
    if not same(change.in_ledger, change.at_export):
        who = standing.changed_by(
            connection, change.case_id, since.sequence if since else 0, change.field.removeprefix(EXTRA)
        )
        shown = [_told(v) for v in (change.at_export, change.in_ledger, change.in_sheet)]
        zh = f"“{title.zh}”被改了两次：导出时“{shown[0]}”，现在“{shown[1]}”（{who}），表里“{shown[2]}”"
        en = f"'{title.en}' was edited twice: '{shown[0]}' at export, '{shown[1]}' now ({who}), '{shown[2]}' in the sheet"
        return Problem("edited_twice", Text(zh, en), **where)
    if is_cut(change.at_export):
        told = Text(
            f"“{title.zh}”太长，表里只有开头；请在系统里改",
            f"'{title.en}' is too long for a sheet, which has only its beginning",
        )
        return Problem("cut_text", told, **where)
    if change.in_sheet is None and change.field in NEVER_EMPTY:
        told = Text(f"“{title.zh}”不能清空", f"'{title.en}' cannot be emptied")
        return Problem("cell_emptied", told, **where)
    if change.in_sheet is None and not empties:
        zh = f"“{title.zh}”原为“{_told(change.at_export)}”，被清空了；确要清空请填“（清空）”这个词"
        return Problem(
            "cell_emptied", Text(zh, f"'{title.en}' was emptied: write the clearing word if it is meant"), **where
        )
    return None


def object_to_row(
    row: Row,
    changes: Sequence[Change],
    given: Mapping[str, str],
    now: standing.Case,
    today: dt.date,
    *,
    is_there_already: bool,
) -> list[Problem]:
    """Return why a row as a whole cannot be taken in."""
    where: dict[str, Any] = {"row": row.number, "case_id": row.case_id}
    if changes and now["merged_into"]:
        told = Text(f"事项已并入 {now['merged_into']}", f"the case was merged into {now['merged_into']}")
        return [Problem("closed_case", told, **where)]
    if changes and now["human_on"] is not None and now["human_on"] > today:
        zh = f"事项在 {now['human_on']} 已有记录，不能再记 {today} 的事"
        return [
            Problem(
                "dated_before",
                Text(zh, f"the case has an event of {now['human_on']}: nothing can be dated {today}"),
                **where,
            )
        ]
    if given and not changes and not is_there_already:
        told = Text(
            "填了本次证据、理由或复核人，但没有改动，没有采用",
            "evidence, reason or second person without a change: not taken in",
        )
        return [Problem("given_alone", told, **where)]
    return []


def find_lacking(
    row: Row, changes: Sequence[Change], given: Mapping[str, str], layout: Layout, returned: Returned
) -> list[Problem]:
    """Return which cells were changed without a move and without what that needs."""
    names = {change.field for change in changes}
    if "status" in names:
        return []  # the move says what it needs
    needs = [(c, [n for n in c.needs if not given.get(n)]) for c in layout.columns if c.field in names]
    return [
        Problem(
            "needs_lacking",
            _needs_text(column, missing, layout),
            row.number,
            returned.cell(row, column.name),
            row.case_id,
        )
        for column, missing in needs
        if missing
    ]


def _needs_text(column: Column, missing: Sequence[str], layout: Layout) -> Text:
    titles = {c.given: c.title for c in layout.columns if c.given}
    zh, en = ("、".join(titles[n].zh for n in missing), ", ".join(titles[n].en for n in missing))
    return Text(
        f"改“{column.title.zh}”须在同一行填“{zh}”", f"'{column.title.en}' is changed without '{en}' in the same row"
    )


def find_shifted(
    returned: Returned, layout: Layout, words: Words, base: Mapping[str, standing.Case], names: Collection[str]
) -> list[Problem]:
    """Return whether cells were sorted apart from their keys: then the changed rows hold each other's cells."""
    rows = [row for row in returned.rows if row.case_id in names]
    columns = [c for c in layout.columns if c.field and not c.locked and c.name in returned.places]
    then = Counter(str([_said_of(base[row.case_id][c.field]) for c in columns]) for row in rows)
    is_now = Counter(str([_said_of(read_cell(row.cells.get(c.name), c, words).value) for c in columns]) for row in rows)
    same_rows = sum((then & is_now).values())
    if len(rows) < LEAST_SHIFTED or same_rows < SHIFTED_SHARE * len(rows):
        return []
    zh = f"{same_rows} 行的内容与别的行对调：填写的列与编号分开排了序，全表没有采用"
    en = f"{same_rows} rows hold what other rows held: columns were sorted apart from their keys. Nothing is taken in"
    return [Problem("rows_shifted", Text(zh, en))]


def _told(value: object) -> str:
    return "" if value is None else str(value)[:60]


def _said_of(value: object) -> str:
    return "" if value is None else plain_text(value).strip()

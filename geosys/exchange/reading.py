"""Read a ledger that comes back: its hidden record, its columns by their titles, its rows by their keys; nothing is decided yet."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.content import hash_file
from geosys.exchange.export import FORMAT, KIND, NOTES, PAPERS_SHEET, RECORD, locked_hash
from geosys.exchange.layout import KEY
from geosys.exchange.ledger_sheet import FIRST, LISTS
from geosys.exchange.problems import STOP, Problem
from geosys.exchange.sheets import cell_name, read_grids
from geosys.layers.codes import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.exchange.layout import Column, Layout
    from geosys.exchange.sheets import Grid

HEADER_SEARCH_ROWS = 20


@dataclass(frozen=True, slots=True)
class Record:
    """Hold what the hidden sheet says: of the ledger at export, and of each case (version, hash, hash of locked cells)."""

    told: Mapping[str, Any]
    cases: Mapping[str, tuple[int, str, str]]

    @property
    def sequence(self) -> int:
        """Return the number of the ledger's last event at the export."""
        return int(self.told["sequence"])


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row: its place (from 1), its key, its cells by column, and the cells of columns that are not ours by title."""

    number: int
    case_id: str
    cells: Mapping[str, object]
    extra: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Returned:
    """Hold a sheet that came back; `places` tells at which column (from 0) each column, or title of an extra one, stands."""

    file: str
    digest: str
    record: Record | None = None
    rows: tuple[Row, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def cell(self, row: Row, name: str) -> str:
        """Return the name of a row's cell in a column."""
        return cell_name(row.number - 1, self.places[name])


def read_returned(path: Path, layout: Layout) -> Returned:
    """Read a workbook that was exported, with all that is wrong in its form.

    Raises
    ------
    DeliveryError
        When the file is no workbook.
    """
    grids = read_grids(path)
    file, digest = path.name, hash_file(path)
    problems: list[Problem] = []
    record = _read_record(grids.get(RECORD), problems)
    if record is None:
        return Returned(file, digest, problems=tuple(problems))
    grid, top = _find_sheet(grids, layout)
    if grid is None:
        zh, en = layout.key.title.zh, layout.key.title.en
        told = Text(f"没有找到有“{zh}”一列的表", f"no sheet has the column '{zh}' ({en})")
        return Returned(file, digest, record, problems=(Problem("key_column", told),))
    places, extra = _columns(_titles(grid, top), layout, record, problems)
    rows = _rows(grid, top + FIRST, places, extra, layout.key.name)
    if not any(problem.reach == STOP for problem in problems):
        problems += _row_problems(rows, layout, record, places)
    return Returned(file, digest, record, tuple(rows), places | extra, tuple(problems))


def _titles(grid: Grid, top: int) -> list[str]:
    """Return the titles of all columns; one without a title but with a value is named by its letters."""
    width = max(len(line) for line in grid[top:])
    titles = ["" if cell is None else str(cell).strip() for cell in grid[top]]
    titles += [""] * (width - len(titles))
    for at in [at for at, title in enumerate(titles) if not title]:
        if any(_at(line, at) is not None for line in grid[top + FIRST :]):
            titles[at] = f"（无表头 {cell_name(0, at)[:-1]}）"
    return titles


def _read_record(grid: Grid | None, problems: list[Problem]) -> Record | None:
    if grid is None:
        told = Text(
            "没有系统的隐藏记录：不是系统导出的台账，或内容被复制到了新文件；请重新导出，手工台账用 adopt",
            "it has no record of an export: not exported by GeoSys, or copied into another file. Export again, or use 'adopt'",
        )
        problems.append(Problem("no_record", told))
        return None
    try:
        top = next(i for i, row in enumerate(grid) if row and row[0] == KEY)
        told_of = {str(row[0]): json.loads(str(row[1])) for row in grid[:top]}
        cases = {str(row[0]): (int(str(row[1])), str(row[2]), str(row[3])) for row in grid[top + 1 :]}
        _check_record(told_of)
    except (StopIteration, ValueError, KeyError, IndexError, TypeError):
        told = Text("隐藏记录被改动，不能读取；请重新导出", "its record of the export was changed. Export again")
        problems.append(Problem("record_changed", told))
        return None
    return Record(told_of, cases)


def _check_record(told: Mapping[str, Any]) -> None:
    """Raise where a record is of another kind, of a newer program, or lacks something."""
    if told["kind"] != KIND or told["format"] > FORMAT:
        raise ValueError(told["kind"])
    int(told["sequence"]), str(told["hash"]), dict(told["columns"]), list(told["extras"])


def _find_sheet(grids: Mapping[str, Grid], layout: Layout) -> tuple[Grid | None, int]:
    """Return the sheet with the key column and the row of its header; the sheet may have another name by now."""
    key = fold(layout.key.title.zh)
    ours = {RECORD, LISTS, NOTES, PAPERS_SHEET}
    names = [layout.title.zh, *(name for name in grids if name != layout.title.zh and name not in ours)]
    for name in names:
        for top, row in enumerate(grids.get(name, [])[:HEADER_SEARCH_ROWS]):
            if any(isinstance(cell, str) and fold(cell) == key for cell in row):
                return grids[name], top
    return None, 0


def _columns(
    titles: Sequence[str], layout: Layout, record: Record, problems: list[Problem]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return where each column stands, and each one that is not ours; what was renamed, doubled or lost is told."""
    folded = [fold(title) for title in titles]
    places: dict[str, int] = {}
    taken: set[int] = set()
    order = {name: at for at, name in enumerate(record.told["columns"])}
    for column in layout.columns:
        found = [at for at, title in enumerate(folded) if title == fold(column.title.zh)]
        if len(found) > 1:
            cells = "、".join(cell_name(0, at) for at in found)
            told = Text(
                f"“{column.title.zh}”一列出现 {len(found)} 次（{cells}）",
                f"'{column.title.en}' stands there {len(found)} times",
            )
            problems.append(Problem("column_doubled", told))
        taken |= set(found)
        if found:
            places[column.name] = found[0]
    extra = {title: at for at, title in enumerate(titles) if title and at not in taken}
    known = set(record.told["extras"])
    for column in layout.columns:
        if column.name in places or column.name not in order:
            continue
        at = order[column.name]
        name = titles[at] if at < len(titles) else ""
        problems.append(_lost(column, name if name in extra and name not in known else ""))
    for title, place in extra.items():
        if title not in known:
            told = Text(f"多出的一列“{title}”，内容原样保存", f"the column '{title}' is not ours: kept as it is")
            problems.append(Problem("column_added", told, cell=cell_name(0, place)))
    return places, extra


def _lost(column: Column, name: str) -> Problem:
    zh, en = column.title.zh, column.title.en
    if column.locked:
        told = Text(
            f"锁定的“{zh}”一列被改名或删除{f'（现为“{name}”）' if name else ''}",
            f"the locked column '{en}' was renamed or removed",
        )
        return Problem("locked_column", told)
    if name:
        told = Text(f"“{zh}”的表头变成了“{name}”，这一列没有采用", f"the header '{en}' became '{name}': not taken in")
        return Problem("column_renamed", told)
    return Problem(
        "column_missing", Text(f"没有“{zh}”一列，按未填处理", f"the column '{en}' is gone: taken as not filled in")
    )


def _rows(grid: Grid, first: int, places: Mapping[str, int], extra: Mapping[str, int], key_name: str) -> list[Row]:
    rows = []
    for number, line in enumerate(grid[first:], first + 1):
        if all(_blank(cell) for cell in line):
            continue
        cells = {name: _at(line, place) for name, place in places.items()}
        key = cells[key_name]
        others = {title: value for title, place in extra.items() if (value := _at(line, place)) is not None}
        rows.append(Row(number, "" if key is None else str(key).strip(), cells, others))
    return rows


def _at(line: Sequence[object], place: int) -> object:
    value = line[place] if place < len(line) else None
    return None if _blank(value) else value


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _row_problems(rows: Sequence[Row], layout: Layout, record: Record, places: Mapping[str, int]) -> list[Problem]:
    """Return what is wrong with keys and locked cells, and which cases are not there."""
    counts = Counter(row.case_id for row in rows)
    gone = {locked: case_id for case_id, (_, _, locked) in record.cases.items() if case_id not in counts}
    problems: list[Problem] = []
    told_of = set()
    for row in rows:
        where: dict[str, Any] = {
            "row": row.number,
            "cell": cell_name(row.number - 1, places[layout.key.name]),
            "case_id": row.case_id,
        }
        locked = locked_hash(_locked_cells(row, layout))
        if counts[row.case_id] > 1:
            zh, en = (
                f"编号“{row.case_id}”出现 {counts[row.case_id]} 次，都没有采用",
                f"the key stands in {counts[row.case_id]} rows: none is taken in",
            )
            problems.append(Problem("duplicate_key", Text(zh, en), **where))
        elif row.case_id not in record.cases:
            was = gone.get(locked, "")
            told_of.add(was)
            problems.append(_strange_key(row, was, where))
        elif locked != record.cases[row.case_id][2]:
            told = Text(
                "锁定的格与导出时不同，整行没有采用",
                "locked cells are not as they were exported: the row is not taken in",
            )
            problems.append(Problem("locked_changed", told, **where))
    for case_id in gone.values():
        if case_id not in told_of:
            told = Text(
                f"导出的 {case_id} 不在表里；事项不受影响",
                f"{case_id} was exported and is not in the sheet: the case stays as it is",
            )
            problems.append(Problem("row_deleted", told, case_id=case_id))
    order = [row.case_id for row in rows if row.case_id in record.cases]
    if order != [case_id for case_id in record.cases if case_id in counts] and max(counts.values(), default=0) == 1:
        told = Text("行的次序变了；按编号对应，不受影响", "the rows are in another order: they are known by their keys")
        problems.append(Problem("rows_sorted", told))
    return problems


def _locked_cells(row: Row, layout: Layout) -> list[object]:
    values = [row.cells.get(column.name) for column in layout.locked]
    return [value.date() if isinstance(value, dt.datetime) else value for value in values]


def _strange_key(row: Row, was: str, where: Mapping[str, Any]) -> Problem:
    if was:
        told = Text(
            f"编号 {was} 被改成“{row.case_id}”，整行没有采用",
            f"the key {was} became '{row.case_id}': the row is not taken in",
        )
        return Problem("key_changed", told, **where)
    zh = f"编号“{row.case_id}”不是导出的事项，整行没有采用"
    return Problem(
        "unknown_key", Text(zh, f"'{row.case_id}' was not exported with this sheet: the row is not taken in"), **where
    )

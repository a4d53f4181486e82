"""Take what the cells of measured items say: a number in the standard's unit, a detection limit, or why it is neither."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geosys._text import Text
from geosys.layers.values import measurement, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.standards.water_items import ItemColumn

# What stands in the place of a number where none was measured.
MARKS = frozenset({
    "维护", "停站", "停运", "故障", "校准", "断流", "冰封", "未测", "未监测", "未检测", "未采样", "无水", "缺测", "缺失", "无", "异常", "极值过滤",
    "质控", "离线", "待测", "停测", "停用", "关停", "检修",
})  # fmt: skip
MOST_PH = 14.0
_MISSING = Text("缺测", "missing")


@dataclass(frozen=True, slots=True)
class Quantity:
    """Hold what the cells of an item may be.

    Attributes
    ----------
    text
        The item's name.
    is_ph
        From 0 to 14.
    is_signed
        May be below zero; zero is then nothing to suspect.
    may_be_below
        Whether it has a detection limit.
    """

    text: Text
    is_ph: bool = False
    is_signed: bool = False
    may_be_below: bool = True


@dataclass(slots=True)
class MeasuredTable:
    """Hold the rows as they came and what was read from them.

    Attributes
    ----------
    columns
        The sender's cells by column, in order.
    used
        The column of each item.
    numbers, below
        By item id, in the standard's unit; `below` says where a value is a detection limit.
    unusable
        By item id where a cell holds something of which no number could be made.
    reasons
        For each row what could not be used.
    notes
        What concerns the whole table.
    problems
        How many cells or columns hold something that nobody can read.
    """

    columns: dict[str, NDArray[np.object_]]
    used: dict[str, ItemColumn]
    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    below: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    unusable: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    reasons: list[list[Text]] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    problems: int = 0

    def __post_init__(self) -> None:
        if not self.reasons:
            self.reasons = [[] for _ in range(self.size)]

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def column(self, words: Sequence[str]) -> list[str]:
        """Return the columns that bear one of some names."""
        return [name for name in self.columns if name.strip().lower() in words]

    def tell_once(self, header: str, text: Text, *, is_value: bool = False) -> None:
        """Note what concerns a column, and tell it at the first row where the column has a cell, or a value."""
        self.notes.append(text)
        read = measurement if is_value else plain
        row = next((i for i, cell in enumerate(self.columns[header]) if read(cell) is not None), None)
        if row is not None:
            self.reasons[row].append(text)


class _Cell(NamedTuple):
    """Hold what one cell says."""

    number: float = np.nan
    is_below: bool = False
    is_unusable: bool = False
    why: Text | None = None
    is_problem: bool = False
    is_missing: bool = False


def take_cells(
    found: MeasuredTable, item: str, column: ItemColumn, quantity: Quantity, *, tells_missing: bool = True
) -> None:
    """Read the cells of a column whose unit is known into a table; each different cell is read once."""
    cells = found.columns[column.header]
    known: dict[object, int] = {}
    # NaN is never its own key; 1 and True are the same key but not the same cell.
    codes = [known.setdefault((type(c), c) if c == c else None, len(known)) for c in cells]  # noqa: PLR0124
    read = [_cell(None if key is None else key[1], quantity, column.factor or 1.0) for key in known]  # type: ignore[index]
    at = np.array(codes, dtype=np.intp)
    found.numbers[item] = np.array([cell.number for cell in read])[at]
    found.unusable[item] = np.array([cell.is_unusable for cell in read])[at]
    below = np.array([cell.is_below for cell in read])[at]
    if below.any():
        found.below[item] = below
    told = [_of_item(cell, quantity, tells_missing=tells_missing) for cell in read]
    for row in np.flatnonzero(np.array([text is not None for text in told])[at]):
        text = told[codes[row]]
        if text is not None:
            found.reasons[row].append(text)
    found.problems += int(np.array([cell.is_problem for cell in read])[at].sum())


def refuse_column(found: MeasuredTable, item: str, column: ItemColumn, reason: Text, rows: NDArray[np.intp]) -> None:
    """Take no value of a column, and tell why at some of its rows."""
    cells = found.columns[column.header]
    found.notes.append(reason)
    found.problems += 1
    found.numbers[item] = np.full(len(cells), np.nan)
    found.unusable[item] = np.array([plain(cell) is not None for cell in cells], dtype=bool)
    for row in rows:
        found.reasons[row].append(reason)


def _of_item(cell: _Cell, quantity: Quantity, *, tells_missing: bool) -> Text | None:
    """Return what is told of a cell, with the item's name before it."""
    if cell.why is None or (cell.is_missing and not tells_missing):
        return None
    return Text(f"{quantity.text.zh}：{cell.why.zh}", f"{quantity.text.en}: {cell.why.en}")


def _cell(cell: object, quantity: Quantity, factor: float) -> _Cell:  # noqa: PLR0911  one way out for each kind of cell
    """Return the number of a cell, whether it is a detection limit, what to tell of it, and whether that is a fault."""
    text = plain(cell)
    if text is None or text in MARKS:
        shown = text or (cell.strip() if isinstance(cell, str) else "")
        why = Text(f"缺测（{shown}）", f"missing ({shown})") if shown else _MISSING
        return _Cell(why=why, is_missing=True)
    found = measurement(cell)
    number = np.nan if found is None or found.value is None else found.value
    if found is None:
        return _refused(Text(f"“{text}”不是数值", f"'{text}' is not a number"))
    if found.is_below and not quantity.may_be_below:
        return _refused(Text("该项目不应有“未检出”", "an item that cannot be below a detection limit"))
    if found.is_below and found.detection_limit is None:
        why = Text("未检出但未注明检出限", "not detected, detection limit not stated")
        return _Cell(is_unusable=True, why=why)
    if found.is_below:
        return _Cell(_scaled(found.detection_limit or np.nan, factor), is_below=True)
    if number < 0 and not quantity.is_signed:
        return _refused(Text(f"负值 {text}", f"negative ({text})"))
    if quantity.is_ph and number > MOST_PH:
        return _refused(Text(f"{text} 不在 0–14 之间", f"{text} is not from 0 to 14"))
    told = Text("数值为 0，可疑", "zero, suspect") if number == 0 and not quantity.is_signed else None
    return _Cell(_scaled(number, factor), why=told)


def _refused(why: Text) -> _Cell:
    return _Cell(is_unusable=True, why=why, is_problem=True)


def _scaled(number: float, factor: float) -> float:
    """Return a number in the standard's unit with the digits it was written with: 0.7 μg/L is 0.0007 mg/L."""
    return number if factor == 1.0 else float(f"{number * factor:.12g}")


def folded(text: object) -> str:
    """Return a word reduced to compare it: half-width, no blanks, upper case, Roman numbers in letters."""
    return "".join(unicodedata.normalize("NFKC", str(text)).split()).upper()

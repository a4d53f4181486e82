"""Take the water items of any table: which column is which item, and what each cell says or why it says nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.cli.water_columns import RIVER_WORDS, SECTION_WORDS, STATE_WORDS, TIME_WORDS, choose_columns, every_row
from geosys.layers.values import measurement, plain
from geosys.standards.surface_water import MOST_PH
from geosys.standards.water_items import ITEMS, PH, TEMPERATURE, is_other_concentration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.standards.water_items import ItemColumn

CLOSED = ("停站", "停运", "停用", "关停")  # nothing a stopped station shows is of its time
# What stands in the place of a number where none was measured.
_MARKS = frozenset({
    "维护", "停站", "停运", "故障", "校准", "断流", "冰封", "未测", "未监测", "未检测", "未采样", "无水", "缺测", "缺失", "无", "异常", "极值过滤",
    "质控", "离线", "待测", "停测", "停用", "关停", "检修",
})  # fmt: skip
_MISSING = Text("缺测", "missing")


@dataclass(slots=True)
class WaterTable:
    """Hold the rows as they came and what was read from them.

    Attributes
    ----------
    columns
        The sender's cells by column, in order.
    used
        The column of each item.
    numbers, below
        By item id, in the standard's unit; `below` says where a value is a detection limit.
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
    reasons: list[list[Text]] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    problems: int = 0

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def column(self, words: Sequence[str]) -> list[str]:
        """Return the columns that bear one of some names."""
        return [name for name in self.columns if name.strip().lower() in words]


def read_water_table(path: Path, rounding: str, table: str | None = None, encoding: str | None = None) -> WaterTable:
    """Read a CSV or workbook and the numbers of its items.

    Raises
    ------
    DeliveryError
        When the file cannot be read.
    TableError
        When no column is an item, or two columns of one item hold different values.
    """
    columns, notes = every_row(path, table, encoding)
    used = choose_columns(path.name, columns, rounding)
    found = WaterTable(columns, used, notes=notes)
    found.reasons = [[] for _ in range(found.size)]
    for item, column in used.items():
        _take(found, item, column)
    _tell_others(found)
    _leave_out_closed(found)
    _tell_duplicates(found)
    return found


def _take(found: WaterTable, item: str, column: ItemColumn) -> None:
    """Read the cells of one column; each different cell is read once."""
    cells = found.columns[column.header]
    values, below = np.full(len(cells), np.nan), np.zeros(len(cells), dtype=bool)
    name = ITEMS[item]
    if column.factor is None:
        unit = column.unit
        reason = Text(f"{name.zh}：单位“{unit}”不识别，未评价", f"{name.en}: unknown unit '{unit}', not evaluated")
        found.notes.append(reason)
        found.problems += 1
        for told in found.reasons:
            told.append(reason)
    else:
        _tell_no_unit(found, item, column)
        known: dict[object, tuple[float, bool, Text | None, bool]] = {}
        for row, cell in enumerate(cells):
            key = (type(cell), cell) if cell == cell else None  # noqa: PLR0124  NaN is never its own key
            if key not in known:
                known[key] = _cell(cell, item, column.factor)
            values[row], below[row], why, is_problem = known[key]
            if why is not None:
                found.reasons[row].append(Text(f"{name.zh}：{why.zh}", f"{name.en}: {why.en}"))
                found.problems += is_problem
    found.numbers[item] = values
    if below.any():
        found.below[item] = below


def _tell_others(found: WaterTable) -> None:
    """Tell once, at the first row with a value, of a column that holds a concentration of no item of the standard."""
    for name, cells in found.columns.items():
        if not is_other_concentration(name):
            continue
        text = Text(f"“{name}”不是 GB 3838 表1 项目，未评价", f"'{name}' is no item of GB 3838 table 1, not evaluated")
        found.notes.append(text)
        row = next((i for i, cell in enumerate(cells) if measurement(cell) is not None), None)
        if row is not None:
            found.reasons[row].append(text)


def _tell_no_unit(found: WaterTable, item: str, column: ItemColumn) -> None:
    """Tell once, at the first row with a value, that the unit of the standard was taken for lack of one."""
    if column.unit or item == PH:
        return
    unit = {TEMPERATURE: "℃", "fecal_coli": "个/L"}.get(item, "mg/L")
    text = Text(
        f"{ITEMS[item].zh}：表头“{column.header}”无单位，按标准单位 {unit} 计",
        f"{ITEMS[item].en}: no unit in the header '{column.header}', taken as {unit}, the standard's",
    )
    found.notes.append(text)
    row = next((i for i, cell in enumerate(found.columns[column.header]) if plain(cell) is not None), None)
    if row is not None:
        found.reasons[row].append(text)


def _cell(cell: object, item: str, factor: float) -> tuple[float, bool, Text | None, bool]:
    """Return the number of a cell, whether it is a detection limit, what to tell of it, and whether that is a fault."""
    text = plain(cell)
    if text is None or text in _MARKS:
        shown = text or (cell.strip() if isinstance(cell, str) else "")
        return np.nan, False, Text(f"缺测（{shown}）", f"missing ({shown})") if shown else _MISSING, False
    found = measurement(cell)
    number = np.nan if found is None or found.value is None else found.value
    if found is None:
        why = Text(f"“{text}”不是数值", f"'{text}' is not a number")
    elif found.is_below and item in (PH, TEMPERATURE):
        why = Text("该项目不应有“未检出”", "an item that cannot be below a detection limit")
    elif found.is_below and found.detection_limit is None:
        return np.nan, False, Text("未检出但未注明检出限", "not detected, detection limit not stated"), False
    elif found.is_below:
        return _scaled(found.detection_limit or np.nan, factor), True, None, False
    elif number < 0 and item != TEMPERATURE:
        why = Text(f"负值 {text}", f"negative ({text})")
    elif item == PH and number > MOST_PH:
        why = Text(f"{text} 不在 0–14 之间", f"{text} is not from 0 to 14")
    else:
        told = Text("数值为 0，可疑", "zero, suspect") if number == 0 and item != TEMPERATURE else None
        return _scaled(number, factor), False, told, False
    return np.nan, False, why, True


def _scaled(number: float, factor: float) -> float:
    """Return a number in the standard's unit with the digits it was written with: 0.7 μg/L is 0.0007 mg/L."""
    return number if factor == 1.0 else float(f"{number * factor:.12g}")


def _leave_out_closed(found: WaterTable) -> None:
    """Take no value of a stopped station, and tell of one under maintenance."""
    for name in found.column(STATE_WORDS):
        for row, cell in enumerate(found.columns[name]):
            state = plain(cell)
            if state in CLOSED:
                for values in found.numbers.values():
                    values[row] = np.nan
                found.reasons[row].append(
                    Text(f"{name}：{state}，数值不采用", f"station state {state}: values not used")
                )
            elif state in _MARKS:
                found.reasons[row].append(
                    Text(f"{name}：{state}，结果仅供参考", f"station state {state}: result provisional")
                )


def _tell_duplicates(found: WaterTable) -> None:
    """Tell of rows of the same section and time: the same values, or others. All rows are graded."""
    places, times = found.column(SECTION_WORDS), found.column(TIME_WORDS)
    if not places or not times:
        return
    keys = [*places, *found.column(RIVER_WORDS), *times]
    first: dict[tuple[str | None, ...], int] = {}
    for row in range(found.size):
        key = tuple(plain(found.columns[name][row]) for name in keys)
        if None in key[: len(places)] or None in key[-len(times) :]:
            continue
        before = first.setdefault(key, row)
        if before == row:
            continue
        same = all(
            plain(found.columns[c.header][row]) == plain(found.columns[c.header][before]) for c in found.used.values()
        )
        zh, en = ("数值相同", "same values") if same else ("数值不同", "other values")
        found.reasons[row].append(
            Text(f"与第 {before + 1} 条记录同断面同时间，{zh}", f"same section and time as record {before + 1}, {en}")
        )


def folded(text: object) -> str:
    """Return a word reduced to compare it: half-width, no blanks, upper case, Roman numbers in letters."""
    return "".join(unicodedata.normalize("NFKC", str(text)).split()).upper()

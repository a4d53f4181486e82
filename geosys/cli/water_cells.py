"""Take the water items of any table: which column is which item, and what each cell says or why it says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.cli.measured_cells import MARKS, MeasuredTable, Quantity, refuse_column, take_cells
from geosys.cli.water_columns import RIVER_WORDS, SECTION_WORDS, STATE_WORDS, TIME_WORDS, choose_columns, water_rows
from geosys.layers.values import plain
from geosys.standards.water_items import ITEMS, PH, TEMPERATURE, is_other_concentration

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.standards.water_items import ItemColumn

CLOSED = ("停站", "停运", "停用", "关停")  # nothing a stopped station shows is of its time


def read_water_table(path: Path, rounding: str, table: str | None = None, encoding: str | None = None) -> MeasuredTable:
    """Read a CSV or workbook and the numbers of its items.

    Raises
    ------
    DeliveryError
        When the file cannot be read.
    TableError
        When no column is an item, or two columns of one item hold different values.
    """
    columns, notes = water_rows(path, table, encoding)
    found = MeasuredTable(columns, choose_columns(path.name, columns, rounding), notes=notes)
    for item, column in found.used.items():
        _take(found, item, column)
    _tell_others(found)
    _leave_out_closed(found)
    _tell_duplicates(found)
    return found


def _take(found: MeasuredTable, item: str, column: ItemColumn) -> None:
    """Read the cells of one column, where its unit is known."""
    name = ITEMS[item]
    if column.factor is None:
        unit = column.unit
        reason = Text(f"{name.zh}：单位“{unit}”不识别，未评价", f"{name.en}: unknown unit '{unit}', not evaluated")
        refuse_column(found, item, column, reason, np.arange(found.size))
        return
    _tell_no_unit(found, item, column)
    is_warm = item == TEMPERATURE
    quantity = Quantity(name.text, is_ph=item == PH, is_signed=is_warm, may_be_below=not is_warm and item != PH)
    take_cells(found, item, column, quantity)


def _tell_others(found: MeasuredTable) -> None:
    """Tell once, at the first row with a value, of a column that holds a concentration of no item of the standard."""
    for name in found.columns:
        if is_other_concentration(name):
            text = Text(
                f"“{name}”不是 GB 3838 表1 项目，未评价", f"'{name}' is no item of GB 3838 table 1, not evaluated"
            )
            found.tell_once(name, text, is_value=True)


def _tell_no_unit(found: MeasuredTable, item: str, column: ItemColumn) -> None:
    """Tell once, at the first row with a value, that the unit of the standard was taken for lack of one."""
    if column.unit or item == PH:
        return
    unit = {TEMPERATURE: "℃", "fecal_coli": "个/L"}.get(item, "mg/L")
    text = Text(
        f"{ITEMS[item].zh}：表头“{column.header}”无单位，按标准单位 {unit} 计",
        f"{ITEMS[item].en}: no unit in the header '{column.header}', taken as {unit}, the standard's",
    )
    found.tell_once(column.header, text)


def _leave_out_closed(found: MeasuredTable) -> None:
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
            elif state in MARKS:
                found.reasons[row].append(
                    Text(f"{name}：{state}，结果仅供参考", f"station state {state}: result provisional")
                )


def _tell_duplicates(found: MeasuredTable) -> None:
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

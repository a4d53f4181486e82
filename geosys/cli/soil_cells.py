"""Take the soil items of any table: which column is which item, in which unit, and the pH, use and depth of each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.cli.measured_cells import MeasuredTable, Quantity, folded, refuse_column, take_cells
from geosys.cli.measured_columns import every_row, named_column, no_item, single_column
from geosys.layers.values import plain
from geosys.standards.laboratory import LaboratoryValues
from geosys.standards.soil_items import PH, column_of, is_other_content, item_words, soil_items
from geosys.standards.soil_limits import STANDARDS, UNDETERMINED, land_uses
from geosys.standards.soil_units import depth_cm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.standards.soil_limits import LandUse
    from geosys.standards.water_items import ItemColumn

SAMPLE_WORDS = ("样品编码", "样品编号", "样点编号", "点位编码", "点位编号", "采样深度", "sample_code", "sample")
LAND_USE_WORDS = (
    "land_use",
    "土地利用方式",
    "土地利用类型",
    "土地利用",
    "利用方式",
    "用地类型",
    "用地类别",
    "用地方式",
    "landuse",
)
_DEPTH_WORDS = ("采样深度", "深度", "取样深度", "采样深", "depth")
_PH_TEXT = Text("pH", "pH")


def read_soil_table(path: Path, kind: str, table: str | None = None, encoding: str | None = None) -> MeasuredTable:
    """Read a CSV or workbook and the numbers of the items of ``farmland`` or ``construction`` land, and pH.

    Raises
    ------
    DeliveryError
        When the file cannot be read.
    TableError
        When no column is an item, or two columns of one item hold different values.
    """
    columns, notes = every_row(path, table, encoding, [*item_words(kind), *SAMPLE_WORDS, *LAND_USE_WORDS])
    found = MeasuredTable(columns, _choose(path.name, columns, kind), notes=notes)
    items = soil_items(kind)
    for name, column in found.used.items():
        text = _PH_TEXT if name == PH else items[name].text
        if column.factor is None:
            _refuse(found, name, column, text)
        else:
            quantity = Quantity(text, is_ph=name == PH, may_be_below=name != PH)
            take_cells(found, name, column, quantity, tells_missing=False)
    for name in columns:
        if is_other_content(name, kind):
            zh = f"“{name}”不是 {STANDARDS[kind]} 项目，未评价"
            found.tell_once(name, Text(zh, f"'{name}' is no item of {STANDARDS[kind]}, not evaluated"), is_value=True)
    return found


def _choose(file: str, columns: dict[str, NDArray[np.object_]], kind: str) -> dict[str, ItemColumn]:
    groups: dict[str, list[ItemColumn]] = {}
    for name in columns:
        column = column_of(name, kind)
        if column is not None:
            groups.setdefault(column.item, []).append(column)
    if not set(groups) - {PH}:
        raise no_item(file, columns, "镉(mg/kg)")
    order = [PH, *soil_items(kind)]
    return {name: single_column(file, columns, groups[name], name) for name in order if name in groups}


def _refuse(found: MeasuredTable, name: str, column: ItemColumn, text: Text) -> None:
    """Take no value of a column without a unit, or in one that is none of soil: mg/kg and μg/kg are a thousand apart."""
    if column.unit:
        why = Text(f"单位“{column.unit}”不识别，未评价", f"unknown unit '{column.unit}', not evaluated")
    else:
        why = Text(
            f"表头“{column.header}”无单位，未评价，请注明 mg/kg 或 μg/kg",
            f"no unit in the header '{column.header}', not evaluated: write mg/kg or μg/kg into it",
        )
    reason = Text(f"{text.zh}：{why.zh}", f"{text.en}: {why.en}")
    rows = np.flatnonzero([plain(cell) is not None for cell in found.columns[column.header]])
    refuse_column(found, name, column, reason, rows)


def laboratory_values(read: MeasuredTable, kind: str) -> LaboratoryValues:
    """Return what was read as the graders take it."""
    items = tuple(name for name in soil_items(kind) if name in read.numbers)
    nothing = np.zeros(read.size, dtype=bool)

    def beside(found: dict[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
        return np.column_stack([found.get(name, nothing) for name in items])

    numbers, below = np.column_stack([read.numbers[name] for name in items]), beside(read.below)
    return LaboratoryValues(
        items,
        pd.RangeIndex(read.size),
        np.where(below, np.nan, numbers),
        below,
        np.where(below, numbers, np.nan),
        beside(read.unusable),
    )


def ph_values(read: MeasuredTable) -> NDArray[np.float64]:
    """Return the pH of each sample, NaN where there is none."""
    return read.numbers.get(PH, np.full(read.size, np.nan))


def land_use_places(read: MeasuredTable, kind: str, land_use: str | None) -> tuple[NDArray[np.int8], str]:
    """Return the place of each sample's use in the limits, 0 where not known, and where it was read.

    Parameters
    ----------
    land_use
        A use for all samples, or the column that tells it; without it the column that bears such a name.
    """
    words = {folded(word): use for use in land_uses(kind).values() for word in use.words}
    if land_use is not None and land_use not in read.columns and folded(land_use) in words:
        use = words[folded(land_use)]
        if use.use == UNDETERMINED:
            read.notes.append(use.text)
        return np.full(read.size, use.place, dtype=np.int8), use.use
    named = next(iter(read.column(LAND_USE_WORDS)), LAND_USE_WORDS[0]) if land_use is None else land_use
    expected = f"one of {', '.join(land_uses(kind))}, or a column"
    cells = named_column(read.columns, named, "--land-use", expected)
    known: dict[object, LandUse | None] = {}
    places = np.zeros(read.size, dtype=np.int8)
    for row, cell in enumerate(cells):
        shown = plain(cell)
        if shown not in known:
            known[shown] = words.get(folded(shown)) if shown else None
        found = known[shown]
        places[row] = found.place if found else 0
        if found is None:
            read.problems += 1
            told = shown or ""
            read.reasons[row].append(Text(f"用地“{told}”不识别", f"land use '{told}' unknown"))
        elif found.use == UNDETERMINED:
            read.reasons[row].append(found.text)
    return places, f"column {named}"


def sample_units(read: MeasuredTable, column: str) -> NDArray[np.object_]:
    """Return the plot or unit of each sample, None where its cell is empty: such samples stand in no unit."""
    cells = named_column(read.columns, column, "--unit", "a column")
    units = np.array([*(plain(cell) for cell in cells), None], dtype=object)[:-1]
    without = sum(unit is None for unit in units)
    if without:
        read.notes.append(
            Text(f"{without} 个样品无“{column}”，未计入单元", f"{without} samples without '{column}' are in no unit")
        )
    return units


def sample_depths(read: MeasuredTable, column: str | None) -> NDArray[np.float64]:
    """Return the lower end of each sample's depth in centimetres, NaN where not told."""
    named = column or next((name for name in read.columns if _depth_unit(name) is not None), None)
    if named is None:
        return np.full(read.size, np.nan)
    unit = _depth_unit(named) or ""
    cells = [plain(cell) for cell in named_column(read.columns, named, "--depth", "a column")]
    depths = np.array([depth_cm(cell, unit) for cell in cells])
    unread = sum(cell is not None for cell, depth in zip(cells, depths, strict=True) if np.isnan(depth))
    if unread:
        zh = f"“{named}”有 {unread} 个深度无法读取（单位 cm 或 m 写在表头或单元格内），未采用"
        read.notes.append(Text(zh, f"{unread} depths of '{named}' cannot be read (state cm or m), not used"))
    return depths


def _depth_unit(header: str) -> str | None:
    """Return the unit of a column of depths, empty where its header has none; None of any other column."""
    text = header.lower().replace("（", "(").replace("）", ")").strip()
    name, _, unit = text.removesuffix(")").partition("(")
    if name.endswith(("_cm", "_m")):
        name, _, unit = name.rpartition("_")
    return unit.strip() if name.strip() in _DEPTH_WORDS else None

"""Find the rows of any water table, and which of its columns is which item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.cli.measured_columns import every_row, no_item, single_column
from geosys.standards.rounding import UNROUNDED
from geosys.standards.water_items import ITEMS, TEMPERATURE, column_of, item_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.standards.water_items import ItemColumn

SECTION_WORDS = (
    "断面编码",
    "断面代码",
    "断面名称",
    "断面",
    "站点编码",
    "站点名称",
    "点位编码",
    "点位名称",
    "section_code",
    "section_name",
    "section",
)
RIVER_WORDS = (
    "所在河流",
    "所属河流",
    "河流名称",
    "河流",
    "水体名称",
    "水体",
    "river_name",
    "垂线",
    "层次",
    "采样深度",
)
TIME_WORDS = (
    "监测时间",
    "监测日期",
    "采样时间",
    "采样日期",
    "日期",
    "时间",
    "年份",
    "月份",
    "年月",
    "sampled_on",
    "date",
    "time",
    "年",
    "月",
    "日",
)
STATE_WORDS = ("站点情况", "站点状态", "仪器状态", "运行状态", "station_state")


def water_rows(
    path: Path, table: str | None, encoding: str | None
) -> tuple[dict[str, NDArray[np.object_]], list[Text]]:
    """Return the columns of a water table as `every_row` does."""
    return every_row(path, table, encoding, [*item_words(), *SECTION_WORDS, *TIME_WORDS, *STATE_WORDS])


def choose_columns(file: str, columns: Mapping[str, NDArray[np.object_]], rounding: str) -> dict[str, ItemColumn]:
    """Return the column of each item: unrounded values where they are to be compared as measured, else the displayed ones."""
    found: dict[str, list[ItemColumn]] = {}
    for name in columns:
        column = column_of(name)
        if column is not None:
            found.setdefault(column.item, []).append(column)
    if not set(found) - {TEMPERATURE}:
        raise no_item(file, columns, "氨氮(mg/L)")
    used = {}
    for item in (one for one in ITEMS if one in found):
        group = [c for c in found[item] if c.is_raw == (rounding == UNROUNDED)] or found[item]
        used[item] = single_column(file, columns, group, ITEMS[item].zh)
    return used

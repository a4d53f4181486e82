"""Find the rows of any water table, and which of its columns is which item."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import TableError
from geosys.layers.encodings import decode_data
from geosys.layers.readers import read_delivery
from geosys.layers.values import plain
from geosys.standards.rounding import UNROUNDED
from geosys.standards.water_items import ITEMS, TEMPERATURE, column_of, item_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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


def every_row(path: Path, table: str | None, encoding: str | None) -> tuple[dict[str, NDArray[np.object_]], list[Text]]:
    """Return the columns of a table; of a CSV that begins with its header every row, totals and blank cells included."""
    words = [*item_words(), *SECTION_WORDS, *TIME_WORDS, *STATE_WORDS]
    reading = read_delivery(path, table, encoding, words)
    if not reading.columns or not reading.size:
        raise TableError(f"{path.name}: got no row below the header, expected some. Send the filled table.")
    plain_csv = _plain_csv(path, set(reading.columns), words, encoding) if path.suffix.lower() == ".csv" else None
    if plain_csv is not None:
        return plain_csv, []
    return dict(reading.columns), [issue.message for issue in reading.issues]


def _plain_csv(
    path: Path, names: set[str], words: Sequence[str], encoding: str | None
) -> dict[str, NDArray[np.object_]] | None:
    text, _ = decode_data(path.read_bytes(), path.name, encoding, words)
    for mark in ",;\t":
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=mark) if row]
        header = [" ".join(cell.split()).strip("\ufeff") for cell in rows[0]]
        width = len(header)
        if names <= set(header) and len(set(header)) == width and all(header) and all(not any(r[width:]) for r in rows):
            body = [(row + [""] * (width - len(row)))[:width] for row in rows[1:]]
            return {
                name: np.array([row[i] for row in body] + [None], dtype=object)[:-1] for i, name in enumerate(header)
            }
    return None


def choose_columns(file: str, columns: Mapping[str, NDArray[np.object_]], rounding: str) -> dict[str, ItemColumn]:
    """Return the column of each item: unrounded values where they are to be compared as measured, else the displayed ones."""
    found: dict[str, list[ItemColumn]] = {}
    for name in columns:
        column = column_of(name)
        if column is not None:
            found.setdefault(column.item, []).append(column)
    if not set(found) - {TEMPERATURE}:
        raise TableError(
            f"{file}: got the columns {', '.join(columns)}, expected some that name an item with its unit, as 氨氮(mg/L). Name them so."
        )
    used = {}
    for item in (one for one in ITEMS if one in found):
        group = [c for c in found[item] if c.is_raw == (rounding == UNROUNDED)] or found[item]
        first, *others = group
        for other in others:
            if any(plain(a) != plain(b) for a, b in zip(columns[first.header], columns[other.header], strict=True)):
                raise TableError(
                    f"{file}: got '{first.header}' and '{other.header}' with different values, expected one column of {ITEMS[item].zh}. "
                    "Drop or rename one."
                )
        used[item] = first
    return used

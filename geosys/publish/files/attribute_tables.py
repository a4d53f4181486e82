"""Write the attributes of all layers as a workbook, one sheet a layer: for people, and for software that reads no maps.

Row 1 has the Chinese titles, row 2 the names of the fields; values begin in row 3. Behind a field with codes stands a column with
their titles, whose name ends in `TITLES`, so that no field can have it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from geosys.layers.vector_out import LossError
from geosys.maps.cells import CELL_LIMIT, Formats, cell_text, row_height
from geosys.maps.tables import workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text
    from geosys.maps.frames import Meta
    from geosys.publish.content import Field, ShapedLayer

TITLES = " 名称"
_MOST_ROWS = 1_048_576 - 2
_HEADS = ("#12395C", "#3D6A92")
_WIDTHS = {"date": 12, "truth": 8, "integer": 12, "number": 16}
_FIRST_DAY = dt.date(1900, 3, 1)  # Excel takes 1900 for a leap year: days before this one would shift
_TRUTH = {True: "是", False: "否"}


class _Column(NamedTuple):
    """Hold one column of a sheet: its title and name, its width, the field it shows, and titles where it shows those."""

    title: str
    name: str
    width: int
    field: Field
    titles: Mapping[str, Text] | None


def write_tables(path: Path, shaped: Sequence[ShapedLayer], meta: Meta) -> None:
    """Write the workbook; texts are texts, never formulas, and a number is the number that is there.

    Raises
    ------
    LossError
        When a sheet or a cell cannot hold what it is given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with workbook(path, meta, "属性表 Attribute tables") as book:
        for layer in shaped:
            _check(layer)
            _write_sheet(book, layer)


def _check(shaped: ShapedLayer) -> None:
    if len(shaped.frame) > _MOST_ROWS:
        raise LossError(
            f"layer '{shaped.layer.name}' as xlsx: got {len(shaped.frame)} rows, expected at most {_MOST_ROWS}. "
            "Take 'xlsx' out of the profile's formats."
        )
    for field in shaped.layer.fields:
        if field.type == "text":
            long = next((v for v in shaped.frame[field.name].dropna() if len(v) > CELL_LIMIT), None)
            if long is not None:
                raise LossError(
                    f"layer '{shaped.layer.name}', field '{field.name}' as xlsx: got a text of {len(long)} letters, expected at most "
                    f"{CELL_LIMIT}. Shorten it, or take 'xlsx' out of the profile's formats."
                )


def _columns(fields: Sequence[Field]) -> Iterator[_Column]:
    for field in fields:
        head = 2 * len(field.title.zh) + 2
        width = _WIDTHS.get(field.type) or min(40, field.length or 20)
        yield _Column(field.title.zh, field.name, max(10, min(width, 40), min(head, 30)), field, None)
        if field.codes:
            longest = max(2 * len(title.zh) for title in field.codes.values())
            titles = f"{field.title.zh}（名称）"
            yield _Column(titles, f"{field.name}{TITLES}", max(12, min(longest + 2, 40)), field, field.codes)


def _write_sheet(book: Any, shaped: ShapedLayer) -> None:
    sheet, formats = book.add_worksheet(shaped.layer.name[:31]), Formats(book)
    columns = list(_columns(shaped.layer.fields))
    for at, column in enumerate(columns):
        for row, text in enumerate((column.title, column.name)):
            look = {"font_color": "#FFFFFF", "bg_color": _HEADS[row], "bold": not row, "valign": "vcenter"}
            sheet.write_string(row, at, cell_text(text), formats.get(**look))
        sheet.set_column(at, at, column.width)
        for row, value in enumerate(shaped.frame[column.field.name].astype(object), 2):
            if not pd.isna(value):
                _write(sheet, (row, at), value, column, formats)
    sheet.set_row(0, row_height(2))
    sheet.freeze_panes(2, 1)
    sheet.autofilter(1, 0, max(len(shaped.frame) + 1, 1), len(columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(8)  # A3
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_footer(f"&L{shaped.layer.name}&R&P / &N")


def _write(sheet: Any, cell: tuple[int, int], value: Any, column: _Column, formats: Formats) -> None:
    """Write one value as what it is; a whole number that a cell would round is a text."""
    field = column.field
    plain = formats.get(text_wrap=False)
    if column.titles is not None:
        title = column.titles.get(str(value))
        sheet.write_string(*cell, cell_text(title.zh if title else ""), plain)
    elif field.type == "truth":
        sheet.write_string(*cell, _TRUTH[bool(value)], plain)
    elif field.type in {"integer", "number"} and (field.type == "number" or abs(int(value)) < 10**15):
        shape = "0" if field.type == "integer" else f"0.{'0' * field.decimals}" if field.decimals else "General"
        sheet.write_number(*cell, value, formats.get(num_format=shape, text_wrap=False))
    elif field.type == "date" and value >= _FIRST_DAY:
        day = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  a cell's date has no zone
        sheet.write_datetime(*cell, day, formats.get(num_format="yyyy-mm-dd", text_wrap=False))
    else:
        sheet.write_string(*cell, cell_text(value), plain)

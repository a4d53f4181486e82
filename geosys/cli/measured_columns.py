"""Find the rows of any table of measured values, and keep one of its columns for each item."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import TableError, WorkspaceError
from geosys._faults import nearest
from geosys.layers.encodings import decode_data
from geosys.layers.readers import read_delivery
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.standards.water_items import ItemColumn

    Columns = Mapping[str, NDArray[np.object_]]


def every_row(
    path: Path, table: str | None, encoding: str | None, words: Sequence[str]
) -> tuple[dict[str, NDArray[np.object_]], list[Text]]:
    """Return the columns of a table; of a CSV that begins with its header every row, totals and blank cells included.

    Parameters
    ----------
    words
        Names that stand in headers: they tell the header from a title.

    Raises
    ------
    DeliveryError
        When the file cannot be read.
    TableError
        When there is no row below the header.
    """
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


def no_item(file: str, columns: Columns, example: str) -> TableError:
    """Return the error of a table in which no column is an item."""
    return TableError(
        f"{file}: got the columns {', '.join(columns)}, expected some that name an item with its unit, as {example}. Name them so."
    )


def single_column(file: str, columns: Columns, group: Sequence[ItemColumn], item: str) -> ItemColumn:
    """Return the first of the columns that hold one item; all of them must hold the same values.

    Raises
    ------
    TableError
        When two of them differ.
    """
    first, *others = group
    for other in others:
        if any(plain(a) != plain(b) for a, b in zip(columns[first.header], columns[other.header], strict=True)):
            raise TableError(
                f"{file}: got '{first.header}' and '{other.header}' with different values, expected one column of {item}. "
                "Drop or rename one."
            )
    return first


def named_column(columns: Columns, column: str, option: str, expected: str) -> NDArray[np.object_]:
    """Return the cells of the column that an option names.

    Raises
    ------
    WorkspaceError
        When there is none of that name.
    """
    if column not in columns:
        hint = nearest(column, columns) or f"Columns: {', '.join(columns)}."
        raise WorkspaceError(f"{option}: got '{column}', expected {expected} of the table. {hint}")
    return columns[column]

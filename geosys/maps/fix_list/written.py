"""Read a workbook's cells as they were written: formulas as their text, never their value, and errors as what they are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openpyxl

from geosys._errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

Grid = list[list[object]]
MOST_COLUMNS = 300


@dataclass(frozen=True, slots=True)
class Unread:
    """Hold the text of a cell that has no value of its own: a formula, or an error."""

    text: str

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def read_written(path: Path) -> dict[str, Grid]:
    """Return all cells of all sheets of an .xlsx by the sheet's name, hidden ones included; nothing is evaluated.

    Dates are datetimes, formulas and errors are `Unread`. Rows are as long as they are filled.

    Raises
    ------
    DeliveryError
        When the file is no .xlsx workbook.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells which looks it drops: nothing of that is a value
            book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
            try:
                return {sheet.title: _grid(sheet) for sheet in book.worksheets}
            finally:
                book.close()
    except Exception as error:  # noqa: BLE001 a spoilt workbook fails in as many ways as it has parts
        raise DeliveryError(
            f"{path.name}: got a file that cannot be read ({type(error).__name__}: {error}), expected an Excel workbook. "
            "Save it again as .xlsx."
        ) from None


def _grid(sheet: Any) -> Grid:
    sheet.reset_dimensions()  # some programs write a size that is smaller than the sheet
    grid = [[_value(cell) for cell in row[:MOST_COLUMNS]] for row in sheet.iter_rows()]
    while grid and all(value is None for value in grid[-1]):
        grid.pop()
    return grid


def _value(cell: Any) -> object:
    if cell.data_type == "f":
        return Unread(str(getattr(cell.value, "text", None) or cell.value or "="))
    return Unread(str(cell.value)) if cell.data_type == "e" else cell.value

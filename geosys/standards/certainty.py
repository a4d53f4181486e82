"""How sure a number of a standard is: the mark of each table row, shown with every result that rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._text import Text
from geosys.content import read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLES = Path(__file__).resolve().parent / "tables"

# From the surest to the least sure.
MARKS = {
    "confirmed": Text("已核对原文", "confirmed"),
    "partly confirmed": Text("部分核对原文", "partly confirmed"),
    "second-hand": Text("转引", "second-hand"),
    "our reading": Text("本系统解读", "our reading"),
    "unconfirmed": Text("未核实", "unconfirmed"),
}


@dataclass(frozen=True, slots=True)
class Note:
    """Hold one rule of the method that a result followed, and how sure it is."""

    text: Text
    certainty: str


def weakest(marks: Iterable[str]) -> str:
    """Return the least sure of some marks; an empty text when there is none.

    Raises
    ------
    SpecError
        When a mark is not one of `MARKS`.

    Examples
    --------
    >>> weakest(["confirmed", "second-hand", "partly confirmed"]), weakest([])
    ('second-hand', '')
    """
    found = set(marks)
    unknown = sorted(found - set(MARKS))
    if unknown:
        raise SpecError(f"certainty: got the marks {unknown}, expected some of {list(MARKS)}. Mend the table's column.")
    order = list(MARKS)
    return max(found, key=order.index, default="")


def read_table(name: str, required: tuple[str, ...]) -> list[dict[str, str]]:
    """Read one table of the standards, with its columns ``source`` and ``confidence``.

    Raises
    ------
    SpecError
        When the table or a column is absent, or a row has no known mark of certainty.
    """
    rows = read_csv(TABLES / name, (*required, "source", "confidence"))
    weakest(row["confidence"] for row in rows)
    return rows

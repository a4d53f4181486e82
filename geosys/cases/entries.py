"""Values that people enter for targets no layer can compute: a table beside the plan, each value with its evidence."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._faults import Faults, nearest
from geosys.content import read_csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.targets import Target

FILE = "progress.csv"
COLUMNS = ("target", "on", "value", "evidence")
PERCENT, CLASS = "%", "类"
CLASSES = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "劣V": 6}
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one value a person entered, in the target's unit, with its day, its evidence and its line of the file."""

    target: str
    on: dt.date
    value: Fraction
    evidence: str
    line: int


def read_entries(path: Path, targets: Sequence[Target], today: dt.date) -> tuple[Entry, ...]:
    """Read the table of entered values; an absent file is an empty table.

    Parameters
    ----------
    path
        UTF-8 CSV with the columns ``target, on, value, evidence``; others are let be.
    today
        A later day than this is a fault.

    Raises
    ------
    WorkspaceError
        With all faults, one a line: unknown targets, days and values that are none, a share written as a fraction where
        per cent are asked for, no evidence, two values of one day.
    SpecError
        When the file is no UTF-8 CSV or lacks a column.
    """
    if not path.exists():
        return ()
    faults = Faults()
    known = {target.id: target for target in targets}
    entries: list[Entry] = []
    seen: dict[tuple[str, dt.date], int] = {}
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        entry = _read_entry(
            {k: row[k].strip() for k in COLUMNS}, line, f"{path.name} line {line}", known, today, faults
        )
        if entry is None:
            continue
        first = seen.setdefault((entry.target, entry.on), line)
        if first != line:
            faults.add(
                f"{path.name} line {line}", f"{entry.target} on {entry.on}", "one value a day", f"See line {first}."
            )
        entries.append(entry)
    faults.raise_if_any(WorkspaceError)
    return tuple(entries)


def _read_entry(
    row: Mapping[str, str], line: int, where: str, known: Mapping[str, Target], today: dt.date, faults: Faults
) -> Entry | None:
    target = known.get(row["target"])
    if target is None:
        hint = nearest(row["target"], known) or "The ids stand in cases/plans/targets.csv."
        faults.add(f"{where} target", row["target"], "a target of cases/plans/targets.csv", hint)
    if not row["evidence"]:
        faults.add(f"{where} evidence", "", "what the value rests on", "Name the document, its number and date.")
    day = _day(row["on"])
    if day is None:
        faults.add(f"{where} on", row["on"], "a date as 2025-06-30")
    elif day > today:
        faults.add(f"{where} on", str(day), f"a day not after {today}")
    value = _value(row["value"], target.unit, f"{where} value", faults) if target is not None else None
    if target is None or day is None or value is None:
        return None
    return Entry(target.id, day, value, row["evidence"], line)


def _day(text: str) -> dt.date | None:
    found = _DAY.fullmatch(text)
    try:
        return dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _value(text: str, unit: str, where: str, faults: Faults) -> Fraction | None:
    """Return a value in the target's unit; a bare number up to 1 is no clear per cent."""
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    if unit == CLASS and plain.removesuffix(CLASS).upper() in CLASSES:
        return Fraction(CLASSES[plain.removesuffix(CLASS).upper()])
    number = plain.removesuffix(unit)
    try:
        value = Fraction(number if "/" not in number else "")
    except ValueError:
        faults.add(where, text, f"a number in {unit or 'the unit of the target'}")
        return None
    if unit == PERCENT and 0 < value <= 1 and not plain.endswith(PERCENT):
        faults.add(where, text, "per cent", f"Write {float(value * 100):g}, or {plain}% if that is meant.")
        return None
    return value


def latest(entries: Sequence[Entry], target: str, day: dt.date) -> Entry | None:
    """Return the last value entered for a target up to a day, or None."""
    there = [entry for entry in entries if entry.target == target and entry.on <= day]
    return max(there, key=lambda entry: entry.on, default=None)

"""Values that people enter for targets no layer can compute: a table beside the plan, each value with its evidence."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys._faults import Faults, nearest
from geosys.cases.targets import COUNTY, COUNTY_FIELD
from geosys.content import read_csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.cases.targets import Target

FILE = "progress.csv"
COLUMNS = ("target", "on", "value", "evidence")
# Of a value of one county (its code); how it came about; who entered it when; the file it rests on; why it takes another's place.
MORE_COLUMNS = (COUNTY_FIELD, "numerator", "denominator", "by", "recorded_at", "file", "sha256", "replaces")
PERCENT, CLASS = "%", "类"
CLASSES = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "劣V": 6}
ROUNDING = Fraction(5, 100)  # points of per cent that a share written beside its numerator and denominator may be off
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one value a person entered, in the target's unit, with its day, its evidence and its line of the file.

    `county` is the code of the county it is of (empty: of the whole area); `file` and `sha256` name the file the value
    rests on; `replaces` says why it takes the place of an earlier value of the same day.
    """

    target: str
    on: dt.date
    value: Fraction
    evidence: str
    line: int
    county: str = ""
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    by: str = ""
    recorded_at: str = ""
    file: str = ""
    sha256: str = ""
    replaces: str = ""


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
    return check_entries(read_csv(path, COLUMNS), targets, today, path.name) if path.exists() else ()


def check_entries(
    rows: Sequence[Mapping[str, str]], targets: Sequence[Target], today: dt.date, name: str = FILE
) -> tuple[Entry, ...]:
    """Return the entries that rows of the table say; faults as for `read_entries`, `name` is what messages call the file."""
    faults = Faults()
    known = {target.id: target for target in targets}
    entries: list[Entry] = []
    seen: dict[tuple[str, str, dt.date], int] = {}
    for line, row in enumerate(rows, 2):
        cells = {k: (row.get(k) or "").strip() for k in (*COLUMNS, *MORE_COLUMNS)}
        entry = _read_entry(cells, line, f"{name} line {line}", known, today, faults)
        if entry is None:
            continue
        first = seen.setdefault((entry.target, entry.county, entry.on), line)
        if first != line and not entry.replaces:
            faults.add(
                f"{name} line {line}",
                f"{entry.target} on {entry.on}",
                "one value a day",
                f"See line {first}; say in 'replaces' why this one goes before it.",
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
    if target is None:
        return None
    _check_county(row[COUNTY_FIELD], target, where, faults)
    parts = {word: _part(row[word], f"{where} {word}", faults) for word in ("numerator", "denominator")}
    value = _value(row["value"], target.unit, f"{where} value", faults)
    if value is not None:
        value = _exact(value, parts, target.unit, where, faults)
    if day is None or value is None:
        return None
    return Entry(
        target=target.id, on=day, value=value, evidence=row["evidence"], line=line, county=row[COUNTY_FIELD], numerator=parts["numerator"],
        denominator=parts["denominator"], by=row["by"], recorded_at=row["recorded_at"], file=row["file"], sha256=row["sha256"],
        replaces=row["replaces"],
    )  # fmt: skip


def _check_county(county: str, target: Target, where: str, faults: Faults) -> None:
    """Fault a county that the target's area does not have."""
    patterns = target.area.within.get(COUNTY, ())
    if county and not any(fnmatchcase(county, pattern) for pattern in patterns):
        faults.add(f"{where} {COUNTY_FIELD}", county, f"a county code of {target.area.name}: {', '.join(patterns)}")


def _part(text: str, where: str, faults: Faults) -> Fraction | None:
    """Return a numerator or a denominator; None for an empty cell."""
    try:
        number = Fraction(text if "/" not in text else "") if text else None
    except ValueError:
        number = Fraction(-1)
    if number is not None and number < 0:
        faults.add(where, text, "a number, not below zero")
        return None
    return number


def _exact(
    value: Fraction, parts: Mapping[str, Fraction | None], unit: str, where: str, faults: Faults
) -> Fraction:  # fmt: skip
    """Return a share as its numerator and denominator give it; one written beside them must agree up to rounding."""
    above, below = parts["numerator"], parts["denominator"]
    if above is None and below is None:
        return value
    if unit != PERCENT or above is None or below is None or not below:
        got = "/".join("" if part is None else f"{float(part):g}" for part in (above, below))
        faults.add(f"{where} denominator", got, "both of a share in per cent, the denominator above zero, or neither")
        return value
    share = above / below * 100
    if abs(share - value) > ROUNDING:
        faults.add(f"{where} value", f"{float(value):g}", f"{float(share):.2f}, as numerator and denominator give it")
    return share


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


def latest(entries: Sequence[Entry], target: str, day: dt.date, county: str = "") -> Entry | None:
    """Return the last value entered for a target (of one county, or of the whole area) up to a day, or None."""
    there = [entry for entry in entries if entry.target == target and entry.county == county and entry.on <= day]
    return max(there, key=lambda entry: (entry.on, entry.line), default=None)

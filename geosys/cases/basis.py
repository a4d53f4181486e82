"""The legal basis by date: which clause of which instrument stands on the day of a finding."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.content import read_csv, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from geosys._faults import Faults

CERTAINTIES = ("confirmed", "second_hand", "unconfirmed", "our_reading")
COLUMNS = (
    "basis",
    "instrument_zh",
    "instrument_en",
    "clause_zh",
    "clause_en",
    "valid_from",
    "valid_to",
    "certainty",
    "source",
)


@dataclass(frozen=True, slots=True)
class Clause:
    """Hold one clause with the days it is in force; an open end is None."""

    text: Text
    valid_from: dt.date | None
    valid_to: dt.date | None
    certainty: str

    def holds_on(self, day: dt.date) -> bool:
        """Say whether the clause is in force on a day (both ends count)."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def read_basis(path: Path, faults: Faults) -> dict[str, tuple[Clause, ...]]:
    """Read the dated legal basis; overlapping periods of one basis are a fault."""
    clauses: dict[str, list[Clause]] = {}
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        first, last = (faults.day(f"{where} {c}", row[c]) for c in ("valid_from", "valid_to"))
        zh = f"《{row['instrument_zh']}》" if not row["instrument_zh"].startswith("《") else row["instrument_zh"]
        text = Text(f"{zh}{row['clause_zh']}", f"{row['instrument_en']}, {row['clause_en']}".rstrip(", "))
        faults.one_of(f"{where} certainty", row["certainty"], CERTAINTIES, "a certainty")
        new = Clause(text, first, last, row["certainty"])
        for other in clauses.setdefault(row["basis"], []):
            if (new.valid_from or dt.date.min) <= (other.valid_to or dt.date.max) and (
                other.valid_from or dt.date.min
            ) <= (new.valid_to or dt.date.max):
                faults.add(where, row["basis"], "a period that does not overlap another of the same basis")
        clauses[row["basis"]].append(new)
    return {name: tuple(rows) for name, rows in clauses.items()}


def cite(names: Iterable[str], basis: Mapping[str, tuple[Clause, ...]], day: dt.date) -> Text:
    """Return the clauses in force on a day, joined; what is not in force that day says so instead of citing dead law."""
    zh, en = [], []
    for name in names:
        clause = next((c for c in basis[name] if c.holds_on(day)), None)
        zh.append(clause.text.zh + _mark(clause.certainty)[0] if clause else f"（{day} 无有效依据：{name}，待核）")
        en.append(
            clause.text.en + _mark(clause.certainty)[1]
            if clause
            else f"(no basis in force on {day}: {name}, to be verified)"
        )
    return Text("；".join(zh), "; ".join(en))


def _mark(certainty: str) -> tuple[str, str]:
    return {
        "second_hand": ("［转引］", " [second-hand]"),
        "unconfirmed": ("［未证实］", " [unconfirmed]"),
    }.get(certainty, ("", ""))

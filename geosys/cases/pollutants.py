"""Pollutants of plots: their names as ledgers write them, and whether they move with water or into the air."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.cases.basis import CERTAINTIES
from geosys.content import read_csv, short_name
from geosys.standards.certainty import read_table
from geosys.standards.soil_items import bare_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from geosys._faults import Faults

YES, NO, UNKNOWN = "yes", "no", "unknown"
ANSWERS = (YES, NO, UNKNOWN)
COLUMNS = (
    "pollutant", "en", "cas", "aliases", "mobile", "koc_l_kg", "mobile_certainty", "mobile_source", "volatile", "volatile_certainty",
    "volatile_source",
)  # fmt: skip
_BREAK = re.compile(r"\s*[;；、|/\n]\s*|\s+(?=[\u4e00-\u9fff])")
_COMMA = re.compile(r"\s*[，,]\s*")
_AND_OTHERS = "等"  # 镉等: cadmium and others that nobody names
_LOCANT = re.compile(r"^[\d'′]+$")  # a figure of a name: 1 of 1,3-丁二烯
_REMARK = re.compile(
    r"[（(](?:超标|最大)[^（）()]*[）)]|(?:超标)?[\d.]+\s*倍$|超(?:过)?(?:筛选值|管制值|标)?[\d.]*倍?$|等$|含量$"
)


@dataclass(frozen=True, slots=True)
class Pollutant:
    """Hold one pollutant: whether it is mobile and volatile, each with its source and how sure that is."""

    name: str
    en: str
    cas: str
    mobile: str
    mobile_certainty: str
    mobile_source: str
    volatile: str
    volatile_certainty: str
    volatile_source: str

    @property
    def text(self) -> Text:
        """Return the name in both languages."""
        return Text(self.name, self.en)


@dataclass(frozen=True, slots=True)
class Pollutants:
    """Hold all pollutants of the content by every name they have, as bare letters."""

    by_name: Mapping[str, Pollutant]

    def named(self, name: str) -> Pollutant | None:
        """Return the pollutant of a name or CAS number, None where the table has none."""
        return self.by_name.get(bare_letters(name)) or self.by_name.get(bare_letters(_REMARK.sub("", name.strip())))


def read_pollutants(path: Path, faults: Faults) -> Pollutants:
    """Read the table of pollutants; those of the soil standards have their other names from there."""
    known = {row["item"]: row["aliases"].split("|") for row in read_table("soil_item_names.csv", ("item", "aliases"))}
    by_name: dict[str, Pollutant] = {}
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        for key in ("mobile", "volatile"):
            faults.one_of(f"{where} {key}", row[key], ANSWERS, "yes, no or unknown")
            faults.one_of(f"{where} {key}_certainty", row[f"{key}_certainty"], CERTAINTIES, "a certainty")
            if not row[f"{key}_source"]:
                faults.add(f"{where} {key}_source", "", "a source")
        found = Pollutant(
            row["pollutant"], row["en"], row["cas"], row["mobile"], row["mobile_certainty"], row["mobile_source"], row["volatile"],
            row["volatile_certainty"], row["volatile_source"],
        )  # fmt: skip
        names = [found.name, found.en, found.cas, *row["aliases"].split("|"), *known.get(found.name, [])]
        names += [f"总{found.name}", f"全{found.name}"] if len(found.name) == 1 else []
        for name in {bare_letters(name) for name in names if name}:
            if by_name.setdefault(name, found) is not found:
                faults.add(where, name, f"a name of one pollutant only, not also of {by_name[name].name}")
    return Pollutants(by_name)


def names_in(text: str, table: Pollutants) -> tuple[str, ...]:
    """Return the names of pollutants that a ledger's cell lists, in its order, each once.

    A comma ends a name or belongs to it (1,2-二氯乙烷): pieces are joined again to the longest name that is known.

    Examples
    --------
    >>> from geosys._faults import Faults
    >>> from geosys.content import content_root
    >>> table = read_pollutants(content_root() / "cases" / "pollutants.csv", Faults())
    >>> names_in("苯、1,2-二氯乙烷，六价铬; 石油烃(C10-C40)", table)
    ('苯', '1,2-二氯乙烷', '六价铬', '石油烃(C10-C40)')
    """
    found: list[str] = []
    for part in _BREAK.split(text.strip().replace("（", "(").replace("）", ")")):
        for piece in (part,) if part.count("(") == part.count(")") else re.split(r"[()]", part):
            found += _names_between_commas([c.strip(" 。.:：") for c in _COMMA.split(piece)], table)
    return tuple(dict.fromkeys(name for name in found if name))


def _names_between_commas(cuts: list[str], table: Pollutants) -> list[str]:
    """Return cuts at commas joined to names: the longest known one at each place, else one cut with the figures before it."""
    names: list[str] = []
    at = 0
    while at < len(cuts):
        ends = [end for end in range(len(cuts), at, -1) if table.named(",".join(cuts[at:end])) is not None]
        end = ends[0] if ends else at + 1
        while not ends and end < len(cuts) and _LOCANT.match(cuts[end - 1]):
            end += 1
        names.append(",".join(cuts[at:end]))
        at = end
    return names


@dataclass(frozen=True, slots=True)
class Exceeding:
    """Hold what a plot's exceeding pollutants amount to: two three-valued facts, their causes and names not known.

    `causes` are the pollutants that make a fact yes; `undecided` those of which nobody can tell for want of their form,
    `unknown_names` those that the table does not have or that stand for others (等); `is_empty` says that no pollutants are stated at all.
    """

    mobile: str
    volatile: str
    causes: tuple[Pollutant, ...] = ()
    undecided: tuple[Pollutant, ...] = ()
    unknown_names: tuple[str, ...] = ()
    is_empty: bool = False


def judge_pollutants(text: str | None, table: Pollutants, none_words: Iterable[str]) -> Exceeding:
    """Return what the text of a ledger's cell says; None and blanks say nothing, words for *none* say no."""
    if text is None or not text.strip():
        return Exceeding(UNKNOWN, UNKNOWN, is_empty=True)
    if bare_letters(text) in {bare_letters(word) for word in none_words}:
        return Exceeding(NO, NO)
    names = names_in(text, table)
    found = {name: table.named(name) for name in names}
    there = [p for p in found.values() if p is not None]
    unknown = tuple(name for name, p in found.items() if p is None or name.endswith(_AND_OTHERS))

    def answer(key: str) -> str:
        answers = {getattr(p, key) for p in there} | ({UNKNOWN} if unknown or not there else set())
        return YES if YES in answers else UNKNOWN if UNKNOWN in answers else NO

    return Exceeding(
        answer("mobile"), answer("volatile"), tuple(p for p in there if YES in (p.mobile, p.volatile)),
        tuple(p for p in there if UNKNOWN in (p.mobile, p.volatile)), unknown,
    )  # fmt: skip

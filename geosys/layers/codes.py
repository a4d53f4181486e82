"""Code lists: the values a field may have, and the words senders use for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import SpecError
from geosys._text import Text
from geosys.content import read_csv, short_name
from geosys.layers.values import HALF_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._faults import Faults

COLUMNS = ("code", "zh", "en", "aliases", "source", "certainty")


@dataclass(frozen=True, slots=True)
class CodeList:
    """Hold one list: the title of each code, and every accepted spelling with the code it means."""

    id: str
    titles: Mapping[str, Text]
    spellings: Mapping[str, str]
    hash: str


def fold(value: str) -> str:
    """Return a spelling reduced to what tells codes apart: no blanks, half-width, lower case.

    Examples
    --------
    >>> fold(" ０１０１ ")
    '0101'
    >>> fold("工业 排污口")
    '工业排污口'
    """
    half = value.translate(HALF_WIDTH)
    return "".join(half.split()).lower()


def read_code_lists(folder: Path, faults: Faults) -> dict[str, CodeList]:
    """Read every CSV of a folder; a spelling that means two codes is a fault."""
    lists = {}
    for path in sorted(folder.glob("*.csv")):
        try:
            lists[path.stem] = _read(path, faults)
        except SpecError as error:
            faults.rows.append(str(error))
            lists[path.stem] = CodeList(path.stem, {}, {}, "")
    return lists


def _read(path: Path, faults: Faults) -> CodeList:
    titles: dict[str, Text] = {}
    spellings: dict[str, str] = {}
    rows = read_csv(path, COLUMNS)
    for line, row in enumerate(rows, 2):
        where = f"{short_name(path)} line {line}"
        if not row["code"] or row["code"] in titles:
            faults.add(where, row["code"], "a code, each once", "Remove or rename the row.")
        titles[row["code"]] = Text(row["zh"], row["en"])
        spellings.setdefault(fold(row["code"]), row["code"])
    for line, row in enumerate(rows, 2):
        for word in filter(None, row["aliases"].split("|")):
            meant = spellings.setdefault(fold(word), row["code"])
            if meant != row["code"]:
                faults.add(
                    f"{short_name(path)} line {line}",
                    word,
                    "a word for one code only",
                    f"It also means '{meant}'.",
                )
    spellings = _title_spellings(titles) | spellings
    return CodeList(path.stem, titles, spellings, hashlib.sha256(path.read_bytes()).hexdigest()[:12])


def _title_spellings(titles: Mapping[str, Text]) -> dict[str, str]:
    """Return the titles that name one code only: a title shared by two codes would be a guess."""
    meant: dict[str, set[str]] = {}
    for code, title in titles.items():
        for word in {fold(title.zh), fold(title.en)} - {""}:
            meant.setdefault(word, set()).add(code)
    return {word: min(codes) for word, codes in meant.items() if len(codes) == 1}

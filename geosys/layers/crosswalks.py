"""Crosswalks between code systems, and what is wrong with a code that stands in the wrong one.

The third survey and the planning classes use the same digits for different things: 0601 is industry in the one and a
farm road in the other. A code is therefore never compared with one of another system but through a crosswalk, row by row
with its certainty; where the crosswalk knows several counterparts, all of them are given.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._faults import Faults
from geosys._text import Text
from geosys.content import read_csv, short_name
from geosys.layers.codes import fold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.layers.codes import CodeList

COLUMNS = ("from_code", "to_code", "certainty", "note_zh", "note_en", "source")
CERTAINTIES = ("confirmed", "second_hand", "our_reading", "unconfirmed")  # from the surest to the least sure
JOINT = "_to_"  # of a file's name: the code list it leads from, and that it leads to
PARENT = "parent"  # the column of a code list that names the class above, which need not be a code of its own

SURE, MISSING, UNKNOWN, OTHER_SYSTEM, CONTRADICTS = "sure", "missing", "unknown", "other_system", "contradicts"

NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Hold one code of the other system, how sure it is, and why."""

    code: str
    certainty: str
    note: Text
    source: str


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Hold the counterparts of each code of one system in another; more than one means that a person must choose."""

    id: str
    source_list: str
    target_list: str
    rows: Mapping[str, tuple[Counterpart, ...]]
    hash: str = field(repr=False, default="")

    def counterparts(self, code: str) -> tuple[Counterpart, ...]:
        """Return the counterparts of a code, the surest first; none where the crosswalk does not know it."""
        return self.rows.get(code, ())

    def origins(self, code: str) -> tuple[str, ...]:
        """Return the codes that have a code among their counterparts, in order."""
        return tuple(sorted(one for one, found in self.rows.items() if any(c.code == code for c in found)))


@dataclass(frozen=True, slots=True)
class CodeVerdict:
    """Hold what a code amounts to in its own system (`SURE` or what is wrong) and why."""

    state: str
    why: Text = NOTHING


def read_crosswalks(folder: Path, codes: Mapping[str, CodeList]) -> dict[tuple[str, str], Crosswalk]:
    """Read every crosswalk of a folder, by the code lists it leads from and to.

    Parameters
    ----------
    folder
        ``layers/crosswalks``; each file is named ``<code list>_to_<code list>.csv``, columns as of `COLUMNS`.
    codes
        All code lists.

    Raises
    ------
    SpecError
        With all faults of all files: an unknown list, code or certainty, a pair that stands twice.
    """
    faults = Faults()
    found = {}
    for path in sorted(folder.glob("*.csv")):
        one, _, two = path.stem.partition(JOINT)
        where = short_name(path)
        for name in (one, two):
            faults.one_of(f"{where} (its name)", name, codes, "a code list of layers/codes")
        if one in codes and two in codes:
            found[one, two] = _read(path, codes[one], codes[two], faults)
    faults.raise_if_any()
    return found


def _read(path: Path, source: CodeList, target: CodeList, faults: Faults) -> Crosswalk:
    pairs: dict[str, dict[str, Counterpart]] = {}
    above = {row.get(PARENT) for row in read_csv(path.parent.parent / "codes" / f"{source.id}.csv", ("code",))}
    for line, row in enumerate(read_csv(path, COLUMNS), 2):
        where = f"{short_name(path)} line {line}"
        one, two = row["from_code"], row["to_code"]
        if one not in source.titles and one not in above:
            faults.add(where, one, f"a code of layers/codes/{source.id}.csv")
        faults.one_of(where, two, target.titles, f"a code of layers/codes/{target.id}.csv")
        faults.one_of(where, row["certainty"], CERTAINTIES, "a certainty")
        if two in pairs.setdefault(one, {}):
            faults.add(where, f"{one} → {two}", "each pair once", "Remove one of the two rows.")
        pairs[one][two] = Counterpart(two, row["certainty"], Text(row["note_zh"], row["note_en"]), row["source"])
    rows = {one: tuple(sorted(found.values(), key=_surest_first)) for one, found in pairs.items()}
    return Crosswalk(path.stem, source.id, target.id, rows, hashlib.sha256(path.read_bytes()).hexdigest()[:12])


def _surest_first(counterpart: Counterpart) -> tuple[int, str]:
    known = counterpart.certainty in CERTAINTIES
    return CERTAINTIES.index(counterpart.certainty) if known else len(CERTAINTIES), counterpart.code


def judge_code(code: str | None, name: str | None, own: CodeList, others: Mapping[str, CodeList]) -> CodeVerdict:
    """Say whether a code is one of its system, and whether the name beside it speaks of another code or system.

    Parameters
    ----------
    code, name
        As delivered; None where the cell is empty. The name is only asked for what it contradicts.
    own
        The system that the field is in.
    others
        The other systems, by the title that messages call them.

    Examples
    --------
    >>> from geosys.layers.codes import CodeList
    >>> survey = CodeList("survey", {"0601": Text("工业用地", "Industry")}, {}, "")
    >>> plan = CodeList("plan", {"0601": Text("农村道路", "Farm road")}, {}, "")
    >>> judge_code("0601", "工业用地", survey, {"用地用海": plan}).state
    'sure'
    >>> judge_code("0601", "农村道路", survey, {"用地用海": plan}).state
    'other_system'
    """
    if not code:
        return CodeVerdict(MISSING, Text("没有编码", "no code"))
    if code not in own.titles:
        return _foreign(code, others)
    spoken, called = "" if name is None else fold(name), own.titles[code]
    if not spoken or spoken == fold(called.zh):
        return CodeVerdict(SURE)
    return _contradicted(code, str(name), own, others)


def _foreign(code: str, others: Mapping[str, CodeList]) -> CodeVerdict:
    """Return what a code is that is none of its system."""
    for title, other in others.items():
        if code in other.titles:
            zh = f"{code} 不在本体系内，是{title}的“{other.titles[code].zh}”"
            return CodeVerdict(
                OTHER_SYSTEM, Text(zh, f"{code} is not of this system but '{other.titles[code].en}' of {title}")
            )
    return CodeVerdict(UNKNOWN, Text(f"代码表中没有 {code}", f"{code} is in no code list"))


def _contradicted(code: str, name: str, own: CodeList, others: Mapping[str, CodeList]) -> CodeVerdict:
    """Return what a name makes of a code that is called otherwise: nothing, unless it is the name of another code."""
    spoken, called = fold(name), own.titles[code]
    for title, other in others.items():
        if code in other.titles and fold(other.titles[code].zh) == spoken:
            zh = f"{code} 写作“{name}”，是{title}的叫法；本体系中是“{called.zh}”"
            return CodeVerdict(
                OTHER_SYSTEM, Text(zh, f"{code} is called '{name}', as in {title}; here it is '{called.en}'")
            )
    meant = next((other for other, text in own.titles.items() if fold(text.zh) == spoken), None)
    if meant is None:
        return CodeVerdict(SURE)
    zh = f"编码 {code} 与名称“{name}”（{meant}）矛盾"
    return CodeVerdict(CONTRADICTS, Text(zh, f"code {code} contradicts the name '{name}' ({meant})"))

"""The layout of the exchanged ledger: its columns, which are locked, its words and colours, as `cases/exchange.toml` says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.cases.ledger.tables import HUMAN_FIELDS
from geosys.cases.workflow import all_states
from geosys.content import read_toml, short_name
from geosys.layers.codes import CodeList, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys._text import Text

KEY = "case_id"
FACTS = (
    "case_id", "subject_name", "subject_id", "object_id", "county_name", "problem", "rule", "found_on", "lead", "due_on", "seen", "files",
)  # fmt: skip
GIVEN = ("evidence", "reason", "second_person")
TYPES = ("text", "date", "state", "office", "code")
COLOURS = ("overdue", "near", "open", "locked")
ADOPTED = (
    "code", "name", "longitude", "latitude", "problem", "found_on", "lead", "due_on", "status", "person", "handling", "measures",
    "progress", "done_on", "note",
)  # fmt: skip
PAPERS = {"A3": 8, "A4": 9}
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_KINDS = {
    "paper": "a text", "clear_word": "a text", "county_field": "a text",
    "county_codes": "a text", "colours": "a table of texts", "columns": "a table of tables", "notes": "a list of tables", "adopt": "a table",
}  # fmt: skip
_COLUMN_KINDS = {
    "fact": "a text", "field": "a text", "given": "a text", "type": "a text", "codes": "a text", "locked": "true or false",
    "needs": "a list of texts", "width": "a whole number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """Hold one column: its id and titles, what it shows (one of fact, field, given), how its cells are read."""

    name: str
    title: Text
    width: int
    fact: str = ""
    field: str = ""
    given: str = ""
    type: str = "text"
    codes: str = ""
    locked: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """Hold how a ledger kept by hand is read: names of its columns, words for states, and what speaks for an object."""

    columns: Mapping[str, tuple[str, ...]]
    states: Mapping[str, str]
    near_m: float
    far_m: float
    alike: float
    least_name: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Hold all of `cases/exchange.toml`."""

    title: Text
    paper: str
    clear_word: str
    county_field: str
    county_codes: str
    colours: Mapping[str, str]
    columns: tuple[Column, ...]
    notes: tuple[Text, ...]
    adopt: Adoption

    @property
    def key(self) -> Column:
        """Return the column of the key."""
        return next(column for column in self.columns if column.fact == KEY)

    @property
    def locked(self) -> tuple[Column, ...]:
        """Return the columns that only the system writes, the key aside."""
        return tuple(column for column in self.columns if column.locked and column.fact != KEY)


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the words of coded cells: by type (or code list) each code's title, each spelling's code; which states have settled a case."""

    titles: Mapping[str, Mapping[str, str]]
    spellings: Mapping[str, Mapping[str, str]]
    settled: tuple[str, ...]

    def title(self, kind: str, code: object) -> str:
        """Return how people name a code; the code itself where it has no title."""
        return self.titles.get(kind, {}).get(str(code), str(code))

    def code(self, kind: str, word: str) -> str | None:
        """Return the code that a word means, None where it means none."""
        return self.spellings.get(kind, {}).get(fold(word))


def words_of(
    workflow: Mapping[str, Any],
    offices: CodeList,
    codes: Mapping[str, CodeList],
    others: Mapping[str, Mapping[str, str]],
) -> Words:
    """Return the words of coded cells.

    Parameters
    ----------
    workflow, offices, codes
        The states and moves, the list of offices, and all code lists by id.
    others
        Titles of what is only shown: `rule` and `seen`.
    """
    states = all_states(workflow)
    titles: dict[str, Mapping[str, str]] = {"state": {name: state.title.zh for name, state in states.items()}, **others}
    spellings: dict[str, Mapping[str, str]] = {
        "state": {fold(word): name for name, state in states.items() for word in (name, state.title.en, state.title.zh)}
    }
    for name, found in (("office", offices), *((f"code:{key}", listed) for key, listed in codes.items())):
        titles[name] = {code: title.zh for code, title in found.titles.items()}
        spellings[name] = found.spellings
    return Words(titles, spellings, tuple(name for name, state in states.items() if not state.runs))


def word_kind(column: Column) -> str:
    """Return under which name a column's words stand in `Words`, empty for free cells."""
    return {"state": "state", "office": "office", "code": f"code:{column.codes}"}.get(column.type, "")


def read_layout(root: Path, states: Sequence[str], codes: Sequence[str]) -> Layout:
    """Return the layout of `cases/exchange.toml`.

    Parameters
    ----------
    states, codes
        The workflow's states, and the ids of the code lists there are.

    Raises
    ------
    SpecError
        With every fault of the file.
    """
    path = root / "cases" / "exchange.toml"
    name, faults = short_name(path), Faults()
    table = read_toml(path)
    faults.keys(name, table, (), ("title", *_KINDS))
    table = faults.sound(name, table, _KINDS)
    columns = tuple(
        _read_column(f"{name} [columns.{key}]", key, row, codes, faults)
        for key, row in table.get("columns", {}).items()
    )
    _check_columns(name, columns, faults)
    colours = table.get("colours", {})
    faults.keys(f"{name} [colours]", colours, (), COLOURS)
    for key, colour in colours.items():
        if not _COLOUR.fullmatch(colour):
            faults.add(f"{name} [colours] {key}", colour, "a colour as '#F2B8B5'")
    if "paper" in table:
        faults.one_of(f"{name} paper", table["paper"], PAPERS, "a paper of this program")
    notes = tuple(faults.text(f"{name} notes", row) for row in table.get("notes", []))
    adopt = _read_adoption(f"{name} [adopt]", table.get("adopt", {}), states, faults)
    title = faults.text(f"{name} title", table.get("title"))
    faults.raise_if_any()
    plain = {key: table[key] for key in ("paper", "clear_word", "county_field", "county_codes")}
    return Layout(title=title, colours=colours, columns=columns, notes=notes, adopt=adopt, **plain)


def _read_column(where: str, name: str, row: Mapping[str, Any], codes: Sequence[str], faults: Faults) -> Column:
    faults.keys(where, row, _COLUMN_KINDS, ("title", "width"))
    title = faults.text(f"{where} title", row.get("title"))
    told = faults.sound(where, {k: v for k, v in row.items() if k != "title"}, _COLUMN_KINDS)
    shown = [key for key in ("fact", "field", "given") if key in told]
    if len(shown) != 1:
        faults.add(where, shown, "one of fact, field, given")
    for key, words in (("fact", FACTS), ("field", HUMAN_FIELDS), ("given", GIVEN), ("type", TYPES), ("codes", codes)):
        faults.one_of(f"{where} {key}", told.get(key), words, f"one of {', '.join(words)}")
    for need in told.get("needs", []):
        faults.one_of(f"{where} needs", need, GIVEN, f"one of {', '.join(GIVEN)}")
    if "fact" in told and not told.get("locked"):
        faults.add(f"{where} locked", told.get("locked"), "true, for a fact is never read back")
    if "given" in told and told.get("locked"):
        faults.add(f"{where} locked", True, "false, for what a move needs is filled in by people")
    if (told.get("type") == "code") != ("codes" in told):
        faults.add(where, told.get("codes"), "codes with type 'code', and only with it")
    known = {key: value for key, value in told.items() if key in _COLUMN_KINDS and key not in ("needs", "width")}
    return Column(name, title, int(told.get("width", 12)), needs=tuple(told.get("needs", ())), **known)


def _check_columns(name: str, columns: Sequence[Column], faults: Faults) -> None:
    titles = [fold(column.title.zh) for column in columns]
    for column, title in zip(columns, titles, strict=True):
        if titles.count(title) > 1:
            faults.add(f"{name} [columns.{column.name}] title", column.title.zh, "a title that no other column has")
    for key in ("fact", "field", "given"):
        shown = [value for column in columns if (value := getattr(column, key))]
        for value in sorted({v for v in shown if shown.count(v) > 1}):
            faults.add(f"{name} {key}", value, "one column for it")
    if not any(column.fact == KEY for column in columns):
        faults.add(name, "no column with fact 'case_id'", "the key, by which rows are known when they come back")


def _read_adoption(where: str, table: Mapping[str, Any], states: Sequence[str], faults: Faults) -> Adoption:
    numbers = ("near_m", "far_m", "alike", "least_name")
    faults.keys(where, table, (), ("columns", "states", *numbers))
    table = faults.sound(
        where, table, {**dict.fromkeys(numbers, "a number"), **dict.fromkeys(("columns", "states"), "a table")}
    )
    columns: dict[str, list[str]] = table.get("columns", {})
    words: dict[str, str] = {}
    for field, names in columns.items():
        faults.one_of(f"{where} columns", field, ADOPTED, "a column that a ledger kept by hand may have")
        faults.expect(f"{where} columns {field}", names, "a list of texts")
    for state, spelled in table.get("states", {}).items():
        faults.one_of(f"{where} states", state, states, "a state of cases/workflow.toml")
        if faults.expect(f"{where} states {state}", spelled, "a list of texts"):
            for word in spelled:
                if words.setdefault(fold(word), state) != state:
                    faults.add(f"{where} states {state}", word, "a word for one state only")
    near_m, far_m, alike = (float(table.get(key, 0)) for key in ("near_m", "far_m", "alike"))
    named = {field: tuple(names) for field, names in columns.items()}
    return Adoption(named, words, near_m, far_m, alike, int(table.get("least_name", 0)))

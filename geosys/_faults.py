"""Collect all faults of a spec, then raise once: nobody should mend a file one message at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from geosys._errors import GeoSysError, SpecError
from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def nearest(word: object, words: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for the nearest valid word, or an empty text when none is near.

    Examples
    --------
    >>> nearest("outfal_type", ["outfall_type", "trade"])
    "Did you mean 'outfall_type'?"
    >>> nearest("zzz", ["outfall_type"])
    ''
    """
    close = get_close_matches(str(word), list(words), n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""


@dataclass(slots=True)
class Faults:
    """Hold the faults found so far, each with place, what was got, what was expected, what to do."""

    rows: list[str] = field(default_factory=list)

    def add(self, where: str, got: object, expected: str, do: str = "") -> None:
        """Note one fault; `where` is file and key, as in ``layers/outfall.toml [fields.name]``."""
        self.rows.append(f"{where}: got {got!r}, expected {expected}." + (f" {do}" if do else ""))

    def raise_if_any(self, error: type[GeoSysError] = SpecError) -> None:
        """Raise `error` with every fault on a line of its own, if there is any."""
        if self.rows:
            raise error("\n".join(self.rows))

    def keys(self, where: str, table: Mapping[str, Any], allowed: Iterable[str], required: Iterable[str] = ()) -> None:
        """Fault every key of `table` that is not allowed, and every required one that is absent."""
        known = set(allowed) | set(required)
        for key in table:
            if key not in known:
                hint = nearest(key, known) or f"Known keys: {', '.join(sorted(known))}."
                self.add(where, key, "a known key", hint)
        for key in required:
            if key not in table:
                self.add(where, "nothing", f"the key '{key}'", f"Add '{key} = …'.")

    def one_of(self, where: str, value: object, allowed: Iterable[str], what: str) -> str:
        """Return `value` as text; fault it when it is none of the allowed words (an absent one is a fault of its key)."""
        if value is None:
            return ""
        words = list(allowed)
        if value not in words:
            hint = nearest(value, words) or f"Known: {', '.join(words)}."
            self.add(where, value, what, hint)
        return str(value)

    def text(self, where: str, value: object) -> Text:
        """Return a two-language text from ``{ zh = "…", en = "…" }``; fault anything else but an absent one."""
        if value is None:
            return Text("", "")
        if not (
            isinstance(value, dict)
            and set(value) == {"zh", "en"}
            and all(isinstance(v, str) and v for v in value.values())
        ):
            self.add(where, value, '{ zh = "…", en = "…" }', "Give both languages.")
            return Text(str(value), str(value))
        return Text(value["zh"], value["en"])

    def typed(self, where: str, value: object, kind: type | tuple[type, ...], what: str) -> bool:
        """Say whether `value` is of `kind` (a truth value is not a number); fault it otherwise."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        good = isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
        if not good:
            self.add(where, value, what)
        return good

    def day(self, where: str, text: str) -> dt.date | None:
        """Return the date of a cell, None for an empty one; fault what is no date."""
        try:
            return dt.date.fromisoformat(text) if text else None
        except ValueError:
            self.add(where, text, "a date as 2026-08-15, or nothing")
            return None

    def expect(self, where: str, value: object, kind: str) -> bool:
        """Say whether `value` is of a kind of `KINDS`; fault it otherwise."""
        good = KINDS[kind](value)
        if not good:
            self.add(where, value, kind)
        return good

    def sound(self, where: str, table: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
        """Return a table without the entries that are not of their kind; each of those is a fault."""
        return {k: v for k, v in table.items() if k not in kinds or self.expect(f"{where} {k}", v, kinds[k])}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _is_table_of(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, dict) and all(isinstance(item, kinds) for item in value.values())


KINDS: dict[str, Callable[[object], bool]] = {
    "a text": lambda v: isinstance(v, str),
    "a number": _is_number,
    "a whole number": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "true or false": lambda v: isinstance(v, bool),
    "a date as 2026-09-30": lambda v: isinstance(v, dt.date) and not isinstance(v, dt.datetime),
    "a list of texts": lambda v: _is_list_of(v, str),
    "a table": lambda v: isinstance(v, dict),
    "a list of tables": lambda v: _is_list_of(v, dict),
    "a table of tables": lambda v: _is_table_of(v, (dict,)),
    "a table of texts": lambda v: _is_table_of(v, (str,)),
    "a table of values": lambda v: _is_table_of(v, (str, int, float, bool, dt.date)),
    "a table of values or lists": lambda v: _is_table_of(v, (str, int, float, bool, list)),
}

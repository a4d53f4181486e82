"""What the user decided about faults of river lines: a table of kind, lines or place, and decision."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys.geo.river_faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shapely.geometry.base import BaseGeometry

SEPARATOR = re.compile(r"\s*[;|；]\s*")
ACTING = {"drop", "reverse", "rename"}
COLUMNS = ("kind", "lines", "x", "y", "decision")


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold one row of the table: the verb, the lines it acts on, and those (or the place) it is about.

    `concerned` are ids of lines; `operands` are the ids after the verb, or the concerned lines where none follow; `word` is
    what follows `rename`.
    """

    row: int
    kind: str
    concerned: tuple[str, ...]
    verb: str
    operands: tuple[str, ...]
    word: str
    place: tuple[float, float] | None

    def is_about(self, kind: str, lines: Collection[str], geometry: BaseGeometry | None, reach: float) -> bool:
        """Say whether a fault of these lines at this place is the one that was decided."""
        if kind != self.kind or not set(self.concerned) <= set(lines):
            return False
        if self.place is None:
            return bool(self.concerned)
        return geometry is not None and shapely.distance(geometry, shapely.Point(self.place)) <= reach


def read_decisions(table: pd.DataFrame | None, known: Collection[str]) -> list[Decision]:
    """Return the decisions of a table.

    Parameters
    ----------
    table
        Columns `kind` (of `river_faults.KINDS`), `lines` (ids, between them ; or |), `x` and `y` (of the plane, may be
        empty or absent) and `decision`: a verb that the kind allows, then ids or, after `rename`, a name.
    known
        The ids of all lines.

    Raises
    ------
    SpecError
        Names every row that says something else, at once.
    """
    if table is None or not len(table):
        return []
    missing = [name for name in ("kind", "decision") if name not in table.columns]
    if missing or not {"lines", "x"} & set(table.columns):
        raise SpecError(
            f"decisions: got columns {list(table.columns)}, expected {', '.join(COLUMNS)}. Add the missing ones."
        )
    rows, wrong = [], []
    for number, row in enumerate(table.to_dict("records")):
        decision = _decision(number, {str(name): value for name, value in row.items()})
        fault = _what_is_wrong(decision, known)
        rows.append(decision)
        wrong += [f"row {number + 1}: {fault}"] if fault else []
    if wrong:
        raise SpecError("decisions: " + "; ".join(wrong) + ". Mend these rows.")
    return rows


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part for part in SEPARATOR.split(text) if part)


def _decision(number: int, row: dict[str, object]) -> Decision:
    concerned = _ids(_text(row.get("lines")))
    verb, _, rest = _text(row.get("decision")).partition(" ")
    x, y = (pd.to_numeric(_text(row.get(axis)) or "nan", errors="coerce") for axis in ("x", "y"))
    place = (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else None
    word = rest.strip() if verb == "rename" else ""
    operands = concerned if verb == "rename" or not rest.strip() else _ids(rest.strip())
    return Decision(number, _text(row.get("kind")), concerned, verb, operands, word, place)


def _what_is_wrong(decision: Decision, known: Collection[str]) -> str:
    kind = KINDS.get(decision.kind)
    if kind is None:
        return f"kind {decision.kind!r}, expected one of {', '.join(KINDS)}"
    strange = [line for line in (*decision.concerned, *decision.operands) if line not in known]
    wrong = {
        f"decision {decision.verb!r}, expected one of {', '.join(kind.verbs)} for {decision.kind}": decision.verb
        not in kind.verbs,
        f"line {''.join(strange[:1])!r}, which no line has as its id": bool(strange),
        "neither lines nor a place (x, y)": not decision.concerned and decision.place is None,
        f"{decision.verb!r} without the lines it is for": decision.verb in ACTING and not decision.operands,
        "join without the two lines that meet": (decision.kind, decision.verb) == ("gap", "join")
        and len(decision.operands) < 2,  # noqa: PLR2004
        "rename without a name": decision.verb == "rename" and not decision.word,
    }
    return next((text for text, is_so in wrong.items() if is_so), "")


def forbidden_pairs(decisions: Sequence[Decision], kinds: Collection[str]) -> set[frozenset[str]]:
    """Return the pairs of lines that stay apart, whatever their distance."""
    return {frozenset(row.concerned) for row in decisions if row.kind in kinds and row.verb == "apart"}

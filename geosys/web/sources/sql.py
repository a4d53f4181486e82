"""Make SQL of conditions: names only from the collection's own columns and quoted, values only as bound parameters."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys.web.sources.conditions import (
    OPERATORS,
    RELATIONS,
    All,
    AnyOf,
    Between,
    Compare,
    CompareColumns,
    Constant,
    Like,
    Missing,
    Not,
    OneOf,
    Related,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import shapely

    from geosys.web.sources.conditions import Condition


@dataclass(frozen=True, slots=True)
class Dialect:
    """Hold how one database writes what differs.

    Parameters
    ----------
    mark : of a bound parameter.
    fold : SQL with one ``{}`` that takes the case out of a text.
    folded : the same of a value that is bound.
    related : relation, geometry -> SQL and its parameters.
    value : a value as the driver takes it.
    """

    mark: str
    fold: str
    folded: Callable[[str], str]
    related: Callable[[str, shapely.Geometry], tuple[str, list[Any]]]
    value: Callable[[Any], Any]


def quoted(name: str) -> str:
    """Return a name as SQL writes it.

    Examples
    --------
    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def plain_value(value: Any) -> Any:
    """Return a value as SQLite stores it: dates as ISO text, truth as 1 and 0."""
    if isinstance(value, bool):
        return int(value)
    return value.isoformat() if isinstance(value, dt.date) else value


@dataclass(frozen=True, slots=True)
class Compiler:
    """Turn conditions into SQL of one dialect over the columns that are allowed; anything else raises.

    An unknown column or operator here is a fault of the program: questions of clients are checked before.
    """

    dialect: Dialect
    columns: Collection[str]

    def compile(self, condition: Condition) -> tuple[str, list[Any]]:  # noqa: PLR0911  one way out for each kind
        """Return the SQL of a condition and its parameters in order.

        Raises
        ------
        ValueError
            For a column or operator that is not allowed.
        """
        if isinstance(condition, (All, AnyOf)):
            return self._joined(condition)
        if isinstance(condition, Not):
            sql, values = self.compile(condition.part)
            return f"(NOT {sql})", values
        if isinstance(condition, Constant):
            return ("(1=1)" if condition.holds else "(1=0)"), []
        if isinstance(condition, Related):
            if condition.relation not in RELATIONS:
                raise ValueError(f"relation: got {condition.relation!r}, expected one of {', '.join(RELATIONS)}.")
            return self.dialect.related(condition.relation, condition.geometry)
        if isinstance(condition, Missing):
            return f"({self._name(condition.column)} IS NULL)", []
        if isinstance(condition, Between):
            mark = self.dialect.mark
            low, high = self.dialect.value(condition.low), self.dialect.value(condition.high)
            return f"({self._name(condition.column)} BETWEEN {mark} AND {mark})", [low, high]
        return self._of_values(condition)

    def _joined(self, condition: All | AnyOf) -> tuple[str, list[Any]]:
        if not condition.parts:
            return ("(1=1)" if isinstance(condition, All) else "(1=0)"), []
        told = [self.compile(part) for part in condition.parts]
        word = " AND " if isinstance(condition, All) else " OR "
        return f"({word.join(sql for sql, _ in told)})", [value for _, values in told for value in values]

    def _of_values(self, condition: Compare | CompareColumns | Like | OneOf) -> tuple[str, list[Any]]:
        name, mark = self._name(condition.column, is_folded=condition.is_folded), self.dialect.mark
        if isinstance(condition, Like):
            pattern = self._value(condition.pattern, is_folded=condition.is_folded)
            return f"({name} LIKE {mark} ESCAPE '\\')", [pattern]
        if isinstance(condition, OneOf):
            if not condition.values:
                return "(1=0)", []
            if condition.leading > 0:
                name = f"substr({name}, 1, {int(condition.leading)})"
            values = [self._value(value, is_folded=condition.is_folded) for value in condition.values]
            return f"({name} IN ({', '.join([mark] * len(values))}))", values
        if condition.operator not in OPERATORS:
            raise ValueError(f"operator: got {condition.operator!r}, expected one of {' '.join(OPERATORS)}.")
        if isinstance(condition, CompareColumns):
            return f"({name} {condition.operator} {self._name(condition.other, is_folded=condition.is_folded)})", []
        value = self._value(condition.value, is_folded=condition.is_folded)
        return f"({name} {condition.operator} {mark})", [value]

    def _name(self, column: str, *, is_folded: bool = False) -> str:
        if column not in self.columns:
            raise ValueError(f"column: got {column!r}, expected one of the collection's.")
        return self.dialect.fold.format(quoted(column)) if is_folded else quoted(column)

    def _value(self, value: Any, *, is_folded: bool) -> Any:
        return self.dialect.folded(value) if is_folded and isinstance(value, str) else self.dialect.value(value)


def well_formed(pattern: str) -> str:
    r"""Return a pattern of LIKE that every database reads alike: a lone ``\`` at its end is itself.

    Examples
    --------
    >>> well_formed("100\\%"), well_formed("a\\")
    ('100\\%', 'a\\\\')
    """
    trailing = len(pattern) - len(pattern.rstrip("\\"))
    return pattern + "\\" if trailing % 2 else pattern

"""Conditions of rules over attributes: true, false or unknown, because a missing value is no answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from geosys._faults import Faults
    from geosys._schema import LayerSchema

TRUE, FALSE, UNKNOWN = 1, 0, -1
SIDES = ("subject", "object")
TODAY = "today"
_NUMBERS = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Condition:
    """Hold one test of one column of the subject or the object."""

    side: str
    column: str
    test: str
    value: Any


def parse_conditions(
    table: Any, where: str, schemas: Mapping[str, LayerSchema | None], faults: Faults
) -> tuple[Condition, ...]:
    """Return the conditions of ``{ subject.FIELD = …, object.FIELD = … }``; every fault is added to `faults`.

    `schemas` gives the layer of each side (None for a side the rule does not have).
    """
    conditions = []
    if not isinstance(table, dict):
        faults.add(where, table, "{ subject.FIELD = value, object.FIELD = value }")
        return ()
    for side, fields in table.items():
        schema = schemas.get(side)
        if side not in SIDES or schema is None or not isinstance(fields, dict):
            sides = " or ".join(s for s in SIDES if schemas.get(s))
            faults.add(where, side, f"{sides} and a field", "Write subject.FIELD or object.FIELD.")
            continue
        for column, value in fields.items():
            place = f"{where} {side}.{column}"
            if faults.one_of(place, column, schema.columns, f"a field of layers/{schema.id}.toml") in schema.columns:
                conditions += _parse_one(side, column, value, schema, place, faults)
    return tuple(conditions)


def _parse_one(side: str, column: str, value: Any, schema: LayerSchema, where: str, faults: Faults) -> list[Condition]:
    if not isinstance(value, dict):
        values = value if isinstance(value, list) else [value]
        _check_values(values, column, schema, where, faults)
        return [Condition(side, column, "in", tuple(values))]
    found = []
    for test, operand in value.items():
        if faults.one_of(where, test, _TESTS, "a test") not in _TESTS:
            continue
        if test in ("in", "not"):
            operand = tuple(operand if isinstance(operand, list) else [operand])  # noqa: PLW2901
            _check_values(operand, column, schema, where, faults)
        if test in ("min", "max"):
            if schema.columns[column] not in _NUMBERS:
                faults.add(where, test, "a number column for min and max")
            faults.expect(f"{where} {test}", operand, "a number")
        if test in ("missing", "present"):
            faults.expect(f"{where} {test}", operand, "true or false")
        if test in ("before", "after"):
            is_day = operand == TODAY or (isinstance(operand, dt.date) and not isinstance(operand, dt.datetime))
            if schema.columns[column] != "date" or not is_day:
                faults.add(where, operand, "'today' or a date, on a date column")
        found.append(Condition(side, column, test, operand))
    return found


def _check_values(values: Sequence[Any], column: str, schema: LayerSchema, where: str, faults: Faults) -> None:
    """Fault values that the column cannot have: a code outside its list, a text for a truth."""
    codes, kind = schema.codes.get(column), schema.columns[column]
    for value in values:
        if codes is not None:
            prefix = isinstance(value, str) and value.endswith("*")
            if not (prefix and any(c.startswith(value[:-1]) for c in codes)):
                faults.one_of(where, value, codes, f"a code of '{column}'")
        elif (kind == "truth") != isinstance(value, bool) or (kind in _NUMBERS and isinstance(value, str)):
            faults.add(where, value, f"a value of type {kind}")


def evaluate(conditions: Sequence[Condition], frame: pd.DataFrame, side: str, today: dt.date) -> NDArray[np.int8]:
    """Return for each row whether all conditions of one side hold: `TRUE`, `FALSE` or `UNKNOWN`, shape (n,).

    One false makes the row false; otherwise one unknown makes it unknown, as a column is that nobody has filled yet.
    """
    result = np.full(len(frame), TRUE, dtype=np.int8)
    for condition in conditions:
        if condition.side == side:
            if condition.column in frame:
                answer = _TESTS[condition.test](frame[condition.column], condition.value, today)
            else:
                answer = np.full(len(frame), UNKNOWN, dtype=np.int8)
            result = both(result, answer)
    return result


def both(one: NDArray[np.int8], two: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the three-valued *and* of two answers.

    Examples
    --------
    >>> both(np.array([1, 1, -1, -1], dtype=np.int8), np.array([1, -1, -1, 0], dtype=np.int8)).tolist()
    [1, -1, -1, 0]
    """
    return np.where(
        (one == FALSE) | (two == FALSE), FALSE, np.where((one == UNKNOWN) | (two == UNKNOWN), UNKNOWN, TRUE)
    ).astype(np.int8)


def _answer(column: pd.Series, true: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(column.isna().to_numpy(), UNKNOWN, np.where(true, TRUE, FALSE)).astype(np.int8)


def _in(column: pd.Series, values: Sequence[Any], _: dt.date) -> NDArray[np.int8]:
    plain = [v for v in values if not (isinstance(v, str) and v.endswith("*"))]
    prefixes = tuple(v[:-1] for v in values if isinstance(v, str) and v.endswith("*"))
    true = np.array(column.isin(plain), dtype=bool)
    if prefixes:
        true |= column.map(lambda v: isinstance(v, str) and v.startswith(prefixes)).to_numpy(dtype=bool)
    return _answer(column, true)


def _not(column: pd.Series, values: Sequence[Any], today: dt.date) -> NDArray[np.int8]:
    answer = _in(column, values, today)
    return np.where(answer == UNKNOWN, UNKNOWN, 1 - answer).astype(np.int8)


def _missing(column: pd.Series, wanted: bool, _: dt.date) -> NDArray[np.int8]:
    return np.where(column.isna().to_numpy() == wanted, TRUE, FALSE).astype(np.int8)


def _present(column: pd.Series, wanted: bool, today: dt.date) -> NDArray[np.int8]:
    return _missing(column, not wanted, today)


def _min(column: pd.Series, least: float, _: dt.date) -> NDArray[np.int8]:
    return _answer(column, pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan) >= least)


def _max(column: pd.Series, most: float, _: dt.date) -> NDArray[np.int8]:
    return _answer(column, pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan) <= most)


def day_of(value: Any, today: dt.date) -> dt.date:
    """Return the date a condition names, ``today`` included."""
    return today if value == TODAY else value


def _before(column: pd.Series, day: Any, today: dt.date) -> NDArray[np.int8]:
    limit = day_of(day, today)
    return _answer(column, column.map(lambda v: isinstance(v, dt.date) and v < limit).to_numpy(dtype=bool))


def _after(column: pd.Series, day: Any, today: dt.date) -> NDArray[np.int8]:
    limit = day_of(day, today)
    return _answer(column, column.map(lambda v: isinstance(v, dt.date) and v > limit).to_numpy(dtype=bool))


_TESTS: dict[str, Callable[[pd.Series, Any, dt.date], NDArray[np.int8]]] = {
    "in": _in, "not": _not, "missing": _missing, "present": _present, "min": _min, "max": _max, "before": _before, "after": _after,
}  # fmt: skip

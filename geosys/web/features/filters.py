"""CQL2 filters, as text or JSON, made into conditions: only columns a viewer may see, only values of their type, bounded in size."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cql2

from geosys.web.features.literals import is_text, refused, shape_of, value_for
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
from geosys.web.sources.port import GEOMETRY, KEY
from geosys.web.sources.sql import well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.web.sources.conditions import Condition

LANGUAGES = ("cql2-text", "cql2-json")
MOST_LETTERS, MOST_JSON_LETTERS = 8_000, 400_000
DEEPEST_TEXT = 10  # brackets in brackets: the parser tries 2ⁿ readings of n open ones before it gives a faulty text up
DEEPEST_JSON = 80  # an operator and its arguments are two levels
MOST_NODES, MOST_VALUES = 500, 1_000
MOST_WILDCARDS = 8  # each % more multiplies the work on one text
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}
_TEMPORAL = ("t_after", "t_before", "t_equals", "t_during", "t_intersects")
_KNOWN = (
    *OPERATORS,
    "and",
    "or",
    "not",
    "like",
    "between",
    "in",
    "isNull",
    "casei",
    *(f"s_{r}" for r in RELATIONS),
    *_TEMPORAL,
)


@dataclass(slots=True)
class _Reading:
    """Hold what a filter is read against, and how much of it was read."""

    columns: Mapping[str, str]
    has_geometry: bool
    system: str
    nodes: int = field(default=0)


def read_filter(
    text: str, language: str, columns: Mapping[str, str], *, has_geometry: bool, system: str = "OGC:CRS84"
) -> Condition:
    """Return the condition of a CQL2 filter.

    Parameters
    ----------
    columns
        Type of each column that may be asked for; another is as unknown as one that does not exist.
    system
        Of the coordinates in the filter, in the order of its authority.

    Raises
    ------
    ProblemError
        400 with what was got and expected, for all that is no filter, not supported, too long, too deep or of a wrong type.
    """
    tree = _parsed_text(text) if language == "cql2-text" else _parsed_json(text)
    _check_depth(tree)
    kinds = {KEY: "text", **columns}
    return _condition(tree, _Reading(kinds, has_geometry, system), 0)


def _parsed_text(text: str) -> Any:
    if len(text) > MOST_LETTERS:
        raise refused(f"{len(text)} letters", f"at most {MOST_LETTERS}; send longer filters as cql2-json")
    depth = _depth(text, "'")
    if depth is None or depth > DEEPEST_TEXT:
        raise refused(
            "brackets that do not close or stand too deep", f"closed ones, at most {DEEPEST_TEXT} in each other"
        )
    try:
        return cql2.Expr(text).to_json()
    except BaseException as error:  # the parser's own errors derive from several classes, one of them above Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        told = " ".join(str(error).split("\n")[-1:]).strip(" =") or "a fault"
        raise refused(
            f"a text that is no CQL2 ({told[:120]})", "a CQL2 expression as: name LIKE 'A%' AND year > 2020"
        ) from None


def _depth(text: str, quote: str) -> int | None:
    """Return how deep brackets stand in each other outside quotes, or None where they do not close."""
    open_now = deepest = 0
    inside = ""
    for letter in text:
        if inside:
            inside = "" if letter == inside else inside
        elif letter in {quote, '"'}:
            inside = letter
        elif letter == "(":
            open_now += 1
            deepest = max(deepest, open_now)
        elif letter == ")":
            open_now -= 1
            if open_now < 0:
                return None
    return deepest if not open_now and not inside else None


def _parsed_json(text: str) -> Any:
    if len(text) > MOST_JSON_LETTERS:
        raise refused(f"{len(text)} letters", f"at most {MOST_JSON_LETTERS}")
    try:
        return json.loads(text, parse_constant=lambda word: {"constant": word})
    except (ValueError, RecursionError):
        raise refused("a text that is no JSON", "CQL2 as JSON") from None


def _check_depth(tree: Any) -> None:
    """Refuse what stands too deep before anything walks through it: chains of ^ or - come out of the parser as towers."""
    level, depth = [tree], 0
    while level:
        if depth > DEEPEST_JSON:
            raise refused("parts that stand too deep", f"at most {DEEPEST_JSON} in each other")
        inner: list[Any] = []
        for part in level:
            inner += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        level, depth = inner, depth + 1


def _condition(tree: Any, reading: _Reading, depth: int) -> Condition:
    reading.nodes += 1
    if depth > DEEPEST_JSON or reading.nodes > MOST_NODES:
        raise refused("too many parts", f"at most {MOST_NODES}, at most {DEEPEST_JSON} deep")
    if isinstance(tree, bool):
        return Constant(tree)
    if isinstance(tree, dict) and set(tree) == {"property"}:
        column = _column(tree, reading)
        if reading.columns[column] == "truth":
            return Compare(column, "=", True)
    if not isinstance(tree, dict) or not isinstance(tree.get("op"), str) or not isinstance(tree.get("args"), list):
        raise refused(_told(tree), "an expression that is true or false")
    operator, arguments = tree["op"], tree["args"]
    if operator in {"and", "or"} and arguments:
        parts = tuple(_condition(part, reading, depth + 1) for part in arguments)
        return All(parts) if operator == "and" else AnyOf(parts)
    if operator == "not" and len(arguments) == 1:
        return Not(_condition(arguments[0], reading, depth + 1))
    return _predicate(operator, arguments, reading)


def _predicate(operator: str, arguments: Sequence[Any], reading: _Reading) -> Condition:  # noqa: C901, PLR0911  one way out for each kind
    needed = {"isNull": 1, "between": 3}.get(operator, 2)
    if operator not in _KNOWN:
        raise refused(f"'{operator[:60]}'", f"one of: {', '.join(_KNOWN)}")
    if len(arguments) != needed:
        raise refused(f"{len(arguments)} arguments of '{operator}'", str(needed))
    if operator in OPERATORS:
        return _comparison(operator, arguments, reading)
    if operator.startswith("s_"):
        return _spatial(operator.removeprefix("s_"), arguments, reading)
    if operator.startswith("t_"):
        return _temporal(operator, arguments, reading)
    if operator == "isNull":
        if _is_place(arguments[0], reading):
            raise refused("the geometry", "a column; ask for places with s_intersects")
        return Missing(_column(arguments[0], reading))
    if operator == "between":
        column = _column(arguments[0], reading)
        low, high = (value_for(reading.columns[column], value, column) for value in arguments[1:])
        if isinstance(low, bool):
            raise refused("true or false in BETWEEN", "numbers, texts or dates")
        return Between(column, low, high)
    inner, is_folded = _unfolded(arguments[0])
    column = _column(inner, reading)
    if operator == "like":
        return _like(column, arguments[1], reading, is_folded=is_folded)
    return _one_of(column, arguments[1], reading, is_folded=is_folded)


def _unfolded(tree: Any) -> tuple[Any, bool]:
    """Return what stands inside CASEI, and whether something did."""
    if isinstance(tree, dict) and tree.get("op") == "casei":
        inside = tree.get("args")
        if not isinstance(inside, list) or len(inside) != 1:
            raise refused(_told(tree), "CASEI of one text")
        return inside[0], True
    return tree, False


def _comparison(operator: str, arguments: Sequence[Any], reading: _Reading) -> Condition:
    (left, left_folded), (right, right_folded) = _unfolded(arguments[0]), _unfolded(arguments[1])
    if left_folded != right_folded:
        raise refused("CASEI on one side", "CASEI on both sides")
    if _is_property(left) and _is_property(right):
        one, other = _column(left, reading), _column(right, reading)
        kinds = {reading.columns[one], reading.columns[other]}
        if len(kinds) > 1 and kinds != {"integer", "number"}:
            raise refused(f"'{one}' and '{other}' of different types", "two columns of one type")
        _check_folded(one, reading, is_folded=left_folded)
        return CompareColumns(one, operator, other, left_folded)
    if _is_property(right):
        left, right, operator = right, left, _MIRRORED[operator]
    column = _column(left, reading)
    value = value_for(reading.columns[column], right, column)
    _check_folded(column, reading, is_folded=left_folded)
    return Compare(column, operator, value, left_folded)


def _check_folded(column: str, reading: _Reading, *, is_folded: bool) -> None:
    if is_folded and reading.columns[column] != "text":
        raise refused(f"CASEI of '{column}'", "a column of texts")


def _like(column: str, told: Any, reading: _Reading, *, is_folded: bool) -> Condition:
    pattern, pattern_folded = _unfolded(told)
    if reading.columns[column] != "text" or not is_text(pattern):
        raise refused(f"LIKE of '{column}' with {_told(pattern)}", "a column of texts and a pattern")
    if pattern_folded != is_folded:
        raise refused("CASEI on one side", "CASEI on both sides")
    if pattern.count("%") > MOST_WILDCARDS:
        raise refused(f"{pattern.count('%')} times %", f"at most {MOST_WILDCARDS}")
    return Like(column, well_formed(pattern), is_folded)


def _one_of(column: str, told: Any, reading: _Reading, *, is_folded: bool) -> Condition:
    if not isinstance(told, list) or len(told) > MOST_VALUES:
        raise refused(_told(told), f"a list of at most {MOST_VALUES} values")
    _check_folded(column, reading, is_folded=is_folded)
    plain = [_unfolded(value) for value in told]
    if any(folded != is_folded for _, folded in plain):
        raise refused("CASEI on one side", "CASEI on both sides")
    return OneOf(column, tuple(value_for(reading.columns[column], value, column) for value, _ in plain), is_folded)


def _spatial(relation: str, arguments: Sequence[Any], reading: _Reading) -> Condition:
    left, right = arguments
    mirrored = {"within": "contains", "contains": "within"}
    if _is_place(right, reading) and not _is_place(left, reading):
        left, right, relation = right, left, mirrored.get(relation, relation)
    if not _is_place(left, reading):
        raise refused(_told(left), f"the property '{GEOMETRY}'")
    return Related(relation, shape_of(right, reading.system))


def _temporal(operator: str, arguments: Sequence[Any], reading: _Reading) -> Condition:
    column = _column(arguments[0], reading)
    if reading.columns[column] != "date":
        raise refused(f"'{operator}' of '{column}'", "a column of dates")
    told = arguments[1]
    if isinstance(told, dict) and set(told) == {"interval"}:
        return _in_interval(operator, column, told["interval"])
    day = value_for("date", told, column)
    simple = {"t_after": ">", "t_before": "<", "t_equals": "=", "t_intersects": "="}
    if operator not in simple:
        raise refused(f"'{operator}' with one date", "INTERVAL('2025-01-01', '2025-12-31')")
    return Compare(column, simple[operator], day)


def _in_interval(operator: str, column: str, told: Any) -> Condition:
    """Return the condition that a date lies in an interval; during leaves its ends out, as CQL2 has it."""
    if operator not in {"t_during", "t_intersects"} or not isinstance(told, list) or len(told) != 2:  # noqa: PLR2004
        raise refused(f"'{operator}' with an interval", "t_during or t_intersects")
    signs = (">", "<") if operator == "t_during" else (">=", "<=")
    ends = [None if end == ".." else value_for("date", end, column) for end in told]
    parts = tuple(Compare(column, sign, end) for sign, end in zip(signs, ends, strict=True) if isinstance(end, dt.date))
    return All(parts) if parts else Not(Missing(column))


def _is_property(tree: Any) -> bool:
    return isinstance(tree, dict) and set(tree) == {"property"}


def _is_place(tree: Any, reading: _Reading) -> bool:
    return reading.has_geometry and _is_property(tree) and tree["property"] in {GEOMETRY, "geom", "the_geom"}


def _column(tree: Any, reading: _Reading) -> str:
    if not _is_property(tree):
        raise refused(_told(tree), "the name of a property; sums and functions are not supported")
    name = tree["property"]
    if not isinstance(name, str) or name not in reading.columns:
        raise refused(f"the property {_told(name)}", "one of /queryables")
    return name


def _told(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False, default=str)[:120]

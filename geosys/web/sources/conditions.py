"""Conditions on features: what filters, boxes and rights come down to before a store makes SQL of them, values always apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    Value = str | float | bool | dt.date

RELATIONS = ("intersects", "within", "contains", "disjoint", "touches", "crosses", "overlaps", "equals")
OPERATORS = ("=", "<>", "<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Constant:
    """Hold for every feature, or for none."""

    holds: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare a column with a value; `is_folded`: both without regard to case."""

    column: str
    operator: str
    value: Value
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class CompareColumns:
    """Compare two columns of one type."""

    column: str
    operator: str
    other: str
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    r"""Hold a text against a pattern: ``%`` any letters, ``_`` one letter, ``\`` takes the next sign as it is."""

    column: str
    pattern: str
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """Hold from a lowest to a highest value, both included."""

    column: str
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Hold where a column has one of some values; with `leading` above 0, where its first characters are one of them."""

    column: str
    values: tuple[Value, ...]
    is_folded: bool = False
    leading: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """Hold where a column has no value."""

    column: str


@dataclass(frozen=True, slots=True)
class Related:
    """Hold where a feature's geometry stands in one of `RELATIONS` to another one; longitude and latitude, EPSG:4490."""

    relation: str
    geometry: shapely.Geometry


@dataclass(frozen=True, slots=True)
class All:
    """Hold where every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Hold where some part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Hold where a part does not hold; what is unknown stays unknown."""

    part: Condition


Condition = Constant | Compare | CompareColumns | Like | Between | OneOf | Missing | Related | All | AnyOf | Not


def all_of(parts: Iterable[Condition | None]) -> Condition | None:
    """Return the condition that all parts hold; None where there is none to hold."""
    told = tuple(part for part in parts if part is not None)
    return None if not told else told[0] if len(told) == 1 else All(told)


def in_box(west: float, south: float, east: float, north: float) -> Related:
    """Return the condition that a feature meets a box of EPSG:4490 degrees."""
    return Related("intersects", shapely.box(west, south, east, north))


def reach(condition: Condition | None) -> tuple[float, float, float, float] | None:
    """Return the box outside which no feature can hold, or None where features anywhere, or without a place, can.

    Examples
    --------
    >>> reach(All((Compare("a", "=", 1), in_box(0, 0, 2, 2))))
    (0.0, 0.0, 2.0, 2.0)
    >>> reach(Not(in_box(0, 0, 2, 2))) is None
    True
    """
    if isinstance(condition, Related) and condition.relation != "disjoint":
        west, south, east, north = (float(side) for side in shapely.bounds(condition.geometry))
        return west, south, east, north
    if isinstance(condition, (All, AnyOf)):
        boxes = [reach(part) for part in condition.parts]
        known = np.array([box for box in boxes if box is not None], dtype=float)
        if isinstance(condition, All) and len(known):
            (west, south), (east, north) = known[:, :2].max(axis=0), known[:, 2:].min(axis=0)
            return float(west), float(south), float(east), float(north)
        if isinstance(condition, AnyOf) and len(known) and len(known) == len(boxes):
            (west, south), (east, north) = known[:, :2].min(axis=0), known[:, 2:].max(axis=0)
            return float(west), float(south), float(east), float(north)
    return None

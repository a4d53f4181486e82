"""What a chart is made of: classes with their looks, rows of amounts, lines over periods, progress, flows between states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.palettes import Swatch
    from geosys.maps.paper.sheet import Words


@dataclass(frozen=True, slots=True)
class Stack:
    """Hold rows of amounts by class, drawn as bars one below the other.

    Parameters
    ----------
    classes : the looks of the classes, in the order of the pieces.
    rows : the name of each row and its amounts, one for each class; none is negative.
    unit : printed behind the total of a row.
    is_share : whether each bar fills the width, so that shares are compared; the total is printed all the same.
    """

    title: Words
    classes: Sequence[Swatch]
    rows: Sequence[tuple[Words, Sequence[float]]]
    unit: Words = ""
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of a trend: its name and a value for each period, None where there is none."""

    title: Words
    values: Sequence[float | None]
    colour: str = "#1F5E96"


@dataclass(frozen=True, slots=True)
class Trend:
    """Hold lines over periods, with a level to be reached (None: none) that is drawn dashed."""

    title: Words
    periods: Sequence[str]
    lines: Sequence[Line]
    unit: Words = ""
    target: float | None = None
    target_title: Words = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Hold how far one thing has come: bounds of its share, the target and the schedule's value of the day, all in per cent.

    `lower` None: nothing is known. Between `lower` and `upper` lies what data that lack can still change.
    """

    title: Words
    lower: float | None
    upper: float | None
    target: float | None = None
    expected: float | None = None
    note: Words = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hold the progress of many things, one below the other."""

    title: Words
    rows: Sequence[Progress]


@dataclass(frozen=True, slots=True)
class State:
    """Hold one state of a flow chart: its column from 0, its name and its colour."""

    column: int
    title: Words
    colour: str


@dataclass(frozen=True, slots=True)
class Flows:
    """Hold amounts that went from one state to another (a Sankey diagram).

    Parameters
    ----------
    columns : the titles of the columns.
    states : in the order they stand in their column.
    flows : positions in `states` of source and target, and the amount, above 0; the target stands one column on.
    """

    title: Words
    columns: Sequence[Words]
    states: Sequence[State]
    flows: Sequence[tuple[int, int, float]]
    unit: Words = ""


Chart: TypeAlias = Stack | Trend | Schedule | Flows

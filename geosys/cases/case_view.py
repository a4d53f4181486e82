"""Cases as a layer that formulas read: one row a case, with what a ranking counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys._schema import LayerSchema, UsableLayer
from geosys._text import Text
from geosys.cases.due_dates import TIMINGS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

CASE = "case"
COLUMNS = {
    "case_id": "text", "status": "text", "rule": "text", "subject_layer": "text", "office": "text", "county_code": "text",
    "found_on": "date", "due_on": "date", "closed_on": "date", "timing": "text", "extended": "integer",
    "is_closed": "truth", "is_left_out": "truth", "is_in_time": "truth", "is_due_in_month": "truth", "is_found_in_month": "truth",
    "is_closed_in_month": "truth",
}  # fmt: skip
CRS = "EPSG:4490"  # cases have no place of their own: their objects have
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Month:
    """Hold one month, the day it is looked at (its last one once it is over), and whether it is over."""

    first: dt.date
    last: dt.date
    day: dt.date
    is_over: bool


def month_named(text: str | None, today: dt.date) -> Month:
    """Return the month of a text as ``2026-10`` (default: that of today), looked at on its last day or today.

    Raises
    ------
    SpecError
        When the text names no month, or one to come.

    Examples
    --------
    >>> month_named("2026-02", dt.date(2026, 3, 9)).day, month_named(None, dt.date(2026, 3, 9)).day
    (datetime.date(2026, 2, 28), datetime.date(2026, 3, 9))
    """
    try:
        first = today.replace(day=1) if text is None else dt.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007
    except ValueError:
        raise SpecError(f"month: got '{text}', expected a month as 2026-10.") from None
    if first > today:
        raise SpecError(f"month: got {text}, expected none after {today:%Y-%m}, the month of today.")
    after = (
        first.replace(year=first.year + 1, month=1)
        if first.month == _DECEMBER
        else first.replace(month=first.month + 1)
    )
    last = after - dt.timedelta(days=1)
    return Month(first, last, min(last, today), is_over=today > last)


def case_schema(states: Mapping[str, Text]) -> LayerSchema:
    """Return the fields of cases as conditions may name them; `states` are those of the life cycle."""
    return LayerSchema(
        id=CASE, title=Text("整改事项", "Cases"), geometry="point", name_field=None, accuracy_m=0.0, disclosure="internal", columns=COLUMNS,
        titles={name: Text(name, name) for name in COLUMNS}, codes={"status": states, "timing": TIMINGS}, disclosures={},
    )  # fmt: skip


def case_view(
    agenda: pd.DataFrame, counties: Mapping[str, str], closed: Mapping[str, dt.date], month: Month, schema: LayerSchema,
    settled: Collection[str], left_out: Collection[str],
) -> UsableLayer:  # fmt: skip
    """Return the cases of an agenda as a layer, those merged into others left out.

    Parameters
    ----------
    agenda
        As `todo.agenda` returns it, of the month's day.
    counties
        The county code of each case that has one.
    closed
        The day each closed case was closed on.
    settled, left_out
        States that count as closed, and those that are no cases to rectify.
    """
    cases = agenda[agenda["merged_into"].isna()]
    days = {name: [_day(v) for v in cases[name]] for name in ("found_on", "due_on")}
    ids, states = cases["case_id"].tolist(), cases["status"].tolist()
    is_closed = [state in settled for state in states]
    ended = [closed.get(case) if done else None for case, done in zip(ids, is_closed, strict=True)]
    until = (
        month.last if month.is_over else month.day - dt.timedelta(days=1)
    )  # a case may still be closed on its last day
    due = zip(days["due_on"], ended, is_closed, strict=True)
    timely = [_in_time(on, end, done=done, until=until) for on, end, done in due]
    columns: dict[str, Any] = {
        "case_id": ids, "status": states, "rule": cases["rule"].tolist(), "subject_layer": cases["subject_layer"].tolist(),
        "office": cases["office"].tolist(), "county_code": [counties.get(case) for case in ids],
        "found_on": days["found_on"], "due_on": days["due_on"], "closed_on": ended,
        "timing": cases["timing"].tolist(), "extended": cases["extended"].tolist(), "is_closed": is_closed,
        "is_left_out": [state in left_out for state in states], "is_in_time": timely,
        "is_due_in_month": [
            on is not None and month.first <= on <= month.last and (done or on <= until)
            for on, done in zip(days["due_on"], is_closed, strict=True)
        ],
        "is_found_in_month": [on is not None and month.first <= on <= month.day for on in days["found_on"]],
        "is_closed_in_month": [on is not None and month.first <= on <= month.day for on in ended],
    }  # fmt: skip
    frame = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()}, columns=list(COLUMNS))
    frame = frame.assign(feature_id=frame["case_id"])
    nowhere = np.full(len(frame), None, dtype=object)
    layer = gpd.GeoDataFrame(frame, geometry=shapely.points(np.empty((0, 2))) if not len(frame) else nowhere, crs=CRS)
    return UsableLayer(schema, layer, layer.iloc[:0], month.day.isoformat())


def _day(value: Any) -> dt.date | None:
    return value if isinstance(value, dt.date) and not pd.isna(value) else None


def _in_time(due: dt.date | None, closed: dt.date | None, *, done: bool, until: dt.date) -> bool | None:
    """Say whether a case was closed by its due date; None where it has none, is still in time, or its day is not known."""
    if due is None:
        return None
    if done:
        return None if closed is None else closed <= due
    return False if due <= until else None

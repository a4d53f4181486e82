"""Work a rate out: who is in the numerator, who else in the denominator, of whom nobody can tell, and the bounds that leaves."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.cases.conditions import FALSE, TRUE, UNKNOWN, Condition, both, evaluate
from geosys.cases.rate_bounds import IN_NUMERATOR, IN_REST, OUT, bounds
from geosys.cases.rates import AMOUNT, AREA, COUNT, LENGTH, SIDE
from geosys.geo.area import ellipsoidal_area_m2
from geosys.geo.pair_table import ground_length_m

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    import geopandas as gpd
    from numpy.typing import NDArray

    from geosys._schema import UsableLayer
    from geosys.cases.rates import Lookup, Rate, Terms

NUMERATOR, REST, DOUBTED = "numerator", "rest", "unknown"
COMPUTED, EMPTY, NOT_ASSESSED = "computed", "empty", "not_assessed"
MEMBER_COLUMNS = ["feature_id", "part", "may_be", "amount", "reason_zh", "reason_en"]
IS_WITHHELD = Text("数据问题未解决，被扣留", "withheld for a data issue")
NOT_TOLD = Text("是否属于统计范围，缺少字段值", "a value is missing that decides whether it belongs")
NOT_JUDGED = Text("是否完成，缺少字段值", "a value is missing that decides whether it is done")
NO_FIGURE = Text("缺少计量数值", "the figure to add up is missing")


@dataclass(frozen=True, slots=True)
class RateResult:
    """Hold a rate of one group on one day.

    `members` has a row for each feature that belongs or may belong: `feature_id`, `part` (numerator, rest, unknown),
    `may_be` (of the letters n r o: numerator, rest, out), `amount` (NaN: not known) and the reason in two languages.
    `share` is that of the known members, 0 to 1; `lower` and `upper` are what all members together can make it. For a
    rate whose value is an amount, `lower` and `upper` are amounts; an open end is None.
    """

    rate: Rate
    group: Mapping[str, str]
    on: dt.date
    cut_off: dt.date
    state: str
    members: pd.DataFrame
    share: float | None = None
    lower: Fraction | None = None
    upper: Fraction | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def ids(self, part: str) -> tuple[str, ...]:
        """Return the features of one part: numerator, rest (of the denominator) or unknown."""
        return tuple(self.members.loc[self.members["part"] == part, "feature_id"])

    def amount(self, *parts: str) -> float:
        """Return the sum of the known figures of some parts, in the rate's unit."""
        return math.fsum(self.members.loc[self.members["part"].isin(parts), "amount"].dropna())

    @property
    def is_settled(self) -> bool:
        """Say whether nothing unknown can change the result."""
        return self.lower is not None and self.lower == self.upper


def rate_results(
    rate: Rate, views: Mapping[str, UsableLayer], today: dt.date, on: dt.date | None = None,
    cut_off: dt.date | None = None, where: Sequence[Condition] = (), by: Sequence[str] = (),
) -> list[RateResult]:  # fmt: skip
    """Return a rate as a whole and, where asked, for each group; one result, *not assessed*, when its layer is absent.

    Parameters
    ----------
    views
        Layers by id as they stand today.
    today
        The day the layers are of.
    on, cut_off
        The day the numerator is told on, and that on which the ledger (the denominator) was closed; default today and
        the formula's own, else `on`.
    where
        Further conditions of the denominator, as the area of a plan.
    by
        Words of the formula's table `by`, as ``["county"]``.

    Raises
    ------
    SpecError
        When an earlier day is asked for and the formula names no field that tells it, or a day after today.
    """
    on = on or today
    cut_off = cut_off or min(rate.cut_off or on, on)
    _check_days(rate, today, on, cut_off)
    unknown_words = [word for word in by if word not in rate.by]
    if unknown_words:
        raise SpecError(
            f"rate '{rate.id}': got grouping by {unknown_words}, expected some of {list(rate.by)}. Add it to 'by'."
        )
    view = views.get(rate.layer)
    if view is None:
        nobody = pd.DataFrame(columns=MEMBER_COLUMNS)
        told = {"layers": {}, "formula": rate.id, "formula_version": rate.version, "missing_layer": rate.layer}
        return [RateResult(rate, {}, on, cut_off, NOT_ASSESSED, nobody, provenance=told)]
    frame, filled = _filled(view.frame, rate.lookups, views)
    lost, _ = _filled(_not_in(view.withheld, view.frame), rate.lookups, views)
    days = (today, on, cut_off)
    told = _provenance(rate, views, len(frame), len(lost), filled)
    groups: list[dict[str, str]] = [{}]
    if by:
        names = [rate.by[word] for word in by]
        there = evaluate_terms(rate.denominator, frame, today) != FALSE
        values = frame.loc[there, names].dropna().drop_duplicates().sort_values(names)
        groups += [dict(zip(by, map(str, row), strict=True)) for row in values.itertuples(index=False)]
    results = []
    for group in groups:
        asked = (*where, *(Condition(SIDE, rate.by[word], "in", (value,)) for word, value in group.items()))
        members = pd.concat(
            [_members(rate, frame, asked, days, view, is_lost=False), _members(rate, lost, asked, days, view, is_lost=True)],
            ignore_index=True,
        )  # fmt: skip
        results.append(_result(rate, group, on, cut_off, members, told))
    return results


def evaluate_terms(terms: Terms, frame: pd.DataFrame, today: dt.date) -> NDArray[np.int8]:
    """Return the three-valued *or* of some terms; all true where there is none."""
    if not terms:
        return np.full(len(frame), TRUE, dtype=np.int8)
    answers = np.stack([evaluate(term, frame, SIDE, today) for term in terms])
    any_true, any_unknown = (answers == TRUE).any(axis=0), (answers == UNKNOWN).any(axis=0)
    return np.where(any_true, TRUE, np.where(any_unknown, UNKNOWN, FALSE)).astype(np.int8)


def _check_days(rate: Rate, today: dt.date, on: dt.date, cut_off: dt.date) -> None:
    for day, name, key in ((on, "day", "done_on"), (cut_off, "cut-off day", "known_on")):
        if day > today:
            raise SpecError(
                f"rate '{rate.id}': got the {name} {day}, expected none after {today}, the day of the layers."
            )
        if day < today and getattr(rate, key) is None:
            raise SpecError(
                f"rate '{rate.id}': got the {name} {day}, before {today}, expected a formula with '{key}'. "
                f"Without it an earlier state is not known: ask for {today}, or add the field to the formula."
            )


def _members(
    rate: Rate, frame: gpd.GeoDataFrame, where: Sequence[Condition], days: tuple[dt.date, dt.date, dt.date],
    view: UsableLayer, *, is_lost: bool,
) -> pd.DataFrame:  # fmt: skip
    """Return who belongs or may belong, with what each may turn out to be."""
    today, on, cut_off = days
    inside = both(evaluate_terms(rate.denominator, frame, today), evaluate(where, frame, SIDE, today))
    if rate.known_on is not None:
        inside = both(inside, _by_day(frame[rate.known_on], cut_off, today))
    if rate.doubtful:
        doubtful = evaluate_terms(rate.doubtful, frame, today) == TRUE
        inside = np.where(doubtful & (_apart(rate, frame, where, days) != FALSE), UNKNOWN, inside).astype(np.int8)
    done = evaluate_terms(rate.numerator, frame, today)
    if rate.done_on is not None:
        done = both(done, _by_day(frame[rate.done_on], on, today, is_done=True))
    if rate.year_of is not None:
        of_year = frame[rate.year_of].map(lambda v: isinstance(v, str) and v.startswith(f"{on.year}"))
        done = np.where(of_year.to_numpy(dtype=bool), done, UNKNOWN).astype(np.int8)
    if is_lost:
        inside = np.where(inside == FALSE, FALSE, UNKNOWN).astype(np.int8)
        done = np.full(len(frame), UNKNOWN, dtype=np.int8)
    amount = _amounts(rate, frame, view)
    ids = frame["feature_id"].astype(str).to_numpy(dtype=object)
    stays = np.flatnonzero(inside != FALSE)
    rows = [_row(ids[i], int(inside[i]), int(done[i]), float(amount[i]), is_lost=is_lost) for i in stays]
    return pd.DataFrame(rows, columns=MEMBER_COLUMNS).astype({"amount": float})


def _apart(
    rate: Rate, frame: pd.DataFrame, where: Sequence[Condition], days: tuple[dt.date, dt.date, dt.date]
) -> NDArray[np.int8]:
    """Return whether a feature is of the area and the ledger at all, the terms of the denominator left aside."""
    today, _, cut_off = days
    answer = evaluate(where, frame, SIDE, today)
    return both(answer, _by_day(frame[rate.known_on], cut_off, today)) if rate.known_on is not None else answer


def _row(name: str, inside: int, done: int, amount: float, *, is_lost: bool) -> tuple[Any, ...]:
    """Return one member: its part, what it may turn out to be, its figure and why it is unknown."""
    may_be = {TRUE: IN_NUMERATOR, FALSE: IN_REST}.get(done, IN_NUMERATOR + IN_REST) + (OUT if inside == UNKNOWN else "")
    why = [
        text
        for text, holds in (
            (IS_WITHHELD, is_lost),
            (NOT_TOLD, inside == UNKNOWN and not is_lost),
            (NOT_JUDGED, done == UNKNOWN and not is_lost),
            (NO_FIGURE, math.isnan(amount)),
        )
        if holds
    ]
    part = DOUBTED if why else NUMERATOR if done == TRUE else REST
    return name, part, may_be, amount, "；".join(t.zh for t in why), "; ".join(t.en for t in why)


def _by_day(column: pd.Series, day: dt.date, today: dt.date, *, is_done: bool = False) -> NDArray[np.int8]:
    """Return whether a date lies on or before a day; an empty one is so today (the row is there), earlier it is unknown.

    A date after today is wrong, and tells as little as an empty one; what is said to be done on such a day is unknown.
    """
    passed = column.map(lambda v: isinstance(v, dt.date) and v <= day).to_numpy(dtype=bool)
    to_come = column.map(lambda v: isinstance(v, dt.date) and v > today).to_numpy(dtype=bool)
    empty = TRUE if day >= today else UNKNOWN
    answer = np.where(column.isna().to_numpy(), empty, np.where(passed, TRUE, FALSE))
    return np.where(to_come, UNKNOWN if is_done else empty, answer).astype(np.int8)


def _amounts(rate: Rate, frame: gpd.GeoDataFrame, view: UsableLayer) -> NDArray[np.float64]:
    """Return what each feature adds, in the rate's unit: NaN where it is missing or negative, which no quantity is."""
    if rate.measure == COUNT:
        return np.ones(len(frame))
    if rate.measure in (AREA, LENGTH):
        column = f"{rate.measure}_{'m2' if rate.measure == AREA else 'm'}"
        if column in frame:
            amount = pd.to_numeric(frame[column]).to_numpy(dtype=float, na_value=np.nan)
        else:
            shapes, crs = frame.geometry.to_numpy(), str(view.frame.crs)
            amount = ellipsoidal_area_m2(shapes, crs) if rate.measure == AREA else ground_length_m(shapes, crs)
        empty = np.asarray(frame.geometry.isna() | frame.geometry.is_empty, dtype=bool)
        amount = np.where(empty & ~(amount > 0), np.nan, amount)
    else:
        amount = pd.to_numeric(frame[rate.measure]).to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(amount) & (amount >= 0), amount, np.nan)


def _result(
    rate: Rate, group: Mapping[str, str], on: dt.date, cut_off: dt.date, members: pd.DataFrame, told: Mapping[str, Any]
) -> RateResult:
    lower, upper = bounds(members, rate.value)
    known = members[members["part"] != DOUBTED]
    of_all = math.fsum(known["amount"])
    share = math.fsum(known.loc[known["part"] == NUMERATOR, "amount"]) / of_all if of_all else None
    is_empty = not len(members) if rate.value == AMOUNT else lower is None
    state = EMPTY if is_empty else COMPUTED
    return RateResult(rate, group, on, cut_off, state, members, share, lower, upper, told)


def _not_in(withheld: gpd.GeoDataFrame, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the withheld rows of features that no clean row stands for."""
    return withheld[~withheld["feature_id"].isin(frame["feature_id"])].drop_duplicates("feature_id")


def _filled(
    frame: gpd.GeoDataFrame, lookups: Sequence[Lookup], views: Mapping[str, UsableLayer]
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return a frame with empty fields filled from other layers, and how many were: only where all of a name agree."""
    counts: dict[str, int] = {}
    for lookup in lookups:
        other = views.get(lookup.layer)
        if other is None or not len(frame):
            continue
        pairs = other.frame[[lookup.other_key, lookup.field]].dropna().drop_duplicates()
        pairs = pairs[~pairs[lookup.other_key].duplicated(keep=False)]
        meant = dict(zip(pairs[lookup.other_key], pairs[lookup.field], strict=True))
        old = frame[lookup.column]
        found = frame[lookup.own_key].map(meant).astype(object)
        new = old.astype(object).where(old.notna(), found)
        counts[lookup.column] = int(new.notna().sum() - old.notna().sum())
        frame = frame.assign(**{lookup.column: new})
    return frame, counts


def _provenance(
    rate: Rate, views: Mapping[str, UsableLayer], rows: int, lost: int, filled: Mapping[str, int]
) -> dict[str, Any]:
    """Return what a figure needs to be traced: layer versions, formula, records read and withheld, fields filled."""
    return {
        "layers": {name: views[name].version for name in rate.needs if name in views},
        "formula": rate.id, "formula_version": rate.version, "records": rows, "withheld": lost, "filled": dict(filled),
        "absent": [name for name in rate.needs if name not in views],
    }  # fmt: skip

"""The progress of a workspace against the plans: each target in its area and in each county, and the month's ranking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from geosys.cases.case_view import CASE, case_schema, case_view
from geosys.cases.conditions import Condition
from geosys.cases.duties import read_duties
from geosys.cases.entering import evidence_state
from geosys.cases.entries import latest
from geosys.cases.progress import Progress, targets_in
from geosys.cases.ranking import mark_of, ranked, read_ranking
from geosys.cases.rate_results import COMPUTED, rate_results
from geosys.cases.rate_tables import COMPUTED_FROM, ENTERED, NOTHING, Standing
from geosys.cases.rates import SHARE, SIDE
from geosys.cases.targets import AT_LEAST, COUNTY, Figure, expected_on, in_time, schedule_of, standing
from geosys.cases.workflow import all_states, read_workflow
from geosys.rates import read_rate_book, standings_of
from geosys.views import offices_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from geosys._schema import LayerSchema, UsableLayer
    from geosys.cases.case_view import Month
    from geosys.cases.duties import Duty
    from geosys.cases.entries import Entry
    from geosys.cases.ranking import Indicator, Mark, Place, Ranking
    from geosys.cases.rate_results import RateResult
    from geosys.cases.rates import Rate
    from geosys.cases.targets import Target
    from geosys.layers.spec import Catalogue
    from geosys.rates import RateBook

OFFICE = "office"  # as COUNTY a word of the formulas' table `by`


@dataclass(frozen=True, slots=True)
class ProgressBook:
    """Hold the formulas and targets, who answers for each target, the ranking, and the fields of cases."""

    rates: RateBook
    duties: Mapping[str, Duty]
    ranking: Ranking
    cases: LayerSchema

    def county_columns(self) -> frozenset[str]:
        """Return the fields of layers that hold a county."""
        return frozenset(rate.by[COUNTY] for rate in self.rates.rates.values() if COUNTY in rate.by)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Hold a ranking: who stands where, the indicators that nobody could be judged by, and the cases of no known group."""

    places: tuple[Place, ...]
    left_out: tuple[Indicator, ...]
    without_group: int


def read_progress_book(catalogue: Catalogue) -> ProgressBook:
    """Read and validate all content that progress is told by.

    Raises
    ------
    SpecError
        With every fault of the file at fault first.
    """
    book = read_rate_book(catalogue)
    states = {name: state.title for name, state in all_states(read_workflow(catalogue.root)).items()}
    schema = case_schema(states)
    duties = read_duties(catalogue.root, book.targets, offices_of(catalogue))
    return ProgressBook(book, duties, read_ranking(catalogue.root, schema, book.rates, states), schema)


def progress_of(
    book: ProgressBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date, on: dt.date | None = None,
    counties: Iterable[str] = (), folder: Path | None = None,
) -> list[Progress]:  # fmt: skip
    """Return how each dated step of each target stands on a day, in its area and in each of some counties.

    Parameters
    ----------
    views
        Layers by id as they stand on `today`.
    on
        The day asked about (default: `today`). On an earlier one a formula is used only where it knows the day things
        were done; else what was entered up to then.
    counties
        Codes. A county that a target has neither a feature nor an entry of is left out.
    folder
        Where the files lie that entered values rest on.
    """
    day = on or today
    told = [Progress(one, book.duties[one.target.id]) for one in _standings(book.rates, views, entries, today, day)]
    for county in counties:
        targets = targets_in(book.rates.targets, county, book.rates.rates)
        own = [replace(entry, county="") for entry in entries if entry.county == county]
        near = _near(book, views, county)
        told += [
            Progress(one, book.duties[one.target.id], county)
            for one in _standings(replace(book.rates, targets=targets), near, own, today, day)
            if one.entry is not None or _is_there(one.result, near, county)
        ]
    return [_with_evidence(row, folder) for row in told]


def counties_in(book: ProgressBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry] = ()) -> list[str]:
    """Return the codes of the counties that layers or entries name."""
    found = {entry.county for entry in entries if entry.county}
    for view in views.values():
        for column in book.county_columns() & set(view.frame.columns):
            found |= {str(code) for code in view.frame[column].dropna().unique()}
    return sorted(found)


def _near(book: ProgressBook, views: Mapping[str, UsableLayer], county: str) -> dict[str, UsableLayer]:
    """Return the layers without what is surely of another county; those that formulas look things up in stay whole."""
    looked_up = {lookup.layer for rate in book.rates.rates.values() for lookup in rate.lookups}
    columns = {rate.layer: rate.by[COUNTY] for rate in book.rates.rates.values() if COUNTY in rate.by}
    near = dict(views)
    for name, column in columns.items():
        view = views.get(name)
        if view is not None and name not in looked_up:
            # What is withheld stays whole: a withheld row whose clean one is of this county must not count twice.
            here = view.frame[column].isna() | (view.frame[column].astype(str) == county)
            gone = view.withheld[~view.withheld["feature_id"].isin(view.frame.loc[~here, "feature_id"])]
            near[name] = replace(view, frame=view.frame[here], withheld=gone)
    return near


def _is_there(result: RateResult | None, views: Mapping[str, UsableLayer], county: str) -> bool:
    """Say whether any that is counted is surely of a county: what may lie anywhere stands with the whole area."""
    if result is None or not len(result.members):
        return False
    view, column = views[result.rate.layer], result.rate.by[COUNTY]
    own = {
        str(name)
        for frame in (view.frame, view.withheld)
        for name in frame.loc[frame[column].astype(str) == county, "feature_id"]
    }
    return not own.isdisjoint(result.members["feature_id"])


def _with_evidence(row: Progress, folder: Path | None) -> Progress:
    entry = row.standing.entry
    return row if entry is None or folder is None else replace(row, evidence_state=evidence_state(entry, folder))


def _standings(
    book: RateBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date, on: dt.date
) -> list[Standing]:  # fmt: skip
    if on == today:
        return standings_of(book, views, entries, today)
    return [_earlier(target, book, views, entries, today, on) for target in book.targets]


def _earlier(
    target: Target, book: RateBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date, on: dt.date
) -> Standing:  # fmt: skip
    """Return how a target stood on a day before that of the layers."""
    rate = book.rates.get(target.rate)
    result = _result_on(rate, target, views, today, on) if rate is not None else None
    figure, source, entry = _figure(result), COMPUTED_FROM, None
    if figure is None:
        entry = latest(entries, target.id, on)
        figure = Figure(entry.value, entry.value) if entry is not None else None
        source = ENTERED if entry is not None else NOTHING
    then = None
    if target.due_on is not None and target.due_on <= on:
        met = latest(entries, target.id, target.due_on) if source != COMPUTED_FROM else None
        then = Figure(met.value, met.value) if met is not None else None
        if source == COMPUTED_FROM and rate is not None:
            then = _figure(_result_on(rate, target, views, today, target.due_on))
    schedule = schedule_of(target, book.targets)
    has_line = target.compare == AT_LEAST and target.due_on is not None and on <= target.due_on
    return Standing(
        target=target, on=on, status=standing(target, figure, on, schedule), source=source, figure=figure,
        expected=expected_on(schedule, on) if has_line else None, in_time=in_time(target, then), result=result, entry=entry,
    )  # fmt: skip


def _result_on(
    rate: Rate, target: Target, views: Mapping[str, UsableLayer], today: dt.date, on: dt.date
) -> RateResult | None:
    """Return a rate on an earlier day; None where the formula does not know both when things joined and were done."""
    if rate.done_on is None or rate.known_on is None or rate.year_of is not None:
        return None
    return rate_results(rate, views, today, on=on, where=target.area.conditions(rate))[0]


def _figure(result: RateResult | None) -> Figure | None:
    if result is None or result.state != COMPUTED or result.lower is None:
        return None
    scale = Fraction(100) if result.rate.value == SHARE else Fraction(1)
    return Figure(result.lower * scale, None if result.upper is None else result.upper * scale)


def case_counties(book: ProgressBook, cases: pd.DataFrame, views: Mapping[str, UsableLayer]) -> dict[str, str]:
    """Return the county code of each case, by what its object's layer says today; cases without one are left out."""
    found: dict[str, str] = {}
    for layer, of_layer in cases.groupby("subject_layer"):
        view = views.get(str(layer))
        if view is None:
            continue
        for column in sorted(book.county_columns() & set(view.frame.columns)):
            counties: dict[str, str] = {}
            for frame in (view.withheld, view.frame):  # a clean row goes before a withheld one
                rows = frame[frame[column].notna()]
                counties |= dict(zip(rows["feature_id"].astype(str), rows[column].astype(str), strict=True))
            for case, subject in zip(of_layer["case_id"], of_layer["subject_id"].astype(str), strict=True):
                if subject in counties:
                    found.setdefault(str(case), counties[subject])
    return found


def case_layer(
    book: ProgressBook, agenda: pd.DataFrame, counties: Mapping[str, str], closed: Mapping[str, dt.date], month: Month
) -> UsableLayer:  # fmt: skip
    """Return the cases of an agenda as a layer for the ranking's formulas; see `case_view.case_view`."""
    return case_view(agenda, counties, closed, month, book.cases, book.ranking.settled, book.ranking.left_out)


def rank(
    book: ProgressBook, cases: UsableLayer, views: Mapping[str, UsableLayer], groups: Collection[str], today: dt.date, month: Month,
    word: str = COUNTY,
) -> Ranked:  # fmt: skip
    """Return the month's ranking of counties, or by the shares of cases alone that of offices.

    Parameters
    ----------
    cases
        As `case_layer` returns them, of the month's day.
    groups
        Codes to rank, besides those that cases name.
    word
        ``county`` or ``office``.

    Returns
    -------
    Cases of no known county are counted apart and rank nobody. An indicator whose layer is absent, or that cannot tell an
    earlier day, is left out for all and named.
    """
    indicators = [i for i in book.ranking.indicators if i.of_cases or word == COUNTY]
    column = indicators[0].rate.by[word]
    named = cases.frame[cases.frame[column].notna() & (cases.frame[column] != "")]
    all_groups = sorted({*groups, *named[column].astype(str)})
    parts = {group: replace(cases, frame=named[named[column] == group]) for group in all_groups}
    left_out = tuple(i for i in indicators if not i.of_cases and _cannot_tell(i.rate, views, today, month.day))
    marks: dict[str, list[Mark]] = {group: [] for group in all_groups}
    for indicator in indicators:
        if indicator in left_out:
            continue
        for group in all_groups:
            if indicator.of_cases:
                result = rate_results(indicator.rate, {CASE: parts[group]}, month.day)[0]
            else:
                where = (Condition(SIDE, indicator.rate.by[word], "in", (group,)),)
                result = rate_results(indicator.rate, views, today, on=month.day, where=where)[0]
            marks[group].append(mark_of(indicator, result))
    return Ranked(tuple(ranked(marks)), left_out, len(cases.frame) - len(named))


def _cannot_tell(rate: Rate, views: Mapping[str, UsableLayer], today: dt.date, on: dt.date) -> bool:
    return rate.layer not in views or (on < today and (rate.done_on is None or rate.known_on is None))

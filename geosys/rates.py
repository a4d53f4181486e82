"""Rates over the layers of a workspace, and how the plans' targets stand by them on a day."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys.cases.basis import Clause, read_basis
from geosys.cases.entries import FILE, latest, read_entries
from geosys.cases.rate_results import COMPUTED, rate_results
from geosys.cases.rate_tables import COMPUTED_FROM, ENTERED, NOTHING, Standing
from geosys.cases.rates import SHARE, Rate, read_rates
from geosys.cases.targets import AT_LEAST, Figure, Target, expected_on, in_time, read_targets, schedule_of, standing
from geosys.views import schemas_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from geosys._schema import UsableLayer
    from geosys.cases.entries import Entry
    from geosys.cases.rate_results import RateResult
    from geosys.layers.spec import Catalogue
    from geosys.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RateBook:
    """Hold all formulas, the targets of the plans and the dated legal basis."""

    rates: Mapping[str, Rate]
    targets: tuple[Target, ...]
    basis: Mapping[str, tuple[Clause, ...]]


def read_rate_book(catalogue: Catalogue) -> RateBook:
    """Read and validate all formulas and targets of the content.

    Raises
    ------
    SpecError
        With every fault.
    """
    faults = Faults()
    basis = read_basis(catalogue.root / "cases" / "legal_basis.csv", faults)
    faults.raise_if_any()
    rates = read_rates(catalogue.root, schemas_of(catalogue))
    return RateBook(rates, read_targets(catalogue.root, rates), basis)


def chosen_rates(book: RateBook, names: Sequence[str]) -> list[Rate]:
    """Return the formulas of some names, all where none is named.

    Raises
    ------
    SpecError
        When a name is none of them.
    """
    for name in names:
        if name not in book.rates:
            hint = nearest(name, book.rates) or f"Known: {', '.join(book.rates)}."
            raise SpecError(f"rates: got '{name}', expected a formula of cases/rates/. {hint}")
    return [book.rates[name] for name in names or book.rates]


def rates_of(
    rates: Sequence[Rate], views: Mapping[str, UsableLayer], today: dt.date,
    by: Sequence[str] = (), cut_off: dt.date | None = None,
) -> list[RateResult]:  # fmt: skip
    """Return each rate as a whole and by those of the words `by` that its formula has.

    `cut_off` goes for the formulas that know the day a feature joined the ledger; the others are left out, for their
    ledger of that day is not known.
    """
    results: list[RateResult] = []
    for rate in rates:
        if cut_off is not None and cut_off != today and rate.known_on is None:
            continue
        words = [word for word in by if word in rate.by]
        results += rate_results(rate, views, today, cut_off=cut_off, by=words)
    return results


def standings_of(
    book: RateBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date
) -> list[Standing]:
    """Return how each dated step of each target stands: computed where a formula can, else from what was entered."""
    return [_standing(target, book, views, entries, today) for target in book.targets]


def workspace_entries(workspace: Workspace, book: RateBook, today: dt.date) -> tuple[Entry, ...]:
    """Return the values entered by hand in the table beside the plan."""
    return read_entries(workspace.root / FILE, book.targets, today)


def _standing(
    target: Target, book: RateBook, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date
) -> Standing:
    rate = book.rates.get(target.rate)
    if rate is not None and not _speaks_of(rate, target, today):
        rate = None
    result = _computed(target, rate, views, today) if rate is not None else None
    figure = _figure(result)
    source, entry = COMPUTED_FROM, None
    if figure is None:
        entry = latest(entries, target.id, today)
        figure = Figure(entry.value, entry.value) if entry is not None else None
        source = ENTERED if entry is not None else NOTHING
    schedule = schedule_of(target, book.targets)
    has_line = target.compare == AT_LEAST and target.due_on is not None and today <= target.due_on
    then = None
    if target.due_on is not None and target.due_on <= today:
        then = (
            _figure_then(target, rate, views, entries, today)
            if source == COMPUTED_FROM
            else _entered_then(target, entries)
        )
    return Standing(
        target=target, on=today, status=standing(target, figure, today, schedule), source=source, figure=figure,
        expected=expected_on(schedule, today) if has_line else None, in_time=in_time(target, then), result=result, entry=entry,
    )  # fmt: skip


def _speaks_of(rate: Rate, target: Target, today: dt.date) -> bool:
    """Say whether a formula tells anything of a target on a day: one year's water is no answer for another year's."""
    return rate.year_of is None or target.due_on is None or target.due_on.year == today.year


def _computed(
    target: Target, rate: Rate, views: Mapping[str, UsableLayer], today: dt.date, on: dt.date | None = None
) -> RateResult:
    return rate_results(rate, views, today, on=on, where=target.area.conditions(rate))[0]


def _figure(result: RateResult | None) -> Figure | None:
    """Return a result's bounds, shares in per cent; None where there is no result, or nobody it is about."""
    if result is None or result.state != COMPUTED or result.lower is None:
        return None
    scale = Fraction(100) if result.rate.value == SHARE else Fraction(1)
    return Figure(result.lower * scale, None if result.upper is None else result.upper * scale)


def _figure_then(
    target: Target, rate: Rate | None, views: Mapping[str, UsableLayer], entries: Sequence[Entry], today: dt.date
) -> Figure | None:
    """Return the figure of the deadline's day, where the formula knows the day things were done."""
    if rate is None or target.due_on is None:
        return None
    if rate.done_on is None and target.due_on < today:
        return _entered_then(target, entries)
    if rate.known_on is None and target.due_on < today:
        return None  # the ledger of that day is not known
    return _figure(_computed(target, rate, views, today, target.due_on))


def _entered_then(target: Target, entries: Sequence[Entry]) -> Figure | None:
    """Return the last value entered up to the deadline; one that met it then."""
    entry = latest(entries, target.id, target.due_on) if target.due_on is not None else None
    return Figure(entry.value, entry.value) if entry is not None else None


def provenance_of(results: Sequence[RateResult], placed: Mapping[str, int]) -> dict[str, Any]:
    """Return, for each formula, what its figures rest on: layer versions, formula version, records, withheld, filled.

    `placed` counts, by layer, the features whose empty unit was filled from where they lie.
    """
    return {
        result.rate.id: {**result.provenance, "placed": placed.get(result.rate.layer, 0)}
        for result in results
        if not result.group
    }

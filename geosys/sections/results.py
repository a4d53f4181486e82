"""What the samples of a section amount to on a day: columns of the section layer that rules and maps may use.

What is not known is missing, never false: a section without samples has no class, and nobody says that it passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.layers.results_spec import DTYPES, RESULT_COLUMNS, results_spec
from geosys.sections.samples import samples_of, sections_of
from geosys.standards.attainment import judge
from geosys.standards.monitoring_faults import fault_limits
from geosys.standards.period_values import MONTH, YEAR, month_of, month_text, values_by

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys.layers.intake import Layer
    from geosys.layers.results_spec import ResultsSpec
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.sections.samples import SectionSamples
    from geosys.standards.attainment import Attainment, Sections


def with_results(layers: Mapping[str, Layer], catalogue: Catalogue, today: dt.date) -> dict[str, Layer]:
    """Return the layers with the results of samples as columns of those that ask for them.

    Parameters
    ----------
    layers
        By id; where the samples are not among them, the columns are there and empty.
    today
        The day to judge by.

    Raises
    ------
    SpecError
        When a ``[results]`` is at fault.
    """
    result = dict(layers)
    for name, layer in layers.items():
        spec = results_spec(name, catalogue)
        if spec is not None:
            samples = layers.get(spec.samples)
            table = None if samples is None else samples.frame
            columns = result_columns(layer.frame, table, spec, catalogue.layers[spec.samples], today)
            result[name] = replace(
                layer, frame=layer.frame.assign(**columns), withheld=with_empty_results(layer.withheld)
            )
    return result


def with_empty_results(frame: Any) -> Any:
    """Return a frame with the result columns that it lacks, all missing."""
    lacking = {name: DTYPES[kind] for name, (kind, _) in RESULT_COLUMNS.items() if name not in frame}
    return frame.assign(**{name: _missing(len(frame), dtype, frame.index) for name, dtype in lacking.items()})


def _missing(size: int, dtype: str, index: Any) -> pd.Series:
    return pd.Series(np.full(size, None, dtype=object), index=index).astype(dtype)


def result_columns(
    sections: Any, samples: Any, spec: ResultsSpec, sample_layer: LayerSpec, today: dt.date
) -> dict[str, pd.Series]:
    """Return the columns of `RESULT_COLUMNS` for a frame of sections.

    Parameters
    ----------
    sections, samples
        Frames of both layers; no samples (None) makes all columns missing.
    today
        The day to judge by: later samples are not used.

    Returns
    -------
    By name a column on the sections' index. `month` is the latest with a class, if it is no older than the table of
    monitoring faults allows; the other columns are of that month and its year, up to `today`.
    """
    if samples is None or not len(sections):
        return {n: _missing(len(sections), DTYPES[kind], sections.index) for n, (kind, _) in RESULT_COLUMNS.items()}
    known, _ = sections_of(sections, spec, samples)
    read = samples_of(samples, sections[spec.key].to_numpy(), spec, sample_layer, today)
    options: dict[str, Any] = {"rounding": spec.rounding, "items": spec.items}
    months = judge(values_by(read.samples, MONTH), known, **options)
    years = judge(values_by(read.samples, YEAR), known, **options)
    day = np.datetime64(today, "D")
    this = int(month_of(np.array([day.astype(np.int64)]))[0])
    table = _Months.of(months, known, len(sections), this)
    found = _of_month(table, months) | _of_year(table, years) | _of_samples(table, read, day)
    return {
        name: pd.Series(found[name], dtype=object).set_axis(sections.index).astype(DTYPES[kind])
        for name, (kind, _) in RESULT_COLUMNS.items()
    }


@dataclass(frozen=True, slots=True)
class _Months:
    """Hold classes and targets of n sections in a row of months, and the position of each one's latest class (−1: none)."""

    first: int
    classes: NDArray[np.int64]
    targets: NDArray[np.int64]
    latest: NDArray[np.int64]

    @classmethod
    def of(cls, months: Attainment, sections: Sections, size: int, this: int) -> _Months:
        rows = months.rows[months.rows["class"].notna()]
        first = min(int(rows["period"].min()) if len(rows) else this, this)
        classes = np.zeros((size, this - first + 1), dtype=np.int64)
        classes[rows["section"], rows["period"] - first] = rows["class"].to_numpy(dtype=np.int64)
        years = np.broadcast_to((first + np.arange(classes.shape[1])) // 12, classes.shape)
        who = np.broadcast_to(np.arange(size)[:, None], classes.shape)
        place = classes.shape[1] - 1 - np.argmax(classes[:, ::-1] > 0, axis=1)
        is_old = (classes.max(axis=1, initial=0) == 0) | (this - first - place > fault_limits().current_months)
        return cls(first, classes, sections.targets_in(who, years), np.where(is_old, -1, place))

    def fails(self, back: int) -> NDArray[np.bool_]:
        """Say of each section whether it surely failed so many months before its latest."""
        place = self.latest - back
        row = np.arange(len(place))
        found, target = self.classes[row, np.maximum(place, 0)], self.targets[row, np.maximum(place, 0)]
        failed: NDArray[np.bool_] = (self.latest >= 0) & (place >= 0) & (found > 0) & (target > 0) & (found > target)
        return failed


def _of_month(table: _Months, months: Attainment) -> dict[str, Any]:
    """Return the columns of each section's latest month."""
    size = len(table.latest)
    at = np.flatnonzero(table.latest >= 0)
    period = table.latest[at] + table.first
    wanted = pd.MultiIndex.from_arrays([at, period])
    rows = months.rows.set_index(["section", "period"]).reindex(wanted)
    empty = np.full(size, None, dtype=object)
    found: dict[str, Any] = {name: empty.copy() for name in RESULT_COLUMNS}
    found["month"][at] = [month_text(int(p)) for p in period]
    columns = {
        "class_now": "class", "target": "target", "meets_target": "meets", "exceeding": "exceeding", "is_provisional": "provisional",
        "items_evaluated": "items_evaluated", "items_missing": "items_missing",
    }  # fmt: skip
    for name, column in columns.items():
        found[name][at] = _plain(rows[column])
    before = np.where(table.latest > 0, table.classes[np.arange(size), np.maximum(table.latest - 1, 0)], 0)
    now = table.classes[np.arange(size), np.maximum(table.latest, 0)]
    both = at[before[at] > 0]
    found["class_before"][both] = before[both]
    found["class_change"][both] = now[both] - before[both]
    failing, running = np.zeros(size, dtype=np.int64), np.ones(size, dtype=bool)
    for back in range(table.classes.shape[1]):
        running &= table.fails(back)
        if not running.any():
            break
        failing += running
    judged = at[pd.notna(found["meets_target"][at])]
    found["months_failing"][judged] = failing[judged]
    return found


def _of_year(table: _Months, years: Attainment) -> dict[str, Any]:
    """Return class and attainment of the year of each section's latest month."""
    size = len(table.latest)
    at = np.flatnonzero(table.latest >= 0)
    wanted = pd.MultiIndex.from_arrays([at, (table.latest[at] + table.first) // 12])
    rows = years.rows.set_index(["section", "period"]).reindex(wanted)
    found: dict[str, Any] = {}
    for name, column in (("year_class", "class"), ("year_meets", "meets")):
        found[name] = np.full(size, None, dtype=object)
        found[name][at] = _plain(rows[column])
    return found


def _of_samples(table: _Months, read: SectionSamples, day: Any) -> dict[str, Any]:
    """Return how long a section is silent, and whether values of its latest month or since were left out as suspect."""
    size = len(table.latest)
    usable = read.samples.only(read.samples.has_value)
    last = np.full(size, np.iinfo(np.int64).min)
    np.maximum.at(last, usable.section, usable.day.astype(np.int64))
    silent = np.full(size, None, dtype=object)
    heard = last > np.iinfo(np.int64).min
    silent[heard] = int(day.astype(np.int64)) - last[heard]
    window = table.classes.shape[1] - 1 - fault_limits().current_months
    since = table.first + np.where(table.latest >= 0, table.latest, window)
    out = read.left_out[read.left_out["item"] != ""]
    months = month_of(out["sampled_on"].to_numpy().astype("datetime64[D]").astype(np.int64))
    doubted = np.zeros(size, dtype=bool)
    who = out["section"].to_numpy(dtype=np.int64)
    doubted[who[months >= since[who]]] = True
    seen = np.zeros(size, dtype=bool)
    seen[usable.section[month_of(usable.day.astype(np.int64)) >= since[usable.section]]] = True
    suspect = np.full(size, None, dtype=object)
    suspect[seen | doubted] = doubted[seen | doubted]
    return {"silent_days": silent, "is_suspect": suspect}


def _plain(column: pd.Series) -> NDArray[np.object_]:
    """Return values as Python has them, None where one is missing."""
    values: NDArray[np.object_] = column.astype(object).where(column.notna(), None).to_numpy()
    return values

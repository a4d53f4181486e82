"""The months that the map can go back through: classes of sections by their samples, stages of plots by their own days."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.layers.results_spec import results_spec
from geosys.sections.samples import samples_of, sections_of
from geosys.standards.attainment import judge
from geosys.standards.limits import CLASSES, NAMES
from geosys.standards.monitoring_faults import fault_limits
from geosys.standards.period_values import MONTH, month_of, values_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.cases.plot_life import PlotList
    from geosys.layers.intake import Layer
    from geosys.layers.results_spec import ResultsSpec
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.maps.frames import MapLayer

    Timeline = dict[dt.date, list[str | None]]

CLASS_NOW = "class_now"  # of the results: the only one that has a value for each month
WORSE = "劣V"  # as layers/codes/water_class.csv writes it
CODES: tuple[str | None, ...] = (None, *CLASSES, WORSE)
MOST_MONTHS = 120  # as many as the page's slider has


def with_months(
    shown: MapLayer, layers: Mapping[str, Layer], catalogue: Catalogue, lists: Sequence[PlotList], by: str, today: dt.date
) -> MapLayer:  # fmt: skip
    """Return a layer as the map shows it, with the classes of earlier months where they are known.

    Only the column that the map draws by has a timeline: a past month in other classes than the present one would lie.

    Parameters
    ----------
    shown
        The layer in degrees, in the order of `layers[shown.id].frame`.
    layers
        All layers of the run, the samples among them, results as their columns.
    lists
        The lists of plots.
    by
        The column that the map's style draws the layer by.
    today
        The day of the present; the timeline ends before it.
    """
    spec = results_spec(shown.id, catalogue)
    if spec is not None and by == CLASS_NOW and CLASS_NOW in shown.frame:
        samples = layers.get(spec.samples)
        frame = layers[shown.id].frame
        titles = {code: Text(f"{NAMES[number]}类", f"Class {code}") for number, code in enumerate(CODES) if code}
        coded = [CODES[0 if pd.isna(value) else int(value)] for value in shown.frame[CLASS_NOW]]
        timeline = {} if samples is None else section_months(frame, samples.frame, spec, samples.spec, today)
        return replace(
            shown, frame=shown.frame.assign(**{CLASS_NOW: pd.Series(coded, index=shown.frame.index, dtype=object)}),
            codes={**shown.codes, CLASS_NOW: titles}, timeline=timeline,
        )  # fmt: skip
    dated = {
        day: stage
        for one in lists
        if one.layer == shown.id and one.stage_field == by
        for day, stage in one.dates.items()
    }
    return replace(shown, timeline=plot_months(shown.frame, by, dated, today)) if dated else shown


def section_months(sections: Any, samples: Any, spec: ResultsSpec, layer: LayerSpec, today: dt.date) -> Timeline:
    """Return the class code of each section at the end of each month from its first class to the one before today.

    It is the class of the latest month that has one, if that is no older than results are taken for present: what
    `sections.results.result_columns` gives as `class_now`, with all that is known today about suspect values.

    Parameters
    ----------
    sections, samples
        Frames of both layers.
    layer
        The spec of the samples.
    """
    if not len(sections):
        return {}
    known, _ = sections_of(sections, spec, samples)
    read = samples_of(samples, sections[spec.key].to_numpy(), spec, layer, today)
    rows = judge(values_by(read.samples, MONTH), known, rounding=spec.rounding, items=spec.items).rows
    rows = rows[rows["class"].notna()]
    this = int(month_of(np.array([np.datetime64(today, "D").astype(np.int64)]))[0])
    if not len(rows):
        return {}
    first = int(rows["period"].min())
    classes = np.zeros((len(sections), this - first + 1), dtype=np.int64)
    classes[rows["section"], rows["period"] - first] = rows["class"].to_numpy(dtype=np.int64)
    held = _held(classes, fault_limits().current_months)
    ends = {_end_of(month): held[:, month - first] for month in range(max(first, this - MOST_MONTHS), this + 1)}
    return {end: [CODES[number] for number in row.tolist()] for end, row in ends.items() if end < today}


def _held(classes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return for each month the latest class that is not older than so many months; 0 where there is none.

    Examples
    --------
    >>> _held(np.array([[3, 0, 0, 0, 5]]), 2).tolist()
    [[3, 3, 3, 0, 5]]
    """
    at = np.arange(classes.shape[1])
    place = np.maximum.accumulate(np.where(classes > 0, at, -1), axis=1)
    taken = np.take_along_axis(classes, np.maximum(place, 0), axis=1)
    held: NDArray[np.int64] = np.where((place >= 0) & (at - place <= most), taken, 0)
    return held


def plot_months(frame: Any, by: str, dated: Mapping[str, str], today: dt.date) -> Timeline:
    """Return the stage of each plot at the ends of the months in which one began.

    A row tells its past where the stage that its latest day opened is the one it is in; any other has been in stages of
    which no day is known, and has no class before today.

    Parameters
    ----------
    by
        The column of the stage.
    dated
        By date column, the stage that such a day opens.
    """
    fields = [name for name in dated if name in frame]
    if by not in frame or not fields:
        return {}
    columns = [frame[by].tolist(), *(frame[name].tolist() for name in fields)]
    told = []
    for now, *days in zip(*columns, strict=True):
        opened = sorted(
            (day, dated[name]) for name, day in zip(fields, days, strict=True) if _is_day(day) and day < today
        )
        told.append(opened if opened and opened[-1][1] == now else [])
    ends = sorted({_end_of_day(day) for row in told for day, _ in row})
    return {
        end: [next((stage for day, stage in reversed(row) if day <= end), None) for row in told]
        for end in ends[-MOST_MONTHS:]
        if end < today
    }


def _is_day(value: Any) -> bool:
    return isinstance(value, dt.date) and not pd.isna(value)


def _end_of_day(day: dt.date) -> dt.date:
    return _end_of(day.year * 12 + day.month - 1)


def _end_of(month: int) -> dt.date:
    """Return the last day of a month that is counted from the year 0.

    Examples
    --------
    >>> _end_of(2026 * 12 + 1)
    datetime.date(2026, 2, 28)
    """
    year, place = divmod(month + 1, 12)
    return dt.date(year, place + 1, 1) - dt.timedelta(days=1)

"""The samples of sections as arrays: whose they are, when they were taken, what may be used of them, and what not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.layers.results_spec import item_fields
from geosys.standards.attainment import Sections
from geosys.standards.limits import CLASSES
from geosys.standards.monitoring_faults import FAULTS, fault_limits, suspect_values
from geosys.standards.period_values import NO, UNKNOWN, YES, Samples
from geosys.standards.water_items import PH, TEMPERATURE, item_named

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from geosys.layers.results_spec import ResultsSpec
    from geosys.layers.spec import LayerSpec

CLOSED = Text("站点停运，数值不采用", "station closed: values not used")
UNKNOWN_ITEM = Text(
    "“未检出项目”中的名称不识别，该样品不采用", "a name under items not detected is unknown: sample not used"
)
_CLOCK = re.compile(r"(?<!\d)([01]?\d|2[0-4])\s*[:：时点]\s*([0-5]\d)?")
_BETWEEN = re.compile(r"[、,，;；/\s]+")
_MIDNIGHT = 24
LEFT_OUT_COLUMNS = ("section", "sampled_on", "sampled_at", "item", "value", "fault", "reason_zh", "reason_en")


@dataclass(frozen=True, slots=True)
class SectionSamples:
    """Hold the usable samples of n sections, and what was left out.

    Attributes
    ----------
    samples
        Usable values; of a suspect one NaN stands there.
    left_out
        Columns `LEFT_OUT_COLUMNS`: one row a value (or a sample, item empty) that was not used; `section` is a position.
    strangers
        Rows of the samples' frame whose key no section has, by key: how many.
    """

    samples: Samples
    left_out: pd.DataFrame
    strangers: dict[str, int]


def sections_of(frame: Any, spec: ResultsSpec, samples: Any = None) -> tuple[Sections, NDArray[np.bool_]]:
    """Return kind, target and year of each section of a frame, and of which the kind of water was assumed.

    Where a section does not say which kind of water it is, the one kind that its samples say is taken.
    """
    words = _column(frame, spec.kind).astype(object)
    if samples is not None and spec.kind in samples:
        told = samples.dropna(subset=[spec.kind]).groupby(spec.key)[spec.kind].agg(["nunique", "first"])
        words = words.where(words.notna(), frame[spec.key].map(told[told["nunique"] == 1]["first"]))
    kinds = words.map(spec.kinds).fillna(0).to_numpy(dtype=np.int8)
    assumed = kinds == 0
    codes = {name: number for number, name in enumerate(CLASSES, 1)}
    target = _column(frame, spec.target).map(codes).fillna(0).to_numpy(dtype=np.int64)
    year = pd.to_numeric(_column(frame, spec.target_year)).fillna(0).to_numpy(dtype=np.int64)
    return Sections(np.where(assumed, np.int8(spec.kind_if_missing), kinds), target, year), assumed


def samples_of(frame: Any, sections: Any, spec: ResultsSpec, layer: LayerSpec, until: dt.date) -> SectionSamples:
    """Return the samples of a layer as far as they may be used.

    Parameters
    ----------
    frame
        Rows of the samples' layer.
    sections
        The names of the sections (the field `spec.key`), in order.
    until
        The day to judge by: later samples are not known yet.

    Raises
    ------
    SpecError
        When the layer has no field of an item.
    """
    fields = item_fields(layer)
    if not set(fields) - {TEMPERATURE}:
        raise SpecError(
            f"layers/{layer.id}.toml: got no field of an item, expected some with item and unit, as 'nh3n_mg_l'."
        )
    place = pd.Series(np.arange(len(sections)), index=pd.Index(sections))
    place = place[place.index.notna()]
    days = pd.to_datetime(pd.Series(frame[spec.on].to_numpy(), dtype="object"), errors="coerce")
    there = (days.notna() & (days <= pd.Timestamp(until)) & pd.notna(frame[spec.key]).to_numpy()).to_numpy()
    at = place.reindex(frame[spec.key].to_numpy()).to_numpy(dtype=float)
    strange = frame[spec.key][there & np.isnan(at)].astype(str).value_counts(sort=False)
    rows = np.flatnonzero(there & ~np.isnan(at))
    frame = frame.iloc[rows]
    numbers = {
        item: frame[name].to_numpy(dtype=np.float64, na_value=np.nan, copy=True) for item, name in fields.items()
    }
    below, unread = _below(_column(frame, spec.not_detected), numbers)
    samples = Samples(
        at[rows].astype(np.int64), days.to_numpy()[rows].astype("datetime64[D]"), minutes_of(_column(frame, spec.at)),
        numbers, below, _provisional(frame, spec),
    )  # fmt: skip
    closed = _column(frame, spec.state).isin(spec.closed).to_numpy(dtype=bool)
    out = [_samples_out(samples, closed & samples.has_value, "closed", CLOSED)]
    out += [_samples_out(samples, unread & ~closed, "unknown_item", UNKNOWN_ITEM)]
    kept = samples.only(~closed & ~unread)
    usable, suspects = _without_suspects(kept)
    left_out = pd.concat([part for part in (*out, suspects) if len(part)] or [suspects], ignore_index=True)
    return SectionSamples(usable, left_out, {str(k): int(v) for k, v in sorted(strange.items())})


def _without_suspects(samples: Samples) -> tuple[Samples, pd.DataFrame]:
    """Return samples without the values that are suspect, and these as rows."""
    noon = np.where(np.isnan(samples.minute), 720.0, samples.minute) / 1440.0
    when = samples.day.astype(np.int64) + noon
    found = suspect_values(samples.section, when, samples.numbers, samples.below, fault_limits())
    numbers = {item: values.copy() for item, values in samples.numbers.items()}
    for item, rows in found.groupby("item")["row"]:
        numbers[str(item)][rows.to_numpy()] = np.nan
    row = found["row"].to_numpy(dtype=np.int64)
    told = found["fault"].map(FAULTS)
    return replace(samples, numbers=numbers), pd.DataFrame(
        {
            "section": samples.section[row],
            "sampled_on": samples.day[row].astype(object),
            "sampled_at": [clock_text(m) for m in samples.minute[row]],
            "item": found["item"].to_numpy(),
            "value": found["value"].to_numpy(),
            "fault": found["fault"].to_numpy(),
            "reason_zh": [text.zh for text in told],
            "reason_en": [text.en for text in told],
        }
    )


def _samples_out(samples: Samples, out: NDArray[np.bool_], fault: str, why: Text) -> pd.DataFrame:
    row = np.flatnonzero(out)
    return pd.DataFrame(
        {
            "section": samples.section[row],
            "sampled_on": samples.day[row].astype(object),
            "sampled_at": [clock_text(m) for m in samples.minute[row]],
            "item": "",
            "value": np.nan,
            "fault": fault,
            "reason_zh": why.zh,
            "reason_en": why.en,
        }
    )


def _column(frame: Any, name: str | None) -> Any:
    """Return a column, or an empty one where the frame or the spec has none."""
    if name is None or name not in frame:
        return pd.Series(np.full(len(frame), None, dtype=object), index=frame.index)
    return frame[name]


def minutes_of(texts: Any) -> NDArray[np.float64]:
    """Return minutes after midnight of times of day; NaN where there is none.

    Examples
    --------
    >>> minutes_of(pd.Series(["08:00", "11-06 20:00", "9时", None, "上午"])).tolist()
    [480.0, 1200.0, 540.0, nan, nan]
    """
    codes, words = pd.factorize(np.asarray(texts, dtype=object))
    known = np.full(len(words) + 1, np.nan)  # the last one, which −1 finds, is that of an empty cell
    for i, text in enumerate(words):
        match = _CLOCK.search(str(text))
        if match:
            hour, minute = int(match[1]), int(match[2] or 0)
            known[i] = hour * 60.0 + minute if hour < _MIDNIGHT or not minute else np.nan
    result: NDArray[np.float64] = known[codes]
    return result


def clock_text(minute: float) -> str:
    """Return a time of day as ``08:05``, empty where there is none.

    Examples
    --------
    >>> clock_text(485.0), clock_text(float("nan"))
    ('08:05', '')
    """
    return "" if np.isnan(minute) else f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def _below(
    texts: Any, numbers: dict[str, NDArray[np.float64]]
) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_]]:
    """Return by item which values are detection limits, and which rows name an item that nobody knows.

    A pH or temperature cannot be one: its value is taken out.
    """
    below: dict[str, NDArray[np.bool_]] = {}
    unread = np.zeros(len(texts), dtype=bool)
    known: dict[str, str | None] = {}
    given = np.flatnonzero(texts.notna().to_numpy(dtype=bool))
    for row, text in zip(given.tolist(), texts.to_numpy()[given], strict=True):
        for name in _BETWEEN.split(str(text).strip()):
            if name and name not in known:
                known[name] = _item(name)
            item = known.get(name)
            if item is None:
                unread[row] |= bool(name)
            elif item in (PH, TEMPERATURE):
                numbers[item][row] = np.nan
            elif item in numbers:
                below.setdefault(item, np.zeros(len(texts), dtype=bool))[row] = True
    return below, unread


def _item(name: str) -> str | None:
    try:
        return item_named(name)
    except SpecError:
        return None


def _provisional(frame: Any, spec: ResultsSpec) -> NDArray[np.int8]:
    """Return whether each sample is provisional: it says so, or its station was under maintenance."""
    told = _column(frame, spec.provisional)
    result = np.where(told.isna(), UNKNOWN, np.where(told.fillna(value=False).astype(bool), YES, NO)).astype(np.int8)
    result[_column(frame, spec.state).isin(spec.maintained).to_numpy(dtype=bool)] = YES
    return result

"""Assess the sections of a workspace for a month or a year: their classes, attainment, shares by river and county, changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.sections.borders import (
    BORDER_COLUMNS,
    NO_COUNTY,
    NO_ORDER,
    across_borders,
    differences,
    pairs_in_order,
    pairs_on_network,
)
from geosys.sections.groups import ALL, group_table
from geosys.sections.samples import samples_of, sections_of
from geosys.standards.attainment import judge
from geosys.standards.limits import CLASSES, NAMES
from geosys.standards.period_values import MONTH, YEAR, month_of, month_text, values_by
from geosys.standards.surface_water import KINDS
from geosys.standards.water_grades import GRADES, section_grade
from geosys.standards.water_items import ITEMS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys.geo.waterway import Waterway
    from geosys.layers.results_spec import ResultsSpec
    from geosys.layers.spec import Catalogue
    from geosys.sections.samples import SectionSamples
    from geosys.standards.attainment import Attainment, Sections
    from geosys.standards.period_values import Samples

_MONTHS = 12
NO_SAMPLE = Text("无样品", "no sample")
NONE_IN_PERIOD = Text("本期无样品", "no sample in this period")
ALL_MISSING = Text("本期样品无有效数值", "samples without a usable value in this period")
ALL_OUT = Text("本期数据均存疑或停运，未采用", "all values of this period were left out")
DOUBTFUL = Text("断面所在河流存疑，请先核实位置", "the river of a section is in doubt: settle its position first")
LIMITS_HIGH = Text(
    "本期项目均无法判定（检出限高于限值或水体类型不明）",
    "no item could be judged: detection limits too high, or kind of water unknown",
)


@dataclass(frozen=True, slots=True)
class WaterAssessment:
    """Hold the tables of one month or year.

    Attributes
    ----------
    per, period
        ``month`` or ``year``, and which, as text.
    sections
        One row a section, in the layer's order, also those without a class (`reason_zh`, `reason_en` say why).
    groups
        By group (``all``, and those of the spec): one row a river, basin, county, level, with numerators, denominators
        and the lists of names.
    borders
        Changes between sections on two sides of a border; one row with the reason where nobody can tell.
    left_out
        Values that were not used, with the reason.
    told
        What the numbers rest on: counts, options, notes.
    """

    per: str
    period: str
    sections: pd.DataFrame
    groups: Mapping[str, pd.DataFrame]
    borders: pd.DataFrame
    left_out: pd.DataFrame
    told: dict[str, Any] = field(default_factory=dict)


def assess_water(
    sections: Any,
    samples: Any,
    spec: ResultsSpec,
    catalogue: Catalogue,
    today: dt.date,
    *,
    per: str = MONTH,
    period: int | None = None,
    waterway: Waterway | None = None,
) -> WaterAssessment:
    """Assess all sections for one month or year.

    Parameters
    ----------
    sections
        Frame of the sections' layer; None takes the sections that the samples name.
    samples
        Frame of the samples' layer.
    per, period
        ``month`` (months since the year 0) or ``year``; by default the latest of which there is a sample.
    waterway
        The rivers, for the order of sections; without them their numbers along the river count, where there are some.

    Raises
    ------
    SpecError
        When there is no usable sample up to the day, or the period is not one.
    """
    frame = named_sections(samples, spec) if sections is None else sections.reset_index(drop=True)
    layer = catalogue.layers[spec.samples]
    known, assumed = sections_of(frame, spec, samples)
    read = samples_of(samples, frame[spec.key].to_numpy(), spec, layer, today)
    values = values_by(read.samples, per)
    if period is None and not len(values.period):
        raise SpecError(f"assess: got no usable sample up to {today}, expected some. Deliver samples of the sections.")
    wanted = int(values.period.max()) if period is None else period
    months = _months_in(read.samples, wanted) if per == YEAR else _MONTHS
    if months < _MONTHS:  # a year that is not over is compared with the same months of the year before
        same = month_of(read.samples.day.astype(np.int64)) % _MONTHS < months
        values = values_by(read.samples.only(same), per)
    found = judge(values, known, rounding=spec.rounding, items=spec.items)
    before = {"previous": wanted - 1} | ({"last_year": wanted - _MONTHS} if per == MONTH else {})
    name = catalogue.layers[spec.layer].name or spec.key
    table = _section_table(frame, spec, name, known, assumed, read, found, wanted, before)
    labels = _labels(frame, spec.key)
    fields = {ALL: None, **{k: v for k, v in spec.groups.items() if v in frame}}
    groups = {
        group: group_table(
            found, wanted, before, labels, _group_of(frame, column, catalogue, spec), graded=group in spec.graded
        )
        for group, column in fields.items()
    }
    borders = _borders(frame, spec, catalogue, found, wanted, waterway)
    text = month_text(wanted) if per == MONTH else str(wanted)
    out = _named(read.left_out, frame, spec, name)
    return WaterAssessment(
        per,
        text,
        table,
        groups,
        borders,
        out,
        _told(table, out, read, found, spec, labels)
        | {"per": per, "period": text, "months": months if per == YEAR else 1},
    )


def _months_in(samples: Samples, year: int) -> int:
    """Return the number of the last month of a year that has a usable sample, 12 where it has none."""
    months = month_of(samples.only(samples.has_value).day.astype(np.int64))
    inside = months[months // _MONTHS == year] % _MONTHS
    return int(inside.max()) + 1 if len(inside) else _MONTHS


def named_sections(samples: Any, spec: ResultsSpec) -> Any:
    """Return a frame of the sections that samples name, in the order of their keys, with the first word each column has."""
    there = samples[samples[spec.key].notna()]
    texts = there.select_dtypes(include=["object", "string"]).columns
    columns = [c for c in texts if c not in {spec.key, spec.on, spec.at, "feature_id", "geometry"}]
    return pd.DataFrame(there).groupby(spec.key, sort=True)[columns].first().reset_index()


def _labels(frame: Any, key: str) -> pd.Series:
    """Return by which name each section is listed: its key, its row's id without one; never twice the same."""
    ids = frame["feature_id"] if "feature_id" in frame else frame[key]
    return frame[key].where(frame[key].notna(), ids).astype(str)


def _group_of(frame: Any, column: str | None, catalogue: Catalogue, spec: ResultsSpec) -> pd.Series:
    """Return the group of each section as people read it; missing where its field is empty."""
    if column is None:
        return pd.Series(ALL, index=frame.index)
    known = catalogue.layers[spec.layer].fields.get(column)
    codes = catalogue.codes[known.codes].titles if known is not None and known.codes else {}
    return frame[column].map(lambda v: codes[v].zh if v in codes else v)


def _section_table(
    frame: Any, spec: ResultsSpec, name: str, known: Sections, assumed: NDArray[np.bool_], read: SectionSamples,
    found: Attainment, wanted: int, before: Mapping[str, int],
) -> pd.DataFrame:  # fmt: skip
    rows = found.at(wanted).reindex(range(len(frame))).reset_index(drop=True)
    classes = rows["class"]
    kinds = {code: word for word, code in KINDS.items()}
    table: dict[str, Any] = {"section_code": frame[spec.key].to_numpy()}
    table["section_name"] = frame[name].to_numpy() if name in frame else table["section_code"]
    table |= {column: frame[column].to_numpy() for column in spec.groups.values() if column in frame}
    table |= {
        "water_kind": [kinds.get(int(k), "") for k in known.kind], "kind_assumed": assumed & (known.kind > 0),
        "class": classes, "class_name": [NAMES[c] for c in classes.fillna(0)],
        "grade_zh": [GRADES[g].zh for g in section_grade(classes.fillna(0).to_numpy(dtype=np.int64))],
        "target": _targets(known, found, wanted), "meets": rows["meets"],
        **{c: rows[c] for c in ("exceeding", "main_pollutants", "items_evaluated", "items_missing")},
        **{c: rows[c].fillna(0).to_numpy(dtype=np.int64) for c in ("samples", "parts")},
        "values_left_out": _left_out_in(read, found.means.per, wanted, len(frame)),
        "provisional": rows["provisional"],
    }  # fmt: skip
    for word, period in before.items():
        then = found.at(period).reindex(range(len(frame)))["class"].reset_index(drop=True)
        table[f"class_{word}"] = then
        table[f"change_{word}"] = classes - then
    why = _reasons(rows, read, table["values_left_out"], found.means.per, wanted)
    return pd.DataFrame(table | {"reason_zh": [w.zh for w in why], "reason_en": [w.en for w in why]})


def _targets(known: Sections, found: Attainment, wanted: int) -> NDArray[np.object_]:
    """Return the target that holds in the period, as a Roman number, also of sections without a class."""
    year = wanted // _MONTHS if found.means.per == MONTH else wanted
    size = len(known.kind)
    held = known.targets_in(np.arange(size), np.full(size, year))
    words = np.array([None, *CLASSES], dtype=object)
    named: NDArray[np.object_] = words[held]
    return named


def _left_out_in(read: SectionSamples, per: str, wanted: int, size: int) -> NDArray[np.int64]:
    day = read.left_out["sampled_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    inside = _period_of(day, per) == wanted
    return np.bincount(read.left_out["section"].to_numpy(dtype=np.int64)[inside], minlength=size)


def _reasons(
    rows: pd.DataFrame, read: SectionSamples, left_out: NDArray[np.int64], per: str, wanted: int
) -> list[Text]:
    """Return why each section has no class; empty texts where it has one."""
    size, who = len(rows), read.samples.section
    inside = _period_of(read.samples.day.astype(np.int64), per) == wanted
    came, ever = np.bincount(who[inside], minlength=size) > 0, np.bincount(who, minlength=size) > 0
    graded, valued = rows["class"].notna().to_numpy(), rows["samples"].fillna(0).to_numpy() > 0
    cases = [
        (graded, Text("", "")),
        (valued, LIMITS_HIGH),
        (left_out > 0, ALL_OUT),
        (came, ALL_MISSING),
        (ever, NONE_IN_PERIOD),
    ]
    at = np.select([holds for holds, _ in cases], range(len(cases)), len(cases))
    texts = [*(text for _, text in cases), NO_SAMPLE]
    return [texts[int(i)] for i in at]


def _period_of(days: NDArray[np.int64], per: str) -> NDArray[np.int64]:
    months = month_of(days)
    return months if per == MONTH else months // _MONTHS


def _borders(
    frame: Any, spec: ResultsSpec, catalogue: Catalogue, found: Attainment, wanted: int, waterway: Waterway | None
) -> pd.DataFrame:
    """Return the changes across borders with codes of the sections, and rows for what nobody can tell."""
    keys = catalogue.layers[spec.layer].on_river
    stops = waterway.stops.get(spec.layer) if waterway is not None else None
    if waterway is not None and stops is not None:
        pairs = pairs_on_network(waterway.network, stops)
    elif keys is not None and keys.order in frame and keys.name in frame:
        pairs = pairs_in_order(frame[keys.name], frame[keys.order])
    else:
        pairs = pairs_in_order(pd.Series([], dtype=object), pd.Series([], dtype=float))
    if pairs.empty or spec.border not in frame:
        return pd.DataFrame([{"reason_zh": NO_ORDER.zh, "reason_en": NO_ORDER.en}], columns=list(BORDER_COLUMNS))
    crossing, lost = across_borders(pairs, frame[spec.border])
    table = differences(crossing, found, wanted)
    doubtful: list[int] = [] if stops is None else stops.feature[stops.is_doubtful].tolist()
    unsure = (table["upstream"].isin(doubtful) | table["downstream"].isin(doubtful)) & (table["reason_zh"] == "")
    table.loc[unsure, ["reason_zh", "reason_en"]] = [DOUBTFUL.zh, DOUBTFUL.en]
    labels = _labels(frame, spec.key).to_numpy()
    table = table.assign(**{side: labels[table[side].to_numpy(dtype=np.int64)] for side in ("upstream", "downstream")})
    unknown = pd.DataFrame(
        [{"downstream": labels[i], "reason_zh": NO_COUNTY.zh, "reason_en": NO_COUNTY.en} for i in sorted(lost)],
        columns=list(BORDER_COLUMNS),
    )
    return table if unknown.empty else unknown if table.empty else pd.concat([table, unknown.astype(table.dtypes)])


def _named(left_out: pd.DataFrame, frame: Any, spec: ResultsSpec, name: str) -> pd.DataFrame:
    at = left_out["section"].to_numpy(dtype=np.int64)
    named = left_out.assign(section_code=_labels(frame, spec.key).to_numpy()[at])
    named["section_name"] = frame[name].to_numpy()[at] if name in frame else named["section_code"]
    named["item_zh"] = [ITEMS[item].zh if item else "" for item in named["item"]]
    first = [
        "section_code",
        "section_name",
        "sampled_on",
        "sampled_at",
        "item_zh",
        "value",
        "fault",
        "reason_zh",
        "reason_en",
        "item",
    ]
    return (
        named[first]
        .sort_values(["section_code", "sampled_on", "sampled_at", "item"], kind="stable")
        .reset_index(drop=True)
    )


def _told(
    table: pd.DataFrame,
    out: pd.DataFrame,
    read: SectionSamples,
    found: Attainment,
    spec: ResultsSpec,
    labels: pd.Series,
) -> dict[str, Any]:
    """Return counts and lists of names, and the options."""
    meets = table["meets"].astype("boolean")
    return {
        "sections": len(table), "with_class": int(table["class"].notna().sum()),
        "without_class": labels[table["class"].isna()].tolist(),
        "classes": {NAMES[c]: int((table["class"] == c).sum()) for c in range(1, len(NAMES))},
        "with_target": int(meets.notna().sum()), "meeting": int(meets.fillna(value=False).sum()),
        "failing": labels[~meets.fillna(value=True)].tolist(),
        "provisional": int(table["provisional"].astype("boolean").fillna(value=False).sum()),
        "provisional_unknown": int((table["provisional"].isna() & table["class"].notna()).sum()),
        "kind_assumed": int(table["kind_assumed"].sum()), "values_left_out_in_period": int(table["values_left_out"].sum()),
        "values_left_out": len(out), "left_out_by_fault": {str(k): int(v) for k, v in sorted(out["fault"].value_counts().items())},
        "samples_without_section": read.strangers, "rounding": spec.rounding,
        "items_that_decide": [ITEMS[item].zh for item in found.grading.deciding], "saturation_used": found.grading.uses_saturation,
    }  # fmt: skip

"""How plans progress, as tables for people and files: by target, by county, by office, and as a ranking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.cases.duties import FORMS, WAYS
from geosys.cases.entries import CLASS, PERCENT
from geosys.cases.ranking import STATES as MARK_STATES
from geosys.cases.rate_results import DOUBTED, NUMERATOR, REST
from geosys.cases.rate_tables import number, unit_of
from geosys.cases.rates import SHARE
from geosys.cases.targets import AT_MOST, BY_HAND, COUNTY, COUNTY_FIELD, NO_NUMBER, STANDINGS, Area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys._text import Text
    from geosys.cases.duties import Duty
    from geosys.cases.ranking import Place
    from geosys.cases.rate_tables import Standing
    from geosys.cases.rates import Rate
    from geosys.cases.targets import Target

SOURCES = {"computed": "计算", "entered": "填报", "none": "无数据"}
EVIDENCE_STATES = {"unchanged": "材料未变", "changed": "材料已改动", "absent": "材料找不到", "": ""}


@dataclass(frozen=True, slots=True)
class Progress:
    """Hold how one dated step of a target stands, in its whole area or in one county (its code), and who answers for it.

    `evidence_state` says of the file that an entered value rests on whether it is still the one named.
    """

    standing: Standing
    duty: Duty
    county: str = ""
    evidence_state: str = ""


def targets_in(targets: Sequence[Target], county: str, rates: Mapping[str, Rate]) -> tuple[Target, ...]:
    """Return the targets whose area has a county, each kept to that county.

    A share, a class, and a number that is to fall to nothing go for each county as for the whole (our reading); how many
    of a number each county owes no plan says, so that the number falls away and only the figure is shown.
    """
    kept = []
    for target in targets:
        patterns = target.area.within.get(COUNTY, ())
        if not any(fnmatchcase(county, pattern) for pattern in patterns):
            continue
        within = dict(target.area.within) | {COUNTY: (county,)}
        own = replace(target, area=Area(target.area.name, within, target.area.certainty))
        kept.append(own if _goes_for_parts(target, rates) else replace(own, compare=BY_HAND, number=None))
    return tuple(kept)


def _goes_for_parts(target: Target, rates: Mapping[str, Rate]) -> bool:
    rate = rates.get(target.rate)
    if target.unit in (PERCENT, CLASS) or (rate is not None and rate.value == SHARE):
        return True
    return target.compare == AT_MOST and target.number == 0


def steps_of(target: Target, targets: Sequence[Target]) -> str:
    """Return the dated steps of a target in words, as ``2023-12-31: >=80%；2024-12-31: =100%``."""
    steps = [one for one in targets if one.id == target.id]
    return "；".join(f"{one.due_on or one.deadline}: {_asked(one, len(steps))}" for one in steps)


def _asked(target: Target, steps: int) -> str:
    """Return what one step asks for: the plan's words, or the number where a row of the list has several steps."""
    if "/" in target.deadline and steps > 1 and target.number is not None:
        return f"{target.compare}{float(target.number):g}{target.unit}"
    return f"{target.op}{target.value}{target.unit}"


def progress_table(
    rows: Sequence[Progress], targets: Sequence[Target], offices: Mapping[str, Text], counties: Mapping[str, Text]
) -> pd.DataFrame:  # fmt: skip
    """Return a row for each dated step of each target, in its area or one county; `lower`, `upper`, `expected` in `unit`.

    Parameters
    ----------
    targets
        All targets, for the steps.
    offices, counties
        Titles by code.
    """
    return pd.DataFrame(
        [_progress_row(row, targets, offices, counties) for row in rows], columns=list(PROGRESS_COLUMNS)
    )


PROGRESS_COLUMNS = (
    "target", "plan", "plan_zh", "clause_zh", "clause_en", "object", "indicator", "area", "county_code", "county_zh", "words", "steps", "due_on",
    "on", "status", "status_zh", "status_en", "way", "way_zh", "source", "source_zh", "lower", "upper", "unit", "expected", "in_time",
    "numerator_words", "denominator_words", "numerator", "denominator", "numerator_count", "denominator_count", "unknown_count", "rate",
    "formula_version", "certainty", "formula_certainty", "duty_clause_zh", "form", "form_zh", "lead", "lead_offices", "lead_offices_zh",
    "support", "why_by_hand", "entered_on", "evidence", "entered_by", "recorded_at", "evidence_file", "evidence_state", "evidence_state_zh",
)  # fmt: skip


def _progress_row(
    row: Progress, targets: Sequence[Target], offices: Mapping[str, Text], counties: Mapping[str, Text]
) -> dict[str, Any]:  # fmt: skip
    one, duty, target = row.standing, row.duty, row.standing.target
    county = counties.get(row.county)
    return {
        "target": target.id, "plan": target.plan.id, "plan_zh": target.plan.title.zh, "clause_zh": target.clause.zh, "clause_en": target.clause.en,
        "object": duty.object, "indicator": target.indicator, "area": target.area.name,
        COUNTY_FIELD: row.county, "county_zh": county.zh if county else row.county,
        "words": target.words, "steps": steps_of(target, targets) if not row.county else "", "due_on": target.due_on, "on": one.on,
        "status": one.status, "status_zh": _status(row).zh, "status_en": _status(row).en,
        "way": duty.way, "way_zh": WAYS[duty.way].zh, "source": one.source, "source_zh": SOURCES[one.source],
        "lower": number(one.figure.lower) if one.figure else None, "upper": number(one.figure.upper) if one.figure else None,
        "unit": unit_of(one), "expected": number(one.expected), "in_time": one.in_time,
        "numerator_words": duty.numerator, "denominator_words": duty.denominator, **_counts(one),
        "certainty": target.certainty, "duty_clause_zh": f"{target.plan.title.zh}{duty.section}", "form": duty.form, "form_zh": FORMS[duty.form].zh,
        "lead": "、".join(body.name for body in duty.lead), "lead_offices": ",".join(duty.offices()),
        "lead_offices_zh": "、".join(offices[code].zh for code in duty.offices()),
        "support": "、".join(body.name for body in duty.support), "why_by_hand": duty.why_by_hand,
        "entered_on": one.entry.on if one.entry else None, "evidence": one.entry.evidence if one.entry else "",
        "entered_by": one.entry.by if one.entry else "", "recorded_at": one.entry.recorded_at if one.entry else "",
        "evidence_file": one.entry.file if one.entry else "", "evidence_state": row.evidence_state,
        "evidence_state_zh": EVIDENCE_STATES[row.evidence_state],
    }  # fmt: skip


def _status(row: Progress) -> Text:
    """Return the verdict in words; that a number is not shared out among counties is said."""
    told = STANDINGS[row.standing.status]
    if row.county and row.standing.status == NO_NUMBER:
        return type(told)("方案没有分县区数值", "no number of this county in the plan")
    return told


def _counts(one: Standing) -> dict[str, Any]:
    """Return what stands behind a figure: amounts and lists that were computed, or the parts that were entered."""
    result, entry = one.result, one.entry
    if entry is not None or result is None:
        parts = (entry.numerator, entry.denominator) if entry else (None, None)
        nothing = dict.fromkeys(("numerator_count", "denominator_count", "unknown_count"))
        told = {"rate": "", "formula_version": "", "formula_certainty": ""}
        return {"numerator": number(parts[0]), "denominator": number(parts[1]), **nothing, **told}
    done, rest = len(result.ids(NUMERATOR)), len(result.ids(REST))
    return {
        "numerator": result.amount(NUMERATOR), "denominator": result.amount(NUMERATOR, REST),
        "numerator_count": done, "denominator_count": done + rest, "unknown_count": len(result.ids(DOUBTED)),
        "rate": result.rate.id, "formula_version": result.rate.version, "formula_certainty": result.rate.certainty,
    }  # fmt: skip


def office_table(rows: Sequence[Progress], offices: Mapping[str, Text]) -> pd.DataFrame:
    """Return a row for each office that leads a target: under which names, and how many of its dated steps stand how.

    A step led by several offices counts for each of them.
    """
    told: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.county:
            continue
        for code in row.duty.offices():
            line = told.setdefault(code, {"names": {}, "supports": 0, "counts": dict.fromkeys(STANDINGS, 0)})
            line["names"].update({body.name: None for body in row.duty.lead if body.office == code})
            line["counts"][row.standing.status] += 1
    lines = [
        {
            "office": code, "office_zh": offices[code].zh, "names": "、".join(line["names"]), "steps": sum(line["counts"].values()),
            **line["counts"], "supports": sum(not row.county and any(b.office == code for b in row.duty.support) for row in rows),
        }
        for code, line in told.items()
    ]  # fmt: skip
    columns = ["office", "office_zh", "names", "steps", *STANDINGS, "supports"]
    return pd.DataFrame(lines, columns=columns).sort_values("office", ignore_index=True)


def place_table(places: Sequence[Place], titles: Mapping[str, Text]) -> pd.DataFrame:
    """Return a row for each county or office in its place; shares and scores in per cent, a missing one empty and named."""
    lines = []
    for place in places:
        title = titles.get(place.group)
        line: dict[str, Any] = {
            "rank": place.rank, "group": place.group, "group_zh": title.zh if title else place.group,
            "place_zh": "不排名" if place.rank is None else f"并列第 {place.rank}" if place.is_tied else f"第 {place.rank}",
            "score": number(place.score), "lower": number(place.lower), "upper": number(place.upper), "best": place.best, "worst": place.worst,
            "missing_zh": "、".join(m.indicator.rate.title.zh for m in place.marks if m.state == "missing"),
        }  # fmt: skip
        for mark in place.marks:
            name = mark.indicator.rate.id
            line |= {
                name: None if mark.share is None else number(mark.share * 100), f"{name}_state": mark.state,
                f"{name}_zh": f"{mark.numerator}/{mark.denominator}" if mark.state == "known" else MARK_STATES[mark.state].zh,
                f"{name}_unknown": mark.unknown,
            }  # fmt: skip
        lines.append(line)
    table = pd.DataFrame(lines)
    return table.astype(dict.fromkeys(("rank", "best", "worst"), "Int64")) if lines else table

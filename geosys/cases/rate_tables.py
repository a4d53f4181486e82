"""Rates and targets as tables for people and files: every figure with its formula, its days, its lists and its certainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.basis import Clause, cite
from geosys.cases.rate_results import COMPUTED, DOUBTED, EMPTY, NOT_ASSESSED, NUMERATOR, REST
from geosys.cases.rates import SHARE
from geosys.cases.targets import STANDINGS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from geosys.cases.entries import Entry
    from geosys.cases.rate_results import RateResult
    from geosys.cases.targets import Figure, Target

STATES = {
    COMPUTED: Text("已计算", "computed"), EMPTY: Text("统计范围内没有对象", "nobody in the denominator"),
    NOT_ASSESSED: Text("未评估：缺少图层", "not assessed: the layer is absent"),
}  # fmt: skip
CERTAINTY = {
    "confirmed": Text("公式已核对", "formula confirmed"), "second_hand": Text("公式为转引", "formula second-hand"),
    "our_reading": Text("公式为本系统理解", "formula: our reading"), "unconfirmed": Text("公式未证实", "FORMULA UNCONFIRMED"),
}  # fmt: skip
COMPUTED_FROM, ENTERED, NOTHING = "computed", "entered", "none"


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold how one target stands: the figure and where it comes from, the schedule's value that day, and the verdict."""

    target: Target
    on: dt.date
    status: str
    source: str
    figure: Figure | None
    expected: Fraction | None
    in_time: bool | None
    result: RateResult | None
    entry: Entry | None


def rate_table(results: Sequence[RateResult], basis: Mapping[str, tuple[Clause, ...]]) -> pd.DataFrame:
    """Return a row for each result; shares are 0 to 1, amounts in `unit`."""
    return pd.DataFrame([_rate_row(result, basis) for result in results])


def _rate_row(result: RateResult, basis: Mapping[str, tuple[Clause, ...]]) -> dict[str, Any]:
    rate, told = result.rate, result.provenance
    citation = cite(rate.basis, basis, result.on)
    is_share = rate.value == SHARE
    return {
        "rate": rate.id, "title_zh": rate.title.zh, "title_en": rate.title.en, "method": rate.method,
        "group": "；".join(f"{word}={value}" for word, value in result.group.items()),
        "on": result.on, "cut_off": result.cut_off, "state": result.state, "state_zh": STATES[result.state].zh,
        "share": result.share if is_share else None,
        "lower": number(result.lower), "upper": number(result.upper), "is_settled": result.is_settled,
        "numerator": result.amount(NUMERATOR), "denominator": result.amount(NUMERATOR, REST), "unit": rate.unit.zh,
        "numerator_count": len(result.ids(NUMERATOR)), "denominator_count": len(result.ids(NUMERATOR)) + len(result.ids(REST)),
        "unknown_count": len(result.ids(DOUBTED)), "records": told.get("records", 0), "withheld": told.get("withheld", 0),
        "certainty": rate.certainty, "certainty_zh": CERTAINTY[rate.certainty].zh,
        "note_zh": rate.note.zh if rate.note else "", "note_en": rate.note.en if rate.note else "",
        "basis_zh": citation.zh, "basis_en": citation.en,
        "formula_version": rate.version, "layers": "；".join(f"{k}={v}" for k, v in told.get("layers", {}).items()),
        "filled": "；".join(f"{k}={v}" for k, v in told.get("filled", {}).items() if v),
    }  # fmt: skip


def member_table(results: Sequence[RateResult]) -> pd.DataFrame:
    """Return the lists behind the results: a row for each result and feature, with its part, figure and reason."""
    tables = [
        result.members.assign(rate=result.rate.id, group="；".join(f"{k}={v}" for k, v in result.group.items()))
        for result in results
        if len(result.members)
    ]
    columns = ["rate", "group", "feature_id", "part", "may_be", "amount", "reason_zh", "reason_en"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def target_table(standings: Sequence[Standing]) -> pd.DataFrame:
    """Return a row for each dated step of each target; `lower`, `upper` and `expected` are in the target's unit."""
    return pd.DataFrame([_target_row(one) for one in standings])


def _target_row(one: Standing) -> dict[str, Any]:
    target, rate = one.target, one.result.rate if one.result is not None else None
    figure = one.figure
    return {
        "target": target.id, "indicator": target.indicator, "area": target.area.name, "words": target.words,
        "clause_zh": target.clause.zh, "clause_en": target.clause.en, "deadline": target.deadline, "due_on": target.due_on,
        "on": one.on, "status": one.status, "status_zh": STANDINGS[one.status].zh, "source": one.source,
        "lower": number(figure.lower) if figure else None, "upper": number(figure.upper) if figure else None,
        "unit": unit_of(one), "expected": number(one.expected), "in_time": one.in_time,
        "rate": target.rate, "method": rate.method if rate else "",
        "numerator_count": len(one.result.ids(NUMERATOR)) if one.result else None,
        "denominator_count": len(one.result.ids(NUMERATOR)) + len(one.result.ids(REST)) if one.result else None,
        "unknown_count": len(one.result.ids(DOUBTED)) if one.result else None,
        "cut_off": one.result.cut_off if one.result else None,
        "formula_certainty": rate.certainty if rate else "", "formula_certainty_zh": CERTAINTY[rate.certainty].zh if rate else "",
        "target_certainty": target.certainty, "area_certainty": target.area.certainty,
        "entered_on": one.entry.on if one.entry else None, "evidence": one.entry.evidence if one.entry else "",
    }  # fmt: skip


def unit_of(one: Standing) -> str:
    """Return the unit a standing's figure is in: a share is in per cent, whatever the plan writes."""
    return "%" if one.result is not None and one.result.rate.value == SHARE else one.target.unit


def number(value: Fraction | None) -> float | None:
    """Return an exact number as a float for a table."""
    return None if value is None else float(value)


def figures_of(result: RateResult) -> str:
    """Return a result in words: the share of the known, the bounds where they differ, and the counts behind it."""
    if result.state != COMPUTED:
        return STATES[result.state].both()
    counts = f"{result.amount(NUMERATOR):,.10g}/{result.amount(NUMERATOR, REST):,.10g} {result.rate.unit.zh}"
    unknown = len(result.ids(DOUBTED))
    if result.rate.value != SHARE:
        text = f"{float(result.lower or 0):,.10g} {result.rate.unit.zh}"
        return (
            text
            if result.is_settled
            else f"{text}，至多 at most {'∞' if result.upper is None else f'{float(result.upper):,.10g}'}"
        )
    share = "—" if result.share is None else percent(result.share)
    if result.is_settled:
        return f"{percent(float(result.lower or 0))}（{counts}" + (f"；未知 unknown {unknown}）" if unknown else "）")
    return f"{percent(float(result.lower or 0))}–{percent(float(result.upper or 0))}（已知 known {share}，{counts}；未知 unknown {unknown}）"


def percent(share: float) -> str:
    """Return a share as per cent with one decimal; what is not all is never shown as all, nor something as nothing.

    Examples
    --------
    >>> percent(0.9), percent(0.9999), percent(0.0001), percent(1.0)
    ('90.0 %', '>99.9 %', '<0.1 %', '100.0 %')
    """
    text = f"{share * 100:.1f}"
    if text == "100.0" and share < 1:
        return ">99.9 %"
    return "<0.1 %" if text == "0.0" and share > 0 else f"{text} %"

"""The key figures of a meeting: counts of cases and rates with their bounds, as at the last meeting and now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.cases.rate_results import COMPUTED, DOUBTED, NUMERATOR, REST, rate_results
from geosys.cases.rate_tables import CERTAINTY, STATES, percent
from geosys.cases.rates import SHARE
from geosys.cases.targets import AT_LEAST, AT_MOST
from geosys.maps.meeting.content import Figure
from geosys.reports import situation as reports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from geosys.cases.rate_results import RateResult
    from geosys.packs.material import Material

# What stands on an evening, and what happened between two: only the first can be compared with the evening before.
STOCKS = (
    "total", "open", "done", "dismissed", "merged", "overdue", "soon", "no_date", "not_assessed", "no_longer_found", "returned", "proposed",
)  # fmt: skip
FLOWS = ("new", "closed", "moved_on", "newly_overdue", "reopened")
FIGURES = (*STOCKS, *FLOWS)
_MORE_IS_WORSE = {"open", "overdue", "not_assessed", "returned", "proposed"}  # fewer *due soon* may be more overdue
_MORE_IS_BETTER = {"done"}
_CASES = Text("项", "cases")
NOTHING = "—"


def case_figures(material: Material, names: Sequence[str]) -> list[Figure]:
    """Return counts of cases; for a first meeting what happened since the last one is not told."""
    found = material.found
    now = reports.figures(found)
    before = reports.figures(replace(found, now=found.before, changes=found.changes.iloc[:0]))
    return [_of_cases(material, name, now[name], before[name][1]) for name in names]


def _of_cases(material: Material, name: str, now: tuple[Text, list[str]], before: Sequence[str]) -> Figure:
    title, ids = now
    found = material.found
    told = Text(
        f"台账截至 {found.day} 的 {len(found.now)} 个事项中的 {len(ids)} 个；最近一次判定 {found.judged_on or '无'}。",
        f"{len(ids)} of the {len(found.now)} cases of the ledger on {found.day}; last judged on {found.judged_on or 'no day'}.",
    )
    if name in FLOWS:
        if material.since is None:
            none = Text("第一次会议，没有上次可比。", "The first meeting: there is none to compare with.")
            return Figure(name, title, NOTHING, told=none)
        told = Text(
            f"{told.zh}{material.since} 晚之后发生的变化。",
            f"{told.en} What happened after the evening of {material.since}.",
        )
        return Figure(name, title, str(len(ids)), _CASES, told=told)
    if material.since is None:
        return Figure(name, title, str(len(ids)), _CASES, told=told)
    change = len(ids) - len(before)
    worse = (
        None
        if not change
        else change > 0
        if name in _MORE_IS_WORSE
        else change < 0
        if name in _MORE_IS_BETTER
        else None
    )
    return Figure(name, title, str(len(ids)), _CASES, str(len(before)), _signed(change), told, worse)


def rate_figures(material: Material, names: Sequence[str]) -> list[Figure]:
    """Return rates with their bounds; before where the formula can tell an earlier day."""
    return [_of_rate(material, name) for name in names]


def _of_rate(material: Material, name: str) -> Figure:
    rate = material.rates.rates[name]
    now = rate_results(rate, material.views, material.day)[0]
    told = _rate_told(now)
    if now.state != COMPUTED:
        return Figure(name, rate.title, NOTHING, told=told)
    before: RateResult | None = None
    tells = rate.done_on is not None and rate.known_on is not None and rate.year_of is None
    if material.since is not None and tells:
        before = rate_results(rate, material.views, material.day, on=material.since)[0]
        before = before if before.state == COMPUTED and not _says_nothing(before) else None
    is_share = rate.value == SHARE
    unit: Text | str = "" if is_share else rate.unit
    change = _change(before, now) if before is not None else None
    text = "" if change is None else _points(change) if is_share else _signed(float(change))
    aim = _aim(material, name)
    worse = None if not change or not aim else (change < 0) == (aim == AT_LEAST)
    return Figure(
        name, rate.title, value_of(now), unit, value_of(before) if before is not None else "", text, told, worse
    )


def _aim(material: Material, name: str) -> str:
    """Return which way the plans want a rate to go, by the targets it is held against; empty where they do not say."""
    wanted = {target.compare for target in material.rates.targets if target.rate == name}
    return next(iter(wanted)) if wanted in ({AT_LEAST}, {AT_MOST}) else ""


def _says_nothing(result: RateResult) -> bool:
    """Say whether a share may be anything from none to all."""
    return result.rate.value == SHARE and result.lower == 0 and result.upper == 1


def value_of(result: RateResult) -> str:
    """Return a rate as it is printed, with both bounds where they differ."""
    if result.lower is None:
        return NOTHING
    ends = [result.lower] if result.lower == result.upper else [result.lower, result.upper]
    if result.rate.value == SHARE:
        return "–".join("∞" if end is None else percent(float(end)) for end in ends)
    return "–".join("∞" if end is None else f"{float(end):,.10g}" for end in ends)


def _change(before: RateResult, now: RateResult) -> Fraction | None:
    """Return by how much a rate moved; None where what is unknown could have moved it."""
    if not (before.is_settled and now.is_settled) or before.lower is None or now.lower is None:
        return None
    return now.lower - before.lower


def _points(change: Fraction) -> str:
    """Return a change of a share in percentage points."""
    return f"{float(change) * 100:+.1f} pp" if change else "±0"


def _signed(change: float) -> str:
    return f"{change:+,.10g}" if change else "±0"


def _rate_told(result: RateResult) -> Text:
    """Return what a rate rests on: counts, unknown, records, formula with version and certainty, layer versions."""
    rate, rests = result.rate, result.provenance
    if result.state != COMPUTED:
        state = STATES[result.state]
        return Text(f"{state.zh}；公式 {rate.id} {rate.version}。", f"{state.en}; formula {rate.id} {rate.version}.")
    done, rest, open_ = (len(result.ids(part)) for part in (NUMERATOR, REST, DOUBTED))
    versions = "；".join(f"{k} {v}" for k, v in rests.get("layers", {}).items())
    certainty = CERTAINTY[rate.certainty]
    return Text(
        f"{done}/{done + rest}，未知 {open_}；记录 {rests.get('records', 0)}，扣留 {rests.get('withheld', 0)}；"
        f"公式 {rate.id} {rate.version}（{certainty.zh}）；图层 {versions}。",
        f"{done} of {done + rest}, unknown {open_}; records {rests.get('records', 0)}, withheld {rests.get('withheld', 0)}; "
        f"formula {rate.id} {rate.version} ({certainty.en}); layers {versions}.",
    )

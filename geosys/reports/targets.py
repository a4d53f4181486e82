"""The plans' targets as a report tells them: the figure, how it stands, and who is still missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys.cases.rate_results import DOUBTED, NUMERATOR, REST
from geosys.cases.rate_tables import CERTAINTY, number, percent, unit_of
from geosys.cases.targets import AT_RISK, LATE, STANDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.cases.rate_tables import Standing


@dataclass(frozen=True, slots=True)
class Targets:
    """Hold the targets of which anything is known, as rows in words, and how many others there are.

    A row has `rest` and `unknown`: the ids of the features that are not there yet, or of which nobody can say.
    """

    rows: Sequence[dict[str, Any]] = ()
    unknown: int = 0


NO_TARGETS = Targets()


def targets_of(standings: Sequence[Standing]) -> Targets:
    """Return the targets as rows in words; those without features and without entry are counted only."""
    known = [one for one in standings if one.entry is not None or (one.result is not None and len(one.result.members))]
    return Targets([_row(one) for one in known], len(standings) - len(known))


def _row(one: Standing) -> dict[str, Any]:
    target, result = one.target, one.result if one.entry is None else None
    done, rest, doubted = (
        [] if result is None else [str(i) for i in result.ids(part)] for part in (NUMERATOR, REST, DOUBTED)
    )
    source = f"填报 {one.entry.on}：{one.entry.evidence}" if one.entry is not None else ""
    if result is not None:
        source = f"计算（{CERTAINTY[result.rate.certainty].zh}）"
    return {
        "id": target.id, "indicator": target.indicator, "area": target.area.name,
        "words": target.words, "deadline": target.deadline, "now": _now(one),
        "counts": f"{len(done)}/{len(done) + len(rest)}" + (f"，未知 {len(doubted)}" if doubted else "") if result is not None else "",
        "status": STANDINGS[one.status].zh, "is_behind": one.status in (AT_RISK, LATE), "source": source, "clause": target.clause.zh,
        "rest": rest, "unknown": doubted,
    }  # fmt: skip


def _now(one: Standing) -> str:
    """Return the figure with its unit; what falls short of all is not shown as all."""
    if one.figure is None:
        return "—"
    unit, figure = unit_of(one), one.figure
    ends = [figure.lower] if figure.lower == figure.upper else [figure.lower, figure.upper]
    if unit == "%":
        return "–".join("∞" if end is None else percent(float(end / 100)) for end in ends)
    return "–".join("∞" if end is None else f"{number(end):,.10g}" for end in ends) + f" {unit}"

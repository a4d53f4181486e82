"""Which stage a row of a plot list is in, whether the way it came was lawful, and what the next step needs."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.cases.plot_life import BEGINNING, verdict_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from geosys.cases.plot_life import Need, PlotLife, PlotList, StageRule, Step

LAWFUL, SKIPPED, UNLAWFUL, MIDWAY, UNDATED = "lawful", "skipped", "unlawful", "midway", "undated"
THERE, MISSING, NOT_RECORDED = "there", "missing", "not_recorded"


def is_missing(value: Any) -> bool:
    """Say whether a cell holds nothing: None, NaN, NaT or blanks."""
    return value is None or (isinstance(value, str) and not value.strip()) or (not isinstance(value, str) and bool(pd.isna(value)))  # fmt: skip


def stages_of(kept: PlotList, frame: pd.DataFrame, life: PlotLife) -> pd.DataFrame:
    """Return the stage of each row of a list and the fields it hangs on where it cannot be told.

    Returns
    -------
    Columns `stage` (None: cannot be told) and `missing` (tuple of fields that are empty or not understood).
    """
    rows = [_stage_of(kept, row, life) for row in frame.to_dict("records")]
    stages = pd.Series([stage for stage, _ in rows], index=frame.index, dtype=object)
    return pd.DataFrame({"stage": stages, "missing": pd.Series([m for _, m in rows], index=frame.index, dtype=object)})


def _stage_of(kept: PlotList, row: Mapping[str, Any], life: PlotLife) -> tuple[str | None, tuple[str, ...]]:
    if kept.stage_field is not None:
        value = row[kept.stage_field]
        return (value, ()) if value in life.stages else (None, (kept.stage_field,))
    unknown: list[str] = []
    for rule in kept.rules:
        holds, fields = _holds(rule, row, life)
        unknown += fields
        if holds and not unknown:
            return rule.stage, ()
    return None, tuple(dict.fromkeys(unknown)) or tuple(dict.fromkeys(field for rule in kept.rules for field in rule.when))  # fmt: skip


def _holds(rule: StageRule, row: Mapping[str, Any], life: PlotLife) -> tuple[bool, list[str]]:
    """Say whether a rule holds for a row, and on which fields it hangs where that is unknown; one false makes it false."""
    unknown = [field for field in rule.when if is_missing(row[field])]
    if any(row[field] not in values for field, values in rule.when.items() if field not in unknown):
        return False, []
    if rule.words_field is not None:
        text = row[rule.words_field]
        verdict = None if is_missing(text) else verdict_of(str(text), life.words)
        if verdict is None:
            unknown.append(rule.words_field)
        elif verdict != rule.verdict:
            return False, []
    return not unknown, unknown


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold that a plot was seen in a stage on a day (None: no day is known), and where that is written."""

    stage: str
    on: dt.date | None
    source: str


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one move of a plot's history: from where (`BEGINNING`: nowhere) to where, and what the machine says of it.

    `verdict` is ``lawful`` (one step leads there), ``skipped`` (only steps through `between` do, which nobody recorded),
    ``unlawful`` (none do), ``midway`` (the record begins at a stage where no plot begins) or ``undated``.
    `certainty` is that of the least sure step.
    """

    before: str
    after: str
    on: dt.date | None
    source: str
    verdict: str
    between: tuple[str, ...] = ()
    certainty: str = ""


def judge_history(life: PlotLife, seen: Iterable[Seen]) -> list[Move]:
    """Return the moves of a plot in order of days, each judged by the steps of the content.

    Being seen again in the same stage is no move. Stages of one day are taken in the order that most agrees with the
    steps. Undated ones come last: nobody knows where they belong.
    """
    records = list(seen)
    dated = sorted((s for s in records if s.on is not None), key=lambda s: s.on or 0)
    moves: list[Move] = []
    place = BEGINNING
    for _, group in itertools.groupby(dated, key=lambda s: s.on):
        for record in _best_order(life, place, list({s.stage: s for s in group}.values())):
            if record.stage != place:
                moves.append(_judge(life, place, record))
                place = record.stage
    return [*moves, *(Move("", s.stage, None, s.source, UNDATED) for s in records if s.on is None)]


def _best_order(life: PlotLife, place: str, group: list[Seen]) -> Sequence[Seen]:
    if len(group) == 1:
        return group
    ranks = {LAWFUL: 0, SKIPPED: 1, MIDWAY: 1, UNLAWFUL: 10}

    def cost(order: Sequence[Seen]) -> int:
        steps = zip([place, *(s.stage for s in order)], order, strict=False)
        return sum(ranks[_judge(life, before, s).verdict] for before, s in steps if before != s.stage)

    return min(itertools.permutations(group), key=cost)


def _judge(life: PlotLife, before: str, record: Seen) -> Move:
    path = way(life, before, record.stage)
    if before == BEGINNING and (path is None or len(path) > 1):
        return Move(before, record.stage, record.on, record.source, MIDWAY)
    if path is None:
        return Move(before, record.stage, record.on, record.source, UNLAWFUL)
    between = tuple(step.after for step in path[:-1])
    weakest = max((step.certainty for step in path), key=_DOUBT.index)
    return Move(before, record.stage, record.on, record.source, SKIPPED if between else LAWFUL, between, weakest)


_DOUBT = ("confirmed", "second_hand", "our_reading", "unconfirmed")


def way(life: PlotLife, before: str, after: str) -> tuple[Step, ...] | None:
    """Return the shortest chain of steps between two stages, None where there is none; the content's order breaks ties."""
    queue: deque[tuple[str, tuple[Step, ...]]] = deque([(before, ())])
    known = {before}
    while queue:
        place, path = queue.popleft()
        for step in life.steps_from(place):
            if step.after == after:
                return (*path, step)
            if step.after not in known:
                known.add(step.after)
                queue.append((step.after, (*path, step)))
    return None


def dates_of(kept: PlotList, row: Mapping[str, Any], stage: str | None, where: str) -> list[Seen]:
    """Return what a row itself says of its history: the stages its dates open, and the stage it is in now.

    The present stage is dated only by the first of `dated` that is there and not already told by an opened stage.
    """
    opened = [Seen(to, row[field], f"{where} {field}") for field, to in kept.dates.items() if not is_missing(row[field])]  # fmt: skip
    if stage is None or stage in {s.stage for s in opened}:
        return opened
    last = max((s.on for s in opened if s.on), default=None)
    days = [row[field] for field in kept.dated if not is_missing(row[field]) and field not in kept.dates]
    later = [day for day in days if last is None or day >= last]
    return [*opened, Seen(stage, later[0] if later else None, where)]


@dataclass(frozen=True, slots=True)
class NextStep:
    """Hold a step that may come next, with each need and whether it is ``there``, ``missing`` or ``not_recorded``."""

    step: Step
    needs: tuple[tuple[Need, str], ...]


def next_steps(life: PlotLife, stage: str, values: Mapping[str, Any]) -> list[NextStep]:
    """Return the steps that lead on from a stage, and what of their needs the values of a plot show.

    A paper that no field tells of is ``not_recorded``: it may lie in the file, the ledger does not say.
    """
    return [
        NextStep(step, tuple((life.needs[need], _state_of(life.needs[need], values)) for need in step.needs))
        for step in life.steps_from(stage)
    ]


def _state_of(need: Need, values: Mapping[str, Any]) -> str:
    if not need.fields:
        return NOT_RECORDED
    shown = all(not is_missing(values.get(field)) and values.get(field) is not False for field in need.fields)
    return THERE if shown else MISSING


def outrun(life: PlotLife, stages: Iterable[str]) -> set[str]:
    """Return the stages of one plot that another of its stages already lies behind: its life goes on there."""
    there = set(stages)
    return {
        one
        for one, other in itertools.permutations(there, 2)
        if way(life, one, other) is not None and way(life, other, one) is None
    }

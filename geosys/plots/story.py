"""The story of one plot: where it stands, how it came there and whether lawfully, what is due, what comes next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.cases.basis import cite
from geosys.cases.plot_stages import (
    LAWFUL,
    MIDWAY,
    MISSING,
    NOT_RECORDED,
    SKIPPED,
    THERE,
    UNDATED,
    UNLAWFUL,
    Move,
    Seen,
    dates_of,
    judge_history,
    next_steps,
    outrun,
)
from geosys.content import read_csv
from geosys.plots.lists import plot_group, values_of
from geosys.plots.tables import deadline_table, row_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife
    from geosys.plots.lists import PlotBook

VERDICTS = {
    LAWFUL: Text("符合流程", "lawful"), SKIPPED: Text("中间步骤无记录", "steps between are not on record"),
    UNLAWFUL: Text("不符合流程", "not lawful"), MIDWAY: Text("记录从中途开始", "the record begins midway"),
    UNDATED: Text("无日期", "undated"),
}  # fmt: skip
MARKS = {
    THERE: Text("已有", "there"), MISSING: Text("缺", "missing"), NOT_RECORDED: Text("台账无此项，待确认", "not in the ledger: to be confirmed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """Hold the story of a plot for machines (`content`) and as lines for people."""

    content: dict[str, Any]
    lines: tuple[str, ...]


def read_history(path: Path, life: PlotLife) -> dict[str, list[Seen]]:
    """Read an office's own dated stages: a CSV with `plot_code`, `stage`, `on` (empty: not known), perhaps `source`.

    Raises
    ------
    DeliveryError
        With every line whose stage or day is not understood.
    """
    found: dict[str, list[Seen]] = {}
    wrong = []
    for line, row in enumerate(read_csv(path, ("plot_code", "stage", "on")), 2):
        if row["stage"] not in life.stages:
            wrong.append(
                f"{path.name} line {line}: got stage '{row['stage']}', expected one of {', '.join(life.stages)}."
            )
            continue
        try:
            day = dt.date.fromisoformat(row["on"]) if row["on"] else None
        except ValueError:
            wrong.append(f"{path.name} line {line}: got day '{row['on']}', expected one as 2026-09-30, or nothing.")
            continue
        found.setdefault(row["plot_code"], []).append(Seen(row["stage"], day, row.get("source", "") or path.name))
    if wrong:
        raise DeliveryError("\n".join(wrong))
    return found


def story_of(
    book: PlotBook, layers: Mapping[str, UsableLayer], life: PlotLife, code: str, today: dt.date,
    history: Mapping[str, list[Seen]] | None = None,
) -> Story:  # fmt: skip
    """Return the story of the plot with a code, all the lists it stands in together.

    Parameters
    ----------
    history
        Dated stages by code, beside what the lists' own dates say.
    """
    group = plot_group(book, life, code)
    mine = [(r["list"], r["plot_code"]) in group for r in book.rows.to_dict("records")]
    rows = row_table(book, layers, life)[mine]
    due = deadline_table(book, layers, life, today)
    due = due[[(r["list"], r["plot_code"]) in group for r in due.to_dict("records")]]
    moves = _moves(rows, layers, life, history or {})
    values = values_of(layers, book, life, group)
    stages = list(rows["stage"].dropna().unique())
    behind = outrun(life, stages)
    steps = [
        _step_content(step, life, today)
        for stage in stages
        if stage not in behind
        for step in next_steps(life, stage, values)
    ]
    codes = {own for _, own in group}
    clashes = book.contradictions[
        book.contradictions["first_code"].isin(codes) | book.contradictions["second_code"].isin(codes)
    ]
    content = {
        "plot": code, "codes": sorted(codes),
        "lists": [_without_none(r) for r in rows[_ROW_KEYS].to_dict("records")],
        "history": [_move_content(move, life) for move in moves],
        "deadlines": [_without_none(r) for r in due[_DUE_KEYS].to_dict("records")],
        "next": steps, "contradictions": clashes.to_dict("records"),
    }  # fmt: skip
    return Story(content, tuple(_lines(content)))


_ROW_KEYS = [
    "list",
    "list_zh",
    "plot_code",
    "plot_name",
    "stage",
    "stage_zh",
    "stage_hangs_on",
    "dated_on",
    "missing_fields",
    "missing_zh",
]
_DUE_KEYS = [
    "deadline", "deadline_zh", "state", "state_zh", "due_on", "done_on", "overdue_days", "missing", "contradicts", "missing_zh", "actor_zh",
    "basis_zh", "certainty", "source",
]  # fmt: skip


def _moves(
    rows: pd.DataFrame, layers: Mapping[str, UsableLayer], life: PlotLife, history: Mapping[str, list[Seen]]
) -> list[Move]:
    """Return the judged moves of a plot: the land before the beside-lists, each list's life by itself where they differ.

    The life of a priority plot runs beside the other one: stages that no way joins are judged apart.
    """
    seen: list[Seen] = [record for code in rows["plot_code"].unique() for record in history.get(code, [])]
    layer_of = rows["list"].map(lambda name: life.lists[name].layer)
    for r in rows[~pd.DataFrame({"layer": layer_of, "code": rows["plot_code"]}).duplicated()].to_dict("records"):
        kept = life.lists[r["list"]]
        row = layers[kept.layer].frame.loc[r["position"]].to_dict()
        stage = r["stage"] if isinstance(r["stage"], str) else None
        seen += [
            s
            for s in dates_of(kept, row, stage, kept.title.zh)
            if (s.stage, s.on) not in {(o.stage, o.on) for o in seen}
        ]
    lives = _lives(life)
    return [move for part in lives for move in judge_history(life, [s for s in seen if s.stage in part])]


def _lives(life: PlotLife) -> list[set[str]]:
    """Return the stages that steps join, the lives a plot can lead side by side."""
    lives: list[set[str]] = []
    for stage in life.stages:
        joined = {stage} | {
            s for step in life.steps if stage in (*step.before, step.after) for s in (*step.before, step.after) if s
        }
        met = [part for part in lives if part & joined]
        lives = [part for part in lives if part not in met] + [set().union(joined, *met)]
    return lives


def _move_content(move: Move, life: PlotLife) -> dict[str, Any]:
    return {
        "from": move.before, "to": move.after, "on": None if move.on is None else move.on.isoformat(), "source": move.source,
        "verdict": move.verdict, "verdict_zh": VERDICTS[move.verdict].zh, "between": list(move.between), "certainty": move.certainty,
        "to_zh": life.stages[move.after].zh,
    }  # fmt: skip


def _step_content(following: Any, life: PlotLife, today: dt.date) -> dict[str, Any]:
    step = following.step
    return {
        "transition": step.id, "event_zh": step.event.zh, "event_en": step.event.en, "to": step.after, "actor_zh": step.actor.zh,
        "rule_zh": step.rule.zh, "basis_zh": cite(step.basis, life.basis, today).zh, "certainty": step.certainty, "source": step.source,
        "needs": [{"zh": need.title.zh, "en": need.title.en, "state": state} for need, state in following.needs],
    }  # fmt: skip


def _without_none(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(k): (None if v is None or v != v else v) for k, v in row.items()}  # noqa: PLR0124  NaN


def _lines(content: Mapping[str, Any]) -> list[str]:
    lines = [
        f"地块 plot: {content['plot']}" + (f"（{'、'.join(content['codes'])}）" if len(content["codes"]) > 1 else "")
    ]
    for row in content["lists"]:
        lines.append(
            f"名录 list: {row['list_zh']} {row['plot_code']} {row['plot_name'] or ''} 阶段 stage: {row['stage_zh']}"
        )
        if row["stage_hangs_on"]:
            lines.append(f"  阶段取决于 hangs on: {'、'.join(row['stage_hangs_on'])}")
    for move in content["history"]:
        path = f"（{'→'.join(move['between'])}）" if move["between"] else ""
        lines.append(
            f"经过 history: {move['on'] or '—'} {move['to_zh']}：{move['verdict_zh']}{path} {move['certainty']}"
        )
    for due in content["deadlines"]:
        days = f" {due['overdue_days']} 天" if due["overdue_days"] else ""
        gap = f"；{due['missing_zh']}" if due["missing_zh"] else ""
        lines.append(
            f"期限 deadline: {due['deadline_zh']} {due['due_on'] or '—'} {due['state_zh']}{days}{gap}；{due['basis_zh']}"
        )
    for step in content["next"]:
        lines.append(
            f"下一步 next: {step['event_zh']} → {step['to']}（{step['actor_zh']}）{step['rule_zh']}；{step['basis_zh']}；{step['certainty']}"
        )
        lines += [f"  {MARKS[need['state']].zh}: {need['zh']}" for need in step["needs"]]
    lines += [
        f"矛盾 contradiction: {clash['title_zh']} {clash['first_code']} {clash['second_code']}"
        for clash in content["contradictions"]
    ]
    return lines

"""What must happen next on a plot and by when: its stage, legal deadlines, next steps with what they need, open cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.basis import cite
from geosys.cases.plot_deadlines import DONE, LATE, OPEN, OVERDUE, SOON, UNKNOWN, deadlines_of
from geosys.cases.plot_stages import (
    LAWFUL,
    MIDWAY,
    MISSING,
    NOT_RECORDED,
    SKIPPED,
    THERE,
    UNDATED,
    UNLAWFUL,
    dates_of,
    judge_history,
    next_steps,
    stages_of,
)
from geosys.plot_sheets.parts import DASH, Part
from geosys.plot_sheets.rules import due_of, is_open

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.plot_life import PlotLife, PlotList
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot, Words

_TITLE = Text("下一步与时限", "What comes next, and by when")
_STATES = {
    DONE: Text("已完成", "done"), LATE: Text("已完成，逾期 {days} 天", "done, {days} days late"), OPEN: Text("未到期", "not yet due"),
    SOON: Text("临近到期", "due soon"), OVERDUE: Text("已逾期 {days} 天", "{days} days overdue"), UNKNOWN: Text("不能判断", "cannot judge"),
}  # fmt: skip
_URGENT = {OVERDUE: "#EFC4BE", SOON: "#F6E3C0"}
_NEEDS = {
    THERE: Text("有", "there"),
    MISSING: Text("缺", "missing"),
    NOT_RECORDED: Text("台账无此项", "not in the ledger"),
}
_MOVES = {
    LAWFUL: Text("合规", "lawful"), SKIPPED: Text("越过未记录的步骤：{between}", "passed over steps nobody recorded: {between}"),
    UNLAWFUL: Text("没有这样的步骤", "no such step"), MIDWAY: Text("记录自中途开始", "the record begins midway"),
    UNDATED: Text("无日期", "undated"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of what comes next: what, who, by when, how it stands, on what it rests; `rank` orders it."""

    rank: tuple[int, str]
    cells: tuple[Words, ...]
    state: str = ""


def life_parts(archive: Archive, plot: Plot, life: PlotLife) -> tuple[Part, Part]:
    """Return the dated way of a plot as judged by the life of plots, and what comes next."""
    lists = [kept for kept in life.lists.values() if kept.layer == plot.key.layer]
    frame = pd.DataFrame([dict(plot.row)])
    lines: list[Line] = []
    notes: list[Text] = []
    ways: list[list[Words]] = []
    for kept in lists:
        found = stages_of(kept, frame, life).iloc[0]
        stage = found["stage"]
        if kept.stages and stage not in kept.stages:
            continue
        titles = plot.spec.titles
        notes.append(_standing(kept, stage, found["missing"], life, titles))
        lines += _deadlines(archive, plot, kept, frame, stage, life)
        if stage is not None and not kept.stages:
            lines += _steps(archive, plot, life, stage)
        if not kept.stages:
            ways += _way(kept, plot, stage, life)
    lines += _open_cases(archive, plot)
    lines.sort(key=lambda line: line.rank)
    return _way_part(ways, life, plot), _next_part(lines, notes, life, has_list=bool(lists))


def _next_part(lines: Sequence[Line], notes: Sequence[Text], life: PlotLife, *, has_list: bool) -> Part:
    head = (
        Text("事项", "What"), Text("由谁", "Who"), Text("时限", "Due"), Text("情况", "State"), Text("依据、要件", "Basis, needs"),
    )  # fmt: skip
    lacking = None
    if not lines:
        lacking = Text("没有可算出的时限和下一步。", "No deadline or next step can be told.")
        if not has_list:
            lacking = Text(
                "本图层不在地块名录的管理流程内，没有法定步骤。",
                "This layer is on no list of plots: it has no steps by law.",
            )
    tints = {i: _URGENT[line.state] for i, line in enumerate(lines) if line.state in _URGENT}
    rows = [line.cells for line in lines]
    warned = Text(f"提前 {life.early_warning_days} 天预警。", f"Warned {life.early_warning_days} days ahead.")
    told = [*notes, *([warned] if has_list else [])]
    return Part("next", _TITLE, head, rows, lacking, told, widths=(26, 17, 13, 16, 32), tints=tints)


def _standing(
    kept: PlotList, stage: str | None, missing: Sequence[str], life: PlotLife, titles: Mapping[str, Text]
) -> Text:
    """Say on which list a plot stands and in which stage, or which fields that hangs on."""
    if stage is None:
        fields = [titles.get(name, Text(name, name)) for name in missing]
        return Text(
            f"{kept.title.zh}：阶段不能判断，缺{'、'.join(f.zh for f in fields)}。",
            f"{kept.title.en}: stage unknown for lack of {', '.join(f.en for f in fields)}.",
        )
    name = life.stages[stage]
    return Text(f"{kept.title.zh}：当前阶段为{name.zh}。", f"{kept.title.en}: now {name.en}.")


def _deadlines(
    archive: Archive, plot: Plot, kept: PlotList, frame: pd.DataFrame, stage: str | None, life: PlotLife
) -> list[Line]:
    known = {deadline.id: deadline for deadline in life.deadlines}
    stages = pd.Series([stage], index=frame.index, dtype=object)
    lines = []
    for row in deadlines_of(kept, frame, stages, life, archive.today).to_dict("records"):
        deadline, state = known[row["deadline"]], str(row["state"])
        days = str(int(row["overdue_days"]))
        said = Text(*(_STATES[state].in_language(n).replace("{days}", days) for n in ("zh", "en")))
        told = [plot.spec.titles.get(n, Text(n, n)) for n in (*row["missing"], *row["contradicts"]) if n]
        if told:
            word = Text("矛盾", "contradicts") if row["contradicts"] else Text("缺", "lacks")
            said = Text(
                f"{said.zh}（{word.zh}{'、'.join(t.zh for t in told)}）",
                f"{said.en} ({word.en} {', '.join(t.en for t in told)})",
            )
        due = row["due_on"].isoformat() if hasattr(row["due_on"], "isoformat") else DASH
        basis = cite(deadline.basis, life.basis, archive.today)
        rank = 5 if state in (DONE, LATE) else 0
        lines.append(Line((rank, due), (deadline.title, deadline.actor, due, said, basis), state))
    return lines


def _steps(archive: Archive, plot: Plot, life: PlotLife, stage: str) -> list[Line]:
    """Return the steps that may come next, each with what it needs and whether the ledger shows it."""
    lines = []
    for i, following in enumerate(next_steps(life, stage, plot.row)):
        step = following.step
        needs = [(need.title, _NEEDS[state]) for need, state in following.needs]
        zh = "；".join(f"{title.zh}（{state.zh}）" for title, state in needs)
        en = "; ".join(f"{title.en} ({state.en})" for title, state in needs)
        basis = cite(step.basis, life.basis, archive.today) if step.basis else Text("", "")
        after = life.stages.get(step.after, Text(step.after, step.after))
        what = Text(f"{step.event.zh} → {after.zh}", f"{step.event.en} → {after.en}")
        resting = Text(f"须有：{zh}。{basis.zh}" if zh else basis.zh, f"Needs: {en}. {basis.en}" if en else basis.en)
        lines.append(Line((3, f"{i:03d}"), (what, step.actor, DASH, Text("可能的下一步", "may come next"), resting)))
    return lines


def _open_cases(archive: Archive, plot: Plot) -> list[Line]:
    """Return the open cases of a plot by the day they are due; cases of one rule and day in one line."""
    if archive.cases is None:
        return []
    cases = archive.cases
    mine = cases[(cases["subject_layer"] == plot.key.layer) & (cases["subject_id"] == plot.key.code)]
    groups: dict[tuple[str, str, Any], int] = {}
    for row in mine.to_dict("records"):
        if is_open(row):
            key = (row["rule"], row["assigned_lead"] or row["lead"], due_of(row))
            groups[key] = groups.get(key, 0) + 1
    lines = []
    for (rule, office, due), count in groups.items():
        known, lead = (
            archive.content.book.rules.get(rule),
            archive.content.book.offices.get(office, Text(office, office)),
        )
        title = known.title if known else Text(rule, rule)
        many = f"（{count} 项）" if count > 1 else ""
        late = (archive.today - due).days if due is not None else 0
        state = OVERDUE if late > 0 else OPEN
        said = Text(*(_STATES[state].in_language(n).replace("{days}", str(late)) for n in ("zh", "en")))
        day = due.isoformat() if due is not None else DASH
        what = Text(f"整改：{title.zh}{many}", f"Rectify: {title.en}{f' ({count})' if count > 1 else ''}")
        resting = Text("规则与依据见下", "see the rules below")
        lines.append(Line((0, day), (what, lead, day, said, resting), state))
    return lines


def _way(kept: PlotList, plot: Plot, stage: str | None, life: PlotLife) -> list[list[Words]]:
    """Return the moves that the row's own days tell of, each as the steps of the content judge it."""
    moves = judge_history(life, dates_of(kept, plot.row, stage, plot.spec.id))
    rows: list[list[Words]] = []
    for move in moves:
        between = [life.stages[name] for name in move.between]
        verdict = Text(
            _MOVES[move.verdict].zh.replace("{between}", "、".join(b.zh for b in between)),
            _MOVES[move.verdict].en.replace("{between}", ", ".join(b.en for b in between)),
        )
        before = life.stages.get(move.before, Text("", ""))
        after = life.stages[move.after]
        told = Text(f"{before.zh} → {after.zh}".strip(" →"), f"{before.en} → {after.en}".strip(" →"))
        rows.append([move.on.isoformat() if move.on else DASH, told if before.zh else after, verdict, kept.title])
    return rows


def _way_part(rows: Sequence[Sequence[Words]], life: PlotLife, plot: Plot) -> Part:
    head = (Text("日期", "Day"), Text("阶段", "Stage"), Text("判断", "Judged"), Text("名录", "List"))
    known = any(kept.layer == plot.key.layer for kept in life.lists.values())
    lacking = None
    if not rows:
        lacking = Text("台账没有可用的阶段和日期。", "The ledger tells no stage and no day.")
        if not known:
            lacking = Text("本图层不在地块名录的管理流程内。", "This layer is on no list of plots.")
    return Part("history", Text("阶段历程", "Way through the stages"), head, rows, lacking, widths=(14, 36, 34, 22))

"""The plot lists as tables for people: stages, fields, states and legal basis in words, in the order to act in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.basis import cite
from geosys.cases.plot_deadlines import DONE, LATE, OPEN, OVERDUE, SOON, UNKNOWN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife
    from geosys.plots.lists import PlotBook

STATES = {
    OVERDUE: Text("逾期", "overdue"), SOON: Text("即将到期", "due soon"), UNKNOWN: Text("无法判定", "cannot judge"),
    OPEN: Text("未到期", "open"), LATE: Text("逾期完成", "done late"), DONE: Text("已完成", "done"),
}  # fmt: skip
NO_STAGE = Text("阶段不明", "stage cannot be told")


def _titles_of(layers: Mapping[str, UsableLayer], life: PlotLife, kept: str, fields: Iterable[str]) -> str:
    layer = layers.get(life.lists[kept].layer)
    titles = {} if layer is None else layer.schema.titles
    named = {"stage": "阶段"} | {field: text.zh for field, text in titles.items()}
    return "、".join(named.get(field, field) for field in fields)


def row_table(book: PlotBook, layers: Mapping[str, UsableLayer], life: PlotLife) -> pd.DataFrame:
    """Return the rows of the lists with titles of lists, stages and missing fields."""
    rows = book.rows
    stages = [life.stages.get(stage, NO_STAGE) for stage in rows["stage"]]
    pairs = list(zip(rows["list"], rows["missing_fields"], rows["stage_hangs_on"], strict=True))
    return rows.assign(
        list_zh=[life.lists[name].title.zh for name in rows["list"]],
        list_en=[life.lists[name].title.en for name in rows["list"]],
        stage_zh=[text.zh for text in stages],
        stage_en=[text.en for text in stages],
        complete=[f"{share:.0%}" for share in rows["complete_share"]],
        missing_zh=[_titles_of(layers, life, name, gap) for name, gap, _ in pairs],
        stage_hangs_zh=[_titles_of(layers, life, name, hangs) for name, _, hangs in pairs],
    )


def deadline_table(book: PlotBook, layers: Mapping[str, UsableLayer], life: PlotLife, today: dt.date) -> pd.DataFrame:
    """Return the deadlines in the order to act in: the longest overdue first, then by day; with basis as of `today`."""
    names = {(r.list, r.plot_code): r.plot_name for r in book.rows.itertuples()}
    by_id = {deadline.id: deadline for deadline in life.deadlines}
    basis = {name: cite(deadline.basis, life.basis, today) for name, deadline in by_id.items()}
    order = list(STATES)
    rows: list[dict[str, Any]] = []
    for r in book.deadlines.to_dict("records"):
        deadline, state = by_id[r["deadline"]], STATES[r["state"]]
        fields = dict.fromkeys([*r["missing"], *r["contradicts"]])
        rows.append({
            **r, "state_zh": state.zh, "state_en": state.en, "deadline_zh": deadline.title.zh, "deadline_en": deadline.title.en,
            "plot_name": names.get((r["list"], r["plot_code"])), "actor_zh": deadline.actor.zh, "actor_en": deadline.actor.en,
            "missing_zh": ("矛盾：" if r["contradicts"] else "") + _titles_of(layers, life, r["list"], fields),
            "basis_zh": basis[deadline.id].zh, "basis_en": basis[deadline.id].en, "certainty": deadline.certainty, "source": deadline.source,
        })  # fmt: skip
    rows.sort(key=lambda r: (order.index(r["state"]), -r["overdue_days"], str(r["due_on"]), r["plot_code"]))
    return pd.DataFrame(rows, columns=None if rows else DEADLINE_COLUMNS)


DEADLINE_COLUMNS = [
    "row", "deadline", "state", "due_on", "done_on", "overdue_days", "missing", "contradicts", "list", "plot_code", "state_zh", "state_en",
    "deadline_zh", "deadline_en", "plot_name", "actor_zh", "actor_en", "missing_zh", "basis_zh", "basis_en", "certainty", "source",
]  # fmt: skip


def count_table(book: PlotBook, layers: Mapping[str, UsableLayer], life: PlotLife) -> pd.DataFrame:
    """Return how complete each list is; an absent one says so and has no numbers."""
    rows = []
    for count in book.counts:
        gaps = "、".join(f"{_titles_of(layers, life, count.list, [f])} {n}" for f, n in count.gaps.items())
        rows.append({
            "list": count.list, "list_zh": life.lists[count.list].title.zh, "level": life.lists[count.list].level,
            "rows": None if count.is_absent else count.rows, "withheld": None if count.is_absent else count.withheld,
            "complete_rows": None if count.is_absent else count.complete_rows,
            "mean": "" if count.mean_share is None else f"{count.mean_share:.0%}",
            "gaps_zh": "图层不在，未评估 layer absent, not assessed" if count.is_absent else gaps,
        })  # fmt: skip
    return pd.DataFrame(rows)

"""The risk of every listed plot: facts from its surroundings and pollutants, decided by the content's table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.cases.plot_risk import MOBILE, VOLATILE, decide, either, with_stated
from geosys.cases.plot_stages import is_missing
from geosys.cases.pollutants import NO, UNKNOWN, judge_pollutants
from geosys.plots.receptors import ACCURACY, FLOW, KIND, LAYER_ABSENT, WITHHELD, Around, around, flow_of, reach_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._schema import UsableLayer
    from geosys.cases.plot_life import PlotLife
    from geosys.cases.plot_risk import PlotRisk
    from geosys.cases.pollutants import Exceeding

COLUMNS = (
    "list", "plot_code", "plot_name", "risk", "at_least", "at_most", "why_zh", "why_en", "water", "people", "mobile", "volatile",
    "missing", "missing_zh", "receptors", "pollutants", "unknown_pollutants", "stated_contradicts",
)  # fmt: skip
NO_ITEMS, UNKNOWN_ITEM, FORM = "no_items", "unknown_item", "form_unknown"
CAUSES = {
    LAYER_ABSENT: "图层不在", WITHHELD: "有被扣留的记录", ACCURACY: "在位置精度以内", KIND: "受体类型未填", FLOW: "地下水流向不明",
    NO_ITEMS: "未填超标污染物", UNKNOWN_ITEM: "污染物表中没有", FORM: "形态或组成不明",
}  # fmt: skip


def plot_risks(
    layers: Mapping[str, UsableLayer],
    content: PlotRisk,
    life: PlotLife,
    rows: pd.DataFrame,
    flow_deg: float | None = None,
) -> pd.DataFrame:
    """Return the risk of every plot of the lists that content names, but for stages outside.

    Parameters
    ----------
    layers
        By id, the receptors' layers among them where they are there.
    rows
        The rows of the lists, as `geosys.plots.lists.rows_of` gives them.
    flow_deg
        Towards which the groundwater flows where a plot does not say so itself, degrees clockwise from north.

    Returns
    -------
    `list`, `plot_code`, `plot_name`, `risk` with `at_least` and `at_most`, the reason, one column for each fact,
    `missing` (facts that decide, each as ``fact: cause``), receptors around with their distance, pollutants that count.
    """
    tables = []
    for name in content.lists:
        layer = layers.get(life.lists[name].layer)
        mine = rows[(rows["list"] == name) & ~rows["stage"].isin(content.outside)]
        if layer is not None and len(mine):
            tables.append(_risks_of(name, layer, mine, layers, content, flow_deg))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def _risks_of(
    name: str, layer: UsableLayer, mine: pd.DataFrame, layers: Mapping[str, UsableLayer], content: PlotRisk, flow_deg: float | None
) -> pd.DataFrame:  # fmt: skip
    plots = layer.frame.loc[mine["position"]].reset_index(drop=True)
    flow = flow_of(plots, content.flow_field, flow_deg)
    found = [
        (kind, around(plots, flow, kind, layers.get(kind.layer), near_m=reach_of(layers, layer, kind), half_angle_deg=content.half_angle_deg))
        for kind in content.receptors
    ]  # fmt: skip
    answers = [(kind.fact, a.answers(len(plots))) for kind, a in found]
    near = _texts([a for _, a in found], len(plots))
    told = []
    for at, row in enumerate(plots.to_dict("records")):
        facts = dict.fromkeys(content.facts, NO)
        causes: dict[str, list[str]] = {fact: [] for fact in content.facts}
        for fact, given in answers:
            facts[fact] = either(facts[fact], given[at][0])
            causes[fact] += given[at][1]
        items = judge_pollutants(_text(row.get(content.pollutants_field)), content.pollutants, content.none_words)
        stated = row.get(content.stated_field)
        moving, contradicts = with_stated(
            {MOBILE: items.mobile, VOLATILE: items.volatile}, None if is_missing(stated) else bool(stated)
        )
        facts |= moving
        for fact in (MOBILE, VOLATILE):
            causes[fact] = _causes(items, fact)
        decision = decide(content, facts)
        missing = tuple(f"{fact}: {', '.join(dict.fromkeys(causes[fact]))}" for fact in decision.missing)
        words = tuple(f"{content.facts[f].zh}：{'、'.join(_in_words(c) for c in dict.fromkeys(causes[f]))}" for f in decision.missing)  # fmt: skip
        told.append({
            "list": name, "plot_code": mine["plot_code"].iloc[at], "plot_name": mine["plot_name"].iloc[at], "risk": decision.risk,
            "at_least": decision.at_least, "at_most": decision.at_most, "why_zh": decision.why.zh, "why_en": decision.why.en, **facts,
            "missing": missing, "missing_zh": words, "receptors": near[at], "pollutants": tuple(p.name for p in items.causes),
            "unknown_pollutants": items.unknown_names, "stated_contradicts": contradicts,
        })  # fmt: skip
    return pd.DataFrame(told)


def _in_words(cause: str) -> str:
    """Return a cause as people read it; a name behind its kind stays."""
    kind, _, name = cause.partition(" ")
    return f"{CAUSES[kind]} {name}".rstrip()


def _causes(items: Exceeding, fact: str) -> list[str]:
    """Return what leaves a fact about pollutants unknown: none stated, names not in the table, forms not told."""
    if items.is_empty:
        return [NO_ITEMS]
    forms = [f"{FORM} {p.name}" for p in items.undecided if getattr(p, fact) == UNKNOWN]
    return [*(f"{UNKNOWN_ITEM} {name}" for name in items.unknown_names), *forms]


def _texts(found: list[Around], count: int) -> list[tuple[str, ...]]:
    """Return for each plot the receptors around it, the nearest first, with kind, name and metres."""
    tables = [a.pairs[a.pairs["answer"] != NO] for a in found]
    filled = [table for table in tables if len(table)]
    if not filled:
        return [()] * count
    table = pd.concat(filled, ignore_index=True).sort_values(["row", "distance_m", "name"], kind="stable")
    texts: list[list[str]] = [[] for _ in range(count)]
    for pair in table.itertuples():
        mark = "" if not pair.why else f"（{_in_words(pair.why)}）"
        texts[pair.row].append(f"{pair.receptor} {pair.name} {np.round(pair.distance_m, 1)} m{mark}")
    return [tuple(part) for part in texts]


def _text(value: Any) -> str | None:
    return None if is_missing(value) else str(value)

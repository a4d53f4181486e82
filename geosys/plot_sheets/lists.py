"""The lists a plot stands on, whether they agree, and its risk in the plan's own words with the facts that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.cases.plot_risk import CANNOT_JUDGE, PlotRisk, read_plot_risk
from geosys.cases.pollutants import NO, UNKNOWN, YES
from geosys.plot_sheets.parts import Part
from geosys.plots.lists import PlotBook, read_book
from geosys.plots.matches import CODE_ONLY, PARTLY, PLACE_ONLY, SAME
from geosys.plots.receptors import ACCURACY, FLOW, KIND, LAYER_ABSENT, WITHHELD
from geosys.plots.risks import FORM, NO_ITEMS, UNKNOWN_ITEM, plot_risks
from geosys.views import schemas_of, view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from geosys.cases.plot_life import PlotLife
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot, Words

_LISTS_TITLE = Text("名录与相符", "Lists, and whether they agree")
_RISK_TITLE = Text("风险分级（净土方案的表述）", "Risk in the plan's own words")
_ANSWERS = {YES: Text("有", "yes"), NO: Text("无", "no"), UNKNOWN: Text("不明", "unknown")}
_KINDS = {
    SAME: Text("同一地块", "the same plot"), CODE_ONLY: Text("编码相同，位置不同", "same code, another place"),
    PLACE_ONLY: Text("位置相同，编码不同", "same place, another code"), PARTLY: Text("部分重叠，待核对", "overlaps in part: check"),
}  # fmt: skip
_CAUSES = {
    LAYER_ABSENT: Text("图层未交付", "layer not delivered"), WITHHELD: Text("有记录因数据问题未采用", "records withheld"),
    ACCURACY: Text("在精度范围内，不能断定", "within the accuracy"), KIND: Text("目标类型未填", "kind not filled in"),
    FLOW: Text("地下水流向不明", "groundwater flow unknown"), NO_ITEMS: Text("超标污染物未填", "no pollutant stated"),
    UNKNOWN_ITEM: Text("表中没有的污染物", "pollutant not in the table"), FORM: Text("形态不明", "form unknown"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lists:
    """Hold what the lists say together and the risk of every listed plot, computed once for all sheets."""

    book: PlotBook
    risk: PlotRisk
    risks: pd.DataFrame


def read_lists(archive: Archive, life: PlotLife) -> Lists:
    """Return what the lists of a workspace say together on the sheet's day, and the risk of each plot.

    Raises
    ------
    SpecError
        With every fault of `cases/plot_risk.toml` and `cases/pollutants.csv`.
    """
    catalogue = archive.content.catalogue
    risk = read_plot_risk(catalogue.root, schemas_of(catalogue), life.lists)
    views = {name: view_of(layer, catalogue) for name, layer in archive.layers.items()}
    book = read_book(views, life, archive.today)
    return Lists(book, risk, plot_risks(views, risk, life, book.rows))


def lists_part(plot: Plot, life: PlotLife, lists: Lists) -> Part:
    """Return the lists a plot stands on with how complete its row is, the same plot elsewhere, and contradictions."""
    head = (Text("名录、图层", "List, layer"), Text("编码", "Code"), Text("情况", "State"))
    titles = plot.spec.titles
    rows: list[list[Words]] = []
    for row in _mine(lists.book.rows, plot, life).itertuples():
        share = f"{row.complete_share * 100:.0f}%"
        gaps = [titles[name] for name in row.missing_fields if name in titles]
        zh = f"完整率 {share}" + (f"，缺{'、'.join(g.zh for g in gaps)}" if gaps else "")
        en = f"{share} complete" + (f", lacks {', '.join(g.en for g in gaps)}" if gaps else "")
        rows.append([life.lists[row.list].title, row.plot_code, Text(zh, en)])
    layers = {kept.layer: kept.title for kept in reversed(list(life.lists.values()))}
    for match in lists.book.matches.itertuples():
        ends = [(match.first_layer, match.first_code), (match.second_layer, match.second_code)]
        if (plot.key.layer, plot.key.code) in ends:
            layer, code = next(end for end in ends if end != (plot.key.layer, plot.key.code))
            kind = _KINDS.get(match.kind, Text(match.kind, match.kind))
            share = f"{float(match.share) * 100:.1f}%"
            rows.append(
                [layers.get(layer, layer), code, Text(f"{kind.zh}（共有 {share}）", f"{kind.en} ({share} in common)")]
            )
    for clash in lists.book.contradictions.itertuples():
        ends = [(clash.first_list, clash.first_code), (clash.second_list, clash.second_code)]
        if any(
            code == plot.key.code and name in life.lists and life.lists[name].layer == plot.key.layer
            for name, code in ends
        ):
            other = next(((n, c) for n, c in ends if c and c != plot.key.code), ends[0])
            title = life.lists[other[0]].title if other[0] in life.lists else ""
            rows.append([title, other[1], Text(f"矛盾：{clash.title_zh}", f"contradiction: {clash.title_en}")])
    lacking = (
        None
        if rows
        else Text("本地块不在任何地块名录内，或其行未被采用。", "The plot is on no list, or its row is withheld.")
    )
    return Part("lists", _LISTS_TITLE, head, rows, lacking, widths=(26, 18, 58))


def _mine(table: pd.DataFrame, plot: Plot, life: PlotLife) -> pd.DataFrame:
    """Return the rows of a table by list and code that are of a plot."""
    if not len(table):
        return table
    names = [name for name, kept in life.lists.items() if kept.layer == plot.key.layer]
    return table[table["list"].isin(names) & (table["plot_code"].astype(str) == plot.key.code)]


def risk_part(plot: Plot, life: PlotLife, lists: Lists) -> Part:
    """Return the level of a plot's risk, each fact it rests on, and what is missing to judge."""
    mine = _mine(lists.risks, plot, life)
    if plot.key.is_withheld or not len(mine):
        why = Text(
            "未分级：本地块不在所判定的名录和阶段内，或其行未被采用。",
            "Not judged: the plot is not on a list or in a stage that is, or its row is withheld.",
        )
        return Part("risk", _RISK_TITLE, lacking=why)
    row = mine.iloc[0]
    content = lists.risk
    level, why = content.risks[row["risk"]], Text(row["why_zh"], row["why_en"])
    if row["risk"] == CANNOT_JUDGE:
        low, high = content.risks[row["at_least"]], content.risks[row["at_most"]]
        why = Text(f"{why.zh}；介于{low.zh}与{high.zh}之间", f"{why.en}; between {low.en} and {high.en}")
    rows: list[tuple[Words, Words]] = [
        (Text("等级", "Level"), Text(f"{level.zh}（{why.zh}）", f"{level.en} ({why.en})"))
    ]
    rows += [(title, _ANSWERS[row[fact]]) for fact, title in content.facts.items()]
    rows.append((Text("周边目标", "Around"), _around(row["receptors"])))
    rows.append((Text("计入的污染物", "Pollutants that count"), "、".join(row["pollutants"]) or _ANSWERS[NO]))
    notes = [_missing(row["missing"], content)] if row["missing"] else []
    if row["stated_contradicts"]:
        notes.append(
            Text(
                "台账自述与污染物表不一致，须核对。",
                "What the ledger states and the table of pollutants contradict: check.",
            )
        )
    notes.append(Text(
        "距离和污染物归类是本系统的理解，不是方案原文。", "Distances and classes of pollutants are our reading, not the plan's words.",
    ))  # fmt: skip
    return Part("risk", _RISK_TITLE, ("", ""), rows, notes=notes, is_facts=True)


def _around(receptors: Sequence[str]) -> Words:
    """Return the receptors around a plot, what makes one unknown in words."""
    if not receptors:
        return _ANSWERS[NO]
    zh, en = "；".join(receptors), "; ".join(receptors)
    for word, cause in _CAUSES.items():
        zh, en = zh.replace(f"（{word}）", f"（{cause.zh}）"), en.replace(f"（{word}）", f" ({cause.en})")
    return Text(zh, en)


def _missing(missing: Sequence[str], content: PlotRisk) -> Text:
    """Return which facts are missing, and why."""
    zh, en = [], []
    for told in missing:
        fact, _, causes = told.partition(": ")
        said = [_cause(cause) for cause in causes.split(", ") if cause]
        title = content.facts.get(fact, Text(fact, fact))
        zh.append(f"{title.zh}（{'；'.join(c.zh for c in said) or '无数据'}）")
        en.append(f"{title.en} ({'; '.join(c.en for c in said) or 'no data'})")
    return Text(f"判定所缺：{'，'.join(zh)}。", f"Missing: {', '.join(en)}.")


def _cause(cause: Any) -> Text:
    word, _, rest = str(cause).partition(" ")
    known = _CAUSES.get(word)
    if known is None:
        return Text(str(cause), str(cause))
    return Text(f"{known.zh} {rest}".strip(), f"{known.en} {rest}".strip())

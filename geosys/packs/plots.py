"""The cards of plots: what a layer says of one, its findings and cases, and a map picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.workflow import all_states
from geosys.maps.frames import SEVERITIES
from geosys.maps.meeting.content import Issue
from geosys.maps.sheet_parts import SheetSpec
from geosys.packs.issues import due_told
from geosys.packs.pictures import place_of
from geosys.sheets.desk import HIT, KEY, worst_of
from geosys.sheets.tables import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.meeting.spec import PlotChoice
    from geosys.packs.issues import Drawn
    from geosys.packs.material import Material
    from geosys.packs.pictures import Painter
    from geosys.sheets.desk import Desk

_MOST_SENTENCES = 5
_LAYER, _CASES = Text("图层", "Layer"), Text("事项", "Cases")
_WORDS = {  # what `worst_of` says where there is no hit
    "needs_review": Text("有线索需核查", "some finding needs review"), "partly": Text("未命中，但有规则未评估", "no hit, but rules not assessed"),
    "none": Text("各规则均未命中", "no rule hits"), "not_assessed": Text("未评估，不等于没有风险", "not assessed, which is not safe"),
}  # fmt: skip


def plot_cards(material: Material, choice: PlotChoice, painter: Painter, drawn: Drawn) -> list[Issue]:
    """Return the cards of the plots with the gravest findings, by severity, number of hits and code."""
    desk = material.desk
    wanted = [row for layer in choice.layers if layer in desk.layers for row in _ranked(desk, layer)]
    for layer in choice.layers:
        if layer not in desk.layers:
            title = desk.title(layer)
            material.lack(
                f"没有图层“{title.zh}”，其地块卡片未出。", f"There is no layer '{title.en}': no cards of its plots."
            )
    wanted.sort(key=lambda row: row[:3])
    shown = wanted[: choice.most]
    codes = [code for _, _, code, *_ in shown]
    cards = []
    for _, _, code, layer, at, word in shown:
        name = code if codes.count(code) == 1 else f"{desk.title(layer).zh} {code}"  # two lists may use one code
        cards.append(_card(material, name, layer, at, word, choice, painter, drawn))
    return cards


def _ranked(desk: Desk, layer: str) -> list[tuple[int, int, str, str, int, str]]:
    """Return for each plot with a finding its rank, the number of its hits, its code, and where its row is."""
    found = (
        desk.results.findings
        if desk.results is not None
        else pd.DataFrame({"subject_layer": [], "subject_id": [], "outcome": []})
    )
    hits = found[(found["subject_layer"] == layer) & (found["outcome"] == HIT)]["subject_id"].astype(str).value_counts()
    ids = desk.frame(layer)[KEY].astype(str).tolist()
    words = worst_of(desk, layer, SheetSpec("", Text("", "")))  # of all rules
    ranks = {word: place for place, word in enumerate((*SEVERITIES, "needs_review"))}
    return [
        (ranks[word], -int(hits.get(name, 0)), name, layer, at, word)
        for at, (name, word) in enumerate(zip(ids, words, strict=True))
        if word in ranks
    ]


def _card(
    material: Material, card_id: str, layer: str, at: int, word: str, choice: PlotChoice, painter: Painter, drawn: Drawn
) -> Issue:
    desk = material.desk
    row = desk.frame(layer).iloc[[at]].reset_index(drop=True)
    code = str(row[KEY].iloc[0])
    name_field = desk.schemas[layer].name_field
    name = str(row[name_field].iloc[0]) if name_field and not pd.isna(row[name_field].iloc[0]) else code
    columns = choice.columns.get(layer) or tuple(desk.catalogue.layers[layer].fields)
    facts = [(_text(a), _plain(b)) for a, b in facts_of(desk, layer, columns, row).rows]
    mine = _findings_of(material, layer, code)
    shape = row.geometry.iloc[0]
    is_there = shape is not None and not shape.is_empty
    picture = b""
    if is_there and drawn.pictures < material.spec.most_pictures:
        drawn.pictures += 1
        picture = painter.picture(shape, [layer, *dict.fromkeys(mine["object_layer"])])
    cases = material.found.now[material.found.now.index.isin(mine["case_id"])]
    states = all_states(material.terms.workflow)
    status = cases["status"].iloc[0] if len(cases) else ""
    return Issue(
        card_id, Text(name, name), word if word in SEVERITIES else SEVERITIES[-1],
        states[status].shown_as if status in states else "", [(_LAYER, desk.title(layer)), *facts, *_cases_told(material, cases)],
        _sentences(mine, word), _clauses(mine), (), _next(material, cases), picture, (),
        place_of(shape if is_there else None, desk.crs, f"{layer}/{code}"),
    )  # fmt: skip


def _findings_of(material: Material, layer: str, code: str) -> pd.DataFrame:
    found = pd.DataFrame(material.findings)
    mine = found[(found["subject_layer"] == layer) & (found["subject_id"].astype(str) == code)]
    rank = mine["severity"].map({word: place for place, word in enumerate(SEVERITIES)})
    return mine.assign(_rank=rank).sort_values(["_rank", "rule", "finding_id"], kind="stable")


def _sentences(mine: pd.DataFrame, word: str) -> Text:
    """Return what is wrong with a plot, the gravest first; how many more there are."""
    if not len(mine):
        return _WORDS.get(word, Text("", ""))
    rest = len(mine) - _MOST_SENTENCES
    zh, en = list(mine["sentence_zh"].head(_MOST_SENTENCES)), list(mine["sentence_en"].head(_MOST_SENTENCES))
    return Text(
        "；".join(zh) + (f"；另有 {rest} 条" if rest > 0 else ""),
        "; ".join(en) + (f"; {rest} more" if rest > 0 else ""),
    )


def _clauses(mine: pd.DataFrame) -> Text:
    texts = (
        mine[["basis_zh", "basis_en"]].drop_duplicates()
        if len(mine)
        else pd.DataFrame({"basis_zh": [], "basis_en": []})
    )
    told = [(str(a), str(b)) for a, b in texts.itertuples(index=False) if isinstance(a, str) and a][:_MOST_SENTENCES]
    return Text("；".join(a for a, _ in told), "; ".join(b for _, b in told))


def _cases_told(material: Material, cases: pd.DataFrame) -> Sequence[tuple[Text, Text]]:
    """Return the cases of a plot with state and due date, in one line."""
    states = all_states(material.terms.workflow)
    rows = cases.to_dict("records")
    told = [
        (
            row["case_id"],
            states[row["status"]].title if row["status"] in states else Text(row["status"], row["status"]),
            due_told(row),
        )
        for row in rows
    ]
    if not told:
        return ()
    return (
        (
            _CASES,
            Text(
                "；".join(f"{c} {s.zh} {d.zh}" for c, s, d in told), "; ".join(f"{c} {s.en} {d.en}" for c, s, d in told)
            ),
        ),
    )


def _next(material: Material, cases: pd.DataFrame) -> Text:
    """Return for whom the cases of a plot wait."""
    waiting = cases[cases["waits_for"] != ""]["waits_for"].value_counts(sort=False)
    offices = [
        (material.names.offices.get(str(name), Text(str(name), str(name))), int(n)) for name, n in waiting.items()
    ]
    return Text(
        "；".join(f"{o.zh}待办 {n} 项" for o, n in offices), "; ".join(f"{o.en}: {n} to act on" for o, n in offices)
    )


def _text(words: Any) -> Text:
    return words if isinstance(words, Text) else Text(str(words), str(words))


def _plain(words: Any) -> Text | str:
    return words if isinstance(words, Text) else str(words)

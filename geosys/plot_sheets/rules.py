"""The rules about a plot: concerned, not concerned, not assessed, each with clause and margin; its cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.cases.basis import cite
from geosys.cases.conditions import FALSE, evaluate
from geosys.plot_sheets.parts import DASH, Part, is_missing, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.cases.rules import Rule
    from geosys.maps.palettes import Palettes
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.margins import Margins
    from geosys.plot_sheets.parts import Plot, Words

HIT, NEEDS_REVIEW, NEAR, NOT_ASSESSED, CLEAR, NOT_ASKED = (
    "hit", "needs_review", "near", "not_assessed", "clear", "not_asked",
)  # fmt: skip
CONCERNED = (HIT, NEEDS_REVIEW, NEAR)
_ORDER = (HIT, NEEDS_REVIEW, NEAR, NOT_ASSESSED, CLEAR, NOT_ASKED)
_NOT_ASKED = Text("不适用", "Not applicable")
_CLOSED = ("closed", "dismissed")
_SAME = Text("同上", "as above")
MOST_OF_A_RULE = 3
_UNITS = {"m2": "m²", "m": "m", "d": "d"}
_CONCERNED_TITLE = Text("涉及的规则", "Rules that concern the plot")
_OTHER_TITLE = Text("不涉及与未评估的规则", "Rules that do not concern it, or were not assessed")
_NO_RUN = Text(
    "没有运行结果（尚未运行，或因致命问题停止）：规则均未评估。",
    "No results of a run (none yet, or stopped by a critical issue): no rule is assessed.",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold the outcome of one rule for one plot, and why it is so."""

    rule: Rule
    outcome: str
    why: Text


def judged(archive: Archive, plot: Plot, margins: Margins) -> list[Judged]:
    """Return what the last run says of a plot under every rule about its layer, the gravest first."""
    run = archive.run
    rules = [rule for rule in archive.content.book.rules.values() if rule.subject == plot.key.layer]
    if run is None:
        return [Judged(rule, NOT_ASSESSED, Text("未运行", "not run")) for rule in rules]
    mine = run.outcomes[run.outcomes["subject_id"] == plot.key.code]
    said = dict(zip(mine["rule"], mine["outcome"], strict=True))
    found = [_judged(archive, plot, rule, said.get(rule.id), margins) for rule in rules]
    return sorted(found, key=lambda one: (_ORDER.index(one.outcome), one.rule.id))


def _judged(archive: Archive, plot: Plot, rule: Rule, outcome: str | None, margins: Margins) -> Judged:
    assert archive.run is not None  # noqa: S101  asked before
    if not rule.in_force(archive.today):
        first, last = rule.valid_from, rule.valid_to
        day = f"{first or ''}–{last or ''}"
        return Judged(rule, NOT_ASKED, Text(f"该日不在规则有效期内（{day}）", f"not in force on that day ({day})"))
    if outcome == NOT_ASSESSED:
        lost = Text("本地块或所需图层的数据未被采用", "the plot's row or a layer it needs was withheld")
        return Judged(rule, outcome, archive.run.why_not.get(rule.id, lost))
    if outcome == CLEAR:
        return Judged(rule, outcome, margins.of(rule, plot))
    if outcome is not None:
        return Judged(rule, outcome, Text("", ""))
    answer = evaluate(rule.where, pd.DataFrame([plot.row]), "subject", archive.today)[0]
    if answer == FALSE:
        names = [plot.spec.titles[c.column] for c in rule.where if c.side == "subject"]
        zh, en = "、".join(n.zh for n in names), ", ".join(n.en for n in names)
        return Judged(rule, NOT_ASKED, Text(f"{zh}不符合规则所问的情形", f"{en}: not what the rule asks about"))
    return Judged(rule, NOT_ASSESSED, Text("上次运行没有判定，请重新运行", "not judged by the last run: run again"))


def rule_parts(archive: Archive, plot: Plot, margins: Margins, palettes: Palettes) -> tuple[Part, Part]:
    """Return the rules that concern a plot, as subject or as object, and those that do not or were not assessed."""
    if archive.run is None:
        return (
            Part("concerned", _CONCERNED_TITLE, lacking=_NO_RUN),
            _others(archive, judged(archive, plot, margins), palettes),
        )
    rows = judged(archive, plot, margins)
    findings = findings_about(archive, plot)
    notes = stale(archive, plot)
    head = (
        Text("结论", "Outcome"), Text("规则与事实", "Rule and facts"), Text("实测 / 界限 / 余量", "Measure / limit / margin"),
        Text("依据", "Basis"), Text("牵头、时限", "Lead, due"),
    )  # fmt: skip
    told = _told(findings, palettes)
    lacking = None if told else _nothing_found(rows)
    concerned = Part("concerned", _CONCERNED_TITLE, head, told, lacking, notes, widths=(9, 34, 15, 34, 13))
    return concerned, _others(archive, rows, palettes)


def _nothing_found(rows: Sequence[Judged]) -> Text:
    """Return what is said where no finding is about a plot: never that all is well where something was not assessed."""
    outcomes = {one.outcome for one in rows}
    if NOT_ASSESSED not in outcomes:
        return Text("上次运行没有发现涉及本地块的问题。", "The last run found nothing about this plot.")
    if CLEAR not in outcomes:
        return Text("有关本地块的规则均未评估，原因见下表。", "No rule about this plot was assessed; see below why.")
    return Text(
        "已评估的规则中没有涉及本地块的；另有规则未评估，见下表。",
        "None of the rules assessed concerns it; others were not assessed, see below.",
    )


def _told(findings: Sequence[Mapping[str, Any]], palettes: Palettes) -> list[list[Words]]:
    """Return the findings as rows; of one rule and outcome those with the widest margins, and how many more there are."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in findings:
        groups.setdefault((row["outcome"], row["rule"]), []).append(row)
    cells = []
    for rows in groups.values():
        first = sorted(rows, key=lambda row: -abs(float(row["margin"])) if not is_missing(row["margin"]) else 0.0)
        told = [_finding(row, palettes) for row in first[:MOST_OF_A_RULE]]
        cells += [told[0], *([*row[:3], _SAME, row[4]] for row in told[1:])]
        rest = len(rows) - MOST_OF_A_RULE
        if rest > 0:
            more = Text(
                f"同一规则另有 {rest} 处，见成果表 findings.xlsx。", f"{rest} more of this rule, see findings.xlsx."
            )
            cells.append([cells[-1][0], more, DASH, DASH, DASH])
    return cells


def findings_about(archive: Archive, plot: Plot) -> list[Mapping[str, Any]]:
    """Return the findings in which a plot is the subject or the object, the gravest first."""
    if archive.run is None:
        return []
    f = archive.run.findings
    mine = (f["subject_layer"] == plot.key.layer) & (f["subject_id"] == plot.key.code)
    mine |= (f["object_layer"] == plot.key.layer) & (f["object_id"] == plot.key.code)
    rows = [{str(k): v for k, v in row.items()} for row in f[mine].to_dict("records")]
    return sorted(
        rows, key=lambda row: (_ORDER.index(row["outcome"]), row["rule"], row["subject_id"], row["object_id"])
    )


def _finding(row: Mapping[str, Any], palettes: Palettes) -> list[Words]:
    unit = _UNITS.get(str(row["unit"]), str(row["unit"]))
    figures = [number(float(row[c])) if not is_missing(row[c]) else DASH for c in ("measure", "threshold", "margin")]
    due = DASH if is_missing(row["due_on"]) else str(row["due_on"])[:10]
    mark = palettes.certainties[str(row["certainty"])].title
    zh = f"{row['rule_title_zh']}：{row['sentence_zh']}。{row['action_zh']}。"
    en = f"{row['rule_title_en']}: {row['sentence_en']}. {row['action_en']}."
    return [
        palettes.outcomes[str(row["outcome"])].title, Text(zh, en), f"{' / '.join(figures)} {unit}",
        Text(f"{row['basis_zh']}（{mark.zh}）", f"{row['basis_en']} ({mark.en})"), Text(f"{row['lead_zh']} {due}", f"{row['lead_en']} {due}"),
    ]  # fmt: skip


def _others(archive: Archive, rows: Sequence[Judged], palettes: Palettes) -> Part:
    """Return the rules without a finding: why not assessed, or how far from flipping."""
    head = (
        Text("结论", "Outcome"), Text("规则", "Rule"), Text("原因或余量", "Why, or the margin"), Text("依据", "Basis"),
    )  # fmt: skip
    rest = [one for one in rows if one.outcome not in CONCERNED]
    book = archive.content.book
    cells = [
        (
            _NOT_ASKED if one.outcome == NOT_ASKED else palettes.outcomes[one.outcome].title, one.rule.title, one.why,
            cite(one.rule.basis, book.basis, archive.today),
        )
        for one in rest
    ]  # fmt: skip
    lacking = None if cells else Text("没有其他规则。", "There are no other rules.")
    tints = {i: "#E9ECEF" for i, one in enumerate(rest) if one.outcome == NOT_ASSESSED}
    return Part("others", _OTHER_TITLE, head, cells, lacking, widths=(9, 22, 26, 46), tints=tints)


def stale(archive: Archive, plot: Plot) -> list[Text]:
    """Say where the results are of other data, rules or another day than the sheet."""
    run = archive.run
    if run is None:
        return []
    told = run.manifest
    notes = [Text(f"判定日：{told['as_of']}（上次运行）。", f"Judged as of {told['as_of']} (last run).")]
    changed = [
        archive.layer_spec(name).title
        for name, layer in archive.layers.items()
        if name in told["layers"] and told["layers"][name]["version"] != layer.version
    ]
    rules = archive.content.book.rules
    other = [r.title for r in rules.values() if r.subject == plot.key.layer and told["rules"].get(r.id) != r.version]
    for what, names in ((Text("图层", "layers"), changed), (Text("规则", "rules"), other)):
        if names:
            notes.append(Text(
                f"上次运行后{what.zh}已变，须重新运行：{'、'.join(n.zh for n in names)}。",
                f"Changed since the last run ({what.en}), run again: {', '.join(n.en for n in names)}.",
            ))  # fmt: skip
    return notes


def cases_part(archive: Archive, plot: Plot, palettes: Palettes) -> Part:
    """Return the cases of a plot with their state, office, due day and last step; open ones first."""
    title = Text("整改事项", "Cases")
    if archive.cases is None:
        return Part("cases", title, lacking=Text("没有整改台账：未交付。", "No case ledger: not delivered."))
    cases = archive.cases
    mine = cases[(cases["subject_layer"] == plot.key.layer) & (cases["subject_id"] == plot.key.code)]
    if mine.empty:
        return Part(
            "cases", title, lacking=Text("台账中没有本地块的整改事项。", "The ledger holds no case of this plot.")
        )
    rows = sorted(mine.to_dict("records"), key=lambda c: (c["status"] in _CLOSED, str(c["case_id"])))
    head = (
        Text("编号", "Case"), Text("事项", "What"), Text("状态", "Status"), Text("发现", "Found"), Text("牵头", "Lead"),
        Text("时限", "Due"), Text("最近一步", "Last step"),
    )  # fmt: skip
    cells = [_case(archive, row, palettes) for row in rows]
    return Part("cases", title, head, cells, widths=(16, 29, 19, 12, 17, 15, 18))


def _case(archive: Archive, row: Mapping[str, Any], palettes: Palettes) -> list[Words]:
    rule = archive.content.book.rules.get(row["rule"])
    offices = archive.content.book.offices
    office = offices.get(row["assigned_lead"] or row["lead"], Text(str(row["lead"]), str(row["lead"])))
    due = due_of(row)
    seen = palettes.seen[row["seen"]].title if row["seen"] in palettes.seen else Text("未评估", "not assessed")
    status = palettes.statuses[row["status"]].title
    events = archive.events[row["case_id"]]
    last = events.iloc[-1]
    return [
        str(row["case_id"]), rule.title if rule else str(row["rule"]), Text(f"{status.zh}（{seen.zh}）", f"{status.en} ({seen.en})"),
        str(row["found_on"])[:10], office, _overdue(due, row, archive), f"{str(last['happened_on'])[:10]} {last['actor']}",
    ]  # fmt: skip


def due_of(row: Mapping[str, Any]) -> Any:
    """Return the day a case is due: the one a person set, else the rule's; None without one."""
    days = [row["assigned_due_on"], row["due_on"]]
    return next((day for day in days if not is_missing(day)), None)


def is_open(row: Mapping[str, Any]) -> bool:
    """Say whether a case still waits for somebody."""
    return row["status"] not in _CLOSED


def _overdue(due: Any, row: Mapping[str, Any], archive: Archive) -> Words:
    if due is None:
        return DASH
    late = (archive.today - due).days
    if late > 0 and is_open(row):
        return Text(f"{due.isoformat()} 已逾期 {late} 天", f"{due.isoformat()}, {late} days overdue")
    return str(due.isoformat())

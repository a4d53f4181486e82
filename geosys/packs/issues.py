"""The issues of a meeting: cases with what the last run found, their history, photographs, next step and a map picture."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import GeoSysError
from geosys._text import Text
from geosys.cases.due_dates import SOURCES, TIMINGS
from geosys.cases.workflow import all_states, life_cycle
from geosys.maps.cells import UNITS
from geosys.maps.frames import SEVERITIES
from geosys.maps.meeting.content import Issue
from geosys.packs.case_record import cell_words, history_of, photos_of
from geosys.packs.pictures import place_of
from geosys.sheets.desk import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.maps.meeting.spec import Choice
    from geosys.packs.material import Material
    from geosys.packs.pictures import Painter

_MOST_M = 6_000.0  # a larger subject is shown where its finding is
_TOLD = {
    name: Text(zh, en)
    for name, zh, en in (
        ("rule", "规则", "Rule"), ("subject", "主体", "Subject"), ("object", "相关对象", "Related object"), ("measure", "实测", "Measured"),
        ("threshold", "阈值", "Threshold"), ("margin", "距翻转", "Margin to flip"), ("outcome", "结论", "Outcome"), ("status", "状态", "State"),
        ("lead", "牵头单位", "Lead"), ("support", "配合单位", "Support"), ("found_on", "发现日期", "Found on"), ("due", "时限", "Due"),
        ("action", "处置要求", "Action"), ("seen", "最近一次核查", "Last looked at"), ("case", "事项编号", "Case"),
    )
}  # fmt: skip


@dataclass(slots=True)
class Drawn:
    """Hold how many pictures have been drawn, and which issues are made already."""

    issues: dict[str, Issue] = field(default_factory=dict)
    pictures: int = 0


def rows_of(material: Material) -> pd.DataFrame:
    """Return every case of the meeting's evening joined with its finding of the last run, the gravest first.

    Columns of the agenda under their own names, those of the finding with ``f_`` before them (missing where the run no
    longer finds it), and `severity`, `is_new`.
    """
    found = material.found
    findings = pd.DataFrame(material.findings).drop_duplicates("case_id").set_index("case_id", drop=False)
    joined = found.now.join(findings.add_prefix("f_"), how="left")
    rules = material.terms.book.rules
    severity = [
        str(told) if isinstance(told, str) and told else rules[rule].severity if rule in rules else SEVERITIES[-1]
        for told, rule in zip(joined["f_severity"], joined["rule"], strict=True)
    ]
    changes = found.changes
    new = set(changes.loc[changes["kind"] == "new", "case_id"]) if material.since is not None else set()
    joined = joined.assign(severity=severity, is_new=joined.index.isin(new))
    keys = [
        _gravity(*row)
        for row in zip(*(joined[name].tolist() for name in ("severity", "timing", "due_on", "case_id")), strict=True)
    ]
    return joined.iloc[sorted(range(len(keys)), key=keys.__getitem__)]


def _gravity(severity: str, timing: str, due: Any, case: str) -> tuple[int, bool, dt.date, str]:
    """Return what decides which case stands first: severity, whether it is overdue, its due date, its id."""
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return rank, timing != "overdue", due if isinstance(due, dt.date) and not pd.isna(due) else dt.date.max, case


def chosen(rows: pd.DataFrame, choice: Choice) -> tuple[list[str], int]:
    """Return the cases that an item is about, at most as many as it asks for, and how many there are in all.

    Cases merged into another one, and those settled (nobody's turn and no date that runs), are asked for by state only.
    """
    keep = rows["merged_into"].isna()
    if not choice.status:
        keep &= (rows["waits_for"] != "") | (rows["timing"] != "stopped")
    columns = (
        ("rules", "rule"),
        ("layers", "subject_layer"),
        ("severity", "severity"),
        ("status", "status"),
        ("timing", "timing"),
        ("outcome", "f_outcome"),
    )
    for key, column in columns:
        words = getattr(choice, key)
        if words:
            keep &= rows[column].isin(words)
    if choice.is_new:
        keep &= rows["is_new"]
    ids = [str(case) for case in rows.index[keep]]
    return ids[: choice.most], len(ids)


def issue_of(material: Material, row: Mapping[str, Any], painter: Painter, drawn: Drawn) -> Issue:
    """Return one case as an issue, the same each time it is asked for."""
    case = str(row["case_id"])
    if case not in drawn.issues:
        drawn.issues[case] = _made(material, row, painter, drawn)
    return drawn.issues[case]


def _made(material: Material, row: Mapping[str, Any], painter: Painter, drawn: Drawn) -> Issue:
    case, shape = str(row["case_id"]), row.get("f_geometry")
    has_finding = isinstance(row.get("f_finding_id"), str)
    picture = b""
    if _is_shape(shape) and drawn.pictures < material.spec.most_pictures:
        drawn.pictures += 1
        around = _subject(material, row["subject_layer"], row["subject_id"]) or shape
        picture = _picture(material, case, around, (row["subject_layer"], row.get("f_object_layer") or ""), painter)
    rule = material.terms.book.rules.get(row["rule"])
    title = rule.title if rule else Text(str(row["rule"]), str(row["rule"]))
    subject = cell_words(row.get("subject_name")) or str(row["subject_id"])
    states = all_states(material.terms.workflow)
    if has_finding:
        sentence = Text(cell_words(row["f_sentence_zh"]), cell_words(row["f_sentence_en"]))
        clause: Text | str = _clause(material, row)
    else:
        told = material.events[(material.events["case_id"] == case) & (material.events["kind"] == "found")]
        reason = cell_words(told["reason"].iloc[0]) if len(told) else ""
        sentence = Text(f"{reason}（最近一次运行没有这条线索）", f"{reason} (the last run has no such finding)")
        clause = ""
    return Issue(
        case, Text(f"{title.zh}：{subject}", f"{title.en}: {subject}"), str(row["severity"]),
        states[row["status"]].shown_as if row["status"] in states else str(row["status"]), _facts(material, row, title, subject),
        sentence, clause, history_of(material, case), _next_step(material, row), picture, photos_of(material, case),
        place_of(shape, material.desk.crs, str(row["f_finding_id"])) if has_finding and _is_shape(shape) else "",
    )  # fmt: skip


def _is_shape(value: Any) -> bool:
    return value is not None and not isinstance(value, float) and not value.is_empty


def _subject(material: Material, layer: str, code: str) -> Any:
    """Return the subject's own shape, if it is stored and small enough for a picture; else None."""
    if layer not in material.desk.layers:
        return None
    frame = material.desk.frame(layer)
    shapes = frame.geometry[frame[KEY].astype(str) == str(code)]
    if len(shapes) != 1 or not _is_shape(shapes.iloc[0]):
        return None
    west, south, east, north = shapes.iloc[0].bounds
    return shapes.iloc[0] if max(east - west, north - south) <= _MOST_M else None


def _picture(material: Material, name: str, shape: Any, layers: Sequence[str], painter: Painter) -> bytes:
    try:
        return painter.picture(shape, [layer for layer in layers if layer])
    except GeoSysError as error:
        material.lack(f"{name} 没有地图：{error}", f"{name} has no map: {error}")
        return b""


def _facts(material: Material, row: Mapping[str, Any], title: Text, subject: str) -> list[tuple[Text, Text | str]]:
    names, states = material.names, all_states(material.terms.workflow)
    look = material.desk.screen.palettes
    state = states.get(row["status"])
    measured = [
        (name, _amount(row.get(f"f_{name}"), row.get("f_margin_unit" if name == "margin" else "f_unit")))
        for name in ("measure", "threshold", "margin")
    ]
    if not measured[0][1]:  # a rule that measures nothing has no threshold either, only a zero in its place
        measured = []
    outcome, seen = look.outcomes.get(cell_words(row.get("f_outcome"))), names.seen.get(str(row["seen"]))
    told: list[tuple[str, Text | str]] = [
        ("case", str(row["case_id"])), ("rule", title), ("subject", _named(subject, row["subject_id"])),
        ("object", _named(cell_words(row.get("f_object_name")), row.get("f_object_id"))), *measured, ("outcome", outcome.title if outcome else ""),
        ("status", state.title if state else str(row["status"])), ("lead", names.offices.get(row["office"], cell_words(row["office"]))),
        ("support", cell_words(row.get("f_support_zh"))), ("found_on", str(row["found_on"])), ("due", due_told(row)),
        ("seen", seen or str(row["seen"])), ("action", Text(cell_words(row.get("f_action_zh")), cell_words(row.get("f_action_en")))),
    ]  # fmt: skip
    return [(_TOLD[name], value) for name, value in told if (value.zh if isinstance(value, Text) else value)]


def _named(name: str, code: Any) -> str:
    code = cell_words(code)
    return name if not code or name == code else f"{name}（{code}）" if name else code


def _amount(value: Any, unit: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    told = cell_words(unit)
    return (
        f"{float(value):,.10g} {UNITS.get(told, told)}".strip()
        if float(value).is_integer()
        else f"{float(value):,.2f} {UNITS.get(told, told)}".strip()
    )


def due_told(row: Mapping[str, Any]) -> Text:
    """Return the due date of a case with how far off it is and where it comes from."""
    due = row["due_on"]
    if not isinstance(due, dt.date) or pd.isna(due):
        return Text("无时限", "no due date")
    timing, source = TIMINGS[row["timing"]], SOURCES[row["due_source"]]
    left = row["days_left"]
    if pd.isna(left):
        return Text(f"{due}（{timing.zh}）", f"{due} ({timing.en})")
    days = int(left)
    zh, en = (f"逾期 {-days} 天", f"{-days} days over") if days < 0 else (f"余 {days} 天", f"{days} days left")
    return Text(
        f"{due}（{zh}；{source.zh}）" if source.zh else f"{due}（{zh}）",
        f"{due} ({en}; {source.en})" if source.en else f"{due} ({en})",
    )


def _clause(material: Material, row: Mapping[str, Any]) -> Text:
    certainty = material.desk.screen.palettes.certainties.get(cell_words(row.get("f_certainty")))
    zh, en = cell_words(row.get("f_basis_zh")), cell_words(row.get("f_basis_en"))
    if certainty is None or not zh:
        return Text(zh, en)
    return Text(f"{zh}（{certainty.title.zh}）", f"{en} ({certainty.title.en})")


def _next_step(material: Material, row: Mapping[str, Any]) -> Text:
    """Return whose turn it is, what may be done, by when, and what the program proposes."""
    cycle = life_cycle(material.terms.workflow, row["rule"], row["subject_layer"])
    moves = [cycle.moves[name].title for name in str(row["next_moves"]).split(",") if name in cycle.moves]
    office = material.names.offices.get(row["waits_for"])
    parts: list[Text] = []
    if office is not None:
        parts.append(Text(f"待{office.zh}办理", f"{office.en} is to act"))
    if moves:
        parts.append(Text(f"可：{'、'.join(m.zh for m in moves)}", f"may: {', '.join(m.en for m in moves)}"))
    if row["waits_for"] or row["timing"] != "stopped":
        due = due_told(row)
        parts.append(Text(f"时限 {due.zh}", f"due {due.en}"))
    if row["proposed_move"] in cycle.moves:
        move = cycle.moves[row["proposed_move"]].title
        parts.append(Text(f"建议{move.zh}：{row['proposed_why_zh']}", f"proposed: {move.en}, {row['proposed_why_en']}"))
    return Text("；".join(p.zh for p in parts), "; ".join(p.en for p in parts))

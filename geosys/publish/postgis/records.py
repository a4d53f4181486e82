"""Findings and cases as tables: which columns they have for a platform, and what those are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np

from geosys._text import Text
from geosys.layers.store import content_hash
from geosys.publish.postgis.edition import KEY, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FINDINGS, CASES = "findings", "cases"
_COLUMNS = {  # id: kind, Chinese and English title, unit
    "finding_id": ("text", "线索编号", "Finding", ""),
    "case_id": ("text", "事项编号", "Case", ""),
    "rule": ("text", "规则", "Rule", ""),
    "rule_title_zh": ("text", "规则名称", "Rule in Chinese", ""),
    "rule_title_en": ("text", "规则名称（英文）", "Rule in English", ""),
    "outcome": ("text", "判定结果", "Outcome", ""),
    "severity": ("text", "严重程度", "Severity", ""),
    "subject_layer": ("text", "对象图层", "Layer of the subject", ""),
    "subject_id": ("text", "对象编号", "Subject", ""),
    "subject_name": ("text", "对象名称", "Name of the subject", ""),
    "object_layer": ("text", "相关图层", "Layer of the object", ""),
    "object_id": ("text", "相关对象编号", "Object", ""),
    "object_name": ("text", "相关对象名称", "Name of the object", ""),
    "measure": ("number", "量值", "Measure", ""),
    "unit": ("text", "量值单位", "Unit of the measure", ""),
    "threshold": ("number", "限值", "Threshold", ""),
    "margin": ("number", "距翻转的余量", "Margin to the other outcome", ""),
    "margin_unit": ("text", "余量单位", "Unit of the margin", ""),
    "area_m2": ("number", "面积", "Area", "m²"),
    "share": ("number", "占比（0–1）", "Share (0–1)", ""),
    "distance_m": ("number", "距离", "Distance", "m"),
    "length_m": ("number", "长度", "Length", "m"),
    "object_class": ("text", "相关对象类别", "Class of the object", ""),
    "is_near": ("truth", "是否在精度范围内", "Within the accuracy", ""),
    "sentence_zh": ("text", "线索描述", "Finding in Chinese", ""),
    "sentence_en": ("text", "线索描述（英文）", "Finding in English", ""),
    "why_zh": ("text", "需核查原因", "Why it needs review", ""),
    "why_en": ("text", "需核查原因（英文）", "Why it needs review, in English", ""),
    "action_zh": ("text", "处置要求", "Action", ""),
    "action_en": ("text", "处置要求（英文）", "Action in English", ""),
    "lead": ("text", "牵头单位代码", "Lead office, code", ""),
    "lead_zh": ("text", "牵头单位", "Lead office", ""),
    "lead_en": ("text", "牵头单位（英文）", "Lead office in English", ""),
    "support_zh": ("text", "配合单位", "Supporting offices", ""),
    "certainty": ("text", "依据确定性", "Certainty of the basis", ""),
    "note_zh": ("text", "说明", "Note", ""),
    "note_en": ("text", "说明（英文）", "Note in English", ""),
    "rule_version": ("text", "规则版本", "Version of the rule", ""),
    "subject_version": ("text", "对象图层版本", "Version of the subject's layer", ""),
    "object_version": ("text", "相关图层版本", "Version of the object's layer", ""),
    "due_field_on": ("date", "对象自带时限", "The subject's own date", ""),
    "found_on": ("date", "发现日期", "Found on", ""),
    "due_on": ("date", "办理时限", "Due on", ""),
    "status": ("text", "办理状态", "State", ""),
    "seen": ("text", "最近一次运行", "Seen in the last run", ""),
    "decided": ("text", "已作决定", "Decided", ""),
    "basis_zh": ("text", "依据", "Basis", ""),
    "basis_en": ("text", "依据（英文）", "Basis in English", ""),
    "version": ("integer", "事项版本", "Version of the case", ""),
    "assigned_lead": ("text", "交办单位代码", "Assigned lead, code", ""),
    "assigned_due_on": ("date", "交办时限", "Assigned due date", ""),
    "person": ("text", "经办人", "Person", ""),
    "handling": ("text", "处置方式", "Handling", ""),
    "measures": ("text", "整改措施", "Measures", ""),
    "progress": ("text", "整改进展", "Progress", ""),
    "done_on": ("date", "完成日期", "Done on", ""),
    "note": ("text", "备注", "Note", ""),
    "merged_into": ("text", "并入事项", "Merged into", ""),
    "machine_on": ("date", "机器更新日期", "Last run on it", ""),
    "human_on": ("date", "人工更新日期", "Last decision on it", ""),
    "due_source": ("text", "时限来源", "Source of the due date", ""),
    "due_clause_zh": ("text", "时限依据", "Clause of the due date", ""),
    "due_clause_en": ("text", "时限依据（英文）", "Clause of the due date, in English", ""),
    "first_due_on": ("date", "最初时限", "First due date", ""),
    "timing": ("text", "时限状况", "Timing", ""),
    "days_left": ("integer", "剩余天数", "Days left", "d"),
    "working_days_left": ("integer", "剩余工作日", "Working days left", "d"),
    "is_calendar_known": ("truth", "工作日历是否完整", "Calendar known", ""),
    "extended": ("integer", "延期次数", "Times extended", ""),
    "days_past_first": ("integer", "超最初时限天数", "Days past the first due date", "d"),
    "office": ("text", "责任单位代码", "Office, code", ""),
    "waits_for": ("text", "待办单位代码", "Waits for, code", ""),
    "next_moves": ("text", "可办操作", "Next moves", ""),
    "proposed_move": ("text", "建议操作", "Proposed move", ""),
    "proposed_why_zh": ("text", "建议理由", "Why it is proposed", ""),
    "proposed_why_en": ("text", "建议理由（英文）", "Why it is proposed, in English", ""),
}
_LOOKED_UP = ("case_id", "rule", "subject_id", "status")


def findings_table(findings: gpd.GeoDataFrame) -> Table:
    """Return the findings of a run as a table, each named by its id; points in the plan's CRS."""
    return _table(FINDINGS, Text("线索", "Findings"), "point", "finding_id", findings)


def cases_table(agenda: pd.DataFrame, crs: str) -> Table:
    """Return the cases of an agenda (`geosys.cases.todo.agenda`) as a table without places: their objects have those."""
    nowhere = np.full(len(agenda), None, dtype=object)
    frame = gpd.GeoDataFrame(agenda.reset_index(drop=True), geometry=nowhere, crs=crs)
    return _table(CASES, Text("整改事项", "Cases"), "none", "case_id", frame)


def _table(name: str, title: Text, geometry: str, key: str, frame: gpd.GeoDataFrame) -> Table:
    columns = _columns([c for c in frame.columns if c != frame.geometry.name])
    rows = frame.assign(**{KEY: _told_apart(frame[key].astype(str).tolist())})
    indexed = [[column.id] for column in columns if column.id in _LOOKED_UP]
    return Table(
        name, title, geometry, str(frame.crs), columns, content_hash(frame)[:12], len(frame), lambda: rows, indexed
    )


def _columns(names: Sequence[str]) -> list[Column]:
    """Return the known columns in the order of this module, whatever order a run wrote them in."""
    return [Column(name, kind, Text(zh, en), unit) for name, (kind, zh, en, unit) in _COLUMNS.items() if name in names]


def _told_apart(keys: Sequence[str]) -> list[str]:
    """Return keys of which each stands once: a finding that is found twice has a number behind it.

    Examples
    --------
    >>> _told_apart(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    seen: dict[str, int] = {}
    told = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        told.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return told

"""Which columns the workbooks have, in which order, under which Chinese and English headers, how wide, how high.

The first block of a sheet is what an office reads and prints; English and technical columns stand after it, grouped.
"""

from __future__ import annotations

from typing import NamedTuple

from geosys._text import Text

MOST_ROWS_MEASURED = 20_000  # above, every row is two lines high, for speed


class Column(NamedTuple):
    """Hold one column of a sheet: its name in the frame, headers, width, and what its numbers are measured in."""

    name: str
    zh: str
    en: str
    width: int  # in Latin letters; a Chinese one takes two
    unit: str = ""  # the frame's column that holds the unit of these numbers
    serial: bool = False  # numbers that name a place, not a quantity: no separators of thousands
    most_lines: int = 12  # a longer text is whole in its cell, but makes its row no higher


class Sheet(NamedTuple):
    """Hold the columns of a sheet: those read and printed, and the rest, on the screen only."""

    read: tuple[Column, ...]
    rest: tuple[Column, ...]


FINDING_SHEET = Sheet(
    read=(
        Column("outcome", "结论", "Outcome", 8),
        Column("severity", "严重程度", "Severity", 8),
        Column("rule_title_zh", "规则", "Rule", 20),
        Column("subject", "主体名称（编号）", "Subject (code)", 22),
        Column("object", "相关对象（编号）", "Related object (code)", 20),
        Column("sentence_zh", "线索说明", "What was found", 30),
        Column("measure", "实测", "Measured", 13, unit="unit"),
        Column("threshold", "阈值", "Threshold", 9, unit="unit"),
        Column("margin", "距翻转", "Margin to flip", 13, unit="margin_unit"),
        Column("basis_zh", "依据", "Basis", 44),
        Column("action_zh", "处置要求", "Action", 24),
        Column("lead_zh", "牵头单位", "Lead", 10),
        Column("due_on", "时限", "Due on", 11),
        Column("status", "整改状态", "Status", 10),
        Column("certainty", "确定性", "Certainty", 19),
    ),
    rest=(
        Column("support_zh", "配合单位", "Support", 24),
        Column("seen", "本次核查", "This run", 14),
        Column("why_zh", "待核查原因", "Why to review (Chinese)", 30),
        Column("why_en", "待核查原因（英文）", "Why to review", 30),
        Column("rule_title_en", "规则（英文）", "Rule (English)", 34),
        Column("sentence_en", "线索说明（英文）", "What was found (English)", 60),
        Column("basis_en", "依据（英文）", "Basis (English)", 80),
        Column("action_en", "处置要求（英文）", "Action (English)", 50),
        Column("lead_en", "牵头单位（英文）", "Lead (English)", 26),
        Column("subject_name", "主体名称", "Subject", 28),
        Column("subject_id", "主体编号", "Subject code", 24),
        Column("object_name", "对象名称", "Related object", 28),
        Column("object_id", "对象编号", "Object code", 24),
        Column("unit", "单位", "Unit", 8),
        Column("margin_unit", "余量单位", "Margin unit", 9),
        Column("area_m2", "相交面积 m²", "Common area m²", 14),
        Column("share", "相交比例", "Share", 10),
        Column("distance_m", "距离 m", "Distance m", 12),
        Column("case_id", "事项编号", "Case no.", 18),
        Column("finding_id", "线索编号", "Finding no.", 18),
        Column("rule", "规则标识", "Rule id", 48),
    ),
)
OUTCOME_SHEET = Sheet(
    read=(
        Column("rule_title_zh", "规则", "Rule", 50),
        Column("hit", "确认命中", "Hit", 12),
        Column("near", "临界", "Near", 12),
        Column("needs_review", "需核查", "Needs review", 14),
        Column("not_assessed", "未评估", "Not assessed", 14),
        Column("clear", "未命中", "Clear", 12),
        Column("why_zh", "未评估原因", "Why not assessed (Chinese)", 90),
    ),
    rest=(
        Column("rule_title_en", "规则（英文）", "Rule (English)", 70),
        Column("why_en", "未评估原因（英文）", "Why not assessed", 90),
        Column("rule", "规则标识", "Rule id", 48),
    ),
)
ISSUE_SHEET = Sheet(
    read=(
        Column("severity", "严重程度", "Severity", 9),
        Column("layer_title", "图层", "Layer", 16),
        Column("issue_title_zh", "问题", "Issue", 18),
        Column("source_file", "来源文件", "Source file", 24),
        Column("source_table", "表", "Table", 14),
        Column("source_row", "记录号", "Record", 8, serial=True),
        Column("source_line", "文件行号", "Line", 9, serial=True),
        Column("feature_id", "对象编号", "Object code", 20),
        Column("field_title", "字段", "Field", 13),
        Column("value", "原值", "Value", 20, most_lines=8),
        Column("message_zh", "说明", "Message", 42),
        Column("advice_zh", "建议", "Advice", 40),
        Column("steward_zh", "责任单位", "Steward", 13),
        Column("responsibility", "谁来改", "Who mends", 10),
    ),
    rest=(
        Column("issue_title_en", "问题（英文）", "Issue (English)", 30),
        Column("message_en", "说明（英文）", "Message (English)", 60),
        Column("advice_en", "建议（英文）", "Advice (English)", 60),
        Column("before", "修复前", "Before", 80, most_lines=8),
        Column("after", "修复后", "After", 80, most_lines=8),
        Column("area_before_m2", "修复前面积 m²", "Area before m²", 16),
        Column("area_after_m2", "修复后面积 m²", "Area after m²", 16),
        Column("field", "字段标识", "Field id", 22),
        Column("layer", "图层标识", "Layer id", 22),
        Column("issue_type", "问题标识", "Issue id", 24),
        Column("issue_id", "问题编号", "Issue no.", 18),
    ),
)
ISSUE_NEEDS = ("severity", "layer", "source_file", "issue_type", "message_zh", "message_en")
WHO = {"sender": Text("报送单位", "sender"), "office": Text("本单位", "office")}

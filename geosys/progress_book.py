"""Which columns the tables of progress have, and the workbook that holds them: targets, counties, offices, the ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from geosys.cases.ranking import Ranking
    from geosys.maps.frames import Meta
    from geosys.progress import Ranked

SUBJECT = "方案目标进展 Progress against the plans"
TARGET_SHEET = Sheet(
    read=(
        Column("clause_zh", "依据", "Clause (Chinese)", 30),
        Column("indicator", "指标", "Indicator", 22),
        Column("area", "范围", "Area", 12),
        Column("county_zh", "县区", "County", 10),
        Column("words", "方案要求", "Asked", 18),
        Column("due_on", "时限", "Due on", 11),
        Column("lower", "现值（至少）", "Now, at least", 10, unit="unit"),
        Column("upper", "现值（至多）", "Now, at most", 10, unit="unit"),
        Column("expected", "进度线", "Line", 9, unit="unit"),
        Column("status_zh", "状态", "Status (Chinese)", 14),
        Column("way_zh", "方式", "How it is told (Chinese)", 11),
        Column("source_zh", "本次来源", "Source (Chinese)", 9),
        Column("numerator", "分子", "Numerator", 10),
        Column("denominator", "分母", "Denominator", 10),
        Column("unknown_count", "未知对象", "Unknown", 8),
        Column("lead", "牵头", "Lead", 22),
        Column("support", "配合", "Support", 30),
        Column("evidence", "填报依据", "Evidence", 22),
        Column("entered_on", "填报日期", "Entered for", 11),
    ),
    rest=(
        Column("target", "目标编号", "Target", 30),
        Column("steps", "各步时限", "Dated steps", 40),
        Column("object", "对象", "Object", 20),
        Column("numerator_words", "分子口径", "What is counted", 30),
        Column("denominator_words", "分母口径", "Out of what", 24),
        Column("duty_clause_zh", "职责条款", "Clause of the duty", 30),
        Column("form_zh", "职责写法", "How the plan names it", 16),
        Column("lead_offices_zh", "牵头单位（今名）", "Lead, by today's name", 22),
        Column("why_by_hand", "填报原因", "Why by hand", 40),
        Column("status_en", "状态（英文）", "Status", 22),
        Column("in_time", "是否按时", "In time", 8),
        Column("rate", "公式", "Formula", 26),
        Column("formula_version", "公式版本", "Version", 14),
        Column("formula_certainty", "公式依据", "Certainty of the formula", 14),
        Column("certainty", "目标依据", "Certainty of the target", 14),
        Column("entered_by", "填报人", "Entered by", 10),
        Column("recorded_at", "填报时间", "Entered at", 20),
        Column("evidence_file", "材料文件", "File", 24),
        Column("evidence_state_zh", "材料状态", "State of the file", 10),
        Column("clause_en", "依据（英文）", "Clause", 40),
    ),
)
OFFICE_SHEET = Sheet(
    read=(
        Column("office_zh", "单位", "Office", 18),
        Column("names", "方案中的名称", "Names in the plans", 40),
        Column("steps", "牵头的分步目标", "Steps it leads", 10),
        Column("reached", "已达到", "Reached", 8),
        Column("on_track", "按进度", "On track", 8),
        Column("at_risk", "滞后", "At risk", 8),
        Column("late", "逾期未达到", "Late", 9),
        Column("cannot_judge", "无法判定", "Cannot judge", 9),
        Column("no_number", "由人判定", "No number", 9),
        Column("not_assessed", "未评估", "Not assessed", 9),
        Column("supports", "配合的分步目标", "Steps it supports", 10),
    ),
    rest=(Column("office", "单位代码", "Code", 16),),
)


def ranking_sheet(ranking: Ranking, *, of_cases_only: bool = False) -> Sheet:
    """Return the columns of a ranking: place, score, then each indicator with its share and its counts."""
    chosen = [one for one in ranking.indicators if one.of_cases or not of_cases_only]
    return Sheet(
        read=(
            Column("place_zh", "名次", "Place", 10),
            Column("group_zh", "单位", "County or office", 16),
            Column("score", "得分", "Score", 8),
            *(
                column
                for one in chosen
                for column in (
                    Column(one.rate.id, f"{one.rate.title.zh} %", f"{one.rate.title.en}, %", 11),
                    Column(f"{one.rate.id}_zh", "分子/分母", "Counts", 12),
                )
            ),
            Column("missing_zh", "缺数据的指标", "Missing", 20),
        ),
        rest=(
            Column("group", "代码", "Code", 12),
            Column("lower", "得分下限", "Score, least", 9),
            Column("upper", "得分上限", "Score, greatest", 9),
            Column("best", "可能的最好名次", "Best place possible", 9),
            Column("worst", "可能的最差名次", "Worst place possible", 9),
            *(Column(f"{one.rate.id}_unknown", f"{one.rate.title.zh}：未知", f"{one.rate.title.en}: unknown", 9) for one in chosen),
        ),
    )  # fmt: skip


def write_progress(
    path: Path, meta: Meta, targets: pd.DataFrame, offices: pd.DataFrame, places: pd.DataFrame, office_places: pd.DataFrame,
    ranking: Ranking, ranked: Ranked, month: str,
) -> None:  # fmt: skip
    """Write a workbook of four sheets and notes: targets and counties, offices, the ranking of counties, that of offices."""
    with workbook(path, meta, SUBJECT) as book:
        write_table(book, meta, "目标进展 Targets", TARGET_SHEET, targets, words={}, coloured=())
        write_table(book, meta, "单位 Offices", OFFICE_SHEET, offices, words={}, coloured=())
        write_table(book, meta, f"县区排名 {month}", ranking_sheet(ranking), places, words={}, coloured=())
        write_table(
            book,
            meta,
            f"单位排名 {month}",
            ranking_sheet(ranking, of_cases_only=True),
            office_places,
            words={},
            coloured=(),
        )
        legend = [
            ("排名公式 Ranking", ranking.formula.both()),
            ("未纳入的指标 Indicators left out", "、".join(one.rate.title.both() for one in ranked.left_out) or "—"),
            ("县区不明的事项 Cases of no known county", f"{ranked.without_group}（不参加排名 rank nobody）"),
            ("进度判定 Verdicts", "进度线从方案首日的 0 直线到各步时限，为本系统理解 A straight line from 0 on the first day: our reading"),
        ]  # fmt: skip
        write_notes(book, meta, legend)

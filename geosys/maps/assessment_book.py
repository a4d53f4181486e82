"""Which columns the tables of a water assessment have, and the workbook that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from geosys.maps.frames import Meta

_LONGEST = 31  # characters of a sheet's name
SUBJECT = "地表水断面评价 Surface-water assessment"
SECTION_SHEET = Sheet(
    read=(
        Column("section_code", "断面编码", "Section code", 18),
        Column("section_name", "断面名称", "Section", 20),
        Column("river_name", "河流", "River", 12),
        Column("county_code", "县区", "County", 10),
        Column("level", "级别", "Level", 8),
        Column("target", "目标", "Target", 7),
        Column("class_name", "类别", "Class", 7),
        Column("grade_zh", "水质状况", "Grade (Chinese)", 10),
        Column("meets", "是否达标", "Meets its target", 9),
        Column("exceeding", "超标项目（倍数）", "Exceeding (multiples)", 30),
        Column("class_previous", "上期类别", "Class before", 8),
        Column("change_previous", "环比变化", "Change (+ is worse)", 8),
        Column("class_last_year", "上年同期类别", "Class a year ago", 8),
        Column("change_last_year", "同比变化", "Change on the year", 8),
        Column("items_evaluated", "评价项目数", "Items evaluated", 8),
        Column("items_missing", "缺测项目数", "Items missing", 8),
        Column("samples", "样品数", "Samples", 8),
        Column("values_left_out", "未采用数据", "Values left out", 8),
        Column("provisional", "初步结果", "Provisional", 8),
        Column("reason_zh", "未定类原因", "Why no class (Chinese)", 20),
    ),
    rest=(
        Column("reason_en", "未定类原因（英文）", "Why no class", 30),
        Column("basin", "流域", "Basin", 10),
        Column("water_kind", "水体类型", "Kind of water", 9),
        Column("kind_assumed", "水体类型为假定", "Kind assumed", 9),
        Column("class", "类别（1–6）", "Class 1 to 6", 8),
        Column("main_pollutants", "主要污染指标", "Main pollutants", 26),
        Column("parts", "有数据的日/月数", "Days or months with data", 9),
    ),
)
_CHANGES = tuple(
    Column(f"{share}_{end}{word}", f"{zh}{what}", f"{en} {told}", 10)
    for word, zh, en in (("previous", "环比", "Period before:"), ("last_year", "同比", "Year before:"))
    for share, end, what, told in (
        ("good", "", "基期Ⅰ–Ⅲ类", "I to III"), ("good", "points_", "Ⅰ–Ⅲ类变化（百分点）", "I to III, change in points"),
        ("good", "change_", "Ⅰ–Ⅲ类判断", "I to III, judged"), ("worse", "points_", "劣Ⅴ类变化（百分点）", "worse than V, change in points"),
    )
)  # fmt: skip
GROUP_SHEET = Sheet(
    read=(
        Column("group", "名称", "Name", 16),
        Column("sections", "断面数", "Sections", 8),
        Column("with_class", "定类数", "With a class", 8),
        *(Column(f"class_{i}", name, f"Class {i}", 6) for i, name in enumerate(("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ"), 1)),
        Column("good_percent", "Ⅰ–Ⅲ类 %", "I to III, %", 9),
        Column("fourth_percent", "Ⅳ类及以上 %", "IV or better, %", 9),
        Column("worse_count", "劣Ⅴ类数", "Worse than V", 8),
        Column("meeting_count", "达标数", "Meet their target", 8),
        Column("meeting_of", "有目标且定类数", "With target and class", 9),
        Column("meeting_percent", "达标率 %", "Attainment, %", 9),
        Column("failing", "未达标断面", "Sections that fail", 30),
        Column("grade_zh", "水质状况", "Grade (Chinese)", 10),
        Column("main_pollutants", "主要污染指标", "Main pollutants", 20),
    ),
    rest=(
        Column("good_count", "Ⅰ–Ⅲ类数", "I to III", 8),
        Column("fourth_count", "Ⅳ类及以上数", "IV or better", 8),
        Column("worse_percent", "劣Ⅴ类 %", "Worse than V, %", 9),
        Column("not_good", "未达Ⅲ类断面", "Not I to III", 30),
        Column("not_fourth", "未达Ⅳ类断面", "Not IV or better", 30),
        Column("worse_names", "劣Ⅴ类断面", "Worse than V: which", 30),
        Column("without_class", "未定类断面", "Without a class", 30),
        Column("without_target_or_class", "无目标或未定类", "Without target or class", 30),
        Column("grade_en", "水质状况（英文）", "Grade", 18),
        Column("method", "评价方法", "Method", 10),
        Column("reason_zh", "无状况评价原因", "Why no grade (Chinese)", 24),
        Column("reason_en", "无状况评价原因（英文）", "Why no grade", 30),
        *_CHANGES,
        Column("only_before_previous", "仅上期定类", "With a class before only", 20),
        Column("only_after_previous", "仅本期定类", "With a class now only", 20),
        Column("only_before_last_year", "仅上年同期定类", "With a class a year ago only", 20),
        Column("only_after_last_year", "较上年仅本期定类", "With a class now only (year)", 20),
    ),
)
BORDER_SHEET = Sheet(
    read=(
        Column("upstream", "上游断面", "Upstream section", 20),
        Column("downstream", "下游断面", "Downstream section", 20),
        Column("distance_m", "沿河距离 m", "Channel distance m", 12),
        Column("item_zh", "项目", "Item", 16),
        Column("value_up", "上游均值", "Mean upstream", 10),
        Column("value_down", "下游均值", "Mean downstream", 10),
        Column("difference", "差值（下−上）", "Down minus up", 10),
        Column("percent", "变化 %", "Change, %", 9),
        Column("class_up", "上游类别", "Class upstream", 8),
        Column("class_down", "下游类别", "Class downstream", 8),
        Column("class_change", "类别变化（正为变差）", "Change (+ is worse)", 9),
        Column("reason_zh", "无法比较原因", "Why not compared (Chinese)", 30),
    ),
    rest=(
        Column("item_class_up", "上游项目类别", "Item's class upstream", 9),
        Column("item_class_down", "下游项目类别", "Item's class downstream", 9),
        Column("reason_en", "无法比较原因（英文）", "Why not compared", 30),
        Column("item", "项目标识", "Item id", 10),
    ),
)
LEFT_OUT_SHEET = Sheet(
    read=(
        Column("section_code", "断面编码", "Section code", 18),
        Column("section_name", "断面名称", "Section", 20),
        Column("sampled_on", "日期", "Date", 12),
        Column("sampled_at", "时刻", "Time", 8),
        Column("item_zh", "项目", "Item", 16),
        Column("value", "数值", "Value", 10),
        Column("reason_zh", "未采用原因", "Why not used (Chinese)", 34),
    ),
    rest=(
        Column("reason_en", "未采用原因（英文）", "Why not used", 40),
        Column("fault", "问题标识", "Fault id", 14),
        Column("item", "项目标识", "Item id", 10),
    ),
)
TITLES = {"sections": "断面 Sections", "borders": "跨界断面 Borders", "left_out": "未采用数据 Left out"}


def write_assessment(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    groups: Mapping[str, pd.DataFrame],
    meta: Meta,
    notes: Sequence[tuple[str, str]],
) -> None:
    """Write the tables of an assessment as a workbook, a sheet each, and what they rest on.

    Parameters
    ----------
    path
        The ``.xlsx`` file; it appears when complete, or not at all.
    tables
        ``sections``, ``borders`` and ``left_out``.
    groups
        By the title of their sheet: one row each river, basin, county or level.
    notes
        Names and texts of the last sheet.
    """
    sheets = {"sections": SECTION_SHEET, "borders": BORDER_SHEET, "left_out": LEFT_OUT_SHEET}
    with workbook(path, meta, SUBJECT) as book:
        write_table(book, meta, TITLES["sections"], SECTION_SHEET, tables["sections"], words={})
        for name, table in groups.items():
            write_table(book, meta, name[:_LONGEST], GROUP_SHEET, table, words={})
        for name in ("borders", "left_out"):
            write_table(book, meta, TITLES[name], sheets[name], tables[name], words={})
        write_notes(book, meta, notes)

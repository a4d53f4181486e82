"""Which columns the tables of a trace have, and the workbook that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from geosys._text import Text
    from geosys.maps.frames import Meta

SUBJECT = "河流溯源 River trace"
TITLES = {
    "sources": "可能来源 Sources", "tributaries": "支流与负荷 Tributaries", "sections": "上游断面 Sections", "targets": "下游对象 Downstream",
    "missing": "未知事项 Not known",
}  # fmt: skip
_WHO = (
    Column("call_zh", "联系谁", "Whom to call (Chinese)", 40),
    Column("call_en", "联系谁（英文）", "Whom to call", 40),
)
SHEETS = {
    "sources": Sheet(
        read=(
            Column("suspicion", "排查次序", "Order", 7),
            Column("name", "名称", "Name", 26),
            Column("feature_id", "编码", "Code", 20),
            Column("kind_zh", "类型", "Kind", 20),
            Column("trade_zh", "行业", "Trade", 12),
            Column("river_name", "所在河流", "River", 12),
            Column("distance_m", "沿河距离 m", "Channel distance m", 11),
            Column("is_in_stretch", "在问题河段内", "In the stretch of the fault", 9),
            Column("match_zh", "与超标项目", "Fits what exceeds", 9),
            Column("fitting", "相符项目", "Fitting items", 20),
            Column("flow_t_d", "排放量 t/d", "Discharge t/d", 11),
            Column("state_zh", "状态", "State", 9),
            _WHO[0],
        ),
        rest=(
            Column("layer_zh", "图层", "Layer (Chinese)", 14),
            Column("layer_en", "图层（英文）", "Layer", 16),
            Column("kind_en", "类型（英文）", "Kind (English)", 26),
            Column("trade_en", "行业（英文）", "Trade (English)", 18),
            Column("match_en", "与超标项目（英文）", "Fit (English)", 12),
            Column("is_path_known", "水路流向已知", "Way known", 9),
            Column("is_counted", "计入合计", "Counted in sums", 9),
            Column("at", "经由排口", "Discharges through", 20),
            Column("basis", "判断依据", "Ground of the fit", 40),
            Column("certainty", "确定性", "Certainty", 14),
            Column("is_doubtful", "位置存疑", "Place in doubt", 9),
            Column("reason_zh", "定位说明", "How it was placed", 30),
            _WHO[1],
        ),
    ),
    "tributaries": Sheet(
        read=(
            Column("river_label", "河流", "River", 30),
            Column("joins_at_m", "汇入处距断面 m", "Joins at m", 12),
            Column("length_m", "河长 m", "Length m", 11),
            Column("stretch_m", "其中问题河段 m", "Of it where the fault must lie m", 12),
            Column("sections", "断面", "Sections", 8),
            Column("sources", "来源", "Sources", 8),
            Column("flow_t_d", "已知排放量 t/d", "Known discharge t/d", 12),
            Column("flow_unknown", "排放量未知数", "Discharge unknown", 10),
        ),
        rest=(
            Column("all_sources", "连同支流来源", "Sources with tributaries", 10),
            Column("all_flow_t_d", "连同支流已知排放量 t/d", "Known discharge with tributaries t/d", 14),
            Column("all_flow_unknown", "连同支流排放量未知数", "Unknown with tributaries", 10),
            Column("stem", "编号", "No.", 6),
            Column("parent", "汇入编号", "Runs into no.", 8),
            Column("depth", "级", "Depth", 6),
        ),
    ),
    "sections": Sheet(
        read=(
            Column("rank", "次序", "Order", 7),
            Column("name", "断面", "Section", 26),
            Column("feature_id", "编码", "Code", 20),
            Column("river_name", "河流", "River", 14),
            Column("distance_m", "沿河距离 m", "Channel distance m", 11),
            Column("is_clean", "同月合格", "Clean in the month", 9),
            Column("why_zh", "判断", "Why", 30),
            Column("month", "月份", "Month", 9),
            Column("class_now", "类别", "Class", 7),
            Column("exceeding", "超标项目", "What exceeds", 24),
            Column("is_in_stretch", "在问题河段内", "In the stretch of the fault", 9),
            _WHO[0],
        ),
        rest=(Column("why_en", "判断（英文）", "Why (English)", 30), Column("passes", "达自身目标", "Meets its own target", 9), _WHO[1]),
    ),
    "targets": Sheet(
        read=(
            Column("rank", "次序", "Order", 7),
            Column("layer_zh", "对象", "What", 14),
            Column("name", "名称", "Name", 30),
            Column("feature_id", "编码", "Code", 20),
            Column("kind_zh", "类型", "Kind", 12),
            Column("river_name", "河流", "River", 14),
            Column("distance_m", "沿河距离 m", "Channel distance m", 11),
            Column("time_h", "最早到达 h", "Earliest arrival h", 10),
            Column("is_path_known", "水路流向已知", "Way known", 9),
            _WHO[0],
        ),
        rest=(
            Column("layer_en", "对象（英文）", "What (English)", 18),
            Column("kind_en", "类型（英文）", "Kind (English)", 18),
            Column("is_doubtful", "位置存疑", "Place in doubt", 9),
            Column("reason_zh", "定位说明", "How it was placed", 30),
            _WHO[1],
        ),
    ),
    "missing": Sheet(
        read=(
            Column("what_zh", "对象", "What", 16),
            Column("name", "名称", "Name", 26),
            Column("feature_id", "编码", "Code", 22),
            Column("text_zh", "未知什么", "What is not known", 44),
        ),
        rest=(Column("what_en", "对象（英文）", "What (English)", 20), Column("text_en", "未知什么（英文）", "Not known (English)", 50)),
    ),
}  # fmt: skip


def with_loads(name: str, loads: Mapping[str, Text]) -> Sheet:
    """Return the columns of a table with those of loads, of the river alone and with all that runs into it."""
    plan = SHEETS[name]
    own = tuple(Column(key, title.zh, title.en, 12) for key, title in loads.items())
    if name == "sources":
        return Sheet((*plan.read[:-2], *own, *plan.read[-2:]), plan.rest)
    if name != "tributaries":
        return plan
    lacking = tuple(Column(f"{key}_unknown", f"{t.zh}未知数", f"{t.en} unknown", 10) for key, t in loads.items())
    whole = tuple(
        Column(f"all_{key}{end}", f"连同支流{t.zh}{zh}", f"{t.en}{en} with tributaries", 12)
        for key, t in loads.items()
        for end, zh, en in (("", "", ""), ("_unknown", "未知数", " unknown"))
    )
    return Sheet((*plan.read, *own, *lacking), (*whole, *plan.rest))


def columns_of(plan: Sheet) -> list[Column]:
    """Return all columns of a table, those that are printed first."""
    return [*plan.read, *plan.rest]


def write_trace_book(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    loads: Mapping[str, Text],
    meta: Meta,
    notes: Sequence[tuple[str, str]],
) -> None:
    """Write the tables of a trace as a workbook, a sheet each, and where it comes from.

    Parameters
    ----------
    path
        The ``.xlsx`` file; it appears when complete, or not at all.
    tables
        By name, as in `SHEETS`.
    loads
        Titles of the load columns.
    notes
        Names and texts of the last sheet.
    """
    with workbook(path, meta, SUBJECT) as book:
        for name, table in tables.items():
            write_table(book, meta, TITLES[name], with_loads(name, loads), table, words={})
        write_notes(book, meta, notes)

"""The workbook of the plot lists: rows, deadlines, contradictions, completeness, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from geosys.maps.frames import Meta

TITLE = "地块名录 Plot lists"
SHEETS = {
    "rows": ("名录 Lists", Sheet(
        read=(
            Column("list_zh", "名录", "List", 22), Column("plot_code", "地块编码", "Code", 16), Column("plot_name", "地块名称", "Name", 28),
            Column("stage_zh", "阶段", "Stage", 18), Column("dated_on", "最近日期", "Last dated", 12), Column("complete", "完整率", "Complete", 9),
            Column("missing_zh", "缺少的字段", "Fields missing", 44),
        ),
        rest=(
            Column("level", "层级", "Level", 10), Column("stage_hangs_zh", "阶段取决于", "Stage hangs on", 24),
            Column("list_en", "名录（英文）", "List (English)", 30), Column("stage_en", "阶段（英文）", "Stage (English)", 30),
        ),
    )),
    "deadlines": ("期限 Deadlines", Sheet(
        read=(
            Column("state_zh", "状态", "State", 12), Column("overdue_days", "逾期天数", "Days overdue", 10), Column("due_on", "到期", "Due on", 12),
            Column("deadline_zh", "期限", "Deadline", 26), Column("plot_code", "地块编码", "Code", 16), Column("plot_name", "地块名称", "Name", 28),
            Column("done_on", "完成日期", "Done on", 12), Column("missing_zh", "缺少或矛盾的字段", "Missing or contradicting", 28),
            Column("actor_zh", "责任主体", "Who", 18), Column("basis_zh", "依据", "Basis", 44), Column("certainty", "确定性", "Certainty", 14),
        ),
        rest=(
            Column("deadline_en", "期限（英文）", "Deadline (English)", 30), Column("basis_en", "依据（英文）", "Basis (English)", 60),
            Column("source", "出处", "Source", 50),
        ),
    )),
    "contradictions": ("矛盾 Contradictions", Sheet(
        read=(
            Column("title_zh", "矛盾", "Contradiction (Chinese)", 36), Column("first_list", "名录一", "First list", 14),
            Column("first_code", "编码一", "First code", 16), Column("second_list", "名录二", "Second list", 14),
            Column("second_code", "编码二", "Second code", 16),
        ),
        rest=(Column("title_en", "矛盾（英文）", "Contradiction", 46),),
    )),
    "counts": ("完整性 Completeness", Sheet(
        read=(
            Column("list_zh", "名录", "List", 24), Column("rows", "行数", "Rows", 8), Column("withheld", "扣留", "Withheld", 9),
            Column("complete_rows", "齐全", "Complete", 9), Column("mean", "平均完整率", "Mean share", 12),
            Column("gaps_zh", "缺项（字段 行数）", "Gaps (field, rows)", 60),
        ),
        rest=(),
    )),
}  # fmt: skip


def write_plot_book(path: Path, tables: Mapping[str, pd.DataFrame], meta: Meta) -> None:
    """Write the tables named in `SHEETS` as a workbook with its provenance; the file is whole or not there."""
    with workbook(path, meta, TITLE) as book:
        for name, (title, sheet) in SHEETS.items():
            write_table(book, meta, title, sheet, tables[name], words={})
        write_notes(book, meta, [])

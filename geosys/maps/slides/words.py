"""The words that stand on every deck, in both languages."""

from __future__ import annotations

from geosys._text import Text

AGENDA, FIGURES, CHANGES = (
    Text("议程", "Agenda"),
    Text("关键数字", "Key figures"),
    Text("上次会议以来的变化", "What changed"),
)
SHEETS, SOURCES, LACKING = (
    Text("图件目录", "Sheets"),
    Text("数据来源和版本", "Sources and versions"),
    Text("未能计算或未纳入的内容", "What could not be computed or was left out"),
)
NUMBER, ITEM, REPORTER, MINUTES, PAGES = (
    Text("序号", "No."),
    Text("议题", "Item"),
    Text("汇报", "Reporter"),
    Text("分钟", "Minutes"),
    Text("页", "Slides"),
)
TASK = Text("任务", "Task")
MATTER = Text("说明", "About")
DAY, SINCE = Text("会议日期", "Day"), Text("上次会议", "Last meeting")
FIRST = Text("首次会议，没有可比的变化。", "The first meeting: there is nothing to compare with.")
UNCHANGED = Text("上次会议以来没有变化。", "Nothing changed since the last meeting.")
EMPTY = Text("没有记录。", "No rows.")
NOTHING_DRAWN = Text("没有可以画出的数据。", "There are no data to draw.")
COMPLETE = Text("没有缺少的内容。", "Nothing is lacking.")
CONTINUED = Text("续", "continued")
BEFORE, CHANGE = Text("上次", "Before"), Text("变化", "Change")
WORSE, BETTER = Text("变差", "worse"), Text("好转", "better")
LINES_LEFT_OUT = Text("（{total} 条中的前 {shown} 条）", " (first {shown} of {total} lines)")
TOLD, WHOLE = Text("依据和范围", "Rests on"), Text("全文", "Whole text")
SENTENCE, CLAUSE, HISTORY, NEXT = (
    Text("问题", "Finding"),
    Text("依据", "Clause"),
    Text("经过", "History"),
    Text("下一步", "Next step"),
)
SEVERITY, STATUS, PHOTO = Text("严重程度", "Severity"), Text("状态", "Status"), Text("照片", "Photo")
ON_MAP = Text("地图位置（map.html）", "Place on the map (map.html)")
CUT, IN_NOTES = Text("…（见附表）", "… (see the tables)"), Text("…（见备注）", "… (see the notes)")
FROM, TO, AMOUNT = Text("从", "From"), Text("到", "To"), Text("数量", "Amount")
TARGET, EXPECTED, NOW, NOTE = (
    Text("目标", "Target"),
    Text("当日进度线", "Schedule of the day"),
    Text("现值", "Now"),
    Text("备注", "Note"),
)
CERTAIN, POSSIBLE = Text("已确认", "Certain"), Text("数据有缺，可能达到", "Possible: data are missing")
UNREADABLE = Text("图片不能读取", "The picture cannot be read")
NO_DATA = Text("无数据", "no data")
FILE, SHEET_TITLE, SHEET_PAGES = Text("文件", "File"), Text("图件", "Sheet"), Text("页数", "Pages")
LAYER, VERSION, DELIVERED, ROWS = (
    Text("图层", "Layer"),
    Text("版本", "Version"),
    Text("数据", "Delivered"),
    Text("行数", "Rows"),
)
PROGRAM, RULES = Text("程序", "Program"), Text("规则版本", "Rules version")
YES, NO = Text("是", "yes"), Text("否", "no")


def rows_told(first: int, last: int, total: int) -> Text:
    """Return which rows of how many are on a slide.

    Examples
    --------
    >>> rows_told(1, 14, 37).zh
    '第 1–14 行，共 37 行'
    """
    span = f"{first:,}" if first == last else f"{first:,}–{last:,}"
    return Text(f"第 {span} 行，共 {total:,} 行", f"Rows {span} of {total:,}")


def left_out(count: int) -> Text:
    """Return that rows are not on the slides."""
    return Text(f"其余 {count:,} 行见附表（tables.xlsx）", f"{count:,} more rows are in tables.xlsx")


def columns_left_out(count: int) -> Text:
    """Return that columns are not on the slides."""
    return Text(f"另有 {count} 列见附表（tables.xlsx）", f"{count} more columns are in tables.xlsx")


def more_in_notes(count: int) -> Text:
    """Return that more stands in the notes of the slide."""
    return Text(f"另有 {count} 项，见备注", f"{count} more in the notes")


def item_number(number: int) -> Text:
    """Return the name of an item of the agenda."""
    return Text(f"议题 {number}", f"Item {number}")

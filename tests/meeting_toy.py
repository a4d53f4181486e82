"""A meeting made by hand: rich enough to look at, with a hostile twin and one of many rows."""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from dataclasses import replace

from geosys._text import Text
from geosys.maps.charts_values import Chart, Flows, Line, Progress, Schedule, Stack, State, Trend
from geosys.maps.frames import Provenance
from geosys.maps.meeting.content import Column, Figure, Issue, Item, Listing, Meeting, SheetFile
from geosys.maps.palettes import Swatch

DAY, SINCE = dt.date(2026, 9, 30), dt.date(2026, 8, 31)
# What may stand in any ledger: markup, templates, quotes, directions of writing, control signs, half a letter, length.
HOSTILE = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", "`${alert(3)}` {{ 7*7 }}", "\"quotes\" 'and' \\slashes\\",
    "</style><style>*{display:none}</style>", "<img src=x onerror=alert(4)>", "河\u202e流\u2066倒\u2069序\u200f", "a\u2028b\u2029c",
    "=cmd|'/c calc'!A1", "tab\there\nand a line", "control\x00\x07\x1b", "half\ud83d", "]]><!--", "长" * 5000, "W" * 5000,
)  # fmt: skip
MARKS = "\u202e\u2066\u2069\u200f"  # what a page must show without being turned by it


def png(red: int, green: int, blue: int, width: int = 64, height: int = 48) -> bytes:
    """Return a small picture: a slope of one colour, so that it is seen to be the right way up."""
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (red, green * y // height, blue * x // width))
        for y in range(height)
    )

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def figures() -> list[Figure]:
    return [
        Figure(
            "open", Text("在办问题", "Open cases"), "23", Text("件", "cases"), "20", "+3",
            Text("台账 58 件，其中在办 23 件；无缺项。", "Of 58 cases in the ledger 23 are open; nothing is missing."), True,
        ),
        Figure("overdue", Text("逾期问题", "Overdue"), "5", Text("件", "cases"), "8", "-3", Text("时限早于 2026-09-30 且未销号。", "Due before 2026-09-30 and not closed."), False),
        Figure(
            "attained", Text("断面达标率", "Sections attaining"), "61.5 %", "", "61.5 %", "0",
            Text("13 个断面中 8 个达标，2 个缺数据：下限 61.5 %，上限 76.9 %。公式：水质月报。", "8 of 13 sections attain, 2 lack data: between 61.5 % and 76.9 %."), None,
        ),
        Figure("new", Text("新发现", "New findings"), "7", Text("条", "findings"), "", "", "规则 0a1b2c3d；9 月 30 日运行。", None),
        Figure("area", Text("压占基本农田", "Farmland taken"), "1,234.56", "亩", "1,204.00", "+30.56", Text("椭球面积，3 宗。", "Ellipsoidal area, 3 plots."), True),
    ]  # fmt: skip


def charts() -> list[tuple[str, Stack | Trend | Schedule | Flows]]:
    red, yellow, green = (
        Swatch(Text("逾期", "Overdue"), "#C0182B", "cross"),
        Swatch(Text("在办", "Open"), "#F0C020", "forward"),
        Swatch(Text("销号", "Closed"), "#2E8B57"),
    )
    return [
        ("by_county", Stack(Text("各县办理情况", "Cases by county"), [red, yellow, green], [(Text("甲县", "County A"), [3, 8, 12]), (Text("乙县", "County B"), [2, 5, 9]), (Text("丙区", "District C"), [0, 5, 14])], Text("件", "cases"))),
        ("shares", Stack(Text("各县办理比例", "Shares by county"), [red, yellow, green], [(Text("甲县", "County A"), [3, 8, 12]), (Text("乙县", "County B"), [2, 5, 9])], Text("件", "cases"), is_share=True)),
        ("trend", Trend(Text("断面达标率走势", "Attainment by month"), ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09"], [Line(Text("国控", "National"), [58.0, 60.0, None, 61.5, 61.5]), Line(Text("省控", "Provincial"), [48.0, 52.0, 55.0, 57.0, 63.0], "#B5541C")], "%", 75.0, Text("年度目标", "Target of the year"))),
        ("schedule", Schedule(Text("任务进度", "Progress of the tasks"), [Progress(Text("入河排污口整治", "Outfalls"), 55.0, 62.0, 80.0, 60.0), Progress(Text("黑臭水体消除", "Black-odorous waters"), 90.0, 90.0, 100.0, 85.0), Progress(Text("受污染耕地安全利用", "Safe use of farmland"), None, None, 93.0, None, Text("缺核算表", "no ledger"))])),
        ("flows", Flows(Text("8 月到 9 月的状态变化", "From August to September"), [Text("8 月", "August"), Text("9 月", "September")], [State(0, Text("发现", "Found"), "#9B1B30"), State(0, Text("整改", "Rectifying"), "#B58900"), State(1, Text("整改", "Rectifying"), "#B58900"), State(1, Text("销号", "Closed"), "#2E7D4F")], [(0, 2, 6), (1, 2, 9), (1, 3, 11)], Text("件", "cases"))),
    ]  # fmt: skip


def listing(n: int = 37) -> Listing:
    """Return a table of cases; names are not in the order of pinyin, numbers and days are out of order, some lack."""
    names, states = ("长江", "安阳", "东湖", "白河", "鄂城"), ("整改", "销号", "交办")
    rows = [
        (
            f"C-{i:05d}", names[i % 5] + f"第{i}号排污口", states[i % 3], None if i % 11 == 10 else (i * 37 % 1009) / 4,
            None if i % 13 == 12 else DAY + dt.timedelta(days=i * 7 % 90 - 45), i % 4 == 0,
        )
        for i in range(n)
    ]  # fmt: skip
    columns = (
        Column("code", Text("编号", "Code")), Column("name", Text("名称", "Name")), Column("state", Text("状态", "State"), "word"),
        Column("margin", Text("超出量", "Margin"), "number", "m"), Column("due", Text("时限", "Due"), "date"), Column("late", Text("逾期", "Late"), "word"),
    )  # fmt: skip
    return Listing("cases", Text("整改事项清单", "Cases"), columns, rows, n, Text("按编号排列。", "By code."))


def changes() -> Listing:
    columns = (
        Column("kind", Text("变化", "Change"), "word"), Column("code", Text("编号", "Code")), Column("name", Text("对象", "Object")),
        Column("before", Text("上次", "Before")), Column("after", Text("本次", "Now")), Column("on", Text("日期", "Day"), "date"),
    )  # fmt: skip
    rows = [
        ("新增", "C-00041", "白河入河口", "", "发现", dt.date(2026, 9, 3)), ("新增", "C-00042", "东湖泵站", "", "交办", dt.date(2026, 9, 8)),
        ("销号", "C-00007", "安阳纺织厂地块", "整改", "销号", dt.date(2026, 9, 21)), ("反弹", "C-00002", "长江北岸排口", "销号", "反弹", dt.date(2026, 9, 28)),
        ("延期", "C-00012", "鄂城化工地块", "2026-09-15", "2026-10-31", dt.date(2026, 9, 14)),
    ]  # fmt: skip
    return Listing(
        "changes", Text("上次会议以来的变化", "What changed since the last meeting"), columns, rows, len(rows)
    )


def issues() -> list[Issue]:
    def step(day: int, state: Text | str, note: str = "") -> tuple[dt.date, Text | str, str]:
        return dt.date(2026, 9, day), state, note

    return [
        Issue(
            "C-00001", Text("一级保护区内有排污口", "Outfall inside a primary protection zone"), "critical", "rectifying",
            (
                (Text("规则", "Rule"), Text("饮用水水源保护区内有排污口", "Outfall inside a source zone")), (Text("主体", "Subject"), "样例河 3 号排污口"),
                (Text("客体", "Object"), "一水厂水源地（一级）"), (Text("测度", "Measure"), "12.5 m"), (Text("限值", "Threshold"), "0 m"), (Text("裕度", "Margin"), "12.5 m"),
                (Text("牵头", "Lead"), Text("生态环境局", "Ecology bureau")), (Text("时限", "Due"), "2026-09-15（已逾期 15 天）"),
            ),
            Text("样例河 3 号排污口位于一水厂水源地（一级）内，距边界 12.5 m。", "Outfall 3 on the Sample river lies in the primary zone of waterworks 1, 12.5 m inside."),
            Text("《生态环境法典》第二编第三分编（本系统的理解，须人工判断）", "Code, book 2, part 3 (our reading, to be judged by a person)"),
            (step(1, Text("发现", "Found")), step(4, Text("交办", "Assigned"), "交生态环境局"), step(18, Text("整改", "Rectifying"), "已封堵一半")),
            Text("请水利局与生态环境局本周内会商拆除方案，10 月 15 日前完成。", "Both bureaus to agree on removal this week; done by 15 October."),
            png(40, 160, 220, 96, 72), ((png(120, 90, 60), "封堵前"), (png(60, 120, 90), "封堵中")), "#c=114.05000,34.05000,14&sel=F-001",
        ),
        Issue(
            "C-00002", "长江北岸排口 反弹", "high", "reopened",
            ((Text("规则", "Rule"), "取水口上游 1 000 m 内有排污口"), (Text("测度", "Measure"), "640 m"), (Text("牵头", "Lead"), Text("水利局", "Water bureau"))),
            Text("长江北岸排口在取水口上游 640 m，销号后再次出现。", "The outfall is back after it was closed, 640 m above the intake."), "长江保护法（已核对原文）",
            (step(2, "发现"), step(20, "销号"), step(28, Text("反弹", "Reopened"), "遥感复核")), "核实后重新交办", png(200, 180, 120, 96, 72), (), "#c=114.01000,34.01000,13",
        ),
        Issue(
            "C-00003", Text("地块未采样即供地", "Plot supplied before sampling"), "medium", "found", ((Text("地块", "Plot"), "鄂城化工地块"),),
            Text("鄂城化工地块规划为居住用地，缺土壤污染状况调查。", "The plot is planned for housing and was never sampled."), "", (), "", b"", (), "",
        ),
    ]  # fmt: skip


def meeting(n: int = 37) -> Meeting:
    """Return the sample meeting; `n` rows of the table of cases."""
    sheets = (
        SheetFile(Text("水质断面图", "Sections"), "sheets/断面 图.pdf", 1),
        SheetFile(Text("地块图册", "Plots"), "sheets/plots.pdf", 12),
    )
    items = (
        Item(Text("通报总体情况", "Where we stand"), Text("在办、逾期与达标情况。", "Open, overdue, attained."), 10, Text("办公室", "Office"), ("open", "overdue", "attained", "new", "area"), ("by_county", "trend"), ("changes",)),
        Item(Text("重点问题会商", "Matters to decide"), Text("逐件研究。", "One by one."), 30, "生态环境局", (), ("shares", "flows"), (), ("C-00001", "C-00002", "C-00003"), ("sheets/断面 图.pdf",)),
        Item(Text("任务进度", "Progress"), "", 15, "", (), ("schedule",), ("cases",), (), ("sheets/plots.pdf",)),
        Item(Text("其他事项", "Other business")),
    )  # fmt: skip
    return Meeting(
        Text("水环境调度会", "Water dispatch meeting"), Text("样例县", "Sample county"), DAY, SINCE, Text("样例数据", "sample data"), Text("内部使用", "Internal use"),
        "GeoSys 0.1.0", "0a1b2c3d", items, figures(), changes(), charts(), [listing(n)], issues(), sheets,
        (Provenance(Text("入河排污口", "Outfall"), "5f6a7b8c", "2026-09-20 inbox/排污口台账.xlsx", 58), Provenance(Text("水质断面", "Section"), "9d8e7f6a", "2026-09-25 inbox/断面.gpkg", 13)),
        (Text("未提供图层：污水处理厂；相关规则未评估。", "Layer not supplied: sewage plants; its rules are not assessed."), Text("结果早于台账最近一次修改。", "The results are older than the ledger's last change.")),
    )  # fmt: skip


def hostile() -> Meeting:
    """Return the sample meeting with a hostile text in every field that holds one; ids stay as they are."""
    turn = iter(range(10**9))

    def bad() -> str:
        return HOSTILE[next(turn) % len(HOSTILE)]

    def pair() -> Text:
        return Text(bad(), bad())

    base = meeting()

    def chart(one: Chart) -> Chart:
        """Return a chart with a hostile title, and hostile names where it has rows."""
        if isinstance(one, Stack):
            one = replace(one, rows=[(bad(), values) for _, values in one.rows], unit=bad())
        if isinstance(one, Schedule):
            one = replace(one, rows=[replace(row, title=bad(), note=bad()) for row in one.rows])
        return replace(one, title=pair())

    def table(t: Listing) -> Listing:
        columns = [replace(c, title=pair(), unit=bad() if c.kind == "number" else "") for c in t.columns]
        rows = [[bad() if isinstance(c, str) else c for c in row] for row in t.rows]
        return replace(t, title=pair(), columns=columns, rows=rows, note=pair())

    return replace(
        base, title=Text("</title><script>alert(0)</script>", "`${0}`"), place=pair(), mark=pair(), notice=pair(), program=bad(), rules_version=bad(),
        items=[replace(i, title=pair(), text=pair(), reporter=bad()) for i in base.items],
        figures=[replace(f, title=pair(), value=bad(), unit=bad(), before=bad(), change=bad(), told=pair()) for f in base.figures],
        charts=[(name, chart(one)) for name, one in base.charts], changes=table(base.changes), listings=[table(t) for t in base.listings],
        issues=[
            replace(
                i, title=pair(), facts=[(pair(), bad()) for _ in range(len(HOSTILE))], sentence=pair(), clause=bad(), next_step=pair(),
                history=[(DAY, bad(), bad()) for _ in range(3)], photos=[(data, bad()) for data, _ in i.photos],
            )
            for i in base.issues
        ],
        sheets=[replace(s, title=pair()) for s in base.sheets],
        layers=[replace(p, title=pair(), version=bad(), delivered=bad()) for p in base.layers], lacking=[pair() for _ in HOSTILE],
    )  # fmt: skip

"""Draw the templates of the reports as they are delivered: offices then edit them in Word.

Run as a module with a folder, it writes them all: ``python -m geosys.maps.word.templates maps/reports``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geosys.maps.word import pages
from geosys.maps.word.rendering import write_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_GROUP_CELLS = (
    "{{ row.title }}",
    "{{ row.total }}",
    "{{ row.open }}",
    "{{ row.new }}",
    "{{ row.closed }}",
    "{{ row.overdue }}",
    "{{ row.soon }}",
    "{{ row.longest }}",
)
_GROUP_HEADS = ("事项", "在办", "新增", "销号", "逾期", "临期", "最长逾期(天)")
_GROUP_WIDTHS = (45, 15, 15, 15, 15, 15, 15, 21)


def write_templates(folder: Path) -> None:
    """Write all templates into a folder."""
    for name, draw in TEMPLATES.items():
        stream = io.BytesIO()
        draw().save(stream)
        write_package(folder / f"{name}.docx", stream.getvalue())


def _begun(title: str, period: str) -> Any:
    document = pages.new_document(title)
    pages.header_and_footer(document, "{{ place }}{% if mark %}　【{{ mark }}】{% endif %}", "{{ title }}　{{ day }}")
    pages.body(document, "{{ title }}", style="Title")
    pages.body(document, period, style="Subtitle")
    return document


def dispatch() -> Any:
    """Draw the monthly dispatch note."""
    document = _begun("调度通报", "{{ scope }}　{{ since }}至{{ day }}")
    document.add_heading("一、总体情况", 1)
    pages.body(
        document,
        "截至{{ day }}，台账共有整改事项 {{ n.total }} 项，其中在办 {{ n.open }} 项、已销号 {{ n.done }} 项、不予立项 {{ n.dismissed }} 项。"
        "{{ since }}以来新增 {{ n.new }} 项、销号 {{ n.closed }} 项、反弹 {{ n.reopened }} 项。"
        "在办事项中逾期 {{ n.overdue }} 项（其中本期新逾期 {{ n.newly_overdue }} 项），临近到期 {{ n.soon }} 项，没有时限 {{ n.no_date }} 项。",
        "最近一次判定（{{ judged_on }}）不再发现而尚未销号 {{ n.no_longer_found }} "
        "项，再次出现 {{ n.returned }} 项，未能评估 {{ n.not_assessed }} 项。",
    )
    pages.body(document, "表1　各状态事项数", style="Caption")
    pages.repeated(
        document,
        ("状态", "事项数", "占比"),
        ("{{ row.title }}", "{{ row.count }}", "{{ row.share }}"),
        "row in states",
        (70, 43, 43),
    )
    _chart(document, "states", "图1　各状态事项数")
    document.add_heading("二、各单位情况", 1)
    pages.body(document, "表2　各单位事项数（按现牵头单位，逾期多者在前）", style="Caption")
    pages.repeated(document, ("单位", *_GROUP_HEADS), _GROUP_CELLS, "row in offices", _GROUP_WIDTHS)
    _chart(document, "offices", "图2　各单位在办事项的时限情况")
    document.add_heading("三、各县区情况", 1)
    with pages.unless_empty(document, "counties", "这些事项的对象没有县区信息，不能按县区统计。"):
        pages.body(document, "表3　各县区事项数（按对象所在县区）", style="Caption")
        pages.repeated(document, ("县区", *_GROUP_HEADS), _GROUP_CELLS, "row in counties", _GROUP_WIDTHS)
        _chart(document, "counties", "图3　各县区在办事项的时限情况")
    document.add_heading("四、逾期事项", 1)
    with pages.unless_empty(document, "overdue", "没有逾期事项。"):
        pages.body(
            document,
            "逾期 {{ n.overdue }} 项，逾期最久的见表4，全部见附表1。是否督办由人决定：系统建议督办 {{ n.proposed }} 项。",
        )
        pages.body(document, "表4　逾期最久的事项", style="Caption")
        pages.repeated(
            document, ("事项编号", "对象", "问题", "单位", "时限", "逾期(天)"),
            ("{{ row.case_id }}", "{{ row.subject }}", "{{ row.rule }}", "{{ row.office }}", "{{ row.due_on }}", "{{ row.days }}"),
            "row in longest", (30, 36, 34, 24, 20, 12),
        )  # fmt: skip
    document.add_heading("五、本期变化", 1)
    _changes(document)
    document.add_heading("六、方案目标进展", 1)
    _targets(document, "targets")
    document.add_heading("七、未评估", 1)
    _not_assessed(document)
    pages.lying_section(document)
    document.add_heading("附表1　逾期事项", 1)
    _overdue(document)
    _appendices(document, 2)
    return document


def brief() -> Any:
    """Draw the brief for a meeting."""
    document = _begun("会议简报", "{{ scope }}　上次会议 {{ since }}，本次 {{ day }}")
    document.add_heading("一、上次会议以来", 1)
    pages.body(
        document,
        "新增 {{ n.new }} 项，销号 {{ n.closed }} 项，反弹 {{ n.reopened }} 项，新逾期 "
        "{{ n.newly_overdue }} 项。现有在办 {{ n.open }} 项（上次会议时 {{ before.open }} 项），"
        "其中逾期 {{ n.overdue }} 项（上次会议时 {{ before.overdue }} 项），临近到期 {{ n.soon }} 项。",
    )
    _changes(document)
    document.add_heading("二、各单位在办事项", 1)
    _chart(document, "offices", "图1　各单位在办事项的时限情况")
    document.add_heading("三、需会议研究", 1)
    with pages.unless_empty(document, "proposals", "没有系统建议的流转。"):
        pages.body(document, "以下为系统按工作流程提出的建议，由会议决定。")
        pages.repeated(
            document, ("事项编号", "对象", "单位", "建议", "理由"),
            ("{{ row.case_id }}", "{{ row.subject }}", "{{ row.office }}", "{{ row.move }}", "{{ row.why }}"),
            "row in proposals", (30, 44, 26, 22, 34),
        )  # fmt: skip
    document.add_heading("四、未按进度的目标", 1)
    _targets(document, "targets_behind")
    document.add_heading("五、未评估", 1)
    _not_assessed(document)
    pages.lying_section(document)
    document.add_heading("附表1　逾期事项", 1)
    _overdue(document)
    _appendices(document, 2, "target_lists if row.is_behind")
    return document


def todo() -> Any:
    """Draw the to-do lists: a chapter for each office, a table for each person."""
    document = _begun("待办清单", "{{ scope }}　{{ day }}")
    with pages.unless_empty(document, "todo", "没有待办事项。"):
        document.add_paragraph("{%p for office in todo %}")
        document.add_paragraph("{{ office.title }}", style="Heading 1").paragraph_format.page_break_before = False
        pages.body(
            document,
            "等待办理 {{ office.count }} 项，其中逾期 {{ office.overdue }} 项，临近到期 {{ office.soon }} 项。",
        )
        document.add_paragraph("{%p for person in office.people %}")
        document.add_heading("{{ person.title }}（{{ person.count }} 项）", 2)
        pages.repeated(
            document, ("事项编号", "对象和问题", "状态", "时限", "可办理", "系统建议"),
            ("{{ row.case_id }}", "{{ row.subject }}：{{ row.rule }}", "{{ row.state }}",
            "{{ row.due_on }} {{ row.left }}", "{{ row.moves }}", "{{ row.proposal }}"),
            "row in person.rows", (30, 44, 12, 21, 25, 24),
        )  # fmt: skip
        document.add_paragraph("{%p endfor %}")
        document.add_paragraph("{%p if not loop.last %}")
        document.add_page_break()
        document.add_paragraph("{%p endif %}")
        document.add_paragraph("{%p endfor %}")
    pages.body(document, "待办按时限从急到缓排列；“系统建议”供参考，流转由人决定。{{ program }}", style="Note")
    return document


def _chart(document: Any, name: str, caption: str) -> None:
    with pages.unless_empty(document, f"charts.{name}", ""):
        pages.body(document, f"{{{{ charts.{name} }}}}", style="Chart")
        pages.body(document, caption, style="Chart Caption")


def _changes(document: Any) -> None:
    with pages.unless_empty(document, "changes", "没有变化。"):
        pages.body(document, "变化情况（点击数字看明细）", style="Caption")
        pages.repeated(document, ("变化", "项数"), ("{{ row.title }}", "{{ row.count }}"), "row in changes", (100, 56))


def _targets(document: Any, rows: str) -> None:
    with pages.unless_empty(document, rows, "没有可列的目标。"):
        pages.repeated(
            document, ("目标", "要求和期限", "现值", "完成/总数", "状态", "来源、依据"),
            ("{{ row.indicator }}（{{ row.area }}）", "{{ row.words }} {{ row.deadline }}", "{{ row.now }}",
            "{{ row.counts }}", "{{ row.status }}", "{{ row.source }} {{ row.clause }}"),
            f"row in {rows}", (34, 30, 22, 20, 16, 34),
        )  # fmt: skip
    pages.body(
        document,
        "共有目标 {{ targets_all }} 项，其中没有图层对象也没有填报、不能判断的 "
        "{{ targets_unknown }} 项（不等于完成）。目标按全域计算，不随单位、县区筛选。",
        style="Note",
    )


def _not_assessed(document: Any) -> None:
    pages.body(
        document, "未能评估的事项 {{ n.not_assessed }} 项。以下规则在最近一次判定中有对象未能评估（不等于没有问题）："
    )
    with pages.unless_empty(document, "not_assessed", "{{ not_assessed_told }}"):
        pages.repeated(
            document,
            ("规则", "未评估的对象数"),
            ("{{ row.title }}", "{{ row.count }}"),
            "row in not_assessed",
            (116, 40),
        )


def _overdue(document: Any) -> None:
    with pages.unless_empty(document, "overdue", "没有逾期事项。"):
        pages.repeated(
            document, ("事项编号", "对象", "问题", "状态", "单位", "时限", "逾期(天)", "时限来源", "依据"),
            ("{{ row.case_id }}", "{{ row.subject }}", "{{ row.rule }}", "{{ row.state }}", "{{ row.office }}",
            "{{ row.due_on }}", "{{ row.days }}", "{{ row.source }}", "{{ row.clause_no }}"),
            "row in overdue", (31, 56, 54, 16, 32, 22, 16, 18, 12),
        )  # fmt: skip
        pages.body(document, "依据：", style="Note")
        document.add_paragraph("{%p for clause in clauses %}")
        pages.body(document, "{{ clause.mark }}[{{ clause.number }}] {{ clause.text }}", style="List Text")
        document.add_paragraph("{%p endfor %}")


def _appendices(document: Any, number: int, lists: str = "target_lists") -> None:
    document.add_heading(f"附表{number}　变化明细", 1)
    with pages.unless_empty(document, "details", "没有变化。"):
        pages.repeated(
            document, ("变化", "事项编号", "对象", "内容", "原因", "经办人", "日期"),
            ("{{ row.mark }}{{ row.kind }}", "{{ row.case_id }}", "{{ row.subject }}",
            "{{ row.what }}", "{{ row.why }}", "{{ row.person }}", "{{ row.on }}"),
            "row in details", (24, 31, 48, 68, 46, 18, 22),
        )  # fmt: skip
    document.add_heading(f"附表{number + 1}　目标未完成的对象", 1)
    with pages.unless_empty(document, "target_lists", "没有。"):
        pages.repeated(
            document,
            ("目标", "未完成", "未知"),
            ("{{ row.mark }}{{ row.title }}", "{{ row.rest }}", "{{ row.unknown }}"),
            f"row in {lists}",
            (57, 120, 80),
        )
    document.add_heading(f"附表{number + 2}　数字对应的事项", 1)
    document.add_paragraph("{%p for list in lists %}")
    document.add_heading("{{ list.mark }}{{ list.title }}（{{ list.count }} 项）", 3)
    pages.body(
        document, "{{ list.cases }}{% if list.more %}……另有 {{ list.more }} 项，见台账。{% endif %}", style="List Text"
    )
    document.add_paragraph("{%p endfor %}")
    document.add_heading(f"附表{number + 3}　事项", 1)
    pages.repeated(
        document, ("事项编号", "对象", "问题", "状态", "核查", "县区", "单位", "发现日期", "时限"),
        ("{{ case.mark }}{{ case.case_id }}", "{{ case.subject }}", "{{ case.rule }}", "{{ case.state }}",
        "{{ case.seen }}", "{{ case.county_name }}", "{{ case.office }}", "{{ case.found_on }}", "{{ case.due_on }}"),
        "case in cases", (31, 50, 50, 16, 20, 20, 26, 22, 22),
    )  # fmt: skip
    pages.body(
        document,
        "说明：事项数不含并入其他事项的 {{ n.merged }} 项。“在办”指仍等待办理的状态；单位和县区按{{ day }}的台账；逾期从时限次日起算。"
        "正文数字按 Ctrl 点击可到其事项。{{ told }}{{ program }}",
        style="Note",
    )


TEMPLATES: Mapping[str, Callable[[], Any]] = {"dispatch": dispatch, "brief": brief, "todo": todo}


def main(arguments: Sequence[str]) -> None:
    """Write the templates into the folder named."""
    write_templates(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

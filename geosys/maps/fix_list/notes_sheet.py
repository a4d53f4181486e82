"""The sheets beside the list: advice and provenance, what became of the last delivery, the scorecard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys.maps.cells import count_lines, row_height
from geosys.maps.fix_list.book import Dresser, put, set_page, sheet_name, tint, write_grid
from geosys.maps.fix_list.issue_sheet import MOST_LISTED
from geosys.maps.fix_rows import STATES, by_type, since_last, summary
from geosys.maps.frames import check_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.workbook import Workbook

    from geosys.maps.fix_rows import Letter
    from geosys.maps.palettes import Palettes

_KINDS = (
    ("问题", "Issue", 30), ("严重程度", "Severity", 10), ("条数", "Count", 8),
    ("应如何改", "What to do (Chinese)", 66), ("应如何改（英文）", "What to do", 66),
)  # fmt: skip
_COMPARED = (
    ("与上次比", "Since last", 16), ("问题", "Issue", 24), ("字段", "Field", 16), ("对象编号", "Object code", 24),
    ("说明", "In detail", 60),
)  # fmt: skip
_SCORES = (
    ("报送单位", "Sender", 24), ("图层", "Layer", 20), ("报送次数", "Deliveries", 10), ("行数", "Rows", 10),
    ("不能采用的行", "Rows withheld", 10), ("不能采用比例", "Withheld %", 10),
    ("致命/百行", "Critical per 100", 10), ("错误/百行", "Errors per 100", 10),
    ("警告/百行", "Warnings per 100", 10), ("提示/百行", "Notices per 100", 10),
    ("重报已改比例", "Mended %", 11), ("最近报送", "Last delivery", 12), ("等级", "Grade", 14), ("等级依据", "Basis of grade", 22),
)  # fmt: skip
_SCORE_NEEDS = (
    "sender", "layer_title", "layer", "deliveries", "rows", "rows_withheld", "withheld_share", "critical_per_100_rows",
    "error_per_100_rows", "warning_per_100_rows", "notice_per_100_rows", "mended_share", "last_delivery", "grade",
    "grade_zh", "certainty",
)  # fmt: skip
_READING = "本系统的理解，须人工判断 Our reading, to be judged by a person"


def write_notes_sheet(
    book: Workbook,
    rows: pd.DataFrame,
    letter: Letter,
    palettes: Palettes,
    comparison: pd.DataFrame | None,
    remarks: Sequence[str],
) -> None:
    """Write advice by issue type with counts, what the colours mean, and where all of it came from."""
    sheet = book.create_sheet(sheet_name(book, "说明 Notes"))
    kinds = by_type(rows)
    lines = [
        [
            f"{k.issue_title_zh}\n{k.issue_title_en}",
            palettes.issue_severities[k.severity].title.zh,
            k.count,
            k.advice_zh,
            k.advice_en,
        ]
        for k in kinds.itertuples()
    ]
    texts = _told(rows, letter, palettes, comparison, remarks)
    top = len(texts) + len(palettes.issue_severities) + 3
    write_grid(sheet, top, _KINDS, lines)
    dress = Dresser()
    width = sum(head[2] for head in _KINDS[1:])
    for at, (name, text) in enumerate(texts, 1):
        _wide(sheet, dress, at, name, text, width)
    for at, (severity, swatch) in enumerate(palettes.issue_severities.items(), len(texts) + 1):
        _wide(sheet, dress, at, "颜色 Colour", swatch.title.both(), width)
        dress(sheet.cell(at, 2), fill=tint(swatch.colour, severity), bold=True)
    for number, severity in enumerate(kinds["severity"], top + 2):
        dress(sheet.cell(number, 2), fill=tint(palettes.issue_severities[severity].colour, severity), bold=True)
    set_page(sheet, f"{letter.meta.as_of.isoformat()} {letter.meta.program}")


def _told(
    rows: pd.DataFrame, letter: Letter, palettes: Palettes, comparison: pd.DataFrame | None, remarks: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the lines of the head that have something to say."""
    meta, last = letter.meta, since_last(comparison)
    withheld = (
        f"{letter.rows_withheld} / {letter.rows}"
        if letter.rows is not None and letter.rows_withheld is not None
        else ""
    )
    told = [
        ("报送单位 Sender", letter.sender),
        ("工作区 Workspace", meta.title.both()),
        ("标记 Mark", meta.mark.both() if meta.mark else ""),
        ("问题 Issues", summary(rows, palettes).both()),
        ("未采用的行 Rows withheld", withheld),
        ("与上次比 Since last", last.both() if last else ""),
        ("报回期限 Reply by", letter.reply_by.isoformat() if letter.reply_by else ""),
        ("判定日期 As of", meta.as_of.isoformat()),
        ("程序 Program", meta.program),
        ("规则版本 Rules version", meta.rules_version),
        *(("图层 Layer", f"{p.title.both()}：{p.delivered}（{p.version}）") for p in meta.layers),
        (
            "怎样用 How to use",
            (
                "请在您自己的原始数据中改正，不要在本表的副本上改；改完在“已改”列选“是”，连同新数据一起报回。"
                " Mend your own source, not the copies in this workbook; tick the column and send both back."
            ),
        ),
        ("清单未列 Not listed", f"{len(rows) - MOST_LISTED}" if len(rows) > MOST_LISTED else ""),
        *(("备注 Remark", remark) for remark in remarks),
    ]
    return [(name, text) for name, text in told if text]


def _wide(sheet: Any, dress: Dresser, row: int, name: str, text: str, width: int) -> None:
    """Write a name and a text that runs over the other columns."""
    put(sheet.cell(row, 1), name)
    dress(sheet.cell(row, 1), fill="E8EEF4", bold=True)
    put(sheet.cell(row, 2), text)
    dress(sheet.cell(row, 2))
    sheet.merge_cells(start_row=row, start_column=2, end_row=row, end_column=len(_KINDS))
    sheet.row_dimensions[row].height = row_height(
        min(max(count_lines(text, width), count_lines(name, _KINDS[0][2])), 12)
    )


def write_comparison_sheet(book: Workbook, comparison: pd.DataFrame) -> None:
    """Write what became of each issue of the delivery before, and what is new."""
    sheet = book.create_sheet(sheet_name(book, "与上次比较 Since last"))
    last = since_last(comparison)
    dress = Dresser()
    put(sheet["A1"], last.both() if last else "")
    names = ("issue_title_zh", "field_title", "feature_id", "message_zh")
    shown = comparison.head(MOST_LISTED)
    lines = [[STATES[row["state"]].both(), *(row[name] for name in names)] for row in shown.to_dict("records")]
    write_grid(sheet, 2, _COMPARED, lines)
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(_COMPARED))
    dress(sheet["A1"], fill="E8EEF4", bold=True)
    sheet.row_dimensions[1].height = row_height(2)
    sheet.freeze_panes = "A4"
    sheet.auto_filter.ref = f"A3:E{3 + max(len(lines), 1)}"
    set_page(sheet, "与上次比较 Since last", "2:3")


def write_score_sheet(book: Workbook, scores: pd.DataFrame) -> None:
    """Write a scorecard, one row a sender and layer.

    Raises
    ------
    SpecError
        When the frame lacks a column.
    """
    check_columns(scores, _SCORE_NEEDS, "fix list, scorecard")
    sheet = book.create_sheet(sheet_name(book, "报送质量 Scorecard"))
    lines = [
        [
            row["sender"], row["layer_title"] or row["layer"], row["deliveries"], row["rows"], row["rows_withheld"],
            _rounded(row["withheld_share"], 100), *(_rounded(row[f"{s}_per_100_rows"]) for s in ("critical", "error", "warning", "notice")),
            _rounded(row["mended_share"], 100), row["last_delivery"], f"{row['grade']} {row['grade_zh']}".strip(),
            _READING if row["certainty"] == "our_reading" else row["certainty"],
        ]
        for row in scores.to_dict("records")
    ]  # fmt: skip
    write_grid(sheet, 1, _SCORES, lines)
    sheet.freeze_panes = "A3"
    sheet.auto_filter.ref = f"A2:N{2 + max(len(lines), 1)}"
    set_page(sheet, "报送质量 Scorecard", "1:2")


def _rounded(value: float | None, times: int = 1) -> float | None:
    return None if pd.isna(value) else round(times * float(value), 2)  # type: ignore[arg-type]

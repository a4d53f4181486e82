"""Ask about the rows of a ledger kept by hand that are doubtful: a sheet with what may be meant, and a cell for the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._errors import DeliveryError
from geosys.exchange.cells import plain_text
from geosys.exchange.layout import PAPERS
from geosys.exchange.matching import DOUBTFUL, NONE, SURE
from geosys.exchange.sheets import (
    Formats,
    cell_name,
    count_lines,
    read_grids,
    row_height,
    set_page,
    workbook,
    write_heads,
    write_value,
)
from geosys.exchange.taking_over import KNOWN, LEAVE
from geosys.maps.sheets import Column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.exchange.taking_over import Adopted, HandLedger
    from geosys.maps.frames import Meta

RECORD, LISTS, SHEET = "_geosys", "_lists", "待定 To decide"
KIND = "geosys adopt"
BAR = "｜"  # between an object and its name
FIRST = 2
_VERDICTS = {SURE: "可接收 sure", DOUBTFUL: "待定 doubtful", NONE: "没有对象 no object", KNOWN: "已接收 known"}
_HEADS = (
    Column("line", "行号", "Line", 8), Column("verdict", "判定", "Verdict", 14), Column("why", "原因", "Why", 36),
    Column("code", "编号", "Code", 18), Column("name", "名称", "Name", 24), Column("problem", "问题", "Problem", 36),
    Column("candidates", "可能的对象", "What may be meant", 44), Column("decision", "决定", "Decision", 36),
)  # fmt: skip


def write_questions(path: Path, ledger: HandLedger, judged: Sequence[Adopted], meta: Meta) -> int:
    """Write the rows that are not sure with what may be meant, and return how many there are.

    The cell *决定* offers the objects and the word that leaves the row out; an object that is not on the list may be
    written as ``layer:id``.
    """
    asked = [told for told in judged if told.verdict in (DOUBTFUL, NONE)]
    with workbook(path, meta, "手工台账待定 To decide") as book:
        sheet = book.add_worksheet(SHEET)
        lists = book.add_worksheet(LISTS)
        lists.very_hidden()
        formats = Formats(book)
        set_page(sheet, meta, SHEET)
        sheet.set_paper(PAPERS["A4"])
        write_heads(sheet, formats, _HEADS, [])
        for row, told in enumerate(asked):
            _write_row(sheet, lists, formats, row, told)
        sheet.freeze_panes(FIRST, 0)
        sheet.protect("", dict.fromkeys(("autofilter", "format_columns", "format_rows"), True))
        record = book.add_worksheet(RECORD)
        record.very_hidden()
        record.write_row(0, 0, [KIND, ledger.digest])
    return len(asked)


def _write_row(sheet: Any, lists: Any, formats: Formats, row: int, told: Adopted) -> None:
    options = [f"{layer}:{feature_id}{BAR}{name}" for layer, feature_id, name in told.candidates]
    texts = [plain_text(told.row.cells.get(key) or "") for key in ("code", "name", "problem")]
    values = [str(told.row.line), _VERDICTS[told.verdict], told.why.both(), *texts, "\n".join(options), None]
    for at, value in enumerate(values):
        is_open = at == len(values) - 1
        write_value(
            sheet, row + FIRST, at, value, formats, bg_color="#FFFFFF" if is_open else "#EEF1F4", locked=not is_open
        )
    lines = max(count_lines(str(value or ""), head.width) for value, head in zip(values, _HEADS, strict=True))
    sheet.set_row(row + FIRST, row_height(lines))
    words = [*options, LEAVE]
    for at, word in enumerate(words):
        lists.write_string(row, at, word)
    last = cell_name(row, len(words) - 1).rstrip("0123456789")
    rule = {"validate": "list", "source": f"={LISTS}!$A${row + 1}:${last}${row + 1}", "error_type": "warning"}
    sheet.data_validation(row + FIRST, len(values) - 1, row + FIRST, len(values) - 1, rule)


def read_decisions(path: Path, ledger: HandLedger) -> dict[int, str]:
    """Return what people decided, by line of the ledger: an object as ``layer:id``, or the word that leaves a row out.

    Raises
    ------
    DeliveryError
        When the sheet is not about this ledger as it is now: its lines would mean other rows.
    """
    grids = read_grids(path)
    record = grids.get(RECORD)
    if not record or record[0][:2] != [KIND, ledger.digest]:
        raise DeliveryError(
            f"{path.name}: got another sheet, expected the one that asked about {ledger.file} as it is now. Write it again with --ask."
        )
    decision = len(_HEADS) - 1
    rows = [row for row in grids.get(SHEET, [])[FIRST:] if len(row) > decision and row[decision] is not None]
    return {int(str(row[0])): str(row[decision]).partition(BAR)[0].strip() for row in rows}

"""Write the fix-list that goes back to a sender: his issues, his own sheets with the faults coloured, a map, advice.

The package is the one door to openpyxl: no other library reads a workbook with its formats and writes it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys._faults import Faults
from geosys.content import content_root
from geosys.maps.fix_list.book import new_book, save_book
from geosys.maps.fix_list.issue_sheet import MOST_LISTED, link_cells, write_issue_sheet
from geosys.maps.fix_list.notes_sheet import write_comparison_sheet, write_notes_sheet, write_score_sheet
from geosys.maps.fix_list.place_sheet import write_place_sheet
from geosys.maps.fix_list.sender_sheet import write_sender_sheets
from geosys.maps.fix_rows import fix_rows
from geosys.maps.frames import check_columns
from geosys.maps.palettes import load_palettes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from geosys.maps.fix_rows import Letter, Original
    from geosys.maps.frames import Meta
    from geosys.maps.palettes import Palettes

__all__ = ["MOST_LISTED", "write_fix_list", "write_scorecard"]

_COMPARED = ("state", "after_id", "issue_title_zh", "field_title", "feature_id", "message_zh")


def write_fix_list(
    path: Path,
    issues: pd.DataFrame,
    originals: Sequence[Original],
    letter: Letter,
    *,
    comparison: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    palettes: Palettes | None = None,
) -> None:
    """Write the fix-list of one sender as a workbook.

    Sheets: the issues; a copy of each of the sender's tables with the faulty cells coloured and commented, rows
    where he has them; the places; what became of the last delivery; his scorecard; notes and advice. The bytes
    depend on nothing but what is handed in; the file appears when complete, or not at all.

    Parameters
    ----------
    issues : the issue table of this delivery, geometry in EPSG:4490.
    originals : the sender's tables as they came.
    comparison : from `compare_deliveries`, with the delivery before.
    scores : rows of the scorecard; only this sender's are shown.

    Raises
    ------
    SpecError
        When a frame lacks a column, holds an unknown word or has another CRS.
    """
    looks = palettes or content_palettes()
    rows = fix_rows(issues, comparison)
    if comparison is not None:
        check_columns(comparison, _COMPARED, "fix list, comparison")
    book = new_book(letter.meta, "修改清单 Fix list")
    write_issue_sheet(book, rows, originals, letter, looks, comparison)
    remarks, cells = write_sender_sheets(book, rows, originals, looks)
    link_cells(book, cells)
    write_place_sheet(book, rows, letter, looks)
    if comparison is not None:
        write_comparison_sheet(book, comparison)
    if scores is not None:
        write_score_sheet(book, scores[scores["sender"] == letter.sender])
    write_notes_sheet(book, rows, letter, looks, comparison, remarks)
    save_book(book, path)


def write_scorecard(path: Path, scores: pd.DataFrame, meta: Meta) -> None:
    """Write the scorecard of all senders as a workbook, for the office itself.

    Raises
    ------
    SpecError
        When the frame lacks a column.
    """
    book = new_book(meta, "报送质量评分 Scorecard")
    write_score_sheet(book, scores)
    save_book(book, path)


def content_palettes() -> Palettes:
    """Return the palettes of the content."""
    faults = Faults()
    palettes = load_palettes(content_root() / "maps" / "palettes.toml", faults)
    faults.raise_if_any()
    assert palettes is not None  # noqa: S101  its faults have been raised
    return palettes

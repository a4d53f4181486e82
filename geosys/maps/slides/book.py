"""The workbook behind a chart, that PowerPoint opens for "edit data": names as texts, never as formulas."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.maps.cells import cell_text
from geosys.maps.frames import Meta
from geosys.maps.tables import workbook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.slides.board import Deck


def chart_book(
    deck: Deck, title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]]
) -> bytes:
    """Return a workbook laid out as the chart refers to it: names down the first column, a column for each series."""
    meeting, said = deck.meeting, deck.say(deck.meeting.title)
    mark = deck.say(meeting.mark) if meeting.mark else ""
    meta = Meta(Text(said, ""), meeting.day, deck.say(meeting.program), Text(mark, "") if mark else None)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chart.xlsx"
        with workbook(path, meta, title) as book:
            sheet = book.add_worksheet("Sheet1")
            for row, name in enumerate(names, 1):
                sheet.write_string(row, 0, cell_text(name))
            for column, (name, numbers) in enumerate(series, 1):
                sheet.write_string(0, column, cell_text(name))
                for row, number in enumerate(numbers, 1):
                    if number is not None:
                        sheet.write_number(row, column, number)
        return path.read_bytes()

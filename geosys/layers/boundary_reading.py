"""Read a boundary-point file as a delivery: its plots as a table, its faults as issues."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.layers.boundary_points import open_boundary_points, table_of
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geosys.layers.boundary_model import Fault
    from geosys.layers.reading import Reading


def read_boundary_file(path: Path, _table: str | None, encoding: str | None, _words: Sequence[str]) -> Reading:
    """Read a boundary-point file as a table: one row a plot, and an issue `boundary_file` for each fault.

    Raises
    ------
    DeliveryError
        When the bytes are no text, too many, or hold neither header nor plot.
    """
    file = open_boundary_points(path, encoding)
    return replace(table_of(file, path.stem), issues=tuple(_issue(fault) for fault in file.faults))


def _issue(fault: Fault) -> Issue:
    """Return the issue of one fault; `row` is its plot, −1 the whole file."""
    title, at = fault.title, fault.line
    zh = f"{title.zh}：第 {at} 行，读到“{fault.got}”，应为“{fault.expected}”"
    en = f"{title.en}: line {at}, got '{fault.got}', expected '{fault.expected}'"
    return Issue(
        "boundary_file",
        Text(zh, en),
        row=fault.block,
        value=fault.what,
        before=fault.got,
        severity=fault.severity,
        source_line=at,
    )

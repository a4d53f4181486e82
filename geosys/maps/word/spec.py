"""Read ``maps/reports.toml``: which reports there are, their templates, and what a template must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._faults import Faults
from geosys.content import read_toml, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys._text import Text

FOLDER = "reports"
NAMES = ("dispatch", "brief", "todo")
_NUMBERS = ("longest_text", "most_listed", "most_pressing")
COLOURS = ("overdue", "near", "rest")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PLACEHOLDER = re.compile(r"[a-z_]+(\.[a-z_]+)?")


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """Hold one report: its title, its template, the placeholders that a template must hold, and how many cases one list of it names."""

    title: Text
    template: Path
    needs: tuple[str, ...]
    most_listed: int


@dataclass(frozen=True, slots=True)
class ReportBook:
    """Hold all reports and the bounds of what they show; `most_listed` is that of reports that say none."""

    reports: Mapping[str, ReportSpec]
    longest_text: int
    most_listed: int
    most_pressing: int
    colours: Mapping[str, str]


def read_reports(root: Path) -> ReportBook:
    """Read and check the reports of the content.

    Raises
    ------
    SpecError
        With every fault.
    """
    path = root / "maps" / "reports.toml"
    name, faults = short_name(path), Faults()
    table = read_toml(path)
    faults.keys(name, table, (), (*_NUMBERS, "colours", "reports"))
    numbers = {key: _bound(f"{name} {key}", table.get(key, 1), faults) for key in _NUMBERS}
    colours = table.get("colours", {})
    faults.keys(f"{name} [colours]", colours, (), COLOURS)
    for key, colour in colours.items():
        if not _COLOUR.fullmatch(str(colour)):
            faults.add(f"{name} [colours] {key}", colour, "a colour as '#A3262A'")
    rows = table.get("reports", {})
    faults.keys(f"{name} [reports]", rows, (), NAMES)
    most = numbers["most_listed"]
    reports = {key: _report(f"{name} [reports.{key}]", row, root, most, faults) for key, row in rows.items()}
    faults.raise_if_any()
    return ReportBook(reports, colours=colours, **numbers)


def _bound(where: str, number: Any, faults: Faults) -> int:
    if isinstance(number, int) and not isinstance(number, bool) and number >= 1:
        return number
    faults.add(where, number, "a whole number above 0")
    return 1


def _report(where: str, row: Mapping[str, Any], root: Path, most: int, faults: Faults) -> ReportSpec:
    faults.keys(where, row, ("most_listed",), ("title", "template", "needs"))
    template = root / "maps" / FOLDER / str(row.get("template", ""))
    if not template.is_file():
        faults.add(f"{where} template", row.get("template"), f"a file of maps/{FOLDER}/")
    needs = row.get("needs", [])
    if not (isinstance(needs, list) and all(isinstance(word, str) and _PLACEHOLDER.fullmatch(word) for word in needs)):
        faults.add(f"{where} needs", needs, "a list of placeholders as 'day' or 'n.overdue'")
        needs = []
    most = _bound(f"{where} most_listed", row.get("most_listed", most), faults)
    return ReportSpec(faults.text(f"{where} title", row.get("title")), template, tuple(needs), most)

"""The options that every command takes, and what they mean."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geosys._errors import WorkspaceError
from geosys.layers.spec import read_catalogue
from geosys.workspace import find_workspace, read_workspace

if TYPE_CHECKING:
    from geosys.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="工作区文件夹 The workspace folder (default: here or above)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON Print JSON for machines.")]
TodayOption = Annotated[
    str | None, typer.Option("--today", help="判定日期 The day to judge by, as 2026-09-30 (default: today).")
]


def day_named(text: str | None) -> dt.date:
    """Return the day an option names, today where it names none."""
    if text is None:
        return dt.datetime.now(tz=dt.UTC).astimezone().date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WorkspaceError(f"--today: got {text!r}, expected a date as 2026-09-30.") from None


def box_named(text: str | None) -> tuple[float, float, float, float] | None:
    """Return the box an option names as west,south,east,north."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise WorkspaceError(f"--region: got {text!r}, expected west,south,east,north in degrees.") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004 (NaN is refused too)
        raise WorkspaceError(f"--region: got {text!r}, expected west < east and south < north in degrees.")
    return west, south, east, north


def workspace_at(folder: Path | None) -> Workspace:
    """Return the workspace of a folder or above it (default: where one stands)."""
    return read_workspace(find_workspace(folder or Path.cwd()), read_catalogue())

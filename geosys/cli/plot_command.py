"""The command that writes the sheet of a plot (一地一档), or of all plots with an index."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003  typer reads it when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named, workspace_at
from geosys.cli.terminal import print_content, show_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.plot_sheets.archive import Archive, PlotKey
    from geosys.plot_sheets.atlas import Made

HELP = (
    "一地一档 The sheet of a plot, as PDF and HTML: maps, state, samples, areas, rules, neighbours, what comes next.\n\n"
    "Example: geosys plot 410299W0025 --out sheets"
)
FOLDER = "plot_sheets"  # below the workspace, where no other is named
PROBLEMS = 1
MOST_WORKERS = 4
MOST_SHOWN = 12
LANGUAGES = ("zh", "en")


def plot(
    codes: Annotated[list[str] | None, typer.Argument(help="地块编码 The plots' codes.")] = None,
    every: Annotated[bool, typer.Option("--all", help="全部地块 All plots, with an index.")] = False,
    layer: Annotated[str | None, typer.Option(help="图层 Plots of this layer only.")] = None,
    out: Annotated[Path | None, typer.Option(help="输出文件夹 Where the sheets go (default: plot_sheets).")] = None,
    html: Annotated[bool, typer.Option("--html", help="只要网页 HTML (default: both).")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="只要 PDF PDF (default: both).")] = False,
    language: Annotated[str, typer.Option(help="语言 zh or en.")] = "zh",
    workers: Annotated[int | None, typer.Option(help="进程数 Processes (default: one a core, at most 4).")] = None,
    workspace: WorkspaceOption = None,
    today: TodayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the sheets of some plots or of all; finished ones are kept, so that a broken-off run goes on where it stopped."""
    from geosys.plot_sheets.archive import find_plots, plots_of, read_archive  # noqa: PLC0415
    from geosys.plot_sheets.atlas import FORMATS, Order, write_index, write_sheets  # noqa: PLC0415  heavy, loaded where used

    if bool(codes) == every:
        raise WorkspaceError(
            "plot: got codes and --all, or neither, expected one of them. Example: geosys plot 410299W0025"
        )
    if language not in LANGUAGES:
        raise WorkspaceError(f"--language: got '{language}', expected one of: {', '.join(LANGUAGES)}.")
    if workers is not None and workers < 1:
        raise WorkspaceError(f"--workers: got {workers}, expected 1 or more.")
    plan = workspace_at(workspace)
    archive = read_archive(plan, day_named(today))
    keys = plots_of(archive, layer) if every else find_plots(archive, codes or [], layer)
    formats = tuple(kind for kind, on in zip(FORMATS, (pdf, html), strict=True) if on) or FORMATS
    order = Order((out or plan.root / FOLDER).resolve(), formats, language)
    processes = workers or min(os.cpu_count() or 1, MOST_WORKERS)
    with show_progress() as progress:
        made = write_sheets(archive, keys, order, lambda done, total: progress("plots", done, total), processes)
    index = write_index(archive, made, order) if every else []
    _print(archive, keys, made, order.out, index, as_json=as_json)
    if any(one.fault for one in made) or any(key.is_withheld for key in keys):
        raise SystemExit(PROBLEMS)


def _print(
    archive: Archive, keys: Sequence[PlotKey], made: Sequence[Made], out: Path, index: Sequence[Path], *, as_json: bool
) -> None:
    """Print what was made; as JSON, with all that few sheets tell."""
    sheets = [
        {
            "code": one.code, "layer": one.layer, "name": one.name, "files": [str(out / name) for name in one.files], "pages": one.pages,
            "outcomes": dict(one.outcomes), "kept": one.is_kept, "withheld": key.is_withheld, "fault": one.fault,
        }
        for key, one in zip(keys, made, strict=True)
    ]  # fmt: skip
    content: dict[str, Any] = {"out": str(out), "index": [str(path) for path in index], "sheets": sheets}
    if as_json and len(keys) <= MOST_SHOWN:
        content["plots"] = _told(archive, keys)
    faults = [one for one in made if one.fault]
    lines = [
        *(f"{name}" for one in made[:MOST_SHOWN] for name in (str(out / file) for file in one.files)),
        *(f"… 另有 {len(made) - MOST_SHOWN} 块 more" for _ in made[MOST_SHOWN : MOST_SHOWN + 1]),
        *(f"{one.code}（{one.layer}）: {one.fault}" for one in faults),
        *(f"{key.code}（{key.layer}）: 因数据问题未采用 withheld for a data issue" for key in keys if key.is_withheld),
        f"地块 plots: {len(made)}，沿用 kept {sum(one.is_kept for one in made)}，失败 failed {len(faults)}",
        *(f"index: {path}" for path in index),
    ]
    print_content(content, as_json=as_json, text="\n".join(lines))


def _told(archive: Archive, keys: Sequence[PlotKey]) -> list[dict[str, Any]]:
    """Return all that the sheets tell as plain data."""
    from geosys.plot_sheets.sheet import as_data, entries_of, file_of, open_desk  # noqa: PLC0415

    desk = open_desk(archive)
    entries = entries_of(desk, keys)
    return [as_data(file_of(desk, key, entries.get(key))) for key in keys]

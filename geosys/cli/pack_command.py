"""The command that makes the pack of a meeting: one folder with a page, map, slides, brief, tables and sheets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.cli.options import JsonOption, TodayOption, WorkspaceOption, day_named
from geosys.cli.terminal import print_content, show_progress

if TYPE_CHECKING:
    from geosys.maps.meeting.spec import MeetingSpec
    from geosys.packs.folder import Packed
    from geosys.packs.material import Material

HELP = "会议材料包 The pack of a meeting.\n\nExample: geosys pack planning --since 2026-09-01 --out 规划会商"
FIRST = "none"  # said for --since at the first meeting
LANGUAGES = ("zh", "en")
NameArgument = Annotated[str | None, typer.Argument(help="会议 A meeting of maps/meetings/ (default: list them).")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        help="上次会议日期，首次会议写 none The day of the last meeting, or 'none' for the first (default: that of the last pack)."
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="输出文件夹 Folder (default: packs/MEETING_DAY of the workspace).")
]
LanguageOption = Annotated[str, typer.Option("--language", help="语言 zh or en.")]


def pack(
    meeting: NameArgument = None,
    since: SinceOption = None,
    out: OutOption = None,
    language: LanguageOption = "zh",
    today: TodayOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the pack of a meeting from a workspace: figures, changes, issues, map, sheets, slides, brief and tables."""
    from geosys.maps.meeting.spec import meeting_named  # noqa: PLC0415  heavy packages are loaded only where they are used
    from geosys.packs.meeting import read_meetings  # noqa: PLC0415

    if language not in LANGUAGES:
        hint = nearest(language, LANGUAGES)
        raise WorkspaceError(f"--language: got '{language}', expected one of {', '.join(LANGUAGES)}. {hint}".rstrip())
    if meeting is None:
        from geosys.rooms import read_content  # noqa: PLC0415

        _list(read_meetings(read_content()), as_json=as_json)
        return
    from geosys.cli.case_reading import opened  # noqa: PLC0415
    from geosys.maps.paper.press import open_press  # noqa: PLC0415
    from geosys.packs.folder import FOLDER, check_place, write_pack  # noqa: PLC0415
    from geosys.packs.material import open_material  # noqa: PLC0415

    plan, content = opened(workspace)
    spec = meeting_named(read_meetings(content), meeting)
    day = plan.as_of or day_named(today)
    last = None if since in (None, FIRST) else _day(str(since))
    folder = (out or plan.root / FOLDER / f"{spec.name}_{day}").absolute()
    check_place(folder, plan.root)
    with show_progress() as progress:
        material = open_material(plan, content, spec, day, progress, since=last, is_first=since == FIRST)
        press = open_press(content.catalogue.root / "maps")
        packed = write_pack(material, folder, press, progress, language)
    _tell(packed, material, as_json=as_json)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WorkspaceError(
            f"--since: got {text!r}, expected a date as 2026-09-30, or '{FIRST}' for the first meeting."
        ) from None


def _list(meetings: dict[str, MeetingSpec], *, as_json: bool) -> None:
    rows = [
        {
            "meeting": one.name, "title": one.title.zh, "title_en": one.title.en, "about": one.about.zh, "audience": one.audience,
            "items": [item.title.zh for item in one.items],
        }
        for one in meetings.values()
    ]  # fmt: skip
    text = "\n".join(
        f"{row['meeting']:12} {row['title']} {row['title_en']}\n{'':12} {'；'.join(row['items'])}" for row in rows
    )
    print_content(rows, as_json=as_json, text=text)


def _tell(packed: Packed, material: Material, *, as_json: bool) -> None:
    meeting = packed.meeting
    told: dict[str, Any] = {
        "meeting": material.spec.name, "day": material.day, "since": material.since, "out": str(packed.folder), "files": list(packed.files),
        "figures": {one.id: {"value": one.value, "before": one.before, "change": one.change} for one in meeting.figures},
        "changes": meeting.changes.total, "issues": [one.id for one in meeting.issues], "charts": [name for name, _ in meeting.charts],
        "listings": {one.id: one.total for one in meeting.listings}, "sheets": {one.file: one.pages for one in meeting.sheets},
        "lacking": [text.zh for text in meeting.lacking],
    }  # fmt: skip
    since = f"{material.since} → " if material.since else "首次会议 first meeting → "
    lines = [
        f"{meeting.title.both()} {since}{material.day}",
        f"议题 issues {len(meeting.issues)}，变化 changes {meeting.changes.total}，图幅 sheets {len(meeting.sheets)}",
        *(f"! {text.zh}" for text in meeting.lacking),
        f"out: {packed.folder / 'index.html'}",
    ]
    print_content(told, as_json=as_json, text="\n".join(lines))

"""Write the pack of a meeting as one folder: built beside its place and moved there whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import geosys
from geosys._errors import SpecError, WorkspaceError
from geosys._text import Text
from geosys.layers.store import write_json
from geosys.maps.meeting.content import SheetFile
from geosys.maps.word.spec import read_reports
from geosys.packs.audience import check_meeting
from geosys.packs.map_page import PAGE, map_page, meta_for
from geosys.packs.meeting import for_slides, meeting_of
from geosys.packs.register import Held, note_pack
from geosys.packs.tables import write_tables
from geosys.reports.pages import write_report
from geosys.sheets.composing import Wanted, write_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from geosys.maps.meeting.content import Meeting
    from geosys.maps.paper.press import Press
    from geosys.packs.material import Material, Progress

KIND = "meeting_pack"
MANIFEST, INDEX, SLIDES, BRIEF, TABLES, SHEETS = (
    "manifest.json",
    "index.html",
    "slides.pptx",
    "brief.docx",
    "tables.xlsx",
    "sheets",
)
FOLDER = "packs"  # of a workspace, where packs stand if nobody says otherwise
_MEDIA = {
    SLIDES: ("幻灯片", "Slides", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    BRIEF: ("会议简报", "Brief", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    TABLES: ("数据表", "Tables", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}  # fmt: skip
_PDF = "application/pdf"
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Packed:
    """Hold what was written: the folder, its files, and the content it shows."""

    folder: Path
    files: tuple[str, ...]
    meeting: Meeting


def write_pack(material: Material, folder: Path, press: Press, progress: Progress, language: str = "zh") -> Packed:
    """Write the pack of a meeting and note it in the workspace's register; the folder appears whole or not at all.

    Equal material gives equal bytes.

    Parameters
    ----------
    folder : where it goes; an earlier pack of the same place is replaced, anything else is refused.

    Raises
    ------
    DisclosureError
        When the meeting shows more than its audience may see; nothing is written.
    WorkspaceError
        When the place is taken by something that is no pack, or cannot be written.
    """
    material = replace(material, lacking=[])  # what an earlier pack of the same material lacked is not told again
    check_meeting(material.desk, material.spec)
    check_place(folder, material.plan.root)
    with _beside(folder) as fresh:
        sheets = _sheets(material, fresh, press, progress, language)
        meeting = meeting_of(material, press, sheets, progress, language)
        _write(material, meeting, fresh, press, progress, language)
        manifest = _manifest(material, meeting, fresh, language)
        write_json(fresh / MANIFEST, manifest)
        digest = hashlib.sha256((fresh / MANIFEST).read_bytes()).hexdigest()
    since = material.since.isoformat() if material.since else ""
    note_pack(
        material.plan.root,
        Held(material.spec.name, material.day, since, _named(folder, material.plan.root), digest, meeting.program),
    )
    return Packed(folder, tuple(manifest["files"]), meeting)


def _named(folder: Path, root: Path) -> str:
    """Return how the register names a folder: below the workspace, or by its name alone."""
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.name


def check_place(folder: Path, root: Path) -> None:
    """Raise unless a pack may be written to a place: it is free, empty, or holds an earlier pack.

    Raises
    ------
    WorkspaceError
        Saying what is there.
    """
    if root.resolve().is_relative_to(folder.resolve()):
        raise WorkspaceError(
            f"--out {folder.name}: got a folder that holds the workspace, expected one of its own. Name another."
        )
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise WorkspaceError(
            f"--out {folder.name}: got something that is no folder, expected a new folder or an earlier pack. Name another."
        )
    if folder.is_dir() and any(folder.iterdir()) and not _is_pack(folder):
        raise WorkspaceError(
            f"--out {folder.name}: got a folder with other files, expected a new one or an earlier pack. Name another."
        )


def _is_pack(folder: Path) -> bool:
    """Say whether a folder is a pack: it has a pack's manifest and nothing at its top that is not in it."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {str(name).partition("/")[0] for name in told["files"]} | {MANIFEST}
        return bool(told.get("kind") == KIND) and {path.name for path in folder.iterdir()} <= known
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield a folder beside another one that takes its place at the end; with any error nothing of it stays."""
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f"{folder.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise WorkspaceError(
            f"--out {folder.name}: got {error.strerror or error}, expected a folder to write to. Make room or name another folder."
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _sheets(material: Material, fresh: Path, press: Press, progress: Progress, language: str) -> list[SheetFile]:
    """Write the sheets of a meeting; one that cannot be made is told and does not keep the others from being made."""
    desk, made = material.desk, []
    names = list(dict.fromkeys(name for item in material.spec.items for name in item.sheets))
    if names:
        (fresh / SHEETS).mkdir()
    for done, name in enumerate(names):
        progress("pack_sheets", done, len(names))
        spec, file = desk.book.sheets[name], f"{SHEETS}/{name}.pdf"
        try:
            printed = write_sheet(desk, spec, fresh / file, press, Wanted(language=language))
            made.append(SheetFile(spec.title, file, printed.pages))
        except SpecError as error:
            material.lack(f"图幅“{spec.title.zh}”未出：{error}", f"The sheet '{spec.title.en}' is left out: {error}")
    progress("pack_sheets", len(names), len(names))
    return made


def _write(material: Material, meeting: Meeting, fresh: Path, press: Press, progress: Progress, language: str) -> None:
    """Write all files of a pack but sheets and manifest."""
    from geosys.maps.meeting.page import PackFile, build_pack_page  # noqa: PLC0415  heavy, and only used here
    from geosys.maps.slides import write_slides  # noqa: PLC0415

    palettes, spec = material.desk.screen.palettes, material.spec
    progress("pack_files", 0, 5)
    page = map_page(material)
    (fresh / PAGE).write_text(page, encoding="utf-8", newline="\n")
    progress("pack_files", 1, 5)
    write_tables(fresh / TABLES, meeting, meta_for(material), palettes)
    progress("pack_files", 2, 5)
    _brief(material, fresh / BRIEF)
    progress("pack_files", 3, 5)
    write_slides(fresh / SLIDES, for_slides(meeting, spec), palettes, language=language)
    progress("pack_files", 4, 5)
    left, files = spec.embed_mb * _BYTES_PER_MB, []
    told = [(name, Text(zh, en), media) for name, (zh, en, media) in _MEDIA.items()]
    for name, title, media in [*told, *((one.file, one.title, _PDF) for one in meeting.sheets)]:
        data = (fresh / name).read_bytes()
        is_inside = len(data) <= left
        left -= len(data) if is_inside else 0
        files.append(PackFile(title, name, media, data if is_inside else None))
    html = build_pack_page(meeting, page, files, press, palettes=palettes, language=language)
    (fresh / INDEX).write_text(html, encoding="utf-8", newline="\n")
    progress("pack_files", 5, 5)


def _brief(material: Material, path: Path) -> None:
    """Write the brief in Word; for a first meeting its changes are counted from the day before the ledger began."""
    root = material.content.catalogue.root
    write_report(
        path, "brief", material.found, material.terms, material.names, read_reports(root), material.desk.screen.palettes,
        meta_for(material, is_judged=False), scope=material.plan.title.zh,
    )  # fmt: skip


def _manifest(material: Material, meeting: Meeting, fresh: Path, language: str) -> Mapping[str, Any]:
    files = sorted(path for path in fresh.rglob("*") if path.is_file())
    return {
        "kind": KIND, "meeting": material.spec.name, "title": meeting.title.zh, "place": meeting.place.zh, "day": material.day.isoformat(),
        "since": material.since.isoformat() if material.since else None, "brief_since": material.found.since.isoformat(), "language": language,
        "audience": material.spec.audience, "program": f"GeoSys {geosys.__version__}", "rules_version": material.rules_version,
        "layers": {name: layer.version for name, layer in sorted(material.desk.layers.items())},
        "files": {path.relative_to(fresh).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "lacking": [text.zh for text in meeting.lacking],
    }  # fmt: skip

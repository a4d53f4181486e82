"""Turn a sheet into a file: draw its maps, lay out its page, set its text, and put the file in place whole."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys.maps.paper.fonts import Fonts, find_fonts
from geosys.maps.paper.layout import ROOMS, Layout, Room
from geosys.maps.paper.legend import draw_legend
from geosys.maps.paper.measures import Measures, load_measures
from geosys.maps.paper.sheet import Printed
from geosys.maps.paper.typesetting import KINDS, TooFullError, not_written, typeset
from geosys.maps.paper.words import breakable, one_line, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from geosys.maps.paper.sheet import Sheet, Words

_LONGEST_TITLE = 90


@dataclass(frozen=True, slots=True)
class Press:
    """Hold what all sheets share: measures and fonts. Open it once for many sheets."""

    measures: Measures
    fonts: Fonts


def open_press(folder: Path, fonts: Fonts | None = None) -> Press:
    """Return the press for the content folder ``maps/``.

    Raises
    ------
    SpecError
        With every fault of ``paper.toml``.
    WorkspaceError
        When the font package is not there.
    """
    return Press(load_measures(folder / "paper.toml"), fonts if fonts is not None else find_fonts())


def compose(sheet: Sheet, path: Path, press: Press) -> Printed:
    """Write a sheet as PDF, PNG or SVG, by the ending of `path`; return what became of it.

    The same sheet gives the same bytes. A picture of several pages becomes ``name-1.png``, ``name-2.png`` and so on.

    Raises
    ------
    SpecError
        For a sheet that cannot be printed; nothing is written.
    CrsError
        When a layer is in another CRS than its map.
    WorkspaceError
        When the file cannot be written; no part of it stays behind.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise SpecError(
            f"sheet '{one_line(sheet.title, most=40)}': got the file {path.name}, expected one that ends in .pdf, .png or .svg."
        )
    files, printed = typeset_sheet(sheet, kind, press)
    names = [path] if len(files) == 1 else [path.with_stem(f"{path.stem}-{i}") for i in range(1, len(files) + 1)]
    put(dict(zip(names, files, strict=True)))
    return printed


def typeset_sheet(sheet: Sheet, kind: str, press: Press) -> tuple[list[bytes], Printed]:
    """Return a sheet's files as bytes, and what became of it; the side of a main map gets more room where it needs it."""
    for room in ROOMS[:-1]:
        with contextlib.suppress(TooFullError):
            return _typeset(sheet, kind, press, room)
    return _typeset(sheet, kind, press, ROOMS[-1])


def _typeset(sheet: Sheet, kind: str, press: Press, room: Room) -> tuple[list[bytes], Printed]:
    """Set a sheet with one size of its side."""
    measures = press.measures
    layout = Layout(sheet, measures, press.fonts, room)
    data = layout.body()
    legend = draw_legend(layout.maps, measures, press.fonts, sheet.language, layout.growth)
    drawings = layout.drawings | {"legend.pdf": legend.pdf}
    about = {"legend": legend.layout | {"file": "legend.pdf"}, "maps": layout.map_data()}
    data |= about | _around(sheet, layout, press)
    lacking = press.fonts.lacking(_texts(data))
    moment = int(dt.datetime.combine(sheet.as_of, dt.time(), dt.UTC).timestamp())
    pages = typeset(data, drawings, kind, press.fonts, measures.resolution_dpi, moment)
    maps = layout.maps
    scales, dropped = tuple(m.window.scale for m in maps), tuple(m.dropped for m in maps)
    return pages.files, Printed(pages.number, scales, dropped, tuple(m.absent for m in maps), lacking)


def put(files: Mapping[Path, bytes]) -> None:
    """Write files whole or not at all: each beside its place first, then all into it.

    Raises
    ------
    WorkspaceError
        When a disk is full or a folder cannot be written.
    """
    parts = {path.with_name(f".{path.name}.{os.getpid()}.part"): path for path in files}
    try:
        for part, path in parts.items():
            part.write_bytes(files[path])
        for part, path in parts.items():
            part.replace(path)
    except OSError as error:
        for part in parts:
            part.unlink(missing_ok=True)
        raise not_written(next(iter(files)).name, error) from None


def _around(sheet: Sheet, layout: Layout, press: Press) -> dict[str, Any]:
    """Return what is printed around the body: head, foot, notes, sources, boxes, words."""
    measures, language = press.measures, sheet.language
    words = {name: text.in_language(language) for name, text in measures.words.items()}
    boxes = sheet.boxes if sheet.boxes is not None else [(name, "") for name in measures.boxes]

    def line(text: Words, most: int = _LONGEST_TITLE) -> str:
        return one_line(text, language, most)

    sources = [
        f"{plain(s.title, language)}{words['colon']}{s.dated}{_in_brackets(plain(s.note, language), language)}"
        for s in sheet.sources
    ]
    return {
        "title": line(sheet.title), "subtitle": line(sheet.subtitle, 160), "marks": [line(m, 20) for m in sheet.marks],
        "disclaimer": line(sheet.disclaimer, 160), "approval": line(sheet.approval, 40), "program": line(sheet.program, 60),
        "about": f"{words['as_of'].replace('{date}', sheet.as_of.isoformat())} · {line(sheet.program, 60)}",
        "day": [sheet.as_of.year, sheet.as_of.month, sheet.as_of.day], "language": language, "words": words,
        "notes": [breakable(n, language) for n in (*sheet.notes, *layout.remarks())], "sources": [breakable(s) for s in sources],
        "boxes": [[line(name, 30), breakable(line(value, 60))] for name, value in boxes],
        "fonts": list(press.fonts.families), "first_page": sheet.first_page, "last_page": sheet.last_page,
    }  # fmt: skip


def _in_brackets(text: str, language: str) -> str:
    return "" if not text else f" ({text})" if language == "en" else f"（{text}）"


def _texts(data: object) -> Iterator[str]:
    """Yield every text of the data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)

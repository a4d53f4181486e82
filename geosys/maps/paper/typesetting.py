"""The door to typst: set a page's data with the drawings beside it into PDF, PNG or SVG.

All text travels as JSON and is never read as markup.
"""

from __future__ import annotations

import errno
import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typst

from geosys._errors import SpecError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.maps.paper.fonts import Fonts

TEMPLATE = Path(__file__).with_name("page.typ")
KINDS = ("pdf", "png", "svg")
_ROOM_LEFT = {errno.ENOSPC: "no space left", errno.EDQUOT: "a quota that is used up", errno.EFBIG: "a file too large"}
_TOO_FULL = "side is too full"


class TooFullError(SpecError):
    """The legend, notes and sources of a sheet do not fit beside its main map."""


class Pages(NamedTuple):
    """Hold what was set: one file for a PDF, else one for each page, and the number of pages."""

    files: list[bytes]
    number: int


def typeset(
    data: Mapping[str, Any], drawings: Mapping[str, bytes], kind: str, fonts: Fonts, dpi: float, moment: int
) -> Pages:
    """Set one sheet.

    Parameters
    ----------
    data : what `page.typ` reads as ``sheet.json``.
    drawings : file name -> bytes.
    kind : ``pdf``, ``png`` or ``svg``.
    moment : seconds since 1970 that the file gives as its creation.

    Raises
    ------
    SpecError
        When the sheet does not fit, or cannot be set; the message says what typst said.
    WorkspaceError
        When the folder for temporary files cannot be written.
    """
    try:
        return _typeset(data, drawings, kind, fonts, dpi, moment)
    except OSError as error:
        title = str(data.get("title", ""))[:40]
        raise not_written(f"the folder for temporary files, sheet '{title}'", error) from None


def _typeset(
    data: Mapping[str, Any], drawings: Mapping[str, bytes], kind: str, fonts: Fonts, dpi: float, moment: int
) -> Pages:
    """Write drawings and data into a folder of their own, and set them there."""
    with tempfile.TemporaryDirectory(prefix="geosys-sheet-") as name:
        folder = Path(name)
        for file, content in drawings.items():
            (folder / file).write_bytes(content)
        (folder / "sheet.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        (folder / "page.typ").write_bytes(TEMPLATE.read_bytes())
        compiler = typst.Compiler(
            folder / "page.typ", root=folder, font_paths=_faces(fonts.files), ignore_system_fonts=True
        )
        try:
            made = compiler.compile(format=kind, ppi=dpi, timestamp=moment)  # type: ignore[arg-type]
            number = int(json.loads(compiler.query("<pages>", field="value", one=True)))
        except typst.TypstError as error:
            raise _fault(error) from None
    return Pages(list(made) if isinstance(made, list) else [made or b""], number)


def not_written(where: str, error: OSError) -> WorkspaceError:
    """Return what to say when a file cannot be written."""
    why = _ROOM_LEFT.get(error.errno or 0, error.strerror or "an error of the disk")
    return WorkspaceError(f"{where}: got {why}, expected a folder to write to. Make room or name another folder.")


def _fault(error: typst.TypstError) -> SpecError:
    """Return what went wrong, in the words of a sheet where they are known."""
    if _TOO_FULL in str(error.message):
        return TooFullError(
            "sheet, beside the main map: got more legend, notes and sources than fit even in small letters, expected less. "
            "Take larger paper, or put some of it into the blocks that run over pages."
        )
    return SpecError(
        f"sheet: got a page that cannot be set ({error.message[:300]}), expected one that can. Mend its pictures and sizes."
    )


@lru_cache(maxsize=2)
def _faces(files: tuple[Path, ...]) -> typst.Fonts:
    """Return the faces as typst knows them; no font of the system, none that typst brings."""
    folders = list(dict.fromkeys(file.parent for file in files))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)

"""The fonts of paper: faces that come with a Python package, how wide text is in them, which characters they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

from geosys._errors import WorkspaceError
from geosys.maps.paper.plate import characters_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = "justmytype_intl_cjk"
FOLDERS = ("notosanssc", "notosanstc", "notosansjp", "notosanskr")  # simplified shapes first; the others fill its gaps
FAMILIES = ("Noto Sans SC", "Noto Sans TC", "Noto Sans JP", "Noto Sans KR")
_EM = 1000


@dataclass(frozen=True, slots=True)
class Fonts:
    """Hold the variable faces, the simplified Chinese one first; all weights come out of each."""

    files: tuple[Path, ...]
    families: tuple[str, ...] = FAMILIES
    _faces: dict[tuple[Path, int], ImageFont.FreeTypeFont] = field(default_factory=dict, repr=False, compare=False)

    def width(self, text: str, size_pt: float, weight: int = 400) -> float:
        """Return the width of one line in points, without kerning, as it is set."""
        return sum(self.advances(text, weight)) * size_pt

    def advances(self, text: str, weight: int = 400) -> list[float]:
        """Return the width of each character in parts of the size."""
        return [_advance(self._face(self.file_of(sign), weight), sign) for sign in text]

    def file_of(self, sign: str) -> Path:
        """Return the first file that has a character, or the first of all."""
        return next((file for file in self.files if ord(sign) in characters_of(file)), self.files[0])

    def lacking(self, texts: Iterable[str]) -> str:
        """Return the characters that no face has, in order of their codes."""
        known = frozenset().union(*(characters_of(self.files[0]),))
        rest = {sign for text in texts for sign in text if ord(sign) not in known and not sign.isspace()}
        return "".join(
            sorted(s for s in rest if not any(ord(s) in characters_of(f) for f in self.files) and s != "\u200b")
        )

    def _face(self, file: Path, weight: int) -> ImageFont.FreeTypeFont:
        """Return a face at a weight, opened once."""
        if (file, weight) not in self._faces:
            face = ImageFont.truetype(file, _EM, layout_engine=ImageFont.Layout.BASIC)
            face.set_variation_by_axes([weight])
            self._faces[file, weight] = face
        return self._faces[file, weight]


def find_fonts(folder: Path | None = None) -> Fonts:
    """Return the faces of the font package, or those under a folder built like it.

    Raises
    ------
    WorkspaceError
        When the package or its simplified Chinese face is not there.
    """
    if folder is None:
        spec = find_spec(PACKAGE)
        folder = Path(spec.origin).parent / "fonts" / "ofl" if spec and spec.origin else Path(PACKAGE)
    files = [next(iter(sorted((folder / name).glob("*.ttf"))), None) for name in FOLDERS]
    if files[0] is None:
        raise WorkspaceError(
            f"fonts: got no face of {FAMILIES[0]} under {folder.name}, expected that of the package {PACKAGE.replace('_', '-')}. "
            "Install GeoSys again: sheets are set in its own fonts only."
        )
    there = [(file, family) for file, family in zip(files, FAMILIES, strict=True) if file is not None]
    return Fonts(tuple(file for file, _ in there), tuple(family for _, family in there))


@lru_cache(maxsize=65536)
def _advance(face: ImageFont.FreeTypeFont, sign: str) -> float:
    """Return the width of one character in parts of the size."""
    return float(face.getlength(sign)) / _EM

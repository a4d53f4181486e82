"""The ground of a deck: our own plain master, or an office's, checked and emptied of its slides."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.exc import PackageNotFoundError
from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from pptx.opc.oxml import serialize_part_xml
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Pt

from geosys._errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WIDTH, HEIGHT = 960.0, 540.0  # points: 16:9
LATIN, CHINESE = "Arial", "微软雅黑"
DARK, ACCENT = "12395C", "1F5E96"
_TITLE = ("标题幻灯片", "Title Slide")
_CONTENT = ("仅标题", "Title Only")
_BLANK = ("空白", "Blank")
_ACTIVE = ("vba", "activex", "oleobject", "macro")
_OLD_WIDTH = 720.0  # points, of the slides python-pptx begins with: 4:3
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


@dataclass(frozen=True, slots=True)
class Base:
    """Hold an open presentation without slides, its layouts, its size in points and its faces.

    `faces` names the Latin and the Chinese face of titles and of the rest; `is_own` says that the master is ours.
    """

    presentation: Any
    title: Any
    content: Any
    width: float
    height: float
    faces: tuple[tuple[str, str], tuple[str, str]]
    is_own: bool

    @property
    def scale(self) -> float:
        """Return how large sizes are against a slide of 16:9."""
        return max(min(self.width / WIDTH, self.height / HEIGHT), 0.8)


def open_base(template: Path | None) -> Base:
    """Return the ground of a deck.

    Parameters
    ----------
    template : an office's ``.pptx``; its slides are left out, its master, layouts, colours and fonts are used. None: ours.

    Raises
    ------
    SpecError
        When it is no PowerPoint presentation, has no layout, or holds links to the outside, macros or embedded programs.
    """
    if template is None:
        return _plain_base()
    presentation = _opened(template)
    _empty(presentation)
    _refuse_links(presentation, template.name)
    layouts = list(presentation.slide_layouts)
    if not layouts:
        raise SpecError(f"{template.name}: got a master without layouts, expected at least one. Add a blank layout.")
    blank = _named(layouts, _BLANK) or min(layouts, key=lambda layout: len(list(layout.placeholders)))
    content = _named(layouts, _CONTENT) or blank
    width, height = presentation.slide_width / Pt(1), presentation.slide_height / Pt(1)
    title = _named(layouts, _TITLE) or content
    return Base(presentation, title, content, width, height, _faces(presentation), is_own=False)


def _opened(template: Path) -> Any:
    what = f"{template.name}: got a file that is no PowerPoint presentation (.pptx), expected one. Save it as .pptx."
    try:
        presentation = Presentation(str(template))
    except (PackageNotFoundError, KeyError, ValueError, OSError, AttributeError, zipfile.BadZipFile, SyntaxError):
        raise SpecError(what) from None
    if presentation.part.content_type != CONTENT_TYPE.PML_PRESENTATION_MAIN:
        raise SpecError(what)
    return presentation


def _empty(presentation: Any) -> None:
    """Take the slides out, and what names them: a list of sections or a show of lost slides is a damaged file."""
    root = presentation.part._element  # noqa: SLF001  python-pptx cannot delete slides
    for slide in list(root.sldIdLst if root.sldIdLst is not None else ()):
        presentation.part.drop_rel(slide.rId)
        root.sldIdLst.remove(slide)
    for tag in ("p:custShowLst", "p:extLst"):
        for old in root.findall(qn(tag)):
            root.remove(old)


def _refuse_links(presentation: Any, name: str) -> None:
    for part in presentation.part.package.iter_parts():
        if any(word in f"{part.content_type} {part.partname}".lower() for word in _ACTIVE):
            raise SpecError(
                f"{name}: got {part.partname}, a macro or embedded program, expected none. Save it as .pptx without it."
            )
        for relation in part.rels.values():
            if relation.is_external:
                raise SpecError(
                    f"{name}: got '{relation.target_ref[:100]}' in {part.partname}, which lies outside, "
                    "expected everything inside. Insert pictures instead of linking them, and take links out of the master."
                )


def _named(layouts: Sequence[Any], names: tuple[str, ...]) -> Any:
    return next((layout for name in names for layout in layouts if layout.name.strip() == name), None)


def rgb(colour: str) -> Any:
    """Return a colour ``#RRGGBB`` or ``RRGGBB``."""
    return RGBColor.from_string(colour.lstrip("#").upper())  # type: ignore[no-untyped-call]


def _theme(presentation: Any) -> Any:
    return presentation.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)


def _faces(presentation: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the faces of a theme; where it names no Chinese one, ours."""
    theme = parse_xml(_theme(presentation).blob)
    given = {}
    for kind, short in (("majorFont", "mj"), ("minorFont", "mn")):
        chinese = theme.find(f".//{_DRAWING}{kind}/{_DRAWING}ea")
        has_one = chinese is not None and chinese.get("typeface")
        given[short] = (f"+{short}-lt", f"+{short}-ea" if has_one else CHINESE)
    return given["mj"], given["mn"]


# --- our own master ---


def _plain_base() -> Base:
    presentation = Presentation()
    presentation.slide_width, presentation.slide_height = Pt(WIDTH), Pt(HEIGHT)
    package = presentation.part.package
    for key, relation in list(package._rels.items()):  # noqa: SLF001  the picture of an empty slide of 4:3
        if relation.reltype.endswith("/thumbnail"):
            package.drop_rel(key)
    layouts = {layout.name: layout for layout in presentation.slide_layouts}
    kept = [layouts[name] for name in ("Title Slide", "Title Only", "Blank")]
    for layout in layouts.values():
        if layout not in kept:
            presentation.slide_layouts.remove(layout)
    for layout in (presentation.slide_master, *kept):
        _widen(layout)
    _set_theme(presentation)
    title, content, blank = kept
    for layout, name in zip(kept, (_TITLE[0], _CONTENT[0], _BLANK[0]), strict=True):
        layout.element.cSld.set("name", name)
    _place(title, 0, (60.0, 96.0, 840.0, 150.0))
    _place(title, 1, (60.0, 276.0, 840.0, 120.0))
    _place(content, 0, (40.0, 20.0, 880.0, 48.0))
    _paint(blank, title, (0.0, 0.0, WIDTH, 256.0), DARK)
    _paint(blank, content, (0.0, 0.0, 12.0, 540.0), DARK)
    _paint(blank, content, (40.0, 70.0, 880.0, 1.5), ACCENT)
    faces = (("+mj-lt", "+mj-ea"), ("+mn-lt", "+mn-ea"))
    _empty(presentation)
    return Base(presentation, title, content, WIDTH, HEIGHT, faces, is_own=True)


def _widen(layout: Any) -> None:
    """Stretch places from 4:3 to 16:9."""
    for tag, key in (("off", "x"), ("ext", "cx")):
        for place in layout.element.iter(f"{_DRAWING}{tag}"):
            if place.get(key):
                place.set(key, str(round(int(place.get(key)) * WIDTH / _OLD_WIDTH)))


def _place(layout: Any, number: int, box: tuple[float, float, float, float]) -> None:
    for holder in layout.placeholders:
        if holder.placeholder_format.idx == number:
            holder.left, holder.top, holder.width, holder.height = (Pt(side) for side in box)


def _paint(blank: Any, layout: Any, box: tuple[float, float, float, float], colour: str) -> None:
    """Lay a rectangle behind the placeholders of a layout; python-pptx draws on slides only, so it is drawn there first."""
    slide = layout.part.package.presentation_part.presentation.slides.add_slide(blank)
    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *(Pt(side) for side in box))
    shape.fill.solid()
    shape.fill.fore_color.rgb = rgb(colour)
    shape.line.fill.background()
    shape.shadow.inherit = False
    tree = layout.shapes._spTree  # noqa: SLF001
    drawn = shape._element  # noqa: SLF001
    drawn.nvSpPr.cNvPr.set("id", str(max((int(n) for n in tree.xpath("//p:cNvPr/@id")), default=1) + 1))
    tree.insert(2, drawn)


def _set_theme(presentation: Any) -> None:
    """Name our fonts and colours in the theme: what people add to the deck looks like the rest."""
    part = _theme(presentation)
    theme = parse_xml(part.blob)
    for tag, face in (("latin", LATIN), ("ea", CHINESE)):
        for found in _fonts(theme, tag):
            found.set("typeface", face)
    for name, colour in (("dk2", DARK), ("accent1", ACCENT)):
        found = theme.find(f".//{_DRAWING}clrScheme/{_DRAWING}{name}")
        for old in list(found):
            found.remove(old)
        found.append(parse_xml(f'<a:srgbClr {nsdecls("a")} val="{colour}"/>'))
    part._blob = serialize_part_xml(theme)  # noqa: SLF001


def _fonts(theme: Any, tag: str) -> Iterator[Any]:
    for kind in ("majorFont", "minorFont"):
        yield from theme.findall(f".//{_DRAWING}{kind}/{_DRAWING}{tag}")

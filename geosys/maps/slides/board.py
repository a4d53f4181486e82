"""Draw on one slide: texts, chips, pictures, notes, the strip at its foot; sizes and places in points."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Pt

from geosys.maps.cells import ink_on
from geosys.maps.slides import words
from geosys.maps.slides.base import CHINESE, LATIN, rgb
from geosys.maps.slides.letters import LEAD, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.meeting.content import Meeting
    from geosys.maps.palettes import Palettes
    from geosys.maps.paper.sheet import Words
    from geosys.maps.slides.base import Base
    from geosys.maps.slides.letters import Fitted, Ruler

Box = tuple[float, float, float, float]  # left, top, width, height
MOST_NOTE, MOST_NOTES = 10_000, 60_000  # letters of one text and of all the notes of one slide
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_INSET = 4.0
_FOOT = 20.0
_LEFT, _CENTRE, _RIGHT = PP_ALIGN.LEFT, PP_ALIGN.CENTER, PP_ALIGN.RIGHT
ALIGN = {"left": _LEFT, "centre": _CENTRE, "right": _RIGHT}


@dataclass(frozen=True, slots=True)
class Deck:
    """Hold a deck under way: its ground, its meeting, what measures its texts, and the slides of each item of the agenda."""

    base: Base
    meeting: Meeting
    palettes: Palettes
    ruler: Ruler
    language: str
    boards: list[Board] = field(default_factory=list)
    pages: dict[int, list[int]] = field(default_factory=dict)

    def say(self, text: Words, *, is_one_line: bool = True) -> str:
        """Return a text in the deck's language, made legal."""
        return clean(text, self.language, is_one_line=is_one_line)

    def aside(self, text: str) -> str:
        """Return a text in the brackets of the deck's language."""
        return f"（{text}）" if self.language == "zh" else f" ({text})"

    def named(self, name: Words, text: str) -> str:
        """Return a text behind its name."""
        said = self.say(name)
        return text if not said else f"{said}：{text}" if self.language == "zh" else f"{said}: {text}"

    def continued(self, title: Words) -> str:
        """Return the title of a slide that goes on with the one before."""
        return self.say(title) + self.aside(self.say(words.CONTINUED))

    def item_of(self, kind: str, key: str) -> int:
        """Return the number of the first item of the agenda that names a thing, 0 where none does."""
        return next((n for n, item in enumerate(self.meeting.items, 1) if key in getattr(item, kind)), 0)

    def board(self, title: Words, *, item: int = 0, is_title: bool = False) -> Board:
        """Add a slide with a title and its foot."""
        board = Board(self, title, item, is_title=is_title)
        self.boards.append(board)
        if item:
            self.pages.setdefault(item, []).append(len(self.boards))
        return board


class Board:
    """One slide: its room for content is `left`, `top`, `right`, `bottom`, in points."""

    def __init__(self, deck: Deck, title: Words, item: int, *, is_title: bool) -> None:
        self.deck, base = deck, deck.base
        self.scale = base.scale
        self.slide = base.presentation.slides.add_slide(base.title if is_title else base.content)
        self.left, self.right = 40.0 * self.scale, base.width - 40.0 * self.scale
        self._noted = 0
        self.subtitle: Any = None
        foot = base.height - (_FOOT + 8.0) * self.scale
        self.top, self.bottom = self._head(deck.say(title), is_title=is_title), foot - 6.0 * self.scale
        self._foot(foot, item)

    @property
    def width(self) -> float:
        """Return the width of the room for content."""
        return self.right - self.left

    def _head(self, title: str, *, is_title: bool) -> float:
        """Write the title into the layout's place for it, or into one of our own; return where the content begins."""
        shapes, holder = self.slide.shapes, self.slide.shapes.title
        for other in list(self.slide.placeholders):
            if other.placeholder_format.idx == 1 and is_title and other.has_text_frame:
                self.subtitle = other
            elif holder is None or other.shape_id != holder.shape_id:
                other._element.getparent().remove(other._element)  # noqa: SLF001  an empty one says "click to add text"
        if holder is None:
            box = (self.left, 20.0 * self.scale, self.width, 48.0 * self.scale)
            holder = shapes.add_textbox(*(Pt(side) for side in box))
        sizes = (40.0, 34.0, 28.0, 24.0, 20.0) if is_title else (24.0, 20.0, 17.0, 14.0)
        bold, ink = self.deck.base.is_own, "FFFFFF" if self.deck.base.is_own and is_title else ""
        self.fill(holder, title, sizes, bold=bold, colour=ink, is_heading=True, anchor=MSO_ANCHOR.MIDDLE)
        return float((holder.top + holder.height) / Pt(1)) + 10.0 * self.scale

    def _foot(self, top: float, item: int) -> None:
        meeting, say, s = self.deck.meeting, self.deck.say, self.scale
        where = "　".join(t for t in (say(meeting.place), say(meeting.title), meeting.day.isoformat()) if t)
        named = ""
        if item:
            named = f"{say(words.item_number(item))}　{say(meeting.items[item - 1].title)}"
        marks = "　".join(t for t in (say(meeting.mark) if meeting.mark else "", say(meeting.notice)) if t)
        third, high = (self.width - 36.0 * s) / 3, _FOOT * s
        for place, text, side in ((0, where, "left"), (1, named, "centre"), (2, marks, "right")):
            box = (self.left + third * place, top, third, high)
            if text:
                self.text(text, box, (10.0, 9.0), align=side, bold=place == 2, quiet=place != 2)  # noqa: PLR2004
        holder = self.slide.shapes.add_textbox(Pt(self.right - 36.0 * s), Pt(top), Pt(36.0 * s), Pt(high))
        frame = _frame(holder, MSO_ANCHOR.TOP)
        frame.paragraphs[0].alignment = _RIGHT
        frame.paragraphs[0].line_spacing = Pt(10.0 * s * LEAD)
        about = 'id="{0F3C2B7E-5D1A-4B6E-9C55-6A1B2C3D4E5F}" type="slidenum"'
        number = f'<a:rPr lang="en-US" sz="{round(1000 * s)}"/><a:t>{len(self.deck.boards) + 1}</a:t>'
        frame.paragraphs[0]._p.append(parse_xml(f"<a:fld {nsdecls('a')} {about}>{number}</a:fld>"))  # noqa: SLF001

    # --- texts ---

    def text(
        self, words_: Words, box: Box, sizes: Sequence[float], *, align: str = "left", bold: bool = False, quiet: bool = False,
        colour: str = "", told: Words = "…", is_one_line: bool = True, whole: Words = "",
        is_middle: bool = False,
    ) -> Fitted:  # fmt: skip
        """Write a text into a box, smaller and then cut where it does not fit.

        Sizes are those of a slide of 16:9. `whole`: the name under which the notes tell a text that was cut.
        """
        shape = self.slide.shapes.add_textbox(*(Pt(side) for side in box))
        text = self.deck.say(words_, is_one_line=is_one_line)
        fitted = self.fill(
            shape, text, sizes, bold=bold, quiet=quiet, colour=colour, told=self.deck.say(told), align=align,
            anchor=MSO_ANCHOR.MIDDLE if is_middle else MSO_ANCHOR.TOP,
        )  # fmt: skip
        if fitted.is_cut and whole:
            self.note(whole, text)
        return fitted

    def fill(
        self, shape: Any, text: str, sizes: Sequence[float], *, bold: bool = False, quiet: bool = False, colour: str = "",
        told: str = "…", align: str = "", anchor: Any = None, is_heading: bool = False,
    ) -> Fitted:  # fmt: skip
        """Write a text into a shape that is there."""
        inset = _INSET * self.scale
        frame = _frame(shape, anchor, inset)
        room, high = shape.width / Pt(1) - 2 * inset, shape.height / Pt(1) - inset
        scaled = [size * self.scale for size in sizes]
        fitted = self.deck.ruler.fit(text, room, high, scaled, bold=bold, told=told)
        for place, line in enumerate(fitted.text.split("\n")):
            paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
            write(
                paragraph,
                line,
                fitted.size,
                self.deck,
                bold=bold,
                quiet=quiet,
                colour=colour,
                align=align,
                is_heading=is_heading,
            )
        return fitted

    def lines_high(self, text: str, room: float, size: float, *, bold: bool = False) -> float:
        """Return how high a text is in a box of a width, with what stands around it; the size as of 16:9."""
        inset, size = _INSET * self.scale, size * self.scale
        return self.deck.ruler.lines(text, room - 2 * inset, size, bold=bold) * size * LEAD + 1.5 * inset

    def chip(self, words_: Words, left: float, top: float, colour: str) -> float:
        """Draw a word on a ground of its colour; return where it ends."""
        text, size = self.deck.say(words_)[:40], 12.0 * self.scale
        wide = min(self.deck.ruler.width(text, size, bold=True) / 0.9 + 20.0 * self.scale, self.right - left)
        shape = self.slide.shapes.add_shape(
            MSO_SHAPE.ROUNDED_RECTANGLE, Pt(left), Pt(top), Pt(wide), Pt(22.0 * self.scale)
        )
        shape.fill.solid()
        shape.fill.fore_color.rgb = rgb(colour.lstrip("#"))
        shape.line.fill.background()
        shape.shadow.inherit = False
        self.fill(shape, text, (12.0, 10.0), bold=True, colour=ink_on(colour), align="centre", anchor=MSO_ANCHOR.MIDDLE)
        return left + wide

    def panel(self, box: Box, *, is_strong: bool = False) -> Any:
        """Draw a frame without ground: it is read on any master."""
        shape = self.slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *(Pt(side) for side in box))
        shape.fill.background()
        shape.line.color.theme_color = MSO_THEME_COLOR.ACCENT_1
        shape.line.width = Pt(1.75 if is_strong else 0.75)
        shape.shadow.inherit = False
        return shape

    def picture(self, data: bytes, box: Box, told: str) -> Box | None:
        """Put a picture into the middle of a box, whole and in its own proportions; None when it cannot be read."""
        if not data.startswith(_PICTURES):
            return None
        try:
            drawn = self.slide.shapes.add_picture(io.BytesIO(data), 0, 0)
        except (OSError, ValueError, SyntaxError, KeyError, ZeroDivisionError, IndexError):
            return None
        left, top, wide, high = box
        factor = min(wide / max(drawn.width, 1), high / max(drawn.height, 1))
        drawn.width, drawn.height = round(drawn.width * factor * Pt(1)), round(drawn.height * factor * Pt(1))
        drawn.left = Pt(left + wide / 2) - drawn.width // 2
        drawn.top = Pt(top)
        describe(drawn, told)
        return left, top, wide, drawn.height / Pt(1)

    # --- notes ---

    def note(self, name: Words, text: Words) -> None:
        """Write a whole text into the notes, under its name; what is longer than the bounds is cut and says so."""
        said = self.deck.say(text, is_one_line=False)
        if not said:
            return
        most = min(MOST_NOTE, MOST_NOTES - self._noted)
        if most <= 0:
            return
        if len(said) > most:
            said = f"{said[:most]}{self.deck.say(words.CUT)}"
        frame = self.slide.notes_slide.notes_text_frame
        for line in self.deck.named(name, said).split("\n"):
            paragraph = frame.paragraphs[0] if not self._noted else frame.add_paragraph()
            run = paragraph.add_run()
            run.text = line
            set_faces(run, (LATIN, CHINESE), self.deck.language)
            self._noted += len(line) + 1


def write(
    paragraph: Any, text: str, size: float, deck: Deck, *, bold: bool = False, quiet: bool = False, colour: str = "", align: str = "",
    is_heading: bool = False, is_in_table: bool = False,
) -> Any:  # fmt: skip
    """Write one line into a paragraph, its height set exactly; return its run, None for an empty one."""
    paragraph.line_spacing, paragraph.space_before, paragraph.space_after = Pt(size * LEAD), Pt(0), Pt(0)
    if align:
        paragraph.alignment = ALIGN[align]
    elif deck.base.is_own:
        paragraph.alignment = _LEFT
    _end(paragraph, size)
    if not text:
        return None
    run = paragraph.add_run()
    run.text = text
    run.font.size, run.font.bold = Pt(size), bold
    if colour:
        run.font.color.rgb = rgb(colour.lstrip("#"))
    elif not is_in_table and (not is_heading or deck.base.is_own):  # a table's style knows which ink its ground takes
        run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
        if quiet:
            run.font.color.brightness = 0.35
    set_faces(run, deck.base.faces[0 if is_heading else 1], deck.language)
    return run


def _end(paragraph: Any, size: float) -> None:
    """Set the size of a paragraph's end: an empty one is as high as that, and 18 points where nothing is said."""
    element = paragraph._p  # noqa: SLF001
    for old in element.findall(qn("a:endParaRPr")):
        element.remove(old)
    element.append(parse_xml(f'<a:endParaRPr {nsdecls("a")} sz="{round(size * 100)}"/>'))


def set_faces(run: Any, faces: tuple[str, str], language: str) -> None:
    """Name the Latin and the Chinese face of a run, and its language."""
    run.font.name = faces[0]
    properties = run._r.get_or_add_rPr()  # noqa: SLF001
    properties.set("lang", "en-US" if language == "en" else "zh-CN")
    chinese = parse_xml(f'<a:ea {nsdecls("a")} typeface="{faces[1]}"/>')
    properties.latin.addnext(chinese)


def describe(shape: Any, told: str) -> None:
    """Say in words what a picture, table or chart shows, for those who cannot see it."""
    shape._element.xpath("./*/p:cNvPr")[0].set("descr", told[:500])  # noqa: SLF001


def _frame(shape: Any, anchor: Any, inset: float = _INSET) -> Any:
    frame = shape.text_frame
    frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
    frame.margin_left = frame.margin_right = Pt(inset)
    frame.margin_top = frame.margin_bottom = Pt(inset / 2)
    if anchor is not None:
        frame.vertical_anchor = anchor
    return frame

"""The lines of a boundary-point file: header entries, plot lines, points; what is none of them is a fault, never dropped."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys._errors import DeliveryError
from geosys.layers.boundary_model import (
    AFTER_KIND,
    AREA,
    ATTRIBUTES,
    BEFORE_KIND,
    COUNT,
    KIND,
    PLOTS,
    STANDARD,
    Entry,
    FaultLog,
    Point,
)
from geosys.layers.values import HALF_WIDTH, angle, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_BYTES = 32_000_000
MOST_LINES = 500_000
MOST_LETTERS = 4096  # of one line
MOST_PLOTS = 100_000
MOST_ATTRIBUTES = 40
MOST_LABEL = 32
_BLANKS = " \t\n\u3000\xa0"
KINDS = ("面", "线", "点")
_SHORTEST_PLOT_LINE = 4
_POINT_FIELDS = 4
_RINGLESS_FIELDS = 3
_DMS_DECIMALS = 12
_MARKS = re.compile(r"[,，、;；\t]")
_MARKS_AND_BLANKS = re.compile(r"[,，、;；\s]+")
_SECTION = re.compile(r"[\[【［](.{1,40}?)[\]】］]")
_ENTRY = re.compile(r"([^=＝:：,，@]{1,40})[=＝](.*)", re.DOTALL)
_COMMENT = re.compile(r"#|//|;|；|--|点号\s*[,，、\t ]")
_RING = re.compile(r"\d{1,6}")
_VALUE = re.compile(r"[-+]?(?:\d{1,12}\.?|\d{0,12}\.(\d{1,18}))")
# the spelling of nearly every line, taken at once; all others go the long way
_PLAIN_POINT = re.compile(
    r"([^\s,，@=]{0,32}),(\d{1,6}),(\d{1,12}(?:\.(\d{1,18}))?),(\d{1,12}(?:\.(\d{1,18}))?)", re.ASCII
)
_ANGLE_SIGN = re.compile(r"[°º度′'’:]")
_LOOKS_LIKE_VALUES = re.compile(r"\d{5,}|\d+\.\d{3,}")
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160), 0x200B, 0xFEFF])


@dataclass(slots=True)
class RawBlock:
    """Hold one plot as read: its line and texts, its points, and whether a line of it could not be read."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tainted: bool = False


@dataclass(slots=True)
class RawFile:
    """Hold all lines of a file as read, and counts of how they are spelled."""

    entries: list[Entry] = field(default_factory=list)
    blocks: list[RawBlock] = field(default_factory=list)
    log: FaultLog = field(default_factory=FaultLog)
    names: tuple[str, ...] = STANDARD
    titled: tuple[str, ...] = ()
    sections: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    decimals: int = 0
    section: str = ""

    @property
    def at(self) -> int:
        """Return the position of the plot being read."""
        return len(self.blocks) - 1


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Return the text and its encoding: strict UTF-8 with or without BOM, otherwise GB18030.

    Raises
    ------
    DeliveryError
        When the file is larger than is read, or its bytes are neither.
    """
    if len(data) > MOST_BYTES:
        raise DeliveryError(f"{name}: got {len(data)} bytes, expected at most {MOST_BYTES}. Send it in several files.")
    for encoding in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise DeliveryError(
        f"{name}: got bytes that are neither UTF-8 nor GB18030, expected one of them. Save the text as UTF-8."
    )


def read_lines(text: str, name: str) -> RawFile:
    """Return everything that stands in the lines of a file.

    Raises
    ------
    DeliveryError
        When there are more lines or plots than are read.
    """
    raw = RawFile()
    for number, line in _lines(text, name, raw):
        section = _SECTION.fullmatch(line.rstrip())
        if section:
            raw.section = re.sub(r"\s", "", section[1])
            raw.sections.add(raw.section)
        elif _COMMENT.match(line):
            raw.seen["comment"] += 1
        else:
            _read_line(raw, line, number)
            if len(raw.blocks) > MOST_PLOTS:
                raise DeliveryError(
                    f"{name}: got more than {MOST_PLOTS} plots (line {number}), expected fewer. Send several files."
                )
    if raw.blocks and PLOTS not in raw.sections:
        raw.log.add("no_plot_section", raw.blocks[0].line, "no section", f"[{PLOTS}]")
    if ATTRIBUTES not in raw.sections:
        raw.log.add("no_attribute_section", 0, "no section", f"[{ATTRIBUTES}]")
    return raw


def _lines(text: str, name: str, raw: RawFile) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank with its number, trimmed and without control characters."""
    number = 0
    for number, long in enumerate(io.StringIO(text, newline=None), 1):
        if number > MOST_LINES:
            raise DeliveryError(f"{name}: got more than {MOST_LINES} lines, expected fewer. Send several files.")
        if len(long) > MOST_LETTERS:
            raw.log.add("line_too_long", number, f"{len(long)} letters", f"at most {MOST_LETTERS}", raw.at)
            _taint(raw)
            continue
        # tabs at the end stay: they may hold empty attributes
        line = long.translate(_CONTROLS).lstrip(_BLANKS).rstrip(_BLANKS.replace("\t", ""))
        if line.strip():
            yield number, line


def _taint(raw: RawFile) -> None:
    if raw.blocks:
        raw.blocks[-1].tainted = True


def _read_line(raw: RawFile, line: str, number: int) -> None:
    """Take one line as a plot line, a point, a header entry, or note that it is none."""
    match = _PLAIN_POINT.fullmatch(line)
    if match and raw.blocks:
        label, ring, first, decimals, second, more = match.groups()
        raw.seen["ring"] += 1
        raw.marks[","] += 1
        raw.decimals = max(raw.decimals, len(decimals or ""), len(more or ""))
        raw.blocks[-1].points.append(Point(label.translate(HALF_WIDTH), int(ring), float(first), float(second), number))
        return
    fields, mark = _plot_fields(line)
    if fields:
        _add_plot(raw, fields, mark, number)
        return
    entry = _ENTRY.fullmatch(line)
    if entry and (not raw.blocks or raw.section != PLOTS):
        key = plain(entry[1]) or ""
        raw.entries.append(Entry(key, (plain(entry[2].strip()) or entry[2].strip()), raw.section or ATTRIBUTES, number))
        return
    parts = _point_parts(line)
    if _add_point(raw, parts, line, number):
        return
    if len(parts) > _POINT_FIELDS + 1 and raw.section == PLOTS:
        _add_plot(raw, parts, _mark_of(line), number)
    elif raw.blocks and (len(parts) >= _RINGLESS_FIELDS or _LOOKS_LIKE_VALUES.search(line.translate(HALF_WIDTH))):
        raw.log.add("bad_point", number, line, "点号,地块圈号,X坐标,Y坐标", raw.at)
        _taint(raw)
    else:
        raw.log.add("unknown_line", number, line, "a header entry, plot line or point", raw.at)


def _plot_fields(line: str) -> tuple[list[str], str]:
    """Return the fields of a plot line, recognised by its @ or its 点/线/面, and the mark between them; or nothing.

    The Chinese comma separates only where the ASCII one does not: names contain it.
    """
    for mark in (",", "\t", "，", ""):
        fields = [f.strip() for f in (line.split(mark) if mark else _MARKS.split(line))]
        is_ended = fields[-1] == "@"
        bare = fields[:-1] if is_ended else fields
        if len(bare) >= _SHORTEST_PLOT_LINE and (is_ended or any(f in KINDS for f in bare[2:7])) and _starts(bare[0]):
            return fields, mark
    last = _MARKS.split(line)
    return (([f.strip() for f in last]), "") if last[-1].strip() == "@" and len(last) > 1 else ([], "")


def _starts(first: str) -> bool:
    """Say whether a plot line's first field may be one: a count, an area, nothing, or the title of the column."""
    half = first.translate(HALF_WIDTH)
    return not half or half == COUNT or bool(re.match(r"[-+.\d]", half) and not _MARKS.search(half))


def _mark_of(line: str) -> str:
    return next((mark for mark in (",", "\t", "，") if mark in line), " ")


def _add_plot(raw: RawFile, fields: list[str], mark: str, number: int) -> None:
    """Open a plot with the texts of its line."""
    is_ended = fields[-1] == "@"
    bare = fields[:-1] if is_ended else fields
    if bare[0] == COUNT:
        raw.titled = tuple(re.sub(r"[(（].*", "", f) or f"属性{i + 1}" for i, f in enumerate(bare))[:MOST_ATTRIBUTES]
        return
    raw.blocks.append(RawBlock(number))
    raw.seen["at" if is_ended else "no at"] += 1
    raw.marks[mark] += 1
    if not is_ended and (raw.seen["at"] or raw.seen["no at"] == 1):
        raw.log.add("no_at_sign", number, fields[-1] or "nothing", "@", raw.at)
    if not mark:
        raw.log.add("mixed_separators", number, ",".join(fields), "one separator", raw.at)
    if len(bare) > MOST_ATTRIBUTES:
        raw.log.add("many_attributes", number, f"{len(bare)}", f"at most {MOST_ATTRIBUTES}", raw.at)
    names = _names(bare, raw.titled)
    if len(bare) < len(STANDARD) or not any(f in KINDS for f in bare):
        raw.log.add("short_plot_line", number, ",".join(fields), ",".join(STANDARD), raw.at)
    raw.blocks[-1].values = dict(zip(names, bare, strict=False))
    if len(raw.blocks) == 1 or len(names) > len(raw.names):
        raw.names = names


def _names(bare: Sequence[str], titled: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a plot line's fields, counted from its 点/线/面 where it has one."""
    if len(titled) == len(bare):
        return titled
    at = next((i for i, f in enumerate(bare) if f in KINDS and i > 1), 4)
    before = BEFORE_KIND.get(at) or (COUNT, AREA, *(f"属性{i + 1}" for i in range(2, at)))
    if at == 3 and ("." in bare[0] or not bare[0].isdigit()):  # noqa: PLR2004  the count is left out
        before = (AREA, "地块编号", "地块名称")
    full = (*before, KIND, *AFTER_KIND)
    extra = tuple(f"属性{i + 1}" for i in range(len(full), min(len(bare), MOST_ATTRIBUTES)))
    return (full + extra)[: len(bare)]


def _point_parts(line: str) -> list[str]:
    """Return the fields of a point, whatever stands between them; empty ones at the end are left out."""
    parts = [p.strip() for p in _MARKS.split(line)]
    while parts and not parts[-1]:
        parts.pop()
    if len(parts) < _POINT_FIELDS:
        blank = [p for p in _MARKS_AND_BLANKS.split(line) if p]
        parts = blank if len(blank) > len(parts) else parts
    return parts


def _coordinate(text: str) -> tuple[float, int] | None:
    """Return a value and its decimals, from digits of either width or degrees, minutes and seconds."""
    half = text.translate(HALF_WIDTH)
    match = _VALUE.fullmatch(half)
    if match:
        return float(half), len(match[1] or "")
    if len(half) <= MOST_LABEL and _ANGLE_SIGN.search(half):
        degrees = angle(half)
        return None if degrees is None else (degrees, _DMS_DECIMALS)
    return None


def _add_point(raw: RawFile, parts: list[str], line: str, number: int) -> bool:
    """Add a point to the plot being read; say whether the fields are one."""
    if len(parts) not in (_RINGLESS_FIELDS, _POINT_FIELDS, _POINT_FIELDS + 1):
        return False
    has_ring = len(parts) >= _POINT_FIELDS
    ring = parts[1].translate(HALF_WIDTH) if has_ring else "1"
    values = [_coordinate(p) for p in parts[2:] if has_ring] or [_coordinate(p) for p in parts[1:]]
    if not _RING.fullmatch(ring) or len(parts[0]) > MOST_LABEL or None in values:
        return False
    if not has_ring and raw.seen["ring"]:
        return False
    if not raw.blocks:
        raw.blocks.append(RawBlock(number))
        raw.seen["no plot line"] += 1
        raw.log.add("points_without_plot", number, line, ",".join(STANDARD) + ",@", 0)
    if not has_ring and not raw.seen["ringless"]:
        raw.log.add("ring_missing", number, line, "点号,地块圈号,X坐标,Y坐标", raw.at)
    if len(parts) > _POINT_FIELDS:
        raw.log.add("extra_value", number, parts[-1], "点号,地块圈号,X坐标,Y坐标", raw.at)
    raw.seen["ring" if has_ring else "ringless"] += 1
    raw.marks[_mark_of(line)] += 1
    (first, digits), (second, more) = [v for v in values if v is not None][:2]
    raw.decimals = max(raw.decimals, digits, more)
    raw.blocks[-1].points.append(Point(parts[0].translate(HALF_WIDTH), int(ring), first, second, number))
    return True

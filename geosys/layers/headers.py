"""The header of a ledger: where it stands, how many rows it has, and one name a column with its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.layers.codes import fold
from geosys.layers.settle import unit_factor
from geosys.layers.values import number, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

HEADER_SEARCH_ROWS = 20
HEADER_DEPTH = 4
ANGLE_PARTS = ("度", "分", "秒")
JOINT = "›"  # between the levels of a header; no sender writes it, while units are full of slashes
SHEET_COLUMN = "工作表"  # the column that tells the sheets of a workbook apart when they are read together
LEAST_NUMBERED = 4  # columns that a row of column numbers (栏次) has at least
_UNIT = re.compile(r"[（(\[【]([^（()）\[\]【】]*)[)）\]】]\s*$")
_KNOWN_UNITS = ("m2", "m", "mg/L", "μg/L", "mg/kg", "t/d")  # one of each kind: a unit is what turns into one of them
_UNITS_WITHOUT_FACTOR = frozenset({"个", "人", "户", "%", "‰", "℃", "ntu", "mv", "°", "无量纲", "个/l"})
_COLUMN_WORDS = frozenset({"甲", "乙", "丙", "丁", "栏次", "序号"})

Grid = list[list[object]]
Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Header:
    """Hold where a header stands (first row, first row of the body) and the name of each column."""

    top: int
    end: int
    names: tuple[str, ...]


def strip_unit(name: str) -> tuple[str, str]:
    """Return a header without the unit in brackets at its end, and that unit.

    Examples
    --------
    >>> strip_unit("氨氮(mg/L)"), strip_unit("面积（亩）"), strip_unit("名称")
    (('氨氮', 'mg/L'), ('面积', '亩'), ('名称', ''))
    """
    match = _UNIT.search(name)
    return (name[: match.start()].strip(), match[1].strip()) if match and match.start() else (name.strip(), "")


def is_unit(text: str) -> bool:
    """Say whether a text is a unit we know.

    Examples
    --------
    >>> is_unit("亩"), is_unit("mg/L"), is_unit("城关镇")
    (True, True, False)
    """
    return fold(text) in _UNITS_WITHOUT_FACTOR or any(unit_factor(text, known) is not None for known in _KNOWN_UNITS)


def known_as(name: str, words: Collection[str]) -> bool:
    """Say whether a header is a known (folded) word: whole, without its unit, by its last part, or a part of an angle."""
    parts = name.split(JOINT)
    candidates = {name, strip_unit(name)[0], parts[-1], strip_unit(parts[-1])[0], "".join(parts)}
    if len(parts) > 1 and strip_unit(parts[-1])[0] in ANGLE_PARTS:
        candidates |= set(parts[:-1])
    return any(fold(c) in words for c in candidates)


def find_header(grid: Grid, words: Collection[str], spans: Sequence[Span] = ()) -> Header | None:
    """Return the header of a grid whose merged cells are filled in, or None where there is none.

    It stands where most columns bear different names we know; of equal readings the one with fewer rows wins: a
    title or a first record is no header. Rows of groups merged above it belong to it, and so does a row of units below.

    Parameters
    ----------
    grid
        Rows of equal width.
    words
        Folded names of fields.
    spans
        Merged cells: ((top, left), (bottom, right)), counted from 0, ends included.
    """
    top, depth, _ = place_header(grid, words)
    if top < 0:
        return None
    end = top + depth
    while top > 0 and end - top < HEADER_DEPTH and _is_group_row(grid[top - 1], top, end, spans):
        top -= 1
    names = header_names(grid[top:end])
    if end < len(grid) and _is_unit_row(grid[end], names):
        units = [plain(cell) for cell in grid[end]]
        names = [
            f"{n}({u.strip('()（）')})" if u and not strip_unit(n)[1] else n for n, u in zip(names, units, strict=True)
        ]
        end += 1
    return Header(top, end, tuple(names))


def place_header(grid: Grid, words: Collection[str]) -> tuple[int, int, int]:
    """Return first row (−1: none), depth and score of the rows in which most columns bear different names we know."""
    best = (-1, 1, 0)
    for top in range(min(HEADER_SEARCH_ROWS, len(grid))):
        for depth in range(1, min(HEADER_DEPTH, len(grid) - top) + 1):
            if depth > 1 and any(number(cell) is not None for cell in grid[top + depth - 1]):
                break  # a record: its words may be names of fields, too
            score = sum(known_as(name, words) for name in set(header_names(grid[top : top + depth])) if name)
            if score and (score, -depth) > (best[2], -best[1]):
                best = (top, depth, score)
    if best[2]:
        return best
    texts = [i for i, row in enumerate(grid[:HEADER_SEARCH_ROWS]) if sum(plain(c) is not None for c in row) > 1]
    return (texts[0], 1, 0) if texts else best


def header_names(rows: Grid) -> list[str]:
    """Return one name a column: the different texts from top to bottom, joined.

    A column headed 分 or 秒 alone beside one of degrees belongs to the group of that one: a group of a CSV stands over
    its first column only.
    """
    names: list[str] = []
    width = max(map(len, rows), default=0)
    for parts in zip(*(row + [None] * (width - len(row)) for row in rows), strict=True):
        texts = [" ".join(t.split()) for t in (plain(p) for p in parts) if t]
        name = JOINT.join(dict.fromkeys(texts))
        if names and name in ANGLE_PARTS[1:] and JOINT in names[-1]:
            group, last = names[-1].rsplit(JOINT, 1)
            name = f"{group}{JOINT}{name}" if last in ANGLE_PARTS else name
        names.append(name)
    return names


def _is_group_row(row: Sequence[object], top: int, end: int, spans: Sequence[Span]) -> bool:
    """Say whether the row above a header holds its groups: merged down into it, or merged over several of its columns."""
    texts = {text for cell in row if (text := plain(cell))}
    if any("：" in text or ":" in text for text in texts):
        return False
    tied = any(first < top <= last < end for (first, _), (last, _) in spans)
    over = any(first == last == top - 1 and right > left for (first, left), (last, right) in spans)
    return tied or (over and len(texts) > 1)


def _is_unit_row(row: Sequence[object], names: Sequence[str]) -> bool:
    """Say whether the row below a header holds nothing but units."""
    texts = [(text.strip("()（）"), name) for cell, name in zip(row, names, strict=True) if (text := plain(cell))]
    return bool(texts) and all(name and is_unit(text) for text, name in texts)


def is_number_row(row: Sequence[object]) -> bool:
    """Say whether a row below a header numbers its columns (栏次): 1, 2, 3 and so on, perhaps after 甲, 乙.

    Examples
    --------
    >>> is_number_row(["甲", "乙", 1, 2, 3, 4]), is_number_row(["A1", "大清沟", 1, 2])
    (True, False)
    """
    texts = [text.strip("()（）[]") for cell in row if (text := plain(cell))]
    rest = [text for text in texts if text not in _COLUMN_WORDS]
    return len(rest) >= LEAST_NUMBERED and rest == [str(i) for i in range(1, len(rest) + 1)]

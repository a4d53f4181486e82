"""The rows of a ledger below its header: records, and what is none (notes, totals, headers printed again, blanks)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys.layers.headers import is_number_row
from geosys.layers.values import number, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from geosys.layers.headers import Grid

NOTE, TOTAL, REPEATED, NUMBERED_BLANK = "note_row", "subtotal_row", "repeated_header", "numbered_blank"
SUM_TOLERANCE = 0.01  # of the last printed digit of hectares and mu; larger sums by a millionth
_NOTE_WORDS = (
    "制表|填表|填报|审核|复核|校核|审批|负责人|联系|经办|统计|单位负责|主管|编制|数据来源|资料来源|截至|截止|备注|注|说明|附注|"
    "计量单位|单位|日期|报送|打印|第.{0,4}页"
)
_NOTE = re.compile(rf"[(（【\[*※]*(?:{_NOTE_WORDS})[^:：]{{0,8}}[:：]|注\s*\d*\s*[.、．]|第\s*\d+\s*页")
_SECTION = re.compile(r"(?:[（(][一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}\s*[、.．])\s*\D{1,30}")
_TOTAL = re.compile(r".{0,14}?(?:合计|小计|总计|累计|共计|总和)(?:数|值|面积)?[:：]?(?:[(（].{0,8}[)）])?")
_COUNT = re.compile(r"[约共]?\s*\d[\d,.]*\s*\D{0,4}")
_SEQUENCE_NAMES = frozenset({"序号", "序", "序列", "no", "no.", "#", "行号", "顺序号"})
_SUMMED_NAMES = re.compile(r"面积|数量|个数|长度|里程|人数|人口|投资|金额|水量|排放量|亩|公顷")
_LEAST_SUMMED_ROWS = 2


@dataclass(slots=True)
class LeftOut:
    """Hold one row that is no record: why, its text, and for a total the columns that do not add up (name, told, sum)."""

    kind: str
    text: str
    wrong_sums: list[tuple[str, float, float]] = field(default_factory=list)


def left_out_rows(
    grid: Grid,
    first: int,
    names: Sequence[str],
    header: Grid,
    titles: Grid,
    wide: Collection[int],
    sums: Collection[tuple[int, int]],
) -> dict[int, LeftOut]:
    """Return the rows of a body that hold something but no record, by their place in the grid.

    Parameters
    ----------
    grid, first
        All rows and the first of the body.
    names
        The name of each column.
    header, titles
        The header's rows and those above: printed pages repeat them.
    wide
        Rows of which one merged cell covers more than half.
    sums
        Cells (row, column) whose formula adds up the cells above.
    """
    out: dict[int, LeftOut] = {}
    printed = [_texts(row) for row in header if _texts(row)]
    above = {tuple(_texts(row).values()) for row in titles if _texts(row)}
    sequence = {j for j, name in enumerate(names) if name.strip().lower() in _SEQUENCE_NAMES}
    totals = _Totals(grid, first, names, sequence)
    sum_rows = {row for row, _ in sums}
    previous: Collection[int] = ()
    for i in range(first, len(grid)):
        texts = _texts(grid[i])
        if not texts:
            continue
        if any(_is_same(texts, row) for row in printed) or tuple(texts.values()) in above:
            out[i] = LeftOut(REPEATED, " ".join(texts.values()))
        elif (i == first and is_number_row(grid[i])) or _is_note(texts, i in wide, len(names)):
            out[i] = LeftOut(NOTE, " ".join(dict.fromkeys(texts.values())))
        elif set(texts) <= sequence:
            out[i] = LeftOut(NUMBERED_BLANK, "")
        elif (
            _is_labelled_total(texts)
            or (i in sum_rows and totals.is_sum_row(i, texts, sums))
            or totals.adds_up(i, texts, previous)
        ):
            out[i] = LeftOut(TOTAL, " ".join(dict.fromkeys(texts.values())), totals.wrong_sums(i, texts))
            totals.close(i)
            continue
        else:
            previous = texts.keys()
            continue
        totals.skip(i)
    return out


def _texts(row: Sequence[object]) -> dict[int, str]:
    return {j: text for j, cell in enumerate(row) if (text := plain(cell)) is not None}


def _is_same(texts: dict[int, str], row: dict[int, str]) -> bool:
    """Say whether a row repeats a header's row: all its texts stand in the same columns."""
    least = 1 if len(row) == 1 else 2
    return len(texts) >= least and all("".join(row.get(j, "").split()) == "".join(t.split()) for j, t in texts.items())


def _is_note(texts: dict[int, str], is_wide: bool, width: int) -> bool:
    """Say whether a row is a note: it opens with the words of one, or one merged cell or a section's name is all of it."""
    parts = list(dict.fromkeys(texts.values()))
    if len(parts) == 1 and not _TOTAL.fullmatch(parts[0]):
        return (is_wide and number(parts[0]) is None) or bool(
            _NOTE.match(parts[0]) or (width > 1 and _SECTION.fullmatch(parts[0]))
        )
    return bool(_NOTE.match(parts[0])) and (len(parts) <= max(2, width // 2) or all(_NOTE.match(p) for p in parts))


def _is_labelled_total(texts: dict[int, str]) -> bool:
    """Say whether the first word of a row is one of totals and all else in it are numbers and counts."""
    label = next((text for text in texts.values() if number(text) is None), "")
    return bool(_TOTAL.fullmatch("".join(label.split()))) and all(
        number(text) is not None or _COUNT.fullmatch(text) or _TOTAL.fullmatch("".join(text.split()))
        for text in texts.values()
    )


class _Totals:
    """Hold the running sums of the records, brought up to date when a row looks like a total."""

    def __init__(self, grid: Grid, first: int, names: Sequence[str], sequence: set[int]) -> None:
        self.grid, self.names, self.sequence = grid, names, sequence
        self.next = first
        self.dropped: set[int] = set()
        self.block = [0.0] * len(names)
        self.whole = [0.0] * len(names)
        self.count = 0

    def skip(self, row: int) -> None:
        """Take a row that is no record out of the sums."""
        self.dropped.add(row)

    def close(self, row: int) -> None:
        """End a block at a total."""
        self._catch_up(row)
        self.whole = [one + two for one, two in zip(self.whole, self.block, strict=True)]
        self.block, self.count, self.next = [0.0] * len(self.names), 0, row + 1

    def _catch_up(self, row: int) -> None:
        for i in range(self.next, row):
            if i not in self.dropped and any(plain(cell) is not None for cell in self.grid[i]):
                self.block = [have + (number(c) or 0.0) for have, c in zip(self.block, self.grid[i], strict=True)]
                self.count += 1
        self.next = row

    def _numbers(self, texts: dict[int, str]) -> dict[int, float]:
        found = {j: number(text) for j, text in texts.items() if j not in self.sequence}
        return {j: value for j, value in found.items() if value is not None}

    def is_sum_row(self, row: int, texts: dict[int, str], sums: Collection[tuple[int, int]]) -> bool:
        """Say whether all numbers of a row come from formulas that add up the rows above, with one text at most."""
        here = self._numbers(texts)
        return len([t for t in texts.values() if number(t) is None]) <= 1 and all((row, j) in sums for j in here)

    def adds_up(self, row: int, texts: dict[int, str], previous: Collection[int]) -> bool:
        """Say whether a row without any text holds the sums of the rows above, and lacks what the record above has."""
        if all(j in texts or j in self.sequence for j in previous):
            return False
        here = self._numbers(texts)
        if not any(here.values()) or len(here) < len(set(texts) - self.sequence):
            return False
        self._catch_up(row)
        return self.count >= _LEAST_SUMMED_ROWS and all(_is_near(value, self.block[j]) for j, value in here.items())

    def wrong_sums(self, row: int, texts: dict[int, str]) -> list[tuple[str, float, float]]:
        """Return the columns of quantities whose total is neither the sum of its block nor of all records above."""
        here = {j: v for j, v in self._numbers(texts).items() if _SUMMED_NAMES.search(self.names[j])}
        if not here:
            return []
        self._catch_up(row)
        whole = [one + two for one, two in zip(self.whole, self.block, strict=True)]
        if not self.count and not any(self.whole):  # a total above its records
            return []
        sums = self.block if self.count else whole
        wrong = {j: v for j, v in here.items() if not _is_near(v, whole[j]) and not _is_near(v, sums[j])}
        return [(self.names[j], v, sums[j]) for j, v in wrong.items()]


def _is_near(one: float, two: float) -> bool:
    return abs(one - two) <= max(SUM_TOLERANCE, 1e-6 * abs(two))

"""The workbook of a pack: figures, changes, issues and all tables as native sheets, with where they come from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from geosys._text import Text
from geosys.maps.meeting.spec import CHANGES
from geosys.maps.sheets import Column, Sheet
from geosys.maps.tables import workbook, write_notes, write_table
from geosys.packs.listings import TEXT, WORD

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.meeting.content import Listing, Meeting
    from geosys.maps.palettes import Palettes, Swatch

_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f']")  # what the name of a sheet may not hold
_MOST_NAME = 31
_WIDTHS = {"number": 12, "date": 12, WORD: 16}
_FIGURE = Sheet(
    read=(
        Column("title_zh", "指标", "Figure (Chinese)", 30), Column("value", "本次", "Now", 16), Column("unit", "单位", "Unit", 8),
        Column("before", "上次", "Before", 16), Column("change", "变化", "Change", 10), Column("told_zh", "依据", "Rests on (Chinese)", 70),
    ),
    rest=(Column("title_en", "指标（英文）", "Figure", 40), Column("told_en", "依据（英文）", "Rests on", 70), Column("id", "标识", "Id", 30)),
)  # fmt: skip
_ISSUE = Sheet(
    read=(
        Column("item", "议题", "Item (Chinese)", 20), Column("severity", "严重程度", "Severity", 10), Column("status", "状态", "State", 10),
        Column("title_zh", "事项", "Issue (Chinese)", 36), Column("sentence_zh", "说明", "What was found (Chinese)", 44),
        Column("facts", "要点", "Facts (Chinese)", 54), Column("clause", "依据", "Clause (Chinese)", 44),
        Column("next_step", "下一步", "Next step (Chinese)", 40), Column("id", "编号", "Id", 18),
    ),
    rest=(Column("title_en", "事项（英文）", "Issue", 40), Column("sentence_en", "说明（英文）", "What was found", 60)),
)  # fmt: skip


def write_tables(path: Path, meeting: Meeting, meta: Meta, palettes: Palettes) -> None:
    """Write the workbook of a pack; what a spreadsheet would compute is written as text.

    Raises
    ------
    OSError
        When the file cannot be written; no part of it stays behind.
    """
    taken: set[str] = set()
    with workbook(path, meta, cut(meeting.title.both(), 200)) as book:
        write_table(book, meta, _name("指标 Figures", taken), _FIGURE, _figures(meeting), words={})
        for listing in (meeting.changes, *meeting.listings):
            frame = pd.DataFrame(
                [list(row) for row in listing.rows], columns=[c.id for c in listing.columns], dtype=object
            )
            write_table(book, meta, _name(_title(listing), taken), _plan(listing), frame, words={})
        words: Mapping[str, Mapping[str, Swatch | Text]] = {
            "severity": palettes.severities,
            "status": palettes.statuses,
        }
        if meeting.issues:
            write_table(
                book,
                meta,
                _name("议题 Issues", taken),
                _ISSUE,
                _issues(meeting),
                words=words,
                coloured=("severity", "status"),
            )
        since = f"（上次 since {meeting.since}）" if meeting.since else "（首次 the first）"
        told = ("会议 Meeting", f"{meeting.title.both()} {meeting.day}{since}")
        write_notes(book, meta, [told, *(("未能列入 Lacking", text.both()) for text in meeting.lacking)])


def _title(listing: Listing) -> str:
    return "变化 Changes" if listing.id == CHANGES else listing.title.zh


def _name(title: str, taken: Collection[str]) -> str:
    """Return a sheet's name of at most 31 characters that no other sheet has."""
    plain = cut(_FORBIDDEN.sub(" ", title).strip() or "表", _MOST_NAME)
    name, number = plain, 2
    while name.casefold() in taken:
        name, number = f"{plain[: _MOST_NAME - 3]} {number}", number + 1
    if isinstance(taken, set):
        taken.add(name.casefold())
    return name


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters.

    Examples
    --------
    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _plan(listing: Listing) -> Sheet:
    columns = tuple(
        Column(
            one.id, one.title.zh + (f" {one.unit}" if one.unit else ""), one.title.en,
            _WIDTHS.get(one.kind, _width(listing, at)) if one.kind != TEXT else _width(listing, at),
        )
        for at, one in enumerate(listing.columns)
    )  # fmt: skip
    return Sheet(columns, ())


def _width(listing: Listing, at: int) -> int:
    """Return a width by the longest of the first texts, a Chinese letter counting two."""
    longest = max(
        (len(str(row[at]).encode("gb18030", "replace")) for row in listing.rows[:500] if row[at] is not None),
        default=10,
    )
    return min(max(longest + 2, 12), 60)


def _figures(meeting: Meeting) -> pd.DataFrame:
    rows = [
        {
            "id": f.id, "title_zh": f.title.zh, "title_en": f.title.en, "value": _number(f.value), "unit": _zh(f.unit), "before": _number(f.before),
            "change": f.change, "told_zh": _zh(f.told), "told_en": f.told.en if isinstance(f.told, Text) else f.told,
        }
        for f in meeting.figures
    ]  # fmt: skip
    columns = [column.name for block in _FIGURE for column in block]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _issues(meeting: Meeting) -> pd.DataFrame:
    items: dict[str, str] = {}
    for item in meeting.items:
        for name in item.issues:
            items[name] = f"{items[name]}；{item.title.zh}" if name in items else item.title.zh
    rows = [
        {
            "id": one.id, "item": items.get(one.id, ""), "severity": one.severity, "status": one.status, "title_zh": _zh(one.title),
            "title_en": one.title.en if isinstance(one.title, Text) else one.title, "sentence_zh": one.sentence.zh, "sentence_en": one.sentence.en,
            "facts": "\n".join(f"{name.zh}：{_zh(value)}" for name, value in one.facts), "clause": _zh(one.clause), "next_step": _zh(one.next_step),
        }
        for one in meeting.issues
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


def _number(text: str) -> object:
    """Return a printed count as a number, so that it can be added up; any other value as it is printed."""
    return int(text) if text.isascii() and text.isdigit() else text


def _zh(words: Text | str) -> str:
    return words.zh if isinstance(words, Text) else words

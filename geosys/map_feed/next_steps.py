"""The next step of each case as a sentence: whose turn it is, which moves are lawful, by when, and what the program proposes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._text import Text
from geosys.map_feed.notes import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.map_feed.notes import Words


def next_steps(agenda: pd.DataFrame, words: Words) -> dict[str, Text]:
    """Return the sentence of each case; a case without a lawful move has none.

    Parameters
    ----------
    agenda
        As `cases.todo.agenda` returns it.
    """
    columns = (
        "case_id", "rule", "subject_layer", "waits_for", "next_moves", "due_on", "timing", "days_left",
        "proposed_move", "proposed_why_zh", "proposed_why_en",
    )  # fmt: skip
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*(agenda[c].tolist() for c in columns), strict=True))
    return {row["case_id"]: _sentence(row, words) for row in rows if row["next_moves"]}


def _sentence(row: Mapping[str, Any], words: Words) -> Text:
    titles = [words.title_of_move(row["rule"], row["subject_layer"], move) for move in row["next_moves"].split(",")]
    moves = joined(titles, "、", ", ")
    if row["waits_for"]:
        office = words.office(row["waits_for"])
        parts = [Text(f"由{office.zh}办理：{moves.zh}", f"{office.en} to act: {moves.en}")]
    else:
        parts = [Text(f"无待办；可以：{moves.zh}", f"nobody's turn; possible: {moves.en}")]
    parts += _due(row)
    if row["proposed_move"]:
        title = words.title_of_move(row["rule"], row["subject_layer"], row["proposed_move"])
        why = Text(row["proposed_why_zh"], row["proposed_why_en"])
        parts.append(Text(f"建议{title.zh}（{why.zh}）", f"proposed: {title.en} ({why.en})"))
    return joined(parts, "；", "; ")


def _due(row: Mapping[str, Any]) -> list[Text]:
    """Return by when; nothing where the due date rests."""
    if row["timing"] == "stopped":
        return []
    if not isinstance(row["due_on"], dt.date) or pd.isna(row["days_left"]):
        return [Text("无时限", "no due date")]
    day, left = row["due_on"].isoformat(), int(row["days_left"])
    if left < 0:
        return [Text(f"时限 {day}，已逾期 {-left} 天", f"due {day}, {-left} days overdue")]
    return [Text(f"时限 {day}，余 {left} 天", f"due {day}, {left} days left")]

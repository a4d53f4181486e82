"""Texts that were stored after a wrong decoding: found, undone where every value comes back whole, and always told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geosys._text import Text
from geosys.layers.encodings import decode_bytes
from geosys.layers.issues import Issue
from geosys.layers.likelihood import likelihood_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.layers.reading import Reading

# How the bytes were read, and what they were: 大 as å¤§, 大 as ´ó, 大清沟 as 澶ф竻娌.
_WAYS = (("latin-1", "utf-8"), ("cp1252", "utf-8"), ("latin-1", "gb18030"), ("cp1252", "gb18030"), ("gb18030", "utf-8"))
_GAIN_PER_TEXT = 3.0  # the undone text must be so much likelier, in natural logarithms a text
_LEAST_GAIN = 8.0
_LEAST_FREQUENT = 0.6  # share of frequent letters in the undone texts
_MOST_TEXTS = 2000
_SHOWN = 3
_LOST = ("\ufffd", "锟斤拷", "锟斤", "烫烫烫", "屯屯屯")
_LEAST_MARKS = 2


def mend_mojibake(reading: Reading) -> Reading:
    """Return a reading whose doubly encoded names and texts are undone, column by column, each told as an issue.

    A column is changed only when every one of its texts beyond ASCII comes back whole and the outcome is far likelier
    Chinese. Where some but not all come back, nothing is changed and the proposal is told. Texts that were destroyed
    before (�, 锟斤拷, ???) are told as lost.
    """
    columns: dict[str, NDArray[np.object_]] = {}
    issues = list(reading.issues)
    names = _mended_names(list(reading.columns))
    for (name, values), shown in zip(reading.columns.items(), names, strict=True):
        if shown != name:
            issues.append(_issue(shown, [(name, shown)], is_done=True, of_name=True))
        columns[shown], found = _mend_column(shown, values)
        issues += found
    if len(issues) == len(reading.issues):
        return reading
    titles = {dict(zip(reading.columns, names, strict=True)).get(k, k): v for k, v in reading.titles.items()}
    return replace(reading, columns=columns, titles=titles, issues=tuple(issues))


def _mended_names(names: Sequence[str]) -> list[str]:
    way = _way_of([n for n in names if not n.isascii()])
    undone = [n if n.isascii() or way is None else undo(n, way) or n for n in names]
    return undone if len(set(undone)) == len(undone) else list(names)


def _mend_column(name: str, values: NDArray[np.object_]) -> tuple[NDArray[np.object_], list[Issue]]:
    if values.dtype != object:
        return values, []
    texts = list(dict.fromkeys(v for v in values if isinstance(v, str)))
    issues = _lost(name, texts)
    wide = [t for t in texts if not t.isascii()]
    way = _way_of(wide)
    if way is None:
        return values, issues
    pairs = [(t, undone) for t in wide if (undone := undo(t, way)) is not None]
    is_done = len(pairs) == len(wide)
    issues.append(_issue(name, pairs, is_done=is_done, count=len(wide)))
    if not is_done:
        return values, issues
    true = dict(pairs)
    out = np.empty(len(values), dtype=object)
    out[:] = [true.get(v, v) if isinstance(v, str) else v for v in values]
    return out, issues


def undo(text: str, way: tuple[str, str]) -> str | None:
    """Return a text with a wrong decoding undone, or None where it does not come back whole.

    Examples
    --------
    >>> undo("å¤§æ¸…æ²Ÿ", ("cp1252", "utf-8"))
    '大清沟'
    """
    try:
        raw = b"".join(map(_byte, text)) if way[0] == "cp1252" else text.encode(way[0])
        return decode_bytes(raw, way[1])
    except UnicodeError:
        return None


def _byte(letter: str) -> bytes:
    """Return the byte that code page 1252 shows as a letter; its five holes are passed through as software does."""
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


def _way_of(texts: Sequence[str]) -> tuple[str, str] | None:
    """Return the wrong decoding that explains texts best, or None where they are likelier as they stand."""
    sample = texts[:: max(1, len(texts) // _MOST_TEXTS)]
    best: tuple[float, tuple[str, str] | None] = (0.0, None)
    for way in _WAYS:
        pairs = [(t, undone) for t in sample if (undone := undo(t, way)) is not None and not undone.isascii()]
        if len(pairs) * 2 <= len(sample):
            continue
        after = likelihood_of((undone for _, undone in pairs), ())
        gain = after.log - likelihood_of((t for t, _ in pairs), ()).log
        enough = max(_LEAST_GAIN, _GAIN_PER_TEXT * len(pairs))
        if gain > max(enough, best[0]) and after.frequent >= _LEAST_FREQUENT * after.letters and not after.odd:
            best = (gain, way)
    return best[1]


def _issue(
    name: str, pairs: Sequence[tuple[str, str]], *, is_done: bool, of_name: bool = False, count: int = 1
) -> Issue:
    before, after = ("、".join(p[k] for p in pairs[:_SHOWN]) for k in (0, 1))
    if of_name:
        zh, en = (
            f"列名“{before}”是乱码，应为“{after}”，已更正",
            f"The column name '{before}' was '{after}' encoded twice; put right",
        )
    elif is_done:
        zh = f"“{name}”列 {count} 个不同的文字全部是编码两次形成的乱码，已还原，如“{before}”→“{after}”"
        en = f"{name}: all {count} different texts were encoded twice and are undone, as '{before}' → '{after}'"
    else:
        zh = f"“{name}”列 {count} 个不同的文字中 {len(pairs)} 个像编码两次的乱码（“{before}”应为“{after}”），其余不能还原，整列未改"
        en = (
            f"{name}: {len(pairs)} of {count} different texts look encoded twice ('{before}' for '{after}'), "
            "the others cannot be undone, and nothing was changed"
        )
    return Issue("mojibake", Text(zh, en), value=name, before=before, after=after if is_done else "")


def _lost(name: str, texts: Sequence[str]) -> list[Issue]:
    """Return an issue where texts hold the marks that software leaves for letters it destroyed."""
    lost = [t for t in texts if any(mark in t for mark in _LOST) or (len(t) >= _LEAST_MARKS and not t.strip("?？ "))]
    if not lost:
        return []
    shown = "、".join(lost[:_SHOWN])
    zh = f"“{name}”列有 {len(lost)} 个文字在送来之前已经损坏，无法还原，如“{shown}”"
    en = f"{name}: {len(lost)} texts were destroyed before delivery and cannot be restored, as '{shown}'"
    return [Issue("text_lost", Text(zh, en), value=name, before=shown)]

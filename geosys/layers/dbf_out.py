"""Write a shapefile's table ourselves: exact numbers, names in whole letters, and a list of what a DBF cannot hold."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

NAME_BYTES = 10
TEXT_BYTES = 254
EXACT = 2**53  # ArcGIS keeps numbers of more than nine digits as floating point, which counts exactly up to here
MOST_FIELDS = 255
MOST_RECORD_BYTES = 65_535
MISSING_LETTER = "〓"  # what Chinese printing puts for a letter it does not have
LANGUAGE = {"gbk": 0x4D, "gb18030": 0x4D, "utf-8": 0x00}
_TRUTH = {True: "是", False: "否"}
_LOSSES = {
    "letters": ("有 {n} 个值含 {encoding} 没有的字符", "{n} values have letters that {encoding} lacks"),
    "long_text": ("有 {n} 个值超过 254 字节", "{n} values are longer than 254 bytes"),
    "long_integer": ("有 {n} 个整数超过 2^53，打开时会失去末位", "{n} whole numbers exceed 2^53 and lose their last digits when opened"),
    "not_finite": ("有 {n} 个值是无穷大", "{n} values are infinite"),
    "mixed_types": ("文字、数字等类型混在一列", "texts, numbers or other kinds are mixed in one column"),
    "empty_text": ("有 {n} 个空文字，读回时为空值", "{n} empty texts, which come back as missing"),
    "blank_ends": ("有 {n} 个值首尾的空格会丢失", "{n} values lose blanks at their ends"),
    "as_text": ("带时刻的日期写成文字", "dates with a time of day are written as text"),
}  # fmt: skip
TOLD = ("empty_text", "blank_ends", "as_text")  # told in the dictionary; the other losses are refused unless accepted


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold one thing that a format cannot hold: its kind, the column (empty: the geometry), an example, and words."""

    kind: str
    column: str
    message: Text
    example: str = ""


@dataclass(frozen=True, slots=True)
class DbfField:
    """Hold one column as a DBF has it: its bytes all of one width."""

    column: str
    name: str
    kind: str
    decimals: int
    cells: tuple[bytes, ...]
    losses: tuple[Loss, ...] = ()

    @property
    def width(self) -> int:
        """Return the width of the field in bytes."""
        return max(1, max(map(len, self.cells), default=1))


def short_names(columns: Sequence[str], wanted: Mapping[str, str] | None, encoding: str) -> dict[str, str]:
    """Return for each column a name of at most ten bytes, all different, cut at whole letters and numbered if need be.

    Raises
    ------
    ValueError
        When a wanted name is too long, empty, beyond the encoding, or wanted twice.

    Examples
    --------
    >>> short_names(["永久基本农田图斑编号", "永久基本农田图斑面积"], None, "gbk")
    {'永久基本农田图斑编号': '永久基本农', '永久基本农田图斑面积': '永久基本_2'}
    """
    given = {c: n for c, n in (wanted or {}).items() if c in columns}
    for column, name in given.items():
        size = len(name.encode(encoding, "replace"))
        is_bad = not name.strip() or size > NAME_BYTES or not _fits(name, encoding) or not name.isprintable()
        if is_bad or [n.lower() for n in given.values()].count(name.lower()) > 1:
            raise ValueError(
                f"{column}: got the short name '{name}' ({size} bytes), expected 1 to {NAME_BYTES} bytes of {encoding}, "
                "used once. Mend layers/short_names.csv."
            )
    names = dict(given)
    taken = {n.lower() for n in names.values()}
    for column in columns:
        if column not in names:
            plain = "".join(c for c in column if c.isprintable() and _fits(c, encoding)).strip() or "F"
            tries = (_cut(plain, end, encoding) for end in ("", *(f"_{k}" for k in range(2, len(columns) + 3))))
            names[column] = next(n for n in tries if n.lower() not in taken)
            taken.add(names[column].lower())
    return {column: names[column] for column in columns}


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _cut(text: str, end: str, encoding: str, size: int = NAME_BYTES) -> str:
    """Return a text cut at whole letters so that it and its end have room."""
    room = size - len(end)
    while len(text.encode(encoding)) > room:
        text = text[:-1]
    return text.rstrip() + end


def field_of(column: str, name: str, values: pd.Series, encoding: str) -> DbfField:
    """Return a column as a DBF has it, and what of it cannot be held."""
    cells = [None if pd.isna(v) is True else v for v in values.astype(object)]
    present = [v for v in cells if v is not None]
    empty = DbfField(column, name, "C", 0, ())
    make: Callable[[DbfField, list[Any], str], DbfField]
    if all(isinstance(v, (bool, np.bool_)) for v in present) and present:
        return _texts(empty, [None if v is None else _TRUTH[bool(v)] for v in cells], encoding)
    if all(isinstance(v, str) for v in present):
        make = _texts
    elif all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in present):
        make = _integers
    elif all(isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool) for v in present):
        make = _numbers
    elif all(isinstance(v, dt.date) for v in present):
        make = _days
    else:
        shown = [None if v is None else str(v) for v in cells]
        field = _texts(empty, shown, encoding)
        return replace(field, losses=(*field.losses, _loss("mixed_types", column, present, encoding)))
    return make(empty, cells, encoding)


def _loss(kind: str, column: str, found: Sequence[Any], encoding: str) -> Loss:
    zh, en = (words.format(n=len(found), encoding=encoding) for words in _LOSSES[kind])
    example = str(found[0])[:40] if found else ""
    return Loss(kind, column, Text(f"“{column}”：{zh}，如“{example}”", f"{column}: {en}, as '{example}'"), example)


def _texts(field: DbfField, values: Sequence[str | None], encoding: str) -> DbfField:
    present = [v for v in values if v is not None]
    found: dict[str, list[str]] = {
        "letters": [v for v in present if "\0" in v or not _fits(v, encoding)],
        "long_text": [v for v in present if len(_encoded(v, encoding)) > TEXT_BYTES],
        "empty_text": [v for v in present if not v],
        "blank_ends": [v for v in present if v != v.strip(" ")],
    }
    cells = tuple(b"" if v is None else _encoded(_cut_text(v, encoding), encoding) for v in values)
    losses = tuple(_loss(kind, field.column, which, encoding) for kind, which in found.items() if which)
    return replace(field, cells=cells, losses=losses)


def _encoded(text: str, encoding: str) -> bytes:
    whole = text.replace("\0", MISSING_LETTER)
    if not _fits(whole, encoding):
        whole = "".join(c if _fits(c, encoding) else MISSING_LETTER for c in whole)
    return whole.encode(encoding)


def _cut_text(text: str, encoding: str) -> str:
    while len(_encoded(text, encoding)) > TEXT_BYTES:
        text = text[:-1]
    return text


def _integers(field: DbfField, values: Sequence[Any], encoding: str) -> DbfField:
    large = [v for v in values if v is not None and abs(int(v)) > EXACT]
    if large:
        texts = _texts(field, [None if v is None else str(int(v)) for v in values], encoding)
        return replace(texts, losses=(_loss("long_integer", field.column, large, encoding),))
    return replace(field, kind="N", cells=tuple(b"" if v is None else str(int(v)).encode() for v in values))


def _numbers(field: DbfField, values: Sequence[Any], encoding: str) -> DbfField:
    """Return numbers in the fewest digits that read back as the same number; the widest takes 24 bytes."""
    infinite = [v for v in values if v is not None and not np.isfinite(v)]
    cells = tuple(b"" if v is None or not np.isfinite(v) else repr(float(v)).encode() for v in values)
    decimals = max((len(c.partition(b"e")[0].partition(b".")[2]) for c in cells), default=1)
    losses = (_loss("not_finite", field.column, infinite, encoding),) if infinite else ()
    return replace(field, kind="F", decimals=min(max(decimals, 1), 15), cells=cells, losses=losses)


def _days(field: DbfField, values: Sequence[dt.date | None], encoding: str) -> DbfField:
    timed = [v for v in values if isinstance(v, dt.datetime) and (v.time() != dt.time() or v.tzinfo is not None)]
    if timed:
        texts = _texts(field, [None if v is None else v.isoformat() for v in values], encoding)
        return replace(texts, losses=(*texts.losses, _loss("as_text", field.column, timed, encoding)))
    return replace(
        field, kind="D", cells=tuple(b" " * 8 if v is None else f"{v:%Y%m%d}".rjust(8, "0").encode() for v in values)
    )


def table_bytes(fields: Sequence[DbfField], rows: int, encoding: str, day: dt.date) -> bytes:
    """Return a whole DBF: head, one descriptor a field, and records of one width; texts stand left, numbers right."""
    length = 1 + sum(f.width for f in fields)
    head = struct.pack(
        "<BBBBIHH17xBxx", 3, day.year - 1900, day.month, day.day, rows, 32 * len(fields) + 33, length, LANGUAGE[encoding]
    )  # fmt: skip
    parts = [np.full((rows, 1), ord(" "), dtype=np.uint8)]
    descriptors = []
    for f in fields:
        name = f.name.encode(encoding).ljust(11, b"\0")
        descriptors.append(name + f.kind.encode() + struct.pack("<4xBB14x", f.width, f.decimals))
        width = f.width
        padded = [c.rjust(width) if f.kind in "NF" else c.ljust(width) for c in f.cells]
        parts.append(np.frombuffer(b"".join(padded), dtype=np.uint8).reshape(rows, width))
    return b"".join([head, *descriptors, b"\r", np.hstack(parts).tobytes(), b"\x1a"])


def refused(losses: Sequence[Loss], accepted: Collection[str]) -> list[Loss]:
    """Return the losses that must not happen unasked."""
    return [loss for loss in losses if loss.kind not in TOLD and loss.kind not in accepted]

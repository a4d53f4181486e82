"""Check the values of a layer against its fields: required, type, length, letters, digits, codes, keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys.publish.check_words import Fault
from geosys.publish.field_reading import DIGITS, TEXT_BYTES
from geosys.publish.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys.publish.check_words import Findings
    from geosys.publish.content import Field, ShapedLayer

# Source: XML 1.0, production 2 (Char): workbooks and metadata cannot hold the others.
_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def check_values(shaped: ShapedLayer, formats: Sequence[str], told: Findings) -> None:
    """Note what is wrong with the values of a layer; `formats` say what texts must fit into."""
    texts = [field for field in shaped.layer.fields if field.type == "text"]
    numbers = [field for field in shaped.layer.fields if field.type in ("number", "integer") and field.length]
    coded = [field for field in shaped.layer.fields if field.codes]
    told.tell("value_type", _untyped(shaped))
    told.tell("required", _missing(shaped))
    told.tell("text_length", _too_long(shaped, [field for field in texts if field.length]))
    if "shp" in formats:
        told.tell("text_bytes", _too_many_bytes(shaped, texts))
    told.tell("letters", _unwritable(shaped, texts, is_gbk="shp" in formats))
    told.tell("blank_ends", _blank_ends(shaped, texts))
    told.tell("number_digits", _too_many_digits(shaped, numbers))
    told.tell("codes", _unknown_codes(shaped, coded))
    told.tell("unique_key", _twice(shaped))


def _values(shaped: ShapedLayer, field: Field) -> Iterator[tuple[int, object]]:
    """Yield position and value of each row that has one."""
    column = shaped.frame[field.name]
    rows = np.flatnonzero(column.notna().to_numpy())
    yield from zip(rows.tolist(), column.iloc[rows].tolist(), strict=True)


def _fault(shaped: ShapedLayer, field: Field, row: int, got: str, expected: str) -> Fault:
    return Fault(f"[{field.name}] {place_of(shaped, row)}", got, expected)


def _untyped(shaped: ShapedLayer) -> Iterator[Fault]:
    kinds = {field.name: field.type for field in shaped.layer.fields}
    for name, values in shaped.provenance.get("untyped", {}).items():  # type: ignore[attr-defined]
        for where, value in values:
            yield Fault(f"[{name}] {where}", repr(value), kinds[name])


def _missing(shaped: ShapedLayer) -> Iterator[Fault]:
    needed = [field for field in shaped.layer.fields if field.is_required or field.name in shaped.layer.key]
    for field in needed:
        for row in np.flatnonzero(shaped.frame[field.name].isna().to_numpy()):
            yield _fault(shaped, field, int(row), "空 nothing", "有值 a value")


def _too_long(shaped: ShapedLayer, fields: Sequence[Field]) -> Iterator[Fault]:
    for field in fields:
        for row, value in _values(shaped, field):
            if len(str(value)) > field.length:
                got = f"{len(str(value))} 字 characters: {str(value)[:30]!r}"
                yield _fault(shaped, field, row, got, f"≤ {field.length} 字 characters")


def _too_many_bytes(shaped: ShapedLayer, fields: Sequence[Field]) -> Iterator[Fault]:
    for field in fields:
        for row, value in _values(shaped, field):
            size = len(str(value).encode("gbk", "replace"))
            if size > TEXT_BYTES:
                yield _fault(
                    shaped, field, row, f"{size} 字节 bytes: {str(value)[:30]!r}", f"≤ {TEXT_BYTES} 字节 bytes"
                )


def _unwritable(shaped: ShapedLayer, fields: Sequence[Field], *, is_gbk: bool) -> Iterator[Fault]:
    for field in fields:
        for row, value in _values(shaped, field):
            bad = [letter for letter in str(value) if _NO_XML.match(letter) or (is_gbk and not _is_gbk(letter))]
            if bad:
                got = " ".join(f"{letter!r} U+{ord(letter):04X}" for letter in dict.fromkeys(bad))
                yield _fault(
                    shaped, field, row, f"{got}: {str(value)[:30]!r}", "GBK 字符 letters of GBK" if is_gbk else "XML"
                )


def _is_gbk(letter: str) -> bool:
    try:
        letter.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def _blank_ends(shaped: ShapedLayer, fields: Sequence[Field]) -> Iterator[Fault]:
    for field in fields:
        for row, value in _values(shaped, field):
            if str(value) != str(value).strip():
                yield _fault(shaped, field, row, repr(str(value)[:30]), "无首尾空白 none: formats drop them")


def _too_many_digits(shaped: ShapedLayer, fields: Sequence[Field]) -> Iterator[Fault]:
    for field in fields:
        before = min(field.length, DIGITS) - field.decimals
        for row, value in _values(shaped, field):
            if abs(float(str(value))) >= 10.0**before:
                yield _fault(shaped, field, row, f"{value}", f"小数点前 ≤ {before} 位 digits before the point")


def _unknown_codes(shaped: ShapedLayer, fields: Sequence[Field]) -> Iterator[Fault]:
    for field in fields:
        known = ", ".join(list(field.codes)[:12])
        for row, value in _values(shaped, field):
            if str(value) not in field.codes:
                yield _fault(shaped, field, row, repr(value), f"{known}{' …' if len(field.codes) > 12 else ''}")  # noqa: PLR2004


def _twice(shaped: ShapedLayer) -> Iterator[Fault]:
    names = list(shaped.layer.key)
    keys = pd.DataFrame(shaped.frame[names]).astype(object)
    twice = keys.duplicated(keep="first").to_numpy() & keys.notna().all(axis=1).to_numpy()
    for row in np.flatnonzero(twice):
        yield Fault(f"[{', '.join(names)}] {place_of(shaped, int(row))}", "重复 there twice", "唯一 once")

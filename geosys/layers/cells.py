"""Cells of ledgers made ready for settling: units inside cells, spoiled codes, serial and unclear dates, shared numbers.

What a cell leaves open is not guessed: it becomes empty, with an issue that says between which readings.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._text import Text
from geosys.layers import values
from geosys.layers.codes import CodeList, fold
from geosys.layers.issues import Issue
from geosys.layers.settle import LARGEST_EXCEL, unit_factor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from geosys.layers.naming import Naming
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Field, LayerSpec

MOST_ZEROS = 6
_SCIENTIFIC = re.compile(r"\d(?:\.(\d+))?[eE]\+?(\d{1,3})")
_WHOLE_AS_FLOAT = re.compile(r"(\d+)\.0+")
_SHARED_OUT_UNITS = ("m2", "t/d")  # what several rows share adds up: one row's part is not the whole
_WIDE_LETTERS = str.maketrans(
    {chr(c): chr(c - 0xFEE0) for a, z in ((0xFF21, 0xFF3A), (0xFF41, 0xFF5A)) for c in range(a, z + 1)}
)

Found = tuple[Any, "Issue | None"]


def settle_cells(
    reading: Reading,
    naming: Naming,
    spec: LayerSpec,
    codes: Mapping[str, CodeList],
    wording: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Reading, Naming, list[Issue]]:
    """Return a ledger's reading with cells that `settle_values` can take, its units, and what was changed or refused.

    Cells whose meaning the plan states (`wording`: field → the sender's word → value) stay as they are, and so do the
    texts of tables that bring geometry of their own: no spreadsheet has touched them. Codes kept there as numbers count.
    """
    columns, units, issues = dict(reading.columns), dict(naming.units), list[Issue]()
    noted = _noted_units(reading)
    for field_id, column in naming.columns.items():
        field, raw = spec.fields[field_id], columns[column]
        if reading.geometry is not None and field.type == "text":
            if raw.dtype.kind not in "iuf" or field.codes is None:
                continue
            raw = _as_cells(raw)
        elif raw.dtype != object:
            continue
        answered = _answered(raw, (wording or {}).get(field_id, {}))
        cells = raw.copy()
        cells[answered] = None
        found: list[Issue] = []
        if field.type in ("number", "integer"):
            stated, found = _column_unit(field, units.get(field_id, ""), noted, cells)
            units[field_id] = stated or ""
            cells, more = _settle_numbers(field, cells, stated)
            found = [*found, *more]
        elif field.type == "date":
            cells, found = _settle_dates(field, cells)
        elif field.type == "text":
            cells, found = _settle_texts(field, cells, spec, codes.get(field.codes or ""))
        issues += found
        cells[answered] = raw[answered]
        columns[column] = cells
    return replace(reading, columns=columns), replace(naming, units=units), issues


def _as_cells(numbers: NDArray[Any]) -> NDArray[np.object_]:
    """Return a column of numbers as cells, missing ones as None."""
    cells = numbers.astype(object)
    cells[np.asarray(numbers != numbers)] = None  # noqa: PLR0124  only what is no number differs from itself
    return cells


def _answered(raw: NDArray[np.object_], wording: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return which cells hold a word whose meaning the plan states."""
    words = {fold(word) for word in wording}
    if not words:
        return np.zeros(len(raw), dtype=bool)
    return np.array([fold(values.plain(cell) or "") in words for cell in raw], dtype=bool)


def _each(raw: NDArray[np.object_], judge: Callable[[Any], Found | None], settled: list[Issue]) -> NDArray[np.object_]:
    """Return the column with each cell as `judge` finds it (None: as it is), and add the issues by row."""
    result = raw.copy()
    for row, cell in enumerate(raw):
        found = None if cell is None else judge(cell)
        if found is not None:
            result[row], issue = found
            if issue is not None:
                issue.row = row
                settled.append(issue)
    return result


def _cell_issue(kind: str, field: Field, cell: object, zh: str, en: str, after: str = "", severity: str = "") -> Issue:
    shown = str(cell)[:100]
    text = Text(f"“{field.title.zh}”的值“{shown}”{zh}", f"{field.title.en}: '{shown}' {en}")
    return Issue(kind, text, field=field.id, value=cell, before=shown, after=after, severity=severity)


# --- numbers ---


def _noted_units(reading: Reading) -> list[str]:
    """Return the units that the notes of a table state for all of it (单位：亩)."""
    notes = [str(issue.value) for issue in reading.issues if issue.issue_type == "note_row"]
    return list(dict.fromkeys(unit for note in notes for unit in values.stated_units(note)))


def _column_unit(
    field: Field, stated: str, noted: list[str], raw: NDArray[np.object_]
) -> tuple[str | None, list[Issue]]:
    """Return the unit of a column's bare numbers: its header's, else a note's about the whole table; None where notes disagree."""
    fitting = [u for u in noted if field.unit and unit_factor(u, field.unit) is not None]
    if stated or not fitting or not any(values.number(cell) is not None for cell in raw):
        return stated, []
    if len(fitting) > 1:
        zh = f"“{field.title.zh}”的单位不明：说明行写有 {'、'.join(fitting)}，整列未采用；请在表头注明单位"
        en = f"{field.title.en}: notes state {', '.join(fitting)}; column not used. State the unit in the header"
        return None, [Issue("unit_unclear", Text(zh, en), field=field.id, value="、".join(fitting))]
    if unit_factor(fitting[0], field.unit) == 1.0:
        return fitting[0], []
    zh = f"“{field.title.zh}”的单位按说明行“单位：{fitting[0]}”换算为 {field.unit}"
    en = f"{field.title.en}: the unit {fitting[0]} is taken from a note of the table and converted to {field.unit}"
    return fitting[0], [Issue("unit_from_note", Text(zh, en), field=field.id, value=fitting[0])]


@dataclass(slots=True)
class _Units:
    """Count the units found within the cells of one column."""

    seen: Counter[str]
    bare: int = 0


def _settle_numbers(
    field: Field, raw: NDArray[np.object_], stated: str | None
) -> tuple[NDArray[np.object_], list[Issue]]:
    """Return a column whose cells are all in its stated unit, without qualified numbers and numbers several rows share."""
    if stated is None:
        return np.full(len(raw), None, dtype=object), []
    factor = unit_factor(stated, field.unit)
    units = _count_units(field, raw)
    is_open = not stated and any(unit_factor(u, field.unit) != 1.0 for u in units.seen)
    adds_up = bool(field.unit) and any(unit_factor(field.unit or "", u) is not None for u in _SHARED_OUT_UNITS)

    def judge(cell: Any) -> Found | None:
        if isinstance(cell, values.Shared) and adds_up:
            zh, en = (
                "写在合并单元格里，属于几行共有还是每行各有不明，已置空",
                "stands in a merged cell of several rows: each row's own or their sum? Set empty",
            )
            return None, _cell_issue("shared_number", field, f"{float(cell):g}", zh, en)
        if values.is_qualified(cell):
            zh, en = "是约数或范围，不是测得的数，已置空", "is about, more or less than a number: set empty"
            return None, _cell_issue("qualified_number", field, cell, zh, en)
        if is_open and values.number(cell) is not None:
            zh = f"没有单位，而同列另有 {'、'.join(units.seen)}，不能确定，已置空"
            en = f"has no unit while the column also has {', '.join(units.seen)}: unclear, set empty"
            return None, _cell_issue("unit_unclear", field, cell, zh, en)
        found = values.quantity(cell) if field.unit else None
        own = unit_factor(found[1], field.unit) if found else None
        if found is None or own is None or not factor:
            return None
        is_same = fold(found[1]) == fold(stated) or own == factor
        return (found[0] if is_same else found[0] * own / factor), None

    issues: list[Issue] = []
    settled = _each(raw, judge, issues)
    return settled, [*_unit_issues(field, stated, units), *issues]


def _count_units(field: Field, raw: NDArray[np.object_]) -> _Units:
    units = _Units(Counter())
    for cell in raw:
        found = values.quantity(cell) if field.unit and isinstance(cell, str) else None
        if found is not None and unit_factor(found[1], field.unit) is not None:
            units.seen[found[1]] += 1
        elif values.number(cell) is not None:
            units.bare += 1
    return units


def _unit_issues(field: Field, stated: str, units: _Units) -> list[Issue]:
    """Return one issue for a column whose cells bring units: mixed, or other than its header says."""
    counts = [
        *units.seen.most_common(),
        *([(f"无单位（表头：{stated or '未注明'}）", units.bare)] if units.bare else []),
    ]
    told = "、".join(f"{unit} {count} 个" for unit, count in counts)
    told_en = ", ".join(f"{count} × {unit}" for unit, count in counts)
    if stated and any(unit_factor(unit, field.unit) != unit_factor(stated, field.unit) for unit in units.seen):
        zh = f"“{field.title.zh}”的表头单位是 {stated}，单元格里另有单位（{told}），按单元格自己的单位换算"
        en = (
            f"{field.title.en}: the header says {stated}, cells say otherwise ({told_en}); each is read in its own unit"
        )
        return [Issue("unit_contradicts", Text(zh, en), field=field.id, value=told)]
    if len({unit_factor(unit, field.unit) for unit in units.seen}) > 1:
        zh = f"“{field.title.zh}”一列混用单位（{told}），按各单元格自己的单位换算为 {field.unit}"
        en = f"{field.title.en}: several units in one column ({told_en}), each converted to {field.unit}"
        return [Issue("unit_mixed", Text(zh, en), field=field.id, value=told)]
    if units.seen:
        zh, en = (
            f"“{field.title.zh}”的单元格带单位（{told}），已换算为 {field.unit}",
            f"{field.title.en}: cells bring units ({told_en})",
        )
        return [Issue("unit_in_cells", Text(zh, en), field=field.id, value=told)]
    return []


# --- dates ---


def _settle_dates(field: Field, raw: NDArray[np.object_]) -> tuple[NDArray[np.object_], list[Issue]]:
    """Return a column without dates of unclear order, and tell once that bare numbers were read as Excel serials."""

    def judge(cell: Any) -> Found | None:
        days = values.unclear_dates(cell) if isinstance(cell, str) else ()
        if not days:
            return None
        shown = "、".join(str(day) for day in days)
        zh, en = f"年月日次序不明（可能是 {shown}），已置空", f"may be {', '.join(map(str, days))}: unclear, set empty"
        return None, _cell_issue("date_unclear", field, cell, zh, en)

    issues: list[Issue] = []
    settled = _each(raw, judge, issues)
    serials = [
        cell for cell in settled if cell is not None and values.is_serial(cell) and values.date(cell) is not None
    ]
    if serials:
        first, day = str(values.plain(serials[0])), str(values.date(serials[0]))
        zh = f"“{field.title.zh}”有 {len(serials)} 个单元格是 Excel 日期序号，已换成日期，如 {first} → {day}"
        en = f"{field.title.en}: {len(serials)} cells hold Excel serial numbers, read as dates, as {first} → {day}"
        issues.insert(
            0, Issue("serial_dates", Text(zh, en), field=field.id, value=len(serials), before=first, after=day)
        )
    return settled, issues


# --- codes and texts ---


def _settle_texts(
    field: Field, raw: NDArray[np.object_], spec: LayerSpec, codes: CodeList | None
) -> tuple[NDArray[np.object_], list[Issue]]:
    """Return a column of texts with codes restored where only one reading is possible; damaged ones become empty."""
    is_code = field.id in spec.key or field.pattern is not None or codes is not None
    grave = "" if is_code else "warning"
    form = re.compile(field.pattern) if field.pattern else None
    may_pad = form is not None and _lost_zeros_throughout(raw, form)

    def is_good(word: str) -> bool:
        return fold(word) in codes.spellings if codes else bool(form and form.fullmatch(word))

    def judge(cell: Any) -> Found | None:
        word = values.plain(cell)
        if word is None:
            return None
        if _is_damaged(cell, word) or (is_code and isinstance(cell, dt.date)):
            zh, en = (
                "是被 Excel 改坏的编码，位数已丢失，不能恢复，已置空",
                "is a code that Excel spoiled; its digits are lost. Set empty",
            )
            return None, _cell_issue("code_damaged", field, cell, zh, en, severity=grave)
        restored = _restored(word, is_good, is_code=is_code, has_list=codes is not None, may_pad=may_pad)
        if restored is None or restored == word:
            return None
        return restored, _cell_issue(
            "code_restored", field, word, f"已还原为“{restored}”", f"is restored to '{restored}'", restored
        )

    issues: list[Issue] = []
    return _each(raw, judge, issues), issues


def _is_damaged(cell: object, word: str) -> bool:
    """Say whether a code's digits are lost: a number beyond 15 digits, or a power of ten with fewer digits than it had."""
    if isinstance(cell, float) and abs(cell) >= LARGEST_EXCEL:
        return True
    match = _SCIENTIFIC.fullmatch(word) if isinstance(cell, str) else None
    return bool(match and "+" in word and len(match[1] or "") < int(match[2]))


def _restored(word: str, is_good: Callable[[str], bool], *, is_code: bool, has_list: bool, may_pad: bool) -> str | None:
    """Return what a code was before software changed it, where only one reading fits; None where nothing is to be said."""
    quoted = word.removeprefix("'")
    if quoted != word and quoted.isascii() and quoted.isdigit():
        return quoted
    power = _SCIENTIFIC.fullmatch(word)
    if power and "+" in word and len(power[1] or "") == int(power[2]):
        return word[0] + (power[1] or "")
    if not is_code:
        return None
    half = word.translate(_WIDE_LETTERS)
    as_float = _WHOLE_AS_FLOAT.fullmatch(half)
    whole = as_float[1] if as_float else half
    if is_good(whole) or not (has_list or may_pad) or not whole.isdigit():
        return whole if as_float is None or is_good(whole) else None
    fits = [padded for n in range(1, MOST_ZEROS + 1) if is_good(padded := "0" * n + whole)]
    return fits[0] if len(fits) == 1 else None


def _lost_zeros_throughout(raw: NDArray[np.object_], form: re.Pattern[str]) -> bool:
    """Say whether zeros are what is missing: other codes of the column begin with one, or no number of it fits.

    One short code among full ones lacks some digit, and nobody knows which.
    """
    words = [word for cell in raw if (word := values.plain(cell)) is not None]
    fitting = [word for word in words if form.fullmatch(word)]
    return any(word.startswith("0") for word in fitting) or not any(word.isdigit() for word in fitting)

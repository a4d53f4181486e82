"""Settle what a delivery says: its values into types, units and codes; its coordinates into the plan's CRS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU
from geosys.layers import values
from geosys.layers.codes import CodeList, fold
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from geosys.layers.delivery import Delivery
    from geosys.layers.naming import Naming
    from geosys.layers.reading import Reading
    from geosys.layers.spec import Field, LayerSpec

_UNIT_NAMES = {
    "m2": "m2", "m²": "m2", "㎡": "m2", "平方米": "m2", "mu": "mu", "亩": "mu", "ha": "ha", "公顷": "ha", "hm2": "ha", "hm²": "ha",
    "km2": "km2", "km²": "km2", "平方公里": "km2", "平方千米": "km2", "mg/l": "mg/l", "毫克/升": "mg/l", "μg/l": "ug/l", "µg/l": "ug/l",
    "ug/l": "ug/l", "微克/升": "ug/l", "mg/kg": "mg/kg", "毫克/千克": "mg/kg", "μg/kg": "ug/kg", "µg/kg": "ug/kg", "ug/kg": "ug/kg",
    "g/kg": "g/kg", "m": "m", "米": "m", "km": "km", "公里": "km", "千米": "km", "cm": "cm", "厘米": "cm",
    **dict.fromkeys(("t/d", "吨/日", "吨/天", "m3/d", "m³/d", "立方米/日", "立方米/天"), "t/d"),
    **dict.fromkeys(("万t/d", "万吨/日", "万吨/天", "万m3/d", "万m³/d", "万立方米/日", "万立方米/天"), "wt/d"),
}  # fmt: skip
_FACTORS = {
    ("mu", "m2"): SQUARE_METRES_PER_MU, ("ha", "m2"): SQUARE_METRES_PER_HECTARE, ("km2", "m2"): 1e6, ("ug/l", "mg/l"): 1e-3,
    ("mg/l", "ug/l"): 1e3, ("ug/kg", "mg/kg"): 1e-3, ("g/kg", "mg/kg"): 1e3, ("km", "m"): 1e3, ("m", "km"): 1e-3, ("cm", "m"): 1e-2, ("m", "cm"): 1e2,
    ("wt/d", "t/d"): 1e4, ("m2", "ha"): 1e-4, ("mu", "ha"): 1.0 / 15.0,
}  # fmt: skip
LARGEST_WHOLE = 2**63
LARGEST_EXCEL = 1e15  # a longer code kept as a number has lost its last digits
_TYPE_WORDS = {
    "text": (
        "文本（数字单元格超过 15 位，末位已丢失）",
        "a text (a number cell of over 15 digits has lost its last ones)",
    ),
    "number": ("数字", "a number"),
    "integer": ("整数", "a whole number"),
    "date": ("日期", "a date"),
    "truth": ("是或否", "yes or no"),
}
_DTYPES = {"text": "object", "integer": "Int64", "number": "float64", "date": "object", "truth": "boolean"}


def unit_factor(stated: str, wanted: str | None) -> float | None:
    """Return by what a number in the stated unit is multiplied to be in the wanted one; None when that is not known.

    Examples
    --------
    >>> round(unit_factor("亩", "m2"), 3), unit_factor("μg/L", "mg/L"), unit_factor("斤", "m2"), unit_factor("无量纲", None)
    (666.667, 0.001, None, 1.0)
    """
    if not stated or not wanted:
        return 1.0
    one, two = _UNIT_NAMES.get(fold(stated)), _UNIT_NAMES.get(fold(wanted))
    if fold(stated) == fold(wanted) or (one is not None and one == two):
        return 1.0
    return _FACTORS.get((one, two)) if one and two else None


def settle_values(
    reading: Reading, naming: Naming, spec: LayerSpec, delivery: Delivery, codes: Mapping[str, CodeList]
) -> tuple[pd.DataFrame, list[Issue]]:
    """Return one typed column a field, and an issue for each value that could not be settled (it becomes empty)."""
    columns: dict[str, pd.Series] = {}
    issues: list[Issue] = []
    for field in spec.fields.values():
        raw = _raw_values(field, reading, naming, delivery)
        if raw is None:
            columns[field.id] = pd.Series(np.full(reading.size, None, dtype=object)).astype(_DTYPES[field.type])
            continue
        code_list = codes[field.codes] if field.codes else None
        wording = {fold(k): v for k, v in delivery.values.get(field.id, {}).items()}  # noqa: PD011
        factor = unit_factor(naming.units.get(field.id, ""), field.unit)
        if factor is None:
            stated = naming.units[field.id]
            zh, en = (
                f"列单位“{stated}”与“{field.unit}”不能换算，整列未采用",
                f"The unit '{stated}' cannot be turned into {field.unit}: column not used",
            )
            issues.append(Issue("unit_unknown", Text(zh, en), field=field.id, value=stated))
            raw = np.full(reading.size, None, dtype=object)
        is_number = field.type == "number" and code_list is None and not wording and raw.dtype.kind in "fiu"
        settled: NDArray[Any]
        settled, bad = _settle_numbers(raw) if is_number else _settle_column(raw, _parser(field, code_list, wording))
        issues += [_value_issue(field, int(row), _cell(raw, row), code_list) for row in bad]
        if factor not in (None, 1.0):
            settled = _times(settled, factor)
        columns[field.id] = pd.Series(settled, dtype=settled.dtype).astype(_DTYPES[field.type])
    return pd.DataFrame(columns), issues


def _raw_values(field: Field, reading: Reading, naming: Naming, delivery: Delivery) -> NDArray[Any] | None:
    """Return the delivered values of a field as they were read, or None where the delivery has none."""
    if field.id in delivery.set:
        return np.full(reading.size, delivery.set[field.id], dtype=object)
    return reading.columns[naming.columns[field.id]] if field.id in naming.columns else None


def _cell(raw: NDArray[Any], row: int) -> object:
    """Return one value as Python has it."""
    return raw[row] if raw.dtype == object else raw[row : row + 1].astype(object)[0]


def _times(settled: NDArray[Any], factor: float) -> NDArray[Any]:
    """Return numbers times a factor; empty ones stay empty."""
    if settled.dtype != object:
        return np.asarray(settled * factor)
    return np.array([None if v is None else v * factor for v in settled], dtype=object)


def _settle_numbers(raw: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return numbers that came as numbers, NaN where there is none, and the rows of infinite ones."""
    number = raw.astype(np.float64) + 0.0  # minus zero is zero
    bad = np.flatnonzero(np.isinf(number))
    number[bad] = np.nan
    return number, bad


def _settle_column(
    raw: NDArray[Any], parse: Callable[[Any], tuple[bool, Any]]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the parsed values and the rows whose value is there but could not be read; each value is parsed once."""
    place, distinct = _distinct(raw)
    parsed = [parse(value) for value in distinct]
    values_of = np.empty(len(distinct) + 1, dtype=object)  # the last one, which −1 finds, is that of an empty cell
    values_of[:-1] = [value for _, value in parsed]
    is_bad = np.array([value is None and not empty for empty, value in parsed] + [False], dtype=bool)
    return values_of[place], np.flatnonzero(is_bad[place])


def _distinct(raw: NDArray[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    """Return for each cell the position of its value among the distinct ones (−1: empty), and these.

    Values of several types are told apart by type, for 1, 1.0 and True are equal; what is no text or number by its words.
    """
    if raw.dtype != object or pd.api.types.infer_dtype(raw, skipna=True) in ("string", "empty"):
        place, distinct = pd.factorize(raw)
        return place, list(distinct.astype(object))
    known: dict[Any, int] = {}
    place, distinct = np.empty(len(raw), dtype=np.intp), []
    for i, value in enumerate(raw):
        is_plain = value is None or isinstance(value, (str, int, float))
        key = (type(value), value if is_plain else repr(value))
        place[i] = known.setdefault(key, len(known))
        if place[i] == len(distinct):
            distinct.append(value)
    return place, distinct


def _parser(field: Field, codes: CodeList | None, wording: Mapping[str, str]) -> Callable[[Any], tuple[bool, Any]]:
    """Return the function that says of a value whether it is empty and what it means, the sender's wording translated."""

    def translated(value: Any) -> Any:
        word = values.plain(value) if wording else None
        return value if word is None else wording.get(fold(word), value)

    def whole(value: Any) -> int | None:
        parsed = values.number(value)
        return int(parsed) if parsed is not None and parsed.is_integer() and abs(parsed) < LARGEST_WHOLE else None

    def code(word: str) -> str | None:
        return None if codes is None else codes.spellings.get(fold(word))

    kinds: dict[str, Callable[[Any], Any]] = {
        "integer": whole, "number": values.number, "date": values.date, "truth": values.truth,
    }  # fmt: skip

    def parse(value: Any) -> tuple[bool, Any]:
        meant = translated(value)
        word = values.plain(meant)
        if word is None:
            return True, None
        if codes is not None:
            return False, code(word)
        if field.type == "text":
            is_cut = isinstance(meant, float) and abs(meant) >= LARGEST_EXCEL
            return False, None if is_cut else word
        return False, kinds[field.type](meant)

    return parse


def _value_issue(field: Field, row: int, value: object, codes: CodeList | None) -> Issue:
    title, shown = field.title, str(value)[:100]
    if codes is not None:
        allowed = list(codes.titles)
        some = "、".join(allowed[:12]) + ("…" if len(allowed) > 12 else "")  # noqa: PLR2004
        zh, en = (
            f"“{title.zh}”的值“{shown}”不在代码表 {codes.id} 内（应为：{some}），已置空",
            (f"{title.en}: got '{shown}', expected a code of {codes.id} ({some}); set empty"),
        )
        return Issue("bad_code", Text(zh, en), row, field.id, value, before=shown)
    zh_kind, en_kind = _TYPE_WORDS[field.type]
    kind = {
        "text": "bad_number",
        "number": "bad_number",
        "integer": "bad_number",
        "date": "bad_date",
        "truth": "bad_truth",
    }[field.type]
    text = Text(
        f"“{title.zh}”的值“{shown}”不是{zh_kind}，已置空",
        f"{title.en}: got '{shown}', expected {en_kind}; set empty",
    )
    return Issue(kind, text, row, field.id, value, before=shown)

"""Settle what a delivery says: its values into types, units and codes; its coordinates into the plan's CRS."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import CrsError
from geosys._text import Text
from geosys.geo.area import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU
from geosys.geo.crs import GEOGRAPHIC, datum_that_cannot_be_converted, parse_crs, to_crs
from geosys.layers import values
from geosys.layers.checks import MANY_AT_ONE_POINT
from geosys.layers.codes import CodeList, fold
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from geosys.layers.delivery import Delivery
    from geosys.layers.naming import Naming
    from geosys.layers.place import Place
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
        code_list = codes[field.codes] if field.codes else None
        wording = {fold(k): v for k, v in delivery.values.get(field.id, {}).items()}  # noqa: PD011
        parse = _parser(field, code_list, wording)
        factor = unit_factor(naming.units.get(field.id, ""), field.unit)
        if factor is None:
            stated = naming.units[field.id]
            zh, en = (
                f"列单位“{stated}”与“{field.unit}”不能换算，整列未采用",
                f"The unit '{stated}' cannot be turned into {field.unit}: column not used",
            )
            issues.append(Issue("unit_unknown", Text(zh, en), field=field.id, value=stated))
            raw = np.full(reading.size, None, dtype=object)
        settled, bad = _settle_column(raw, parse)
        issues += [_value_issue(field, int(row), raw[row], code_list) for row in bad]
        if factor not in (None, 1.0):
            settled = np.array([None if v is None else v * factor for v in settled], dtype=object)
        columns[field.id] = pd.Series(settled, dtype="object").astype(_DTYPES[field.type])
    return pd.DataFrame(columns), issues


def _raw_values(field: Field, reading: Reading, naming: Naming, delivery: Delivery) -> NDArray[np.object_]:
    if field.id in delivery.set:
        return np.full(reading.size, delivery.set[field.id], dtype=object)
    if field.id in naming.columns:
        raw = reading.columns[naming.columns[field.id]]
        if raw.dtype == object:
            return raw
        column = raw.astype(object)
        column[np.asarray(pd.isna(raw), dtype=bool)] = None
        return column
    return np.full(reading.size, None, dtype=object)


def _settle_column(
    raw: NDArray[np.object_], parse: Callable[[Any], tuple[bool, Any]]
) -> tuple[NDArray[np.object_], list[int]]:
    """Return the parsed values and the rows whose value is there but could not be read; each value is parsed once."""
    known: dict[Any, Any] = {}
    settled, bad = np.empty(len(raw), dtype=object), []
    for i, value in enumerate(raw):
        key = (
            (type(value), value)
            if value is None or isinstance(value, (str, int, float))
            else (type(value), repr(value))
        )
        if key not in known:
            known[key] = parse(value)
        empty, settled[i] = known[key]
        if settled[i] is None and not empty:
            bad.append(i)
    return settled, bad


def _parser(field: Field, codes: CodeList | None, wording: Mapping[str, str]) -> Callable[[Any], tuple[bool, Any]]:
    """Return the function that says of a value whether it is empty and what it means, the sender's wording translated."""

    def translated(value: Any) -> Any:
        word = values.plain(value)
        return wording.get(fold(word), value) if word is not None and wording else value

    def whole(value: Any) -> int | None:
        parsed = values.number(value)
        return int(parsed) if parsed is not None and parsed.is_integer() and abs(parsed) < LARGEST_WHOLE else None

    def text(value: Any) -> str | None:
        is_cut = isinstance(value, float) and abs(value) >= LARGEST_EXCEL
        return None if is_cut else values.plain(value)

    def code(value: Any) -> str | None:
        word = values.plain(value)
        return None if word is None or codes is None else codes.spellings.get(fold(word))

    kinds: dict[str, Callable[[Any], Any]] = {
        "text": text, "integer": whole, "number": values.number, "date": values.date, "truth": values.truth,
    }  # fmt: skip
    read = code if codes else kinds[field.type]
    return lambda value: (values.plain(translated(value)) is None, read(translated(value)))


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


def settle_geometry(
    reading: Reading, naming: Naming, spec: LayerSpec, delivery: Delivery, place: Place
) -> tuple[NDArray[np.object_] | None, list[Issue]]:
    """Return the geometries in the plan's CRS, or None (with one issue for the whole table) when that is impossible."""
    if spec.geometry == "none":
        return np.full(reading.size, None, dtype=object), []
    geometry, crs = reading.geometry, delivery.crs or reading.crs
    issues: list[Issue] = []
    if geometry is None:
        if not (naming.x and naming.y):
            zh, en = (
                "没有几何，也没有找到经度、纬度列；请在 geosys.toml 用 x、y 指明",
                "No geometry and no longitude and latitude columns; name them with x and y",
            )
            return None, [Issue("missing_geometry", Text(zh, en))]
        crs = delivery.crs or GEOGRAPHIC
        geometry, issues = _points(reading, naming, is_degrees=parse_crs(crs).is_geographic)
    if crs is None:
        zh, en = (
            "文件未说明坐标系；请在 geosys.toml 用 crs 指明后再运行",
            "The file states no CRS; state it with 'crs' in geosys.toml and run again",
        )
        return None, [Issue("no_crs", Text(zh, en))]
    datum = datum_that_cannot_be_converted(parse_crs(crs))
    if datum:
        zh = f"坐标系为{datum}，没有可靠的公开转换参数；请向测绘部门索取 CGCS2000 成果或控制点"
        en = f"The CRS is {crs} ({datum}), which has no valid public shift; ask the survey office for CGCS2000 data"
        return None, [Issue("not_convertible", Text(zh, en), value=crs)]
    try:
        settled = to_crs(geometry, crs, place.crs)
    except CrsError as error:
        return None, [Issue("not_convertible", Text(str(error), str(error)), value=crs)]
    return settled, [*issues, *_lost(geometry, settled, crs, place)]


def _lost(geometry: NDArray[np.object_], settled: NDArray[np.object_], crs: str, place: Place) -> list[Issue]:
    """Return an issue for each geometry whose coordinates the plan's CRS cannot express, as latitude 114."""
    rows = np.flatnonzero(~shapely.is_missing(geometry) & ~shapely.is_empty(geometry) & shapely.is_missing(settled))
    places = Counter(shapely.to_wkb(geometry[rows]))
    issues = []
    for row in rows:
        exchanged = to_crs(shapely.transform(geometry[[row]], lambda xy: xy[:, ::-1]), crs, place.crs)[0]
        if exchanged is not None and place.region is not None and shapely.intersects(place.region, exchanged):
            zh, en = (
                "交换经纬度（X、Y）后落入区域：疑似写反",
                "Inside the region with x and y exchanged: probably swapped",
            )
            kind = "swapped_xy"
        elif (count := places[shapely.to_wkb(geometry[row])]) >= MANY_AT_ONE_POINT:
            zh = f"{count} 条共用同一坐标，且远在区域之外：是默认坐标，不是真实位置"
            en = f"{count} records share one place far outside the region: a default point, not a position"
            kind = "default_point"
        else:
            zh, en = "坐标超出该坐标系可表示的范围", "The coordinates lie beyond what the CRS can express"
            kind = "bad_coordinate"
        value = str(shapely.get_coordinates(geometry[row])[0].tolist())
        issues.append(Issue(kind, Text(zh, en), int(row), value=value, before=value))
    return issues


def _points(reading: Reading, naming: Naming, *, is_degrees: bool) -> tuple[NDArray[np.object_], list[Issue]]:
    """Return points from coordinate columns; a coordinate that cannot be read is an issue of its row."""
    read = values.angle if is_degrees else values.number
    geometry = np.full(reading.size, None, dtype=object)
    issues = []
    cells = [_coordinate_cells(reading, columns) for columns in (naming.x, naming.y)]
    for row, pair in enumerate(zip(*cells, strict=True)):
        parsed = [read(cell) for cell in pair]
        if None not in parsed:
            geometry[row] = shapely.Point(parsed)
            continue
        for cell, value, columns in zip(pair, parsed, (naming.x, naming.y), strict=True):
            if value is None and values.plain(cell) is not None:
                name = columns[0]
                zh, en = (
                    f"“{name}”的值“{cell}”读不成坐标",
                    f"{name}: got '{str(cell)[:100]}', expected degrees or degrees-minutes-seconds",
                )
                issues.append(Issue("bad_coordinate", Text(zh, en), row, name, cell, before=str(cell)[:100]))
    return geometry, issues


def _coordinate_cells(reading: Reading, columns: tuple[str, ...]) -> list[Any]:
    if len(columns) == 1:
        return list(reading.columns[columns[0]])
    parts = zip(*(reading.columns[c] for c in columns), strict=True)
    return [_join_dms([values.plain(p) for p in row]) for row in parts]


def _join_dms(parts: list[str | None]) -> str | None:
    if all(p is None for p in parts):
        return None
    return re.sub(r"\s", "", f"{parts[0] or ''}°{parts[1] or 0}′{parts[2] or 0}″")

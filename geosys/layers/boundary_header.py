"""What the header of a boundary-point file states of its coordinates: datum, unit, zone, and whether that can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geosys.layers.boundary_model import ATTRIBUTES, Entry, FaultLog
from geosys.layers.values import HALF_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys.layers.boundary_lines import RawFile

ZONES, FIRST_THREE_DEGREE_ZONE = (13, 45), 24
LONGITUDES = (73.0, 136.0)
THREE, SIX = 3, 6
# Source: EPSG Dataset; first codes for zones 25 (3°) and 13 (6°), with zone prefix and by central meridian
_EPSG = {
    ("CGCS2000", THREE): (4513, 4534), ("CGCS2000", SIX): (4491, 4502),
    ("西安80", THREE): (2349, 2370), ("西安80", SIX): (2327, 2338),
    ("北京54", THREE): (2401, 2422), ("北京54", SIX): (21413, 21453),
}  # fmt: skip
_FIRST_ZONE, _ZONE_COUNT = {THREE: 25, SIX: 13}, {THREE: 21, SIX: 11}
_DATUMS = (("WGS84", r"WGS"), ("CGCS2000", r"2000|CGCS"), ("西安80", r"80|西安"), ("北京54", r"54|北京"))
_CRS_KEYS = ("坐标系", "几度分带", "分带", "投影类型", "计量单位", "带号")
_CHINESE_DIGITS = str.maketrans("三六", "36")


def epsg(datum: str, zone: int, *, prefixed: bool) -> str | None:
    """Return the EPSG code of a Gauss-Kruger zone, or None where there is none.

    Examples
    --------
    >>> epsg("CGCS2000", 38, prefixed=True), epsg("CGCS2000", 38, prefixed=False), epsg("CGCS2000", 20, prefixed=True)
    ('EPSG:4526', 'EPSG:4547', 'EPSG:4498')
    """
    width = THREE if zone >= FIRST_THREE_DEGREE_ZONE else SIX
    place = zone - _FIRST_ZONE[width]
    if (datum, width) not in _EPSG or not 0 <= place < _ZONE_COUNT[width]:
        return None
    return f"EPSG:{_EPSG[datum, width][0 if prefixed else 1] + place}"


def check_repeated(raw: RawFile) -> None:
    """Note what the attribute sections state of the CRS twice and differently (files joined into one)."""
    seen: dict[str, Entry] = {}
    for entry in raw.entries:
        before = seen.setdefault(entry.key, entry)
        if entry.section == ATTRIBUTES and entry.key in _CRS_KEYS and before.value != entry.value:
            raw.log.add(
                "header_repeated", entry.line, f"{entry.key}={entry.value}", f"{before.value} (line {before.line})"
            )


def datum_of(log: FaultLog, entry: Entry | None) -> str:
    """Return the datum the header names, or CGCS2000 as the candidate where it names none."""
    text = entry.value if entry else ""
    if not text:
        log.add("datum_unstated", entry.line if entry else 0, "nothing", "坐标系=2000国家大地坐标系")
        return "CGCS2000"
    upper = text.translate(HALF_WIDTH).upper()
    datum = next((name for name, form in _DATUMS if re.search(form, upper)), "")
    line = entry.line if entry else 0
    if not datum or "独立" in text or "地方" in text:
        log.add("datum_unknown", line, text, "2000国家大地坐标系, 1980西安坐标系 or 1954北京坐标系")
        return ""
    if datum in ("西安80", "北京54"):
        log.add("datum_not_converted", line, text, "2000国家大地坐标系, or control points of the survey office")
    return datum


def check_parameters(log: FaultLog, stated: Mapping[str, Entry]) -> None:
    """Note transformation parameters: they are not applied."""
    entry = stated.get("转换参数")
    if entry and re.search(r"[1-9]", entry.value.translate(HALF_WIDTH)):
        log.add("parameters_not_applied", entry.line, entry.value, "none, or zeros")


def check_unit(log: FaultLog, stated: Mapping[str, Entry], *, is_degrees: bool, is_settled: bool) -> None:
    """Note a stated unit or projection that the numbers do not bear out."""
    unit, projection = stated.get("计量单位"), stated.get("投影类型")
    if is_settled and unit and unit.value:
        fits = "度" in unit.value if is_degrees else unit.value.lower() in ("米", "m", "metre", "meter")
        if not fits or (is_degrees and "分" in unit.value):
            log.add("unit_contradicts", unit.line, f"计量单位={unit.value}", "decimal degrees" if is_degrees else "米")
    if (
        projection
        and projection.value
        and not re.search(r"高斯|GAUSS|^G-?K$", projection.value.upper())
        and not is_degrees
    ):
        log.add("projection_contradicts", projection.line, f"投影类型={projection.value}", "高斯克吕格")


def check_zone(log: FaultLog, stated: Mapping[str, Entry], prefix: int, plots: int) -> int:
    """Return the header's zone (0 for none), held against its zone width and the prefix of the eastings."""
    entry, width_entry = stated.get("带号"), stated.get("几度分带") or stated.get("分带")
    width = _digits(width_entry.value, last=False) if width_entry else 0
    zone = _digits(entry.value, last=True) if entry else 0
    line = entry.line if entry else 0
    meridian_step = width if width in (THREE, SIX) else THREE
    if entry and LONGITUDES[0] <= zone <= LONGITUDES[1]:
        log.add("zone_is_meridian", line, f"带号={entry.value}", "a zone, as 38")
        shifted = zone if meridian_step == THREE else zone + THREE
        zone = shifted // meridian_step if shifted % meridian_step == 0 else 0
    if not ZONES[0] <= zone <= ZONES[1]:
        if entry and entry.value:
            expected = f"a zone from {ZONES[0]} to {ZONES[1]}" + (f"; {prefix} in the eastings" if prefix else "")
            log.add("zone_contradicts" if prefix else "zone_unknown", line, f"带号={entry.value}", expected)
        elif not prefix:
            log.add("zone_unknown", line, "no 带号, no prefix in the eastings", "带号=38")
        zone = 0
    if zone and prefix and zone != prefix:
        log.add("zone_contradicts", line, f"带号={zone}", f"{prefix}, as in the eastings of {plots} plots")
    used = prefix or zone
    true_width = THREE if used >= FIRST_THREE_DEGREE_ZONE else SIX
    if width_entry and width and used and width != true_width:
        expected = f"{true_width}: zone {used} is one of {true_width} degrees"
        log.add("zone_width_contradicts", width_entry.line, f"几度分带={width_entry.value}", expected)
    return zone


def _digits(text: str, *, last: bool) -> int:
    """Return the last (or first) number in a text, 0 where there is none: ``3度带38`` is zone 38 of 3 degrees."""
    half = text.translate(HALF_WIDTH).translate(_CHINESE_DIGITS)
    found = re.findall(r"(?<![\d.])\d{1,3}(?![\d.])", half)
    return int(found[-1 if last else 0]) if found else 0

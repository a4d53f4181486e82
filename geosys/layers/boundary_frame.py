"""Which CRS the numbers of a boundary-point file are in, judged on every point and held against its header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys.layers.boundary_header import (
    LONGITUDES,
    ZONES,
    check_parameters,
    check_repeated,
    check_unit,
    check_zone,
    datum_of,
    epsg,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.layers.boundary_lines import RawBlock, RawFile
    from geosys.layers.boundary_model import FaultLog

# metres and degrees that occur in China; a prefixed easting is zone · 10⁶ + easting
NORTHINGS, EASTINGS = (300_000.0, 6_100_000.0), (100_000.0, 900_000.0)
LATITUDES = (3.0, 54.0)
ZONE_STEP = 1_000_000.0
NORTH_FIRST, EAST_FIRST, LATITUDE_FIRST, LONGITUDE_FIRST = 1, 2, 4, 8
READINGS = {
    NORTH_FIRST: "X north, Y east in metres",
    EAST_FIRST: "X east, Y north in metres",
    LATITUDE_FIRST: "latitude, longitude in degrees",
    LONGITUDE_FIRST: "longitude, latitude in degrees",
}
_GEOGRAPHIC = {"CGCS2000": 4490, "西安80": 4610, "北京54": 4214, "WGS84": 4326}
_PACKED_LEAST, _PACKED_SPREAD = 16, 200  # values, and ten-thousandths of a degree between the outermost


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold what the numbers say: the reading of each plot (a key of `READINGS` or 0), its zone, CRS and candidates."""

    readings: NDArray[np.int64]
    zones: NDArray[np.int64]
    reading: int
    zone: int | None
    crs: str | None
    candidates: tuple[str, ...]


def settle_frame(raw: RawFile, north_first: bool | None) -> Frame:
    """Return what the points' numbers are, and note every contradiction among them and with the header.

    Parameters
    ----------
    raw
        The file's lines.
    north_first
        The order where the user states it; None to judge by the numbers.
    """
    first, second, owner = _values(raw.blocks)
    codes = _codes(first, second)
    if north_first is not None:
        codes &= (NORTH_FIRST | LATITUDE_FIRST) if north_first else (EAST_FIRST | LONGITUDE_FIRST)
    shared = np.full(len(raw.blocks), 15, dtype=np.int64)
    np.bitwise_and.at(shared, owner, codes)
    shared[[not b.points for b in raw.blocks]] = 0
    reading = _settle_order(raw, codes, shared, owner)
    readings = np.where(shared & reading, reading, np.where(np.isin(shared, list(READINGS)), shared, 0))
    _note_order(raw, codes, readings, reading, owner)
    east = np.where(np.isin(readings[owner], (NORTH_FIRST, LATITUDE_FIRST)), second, first)
    is_metric = np.isin(readings[owner], (NORTH_FIRST, EAST_FIRST))
    zones = _settle_zones(raw, np.where(is_metric, east // ZONE_STEP, 0).astype(np.int64), owner, readings)
    return _against_header(raw, readings, zones, reading, (first, second))


def _values(blocks: Sequence[RawBlock]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return both values of all points and the plot each belongs to."""
    first = np.array([p.first for b in blocks for p in b.points], dtype=np.float64)
    second = np.array([p.second for b in blocks for p in b.points], dtype=np.float64)
    return first, second, np.repeat(np.arange(len(blocks)), [len(b.points) for b in blocks])


def _codes(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each point the readings that its two values allow, as a sum of bits."""

    def within(v: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
        return np.asarray((v >= limits[0]) & (v <= limits[1]))

    def east(v: NDArray[np.float64]) -> NDArray[np.bool_]:
        zone = v // ZONE_STEP
        known = (zone == 0) | ((zone >= ZONES[0]) & (zone <= ZONES[1]))
        return np.asarray(known & within(v - zone * ZONE_STEP, EASTINGS))

    return np.asarray(
        NORTH_FIRST * (within(first, NORTHINGS) & east(second))
        + EAST_FIRST * (east(first) & within(second, NORTHINGS))
        + LATITUDE_FIRST * (within(first, LATITUDES) & within(second, LONGITUDES))
        + LONGITUDE_FIRST * (within(first, LONGITUDES) & within(second, LATITUDES)),
        dtype=np.int64,
    )


def _settle_order(raw: RawFile, codes: NDArray[np.int64], shared: NDArray[np.int64], owner: NDArray[np.int64]) -> int:
    """Return the one reading that most plots allow, or 0 with the fault that names the candidates."""
    filled = np.unique(owner)
    if not len(filled):
        return 0
    by_plot = {bit: int(np.count_nonzero(shared[filled] & bit)) for bit in READINGS}
    by_point = {bit: int(np.count_nonzero(codes & bit)) for bit in READINGS}
    counts = by_plot if any(by_plot.values()) else {b: n for b, n in by_point.items() if 2 * n > len(codes)}
    best = [bit for bit, n in counts.items() if n == max(counts.values())]
    alone = [int(code) for code in shared[filled] if code in READINGS]
    if len(best) == 1 or (best and alone):
        return best[0] if len(best) == 1 else alone[0]
    p = raw.blocks[int(filled[0])].points[0]
    got = f"{p.first:.12g}, {p.second:.12g}; points that fit: " + "; ".join(
        f"{name}: {by_point[bit]} of {len(codes)}" for bit, name in READINGS.items()
    )
    candidates = " or ".join(READINGS[bit] for bit in best or (NORTH_FIRST, EAST_FIRST))
    raw.log.add("order_unsettled", p.line, got, f"one of: {candidates}")
    return 0


def _note_order(
    raw: RawFile, codes: NDArray[np.int64], readings: NDArray[np.int64], reading: int, owner: NDArray[np.int64]
) -> None:
    """Note plots of another order than the file, and in those of none the points that are out of place."""
    if reading == 0:
        readings[:] = 0
        return
    is_metric = reading in (NORTH_FIRST, EAST_FIRST)
    for i in np.unique(owner):
        own, block = int(readings[i]), raw.blocks[i]
        if own not in (0, reading):
            if (own in (NORTH_FIRST, EAST_FIRST)) != is_metric:
                readings[i] = 0
            raw.log.add("order_mixed", block.line, READINGS[own], READINGS[reading], int(i))
    points = [p for b in raw.blocks for p in b.points]
    for at in np.flatnonzero((readings[owner] == 0) & (codes & reading == 0)):
        p = points[at]
        raw.log.add("out_of_place", p.line, f"{p.first:.12g}, {p.second:.12g}", READINGS[reading], int(owner[at]))


def _settle_zones(
    raw: RawFile, prefixes: NDArray[np.int64], owner: NDArray[np.int64], readings: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the zone that prefixes each plot's eastings, 0 for none; a plot of several has no reading any more."""
    low = np.full(len(raw.blocks), 99, dtype=np.int64)
    high = np.full(len(raw.blocks), -1, dtype=np.int64)
    np.minimum.at(low, owner, prefixes)
    np.maximum.at(high, owner, prefixes)
    for i in np.flatnonzero((low != high) & (high >= 0)):
        raw.log.add("zone_mixed", raw.blocks[i].line, f"{low[i]} and {high[i]}", "one zone a plot", int(i))
        readings[i] = 0
    zones = np.where(high >= 0, high, 0)
    usable = np.unique(zones[readings > 0])
    if len(usable) > 1:
        text = ", ".join(f"{z or 'none'} in {int(np.count_nonzero(zones[readings > 0] == z))} plots" for z in usable)
        raw.log.add("zone_mixed", 0, text, "one zone a file")
    return zones


def _against_header(
    raw: RawFile,
    readings: NDArray[np.int64],
    zones: NDArray[np.int64],
    reading: int,
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Frame:
    """Hold datum, unit, zone and zone width of the header against the numbers and name the CRS, or the candidates."""
    stated = {e.key: e for e in reversed(raw.entries)}
    check_repeated(raw)
    datum = datum_of(raw.log, stated.get("坐标系"))
    check_parameters(raw.log, stated)
    is_degrees = reading in (LATITUDE_FIRST, LONGITUDE_FIRST)
    check_unit(raw.log, stated, is_degrees=is_degrees, is_settled=reading != 0)
    if is_degrees:
        _note_packed(raw.log, *values)
        code = _GEOGRAPHIC.get(datum)
        named: tuple[str, ...] = (f"EPSG:{code}",) if code else ()
        return Frame(readings, zones, reading, None, _if_sound(raw.log, named), named)
    if datum == "WGS84":
        raw.log.add("datum_unknown", stated["坐标系"].line, f"{stated['坐标系'].value} in metres", "2000国家大地坐标系")
    used, counts = np.unique(zones[readings > 0], return_counts=True)
    prefix = int(used[np.argmax(counts)]) if len(used) else 0
    header_zone = check_zone(raw.log, stated, prefix, int(np.count_nonzero(zones[readings > 0] == prefix)))
    found: list[str | None] = []
    for zone, prefixed in ((prefix, True), (header_zone, False)):
        if zone and reading and not (prefix == zone and not prefixed):
            found.append(epsg(datum, zone, prefixed=prefixed))
    both = tuple(dict.fromkeys(code for code in found if code))
    return Frame(readings, zones, reading, prefix or header_zone or None, _if_sound(raw.log, both), both)


# the faults that leave doubt about the CRS although a candidate is named
_DOUBTS = {
    "order_unsettled", "zone_contradicts", "zone_width_contradicts", "zone_mixed", "zone_unknown", "unit_contradicts",
    "projection_contradicts", "datum_unstated", "datum_unknown", "header_repeated", "maybe_packed_degrees",
}  # fmt: skip


def _if_sound(log: FaultLog, named: Sequence[str]) -> str | None:
    """Return the only CRS named, unless a fault leaves doubt."""
    doubtful = any(f.what in _DOUBTS and f.block < 0 for f in log.rows)
    return named[0] if len(named) == 1 and not doubtful else None


def _note_packed(log: FaultLog, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Warn where all values of an axis would also read as packed ddd.mmss and are too many for chance.

    Decimal digits run from 00 to 99: values spread over 2 km and more that never show 60 to 99 are packed.
    """
    for axis in (first, second):
        whole = np.unique(np.round(axis * 1e4).astype(np.int64))
        is_packed = bool(np.all(whole % 100 < 60) and np.all(whole // 100 % 100 < 60))  # noqa: PLR2004
        if is_packed and len(whole) >= _PACKED_LEAST and whole[-1] - whole[0] >= _PACKED_SPREAD:
            log.add("maybe_packed_degrees", 0, f"{first[0]:.6f}, {second[0]:.6f}", "decimal degrees")
            return

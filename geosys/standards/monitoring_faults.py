"""Doubt what stations send: values that repeat, jump there and back, are zero, or come no more.

What is suspect is not used and not forgotten: each value left out is a row with its reason. The figures that decide
stand in ``tables/monitoring_faults.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys._errors import SpecError
from geosys._text import Text
from geosys.standards.certainty import read_table
from geosys.standards.water_items import ITEMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

STUCK_STATION, STUCK_ITEM, JUMP, ZERO = "stuck_station", "stuck_item", "jump", "zero"
FAULTS = {
    STUCK_STATION: Text("全部项目与前次数值相同，疑似卡滞", "all items repeat the record before: station stuck?"),
    STUCK_ITEM: Text("连续多次数值不变，疑似卡滞", "the value repeats too often in a row: sensor stuck?"),
    JUMP: Text("与前后两次相差过大，疑似异常突变", "too far from both neighbours: impossible jump?"),
    ZERO: Text("数值为零，可疑", "the value is zero"),
}
_EVERY = "*"
_SINGLE = ("stuck_station", "stuck_station_items", "jump_days", "current")
SUSPECT_COLUMNS = ("row", "item", "value", "fault")


@dataclass(frozen=True, slots=True)
class FaultLimits:
    """Hold from when on a value is doubted: numbers of records, differences in the item's unit, days, months."""

    station_records: int
    station_items: int
    item_records: Mapping[str, int]
    floors: Mapping[str, float]
    jumps: Mapping[str, float]
    jump_days: float
    zeros: frozenset[str]
    silent_days: Mapping[str, float]
    current_months: int


@cache
def fault_limits() -> FaultLimits:
    """Return the figures of ``tables/monitoring_faults.csv``.

    Raises
    ------
    SpecError
        When a row names an unknown fault or item, a figure is no number of its kind, or one that is needed is absent.

    Source: none; all are our reading, to be changed in the table.

    Examples
    --------
    >>> limits = fault_limits()
    >>> limits.station_records, limits.jumps["ph"], limits.silent_days["automatic"]
    (3, 3.0, 3.0)
    """
    found: dict[str, dict[str, float]] = {}
    names = {*_SINGLE, STUCK_ITEM, JUMP, ZERO, "floor", "silent"}
    for line, row in enumerate(read_table("monitoring_faults.csv", ("fault", "item", "number", "unit")), 2):
        where = f"monitoring_faults.csv line {line}"
        fault, item = row["fault"], row["item"]
        known = {_EVERY} if fault in _SINGLE else {"automatic", "manual"} if fault == "silent" else set(ITEMS)
        if fault not in names or item not in known:
            raise SpecError(f"{where}: got {fault!r} of {item!r}, expected one of {sorted(names)} of {sorted(known)}.")
        found.setdefault(fault, {})[item] = _figure(row["number"], where)
    lacking = sorted({*_SINGLE, "silent"} - set(found))
    if lacking or set(found["silent"]) != {"automatic", "manual"}:
        raise SpecError(f"monitoring_faults.csv: got no row for {lacking or 'silent'}, expected one of each.")
    one = {name: found[name][_EVERY] for name in _SINGLE}
    return FaultLimits(
        int(one["stuck_station"]), int(one["stuck_station_items"]),
        {item: int(n) for item, n in found.get(STUCK_ITEM, {}).items()}, found.get("floor", {}), found.get(JUMP, {}),
        one["jump_days"], frozenset(found.get(ZERO, {})), found["silent"], int(one["current"]),
    )  # fmt: skip


def _figure(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not (np.isfinite(number) and number >= 0):
        raise SpecError(f"{where}: got number {text!r}, expected one from 0 up. Mend the table.")
    return number


def suspect_values(
    section: NDArray[np.int64],
    days: NDArray[np.float64],
    numbers: Mapping[str, NDArray[np.float64]],
    below: Mapping[str, NDArray[np.bool_]],
    limits: FaultLimits,
) -> pd.DataFrame:
    """Return the values of samples that may not be used, each once.

    Parameters
    ----------
    section
        Whose sample it is, shape (n,).
    days
        When it was taken, days with their fraction, in any order, shape (n,).
    numbers, below
        By item the value and whether it is a detection limit, shape (n,); NaN where there is none.

    Returns
    -------
    Columns `SUSPECT_COLUMNS`: row (position of the sample), item, value, fault. Of values that repeat, the first is kept;
    a value that jumps is one that lies far above or far below both its neighbours. Non-detects may repeat.

    Examples
    --------
    >>> ph = np.array([7.5, 12.0, 7.6, 7.4])
    >>> suspect_values(np.zeros(4, int), np.arange(4.0), {"ph": ph}, {}, fault_limits())[["row", "fault"]].to_numpy().tolist()
    [[1, 'jump']]
    """
    order = np.lexsort((days, section))
    who, when = section[order], days[order]
    values = {item: np.where(np.isfinite(v), v, np.nan)[order] for item, v in numbers.items()}
    found = {item: np.full(len(order), "", dtype=object) for item in values}
    for item, v in values.items():
        if item in limits.zeros:
            found[item][v == 0] = ZERO
    repeats = _repeating_records(who, values, limits)
    for item, v in values.items():
        at = np.flatnonzero(np.isfinite(v) & (found[item] == ""))
        found[item][at[repeats[at]]] = STUCK_STATION
        is_limit = below[item][order] if item in below else np.zeros(len(v), dtype=bool)
        at = np.flatnonzero(np.isfinite(v) & (found[item] == ""))
        if item in limits.item_records:
            again = _repeats(who[at], v[at][:, None], limits.item_records[item])
            may = is_limit[at] | (v[at] <= limits.floors.get(item, -np.inf))
            found[item][at[again & ~may]] = STUCK_ITEM
        at = np.flatnonzero(np.isfinite(v) & (found[item] == ""))
        if item in limits.jumps:
            found[item][at[_jumps(who[at], when[at], v[at], limits.jumps[item], limits.jump_days)]] = JUMP
    parts = [
        pd.DataFrame({"row": order[at], "item": item, "value": values[item][at], "fault": faults[at]})
        for item, faults in found.items()
        if len(at := np.flatnonzero(faults != ""))
    ]
    if not parts:
        return pd.DataFrame({name: [] for name in SUSPECT_COLUMNS}).astype({"row": np.int64, "value": np.float64})
    return pd.concat(parts).sort_values(["row", "item"], kind="stable").reset_index(drop=True)


def _repeating_records(
    who: NDArray[np.int64], values: Mapping[str, NDArray[np.float64]], limits: FaultLimits
) -> NDArray[np.bool_]:
    """Return which records repeat the one before in all their items, in a row long enough."""
    result = np.zeros(len(who), dtype=bool)
    if not values:
        return result
    table = np.column_stack(list(values.values()))
    at = np.flatnonzero(np.isfinite(table).sum(axis=1) >= limits.station_items)
    result[at] = _repeats(who[at], table[at], limits.station_records)
    return result


def _repeats(who: NDArray[np.int64], table: NDArray[np.float64], least: int) -> NDArray[np.bool_]:
    """Return which rows repeat the one before within runs of at least so many equal rows; the first of a run does not."""
    if len(who) < 2:  # noqa: PLR2004  nothing to repeat
        return np.zeros(len(who), dtype=bool)
    same = np.zeros(len(who), dtype=bool)
    equal = (table[1:] == table[:-1]) | (np.isnan(table[1:]) & np.isnan(table[:-1]))
    same[1:] = equal.all(axis=1) & (who[1:] == who[:-1])
    run = np.cumsum(~same) - 1
    long_enough: NDArray[np.bool_] = np.bincount(run)[run] >= least
    return same & long_enough


def _jumps(
    who: NDArray[np.int64], when: NDArray[np.float64], v: NDArray[np.float64], least: float, most_days: float
) -> NDArray[np.bool_]:
    """Return which values lie far above, or far below, both their neighbours in time."""
    result = np.zeros(len(v), dtype=bool)
    if len(v) < 3:  # noqa: PLR2004  a jump has two neighbours
        return result
    near = (who[1:] == who[:-1]) & (np.diff(when) <= most_days)
    step = np.diff(v)
    there, back = step[:-1], step[1:]
    up, down = (there >= least) & (back <= -least), (there <= -least) & (back >= least)
    result[1:-1] = near[:-1] & near[1:] & (up | down)
    return result


def is_silent(days: float | None, *, automatic: bool | None, limits: FaultLimits) -> bool | None:
    """Say whether so many days without a usable record make a station silent; None where that is not known.

    A station of which nobody says whether it is automatic is judged as one sampled by hand.

    Examples
    --------
    >>> [is_silent(10, automatic=a, limits=fault_limits()) for a in (True, False)], is_silent(None, automatic=True, limits=fault_limits())
    ([True, False], None)
    """
    if days is None:
        return None
    return days > limits.silent_days["automatic" if automatic else "manual"]

"""What must be found along the rivers and in the results of sections: by plain walks and samples, apart from the engine.

Who stands on which river is taken from the ledgers' names, as the generator placed it; a distance is that along the drawn line.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    Frames = Mapping[str, gpd.GeoDataFrame]
    Mask = NDArray[np.bool_]
    Pairs = NDArray[np.int64]
    Conditions = tuple[Callable[[gpd.GeoDataFrame], Mask], Callable[[gpd.GeoDataFrame], Mask]]

UP_M, DOWN_M, ASIDE_M, BEYOND_M = 5_000.0, 500.0, 500.0, 1_000.0
_STEP_M = 1.0  # between samples of rivers
_GRID_M = 4.0  # between samples of plots
_MOUTH_M = 5.0
_ROMAN = ("I", "II", "III", "IV", "V")


@dataclass(frozen=True)
class Rivers:
    """Hold each river's line, the river that it flows into (−1: none) and where on that one, in metres."""

    lines: list[shapely.LineString]
    into: list[int]
    mouth_m: list[float]
    number: dict[str, int]


def rivers_of(frame: gpd.GeoDataFrame) -> Rivers:
    """Return the rivers; one flows into the line that its last point lies on."""
    lines = list(frame.geometry)
    into, mouth = [], []
    for i, line in enumerate(lines):
        end = shapely.Point(line.coords[-1])
        near = [j for j, other in enumerate(lines) if j != i and other.distance(end) < _MOUTH_M]
        into.append(near[0] if near else -1)
        mouth.append(lines[near[0]].project(end) if near else 0.0)
    return Rivers(lines, into, mouth, {name: k for k, name in enumerate(frame["river_name"])})


def places_on(rivers: Rivers, features: gpd.GeoDataFrame) -> list[tuple[int, float]]:
    """Return for each feature the river of its name and how far along it stands."""
    which = [rivers.number[name] for name in features["river_name"]]
    return [(k, rivers.lines[k].project(shape)) for k, shape in zip(which, features.geometry, strict=True)]


def way_down(rivers: Rivers, river: int, along: float) -> list[tuple[int, float, float]]:
    """Return the rivers that water runs through: each with where it enters and how far it has run by then."""
    way, run = [], 0.0
    while river >= 0:
        way.append((river, along, run))
        run += rivers.lines[river].length - along
        river, along = rivers.into[river], rivers.mouth_m[river]
    return way


def distance_down(rivers: Rivers, start: tuple[int, float], end: tuple[int, float]) -> float:
    """Return the metres of water from one place to another below it; not a number where it never gets there."""
    for river, along, run in way_down(rivers, *start):
        if river == end[0] and end[1] >= along:
            return run + end[1] - along
    return float("nan")


def upstream(within_m: float, own: Callable[..., Mask], other: Callable[..., Mask]) -> Callable[..., Pairs]:
    """Return the function that walks down from every outfall that counts to every section that counts."""

    def find(frames: Frames, subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
        rivers = rivers_of(frames["rivers"])
        starts, ends = places_on(rivers, subjects), places_on(rivers, objects)
        found = [
            (i, j)
            for i in np.flatnonzero(own(subjects)).tolist()
            for j in np.flatnonzero(other(objects)).tolist()
            if distance_down(rivers, starts[i], ends[j]) <= within_m
        ]
        return _as_pairs(found)

    return find


def into_zone(within_m: float, other: Callable[..., Mask]) -> Callable[..., Pairs]:
    """Return the function that follows the water of every outfall until it meets a zone."""

    def find(frames: Frames, subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
        rivers = rivers_of(frames["rivers"])
        found = []
        for i, (place, shape) in enumerate(zip(places_on(rivers, subjects), subjects.geometry, strict=True)):
            for j in np.flatnonzero(other(objects)):
                zone = objects.geometry.iloc[j]
                if zone.intersects(shape) or _metres_to(rivers, place, zone, within_m) <= within_m:
                    found.append((i, int(j)))
        return _as_pairs(found)

    return find


def _metres_to(rivers: Rivers, place: tuple[int, float], zone: shapely.Polygon, within_m: float) -> float:
    """Return how far water runs until it is in a zone; not a number where it does not get there."""
    for river, along, run in way_down(rivers, *place):
        if run > within_m:
            break
        rest = substring(rivers.lines[river], along, rivers.lines[river].length)
        met = rest.intersection(zone)
        if not met.is_empty:
            return run + min(float(rest.project(shapely.Point(xy))) for xy in shapely.get_coordinates(met))
    return float("nan")


def corridor(own: Callable[..., Mask], other: Callable[..., Mask]) -> Callable[..., Pairs]:
    """Return the function that looks, metre by metre, which river place of a section's surroundings is nearest to a thing.

    A thing is in the corridor where that place is within the lengths and the thing within the width; an area is where any
    of its samples is.
    """

    def find(frames: Frames, subjects: gpd.GeoDataFrame, objects: gpd.GeoDataFrame) -> Pairs:
        rivers = rivers_of(frames["rivers"])
        rows = np.flatnonzero(own(subjects))
        shapes = subjects.geometry.to_numpy()[rows]
        samples, owner = _samples_of(shapes)
        found = []
        places = places_on(rivers, objects)
        for j in np.flatnonzero(other(objects)).tolist():
            metres, spots = _surroundings(rivers, places[j])
            at, near = shapely.STRtree(spots).query_nearest(samples, max_distance=ASIDE_M, all_matches=False)
            inside = (metres[near] <= UP_M) & (metres[near] >= -DOWN_M)
            found += [(int(rows[k]), j) for k in np.unique(owner[at[inside]])]
        return _as_pairs(found)

    return find


def _samples_of(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return points standing for each shape: itself, or a grid over an area with points along its border."""
    parts, owners = [], []
    for k, shape in enumerate(shapes):
        if shape.geom_type == "Point":
            own = np.array([shape], dtype=object)
        else:
            west, south, east, north = shape.bounds
            x, y = np.meshgrid(np.arange(west, east, _GRID_M), np.arange(south, north, _GRID_M))
            grid = np.asarray(shapely.points(x.ravel(), y.ravel()), dtype=object)
            border = shapely.get_coordinates(shapely.segmentize(shape.boundary, _STEP_M))
            own = np.concatenate(
                [grid[shapely.intersects(shape, grid)], np.asarray(shapely.points(border), dtype=object)]
            )
        parts.append(own)
        owners.append(np.full(len(own), k))
    return np.concatenate(parts), np.concatenate(owners)


def _surroundings(rivers: Rivers, place: tuple[int, float]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Return places on the rivers around a section, a metre apart, with their distance along the river (+ above)."""
    metres, spots = [], []

    def take(river: int, low: float, high: float, signed: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
        along = np.append(
            np.arange(max(low, 0.0), min(high, rivers.lines[river].length), _STEP_M),
            min(high, rivers.lines[river].length),
        )
        metres.append(signed(along))
        spots.append(np.asarray(shapely.line_interpolate_point(rivers.lines[river], along), dtype=object))

    def above(river: int, along: float, run: float) -> None:
        take(river, along - (UP_M + BEYOND_M - run), along, lambda at: run + along - at)
        for branch, parent in enumerate(rivers.into):
            away = run + along - rivers.mouth_m[branch]
            if parent == river and rivers.mouth_m[branch] <= along and away < UP_M + BEYOND_M:
                above(branch, rivers.lines[branch].length, away)

    above(*place, 0.0)
    for river, along, run in way_down(rivers, *place):
        if run < DOWN_M + BEYOND_M:
            take(river, along, along + DOWN_M + BEYOND_M - run, lambda at, along=along, run=run: -(run + at - along))  # type: ignore[misc]
    return np.concatenate(metres), np.concatenate(spots)


def _as_pairs(found: list[tuple[int, int]]) -> Pairs:
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


_LIMITS: dict[str, tuple[float, ...]] = {
    "codmn_mg_l": (2, 4, 6, 10, 15), "cod_mg_l": (15, 15, 20, 30, 40), "bod5_mg_l": (3, 3, 4, 6, 10),
    "nh3n_mg_l": (0.15, 0.5, 1.0, 1.5, 2.0), "tp_mg_l": (0.02, 0.1, 0.2, 0.3, 0.4),
}  # fmt: skip
_OXYGEN = (6.0, 5.0, 3.0, 2.0)
_VALUES = ("water_temp_c", "ph", "do_mg_l", *_LIMITS, "tn_mg_l")
_FRESH_MONTHS = 3


def results_of(sections: gpd.GeoDataFrame, samples: gpd.GeoDataFrame, today: dt.date) -> pd.DataFrame:
    """Return what the samples say of each section, on the sections' rows; missing where nothing is known.

    Columns `class_now`, `class_change`, `meets_target`, `months_failing`, `silent_days`, `is_suspect`.
    """
    by_code = dict(tuple(samples.groupby("section_code")))
    targets = [_ROMAN.index(t) + 1 if t in _ROMAN else 0 for t in sections["target_class"]]
    since = sections["target_year"].to_numpy()
    return pd.DataFrame(
        [
            _result(by_code.get(code), target, int(year), today)
            for code, target, year in zip(sections["section_code"], targets, since, strict=True)
        ],
        columns=["class_now", "class_change", "meets_target", "months_failing", "silent_days", "is_suspect"],
    )


def _result(rows: pd.DataFrame | None, target: int, since: int, today: dt.date) -> tuple[object, ...]:
    """Return one section's results."""
    if rows is None:
        return (None,) * 6
    table = rows.sort_values("sampled_on")
    values = table[list(_VALUES)].apply(pd.to_numeric, errors="coerce")
    values["ph"] = values["ph"].where(values["ph"] <= 14.0)  # noqa: PLR2004
    days = list(table["sampled_on"])
    stuck = _stuck(values.to_numpy())
    classes = {
        day.year * 12 + day.month: worst
        for day, (_, row), out in zip(days, values.iterrows(), stuck, strict=True)
        if not out and (worst := _class_of(row)) is not None
    }
    usable = [d for d, n, out in zip(days, values.notna().any(axis=1), stuck, strict=True) if n and not out]
    silent = (today - max(usable)).days
    latest = max(classes)
    if today.year * 12 + today.month - latest > _FRESH_MONTHS:
        return None, None, None, None, silent, None
    now, before = classes[latest], classes.get(latest - 1)
    recent = any(out and d.year * 12 + d.month >= latest for d, out in zip(days, stuck, strict=True))
    failing, month = 0, latest
    while target and (month - 1) // 12 >= since and classes.get(month, 0) > target:
        failing, month = failing + 1, month - 1
    return (
        now, None if before is None else now - before, None if not target else now <= target,
        None if not target else failing, silent, recent,
    )  # fmt: skip


def _stuck(values: NDArray[np.float64]) -> list[bool]:
    """Say which samples repeat the one before, three or more being alike in a row."""
    alike = [False] + [
        bool(np.isfinite(a).any() and np.array_equal(a, b, equal_nan=True)) for a, b in itertools.pairwise(values)
    ]
    return [
        same and (_run(alike, k) >= 2)  # noqa: PLR2004  two repeats and the first
        for k, same in enumerate(alike)
    ]


def _run(alike: list[bool], at: int) -> int:
    """Return how many repeats stand in the row that one is of."""
    low = high = at
    while low > 0 and alike[low - 1]:
        low -= 1
    while high + 1 < len(alike) and alike[high + 1]:
        high += 1
    return high - low + 1


def _class_of(row: pd.Series) -> int | None:
    """Return 1 to 6, the class of the worst item, or None without values.

    Source
    ------
    GB 3838-2002, table 1 (rivers).
    """
    found = [1 + sum(row[item] > most for most in limits) for item, limits in _LIMITS.items() if pd.notna(row[item])]
    if pd.notna(row["do_mg_l"]):
        oxygen, full = row["do_mg_l"], 468.0 / (31.6 + row["water_temp_c"])
        is_first = oxygen >= 7.5 or oxygen / full >= 0.9  # noqa: PLR2004
        found.append(1 if is_first else 2 + sum(oxygen < least for least in _OXYGEN))
    if pd.notna(row["ph"]):
        found.append(1 if 6.0 <= row["ph"] <= 9.0 else 6)  # noqa: PLR2004
    return max(found) if found else None

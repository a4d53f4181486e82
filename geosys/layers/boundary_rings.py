"""The rings of a boundary-point file: where each ends, which is a hole of which, and the geometry they make."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.layers.boundary_model import KIND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geosys.layers.boundary_lines import RawBlock
    from geosys.layers.boundary_model import FaultLog, Point

MOST_RINGS = 2000  # of one plot: which holds which is found pair by pair
MOST_PLOT_POINTS = 100_000  # of one plot: validity of a tangle costs their square
MOST_RINGS_BEYOND = 10_000  # of one file, without the first of each plot
LEAST_POINTS = {"面": 3, "线": 2, "点": 1}
_CLOSING_GAP = {False: 0.05, True: 5e-7}  # metres, degrees: a closing point so near was rounded otherwise
_REGULAR_SHARE = 0.8
_NUMBER = re.compile(r"(\D{0,8}?)(\d{1,9})")
_FEW_STEPS = 3


@dataclass(slots=True)
class Ring:
    """Hold one ring: its points, without the closing one, and whether it had one."""

    points: list[Point]
    is_closed: bool


def number_of(label: str) -> int | None:
    """Return the number in a point's label, ``J12`` or ``12``; None where it has another form."""
    match = _NUMBER.fullmatch(label)
    return int(match[2]) if match else None


def prefix_of(label: str) -> tuple[str, int]:
    """Return what stands before a point's number and, where it has leading zeros, its digits."""
    match = _NUMBER.fullmatch(label)
    return (match[1], len(match[2]) if match[2].startswith("0") else 0) if match else ("", 0)


def rings_of(block: RawBlock, at: int, log: FaultLog, *, is_degrees: bool) -> list[Ring]:
    """Return the rings of a plot: one ends where the ring number changes, where it closes, or where numbers restart."""
    runs: list[list[Point]] = []
    for p in block.points:
        run = runs[-1] if runs else []
        is_new = not run or p.ring != run[-1].ring
        if not is_new and _is_closed(run) and len(run) > LEAST_POINTS["面"]:
            log.add("ring_number_repeated", p.line, p.ring, "another 地块圈号", at)
            is_new = True
        if is_new:
            runs.append([p])
        else:
            run.append(p)
    parts = [part for run in runs for part in _split_at_restart(run, at, log)]
    return [_close(part, at, log, block, gap=_CLOSING_GAP[is_degrees]) for part in parts]


def _is_closed(run: Sequence[Point]) -> bool:
    return len(run) > 1 and (run[0].first, run[0].second) == (run[-1].first, run[-1].second)


def _split_at_restart(run: list[Point], at: int, log: FaultLog) -> list[list[Point]]:
    """Split open rings that bear one ring number where their point numbers begin again."""
    if len(run) <= LEAST_POINTS["面"] or run[0].number == run[1].number:
        return [run]
    cuts = [
        i
        for i in range(LEAST_POINTS["面"], len(run) - 1)
        if run[i].number == run[0].number and run[i + 1].number == run[1].number
    ]
    for i in cuts:
        log.add("ring_number_repeated", run[i].line, run[i].ring, "another 地块圈号", at)
    return [run[a:b] for a, b in zip([0, *cuts], [*cuts, len(run)], strict=True)]


def _close(run: list[Point], at: int, log: FaultLog, block: RawBlock, gap: float) -> Ring:
    """Return the ring without its closing point; a closing number elsewhere than at the first point is a fault."""
    first, last = run[0], run[-1]
    if _is_closed(run):
        return Ring(run[:-1], is_closed=True)
    if len(run) > LEAST_POINTS["面"] and last.number and last.number == first.number != run[1].number:
        off = max(abs(last.first - first.first), abs(last.second - first.second))
        what = "closing_gap" if off <= gap else "closing_point_differs"
        block.tainted |= off > gap
        log.add(what, last.line, f"{last.number}: {off:.6g} off", f"the point of line {first.line}", at)
        return Ring(run[:-1], is_closed=True)
    return Ring(run, is_closed=False)


def check_numbers(rings: Sequence[Ring], at: int, log: FaultLog) -> None:
    """Note the first gap in the point numbers of each ring that otherwise counts by one."""
    for ring in rings:
        numbers = [number_of(p.number) for p in ring.points]
        if None in numbers or len(numbers) <= _FEW_STEPS:
            continue
        steps = np.diff(np.array(numbers, dtype=np.int64))
        gaps = np.flatnonzero(steps != 1)
        if len(gaps) and len(gaps) <= (1 - _REGULAR_SHARE) * len(steps) + 1:
            i = int(gaps[0])
            p, q = ring.points[i], ring.points[i + 1]
            log.add("point_number_gap", q.line, f"{q.number} after {p.number}", f"{(numbers[i] or 0) + 1}", at)


def geometry_of(
    rings: Sequence[Ring], block: RawBlock, at: int, log: FaultLog, *, north_first: bool
) -> shapely.Geometry:
    """Return the plot's geometry, x = east or longitude; None where a line was lost or a ring has too few points.

    Which ring is a hole is decided by what lies in what, not by its number.
    """
    kind = block.values.get(KIND) or "面"
    least = LEAST_POINTS.get(kind, 3)
    short = [r for r in rings if len({(p.first, p.second) for p in r.points}) < least]
    for ring in short:
        log.add("few_points", ring.points[0].line, len(ring.points), f"at least {least}", at)
    if len(rings) > MOST_RINGS and kind not in ("点", "线"):
        log.add("too_many_rings", block.line, len(rings), f"at most {MOST_RINGS}", at)
        return None
    if len(block.points) > MOST_PLOT_POINTS:
        log.add("too_many_points", block.line, len(block.points), f"at most {MOST_PLOT_POINTS}", at)
        return None
    if block.tainted or short or not rings:
        return None
    order = [1, 0] if north_first else [0, 1]
    paths = [np.array([(p.first, p.second) for p in r.points])[:, order] for r in rings]
    if kind == "点":
        points = shapely.points(np.concatenate(paths))
        return points[0] if len(points) == 1 else shapely.multipoints(points)
    if kind == "线":
        closed = [np.vstack([path, path[:1]]) if r.is_closed else path for path, r in zip(paths, rings, strict=True)]
        lines = [shapely.linestrings(path) for path in closed]
        return lines[0] if len(lines) == 1 else shapely.multilinestrings(lines)
    return _nest([shapely.linearrings(np.vstack([path, path[:1]])) for path in paths])


def _nest(rings: list[shapely.LinearRing]) -> shapely.Geometry:
    """Return the polygon or multipolygon of rings: one inside an odd number of others is a hole of the smallest."""
    if len(rings) == 1:
        return shapely.polygons(rings[0])
    alone = shapely.polygons(np.array(rings, dtype=object))
    area = shapely.area(alone)
    outer, inner = shapely.STRtree(shapely.point_on_surface(alone)).query(alone, predicate="contains")
    larger = area[outer] > area[inner]
    inner, outer = inner[larger], outer[larger]
    depth = np.bincount(inner, minlength=len(rings))
    shells = [i for i in range(len(rings)) if depth[i] % 2 == 0]
    holes: dict[int, list[shapely.LinearRing]] = {i: [] for i in shells}
    sequence = np.argsort(inner, kind="stable")
    starts = np.searchsorted(inner[sequence], np.arange(len(rings) + 1))
    for i in np.flatnonzero(depth % 2):
        around: NDArray[np.int64] = outer[sequence[starts[i] : starts[i + 1]]]
        around = around[depth[around] % 2 == 0]
        if len(around):
            holes[int(around[np.argmin(area[around])])].append(rings[i])
        else:  # only crossing rings come here; as a shell of its own it stays to be seen
            holes[int(i)] = []
            shells.append(int(i))
    parts = [shapely.polygons(rings[i], holes=holes[i]) if holes[i] else alone[i] for i in sorted(shells)]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)

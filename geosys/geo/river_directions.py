"""The direction of flow of river lines, settled from what says something about it, with every contradiction listed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from geosys.geo.river_patterns import Graph

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEAST_DROP_M = 1.0  # elevations of a raster differ by this much without a slope
EVIDENCE = (Text("属性", "attribute"), Text("断面顺序", "order of sections"), Text("高程", "elevation"))
WORDS = {
    "forward": 1.0, "顺向": 1.0, "正向": 1.0, "1": 1.0, "backward": -1.0, "逆向": -1.0, "反向": -1.0, "-1": -1.0,
    "unknown": 0.0, "both": 0.0, "不明": 0.0, "往复": 0.0, "0": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Directions:
    """Hold the direction of each input line, shape (k,): 1 as drawn, −1 against it; and what was not plain about it.

    `reasons` name what settled a line that is turned; `conflicts` and `unknown` are rows with the reason. `is_told` marks
    lines that something other than the drawing says a direction of, shape (k,).
    """

    sign: NDArray[np.int64]
    reasons: dict[int, Text]
    conflicts: dict[int, Text]
    unknown: dict[int, Text]
    is_told: NDArray[np.bool_]


def attribute_signs(column: pd.Series) -> tuple[Floats, dict[int, str]]:
    """Return 1, −1, 0 for stated as unknown, NaN for nothing stated; and the words that are none of `WORDS`, by row."""
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower()
    text = text.str.replace(r"\.0$", "", regex=True)
    odd = {int(row): text.iloc[row] for row in np.flatnonzero(((text != "") & ~text.isin(WORDS)).to_numpy())}
    return text.map(WORDS).to_numpy(dtype=np.float64), odd


def elevation_signs(ends: Floats | None, size: int) -> Floats:
    """Return 1 where a line falls from its first to its last vertex, −1 where it rises, NaN where neither is sure.

    `ends` are elevations in metres at first and last vertex as drawn, shape (k, 2), NaN where none.
    """
    if ends is None:
        return np.full(size, np.nan)
    drop = ends[:, 0] - ends[:, 1]
    return np.where(np.abs(drop) >= LEAST_DROP_M, np.sign(drop), np.nan)


def section_signs(
    sections: pd.DataFrame | None,
    graph: Graph,
    lines: NDArray[np.object_],
    names: NDArray[np.object_],
    source: Ints,
    size: int,
) -> tuple[Floats, dict[int, Text]]:
    """Return what the order of sections along a river says of each input line; and the lines where it contradicts itself.

    `sections` has `river_name`, `order` (rising downstream), `x` and `y`. A river that is one string of reaches is settled as a
    whole; of any other, only lines with two sections on them.
    """
    sign = np.full(size, np.nan)
    conflicts: dict[int, Text] = {}
    if sections is None:
        return sign, conflicts
    for name, group in sections.sort_values("order", kind="stable").groupby("river_name", sort=True):
        reaches = np.flatnonzero(names == name)
        if not len(reaches):
            continue
        points = shapely.points(group[["x", "y"]].to_numpy(dtype=np.float64))
        whole = _string(graph, reaches)
        strings = (
            [whole]
            if whole
            else [_string(graph, reaches[source[reaches] == row]) for row in np.unique(source[reaches])]
        )
        for string in strings:
            order = group["order"].to_numpy(dtype=np.float64)
            steps = _steps(string, lines, points, order, alone=bool(whole)) if string else np.empty(0)
            if not len(steps):
                continue
            rows = {int(source[reach]): way for reach, way in string}
            if (np.sign(steps) == np.sign(steps[0])).all() and steps[0]:
                sign[list(rows)] = np.array(list(rows.values())) * np.sign(steps[0])
            else:
                conflicts |= dict.fromkeys(
                    rows, Text(f"{name} 各断面的顺序前后不一", f"the sections of {name} are not in order")
                )
    return sign, conflicts


def _string(graph: Graph, reaches: Ints) -> list[tuple[int, int]]:
    """Return reaches in the order of a walk along them, 1 or −1 as each is drawn; empty where they are no single string."""
    at = defaultdict(list)
    for reach in reaches.tolist():
        at[int(graph.start[reach])].append(reach)
        at[int(graph.end[reach])].append(reach)
    tips = sorted(node for node, near in at.items() if len(near) == 1)
    if len(tips) != 2 or any(len(near) > 2 for near in at.values()):  # noqa: PLR2004
        return []
    node, walk, last = tips[0], [], -1
    while True:
        ways = [reach for reach in at[node] if reach != last]
        if not ways:
            break
        last = ways[0]
        walk.append((last, 1 if graph.start[last] == node else -1))
        node = int(graph.end[last] if graph.start[last] == node else graph.start[last])
    return walk if len(walk) == len(reaches) else []


def _steps(
    string: list[tuple[int, int]],
    lines: NDArray[np.object_],
    points: NDArray[np.object_],
    order: Floats,
    *,
    alone: bool,
) -> Floats:
    """Return how far each section lies beyond the one before it, along the walk; those of one order say nothing."""
    reaches, ways = (np.array(part) for part in zip(*string, strict=True))
    apart = shapely.distance(points[:, None], lines[reaches][None, :])
    nearest = apart.argmin(axis=1)
    length = shapely.length(lines[reaches])
    along = shapely.line_locate_point(lines[reaches][nearest], points)
    along = np.where(ways[nearest] > 0, along, length[nearest] - along) + (np.cumsum(length) - length)[nearest]
    # a section of another branch projects onto the tip of this one
    on = np.ones(len(points), dtype=bool) if alone else (along > 0) & (along < length.sum())
    return np.asarray(np.diff(along[on])[np.diff(order[on]) > 0], dtype=np.float64)


def settle(attribute: Floats, sections: Floats, elevation: Floats, decided: Floats, odd: dict[int, str]) -> Directions:
    """Return the direction of each line: by decision, attribute, sections, elevation, drawing, in this order."""
    known = np.column_stack([attribute, sections, elevation])
    says = np.isfinite(known) & (known != 0)
    first = says.argmax(axis=1)
    best = np.where(says.any(axis=1), known[np.arange(len(known)), first], 1.0)
    sign = np.where(np.isfinite(decided), decided, best)
    both = (says & (known > 0)).any(axis=1) & (says & (known < 0)).any(axis=1)
    silent = ~says.any(axis=1) & ~np.isfinite(decided)
    reasons = {
        int(row): Text("决定表", "decision") if np.isfinite(decided[row]) else EVIDENCE[first[row]]
        for row in np.flatnonzero(sign < 0)
    }
    unknown = {
        int(row): Text("属性注明不明", "the attribute says unknown")
        for row in np.flatnonzero(silent & (attribute == 0))
    }
    for row, word in odd.items():
        if silent[row]:
            unknown[row] = Text(f"属性“{word}”无法识别", f"the attribute {word!r} is no direction")
    conflicts = {int(row): _views(known[row]) for row in np.flatnonzero(both)}
    return Directions(sign.astype(np.int64), reasons, conflicts, unknown, ~silent)


def _views(known: Floats) -> Text:
    """Say in words what each evidence says."""
    told: Sequence[tuple[Text, float]] = [
        pair for pair in zip(EVIDENCE, known.tolist(), strict=True) if pair[1] in {1.0, -1.0}
    ]
    return Text(
        "，".join(f"{name.zh}为{'顺' if way > 0 else '逆'}画线方向" for name, way in told),
        ", ".join(f"{name.en} says {'as drawn' if way > 0 else 'against the drawing'}" for name, way in told),
    )

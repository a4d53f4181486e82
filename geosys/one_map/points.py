"""What the land is at a point, and what else it may be within the accuracy of its position."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.one_map.kinds import NOT_ASSESSED, kinds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys.one_map.kinds import Kind, Objects
    from geosys.one_map.land import LandLayer
    from geosys.one_map.spec import OneMapSpec

JOINT = " + "


@dataclass(frozen=True, slots=True)
class PointParts:
    """Hold the rows of points (position, kind, no areas, objects, what is near, margin) and each one's kind by theme."""

    rows: list[tuple[Any, ...]]
    kinds: list[tuple[Kind, ...]]


def point_parts(
    points: NDArray[np.object_], accuracy_m: float, land: Mapping[str, LandLayer], objects: Objects, spec: OneMapSpec
) -> PointParts:
    """Return for each point and theme what it lies in, and what lies within its accuracy.

    Parameters
    ----------
    points
        Points in the CRS of the land, metres.
    accuracy_m
        How far a position may be off.

    Returns
    -------
    A point on a border belongs to both sides. `margin_m` is the distance, at most `accuracy_m`, over which a theme would
    become another code, or a line of control would be crossed; NaN where there is none so near.
    """
    tree = shapely.STRtree(objects.shapes)
    at, of = (
        tree.query(points, predicate="dwithin", distance=accuracy_m) if len(objects.shapes) else np.empty((2, 0), int)
    )
    apart = shapely.distance(points[at], objects.shapes[of])
    to_border = shapely.distance(points[at], shapely.boundary(objects.shapes[of]))
    near: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for i, k, distance, border in zip(at.tolist(), of.tolist(), apart.tolist(), to_border.tolist(), strict=True):
        near[i].append((k, distance, border))
    held = [[k for k, distance, _ in near[i] if distance == 0] for i in range(len(points))]
    labels = [tuple(sorted({int(objects.labels[k]) for k in found})) for found in held]
    single = {(int(label),) for label in np.unique(objects.labels[of])}
    read = kinds_of({*labels, *single, ()}, objects, land, spec)
    rows: list[tuple[Any, ...]] = []
    for i, label in enumerate(labels):
        for place, theme in enumerate(spec.themes.values()):
            kind = read[label][place]
            beside = [row for row in near[i] if objects.layer_of(row[0]) == theme.layer]
            mine = sorted(k for k in held[i] if objects.layer_of(k) == theme.layer)
            others = _others(kind, beside, place, objects, read)
            if kind.state != NOT_ASSESSED and not theme.is_full:
                others += [("", border) for k, distance, border in beside if distance == 0 and border <= accuracy_m]
            margin = min((distance for _, distance in others), default=math.nan)
            codes = JOINT.join(sorted({code for code, _ in others} - {""}))
            rows.append((i, kind, math.nan, math.nan, math.nan, mine, codes, margin))
    return PointParts(rows, [read[label] for label in labels])


def _others(
    kind: Kind,
    beside: list[tuple[int, float, float]],
    place: int,
    objects: Objects,
    read: Mapping[tuple[int, ...], tuple[Kind, ...]],
) -> list[tuple[str, float]]:
    """Return what else lies near, as word and distance: objects that are of another kind in the theme."""
    found = []
    for k, distance, _ in beside:
        other = read[(int(objects.labels[k]),)][place]
        if distance > 0 and (other.code, other.state) != (kind.code, kind.state):
            found.append((other.code or other.title or other.why.zh, distance))
    return found

"""Geometries cut into short runs of vertices: what makes distances to a zone of 40,000 vertices cheap.

A distance is the least over pairs of segments, so it is the least over pairs of runs, and boxes of runs rule nearly all
of them out. Only "inside" is lost by cutting a polygon; `contained` finds it again from one vertex of each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

RUN = 32  # vertices of a run
WHOLE = 512  # objects of so few vertices are dearer to cut than to measure
BLOCK = 1_000_000  # pairs of runs held at a time: some 0.1 GiB
SLACK = 1e-9  # computed distances may lie below that of their boxes by rounding: this share, and a thousandth of a mm
SLACK_M = 1e-6


@dataclass(frozen=True)
class Runs:
    """Hold geometries of one metric plane, the large ones cut; small ones stay whole. Build it with `Runs.of`.

    `pieces`, shape (p,), are sorted by `owner`, the position of their geometry; `polygons` are the areas of the cut
    geometries and `polygon_owner` theirs.
    """

    shapes: NDArray[np.object_]
    pieces: NDArray[np.object_]
    owner: NDArray[np.int64]
    polygons: NDArray[np.object_]
    polygon_owner: NDArray[np.int64]

    @classmethod
    def of(cls, shapes: NDArray[np.object_], whole: int = WHOLE, size: int = RUN) -> Runs:
        """Cut geometries, shape (n,), of more than `whole` vertices into runs of `size`; missing and empty ones stay."""
        shapes = np.asarray(shapes, dtype=object)
        large = np.flatnonzero(shapely.get_num_coordinates(shapes) > whole)
        small = np.setdiff1d(np.arange(len(shapes)), large, assume_unique=True)
        parts, part_owner = simple_parts(shapes[large])
        part_owner = large[part_owner]
        kind = shapely.get_type_id(parts)
        is_area, is_point = kind == shapely.GeometryType.POLYGON, kind == shapely.GeometryType.POINT
        rings, ring_of = shapely.get_rings(parts[is_area], return_index=True)
        lines = np.concatenate([rings, parts[~is_area & ~is_point]])
        line_owner = np.concatenate([part_owner[is_area][ring_of], part_owner[~is_area & ~is_point]])
        runs, line_of = cut(lines, size)
        pieces = np.concatenate([shapes[small], parts[is_point], runs])
        owner = np.concatenate([small, part_owner[is_point], line_owner[line_of]]).astype(np.int64)
        order = np.argsort(owner, kind="stable")
        return cls(shapes, pieces[order], owner[order], parts[is_area], part_owner[is_area].astype(np.int64))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Return where the pieces of each geometry begin, and the end of the last, shape (n + 1,)."""
        return np.searchsorted(self.owner, np.arange(len(self.shapes) + 1)).astype(np.int64)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """Return the box of each piece, shape (p, 4); NaN for missing and empty ones."""
        return np.asarray(shapely.bounds(self.pieces))

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Return the tree over the pieces."""
        return shapely.STRtree(self.pieces)

    @cached_property
    def shape_boxes(self) -> NDArray[np.float64]:
        """Return the box of each geometry, shape (n, 4); NaN for missing and empty ones."""
        if not len(self.shapes):
            return np.empty((0, 4))
        low = np.fmin.reduceat(self.boxes[:, :2], self.starts[:-1])
        return np.hstack([low, np.fmax.reduceat(self.boxes[:, 2:], self.starts[:-1])])


class Closest(NamedTuple):
    """Hold for each pair the least distance (infinite where nothing is within reach) and the pieces it lies between."""

    distance: NDArray[np.float64]
    left_piece: NDArray[np.int64]
    right_piece: NDArray[np.int64]


def simple_parts(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the points, lines and polygons that geometries, also nested ones, consist of, and whose part each is."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts, of = shapely.get_parts(parts, return_index=True)
        owner = owner[of]
    real = ~shapely.is_empty(parts)
    return parts[real], owner[real]


def cut(lines: NDArray[np.object_], size: int = RUN) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Cut lines and rings into runs of at most `size` vertices that share their ends; return them and whose each is.

    Examples
    --------
    >>> runs, line = cut(np.array([shapely.LineString([(0, 0), (1, 0), (2, 0), (3, 0)])]), size=3)
    >>> [run.wkt for run in runs], line
    (['LINESTRING (0 0, 1 0, 2 0)', 'LINESTRING (2 0, 3 0)'], array([0, 0]))
    """
    xy, line_of = shapely.get_coordinates(lines, return_index=True)
    count = np.bincount(line_of, minlength=len(lines))
    first = np.cumsum(count) - count
    number = -(-(count - 1) // (size - 1))
    line = np.repeat(np.arange(len(lines)), number)
    begin = first[line] + _counted(number) * (size - 1)
    length = np.minimum(size, first[line] + count[line] - begin)
    take = np.repeat(begin, length) + _counted(length)
    return shapely.linestrings(xy[take], indices=np.repeat(np.arange(len(length)), length)), line


def contained(
    polygons: NDArray[np.object_], owner: NDArray[np.int64], shapes: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.object_]]:
    """Return which shapes have a part with its first vertex in or on a polygon: its owner, the shape, that vertex.

    Of parts that cross no border of the polygon this says whether they lie inside. Each pair once, by owner and shape.
    """
    none = np.array([], dtype=np.int64)
    if not len(polygons) or not len(shapes):
        return none, none, np.array([], dtype=object)
    parts, part_of = simple_parts(shapes)
    xy, number = shapely.get_coordinates(parts, return_index=True)
    points = shapely.points(xy[np.searchsorted(number, np.arange(len(parts)))])
    area, point = shapely.STRtree(points).query(polygons, predicate="intersects")
    _, once = np.unique(owner[area] * len(shapes) + part_of[point], return_index=True)
    return owner[area[once]], part_of[point[once]].astype(np.int64), points[point[once]]


def closest(a: Runs, b: Runs, left: NDArray[np.int64], right: NDArray[np.int64], reach: float = np.inf) -> Closest:
    """Measure pairs of geometries by their runs; where several are equally close, the first ones are named.

    Parameters
    ----------
    a, b
        The geometries, in one metric plane.
    left, right
        Positions in `a` and in `b`, shape (n,).
    reach
        Pairs farther apart than this, in metres, may be left at infinity.
    """
    best = Closest(np.full(len(left), np.inf), np.full(len(left), -1), np.full(len(left), -1))
    for pair, i, j in _blocks(a, b, left, right):
        gap = box_gap(a.boxes[i], b.boxes[j])
        near = np.flatnonzero(gap <= widened(np.minimum(best.distance[pair], reach)))
        if len(near):
            _measure(best, (a.pieces, b.pieces), (pair[near], i[near], j[near]), gap[near], reach)
    return best


def box_gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance between boxes (west, south, east, north), shape (..., 4); NaN where one is missing."""
    x = np.maximum(b[..., 0] - a[..., 2], a[..., 0] - b[..., 2])
    y = np.maximum(b[..., 1] - a[..., 3], a[..., 1] - b[..., 3])
    return np.hypot(np.maximum(x, 0.0), np.maximum(y, 0.0))


def widened(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gap up to which boxes may hold geometries of this computed distance."""
    return distance * (1 + SLACK) + SLACK_M


def _measure(
    best: Closest,
    pieces: tuple[NDArray[np.object_], NDArray[np.object_]],
    where: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    gap: NDArray[np.float64],
    reach: float,
) -> None:
    """Lower `best` by the pairs of pieces (pair, left piece, right piece), sorted by pair, of which boxes lie near."""
    pair, i, j = where
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    length = np.diff(starts, append=len(pair))
    # The pieces whose boxes are nearest bound the distance: few others need measuring then.
    lead = np.flatnonzero(gap == np.repeat(np.minimum.reduceat(gap, starts), length))
    lead = lead[np.diff(pair[lead], prepend=-1) > 0]
    distance = np.full(len(pair), np.inf)
    distance[lead] = shapely.distance(pieces[0][i[lead]], pieces[1][j[lead]])
    bound = np.minimum(np.minimum(best.distance[pair[lead]], distance[lead]), reach)
    rest = np.flatnonzero(np.isinf(distance) & (gap <= np.repeat(widened(bound), length)))
    distance[rest] = shapely.distance(pieces[0][i[rest]], pieces[1][j[rest]])
    least = np.minimum.reduceat(distance, starts)
    first = np.flatnonzero(distance == np.repeat(least, length))
    first = first[np.diff(pair[first], prepend=-1) > 0]
    first = first[(least < best.distance[pair[starts]]) & (least <= reach)]
    best.distance[pair[first]] = distance[first]
    best.left_piece[pair[first]] = i[first]
    best.right_piece[pair[first]] = j[first]


def _blocks(
    a: Runs, b: Runs, left: NDArray[np.int64], right: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield for pairs of geometries all pairs of their pieces: number of the pair, left and right piece, block by block."""
    ours, theirs = np.diff(a.starts)[left], np.diff(b.starts)[right]
    pair = np.repeat(np.arange(len(left)), ours)
    piece = np.repeat(a.starts[left], ours) + _counted(ours)
    done = np.cumsum(theirs[pair])
    cuts = np.searchsorted(done, np.arange(BLOCK, done[-1] if len(done) else 0, BLOCK), side="right")
    edges = np.unique(np.concatenate([[0], cuts, [len(pair)]]))
    for low, high in pairwise(edges):
        rows = pair[low:high]
        number = theirs[rows]
        others = np.repeat(b.starts[right[rows]], number) + _counted(number)
        yield np.repeat(rows, number), np.repeat(piece[low:high], number), others


def _counted(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, 2, … for each run of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)

"""Distances to objects that lie in GeoParquet: boxes choose the row groups and rows, only those are decoded.

A million patches pass through memory a few thousand at a time. The boxes are those of the file's covering column; a
file without one is read through for them first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geosys._errors import DeliveryError
from geosys.geo.distances import check_length, nearest, pairs_within, shortest_lines
from geosys.geo.runs import SLACK_M, Runs, box_gap, widened
from geosys.geo.stored import geometry_column, open_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from geosys.geo.distances import Pairs

ROWS_AT_ONCE = 5_000
FARTHEST_M = 1e12  # boxes for the tree must be finite
EVERYWHERE = np.array([-np.inf, -np.inf, np.inf, np.inf])
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class StoredPairs:
    """Hold pairs of subjects (positions) and stored objects (row in the file and id), sorted by subject and row.

    `distance` is in metres of the plane; `lines` are the shortest lines of two points, or missing where not asked for.
    """

    left: NDArray[np.int64]
    row: NDArray[np.int64]
    ids: NDArray[Any]
    distance: NDArray[np.float64]
    lines: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Source:
    """Hold an open file with its names: what its boxes are called and where each row group begins."""

    path: Path
    file: pq.ParquetFile
    id_column: str
    geometry: str
    sides: tuple[tuple[str, ...], ...] | None
    is_single: bool
    starts: NDArray[np.int64]


def pairs_within_stored(
    subjects: NDArray[np.object_],
    path: Path,
    id_column: str,
    distance: float,
    *,
    crs: str | None = None,
    lines: bool = False,
) -> StoredPairs:
    """Find the stored objects at most a distance from each subject.

    Parameters
    ----------
    subjects
        Valid geometries in the file's CRS, shape (n,); missing and empty ones pair with nothing.
    path, id_column
        GeoParquet (WKB, a metric CRS) and the column that names its rows.
    distance
        Metres of the plane; the limit itself counts.
    crs
        The CRS that the file must have; any where it is not given.
    lines
        Also draw the shortest lines.

    Raises
    ------
    DeliveryError
        When the file cannot be read, or a geometry lies outside the box that the file states for it.
    CrsError
        When the file is not in `crs`.
    ValueError
        When the distance is no length.
    """
    check_length("distance", distance)
    source = _open(path, id_column, crs)
    reach = np.full(len(subjects), float(distance))
    found = list(_search(source, subjects, reach, lambda some, there, _: pairs_within(some, there, distance), lines))
    return _joined(found)


def nearest_stored(
    subjects: NDArray[np.object_],
    path: Path,
    id_column: str,
    *,
    crs: str | None = None,
    reach: float = np.inf,
    all_ties: bool = True,
    lines: bool = False,
) -> StoredPairs:
    """Find for each subject the nearest stored object, or all that are equally near.

    Parameters and errors are those of `pairs_within_stored`; `reach` is the distance in metres of the plane beyond
    which nothing is looked for, and without `all_ties` only the first row at the least distance is kept.
    """
    check_length("reach", reach)
    source = _open(path, id_column, crs)
    limit = _bounds_from_boxes(source, subjects, np.full(len(subjects), float(reach)))
    found = list(_search(source, subjects, limit, nearest, lines))
    # A box that is wider than its geometry promises too much: who found nothing there looks everywhere in reach.
    missed = np.ones(len(subjects), dtype=bool)
    for part in found:
        missed[part.left] = False
    if (missed & (limit < reach)).any():
        again = subjects.copy()
        again[~missed] = None
        found += list(_search(source, again, np.full(len(subjects), float(reach)), nearest, lines))
    pairs = _joined(found)
    least = np.full(len(subjects), np.inf)
    np.minimum.at(least, pairs.left, pairs.distance)
    keep = pairs.distance == least[pairs.left]
    if not all_ties:
        places = np.flatnonzero(keep)
        keep[places[np.diff(pairs.left[places], prepend=-1) == 0]] = False
    return _selected(pairs, keep)


def _open(path: Path, id_column: str, crs: str | None) -> _Source:
    """Open a file and find its boxes."""
    file = open_layer(path, id_column, crs)
    geometry = geometry_column(file)
    covering = json.loads(file.schema_arrow.metadata[b"geo"])["columns"][geometry].get("covering", {}).get("bbox")
    sides = tuple(tuple(covering[side]) for side in SIDES) if covering else None
    rows = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    is_single = sides is not None and _type_of(file.schema_arrow, sides[0]) == pa.float32()
    return _Source(path, file, id_column, geometry, sides, is_single, starts)


def _type_of(schema: pa.Schema, names: tuple[str, ...]) -> pa.DataType:
    """Return the type of a column or of a field inside one."""
    found = schema.field(names[0]).type
    for name in names[1:]:
        found = found.field(name).type
    return found


def _loosened(source: _Source, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Widen boxes that were rounded to 32 bits, whichever way their writer rounded."""
    outward = np.array([-1, -1, 1, 1]) * 2 * np.finfo(np.float32).eps
    return boxes + np.abs(boxes) * outward if source.is_single else boxes


def _search(
    source: _Source,
    subjects: NDArray[np.object_],
    limit: NDArray[np.float64],
    measure: Callable[[NDArray[np.object_], Runs, float], Pairs],
    with_lines: bool,
) -> Iterator[StoredPairs]:
    """Yield the pairs of each part of the file; `limit`, metres for each subject, is lowered to what was found."""
    boxes = np.asarray(shapely.bounds(subjects))
    for group, group_box in enumerate(_group_boxes(source)):
        some = np.flatnonzero(box_gap(boxes, group_box) <= widened(limit))
        if not len(some):
            continue
        stated = _row_boxes(source, group)
        chosen = _rows_within(stated, boxes[some], widened(limit[some]))
        for rows, ids, shapes in _decoded(source, group, chosen, stated):
            there = Runs.of(shapes)
            left, right, distance = measure(subjects[some], there, float(limit[some].max()))
            near = distance <= limit[some[left]]
            left, right, distance = left[near], right[near], distance[near]
            if measure is nearest:
                np.minimum.at(limit, some[left], distance)
            drawn = shortest_lines(subjects[some], there, left, right) if with_lines else np.full(len(left), None)
            yield StoredPairs(some[left], rows[right] + source.starts[group], ids[right], distance, drawn)


def _rows_within(
    stated: NDArray[np.float64], boxes: NDArray[np.float64], distance: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the rows whose boxes are within a distance of some subject's, and those without a box; sorted."""
    margin = np.minimum(distance, FARTHEST_M)[:, None] * np.array([-1, -1, 1, 1])
    subject, row = _box_tree(stated).query(shapely.box(*(boxes + margin).T))
    near = box_gap(boxes[subject], stated[row]) <= distance[subject]
    return np.union1d(row[near], np.flatnonzero(np.isnan(stated[:, 0]))).astype(np.int64)


def _box_tree(boxes: NDArray[np.float64]) -> shapely.STRtree:
    """Return a tree over boxes, shape (n, 4), of which some may be missing."""
    shapes = np.full(len(boxes), None, dtype=object)
    real = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    shapes[real] = shapely.box(*boxes[real].T)
    return shapely.STRtree(shapes)


def _bounds_from_boxes(
    source: _Source, subjects: NDArray[np.object_], limit: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lower limits to a distance within which some object of each subject lies, as far as boxes tell.

    An object touches all four sides of its box, so it is no farther than the nearer side's farther end.
    """
    boxes = np.asarray(shapely.bounds(subjects))
    real = np.flatnonzero(np.isfinite(boxes[:, 0]))
    xy, number = shapely.get_coordinates(subjects[real], return_index=True)
    at = np.full((len(subjects), 2), np.nan)
    at[real] = xy[np.searchsorted(number, np.arange(len(real)))]
    group_boxes = _group_boxes(source)
    for group_box in group_boxes:
        limit = np.fmin(limit, _farthest(at, group_box))
    for group, group_box in enumerate(group_boxes):
        some = np.flatnonzero(box_gap(boxes, group_box) <= widened(limit))
        if len(some):
            stated = _row_boxes(source, group)
            i, row = _box_tree(stated).query_nearest(shapely.points(at[some]))
            np.minimum.at(limit, some[i], _farthest(at[some[i]], stated[row]))
    return limit


def _farthest(at: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points, shape (n, 2), are at most from something that touches all sides of a box, (4,) or (n, 4)."""
    low, high = np.abs(at - box[..., :2]), np.abs(at - box[..., 2:])
    near, far = np.minimum(low, high), np.maximum(low, high)
    by_side = np.minimum(np.hypot(near[:, 0], far[:, 1]), np.hypot(far[:, 0], near[:, 1]))
    return widened(by_side)


def _group_boxes(source: _Source) -> NDArray[np.float64]:
    """Return the box of each row group from the file's statistics, shape (g, 4); infinite where it states none."""
    found = np.tile(EVERYWHERE, (len(source.starts) - 1, 1))
    if source.sides is None:
        return found
    names = {".".join(side): k for k, side in enumerate(source.sides)}
    for group in range(len(found)):
        meta = source.file.metadata.row_group(group)
        for column in (meta.column(k) for k in range(meta.num_columns)):
            side = names.get(column.path_in_schema)
            if side is not None and column.statistics is not None and column.statistics.has_min_max:
                found[group, side] = column.statistics.min if side < 2 else column.statistics.max  # noqa: PLR2004
    return _loosened(source, found)


def _row_boxes(source: _Source, group: int) -> NDArray[np.float64]:
    """Return the box of each row of a group, shape (n, 4), NaN where there is none; from the geometry if need be."""
    if source.sides is None:
        parts = [shapely.bounds(shapes) for _, _, shapes in _decoded(source, group, None, None)]
        return np.concatenate(parts) if parts else np.empty((0, 4))
    names = [".".join(side) for side in source.sides]
    table = _read(source, lambda: source.file.read_row_group(group, names, use_threads=False))
    columns = [pc.struct_field(table[side[0]], list(side[1:])) if side[1:] else table[side[0]] for side in source.sides]
    return _loosened(source, np.column_stack([column.to_numpy().astype(np.float64) for column in columns]))


def _decoded(
    source: _Source, group: int, chosen: NDArray[np.int64] | None, stated: NDArray[np.float64] | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any], NDArray[np.object_]]]:
    """Yield rows of a group, their ids and geometries, some at a time; all rows where none are chosen."""
    if chosen is not None and not len(chosen):
        return
    start = 0
    batches = source.file.iter_batches(ROWS_AT_ONCE, [group], [source.id_column, source.geometry], use_threads=False)
    while (batch := _read(source, partial(next, batches, None))) is not None:
        rows = np.arange(start, start + len(batch))
        start += len(batch)
        if chosen is not None:
            rows = chosen[np.searchsorted(chosen, rows[0]) : np.searchsorted(chosen, rows[-1], side="right")]
        if not len(rows):
            continue
        part = batch.take(pa.array(rows - start + len(batch)))
        wkb = part.column(source.geometry).to_numpy(zero_copy_only=False)
        shapes = _read(source, partial(shapely.from_wkb, wkb))
        if stated is not None:
            _check_boxes(source, rows + source.starts[group], shapes, stated[rows])
        yield rows, part.column(source.id_column).to_numpy(zero_copy_only=False), shapes


def _check_boxes(
    source: _Source, rows: NDArray[np.int64], shapes: NDArray[np.object_], stated: NDArray[np.float64]
) -> None:
    """Raise when a geometry lies outside the box stated for it: what was ruled out by boxes would be wrong."""
    real = shapely.bounds(shapes)
    is_in = (real[:, :2] >= stated[:, :2] - SLACK_M).all(axis=1) & (real[:, 2:] <= stated[:, 2:] + SLACK_M).all(axis=1)
    wrong = np.flatnonzero(~is_in & ~np.isnan(real[:, 0]))
    if len(wrong):
        k = int(wrong[0])
        raise DeliveryError(
            f"{source.path.name}, row {int(rows[k])}: got a geometry in {real[k].tolist()}, expected it inside the box "
            f"that the file states, {stated[k].tolist()}. Write the file again with its boxes computed anew."
        )


def _read(source: _Source, read: Callable[[], Any]) -> Any:
    """Read from the file; what is damaged there is told by its name."""
    try:
        return read()
    except (OSError, pa.ArrowException, shapely.errors.ShapelyError) as error:
        raise DeliveryError(
            f"{source.path.name}: got damaged contents ({error}), expected GeoParquet with WKB. Copy or write it again."
        ) from None


def _joined(parts: list[StoredPairs]) -> StoredPairs:
    """Return the pairs of all parts in one, sorted by subject and row."""
    columns = [[getattr(part, name) for part in parts] for name in ("left", "row", "ids", "distance", "lines")]
    kinds = (np.int64, np.int64, object, np.float64, object)
    whole = [np.concatenate(c) if c else np.array([], dtype=kind) for c, kind in zip(columns, kinds, strict=True)]
    pairs = StoredPairs(*whole)
    return _selected(pairs, np.lexsort((pairs.row, pairs.left)))


def _selected(pairs: StoredPairs, keep: NDArray[Any]) -> StoredPairs:
    """Return some of the pairs."""
    return StoredPairs(pairs.left[keep], pairs.row[keep], pairs.ids[keep], pairs.distance[keep], pairs.lines[keep])

"""What compares the rows of a large layer with each other, on a few numbers a row or some rows at a time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from geosys.geo.self_overlap import overlaps
from geosys.layers import fields
from geosys.layers.checks import CHECKS, Rows, overlap_issue
from geosys.layers.tally import MOST_ALIKE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from geosys.layers.issues import Issue
    from geosys.layers.place import Place
    from geosys.layers.spec import LayerSpec
    from geosys.layers.spool import Spool
    from geosys.layers.tally import Tally

    Compare = Callable[[Spool, Tally, Place, Mapping[str, Any], Callable[[float], None]], Iterator[Issue]]

SHAPES_AT_ONCE = 10_000
PAIRS_AT_ONCE = 2_000
LEAST_M2 = 1e-6  # a common area below is rounding of coordinates
DOUBT_SHARE = 1e-6
DOUBT_M2 = 1e-3  # a common area nearer to the limit than this is settled by GEOS, as in a small layer
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F)


def usable(spool: Spool, tally: Tally) -> NDArray[np.int64]:
    """Return the rows whose geometry may be compared: there, of the right kind, valid or repaired."""
    keep = spool.size > 0
    keep[tally.unusable] = False
    return np.flatnonzero(keep)


def _same_geometry(
    spool: Spool, tally: Tally, place: Place, settings: Mapping[str, Any], tell: Callable[[float], None]
) -> Iterator[Issue]:
    """Find equal geometries: they have equal boxes and sizes, and only rows that share these are looked at."""
    rows = usable(spool, tally)
    box = np.ascontiguousarray(np.nan_to_num(spool.box[rows]) + 0.0).view(np.uint64)
    mark = spool.size[rows].astype(np.uint64) * np.uint64(_ODD[4])
    for column, odd in zip(box.T, _ODD, strict=False):
        mark = (mark ^ column) * np.uint64(odd)
        mark ^= mark >> np.uint64(29)
    rows, mark = _shared(rows, mark)
    for first, last in _runs(mark, SHAPES_AT_ONCE):
        some = np.sort(rows[first:last])
        frame = pd.DataFrame({"feature_id": tally.ids.take(pa.array(some)).to_pylist()})
        found = CHECKS["duplicate_geometry"].call(Rows(frame, spool.shapes(some), place.crs, place.region), settings)
        for issue in found:
            issue.row = int(some[issue.row])
            yield issue
        tell(last / len(rows))


def _shared(rows: NDArray[np.int64], mark: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the rows whose mark another row has too, sorted by mark, then row."""
    order = np.argsort(mark, kind="stable")
    rows, mark = rows[order], mark[order]
    same = np.flatnonzero(mark[1:] == mark[:-1])
    both = np.union1d(same, same + 1)
    return rows[both], mark[both]


def _runs(mark: NDArray[np.uint64], most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of runs of about `most`, equal marks together."""
    first = 0
    while first < len(mark):
        last = min(first + most, len(mark))
        last = int(np.searchsorted(mark, mark[last - 1], side="right"))
        yield first, last
        first = last


def _common(spool: Spool, tally: Tally, tell: Callable[[float], None]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of rows that share area, sorted, and how much; found once, whatever number of checks asks."""
    if tally.common is None:
        rows = usable(spool, tally)
        order = spool.hilbert_order(rows[np.isfinite(spool.box[rows]).all(axis=1)])
        pairs, areas = [np.empty((0, 2), dtype=np.int64)], [np.empty(0)]
        for some, shared, done in overlaps(order, spool.box, spool.size, spool.geometry, LEAST_M2):
            pairs.append(some)
            areas.append(shared)
            tell(done / len(order))
        named = np.concatenate(pairs)
        sorting = np.lexsort((named[:, 1], named[:, 0]))
        tally.common = named[sorting], np.concatenate(areas)[sorting]
    return tally.common


def _overlaps(
    spool: Spool, tally: Tally, place: Place, settings: Mapping[str, Any], tell: Callable[[float], None]
) -> Iterator[Issue]:
    """Find polygons that overlap: pairs by the compiled engine, the piece of each reported pair by GEOS."""
    limit = float(settings["max_area_m2"])
    pairs, areas = _common(spool, tally, tell)
    near = areas > limit - DOUBT_M2
    pairs, areas = pairs[near], areas[near]
    yield from _pieces(spool, tally, place, pairs[:MOST_ALIKE], limit)
    for j in pairs[MOST_ALIKE:][areas[MOST_ALIKE:] > limit, 1]:
        yield overlap_issue(int(j), "", shapely.Polygon(), place.crs)  # counted, not told


def _nearly_same(
    spool: Spool, tally: Tally, place: Place, settings: Mapping[str, Any], tell: Callable[[float], None]
) -> Iterator[Issue]:
    """Find polygons that are nearly the same: the pairs for which that may be so are given to the check two by two."""
    pairs, common = _common(spool, tally, tell)
    least = float(settings["min_iou"]) - DOUBT_SHARE
    close = np.zeros(len(pairs), dtype=bool)
    for first in range(0, len(pairs), SHAPES_AT_ONCE):
        rows, at = np.unique(pairs[first : first + SHAPES_AT_ONCE], return_inverse=True)
        own = shapely.area(spool.shapes(rows))[at.reshape(-1, 2)]
        close[first : first + SHAPES_AT_ONCE] = common[first : first + SHAPES_AT_ONCE] >= least * own.max(axis=1)
    for pair in pairs[close]:
        frame = pd.DataFrame({"feature_id": tally.ids.take(pa.array(pair)).to_pylist()})
        for issue in CHECKS["near_duplicate"].call(Rows(frame, spool.shapes(pair), place.crs, place.region), settings):
            issue.row = int(pair[issue.row])
            yield issue


def _pieces(spool: Spool, tally: Tally, place: Place, pairs: NDArray[np.int64], limit: float) -> Iterator[Issue]:
    for first in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[first : first + PAIRS_AT_ONCE]
        rows, at = np.unique(some, return_inverse=True)
        shapes, names = spool.shapes(rows), tally.ids.take(pa.array(rows)).to_pylist()
        at = at.reshape(some.shape)
        pieces = shapely.intersection(shapes[at[:, 0]], shapes[at[:, 1]])
        for k in np.flatnonzero(shapely.area(pieces) > limit):
            yield overlap_issue(int(some[k, 1]), names[at[k, 0]], pieces[k], place.crs)


def _values(
    spool: Spool, tally: Tally, place: Place, settings: Mapping[str, Any], _tell: Callable[[float], None]
) -> Iterator[Issue]:
    """Run a check that compares the values of one column on that column alone."""
    frame = pd.DataFrame({settings["field"]: spool.column(settings["field"])})
    part = np.repeat(np.arange(len(tally.parts)), [p.rows for p in tally.parts])
    rows = Rows(frame, np.empty(0, dtype=object), place.crs, place.region, part=part)
    yield from CHECKS[settings["check"]].call(rows, settings)


def _no_points(*_: object) -> Iterator[Issue]:
    """Find nothing: what stands for an unknown place is a point, and large layers are lines and polygons."""
    return iter(())


COMPARED: dict[str, Compare] = {
    "default_point": _no_points,
    "duplicate_geometry": _same_geometry,
    "no_overlap": _overlaps,
    "near_duplicate": _nearly_same,
    "prefix_is_county": _values,
    "usual_range": _values,
}


def give_places(spool: Spool, tally: Tally, found: list[Issue]) -> None:
    """Let an issue that names no place of its own lie where its row lies, as `geosys.layers.checks.run_checks` does."""
    there = np.zeros(tally.rows, dtype=bool)
    there[usable(spool, tally)] = True
    lost = [issue for issue in found if issue.row >= 0 and issue.geometry is None and there[issue.row]][:MOST_ALIKE]
    rows, at = np.unique(np.array([issue.row for issue in lost], dtype=np.int64), return_inverse=True)
    for issue, shape in zip(lost, spool.shapes(rows)[at], strict=True):
        issue.geometry = shape


def duplicate_keys(spec: LayerSpec, tally: Tally) -> Iterator[Issue]:
    """Find rows with the id of an earlier one, as `geosys.layers.fields.check_keys` does."""
    place = tally.ids.dictionary_encode().indices.to_numpy()
    often = np.flatnonzero(np.bincount(place)[place] > 1)
    names = pd.Series(tally.ids.take(pa.array(often)).to_pylist(), index=often.tolist(), dtype=object)
    yield from fields.check_keys(names, tally.withheld.keys(), spec.key)


def unnamed_places(
    spec: LayerSpec, frame: pd.DataFrame, shapes: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the rows of a batch that have a place but no whole key, and hashes of their places."""
    lacking = (
        frame[list(spec.key)].isna().any(axis=1).to_numpy(dtype=bool) if spec.key else np.ones(len(frame), dtype=bool)
    )
    rows = np.flatnonzero(lacking & ~shapely.is_missing(shapes))
    digests = [hashlib.sha256(shapely.to_wkb(shapely.normalize(shape))).digest()[:8] for shape in shapes[rows]]
    return rows, np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def shared_place_ids(spec: LayerSpec, spool: Spool, tally: Tally) -> None:
    """Give rows without a key that share a place ids from their values too, wherever in the layer they stand.

    A batch does not see the others: `geosys.layers.fields.name_features` tells apart only what is in one batch.
    """
    rows, _ = _shared(*tally.unnamed)
    if not len(rows):
        return
    rows = np.sort(rows)
    table = pd.DataFrame({name: spool.texts(name, rows) for name in spec.fields})
    names = []
    for first in range(0, len(rows), SHAPES_AT_ONCE):
        some = rows[first : first + SHAPES_AT_ONCE]
        places = shapely.to_wkb(shapely.normalize(spool.shapes(some)))
        told = table.iloc[first : first + SHAPES_AT_ONCE].itertuples(index=False)
        names += [fields.place_id(place, list(values)) for place, values in zip(places, told, strict=True)]
    tally.rename(rows, names)

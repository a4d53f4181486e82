"""Make the tile of a layer as a viewer sees it, bounded in features and bytes; what is left out is counted."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.web.sources.conditions import all_of, in_box
from geosys.web.sources.port import KEY, Query
from geosys.web.tiles.cut import MARGIN, cut
from geosys.web.tiles.encoding import encode
from geosys.web.tiles.grid import EXTENT, degrees_box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from geosys.web.sources.port import Feature, FeatureSource
    from geosys.web.tiles.cache import DiskCache
    from geosys.web.tiles.seen import Seen

MOST_FEATURES = 5_000
MOST_BYTES = 1_000_000  # of a tile before it is packed
NAMES = "-names"
FORMAT = 1  # of the tiles: another number, and kept ones are made anew
_PACKING = 6


@dataclass(frozen=True, slots=True)
class Tile:
    """Hold a tile, packed by gzip: how many features it has, and how many were left out because of its bounds.

    `is_whole` is False where only names and classes fitted, not all columns.
    """

    packed: bytes
    features: int
    left_out: int
    is_whole: bool

    def to_bytes(self) -> bytes:
        """Return the tile as it is kept on disk."""
        head = json.dumps([self.features, self.left_out, self.is_whole])
        return head.encode() + b"\n" + self.packed

    @classmethod
    def from_bytes(cls, content: bytes) -> Tile:
        """Return the tile that `to_bytes` wrote."""
        head, _, packed = content.partition(b"\n")
        features, left_out, is_whole = json.loads(head)
        return cls(packed, features, left_out, is_whole)


def tile_of(
    source: FeatureSource, seen: Seen, place: tuple[int, int, int], brief: Sequence[str], cache: DiskCache | None = None
) -> Tile:
    """Return a tile from the cache, else made and put there.

    Parameters
    ----------
    place : z, x, y.
    brief : columns that stay where not all of them fit, as those of names and classes.
    """
    name = (f"{FORMAT}-{seen.key}", *map(str, place))
    kept = cache.get(*name) if cache is not None and seen.is_lasting else None
    if kept is not None:
        return Tile.from_bytes(kept)
    tile = make_tile(source, seen, place, brief)
    if cache is not None and seen.is_lasting:
        cache.put(tile.to_bytes(), *name)
    return tile


def make_tile(
    source: FeatureSource, seen: Seen, place: tuple[int, int, int], brief: Sequence[str],
    most_features: int = MOST_FEATURES, most_bytes: int = MOST_BYTES,
) -> Tile:  # fmt: skip
    """Ask the store for what lies in a tile and encode it; beyond a bound the smallest features are left out.

    Areas with names have a second layer, `NAMES` behind the layer's id, with one point each: in the one tile where it lies.
    """
    condition = all_of([seen.condition, in_box(*degrees_box(*place, margin=MARGIN / EXTENT))])
    layer = seen.collection.id
    found = source.items(layer, Query(tuple(seen.columns), condition, limit=most_features))
    there = source.count(layer, condition) if len(found) == most_features else len(found)
    whole = np.array([feature.geometry for feature in found] + [None], dtype=object)[:-1]
    shapes = cut(whole, *place)
    names = _names(seen, found, whole, place)

    def encoded(rows: NDArray[np.int64], columns: Sequence[str]) -> bytes:
        told = {layer: (shapes[rows], [_row(found[i], columns) for i in rows])}
        named = [(names[i], _row(found[i], [seen.name_column])) for i in rows if names[i] is not None]
        if named:
            told[layer + NAMES] = (np.array([point for point, _ in named], dtype=object), [row for _, row in named])
        return encode(told)

    drawn = np.flatnonzero(~shapely.is_missing(shapes))
    short = [name for name in brief if name in seen.columns]
    body, kept, is_whole = _bounded(encoded, shapes, drawn, (tuple(seen.columns), short), most_bytes)
    # Strips thinner than a unit are swallowed by rounding: they lie in the tile and are not drawn, so they count as left out.
    return Tile(gzip.compress(body, _PACKING, mtime=0), kept, there - kept, is_whole)


def _names(
    seen: Seen, found: Sequence[Feature], whole: NDArray[np.object_], place: tuple[int, int, int]
) -> NDArray[np.object_]:
    """Return where in the tile the name of each area is written: inside the area, and inside this one tile only; else None."""
    points = np.full(len(found), None, dtype=object)
    if not (seen.name_column and seen.schema.geometry == "polygon" and len(found)):
        return points
    points = cut(shapely.point_on_surface(whole), *place)
    x, y = shapely.get_x(points), shapely.get_y(points)
    points[~((x >= 0) & (y >= 0) & (x < EXTENT) & (y < EXTENT))] = None
    return points


def _bounded(
    encoded: Callable[[NDArray[np.int64], Sequence[str]], bytes], shapes: NDArray[np.object_], drawn: NDArray[np.int64],
    columns: tuple[Sequence[str], Sequence[str]], most_bytes: int,
) -> tuple[bytes, int, bool]:  # fmt: skip
    """Encode, and where that is too much encode less: first without most columns, then without the smallest half, and so on."""
    body = encoded(drawn, columns[0])
    if len(body) <= most_bytes:
        return body, len(drawn), True
    boxes = shapely.bounds(shapes[drawn])
    by_size = drawn[np.argsort(-(boxes[:, 2] - boxes[:, 0] + boxes[:, 3] - boxes[:, 1]), kind="stable")]
    while True:
        body = encoded(np.sort(by_size), columns[1])
        if len(body) <= most_bytes or len(by_size) <= 1:
            return body, len(by_size), False
        by_size = by_size[: len(by_size) // 2]


def _row(feature: Feature, names: Sequence[str]) -> dict[str, Any]:
    return {KEY: feature.id} | {name: feature.values[name] for name in names}

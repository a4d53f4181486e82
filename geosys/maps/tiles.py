"""Turn layers into what vector tiles hold, row number and class, and into blocks of cards that a click unpacks.

A tile has no attribute that a reader might not see: names and columns travel apart, so that they are there once and
not in each tile of each zoom.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import category

import geopandas as gpd
import numpy as np
import shapely

from geosys.maps.pack import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geosys.maps.frames import MapLayer
    from geosys.maps.palettes import Style

MOST_ON_CANVAS = 20_000  # features that the page of `page.build_page` draws well; beyond, tiles
TOP_ZOOM = 13
TOP_EXTENT = 8192  # half a metre a step at zoom 13 and 35° N
FAR_EXTENT = 1024  # half a pixel a step: what is smaller is not seen
FAR_SLACK = 0.5  # steps; one whole step opens gaps between small neighbours
ROW, CLASS = "n", "c"
ROWS_PER_BLOCK = 2_000
LONGEST_LABEL = 24
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories of Unicode: controls, turns of direction, line ends


@dataclass(frozen=True, slots=True)
class TileSet:
    """Hold what one archive of tiles is made from.

    Parameters
    ----------
    name : the archive's name, also that of the layer inside it.
    frame : EPSG:4490, columns `ROW` (number of the feature's row) and `CLASS` (number of its class, -1: none).
    zooms : first and last zoom.
    extent : steps along a tile's side.
    slack : steps that an edge may move so that vertices can be left out.
    """

    name: str
    frame: gpd.GeoDataFrame
    zooms: tuple[int, int]
    extent: int
    slack: float = 0.0


def tile_sets(layer: MapLayer, style: Style, classes: Sequence[str], lowest: int) -> list[TileSet]:
    """Return the archives of a layer: one for all zooms, or a coarse one for the low zooms of a large layer.

    Parameters
    ----------
    classes : codes of the style's classes, in order.
    lowest : the lowest zoom the map can show (512-pixel tiles).
    """
    shapes = layer.frame.geometry.to_numpy()
    there = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    if not len(there):
        return []
    columns = {
        ROW: there.astype(np.int32),
        CLASS: class_numbers(layer.frame, style, classes)[there],
    }
    frame = gpd.GeoDataFrame(columns, geometry=shapes[there], crs=layer.frame.crs)
    lowest = min(lowest, TOP_ZOOM)
    if len(there) <= MOST_ON_CANVAS or lowest == TOP_ZOOM:
        return [TileSet(layer.id, frame, (lowest, TOP_ZOOM), TOP_EXTENT)]
    return [
        TileSet(f"{layer.id}-far", frame, (lowest, TOP_ZOOM - 1), FAR_EXTENT, FAR_SLACK),
        TileSet(layer.id, frame, (TOP_ZOOM, TOP_ZOOM), TOP_EXTENT),
    ]


def class_numbers(frame: gpd.GeoDataFrame, style: Style, classes: Sequence[str]) -> NDArray[np.int32]:
    """Return per row the number of its class, or -1; with the style's `prefix`, of the longest code it begins with."""
    if style.by not in frame.columns:
        return np.full(len(frame), -1, dtype=np.int32)
    numbers = {code: number for number, code in enumerate(classes)}
    codes = [str(plain_value(value) or "") for value in frame[style.by]]

    def number(code: str) -> int:
        ends = range(len(code), 0, -1) if style.prefix else (len(code),)
        return next((numbers[code[:end]] for end in ends if code[:end] in numbers), -1)

    known = {code: number(code) for code in set(codes)}
    return np.array([known[code] for code in codes], dtype=np.int32)


def card_blocks(layer: MapLayer, columns: Sequence[str]) -> Iterator[bytes]:
    """Yield the rows' cards, `ROWS_PER_BLOCK` a block: gzipped JSON, a row is id, name and the values of `columns`."""
    frame = layer.frame
    wanted = [frame["feature_id"].astype(str), frame["name"]]
    wanted += [frame[name] if name in frame.columns else None for name in columns]
    for first in range(0, len(frame), ROWS_PER_BLOCK):
        rows = min(ROWS_PER_BLOCK, len(frame) - first)
        lists = [
            [None] * rows if column is None else [plain_value(value) for value in column.iloc[first : first + rows]]
            for column in wanted
        ]
        text = json.dumps(list(zip(*lists, strict=True)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        yield gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)


def label_points(layer: MapLayer) -> list[list[Any]]:
    """Return longitude, latitude, text and row of each label: on the surface of areas, at the middle of lines.

    A label is one line of at most `LONGEST_LABEL` letters; the card has the whole name.
    """
    shapes = layer.frame.geometry.to_numpy()
    names = layer.frame["name"].to_numpy()
    rows = [
        n for n in np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes))) if plain_value(names[n])
    ]
    places = shapely.point_on_surface(shapes[rows])
    lineal = shapely.get_type_id(shapes[rows]) == shapely.GeometryType.LINESTRING
    places[lineal] = shapely.line_interpolate_point(shapes[rows][lineal], 0.5, normalized=True)
    return [
        [round(float(shapely.get_x(p)), 6), round(float(shapely.get_y(p)), 6), short_label(str(names[n])), int(n)]
        for n, p in zip(rows, places, strict=True)
    ]


def short_label(name: str) -> str:
    """Return a name as it can stand on a map: one line, no signs that turn the writing round, not too long.

    Examples
    --------
    >>> short_label("a" * 30)
    'aaaaaaaaaaaaaaaaaaaaaaa…'
    """
    line = " ".join("".join(" " if category(letter) in _UNSEEN else letter for letter in name).split())
    return line if len(line) <= LONGEST_LABEL else line[: LONGEST_LABEL - 1] + "…"


def lowest_zoom(bounds: tuple[float, float, float, float]) -> int:
    """Return the zoom (512-pixel tiles) at which west, south, east, north fill about half of a small window.

    Examples
    --------
    >>> lowest_zoom((113.9, 34.2, 115.3, 35.0))
    8
    """
    west, south, east, north = bounds
    span = max(east - west, (north - south) / np.cos(np.radians((south + north) / 2)), 1e-6)
    return int(np.clip(np.floor(np.log2(360 / span)), 0, TOP_ZOOM))

"""Read a shapefile with nothing but numpy and shapely, by Esri's own description of the format.

Source: ESRI Shapefile Technical Description, an ESRI White Paper, July 1998.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys.publish.read_back.dbase_reader import open_table, read_columns
from geosys.publish.read_back.found import (
    LINE,
    NOTHING,
    PIECE_ROWS,
    POINT,
    POLYGON,
    DamageError,
    Found,
    FoundField,
    Piece,
)
from geosys.publish.read_back.rings import geometries_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.publish.content import ShapedLayer
    from geosys.publish.read_back.dbase_reader import Table

READER = "plain reader of .shp, .shx and .dbf"
_HEAD, _FILE_CODE, _VERSION = 100, 9994, 1000
_NULL, _ONE_POINT, _MULTI_POINT = 0, 1, 8
_SHAPES = {0: NOTHING, 1: POINT, 8: POINT, 3: LINE, 5: POLYGON}


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Hold where the records of a ``.shp`` stand, in bytes: from after each head to its end."""

    path: Path
    code: int
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    box: tuple[float, float, float, float]


def read_shapefile(path: Path, _layer: ShapedLayer) -> Found:
    """Read a shapefile of two dimensions: its shapes, its index, its table, its ``.cpg`` and ``.prj``.

    Raises
    ------
    DamageError
        When a part is missing or the parts contradict themselves or each other.
    """
    for suffix in (".shx", ".dbf", ".cpg", ".prj"):
        if not path.with_suffix(suffix).is_file():
            raise DamageError(f"{path.with_suffix(suffix).name}: got no such file, expected it beside {path.name}.")
    shapes = _open_shapes(path)
    table = open_table(path.with_suffix(".dbf"), path.with_suffix(".cpg").read_text("ascii").strip())
    if table.count != len(shapes.starts):
        raise DamageError(
            f"{path.name}: got {len(shapes.starts)} shapes and {table.count} records, expected as many of both."
        )
    fields = [FoundField(column.name, column.kind) for column in table.columns]
    crs = path.with_suffix(".prj").read_text("utf-8") or None
    return Found(READER, fields, table.count, _SHAPES[shapes.code], crs, _pieces(shapes, table))


def _open_shapes(path: Path) -> _Shapes:
    code, box = _head(path)
    index = path.with_suffix(".shx")
    other, _ = _head(index)
    if code != other or code not in _SHAPES:
        raise DamageError(
            f"{path.name}: got shapes of type {code}, in the index {other}, expected one of {sorted(_SHAPES)}."
        )
    entries = np.fromfile(index, dtype=">i4", offset=_HEAD).astype(np.int64).reshape(-1, 2) * 2
    starts, sizes = entries[:, 0] + 8, entries[:, 1]
    ends = np.concatenate([[_HEAD], starts + sizes])
    whole = path.stat().st_size
    wrong = np.flatnonzero((starts - 8 != ends[:-1]) | (starts + sizes > whole))
    if len(wrong) or ends[-1] != whole:
        at = f"record {wrong[0] + 1}" if len(wrong) else "the end"
        raise DamageError(
            f"{path.name} {at}: got an index that does not fit the shapes ({whole} bytes), expected {ends[-1]}."
        )
    return _Shapes(path, code, starts, sizes, box)


def _head(path: Path) -> tuple[int, tuple[float, float, float, float]]:
    """Return the type of shapes and the box that a ``.shp`` or ``.shx`` states."""
    with path.open("rb") as file:
        data = file.read(_HEAD)
    if len(data) < _HEAD:
        raise DamageError(f"{path.name}: got {len(data)} bytes, expected a head of {_HEAD}.")
    (code,), (words,) = struct.unpack_from(">i", data, 0), struct.unpack_from(">i", data, 24)
    version, kind = struct.unpack_from("<ii", data, 28)
    size = path.stat().st_size
    if code != _FILE_CODE or version != _VERSION or 2 * words != size:
        raise DamageError(
            f"{path.name}: got code {code}, version {version}, {size} bytes, expected {_FILE_CODE}, {_VERSION}, {2 * words}."
        )
    west, south, east, north = struct.unpack_from("<4d", data, 36)
    return kind, (west, south, east, north)


def _pieces(shapes: _Shapes, table: Table) -> Generator[Piece]:
    for first in range(0, table.count, PIECE_ROWS):
        stop = min(first + PIECE_ROWS, table.count)
        try:
            geometry = _read_shapes(shapes, first, stop)
        except DamageError as error:
            raise DamageError(f"{shapes.path.name}, rows from {first + 1}: {error}") from None
        yield Piece(read_columns(table, first, stop), geometry)


def _read_shapes(shapes: _Shapes, first: int, stop: int) -> NDArray[np.object_]:
    """Return some records as geometries; each record's number and type must be those of its place and file."""
    begin = int(shapes.starts[first]) - 8
    with shapes.path.open("rb") as file:
        file.seek(begin)
        data = file.read(int(shapes.starts[stop - 1] + shapes.sizes[stop - 1]) - begin)
    rows: list[int] = []
    sizes: list[int] = []
    points = []
    for row in range(first, stop):
        at, size = int(shapes.starts[row]) - begin, int(shapes.sizes[row])
        number, words = struct.unpack_from(">ii", data, at - 8)
        (code,) = struct.unpack_from("<i", data, at)
        if number != row + 1 or 2 * words != size or code not in (_NULL, shapes.code):
            raise DamageError(
                f"record {row + 1}: got number {number}, {2 * words} bytes, type {code}, expected {shapes.code}."
            )
        if code != _NULL:
            parts, xy = _parts(code, data[at : at + size], row)
            rows += [row - first] * len(parts)
            sizes += parts
            points.append(xy)
    kind = _SHAPES[shapes.code]
    found = np.concatenate(points) if points else np.empty((0, 2))
    _check_box(shapes, found)
    made = geometries_of(kind, stop - first, np.array(rows, dtype=np.int64), np.array(sizes, dtype=np.int64), found)
    if shapes.code == _ONE_POINT:
        present = ~shapely.is_missing(made)
        made[present] = shapely.get_geometry(made[present], 0)
    return made


def _check_box(shapes: _Shapes, xy: NDArray[np.float64]) -> None:
    west, south, east, north = shapes.box
    if len(xy) and not ((xy >= (west, south)) & (xy <= (east, north))).all():
        raise DamageError(f"got points outside of the box {shapes.box} that the file states, expected none.")


def _parts(code: int, record: bytes, row: int) -> tuple[list[int], NDArray[np.float64]]:
    """Return the sizes of a record's parts and its points."""
    if code == _ONE_POINT:
        return [1], np.frombuffer(record, "<f8", 2, 4).reshape(1, 2)
    if code == _MULTI_POINT:
        (count,) = struct.unpack_from("<i", record, 36)
        return [count], np.frombuffer(record, "<f8", 2 * count, 40).reshape(-1, 2)
    parts, count = struct.unpack_from("<ii", record, 36)
    bounds = [*struct.unpack_from(f"<{parts}i", record, 44), count]
    start = 44 + 4 * parts
    if bounds[0] != 0 or len(record) != start + 16 * count:
        raise DamageError(
            f"record {row + 1}: got {len(record)} bytes for {parts} parts, {count} points, expected {start + 16 * count}."
        )
    sizes = [after - before for before, after in pairwise(bounds)]
    return sizes, np.frombuffer(record, "<f8", 2 * count, start).reshape(-1, 2)

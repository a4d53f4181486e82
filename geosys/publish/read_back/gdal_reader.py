"""Read files of a package by the door of the layers, which is pyogrio with the GDAL that also wrote them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from geosys.layers.vector_files import describe_vector, geodatabase_words, read_vector, stream_vector
from geosys.publish.read_back.found import (
    DATE,
    INTEGER,
    LINE,
    NUMBER,
    PIECE_ROWS,
    POINT,
    POLYGON,
    TEXT,
    TRUTH,
    Found,
    FoundField,
    Piece,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.layers.reading import Reading
    from geosys.publish.content import ShapedLayer

READER = "pyogrio"
_KINDS = {"i": INTEGER, "u": INTEGER, "b": TRUTH, "M": DATE}
_SHAPES = {"Point": POINT, "LineString": LINE, "Polygon": POLYGON}


def read_by_pyogrio(path: Path, layer: ShapedLayer) -> Found:
    """Read one layer of a geodatabase, GeoPackage or shapefile; a shapefile's texts in the encoding its ``.cpg`` states.

    Raises
    ------
    DeliveryError
        When the file cannot be opened, has no such layer, or its texts are not in the encoding it states.
    """
    is_shapefile = path.suffix.lower() == ".shp"
    name = path.stem if is_shapefile else layer.layer.name
    cpg = path.with_suffix(".cpg")
    encoding = cpg.read_text("ascii").strip() if is_shapefile and cpg.is_file() else None
    told = describe_vector(path, name)
    aliases, domains = geodatabase_words(path, name)
    readings = _readings(path, name, encoding, layer, told.rows)
    first = next(readings, None)
    is_geodatabase = path.suffix.lower() == ".gdb"
    fields = [
        FoundField(
            field, _kind(values), aliases.get(field, field) if is_geodatabase else None, domains.get(field, {}) if is_geodatabase else None
        )
        for field, values in (first.columns.items() if first else ())
    ]  # fmt: skip
    faults = [issue.message.en for issue in (first.issues if first else ())]
    shape = _SHAPES.get((told.geometry_type or "").removeprefix("Multi"), "")
    return Found(READER, fields, told.rows, shape, told.crs, _pieces(first, readings), faults=faults)


def _readings(path: Path, name: str, encoding: str | None, layer: ShapedLayer, rows: int) -> Iterator[Reading]:
    """Yield the rows in pieces.

    All come at once where there is none (no piece would tell the fields) and where whole numbers are coded: in pieces, GDAL's
    Arrow shows titles for such codes.
    """
    if not rows or any(field.codes and field.type == INTEGER for field in layer.layer.fields):
        return iter([read_vector(path, name, encoding, ())])
    return stream_vector(path, name, encoding, PIECE_ROWS)


def _kind(values: NDArray[Any]) -> str:
    """Return the kind of a column by its array; whole numbers with gaps come as numbers, so those say nothing."""
    if values.dtype.kind == "f":
        return NUMBER if (values == values).all() else ""  # noqa: PLR0124  only NaN differs from itself
    if values.dtype.kind == "O":
        kinds = {type(value) for value in values if value is not None}
        return {str: TEXT, bool: TRUTH}.get(kinds.pop(), "") if len(kinds) == 1 else ""
    return _KINDS.get(values.dtype.kind, "")


def _pieces(first: Reading | None, rest: Iterator[Reading]) -> Generator[Piece]:
    for reading in chain([first] if first else [], rest):
        yield Piece(reading.columns, reading.geometry)

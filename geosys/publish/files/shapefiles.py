"""Write a layer as a shapefile in GBK whose fields have the types and widths of the profile, also where it has no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from geosys.layers.dbf_out import TEXT_BYTES, DbfField, field_of
from geosys.layers.vector_out import write_shapefile

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from geosys.publish.content import Field, ShapedLayer

ENCODING = "GBK"
_LETTER_BYTES = 2  # of a Chinese letter in GBK
_OPEN = (
    24,
    15,
)  # bytes and decimals of a number that the profile does not bound: it is written in as many digits as it has
_LONG = 9  # digits of a whole number without a length
_KINDS = {"text": "C", "integer": "N", "number": "N", "date": "D", "truth": "C"}
_WIDTHS = {"date": 8, "truth": 2}
_SHAPES = {"point": "Point", "line": "LineString", "polygon": "Polygon"}


@dataclass(frozen=True, slots=True)
class WideField(DbfField):
    """Hold a column that is at least so many bytes wide."""

    least: int = 1

    @property
    def width(self) -> int:
        """Return the width of the field in bytes."""
        return max(self.least, max(map(len, self.cells), default=1))


def write_layer(path: Path, shaped: ShapedLayer, day: dt.date) -> None:
    """Write a layer with .cpg, .prj and the dictionary of its names.

    A text has two bytes a letter, at most 254; a number its digits and the point; truth is 是 or 否.

    Raises
    ------
    LossError
        When the format cannot hold a value, as a letter that GBK lacks; with all that is lost.
    """
    fields = [dbf_field(field, shaped.frame[field.name]) for field in shaped.layer.fields]
    names = {field.name: field.name for field in shaped.layer.fields}
    kind = _SHAPES[shaped.layer.geometry]
    write_shapefile(path, shaped.frame, names, ENCODING, day=day, fields=fields, kind=kind)


def dbf_field(field: Field, values: pd.Series) -> WideField:
    """Return a column as the profile wants it in a DBF.

    Examples
    --------
    >>> from geosys._text import Text
    >>> from geosys.publish.content import Field
    >>> made = dbf_field(Field("MJ", Text("面积", "Area"), "number", 15, 2), pd.Series([1.5, None]))
    >>> made.kind, made.width, made.decimals, made.cells
    ('N', 16, 2, (b'1.50', b''))
    """
    cells = [None if pd.isna(v) else v for v in values.astype(object)]
    if field.type == "integer":
        made = field_of(field.title.zh, field.name, pd.Series(cells, dtype=object), ENCODING.lower())
        return _wide(field, made.cells, field.length or _LONG, 0, made)
    if field.type == "number":
        return _number(field, cells)
    made = field_of(field.title.zh, field.name, pd.Series(cells, dtype=object), ENCODING.lower())
    length = _WIDTHS.get(field.type) or min(TEXT_BYTES, _LETTER_BYTES * field.length or TEXT_BYTES)
    return _wide(field, made.cells, length, 0, made)


def _number(field: Field, cells: list[float | None]) -> WideField:
    if not field.length:
        texts = tuple(b"" if v is None else repr(float(v)).encode() for v in cells)
        return WideField(field.title.zh, field.name, "F", _OPEN[1], texts, least=_OPEN[0])
    texts = tuple(b"" if v is None else f"{v:.{field.decimals}f}".encode() for v in cells)
    return WideField(field.title.zh, field.name, "N", field.decimals, texts, least=field.length + bool(field.decimals))


def _wide(field: Field, cells: tuple[bytes, ...], least: int, decimals: int, made: DbfField) -> WideField:
    """Return a column in its kind; one that could only be written as text stays one, with the loss that says so."""
    kind = _KINDS[field.type] if not any(loss.kind in {"long_integer", "mixed_types"} for loss in made.losses) else "C"
    return WideField(field.title.zh, field.name, kind, decimals, cells, made.losses, least)

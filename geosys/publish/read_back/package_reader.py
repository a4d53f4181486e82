"""Read a GeoPackage with nothing but SQLite and shapely: tables, titles, coded values, and each geometry's own head.

Source: OGC 12-128r14, GeoPackage Encoding Standard 1.2: tables 1-4, clause 2.1.3 (geometry), annex F.9 (schema).
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

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
    DamageError,
    Found,
    FoundField,
    Piece,
    objects,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys.publish.content import ShapedLayer

READER = f"plain reader of GeoPackage (SQLite {sqlite3.sqlite_version}, shapely {shapely.__version__})"
_APPLICATION = 0x47504B47
_VERSION = 10200
_KINDS = {
    "BOOLEAN": TRUTH, "TINYINT": INTEGER, "SMALLINT": INTEGER, "MEDIUMINT": INTEGER, "INT": INTEGER, "INTEGER": INTEGER,
    "FLOAT": NUMBER, "DOUBLE": NUMBER, "REAL": NUMBER, "TEXT": TEXT, "DATE": DATE,
}  # fmt: skip
_SHAPES = {"POINT": POINT, "MULTIPOINT": POINT, "LINESTRING": LINE, "MULTILINESTRING": LINE, "POLYGON": POLYGON, "MULTIPOLYGON": POLYGON}  # fmt: skip
_EMPTY, _LITTLE = 0b10000, 0b1
_BOXES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def read_package(path: Path, layer: ShapedLayer) -> Found:
    """Read one layer of a GeoPackage 1.2.

    Raises
    ------
    DamageError
        When the file is no sound GeoPackage 1.2 or has no such layer.
    """
    name = layer.layer.name
    with closing(_open(path)) as base:
        marks = (_value(base, "PRAGMA application_id"), _value(base, "PRAGMA user_version"))
        state = _value(base, "PRAGMA integrity_check")
        if marks != (_APPLICATION, _VERSION) or state != "ok":
            raise DamageError(
                f"{path.name}: got marks {marks} and '{state}', expected {(_APPLICATION, _VERSION)} and 'ok'."
            )
        layers = [row[0] for row in base.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")]
        if name not in layers:
            raise DamageError(f"{path.name}: got the layers {', '.join(layers)}, expected {name}.")
        (title,) = base.execute("SELECT identifier FROM gpkg_contents WHERE table_name = ?", (name,)).fetchone()
        column, shape, srs = base.execute(
            "SELECT column_name, geometry_type_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
        ).fetchone()
        described = base.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
        fields = _fields(base, name, [(c[1], c[2]) for c in described if c[1] != column and not c[5]])
        key = next(c[1] for c in described if c[5])
        rows = _value(base, f"SELECT count(*) FROM {_quoted(name)}")  # noqa: S608  names are quoted
        crs = _crs(base, srs)
    pieces = _pieces(path, name, key, column, [field.name for field in fields], srs)
    return Found(READER, fields, rows, _SHAPES.get(shape.upper(), ""), crs, pieces, title, layers)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _value(base: sqlite3.Connection, question: str) -> Any:
    return base.execute(question).fetchone()[0]


def _crs(base: sqlite3.Connection, srs: int) -> str | None:
    found = base.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (srs,)
    ).fetchone()
    if found is None or srs <= 0:
        return None
    return f"{found[0]}:{found[1]}" if found[0].upper() == "EPSG" else str(found[2])


def _fields(base: sqlite3.Connection, layer: str, columns: Sequence[tuple[str, str]]) -> list[FoundField]:
    """Return fields with the titles and coded values of the schema extension where the file has it."""
    tables = {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    told: dict[str, tuple[str | None, str | None]] = {}
    codes: dict[str, dict[str, str]] = {}
    if "gpkg_data_columns" in tables:
        question = "SELECT column_name, title, constraint_name FROM gpkg_data_columns WHERE table_name = ?"
        told = {row[0]: (row[1], row[2]) for row in base.execute(question, (layer,))}
    if "gpkg_data_column_constraints" in tables:
        question = "SELECT constraint_name, value, description FROM gpkg_data_column_constraints WHERE constraint_type = 'enum'"
        for constraint, value, description in base.execute(question):
            codes.setdefault(constraint, {})[str(value)] = str(description)
    fields = []
    for name, kind in columns:
        title, constraint = told.get(name, (None, None))
        coded = codes.get(constraint or "", {})
        fields.append(FoundField(name, _KINDS.get(kind.upper().partition("(")[0].strip(), ""), title or "", coded))
    return fields


def _pieces(path: Path, layer: str, key: str, column: str, fields: Sequence[str], srs: int) -> Generator[Piece]:
    names = ", ".join(_quoted(name) for name in [column, *fields])
    with closing(_open(path)) as base:
        rows = base.execute(f"SELECT {names} FROM {_quoted(layer)} ORDER BY {_quoted(key)}")  # noqa: S608  names are quoted
        first = 0
        while some := rows.fetchmany(PIECE_ROWS):
            turned = list(zip(*some, strict=True))
            columns = {name: objects(values) for name, values in zip(fields, turned[1:], strict=True)}
            yield Piece(columns, _geometries(turned[0], srs, layer, first))
            first += len(some)


def _geometries(blobs: Sequence[bytes | None], srs: int, layer: str, first: int) -> NDArray[np.object_]:
    bodies: list[bytes | None] = []
    boxes = np.full((len(blobs), 4), np.nan)
    for row, blob in enumerate(blobs):
        if blob is None:
            bodies.append(None)
            continue
        where = f"{layer} row {first + row + 1}"
        flags = blob[3] if len(blob) > 8 else 0  # noqa: PLR2004
        order = "<" if flags & _LITTLE else ">"
        size = _BOXES.get((flags >> 1) & 0b111)
        if blob[:3] != b"GP\0" or size is None or struct.unpack_from(f"{order}i", blob, 4)[0] != srs:
            raise DamageError(
                f"{where}: got the geometry's head {blob[:8].hex()}, expected GP, version 0 and CRS {srs}."
            )
        if size and not flags & _EMPTY:
            boxes[row] = struct.unpack_from(f"{order}4d", blob, 8)
        bodies.append(blob[8 + size :])
    shapes = np.asarray(shapely.from_wkb(objects(bodies)), dtype=object)
    stated = ~np.isnan(boxes).any(axis=1)
    wrong = np.flatnonzero(stated & (shapely.bounds(shapes)[:, [0, 2, 1, 3]] != boxes).any(axis=1))
    if len(wrong):
        raise DamageError(
            f"{layer} row {first + wrong[0] + 1}: got the box {boxes[wrong[0]]}, expected that of its geometry."
        )
    return shapes

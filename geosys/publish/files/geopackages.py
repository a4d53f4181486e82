"""Write a GeoPackage 1.2 whose columns have titles and lists of codes: its schema extension.

Source: OGC 12-128r14 (GeoPackage 1.2), F.9 Schema; 2.3 Extension Mechanism.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from geosys._errors import GeoSysError
from geosys.layers.vector_files import write_columns
from geosys.publish.files.columns import GEOPACKAGE, columns_of, crs_of, geometry_kind, wkb_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from geosys.publish.content import ProfileLayer, ShapedLayer

_TABLES = """
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name)
);
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT,
  min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
);
"""
_EXTENSION = ("gpkg_schema", "http://www.geopackage.org/spec120/#extension_schema", "read-write")
_OURS = ("gpkg_data_columns", "gpkg_data_column_constraints")


def write_geopackage(path: Path, shaped: Sequence[ShapedLayer], day: dt.date) -> None:
    """Write layers into a new GeoPackage, the same bytes for the same layers and day; one that stands there is replaced.

    A table's name is that of the layer, its identifier the Chinese title; so are names and titles of columns. A code list
    is an enumeration with the titles of its codes.

    Raises
    ------
    GeoSysError
        When the file is not sound after it was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    identifiers = Counter(one.layer.title.zh for one in shaped)
    for one in shaped:
        name, title = one.layer.name, one.layer.title.zh
        options = {"IDENTIFIER": title if identifiers[title] == 1 else f"{title} {name}"}
        write_columns(
            path, name, columns_of(one, GEOPACKAGE, {}), wkb_of(one), geometry_kind(one), crs_of(one), GEOPACKAGE, options,
            day.isoformat(),
        )  # fmt: skip
    if shaped:
        _describe(path, [one.layer for one in shaped])


def _describe(path: Path, layers: Sequence[ProfileLayer]) -> None:
    """Write titles and code lists of the columns, and that the extension is used."""
    with closing(sqlite3.connect(path)) as base:
        base.executescript(_TABLES)
        with base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, "
                "definition TEXT NOT NULL, scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))"
            )
            base.executemany(
                "INSERT INTO gpkg_extensions VALUES (?, NULL, ?, ?, ?)", [(table, *_EXTENSION) for table in _OURS]
            )
            lists: dict[tuple[tuple[str, str], ...], str] = {}
            rows = [row for layer in layers for row in _rows(layer, lists)]
            base.executemany("INSERT INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, ?)", rows)
            base.executemany(
                "INSERT INTO gpkg_data_column_constraints VALUES (?, 'enum', ?, NULL, NULL, NULL, NULL, ?)",
                [(name, code, title) for codes, name in lists.items() for code, title in codes],
            )
        state = base.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            raise GeoSysError(
                f"{path.name}: got a file that SQLite finds damaged ({state}), expected a sound one. Look at the disk; write it again."
            )


def _rows(layer: ProfileLayer, lists: dict[tuple[tuple[str, str], ...], str]) -> Iterator[tuple[str | None, ...]]:
    """Yield table, column, name, title, description and list of each column; equal lists are kept once in `lists`.

    The name must differ within a table: a title that stands twice has its column behind it.
    """
    titles = Counter(field.title.zh for field in layer.fields)
    for field in layer.fields:
        zh, en = field.title.zh, field.title.en
        codes = tuple((code, title.zh) for code, title in field.codes.items())
        if codes and codes not in lists:
            lists[codes] = field.name if field.name not in lists.values() else f"{layer.name}_{field.name}"
        yield layer.name, field.name, zh if titles[zh] == 1 else f"{zh} {field.name}", zh, en, lists.get(codes)

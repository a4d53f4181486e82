"""Read a layer of a file geodatabase without GDAL: its catalogue, its table, its geometries, its aliases and domains."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from geosys.layers.domains import domains_in
from geosys.publish.read_back.found import PIECE_ROWS, DamageError, Found, FoundField, Piece, objects
from geosys.publish.read_back.gdb_shapes import shapes_of
from geosys.publish.read_back.gdb_table import KINDS, open_table, rows_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from geosys.publish.content import ShapedLayer
    from geosys.publish.read_back.gdb_table import Table

READER = "plain reader of .gdbtable"
_CATALOGUE, _ITEMS, _OWN = "a00000001.gdbtable", "GDB_Items", "GDB_"


def read_geodatabase(path: Path, layer: ShapedLayer) -> Found:
    """Read one layer of a file geodatabase.

    Raises
    ------
    DamageError
        When the catalogue has no such layer, or a table is damaged.
    """
    files = _catalogue(path)
    layers = [name for name in files if not name.startswith(_OWN)]
    name = layer.layer.name
    if name not in files or _ITEMS not in files:
        raise DamageError(f"{path.name}: got the layers {', '.join(layers)}, expected {name} and the table of items.")
    items = _items(open_table(files[_ITEMS]))
    domains = domains_in(items, name)
    table = open_table(files[name])
    place = next((c for c in table.columns if c.grid is not None), None)
    if place is None or place.grid is None:
        raise DamageError(f"{path.name} {name}: got a table without geometry, expected one with.")
    fields = [
        FoundField(c.name, KINDS[c.code], c.alias, domains.get(c.name, {})) for c in table.columns if c.code in KINDS
    ]
    title = _layer_title(next((text for item, text in items if item == name), ""))
    return Found(READER, fields, len(table.offsets), table.shape, place.crs, _pieces(table), title, layers)


def _catalogue(path: Path) -> dict[str, Path]:
    """Return the file of each table of a geodatabase; the row's number in the catalogue is the file's."""
    table = open_table(path / _CATALOGUE)
    at = [c.name for c in table.columns].index("Name")
    rows = rows_of(table, 0, len(table.offsets))
    return {row[at]: path / f"a{number:08x}.gdbtable" for number, row in zip(table.numbers, rows, strict=True)}


def _items(table: Table) -> list[tuple[str, str]]:
    names = [c.name for c in table.columns]
    name, definition = names.index("Name"), names.index("Definition")
    rows = list(rows_of(table, 0, len(table.offsets)))
    return [(row[name], row[definition]) for row in rows if row[name] and row[definition]]


def _layer_title(definition: str) -> str:
    """Return the alias of a layer, which stands beside its fields, not within them."""
    beside = re.sub(r"(?s)<GPFieldInfoExs.*</GPFieldInfoExs>", "", definition)
    found = re.search(r"<AliasName>([^<]*)</AliasName>", beside)
    return html.unescape(found[1]) if found else ""


def _pieces(table: Table) -> Generator[Piece]:
    at = next(i for i, c in enumerate(table.columns) if c.grid is not None)
    grid = table.columns[at].grid
    for first in range(0, len(table.offsets), PIECE_ROWS):
        stop = min(first + PIECE_ROWS, len(table.offsets))
        turned = list(zip(*rows_of(table, first, stop), strict=True))
        columns = {c.name: objects(v) for c, v in zip(table.columns, turned, strict=True) if c.code in KINDS}
        try:
            shapes = shapes_of(turned[at], grid) if grid is not None else objects([None] * (stop - first))
        except DamageError as error:
            raise DamageError(f"{table.path.name}, rows from {first + 1}: {error}") from None
        yield Piece(columns, shapes)

"""Read GeoPackage, Shapefile, File Geodatabase and GeoJSON: the one door to pyogrio."""

from __future__ import annotations

import html
import re
import struct
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely

from geosys._errors import DeliveryError
from geosys.layers.reading import Reading, choose_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

_HEADER_END = 0x0D
_DELETED = 0x2A


def read_vector(path: Path, table: str | None, encoding: str | None, _words: Sequence[str]) -> Reading:
    """Read one layer of a vector file with its CRS, geometry and, for a geodatabase, its field aliases.

    Raises
    ------
    DeliveryError
        When the file cannot be opened, the layer is absent or not named although there are several, or the
        text encoding is neither UTF-8 nor GB18030.
    """
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        name = choose_table(path.name, layers, layers, table)
        evidence = ""
        if path.suffix.lower() == ".shp" and encoding is None:
            encoding, evidence = settle_dbf_encoding(path.with_suffix(".dbf"))
        meta, _, wkb, values = pyogrio.raw.read(path, layer=name, encoding=encoding, datetime_as_string=False)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        OSError,
        ValueError,
        RuntimeError,
        struct.error,
    ) as error:
        raise DeliveryError(
            f"{path.name}: got a file GDAL cannot read ({error}), expected {path.suffix.lower()[1:]}. "
            "Open it in a GIS; ask the sender for a complete copy."
        ) from None
    columns = {str(f): np.asarray(v) for f, v in zip(meta["fields"], values, strict=True)}
    geometry = None if meta["geometry_type"] is None or wkb is None else _parse(wkb)
    titles = _aliases(path, name) if path.suffix.lower() == ".gdb" else {}
    size = len(geometry) if geometry is not None else len(next(iter(columns.values()), []))
    return Reading(name, columns, geometry, meta["crs"], titles, tuple(range(1, size + 1)), evidence)


def _parse(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries from WKB, linear and two-dimensional; what cannot be parsed becomes missing."""
    parsed = shapely.from_wkb(wkb, on_invalid="ignore")
    return np.asarray(shapely.force_2d(parsed), dtype=object)


def _aliases(path: Path, layer: str) -> dict[str, str]:
    """Return the field aliases a file geodatabase keeps in its system table."""
    try:
        _, _, _, values = pyogrio.raw.read(path, layer="GDB_Items", columns=["Name", "Definition"], read_geometry=False)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return {}
    for name, definition in zip(*values, strict=True):
        if name == layer and definition:
            found = re.findall(r"<Name>([^<]*)</Name>\s*<AliasName>([^<]*)</AliasName>", definition)
            return {html.unescape(field): html.unescape(alias) for field, alias in found if alias and alias != field}
    return {}


def settle_dbf_encoding(path: Path) -> tuple[str | None, str]:
    """Return the encoding of a DBF judged on its bytes, and the evidence in words.

    Strict UTF-8 is tried first on every name and value, then GB18030: Chinese text in GBK is almost never
    valid UTF-8. The .cpg and the language byte are not trusted. A value cut in the middle of a character at
    the field's full width does not count against an encoding.

    Raises
    ------
    DeliveryError
        When neither fits all values.
    """
    if not path.exists():
        return None, "no .dbf"
    cells = _dbf_cells(path.read_bytes())
    if all(cell.isascii() for cell, _ in cells):
        return "UTF-8", "plain ASCII"
    failures = {name: sum(not _decodes(cell, name, full=full) for cell, full in cells) for name in ("UTF-8", "GB18030")}
    for name in ("UTF-8", "GB18030"):
        if failures[name] == 0:
            return name, f"{name}: all {len(cells)} texts decode; failures {failures}"
    raise DeliveryError(
        f"{path.name}: got texts that are neither UTF-8 ({failures['UTF-8']} failures) nor GB18030 ({failures['GB18030']}), "
        "expected one of them throughout. Name the encoding with 'encoding', or ask for the file again."
    )


def _dbf_cells(data: bytes) -> list[tuple[bytes, bool]]:
    """Return the names and distinct text values of a DBF, each with whether it fills its field."""
    count, header, length = struct.unpack("<IHH", data[4:12])
    fields, offset, at = [], 1, 32
    while at + 32 <= header and data[at] != _HEADER_END:
        name, kind, size = data[at : at + 11].split(b"\0")[0], data[at + 11 : at + 12], data[at + 16]
        fields.append((name, kind, offset, size))
        offset, at = offset + size, at + 32
    cells = {(name, len(name) >= 10) for name, *_ in fields}  # noqa: PLR2004  DBF names hold ten bytes
    for row in range(count):
        record = data[header + row * length : header + (row + 1) * length]
        if record[:1] != bytes([_DELETED]):
            for _, kind, start, size in fields:
                if kind == b"C":
                    raw = record[start : start + size]
                    cells.add((raw.rstrip(b" \0"), len(raw.rstrip(b" \0")) >= size - 3))
    return sorted(cells)


def _decodes(cell: bytes, encoding: str, *, full: bool) -> bool:
    """Say whether a value decodes; one that fills its field may lose up to three bytes of its last character."""
    for cut in range(4 if full else 1):
        try:
            cell[: len(cell) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def write_geopackage(path: Path, tables: dict[str, gpd.GeoDataFrame], day: str) -> None:
    """Write layers into one GeoPackage 1.2, the same bytes for the same content; `day` (ISO) is its date of change.

    The file appears whole or not at all.
    """
    part = path.with_name(f"{path.stem}.part.gpkg")
    part.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day}T00:00:00.000Z", "OGR_SQLITE_SYNCHRONOUS": "OFF"})
    try:
        for name, frame in tables.items():
            options = {
                "layer": name,
                "driver": "GPKG",
                "append": part.exists(),
                "dataset_options": {"VERSION": "1.2"},
            }
            pyogrio.write_dataframe(frame, part, **options)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None, "OGR_SQLITE_SYNCHRONOUS": None})
    part.replace(path)

"""Which tables a delivered file holds, without reading their rows where the file's own lists tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geosys._errors import DeliveryError
from geosys.layers import tables, vector_files
from geosys.layers.boundary_reading import read_boundary_file
from geosys.layers.drawings import read_drawing
from geosys.layers.placemarks import read_placemarks
from geosys.layers.shapefile_parts import KINDS, find_parts, read_head
from geosys.layers.sheet_marks import check_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geosys.layers.reading import Reading

# the two packages stay behind their doors
_gdal: Any = vector_files.pyogrio  # type: ignore[attr-defined]
_calamine: Any = tables.python_calamine  # type: ignore[attr-defined]

UNKNOWN = -1  # rows, where the file does not tell
_SYSTEM_TABLES = ("GDB_",)
_CHUNK = 1 << 20
_KINDS = {"point": "point", "multipoint": "point", "linestring": "line", "multilinestring": "line"} | {
    "polygon": "polygon", "multipolygon": "polygon",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Describe one table of a delivered file.

    Attributes
    ----------
    name
        What `table` of a delivery names: a layer or sheet, in an archive or folder the path inside it.
    format
        The suffix without its dot.
    rows
        As the file counts them (a ledger's title and header rows included), −1 where it does not.
    geometry
        point, line or polygon; empty where the table has none or it varies.
    is_hidden
        Whether the sender has hidden it (a hidden sheet): it is taken in only where it is named.
    """

    name: str
    format: str
    rows: int
    geometry: str
    is_hidden: bool = False


def list_layers(path: Path) -> list[Table]:
    """Return the layers of a GeoPackage or geodatabase.

    Raises
    ------
    DeliveryError
        When the file cannot be opened.
    """
    try:
        names = [str(name) for name in _gdal.list_layers(path)[:, 0]]
        found = [(name, _gdal.read_info(path, layer=name)) for name in names]
    except (
        _gdal.errors.DataSourceError,
        _gdal.errors.DataLayerError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise DeliveryError(
            f"{path.name}: got a file GDAL cannot read ({error}), expected {path.suffix.lower()[1:]}. "
            "Open it in a GIS; ask the sender for a complete copy."
        ) from None
    kind = path.suffix.lower()[1:]
    return [
        Table(name, kind, int(info.get("features", UNKNOWN)), _kind(info))
        for name, info in found
        if not name.startswith(_SYSTEM_TABLES)
    ]


def list_collection(path: Path) -> list[Table]:
    """Return the one layer of a GeoJSON; only reading it tells what it is called and in which encoding."""
    reading = vector_files.read_vector(path, None, None, ())
    shapes = set() if reading.geometry is None else {g.geom_type.lower() for g in reading.geometry if g is not None}
    kinds = {_KINDS.get(kind, "") for kind in shapes}
    return [Table(reading.table, path.suffix.lower()[1:], reading.size, kinds.pop() if len(kinds) == 1 else "")]


def _kind(info: dict[str, Any]) -> str:
    """Return point, line or polygon of what GDAL calls a layer's type."""
    return _KINDS.get(str(info.get("geometry_type") or "").lower().split()[-1] if info.get("geometry_type") else "", "")


def list_shapefile(path: Path) -> list[Table]:
    """Return the one table of a shapefile, counted by its index."""
    kind, _ = read_head(path)
    index = find_parts(path).get(".shx")
    rows = max(0, (index.stat().st_size - 100) // 8) if index else UNKNOWN
    return [Table(path.stem, "shp", rows, KINDS[kind] if KINDS[kind] != "none" else "")]


def list_sheets(path: Path) -> list[Table]:
    """Return the sheets of a workbook that hold rows, the hidden ones marked.

    Raises
    ------
    DeliveryError
        When the workbook cannot be opened.
    """
    check_size(path)  # one stray cell at the far corner would take all memory
    try:
        book = _calamine.CalamineWorkbook.from_path(str(path))
        found = []
        for meta in book.sheets_metadata:
            rows = (book.get_sheet_by_name(meta.name).end or (-1, -1))[0] + 1
            is_shown = meta.visible == _calamine.SheetVisibleEnum.Visible
            if rows or len(book.sheets_metadata) == 1:
                found.append(Table(meta.name, path.suffix.lower()[1:], int(rows), "", not is_shown))
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DeliveryError(
            f"{path.name}: got a file that is no workbook ({error}), expected Excel. Save it again as .xlsx."
        ) from None
    return found


def list_lines(path: Path) -> list[Table]:
    """Return the one table of a CSV; its rows are the lines of the file."""
    with path.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(_CHUNK), b""))
    return [Table(path.stem, "csv", lines, "")]


def _by_reading(read: Callable[..., Reading], geometry: str) -> Callable[[Path], list[Table]]:
    """Return a lister that reads the whole file: its format keeps no list."""

    def listed(path: Path) -> list[Table]:
        return [Table(path.stem, path.suffix.lower()[1:], read(path, None, None, ()).size, geometry)]

    return listed


LISTERS: dict[str, Callable[[Path], list[Table]]] = {
    ".csv": list_lines,
    ".dxf": _by_reading(read_drawing, "polygon"),
    ".gdb": list_layers,
    ".geojson": list_collection,
    ".gpkg": list_layers,
    ".json": list_collection,
    ".kml": _by_reading(read_placemarks, ""),
    ".shp": list_shapefile,
    ".txt": _by_reading(read_boundary_file, "polygon"),
    ".xls": list_sheets,
    ".xlsx": list_sheets,
}

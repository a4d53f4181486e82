"""Read GeoPackage, Shapefile, File Geodatabase and GeoJSON: the one door to pyogrio."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely

from geosys._errors import DeliveryError, GeoSysError
from geosys._text import Text
from geosys.layers.dbf import BYTES, DbfText, decode_cell, decode_column, hint_issues, settle_dbf
from geosys.layers.dictionary import full_names
from geosys.layers.domains import aliases_in, domains_in, told
from geosys.layers.encodings import check_known, decode_data, judge_encoding
from geosys.layers.mojibake import mend_mojibake
from geosys.layers.reading import Reading, choose_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray


def read_vector(path: Path, table: str | None, encoding: str | None, words: Sequence[str]) -> Reading:
    """Read one layer of a vector file with its CRS, geometry and, for a geodatabase, its field aliases.

    Raises
    ------
    DeliveryError
        When the file cannot be opened, the layer is absent or not named although there are several, or the
        encoding of its texts is unclear.
    """
    try:
        source, text = _source(path, encoding, words)
        is_made = isinstance(source, bytes)  # GDAL names its layer anew each time it is opened
        layers = [path.stem] if is_made else [str(name) for name in pyogrio.list_layers(source)[:, 0]]
        name = choose_table(path.name, layers, layers, table)
        is_shapefile = path.suffix.lower() == ".shp"
        text = settle_dbf(path, encoding, words) if is_shapefile else text
        meta, wkb, columns = _read_columns(source, 0 if is_made else name, BYTES if is_shapefile else None)
        if not is_shapefile and meta["encoding"] == BYTES:
            text = _judge_columns(path, columns, encoding, words)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise DeliveryError(
            f"{path.name}: got a file GDAL cannot read ({error}), expected {path.suffix.lower()[1:]}. "
            "Open it in a GIS; ask the sender for a complete copy."
        ) from None
    named = _decoded(columns, text) if meta["encoding"] == BYTES else dict(columns)
    geometry = None if meta["geometry_type"] is None or wkb is None else _parse(wkb)
    titles, domains = (full_names(path), {}) if is_shapefile else geodatabase_words(path, name)
    size = len(geometry) if geometry is not None else len(next(iter(named.values()), []))
    evidence = "; ".join(filter(None, (text.evidence.en, told(domains))))
    lines = tuple(range(1, size + 1))
    return mend_mojibake(Reading(name, named, geometry, meta["crs"], titles, lines, evidence, issues=text.issues))


Columns = list[tuple[str, "NDArray[np.object_]"]]
_BY_LAW = {"format": "UTF-8"}


def _source(path: Path, encoding: str | None, words: Sequence[str]) -> tuple[Path | bytes, DbfText]:
    """Return what GDAL is to read, and the evidence: a GeoJSON in another encoding than UTF-8 is turned into it before.

    The second byte of a letter in GBK may be a brace or a backslash, so that GDAL would read another structure.
    """
    if encoding is not None:
        check_known(encoding, path.name)
    silent = DbfText(None, Text("", ""))
    if path.suffix.lower() not in (".geojson", ".json") or not path.is_file():
        return path, silent
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text, verdict = decode_data(data, path.name, encoding, words, _BY_LAW)
        return text.encode("utf-8"), DbfText(None, verdict.evidence, issues=tuple(hint_issues(verdict)))
    return path, silent


def _read_columns(
    source: Path | bytes, layer: str | int, encoding: str | None
) -> tuple[dict[str, Any], NDArray[np.object_] | None, Columns]:
    """Return meta, geometry as WKB, and the columns; texts that are not UTF-8 are read as `BYTES` to be judged."""
    try:
        meta, _, wkb, values = pyogrio.raw.read(source, layer=layer, encoding=encoding)
    except UnicodeDecodeError:
        encoding = BYTES
        meta, _, wkb, values = pyogrio.raw.read(source, layer=layer, encoding=BYTES)
    columns = [(str(f), np.asarray(v)) for f, v in zip(meta["fields"], values, strict=True)]
    return {**meta, "encoding": encoding}, wkb, columns


def _judge_columns(path: Path, columns: Columns, encoding: str | None, words: Sequence[str]) -> DbfText:
    """Return the encoding of texts that a format stores as UTF-8 by its own law and that are not."""
    texts = [v for _, values in columns if values.dtype == object for v in values if isinstance(v, str)]
    cells = {(text.encode("latin-1"), False) for text in texts}
    verdict = judge_encoding(cells, _BY_LAW, words, name=path.name, stated=encoding)
    names = []
    for name, _ in columns:
        raw = name.encode("latin-1")
        try:
            names.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            names.append(decode_cell(name, verdict.encoding))
    return DbfText(verdict.encoding, verdict.evidence, tuple(names), tuple(hint_issues(verdict)))


def _decoded(columns: Columns, text: DbfText) -> dict[str, NDArray[np.object_]]:
    """Return the columns under their true names with their texts decoded."""
    if text.encoding is None:
        return dict(columns)
    names = text.names if len(text.names) == len(columns) else [decode_cell(n, text.encoding) for n, _ in columns]
    return {n: decode_column(values, text.encoding) for n, (_, values) in zip(names, columns, strict=True)}


def _parse(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries from WKB, linear and two-dimensional; what cannot be parsed becomes missing."""
    parsed = shapely.from_wkb(wkb, on_invalid="ignore")
    return np.asarray(shapely.force_2d(parsed), dtype=object)


def geodatabase_words(path: Path, layer: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return what a file geodatabase tells of a layer's columns: aliases, and the titles of codes, both by column."""
    if path.suffix.lower() != ".gdb":
        return {}, {}
    try:
        _, _, _, values = pyogrio.raw.read(path, layer="GDB_Items", columns=["Name", "Definition"], read_geometry=False)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError):
        return {}, {}
    items = [(str(name), str(definition)) for name, definition in zip(*values, strict=True) if name and definition]
    return aliases_in(items, layer), domains_in(items, layer)


@contextmanager
def _dated(day: str) -> Iterator[None]:
    """Let a GeoPackage written inside have a day (ISO) as its date of change, so that its bytes hang on its content."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day}T00:00:00.000Z", "OGR_SQLITE_SYNCHRONOUS": "OFF"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None, "OGR_SQLITE_SYNCHRONOUS": None})


def write_geopackage(path: Path, tables: dict[str, gpd.GeoDataFrame], day: str) -> None:
    """Write layers into one GeoPackage 1.2, the same bytes for the same content; `day` (ISO) is its date of change.

    The file appears whole or not at all.
    """
    part = path.with_name(f"{path.stem}.part.gpkg")
    part.unlink(missing_ok=True)
    with _dated(day):
        for name, frame in tables.items():
            options = {
                "layer": name,
                "driver": "GPKG",
                "append": part.exists(),
                "dataset_options": {"VERSION": "1.2"},
            }
            pyogrio.write_dataframe(frame, part, **options)
    part.replace(path)


def write_shapes(path: Path, geometry: NDArray[np.object_], kind: str, crs: object) -> None:
    """Write the geometry of a shapefile with its .prj; its table holds nothing and is to be replaced."""
    pyogrio.raw.write(
        path, shapely.to_wkb(geometry), [np.zeros(len(geometry), dtype=np.int32)], ["n"], geometry_type=kind, driver="ESRI Shapefile",
        crs=None if crs is None else crs.to_wkt() if hasattr(crs, "to_wkt") else str(crs), encoding="UTF-8",
    )  # fmt: skip


_MULTI = {
    "MultiPoint": shapely.MultiPoint,
    "MultiLineString": shapely.MultiLineString,
    "MultiPolygon": shapely.MultiPolygon,
}


def write_layer(
    path: Path, layer: str, frame: gpd.GeoDataFrame, driver: str, aliases: Mapping[str, str], options: Mapping[str, str]
) -> None:
    """Add a layer to a file (made where it is absent) with an alias for each column: GDAL takes them from Arrow's fields."""
    shape = frame.geometry.name
    kinds = set(frame.geometry.geom_type.dropna())
    shapes = frame.geometry.to_numpy()
    plain = {name.removeprefix("Multi") for name in kinds}
    kind = kinds.pop() if len(kinds) == 1 else f"Multi{plain.pop()}" if len(plain) == 1 else "Unknown"
    if kind.startswith("Multi"):
        make = _MULTI[kind]
        shapes = np.array(
            [s if s is None or s.geom_type == kind else make([s]) for s in shapes] + [None], dtype=object
        )[:-1]
    table = pa.Table.from_pandas(frame.drop(columns=shape), preserve_index=False)
    fields = [
        f.with_metadata({"GDAL:OGR:alternative_name": aliases[f.name]} if f.name in aliases else None)
        for f in table.schema
    ]
    named = pa.Table.from_arrays(table.columns, schema=pa.schema(fields))
    crs = None if frame.crs is None else frame.crs.to_wkt()
    write_columns(path, layer, named, shapely.to_wkb(shapes), kind, crs, driver, options)


def write_columns(
    path: Path,
    layer: str,
    columns: pa.Table,
    wkb: NDArray[np.object_],
    kind: str,
    crs: str | None,
    driver: str,
    options: Mapping[str, str],
    day: str = "1970-01-01",
) -> None:
    """Add a layer to a file, made where it is absent, with the types of its columns as they are, also where it has no row.

    Parameters
    ----------
    columns : a field's metadata may say `GDAL:OGR:alternative_name` (its alias) and `GDAL:OGR:width` (most letters of a text).
    wkb : the geometry of each row, None where it has none.
    kind : the layer's type of geometry, as in ``MultiPolygon``.
    options : of the layer. A GeoPackage is of version 1.2, and `day` (ISO) is its date of change.
    """
    fields = [*columns.schema, pa.field("wkb_geometry", pa.binary())]
    arrays = [*columns.columns, pa.array(wkb, pa.binary())]
    with _dated(day):
        pyogrio.raw.write_arrow(
            pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, layer=layer, driver=driver,
            geometry_name="wkb_geometry", geometry_type=kind, crs=crs, append=path.exists(), layer_options=dict(options),
            dataset_options={"VERSION": "1.2"} if driver == "GPKG" else None,
        )  # fmt: skip


def place_of_gdal() -> tuple[Path, str]:
    """Return where the package that brings GDAL's library is installed, and the version of that GDAL."""
    return Path(pyogrio.__file__).parent, str(pyogrio.__gdal_version_string__)


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Describe one layer of a vector file; `extent` is west, south, east, north in its CRS where the file states it."""

    name: str
    rows: int
    geometry_type: str | None
    crs: str | None
    extent: tuple[float, float, float, float] | None


def describe_vector(path: Path, table: str | None) -> VectorTable:
    """Say what a layer of a vector file holds, without reading its rows.

    Raises
    ------
    DeliveryError
        As `read_vector`.
    """
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        name = choose_table(path.name, layers, layers, table)
        info = pyogrio.read_info(path, layer=name, force_feature_count=True)
    except _TROUBLE as error:
        raise _unreadable(path, error) from None
    extent = info["total_bounds"]
    return VectorTable(
        name, int(info["features"]), info["geometry_type"], info["crs"], None if extent is None else tuple(extent)
    )


def stream_vector(
    path: Path, table: str | None, encoding: str | None, batch_rows: int, words: Sequence[str] = ()
) -> Iterator[Reading]:
    """Yield one layer of a geopackage, shapefile or geodatabase as readings of at most `batch_rows` rows.

    Names, values and geometry are those that `read_vector` gives; records and lines count through the whole file, and
    what is said of the whole file is said with the first rows.

    Raises
    ------
    DeliveryError
        As `read_vector`, also in the middle of a file.
    UnicodeDecodeError
        When texts are not in the encoding that the format demands: only the whole column can be judged then.
    """
    if encoding is not None:
        check_known(encoding, path.name)
    is_shapefile = path.suffix.lower() == ".shp"
    name = describe_vector(path, table).name
    text = settle_dbf(path, encoding, words) if is_shapefile else DbfText(None, Text("", ""))
    titles, domains = (full_names(path), {}) if is_shapefile else geodatabase_words(path, name)
    evidence = "; ".join(filter(None, (text.evidence.en, told(domains))))
    issues = text.issues
    first = 1
    try:
        for columns, wkb, crs in _batches(path, name, BYTES if is_shapefile else None, batch_rows):
            named = _decoded(columns, text) if is_shapefile else dict(columns)
            geometry = None if wkb is None else _parse(wkb)
            size = len(columns[0][1]) if geometry is None else len(geometry)
            lines = tuple(range(first, first + size))
            yield mend_mojibake(
                Reading(name, named, geometry, crs, titles, lines, evidence, records=lines, issues=issues)
            )
            first, issues = first + size, ()
    except UnicodeDecodeError:
        raise
    except _TROUBLE as error:
        raise _unreadable(path, error) from None


def _batches(
    path: Path, layer: str, encoding: str | None, rows: int
) -> Iterator[tuple[Columns, NDArray[np.object_] | None, str | None]]:
    """Yield columns, geometry as WKB and CRS of some rows of a layer at a time."""
    with pyogrio.raw.open_arrow(path, layer=layer, encoding=encoding, batch_size=rows, use_pyarrow=True) as opened:
        meta, batches = opened
        fields = [str(field) for field in meta["fields"]]
        place = None if meta["geometry_type"] is None else meta["geometry_name"] or "wkb_geometry"
        for batch in batches:
            columns = [(field, _cells(batch.column(field))) for field in fields]
            yield columns, None if place is None else batch.column(place).to_numpy(zero_copy_only=False), meta["crs"]


def _cells(column: pa.Array) -> NDArray[Any]:
    """Return a column of an Arrow batch as `pyogrio.raw.read` gives it: numbers as they are, days and times in numpy's types."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False)
    return np.asarray(column.to_numpy(zero_copy_only=False))


_TROUBLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, ValueError, RuntimeError)


def _unreadable(path: Path, error: Exception) -> DeliveryError:
    return DeliveryError(
        f"{path.name}: got a file GDAL cannot read ({error}), expected {path.suffix.lower()[1:]}. "
        "Open it in a GIS; ask the sender for a complete copy."
    )


def write_tiles(
    path: Path, layer: str, frame: gpd.GeoDataFrame, zooms: tuple[int, int], extent: int, slack: float = 0.0
) -> None:
    """Write a frame as a new file of vector tiles (PMTiles), from the first zoom to the last.

    No feature is left out because a tile is full.

    Parameters
    ----------
    frame : in any CRS that is named; the tiles are in Web Mercator. Its columns become the tiles' attributes.
    extent : steps along a tile's side; what is smaller than a step vanishes from that zoom.
    slack : how many steps an edge may move so that vertices can be left out.

    Raises
    ------
    GeoSysError
        When the file cannot be written, as on a full disk; nothing is left of it.
    """
    path.unlink(missing_ok=True)  # GDAL does not write over tiles
    kept = {"MAX_SIZE": 1_000_000_000, "MAX_FEATURES": 100_000_000}  # GDAL's own limits drop features without a word
    try:
        pyogrio.write_dataframe(
            frame, path, driver="PMTiles", layer=layer, MINZOOM=zooms[0], MAXZOOM=zooms[1], EXTENT=extent,
            BUFFER=extent // 64, SIMPLIFICATION=slack, **kept,
        )  # fmt: skip
    except _TROUBLE as error:
        path.unlink(missing_ok=True)
        raise GeoSysError(
            f"{path.name}: tiles cannot be written ({error}). Look whether the disk is full, then run it again."
        ) from None

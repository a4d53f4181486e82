"""Write shapefiles and file geodatabases that other software reads back whole, and say what they cannot hold."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geosys._errors import GeoSysError
from geosys._text import Text
from geosys.content import read_csv
from geosys.layers.dbf_out import (
    MOST_FIELDS,
    MOST_RECORD_BYTES,
    DbfField,
    Loss,
    field_of,
    refused,
    short_names,
    table_bytes,
)
from geosys.layers.dictionary import END, dictionary_bytes
from geosys.layers.vector_files import write_layer, write_shapes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

ENCODINGS = {"GBK": "gbk", "GB18030": "gb18030", "UTF-8": "utf-8"}
_NO_DAY = dt.date(1900, 1, 1)
_MOST_BYTES = 2**31 - 1  # of each part: what ArcGIS opens
_SHAPES = {
    "Point": "Point", "MultiPoint": "MultiPoint", "LineString": "LineString", "MultiLineString": "LineString",
    "LinearRing": "LineString", "Polygon": "Polygon", "MultiPolygon": "Polygon",
}  # fmt: skip
_INDEXES = (".sbn", ".sbx", ".qix", ".fbn", ".fbx", ".ain", ".aih", ".atx", ".cpg", ".qpj", ".shp.xml")


class LossError(GeoSysError):
    """An output format cannot hold what it is given, and nobody said that this may be lost."""


@dataclass(frozen=True, slots=True)
class Written:
    """Hold what was written: the short name of each column, and what the format could not hold but was told."""

    names: Mapping[str, str]
    losses: tuple[Loss, ...]


def short_names_of(titles: Mapping[str, Text], file: Path) -> dict[str, str]:
    """Return the short Chinese name of each column of a layer.

    Parameters
    ----------
    titles
        `LayerSpec.titles`: the title of each column.
    file
        `layers/short_names.csv`: the short form of titles that do not fit into ten bytes of GBK.
    """
    short = {row["title"]: row["short_name"] for row in read_csv(file, ("title", "short_name"))}
    return {column: short.get(title.zh, title.zh) for column, title in titles.items()}


def write_shapefile(
    path: Path,
    frame: gpd.GeoDataFrame,
    names: Mapping[str, str] | None = None,
    encoding: str = "GBK",
    *,
    accepted: Collection[str] = (),
    day: dt.date = _NO_DAY,
    fields: Sequence[DbfField] = (),
    kind: str = "",
) -> Written:
    """Write a shapefile with .cpg, ESRI .prj and a dictionary of its short names; whole, or not at all.

    Truth values are written as 是 and 否, numbers in as many digits as make them read back the same. Heights are
    dropped and told; so are empty texts (they come back as missing) and blanks at the ends of texts.

    Parameters
    ----------
    names
        The short name of a column, at most ten bytes; columns without one are cut at whole letters.
    encoding
        GBK, GB18030 or UTF-8.
    accepted
        Kinds of loss that may happen: `letters` (written as 〓), `long_text` (cut), `long_integer` and `mixed_types`
        (written as text), `not_finite` (left out).
    day
        The date of change in the table's head.
    fields
        The table where its types and widths are given; otherwise they are taken from the values.
    kind
        ``Point``, ``MultiPoint``, ``LineString`` or ``Polygon``, for a layer without a geometry; otherwise a Polygon.

    Raises
    ------
    LossError
        When the format cannot hold a value, the geometries or the columns, with all that is lost, one a line.
    ValueError
        When the encoding is another, or a wanted name is too long or wanted twice.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"{path.name}: got the encoding '{encoding}', expected one of: {', '.join(ENCODINGS)}.")
    codec = ENCODINGS[encoding]
    columns = [str(c) for c in frame.columns if c != frame.geometry.name]
    short = short_names(columns, names, codec)
    fields = fields or [field_of(c, short[c], frame[c], codec) for c in columns]
    geometry, found, losses = _flat(frame.geometry.to_numpy())
    kind = found or kind or "Polygon"
    losses = [*losses, *_too_large(fields), *(loss for f in fields for loss in f.losses)]
    _refuse(path, losses, accepted)
    if not fields:
        fields = [DbfField("", "FID", "N", 0, tuple(str(i).encode() for i in range(len(frame))))]
    with _all_or_nothing(path.parent) as folder:
        write_shapes(folder / f"{path.stem}.shp", geometry, kind, frame.crs)
        table = table_bytes(fields, len(frame), codec, day)
        (folder / f"{path.stem}.dbf").write_bytes(table)
        (folder / f"{path.stem}.cpg").write_text(encoding, encoding="ascii")
        (folder / f"{path.stem}{END}").write_bytes(_dictionary(fields, losses))
        _check_sizes(path, folder)
        _swap(folder, path)
    return Written(short, tuple(losses))


def _flat(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], str, list[Loss]]:
    """Return geometries as a shapefile has them: two-dimensional, of one kind, none empty; and what is lost."""
    losses = []
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    high = int((shapely.has_z(geometry) | shapely.has_m(geometry)).sum())
    if high:
        zh, en = f"{high} 个图形的高程（Z、M）不写入", f"{high} geometries lose their heights and measures (Z, M)"
        losses.append(Loss("z", "", Text(zh, en)))
    flat: NDArray[np.object_] = np.array([*shapely.force_2d(geometry), None], dtype=object)[:-1]
    flat[missing] = None
    found = {shape.geom_type for shape in flat[~missing]}
    kinds = {_SHAPES.get(name, name) for name in found}
    if kinds == {"Point", "MultiPoint"}:
        kinds = {"MultiPoint"}
        flat[~missing] = [shapely.MultiPoint([s]) if s.geom_type == "Point" else s for s in flat[~missing]]
    if len(kinds) > 1 or not kinds <= set(_SHAPES.values()):
        shown = ", ".join(sorted(found))
        zh = f"一个 Shapefile 只能存一种图形，这里有：{shown}"
        losses.append(Loss("geometry", "", Text(zh, f"a shapefile holds one kind of geometry, here are: {shown}")))
    gone = int((missing & ~shapely.is_missing(geometry)).sum())
    if gone:
        zh, en = f"{gone} 个空图形读回时为缺图形", f"{gone} empty geometries come back as missing"
        losses.append(Loss("empty_geometry", "", Text(zh, en)))
    return flat, min(kinds, default=""), losses


def _too_large(fields: Sequence[DbfField]) -> list[Loss]:
    length = 1 + sum(f.width for f in fields)
    if len(fields) <= MOST_FIELDS and length <= MOST_RECORD_BYTES:
        return []
    zh = f"{len(fields)} 列、每条 {length} 字节，超过 {MOST_FIELDS} 列或 {MOST_RECORD_BYTES} 字节"
    en = f"{len(fields)} columns and {length} bytes a record, more than {MOST_FIELDS} or {MOST_RECORD_BYTES}"
    return [Loss("too_large", "", Text(zh, en))]


def _refuse(path: Path, losses: Sequence[Loss], accepted: Collection[str]) -> None:
    unasked = refused([loss for loss in losses if loss.kind not in ("z", "empty_geometry")], accepted)
    if unasked:
        rows = "\n".join(f"- {loss.message.en} [{loss.kind}]" for loss in unasked)
        raise LossError(
            f"{path.name}: got values that a shapefile cannot hold, expected none. Write a GeoPackage, choose GB18030 for rare "
            f"letters, mend the values, or accept the loss by its name in brackets.\n{rows}"
        )


def _check_sizes(path: Path, folder: Path) -> None:
    large = [part.name for part in folder.iterdir() if part.stat().st_size > _MOST_BYTES]
    if large:
        raise LossError(f"{path.name}: got more than 2 GB in {', '.join(large)}, expected less. Write a GeoPackage.")


def _dictionary(fields: Sequence[DbfField], losses: Sequence[Loss]) -> bytes:
    kinds = {"C": "文字", "N": "整数", "F": "数字", "D": "日期"}
    rows: list[list[object]] = []
    for f in fields:
        told = "；".join(loss.message.zh for loss in losses if loss.column == f.column)
        rows.append([f.name, f.column, kinds[f.kind], f.width, told])
    rows += [["", "", "图形", "", loss.message.zh] for loss in losses if not loss.column]
    return dictionary_bytes(rows)


@contextmanager
def _all_or_nothing(parent: Path) -> Iterator[Path]:
    """Yield a folder beside the target that is gone afterwards, whatever happens."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".part-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, path: Path) -> None:
    """Put the new parts in the place of the old ones; the old ones come back if that fails."""
    old = folder / "before"
    new = sorted(part for part in folder.iterdir())
    old.mkdir()
    stale = {f"{path.stem}{suffix}" for suffix in _INDEXES} | {part.name for part in new}
    moved: list[Path] = []
    try:
        for name in sorted(stale):
            if (path.parent / name).exists():
                (path.parent / name).replace(old / name)
        for part in new:
            part.replace(path.parent / part.name)
            moved.append(path.parent / part.name)
    except OSError:
        for part in moved:
            part.unlink(missing_ok=True)
        for part in old.iterdir():
            part.replace(path.parent / part.name)
        raise


def write_geodatabase(
    path: Path,
    layers: Mapping[str, gpd.GeoDataFrame],
    titles: Mapping[str, str] | None = None,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write layers into one file geodatabase with the alias of each layer and column; whole, or not at all.

    Whole numbers stay whole (the format of ArcGIS Pro 3.2). Coded domains are not written: pyogrio cannot make them.

    Parameters
    ----------
    titles
        The alias of each layer.
    aliases
        By layer, the alias of each column.

    Raises
    ------
    ValueError
        When there is no layer.
    """
    if not layers:
        raise ValueError(f"{path.name}: got no layer, expected at least one.")
    options = {"TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}
    with _all_or_nothing(path.parent) as folder:
        part = folder / path.name
        for name, frame in layers.items():
            title = (titles or {}).get(name, name)
            write_layer(
                part, name, frame, "OpenFileGDB", (aliases or {}).get(name, {}), {**options, "LAYER_ALIAS": title}
            )
        if path.exists():
            path.replace(folder / "before")
        try:
            part.replace(path)
        except OSError:
            if (folder / "before").exists():
                (folder / "before").replace(path)
            raise

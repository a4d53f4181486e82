"""Attach rasters to features as columns: elevation, a satellite index, depth to groundwater, a surface of samples.

A layer spec says which columns, the plan which file. What is not known is missing, never 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys.content import hash_file, read_toml, short_name
from geosys.geo.raster.reading import sample
from geosys.geo.zonal import COLUMNS, zonal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from geosys._text import Text
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue, LayerSpec

VALUE = "value"  # of the cell that a point lies in
SHARE_ABOVE = "share_above"
STATISTICS = {"point": (VALUE,), "polygon": COLUMNS}
LEAST_COVERED = 0.5  # of a polygon's area: below it the raster says too little of it
_KINDS = {
    **dict.fromkeys(("name", "column", "statistic", "file", "unit"), "a text"),
    "band": "a whole number", **dict.fromkeys(("threshold", "least_covered"), "a number"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RasterColumn:
    """Describe one column that a raster gives, as a ``[[rasters]]`` of a layer spec does.

    Attributes
    ----------
    name
        What the plan calls the raster, in its table ``[rasters]``.
    column, title
        The column it becomes.
    statistic
        `value` for points; `mean`, `min`, `max`, `covered_share` or `share_above` for polygons.
    file
        Below the workspace, where the plan names none; empty for none.
    unit
        Of the values: a raster that states another one is refused.
    band
        From 1.
    threshold
        In `unit`, for `share_above`.
    least_covered
        Share of a polygon's area that must have values, or the column is missing there.
    """

    name: str
    column: str
    title: Text
    statistic: str
    file: str = ""
    unit: str = ""
    band: int = 1
    threshold: float | None = None
    least_covered: float = LEAST_COVERED


@dataclass(frozen=True, slots=True)
class Attached:
    """Tell what one raster gave to one layer: the file and its hash, and rows with, without and with too little of it."""

    layer: str
    column: str
    name: str
    file: str
    hash: str
    with_value: int
    without_value: int
    covered_too_little: int


def raster_columns(layer: str, catalogue: Catalogue) -> tuple[RasterColumn, ...]:
    """Return what a layer's spec says of rasters.

    Raises
    ------
    SpecError
        With all faults: unknown keys and statistics, columns that are fields already or stand there twice.
    """
    path = catalogue.root / "layers" / f"{layer}.toml"
    entries = read_toml(path).get("rasters", []) if path.exists() else []
    spec, faults = catalogue.layers[layer], Faults()
    where = short_name(path)
    if not faults.expect(f"{where} rasters", entries, "a list of tables"):
        entries = []
    columns = [_read_column(entry, f"{where} [[rasters]] {i}", spec, faults) for i, entry in enumerate(entries, 1)]
    taken = set(spec.titles)
    for i, column in enumerate(columns, 1):
        if column.column in taken:
            faults.add(
                f"{where} [[rasters]] {i} column", column.column, "a name that no other column has", "Rename it."
            )
        taken.add(column.column)
    faults.raise_if_any(SpecError)
    return tuple(columns)


def _read_column(entry: Mapping[str, Any], where: str, spec: LayerSpec, faults: Faults) -> RasterColumn:
    faults.keys(where, entry, (*_KINDS, "title"), ("name", "column", "title", "statistic"))
    entry = faults.sound(where, entry, _KINDS)
    known = STATISTICS.get(spec.geometry, ())
    if not known:
        faults.add(where, spec.geometry, "a layer of points or polygons", "Leave [[rasters]] out of this layer.")
    elif "statistic" in entry:
        faults.one_of(f"{where} statistic", entry["statistic"], known, f"a statistic for a {spec.geometry}")
    if (entry.get("statistic") == SHARE_ABOVE) != ("threshold" in entry):
        faults.add(
            f"{where} threshold",
            entry.get("threshold"),
            f"a number with the statistic '{SHARE_ABOVE}', and only with it",
        )
    if not 0 <= entry.get("least_covered", LEAST_COVERED) <= 1:
        faults.add(f"{where} least_covered", entry["least_covered"], "a share from 0 to 1")
    if entry.get("band", 1) < 1:
        faults.add(f"{where} band", entry["band"], "a whole number from 1")
    title = faults.text(f"{where} title", entry.get("title"))
    texts = {key: entry.get(key, "") for key in ("name", "column", "statistic", "file", "unit")}
    numbers = {"band": entry.get("band", 1), "threshold": entry.get("threshold")}
    return RasterColumn(title=title, **texts, **numbers, least_covered=float(entry.get("least_covered", LEAST_COVERED)))


def raster_types(layer: str, catalogue: Catalogue) -> dict[str, tuple[str, Text]]:
    """Return type and title of the columns that rasters give a layer; none for a layer without ``[[rasters]]``."""
    return {one.column: ("number", one.title) for one in raster_columns(layer, catalogue)}


def with_rasters(
    layers: Mapping[str, Layer],
    catalogue: Catalogue,
    root: Path,
    files: Mapping[str, str],
    progress: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> tuple[dict[str, Layer], tuple[Attached, ...]]:
    """Return the layers with the columns of rasters, and what each raster gave.

    Parameters
    ----------
    layers
        By id, all in one CRS.
    root
        The workspace; files are named from there.
    files
        The file of each raster by name, as the plan's ``[rasters]`` says; it goes before the layer spec's own.
    progress
        Called with a stage's name, steps done and steps in all.

    Returns
    -------
    A raster without a file gives a column without a value, and is told with an empty file.

    Raises
    ------
    SpecError
        When a spec or a raster is at fault, the plan names a raster that no layer has, or a file that is not there.
    """
    specs = {name: raster_columns(name, catalogue) for name in catalogue.layers}
    _check_names(files, {one.name for columns in specs.values() for one in columns})
    result, told, hashes = dict(layers), [], {}
    wanted = [(name, one) for name in layers for one in specs[name]]
    for done, (name, one) in enumerate(wanted):
        progress("rasters", done, len(wanted))
        path = _path_of(one, root, files)
        if path is not None and path not in hashes:
            hashes[path] = hash_file(path)
        values, too_little = _values(result[name], one, path)
        result[name] = _with_column(result[name], one.column, values)
        found = int(np.isfinite(values).sum())
        where = ("", "") if path is None else (files.get(one.name, one.file), hashes[path])
        told.append(Attached(name, one.column, one.name, *where, found, len(values) - found, too_little))
    if wanted:
        progress("rasters", len(wanted), len(wanted))
    return result, tuple(told)


def told_of(attached: tuple[Attached, ...]) -> list[dict[str, Any]]:
    """Return what a manifest says of rasters."""
    return [asdict(one) for one in attached]


def _check_names(files: Mapping[str, str], known: set[str]) -> None:
    for name in files:
        if name not in known:
            hint = nearest(name, known) or f"Known: {', '.join(sorted(known)) or 'none'}."
            raise SpecError(
                f"[rasters] {name}: got '{name}', expected a name that a [[rasters]] of layers/ has. {hint}"
            )


def _path_of(one: RasterColumn, root: Path, files: Mapping[str, str]) -> Path | None:
    """Return the raster's file, or None where nobody has named or delivered one."""
    path = root / files.get(one.name, one.file)
    if path.is_file():
        return path
    if one.name in files:
        raise SpecError(
            f"[rasters] {one.name}: got '{files[one.name]}', which is no file, expected one below the workspace. Mend the name."
        )
    return None


def _values(layer: Layer, one: RasterColumn, path: Path | None) -> tuple[NDArray[np.float64], int]:
    """Return a value for each row of a layer, NaN where unknown, and how many rows the raster covers too little."""
    frame = layer.frame
    if path is None or not len(frame):
        return np.full(len(frame), np.nan), 0
    shapes, crs = frame.geometry.to_numpy(), frame.crs.to_wkt()
    if one.statistic == VALUE:
        xy = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)])
        return sample(path, xy, crs, one.unit, one.band), 0
    unit = one.unit if one.statistic in {"mean", "min", "max"} else ""
    table = zonal(path, shapes, crs, threshold=one.threshold, unit=unit, band=one.band)
    values = table[one.statistic].to_numpy()
    if one.statistic == "covered_share":
        return values, 0
    covered = table["covered_share"].to_numpy()
    is_little = (covered > 0) & (covered < one.least_covered)
    return np.where(is_little, np.nan, values), int(is_little.sum())


def _with_column(layer: Layer, column: str, values: NDArray[np.float64]) -> Layer:
    empty = pd.Series(np.nan, index=layer.withheld.index, dtype=np.float64)
    return replace(
        layer,
        frame=layer.frame.assign(**{column: pd.Series(values, index=layer.frame.index)}),
        withheld=layer.withheld.assign(**{column: empty}),
    )

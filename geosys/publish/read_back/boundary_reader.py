"""Read the boundary points of a layer: code and name of each plot, its geometry, and the file's own counts and areas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from geosys._text import Text
from geosys.layers.boundary_model import BEFORE_KIND
from geosys.layers.boundary_points import open_boundary_points
from geosys.publish.content import Field
from geosys.publish.files.names import name_field
from geosys.publish.read_back.found import POLYGON, TEXT, Found, FoundField, Piece, objects

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.content import ShapedLayer

CODE, NAME = BEFORE_KIND[4][2:]
_NO_FAULT = ("invalid_geometry", "maybe_packed_degrees")  # of the layer or of its place, not of the file
_WRITTEN = str.maketrans({",": "，", "\r": " ", "\n": " ", "@": "＠"})  # a comma would end an attribute


def as_plots(layer: ShapedLayer) -> ShapedLayer:
    """Return a layer as boundary points have it: the key as the plot's code, the name of a feature as the plot's.

    Examples
    --------
    >>> _written("甲,乙"), _written(None), _written(5)
    ('甲，乙', '', '5')
    """
    spec, frame = layer.layer, layer.frame
    keys = [frame[name].astype(object).map(_written) for name in spec.key]
    columns: dict[str, list[str | None]] = {CODE: ["-".join(parts) or None for parts in zip(*keys, strict=True)]}
    named = name_field(spec)
    if named is not None:
        columns[NAME] = [_written(value) or None for value in frame[named.name].astype(object)]
    texts = {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    shown = gpd.GeoDataFrame(texts, geometry=frame.geometry.to_numpy(), crs=frame.crs)
    fields = tuple(Field(name, Text(name, name), TEXT) for name in columns)
    return replace(layer, frame=shown, layer=replace(spec, fields=fields, key=(CODE,)))


def _written(value: object) -> str:
    return "" if pd.isna(value) is True else str(value).translate(_WRITTEN)


def read_boundary(path: Path, layer: ShapedLayer) -> Found:
    """Read a boundary-point file; `layer` is as `as_plots` gives it.

    Raises
    ------
    DeliveryError
        When the file is no text or holds no plot.
    """
    file = open_boundary_points(path)
    names = [field.name for field in layer.layer.fields]
    lines = [block.values for block in file.blocks]  # noqa: PD011  a plot's texts, no frame's
    columns = {name: objects(line.get(name) or None for line in lines) for name in names}
    faults = [
        f"line {fault.line}: {fault.title.both()}, got {fault.got}, expected {fault.expected}"
        for fault in file.faults
        if fault.severity != "notice" and fault.what not in _NO_FAULT
    ]
    pieces = (piece for piece in [Piece(columns, objects(block.geometry for block in file.blocks))])
    fields = [FoundField(name, TEXT) for name in names if lines and name in lines[0]]
    return Found("boundary points", fields, len(file.blocks), POLYGON, file.crs, pieces, faults=faults)

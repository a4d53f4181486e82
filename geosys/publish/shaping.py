"""Shape the current layer versions and the findings of the last run into the layers of a profile."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.geo.authalic import ellipsoidal_areas_m2
from geosys.geo.crs import to_crs
from geosys.maps.sheet_spec import FINDINGS
from geosys.publish.content import ShapedLayer
from geosys.publish.derived import MEASURES
from geosys.publish.field_reading import typed_constant
from geosys.publish.profile_reading import written
from geosys.publish.zones import crs_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geosys.layers.intake import Layer
    from geosys.publish.content import Field, Profile, ProfileLayer
    from geosys.sheets.desk import Results

GEOMETRY = "geometry"
_MULTI = {
    "Polygon": (shapely.multipolygons, shapely.MultiPolygon),
    "LineString": (shapely.multilinestrings, shapely.MultiLineString),
    "LinearRing": (shapely.multilinestrings, shapely.MultiLineString),
}


def shape_layers(
    profile: Profile, layers: Mapping[str, Layer], findings: Results | None, plan_crs: str
) -> list[ShapedLayer]:
    """Return the layers of a package as every format will hold them.

    Fields have the types: text, date and truth are objects (`str`, `datetime.date`, `bool`) with None where missing; whole
    numbers are Int64 with `pd.NA`; other numbers float64 with NaN, rounded to the decimals where the field bounds its
    digits. Polygons and lines are all multi; points are multi where one is. Rows stand in the order of the key, equal
    keys in the order of their geometry's bytes. What cannot be typed is missing and named in `provenance['untyped']`.

    Parameters
    ----------
    layers : the current version of each layer that there is, in `plan_crs`.
    findings : of the last run, None where there was none.

    Raises
    ------
    CrsError
        When the profile asks for a CRS that the plan's cannot be converted into exactly.
    """
    crs = crs_for(profile.crs, plan_crs, f"profile '{profile.id}'", has_zone_prefix=profile.has_zone_prefix)
    return [_shape_layer(spec, layers.get(spec.source), findings, plan_crs, crs) for spec in profile.layers]


def _shape_layer(
    spec: ProfileLayer, layer: Layer | None, findings: Results | None, plan_crs: str, crs: str
) -> ShapedLayer:
    source, version, told = _source(spec, layer, findings, plan_crs)
    kept, unknown = _where(source, spec.where)
    chosen = source[kept].reset_index(drop=True)
    geometry = chosen.geometry.to_numpy()
    columns, untyped = _columns(spec.fields, chosen, geometry, plan_crs)
    is_areal = spec.geometry == "polygon"
    area = float(ellipsoidal_areas_m2(geometry, plan_crs).sum()) if is_areal else None
    frame = gpd.GeoDataFrame(columns, geometry=as_multi(to_crs(geometry, plan_crs, crs)), crs=crs)
    withheld = len(layer.withheld) if layer is not None else 0
    return ShapedLayer(
        layer=spec, frame=_in_order(frame, spec.key), version=version, source_rows=len(source) + withheld, withheld_rows=withheld,
        left_out=int((~kept).sum()), source_area_m2=area,
        provenance={**told, "untyped": untyped, "left_out_for_lack_of_a_value": int((unknown & ~kept).sum())},
    )  # fmt: skip


def _source(
    spec: ProfileLayer, layer: Layer | None, findings: Results | None, plan_crs: str
) -> tuple[gpd.GeoDataFrame, str, dict[str, Any]]:
    """Return the rows a layer is shaped from, their version, and what is told of them; none where there is no source."""
    if spec.source == FINDINGS and findings is not None:
        manifest = findings.manifest
        return findings.findings, str(manifest.get("as_of", "")), {"is_there": True, "as_of": manifest.get("as_of")}
    if layer is not None:
        return layer.frame, layer.version, {**layer.provenance, "is_there": True}
    return gpd.GeoDataFrame({GEOMETRY: []}, geometry=GEOMETRY, crs=plan_crs), "", {"is_there": False}


def _where(frame: gpd.GeoDataFrame, where: Mapping[str, Sequence[str]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of each row whether it is wanted, and whether a value that decides is missing.

    A wanted value that ends in ``*`` is the beginning of one; an empty one is a missing one.
    """
    kept, unknown = np.ones(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    for column, wanted in where.items():
        values = frame[column] if column in frame else pd.Series([None] * len(frame), dtype=object)
        missing = values.isna().to_numpy() | (values.astype(object) == "").fillna(value=False).to_numpy(dtype=bool)
        heads = tuple(word[:-1] for word in wanted if word.endswith("*"))
        words = {word for word in wanted if word and not word.endswith("*")}
        texts = ["" if lost else written(v) for v, lost in zip(values, missing, strict=True)]
        good = np.array([text in words or (bool(heads) and text.startswith(heads)) for text in texts], dtype=bool)
        kept &= np.where(missing, "" in wanted, good)
        unknown |= missing & ("" not in wanted)
    return kept, unknown


def _columns(
    fields: Sequence[Field], frame: gpd.GeoDataFrame, geometry: NDArray[np.object_], crs: str
) -> tuple[dict[str, pd.Series], dict[str, list[tuple[str, str]]]]:
    """Return the typed column of each field, and by field place and text of the values that could not be typed."""
    columns: dict[str, pd.Series] = {}
    untyped: dict[str, list[tuple[str, str]]] = {}
    for field in fields:
        if field.constant:
            given = pd.Series([typed_constant(field.constant, field.type)] * len(frame), dtype=object)
        elif field.column in MEASURES and len(frame):
            given = pd.Series(_measured(field.column, geometry, crs))
        else:
            given = frame[field.column] if field.column in frame else pd.Series([None] * len(frame), dtype=object)
        columns[field.name], lost = typed_column(given, field)
        if lost:
            untyped[field.name] = [(_place(frame, geometry[row], row, crs), value) for row, value in lost]
    return columns, untyped


def _place(frame: gpd.GeoDataFrame, shape: shapely.Geometry | None, row: int, crs: str) -> str:
    name = frame["feature_id"].iloc[row] if "feature_id" in frame else frame.iloc[row, 0]
    if shape is None or shape.is_empty:
        return str(name)
    x, y = shapely.get_coordinates(shape)[0]
    return f"{name} @ {x:.2f}, {y:.2f} ({crs})"


def _measured(name: str, geometry: NDArray[np.object_], crs: str) -> NDArray[np.float64]:
    return np.where(shapely.is_missing(geometry), np.nan, MEASURES[name][1](geometry, crs))


def typed_column(values: pd.Series, field: Field) -> tuple[pd.Series, list[tuple[int, str]]]:
    """Return a column in the type of its field, and position and text of each value that has no place in it.

    Examples
    --------
    >>> from geosys.publish.content import Field
    >>> from geosys._text import Text
    >>> year = Field("NF", Text("年份", "Year"), "integer")
    >>> column, lost = typed_column(pd.Series([2026.0, None, 2026.5]), year)
    >>> column.tolist(), lost
    ([2026, <NA>, <NA>], [(2, '2026.5')])
    """
    typed, lost = [], []
    for row, (value, missing) in enumerate(zip(values.astype(object), values.isna(), strict=True)):
        made = None if missing or value == "" else _READERS[field.type](value)
        if made is None and not missing and value != "":
            lost.append((row, str(value)))
        typed.append(made)
    if field.type == "integer":
        return pd.Series(pd.array(typed, dtype="Int64")), lost
    if field.type == "number":
        numbers = np.array([np.nan if v is None else v for v in typed], dtype=np.float64)
        return pd.Series(np.round(numbers, field.decimals) if field.length or field.decimals else numbers), lost
    return pd.Series(typed, dtype=object), lost


def _text(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return "是" if value else "否"
    if isinstance(value, (str, int, np.integer)):
        return str(value)
    return value.isoformat()[:10] if isinstance(value, dt.date) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    return int(value) if isinstance(value, (float, np.floating)) and float(value).is_integer() else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return float(value) if is_number and np.isfinite(value) else None


def _date(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):  # a pandas time stamp is one too
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _truth(value: Any) -> bool | None:
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


_READERS = {"text": _text, "integer": _integer, "number": _number, "date": _date, "truth": _truth}


def as_multi(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons and lines as multi geometries, and points where one of them is; missing and others as they are.

    Examples
    --------
    >>> [g.geom_type for g in as_multi(np.array([shapely.box(0, 0, 1, 1), shapely.MultiPolygon()]))]
    ['MultiPolygon', 'MultiPolygon']
    """
    made = np.array([*geometries, None], dtype=object)[:-1]
    kinds = np.array(["" if shape is None else shape.geom_type for shape in made])
    makers = dict(_MULTI) | ({"Point": (shapely.multipoints, shapely.MultiPoint)} if "MultiPoint" in kinds else {})
    for kind, (gather, nothing) in makers.items():
        rows = np.flatnonzero((kinds == kind) & ~shapely.is_empty(made))
        if len(rows):
            made[rows] = gather(made[rows], indices=np.arange(len(rows)))
        made[np.flatnonzero((kinds == kind) & shapely.is_empty(made))] = nothing()
    return made


def _in_order(frame: gpd.GeoDataFrame, key: Sequence[str]) -> gpd.GeoDataFrame:
    """Return rows in the order of their key; missing ones come last."""
    texts = [[(pd.isna(v), "" if pd.isna(v) else v) for v in frame[name].astype(object)] for name in key]
    shapes = [b"" if shape is None else shape.wkb for shape in frame.geometry]
    order = sorted(range(len(frame)), key=lambda row: (*(column[row] for column in texts), shapes[row]))
    return frame.iloc[order].reset_index(drop=True)

"""Turn what one room holds into what the next one needs: schemas for rules, degrees and titles for maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np

from geosys._schema import LayerSchema, UsableLayer
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.results_spec import RESULT_COLUMNS, result_types, results_spec
from geosys.layers.spec import DISCLOSURES
from geosys.maps.frames import MapLayer
from geosys.raster_columns import raster_types
from geosys.sections.results import with_empty_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from geosys._text import Text
    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue, LayerSpec

INTERNAL = "internal"


def schema_of(spec: LayerSpec, catalogue: Catalogue) -> LayerSchema:
    """Return a layer's schema: its fields, derived columns and area, results of its samples, and what rasters give it."""
    results = result_types(spec, catalogue) | raster_types(spec.id, catalogue)
    columns = {n: spec.type_of(n) for n in spec.titles} | {n: kind for n, (kind, _) in results.items()}
    titles = spec.titles | {n: title for n, (_, title) in results.items()}
    return LayerSchema(
        id=spec.id, title=spec.title, geometry=spec.geometry, name_field=spec.name, accuracy_m=spec.accuracy_m,
        disclosure=layer_disclosure(spec), columns=columns, titles=titles, codes=_codes(spec, catalogue),
        disclosures=disclosures_of(spec, catalogue), tolerances_m=spec.tolerances_m, slivers_m2=spec.slivers_m2, steward=spec.steward,
        time=spec.time,
    )  # fmt: skip


def layer_disclosure(spec: LayerSpec) -> str:
    """Return how far a layer reaches: no further than its key, for the ids of its features are made of that."""
    return narrowest(spec, (*spec.key, *spec.key_where_given))


def disclosure_of(spec: LayerSpec, column: str) -> str:
    """Return the disclosure of a column; a derived one is no wider than what it is made from, none wider than its layer."""
    return narrowest(spec, spec.derived[column].inputs if column in spec.derived else (column,))


def narrowest(spec: LayerSpec, columns: Iterable[str]) -> str:
    """Return the narrowest disclosure of a layer and some of its fields."""
    words = [spec.fields[name].disclosure for name in columns if name in spec.fields]
    return min([spec.disclosure, *words], key=DISCLOSURES.index)


def disclosures_of(spec: LayerSpec, catalogue: Catalogue) -> dict[str, str]:
    """Return the disclosure of every column of a layer that is told of apart: fields, derived columns, results of samples."""
    own = {name: disclosure_of(spec, name) for name in (*spec.fields, *spec.derived)}
    results = result_types(spec, catalogue)
    return own | (dict.fromkeys(results, _of_results(spec, catalogue)) if results else {})


def _of_results(spec: LayerSpec, catalogue: Catalogue) -> str:
    """Return the narrowest disclosure of what results are made of: the fields that say how, and all that samples measure."""
    told = results_spec(spec.id, catalogue)
    if told is None:
        return spec.disclosure
    samples = catalogue.layers[told.samples]
    named = [str(value) for value in (getattr(told, one) for one in told.__slots__) if isinstance(value, str)]
    measured = [f.id for f in samples.fields.values() if f.type == "number"]
    of_section = narrowest(spec, [*named, *told.groups.values()])
    return min(of_section, narrowest(samples, [*named, *measured]), key=DISCLOSURES.index)


def schemas_of(catalogue: Catalogue) -> dict[str, LayerSchema]:
    """Return the schema of every layer of the content."""
    return {name: schema_of(spec, catalogue) for name, spec in catalogue.layers.items()}


def _codes(spec: LayerSpec, catalogue: Catalogue) -> dict[str, Mapping[str, Text]]:
    return {f.id: catalogue.codes[f.codes].titles for f in spec.fields.values() if f.codes}


def offices_of(catalogue: Catalogue) -> Mapping[str, Text]:
    """Return the titles of the offices that content names as stewards and leads."""
    return catalogue.codes["office"].titles


def view_of(layer: Layer, catalogue: Catalogue) -> UsableLayer:
    """Return a layer as rules see it; results that nobody computed are there and missing."""
    schema = schema_of(layer.spec, catalogue)
    used, withheld = (_with_all_columns(frame, layer.spec, catalogue) for frame in (layer.frame, layer.withheld))
    return UsableLayer(schema, used, withheld, layer.version)


def _with_all_columns(frame: gpd.GeoDataFrame, spec: LayerSpec, catalogue: Catalogue) -> gpd.GeoDataFrame:
    """Return a frame with the columns of results and rasters that nobody computed, missing."""
    if result_types(spec, catalogue):
        frame = with_empty_results(frame)
    lacking = [name for name in raster_types(spec.id, catalogue) if name not in frame]
    return frame.assign(**dict.fromkeys(lacking, np.nan))


def in_degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame with its geometry in EPSG:4490, longitude first."""
    geometry = to_crs(frame.geometry.to_numpy(), str(frame.crs), GEOGRAPHIC)
    return gpd.GeoDataFrame(frame.drop(columns=frame.geometry.name), geometry=geometry, crs=GEOGRAPHIC)


def _narrower(spec: LayerSpec, catalogue: Catalogue) -> dict[str, str]:
    """Return the disclosure of columns that have another than their layer, and of the name that one of them may be."""
    own = {name: word for name, word in disclosures_of(spec, catalogue).items() if word != spec.disclosure}
    return own | ({"name": own[spec.name]} if spec.name in own else {})


def map_layer_of(layer: Layer, catalogue: Catalogue) -> MapLayer:
    """Return a layer as the map shows it: degrees, names, titles, codes and units."""
    spec = layer.spec
    frame = in_degrees(layer.frame)
    frame["name"] = frame[spec.name].fillna(frame["feature_id"]) if spec.name else frame["feature_id"]
    more = dict(RESULT_COLUMNS) | raster_types(spec.id, catalogue)
    titles = spec.titles | {n: title for n, (_, title) in more.items() if n in frame and n not in spec.titles}
    files = "; ".join(d["file"] + (f"（{d['note']}）" if d["note"] else "") for d in layer.provenance["deliveries"])
    return MapLayer(
        id=spec.id, title=spec.title, geometry=spec.geometry, key=spec.key, frame=frame, columns=titles, version=layer.version,
        delivered=files, disclosure=layer_disclosure(spec),
        column_disclosure=_narrower(spec, catalogue),
        codes=_codes(spec, catalogue), units={f.id: f.unit for f in spec.fields.values() if f.unit},
    )  # fmt: skip

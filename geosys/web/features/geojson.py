"""Features as GeoJSON: RFC 7946 in CRS84; in another system coordinates in its authority's order, told by the header Content-Crs.

No member ``coordRefSys``: JSON-FG means by it that ``geometry`` is in CRS84 and ``place`` in the system, and GDAL then finds no geometry.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geosys.web.features.systems import outward
from geosys.web.sources.port import GEOMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.web.sources.port import Feature

GEOJSON = "application/geo+json"


def shapes_of(features: Sequence[Feature], system: str) -> list[str]:
    """Return the geometry of each feature as JSON; outer rings run counter-clockwise on the ground."""
    shapes = np.array([feature.geometry for feature in features] + [None], dtype=object)[:-1]
    told = shapely.to_geojson(outward(shapely.orient_polygons(shapes), system))
    return ["null" if text is None else str(text) for text in told]


def feature_text(feature: Feature, shape: str, links: Sequence[Mapping[str, str]] = ()) -> str:
    """Return one feature as JSON."""
    values = json.dumps(dict(feature.values), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    end = f',"links":{_json(links)}' if links else ""
    return f'{{"type":"Feature","id":{_json(feature.id)},"{GEOMETRY}":{shape},"properties":{values}{end}}}'


def page_of(features: Sequence[Feature], system: str, most_bytes: int) -> list[str]:
    """Return features as JSON until they are too many bytes for one page; at least one."""
    told: list[str] = []
    size = 0
    for feature, shape in zip(features, shapes_of(features, system), strict=True):
        text = feature_text(feature, shape)
        size += len(text.encode())
        if told and size > most_bytes:
            break
        told.append(text)
    return told


def collection_text(
    features: Sequence[str], links: Sequence[Mapping[str, str]], counts: tuple[int, str]
) -> str:  # fmt: skip
    """Return a page of features as a FeatureCollection; `counts` are how many hold and the time of the answer."""
    matched, when = counts
    told = f'"numberMatched":{matched},"numberReturned":{len(features)},"timeStamp":{_json(when)}'
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}],{told},"links":{_json(links)}}}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""The documents that describe a service: landing page, conformance, collections, queryables and schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys.web.features.geojson import GEOJSON
from geosys.web.features.systems import CRS84, address_of, offered
from geosys.web.sources.port import GEOMETRY, KEY, STORED_CRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.web.features.permitted import Access
    from geosys.web.service import Service

JSON, HTML, SCHEMA, OPENAPI = (
    "application/json",
    "text/html",
    "application/schema+json",
    "application/vnd.oai.openapi+json;version=3.0",
)
_FEATURES, _FILTER, _CQL2, _EDIT = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/", "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/",
    "http://www.opengis.net/spec/cql2/1.0/conf/", "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/",
)  # fmt: skip
CONFORMANCE = (
    *(_FEATURES + name for name in ("core", "oas30", "html", "geojson")),
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    *(_FILTER + name for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")),
    *(
        _CQL2 + name
        for name in (
            "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison", "basic-spatial-functions",
            "basic-spatial-functions-plus", "spatial-functions", "property-property",
        )
    ),
    *(_EDIT + name for name in ("create-replace-delete", "update", "optimistic-locking-etags", "features")),
)  # fmt: skip
TYPES = {
    "text": {"type": "string"}, "integer": {"type": "integer"}, "number": {"type": "number"}, "truth": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}  # fmt: skip
_SHAPES = {"point": "point", "line": "line", "polygon": "polygon"}

Link = dict[str, str]


def link(href: str, rel: str, kind: str, title: str = "") -> Link:
    """Return a link as OGC API has it."""
    told = {"href": href, "rel": rel, "type": kind}
    return told | {"title": title} if title else told


def self_links(address: str, kind: str) -> list[Link]:
    """Return the links of a document to itself and to its page; `address` without parameters."""
    return [link(f"{address}?f=json", "self", kind), link(f"{address}?f=html", "alternate", HTML)]


def landing(service: Service, base: str, language: str) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": service.title.in_language(language),
        "description": "GeoSys",
        "links": [
            *self_links(f"{base}/", JSON),
            link(f"{base}/api", "service-desc", OPENAPI, "OpenAPI 3.0"),
            link(f"{base}/api?f=html", "service-doc", HTML),
            link(f"{base}/conformance", "conformance", JSON),
            link(f"{base}/conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance", JSON),
            link(f"{base}/collections", "data", JSON),
            link(f"{base}/collections", "http://www.opengis.net/def/rel/ogc/1.0/data", JSON),
        ],
    }


def collections(service: Service, found: Sequence[Access], base: str, language: str) -> dict[str, Any]:
    """Return the list of collections a viewer may read."""
    told = [collection(service, one, base, language) for one in found]
    systems = [address_of(name) for name in offered(service.plan_crs)]
    return {"links": self_links(f"{base}/collections", JSON), "crs": systems, "collections": told}


def collection(service: Service, access: Access, base: str, language: str) -> dict[str, Any]:
    """Return one collection: what it is, where it lies, in which systems it is answered."""
    name = access.collection.id
    address = f"{base}/collections/{name}"
    told: dict[str, Any] = {"id": name, "title": access.schema.title.in_language(language), "itemType": "feature"}
    extent = access.bounds or service.region
    if access.collection.has_geometry and extent is not None:
        told["extent"] = {"spatial": {"bbox": [list(extent)], "crs": CRS84}}
    told |= {"crs": [address_of(s) for s in offered(service.plan_crs)], "storageCrs": address_of(STORED_CRS)}
    told["links"] = [
        *self_links(address, JSON),
        link(f"{address}/items", "items", GEOJSON),
        link(f"{address}/items?f=html", "items", HTML),
        link(f"{address}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA),
        link(f"{address}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", SCHEMA),
    ]
    return told


def queryables(service: Service, access: Access, base: str, language: str) -> dict[str, Any]:
    """Return the properties that may stand in a filter, as a JSON schema."""
    return _schema(
        service, access, f"{base}/collections/{access.collection.id}/queryables", language, is_queryables=True
    )


def schema(service: Service, access: Access, base: str, language: str) -> dict[str, Any]:
    """Return the properties of features as they are answered and taken, as a JSON schema."""
    return _schema(service, access, f"{base}/collections/{access.collection.id}/schema", language, is_queryables=False)


def _schema(service: Service, access: Access, address: str, language: str, *, is_queryables: bool) -> dict[str, Any]:
    names = {KEY: _key(language)} if is_queryables else {}
    if access.collection.has_geometry:
        shape = _SHAPES.get(access.schema.geometry, "any")
        kind = f"geometry-{shape}-or-multi{shape}" if shape in {"point", "line", "polygon"} else "geometry-any"
        names[GEOMETRY] = {
            "title": "位置" if language == "zh" else "Geometry",
            "x-ogc-role": "primary-geometry",
            "format": kind.replace("line-or-multiline", "linestring-or-multilinestring"),
        }
    names |= {
        name: property_of(service, access, name, language, is_queryables=is_queryables) for name in access.columns
    }
    told: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": address, "type": "object",
        "title": access.schema.title.in_language(language), "properties": names, "additionalProperties": False,
    }  # fmt: skip
    if not is_queryables:
        fields = service.catalogue.layers[access.collection.id].fields
        told["required"] = [name for name in access.columns if name in fields and fields[name].required]
    return told


def _key(language: str) -> dict[str, Any]:
    return {"title": "要素编号" if language == "zh" else "Feature id", "type": "string", "x-ogc-role": "id"}


def property_of(
    service: Service, access: Access, name: str, language: str, *, is_queryables: bool = False
) -> dict[str, Any]:
    """Return one property as JSON schema: title, type, limits, and codes with their titles."""
    told: dict[str, Any] = {
        "title": access.schema.titles[name].in_language(language) if name in access.schema.titles else name
    }
    told |= TYPES[access.columns[name]]
    field = service.catalogue.layers[access.collection.id].fields.get(name)
    codes = access.schema.codes.get(name)
    if codes:
        told["enum"] = list(codes)
        told["x-titles"] = {code: title.in_language(language) for code, title in codes.items()}
    if field is not None:
        limits = {
            "maxLength": field.length,
            "minimum": field.minimum,
            "maximum": field.maximum,
            "x-ogc-unit": field.unit,
        }
        told |= {key: value for key, value in limits.items() if value is not None}
        if codes:
            told.pop("maxLength", None)
    elif not is_queryables:
        told["readOnly"] = True
    return told

"""The OpenAPI 3.0 document: every path, parameter, answer and problem of the service, for the collections the viewer may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geosys
from geosys.web.features.documents import HTML, JSON, OPENAPI, SCHEMA, TYPES, property_of
from geosys.web.features.filters import LANGUAGES
from geosys.web.features.geojson import GEOJSON
from geosys.web.features.parameters import MOST_OFFSET
from geosys.web.features.problems import PROBLEM, TITLES
from geosys.web.features.systems import address_of, offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.web.features.permitted import Access
    from geosys.web.service import Service

PATCH = "application/merge-patch+json"


def openapi(service: Service, found: Sequence[Access], base: str, language: str) -> dict[str, Any]:
    """Return the document; its server is the address the client came by."""
    paths: dict[str, Any] = {
        "/": _read("landing", {JSON: {}, HTML: {}}), "/conformance": _read("conformance", {JSON: {}, HTML: {}}),
        "/api": _read("api", {OPENAPI: {}, HTML: {}}), "/collections": _read("collections", {JSON: {}, HTML: {}}),
    }  # fmt: skip
    for access in found:
        paths |= _paths(service, access, language)
    return {
        "openapi": "3.0.3",
        "info": {"title": service.title.in_language(language), "version": geosys.__version__},
        "servers": [{"url": base or "/"}],
        "paths": paths,
        "components": {
            "parameters": _parameters(service),
            "responses": _problems(),
            "schemas": _schemas(),
            "headers": _headers(),
        },
    }


def _read(
    name: str, content: dict[str, Any], parameters: Sequence[Any] = (), more: Sequence[str] = ()
) -> dict[str, Any]:
    told = {
        kind: {"schema": schema or {"type": "string" if kind == HTML else "object"}} for kind, schema in content.items()
    }
    shared = [{"$ref": "#/components/parameters/f"}, {"$ref": "#/components/parameters/lang"}]
    answers: dict[str, Any] = {"200": {"description": "OK", "content": told}}
    return {
        "get": {"operationId": name, "parameters": [*shared, *parameters], "responses": answers | _refs("400", *more)}
    }


def _refs(*statuses: str) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _paths(service: Service, access: Access, language: str) -> dict[str, Any]:
    name = access.collection.id
    base = f"/collections/{name}"
    ours = [
        {"$ref": f"#/components/parameters/{p}"}
        for p in (
            "limit",
            "offset",
            "bbox",
            "bbox-crs",
            "crs",
            "datetime",
            "filter",
            "filter-lang",
            "filter-crs",
            "sortby",
            "properties",
            "after",
        )
    ]
    taken = {"f", "lang", *(p["$ref"].rpartition("/")[2] for p in ours)}
    columns = [
        {"name": n, "in": "query", "required": False, "schema": TYPES[kind], "style": "form", "explode": False}
        for n, kind in access.columns.items()
        if n not in taken
    ]
    feature = {"$ref": "#/components/schemas/Feature"}
    items = _read(
        f"{name}.items",
        {GEOJSON: {"$ref": "#/components/schemas/FeatureCollection"}, HTML: {}},
        [*ours, *columns],
        ("404", "503"),
    )
    identifier = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    one = _read(
        f"{name}.item",
        {GEOJSON: feature, HTML: {}},
        [{"$ref": "#/components/parameters/crs"}, {"$ref": "#/components/parameters/If-None-Match"}],
        ("404", "503"),
    )
    one["get"]["responses"]["200"]["headers"] = {
        "ETag": {"$ref": "#/components/headers/ETag"},
        "Content-Crs": {"$ref": "#/components/headers/Content-Crs"},
    }
    one["get"]["responses"]["304"] = {"description": "Not modified"}
    items["get"]["responses"]["200"]["headers"] = {"Content-Crs": {"$ref": "#/components/headers/Content-Crs"}}
    if access.may_edit:
        sent = _sent(service, access, language)
        items["post"] = _write(
            f"{name}.create", {GEOJSON: {"schema": sent}}, "201", ("400", "403", "404", "409", "413", "415")
        )
        match = [{"$ref": "#/components/parameters/If-Match"}]
        wrong = ("400", "403", "404", "409", "412", "413", "415", "428")
        one["put"] = _write(f"{name}.replace", {GEOJSON: {"schema": sent}}, "200", wrong, match)
        patch = {kind: {"schema": {"type": "object"}} for kind in (PATCH, GEOJSON)}
        one["patch"] = _write(f"{name}.update", patch, "200", wrong, match)
        one["delete"] = {
            "operationId": f"{name}.delete",
            "parameters": match,
            "responses": {"204": {"description": "Gone"}} | _refs("404", "412", "428"),
        }
    return {
        base: _read(f"{name}.collection", {JSON: {}, HTML: {}}, (), ("404",)),
        f"{base}/queryables": _read(f"{name}.queryables", {SCHEMA: {}, HTML: {}}, (), ("404",)),
        f"{base}/schema": _read(f"{name}.schema", {SCHEMA: {}, HTML: {}}, (), ("404",)),
        f"{base}/items": items,
        f"{base}/items/{{featureId}}": {"parameters": [identifier], **one},
    }


def _sent(service: Service, access: Access, language: str) -> dict[str, Any]:
    """Return the schema of a feature that may be sent to a collection."""
    names = {n: property_of(service, access, n, language) | {"nullable": True} for n in access.columns}
    for told in names.values():
        if "enum" in told:
            told["enum"] = [*told["enum"], None]
    place: dict[str, Any] = {"type": "object", "nullable": True}
    if access.collection.has_geometry:
        shape = {"type": {"type": "string"}, "coordinates": {"type": "array", "items": {}}}
        place = {"type": "object", "required": ["type", "coordinates"], "properties": shape}
    values = {"type": "object", "properties": names, "additionalProperties": False}
    return {
        "type": "object", "required": ["type", "geometry", "properties"],
        "properties": {"type": {"type": "string", "enum": ["Feature"]}, "geometry": place, "properties": values},
    }  # fmt: skip


def _write(
    name: str, content: dict[str, Any], good: str, wrong: Sequence[str], more: Sequence[Any] = ()
) -> dict[str, Any]:
    headers = {"ETag": {"$ref": "#/components/headers/ETag"}}
    if good == "201":
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    answer = {
        "description": "OK",
        "headers": headers,
        "content": {GEOJSON: {"schema": {"$ref": "#/components/schemas/Feature"}}},
    }
    return {
        "operationId": name, "parameters": [*more, {"$ref": "#/components/parameters/Content-Crs"}],
        "requestBody": {"required": True, "content": content}, "responses": {good: answer} | _refs(*wrong),
    }  # fmt: skip


def _parameters(service: Service) -> dict[str, Any]:
    systems = {
        "type": "string",
        "enum": [address_of(name) for name in offered(service.plan_crs)],
        "default": address_of("OGC:CRS84"),
    }
    text = {"type": "string"}
    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    told: dict[str, dict[str, Any]] = {
        "f": {"type": "string", "enum": ["json", "html"]},
        "lang": {"type": "string", "enum": ["zh", "en"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": service.most_features, "default": service.default_features},
        "offset": {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0},
        "after": text, "bbox": numbers, "bbox-crs": systems, "crs": systems, "datetime": text, "filter": text,
        "filter-lang": {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]},
        "filter-crs": systems, "sortby": text, "properties": text,
    }  # fmt: skip
    found: dict[str, Any] = {n: {"name": n, "in": "query", "required": False, "schema": s} for n, s in told.items()}
    found["bbox"] |= {"style": "form", "explode": False}
    for name in ("If-Match", "If-None-Match", "Content-Crs"):
        found[name] = {"name": name, "in": "header", "required": name == "If-Match", "schema": text}
    return found


def _headers() -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}} for name in ("ETag", "Location", "Content-Crs")}


def _problems() -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": title, "content": content} for status, title in TITLES.items()}


def _schemas() -> dict[str, Any]:
    links = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": {"href": {"type": "string"}, "rel": {"type": "string"}},
        },
    }
    feature = {
        "type": "object", "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]}, "id": {"type": "string"}, "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object"}, "links": links,
        },
    }  # fmt: skip
    page = {
        "type": "object", "required": ["type", "features", "numberMatched", "numberReturned", "timeStamp", "links"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]}, "links": links,
            "features": {"type": "array", "items": {"$ref": "#/components/schemas/Feature"}}, "timeStamp": {"type": "string", "format": "date-time"},
            "numberMatched": {"type": "integer", "minimum": 0}, "numberReturned": {"type": "integer", "minimum": 0},
        },
    }  # fmt: skip
    texts = {name: {"type": "string"} for name in ("type", "title", "title_zh", "detail", "instance")}
    # Without 'detail' where it would tell what there is: the guard's 401, 403, 404 and 405 say their number only.
    problem = {
        "type": "object",
        "required": ["title", "status"],
        "properties": {**texts, "status": {"type": "integer"}},
    }
    return {"Feature": feature, "FeatureCollection": page, "Problem": problem}

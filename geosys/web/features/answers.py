"""The answers to reading: documents, pages of features, one feature; each as JSON or as a page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geosys.web.features import documents, pages
from geosys.web.features.asking import note, segment, told, trail
from geosys.web.features.documents import HTML, JSON, OPENAPI, SCHEMA
from geosys.web.features.geojson import GEOJSON, collection_text, feature_text, page_of, shapes_of
from geosys.web.features.openapi import openapi
from geosys.web.features.parameters import DEFAULT_SYSTEM, EVERYWHERE, read_asked, single
from geosys.web.features.permitted import access, accesses
from geosys.web.features.problems import not_found
from geosys.web.features.systems import address_of, system_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from geosys.web.features.asking import Asking
    from geosys.web.features.permitted import Access
    from geosys.web.sources.port import Feature, Query


def _answer(
    asking: Asking, content: Any, kind: str, steps: Sequence[tuple[str, str]], body: Callable[[], str]
) -> Response:
    """Return a document as JSON, or as the page of its body."""
    if asking.is_page:
        return told(
            pages.page(asking.base, asking.language, trail(asking, *steps), body(), asking.other_language), HTML
        )
    return told(json.dumps(content, ensure_ascii=False), kind)


def landing(asking: Asking) -> Response:
    """Answer with the landing page."""
    single(asking.request.query_params, EVERYWHERE)
    content, language = documents.landing(asking.service, asking.base, asking.language), asking.language
    ways = [
        (f"{asking.base}/{name}?f=html", pages.word(name, language)) for name in ("collections", "conformance", "api")
    ]
    return _answer(asking, content, JSON, (), lambda: pages.link_list(ways))


def conformance(asking: Asking) -> Response:
    """Answer with what the service conforms to."""
    single(asking.request.query_params, EVERYWHERE)
    rows = [(address, address) for address in documents.CONFORMANCE]
    step = (f"{asking.base}/conformance?f=html", pages.word("conformance", asking.language))
    return _answer(
        asking,
        {"conformsTo": list(documents.CONFORMANCE)},
        JSON,
        [step],
        lambda: _plain_list([told for told, _ in rows]),
    )


def _plain_list(rows: Sequence[str]) -> str:
    return f"<section>{pages.table(['URI'], [[row] for row in rows])}</section>"


def api(asking: Asking) -> Response:
    """Answer with the OpenAPI document of what the viewer may read."""
    single(asking.request.query_params, EVERYWHERE)
    content = openapi(asking.service, accesses(asking.service, asking.viewer), asking.base, asking.language)
    step = (f"{asking.base}/api?f=html", pages.word("api", asking.language))
    paths = [
        f"{method.upper()} {path}" for path, one in content["paths"].items() for method in one if method != "parameters"
    ]
    return _answer(asking, content, OPENAPI, [step], lambda: _plain_list(paths))


def collections(asking: Asking) -> Response:
    """Answer with all collections that the viewer may read."""
    single(asking.request.query_params, EVERYWHERE)
    found = accesses(asking.service, asking.viewer)
    content = documents.collections(asking.service, found, asking.base, asking.language)
    return _answer(
        asking,
        content,
        JSON,
        [_collections_step(asking)],
        lambda: pages.collections_body(found, asking.base, asking.language),
    )


def _collections_step(asking: Asking) -> tuple[str, str]:
    return f"{asking.base}/collections?f=html", pages.word("collections", asking.language)


def _steps(asking: Asking, found: Access, *further: str) -> list[tuple[str, str]]:
    address = f"{asking.base}/collections/{found.collection.id}"
    steps = [_collections_step(asking), (f"{address}?f=html", found.schema.title.in_language(asking.language))]
    return steps + [(f"{address}/{name}?f=html", pages.word(name, asking.language)) for name in further]


def collection(asking: Asking) -> Response:
    """Answer with one collection."""
    found = access(asking.service, asking.viewer, asking.name)
    single(asking.request.query_params, EVERYWHERE)
    content = documents.collection(asking.service, found, asking.base, asking.language)
    address = f"{asking.base}/collections/{found.collection.id}"
    return _answer(
        asking, content, JSON, _steps(asking, found), lambda: pages.collection_body(content, address, asking.language)
    )


def queryables(asking: Asking) -> Response:
    """Answer with the properties that filters may name."""
    return _properties(asking, "queryables")


def schema(asking: Asking) -> Response:
    """Answer with the properties that features have."""
    return _properties(asking, "schema")


def _properties(asking: Asking, name: str) -> Response:
    found = access(asking.service, asking.viewer, asking.name)
    single(asking.request.query_params, EVERYWHERE)
    make = documents.queryables if name == "queryables" else documents.schema
    content = make(asking.service, found, asking.base, asking.language)
    return _answer(
        asking, content, SCHEMA, _steps(asking, found, name), lambda: pages.schema_body(content, asking.language)
    )


def items(asking: Asking) -> Response:
    """Answer with a page of features."""
    service = asking.service
    found = access(service, asking.viewer, asking.name)
    asked = read_asked(asking.request.query_params, found, service)
    query, name = asked.query, found.collection.id
    matched = service.source.count(name, asked.condition)
    features = service.source.items(name, _one_more(query))
    shown = page_of(features[: query.limit], asked.system, service.most_page_bytes)
    kept = features[: len(shown)]
    has_more = len(features) > len(kept)
    note(asking, found.schema, asking.request.url.query, len(kept))
    pages_around = _pages(asking, query, kept, has_more=has_more, is_whole=found.condition is None)
    if asking.is_page:
        addresses = [f"{item_address(asking, found, feature)}?f=html" for feature in kept]
        body = pages.items_body(found, kept, query.columns, addresses, pages_around, matched, asking.language)
        way = trail(asking, *_steps(asking, found, "items"))
        return told(pages.page(asking.base, asking.language, way, body, asking.other_language), HTML)
    links = [
        documents.link(asking.with_parameters(), "self", GEOJSON),
        documents.link(asking.with_parameters(f="html"), "alternate", HTML),
    ]
    links += [documents.link(address, rel, GEOJSON) for rel, address in pages_around]
    links.append(documents.link(f"{asking.base}/collections/{name}", "collection", JSON))
    when = service.clock().isoformat(timespec="seconds")
    return told(collection_text(shown, links, (matched, when)), GEOJSON, crs_header(asked.system))


def _one_more(query: Query) -> Query:
    """Return a question for one feature more than the page holds: whether there is a next page."""
    return replace(query, limit=query.limit + 1)


def crs_header(system: str) -> dict[str, str]:
    """Return the header that names the system of an answer."""
    return {"Content-Crs": f"<{address_of(system)}>"}


def _pages(
    asking: Asking, query: Query, kept: Sequence[Feature], *, has_more: bool, is_whole: bool
) -> list[tuple[str, str]]:
    """Return the ways to the pages around one: by the last feature where the order is the store's, else by counting.

    Whoever sees only a part counts: the store's tokens number all rows, and so tell how many are hidden.
    """
    ways: list[tuple[str, str]] = []
    if query.after or query.offset:
        ways.append(("first", asking.with_parameters(after=None, offset=None)))
    if query.offset:
        ways.append(("prev", asking.with_parameters(after=None, offset=str(max(query.offset - query.limit, 0)))))
    if has_more and (query.sort or not is_whole):
        ways.append(("next", asking.with_parameters(after=None, offset=str(query.offset + len(kept)))))
    elif has_more:
        ways.append(("next", asking.with_parameters(after=kept[-1].token, offset=None)))
    return ways


def item_address(asking: Asking, found: Access, feature: Feature) -> str:
    """Return the address of a feature."""
    return f"{asking.base}/collections/{found.collection.id}/items/{segment(feature.id)}"


def tag_of(found: Access, feature: Feature) -> str:
    """Return the entity tag of a feature: the version of its layer, and how often it was changed since."""
    version = "".join(letter for letter in found.collection.version if letter.isalnum() or letter in "._-")
    return f'"{version}-{feature.edition}"'


def item(asking: Asking) -> Response:
    """Answer with one feature, or that it is as the client has it."""
    found = access(asking.service, asking.viewer, asking.name)
    parameters = single(asking.request.query_params, [*EVERYWHERE, "crs"])
    system = system_named(parameters["crs"], asking.service.plan_crs, "crs") if "crs" in parameters else DEFAULT_SYSTEM
    feature = asking.service.source.one(
        found.collection.id, asking.request.path_params["feature"], tuple(found.columns), found.condition
    )
    if feature is None:
        raise not_found()
    note(asking, found.schema, feature.id, 1)
    headers = {"ETag": tag_of(found, feature), **crs_header(system)}
    wanted = [tag.strip().removeprefix("W/") for tag in asking.request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in wanted or wanted == ["*"]:
        return told("", GEOJSON, headers, 304)
    if asking.is_page:
        step = (asking.here, feature.id)
        body = pages.item_body(found, feature, asking.here, asking.language)
        way = trail(asking, *_steps(asking, found, "items"), step)
        return told(pages.page(asking.base, asking.language, way, body, asking.other_language), HTML, headers)
    return told(feature_as_text(asking, found, feature, system), GEOJSON, headers)


def feature_as_text(asking: Asking, found: Access, feature: Feature, system: str) -> str:
    """Return one feature with its links as JSON."""
    address = item_address(asking, found, feature)
    links = [
        *documents.self_links(address, GEOJSON),
        documents.link(f"{asking.base}/collections/{found.collection.id}", "collection", JSON),
    ]
    links[0]["href"] = address
    return feature_text(feature, shapes_of([feature], system)[0], links)

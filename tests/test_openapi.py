"""The OpenAPI document: whole in itself, true of every route, and held to by every answer; problems of the guard included."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from features_town import COUNTIES, OUTFALL, PLOT, SAMPLE, Client, outfalls, plots, samples, service_of

from geosys.accounts.store.database import open_accounts
from geosys.accounts.viewer import LOCAL, Viewer
from geosys.web.app import make_app
from geosys.web.features.routes import features_routes
from geosys.web.guard.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.applications import Starlette

    from geosys.web.service import Service

ONE = {OUTFALL: "C0001", PLOT: "P001", SAMPLE: "S1"}
VIEWERS = {
    "local": LOCAL,
    "reader": Viewer("reader", "viewer", audience="internal"),
    "county": Viewer("county", "editor", counties=frozenset(COUNTIES[:1]), audience="internal"),
}
# Routes that are no part of the API of features: pages of accounts and maps, tiles (TileJSON describes them), the services that
# describe themselves in their capabilities. A new route is either described or entered here.
OTHERS = {
    "/health", "/login", "/logout", "/me", "/me/password", "/static", "/map", "/map/files/{name}",
    "/tiles", "/tiles/{collection}", "/tiles/{collection}/{z:int}/{x:int}/{y:int}.mvt", "/wms", "/wfs", "/wmts", "/wmts/{rest:path}",
}  # fmt: skip
STYLE = re.compile(r".*\.css")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    made = service_of(folder, {OUTFALL: outfalls(200), PLOT: plots(30), SAMPLE: samples(5)})
    yield made
    made.source.close()


@pytest.fixture(scope="module")
def whole(service: Service, folder: Path) -> Iterator[Starlette]:
    accounts = open_accounts(folder / "accounts.sqlite")
    yield make_app(service, accounts, Settings(clock=lambda: dt.datetime(2026, 9, 30, tzinfo=dt.UTC)), folder)
    accounts.close()


@pytest.fixture(params=VIEWERS, scope="module")
def client(service: Service, request: pytest.FixtureRequest) -> Client:
    return Client(service, VIEWERS[request.param])


@pytest.fixture(scope="module")
def document(client: Client) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/api").json()
    return told


def resolved(document: dict[str, Any], value: Any) -> Any:
    """Return what a reference leads to."""
    while isinstance(value, dict) and "$ref" in value:
        place: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
        value = place
    return value


def as_json_schema(document: dict[str, Any], schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON schema: references put in their place, what may be null said so."""
    schema = copy.deepcopy(resolved(document, schema))
    if isinstance(schema, list):
        return [as_json_schema(document, part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: as_json_schema(document, part) for key, part in schema.items() if key != "nullable"}
    if schema.get("nullable") is True and "type" in told:
        told["type"] = [told["type"], "null"]
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Yield path, method, operation and its parameters, those of the path included."""
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            own = [*item.get("parameters", []), *item[method].get("parameters", [])]
            yield path, method, item[method], [resolved(document, one) for one in own]


def filled(path: str) -> str:
    return next((path.replace("{featureId}", key) for name, key in ONE.items() if f"/{name}/" in path), path)


def is_hidden(client: Client, path: str) -> bool:
    """Say whether a path leads to a feature that the viewer may not see: plots of the toy lie in no county."""
    return "{featureId}" in path and client.get(filled(path)).status_code == 404


# --- whole in itself ---


def test_references_names_and_parameters_are_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.0.")
    assert document["info"]["title"]
    assert document["info"]["version"]
    names = [operation["operationId"] for _, _, operation, _ in operations(document)]
    assert len(names) == len(set(names)) > 10
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        assert resolved(document, {"$ref": reference}) is not None
    for path, method, operation, parameters in operations(document):
        told = [(one["name"], one["in"]) for one in parameters]
        assert len(told) == len(set(told)), (path, method)
        assert {name for name, where in told if where == "path"} == set(re.findall(r"\{(\w+)\}", path))
        assert all(one["required"] for one in parameters if one["in"] == "path")
        assert all(re.fullmatch(r"[2-5]\d\d", status) for status in operation["responses"])
        assert all(resolved(document, one)["description"] for one in operation["responses"].values())
        assert ("requestBody" in operation) == (method in {"post", "put", "patch"})


def test_every_schema_is_one_and_every_default_and_example_holds_to_it(document: dict[str, Any]) -> None:
    found = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.extend([value["schema"]] if "schema" in value else [])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(document)
    assert len(found) > 20
    for schema in found:
        told = as_json_schema(document, schema)
        jsonschema.Draft202012Validator.check_schema(told)
        for key in ("default", "example"):
            if key in told:
                jsonschema.validate(told[key], told)


# --- true of every route ---


def test_every_route_is_described_and_every_description_has_a_route(
    document: dict[str, Any], client: Client, service: Service
) -> None:
    for path, item in document["paths"].items():
        allowed = client.ask("OPTIONS", filled(path)).headers["allow"].lower().split(", ")
        assert set(allowed) - {"head", "options"} == set(item) - {"parameters"}, path
    described = {re.sub(r"/collections/\w+", "/collections/{name}", path) for path in document["paths"]}
    routes = {route.path.replace("{feature:path}", "{featureId}") for route in features_routes(service)}
    assert {path for path in routes if not STYLE.fullmatch(path)} == described


def test_whatever_else_the_service_answers_is_known(whole: Starlette, service: Service) -> None:
    features = {route.path for route in features_routes(service)}
    others = {getattr(route, "path", "") for route in whole.routes} - features
    assert others == OTHERS


# --- held to by every answer ---


def assert_described(document: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> None:
    """Hold an answer to its description: status, type, headers, content."""
    assert str(answer.status_code) in operation["responses"], (answer.status_code, answer.text[:300])
    told = resolved(document, operation["responses"][str(answer.status_code)])
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    assert is_page or set(told.get("headers", {})) <= {name.title().replace("Etag", "ETag") for name in answer.headers}
    if "content" not in told:
        assert not answer.content
        return
    kind = answer.headers["content-type"]
    described = {key.replace(" ", "") for key in told["content"]}
    assert kind.replace(" ", "") in described or kind.partition(";")[0] in described, kind
    if "json" in kind:
        content = next(one for key, one in told["content"].items() if "json" in key)
        jsonschema.validate(answer.json(), as_json_schema(document, content["schema"]))


def test_every_answer_is_as_described(document: dict[str, Any], client: Client) -> None:
    asked = 0
    for path, method, operation, parameters in operations(document):
        if method != "get":
            continue
        if is_hidden(client, path):
            assert_described(document, operation, client.get(filled(path)))
            continue
        names = {one["name"] for one in parameters}
        good: list[dict[str, str]] = [{}, {"f": "html"}, {"f": "json"}, {"lang": "en"}]
        bad: list[dict[str, str]] = [{"f": "yaml"}, {"lang": "la"}, {"nothing": "1"}]
        if "limit" in names:
            good += [{"limit": "3"}, {"limit": "20000"}, {"bbox": "114,34,115,35"}, {"offset": "2"}]
            bad += [{"limit": "0"}, {"bbox": "1,2"}, {"filter": "("}, {"sortby": "nothing"}, {"datetime": "x"}]
        if "crs" in names:
            good.append({"crs": "http://www.opengis.net/def/crs/EPSG/0/4547"})
            bad.append({"crs": "x"})
        for sent in (*good, *bad):
            answer = client.ask("GET", filled(path), params=sent)
            assert_described(document, operation, answer)
            assert answer.status_code == (200 if sent in good else 400), (path, sent)
            asked += 1
        if "{featureId}" in path:
            assert_described(document, operation, client.get(path.replace("{featureId}", "none")))
            tag = client.get(filled(path)).headers["etag"]
            assert_described(document, operation, client.get(filled(path), {"If-None-Match": tag}))
    assert asked > 60


def test_values_are_of_the_types_that_the_schema_tells(document: dict[str, Any], client: Client) -> None:
    for name in ONE:
        if f"/collections/{name}" not in document["paths"]:
            continue
        told = client.get(f"/collections/{name}/schema").json()
        jsonschema.Draft202012Validator.check_schema(told)
        told["properties"].pop("geometry", None)
        check = jsonschema.Draft202012Validator(told, format_checker=jsonschema.FormatChecker())
        features = client.items(name, limit="1000")["features"]
        assert features or is_hidden(client, f"/collections/{name}/items/{{featureId}}")
        for feature in features:
            assert set(feature["properties"]) == set(told["properties"])
            given = {key: value for key, value in feature["properties"].items() if value is not None}
            wrong = [e.message for e in check.iter_errors(given) if e.validator not in {"required", "enum", "pattern"}]
            assert not wrong


def test_what_the_schema_of_a_new_feature_takes_is_taken(tmp_path: Path) -> None:
    made = service_of(tmp_path, {OUTFALL: outfalls(3)})
    client = Client(made)
    document = client.get("/api").json()
    operation = document["paths"][f"/collections/{OUTFALL}/items"]["post"]
    (schema, *_) = [one["schema"] for one in resolved(document, operation["requestBody"])["content"].values()]
    check = jsonschema.Draft202012Validator(as_json_schema(document, schema))
    place = {"type": "Point", "coordinates": [114.3, 34.75]}
    kind = {"Content-Type": "application/geo+json"}
    for number, (values, shape) in enumerate([
        ({}, place), ({"flow_t_d": 3.5, "is_traced": True, "found_on": "2025-03-04"}, place), ({"flow_t_d": "much"}, place),
        ({"is_traced": "yes"}, place), ({"outfall_type": "没有这种"}, place), ({"nothing": 1}, place), ({}, {"type": "Point"}),
    ]):  # fmt: skip
        content = {
            "type": "Feature",
            "geometry": shape,
            "properties": {"outfall_code": f"N{number}", "outfall_name": "口"} | values,
        }
        answer = client.ask("POST", f"/collections/{OUTFALL}/items", content=json.dumps(content), headers=kind)
        assert_described(document, operation, answer)
        assert answer.status_code == (201 if check.is_valid(content) else 400), (values, answer.text)
    made.source.close()


def test_who_may_not_edit_is_told_so_before_anything_else(service: Service) -> None:
    client = Client(service, VIEWERS["reader"])
    for path in (f"/collections/{OUTFALL}/items?nothing=1", f"/collections/{OUTFALL}/items?f=json"):
        assert client.ask("POST", path, content="{}").status_code == 403


# --- what the guard before it answers ---


@pytest.mark.parametrize(
    "path", [f"/collections/{OUTFALL}/items/%1E", f"/collections/{OUTFALL}/items/a%5Cb", "/collections/%2e%2e/items", "/nothing"]
)  # fmt: skip
def test_problems_of_the_guard_are_those_of_the_document(whole: Starlette, path: str) -> None:
    async def ask() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=whole, client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"Accept": "application/json"}), await client.get("/api")

    answer, api = asyncio.run(ask())
    document = api.json()
    assert answer.status_code == 404
    assert_described(document, document["paths"][f"/collections/{OUTFALL}/items"]["get"], answer)

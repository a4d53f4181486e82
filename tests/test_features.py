"""OGC API - Features: documents, systems and axis order, paging, forms, problems, and who sees what."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pyproj
import pytest
import shapely
from features_town import (
    COUNTIES,
    CRS84,
    EPSG,
    OUTFALL,
    PLAN,
    PLOT,
    SAMPLE,
    Client,
    content,
    outfalls,
    plots,
    samples,
    service_of,
)

from geosys.accounts.viewer import NOBODY, Viewer

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

    from geosys.layers.spec import Catalogue
    from geosys.web.service import Service

ROWS = 1_000


@pytest.fixture(scope="module")
def frame() -> gpd.GeoDataFrame:
    return outfalls(ROWS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, frame: gpd.GeoDataFrame) -> Service:
    return service_of(tmp_path_factory.mktemp("services"), {OUTFALL: frame, PLOT: plots(60), SAMPLE: samples(5)})


@pytest.fixture(scope="module")
def client(service: Service) -> Client:
    return Client(service)


def authority(code: str) -> pyproj.Transformer:
    """Return the way from the plan's plane, both in the order their authorities give."""
    return pyproj.Transformer.from_crs(PLAN, code)


# --- systems ---


@pytest.mark.parametrize("code", ["EPSG:4490", "EPSG:4547", "EPSG:4526", "EPSG:4326", "EPSG:3857", "OGC:CRS84"])
def test_coordinates_come_in_the_order_of_their_authority(client: Client, frame: gpd.GeoDataFrame, code: str) -> None:
    address = CRS84 if code == "OGC:CRS84" else EPSG + code[5:]
    answer = client.get(f"/collections/{OUTFALL}/items", crs=address, limit=50)
    assert answer.headers["content-crs"] == f"<{address}>"
    got = np.array([f["geometry"]["coordinates"] for f in answer.json()["features"]])
    east, north = frame.geometry.x.to_numpy()[:50], frame.geometry.y.to_numpy()[:50]
    wanted = np.column_stack(authority(code).transform(north, east))  # EPSG:4547 is north, east
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-8 if abs(wanted[0, 0]) < 360 else 2e-4)


def test_without_crs_the_answer_is_geojson_as_the_rfc_has_it(client: Client) -> None:
    told = client.items(PLOT, limit=1)
    ring = told["features"][0]["geometry"]["coordinates"][0]
    assert all(114 < x < 115 and 34 < y < 35 for x, y in ring)
    assert shapely.is_ccw(shapely.LinearRing(ring))


@pytest.mark.parametrize("code", ["EPSG:4490", "EPSG:4547", "EPSG:3857", "OGC:CRS84"])
def test_a_box_finds_what_lies_in_it_in_every_system(client: Client, frame: gpd.GeoDataFrame, code: str) -> None:
    change = pyproj.Transformer.from_crs(PLAN, code, always_xy=True)
    x, y = change.transform(frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy())
    west, east, south, north = np.quantile(x, 0.3), np.quantile(x, 0.6), np.quantile(y, 0.2), np.quantile(y, 0.7)
    wanted = frame.loc[(x >= west) & (x <= east) & (y >= south) & (y <= north), "feature_id"].tolist()
    turned = code in {"EPSG:4490", "EPSG:4547"}
    box = (south, west, north, east) if turned else (west, south, east, north)
    address = CRS84 if code == "OGC:CRS84" else EPSG + code[5:]
    told = client.items(OUTFALL, bbox=",".join(f"{v:.12g}" for v in box), bbox_crs=address, limit=1000)
    assert [f["id"] for f in told["features"]] == wanted != []
    assert told["numberMatched"] == len(wanted)


def test_filters_have_a_system_of_their_own(client: Client) -> None:
    plain = client.items(OUTFALL, filter="S_INTERSECTS(geometry,BBOX(114.2,34.7,114.3,34.8))", limit=1000)
    turned = client.items(
        OUTFALL, filter="S_INTERSECTS(geometry,BBOX(34.7,114.2,34.8,114.3))", filter_crs=f"{EPSG}4490", limit=1000
    )
    assert [f["id"] for f in plain["features"]] == [f["id"] for f in turned["features"]] != []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crs", f"{EPSG}4214"), ("crs", f"{EPSG}2383"), ("crs", "4490"), ("crs", "' OR 1=1"), ("bbox", "1,2,3"), ("bbox", "a,b,c,d"), ("bbox", "nan,1,2,3"),
        ("bbox", "114,36,115,34"), ("bbox", "34,114,35,115"), ("bbox-crs", "x"), ("limit", "0"), ("limit", "-1"), ("limit", "1e3"), ("limit", "１"),
        ("offset", "-1"), ("offset", "99999999999"), ("f", "xml"), ("lang", "fr"), ("sortby", "nope"), ("sortby", "outfall_name;drop"), ("nope", "1"),
        ("datetime", "yesterday"), ("datetime", "../.."), ("filter-lang", "sql"), ("properties", "nope"), ("flow_t_d", "x"), ("is_traced", "1"),
        ("after", "-1"), ("after", "x' OR 1=1"), ("geosys_row", "1"), ("flow_t_d", "nan"), ("after", "9" * 40),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused_by_name(client: Client, name: str, value: str) -> None:
    answer = client.ask("GET", f"/collections/{OUTFALL}/items", params={name: value})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == 400
    assert name.partition("_")[0] in told["detail"]


# --- paging ---


def pages(client: Client, path: str) -> list[dict[str, Any]]:
    found, address = [], path
    for _ in range(200):
        told = client.ask("GET", address).json()
        found.append(told)
        following = [link["href"] for link in told["links"] if link["rel"] == "next"]
        if not following:
            return found
        address = following[0]
    raise AssertionError("pages without end")


@pytest.mark.parametrize(
    "more",
    ["", "&sortby=-river_name", "&sortby=flow_t_d,-outfall_name", "&crs=http://www.opengis.net/def/crs/EPSG/0/4547"],
)
def test_pages_hold_every_feature_once(client: Client, frame: gpd.GeoDataFrame, more: str) -> None:
    found = pages(client, f"/collections/{OUTFALL}/items?limit=37{more}")
    names = [f["id"] for page in found for f in page["features"]]
    assert sorted(names) == sorted(frame["feature_id"])
    assert {page["numberMatched"] for page in found} == {ROWS}
    assert all(page["numberReturned"] == len(page["features"]) for page in found)
    rivers = [f["properties"]["river_name"] for page in found for f in page["features"]]
    assert more != "&sortby=-river_name" or rivers == sorted(rivers, reverse=True)


def test_pages_by_counting_hold_every_feature_once(client: Client, frame: gpd.GeoDataFrame) -> None:
    names = [f["id"] for k in range(0, ROWS, 130) for f in client.items(OUTFALL, limit=130, offset=k)["features"]]
    assert names == frame["feature_id"].tolist()
    assert client.items(OUTFALL, offset=ROWS)["features"] == []


def test_a_filtered_sequence_of_pages_keeps_its_filter(client: Client, frame: gpd.GeoDataFrame) -> None:
    found = pages(
        client, f"/collections/{OUTFALL}/items?limit=10&filter=river_name='黄河' AND flow_t_d>5&properties=river_name"
    )
    rows = frame[(frame["river_name"] == "黄河") & (frame["flow_t_d"] > 5)]
    assert [f["id"] for page in found for f in page["features"]] == rows["feature_id"].tolist()
    assert all(set(f["properties"]) == {"river_name"} for page in found for f in page["features"])


def test_a_page_too_large_for_one_answer_is_cut_and_goes_on(service: Service) -> None:
    narrow = Client(dataclasses.replace(service, most_page_bytes=20_000, most_features=500))
    found = pages(narrow, f"/collections/{OUTFALL}/items?limit=9999")
    assert sum(page["numberReturned"] for page in found) == ROWS
    assert len(found) > 5


# --- documents ---


def test_every_link_and_reference_of_the_documents_leads_somewhere(client: Client) -> None:
    seen, wanted = set(), {"http://localhost:8000/"}
    while wanted - seen:
        address = min(wanted - seen)
        seen.add(address)
        answer = client.ask("GET", address)
        assert answer.status_code == 200, address
        if "json" in answer.headers["content-type"]:
            text = json.dumps(answer.json().get("links", [])) + json.dumps(answer.json().get("collections", []))
            wanted |= {
                a
                for a in re.findall(r'"href": "(http://localhost:8000[^"]*)"', text)
                if "/items/" not in a and "after=" not in a
            }
        else:
            wanted |= {
                a
                for a in re.findall(r'href="(http://localhost:8000[^"]*)"', answer.text)
                if "/items/" not in a and "after" not in a and "lang" not in a
            }
        assert not re.search(r'(?:src|href)="(?!http://localhost:8000)', answer.text), "an outside address"
    assert len(seen) > 25


def test_the_openapi_document_is_whole_and_true(client: Client) -> None:
    told = client.get("/api").json()
    text = json.dumps(told)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        place: Any = told
        for step in reference.split("/"):
            place = place[step]
    identifiers = re.findall(r'"operationId": "([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    one = f"/collections/{OUTFALL}/items/{{featureId}}"
    assert set(told["paths"][one]) == {"parameters", "get", "put", "patch", "delete"}
    limit = told["components"]["parameters"]["limit"]["schema"]
    assert (limit["maximum"], limit["default"]) == (10_000, 100)
    for path, methods in told["paths"].items():
        status = client.ask(
            "GET", path.replace("{featureId}", "C0001" if OUTFALL in path else "P001" if PLOT in path else "S1")
        ).status_code
        assert str(status) in methods["get"]["responses"], path
        assert status == 200


def test_conformance_names_the_parts(client: Client) -> None:
    told = client.get("/conformance").json()["conformsTo"]
    for part in (
        "features-1/1.0/conf/core",
        "features-2/1.0/conf/crs",
        "features-3/1.0/conf/filter",
        "cql2/1.0/conf/cql2-text",
        "conf/create-replace-delete",
    ):
        assert any(part in address for address in told), part


def test_queryables_tell_types_codes_and_titles(client: Client) -> None:
    told = client.get(f"/collections/{OUTFALL}/queryables").json()["properties"]
    assert told["flow_t_d"]["type"] == "number"
    assert told["found_on"]["format"] == "date"
    assert told["geometry"]["format"] == "geometry-point-or-multipoint"
    assert "工业排污口" in told["outfall_type"]["enum"] or told["outfall_type"]["enum"]
    assert told["outfall_name"]["title"] == "排污口名称"
    assert (
        client.get(f"/collections/{OUTFALL}/queryables", lang="en").json()["properties"]["outfall_name"]["title"]
        == "Outfall name"
    )


def test_features_without_a_place_are_answered_in_every_system(client: Client) -> None:
    for code in ("4490", "4547"):
        told = client.items(SAMPLE, crs=EPSG + code)
        assert [f["geometry"] for f in told["features"]] == [None] * 5
    assert client.items(SAMPLE, bbox="1,2,3,4")["numberMatched"] == 5


# --- forms and headers ---


def test_pages_show_what_json_tells_and_nothing_runs_in_them(client: Client) -> None:
    path = f"/collections/{OUTFALL}/items"
    answer = client.get(path, {"Accept": "text/html,*/*;q=0.5"}, limit=100)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "; DROP TABLE outfall; --" in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert answer.text.count("<circle") == 100
    assert 'lang="zh-CN"' in answer.text
    assert 'lang="en"' in client.get(path, {"Accept": "text/html", "Accept-Language": "en-GB"}).text
    assert client.get(path, {"Accept": "text/html"}, f="json").headers["content-type"] == "application/geo+json"
    assert client.get(f"{path}/C0001", f="html").status_code == 200


def test_markup_in_values_and_addresses_stays_text(tmp_path: Path) -> None:
    frame = outfalls(3)
    frame["outfall_name"] = "<script>alert(1)</script>\"'"
    frame["feature_id"] = ['a/b"<b>', "x y&z", "名?#"]
    evil = Client(service_of(tmp_path, {OUTFALL: frame}))
    for path in (f"/collections/{OUTFALL}/items", f"/collections/{OUTFALL}/items/a%2Fb%22%3Cb%3E"):
        answer = evil.get(path, f="html")
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<b>" not in answer.text
    told = evil.items(OUTFALL, f="json")
    for feature in told["features"]:
        page = evil.get(f"/collections/{OUTFALL}/items", f="html").text
        address = re.findall(rf'href="(http://localhost:8000/collections/{OUTFALL}/items/[^"?]+)', page)
        assert {evil.ask("GET", a).json()["id"] for a in address} == {f["id"] for f in told["features"]}
        assert feature["properties"]["outfall_name"].startswith("<script>")


def test_head_and_options_answer_without_a_body(client: Client) -> None:
    path = f"/collections/{OUTFALL}/items"
    get, head = client.get(path), client.ask("HEAD", path)
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == get.headers["content-length"]
    told = client.ask(
        "OPTIONS", path, headers={"Origin": "http://other.example", "Access-Control-Request-Method": "POST"}
    )
    assert told.status_code == 204
    assert told.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert not [name for name in told.headers if name.startswith("access-control")]


def test_a_forged_host_never_gets_into_a_link(service: Service, client: Client) -> None:
    for host in ("evil.example", "localhost@evil.example", 'x"><script>', "127.0.0.1:80:90", "localhost:8000/evil"):
        answer = client.ask("GET", "/", headers={"Host": host})
        assert "evil" not in answer.text, host
        assert "><script" not in answer.text
    outside = Client(dataclasses.replace(service, public_url="https://maps.example/geo/"))
    assert outside.get("/").json()["links"][0]["href"] == "https://maps.example/geo/?f=json"
    mounted = Client(service, root="/ogc")
    assert mounted.get("/ogc/collections").json()["links"][0]["href"] == "http://localhost:8000/ogc/collections?f=json"


def test_one_feature_carries_a_tag_and_is_not_sent_twice(client: Client) -> None:
    path = f"/collections/{OUTFALL}/items/C0007"
    answer = client.get(path)
    assert answer.json()["id"] == "C0007"
    again = client.get(path, {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/collections/{OUTFALL}/items/C9999").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/collections/nope",
        "/collections/outfall;drop/items",
        "/collections/..%2f..%2fetc%2fpasswd",
        "/collections/outfall/items/%00",
    ],
)
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_a_failure_inside_is_told_without_its_inside(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("secret /path and password")

    answer = Client(dataclasses.replace(service, source=Broken())).get("/collections")  # type: ignore[arg-type]
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text


# --- who sees what ---


def shared_catalogue(**disclosures: str) -> Catalogue:
    """Return the content with the layer of outfalls made public or shared, and some of its fields narrower."""
    catalogue = content()
    spec = catalogue.layers[OUTFALL]
    wide = disclosures.pop("layer")
    fields = {n: dataclasses.replace(f, disclosure=disclosures.get(n, wide)) for n, f in spec.fields.items()}
    layers = dict(catalogue.layers) | {OUTFALL: dataclasses.replace(spec, disclosure=wide, fields=fields)}
    return dataclasses.replace(catalogue, layers=layers)


def test_a_hidden_layer_answers_to_the_byte_as_one_that_is_not_there(service: Service) -> None:
    nobody = Client(service, NOBODY)
    for method, tail in (
        ("GET", ""),
        ("GET", "/items"),
        ("GET", "/items/C0001"),
        ("POST", "/items"),
        ("DELETE", "/items/C0001"),
        ("OPTIONS", "/items"),
        ("GET", "/queryables"),
        ("PATCH", "/items"),
    ):
        hidden = nobody.ask(method, f"/collections/{OUTFALL}{tail}")
        absent = nobody.ask(method, f"/collections/nothing{tail}")
        assert hidden.status_code == absent.status_code == 404, (method, tail)
        assert hidden.content == absent.content
        assert dict(hidden.headers) == dict(absent.headers)
    assert nobody.get("/collections").json()["collections"] == []
    assert OUTFALL not in nobody.get("/api").text


def test_a_field_that_may_not_be_seen_does_not_exist(tmp_path: Path) -> None:
    catalogue = shared_catalogue(layer="public", flow_t_d="internal")
    client = Client(service_of(tmp_path, {OUTFALL: outfalls(30)}, catalogue), NOBODY)
    path = f"/collections/{OUTFALL}"
    for text in (
        client.get(f"{path}/items").text,
        client.get(f"{path}/items", f="html").text,
        client.get(f"{path}/queryables").text,
        client.get(f"{path}/schema").text,
        client.get("/api").text,
        client.get(f"{path}/items/C0001").text,
    ):
        assert "flow_t_d" not in text
        assert "outfall_name" in text or "排污口名称" in text
    for parameter in (
        {"flow_t_d": "1"},
        {"sortby": "flow_t_d"},
        {"properties": "flow_t_d"},
        {"filter": "flow_t_d > 1"},
    ):
        got = client.ask("GET", f"{path}/items", params=parameter)
        other = client.ask(
            "GET", f"{path}/items", params=json.loads(json.dumps(parameter).replace("flow_t_d", "flow_t_x"))
        )
        assert got.status_code == other.status_code == 400
        assert got.text.replace("flow_t_d", "flow_t_x") == other.text


@pytest.mark.parametrize("county", COUNTIES)
def test_a_county_sees_its_own_rows_and_no_sign_of_others(
    service: Service, frame: gpd.GeoDataFrame, county: str
) -> None:
    client = Client(service, Viewer("li", "viewer", counties=frozenset({county}), audience="internal"))
    own = frame[frame["county_code"] == county]["feature_id"].tolist()
    told = client.items(OUTFALL, limit=10_000)
    assert [f["id"] for f in told["features"]] == own
    assert told["numberMatched"] == len(own)
    other = frame[frame["county_code"] != county]["feature_id"].iloc[0]
    assert (
        client.get(f"/collections/{OUTFALL}/items/{other}").content
        == client.get(f"/collections/{OUTFALL}/items/none").content
    )
    for text in ("county_code <> 'x' OR 1 = 1", "NOT (county_code = 'x')", "county_code IS NULL OR TRUE"):
        answer = client.get(f"/collections/{OUTFALL}/items", filter=text, limit=10_000)
        assert answer.status_code == 400 or {f["id"] for f in answer.json()["features"]} <= set(own)
    seen = [
        f["id"]
        for page in pages(client, f"/collections/{OUTFALL}/items?limit=99&sortby=-outfall_name")
        for f in page["features"]
    ]
    assert sorted(seen) == sorted(own)
    assert "extent" not in client.get(f"/collections/{OUTFALL}").json() or client.get(f"/collections/{OUTFALL}").json()[
        "extent"
    ]["spatial"]["bbox"] == [[114.0, 34.5, 114.6, 35.0]]


def test_very_large_pages_wait_for_each_other_and_small_ones_do_not(tmp_path: Path) -> None:
    """Ten pages of 10,000 features at once would hold everybody up; two at a time do not."""
    town = service_of(tmp_path, {OUTFALL: outfalls(20)})
    now: list[int] = []
    most: dict[bool, int] = {True: 0, False: 0}
    lock = threading.Lock()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(town.source, name)

        def items(self, collection: str, query: Any) -> Any:
            is_large = query.limit > 1_001
            with lock:
                now.append(query.limit)
                most[is_large] = max(most[is_large], sum((n > 1_001) is is_large for n in now))
            time.sleep(0.1)
            with lock:
                now.remove(query.limit)
            return town.source.items(collection, query)

    client = Client(dataclasses.replace(town, source=Slow()))

    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(app=client._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as asking:
            wanted = [asking.get(f"/collections/{OUTFALL}/items", params={"limit": n}) for n in (5_000, 10) * 5]
            return [answer.status_code for answer in await asyncio.gather(*wanted)]

    assert asyncio.run(ask_all()) == [200] * 10
    assert most[True] == 2
    assert most[False] > 2

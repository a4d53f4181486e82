"""What strangers send to break in: SQL, CQL2, paths, headers, XML, looks and map files of their own, too much of everything.

No answer is a failure of the service, none holds a hidden cell, a file or the inside of the program, and all rows stay as they are.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import httpx
import pytest
from test_rights_everywhere import (
    EAST,
    GEOJSON,
    PLACES,
    TILE,
    VIEWERS,
    House,
    changes,
    feature_id,
    frame,
    house_of,
    leaks,
    needs_mapserver,
    place,
    rows_of,
    told,
)

from geosys.accounts.viewer import NOBODY, Viewer
from geosys.web.guard.doorway import MOST_PATH, MOST_QUERY
from geosys.web.guard.envelope import SECURITY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

LAYERS = ("outfall", "sewage_plant", "village")
WEST, CHIEF = VIEWERS["editor_shared_west_all"], VIEWERS["administrator_internal_all_all"]
SECRET = "text-of-a-file-that-nobody-may-read"  # noqa: S105
# Of the inside: traces, drivers, statements, places of files, what a read /etc/passwd begins with.
INSIDE = re.compile(
    r"Traceback|File \"|sqlite|OperationalError|psycopg|SELECT .* FROM|syntax error|no such (table|column)|\.gpkg|root:x:0|site-packages|mapserver\.conf|map\.map"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with asyncio.Runner() as loop:
        folder = tmp_path_factory.mktemp("house")
        (folder / "secret.map").write_text(f"MAP\nNAME {SECRET}\nEND\n", encoding="utf-8")
        made = house_of(folder, {name: frame(name) for name in LAYERS}, {v.name: v for v in (WEST, CHIEF)}, loop)
        yield made
        # Whatever was tried: all is as it was.
        for layer in LAYERS:
            rows = made.get(CHIEF, f"/collections/{layer}/items").json()["features"]
            assert {f["id"]: f["properties"] for f in rows} == rows_of(CHIEF, layer)
        made.service.source.close()
        made.accounts.close()


def check(
    house: House,
    viewer: Viewer,
    method: str,
    target: str | bytes,
    headers: list[tuple[bytes, bytes]] = (),
    body: bytes = b"",
) -> httpx.Response:
    """Ask as a server hands a request on, nothing put right on the way; check what no answer may hold."""
    raw = target.encode() if isinstance(target, str) else target
    raw_path, _, query = raw.partition(b"?")
    given = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode()), *headers]
    if any(name == b"host" for name, _ in headers):
        given = given[1:]
    if viewer.name:
        given.append((b"authorization", f"Bearer {house.secrets[viewer.name]}".encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path, "query_string": query, "root_path": "", "headers": given, "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    told_parts: list[dict[str, Any]] = []
    sent = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        told_parts.append(message)

    house.loop.run(house.app(scope, receive, send))
    answer = httpx.Response(
        told_parts[0]["status"],
        headers=told_parts[0]["headers"],
        content=b"".join(m.get("body", b"") for m in told_parts[1:]),
    )
    where = (method, target if len(raw) < 500 else raw[:500])
    assert answer.status_code < 500, (where, answer.text)
    asked = unquote(raw.decode("latin-1")) + body.decode("utf-8", "replace")
    assert not [one for one in INSIDE.finditer(answer.text) if one[0] not in asked], (where, answer.text[:500])
    assert SECRET not in answer.text, where
    assert not {one for one in leaks(viewer, answer) if one not in asked}, where
    for name, value in answer.headers.raw:
        assert not re.search(rb"[\r\n\0]", name + value), where
    assert set(SECURITY) <= set(answer.headers)
    return answer


# --- SQL ---

SQL = (
    "' OR '1'='1", "' OR 1=1 --", '" OR ""="', "'; DROP TABLE outfall; --", "1; DELETE FROM outfall", "' UNION SELECT * FROM outfall --", "') OR ('1'='1",
    "' UNION ALL SELECT name, sql, 1 FROM sqlite_master --", "1 OR 1=1", "\\' OR 1=1 --", "'/**/OR/**/1=1--", "' || (SELECT note FROM outfall LIMIT 1) || '",
    "'; ATTACH DATABASE 'x' AS y; --", "load_extension('x')", "%' OR note LIKE '%", "1) UNION SELECT 1 --", "pg_sleep(9)", "'; SELECT pg_read_file('/etc/passwd'); --",
    "x' AND randomblob(1000000000) --", "\u02bc OR 1=1", "＇ OR 1=1 --", "note\x00' OR 1=1", '"note"', "`note`", "[note]", "note--", "CASE WHEN 1=1 THEN note END",
)  # fmt: skip
PLACES_OF_SQL = (
    "/collections/{}/items", "/collections/village/items/{}", "/collections/village/items?village_name={}", "/collections/village/items?{}=1", "/tiles/{}",
    "/collections/village/items?filter=village_name='{}'", "/collections/village/items?filter={}", "/collections/village/items?sortby={}", "/tiles/{}/1/1/1.mvt",
    "/collections/village/items?properties={}", "/collections/village/items?bbox={},0,1,1", "/collections/village/items?limit={}", "/collections/village/items?after={}",
    "/collections/village/items?datetime={}", "/collections/village/items?filter-lang={}", "/collections/village/items?crs={}", "/login?next={}", "/?lang={}", "/?f={}",
)  # fmt: skip


@pytest.mark.parametrize("where", PLACES_OF_SQL)
def test_sql_is_a_text_like_another(house: House, where: str) -> None:
    for attempt in SQL:
        for viewer in (NOBODY, WEST):
            answer = check(house, viewer, "GET", where.format(quote(attempt, safe="")))
            if "village_name" in where and answer.status_code == 200:
                # CQL2 itself has OR: what comes out of a text then is every row that may be seen, never one more.
                assert answer.json()["numberMatched"] in ({0, len(PLACES)} if "filter=" in where else {0}), attempt
            if "village_name='" in where:
                doubled = check(house, viewer, "GET", where.format(quote(attempt.replace("'", "''"), safe="")))
                assert doubled.status_code == 400 or doubled.json()["numberMatched"] == 0, attempt


def test_sql_in_a_body_or_a_header_is_a_text_like_another(house: House) -> None:
    path = f"/collections/sewage_plant/items/{feature_id('sewage_plant', 1)}"
    for attempt in SQL:
        head = [(b"if-match", attempt.encode()), (b"content-type", b"application/geo+json")]
        sent = json.dumps({"type": "Feature", "properties": {"note": attempt, attempt: 1}}).encode()
        assert check(house, WEST, "PATCH", path, head, sent).status_code in {400, 412}
        assert check(house, WEST, "DELETE", path, head).status_code == 412
        assert (
            check(house, NOBODY, "GET", "/collections", [(b"cookie", b"geosys=" + quote(attempt).encode())]).status_code
            == 200
        )
        assert check(
            house, NOBODY, "GET", "/collections", [(b"authorization", b"Bearer " + attempt.encode("utf-8"))]
        ).status_code in {400, 401}


# --- CQL2 ---

CQL2_TEXT = (
    "1=1", "TRUE", "note", "note = note", "NOT NOT TRUE", "(" * 400 + "1=1" + ")" * 400, "((((((((((((((((((((((1=1", "NOT " * 3000 + "TRUE", "note LIKE '" + "%" * 500 + "'",
    "village_name LIKE '%a%a%a%a%a%a%a%a%a%a'", "load_extension('x')", "S_INTERSECTS(geometry, POINT(1 2 3 4 5))", "S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))",
    "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(0 0)))", "S_INTERSECTS(geometry, POINT(1e400 0))", "S_WITHIN(geometry, BBOX(0,0,1))", "village_name IN (" + "'a'," * 2000 + "'b')",
    "population = 1e999", "population > -0", "population = 0x10", "population = 9223372036854775808", "village_name = 1", "1 = 1 AND", "CASEI(population) = 'a'",
    "ACCENTI(village_name) = 'a'", "T_DURING(population, INTERVAL('..','..'))", "village_name = DATE('9999-99-99')", "a.b.c = 1", '"village_name" = 1', "village_name = 'q\x00'",
    "note ^ note ^ note = 1", "-" * 3000 + "1 = 1", "population + population = 2", "village_name BETWEEN 'a' AND 'b' AND 'c'", "\ud83d\ude00" * 10 if False else "😀 = 1", "/**/1=1",
)  # fmt: skip
CQL2_JSON = (
    "{}", "[]", "null", "1", '"x"', "true", "[" * 5000, '{"a":' * 5000, '{"op":"and","args":[]}', '{"op":"or","args":"x"}', '{"op":["="],"args":[1,1]}', '{"op":"=","args":[1]}',
    '{"op":"=","args":[{"property":["note"]},1]}', '{"op":"=","args":[{"property":{"property":"note"}},1]}', '{"op":"=","args":[{"property":"note\' OR 1=1"},1]}',
    '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Polygon","coordinates":[[[0,0],[1e999,0],[1,1],[0,0]]]}]}', '{"op":"like","args":[{"property":"note"},{"op":"casei","args":[1]}]}',
    '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Polygon","coordinates":"x"}]}', '{"op":"in","args":[{"property":"note"},{"property":"note"}]}',
    '{"op":"=","args":[{"property":"population"},NaN]}', '{"op":"=","args":[{"property":"population"},1' + "0" * 6000 + "]}", '{"op":"and","args":[' + "true," * 3000 + "true]}",
    '{"op":"between","args":[{"property":"population"},true,false]}', '{"op":"=","args":[{"date":"2025-13-01"},{"property":"note"}]}', '{"op":"isNull","args":[{"property":"geometry"}]}',
    '{"op":"__class__","args":[]}', '{"op":"=","args":[{"property":"__class__"},1]}', '{"op":"=","args":[{"property":"\\ud800"},1]}', '{"op":"=","args":[{"property":"village_name"},"\\ud800"]}',
)  # fmt: skip


def test_filters_that_are_none_are_refused_and_bounded(house: House) -> None:
    for language, attempts in (("cql2-text", CQL2_TEXT), ("cql2-json", CQL2_JSON)):
        for attempt in attempts:
            answer = check(
                house, NOBODY, "GET", f"/collections/village/items?filter-lang={language}&filter={quote(attempt)}"
            )
            assert answer.status_code in {200, 400, 414}
            if answer.status_code == 200:
                assert answer.json()["numberMatched"] in {0, len(PLACES)}


def test_filters_of_one_bound_to_a_county_never_count_beyond_it(house: House) -> None:
    mine = len(rows_of(WEST, "sewage_plant") or {})
    for attempt in (
        "TRUE",
        "TRUE OR FALSE",
        "1=1 OR note IS NULL",
        "NOT FALSE",
        f"county_code = '{EAST}' OR TRUE",
        f"county_code = '{EAST}'",
        "NOT (county_code = '410202')",
    ):
        answer = check(house, WEST, "GET", f"/collections/sewage_plant/items?filter={quote(attempt)}")
        assert answer.status_code == 400 or answer.json()["numberMatched"] in {0, mine}, attempt


# --- paths ---

CLIMBING = (
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..\\", "%c0%ae%c0%ae/", "%e0%80%ae%e0%80%ae/", "....//", "..;/", ".%00./", "%2e%2e%5c", "..%c0%af", "..%ef%bc%8f", "%uff0e%uff0e/",
    "．．／", "%00/", "%0d%0a", "~/", "file:///", "/", "//", "/./", "%5c%5chost%5cshare%5c", "C:%5c", "CON", "%ff%fe", "%e2%80%ae", "%ed%a0%80",
)  # fmt: skip
ROUTES = (
    "/{}", "/static/{}", "/map/files/{}", "/collections/{}", "/collections/village/items/{}", "/tiles/{}", "/tiles/village/{}", "/tiles/{}/1/1/1.mvt", "/wmts/{}", "/wmts/village/CGCS2000/{}",
    "/style/{}", "/me/{}", "/static/{}/page.css",
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_no_path_leaves_its_folder(house: House, route: str) -> None:
    for step in CLIMBING:
        for goal in ("etc/passwd", "secret.map", "accounts.sqlite", ""):
            for times in (1, 6):
                target = route.format(step * times + goal).encode()
                answer = check(house, NOBODY, "GET", target)
                assert answer.status_code in {200, 303, 307, 400, 404, 405, 414, 501}, (target, answer.status_code)
                if answer.status_code == 200:  # a slash more, and it is a page that anybody may see
                    assert b"SQLite format" not in answer.content


# --- headers ---


def test_headers_neither_split_an_answer_nor_move_its_links(house: House) -> None:
    evil = b"evil.example"
    for name, value in (
        (b"host", evil), (b"host", b"localhost@evil.example"), (b"host", b"localhost:80:evil.example"), (b"host", b"localhost\r\nx-evil: 1"), (b"host", b""), (b"host", b"localhost/../evil.example"),
        (b"host", b"LOCALHOST#evil.example"), (b"host", "ｌocalhost".encode()), (b"host", b"evil.example\x00localhost"),
    ):  # fmt: skip
        answer = check(house, NOBODY, "GET", "/collections?f=json", [(name, value)])
        assert answer.status_code in {400, 421}
    for name in (
        b"x-forwarded-host",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-prefix",
        b"x-original-url",
        b"x-rewrite-url",
        b"forwarded",
        b"x-host",
        b"x-script-name",
        b"via",
        b"x-real-ip",
        b"proxy",
        b"x-http-method-override",
    ):
        for value in (
            evil,
            b"host=evil.example;proto=https",
            b"127.0.0.1",
            b"/collections/outfall",
            b"DELETE",
            b"https",
            b"a\r\nset-cookie: x=1",
        ):
            for path in ("/collections?f=json", "/wms?SERVICE=WMS&REQUEST=GetCapabilities", "/tiles/village", "/login"):
                if path.startswith("/wms") and value != evil:
                    continue
                answer = check(house, NOBODY, "GET", path, [(name, value)])
                assert evil not in answer.content + b"".join(v for _, v in answer.headers.raw), (name, value)
    for value in (
        b"x\r\nset-cookie: a=b",
        b"x\nlocation: //evil.example",
        b"zh\r\n\r\n<script>",
        b"\xff\xfe",
        b"*" * 9000,
        b"en;q=x,,;;,zh;q=1e999",
    ):
        for name in (
            b"accept-language",
            b"accept",
            b"origin",
            b"referer",
            b"if-none-match",
            b"if-match",
            b"content-crs",
            b"cookie",
            b"user-agent",
            b"accept-encoding",
            b"range",
        ):
            answer = check(
                house, NOBODY, "GET", "/collections/village/items/" + feature_id("village", 1), [(name, value)]
            )
            assert answer.status_code in {200, 400}
            assert "evil" not in str(answer.headers)
            assert "set-cookie" not in answer.headers
    for text in (
        "x%0d%0aset-cookie:%20a=b",
        "%0aLocation:%20//evil.example",
        "//evil.example",
        "/%5cevil.example",
        "https:evil.example",
        "%E5%98%8A%E5%98%8Dset-cookie:a",
    ):
        for path in (
            f"/login?next={text}",
            f"/?lang={text}",
            f"/collections/village/items?f={text}",
            f"/collections/{text}",
            f"/me?next={text}",
            f"/{text}",
        ):
            answer = check(house, NOBODY, "GET", path)
            assert not answer.headers.get("location", "/").startswith(("//", "http:", "https:", "/\\")), path
            assert "a=b" not in answer.headers.get("set-cookie", "")


# --- XML, looks, map files ---

ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><wfs:GetFeature xmlns:wfs="http://www.opengis.net/wfs" service="WFS" version="1.1.0"><wfs:Query typeName="&a;"/></wfs:GetFeature>',
    '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><GetFeature><Query typeName="&c;"/></GetFeature>',
    '<!DOCTYPE x SYSTEM "http://evil.example/x.dtd"><GetMap/>', '<?xml-stylesheet href="file:///etc/passwd"?><GetCapabilities service="WMS"/>',
    '<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></x>', "<" * 20_000, "<a>" * 20_000,
)  # fmt: skip


def test_no_entity_of_a_client_is_read(house: House) -> None:
    for entity in ENTITIES:
        for path in ("/wfs", "/wms", "/wmts", "/wfs?SERVICE=WFS&REQUEST=GetFeature"):
            answer = check(house, NOBODY, "POST", path, [(b"content-type", b"text/xml")], entity.encode())
            assert answer.status_code == 405
        for name in ("FILTER", "RESOURCEID", "TYPENAME", "STOREDQUERY_ID", "SLD_BODY"):
            answer = check(
                house,
                NOBODY,
                "GET",
                f"/wfs?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=village&{name}={quote(entity[:5000])}",
            )
            assert "ha" * 64 not in answer.text


def ask_map(more: str) -> str:
    west, south, east, north = place("village", 1).buffer(0.001).bounds
    return f"/wms?SERVICE=WMS&VERSION=1.1.1&REQUEST=GetMap&LAYERS=village&STYLES=&SRS=EPSG:4490&BBOX={west},{south},{east},{north}&WIDTH=30&HEIGHT=30&FORMAT=image/png{more}"


@needs_mapserver
def test_a_client_names_neither_a_look_nor_a_map_file(house: House, tmp_path: Path) -> None:
    plain = check(house, NOBODY, "GET", ask_map(""))
    assert plain.headers["content-type"] == "image/png"
    look = quote(
        '<StyledLayerDescriptor version="1.0.0"><NamedLayer><Name>outfall</Name></NamedLayer></StyledLayerDescriptor>'
    )
    for more in (
        "SLD=http://evil.example/x.sld",
        "SLD=file:///etc/passwd",
        f"SLD_BODY={look}",
        f"sld_body={look}",
        "Sld=/etc/passwd",
    ):
        assert check(house, NOBODY, "GET", ask_map(f"&{more}")).status_code == 400
    secret = next(tmp_path.parent.glob("house*/secret.map"))
    own = tmp_path / "own.map"
    own.write_text(f"MAP\nNAME {SECRET}\nEND\n", encoding="utf-8")
    for more in (
        f"MAP={secret}", f"map={own}", "MAP=/etc/passwd", "MAP=../../secret.map", "map_imagetype=svg", "map.layer[village]=DATA+outfall", "map_layer[0]_connection=/etc/passwd", "MAP.WEB.TEMPLATE=/etc/passwd",
        "mode=browse", "MODE=map", "mapext=0+0+1+1", "qstring=1", "savequery=true", "queryfile=/etc/passwd", "context=/etc/passwd", "CONTEXT=http://evil.example", "MS_MAPFILE=/etc/passwd", "template=/etc/passwd",
        "layer_connection=x", "program=x", "root=x", "name=x", "%00MAP=/etc/passwd",
    ):  # fmt: skip
        answer = check(house, NOBODY, "GET", ask_map(f"&{more}"))
        assert (answer.status_code, answer.content) == (200, plain.content) or answer.status_code == 400, more
        for service in ("wfs",) if more.lower().startswith("map") else ():
            check(house, NOBODY, "GET", f"/{service}?{more}&SERVICE={service}&REQUEST=GetCapabilities")


@needs_mapserver
def test_mapserver_takes_no_sql_and_no_path_for_a_name(house: House) -> None:
    attempts = (
        *SQL[:12],
        "/etc/passwd",
        "../secret",
        "outfall",
        "village,outfall",
        "(village)(outfall)",
        "%s%s%n",
        "[note]",
        "village.q08200z' OR '1'='1",
        "/* */",
        "file:///etc/passwd",
    )
    for attempt in attempts:
        text = quote(attempt, safe="")
        literal = quote(
            f"<Filter><PropertyIsLike wildCard='*' singleChar='.' escape='!'><PropertyName>village_name</PropertyName><Literal>{attempt.replace('<', '')}</Literal></PropertyIsLike></Filter>"
        )
        name = quote(
            f"<Filter><PropertyIsEqualTo><PropertyName>{attempt}</PropertyName><Literal>1</Literal></PropertyIsEqualTo></Filter>"
        )
        for query in (
            f"REQUEST=GetFeature&TYPENAME={text}", f"REQUEST=GetFeature&TYPENAME=village&PROPERTYNAME={text}", f"REQUEST=GetFeature&TYPENAME=village&FEATUREID={text}",
            f"REQUEST=GetFeature&TYPENAME=village&FILTER={literal}", f"REQUEST=GetFeature&TYPENAME=village&FILTER={name}",
        ):  # fmt: skip
            check(house, NOBODY, "GET", f"/wfs?SERVICE=WFS&VERSION=1.1.0&{query}")
    for key in ("LAYERS", "STYLES", "SRS", "BBOX", "WIDTH", "FORMAT", "EXCEPTIONS", "BGCOLOR", "TIME"):
        for attempt in (
            "/etc/passwd",
            "' OR 1=1 --",
            "\x00",
            "x" * 3000,
            "-1",
            "99999999999",
            "1e309",
            "%s%n",
            "application/openlayers",
            "../../x",
        ):
            check(
                house,
                NOBODY,
                "GET",
                ask_map("").replace(f"&{key}=", f"&IGNORED_{key}=") + f"&{key}={quote(attempt, safe='')}",
            )


# --- too much ---


def test_too_much_is_refused_before_it_is_read(house: House) -> None:
    assert check(house, NOBODY, "GET", "/collections/" + "a" * (MOST_PATH + 1)).status_code == 414
    assert check(house, NOBODY, "GET", "/collections?f=" + "a" * (MOST_QUERY + 1)).status_code == 414
    for name in ("filter", "bbox", "sortby", "properties", "limit", "crs", "datetime", "after", "x" * 3000):
        answer = check(house, NOBODY, "GET", f"/collections/village/items?{name}={'9,' * 6000}")
        assert answer.status_code == 400
        assert len(answer.content) < 3000
    assert check(
        house, NOBODY, "GET", "/collections/village/items?" + "&".join(f"a{i}=1" for i in range(2500))
    ).status_code in {400, 414}
    assert check(house, NOBODY, "GET", "/collections/village/items?limit=" + "9" * 5000).status_code == 400
    assert check(house, NOBODY, "GET", "/collections/village/items/" + "9" * 1900).status_code == 404
    for tile in (
        "99/1/1",
        "1/99999999999999999999/1",
        f"{'9' * 500}/1/1",
        "1/-1/1",
        "1/1.5/1",
        "٣/1/1",
        TILE + ".mvt.mvt",
    ):
        assert check(house, NOBODY, "GET", f"/tiles/village/{quote(tile)}.mvt").status_code == 404
    path, head = (
        f"/collections/sewage_plant/items/{feature_id('sewage_plant', 1)}",
        [(k.lower().encode(), v.encode()) for k, v in GEOJSON.items()],
    )
    tag = house.get(WEST, path).headers["etag"].encode()
    ring = [[114.2, 34.7], *([[114.2, 34.8]] * 200_000), [114.2, 34.7]]
    for body, expected in (
        (b"x" * (9 * 2**20), {413}), (b"[" * 100_000, {400}), (b'{"type":"Feature","properties":' + b'{"a":' * 50_000, {400}), (b"\xff\xfe\x00", {400}), (b"", {400}),
        (json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}).encode(), {400, 413}),
        (json.dumps({"type": "Feature", "properties": {f"a{i}": 1 for i in range(20_000)}}).encode(), {400}), (b'{"type":"Feature","properties":{"capacity_t_d":1e999}}', {400}),
        (b'{"type":"Feature","properties":{"capacity_t_d":1' + b"0" * 5000 + b"}}", {400}), (b'{"type":"Feature","properties":{"note":"\\ud800"}}', {400}),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[NaN,Infinity]},"properties":{}}', {400}), (b'{"type":"Feature","__proto__":{},"properties":{}}', {400}),
    ):  # fmt: skip
        answer = check(house, WEST, "PATCH", path, [*head, (b"if-match", tag)], body)
        assert answer.status_code in expected, (body[:80], answer.status_code, answer.text[:200])
        assert len(answer.content) < 5000
    for method in ("TRACE", "CONNECT", "PROPFIND", "get", "G\u0145T".encode().decode("latin-1"), ""):
        assert check(house, NOBODY, method, "/collections").status_code in {400, 405, 501}


def test_a_name_in_a_login_is_a_text_like_another(house: House) -> None:
    """The form answers alike whatever stands in it; without the form's own secret nothing is looked at."""
    for attempt in SQL[:8]:
        body = f"name={quote(attempt)}&password={quote(attempt)}".encode()
        assert (
            check(
                house, NOBODY, "POST", "/login", [(b"content-type", b"application/x-www-form-urlencoded")], body
            ).status_code
            == 403
        )


def test_every_kind_of_route_answers_alike_for_absent_and_forbidden(house: House) -> None:
    """Status, head and body, the length of a name apart: for reading and writing, pages and programs."""
    for accept in ("*/*", "text/html", "application/geo+json", "image/png", "application/xml"):
        for (method, path, more), (_, nowhere, _) in zip(
            changes("outfall", "q03200z"), changes("xxxxxxx", "q00000z"), strict=True
        ):
            given = {
                "headers": {"Accept": accept, **more.get("headers", {})},
                **{k: v for k, v in more.items() if k != "headers"},
            }
            for viewer in (NOBODY, WEST):
                one, other = house.ask(viewer, method, path, **given), house.ask(viewer, method, nowhere, **given)
                assert told(one, "outfall", "q03200z") == told(other, "xxxxxxx", "q00000z"), (method, path)

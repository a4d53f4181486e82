"""The guard around a stand-in of data: who asks, what leaks to whom, forms of other sites, hosts, paths, headers, bounds, the journal."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from test_rights import LAYERS, A, B, frame

from geosys._errors import ConflictError, WorkspaceError
from geosys.accounts import passwords, rights
from geosys.accounts.store import entries, sessions, tokens
from geosys.accounts.store.access_log import read_accesses
from geosys.accounts.store.database import open_accounts
from geosys.accounts.viewer import ROLES, Viewer
from geosys.web.app import compose
from geosys.web.guard.journal import note_access
from geosys.web.guard.rates import Buckets
from geosys.web.guard.settings import Bounds, Settings, read_networks, read_public_url
from geosys.web.guard.streams import SlowReaderError, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.requests import Request

    from geosys.accounts.store.database import Accounts

GOOD = "four unrelated words"
CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
SECRET = "secret-of-the-house"  # noqa: S105  stands in every answer that must not be given


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", CHEAP)
    monkeypatch.setattr(passwords, "_NOBODYS", CHEAP.hash("nobody's"))


LOOP = asyncio.Runner()  # one for all: what waits in an application waits there


@pytest.fixture(autouse=True, scope="module")
def _loop_ends() -> Iterator[None]:
    yield
    LOOP.close()


class Client:
    """Ask an application without a network, one question after the other, with the cookies of one browser."""

    def __init__(self, app: Any, base: str, peer: str) -> None:
        root = httpx.URL(base).path.rstrip("/")
        transport = httpx.ASGITransport(app, raise_app_exceptions=True, root_path=root, client=(peer, 5000))
        self._client = httpx.AsyncClient(transport=transport, base_url=base)
        self.cookies = self._client.cookies

    def request(self, method: str, path: str, **named: Any) -> httpx.Response:
        return LOOP.run(self._client.request(method, path, **named))

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.request("GET", path, **named)

    def post(self, path: str, **named: Any) -> httpx.Response:
        return self.request("POST", path, **named)

    def delete(self, path: str, **named: Any) -> httpx.Response:
        return self.request("DELETE", path, **named)


@dataclass
class Clock:
    """Hold the moment of a test; both clocks move together."""

    now: dt.datetime = dt.datetime(2026, 9, 30, 8, tzinfo=dt.UTC)
    seconds: float = 0.0

    def move(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class House:
    """Hold one service of the toy layers with its accounts."""

    accounts: Accounts
    clock: Clock = field(default_factory=Clock)
    bounds: Bounds = field(default_factory=lambda: Bounds(requests_per_s=0))
    received: list[int] = field(default_factory=list)

    def settings(self, **changes: Any) -> Settings:
        made = Settings(clock=lambda: self.clock.now, seconds=lambda: self.clock.seconds, bounds=self.bounds)
        return replace(made, **changes)

    def client(self, *, peer: str = "127.0.0.1", base: str = "http://localhost", **changes: Any) -> Client:
        app = compose(toy_routes(self), LAYERS, self.accounts, self.settings(**changes))
        return Client(app, base, peer)

    def add(self, viewer: Viewer) -> None:
        with self.accounts.writing() as connection:
            entries.add_account(connection, viewer, CHEAP.hash(GOOD), self.clock.now)

    def token(self, name: str, *scopes: str) -> dict[str, str]:
        with self.accounts.writing() as connection:
            until = self.clock.now + dt.timedelta(days=1)
            _, secret = tokens.make_token(connection, name, "", scopes or ("read",), until, self.clock.now)
        return {"Authorization": f"Bearer {secret}"}

    def log(self) -> list[dict[str, Any]]:
        with self.accounts.reading() as connection:
            return read_accesses(connection)[::-1]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[House]:
    accounts = open_accounts(tmp_path / "accounts.sqlite")
    yield House(accounts)
    accounts.close()


@pytest.fixture
def house(empty: House) -> House:
    empty.add(Viewer("admin", "administrator", audience="internal"))
    return empty


def toy_routes(house: House) -> list[Route]:  # noqa: C901  six small routes
    """Return routes of a stand-in source: as those of data do, they ask the rights and note what was seen."""

    async def items(request: Request) -> Response:
        schema = LAYERS.get(request.path_params["layer"])
        if schema is None or not rights.may(request.state.viewer, "read", schema):
            return JSONResponse({"status": 404}, 404)
        operation = {"GET": "read", "POST": "edit", "DELETE": "edit"}[request.method]
        if not rights.may(request.state.viewer, operation, schema):
            return JSONResponse({"status": 403}, 403)
        house.received.append(len(await request.body()))
        shown = rights.visible_frame(request.state.viewer, schema, frame())
        if "silent" not in request.query_params:
            note_access(request, schema, rows=len(shown), filter_text=request.url.query, form="geojson")
        return JSONResponse(json.loads(shown.drop(columns="geometry").to_json(orient="records")))

    async def fail(request: Request) -> Response:
        raise {"conflict": ConflictError, "ours": WorkspaceError}.get(request.path_params["how"], RuntimeError)(SECRET)

    async def late(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"x" * 10
            note_access(request, LAYERS["inner"], rows=7, form="stream")
            yield b"y"

        return StreamingResponse(body())

    async def header(request: Request) -> Response:
        response = PlainTextResponse("body")
        response.raw_headers.append((b"x-echo", request.query_params["v"].encode()))
        return response

    async def seen(request: Request) -> Response:
        caller = {"way": request.state.caller.way, "who": request.state.viewer.name, "address": request.state.address}
        return JSONResponse(caller | {"scheme": request.url.scheme, "headers": sorted(request.headers.keys())})

    async def swallow(request: Request) -> Response:
        try:
            await request.body()
        except Exception:  # noqa: BLE001  a route that hides what the guard says
            return PlainTextResponse("all is well")
        return PlainTextResponse("read")

    return [
        Route("/items/{layer}", items, methods=["GET", "POST", "DELETE"]),
        Route("/fail/{how}", fail),
        Route("/late", late),
        Route("/header", header),
        Route("/seen", seen, methods=["GET", "POST"]),
        Route("/swallow", swallow, methods=["POST"]),
    ]


def hidden(page: str) -> str:
    found = re.search(r'name="form_secret" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def log_in(client: Client, name: str = "admin", password: str = GOOD, **fields: str) -> Any:
    secret = hidden(client.get("/login").text)
    return client.post("/login", data={"form_secret": secret, "name": name, "password": password} | fields)


# --- the table: role × office × county × audience × layer × operation × way of asking ---


@pytest.mark.parametrize(("role", "audience"), list(product(ROLES, rights.DISCLOSURES)))
def test_no_cell_leaks(house: House, role: str, audience: str) -> None:
    """What is expected is worked out from the toy rows by hand, not by the rights."""
    offices = {"all": frozenset(), "water": frozenset({"water"})}
    counties = {"all": frozenset(), "a": frozenset({A})}
    reach = {"open": 2, "shared": 1, "shared_loose": 1, "inner": 0, "inner_loose": 0, "by_township": 0, "misspelt": 0}
    narrow = {("open", "chief"): 1, ("shared", "note"): 0}
    client, sees = house.client(), rights.DISCLOSURES.index(audience)
    bindings = list(product(offices.items(), counties.items()))
    for (office, bound_to), (county, code) in bindings if role in {"viewer", "editor"} else bindings[::3]:
        name = f"{role}-{audience}-{office}-{county}"
        house.add(Viewer(name, role, bound_to, code, audience))
        token = house.token(name, "read", "edit")
        for layer, width in reach.items():
            rows = frame().drop(columns="geometry").to_dict("records")
            is_read = width >= sees
            if width == 0 and office == "water" and layer != "inner":
                is_read = False  # nobody says it is the water office's
            if width == 0 and county == "a" and layer == "inner_loose":
                is_read = False
            if office == "water" and layer == "inner":
                rows = [r for r in rows if r["office"] == "water"]
            if county == "a" and layer in {"shared", "inner", "misspelt"}:
                rows = [r for r in rows if r["county_code"] == A]
            if county == "a" and layer == "by_township":
                rows = [r for r in rows if str(r["township_code"])[:6] == A]
            columns = {"feature_id"} | {c for c in LAYERS[layer].columns if narrow.get((layer, c), 2) >= sees}
            answer = client.get(f"/items/{layer}", headers=token)
            assert answer.status_code == (200 if is_read else 404), (name, layer)
            if is_read:
                assert [r["feature_id"] for r in answer.json()] == [r["feature_id"] for r in rows], (name, layer)
                assert all(set(r) <= columns for r in answer.json()), (name, layer)
            is_edited = role != "viewer" and (office == "all" or layer == "inner")
            answer = client.post(f"/items/{layer}", headers=token, content=b"{}")
            assert answer.status_code == (404 if not is_read else 200 if is_edited else 403), (name, layer)
    logged = [row for row in house.log() if row["what"] == "read"]
    assert {row["layer"] for row in logged} <= {
        n for n, s in LAYERS.items() if s.disclosure not in {"shared", "public"}
    }


def test_nobody_sees_what_is_public_and_cannot_tell_what_else_there_is(house: House) -> None:
    client = house.client()
    assert len(client.get("/items/open").json()) == 6
    hushed, absent = (client.get(f"/items/{name}") for name in ("inner", "nothing"))
    assert (hushed.status_code, hushed.content) == (absent.status_code, absent.content)
    variable = {"x-request-id"}
    assert {k: v for k, v in hushed.headers.items() if k not in variable} == {
        k: v for k, v in absent.headers.items() if k not in variable
    }
    closed = house.client(is_closed=True)
    answers = [
        closed.get(path)
        for path in ("/items/open", "/items/inner", "/items/nothing", "/nowhere", "/me", "/login/../me")
    ]
    assert {a.status_code for a in answers} <= {401, 404}
    assert len({a.json()["title"] for a in answers[:5]}) == 1
    assert [closed.get(path).status_code for path in ("/login", "/health", "/static/page.css")] == [200] * 3


# --- who asks ---


def test_the_local_user_is_there_only_alone_on_this_machine_without_accounts(empty: House) -> None:
    assert empty.client().get("/seen").json()["way"] == "local"
    assert empty.client(peer="10.0.0.9").get("/seen").json()["way"] == "nobody"
    for header in (
        "X-Forwarded-For",
        "Forwarded",
        "Via",
        "X-Real-IP",
    ):  # somebody put a proxy before us and did not say so
        assert empty.client().get("/seen", headers={header: "127.0.0.1"}).json()["way"] == "nobody", header
    network = read_networks(["127.0.0.1"])
    for changes in ({"is_loopback": False}, {"public_url": "http://localhost"}, {"trusted": network}):
        assert empty.client(**changes).get("/seen").json()["way"] == "nobody", changes
    client = empty.client()
    empty.add(Viewer("admin", "administrator", audience="internal"))
    assert client.get("/seen").json()["way"] == "nobody"  # from the first account on


def test_tokens_by_scope_day_and_spelling(house: House) -> None:
    client, token = house.client(), house.token("admin")
    assert client.get("/seen", headers=token).json()["who"] == "admin"
    assert (
        client.post("/items/inner", headers=token, content=b"").status_code == 403
    )  # an administrator's, for reading only
    assert client.post("/items/inner", headers=house.token("admin", "edit"), content=b"").status_code == 200
    secret = token["Authorization"].split()[1]
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Basic {secret}",
        secret,
        f"Bearer {secret}x",
        f"Bearer {secret[:-1]}",
        "Bearer \xff",
    ]
    for said in wrong:
        answer = client.get("/items/open", headers={"Authorization": said.encode("latin-1")})
        assert answer.status_code == 401, said
        assert "inner" not in answer.text
    assert client.get(f"/items/inner?token={secret}").status_code == 404  # never from an address
    house.clock.move(86_400)
    assert client.get("/seen", headers=token).status_code == 401


# --- login, fixation, cookies ---


def test_login_makes_a_new_session_and_logout_ends_it(house: House) -> None:
    client = house.client()
    client.cookies.set("geosys", "planted-by-somebody", domain="localhost.local")
    answer = log_in(client, next="/items/inner")
    assert (answer.status_code, answer.headers["location"]) == (303, "/items/inner")
    cookie = next(v for k, v in answer.headers.multi_items() if k == "set-cookie" and v.startswith("geosys="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "planted-by-somebody" not in cookie
    jar = {"Cookie": cookie.partition(";")[0]}
    bare = house.client()
    assert bare.get("/seen", headers=jar).json()["who"] == "admin"
    assert bare.get("/seen", headers={"Cookie": "geosys=planted-by-somebody"}).json()["way"] == "nobody"
    again = log_in(client)  # the same browser logs in once more: what it had before is worth nothing
    assert again.status_code == 303
    assert bare.get("/seen", headers=jar).json()["way"] == "nobody"
    secret = hidden(client.get("/me").text)
    assert client.post("/logout", data={"form_secret": secret}).status_code == 303
    assert client.get("/seen").json()["way"] == "nobody"


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(house: House) -> None:
    client = house.client(base="https://gis.example", public_url="https://gis.example", is_loopback=False)
    answer = log_in(client)
    cookie = next(v for k, v in answer.headers.multi_items() if k == "set-cookie" and v.startswith("__Host-geosys="))
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert client.get("/seen").json()["who"] == "admin"
    assert "strict-transport-security" not in house.client().get("/health").headers


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "/ x",
        "",
    ],
)
def test_login_goes_on_to_no_other_site(house: House, place: str) -> None:
    assert log_in(house.client(), next=place).headers["location"] == "/me"


def test_wrong_name_and_wrong_password_are_one_answer_also_while_waiting(house: House) -> None:
    client = house.client()
    answers = [
        log_in(client, *pair)
        for pair in [("admin", "x"), ("nobody", "x"), ("nobody", GOOD)] + [("admin", "x")] * 5 + [("admin", GOOD)]
    ]
    assert {a.status_code for a in answers} == {401}
    texts = {re.sub(r'value="[^"]*"', "", a.text) for a in answers}
    assert len(texts) == 1
    house.clock.move(61)
    assert log_in(client).status_code == 303


def test_logins_of_an_address_are_few(house: House) -> None:
    house.bounds = Bounds(requests_per_s=0, logins_per_minute=3)
    client = house.client()
    assert [log_in(client, "nobody", "x").status_code for _ in range(5)] == [401] * 3 + [429] * 2
    house.clock.move(20)
    assert log_in(client).status_code == 303


def test_a_password_changed_on_one_page_ends_the_other_sessions(house: House) -> None:
    mine, other = house.client(), house.client()
    log_in(mine)
    log_in(other)
    secret = hidden(mine.get("/me").text)
    form = {"form_secret": secret, "current": GOOD, "new": "another four odd words", "again": "another four odd words"}
    assert mine.post("/me/password", data=form | {"again": "x"}).status_code == 400
    assert mine.post("/me/password", data=form | {"current": "x"}).status_code == 400
    assert mine.post("/me/password", data=form | {"new": "short", "again": "short"}).status_code == 400
    changed = mine.post("/me/password", data=form)
    assert changed.status_code == 200
    assert mine.get("/seen").json()["who"] == "admin"
    assert other.get("/seen").json()["way"] == "nobody"
    assert mine.post("/logout", data={"form_secret": hidden(changed.text)}).status_code == 303
    assert [row["what"] for row in house.log()] == ["login", "login", "password_changed", "logout"]


# --- forms of other sites ---


def test_a_change_in_a_session_carries_what_only_our_pages_know(house: House) -> None:
    client = house.client()
    log_in(client)
    secret, form = hidden(client.get("/me").text), {"content-type": "application/x-www-form-urlencoded"}
    post = lambda **kw: client.post("/items/inner", **kw).status_code  # noqa: E731
    assert post(content=b"{}") == 403
    assert post(content=b"{}", headers={"x-form-secret": "0" * 64}) == 403
    assert post(content=b"{}", headers={"x-form-secret": sessions.form_secret("")}) == 403
    assert post(content=b"{}", headers={"x-form-secret": secret}) == 200
    assert post(content=f"form_secret={secret}&a=1".encode(), headers=form) == 200
    assert house.received[-1] == len(f"form_secret={secret}&a=1")  # the route reads the form once more
    assert post(content=f"form_secret={secret}".encode(), headers={"content-type": "text/plain"}) == 403
    assert post(content=b"a=" + b"x" * 70_000 + f"&form_secret={secret}".encode(), headers=form) == 403
    assert client.delete("/items/inner").status_code == 403
    for header in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert post(content=b"{}", headers={"x-form-secret": secret} | header) == 403, header
    assert (
        post(
            content=b"{}",
            headers={"x-form-secret": secret, "origin": "http://localhost", "sec-fetch-site": "same-origin"},
        )
        == 200
    )
    other = house.client()
    log_in(other)
    assert post(content=b"{}", headers={"x-form-secret": hidden(other.get("/me").text)}) == 403  # of another session
    assert (
        post(content=b"{}", headers=house.token("admin", "edit") | {"origin": "https://evil.example"}) == 200
    )  # a token is no browser's


def test_a_login_is_not_planted_by_another_site(house: House) -> None:
    client = house.client()
    fields = {"name": "admin", "password": GOOD}
    assert client.post("/login", data=fields).status_code == 403
    assert client.post("/login", data=fields | {"form_secret": sessions.form_secret("")}).status_code == 403
    secret = hidden(client.get("/login").text)
    client.cookies.clear()
    assert client.post("/login", data=fields | {"form_secret": secret}).status_code == 403


def test_the_local_user_is_not_used_by_a_page_of_another_site(empty: House) -> None:
    client = empty.client()
    assert client.post("/items/inner", content=b"").status_code == 200
    for header in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:81"},
    ):
        assert client.post("/items/inner", content=b"", headers=header).status_code == 403, header
    assert client.get("/seen", headers={"host": "evil.example"}).status_code == 421  # a name rebound to this machine


# --- hosts, proxies, paths, headers ---


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost@evil",
        "local host",
        "",
        "127.0.0.1:99999999",
        "[::1",
        "gis.example:81",
    ],
)
def test_hosts_that_are_not_ours(house: House, host: str) -> None:
    answer = house.client(public_url="http://gis.example").get("/health", headers={"host": host})
    assert answer.status_code in {400, 421}
    assert host not in answer.text or not host


def test_headers_are_bounded_all_together(house: House) -> None:
    client = house.client()
    assert client.get("/health", headers={"x-a": "x" * 30_000}).status_code == 200
    assert client.get("/health", headers={"x-a": "x" * 33_000}).status_code == 431
    assert client.get("/health", headers={f"x-{n}": "x" * 300 for n in range(120)}).status_code == 431


def test_two_hosts_are_none(house: House) -> None:
    for twice in ("Host", "Authorization", "Origin", "Content-Type"):
        assert (
            house.client()
            .get("/health", headers=[("Host", "localhost"), (twice, "localhost"), (twice, "x")])
            .status_code
            == 400
        )


def test_only_a_trusted_proxy_says_who_asks(house: House) -> None:
    said = {"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.0.0.2", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example", "x-script-name": "/x", "proxy": "evil:1"}  # fmt: skip
    networks = read_networks(["10.0.0.0/24"])
    told = house.client(peer="10.0.0.1", trusted=networks).get("/seen", headers=said).json()
    assert (told["address"], told["scheme"]) == ("203.0.113.7", "https")
    plain = house.client(peer="10.0.1.1", trusted=networks).get("/seen", headers=said).json()
    assert (plain["address"], plain["scheme"]) == ("10.0.1.1", "http")
    for answer in (told, plain):
        assert not set(said) & set(answer["headers"])
    odd = (
        house.client(peer="10.0.0.1", trusted=networks)
        .get("/seen", headers={"x-forwarded-for": "203.0.113.7, nonsense"})
        .json()
    )
    assert odd["address"] == "10.0.0.1"


PATHS = [
    "/static/..%2f..%2fapp.py", "/static/%2e%2e/frame.py", "/static/..%5c..%5capp.py", "/static/%252e%252e%252fframe.py", "/static/....//frame.py",
    "/items/..%2finner", "/items/inner%00", "/items/inner%0d%0aX-A:%20b", "/items/%2e", "/static/%c0%ae%c0%ae/frame.py", "/static//etc/passwd",
    "/items/inner%252fx", "/static/page.css%00.html", "/static/page.css/../../frame.py",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_nowhere_else(empty: House, path: str) -> None:
    answer = empty.client().get(path)
    assert answer.status_code == 404
    assert "def " not in answer.text
    assert "x-a" not in answer.headers


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\x00b"])
def test_a_header_is_not_split(empty: House, value: str) -> None:
    answer = empty.client().get("/header", params={"v": value})
    assert answer.status_code == 500
    assert "x-echo" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert empty.client().get("/header", params={"v": "plain"}).headers["x-echo"] == "plain"


def test_every_answer_binds_the_browser(house: House) -> None:
    client = house.client()
    answers = [
        client.get(p)
        for p in ("/health", "/login", "/static/page.css", "/nowhere", "/fail/x", "/items/open", "/static/../x")
    ]
    answers += [
        client.get("/health", headers={"host": "evil.example"}),
        client.post("/login"),
        client.request("TRACE", "/health"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "permissions-policy" in answer.headers
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    assert answers[-1].status_code == 405
    assert len({a.headers["x-request-id"] for a in answers}) == len(answers)


def test_pages_have_nothing_inline_and_nothing_from_outside(house: House) -> None:
    client = house.client()
    log_in(client)
    for path, language in product(("/login", "/me", "/nowhere"), ("zh", "en")):
        page = client.get(f"{path}?lang={language}", headers={"accept": "text/html"}).text
        assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in page
        assert not re.search(r"<script|<style|\son\w+=|\sstyle=|https?://", page), path
        assert all(f'<label for="{name}"' in page for name in re.findall(r'<input id="(\w+)"', page))
    nasty = '"><script>alert(1)</script>'
    assert "<script>" not in log_in(house.client(), nasty, "x").text
    assert "<script>" not in client.get("/login", params={"next": "/" + nasty, "lang": nasty}).text


# --- errors and bounds ---


@pytest.mark.parametrize(("how", "status"), [("x", 500), ("ours", 503), ("conflict", 409)])
def test_no_trace_of_the_program_reaches_a_client(
    house: House, how: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    for accept in ("application/json", "text/html"):
        answer = house.client().get(f"/fail/{how}", headers={"accept": accept})
        assert answer.status_code == status
        assert not any(word in answer.text for word in (SECRET, "Traceback", "Error(", ".py", "RuntimeError"))
        assert answer.headers["x-request-id"] in answer.text
        assert how == "conflict" or answer.headers["x-request-id"] in caplog.text  # who keeps the service finds it
    assert house.client().get("/fail/x").headers["content-type"] == "application/problem+json"


def test_uploads_are_bounded_without_reading_on(house: House) -> None:
    house.bounds = Bounds(requests_per_s=0, most_body_bytes=1000)
    client, token = house.client(), house.token("admin", "edit")
    pulled = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pulled
        while pulled < 100:
            pulled += 1
            yield b"x" * 100

    assert client.post("/items/inner", content=b"x" * 1000, headers=token).status_code == 200
    assert client.post("/items/inner", content=b"x" * 1001, headers=token).status_code == 413
    assert client.post("/items/inner", content=endless(), headers=token).status_code == 413
    assert client.post("/swallow", content=endless(), headers=token).status_code == 413
    assert max(house.received) == 1000
    for length in ("-1", "1e9", "999999999999999999999999", "x"):
        assert client.post("/items/inner", content=b"x", headers=token | {"content-length": length}).status_code in {
            400,
            413,
        }


def streamed(messages: list[Any], bounds: Bounds, app: Any) -> list[Any]:
    """Run an application behind the streams alone; None among the messages is a sender who says nothing more."""
    sent: list[Any] = []

    async def receive() -> Any:
        message = messages.pop(0)
        if message is None:
            await asyncio.sleep(60)
        return message

    async def send(message: Any) -> None:
        if message.get("body") == b"stuck":
            await asyncio.sleep(60)
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "state": {"request_id": "x"},
    }
    settings = Settings(clock=lambda: Clock.now, bounds=bounds)
    asyncio.run(Streams(app, settings)(scope, receive, send))
    return sent


def test_a_sender_who_stops_is_told_so_and_a_reader_who_stops_is_dropped() -> None:
    bounds = Bounds(most_pause_s=0.01, most_write_s=0.01)

    async def reads(_scope: Any, receive: Any, _send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def writes(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"stuck"})

    sent = streamed([{"type": "http.request", "body": b"a", "more_body": True}, None], bounds, reads)
    assert sent[0]["status"] == 408
    with pytest.raises(SlowReaderError):
        streamed([], bounds, writes)


def test_big_answers_go_out_in_pieces() -> None:
    async def writes(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(range(256)) * 1000})

    sent = streamed([], Bounds(), writes)
    assert b"".join(m["body"] for m in sent[1:]) == bytes(range(256)) * 1000
    assert [m["more_body"] for m in sent[1:]] == [True] * 3 + [False]


def test_a_viewer_asks_so_often_and_no_more(house: House) -> None:
    house.bounds = Bounds(requests_per_s=2, burst=4)
    house.add(Viewer("second", "viewer"))
    client, token, other = house.client(), house.token("admin"), house.token("second")
    assert [client.get("/seen", headers=token).status_code for _ in range(6)] == [200] * 4 + [429] * 2
    assert client.get("/seen", headers=other).status_code == 200
    answer = client.get("/seen", headers=token)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    house.clock.move(1)
    assert [client.get("/seen", headers=token).status_code for _ in range(3)] == [200, 200, 429]
    outside = house.client(peer="10.0.0.9")
    guesses = [outside.get("/seen", headers={"Authorization": "Bearer x"}).status_code for _ in range(20)]
    assert guesses == [401] * 16 + [429] * 4  # of one address, whoever it says it is


def test_buckets_take_bounded_memory() -> None:
    buckets = Buckets(per_s=1, depth=1, most_keys=10)
    for i in range(1000):
        buckets.wait_s(f"k{i}", 0.0)
    assert len(buckets._levels) == 10


# --- the journal ---


def test_what_was_seen_of_internal_layers_is_written_down(house: House) -> None:
    client, token = house.client(), house.token("admin", "edit")
    client.get("/items/inner?filter=a%0D%0Ab", headers=token)
    client.get("/items/open", headers=token)
    client.get("/items/shared", headers=token)
    client.get("/items/inner?silent=1", headers=token)  # a route that forgot
    client.get("/seen?LAYERS=open,ns:inner", headers=token)
    client.get("/late", headers=token)
    client.get("/items/inner")  # 404: nothing was seen
    rows = [(r["who"], r["what"], r["layer"], r["rows"], r["format"]) for r in house.log()]
    assert rows == [
        ("admin", "read", "inner", 6, "geojson"), ("admin", "read", "inner", None, ""), ("admin", "read", "inner", None, ""), ("admin", "read", "inner", 7, "stream"),
    ]  # fmt: skip
    assert house.log()[0]["filter"] == "filter=a%0D%0Ab"
    assert house.log()[0]["at"] == "2026-09-30T08:00:00.000000Z"
    assert house.log()[0]["address"] == "127.0.0.1"


def test_without_the_log_nothing_internal_leaves(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client, token = house.client(), house.token("admin")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geosys.web.guard.journal.append_accesses", full)
    answer = client.get("/items/inner", headers=token)
    assert answer.status_code == 503
    assert "feature_id" not in answer.text
    assert client.get("/items/open", headers=token).status_code == 200


def test_two_services_over_one_file_of_accounts(house: House) -> None:
    first, second = house.client(), house.client()
    answer = log_in(first)
    jar = {"Cookie": "; ".join(f"{k}={v}" for k, v in first.cookies.items())}
    assert answer.status_code == 303
    assert second.get("/seen", headers=jar).json()["who"] == "admin"
    for _ in range(5):
        log_in(second, "admin", "x")
    assert log_in(house.client()).status_code == 401  # what one counted the other knows
    assert first.get("/seen").json()["who"] == "admin"  # who is in stays in
    assert second.post("/logout", data={"form_secret": hidden(first.get("/me").text)}, headers=jar).status_code == 303
    assert first.get("/seen").json()["way"] == "nobody"


# --- settings ---


def test_public_addresses_and_proxies_are_read_closely() -> None:
    assert read_public_url("https://gis.example/geosys/") == "https://gis.example/geosys"
    for text in (
        "gis.example",
        "ftp://gis.example",
        "https://gis.example/a?b",
        "https://u:p@gis.example",
        "https://gis.example/a b",
        "https://",
        "https://g/<x>",
    ):
        with pytest.raises(WorkspaceError, match="--public-url"):
            read_public_url(text)
    for text in ("x", "0.0.0.0/0", "::/0", "10.0.0.1/8"):
        with pytest.raises(WorkspaceError, match="--trusted-proxy"):
            read_networks([text])
    assert B not in LAYERS

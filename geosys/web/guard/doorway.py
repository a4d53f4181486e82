"""The doorway: whose word on the client's address counts, and which hosts, methods and paths are let in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import Request

from geosys.web.guard.problems import told
from geosys.web.guard.settings import address_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from geosys.web.guard.settings import Settings

_NOT_ALLOWED = 405
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MOST_PATH, MOST_QUERY = 2000, 16_000
MOST_HEADERS = 32_768  # bytes of names and values: the server bounds only heads that come in several pieces
_FORWARDED = re.compile(
    rb"forwarded|via|x-(?:forwarded|original|rewrite|real|script|client|remote)-.*|x-host|x-script-name|x-url-scheme"
)
_OVERRIDES = (
    b"proxy",
    b"x-http-method-override",
    b"x-http-method",
    b"x-method-override",
)  # 'Proxy' becomes a variable of CGI programs
_ONCE = (b"host", b"authorization", b"content-length", b"content-type", b"origin")
# In the decoded path: a step up, a backslash, a control character, or any of these that was encoded twice.
_CLIMBS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|\\|[\x00-\x1f\x7f]|%(?:2e|2f|5c|00|0[ad]|25)", re.IGNORECASE)


class Doorway:
    """Let in requests for this service by its own name, and forget what only a proxy we trust may say."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            scope.setdefault("app_root_path", scope.get("root_path", ""))  # what the public address already says
            self._settle_sender(scope)
            status = self._refusal(scope)
            if status:
                allowed = {"Allow": ", ".join(METHODS)} if status == _NOT_ALLOWED else None
                await told(Request(scope), status, headers=allowed)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _settle_sender(self, scope: Scope) -> None:
        """Settle the client's address and scheme; headers of proxies and overrides go no further."""
        peer = scope["client"][0] if scope.get("client") else ""
        address = address_of(peer)
        trusts = address is not None and any(address in network for network in self.settings.trusted)
        said = [(name, value) for name, value in scope["headers"] if _FORWARDED.fullmatch(name)]
        if trusts:
            peer = self._first_stranger(said) or peer
            schemes = [value for name, value in said if name == b"x-forwarded-proto"]
            if schemes and schemes[-1].strip() in {b"http", b"https"}:
                scope["scheme"] = schemes[-1].strip().decode()
        scope["headers"] = [h for h in scope["headers"] if not _FORWARDED.fullmatch(h[0]) and h[0] not in _OVERRIDES]
        settled = address_of(peer)
        scope["state"]["address"] = str(settled) if settled else ""
        # A proxy that nobody told us of would turn the whole world into the single user of this machine.
        here = settled is not None and settled.is_loopback and not said
        scope["state"]["is_here"] = here and self.settings.has_local_user

    def _first_stranger(self, said: list[tuple[bytes, bytes]]) -> str:
        """Return the last address of X-Forwarded-For that is no proxy of ours: those before it are hearsay."""
        text = b",".join(value for name, value in said if name == b"x-forwarded-for").decode("latin-1")
        for part in reversed(text.split(",")):
            address = address_of(part)
            if address is None:
                return ""
            if not any(address in network for network in self.settings.trusted):
                return str(address)
        return ""

    def _refusal(self, scope: Scope) -> int:
        """Return the status a request is refused with; 0 lets it in."""
        names = [name for name, _ in scope["headers"]]
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if any(names.count(name) > 1 for name in _ONCE) or not hosts:
            return 400
        if not self.settings.knows_host(hosts[0]):
            return 421
        if scope["method"] not in METHODS:
            return _NOT_ALLOWED
        if len(scope["path"]) > MOST_PATH or len(scope["query_string"]) > MOST_QUERY:
            return 414
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
            return 431
        return 404 if _CLIMBS.search(scope["path"]) else 0

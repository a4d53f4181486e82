"""What stands around every answer: a request's id, headers that bind the browser, and the last word on errors."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from geosys.web.guard.problems import LOG, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from geosys.web.guard.settings import Settings

# Workers from blobs are how the vendored map draws; no script, style or connection from anywhere but here.
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; child-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TELLING = ("server", "x-powered-by")


class Envelope:
    """Give each request an id, each answer its headers, and each error that nobody caught one sentence."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.headers = SECURITY | ({"strict-transport-security": _HSTS} if settings.is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        has_begun = False

        async def sealed(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                self._seal(message, request_id)
                has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, sealed)
        except Exception:  # whatever it is, the client is told one sentence
            LOG.exception("request %s", request_id)
            if has_begun:
                raise
            await problem(500, request_id=request_id)(scope, receive, sealed)

    def _seal(self, message: Message, request_id: str) -> None:
        """Set the headers of an answer.

        Raises
        ------
        ValueError
            When a header holds a line end or another sign that may end it: an answer must not be split in two.
        """
        for name, value in message.get("headers", ()):
            if not _NAME.fullmatch(name) or any(c in value for c in b"\r\n\0"):
                raise ValueError("header of an answer: got a control character, expected none.")
        headers = MutableHeaders(scope=message)
        for name in _TELLING:
            del headers[name]
        headers.update(self.headers)
        headers["x-request-id"] = request_id
        if "cache-control" not in headers:
            headers["cache-control"] = "private, no-store"
        headers.add_vary_header("Cookie, Authorization")

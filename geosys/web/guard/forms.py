"""Forms of other sites: what a browser sends without its user's will is refused before it changes anything (CSRF)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import URL, QueryParams
from starlette.requests import Request

from geosys.accounts.store.sessions import is_form_secret
from geosys.web.guard.problems import told

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from geosys.web.guard.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS")
FORM_COOKIE = "geosys_form"  # of a browser that has no session yet
FIELD, HEADER = "form_secret", "x-form-secret"
LOGIN = "/login"
_FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 64 * 1024


class Forms:
    """Ask of every change that it comes from our own pages.

    A browser says which site a request comes from (Origin, Sec-Fetch-Site): another one is refused, whoever asks. A change
    within a session, and a login, must also carry the secret that only our pages know, in the field `FIELD` or the header
    `HEADER`. A token is no browser's doing: it is enough by itself.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] in SAFE or scope["state"]["caller"].way == "token":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if not self._is_from_here(request):
            await told(request, 403)(scope, receive, send)
            return
        session = self._session(request)
        if session is not None:
            given = request.headers.get(HEADER, "")
            if not given and request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
                given, receive = await _field(receive)
            if not is_form_secret(given, session):
                await told(request, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_from_here(self, request: Request) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        origin = request.headers.get("origin")
        if origin is None:
            return True
        public = URL(self.settings.public_url)
        own = {f"{request.url.scheme}://{request.headers['host']}".lower()}
        return origin.lower() in own | ({f"{public.scheme}://{public.netloc}"} if self.settings.public_url else set())

    def _session(self, request: Request) -> str | None:
        """Return what the form's secret is made from; None where none is asked for."""
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        if path == LOGIN:
            return request.cookies.get(FORM_COOKIE, "")
        caller = request.state.caller
        return str(caller.session) if caller.way == "session" else None


async def _field(receive: Receive) -> tuple[str, Receive]:
    """Return the field of a small form, and a receiver that tells the form once more."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= MOST_FORM_BYTES:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
        more = messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False)
    body = b"".join(message.get("body", b"") for message in messages)
    told_again = iter(messages)

    async def again() -> Message:
        return next(told_again, None) or await receive()

    given = "" if more else QueryParams(body).get(FIELD, "")
    return given, again

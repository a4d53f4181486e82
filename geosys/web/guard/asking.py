"""Who asks: the viewer of a session, of a token, or the single user of this machine; and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from geosys._errors import WorkspaceError
from geosys.accounts.store import entries, sessions, tokens
from geosys.accounts.viewer import LOCAL, NOBODY, Viewer
from geosys.web.guard.problems import LOG, told
from geosys.web.guard.rates import Buckets

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from geosys.accounts.store.database import Accounts
    from geosys.web.guard.settings import Settings

_ADDRESS_HAS_TIMES = 4  # an office behind one address
_OPEN = ("/login", "/health", "/static/")  # what somebody without an account needs of a closed service


@dataclass(frozen=True, slots=True)
class Caller:
    """Hold who asks and how that is known: ``session``, ``token``, ``local`` or ``nobody``; `session` is the cookie's secret."""

    viewer: Viewer
    way: str
    session: str = ""


class Asking:
    """Find out who asks and put it into ``request.state.viewer`` and ``request.state.caller``."""

    def __init__(self, app: ASGIApp, settings: Settings, accounts: Accounts) -> None:
        self.app, self.settings, self.accounts = app, settings, accounts
        bounds = settings.bounds
        times = _ADDRESS_HAS_TIMES
        self.of_viewers = Buckets(bounds.requests_per_s, bounds.burst, bounds.most_keys)
        self.of_addresses = Buckets(bounds.requests_per_s * times, bounds.burst * times, bounds.most_keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on with its viewer, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        state, now = scope["state"], self.settings.seconds()
        state.update(viewer=NOBODY, caller=Caller(NOBODY, "nobody"), accesses=[])
        wait = 0.0 if state["is_here"] else self.of_addresses.wait_s(state["address"], now)
        caller = None
        if not wait:
            try:
                caller = await self._caller(request)
            except WorkspaceError as error:
                LOG.error("request %s: %s", state["request_id"], error)
                await told(request, 503)(scope, receive, send)
                return
            if caller is None or (self.settings.is_closed and caller.way == "nobody" and not _is_open(scope)):
                await told(request, 401, headers={"www-authenticate": "Bearer"})(scope, receive, send)
                return
            if caller.way in {"session", "token"}:
                wait = self.of_viewers.wait_s(caller.viewer.name, now)
        if wait or caller is None:
            await told(request, 429, headers={"retry-after": str(math.ceil(wait))})(scope, receive, send)
            return
        state.update(viewer=caller.viewer, caller=caller)
        await self.app(scope, receive, send)

    async def _caller(self, request: Request) -> Caller | None:
        """Return who asks; None where a token was shown that is none."""
        said = request.headers.get("authorization")
        if said is not None:
            way, _, secret = said.partition(" ")
            if way.lower() != "bearer" or not secret.strip():
                return None
            return await run_in_threadpool(self._by_token, secret.strip())
        cookie = request.cookies.get(self.settings.cookie, "")
        return await run_in_threadpool(self._by_session, cookie, is_here=request.scope["state"]["is_here"])

    def _by_token(self, secret: str) -> Caller | None:
        now = self.settings.clock()
        with self.accounts.reading() as connection:
            found = tokens.viewer_of_token(connection, secret, now)
        if found is None:
            return None
        viewer, token = found
        if tokens.is_use_due(token, now):
            with self.accounts.writing() as connection:
                tokens.note_use(connection, token.token_id, now)
        return Caller(viewer, "token")

    def _by_session(self, cookie: str, *, is_here: bool) -> Caller:
        now = self.settings.clock()
        with self.accounts.reading() as connection:
            found = sessions.viewer_of_session(connection, cookie, now, self.settings.lives) if cookie else None
            is_alone = found is None and is_here and not entries.exist(connection)
        if found is None:
            return Caller(LOCAL, "local") if is_alone else Caller(NOBODY, "nobody")
        viewer, is_due = found
        if is_due:
            with self.accounts.writing() as connection:
                sessions.note_session(connection, cookie, now)
        return Caller(viewer, "session", cookie)


def _is_open(scope: Scope) -> bool:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in _OPEN)

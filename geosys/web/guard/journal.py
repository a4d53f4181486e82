"""The journal of a service: what was seen or changed of internal layers is in the access log before the answer leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from geosys.accounts.store.access_log import Access, append_accesses
from geosys.web.guard.problems import LOG, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from geosys._schema import LayerSchema
    from geosys.accounts.store.database import Accounts
    from geosys.web.guard.settings import Settings

_OPEN = ("shared", "public")
_FAILED = 400  # and above: nothing was shown
_LAYER_KEYS = (
    "layers",
    "layer",
    "query_layers",
    "typename",
    "typenames",
    "collections",
)  # of queries to pictures and features


def note_access(
    request: Request, schema: LayerSchema, *, what: str = "read", filter_text: str = "", rows: int | None = None, form: str = ""
) -> None:  # fmt: skip
    """Note what a request saw or changed of a layer; call it before answering, once a layer.

    Parameters
    ----------
    what : ``read`` or what was changed, as ``create``, ``replace``, ``update``, ``delete``. Changes of any layer are kept.
    filter_text : as it was asked for. `rows` : how many were shown; None where that is not known. `form` : as ``geojson``, ``mvt``, ``wms``.
    """
    if what == "read" and schema.disclosure in _OPEN:
        return
    state = request.scope["state"]
    access = Access(
        state["viewer"].name, what, schema.id, filter_text, rows, form, state["address"], state["request_id"]
    )
    state["accesses"].append(access)


class Journal:
    """Write what routes noted before the answer begins; no log, no answer.

    Where a route that names an internal layer in path or query noted nothing, the request itself is written down.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, accounts: Accounts, schemas: Mapping[str, LayerSchema]
    ) -> None:
        self.app = app
        self.pages = _Pages(accounts, settings)
        self.internal = frozenset(name for name, schema in schemas.items() if schema.disclosure not in _OPEN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accesses: list[Access] = scope["state"]["accesses"]
        is_refused = False

        async def written_first(message: Message) -> None:
            nonlocal is_refused
            if is_refused:
                return
            if message["type"] == "http.response.start":
                if message["status"] < _FAILED and not accesses:
                    accesses.extend(self._named(Request(scope)))
                if not await self._is_written(scope, accesses):
                    is_refused = True
                    await told(Request(scope), 503)(scope, receive, send)
                    return
            await send(message)

        try:
            await self.app(scope, receive, written_first)
        finally:
            if accesses and not is_refused:  # noted while the answer was on its way
                await self._is_written(scope, accesses)

    async def _is_written(self, scope: Scope, accesses: list[Access]) -> bool:
        taken = accesses.copy()
        accesses.clear()
        try:
            await self.pages.write(taken)
        except Exception:  # noqa: BLE001  a full disk, a database that is away: whatever it is, nothing unlogged leaves
            LOG.exception("request %s: the access log cannot be written", scope["state"]["request_id"])
            return False
        return True

    def _named(self, request: Request) -> list[Access]:
        """Return what to write of a request whose route noted nothing."""
        words = set(request.scope["path"].replace(".", "/").split("/"))
        for key, value in request.query_params.multi_items():
            if key.lower() in _LAYER_KEYS:
                words |= {word.rpartition(":")[2] for word in value.split(",")}
        state, what = (
            request.scope["state"],
            "read" if request.method in {"GET", "HEAD"} else request.method.lower(),
        )
        asked = request.url.query
        return [
            Access(state["viewer"].name, what, name, asked, None, "", state["address"], state["request_id"], request.scope["path"])
            for name in sorted(words & self.internal)
        ]  # fmt: skip


class _Pages:
    """Write accesses of many requests in one transaction: all that came while the last one was being written."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self.accounts, self.settings = accounts, settings
        self.waiting: list[tuple[list[Access], asyncio.Future[None]]] = []
        self.writer: asyncio.Task[None] | None = None

    async def write(self, accesses: list[Access]) -> None:
        """Return once the accesses are in the log; raise what kept them from it."""
        if not accesses:
            return
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting.append((accesses, done))
        if self.writer is None or self.writer.done():
            self.writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self.waiting:
            page, self.waiting = self.waiting, []
            fault: BaseException | None = None
            try:
                await run_in_threadpool(self._append, [access for accesses, _ in page for access in accesses])
            except Exception as error:  # noqa: BLE001  each of those who wait is told
                fault = error
            for _, done in page:
                if not done.done():
                    done.set_exception(fault) if fault else done.set_result(None)

    def _append(self, accesses: list[Access]) -> None:
        with self.accounts.writing() as connection:
            append_accesses(connection, accesses, self.settings.clock())

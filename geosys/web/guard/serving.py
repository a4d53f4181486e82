"""Listen on a port: one process, bounded connections, slow clients dropped, a stop that lets answers end. The one door to uvicorn."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from geosys._errors import WorkspaceError
from geosys.web.guard.doorway import MOST_HEADERS
from geosys.web.guard.streams import SlowReaderError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Listening:
    """Hold where to listen and what to bear.

    Parameters
    ----------
    most_connections : above it a request is answered 503 at once.
    most_head_s : how long the head of a request may take. `keep_s` : how long a connection may rest between requests.
    stop_s : how long running answers may take once the service stops.
    """

    host: str
    port: int
    root_path: str = ""
    most_connections: int = 400
    most_head_bytes: int = MOST_HEADERS
    most_head_s: float = 15.0
    keep_s: int = 15
    stop_s: int = 20


class BoundedProtocol(H11Protocol):
    """Speak HTTP/1.1, and drop a client whose request never begins or who never reads its answer.

    The server itself waits for both without end: such a client would hold a connection for good.
    """

    most_head_s = 15.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answering = self.app
        self.app = self._answered_or_dropped
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; the head of a request has one time limit from its first byte to its last."""
        super().data_received(data)
        if self._is_idle:
            self._await_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._stop_waiting()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close a resting connection; where its last answer is still not read, drop it."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.most_head_s, self.transport.abort)

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.most_head_s, self._drop_if_idle)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _drop_if_idle(self) -> None:
        self._head = None
        if self._is_idle:
            self.transport.abort()

    async def _answered_or_dropped(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with suppress(SlowReaderError):
                await self._answering(scope, receive, send)
        finally:
            if self.cycle.response_started and not self.cycle.response_complete:
                self.cycle.disconnected = True  # half an answer must not look like a whole one
                self.transport.abort()


class _Server(uvicorn.Server):
    """Say that the service is there once it is."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def serve_app(app: Starlette, listening: Listening, announce: Callable[[str], None]) -> None:
    """Serve an application until the process is told to stop (SIGINT, SIGTERM); running answers are let end.

    Parameters
    ----------
    announce : is called with the address once it answers; port 0 takes one that is free.

    Raises
    ------
    WorkspaceError
        When the port cannot be had.
    """
    protocol = type("Protocol", (BoundedProtocol,), {"most_head_s": listening.most_head_s})
    config = uvicorn.Config(
        app, host=listening.host, port=listening.port, http=protocol, ws="none", loop="asyncio", lifespan="on", workers=1,
        log_level="critical", access_log=False, proxy_headers=False, server_header=False, root_path=listening.root_path,
        limit_concurrency=listening.most_connections, timeout_keep_alive=listening.keep_s, timeout_graceful_shutdown=listening.stop_s,
        h11_max_incomplete_event_size=listening.most_head_bytes,
    )  # fmt: skip
    try:
        bound = config.bind_socket()
    except SystemExit:
        raise WorkspaceError(
            f"--port {listening.port}: got a port of {listening.host} that cannot be had, expected a free one. "
            "Stop the other program, or name another port."
        ) from None
    try:
        host, port = bound.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        _Server(config, lambda: announce(address)).run(sockets=[bound])
    finally:
        bound.close()

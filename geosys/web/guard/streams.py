"""Bodies on their way in and out: bounded in size and time, so that one slow or endless client costs nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request

from geosys.web.guard.problems import told

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from geosys.web.guard.settings import Settings

PIECE = 64 * 1024  # written at a time, so that a reader who stops holds no more than this
_CLOSE = {"connection": "close"}


class SlowReaderError(Exception):
    """A client did not read on in time; its connection is dropped."""


class _BodyError(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class Streams:
    """Pass bodies through within the bounds of a service: 413 without reading on, 408 for a sender who stops."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told_size = dict(scope["headers"]).get(b"content-length", b"0")
        if not told_size.isdigit() or int(told_size[:20]) > self.settings.bounds.most_body_bytes:
            status = 413 if told_size.isdigit() else 400
            await told(Request(scope), status, headers=_CLOSE)(scope, receive, send)
            return
        inward, outward = _Inward(receive, self.settings), _Outward(send, self.settings)

        async def passed(message: Message) -> None:
            # An app that caught our refusal and answers something else is not listened to.
            if inward.refusal is None or outward.has_begun:
                await outward.send(message)

        try:
            await self.app(scope, inward.receive, passed)
        except _BodyError:
            if outward.has_begun:
                raise
        if inward.refusal is not None and not outward.has_begun:
            await told(Request(scope), inward.refusal, headers=_CLOSE)(scope, receive, outward.send)


class _Inward:
    """Count and time what comes in."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive, self._bounds, self._seconds = receive, settings.bounds, settings.seconds
        self._began: float | None = None
        self._size = 0
        self._is_whole = False
        self.refusal: int | None = None

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()  # only news of the client's leaving comes now, whenever it does
        if self.refusal is not None:
            raise _BodyError(self.refusal)
        began = self._began = self._seconds() if self._began is None else self._began
        try:
            async with asyncio.timeout(self._bounds.most_pause_s):
                message = await self._receive()
        except TimeoutError:
            raise self._refused(408) from None
        self._size += len(message.get("body", b""))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._size > self._bounds.most_body_bytes:
            raise self._refused(413)
        if not self._is_whole and self._seconds() - began > self._bounds.most_body_s:
            raise self._refused(408)
        return message

    def _refused(self, status: int) -> _BodyError:
        self.refusal = status
        return _BodyError(status)


class _Outward:
    """Write piece by piece, each in its time."""

    def __init__(self, send: Send, settings: Settings) -> None:
        self._send, self._bounds = send, settings.bounds
        self.has_begun = False

    async def send(self, message: Message) -> None:
        self.has_begun = self.has_begun or message["type"] == "http.response.start"
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= PIECE:
            await self._in_time(message)
            return
        view, more = memoryview(body), message.get("more_body", False)
        for start in range(0, len(body), PIECE):
            is_last = start + PIECE >= len(body)
            await self._in_time(
                {"type": message["type"], "body": bytes(view[start : start + PIECE]), "more_body": more or not is_last}
            )

    async def _in_time(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._bounds.most_write_s):
                await self._send(message)
        except TimeoutError:
            raise SlowReaderError from None

"""The paths of the features part: which function answers which method, and how every fault becomes a problem and never a trace."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from geosys._errors import GeoSysError
from geosys.web.features import answers, changes
from geosys.web.features.asking import read_asking
from geosys.web.features.pages import STYLE
from geosys.web.features.permitted import access
from geosys.web.features.problems import ProblemError, problem_response
from geosys.web.service import viewer_of
from geosys.web.sources.port import SlowError, StaleError, TakenError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from geosys.web.features.asking import Asking
    from geosys.web.service import Service

    Handler = Callable[[Asking], Response]

_LOG = logging.getLogger(__name__)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_WITH_BODY = {"POST", "PUT", "PATCH"}
_ONE = "/collections/{name}"
_LARGE_PAGE, _LARGE_AT_ONCE = 1_000, 2  # features; larger pages wait for each other, so that small ones need not


def features_routes(service: Service) -> list[Route]:
    """Return the routes of OGC API - Features, to be mounted where the service likes; ``request.state.viewer`` says who asks."""
    table: dict[str, dict[str, Handler]] = {
        "/": {"GET": answers.landing},
        "/conformance": {"GET": answers.conformance},
        "/api": {"GET": answers.api},
        "/collections": {"GET": answers.collections},
        _ONE: {"GET": answers.collection},
        f"{_ONE}/queryables": {"GET": answers.queryables},
        f"{_ONE}/schema": {"GET": answers.schema},
        f"{_ONE}/items": {"GET": answers.items, "POST": changes.create},
        f"{_ONE}/items/{{feature:path}}": {
            "GET": answers.item, "PUT": changes.replace, "PATCH": changes.update, "DELETE": changes.delete,
        },
    }  # fmt: skip
    # Threads of their own: each keeps as much memory as the largest answer that it ever made took.
    large = ThreadPoolExecutor(_LARGE_AT_ONCE, "large")
    routes = [Route(path, _endpoint(service, handlers, large), methods=_METHODS) for path, handlers in table.items()]
    return [*routes, Route(STYLE, _style)]


async def _style(_: Request) -> Response:
    text = (Path(__file__).parent / "pages.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _endpoint(
    service: Service, handlers: Mapping[str, Handler], large: ThreadPoolExecutor
) -> Callable[[Request], Awaitable[Response]]:
    """Return the function that answers a path: reading and writing in a thread, so that nobody waits for another's question."""

    async def answer(request: Request) -> Response:
        try:
            body = await _body(request, service.most_body_bytes) if request.method in _WITH_BODY else b""
            if _is_large(request):
                loop = asyncio.get_running_loop()
                response = await loop.run_in_executor(large, _answered, service, request, handlers, body)
            else:
                response = await run_in_threadpool(_answered, service, request, handlers, body)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001  the last border: nothing of the inside may reach a client
            return problem_response(_as_problem(error, request))
        if request.method == "HEAD":
            headers = {k: v for k, v in response.headers.items() if k not in {"content-length", "content-type"}}
            length = response.headers.get("content-length", "0")
            kind = response.headers.get("content-type")
            return Response(b"", response.status_code, {**headers, "content-length": length}, kind)
        return response

    return answer


def _is_large(request: Request) -> bool:
    """Say whether a page of very many features is asked for."""
    limit = request.query_params.get("limit", "")
    return limit.isascii() and limit.isdigit() and (len(limit) > len(str(_LARGE_PAGE)) or int(limit) > _LARGE_PAGE)


def _as_problem(error: Exception, request: Request) -> ProblemError:
    """Return what a client is told of an error; what it should not know stands in the log only."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, StaleError):
        return ProblemError(
            412,
            "feature: got another edition than is there, expected the current one. Read it again, then repeat the change.",
        )
    if isinstance(error, TakenError):
        return ProblemError(409, "feature: got the key of a feature that is there, expected another. Replace that one.")
    if isinstance(error, SlowError):
        return ProblemError(503, str(error), {"Retry-After": "5"})
    _LOG.error("%s %s", request.method, request.scope.get("path"), exc_info=error)
    if isinstance(error, GeoSysError):
        return ProblemError(
            503, "store: got no answer, expected one. Try again; the service's log says more.", {"Retry-After": "5"}
        )
    return ProblemError(500, "The service failed at this request; its log says more.")


def _answered(service: Service, request: Request, handlers: Mapping[str, Handler], body: bytes) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": _allowed(service, request, handlers)})
    handler = handlers.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        allowed = _allowed(service, request, handlers)
        raise ProblemError(405, f"method: got {request.method}, expected one of: {allowed}.", {"Allow": allowed})
    return handler(read_asking(service, request, body))


def _allowed(service: Service, request: Request, handlers: Mapping[str, Handler]) -> str:
    """Return the methods of a path that are open to the viewer; a collection that may not be read is not there."""
    may_edit = False
    if "name" in request.path_params:
        may_edit = access(service, viewer_of(request), request.path_params["name"]).may_edit
    return ", ".join(["GET", "HEAD", "OPTIONS", *(m for m in handlers if m != "GET" and may_edit)])


async def _body(request: Request, most: int) -> bytes:
    """Return what was sent, without taking in more than is allowed.

    Raises
    ------
    ProblemError
        413 when it is more.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ProblemError(413, f"body: got more than {most} bytes, expected at most that many.")
        parts.append(part)
    return b"".join(parts)

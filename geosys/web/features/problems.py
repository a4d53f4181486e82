"""What goes wrong for a client, told as RFC 9457 asks: a status, a title, a sentence that helps; never the inside of the program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from geosys._errors import GeoSysError

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLES = {
    400: "Bad request", 401: "Not signed in", 403: "Not permitted", 404: "Not found", 405: "Method not allowed", 406: "Not acceptable",
    409: "Conflict", 412: "Changed meanwhile", 413: "Too large", 415: "Unsupported media type", 428: "If-Match is needed",
    500: "Internal error", 503: "Too much work",
}  # fmt: skip
PROBLEM = "application/problem+json"


class ProblemError(GeoSysError):
    """Something a client must change before it is answered."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


def not_found() -> ProblemError:
    """Return the one answer for what is not there and for what may not be seen: the same to the byte."""
    return ProblemError(
        404, "path: got nothing that is here for you, expected a link of this service. See /collections."
    )


def problem_response(error: ProblemError) -> Response:
    """Return a problem as its response."""
    title = TITLES.get(error.status, "Error")
    content = {"type": "about:blank", "title": title, "status": error.status, "detail": error.detail}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")  # half letters of a client included
    return Response(body, error.status, {"Cache-Control": "no-store", **error.headers}, PROBLEM)

"""What a client is told when something is wrong: RFC 9457 problems or a page, without a trace of the program or the data."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from geosys._errors import ConflictError, GeoSysError
from geosys._text import Text
from geosys.web.pages.frame import language_of, page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

LOG = logging.getLogger("geosys.web")
_TITLES = {
    400: Text("请求有误", "Bad request"),
    401: Text("请先登录", "Please log in"),
    403: Text("不允许", "Not allowed"),
    404: Text("没有这一项", "Not found"),
    405: Text("不支持这种操作", "Method not allowed"),
    406: Text("没有这种格式", "Not acceptable"),
    408: Text("等待超时", "Request timed out"),
    409: Text("与他人的修改冲突", "Conflict"),
    412: Text("数据已被他人修改", "Precondition failed"),
    413: Text("上传内容过大", "Upload too large"),
    414: Text("地址过长", "Address too long"),
    415: Text("不接受这种内容", "Unsupported media type"),
    421: Text("主机名不对", "Misdirected request"),
    428: Text("须带版本号", "Precondition required"),
    429: Text("请求过于频繁，请稍候", "Too many requests, please wait"),
    431: Text("请求头过大", "Request header fields too large"),
    500: Text("系统内部错误，已记录", "Internal error; it has been logged"),
    501: Text("本机未安装所需程序", "Not available on this machine"),
    503: Text("暂时无法处理，请稍候", "Not available now, please wait"),
}
# What these say depends on nothing but their number: they must not tell what there is.
SILENT = (401, 403, 404, 405, 500)


def problem(
    status: int, *, detail: str = "", request_id: str = "", language: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:  # fmt: skip
    """Return a problem as JSON, or in a language as a page."""
    title = _TITLES.get(status, Text("出错", "Error"))
    detail = "" if status in SILENT else detail
    if language is not None:
        body = [
            ("h1", title.in_language(language)),
            *([("p", detail)] if detail else []),
            ("p", f"{status} {request_id}"),
        ]
        return HTMLResponse(page(title, body, language), status, headers=headers)
    content = {"type": "about:blank", "title": title.en, "title_zh": title.zh, "status": status}
    content |= {
        k: v for k, v in (("detail", detail), ("instance", request_id and f"urn:geosys:request:{request_id}")) if v
    }
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")


def wants_page(request: Request) -> bool:
    """Say whether a browser's reader asks rather than a program."""
    accepts = request.headers.get("accept", "")
    return (
        "text/html" in accepts
        and request.query_params.get("f") in {None, "html"}
        and "json" not in accepts.partition("text/html")[0]
    )


async def tell_http(request: Request, error: Exception) -> Response:
    """Return the problem of a status that a route raised."""
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    given = {
        k: v for k, v in (known.headers or {}).items() if k.lower() in {"allow", "retry-after", "www-authenticate"}
    }
    return told(request, known.status_code, str(known.detail), given)


async def tell_ours(request: Request, error: Exception) -> Response:
    """Return the problem of an error of ours: a conflict is told, anything else is only logged."""
    if isinstance(error, ConflictError):
        return told(request, 409)
    LOG.error("request %s: %s", request.scope["state"].get("request_id", ""), error, exc_info=error)
    return told(request, 503)


def told(request: Request, status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem in the form the request wants."""
    language = language_of(request) if wants_page(request) else None
    request_id = request.scope["state"].get("request_id", "")
    return problem(status, detail=detail, request_id=request_id, language=language, headers=headers)


HANDLERS = {HTTPException: tell_http, GeoSysError: tell_ours}

"""One request as the answers see it: who asks, in which language and form, under which address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.responses import Response

from geosys.web.features.documents import HTML
from geosys.web.features.problems import ProblemError
from geosys.web.guard.journal import note_access
from geosys.web.service import address_of, viewer_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from geosys._schema import LayerSchema
    from geosys.accounts.viewer import Viewer
    from geosys.web.service import Service

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
VARY = {"Vary": "Accept, Accept-Language, Cookie, Authorization", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True)
class Asking:
    """Hold a request: `base` begins every link, `body` is what was sent, read whole and bounded."""

    service: Service
    request: Request
    viewer: Viewer
    base: str
    language: str
    is_page: bool
    body: bytes

    @property
    def name(self) -> str:
        """Return the collection of the path."""
        return str(self.request.path_params["name"])

    @property
    def here(self) -> str:
        """Return the address of the request without its parameters."""
        root = str(self.request.scope.get("root_path", ""))
        path = str(self.request.scope["path"]).removeprefix(root)
        return self.base + "/".join(segment(part) for part in path.split("/"))

    def with_parameters(self, **changes: str | None) -> str:
        """Return the address of the request with some parameters changed; None takes one out."""
        kept = [(k, v) for k, v in self.request.query_params.multi_items() if k not in changes]
        told = str(QueryParams([*kept, *((k, v) for k, v in changes.items() if v is not None)]))
        return f"{self.here}?{told}" if told else self.here

    @property
    def other_language(self) -> str:
        """Return the address of the same page in the other language."""
        return self.with_parameters(lang="en" if self.language == "zh" else "zh", f="html")


def read_asking(service: Service, request: Request, body: bytes) -> Asking:
    """Return a request as the answers see it.

    Raises
    ------
    ProblemError
        400 for a form or language that there is not.
    """
    form, language = request.query_params.get("f"), request.query_params.get("lang")
    if form not in {None, "json", "html"}:
        raise ProblemError(400, f"f: got {str(form)[:40]!r}, expected json or html.")
    if language not in {None, "zh", "en"}:
        raise ProblemError(400, f"lang: got {str(language)[:40]!r}, expected zh or en.")
    is_page = form == "html" or (form is None and _prefers_page(request.headers.get("accept", "")))
    if language is None:
        language = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"
    return Asking(service, request, viewer_of(request), address_of(service, request), language, is_page, body)


def _prefers_page(accept: str) -> bool:
    """Say whether a client would rather have HTML than JSON.

    Examples
    --------
    >>> _prefers_page("text/html,application/xhtml+xml,*/*;q=0.8"), _prefers_page("application/geo+json"), _prefers_page("*/*")
    (True, False, False)
    """
    weights = {"html": 0.0, "json": 0.0}
    for part in accept.split(",")[:40]:
        kind, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=")
        try:
            told = float(weight) if rest.strip().startswith("q=") else 1.0
        except ValueError:
            told = 0.0
        for form, known in weights.items():
            weights[form] = max(known, told) if form in kind else known
    return weights["html"] > weights["json"]


def segment(text: str) -> str:
    """Return a text as one segment of a path.

    Examples
    --------
    >>> segment("a/b 河")
    'a%2Fb%20%E6%B2%B3'
    """
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")
    )


def told(content: str, kind: str, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Return a text as an answer of a kind."""
    return Response(
        content.encode(), status, {**VARY, **(headers or {})}, f"{kind}; charset=utf-8" if kind == HTML else kind
    )


def note(asking: Asking, schema: LayerSchema, about: str, rows: int, what: str = "read") -> None:
    """Note for the access log what is about to be answered or was changed; `about` is the filter or the feature."""
    if "accesses" in asking.request.scope.get("state", {}):
        form = "html" if asking.is_page else "geojson"
        note_access(asking.request, schema, what=what, filter_text=about, rows=rows, form=form)


def trail(asking: Asking, *steps: tuple[str, str]) -> Sequence[tuple[str, str]]:
    """Return the way to a page: the service first."""
    return [(f"{asking.base}/?f=html", asking.service.title.in_language(asking.language)), *steps]

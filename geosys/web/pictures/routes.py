"""Answer for pictures: ``/wms`` and ``/wfs`` by MapServer, ``/wmts`` by MapProxy before it; each as its viewer may see."""

from __future__ import annotations

import re
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from geosys.content import content_root
from geosys.maps.spec import load_map
from geosys.web.guard.journal import note_access
from geosys.web.pictures.child import MapServer, PictureError, find_program
from geosys.web.pictures.classes import RightsClass, RightsClasses
from geosys.web.pictures.exceptions import RequestFaultError, exception_report
from geosys.web.pictures.mapfile import layer_groups
from geosys.web.pictures.requests import checked_query, checked_tiles, layers_asked
from geosys.web.service import address_of, viewer_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.routing import BaseRoute
    from starlette.types import Message, Receive, Scope, Send

    from geosys.maps.spec import MapSpec
    from geosys.web.pictures.child import Answer
    from geosys.web.pictures.wmts import Wmts
    from geosys.web.service import Service

FOLDER = "pictures"  # below services/
MAPSERVER = "MapServer (mapserv)"
MAPPROXY = "MapProxy (mapproxy, a2wsgi)"
_HINT = {
    MAPSERVER: "Install cgi-mapserver and mapserver-bin with the system's package manager.",
    MAPPROXY: "Install GeoSys with the packages it names.",
}
_MOST_PROXIES = 16
_KEEPING = "private, no-cache"
_GML_31 = "gml/3.1.1"
# Of a tile or the capabilities; empty: parameters say it. MapProxy calls any other path its own failure.
_PATH = re.compile(r"(?:1\.0\.0/WMTSCapabilities\.xml|\w{1,80}/\w{1,40}/\d{1,3}/\d{1,9}/\d{1,9}\.\w{3,4})?", re.ASCII)
_SHORT = re.compile(rb"(<gml:[^<>]*\bsrsName=\")EPSG:(\d+)(?=\")")


def programs() -> dict[str, str]:
    """Return what pictures need and where it is; empty where it is not: lines for ``geosys doctor``."""
    has_proxy = find_spec("mapproxy") is not None and find_spec("a2wsgi") is not None
    return {MAPSERVER: find_program() or "", MAPPROXY: "installed" if has_proxy else ""}


def picture_routes(service: Service, folder: Path, found: dict[str, str] | None = None) -> list[BaseRoute]:
    """Return the routes of pictures; without the programs they answer 501 and say which is lacking.

    Parameters
    ----------
    folder : below which map files, data and tiles of each class of rights are kept (``services/`` of the workspace).
    found : as `programs` returns it.
    """
    there = programs() if found is None else found
    lacking = [name for name, place in there.items() if not place]
    served: list[BaseRoute] = []
    pictures = None
    if MAPSERVER not in lacking:
        spec = load_map(content_root() / "maps", {name: tuple(s.columns) for name, s in service.schemas.items()})
        pictures = _Pictures(service, spec, folder / FOLDER, there[MAPSERVER])
    for name in ("WMS", "WFS"):
        answer = pictures.answer_of(name) if pictures is not None else _unavailable(MAPSERVER)
        served.append(Route(f"/{name.lower()}", answer, methods=["GET"], name=name.lower()))
    by_proxy = _Tiles(pictures) if pictures is not None and not lacking else _unavailable(next(iter(lacking), MAPPROXY))
    served.append(Route("/wmts", by_proxy, methods=["GET"], name="wmts"))
    served.append(Route("/wmts/{rest:path}", by_proxy, methods=["GET"], name="wmts_path"))
    return served


def _unavailable(name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        _ = request
        raise HTTPException(
            501, f"pictures: got no {name} on this machine, expected it. {_HINT[name]} See 'geosys doctor'."
        )

    return answer


class _Pictures:
    """Answer WMS and WFS."""

    def __init__(self, service: Service, spec: MapSpec, folder: Path, program: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.service, self.program, self._spec = service, program, spec
        self.server = MapServer(program)
        self.classes = RightsClasses(service, spec, folder.absolute())

    def answer_of(self, name: str) -> Callable[[Request], Response]:
        """Return the answer of a service, ``WMS`` or ``WFS``."""

        def answer(request: Request) -> Response:
            try:
                query = checked_query(name, request.query_params.multi_items())
            except RequestFaultError as fault:
                return refused(fault, name, request)
            made = self.classes.of(viewer_of(request))
            self._note(request, made, name.lower())
            address = address_of(self.service, request) + f"/{name.lower()}"
            try:
                told = self.server.ask(made.folder, query, address)
            except PictureError as error:
                raise HTTPException(503, str(error)) from error
            if told.media_type.startswith("text/html"):
                raise HTTPException(
                    400, "request: got one that MapServer has no service for, expected WMS or WFS. See GetCapabilities."
                )
            return Response(with_urns(told), told.status, {"Cache-Control": _KEEPING, "Content-Type": told.media_type})

        return answer

    def _note(self, request: Request, made: RightsClass, form: str) -> None:
        if "accesses" in request.scope.get("state", {}):
            groups = layer_groups(self._spec, made.packages)
            for layer in layers_asked(request.query_params.multi_items(), groups):
                note_access(request, made.packages[layer].seen.schema, filter_text=request.url.query, form=form)


class _Tiles:
    """Answer WMTS: one MapProxy for each class of rights, the last ones asked for kept."""

    def __init__(self, pictures: _Pictures) -> None:
        self._pictures = pictures
        self._lock = threading.Lock()
        self._made: dict[str, tuple[RightsClass, Wmts]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        rest = str(request.path_params.get("rest", ""))
        if not _PATH.fullmatch(rest):
            raise HTTPException(404)
        try:
            query = "" if rest else checked_tiles(request.query_params.multi_items())
        except RequestFaultError as fault:
            await refused(fault, "WMTS", request)(scope, receive, send)
            return
        proxy = await run_in_threadpool(self._of, request)
        address = address_of(self._pictures.service, request)
        await proxy.answer({**scope, "query_string": query.encode("ascii")}, receive, _unkept(send), address, rest)

    def _of(self, request: Request) -> Wmts:
        made = self._pictures.classes.of(viewer_of(request))
        with self._lock:
            known = self._made.pop(made.key, None)
            if known is None or known[0] is not made:
                from geosys.web.pictures.wmts import Wmts  # noqa: PLC0415  it may not be installed

                known = (made, Wmts(made, self._pictures.server, self._pictures.program, self._pictures.service.title))
            self._made[made.key] = known
            while len(self._made) > _MOST_PROXIES:
                del self._made[next(iter(self._made))]
        return known[1]


def refused(fault: RequestFaultError, service: str, request: Request) -> Response:
    """Return the exception report of a fault, in the form of the version that was asked for."""
    return exception_report(fault, service, {name.lower(): value for name, value in request.query_params.items()})


def with_urns(answer: Answer) -> bytes:
    """Return the body of an answer; in GML 3.1.1 systems are named by URN.

    MapServer 8.0 writes coordinates of WFS 1.1 in the order of the authority, latitude first, and names the system ``EPSG:4490``,
    which every client reads as longitude first. Source: OGC 04-094, 9.2; the URN is what its own capabilities name.
    """
    return _SHORT.sub(rb"\1urn:ogc:def:crs:EPSG::\2", answer.body) if _GML_31 in answer.media_type else answer.body


def _unkept(send: Send) -> Send:
    """Tell every cache on the way to ask again: MapProxy allows any of them to keep a tile."""

    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(n, v) for n, v in message.get("headers", ()) if n.lower() not in {b"cache-control", b"expires"}]
            message = {**message, "headers": [*kept, (b"cache-control", _KEEPING.encode())]}
        await send(message)

    return sealed

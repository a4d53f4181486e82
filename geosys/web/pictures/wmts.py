"""WMTS of a class of rights: MapProxy keeps the tiles that MapServer draws. The one door to mapproxy and a2wsgi."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from a2wsgi import WSGIMiddleware
from mapproxy.client.cgi import IOwithHeaders
from mapproxy.config.configuration.proxy import ProxyConfiguration
from mapproxy.config.configuration.source import MapServerSourceConfiguration
from mapproxy.config.spec import validate_options
from mapproxy.service.ows import OWSServer
from mapproxy.source import SourceError
from mapproxy.wsgiapp import MapProxyApp
from starlette.datastructures import URL, QueryParams

from geosys._errors import SpecError
from geosys.web.pictures.child import PictureError
from geosys.web.pictures.classes import TILES
from geosys.web.pictures.requests import checked_query

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from geosys._text import Text
    from geosys.web.pictures.child import MapServer
    from geosys.web.pictures.classes import RightsClass
    from geosys.web.pictures.packages import Package

DEGREES, METRES = "CGCS2000", "GoogleMapsCompatible"
_FIRST, _LEVELS = 1.40625, 21  # degrees a pixel: the world is one tile wide and half a one high at level 0
_AT_ONCE = 4
_META, _META_MARGIN = [4, 4], 64  # tiles drawn together, pixels around them: labels are not cut at tiles' edges
_KEPT_LEVELS = 17  # finer levels are drawn each time: kept, they would fill the disk
_AROUND = 0.05  # degrees: signs and names reach beyond the places they belong to
_NOWHERE = (0.0, 0.0, 0.0, 0.0)
_PATH = "/{Layer}/{TileMatrixSet}/{TileMatrix}/{TileCol}/{TileRow}.{Format}"
_PLACEHOLDER = "http://localhost"


class _Drawn:
    """Draw for MapProxy, as its own CGI client would: with our bounds and environment."""

    def __init__(self, server: MapServer, made: RightsClass) -> None:
        self._server, self._made = server, made

    def open(self, url: str, data: object = None) -> Any:
        """Return MapServer's answer to a URL of which only the query counts."""
        _ = data
        pairs = [(name, value) for name, value in QueryParams(URL(url).query).multi_items() if name.lower() != "map"]
        try:
            answer = self._server.ask(self._made.folder, checked_query("WMS", pairs), _PLACEHOLDER)
        except PictureError as error:
            raise SourceError(str(error)) from error
        if not answer.media_type.startswith("image/"):
            raise SourceError("MapServer answered no picture")
        return IOwithHeaders(io.BytesIO(answer.body), {"Content-type": answer.media_type})


class Wmts:
    """Answer WMTS for one class of rights, by parameters (KVP) and by path (REST)."""

    def __init__(self, made: RightsClass, server: MapServer, program: str, title: Text) -> None:
        configuration = _configured(made, program, title)
        faults, _ = validate_options(configuration)
        if faults:
            raise SpecError(
                f"WMTS: got settings that MapProxy refuses: {'; '.join(map(str, faults))[:500]}. Install the pinned version."
            )
        proxy = ProxyConfiguration(configuration, conf_base_dir=str(made.folder))
        for source in proxy.sources.values():
            if isinstance(source, MapServerSourceConfiguration):
                source.http_client = lambda url: (_Drawn(server, made), url)
        services = proxy.configured_services()
        self._by_path = WSGIMiddleware(
            MapProxyApp([s for s in services if not isinstance(s, OWSServer)], proxy.base_config), workers=_AT_ONCE
        )
        by_parameters = MapProxyApp([], proxy.base_config)
        by_parameters.handlers = {"wmts": next(s for s in services if isinstance(s, OWSServer))}
        self._by_parameters = WSGIMiddleware(by_parameters, workers=_AT_ONCE)

    async def answer(self, scope: Scope, receive: Receive, send: Send, address: str, rest: str) -> None:
        """Answer a request.

        Parameters
        ----------
        address : of the service without ``/wmts``: links begin with it, whatever the request's headers say.
        rest : of the path after ``/wmts/``; empty: the parameters say what is asked.
        """
        parts = URL(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        told = {
            **scope, "root_path": parts.path, "path": f"{parts.path}/wmts{'/' + rest if rest else ''}", "scheme": parts.scheme,
            "headers": [(b"host", parts.netloc.encode("ascii"))], "server": (parts.hostname, port),
        }  # fmt: skip
        app: Any = self._by_path if rest else self._by_parameters
        await app(told, receive, send)


def _configured(made: RightsClass, program: str, title: Text) -> dict[str, Any]:
    """Return the settings of MapProxy: one source, one cache and one layer for each layer of the class."""
    layers = made.packages
    told = {layer: package.path.stem for layer, package in layers.items()}
    tiles = made.folder.parent / TILES
    image = {"transparent": True, "colors": 0, "mode": "RGBA"}
    return {
        "services": {"wmts": {"kvp": True, "restful": True, "restful_template": _PATH, "md": {"title": title.zh, "abstract": title.en}}},
        "grids": {
            DEGREES: {"srs": "EPSG:4490", "bbox": [-180, -90, 180, 90], "origin": "nw", "res": [_FIRST / 2**n for n in range(_LEVELS)]},
            METRES: {"base": "GLOBAL_WEBMERCATOR", "origin": "nw", "num_levels": _LEVELS - 1},
        },
        "sources": {f"{layer}_drawn": _source(layer, package, program) for layer, package in layers.items()},
        "caches": {f"{layer}_kept": {
            "sources": [f"{layer}_drawn"], "grids": [DEGREES, METRES], "format": "image/png", "request_format": "image/png", "image": dict(image),
            "meta_size": _META, "meta_buffer": _META_MARGIN, "use_direct_from_level": _KEPT_LEVELS,
            "cache": {"type": "sqlite", "directory": str(tiles / told[layer])},
        } for layer in layers},
        "layers": [{"name": layer, "title": package.seen.schema.title.zh, "sources": [f"{layer}_kept"]} for layer, package in layers.items()],
        "globals": {
            "srs": {"axis_order_ne": ["EPSG:4490"]}, "image": {"paletted": False}, "http": {"hide_error_details": True},
            "cache": {"base_dir": str(made.folder / "cache"), "lock_dir": str(made.folder / "locks"), "tile_lock_dir": str(made.folder / "locks")},
        },
    }  # fmt: skip


def _source(layer: str, package: Package, program: str) -> dict[str, Any]:
    """Return the source of a layer; where it has nothing, nothing is drawn or kept."""
    west, south, east, north = package.bounds or _NOWHERE
    box = [max(west - _AROUND, -180), max(south - _AROUND, -90), min(east + _AROUND, 180), min(north + _AROUND, 90)]
    request = {"layers": layer, "map": "map.map", "transparent": True}
    return {
        "type": "mapserver", "req": request, "mapserver": {"binary": program}, "supported_srs": ["EPSG:4490", "EPSG:3857"],
        "coverage": {"bbox": box, "srs": "EPSG:4490"},
    }  # fmt: skip

"""Answer for tiles: tiles, TileJSON, and a page that draws them."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from geosys.content import content_root
from geosys.maps.spec import LayerView, load_map
from geosys.web.guard.journal import note_access
from geosys.web.pages.frame import language_of
from geosys.web.service import address_of, viewer_of
from geosys.web.sources.port import SlowError
from geosys.web.tiles.cache import DiskCache
from geosys.web.tiles.drawing import brief_columns, drawing_of, zooms_of
from geosys.web.tiles.grid import is_tile
from geosys.web.tiles.making import NAMES, tile_of
from geosys.web.tiles.page import FILES, map_page
from geosys.web.tiles.seen import seen_layers, seen_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from geosys.maps.spec import MapSpec
    from geosys.web.service import Service
    from geosys.web.tiles.making import Tile
    from geosys.web.tiles.seen import Seen

MEDIA = "application/vnd.mapbox-vector-tile"
CACHE = "tiles"  # below services/
_ANSWERED = ("GET",)  # and HEAD with it
# An answer is for this viewer alone, and rights may end at any time: kept only as long as the service says it is the same.
_KEEPING = "private, no-cache"


def tile_routes(service: Service, folder: Path | None = None) -> list[BaseRoute]:
    """Return the routes of vector tiles.

    Parameters
    ----------
    folder : below which made tiles are kept (``services/`` of the workspace); None: none are kept.

    Raises
    ------
    SpecError
        When the content of the map is wrong.
    """
    spec = load_map(content_root() / "maps", {name: tuple(s.columns) for name, s in service.schemas.items()})
    tiles = _Tiles(service, spec, DiskCache(folder / CACHE) if folder is not None else None)
    places: Sequence[tuple[str, Any, str]] = (
        ("/map", tiles.page, "map"),
        ("/map/files/{name}", tiles.file, "map_file"),
        ("/tiles", tiles.drawing, "tiles"),
        ("/tiles/{collection}", tiles.description, "tilejson"),
        ("/tiles/{collection}/{z:int}/{x:int}/{y:int}.mvt", tiles.tile, "tile"),
    )
    return [Route(path, answer, methods=list(_ANSWERED), name=name) for path, answer, name in places]


class _Tiles:
    """Answer the routes: each asks anew what the viewer may see."""

    def __init__(self, service: Service, spec: MapSpec, cache: DiskCache | None) -> None:
        self._service, self._spec, self._cache = service, spec, cache

    def _seen(self, request: Request) -> Seen:
        seen = seen_of(
            self._service.source, self._service.schemas, viewer_of(request), request.path_params["collection"]
        )
        if seen is None:
            raise HTTPException(404)
        return seen

    def _view(self, seen: Seen) -> LayerView:
        return self._spec.view(seen.schema.id) or LayerView(seen.schema.id, group="")

    def tile(self, request: Request) -> Response:
        """Return one tile, or that the one the client has is the same."""
        seen = self._seen(request)
        z, x, y = (int(request.path_params[name]) for name in "zxy")
        if not is_tile(z, x, y):
            raise HTTPException(404)
        try:
            tile = tile_of(self._service.source, seen, (z, x, y), brief_columns(self._spec, seen), self._cache)
        except SlowError as error:
            raise HTTPException(503, str(error)) from error
        _note(request, seen, f"{z}/{x}/{y}", tile.features)
        return _tile_response(request, tile)

    def description(self, request: Request) -> Response:
        """Return the TileJSON of a layer. Source: TileJSON 3.0.0."""
        seen = self._seen(request)
        layer, schema = seen.schema.id, seen.schema
        first, last = zooms_of(self._view(seen), seen)
        fields = {name: schema.titles[name].zh if name in schema.titles else name for name in seen.columns}
        told: dict[str, Any] = {
            "tilejson": "3.0.0", "name": schema.title.zh, "description": schema.title.en, "version": "1.0.0", "scheme": "xyz",
            "tiles": [f"{address_of(self._service, request)}/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt"], "minzoom": first, "maxzoom": last,
            "vector_layers": [{"id": layer, "fields": fields, "minzoom": first, "maxzoom": last}],
        }  # fmt: skip
        if seen.name_column and schema.geometry == "polygon":
            name = {seen.name_column: fields[seen.name_column]}
            told["vector_layers"].append({"id": layer + NAMES, "fields": name, "minzoom": first, "maxzoom": last})
        if seen.bounds is not None:
            told["bounds"] = list(seen.bounds)
        return JSONResponse(told, headers={"Cache-Control": _KEEPING})

    def drawing(self, request: Request) -> Response:
        """Return what the map page draws: the layers of this viewer with their looks."""
        layers = seen_layers(self._service.source, self._service.schemas, viewer_of(request))
        return JSONResponse(drawing_of(self._spec, layers, self._service.title), headers={"Cache-Control": _KEEPING})

    def page(self, request: Request) -> Response:
        """Return the map page."""
        return HTMLResponse(
            map_page(self._service.title, language_of(request), str(request.scope.get("root_path", "")))
        )

    def file(self, request: Request) -> Response:
        """Return a script or style of the page; there are no others than those listed."""
        path = FILES.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, headers={"Cache-Control": "no-cache"})


def _tile_response(request: Request, tile: Tile) -> Response:
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    told = hashlib.sha256(tile.packed + (b"" if is_packed else b"plain")).hexdigest()[:24]
    headers = {
        "ETag": f'"{told}"', "Cache-Control": _KEEPING, "Vary": "Accept-Encoding",
        "GeoSys-Features": str(tile.features), "GeoSys-Left-Out": str(tile.left_out), "GeoSys-Columns": "all" if tile.is_whole else "brief",
    }  # fmt: skip
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    if is_packed:
        return Response(tile.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=MEDIA)
    return Response(gzip.decompress(tile.packed), headers=headers, media_type=MEDIA)


def _note(request: Request, seen: Seen, place: str, rows: int) -> None:
    if "accesses" in request.scope.get("state", {}):
        note_access(request, seen.schema, filter_text=place, rows=rows, form="mvt")

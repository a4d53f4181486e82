"""A toy service for tiles and pictures: two counties side by side, with what is public and what is internal in each."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import httpx
import shapely
import uvicorn
from starlette.applications import Starlette

from geosys._text import Text
from geosys.accounts.viewer import LOCAL, NOBODY, Viewer
from geosys.layers.spec import read_catalogue
from geosys.views import schemas_of
from geosys.web.service import Service
from geosys.web.sources.geopackage import GeoPackageSource, make_package, package_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

WEST, EAST = "410202", "410203"
# A square of 0.02 by 0.01 degrees in each county; what lies where is seen by eye.
ZONES = {"西水源": shapely.box(114.05, 34.70, 114.07, 34.71), "东水源": shapely.box(114.25, 34.75, 114.27, 34.76)}
OUTFALLS = {"西口": shapely.Point(114.10, 34.72), "东口": shapely.Point(114.30, 34.78)}
RIVER = shapely.LineString([(114.0, 34.68), (114.2, 34.69), (114.4, 34.68)])
TOWNS = {"西镇": shapely.box(114.0, 34.65, 114.2, 34.85), "东镇": shapely.box(114.2, 34.65, 114.4, 34.85)}
COUNTY_OF = {"西": WEST, "东": EAST}

VIEWERS = {
    "local": LOCAL,
    "nobody": NOBODY,
    "all": Viewer("all", "viewer", audience="internal"),
    "west": Viewer("west", "viewer", counties=frozenset({WEST}), audience="internal"),
    "east": Viewer("east", "viewer", counties=frozenset({EAST}), audience="internal"),
    "public": Viewer("public", "viewer", audience="public"),
}


def _frame(rows: list[dict[str, object]], shapes: Sequence[shapely.Geometry]) -> gpd.GeoDataFrame:
    told = [{"feature_id": f"f{i}", **row} for i, row in enumerate(rows, 1)]
    return gpd.GeoDataFrame(told, geometry=list(shapes), crs="EPSG:4490")


def frames() -> dict[str, gpd.GeoDataFrame]:
    zones = [
        {
            "zone_code": f"Z{i}",
            "zone_name": name,
            "level": "一级" if i == 1 else "二级",
            "county_code": COUNTY_OF[name[0]],
            "is_marked": i == 1,
        }
        for i, name in enumerate(ZONES, 1)
    ]
    outfalls = [
        {"outfall_code": f"O{i}", "outfall_name": name, "entity_name": f"{name}工厂", "county_code": COUNTY_OF[name[0]]}
        for i, name in enumerate(OUTFALLS, 1)
    ]
    towns = [
        {"township_code": f"{COUNTY_OF[n[0]]}001", "township_name": n, "county_code": COUNTY_OF[n[0]]} for n in TOWNS
    ]
    river = [{"river_code": "R1", "river_name": "惠济河", "level": "省级", "river_chief": "张河长"}]
    return {
        "township": _frame(towns, list(TOWNS.values())),
        "river": _frame(river, [RIVER]),
        "source_zone": _frame(zones, list(ZONES.values())),
        "outfall": _frame(outfalls, list(OUTFALLS.values())),
    }


def make_source(folder: Path, made: dict[str, gpd.GeoDataFrame], version: str = "v1") -> GeoPackageSource:
    schemas = schemas_of(read_catalogue())
    files = {}
    for layer, frame in made.items():
        columns = {name: kind for name, kind in schemas[layer].columns.items() if name in frame}
        collection = make_package(
            folder, layer, version, columns, frame, title=schemas[layer].title.zh, has_geometry=True
        )
        files[layer] = (collection, package_file(folder, layer, version, columns))
    return GeoPackageSource(files)


def make_service(folder: Path, made: dict[str, gpd.GeoDataFrame] | None = None) -> Service:
    catalogue = read_catalogue()
    return Service(
        source=make_source(folder, frames() if made is None else made), schemas=schemas_of(catalogue), catalogue=catalogue,
        title=Text("样例县一张图", "Sample county"), plan_crs="EPSG:4547", clock=lambda: dt.datetime(2026, 9, 30, tzinfo=dt.UTC),
        hosts=frozenset({"testserver", "127.0.0.1", "localhost"}),
    )  # fmt: skip


class _Asking:
    """Stand in for the guard: the viewer is named in the first part of the path, as ``/as-west/tiles``."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            first, _, rest = scope["path"].removeprefix("/").partition("/")
            who = first.removeprefix("as-") if first.startswith("as-") else ""
            scope.setdefault("state", {})["viewer"] = VIEWERS[who or "local"]
            if who:
                scope = {**scope, "root_path": f"/{first}", "path": scope["path"], "raw_path": f"/{rest}".encode()}
        await self.app(scope, receive, send)


def make_app(routes: Sequence[BaseRoute]) -> _Asking:
    return _Asking(Starlette(routes=list(routes)))


class Client:
    """Ask an application without a network."""

    def __init__(self, app: _Asking) -> None:
        self.app, self._transport = app, httpx.ASGITransport(app)

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://testserver") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


def _serve(folder: Path) -> None:
    """Serve pictures and tiles on a free port of this machine and print it: GDAL holds Python's lock while it waits."""
    from geosys.web.pictures.routes import picture_routes
    from geosys.web.tiles.routes import tile_routes

    service = make_service(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    app = make_app([*tile_routes(service, folder), *picture_routes(service, folder)])
    uvicorn.run(app, fd=listener.fileno(), log_level="error", lifespan="off")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Serve the toy in a process of its own and yield its address."""
    root = Path(__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    with subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

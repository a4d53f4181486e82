"""A small town of outfalls and plots served as OGC API - Features, and a client that asks it."""

from __future__ import annotations

import asyncio
import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import httpx
import numpy as np
import pandas as pd
import shapely
from starlette.applications import Starlette

from geosys._text import Text
from geosys.accounts.viewer import LOCAL, Viewer
from geosys.layers.spec import read_catalogue
from geosys.views import schemas_of
from geosys.web.features.routes import features_routes
from geosys.web.service import Service
from geosys.web.sources.edits import EditedSource
from geosys.web.sources.geopackage import GeoPackageSource, make_package, package_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.layers.spec import Catalogue

PLAN = "EPSG:4547"
REGION = (114.0, 34.5, 114.6, 35.0)
OUTFALL, PLOT, SAMPLE = "outfall", "priority_plot", "water_sample"
COUNTIES = ("410202", "410299")
NAMES = (
    "城东排口",
    "城西1号",
    "O'Brien",
    'a"b',
    "50%_x",
    "Alpha",
    "ALPHA",
    "back\\slash",
    "两 词",
    "; DROP TABLE outfall; --",
)
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CLOCK = dt.datetime(2026, 9, 30, 8, 0, tzinfo=dt.UTC)


@cache
def content() -> Catalogue:
    """Return the content that came with GeoSys, read once."""
    return read_catalogue()


def outfalls(count: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Return points in the plan's CRS with texts, numbers, truths and days, some of them missing."""
    rng = np.random.default_rng(seed)
    day = dt.date(2025, 1, 1)
    rows = {
        "feature_id": [f"C{i:04d}" for i in range(count)],
        "outfall_code": [f"C{i:04d}" for i in range(count)],
        "outfall_name": [None if rng.random() < 0.1 else NAMES[int(k)] for k in rng.integers(0, len(NAMES), count)],
        "river_name": [["惠济河", "马家河", "黄河"][int(k)] for k in rng.integers(0, 3, count)],
        "flow_t_d": [np.nan if rng.random() < 0.2 else float(k) / 2 for k in rng.integers(0, 40, count)],
        "is_traced": [None if rng.random() < 0.2 else bool(k) for k in rng.integers(0, 2, count)],
        "found_on": [
            None if rng.random() < 0.2 else day + dt.timedelta(days=int(k)) for k in rng.integers(0, 60, count)
        ],
        "done_on": [
            None if rng.random() < 0.2 else day + dt.timedelta(days=int(k)) for k in rng.integers(0, 60, count)
        ],
        "county_code": [COUNTIES[int(k)] for k in rng.integers(0, 2, count)],
    }
    points = shapely.points(rng.uniform(515_000, 530_000, count), rng.uniform(3_840_000, 3_855_000, count))
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=points, crs=PLAN)


def plots(count: int, seed: int = 2) -> gpd.GeoDataFrame:
    """Return squares of 200 to 2,000 m in the plan's CRS, many of them touching the lines of a 1 km grid."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(515, 530, count) * 1000.0, rng.integers(3_840, 3_855, count) * 1000.0
    side = rng.integers(1, 11, count) * 200.0
    names = [f"P{i:03d}" for i in range(count)]
    shapes = [shapely.box(a, b, a + s, b + s) for a, b, s in zip(x, y, side, strict=True)]
    return gpd.GeoDataFrame({"feature_id": names, "plot_code": names}, geometry=shapes, crs=PLAN)


def samples(count: int) -> gpd.GeoDataFrame:
    """Return rows without a place, of the first days of 2025; the last one has no day."""
    names = [f"S{i}" for i in range(count)]
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=i) for i in range(count - 1)] + [None]
    told = {"feature_id": names, "section_code": names, "sampled_on": days}
    return gpd.GeoDataFrame(told, geometry=[None] * count, crs=PLAN)


def service_of(
    folder: Path, frames: Mapping[str, gpd.GeoDataFrame], catalogue: Catalogue | None = None, **settings: Any
) -> Service:
    """Return a service over frames, each the version v1 of its layer."""
    catalogue = catalogue or content()
    schemas = schemas_of(catalogue)
    files = {}
    for name, frame in frames.items():
        columns = dict(schemas[name].columns)
        whole = frame.assign(**{c: None for c in columns if c not in frame})
        has_geometry = schemas[name].geometry != "none"
        made = make_package(folder, name, "v1", columns, whole, title=name, has_geometry=has_geometry)
        files[name] = (made, package_file(folder, name, "v1", columns))
    source = EditedSource(GeoPackageSource(files), folder / "edits.sqlite", lambda: CLOCK)
    told = {"region": REGION, "title": Text("样例镇", "Sample town"), "clock": lambda: CLOCK} | settings
    return Service(source=source, schemas=schemas, catalogue=catalogue, plan_crs=PLAN, **told)


class Client:
    """Ask a service as one viewer, without a network."""

    def __init__(self, service: Service, viewer: Viewer = LOCAL, root: str = "") -> None:
        inner = Starlette(routes=features_routes(service))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope.setdefault("state", {})["viewer"] = viewer
            await inner(scope, receive, send)

        self._app, self._root, self.viewer = app, root, viewer

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, root_path=self._root)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
                return await client.request(method, path, **more)

        return asyncio.run(one())

    def get(self, path: str, headers: Mapping[str, str] | None = None, **parameters: Any) -> httpx.Response:
        return self.ask(
            "GET", path, headers=headers, params={k.replace("_", "-"): v for k, v in parameters.items()} or None
        )

    def items(self, collection: str, **parameters: Any) -> dict[str, Any]:
        answer = self.get(f"/collections/{collection}/items", **parameters)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

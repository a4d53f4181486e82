"""What a service is made of: where its features come from, what they are, and under which address it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geosys.accounts.viewer import NOBODY, Viewer
from geosys.layers.store import has_current, read_current
from geosys.views import schemas_of, view_of
from geosys.web.sources.edits import EDITS, EditedSource
from geosys.web.sources.geopackage import GeoPackageSource, make_package, package_file
from geosys.web.sources.port import KEY
from geosys.web.sources.postgis import PostgisSource

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from geosys._schema import LayerSchema
    from geosys._text import Text
    from geosys.layers.spec import Catalogue
    from geosys.web.sources.port import Collection, FeatureSource
    from geosys.workspace import Workspace

FOLDER = "services"  # below the workspace: GeoPackages of the layer versions, and the edits
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Service:
    """Hold what all parts of a service share.

    Parameters
    ----------
    plan_crs : the workspace's metric CRS, offered beside the usual ones.
    region : west, south, east, north in degrees; what is written must lie in it.
    public_url : the address people use, where a proxy stands before the service; without it, the host of the request
        where it is one of `hosts`.
    """

    source: FeatureSource
    schemas: Mapping[str, LayerSchema]
    catalogue: Catalogue
    title: Text
    plan_crs: str
    clock: Callable[[], dt.datetime]
    region: tuple[float, float, float, float] | None = None
    public_url: str = ""
    hosts: frozenset[str] = LOOPBACK
    files: Mapping[str, Path] = field(default_factory=dict)  # GeoPackage of each layer, for programs that draw
    default_features: int = 100
    most_features: int = 10_000
    most_page_bytes: int = 16_000_000
    most_body_bytes: int = 8_000_000


def viewer_of(request: Request) -> Viewer:
    """Return who asks, as the guard before this has found out; nobody where it has not."""
    viewer = getattr(request.state, "viewer", NOBODY)
    return viewer if isinstance(viewer, Viewer) else NOBODY


def address_of(service: Service, request: Request) -> str:
    """Return the address all links begin with, without a slash at its end.

    A Host header that nobody has allowed never gets into a link: the server's own address stands there instead.
    """
    scope = request.scope
    root = str(scope.get("root_path", ""))
    if service.public_url:
        outside = str(
            scope.get("app_root_path", "")
        )  # what a proxy was told to add stands in the public address already
        return service.public_url.rstrip("/") + root.removeprefix(outside).rstrip("/")
    host = request.headers.get("host", "")
    match = _HOST.fullmatch(host)
    if match is None or match[1].lower() not in service.hosts:
        name, port = scope.get("server") or ("127.0.0.1", None)
        host = f"{name}:{port}" if port not in {None, 80, 443} else str(name)
    return f"{scope.get('scheme', 'http')}://{host}{root.rstrip('/')}"


def make_service(
    workspace: Workspace,
    catalogue: Catalogue,
    clock: Callable[[], dt.datetime],
    *,
    database: str = "",
    public_url: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> Service:
    """Make the service of a workspace: its current layer versions as GeoPackages, or the tables of a database.

    Parameters
    ----------
    database
        URL of a PostGIS database with the layers in its schema ``geosys``; empty: the workspace's own layers.
    progress
        Called with the layer, how many are done and how many there are.

    Raises
    ------
    WorkspaceError
        When a layer version is damaged or the database cannot be reached.
    """
    schemas = schemas_of(catalogue)
    folder = workspace.root / FOLDER
    folder.mkdir(exist_ok=True)
    files: dict[str, tuple[Collection, Path]] = {}
    base: FeatureSource
    if database:
        base = PostgisSource(database, schemas)
    else:
        stored = [name for name in catalogue.layers if has_current(workspace.store, name)]
        for done, name in enumerate(stored):
            if progress is not None:
                progress(name, done, len(stored))
            made = _made(workspace, name, catalogue, schemas[name])
            if made is not None:
                files[name] = made
        base = GeoPackageSource(files)
    titles = {name: schema.title.zh for name, schema in schemas.items()}
    source = EditedSource(base, folder / EDITS, clock, titles)
    return Service(
        source=source, schemas=schemas, catalogue=catalogue, title=workspace.title, plan_crs=workspace.crs, clock=clock,
        region=workspace.region, public_url=public_url, files={name: path for name, (_, path) in files.items()},
    )  # fmt: skip


def _made(workspace: Workspace, name: str, catalogue: Catalogue, schema: LayerSchema) -> tuple[Collection, Path] | None:
    """Return a layer as a GeoPackage, made where it is not there."""
    layer = read_current(workspace.store, catalogue.layers[name])
    if layer is None:
        return None
    view = view_of(layer, catalogue)
    columns = {column: kind for column, kind in schema.columns.items() if column in view.frame and column != KEY}
    folder, has_geometry = workspace.root / FOLDER, schema.geometry != "none"
    made = make_package(
        folder, name, layer.version, columns, view.frame, title=schema.title.zh, has_geometry=has_geometry
    )
    return made, package_file(folder, name, layer.version, columns)

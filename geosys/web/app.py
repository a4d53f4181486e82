"""The service as one application: the guard around pages, features, tiles and pictures."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from geosys.web.features.routes import features_routes
from geosys.web.guard.asking import Asking
from geosys.web.guard.doorway import Doorway
from geosys.web.guard.envelope import Envelope
from geosys.web.guard.forms import Forms
from geosys.web.guard.journal import Journal
from geosys.web.guard.problems import HANDLERS
from geosys.web.guard.streams import Streams
from geosys.web.pages.accounts import account_routes
from geosys.web.pages.frame import STATIC
from geosys.web.pictures.routes import picture_routes
from geosys.web.tiles.routes import tile_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from geosys._schema import LayerSchema
    from geosys.accounts.store.database import Accounts
    from geosys.web.guard.settings import Settings
    from geosys.web.service import Service


def make_app(service: Service, accounts: Accounts, settings: Settings, folder: Path | None = None) -> Starlette:
    """Return the application of a service: features, tiles and pictures behind the guard; its stop closes the sources.

    Parameters
    ----------
    folder : below which made tiles and pictures are kept (``services/`` of the workspace); None: no tile is kept, and no picture drawn.
    """
    routes: list[BaseRoute] = [*tile_routes(service, folder)]
    if folder is not None:
        routes += picture_routes(service, folder)
    routes += features_routes(service)
    return compose(routes, service.schemas, accounts, settings, closing=service.source.close)


def compose(
    routes: Sequence[BaseRoute],
    schemas: Mapping[str, LayerSchema],
    accounts: Accounts,
    settings: Settings,
    closing: Callable[[], None] | None = None,
) -> Starlette:
    """Return an application of routes behind the guard; each finds who asks in ``request.state.viewer``.

    Parameters
    ----------
    routes : of data. They come after those of pages, login and health.
    schemas : of the layers they answer from: what is internal of them is written into the access log.
    closing : is called when the application stops.
    """

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        yield
        if closing is not None:
            closing()

    own = [
        Route("/health", _health, methods=["GET"]),
        *account_routes(accounts, settings),
        Mount("/static", StaticFiles(directory=STATIC, follow_symlink=False), name="static"),
    ]
    middleware = [
        Middleware(Envelope, settings=settings),
        Middleware(Doorway, settings=settings),
        Middleware(Streams, settings=settings),
        Middleware(Asking, settings=settings, accounts=accounts),
        Middleware(Forms, settings=settings),
        Middleware(Journal, settings=settings, accounts=accounts, schemas=schemas),
    ]
    return Starlette(
        debug=False, routes=[*own, *routes], middleware=middleware, exception_handlers=HANDLERS, lifespan=living
    )


async def _health(request: Request) -> JSONResponse:
    """Say that the service answers; nothing of what it holds."""
    _ = request
    return JSONResponse({"status": "ok"})

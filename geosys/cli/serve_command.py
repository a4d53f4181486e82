"""The command of the service: on this machine for its single user, or for an office with accounts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from geosys._errors import WorkspaceError
from geosys.accounts.store.entries import read_accounts
from geosys.accounts.store.sessions import Lives
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content, show_progress
from geosys.cli.user_commands import AccountsOption, accounts_at
from geosys.layers.spec import read_catalogue
from geosys.web.app import make_app
from geosys.web.guard.serving import Listening, serve_app
from geosys.web.guard.settings import LOOPBACK_HOSTS, Bounds, Settings, address_of, read_networks, read_public_url
from geosys.web.service import FOLDER, make_service

if TYPE_CHECKING:
    from geosys.accounts.store.database import Accounts

HELP = (
    "启动数据服务 Serve a workspace: OGC API Features, tiles, WMS/WFS/WMTS.\n\n"
    "Example: geosys serve --workspace ./county --port 8080"
)
_ANY = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound to
_MEBIBYTE = 2**20
_MINUTE = 60.0


def serve(
    workspace: WorkspaceOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口 The port; 0 takes a free one.")] = 8080,
    host: Annotated[
        str, typer.Option(help="监听地址 The address to listen on (default: this machine only).")
    ] = "127.0.0.1",
    database: Annotated[
        str, typer.Option(help="PostGIS 地址 Layers from postgresql://USER@HOST/DATABASE (default: the workspace's).")
    ] = "",
    accounts: AccountsOption = None,
    public_url: Annotated[
        str, typer.Option(help="对外地址 The address people use, as https://gis.example/geosys.")
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None, typer.Option(help="反向代理地址 A proxy whose X-Forwarded-* counts; repeat for more.")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="未登录不可见 Nothing without an account.")] = False,
    most_upload_mb: Annotated[int, typer.Option(min=1, max=1024, help="上传上限 Most MiB of an upload.")] = 20,
    rate: Annotated[
        float, typer.Option(min=0, help="每秒请求数 Requests per second of a viewer; 0: not bounded.")
    ] = 50.0,
    idle_minutes: Annotated[float, typer.Option(min=1, max=1440, help="无操作退出 A session ends after.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Serve the layers of a workspace until told to stop."""
    address = public_url and read_public_url(public_url)
    trusted = read_networks(trusted_proxy or ())
    at = address_of(host)
    is_loopback = host == "localhost" or (at is not None and at.is_loopback)
    plan, clock = workspace_at(workspace), _clock
    users = accounts_at(workspace, accounts)
    try:
        settings = Settings(
            clock=clock, public_url=address, hosts=frozenset(LOOPBACK_HOSTS if is_loopback else (_bare(host),)), is_loopback=is_loopback,
            trusted=trusted, is_closed=closed, lives=Lives(idle_s=idle_minutes * _MINUTE),
            bounds=Bounds(most_body_bytes=most_upload_mb * _MEBIBYTE, requests_per_s=rate, burst=rate * 10),
        )  # fmt: skip
        check_binding(users, settings, host)
        with show_progress() as progress:
            service = make_service(
                plan,
                read_catalogue(),
                clock,
                database=database,
                public_url=address,
                progress=lambda _, done, total: progress("sources", done, total),
            )
        app = make_app(service, users, settings, plan.root / FOLDER)
        serve_app(
            app, Listening(host, port, settings.root_path), lambda bound: _announce(bound, settings, as_json=as_json)
        )
    finally:
        users.close()


def check_binding(accounts: Accounts, settings: Settings, host: str) -> None:
    """Refuse to be reached by others as long as nobody could be told from anybody.

    Raises
    ------
    WorkspaceError
        When others may come and there is no administrator, or the name they come by is not known.
    """
    if settings.has_local_user:
        return
    with accounts.reading() as connection:
        able = [
            a
            for a in read_accounts(connection)
            if a.viewer.role == "administrator" and a.has_password and not a.is_locked
        ]
    if not able:
        raise WorkspaceError(
            f"serve --host {host}: got no account, expected an administrator before anybody but this machine's user is let in. "
            "Run 'geosys users add NAME --role administrator', or leave --host, --public-url, --trusted-proxy and --closed out."
        )
    if not settings.public_url and (host in _ANY or settings.trusted):
        raise WorkspaceError(
            f"serve --host {host}: got no public address, expected the one people type. Give --public-url https://HOST."
        )


def _announce(bound: str, settings: Settings, *, as_json: bool) -> None:
    address = settings.public_url or bound
    print_content({"serving": address}, as_json=as_json, text=f"服务已启动 serving: {address}")
    if not settings.has_local_user and not settings.is_https and not settings.is_loopback:
        typer.echo(
            "注意：未使用 HTTPS，密码将以明文传输 Note: without HTTPS passwords travel in the clear (docs/serving.md).",
            err=True,
        )


def _clock() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _bare(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()

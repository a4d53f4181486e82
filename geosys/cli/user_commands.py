"""The commands of accounts: who is let in, as what, bound to which offices and counties; tokens; the access log."""

from __future__ import annotations

import datetime as dt
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003  typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.accounts.passwords import check_password, hash_password
from geosys.accounts.rights import county_column, may, unbound_layers
from geosys.accounts.store import entries, failures, tokens
from geosys.accounts.store.access_log import Access, append_accesses, read_accesses
from geosys.accounts.store.database import ACCOUNTS_FILE, Accounts, open_accounts
from geosys.accounts.viewer import Viewer
from geosys.cli.options import JsonOption, WorkspaceOption, workspace_at
from geosys.cli.terminal import print_content, print_rows
from geosys.layers.spec import read_catalogue
from geosys.views import offices_of, schemas_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geosys._schema import LayerSchema
    from geosys._text import Text
    from geosys.accounts.store.database import Connection

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="账户 Accounts.\n\nExample: geosys users add 张三 --role viewer --county 410202",
)
token_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="程序令牌 Tokens of programs.\n\nExample: geosys users token add 张三 --days 90",
)
app.add_typer(token_app, name="token")

AccountsOption = Annotated[
    str | None,
    typer.Option(
        "--accounts", help="账户库 postgresql://USER@HOST/DATABASE (default: accounts.sqlite of the workspace)."
    ),
]
NameArgument = Annotated[str, typer.Argument(help="用户名 The account's name.")]
RoleOption = Annotated[str, typer.Option("--role", help="viewer, editor, reviewer, publisher, administrator.")]
AudienceOption = Annotated[
    str | None,
    typer.Option(help="可见范围 internal, shared or public (default: internal for an administrator, else shared)."),
]
OfficesOption = Annotated[
    list[str] | None, typer.Option("--office", help="限于单位 Bound to this office; repeat for more.")
]
CountiesOption = Annotated[
    list[str] | None, typer.Option("--county", help="限于县区 Bound to this county's code; repeat for more.")
]
_ADMINISTRATOR = "administrator"


def accounts_at(workspace: Path | None, url: str | None) -> Accounts:
    """Return the accounts of a URL, or of the workspace's file."""
    return open_accounts(url or workspace_at(workspace).root / ACCOUNTS_FILE)


@contextmanager
def _opened(workspace: Path | None, url: str | None) -> Iterator[tuple[Connection, dt.datetime]]:
    accounts = accounts_at(workspace, url)
    try:
        with accounts.writing() as connection:
            yield connection, dt.datetime.now(tz=dt.UTC)
    finally:
        accounts.close()


def _logged(connection: Connection, now: dt.datetime, what: str, name: str, note: str = "") -> None:
    append_accesses(connection, [Access("command line", what, note=f"{name} {note}".strip())], now)


def _asked_password(name: str) -> str:
    """Return the hash of a password typed twice, or of the first line of standard input where that is no terminal."""
    if sys.stdin.isatty():
        password = typer.prompt("密码 Password", hide_input=True, confirmation_prompt="再输一次 Again")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    check_password(password, name)
    return hash_password(password)


def _bound_to(
    name: str, role: str, audience: str, offices: Sequence[str] | None, counties: Sequence[str] | None, schemas: dict[str, LayerSchema]
) -> Viewer:  # fmt: skip
    """Return a viewer of known offices and counties."""
    titles = offices_of(read_catalogue())
    known: dict[str, Text] = {}
    for schema in schemas.values():
        known |= schema.codes.get(county_column(schema) or "", {})
    for option, values, words in (("--office", offices, titles), ("--county", counties, known)):
        for value in values or ():
            if value not in words:
                hint = nearest(value, words) or f"Known: {', '.join(list(words)[:20])}."
                raise WorkspaceError(f"{option}: got {value!r}, expected one of the content's. {hint}")
    return Viewer(name, role, frozenset(offices or ()), frozenset(counties or ()), audience)


def _print_viewer(viewer: Viewer, schemas: dict[str, LayerSchema], *, as_json: bool) -> None:
    """Print what an account is and sees, and the layers its binding keeps from it for want of a column."""
    seen, kept = [n for n, s in schemas.items() if may(viewer, "read", s)], unbound_layers(viewer, schemas)
    content = _record(viewer) | {"layers": seen, "layers_without_binding": kept}
    lines = [f"{key}: {'、'.join(v) if isinstance(v, list) else v}" for key, v in _record(viewer).items()]
    lines.append(f"可读图层 layers to read: {len(seen)} / {len(schemas)}")
    if kept:
        lines.append(f"因无县区或单位字段而不可见 not seen, as their rows say no county or office: {'、'.join(kept)}")
    print_content(content, as_json=as_json, text="\n".join(lines))


def _print_rows(title: str, rows: list[dict[str, object]], *, as_json: bool) -> None:
    """Print rows; in a table a list is one cell."""
    flat = [{k: "、".join(v) if isinstance(v, (list, tuple)) else v for k, v in row.items()} for row in rows]
    print_rows(title, rows if as_json else flat, as_json=as_json)


def _record(viewer: Viewer) -> dict[str, object]:
    bound = {"offices": sorted(viewer.offices), "counties": sorted(viewer.counties)}
    return {"name": viewer.name, "role": viewer.role, "audience": viewer.audience, **bound}


@app.command(
    name="add",
    help="新增账户 Add an account; the password is asked for.\n\nExample: geosys users add 管理员 --role administrator",
)
def add(
    name: NameArgument,
    role: RoleOption = "viewer",
    audience: AudienceOption = None,
    office: OfficesOption = None,
    county: CountiesOption = None,
    without_password: Annotated[bool, typer.Option("--without-password", help="只用令牌 Tokens only.")] = False,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account with a role, an audience and what it is bound to."""
    schemas = schemas_of(read_catalogue())
    reach = audience or ("internal" if role == _ADMINISTRATOR else "shared")
    viewer = _bound_to(name, role, reach, office, county, schemas)
    password = None if without_password else _asked_password(name)
    with _opened(workspace, accounts) as (connection, now):
        entries.add_account(connection, viewer, password, now)
        _logged(connection, now, "account_added", name, str(_record(viewer)))
    _print_viewer(viewer, schemas, as_json=as_json)


@app.command(name="list", help="列出账户 List the accounts.\n\nExample: geosys users list")
def list_accounts(
    workspace: WorkspaceOption = None, accounts: AccountsOption = None, as_json: JsonOption = False
) -> None:
    """List all accounts with role, binding and state; never a password or its hash."""
    with _opened(workspace, accounts) as (connection, _):
        found = entries.read_accounts(connection)
    rows = [
        _record(a.viewer) | {"has_password": a.has_password, "is_locked": a.is_locked, "made_at": a.made_at}
        for a in found
    ]
    _print_rows("账户 Accounts", rows, as_json=as_json)


@app.command(
    name="role",
    help="改变角色 Give an account another role or audience.\n\nExample: geosys users role 张三 editor --audience internal",
)
def change_role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="viewer, editor, reviewer, publisher, administrator.")],
    audience: AudienceOption = None,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account another role, and another audience where one is named."""
    with _opened(workspace, accounts) as (connection, now):
        kept = entries.account_named(connection, name).viewer
        viewer = Viewer(kept.name, role, kept.offices, kept.counties, audience or kept.audience)
        entries.change_account(connection, viewer)
        _logged(connection, now, "account_changed", kept.name, str(_record(viewer)))
    _print_viewer(viewer, schemas_of(read_catalogue()), as_json=as_json)


@app.command(
    name="bind",
    help="限定单位和县区 Bind an account; without options it is bound to nothing.\n\nExample: geosys users bind 张三 --county 410202",
)
def bind(
    name: NameArgument,
    office: OfficesOption = None,
    county: CountiesOption = None,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bind an account to exactly these offices and counties."""
    schemas = schemas_of(read_catalogue())
    with _opened(workspace, accounts) as (connection, now):
        kept = entries.account_named(connection, name).viewer
        viewer = _bound_to(kept.name, kept.role, kept.audience, office, county, schemas)
        entries.change_account(connection, viewer)
        _logged(connection, now, "account_changed", kept.name, str(_record(viewer)))
    _print_viewer(viewer, schemas, as_json=as_json)


@app.command(name="password", help="设置密码 Set a password; its sessions end.\n\nExample: geosys users password 张三")
def password_command(
    name: NameArgument, workspace: WorkspaceOption = None, accounts: AccountsOption = None, as_json: JsonOption = False
) -> None:
    """Give an account another password, typed or from standard input."""
    hashed = _asked_password(name)
    with _opened(workspace, accounts) as (connection, now):
        entries.set_password(connection, name, hashed)
        failures.forget_failures(connection, failures.keys_of(name, ""))
        _logged(connection, now, "password_set", name)
    print_content({"password_set": name}, as_json=as_json, text=f"密码已设置 password set: {name}")


@app.command(name="lock", help="锁定账户 Lock an account; 'unlock' undoes it.\n\nExample: geosys users lock 张三")
def lock(
    name: NameArgument, workspace: WorkspaceOption = None, accounts: AccountsOption = None, as_json: JsonOption = False
) -> None:
    """Lock an account: neither password, session nor token lets it in."""
    with _opened(workspace, accounts) as (connection, now):
        entries.lock_account(connection, name, is_locked=True)
        _logged(connection, now, "account_locked", name)
    print_content({"locked": name}, as_json=as_json, text=f"已锁定 locked: {name}")


@app.command(name="unlock", help="解除锁定 Undo a lock, and forget failed logins.\n\nExample: geosys users unlock 张三")
def unlock(
    name: NameArgument, workspace: WorkspaceOption = None, accounts: AccountsOption = None, as_json: JsonOption = False
) -> None:
    """Undo a lock; an account that waits after failed logins need not wait on."""
    with _opened(workspace, accounts) as (connection, now):
        entries.lock_account(connection, name, is_locked=False)
        failures.forget_failures(connection, {"account": failures.keys_of(name, "")["account"]})
        _logged(connection, now, "account_unlocked", name)
    print_content({"unlocked": name}, as_json=as_json, text=f"已解除锁定 unlocked: {name}")


@app.command(name="remove", help="删除账户 Remove an account with its tokens.\n\nExample: geosys users remove 张三")
def remove(
    name: NameArgument, workspace: WorkspaceOption = None, accounts: AccountsOption = None, as_json: JsonOption = False
) -> None:
    """Remove an account; the last administrator stays, and the access log keeps what was done."""
    with _opened(workspace, accounts) as (connection, now):
        entries.remove_account(connection, name)
        _logged(connection, now, "account_removed", name)
    print_content({"removed": name}, as_json=as_json, text=f"已删除 removed: {name}")


@app.command(
    name="log", help="访问记录 The access log, the newest first.\n\nExample: geosys users log --layer outfall --most 50"
)
def log(
    who: Annotated[str | None, typer.Option(help="只列某用户 Only of this account.")] = None,
    layer: Annotated[str | None, typer.Option(help="只列某图层 Only of this layer.")] = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="最多行数 At most so many.")] = 100,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who saw or changed what of internal layers, and what was done to accounts."""
    with _opened(workspace, accounts) as (connection, _):
        rows = read_accesses(connection, who, layer, most)
    print_rows("访问记录 Access log", rows, as_json=as_json)


@token_app.command(
    name="add",
    help="新建令牌 Make a token; it is shown once.\n\nExample: geosys users token add 张三 --scope read --days 90",
)
def token_add(
    name: NameArgument,
    title: Annotated[str, typer.Option(help="用途 What it is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="read, edit, release, publish, administer; repeat for more.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=tokens.MOST_DAYS, help="有效天数 For so many days.")] = 90,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token bound to some operations and a number of days, and show it this once."""
    with _opened(workspace, accounts) as (connection, now):
        token, secret = tokens.make_token(
            connection, name, title, scope or ["read"], now + dt.timedelta(days=days), now
        )
        _logged(connection, now, "token_made", name, f"{token.token_id} {' '.join(token.scopes)}")
    content = {"token_id": token.token_id, "token": secret, "scopes": token.scopes, "expires_at": token.expires_at}
    lines = [
        f"token: {secret}",
        "只显示这一次 It is shown this once. Authorization: Bearer …",
        f"id: {token.token_id}",
        f"until: {token.expires_at}",
    ]
    print_content(content, as_json=as_json, text="\n".join(lines))


@token_app.command(name="list", help="列出令牌 List tokens.\n\nExample: geosys users token list")
def token_list(
    name: Annotated[str | None, typer.Argument(help="用户名 Of this account.")] = None,
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tokens with scopes, expiry and last use; never the secret."""
    with _opened(workspace, accounts) as (connection, _):
        found = tokens.read_tokens(connection, name)
    rows = [{slot: getattr(token, slot) for slot in tokens.Token.__slots__} for token in found]
    _print_rows("令牌 Tokens", rows, as_json=as_json)


@token_app.command(name="revoke", help="吊销令牌 Revoke a token.\n\nExample: geosys users token revoke 1f2e3d4c")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="令牌编号 Its id.")],
    workspace: WorkspaceOption = None,
    accounts: AccountsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a token for good."""
    with _opened(workspace, accounts) as (connection, now):
        tokens.revoke_token(connection, token_id, now)
        _logged(connection, now, "token_revoked", token_id)
    print_content({"revoked": token_id}, as_json=as_json, text=f"已吊销 revoked: {token_id}")

"""The pages of accounts: log in and out, see what one may, change one's password. Work by keyboard, without any script."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from geosys._text import Text
from geosys.accounts import login
from geosys.accounts.passwords import LEAST_CHARACTERS, PasswordError
from geosys.accounts.store.sessions import form_secret
from geosys.web.guard.forms import FIELD, FORM_COOKIE, LOGIN, MOST_FORM_BYTES
from geosys.web.guard.problems import told
from geosys.web.guard.rates import Buckets
from geosys.web.pages.frame import LANGUAGE_COOKIE, LANGUAGES, language_of, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from geosys.accounts.store.database import Accounts
    from geosys.web.guard.settings import Settings

_HERE = re.compile(r"/(?![/\\])[^\\\s\x00-\x1f\x7f]*")  # a place of ours to go on to, never another site
_HASHES_AT_ONCE = 2  # each takes 64 MiB and a core for a moment
ROLE_TITLES = {
    "viewer": Text("查看", "Viewer"),
    "editor": Text("编辑", "Editor"),
    "reviewer": Text("审核", "Reviewer"),
    "publisher": Text("发布", "Publisher"),
    "administrator": Text("管理员", "Administrator"),
}
AUDIENCE_TITLES = {
    "internal": Text("内部", "Internal"),
    "shared": Text("部门共享", "Shared"),
    "public": Text("公开", "Public"),
}
_WORDS = {
    "login": Text("登录", "Log in"),
    "logout": Text("退出登录", "Log out"),
    "name": Text("用户名", "Name"),
    "password": Text("密码", "Password"),
    "wrong": Text("用户名或密码不正确", "Wrong name or password"),
    "me": Text("我的账户", "My account"),
    "role": Text("角色", "Role"),
    "audience": Text("可见范围", "May see"),
    "offices": Text("单位", "Offices"),
    "counties": Text("县区", "Counties"),
    "all": Text("不限", "All"),
    "change": Text("修改密码", "Change password"),
    "current": Text("现密码", "Current password"),
    "new": Text(
        f"新密码（不少于 {LEAST_CHARACTERS} 个字符）", f"New password (at least {LEAST_CHARACTERS} characters)"
    ),
    "again": Text("再输一次新密码", "New password again"),
    "changed": Text("密码已修改，其他设备上的登录已全部退出", "Password changed; every other session has ended"),
    "differ": Text("两次输入的新密码不一致", "The two new passwords differ"),
    "weak": Text(
        "新密码太短或太常见：请用四个互不相干的词连在一起", "Too short or too common: put four unrelated words together"
    ),
    "data": Text("查看数据", "To the data"),
    "local": Text("本机单用户，无需登录", "The single user of this machine, without a password"),
}


@dataclass(frozen=True, slots=True)
class AccountPages:
    """Hold what the pages work on; `hashing` keeps many logins at once from taking the whole machine."""

    accounts: Accounts
    settings: Settings
    logins: Buckets
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHES_AT_ONCE))


def account_routes(accounts: Accounts, settings: Settings) -> list[Route]:
    """Return the routes of login, logout, one's own account and its password."""
    per_minute = settings.bounds.logins_per_minute
    pages = AccountPages(accounts, settings, Buckets(per_minute / 60, per_minute, settings.bounds.most_keys))
    return [
        Route(LOGIN, _bind(_login, pages), methods=["GET", "POST"]),
        Route("/logout", _bind(_logout, pages), methods=["POST"]),
        Route("/me", _bind(_me, pages), methods=["GET"]),
        Route("/me/password", _bind(_password, pages), methods=["POST"]),
    ]


def _bind(page_of: Callable[[Request, AccountPages], Any], pages: AccountPages) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        response: Response = await page_of(request, pages)
        chosen = request.query_params.get("lang")
        if chosen in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE,
                chosen,
                max_age=31_536_000,
                samesite="lax",
                secure=pages.settings.is_https,
                httponly=True,
            )
        return response

    return answer


async def _login(request: Request, pages: AccountPages) -> Response:
    if request.method != "POST":
        return _login_page(request, pages)
    state, settings = request.scope["state"], pages.settings
    form = await _form(request)
    if pages.logins.wait_s(state["address"], settings.seconds()):
        return told(request, 429, headers={"retry-after": "60"})
    given = (form.get("name", ""), form.get("password", ""), state["address"])
    old = request.cookies.get(settings.cookie, "")
    async with pages.hashing:
        secret = await run_in_threadpool(login.log_in, pages.accounts, *given, settings.clock(), settings.lives, old)
    if secret is None:
        return _login_page(request, pages, wrong=True, name=given[0])
    response = _onward(request, _place(form.get("next", "")))
    _set_session(response, secret, settings)
    response.delete_cookie(FORM_COOKIE)
    return response


def _login_page(request: Request, pages: AccountPages, *, wrong: bool = False, name: str = "") -> Response:
    language, root = language_of(request), _root(request)
    cookie = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    onward = _place(request.query_params.get("next", ""))
    words = {key: escape(text.in_language(language)) for key, text in _WORDS.items()}
    warned = f'<p class="wrong" role="alert">{words["wrong"]}</p>' if wrong else ""
    markup = (
        f"<h1>{words['login']}</h1>{warned}"
        f'<form method="post" action="{root}{LOGIN}">{_hidden(FIELD, form_secret(cookie))}{_hidden("next", onward)}'
        f'<label for="name">{words["name"]}</label>'
        f'<input id="name" name="name" value="{escape(name[:64], quote=True)}" autocomplete="username" required maxlength="64" autofocus>'
        f"{_password_field('password', words['password'], 'current-password')}<button>{words['login']}</button></form>"
    )
    response = HTMLResponse(page(_WORDS["login"], markup, language, root), 401 if wrong else 200)
    response.set_cookie(FORM_COOKIE, cookie, samesite="strict", secure=pages.settings.is_https, httponly=True)
    return response


async def _logout(request: Request, pages: AccountPages) -> Response:
    caller, state = request.state.caller, request.scope["state"]
    if caller.way == "session":
        given = (caller.viewer.name, caller.session, state["address"], pages.settings.clock())
        await run_in_threadpool(login.log_out, pages.accounts, *given)
    response = _onward(request, LOGIN)
    response.delete_cookie(pages.settings.cookie, secure=pages.settings.is_https, httponly=True, samesite="lax")
    response.headers["clear-site-data"] = '"cache", "storage"'
    return response


async def _me(request: Request, pages: AccountPages) -> Response:
    _ = pages
    return _my_page(request)


def _my_page(request: Request, told_key: str = "", *, wrong: bool = False, session: str = "") -> Response:
    caller, language, root = request.state.caller, language_of(request), _root(request)
    if caller.way == "nobody":
        return _onward(request, f"{LOGIN}?next=/me")
    words = {key: escape(text.in_language(language)) for key, text in _WORDS.items()}
    viewer, secret = caller.viewer, form_secret(session or caller.session)
    role, audience = (
        ROLE_TITLES[viewer.role].in_language(language),
        AUDIENCE_TITLES[viewer.audience].in_language(language),
    )
    listed = {"offices": viewer.offices, "counties": viewer.counties}
    rows = [(words["name"], viewer.name), (words["role"], role), (words["audience"], audience)]
    rows += [
        (words[key], "、".join(sorted(values)) or _WORDS["all"].in_language(language)) for key, values in listed.items()
    ]
    parts = [f"<h1>{words['me']}</h1>"]
    if told_key:
        parts.append(
            f'<p class="{"wrong" if wrong else "done"}" role="{"alert" if wrong else "status"}">{words[told_key]}</p>'
        )
    parts.append(f"<dl>{''.join(f'<dt>{term}</dt><dd>{escape(value)}</dd>' for term, value in rows)}</dl>")
    parts.append(f'<p><a href="{root}/">{words["data"]}</a></p>')
    if caller.way == "session":
        fields = (
            _password_field("current", words["current"], "current-password"),
            _password_field("new", words["new"], "new-password"),
            _password_field("again", words["again"], "new-password"),
        )
        parts.append(
            f'<h2>{words["change"]}</h2><form method="post" action="{root}/me/password">{_hidden(FIELD, secret)}{"".join(fields)}'
            f"<button>{words['change']}</button></form>"
            f'<form method="post" action="{root}/logout">{_hidden(FIELD, secret)}<button>{words["logout"]}</button></form>'
        )
    elif caller.way == "local":
        parts.append(f"<p>{words['local']}</p>")
    return HTMLResponse(page(_WORDS["me"], "".join(parts), language, root), 400 if wrong else 200)


async def _password(request: Request, pages: AccountPages) -> Response:
    caller, state, settings = request.state.caller, request.scope["state"], pages.settings
    if caller.way != "session":
        raise HTTPException(403)
    form = await _form(request)
    if pages.logins.wait_s(state["address"], settings.seconds()):
        return told(request, 429, headers={"retry-after": "60"})
    if form.get("new") != form.get("again"):
        return _my_page(request, "differ", wrong=True)
    given = (caller.viewer.name, form.get("current", ""), form.get("new", ""), state["address"])
    try:
        async with pages.hashing:
            secret = await run_in_threadpool(
                login.change_password, pages.accounts, *given, settings.clock(), settings.lives
            )
    except PasswordError:
        return _my_page(request, "weak", wrong=True)
    if secret is None:
        return _my_page(request, "wrong", wrong=True)
    response = _my_page(request, "changed", session=secret)
    _set_session(response, secret, settings)
    return response


async def _form(request: Request) -> QueryParams:
    """Return the fields of a small form."""
    body = await request.body()
    if len(body) > MOST_FORM_BYTES:
        raise HTTPException(413)
    try:
        return QueryParams(body.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        raise HTTPException(400) from None


def _set_session(response: Response, secret: str, settings: Settings) -> None:
    age = int(settings.lives.absolute_s)
    response.set_cookie(
        settings.cookie, secret, max_age=age, path="/", secure=settings.is_https, httponly=True, samesite="lax"
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'


def _password_field(name: str, label: str, fills: str) -> str:
    return f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="password" autocomplete="{fills}" required maxlength="256">'


def _place(text: str) -> str:
    return text if _HERE.fullmatch(text) and len(text) < MOST_FORM_BYTES // 64 else "/me"


def _root(request: Request) -> str:
    return escape(str(request.scope.get("root_path", "")), quote=True)


def _onward(request: Request, place: str) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{place}", 303)

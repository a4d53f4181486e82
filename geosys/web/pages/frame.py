"""The frame of a page: head, skip link, language, body; everything that comes from data is escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

STATIC = Path(__file__).parent / "static"
LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "geosys_language"
_SKIP = Text("跳到正文", "Skip to content")
_LOCALES = {"zh": "zh-CN", "en": "en"}


def language_of(request: Request) -> str:
    """Return the language of a page: that of ``?lang=``, of an earlier choice, of the browser; Chinese by default."""
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE) or ""
    if chosen in LANGUAGES:
        return chosen
    wanted = [part.strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
    return next((word for word in wanted if word in LANGUAGES), "zh")


def page(title: Text, body: Iterable[tuple[str, str]] | str, language: str, root: str = "") -> str:
    """Return a page; `body` is markup that was made of escaped parts, or (tag, text) pairs that are escaped here.

    Parameters
    ----------
    root : the path that stands before ours in links, as ``/gis``.
    """
    markup = body if isinstance(body, str) else "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in body)
    other = "en" if language == "zh" else "zh"
    name = "English" if other == "en" else "中文"
    base = escape(root, quote=True)
    return (
        f'<!doctype html><html lang="{_LOCALES[language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title.in_language(language))} · GeoSys</title>"
        f'<link rel="stylesheet" href="{base}/static/page.css"><link rel="icon" href="data:,"></head><body>'
        f'<a class="skip" href="#main">{_SKIP.in_language(language)}</a>'
        f'<header><a href="{base}/">GeoSys</a><nav aria-label="{"语言" if language == "zh" else "Language"}">'
        f'<a href="?lang={other}" lang="{_LOCALES[other]}">{name}</a></nav></header>'
        f'<main id="main">{markup}</main></body></html>'
    )

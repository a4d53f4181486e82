"""The map page: its markup and the files it may load, all of them from here."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import geosys.maps

if TYPE_CHECKING:
    from geosys._text import Text

_OWN = Path(__file__).parent
_MAPS = Path(geosys.maps.__file__).parent
FILES = {
    "maplibre-gl.js": _MAPS / "vendor" / "maplibre-gl-5.24.1" / "maplibre-gl.js",
    "maplibre-gl.css": _MAPS / "vendor" / "maplibre-gl-5.24.1" / "maplibre-gl.css",
    "signs.js": _MAPS / "tile_map" / "signs.js",
    **{name: _OWN / name for name in ("begin.js", "layers.js", "panels.js", "start.js", "map.css")},
}
_SCRIPTS = ("maplibre-gl.js", "begin.js", "signs.js", "layers.js", "panels.js", "start.js")
_WORDS = {
    "zh": {
        "lang": "zh-CN",
        "map": "地图",
        "layers": "图层",
        "card": "要素",
        "other": "English",
        "close": "关闭",
        "skip": "跳到图层",
        "home": "首页",
    },
    "en": {
        "lang": "en",
        "map": "Map",
        "layers": "Layers",
        "card": "Feature",
        "other": "中文",
        "close": "Close",
        "skip": "Skip to layers",
        "home": "Home",
    },
}


def map_page(title: Text, language: str, root: str = "") -> str:
    """Return the page; what it draws it asks for itself, as the viewer who opened it.

    Parameters
    ----------
    root : the path that stands before ours in links, as ``/gis``.
    """
    words = _WORDS[language]
    base, other = escape(root.rstrip("/"), quote=True), "en" if language == "zh" else "zh"
    scripts = "".join(f'<script src="{base}/map/files/{name}" defer></script>' for name in _SCRIPTS)
    told = escape(title.in_language(language))
    return (
        f'<!doctype html><html lang="{words["lang"]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<title>{told} · GeoSys</title><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="{base}/map/files/maplibre-gl.css"><link rel="stylesheet" href="{base}/map/files/map.css">{scripts}</head>'
        f'<body data-base="{base}" data-language="{language}"><a class="skip" href="#layers">{words["skip"]}</a>'
        f'<header><a href="{base}/" aria-label="{words["home"]}">GeoSys</a><h1>{told}</h1><a href="?lang={other}">{words["other"]}</a></header>'
        f'<main><div id="map" role="application" aria-label="{words["map"]}"></div>'
        f'<aside id="layers" aria-label="{words["layers"]}" tabindex="-1"><h2>{words["layers"]}</h2><div id="list"></div></aside>'
        f'<aside id="card" aria-label="{words["card"]}" aria-live="polite" hidden><button id="close" type="button">{words["close"]}</button>'
        '<div id="told"></div></aside></main><p id="notice" role="status"></p></body></html>'
    )

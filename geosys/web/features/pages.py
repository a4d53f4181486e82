"""The same answers as pages in our own style: tables, a small map, links; no script, nothing from outside."""

from __future__ import annotations

import datetime as dt
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys._text import Text
from geosys.web.features.small_map import small_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geosys.web.features.permitted import Access
    from geosys.web.sources.port import Feature

STYLE = "/style/features.css"
_LONG = 24  # letters of a cell from which it may wrap
_WORDS = {
    "home": Text("首页", "Home"),
    "collections": Text("图层", "Collections"),
    "items": Text("要素", "Features"),
    "next": Text("下一页", "Next page"),
    "prev": Text("上一页", "Previous page"),
    "first": Text("第一页", "First page"),
    "of": Text("共 {0} 个要素，本页 {1} 个", "{0} features, {1} on this page"),
    "queryables": Text("可查询属性", "Queryables"),
    "schema": Text("属性结构", "Schema"),
    "conformance": Text("符合性", "Conformance"),
    "api": Text("接口文档", "API"),
    "name": Text("名称", "Name"),
    "title": Text("标题", "Title"),
    "type": Text("类型", "Type"),
    "codes": Text("代码", "Codes"),
    "value": Text("值", "Value"),
    "property": Text("属性", "Property"),
    "other": Text("English", "中文"),
    "map": Text("位置图", "Map of the features"),
    "none": Text("没有要素", "No features"),
    "systems": Text("坐标系", "Coordinate systems"),
    "id": Text("编号", "Id"),
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
}


def word(name: str, language: str) -> str:
    """Return a word of the pages."""
    return _WORDS[name].in_language(language)


def page(base: str, language: str, trail: Sequence[tuple[str, str]], body: str, other: str) -> str:
    """Return a whole page.

    Parameters
    ----------
    trail
        Address and words of the page and of those above it, the page last.
    other
        Address of the page in the other language.
    """
    steps = " › ".join(f'<a href="{escape(address)}">{escape(told)}</a>' for address, told in trail)
    code = "zh-CN" if language == "zh" else "en"
    title = escape(trail[-1][1])
    return (
        f'<!DOCTYPE html>\n<html lang="{code}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="stylesheet" href="{escape(base + STYLE)}"></head><body><header><nav>{steps}</nav>'
        f'<a href="{escape(other)}" hreflang="{"en" if language == "zh" else "zh-CN"}">{word("other", language)}</a></header>'
        f"<main><h1>{title}</h1>{body}</main></body></html>\n"
    )


def table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(told)}</th>' for told in heads)
    body = "".join("<tr>" + "".join(_cell(told) for told in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(told: str) -> str:
    return f'<td class="long">{told}</td>' if len(told) > _LONG and "<a" not in told else f"<td>{told}</td>"


def anchor(address: str, told: str) -> str:
    """Return a link as HTML."""
    return f'<a href="{escape(address)}">{escape(told)}</a>'


def link_list(links: Iterable[tuple[str, str]]) -> str:
    """Return a section of links."""
    return "<section><ul>" + "".join(f"<li>{anchor(address, told)}</li>" for address, told in links) + "</ul></section>"


def shown(value: Any, codes: Mapping[str, Text] | None, language: str) -> str:
    """Return a value as a person reads it, as HTML: a code with its title, truth as a word, nothing for what is missing.

    Examples
    --------
    >>> shown("1", {"1": Text("工业", "industry")}, "en"), shown(2.50, None, "zh"), shown("<b>", None, "zh"), shown(None, None, "zh")
    ('1 industry', '2.5', '&lt;b&gt;', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:,.10g}"
    title = codes[str(value)].in_language(language) if codes and str(value) in codes else ""
    return escape(str(value) if title in {"", str(value)} else f"{value} {title}")


def collections_body(found: Sequence[Access], base: str, language: str) -> str:
    """Return the table of collections."""
    rows = [
        [
            anchor(f"{base}/collections/{a.collection.id}?f=html", a.schema.title.in_language(language)),
            escape(a.collection.id),
        ]
        for a in found
    ]
    return f"<section>{table([word('title', language), word('name', language)], rows)}</section>"


def collection_body(told: Mapping[str, Any], address: str, language: str) -> str:
    """Return what a collection is, with the ways to its features."""
    ways = [(f"{address}/{name}?f=html", word(name, language)) for name in ("items", "queryables", "schema")]
    systems = "".join(f"<li>{escape(system)}</li>" for system in told["crs"])
    return link_list(ways) + f"<section><h2>{word('systems', language)}</h2><ul>{systems}</ul></section>"


def schema_body(told: Mapping[str, Any], language: str) -> str:
    """Return properties with their types and codes as a table."""
    rows = [
        [
            escape(name), escape(str(one.get("title", ""))), escape(str(one.get("format", one.get("type", "")))),
            escape("；".join(f"{c} {t}" if c != t else str(c) for c, t in one.get("x-titles", {}).items())),
        ]
        for name, one in told["properties"].items()
    ]  # fmt: skip
    return f"<section>{table([word(n, language) for n in ('property', 'title', 'type', 'codes')], rows)}</section>"


def items_body(
    access: Access, features: Sequence[Feature], columns: Sequence[str], addresses: Sequence[str], pages: Sequence[tuple[str, str]],
    matched: int, language: str,
) -> str:  # fmt: skip
    """Return features as a table under a small map, with the ways to other pages."""
    told = word("of", language).format(matched, len(features))
    ways = '<nav class="pages">' + "".join(anchor(address, word(rel, language)) for rel, address in pages) + "</nav>"
    if not features:
        return f"<section>{word('none', language)}</section>{ways}"
    drawn = _map(access, features, addresses, language)
    titles = [access.schema.titles[c].in_language(language) if c in access.schema.titles else c for c in columns]
    codes = access.schema.codes
    rows = [
        [anchor(address, f.id), *(shown(f.values[c], codes.get(c), language) for c in columns)]
        for f, address in zip(features, addresses, strict=True)
    ]
    return f'<p class="quiet">{told}</p>{ways}{drawn}<section>{table([word("id", language), *titles], rows)}</section>{ways}'


def item_body(access: Access, feature: Feature, address: str, language: str) -> str:
    """Return one feature: where it is, and its values."""
    codes = access.schema.codes
    rows = [
        [
            escape(access.schema.titles[c].in_language(language) if c in access.schema.titles else c),
            shown(v, codes.get(c), language),
        ]
        for c, v in feature.values.items()
    ]
    drawn = _map(access, [feature], [address], language)
    return f"{drawn}<section>{table([word('property', language), word('value', language)], rows)}</section>"


def _map(access: Access, features: Sequence[Feature], addresses: Sequence[str], language: str) -> str:
    if not access.collection.has_geometry:
        return ""
    shapes = np.array([feature.geometry for feature in features] + [None], dtype=object)[:-1]
    drawn = small_map(shapes, addresses, [feature.id for feature in features], word("map", language))
    return f"<section>{drawn}</section>" if drawn else ""

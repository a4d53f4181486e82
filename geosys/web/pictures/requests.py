"""Check what a client asks of MapServer and MapProxy: known parameters only, bounded, and no way round the map file of its class."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams

from geosys.web.pictures.exceptions import RequestFaultError
from geosys.web.pictures.mapfile import MOST_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_LETTERS = 6_000  # of a query
MOST_LAYERS = 60  # of a picture
_COMMON = ("service", "version", "request", "language", "updatesequence", "exceptions", "format", "bbox")
PARAMETERS = {
    "WMS": (*_COMMON, "layers", "styles", "srs", "crs", "width", "height", "transparent", "bgcolor", "query_layers", "info_format", "feature_count",
            "i", "j", "x", "y", "layer", "style", "sld_version", "wmtver", "time", "elevation"),
    "WFS": (*_COMMON, "acceptversions", "acceptformats", "sections", "typename", "typenames", "outputformat", "srsname", "filter", "maxfeatures",
            "count", "startindex", "propertyname", "featureid", "resourceid", "resulttype", "sortby", "namespace", "namespaces", "valuereference",
            "storedquery_id", "filter_language", "resolve", "resolvedepth"),
    "WMTS": ("service", "version", "acceptversions", "sections", "request", "layer", "style", "format", "tilematrixset", "tilematrix", "tilerow",
             "tilecol"),
}  # fmt: skip
REQUESTS = {
    "WMS": (
        "getcapabilities",
        "capabilities",
        "getmap",
        "map",
        "getfeatureinfo",
        "feature_info",
        "getlegendgraphic",
        "describelayer",
        "getstyles",
        "getschemaextension",
    ),
    "WFS": (
        "getcapabilities",
        "describefeaturetype",
        "getfeature",
        "getpropertyvalue",
        "liststoredqueries",
        "describestoredqueries",
    ),
    "WMTS": ("getcapabilities", "gettile"),
}
OF_A_TILE = ("layer", "tilematrixset", "tilematrix", "tilerow", "tilecol")
LAYER_KEYS = ("layers", "layer", "query_layers", "typename", "typenames", "featureid", "resourceid")
_OF_LOOKS = ("sld", "sld_body")  # a look of the client's own would have MapServer fetch and read what the client says
_NAMES = re.compile(r"[\w:.,()/*@ -]*")  # of layers, columns, features
_NAMED = (
    "layers",
    "layer",
    "query_layers",
    "styles",
    "style",
    "typename",
    "typenames",
    "propertyname",
    "sortby",
    "valuereference",
    "featureid",
    "resourceid",
)
# MapServer 8.0 puts names of columns into its queries as they come: they must be names.
_REFERENCE = re.compile(r"<(?:[\w-]+:)?(?:PropertyName|ValueReference)\b[^>]*>(.*?)</", re.DOTALL)
_COLUMN = re.compile(r"\s*[\w:./-]*\s*")
_BACKSLASH = "\\"
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
TILE_FORMAT = "image/png"


def checked_query(service: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query that MapServer is asked; what it does not need is left out.

    Parameters
    ----------
    service : ``WMS`` or ``WFS``.

    Raises
    ------
    RequestFaultError
        400 with what is wrong.
    """
    given = _once(service, pairs)
    given["service"] = _of(given, "service", (service.lower(),), service).upper()
    _of(given, "request", REQUESTS[service], "")
    _check(given)
    told = str(QueryParams([(name.upper(), value) for name, value in given.items()]))
    if len(told) > MOST_LETTERS:
        raise RequestFaultError("query", f"{len(told)} letters", f"no more than {MOST_LETTERS}", 414)
    return told


def checked_tiles(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query that MapProxy is asked for a tile or the capabilities; it calls what it cannot read its own failure.

    Raises
    ------
    RequestFaultError
        400 with what is wrong.
    """
    given = _once("WMTS", pairs)
    _of(given, "service", ("wmts",), "")
    if _of(given, "request", REQUESTS["WMTS"], "").lower() == "gettile":
        for key in OF_A_TILE:
            if not given.get(key):
                raise RequestFaultError(key, "", "a value")
        for key in ("tilematrix", "tilerow", "tilecol"):
            if not _WHOLE.fullmatch(given[key]):
                raise RequestFaultError(key, given[key], "a whole number")
        if given.setdefault("format", TILE_FORMAT).lower() not in {TILE_FORMAT, "png"}:
            raise RequestFaultError("format", given["format"], TILE_FORMAT)
    return str(QueryParams([(name.upper(), value) for name, value in given.items()]))


def _once(service: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters that a service knows, by lower-case name."""
    given: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key in _OF_LOOKS:
            raise RequestFaultError(key, value, "no look of the client's own; the styles are those of this service")
        if key in given and given[key] != value:
            raise RequestFaultError(key, value, "it once")
        if key in PARAMETERS[service]:
            given[key] = value
    return given


def layers_asked(query: Sequence[tuple[str, str]], groups: Mapping[str, Iterable[str]]) -> list[str]:
    """Return those layers that a query names, by themselves or in a group, in their order; MapServer reads names in any case.

    Parameters
    ----------
    groups : the layers that each name stands for, every layer's own name among them.
    """
    told = [value.casefold() for name, value in query if name.lower() in LAYER_KEYS]
    words = {word for value in told for word in (*re.split(r"[,:.()\s]+", value), *map(str.strip, value.split(",")))}
    found = [layer for name, layers in groups.items() if name.casefold() in words for layer in layers]
    return list(dict.fromkeys(found))


def _check(given: dict[str, str]) -> None:
    for key in ("width", "height"):
        size = given.get(key, "1")
        if not (_WHOLE.fullmatch(size) and 1 <= int(size) <= MOST_PIXELS):
            raise RequestFaultError(key, size, f"pixels from 1 to {MOST_PIXELS}")
    for key in ("maxfeatures", "count", "startindex", "feature_count"):
        if not _WHOLE.fullmatch(given.get(key, "0")):
            raise RequestFaultError(key, given[key], "a whole number")
    for key in _NAMED:
        if not _NAMES.fullmatch(given.get(key, "")):
            raise RequestFaultError(key, given[key], "names with commas between them")
    _check_texts(given)
    if "filter" in given:
        _check_filter(given["filter"])


def _check_texts(given: dict[str, str]) -> None:
    if given.get("layers", "").count(",") >= MOST_LAYERS:
        raise RequestFaultError("layers", given["layers"], f"no more than {MOST_LAYERS} layers")
    if "openlayers" in given.get("format", "").lower():
        raise RequestFaultError(
            "format", given["format"], "a picture; MapServer's own page loads a script from outside"
        )
    for key, value in given.items():
        if any(ord(sign) < ord(" ") and sign not in "\r\n\t" for sign in value):
            raise RequestFaultError(key, value, "no control characters")


def _check_filter(text: str) -> None:
    """Refuse a filter whose columns are no names, whatever they are dressed in, or that brings declarations of its own."""
    if "<!" in text or "<?" in text or _BACKSLASH in text:
        raise RequestFaultError("filter", text, "an OGC filter without declarations, comments or backslashes")
    for reference in _REFERENCE.findall(text):
        if not _COLUMN.fullmatch(html.unescape(html.unescape(reference))):
            raise RequestFaultError("filter", reference, "names of columns")


def _of(given: dict[str, str], key: str, words: Sequence[str], default: str) -> str:
    value = given.get(key, default)
    if value.lower() not in words:
        raise RequestFaultError(key, value, f"one of {', '.join(words)}")
    return value

# ruff: noqa: SLF001  branca has no other way to fix an element's id, and without it no page is twice the same
"""The one door to folium and branca: a figure that holds all it needs, and the map with our packed layers.

folium asks for its scripts and styles by address. `OfflineFigure` puts the vendored text in their place and
refuses an address it does not know, so that no release of folium can make a page ask the network for something.
"""

from __future__ import annotations

import html
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, Figure, Link, MacroElement
from folium.map import Layer
from folium.template import Template

from geosys._errors import GeoSysError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOM = files("geosys.maps")
_LEAFLET = "vendor/leaflet-1.9.4"
SCRIPTS = (
    "words.js", "tables.js", "dom.js", "drawing.js", "ellipsoid.js", "board.js", "layer.js", "marks.js", "time.js",
    "card.js", "search.js", "layers_panel.js", "filters.js", "findings_panel.js", "notes_panel.js", "tools.js",
    "permalink.js", "basemap.js", "paper.js", "start.js",
)  # fmt: skip

# How an address ends -> the file whose text takes its place, or None for what the page does not use.
# Only the end counts: the host in front of it is nobody's business here.
_ASSETS: dict[str, str | None] = {
    "/leaflet.js": f"{_LEAFLET}/leaflet.js",
    "/leaflet.css": f"{_LEAFLET}/leaflet.css",
    "/jquery-3.7.1.min.js": None,
    "/bootstrap.bundle.min.js": None,
    "/bootstrap.min.css": None,
    "/leaflet.awesome-markers.js": None,
    "/leaflet.awesome-markers.css": None,
    "/bootstrap-glyphicons.css": None,
    "/fontawesome-free@6.2.0/css/all.min.css": None,
    "/leaflet.awesome.rotate.min.css": None,
}

# Nothing may be fetched, whatever a later change puts into the page: the browser itself enforces it. Where the plan names
# a tile service, pictures of that one server may be asked for, and nothing else.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:{tiles}; base-uri 'none'"
)

# folium forbids enlarging the page with two fingers; people who see little need it
_LOCKED = re.compile(r",\s*maximum-scale=1\.0, user-scalable=no")


class AssetError(GeoSysError):
    """The page would have to fetch a script or style that is not vendored."""


class Verbatim(Element):
    """Put a text into the page as it is: branca reads other texts as templates, where ``{{`` has a meaning."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class OfflineFigure(Figure):
    """Render a figure whose scripts and styles are all inside, and which is the same text every time.

    Examples
    --------
    >>> from branca.element import JavascriptLink
    >>> figure = OfflineFigure("a map")
    >>> _ = figure.header.add_child(JavascriptLink("somewhere/else.js"))
    >>> figure.render()
    Traceback (most recent call last):
    geosys.maps.folium_page.AssetError: map page: got the address 'somewhere/else.js', expected one of ...
    """

    _template = Template(
        "<!DOCTYPE html>\n"
        '<html lang="zh-CN">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="{{ this.policy }}">\n'
        "<title>{{ this.title }}</title>\n"
        "{{ this.header.render(**kwargs) }}\n"
        "</head>\n<body>\n"
        "{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n"
        "</body>\n</html>\n",
    )

    def __init__(self, title: str, tiles: str = "") -> None:
        super().__init__(title=html.escape(title))
        self.policy = _POLICY.format(tiles=f" {tiles}" if tiles else "")
        self.header = Element()  # without branca's own meta tag: the template has it
        self.header._parent = self

    def render(self, **kwargs: Any) -> str:
        """Return the page.

        Raises
        ------
        AssetError
            When an element asks for an address that is not vendored.
        """
        for child in list(self._children.values()):
            child.render(**kwargs)
        for name, link in list(self.header._children.items()):
            if isinstance(link, Link):
                text = asset_text(link.url)
                link.code = text  # type: ignore[assignment]  # branca says bytes, and prints what it is given
                if not text:
                    del self.header._children[name]
        text = str(self._template.render(this=self, kwargs={**kwargs, "embedded": True}))
        return _LOCKED.sub("", text, count=1)


class PackedLayer(Layer):
    """Make one layer of the page's data a Leaflet layer of the map."""

    _template = Template(
        "{% macro script(this, kwargs) %}var {{ this.get_name() }} = GeoSys.layer({{ this.number }});{% endmacro %}"
    )

    def __init__(self, number: int, *, show: bool) -> None:
        super().__init__(name=f"layer {number}", overlay=True, show=show)
        self._name, self._id, self.number = "Layer", str(number), number


class _Start(MacroElement):
    """Hand the map and its layers to the page's own script."""

    _template = Template("{% macro script(this, kwargs) %}GeoSys.start({{ this.map_name }});{% endmacro %}")

    def __init__(self, map_name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._id, self.map_name = "start", map_name


def asset_text(address: str) -> str:
    """Return the vendored text for an address that folium asks for; empty for what the page does not use.

    Raises
    ------
    AssetError
        When the address is not known.
    """
    for tail, name in _ASSETS.items():
        if address.endswith(tail):
            if name is None:
                return ""
            text = read_asset(name)
            licence = read_asset(f"{_LEAFLET}/LICENSE")
            return f"/*\n{licence}*/\n{_safe_script(text) if name.endswith('.js') else text}"
    raise AssetError(
        f"map page: got the address '{address}', expected one of {', '.join(_ASSETS)}. "
        "Vendor the file under geosys/maps/vendor/ and add it to the table, or drop what asks for it."
    )


def read_asset(name: str) -> str:
    """Return the text of a file of this room."""
    return _ROOM.joinpath(*name.split("/")).read_text(encoding="utf-8")


def render_page(
    title: str,
    payload: str,
    centre: tuple[float, float],
    zooms: tuple[int, int],
    shown: Sequence[bool],
    tiles: str = "",
) -> str:
    """Return the page: folium's map, one packed layer for each of `shown`, our frame, style, data and script.

    Parameters
    ----------
    payload : JSON, escaped so that no character of it can end the element it stands in.
    centre : lat and lon in degrees, where the map stands before it fits its frame.
    zooms : zoom at the start and greatest zoom.
    shown : per layer, whether it is switched on.
    tiles : origin of the tile service that the page may ask for pictures; empty: it may ask nobody.
    """
    figure = OfflineFigure(title, tiles)
    chart = folium.Map(
        location=centre, tiles=None, zoom_start=zooms[0], max_zoom=zooms[1], min_zoom=2, control_scale=False,
        zoom_control=False, prefer_canvas=True, attribution_control=False, zoom_snap=0.25, font_size="13px",
    )  # fmt: skip
    chart._name, chart._id = "Map", "geosys"
    figure.add_child(chart, name="map")
    for number, show in enumerate(shown):
        chart.add_child(PackedLayer(number, show=show), name=f"layer_{number}")
    chart.add_child(_Start(chart.get_name()), name="start")
    figure.html.add_child(Verbatim(f"<style>\n{_lean(read_asset('page/map.css'))}</style>"), name="style")
    figure.html.add_child(Verbatim(read_asset("page/frame.html")), name="frame")
    figure.html.add_child(Verbatim(f'<script type="application/json" id="geosys-data">{payload}</script>'), name="data")
    code = "\n".join(_safe_script(_lean(read_asset(f"page/{name}"))) for name in SCRIPTS)
    figure.html.add_child(Verbatim(f"<script>\n{code}</script>"), name="script")
    return figure.render()


def _lean(text: str) -> str:
    """Return our script or style without indents and without comments that begin a line; every page carries it."""
    lines, inside = [], False
    for line in map(str.strip, text.splitlines()):
        inside = inside or line.startswith("/*")
        if line and not inside and not line.startswith("//"):
            lines.append(line)
        inside = inside and not line.endswith("*/")
    return "\n".join(lines) + "\n"


def _safe_script(text: str) -> str:
    """Return JavaScript in which no string can end the script element."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")

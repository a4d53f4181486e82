"""A tile service under the map's own layers: named by the user in the plan, never by us, and asked only when switched on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geosys._faults import Faults
    from geosys._text import Text

DRAWN_IN = "EPSG:3857"
KEYS = ("url", "title", "attribution")
OPTIONAL_KEYS = ("crs", "max_zoom")
_TOP_ZOOM, _MOST_ZOOM = 18, 22
# The origin stands in the page's policy, where a quote, a blank or a semicolon would end it: letters, digits, dots, hyphens, a port.
_ADDRESS = re.compile(
    r"(https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::([0-9]{1,5}))?)/[!#$%&()*+,./:=?@_~{}A-Za-z0-9-]*"
)
_LAST_PORT = 65535
_OTHER_MATRICES = re.compile(r"(?i)tilematrixset=(?!w\b|[^&]*(?:3857|900913|google|webmercator))([^&]*)")
_EXAMPLE = "https://SERVER/{z}/{x}/{y}, or a WMTS address with {z}, {x} and {y} at TILEMATRIX, TILECOL and TILEROW"


@dataclass(frozen=True, slots=True)
class Basemap:
    """Hold a tile service in Web Mercator (EPSG:3857), rows counted from the north, or from the south with ``{-y}``.

    Parameters
    ----------
    url : address of a tile with ``{z}``, ``{x}`` and ``{y}``.
    max_zoom : the greatest zoom the service has; beyond, its tiles are enlarged.
    """

    url: str
    title: Text
    attribution: Text
    max_zoom: int = _TOP_ZOOM

    @property
    def origin(self) -> str:
        """Return scheme, host and port: the one place that the page may ask, and only for pictures.

        Examples
        --------
        >>> from geosys._text import Text
        >>> Basemap("http://tiles.office:8080/w/{z}/{x}/{y}.png", Text("底图", "Base"), Text("某局", "Office")).origin
        'http://tiles.office:8080'
        """
        found = _ADDRESS.fullmatch(self.url)
        return found[1] if found else ""


def read_basemap(where: str, table: Mapping[str, Any], faults: Faults) -> Basemap | None:
    """Return the tile service of a plan's table ``[basemap]``, or None without one; fault whatever could not be drawn.

    Parameters
    ----------
    where : file and table, as in ``geosys.toml [basemap]``.
    """
    if not table:
        return None
    before = len(faults.rows)
    faults.keys(where, table, OPTIONAL_KEYS, KEYS)
    url = table.get("url", "")
    if "url" in table and faults.typed(f"{where} url", url, str, "an address"):
        _check_url(f"{where} url", url, faults)
    _check_crs(f"{where} crs", table.get("crs", DRAWN_IN), faults)
    title, attribution = (faults.text(f"{where} {key}", table.get(key)) for key in ("title", "attribution"))
    zoom = table.get("max_zoom", _TOP_ZOOM)
    if (
        faults.typed(f"{where} max_zoom", zoom, int, f"a whole number up to {_MOST_ZOOM}")
        and not 1 <= zoom <= _MOST_ZOOM
    ):
        faults.add(f"{where} max_zoom", zoom, f"a whole number from 1 to {_MOST_ZOOM}")
    return None if len(faults.rows) > before else Basemap(url, title, attribution, zoom)


def _check_crs(where: str, crs: object, faults: Faults) -> None:
    if crs == DRAWN_IN:
        return
    do = "The map is drawn in Web Mercator. Name the service's Web Mercator matrices (Tianditu: 'img_w' instead of 'img_c')."
    faults.add(where, crs, f"'{DRAWN_IN}'", do)


def _check_url(where: str, url: str, faults: Faults) -> None:
    """Fault an address that is no template of tiles, or that would open the page to more than one server."""
    names = re.findall(r"{([^{}]*)}", url)
    if "s" in names:
        faults.add(where, url, "the address of one server, without {s}", "Write one of its names, as 't0'.")
        return
    address = _ADDRESS.fullmatch(url)
    tiled = sorted("y" if name == "-y" else name for name in names) == ["x", "y", "z"]
    if address is None or int(address[2] or 0) > _LAST_PORT or not tiled:
        faults.add(where, url, _EXAMPLE)
    elif _OTHER_MATRICES.search(url):
        do = "Tianditu has them as 'img_w' with TILEMATRIXSET=w; those of degrees ('c') would be drawn in the wrong place."
        faults.add(where, url, "tile matrices of Web Mercator", do)

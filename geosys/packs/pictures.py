"""Small maps for the issues of a pack: the base of the sheets, the layers the meeting asks for, and what the issue is about."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.crs import to_crs
from geosys.maps.charts import DrawnChart, page_of
from geosys.maps.paper.mapping import draw_map
from geosys.maps.paper.sheet import MapFrame
from geosys.maps.paper.typesetting import typeset
from geosys.maps.sheet_parts import LayerPart, SheetSpec
from geosys.sheets.composing import focus_features
from geosys.sheets.layers import features_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Features
    from geosys.sheets.desk import Desk

WIDTH_MM, HEIGHT_MM, DPI, TEXT_PT = 110.0, 78.0, 150.0, 7.0
DEGREES = "EPSG:4490"  # the page's map, and its permalinks
_HERE = Text("本事项", "This case")
_PIXELS, _WHOLE = 1000.0, 360.0 / 256.0  # a map window is about so wide; degrees of a pixel at zoom 0
_LEAST_ZOOM, _MOST_ZOOM = 10, 16


@dataclass(frozen=True, slots=True)
class Painter:
    """Hold what the pictures of a pack share: the layers below, made once."""

    desk: Desk
    press: Press
    layers: Sequence[str]
    around_m: float
    language: str
    _made: dict[str, list[Features]] = field(default_factory=dict, repr=False)

    def picture(self, subject: shapely.Geometry, layers: Sequence[str] = ()) -> bytes:
        """Return a PNG of the map around a geometry in the plan's CRS, it outlined in red; equal input, equal bytes.

        Parameters
        ----------
        layers : further layers to draw: the subject's, with its names, then those of objects; names of their areas, which are
            many where land is planned, are left out.
        """
        crs = self.desk.crs
        west, south, east, north = shapely.bounds(subject)
        extent = (west - self.around_m, south - self.around_m, east + self.around_m, north + self.around_m)
        here = gpd.GeoDataFrame({"name": [""]}, geometry=[subject], crs=crs)
        more = [name for name in dict.fromkeys(layers) if name not in self._known()]
        drawn = _lowest_first(
            [*self._below(), *(one for name in more for one in self._layer(name, is_named=name == layers[0]))]
        )
        points = [
            one for one in drawn if not _dimension(one)
        ]  # above the ring, which would hide the subject's own sign
        below = [one for one in drawn if _dimension(one)]
        frame = MapFrame([*below, focus_features(here, _HERE), *points], crs, extent=extent, has_ticks=False)
        made = draw_map(frame, WIDTH_MM, HEIGHT_MM, self.press.measures, self.press.fonts, self.language)
        chart = DrawnChart(made.pdf, made.texts, WIDTH_MM, HEIGHT_MM)
        data = page_of(chart, self.press, self.language, self.desk.today, TEXT_PT)
        moment = int(dt.datetime.combine(self.desk.today, dt.time(), dt.UTC).timestamp())
        return typeset(data, {"chart.pdf": made.pdf}, "png", self.press.fonts, DPI, moment).files[0]

    def _known(self) -> set[str]:
        return {*self.layers, *(part.layer for part in self.desk.book.under)}

    def _below(self) -> list[Features]:
        """Return the base of the sheets and the layers that the meeting asks for."""
        base = [one for part in self.desk.book.under for one in self._part(part)]
        return base + [one for name in self.layers for one in self._layer(name)]

    def _layer(self, name: str, *, is_named: bool = True) -> list[Features]:
        if name not in self.desk.layers:
            return []
        schema = self.desk.schemas[name]
        label = schema.name_field or "" if is_named or schema.geometry == "point" else ""
        return self._part(LayerPart(name, label=label, rank=5)) if schema.geometry != "none" else []

    def _part(self, part: LayerPart) -> list[Features]:
        key = f"{part.layer}/{part.label}"
        if key not in self._made:
            made = features_of(self.desk, part, SheetSpec("", _HERE)) if part.layer in self.desk.layers else None
            there = made is not None and bool(len(made.frame))
            if there and made is not None:
                placed = ~shapely.is_missing(made.frame.geometry.to_numpy())
                made = replace(made, frame=made.frame[placed].reset_index(drop=True), fits=False)
            self._made[key] = [made] if there and made is not None else []
        return self._made[key]


def _lowest_first(layers: Sequence[Features]) -> list[Features]:
    """Return areas before lines before points, so that nothing hides what is smaller."""
    return sorted(layers, key=lambda features: -_dimension(features))


def _dimension(features: Features) -> int:
    """Return 2 for areas, 1 for lines, 0 for points."""
    kinds = shapely.get_dimensions(features.frame.geometry.to_numpy()[:1])
    return int(kinds[0]) if len(kinds) else 0


def place_of(shape: shapely.Geometry | None, crs: str, chosen: str) -> str:
    """Return the permalink fragment of the map page that shows a geometry (in `crs`) and chooses what `chosen` names."""
    if shape is None or shapely.is_empty(shape):
        return ""
    there = to_crs(np.array([shape], dtype=object), crs, DEGREES)[0]
    west, south, east, north = shapely.bounds(there)
    wide = max(east - west, (north - south) * 1.2, 1e-9) * 3
    zoom = min(max(int(np.log2(_WHOLE * _PIXELS / wide)), _LEAST_ZOOM), _MOST_ZOOM)
    return f"#c={(west + east) / 2:.5f},{(south + north) / 2:.5f},{zoom}&sel={percent_coded(chosen)}"


def percent_coded(text: str) -> str:
    """Return a text as it may stand in an address: letters, digits and ``-_./`` of ASCII, all else as its UTF-8 bytes.

    Examples
    --------
    >>> percent_coded("plot/甲 1&"), percent_coded("abc-1")
    ('plot/%E7%94%B2%201%26', 'abc-1')
    """
    plain = "-_./"
    return "".join(
        sign
        if sign.isascii() and (sign.isalnum() or sign in plain)
        else "".join(f"%{b:02X}" for b in sign.encode("utf-8", "replace"))
        for sign in text
    )

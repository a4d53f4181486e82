"""The two maps of a plot sheet: where the plot lies in the county, and the plot on the land patches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geosys._text import Text
from geosys.geo.geometry import extent
from geosys.maps.palettes import Style
from geosys.maps.paper.sheet import Features, MapFrame

if TYPE_CHECKING:
    from geosys.maps.palettes import Palettes
    from geosys.plot_sheets.archive import Archive
    from geosys.plot_sheets.parts import Plot

_RED = "#C0182B"
_OUTLINE = Style(colour=_RED, fill=_RED, opacity=0.0, width=4.0)
_HERE = Style(colour="#7A0F1B", fill=_RED, opacity=1.0, width=1.0, shape="star", size=9.0)
_PLOT = Text("本地块", "This plot")
_LOCATION, _CLOSEUP = Text("位置图", "Location"), Text("地类图斑上的地块", "On the land patches")
_AROUND_M = 5_000.0  # on each side of a plot, where the layer that frames the location map is not there
_THIN = 0.25  # opacity of other plots


@dataclass(frozen=True, slots=True)
class Atlas:
    """Hold what the maps of all plots share: features of layers in their styles, made once."""

    archive: Archive
    palettes: Palettes
    _features: dict[tuple[str, str, bool], Features] = field(default_factory=dict, repr=False)

    def location(self, plot: Plot, height_mm: float) -> MapFrame:
        """Return the map of the county with the plot marked, fitted to the layer that frames it."""
        how = self.archive.spec.location
        layers = [self._layer(name, how.labels, fits=False) for name in how.layers if name in self.archive.layers]
        frame = self.archive.layers.get(how.frame)
        box = extent(frame.frame.geometry.to_numpy()) if frame is not None else np.full(4, np.nan)
        west, south, east, north = shapely.bounds(plot.shape)
        around = np.array([west - _AROUND_M, south - _AROUND_M, east + _AROUND_M, north + _AROUND_M])
        if np.isfinite(box).all():
            around = np.array([min(box[0], west), min(box[1], south), max(box[2], east), max(box[3], north)])
        crs = self.archive.workspace.crs
        here = gpd.GeoDataFrame({"name": [""]}, geometry=[shapely.point_on_surface(plot.shape)], crs=crs)
        layers.append(Features(_PLOT, here, _HERE, fits=False))
        return MapFrame(layers, crs, extent=_box(around), height_mm=height_mm, title=_LOCATION)

    def closeup(self, plot: Plot, height_mm: float) -> MapFrame:
        """Return the map of the plot and what lies around it, the land patches below."""
        how, crs = self.archive.spec.closeup, self.archive.workspace.crs
        west, south, east, north = shapely.bounds(plot.shape)
        size = max(east - west, north - south)
        more = max(how.least_m, how.share * size)
        window = (west - more, south - more, east + more, north + more)
        areal: list[Features] = []
        above: list[Features] = []
        for name in how.layers:
            if name not in self.archive.layers:
                continue
            labels = (*how.labels, how.land) if size <= how.label_to_m else how.labels
            made = self._layer(
                name, labels, fits=False, label=how.label if name == how.land and size <= how.label_to_m else ""
            )
            (above if self.archive.layer_spec(name).geometry == "point" else areal).append(made)
        others = [other for name in how.others if (other := self._others(name, plot)) is not None]
        mine = gpd.GeoDataFrame({"name": [plot.name]}, geometry=[plot.shape], crs=crs)
        here = Features(_PLOT, mine, _OUTLINE, fits=True)
        return MapFrame([*areal, *others, here, *above], crs, extent=_box(window), height_mm=height_mm, title=_CLOSEUP)

    def _layer(self, name: str, labels: tuple[str, ...], *, fits: bool, label: str = "") -> Features:
        """Return a layer as features, with its names where the map writes them."""
        key = (name, label, name in labels)
        if key not in self._features:
            spec = self.archive.layer_spec(name)
            style = self.palettes.style(name)
            column = (label or spec.name or "") if name in labels else ""
            frame = self.archive.layers[name].frame
            frame = frame[~shapely.is_missing(frame.geometry.to_numpy())].reset_index(drop=True)
            classes = self.palettes.classes.get(style.classes, {}) if style.by in frame.columns else {}
            rank = 8 if label else 4
            self._features[key] = Features(spec.title, frame, style, classes, label=column, rank=rank, fits=fits)
        return self._features[key]

    def _others(self, name: str, plot: Plot) -> Features | None:
        """Return the other plots of a layer, thin; None where there are none near."""
        if name not in self.archive.layers:
            return None
        made = self._layer(name, (), fits=False)
        frame = made.frame
        if name == plot.key.layer:
            frame = frame[frame["feature_id"].astype(str) != plot.key.code]
        near = frame.iloc[np.sort(frame.sindex.query(shapely.box(*self._window(plot)), predicate="intersects"))]
        if not len(near):
            return None
        style = replace(made.style, opacity=made.style.opacity * _THIN)
        return replace(made, frame=near.reset_index(drop=True), style=style)

    def _window(self, plot: Plot) -> tuple[float, float, float, float]:
        """Return a box that surely holds the close-up, which is wider than asked for where paper is."""
        west, south, east, north = shapely.bounds(plot.shape)
        more = max(self.archive.spec.closeup.least_m, east - west, north - south) * 2
        return west - more, south - more, east + more, north + more


def _box(values: Any) -> tuple[float, float, float, float]:
    west, south, east, north = (float(v) for v in values)
    return west, south, east, north

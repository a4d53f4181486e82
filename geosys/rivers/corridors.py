"""Corridors of chosen sections of a workspace: areas with distance marks, what lies in them, and a plain circle beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys._faults import nearest
from geosys.geo.corridor_members import beside_a_circle, members
from geosys.geo.corridors import corridors
from geosys.geo.river_distance import place_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.geo.corridors import Corridors
    from geosys.layers.intake import Layer
    from geosys.rivers.networks import Rivers

KEY = "feature_id"
QUADRANT = 64
MEMBERS = (
    "section", "section_name", "layer", "layer_title", "feature_id", "name", "distance_m", "offset_m", "bank", "place_zh", "place_en",
)  # fmt: skip
BANKS = {"left": "左岸", "right": "右岸", "": ""}


@dataclass(frozen=True, slots=True)
class Lengths:
    """Hold how far a corridor reaches, metres on the ground; `side` is `left` or `right` where only one bank is asked for."""

    up_m: float
    down_m: float
    offset_m: float
    side: str | None = None
    circle_m: float | None = None
    mark_m: float = 500.0


@dataclass(frozen=True, slots=True)
class SectionCorridors:
    """Hold the corridors of some sections, all in the plan's CRS.

    Attributes
    ----------
    areas
        `section`, `section_name`, `river_name`, `up_m`, `down_m`, `is_doubtful`, and the counts of the circle; polygons.
    circles, marks
        The circle of each section; places at round distances with their text.
    members
        Columns `MEMBERS` and the geometry of each thing, by section and distance.
    counts
        `section`, `layer`, `in_corridor`, `in_circle`, `both`, `false_hits`, `misses`.
    missing
        `section`, `reason_zh`, `reason_en`: those without a corridor that can be trusted.
    """

    areas: gpd.GeoDataFrame
    circles: gpd.GeoDataFrame
    marks: gpd.GeoDataFrame
    members: gpd.GeoDataFrame
    counts: pd.DataFrame
    missing: pd.DataFrame

    @property
    def tables(self) -> dict[str, gpd.GeoDataFrame]:
        """Return the tables with a geometry that have rows, by name."""
        found = {"corridor": self.areas, "circle": self.circles, "mark": self.marks, "member": self.members}
        return {name: table for name, table in found.items() if len(table)}


def find_sections(
    rivers: Mapping[str, Rivers], layers: Mapping[str, Layer], asked: Sequence[str], layer: str | None = None
) -> tuple[str, list[int]]:
    """Return the layer in which points of some ids or names stand on a river, and their positions in its frame.

    Raises
    ------
    WorkspaceError
        When one is in no such layer, in several, or twice in one; or they are in several layers.
    """
    points = [
        name for one in rivers.values() for name in one.waterway.stops
        if layers[name].spec.geometry == "point" and layer in (None, name)
    ]  # fmt: skip
    if not points:
        raise WorkspaceError(
            f"corridor: got {layer or 'no layer'} as the layer of sections, expected one of points on a river that the workspace has."
        )
    homes, rows = set(), []
    for text in dict.fromkeys(asked):
        found = [(name, at) for name in points for at in _rows_named(layers[name], text)]
        if len(found) != 1:
            known = [one for name in points for one in _names(layers[name])]
            hint = (
                nearest(text, known)
                if not found
                else f"It stands in {', '.join(sorted({n for n, _ in found}))}: name its id, or --layer."
            )
            raise WorkspaceError(
                f"corridor: got {text!r}, which names {len(found)} features, expected one by id or name. {hint}".rstrip()
            )
        homes.add(found[0][0])
        rows.append(found[0][1])
    if len(homes) > 1:
        raise WorkspaceError(
            f"corridor: got sections of {', '.join(sorted(homes))}, expected those of one layer. Ask for each layer by itself."
        )
    return homes.pop(), rows


def section_corridors(
    rivers: Mapping[str, Rivers],
    layers: Mapping[str, Layer],
    home: str,
    rows: Sequence[int],
    among: Sequence[str],
    lengths: Lengths,
) -> SectionCorridors:
    """Return the corridors of some features of a layer, and what of other layers lies in them.

    Parameters
    ----------
    home, rows
        The layer of the sections and their positions in its frame, as from `find_sections`.
    among
        The layers to look for; of the sections' own layer, a section is never a member of its own corridor.
    """
    one = next(each for each in rivers.values() if home in each.waterway.stops)
    way, layer = one.waterway, layers[home]
    order = np.array(sorted(rows), dtype=np.int64)
    stops = way.stops[home].of(order)
    found = corridors(
        way.network, stops, way.crs, lengths.up_m, lengths.down_m, lengths.offset_m, lengths.side, lengths.mark_m
    )
    ids, names = (np.asarray(values, dtype=object)[order] for values in (layer.frame[KEY].astype(str), _labels(layer)))
    places = layer.frame.geometry.to_numpy()[order]
    radius = lengths.offset_m if lengths.circle_m is None else lengths.circle_m
    inside, counts = [], []
    for name in among:
        things = layers[name].frame.geometry.to_numpy()
        own = order if name == home else None
        inside.append(_member_rows(found, layers[name], things, (ids, names), own))
        counts.append(_circle_rows(found, things, places, radius, own).assign(layer=name))
    areas = found.areas.assign(
        section=ids[found.areas["section"]], section_name=names[found.areas["section"]],
        river_name=way.network.river[np.maximum(stops.reach, 0)][found.areas["section"]],
        is_doubtful=stops.is_doubtful[found.areas["section"]],
    )  # fmt: skip
    told = pd.concat(counts, ignore_index=True) if counts else pd.DataFrame(columns=["section", "layer"])
    told["section"] = ids[told["section"].to_numpy(dtype=np.int64)]
    missing = found.missing
    return SectionCorridors(
        _placed(areas[["section", "section_name", "river_name", "up_m", "down_m", "is_doubtful", "geometry"]], way.crs),
        _circles(found, ids, places, radius, way.crs),
        _mark_rows(found, ids, names, way.crs),
        _placed(pd.concat(inside, ignore_index=True) if inside else pd.DataFrame(columns=[*MEMBERS, "geometry"]), way.crs)
        .sort_values(["section", "layer", "distance_m", "feature_id"], ignore_index=True, kind="stable"),
        told,
        pd.DataFrame({
            "section": ids[missing["position"].to_numpy(dtype=np.int64)], "reason_zh": missing["text_zh"], "reason_en": missing["text_en"],
        }),
    )  # fmt: skip


def told_of(found: SectionCorridors) -> dict[str, Any]:
    """Return corridors, members, counts and missing ones as plain rows, for machines."""
    return {
        "corridors": found.areas.drop(columns="geometry").to_dict("records"),
        "members": found.members.drop(columns="geometry").to_dict("records"),
        "circle": found.counts.to_dict("records"),
        "missing": found.missing.to_dict("records"),
    }


def _names(layer: Layer) -> list[str]:
    return [*layer.frame[KEY].astype(str), *(one for one in _labels(layer) if one)]


def _rows_named(layer: Layer, text: str) -> list[int]:
    """Return the rows with an id, or, where none has it, with a name."""
    by_id = np.flatnonzero(layer.frame[KEY].astype(str).to_numpy() == text)
    return (by_id if len(by_id) else np.flatnonzero(np.array(_labels(layer), dtype=object) == text)).tolist()


def _labels(layer: Layer) -> list[str]:
    """Return the name of each feature, its id where it has none."""
    ids = layer.frame[KEY].astype(str)
    return list(ids if layer.spec.name is None else layer.frame[layer.spec.name].astype(object).fillna(ids).astype(str))


def _member_rows(found: Corridors, layer: Layer, things: Any, of: tuple[Any, Any], own: Any) -> pd.DataFrame:
    """Return the rows of one layer's features in the corridors."""
    ids, names = of
    rows = members(found, things)
    if own is not None:
        rows = rows[own[rows["section"]] != rows["thing"].to_numpy()]
    section, thing = rows["section"].to_numpy(), rows["thing"].to_numpy()
    texts = [place_text(name, metres) for name, metres in zip(names[section], rows["distance_m"], strict=True)]
    return pd.DataFrame({
        "section": ids[section], "section_name": names[section], "layer": layer.spec.id, "layer_title": layer.spec.title.zh,
        "feature_id": layer.frame[KEY].astype(str).to_numpy(dtype=object)[thing], "name": np.array(_labels(layer), dtype=object)[thing],
        "distance_m": rows["distance_m"].to_numpy(), "offset_m": rows["offset_m"].to_numpy(), "bank": rows["side"].map(BANKS).to_numpy(),
        "place_zh": [text.zh for text in texts], "place_en": [text.en for text in texts], "geometry": things[thing],
    }, columns=[*MEMBERS, "geometry"])  # fmt: skip


def _circle_rows(found: Corridors, things: Any, places: Any, radius: float, own: Any) -> pd.DataFrame:
    """Return what a circle finds of a layer beside each corridor; a section does not count itself."""
    rows = beside_a_circle(found, things, places, radius)
    if own is not None:
        rows[["in_corridor", "in_circle", "both"]] -= 1
    return rows


def _circles(found: Corridors, ids: Any, places: Any, radius: float, crs: str) -> gpd.GeoDataFrame:
    shown = found.areas["section"].to_numpy(dtype=np.int64)
    shapes = shapely.buffer(places[shown], radius * found.scale[shown], quad_segs=QUADRANT)
    return gpd.GeoDataFrame({"section": ids[shown], "radius_m": radius}, geometry=shapes, crs=crs)


def _mark_rows(found: Corridors, ids: Any, names: Any, crs: str) -> gpd.GeoDataFrame:
    at = found.marks["section"].to_numpy(dtype=np.int64)
    texts = [place_text(name, metres) for name, metres in zip(names[at], found.marks["distance_m"], strict=True)]
    rows = {
        "section": ids[at], "distance_m": found.marks["distance_m"].to_numpy(dtype=np.float64),
        "text_zh": [text.zh for text in texts], "text_en": [text.en for text in texts],
    }  # fmt: skip
    return gpd.GeoDataFrame(rows, geometry=found.marks["geometry"].to_numpy(dtype=object), crs=crs)


def _placed(table: pd.DataFrame, crs: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=table["geometry"].to_numpy(dtype=object), crs=crs)

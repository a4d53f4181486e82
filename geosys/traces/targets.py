"""What water passes on its way besides the features of layers: the borders of counties, and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.border_crossings import border_crossings
from geosys.geo.river_flow import Places
from geosys.traces.scene import Standing, called, names_of, standing

if TYPE_CHECKING:
    from geosys.traces.scene import Scene

BORDER, GATE = Text("县区界", "County border"), Text("闸坝", "Gate or dam")
OUTSIDE, NETWORK_ENDS = "界外", "界外（河网在此终止）"
KILOMETRE = 1000.0


def joined(parts: list[Standing]) -> Standing:
    """Return several layers of standing features as one."""
    some = [part for part in parts if len(part.table)]
    if not some:
        return parts[0]
    places = Places(
        *(np.concatenate([getattr(part.places, name) for part in some]) for name in ("reach", "along_m", "offset_m"))
    )
    return Standing(places, pd.concat([part.table for part in some], ignore_index=True))


def borders_on_the_way(scene: Scene, covered: pd.DataFrame) -> Standing:
    """Return where the water crosses the borders of counties."""
    layer = scene.layers.get(scene.spec.borders.layer)
    if layer is None or not len(covered):
        return standing(scene, [])
    areas, names = layer.frame.geometry.to_numpy(), names_of(layer)
    reach = np.unique(covered["reach"].to_numpy(dtype=np.int64))
    found = border_crossings(scene.waterway.network, reach, areas, scene.spec.border_tolerance_m)
    rows = []
    office = scene.catalogue.codes["office"].titles.get(scene.spec.border_office, Text("", ""))
    for before, after, is_end in found[["before", "after", "is_end"]].itertuples(index=False):
        sides = ["／".join(names[area] for area in side) or OUTSIDE for side in (before, after)]
        both = sorted({names[area] for area in (*before, *after)})
        last = NETWORK_ENDS if is_end else sides[1]
        call = Text("、".join(f"{name}{office.zh}" for name in both), ", ".join(f"{name} {office.en}" for name in both))
        rows.append((f"{sides[0]} → {last}", call.zh, call.en))
    at = Places(
        found["reach"].to_numpy(dtype=np.int64), found["along_m"].to_numpy(dtype=np.float64), np.zeros(len(found))
    )
    return _made(scene, at, "border", BORDER, rows)


def gates_on_the_way(scene: Scene, covered: pd.DataFrame) -> Standing:
    """Return the reaches with a gate, where the water comes to them: where on the reach it stands is not told."""
    network = scene.waterway.network
    some = covered[covered["gate"].astype(bool)].drop_duplicates("reach")
    reach = some["reach"].to_numpy(dtype=np.int64)
    rows = []
    for one in reach.tolist():
        call = called(scene, scene.spec.river, int(network.source[one]), one)
        name = f"{network.river[one] or ''}闸坝所在河段（{network.length_m[one] / KILOMETRE:.1f} km）"
        rows.append((name, call.zh, call.en))
    return _made(
        scene, Places(reach, some["from_m"].to_numpy(dtype=np.float64), np.zeros(len(reach))), "gate", GATE, rows
    )


def _made(scene: Scene, places: Places, what: str, title: Text, rows: list[tuple[str, str, str]]) -> Standing:
    """Return things that are in no layer as if they were; `rows` hold name and whom to call."""
    network = scene.waterway.network
    shapes = [
        shapely.line_interpolate_point(network.lines[reach], along / network.length_m[reach], normalized=True)
        for reach, along in zip(places.reach.tolist(), places.along_m.tolist(), strict=True)
    ]
    table = pd.DataFrame(rows, columns=["name", "call_zh", "call_en"]).assign(
        layer=what, layer_zh=title.zh, layer_en=title.en, kind=None, kind_zh="", kind_en="", is_doubtful=False, reason_zh="",
        reason_en="", frame_row=-1,
    )  # fmt: skip
    ids = pd.Series(
        [f"R{reach}+{along:.0f}" for reach, along in zip(places.reach, places.along_m, strict=True)], dtype=object
    )
    again = ids.groupby(ids).cumcount()
    table["feature_id"] = ids.where(again == 0, ids + "-" + again.astype(str))
    table["geometry"] = pd.Series(shapes, dtype=object)
    return Standing(places, table)

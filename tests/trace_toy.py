"""A hand-drawn county of rivers, as a trace sees it: a network in whole hundreds of metres and features at known places."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from rivers_toy import Line, drawn

from geosys.geo.waterway import Stops, Waterway
from geosys.layers.spec import read_catalogue
from geosys.traces.scene import Scene
from geosys.traces.spec import read_trace_spec

if TYPE_CHECKING:
    from geosys.geo.river_network import Network

CRS = "EPSG:4547"
CATALOGUE = read_catalogue()
EAST, NORTH = 500_000.0, 3_850_000.0
# layer -> feature id -> (reach, metres along it, columns)
Features = dict[str, dict[str, tuple[int, float, dict[str, Any]]]]

TREE: list[Line] = [
    ("大河", [(0, 0), (4000, 0)]),
    ("大河", [(4000, 0), (8000, 0)]),
    ("小河", [(4000, 3000), (4000, 1500)]),
    ("小河", [(4000, 1500), (4000, 0)]),
    ("", [(5500, 1500), (4000, 1500)]),
]
BRAID: list[Line] = [
    ("大河", [(0, 0), (1000, 0)]),
    ("北汊", [(1000, 0), (2000, 1000), (3000, 0)]),
    ("南汊", [(1000, 0), (3000, 0)]),
    ("大河", [(3000, 0), (6000, 0)]),
]


def moved(lines: list[Line]) -> list[Line]:
    """Return lines in the plane of the plan."""
    return [(name, [(EAST + x, NORTH + y) for x, y in line]) for name, line in lines]


def scene(network: Network, features: Features, areas: dict[str, dict[str, shapely.Geometry]] | None = None) -> Scene:
    """Return what a trace stands on; a feature with reach −1 has no river; areas stand nowhere."""
    layers = {
        "river": _layer(
            "river",
            [{"feature_id": f"R{n}", "river_name": name} for n, name in enumerate(network.river)],
            network.lines,
        )
    }
    stops = {}
    for layer, rows in features.items():
        reach, along = (np.array([row[k] for row in rows.values()]) for k in (0, 1))
        shapes = [
            shapely.Point(0, 0)
            if r < 0
            else shapely.line_interpolate_point(network.lines[r], a / network.length_m[r], normalized=True)
            for r, a in zip(reach, along, strict=True)
        ]
        layers[layer] = _layer(layer, [{"feature_id": name, **row[2]} for name, row in rows.items()], shapes)
        words = np.full(len(rows), "", dtype=object)
        stops[layer] = Stops(
            np.arange(len(rows)),
            reach.astype(np.int64),
            np.where(reach < 0, np.nan, along),
            np.zeros(len(rows)),
            np.array([bool(row[2].get("is_doubtful")) for row in rows.values()]),
            words,
            words,
        )
    for layer, some in (areas or {}).items():
        layers[layer] = _layer(
            layer, [{"feature_id": name, f"{layer}_name": name} for name in some], list(some.values())
        )
    return Scene(Waterway("river", network, stops, CRS), layers, CATALOGUE, read_trace_spec(CATALOGUE.root, CATALOGUE))


def _layer(name: str, rows: list[dict[str, Any]], shapes: Any) -> Any:
    frame = gpd.GeoDataFrame(rows, geometry=list(shapes), crs=CRS)
    return SimpleNamespace(
        spec=CATALOGUE.layers[name],
        frame=frame,
        provenance={"deliveries": [{"file": f"{name}.csv", "note": ""}]},
        version="0" * 12,
    )


def result(
    month: str, class_now: int, target: int, exceeding: str | None = None, items: int = 9, **more: Any
) -> dict[str, Any]:
    """Return the columns that a section's samples give it."""
    return {
        "month": month,
        "class_now": class_now,
        "target": target,
        "meets_target": class_now <= target,
        "exceeding": exceeding,
        "items_evaluated": items,
        "is_suspect": False,
        **more,
    }


def county() -> Scene:
    """Return the tree with a failing section F, a clean one U on the main river, and sources all over."""
    outfalls = {
        "A": (
            1,
            500.0,
            {"outfall_name": "甲排口", "outfall_type": "农村生活污水散排口", "flow_t_d": 1000.0, "entity_name": "甲村"},
        ),
        "B": (0, 1000.0, {"outfall_name": "乙排口", "outfall_type": "城镇污水处理厂排污口", "flow_t_d": 20000.0}),
        "C": (4, 700.0, {"outfall_name": "丙排口", "outfall_type": "港口码头排口", "flow_t_d": None}),
        "D": (2, 100.0, {"outfall_name": "丁排口", "outfall_type": "矿山雨洪排口", "flow_t_d": 50.0}),
        "E": (3, 1000.0, {"outfall_name": "戊排口", "outfall_type": None, "flow_t_d": 10.0, "is_doubtful": True}),
        "G": (1, 3500.0, {"outfall_name": "己排口", "outfall_type": "农业排口", "flow_t_d": 5.0}),
        "H": (-1, 0.0, {"outfall_name": "庚排口", "outfall_type": "农业排口", "flow_t_d": 5.0}),
    }
    sections = {
        "F": (1, 3000.0, {"section_name": "出境断面", **result("2026-09", 4, 3, "氨氮 0.6、总磷 0.2")}),
        "U": (0, 2000.0, {"section_name": "上断面", **result("2026-09", 3, 3)}),
        "V": (2, 500.0, {"section_name": "支流断面", **result("2026-08", 2, 3)}),
    }
    plants = {"P": (1, 600.0, {"plant_name": "甲厂", "plant_kind": "城镇", "load_t_d": 1000.0, "outfall_code": "A"})}
    return scene(drawn(moved(TREE)), {"outfall": outfalls, "water_section": sections, "sewage_plant": plants})

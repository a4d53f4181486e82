"""A hand-made workspace for the tests of maps: a square of a tenth of a degree with names that mean harm."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import pandas as pd
from shapely import LineString, MultiPolygon, Point, Polygon, box

from geosys._text import Text
from geosys.maps.frames import MapLayer, Meta, Provenance

CRS = "EPSG:4490"
IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"
BRACES = "`${alert(3)}` {{ 7*7 }} {% raw %} {# x #}"
LONG = "长" * 5000
SEPARATORS = "a\u2028b\u2029c"
META = Meta(
    title=Text("样例县", "Sample county"),
    as_of=dt.date(2026, 9, 30),
    program="GeoSys 0.1.0",
    mark=Text("样例数据", "sample data"),
    rules_version="0a1b2c3d",
    layers=(Provenance(Text("入河排污口", "Outfall"), "5f6a7b8c", "inbox/排污口台账.xlsx", 5),),
)


def frame(rows: dict, geometry: list) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry=geometry, crs=CRS)


def layer(layer_id: str, title: Text, kind: str, data: gpd.GeoDataFrame, columns: dict, **more) -> MapLayer:
    disclosure = more.pop("disclosure", "internal")
    return MapLayer(layer_id, title, kind, ("code",), data, columns, "5f6a7b8c", "inbox/a.gpkg", disclosure, **more)


def layers() -> list[MapLayer]:
    """Return an area with a hole, a line, and points whose names are hostile, under ids that the content knows."""
    zone = Polygon(box(114.02, 34.02, 114.06, 34.06).exterior, [box(114.03, 34.03, 114.04, 34.04).exterior])
    two = MultiPolygon([box(114.08, 34.08, 114.09, 34.09), box(114.07, 34.07, 114.075, 34.075)])
    names = [IMAGE, SCRIPT, BRACES, LONG, SEPARATORS]
    points = [Point(114.05, 34.05), Point(114.01, 34.01), Point(114.09, 34.02), Point(114.02, 34.09), None]
    return [
        layer(
            "outfall", Text("入河排污口", "Outfall"), "point",
            frame(
                {
                    "feature_id": [f"PW-{n}" for n in range(5)],
                    "name": names,
                    "code": [f"PW-{n}" for n in range(5)],
                    "outfall_name": names,
                    "rectify_state": ["未整治", "整治中", "已完成", None, "未整治"],
                    "target_on": [dt.date(2025, 12, 31), None, None, None, None],
                    "is_traced": [True, False, None, None, True],
                },
                points,
            ),
            {
                "outfall_name": Text("排污口名称", "Outfall name"),
                "rectify_state": Text("整治状态", "State"),
                "target_on": Text("完成时限", "Target"),
                "is_traced": Text("是否溯源", "Traced"),
            },
            codes={"rectify_state": {"整治中": Text("整治中", "Being rectified")}},
        ),
        layer(
            "source_zone", Text("饮用水水源保护区", "Source zone"), "polygon",
            frame(
                {
                    "feature_id": ["SZ-1", "SZ-2"], "name": ["一水厂", "二水厂"], "code": ["SZ-1", "SZ-2"],
                    "level": ["一级", "准"], "supply_t_d": [12000.5, float("nan")],
                },
                [zone, two],
            ),
            {"level": Text("级别", "Level"), "supply_t_d": Text("供水量", "Supply")},
            units={"supply_t_d": "t/d"},
        ),
        layer(
            "river", Text("河流", "River"), "line",
            frame(
                {"feature_id": ["R-1"], "name": ["样例河"], "code": ["R-1"]},
                [LineString([(114.0, 34.0), (114.05, 34.05), (114.1, 34.06)])],
            ),
            {},
        ),
        layer(
            "county", Text("县", "County"), "polygon",
            frame({"feature_id": ["410299"], "name": ["样例县"], "code": ["410299"]}, [box(114.0, 34.0, 114.1, 34.1)]),
            {},
        ),
        layer("sewage_plant", Text("污水处理厂", "Plant"), "point", frame({"feature_id": [], "name": [], "code": []}, []), {}),
    ]  # fmt: skip


def finding(number: int, **other) -> dict:
    """Return one row of the findings; what is not given is as in the first."""
    return {
        "finding_id": f"F-{number:03d}", "rule": "in_zone", "rule_title_zh": "保护区内有排污口", "rule_title_en": "Outfall in zone",
        "outcome": "hit", "severity": "critical", "subject_layer": "outfall", "subject_id": "PW-0", "subject_name": IMAGE,
        "object_layer": "source_zone", "object_id": "SZ-1", "object_name": "一水厂", "measure": 12.5, "unit": "m",
        "threshold": 0.0, "margin": 12.5, "margin_unit": "m", "sentence_zh": f"{IMAGE} 位于 一水厂 内",
        "sentence_en": f"{IMAGE} lies in 一水厂", "action_zh": "核实后依法处置", "action_en": "Verify and act",
        "basis_zh": "《生态环境法典》第二编第三分编", "basis_en": "Code, book 2, part 3", "lead": "ecology", "lead_zh": "生态环境局",
        "lead_en": "Ecology bureau", "support_zh": "水利局", "due_on": dt.date(2026, 9, 1), "certainty": "our_reading",
        "case_id": f"C-{number:03d}", "status": "found", "seen": "present",
        **other,
    }  # fmt: skip


def findings() -> gpd.GeoDataFrame:
    """Return one finding of each outcome, two of them at one place, one without a place."""
    rows = [
        finding(1),
        finding(2, outcome="near", severity="low", status="closed", rule="near_intake", rule_title_zh="取水口附近"),
        finding(3, outcome="needs_review", status="rectifying", subject_id="PW-1", subject_name=SCRIPT, measure=None),
        finding(4, subject_id="PW-4", subject_name=SEPARATORS, due_on=None, certainty="confirmed"),
    ]
    places = [Point(114.05, 34.05), Point(114.05, 34.05), Point(114.01, 34.01), None]
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=places, crs=CRS)


def outcomes() -> pd.DataFrame:
    rows = [
        ("in_zone", "保护区内有排污口", "Outfall in zone", 2, 0, 1, 0, 1, "", ""),
        ("near_intake", "取水口附近", "Near an intake", 0, 1, 3, 0, 0, "", ""),
        ("not_networked", "未联网", "Not networked", 0, 0, 0, 7, 0, "未提供图层：污水处理厂", "Layer not delivered"),
    ]
    names = ["rule", "rule_title_zh", "rule_title_en", "hit", "near", "clear", "not_assessed", "needs_review", "why_zh"]
    return pd.DataFrame(rows, columns=[*names, "why_en"])

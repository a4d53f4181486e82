"""A package small enough to follow by hand: two plots and a point in one profile, as the papers are given it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path, PurePosixPath

import geopandas as gpd
import pandas as pd
from shapely import MultiPolygon, Point, box

from geosys._text import Text
from geosys.publish.content import Check, Field, PackageFile, Profile, ProfileLayer, ShapedLayer
from geosys.publish.files.geopackages import write_geopackage
from geosys.publish.papers.account import Account

DAY = dt.date(2026, 9, 30)
CRS = "EPSG:4547"
X, Y = 500_000.0, 3_850_000.0  # on the central meridian, 114° E
KEY = Field("DKBM", Text("地块编码", "Plot code"), "text", 20, is_required=True, column="plot_code")
FIELDS = (
    KEY,
    Field("DKMC", Text("地块名称", "Plot name"), "text", 50, column="plot_name"),
    Field(
        "FXDJ", Text("风险等级", "Risk"), "text", codes={"1": Text("高", "high"), "2": Text("低", "low")}, column="risk"
    ),
    Field("MJ", Text("面积", "Area"), "number", 12, 2, column="area"),
    Field("JCS", Text("监测数", "Samples"), "integer", column="samples"),
    Field("LRRQ", Text("列入日期", "Listed on"), "date", column="listed_on"),
    Field("SFYC", Text("是否移出", "Removed"), "truth", column="is_removed", disclosure="shared"),
)
PLOTS = ProfileLayer("WRDK", Text("污染地块", "Contaminated plots"), "toy_plot", "polygon", FIELDS, ("DKBM",))
POINTS = ProfileLayer(
    "JCD", Text("监测点", "Points"), "toy_point", "point", (replace(KEY, name="DWBM"), FIELDS[1]), ("DWBM",)
)
PROFILE = Profile(
    id="toy", title=Text("建设用地土壤环境质量图层", "Soil quality of construction land"),
    about=Text("样例：两个图层 <&>", "Sample: two layers <&>"), sender=Text("样例县生态环境分局", "County ecology office"),
    receiver=Text("样例县自然资源局", "County natural resources office"), cycle=Text("每季度", "every quarter"),
    receipt=Text("签收后退回一份", "one copy returned, signed"), audience="shared", crs="plan", has_zone_prefix=False,
    formats=("gpkg", "shp"), layers=(PLOTS, POINTS), basis=Text("净土（一）8", "Clean soil (1) 8"), certainty="unconfirmed",
)  # fmt: skip


def square(x: float, side: float = 100.0) -> MultiPolygon:
    return MultiPolygon([box(X + x, Y, X + x + side, Y + side)])


def plots() -> gpd.GeoDataFrame:
    rows = {
        "DKBM": ["A", "B", "C"], "DKMC": ["甲地块", "乙地块", None], "FXDJ": ["1", "2", "2"], "MJ": [1.25, 2.5, float("nan")],
        "JCS": pd.array([3, None, 5], dtype="Int64"), "LRRQ": [dt.date(2025, 1, 2), None, dt.date(2026, 3, 4)],
        "SFYC": [True, False, None],
    }  # fmt: skip
    frame = {
        name: pd.Series(v, dtype=object) if isinstance(v, list) and name != "MJ" else v for name, v in rows.items()
    }
    return gpd.GeoDataFrame(frame, geometry=[square(0), square(200), square(400)], crs=CRS)


def points() -> gpd.GeoDataFrame:
    frame = {"DWBM": pd.Series(["P1", "P2"], dtype=object), "DKMC": pd.Series(["一", "二"], dtype=object)}
    return gpd.GeoDataFrame(frame, geometry=[Point(X, Y), Point(X + 10, Y)], crs=CRS)


def shaped(
    plot_rows: gpd.GeoDataFrame | None = None, point_rows: gpd.GeoDataFrame | None = None
) -> tuple[ShapedLayer, ...]:
    delivered = {
        "file": "inbox/污染地块.shp", "sender": "样例县生态环境分局", "sha256": "ab" * 32, "crs_used": "EPSG:4547", "rows": 5,
    }  # fmt: skip
    told = {"deliveries": [delivered], "rows_delivered": 5, "crs": CRS}
    area = 30_000.0
    return (
        ShapedLayer(PLOTS, plots() if plot_rows is None else plot_rows, "0123456789ab", 5, 1, 1, area, told),
        ShapedLayer(POINTS, points() if point_rows is None else point_rows, "ba9876543210", 2, 0, 0, None, told),
    )


def account(**changes: object) -> Account:
    checks = (
        Check("unique_keys", Text("标识唯一", "Keys are unique"), "WRDK", is_passed=True),
        Check(
            "withheld_told",
            Text("扣留已说明", "Withheld rows are told"),
            "WRDK",
            False,
            "1",
            "0",
            Text("核实", "check"),
            stops=False,
        ),
    )
    made = Account(
        package="toy_2026-09-30_1", day=DAY, program="GeoSys 0.1.0", profile=PROFILE, crs=CRS, shaped=shaped(), checks=checks,
        area=Text("样例县", "Sample county"), mark=Text("样例数据", "sample data"), accuracies_m={"toy_plot": 0.5},
        permissions=({
            "layer": "toy_plot", "audience": "shared", "approved_by": "张某", "approved_on": dt.date(2026, 9, 1),
            "document": "样环函〔2026〕1号", "expires_on": dt.date(2026, 12, 31), "receiver": "toy",
        },),
    )  # fmt: skip
    return replace(made, **changes)


def write_data(folder: Path, layers: tuple[ShapedLayer, ...]) -> tuple[PackageFile, ...]:
    (folder / "data").mkdir(parents=True)
    path = PurePosixPath("data/toy.gpkg")
    write_geopackage(folder / path, layers, DAY)
    return (PackageFile(path, "gpkg", tuple(s.layer.name for s in layers)),)

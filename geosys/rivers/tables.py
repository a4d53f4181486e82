"""What a run leaves behind about rivers: an issue for each thing to look at, and the tables of faults, changes and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.geo.river_faults import MENDED, OPEN, decision_sheet
from geosys.layers.issue_table import issue_frame
from geosys.layers.issues import Issue
from geosys.rivers.files import SHEET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue, LayerSpec
    from geosys.rivers.networks import Rivers

FOLDER = "rivers"
JOINED = "loose_end"
UNDIRECTED = ("no_direction", "direction_conflict")
MOST_IDS = 20


def river_issues(
    rivers: Mapping[str, Rivers], layers: Mapping[str, Layer], catalogue: Catalogue, crs: str
) -> gpd.GeoDataFrame:
    """Return the issue table of all rivers: faults with what would mend them, features without a river, doubtful choices.

    A fault that was decided is none any more; one that was mended is a notice, and ends joined within the tolerance are one.
    """
    issues: list[Issue] = []
    for name, one in rivers.items():
        issues += _direction_issues(one, layers[name])
        issues += _fault_issues(one, layers[name])
        for other in one.waterway.stops:
            rows = one.positions[one.positions["layer"] == other]
            issues += _position_issues(rows, one, layers[other])
    return issue_frame(issues, catalogue, crs)


def write_rivers(folder: Path, rivers: Mapping[str, Rivers]) -> dict[str, str]:
    """Write faults, changes and positions of each river layer as CSV into a folder's `rivers/`; return the names by kind."""
    names: dict[str, str] = {}
    for layer, one in sorted(rivers.items()):
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        tables = {"faults": fault_rows(one.faults), "changes": _change_rows(one.changes), "positions": one.positions}
        for kind, table in tables.items():
            place = f"{FOLDER}/{layer}_{kind}.csv"
            table.to_csv(folder / place, index=False, encoding="utf-8-sig", lineterminator="\n", float_format="%.3f")
            names[f"{layer}_{kind}"] = place
    return names


def network_tables(rivers: Mapping[str, Rivers]) -> dict[str, gpd.GeoDataFrame]:
    """Return reaches, faults and positions of all river layers as tables with a place each; those that have rows."""
    tables: dict[str, gpd.GeoDataFrame] = {}
    for layer, one in sorted(rivers.items()):
        network, crs = one.waterway.network, one.waterway.crs
        reaches = {
            "reach": np.arange(len(network.length_m)), "river_name": network.river, "line": one.lines[network.source],
            "from_node": network.reach_from, "to_node": network.reach_to, "length_m": network.length_m, "is_canal": network.is_canal,
            "gate": network.gate, "blocked": network.blocked, "unsettled": network.unsettled,
        }  # fmt: skip
        faults, places = fault_rows(one.faults), one.faults["place"].to_numpy(dtype=object)
        stood = one.positions
        found = {
            "reaches": gpd.GeoDataFrame(reaches, geometry=network.lines, crs=crs),
            "faults": gpd.GeoDataFrame(faults, geometry=places, crs=crs),
            "positions": gpd.GeoDataFrame(stood, geometry=gpd.points_from_xy(stood["x"], stood["y"]), crs=crs),
        }
        tables |= {f"{layer}_{kind}": table for kind, table in found.items() if len(table)}
    return tables


def open_sheet(rivers: Mapping[str, Rivers]) -> pd.DataFrame:
    """Return the open faults of all river layers as rows of a sheet of decisions, columns `geosys.rivers.files.SHEET`."""
    sheets = [decision_sheet(one.faults).assign(layer=layer) for layer, one in sorted(rivers.items())]
    return pd.concat(sheets, ignore_index=True)[list(SHEET)]


def fault_rows(faults: pd.DataFrame) -> pd.DataFrame:
    """Return faults as plain cells: lists joined by ;, and a place on each as `x` and `y` of the plan's plane."""
    places = faults["place"].to_numpy(dtype=object)
    table = faults.drop(columns=["geometry", "place"]).assign(x=shapely.get_x(places), y=shapely.get_y(places))
    return table.assign(**{column: table[column].map(";".join) for column in ("lines", "rivers")})


def _change_rows(changes: pd.DataFrame) -> pd.DataFrame:
    texts = {
        column: [shapely.to_wkt(v, rounding_precision=3) if shapely.is_geometry(v) else v for v in changes[column]]
        for column in ("before", "after")
    }
    return changes.assign(**texts)


def _direction_issues(one: Rivers, layer: Layer) -> Iterator[Issue]:
    """Yield one issue for all lines that flow as drawn because nothing tells, and one where that is hardly so."""
    silent, count = int((~one.is_told).sum()), len(one.lines)
    mend = Text(
        '整层画反的，在 geosys.toml 该报送下写 set = { flow_direction = "逆向" }',
        'for a layer drawn from the mouths up, write set = { flow_direction = "逆向" } below its delivery in geosys.toml',
    )
    if silent:
        zh = f"{count} 条河线中有 {silent} 条没有流向依据（流向字段、断面沿河序号、高程、决定表），按画线方向处理；{mend.zh}"
        en = f"{silent} of {count} lines have nothing to tell their direction and flow as drawn; {mend.en}"
        yield _issue("direction_unknown", Text(zh, en), layer, -1, None, "notice")
    doubted = one.looks_upstream
    if doubted.any():
        length = one.waterway.network.length_m[doubted].sum() / 1000
        zh = f"有 {length:.0f} km 河段分流远多于汇流，很可能是由河口向上游画的，流向按不明处理；{mend.zh}"
        en = f"On {length:.0f} km waters part far more often than they meet: probably drawn upstream, taken as not known; {mend.en}"
        yield _issue(
            "direction_unknown",
            Text(zh, en),
            layer,
            -1,
            shapely.MultiLineString(list(one.waterway.network.lines[doubted])),
        )


def _fault_issues(one: Rivers, layer: Layer) -> Iterator[Issue]:
    row_of = {str(line): row for row, line in enumerate(one.lines)}
    is_joined = (one.faults["status"] == MENDED) & (one.faults["kind"] == JOINED)
    if is_joined.any():
        places = shapely.MultiPoint(one.faults.loc[is_joined, "place"].tolist())
        zh = f"有 {is_joined.sum()} 处端点在容差内已接上，逐处见 out/{FOLDER} 的 faults 与 changes 表"
        en = f"Ends were joined within the tolerance at {is_joined.sum()} places, each told in the tables of out/{FOLDER}"
        yield _issue("river_fault", Text(zh, en), layer, -1, places, "notice")
    for fault in one.faults[one.faults["status"].isin((OPEN, MENDED)) & ~is_joined].to_dict("records"):
        is_mended, ids = fault["status"] == MENDED, fault["lines"]
        mend = Text(*(f"{head}{fault[f'mend_{name}']}" for name, head in (("zh", "；建议："), ("en", ". Proposed: "))))
        if is_mended or not fault["mend_zh"]:
            mend = Text("", "")
        message = Text(fault["text_zh"] + mend.zh, fault["text_en"] + mend.en)
        kind = "direction_unknown" if fault["kind"] in UNDIRECTED else "river_fault"
        rows = [row_of[line] for line in ids if line in row_of]
        issue = _issue(kind, message, layer, rows[0] if rows else -1, fault["geometry"] or fault["place"])
        issue.feature_id = ";".join(ids[:MOST_IDS])
        issue.value, issue.severity = fault["proposal"] or fault["kind"], "notice" if is_mended else ""
        yield issue


def _position_issues(rows: pd.DataFrame, one: Rivers, layer: Layer) -> Iterator[Issue]:
    stops, keys = one.waterway.stops[layer.spec.id], layer.spec.on_river
    shapes = layer.frame.geometry.to_numpy()
    asks = keys is not None and keys.required and not _is_told(layer.spec)
    lost, doubt = (stops.reach < 0) & ~rows["is_chosen_by_user"].to_numpy(dtype=bool) & asks, stops.is_doubtful
    for at in np.flatnonzero(lost | doubt).tolist():
        row, feature = rows.iloc[at], int(stops.feature[at])
        zh, en = str(row["reason_zh"]), str(row["reason_en"])
        if row["river_wanted"]:
            zh, en = f"填写的河流是“{row['river_wanted']}”；{zh}", f"States {row['river_wanted']}; {en}"
        if stops.reach[at] >= 0:
            river = row["river_chosen"] or "—"
            zh = f"暂定“{river}”（{row['line']}）：{zh}" + (
                f"；其他可能：{row['alternatives']}" if row["alternatives"] else ""
            )
            en = f"Taken to be on {river} ({row['line']}): {en}" + (
                f"; or: {row['alternatives']}" if row["alternatives"] else ""
            )
        kind = "not_on_river" if stops.reach[at] < 0 else "doubtful_river"
        issue = _issue(kind, Text(zh, en), layer, feature, shapes[feature])
        issue.field = keys.name or "" if keys is not None else ""
        issue.value = row["river_wanted"] or None
        yield issue


def _is_told(spec: LayerSpec) -> bool:
    """Say whether a check of the layer's own already tells each feature that is too far from the rivers."""
    keys = spec.on_river
    return keys is not None and any(
        table["check"] == "within_reach" and table["of"] == keys.of and table["distance_m"] <= keys.reach_m
        for table in spec.checks
    )


def _issue(
    kind: str, message: Text, layer: Layer, row: int, shape: shapely.Geometry | None, severity: str = ""
) -> Issue:
    """Return an issue of one row of a layer, or of the whole layer (row −1)."""
    issue = Issue(kind, message, layer=layer.spec.id, geometry=shape, severity=severity)
    issue.source_file = "; ".join(dict.fromkeys(layer.frame["source_file"].astype(str))) if row < 0 else ""
    if row >= 0:
        record = layer.frame.iloc[row]
        issue.feature_id, issue.source_file = str(record["feature_id"]), str(record["source_file"])
        issue.source_row = int(record["source_row"])
    return issue

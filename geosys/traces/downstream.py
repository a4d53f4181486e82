"""What lies below an outfall or a spill: sections, intakes, zones, gates and borders, with distance, time and whom to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.geo.river_flow import Places
from geosys.geo.river_snapping import snap
from geosys.geo.tracing import downstream_of
from geosys.traces.scene import (
    MISSING_COLUMNS,
    Standing,
    absent_layers,
    called,
    cut_lines,
    found_feature,
    missing_row,
    named_missing,
    names_of,
    standing,
)
from geosys.traces.targets import BORDER, borders_on_the_way, gates_on_the_way, joined
from geosys.traces.upstream import Origin, origin_of

if TYPE_CHECKING:
    import geopandas as gpd

    from geosys.geo.tracing import Downstream
    from geosys.traces.scene import Scene

SPILL = Text("事故点", "Spill")
KILOMETRE, BRIEF_H = 1000.0, 48.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Hold the speed of the water in m/s, NaN where not known, and how it was come by."""

    m_s: float
    text: Text


@dataclass(frozen=True, slots=True)
class DownstreamReport:
    """Hold what is below one place.

    Attributes
    ----------
    targets
        By distance: `rank`, `layer_zh`, `layer_en`, `feature_id`, `name`, `kind_zh`, `kind_en`, `river_name`, `distance_m`,
        `time_h`, `is_path_known`, `call_zh`, `call_en`, `is_doubtful`, `geometry`. A zone stands where the water enters.
    reaches
        Lines in the plan's plane with `river_name`, `near_m`, `far_m`, `time_h`, `gate`.
    missing, summary
        As in `geosys.traces.upstream.UpstreamReport`.
    """

    origin: Origin
    speed: Speed
    targets: pd.DataFrame
    reaches: gpd.GeoDataFrame
    missing: pd.DataFrame
    summary: tuple[Text, ...]


def speed_of(
    speed_m_s: float | None, flow_m3_s: float | None = None, width_m: float | None = None, depth_m: float | None = None
) -> Speed:
    """Return the speed as given, or of a flow through a rectangular cross-section: v = Q / (B · h).

    Raises
    ------
    WorkspaceError
        When a number is not above 0, both are given, or a flow comes without width and depth.

    Examples
    --------
    >>> speed_of(None, 12.0, 20.0, 1.5).m_s
    0.4
    """
    given = {"--speed": speed_m_s, "--flow": flow_m3_s, "--width": width_m, "--depth": depth_m}
    for name, value in given.items():
        if value is not None and not (np.isfinite(value) and value > 0):
            raise WorkspaceError(f"{name}: got {value}, expected a number above 0.")
    if speed_m_s is not None and flow_m3_s is not None:
        raise WorkspaceError("--speed and --flow: got both, expected one of the two.")
    if speed_m_s is not None:
        return Speed(speed_m_s, Text(f"流速 {speed_m_s:g} m/s（给定）", f"speed {speed_m_s:g} m/s, as given"))
    if flow_m3_s is None:
        return Speed(np.nan, Text("流速未知，未算时间", "no speed given: no times"))
    if width_m is None or depth_m is None:
        raise WorkspaceError(
            "--flow: got a flow without the cross-section, expected also --width and --depth in metres: v = Q / (B·h). "
            "Without them give --speed."
        )
    value = flow_m3_s / (width_m * depth_m)
    formula = f"v = Q/(B·h) = {flow_m3_s:g}/({width_m:g}×{depth_m:g}) = {value:.3g} m/s"
    return Speed(value, Text(f"{formula}（矩形断面平均流速）", f"{formula}, mean of a rectangular cross-section"))


def spill_at(
    scene: Scene, x: float, y: float, reach_m: float | None = None
) -> tuple[Origin, Places, list[dict[str, str]]]:
    """Return a point of the plan's plane as the origin of a trace, where it stands, and what is in doubt about that.

    Raises
    ------
    WorkspaceError
        When no river is within reach.
    """
    limit = scene.spec.reach_m if reach_m is None else reach_m
    snaps = snap(np.array([[x, y]]), scene.waterway.network, limit)
    if snaps.reach[0] < 0:
        raise WorkspaceError(
            f"--point: got a place with no river within {limit:.0f} m, expected one beside a river. "
            "Check the coordinates (longitude first, CGCS2000 degrees), or widen --reach."
        )
    reach, along = int(snaps.reach[0]), float(snaps.along_m[0])
    river = str(scene.waterway.network.river[reach] or "")
    code = f"X {x:.0f} Y {y:.0f}"
    why = Text(snaps.reason_zh[0], snaps.reason_en[0])
    facts = ((Text("位置", "Position"), Text(code, code)), (Text("对应河流", "River chosen"), why))
    call = called(scene, scene.spec.river, int(scene.waterway.network.source[reach]), reach)
    origin = Origin(SPILL, code, SPILL.zh, river, reach, along, facts, call, shapely.Point(x, y))
    doubt = (
        [missing_row(SPILL, Text(f"河流存疑：{why.zh}", f"its river is in doubt: {why.en}"))]
        if snaps.is_doubtful[0]
        else []
    )
    return origin, Places(snaps.reach, snaps.along_m, snaps.offset_m), doubt


def outfall_at(scene: Scene, wanted: str) -> tuple[Origin, Places, list[dict[str, str]]]:
    """Return a source of the plan by code or name as the origin of a trace, as `spill_at` does.

    Raises
    ------
    WorkspaceError
        When no layer of sources has it, or it stands on no river.
    """
    known = [role for role in scene.spec.sources if role.layer in scene.layers]
    if not known:
        raise WorkspaceError(
            "outfall: got no usable layer of sources in this workspace, expected one. Deliver it first."
        )
    for role in known:
        layer = scene.layers[role.layer]
        if wanted in set(layer.frame["feature_id"].astype(str)) | set(names_of(layer)) or role is known[-1]:
            break
    layer_id = role.layer if wanted in {*names_of(layer), *layer.frame["feature_id"].astype(str)} else known[0].layer
    role = next(one for one in known if one.layer == layer_id)
    row = found_feature(scene, role.layer, wanted, "trace downstream")
    here = standing(scene, [role])
    own = np.flatnonzero(here.table["frame_row"].to_numpy() == row)
    origin = origin_of(scene, role, row, here, own)
    doubt = []
    if bool(here.table["is_doubtful"].iloc[own[0]]):
        why = here.table.iloc[own[0]]
        text = Text(f"位置存疑：{why['reason_zh']}", f"its place is in doubt: {why['reason_en']}")
        doubt = [missing_row(origin.title, text, origin.feature_id, origin.name)]
    return origin, Places(np.array([origin.reach]), np.array([origin.along_m]), np.zeros(1)), doubt


def downstream_report(
    scene: Scene, start: tuple[Origin, Places, list[dict[str, str]]], speed: Speed, down_m: float = np.inf
) -> DownstreamReport:
    """Tell all that is below a place.

    Parameters
    ----------
    start
        What `spill_at` or `outfall_at` returned.
    speed
        Of the water, everywhere the same.
    down_m
        How far to look, metres along the channel; all there is by default.
    """
    origin, source, doubts = start
    network = scene.waterway.network
    nothing = Places(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    covered = downstream_of(network, source, nothing, speed.m_s, down_m=down_m, undirected=scene.undirected).reaches
    targets = joined(
        [standing(scene, scene.spec.targets), borders_on_the_way(scene, covered), gates_on_the_way(scene, covered)]
    )
    found = downstream_of(network, source, targets.places, speed.m_s, down_m=down_m, undirected=scene.undirected)
    rows = _targets(scene, origin, found, targets)
    lines = cut_lines(scene, found.reaches)
    lacking = [*absent_layers(scene, [*scene.spec.targets]), *doubts]
    if scene.spec.borders.layer not in scene.layers:
        lacking.append(
            missing_row(BORDER, Text("没有县区界图层，未查跨界", "no layer of counties: crossings were not asked"))
        )
    ground = found.missing[found.missing["kind"] != "speed"]
    lacking += named_missing(scene, ground, {"target": targets.table, "source": pd.DataFrame([_as_row(origin)])})
    if np.isnan(speed.m_s):
        text = Text(
            "未给流速，未算时间：用 --speed，或 --flow 加 --width --depth",
            "no speed: give --speed, or --flow with --width and --depth",
        )
        lacking.append(missing_row(Text("流速", "Speed"), text))
    for row in rows[rows["is_doubtful"].astype(bool)].itertuples():
        text = Text(f"位置存疑：{row.reason_zh}", f"its place is in doubt: {row.reason_en}")
        lacking.append(missing_row(Text(row.layer_zh, row.layer_en), text, row.feature_id, row.name))
    missing = pd.DataFrame(lacking, columns=list(MISSING_COLUMNS))
    return DownstreamReport(origin, speed, rows, lines, missing, _summary(origin, speed, rows, lines, missing))


def _as_row(origin: Origin) -> dict[str, str]:
    return {
        "layer_zh": origin.title.zh,
        "layer_en": origin.title.en,
        "feature_id": origin.feature_id,
        "name": origin.name,
    }


def _targets(scene: Scene, origin: Origin, found: Downstream, targets: Standing) -> pd.DataFrame:
    """Return what the water comes to, each once, where it comes first."""
    hit = found.targets
    position = hit["position"].to_numpy(dtype=np.int64)
    rows = targets.table.iloc[position].reset_index(drop=True)
    reach = targets.places.reach[position]
    rows = rows.assign(
        distance_m=hit["distance_m"], time_h=hit["time_h"], is_path_known=hit["is_path_known"], reach=reach,
        river_name=scene.waterway.network.river[reach],
    )  # fmt: skip
    rows = rows[~((rows["feature_id"] == origin.feature_id) & (rows["layer_zh"] == origin.title.zh))]
    rows = rows.sort_values(["distance_m", "layer_zh", "feature_id"], kind="stable")
    rows = rows.drop_duplicates(["layer_zh", "feature_id"]).reset_index(drop=True)
    rows.insert(0, "rank", np.arange(1, len(rows) + 1))
    return rows


def _summary(
    origin: Origin, speed: Speed, rows: pd.DataFrame, lines: gpd.GeoDataFrame, missing: pd.DataFrame
) -> tuple[Text, ...]:
    """Return what a person must know first."""
    far = float(lines["far_m"].max()) / KILOMETRE if len(lines) else 0.0
    counts = rows.groupby(["layer_zh", "layer_en"], sort=False).size()
    zh = "、".join(f"{name[0]} {count}" for name, count in counts.items()) or "无"
    en = ", ".join(f"{name[1]} {count}" for name, count in counts.items()) or "nothing"
    told = [
        Text(f"{origin.name}以下沿河 {far:.1f} km：{zh}。", f"Below {origin.name}, {far:.1f} km of channel: {en}."),
        speed.text,
    ]
    for kind, one in rows.groupby("layer_zh", sort=False):
        row = one.iloc[0]
        when = "时间未知" if pd.isna(row["time_h"]) else hours_text(float(row["time_h"])).zh
        when_en = "time not known" if pd.isna(row["time_h"]) else hours_text(float(row["time_h"])).en
        km = row["distance_m"] / KILOMETRE
        told.append(
            Text(
                f"最先到达的{kind}：{row['name']}，{km:.1f} km，{when}。",
                f"First {row['layer_en']}: {row['name']}, {km:.1f} km, {when_en}.",
            )
        )
    told.append(
        Text(
            "时间为按平均流速的最早到达，未计扩散、滞留与闸坝调度。",
            "Times are earliest arrivals at mean speed, without dispersion, dead zones or gates.",
        )
    )
    if len(missing):
        told.append(Text(f"未知事项 {len(missing)} 条，见表。", f"{len(missing)} things are not known, see the table."))
    return tuple(told)


def hours_text(hours: float) -> Text:
    """Return hours as people say them.

    Examples
    --------
    >>> hours_text(0.25).zh, hours_text(7.04).en, hours_text(60.0).zh
    ('15 分钟', '7.0 h', '2.5 天')
    """
    if hours < 1:
        return Text(f"{hours * 60:.0f} 分钟", f"{hours * 60:.0f} min")
    if hours < BRIEF_H:
        return Text(f"{hours:.1f} 小时", f"{hours:.1f} h")
    return Text(f"{hours / 24:.1f} 天", f"{hours / 24:.1f} days")

"""The possible sources above a section: kind and trade, what such discharge, flow, loads, how well that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.traces.scene import column_of, is_gone
from geosys.traces.suspects import MATCHES, loads_kg_d, matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geosys.geo.tracing import Upstream
    from geosys.traces.scene import Scene, Standing
    from geosys.traces.spec import Role
    from geosys.traces.suspects import PollutantSources

    Concentrations: TypeAlias = Mapping[tuple[str, str], float]  # (feature id, item id) -> mg/L


def possible_sources(
    scene: Scene,
    found: Upstream,
    points: Standing,
    table: PollutantSources,
    items: Sequence[str],
    given: Concentrations,
) -> pd.DataFrame:
    """Return the sources above, once each, with kind, trade, what they discharge, flow and loads."""
    above = found.points.drop_duplicates("position")
    rows = points.table.iloc[above["position"].to_numpy()].reset_index(drop=True)
    reach = points.places.reach[above["position"].to_numpy()]
    rows = rows.assign(reach=reach, river_name=scene.waterway.network.river[reach])
    for name in ("distance_m", "offset_m", "is_path_known", "is_in_stretch"):
        rows[name] = above[name].to_numpy()
    rows = rows.sort_values("distance_m", kind="stable").drop_duplicates(["layer", "feature_id"]).reset_index(drop=True)
    parts = [_told(scene, role, rows[rows["layer"] == role.layer], table, items, given) for role in scene.spec.sources]
    told = pd.concat(parts, ignore_index=True) if parts else rows
    counted = set(told["feature_id"])
    told["is_counted"] = ~told["at"].isin(counted)
    first = f"load_{items[0]}_kg_d" if items else ""
    return told.assign(load_kg_d=told[first] if first else np.nan)


def _told(
    scene: Scene, role: Role, rows: pd.DataFrame, table: PollutantSources, items: Sequence[str], given: Concentrations
) -> pd.DataFrame:
    """Return the rows of one layer with what its columns say."""
    layer = scene.layers.get(role.layer)
    if layer is None:
        return rows.assign(flow_t_d=pd.Series(dtype=float), at=pd.Series(dtype=object), match=pd.Series(dtype=np.int64))
    frame = layer.frame.iloc[rows["frame_row"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    trades, titles, trade_list = _trades(scene, role, frame)
    field = layer.spec.fields.get(role.kind)
    kind_list = field.codes if field is not None and field.codes else ""
    discharges = [
        [table.of(kind_list, kind), table.of(trade_list, trade)]
        for kind, trade in zip(rows["kind"], trades, strict=True)
    ]
    degree, fitting = matches(discharges, items)
    used = [[one for one in some if one is not None][-1:] for some in discharges]
    state = [scene.code_text(role.layer, role.state, value) for value in column_of(frame, role.state)]
    flow = pd.to_numeric(column_of(frame, role.flow), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    told = rows.reset_index(drop=True).assign(
        trade_zh=[t.zh for t in titles], trade_en=[t.en for t in titles], match=degree, fitting=fitting,
        match_zh=[MATCHES[int(d)].zh for d in degree], match_en=[MATCHES[int(d)].en for d in degree],
        basis=[one[0].source if one else "" for one in used], certainty=[one[0].certainty if one else "" for one in used],
        state_zh=[s.zh for s in state], state_en=[s.en for s in state], flow_t_d=flow,
        at=[None if is_gone(v) else str(v) for v in column_of(frame, role.at)],
    )  # fmt: skip
    for item in items:
        column = column_of(frame, role.concentrations.get(item, ""))
        mg_l = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        stated = np.array([given.get((code, item), np.nan) for code in told["feature_id"]], dtype=np.float64)
        told[f"load_{item}_kg_d"] = loads_kg_d(flow, np.where(np.isnan(stated), mg_l, stated), scene.spec.density_t_m3)
    return told


def _trades(scene: Scene, role: Role, frame: pd.DataFrame) -> tuple[list[Any], list[Text], str]:
    """Return the trade of each row as another layer tells it, its title, and the code list it is of."""
    none: list[Any] = [None] * len(frame)
    way = role.trades
    other = scene.layers.get(way.layer) if way is not None else None
    if way is None or other is None:
        return none, [Text("", "")] * len(frame), ""
    trades = none
    for mine, theirs in way.by.items():
        pairs = other.frame[[theirs, way.column]].dropna().drop_duplicates()
        once = pairs.drop_duplicates(theirs, keep=False)  # one of several trades is no answer
        known = once.set_index(theirs)[way.column].to_dict()
        trades = [t if t is not None else known.get(v) for t, v in zip(trades, column_of(frame, mine), strict=True)]
    codes = other.spec.fields[way.column].codes or ""
    return trades, [scene.code_text(way.layer, way.column, trade) for trade in trades], codes

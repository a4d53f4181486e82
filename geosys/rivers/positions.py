"""The table of who stands where on the rivers, for people to look at: river wanted and chosen, distance, bank, other choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_network import Network
    from geosys.geo.waterway import Stops
    from geosys.layers.intake import Layer

POSITIONS = (
    "layer", "feature_id", "name", "river_wanted", "river_chosen", "line", "along_m", "distance_m", "bank", "km_above_end",
    "is_doubtful", "is_chosen_by_user", "reason_zh", "reason_en", "alternatives", "x", "y",
)  # fmt: skip
BANKS = ("左岸", "", "右岸")
PICKED = "用户指定"


def position_rows(
    layer: Layer | None,
    stops: Stops | None,
    network: Network,
    lines: NDArray[np.object_],
    below: NDArray[np.float64],
    alternatives: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return one row for each stop of a layer, columns `POSITIONS`; no row without a layer.

    Parameters
    ----------
    lines
        The feature id of each input line.
    below
        As of `geosys.geo.waterway.length_below`: `km_above_end` is kilometres to the lower end of the river as drawn.
    alternatives
        As of `geosys.geo.river_snapping.Snaps`.

    Returns
    -------
    `distance_m` is from the river, `along_m` from the upstream end of the reach, `x` and `y` of the plan's plane are where
    the feature stands on the river (its own place where it has none).
    """
    if layer is None or stops is None:
        return pd.DataFrame(columns=list(POSITIONS), dtype=object)
    frame, spec = layer.frame, layer.spec
    keys, on = spec.on_river, stops.reach >= 0
    reach, at = stops.reach[on], stops.feature
    result = pd.DataFrame(
        {"layer": np.full(len(at), spec.id, dtype=object), "feature_id": _texts(frame["feature_id"], at)}
    )
    result["name"] = _texts(frame[spec.name], at) if spec.name else ""
    result["river_wanted"] = _texts(frame[keys.name], at) if keys is not None and keys.name else ""
    result[["river_chosen", "line"]] = ""
    result.loc[on, "river_chosen"], result.loc[on, "line"] = network.river[reach], lines[network.source[reach]]
    result["along_m"], result["distance_m"] = stops.along_m, np.abs(stops.offset_m)
    sign = np.sign(np.nan_to_num(stops.offset_m)).astype(np.int64)
    result["bank"] = np.array(BANKS, dtype=object)[sign + 1]
    result["km_above_end"] = np.nan
    result.loc[on, "km_above_end"] = (below[reach] + network.length_m[reach] - stops.along_m[on]) / 1000.0
    result["is_doubtful"] = stops.is_doubtful
    result["is_chosen_by_user"] = [str(why).startswith(PICKED) for why in stops.reason_zh]
    result["reason_zh"], result["reason_en"] = stops.reason_zh, stops.reason_en
    result["alternatives"] = _others(alternatives, lines).reindex(at).fillna("").to_numpy()
    place = shapely.centroid(frame.geometry.to_numpy()[at])
    share = np.clip(stops.along_m[on] / np.maximum(network.length_m[reach], np.finfo(float).tiny), 0.0, 1.0)
    place[on] = shapely.line_interpolate_point(network.lines[reach], share, normalized=True)
    result["x"], result["y"] = shapely.get_x(place), shapely.get_y(place)
    return result[list(POSITIONS)]


def _texts(column: pd.Series, at: NDArray[np.int64]) -> NDArray[np.object_]:
    values = column.astype(object).where(column.notna(), "").astype(str).to_numpy(dtype=object)
    return np.asarray(values[at], dtype=object)


def _others(alternatives: pd.DataFrame | None, lines: NDArray[np.object_]) -> pd.Series:
    """Return for each point the other rivers it may be on, nearest choice first, as one text."""
    if alternatives is None or not len(alternatives):
        return pd.Series(dtype=object)
    rest = alternatives[alternatives["rank"] > 1]
    told = [
        f"{river or '—'}（{lines[source]}，{away:.0f} m）"
        for river, source, away in zip(rest["river_name"], rest["source"], rest["distance_m"], strict=True)
    ]
    return pd.Series(told, index=rest["point"].to_numpy(), dtype=object).groupby(level=0).agg("；".join)

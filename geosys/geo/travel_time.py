"""Travel time along rivers: the earliest that water can be somewhere, and only where no unknown speed could make it earlier."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys.geo.flat.streams import ROUNDING_M
from geosys.geo.river_distance import met
from geosys.geo.river_flow import Flow, Places, walked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_flow import OnRiver
    from geosys.geo.river_network import Network

HOUR_S = 3600.0


def target_hours(
    network: Network,
    sources: OnRiver,
    targets: OnRiver,
    found: pd.DataFrame,
    speed: NDArray[np.float64],
    undirected: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    """Return hours to earliest arrival for pairs of source and position."""
    hours = np.full(len(found), np.nan)
    known = found["is_path_known"].to_numpy()
    for both_ways in (False, True) if not known.all() else (False,):
        answers = []
        for taken in _speeds(speed):
            flow = _in_time(Flow.of(network, undirected, both_ways), taken)
            pairs = met(flow, flow.downstream(), _in_seconds(sources, taken), _in_seconds(targets, taken), np.inf)
            times = pd.Series(pairs[2], index=pd.MultiIndex.from_arrays(pairs[:2]))
            answers.append(times.reindex(pd.MultiIndex.from_frame(found[["source", "position"]])).to_numpy())
        hours = np.where(known != both_ways, _agreed(answers), hours)
    return np.where(found["distance_m"] == 0, 0.0, hours)  # at one place no speed is needed


def reach_hours(
    network: Network,
    sources: OnRiver,
    reaches: pd.DataFrame,
    speed: NDArray[np.float64],
    undirected: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    """Return hours to earliest arrival at the lower end of stretches."""
    key = ["source", "reach", "is_own"]
    wanted = pd.MultiIndex.from_frame(reaches.assign(is_own=reaches["next"] < 0)[key])
    within = (reaches["to_m"] - reaches["from_m"]).to_numpy() / speed[reaches["reach"].to_numpy()]
    answers = []
    for taken in _speeds(speed):
        flow = _in_time(Flow.of(network, undirected), taken)
        times = walked(flow, _in_seconds(sources, taken), np.inf, False)
        # a ring at the source's node is begun at both its ends
        begun = times.assign(is_own=times["next"] < 0).groupby(key)["near_m"].min()
        answers.append(begun.reindex(wanted).to_numpy() + within)
    return _agreed(answers)


def _speeds(speed: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the speeds, and where some are not known also with those without limit: nothing is earlier."""
    return [speed, np.where(np.isnan(speed), np.inf, speed)] if np.isnan(speed).any() else [speed]


def _agreed(answers: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return seconds as hours where no unknown speed can make them fewer."""
    sure = answers[0] <= answers[-1] * (1.0 + 1e-9) + ROUNDING_M
    return np.where(sure, answers[0], np.nan) / HOUR_S


def _in_time(flow: Flow, speed: NDArray[np.float64]) -> Flow:
    """Return the ways with seconds for metres; a reach without a speed passes nothing."""
    taken = speed[flow.reach]
    return replace(flow, length=np.nan_to_num(flow.length / taken, nan=0.0), is_shut=flow.is_shut | np.isnan(taken))


def _in_seconds(snaps: OnRiver, speed: NDArray[np.float64]) -> OnRiver:
    """Return places with seconds for metres from the reach's upstream end."""
    return Places(snaps.reach, snaps.along_m / speed[np.maximum(snaps.reach, 0)], snaps.offset_m)

"""What is in doubt along a river: features on no river, on a shut reach or on one that may be another; and whom that concerns.

Where an object stands nowhere for sure, all within the straight distance of its reach need review, as no channel is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.cases.doubt import NONE_FOUND
from geosys.geo.pair_table import HIT, NEAR, Sides, in_plane
from geosys.geo.river_distance import NO_RIVER, SHUT
from geosys.geo.river_flow import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.cases.doubt import Objects
    from geosys.cases.rules import Rule
    from geosys.geo.pair_table import Terms
    from geosys.geo.river_network import Network
    from geosys.geo.waterway import Stops

FAR_M = 2e7  # half around the Earth: no limit
BESIDE_M = 500.0  # how far a feature may stand beside its river: straight distances are taken between features
UNKNOWN_WAY = Text("河段流向不明，上下游无法确定", "which way the river runs there is not known")
DOUBTFUL_STOP = Text("所在河流待核", "which river it stands on is to be verified")


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold where some features stand: `owner` (position of the feature) of each place, and what is in doubt about them.

    `open_zh` and `open_en` say for each feature why its river is not sure, empty where it is.
    """

    owner: NDArray[np.int64]
    places: Places
    open_zh: NDArray[np.object_]
    open_en: NDArray[np.object_]

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """Return for each feature whether its river is in doubt."""
        return np.asarray(self.open_zh != "", dtype=bool)


def reach_m(rule: Rule) -> float:
    """Return how far apart in a straight line on the ground a subject and an object of a rule can be at most."""
    settings = rule.settings
    if rule.relation == "corridor":
        return float(max(settings["up_m"], settings["down_m"]) + settings["offset_m"])
    return float(settings.get("within_m", FAR_M)) + 2.0 * BESIDE_M


def standing_of(stops: Stops, features: Objects, network: Network) -> Standing:
    """Return where features stand; those without a place, on a shut reach or with a doubtful choice are open."""
    size = len(features.place)
    row = pd.Series(np.arange(size), index=features.place).reindex(stops.feature).fillna(NONE_FOUND).to_numpy(np.int64)
    is_here = (row >= 0) & (stops.reach >= 0) & np.isfinite(stops.along_m)
    on = np.flatnonzero(is_here)
    owner, reach = row[on], stops.reach[on].astype(np.int64)
    is_shut = np.asarray(network.blocked, dtype=bool)[reach]
    open_zh, open_en = (np.full(size, text, dtype=object) for text in (NO_RIVER.zh, NO_RIVER.en))
    open_zh[owner], open_en[owner] = SHUT.zh, SHUT.en
    flows = owner[~is_shut]
    open_zh[flows], open_en[flows] = "", ""
    is_lost = np.asarray(open_zh != "", dtype=bool)
    doubtful = on[np.asarray(stops.is_doubtful, dtype=bool)[on]]
    doubtful = doubtful[~is_lost[row[doubtful]]]
    for texts, reason, default in (
        (open_zh, stops.reason_zh, DOUBTFUL_STOP.zh),
        (open_en, stops.reason_en, DOUBTFUL_STOP.en),
    ):
        texts[row[doubtful]] = [f"{default}（{why}）" if why else default for why in reason[doubtful].tolist()]
    places = Places(reach, np.asarray(stops.along_m)[on], np.asarray(stops.offset_m)[on])
    return Standing(owner, places, open_zh, open_en)


def reasons_of(
    known: NDArray[np.bool_], *ends: tuple[Standing, NDArray[np.int64]]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return for each pair why it is in doubt, in both languages: the way first, then the ends."""
    zh, en = (np.where(known, "", text).astype(object) for text in (UNKNOWN_WAY.zh, UNKNOWN_WAY.en))
    for standing, row in ends:
        zh = np.where(zh == "", standing.open_zh[row], zh)
        en = np.where(en == "", standing.open_en[row], en)
    return zh, en


def with_open_objects(
    pairs: pd.DataFrame, subjects: Objects, objects: Objects, theirs: Standing, reach: float, terms: Terms
) -> pd.DataFrame:
    """Add the subjects within reach of objects whose river is in doubt, where no sure hit is known of them."""
    some = np.flatnonzero(theirs.is_open)
    left, right = around(subjects.shapes, objects.shapes[some], reach, terms)
    other = some[right]
    told = set(zip(pairs["subject"], pairs["object"], strict=True))
    sure = np.unique(pairs["subject"][(pairs["state"] == HIT) & ~pairs["doubtful"]])
    new = ~np.isin(left, sure) & np.array([pair not in told for pair in zip(left, other, strict=True)], dtype=bool)
    return _with_rows(pairs, left[new], other[new], theirs.open_zh[other[new]], theirs.open_en[other[new]])


def with_open_subjects(
    pairs: pd.DataFrame, subjects: Objects, objects: Objects, ours: Standing, reach: float, terms: Terms
) -> pd.DataFrame:
    """Add the subjects whose own river is in doubt and that have an object in reach, unless a pair tells of it."""
    some = np.flatnonzero(ours.is_open)
    left, _ = around(subjects.shapes[some], objects.shapes, reach, terms)
    row = np.setdiff1d(some[np.unique(left)], pairs["subject"].to_numpy(dtype=np.int64))
    return _with_rows(pairs, row, np.full(len(row), NONE_FOUND), ours.open_zh[row], ours.open_en[row])


def _with_rows(
    pairs: pd.DataFrame, left: NDArray[np.int64], right: NDArray[np.int64], zh: NDArray[np.object_], en: NDArray[np.object_]
) -> pd.DataFrame:  # fmt: skip
    if not len(left):
        return pairs
    more = pd.DataFrame(
        {"subject": left, "object": right, "state": NEAR, "is_near": False, "margin": np.nan, "river_m": np.nan,
         "doubtful": True, "why_zh": zh, "why_en": en}
    )  # fmt: skip
    return more if pairs.empty else pd.concat([pairs, more], ignore_index=True)


def around(
    one: NDArray[np.object_], two: NDArray[np.object_], reach: float, terms: Terms
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs within a straight distance on the ground."""
    if not len(one) or not len(two):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    plane = in_plane(reach + terms.near_m, Sides(one, two), terms.crs)
    left, right = shapely.STRtree(two).query(one, predicate="dwithin", distance=plane)
    return left, right

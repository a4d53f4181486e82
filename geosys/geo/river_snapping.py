"""Points put onto the right river, by distance, name and side of the bank, with every choice shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys._errors import SpecError
from geosys._text import Text
from geosys.geo.river_feet import feet, near_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_network import Network

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

CLOSE_CALL = 1.5  # a second choice as good otherwise, at less than so many times the distance, leaves a doubt
LEAST_DOUBT_M = 10.0
ROUNDING_M = 1e-6  # a point on a line is measured some 1e-14 m from it: so much more than the limit is within it
SIDES = {"left": -1, "左": -1, "左岸": -1, "l": -1, "right": 1, "右": 1, "右岸": 1, "r": 1, "": 0}
_NAME = {
    1: Text("河名相符", "name agrees"),
    0: Text("河名无从比较", "names cannot be compared"),
    -1: Text("河名不符", "name differs"),
}
_PICKED = {True: Text("用户指定", "chosen by the user"), False: Text("", "")}
_SIDE = {1: Text("岸别相符", "side agrees"), 0: Text("", ""), -1: Text("岸别不符", "other side")}


@dataclass(frozen=True, slots=True)
class Snaps:
    """Hold where points stand on a network; shapes (p,).

    `reach` is −1 for a point without a river; `along_m` is metres on the ground from the reach's upstream end; `offset_m`
    is metres beside it, negative on the left and positive on the right looking downstream. `is_doubtful` marks choices
    to be looked at, `reason_zh` and `reason_en` say why the choice fell so. `alternatives` has a row for each candidate,
    the best of a point with rank 1: `point`, `rank`, `reach`, `source`, `river_name`, `along_m`, `offset_m`, `distance_m`,
    `name_agrees` and `side_agrees` (1 yes, −1 no, 0 nothing to compare), `is_chosen`, `reason_zh`, `reason_en`.
    """

    reach: NDArray[np.int64]
    along_m: NDArray[np.float64]
    offset_m: NDArray[np.float64]
    is_doubtful: NDArray[np.bool_]
    reason_zh: NDArray[np.object_]
    reason_en: NDArray[np.object_]
    alternatives: pd.DataFrame


def snap(
    points: NDArray[np.object_] | NDArray[np.float64],
    network: Network,
    reach_m: float,
    names: NDArray[np.object_] | None = None,
    sides: NDArray[np.object_] | None = None,
    chosen: NDArray[np.int64] | None = None,
) -> Snaps:
    """Return where points stand on a network: a river of their name before others, then the right side, then the nearest.

    Parameters
    ----------
    points
        Points of the network's plane, or positions of shape (p, 2).
    network
        The network; its lines flow as drawn.
    reach_m
        How far from a river a point may be, in metres on the ground; the limit and a micrometre count.
    names
        The river each point is on as the table says, missing or empty where it does not.
    sides
        The bank each point is on: `left` or 左岸, `right` or 右岸, missing where unknown.
    chosen
        The row of the input line that the user chose for a point, −1 for none: it overrides all else, at any distance.

    Raises
    ------
    SpecError
        When names, sides or choices are not as many as the points, a side is no side, a chosen line has no reach in the
        network, the distance is none, or a shape is no point.
    """
    xy = _points(points)
    size = len(xy)
    if not reach_m >= 0:
        raise SpecError(f"snap: got a distance of {reach_m}, expected metres, 0 or more.")
    wanted = _wanted(names, size)
    bank, choice = _banks(sides, size), _choices(chosen, size, network)
    table = _ranked(_measured(xy, network, reach_m, choice), network, wanted, bank)
    return _snaps(table, network, wanted, reach_m, np.asarray(~np.isfinite(xy).all(axis=1)))


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hold pairs of point and reach: where on it, how far beside it, and how well it fits, shape (k,) each."""

    point: Ints
    reach: Ints
    along_m: Floats
    offset_m: Floats
    name_agrees: Ints
    side_agrees: Ints
    is_picked: NDArray[np.bool_]

    def take(self, which: Ints | NDArray[np.bool_]) -> Candidates:
        """Return some of the pairs."""
        return Candidates(
            self.point[which], self.reach[which], self.along_m[which], self.offset_m[which],
            self.name_agrees[which], self.side_agrees[which], self.is_picked[which],
        )  # fmt: skip


def _points(points: NDArray[np.object_] | NDArray[np.float64]) -> Floats:
    """Return positions, shape (p, 2), no numbers where there are none."""
    given = np.asarray(points)
    if given.dtype == object:
        there = ~(shapely.is_missing(given) | shapely.is_empty(given))
        strange = np.flatnonzero(there & (shapely.get_type_id(given) != shapely.GeometryType.POINT.value))
        if len(strange):
            raise SpecError(
                f"snap: got a {given[strange[0]].geom_type} in position {strange[0]}, expected points. Pass one of each shape."
            )
        xy = np.full((len(given), 2), np.nan)
        xy[there] = shapely.get_coordinates(given[there])
        return xy
    return np.asarray(given, dtype=np.float64).reshape(-1, 2)


def _plain(name: object) -> str:
    if name is None or (isinstance(name, float) and np.isnan(name)):
        return ""
    return re.sub(r"\s+", "", re.sub(r"#\d+$", "", str(name))).casefold()


def _wanted(names: NDArray[np.object_] | None, size: int) -> NDArray[np.object_]:
    if names is None:
        return np.full(size, "", dtype=object)
    _as_many(len(names), size, "names")
    return np.array([_plain(name) for name in names], dtype=object)


def _as_many(got: int, size: int, what: str) -> None:
    if got != size:
        raise SpecError(f"snap: got {got} {what} for {size} points, expected as many. Pass one for each point.")


def _banks(sides: NDArray[np.object_] | None, size: int) -> Ints:
    if sides is None:
        return np.zeros(size, dtype=np.int64)
    _as_many(len(sides), size, "sides")
    words = [_plain(side) for side in sides]
    strange = [word for word in words if word not in SIDES]
    if strange:
        raise SpecError(
            f"snap: got the side {strange[0]!r}, expected left, right, 左岸, 右岸 or nothing. Mend the table."
        )
    return np.array([SIDES[word] for word in words], dtype=np.int64)


def _choices(chosen: NDArray[np.int64] | None, size: int, network: Network) -> Ints:
    if chosen is None:
        return np.full(size, -1, dtype=np.int64)
    _as_many(len(chosen), size, "choices")
    choice = np.asarray(chosen, dtype=np.int64)
    lost = np.setdiff1d(choice[choice >= 0], network.source)
    if len(lost):
        raise SpecError(
            f"snap: got line row {lost[0]} as a choice, which has no reach in the network. Choose another line."
        )
    return choice


def _stretch(network: Network) -> Floats:
    """Return metres of the plane for a metre on the ground, by reach."""
    plane = shapely.length(network.lines)
    return np.asarray(np.divide(plane, network.length_m, out=np.ones(len(plane)), where=network.length_m > 0))


def _measured(xy: Floats, network: Network, reach_m: float, choice: Ints) -> Candidates:
    """Return all reaches within reach of each point, and the reaches of the chosen lines at any distance."""
    stretch = _stretch(network)
    point, reach = near_lines(xy, network.lines, reach_m * float(np.max(stretch, initial=1.0)))
    is_picked = network.source[reach] == choice[point]
    if (choice >= 0).any():
        order = np.argsort(network.source, kind="stable")
        picks = np.flatnonzero((choice >= 0) & np.isfinite(xy).all(axis=1))
        low = np.searchsorted(network.source[order], choice[picks])
        high = np.searchsorted(network.source[order], choice[picks], side="right")
        more = [order[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        point = np.concatenate([point[~is_picked], np.repeat(picks, high - low)])
        reach = np.concatenate([reach[~is_picked], *more])
        is_picked = np.arange(len(point)) >= np.count_nonzero(~is_picked)
    along, away, is_left = feet(xy, network.lines, point, reach)
    ground = 1.0 / stretch[reach]
    away *= ground
    nothing = np.zeros(len(point), dtype=np.int64)
    every = Candidates(point, reach, along * ground, np.where(is_left, -away, away), nothing, nothing, is_picked)
    return every.take(is_picked | (away <= reach_m + ROUNDING_M))


def _ranked(found: Candidates, network: Network, wanted: NDArray[np.object_], bank: Ints) -> Candidates:
    """Return the candidates of each point in order, the best first; one for each river, or each line without a name."""
    code, labels = pd.factorize(network.river[found.reach])
    if (wanted != "").any():
        river = np.array([*(_plain(name) for name in labels), ""], dtype=object)
        found = replace(found, name_agrees=_agreement(wanted[found.point], river[code]))
    if bank.any():
        found = replace(found, side_agrees=(bank[found.point] * np.sign(found.offset_m)).astype(np.int64))
    source = network.source[found.reach]
    keys = (
        found.reach, found.along_m, source, np.abs(found.offset_m), -found.side_agrees, -found.name_agrees, ~found.is_picked,
        found.point,
    )  # fmt: skip
    order = np.lexsort([key for key in keys if len(key) and (key != key[0]).any()] or [found.point])
    has_name = np.array([*(name != "" for name in labels), False], dtype=bool)[code]
    same = np.where(found.is_picked, 0, np.where(has_name, 1 + code, 1 + len(labels) + source))[order]
    first = np.unique(found.point[order] * (np.max(same, initial=0) + 1) + same, return_index=True)[1]
    return found.take(order[np.sort(first)])


def _agreement(wanted: NDArray[np.object_], river: NDArray[np.object_]) -> Ints:
    """Return 1 where names are the same, −1 where both are there and differ, 0 where there is nothing to compare."""
    both = (wanted != "") & (river != "")
    return np.where(both, np.where(wanted == river, 1, -1), 0).astype(np.int64)


def _reasons(found: Candidates) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the reason of each candidate's rank in Chinese and in English."""
    metres = np.rint(np.abs(found.offset_m)).astype(np.int64)
    kind = found.is_picked * 9 + (found.name_agrees + 1) * 3 + found.side_agrees + 1
    each, of = np.unique(metres * 18 + kind, return_inverse=True)
    told = []
    for language, comma, away in (("zh", "，", "距河 {} 米"), ("en", ", ", "{} m from the river")):
        texts = []
        for length, code in zip(*(part.tolist() for part in np.divmod(each, 18)), strict=True):
            words = (_PICKED[code >= 9], _NAME[code % 9 // 3 - 1], _SIDE[code % 3 - 1])  # noqa: PLR2004
            some = [word.in_language(language) for word in words]
            texts.append("".join(word + comma for word in some if word) + away.format(length))
        told.append(np.array(texts, dtype=object)[of.ravel()])
    return told[0], told[1]


def _snaps(
    found: Candidates, network: Network, wanted: NDArray[np.object_], reach_m: float, lost: NDArray[np.bool_]
) -> Snaps:
    size, away = len(lost), np.abs(found.offset_m)
    best = np.flatnonzero(np.diff(found.point, prepend=-1))
    rank = np.arange(len(away)) - np.repeat(best, np.diff(best, append=len(away))) + 1
    row = found.point[best]
    reach = np.full(size, -1, dtype=np.int64)
    along, offset = np.full(size, np.nan), np.full(size, np.nan)
    zh = np.full(size, f"{reach_m:.0f} 米内没有河流", dtype=object)
    en = np.full(size, f"no river within {reach_m:.0f} m", dtype=object)
    zh[lost], en[lost] = "没有坐标", "no position"
    reach[row], along[row], offset[row] = found.reach[best], found.along_m[best], found.offset_m[best]
    reason_zh, reason_en = _reasons(found)
    zh[row], en[row] = reason_zh[best], reason_en[best]
    doubt = np.zeros(size, dtype=bool)
    doubt[row] = _is_doubtful(found, best, wanted[row] != "")
    alternatives = pd.DataFrame({
        "point": found.point, "rank": rank, "reach": found.reach, "source": network.source[found.reach],
        "river_name": network.river[found.reach], "along_m": found.along_m, "offset_m": found.offset_m, "distance_m": away,
        "name_agrees": found.name_agrees, "side_agrees": found.side_agrees, "is_chosen": rank == 1,
        "reason_zh": reason_zh, "reason_en": reason_en,
    })  # fmt: skip
    return Snaps(reach, along, offset, doubt, zh, en, alternatives)


def _is_doubtful(found: Candidates, best: Ints, is_named: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which best candidates are to be looked at: they differ from the table, or the second is as good and as near."""
    away, name, side = np.abs(found.offset_m), found.name_agrees, found.side_agrees
    second = np.minimum(best + 1, max(len(away) - 1, 0))
    even = (found.point[second] == found.point[best]) & (second > best)
    even &= (name[second] == name[best]) & (side[second] == side[best])
    near = away[second] <= np.maximum(away[best] * CLOSE_CALL, away[best] + LEAST_DOUBT_M)
    # a name was given and no river of it is near
    strange = (name[best] < 0) | (side[best] < 0) | (is_named & (name[best] < 1))
    return np.asarray(~found.is_picked[best] & (strange | (even & near)), dtype=np.bool_)

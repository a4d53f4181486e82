"""Points put onto the right river, by distance, name and side of the bank, with every choice shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from shapely import STRtree

from geosys._errors import SpecError
from geosys._text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_network import Network

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

CLOSE_CALL = 1.5  # a second choice as good otherwise, at less than so many times the distance, leaves a doubt
LEAST_DOUBT_M = 10.0
SIDES = {"left": -1, "左": -1, "左岸": -1, "l": -1, "right": 1, "右": 1, "右岸": 1, "r": 1, "": 0}
ALTERNATIVES = (
    "point", "rank", "reach", "source", "river_name", "along_m", "offset_m", "distance_m", "name_agrees", "side_agrees",
    "is_chosen", "reason_zh", "reason_en",
)  # fmt: skip
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
    to be looked at, `reason_zh` and `reason_en` say why the choice fell so. `alternatives` has a row for each candidate
    (columns `ALTERNATIVES`), the best of a point with rank 1.
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
        How far from a river a point may be, in metres on the ground.
    names
        The river each point is on as the table says, missing or empty where it does not.
    sides
        The bank each point is on: `left` or 左岸, `right` or 右岸, missing where unknown.
    chosen
        The row of the input line that the user chose for a point, −1 for none: it overrides all else, at any distance.

    Raises
    ------
    SpecError
        When names, sides or choices are not as many as the points, a side is no side, or a chosen line has no reach.
    """
    shapes = _points(points)
    size = len(shapes)
    wanted = _wanted(names, size)
    bank, choice = _banks(sides, size), _choices(chosen, size, network)
    point, reach = _candidates(shapes, network, reach_m, choice)
    table = _measured(shapes, network, point, reach)
    code, labels = pd.factorize(network.river[reach])
    river = np.array([*(_plain(name) for name in labels), ""], dtype=object)
    table["name_agrees"] = _agreement(wanted[point], river[code])
    table["side_agrees"] = np.sign(bank[point] * np.sign(table["offset_m"].to_numpy())).astype(np.int64)
    table["picked"] = table["source"].to_numpy() == choice[point]
    table = table[table["picked"] | (table["distance_m"] <= reach_m)]
    keys = ["point", "picked", "name_agrees", "side_agrees", "distance_m", "source", "along_m"]
    table = table.sort_values(keys, ascending=[True, False, False, False, True, True, True], kind="stable")
    # one candidate for each river, or for each line without a name
    same = np.where(table["river_name"] != "", table["river_name"], "\0" + table["source"].astype(str))
    same = np.where(table["picked"], "\0" + same, same)
    table = table[~pd.DataFrame({"point": table["point"], "same": same}).duplicated().to_numpy()]
    table["rank"] = table.groupby("point").cumcount() + 1
    table["is_chosen"] = table["rank"] == 1
    return _snaps(_explained(table), wanted, reach_m, shapely.is_missing(shapes) | shapely.is_empty(shapes))


def _points(points: NDArray[np.object_] | NDArray[np.float64]) -> NDArray[np.object_]:
    given = np.asarray(points)
    if given.dtype == object:
        return np.asarray(given, dtype=object)
    shapes = np.asarray(shapely.points(given.reshape(-1, 2)), dtype=object)
    shapes[~np.isfinite(given.reshape(-1, 2)).all(axis=1)] = None
    return shapes


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


def _candidates(shapes: NDArray[np.object_], network: Network, reach_m: float, choice: Ints) -> tuple[Ints, Ints]:
    """Return pairs of point and reach: all within reach, and the reaches of the chosen lines."""
    widest = float(np.max(_stretch(network), initial=1.0))
    point, reach = STRtree(network.lines).query(shapes, predicate="dwithin", distance=reach_m * widest * 1.001)
    order = np.argsort(network.source, kind="stable")
    picks = np.flatnonzero(choice >= 0)
    low = np.searchsorted(network.source[order], choice[picks])
    high = np.searchsorted(network.source[order], choice[picks], side="right")
    more = [order[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    point = np.concatenate([point, np.repeat(picks, high - low)])
    reach = np.concatenate([reach, *more]) if more else reach
    pairs = np.unique(np.column_stack([point, reach]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _stretch(network: Network) -> Floats:
    """Return metres of the plane for a metre on the ground, by reach."""
    plane = shapely.length(network.lines)
    return np.asarray(np.divide(plane, network.length_m, out=np.ones(len(plane)), where=network.length_m > 0))


def _measured(shapes: NDArray[np.object_], network: Network, point: Ints, reach: Ints) -> pd.DataFrame:
    lines, ground = network.lines[reach], 1.0 / _stretch(network)[reach]
    along = shapely.line_locate_point(lines, shapes[point])
    length = shapely.length(lines)
    step = np.minimum(0.5, length / 4)
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(along - step, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.minimum(along + step, length)))
    foot = shapely.get_coordinates(shapely.line_interpolate_point(lines, along))
    flow, out = after - before, shapely.get_coordinates(shapes[point]) - foot
    left = flow[:, 0] * out[:, 1] - flow[:, 1] * out[:, 0] > 0
    away = np.hypot(*out.T) * ground
    return pd.DataFrame({
        "point": point, "reach": reach, "source": network.source[reach], "river_name": network.river[reach],
        "along_m": along * ground, "offset_m": np.where(left, -away, away), "distance_m": away,
    })  # fmt: skip


def _agreement(wanted: NDArray[np.object_], river: NDArray[np.object_]) -> Ints:
    """Return 1 where names are the same, −1 where both are there and differ, 0 where there is nothing to compare."""
    both = (wanted != "") & (river != "")
    return np.where(both, np.where(wanted == river, 1, -1), 0).astype(np.int64)


def _explained(table: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates with the reason of their rank in both languages."""
    keys = list(
        zip(table["picked"].tolist(), table["name_agrees"].tolist(), table["side_agrees"].tolist(), strict=True)
    )
    away = table["distance_m"].tolist()
    for language, comma, metres in (("zh", "，", "距河 {:.0f} 米"), ("en", ", ", "{:.0f} m from the river")):
        words = {
            key: [text.in_language(language) for text in (_PICKED[key[0]], _NAME[key[1]], _SIDE[key[2]])]
            for key in set(keys)
        }
        before = {key: "".join(word + comma for word in some if word) for key, some in words.items()}
        table[f"reason_{language}"] = [before[key] + metres.format(one) for key, one in zip(keys, away, strict=True)]
    return table


def _snaps(table: pd.DataFrame, wanted: NDArray[np.object_], reach_m: float, lost: NDArray[np.bool_]) -> Snaps:
    size = len(lost)
    best, second = table[table["rank"] == 1], table[table["rank"] == 2]  # noqa: PLR2004
    row = best["point"].to_numpy()
    reach = np.full(size, -1, dtype=np.int64)
    along, offset = np.full(size, np.nan), np.full(size, np.nan)
    doubt = np.zeros(size, dtype=bool)
    zh = np.full(size, f"{reach_m:.0f} 米内没有河流", dtype=object)
    en = np.full(size, f"no river within {reach_m:.0f} m", dtype=object)
    zh[lost], en[lost] = "没有坐标", "no position"
    reach[row], along[row], offset[row] = best["reach"], best["along_m"], best["offset_m"]
    zh[row], en[row] = best["reason_zh"], best["reason_en"]
    doubt[row] = ~best["picked"] & ((best["name_agrees"] < 0) | (best["side_agrees"] < 0))
    pair = best.merge(second, on="point", suffixes=("", "_2"))
    even = (pair["name_agrees"] == pair["name_agrees_2"]) & (pair["side_agrees"] == pair["side_agrees_2"])
    near = pair["distance_m_2"] <= np.maximum(pair["distance_m"] * CLOSE_CALL, pair["distance_m"] + LEAST_DOUBT_M)
    doubt[pair.loc[even & near & ~pair["picked"], "point"].to_numpy()] = True
    strange = (best["name_agrees"] < 1).to_numpy() & ~best["picked"].to_numpy()
    doubt[row[strange & (wanted[row] != "")]] = True  # a name was given and no river of it is near
    return Snaps(reach, along, offset, doubt, zh, en, table[list(ALTERNATIVES)].reset_index(drop=True))

"""Who stands where on the rivers of one layer: points on their river, areas where rivers cross their border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from shapely import STRtree

from geosys._text import Text
from geosys.geo.river_patterns import components

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys.geo.river_network import Network, Snaps

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NODE_M = 1e-3  # places so near to a reach's end are at its node
CLOSE_CALL = 1.5  # another river at less than so many times the distance leaves a doubt
LEAST_DOUBT_M = 10.0
LEAST_PARTINGS, PARTINGS_SHARE = 5, 2.0
CROSSES = Text("河流穿过其边界", "a river crosses its border")
RISES = Text("河源在其范围内", "a river rises inside it")
OUTSIDE = Text(
    "没有河流穿过，取最近处，距河 {:.0f} 米", "no river crosses it: the nearest place, {:.0f} m from the river"
)
PICKED = Text("用户指定，", "chosen by the user, ")
NO_RIVER = Text("{:.0f} 米内没有河流", "no river within {:.0f} m")
NO_PLACE = Text("没有坐标", "no position")


@dataclass(frozen=True, slots=True)
class Stops:
    """Hold where the features of one layer stand on a network, sorted by feature; an area may stand at several places.

    All have shape (p,). `feature` is the position in the layer's frame; `reach` is −1 for one without a river; `along_m`
    is metres on the ground from the reach's upstream end; `offset_m` is metres beside it, negative on the left looking
    downstream. `is_doubtful` marks choices to be looked at, `reason_zh` and `reason_en` say why the choice fell so.
    """

    feature: NDArray[np.int64]
    reach: NDArray[np.int64]
    along_m: NDArray[np.float64]
    offset_m: NDArray[np.float64]
    is_doubtful: NDArray[np.bool_]
    reason_zh: NDArray[np.object_]
    reason_en: NDArray[np.object_]

    def of(self, features: Ints) -> Stops:
        """Return the stops of some features only, in their order here."""
        keep = np.isin(self.feature, features)
        return Stops(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Waterway:
    """Hold one river layer's network, in the metric plane `crs`, and who stands where on it, by layer id."""

    layer: str
    network: Network
    stops: Mapping[str, Stops]
    crs: str


def point_stops(snaps: Snaps) -> Stops:
    """Return the stops of a layer of points, one each, as they were snapped."""
    return Stops(
        np.arange(len(snaps.reach)), snaps.reach, snaps.along_m, snaps.offset_m, snaps.is_doubtful, snaps.reason_zh,
        snaps.reason_en,
    )  # fmt: skip


def area_stops(
    areas: NDArray[np.object_], network: Network, reach_m: float, chosen: NDArray[np.int64] | None = None
) -> Stops:
    """Return where rivers enter and leave areas, and where they rise inside; the nearest place where none is near enough.

    Parameters
    ----------
    areas
        Polygons of the network's plane, shape (n,); missing ones have no river.
    network
        The network, in flow direction.
    reach_m
        How far from a river an area may be that none touches, in metres on the ground.
    chosen
        The row of the input line that the user chose for an area, −1 for none: only that line counts, at any distance.

    Returns
    -------
    A stop for each place where the border meets a river (one for each node, by the reach that ends there where there is
    one), and for each river that rises inside. An area that is only near stands at the nearest place of the nearest river,
    in doubt where another river is about as near.
    """
    choice = np.full(len(areas), -1, dtype=np.int64) if chosen is None else np.asarray(chosen, dtype=np.int64)
    there = ~shapely.is_missing(areas) & ~shapely.is_empty(areas)
    area, reach = STRtree(network.lines).query(areas, predicate="intersects") if len(areas) else (choice, choice)
    mine = (choice[area] < 0) | (network.source[reach] == choice[area])
    area, reach = area[mine], reach[mine]
    table = pd.concat([_crossings(areas, network, area, reach), _springs(areas, network, area, reach)])
    lonely = np.setdiff1d(np.flatnonzero(there), table["feature"])
    table = pd.concat([_once(table, network), _nearest(areas, network, lonely, reach_m, choice)])
    rest = np.setdiff1d(np.arange(len(areas)), table["feature"])
    table = pd.concat([table, _without(rest, there[rest], reach_m)]).sort_values(
        ["feature", "reach", "along_m"], kind="stable"
    )
    picked = choice[table["feature"].to_numpy(dtype=np.int64)] >= 0
    words = [np.where(picked & (table["reach"] >= 0), one, "") + table[f"reason_{name}"].to_numpy(dtype=object)
             for name, one in (("zh", PICKED.zh), ("en", PICKED.en))]  # fmt: skip
    return Stops(
        table["feature"].to_numpy(dtype=np.int64), table["reach"].to_numpy(dtype=np.int64),
        table["along_m"].to_numpy(dtype=np.float64), table["offset_m"].to_numpy(dtype=np.float64),
        table["is_doubtful"].to_numpy(dtype=bool), *(np.asarray(word, dtype=object) for word in words),
    )  # fmt: skip


def length_below(network: Network) -> Floats:
    """Return metres from each reach's lower end to the end of the river of its name, NaN where that cannot be told.

    A reach without a name, one that goes on as several of its name, or as one whose direction nobody settled, is not told.
    """
    count = len(network.reach_from)
    names = network.river.astype(str)
    sure = (names != "") & ~network.unsettled
    code = np.unique(names, return_inverse=True)[1].ravel()
    order = np.argsort(network.reach_from, kind="stable")
    low = np.searchsorted(network.reach_from[order], network.reach_to)
    high = np.searchsorted(network.reach_from[order], network.reach_to, side="right")
    size = high - low
    owner = np.repeat(np.arange(count), size)
    after = order[np.repeat(low - np.r_[0, np.cumsum(size)[:-1]], size) + np.arange(size.sum())] if count else owner
    same = code[owner] == code[after]
    many = np.bincount(owner[same], minlength=count)
    following = np.full(count, -1, dtype=np.int64)
    following[owner[same]] = after[same]
    result = np.where(sure & (many == 0), 0.0, np.nan)
    bottom = np.flatnonzero(sure & (many == 0))
    ways = np.flatnonzero(sure & (many == 1))
    into = ways[np.argsort(following[ways], kind="stable")]
    while len(bottom):  # from the lower ends up, a generation of reaches at a time
        begin, stop = (np.searchsorted(following[into], bottom, side=side) for side in ("left", "right"))
        wide = stop - begin
        above = into[np.repeat(begin - np.r_[0, np.cumsum(wide)[:-1]], wide) + np.arange(wide.sum())]
        result[above] = (result + network.length_m)[following[above]]
        bottom = above
    return result


def looks_drawn_upstream(network: Network) -> NDArray[np.bool_]:
    """Return for each reach whether the waters it is connected with look as if they were drawn against the flow.

    Natural waters meet far more often than they part. Where at least `LEAST_PARTINGS` nodes of connected natural reaches
    pass one reach on into several, and those are more than `PARTINGS_SHARE` times the nodes where several become one, the
    lines were most probably drawn from the mouth up. Source: our own reading of real layers (the Rur's is drawn so).
    """
    nodes, natural = len(network.node_xy), ~network.is_canal
    into = np.bincount(network.reach_to[natural], minlength=nodes)
    out = np.bincount(network.reach_from[natural], minlength=nodes)
    group = components(nodes, network.reach_from, network.reach_to)
    parting = np.bincount(group[(into == 1) & (out > 1)], minlength=nodes)
    meeting = np.bincount(group[(into > 1) & (out == 1)], minlength=nodes)
    strange = (parting >= LEAST_PARTINGS) & (parting > PARTINGS_SHARE * meeting)
    return np.asarray(strange[group[network.reach_from]], dtype=np.bool_)


def _ground(network: Network, reach: Ints) -> Floats:
    """Return metres on the ground for a metre of the plane, by reach."""
    plane = shapely.length(network.lines[reach])
    return np.asarray(np.divide(network.length_m[reach], plane, out=np.ones(len(plane)), where=plane > 0))


def _crossings(areas: NDArray[np.object_], network: Network, area: Ints, reach: Ints) -> pd.DataFrame:
    """Return the places where reaches meet borders; where one runs along a border, the ends of that stretch."""
    met = shapely.intersection(network.lines[reach], shapely.boundary(areas[area]))
    parts, pair = shapely.get_parts(met, return_index=True)
    there = ~shapely.is_empty(parts)
    parts, pair = parts[there], pair[there]
    is_line = shapely.get_dimensions(parts) == 1
    ends = [shapely.get_point(parts[is_line], at) for at in (0, -1)]
    points = np.concatenate([parts[~is_line], *ends])
    pair = np.concatenate([pair[~is_line], pair[is_line], pair[is_line]])
    along = shapely.line_locate_point(network.lines[reach[pair]], points) * _ground(network, reach[pair])
    return _table(area[pair], reach[pair], along, CROSSES)


def _springs(areas: NDArray[np.object_], network: Network, area: Ints, reach: Ints) -> pd.DataFrame:
    """Return the upstream ends, inside an area, of reaches that no other feeds."""
    is_fed = np.zeros(len(network.node_xy), dtype=bool)
    is_fed[network.reach_to] = True
    free = ~is_fed[network.reach_from[reach]]
    area, reach = area[free], reach[free]
    inside = shapely.contains_properly(areas[area], shapely.points(network.node_xy[network.reach_from[reach]]))
    return _table(area[inside], reach[inside], np.zeros(int(inside.sum())), RISES)


def _once(table: pd.DataFrame, network: Network) -> pd.DataFrame:
    """Return one of all stops of an area at the same place, the one on the reach that ends there before the others."""
    reach, along = table["reach"].to_numpy(dtype=np.int64), table["along_m"].to_numpy(dtype=np.float64)
    ends, begins = along >= network.length_m[reach] - NODE_M, along <= NODE_M
    node = np.where(ends, network.reach_to[reach], np.where(begins, network.reach_from[reach], -1))
    inner = -2 - reach * 10**7 - np.round(along / NODE_M).astype(np.int64) % 10**7
    key = np.where(node >= 0, node, inner)
    table = table.assign(place=key, begins=~ends).sort_values(["feature", "place", "begins", "reach"], kind="stable")
    return table.drop_duplicates(["feature", "place"]).drop(columns=["place", "begins"])


def _nearest(areas: NDArray[np.object_], network: Network, lonely: Ints, reach_m: float, choice: Ints) -> pd.DataFrame:
    """Return the nearest place on a river for each of some areas that has one within reach."""
    if not len(lonely) or not len(network.lines):
        return _table(lonely[:0], lonely[:0], np.zeros(0), RISES)
    tree, widest = STRtree(network.lines), 1.0 / _ground(network, np.arange(len(network.lines))).min()
    k, reach = tree.query(areas[lonely], predicate="dwithin", distance=reach_m * widest * 1.001)
    free = choice[lonely[k]] < 0
    k, reach = k[free], reach[free]
    for at in np.flatnonzero(choice[lonely] >= 0).tolist():
        more = np.flatnonzero(network.source == choice[lonely[at]])
        k, reach = np.append(k, np.full(len(more), at)), np.append(reach, more)
    area = lonely[k]
    away = shapely.distance(areas[area], network.lines[reach]) * _ground(network, reach)
    near = (away <= reach_m) | (choice[area] >= 0)
    area, reach, away = area[near], reach[near], away[near]
    order = np.lexsort((reach, away, area))
    area, reach, away = area[order], reach[order], away[order]
    first = np.flatnonzero(np.diff(area, prepend=-1) != 0)
    river = np.unique(np.where(network.river[reach] != "", network.river[reach], network.source[reach]).astype(str),
                      return_inverse=True)[1].ravel()  # fmt: skip
    best = np.repeat(first, np.diff(np.append(first, len(area))))
    rival = (river != river[best]) & (away <= np.maximum(away[best] * CLOSE_CALL, away[best] + LEAST_DOUBT_M))
    doubt = np.isin(area[first], area[rival & (choice[area] < 0)])
    area, reach, away = area[first], reach[first], away[first]
    link = shapely.shortest_line(network.lines[reach], areas[area])
    foot = shapely.get_point(link, 0)
    along = shapely.line_locate_point(network.lines[reach], foot)
    side = _side(network.lines[reach], along, link)
    table = _table(area, reach, along * _ground(network, reach), OUTSIDE)
    texts = {name: [told.format(metres) for metres in away.tolist()]
             for name, told in (("reason_zh", OUTSIDE.zh), ("reason_en", OUTSIDE.en))}  # fmt: skip
    return table.assign(offset_m=np.where(side > 0, -away, away), is_doubtful=doubt, **texts)


def _side(lines: NDArray[np.object_], along: Floats, links: NDArray[np.object_]) -> Floats:
    """Return a number above 0 where a link from a line leads to its left."""
    step = np.minimum(0.5, shapely.length(lines) / 4)
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(along + d, 0.0)))
        for d in (-step, step)
    ]
    flow = ends[1] - ends[0]
    out = shapely.get_coordinates(shapely.get_point(links, -1)) - shapely.get_coordinates(shapely.get_point(links, 0))
    return np.asarray(flow[:, 0] * out[:, 1] - flow[:, 1] * out[:, 0])


def _without(rest: Ints, there: NDArray[np.bool_], reach_m: float) -> pd.DataFrame:
    table = _table(rest, np.full(len(rest), -1), np.full(len(rest), np.nan), NO_RIVER)
    texts = {
        f"reason_{name}": np.where(there, NO_RIVER.in_language(name).format(reach_m), NO_PLACE.in_language(name))
        for name in ("zh", "en")
    }
    return table.assign(offset_m=np.nan, **texts)


def _table(feature: Ints, reach: Ints, along: Floats, why: Text) -> pd.DataFrame:
    size = len(feature)
    return pd.DataFrame(
        {
            "feature": np.asarray(feature, dtype=np.int64), "reach": np.asarray(reach, dtype=np.int64), "along_m": along,
            "offset_m": np.zeros(size), "is_doubtful": np.zeros(size, dtype=bool),
            "reason_zh": np.full(size, why.zh, dtype=object), "reason_en": np.full(size, why.en, dtype=object),
        }
    )  # fmt: skip

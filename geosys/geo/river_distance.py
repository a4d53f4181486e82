"""Distances along rivers: who lies up or down whom, by the shortest channel, through all tributaries and branches.

A shut gate ends a walk, a reach whose direction is not known is walked both ways, and what was found only that way is
marked. Distances are metres on the ground, positive where the point lies upstream of the section.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys._text import Text
from geosys.geo.distances import check_length
from geosys.geo.flat.streams import ROUNDING_M, first_met
from geosys.geo.river_flow import Flow, real_reach, unsure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.flat.streams import Streams
    from geosys.geo.river_flow import OnRiver
    from geosys.geo.river_network import Network

NO_RIVER = Text("没有可对应的河流", "no river that it stands on")
SHUT = Text("所在河段被闸坝等阻断", "stands on a reach that passes no water")
NO_DIRECTION = Text("所在河段流向不明", "stands on a reach whose direction is not known")
NO_SPEED = Text("河段流速未知", "a reach whose speed of flow is not known")
NO_RESULT = Text("是否达标未知", "not known whether it passes")
REASONS = {
    "no_river": NO_RIVER,
    "shut": SHUT,
    "no_direction": NO_DIRECTION,
    "no_speed": NO_SPEED,
    "no_result": NO_RESULT,
}


@dataclass(frozen=True, slots=True)
class AlongRiver:
    """Hold pairs along rivers and what could not be told.

    Attributes
    ----------
    pairs
        Columns `section`, `point` (positions), `distance_m` (+ where the point is upstream), `offset_m` (beside the river,
        negative on the left looking downstream) and `is_path_known` (no reach without direction on the way).
    missing
        One row for each section or point without an answer: `kind`, `position`, `reach`, `reason` (code), `text_zh`,
        `text_en`.
    """

    pairs: pd.DataFrame
    missing: pd.DataFrame


def along_river(
    network: Network,
    sections: OnRiver,
    points: OnRiver,
    up_m: float,
    down_m: float,
    undirected: NDArray[np.bool_] | None = None,
) -> AlongRiver:
    """Find all pairs of section and point that water connects within a distance.

    Parameters
    ----------
    network
        Reaches in flow direction; what is `blocked` passes nothing.
    sections, points
        Where they stand; `reach` −1 for one without a river.
    up_m, down_m
        How far upstream and downstream of a section to look, metres on the ground along the channel; the limit counts.
    undirected
        Whether each reach's direction is not known, shape (m,); the network's `unsettled` by default.

    Returns
    -------
    Pairs by section and point, each by its shortest way; both rows where water runs in a circle. A pair at one place has
    distance 0 once.

    Raises
    ------
    ValueError
        When a distance is negative or no number.

    Source: 济政〔2018〕29号 三(三)1 asks for 5000 m upstream and 500 m downstream of each section.
    """
    for name, length in (("up_m", up_m), ("down_m", down_m)):
        check_length(name, length)
    unsure = unsure_of(network, undirected)
    found = _pairs(Flow.of(network, unsure), sections, points, up_m, down_m)
    known = np.ones(len(found[0]), dtype=bool)
    if unsure.any():
        maybe = _pairs(Flow.of(network, unsure, both_ways=True), sections, points, up_m, down_m)
        known = np.append(known, np.zeros(len(maybe[0]), dtype=bool))
        section, point, distance = (np.append(a, b) for a, b in zip(found, maybe, strict=True))
        once = np.unique(np.stack([section, point, distance < 0]), axis=1, return_index=True)[1]
        found, known = (section[once], point[once], distance[once]), known[once]
    section, point, distance = found
    order = np.lexsort((distance, point, section))
    point = point[order]
    pairs = pd.DataFrame(
        {
            "section": section[order],
            "point": point,
            "distance_m": distance[order],
            "offset_m": points.offset_m[point],
            "is_path_known": known[order],
        }
    )
    lacking = [missing_rows(network, k, s, unsure) for k, s in (("section", sections), ("point", points))]
    some = [rows for rows in lacking if len(rows)]
    return AlongRiver(pairs, pd.concat(some, ignore_index=True) if some else lacking[0])


def _pairs(
    flow: Flow, sections: OnRiver, points: OnRiver, up_m: float, down_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return section, point and signed distance; both walks go down, where rivers branch least."""
    streams = flow.downstream()
    point, section, above = met(flow, streams, points, sections, up_m)
    also, under, below = met(flow, streams, sections, points, down_m)
    new = below > 0  # at one place: told once
    return np.append(section, also[new]), np.append(point, under[new]), np.append(above, -below[new])


def met(
    flow: Flow, streams: Streams, sources: OnRiver, targets: OnRiver, limit: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of source and target that water runs to within a limit, and their least distance."""
    (row, arc, along), (mark_row, mark_arc, mark_along) = (all_places(flow, snaps) for snaps in (sources, targets))
    i, j, distance = first_met(streams, flow.tail, arc, along, mark_arc, mark_along, limit)
    i, j = row[i], mark_row[j]
    if len(np.unique(row)) < len(row) or len(np.unique(mark_row)) < len(mark_row):
        order = np.lexsort((distance, j, i))
        i, j, distance = i[order], j[order], distance[order]
        is_first = (np.diff(i, prepend=-1) != 0) | (np.diff(j, prepend=-1) != 0)
        i, j, distance = i[is_first], j[is_first], distance[is_first]
    return i, j, distance


def all_places(flow: Flow, snaps: OnRiver) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of points; one at a node is on all arcs that end or begin there."""
    row, arc, along = flow.places(snaps)
    place, more_arc, more_along = _at_nodes(flow, arc, along)
    if not len(place):
        return row, arc, along
    every = np.append(row, row[place]), np.append(arc, more_arc), np.append(along, more_along)
    once = np.unique(np.stack(every), axis=1, return_index=True)[1]
    return every[0][once], every[1][once], every[2][once]


def _at_nodes(
    flow: Flow, arc: NDArray[np.int64], along: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return position, arc and metres on it for places at a node, once for each arc that ends or begins there."""
    here, node = [], []
    for ends, gap in ((flow.tail, along), (flow.head, flow.length[arc] - along)):
        near = np.flatnonzero((gap <= ROUNDING_M) & ~flow.is_shut[arc])
        here.append(near)
        node.append(ends[arc[near]])
    place, at = np.concatenate(here), np.concatenate(node)
    if not len(place):
        return place, place, along[:0]
    is_met = np.zeros(flow.nodes, dtype=bool)
    is_met[at] = True
    result = []
    for ends, is_head in ((flow.tail, False), (flow.head, True)):
        some = np.flatnonzero(is_met[ends])
        k, j = np.nonzero(at[:, None] == ends[some])
        result.append((place[k], some[j], flow.length[some[j]] if is_head else np.zeros(len(j))))
    first, second = result
    return np.append(first[0], second[0]), np.append(first[1], second[1]), np.append(first[2], second[2])


def missing_rows(
    network: Network, kind: str, snaps: OnRiver, undirected: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Return a row for each point that no sure distance can be told for, with the reason."""
    reach = real_reach(snaps)
    is_there = reach >= 0
    on = reach[is_there]
    reason = np.full(len(reach), "", dtype=object)
    reason[~is_there] = "no_river"
    reason[is_there] = np.where(unsure_of(network, undirected)[on], "no_direction", reason[is_there])
    reason[is_there] = np.where(np.asarray(network.blocked, dtype=bool)[on], "shut", reason[is_there])
    return rows_of(kind, np.flatnonzero(reason != ""), reach, reason)


def rows_of(kind: str, where: NDArray[np.int64], reach: NDArray[np.int64], reason: NDArray[np.object_]) -> pd.DataFrame:
    """Return rows on what is not known, of one kind of thing; `reach` and `reason` by its position."""
    texts = [REASONS[code] for code in reason[where].tolist()]
    return pd.DataFrame(
        {
            "kind": np.full(len(where), kind, dtype=object),
            "position": where.astype(np.int64),
            "reach": reach[where],
            "reason": reason[where],
            "text_zh": np.array([text.zh for text in texts], dtype=object),
            "text_en": np.array([text.en for text in texts], dtype=object),
        }
    )


def place_text(section: str, distance_m: float) -> Text:
    """Say where a place lies, seen from a section.

    Examples
    --------
    >>> place_text("沁河入黄", 3210.0).zh
    '在断面沁河入黄上游 3.2 km'
    >>> place_text("沁河入黄", -80.0).en
    '80 m downstream of section 沁河入黄'
    """
    length = abs(distance_m)
    told = f"{length:.0f} m" if length < 999.5 else f"{length / 1000:.1f} km"  # noqa: PLR2004  it would read 1000 m
    if told == "0 m":
        return Text(f"在断面{section}处", f"at section {section}")
    up, stream = ("上游", "upstream") if distance_m > 0 else ("下游", "downstream")
    return Text(f"在断面{section}{up} {told}", f"{told} {stream} of section {section}")

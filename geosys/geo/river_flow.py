"""The ways that water takes through a network of rivers, and the stretches that it covers from or to a place.

A shut gate ends a walk; a reach whose direction is not known passes nothing, or both ways where that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from geosys.geo.flat.streams import CLOSED, ROUNDING_M, Streams, streams_of, stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_network import Network


class OnRiver(Protocol):
    """Say where points stand on a network, as `geosys.geo.river_network.Snaps` does; shapes (p,)."""

    @property
    def reach(self) -> NDArray[np.int64]:
        """Return the reach, −1 for a point without a river."""

    @property
    def along_m(self) -> NDArray[np.float64]:
        """Return metres on the ground from the reach's upstream end."""

    @property
    def offset_m(self) -> NDArray[np.float64]:
        """Return metres beside the river, negative on the left looking downstream."""


@dataclass(frozen=True, slots=True)
class Places:
    """Hold where points stand on a network, and nothing else about them."""

    reach: NDArray[np.int64]
    along_m: NDArray[np.float64]
    offset_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flow:
    """Hold the ways that water may take; each reach is an arc, one without direction two.

    Attributes
    ----------
    tail, head, length, is_shut
        Nodes of each arc's ends, its metres on the ground, and whether nothing passes, shape (k,).
    reach
        The reach that it is, shape (k,): the first m are the reaches in order.
    turned
        The arc that is each reach turned round, −1 for none, shape (m,).
    nodes
        The number of nodes.
    """

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    length: NDArray[np.float64]
    is_shut: NDArray[np.bool_]
    reach: NDArray[np.int64]
    turned: NDArray[np.int64]
    nodes: int

    @classmethod
    def of(cls, network: Network, undirected: NDArray[np.bool_] | None = None, both_ways: bool = False) -> Flow:
        """Return the ways of a network.

        Parameters
        ----------
        network
            The reaches.
        undirected
            Whether the direction of each reach is not known, shape (m,); the network's `unsettled` by default.
        both_ways
            Let such reaches pass both ways; otherwise they pass nothing.
        """
        count = len(network.reach_from)
        reach, turned = np.arange(count), np.full(count, -1, dtype=np.int64)
        tail, head = (np.asarray(ends, dtype=np.int64) for ends in (network.reach_from, network.reach_to))
        length, shut = np.asarray(network.length_m, dtype=np.float64), np.asarray(network.blocked, dtype=bool)
        unsure = unsure_of(network, undirected)
        if not unsure.any():
            return cls(tail, head, length, shut, reach, turned, len(network.node_xy))
        more = np.flatnonzero(unsure & both_ways)
        reach = np.append(reach, more)
        turned[more] = count + np.arange(len(more))
        shut = shut | (unsure & (not both_ways))
        return cls(
            np.append(tail, head[more]),
            np.append(head, tail[more]),
            length[reach],
            shut[reach],
            reach,
            turned,
            len(network.node_xy),
        )

    def downstream(self, stop: NDArray[np.float64] | None = None, cost: NDArray[np.float64] | None = None) -> Streams:
        """Return the network to walk with the water; `stop` and `cost` by arc, by default shut reaches and metres."""
        return streams_of(self.tail, self.head, self.length if cost is None else cost, self._stop(stop), self.nodes)

    def upstream(self, stop: NDArray[np.float64] | None = None) -> Streams:
        """Return the network to walk against the water; positions count from the downstream end."""
        return streams_of(self.head, self.tail, self.length, self._stop(stop), self.nodes)

    def _stop(self, stop: NDArray[np.float64] | None) -> NDArray[np.float64]:
        result = np.full(len(self.is_shut), np.inf) if stop is None else stop.copy()
        result[self.is_shut] = CLOSED
        return result

    def places(self, snaps: OnRiver) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return position, arc and metres from its tail of each point; one on a reach passing both ways comes twice."""
        reach = real_reach(snaps)
        on = np.maximum(reach, 0)
        here = np.flatnonzero(reach >= 0)
        along = np.clip(np.where(reach >= 0, snaps.along_m, 0.0), 0.0, self.length[on] if len(self.turned) else 0.0)
        twice = here[self.turned[on[here]] >= 0]
        row = np.concatenate([here, twice])
        arc = np.concatenate([reach[here], self.turned[reach[twice]]])
        return row, arc, np.concatenate([along[here], self.length[reach[twice]] - along[twice]])


def unsure_of(network: Network, undirected: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return whether each reach's direction is not known: as said by the caller, else as the network was built.

    Raises
    ------
    ValueError
        When there is not one value for each reach.
    """
    unsure = np.asarray(network.unsettled if undirected is None else undirected, dtype=bool)
    if unsure.shape != np.shape(network.reach_from):
        raise ValueError(
            f"undirected: got shape {unsure.shape}, expected one value for each of {len(network.reach_from)} reaches."
        )
    return unsure


def walked(flow: Flow, snaps: OnRiver, limit: float, upstream: bool, until: OnRiver | None = None) -> pd.DataFrame:
    """Return all stretches of reaches within a channel distance of places, each reach by its shortest way.

    Parameters
    ----------
    flow
        The ways of the water.
    snaps
        Where the walks begin.
    limit
        Metres along the channel; infinite for all there is.
    upstream
        Walk against the water.
    until
        Places that no walk goes beyond.

    Returns
    -------
    Columns `source`, `reach`, `arc`, `from_m`, `to_m` (from the arc's upstream end), `near_m` and `far_m` (channel
    distance of the nearer and the farther end from the place), `next` (the arc nearer to the place, −1 for its own). A
    place at a node begins all that meets there; its own stretch then has no length.
    """
    row, arc, along = flow.places(snaps)
    _, wall_arc, wall = flow.places(snaps if until is None else until)
    if until is None:
        wall_arc, wall = wall_arc[:0], wall[:0]
    if upstream:
        along, wall = flow.length[arc] - along, flow.length[wall_arc] - wall
    row, arc, along = _origins(flow, row, arc, along, upstream)
    by_arc = np.full(len(flow.reach), np.inf)
    np.minimum.at(by_arc, wall_arc, wall)
    own_stop = np.full(len(arc), np.inf)
    place, k = np.nonzero((arc[:, None] == wall_arc) & (wall >= along[:, None]))
    np.minimum.at(own_stop, place, wall[k])
    streams = flow.upstream(by_arc) if upstream else flow.downstream(by_arc)
    found = stretches(streams, arc, along, own_stop, limit)
    begin, end = found.begin, found.end
    if upstream:
        begin, end = flow.length[found.arc] - end, flow.length[found.arc] - begin
    table = pd.DataFrame(
        {
            "source": row[found.source],
            "reach": flow.reach[found.arc],
            "arc": found.arc,
            "from_m": begin,
            "to_m": end,
            "near_m": found.near,
            "far_m": found.near + (end - begin),
            "next": found.before,
        }
    )
    # one place at a node begins several ways, which may meet again: the shorter of them covers what the longer does
    nearest = table.assign(is_own=table["next"] < 0).sort_values("near_m", kind="stable")
    return table.loc[np.sort(nearest.drop_duplicates(["source", "arc", "is_own"]).index)].reset_index(drop=True)


def _origins(
    flow: Flow, row: NDArray[np.int64], arc: NDArray[np.int64], along: NDArray[np.float64], upstream: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return where walks begin, so that one from a node takes all ways from it; `along` counts as the walk goes."""
    tail, head = (flow.head, flow.tail) if upstream else (flow.tail, flow.head)
    is_begun = (along <= ROUNDING_M) & ~flow.is_shut[arc]
    if not is_begun.any():
        return row, arc, along
    is_met = np.zeros(flow.nodes, dtype=bool)
    is_met[tail[arc[is_begun]]] = True
    into = np.full(flow.nodes, -1, dtype=np.int64)
    some = np.flatnonzero(is_met[head] & ~flow.is_shut)
    into[head[some]] = some
    before = into[tail[arc]]
    is_moved = is_begun & (before >= 0)
    arc, along = np.where(is_moved, before, arc), np.where(is_moved, flow.length[before], along)
    left = np.flatnonzero(is_begun & ~is_moved)
    out = np.flatnonzero(is_met[tail] & ~flow.is_shut)
    k, j = np.nonzero((tail[arc[left]][:, None] == tail[out]) & (arc[left][:, None] != out))
    more = row[left[k]], out[j], np.zeros(len(j))
    return np.append(row, more[0]), np.append(arc, more[1]), np.append(along, more[2])


def real_reach(snaps: OnRiver) -> NDArray[np.int64]:
    """Return the reach of each point, −1 also where its place on it is no number."""
    return np.where(np.isfinite(snaps.along_m), snaps.reach, -1).astype(np.int64)

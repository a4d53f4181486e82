"""The network of rivers, built from lines as they come: reaches from node to node in flow direction, every fault listed.

Nothing is mended silently: each move, split, turn, drop and new name is a row of changes, with before and after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geosys._errors import SpecError
from geosys.geo.crs import check_metric
from geosys.geo.pair_table import ground_length_m
from geosys.geo.river_decisions import read_decisions
from geosys.geo.river_faults import change_table, fault_table
from geosys.geo.river_joining import Labels, Reaches, doubled_lines, extend, join, usable
from geosys.geo.river_settling import (
    decided,
    directions,
    labels_of,
    renamed,
    strange_sections,
    told_apart,
    turn,
    turn_changes,
    unsettled,
    way_faults,
    yes,
)
from geosys.geo.river_snapping import Snaps, snap
from geosys.geo.river_suspects import gaps, suspects

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Network", "Snaps", "build", "snap"]
GAP_TOLERANCES = 5.0  # ends are looked at as gaps up to so many tolerances


@dataclass(frozen=True, slots=True)
class Network:
    """Hold reaches between nodes, in one metric plane.

    `node_xy` has shape (n, 2); all others have shape (m,), one entry per reach. `reach_from` and `reach_to` are the nodes
    of its upstream and downstream end, `length_m` is on the ground, `lines` are drawn downstream, `river` is the name (an
    empty text where none), `source` is the row of the input line. A `gate` stands on a reach that may pass water; a reach
    that is `blocked` passes none.
    """

    node_xy: NDArray[np.float64]
    reach_from: NDArray[np.int64]
    reach_to: NDArray[np.int64]
    length_m: NDArray[np.float64]
    lines: NDArray[np.object_]
    river: NDArray[np.object_]
    source: NDArray[np.int64]
    is_canal: NDArray[np.bool_]
    gate: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    unsettled: NDArray[np.bool_]


def build(
    lines: NDArray[np.object_],
    attributes: pd.DataFrame,
    decisions: pd.DataFrame | None,
    tolerance_m: float,
    crs: str,
    *,
    gap_m: float | None = None,
    elevation: NDArray[np.float64] | None = None,
    sections: pd.DataFrame | None = None,
) -> tuple[Network, pd.DataFrame, pd.DataFrame]:
    """Return the network of some lines, the table of all faults found, and the table of all that was changed.

    Parameters
    ----------
    lines
        Lines as drawn in `crs`, of one or more parts, shape (k,).
    attributes
        k rows, all columns optional: `id` (the row number where empty), `name`, `is_canal`, `gate`, `blocked` (true or
        false), `direction` (as `river_directions.WORDS`).
    decisions
        What the user decided, see `river_decisions.read_decisions`; None for nothing yet.
    tolerance_m
        Ends so near to each other or to a line are joined; metres of the plane.
    crs
        The metric plane.
    gap_m
        Hanging ends so near to another reach are listed as gaps; five tolerances where not given.
    elevation
        Metres at first and last vertex of each line as drawn, shape (k, 2), NaN where unknown.
    sections
        Columns `river_name`, `order` (rising downstream), `x`, `y` of the plane.

    Returns
    -------
    Network; frame of `river_faults.FAULTS` (status `open`, `mended` or `decided`); frame of `river_faults.CHANGES`.

    Raises
    ------
    SpecError
        When lines and attributes differ in number, the tolerance is no length, or a decision says nothing that can be done.
    CrsError
        When the plane is not in true metres.
    """
    lines = np.asarray(lines, dtype=object)
    _check(lines, attributes, tolerance_m, crs, elevation)
    frame = attributes.reset_index(drop=True)
    labels = labels_of(frame)
    rules = read_decisions(decisions, set(labels.ids.tolist()))
    labels, changes = renamed(labels, rules)
    parts, faults, dropped = usable(lines, labels, rules)
    parts, extended = extend(parts, labels, tolerance_m, rules)
    twice, doubled, copies = doubled_lines(parts, labels, tolerance_m)
    reaches, joined, moved = join(parts, labels, tolerance_m, rules, doubled)
    changes += [*dropped, *extended, *moved]
    ways = directions(frame, reaches, labels, rules, (elevation, sections))
    reaches = turn(reaches, ways)
    faults += [*twice, *joined, *way_faults(lines, labels, ways, rules), *strange_sections(sections, labels)]
    seen = ~np.isin(reaches.source, copies)
    lengths = ground_length_m(reaches.lines, crs)
    found = gaps(reaches, labels, gap_m if gap_m is not None else GAP_TOLERANCES * tolerance_m, ~seen)
    names, numbered = told_apart(reaches, labels, rules, found, seen)
    faults += [*found.faults, *suspects(reaches, labels, names, lengths, found, seen, doubled)]
    changes += [*turn_changes(lines, labels, ways), *numbered]
    faults = decided(faults, rules, changes, max(tolerance_m, 1.0))
    table, unsure = fault_table(faults), unsettled(reaches, labels, ways, faults)
    return _network(reaches, lengths, names, labels, frame, unsure), table, change_table(changes, table)


def _check(
    lines: NDArray[np.object_],
    attributes: pd.DataFrame,
    tolerance_m: float,
    crs: str,
    elevation: NDArray[np.float64] | None,
) -> None:
    check_metric(crs, "river network")
    if len(lines) != len(attributes):
        raise SpecError(
            f"river network: got {len(lines)} lines and {len(attributes)} rows of attributes, expected as many. Pass both of one table."
        )
    if not (np.isfinite(tolerance_m) and tolerance_m >= 0):
        raise SpecError(f"river network: got a tolerance of {tolerance_m}, expected metres, 0 or more.")
    if elevation is not None and np.shape(elevation) != (len(lines), 2):
        raise SpecError(
            f"river network: got elevations of shape {np.shape(elevation)}, expected ({len(lines)}, 2): first and last vertex of each line."
        )


def _network(
    reaches: Reaches,
    lengths: NDArray[np.float64],
    names: NDArray[np.object_],
    labels: Labels,
    frame: pd.DataFrame,
    unsure: NDArray[np.bool_],
) -> Network:
    """Return the reaches as a network, without the nodes that none of them has."""
    used, ends = np.unique(np.concatenate([reaches.start, reaches.end]), return_inverse=True)
    size, of = len(reaches.start), reaches.source
    gate, blocked = yes(frame, "gate"), yes(frame, "blocked")
    return Network(
        reaches.node_xy[used], ends.ravel()[:size], ends.ravel()[size:], lengths, reaches.lines, names, of,
        labels.is_canal[of], gate[of], blocked[of], unsure,
    )  # fmt: skip

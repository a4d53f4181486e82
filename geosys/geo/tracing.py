"""Who is upstream of a section, and what lies downstream of an outfall or a spill: all of it, with distance and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys.geo.flat.streams import ROUNDING_M
from geosys.geo.river_distance import all_places, along_river, missing_rows, rows_of
from geosys.geo.river_flow import Flow, Places, unsure_of, walked
from geosys.geo.travel_time import reach_hours, target_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.river_flow import OnRiver
    from geosys.geo.river_network import Network


@dataclass(frozen=True, slots=True)
class Upstream:
    """Hold what is above one section.

    Attributes
    ----------
    tree
        All reaches whose water comes by, nearest first: `reach`, `river_name`, `from_m`, `to_m` (the part that is above, from
        the reach's upstream end), `near_m`, `far_m` (channel distance of its ends), `next_reach` (the next one down, −1 for
        the section's own), `is_source` (nothing runs into it), `is_in_stretch`, `stretch_from_m` (where in the reach that
        begins, not a number outside).
    points
        All points above, nearest first: `rank`, `position`, `distance_m`, `offset_m`, `is_path_known`, `is_in_stretch`,
        and the columns handed in.
    sections
        The same for other sections, with `passes` (true, false, or missing where nothing is known).
    missing
        One row for each thing not told: `kind` (`section`, `point`, `other_section`, `reach`), `position`, `reach`,
        `reason`, `text_zh`, `text_en`.

    The stretch in which a fault must lie is what reaches the section without having run past one that passes.
    """

    tree: pd.DataFrame
    points: pd.DataFrame
    sections: pd.DataFrame
    missing: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Downstream:
    """Hold what is below places.

    Attributes
    ----------
    reaches
        `source`, `reach`, `river_name`, `from_m`, `to_m`, `near_m`, `far_m`, `gate` (a gate stands on it), `time_h` (earliest
        arrival at its lower end, hours; not a number where no speed is known).
    targets
        `source`, `rank`, `position`, `distance_m`, `time_h`, `offset_m`, `is_path_known`, and the columns handed in.
    missing
        As in `Upstream`; `kind` is `source`, `target`, `reach` (one where the walk ends at something shut or unknown) or
        `speed` (one without a speed).
    """

    reaches: pd.DataFrame
    targets: pd.DataFrame
    missing: pd.DataFrame


def upstream_of(
    network: Network,
    sections: OnRiver,
    failing: int,
    points: OnRiver,
    attributes: pd.DataFrame | None = None,
    passes: NDArray[np.object_] | None = None,
    up_m: float = np.inf,
    undirected: NDArray[np.bool_] | None = None,
) -> Upstream:
    """Tell all that is above a section.

    Parameters
    ----------
    network, undirected
        As for `geosys.geo.river_distance.along_river`.
    sections
        All sections; `failing` is the position of the one in question.
    points
        Outfalls, plants and whatever else may be the cause.
    attributes
        Their columns, one row a point, handed through to the answer.
    passes
        For each section whether it passes: true, false or missing, shape (s,); missing by default.
    up_m
        How far to look, metres along the channel; all there is by default.

    Raises
    ------
    IndexError, ValueError
        When there is no such section, or tables do not have one row a point.
    """
    count = len(sections.reach)
    if not 0 <= failing < count:
        raise IndexError(f"failing: got {failing}, expected the position of one of {count} sections.")
    told = pd.array([None] * count if passes is None else list(passes), dtype="boolean")
    if len(told) != count:
        raise ValueError(f"passes: got {len(told)} values, expected one for each of {count} sections.")
    flow, one = Flow.of(network, undirected), _some(sections, np.array([failing]))
    is_fine = np.asarray(told.fillna(False), dtype=bool)
    fine = np.flatnonzero(is_fine & (np.arange(count) != failing))
    either = Flow.of(network, undirected, both_ways=True)
    _, on, along = all_places(either, _some(sections, fine))  # one at a node ends the walk on all that meets there
    drawn = on < len(network.reach_from)
    ends = Places(on[drawn], along[drawn], np.zeros(np.count_nonzero(drawn)))
    stretch = walked(either, one, up_m, True, ends)
    tree = _tree(network, walked(flow, one, up_m, True), stretch)
    lacking = missing_rows(network, "section", sections, undirected)
    is_other = lacking["position"] != failing
    also = _above(network, one, sections, up_m, undirected, stretch)
    also = also[also["position"] != failing].assign(passes=lambda rows: told[rows["position"].to_numpy()])
    unknown = also["position"].to_numpy()[also["passes"].isna()]
    parts = [
        lacking[~is_other],
        missing_rows(network, "point", points, undirected),
        lacking[is_other].assign(kind="other_section"),
        _named("other_section", unknown, sections.reach[unknown], "no_result"),
        _ends(network, tree, undirected, upstream=True),
    ]
    above = _above(network, one, points, up_m, undirected, stretch)
    ranked = _with_attributes(_ranked(above), attributes, len(points.reach))
    return Upstream(tree, ranked, _ranked(also), pd.concat(parts, ignore_index=True))


def downstream_of(
    network: Network,
    sources: OnRiver,
    targets: OnRiver,
    speed_m_s: float | NDArray[np.float64],
    attributes: pd.DataFrame | None = None,
    down_m: float = np.inf,
    undirected: NDArray[np.bool_] | None = None,
) -> Downstream:
    """Tell all that is below outfalls or spills, and when the water is there.

    Parameters
    ----------
    network, undirected
        As for `geosys.geo.river_distance.along_river`.
    sources
        Where something gets into the water.
    targets
        Sections, intakes, gates, borders and whatever else is to be told.
    speed_m_s
        Speed of the water, one for all or one a reach, shape (m,); not a number where it is not known.
    attributes
        Columns of the targets, one row each, handed through.
    down_m
        How far to look, metres along the channel; all there is by default.

    Returns
    -------
    The distance is that of the shortest way and the time that of the earliest arrival; where the water divides the two
    may take different branches. Without a known speed on every way the time is not a number, and a row says so.

    Raises
    ------
    ValueError
        When a speed is not above 0, or a table has another number of rows.
    """
    speed = np.broadcast_to(np.asarray(speed_m_s, dtype=np.float64), len(network.reach_from))
    if (speed <= 0).any() or np.isinf(speed).any():
        raise ValueError(
            f"speed_m_s: got {speed[(speed <= 0) | np.isinf(speed)][0]}, expected metres a second above 0."
        )
    reaches = walked(Flow.of(network, undirected), sources, down_m, False)
    row = reaches["reach"].to_numpy()
    reaches.insert(2, "river_name", network.river[row])
    reaches["gate"] = np.asarray(network.gate, dtype=bool)[row]
    reaches["time_h"] = reach_hours(network, sources, reaches, speed, undirected)
    found = along_river(network, targets, sources, down_m, 0.0, undirected).pairs
    found = found.rename(columns={"section": "position", "point": "source"})
    found["offset_m"] = targets.offset_m[found["position"].to_numpy()]
    found["time_h"] = target_hours(network, sources, targets, found, speed, undirected)
    found = found[["source", "position", "distance_m", "time_h", "offset_m", "is_path_known"]]
    slow = np.unique(row[np.isnan(speed[row])])
    parts = [
        missing_rows(network, "source", sources, undirected),
        missing_rows(network, "target", targets, undirected),
        _ends(network, reaches, undirected, upstream=False),
        _named("speed", slow, slow, "no_speed"),
    ]
    ranked = _with_attributes(_ranked(found), attributes, len(targets.reach))
    return Downstream(reaches.drop(columns=["arc", "next"]), ranked, pd.concat(parts, ignore_index=True))


def path_of(tree: pd.DataFrame, reach: int) -> list[int]:
    """Return the reaches from one down to the section, by the shortest way, along an `Upstream.tree`.

    Raises
    ------
    KeyError
        When the reach is not above the section.
    """
    below = dict(zip(tree["reach"][::-1].tolist(), tree["next_reach"][::-1].tolist(), strict=True))
    path = [reach]
    while below[path[-1]] >= 0:
        path.append(below[path[-1]])
    return path


def _tree(network: Network, above: pd.DataFrame, stretch: pd.DataFrame) -> pd.DataFrame:
    """Return the reaches above a section, with the part of each that the stretch covers."""
    tree = above.sort_values(["near_m", "reach"], ignore_index=True).rename(columns={"next": "next_reach"})
    row = tree["reach"].to_numpy()
    tree.insert(1, "river_name", network.river[row])
    is_fed = np.zeros(len(network.node_xy), dtype=bool)
    is_fed[network.reach_to] = True
    tree["is_source"] = ~is_fed[network.reach_from[row]]
    part = stretch[["reach", "from_m", "to_m"]].merge(
        tree[["reach", "from_m", "to_m"]].assign(row=np.arange(len(tree))), on="reach", suffixes=("", "_whole")
    )
    begin, end = part[["from_m", "from_m_whole"]].max(axis=1), part[["to_m", "to_m_whole"]].min(axis=1)
    begin, at = begin[begin < end], part["row"][begin < end].to_numpy()
    tree["stretch_from_m"] = np.inf
    least = np.full(len(tree), np.inf)
    np.minimum.at(least, at, begin.to_numpy())
    tree["is_in_stretch"] = np.isfinite(least)
    tree["stretch_from_m"] = np.where(np.isfinite(least), least, np.nan)
    return tree.drop(columns=["source", "arc"])


def _above(
    network: Network,
    section: OnRiver,
    points: OnRiver,
    up_m: float,
    undirected: NDArray[np.bool_] | None,
    stretch: pd.DataFrame,
) -> pd.DataFrame:
    """Return the points above a section and whether they lie in the stretch, its ends counted."""
    found = along_river(network, section, points, up_m, 0.0, undirected).pairs
    found = found.drop(columns="section").rename(columns={"point": "position"})
    position = found["position"].to_numpy()
    places = pd.DataFrame({"row": np.arange(len(found)), "reach": points.reach[position]})
    places["along_m"] = np.clip(points.along_m[position], 0.0, network.length_m[places["reach"]])
    turned = stretch["arc"].to_numpy() >= len(network.reach_from)
    low, high, length = stretch["from_m"], stretch["to_m"], network.length_m[stretch["reach"].to_numpy()]
    spans = stretch[["reach"]].assign(
        low=np.where(turned, length - high, low) - ROUNDING_M, high=np.where(turned, length - low, high) + ROUNDING_M
    )
    each = places.merge(spans, on="reach")
    hit = each["row"][(each["along_m"] >= each["low"]) & (each["along_m"] <= each["high"])]
    begun, ended = spans["low"].to_numpy() <= 0, spans["high"].to_numpy() >= length
    met = np.append(network.reach_from[spans["reach"][begun]], network.reach_to[spans["reach"][ended]])
    on, along = places["reach"].to_numpy(), places["along_m"].to_numpy()
    at_node = (along <= ROUNDING_M) & np.isin(network.reach_from[on], met)
    at_node |= (along >= network.length_m[on] - ROUNDING_M) & np.isin(network.reach_to[on], met)
    is_here = (found["distance_m"] == 0).to_numpy()  # also where nothing runs to the section's own place
    return found.assign(is_in_stretch=is_here | at_node | np.isin(np.arange(len(found)), hit.to_numpy()))


def _ends(
    network: Network, covered: pd.DataFrame, undirected: NDArray[np.bool_] | None, upstream: bool
) -> pd.DataFrame:
    """Return a row for each reach that would go on where a walk ended, but is shut or has no direction."""
    row = covered["reach"].to_numpy()
    ends = (covered["from_m"] <= 0) if upstream else (covered["to_m"] >= network.length_m[row])
    is_end = np.zeros(len(network.node_xy), dtype=bool)
    is_end[(network.reach_from if upstream else network.reach_to)[row[ends.to_numpy()]]] = True
    near, other = (network.reach_to, network.reach_from) if upstream else (network.reach_from, network.reach_to)
    shut = np.asarray(network.blocked, dtype=bool)
    unsure = unsure_of(network, undirected)
    closed = np.flatnonzero(shut & (is_end[near] | (unsure & is_end[other])))
    open_ends = np.flatnonzero(unsure & ~shut & (is_end[near] | is_end[other]))
    parts = [_named("reach", closed, closed, "shut"), _named("reach", open_ends, open_ends, "no_direction")]
    return pd.concat(parts, ignore_index=True)


def _some(snaps: OnRiver, where: NDArray[np.int64]) -> Places:
    return Places(snaps.reach[where], snaps.along_m[where], snaps.offset_m[where])


def _named(kind: str, position: NDArray[np.int64], reach: NDArray[np.int64], code: str) -> pd.DataFrame:
    """Return rows that name things of one kind, all for one reason."""
    rows = rows_of(kind, np.arange(len(position)), reach, np.full(len(position), code, dtype=object))
    return rows.assign(position=position)


def _ranked(found: pd.DataFrame) -> pd.DataFrame:
    """Return rows by distance, from each source where there are several; equal distances have one rank."""
    by = [name for name in ("source",) if name in found]
    found = found.sort_values([*by, "distance_m", "position"], ignore_index=True)
    groups = found.groupby(by)["distance_m"] if by else found["distance_m"]
    found.insert(len(by), "rank", groups.rank(method="min").astype(np.int64))
    return found


def _with_attributes(found: pd.DataFrame, attributes: pd.DataFrame | None, count: int) -> pd.DataFrame:
    """Return rows with the columns that were handed in for their positions."""
    if attributes is None:
        return found
    if len(attributes) != count:
        raise ValueError(f"attributes: got {len(attributes)} rows, expected one for each of {count} points.")
    taken = [name for name in attributes.columns if name in found.columns]
    if taken:
        raise ValueError(f"attributes: got columns {taken}, which the answer has itself. Rename them.")
    more = attributes.iloc[found["position"].to_numpy()].reset_index(drop=True)
    return pd.concat([found, more], axis=1)

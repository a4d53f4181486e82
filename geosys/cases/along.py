"""Judge subjects against objects along a river: in the corridor of one, or upstream of it; what is not sure stays open."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.cases.along_doubt import around, reach_m, reasons_of, standing_of, with_open_objects, with_open_subjects
from geosys.cases.doubt import NONE_FOUND
from geosys.geo.corridor_members import members
from geosys.geo.corridors import TIE_M, corridors
from geosys.geo.pair_table import HIT, NEAR
from geosys.geo.river_distance import along_river
from geosys.geo.river_flow import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.cases.along_doubt import Standing
    from geosys.cases.doubt import Objects
    from geosys.cases.rules import Rule
    from geosys.geo.pair_table import Terms
    from geosys.geo.river_network import Network
    from geosys.geo.waterway import Waterway

AREA = 2  # dimensions
COLUMNS = [
    "subject", "object", "state", "is_near", "distance_m", "measure", "margin", "river_m", "doubtful", "withheld", "why_zh", "why_en",
]  # fmt: skip


def related_along(rule: Rule, subjects: Objects, objects: Objects, waterway: Waterway, terms: Terms) -> pd.DataFrame:
    """Return the pairs of a relation along a river, those in doubt marked with the reason.

    Parameters
    ----------
    rule
        One whose relation is `corridor` or `upstream`.
    subjects, objects
        Their shapes in the plane of `terms`, `place` being their position in the layer; objects that the rule is not about
        left out.
    waterway
        The network and who stands where on it.
    terms
        Nearness and tolerance.

    Returns
    -------
    Columns `COLUMNS`: positions in `subjects`, `place` of the object (−1 where the subject's own river is in doubt and so
    any of them may be meant), `distance_m` and `measure` (along the channel), `river_m` (the same, + where the subject lies
    upstream), `margin` (metres to spare or missing).
    """
    if not len(subjects.place) or not len(objects.place):
        return pd.DataFrame(columns=COLUMNS)
    theirs = standing_of(waterway.stops[str(rule.object)], objects, waterway.network)
    if rule.relation == "corridor":
        pairs = _in_corridors(rule, subjects, theirs, waterway.network, terms)
        ours = None
    else:
        ours = standing_of(waterway.stops[rule.subject], subjects, waterway.network)
        pairs = _upstream(rule, subjects, objects, (ours, theirs), waterway.network, terms)
    if rule.subject == rule.object:
        pairs = pairs[subjects.place[pairs["subject"]] != objects.place[pairs["object"]]]
    pairs = _first_of_each(pairs)
    pairs = with_open_objects(pairs, subjects, objects, theirs, reach_m(rule), terms)
    if ours is not None:
        pairs = with_open_subjects(pairs, subjects, objects, ours, reach_m(rule), terms)
    right = pairs["object"].to_numpy(dtype=np.int64)
    pairs = pairs.assign(
        object=np.where(right >= 0, np.append(objects.place, NONE_FOUND)[right], NONE_FOUND), withheld=False,
        distance_m=pairs["river_m"].abs(), measure=pairs["river_m"].abs(),
    )  # fmt: skip
    return pairs.reindex(columns=COLUMNS).reset_index(drop=True)


def _upstream(
    rule: Rule, subjects: Objects, objects: Objects, standing: tuple[Standing, Standing], network: Network, terms: Terms
) -> pd.DataFrame:
    """Return the pairs whose water connects them, or nearly does."""
    ours, theirs = standing
    limit = float(rule.settings.get("within_m", np.inf))
    slack = terms.near_m + terms.tolerance_m
    found = along_river(network, theirs.places, ours.places, limit + slack, slack).pairs
    subject, other = ours.owner[found["point"].to_numpy()], theirs.owner[found["section"].to_numpy()]
    river = found["distance_m"].to_numpy()
    known = found["is_path_known"].to_numpy(dtype=bool)
    within = _already_in(subjects, objects, ours, network)
    subject, other = np.append(subject, within[0]), np.append(other, within[1])
    river, known = np.append(river, np.zeros(len(within[0]))), np.append(known, np.ones(len(within[0]), dtype=bool))
    is_area = shapely.get_dimensions(objects.shapes)[other] == AREA
    past = np.where(is_area, np.inf, river)  # who lies at a point may as well lie below it
    margin = np.minimum(limit - river, past)
    margin = np.where(is_area & (river < 0), river, margin)
    return _pairs(subject, other, river, margin, terms, known=known, open_ends=(ours.is_open[subject] | theirs.is_open[other]),
                  texts=reasons_of(known, (ours, subject), (theirs, other)))  # fmt: skip


def _already_in(
    subjects: Objects, objects: Objects, ours: Standing, network: Network
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs where the subject, or its place on the river, lies in an area: its water is there at once."""
    areas = np.flatnonzero(shapely.get_dimensions(objects.shapes) == AREA)
    tree = shapely.STRtree(objects.shapes[areas])
    i, j = tree.query(_spots(ours.places, network), predicate="intersects")
    k, m = tree.query(subjects.shapes, predicate="intersects")
    return np.append(ours.owner[i], k), areas[np.append(j, m)]


def _spots(places: Places, network: Network) -> NDArray[np.object_]:
    """Return the places as points."""
    length = np.maximum(network.length_m[places.reach], np.finfo(float).tiny)
    share = np.clip(places.along_m / length, 0.0, 1.0)
    return np.asarray(shapely.line_interpolate_point(network.lines[places.reach], share, normalized=True), dtype=object)


def _in_corridors(rule: Rule, subjects: Objects, theirs: Standing, network: Network, terms: Terms) -> pd.DataFrame:
    """Return who lies in whose corridor, who nearly does, and who would if unknown directions ran so."""
    lengths = np.array([rule.settings[key] for key in ("up_m", "down_m", "offset_m")])
    _, near = around(subjects.shapes, _spots(theirs.places, network), reach_m(rule), terms)
    some = np.unique(near)  # the others have nobody in reach: theirs need not be drawn
    places = Places(theirs.places.reach[some], theirs.places.along_m[some], theirs.places.offset_m[some])
    owner = theirs.owner[some]
    asked = [(network, places, owner, more, True) for more in ((0.0, terms.near_m) if terms.near_m else (0.0,))]
    if network.unsettled.any():
        asked.append((*both_ways(network, places, owner), 0.0, False))
    parts = []
    for net, places, owner, more, is_sure in asked:
        drawn = corridors(net, places, terms.crs, *(lengths + more))
        inside = members(drawn, subjects.shapes)
        subject, stop = inside["thing"].to_numpy(), inside["section"].to_numpy()
        other, river = owner[stop], inside["distance_m"].to_numpy()
        least = np.minimum(
            np.where(river >= 0, lengths[0] - river, lengths[1] + river), lengths[2] - inside["offset_m"].to_numpy()
        )
        least = np.minimum(least, -2.0 * terms.tolerance_m - TIE_M) if more else np.maximum(least, 0.0)
        known = np.full(len(stop), is_sure)
        reasons = reasons_of(known, (theirs, other))
        table = _pairs(subject, other, river, least, terms, known=known, open_ends=theirs.is_open[other], texts=reasons)
        # over an unknown direction the way is not known either, so no distance is told
        parts.append(table if is_sure else table.assign(river_m=np.nan, margin=np.nan))
    return pd.concat(parts, ignore_index=True)


def both_ways(network: Network, places: Places, owner: NDArray[np.int64]) -> tuple[Network, Places, NDArray[np.int64]]:
    """Return the network with each reach of unknown direction a second time, turned, and the places on both."""
    some = np.flatnonzero(network.unsettled)
    again = np.full(len(network.unsettled), -1)
    again[some] = len(again) + np.arange(len(some))
    arrays = {
        f.name: np.append(getattr(network, f.name), getattr(network, f.name)[some])
        for f in dataclasses.fields(network)
        if f.name not in ("node_xy", "reach_from", "reach_to", "lines", "unsettled")
    }
    turned = np.asarray(shapely.reverse(network.lines[some]), dtype=object)
    both = dataclasses.replace(
        network, **arrays, reach_from=np.append(network.reach_from, network.reach_to[some]),
        reach_to=np.append(network.reach_to, network.reach_from[some]), lines=np.append(network.lines, turned),
        unsettled=np.zeros(len(again) + len(some), dtype=bool),
    )  # fmt: skip
    on = np.flatnonzero(network.unsettled[places.reach])
    reach = np.append(places.reach, again[places.reach[on]])
    along = np.append(places.along_m, network.length_m[places.reach[on]] - places.along_m[on])
    return both, Places(reach, along, np.append(places.offset_m, -places.offset_m[on])), np.append(owner, owner[on])


def _pairs(
    subject: NDArray[np.int64], other: NDArray[np.int64], river: NDArray[np.float64], margin: NDArray[np.float64], terms: Terms,
    *, known: NDArray[np.bool_], open_ends: NDArray[np.bool_], texts: tuple[NDArray[np.object_], NDArray[np.object_]],
) -> pd.DataFrame:  # fmt: skip
    """Return rows of the pair table; what is beyond the accuracy is left out."""
    hit = margin >= -terms.tolerance_m
    margin = np.where(hit, np.maximum(margin, 0.0), margin)
    table = pd.DataFrame(
        {
            "subject": subject.astype(np.int64), "object": other.astype(np.int64), "state": np.where(hit, HIT, NEAR),
            "is_near": np.abs(margin) <= terms.near_m, "margin": np.where(np.isfinite(margin), margin, np.nan), "river_m": river,
            "doubtful": ~known | open_ends, "why_zh": texts[0], "why_en": texts[1],
        }
    )  # fmt: skip
    return table[hit | (margin >= -(terms.near_m + terms.tolerance_m))]


def _first_of_each(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pair: a sure hit before one in doubt, a hit before what nearly is one, then the nearest."""
    ranked = pairs.assign(rank=(pairs["state"] != HIT) * 2 + pairs["doubtful"], far=pairs["river_m"].abs())
    ranked = ranked.sort_values(["subject", "object", "rank", "far"], kind="stable")
    return ranked.drop_duplicates(["subject", "object"]).drop(columns=["rank", "far"]).reset_index(drop=True)

"""What lies in the corridors of sections, with its distance along the river; and what a plain circle would have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.geo.corridors import SIDES, TIE_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.geo.corridors import Corridors

AHEAD_M = 1e-3  # how far before and behind a place its direction is taken: a bend counts half with each side


def members(found: Corridors, things: NDArray[np.object_]) -> pd.DataFrame:
    """Find what lies in each corridor.

    Parameters
    ----------
    found
        The corridors.
    things
        Geometries in the same plane, shape (n,): points, lines or areas. Missing ones are in none.

    Returns
    -------
    Columns `section`, `thing` (positions), `distance_m` (channel distance of the nearest place on the corridor's rivers,
    + upstream), `offset_m` (from the river, on the ground) and `side` (`left`, `right` looking downstream; empty on the
    river and for what is no point), sorted. A point is told by its distances, exactly; anything else belongs to a
    corridor when it meets its drawn area.
    """
    near = _nearest(found, things)
    if found.side is not None and len(near):
        stem = _sides(found.stretches[found.stretches["is_stem"]], near, things)
        is_other = _is_point(things[near["thing"].to_numpy()]) & (stem == -SIDES[found.side])
        near = near[~is_other]
    is_area = ~_is_point(things[near["thing"].to_numpy()])
    area = found.areas.set_index("section")["geometry"].reindex(near["section"]).to_numpy()
    near = near[~is_area | shapely.intersects(area, things[near["thing"].to_numpy()])].reset_index(drop=True)
    side = _sides(found.stretches[found.stretches["is_within"]], near, things)
    side[~_is_point(things[near["thing"].to_numpy()])] = 0
    near["side"] = np.array(["left", "", "right"], dtype=object)[side + 1]
    return near[["section", "thing", "distance_m", "offset_m", "side"]]


def beside_a_circle(
    found: Corridors, things: NDArray[np.object_], places: NDArray[np.object_], radius_m: float
) -> pd.DataFrame:
    """Count for each corridor what a circle around the section finds rightly, wrongly and not at all.

    Parameters
    ----------
    found, things
        As for `members`.
    places
        The sections' points in the same plane, shape (s,).
    radius_m
        Metres on the ground.

    Returns
    -------
    Columns `section`, `in_corridor`, `in_circle`, `both`, `false_hits` (in the circle only), `misses` (in the corridor
    only).
    """
    inside = members(found, things)
    key = inside["section"].to_numpy() * len(things) + inside["thing"].to_numpy()
    own = found.areas["section"].to_numpy()
    rows = []
    for section in own.tolist():
        circle = np.flatnonzero(shapely.distance(things, places[section]) <= radius_m * found.scale[section])
        mine = key[key // max(len(things), 1) == section] % max(len(things), 1)
        both = len(np.intersect1d(circle, mine))
        rows.append((section, len(mine), len(circle), both, len(circle) - both, len(mine) - both))
    columns = ["section", "in_corridor", "in_circle", "both", "false_hits", "misses"]
    return pd.DataFrame(rows, columns=columns, dtype=np.int64)


def _nearest(found: Corridors, things: NDArray[np.object_]) -> pd.DataFrame:
    """Return pairs of corridor and thing in its width and not nearer to the rivers beyond its ends."""
    rivers = found.stretches["geometry"].to_numpy()
    section, within = found.stretches["section"].to_numpy(), found.stretches["is_within"].to_numpy()
    reach = float(found.width_m * found.scale.max(initial=1.0)) + TIE_M
    thing, piece = shapely.STRtree(rivers).query(things, predicate="dwithin", distance=reach)
    apart = shapely.distance(things[thing], rivers[piece])
    order = np.lexsort((~within[piece], apart, thing, section[piece]))
    thing, piece, apart = thing[order], piece[order], apart[order]
    key = section[piece] * max(len(things), 1) + thing
    inner = np.flatnonzero(within[piece])
    first = inner[np.unique(key[inner], return_index=True)[1]]
    least = apart[np.searchsorted(key, key[first])]
    width = found.width_m * found.scale[section[piece[first]]]
    keep = first[(apart[first] <= width) & ((apart[first] <= least + TIE_M) | ~_is_point(things[thing[first]]))]
    thing, piece, apart = thing[keep], piece[keep], apart[keep]
    at = _located(rivers[piece], things[thing]) / np.maximum(shapely.length(rivers[piece]), np.finfo(float).tiny)
    near, far = (found.stretches[name].to_numpy()[piece] for name in ("near_m", "far_m"))
    at = np.where(far > 0, 1.0 - at, at)
    return pd.DataFrame(
        {
            "section": section[piece],
            "thing": thing,
            "distance_m": near + at * (far - near),
            "offset_m": apart / found.scale[section[piece]],
        }
    )


def _sides(rivers: pd.DataFrame, pairs: pd.DataFrame, things: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return for pairs of section and thing the side of the section's nearest river: −1 left, 1 right, 0 on it."""
    asked = pairs[["section", "thing"]].assign(pair=np.arange(len(pairs)))
    each = asked.merge(rivers[["section", "geometry"]], on="section")
    thing, line = things[each["thing"].to_numpy()], each["geometry"].to_numpy()
    apart = shapely.distance(thing, line)
    pair = each["pair"].to_numpy()
    least = np.full(len(pairs), np.inf)
    np.minimum.at(least, pair, apart)
    near = np.flatnonzero(apart <= least[pair] + TIE_M)
    total = np.zeros(len(pairs))
    np.add.at(total, pair[near], _turn(line[near], thing[near]))
    return np.where(least <= TIE_M, 0, np.sign(-total)).astype(np.int64)


def _turn(lines: NDArray[np.object_], things: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far to the left of each line's direction the thing lies, in metres of the plane."""
    at, length = _located(lines, things), shapely.length(lines)
    ahead, behind, here = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines, np.clip(at + d, 0.0, length)))
        for d in (AHEAD_M, -AHEAD_M, 0.0)
    )
    forward = (ahead - behind) / np.maximum(np.hypot(*(ahead - behind).T), np.finfo(float).tiny)[:, None]
    beside = shapely.get_coordinates(shapely.get_point(shapely.shortest_line(lines, things), -1)) - here
    return np.asarray(forward[:, 0] * beside[:, 1] - forward[:, 1] * beside[:, 0])


def _located(lines: NDArray[np.object_], things: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far along each line the place nearest to the thing is, in metres of the plane."""
    return np.asarray(shapely.line_locate_point(lines, shapely.get_point(shapely.shortest_line(lines, things), 0)))


def _is_point(things: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.asarray(shapely.get_type_id(things) == shapely.GeometryType.POINT.value)

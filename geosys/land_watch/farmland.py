"""Farmland that should change places: permanent farmland on polluted land, priority farmland outside, and what to exchange."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geosys._text import Text
from geosys.cases.conditions import FALSE, TRUE, UNKNOWN, evaluate
from geosys.geo.pair_table import ground_length_m
from geosys.land_watch.parts import area_of, nothing, split
from geosys.land_watch.rows import CLEAR, HIT, decide, finding_row, listed, point_in
from geosys.land_watch.sensitive import Found, Sources
from geosys.land_watch.use_changes import texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.land_watch.rows import Decided, Subjects
    from geosys.land_watch.spec import Polluted
    from geosys.land_watch.versions import StoredVersion

CANDIDATE_COLUMNS = (
    "subject_layer", "subject_id", "subject_name", "needed_m2", "rank", "candidate_id", "candidate_area_m2", "is_enough",
    "distance_m", "is_same_township", "is_same_county", "also_for", "lon", "lat", "reason_zh", "reason_en",
)  # fmt: skip
MEASURE_LIST = Text("土地是否属于此列没有记录", "whether the land belongs here is not recorded")


def permanent_on_polluted(sources: Sources, protected: StoredVersion) -> list[tuple[Found, Subjects, Decided]]:
    """Find polluted land of which enough is permanent farmland, layer by layer of the content."""
    found = []
    for polluted in sources.spec.farmland.polluted:
        stored = sources.current.get(polluted.layer)
        if stored is not None:
            found.append(_polluted(sources, protected, polluted, stored))
    return found


def _polluted(
    sources: Sources, protected: StoredVersion, polluted: Polluted, stored: StoredVersion
) -> tuple[Found, Subjects, Decided]:
    spec, crs, farmland = sources.spec, sources.crs, sources.spec.farmland
    subjects = sources.subjects(stored)
    known = evaluate(polluted.where, stored.frame, "subject", sources.today)
    known = np.where(stored.withheld & (known == TRUE), UNKNOWN, known)
    empty = nothing(len(known))
    kept = ~protected.withheld
    cut = split(np.where(known == FALSE, empty, subjects.shapes), protected.shapes[kept], crs)
    vague = split(cut.outside, protected.shapes[~kept], crs).inside
    sure = np.where(known == TRUE, cut.inside, empty)
    doubt = np.where(known == TRUE, vague, cut.inside)
    limits = sources.limits(stored.layer, protected.layer, farmland.min_area_m2)
    decided = decide(sure, np.where(known == FALSE, empty, doubt), empty, limits)
    words, own = texts(stored.frame[polluted.word]), area_of(subjects.shapes, crs)
    ids, check = protected.frame["feature_id"].to_numpy()[kept], spec.checks["permanent_on_polluted"]
    rows = []
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        told = {
            "after": words[i], "objects": ids[cut.right[cut.left == i]], "subject_area": own[i], "limit": farmland.min_area_m2,
            "reason": None if known[i] == TRUE else MEASURE_LIST,
            "versions": f"{stored.layer} {stored.version} {protected.layer} {protected.version}",
        }  # fmt: skip
        rows.append(finding_row(check, spec, subjects, i, decided, sources.today, told))
    return Found(check.id, "", stored.layer, rows, decided.outcome), subjects, decided


def priority_unprotected(sources: Sources, protected: StoredVersion) -> tuple[Found, Subjects, Decided]:
    """Find priority farmland of which enough lies outside permanent farmland; the place of each is the part outside."""
    spec, crs, farmland = sources.spec, sources.crs, sources.spec.farmland
    stored = sources.current[farmland.layer]
    subjects = sources.subjects(stored)
    known = evaluate(farmland.priority, stored.frame, "subject", sources.today)
    known = np.where(stored.withheld & (known == TRUE), UNKNOWN, known)
    empty, kept = nothing(len(known)), ~protected.withheld
    outside = split(np.where(known == FALSE, empty, subjects.shapes), protected.shapes[kept], crs).outside
    beyond = split(outside, protected.shapes[~kept], crs)
    sure = np.where(known == TRUE, beyond.outside, empty)
    doubt = np.where(known == TRUE, beyond.inside, np.where(known == FALSE, empty, outside))
    decided = decide(sure, doubt, empty, sources.limits(stored.layer, protected.layer, farmland.min_area_m2))
    own, check = area_of(subjects.shapes, crs), spec.checks["priority_unprotected"]
    rows = []
    for i in np.flatnonzero(decided.outcome != CLEAR).tolist():
        told = {
            "subject_area": own[i], "limit": farmland.min_area_m2, "reason": None if known[i] == TRUE else MEASURE_LIST,
            "versions": f"{stored.layer} {stored.version} {protected.layer} {protected.version}",
        }  # fmt: skip
        rows.append(finding_row(check, spec, subjects, i, decided, sources.today, told))
    return Found(check.id, "", stored.layer, rows, decided.outcome), subjects, decided


def candidates(
    sources: Sources, needs: list[tuple[Found, Subjects, Decided]], free: tuple[Found, Subjects, Decided]
) -> pd.DataFrame:
    """Return for each permanent farmland on polluted land the priority farmland it may be exchanged for, the best first.

    A candidate is priority farmland outside permanent farmland (both for certain) and off all land that is or may be
    polluted, cultivated, not over the screening value, not of another county, within reach. Ranked: large enough, same
    township, same county, known to be within the screening value, then by ground distance. One candidate may be told for
    several needs: `also_for` counts the others.
    """
    farmland, (_, theirs, offer) = sources.spec.farmland, free
    frame = sources.current[farmland.layer].frame
    exceeding = evaluate(farmland.exceeding, frame, "subject", sources.today)
    cultivated = evaluate(farmland.cultivated, frame, "subject", sources.today)
    clean = split(offer.place, _polluted_land(sources), sources.crs).outside
    area = area_of(clean, sources.crs)
    good = (offer.outcome == HIT) & (area >= farmland.min_area_m2)
    fit = np.flatnonzero(good & (exceeding != TRUE) & (cultivated != FALSE))
    offer = dataclasses.replace(offer, place=clean, area=area)
    tree = shapely.STRtree(clean[fit])
    rows: list[dict[str, Any]] = []
    for _, mine, need in needs:
        for i in np.flatnonzero(need.outcome == HIT).tolist():
            near = np.sort(fit[tree.query(need.place[i], predicate="dwithin", distance=farmland.reach_m * 1.01)])
            options = [
                _option(mine, need, i, theirs, offer, int(k), (exceeding[k], cultivated[k]), sources.crs) for k in near
            ]
            within = [o for o in options if o["distance_m"] <= farmland.reach_m and o["is_same_county"] is not False]
            within.sort(key=lambda o: (*o["order"], o["distance_m"], str(o["candidate_id"])))
            rows += [{**option, "rank": rank} for rank, option in enumerate(within[: farmland.most], 1)]
    table = pd.DataFrame(rows)
    if len(table):
        table["also_for"] = table.groupby("candidate_id")["subject_id"].transform("size") - 1
    return table.reindex(columns=list(CANDIDATE_COLUMNS))


def _polluted_land(sources: Sources) -> NDArray[np.object_]:
    """Return all land that is polluted or may be."""
    shapes = [nothing(0)]
    for polluted in sources.spec.farmland.polluted:
        stored = sources.current.get(polluted.layer)
        if stored is not None:
            shapes.append(stored.shapes[evaluate(polluted.where, stored.frame, "subject", sources.today) != FALSE])
    return np.concatenate(shapes)


def _option(
    mine: Subjects, need: Decided, i: int, theirs: Subjects, offer: Decided, k: int, known: tuple[int, int], crs: str
) -> dict[str, Any]:
    """Return one candidate for one need, with what speaks for and against it."""
    distance = _apart_m(need.place[i], offer.place[k], crs)
    enough = bool(offer.area[k] >= need.area[i])
    township, county = _same(mine.townships[i], theirs.townships[k]), _same(mine.counties[i], theirs.counties[k])
    township = False if county is False else township
    reasons = [
        Text("面积足够", "large enough") if enough else Text("面积不足，须与其他地块合并", "too small alone"),
        _told(township, Text("同一乡镇", "same township"), Text("不同乡镇", "another township"), Text("乡镇未填", "township not given")),
        _told(county, Text("同一县区", "same county"), Text("不同县区", "another county"), Text("县区未填", "county not given")),
        Text(f"距离 {distance:.0f} 米", f"{distance:.0f} m away"),
        Text("土壤未超筛选值", "soil within the screening value")
        if known[0] == FALSE
        else Text("土壤是否超筛选值没有记录", "whether the soil exceeds is not recorded"),
        *([] if known[1] == TRUE else [Text("地类没有记录", "land class not recorded")]),
    ]  # fmt: skip
    point = _degrees(offer.place[k], crs)
    return {
        "subject_layer": mine.layer, "subject_id": mine.ids[i], "subject_name": mine.names[i], "needed_m2": need.area[i],
        "candidate_id": theirs.ids[k], "candidate_area_m2": offer.area[k], "is_enough": enough, "distance_m": distance,
        "is_same_township": township, "is_same_county": county, "lon": point[0], "lat": point[1],
        "reason_zh": listed(r.zh for r in reasons), "reason_en": "; ".join(r.en for r in reasons),
        "order": (not enough, township is not True, county is not True, known[0] != FALSE),
    }  # fmt: skip


def _same(one: str, two: str) -> bool | None:
    return one == two if one and two else None


def _told(answer: bool | None, yes: Text, no: Text, unknown: Text) -> Text:
    return unknown if answer is None else yes if answer else no


def _apart_m(one: shapely.Geometry, two: shapely.Geometry, crs: str) -> float:
    """Return the distance on the ground between two shapes."""
    line: NDArray[np.object_] = np.array([shapely.shortest_line(one, two)], dtype=object)
    return float(ground_length_m(line, crs)[0])


def _degrees(shape: shapely.Geometry, crs: str) -> tuple[float, float]:
    lon, lat = point_in(np.array([shape], dtype=object), crs)
    return float(lon[0]), float(lat[0])

"""Judge every subject of every rule: hit, near, clear, not assessed or needs review, each with its margin."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geosys._errors import CrsError
from geosys._text import Text
from geosys.cases.along import related_along
from geosys.cases.along_doubt import reach_m
from geosys.cases.conditions import FALSE, TODAY, TRUE, UNKNOWN, both, day_of, evaluate
from geosys.cases.doubt import (
    Objects,
    all_in_doubt,
    answers_about,
    lost_objects,
    nearest_in_doubt,
    parted,
    with_lost,
)
from geosys.cases.rule_relations import ABOUT_ALL, ALONG, ATTRIBUTE
from geosys.geo.relations import SLIVER_M2, TOLERANCE_M, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geosys._schema import UsableLayer
    from geosys.cases.rules import Rule
    from geosys.geo.waterway import Waterway

HIT, NEAR, CLEAR, NOT_ASSESSED, NEEDS_REVIEW = "hit", "near", "clear", "not_assessed", "needs_review"
OUTCOMES = (HIT, NEEDS_REVIEW, NEAR, NOT_ASSESSED, CLEAR)  # the gravest first: a subject takes its gravest
PAIR_COLUMNS = [
    "subject", "object", "object_class", "outcome", "is_near", "area_m2", "share", "object_share", "length_m", "distance_m",
    "measure", "margin", "days", "river_m", "why_zh", "why_en",
]  # fmt: skip
PAIRWISE = ("covered_by", "dwithin", "intersects", *ALONG)
UNKNOWN_VALUE = Text("判断所需的属性为空", "an attribute it depends on is missing")
WITHHELD_NEARBY = Text("附近有因数据问题未采用的记录", "a record withheld for a data issue lies there")


@dataclass(frozen=True, slots=True)
class Assessment:
    """Hold the judgement of one rule.

    `pairs` has one row a pair worth telling (hit, near, needs review), columns `PAIR_COLUMNS` with positions in
    subject and object frames (object −1: none; −2−k: the k-th withheld object); `outcomes` one row a subject
    with `subject_id` and its gravest `outcome`; `why` says why a rule could not be assessed at all.
    """

    rule: Rule
    pairs: pd.DataFrame
    outcomes: pd.DataFrame
    why: Text | None = None

    def counts(self) -> dict[str, int]:
        """Return how many subjects have each outcome."""
        found = self.outcomes["outcome"].value_counts()
        return {outcome: int(found.get(outcome, 0)) for outcome in OUTCOMES}


def assess(
    rule: Rule,
    layers: Mapping[str, UsableLayer],
    crs: str,
    today: dt.date,
    waterways: Mapping[str, Waterway] | None = None,
) -> Assessment:
    """Return the judgement of one rule over the layers of a plan; `waterways` are its rivers by line layer.

    A layer that is absent makes all subjects *not assessed*; so does a subject's own withheld row. Where an object
    was withheld, subjects within its reach *need review*: nothing is called clear on the strength of lost data.

    Raises
    ------
    CrsError
        When a layer is not in the plan's CRS.
    """
    missing = [name for name in (rule.subject, rule.object, *rule.requires) if name is not None and name not in layers]
    waterway, unplaced = _waterway_of(rule, waterways or {})
    missing += [name for name in unplaced if name not in missing]
    if rule.subject in missing:
        nobody = pd.DataFrame({"subject_id": [None], "outcome": [NOT_ASSESSED]})
        return Assessment(rule, _no_pairs(), nobody, _absent(missing))
    view = layers[rule.subject]
    population = evaluate(rule.where, view.frame, "subject", today)
    if missing:
        outcomes = _outcomes(rule, view, np.flatnonzero(population != FALSE), _no_pairs(), today)
        if outcomes.empty:
            outcomes = pd.DataFrame({"subject_id": [None]})
        return Assessment(rule, _no_pairs(), outcomes.assign(outcome=NOT_ASSESSED), _absent(missing))
    subjects = np.flatnonzero(population != FALSE)
    if rule.relation == ATTRIBUTE:
        pairs = _judge_attributes(rule, view, subjects, population, today)
    else:
        pairs = _judge_relation(rule, view, layers[str(rule.object)], subjects, population, crs, today, waterway)
    return Assessment(rule, pairs, _outcomes(rule, view, subjects, pairs, today))


def _waterway_of(rule: Rule, waterways: Mapping[str, Waterway]) -> tuple[Waterway | None, list[str]]:
    """Return the rivers a rule runs along, and the layers that stand on none: their lines, or who should stand there."""
    if rule.relation not in ALONG:
        return None, []
    waterway = waterways.get(str(rule.along))
    if waterway is None:
        return None, [str(rule.along)]
    placed = (rule.object,) if rule.relation == "corridor" else (rule.subject, rule.object)
    return waterway, [f"{name} (on {rule.along})" for name in placed if name not in waterway.stops]


def _absent(missing: list[str]) -> Text:
    names = ", ".join(missing)
    return Text(f"缺少图层：{names}", f"layer absent: {names}")


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame(columns=PAIR_COLUMNS)


def _judge_attributes(
    rule: Rule, view: UsableLayer, subjects: NDArray[np.int64], population: NDArray[np.int8], today: dt.date
) -> pd.DataFrame:
    frame = view.frame.iloc[subjects]
    known = population[subjects]
    now = both(known, evaluate(rule.condition, frame, "subject", today))
    soon = both(known, evaluate(rule.condition, frame, "subject", today + dt.timedelta(days=rule.near_days)))
    days = _days_past(rule, frame, today)
    outcome = np.select([now == TRUE, now == UNKNOWN, soon == TRUE], [HIT, NEEDS_REVIEW, NEAR], CLEAR)
    pairs = pd.DataFrame(
        {"subject": subjects, "object": -1, "outcome": outcome, "days": days, "measure": days, "margin": days}
    )
    return _explained(pairs[pairs["outcome"] != CLEAR])


def _days_past(rule: Rule, frame: pd.DataFrame, today: dt.date) -> NDArray[np.float64]:
    """Return by how many days the one deciding date has passed; NaN where no single date decides."""
    dated = [
        c for c in (*rule.condition, *rule.where) if c.test == "before" and c.side == "subject" and c.value == TODAY
    ]
    if len(dated) == 1:
        passed = frame[dated[0].column].map(
            lambda d: (day_of(TODAY, today) - d).days if isinstance(d, dt.date) else np.nan
        )
        return np.asarray(passed, dtype=float)
    return np.full(len(frame), float((today - rule.due_on).days) if rule.due_on else np.nan)


def _judge_relation(
    rule: Rule,
    view: UsableLayer,
    other: UsableLayer,
    subjects: NDArray[np.int64],
    population: NDArray[np.int8],
    crs: str,
    today: dt.date,
    waterway: Waterway | None,
) -> pd.DataFrame:
    terms = terms_of(rule, view, other, crs)
    mine = _objects(view, subjects, crs)
    answers = answers_about(rule, other, today)
    theirs = _objects(other, np.arange(len(other.frame)), crs)
    sure, uncertain = parted(theirs, answers)
    lost = lost_objects(rule, other, today)
    if waterway is not None:
        asked = both(answers, evaluate(rule.condition, other.frame, "object", today)) != FALSE
        pairs = related_along(rule, mine, theirs.where(asked), waterway, terms)
        terms = dataclasses.replace(terms, distance_m=reach_m(rule))
    elif rule.relation in ABOUT_ALL:
        pairs = all_in_doubt(mine, sure, uncertain, lost, rule, terms)
    elif rule.relation == "nearest":
        pairs = nearest_in_doubt(mine, sure, uncertain, lost, rule, terms)
    else:
        pairs = theirs.where(answers != FALSE).related_to(mine, rule, terms).assign(doubtful=False, withheld=False)
    known = _known(rule, pairs, (view, other), subjects, population, answers, today)
    hit = (pairs["state"] == "hit").to_numpy()
    near = (pairs["state"] == "near").to_numpy()
    doubtful = pairs["doubtful"].to_numpy(dtype=bool) & (hit | near) & (known != FALSE)
    outcome = np.select(
        [hit & (known == TRUE) & ~doubtful, (hit & (known == UNKNOWN)) | doubtful, near & (known != FALSE)],
        [HIT, NEEDS_REVIEW, NEAR],
        CLEAR,
    )
    pairs = pairs.assign(outcome=outcome, sure=outcome == HIT, days=np.nan)[outcome != CLEAR]
    if rule.relation in PAIRWISE and len(lost.place):
        pairs = with_lost(pairs, mine, lost, terms)
        pairs["outcome"] = pairs["outcome"].fillna(NEEDS_REVIEW)
    return _explained(pairs.assign(subject=subjects[pairs["subject"].to_numpy(dtype=np.int64)]))


def _known(
    rule: Rule,
    pairs: pd.DataFrame,
    views: tuple[UsableLayer, UsableLayer],
    subjects: NDArray[np.int64],
    population: NDArray[np.int8],
    answers: NDArray[np.int8],
    today: dt.date,
) -> NDArray[np.int8]:
    """Return whether what the rule asks of each pair's attributes holds; of a withheld object nothing is known."""
    view, other = views
    left = subjects[pairs["subject"].to_numpy(dtype=np.int64)]
    known = both(population[left], evaluate(rule.condition, view.frame.iloc[left], "subject", today))
    if rule.relation not in ABOUT_ALL:
        right = pairs["object"].to_numpy(dtype=np.int64)
        there = np.flatnonzero(right >= 0)
        of_object = np.full(len(pairs), UNKNOWN, dtype=np.int8)
        of_object[there] = both(
            answers[right[there]], evaluate(rule.condition, other.frame.iloc[right[there]], "object", today)
        )
        known = both(known, of_object)
    return known


def terms_of(rule: Rule, view: UsableLayer, other: UsableLayer, crs: str) -> Terms:
    """Return the thresholds of a rule; nearness is the accuracy of both layers unless the rule says otherwise.

    What passes as rounding is the larger of what the two layers say against each other's kind of geometry.
    """
    one, two = view.schema, other.schema
    accuracy = float(np.hypot(one.accuracy_m, two.accuracy_m))
    against = ((one, two.geometry), (two, one.geometry))
    return Terms(
        crs=crs,
        near_m=accuracy if rule.near_m is None else rule.near_m,
        tolerance_m=max(schema.tolerances_m.get(kind, TOLERANCE_M) for schema, kind in against),
        sliver_m2=max(schema.slivers_m2.get(kind, SLIVER_M2) for schema, kind in against),
        **({} if rule.relation in ALONG else dict(rule.settings)),
    )


def _objects(view: UsableLayer, rows: NDArray[np.int64], crs: str) -> Objects:
    if view.frame.crs is None or view.frame.crs != crs:
        raise CrsError(f"layer {view.schema.id}: got CRS {view.frame.crs}, expected {crs}. Take the layer in again.")
    shapes = np.asarray(view.frame.geometry.to_numpy()[rows], dtype=object)
    return Objects(shapes, np.asarray(view.frame["feature_id"].to_numpy()[rows], dtype=object), rows)


def _explained(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs in order, each needing review with the reason: the one told with the pair before any other."""
    withheld = pairs["withheld"].eq(True) if "withheld" in pairs else pd.Series(data=False, index=pairs.index)
    review = pairs["outcome"] == NEEDS_REVIEW
    why_zh = np.where(withheld, WITHHELD_NEARBY.zh, np.where(review, UNKNOWN_VALUE.zh, ""))
    why_en = np.where(withheld, WITHHELD_NEARBY.en, np.where(review, UNKNOWN_VALUE.en, ""))
    told = {name: np.full(len(pairs), "", dtype=object) for name in ("why_zh", "why_en")}
    for name in told:
        if name in pairs:
            told[name] = np.where(review, pairs[name].fillna("").to_numpy(dtype=object), "")
    why_zh, why_en = (np.where(told[n] == "", w, told[n]) for n, w in (("why_zh", why_zh), ("why_en", why_en)))
    table = pairs.assign(why_zh=why_zh, why_en=why_en).reindex(columns=PAIR_COLUMNS)
    classes = table["object_class"].astype(object)
    table = table.assign(object_class=classes.where(classes.notna(), ""), is_near=table["is_near"].eq(True))
    return table.sort_values(["subject", "object"], kind="stable").reset_index(drop=True)


def _outcomes(
    rule: Rule, view: UsableLayer, subjects: NDArray[np.int64], pairs: pd.DataFrame, today: dt.date
) -> pd.DataFrame:
    """Return the gravest outcome of each subject asked about, withheld ones included as *not assessed*."""
    rank = {name: i for i, name in enumerate(OUTCOMES)}
    gravest = pd.Series(rank[CLEAR], index=subjects)
    if len(pairs):
        worst = pairs["outcome"].map(rank).groupby(pairs["subject"].to_numpy()).min()
        gravest.loc[worst.index] = worst
    names = view.frame["feature_id"].to_numpy()[subjects]
    rows = pd.DataFrame({"subject_id": names, "outcome": [OUTCOMES[int(r)] for r in gravest.to_numpy()]})
    lost = view.withheld
    asked = evaluate(rule.where, lost, "subject", today) != FALSE
    gone = pd.DataFrame({"subject_id": lost["feature_id"].to_numpy()[asked], "outcome": NOT_ASSESSED})
    gone = gone[~gone["subject_id"].isin(rows["subject_id"])]
    return pd.concat([rows, gone], ignore_index=True) if len(gone) else rows
